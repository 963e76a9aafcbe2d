"""Metadata: show, find and strip the DICOM attributes that identify (PS3.15 Annex E, edition 2026d)."""

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from pydicom import Dataset

from . import dicomfile, pixeldata
from .cleaner import Change
from .deidentify import HIDDEN, around, deidentify, deidentify_in_memory
from .elements import DEFAULT_ENCODINGS, UNDEFINED, check_dataset, decoded, text
from .finding import Finding, Refused
from .profile import Options
from .pseudonyms import Pseudonyms, of_study

if TYPE_CHECKING:
    from .metadata_table import MetadataTable

_MEND = "read the file with pydicom.dcmread, or use metadata.find_file or metadata.strip_file"


def show(dataset: Dataset, after: Dataset | None = None) -> "MetadataTable":
    """Return a table of all attributes, in which those that ``find`` names are marked by colour and by word.

    A notebook shows it with a search box and a filter, and its sequences unfold; ``print`` gives plain text, as does
    a place without widgets. With ``after``, which is what ``strip`` returned or what you made by hand, the table has
    both side by side, and each row says what happened: removed, emptied, replaced, added, kept or changed inside.

    A data set that ``find`` refuses is shown, too, with the reason in place of the marks.
    """
    from .metadata_table import MetadataTable

    check_dataset(dataset, "metadata.show", _MEND)
    return MetadataTable(dataset, after)


def find(dataset: Dataset, **options: Unpack[Options]) -> list[Finding]:
    """Return what ``strip`` with the same options would change, one finding for each attribute.

    The places are those that DICOM PS3.15 Table E.1-1 lists, and those where a value leaks besides: file meta
    information, private and unknown attributes, and text that repeats a name. After ``strip`` the list is empty.

    Raises ``ValueError`` for an unknown option and ``Refused`` for a data set that cannot be made safe.
    """
    check_dataset(dataset, "metadata.find", _MEND)
    _, changes = deidentify_in_memory(dataset, Pseudonyms(any_key=True), options)
    return [finding(change) for change in changes]


def strip(dataset: Dataset, *, key: bytes | str | None = None, **options: Unpack[Options]) -> Dataset:
    """Return a new data set, de-identified by the Basic Profile of DICOM PS3.15 Annex E; ``dataset`` stays as it is.

    With the same ``key``, a secret of at least 16 characters, each UID, patient ID, patient name and accession number
    gets the same replacement in every file, and the dates of a patient move by the same number of days, so that a study
    still fits together. Whoever has the key can repeat the replacement and so recognize a patient: the result is
    pseudonymous (GDPR Art. 4(5)). Without a key a random one serves this one call and is not stored: two calls do not
    fit together. No mapping table is made in either case.

    ``options`` are those of PS3.15 E.3, such as ``retain_uids=True``; ``safeshare.profile.Options`` lists them. Pixels
    stay as they are: text and faces in them are other kinds of identity.

    Raises ``Refused`` when the data set cannot be made safe, and ``ValueError`` for an unknown option or a short key.
    """
    check_dataset(dataset, "metadata.strip", _MEND)
    return deidentify_in_memory(dataset, Pseudonyms(key), options)[0]


def find_file(source: Path, **options: Unpack[Options]) -> list[Finding]:
    """Return the findings in a file, as ``find`` does for a data set, and in the bytes around it.

    Raises ``Refused`` when the file is not whole DICOM, and ``OSError`` when it cannot be read.
    """
    with Path(source).open("rb") as stream:
        try:
            header, pixels = dicomfile.read(stream)
            pseudonyms = of_study(text(header.dataset, "StudyInstanceUID"))
            clean, changes = deidentify(header.dataset, header.meta, pseudonyms, options, header.size)
            changes = around(header.preamble, header.meta, clean) + changes + _in_pixels(header, pixels)
            return [finding(change) for change in changes]
        except Refused as error:
            raise Refused(error.reason, source) from error


def strip_file(source: Path, destination: Path, *, key: bytes | str | None = None, **options: Unpack[Options]) -> None:
    """Write a de-identified copy of the file ``source`` to ``destination``, as ``strip`` does for a data set.

    Pixel data goes from file to file and is never held in memory. A failure leaves no file behind.

    Raises ``Refused`` when the file cannot be made safe, and ``OSError`` when it cannot be read or written.
    """
    with Path(source).open("rb") as stream:
        try:
            header, pixels = dicomfile.read(stream)
            pseudonyms = Pseudonyms() if key is None else of_study(text(header.dataset, "StudyInstanceUID"), key)
            clean, _ = deidentify(header.dataset, header.meta, pseudonyms, options, header.size)
            dicomfile.save(Path(destination), clean, header.syntax, pixels)
        except Refused as error:
            raise Refused(error.reason, source) from error


def _in_pixels(header: dicomfile.Header, pixels: pixeldata.Pixels | None) -> list[Change]:
    """Return what hides in the pixel data of a file and behind it."""
    if pixels is None:
        return []
    changes = []
    if pixels.length == UNDEFINED:
        if pixeldata.hides_something(pixels.stream, header.dataset, header.syntax):
            changes.append(Change("PixelData", pixels.tag, "OB", b"", "X", HIDDEN, DEFAULT_ENCODINGS))
    else:
        pixels.stream.seek(pixeldata.native_bytes(pixels), 1)
    if pixels.stream.read(pixeldata.CHUNK).strip(b"\0"):
        why = "what stands behind the last pixel is padding or signatures (PS3.10 7.2, PS3.15 Table E.1-1: X)"
        changes.append(Change("behind PixelData", pixels.tag, "OB", b"", "X", why, DEFAULT_ENCODINGS))
    return changes


def finding(change: Change) -> Finding:
    """Return a change as a finding, with its old value as text."""
    return Finding("metadata", change.path, _shown(change), change.action, change.why)


def _shown(change: Change) -> str:
    value = change.value
    if not isinstance(value, bytes):
        return f"{len(value)} item{'s' if len(value) != 1 else ''}"
    if change.vr == "SQ":
        return "a sequence"
    if change.vr in _BINARY:
        return f"{len(value)} bytes"
    return decoded(value, change.encodings)


_BINARY = {"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "UN", "US", "UV"}
