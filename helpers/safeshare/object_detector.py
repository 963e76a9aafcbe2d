"""See where foreign objects are in a radiograph: regions that are denser than what is around them, with a sharp border.

Metal stops X-rays so well that its border is a step, as wide as the blur of the detector, while anatomy gets thicker
and thinner slowly. How high a step is depends on exposure and on the curve that a system shows its images with. So each
step is compared with those of the anatomy in the same image, and no value of a pixel counts by itself.

A region is what is brighter than some level, in the image itself (large objects), or after the background is taken away
(objects that lie across dark and bright anatomy). Its whole border must be a step, not just a part of it.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from . import artificial

_LONGEST = 1300  # pixels of the longer side of what is looked at
FIELD = 300.0  # mm; the longer side of an image that does not tell the size of its pixels
_SMALL, _MIDDLE, _WIDE = 3.5, 14.0, 45.0  # mm; objects thinner than this stand out when the background is taken away
_FAINTEST = 0.015  # steps of the anatomy, of an ideal one from black to white
_CAP = 4.0  # times the usual steps; higher ones count no more, else a part of a border could make up for the rest
_TYPICAL = 0.04  # how high the steps of anatomy are in many images
_FEW = 3.0  # in short borders, steps are high by chance
_SURE, _SEEN = 2.1, 1.1  # times the usual steps: at an object's border, and at what may belong to one
_CERTAIN, _SHARP = 2.45, 2.8  # and of tiny and of large objects
_ALL_AROUND = 0.8  # of a large object's border; that of a bone is soft at its ends
_TINY, _CASE = 4.0, 3000.0  # mm2; so small are specks of bone, so large whole bones
_PLATEAU = 0.3  # of a step that is left in the middle of an object
_LEAST = 2.0  # mm2 that an object covers
_LARGEST = 0.25  # of the image
_ALONG = 0.35  # of a side of the image that a region may run along; a collimator's border runs along more
_GAP = 2.0  # mm between links of one chain
_EIGHT = np.ones((3, 3), bool)


class Region(NamedTuple):
    """An object's place in the image, its pixels there, and how its border compares with the anatomy's."""

    place: tuple[slice, ...]
    mask: np.ndarray
    score: float


class _Candidate(NamedTuple):
    """A region that is brighter than what is around it."""

    place: tuple[slice, slice]
    mask: np.ndarray
    score: float  # how high the steps at its border are on average
    needed: float  # for an object
    thin: bool


class _View(NamedTuple):
    """A reduced image from 0 (black) to about 1, the steps in it, and the size of its pixels."""

    values: np.ndarray
    steps: np.ndarray
    usual: float  # how high the steps of the anatomy may be
    factor: int
    pixel: float  # mm


def regions(picture: np.ndarray, pixel: float | None) -> list[Region]:
    """Return the objects in a radiograph that shows what is dense bright, from top to bottom.

    ``pixel`` is the size of a pixel in mm, if it is known. Words that were burned in and the borders of collimators are
    no objects.
    """
    picture = np.nan_to_num(picture.astype(np.float32))
    if min(picture.shape) < 32 or picture.max() <= picture.min():
        return []
    flat = artificial.flat_border(picture)
    if artificial.is_drawing(picture, flat):
        return []
    view = _view(picture, flat, pixel)
    return _whole(_chosen(_candidates(view), view), view, picture.shape)


def _view(picture: np.ndarray, flat: np.ndarray, pixel: float | None) -> _View:
    factor = -(-max(picture.shape) // _LONGEST)
    writing, frame = _reduced_any(artificial.writing(picture), factor), _reduced_any(flat, factor)
    values = _reduced(picture, factor)
    writing = ndimage.binary_dilation(writing, iterations=3)
    inside = values[~(frame | writing)]
    low, high = np.percentile(inside, (1, 99.7)) if inside.size > 100 else (values.min(), values.max())
    values = np.clip((values - low) / max(high - low, 1e-6), -0.3, 1.5)
    values = ndimage.gaussian_filter(values, 0.6)
    steps = _steps(values)
    shutter = _reduced_any(artificial.hard_edges(picture, flat) | artificial.masked(picture), factor)
    steps[ndimage.binary_dilation(shutter, _EIGHT, iterations=5)] = 0
    steps[writing] = 0
    tissue = steps[~frame & (values > 0.06)]
    # Halfway between what this image has and what images usually have, since objects raise the former.
    usual = (_TYPICAL * float(np.percentile(tissue, 95))) ** 0.5 if tissue.size else _FAINTEST
    return _View(values, steps, max(_FAINTEST, usual), factor, (pixel or FIELD / max(picture.shape)) * factor)


def _reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    rows, columns = (n // factor for n in picture.shape)
    cells = picture[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(cells.mean((1, 3))) if factor > 1 else picture


def _reduced_any(mask: np.ndarray, factor: int) -> np.ndarray:
    rows, columns = (n // factor for n in mask.shape)
    cells = mask[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(cells.any(axis=(1, 3)))


def _steps(values: np.ndarray) -> np.ndarray:
    """Return how high the step at each pixel is, times how sharp: a slope is as high only over a longer way."""
    near, wide = (ndimage.maximum_filter(values, size) - ndimage.minimum_filter(values, size) for size in (5, 15))
    grain = np.abs(values - ndimage.uniform_filter(values, 3))
    noise = ndimage.uniform_filter(np.minimum(grain, 0.05), 31)
    return np.clip(near - 5 * noise, 0, 0.6) * (near / (wide + 0.03)) ** 2


def _candidates(view: _View) -> list[_Candidate]:
    """Return all regions whose border may be an object's, or an object's part's."""
    values, out = view.values, []
    views = [(values, np.linspace(0.1, 1.05, 18), 0.0)]
    for size, low in ((_SMALL, 0.05), (_MIDDLE, 0.06), (_WIDE, 0.08)):
        window = int(round(size / view.pixel)) | 1
        views.append((values - ndimage.grey_opening(values, (window, window)), np.geomspace(low, 0.85, 9), size))
    for raised, levels, size in views:
        for level in levels:
            out += _judged(raised > level, view, size == _SMALL)
    return out


def _judged(inside: np.ndarray, view: _View, fine: bool) -> list[_Candidate]:
    """Return the regions of a mask that may be objects, or thin parts of one."""
    labels, count = ndimage.label(inside, _EIGHT)
    if not count:
        return []
    rim = inside & ~ndimage.binary_erosion(inside, border_value=1)
    which = labels[rim]
    length = np.maximum(np.bincount(which, minlength=count + 1), 1)
    steps = view.steps[rim]
    score = np.bincount(which, np.minimum(steps, _CAP * view.usual), count + 1) / length / (1 + _FEW / length**0.5)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    reach = np.array([np.bincount(side, minlength=count + 1) / len(side) for side in sides])
    along = np.where((reach > 0.02).sum(0) > 1, 1.0, reach.max(0))  # a corner that a round collimator leaves out
    fits = (area * view.pixel**2 > _LEAST) & (area < _LARGEST * labels.size) & (along < _ALONG)
    fits &= score > _SEEN * view.usual
    thick = 2 * area / length * view.pixel
    size = area * view.pixel**2
    needed = np.select([size < _TINY, size > _CASE], [_CERTAIN, _SHARP], _SURE) * view.usual
    lowest = np.bincount(which, steps > view.usual, count + 1) / length
    fits &= (size < _CASE) | (lowest > _ALL_AROUND)
    fits[0] = False
    places = ndimage.find_objects(labels) if fits.any() else []
    return [
        _Candidate(
            places[label - 1],
            labels[places[label - 1]] == label,
            float(score[label]),
            needed[label],
            bool(fine and thick[label] < 3 and length[label] * view.pixel > 8),
        )
        for label in np.flatnonzero(fits)
    ]


def _chosen(candidates: list[_Candidate], view: _View) -> np.ndarray:
    """Return how sure it is of each pixel that it is in an object: 1 or more where it is.

    Three ways lead there: a sharp border, a less sharp one around what has a sharp one (the can around a battery), and
    a thin line with a less sharp border that goes on from there (a lead). The surest come first, and of a region that
    holds one of them, such as a bone with a ring around it, the rest of the border must be sharp, too.
    """
    sure = np.zeros(view.values.shape)
    near = np.zeros(view.values.shape, bool)
    later = []
    for each in sorted(candidates, key=lambda each: each.needed / each.score):
        if each.score > each.needed and _rest(each, near, view) > each.needed:
            _accept(each, sure, near)
        else:
            later.append(each)
    thin = np.zeros(sure.shape, bool)
    for each in sorted(later, key=lambda each: -each.score):
        if (sure[each.place] > 0)[each.mask].mean() > 0.12:
            if each.mask.sum() * view.pixel**2 < _CASE and _rest(each, near, view) > _SEEN * view.usual:
                _accept(each, sure, near)
        elif each.thin:
            thin[each.place] |= each.mask
    joined = ndimage.binary_dilation(thin | (sure > 0), _EIGHT, iterations=max(1, round(_GAP / view.pixel)))
    labels, count = ndimage.label(joined, _EIGHT)
    kept = np.bincount(labels.ravel(), (sure > 0).ravel(), count + 1) > 0
    kept[0] = False
    return np.where(kept[labels] & thin, np.maximum(sure, 1.0), sure)


def _rest(each: _Candidate, near: np.ndarray, view: _View) -> float:
    """Return how high the steps are at the part of a border that is not an accepted object's, if there is one."""
    if not near[each.place][each.mask].any():
        return each.score
    rim = each.mask & ~ndimage.binary_erosion(np.pad(each.mask, 1))[1:-1, 1:-1]
    rest = rim & ~near[each.place]
    count = int(rest.sum())
    if count < 0.1 * rim.sum():
        return each.score
    steps = np.minimum(view.steps[each.place][rest], _CAP * view.usual)
    return float(steps.mean()) / (1 + _FEW / count**0.5)


def _accept(each: _Candidate, sure: np.ndarray, near: np.ndarray) -> None:
    part = sure[each.place]
    part[each.mask] = np.maximum(part[each.mask], max(1.0, each.score / each.needed))
    around = tuple(slice(max(0, p.start - 4), p.stop + 4) for p in each.place)
    near[around] |= ndimage.binary_dilation(sure[around] > 0, _EIGHT, iterations=3)


def _filled(found: np.ndarray, values: np.ndarray, reach: int) -> np.ndarray:
    """Return objects with those of their holes and bays filled that are nearly as dense: the middle of a plate."""
    inner = slice(reach, -reach)
    closed = ndimage.binary_closing(np.pad(found, reach), _EIGHT, iterations=reach)[inner, inner] | found
    out = found.copy()
    for gaps in (closed & ~found, ndimage.binary_fill_holes(closed) & ~closed):
        labels, _ = ndimage.label(gaps)
        for label, place in enumerate(ndimage.find_objects(labels), 1):
            wide = tuple(slice(max(0, part.start - reach - 8), part.stop + reach + 8) for part in place)
            hole = labels[wide] == label
            shell = ndimage.binary_dilation(hole, _EIGHT, iterations=2) & out[wide]
            if not shell.any():
                shell = ndimage.binary_dilation(hole, _EIGHT, iterations=reach) & out[wide]
            inside = hole & ndimage.binary_dilation(~hole, _EIGHT, iterations=4)
            outside = ndimage.binary_dilation(shell, _EIGHT, iterations=8) & ~closed[wide] & ~hole
            if not (shell.any() and outside.any()):
                continue
            edge, outer = np.median(values[wide][shell]), np.percentile(values[wide][outside], 60)
            if np.percentile(values[wide][inside], 30) - outer > _PLATEAU * (edge - outer) > 0:
                out[wide] |= hole | (ndimage.binary_dilation(hole, _EIGHT, iterations=reach) & closed[wide])
    return out


def _whole(sure: np.ndarray, view: _View, shape: tuple[int, int]) -> list[Region]:
    """Return what belongs together as regions of the image."""
    reach = max(1, round(_GAP / view.pixel))
    found = ndimage.binary_dilation(_filled(sure > 0, view.values, 3 * reach), _EIGHT)
    labels, _ = ndimage.label(ndimage.binary_dilation(found, _EIGHT, iterations=reach), _EIGHT)
    labels *= found
    out = []
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        if place is None:
            continue
        part = labels[place] == label
        mask = np.repeat(np.repeat(part, view.factor, 0), view.factor, 1)
        low = [axis.start * view.factor for axis in place]
        whole = tuple(slice(a, min(a + n, size)) for a, n, size in zip(low, mask.shape, shape, strict=True))
        mask = mask[: whole[0].stop - whole[0].start, : whole[1].stop - whole[1].start]
        out.append(Region(whole, mask, float(sure[place][part].max())))
    return out
