"""See where lines of text are in a picture, with the detector of PP-OCRv6 (see models/PP-OCRv6.md).

The detector was trained on photographs that have text in them. Shown anatomy alone, it takes something in it for text.
So strips of sample text are put above and below whatever it is shown: then it has text to compare with.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources

import numpy as np

from .text_lines import Line, bridged

try:
    import onnxruntime
    from PIL import Image, ImageDraw, ImageFont
    from scipy import ndimage
except ImportError as error:
    raise ImportError('finding text needs more than is installed: run `pip install "safeshare[text]"`.') from error

_MODEL = "PP-OCRv6_det_small.onnx"
_ROWS, _COLUMNS, _OVERLAP = 1024, 1280, 80  # of a part of a large picture that is looked at at once
_HIGHEST, _WIDEST = 512, 1024  # of what the detector is shown at once: memory stays small, and the strips in sight
_STRIP, _GAP = 40, 8
_SEEN, _NEAR, _SURE = 0.25, 0.3, 0.5  # how likely text is at the edge of a line, and in it: beside others, and alone
_CLEAR = 0.72  # how likely it is on average, so that no second look at the strokes is needed
_THICK, _THICKEST = 46, 64  # pixels that a line of text is high, and that one is at most: the rest is anatomy
_JAGGED = 12  # pixels that a line is high, from which on its edges tell it from a patch of colour
_LARGER = 1.6  # times, so that small letters are as large as those of the training
_ENLARGED = 1_550_000  # pixels of an enlarged picture at most, for the sake of time; letters on larger ones are larger
_SMALL = 100_000  # pixels of a picture whose letters are so small that it is looked at more closely
_SMALL_LINE = 14  # pixels that a line is high which is looked for so
_LARGEST = 2_000_000  # pixels of a picture that is looked at in full size; text on larger ones is larger, too
_RADIUS = 6  # of the surroundings that a pixel is compared with: about as wide as a letter
_ALONE = 0.9  # of a line that only one view sees must be legible
_LEGIBLE, _ONE_LETTER = 0.7, 0.95  # how sure a reading of letters is at least, and of a single one
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
    low, high = float(np.nanmin(picture)), float(np.nanmax(picture))
    if high <= low:
        return []
    found = []
    for top, bottom in _cuts(rows, round(_ROWS * scale), round(_OVERLAP * scale)):
        for left, right in _cuts(columns, round(_COLUMNS * scale), round(_OVERLAP * scale)):
            tile = _scaled(_ranged(picture[top:bottom, left:right], low, high), scale)
            for line in bridged(_lines_of(tile)):
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


def _lines_of(tile: np.ndarray) -> list[Line]:
    """Return lines that are sure, and unsure ones that touch them: the ends of lines, mostly."""
    views = list(_likely(tile))
    quiet = ndimage.maximum_filter(np.maximum.reduce(views), 9) < 0.16
    lines: list[Line] = []
    for number, likely in enumerate(views):
        others = np.maximum.reduce([*views[:number], *views[number + 1 :]])
        lines += _regions(likely, tile, quiet, others < _SEEN, number > 2)
    covered = np.zeros(tile.shape[:2], bool)
    kept = []
    for line in sorted(lines, key=lambda line: line.sure, reverse=True):
        place = slice(line.y0, line.y1), slice(line.x0, line.x1)
        if line.sure >= _SURE or covered[place].any():
            covered[place] = True
            kept.append(line)
    return kept


def _likely(tile: np.ndarray) -> Iterator[np.ndarray]:
    """Yield how likely text is at each pixel of a tile, by each of several views of it.

    They are: bright strokes, enlarged, for small and faint text and text on grainy ground; local contrast, for dark
    text; and the tile itself at half its size, for large letters. Small pictures are looked at in local contrast three
    times: turned, for then less of a grain is taken for text, and for small lines upright and enlarged. Each view is
    judged by itself, for one can take all of a texture for text.
    """
    small = tile.shape[0] * tile.shape[1] <= _SMALL
    yield _seen_resized(_strokes(tile), min(_LARGER, (_ENLARGED / (tile.shape[0] * tile.shape[1])) ** 0.5))
    local = _local_contrast(tile)
    yield np.rot90(_seen(np.rot90(local)), -1) if small else _seen(local)
    yield _seen_resized(_in_colour(tile).astype(np.uint8), 0.5)
    if small:
        yield _seen(local)
        yield _seen_resized(local, _LARGER)


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
    strokes = (smooth - ndimage.grey_opening(smooth, (_STROKE, _STROKE))).clip(0)
    usual = np.sqrt(ndimage.uniform_filter(strokes * strokes, _AROUND).clip(0))
    return (strokes / (usual + 1.5) * 60).clip(0, 255).astype(np.uint8)


def _local_contrast(tile: np.ndarray) -> np.ndarray:
    """Return each pixel as compared with its surroundings, so that faint text gets as strong as bright text."""
    return _by_channel(_local_contrast_of_channel, tile)


def _local_contrast_of_channel(values: np.ndarray) -> np.ndarray:
    size = 2 * _RADIUS + 1
    mean = ndimage.uniform_filter(values, size, mode="nearest")
    spread = ndimage.uniform_filter(values * values, size, mode="nearest") - mean * mean
    score = (values - mean) / (np.sqrt(spread.clip(0)) + 2.55)
    return ((score + 2.5) * 51).clip(0, 255).astype(np.uint8)


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


def _regions(
    likely: np.ndarray, tile: np.ndarray, quiet: np.ndarray, alone: np.ndarray, closer: bool
) -> Iterator[Line]:
    """Yield the lines in a map of likelihoods, small ones of a closer look; what is too thick for a line is anatomy."""
    labels, count = ndimage.label(likely > _SEEN, np.ones((3, 3)))
    rows, columns = likely.shape
    for number, place in enumerate(ndimage.find_objects(labels, count), 1):
        part = labels[place] == number
        values = likely[place][part]
        high, wide = part.shape
        thick = min(high, wide, values.size / max(high, wide) * 1.2)
        clear = values.mean() >= _CLEAR
        thickest = _SMALL_LINE if closer else _THICKEST if clear else _THICK
        if values.max() < _NEAR or high * wide < 12 or thick > thickest:
            continue
        if thick > _JAGGED and not _is_straight(part, thick):
            continue
        if not clear and not _stands_out(tile, place, part, quiet):
            continue
        if alone[place][part].mean() > _ALONE and not _is_legible(tile, place, part):
            continue
        across, along = (int(np.ceil(share * min(thick, 40))) + 2 for share in (0.5, 0.8))
        right = along if wide >= 1.5 * high else across
        down = along if high >= 1.5 * wide else across
        pieces = list(_pieces(part, thick))
        for (y0, y1), (x0, x1) in pieces:
            yield Line(
                max(0, place[1].start + x0 - right),
                max(0, place[0].start + y0 - down),
                min(columns, place[1].start + x1 + right),
                min(rows, place[0].start + y1 + down),
                float(min(values.max(), 1)),
                len(pieces) > 1,
            )


def _is_straight(part: np.ndarray, thick: float) -> bool:
    """Tell whether the middle of a region runs along a straight line, as that of text does, and of few other things."""
    along = part if part.shape[1] >= part.shape[0] else part.T
    places = np.arange(along.shape[0])[:, np.newaxis]
    counts = along.sum(0)
    middle = (along * places).sum(0) / counts.clip(1)
    filled = np.flatnonzero(counts)
    slope = np.polyfit(filled, middle[filled], 1)
    return bool((middle[filled] - np.polyval(slope, filled)).std() <= 0.2 * thick)


def _is_legible(tile: np.ndarray, place: tuple[slice, slice], part: np.ndarray) -> bool:
    """Tell whether the reader finds letters in a region, after it was made level."""
    from .text_reader import read  # which takes the session from here

    high, wide = part.shape
    top, left = max(0, place[0].start - _GAP), max(0, place[1].start - _GAP)
    image = Image.fromarray(as_bytes(tile[top : place[0].stop + _GAP, left : place[1].stop + _GAP]))
    if _is_slanting(part):
        y, x = np.nonzero(part)
        (of_y, both), (_, of_x) = np.cov(y, x)
        slope = np.degrees(0.5 * np.arctan2(2 * both, abs(of_x - of_y)))
        image = image.rotate(slope if wide >= high else -slope, Image.Resampling.BILINEAR)
        half = min(high, wide, part.sum() / np.hypot(high, wide)) / 2 + _GAP
        middle = image.height / 2 if wide >= high else image.width / 2
        area = (0, middle - half, image.width, middle + half)
        image = image.crop(area if wide >= high else (middle - half, 0, middle + half, image.height))
    words, sure = read(np.asarray(image))
    letters = sum(letter.isalnum() for letter in words)
    return letters > 1 and sure >= _LEGIBLE or letters == 1 and sure >= _ONE_LETTER


def _is_slanting(part: np.ndarray) -> bool:
    return bool(part.mean() <= 0.6 and min(part.shape) > 10)


def _stands_out(tile: np.ndarray, place: tuple[slice, slice], part: np.ndarray, quiet: np.ndarray) -> bool:
    """Tell whether there are stronger strokes or edges in a region than around it, as there are not in a texture."""
    reach = 12 + min(part.shape)
    near = [slice(max(0, each.start - reach), each.stop + reach) for each in place]
    area = tile[tuple(near)].astype(np.float32)
    area = area[..., np.newaxis] if area.ndim == 2 else area
    inside = np.zeros(area.shape[:2], bool)
    inside[tuple(slice(p.start - n.start, p.stop - n.start) for p, n in zip(place, near, strict=True))] = part
    around = quiet[tuple(near)] & ~ndimage.maximum_filter(inside, 9)
    if around.sum() < 50:
        return True
    smooth = ndimage.gaussian_filter(area, (0.6, 0.6, 0))
    fine = smooth - ndimage.uniform_filter(area, (11, 11, 1))
    edges = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
    strokes = (fine[inside].std(0) + 0.5) / (fine[around].std(0) + 0.5)
    sharp = (np.percentile(edges[inside], 90, axis=0) + 4) / (np.percentile(edges[around], 90, axis=0) + 4)
    return bool(max(strokes.max(), sharp.max()) > 1.2)


def _pieces(part: np.ndarray, thick: float) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the rows and columns of a region: in one piece, or in several along a slanting one."""
    high, wide = part.shape
    if not _is_slanting(part):
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
