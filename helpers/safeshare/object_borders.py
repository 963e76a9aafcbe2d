"""Tell objects in a radiograph by their border alone: all of it is a step that is far higher than those of anatomy."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from .object_candidates import EVEN, Candidates, View

_SEEN = 1.1  # times the usual steps, at the border of what may belong to an object
_SURE, _CERTAIN, _SHARP = 2.1, 2.45, 2.8  # times the usual steps: at an object's border, a tiny one's, a large one's
_TINY, _CASE = 4.0, 3000.0  # mm2; so small are specks of bone, so large whole bones
_ALL_AROUND = 0.8  # of a large object's border; that of a bone is soft at its ends
_LEAST, _ALONG = 2.0, 0.35  # mm2 that an object covers, and share of a side of the image that it may run along
_FEW = 3.0  # in short borders, steps are high by chance
_GAP = 2.0  # mm between links of one chain
_EIGHT = np.ones((3, 3), bool)


class Sharp(NamedTuple):
    """A region whose border is nearly as sharp as an object's."""

    place: tuple[slice, slice]
    mask: np.ndarray
    score: float  # how high the steps at its border are on average
    needed: float  # for an object
    thin: bool


def sharp(found: Candidates, view: View) -> list[Sharp]:
    """Return those of the candidates that may be objects, or thin parts of one."""
    area, length = np.exp(found.features[:, 2]), np.exp(found.features[:, 3]) / view.pixel
    score = found.border / (1 + _FEW / length**0.5)
    needed = np.select([area < _TINY, area > _CASE], [_CERTAIN, _SHARP], _SURE)
    fits = (score > _SEEN) & (found.along < _ALONG) & (area > _LEAST)
    fits &= (area < _CASE) | (found.features[:, 13] > _ALL_AROUND)
    thin = (found.features[:, 0] == 1) & (found.features[:, 4] < 3) & (length * view.pixel > 8)
    return [
        Sharp(
            found.places[k],
            found.labels[found.places[k]] == k + 1,
            float(score[k] * view.usual),
            float(needed[k] * view.usual),
            bool(thin[k]),
        )
        for k in np.flatnonzero(fits)
    ]


def chosen(candidates: list[Sharp], view: View) -> np.ndarray:
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


def _rest(each: Sharp, near: np.ndarray, view: View) -> float:
    """Return how high the steps are at the part of a border that is not an accepted object's, if there is one."""
    if not near[each.place][each.mask].any():
        return each.score
    rim = each.mask & ~ndimage.binary_erosion(np.pad(each.mask, 1))[1:-1, 1:-1]
    rest = rim & ~near[each.place]
    count = int(rest.sum())
    if count < 0.1 * rim.sum():
        return each.score
    steps = np.minimum(view.steps[each.place][rest], EVEN * view.usual)
    return float(steps.mean()) / (1 + _FEW / count**0.5)


def _accept(each: Sharp, sure: np.ndarray, near: np.ndarray) -> None:
    part = sure[each.place]
    part[each.mask] = np.maximum(part[each.mask], max(1.0, each.score / each.needed))
    around = tuple(slice(max(0, p.start - 4), p.stop + 4) for p in each.place)
    near[around] |= ndimage.binary_dilation(sure[around] > 0, _EIGHT, iterations=3)
