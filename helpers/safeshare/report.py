"""The report on a study: what was found in it, by severity, kind, patient, study, series and file, and what was done.

It holds no original value, name, path or pixel unless it is asked for them, so it can go where originals cannot.
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, overload

from pydicom.uid import UID_dictionary

from . import dicomfile, profile, severity
from .finding import Finding
from .profile import EDITION, Options, method_options
from .series import Outcome

if TYPE_CHECKING:
    from .combinations import Crowds

PROFILE = f"DICOM PS3.15 {EDITION} Annex E, Basic Application Level Confidentiality Profile"
MOST_SERIES_IN_TEXT = 40
_METHODS = {"text": "113101", "objects": "113101", "faces": "113102"}  # PS3.16 CID 7050, for changed pixels
_COLUMNS = ("copy", "sha256", "kinds", "methods")
_STARTS = {  # how a report is known again, which alone may be written over
    ".html": b"<div class='safeshare-report'>",
    ".json": b'{\n "profile": "DICOM PS3.15 ',
    ".csv": f"{','.join(_COLUMNS)}\n".encode(),
}
DONE = {"strip": "stripped", "dry run": "would be stripped", "export": "exported"}


class Group(NamedTuple):
    """Files that belong together: the numbers of patient, study and series from 1, and what images they are."""

    patient: int
    study: int
    series: int
    images: str
    files: list[int]


class Report(Sequence[Outcome]):
    """What ``study.audit``, ``strip`` or ``export`` found and did: a sequence of outcomes, one for each file.

    ``verb`` is "audit", "strip", "dry run" or "export".

    A notebook shows it with tables, and with drawings of where in the images writing and objects are; ``print`` gives
    text. Files, series, studies and patients are numbered, files in the sorted order of their paths. ``summary`` counts
    how many files came to which end.

    ``save("report.html")`` writes a page, ``.json`` data, and ``.csv``, of what was stripped, a manifest of the copies.
    With ``with_original_values=True`` a page and data hold values, names, paths and thumbnails of the originals, and
    must be kept as safe as they are. A report is written over an older one, and over no other file.
    """

    def __init__(
        self,
        verb: str,
        outcomes: Iterable[Outcome],
        kinds: Sequence[str],
        options: Options,
        destination: Path | None = None,
    ) -> None:
        self.verb, self.kinds, self.options, self.destination = verb, tuple(kinds), options, destination
        self._outcomes = tuple(outcomes)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Outcome, ...]: ...
    def __getitem__(self, index: int | slice) -> Outcome | tuple[Outcome, ...]:
        return self._outcomes[index]

    def __len__(self) -> int:
        return len(self._outcomes)

    @property
    def summary(self) -> dict[str, int]:
        """How many files came to which end: "refused", "identifies", "nothing found", or one of ``DONE``."""
        return dict(sorted(Counter(self.result(each) for each in self).items()))

    def result(self, outcome: Outcome) -> str:
        """Return the end that one file came to, in the words of ``summary``."""
        if outcome.reason:
            return "refused"
        if self.verb in DONE:
            return DONE[self.verb]
        return "identifies" if outcome.findings else "nothing found"

    def severities(self, numbers: Iterable[int] | None = None) -> dict[str, int]:
        """Return how many findings there are of each severity, in all files or in those with these numbers."""
        files = range(1, len(self) + 1) if numbers is None else numbers
        counts: Counter[str] = Counter()
        for number in files:
            for (grade, _), count in self.graded[number - 1].items():
                counts[grade] += count
        return {grade: counts[grade] for grade in severity.MEANING}

    @cached_property
    def graded(self) -> list[Counter[tuple[str, str]]]:
        """How many findings there are in each file, by severity and kind."""
        return [Counter((severity.of(found), found.kind) for found in each.findings) for each in self]

    @cached_property
    def places(self) -> dict[tuple[str, str, str], tuple[int, Finding]]:
        """In how many files something identifies, and one such finding, by severity, kind and place, gravest first."""
        files: Counter[tuple[str, str, str]] = Counter()
        findings: dict[tuple[str, str, str], Finding] = {}
        for each in self:
            found = {(severity.of(one), one.kind, _general(one)): one for one in each.findings}
            files.update(found.keys())
            findings.update(found)
        grades = list(severity.MEANING)
        order = sorted(files, key=lambda key: (grades.index(key[0]), -files[key], not key[2].startswith("Patient")))
        return {key: (files[key], findings[key]) for key in order}

    @cached_property
    def groups(self) -> list[Group]:
        """The files that were audited, by patient, study and series; those that could not be read are in none."""
        found: dict[tuple[str, str, str], list[int]] = {}
        for number, each in enumerate(self, 1):
            if each.header:
                found.setdefault(_place(each.header), []).append(number)
        patients = _numbered(patient for patient, _, _ in found)
        studies = _numbered(study for _, study, _ in found)
        return sorted(
            Group(patients[patient], studies[study], number, _images(self[files[0] - 1].header), files)
            for number, ((patient, study, _), files) in enumerate(found.items(), 1)
        )

    @cached_property
    def combinations(self) -> "list[Crowds]":
        """The one, two and three facts in the headers that single out most people, and all facts together.

        Each says among how many people of this folder somebody hides from whoever knows the facts, see
        ``combinations.find``. The list is empty where there are fewer than two people, or nobody stands alone.
        """
        from .report_combinations import strongest

        return strongest([each.header for each in self if each.header])

    def data(self, with_original_values: bool = False) -> dict[str, Any]:
        """Return the report as JSON data; with original values also paths and the values that identify."""
        files = [self._entry(number, each, with_original_values) for number, each in enumerate(self, 1)]
        groups = [group._asdict() | {"severities": self.severities(group.files)} for group in self.groups]
        return {
            "profile": PROFILE,
            "options": method_options(self.options),
            "kinds": list(self.kinds),
            "summary": self.summary,
            "severities": self.severities(),
            "combinations": [
                {"facts": list(each.columns), "people": each.people, "k": each.k, "alone": round(each.alone, 4)}
                for each in self.combinations
            ],
            "series": groups,
            "files": files,
        }

    def _entry(self, number: int, outcome: Outcome, with_original_values: bool) -> dict[str, Any]:
        entry: dict[str, Any] = {"number": number, "result": self.result(outcome)}
        if outcome.reason:
            entry["reason"] = outcome.reason
        elif name := self.name_of_copy(outcome, with_original_values):
            entry["copy"] = name
        if with_original_values:
            entry["file"] = str(outcome.source)
        entry["actions"] = dict(sorted(Counter(found.action for found in outcome.findings).items()))
        entry["findings"] = [_told(found, with_original_values) for found in outcome.findings]
        return entry

    def name_of_copy(self, outcome: Outcome, with_original_values: bool = False) -> str:
        """Return the path of a copy inside the destination, "" where there is none, or where it is made of old UIDs."""
        if outcome.copy is None or self.destination is None:
            return ""
        if outcome.copy == self.destination:
            return outcome.copy.name
        new_uids = "metadata" in self.kinds and not self.options.get("retain_uids")
        return outcome.copy.relative_to(self.destination).as_posix() if new_uids or with_original_values else ""

    def manifest(self) -> str:
        """Return a table of the copies as CSV: name, SHA-256, kinds that were taken out, and codes of the methods.

        A copy whose name would tell the UIDs of its original has the number of its file instead. The codes are those of
        PS3.16 CID 7050 for what was done in this run. Copies are opened for their sums.
        """
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(_COLUMNS)
        chosen = [profile.METHODS[name] for name in method_options(self.options)]
        basic = {code for code, _ in (profile.BASIC_PROFILE, *chosen)} if "metadata" in self.kinds else set()
        copies = {
            each.copy: (self.name_of_copy(each), number)
            for number, each in enumerate(self, 1)
            if each.copy and each.copy.is_file()
        }
        for name, number in sorted(copies.values()):
            each = self[number - 1]
            kinds = [kind for kind in self.kinds if any(found.kind == kind for found in each.findings)]
            codes = basic | {_METHODS[kind] for kind in kinds if kind in _METHODS}
            table.writerow((name or number, _sha256(each.copy), " ".join(kinds), " ".join(sorted(codes))))
        return out.getvalue()

    def html(self, with_original_values: bool = False) -> str:
        """Return the report as one page that needs nothing besides itself; with original values also thumbnails."""
        from .report_page import page

        return page(self, with_original_values)

    def save(self, path: str | Path, *, with_original_values: bool = False) -> None:
        """Write a page (``.html``), data (``.json``) or, of what was stripped, a manifest of the copies (``.csv``).

        ``with_original_values`` adds values, names, paths and thumbnails of the originals: such a file must be kept as
        safe as they are, and on Linux and macOS only its owner can read it. An older report is written over.

        Raises ``ValueError`` for another ending, where a manifest cannot be, where a file that is no report has that
        name, and where nothing can be written.
        """
        path = Path(path)
        check_name(path, self.verb, with_original_values)
        made: dict[str, Callable[[], str]] = {
            ".html": lambda: self.html(with_original_values),
            ".json": lambda: json.dumps(self.data(with_original_values), indent=1) + "\n",
            ".csv": self.manifest,
        }
        told = made[path.suffix.lower()]().encode(errors="backslashreplace")  # a path may be no UTF-8

        def fill(out: BinaryIO) -> None:
            out.write(told)
            out.flush()
            path.unlink(missing_ok=True)  # only now that the new one is whole

        dicomfile.place(path, fill, mode=0o600 if with_original_values else 0o666)

    def show(self, *, with_original_values: bool = False) -> Any:
        """Return the report for a notebook; with original values, which the notebook then holds until it is cleared."""
        from .report_page import Shown

        return Shown(self, with_original_values)

    def _repr_html_(self) -> str:
        from .report_page import body

        return body(self, False)

    def __repr__(self) -> str:
        lines = [ends(self)]
        lines += [f"{count:6} findings: {grade}." for grade, count in self.severities().items() if count]
        for group in self.groups[:MOST_SERIES_IN_TEXT]:
            grades = _listed(self.severities(group.files))
            place = f"Patient {group.patient}, study {group.study}, series {group.series}"
            lines.append(f"{place}: {_files(len(group.files))} ({group.images}): {grades or 'nothing found'}.")
        if len(self.groups) > MOST_SERIES_IN_TEXT:
            lines.append(f"{len(self.groups) - MOST_SERIES_IN_TEXT} more series are not shown here.")
        reasons = Counter(each.reason for each in self if each.reason)
        lines += [f"{count} refused: {reason}" for reason, count in reasons.most_common()]
        return "\n".join(lines + [sentence(crowds) for crowds in self.combinations])


def ends(report: Report) -> str:
    """Say in one sentence how many files came to which end."""
    words = {"identifies": "identify somebody", "nothing found": "with nothing found"}
    told = [f"{count:,} {words.get(end, end)}" for end, count in report.summary.items()]
    return f"{_files(len(report))}: {', '.join(told)}."


def _files(count: int) -> str:
    return f"{count:,} file{'s' * (count != 1)}"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{word}: {count}" for word, count in counts.items() if count)


def sentence(crowds: "Crowds") -> str:
    """Say in one sentence whom some facts single out."""
    known = " and ".join(filter(None, [", ".join(crowds.columns[:-1]), crowds.columns[-1]]))
    return (
        f"Whoever knows {known} is left with one person in {crowds.alone:.0%} of {crowds.rows:,} rows "
        f"({crowds.people:,} people, k = {crowds.k})."
    )


def check_name(path: Path, verb: str, with_original_values: bool = False, source: Path | None = None) -> None:
    """Raise ``ValueError`` where a report cannot be written under this name, or must not lie: among originals, say."""
    endings = (".html", ".json", ".csv") if verb == "strip" else (".html", ".json")
    if path.suffix.lower() not in endings:
        raise ValueError(f"{path}: a report ends in {' or '.join(endings)}: choose such a name.")
    if path.suffix.lower() == ".csv" and with_original_values:
        raise ValueError(f"{path}: a manifest never holds original values: save an .html or .json instead.")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}: make it first, or choose another.")
    if source and source.is_dir() and path.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{path}: a report must not lie with the originals: choose another folder.")
    if path.exists() and not _is_report(path):
        raise ValueError(f"{path}: there is something else of that name, and nothing is overwritten: choose another.")
    try:
        TemporaryFile(dir=path.parent).close()  # asking for permissions would not tell on Windows
    except OSError as error:
        why = error.strerror or "input/output error"
        raise ValueError(f"{path}: nothing can be written into its folder ({why}): choose another.") from error


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return _STARTS[path.suffix.lower()] in stream.read(1000)


def _told(found: Finding, with_original_values: bool) -> dict[str, str]:
    told = {"kind": found.kind, "where": found.where, "action": found.action, "why": found.why}
    told["severity"] = severity.of(found)
    return told | ({"value": found.what} if with_original_values else {})


def _general(found: Finding) -> str:
    """Return where something is in general, whichever item of a sequence or pixel of an image it is."""
    if getattr(found, "box", None):
        return "pixels"
    return re.sub(r"\[\d+\]", "", found.where) if "[" in found.where else found.where


def _place(header: dict[str, str]) -> tuple[str, str, str]:
    """Return patient, study and series of a file; nobody knows of two studies without a patient that they are one's."""
    study, series = (header.get(f"{level}InstanceUID", "") for level in ("Study", "Series"))
    return header.get("PatientID") or study, study, series


def _numbered(keys: Iterable[str]) -> dict[str, int]:
    return {key: number for number, key in enumerate(dict.fromkeys(keys), 1)}


def _images(header: dict[str, str]) -> str:
    """Return what the standard calls such objects; a UID that it does not know could say anything."""
    name, what, *_ = UID_dictionary.get(header.get("SOPClassUID", ""), ("", ""))
    return name.replace(" Storage", "") if what == "SOP Class" else "not told"


def _sha256(path: Path | None) -> str:
    assert path is not None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
