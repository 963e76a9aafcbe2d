"""DICOM files as bytes: read the header, pass the pixel data on without loading it, write what was de-identified."""

import io
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydicom import DataElement, Dataset, dcmread
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.multival import MultiValue
from pydicom.uid import UID_dictionary
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from .compressed import FRAME_STARTS, blank
from .finding import Refused

PIXEL_DATA = {0x7FE00008: 4, 0x7FE00009: 8, 0x7FE00010: 0}  # tag: bytes of a value, 0 where Bits Allocated tells
UNDEFINED = 0xFFFFFFFF
CHUNK = 1 << 20

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
_ELSEWHERE = {"1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205"}
IMPLEMENTATION_CLASS_UID = "2.25.97758278047911116875138859881727751996"
IMPLEMENTATION_VERSION_NAME = "SAFESHARE"

_ITEM_HEAD = struct.Struct("<HHL")
DEFAULT_ENCODINGS = convert_encodings("ISO_IR 6")
DELIMITER = _ITEM_HEAD.pack(0xFFFE, 0xE0DD, 0)  # ends encapsulated pixel data (PS3.5 A.4)
PIXEL_SIZE = [
    tag_for_keyword(keyword) or 0
    for keyword in (
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "NumberOfFrames",
        "BitsAllocated",
        "PhotometricInterpretation",
    )
]
UNREADABLE = (  # whatever pydicom raises over damaged data
    AttributeError, BytesLengthException, EOFError, IndexError, InvalidDicomError, KeyError, MemoryError,
    NotImplementedError, OSError, OverflowError, RecursionError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip


def encoding(dataset: Dataset) -> tuple[bool, bool]:
    """Return whether a data set is implicit and whether it is little endian; one made by hand counts as explicit."""
    implicit, little = dataset.original_encoding
    return bool(implicit), little is not False


def plain_syntax(implicit: bool, little: bool) -> str:
    """Return the transfer syntax of an uncompressed data set (PS3.5 10)."""
    return IMPLICIT if implicit else EXPLICIT if little else BIG_ENDIAN


class Pixels(NamedTuple):
    """The pixel data of an open file: its tag, VR and length, the stream, which stands at its value, and the header."""

    tag: int
    vr: str
    length: int
    stream: BinaryIO
    header: Dataset


class Header(NamedTuple):
    """What stands before the pixel data of a file: preamble, file meta information, transfer syntax, data set."""

    preamble: bytes
    meta: Dataset
    syntax: str
    dataset: Dataset


def read(stream: BinaryIO) -> tuple[Header, Pixels | None]:
    """Read a file's header, and where its pixel data is; raise ``Refused`` when it is not whole DICOM (PS3.10)."""
    try:
        header, stream = _read_header(stream)
    except RecursionError as error:
        raise Refused("its sequences are nested too deep to be an image's: ask the sender for a sound copy.") from error
    except Refused:
        raise
    except UNREADABLE as error:
        raise Refused("it cannot be read as DICOM: ask the sender for a sound copy.") from error
    if not header.dataset:
        raise Refused("it holds no data set: ask the sender for a sound copy.")
    return header, _pixels(header.dataset, stream)


def _read_header(stream: BinaryIO) -> tuple[Header, BinaryIO]:
    start = stream.read(132)
    if not start.endswith(b"DICM"):
        return _read_bare(stream, start)
    meta = read_dataset(stream, False, True, stop_when=_behind_meta)
    syntax = bytes(getattr(meta.get_item(0x00020010), "value", b"") or b"").strip(b" \0").decode("latin-1")
    if syntax and syntax not in UID_dictionary:
        raise Refused("its transfer syntax is not in the standard: convert it to Explicit VR Little Endian first.")
    if syntax in _ELSEWHERE:
        raise Refused("its pixel data is kept on a server and only linked here: export it with its pixels first.")
    if not syntax:
        stream.seek(0)
        return _read_bare(stream, start)
    if syntax == DEFLATED:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        stream = io.BytesIO(inflate.decompress(stream.read()))
        if not inflate.eof:
            raise Refused("it breaks off before its end: copy or send it again.")
    dataset = read_dataset(stream, syntax == IMPLICIT, syntax != BIG_ENDIAN, stop_when=_at_pixels)
    # Some files are implicit against their syntax: they are read by what they are, and written by what it says.
    dataset.set_original_encoding(syntax == IMPLICIT, syntax != BIG_ENDIAN)
    return Header(start[:128], meta, syntax, dataset), stream


def _read_bare(stream: BinaryIO, start: bytes) -> tuple[Header, BinaryIO]:
    """Read a data set whose file does not tell its transfer syntax; pydicom finds it out by looking."""
    if not start.endswith(b"DICM") and start[:2] not in (b"\x08\0", b"\0\x08", b"\x02\0"):
        raise Refused("it is not a DICOM file: leave it out, or convert it to DICOM first.")
    stream.seek(0)
    dataset = dcmread(stream, stop_before_pixels=True, force=True)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID") or plain_syntax(*encoding(dataset)))
    return Header(dataset.preamble or b"", dataset.file_meta, syntax, dataset), stream


def _behind_meta(tag: int, vr: str | None, length: int) -> bool:
    return tag >> 16 != 2


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    return tag in PIXEL_DATA


def _pixels(dataset: Dataset, stream: BinaryIO) -> Pixels | None:
    implicit, little = encoding(dataset)
    implicit = next((e.is_implicit_VR for e in dataset.values() if isinstance(e, RawDataElement)), implicit)
    order = "<" if little else ">"
    head = stream.read(8)
    if len(head) < 8:
        _check_end(dataset, stream, order)
        return None
    group, element = struct.unpack(f"{order}HH", head[:4].ljust(4, b"\0"))
    tag = group << 16 | element
    if tag not in PIXEL_DATA:
        raise Refused("an item ends where none was begun, so its end cannot be told: ask the sender for a sound copy.")
    if implicit:
        return Pixels(tag, "OW", struct.unpack(f"{order}L", head[4:])[0], stream, dataset)
    vr = head[4:6].decode("latin-1")
    if vr not in EXPLICIT_VR_LENGTH_32:
        return Pixels(tag, vr, struct.unpack(f"{order}H", head[6:])[0], stream, dataset)
    return Pixels(tag, vr, struct.unpack(f"{order}L", stream.read(4).ljust(4, b"\0"))[0], stream, dataset)


def _check_end(dataset: Dataset, stream: BinaryIO, order: str) -> None:
    """Raise ``Refused`` when a file without pixel data breaks off; drop what stands behind its end.

    Bytes behind the end look like one more element, of a tag that nobody knows and with too large a length.
    """
    truncated = Refused("it breaks off before its end: copy or send it again.")
    if not dataset:
        return
    last = max(dataset.values(), key=_position)
    if isinstance(last, RawDataElement):
        if last.length not in (UNDEFINED, len(last.value or b"")):
            creator = (last.tag >> 16 << 16) | (last.tag >> 8 & 0xFF)
            if dictionary_has_tag(last.tag) or (last.tag.is_private and creator in dataset):
                raise truncated
            del dataset[last.tag]
    elif last.is_undefined_length:
        stream.seek(-8, io.SEEK_END)
        if stream.read(4) != struct.pack(f"{order}HH", 0xFFFE, 0xE0DD):
            raise truncated


def _position(element: DataElement | RawDataElement) -> int:
    return element.value_tell if isinstance(element, RawDataElement) else int(element.file_tell or 0)


def write(out: BinaryIO, dataset: Dataset, syntax: str, pixels: Pixels | None) -> None:
    """Write a file: an empty preamble, the least file meta information, the data set, the pixel data.

    Nothing else of the original gets into it: no preamble, no AE titles, nothing behind the pixel data.
    Raises ``Refused`` when the pixel data breaks off.
    """
    parts = _body(dataset, syntax, pixels)
    out.write(bytes(128) + b"DICM" + _meta(dataset, syntax))
    if syntax == DEFLATED:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        size = sum(out.write(deflate.compress(part)) for part in parts) + out.write(deflate.flush())
        out.write(bytes(size % 2))
        return
    for part in parts:
        out.write(part)


def save(destination: Path, dataset: Dataset, syntax: str, pixels: Pixels | None) -> None:
    """Write a file under a temporary name first, so that no half file ever bears ``destination``.

    Raises ``FileExistsError`` when there is a file of that name: nothing is overwritten.
    """
    part = destination.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as out:
            write(out, dataset, syntax, pixels)
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


def _body(dataset: Dataset, syntax: str, pixels: Pixels | None) -> Iterator[bytes]:
    implicit, little = encoding(dataset)
    header = encode(dataset, implicit, little)
    if pixels is None:
        yield header
        return
    encapsulated = pixels.length == UNDEFINED
    if any(tag in pixels.header and tag not in dataset for tag in PIXEL_SIZE):
        raise Refused("its header does not tell how many pixels there are: ask the sender for a sound copy.")
    if encapsulated == (syntax in (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)):
        raise Refused("its pixel data is not coded as its transfer syntax says: ask the sender for a sound copy.")
    length = UNDEFINED if encapsulated else pixels.length + pixels.length % 2
    yield header + _head(pixels.tag, pixels.vr, length, implicit, little)
    if encapsulated:
        yield from fragments(pixels.stream, pixels.header, syntax)
        return
    start = pixels.stream.tell()
    if pixels.stream.seek(0, io.SEEK_END) - start < pixels.length:
        raise Refused("its pixel data breaks off before its end: copy or send it again.")
    pixels.stream.seek(start)
    wanted = left = min(pixel_bytes(pixels.header, PIXEL_DATA[pixels.tag]), pixels.length)
    while left:
        part = pixels.stream.read(min(left, CHUNK))
        left -= len(part)
        yield part
    for at in range(wanted, length, CHUNK):  # what stands behind the last pixel is no pixel
        yield bytes(min(CHUNK, length - at))


def pixel_bytes(dataset: Dataset, value_bytes: int = 0) -> int:
    """Return how many bytes the pixels take (PS3.5 8.1.1), where a pixel takes ``value_bytes`` or Bits Allocated.

    Raises ``Refused`` where the header does not tell: then nobody can say what stands behind the pixels.
    """
    samples, bits = _number(dataset, "SamplesPerPixel") or 1, value_bytes * 8 or _number(dataset, "BitsAllocated")
    photometric = text(dataset, "PhotometricInterpretation")
    if photometric in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        samples = 2  # two chroma values for two pixels (PS3.3 C.7.6.3.1.2)
    count = (_frame_pixels(dataset) * _frames(dataset) * samples * bits + 7) // 8
    if not count or bits not in (1, 8, 12, 16, 24, 32, 64) or photometric == "YBR_PARTIAL_420":
        raise Refused("its header does not tell how many pixels there are: ask the sender for a sound copy.")
    return count + count % 2  # in big endian words the last pixel of an odd number stands behind the padding


def _frame_pixels(dataset: Dataset) -> int:
    return _number(dataset, "Rows") * _number(dataset, "Columns")


def _frames(dataset: Dataset) -> int:
    try:
        return int(text(dataset, "NumberOfFrames") or 1)
    except ValueError:
        return 0


def _number(dataset: Dataset, keyword: str) -> int:
    """Return a value of VR US, 0 where there is none."""
    element = dataset.get_item(tag_for_keyword(keyword) or 0)
    value: Any = element.value if element is not None else b""
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little" if encoding(dataset)[1] else "big")
    return int(value or 0)


def text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text without converting the element, "" where there is none."""
    return value_of(dataset, tag_for_keyword(keyword) or 0).decode("ascii", "replace")


def value_of(dataset: Dataset, tag: int) -> bytes:
    """Return an encoded value without its padding and without converting the element, b"" where there is none."""
    element = dataset.get_item(tag)
    value: Any = element.value if element is not None else b""
    if isinstance(value, bytes):
        return stripped(value)
    return ("\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "")).strip().encode()


def stripped(value: bytes | None) -> bytes:
    """Return a value without its padding."""
    return (value or b"").strip(b" \0")


def fragments(stream: BinaryIO, dataset: Dataset, syntax: str) -> Iterator[bytes]:
    """Yield the items of encapsulated pixel data (PS3.5 A.4), hidden places blanked, and the delimiter that ends them.

    The offset table is kept where it is right. Raises ``Refused`` when the pixel data is not what ``syntax`` says.
    """
    for number, (items, clean) in enumerate(_frames_of(stream, dataset, syntax)):
        if number == 0:
            yield _ITEM_HEAD.pack(0xFFFE, 0xE000, len(clean)) + clean
            continue
        at = 0
        for item in items:
            yield _ITEM_HEAD.pack(0xFFFE, 0xE000, len(item)) + clean[at : at + len(item)]
            at += len(item)
    yield DELIMITER


def hides_something(stream: BinaryIO, dataset: Dataset, syntax: str) -> bool:
    """Tell whether there is anything to blank in encapsulated pixel data."""
    return any(clean != b"".join(items) for items, clean in _frames_of(stream, dataset, syntax))


def _frames_of(stream: BinaryIO, dataset: Dataset, syntax: str) -> Iterator[tuple[list[bytes], bytes]]:
    """Yield the offset table, then each frame: its items as they are, and joined without what they hide."""
    (table_at, table_length), *places = _item_places(stream)
    stream.seek(table_at)
    table = stream.read(table_length)
    starts = _frame_starts(stream, table, places, _frames(dataset))
    offsets = [places[start][0] - places[0][0] for start in starts]
    right = table == b"".join(offset.to_bytes(4, "little") for offset in offsets if offset <= UNDEFINED)
    yield [table], table if right else b""
    for start, end in zip(starts, [*starts[1:], len(places)], strict=True):
        items = []
        for at, length in places[start:end]:
            stream.seek(at)
            items.append(stream.read(length))
        try:
            yield items, blank(b"".join(items), syntax, _frame_pixels(dataset))
        except ValueError as error:
            raise Refused(f"{error}: export it again without compression.") from error
    stream.seek(8, io.SEEK_CUR)


def _item_places(stream: BinaryIO) -> list[tuple[int, int]]:
    """Return the position and length of each item's value, the offset table's first."""
    places: list[tuple[int, int]] = []
    at = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    while True:
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8:
            break
        group, element, length = _ITEM_HEAD.unpack(head)
        if (group, element) == (0xFFFE, 0xE0DD) and len(places) > 1:
            return places
        if (group, element) != (0xFFFE, 0xE000) or length == UNDEFINED:
            raise Refused("its compressed pixel data is no series of items: ask the sender for a sound copy.")
        places.append((at + 8, length))
        at += 8 + length
        if at > end:
            break
    raise Refused("its compressed pixel data breaks off before its end: copy or send it again.")


def _frame_starts(stream: BinaryIO, table: bytes, places: list[tuple[int, int]], frames: int) -> list[int]:
    """Return the number of the first item of each frame, as PS3.5 A.4 lets one tell it.

    Where the number of frames, the offset table and the items contradict each other, each item that begins like a frame
    is taken for one; a frame that is then not whole is refused later on.
    """
    if len(places) == frames:
        return list(range(frames))
    by_offset = {at - places[0][0]: number for number, (at, _) in enumerate(places)}
    offsets = [int.from_bytes(table[at : at + 4], "little") for at in range(0, len(table), 4)]
    starts = [by_offset.get(offset, -1) for offset in offsets]
    if len(starts) == frames and starts[0] == 0 and starts == sorted(set(starts)):
        return starts
    return [0, *(n for n, (at, _) in enumerate(places) if n and _peek(stream, at).startswith(FRAME_STARTS))]


def _peek(stream: BinaryIO, at: int) -> bytes:
    stream.seek(at)
    return stream.read(4)


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
            element = as_raw(dataset, element, implicit, little, DEFAULT_ENCODINGS)
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
        (2, "UI", text(dataset, "SOPClassUID").encode()),
        (3, "UI", text(dataset, "SOPInstanceUID").encode()),
        (0x10, "UI", syntax.encode()),
        (0x12, "UI", IMPLEMENTATION_CLASS_UID.encode()),
        (0x13, "SH", IMPLEMENTATION_VERSION_NAME.encode()),
    )
    body = b""
    for element, vr, value in elements:
        if not value:  # a test object, say, that does not tell what it is
            continue
        value += (b" " if vr == "SH" else b"\0") * (len(value) % 2)
        body += _head(0x00020000 | element, vr, len(value), False, True) + value
    return _head(0x00020000, "UL", 4, False, True) + struct.pack("<L", len(body)) + body


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
