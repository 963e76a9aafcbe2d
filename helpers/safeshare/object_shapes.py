"""Measure the shape and the inside of an object in a radiograph, to tell its kind by."""

import numpy as np
from scipy import ndimage

from .object_candidates import View

_EIGHT = np.ones((3, 3), bool)


def described(v: View, place: tuple[slice, ...], mask: np.ndarray) -> list[float]:
    """Return sizes in mm, how solid it is, how many parts and holes it has, and how its inside looks."""
    wide = tuple(slice(max(0, p.start - 4), p.stop + 4) for p in place)
    whole = np.zeros(v.values[wide].shape, bool)
    whole[tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip(place, wide, strict=True))] = mask
    values, steps = v.values[wide], v.steps[wide]
    depth = ndimage.distance_transform_edt(np.pad(whole, 1))[1:-1, 1:-1] * v.pixel
    rim = whole & (depth < 1.1 * v.pixel)
    ring = ndimage.binary_dilation(whole, _EIGHT, iterations=4) & ~ndimage.binary_dilation(whole, _EIGHT)
    filled = ndimage.binary_fill_holes(whole)
    area, length = whole.sum() * v.pixel**2, max(1, rim.sum()) * v.pixel
    high, across = (m * v.pixel for m in mask.shape)
    rows, columns = np.nonzero(whole)
    spread = np.linalg.eigvalsh(np.cov(np.stack([rows, columns])) + 0.1 * np.eye(2)) if len(rows) > 2 else np.ones(2)
    deep = depth > 2.5
    inside = values[whole]
    outer = values[ring] if ring.any() else np.zeros(1)
    rough = np.abs(values - ndimage.uniform_filter(values, 5))[whole & (depth > 1.0)]
    on_edge = any(p.start == 0 or p.stop == n for p, n in zip(place, v.values.shape, strict=True))
    return [
        np.log(area), np.log(length), 2 * area / length, max(high, across), min(high, across), area / (high * across),
        spread[1] ** 0.5 * v.pixel, (spread[0] / spread[1]) ** 0.5, 4 * np.pi * area / length**2,
        depth.max(), depth[whole].mean(), depth[whole].std(), float(deep[whole].mean()),
        float((depth > 5)[whole].mean()), ndimage.label(whole, _EIGHT)[1], ndimage.label(deep, _EIGHT)[1],
        float(filled.sum() / whole.sum() - 1), ndimage.label(filled & ~whole)[1], inside.mean(), inside.std(),
        outer.mean(), outer.std(), inside.mean() - outer.mean(), float(steps[rim].mean() / v.usual),
        float((steps[rim] > v.usual).mean()), float(rough.mean() if rough.size else -1), float((inside > 0.97).mean()),
        float(on_edge),
    ]  # fmt: skip
