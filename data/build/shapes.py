"""Signed distances (mm, negative inside) of simple bodies, and smooth random fields.

The anatomy in skeleton.py and soft_tissue.py is drawn with these few shapes.
A point is a tuple of three arrays (x to the patient's left, y forward, z up) that broadcast against each other.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

Point = tuple[np.ndarray, np.ndarray, np.ndarray]
Triple = tuple[float, float, float]


def ellipsoid(p: Point, centre: Triple, radii: Triple) -> np.ndarray:
    """Distance to an ellipsoid with axes along x, y and z (exact on the surface, close to it nearby)."""
    k0 = k1 = 0.0
    for axis, c, r in zip(p, centre, radii, strict=True):
        scaled = (axis - c) / r
        k0 = k0 + scaled**2
        k1 = k1 + (scaled / r) ** 2
    k0, k1 = np.sqrt(k0), np.sqrt(k1)
    return k0 * (k0 - 1) / np.maximum(k1, 1e-6)


def box(p: Point, centre: Triple, half: Triple, rounding: float = 1.0) -> np.ndarray:
    """Distance to a box with rounded edges; `half` are half its side lengths."""
    q = [np.abs(axis - c) - (h - rounding) for axis, c, h in zip(p, centre, half, strict=True)]
    outside = np.sqrt(sum(np.maximum(side, 0) ** 2 for side in q))
    return outside + np.minimum(np.maximum(np.maximum(q[0], q[1]), q[2]), 0) - rounding


def tube(p: Point, points: list[Triple], radii: float | list[float], flat: Triple = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Distance to a chain of cones through `points` with the given radii.

    `flat` stretches space along x, y or z before measuring: 0.5 makes the tube twice as wide along that axis.
    """
    points = np.asarray(points, float) * flat
    radii = np.broadcast_to(np.asarray(radii, float), len(points))
    scaled = [axis * f for axis, f in zip(p, flat, strict=True)]
    best = None
    for a, b, ra, rb in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        ab = b - a
        along = sum((axis - a[k]) * ab[k] for k, axis in enumerate(scaled)) / (ab @ ab)
        along = np.clip(along, 0, 1)
        gap = np.sqrt(sum((axis - a[k] - along * ab[k]) ** 2 for k, axis in enumerate(scaled)))
        d = gap - (ra + (rb - ra) * along)
        best = d if best is None else np.minimum(best, d)
    return best / max(flat)


def polygon(u: np.ndarray, v: np.ndarray, corners: list[tuple[float, float]]) -> np.ndarray:
    """Distance in a plane to a closed polygon."""
    corners = np.asarray(corners, float)
    squared, sign = np.inf, 1.0
    for a, b in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        e = b - a
        wu, wv = u - a[0], v - a[1]
        t = np.clip((wu * e[0] + wv * e[1]) / (e @ e), 0, 1)
        squared = np.minimum(squared, (wu - e[0] * t) ** 2 + (wv - e[1] * t) ** 2)
        above, below, left = v >= a[1], v < b[1], e[0] * wv > e[1] * wu
        sign = np.where((above & below & left) | ~(above | below | left), -sign, sign)
    return sign * np.sqrt(squared)


def plate(p: Point, corners: list[tuple[float, float]], middle: Callable, thickness: float) -> np.ndarray:
    """Distance to a plate: a polygon in the y-z plane, `thickness` mm thick about the surface x = middle(y, z)."""
    x, y, z = p
    edge = np.maximum(polygon(y, z, corners) + thickness / 2, 0)
    return np.hypot(edge, x - middle(y, z)) - thickness / 2


def ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """From 0 where the value is `low` smoothly to 1 where it is `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def join(a: np.ndarray, b: np.ndarray, blend: float = 3.0) -> np.ndarray:
    """Union of two bodies with a rounded seam."""
    h = np.clip(0.5 + 0.5 * (b - a) / blend, 0, 1)
    return b + (a - b) * h - blend * h * (1 - h)


def noise(
    shape: tuple[int, int, int], wavelength: float, random: np.random.RandomState, spacing: float = 1.0
) -> np.ndarray:
    """A smooth random field, mean 0 and standard deviation 1, whose bumps are about `wavelength` mm apart."""
    sigma = wavelength / spacing / 4
    step = max(1, int(sigma / 1.5))
    coarse = tuple(-(-n // step) + 3 for n in shape)
    field = ndimage.gaussian_filter(random.standard_normal(coarse).astype(np.float32), sigma / step)
    field /= field.std()
    if step == 1:
        return field[tuple(slice(n) for n in shape)]
    return enlarge(field, step, shape)


def enlarge(coarse: np.ndarray, step: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Linear interpolation of a field known at every `step`-th voxel to all voxels of `shape`."""
    field = np.asarray(coarse, np.float32)
    for axis, length in enumerate(shape):
        at = np.arange(length, dtype=np.float32) / step
        low = np.minimum(at.astype(int), field.shape[axis] - 2)
        part = (at - low).reshape([-1 if k == axis else 1 for k in range(3)])
        field = np.take(field, low, axis) * (1 - part) + np.take(field, low + 1, axis) * part
    return field
