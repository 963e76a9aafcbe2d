"""Foreign objects in radiographs and CT: found, told apart, stripped; and nothing else is touched."""

from functools import cache

import numpy as np
import pydicom
import pytest
import radiopaque
import radiopaque_ct
from pydicom.data import get_testdata_file
from scipy import ndimage

from safeshare import Refused, data, metal, objects

pytest.importorskip("onnxruntime")
KEY = "a key for the tests only"
WORN = (1, 30, 547)  # radiographs with a necklace, a bracelet, and a zip before a hand in air of one value
IMPLANTS = (12, 13, 42)  # with a plate, a prosthesis, a pacemaker
ENGRAVED = (30, 42)  # the one with a bracelet, and one with a pacemaker


@cache
def example(number: int) -> radiopaque.Example:
    """Return one of the radiographs, made once."""
    return next(radiopaque.radiographs(1, number))


def painted(found: list[objects.ObjectFinding], shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of findings."""
    out = np.zeros(shape, bool)
    for each in found:
        out[each.box.y0 : each.box.y1, each.box.x0 : each.box.x1] |= each.pixels
    return out


@pytest.mark.parametrize("number", WORN)
def test_objects_are_found_and_hardly_anything_else(number: int) -> None:
    truth = example(number).mask(markers=False)
    found = painted(objects.find(example(number).dataset), truth.shape)
    assert (found & truth).sum() > 0.95 * truth.sum()
    assert (found & ~ndimage.binary_dilation(truth, iterations=12)).mean() < 0.03


@pytest.mark.parametrize("number", [2, 20])
def test_bones_teeth_contrast_agent_and_burned_in_words_are_no_objects(number: int) -> None:
    assert not example(number).things
    assert objects.find(example(number).dataset) == []


@pytest.mark.parametrize("number", ENGRAVED)
def test_no_engraving_survives(number: int) -> None:
    shown = example(number)
    changed = objects.strip(shown.dataset, key=KEY).pixel_array != shown.dataset.pixel_array
    (engraved,) = [thing for thing in shown.things if thing.words and thing.kind != "marker"]
    assert engraved.letters is not None
    assert changed[engraved.letters].mean() > 0.9


@pytest.mark.parametrize("number", IMPLANTS)
def test_an_implant_is_told_from_jewellery_and_stays(number: int) -> None:
    (implant,) = (thing.mask for thing in example(number).things if thing.name in ("plate", "prosthesis", "pacemaker"))
    found = objects.find(example(number).dataset)
    (label,) = {each.label for each in found if (painted([each], implant.shape) & implant).sum() > 0.5 * implant.sum()}
    assert label == "implant or device"
    before, after = (each.pixel_array for each in (example(number).dataset, objects.strip(example(number).dataset)))
    assert abs(np.median(after[implant]) - np.median(before[implant])) < 0.15 * np.ptp(before), "its silhouette is left"


@pytest.mark.parametrize("number", [0, 27, 30, 31, 55])
def test_rings_bracelets_watches_and_necklaces_go(number: int) -> None:
    assert {each.action for each in objects.find(example(number).dataset) if each.label != "marker"} == {"C"}


def test_what_is_written_on_an_implant_goes_and_the_implant_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pydicom.dcmread(data.folder("radiographs") / "chest.dcm")
    mask, letters = np.zeros((2, 60, 80), bool)
    mask[5:55, 5:75] = letters[20:30, 20:60] = True
    label, box = "implant or device", objects.Box(800, 300, 880, 360, 0)
    finding = objects.ObjectFinding("objects", "", "", "K", "", 1.0, label, box, (), "", (), mask, letters)
    monkeypatch.setattr(objects, "find", lambda image: [finding])
    stripped = objects.strip(dataset, key=KEY).pixel_array
    rows, columns = np.nonzero(stripped != dataset.pixel_array)
    assert len(np.unique(stripped[320:330, 820:860])) == 1
    assert 310 < rows.min() and rows.max() < 340 and 810 < columns.min() and columns.max() < 870


def test_a_marker_is_recognized_and_stays() -> None:
    dataset = pydicom.dcmread(data.folder("radiographs") / "hand_clean.dcm")
    (found,) = objects.find(dataset)
    assert (found.label, found.words, found.action) == ("marker", "L", "K")
    stripped = objects.strip(dataset)
    assert np.array_equal(stripped.pixel_array, dataset.pixel_array)
    assert stripped.SOPInstanceUID == dataset.SOPInstanceUID


@pytest.mark.parametrize("method", objects.METHODS)
def test_strip_changes_nothing_outside_the_objects_and_says_what_it_did(method: str) -> None:
    dataset = pydicom.dcmread(data.folder("radiographs") / "hand.dcm")
    before = dataset.pixel_array.copy()
    found = objects.find(dataset)
    stripped = objects.strip(dataset, method=method, key=KEY)
    changed = stripped.pixel_array != before
    gone = painted([each for each in found if each.action == "C"], before.shape)
    margin = ndimage.binary_dilation(ndimage.binary_fill_holes(gone), iterations=6)
    assert changed[gone].mean() > 0.9
    assert not changed[~margin].any()
    assert np.array_equal(dataset.pixel_array, before)
    assert stripped.ImageType[0] == "DERIVED"
    assert "safeshare" in stripped.DerivationDescription
    assert [code.CodeValue for code in stripped.DeidentificationMethodCodeSequence] == ["113101"]
    assert stripped.SOPInstanceUID == objects.strip(dataset, found, key=KEY).SOPInstanceUID != dataset.SOPInstanceUID


@pytest.mark.parametrize("name", ["hand", "chest"])
def test_after_strip_nothing_but_what_is_kept_is_found(name: str) -> None:
    dataset = pydicom.dcmread(data.folder("radiographs") / f"{name}.dcm")
    found = objects.find(dataset)
    assert "C" in {each.action for each in found}
    kept = painted([each for each in found if each.action == "K"], dataset.pixel_array.shape)
    again = objects.find(objects.strip(dataset))
    where = painted(again, kept.shape)
    beside = where & ~ndimage.binary_dilation(kept, iterations=6)
    assert beside.sum() < 0.03 * where.sum(), "an edge of a vertebra, once the brightest metal is gone"
    assert {each.words for each in again} - {""} == {"L"}, "the number on the pacemaker is gone"
    assert name == "chest" or {each.action for each in again} == {"K"}, (
        "a silhouette may be unknown to who sees it anew"
    )


def test_a_necklace_goes_though_it_crosses_a_lead_that_stays() -> None:
    dataset = pydicom.dcmread(data.folder("radiographs") / "chest.dcm")
    labels = {each.label: each for each in objects.find(dataset)}
    assert {label: each.action for label, each in labels.items()} == {
        "jewellery": "C", "implant or device": "K", "marker": "K",
    }  # fmt: skip
    assert labels["implant or device"].attributes == ("DeviceSerialNumber", "DeviceID")
    stripped = objects.strip(dataset).pixel_array
    assert (stripped[480:510, 520:585] == stripped.min()).all(), "the pendant with the initials"
    assert len(np.unique(stripped[345:375, 845:935])) == 1, "the number on the pacemaker"
    assert stripped[360, 890] > 1000, "whose silhouette stays"


def test_the_caller_chooses() -> None:
    dataset = pydicom.dcmread(data.folder("radiographs") / "hand.dcm")
    marker = [each for each in objects.find(dataset) if each.label == "marker"]
    changed = objects.strip(dataset, marker).pixel_array != dataset.pixel_array
    rows, columns = np.nonzero(changed)
    box = marker[0].box
    assert box.y0 - 8 <= rows.min() and rows.max() < box.y1 + 8
    assert box.x0 - 8 <= columns.min() and columns.max() < box.x1 + 8


def test_a_number_on_a_device_is_looked_up_in_the_header() -> None:
    from safeshare.object_kinds import same_in_header

    dataset = pydicom.dcmread(data.folder("radiographs") / "chest.dcm")
    assert "DeviceSerialNumber" in same_in_header(dataset, "NX 447I203")  # one character misread
    assert same_in_header(dataset, "PXR204418") == ()
    assert same_in_header(dataset, "") == ()


@pytest.mark.parametrize("number", [0, 1, 3, 4, 6, 7])
def test_metal_in_ct_is_found_and_bone_is_not(number: int) -> None:
    shown = next(radiopaque_ct.volumes(1, number))
    mask = np.zeros(shown.truth.shape, bool)
    found = objects.find(shown.volume)
    for each, place in zip(found, metal.places([each.where for each in found]), strict=True):
        mask[place] |= each.pixels
    assert (mask & shown.truth).sum() > 0.98 * shown.truth.sum()
    assert not (mask & ~ndimage.binary_dilation(shown.truth, iterations=4)).any()


@pytest.mark.parametrize("number", [2, 5, 8])
def test_ct_without_metal_has_no_finding_and_stays(number: int) -> None:
    shown = next(radiopaque_ct.volumes(1, number))
    assert objects.find(shown.volume) == []
    assert objects.strip(shown.volume) is shown.volume


def test_fillings_stay_and_studs_go() -> None:
    from safeshare import volume

    jaw = volume.read(data.folder("metal_ct") / name for name in [f"IM{n:04}.dcm" for n in range(1, 25)])
    assert sorted(each.label for each in objects.find(jaw)) == ["implant or device"] * 3 + ["jewellery"] * 2
    stripped = objects.strip(jaw, key=KEY)
    assert {each.action for each in objects.find(stripped)} == {"K"}
    assert 0 < (stripped.values != jaw.values).mean() < 0.01
    assert stripped.datasets[0].SOPInstanceUID != jaw.datasets[0].SOPInstanceUID


@pytest.mark.parametrize("name", ["CT_small.dcm", "693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm"])
def test_real_slices_without_objects_have_no_finding(name: str) -> None:
    assert objects.find(pydicom.dcmread(get_testdata_file(name))) == []


def test_a_test_pattern_is_no_radiograph() -> None:
    assert objects.find(pydicom.dcmread(get_testdata_file("image_dfl.dcm"))) == []


def test_other_images_and_methods_are_refused() -> None:
    with pytest.raises(Refused, match="no grey radiograph"):
        objects.find(pydicom.dcmread(get_testdata_file("MR_small.dcm")))
    with pytest.raises(ValueError, match="There is no method 'blur'"):
        objects.strip(example(20).dataset, method="blur")


def test_show_draws_what_goes_and_what_stays() -> None:
    dataset = pydicom.dcmread(data.folder("radiographs") / "hand_clean.dcm")
    found = objects.find(dataset)
    viewer = objects.show(dataset, objects=found)
    assert [(shape.label, shape.strip, shape.outline) for shape in viewer.shapes] == [
        ("marker L", False, found[0].outline)
    ]
