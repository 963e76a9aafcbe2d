"""Objects: show, find and strip jewellery, tags and devices that X-rays show on and in a patient.

In radiographs an object is a region that a small network tells from anatomy (see object_detector.py), and another one
tells its kind (object_kinds.py); in CT it is a lump of voxels as dense as metal (metal.py). Each finding has an
``action``: "C" for what ``strip`` takes out, "K" for what it keeps: a radiographer's marker, which tells left from
right, and what is surely an implant, as an image without it would be false. What is unknown goes.

Not all is found: faint things (thin chains, buttons and tags before dense bone or in noise, a pacemaker in a thick
belly), and things that stop no X-rays. tests/benchmarks/objects.py measures it on synthetic radiographs. So look.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from scipy import ndimage

from . import blanking, decoding, derivation, metal
from . import volume as volumes
from .blanking import Box
from .elements import check_dataset, is_grey, text
from .finding import Finding, Refused
from .pseudonyms import Pseudonyms
from .volume import Volume

if TYPE_CHECKING:
    from .image_viewer import ImageViewer

RADIOGRAPHS = ("CR", "DX", "XA", "RF", "MG", "IO", "PX", "RG", "OT", "SC", "")
METHODS = ("mask", "fill")
KEPT = ("marker", "implant or device")
_CLEAN_PIXEL_DATA = "113101"  # PS3.16 CID 7050
_MARGIN = 1.0  # mm beyond an outline
_HOLE = 60.0  # mm2; smaller gaps in an object are letters cut through it, so they go, too
_CASE = (300.0, 2500.0)  # mm2; a round hole of this size is the inside of a case of which only the border was found
_WHY = {
    "jewellery": "what somebody wears, and initials on it, can be recognized",
    "tag or bracelet": "a tag names its wearer or an illness",
    "implant or device": "the number on an implant is that of one patient in a register",
    "marker": "a radiographer's marker tells left from right, and stays",
    "unknown": "a foreign object may be recognized, or name its owner",
}
_SOURCE = " (PS3.15 E.3.1, Clean Pixel Data Option)"
_STREAKS = "; streaks around it still tell that there is metal, and about where, when its voxels are gone"
_DONE = {"mask": "objects masked by safeshare", "fill": "objects filled in from their surroundings by safeshare"}


@dataclass(frozen=True, slots=True)
class ObjectFinding(Finding):
    """An object: its label, its box, its outline in columns and rows, the words on it, and where they also stand.

    ``label`` is "jewellery", "tag or bracelet", "implant or device", "marker" or "unknown". ``words`` are what could be
    read on it, and ``attributes`` the keywords of attributes that hold the same number or name.
    """

    label: str = "unknown"
    box: Box = Box(0, 0, 0, 0)
    outline: tuple[tuple[float, float], ...] = ()
    words: str = ""
    attributes: tuple[str, ...] = ()
    pixels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool), repr=False, compare=False)
    letters: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool), repr=False, compare=False)


def show(
    dataset: Dataset, after: Dataset | None = None, objects: Iterable[ObjectFinding] | None = None
) -> "ImageViewer":
    """Return the image with the outlines of what ``find`` sees, to keep, strip or draw, with a magnifier.

    Raises ``Refused`` when the pixels cannot be read or are no radiograph's.
    """
    from .image_viewer import ImageViewer, Shape

    seen = find(dataset) if objects is None else list(objects)
    shapes = [Shape(each.box, f"{each.label} {each.words}".strip(), each.outline, each.action == "C") for each in seen]
    return ImageViewer(dataset, shapes, after)


def find(image: Dataset | Volume) -> list[ObjectFinding]:
    """Return the foreign objects that a radiograph or a CT shows, from top to bottom.

    ``what`` says what kind it seems to be and what can be read on it; ``where`` gives its place, and the attributes in
    which the same number stands. An object with the action "K" stays when nothing else is said.

    Raises ``Refused`` when the pixels cannot be read, or are neither a grey radiograph's nor CT, and ``ImportError``
    for a radiograph without the optional part ``text``, and ``TypeError`` for what is neither data set nor volume.
    """
    if isinstance(image, Volume):
        return _in_volume(image)
    check_dataset(image, "objects.find")
    out = []
    for frame, picture in _pictures(image):
        if text(image, "Modality") == "CT":
            out += _lumps(metal.lumps(picture[..., np.newaxis], _spacing(image)), frame)
        else:
            out += _in_radiograph(image, picture, frame)
    return out


def strip(
    image: Dataset | Volume,
    objects: Iterable[ObjectFinding] | None = None,
    method: str = "mask",
    *,
    key: bytes | str | None = None,
) -> Dataset | Volume:
    """Return a new data set or volume without objects; the input stays.

    ``objects`` are those to take out; without it, those found whose action is "C". An implant that stays is made a
    flat silhouette wherever letters can stand on it. ``method`` is "mask" (flat: the darkest value, or air in CT) or
    "fill" (smooth, from what is around it). Filled pixels are made up: nothing may be diagnosed there, and the
    Derivation Description says so.

    All pixels beyond a margin of 1 mm stay bit by bit as they were. The header says what was done: method code 113101
    (PS3.15 E.3.1), Derivation Description, Image Type DERIVED, and a new SOP Instance UID, the one that
    ``metadata.strip`` makes with the same ``key``. In CT the streaks of metal stay.

    Raises ``Refused`` as ``find`` does, and ``ValueError`` for an unknown method or a short key.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}: there are {', '.join(METHODS)}.")
    pseudonyms = Pseudonyms(key)
    found = find(image) if objects is None else [replace(each, action="C") for each in objects]
    return without(image, found, pseudonyms, method)


def without(
    image: Dataset | Volume, found: Iterable[ObjectFinding], pseudonyms: Pseudonyms, method: str = "mask"
) -> Dataset | Volume:
    """Return what ``strip`` returns, from what ``find`` found in the image, which is not searched again."""
    if isinstance(image, Volume):
        return _stripped_volume(image, found, method, pseudonyms)
    where, letters = (np.zeros(decoding.size(image), bool) for _ in range(2))
    pixel = _spacing(image)[0]
    margin = max(2, int(np.ceil(_MARGIN / (pixel or 0.5))))
    for each in found:
        kept = each.action == "K"
        _cover((letters if kept else where)[each.box.frame or 0], each, margin, kept, pixel)
    new = _changed(image, where, _smooth) if method == "fill" and where.any() else blanking.blank(image, where)
    new = _changed(new, letters & ~where, _even)
    if (where | letters).any():
        new.pop("IconImageSequence", None)
        derivation.add_method(new, _CLEAN_PIXEL_DATA)
        derivation.call_derived(new)
        derivation.tell(new, _DONE[method], pseudonyms)
    return new


def _changed(dataset: Dataset, where: np.ndarray, values: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Dataset:
    """Return a data set with other values where a mask is true: those that a function makes of a frame and its mask."""
    new = dataset
    for number, picture in _pictures(dataset, stored=True) if where.any() else ():
        if where[number].any():
            only = np.zeros_like(where)
            only[number] = where[number]
            new = blanking.blank(new, only, values(picture, where[number])[where[number]][:, np.newaxis])
    return new


def _even(picture: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return a picture each of whose hidden parts is flat, and as bright as it was at most places: a silhouette."""
    out = picture.copy()
    labels, _ = ndimage.label(hidden)
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        part = labels[place] == label
        out[place][part] = np.median(picture[place][part]).astype(picture.dtype)
    return out


def _smooth(picture: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return a picture whose hidden pixels change evenly from one side to the other (Laplace's equation)."""
    at = ndimage.distance_transform_edt(hidden, return_distances=False, return_indices=True)
    values = picture[tuple(at)].astype(np.float64)
    values = np.where(hidden, ndimage.median_filter(values, 5) if hidden.any() else values, values)
    labels, _ = ndimage.label(hidden, np.ones((3,) * hidden.ndim))
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        wide = tuple(slice(max(0, part.start - 2), part.stop + 2) for part in place)
        part, inside = values[wide], labels[wide] == label
        for size in (16, 8, 4, 2, 1, 1, 1, 1):
            for _ in range(6):
                part[inside] = ndimage.gaussian_filter(part, size)[inside]
    return np.round(values).astype(picture.dtype) if picture.dtype.kind in "iu" else values.astype(picture.dtype)


def _cover(where: np.ndarray, each: ObjectFinding, margin: int, kept: bool, pixel: float | None) -> None:
    """Mark an object and a margin, its small holes, too; of one that is kept, only the letters on it."""
    mask = each.letters if kept else each.pixels
    if not mask.any() or (kept and each.label == "marker"):
        return
    rows, columns = where.shape
    pad = margin + 2
    wide = np.pad(mask, pad)
    wide = ndimage.binary_dilation(wide, iterations=margin)
    if not kept:
        wide |= _letters_and_cases(wide, pixel or 0.3)
    top, left = each.box.y0 - pad, each.box.x0 - pad
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(rows, top + wide.shape[0]), min(columns, left + wide.shape[1])
    where[y0:y1, x0:x1] |= wide[y0 - top : y1 - top, x0 - left : x1 - left]


def _letters_and_cases(mask: np.ndarray, pixel: float) -> np.ndarray:
    """Return the holes of a mask that are small, as letters are, or round and large, as the case of a device is."""
    inside = ndimage.binary_fill_holes(mask) & ~mask
    out = np.zeros(mask.shape, bool)
    apart, _ = ndimage.label(inside)
    small = np.bincount(apart.ravel()) * pixel**2 < _HOLE
    small[0] = False
    out |= small[apart]
    parts, _ = ndimage.label(ndimage.binary_closing(inside, iterations=round(3.0 / pixel)))  # of one case
    for label, place in enumerate(ndimage.find_objects(parts), 1):
        part = parts[place] == label
        if _CASE[0] < part.sum() * pixel**2 < _CASE[1] and min(part.shape) > 0.6 * max(part.shape):
            out[place] |= part
    return out


def _in_radiograph(dataset: Dataset, picture: np.ndarray, frame: int) -> list[ObjectFinding]:
    from .object_detector import FIELD, regions
    from .object_kinds import apart, judge, outline, same_in_header

    known = _spacing(dataset)[0]
    pixel = known or FIELD / max(picture.shape)
    out = []
    for region in chain.from_iterable(apart(picture, region, pixel) for region in regions(picture, known)):
        kind = judge(picture, region, pixel)
        rows, columns = region.place
        box = Box(columns.start, rows.start, columns.stop, rows.stop, frame)
        attributes = same_in_header(dataset, kind.words)
        out.append(
            ObjectFinding(
                "objects",
                _where(box, decoding.size(dataset)[0]) + "".join(f", also in {name}" for name in attributes),
                f"{kind.label} {kind.words!r}" if kind.words else kind.label,
                "K" if kind.label in KEPT else "C",
                _WHY[kind.label] + _SOURCE,
                round(float(region.score * kind.sure), 2),
                kind.label,
                box,
                outline(region),
                kind.words,
                attributes,
                region.mask,
                kind.letters,
            )
        )
    return out


def _where(box: Box, frames: int) -> str:
    place = f"frame {box.frame}, " if frames > 1 else ""
    return f"{place}x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"


def _pictures(dataset: Dataset, *, stored: bool = False) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each frame: as it is stored, or in HU for CT, or so that what is dense is bright."""
    modality = text(dataset, "Modality")
    if not is_grey(dataset) or (modality != "CT" and modality not in RADIOGRAPHS):
        raise Refused("it is no grey radiograph and no CT, and in others objects are not looked for: leave it out.")
    decoding.check_pixels(dataset)
    for number, frame in enumerate(decoding.decoded(dataset)):
        values = frame.astype(frame.dtype.newbyteorder("="), copy=False)
        if modality == "CT" and not stored:
            slope, intercept = (float(dataset.get(k, d)) for k, d in (("RescaleSlope", 1), ("RescaleIntercept", 0)))
            values = values * slope + intercept
        elif not stored and _dense_is_low(dataset):
            values = -values.astype(np.float32)
        yield number, values


def _dense_is_low(dataset: Dataset) -> bool:
    """Tell whether low values mean dense: MONOCHROME1, and angiography, which shows it dark (PS3.3 C.8.7.1.1.2)."""
    if text(dataset, "Modality") in ("XA", "RF") and dataset.get("PixelIntensityRelationshipSign") is not None:
        return int(dataset.PixelIntensityRelationshipSign) > 0
    return bool(dataset.PhotometricInterpretation == "MONOCHROME1")


def _spacing(dataset: Dataset) -> tuple[float | None, ...]:
    """Return the size of a pixel in mm, from row to row and from column to column, if the header tells."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        sizes = dataset.get(keyword) or ()
        if len(sizes) == 2 and min(float(size) for size in sizes) > 0:
            return tuple(float(size) for size in sizes)
    return None, None


def _in_volume(volume: Volume) -> list[ObjectFinding]:
    if volume.modality != "CT":
        raise Refused(f"it is {volume.modality or 'no CT'}, and in volumes only CT shows how dense things are.")
    return _lumps(metal.lumps(volume.values, volume.spacing), None)


def _lumps(found: list[metal.Lump], frame: int | None) -> list[ObjectFinding]:
    out = []
    for lump in found:
        label = "jewellery" if lump.on_skin else "implant or device"
        ranges = ", ".join(f"{axis} {p.start} to {p.stop}" for axis, p in zip("xyz", lump.place, strict=True))
        first, second = lump.place[:2]
        box = Box(first.start, second.start, first.stop, second.stop, None)
        if frame is not None:  # a slice has rows first
            box = Box(second.start, first.start, second.stop, first.stop, frame)
            ranges = _where(box, 1)
        out.append(
            ObjectFinding(
                "objects",
                ranges,
                f"{label}, {lump.volume:.0f} mm3" if frame is None else label,
                "K" if label in KEPT else "C",
                _WHY[label] + _SOURCE + _STREAKS,
                0.9,
                label,
                box,
                ((box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)),
                pixels=lump.mask[..., 0] if frame is not None else lump.mask,
            )
        )
    return out


def _stripped_volume(volume: Volume, objects: Iterable[ObjectFinding], method: str, pseudonyms: Pseudonyms) -> Volume:
    found = [each for each in objects if each.action == "C"]
    if not found:
        return volume
    where = np.zeros(volume.values.shape, bool)
    for each, place in zip(found, metal.places([each.where for each in found]), strict=True):
        if where[place].shape != each.pixels.shape:
            raise ValueError(f"There is no object at {each.where} in this volume: give those that find returns for it.")
        where[place] |= each.pixels
    where = ndimage.binary_dilation(where, np.ones((3, 3, 3), bool))
    values = volume.values.copy()
    values[where] = metal.AIR if method == "mask" else _smooth(volume.values, where)[where]
    stripped = volume.with_values(values)
    sources = tuple(volumes.datasets(stripped)) if volume.datasets else ()
    for source in sources:
        derivation.add_method(source, _CLEAN_PIXEL_DATA)
        derivation.call_derived(source)
        derivation.tell(source, _DONE[method], pseudonyms)
        source.SeriesInstanceUID = pseudonyms.uid(text(source, "SeriesInstanceUID").encode()).decode()
    return replace(stripped, datasets=sources)
