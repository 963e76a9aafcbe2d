"""Folders: audit and strip every file, one line for each that cannot be made safe.

For now the one kind is metadata; text, faces and objects in the pixels are not looked at.
"""

import os
import re
import secrets
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Unpack

from pydicom import Dataset

from . import dicomfile, metadata
from .deidentify import around, deidentify
from .elements import text
from .finding import Finding, Refused
from .profile import EDITION, Options, method_options
from .pseudonyms import Pseudonyms


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: its copy, the findings in it, or the reason why it was refused ("" when it was not)."""

    source: Path
    copy: Path | None = None
    findings: list[Finding] = field(default_factory=list)
    reason: str = ""


Progress = Callable[[Iterable[Outcome], int], Iterable[Outcome]]


def audit(
    source: Path, *, jobs: int = 1, progress: Progress | None = None, **options: Unpack[Options]
) -> list[Outcome]:
    """Return what identifies somebody in each file of ``source``, a file or a folder with folders in it.

    Raises ``ValueError`` when there is nothing to read at ``source``, or for an unknown option.
    """
    method_options(options)
    source = Path(source)
    return _run(partial(_audit_file, source=source, options=options), _files(source), jobs, progress)


def strip(
    source: Path,
    destination: Path,
    *,
    key: bytes | str | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> list[Outcome]:
    """Write a de-identified copy of each file of ``source``, a file or a folder, into ``destination``.

    A copy is named study/series/instance.dcm by its new UIDs, since names of files and folders name patients. Where the
    source is one file, a destination with an ending, such as ``out.dcm``, is the name of the copy. All files share one
    ``key``, by default a random one that is not stored (see ``metadata.strip``). ``jobs`` is the number of processes.

    Raises ``ValueError`` when source and destination do not fit together, for an unknown option or a short key.
    """
    source, destination = Path(source), Path(destination)
    method_options(options)
    key = secrets.token_bytes(32) if key is None else key
    Pseudonyms(key)
    files = _files(source)
    single = source.is_file() and bool(destination.suffix) and not destination.is_dir()
    _check_destination(source, destination, single)
    (destination.parent if single else destination).mkdir(parents=True, exist_ok=True)
    work = partial(_strip_file, destination=destination, single=single, key=key, options=options)
    return _run(work, files, jobs, progress)


def _files(source: Path) -> list[Path]:
    if not source.exists():
        raise ValueError(f"{source}: there is no such file or folder.")
    if not source.is_dir():
        return [source]
    files: list[Path] = []

    def unreadable(error: OSError) -> None:
        files.append(Path(error.filename))  # it is refused like a file, by name

    for folder, folders, names in os.walk(source, onerror=unreadable):
        links = [name for name in folders if Path(folder, name).is_symlink()]  # os.walk does not enter them
        files += (Path(folder, name) for name in names + links)
    if not files:
        raise ValueError(f"{source}: there is no file in this folder.")
    return sorted(files)


def _check_destination(source: Path, destination: Path, single: bool) -> None:
    if single:
        if destination.exists():
            raise ValueError(
                f"{destination}: there is a file already, and nothing is overwritten: choose another name."
            )
        return
    if destination.is_file():
        raise ValueError(f"{destination}: this is a file, and a folder is needed: choose another name.")
    if destination.is_dir() and any(destination.iterdir()):
        raise ValueError(f"{destination}: this folder is not empty: choose an empty or a new one.")
    if source.is_dir() and destination.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{destination}: it lies in the folder of the originals: choose a folder outside of {source}.")


def _run(work: Callable[[Path], Outcome], files: list[Path], jobs: int, progress: Progress | None) -> list[Outcome]:
    with ExitStack() as stack:
        outcomes: Iterator[Outcome] = map(work, files)
        if jobs > 1:
            pool = stack.enter_context(ProcessPoolExecutor(min(jobs, len(files))))
            outcomes = pool.map(work, files, chunksize=max(1, min(32, len(files) // (4 * jobs))))
        return list(progress(outcomes, len(files)) if progress else outcomes)


def _audit_file(path: Path, *, source: Path, options: Options) -> Outcome:
    def look() -> Outcome:
        findings = metadata.find_file(_regular(path), **options)
        return Outcome(path, findings=findings + _names_in_path(path, source, findings))

    return _outcome(path, look)


def _names_in_path(path: Path, source: Path, findings: list[Finding]) -> list[Finding]:
    """Return a finding when the file or a folder on the way to it is named after the patient."""
    place = (path.relative_to(source) if path != source else Path(path.name)).as_posix()
    for found in findings:
        if found.where in ("PatientName", "PatientID"):
            parts = re.split(r"[\^=\s]+", found.what.lower())
            if any(len(part) >= 3 and part in place.lower() for part in parts):
                why = "the name of the file or of a folder repeats the patient's name or ID; copies get neutral names"
                return [Finding("metadata", "file name", place, "X", why)]
    return []


def _strip_file(path: Path, *, destination: Path, single: bool, key: bytes | str, options: Options) -> Outcome:
    def copy() -> Outcome:
        with _regular(path).open("rb") as stream:
            header, pixels = dicomfile.read(stream)
            pseudonyms = Pseudonyms(key)
            clean, changes = deidentify(header.dataset, header.meta, pseudonyms, options)
            changes = around(header.preamble, header.meta, clean) + changes
            name = destination if single else destination / _neutral_name(clean, path, pseudonyms)
            name.parent.mkdir(parents=True, exist_ok=True)
            dicomfile.save(name, clean, header.syntax, pixels)
        # Without what stood there: a report must not have it, and the memory of a long run has no room for it.
        findings = [Finding("metadata", change.path, "", change.action, change.why) for change in changes]
        return Outcome(path, copy=name, findings=findings)

    return _outcome(path, copy)


def _outcome(path: Path, work: Callable[[], Outcome]) -> Outcome:
    try:
        # pydicom warns of each value against the rules, and quotes it; here such a value is treated or kept as it is.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return work()
    except Refused as error:
        return Outcome(path, reason=error.reason)
    except FileExistsError:
        reason = "another file with the same SOP Instance UID was written before it: keep only one of the two."
        return Outcome(path, reason=reason)
    except OSError as error:
        reason = f"it cannot be read or copied ({error.strerror or 'input/output error'}): mend that and start again."
        return Outcome(path, reason=reason)


def _regular(path: Path) -> Path:
    if not path.is_file():
        raise Refused("it is no file that can be opened (a link to a folder, say, or a device): leave it out.")
    return path


def _neutral_name(dataset: Dataset, source: Path, pseudonyms: Pseudonyms) -> Path:
    """Name a copy by its UIDs; what is no UID, such as "..", must not become part of a path."""
    uids = [text(dataset, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")]
    study, series, instance = (
        uid if re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) and len(uid) <= 64 else "" for uid in uids
    )
    instance = instance or pseudonyms.uid(os.fsencode(source)).decode()
    return Path(study or "unknown", series or "unknown", f"{instance}.dcm")


def report(outcomes: list[Outcome], destination: Path | None, options: Options) -> dict[str, object]:
    """Return a report for a record of what was done: JSON data without any original value, name or path.

    Files are numbered in the sorted order of their paths.
    """
    files: list[dict[str, object]] = []
    for number, outcome in enumerate(outcomes, 1):
        entry: dict[str, object] = {"number": number}
        if outcome.reason:
            entry |= {"result": "refused", "reason": outcome.reason}
        elif outcome.copy is not None and destination is not None:
            copy = (
                outcome.copy.name if outcome.copy == destination else outcome.copy.relative_to(destination).as_posix()
            )
            entry |= {"result": "stripped", "copy": copy}
        else:
            entry |= {"result": "identifies" if outcome.findings else "nothing found"}
        entry["actions"] = dict(sorted(Counter(found.action for found in outcome.findings).items()))
        entry["findings"] = [{"where": f.where, "action": f.action, "why": f.why} for f in outcome.findings]
        files.append(entry)
    return {
        "profile": f"DICOM PS3.15 {EDITION} Annex E, Basic Application Level Confidentiality Profile",
        "options": method_options(options),
        "kinds": ["metadata"],
        "summary": dict(sorted(Counter(str(entry["result"]) for entry in files).items())),
        "files": files,
    }
