"""See where foreign objects are in a radiograph: candidates that two rounds of trees take for objects, made whole.

The first round judges each candidate by itself, the second one with what the first one thinks of what is around it:
so a chain or a lead is found from end to end, and a bone with a ring around it is no object. What belongs together is
one region, which is judged once more as a whole, and gets its kind.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from . import artificial
from .object_borders import chosen, sharp
from .object_candidates import CAP, Candidates, View, proposed, view
from .object_shapes import described
from .object_trees import likely, which

_MAYBE, _SEEN = 0.04, 0.3  # how likely a candidate is an object's, to be looked at twice, and in the end
_BORDERED, _SURE = 0.3, 0.48  # the same of the likeliest one of a region that has a border all around, or has none,
# times how likely the whole region is something
_DENIED = 0.25  # the same of a pixel with a border all around that is anatomy all the same
_STRONGER = 0.1  # by so much an object on a candidate is likelier than the candidate
_RING = 3  # pixels around a candidate that are looked at
_PLATEAU = 0.3  # of a step that is left in the middle of an object
_MARGIN = 1.5  # mm around what the border tells that the trees add nothing to
_GAP = 2.0  # mm between links of one chain
_EIGHT = np.ones((3, 3), bool)


class Region(NamedTuple):
    """An object's place in the image, its pixels there, and how sure it is."""

    place: tuple[slice, ...]
    mask: np.ndarray
    score: float
    kinds: np.ndarray  # how likely it is worn, a tag, a device, a marker


class Part(NamedTuple):
    """A candidate that may be an object or a part of one."""

    place: tuple[slice, slice]
    mask: np.ndarray
    sure: float
    features: np.ndarray


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
    seen = view(picture, flat, pixel)
    return _whole(*_judged(seen), seen, picture.shape)


def parts(found: Candidates) -> list[Part]:
    """Return the candidates that the first round finds worth a second look."""
    sure = likely("alone", found.features)
    return [
        Part(found.places[k], found.labels[found.places[k]] == k + 1, float(sure[k]), found.features[k])
        for k in np.flatnonzero(sure > _MAYBE)
    ]


def _judged(seen: View) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels with a border all around that is an object's, and how sure the trees are of each pixel."""
    some, bordered = [], []
    for found in proposed(seen):
        some += parts(found)
        bordered += sharp(found, seen)
    return chosen(bordered, seen) > 0, together(some, seen)


def painted(some: list[Part], shape: tuple[int, ...]) -> np.ndarray:
    """Return for each pixel how sure the surest candidate is that covers it."""
    out = np.zeros(shape, np.float32)
    for each in some:
        part = out[each.place]
        part[each.mask] = np.maximum(part[each.mask], each.sure)
    return out


def around(each: Part, sure: np.ndarray, seen: View) -> list[float]:
    """Return what the first round thinks of a candidate, of its inside and of what is around it."""
    wide = tuple(slice(max(0, p.start - _RING), p.stop + _RING) for p in each.place)
    mask = np.zeros(sure[wide].shape, bool)
    mask[tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip(each.place, wide, strict=True))] = each.mask
    here, steps = sure[wide], seen.steps[wide]
    ring = ndimage.binary_dilation(mask, _EIGHT, iterations=_RING) & ~mask
    rim = mask & ~ndimage.binary_erosion(np.pad(mask, 1))[1:-1, 1:-1]
    inside, beyond = here[mask], here[ring] if ring.any() else np.zeros(1)
    stronger = mask & (here > each.sure + _STRONGER)
    rest = rim & ~ndimage.binary_dilation(stronger, _EIGHT, iterations=_RING) if stronger.any() else rim
    height = np.minimum(steps[rest], CAP * seen.usual).mean() / seen.usual if rest.any() else -1.0
    return [
        each.sure, float(inside.mean()), float(inside.max()), float((inside > 0.5).mean()), float(beyond.mean()),
        float(beyond.max()), float((beyond > 0.5).mean()), float(stronger.sum() / mask.sum()),
        float(rest.sum() / max(1, rim.sum())), float(height),
    ]  # fmt: skip


def together(some: list[Part], seen: View) -> np.ndarray:
    """Return how sure it is of each pixel that it is in an object."""
    if not some:
        return np.zeros(seen.values.shape, np.float32)
    first = painted(some, seen.values.shape)
    rows = np.array([np.concatenate([each.features, around(each, first, seen)]) for each in some], np.float32)
    judged = zip(some, likely("together", rows), strict=True)
    return painted([each._replace(sure=float(sure)) for each, sure in judged], seen.values.shape)


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


def grouped(found: np.ndarray, seen: View) -> list[tuple[tuple[slice, ...], np.ndarray]]:
    """Return the place and the pixels of each object: what is less than a gap apart belongs together."""
    reach = max(1, round(_GAP / seen.pixel))
    return _joined(ndimage.binary_dilation(_filled(found, seen.values, 3 * reach), _EIGHT), reach)


def _joined(found: np.ndarray, reach: int) -> list[tuple[tuple[slice, ...], np.ndarray]]:
    """Return the place and the pixels of what lies so near to each other."""
    labels, _ = ndimage.label(ndimage.binary_dilation(found, _EIGHT, iterations=reach), _EIGHT)
    labels *= found
    places = enumerate(ndimage.find_objects(labels), 1)
    return [(place, labels[place] == number) for number, place in places if place is not None]


def features(place: tuple[slice, ...], mask: np.ndarray, sure: np.ndarray, seen: View) -> list[float]:
    """Return what a region's kind is told by."""
    here = sure[place][mask]
    return [*described(seen, place, mask), float(here.max()), float(here.mean())]


def _whole(bordered: np.ndarray, sure: np.ndarray, seen: View, shape: tuple[int, int]) -> list[Region]:
    """Return the objects as regions of the image in its full size.

    What the border tells comes first, as it tells apart what crosses, and the trees add what it does not see.
    """
    out = _likely(grouped(bordered & (sure > _DENIED), seen), _BORDERED, sure, seen)
    near = np.zeros(sure.shape, bool)
    for each in out:
        near[each.place] |= each.mask
    near = ndimage.binary_dilation(near, _EIGHT, iterations=max(1, round(_MARGIN / seen.pixel)))
    out += _likely(grouped((sure > _SEEN) & ~near, seen), _SURE, sure, seen)
    out.sort(key=lambda region: (region.place[0].start, region.place[1].start))
    return [_enlarged(each, seen.factor, shape) for each in out]


def _likely(
    found: list[tuple[tuple[slice, ...], np.ndarray]], least: float, sure: np.ndarray, seen: View
) -> list[Region]:
    """Return those of the objects that are likely enough, as a whole and in their likeliest part."""
    if not found:
        return []
    kinds = which(np.array([features(place, mask, sure, seen) for place, mask in found], np.float32))
    scores = [float(sure[place][mask].max() * (1 - kind[0])) for (place, mask), kind in zip(found, kinds, strict=True)]
    judged = zip(found, scores, kinds, strict=True)
    return [Region(place, mask, score, kind[1:]) for (place, mask), score, kind in judged if score > least]


def _enlarged(region: Region, factor: int, shape: tuple[int, int]) -> Region:
    mask = np.repeat(np.repeat(region.mask, factor, 0), factor, 1)
    low = [axis.start * factor for axis in region.place]
    place = tuple(slice(a, min(a + n, size)) for a, n, size in zip(low, mask.shape, shape, strict=True))
    return region._replace(place=place, mask=mask[: place[0].stop - place[0].start, : place[1].stop - place[1].start])
