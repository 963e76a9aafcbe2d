"""The lesson's data are found from every place that a learner works in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from safeshare import data

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("place", [".", "notebooks", "episodes", "data/planted", "helpers/safeshare"])
def test_found_from_every_folder_of_the_lesson(monkeypatch, place):
    monkeypatch.chdir(ROOT / place)
    assert data.folder().samefile(ROOT / "data")
    assert data.folder("planted").samefile(ROOT / "data" / "planted")


def test_a_package_installed_in_place_finds_them_from_anywhere(tmp_path):
    script = "from safeshare import data; print(data.folder('planted'))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "helpers")}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert Path(done.stdout.strip()).samefile(ROOT / "data" / "planted"), done.stderr


def test_a_copy_of_the_lesson_uses_its_own_data(tmp_path, monkeypatch):
    (tmp_path / "data" / "planted").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert data.folder("planted").samefile(tmp_path / "data" / "planted")


def test_a_wrong_name_is_told_with_the_right_ones(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(FileNotFoundError, match="no folder 'planets'; they have .*planted"):
        data.folder("planets")


def test_away_from_the_lesson_one_sentence_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "__file__", str(tmp_path / "site-packages" / "safeshare" / "data.py"))
    with pytest.raises(FileNotFoundError, match="run Python in a folder of the lesson's repository"):
        data.folder()
