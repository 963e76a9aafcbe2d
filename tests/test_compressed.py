"""Compressed frames: what is hidden in them goes, every pixel stays, and no broken frame gets through or hangs."""

import io
import random
import struct

import canaries
import numpy as np
import pydicom
import pytest
from PIL import Image, features

from safeshare import metadata
from safeshare.compressed import blank

jpeg_ls = pytest.importorskip("jpeg_ls")

JPEG, JPEG_LS, JPEG_2000, HTJ2K, RLE, MPEG2 = (
    f"1.2.840.10008.1.2.{end}" for end in ("4.50", "4.80", "4.90", "4.201", "5", "4.100")
)
SIDE = 40
GREY = (np.indices((SIDE, SIDE)).sum(axis=0) * 3).astype("u1")
COLOUR = np.stack([GREY, GREY.T[::-1], 255 - GREY], axis=-1)
CANARY = b"ZQcanary"
JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"


def encoded(picture, kind, **how):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind, **how)
    return out.getvalue()


def rle(*planes):
    """Return a frame of literal runs, a segment for each plane (PS3.5 annex G)."""
    segments = []
    for plane in planes:
        runs = (plane[at : at + 128] for at in range(0, len(plane), 128))
        segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64 + sum(map(len, segments[:number])) for number in range(len(segments))]
    return struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def unrle(frame):
    count, *offsets = struct.unpack("<16L", frame[:64])
    planes = []
    for start in offsets[:count]:
        plane, at = b"", start
        while len(plane) < SIDE * SIDE:
            code = frame[at]
            literal = code < 128
            plane += frame[at + 1 : at + 2 + code] if literal else frame[at + 1 : at + 2] * (257 - code)
            at += 2 + code if literal else 2
        planes.append(plane)
    return planes


def pillow(frame):
    return np.asarray(Image.open(io.BytesIO(frame)))


CODED = {
    "JPEG": (JPEG, encoded(GREY, "JPEG"), pillow),
    "JPEG, colour": (JPEG, encoded(COLOUR, "JPEG"), pillow),
    "JPEG, progressive": (JPEG, encoded(COLOUR, "JPEG", progressive=True), pillow),
    "JPEG, restarts": (JPEG, encoded(GREY, "JPEG", restart_marker_blocks=2), pillow),
    "JPEG-LS": (
        JPEG_LS,
        bytes(jpeg_ls.encode_array(GREY)),
        lambda frame: np.asarray(jpeg_ls.decode(np.frombuffer(frame, "u1"))),
    ),
    "RLE": (RLE, rle(GREY.tobytes(), GREY.T[::-1].tobytes()), unrle),
}
if features.check("jpg_2000"):
    CODED |= {
        "JPEG 2000": (JPEG_2000, encoded(GREY, "JPEG2000", no_jp2=True), pillow),
        "JPEG 2000, colour in tiles": (JPEG_2000, encoded(COLOUR, "JPEG2000", no_jp2=True, tile_size=(16, 16)), pillow),
    }


def segment(marker, body):
    return struct.pack(">HH", marker, len(body) + 2) + body


def behind_start(*segments):
    def put(frame):
        return frame[:2] + b"".join(segments) + frame[2:]

    return put


def in_main_header(*segments):
    def put(frame):
        at = frame.index(b"\xff\x90\x00\x0a")
        return frame[:at] + b"".join(segments) + frame[at:]

    return put


def in_tile_header(frame):
    comment = segment(0xFF64, b"\0\1" + CANARY)
    tile, data = frame.index(b"\xff\x90\x00\x0a"), frame.index(b"\xff\x93")
    length = struct.unpack(">L", frame[tile + 6 : tile + 10])[0] + len(comment)
    return frame[: tile + 6] + struct.pack(">L", length) + frame[tile + 10 : data] + comment + frame[data:]


def with_open_tile(frame):
    """The tile says that it reaches to the end of the codestream; a second end hides what is between the two."""
    tile = frame.index(b"\xff\x90\x00\x0a")
    return frame[: tile + 6] + bytes(4) + frame[tile + 10 :] + CANARY + b"\xff\xd9"


def before_segments(frame):
    count, *offsets = struct.unpack("<16L", frame[:64])
    moved = [offset + len(CANARY) for offset in offsets[:count]]
    return struct.pack("<16L", count, *moved, *[0] * (15 - count)) + CANARY + frame[64:]


def in_unused_offsets(frame):
    return frame[: 64 - len(CANARY)] + CANARY + frame[64:]


THUMBNAIL = b"JFIF\0\1\1\0\0\1\0\1\3\1" + CANARY + b"\0"
HIDDEN = {
    ("JPEG", "comment"): behind_start(segment(0xFFFE, CANARY)),
    ("JPEG, colour", "EXIF"): behind_start(segment(0xFFE1, b"Exif\0\0" + CANARY)),
    ("JPEG, progressive", "comment behind fill bytes"): behind_start(b"\xff\xff" + segment(0xFFFE, CANARY)),
    ("JPEG, restarts", "thumbnail"): lambda frame: frame[:2] + segment(0xFFE0, THUMBNAIL) + frame[20:],
    ("JPEG", "JFIF extension"): behind_start(segment(0xFFE0, b"JFXX\0\x13" + CANARY)),
    ("JPEG", "behind Adobe's colour transform"): behind_start(segment(0xFFEE, b"Adobe\0\x64\0\0\0\0\0" + CANARY)),
    ("JPEG", "behind the end"): lambda frame: frame + CANARY,
    ("JPEG, restarts", "behind the end"): lambda frame: frame + b"\xff\xd8" + segment(0xFFFE, CANARY) + b"\xff\xd9",
    ("JPEG-LS", "comment"): behind_start(segment(0xFFFE, CANARY)),
    ("JPEG-LS", "application data"): behind_start(segment(0xFFE8, CANARY), segment(0xFFEF, CANARY)),
    ("JPEG-LS", "behind the end"): lambda frame: frame + CANARY,
    ("JPEG 2000", "comment"): in_main_header(segment(0xFF64, b"\0\1" + CANARY)),
    ("JPEG 2000", "unknown segment"): in_main_header(segment(0xFF6F, CANARY)),
    ("JPEG 2000", "comment in a tile"): in_tile_header,
    ("JPEG 2000, colour in tiles", "comment"): in_main_header(segment(0xFF64, b"\0\0" + CANARY)),
    ("JPEG 2000, colour in tiles", "comment in a tile"): in_tile_header,
    ("JPEG 2000", "behind the end"): lambda frame: frame + CANARY,
    ("JPEG 2000", "behind an open tile"): with_open_tile,
    ("RLE", "behind the segments"): lambda frame: frame + CANARY,
    ("RLE", "before the segments"): before_segments,
    ("RLE", "unused offsets"): in_unused_offsets,
}  # fmt: skip


def cleaned(frame, syntax):
    clean = blank(frame, syntax, SIDE * SIDE)
    assert len(clean) == len(frame)  # every offset to a frame still holds
    return clean


@pytest.mark.parametrize("coding", CODED)
def test_a_plain_frame_keeps_its_pixels(coding):
    syntax, frame, decode = CODED[coding]
    clean = cleaned(frame, syntax)
    assert np.array_equal(decode(clean), decode(frame))
    assert cleaned(clean, syntax) == clean


@pytest.mark.parametrize(("coding", "place"), HIDDEN, ids=lambda word: word.replace(" ", "-"))
def test_hidden_bytes_go_and_pixels_stay(coding, place):
    if coding not in CODED:
        pytest.skip("this Pillow has no JPEG 2000: `pip install --upgrade pillow`")
    syntax, frame, decode = CODED[coding]
    telling = HIDDEN[coding, place](frame)
    assert CANARY in telling
    clean = cleaned(telling, syntax)
    assert CANARY not in clean
    if place != "behind an open tile":  # such a tile reaches to the end of the frame, and OpenJPEG trips over the zeros
        assert np.array_equal(decode(clean), decode(frame))
    assert cleaned(clean, syntax) == clean


def loop(frame):
    """The tile's length leads back to the start of its own data."""
    tile, data = frame.index(b"\xff\x90\x00\x0a"), frame.index(b"\xff\x93")
    return frame[: tile + 6] + struct.pack(">L", data - tile) + frame[tile + 10 :]


BROKEN = {
    "no start": ("JPEG", lambda frame: CANARY + frame),
    "half": ("JPEG", lambda frame: frame[: len(frame) // 2]),
    "no end": ("JPEG", lambda frame: frame[:-2]),
    "nothing": ("JPEG", lambda frame: b""),
    "text": ("JPEG-LS", lambda frame: CANARY),
    "half of JPEG-LS": ("JPEG-LS", lambda frame: frame[: len(frame) // 2]),
    "a tile that ends before it begins": ("JPEG 2000", loop),
    "half of JPEG 2000": ("JPEG 2000", lambda frame: frame[: len(frame) // 2]),
    "in a JP2 file (PS3.5 A.4.4 wants the bare codestream)": ("JPEG 2000", lambda frame: JP2_START + frame),
    "half of RLE": ("RLE", lambda frame: frame[: len(frame) // 2]),
    "offsets that lead nowhere": ("RLE", lambda frame: struct.pack("<16L", 2, 64, 2**31, *[0] * 13) + frame[64:]),
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_frame_is_refused(how):
    coding, spoil = BROKEN[how]
    if coding not in CODED:
        pytest.skip("this Pillow has no JPEG 2000: `pip install --upgrade pillow`")
    syntax, frame, _ = CODED[coding]
    with pytest.raises(ValueError, match="picture"):
        blank(spoil(frame), syntax, SIDE * SIDE)


def test_a_coding_that_cannot_be_checked_is_refused():
    with pytest.raises(ValueError, match="film"):
        blank(b"\0\0\1\xb2" + CANARY, MPEG2, SIDE * SIDE)
    with pytest.raises(ValueError, match="JPEG 2000"):
        blank(CANARY, HTJ2K, SIDE * SIDE)


@pytest.mark.parametrize("coding", CODED)
def test_no_damage_hangs_or_gets_through_with_another_length(coding):
    syntax, frame, _ = CODED[coding]
    chance = random.Random(20240229)
    for _ in range(300):
        damaged = bytearray(frame)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(min(len(damaged), 400)) if chance.random() < 0.7 else chance.randrange(len(damaged))
            damaged[at] = chance.choice([0x00, 0xFF, 0x90, 0x93, 0xD9, 0x64, chance.randrange(256)])
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        try:
            assert len(blank(bytes(damaged), syntax, SIDE * SIDE)) == len(damaged)
        except ValueError:
            pass


# Whole files: frames in fragments.


def fragmented(coding, frames, table):
    """Return a file with so many frames, each in three fragments."""
    syntax, frame, _ = CODED[coding]
    frame += b"\0" * (len(frame) % 2)
    third = len(frame) // 6 * 2
    parts = [frame[:third], frame[third : 2 * third], frame[2 * third :]]
    offsets = struct.pack(f"<{frames}L", *(n * (len(frame) + 24) for n in range(frames))) if table else b""
    made = canaries.Syntax(syntax, encapsulated=True)
    size = {0x00280010: SIDE, 0x00280011: SIDE, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0}
    body = canaries.element(made, 0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.7.2")
    body += canaries.element(made, 0x00080018, "UI", b"1.2.3.4") + canaries.numbers(made, 0x00280002, "US", 1)
    body += canaries.element(made, 0x00280004, "CS", b"MONOCHROME2")
    body += canaries.element(made, 0x00280008, "IS", str(frames).encode())
    body += b"".join(canaries.numbers(made, tag, "US", value) for tag, value in size.items())
    return canaries.file(made, body + canaries.fragments(made, offsets, *parts * frames))


@pytest.mark.parametrize("table", [True, False], ids=["offset table", "no offset table"])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("coding", ["JPEG", "JPEG-LS", "JPEG 2000"])
def test_frames_in_fragments_keep_their_pixels(tmp_path, coding, frames, table):
    if coding not in CODED:
        pytest.skip("this Pillow has no JPEG 2000: `pip install --upgrade pillow`")
    source, copy = tmp_path / "source.dcm", tmp_path / "copy.dcm"
    source.write_bytes(fragmented(coding, frames, table))
    metadata.strip_file(source, copy)
    before, after = pydicom.dcmread(source), pydicom.dcmread(copy)
    assert after.pixel_array.shape[:-2] == ((frames,) if frames > 1 else ())
    assert np.array_equal(after.pixel_array, before.pixel_array)


def test_more_frames_than_the_header_says_are_not_lost_silently(tmp_path):
    source = tmp_path / "source.dcm"
    one_too_many = fragmented("JPEG", 2, False).replace(b"\x28\0\x08\0IS\x02\x002 ", b"\x28\0\x08\0IS\x02\x001 ")
    source.write_bytes(one_too_many)
    metadata.strip_file(source, tmp_path / "copy.dcm")
    before, after = (pydicom.dcmread(path).PixelData for path in (source, tmp_path / "copy.dcm"))
    assert after == before
