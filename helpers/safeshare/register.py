"""Registers: tables with a row for each person or visit, from wherever they come, and who in them is alike.

A register is given as rows (dictionaries), as columns (a dictionary of lists, or a data frame), or as the path of a CSV
file. Inside it is a dictionary of columns, in which every value is text and a missing one is "".
"""

import csv
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from . import dicomfile
from .elements import said, text
from .finding import Refused

Register = str | Path | Mapping[str, Iterable[object]] | Iterable[Mapping[str, object]]
Table = dict[str, list[str]]

FROM_HEADERS = (
    "PatientID", "PatientBirthDate", "PatientAge", "PatientSex", "PatientWeight", "StudyDate", "Modality",
    "BodyPartExamined", "StudyDescription", "ManufacturerModelName", "InstitutionName",
)  # fmt: skip

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_AGE = re.compile(r"(\d{3})([DWMY])")  # PS3.5 6.2
_A_YEAR = {"D": 365, "W": 52, "M": 12, "Y": 1}


def read(register: Register) -> Table:
    """Return the register's columns; raise ``ValueError`` where it is no table, or has no rows."""
    if isinstance(register, (str, Path)):
        register = _of_csv(Path(register))
    if hasattr(register, "items"):  # a data frame, too
        table = {str(name): [_text(value) for value in values] for name, values in register.items()}
    else:
        rows = list(register)
        if not all(isinstance(row, Mapping) for row in rows):
            raise ValueError("A register is the path of a CSV file, a list of dictionaries, or a dictionary of lists.")
        names = dict.fromkeys(name for row in rows for name in row if name is not None)
        table = {str(name): [_text(row.get(name)) for row in rows] for name in names}
    lengths = {len(values) for values in table.values()}
    if not lengths or lengths == {0}:
        raise ValueError("The register has no rows.")
    if len(lengths) > 1:
        raise ValueError("The columns of the register are not of one length.")
    return table


def _of_csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            rows = list(table)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: save it as CSV UTF-8.") from error
    names = list(filter(None, table.fieldnames or ()))
    if len(set(names)) < len(names):
        raise ValueError(f"{path} has two columns of one name: give each its own.")
    for number, row in enumerate(rows, 1):
        if any(row.get(None, ())):  # what is behind the last column
            raise ValueError(f"{path} has more values in row {number} than columns: quote those that hold a comma.")
    return rows


def from_folder(folder: str | Path) -> list[dict[str, str]]:
    """Return a register of the DICOM files in a folder and its folders: a row for each study and kind of image in it.

    The columns are ``FROM_HEADERS``; count people with ``person="PatientID"``. Files that belong to no study are left
    out with a warning. Raises ``ValueError`` where no file is left.
    """
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    others: list[str] = []
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        try:
            with path.open("rb") as stream:
                header = dicomfile.read(stream)[0].dataset
            if not text(header, "StudyInstanceUID"):
                raise Refused("it belongs to no study.")
        except Refused:
            others.append(path.name)
            continue
        row = {keyword: said(header, keyword) for keyword in FROM_HEADERS}
        if age := _AGE.fullmatch(row["PatientAge"]):
            row["PatientAge"] = str(int(age[1]) // _A_YEAR[age[2]])
        rows[text(header, "StudyInstanceUID"), *row.values()] = row
    if not rows:
        raise ValueError(f"{folder} holds no DICOM file of a study: give the folder that the files lie in.")
    if others:
        warnings.warn(f"{len(others)} files belong to no study and were left out, such as {others[0]}.", stacklevel=2)
    return list(rows.values())


def check_columns(table: Mapping[str, object], columns: Iterable[str]) -> None:
    """Raise ``ValueError`` where a column is not in the table."""
    if isinstance(columns, str):
        raise ValueError(f"Columns come as a list: write [{columns!r}].")
    for column in columns:
        if column not in table:
            raise ValueError(f"The register has no column {column!r}; it has {', '.join(table)}.")


def fits(values: Sequence[str], fact: object) -> np.ndarray:
    """Tell for each value of a column whether it fits a fact: the same text, or a number or date in a range."""
    whole = _text(fact)
    low, to, high = whole.partition(" to ")
    if not low:
        return np.ones(len(values), bool)
    if not to:
        return np.array([value == low for value in values])
    first, last = _order(low), _order(high)
    # A blunted register has "60 to 64" as a value.
    return np.array([value == whole or first <= _order(value) <= last for value in values])


def _order(value: str) -> tuple[int, float, str]:
    """Return what sorts numbers by size and, behind them, dates such as 2024-03-09 by their text."""
    return (0, float(value), "") if _NUMBER.fullmatch(value) else (1, 0.0, value)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # beside a missing value a data frame holds whole numbers as floats
    # In a data frame it is NaN, which is not equal to itself, or NA, of which nobody can tell.
    missing = value is None or str(value) == "<NA>" or value != value
    return "" if missing else str(value).strip()


def numbered(values: Sequence[str]) -> np.ndarray:
    """Return a number from 0 for each value, the same for the same values."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def alike(codes: Sequence[np.ndarray]) -> np.ndarray:
    """Return a number from 0 for each row, the same for rows that are alike in all of the numbered columns."""
    key, size = np.zeros_like(codes[0]), 1
    for code in codes:
        width = int(code.max()) + 1
        if size * width >= 2**62:  # more would not fit into 64 bits
            key = np.unique(key, return_inverse=True)[1]
            size = int(key.max()) + 1
        key, size = key * width + code, size * width
    return np.unique(key, return_inverse=True)[1]


def kinds_in_crowd(crowds: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return for each row how many different kinds, such as people, there are in the row's crowd."""
    width = int(kinds.max()) + 1
    return np.bincount(np.unique(crowds * width + kinds) // width)[crowds]
