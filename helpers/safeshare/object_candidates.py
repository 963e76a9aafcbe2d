"""Propose regions of a radiograph that may be foreign objects, and measure what tells these from anatomy.

A candidate is what is brighter than some level, in the image itself or after the background is taken away (objects that
lie across dark and bright anatomy). Metal stops X-rays so well that its border is a step, as wide as the blur of the
detector, while anatomy gets thicker and thinner slowly. How high a step is depends on exposure and on the curve that a
system shows its images with, so steps are compared with those of the anatomy in the same image.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from . import artificial

FIELD = 300.0  # mm; the longer side of an image that does not tell the size of its pixels
CAP = 6.0  # times the usual steps; higher ones count no more
EVEN = 4.0  # the same where a part of a border is not to make up for the rest
_LONGEST = 1300  # pixels of the longer side of what is looked at
_WIDTHS = ((3.5, 0.04), (14.0, 0.05), (45.0, 0.07))  # mm, and the least height: what is thinner stands out
_LEVELS, _FEWER = 18, 8
_FAINTEST = 0.015  # steps of the anatomy, of an ideal one from black to white
_TYPICAL = 0.04  # how high the steps of anatomy are in many images
_LEAST, _LARGEST = 1.5, 0.3  # mm2 that a candidate covers at least, and share of the image at most
_ALONG = 0.5  # of a side of the image that a candidate may run along; a collimator's border runs along more
_BORDER = 0.6  # times the usual steps; what has a lower border is anatomy
_EIGHT = np.ones((3, 3), bool)


class View(NamedTuple):
    """A reduced image from 0 (black) to about 1, the steps in it, its grain, and the size of its pixels."""

    values: np.ndarray
    steps: np.ndarray
    usual: float  # how high the steps of the anatomy may be
    noise: float
    factor: int
    pixel: float  # mm


class Candidates(NamedTuple):
    """Regions that are brighter than one level: labels 1, 2, ..., where these are, and what was measured of each."""

    labels: np.ndarray
    places: list[tuple[slice, slice]]
    features: np.ndarray
    border: np.ndarray  # how high the steps at it are on average, none of them more than EVEN
    along: np.ndarray  # share of a side of the image that it runs along; 1 if it reaches two sides


class _Maps(NamedTuple):
    """What of each pixel is averaged over a candidate or its border."""

    values: np.ndarray
    lowest: np.ndarray  # around it
    highest: np.ndarray
    rough: np.ndarray
    raised: list[np.ndarray]


def view(picture: np.ndarray, flat: np.ndarray, pixel: float | None) -> View:
    """Return a picture as it is looked at; burned-in words and the edges of shutters and masks make no steps in it."""
    factor = -(-max(picture.shape) // _LONGEST)
    writing, frame = _any(artificial.writing(picture), factor), _any(flat, factor)
    values = reduced(picture, factor)
    writing = ndimage.binary_dilation(writing, iterations=3)
    inside = values[~(frame | writing)]
    low, high = np.percentile(inside, (1, 99.7)) if inside.size > 100 else (values.min(), values.max())
    values = np.clip((values - low) / max(high - low, 1e-6), -0.3, 1.5)
    values = ndimage.gaussian_filter(values.astype(np.float32), 0.6)
    steps, noise = _steps(values)
    shutter = _any(artificial.hard_edges(picture, flat) | artificial.masked(picture), factor)
    steps[ndimage.binary_dilation(shutter, _EIGHT, iterations=5)] = 0
    steps[writing] = 0
    tissue = steps[~frame & (values > 0.06)]
    # Halfway between what this image has and what images usually have, since objects raise the former.
    usual = (_TYPICAL * float(np.percentile(tissue[::7], 95))) ** 0.5 if tissue.size else _FAINTEST
    size = (pixel or FIELD / max(picture.shape)) * factor
    return View(values, steps, max(_FAINTEST, usual), float(noise[::9, ::9].mean()), factor, size)


def reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    """Return a picture with so many pixels made one, in rows and in columns."""
    rows, columns = (n // factor for n in picture.shape)
    cells = picture[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(cells.mean((1, 3))) if factor > 1 else picture


def _any(mask: np.ndarray, factor: int) -> np.ndarray:
    rows, columns = (n // factor for n in mask.shape)
    cells = mask[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(cells.any(axis=(1, 3)))


def _steps(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how high the step at each pixel is, times how sharp (a slope is as high over a longer way), and noise."""
    near, wide = (ndimage.maximum_filter(values, size) - ndimage.minimum_filter(values, size) for size in (5, 15))
    grain = np.abs(values - ndimage.uniform_filter(values, 3))
    noise = ndimage.uniform_filter(np.minimum(grain, 0.05), 31)
    return np.clip(near - 5 * noise, 0, 0.6) * (near / (wide + 0.03)) ** 2, noise


def proposed(seen: View) -> Iterator[Candidates]:
    """Yield the candidates of one level after the other."""
    values, raised = seen.values, []
    for size, _ in _WIDTHS:
        window = int(round(size / seen.pixel)) | 1
        raised.append(values - ndimage.maximum_filter(ndimage.minimum_filter(values, window), window))
    rough = np.abs(values - ndimage.uniform_filter(values, 3))
    maps = _Maps(values, ndimage.minimum_filter(values, 7), ndimage.maximum_filter(values, 5), rough, raised)
    for level in np.linspace(0.1, 1.05, _LEVELS):
        yield from _brighter(values, float(level), float(level) + 0.1, 0, maps, seen)
    for kind, (surface, (_, low)) in enumerate(zip(raised, _WIDTHS, strict=True), 1):
        for level in np.geomspace(low, 0.85, _FEWER):
            yield from _brighter(surface, float(level), float(level) * 1.25, kind, maps, seen)


def _brighter(
    surface: np.ndarray, level: float, higher: float, kind: int, maps: _Maps, seen: View
) -> Iterator[Candidates]:
    """Yield the regions of a surface above a level, if there are some that may be objects."""
    labels, count = ndimage.label(surface > level, _EIGHT)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    reach = np.array([np.bincount(side, minlength=count + 1) / len(side) for side in sides])
    along = reach.max(0)
    fits = (area * seen.pixel**2 > _LEAST) & (area < _LARGEST * labels.size) & (along < _ALONG)
    fits[0] = False
    if not fits.any():
        return
    edge = np.flatnonzero(_rim(labels) & fits[labels])
    which = labels.ravel()[edge]
    steps = np.minimum(seen.steps.ravel()[edge] / seen.usual, CAP)
    fits &= np.bincount(which, steps, count + 1) > _BORDER * np.maximum(np.bincount(which, minlength=count + 1), 1)
    numbers = np.flatnonzero(fits)
    if not len(numbers):
        return
    new = np.zeros(count + 1, int)
    new[numbers] = np.arange(1, len(numbers) + 1)
    labels = new[labels]
    places = ndimage.find_objects(labels)
    kept = new[which] > 0
    features = np.vstack([
        np.full((2, len(places)), [[kind], [level]]),
        _sizes(labels, places, np.bincount(new[which[kept]])[1:], along[numbers] > 0, seen.pixel),
        _border(edge[kept], new[which[kept]], steps[kept], maps, seen),
        _inside(labels, surface, higher, maps, seen, edge[kept], new[which[kept]]),
    ])  # fmt: skip
    border = _means(new[which[kept]], np.minimum(steps[kept], EVEN))
    sides_ = np.where((reach > 0.02).sum(0) > 1, 1.0, along)[numbers]  # a corner that a round collimator leaves out
    yield Candidates(labels, places, features.T.astype(np.float32), border, sides_)


def _rim(labels: np.ndarray) -> np.ndarray:
    """Return the pixels beside one without a label, or at the border of the image."""
    padded = np.pad(labels, 1)
    inner = labels > 0
    for rows, columns in ((slice(None, -2), slice(1, -1)), (slice(2, None), slice(1, -1)),
                          (slice(1, -1), slice(None, -2)), (slice(1, -1), slice(2, None))):  # fmt: skip
        inner &= padded[rows, columns] > 0
    return (labels > 0) & ~inner


def _means(owner: np.ndarray, each: np.ndarray) -> np.ndarray:
    """Return the mean for each of the owners 1, 2, ..."""
    count = np.bincount(owner)
    return (np.bincount(owner, each, len(count)) / np.maximum(count, 1))[1:]


def _spread(owner: np.ndarray, each: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(_means(owner, each**2) - _means(owner, each) ** 2, 0))


def _sizes(labels: np.ndarray, places: list, edges: np.ndarray, on_side: np.ndarray, pixel: float) -> np.ndarray:
    """Return sizes in mm and mm2, how solid, round and long it is, and whether it reaches the image's border."""
    rows, columns = np.divmod(np.flatnonzero(labels), labels.shape[1])
    owner = labels[rows, columns]
    area, length = np.bincount(owner)[1:] * pixel**2, edges * pixel
    high, wide = (np.array([place[axis].stop - place[axis].start for place in places]) * pixel for axis in (0, 1))
    y, x = _means(owner, rows), _means(owner, columns)
    yy, xx = _means(owner, rows.astype(float) ** 2) - y**2, _means(owner, columns.astype(float) ** 2) - x**2
    xy = _means(owner, rows * columns.astype(float)) - y * x
    root = np.sqrt(np.maximum((yy - xx) ** 2 / 4 + xy**2, 0))
    longest, shortest = np.sqrt((yy + xx) / 2 + root + 0.1), np.sqrt(np.maximum((yy + xx) / 2 - root, 0) + 0.1)
    return np.stack([
        np.log(area), np.log(length), 2 * area / length, np.maximum(high, wide), np.minimum(high, wide),
        area / (high * wide), on_side, 4 * np.pi * area / length**2, longest * pixel, shortest / longest,
    ])  # fmt: skip


def _border(edge: np.ndarray, owner: np.ndarray, steps: np.ndarray, maps: _Maps, seen: View) -> np.ndarray:
    """Return how high and how even the steps at the border are, and what is on both sides of it."""
    near, far, top = (each.ravel()[edge] for each in (maps.values, maps.lowest, maps.highest))
    mean = _means(owner, steps)
    return np.stack([
        mean, _means(owner, steps > 1), _means(owner, steps > 2), _means(owner, steps < 0.5), mean * seen.usual,
        _means(owner, top - far), _spread(owner, top - far), _means(owner, far), _means(owner, top),
        _means(owner, near), _spread(owner, near),
    ])  # fmt: skip


def _inside(
    labels: np.ndarray, surface: np.ndarray, higher: float, maps: _Maps, seen: View, edge: np.ndarray, rim: np.ndarray
) -> np.ndarray:
    """Return how bright and how even the inside is, how much brighter than what is around it, and how rough."""
    body = np.flatnonzero(labels)
    owner = labels.ravel()[body]
    shown = maps.values.ravel()[body]
    mean = _means(owner, shown)
    return np.stack([
        mean, _spread(owner, shown), mean - _means(rim, maps.lowest.ravel()[edge]), _means(owner, shown > 0.97),
        _means(owner, surface.ravel()[body] > higher), _means(owner, maps.rough.ravel()[body]) / (seen.noise + 0.002),
        *(_means(owner, each.ravel()[body]) for each in maps.raised),
    ])  # fmt: skip
