"""The command ``safeshare``: audit, strip and export files and folders."""

import argparse
import gc
import io
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from . import __version__, study
from .export_table import KEPT
from .profile import METHODS, Options
from .report import DONE, Report, check_name

_CODES = """
exit codes: 0 all is safe; 1 a file was refused, or still identifies; 2 the command was wrong or failed; 130 Ctrl-C.
"""
_MOST_PLACES = 8  # that are named in one line

_STRIP = f"""examples:
  safeshare strip scans/ safe/                     every file of a folder
  safeshare strip scan.dcm safe.dcm                one file
  safeshare strip scans/ safe/ --key-file key.txt --retain-longitudinal-modified-dates --jobs 4
  safeshare strip scans/ safe/ --kinds metadata,text --dry-run

A run with a key file that was stopped goes on when it is started again.
{_CODES}"""
_AUDIT = f"""examples:
  safeshare audit scans/
  safeshare audit scans/ --report report.html      a page to look at, without any original value
  safeshare audit scan.dcm --kinds metadata --report report.json
{_CODES}"""
_EXPORT = f"""examples:
  safeshare export scans/ images/                  pictures as PNG, scans as NIfTI, and images.csv
  safeshare export scans/ images/ --keep Modality,KVP --identifying PatientID --key-file key.txt
{_CODES}"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return an exit code: 0 when all is safe, 1 when something is not, 2 when it failed, 130."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not know all letters of a name
    chosen = _parser().parse_args(arguments)
    gc.freeze()  # what was imported stays; to look through it for garbage at the end takes a tenth of a second
    try:
        options = Options(**{name: True for name in METHODS if getattr(chosen, name)})  # type: ignore[typeddict-item]
        work = _work(chosen)
        if chosen.report:
            verb = "dry run" if getattr(chosen, "dry_run", False) else chosen.verb
            check_name(chosen.report, verb, source=chosen.source)
        with _processes(chosen.jobs) as executor:
            report = work(kinds=chosen.kinds, executor=executor, progress=_progress(chosen.verb), **options)
        try:
            code = _tell(report)
        finally:  # a report is saved also where nothing can be told, and told is first what saving may cost
            if chosen.report:
                report.save(chosen.report, with_original_values=getattr(chosen, "with_original_values", False))
    except KeyboardInterrupt:
        print(f"safeshare: {_stopped(chosen)}", file=sys.stderr)
        return 128 + signal.SIGINT
    except (ValueError, OSError, ImportError) as error:
        print(f"safeshare: {_shown(_sentence(error))}", file=sys.stderr)
        return 2
    except BrokenExecutor:
        print("safeshare: a process was stopped (for want of memory, say): start with fewer --jobs.", file=sys.stderr)
        return 2
    return code


@contextmanager
def _processes(number: int) -> Iterator[Executor | None]:
    """Give so many processes, which end at once when somebody presses Ctrl-C, and without a traceback each."""
    if number == 1:
        yield None
        return
    with ProcessPoolExecutor(number, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_DFL)) as executor:
        try:
            yield executor
        except KeyboardInterrupt:
            executor.shutdown(cancel_futures=True)
            raise


def _stopped(chosen: argparse.Namespace) -> str:
    """Say what to do after Ctrl-C."""
    if chosen.verb == "audit" or not chosen.destination.is_dir():
        return "stopped."
    if chosen.key_file and (chosen.destination / study.MARK).is_file():
        return "stopped: start again with the same key to go on."
    return "stopped: start again with a new or empty folder."


def _work(chosen: argparse.Namespace) -> Callable[..., Report]:
    if chosen.verb == "audit":
        return partial(study.audit, chosen.source)
    key = _key(chosen.key_file)
    if chosen.verb == "strip":
        how = {"dry_run": chosen.dry_run, "mapping": chosen.mapping}
        return partial(study.strip, chosen.source, chosen.destination, key=key, **how)
    names = {"keep": chosen.keep, "identifying": chosen.identifying}
    return partial(study.export, chosen.source, chosen.destination, key=key, **names)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    what = "Make medical images safe to share: audit, then strip or export."
    parser = argparse.ArgumentParser(prog="safeshare", description=what, epilog=_CODES, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"safeshare {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True)
    audit = verbs.add_parser("audit", help="tell what identifies somebody", epilog=_AUDIT, formatter_class=raw)
    strip = verbs.add_parser("strip", help="write copies without it", epilog=_STRIP, formatter_class=raw)
    export = verbs.add_parser("export", help="write images without DICOM", epilog=_EXPORT, formatter_class=raw)
    audit.add_argument("source", type=Path, metavar="PATH", help="a DICOM file, or a folder with any files in it")
    strip.add_argument("source", type=Path, metavar="SOURCE", help="a DICOM file, or a folder with any files in it")
    strip.add_argument("destination", type=Path, metavar="DESTINATION", help="a new or empty folder, or a new file")
    export.add_argument("source", type=Path, metavar="SOURCE", help="a DICOM file, or a folder with any files in it")
    export.add_argument("destination", type=Path, metavar="DESTINATION", help="a new or empty folder")
    for verb in (strip, export):
        what = "a text file with the secret for the pseudonyms"
        verb.add_argument("--key-file", type=Path, metavar="FILE", help=what)
    what = f"the attributes in the table (default: {', '.join(KEPT)})"
    export.add_argument("--keep", type=_names, default=KEPT, metavar="NAME,NAME", help=what)
    what = "attributes in the table that identify by PS3.15, such as PatientID, which becomes a pseudonym"
    export.add_argument("--identifying", type=_names, default=(), metavar="NAME,NAME", help=what)
    what = "put values and thumbnails of the originals into the report: keep it as safe as they are"
    audit.add_argument("--with-original-values", action="store_true", help=what)
    strip.add_argument("--dry-run", action="store_true", help="do all but write: tell what would be refused")
    what = "write a table that leads back to the originals: keep it as safe as they are"
    strip.add_argument("--mapping", type=Path, metavar="FILE", help=what)
    for verb in (audit, strip, export):
        what = f"what to look for: {','.join(study.KINDS)} (default: all of these)"
        verb.add_argument("--kinds", type=_kinds, default=study.KINDS, metavar="KIND,KIND", help=what)
        verb.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="how many processes work side by side")
        what = "write a report without any original value: a page (.html), data (.json)"
        what += " or a manifest of the copies (.csv)" if verb is strip else ""
        verb.add_argument("--report", type=Path, metavar="FILE", help=what)
        group = verb.add_argument_group("options of the profile (DICOM PS3.15 E.3)")
        for name, (code, meaning) in METHODS.items():
            group.add_argument("--" + name.replace("_", "-"), action="store_true", help=f"{meaning} ({code})")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _kinds(text: str) -> tuple[str, ...]:
    kinds = text.split(",")
    for kind in kinds:
        if kind not in study.KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is not there: choose among {', '.join(study.KINDS)}")
    return tuple(kind for kind in study.KINDS if kind in kinds)


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes: give 1 or more")
    return int(text)


def _key(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes().strip()


def _progress(verb: str) -> study.Progress:
    def show(outcomes: Iterable[study.Outcome], total: int) -> Iterable[study.Outcome]:
        from tqdm import tqdm

        return tqdm(outcomes, total=total, desc=verb, unit="file", disable=None)

    return show


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: it" if error.filename else "a file"
        return f"{where} cannot be read or written ({error.strerror}): mend that and start again."
    return str(error)


def _shown(what: object) -> str:
    """Return a path or a sentence on one line: what cannot be printed, such as a line break in a name, is escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(what))


def _tell(report: Report) -> int:
    """Print what happened and return the exit code, also where nothing can be printed."""
    try:
        _print(report)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again at its end, in vain
        print(f"safeshare: the work is done, but it cannot be told here ({error.strerror}).", file=sys.stderr)
    return 1 if any(outcome.reason or (report.verb == "audit" and outcome.findings) for outcome in report) else 0


def _print(report: Report) -> None:
    for outcome in report:
        if outcome.reason:
            print(f"refused  {_shown(outcome.source)}: {outcome.reason}", file=sys.stderr)
        elif report.verb == "audit" and outcome.findings:
            number = len(outcome.findings)
            print(f"{number:5} finding{_s(number)} in {_shown(outcome.source)}")
    refused = sum(bool(outcome.reason) for outcome in report)
    done = len(report) - refused
    files = f"{len(report)} file{_s(len(report))}"
    if report.verb != "audit":
        print(f"{files}: {done} {DONE[report.verb]}, {refused} refused.")
        for kind, what in (("text", "Text was"), ("objects", "Objects were")):
            if changed := sum(any(found.kind == kind for found in each.findings) for each in report if not each.reason):
                look = "their copies will need a look" if report.verb == "dry run" else "look at their copies"
                print(f"{what} found in {changed} of them: {look} before you share them (PS3.15 E.3.1).")
    else:
        for grade, count in report.severities().items():
            if count:
                print(f"{count:5} finding{_s(count)}: {grade}: {_places(report, grade)}.")
        telling = sum(bool(outcome.findings) for outcome in report)
        print(f"{files}: {telling} identify somebody, {done - telling} do not, {refused} refused.")
    print(_looked_at(report.kinds))


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _places(report: Report, grade: str) -> str:
    """Return the places where most is found that is so grave, pixels first; never what stands there."""
    places = [(kind, place) for each, kind, place in report.places if each == grade]
    places.sort(key=lambda each: each[0] == "metadata")  # which has so many that they hide the others
    named = [place if kind == "metadata" else f"{place} ({kind})" for kind, place in places]
    more = [f"{len(named) - _MOST_PLACES} more places"] if len(named) > _MOST_PLACES else []
    return _listed(named[:_MOST_PLACES] + more)


def _looked_at(kinds: tuple[str, ...]) -> str:
    """Return a sentence about what was looked at, and what was not."""
    places = {
        "metadata": "metadata",
        "faces": "faces",
        "text": "burned-in text",
        "objects": "objects in the pixels",
    }
    seen = [place for kind, place in places.items() if kind in kinds]
    left = [place for kind, place in places.items() if kind not in kinds]
    told = f"Only {_listed(seen)} {'was' if kinds in (('metadata',), ('text',)) else 'were'} looked at"
    return f"{told}: {_listed(left)} can identify, too." if left else f"{_listed(seen).capitalize()} were looked at."


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
