"""One piece of the work on a study: a file, or all slices of a scan, since a face takes the volume."""

import errno
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom import Dataset

from . import dicomfile, metadata
from .copying import copies, state, strip_file
from .deidentify import check_can_be_made_safe, deidentify
from .elements import UNREADABLE, is_grey, number, said, text
from .finding import Finding, Refused
from .outcome import Job, Outcome, Task, regular
from .pixeldata import check_unpacked, copy_pixels
from .pseudonyms import of_study
from .register import FROM_HEADERS

__all__ = ["Job", "Outcome", "Task", "audit", "scan_of", "strip"]

SCANS = {  # slices through a body (PS3.4 B.5): CT, MR and PET, one a file, multi-frame, and converted to multi-frame,
    # and volumes of a C-arm and of a cone beam around the jaws
    f"1.2.840.10008.5.1.4.1.1.{number}"
    for number in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130", "13.1.1", "13.1.2")
}

_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"  # mostly of fractions (Float Pixel Data), which no scan is stored in

_OUTSIDE = "it is a link to a file outside of the folder: put the file itself there if it is to be shared."
_ABOUT = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", *FROM_HEADERS)
_NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # the disk is full, or somebody's part of it
DOUBLE = "another file with the same SOP Instance UID was written before it: keep only one of the two."


def scan_of(path: Path) -> str:
    """Return the Series Instance UID of a file with slices of a scan, "" for any other."""
    try:
        with _quiet(), regular(path).open("rb") as stream:
            header = dicomfile.read(stream)[0]
    except (Refused, OSError):
        return ""  # whoever works on it will say why
    dataset = header.dataset
    kind = text(dataset, "SOPClassUID")
    if not kind and "Rows" in dataset:
        kind = text(header.meta, "MediaStorageSOPClassUID")
    scan = kind in SCANS or (kind != _PARAMETRIC_MAP and _is_slice(dataset))
    return (text(dataset, "SeriesInstanceUID") or "none") if scan else ""


def _is_slice(dataset: Dataset) -> bool:
    """Tell whether an image of another class, a capture or a private one, shows grey slices of a CT, MR or PET."""
    if not is_grey(dataset) or text(dataset, "Modality") not in ("CT", "MR", "PT"):
        return False
    if text(dataset, "NumberOfFrames") in ("", "1") and "ImagePositionPatient" in dataset:
        return "ImageOrientationPatient" in dataset
    try:
        groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
        return any("PlanePositionSequence" in group for group in groups)
    except UNREADABLE:
        return True  # what is damaged is no volume, and refused as one


def audit(job: Job, task: Task) -> list[Outcome]:
    """Return what identifies somebody in each file of a job."""

    def look(paths: Sequence[Path]) -> Callable[[Path], Outcome]:
        if task.kinds == ("metadata",):  # a third of the time would go into importing what looks at pixels
            return lambda path: _audit_file(path, task, [])
        from . import pixel_kinds

        find = pixel_kinds.finder(paths, job.scan, task.kinds)
        return lambda path: _audit_file(path, task, find(regular(path)))

    return _outcomes(job, task, look)


def strip(job: Job, task: Task) -> list[Outcome]:
    """Write a copy of each file of a job without what identifies."""

    def look(paths: Sequence[Path]) -> Callable[[Path], Outcome]:
        before = {path: state(path) for path in paths}
        if task.kinds == ("metadata",):
            return lambda path: strip_file(path, task, before[path], None, [])
        if task.resumed and all(copy.exists() for copy in copies(paths, task)):
            return lambda path: strip_file(path, task, before[path], None, [])
        from . import pixel_kinds

        strip = pixel_kinds.stripper(paths, job.scan, task.kinds, task.key, _folder(task))
        return lambda path: strip_file(path, task, before[path], *strip(regular(path)))

    return _outcomes(job, task, look)


def _folder(task: Task) -> Path | None:
    """Return where what does not fit into memory is put: on the disk that has room for the copies, if there are any."""
    if task.dry:
        return None
    return task.destination.parent if task.single else task.destination


def _outcomes(job: Job, task: Task, look: Callable[[Sequence[Path]], Callable[[Path], Outcome]]) -> list[Outcome]:
    """Return what becomes of each file, once the job as a whole was looked at."""
    with _quiet():
        done = [Outcome(path, reason=_OUTSIDE) for path in job.paths if _leads_out(path, task.source)]
        paths: Sequence[Path] = [path for path in job.paths if not done or not _leads_out(path, task.source)]
        if task.kinds != ("metadata",) or len(paths) > 1:  # decoders should not meet what breaks off
            paths, refused = _whole_files(paths)
            done += refused
        if not paths:
            return done
        try:
            work = look(paths)
        except (Refused, OSError) as error:
            whole = "its series is left out as a whole: " if len(paths) > 1 else ""
            return done + [_refused(path, error, whole) for path in paths]
        return done + [_outcome(path, work) for path in paths]


def _leads_out(path: Path, source: Path) -> bool:
    """Tell whether a link in a folder leads to a file outside of it, which nobody may have meant to share."""
    if path == source or not path.is_symlink() or not path.is_file():
        return False
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(source))


def _whole_files(paths: Sequence[Path]) -> tuple[list[Path], list[Outcome]]:
    """Return the files that are whole, and the refusals of those that break off or are there twice.

    The other slices of a scan can do without them, unless they leave a gap.
    """
    whole: list[Path] = []
    refused: list[Outcome] = []
    uids: set[str] = set()
    for path in paths:
        try:
            with regular(path).open("rb") as stream:
                header, pixels = dicomfile.read(stream)
                if pixels:
                    check_unpacked(pixels, header.size)
                for _ in copy_pixels(pixels, header.dataset, header.syntax) if pixels else ():
                    pass
            pseudonyms = of_study(text(header.dataset, "StudyInstanceUID"))
            deidentify(header.dataset, header.meta, pseudonyms, {}, header.size)  # or it is refused
            uid = text(header.dataset, "SOPInstanceUID")
            if uid and uid in uids:
                raise Refused("another file of its series has the same SOP Instance UID: keep only one of the two.")
        except (Refused, OSError) as error:
            refused.append(_refused(path, error))
        else:
            uids.add(uid)
            whole.append(path)
    return whole, refused


def _outcome(path: Path, work: Callable[[Path], Outcome]) -> Outcome:
    try:
        return work(path)
    except (Refused, OSError) as error:
        return _refused(path, error)


def _refused(path: Path, error: Refused | OSError, whole: str = "") -> Outcome:
    no_room = isinstance(error, OSError) and error.errno in _NO_ROOM
    return Outcome(path, reason=whole + _reason(error), no_room=no_room)


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


def _audit_file(path: Path, task: Task, in_pixels: list[Finding]) -> Outcome:
    with regular(path).open("rb") as stream:
        header, _ = dicomfile.read(stream)
    check_can_be_made_safe(header.dataset, header.meta)
    about = {name: value for name in _ABOUT if (value := said(header.dataset, name))}
    about |= {name: str(number(header.dataset, name)) for name in ("Rows", "Columns")}
    if "metadata" not in task.kinds:
        return Outcome(path, None, in_pixels, "", about)
    findings = metadata.find_file(path, **task.options)
    return Outcome(path, None, findings + _names_in_path(path, task.source, findings) + in_pixels, "", about)


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
