"""Text burned into pixels: find and strip it (PS3.15 E.3.1, Clean Pixel Data Option)."""

import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

from . import blanking, decoding, derivation, text_elsewhere
from .blanking import Box
from .elements import check_dataset
from .finding import Finding, Refused
from .pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from .image_viewer import ImageViewer

CLEAN_PIXEL_DATA, _CLEAN_GRAPHICS = "113101", "113103"  # PS3.16 CID 7050
_WHY = "characters in the pixels stay when attributes are cleaned (PS3.15 E.3.1, Clean Pixel Data Option)"
_NOT_REVIEWED = (
    "nobody has said that these pixels are free of text: look at every frame, then strip with reviewed=True "
    "(PS3.15 E.3.1 asks for a human eye; PS3.3 C.7.6.1)"
)
_LABEL = (
    "it shows the label of a slide, whose barcode can name the patient as its text does, and no barcode is found here: "
    "leave it out, or blank the label yourself, and set Specimen Label in Image to NO."
)
_FEW = 8  # so many frames are all looked at; of longer clips so many, and all frames through their extremes
_CHUNK = 16  # frames whose extremes are taken together
_MANY = 20  # lines of text, after which those that were seen before are put together
_LOOKS = 3  # times that a picture is looked at, at most
_REST = 0.01  # of a picture may a rest of text take that is seen only when the other text is blank
BLANKED = "text blanked"  # what the Derivation Description then says
CERTAIN = 0.9  # how sure a reading must be for a text to stay

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


def show(dataset: Dataset, after: Dataset | None = None, boxes: Iterable[Box] | None = None) -> "ImageViewer":
    """Return the image with boxes around what ``find`` sees, or with ``boxes``, to be changed by mouse or keyboard.

    A notebook shows it with a slider for frames, a magnifier and, with ``after``, a button that changes the sides. The
    ``boxes`` of the viewer are what a person left to strip: ``strip(dataset, boxes=viewer.boxes)``.

    Raises ``Refused`` when the pixels cannot be read, and ``ImportError`` without the optional part ``text``, if
    ``boxes`` does not say where text is.
    """
    from .image_viewer import ImageViewer, Shape

    if boxes is None:
        found = [finding for finding in find(dataset) if isinstance(finding, TextFinding)]
        return ImageViewer(dataset, [Shape(finding.box, finding.what) for finding in found], after)
    return ImageViewer(dataset, [Shape(box) for box in boxes], after)


def find(dataset: Dataset, *, frames: Iterable[int] | None = None) -> list[Finding]:
    """Return the lines of text that stand in the pixels, each with its ``box``, the words in it, and how sure it is.

    Of a clip with more than eight frames, eight are looked at, and all the others through what is brightest and darkest
    in them; a box then means all frames. With ``frames``, only these are looked at, and the boxes mean only these.
    Findings without a box name the text that stands elsewhere: in overlays, in bits that no pixel needs, in an icon, in
    the lettering of a presentation state. A last one names the attribute Burned In Annotation while it does not say NO
    after text was taken out.

    Words are read to tell what was found. They can be wrong, and a box is blanked whatever they are.

    Raises ``Refused`` when the pixels cannot be read, when there are none, or more frames than the header tells, when
    the label of a slide is in them, or when it is a document (a PDF, say), ``ValueError`` for a frame that there is
    not, ``TypeError`` for what is no data set, and ``ImportError`` without the optional part ``text``.
    """
    check_dataset(dataset, "text.find")
    elsewhere = text_elsewhere.find(dataset)
    findings: list[Finding] = []
    for box, sure, picture in _lines(dataset, frames, _block(dataset) if _has_picture(dataset) else 1):
        words, _ = read(picture, box)
        place = "all frames, " if box.frame is None and decoding.size(dataset)[0] > 1 else ""
        place = place if box.frame is None else f"frame {box.frame}, "
        where = f"{place}x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"
        findings.append(TextFinding("text", where, words, "C", _WHY, round(sure, 2), box))
    findings += elsewhere
    if _unreviewed(dataset):
        shown = str(dataset.get("BurnedInAnnotation", "") or "")
        findings.append(Finding("text", "BurnedInAnnotation", shown, "C", _NOT_REVIEWED))
    return findings


def strip(
    dataset: Dataset,
    boxes: Iterable[Box | Finding | Sequence[int]] | None = None,
    *,
    keep: Sequence[str] = (),
    reviewed: bool = False,
    key: bytes | str | None = None,
) -> Dataset:
    """Return a new data set whose pixels are blank inside ``boxes``, or where ``find`` sees text; the input stays.

    A picture in which something was blanked is looked at again, and once more if that finds something. ``boxes`` can be
    findings, too: of ``text.find``, say, without those that shall stay.

    Text that stands elsewhere goes, too: overlays and icons are removed, bits that no pixel needs are cleared, and the
    drawings of a presentation state stay without their lettering.

    ``keep`` is an allow-list of regular expressions, such as ``TECHNICAL``: a line that was found stays when its words
    are read with certainty and all of them fit. Say ``reviewed=True`` when a person has looked at every frame and saw
    no text left outside the boxes: only then Burned In Annotation becomes NO (PS3.15 E.3.1). Where something was
    blanked and nobody has looked it becomes YES.

    All other pixels stay bit by bit as they were, also in compressed data. The header then says what was done: method
    code 113101 (and 113103 for overlays and lettering), Derivation Description, Image Type DERIVED, and a new SOP
    Instance UID, for it is another image (PS3.3 C.7.6.1.1.2 and C.12.1.1). The UID is the same that ``metadata.strip``
    makes with the same ``key`` (a secret of at least 16 characters).

    Raises ``Refused`` as ``find`` does (the label of a slide only if ``boxes`` does not say where text is),
    ``ValueError`` for a short key, a box that holds no pixel or is on a frame that there is not, ``TypeError`` for what
    is no data set, and ``ImportError`` without the optional part ``text``, if ``boxes`` does not say where text is.
    """
    check_dataset(dataset, "text.strip")
    pseudonyms = Pseudonyms(key)
    elsewhere = text_elsewhere.find(dataset)
    where = np.zeros(0, bool)
    if _has_picture(dataset):
        decoding.check_pixels(dataset)
        where = _text(dataset, keep) if boxes is None else blanking.mask(dataset, boxes)
    new = blanking.blank(dataset, where) if where.any() else copy.deepcopy(dataset)
    text_elsewhere.strip(new)
    _tell(new, bool(where.any()), elsewhere, reviewed, pseudonyms)
    return new


def _text(dataset: Dataset, keep: Sequence[str]) -> np.ndarray:
    """Return the pixels where text is seen, also once what was seen first is blank, for that changes what is beside.

    What is seen only then is the rest of a text, if it is small; more of it is a texture that has become the boldest.
    """
    where = np.zeros((1, *decoding.size(dataset)[1:]), bool)
    looked_at = dataset
    for look in range(_LOOKS):
        boxes = [box for box, _, seen in _lines(looked_at, None, _block(dataset)) if not _stays(seen, box, keep)]
        if look:
            boxes = [box for box in boxes if (box.x1 - box.x0) * (box.y1 - box.y0) <= _REST * where.size]
        if not boxes:
            break
        where |= blanking.mask(dataset, boxes)
        looked_at = dataset  # of a long clip there is room for one copy, not for two
        looked_at = blanking.blank(dataset, where)
    return where


def _lines(dataset: Dataset, frames: Iterable[int] | None, block: int = 1) -> Iterator[tuple[Box, float, np.ndarray]]:
    """Yield the box of each line of text, how sure it is, and a picture of it; edges fall on those of blocks."""
    from .text_detector import lines
    from .text_lines import merged

    found: list[tuple[Box, float, np.ndarray]] = []
    most = _MANY
    for frame, picture in _pictures(dataset, frames) if _has_picture(dataset) else ():
        for x0, y0, x1, y1, sure, _ in lines(picture):
            box = Box(x0 - x0 % block, y0 - y0 % block, x1 + -x1 % block, y1 + -y1 % block, frame)
            found.append((box, sure, picture))
        if len(found) > most:  # each keeps its picture in memory
            found = merged(found)
            most = _MANY + 2 * len(found)
    yield from merged(found)


def _block(dataset: Dataset) -> int:
    """Return how many pixels wide the blocks are that share what is stored, so that letters leave a trace in them."""
    if decoding.syntax(dataset) in (JPEGBaseline8Bit, JPEGExtended12Bit):
        return 8
    return 2 if str(dataset.PhotometricInterpretation).endswith("_422") else 1


def _pictures(dataset: Dataset, frames: Iterable[int] | None) -> Iterator[tuple[int | None, np.ndarray]]:
    """Yield what to look at: the number of the frame that boxes on it are for, and its grey or RGB values."""
    count, _, _ = decoding.size(dataset)
    decoding.check_pixels(dataset)
    if _shows_label(dataset):
        raise Refused(_LABEL)
    if frames is not None:
        for number in frames:
            blanking.check_frame(dataset, number)
            yield number, next(_decoded(dataset, [number]))
        return
    if count == 1:
        yield None, next(_decoded(dataset, None))
        return
    looked_at = np.empty(0)
    chunk = _Projections()
    sample = set(np.linspace(0, count - 1, min(count, _FEW), dtype=int))
    for number, picture in enumerate(_decoded(dataset, None)):
        if number in sample and not np.array_equal(picture, looked_at):
            looked_at = picture
            yield None, picture
        chunk.add(picture)
        if number % _CHUNK == _CHUNK - 1 or number == count - 1:
            for projection in chunk.all() if count > _FEW else [chunk.mean()]:
                if not np.array_equal(projection, looked_at):
                    yield None, projection
            chunk = _Projections()


def _shows_label(dataset: Dataset) -> bool:
    """Tell whether an image of a slide is one of its label, or shows it beside the slide (PS3.3 C.8.12.4.1.1)."""
    label = dataset.get("Modality") == "SM" and "LABEL" in (dataset.get("ImageType") or ())
    return label or dataset.get("SpecimenLabelInImage") == "YES"


class _Projections:
    """What is brightest, darkest and on average in frames: speckle moves and fades in the average, text stays."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, frame: np.ndarray) -> None:
        if not self.count:
            self.high, self.low, self.total = frame, frame, frame.astype(np.float32)
        else:
            self.high, self.low = np.maximum(self.high, frame), np.minimum(self.low, frame)
            self.total += frame
        self.count += 1

    def mean(self) -> np.ndarray:
        mean = self.total / self.count
        return mean.astype(self.high.dtype) if self.high.dtype.kind == "f" else np.rint(mean).astype(self.high.dtype)

    def all(self) -> list[np.ndarray]:
        return [self.high, self.low, self.mean()]


def _decoded(dataset: Dataset, numbers: list[int] | None) -> Iterator[np.ndarray]:
    for frame in decoding.decoded(dataset, numbers):
        if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
            frame = blanking.coloured(frame, dataset)
        yield _without_padding(dataset, frame.astype(frame.dtype.newbyteorder("="), copy=False))


def _without_padding(dataset: Dataset, frame: np.ndarray) -> np.ndarray:
    """Return a frame whose padding (PS3.3 C.7.5.1.1.2) does not make all the rest look even.

    It stays a little darker or brighter than the picture, since text can be drawn with it.
    """
    padding = dataset.get("PixelPaddingValue")
    if not isinstance(padding, int) or (inside := frame != padding).all() or not inside.any():
        return frame
    from .text_detector import SQUEEZED

    values = frame[inside].astype(float)
    if np.ptp(values) * SQUEEZED >= np.ptp(frame.astype(float)):
        return frame
    beside = max(1.0, np.ptp(values) / 4)
    return frame.astype(np.float32).clip(values.min() - beside, values.max() + beside)


def read(picture: np.ndarray, box: Box) -> tuple[str, float]:
    """Return the words in a box of a picture, and how sure that reading is, 0 to 1."""
    from . import text_detector, text_reader

    return text_reader.read(text_detector.as_bytes(picture[box.y0 : box.y1, box.x0 : box.x1]))


def _stays(picture: np.ndarray, box: Box, keep: Sequence[str]) -> bool:
    if not keep:
        return False
    words, sure = read(picture, box)
    return sure > CERTAIN and all_technical(words, keep)


def all_technical(words: str, patterns: Sequence[str]) -> bool:
    """Tell whether words are nothing but what the patterns allow, in either case, with spaces or commas between."""
    allowed = "|".join(f"(?:{pattern})" for pattern in patterns)
    return bool(re.fullmatch(rf"(?:{allowed})(?:[ ,;]+(?:{allowed}))*", words, re.IGNORECASE))


def _has_picture(dataset: Dataset) -> bool:
    return any(name in dataset for name in ("Rows", "PixelData", "FloatPixelData", "DoubleFloatPixelData"))


def _unreviewed(dataset: Dataset) -> bool:
    said = str(dataset.get("BurnedInAnnotation", "") or "")
    return said == "YES" or (said != "NO" and CLEAN_PIXEL_DATA in derivation.codes(dataset))


def _tell(dataset: Dataset, blanked: bool, elsewhere: list[Finding], reviewed: bool, pseudonyms: Pseudonyms) -> None:
    """Say in the header what was done to the pixels, and beside them."""
    reviewed = reviewed and _has_picture(dataset)
    if blanked or reviewed:
        dataset.BurnedInAnnotation = "NO" if reviewed else "YES"
        derivation.add_method(dataset, CLEAN_PIXEL_DATA)
    if any(found.where != "IconImageSequence" for found in elsewhere):
        derivation.add_method(dataset, _CLEAN_GRAPHICS)
    if blanked:
        derivation.call_derived(dataset)
        dataset.pop("IconImageSequence", None)
    done = [BLANKED] * blanked + ["text outside of the picture removed"] * bool(elsewhere)
    if done:
        derivation.tell(dataset, "; ".join(done), pseudonyms)
