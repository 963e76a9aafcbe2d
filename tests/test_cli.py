"""The command safeshare on files and folders, as somebody types it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from safeshare import cli, data, metadata, report

CT, MR = (Path(get_testdata_file(name)) for name in ("CT_small.dcm", "MR_small.dcm"))
METADATA = ["--kinds", "metadata"]


@pytest.fixture
def scans(tmp_path) -> Path:
    """A folder with two scans, in folders, and a text file."""
    folder = tmp_path / "scans"
    (folder / "CompressedSamples CT1").mkdir(parents=True)
    shutil.copy(CT, folder / "CompressedSamples CT1" / "IM1")
    shutil.copy(MR, folder / "mr.dcm")
    (folder / "notes.dcm").write_text("not a scan")
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_strip_writes_copies_with_neutral_names_and_refuses_the_rest(scans, tmp_path, capsys):
    before = {path: path.read_bytes() for path in files(scans)}
    assert cli.main(["strip", str(scans), str(tmp_path / "safe")]) == 1
    out, err = capsys.readouterr()
    assert "3 files: 2 stripped, 1 refused." in out
    (refused,) = (line for line in err.splitlines() if line.startswith("refused"))
    assert str(scans / "notes.dcm") in refused and "it is not a DICOM file" in refused
    copies = files(tmp_path / "safe")
    assert len(copies) == 2
    for copy in copies:
        dataset = dcmread(copy)
        names = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID + ".dcm")
        assert copy.relative_to(tmp_path / "safe").parts == names
    assert {path: path.read_bytes() for path in files(scans)} == before


def test_audit_tells_before_and_after(scans, tmp_path, capsys):
    assert cli.main(["audit", str(scans), *METADATA]) == 1
    assert "2 identify somebody, 0 do not, 1 refused" in capsys.readouterr().out
    (scans / "notes.dcm").unlink()
    assert cli.main(["strip", str(scans), str(tmp_path / "safe"), *METADATA]) == 0
    assert cli.main(["audit", str(tmp_path / "safe"), *METADATA]) == 0
    assert "0 identify somebody, 2 do not" in capsys.readouterr().out


def test_audit_tells_how_grave_it_is_and_where_but_never_what_stands_there(tmp_path, capsys):
    assert cli.main(["audit", str(CT), *METADATA]) == 1
    out = capsys.readouterr().out
    (line,) = (line for line in out.splitlines() if "findings: names somebody" in line)
    assert "PatientName" in line and "PatientID" in line
    assert "findings: helps to find somebody" in out and "findings: needs a person's eye" in out
    for found in metadata.find_file(CT):
        assert len(found.what) < 4 or found.what not in out
    assert cli.main(["audit", str(data.folder("radiographs") / "hand.dcm")]) == 1
    assert "somebody: pixels (objects), " in capsys.readouterr().out, "among all the metadata"
    (tmp_path / "many").mkdir()
    for number in range(30):
        shutil.copy(CT, tmp_path / "many" / f"{number}.dcm")
    cli.main(["audit", str(tmp_path / "many"), *METADATA])
    assert len(capsys.readouterr().out.splitlines()) == len(out.splitlines()) - 1 + 30, "it is told once for all"


def test_export_writes_images_and_a_table_with_the_attributes_that_were_chosen(scans, tmp_path, capsys):
    chosen = ["--keep", "Modality", "--identifying", "PatientID"]
    assert cli.main(["export", str(scans), str(tmp_path / "images"), *METADATA, *chosen]) == 1
    assert "3 files: 2 exported, 1 refused." in capsys.readouterr().out
    with (tmp_path / "images" / "images.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["Modality"] for row in rows] == ["CT", "MR"] or [row["Modality"] for row in rows] == ["MR", "CT"]
    originals = {dcmread(CT).PatientID, dcmread(MR).PatientID}
    assert all(row["PatientID"] and row["PatientID"] not in originals for row in rows)
    pictures = {tmp_path / "images" / row["file"] for row in rows}
    assert set(files(tmp_path / "images")) == pictures | {tmp_path / "images" / "images.csv"}


def test_export_refuses_an_attribute_that_identifies(scans, tmp_path, capsys):
    assert cli.main(["export", str(scans), str(tmp_path / "images"), "--keep", "PatientID"]) == 2
    assert "PatientID" in capsys.readouterr().err and not (tmp_path / "images").exists()


def test_one_file_to_one_file(tmp_path):
    assert cli.main(["strip", str(CT), str(tmp_path / "safe.dcm"), *METADATA]) == 0
    assert (dcmread(tmp_path / "safe.dcm").pixel_array == dcmread(CT).pixel_array).all()


def test_the_report_holds_no_original_value(scans, tmp_path):
    for verb in (["audit", str(scans)], ["strip", str(scans), str(tmp_path / "safe")]):
        cli.main([*verb, "--report", str(tmp_path / "report.json")])
        text = (tmp_path / "report.json").read_text(encoding="utf-8")
        report = json.loads(text)
        assert [entry["number"] for entry in report["files"]] == [1, 2, 3]
        assert any(found["where"] == "PatientName" for found in report["files"][0]["findings"])
        for original in ("CompressedSamples", "1CT1", "4MR1", "20040119", "notes", "scans", "CLUNIE1"):
            assert original not in text


def test_the_name_of_a_folder_is_a_finding(scans, tmp_path):
    cli.main(["audit", str(scans), "--report", str(tmp_path / "report.json")])
    found = json.loads((tmp_path / "report.json").read_text())["files"][0]["findings"]
    assert "file name" in [finding["where"] for finding in found]


def test_a_key_file_makes_the_same_copies_again_whatever_the_number_of_processes(scans, tmp_path):
    key = tmp_path / "key.txt"
    key.write_text("a key for tests, no secret\n")
    for number, name in ((1, "one"), (2, "two")):
        command = ["strip", str(scans), str(tmp_path / name), "--key-file", str(key), "--jobs", str(number)]
        assert cli.main(command) == 1
    one, two = ({p.relative_to(f): p.read_bytes() for p in files(f)} for f in (tmp_path / "one", tmp_path / "two"))
    assert one == two and len(one) == 2


def test_two_files_of_one_instance_are_not_mixed_up(scans, tmp_path, capsys):
    shutil.copy(MR, scans / "mr again.dcm")
    assert cli.main(["strip", str(scans), str(tmp_path / "safe"), *METADATA]) == 1
    assert "another file with the same SOP Instance UID" in capsys.readouterr().err
    assert len(files(tmp_path / "safe")) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["strip", "{scans}", "{scans}/safe"], 'choose a folder outside of "{scans}".'),
        (["strip", "{scans}", "{scans}"], "not empty"),
        (["strip", "{scans}/nowhere", "{tmp}/safe"], "no such file or folder"),
        (["strip", "{scans}", "{scans}/mr.dcm"], "a folder is needed"),
        (["strip", "{scans}/mr.dcm", "{scans}/notes.dcm"], "nothing is overwritten"),
        (["strip", "{scans}", "{tmp}/safe", "--key-file", "{scans}/notes.dcm"], "short key can be guessed"),
        (["strip", "{scans}", "{tmp}/safe", "--key-file", "{tmp}/none"], "No such file"),
        (["audit", "{tmp}/empty"], "no file in this folder"),
        (["audit", "{scans}", "--report", "{scans}/r.html"], "must not lie with the originals"),
        (["audit", "{scans}", "--report", "{tmp}/notes.json"], "nothing is overwritten"),
        (["audit", "{scans}/mr.dcm", "--report", "{tmp}/notes.json"], "nothing is overwritten"),
        (["audit", "{scans}", "--report", "{tmp}/folder.html"], "nothing is overwritten"),
    ],
)
def test_a_wrong_command_gets_one_sentence_and_exit_code_2(words, sentence, scans, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "notes.json").write_text("mine")
    before = {path: path.read_bytes() for path in files(tmp_path)}
    assert cli.main([word.format(scans=scans, tmp=tmp_path) for word in words]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("safeshare: ") and sentence.format(scans=scans) in err and len(err.splitlines()) == 1
    assert out == "", "nothing was done yet"
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has a folder in which nobody can write")
def test_a_report_that_cannot_be_written_is_refused_before_the_work(scans, tmp_path, capsys):
    assert cli.main(["strip", str(scans), str(tmp_path / "safe"), "--report", "/proc/r.html"]) == 2
    assert "nothing can be written into its folder" in capsys.readouterr().err
    assert not (tmp_path / "safe").exists()


def test_what_was_done_is_told_although_the_report_cannot_be_saved(scans, tmp_path, capsys, monkeypatch):
    def full(*what, **how):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report.Report, "save", full)
    words = ["strip", str(scans), str(tmp_path / "safe"), *METADATA, "--report", str(tmp_path / "r.html")]
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert "3 files: 2 stripped, 1 refused." in out and "No space left" in err and "notes.dcm" in err


@pytest.mark.parametrize("words", [["--kinds", "metadata,voices"], ["--jobs", "0"], ["--no-such-option"]])
def test_an_unknown_word_ends_with_code_2(words, scans):
    with pytest.raises(SystemExit) as stop:
        cli.main(["audit", str(scans), *words])
    assert stop.value.code == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFO and asks for a right to make links")
def test_what_is_no_file_is_refused_by_name(scans, tmp_path, capsys):
    os.mkfifo(scans / "fifo")
    (scans / "link").symlink_to(scans / "nowhere")
    (scans / "folder").symlink_to(tmp_path)
    assert cli.main(["strip", str(scans), str(tmp_path / "safe")]) == 1
    err = capsys.readouterr().err
    for name in ("fifo", "link", "folder"):
        assert f"{scans / name}: it is no file that can be opened" in err


def test_a_file_that_breaks_off_leaves_nothing_behind(scans, tmp_path):
    (scans / "mr.dcm").write_bytes(MR.read_bytes()[:-1000])
    assert cli.main(["strip", str(scans), str(tmp_path / "safe")]) == 1
    assert len(files(tmp_path / "safe")) == 1


def test_a_uid_that_is_a_path_does_not_lead_out_of_the_destination(scans, tmp_path):
    data = CT.read_bytes()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        uid = str(dcmread(CT)[keyword].value).encode()
        data = data.replace(uid, b"..".ljust(len(uid)))
    (scans / "CompressedSamples CT1" / "IM1").write_bytes(data)
    assert cli.main(["strip", str(scans), str(tmp_path / "deep" / "safe"), "--retain-uids"]) == 1
    assert len(files(tmp_path / "deep" / "safe")) == 2
    assert len(files(tmp_path)) == 2 + len(files(scans))


@pytest.mark.parametrize("words", [[], ["audit"], ["strip"], ["export"]])
def test_the_help_names_the_exit_codes(words, capsys):
    with pytest.raises(SystemExit):
        cli.main([*words, "--help"])
    assert "exit codes: 0 all is safe" in capsys.readouterr().out


def test_a_terminal_that_lacks_the_letters_of_a_name_gets_them_escaped(scans):
    (scans / "病人.dcm").write_bytes(CT.read_bytes())
    command = [sys.executable, "-m", "safeshare", "audit", str(scans), *METADATA]
    run = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252"})
    assert run.returncode == 1 and b"Traceback" not in run.stderr
    assert rb"\u75c5\u4eba.dcm" in run.stdout and b"4 files: 3 identify somebody" in run.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_summary_that_cannot_be_printed_costs_neither_the_report_nor_the_exit_code(scans, tmp_path):
    command = [sys.executable, "-m", "safeshare", "audit", str(scans), *METADATA, "--report", tmp_path / "r.json"]
    with open("/dev/full", "w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1 and (tmp_path / "r.json").is_file()
    assert run.stderr.splitlines()[-1].endswith("it cannot be told here (No space left on device).")


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("with_key", [True, False])
def test_ctrl_c_gets_one_sentence_that_is_true(tmp_path, monkeypatch, capfd, jobs, with_key):
    def pressed(outcomes, total):
        yield next(iter(outcomes))
        raise KeyboardInterrupt

    (tmp_path / "scans").mkdir()
    source = dcmread(CT)
    for number in range(60):
        source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        source.save_as(tmp_path / "scans" / f"{number}.dcm")
    (tmp_path / "key.txt").write_text("a key for tests, no secret")
    words = ["strip", str(tmp_path / "scans"), str(tmp_path / "safe"), *METADATA, "--jobs", jobs]
    words += ["--key-file", str(tmp_path / "key.txt")] if with_key else []
    monkeypatch.setattr(cli, "_progress", lambda verb: pressed)
    assert cli.main(words) == 130
    mend = "with the same key to go on" if with_key else "with a new or empty folder"
    assert capfd.readouterr().err == f"safeshare: stopped: start again {mend}.\n"
    monkeypatch.undo()
    if with_key:
        assert cli.main(words) == 0 and len(files(tmp_path / "safe")) == 60


def test_the_command_starts_as_a_module():
    done = subprocess.run([sys.executable, "-m", "safeshare", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("safeshare ")
