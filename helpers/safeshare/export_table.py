"""The table that goes with exported images: which attributes may be in it, and what they say."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.multival import MultiValue

from . import profile, series
from .elements import UNREADABLE
from .finding import Refused
from .profile import Options, Profile

KEPT = (
    "Modality", "ImageType", "BodyPartExamined", "Laterality", "ImageLaterality", "ViewPosition", "PatientPosition",
    "PatientOrientation", "PixelSpacing", "ImagerPixelSpacing", "SliceThickness", "FrameTime", "WindowCenter",
    "WindowWidth", "LossyImageCompression", "Manufacturer", "KVP", "ConvolutionKernel", "MagneticFieldStrength",
    "MRAcquisitionType", "ScanningSequence", "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle",
)  # fmt: skip
"""The attributes in the table unless others are asked for: how an image was taken, and nothing about who or where."""

_PLAIN = {"AS", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "PN", "SH", "SL", "SS", "TM", "UI", "UL", "US"}
_FORMULA = re.compile(r"[=+@\t\r-]")  # how one can begin (OWASP, CSV Injection)
_NUMBER = re.compile(r"[-+]?[\d.]*(e[-+]?\d+)?", re.IGNORECASE)
_PSEUDONYMS = {profile.PATIENT_NAME, profile.PATIENT_ID, profile.ACCESSION_NUMBER}


def columns(keep: Sequence[str], identifying: Sequence[str], options: Options) -> list[str]:
    """Return the attributes that are wanted in the table, those of ``identifying`` last.

    Raises ``ValueError`` for one that is unknown or never taken, for one in ``keep`` on which PS3.15 Table E.1-1 has an
    action, unless ``identifying`` names it, and for one whose value strip takes away, so that its column would be
    empty.
    """
    basic, chosen = Profile("", {}), Profile("", options)
    for name in (*keep, *identifying):
        tag = tag_for_keyword(name)
        if tag is None:
            raise ValueError(f"There is no attribute {name!r}: give keywords of DICOM PS3.6, such as SliceThickness.")
        if dictionary_VR(tag) not in _PLAIN or "Comment" in name:
            raise ValueError(f"{name}: comments, long texts, sequences and raw bytes are never exported: leave it out.")
        rule = basic.rule(0, tag)
        if rule.action != "K" and name not in identifying:
            raise ValueError(f"{name}: {rule.why}. Leave it out, or say that you know by naming it as identifying.")
        if chosen.rule(0, tag).action in ("X", "Z", "D") and tag not in _PSEUDONYMS:
            ways = " or ".join(profile.attributes().get(tag, {}).get("options", ()))
            mend = f"ask for {ways}, too" if ways else "leave it out"
            raise ValueError(f"{name}: strip takes its value away, and its column would be empty: {mend}.")
    return list(dict.fromkeys((*keep, *identifying)))


def values(datasets: Sequence[Dataset], names: Sequence[str]) -> dict[str, str]:
    """Return attributes as text, "" where there is none and where not all slices or frames have the same."""
    return {name: value(datasets, name) for name in names}


def value(datasets: Sequence[Dataset], name: str) -> str:
    """Return one attribute as ``values`` does; raise ``Refused`` where it cannot be read."""
    found = said(datasets, name)
    return found.pop() if len(found) == 1 else ""


def said(datasets: Sequence[Dataset], name: str) -> set[str]:
    """Return all that data sets and their frames say of an attribute, "" where one has none.

    Raises ``Refused`` where it cannot be read.
    """
    try:
        told = [[_text(place[name].value) for place in _places(dataset, name)] or [""] for dataset in datasets]
    except UNREADABLE as error:
        raise Refused(f"its {name} cannot be read: ask the sender for a sound copy.") from error
    return set(chain.from_iterable(told))


def unit(datasets: Sequence[Dataset]) -> str:
    """Return the unit, "" where none is named, or several are.

    CT need not name Hounsfield units (PS3.3 Table C.8-3, Rescale Type).
    """
    units = {
        scale or value([each], "Units") or ("HU" if _is_ct(each) else "")
        for each in datasets
        for scale in said([each], "RescaleType")
    }
    return units.pop() if len(units) == 1 else ""


def _is_ct(dataset: Dataset) -> bool:
    return value([dataset], "Modality") == "CT" and value([dataset], "SOPClassUID") in series.SCANS


def write(rows: Sequence[dict[str, str]], names: Sequence[str], out: BinaryIO) -> None:
    """Write rows as CSV (RFC 4180) in UTF-8, in the order of their first column.

    An apostrophe goes before a text that a spreadsheet would take for a formula.
    """
    table = csv.DictWriter(codecs.getwriter("utf-8")(out), names, restval="", lineterminator="\n")
    table.writeheader()
    for row in sorted(rows, key=lambda row: row[names[0]]):
        table.writerow({name: _unarmed(cell) for name, cell in row.items()})


def _unarmed(cell: str) -> str:
    """Return text that a spreadsheet shows and does not run: a header can come from anybody."""
    runs = _FORMULA.match(cell) and not all(map(_NUMBER.fullmatch, cell.split("\\")))
    return f"'{cell}" if runs else cell


def _places(dataset: Dataset, name: str) -> Iterator[Dataset]:
    """Yield what says ``name``: a data set itself, or else the macros of a multi-frame one (PS3.3 C.7.6.16.1.1)."""
    if name in dataset:
        yield dataset
        return
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(keyword) or ():
            for macro in group:
                yield from (item for item in (macro.value if macro.VR == "SQ" else ()) if name in item)


def _text(content: object) -> str:
    return "\\".join(map(str, content)) if isinstance(content, MultiValue) else str("" if content is None else content)
