"""Faces, objects and text of one file or scan: each image is searched for objects once, as that takes longest."""

import numpy as np
import pytest
import radiopaque
from pydicom.uid import SecondaryCaptureImageStorage

from safeshare import data, metal, objects, pixel_kinds

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
    before, after = pixel_kinds.load(path).pixel_array, new.pixel_array
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
    dataset = pixel_kinds.load(data.folder("radiographs") / "hand.dcm")
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
        (new.pixel_array != pixel_kinds.load(path).pixel_array).any()
        for path, (new, _) in zip(paths, done, strict=True)
    )
    assert len(searches) == 1


def test_objects_of_another_image_are_not_taken_for_those_of_a_volume():
    from safeshare import volume

    jaw = volume.read(sorted((data.folder("metal_ct")).glob("IM*.dcm"))[:24])
    elsewhere = objects.ObjectFinding("objects", "x 1 to 3, y 1 to 3, z 1 to 3", "", "C", "", 1.0)
    with pytest.raises(ValueError, match="There is no object at x 1 to 3, y 1 to 3, z 1 to 3 in this volume"):
        objects.strip(jaw, [elsewhere])
