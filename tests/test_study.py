"""A folder through the command, all kinds at once: nothing is left to find, and what belongs together still does."""

import json
import shutil
import subprocess
import sys
import time
import zlib
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import burned_in
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from safeshare import cli, data, decoding, faces, metadata, study, text, volume

ALL = ["ultrasound/abdomen.dcm", "head/ct", "head/RS.brain.dcm", "head/SR.report.dcm", "head/pet", "planted"]
KEY = "a key that only this test uses"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in files(folder)}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Strip Ada's study and an ultrasound with the command; return both folders, what it said and the exit code."""
    top = tmp_path_factory.mktemp("study")
    for name in ALL:
        place, target = data.folder(name.split("/")[0]) / Path(*name.split("/")[1:]), top / "scans" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(place, target) if place.is_dir() else shutil.copy(place, target)
    files(top / "scans" / "head" / "pet")[40].unlink()  # leaves a gap
    (top / "key.txt").write_text(KEY)
    before = contents(top / "scans")
    words = ["strip", str(top / "scans"), str(top / "safe"), "--key-file", str(top / "key.txt"), "--jobs", "2"]
    code = cli.main([*words, "--report", str(top / "report.json")])
    assert contents(top / "scans") == before, "originals stay"
    return top, code, json.loads((top / "report.json").read_text())


@pytest.fixture(scope="module")
def copies(done):
    """Return the data set of each copy by the name of its original."""
    top, _, report = done
    originals = files(top / "scans")
    return {
        originals[entry["number"] - 1].relative_to(top / "scans").as_posix(): dcmread(top / "safe" / entry["copy"])
        for entry in report["files"]
        if "copy" in entry
    }


def test_what_cannot_be_told_is_refused_as_a_series_and_the_rest_goes_on(done, copies):
    top, code, report = done
    refused = [entry["reason"] for entry in report["files"] if entry["result"] == "refused"]
    assert code == 1
    assert len(refused) == 95
    assert all("its series is left out as a whole" in reason for reason in refused)
    assert len(files(top / "safe")) == len(copies) == len(report["files"]) - 95 == 160 + 3 + 8
    assert report["kinds"] == list(study.KINDS)


def test_no_metadata_is_left_to_find(done):
    assert [path for path in files(done[0] / "safe") if metadata.find_file(path)] == []


def test_no_face_is_left_to_find(copies):
    slices = [dataset for name, dataset in copies.items() if name.startswith("head/ct")]
    assert faces.find(volume.read(slices)) == []
    assert {dataset.RecognizableVisualFeatures for dataset in slices} == {"NO"}


def test_slices_without_a_face_keep_their_pixels(done, copies):
    same = [
        name
        for name, dataset in copies.items()
        if name.startswith("head/ct") and dataset.PixelData == dcmread(done[0] / "scans" / name).PixelData
    ]
    assert 10 < len(same) < 160
    mask = "planted/TESTPERSON_ADA_20240311/bleeding_seg.dcm"
    assert copies[mask].PixelData == dcmread(done[0] / "scans" / mask).PixelData


def test_the_burned_in_text_is_blank(done, copies):
    name = "ultrasound/abdomen.dcm"
    truth = json.loads((data.folder("ultrasound") / "abdomen.json").read_text())
    for dataset, blank in ((copies[name], True), (dcmread(done[0] / "scans" / name), False)):
        picture = dataset.pixel_array
        for line in truth["texts"]:
            x0, y0, x1, y1 = line["box"]
            if line["role"] == "identifying":
                assert (np.ptp(picture[y0:y1, x0:x1]) == 0) == blank, line["text"]
    codes = [code.CodeValue for code in copies[name].DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113101"]
    assert copies[name].BurnedInAnnotation == "YES", "nobody has looked at it"


def uids(dataset):
    for element in dataset:
        if element.VR == "SQ":
            for each in element.value:
                yield from uids(each)
        elif element.VR == "UI" and element.value:
            yield str(element.value)


@pytest.mark.parametrize("name", ["head/RS.brain.dcm", "head/SR.report.dcm"])
def test_references_to_changed_images_still_lead_to_them(done, copies, name):
    new = {}
    for path, dataset in copies.items():
        old = dcmread(done[0] / "scans" / path, stop_before_pixels=True)
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            new[old[keyword].value] = dataset[keyword].value
    led_to = {new[uid] for uid in uids(dcmread(done[0] / "scans" / name)) if uid in new}
    leads_to = set(uids(copies[name]))
    lost = led_to - leads_to
    assert len(led_to) > (160 if "RS" in name else 3)
    assert lost == set() or name.endswith("report.dcm"), "the profile takes the report's content away"
    assert leads_to.isdisjoint(new), "no reference to an original"


# Small scans of nothing but a bar of plastic.


def scan(folder: Path, slices=6, words="", **changes) -> list[Path]:
    folder.mkdir(parents=True)
    y, x = np.mgrid[:128, :128]
    picture = np.where((abs(y - 70) < 8) & (abs(x - 64) < 8), 1040, 24).astype("<u2")
    if words:
        cover, _ = burned_in.lettering(words, "DejaVuSans", 9, 0)
        part = picture[4 : 4 + cover.shape[0], 4 : 4 + cover.shape[1]]
        part[cover > 0.4] = 4000
    source = dcmread(get_testdata_file("CT_small.dcm"))
    source.Rows, source.Columns, source.PixelRepresentation = *picture.shape, 0
    source.BitsAllocated, source.BitsStored, source.HighBit = 16, 12, 11
    source.RescaleIntercept, source.PixelSpacing = -1024, [2, 2]
    for keyword, value in changes.items():
        setattr(source, keyword, value)
    paths = []
    for number in range(slices):
        if words and slices > 1:  # something moves through, behind the text
            picture[:30][picture[:30] < 4000] = 24
            picture[:30, number * 20 :][:, :20] = np.maximum(picture[:30, number * 20 :][:, :20], 3500)
        shown = 4095 - picture if source.PhotometricInterpretation == "MONOCHROME1" else picture
        source.PixelData = shown.astype("<u2").tobytes()
        source.ImagePositionPatient = [-128, -128, 5 * number]
        source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        paths.append(folder / f"{number}.dcm")
        source.save_as(paths[-1])
    return paths


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_text_on_all_slices_of_a_scan_is_found_and_blanked_on_each(tmp_path, photometric):
    paths = scan(tmp_path / "scans", words="SPECIMEN ROSA", PhotometricInterpretation=photometric)
    outcomes = study.strip(tmp_path / "scans", tmp_path / "safe", kinds=["text"], key=KEY)
    assert [outcome.reason for outcome in outcomes] == [""] * 6
    for path, outcome in zip(paths, outcomes, strict=True):
        old, new = dcmread(path), dcmread(outcome.copy)
        white = 4000 if photometric == "MONOCHROME2" else 95
        assert (old.pixel_array == white).any() and not (new.pixel_array == white).any()
        assert (new.pixel_array == old.pixel_array)[30:].all()
        assert {found.kind for found in outcome.findings} == {"text"}
        assert {found.what for found in outcome.findings} == {""}, "reports hold no words"
        assert new.PatientName == old.PatientName, "only text was asked for"
    left = [each.findings for each in study.audit(tmp_path / "safe", kinds=["text"])]
    assert [[found.where for found in findings] for findings in left] == [["BurnedInAnnotation"]] * 6


def test_slices_that_break_off_or_are_there_twice_are_refused_without_the_others(tmp_path):
    (broken, *whole) = scan(tmp_path / "scans")
    broken.write_bytes(broken.read_bytes()[:-5000])
    shutil.copy(whole[0], tmp_path / "scans" / "twice.dcm")
    reasons = {outcome.source.name: outcome.reason for outcome in study.strip(tmp_path / "scans", tmp_path / "safe")}
    assert "breaks off" in reasons.pop(broken.name)
    assert "same SOP Instance UID" in reasons.pop("twice.dcm")
    assert len(reasons) == len(whole) and not any(reasons.values())


def test_a_slice_that_says_that_it_has_text_is_looked_at_by_itself(tmp_path):
    scan(tmp_path / "scans")
    path = scan(tmp_path / "other", slices=1, words="SPECIMEN ROSA", SOPClassUID=CTImageStorage)[0]
    for said, found in (("NO", False), ("YES", True)):
        dataset = dcmread(path)
        dataset.BurnedInAnnotation, dataset.ImagePositionPatient = said, [-128, -128, 30]
        dataset.SOPInstanceUID += ".6"
        dataset.save_as(tmp_path / "scans" / "6.dcm")
        outcomes = study.audit(tmp_path / "scans", kinds=["text"])
        boxes = [any(isinstance(each, text.TextFinding) for each in outcome.findings) for outcome in outcomes]
        assert boxes == [False] * 6 + [found]


def test_what_a_program_computed_is_no_picture_with_text(tmp_path):
    for uid, found in (("1.2.840.10008.5.1.4.1.1.481.2", False), (SecondaryCaptureImageStorage, True)):
        (path,) = scan(tmp_path / uid, slices=1, words="SPECIMEN ROSA", SOPClassUID=uid)
        assert bool(study.audit(path, kinds=["text"])[0].findings) == found


def test_a_file_without_file_meta_information_is_treated_as_well(tmp_path):
    (path,) = scan(tmp_path / "scans", slices=1, words="SPECIMEN ROSA", SOPClassUID=SecondaryCaptureImageStorage)
    dataset = dcmread(path)
    bare = Dataset()
    bare.update(dataset)
    bare.save_as(path, implicit_vr=True, little_endian=True)
    (outcome,) = study.strip(path, tmp_path / "safe.dcm")
    assert outcome.reason == "" and dcmread(outcome.copy).pixel_array.max() < 4000


def test_a_damaged_value_is_refused_with_a_sentence(tmp_path):
    for outcome in (
        *study.audit(Path(get_testdata_file("badVR.dcm"))),
        *study.strip(Path(get_testdata_file("badVR.dcm")), tmp_path),
    ):
        assert "its header does not tell how many pixels there are" in outcome.reason


def test_an_image_that_breaks_off_between_two_elements_is_refused(tmp_path):
    path = tmp_path / "scan.dcm"
    path.write_bytes(Path(get_testdata_file("CT_small.dcm")).read_bytes()[:900])
    assert metadata.find_file(path), "it reads like a whole file"
    for kinds in (["metadata"], ["text"]):
        (outcome,) = study.strip(path, tmp_path / "safe", kinds=kinds)
        assert "an image without pixels" in outcome.reason
    assert files(tmp_path) == [path]


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_is_made_to_keep_its_reader_busy_is_refused(tmp_path, packed):
    path = tmp_path / "bomb.dcm"
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    syntax = DeflatedExplicitVRLittleEndian if packed else ExplicitVRLittleEndian
    dataset.SOPInstanceUID, dataset.file_meta.TransferSyntaxUID = "1.2.3", syntax
    dataset.save_as(path, enforce_file_format=True)
    much = bytes(1 << 20)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [deflate.compress(much) for _ in range(200)] if packed else [much] * 4
    start = dicomfile_start(path) if packed else path.read_bytes()
    path.write_bytes(start + b"".join(parts) + (deflate.flush() if packed else b""))
    (outcome,) = study.strip(path, tmp_path / "safe", kinds=["metadata"])
    assert ("far more than its size" if packed else "more elements") in outcome.reason


def dicomfile_start(path):
    """Return a file up to where its data set begins."""
    data = path.read_bytes()
    return data[: 144 + int.from_bytes(data[140:144], "little")]


@pytest.mark.parametrize("kinds", ["faces", "text", "metadata"])
@pytest.mark.parametrize("verb", ["audit", "strip"])
def test_a_document_is_refused_whatever_is_looked_for(tmp_path, kinds, verb):
    (path,) = scan(tmp_path / "scans", slices=1, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    work = study.audit if verb == "audit" else partial(study.strip, destination=tmp_path / "safe")
    (outcome,) = work(path, kinds=[kinds])
    assert "wraps a document" in outcome.reason


def test_a_scan_without_face_and_text_keeps_its_bytes(tmp_path):
    paths = scan(tmp_path / "scans")
    outcomes = study.strip(tmp_path / "scans", tmp_path / "safe", kinds=["text", "faces"])
    assert [outcome.copy.read_bytes() for outcome in outcomes] == [path.read_bytes() for path in paths]
    assert study.audit(tmp_path / "safe", kinds=["faces", "text"])[0].findings == []


def test_one_slice_that_cannot_be_read_keeps_back_its_series_and_no_other(tmp_path):
    paths = scan(tmp_path / "scans" / "one")
    scan(tmp_path / "scans" / "two", SeriesInstanceUID="1.2.3.5")
    broken = dcmread(paths[2])
    broken.PixelData = broken.PixelData[:1000]
    broken.save_as(paths[2])
    outcomes = study.strip(tmp_path / "scans", tmp_path / "safe", kinds=["metadata", "faces"])
    assert ["its series is left out as a whole: its pixel data" in each.reason for each in outcomes[:6]] == [True] * 6
    assert [outcome.reason for outcome in outcomes[6:]] == [""] * 6
    assert len(files(tmp_path / "safe")) == 6


def test_a_uid_that_is_to_be_kept_is_kept_by_a_changed_image(tmp_path):
    scan(tmp_path / "scans", words="SPECIMEN ROSA", slices=2)
    assert cli.main(["strip", str(tmp_path / "scans"), str(tmp_path / "safe"), "--retain-uids"]) == 0
    assert {dcmread(path).SOPInstanceUID for path in files(tmp_path / "safe")} == {"1.2.3.4.0", "1.2.3.4.1"}


def test_a_multi_frame_scan_is_looked_at_as_a_volume(tmp_path, monkeypatch):
    (path,) = scan(tmp_path / "scans", slices=1, SOPClassUID=CTImageStorage, NumberOfFrames=2)
    seen = []
    monkeypatch.setattr(volume, "read", lambda paths: seen.append(paths) or faces)
    monkeypatch.setattr(faces, "find", lambda scan: [])
    study.audit(path, kinds=["faces"])
    assert [list(paths) for paths in seen] == [[path]]


def test_any_executor_does_the_work(tmp_path):
    scan(tmp_path / "scans", words="SPECIMEN ROSA")
    strip = partial(study.strip, tmp_path / "scans", kinds=["metadata", "text"], key=KEY)
    strip(destination=tmp_path / "one")
    with ThreadPoolExecutor(1) as executor:
        strip(destination=tmp_path / "two", executor=executor)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") != {}


@pytest.mark.parametrize("kinds", ["faces", "text", "text,faces"])
@pytest.mark.parametrize("verb", ["audit", "strip"])
def test_what_cannot_be_read_is_refused_whatever_is_looked_for(tmp_path, capsys, kinds, verb):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "notes.dcm").write_text("not a scan")
    words = [verb, str(tmp_path / "scans")] + [str(tmp_path / "safe")] * (verb == "strip")
    assert cli.main([*words, "--kinds", kinds]) == 1
    assert "it is not a DICOM file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        ("metadata", "Only metadata was looked at: faces, burned-in text and objects in the pixels can identify, too."),
        ("text,metadata", "Only metadata and burned-in text were looked at: faces and objects in the pixels can"),
        ("faces", "Only faces were looked at: metadata, burned-in text and objects in the pixels can identify, too."),
    ],
)
def test_the_last_sentence_tells_what_was_looked_at(tmp_path, capsys, kinds, sentence):
    scan(tmp_path / "scans", slices=2)
    cli.main(["audit", str(tmp_path / "scans"), "--kinds", kinds])
    assert sentence in capsys.readouterr().out


def test_a_missing_part_is_named_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    scan(tmp_path / "scans", slices=2)
    monkeypatch.delitem(sys.modules, "safeshare.text_detector", raising=False)
    monkeypatch.delattr("safeshare.text_detector", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert cli.main(["strip", str(tmp_path / "scans"), str(tmp_path / "safe")]) == 2
    assert 'pip install ".[text]"' in capsys.readouterr().err, "not by its name, which anybody could register"
    assert not (tmp_path / "safe").exists()
    assert cli.main(["strip", str(tmp_path / "scans"), str(tmp_path / "safe"), "--kinds", "metadata,faces"]) == 0


@pytest.fixture
def stopped(tmp_path):
    """Return a command for 120 files that was killed in the middle, three times."""
    scans = tmp_path / "scans"
    scans.mkdir()
    source = dcmread(get_testdata_file("CT_small.dcm"))
    for number in range(120):
        source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        source.save_as(scans / f"{number:03}.dcm")
    key = tmp_path / "key.txt"
    key.write_text(KEY)
    words = ["strip", str(scans), str(tmp_path / "safe"), "--kinds", "metadata", "--key-file", str(key)]
    for finished in (10, 30, 60):
        process = subprocess.Popen([sys.executable, "-m", "safeshare", *words], stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list((tmp_path / "safe").rglob("[0-9]*.dcm"))) < finished:
            time.sleep(0.002)
        process.kill()
        process.wait()
    return words, tmp_path / "safe"


def test_a_killed_run_leaves_no_half_file_and_goes_on_where_it_was(stopped, capsys):
    words, safe = stopped
    before = {path: path.stat().st_mtime_ns for path in safe.rglob("[0-9]*.dcm")}
    assert 60 <= len(before) < 120, "it was killed in the middle"
    assert [path for path in before if metadata.find_file(path)] == []
    assert (safe / ".safeshare").is_file()
    half = next(iter(before)).with_name(".0123456789abcdef.part")
    half.write_bytes(b"half")
    assert cli.main(words) == 0
    assert "120 files: 120 stripped, 0 refused." in capsys.readouterr().out
    assert len(files(safe)) == 120, "neither the mark nor a half file is left"
    assert {path: path.stat().st_mtime_ns for path in before} == before, "what was done is not done again"
    assert cli.main(words) == 2
    assert "this folder is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("other", [["--retain-uids"], ["--kinds", "metadata,faces"], ["--key-file", "{key}"]])
def test_a_run_goes_on_only_with_what_it_was_begun_with(tmp_path, capsys, other):
    (tmp_path / "other.txt").write_text("another key of this test")
    (tmp_path / "key.txt").write_text(KEY)
    scan(tmp_path / "scans", slices=2)
    words = ["strip", str(tmp_path / "scans"), str(tmp_path / "safe"), "--key-file", str(tmp_path / "key.txt")]
    words += ["--kinds", "metadata"]
    task = study.Task(("metadata",), {}, Path(), key=KEY)
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / ".safeshare").write_bytes(study._settings(task))
    assert cli.main(words + [word.format(key=tmp_path / "other.txt") for word in other]) == 2
    assert "a run was stopped here" in capsys.readouterr().err
    assert cli.main(words) == 0


def test_finished_scans_are_not_looked_at_again_and_doubles_are_still_told(tmp_path, monkeypatch):
    scan(tmp_path / "scans" / "one")
    other = {"SOPClassUID": SecondaryCaptureImageStorage, "SeriesInstanceUID": "1.2.3.6", "Modality": "OT"}
    (double,) = scan(tmp_path / "scans" / "two", slices=1, **other)
    shutil.copy(double, tmp_path / "scans" / "two" / "again.dcm")
    strip = partial(study.strip, tmp_path / "scans", tmp_path / "safe", kinds=["metadata", "faces"], key=KEY)
    with pytest.raises(KeyboardInterrupt):
        strip(progress=stop_at_the_end)
    monkeypatch.setattr(volume, "read", None)
    reasons = [outcome.reason for outcome in strip()]
    assert [bool(reason) for reason in reasons] == [False] * 7 + [True]
    assert "another file with the same SOP Instance UID" in reasons[-1]
    assert len(files(tmp_path / "safe")) == 7


def test_each_file_comes_out_as_it_would_by_itself(tmp_path):
    """What was the same in the last file is not worked out again, and yet nothing of it may be missing in this one."""
    scan(tmp_path / "in", slices=6)
    for number, path in enumerate(files(tmp_path / "in")):
        dataset = dcmread(path)
        dataset.PatientName, dataset.PatientID, dataset.StudyDate = "Fictia^Adalbert", "ZQ4711", "20200229"
        dataset.OtherPatientIDsSequence = [Dataset()]
        dataset.OtherPatientIDsSequence[0].PatientID = "QX0815"
        if number == 1:
            dataset.SpecificCharacterSet = "ISO_IR 192"
        if number in (2, 5):  # names are known from elements that were there before
            dataset.Manufacturer, dataset.ConvolutionKernel = "made for Adalbert", "kernel of QX0815"
        if number == 3:  # another patient, whose dates move by other days
            dataset.PatientID = "ZQ4712"
        if number == 4:  # the same value as before, where it is nobody's name
            dataset.PatientName, dataset.Manufacturer, dataset.OtherPatientIDsSequence = "", "made for Adalbert", []
        dataset.save_as(path)
    options = {"retain_longitudinal_modified_dates": True}
    together = study.strip(tmp_path / "in", tmp_path / "out", kinds=["metadata"], key=KEY, **options)
    made = [dcmread(outcome.copy) for outcome in together]
    for outcome, copy in zip(together, made, strict=True):
        source = dcmread(outcome.source)
        source.pop("DataSetTrailingPadding", None)  # behind the pixels, where a copy ends
        assert copy == metadata.strip(source, key=KEY, **options)
        assert [each.where for each in outcome.findings] == [each.where for each in metadata.find(source, **options)]
    for number in (2, 5):
        assert "Adalbert" not in made[number].Manufacturer and "QX0815" not in made[number].ConvolutionKernel
    assert made[0].StudyDate == made[2].StudyDate != made[3].StudyDate
    assert made[4].Manufacturer == "made for Adalbert"


def test_an_image_that_is_too_large_for_the_memory_is_refused_with_that_reason(tmp_path, monkeypatch):
    def load(path, folder):
        raise MemoryError

    scan(tmp_path / "in", slices=1)
    monkeypatch.setattr(decoding, "load", load)
    (outcome,) = study.strip(tmp_path / "in", tmp_path / "out", kinds=["metadata", "text"])
    assert "do not fit into memory" in outcome.reason and files(tmp_path / "out") == []


def stop_at_the_end(outcomes, total):
    list(outcomes)
    raise KeyboardInterrupt


def test_a_dry_run_writes_nothing_and_tells_the_same(tmp_path, capsys):
    scan(tmp_path / "scans", slices=2, words="SPECIMEN ROSA")
    (tmp_path / "scans" / "notes.dcm").write_text("not a scan")
    words = ["strip", str(tmp_path / "scans"), str(tmp_path / "safe")]
    assert cli.main([*words, "--dry-run", "--report", str(tmp_path / "report.json")]) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["summary"] == {"refused": 1, "would be stripped": 2} and not any("copy" in f for f in report["files"])
    out = capsys.readouterr().out
    assert "3 files: 2 would be stripped, 1 refused." in out and "Text was found in 2 of them" in out
    assert "look at their copies" not in out, "there are none"
    assert not (tmp_path / "safe").exists()
    assert cli.main(words) == 1
    assert "3 files: 2 stripped, 1 refused." in capsys.readouterr().out


def test_nothing_heavy_is_imported_for_metadata_alone(tmp_path):
    scan(tmp_path / "scans", slices=1)
    code = (
        "import sys; from safeshare import cli; cli.main(sys.argv[1:]);"
        "sys.exit(len({'onnxruntime', 'scipy', 'safeshare.faces'} & set(sys.modules)))"
    )
    words = ["strip", tmp_path / "scans", tmp_path / "safe", "--kinds", "metadata"]
    assert subprocess.run([sys.executable, "-c", code, *words]).returncode == 0


def test_a_process_that_is_gone_gets_a_sentence(tmp_path, capsys, monkeypatch):
    scan(tmp_path / "scans", slices=1)
    monkeypatch.setattr(study, "audit", lambda *paths, **options: gone())
    assert cli.main(["audit", str(tmp_path / "scans"), "--jobs", "2"]) == 2
    assert "a process was stopped" in capsys.readouterr().err


def gone():
    raise BrokenExecutor


def test_objects_go_from_a_radiograph_and_the_side_stays(tmp_path, capsys):
    original, truth = data.folder("radiographs") / "hand.dcm", data.folder("radiographs") / "hand_labels.png"
    assert cli.main(["strip", str(original), str(tmp_path / "safe.dcm")]) == 0
    assert "Objects were found in 1 of them: look at their copies" in capsys.readouterr().out
    before, after = dcmread(original).pixel_array, dcmread(tmp_path / "safe.dcm").pixel_array
    labels = np.asarray(Image.open(truth))
    for label, what in ((1, "ring"), (2, "bracelet")):
        assert (after[labels == label] == after.min()).mean() > 0.98, what
    assert (after[labels == 3] == before[labels == 3]).all(), "the letter L"


def test_a_kind_that_there_is_not_is_named(tmp_path):
    with pytest.raises(ValueError, match="no kind 'voices': there are metadata, text, faces, objects"):
        study.audit(tmp_path, kinds=["voices"])


@pytest.mark.parametrize(("kinds", "why"), [([], "No kind is named"), ("text", r"write kinds=\['text'\]")])
@pytest.mark.parametrize("verb", ["audit", "strip"])
def test_nothing_is_passed_on_because_no_kind_is_named(tmp_path, verb, kinds, why):
    (path,) = scan(tmp_path / "scans", slices=1)
    work = study.audit if verb == "audit" else partial(study.strip, destination=tmp_path / "safe")
    with pytest.raises(ValueError, match=why):
        work(path, kinds=kinds)
    assert files(tmp_path) == [path]


def test_kinds_may_come_from_a_generator_and_paths_as_text(tmp_path):
    (path,) = scan(tmp_path / "scans", slices=1)
    (found,) = study.audit(str(path), kinds=(kind for kind in ["metadata"]))
    assert found.findings
    safe, table = str(tmp_path / "safe"), str(tmp_path / "who.csv")
    (done,) = study.strip(str(tmp_path / "scans"), safe, kinds=(kind for kind in ["metadata"]), mapping=table)
    assert metadata.find_file(done.copy) == []
    (image,) = study.export(str(path), str(tmp_path / "images"), kinds=(kind for kind in ["metadata"]))
    assert image.copy.suffix == ".png"
    with pytest.raises(ValueError, match="The kinds are a list"):
        study.export(path, tmp_path / "more", kinds="text")


def test_text_outside_of_the_picture_goes_on_the_way(tmp_path):
    (path,) = scan(tmp_path / "scans", slices=1)
    dataset = dcmread(path)
    dataset.add_new((0x6000, 0x3000), "OW", b"\x0f" * 32)
    dataset.save_as(path)
    (outcome,) = study.strip(tmp_path / "scans", tmp_path / "safe", kinds=["text"])
    assert "OverlayData (6000,3000)" in [found.where for found in outcome.findings]
    assert not [tag for tag in dcmread(outcome.copy).keys() if tag >> 16 == 0x6000]
