"""The self-checks of the episode "Burned-in text": as in check.py, each prints what is still wrong, or a line with a ✔.

They stand apart, since they need numpy and Pillow, which some other episodes do without.
"""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread

from . import data
from .blanking import UNREADABLE_PIXELS, Box
from .check import _report
from .text import TECHNICAL

# Who is on the worklist of the day, and which of them stands under the blur; all are invented.
WORKLIST = (
    "ANYONE FRIDA",
    "BELIEBIG HENRIK",
    "FIKTIV ANTON LEO",
    "MODELL INES CARLOTTA",
    "NOBODY SELMA",
    "SPECIMEN ROSA LIND",
    "SPECIMEN ROSE LENA",
    "TESTPERSON ADA FICTIA",
    "VORLAGE EMIL",
)
_BLURRED = 6
BLUR = 6.0  # pixels, the standard deviation of the blur

# What a pattern of one's own should let through, and what must never pass.
MAY_STAY = tuple(map(" ".join, product(("RT", "LT"), ("KIDNEY", "LIVER", "THYROID"), ("LONG", "TRANS"))))
HAS_TO_GO = (
    "SPECIMEN ROSA LIND", "TECH M SCHABLONE", "RT KIDNEY LIND", "ROSA LIND LONG", "NEPHROLITHIASIS R", "LT 61",
    "RT ROSA LIND LONG", "LT SCHABLONE TRANS", "ROSA KIDNEY LONG",
)  # fmt: skip

MOST_LOST = 0.15  # of all pixels that may be blank in an answer


def written(words: str) -> np.ndarray:
    """Return words in white letters on black, 30 rows and 200 columns, as the scanner of the exercise writes them."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (200, 30))
    ImageDraw.Draw(image).text((8, 6), words, 235, ImageFont.load_default(14))
    return np.asarray(image)


def blurred_name() -> np.ndarray:
    """Return the name of somebody on the worklist, blurred until nobody can read it, in whole grey values."""
    from scipy import ndimage

    return np.round(ndimage.gaussian_filter(written(WORKLIST[_BLURRED]).astype(float), BLUR)).astype(np.uint8)


def name_guessed(name: str) -> None:
    """Print whether ``name`` is the one under the blur."""
    said = str(name).strip().upper()
    problems = []
    if said not in WORKLIST:
        problems.append(f"{name!r} is not on the worklist. Answer with a name as it stands there.")
    elif said != WORKLIST[_BLURRED]:
        problems.append(f"it is not {said}. Blur every name in the same way, and take the one that differs least.")
    _report(problems, f"{said.title()} it is: a picture that nobody can read, and a name that anybody can find.")


def margin_covered(dataset: Dataset) -> None:
    """Print whether name, number and birth date at the left margin of rotated.dcm are blank, and little else."""
    if (pair := _pictures("rotated", dataset)) is None:
        return
    before, after = pair
    problems = []
    for text in _texts("rotated"):
        if text["category"] in ("name", "patient_id", "birth_date") and not _blank(after[0], text["box"]):
            problems.append(f"the {text['category'].replace('_', ' ')} can still be seen.")
    lost = np.any(before != after, axis=-1).mean()
    if lost > 0.05:
        problems.append(f"{lost:.0%} of the pixels changed. Keep to the margin: the anatomy begins at column 35.")
    _report(problems, f"Name, number and birth date are gone, and {1 - lost:.1%} of the pixels are as they were.")


def shares(texts: Sequence[Mapping[str, Any]], boxes: Sequence[Box], answers: Mapping[str, float]) -> None:
    """Print whether recall and precision are right for the ``texts`` in a picture and the ``boxes`` that were found.

    A text counts as found when boxes cover nine tenths of its place, and a box as right when it touches a text.
    """
    right = {
        "recall": sum(_covered(text["box"], boxes) >= 0.9 for text in texts) / len(texts),
        "precision": sum(any(_touches(text["box"], box) for text in texts) for box in boxes) / max(1, len(boxes)),
    }
    problems = []
    for name, share in right.items():
        answer = answers.get(name) if isinstance(answers, Mapping) else None
        if not isinstance(answer, Real):
            problems.append(f'there is no number for "{name}" yet.')
        elif not 0 <= answer <= 1:
            problems.append(f'"{name}" should be a share between 0 and 1. Divide by how many there are.')
        elif abs(answer - share) > 0.005:
            whole = "texts" if name == "recall" else "boxes"
            problems.append(f'"{name}" is another number. It is a share of the {whole}: which of them count?')
    _report(problems, f"Recall {right['recall']:.0%}, precision {right['precision']:.0%}.")


def nothing_left(dataset: Dataset, name: str = "faint") -> None:
    """Print whether no identifying text is left in an answer made of a file in data/ultrasound, and the image is."""
    if (pair := _pictures(name, dataset)) is None:
        return
    before, after = pair
    problems = []
    for text in _texts(name):
        frames = range(text["frames"][0], text["frames"][1] + 1)
        seen = [frame for frame in frames if not _blank(after[frame], text["box"])]
        if text["role"] == "identifying" and seen:
            where = f", on frame {seen[0]} for example" if len(after) > 1 else ""
            x0, y0, x1, y1 = text["box"]
            place = f"around x {(x0 + x1) // 2 // 50 * 50}, y {(y0 + y1) // 2 // 50 * 50}"
            problems.append(f"the {text['category'].replace('_', ' ')} can still be seen {place}{where}.")
    lost = np.any(before != after, axis=-1).mean()
    if not problems and lost > MOST_LOST:
        problems.append(f"{lost:.0%} of the pixels are gone, and much of the anatomy with them. Draw smaller boxes.")
    if not problems and dataset.SOPInstanceUID == _original(name).SOPInstanceUID:
        problems.append("the header does not say that this is another image now. text.strip does that.")
    _report(problems, f"No identifying text is left, and {1 - lost:.1%} of the pixels are as they were.")


def pattern_fits(patterns: Sequence[str]) -> None:
    """Print whether patterns for ``keep`` let bodily regions through, and nothing that identifies."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    try:
        allowed = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
    except (re.error, TypeError) as error:
        print(f"Not yet: this is no regular expression ({error}).")
        return
    known = [re.compile(pattern, re.IGNORECASE) for pattern in TECHNICAL]
    problems = [
        f'"{words}" would go, and it may stay.' for words in MAY_STAY if not any(p.fullmatch(words) for p in allowed)
    ]
    problems += [
        f'"{words}" would stay, and somebody can be identified by such a line.'
        for words in HAS_TO_GO
        if any(pattern.fullmatch(words) for pattern in [*allowed, *known])
    ]
    _report(problems[:2], "Side, organ and direction may stay; names, dates and diagnoses go.")


def _original(name: str) -> Dataset:
    return dcmread(data.folder("ultrasound") / f"{name}.dcm")


def _texts(name: str) -> list[dict[str, Any]]:
    return json.loads((data.folder("ultrasound") / f"{name}.json").read_text(encoding="utf-8"))["texts"]


def _pictures(name: str, answer: Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the pixels of a file and of an answer, as (frames, rows, columns, samples); say what is wrong if not."""
    if not isinstance(answer, Dataset):
        print("Not yet: the answer is a data set. Run the starter cell again.")
        return None
    original = _original(name)
    if (answer.get("Rows"), answer.get("Columns")) != (original.Rows, original.Columns):
        print("Not yet: the picture has another size now. Blank what identifies, and cut nothing off.")
        return None
    before = _frames(original)
    try:
        after = _frames(answer)
    except (*UNREADABLE_PIXELS, struct.error) as error:
        print(f"Not yet: the pixels cannot be read any more ({str(error).splitlines()[0]}).")
        return None
    if after.shape != before.shape:
        print("Not yet: the picture has other frames or colours now. Start from the file of this exercise.")
        return None
    return before, after


def _frames(dataset: Dataset) -> np.ndarray:
    pixels = dataset.pixel_array
    shape = (int(dataset.get("NumberOfFrames") or 1), dataset.Rows, dataset.Columns, -1)
    return pixels.reshape(shape)


def _blank(picture: np.ndarray, box: Sequence[int]) -> bool:
    """Tell whether a box has one value all over."""
    x0, y0, x1, y1 = box
    return bool(np.ptp(picture[y0:y1, x0:x1].astype(int), axis=(0, 1)).max() == 0)


def _covered(text: Sequence[int], boxes: Sequence[Box]) -> float:
    """Return how much of a text's place lies in boxes, 0 to 1."""
    x0, y0, x1, y1 = text
    inside = np.zeros((y1 - y0, x1 - x0), bool)
    for box in boxes:
        inside[max(0, box.y0 - y0) : max(0, box.y1 - y0), max(0, box.x0 - x0) : max(0, box.x1 - x0)] = True
    return float(inside.mean())


def _touches(text: Sequence[int], box: Box) -> bool:
    return box.x0 < text[2] and text[0] < box.x1 and box.y0 < text[3] and text[1] < box.y1
