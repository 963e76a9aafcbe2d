"""Tell what kind of object a region in a radiograph is, as a small network and the words on it say.

The network was trained by this project, on synthetic radiographs only (data/build/train_object_kinds.py).
"""

import difflib
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from pydicom import Dataset
from scipy import ndimage

from .object_detector import Region, resized
from .object_reading import lines_on, signs, solid

MODEL = "kinds.onnx"
KINDS = ("worn", "tag", "device", "marker")
SIDE = 64  # pixels along what the network looks at
_AROUND, _NEAR = 1.16, 12.0  # times an object's size, and mm at least, that it sees
SIZE = 50.0  # mm; sizes are told as logarithms of how many times this they are
_MARKER = r"(R|L|RT|LT|RIGHT|LEFT|AP|PA|LAT|LL|CC|MLO|[RL]?(CC|MLO)|PORTABLE|SUPINE|ERECT|UPRIGHT|SITTING)"
_SERIAL = ("DeviceSerialNumber", "DeviceID", "DetectorID", "StationName", "UniqueDeviceIdentifier", "GantryID",
           "PlateID", "CassetteID", "PatientID", "PatientName", "AccessionNumber")  # fmt: skip
_KIND, _MAYBE = 0.6, 0.25  # how likely a kind is, so that it is this one, and that it may be
_HALF = 0.5  # likelier a device than anything else
_IMPLANT = 0.8  # and so that it is an implant, which stays
_SIDE, _SMALL = 80.0, 45.0  # mm along a marker at most, and along what is read in case it is one
_TOLD = 8  # letters that only a tag has room for; on a device there are numbers
_THICK, _RIM = 5.0, 1.5  # mm; a part that is so thick can be written on, but for its rim
_SAME = 0.9  # of what is well inside a silhouette
_CORE, _BODY = 1.6, 15.0  # mm inside the border, and mm2, of a part that is a thing by itself and no wire or chain
_MOST = 12  # such parts of one region that are looked at


class Kind(NamedTuple):
    """What an object is, the words on it, the pixels of these words in its region, and how sure the kind is."""

    label: str
    words: str
    letters: np.ndarray
    sure: float


def judge(picture: np.ndarray, region: Region, pixel: float) -> Kind:
    """Return what kind of object a region is, as well as the network and the words on it tell.

    Only what is surely a marker or an implant is called so, since these stay. In doubt it is unknown, and not surely.
    """
    worn, tag, device, marker = likely(picture, region, pixel)
    mask, none = region.mask, np.zeros(region.mask.shape, bool)
    if max(mask.shape) * pixel < _SIDE and (marker > _MAYBE or max(mask.shape) * pixel < _SMALL):
        readings = [words.upper().strip(" .") for words in signs(picture, region)]
        for words in readings:
            if re.fullmatch(_MARKER, words):
                return Kind("marker", words, none, max(marker, 0.9))
        if marker > _KIND and all(_signs(words) < 4 for words in readings):
            return Kind("marker", readings[0], none, marker)
        if marker > _KIND:
            return Kind("tag or bracelet", words, none, 0.5)  # a plate of lead letters may hold a name
    depth = _depth(solid(mask, pixel), pixel)
    words, letters = lines_on(picture, region, pixel) if 2 * depth.max() > _THICK else ("", none)
    if device > _IMPLANT:
        inside = depth > _RIM if 2 * depth.max() > _THICK else none  # no program sees all letters that a person can
        if _flat(picture[region.place], depth > 2 * _RIM):
            return Kind("implant or device", "", none, device)
        return Kind("implant or device", words, letters | inside, device)
    if sum(each.isalpha() for each in words) >= _TOLD:
        return Kind("tag or bracelet", words, letters, worn + tag)
    if worn + tag < _KIND:
        return Kind("unknown", words, letters, max(worn + tag, device))
    if tag > worn or (_signs(words) > 3 and sum(each.isdigit() for each in words) > 2):
        return Kind("tag or bracelet", words, letters, worn + tag)
    return Kind("jewellery", words, letters, worn + tag)


def _flat(part: np.ndarray, inside: np.ndarray) -> bool:
    """Tell whether an implant is a silhouette already: nearly all that is well inside has one value, without a hole.

    Metal that stops all X-rays has one value as well, but letters on it are holes.
    """
    values, counts = np.unique(part[inside], return_counts=True)
    if not values.size or counts.max() < _SAME * counts.sum():
        return False
    same = part == values[counts.argmax()]
    return not (ndimage.binary_fill_holes(same) & ~same & inside).any()


def apart(picture: np.ndarray, region: Region, pixel: float) -> list[Region]:
    """Return the parts of a region in which a device and something else lie on each other, or the region as it is.

    A necklace that crosses the lead of a pacemaker must not stay because the pacemaker does.
    """
    worn, devices = np.zeros(region.mask.shape, bool), 0
    for body in bodies(region.mask, pixel):
        if likely(picture, _fitted(region, body), pixel)[2] > _HALF:
            devices += 1
        else:
            worn |= body
    if not devices or not worn.any():
        return [region]
    return [_fitted(region, worn), _fitted(region, region.mask & ~worn)]


def bodies(mask: np.ndarray, pixel: float) -> Iterator[np.ndarray]:
    """Yield the thick parts of an object, the largest first; what a necklace goes round is one with it."""
    labels, _ = ndimage.label(_depth(ndimage.binary_fill_holes(mask), pixel) > _CORE)
    sizes, wide = np.bincount(labels.ravel())[1:] * pixel**2, round(_CORE / pixel) + 1
    places = ndimage.find_objects(labels)
    for label in np.argsort(-sizes)[:_MOST]:
        if sizes[label] > _BODY:
            place = tuple(slice(max(0, part.start - wide), part.stop + wide) for part in places[label])
            body = np.zeros(mask.shape, bool)
            body[place] = ndimage.binary_dilation(labels[place] == label + 1, iterations=wide) & mask[place]
            yield body


def _depth(mask: np.ndarray, pixel: float) -> np.ndarray:
    """Return how far from the border of an object a pixel is, in mm."""
    return np.asarray(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] * pixel)


def _fitted(region: Region, mask: np.ndarray) -> Region:
    """Return the part of a region where a mask is true."""
    (inner,) = ndimage.find_objects(mask.astype(np.uint8))
    place = tuple(slice(p.start + i.start, p.start + i.stop) for p, i in zip(region.place, inner, strict=True))
    return Region(place, mask[inner], region.score)


def likely(picture: np.ndarray, region: Region, pixel: float) -> list[float]:
    """Return how likely a region is of each of the kinds."""
    from .text_detector import session

    (scores,) = session(MODEL).run(None, {"views": view(picture, region.place, region.mask, pixel)[np.newaxis]})
    return [float(score) for score in scores[0]]


def view(picture: np.ndarray, place: tuple[slice, ...], mask: np.ndarray, pixel: float) -> np.ndarray:
    """Return what the network sees of a region: how bright it is beside what surrounds it, its mask, and its size."""
    half = int(np.ceil(max(*mask.shape, _NEAR / pixel) * _AROUND / 2)) + 1
    first = [(part.start + part.stop) // 2 - half for part in place]
    ways = [np.clip(np.arange(2 * half) + k, 0, n - 1) for k, n in zip(first, picture.shape, strict=True)]
    part, ours = picture[np.ix_(*ways)].astype(np.float32), np.zeros((2 * half, 2 * half), np.float32)
    rows, columns = (slice(p.start - k, p.stop - k) for p, k in zip(place, first, strict=True))
    ours[rows, columns] = mask
    low, high = np.percentile(part[ours == 0], 20), np.percentile(part[ours > 0], 95)
    bright = np.clip((part - low) / max(high - low, 1e-6), -1, 1.6)
    size = np.full((SIDE, SIDE), np.log(2 * half * pixel / SIZE))
    return np.stack([resized(bright, (SIDE, SIDE)), resized(ours, (SIDE, SIDE)), size]).astype(np.float32)


def _signs(words: str) -> int:
    """Return how many letters and digits there are."""
    return len(re.sub(r"\W", "", words))


def outline(region: Region) -> tuple[tuple[float, float], ...]:
    """Return a line around a region, in columns and rows of the image."""
    step = max(1, max(region.mask.shape) // 160)
    small = region.mask[::step, ::step]
    small = np.pad(ndimage.binary_dilation(np.pad(small, 2), iterations=1), 1)
    labels, _ = ndimage.label(small, np.ones((3, 3)))
    small = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    points = _around(ndimage.binary_fill_holes(small))
    rows, columns = region.place
    return tuple((float(columns.start + (x - 3) * step), float(rows.start + (y - 3) * step)) for y, x in points[::2])


def _around(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return the pixels at the border of a mask without holes, one after the other (Moore's neighbours)."""
    ways = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
    first = np.argwhere(mask)[0]
    start = int(first[0]), int(first[1])
    here, way = start, 6
    out: list[tuple[int, int]] = []
    for _ in range(4 * int(mask.sum()) + 8):
        out.append(here)
        for turn in range(8):
            new = (way + 6 + turn) % 8
            there = here[0] + ways[new][0], here[1] + ways[new][1]
            if mask[there]:
                here, way = there, new
                break
        if here == start:
            break
    return out


def same_in_header(dataset: Dataset, words: str) -> tuple[str, ...]:
    """Return the keywords of attributes that hold a number or a name that stands on an object, nearly at least."""
    read = re.sub(r"\W", "", words).upper()
    found = []
    for element in dataset.iterall():
        if element.keyword in _SERIAL and element.keyword not in found:
            known = re.sub(r"\W", "", str(element.value)).upper()
            if len(known) > 3 and read and _alike(known, read):
                found.append(element.keyword)
    return tuple(found)


def _alike(known: str, read: str) -> bool:
    places = range(max(1, len(read) - len(known) + 1))
    return any(difflib.SequenceMatcher(None, known, read[k : k + len(known)]).ratio() > 0.8 for k in places)
