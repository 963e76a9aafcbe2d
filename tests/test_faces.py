"""Faces are found, and gone after strip, while the brain and all else stay as they were."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pydicom import Dataset
from scipy import ndimage
from test_brain import LEFT_EYE, RIGHT_EYE, TURNED, scan, true_brain, voxel

from safeshare import Refused, brain, faces, metadata, volume
from safeshare.volume import Volume

KEY = "a key that only the tests know"
EARS = (74, 85, -20), (-74, 85, -20)  # mm: left, back, up from midway between the eyes


@cache
def defaced(name: str, method: str) -> Volume:
    return faces.strip(scan(name), method, key=KEY)


@pytest.fixture(scope="module")
def stripped():
    return {name: defaced(name, "remove") for name in TURNED}


def solid(head: Volume, level: float) -> np.ndarray:
    return ndimage.binary_opening(head.values > level, iterations=1)


@pytest.mark.parametrize("name", TURNED)
def test_the_skin_level_lies_between_air_and_skin(name):
    head = scan(name)
    level = faces.skin_level(head)
    assert head.values[3, 3, -3] < level, "a corner of the scan is air"
    just_under_the_brow = head.values[voxel(name, (0, -10, 25))]
    cheek = np.median(head.values[tuple(slice(i - 1, i + 2) for i in voxel(name, (38, 2, -40)))])
    assert min(cheek, just_under_the_brow) > level or cheek > level


@pytest.mark.parametrize("name", TURNED)
def test_a_face_is_found_with_how_much_there_is_of_it(name):
    (finding,) = faces.find(scan(name))
    assert (finding.kind, finding.action) == ("faces", "C")
    shares = dict(part.rsplit(" ", 1) for part in finding.what.split(", "))
    assert list(shares) == ["forehead", "eyes", "nose", "mouth", "chin", "ears"]
    assert min(float(share.rstrip("%")) for share in shares.values()) > 25
    assert finding.sure > 0.8


@pytest.mark.parametrize("name", TURNED)
def test_eyes_ears_and_all_skin_of_the_face_are_gone(name, stripped):
    before, after = scan(name), stripped[name]
    level = faces.skin_level(before)
    for place in (LEFT_EYE, RIGHT_EYE, (0, -32, -35), (0, -20, -70), (0, -12, -100), *EARS):
        around = tuple(slice(max(i - 2, 0), i + 3) for i in voxel(name, place))
        assert (before.values[around] > level).any()
        assert not (after.values[around] > level).any(), f"something is left at {place}"
    front = [np.where(s.any(1), s.argmax(1), s.shape[1]) for s in (solid(before, level), solid(after, level))]
    (x0, _, z0), (x1, _, z1) = voxel(name, (-35, 0, -95)), voxel(name, (35, 0, 25))
    depth = (front[1] - front[0])[x0:x1, z0:z1] * before.spacing[1]
    assert depth.min() > 3, "skin of the face is left"


@pytest.mark.parametrize("method", ["remove", "reface", "plane"])
@pytest.mark.parametrize("name", TURNED)
def test_the_brain_is_as_it_was(name, method):
    after = defaced(name, method)
    changed = after.values != scan(name).values
    assert changed.any()
    assert not changed[true_brain(name)].any()
    assert after.values.dtype == scan(name).values.dtype


def test_what_is_behind_the_ears_and_over_the_hair_line_is_as_it_was(stripped):
    changed = stripped["ct"].values != scan("ct").values
    assert not changed[:, voxel("ct", (0, 135, 0))[1] :].any()
    assert not changed[..., voxel("ct", (0, 0, 75))[2] :][:, voxel("ct", (0, 5, 0))[1] :].any()
    assert changed[scan("ct").values > -350].mean() < 0.4


def test_neither_bone_nor_inner_air_shows_the_face(stripped):
    after = stripped["ct"].values
    box = tuple(slice(*ends) for ends in zip(voxel("ct", (-50, -60, -100)), voxel("ct", (50, 30, -25)), strict=True))
    assert np.unique(scan("ct").values[box]).size > 1000
    assert np.unique(after[box]).size == 1, "teeth, jaws, sinuses and mouth lie in this box"


@pytest.mark.parametrize("name", TURNED)
def test_afterwards_no_face_is_found(name, stripped):
    assert faces.find(stripped[name]) == []
    assert faces.strip(stripped[name]) is stripped[name]


def test_the_average_face_is_a_face_and_can_be_removed():
    refaced = defaced("ct", "reface")
    assert len(faces.find(refaced)) == 1
    assert faces.find(faces.strip(refaced)) == []


def test_reface_puts_a_face_there_that_does_not_depend_on_the_persons_own():
    head = scan("ct")
    nose = np.linalg.norm(np.indices(head.values.shape).T - voxel("ct", (4, -38, -32)), axis=-1).T < 10 / 1.5
    other = head.with_values(np.where(nose, 30, head.values).astype(np.int16))
    one, two = defaced("ct", "reface").values, faces.strip(other, "reface").values
    assert np.count_nonzero((head.values > -350) != (other.values > -350)) > 500
    # The nose has its part in where the average head is laid, by less than a voxel.
    assert np.count_nonzero((one > -350) != (two > -350)) < 0.005 * np.count_nonzero(one > -350)
    assert one[voxel("ct", (0, -25, -30))] > -350, "there is a nose"


def test_the_data_sets_say_what_was_done_and_share_no_number_with_the_original(stripped, tmp_path):
    paths = volume.save(stripped["ct"], tmp_path)
    again = volume.read(tmp_path)
    assert len(paths) == len(scan("ct").datasets)
    assert np.array_equal(again.values, stripped["ct"].values)
    assert np.array_equal(again.affine, scan("ct").affine)
    sources = scan("ct").datasets
    for source, ds in zip(sources, again.datasets, strict=True):
        assert ds.RecognizableVisualFeatures == "NO"
        (code,) = ds.DeidentificationMethodCodeSequence
        assert (code.CodeValue, code.CodingSchemeDesignator) == ("113102", "DCM")
        assert code.CodeMeaning == "Clean Recognizable Visual Features Option"
        assert ds.ImageType == ["DERIVED", "PRIMARY", "AXIAL"]
        assert "removed" in ds.DerivationDescription
        assert ds.SOPInstanceUID != source.SOPInstanceUID
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert (ds.StudyInstanceUID, ds.FrameOfReferenceUID) == (source.StudyInstanceUID, source.FrameOfReferenceUID)
        assert "RecognizableVisualFeatures" not in source
        assert source.ImageType[0] == "ORIGINAL"
    assert len({ds.SOPInstanceUID for ds in again.datasets}) == len(sources)
    assert {ds.SeriesInstanceUID for ds in again.datasets}.isdisjoint({ds.SeriesInstanceUID for ds in sources})


def test_the_new_numbers_are_those_of_metadata_with_the_same_key(stripped):
    source, ds = scan("ct").datasets[0], stripped["ct"].datasets[0]
    plain = metadata.strip(source, key=KEY)
    assert (ds.SOPInstanceUID, ds.SeriesInstanceUID) == (plain.SOPInstanceUID, plain.SeriesInstanceUID)
    both = metadata.strip(ds, key=KEY)
    assert both.SOPInstanceUID == ds.SOPInstanceUID
    assert both.RecognizableVisualFeatures == "NO"
    assert {"113100", "113102"} <= {code.CodeValue for code in both.DeidentificationMethodCodeSequence}
    assert faces.strip(scan("pet")).datasets[0].SeriesInstanceUID != stripped["pet"].datasets[0].SeriesInstanceUID


def test_the_data_sets_hold_no_old_pixels(stripped):
    old, new = scan("ct").datasets, stripped["ct"].datasets
    middle = len(old) // 3
    assert old[middle].PixelData != new[middle].PixelData


def test_what_a_pet_is_measured_with_stays(stripped):
    for source, ds in zip(scan("pet").datasets, stripped["pet"].datasets, strict=True):
        for keyword in ("Units", "RescaleSlope", "DecayCorrection", "PatientWeight", "AcquisitionTime"):
            assert ds[keyword].value == source[keyword].value
        assert ds.RadiopharmaceuticalInformationSequence == source.RadiopharmaceuticalInformationSequence


def cropped(head: Volume, low: tuple[int, int, int], high: tuple[int | None, int | None, int | None]) -> Volume:
    affine = head.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    part = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    return Volume(head.values[part].copy(), affine, head.modality, ())


@pytest.mark.parametrize(
    ("low", "high", "gone"),
    [
        ((None, None, -18), (None, None, None), LEFT_EYE),
        ((None, None, None), (None, None, 55), (0, -20, -70)),
        ((0, None, None), (None, None, None), LEFT_EYE),
    ],
    ids=["from the orbits up", "without the vertex", "left half"],
)
def test_half_a_head_is_defaced_too(low, high, gone):
    head = scan("ct")
    first = tuple(0 if mm is None else voxel("ct", (mm, mm, mm))[axis] for axis, mm in enumerate(low))
    last = tuple(None if mm is None else voxel("ct", (mm, mm, mm))[axis] for axis, mm in enumerate(high))
    part = cropped(head, first, last)
    after = faces.strip(part)
    at = tuple(np.array(voxel("ct", gone)) - first)
    assert part.values[at] > -350 > after.values[at]
    truth = true_brain("ct")[tuple(slice(*ends) for ends in zip(first, last, strict=True))]
    assert not (after.values != part.values)[truth].any()
    assert faces.find(after) == []


def test_a_head_that_is_turned_and_lies_on_a_table_is_defaced():
    head = scan("ct")
    values = head.values.copy()
    values[5:-5, -8:-5] = 60
    angle = np.deg2rad(15)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    middle = np.array(values.shape) / 2
    turned = ndimage.affine_transform(values, turn, middle - turn @ middle, order=1, cval=-1000)
    truth = ndimage.affine_transform(true_brain("ct").astype(np.float32), turn, middle - turn @ middle, order=1) > 0.5
    scan_turned = Volume(turned, head.affine, "CT", ())
    after = faces.strip(scan_turned)
    for eye in (LEFT_EYE, RIGHT_EYE):
        at = tuple(np.round(turn.T @ (np.array(voxel("ct", eye)) - middle) + middle).astype(int))
        assert after.values[at] < -350
    assert not (after.values != turned)[truth].any()


def bottle() -> np.ndarray:
    x, y, z = np.indices((60, 60, 60)) * 4 - 118
    return np.where((x**2 + y**2 < 80**2) & (np.abs(z) < 100), 0, -1000).astype(np.int16)


def torso() -> np.ndarray:
    x, y, z = np.indices((100, 70, 90)) * 4 - np.array([198, 138, 178]).reshape(3, 1, 1, 1)
    lungs = ((np.abs(x) - 80) / 60) ** 2 + (y / 80) ** 2 + ((z - 60) / 130) ** 2 < 1
    body = np.where((x / 180) ** 2 + (y / 120) ** 2 < 1, 40, -1000)
    return np.where(lungs, -850, body).astype(np.int16)


WITHOUT = {
    "a bottle": bottle,
    "a torso": torso,
    "air": lambda: np.full((50, 50, 50), -1000, np.int16),
    "noise": lambda: np.random.default_rng(0).normal(0, 300, (50, 50, 50)).astype(np.int16),
}


@pytest.mark.parametrize("what", WITHOUT)
def test_a_scan_without_a_face_stays_as_it_is(what):
    other = Volume(WITHOUT[what](), np.diag([4.0, 4, 4, 1]), "CT", ())
    assert faces.find(other) == []
    assert faces.strip(other) is other


def header(part: str) -> tuple[Dataset, ...]:
    dataset = Dataset()
    dataset.BodyPartExamined = part
    return (dataset,)


@pytest.mark.parametrize(("name", "air"), [("ct", -1000), ("mr", 0), ("pet", 0)])
def test_a_brain_alone_has_no_face_even_if_its_header_says_head(name, air):
    head = scan(name)
    values = np.where(true_brain(name), head.values, air).astype(head.values.dtype)
    alone = replace(head, values=values, datasets=header("HEAD"))
    assert faces.find(alone) == []
    assert faces.strip(alone) is alone


def test_a_brain_alone_may_reach_the_lowest_slice_with_its_spine():
    head = scan("pet")
    values = np.where(true_brain("pet"), head.values, 0).astype(np.float32)
    x, y, z = (int(i) for i in np.argwhere(values)[np.argwhere(values)[:, 2].argmin()])
    values[x - 2 : x + 3, y - 2 : y + 3, : z + 1] = 1000
    alone = replace(head, values=values, datasets=header("HEAD"))
    assert brain.is_alone(alone)
    assert faces.find(alone) == []
    values[20:60, 30:70, :5] = 1000
    assert not brain.is_alone(replace(head, values=values)), "that is a neck"


def test_a_small_head_before_an_empty_background_is_no_brain_alone():
    head = scan("mr")
    values = np.pad(np.where(head.values > faces.skin_level(head), head.values, 0), 3)
    child = Volume(values, head.affine * [0.75, 0.75, 0.75, 1], "MR", ())
    size = np.count_nonzero(values) * child.spacing.prod() / 1e6
    assert size < 2.3, "it is of a brain's size, in litres"
    assert not brain.is_alone(child)


def test_a_slice_or_two_through_the_eyes_is_refused_unless_the_header_names_another_part():
    head = scan("ct")
    low, high = voxel("ct", (0, 0, -20))[2], voxel("ct", (0, 0, 20))[2]
    slab = cropped(head, (0, 0, low), (None, None, high))
    with pytest.raises(Refused, match="may show a head"):
        faces.strip(slab)
    knee = replace(slab, datasets=header("KNEE"))
    assert faces.find(knee) == []


def test_a_head_on_a_thick_pillow_is_defaced():
    head = scan("ct")
    values = np.pad(head.values, ((0, 0), (0, 12), (0, 0)), constant_values=-1000)
    pillow = values[:, voxel("ct", (0, 100, 0))[1] :]
    pillow[pillow < -350] = -200
    after = faces.strip(Volume(values, head.affine, "CT", ())).values
    for eye in (LEFT_EYE, RIGHT_EYE):
        assert after[voxel("ct", eye)] < -350
    assert not (after != values)[:, : head.values.shape[1]][true_brain("ct")].any()


def test_voxels_that_changed_since_the_last_look_are_looked_at_anew():
    values = scan("pet").values.copy()
    head = Volume(values, scan("pet").affine, "PT", ())
    assert len(faces.find(head)) == 1
    values[:] = 0
    assert faces.find(head) == []


def test_a_header_that_says_head_makes_it_refuse_where_no_head_is_seen():
    with pytest.raises(Refused, match=r"may show a head.*faces\.show"):
        faces.strip(Volume(bottle(), np.diag([4.0, 4, 4, 1]), "CT", header("HEAD")))


@pytest.mark.parametrize("axis", [1, 2], ids=["face to the back", "upside down"])
def test_a_head_that_lies_otherwise_than_its_header_says_is_refused(axis):
    head = scan("ct")
    with pytest.raises(Refused, match="otherwise than its header says"):
        faces.strip(Volume(np.flip(head.values, axis).copy(), head.affine, "CT", ()))


def test_unknown_methods_and_short_keys_are_refused():
    with pytest.raises(ValueError, match="'blur'.*remove, reface, plane"):
        faces.strip(scan("pet"), "blur")
    with pytest.raises(ValueError, match="at least 16"):
        faces.strip(scan("pet"), key="short")
