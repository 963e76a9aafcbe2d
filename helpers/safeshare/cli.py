"""The command ``safeshare``: audit and strip files and folders."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from . import __version__, study
from .profile import METHODS, Options

KINDS = ("metadata",)
_STRIP = """examples:
  safeshare strip scans/ safe/                     every file of a folder
  safeshare strip scan.dcm safe.dcm                one file
  safeshare strip scans/ safe/ --key-file key.txt --retain-longitudinal-modified-dates --jobs 4
"""
_AUDIT = """examples:
  safeshare audit scans/
  safeshare audit scan.dcm --report report.json
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 when all is safe, 1 when something is not, 2 when the command is not right."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        options = Options(**{name: True for name in METHODS if getattr(chosen, name)})  # type: ignore[typeddict-item]
        if chosen.verb == "strip":
            key = _key(chosen.key_file)
            outcomes = study.strip(
                chosen.source, chosen.destination, key=key, jobs=chosen.jobs, progress=_progress("strip"), **options
            )
        else:
            outcomes = study.audit(chosen.source, jobs=chosen.jobs, progress=_progress("audit"), **options)
        if chosen.report:
            destination = chosen.destination if chosen.verb == "strip" else None
            text = json.dumps(study.report(outcomes, destination, options), indent=1)
            chosen.report.write_text(text + "\n", encoding="utf-8")
    except (ValueError, OSError) as error:
        print(f"safeshare: {error}", file=sys.stderr)
        return 2
    return _tell(outcomes, chosen.verb)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="safeshare", description="Make medical images safe to share: audit, then strip."
    )
    parser.add_argument("--version", action="version", version=f"safeshare {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    audit = verbs.add_parser("audit", help="tell what identifies somebody", epilog=_AUDIT, formatter_class=raw)
    strip = verbs.add_parser("strip", help="write copies without it", epilog=_STRIP, formatter_class=raw)
    audit.add_argument("source", type=Path, metavar="PATH", help="a DICOM file, or a folder with any files in it")
    strip.add_argument("source", type=Path, metavar="SOURCE", help="a DICOM file, or a folder with any files in it")
    strip.add_argument("destination", type=Path, metavar="DESTINATION", help="a new or empty folder, or a new file")
    strip.add_argument("--key-file", type=Path, metavar="FILE", help="a text file with the secret for the pseudonyms")
    for verb in (audit, strip):
        verb.add_argument(
            "--kinds", type=_kinds, default=KINDS, help="what to look for: metadata (default: all there is)"
        )
        verb.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="how many processes work side by side")
        verb.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report without any original value")
        group = verb.add_argument_group("options of the profile (DICOM PS3.15 E.3)")
        for name, (code, meaning) in METHODS.items():
            group.add_argument("--" + name.replace("_", "-"), action="store_true", help=f"{meaning} ({code})")
    return parser


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is not there: choose among {', '.join(KINDS)}")
    return kinds


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


def _tell(outcomes: list[study.Outcome], verb: str) -> int:
    for outcome in outcomes:
        if outcome.reason:
            print(f"refused  {outcome.source}: {outcome.reason}", file=sys.stderr)
        elif verb == "audit" and outcome.findings:
            print(f"{len(outcome.findings):5} findings in {outcome.source}")
    refused = sum(bool(outcome.reason) for outcome in outcomes)
    done = len(outcomes) - refused
    if verb == "strip":
        print(f"{len(outcomes)} files: {done} stripped, {refused} refused.")
        unsafe = refused
    else:
        telling = sum(bool(outcome.findings) for outcome in outcomes)
        print(f"{len(outcomes)} files: {telling} identify somebody, {done - telling} do not, {refused} refused.")
        unsafe = telling + refused
    print("Only metadata was looked at: faces, burned-in text and objects in the pixels can identify, too.")
    return 1 if unsafe else 0
