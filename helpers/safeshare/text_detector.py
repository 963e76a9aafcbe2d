"""See where lines of text are in a picture, with a network of our own (see models/text.md)."""

from functools import cache
from importlib import resources

import numpy as np

try:
    import onnxruntime
    from PIL import Image
    from scipy import ndimage
except ImportError as error:
    raise ImportError(
        'what finds text and objects is not installed: run `pip install ".[text]"` in the lesson\'s folder, '
        "or choose --kinds metadata,faces."
    ) from error

from .text_lines import Line, bridged
from .text_regions import lines_in

_MODEL = "text.onnx"
_ROWS, _COLUMNS, _OVERLAP = 1024, 1280, 48  # of a part of a large picture that is looked at at once
_LARGEST = 2_000_000  # pixels of a picture that is looked at in full size; text on larger ones is larger, too
_SMALL, _LARGER = 80_000, 0.5  # pixels of a picture whose letters are so small that it is also seen at twice its size
_STEP = 32  # the network takes pictures whose sides are multiples of this
_AROUND = 29  # pixels of the surroundings that a pixel is compared with
_FAINT = 2.55  # of 255 levels: what differs by less is as good as even
_ASTRAY, SQUEEZED = 8, 32  # so few values that leave so small a part of the range to all the others are no picture
_STRONGEST, _UNIT = 4.0, 0.7  # contrast that is as good as more, and what it is shown as


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
    pixels = picture.shape[0] * picture.shape[1]
    found = _lines(picture, max(1.0, min(2.0, (pixels / _LARGEST) ** 0.5)))
    return found + _lines(picture, _LARGER) if pixels <= _SMALL else found


def _lines(picture: np.ndarray, scale: float) -> list[Line]:
    """Return the lines of text in a picture that is looked at so many times smaller."""
    rows, columns = picture.shape[:2]
    low, high = _range(picture)
    if high <= low:
        return []
    found = []
    for top, bottom in _cuts(rows, round(_ROWS * scale), round(_OVERLAP * scale)):
        for left, right in _cuts(columns, round(_COLUMNS * scale), round(_OVERLAP * scale)):
            tile = _scaled(_ranged(picture[top:bottom, left:right], low, high), scale)
            for line in bridged(lines_in(likely(tile))):
                found.append(
                    line._replace(
                        x0=left + int(line.x0 * scale),
                        y0=top + int(line.y0 * scale),
                        x1=min(columns, left + int(np.ceil(line.x1 * scale))),
                        y1=min(rows, top + int(np.ceil(line.y1 * scale))),
                    )
                )
    return found


def likely(tile: np.ndarray) -> np.ndarray:
    """Return how likely text is at each pixel of a picture (rows, columns[, 3]) of levels from 0 to 255."""
    rows, columns = tile.shape[:2]
    padded = np.pad(shown(tile), ((0, 0), (0, -rows % _STEP), (0, -columns % _STEP)), mode="symmetric")
    seen = session(_MODEL).run(None, {"picture": padded[np.newaxis]})[0][0, 0]
    return seen.repeat(2, 0).repeat(2, 1)[:rows, :columns]


def as_bytes(picture: np.ndarray) -> np.ndarray:
    """Return a picture as RGB in bytes, from its least value to its greatest."""
    ranged = _ranged(picture, float(np.nanmin(picture)), float(np.nanmax(picture)))
    return ranged if ranged.ndim == 3 else np.repeat(ranged[..., np.newaxis], 3, 2).astype(np.uint8)


def shown(tile: np.ndarray) -> np.ndarray:
    """Return what the network is shown (4, rows, columns): three channels' local contrast, and how bright it is.

    Local contrast makes faint text as strong as bright text.
    """
    values = tile.astype(np.float32)
    channels = [values] if values.ndim == 2 else list(np.moveaxis(values, -1, 0))
    contrasts = [_local_contrast(channel) for channel in channels]
    bright = np.mean(channels, axis=0) / 127.5 - 1
    return np.stack([*(contrasts * 3)[: max(3, len(contrasts))], bright]).astype(np.float32)


def _local_contrast(values: np.ndarray) -> np.ndarray:
    mean = ndimage.uniform_filter(values, _AROUND, mode="nearest")
    spread = ndimage.uniform_filter(values * values, _AROUND, mode="nearest") - mean * mean
    contrast = (values - mean) / (np.sqrt(spread.clip(0)) + _FAINT)
    return contrast.clip(-_STRONGEST, _STRONGEST) * _UNIT


def _ranged(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values from 0 to 255: bytes of a colour picture, and floats of a grey one, which may be very faint."""
    if picture.dtype == np.uint8 and picture.ndim == 3:
        return picture
    values = np.nan_to_num(picture.astype(np.float32), nan=low, posinf=high, neginf=low)
    values = (values - low) * (255 / max(high - low, 1e-9))
    values = values.clip(0, 255)
    return values.astype(np.uint8) if picture.ndim == 3 else values


def _range(picture: np.ndarray) -> tuple[float, float]:
    """Return the least and the greatest value, but for a few that are so far off that all others would look even."""
    values = picture[np.isfinite(picture)]
    if not len(values):
        return 0.0, 0.0
    low, high = float(values.min()), float(values.max())
    if len(values) > 2 * _ASTRAY and values.dtype != np.uint8:
        ordered = np.partition(values, (_ASTRAY, -1 - _ASTRAY))
        inner = float(ordered[_ASTRAY]), float(ordered[-1 - _ASTRAY])
        if 0 < (inner[1] - inner[0]) * SQUEEZED < high - low:
            return inner
    return low, high


def _scaled(tile: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return tile
    size = round(tile.shape[1] / scale), round(tile.shape[0] / scale)
    return np.asarray(
        Image.fromarray(tile).resize(size, Image.Resampling.BOX if scale > 1 else Image.Resampling.BICUBIC)
    )


def _cuts(length: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    """Return where the fewest parts that overlap start and end, all about as long."""
    count = max(1, -(-(length - overlap) // (longest - overlap)))
    step = (length - overlap) / count
    return [(round(number * step), min(length, round((number + 1) * step) + overlap)) for number in range(count)]
