"""What the detector points to is a line of text where it is likely enough, with a margin, and in parts at a slant."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs the optional part: pip install '.[text]'")

from safeshare import text_regions

SHAPE = 300, 500
BAR = slice(100, 116), slice(100, 300)


def seen(*places, how=0.95):
    """Return how likely text is: so much in some places, and not at all elsewhere."""
    likely = np.zeros(SHAPE, np.float32)
    for place in places:
        likely[place] = how
    return likely


def test_a_line_has_a_margin():
    (line,) = text_regions.lines_in(seen(BAR))
    assert 85 < line.x0 < 95
    assert 305 < line.x1 < 315
    assert 90 < line.y0 < 98
    assert 118 < line.y1 < 126
    assert line.sure == pytest.approx(0.95)
    assert not line.slanting


def test_an_upright_line_has_the_same_margin():
    (level,), (upright,) = (text_regions.lines_in(likely) for likely in (seen(BAR), seen(BAR).T))
    assert (upright.x0, upright.y0, upright.x1, upright.y1) == (level.y0, level.x0, level.y1, level.x1)


def test_what_is_hardly_likely_anywhere_is_no_line():
    assert text_regions.lines_in(seen(BAR, how=0.7)) == []
    clear = seen(BAR, how=0.7)
    clear[100:116, 100:130] = 0.9
    assert len(text_regions.lines_in(clear)) == 1


def test_dots_are_no_lines():
    assert text_regions.lines_in(seen((slice(100, 103), slice(100, 105)))) == []


def test_lines_below_each_other_stay_apart():
    assert len(text_regions.lines_in(seen(BAR, (slice(120, 136), slice(150, 400))))) == 2


def test_a_line_at_the_edge_ends_there():
    (line,) = text_regions.lines_in(seen((slice(0, 12), slice(400, 500))))
    assert (line.y0, line.x1) == (0, 500)


def slant():
    """Return where a line stands that runs at a slant."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (np.abs(rows - 150 - 0.4 * (columns - 250)) <= 7) & (np.abs(columns - 250) < 100)


def test_a_slanting_line_must_be_likelier_as_borders_of_anatomy_run_so():
    level, slanting = seen(BAR, how=0.7), seen(slant(), how=0.7)
    level[104, 110], slanting[150, 250] = 0.95, 0.95
    assert len(text_regions.lines_in(level)) == 1
    assert text_regions.lines_in(slanting) == []


def test_a_slanting_line_comes_in_parts_that_take_little_beside_it():
    slanting = slant()
    found = text_regions.lines_in(seen(slanting))
    taken = np.zeros(SHAPE, bool)
    for line in found:
        taken[line.y0 : line.y1, line.x0 : line.x1] = True
    assert all(line.slanting for line in found)
    assert taken[slanting].all()
    assert taken.sum() < 3 * slanting.sum()
