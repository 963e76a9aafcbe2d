"""Faces, objects and text of one file or scan: each image is searched for objects once, as that takes longest."""

import burned_in
import numpy as np
import pytest
import radiopaque
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import MRImageStorage, SecondaryCaptureImageStorage

from safeshare import data, decoding, derivation, metal, objects, pixel_kinds
from safeshare.text import TextFinding

KEY = "a key for the tests only"


def test_what_is_found_in_a_radiograph_goes_without_another_search(monkeypatch):
    path = data.folder("radiographs") / "chest.dcm"
    mask, letters = np.zeros((2, 60, 80), bool)
    mask[5:55, 5:75] = letters[20:30, 20:60] = True
    kept, worn = objects.Box(800, 300, 880, 360, 0), objects.Box(500, 600, 580, 660, 0)
    implant = objects.ObjectFinding(
        "objects", "", "", "K", "", 1.0, "implant or device", kept, (), "NX 447", (), mask, letters
    )
    ring = objects.ObjectFinding("objects", "", "", "C", "", 1.0, "jewellery", worn, (), "", (), mask)
    searches = []
    monkeypatch.setattr(objects, "find", lambda image: searches.append(image) or [implant, ring])
    new, found = pixel_kinds.stripper([path], False, ["objects"], KEY)(path)
    before, after = decoding.load(path).pixel_array, new.pixel_array
    assert found == [implant, ring] and len(searches) == 1
    assert len(np.unique(after[320:330, 820:860])) == 1 and (after == before)[340:356, 800:880].all(), "only letters go"
    assert (after == after.min())[605:655, 505:575].all() and before[605:655, 505:575].min() > after.min()


@pytest.mark.parametrize("number", [42, 474])
def test_what_nobody_could_read_on_an_implant_goes_from_a_file_too_and_only_once(tmp_path, number):
    (shown,) = radiopaque.radiographs(1, number)
    (engraved,) = (thing.letters for thing in shown.things if thing.name == "pacemaker")
    path = tmp_path / "pacemaker.dcm"
    shown.dataset.save_as(path, enforce_file_format=True)
    new, found = pixel_kinds.stripper([path], False, ["objects"], KEY)(path)
    assert "implant or device" in {each.label for each in found}
    assert (new.pixel_array != shown.dataset.pixel_array)[engraved].mean() > 0.99
    new.save_as(path)
    assert pixel_kinds.finder([path], False, ["objects"])(path) == []


@pytest.mark.parametrize(
    ("modality", "colours", "goes"), [("CR", "MONOCHROME2", True), ("OT", "MONOCHROME2", False), ("CR", "RGB", False)]
)
def test_a_capture_that_is_called_a_radiograph_is_searched_for_objects(tmp_path, modality, colours, goes):
    dataset = decoding.load(data.folder("radiographs") / "hand.dcm")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.Modality = modality
    if colours == "RGB":
        grey = (dataset.pixel_array >> (dataset.BitsStored - 8)).astype(np.uint8)
        dataset.set_pixel_data(np.stack([grey] * 3, -1), "RGB", 8)
    path = tmp_path / "capture.dcm"
    dataset.save_as(path)
    labels = {each.label for each in pixel_kinds.finder([path], False, ["objects"])(path)}
    assert ("jewellery" in labels) == goes


def test_studs_go_from_a_ct_without_another_search(monkeypatch):
    paths = sorted((data.folder("metal_ct")).glob("IM*.dcm"))[:24]
    searches = []
    lumps = metal.lumps
    monkeypatch.setattr(metal, "lumps", lambda *arguments: searches.append(arguments) or lumps(*arguments))
    strip = pixel_kinds.stripper(paths, True, ["objects"], KEY)
    done = [strip(path) for path in paths]
    assert {each.label for _, found in done for each in found} == {"jewellery"}
    assert any(
        (new.pixel_array != decoding.load(path).pixel_array).any() for path, (new, _) in zip(paths, done, strict=True)
    )
    assert len(searches) == 1


def test_a_slice_that_stands_alone_is_searched_for_studs(tmp_path):
    (path,) = (data.folder("metal_ct")).glob("IM0022.dcm")
    new, found = pixel_kinds.stripper([path], False, ["objects"], KEY)(path)
    assert {(each.label, each.action) for each in found} == {("jewellery", "C")}
    assert (new.pixel_array != decoding.load(path).pixel_array).any()
    for keyword, value in {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "Modality": "OT"}.items():
        other = decoding.load(path)
        setattr(other, keyword, value)
        other.save_as(tmp_path / "other.dcm")
        assert pixel_kinds.finder([tmp_path / "other.dcm"], False, ["objects"])(tmp_path / "other.dcm") == []


def slices(folder, *texts, of=range(6)):
    """Write slices of noise with a bar in it, and texts, each (words, height, angle, x, y), on those ``of`` them."""
    source, noise, paths = dcmread(get_testdata_file("CT_small.dcm")), np.random.default_rng(3), []
    source.SOPClassUID, source.Modality, source.Rows, source.Columns = MRImageStorage, "MR", 256, 256
    source.PixelRepresentation, source.BitsStored, source.HighBit = 0, 12, 11
    for number in range(6):
        picture = noise.normal(24, 6, (256, 256))
        picture[140:200, 60:200] += 1000
        for words, high, angle, x, y in texts if number in of else ():
            cover, _ = burned_in.lettering(words, "DejaVuSans", high, angle)
            picture[y : y + cover.shape[0], x : x + cover.shape[1]][cover > 0.4] = 1500
        source.PixelData = picture.clip(0, 4095).astype("<u2").tobytes()
        source.ImagePositionPatient, source.SOPInstanceUID = [-128, -128, 5 * number], f"1.2.3.4.{number}"
        paths.append(folder / f"{number}.dcm")
        source.save_as(paths[-1])
    return paths


def test_pages_that_a_scanner_stored_as_slices_are_searched_one_by_one(tmp_path):
    paths = slices(tmp_path, ("SPECIMEN ROSA", 14, 0, 40, 4), of=[2])
    for path in paths:
        page = decoding.load(path)
        del page.ImagePositionPatient
        page.save_as(path)
    new, _ = pixel_kinds.stripper(paths, True, ["text"], KEY)(paths[2])
    assert not (new.pixel_array[:40] == 1500).any()


@pytest.mark.parametrize(
    ("words", "high", "angle"),
    [
        ("Иванов Пётр", 14, 0),
        ("ИВАНОВ", 24, 0),
        ("אברהם כהן", 14, 0),
        ("PATRA HALFAR", 16, 20),
        ("PATRA HALFAR", 12, 45),
    ],
)
def test_text_on_all_slices_goes_also_if_nobody_can_read_it_and_the_side_stays(tmp_path, words, high, angle):
    paths = slices(tmp_path, (words, high, angle, 40, 4), ("R", 14, 0, 6, 190), ("A", 14, 0, 130, 225))
    strip = pixel_kinds.stripper(paths, True, ["text"], KEY)
    for path in paths:
        new, before = strip(path)[0].pixel_array, decoding.load(path).pixel_array
        assert (before[:180] == 1500).any() and not (new[:180] == 1500).any()
        assert (new[180:] == before[180:]).all(), "anatomy, and letters that mark a side"


def test_what_nobody_can_read_and_is_as_large_as_a_head_is_no_text():
    def height(path):
        return decoding.load(path).ImagePositionPatient[2]

    paths = sorted((data.folder("head") / "pet").iterdir(), key=height)[29:45]
    lines = pixel_kinds.finder(paths, True, ["text"])(paths[0])
    assert [each for each in lines if isinstance(each, TextFinding)] == []


def test_a_copy_in_which_nobody_has_looked_is_not_searched_slice_by_slice(tmp_path):
    paths = slices(tmp_path, ("SPECIMEN ROSA", 14, 0, 40, 4), of=[2])
    method = "DICOM PS3.15 2026d Annex E with safeshare"
    said = {"DeidentificationMethod": method}, {"DerivationDescription": "cropped; text blanked"}, {}
    for values, made_here in zip(said, (True, True, False), strict=True):
        dataset = decoding.load(slices(tmp_path, ("SPECIMEN ROSA", 14, 0, 40, 4), of=[2])[2])
        dataset.BurnedInAnnotation = "YES"
        derivation.add_method(dataset, "113101")
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        dataset.save_as(paths[2])
        lines = pixel_kinds.finder(paths, True, ["text"])(paths[2])
        assert any(isinstance(each, TextFinding) for each in lines) != made_here
        assert lines[-1].where == "BurnedInAnnotation"


def test_objects_of_another_image_are_not_taken_for_those_of_a_volume():
    from safeshare import volume

    jaw = volume.read(sorted((data.folder("metal_ct")).glob("IM*.dcm"))[:24])
    elsewhere = objects.ObjectFinding("objects", "x 1 to 3, y 1 to 3, z 1 to 3", "", "C", "", 1.0)
    with pytest.raises(ValueError, match="There is no object at x 1 to 3, y 1 to 3, z 1 to 3 in this volume"):
        objects.strip(jaw, [elsewhere])
