"""De-identify a whole data set: refuse what cannot be made safe, clean the elements, say what was done."""

from functools import lru_cache
from io import BytesIO
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID

from . import dicomfile, pixeldata, profile
from .cleaner import Change, Cleaner
from .elements import (
    DEFAULT_ENCODINGS,
    PIXEL_DATA,
    UNDEFINED,
    UNREADABLE,
    encode_items,
    encoding,
    name_of,
    new_raw,
    text,
    value_of,
)
from .finding import Refused
from .profile import Options
from .pseudonyms import Pseudonyms
from .values import item

HIDDEN = "bytes that no pixel needs, such as comments of the compression, can name the patient (ITU-T T.81 B.2.4.5)"
_UNSAFE = {  # by the start of the SOP Class UID (PS3.4 B.5)
    "1.2.840.10008.5.1.4.1.1.104.": (
        "it wraps a document (a PDF, say) that can name the patient on any page: "
        "leave it out, or redact the document itself."
    ),
    "1.2.840.10008.5.1.4.1.1.9.4.": "it is a recording of sound, and a voice can be recognized: leave it out.",
    "1.2.840.10008.1.3.10": (
        "it is a DICOMDIR, which lists patients and file names: leave it out, and make a new one for the new files."
    ),
}
_METHOD_CODES = tag_for_keyword("DeidentificationMethodCodeSequence") or 0
_META_INSTANCE = 0x00020003
_META_KEPT = {0x00020000, 0x00020001, 0x00020002, 0x00020010}
_META_OURS = {dicomfile.IMPLEMENTATION_CLASS_UID, dicomfile.IMPLEMENTATION_VERSION_NAME}


def deidentify(
    dataset: Dataset, meta: Dataset, pseudonyms: Pseudonyms, options: Options, size: int = 0
) -> tuple[Dataset, list[Change]]:
    """Return the de-identified data set, and what was changed in it; ``meta`` is the file meta information.

    ``size`` is that of the whole file: the larger it is, the more elements it may have.

    Raises ``Refused`` when the data set is of a kind that cannot be made safe here, ``ValueError`` for a wrong option.
    """
    check_can_be_made_safe(dataset, meta)
    profile.method_options(options)
    try:
        cleaner = Cleaner(dataset, pseudonyms, options, size)
        clean = cleaner.run(dataset)
    except Refused:
        raise
    except RecursionError as error:
        raise Refused("its sequences are nested too deep to be an image's: ask the sender for a sound copy.") from error
    except UNREADABLE as error:
        raise Refused("its header is damaged: ask the sender for a sound copy.") from error
    _mark(dataset, clean, options)
    return clean, cleaner.changes


def check_can_be_made_safe(dataset: Dataset, meta: Dataset) -> None:
    """Raise ``Refused`` for a document, a recording of sound or a DICOMDIR."""
    sop_class = text(dataset, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID")
    for start, reason in _UNSAFE.items():
        if sop_class.startswith(start):
            raise Refused(reason)


def around(preamble: bytes, meta: Dataset, clean: Dataset) -> list[Change]:
    """Return what a file says outside its data set: nothing of it is taken over (PS3.10 7.1)."""
    changes = []
    if any(preamble):
        why = "128 free bytes at the start of a file, which can hold anything (PS3.10 7.1)"
        changes.append(Change("preamble", 0, "OB", preamble, "X", why, DEFAULT_ENCODINGS))
    for tag in sorted(map(int, meta.keys())):
        value = value_of(meta, tag)
        shown = value.decode("ascii", "replace")
        if tag == _META_INSTANCE and shown != text(clean, "SOPInstanceUID"):
            why = f"a number that leads back to the original study (PS3.15 {profile.EDITION}, Table E.1-1: U)"
            changes.append(Change(name_of(tag), tag, "UI", value, "U", why, DEFAULT_ENCODINGS))
        elif tag != _META_INSTANCE and tag not in _META_KEPT and shown not in _META_OURS:
            why = "tells which system sent or wrote the file (PS3.10 7.1)"
            changes.append(Change(name_of(tag), tag, "LO", value, "X", why, DEFAULT_ENCODINGS))
    return changes


def deidentify_in_memory(dataset: Dataset, pseudonyms: Pseudonyms, options: Options) -> tuple[Dataset, list[Change]]:
    """Do as ``deidentify``, and treat the file meta information and the comments in compressed pixels, too."""
    meta = getattr(dataset, "file_meta", None) or Dataset()
    dicomfile.check_syntax(text(meta, "TransferSyntaxUID"))
    tags = [tag for tag in PIXEL_DATA if tag in dataset]
    if len(tags) > 1:
        raise Refused(pixeldata.TWO_PICTURES)
    pixels = getattr(dataset.get_item(tags[0]), "value", None) or b"" if tags else b""
    clean, changes = deidentify(dataset, meta, pseudonyms, options, len(pixels))
    changes = around(getattr(dataset, "preamble", None) or b"", meta, clean) + changes
    for tag in tags:
        changes += _clean_pixels(tag, dataset, meta, clean)
    return (_with_meta(dataset, meta, clean) if isinstance(dataset, FileDataset) else clean), changes


def _clean_pixels(tag: int, dataset: Dataset, meta: Dataset, clean: Dataset) -> list[Change]:
    """Blank what hides in pixel data that is in memory; ``dicomfile.write`` does it from file to file."""
    element = dataset.get_item(tag)
    value: Any = element.value
    syntax = meta.get("TransferSyntaxUID")
    if not value:
        return []
    if not isinstance(value, bytes):
        raise Refused("its pixel data is not in memory: set PixelData to bytes, or strip the file.")
    pixeldata.check_size_is_kept(dataset, clean)
    undefined = element.length == UNDEFINED if isinstance(element, RawDataElement) else element.is_undefined_length
    encapsulated = isinstance(syntax, UID) and syntax.is_encapsulated
    if undefined and not encapsulated:
        raise Refused("its pixel data is compressed and its file_meta does not say how: set its TransferSyntaxUID.")
    if encapsulated:
        whole = value if value.endswith(pixeldata.DELIMITER) else value + pixeldata.DELIMITER
        blank = b"".join(pixeldata.fragments(BytesIO(whole), dataset, syntax)).removesuffix(pixeldata.DELIMITER)
        value = whole.removesuffix(pixeldata.DELIMITER)
    else:
        wanted = pixeldata.native_bytes(pixeldata.Pixels(tag, "OW", len(value), BytesIO(value), dataset))
        blank = value[:wanted].ljust(len(value), b"\0")
    if blank == value:
        return []
    vr = "OB" if encapsulated else dictionary_VR(tag)[-2:]  # of PixelData, which is OB or OW, it is OW
    clean[tag] = DataElement(tag, vr, blank, is_undefined_length=encapsulated)
    return [Change(name_of(tag), tag, "OB", b"", "X", HIDDEN, DEFAULT_ENCODINGS)]


def _with_meta(dataset: Dataset, meta: Dataset, clean: Dataset) -> FileDataset:
    implicit, little = encoding(dataset)
    new = FileMetaDataset()
    new.FileMetaInformationGroupLength = 0  # pydicom counts it when it writes, if it is there
    new.FileMetaInformationVersion = b"\0\1"
    new.MediaStorageSOPClassUID = UID(text(clean, "SOPClassUID"))
    new.MediaStorageSOPInstanceUID = UID(text(clean, "SOPInstanceUID"))
    new.TransferSyntaxUID = meta.get("TransferSyntaxUID") or UID(dicomfile.plain_syntax(implicit, little))
    new.ImplementationClassUID = UID(dicomfile.IMPLEMENTATION_CLASS_UID)
    new.ImplementationVersionName = dicomfile.IMPLEMENTATION_VERSION_NAME
    out = FileDataset("", clean, bytes(128), new, is_implicit_VR=implicit, is_little_endian=little)
    out.set_original_encoding(implicit, little, clean.original_character_set)
    return out


def _mark(dataset: Dataset, clean: Dataset, options: Options) -> None:
    """Say in the data set what was done to it (PS3.15 E.1.1; PS3.3 C.7.1.1 and C.12.1.1.1)."""
    implicit, little = encoding(dataset)
    chosen = profile.method_options(options)
    before = {text(code, "CodeValue") for code in getattr(clean.get_item(_METHOD_CODES), "value", None) or ()}
    codes = {profile.BASIC_PROFILE, *(profile.METHODS[name] for name in chosen)}
    codes |= {method for method in profile.CLEANED if method[0] in before}
    dates = "UNMODIFIED" if "retain_longitudinal_full_dates" in chosen else "REMOVED"
    if "retain_longitudinal_modified_dates" in chosen:
        dates = "MODIFIED"
    for keyword, vr, value in (
        ("PatientIdentityRemoved", "CS", b"YES"),
        ("DeidentificationMethod", "LO", f"DICOM PS3.15 {profile.EDITION} Annex E with safeshare".encode()),
        ("DeidentificationMethodCodeSequence", "SQ", _code_items(tuple(sorted(codes)), implicit, little)),
        ("LongitudinalTemporalInformationModified", "CS", dates.encode()),
    ):
        tag = tag_for_keyword(keyword) or 0
        clean[tag] = new_raw(tag, vr, value, implicit, little)


@lru_cache(maxsize=64)  # nearly always the same for all files of a run
def _code_items(codes: tuple[tuple[str, str], ...], implicit: bool, little: bool) -> bytes:
    items = [item(CodeValue=code, CodingSchemeDesignator="DCM", CodeMeaning=meaning) for code, meaning in codes]
    return encode_items(items, implicit, little)
