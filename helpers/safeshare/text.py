"""Text burned into pixels: find and strip it (PS3.15 E.3.1, Clean Pixel Data Option)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.pixels import apply_color_lut, iter_pixels
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import generate_uid

from . import blanking
from .blanking import Box
from .finding import Finding, Refused

_CLEAN_PIXEL_DATA = ("113101", "Clean Pixel Data Option")
_WHY = "characters in the pixels stay when attributes are cleaned (PS3.15 E.3.1, Clean Pixel Data Option)"
_NOT_REVIEWED = (
    "nobody has said that these pixels are free of text: look at every frame, then strip with reviewed=True "
    "(PS3.15 E.3.1 asks for a human eye; PS3.3 C.7.6.1)"
)
_FEW = 8  # so many frames are all looked at; of longer clips so many, and all frames through their extremes
_CHUNK = 16  # frames whose extremes are taken together
_LARGE = 36  # pixels that a box of large letters is high
_LEGIBLE = 0.5  # how sure a reading of large letters is at least
_CERTAIN = 0.9  # how sure a reading must be for a text to stay

TECHNICAL = (
    r"[RL]|RIGHT|LEFT|[RL]T",
    r"AP|PA|LAT|LL|[RL]?(CC|MLO)|SUPINE|PRONE|ERECT|UPRIGHT|SITTING|PORTABLE|MOBILE",
    r"\d{1,4}([.,]\d{1,2})? ?(kVp?|mAs?|mm|cm|m/s|cm/s|k?Hz|MHz|dB|fps|ms|mGy|mW|%)",
    r"(MI|TI[SBC]?|FR|FRQ|GN|GAIN|DYN|DR|DEP|DEPTH|PRF|WF|PWR|MAP|PERSIST|W|L|WW|WL|C) ?[:=]? ?-?\d{1,4}([.,]\d)?",
    r"THI|HARM|B|M|PW|CW|CFI|[2-4]D",
)
"""Patterns of what says how a picture was taken, for ``keep``: no name, number or date of a patient fits them."""


@dataclass(frozen=True, slots=True)
class TextFinding(Finding):
    """A line of text in the pixels, and the box that it stands in."""

    box: Box = Box(0, 0, 0, 0)


def find(dataset: Dataset, *, frames: Iterable[int] | None = None) -> list[Finding]:
    """Return the lines of text that stand in the pixels, each with its ``box``, the words in it, and how sure it is.

    Of a clip with more than eight frames, eight are looked at, and all the others through what is brightest and darkest
    in them; a box then means all frames. With ``frames``, only these are looked at, and the boxes mean only these.
    A last finding names the attribute Burned In Annotation while it does not say NO after text was taken out.

    Words are read to tell what was found. They can be wrong, and a box is blanked whatever they are.

    Raises ``Refused`` when the pixels cannot be read, and ``ImportError`` without the optional part ``text``.
    """
    findings: list[Finding] = []
    for box, sure, picture in _lines(dataset, frames):
        words, _ = _read(picture, box)
        place = "all frames, " if box.frame is None and blanking.size(dataset)[0] > 1 else ""
        place = place if box.frame is None else f"frame {box.frame}, "
        where = f"{place}x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"
        findings.append(TextFinding("text", where, words, "C", _WHY, round(sure, 2), box))
    if _unreviewed(dataset):
        shown = str(dataset.get("BurnedInAnnotation", "") or "")
        findings.append(Finding("text", "BurnedInAnnotation", shown, "C", _NOT_REVIEWED))
    return findings


def strip(
    dataset: Dataset, boxes: Iterable[Box] | None = None, *, keep: Sequence[str] = (), reviewed: bool = False
) -> Dataset:
    """Return a new data set whose pixels are blank inside ``boxes``, or where ``find`` sees text; the input stays.

    ``keep`` is an allow-list of regular expressions, such as ``TECHNICAL``: a line that was found stays when its words
    are read with certainty and all of them fit. Say ``reviewed=True`` when a person has looked at every frame and saw
    no text left outside the boxes: only then Burned In Annotation becomes NO (PS3.15 E.3.1).

    All other pixels stay bit by bit as they were, also in compressed data. The header then says what was done: method
    code 113101, Derivation Description, Image Type DERIVED, and a new SOP Instance UID, for it is another image
    (PS3.3 C.7.6.1.1.2 and C.12.1.1). The small picture in Icon Image Sequence goes, too.

    Raises ``Refused`` when the pixels cannot be read, ``ValueError`` for a box on a frame that there is not, and
    ``ImportError`` without the optional part ``text``, if ``boxes`` does not say where text is.
    """
    if boxes is None:
        boxes = [box for box, _, picture in _lines(dataset, None) if not _stays(picture, box, keep)]
    where = blanking.mask(dataset, boxes)
    new = blanking.blank(dataset, where)
    _tell(new, changed=bool(where.any()), reviewed=reviewed)
    return new


def _lines(dataset: Dataset, frames: Iterable[int] | None) -> Iterator[tuple[Box, float, np.ndarray]]:
    """Yield the box of each line of text, how sure it is, and a picture that shows it."""
    from .text_detector import lines, merged

    found = []
    for frame, picture in _pictures(dataset, frames):
        for x0, y0, x1, y1, sure in lines(picture):
            if str(dataset.PhotometricInterpretation).endswith("_422"):  # neighbours share their colour
                x0, x1 = x0 - x0 % 2, x1 + x1 % 2
            box = Box(x0, y0, x1, y1, frame)
            if not _is_anatomy(picture, box):
                found.append((box, sure, picture))
    yield from merged(found)


def _is_anatomy(picture: np.ndarray, box: Box) -> bool:
    """Tell whether a box is as high as large letters, which would be easy to read, and no two can be read in it."""
    if min(box.x1 - box.x0, box.y1 - box.y0) < _LARGE:
        return False
    words, sure = _read(picture, box)
    return len(words) < 2 or sure < _LEGIBLE


def _pictures(dataset: Dataset, frames: Iterable[int] | None) -> Iterator[tuple[int | None, np.ndarray]]:
    """Yield what to look at: the number of the frame that boxes on it are for, and its grey or RGB values."""
    count, _, _ = blanking.size(dataset)
    if frames is not None:
        for number in frames:
            yield number, next(_decoded(dataset, [number]))
        return
    looked_at = np.empty(0)
    chunk: list[np.ndarray] = []
    sample = set(np.linspace(0, count - 1, min(count, _FEW), dtype=int))
    for number, picture in enumerate(_decoded(dataset, None)):
        if number in sample and not np.array_equal(picture, looked_at):
            looked_at = picture
            yield None, picture
        if count > _FEW:
            chunk = [picture, picture] if not chunk else [np.maximum(chunk[0], picture), np.minimum(chunk[1], picture)]
            if number % _CHUNK == _CHUNK - 1 or number == count - 1:
                yield from ((None, extreme) for extreme in chunk if not np.array_equal(extreme, looked_at))
                chunk = []


def _decoded(dataset: Dataset, numbers: list[int] | None) -> Iterator[np.ndarray]:
    photometric = str(dataset.get("PhotometricInterpretation"))
    try:
        for frame in iter_pixels(dataset, indices=numbers):
            if photometric == "PALETTE COLOR":
                frame = apply_color_lut(frame, dataset)[..., :3]
                frame = (frame >> 8).astype(np.uint8) if frame.dtype == np.uint16 else frame
            yield frame.astype(frame.dtype.newbyteorder("="), copy=False)
    except blanking.UNREADABLE_PIXELS as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise Refused(f"its pixels cannot be decoded ({reason}): export it without compression.") from error


def _read(picture: np.ndarray, box: Box) -> tuple[str, float]:
    from .text_detector import as_bytes
    from .text_reader import read

    return read(as_bytes(picture[box.y0 : box.y1, box.x0 : box.x1]))


def _stays(picture: np.ndarray, box: Box, keep: Sequence[str]) -> bool:
    if not keep:
        return False
    words, sure = _read(picture, box)
    return sure > _CERTAIN and all_technical(words, keep)


def all_technical(words: str, patterns: Sequence[str]) -> bool:
    """Tell whether words are nothing but what the patterns allow, in either case, with spaces or commas between."""
    allowed = "|".join(f"(?:{pattern})" for pattern in patterns)
    return bool(re.fullmatch(rf"(?:{allowed})(?:[ ,;]+(?:{allowed}))*", words, re.IGNORECASE))


def _unreviewed(dataset: Dataset) -> bool:
    said = str(dataset.get("BurnedInAnnotation", "") or "")
    codes = [item.get("CodeValue") for item in dataset.get("DeidentificationMethodCodeSequence") or ()]
    return said == "YES" or (said != "NO" and _CLEAN_PIXEL_DATA[0] in codes)


def _tell(dataset: Dataset, *, changed: bool, reviewed: bool) -> None:
    """Say in the header what was done to the pixels."""
    if reviewed:
        dataset.BurnedInAnnotation = "NO"
    codes = list(dataset.get("DeidentificationMethodCodeSequence") or ())
    if (changed or reviewed) and _CLEAN_PIXEL_DATA[0] not in [item.get("CodeValue") for item in codes]:
        item = Dataset()
        item.CodeValue, item.CodeMeaning = _CLEAN_PIXEL_DATA
        item.CodingSchemeDesignator = "DCM"
        dataset.DeidentificationMethodCodeSequence = DicomSequence([*codes, item])
    if not changed:
        return
    before = dataset.get("DerivationDescription")
    dataset.DerivationDescription = f"{before}; text blanked" if before else "text blanked"
    dataset.ImageType = ["DERIVED", *list(dataset.get("ImageType") or ("", "SECONDARY"))[1:]]
    if "IconImageSequence" in dataset:
        del dataset.IconImageSequence
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
