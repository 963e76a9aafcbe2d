"""Tell what kind of object a region in a radiograph is, and read what is engraved on it."""

import difflib
import re
from typing import NamedTuple

import numpy as np
from pydicom import Dataset
from scipy import ndimage

from .blanking import Box
from .object_detector import Region

_MARKER = r"(R|L|RT|LT|RIGHT|LEFT|AP|PA|LAT|LL|CC|MLO|[RL]?(CC|MLO)|PORTABLE|SUPINE|ERECT|UPRIGHT|SITTING)"
_CAN = 26.0  # mm; what is so thick all around is the can of a device, or a joint
_PLATE = 5.0  # mm; a part that is so thick can be written on
_SURE = 0.6  # of a reading that is shown
_KIND, _MAYBE = 0.6, 0.25  # how likely a kind is, so that it is this one, and that it may be
_IMPLANT = 0.75  # and so that it is an implant, which stays
_SERIAL = ("DeviceSerialNumber", "DeviceID", "DetectorID", "StationName", "UniqueDeviceIdentifier", "GantryID",
           "PlateID", "CassetteID", "PatientID", "PatientName", "AccessionNumber")  # fmt: skip
_MOST = 8  # lines on an object that are read


class Kind(NamedTuple):
    """What an object is, the words on it, the pixels of these words in its region, and how sure the kind is."""

    label: str
    words: str
    letters: np.ndarray
    sure: float


def judge(picture: np.ndarray, region: Region, pixel: float) -> Kind:
    """Return what kind of object a region is, as well as its shape and the words on it tell.

    Only what is surely a marker or an implant is called so, since these stay. In doubt it is unknown, and not surely.
    """
    mask = region.mask
    worn, tag, device, marker = region.kinds
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] * pixel
    thick, (high, wide) = 2 * float(depth.max()), (part * pixel for part in mask.shape)
    words, letters = "", np.zeros(mask.shape, bool)
    if max(high, wide) < 80 and min(high, wide) > 4 and (marker > _MAYBE or max(high, wide) < 45):
        words, _ = _reading(picture, region, pixel, whole=True)
        plain = words.upper().strip(" .")
        if re.fullmatch(_MARKER, plain) or (marker > _KIND and len(re.sub(r"\W", "", plain)) < 4):
            return Kind("marker", words, letters, max(marker, 0.9))
        if marker > _KIND:
            return Kind("tag or bracelet", words, letters, 0.5)  # a plate of lead letters may hold a name
    if thick > _PLATE:
        words, letters = _reading(picture, region, pixel, whole=False)
    signs = len(re.sub(r"\W", "", words))
    solid = ndimage.label(depth > _PLATE / 2)[1]
    if solid == 1 and thick > _CAN and device > worn + tag:
        return Kind("implant or device", words, letters | _fine(picture[region.place], depth, pixel), 0.8)
    if worn + tag < _KIND and device < _IMPLANT:
        return Kind("unknown", words, letters, max(worn + tag, device))
    if device > _IMPLANT:
        return Kind("implant or device", words, letters | _fine(picture[region.place], depth, pixel), device)
    if tag > worn or signs > 6 or (signs > 3 and sum(sign.isdigit() for sign in words) > 2):
        return Kind("tag or bracelet", words, letters, worn + tag)
    return Kind("jewellery", words, letters, worn + tag)


def _fine(part: np.ndarray, depth: np.ndarray, pixel: float) -> np.ndarray:
    """Return all fine structures inside a device, since letters that nobody can read by machine are among them."""
    inside = depth > 1.5
    if not inside.any():
        return inside
    smooth = ndimage.gaussian_filter(part.astype(np.float32), 0.6)
    size = max(3, int(round(1.2 / pixel)) | 1)
    change = ndimage.maximum_filter(smooth, size) - ndimage.minimum_filter(smooth, size)
    level = np.percentile(change[inside], 30)
    fine = inside & (change > 2.5 * level)
    return ndimage.binary_closing(fine, iterations=max(1, round(1.0 / pixel))) & inside


def _reading(picture: np.ndarray, region: Region, size: float, *, whole: bool) -> tuple[str, np.ndarray]:
    """Return the words in a region, and the pixels where they stand: it is turned upright, and its contrast raised."""
    from .text_detector import lines
    from .text_lines import merged
    from .text_reader import read

    part, mask = picture[region.place].astype(np.float32), region.mask
    core = mask if whole else _thickest(mask, _PLATE / size / 2)
    if not core.any():
        return "", np.zeros(mask.shape, bool)
    angle = 0.0 if whole else _slant(core)
    inside = part[core]
    low, high = np.percentile(inside, (1, 99.5)) if not whole else (part.min(), part.max())
    shown = np.clip((part - low) / max(high - low, 1e-6), 0, 1) * 255
    upright = ndimage.rotate(shown, angle, order=1, reshape=True, cval=0)
    turned = ndimage.rotate(core.astype(np.float32), angle, order=0, reshape=True) > 0.5
    rows, columns = (np.flatnonzero(turned.any(axis)) for axis in (1, 0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    crop = upright[window]
    if whole:
        words, sure = read(_grey(np.pad(crop, max(3, crop.shape[0] // 6))))
        return (words if sure > _SURE else ""), np.zeros(mask.shape, bool)
    zoom = min(4.0, max(1.0, 200 / crop.shape[0]))
    large = ndimage.zoom(crop, zoom, order=1)
    found, marks = [], np.zeros(upright.shape, np.float32)
    seen = [(Box(line.x0, line.y0, line.x1, line.y1), line.sure, None) for line in lines(large)]
    for line, _, _ in merged(seen)[:_MOST]:
        picked = large[line.y0 : line.y1, line.x0 : line.x1]
        if min(picked.shape) < 5:
            continue
        said, sure = max((read(_grey(view)) for view in (picked, picked[::-1, ::-1])), key=lambda each: each[1])
        y0, y1, x0, x1 = (round(v / zoom) for v in (line.y0, line.y1, line.x0, line.x1))
        marks[window][max(0, y0) : y1, max(0, x0) : x1] = 1
        if said.isascii() and sure > _SURE:
            found.append(said)
    back = ndimage.rotate(marks, -angle, order=0, reshape=False) > 0.5
    return " ".join(found), _middle(back, mask.shape)


def _grey(view: np.ndarray) -> np.ndarray:
    return np.repeat(view.clip(0, 255).astype(np.uint8)[..., np.newaxis], 3, 2)


def _middle(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the middle of a turned picture, where the picture was before it was turned."""
    out = np.zeros(shape, bool)
    cut = [(max(0, (a - b) // 2), max(0, (b - a) // 2), min(a, b)) for a, b in zip(array.shape, shape, strict=True)]
    (ya, yb, rows), (xa, xb, columns) = cut
    out[yb : yb + rows, xb : xb + columns] = array[ya : ya + rows, xa : xa + columns]
    return out


def _thickest(mask: np.ndarray, radius: float) -> np.ndarray:
    """Return the thickest part of a mask: the plate of a bracelet without its chain."""
    solid = ndimage.binary_fill_holes(mask)
    depth = ndimage.distance_transform_edt(np.pad(solid, 1))[1:-1, 1:-1]
    core = depth > max(1, 0.5 * depth.max())
    labels, count = ndimage.label(core)
    if not count:
        return core
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    grow = max(1, int(np.ceil(0.5 * depth.max())))
    return ndimage.binary_dilation(largest, iterations=grow) & solid


def _slant(mask: np.ndarray) -> float:
    """Return by how many degrees a part is turned from lying level: as it fits into the smallest box."""
    points = np.argwhere(mask)[:: max(1, int(mask.sum()) // 4000)].astype(float)

    def box(angle: float) -> tuple[float, float]:
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        rows, columns = points[:, 0] * cos - points[:, 1] * sin, points[:, 1] * cos + points[:, 0] * sin
        high, wide = (float(np.subtract(*np.percentile(each, (98, 2)))) for each in (rows, columns))
        return high * wide * (1.0 if wide >= high else 1.2), angle

    return min(box(float(angle)) for angle in range(-88, 90, 2))[1]


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
