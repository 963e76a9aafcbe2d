"""The table that leads back from copies to originals: only when asked for, elsewhere, and only for its owner."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from . import dicomfile
from .outcome import Mapped, Outcome


def check(path: Path, source: Path, destination: Path) -> None:
    """Raise ``ValueError`` where a mapping table must not be written: beside originals or copies, or over a file."""
    place = path.resolve()
    for folder, what in ((source, "originals"), (destination, "copies")):
        if place.is_relative_to(folder.resolve()):
            raise ValueError(f"{path}: a table of who is who must not lie with the {what}: choose another folder.")
    if path.exists():
        raise ValueError(f"{path}: there is a file already, and nothing is overwritten: choose another name.")
    if not place.parent.is_dir():
        raise ValueError(f"{path}: there is no folder of that name: make it first, and let nobody else into it.")


def write(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Write the table as CSV that only its owner can read; Windows decides that by the folder.

    Raises ``OSError`` when it cannot be written.
    """
    rows = [each.row for each in outcomes if isinstance(each, Mapped)]
    told = io.StringIO()
    table = csv.DictWriter(told, rows[0] if rows else ("original", "copy"), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    whole = told.getvalue().encode(errors="surrogateescape")  # a name may be no UTF-8
    dicomfile.place(path, lambda out: out.write(whole), mode=0o600)
