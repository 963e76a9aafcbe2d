"""What is to be done with the files of a study and what became of each: plain data that goes between processes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .finding import Finding, Refused
from .profile import Options


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: its copy, the findings in it, or the reason why it was refused ("" when it was not).

    ``header`` holds what audit needs to tell patients, studies and series apart, by keyword, as the original has it.
    ``no_room`` tells that it was refused since the disk is full.
    """

    source: Path
    copy: Path | None = None
    findings: list[Finding] = field(default_factory=list)
    reason: str = ""
    header: dict[str, str] = field(default_factory=dict)
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class Mapped(Outcome):
    """What became of a file, and ``row``, which leads back from its copy: of the table that only its owner may have."""

    row: dict[str, str] = field(default_factory=dict)


class Job(NamedTuple):
    """The files that are treated together: one, or those of a scan."""

    paths: tuple[Path, ...]
    scan: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done with every file of a study.

    ``single`` means that ``destination`` is the copy's own name, ``dry`` that nothing is to be written, ``resumed``
    that copies which are there were finished before, and ``mapped`` that outcomes say what was replaced by what.
    """

    kinds: tuple[str, ...]
    options: Options
    source: Path
    destination: Path = Path()
    single: bool = False
    key: bytes | str = b""
    dry: bool = False
    resumed: bool = False
    mapped: bool = False


def regular(path: Path) -> Path:
    """Return the path of a file; raise ``Refused`` for anything else, such as a device or a link to a folder."""
    if not path.is_file():
        if path.is_dir() and not path.is_symlink():
            raise Refused("it is a folder that cannot be read: mend its permissions and start again.")
        raise Refused("it is no file that can be opened (a link to a folder, say, or a device): leave it out.")
    return path
