"""Each copy is opened again before it gets its name: what would leak, or is damaged, never reaches the destination."""

import shutil
import struct
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from canaries import EXPLICIT, JPEG, JPEG_2000, RLE, Canaries, element, image, pixel_data, small_file
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from safeshare import copying, dicomfile, proof, study
from safeshare.deidentify import deidentify
from safeshare.pseudonyms import Pseudonyms

KEY = "a key that only this test uses"
CT = Path(get_testdata_file("CT_small.dcm"))
LEAKS = {
    "name": b"Zyxwvut^Quirinus", "part of the name": b"quirinus", "number": b"ZQ-4711", "birth date": b"19070305",
    "date and time": b"19070305101500", "UID": b"7.7.7.1234.5", "accession number": b"ACC-0815",
    "address": b"Nowhere Lane 5",
}  # fmt: skip


@pytest.fixture
def scan(tmp_path) -> Path:
    dataset = dcmread(CT)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Zyxwvut^Quirinus", "ZQ-4711", "19070305"
    dataset.StudyInstanceUID, dataset.AccessionNumber = "7.7.7.1234.5", "ACC-0815"
    dataset.PatientAddress = "Nowhere Lane 5"
    (tmp_path / "scans").mkdir()
    dataset.save_as(tmp_path / "scans" / "scan.dcm")
    return tmp_path / "scans" / "scan.dcm"


def stripped(path: Path, kinds=("metadata",), **how) -> str:
    """Strip a folder with one file; return the reason, and make sure that a refused file leaves nothing behind."""
    safe = path.parents[1] / "safe"
    (outcome,) = study.strip(path.parent, safe, kinds=kinds, key=KEY, **how)
    left = [each for each in safe.rglob("*") if each.is_file()]
    assert left == ([] if outcome.reason else [outcome.copy])
    shutil.rmtree(safe)
    return outcome.reason


def leaking(monkeypatch, tag: int, value: bytes, vr: str = "LO"):
    """Make stripping forget one element, with this value."""
    real = copying.deidentify

    def forgetful(*args):
        clean, changes = real(*args)
        value_ = value + b" " * (len(value) % 2)
        clean[tag] = RawDataElement(BaseTag(tag), vr, len(value_), value_, 0, False, True)
        return clean, changes

    monkeypatch.setattr(copying, "deidentify", forgetful)


@pytest.mark.parametrize("what", LEAKS)
def test_a_copy_that_still_holds_an_identifier_is_deleted_and_refused(scan, monkeypatch, what):
    assert stripped(scan) == ""
    leaking(monkeypatch, 0x00200062, b"made of " + LEAKS[what])
    reason = stripped(scan)
    assert "its copy still held a name, number, date or UID of the original" in reason
    assert LEAKS[what].decode().lower() not in reason.lower(), "the sentence does not tell it either"


def test_what_an_option_keeps_is_no_leak(scan):
    for option in ("retain_uids", "retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"):
        assert stripped(scan, **{option: True}) == ""


def test_a_date_that_an_option_keeps_may_be_another_that_goes(scan):
    dataset = dcmread(scan)
    dataset.StudyDate = dataset.PatientBirthDate  # a newborn
    dataset.save_as(scan)
    assert stripped(scan, retain_longitudinal_full_dates=True) == ""
    assert stripped(scan, retain_patient_characteristics=True) == ""


@pytest.mark.parametrize(
    ("option", "date"),
    [
        ("retain_longitudinal_modified_dates", b"20040119"),  # the study date, which tells by how much dates moved
        ("retain_longitudinal_modified_dates", b"19070305"),
        ("retain_longitudinal_full_dates", b"19070305"),
        ("retain_device_identity", b"20040119"),
    ],
)
def test_a_date_that_an_option_does_not_keep_is_a_leak(scan, monkeypatch, option, date):
    assert dcmread(scan).StudyDate == "20040119"
    leaking(monkeypatch, 0x00200062, b"made of " + date)
    assert "still held" in stripped(scan, **{option: True})


def test_a_date_may_be_moved_to_where_another_one_was(scan):
    dataset = dcmread(scan)
    moved = datetime.strptime(dataset.StudyDate, "%Y%m%d") + timedelta(Pseudonyms(KEY).days(b"ZQ-4711"))
    dataset.DateOfLastCalibration = f"{moved:%Y%m%d}"
    dataset.save_as(scan)
    assert stripped(scan, retain_longitudinal_modified_dates=True) == ""


@pytest.mark.parametrize(
    "called",
    [
        {"PatientName": "Head^Chest"},
        {"PatientName": "Anonymous^Removed"},
        {"PatientID": "ANONYMOUS"},
        {"PatientID": "BRAIN"},
        {"PatientName": "Li^Xu"},
        {"PatientID": "12"},
        {"PatientID": "1.2"},
        {"PatientID": "840"},
        {"AccessionNumber": "10008"},
    ],
)
def test_a_name_that_stands_in_any_file_by_chance_is_no_reason_to_refuse(scan, called):
    dataset = dcmread(scan)
    for keyword, value in called.items():
        setattr(dataset, keyword, value)
    dataset.BodyPartExamined, dataset.SoftwareVersions = "BRAIN", "10008 of 12 and 840"
    dataset.save_as(scan)
    assert stripped(scan) == ""


def test_what_was_stripped_can_be_stripped_again(scan, tmp_path):
    for number, source in ((1, scan.parent), (2, tmp_path / "safe1"), (3, tmp_path / "safe2")):
        key = KEY if number != 3 else "another key for the third time"
        report = study.strip(source, tmp_path / f"safe{number}", kinds=["metadata"], key=key)
        assert [outcome.reason for outcome in report] == [""]


def test_numbers_count_only_by_themselves_and_words_anywhere():
    for secret, text, stands in (
        (b"19070305", b"DA\x08\x0019070305", True),
        (b"19070305", b"DT\x0e\x0019070305101500", True),
        (b"19070305", b"2.25.19070305123", False),
        (b"19070305", b"2.25.319070305", False),
        (b"19070305", b"319070305 and 19070305 ", True),
        (b"7.7.7.1234", b"7.7.7.1234\x00", True),
        (b"7.7.7.1234", b"7.7.7.12345", False),
        (b"7.7.7.1234", b"7.7.7.1234.5", False),
        (b"quirinus", b"xxquirinusxx", True),
    ):
        assert proof._stands(secret, text) == stands, (secret, text)


@pytest.mark.parametrize("at", [0, 1, 2, 3, (1 << 18) - 5, (1 << 18) - 8, 400_003])
def test_a_name_that_is_written_in_the_pixels_is_found_wherever_it_begins(scan, at):
    dataset = dcmread(scan)
    dataset.Rows = dataset.Columns = 512  # two chunks of the proof
    noise = np.random.default_rng(at).integers(-1000, 3000, (512, 512), dtype=np.int16).tobytes()
    dataset.PixelData = noise
    dataset.save_as(scan)
    assert stripped(scan) == ""
    dataset.PixelData = noise[:at] + b"ZYXWVUT" + noise[at + 7 :]
    dataset.save_as(scan)
    assert "still held" in stripped(scan)


@pytest.mark.parametrize("seed", range(4))
def test_pixels_that_look_like_letters_are_no_identifiers(scan, seed):
    dataset = dcmread(scan)
    dataset.Rows = dataset.Columns = 256
    letters = np.random.default_rng(seed).integers(0x30, 0x7B, 256 * 256 * 2, dtype=np.uint8)
    dataset.PixelData = letters.tobytes()
    dataset.save_as(scan)
    assert stripped(scan) == ""


def damaged(monkeypatch, damage):
    """Let the disk keep something else than what was written."""
    real = dicomfile.write

    def write(out, dataset, syntax, pixels):
        real(out, dataset, syntax, pixels)
        out.flush()
        data = damage(bytearray(Path(out.name).read_bytes()))
        out.seek(0)
        out.truncate()
        out.write(data)

    monkeypatch.setattr(dicomfile, "write", write)


def flipped(data):
    data[-77] ^= 1
    return data


def resized(data):
    place = data.index(struct.pack("<HH2sH", 0x0028, 0x0010, b"US", 2)) + 8
    data[place] ^= 2
    return data


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (flipped, "the pixels of its copy"),
        (resized, "the pixels of its copy"),
        (lambda data: data[:-2], "its copy"),
        (lambda data: data + b"more", "the pixels of its copy"),
        (lambda data: data[:400], "its copy"),
        (lambda data: bytearray(len(data)), "cannot be read back"),
        (lambda data: data[:0], "cannot be read back"),
    ],
)
def test_a_copy_with_other_bytes_than_it_should_have_is_refused(scan, monkeypatch, damage, sentence):
    damaged(monkeypatch, damage)
    assert sentence in stripped(scan)


@pytest.mark.parametrize("syntax", [JPEG, JPEG_2000, RLE])
def test_compressed_pixels_may_lose_their_comments_and_nothing_else(tmp_path, monkeypatch, syntax):
    path = tmp_path / "scans" / "scan.dcm"
    path.parent.mkdir()
    path.write_bytes(small_file(syntax, image(syntax), pixel_data(syntax, Canaries())))
    assert stripped(path) == ""
    damaged(monkeypatch, lambda data: data[:-40] + bytes([data[-40] ^ 0x15]) + data[-39:])
    assert "its copy" in stripped(path)


def test_a_name_in_the_comment_of_a_compressed_picture_is_found(tmp_path, monkeypatch):
    path = tmp_path / "scans" / "scan.dcm"
    path.parent.mkdir()
    made = Canaries()
    data = small_file(JPEG, image(JPEG), pixel_data(JPEG, made))
    comment = next(each for each, place in made.places.items() if place == ("compressed", "comment"))
    path.write_bytes(data.replace(comment, b"PAT12345"))
    assert stripped(path) == "", "the comment goes"
    monkeypatch.setattr("safeshare.pixeldata.blank", lambda frame, syntax, pixels: bytes(frame))
    assert "still held" in stripped(path)


def test_a_deflated_copy_is_unpacked_to_be_searched(scan, monkeypatch):
    dataset = dcmread(scan)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(scan)
    assert stripped(scan) == ""
    leaking(monkeypatch, 0x00200062, b"Zyxwvut")
    assert "still held" in stripped(scan)


def test_a_file_without_pixels_is_searched_as_well(tmp_path, monkeypatch):
    path = tmp_path / "scans" / "report.dcm"
    path.parent.mkdir()
    plain = {0x00080016: b"1.2.840.10008.5.1.4.1.1.88.11"}
    path.write_bytes(small_file(EXPLICIT, {tag: element(EXPLICIT, tag, "UI", value) for tag, value in plain.items()}))
    assert stripped(path) == ""
    leaking(monkeypatch, 0x00200062, b"PAT12345")
    assert "still held" in stripped(path)


def test_identifiers_inside_removed_sequences_are_known():
    inner, dataset = Dataset(), dcmread(CT)
    inner[0x00100020] = RawDataElement(BaseTag(0x00100020), "LO", 8, b"OLD-4712", 0, False, True)
    dataset.OtherPatientIDsSequence = [inner]
    pseudonyms = Pseudonyms(KEY)
    _, changes = deidentify(dataset, dataset.file_meta, pseudonyms, {})
    assert b"old-4712" in proof.identifiers(dataset, changes, pseudonyms, {})


def test_of_a_date_with_a_time_the_date_is_looked_for():
    dataset = dcmread(CT)
    dataset.AcquisitionDateTime = "20310708091011"
    pseudonyms = Pseudonyms(KEY)
    _, changes = deidentify(dataset, dataset.file_meta, pseudonyms, {})
    assert b"20310708" in proof.identifiers(dataset, changes, pseudonyms, {})


def test_an_identifier_is_looked_for_even_if_nobody_says_that_it_was_changed(scan, monkeypatch):
    """So a rule that is missing for the name itself is found, too."""
    real = copying.deidentify

    def forgetful(dataset, *args):
        clean, changes = real(dataset, *args)
        clean[0x00100010] = dataset.get_item(0x00100010)
        return clean, [change for change in changes if change.tag != 0x00100010]

    monkeypatch.setattr(copying, "deidentify", forgetful)
    assert "still held" in stripped(scan)


def test_without_metadata_a_copy_must_have_the_very_bytes(scan, monkeypatch, tmp_path):
    (outcome,) = study.strip(scan.parent, tmp_path / "one", kinds=["faces"])
    assert outcome.reason == "" and outcome.copy.read_bytes() == scan.read_bytes()
    real = shutil.copyfileobj

    def short(source, target):
        real(source, target)
        target.seek(-10, 1)
        target.write(b"other")

    monkeypatch.setattr("safeshare.copying.shutil.copyfileobj", short)
    (outcome,) = study.strip(scan.parent, tmp_path / "two", kinds=["faces"])
    assert "cannot be read back" in outcome.reason and not list((tmp_path / "two").rglob("*.dcm"))


def test_changed_pixels_are_proved_against_what_they_were_changed_to(scan, monkeypatch):
    changed = dcmread(scan)
    changed.PixelData = bytes(len(changed.PixelData))
    changed.SOPInstanceUID = changed.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5.6.7"
    old = dcmread(scan).SOPInstanceUID.encode()
    monkeypatch.setattr("safeshare.pixel_kinds.stripper", lambda *args: lambda path: (changed, []))
    assert stripped(scan, kinds=["metadata", "faces"]) == ""
    leaking(monkeypatch, 0x00200062, old)
    assert "still held" in stripped(scan, kinds=["metadata", "faces"]), "the UID of the original is known, too"
    monkeypatch.undo()
    changed.Rows //= 2
    changed.PixelData = changed.PixelData[: len(changed.PixelData) // 2]
    monkeypatch.setattr("safeshare.pixel_kinds.stripper", lambda *args: lambda path: (changed, []))
    assert "the pixels of its copy" in stripped(scan, kinds=["metadata", "faces"]), "half of the image"


def test_changed_pixels_of_a_long_clip_are_written_by_way_of_one_copy(scan, monkeypatch):
    changed = dcmread(scan)
    changed.NumberOfFrames, changed.PixelData = 300, bytes(300 * len(changed.PixelData))
    monkeypatch.setattr("safeshare.pixel_kinds.stripper", lambda *args: lambda path: (changed, []))
    changed.save_as(scan)
    tracemalloc.start()
    assert stripped(scan, kinds=["metadata", "faces"]) == ""
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1.7 * len(changed.PixelData), "what reads and writes takes a part of this small one, too"
