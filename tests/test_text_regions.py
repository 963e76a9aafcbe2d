"""What the detector points to is taken for text if it is thin, straight, confirmed or legible, and not otherwise."""

import burned_in
import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs the optional part: pip install 'safeshare[text]'")

from safeshare import text_reader, text_regions

SHAPE = 300, 500
BAR = slice(100, 116), slice(100, 300)


def seen(*places, how=0.95):
    """Return how likely text is: so much in some places, and not at all elsewhere."""
    likely = np.zeros(SHAPE, np.float32)
    for place in places:
        likely[place] = how
    return likely


def lines_in(*views, tile=None):
    blank = np.zeros(SHAPE, np.float32)
    return text_regions.lines_in([*views, *[blank] * (4 - len(views))], blank if tile is None else tile)


def written():
    """Return a picture with a line of text, and where."""
    cover, _ = burned_in.lettering("SPECIMEN ROSA LIND", "DejaVuSans", 14, 0)
    tile = np.zeros(SHAPE, np.float32)
    place = slice(101, 101 + cover.shape[0]), slice(100, 100 + cover.shape[1])
    tile[place] = cover * 200
    return tile, place


def bow(depth):
    """Return where a line of text would be that runs along a bow."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (np.abs(rows - 150 - depth * ((columns - 250) / 100) ** 2) <= 8) & (np.abs(columns - 250) < 100)


def test_what_two_views_see_is_a_line_with_a_margin():
    line, again = lines_in(seen(BAR), seen(BAR))
    assert line == again
    assert line.x0 < 90
    assert line.x1 > 310
    assert 88 < line.y0 < 98
    assert 118 < line.y1 < 128
    assert 0.5 < line.sure < 1


def test_what_one_view_sees_must_be_legible():
    tile, place = written()
    assert lines_in(seen(place, how=0.8)) == []
    assert len(lines_in(seen(place, how=0.8), tile=tile)) == 1


def test_a_line_is_read_only_if_that_can_decide(monkeypatch):
    monkeypatch.setattr(text_reader, "read", lambda image: pytest.fail("read in vain"))
    assert len(lines_in(seen(BAR), seen(BAR))) == 2
    long = slice(100, 120), slice(20, 480)
    assert lines_in(seen(long, how=0.31)) == []


def test_a_line_is_straight():
    assert lines_in(seen(bow(0)), seen(bow(0))) != []
    assert lines_in(seen(bow(40)), seen(bow(40))) == []


def test_a_view_that_takes_a_patch_for_text_confirms_nothing():
    patch = slice(90, 290), slice(60, 400)
    assert lines_in(seen(BAR, how=0.8), seen(patch)) == []


def test_what_can_be_read_in_a_patch_is_a_line():
    tile, place = written()
    patch = slice(60, 290), slice(60, 400)
    assert len(lines_in(seen(place, how=0.5), seen(patch), tile=tile)) == 1


def test_a_colour_scale_is_no_line():
    tile = np.zeros(SHAPE, np.float32)
    tile[96:120, 96:304] = np.linspace(0, 200, 208)  # of which the detector sees the middle
    assert lines_in(seen(BAR), seen(BAR), tile=tile) == []


def test_a_patch_is_no_line():
    patch = slice(100, 180), slice(100, 300)
    assert lines_in(seen(patch), seen(patch)) == []


def test_what_touches_a_line_need_not_be_as_sure():
    end = slice(102, 114), slice(305, 330)
    far = slice(202, 214), slice(305, 330)
    found = lines_in(seen(BAR), seen(BAR), seen(end, far, how=0.8), seen(end, far, how=0.24))
    assert any(line.x1 > 330 and line.y0 < 150 for line in found)
    assert not any(line.y0 > 150 for line in found)


def test_a_slanting_line_comes_in_parts_that_take_little_beside_it():
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    slanting = (np.abs(rows - 150 - 0.4 * (columns - 250)) <= 7) & (np.abs(columns - 250) < 100)
    found = lines_in(seen(slanting), seen(slanting))
    taken = np.zeros(SHAPE, bool)
    for line in found:
        taken[line.y0 : line.y1, line.x0 : line.x1] = True
    assert all(line.slanting for line in found)
    assert taken[slanting].all()
    assert taken.sum() < 3.5 * slanting.sum()
