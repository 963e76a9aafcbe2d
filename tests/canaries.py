"""DICOM files with a canary in every value, written byte by byte, and a search that finds the canaries which survived.

The writer shares no code with pydicom or with the package, so it also writes what they would refuse.
"""

import re
import struct
import zlib
from itertools import count
from typing import NamedTuple

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
