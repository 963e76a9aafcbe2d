"""Export a study without DICOM: PNG for pictures, NIfTI for scans, and a table with the attributes that were chosen.

Everything is stripped first, as ``study.strip`` does it, into a folder that goes again. What is exported is made from
those copies alone, so no value of an original can get into it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from gzip import GzipFile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
from pydicom import Dataset, dcmread

from . import dicomfile, export_picture, export_table, series, volume
from .elements import UNREADABLE
from .finding import Refused
from .series import Job, Outcome, Task
from .volume import Volume

TABLE = "images.csv"
ALWAYS = ("file", "frames", "unit", "slope", "intercept")
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT


@dataclass(frozen=True, slots=True)
class Exported(Outcome):
    """What became of one file: ``copy`` is the image that was made, and ``row`` tells of it in the table.

    All slices of a scan are in one image, and the first of them has the row.
    """

    row: dict[str, str] = field(default_factory=dict)


def check_parts() -> None:
    """Raise ``ImportError`` where Pillow or nibabel is not installed."""
    try:
        import nibabel  # noqa: F401
        import PIL  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'what writes PNG and NIfTI is not installed: run `pip install ".[export]"` in the lesson\'s folder.'
        ) from error


def work(job: Job, task: Task, kinds: tuple[str, ...], names: Sequence[str]) -> list[Outcome]:
    """Export one file, or the slices of one scan, and return what became of each file."""
    try:
        with TemporaryDirectory(prefix=".", dir=task.destination) as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pydicom quotes each value that is against the rules
            stripped = series.strip(job, replace(task, kinds=kinds, destination=Path(folder)))
            copies = [each.copy for each in stripped if each.copy]
            if len(copies) < len(stripped):
                reason = "its series is left out as a whole, since another file of it is refused."
                return [each if each.reason else Outcome(each.source, reason=reason) for each in stripped]
            make = _scan if len(copies) > 1 or _is_stack(_header(copies[0])) else _picture
            path, row = make(copies, Path(folder), task.destination, names)
    except UNREADABLE as error:
        whole = "its series is left out as a whole: " if len(job.paths) > 1 else ""
        return [Outcome(path, reason=whole + _reason(error)) for path in job.paths]
    rows = [row, *({} for _ in stripped[1:])]
    return [Exported(each.source, path, each.findings, row=row) for each, row in zip(stripped, rows, strict=True)]


def _reason(error: Exception) -> str:
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, FileExistsError):
        return "another image with the same UID was written before it: keep only one of the two."
    if isinstance(error, OSError):
        return f"its image cannot be written ({error.strerror or 'input/output error'}): mend that and start again."
    return "its header is damaged, so its image cannot be understood: ask the sender for a sound copy."


def _header(path: Path) -> Dataset:
    return dcmread(path, stop_before_pixels=True)


def _frames(header: Dataset) -> int:
    return int(header.get("NumberOfFrames") or 1)


def _is_stack(header: Dataset) -> bool:
    """Tell whether an image has several frames that lie somewhere in the patient, which pictures would not tell."""
    groups = (*header.get("SharedFunctionalGroupsSequence", ()), *header.get("PerFrameFunctionalGroupsSequence", ()))
    places = "ImagePositionPatient" in header or any("PlanePositionSequence" in group for group in groups)
    return places and _frames(header) > 1


def _scan(copies: list[Path], folder: Path, destination: Path, names: Sequence[str]) -> tuple[Path, dict[str, str]]:
    scan = volume.read(copies)
    place = copies[0].parent.relative_to(folder)
    path = destination / place.with_name(f"{place.name}.nii.gz")
    row = {"file": path.relative_to(destination).as_posix(), "frames": str(sum(map(_frames, scan.datasets)))}
    row |= {"unit": export_table.unit(scan.datasets), "slope": "1", "intercept": "0"}
    row |= export_table.values(scan.datasets, names)
    path.parent.mkdir(parents=True, exist_ok=True)
    dicomfile.place(path, partial(_write_nifti, scan))
    return path, row


def _write_nifti(scan: Volume, out: BinaryIO) -> None:
    """Write voxels and where they lie, and neither a name nor a time in the gzip header (RFC 1952, section 2.3)."""
    import nibabel

    image = nibabel.Nifti1Image(scan.values, _TO_RAS @ scan.affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(image.affine, _SCANNER)
    image.set_sform(image.affine, _SCANNER)
    with GzipFile("", "wb", 6, out, mtime=0) as packed:
        image.to_stream(packed)


def _picture(copies: list[Path], folder: Path, destination: Path, names: Sequence[str]) -> tuple[Path, dict[str, str]]:
    copy = copies[0]
    header = _header(copy)
    export_picture.check(header)
    several = _frames(header) > 1
    path = destination / copy.relative_to(folder).with_suffix("" if several else ".png")
    row = {"file": path.relative_to(destination).as_posix(), "frames": str(_frames(header))}
    row |= export_picture.meaning(header) | export_table.values([header], names)
    frames = export_picture.frames(copy, header)
    if not several:
        picture = next(frames)
        path.parent.mkdir(parents=True, exist_ok=True)
        dicomfile.place(path, partial(export_picture.write, picture))
        return path, row
    part = folder / "frames"
    part.mkdir()
    for number, picture in enumerate(frames, 1):
        with (part / f"{number:04}.png").open("xb") as out:
            export_picture.write(picture, out)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise FileExistsError
    part.rename(path)
    return path, row
