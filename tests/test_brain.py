"""The brain mask holds all of the brain and little else, in each modality."""

from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation
from skimage.draw import polygon2mask

from safeshare import Refused, brain, volume
from safeshare.volume import Volume

HEAD = Path(__file__).parents[1] / "data" / "head"
TURNED = {"ct": (0, 0, 0), "mr": (4, -2, 3), "pet": (-3, 1, 0)}  # how Ada lay in each scanner: data/build/head.py
LEFT_EYE, RIGHT_EYE = (31, 0, 0), (-31, 0, 0)  # mm in the CT's frame: left, back, up


@cache
def scan(name: str) -> Volume:
    return volume.read(HEAD / name)


@cache
def drawn_in_ct() -> np.ndarray:
    """Ada's true brain on the grid of her CT, from the contours beside it."""
    ct = scan("ct")
    numbers = {ds.SOPInstanceUID: index for index, ds in enumerate(ct.datasets)}
    truth = np.zeros(ct.values.shape, bool)
    for contour in pydicom.dcmread(HEAD / "RS.brain.dcm").ROIContourSequence[0].ContourSequence:
        index = numbers[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        points = np.c_[np.reshape(contour.ContourData, (-1, 3)), np.ones(contour.NumberOfContourPoints)]
        x, y, _, _ = np.linalg.inv(ct.affine) @ points.T
        truth[..., index] ^= polygon2mask(truth.shape[:2], np.c_[x, y])
    return ndimage.binary_fill_holes(truth)


@cache
def true_brain(name: str) -> np.ndarray:
    """Ada's true brain on the grid of one of her scans."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", TURNED[name], degrees=True).as_matrix()
    back = np.linalg.inv(scan("ct").affine) @ turn.T @ scan(name).affine
    share = ndimage.affine_transform(
        drawn_in_ct().astype(np.float32), back[:3, :3], back[:3, 3], scan(name).values.shape, order=1
    )
    return share > 0.5


def voxel(name: str, place: tuple[float, float, float]) -> tuple[int, ...]:
    """Where a place of the CT's frame lies in a scan."""
    turn = Rotation.from_euler("xyz", TURNED[name], degrees=True).as_matrix()
    at = np.linalg.inv(scan(name).affine) @ [*(turn @ place), 1]
    return tuple(np.round(at[:3]).astype(int))


@pytest.mark.parametrize("name", TURNED)
def test_the_mask_holds_the_brain_and_neither_eyes_nor_spine(name):
    mask, truth = brain.brain_mask(scan(name)), true_brain(name)
    spacing = scan(name).spacing
    missed = ndimage.distance_transform_edt(~mask, spacing)[truth]
    assert missed.max() < 4, "the margin of defacing would not make up for what is missed"
    assert np.count_nonzero(mask) < 1.3 * np.count_nonzero(truth)
    for eye in (LEFT_EYE, RIGHT_EYE):
        assert not mask[voxel(name, eye)]
    too_much = ndimage.distance_transform_edt(~truth, spacing)[mask]
    assert too_much.max() < 20


def test_noise_neither_lets_the_mask_into_the_eyes_nor_costs_brain():
    head, truth = scan("ct"), true_brain("ct")
    noise = np.random.default_rng(0).normal(0, 150, head.values.shape)
    noisy = Volume((head.values + noise).astype(np.int16), head.affine, "CT", ())
    mask = brain.brain_mask(noisy)
    within = ndimage.distance_transform_edt(~mask, head.spacing)
    assert within[truth].max() < 4 + head.spacing[0] / 2, "the margin reckons from the faces of voxels"
    for eye in (LEFT_EYE, RIGHT_EYE):
        assert within[voxel("ct", eye)] > 12, "the margin around the mask would spare the eye"


def test_an_mr_that_is_brighter_near_the_coil_costs_no_brain():
    head, truth = scan("mr"), true_brain("mr")
    bright = np.linspace(0.45, 1.55, head.values.shape[1])[None, :, None]
    mask = brain.brain_mask(Volume((head.values * bright).astype(np.int16), head.affine, "MR", ()))
    assert ndimage.distance_transform_edt(~mask, head.spacing)[truth].max() < 4
    for eye in (LEFT_EYE, RIGHT_EYE):
        assert not mask[voxel("mr", eye)]


def test_what_is_no_head_has_no_brain():
    x, y, z = np.indices((60, 60, 60)) * 4 - 118
    bottle = np.where((x**2 + y**2 < 80**2) & (np.abs(z) < 100), 0, -1000).astype(np.int16)
    with pytest.raises(Refused, match="no head in it"):
        brain.brain_mask(Volume(bottle, np.diag([4.0, 4, 4, 1]), "CT", ()))
