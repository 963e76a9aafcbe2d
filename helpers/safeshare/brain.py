"""Where the brain is in a head CT, MR or PET, so that nothing near it is touched.

The average head (``average_head``) tells roughly where to look, and the scan's own values tell exactly: in CT the brain
is what is soft inside the skull, in MR what is as bright as the middle of the brain, in PET what takes up as much. What
hangs on by less than 8 mm is not taken along, so the mask does not leak into an orbit or down the spine.
"""

import numpy as np
from scipy import ndimage

from . import average_head
from .average_head import Fit, Outline
from .finding import Refused
from .volume import Volume

_SIZE = 2.0  # mm of the voxels that are looked at
_NECK = 5.0  # mm: half the width of what is cut off
_NOISE = 12.0  # HU
_LOWEST = -48.0  # mm over the eyes: further down is the spine
_SEARCHED = 14.0  # mm around the average brain that may still be brain
_SCALP = 8.0  # mm of skin and bone at least between air and brain, whatever thick slices or a coil make of them
_COIL = 20.0  # mm over which the brightness of an MR may change
_ALONE = 600_000.0, 2_300_000.0  # mm³: a brain's size; adults' heads have 3 million and more
_CORD = 1000.0  # mm² of a cut through the brainstem or the spine at most: necks have ten times as much
_LIKE_BRAIN = 2.0  # mm between the outline of a brain alone and the average brain's


def brain_mask(volume: Volume) -> np.ndarray:
    """Return which voxels of a head scan lie inside the skull: the brain with its fluid, a little too much at most.

    Raises ``Refused`` when there is no head in the scan, or no brain that can be told from the rest.
    """
    from . import faces

    body, found = faces.locate(volume)
    if found.seen < 0.1 or found.error > 4:
        raise Refused("there is no head in it, so there is no brain: look at it with faces.show.")
    mask, affine = coarse_mask(volume, body, found)
    to_coarse = np.linalg.inv(affine) @ volume.affine
    scale, offset = to_coarse[:3, :3].diagonal(), to_coarse[:3, 3]
    shape = volume.values.shape
    return ndimage.affine_transform(mask.astype(np.float32), scale, offset, shape, order=1, mode="nearest") > 0.5


def coarse_mask(volume: Volume, body: Outline, found: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Return the brain on a grid of about 2 mm, and the grid's affine; ``body`` and ``found`` tell where the head is.

    Raises ``Refused`` when no brain can be told from the rest.
    """
    values, affine = average_head.coarse(volume, _SIZE)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    mean = average_head.average()
    to_average = (found.to_average @ affine).astype(np.float32)
    points = average_head.in_patient(to_average, values.shape)
    expected = average_head.sample(mean.brain_depth, points, -99.0)
    core = expected > 10
    mask = np.zeros(values.shape, bool)
    if not core.any():
        return mask, affine  # the scan ends below the brain
    box = tuple(slice(max(0, a.min() - 3), a.max() + 4) for a in np.nonzero(expected > -_SEARCHED))
    values, expected, core = values[box], expected[box], core[box]
    values, width = _calm(values, volume.modality, spacing, core)
    blur = width - 1  # a wide filter blurs the brain's rim with the bone, and bridges the way into the orbits
    neck, searched = _NECK + 2 * blur, _SEARCHED - 4 * blur
    tissue = _tissue(values, volume.modality, expected, spacing) & (expected > -searched) & (points[2][box] > _LOWEST)
    tissue |= expected > 12  # whatever is there, a bleeding or an implant: this deep it is the brain's place
    thick = ndimage.distance_transform_edt(np.pad(tissue, 1, "edge"), spacing)[1:-1, 1:-1, 1:-1] > neck
    labels, _ = ndimage.label(thick)
    inner = np.unique(labels[core & thick])
    thick = np.isin(labels, inner[inner > 0])
    if not thick.any():
        raise Refused("its brain cannot be told from the rest: deface it by hand, or leave it out.")
    near = ndimage.distance_transform_edt(~thick, spacing)
    grown = tissue & (near < neck + 2.5)
    grown = ndimage.distance_transform_edt(~grown, spacing) < 5  # sulci and ventricles
    grown = ndimage.distance_transform_edt(np.pad(grown, 1, "edge"), spacing)[1:-1, 1:-1, 1:-1] > 5
    # Where noise or thick slices hide the brain's rim, the average brain counts in full.
    sure = -1 if blur else 0 if spacing.max() > 4 else 4
    mask[box] = ndimage.binary_fill_holes(grown | (expected > sure))
    to_body = np.linalg.inv(body.affine) @ affine
    depth = ndimage.affine_transform(
        body.depth, to_body[:3, :3].diagonal(), to_body[:3, 3], mask.shape, order=1, mode="nearest"
    )
    return mask & (depth > _SCALP), affine


def agreement(volume: Volume, found: Fit, mask: np.ndarray, affine: np.ndarray) -> tuple[float, float]:
    """Return how well a brain mask agrees with the average head's (Dice), and how much bone is around it in a CT."""
    values, _ = average_head.coarse(volume, _SIZE)
    mean = average_head.average()
    points = average_head.in_patient((found.to_average @ affine).astype(np.float32), mask.shape)
    expected = average_head.sample(mean.brain_depth, points, -99.0)
    both = int((mask & (expected > 0)).sum())
    dice = 2 * both / max(int(mask.sum()) + int((expected > 0).sum()), 1)
    shell = (expected < -1) & (expected > -9) & (average_head.sample(mean.depth, points, -99.0) > 2)
    return dice, float((values[shell] > 200).mean()) if shell.any() else 0.0


def is_alone(volume: Volume) -> bool:
    """Return whether there is a brain in the scan and nothing else, as after skull stripping.

    That takes a background of one value exactly, which no scanner makes, in it one piece of a brain's size that ends
    before the scan does, but for the spine, and an outline that is the average brain's.
    """
    values, affine = average_head.coarse(volume, _SIZE)
    background = values.flat[0]
    solid = values != background
    edge = solid.copy()
    edge[1:-1, 1:-1, 1:-1] = False
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    cut = np.count_nonzero(edge[..., 0]) * spacing[0] * spacing[1]
    edge[..., 0] = False
    size = np.count_nonzero(solid) * spacing.prod()
    if edge.any() or cut > _CORD or not _ALONE[0] < size < _ALONE[1]:
        return False
    solid = ndimage.distance_transform_edt(~solid, spacing) < 5
    solid = ndimage.binary_fill_holes(ndimage.distance_transform_edt(solid, spacing) > 5)
    body = average_head.Outline(average_head.signed_depth(solid, spacing), affine)
    mean = average_head.average()
    places = average_head.in_patient(affine, solid.shape)[:, solid]
    inside = average_head.ORIGIN + average_head.SPACING * np.argwhere(mean.brain_depth > 0)
    fits = []
    for nod in (-0.4, 0.0, 0.4):
        centre = places.mean(1) - inside.mean(0) + average_head.MIDDLE
        start = np.array([nod, 0, 0, *centre, 0, 0, 0])
        fits.append(average_head.refine(body, start, mean.brain_depth, np.ones_like(mean.weight)))
    best = min(fits, key=lambda found: found.error)
    return best.error < _LIKE_BRAIN and float(np.abs(best.numbers[6:]).max()) < 0.3


def _calm(values: np.ndarray, modality: str, spacing: np.ndarray, core: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the values without their noise, and how wide a filter that took: in a CT of low dose a wider one."""
    for width in (1.0, 2.0, 3.0):
        smooth = ndimage.gaussian_filter(values, width / spacing)
        middle = smooth[core]
        if modality != "CT" or np.percentile(np.abs(middle - np.median(middle)), 68) < _NOISE:
            break
    return smooth, width


def _tissue(values: np.ndarray, modality: str, expected: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    if modality == "CT":
        return (values > -30) & (values < 100)
    if modality == "MR":  # what is near a coil is brighter: each place is compared to the brain around it
        brain = (expected > 4).astype(np.float32)
        around, weight = (ndimage.gaussian_filter(field, _COIL / spacing) for field in (values * brain, brain))
        typical = around / np.maximum(weight, 1e-6)
        return (values > 0.5 * typical) & (values < 1.55 * typical)
    return values > 0.42 * float(np.median(values[expected > 10]))
