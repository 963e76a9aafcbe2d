"""Comments inside compressed frames: JPEG, JPEG-LS and JPEG 2000 files have places where a scanner can write a name.

Each such place is filled with zeros and keeps its length: every offset still holds, every pixel decodes as before.
"""

import re

JPEG_START, JPEG_2000_START, JP2_START = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "
STARTS = (JPEG_START, JPEG_2000_START, JP2_START)

# In the coded data of a scan FF00 is a stuffed byte and D0 to D7 are restarts (ITU-T T.81 B.1.1.5);
# JPEG-LS stuffs a bit instead, so there any byte below 80 may follow (ITU-T T.87 A.1).
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_JPEG_LS_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_COMMENT, _START_OF_SCAN, _JPEG_LS_FRAME = 0xFE, 0xDA, 0xF7
# Application segments that change how the picture is decoded: JFIF, Adobe's colour transform, HP's for JPEG-LS.
_NEEDED = (b"JFIF\0", b"Adobe", b"mrfx")


def blank_comments(frame: bytes) -> bytes:
    """Return a frame of the same length without comments, application data, or bytes after its end.

    Sources: ITU-T T.81 (JPEG) annex B, T.87 (JPEG-LS) annex C, T.800 (JPEG 2000) annexes A and I. A frame of another
    coding, such as RLE (PS3.5 annex G), has no such places and comes back as it is. Raises ``ValueError``
    when the markers of a frame do not lead to its end.
    """
    data = bytearray(frame)
    try:
        if frame.startswith(JPEG_START):
            _jpeg(data)
        elif frame.startswith(JPEG_2000_START):
            _jpeg_2000(data, 0)
        elif frame.startswith(JP2_START):
            _jp2(data)
    except IndexError as error:
        raise ValueError("the compressed pixel data breaks off") from error
    return bytes(data)


def _blank(data: bytearray, start: int, end: int) -> None:
    if end > len(data):
        raise IndexError
    data[start:end] = bytes(end - start)


def _u16(data: bytearray, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _u32(data: bytearray, at: int) -> int:
    return _u16(data, at) << 16 | _u16(data, at + 2)


def _jpeg(data: bytearray) -> None:
    at, next_marker = 2, _JPEG_MARKER
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # fill bytes
            at += 1
        if data[at] != 0xFF:
            raise IndexError
        marker = data[at + 1]
        if marker == 0xD9:
            _blank(data, at + 2, len(data))
            return
        end = at + 2 + _u16(data, at + 2)
        if marker == _JPEG_LS_FRAME:
            next_marker = _JPEG_LS_MARKER
        if marker == _COMMENT:
            _blank(data, at + 4, end)
        elif 0xE0 <= marker <= 0xEF:
            body = bytes(data[at + 4 : end])
            # The needed part of a JFIF segment is 14 bytes, then comes a thumbnail; Adobe's has 12, HP's 5.
            size = {b"JFIF\0": 12, b"Adobe": 12, b"mrfx": 5}.get(
                next((n for n in _NEEDED if body.startswith(n)), b""), 0
            )
            _blank(data, at + 4 + min(size, len(body)), end)
        at = end
        if marker == _START_OF_SCAN:
            found = next_marker.search(data, at)
            if not found:
                raise IndexError
            at = found.start()


def _jpeg_2000(data: bytearray, at: int) -> None:
    at += 2
    tile_end = 0
    while True:
        marker = _u16(data, at)
        if marker == 0xFFD9:
            _blank(data, at + 2, len(data))
            return
        if marker == 0xFF93:  # the tile's data follows, to the end that its header named
            at = tile_end
            continue
        end = at + 2 + _u16(data, at + 2)
        if marker == 0xFF64:
            _blank(data, at + 6, end)  # the two bytes before say what kind of comment it is
        elif marker == 0xFF90:
            length = _u32(data, at + 6)
            tile_end = at + length if length else data.rindex(b"\xff\xd9")
        at = end


def _jp2(data: bytearray) -> None:
    at = 0
    while at < len(data):
        length, kind = _u32(data, at), bytes(data[at + 4 : at + 8])
        end = at + length if length else len(data)
        if length == 1:  # the real length follows in eight bytes, of which no frame needs more than four
            end = at + _u32(data, at + 12)
        if kind == b"jp2c":
            _jpeg_2000(data, at + (16 if length == 1 else 8))
            return
        if kind not in (b"jP  ", b"ftyp", b"jp2h"):
            _blank(data, at + 8, end)
        if end <= at:
            raise IndexError
        at = end
