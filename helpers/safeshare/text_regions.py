"""Tell which regions that a detector points to are lines of text, and which are anatomy or a texture."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from .text_lines import Line

Place = tuple[slice, slice]

_SEEN, _NEAR, _QUIET = 0.25, 0.3, 0.16  # how likely text is at the edge of a region, in it, and at most where none is
_THICK, _THICKEST = 46, 70  # pixels that a line of text is high, and that one is at most
_LEAST = 12  # pixels that the place of a line has
_JAGGED = 12  # pixels that a line is high, from which on its edges tell it from a patch of colour
_LONG, _CROSSED = 3, 0.33  # thicknesses that a bar is long, and the share of its changes that run along a line of text
_MANY = 5  # letters that are as good as more
_REACH = 12  # pixels around a region, and its height more, where it is seen how calm it is
_CALM = 3  # times the size of a region is enough of calm around it
_MARGIN = 8  # pixels around a region that the reader is shown
_ACROSS, _ALONG, _INNER = 0.45, 1.0, 4  # margins: in thicknesses, and pixels between the parts of a slanting line
_ALONE, _NEXT = 0.0, -1.0  # the score of a line that stands alone, and of one that touches such a line: mostly its end

# What tells text from all else, and how much: rounded from a logistic regression over what the detector saw in images
# like those of tests/burned_in.py (numbers 3000 to 3169). A region that is no text weighed the more, the larger it is.
_BIAS, _READ = -3.8, 4.1
_WEIGHTS = np.array([3.4, 7.0, 0.7, -17, -0.55])  # of the traits in _score


class _Region(NamedTuple):
    """What a view took for text, and the pixels of it within its place."""

    place: Place
    part: np.ndarray

    @property
    def thick(self) -> float:
        """How many pixels high a line would be that fills the region."""
        return float(min(*self.part.shape, self.part.sum() / max(self.part.shape) * 1.2))

    def around(self, reach: int) -> Place:
        rows, columns = (slice(max(0, each.start - reach), each.stop + reach) for each in self.place)
        return rows, columns


def lines_in(views: list[np.ndarray], tile: np.ndarray) -> list[Line]:
    """Return the lines of text in a tile, from how likely text is at each pixel of it in several views.

    A slanting line comes in several parts, so that little beside it is taken for text.
    """
    quiet = ndimage.maximum_filter(np.maximum.reduce(views), 9) < _QUIET
    regions = [_regions(likely) for likely in views]
    lined = [_without_patches(likely, each) for likely, each in zip(views, regions, strict=True)]
    scored = []
    for number, likely in enumerate(views):
        others = np.maximum.reduce([*lined[:number], *lined[number + 1 :]])
        hidden = np.maximum.reduce([*views[:number], *views[number + 1 :]]) - others
        for region in regions[number]:
            highest = likely[region.place][region.part].max()
            if (
                region.part.size >= _LEAST
                and region.thick <= _THICKEST
                and highest >= _NEAR
                and not _is_bar(region, tile)
            ):
                scored.append((_score(region, tile, likely, others, hidden, quiet), region))
    covered = np.zeros(tile.shape[:2], bool)
    kept = []
    for score, region in sorted(scored, key=lambda each: each[0], reverse=True):
        for line in _lines(region, score, tile.shape):
            place = slice(line.y0, line.y1), slice(line.x0, line.x1)
            if score >= _ALONE or score >= _NEXT and covered[place].any():
                covered[place] = True
                kept.append(line)
    return kept


def _regions(likely: np.ndarray) -> list[_Region]:
    labels, count = ndimage.label(likely > _SEEN, np.ones((3, 3)))
    places = ndimage.find_objects(labels, count)
    return [_Region(place, labels[place] == number) for number, place in enumerate(places, 1)]


def _without_patches(likely: np.ndarray, regions: list[_Region]) -> np.ndarray:
    """Return likelihoods without regions that are too thick for a line: there a view takes a texture for text."""
    lined = likely.copy()
    for region in regions:
        if region.thick > _THICK:
            lined[region.place][region.part] = 0
    return lined


def _score(
    region: _Region, tile: np.ndarray, likely: np.ndarray, others: np.ndarray, hidden: np.ndarray, quiet: np.ndarray
) -> float:
    """Return how clearly a region is text; it is read only if that can decide, for reading takes time.

    What other views see of it as part of a patch counts as far as it can be read.
    """
    place, part = region
    calm = quiet[region.around(_REACH + min(part.shape))].sum() / part.sum()
    traits = (
        likely[place][part].mean(),
        others[place][part].mean(),
        min(calm, _CALM),
        _bend(region) if region.thick > _JAGGED else 0.0,
        np.log(part.sum()),
    )
    score = float(_BIAS + _WEIGHTS @ traits)
    legible = float(_READ + _WEIGHTS[1] * hidden[place][part].mean())
    return score + legible * _legible(region, tile) if _NEXT - legible <= score < _ALONE else score


def _is_bar(region: _Region, tile: np.ndarray) -> bool:
    """Tell whether little changes along a region, as in a colour scale or along an edge: letters have strokes."""
    high, wide = region.part.shape
    if max(high, wide) < _LONG * region.thick:
        return False
    area = tile[region.around(4 + int(region.thick / 2))].astype(np.float32)
    down, right = (float(np.abs(np.diff(area, axis=axis)).mean()) for axis in (0, 1))
    along, across = (right, down) if wide >= high else (down, right)
    return along < _CROSSED * (along + across)


def _bend(region: _Region) -> float:
    """Return how far the middle of a region is off a straight line, in its thickness: that of text runs straight."""
    along = region.part if region.part.shape[1] >= region.part.shape[0] else region.part.T
    counts = along.sum(0)
    filled = np.flatnonzero(counts)
    middle = (along * np.arange(along.shape[0])[:, np.newaxis]).sum(0)[filled] / counts[filled]
    off = middle - np.polyval(np.polyfit(filled, middle, 1), filled)
    return min(1.0, float(off.std()) / region.thick)


def _legible(region: _Region, tile: np.ndarray) -> float:
    """Return how well the reader can read a region, made level before: 1 for five letters or more that are certain."""
    from .text_detector import as_bytes  # which takes the lines from here
    from .text_reader import read

    (high, wide), part = region.part.shape, region.part
    image = Image.fromarray(as_bytes(tile[region.around(_MARGIN)]))
    if _is_slanting(part):
        y, x = np.nonzero(part)
        (of_y, both), (_, of_x) = np.cov(y, x)
        slope = np.degrees(0.5 * np.arctan2(2 * both, abs(of_x - of_y)))
        image = image.rotate(slope if wide >= high else -slope, Image.Resampling.BILINEAR)
        half = min(high, wide, part.sum() / np.hypot(high, wide)) / 2 + _MARGIN
        middle = image.height / 2 if wide >= high else image.width / 2
        area = (0, middle - half, image.width, middle + half)
        image = image.crop(area if wide >= high else (middle - half, 0, middle + half, image.height))
    words, sure = read(np.asarray(image))
    return sure * min(sum(letter.isalnum() for letter in words), _MANY) / _MANY


def _is_slanting(part: np.ndarray) -> bool:
    return bool(part.mean() <= 0.6 and min(part.shape) > 10)


def _lines(region: _Region, score: float, shape: tuple[int, ...]) -> Iterator[Line]:
    """Yield the line that a region is, with a margin, or the parts of a slanting one."""
    high, wide = region.part.shape
    across, along = (int(np.ceil(share * min(region.thick, 40))) + 2 for share in (_ACROSS, _ALONG))
    top, left = region.place[0].start, region.place[1].start
    pieces = list(_pieces(region))
    for number, ((y0, y1), (x0, x1)) in enumerate(pieces):
        before = along if number == 0 else _INNER
        after = along if number == len(pieces) - 1 else _INNER
        sides, ends = ((across, across), (before, after)) if wide >= high else ((before, after), (across, across))
        if len(pieces) == 1 and max(high, wide) < 1.5 * min(high, wide):
            sides = ends = across, across  # a letter or two
        yield Line(
            max(0, left + x0 - ends[0]),
            max(0, top + y0 - sides[0]),
            min(shape[1], left + x1 + ends[1]),
            min(shape[0], top + y1 + sides[1]),
            float(1 / (1 + np.exp(-score))),
            len(pieces) > 1,
        )


def _pieces(region: _Region) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the rows and columns of a region: in one piece, or in several along a slanting one."""
    part = region.part
    high, wide = part.shape
    if not _is_slanting(part):
        yield (0, high), (0, wide)
        return
    step = max(6, int(region.thick / 2))
    for start in range(0, max(high, wide), step):
        if wide >= high:
            filled = np.flatnonzero(part[:, start : start + step].any(1))
            yield (int(filled[0]), int(filled[-1]) + 1), (start, min(wide, start + step))
        else:
            filled = np.flatnonzero(part[start : start + step].any(0))
            yield (start, min(high, start + step)), (int(filled[0]), int(filled[-1]) + 1)
