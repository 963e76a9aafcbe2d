"""One piece of the work on a study: a file, or all slices of a scan, since a face takes the volume."""

import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydicom import Dataset
from pydicom.uid import UID

from . import dicomfile, metadata
from .cleaner import Change
from .deidentify import around, check_can_be_made_safe, deidentify
from .elements import UNREADABLE, text
from .finding import Finding, Refused
from .pixeldata import copy_pixels
from .profile import Options
from .pseudonyms import Pseudonyms

SCANS = {  # slices through a body: CT, MR and PET, one a file, multi-frame, and converted to multi-frame (PS3.4 B.5)
    f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")
}

DOUBLE = "another file with the same SOP Instance UID was written before it: keep only one of the two."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: its copy, the findings in it, or the reason why it was refused ("" when it was not)."""

    source: Path
    copy: Path | None = None
    findings: list[Finding] = field(default_factory=list)
    reason: str = ""


class Job(NamedTuple):
    """The files that are treated together: one, or those of a scan."""

    paths: tuple[Path, ...]
    scan: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done with every file of a study.

    ``single`` means that ``destination`` is the copy's own name, ``dry`` that nothing is to be written, and ``resumed``
    that copies which are there were finished before.
    """

    kinds: tuple[str, ...]
    options: Options
    source: Path
    destination: Path = Path()
    single: bool = False
    key: bytes | str = b""
    dry: bool = False
    resumed: bool = False


def scan_of(path: Path) -> str:
    """Return the Series Instance UID of a file with slices of a scan, "" for any other."""
    try:
        with _quiet(), _regular(path).open("rb") as stream:
            header = dicomfile.read(stream)[0].dataset
    except (Refused, OSError):
        return ""  # whoever works on it will say why
    return (text(header, "SeriesInstanceUID") or "none") if text(header, "SOPClassUID") in SCANS else ""


def audit(job: Job, task: Task) -> list[Outcome]:
    """Return what identifies somebody in each file of a job."""

    def look(paths: Sequence[Path]) -> Callable[[Path], Outcome]:
        if task.kinds == ("metadata",):  # a third of the time would go into importing what looks at pixels
            return lambda path: _audit_file(path, task, [])
        from . import pixel_kinds

        find = pixel_kinds.finder(paths, job.scan, task.kinds)
        return lambda path: _audit_file(path, task, find(_regular(path)))

    return _outcomes(job, task, look)


def strip(job: Job, task: Task) -> list[Outcome]:
    """Write a copy of each file of a job without what identifies."""

    def look(paths: Sequence[Path]) -> Callable[[Path], Outcome]:
        if task.kinds == ("metadata",):
            return lambda path: _strip_file(path, task, None, [])
        if task.resumed and all(copy.exists() for copy in _copies(paths, task)):
            return lambda path: _strip_file(path, task, None, [])
        from . import pixel_kinds

        strip = pixel_kinds.stripper(paths, job.scan, task.kinds, task.key)
        return lambda path: _strip_file(path, task, *strip(_regular(path)))

    return _outcomes(job, task, look)


def _outcomes(job: Job, task: Task, look: Callable[[Sequence[Path]], Callable[[Path], Outcome]]) -> list[Outcome]:
    """Return what becomes of each file, once the job as a whole was looked at."""
    with _quiet():
        paths, done = _whole_files(job.paths) if len(job.paths) > 1 else (job.paths, [])
        if not paths:
            return done
        try:
            work = look(paths)
        except (Refused, OSError) as error:
            whole = "its series is left out as a whole: " if len(paths) > 1 else ""
            return done + [Outcome(path, reason=whole + _reason(error)) for path in paths]
        return done + [_outcome(path, work) for path in paths]


def _whole_files(paths: Sequence[Path]) -> tuple[list[Path], list[Outcome]]:
    """Return the files that are whole, and the refusals of those that break off or are there twice.

    The other slices of a scan can do without them, unless they leave a gap.
    """
    whole: list[Path] = []
    refused: list[Outcome] = []
    uids: set[str] = set()
    for path in paths:
        try:
            with _regular(path).open("rb") as stream:
                header, pixels = dicomfile.read(stream)
                for _ in copy_pixels(pixels, header.dataset, header.syntax) if pixels else ():
                    pass
            uid = text(header.dataset, "SOPInstanceUID")
            if uid and uid in uids:
                raise Refused("another file of its series has the same SOP Instance UID: keep only one of the two.")
        except (Refused, OSError) as error:
            refused.append(Outcome(path, reason=_reason(error)))
        else:
            uids.add(uid)
            whole.append(path)
    return whole, refused


def _outcome(path: Path, work: Callable[[Path], Outcome]) -> Outcome:
    try:
        return work(path)
    except (Refused, OSError) as error:
        return Outcome(path, reason=_reason(error))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back the warnings of pydicom, which quote each value that is against the rules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _reason(error: Refused | OSError) -> str:
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, FileExistsError):
        return DOUBLE
    return f"it cannot be read or copied ({error.strerror or 'input/output error'}): mend that and start again."


def _regular(path: Path) -> Path:
    if not path.is_file():
        raise Refused("it is no file that can be opened (a link to a folder, say, or a device): leave it out.")
    return path


def _audit_file(path: Path, task: Task, in_pixels: list[Finding]) -> Outcome:
    if "metadata" in task.kinds:
        findings = metadata.find_file(_regular(path), **task.options)
        return Outcome(path, findings=findings + _names_in_path(path, task.source, findings) + in_pixels)
    with _regular(path).open("rb") as stream:
        header, _ = dicomfile.read(stream)
    check_can_be_made_safe(header.dataset, header.meta)
    return Outcome(path, findings=in_pixels)


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


def _strip_file(path: Path, task: Task, changed: Dataset | None, in_pixels: list[Finding]) -> Outcome:
    """Write a copy of a file, or of what it was changed to."""
    stream: BinaryIO = _regular(path).open("rb") if changed is None else _as_file(changed, path, task)
    with stream:
        copy, findings = _write(stream, path, task)
    # Without what stood there: a report must not have it, and the memory of a long run has no room for it.
    return Outcome(path, copy, findings + [replace(found, what="") for found in in_pixels])


def _as_file(dataset: Dataset, path: Path, task: Task) -> BinaryIO:
    if task.options.get("retain_uids"):  # other files go on to refer to it by the old ones
        with path.open("rb") as original:
            header = dicomfile.read(original)[0].dataset
        for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
            setattr(dataset, keyword, text(header, keyword))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = BytesIO()
    try:
        dataset.save_as(stream, enforce_file_format=True)
    except UNREADABLE as error:
        raise Refused("its header is damaged and cannot be written again: ask the sender for a sound copy.") from error
    stream.seek(0)
    return stream


def _write(stream: BinaryIO, path: Path, task: Task) -> tuple[Path, list[Finding]]:
    """Write what a stream holds under a neutral name, de-identified if that is asked for."""
    header, pixels = dicomfile.read(stream)
    if pixels is None and "Image Storage" in UID(text(header.dataset, "SOPClassUID")).name:
        raise Refused("it is an image without pixels, so it breaks off before its end: copy or send it again.")
    pseudonyms = Pseudonyms(task.key)
    clean = header.dataset
    changes: list[Change] = []
    if "metadata" in task.kinds:
        clean, changes = deidentify(header.dataset, header.meta, pseudonyms, task.options)
        changes = around(header.preamble, header.meta, clean) + changes
    else:
        check_can_be_made_safe(header.dataset, header.meta)

    def fill(out: BinaryIO) -> None:
        if "metadata" in task.kinds:
            dicomfile.write(out, clean, header.syntax, pixels)
        else:
            stream.seek(0)
            shutil.copyfileobj(stream, out)

    copy = _name(clean, path, task, pseudonyms)
    if task.dry:
        with open(os.devnull, "wb") as nowhere:
            fill(nowhere)
    elif not (task.resumed and copy.exists()):
        copy.parent.mkdir(parents=True, exist_ok=True)
        dicomfile.place(copy, fill)
    return copy, [Finding("metadata", each.path, "", each.action, each.why) for each in changes]


def _copies(paths: Sequence[Path], task: Task) -> Iterator[Path]:
    """Yield the names that the copies of files have, or will have."""
    pseudonyms = Pseudonyms(task.key)
    for path in paths:
        with _regular(path).open("rb") as stream:
            header, _ = dicomfile.read(stream)
        clean, _ = deidentify(header.dataset, header.meta, pseudonyms, task.options)
        yield _name(clean, path, task, pseudonyms)


def _name(dataset: Dataset, path: Path, task: Task, pseudonyms: Pseudonyms) -> Path:
    return task.destination if task.single else task.destination / _neutral_name(dataset, path, pseudonyms)


def _neutral_name(dataset: Dataset, source: Path, pseudonyms: Pseudonyms) -> Path:
    """Name a copy by its UIDs; what is no UID, such as "..", must not become part of a path."""
    uids = [text(dataset, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")]
    study, series, instance = (
        uid if re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) and len(uid) <= 64 else "" for uid in uids
    )
    instance = instance or pseudonyms.uid(os.fsencode(source)).decode()
    return Path(study or "unknown", series or "unknown", f"{instance}.dcm")
