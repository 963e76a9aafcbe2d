"""Pixels to the byte: no picture is cut, nothing stays behind it, and its numbers keep their sign."""

import io
import struct

import canaries
import pydicom
import pytest
from canaries import EXPLICIT, IMPLICIT, KEY, RLE, SIDE, element, image, in_sequence, one, small_file, tag
from pydicom.dataset import FileMetaDataset

from safeshare import Refused, metadata, study
from safeshare.compressed import blank

CANARY = b"ZQcanary"
pytestmark = pytest.mark.filterwarnings("ignore:Expected explicit VR")  # which is what one test is about
FRAME = bytes(1 + number % 250 for number in range(SIDE * SIDE))  # no byte of it is zero


def described(**values):
    """Return what describes one grey frame of 8 bits, but for these values."""
    extra = image(EXPLICIT) | one("NumberOfFrames", "IS", b"1")
    for keyword, value in values.items():
        extra |= one(keyword, "US", struct.pack("<H", value)) if isinstance(value, int) else one(keyword, *value)
    return extra


def with_pixels(value, keyword="PixelData", vr="OB", **values):
    return small_file(EXPLICIT, described(**values), element(EXPLICIT, tag(keyword), vr, value))


def in_memory(data):
    return pydicom.dcmread(io.BytesIO(data))


def saved(dataset):
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


HALVED = {"SamplesPerPixel": 3, "PhotometricInterpretation": ("CS", b"YBR_FULL_422")}
SINGLE_BITS = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}
MORE_THAN_SAID = {
    "colours that are not shared": (FRAME * 3, HALVED),
    "colours that are not shared, and a remark": (FRAME * 3 + CANARY, HALVED),
    "another frame": (FRAME * 2, {}),
    "another frame of single bits": (FRAME[:64], SINGLE_BITS),
    "three colours": (FRAME * 3, {"PhotometricInterpretation": ("CS", b"RGB")}),
    "12 bits, and 16 for each": (FRAME * 2, {"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}),
    "frames that are padded one by one": (FRAME[:20], {"Rows": 3, "Columns": 3, "NumberOfFrames": ("IS", b"2")}),
}


@pytest.mark.parametrize("what", MORE_THAN_SAID)
def test_a_picture_is_never_cut(tmp_path, what):
    value, values = MORE_THAN_SAID[what]
    data = with_pixels(value, **values)
    with pytest.raises(Refused, match="may be picture"):
        canaries.strip_bytes(tmp_path, data)
    assert not (tmp_path / "stripped.dcm").exists()
    with pytest.raises(Refused, match="may be picture"):
        metadata.strip(in_memory(data), key=KEY)


@pytest.mark.parametrize("kinds", [("metadata",), ("metadata", "text")])
def test_a_folder_with_such_a_picture_says_so(tmp_path, kinds):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(with_pixels(FRAME * 3, **HALVED))
    (outcome,) = study.strip(tmp_path / "in", tmp_path / "out", kinds=kinds, key=KEY)
    assert "Photometric Interpretation" in outcome.reason


SPARE = {
    "a few bytes": (FRAME + CANARY, FRAME, {}),
    "a frame of zeros": (FRAME + bytes(len(FRAME)), FRAME, {}),
    "a frame of zeros, and a remark": (FRAME + bytes(len(FRAME)) + CANARY, FRAME, {}),
    "less than a byte for each pixel": (FRAME * 2 + FRAME[:-2], FRAME * 2, {"BitsAllocated": 16}),
}


@pytest.mark.parametrize("what", SPARE)
def test_spare_bytes_become_zero_and_pixels_stay(tmp_path, what):
    value, pixels, values = SPARE[what]
    data = with_pixels(value, **values)
    expected = pixels.ljust(len(value), b"\0")
    assert pydicom.dcmread(canaries.strip_bytes(tmp_path, data)).PixelData == expected
    assert metadata.strip(in_memory(data), key=KEY).PixelData == expected


# In memory: whatever can hold pixels.


@pytest.mark.parametrize(("keyword", "size"), [("FloatPixelData", 4), ("DoubleFloatPixelData", 8)])
def test_spare_bytes_of_real_numbers_become_zero_in_memory(keyword, size):
    pixels = bytes(range(SIDE * SIDE)) * size
    dataset = in_memory(with_pixels(pixels + CANARY, keyword, {4: "OF", 8: "OD"}[size]))
    assert [finding.where for finding in metadata.find(dataset)].count(keyword) == 1
    clean = metadata.strip(dataset, key=KEY)
    assert CANARY not in saved(clean)
    assert in_memory(saved(clean))[keyword].value == pixels + bytes(8)
    assert metadata.find(clean) == []


def test_of_two_kinds_of_pixel_data_nobody_knows_which_is_the_picture(tmp_path):
    dataset = in_memory(with_pixels(FRAME))
    dataset.FloatPixelData = CANARY * 20
    with pytest.raises(Refused, match="two kinds"):
        metadata.strip(dataset, key=KEY)
    with pytest.raises(Refused, match="two kinds"):
        canaries.strip_bytes(tmp_path, saved(dataset))


# RLE (PS3.5 annex G).


def unrolled(frame):
    """Return the first pixels of a frame of literal runs and single values."""
    at, out = 64, b""
    while len(out) < SIDE * SIDE:
        code = frame[at]
        out += frame[at + 1 : at + 2 + code] if code < 128 else frame[at + 1 : at + 2] * (257 - code)
        at += code + 2 if code < 128 else 2
    return out[: SIDE * SIDE]


@pytest.mark.parametrize("before", [0, 1, 100])
def test_a_run_that_is_longer_than_its_segment_hides_nothing(before):
    """The last run brings one pixel, or a few, and behind them what no pixel needs."""
    first, last = FRAME[: len(FRAME) - before - 1], FRAME[len(FRAME) - before - 1 :]
    runs = b"".join(bytes([len(run) - 1]) + run for run in (first[at : at + 100] for at in range(0, len(first), 100)))
    tail = last + (CANARY * 16)[: 128 - len(last)]
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + runs + bytes([len(tail) - 1]) + tail
    clean = blank(frame, RLE.uid, SIDE * SIDE)
    assert CANARY not in clean and len(clean) == len(frame)
    assert unrolled(clean) == unrolled(frame) == FRAME


def test_a_repeated_value_that_is_longer_than_its_segment_stays():
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + bytes([157, 7] * 3)  # three times a hundred pixels
    assert blank(frame, RLE.uid, SIDE * SIDE) == frame


# Implicit data under an explicit syntax: VRs have to be told.


@pytest.mark.parametrize(("signed", "expected"), [(1, -2000), (0, 63536)])
def test_implicit_numbers_under_an_explicit_syntax_keep_their_sign(tmp_path, signed, expected):
    value = struct.pack("<h", -2000)
    mapped = one("RealWorldValueFirstValueMapped", "SS", value, IMPLICIT)
    extra = image(IMPLICIT) | one("PixelRepresentation", "US", struct.pack("<H", signed), IMPLICIT)
    extra |= one("PixelPaddingValue", "SS", value, IMPLICIT)
    extra |= in_sequence("RealWorldValueMappingSequence", mapped, syntax=IMPLICIT)
    body = small_file(IMPLICIT, extra, element(IMPLICIT, tag("PixelData"), "OW", FRAME * 2))
    body = body[body.index(struct.pack("<HHL", 0x0008, 0x0016, 26)) :]
    copy = pydicom.dcmread(canaries.strip_bytes(tmp_path, canaries.file(EXPLICIT, body)))
    assert copy.PixelPaddingValue == expected
    assert copy.RealWorldValueMappingSequence[0].RealWorldValueFirstValueMapped == expected


# Transfer syntaxes that nobody else knows, in memory.


@pytest.mark.parametrize("uid", ["1.2.840.113619.5.2", "1.2.840.10008.5.1.4.1.1.2"], ids=["private", "no syntax"])
def test_a_transfer_syntax_that_is_none_is_refused_and_shown(uid):
    dataset = in_memory(with_pixels(FRAME))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid
    for work in (metadata.find, metadata.strip):
        with pytest.raises(Refused, match="transfer syntax"):
            work(dataset)
    assert "transfer syntax" in repr(metadata.show(dataset))


# Reasons do not quote what somebody may have written into a header.


@pytest.mark.parametrize(("said", "named"), [("HUBEROVA EVE", "unknown kind"), ("CMYK", "CMYK")])
def test_the_reason_why_a_picture_is_not_exported_names_terms_only(tmp_path, said, named):
    secondary = ("UI", b"1.2.840.10008.5.1.4.1.1.7")
    data = with_pixels(FRAME, PhotometricInterpretation=("CS", said.encode()), SOPClassUID=secondary)
    (tmp_path / "a.dcm").write_bytes(data)
    (outcome,) = study.export(tmp_path / "a.dcm", tmp_path / "out", kinds=("metadata",), key=KEY)
    assert named in outcome.reason and "HUBEROVA" not in outcome.reason
