"""Put the places where a detector saw text together to lines of text."""

from typing import NamedTuple, TypeVar

from .blanking import Box

_GAP = 4  # times the height of a line: so far apart may parts of it be with nothing seen between them


class Line(NamedTuple):
    """The place of a line of text, or of a part of a slanting one, and how sure it is."""

    x0: int
    y0: int
    x1: int
    y1: int
    sure: float
    slanting: bool = False


def bridged(lines: list[Line]) -> list[Line]:
    """Return lines, and one more over each gap between two that stand one behind the other, as words of a line do."""
    out = list(lines)
    whole = [line for line in lines if not line.slanting]
    for upright in (False, True):
        placed = [_turned(line) if upright else line for line in whole]
        for one in placed:
            for other in placed:
                if _follows(other, one):
                    y0, y1 = min(one.y0, other.y0), max(one.y1, other.y1)
                    gap = Line(one.x1, y0, other.x0, y1, min(one.sure, other.sure))
                    out.append(_turned(gap) if upright else gap)
    return out


def _turned(line: Line) -> Line:
    return line._replace(x0=line.y0, y0=line.x0, x1=line.y1, y1=line.x1)


def _follows(line: Line, before: Line) -> bool:
    high = min(line.y1 - line.y0, before.y1 - before.y0)
    level = max(abs(line.y0 - before.y0), abs(line.y1 - before.y1)) <= 0.3 * high
    return level and 0 < line.x0 - before.x1 < _GAP * high and before.x1 - before.x0 > 0.8 * high


_Picture = TypeVar("_Picture")


def merged(found: list[tuple[Box, float, _Picture]]) -> list[tuple[Box, float, _Picture]]:
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


def _inside(box: Box, other: Box) -> bool:
    return other.x0 - 2 <= box.x0 and box.x1 <= other.x1 + 2 and other.y0 - 2 <= box.y0 and box.y1 <= other.y1 + 2


def _in_line(box: Box, other: Box) -> bool:
    """Tell whether boxes touch each other and are parts of one line: at one height, or upright and at one column."""
    if min(box.x1, other.x1) < max(box.x0, other.x0) or min(box.y1, other.y1) < max(box.y0, other.y0):
        return False
    if max(abs(box.y0 - other.y0), abs(box.y1 - other.y1)) <= 3:
        return True
    upright = all(each.y1 - each.y0 > each.x1 - each.x0 for each in (box, other))
    return upright and max(abs(box.x0 - other.x0), abs(box.x1 - other.x1)) <= 3


def _area(box: Box) -> int:
    return max(0, box.x1 - box.x0) * max(0, box.y1 - box.y0)
