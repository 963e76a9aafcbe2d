"""The self-checks of the episode "Other parts of images": each prints what is still wrong, or a line with a ✔.

They stand apart, as those of the faces do, since they look at pixels and at the tables beside them.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pydicom import Dataset

from . import data
from .check import _report
from .combinations import Stripped

EVERYWHERE = ("emergency", "radiology")  # they see patients of all departments
FAR = 30  # pixels: a mask may be wider than its object, and may fill the links of a chain


def tag_read(lines: Sequence[str]) -> None:
    """Print whether the three lines on the bracelet of the hand radiograph are read rightly."""
    right = [text["text"] for thing in _things("hand") if thing["kind"] == "bracelet" for text in thing["texts"]]
    if isinstance(lines, str) or not isinstance(lines, Sequence) or len(lines) != len(right):
        print(f"Not yet: the answer is a list of {len(right)} lines of text, from the top of the plate down.")
        return
    problems = []
    for number, (said, line) in enumerate(zip(lines, right, strict=True), start=1):
        said = _letters(said)
        if said != _letters(line):
            hits = sum(one == other for one, other in zip(said, _letters(line), strict=False))
            problems.append(
                f"line {number} is not what the plate says: {hits} characters are in the right place. Look closer."
                if said.strip("?")
                else f"line {number} is still open."
            )
    _report(problems, "A disease, and a number: the name is not in the image, and whoever keeps the list has it.")


def hand_stripped(before: Dataset, after: Dataset) -> None:
    """Print whether ring and bracelet are gone from the hand, the side marker is there, and nothing else changed."""
    if not isinstance(after, Dataset) or "PixelData" not in after:
        print("Not yet: the answer is a data set with pixels, as `objects.strip` returns it.")
        return
    old, new = before.pixel_array, after.pixel_array
    if new.shape != old.shape:
        print("Not yet: the image has another size than before. Start again from the original.")
        return
    labels, changed = _labels("hand"), old != new
    problems = []
    for thing in _things("hand"):
        here = labels == thing["label"]
        share = changed[here].mean()
        if thing["action"] == "strip" and share < 0.95:
            problems.append(f"{1 - share:.0%} of the {thing['kind']} is still as it was.")
        if thing["action"] == "keep" and share > 0:
            problems.append(f"the side {thing['kind']} is damaged, and a reader needs it.")
    around = changed[_far_from(labels > 0, FAR)].mean()
    if around > 0:
        problems.append(f"{around:.1%} of the pixels far from any object have changed: bones are no objects.")
    _report(problems, "Ring and bracelet are gone, the side marker is there, and no pixel far from them has changed.")


def device_named(serial: str, row: Mapping[str, str]) -> None:
    """Print whether the serial number on the pacemaker is right, and the row of the maker's list is its bearer's."""
    [right] = [text["text"] for thing in _things("chest") if thing["kind"] == "pacemaker" for text in thing["texts"]]
    problems = []
    if _letters(serial) != _letters(right):
        problems.append("this is not the number on the pacemaker: two letters, a blank, seven digits.")
    if not isinstance(row, Mapping) or "name" not in row:
        problems.append("`bearer` is a row of the list, such as implants[0].")
    elif row.get("serial") != right:
        problems.append(f"{row['name']} carries another device.")
    _report(problems, "A number in the pixels, a list somewhere else: that makes a name, a birth date, an address.")


def neighbour(who: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Print whether ``rows`` of the register belong to one patient, and it is the one of the story ``who``."""
    truth = {row["who"]: row for row in _table("truth")}
    if who not in truth:
        print(f"Not yet: choose one of the stories: {', '.join(truth)}.")
        return
    try:
        patients = {row["patient"] for row in rows}
    except (KeyError, TypeError):
        print("Not yet: `rows` is what combinations.crowd returns, a list of rows of the register.")
        return
    problems = []
    if not patients:
        problems.append("nobody fits: one of the facts is written otherwise in the register.")
    elif truth[who]["patient"] not in patients:
        problems.append("the person of the story is not among them. Which fact says more than the story does?")
    elif len(patients) > 1:
        problems.append(f"{len(patients)} patients fit. Have you used every fact? Some stories hide well.")
    _report(problems, f"{who}: one patient is left, and the row tells what no neighbour knew: read it.")


def crowds_made(stripped: Stripped, k: int, columns: Sequence[str] = ()) -> None:
    """Print whether the register has crowds of k, keeps something of each of the columns, and tells no diagnosis."""
    if not isinstance(stripped, Stripped):
        print("Not yet: the answer is what combinations.strip returns.")
        return
    problems = []
    if stripped.after.k < k:
        problems.append(f"the smallest crowd has {stripped.after.k} people, and {k} are asked for.")
    if stripped.before.people == stripped.before.rows:
        problems.append("visits of one patient are counted as several people: say whose row it is.")
    if stripped.after.told is None:
        problems.append("whether crowds share a diagnosis is not known: name the column that is sensitive.")
    elif stripped.after.told > 0:
        problems.append(f"in {stripped.after.told:.1%} of the rows the whole crowd has the same diagnosis.")
    losses = {loss.column: loss.lost for loss in stripped.losses}
    for column in columns:
        if losses.get(column, 1.0) == 1.0:
            problems.append(f"nothing is left of {column}, and the colleague needs it.")
    lost = ", ".join(f"{loss.lost:.0%} of {loss.column}" for loss in stripped.losses)
    _report(problems, f"Everybody has a crowd of {stripped.after.k}. It cost {lost}, and {stripped.suppressed} rows.")


def log_read(users: Iterable[str]) -> None:
    """Print whether ``users`` are those who opened records of other departments that had not asked them."""
    if isinstance(users, str) or not isinstance(users, Iterable):
        print('Not yet: `curious` is a list of users, as in ["U001"].')
        return
    departments = {row["user"]: row["department"] for row in _table("staff")}
    treated = {row["admission"]: row["department"] for row in _table("admissions")}
    asked: set[str] = set()
    right: set[str] = set()
    for line in _table("access"):
        if treated[line["admission"]] != departments[line["user"]]:
            (asked if line["asked"] else right).add(line["user"])
    right = {user for user in right if departments[user] not in EVERYWHERE}
    said = {str(user) for user in users}
    problems = []
    if strangers := said - set(departments):
        problems.append(f"{', '.join(sorted(strangers)[:3])} do not work here.")
    if everywhere := {user for user in said if departments.get(user) in EVERYWHERE}:
        problems.append(f"{len(everywhere)} of them work in radiology or emergency, and see everybody.")
    if advisers := said & asked - right - everywhere:
        problems.append(f"{len(advisers)} of them had been asked for advice.")
    if others := {user for user in said & set(departments) if user not in asked | right | everywhere}:
        problems.append(f"{len(others)} of them opened only records of their own department.")
    if missing := right - said:
        problems.append(f"{len(missing)} more opened records that no treatment explains.")
    _report(problems, f"{' and '.join(sorted(right))} opened records that nothing explains. Ask before you judge.")


def _letters(text: object) -> str:
    return "".join(str(text).upper().split())


def _table(name: str) -> list[dict[str, str]]:
    with (data.folder("register") / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _things(name: str) -> list[dict]:
    return json.loads((data.folder("radiographs") / f"{name}.json").read_text(encoding="utf-8"))["objects"]


def _labels(name: str) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(data.folder("radiographs") / f"{name}_labels.png"))


def _far_from(mask: np.ndarray, distance: int) -> np.ndarray:
    from scipy import ndimage

    return ndimage.distance_transform_edt(~mask) > distance
