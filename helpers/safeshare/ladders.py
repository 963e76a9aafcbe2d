"""Ladders: how a column of a register can be blunted, step by step, until nothing of it is left.

Each step joins groups of the step before, and the same value becomes the same everywhere in the column: this is
full-domain generalization (Samarati 2001, doi:10.1109/69.971193; Sweeney 2002, doi:10.1142/S021848850200165X).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

LEFT_OUT = "*"
MOST_DIGITS = 3  # a longer number is a code, such as a postcode
BANDS = (5, 10, 20)

_NUMBER = re.compile(rf"-?\d{{1,{MOST_DIGITS}}}(\.\d+)?")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a ladder: what was done, and the column's values after it."""

    name: str
    values: list[str]


def ladder(values: Sequence[str]) -> list[Step]:
    """Return the steps for a column, from "as it is" to "left out"; a step that would join nothing is not there.

    Numbers of at most three digits become bands, dates become months, quarters and years, and of codes of one length,
    such as postcodes, ever fewer characters stay. All else can only be left out. An empty value stays empty until then.
    """
    steps = [Step("as it is", list(values))]
    for name, blunt in [*_blunter({value for value in values if value}), ("left out", lambda _: LEFT_OUT)]:
        blunted = {value: blunt(value) if value or name == "left out" else "" for value in set(values)}
        count = len(set(blunted.values()))
        if count < len(set(steps[-1].values)) and (count > 1 or name == "left out"):
            steps.append(Step(name, [blunted[value] for value in values]))
    return steps


def _blunter(values: set[str]) -> list[tuple[str, Callable[[str], str]]]:
    if not values:
        return []
    if all(map(_NUMBER.fullmatch, values)):
        return [(f"in bands of {width}", partial(_band, width=width)) for width in BANDS]
    if all(map(_is_date, values)):
        return [("as months", _month), ("as quarters", _quarter), ("as years", _year)]
    length = len(min(values))
    if {len(value) for value in values} == {length} and all(re.search(r"\d", value) for value in values):
        return [(f"first {kept} characters", partial(_shortened, kept=kept)) for kept in range(length - 1, 0, -1)]
    return []


def _band(value: str, width: int) -> str:
    low = int(float(value) // width * width)
    return f"{low} to {low + width - 1}"


def _shortened(value: str, kept: int) -> str:
    return value[:kept].ljust(len(value), LEFT_OUT)


def _is_date(value: str) -> bool:
    if not (parts := _DATE.fullmatch(value)):
        return False
    try:
        date(*map(int, parts.groups()))
    except ValueError:
        return False
    return True


def _month(value: str) -> str:
    return "-".join(_DATE.fullmatch(value).groups()[:2])  # type: ignore[union-attr]


def _quarter(value: str) -> str:
    year, month = _month(value).split("-")
    return f"{year} Q{(int(month) + 2) // 3}"


def _year(value: str) -> str:
    return value[:4]
