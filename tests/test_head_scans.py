"""Heads that are no plain CT, MR or PET are defaced or refused, too: with dark skin, other values, other classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import UID
from test_brain import LEFT_EYE, RIGHT_EYE, scan, true_brain, voxel
from test_volume import multiframe, slices, write

from safeshare import Refused, faces, metadata, series, volume
from safeshare.volume import Volume

CAPTURE, WORD_CAPTURE = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.3"
ANGIOGRAPHIC, CRANIOFACIAL = "1.2.840.10008.5.1.4.1.1.13.1.1", "1.2.840.10008.5.1.4.1.1.13.1.2"


def header(**values: str) -> tuple[Dataset, ...]:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return (dataset,)


def without_words(name: str, values: np.ndarray) -> Volume:
    return replace(scan(name), values=values, datasets=())


def with_dark_skin(name: str, share: float) -> Volume:
    """Return a head whose signal is that of its brain, and elsewhere that share of it, in the same noise."""
    head, keep = scan(name), true_brain(name)
    corner = head.values[:5, :5].astype(float)
    noise = np.random.default_rng(0).normal(0, corner.std(), head.values.shape)
    dark = np.abs(np.median(corner) + (head.values - np.median(corner)) * share + noise)
    return without_words(name, np.where(keep, head.values, np.rint(dark)).astype(head.values.dtype))


def test_skin_that_is_dark_beside_the_brain_goes_with_the_face():
    head = with_dark_skin("mr", 0.06)
    after = faces.strip(head)
    changed = after.values != head.values
    for place in (LEFT_EYE, RIGHT_EYE, (0, -20, -70), (0, -12, -100)):
        assert changed[voxel("mr", place)], f"something is left at {place}"
    assert not changed[true_brain("mr")].any()
    assert faces.find(after) == []


@pytest.mark.parametrize("change", [lambda hu: hu + 1024, lambda hu: np.clip((hu + 1000) // 8, 0, 255)])
def test_a_ct_that_is_not_in_hounsfield_units_is_refused_unless_the_header_names_another_part(change):
    head = without_words("ct", change(scan("ct").values))
    with pytest.raises(Refused, match="may show a head"):
        faces.find(head)
    assert faces.find(replace(head, datasets=header(BodyPartExamined="KNEE"))) == []


def test_an_mr_in_which_high_is_dark_is_turned_round(monkeypatch):
    head = scan("mr")
    inverted = without_words("mr", head.values.max() - head.values)
    with pytest.raises(Refused, match="may show a head"):
        faces.find(inverted)
    monkeypatch.setattr(volume, "datasets", lambda stripped: [])  # what is tested is the voxels
    told = replace(inverted, datasets=header(PhotometricInterpretation="MONOCHROME1"))
    after = faces.strip(told)
    changed = after.values != inverted.values
    assert np.unique(after.values[changed]) == np.median(inverted.values[:5, :5]), "the face is as bright as air"
    assert changed[voxel("mr", LEFT_EYE)] and changed[voxel("mr", (0, -20, -70))]
    assert not changed[true_brain("mr")].any()


@pytest.mark.parametrize("modality", ["DX", "XA", "OT", ""])
def test_what_x_rays_make_counts_as_ct(modality):
    assert faces.look(replace(without_words("ct", scan("ct").values), modality=modality)).parts


def test_the_skin_level_of_an_mr_whose_air_is_negative_lies_between_air_and_skin():
    head = without_words("mr", scan("mr").values.astype(np.int32) - 1024)
    assert faces.skin_level(head) == pytest.approx(faces.skin_level(scan("mr")) - 1024, abs=20)


def captured(dataset, **values):
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def of_class(dataset, uid):
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(uid)
    return dataset


def saved(dataset, folder: Path) -> Path:
    return next(write([dataset], folder).iterdir())


def without(dataset, *keywords):
    for keyword in keywords:
        del dataset[keyword]
    return dataset


@pytest.mark.parametrize(
    "make",
    [
        lambda: of_class(slices()[0], CAPTURE),
        lambda: of_class(multiframe(slices(), [0, 1, 2, 3]), WORD_CAPTURE),
        lambda: captured(of_class(multiframe(slices(), [0, 1, 2, 3]), CRANIOFACIAL), Modality="DX"),
        lambda: captured(of_class(multiframe(slices(), [0, 1, 2, 3]), ANGIOGRAPHIC), Modality="XA"),
    ],
    ids=["capture", "capture of many frames", "craniofacial", "angiographic"],
)
def test_slices_are_a_scan_whatever_their_class(make, tmp_path):
    assert series.scan_of(saved(make(), tmp_path)) == "1.2.5"


@pytest.mark.parametrize("modality", ["CT", ""])
def test_slices_without_a_class_in_the_data_set_are_a_scan(modality, tmp_path):
    path = saved(captured(slices()[0], Modality=modality), tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\x08\x00\x16\x00UI", b"\x09\x00\x16\x00UI"))
    assert series.scan_of(path) == "1.2.5"


@pytest.mark.parametrize(
    "make",
    [
        lambda: without(slices()[0], "ImagePositionPatient"),
        lambda: captured(slices()[0], Modality="OT"),
        lambda: captured(slices()[0], PhotometricInterpretation="RGB", SamplesPerPixel=3),
        lambda: captured(slices()[0], NumberOfFrames=2),
    ],
    ids=["nowhere", "of no scan", "in colour", "a clip"],
)
def test_a_capture_that_is_no_slice_stands_alone(make, tmp_path):
    assert series.scan_of(saved(of_class(make(), CAPTURE), tmp_path)) == ""


@pytest.mark.parametrize("thing", ["scan.dcm", [], Dataset()], ids=["path", "list", "data set"])
def test_what_is_no_volume_is_said_to_be_none(thing):
    for ask in (faces.find, faces.strip, faces.show):
        with pytest.raises(TypeError, match=r"takes a Volume.*volume\.read"):
            ask(thing)


def test_what_is_no_data_set_is_said_to_be_none():
    for ask in (metadata.find, metadata.strip, metadata.show):
        with pytest.raises(TypeError, match=r"takes a Dataset.*dcmread"):
            ask("scan.dcm")
