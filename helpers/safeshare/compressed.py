"""What can hide in compressed frames: JPEG, JPEG-LS, JPEG 2000 and RLE have places that a name can be written into.

What decoding does not need is filled with zeros and keeps its length: every offset still holds, every pixel decodes as
before. Not looked into: tables and pointers that decoding may use, and the coded data itself.
Sources: ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000), PS3.5 annex G (RLE).
"""

import re
from collections.abc import Callable

# In the coded data of a scan FF00 is a stuffed byte and D0 to D7 are restarts (T.81 B.1.1.5); JPEG-LS
# stuffs a bit instead, so there any byte below 80 may follow (T.87 A.1).
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_JPEG_LS_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_SCAN, _DHP, _SOF55, _LSE = 0xDA, 0xDE, 0xF7, 0xF8
_JPEG_NEEDED = {*range(0xC0, 0xD0), _SCAN, 0xDB, 0xDC, 0xDD, _SOF55, _LSE} - {0xC8}
# Application segments that change how the picture is decoded, with their fixed sizes: JFIF (a thumbnail may follow),
# Adobe's colour transform, HP's for JPEG-LS.
_APPLICATIONS = {b"JFIF\0": 12, b"Adobe": 12, b"mrfx": 5}
# SIZ COD COC RGN QCD QCC POC TLM PLM PLT PPM PPT CAP CPF PRF
_JPEG_2000_NEEDED = {0x51, 0x52, 0x53, 0x5E, 0x5C, 0x5D, 0x5F, 0x55, 0x57, 0x58, 0x60, 0x61, 0x50, 0x59, 0x56}
FRAME_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51")  # JPEG and JPEG-LS, JPEG 2000
_SIZ, _SOT, _SOD, _COMMENT = 0x51, 0x90, 0x93, 0x64
_START_OF_FRAME = {*range(0xC0, 0xD0), _SOF55} - {0xC4, 0xC8, 0xCC}  # those three are tables (T.81 table B.1)
_SEGMENTS = 10_000  # of a JPEG picture; some have dozens of scans, and a profile in 255 parts
_SMALL = 1 << 24  # pixels that any picture may have, also one of another size than its header says
_SPARE = 1 << 16  # bytes behind the pixels of RLE: more are no remark, but a picture of another size


def blank(frame: bytes, syntax: str, pixels: int) -> bytes:
    """Return a frame of ``pixels`` pixels, in transfer syntax ``syntax``, without what decoding does not need.

    Raises ``ValueError`` when the frame is not what the syntax says, or in a coding that cannot be checked here.
    """
    walk = _walker(syntax)
    data = bytearray(frame)
    try:
        walk(data, pixels)
    except IndexError as error:
        raise ValueError("a compressed picture in it breaks off") from error
    return bytes(data)


def _walker(syntax: str) -> Callable[[bytearray, int], None]:
    number = syntax.removeprefix("1.2.840.10008.1.2.")
    if number == "5":
        return _rle
    family, _, kind = number.partition(".")
    if family == "4" and kind.isdecimal():
        if 50 <= int(kind) <= 81:
            return _jpeg
        if kind in ("90", "91", "92", "93", "201", "202", "203"):
            return _jpeg_2000
    raise ValueError("its pictures are coded in a way that can hide text and cannot be checked (a film, say)")


def _blank(data: bytearray, start: int, end: int) -> None:
    if end > len(data) or start > end:
        raise IndexError
    data[start:end] = bytes(end - start)


def _number(data: bytearray, at: int, size: int) -> int:
    if at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + size], "big")


def _check_size(height: int, width: int, samples: int, pixels: int) -> None:
    """Raise ``ValueError`` for a picture that would take more memory than its header says; it may take gigabytes."""
    if height * width > max(pixels, _SMALL) or samples > 4:
        raise ValueError("a picture in it is larger than its header says")


def _jpeg(data: bytearray, pixels: int) -> None:
    if not data.startswith(b"\xff\xd8"):
        raise ValueError("a picture in it is not the JPEG that its header says")
    at, next_marker = 2, _JPEG_MARKER
    for _ in range(_SEGMENTS):
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF or 0xD0 <= marker <= 0xD8 or marker < 2:
            raise ValueError("a JPEG picture in it is damaged")
        if marker == 0xD9:
            _blank(data, at + 2, len(data))
            return
        end = at + 2 + _number(data, at + 2, 2)
        if marker == _SOF55:
            next_marker = _JPEG_LS_MARKER
        if marker in _START_OF_FRAME:
            _check_size(_number(data, at + 5, 2), _number(data, at + 7, 2), _number(data, at + 9, 1), pixels)
        if 0xE0 <= marker <= 0xEF:
            kept = next((size for name, size in _APPLICATIONS.items() if data.startswith(name, at + 4)), 0)
            _blank(data, min(at + 4 + kept, end), end)
        elif marker not in _JPEG_NEEDED or (marker == _LSE and data[at + 4] not in (1, 2, 3, 4)):
            _blank(data, at + 4, end)
        at = end
        if marker == _SCAN:
            found = next_marker.search(data, at)
            if not found:
                raise IndexError
            at = found.start()
    raise ValueError("a JPEG picture in it has more parts than it can need")


def _jpeg_2000(data: bytearray, pixels: int) -> None:
    if not data.startswith(
        b"\xff\x4f\xff\x51"
    ):  # one in a JP2 file, whose boxes hold texts, is forbidden (PS3.5 A.4.4)
        raise ValueError("a picture in it is not the plain JPEG 2000 that its header says")
    at, tile_end = 2, 0
    while True:
        if data[at] != 0xFF:
            raise ValueError("a JPEG 2000 picture in it is damaged")
        marker = data[at + 1]
        if marker == 0xD9:
            _blank(data, at + 2, len(data))
            return
        if marker == _SOD:  # the tile's data follows, to the end that its header named
            # No marker code above FF8F occurs in it (T.800 A.3.1), so the last tile, if open, ends at the first one.
            tile_end = tile_end if tile_end else data.find(b"\xff\xd9", at)
            if not at < tile_end <= len(data):
                raise IndexError
            at = tile_end
            continue
        if 0x30 <= marker <= 0x3F:
            at += 2
            continue
        end = at + 2 + _number(data, at + 2, 2)
        if marker == _SIZ:
            width, height, left, top = (_number(data, at + n, 4) for n in (6, 10, 14, 18))
            _check_size(height - top, width - left, _number(data, at + 38, 2), pixels)
        if marker == _SOT:
            length = _number(data, at + 6, 4)
            tile_end = at + length if length else 0
        elif marker not in _JPEG_2000_NEEDED:
            _blank(data, at + (6 if marker == _COMMENT else 4), end)  # a comment's first two bytes are its kind
        at = end


def _rle(data: bytearray, pixels: int) -> None:
    count = int.from_bytes(data[:4], "little")
    offsets = [int.from_bytes(data[4 * n + 4 : 4 * n + 8], "little") for n in range(count)] if 1 <= count <= 15 else []
    if not offsets or offsets[0] < 64 or offsets != sorted(offsets):
        raise ValueError("a picture in it is not the RLE that its header says")
    if not pixels:
        raise ValueError("its header does not tell how many pixels a frame has")
    _blank(data, 4 + 4 * count, offsets[0])
    for start, end in zip(offsets, [*offsets[1:], len(data)], strict=True):
        at, left = start, pixels
        while left > 0 and at < end:  # a segment that is too short hides nothing
            code = data[at]
            if code < 128:
                used = min(code + 1, left)  # a run may be longer than the segment
                at, left = at + 1 + used, left - used
            elif code > 128:
                at, left = at + 2, left - 257 + code
            else:
                at += 1
        if end - at > _SPARE:
            raise ValueError("a picture in it is larger than its header says")
        _blank(data, min(at, end), end)
