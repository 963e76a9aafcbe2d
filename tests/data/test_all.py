"""What holds for the data as a whole: it is small, valid, complete, and described."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from hospital import SYNTHETIC
from pydicom.misc import is_dicom

DATA = Path(__file__).parents[2] / "data"
PARTS = sorted(path.name for path in DATA.iterdir() if path.is_dir() and path.name != "build")
MESSY = json.loads((DATA / "messy.json").read_bytes())
UNSOUND = {DATA / "messy" / name for name, about in MESSY.items() if not about["sound"]}


def files(part):
    return sorted(path for path in (DATA / part).rglob("*") if path.is_file())


def sound(part):
    return [path for path in files(part) if path not in UNSOUND and is_dicom(path)]


def test_the_data_are_small():
    sizes = [path.stat().st_size for path in [*DATA.glob("*.*"), *(path for part in PARTS for path in files(part))]]
    assert sum(sizes) < 30_000_000
    assert max(sizes) < 3_000_000


def test_every_part_is_made_by_the_one_command():
    listed = re.search(r"PARTS = \{(.*?)\}", (DATA / "build" / "__main__.py").read_text(encoding="utf-8"), re.S)[1]
    assert sorted(re.findall(r'"(\w+)": "\w+"', listed)) == PARTS


def test_the_readme_tells_every_part_and_its_size():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)/` \| .* \| (\d+ \| \d+\.\d\d) \|$", readme, re.M))
    assert rows == {
        part: f"{len(files(part))} | {sum(path.stat().st_size for path in files(part)) / 1e6:.2f}" for part in PARTS
    }


def test_no_build_was_killed():
    assert [path for part in PARTS for path in files(part) if path.suffix == ".part"] == []


@pytest.mark.parametrize("part", [part for part in PARTS if sound(part)])
def test_every_file_says_that_it_is_synthetic(part):
    for path in sound(part):
        if path.name != "DICOMDIR":
            assert SYNTHETIC in pydicom.dcmread(path, stop_before_pixels=True).PatientComments, path


@pytest.mark.needs_program("dciodvfy", debian="dicom3tools")
@pytest.mark.parametrize("part", [part for part in PARTS if sound(part)])
def test_dciodvfy_finds_no_error(part):
    def verdict(path):
        done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, errors="replace")
        return done.stderr.splitlines()

    with ThreadPoolExecutor(2) as pool:
        for path, lines in zip(sound(part), pool.map(verdict, sound(part)), strict=True):
            assert lines and [line for line in lines if line.startswith("Error")] == [], path
