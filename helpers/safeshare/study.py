"""Folders: audit and strip every file, one line for each that cannot be made safe."""

import json
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Unpack

from . import __version__, dicomfile, export_table, mapping_table, series
from .export_table import KEPT
from .profile import Options, method_options
from .pseudonyms import Pseudonyms
from .report import Report
from .series import Job, Outcome, Task

KINDS = ("metadata", "text", "faces", "objects")
MARK = ".safeshare"  # in a folder that is not finished
Progress = Callable[[Iterable[Outcome], int], Iterable[Outcome]]


def audit(
    source: Path | str,
    *,
    kinds: Collection[str] = KINDS,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Report:
    """Return what identifies somebody in each file of ``source``, a file or a folder with folders in it.

    The report is a sequence of outcomes, one for each file in the sorted order of their paths. A notebook shows it,
    ``print`` tells it, and ``save`` writes it, without any original value unless asked for.

    ``executor`` does the work: a ``ProcessPoolExecutor``, say, or a cluster's (Dask has ``client.get_executor()``).
    ``progress`` gets the outcomes as they come and the number of files, and passes the outcomes on, as a bar does:
    ``lambda outcomes, total: tqdm(outcomes, total=total)``.

    Raises ``ValueError`` when there is nothing to read at ``source``, for an unknown option or kind and for no kind at
    all, and ``ImportError`` for the kind "text" or "objects" without the optional part ``text``.
    """
    method_options(options)
    source = Path(source)
    task = Task(_checked(kinds), options, source)
    return Report("audit", _run(series.audit, task, _files(source), executor, progress), task.kinds, options)


def strip(
    source: Path | str,
    destination: Path | str,
    *,
    kinds: Collection[str] = KINDS,
    key: bytes | str | None = None,
    dry_run: bool = False,
    mapping: Path | str | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Report:
    """Write a copy of each file of ``source``, a file or a folder, into ``destination``, without what identifies.

    First objects and faces go, which takes all slices of a series: a series in which that cannot be told for all is
    refused as a whole. A series is what shows slices by CT, MR or PET, also as captures with a place in the patient,
    and volumes of a C-arm or a cone beam. Objects are looked for in radiographs and CT; implants and markers stay,
    without their numbers. Then text goes: of an image that stands alone from its pixels, of such a series what stands
    on all slices in one place, readable or not, but for the letter of a side (and on a slice whose Burned In Annotation
    says YES, if it is no copy in which text was blanked here), and what stands outside of pixels. Metadata goes last.
    Pixels in which nothing was found keep their very bytes.

    A copy is named study/series/instance.dcm by its UIDs, which are new, since names of files and folders name
    patients. Where the source is one file, a destination with an ending, such as ``out.dcm``, is the name of the copy.
    Each copy is opened again before it gets its name: one that cannot be read, holds a name, number, date or UID of its
    original, or has other pixels than it should, is deleted, and its original is refused.

    All files share one ``key``, by default a random one that is not stored (see ``metadata.strip``), so that they refer
    to each other as before. With ``retain_uids`` an image keeps its UID though its pixels are others. Where metadata is
    not among the kinds, an image with other pixels has a new UID, and files that stay as they are refer to the old one.

    A run that was stopped, or for which the disk was too small, goes on when it is started again with the same key,
    kinds and options, among them metadata: files that are done are not done twice. Until the end a file .safeshare in
    the destination says so. With ``dry_run`` all is done but writing.

    ``mapping`` names a CSV file that leads back from each copy to its original (path, patient ID, UIDs). It lies
    outside of both folders, and on Linux and macOS only its owner can read it, since whoever has it knows who is who.

    ``executor`` and ``progress`` are as in ``audit``.

    Raises ``ValueError`` when source and destination do not fit together, for an unknown option or kind, for no kind
    at all and for a short key, and ``ImportError`` for the kind "text" or "objects" without the optional part ``text``.
    """
    source, destination = Path(source), Path(destination)
    method_options(options)
    kinds = _checked(kinds)
    given = key is not None
    key = secrets.token_bytes(32) if key is None else key
    Pseudonyms(key)
    files = _files(source)
    single = source.is_file() and bool(destination.suffix) and not destination.is_dir()
    task = Task(kinds, options, source, destination, single, key, dry_run, mapped=mapping is not None)
    mark, settings = destination / MARK, _settings(task)
    task = replace(task, resumed=not single and mark.is_file() and mark.read_bytes() == settings)
    _check_destination(source, destination, single, task.resumed)
    if mapping is not None:
        mapping_table.check(Path(mapping), source, destination)
    run = partial(_run, series.strip, task, files, executor, progress)
    if dry_run:
        return Report("dry run", run(), kinds, options)
    told = partial(Report, "strip", kinds=kinds, options=options, destination=destination)
    (destination.parent if single else destination).mkdir(parents=True, exist_ok=True)
    if single or "metadata" not in kinds:  # without it, the name of a copy cannot be told before it is made
        return _mapped(told(run()), mapping)
    if not task.resumed:
        dicomfile.place(mark, lambda out: out.write(settings))
    for half in destination.rglob(".*.part"):  # what a killed process was about to write
        half.unlink()
    report = _mapped(told(run()), mapping)
    if not (given and any(outcome.no_room for outcome in report)):
        mark.unlink()
    return report


def _mapped(report: Report, mapping: Path | str | None) -> Report:
    if mapping is not None:
        mapping_table.write(Path(mapping), report)
    return report


def _settings(task: Task) -> bytes:
    """Return what a run must have in common with the one that it goes on with; the key is only hinted at."""
    hint = Pseudonyms(task.key).uid(b"the key of an unfinished run").decode()
    settings = {"safeshare": __version__, "kinds": task.kinds, "options": method_options(task.options), "key": hint}
    return json.dumps(settings).encode()


def export(
    source: Path | str,
    destination: Path | str,
    *,
    keep: Sequence[str] = KEPT,
    identifying: Sequence[str] = (),
    kinds: Collection[str] = KINDS,
    key: bytes | str | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Report:
    """Write the images of ``source``, a file or a folder, into ``destination``, without DICOM, and a table of them.

    Everything is stripped first, as ``study.strip`` does it: metadata always, the other ``kinds`` unless they are left
    out. Names are made of the new UIDs, and are those that ``study.strip`` gives with the same ``key``. What is no
    image (a report, an RT structure set) is refused.

    A scan (CT, MR or PET with more than one slice, and other frames that lie in the patient one behind the other)
    becomes ``study/series.nii.gz``, NIfTI-1. Its values are what the stored ones mean: HU in CT, the file's unit in MR
    and PET. No voxel moves. As the axes of NIfTI run to the right, the front and the top (RAS+), the affine is that of
    DICOM with two signs changed. A series that is no even stack, which ``volume.read`` refuses, is refused as a whole.

    All else becomes ``study/series/instance.png``, also a slice by itself, in which no face is looked for, and several
    frames ``study/series/instance/0001.png`` and so on. Colour becomes RGB with 8 bits. Grey values are all there, and
    no window is put on them: stored values are multiplied by a whole number, so that as many bits as the file says fill
    8 or 16, and 12 bits do not look black (PNG 1.2, section 9.1). MONOCHROME1 is turned round, so that high is bright
    in every file (PS3.3 C.7.6.3.1.2).

    ``images.csv`` has a row for each image. ``slope * pixel + intercept`` is the value in ``unit`` (PS3.3 C.11.1.1.2),
    which is empty where the file names none. The other columns are the attributes in ``keep``, with what the stripped
    data set says. An attribute on which PS3.15 Table E.1-1 has an action is refused unless ``identifying`` names it:
    ``identifying=["PatientID"]`` gives a pseudonym, by which data are split into training and test without a patient in
    both, and ``identifying=["PatientSex"], retain_patient_characteristics=True`` the sex. Comments, sequences and
    private attributes are never taken. A text such as ``=1+1``, which a spreadsheet would take for a formula, has an
    apostrophe before it.

    Raises ``ValueError`` for such an attribute, and whatever ``study.strip`` raises it for, and ``ImportError`` where
    Pillow, nibabel or what a kind needs is not installed.
    """
    from . import export as exporting  # numpy and all that would slow down every start

    exporting.check_parts()
    names = export_table.columns(keep, identifying, options)
    source, destination = Path(source), Path(destination)
    kinds = _checked(kinds, "metadata")
    key = secrets.token_bytes(32) if key is None else key
    Pseudonyms(key)
    files = _files(source)
    _check_destination(source, destination, False)
    destination.mkdir(parents=True, exist_ok=True)
    task = Task(KINDS, options, source, destination, False, key)  # all kinds, so that slices come together
    outcomes = _run(partial(exporting.work, kinds=kinds, names=names), task, files, executor, progress)
    rows = [outcome.row for outcome in outcomes if isinstance(outcome, exporting.Exported) and outcome.row]
    if rows:
        dicomfile.place(destination / exporting.TABLE, partial(export_table.write, rows, [*exporting.ALWAYS, *names]))
    return Report("export", outcomes, kinds, options, destination)


def _checked(kinds: Collection[str], *always: str) -> tuple[str, ...]:
    if isinstance(kinds, str):
        raise ValueError(f"The kinds are a list: write kinds=[{kinds!r}].")
    kinds = (*always, *kinds)  # once and for all: of a generator nothing is left
    if not kinds:
        raise ValueError(f"No kind is named, so nothing would be looked for: choose among {', '.join(KINDS)}.")
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"There is no kind {kind!r}: there are {', '.join(KINDS)}.")
    if {"text", "objects"} & set(kinds):  # on objects, words are read
        from . import text_detector  # noqa: F401  # says at once if it lacks what it needs
    return tuple(kind for kind in KINDS if kind in kinds)


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


def _check_destination(source: Path, destination: Path, single: bool, resumed: bool = False) -> None:
    if single:
        if destination.exists():
            raise ValueError(
                f"{destination}: there is a file already, and nothing is overwritten: choose another name."
            )
        return
    if destination.is_file():
        raise ValueError(f"{destination}: this is a file, and a folder is needed: choose another name.")
    if (destination / MARK).is_file() and not resumed:
        raise ValueError(
            f"{destination}: a run was stopped here, with another key, other kinds or other options: "
            "give the same ones to go on with it, or choose an empty folder."
        )
    if destination.is_dir() and any(destination.iterdir()) and not resumed:
        raise ValueError(f"{destination}: this folder is not empty: choose an empty or a new one.")
    if source.is_dir() and destination.resolve().is_relative_to(source.resolve()):
        raise ValueError(
            f'{destination}: it lies in the folder of the originals: choose a folder outside of "{source}".'
        )


def _run(
    work: Callable[..., list[Outcome]],
    task: Task,
    files: list[Path],
    executor: Executor | None,
    progress: Progress | None,
) -> list[Outcome]:
    together = task.kinds != ("metadata",)
    chunk = 1 if together else max(1, min(32, len(files) // 16))  # handing over takes as long as a tenth of a file
    each: Callable[..., Iterator] = map if executor is None else partial(executor.map, chunksize=chunk)
    scans = each(series.scan_of, files) if together else [""] * len(files)
    jobs: dict[object, Job] = {}
    for path, scan in zip(files, scans, strict=True):
        job = jobs.get(scan or path, Job((), bool(scan)))
        jobs[scan or path] = Job((*job.paths, path), job.scan)
    outcomes = chain.from_iterable(each(partial(work, task=task), jobs.values()))
    done = list(progress(outcomes, len(files)) if progress else outcomes)
    if task.resumed or task.dry:  # else the second of two files with one name was refused when it was to be written
        done = list(_without_doubles(done))
    return sorted(done, key=lambda outcome: outcome.source) if together else done


def _without_doubles(outcomes: list[Outcome]) -> Iterator[Outcome]:
    copies = set()
    for outcome in outcomes:
        yield Outcome(outcome.source, reason=series.DOUBLE) if outcome.copy in copies else outcome
        copies |= {outcome.copy} - {None}
