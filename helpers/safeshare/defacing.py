"""What ``faces.strip`` does to the voxels: "remove" cuts the face off, "reface" puts an average one there, "plane" cuts
straight.

The face region is the same for everybody: it is drawn once, around the average head, and laid over the scan with it
(``average_head.fit``). So the cut is smooth and generic, and neither its rim nor its surface follows the person's own
skin, from which the face could be guessed again. Two things only come from the person: where the head lies, and the
brain, which stays with a margin around it.

What stays is not nothing. The size of the head and the shape of the brain go with sex and ancestry, and so with faces:
attackers that were trained on defaced CTs of synthetic people, and told where the eyes had been, put 4 of 20 people
first after "remove" and after "reface", where chance is 1, and 3 of 20 where nothing was left but the brain. So no
method that keeps the brain hides all of it (``tests/benchmarks/reidentification.py``).
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from . import average_head
from .average_head import Fit
from .volume import Volume


class Head(NamedTuple):
    """A head in a scan: where it is, its brain on a coarse grid and that grid's place, how many mm each voxel of it
    lies inside what is removed, how much there is of each part of the face (none where the face is gone), and the value
    that parts air from skin."""

    found: Fit
    mask: np.ndarray
    affine: np.ndarray
    region: np.ndarray
    parts: dict[str, float]
    level: float

    @property
    def sure(self) -> float:
        """How much the outline is a head's: those of 33 synthetic people are 1.0 to 2.3 mm off the average."""
        return round(float(np.clip(1.5 - self.found.error / 4, 0.3, 0.99)), 2)


MARGIN = 4.0  # mm around the brain mask that nothing touches
_GRID = 2.0  # mm of the grid on which the region is drawn, before it is interpolated
_STEP = 0.1  # between the sizes of the average face, as a logarithm
_RIM = 10.0  # mm from the rim of the face region over which a new surface takes over from the own one


def beside_brain(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Return how many mm voxels lie outside the brain and its margin, on the mask's grid, smoothed."""
    if not mask.any():
        return np.full(mask.shape, 99.0, np.float32)
    depth = -average_head.signed_depth(mask, spacing)
    near = np.clip(depth, -20, 20)
    smooth = ndimage.gaussian_filter(near, 3.0 / spacing)
    return np.minimum(smooth, near + 0.5) - MARGIN - max(0.0, float(spacing.max()) - 2) / 2


def upsampled(coarse: np.ndarray, affine: np.ndarray, volume: Volume, slab: slice) -> np.ndarray:
    """Return a coarse grid's values at the voxels of some slices (along z) of the volume."""
    to_coarse = np.linalg.inv(affine) @ volume.affine
    shape = (*volume.values.shape[:2], slab.stop - slab.start)
    offset = to_coarse[:3, 3] + to_coarse[:3, 2] * slab.start
    return ndimage.affine_transform(coarse, to_coarse[:3, :3].diagonal(), offset, shape, order=1, mode="nearest")


def changed(
    volume: Volume, inside: np.ndarray, affine: np.ndarray, new: Callable[[np.ndarray, slice], np.ndarray]
) -> np.ndarray:
    """Return the volume's values, with ``new(mask, slices)`` where ``inside``, a coarse field, is above 0."""
    values = volume.values.copy(order="K")
    for start in range(0, values.shape[2], 16):
        slab = slice(start, min(start + 16, values.shape[2]))
        mask = upsampled(inside, affine, volume, slab) > 0
        part = values[..., slab]
        part[mask] = new(mask, slab)
    return values


def region(mask: np.ndarray, affine: np.ndarray, found: Fit) -> np.ndarray:
    """Return how many mm the voxels of the brain mask's grid lie inside what is removed."""
    points = average_head.in_patient((found.to_average @ affine).astype(np.float32), mask.shape)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return np.minimum(average_head.face_region(points), beside_brain(mask, spacing)).astype(np.float32)


def remove(volume: Volume, head: Head, air: float) -> np.ndarray:
    """Return the values with nothing but air in the face region."""
    return changed(volume, head.region, head.affine, lambda mask, slab: volume.values.dtype.type(air))


def plane(volume: Volume, head: Head, air: float) -> np.ndarray:
    """Return the values with nothing but air on one side of a plane that just misses the brain.

    This is the idea of quickshear (Schimke and Hale 2011, USENIX HealthSec), to learn from: in a side view the plane
    lies along the longest edge of the brain's convex hull that faces down and to the front. It leaves the forehead,
    the ears and often the eyes.
    """
    mask, affine = head.mask, head.affine
    points = average_head.in_patient((head.found.to_average @ affine).astype(np.float32), mask.shape)
    side_view = points[1:, mask].T
    hull = ConvexHull(side_view[:: max(1, len(side_view) // 50_000)])
    faces_front = (hull.equations[:, 0] < 0) & (hull.equations[:, 1] < 0)
    lengths = np.linalg.norm(np.diff(hull.points[hull.simplices], axis=1)[:, 0], axis=1)
    back, up, offset = hull.equations[np.where(faces_front, lengths, 0).argmax()]
    beyond = back * points[1] + up * points[2] + offset - MARGIN
    beyond = np.minimum(beyond, beside_brain(mask, np.linalg.norm(affine[:3, :3], axis=0)))
    return changed(volume, beyond.astype(np.float32), affine, lambda mask, slab: volume.values.dtype.type(air))


def reface(volume: Volume, head: Head, air: float) -> np.ndarray:
    """Return the values with the average face in the face region, in the scan's own shades of grey.

    The face is the same for everybody, in sizes 10 % apart: only where it lies, and which size is nearest, comes from
    the person. Along the rim its surface runs into the person's own, ears left out, and over 5 mm the voxels fade into
    each other, so that no step is left. The average tissue has no texture: what is made up can be told from what was
    measured.
    """
    mean = average_head.average()
    to_average, size = _resized(head.found)
    fitted, resized = (
        average_head.in_patient((matrix @ head.affine).astype(np.float32), head.mask.shape)
        for matrix in (head.found.to_average, to_average)
    )
    weight = np.clip(average_head.face_region(fitted) / _RIM, 0, 1)
    average = size * average_head.sample(_skin_depth(), resized, -30.0)
    depth = (weight * average + (1 - weight) * _own_depth(volume, head)).astype(np.float32)
    shades = _shades(volume, head.found, air)
    kinds = np.where((mean.kinds == 0) & (mean.depth < 2), 1, mean.kinds)  # under the skin is no air
    picture = shades[kinds].astype(np.float32)
    to_average, to_coarse = to_average @ volume.affine, np.linalg.inv(head.affine) @ volume.affine

    def new(chosen: np.ndarray, slab: slice) -> np.ndarray:
        own = volume.values[..., slab][chosen].astype(np.float32)
        at = np.array(np.nonzero(chosen), np.float32)
        at[2] += slab.start
        coarse = _moved(to_coarse, at)
        fields = (depth, head.region)
        under, inside = (ndimage.map_coordinates(field, coarse, order=1, mode="nearest") for field in fields)
        share = np.clip(under / 2 + 0.5, 0, 1)  # a scan's skin is blurred, too
        theirs = air + share * (average_head.sample(picture, _moved(to_average, at), shades[1]) - air)
        theirs[share == 0] = air
        blended = own + np.clip(inside / 5, 0, 1) * (theirs - own)
        return blended if volume.values.dtype.kind == "f" else np.rint(blended)

    return changed(volume, head.region, head.affine, new)


def _resized(found: Fit) -> tuple[np.ndarray, float]:
    """Return what takes patient mm to those of the average head in the nearest of few sizes, and that size."""
    size = float(np.exp(-_STEP * np.round(found.numbers[6:].mean() / _STEP)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.exp(-found.numbers[6:])[:, None] * found.to_average[:3, :3] / size
    matrix[:3, 3] = average_head.MIDDLE - matrix[:3, :3] @ found.numbers[3:6]
    return matrix, size


@cache
def _skin_depth() -> np.ndarray:
    """Return how many mm the average head's voxels lie under its skin, from -30 to 30, without terraces."""
    mean = average_head.average()
    share = ndimage.gaussian_filter(mean.inside, 0.8)  # it rises by 0.235 a mm
    return np.clip((share - 0.5) / 0.235, -2, 2) + np.clip(np.abs(mean.depth) - 2, 0, 28) * np.sign(mean.depth)


def _own_depth(volume: Volume, head: Head) -> np.ndarray:
    """Return how many mm voxels of the brain mask's grid lie under the person's own skin without ears, -30 to 30."""
    values, affine = average_head.coarse(volume, 4.0)
    body = average_head.outline(values, affine, head.level)
    at = np.linalg.inv(body.affine) @ head.affine
    depth = ndimage.gaussian_filter(np.clip(body.depth, -30, 30), 1.0)
    return ndimage.affine_transform(depth, at[:3, :3], at[:3, 3], head.mask.shape, order=1, mode="nearest")


def _moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return matrix[:3, :3].astype(np.float32) @ points + matrix[:3, 3:].astype(np.float32)


def _shades(volume: Volume, found: Fit, air: float) -> np.ndarray:
    """Return the value of each kind of tissue: in CT from the textbook, else the median where it lies in this head."""
    if volume.modality == "CT":
        return np.array([air, *_HOUNSFIELD])
    mean = average_head.average()
    values, affine = average_head.coarse(volume, _GRID)
    points = average_head.in_patient((found.to_average @ affine).astype(np.float32), values.shape)
    kinds = average_head.sample(mean.kinds, points, 0, order=0)
    deep = average_head.sample(mean.depth, points, -99.0) > 3
    soft = float(np.median(values[deep])) if deep.any() else air
    shades = [air]
    for kind in range(1, len(average_head.KINDS)):
        own = values[deep & (kinds == kind)]
        shades.append(float(np.median(own)) if len(own) > 50 else soft)
    return np.array(shades)


_HOUNSFIELD = (45, -95, 900, 250, 1800, 15, 35)  # soft tissue, fat, bone, marrow, tooth, eye, brain
METHODS = {"remove": remove, "reface": reface, "plane": plane}
