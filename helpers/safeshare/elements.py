"""Elements as bytes: read a value without converting it, encode elements and whole data sets (PS3.5 chapter 7)."""

import struct
import zlib
from collections.abc import Iterable
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, BinaryIO

from pydicom import DataElement, Dataset
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from .finding import Refused

_ITEM = 0xFFFEE000
UNDEFINED = 0xFFFFFFFF  # a length that is not told
PIXEL_DATA = {0x7FE00008: 4, 0x7FE00009: 8, 0x7FE00010: 0}  # tag: bytes of a value, 0 where Bits Allocated tells
_PIXEL_REPRESENTATION = 0x00280103
_MOST = 200_000  # reads; the standard has about 5,000 attributes
DEFAULT_ENCODINGS = convert_encodings("ISO_IR 6")
tag_of = lru_cache(maxsize=8192)(BaseTag)  # the same tag again is found in a dictionary without being compared
_DELIMITERS = {ord(mark) for mark in "\\^=\r\n\t\f"}  # they end a change of character set (PS3.5 6.1.2.5.3)
_HEADS = {
    little: tuple(struct.Struct(("<" if little else ">") + form) for form in ("HH2sH", "HH2sHL", "HHL"))
    for little in (True, False)
}
UNREADABLE = (  # whatever pydicom raises over damaged data
    AttributeError, BytesLengthException, EOFError, IndexError, InvalidDicomError, KeyError, MemoryError,
    NotImplementedError, OSError, OverflowError, RecursionError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip


class Counted:
    """A stream to read elements from that ends in ``Refused`` after so many reads: each element takes one or two.

    A hostile file of 10 MB can hold a million elements and items, and reading them takes half a minute and 2 GB.
    A file of ``size`` bytes may have many if it is large: each frame of a multi-frame image brings some dozens.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._left = most(size)
        self.on(stream)

    def on(self, stream: BinaryIO) -> "Counted":
        """Go on with another stream, and with the same number of reads that are left."""
        self.seek, self.tell, self._read = stream.seek, stream.tell, stream.read
        return self

    def read(self, size: int = -1) -> bytes:
        """Return what the stream has next."""
        self.take(1)
        return self._read(size)

    def take(self, number: int) -> None:
        """Count so many at once: the values of an element, say, of which each takes as much time as an element."""
        self._left -= number
        if self._left < 0:
            raise Refused("it holds more elements than an image can have: ask the sender for a sound copy.")


def most(size: int) -> int:
    """Return how many elements, or fragments of pixel data, a file of so many bytes may have."""
    return max(_MOST, size // 100)


def encoding(dataset: Dataset) -> tuple[bool, bool]:
    """Return whether a data set is implicit and whether it is little endian; one made by hand counts as explicit."""
    implicit, little = dataset.original_encoding
    return bool(implicit), little is not False


def check_dataset(given: object, taker: str, mend: str = "read the file with pydicom.dcmread") -> None:
    """Raise ``TypeError`` when what ``taker``, such as ``text.find``, was given is no data set."""
    if not isinstance(given, Dataset):
        raise TypeError(f"{taker} takes a Dataset, not a {type(given).__name__}: {mend}.")


def is_grey(dataset: Dataset) -> bool:
    """Tell whether an image has one value for each pixel, and no palette (PS3.3 C.7.6.3.1.2)."""
    return text(dataset, "PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2")


@cache
def name_of(tag: int) -> str:
    """Return the keyword, or the numbers where the standard has no keyword."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def element_of(dataset: Dataset, tag: int) -> DataElement | RawDataElement | None:
    """Return an element as it is: pydicom converts one that is empty, and fails when it has no valid VR."""
    element = dataset.get_item(tag_of(tag), keep_deferred=True)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        return dataset[tag]  # left in the file until somebody asks (defer_size)
    return element


def number(dataset: Dataset, keyword: str) -> int:
    """Return a value of VR US, 0 where there is none."""
    element = element_of(dataset, tag_for_keyword(keyword) or 0)
    value: Any = element.value if element is not None else b""
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little" if encoding(dataset)[1] else "big")
    return int(value or 0)


def text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text without converting the element, "" where there is none."""
    return value_of(dataset, tag_for_keyword(keyword) or 0).decode("ascii", "replace")


def said(dataset: Dataset, keyword: str) -> str:
    """Return a value as UTF-8, and other bytes as numbers, so that no two values look alike."""
    return value_of(dataset, tag_for_keyword(keyword) or 0).decode("utf-8", "backslashreplace")


def value_of(dataset: Dataset, tag: int) -> bytes:
    """Return an encoded value without its padding and without converting the element, b"" where there is none."""
    element = element_of(dataset, tag)
    value: Any = element.value if element is not None else b""
    if isinstance(value, bytes):
        return stripped(value)
    return ("\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")).strip().encode()


def stripped(value: bytes | None) -> bytes:
    """Return a value without its padding."""
    return (value or b"").strip(b" \0")


def decoded(value: bytes, encodings: list[str]) -> str:
    """Return a text value by its character sets, without padding."""
    value = stripped(value)
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    return decode_bytes(value, encodings, _DELIMITERS)


def new_raw(tag: int, vr: str, value: bytes, implicit: bool, little: bool) -> RawDataElement:
    """Return an element with an encoded value, padded to even length (PS3.5 6.2)."""
    value += (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)
    return RawDataElement(tag_of(tag), vr, len(value), value, 0, implicit, little)


def as_raw(
    dataset: Dataset, element: DataElement | RawDataElement, implicit: bool, little: bool, encodings: list[str]
) -> RawDataElement:
    """Encode an element that somebody has set or looked at, so that all elements are treated alike.

    Raises ``Refused`` when its value cannot be stored with its VR.
    """
    if isinstance(element, RawDataElement):
        return element
    if element.VR == "SQ":
        return RawDataElement(element.tag, "SQ", UNDEFINED, element.value, 0, implicit, little)
    if element.value is None:
        return RawDataElement(element.tag, element.VR, 0, b"", 0, implicit, little)
    tag, vr = element.tag, element.VR
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, little
    try:
        element = correct_ambiguous_vr_element(element, dataset, little)
        write_data_element(buffer, element, encodings)
    except (
        AttributeError,
        NotImplementedError,
        OSError,
        OverflowError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise Refused(f"{tag} has a value that VR {vr} cannot store: set a valid one.") from error
    value = buffer.getvalue()[8:]
    return RawDataElement(element.tag, element.VR, len(value), value, 0, implicit, little)


def encode(dataset: Dataset, implicit: bool, little: bool, around: tuple[Dataset, ...] = ()) -> bytes:
    """Encode a data set without its pixel data; values of raw elements pass on as they are.

    ``around`` are the data sets that an item is in, from the inside out.
    """
    parts: list[bytes] = []
    around = (dataset, *around)
    for tag, element in sorted(((int(tag), element) for tag, element in dataset.items()), key=itemgetter(0)):
        if tag in PIXEL_DATA:
            continue
        if isinstance(element, RawDataElement):
            value = element.value or b""
        elif element.VR == "SQ":
            value = encode_items(element.value, implicit, little, around)
        else:
            value = as_raw(dataset, element, implicit, little, DEFAULT_ENCODINGS).value or b""
        parts += head(tag, element.VR or _vr(tag, around), len(value), implicit, little), value
    return b"".join(parts)


def encode_items(items: Iterable[Dataset], implicit: bool, little: bool, around: tuple[Dataset, ...] = ()) -> bytes:
    """Encode the items of a sequence (PS3.5 7.5)."""
    encoded = [encode(item, implicit, little, around) for item in items]
    return b"".join(head(_ITEM, "", len(item), True, little) + item for item in encoded)


def head(tag: int, vr: str, length: int, implicit: bool, little: bool) -> bytes:
    """Return what stands before a value: tag, VR and length (PS3.5 7.1)."""
    short, long, without_vr = _HEADS[little]
    if implicit:
        return without_vr.pack(tag >> 16, tag & 0xFFFF, length)
    if vr in EXPLICIT_VR_LENGTH_32:
        return long.pack(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    if length > 0xFFFF:  # a long value of a short VR (PS3.5 6.2.2)
        return long.pack(tag >> 16, tag & 0xFFFF, b"UN", 0, length)
    return short.pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)


def _vr(tag: int, datasets: tuple[Dataset, ...]) -> str:
    """Return the VR of an element that was implicit; some are signed where the pixels are (PS3.6 table 6-1)."""
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    if vr == "US or SS":
        known = (number(each, "PixelRepresentation") for each in datasets if _PIXEL_REPRESENTATION in each)
        return "SS" if next(known, 0) else "US"
    return "OW" if vr.endswith("OW") else vr[:2]
