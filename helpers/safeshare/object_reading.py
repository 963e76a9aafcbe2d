"""Read what is engraved on an object in a radiograph, and tell where the letters are."""

import numpy as np
from scipy import ndimage

from .blanking import Box
from .object_detector import Region

_SURE = 0.6  # of a reading that is shown
_LONG = 1.5  # times as long as wide is a plate along which words run
_WRITTEN = 50.0  # mm2 that words need
_LETTER = 60.0  # mm2; smaller holes are letters that were cut out
_MOST = 8  # lines on an object that are read


def signs(picture: np.ndarray, region: Region) -> list[str]:
    """Return what a region can be read as, as a marker of the side can, from in front or from behind."""
    from .text_reader import read

    part = picture[region.place].astype(np.float32)
    low, high = float(part.min()), float(part.max())
    shown = np.pad((part - low) / max(high - low, 1e-6) * 255, max(3, part.shape[0] // 6))
    readings = [read(_grey(view)) for view in (shown, shown[:, ::-1])]
    return [words if sure > _SURE and words.isascii() else "" for words, sure in readings]


def lines_on(picture: np.ndarray, region: Region, size: float) -> tuple[str, np.ndarray]:
    """Return the words in a region, and the pixels where they stand: it is turned upright, and its contrast raised."""
    from .text_detector import lines
    from .text_lines import merged
    from .text_reader import read

    part, mask = picture[region.place].astype(np.float32), region.mask
    core = _thickest(mask, size)
    if core.sum() * size**2 < _WRITTEN:
        return "", np.zeros(mask.shape, bool)
    angle = _slant(part, core, size)
    low, high = np.percentile(part[core], (1, 99.5))
    shown = np.clip((part - low) / max(high - low, 1e-6), 0, 1) * 255
    upright = ndimage.rotate(shown, angle, order=1, reshape=True, cval=0)
    turned = ndimage.rotate(core.astype(np.float32), angle, order=0, reshape=True) > 0.5
    rows, columns = (np.flatnonzero(turned.any(axis)) for axis in (1, 0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    crop = upright[window]
    zoom = min(4.0, max(1.0, 200 / crop.shape[0]))
    large = ndimage.zoom(crop, zoom, order=1)
    found: list[str] = []
    marks = np.zeros(upright.shape, np.float32)
    seen = [(Box(line.x0, line.y0, line.x1, line.y1), line.sure, None) for line in lines(large)]
    for line, _, _ in merged(seen)[:_MOST]:
        picked = large[line.y0 : line.y1, line.x0 : line.x1]
        if min(picked.shape) < 5:
            continue
        said, sure = max((read(_grey(view)) for view in (picked, picked[::-1, ::-1])), key=lambda each: each[1])
        y0, y1, x0, x1 = (round(v / zoom) for v in (line.y0, line.y1, line.x0, line.x1))
        marks[window][max(0, y0) : y1, max(0, x0) : x1] = 1
        if said.isascii() and sure > _SURE and not any(_same(said, other) for other in found):
            found.append(said)
    back = ndimage.rotate(marks, -angle, order=0, reshape=False) > 0.5
    return " ".join(found), _middle(back, mask.shape)


def _same(said: str, other: str) -> bool:
    """Tell whether a line, or a part of it, was read already."""
    return len(said) > 1 and "".join(said.split()) in "".join(other.split())


def _grey(view: np.ndarray) -> np.ndarray:
    return np.repeat(view.clip(0, 255).astype(np.uint8)[..., np.newaxis], 3, 2)


def _middle(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the middle of a turned picture, where the picture was before it was turned."""
    out = np.zeros(shape, bool)
    cut = [(max(0, (a - b) // 2), max(0, (b - a) // 2), min(a, b)) for a, b in zip(array.shape, shape, strict=True)]
    (ya, yb, rows), (xa, xb, columns) = cut
    out[yb : yb + rows, xb : xb + columns] = array[ya : ya + rows, xa : xa + columns]
    return out


def _thickest(mask: np.ndarray, size: float) -> np.ndarray:
    """Return the thickest part of a mask: the plate of a bracelet without its chain."""
    whole = solid(mask, size)
    depth = ndimage.distance_transform_edt(np.pad(whole, 1))[1:-1, 1:-1]
    core = depth > max(1, 0.5 * depth.max())
    labels, count = ndimage.label(core)
    if not count:
        return core
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    grow = max(1, int(np.ceil(0.5 * depth.max())))
    return ndimage.binary_dilation(largest, iterations=grow) & whole


def solid(mask: np.ndarray, size: float) -> np.ndarray:
    """Return a mask without the holes that letters leave which are cut through."""
    labels, _ = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    few = np.bincount(labels.ravel()) * size**2 < _LETTER
    few[0] = False
    return np.asarray(mask | few[labels])


def _slant(part: np.ndarray, core: np.ndarray, size: float) -> float:
    """Return by how many degrees a part is turned from lying level: as a long one lies, or as the words on it do."""
    points = np.argwhere(core)[:: max(1, int(core.sum()) // 4000)].astype(float)

    def box(angle: float) -> tuple[float, float, float]:
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        rows, columns = points[:, 0] * cos - points[:, 1] * sin, points[:, 1] * cos + points[:, 0] * sin
        high, wide = (float(np.subtract(*np.percentile(each, (98, 2)))) for each in (rows, columns))
        return high * wide * (1.0 if wide >= high else 1.2), angle, max(high, wide) / max(1.0, min(high, wide))

    _, angle, long = min(box(float(angle)) for angle in range(-88, 90, 2))
    inner = ndimage.binary_erosion(core, iterations=max(1, round(1.5 / size)))
    if long > _LONG or inner.sum() < 50:
        return angle
    fine = np.abs(part - ndimage.gaussian_filter(part, 1.5 / size))[inner]
    fine = np.minimum(fine, np.percentile(fine, 97)) - np.median(fine)
    rows, columns = np.nonzero(inner)

    def lined(angle: float) -> tuple[float, float]:  # how much more fine structures there are in some lines
        height = rows * np.cos(np.radians(angle)) - columns * np.sin(np.radians(angle))
        line = np.round((height - height.min()) * size / 0.5).astype(int)
        count = np.bincount(line)
        return float((np.bincount(line, fine) ** 2 / np.maximum(count, 1)).sum()), angle

    return max(lined(float(angle)) for angle in range(-60, 61, 2))[1]
