"""See where foreign objects are in a radiograph: a small network tells for each pixel how likely it is one's.

The network (a U-Net: Ronneberger 2015, doi:10.1007/978-3-319-24574-4_28) was trained by this project, on synthetic
radiographs only (data/build/train_object_detector.py).
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from . import artificial

MODEL = "objects.onnx"
FIELD = 300.0  # mm; the longer side of an image that does not tell the size of its pixels
_PIXEL, _LONGEST = 0.4, 1600  # mm of a pixel of what is looked at, and how many there are along a side at most
_SEEN, _SURE = 0.1, 0.99  # how likely a pixel is an object's, and the likeliest pixels of one
_LEAST = 3.0  # mm2 that an object covers
_GAP = 2.0  # mm between links of one chain
_RIM = 1.2  # mm around what somebody masked, in which nothing is an object
_STEP = 32  # the network's coarsest pixels
_EIGHT = np.ones((3, 3), bool)


class Region(NamedTuple):
    """An object's place in the image, its pixels there, and how sure it is."""

    place: tuple[slice, ...]
    mask: np.ndarray
    score: float


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
    size = pixel or FIELD / max(picture.shape)
    likely = _likely(picture, flat, size)
    cut = ndimage.binary_dilation(artificial.masked(picture), _EIGHT, iterations=max(1, round(_RIM / size)))
    likely[resized(cut.astype(np.float32), likely.shape) > 0.3] = 0
    return _whole(likely, picture.shape, size)


def _likely(picture: np.ndarray, flat: np.ndarray, pixel: float) -> np.ndarray:
    """Return for each pixel of a reduced picture how likely it is an object's."""
    from .text_detector import session

    factor = max(1.0, _PIXEL / pixel, max(picture.shape) / _LONGEST)
    rows, columns = (max(1, round(n / factor)) for n in picture.shape)
    small = resized(picture, (rows, columns))
    inside = small[resized(flat.astype(np.float32), (rows, columns)) < 0.5]
    low, high = np.percentile(inside if inside.size > 100 else small, (1, 99.7))
    values = np.clip((small - low) / max(high - low, 1e-6), -0.3, 1.5)
    values = np.pad(values, ((0, -rows % _STEP), (0, -columns % _STEP)), mode="edge")
    (out,) = session(MODEL).run(None, {"values": values[np.newaxis, np.newaxis].astype(np.float32)})
    return np.array(out[0, :rows, :columns])


def resized(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a picture of another size: with fewer pixels, each of them a mean, or with more."""
    from PIL import Image

    way = Image.Resampling.BOX if shape[0] < values.shape[0] else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(shape[::-1], way))


def _whole(likely: np.ndarray, shape: tuple[int, ...], pixel: float) -> list[Region]:
    """Return the objects as regions of the image in its full size."""
    rows, columns = likely.shape
    size = pixel * shape[0] / rows  # of a reduced pixel, mm
    labels = _joined(likely > _SEEN, size)
    out = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if place is None:
            continue
        mask = labels[place] == number
        sure = np.sort(likely[place][mask])[::-1]
        few = max(1, round(_LEAST / size**2))
        if len(sure) < few or (score := float(sure[:few].mean())) < _SURE:
            continue
        out.append(_enlarged(place, mask, likely, shape, score))
    return sorted(out, key=lambda region: (region.place[0].start, region.place[1].start))


def _joined(found: np.ndarray, size: float) -> np.ndarray:
    """Return labels of what lies within a gap of each other."""
    labels, _ = ndimage.label(ndimage.binary_dilation(found, _EIGHT, iterations=max(1, round(_GAP / 2 / size))), _EIGHT)
    return labels * found


def _enlarged(
    place: tuple[slice, ...], mask: np.ndarray, likely: np.ndarray, shape: tuple[int, ...], score: float
) -> Region:
    """Return a region of the image in its full size, whose outline runs between the reduced pixels."""
    wide = tuple(slice(max(0, p.start - 2), min(n, p.stop + 2)) for p, n in zip(place, likely.shape, strict=True))
    ours = np.pad(mask, [(p.start - w.start, w.stop - p.stop) for p, w in zip(place, wide, strict=True)])
    scale = [n / m for n, m in zip(shape, likely.shape, strict=True)]
    full = tuple(slice(round(w.start * s), round(w.stop * s)) for w, s in zip(wide, scale, strict=True))
    size = full[0].stop - full[0].start, full[1].stop - full[1].start
    fine = resized(np.where(ndimage.binary_dilation(ours, _EIGHT), likely[wide], 0), size) > _SEEN
    fine |= resized(ndimage.binary_closing(ours, _EIGHT, iterations=2).astype(np.float32), size) > 0.5
    rows, columns = (np.flatnonzero(fine.any(axis)) for axis in (1, 0))
    inner = tuple(slice(int(n[0]), int(n[-1]) + 1) for n in (rows, columns))
    final = tuple(slice(f.start + i.start, f.start + i.stop) for f, i in zip(full, inner, strict=True))
    return Region(final, fine[inner], score)
