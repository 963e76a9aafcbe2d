"""The self-checks of "Burned-in text": they see what is still wrong, praise only what is right, and never raise."""

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from scipy import ndimage

from safeshare import blanking, check_text, data, text
from safeshare.blanking import Box


def read(name):
    return dcmread(data.folder("ultrasound") / f"{name}.dcm")


def blanked(name, *boxes):
    return text.strip(read(name), boxes=boxes)


def truth(name, *categories):
    return [Box(*each["box"]) for each in check_text._texts(name) if not categories or each["category"] in categories]


# --- the margin, by hand ---


def test_margin(said, passes):
    assert len(said(check_text.margin_covered, read("rotated"))) == 3
    assert passes(check_text.margin_covered, blanked("rotated", *truth("rotated", "name", "patient_id", "birth_date")))
    (line,) = said(check_text.margin_covered, blanked("rotated", *truth("rotated", "name", "birth_date")))
    assert "patient id can still be seen" in line
    assert "Keep to the margin" in said(check_text.margin_covered, blanked("rotated", Box(0, 0, 100, 640)))[0]


def test_a_blur_is_no_cover(said):
    ds = read("rotated")
    pixels = ds.pixel_array.copy()
    pixels[:, :34] = ndimage.gaussian_filter(pixels[:, :34], 3)
    ds.PixelData = pixels.tobytes()
    assert len(said(check_text.margin_covered, ds)) == 3


# --- under the blur ---


def test_the_name_under_the_blur_is_the_one_that_differs_least(said, passes):
    secret = check_text.blurred_name().astype(float)

    def differs(name):
        return np.abs(ndimage.gaussian_filter(check_text.written(name).astype(float), check_text.BLUR) - secret).mean()

    best, second = sorted(check_text.WORKLIST, key=differs)[:2]
    assert differs(second) > 2 * differs(best)
    assert passes(check_text.name_guessed, best.lower())
    assert all("it is not" in said(check_text.name_guessed, name)[0] for name in set(check_text.WORKLIST) - {best})
    assert best not in said(check_text.name_guessed, second)[0]  # nothing is given away
    assert "not on the worklist" in said(check_text.name_guessed, "?")[0]


# --- recall and precision ---


def test_shares(said):
    texts = [{"box": [10, 10, 30, 20]}, {"box": [10, 40, 30, 50]}, {"box": [50, 10, 60, 20]}]
    boxes = [Box(8, 8, 20, 22), Box(20, 8, 32, 22), Box(12, 40, 30, 50), Box(70, 70, 80, 80), Box(44, 10, 53, 20)]
    # The first text lies in two boxes, nine tenths of the second in one, and three tenths of the third.
    assert said(check_text.shares, texts, boxes, {"recall": 2 / 3, "precision": 4 / 5}) == [
        "✔ Recall 67%, precision 80%."
    ]
    assert len(said(check_text.shares, texts, boxes, {"recall": 1, "precision": 1.0})) == 2
    assert "Divide" in said(check_text.shares, texts, boxes, {"recall": 2, "precision": 4 / 5})[0]
    assert "no number" in said(check_text.shares, texts, boxes, {"precision": 4 / 5})[0]
    said(check_text.shares, texts, [], None)


# --- nothing left ---


def test_nothing_left(said, passes):
    identifying = [Box(*each["box"]) for each in check_text._texts("faint") if each["role"] == "identifying"]
    assert len(said(check_text.nothing_left, read("faint"))) == len(identifying)
    assert passes(check_text.nothing_left, blanked("faint", *identifying))
    for missing in identifying:
        left = [box for box in identifying if box != missing]
        (line,) = said(check_text.nothing_left, blanked("faint", *left))
        assert "can still be seen" in line
    assert "smaller boxes" in said(check_text.nothing_left, blanked("faint", Box(0, 0, 800, 600)))[0]


def test_a_corner_of_a_name_is_not_nothing(said):
    boxes = [box._replace(x1=box.x1 - 3) for box in truth("faint")]
    assert len(said(check_text.nothing_left, blanked("faint", *boxes))) == 8


def test_text_on_a_later_frame_counts(said):
    (late,) = truth("carotid", "diagnosis")  # from frame 9 to 23
    boxes = [box for box in truth("carotid") if box != late]
    boxes += [late._replace(frame=frame) for frame in range(9, 23)]
    (line,) = said(check_text.nothing_left, blanked("carotid", *boxes), "carotid")
    assert "diagnosis" in line and "on frame 23" in line


def test_the_header_has_to_say_so(said):
    ds = read("faint")
    same = blanking.blank(ds, blanking.mask(ds, truth("faint")))
    assert "another image" in said(check_text.nothing_left, same)[0]


@pytest.mark.parametrize("check", [check_text.margin_covered, check_text.nothing_left])
def test_an_answer_that_is_no_picture_any_more(said, check):
    cut = read("rotated")
    cut.Rows = 100
    broken = read("rotated" if check is check_text.margin_covered else "faint")
    broken.PixelData = b"12"
    for answer in (None, "faint", Dataset(), cut, broken, read("carotid")):
        assert len(said(check, answer)) == 1


# --- patterns ---


@pytest.mark.parametrize(
    ("patterns", "problem"),
    [
        ([r"(RT|LT) (KIDNEY|LIVER|THYROID) (LONG|TRANS)"], ""),
        (r"[rl]t (kidney|liver|thyroid) (long|trans)", ""),
        ([".*"], "would stay"),
        ([r"(RT|LT) [A-Z]+ [A-Z]+"], '"RT KIDNEY LIND" would stay'),
        ([r"[A-Z]+ [A-Z]+ LONG", "[RL]T (KIDNEY|LIVER|THYROID) TRANS"], '"ROSA LIND LONG" would stay'),
        ([r"(RT|LT) \w+ (LONG|TRANS)"], '"LT SCHABLONE TRANS" would stay'),
        ([r"\w+ (KIDNEY|LIVER|THYROID) (LONG|TRANS)"], '"ROSA KIDNEY LONG" would stay'),
        ([], "would go"),
        (["RT KIDNEY LONG"], '"RT KIDNEY TRANS" would go'),
        (["("], "no regular expression"),
        ([5], "no regular expression"),
    ],
)
def test_patterns(said, passes, patterns, problem):
    assert any(problem in line for line in said(check_text.pattern_fits, patterns))
    assert passes(check_text.pattern_fits, patterns) is (problem == "")
