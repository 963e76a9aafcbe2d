"""See where lines of text are in a picture, with the detector of PP-OCRv6 (see models/PP-OCRv6.md).

The detector was trained on photographs that have text in them. Shown anatomy alone, it takes something in it for text.
So strips of sample text are put above and below whatever it is shown: then it has text to compare with.
"""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

try:
    import onnxruntime
    from PIL import Image, ImageDraw, ImageFont
    from scipy import ndimage
except ImportError as error:
    raise ImportError('finding text needs more than is installed: run `pip install "safeshare[text]"`.') from error

if TYPE_CHECKING:
    from .blanking import Box

_MODEL = "PP-OCRv6_det_small.onnx"
_ROWS, _COLUMNS, _OVERLAP = 512, 1600, 80  # of a tile: memory stays small, and the strips in sight
_STRIP, _GAP = 40, 8
_SEEN, _SURE = 0.25, 0.7  # how likely text is at the edge of a line, and somewhere in it
_LARGER = 1.6  # times, so that letters of 8 pixels are as large as those that the detector was trained with
_LARGEST = 2_000_000  # pixels of a picture that is looked at in full size; text on larger ones is larger, too
_RADIUS = 6  # of the surroundings that a pixel is compared with: about as wide as a letter


class Line(NamedTuple):
    """The place of a line of text, or of a part of a slanting one, and how sure it is."""

    x0: int
    y0: int
    x1: int
    y1: int
    sure: float


@cache
def session(model: str) -> "onnxruntime.InferenceSession":
    """Return one of the models in models/, ready to run on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    data = resources.files(__package__).joinpath("models", model).read_bytes()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def lines(picture: np.ndarray) -> list[Line]:
    """Return the lines of text in a picture (rows, columns) or (rows, columns, 3) of any numbers.

    A slanting line comes in several parts, so that little beside it is taken for text.
    """
    rows, columns = picture.shape[:2]
    scale = max(1.0, min(2.0, (rows * columns / _LARGEST) ** 0.5))
    low, high = float(np.nanmin(picture)), float(np.nanmax(picture))
    if high <= low:
        return []
    found = []
    for top, bottom in _cuts(rows, round(_ROWS * scale), round(_OVERLAP * scale)):
        for left, right in _cuts(columns, round(_COLUMNS * scale), round(_OVERLAP * scale)):
            tile = _scaled(_ranged(picture[top:bottom, left:right], low, high), scale)
            for line in (line for likely in _likely(tile) for line in _regions(likely)):
                found.append(
                    Line(
                        left + int(line.x0 * scale),
                        top + int(line.y0 * scale),
                        min(columns, left + int(np.ceil(line.x1 * scale))),
                        min(rows, top + int(np.ceil(line.y1 * scale))),
                        line.sure,
                    )
                )
    return found


def as_bytes(picture: np.ndarray) -> np.ndarray:
    """Return a picture as RGB in bytes, from its least value to its greatest."""
    return _in_colour(_ranged(picture, float(np.nanmin(picture)), float(np.nanmax(picture))))


def _ranged(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values from 0 to 255: bytes of a colour picture, and floats of a grey one, which may be very faint."""
    if picture.dtype == np.uint8 and picture.ndim == 3:
        return picture
    values = (np.nan_to_num(picture.astype(np.float32), nan=low) - low) * (255 / max(high - low, 1e-9))
    values = values.clip(0, 255)
    return values.astype(np.uint8) if picture.ndim == 3 else values


def _in_colour(tile: np.ndarray) -> np.ndarray:
    return tile if tile.ndim == 3 else np.repeat(tile[..., np.newaxis], 3, 2).astype(np.uint8)


def _scaled(tile: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return tile
    size = round(tile.shape[1] / scale), round(tile.shape[0] / scale)
    return np.asarray(Image.fromarray(tile).resize(size, Image.Resampling.BOX))


def _cuts(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    if length <= tile * 1.15:
        return [(0, length)]
    count = -(-(length - overlap) // (tile - overlap))
    step = (length - tile) / (count - 1)
    return [(round(number * step), round(number * step) + tile) for number in range(count)]


def _likely(tile: np.ndarray) -> Iterator[np.ndarray]:
    """Yield how likely text is at each pixel of a tile, by each of several views of it.

    They are: smoothed, for text on grainy ground; enlarged local contrast, for small and faint text; and local contrast
    turned, for text on its side. Each is judged by itself, for one can take all of a texture for text.
    """
    local = _local_contrast(tile)
    rows, columns = tile.shape[:2]
    larger = Image.fromarray(local).resize((round(columns * _LARGER), round(rows * _LARGER)), Image.Resampling.BICUBIC)
    seen = Image.fromarray(_detected(np.asarray(larger)))
    yield np.asarray(seen.resize((columns, rows), Image.Resampling.BILINEAR))
    yield _detected(ndimage.gaussian_filter(_in_colour(tile), (1, 1, 0)))
    yield np.rot90(_detected(np.rot90(local)), -1)


def _local_contrast(tile: np.ndarray) -> np.ndarray:
    """Return each pixel as compared with its surroundings, so that faint text gets as strong as bright text."""
    channels = []
    for number in range(tile.shape[2] if tile.ndim == 3 else 1):
        values = (tile[..., number] if tile.ndim == 3 else tile).astype(np.float32)
        size = 2 * _RADIUS + 1
        mean = ndimage.uniform_filter(values, size, mode="nearest")
        spread = ndimage.uniform_filter(values * values, size, mode="nearest") - mean * mean
        score = (values - mean) / (np.sqrt(spread.clip(0)) + 2.55)
        channels.append(((score + 2.5) * 51).clip(0, 255).astype(np.uint8))
    return np.stack(channels if len(channels) == 3 else channels * 3, -1)


def _detected(tile: np.ndarray) -> np.ndarray:
    rows, columns = tile.shape[:2]
    wide = -(-max(columns, 320) // 32) * 32
    high = -(-(rows + 2 * (_STRIP + _GAP)) // 32) * 32
    canvas = np.zeros((high, wide, 3), np.uint8)
    strip, top = _sample(wide), _STRIP + _GAP
    canvas[:_STRIP] = strip
    canvas[top : top + rows, :columns] = tile
    canvas[top + rows + _GAP : top + rows + _GAP + _STRIP] = strip
    values = (canvas[..., ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[np.newaxis]
    likely = session(_MODEL).run(None, {"x": np.ascontiguousarray(values)})[0][0, 0]
    return likely[top : top + rows, :columns]


@cache
def _sample(wide: int) -> np.ndarray:
    """Return a strip of sample text in several sizes."""
    image = Image.new("L", (wide, _STRIP))
    pen, x = ImageDraw.Draw(image), 6.0
    while x < wide:
        for size, words in ((22, "Sample TEXT 123"), (12, "decoy 4567"), (16, "Abc 08"), (10, "lorem ipsum")):
            font = ImageFont.load_default(size)
            if x + font.getlength(words) > wide - 4:
                return np.asarray(image)[..., np.newaxis]
            pen.text((x, (_STRIP - size) // 2 - 2), words, 235, font)
            x += font.getlength(words) + 18
    return np.asarray(image)[..., np.newaxis]


def _regions(likely: np.ndarray) -> Iterator[Line]:
    """Yield the lines in a map of likelihoods; what is too thick to be a line is anatomy."""
    labels, count = ndimage.label(likely > _SEEN, np.ones((3, 3)))
    if not count:
        return
    rows, columns = likely.shape
    thickest = max(72, int(0.09 * min(rows, columns)))
    peaks = ndimage.maximum(likely, labels, range(1, count + 1))
    for number, (place, peak) in enumerate(zip(ndimage.find_objects(labels), peaks, strict=True), 1):
        part = labels[place] == number
        high, wide = part.shape
        thick = min(high, wide, part.sum() / max(high, wide) * 1.2)
        if peak < _SURE or high * wide < 12 or thick > thickest:
            continue
        margin = int(np.ceil(0.5 * min(thick, 40))) + 2
        for (y0, y1), (x0, x1) in _pieces(part, thick):
            yield Line(
                max(0, place[1].start + x0 - margin),
                max(0, place[0].start + y0 - margin),
                min(columns, place[1].start + x1 + margin),
                min(rows, place[0].start + y1 + margin),
                float(min(peak, 1)),
            )


def _pieces(part: np.ndarray, thick: float) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the rows and columns of a region: in one piece, or in several along a slanting one."""
    high, wide = part.shape
    if part.mean() > 0.6 or min(high, wide) <= 10:
        yield (0, high), (0, wide)
        return
    step = max(6, int(thick / 2))
    for start in range(0, max(high, wide), step):
        if wide >= high:
            filled = np.flatnonzero(part[:, start : start + step].any(1))
            yield (int(filled[0]), int(filled[-1]) + 1), (start, min(wide, start + step))
        else:
            filled = np.flatnonzero(part[start : start + step].any(0))
            yield (start, min(high, start + step)), (int(filled[0]), int(filled[-1]) + 1)


_Picture = TypeVar("_Picture")


def merged(found: list[tuple["Box", float, _Picture]]) -> list[tuple["Box", float, _Picture]]:
    """Return boxes that lie in others, or beside others in the same line, as one; from top to bottom."""
    boxes = sorted(found, key=lambda each: _area(each[0]), reverse=True)
    out: list[tuple[Box, float, _Picture]] = []
    while boxes:
        box, sure, picture = boxes.pop(0)
        for number, (other, surer, seen) in enumerate(out):
            if box.frame == other.frame and (_inside(box, other) or _in_line(box, other)):
                del out[number]
                union = box._replace(
                    x0=min(box.x0, other.x0),
                    y0=min(box.y0, other.y0),
                    x1=max(box.x1, other.x1),
                    y1=max(box.y1, other.y1),
                )
                boxes.insert(0, (union, max(sure, surer), seen))
                break
        else:
            out.append((box, sure, picture))
    return sorted(out, key=lambda each: (-1 if each[0].frame is None else each[0].frame, each[0].y0, each[0].x0))


def _inside(box: "Box", other: "Box") -> bool:
    return other.x0 - 2 <= box.x0 and box.x1 <= other.x1 + 2 and other.y0 - 2 <= box.y0 and box.y1 <= other.y1 + 2


def _in_line(box: "Box", other: "Box") -> bool:
    """Tell whether boxes touch each other and are parts of one line: at one height, or upright and at one column."""
    if min(box.x1, other.x1) < max(box.x0, other.x0) or min(box.y1, other.y1) < max(box.y0, other.y0):
        return False
    if max(abs(box.y0 - other.y0), abs(box.y1 - other.y1)) <= 3:
        return True
    upright = all(each.y1 - each.y0 > each.x1 - each.x0 for each in (box, other))
    return upright and max(abs(box.x0 - other.x0), abs(box.x1 - other.x1)) <= 3


def _area(box: "Box") -> int:
    return max(0, box.x1 - box.x0) * max(0, box.y1 - box.y0)
