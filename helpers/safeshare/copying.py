"""Write the copy of one file, and prove it before it gets its name."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset
from pydicom.uid import UID

from . import dicomfile, in_file, proof
from .cleaner import Change
from .deidentify import around, check_can_be_made_safe, deidentify
from .elements import UNREADABLE, said, text
from .finding import Finding, Refused
from .outcome import Mapped, Outcome, Task, regular
from .pseudonyms import Pseudonyms, of_study


def state(path: Path) -> tuple[int, int]:
    """Return what is another after somebody has written to a file: its size and the time of the last change."""
    state = regular(path).stat()
    return state.st_size, state.st_mtime_ns


def strip_file(
    path: Path, task: Task, before: tuple[int, int], changed: Dataset | None, in_pixels: list[Finding]
) -> Outcome:
    """Write a copy of a file, or of what it was changed to, if the file is still as it was ``before``."""
    stream: BinaryIO = regular(path).open("rb") if changed is None else _as_file(changed, path, task)
    with stream:
        copy, findings, clean = _write(stream, path, task, before, changed is not None)
    # Without what stood there: a report must not have it, and the memory of a long run has no room for it.
    findings += [replace(found, what="") for found in in_pixels]
    if task.mapped:
        return Mapped(path, copy, findings, row=_row(path, copy, _header(path), clean))
    return Outcome(path, copy, findings)


def _row(path: Path, copy: Path, original: Dataset, clean: Dataset) -> dict[str, str]:
    """Return what leads back from a copy to its original."""
    row = {"original": str(path), "copy": str(copy)}
    for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        row |= {keyword: said(original, keyword), f"new {keyword}": text(clean, keyword)}
    return row


def _as_file(dataset: Dataset, path: Path, task: Task) -> BinaryIO:
    if task.options.get("retain_uids"):  # other files go on to refer to it by the old ones
        header = _header(path)
        for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
            setattr(dataset, keyword, text(header, keyword))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    pixels = dataset.get("PixelData")

    def write(out: BinaryIO) -> None:
        if pixels:  # from a stream pydicom does not copy them before it writes them, but that must be of even length
            odd = in_file.length(pixels) % 2
            even = in_file.written(pixels, partial(shutil.copyfileobj, in_file.opened(pixels))) if odd else pixels
            dataset["PixelData"].value = in_file.opened(even)
        dataset.save_as(out, enforce_file_format=True)

    try:
        if not dataset.file_meta.TransferSyntaxUID.is_implicit_VR:
            for tag in [tag for tag, raw in dataset.items() if raw.VR is None]:  # implicit against their syntax
                dataset[tag]  # pydicom looks up the VR
        return in_file.opened(in_file.written(pixels, write))
    except OSError:
        raise
    except UNREADABLE as error:
        raise Refused("its header is damaged and cannot be written again: ask the sender for a sound copy.") from error
    finally:
        if pixels:
            dataset["PixelData"].value = pixels


def _write(
    stream: BinaryIO, path: Path, task: Task, before: tuple[int, int], changed: bool
) -> tuple[Path, list[Finding], Dataset]:
    """Write what a stream holds under a neutral name, de-identified if that is asked for."""
    header, pixels = dicomfile.read(stream)
    start = stream.tell() if pixels is None else pixels.stream.tell()
    if pixels is None and "Image Storage" in UID(text(header.dataset, "SOPClassUID")).name:
        raise Refused("it is an image without pixels, so it breaks off before its end: copy or send it again.")
    pseudonyms = of_study(text(header.dataset, "StudyInstanceUID"), task.key)
    clean = header.dataset
    changes: list[Change] = []
    if "metadata" in task.kinds:
        clean, changes = deidentify(header.dataset, header.meta, pseudonyms, task.options, header.size)
        changes = around(header.preamble, header.meta, clean) + changes
    else:
        check_can_be_made_safe(header.dataset, header.meta)

    def fill(out: BinaryIO) -> None:
        if "metadata" in task.kinds:
            dicomfile.write(out, clean, header.syntax, pixels)
        else:
            stream.seek(0)
            shutil.copyfileobj(stream, out)
        if state(path) != before:
            raise Refused("it changed while it was read: wait until it is whole, then start again.")

    def fill_and_prove(out: BinaryIO) -> None:
        fill(out)
        out.flush()
        if "metadata" not in task.kinds:
            proof.check_same(Path(out.name), stream)
            return
        original = _header(path) if changed else header.dataset
        secrets = proof.identifiers(original, changes, pseudonyms, task.options)
        proof.check(Path(out.name), original, pixels, start, secrets)

    copy = _name(clean, path, task, pseudonyms)
    if task.dry:
        with open(os.devnull, "wb") as nowhere:
            fill(nowhere)
    elif not (task.resumed and copy.exists()):
        if not copy.parent.is_dir():  # asking takes less time than making it in vain for each file
            copy.parent.mkdir(parents=True, exist_ok=True)
        dicomfile.place(copy, fill_and_prove)
    return copy, [_finding(each.path, each.action, each.why) for each in changes], clean


@lru_cache(maxsize=4096)  # the files of a series share them, which makes outcomes small for whoever sends them on
def _finding(path: str, action: str, why: str) -> Finding:
    return Finding("metadata", path, "", action, why)


def _header(path: Path) -> Dataset:
    with regular(path).open("rb") as stream:
        return dicomfile.read(stream)[0].dataset


def copies(paths: Sequence[Path], task: Task) -> Iterator[Path]:
    """Yield the names that the copies of files have, or will have."""
    pseudonyms = Pseudonyms(task.key)
    for path in paths:
        with regular(path).open("rb") as stream:
            header, _ = dicomfile.read(stream)
        clean, _ = deidentify(header.dataset, header.meta, pseudonyms, task.options, header.size)
        yield _name(clean, path, task, pseudonyms)


def _name(dataset: Dataset, path: Path, task: Task, pseudonyms: Pseudonyms) -> Path:
    return task.destination if task.single else Path(task.destination, *_neutral_name(dataset, path, pseudonyms))


def _neutral_name(dataset: Dataset, source: Path, pseudonyms: Pseudonyms) -> tuple[str, str, str]:
    """Name a copy by its UIDs; what is no UID, such as "..", must not become part of a path."""
    uids = [text(dataset, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")]
    study, series, instance = (
        uid if re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) and len(uid) <= 64 else "" for uid in uids
    )
    instance = instance or pseudonyms.uid(os.fsencode(source)).decode()
    return study or "unknown", series or "unknown", f"{instance}.dcm"
