"""See where lines of text are in a picture, with the detector of PP-OCRv6 (see models/PP-OCRv6.md).

The detector was trained on photographs that have text in them. Shown anatomy alone, it takes something in it for text.
So strips of sample text are put above and below whatever it is shown: then it has text to compare with.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources

import numpy as np

try:
    import onnxruntime
    from PIL import Image, ImageDraw, ImageFont
    from scipy import ndimage
except ImportError as error:
    raise ImportError('finding text needs more than is installed: run `pip install "safeshare[text]"`.') from error

from .text_lines import Line, bridged
from .text_regions import lines_in

_MODEL = "PP-OCRv6_det_small.onnx"
_ROWS, _COLUMNS, _OVERLAP = 1024, 1280, 48  # of a part of a large picture that is looked at at once
_HIGHEST, _WIDEST = 672, 768  # of what the detector is shown at once: memory stays small, and the strips in sight
_STRIP, _GAP = 40, 8
_LARGER = 2.0  # times, so that small letters are as large as those of the training
_ENLARGED = 1_200_000  # pixels of an enlarged picture at most, for the sake of time; letters on larger ones are larger
_LARGEST = 2_000_000  # pixels of a picture that is looked at in full size; text on larger ones is larger, too
_REDUCED, _HALF = 0.7, 0.5  # times, so that large letters are as large as those of the training
_WIDE, _CLOSE = 29, 13  # pixels of the surroundings that a pixel is compared with: some letters, and one
_SMALL = 100_000  # pixels of a picture whose letters are so small that it is looked at more closely
_STROKE = 9  # pixels that a stroke is narrower than
_AROUND = 41  # pixels of the surroundings in which strokes are compared


@cache
def session(model: str) -> "onnxruntime.InferenceSession":
    """Return one of the models in models/, ready to run on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    data = resources.files(__package__).joinpath("models", model).read_bytes()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def lines(picture: np.ndarray) -> list[Line]:
    """Return the lines of text in a picture (rows, columns) or (rows, columns, 3) of any numbers.

    A slanting line comes in several parts, so that little beside it is taken for text.
    """
    rows, columns = picture.shape[:2]
    scale = max(1.0, min(2.0, (rows * columns / _LARGEST) ** 0.5))
    larger = max(1.0, min(_LARGER, scale * (_ENLARGED / (rows * columns)) ** 0.5))
    low, high = float(np.nanmin(picture)), float(np.nanmax(picture))
    if high <= low:
        return []
    found = []
    for top, bottom in _cuts(rows, round(_ROWS * scale), round(_OVERLAP * scale)):
        for left, right in _cuts(columns, round(_COLUMNS * scale), round(_OVERLAP * scale)):
            tile = _scaled(_ranged(picture[top:bottom, left:right], low, high), scale)
            for line in bridged(lines_in(list(_likely(tile, larger)), tile)):
                found.append(
                    line._replace(
                        x0=left + int(line.x0 * scale),
                        y0=top + int(line.y0 * scale),
                        x1=min(columns, left + int(np.ceil(line.x1 * scale))),
                        y1=min(rows, top + int(np.ceil(line.y1 * scale))),
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


def _cuts(length: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    """Return where the fewest parts that overlap start and end, all about as long."""
    count = max(1, -(-(length - overlap) // (longest - overlap)))
    step = (length - overlap) / count
    return [(round(number * step), min(length, round((number + 1) * step) + overlap)) for number in range(count)]


def _likely(tile: np.ndarray, larger: float) -> Iterator[np.ndarray]:
    """Yield how likely text is at each pixel of a tile, by each of several views of it.

    They are: bright strokes, enlarged, for small and faint text; local contrast, enlarged, for dark text, and turned,
    for text that runs upwards, and since less of a grain is taken for text so; local contrast, reduced, for middle
    letters and faint ones; and the tile itself at half its size, for large ones. In small tiles, where letters are
    smallest, closer contrast is looked at, too.
    """
    contrast = _local_contrast(tile, _WIDE)
    yield _seen_resized(_strokes(tile), larger)
    yield np.rot90(_seen_resized(np.rot90(contrast), larger), -1)
    yield _seen_resized(contrast, _REDUCED)
    yield _seen_resized(_in_colour(tile).astype(np.uint8), _HALF)
    if tile.shape[0] * tile.shape[1] <= _SMALL:
        yield _seen_resized(_local_contrast(tile, _CLOSE), larger)


def _seen_resized(view: np.ndarray, times: float) -> np.ndarray:
    rows, columns = view.shape[:2]
    size = max(1, round(columns * times)), max(1, round(rows * times))
    resized = Image.fromarray(view).resize(size, Image.Resampling.BICUBIC)
    seen = Image.fromarray(_seen(np.asarray(resized)))
    return np.asarray(seen.resize((columns, rows), Image.Resampling.BILINEAR))


def _by_channel(view: Callable[[np.ndarray], np.ndarray], tile: np.ndarray) -> np.ndarray:
    if tile.ndim == 2:
        return _in_colour(view(tile.astype(np.float32)))
    return np.stack([view(tile[..., number].astype(np.float32)) for number in range(3)], -1)


def _strokes(tile: np.ndarray) -> np.ndarray:
    """Return what is brighter and narrower than a stroke can be, as compared with other such things around it."""
    return _by_channel(_strokes_of_channel, tile)


def _strokes_of_channel(values: np.ndarray) -> np.ndarray:
    smooth = ndimage.gaussian_filter(values, 0.5)
    strokes = (smooth - _opened(smooth)).clip(0)
    usual = np.sqrt(ndimage.uniform_filter(strokes * strokes, _AROUND).clip(0))
    return (strokes / (usual + 1.5) * 60).clip(0, 255).astype(np.uint8)


def _opened(values: np.ndarray) -> np.ndarray:
    """Return the grey opening by a square of a stroke's width, as SciPy's, in a third of its time."""
    for extreme in (np.minimum, np.maximum):
        for _ in range(2):
            values = _extreme_of_rows(values, extreme).T
    return values


def _extreme_of_rows(values: np.ndarray, extreme: np.ufunc) -> np.ndarray:
    """Return the extreme of as many rows around each as a stroke is wide: of 2, of 4 and so on, from those of half."""
    values = np.pad(values, ((_STROKE // 2, _STROKE // 2), (0, 0)), mode="edge")
    rows = 1
    while rows < _STROKE:
        step = min(rows, _STROKE - rows)
        values = extreme(values[:-step], values[step:])
        rows += step
    return values


def _local_contrast(tile: np.ndarray, size: int) -> np.ndarray:
    """Return each pixel as compared with its surroundings, so that faint text gets as strong as bright text."""

    def of_channel(values: np.ndarray) -> np.ndarray:
        mean = ndimage.uniform_filter(values, size, mode="nearest")
        spread = ndimage.uniform_filter(values * values, size, mode="nearest") - mean * mean
        score = (values - mean) / (np.sqrt(spread.clip(0)) + 2.55)
        return ((score + 2.5) * 51).clip(0, 255).astype(np.uint8)

    return _by_channel(of_channel, tile)


def _seen(view: np.ndarray) -> np.ndarray:
    """Return how likely text is at each pixel of a view, which is shown to the detector in tiles."""
    out = np.zeros(view.shape[:2], np.float32)
    for top, bottom in _cuts(view.shape[0], _HIGHEST, _OVERLAP):
        for left, right in _cuts(view.shape[1], _WIDEST, _OVERLAP):
            likely = _detected(view[top:bottom, left:right])
            np.maximum(out[top:bottom, left:right], likely, out=out[top:bottom, left:right])
    return out


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
