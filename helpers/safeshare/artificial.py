"""What no X-rays made in a radiograph: burned-in letters, the edges of shutters, masks, and drawings."""

import numpy as np
from scipy import ndimage

_BLOCK = 16  # pixels along a part of an image
_LEVEL = 0.25  # of the pixels of a part with grain are as those next to them
_GRAINED = 0.02  # of the parts of a drawing have grain
_EIGHT = np.ones((3, 3), bool)


def is_drawing(picture: np.ndarray, flat: np.ndarray) -> bool:
    """Tell whether an image has hardly any grain, so that no X-rays made it: a test pattern, say."""
    level = (picture[1:, 1:] == picture[:-1, 1:]) & (picture[1:, 1:] == picture[1:, :-1])
    inside = ~flat[1:, 1:]
    counts, levels = _counts(inside), _counts(inside & level)
    looked_at = counts > 0.5 * _BLOCK**2
    # parts, and not all pixels at once: much of a hand's radiograph of 8 bits may be air of one value
    return not looked_at.any() or float((levels < _LEVEL * counts)[looked_at].mean()) < _GRAINED


def _counts(mask: np.ndarray) -> np.ndarray:
    """Return how many pixels of each part of an image are in a mask."""
    rows, columns = (n // _BLOCK for n in mask.shape)
    return mask[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK).sum((1, 3))


def flat_border(picture: np.ndarray) -> np.ndarray:
    """Return the pixels of one value that reach the border of the image: a shutter's, or air without any signal."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    out = np.zeros(picture.shape, bool)
    values, counts = np.unique(edge, return_counts=True)
    for place in np.argsort(-counts)[:3]:
        value = values[place]
        if counts[place] < 0.003 * len(edge) or (len(counts) > 30 and counts[place] < 5 * np.median(counts)):
            continue
        labels, _ = ndimage.label(picture == value)
        sizes = np.bincount(labels.ravel())
        reach = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        out |= np.isin(labels, [label for label in reach if label and sizes[label] > 8])
    return out


def hard_edges(picture: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Return where a flat region ends from one pixel to the next, over a long way: no X-rays make such an edge."""
    rim = ndimage.binary_dilation(flat, _EIGHT) & ~flat
    if not rim.any():
        return rim
    rows, columns = np.nonzero(rim)
    here = picture[rim]
    highest, lowest, beside = here.copy(), here.copy(), np.full(len(here), -np.inf, np.float32)
    for down in range(-3, 4):
        for right in range(-3, 4):
            at = (rows + down).clip(0, picture.shape[0] - 1), (columns + right).clip(0, picture.shape[1] - 1)
            there = picture[at]
            np.maximum(highest, there, out=highest)
            np.minimum(lowest, there, out=lowest)
            if max(abs(down), abs(right)) == 1:
                np.maximum(beside, there, out=beside, where=flat[at])  # the value of the flat region
    step = np.maximum(highest - beside, beside - lowest)
    hard = np.zeros_like(rim)
    hard[rim] = (np.abs(here - beside) > 0.6 * step) & (step > 0.05 * np.ptp(picture))
    labels, _ = ndimage.label(ndimage.binary_dilation(hard, _EIGHT), _EIGHT)
    long = [max(p.stop - p.start for p in place) > 0.04 * max(picture.shape) for place in ndimage.find_objects(labels)]
    return hard & np.array([False, *long])[labels]


def masked(picture: np.ndarray) -> np.ndarray:
    """Return what somebody masked: shapes of the darkest value that end from one pixel to the next."""
    dark = picture == picture.min()
    labels, count = ndimage.label(dark, _EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    if count == 0 or sizes[1:].max() <= 30:
        return np.zeros(picture.shape, bool)
    rim = ndimage.binary_dilation(dark, _EIGHT) & ~dark
    rise = ndimage.maximum_filter(picture, 7) - picture.min()
    hard = picture - picture.min() > 0.6 * rise
    owner = ndimage.maximum_filter(labels, 3)[rim]
    share = np.bincount(owner, hard[rim], count + 1) / np.maximum(np.bincount(owner, minlength=count + 1), 1)
    cut = (share > 0.8) & (sizes > 30)
    cut[0] = False
    return cut[labels]


def writing(picture: np.ndarray) -> np.ndarray:
    """Return where letters were burned in: small shapes of exactly one value, three or more in a row."""
    out = np.zeros(picture.shape, bool)
    brightest = float(picture.max())
    edge = brightest - 0.25 * (brightest - float(np.median(picture)))  # of thin letters, no pixel may be all ink
    shapes = []
    for ink in (picture > edge, *(picture == value for value in _inks(picture))):
        boxes = np.array([(a.start, a.stop, b.start, b.stop) for a, b in _places(ink)], int).reshape(-1, 4)
        high, wide = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
        boxes = boxes[(np.maximum(high, wide) <= 0.06 * max(picture.shape)) & (high >= 2)]
        shapes.append(boxes)
        _write(out, boxes[_in_rows(boxes)])
    for boxes in shapes * 2 if out.any() else ():  # what stands in line with them, such as a hyphen
        tall = int(np.median([high for high in boxes[:, 1] - boxes[:, 0] if high > 4] or [8]))
        near = ndimage.maximum_filter(out, (2 * tall + 1, 4 * tall + 1))
        middle = (boxes[:, 0] + boxes[:, 1]) // 2, (boxes[:, 2] + boxes[:, 3]) // 2
        _write(out, boxes[near[middle]])
    if out.any():  # and what is left between and behind the letters
        size = 3, 2 * (2 * tall) + 1
        closed = ndimage.minimum_filter(ndimage.maximum_filter(out, size), size)
        out = ndimage.maximum_filter(out, (3, 2 * tall + 1)) | closed
    return out


def _places(ink: np.ndarray) -> list[tuple[slice, slice]]:
    return ndimage.find_objects(ndimage.label(ink, _EIGHT)[0])


def _write(out: np.ndarray, boxes: np.ndarray) -> None:
    for y0, y1, x0, x1 in boxes:
        out[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = True


def _in_rows(boxes: np.ndarray) -> np.ndarray:
    """Tell which boxes are of letters of one height that stand on one line, three or more of them."""
    written = np.zeros(len(boxes), bool)
    high = boxes[:, 1] - boxes[:, 0]
    for y0, y1, x0, x1 in boxes[high >= 5]:
        tall = y1 - y0
        near = np.abs((boxes[:, 2] + boxes[:, 3]) - (x0 + x1)) < 8 * tall
        alike = near & (np.abs(boxes[:, 1] - y1) <= max(1, 0.08 * tall)) & (np.abs(high - tall) <= 0.3 * tall)
        if alike.sum() >= 3:
            written |= near & (boxes[:, 0] > y0 - 0.4 * tall) & (boxes[:, 1] < y1 + 0.4 * tall)
    return written


def _inks(picture: np.ndarray) -> list[float]:
    """Return values that far more pixels have than have the values next to them, and the brightest one."""
    values = picture - picture.min()
    if values.max() > 70_000 or not np.array_equal(values, np.round(values)):
        return [float(picture.max())]
    counts = np.bincount(values.astype(np.int64).ravel()).astype(float)
    around = (ndimage.uniform_filter1d(counts, 13) * 13 - counts) / 12
    peaks = np.flatnonzero((counts > 40) & (counts > 6 * around + 20))
    peaks = peaks[np.argsort(-counts[peaks])][:3]
    return [float(value + picture.min()) for value in {*peaks.tolist(), len(counts) - 1} - {0}]
