"""DICOM files: read the header, find the pixel data, write what was de-identified (PS3.10)."""

import io
import os
import secrets
import struct
import zlib
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

from .elements import PIXEL_DATA, UNDEFINED, UNREADABLE, Counted, encode, encoding, head, tag_of, text
from .finding import Refused
from .pixeldata import Pixels, copy_pixels

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
_ELSEWHERE = {"1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205"}
IMPLEMENTATION_CLASS_UID = "2.25.97758278047911116875138859881727751996"
IMPLEMENTATION_VERSION_NAME = "SAFESHARE"

_UNPACKED = 1 << 26  # bytes that a small deflated file may unpack to: they are in memory up to five times

_Stop = Callable[[BaseTag, str | None, int], bool]
_EXPLICIT_HEAD = struct.Struct("<HH2sH")
_VRS = {vr.encode(): str(vr) for vr in STANDARD_VR}


def plain_syntax(implicit: bool, little: bool) -> str:
    """Return the transfer syntax of an uncompressed data set (PS3.5 10)."""
    return IMPLICIT if implicit else EXPLICIT if little else BIG_ENDIAN


def check_syntax(syntax: str) -> None:
    """Raise ``Refused`` for a transfer syntax that nobody can read the pixels by; none is fine."""
    if syntax and UID_dictionary.get(syntax, ("", ""))[1] != "Transfer Syntax":
        raise Refused("its transfer syntax is not in the standard: convert it to Explicit VR Little Endian first.")
    if syntax in _ELSEWHERE:
        raise Refused("its pixel data is kept on a server and only linked here: export it with its pixels first.")


class Header(NamedTuple):
    """What stands before the pixel data of a file: preamble, file meta information, transfer syntax, data set."""

    preamble: bytes
    meta: Dataset
    syntax: str
    dataset: Dataset
    size: int = 0  # bytes of the whole file


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
    pixels = _pixels(header.dataset, stream)
    if not header.dataset:
        raise Refused("it holds no data set: ask the sender for a sound copy.")
    if any(tag >> 16 == 2 for tag in header.dataset.keys()):  # which stand before a data set (PS3.10 7.1)
        raise Refused("its file meta information is damaged: ask the sender for a sound copy.")
    return header, pixels


def _read_header(stream: BinaryIO) -> tuple[Header, BinaryIO]:
    start = stream.read(132)
    if not start.endswith(b"DICM"):
        return _read_bare(stream, start)
    meta = _read_elements(stream, False, True, _behind_meta)
    syntax = bytes(getattr(meta.get_item(0x00020010), "value", b"") or b"").strip(b" \0").decode("latin-1")
    check_syntax(syntax)
    if not syntax:
        stream.seek(0)
        return _read_bare(stream, start)
    if syntax == DEFLATED:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        packed = stream.read()
        stream = io.BytesIO(inflate.decompress(packed, max(_UNPACKED, 4 * len(packed))))
        if inflate.unconsumed_tail:
            raise Refused("it unpacks to far more than its size: export it without compression.")
        if not inflate.eof:
            raise Refused("it breaks off before its end: copy or send it again.")
    dataset = _read_elements(stream, syntax == IMPLICIT, syntax != BIG_ENDIAN, _at_pixels)
    # Some files are implicit against their syntax: they are read by what they are, and written by what it says.
    dataset.set_original_encoding(syntax == IMPLICIT, syntax != BIG_ENDIAN)
    return Header(start[:128], meta, syntax, dataset, _size(stream)), stream


def _read_elements(stream: BinaryIO, implicit: bool, little: bool, stop: _Stop) -> Dataset:
    elements = _plain_elements(stream, stop) if little and not implicit else None
    if elements is not None:
        return Dataset(elements)
    counted: Any = Counted(stream, _size(stream))
    return read_dataset(counted, implicit, little, stop_when=stop)


def _size(stream: BinaryIO) -> int:
    at = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(at)
    return size


def _plain_elements(stream: BinaryIO, stop: _Stop) -> dict[BaseTag, DataElement | RawDataElement] | None:
    """Read a short header of explicit VR little endian elements whose lengths are told, as most headers are.

    This takes a third of pydicom's time, which would be a third of all. Anything else is left to pydicom: None.
    """
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    start, at = stream.tell(), 0
    data = stream.read(1 << 14)
    size, made, unpacked = len(data), tuple.__new__, _EXPLICIT_HEAD.unpack_from
    while at <= size - 12:
        group, number, code, length = unpacked(data, at)
        tag, vr = tag_of(group << 16 | number), _VRS.get(code)
        if stop(tag, vr, length):
            stream.seek(start + at)
            return elements
        if vr is None or group == 0xFFFE:
            break
        at += 8
        if vr in EXPLICIT_VR_LENGTH_32:
            length = int.from_bytes(data[at : at + 4], "little")
            at += 4
        if length > size - at:
            break
        value = data[at : at + length]
        elements[tag] = made(RawDataElement, (tag, vr, length, value, start + at, False, True, True, False))
        at += length
    stream.seek(start)
    return None


def _read_bare(stream: BinaryIO, start: bytes) -> tuple[Header, BinaryIO]:
    """Read a data set whose file does not tell its transfer syntax; pydicom finds it out by looking."""
    if not start.endswith(b"DICM") and start[:2] not in (b"\x08\0", b"\0\x08", b"\x02\0"):
        raise Refused("it is not a DICOM file: leave it out, or convert it to DICOM first.")
    stream.seek(0)
    counted: Any = Counted(stream, _size(stream))
    dataset = dcmread(counted, stop_before_pixels=True, force=True)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID") or plain_syntax(*encoding(dataset)))
    return Header(dataset.preamble or b"", dataset.file_meta, syntax, dataset, _size(stream)), stream


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
    vr, length = head[4:6].decode("latin-1"), int.from_bytes(stream.read(4), "little" if little else "big")
    if vr not in ("OB", "OW", "OF", "OD", "UN") or (vr == "UN" and length == UNDEFINED):
        raise Refused("its pixel data is damaged (no such VR): ask the sender for a sound copy.")
    return Pixels(tag, vr, length, stream, dataset)


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
    header = encode(dataset, *encoding(dataset))
    parts = chain([header], copy_pixels(pixels, dataset, syntax) if pixels else ())
    out.write(bytes(128) + b"DICM" + _meta(dataset, syntax))
    if syntax == DEFLATED:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        size = sum(out.write(deflate.compress(part)) for part in parts) + out.write(deflate.flush())
        out.write(bytes(size % 2))
        return
    for part in parts:
        out.write(part)


def save(destination: Path, dataset: Dataset, syntax: str, pixels: Pixels | None) -> None:
    """Write a file as ``write`` does, and name it as ``place`` does."""
    place(destination, lambda out: write(out, dataset, syntax, pixels))


def place(destination: Path, fill: Callable[[BinaryIO], object], mode: int = 0o666) -> None:
    """Let ``fill`` write a file under a temporary name first, so that no half file ever bears ``destination``.

    ``mode`` says who may read and write it, as far as the umask lets them.
    Raises ``FileExistsError`` when there is a file of that name: nothing is overwritten.
    """
    part = destination.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb", opener=partial(os.open, mode=mode)) as out:
            fill(out)
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
        body += head(0x00020000 | element, vr, len(value), False, True) + value
    return head(0x00020000, "UL", 4, False, True) + struct.pack("<L", len(body)) + body
