"""DICOM files with a canary in every value, written byte by byte, and a search that finds the canaries which survived.

The writer shares no code with pydicom's or the package's, so it also writes what they would refuse.
"""

import io
import re
import struct
import zlib
from itertools import count
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from pydicom.datadict import dictionary_VR, tag_for_keyword

from safeshare import metadata

UNDEFINED = 0xFFFFFFFF
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}  # PS3.5 table 7.1-1


class Syntax(NamedTuple):
    """A transfer syntax (PS3.5 section 10 and annex A)."""

    uid: str
    implicit: bool = False
    order: str = "<"
    deflated: bool = False
    encapsulated: bool = False


IMPLICIT = Syntax("1.2.840.10008.1.2", implicit=True)
EXPLICIT = Syntax("1.2.840.10008.1.2.1")
BIG_ENDIAN = Syntax("1.2.840.10008.1.2.2", order=">")
DEFLATED = Syntax("1.2.840.10008.1.2.1.99", deflated=True)
RLE = Syntax("1.2.840.10008.1.2.5", encapsulated=True)
JPEG = Syntax("1.2.840.10008.1.2.4.50", encapsulated=True)
JPEG_LS = Syntax("1.2.840.10008.1.2.4.80", encapsulated=True)
JPEG_2000 = Syntax("1.2.840.10008.1.2.4.90", encapsulated=True)


# Writing.


def head(syntax: Syntax, tag: int, vr: str, length: int) -> bytes:
    """Return tag, VR and length (PS3.5 section 7.1)."""
    number = struct.pack(f"{syntax.order}HH", tag >> 16, tag & 0xFFFF)
    if syntax.implicit:
        return number + struct.pack(f"{syntax.order}L", length)
    if vr in LONG_VRS:
        return number + vr.encode() + b"\0\0" + struct.pack(f"{syntax.order}L", length)
    return number + vr.encode() + struct.pack(f"{syntax.order}H", length)


def element(syntax: Syntax, tag: int, vr: str, value: bytes) -> bytes:
    """Return an element, its value padded to even length."""
    value += (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)
    return head(syntax, tag, vr, len(value)) + value


def numbers(syntax: Syntax, tag: int, vr: str, *values: int) -> bytes:
    """Return an element of VR US or UL."""
    return element(syntax, tag, vr, struct.pack(f"{syntax.order}{len(values)}{'H' if vr == 'US' else 'L'}", *values))


def sequence(syntax: Syntax, tag: int, *items: bytes, undefined: bool = False, vr: str = "SQ") -> bytes:
    """Return a sequence, with defined or undefined lengths (PS3.5 section 7.5)."""

    def mark(number: int, length: int) -> bytes:
        return struct.pack(f"{syntax.order}HHL", 0xFFFE, number, length)

    if undefined:
        body = b"".join(mark(0xE000, UNDEFINED) + item + mark(0xE00D, 0) for item in items) + mark(0xE0DD, 0)
        return head(syntax, tag, vr, UNDEFINED) + body
    body = b"".join(mark(0xE000, len(item)) + item for item in items)
    return head(syntax, tag, vr, len(body)) + body


def fragments(syntax: Syntax, *items: bytes) -> bytes:
    """Return encapsulated pixel data with these items, of which the first is the offset table (PS3.5 annex A.4)."""
    parts = [struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items]
    start, end = head(syntax, 0x7FE00010, "OB", UNDEFINED), struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return start + b"".join(parts) + end


def file(syntax: Syntax, body: bytes, *, meta: bytes = b"", preamble: bytes = b"", behind: bytes = b"") -> bytes:
    """Return a file around a data set (PS3.10 section 7.1); ``meta`` is added to the least file meta information."""
    group = element(EXPLICIT, 0x00020010, "UI", syntax.uid.encode()) + meta
    group = element(EXPLICIT, 0x00020001, "OB", b"\0\1") + group
    start = preamble.ljust(128, b"\0") + b"DICM" + numbers(EXPLICIT, 0x00020000, "UL", len(group)) + group
    if syntax.deflated:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflate.compress(body) + deflate.flush()
    return start + body + behind


def inflated(data: bytes) -> bytes:
    """Return the bytes of a file, its data set inflated when it is deflated."""
    length = struct.unpack("<L", data[140:144])[0]  # File Meta Information Group Length is the first element
    meta, body = data[: 144 + length], data[144 + length :]
    if DEFLATED.uid.encode() + b"\0" * (len(DEFLATED.uid) % 2) in meta:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        return meta + inflate.decompress(body) + inflate.unused_data
    return data


# Canaries: eight bytes each, as the syntax of the VR has them.

_FORMS = {"TM": "235959.%06d", "UI": "1.2.826.0.3.1%06d", "UR": "urn:ZQ%06d", "DS": "-7%06d", "IS": "-7%06d"}
_CANARY = re.compile(rb"(?=(ZQ\d{6}|-7\d{6}|9\.\d{6}|\.1\d{6}|[34]\d{3}(?:0[1-9]|1[0-2])\d\d))")
_OUR_UIDS = re.compile(rb"2\.25\.\d{20,39}")  # their digits are random and could look like a canary


class Canaries:
    """Makes canaries and remembers the place of each: the tags from the root down, or a word for other places."""

    def __init__(self) -> None:
        self.places: dict[bytes, tuple[int | str, ...]] = {}
        self._numbers, self._days = count(1), count()

    def value(self, vr: str, *place: int | str) -> bytes:
        """Return a value of this VR that occurs only once."""
        if vr in ("DA", "DT"):  # the first 336 of them lie in one year, so none becomes another when all move by more
            day = next(self._days)
            value = b"%04d%02d%02d" % (3000 + day // 336, 1 + day // 28 % 12, 1 + day % 28)
        else:
            value = (_FORMS.get(vr, "ZQ%06d") % next(self._numbers)).encode()
        self.places[value[-8:]] = place
        return value

    def survivors(self, data: bytes) -> dict[bytes, tuple[int | str, ...]]:
        """Return the canaries that are in these bytes, with their places."""
        found = {match[1] for match in _CANARY.finditer(_OUR_UIDS.sub(b"", data))}
        return {canary: self.places[canary] for canary in found if canary in self.places}


# Building blocks: data sets as dictionaries from a tag to the bytes of its element.

KEY = "a key for the tests only"
CT = "1.2.840.10008.5.1.4.1.1.2"
SIDE = 16
IMAGE = {  # what the pixels need, and so no place for a canary
    "SamplesPerPixel": 1, "NumberOfFrames": 2, "Rows": SIDE, "Columns": SIDE, "BitsAllocated": 8, "BitsStored": 8,
    "HighBit": 7, "PixelRepresentation": 0,
}  # fmt: skip


def tag(keyword: str) -> int:
    """Return the number of an attribute."""
    return tag_for_keyword(keyword)


def one(keyword: str, vr: str, value: bytes, syntax: Syntax = EXPLICIT) -> dict[int, bytes]:
    """Return a data set with one element."""
    number = tag(keyword)
    return {number: element(syntax, number, vr, value)}


def in_sequence(keyword: str, *parts: dict[int, bytes], syntax: Syntax = EXPLICIT, **how) -> dict[int, bytes]:
    """Return a data set with one sequence of these data sets."""
    return {tag(keyword): sequence(syntax, tag(keyword), *(joined(part) for part in parts), **how)}


def joined(parts: dict[int, bytes]) -> bytes:
    """Return a data set as bytes."""
    return b"".join(parts[number] for number in sorted(parts))


def image(syntax: Syntax) -> dict[int, bytes]:
    """Return the attributes that describe two small grey frames."""
    parts = {tag("PhotometricInterpretation"): element(syntax, tag("PhotometricInterpretation"), "CS", b"MONOCHROME2")}
    for keyword, number in IMAGE.items():
        value = str(number).encode() if keyword == "NumberOfFrames" else struct.pack(f"{syntax.order}H", number)
        parts[tag(keyword)] = element(syntax, tag(keyword), "IS" if keyword == "NumberOfFrames" else "US", value)
    return parts


def small_file(syntax: Syntax, extra: dict[int, bytes], tail: bytes = b"") -> bytes:
    """Return a file of somebody called Fictia^Ada."""
    plain = {"SOPClassUID": CT, "SOPInstanceUID": "1.2.3.4.5", "PatientName": "Fictia^Ada", "PatientID": "PAT12345"}
    parts = {
        tag(word): element(syntax, tag(word), dictionary_VR(word), value.encode()) for word, value in plain.items()
    }
    return file(syntax, joined(parts | extra) + tail)


def pixel_data(syntax: Syntax, made: Canaries) -> bytes:
    """Return two frames, too long or with comments: what the coding allows."""
    if not syntax.encapsulated:
        return element(
            syntax, tag("PixelData"), "OB", bytes(2 * SIDE * SIDE) + made.value("OB", "behind the last pixel")
        )
    frames = [commented_frame(syntax, made) for _ in range(2)]
    half = len(frames[0]) // 4 * 2
    offsets = struct.pack("<2L", 0, len(frames[0]) + 16)  # one frame is in two fragments
    return fragments(syntax, offsets, frames[0][:half], frames[0][half:], frames[1])


def commented_frame(syntax: Syntax, made: Canaries) -> bytes:
    """Return one frame in this coding with a canary in each place that is not for pixels."""

    def note(where):
        return made.value("OB", "compressed", where)

    def segment(marker, body):
        return struct.pack(">HH", marker, len(body) + 2) + body

    frame = grey_frame(syntax)
    if syntax is RLE:
        return frame + note("behind the segments")
    if syntax is JPEG_2000:
        tile, data = frame.index(b"\xff\x90\x00\x0a"), frame.index(b"\xff\x93")
        in_tile = segment(0xFF64, b"\0\1" + note("comment in the tile header"))
        length = struct.unpack(">L", frame[tile + 6 : tile + 10])[0] + len(in_tile)
        tile_header = frame[tile : tile + 6] + struct.pack(">L", length) + frame[tile + 10 : data] + in_tile
        main_header = frame[:tile] + segment(0xFF64, b"\0\1" + note("comment"))
        frame = main_header + tile_header + frame[data:]
    else:
        segments = segment(0xFFFE, note("comment")) + segment(0xFFE1, b"Exif\0\0" + note("EXIF"))
        segments += segment(0xFFE8, note("APP8")) + segment(0xFFEF, note("APP15"))
        thumbnail = b"JFIF\0\1\1\0\0\1\0\1\1\3" + note("thumbnail") + b"\0"  # one row of three pixels
        frame = frame[:2] + segment(0xFFE0, thumbnail) + segments + frame[2:]
    frame += note("behind the end")
    return frame + b"\0" * (len(frame) % 2)


def grey_frame(syntax: Syntax) -> bytes:
    """Return a gradient in this coding, without any comment."""
    pixels = bytes(range(256))
    if syntax is RLE:  # literal runs of 128 bytes behind a header that names one segment (PS3.5 annex G)
        return struct.pack("<16L", 1, 64, *[0] * 14) + b"\x7f" + pixels[:128] + b"\x7f" + pixels[128:]
    if syntax is JPEG_LS:
        import jpeg_ls
        import numpy as np

        return bytes(jpeg_ls.encode_array(np.frombuffer(pixels, "u1").reshape(SIDE, SIDE)))
    out = io.BytesIO()
    picture = Image.frombytes("L", (SIDE, SIDE), pixels)
    picture.save(out, "JPEG") if syntax is JPEG else picture.save(out, "JPEG2000", no_jp2=True)
    return out.getvalue()


def strip_bytes(folder: Path, data: bytes, **options: bool) -> Path:
    """Write a file, strip it, and return the copy."""
    source, destination = folder / "source.dcm", folder / "stripped.dcm"
    source.write_bytes(data)
    destination.unlink(missing_ok=True)
    metadata.strip_file(source, destination, key=KEY, **options)
    return destination
