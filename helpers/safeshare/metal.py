"""Metal in CT: lumps of voxels that are denser than any bone or tooth.

Enamel reaches about 2,500 HU and cortical bone 2,000; metal is beyond what most scanners store (3,071). On the skin and
outside it there is no bone, so what is as dense as bone there is an object, too.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import ndimage

AIR = -1000
_METAL, _EDGE = 2800, 1600  # HU: of some voxel of an object, and of those at its border
_OUTSIDE = 700  # HU; of an object that lies in the air
_SKIN = 2.0  # mm from the air around the body
_WORN = 12.0  # mm from the body; what is farther away belongs to the table
_LEAST = 2  # voxels
_ALL = np.ones((3, 3, 3), bool)


class Lump(NamedTuple):
    """An object, its voxels there, how large it is in mm3, and whether it lies on the skin."""

    place: tuple[slice, ...]
    mask: np.ndarray
    volume: float
    on_skin: bool


def lumps(hu: np.ndarray, spacing: Iterable[float | None]) -> list[Lump]:
    """Return the lumps of metal in an array of Hounsfield units with three axes; ``spacing`` is that of its voxels."""
    sizes = np.array([*[size or 0.7 for size in spacing], 1.0][:3])
    depth, away = _depth(hu > -300, sizes)
    dense = hu > _METAL
    metal = ndimage.binary_dilation(dense, _ALL) & (hu > _EDGE)
    outside = (depth == 0) & (hu > _OUTSIDE) & (away < _WORN)
    labels, count = ndimage.label(metal | outside, _ALL)
    if not count:
        return []
    voxels = np.bincount(labels.ravel(), (dense | outside).ravel(), count + 1)
    out = []
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        if voxels[label] >= _LEAST:
            mask = labels[place] == label
            on_skin = bool(depth[place][mask].min() < _SKIN)
            out.append(Lump(place, mask, float(mask.sum() * sizes.prod()), on_skin))
    return out


def places(wheres: Iterable[str]) -> list[tuple[slice, ...]]:
    """Return the places that findings name, "x 3 to 7, y ..."."""
    return [tuple(slice(int(a), int(b)) for a, b in re.findall(r"(\d+) to (\d+)", where)) for where in wheres]


def _depth(body: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how deep in mm each voxel lies in the largest body, and how far outside it."""
    bodies, count = ndimage.label(ndimage.binary_opening(body, _ALL) if min(body.shape) > 2 else body)
    if not count:
        return np.zeros(body.shape), np.full(body.shape, np.inf)
    largest = bodies == 1 + int(np.argmax(np.bincount(bodies.ravel())[1:]))
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(largest, 2, 0)], 2)
    deep = ndimage.distance_transform_edt(np.pad(filled, ((1, 1), (1, 1), (0, 0))), sizes)[1:-1, 1:-1]
    return deep, ndimage.distance_transform_edt(~filled, sizes)
