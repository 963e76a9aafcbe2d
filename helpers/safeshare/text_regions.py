"""Turn how likely text is at each pixel of a picture into lines of text."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from .text_lines import Line

_EDGE, _MEAN, _TOP = 0.45, 0.65, 0.9  # how likely text is at the edge of a line, on average in it, and at its clearest
_SLANTED = 0.78  # how likely text is on average in a line that runs at a slant, as borders of shadows and vessels do
_LEAST = 16  # pixels that the place of a line has
_ACROSS, _ALONG, _INNER = 0.24, 0.45, 4  # margins: in thicknesses, and pixels between the parts of a slanting line
_SLANTING = 0.6  # of its box does a line fill at most that is taken in parts


class _Region(NamedTuple):
    """Where text is likely: the first row and column, and the pixels from there on."""

    top: int
    left: int
    part: np.ndarray

    @property
    def thick(self) -> float:
        """How many pixels high a line would be that fills the region."""
        return float(min(*self.part.shape, self.part.sum() / max(self.part.shape) * 1.2))

    @property
    def slanting(self) -> bool:
        """Tell whether the region leaves much of its box empty, so that it is taken in parts."""
        return bool(self.part.mean() <= _SLANTING and min(self.part.shape) > 10)


def lines_in(likely: np.ndarray) -> list[Line]:
    """Return the lines of text in a picture, from how likely text is at each pixel of it (rows, columns).

    A slanting line comes in several parts, so that little beside it is taken for text.
    """
    labels, count = ndimage.label(likely > _EDGE, np.ones((3, 3)))
    lines: list[Line] = []
    for number, place in enumerate(ndimage.find_objects(labels, count), 1):
        part = labels[place] == number
        sure = likely[place][part]
        if sure.size < _LEAST or sure.max() < _TOP:
            continue
        region = _Region(place[0].start, place[1].start, part)
        if sure.mean() >= (_SLANTED if region.slanting else _MEAN):
            lines += _lines(region, float(sure.mean()), likely.shape)
    return lines


def _lines(region: _Region, sure: float, shape: tuple[int, ...]) -> Iterator[Line]:
    """Yield the line that a region is, with a margin, or the parts of a slanting one."""
    high, wide = region.part.shape
    across, along = (int(np.ceil(share * region.thick)) + 2 for share in (_ACROSS, _ALONG))
    pieces = list(_pieces(region))
    for number, ((y0, y1), (x0, x1)) in enumerate(pieces):
        before = along if number == 0 else _INNER
        after = along if number == len(pieces) - 1 else _INNER
        sides, ends = ((across, across), (before, after)) if wide >= high else ((before, after), (across, across))
        yield Line(
            max(0, region.left + x0 - ends[0]),
            max(0, region.top + y0 - sides[0]),
            min(shape[1], region.left + x1 + ends[1]),
            min(shape[0], region.top + y1 + sides[1]),
            sure,
            len(pieces) > 1,
        )


def _pieces(region: _Region) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the rows and columns of a region: in one piece, or in several along a slanting one."""
    part = region.part
    high, wide = part.shape
    if not region.slanting:
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
