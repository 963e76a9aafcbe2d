"""DICOM files as bytes: read the header, pass the pixel data on without loading it, write what was de-identified."""

import io
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydicom import DataElement, Dataset, dcmread
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.uid import UID, UID_dictionary
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from .compressed import STARTS, blank_comments
from .finding import Refused

PIXEL_DATA = {0x7FE00008: 4, 0x7FE00009: 8, 0x7FE00010: 0}  # tag: bytes of a value, 0 where Bits Allocated tells
UNDEFINED = 0xFFFFFFFF
CHUNK = 1 << 20

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
_ELSEWHERE = {"1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205"}
IMPLEMENTATION_CLASS_UID = "2.25.97758278047911116875138859881727751996"
IMPLEMENTATION_VERSION_NAME = "SAFESHARE"
NUMBERS = {"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"}

DELIMITER = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)  # ends encapsulated pixel data (PS3.5 A.4)
_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_READ_ERRORS = (
    InvalidDicomError, EOFError, OSError, ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError,
    NotImplementedError, RecursionError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


def encoding(dataset: Dataset) -> tuple[bool, bool]:
    """Return whether a data set is implicit and whether it is little endian; one made by hand counts as explicit."""
    implicit, little = dataset.original_encoding
    return bool(implicit), little is not False


def plain_syntax(implicit: bool, little: bool) -> str:
    """Return the transfer syntax of an uncompressed data set (PS3.5 10)."""
    return IMPLICIT if implicit else EXPLICIT if little else BIG_ENDIAN


class Pixels(NamedTuple):
    """The pixel data element of an open file: its tag, VR and length, and the stream, which stands at its value."""

    tag: int
    vr: str
    length: int
    stream: BinaryIO


def read(stream: BinaryIO) -> tuple[FileDataset, Pixels | None]:
    """Read a file's header, and where its pixel data is; raise ``Refused`` when it is not whole DICOM (PS3.10)."""
    try:
        dataset, stream = _read_header(stream)
    except Refused:
        raise
    except RecursionError as error:
        raise Refused("its sequences are nested too deep to be an image's: ask the sender for a sound copy.") from error
    except _READ_ERRORS as error:
        raise Refused("it cannot be read as DICOM: ask the sender for a sound copy.") from error
    return dataset, _pixels(dataset, stream)


def _read_header(stream: BinaryIO) -> tuple[FileDataset, BinaryIO]:
    start = stream.read(136)
    if start[128:132] != b"DICM" and start[:2] not in (b"\x08\0", b"\0\x08", b"\x02\0"):
        raise Refused("it is not a DICOM file: leave it out, or convert it to DICOM first.")
    stream.seek(0)
    syntax = _transfer_syntax(stream) if start[128:132] == b"DICM" else ""
    if syntax and syntax not in UID_dictionary:
        raise Refused("its transfer syntax is not in the standard: convert it to Explicit VR Little Endian first.")
    if syntax in _ELSEWHERE:
        raise Refused("its pixel data is kept on a server and only linked here: export it with its pixels first.")
    if syntax == DEFLATED:
        inflated = io.BytesIO(zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read()))
        header = read_dataset(inflated, False, True, stop_when=lambda tag, vr, length: tag in PIXEL_DATA)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = UID(DEFLATED)
        whole = FileDataset("", header, start[:128], meta, is_implicit_VR=False, is_little_endian=True)
        whole.set_original_encoding(False, True, header.original_character_set)
        return whole, inflated
    stream.seek(0)
    dataset = dcmread(stream, stop_before_pixels=True, force=True)
    if not dataset:
        raise Refused("it holds no data set: ask the sender for a sound copy.")
    return dataset, stream


def _transfer_syntax(stream: BinaryIO) -> str:
    """Return the transfer syntax and leave the stream behind the file meta information (PS3.10 7.1)."""
    stream.seek(132)
    syntax = ""
    while True:
        at, head = stream.tell(), stream.read(8)
        if len(head) < 8 or head[:2] != b"\x02\0":
            stream.seek(at)
            return syntax
        vr, length = head[4:6].decode("latin-1"), struct.unpack("<H", head[6:])[0]
        if vr in EXPLICIT_VR_LENGTH_32:
            length = struct.unpack("<L", stream.read(4))[0]
        value = stream.read(length)
        if head[2:4] == b"\x10\0":
            syntax = value.strip(b" \0").decode("latin-1")


def _pixels(dataset: FileDataset, stream: BinaryIO) -> Pixels | None:
    implicit, little = dataset.original_encoding
    # Some files are implicit against what their meta information says; pydicom reads them by what they are.
    implicit = next((e.is_implicit_VR for e in dataset.values() if isinstance(e, RawDataElement)), implicit)
    order = "<" if little else ">"
    head = stream.read(8)
    truncated = Refused("it breaks off before its end: copy or send it again.")
    if not head:
        size = stream.tell()
        for element in dataset.values():
            if isinstance(element, RawDataElement) and element.length not in (UNDEFINED, len(element.value or b"")):
                raise truncated
        last = max(dataset.values(), key=_position)
        if isinstance(last, DataElement) and last.is_undefined_length:
            stream.seek(size - 8)
            if stream.read(4) != struct.pack(f"{order}HH", 0xFFFE, 0xE0DD):
                raise truncated
        return None
    group, element = struct.unpack(f"{order}HH", head[:4].ljust(4, b"\0"))
    tag = group << 16 | element
    if tag not in PIXEL_DATA or len(head) < 8:
        if len(head) < 8 and any(head):
            raise truncated
        if len(head) < 8:
            return None
        raise Refused("an item ends where none was begun, so its end cannot be told: ask the sender for a sound copy.")
    if implicit:
        return Pixels(tag, "OW", struct.unpack(f"{order}L", head[4:])[0], stream)
    vr = head[4:6].decode("latin-1")
    if vr not in EXPLICIT_VR_LENGTH_32:
        return Pixels(tag, vr, struct.unpack(f"{order}H", head[6:])[0], stream)
    return Pixels(tag, vr, struct.unpack(f"{order}L", stream.read(4).ljust(4, b"\0"))[0], stream)


def _position(element: DataElement | RawDataElement) -> int:
    return element.value_tell if isinstance(element, RawDataElement) else int(element.file_tell or 0)


def write(out: BinaryIO, dataset: Dataset, pixels: Pixels | None) -> None:
    """Write a file: an empty preamble, the least file meta information, the data set, the pixel data.

    Nothing else of the original gets into it: no preamble, no AE titles, nothing behind the pixel data.
    Raises ``Refused`` when the pixel data breaks off.
    """
    implicit, little = encoding(dataset)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    out.write(bytes(128) + b"DICM" + _meta(dataset, syntax))
    parts = _body(dataset, pixels, implicit, little, syntax)
    if syntax == DEFLATED:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        size = sum(out.write(deflate.compress(part)) for part in parts) + out.write(deflate.flush())
        out.write(bytes(size % 2))
        return
    for part in parts:
        out.write(part)


def save(destination: Path, dataset: Dataset, pixels: Pixels | None) -> None:
    """Write a file under a temporary name first, so that no half file ever bears ``destination``.

    Raises ``FileExistsError`` when there is a file of that name: nothing is overwritten.
    """
    part = destination.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as out:
            write(out, dataset, pixels)
        try:
            destination.hardlink_to(part)  # the one way to give a name that fails when the name is taken
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links, such as FAT
            if destination.exists():
                raise FileExistsError(f"{destination}: there is a file already, and nothing is overwritten.") from None
            part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def _body(dataset: Dataset, pixels: Pixels | None, implicit: bool, little: bool, syntax: str) -> Iterator[bytes]:
    yield encode(dataset, implicit, little)
    if pixels is None:
        return
    encapsulated = pixels.length == UNDEFINED
    length = UNDEFINED if encapsulated else pixels.length + pixels.length % 2
    yield _head(pixels.tag, pixels.vr, length, implicit, little)
    if encapsulated:
        yield from fragments(pixels.stream)
        return
    wanted = min(_pixel_bytes(dataset, PIXEL_DATA[pixels.tag]) or pixels.length, pixels.length)
    left = wanted
    while left:
        part = pixels.stream.read(min(left, CHUNK))
        if not part:
            raise Refused("its pixel data breaks off before its end: copy or send it again.")
        left -= len(part)
        yield part
    yield bytes(length - wanted)  # what stands behind the last pixel is no pixel


def _pixel_bytes(dataset: Dataset, value_bytes: int) -> int:
    """Return how many bytes the pixels take (PS3.5 8.1.1), 0 where the header does not tell."""
    try:
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples, frames = int(dataset.get("SamplesPerPixel") or 1), int(dataset.get("NumberOfFrames") or 1)
        bits = value_bytes * 8 or int(dataset.BitsAllocated)
    except (AttributeError, TypeError, ValueError):
        return 0
    count = rows * columns * samples * frames
    if dataset.get("PhotometricInterpretation") in ("YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420"):
        return 0
    return (count * bits + 7) // 8


def fragments(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the items of encapsulated pixel data (PS3.5 A.4), comments blanked, and the delimiter that ends them."""
    for items in _frames(stream):
        clean = _blanked(items)
        at = 0
        for item in items:
            yield struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + clean[at : at + len(item)]
            at += len(item)
    yield DELIMITER


def has_comments(stream: BinaryIO) -> bool:
    """Tell whether there is anything to blank in encapsulated pixel data."""
    return any(_blanked(items) != b"".join(items) for items in _frames(stream))


def _frames(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the offset table, then the items of each frame; a frame may be spread over several items."""
    broken = Refused("its compressed pixel data breaks off before its end: copy or send it again.")
    items: list[bytes] = []
    while True:
        head = stream.read(8)
        if len(head) < 8:
            raise broken
        group, element, length = struct.unpack("<HHL", head)
        tag = group << 16 | element
        if tag == _SEQUENCE_END:
            yield items
            return
        if tag != _ITEM or length == UNDEFINED:
            raise Refused("its compressed pixel data is no series of items: ask the sender for a sound copy.")
        item = stream.read(length)
        if len(item) < length:
            raise broken
        if items and item.startswith(STARTS):
            yield items
            items = []
        items.append(item)


def _blanked(items: list[bytes]) -> bytes:
    try:
        return blank_comments(b"".join(items))
    except ValueError as error:
        raise Refused(f"{error}, so what is hidden in it cannot be told: ask the sender for a sound copy.") from error


def encode(dataset: Dataset, implicit: bool, little: bool) -> bytes:
    """Encode a data set without its pixel data; values of raw elements pass on as they are."""
    parts: list[bytes] = []
    order = "<" if little else ">"
    for tag, element in sorted(dataset.items(), key=lambda pair: int(pair[0])):
        if tag in PIXEL_DATA:
            continue
        if element.VR == "SQ" and not isinstance(element, RawDataElement):
            items = [encode(item, implicit, little) for item in element.value]
            value = b"".join(struct.pack(f"{order}HHL", 0xFFFE, 0xE000, len(item)) + item for item in items)
        else:
            element = as_raw(dataset, element, implicit, little)
            value = element.value or b""
        parts += _head(tag, element.VR or _vr(tag), len(value), implicit, little), value
    return b"".join(parts)


def _head(tag: int, vr: str, length: int, implicit: bool, little: bool) -> bytes:
    order = "<" if little else ">"
    if implicit:
        return struct.pack(f"{order}HHL", tag >> 16, tag & 0xFFFF, length)
    if vr in EXPLICIT_VR_LENGTH_32:
        return struct.pack(f"{order}HH2sHL", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    if length > 0xFFFF:  # a long value of a short VR (PS3.5 6.2.2)
        return struct.pack(f"{order}HH2sHL", tag >> 16, tag & 0xFFFF, b"UN", 0, length)
    return struct.pack(f"{order}HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)


def _vr(tag: int) -> str:
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return "OW" if vr.endswith("OW") else vr[:2]


def _meta(dataset: Dataset, syntax: str) -> bytes:
    """Return the file meta information: what PS3.10 7.1 requires, and nothing of the original but the two UIDs."""
    elements = (
        (1, "OB", b"\0\1"),
        (2, "UI", str(dataset.get("SOPClassUID") or "").encode()),
        (3, "UI", str(dataset.get("SOPInstanceUID") or "").encode()),
        (0x10, "UI", syntax.encode()),
        (0x12, "UI", IMPLEMENTATION_CLASS_UID.encode()),
        (0x13, "SH", IMPLEMENTATION_VERSION_NAME.encode()),
    )
    body = b""
    for element, vr, value in elements:
        value += (b" " if vr == "SH" else b"\0") * (len(value) % 2)
        body += _head(0x00020000 | element, vr, len(value), False, True) + value
    return _head(0x00020000, "UL", 4, False, True) + struct.pack("<L", len(body)) + body


def as_raw(dataset: Dataset, element: DataElement | RawDataElement, implicit: bool, little: bool) -> RawDataElement:
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
        write_data_element(buffer, element, convert_encodings(dataset.get("SpecificCharacterSet") or "ISO_IR 6"))
    except (
        AttributeError,
        NotImplementedError,
        OverflowError,
        TypeError,
        UnicodeError,
        ValueError,
        struct.error,
    ) as error:
        raise Refused(f"{tag} has a value that VR {vr} cannot store: set a valid one.") from error
    value = buffer.getvalue()[8:]
    return RawDataElement(element.tag, element.VR, len(value), value, 0, implicit, little)
