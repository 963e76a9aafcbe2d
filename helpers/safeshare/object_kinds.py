"""Tell what kind of object a region in a radiograph is."""

import difflib
import re
from typing import NamedTuple

import numpy as np
from pydicom import Dataset
from scipy import ndimage

from .object_detector import Region
from .object_reading import fine, lines_on, signs

_MARKER = r"(R|L|RT|LT|RIGHT|LEFT|AP|PA|LAT|LL|CC|MLO|[RL]?(CC|MLO)|PORTABLE|SUPINE|ERECT|UPRIGHT|SITTING)"
_SERIAL = ("DeviceSerialNumber", "DeviceID", "DetectorID", "StationName", "UniqueDeviceIdentifier", "GantryID",
           "PlateID", "CassetteID", "PatientID", "PatientName", "AccessionNumber")  # fmt: skip
_KIND, _MAYBE = 0.6, 0.25  # how likely a kind is, so that it is this one, and that it may be
_IMPLANT = 0.85  # and so that it is an implant, which stays
_SIDE, _SMALL = 80.0, 45.0  # mm along a marker at most, and along what is read in case it is one
_TOLD = 8  # letters that only a tag has room for; on a device there are numbers
_THICK = 5.0  # mm; a part that is so thick can be written on


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
    worn, tag, device, marker = (float(kind) for kind in region.kinds)
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
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] * pixel
    words, letters = lines_on(picture, region, pixel) if 2 * depth.max() > _THICK else ("", none)
    if device > _IMPLANT:
        return Kind("implant or device", words, letters | fine(picture[region.place], depth, pixel), device)
    if sum(each.isalpha() for each in words) >= _TOLD:
        return Kind("tag or bracelet", words, letters, worn + tag)
    if worn + tag < _KIND:
        return Kind("unknown", words, letters, max(worn + tag, device))
    if tag > worn or (_signs(words) > 3 and sum(each.isdigit() for each in words) > 2):
        return Kind("tag or bracelet", words, letters, worn + tag)
    return Kind("jewellery", words, letters, worn + tag)


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
