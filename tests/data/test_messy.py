"""The messy folder holds what messy.json says, and safeshare strips or refuses each file as it says."""

import json
import re
import subprocess
import unicodedata
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.fileset import FileSet

from safeshare import study

DATA = Path(__file__).parents[2] / "data"
MESSY = DATA / "messy"
TRUTH = json.loads((DATA / "messy.json").read_text(encoding="utf-8"))
FILES = sorted(path for path in MESSY.rglob("*") if path.is_file())


def those(**values):
    """Return the paths of the files of which messy.json says this."""
    return [MESSY / name for name, entry in TRUTH.items() if all(entry[key] == value for key, value in values.items())]


def one(ending):
    [path] = [path for path in FILES if path.as_posix().endswith(ending)]
    return path


def test_the_script_makes_the_committed_bytes_again(builder, tmp_path):
    made = builder("messy").build(tmp_path / "messy")
    assert sorted(path.relative_to(tmp_path / "messy") for path in made[:-1]) == [
        path.relative_to(MESSY) for path in FILES
    ]
    for path in made:
        assert path.read_bytes() == (DATA / path.relative_to(tmp_path)).read_bytes(), path


def test_the_truth_names_every_file_and_no_other():
    assert sorted(MESSY / name for name in TRUTH) == FILES


def test_the_folder_is_small():
    assert sum(path.stat().st_size for path in FILES) < 3_000_000


def test_every_system_can_hold_the_names():
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
    for name in TRUTH:
        assert len(f"data/messy/{name}") < 150
        assert unicodedata.is_normalized("NFC", name)
        for part in name.split("/"):
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]|[. ]$|^ ', part) and not reserved.fullmatch(part), part
    assert len({name.casefold() for name in TRUTH}) == len(TRUTH)


def test_the_names_are_as_people_have_them():
    names = " ".join(TRUTH)
    assert "TESTPERSON Ada" in names and "ü" in names and " " in names and ".DCM" in names and "Kopie von" in names
    assert any("." not in path.name for path in FILES)


def test_git_keeps_every_file():
    if not (DATA.parent / ".git").exists():
        pytest.skip("not a clone of the repository")
    found = subprocess.run(["git", "check-ignore", "--stdin"], input="\n".join(map(str, FILES)).encode(), cwd=DATA)
    assert found.returncode == 1


def test_sound_files_read_and_belong_to_whom_the_truth_says():
    for path in those(sound=True):
        ds = dcmread(path)
        if path.name != "DICOMDIR":
            assert [ds.PatientName] == TRUTH[path.relative_to(MESSY).as_posix()]["whose"]
            assert "synthetic data, no real person" in ds.PatientComments
        if "PixelData" in ds:
            assert ds.pixel_array.max() > ds.pixel_array.min()


def test_files_that_are_no_dicom_files_cannot_be_read():
    paths = those(why="it is no DICOM file")
    assert len(paths) == 5
    for path in paths:
        with pytest.raises((InvalidDicomError, EOFError)):
            dcmread(path)


def test_the_cut_file_ends_within_its_pixel_data():
    [path] = those(why="it is not whole")
    content = path.read_bytes()
    whole = [other for other in (DATA / "head" / "ct").iterdir() if other.read_bytes().startswith(content)]
    assert len(whole) == 1 and len(content) < whole[0].stat().st_size
    assert content.find(b"\xe0\x7f\x10\x00") > 0  # the tag of Pixel Data is still there


def test_the_directory_lists_the_files_of_the_cd():
    directory = one("DICOMDIR")
    listed = [Path(instance.path) for instance in FileSet(directory)]
    others = [path for path in directory.parent.rglob("*") if path not in (directory, directory.parent / "READ ME.dcm")]
    assert sorted(listed) == sorted(path for path in others if path.is_file())
    for instance in FileSet(directory):
        assert dcmread(instance.path).SOPInstanceUID == instance.SOPInstanceUID


def test_the_copy_is_a_copy():
    assert one("Kopie von IM_0001").read_bytes() == one("/IM_0001").read_bytes()


def test_the_referral_is_a_pdf_with_a_page(builder):
    messy = builder("messy")
    ds = dcmread(one("Überweisung Testperson.dcm"))
    document = ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength]
    assert document.startswith(b"%PDF-1.4") and document.endswith(b"%%EOF\n")
    table = int(document.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    offsets = [int(line[:10]) for line in document[table:].splitlines()[3:9]]
    assert [document[offset:].split(b" ")[0] for offset in offsets] == [b"1", b"2", b"3", b"4", b"5", b"6"]
    scan = document[offsets[3] :].split(b"stream\n", 1)[1]
    assert unpacked(scan) == messy.referral().tobytes()


def unpacked(packed):
    """Undo PDF's RunLengthDecode, written from its definition (ISO 32000-1, 7.4.5)."""
    data, at = bytearray(), 0
    while (length := packed[at]) != 128:
        if length < 128:
            data += packed[at + 1 : at + 2 + length]
            at += 2 + length
        else:
            data += packed[at + 1 : at + 2] * (257 - length)
            at += 2
    return bytes(data)


@pytest.mark.needs_program("dciodvfy", debian="dicom3tools")
@pytest.mark.parametrize("path", those(sound=True), ids=lambda path: path.name)
def test_dciodvfy_finds_no_error_in_sound_files(path):
    lines = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True).stderr.splitlines()
    assert lines and [line for line in lines if line.startswith("Error")] == []


def test_safeshare_strips_and_refuses_as_the_truth_says(tmp_path):
    outcomes = study.strip(MESSY, tmp_path / "stripped", key="sixteen letters!")
    refused = {outcome.source for outcome in outcomes if outcome.reason}
    assert {outcome.source for outcome in outcomes} == set(FILES)
    assert refused == set(those(tool="refuse"))
