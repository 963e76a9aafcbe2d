"""The ultrasound screens and secondary captures show what their ground truth says, where it says so."""

import functools
import json
from datetime import datetime
from pathlib import Path

import lettering
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

DATA = Path(__file__).parents[2] / "data"
FORMS = {  # Photometric Interpretation, transfer syntax, frames
    "ultrasound/carotid": ("RGB", RLELossless, 24),
    "ultrasound/duplex": ("YBR_FULL_422", JPEGBaseline8Bit, 1),
    "ultrasound/abdomen": ("PALETTE COLOR", RLELossless, 1),
    "ultrasound/faint": ("YBR_FULL", RLELossless, 1),
    "ultrasound/rotated": ("MONOCHROME2", ExplicitVRLittleEndian, 1),
    "captures/note": ("MONOCHROME1", RLELossless, 1),
    "captures/screenshot": ("RGB", RLELossless, 1),
}
NAMES = list(FORMS)
LOSSLESS = [name for name in NAMES if name != "ultrasound/duplex"]
ULTRASOUND = [name for name in NAMES if name.startswith("ultrasound")]


def read(name):
    return pydicom.dcmread(DATA / f"{name}.dcm")


def truth(name):
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def identifying(name):
    return [text for text in truth(name)["texts"] if text["role"] == "identifying"]


def displayed(ds):
    """Return what a viewer shows, 0 to 255: frames, rows, columns, colours."""
    pixels = ds.pixel_array
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, ds) // 257
    elif ds.PhotometricInterpretation == "MONOCHROME1":
        pixels = (4095 - pixels) / 16
    if ds.SamplesPerPixel == 1 and pixels.shape[-1] != 3:
        pixels = np.repeat(pixels[..., np.newaxis], 3, axis=-1)
    return np.asarray(pixels, float).reshape(-1, ds.Rows, ds.Columns, 3)


@functools.cache
def shipped(name):
    """Return what a viewer shows of a shipped file."""
    return displayed(read(name))


@pytest.fixture(scope="module")
def screen(builder):
    """Return the function that makes a screen anew, without its text, as a viewer shows it."""

    @functools.cache
    def make(name):
        folder, stem = name.split("/")
        canvas_of, object_of = builder(folder).SCREENS[stem]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lettering.Canvas, "add", lambda *_, **__: None)
            return displayed(object_of(canvas_of()))

    return make


def cut(frame, box):
    left, top, right, bottom = box
    return frame[top:bottom, left:right]


@pytest.fixture(scope="module")
def changed(screen):
    """Return the function that says which pixels of a frame the text changed."""

    @functools.cache
    def mask(name, frame):
        noise = 2 if name == "captures/note" else 0  # the grain of the paper may move a little beside ink
        return np.abs(shipped(name)[frame] - screen(name)[frame]).max(axis=-1) > noise

    return mask


@pytest.mark.parametrize("name", NAMES)
def test_each_file_has_its_form_and_stays_small(name):
    ds = read(name)
    form = (ds.PhotometricInterpretation, ds.file_meta.TransferSyntaxUID, int(ds.get("NumberOfFrames", 1)))
    assert form == FORMS[name]
    assert ds.BurnedInAnnotation == "YES"
    assert ds.LossyImageCompression == ("01" if form[1] == JPEGBaseline8Bit else "00")
    assert (DATA / f"{name}.dcm").stat().st_size < 3_000_000
    said = truth(name)
    assert (said["frames"], said["rows"], said["columns"]) == shipped(name).shape[:3]


@pytest.mark.parametrize("name", LOSSLESS)
def test_there_is_text_inside_the_boxes_and_none_outside(name, changed):
    said = truth(name)
    for frame in range(0, said["frames"], 8):
        left_over = changed(name, frame).copy()
        assert left_over.any()
        for text in said["texts"]:
            first, last = text["frames"]
            if first <= frame <= last:
                cut(left_over, text["box"])[:] = False
        assert not left_over.any(), np.argwhere(left_over)[:5]


@pytest.mark.parametrize("name", LOSSLESS)
def test_the_boxes_are_tight(name, changed):
    for text in truth(name)["texts"]:
        ink = cut(changed(name, text["frames"][0]), text["box"])
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        assert max(rows[0], columns[0], len(ink) - 1 - rows[-1], len(ink[0]) - 1 - columns[-1]) <= 2, text["text"]


@pytest.mark.parametrize("name", LOSSLESS)
def test_the_polygons_hold_the_ink(name, changed):
    for text in truth(name)["texts"]:
        left, top, _, _ = text["box"]
        rows, columns = np.nonzero(cut(changed(name, text["frames"][0]), text["box"]))
        points = np.stack([columns + left + 0.5, rows + top + 0.5], axis=1)
        corners = np.array(text["polygon"])
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            (dx, dy), (px, py) = (end - start) / np.hypot(*(end - start)), (points - start).T
            assert (dx * py - dy * px).min() > -2, text["text"]  # to the right of each edge, as y points down


@pytest.mark.parametrize("name", NAMES)
def test_frames_before_and_after_a_text_do_not_show_it(name):
    said = truth(name)
    for text in said["texts"]:
        for frame in (text["frames"][0] - 1, text["frames"][1] + 1):
            if 0 <= frame < said["frames"]:
                there, here = (cut(shipped(name)[f], text["box"]) for f in (frame, text["frames"][0]))
                assert not np.array_equal(there, here), text["text"]


def test_text_is_legible_after_jpeg(screen, builder):
    shown, blank = shipped("ultrasound/duplex")[0], screen("ultrasound/duplex")[0]
    drawn = builder("ultrasound").duplex().ink[0]
    for text in identifying("ultrasound/duplex"):
        found = lettering.luminance(cut(shown, text["box"]) - cut(blank, text["box"])).ravel()
        ideal = cut(drawn, text["box"]).ravel()
        assert np.corrcoef(found, ideal)[0, 1] > 0.9, text["text"]


def as_date(text):
    """Return a written date as DICOM writes it."""
    day = text.removeprefix("DOB ").removeprefix("*").removeprefix("SCANNED ").split(" ")[0]
    return datetime.strptime(day, "%d-%b-%Y" if "-" in day else "%d.%m.%Y").strftime("%Y%m%d")


def words(text):
    return "".join(letter if letter.isalpha() else " " for letter in text.upper()).split()


def agrees(text, ds):
    """Return whether an identifying text says what the attributes say."""
    string, category = text["text"], text["category"]
    staff = words(f"{ds.ReferringPhysicianName} {ds.NameOfPhysiciansReadingStudy} {ds.RequestingPhysician}")
    checks = {
        "name": lambda: set(words(string)) == set(words(str(ds.PatientName))),
        "patient_id": lambda: string.split()[-1] in (ds.PatientID, ds.PatientID.split("-")[1]),
        "birth_date": lambda: as_date(string) == ds.PatientBirthDate,
        "date": lambda: as_date(string) == ds.StudyDate,
        "time": lambda: 0 <= int(string.replace(":", "")) - int(ds.ContentTime[:6]) <= 1,
        "institution": lambda: string.upper() == ds.InstitutionName.upper(),
        "department": lambda: string == ds.InstitutionalDepartmentName,
        "address": lambda: ds.InstitutionAddress in string,
        "operator": lambda: words(str(ds.OperatorsName))[0] in words(string),
        "physician": lambda: words(string)[-1] in staff,
        "accession": lambda: string.split()[-1] == ds.AccessionNumber,
        "phone": lambda: string == ds.PatientTelephoneNumbers or string in ds.PatientComments,
        "relative": lambda: words(string)[-1] in words(str(ds.ResponsiblePerson)),
        "diagnosis": lambda: len(string) > 10,
        "history": lambda: len(string) > 10,
        "plan": lambda: len(string) > 10,
    }
    return checks[category]()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "captures/screenshot"])
def test_the_text_in_the_pixels_agrees_with_the_attributes(name):
    ds = read(name)
    texts = identifying(name)
    assert {"name", "patient_id", "birth_date", "institution", "date", "diagnosis"} <= {t["category"] for t in texts}
    assert [text for text in texts if not agrees(text, ds)] == []


def test_the_screenshot_shows_its_own_patient_and_others_whom_no_attribute_names():
    ds, texts = read("captures/screenshot"), identifying("captures/screenshot")
    names = {text["text"] for text in texts if text["category"] == "name"}
    own = {name for name in names if set(words(name)) == set(words(str(ds.PatientName)))}
    assert len(own) == 1 and len(names) == 15
    assert [name for name in names - own if name.split(",")[0] in str(ds)] == []
    for category in ("patient_id", "birth_date", "accession"):
        assert sum(agrees(text, ds) for text in texts if text["category"] == category) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_technical_text_stands_beside_it_and_identifies_nobody(name):
    ds = read(name)
    technical = [text["text"] for text in truth(name)["texts"] if text["role"] == "technical"]
    assert len(technical) >= 4
    if name in ULTRASOUND:
        assert any(text.startswith("MI ") for text in technical)
    secrets = {ds.PatientID, *words(str(ds.PatientName)), *words(ds.InstitutionName)[-1:], ds.AccessionNumber}
    if name != "captures/screenshot":  # its title holds the name of a program, "Nowhere RIS"
        assert [text for text in technical if secrets & set(text.upper().split())] == []


def test_faint_text_is_faint_and_rotated_text_is_rotated():
    assert np.mean([text["contrast"] < 0.15 for text in identifying("ultrasound/faint")]) > 0.7
    angles = {text["rotation"] for text in identifying("ultrasound/rotated")}
    assert angles == {90, -90, -15, 15}
    for text in identifying("ultrasound/rotated"):
        left, top, right, bottom = text["box"]
        assert (bottom - top > right - left) == (abs(text["rotation"]) == 90)


def test_the_clip_moves_and_flows_in_its_regions(screen):
    ds = read("ultrasound/carotid")
    picture, flow = ds.SequenceOfUltrasoundRegions
    assert (picture.RegionDataType, flow.RegionDataType, ds.UltrasoundColorDataPresent) == (1, 2, 1)
    assert ds.FrameIncrementPointer == pydicom.tag.Tag("FrameTime")
    assert float(ds.FrameTime) * ds.NumberOfFrames == pytest.approx(60_000 / ds.HeartRate, rel=0.02)
    frames = screen("ultrasound/carotid")
    left, top = picture.RegionLocationMinX0, picture.RegionLocationMinY0
    right, bottom = picture.RegionLocationMaxX1 + 1, picture.RegionLocationMaxY1 + 1
    shown = frames[:, top:bottom, left:right]
    for one, other in zip(shown, shown[1:], strict=False):
        assert (one != other).any(axis=-1).mean() > 0.05
    red, blue = shown[..., 0] - shown[..., 2] > 60, shown[..., 2] - shown[..., 0] > 60
    assert (red.sum(axis=(1, 2)) > 2000).all() and (blue.sum(axis=(1, 2)) > 1000).all()
    _, rows, columns = np.nonzero(red | blue)
    assert columns.min() + left >= flow.RegionLocationMinX0 and columns.max() + left <= flow.RegionLocationMaxX1
    assert rows.min() + top >= flow.RegionLocationMinY0 and rows.max() + top <= flow.RegionLocationMaxY1


@pytest.mark.parametrize("name", ["carotid", "duplex", "rotated"])
def test_pixels_have_their_size(name):
    ds = read(f"ultrasound/{name}")
    picture = ds.SequenceOfUltrasoundRegions[0]
    rows = picture.RegionLocationMaxY1 - picture.RegionLocationMinY0 + 1
    assert rows * picture.PhysicalDeltaY * 10 == pytest.approx(ds.DepthOfScanField, abs=0.5)
    assert picture.PhysicalDeltaX == pytest.approx(picture.PhysicalDeltaY, rel=0.01)


def test_the_note_is_dark_ink_on_bright_paper():
    ds = read("captures/note")
    stored = ds.pixel_array
    assert stored.max() < 4096 and ds.BitsStored == 12
    box = next(text["box"] for text in identifying("captures/note") if text["category"] == "name")
    assert np.median(cut(stored, box)) < 800 and cut(stored, box).max() > 3000


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ultrasound/carotid"])  # the clip takes too long
def test_the_script_makes_the_shipped_bytes_again(name, builder, tmp_path):
    folder, stem = name.split("/")
    made = builder("ultrasound").write(builder(folder).SCREENS, [stem], tmp_path)
    assert [path.read_bytes() for path in made] == [(DATA / f"{name}{end}").read_bytes() for end in (".dcm", ".json")]
