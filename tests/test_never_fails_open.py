"""Hostile files: each gets one sentence, leaves nothing in the destination, and the rest of the folder goes on."""

import io
import random
import struct
import zlib
from pathlib import Path

import canaries
import pytest
from benchmarks import hostile as hostile_files
from canaries import (
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG_2000,
    RLE,
    UNDEFINED,
    fragments,
    grey_frame,
    head,
    image,
    joined,
    one,
    pixel_data,
    small_file,
    tag,
)  # fmt: skip
from PIL import Image
from pydicom import Dataset
from pydicom.data import get_testdata_file

from safeshare import Refused, cli, study
from safeshare.pixeldata import Pixels, check_unpacked

SOUND = ("CT_small.dcm", "MR_small.dcm")
ITEM, ITEM_ENDS, SEQUENCE_ENDS = 0xE000, 0xE00D, 0xE0DD


def sound(name: str) -> bytes:
    return Path(get_testdata_file(name)).read_bytes()


def cut(end: int) -> bytes:
    """Return the beginning of a CT image of another series than the sound one."""
    return sound(SOUND[0]).replace(b"1.3.6.1.4.1.5962.1.3", b"1.3.6.1.4.1.5962.1.9")[:end]


def meta(syntax: canaries.Syntax) -> bytes:
    """Return a file up to where its data set begins."""
    return canaries.file(syntax._replace(deflated=False), b"")


def mark(number: int, length: int = 0) -> bytes:
    """Return the head of an item or a delimiter (PS3.5 section 7.5)."""
    return struct.pack("<HHL", 0xFFFE, number, length)


def nested(depth: int, *, told: bool = False, syntax: canaries.Syntax = EXPLICIT, number: int = 0x00081115) -> bytes:
    """Return sequences in sequences, by default those that stay (Referenced Series Sequence)."""
    if not told:
        start = head(syntax, number, "SQ", UNDEFINED) + mark(ITEM, UNDEFINED)
        return start * depth + (mark(ITEM_ENDS) + mark(SEQUENCE_ENDS)) * depth
    each = len(head(syntax, number, "SQ", 0)) + 8
    levels = reversed(range(depth))
    return b"".join(head(syntax, number, "SQ", each * level + 8) + mark(ITEM, each * level) for level in levels)


def bomb(inside: bytes) -> bytes:
    """Return a deflated file with 1 GiB of zeros in an element, which is 1 MB (PS3.5 A.5)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = deflate.compress(inside) + deflate.flush(zlib.Z_FULL_FLUSH)
    much = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)  # which may be repeated
    return meta(canaries.DEFLATED) + start + 1024 * much + deflate.flush()


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "PNG")
    return out.getvalue()


def claims(keyword: str, vr: str, length: int = 0xFFFFFFFE, syntax: canaries.Syntax = EXPLICIT) -> bytes:
    """Return a file with an element that says that it is 4 GiB long, and holds 8 bytes."""
    return frames(syntax, {tag(keyword): head(syntax, tag(keyword), vr, length) + b"ZQcanary"})


def frames(syntax: canaries.Syntax = EXPLICIT, extra: dict[int, bytes] | None = None) -> bytes:
    """Return a file with two frames, and ``extra`` elements in its header."""
    return small_file(syntax, image(syntax) | (extra or {}), pixel_data(syntax, canaries.Canaries()))


HOSTILE = {
    "header cut in the preamble": lambda: cut(100),
    "header cut behind the preamble": lambda: cut(132),
    "header cut in the file meta information": lambda: cut(200),
    "header cut within an element": lambda: cut(1000),
    "header cut between two elements": lambda: cut(900),
    "header cut at the pixel data": lambda: cut(sound(SOUND[0]).index(b"\xe0\x7f\x10\x00OW") + 8),
    "pixel data cut": lambda: cut(-20000),
    "pixel data cut by two bytes": lambda: frames()[:-10],
    "compressed pixel data cut": lambda: frames(RLE)[:-40],
    "compressed pixel data without delimiter": lambda: frames(JPEG_2000)[:-8],
    "text": lambda: b"not a scan\n" * 50,
    "PNG": picture,
    "empty": lambda: b"",
    "random bytes": lambda: random.Random(7).randbytes(5000),
    "random bytes behind DICM": lambda: bytes(128) + b"DICM" + random.Random(7).randbytes(5000),
    "1,000 nested sequences": lambda: frames(EXPLICIT, {0x00081115: nested(1000)}),
    "100,000 nested sequences": lambda: frames(EXPLICIT, {0x00081115: nested(100_000)}),
    "1,000 nested sequences, implicit": lambda: frames(IMPLICIT, {0x00081115: nested(1000, syntax=IMPLICIT)}),
    "1,000 nested sequences of told length": lambda: frames(EXPLICIT, {0x00081115: nested(1000, told=True)}),
    "100,000 nested sequences of told length": lambda: frames(EXPLICIT, {0x00081115: nested(100_000, told=True)}),
    "100,000 nested private sequences": lambda: frames(EXPLICIT, {0x00091010: nested(100_000, number=0x00091010)}),
    "deflate bomb": lambda: bomb(head(EXPLICIT, 0x00091010, "OB", 1 << 30)),
    "deflate bomb as pixels": lambda: bomb(joined(image(EXPLICIT)) + head(EXPLICIT, tag("PixelData"), "OB", 1 << 30)),
    "4 GiB in bytes": lambda: claims("EncapsulatedDocument", "OB"),
    "4 GiB in a name": lambda: claims("PatientName", "UT"),
    "4 GiB in a name, implicit": lambda: claims("PatientName", "PN", syntax=IMPLICIT),
    "4 GiB in a sequence": lambda: claims("ReferencedSeriesSequence", "SQ"),
    "4 GiB of pixels": lambda: small_file(
        EXPLICIT, image(EXPLICIT), head(EXPLICIT, tag("PixelData"), "OW", 0xFFFFFFFE) + bytes(512)
    ),
    "a sequence without an end": lambda: claims("ReferencedSeriesSequence", "SQ", UNDEFINED),
    "an item without an end": lambda: small_file(
        EXPLICIT, {}, head(EXPLICIT, 0x00081115, "SQ", UNDEFINED) + mark(ITEM, UNDEFINED)
    ),
    "an unknown value without an end": lambda: claims("PatientComments", "UN", UNDEFINED),
    "a name without an end": lambda: claims("PatientName", "PN", UNDEFINED, IMPLICIT),
    "pixels without an end": lambda: small_file(
        RLE, image(RLE), head(RLE, tag("PixelData"), "OB", UNDEFINED) + mark(ITEM)
    ),
}


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """A folder with all hostile files and two sound ones."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, make in HOSTILE.items():
        (folder / f"{name}.dcm").write_bytes(make())
    for name in SOUND:
        (folder / name).write_bytes(sound(name))
    return folder


@pytest.mark.parametrize("kinds", [("metadata",), ("text", "faces"), study.KINDS])
def test_each_hostile_file_is_refused_with_one_sentence_and_the_rest_goes_on(hostile, tmp_path, capsys, kinds):
    assert cli.main(["strip", str(hostile), str(tmp_path / "safe"), "--kinds", ",".join(kinds)]) == 1
    out, err = capsys.readouterr()
    assert f"{len(HOSTILE) + 2} files: 2 stripped, {len(HOSTILE)} refused." in out
    refused = [line for line in err.splitlines() if line.startswith("refused")]
    assert sorted(Path(line[9:].partition(".dcm: ")[0]).name for line in refused) == sorted(HOSTILE)
    for line in refused:
        sentence = line.partition(".dcm: ")[2]
        assert sentence.endswith(".") and ": " in sentence, "what is wrong, and what to do"
        assert "Error" not in sentence and "tell the makers" not in sentence
    assert [path.suffix for path in files(tmp_path / "safe")] == [".dcm", ".dcm"]


@pytest.mark.parametrize("verb", ["export", "strip --dry-run", "audit"])
def test_no_command_stumbles_over_hostile_files(hostile, tmp_path, capsys, verb):
    verb, *options = verb.split()
    folders = [str(hostile)] + [str(tmp_path / "safe")] * (verb != "audit")
    assert cli.main([verb, *folders, *options, "--kinds", "metadata", "--report", str(tmp_path / "report.json")]) == 1
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("refused")]
    # audit reads headers only: files whose pixels break off, or whose header seems to be whole, are refused by strip
    headers = [name for name in HOSTILE if "pixel" not in name and "between two elements" not in name]
    refused = [Path(line[9:].partition(".dcm: ")[0]).name for line in lines]
    assert set(headers if verb == "audit" else HOSTILE) <= set(refused) <= set(HOSTILE)
    if verb == "export":
        assert {path.suffix for path in files(tmp_path / "safe")} == {".png", ".csv"}


WRONG = [
    (vr, syntax)
    for vr in ("UN", "ZZ", "\0\0", "SQ", "OB", "US", "FD", "DS", "UI", "CS", "AT", "UT", "PN")
    for syntax in (EXPLICIT, IMPLICIT)
]


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "PatientBirthDate", "InstitutionName", "Rows"])
def test_an_attribute_with_a_wrong_vr_is_emptied_or_the_file_is_refused(tmp_path, capsys, keyword):
    (tmp_path / "in").mkdir()
    for number, (vr, syntax) in enumerate(WRONG):
        extra = one("SOPInstanceUID", "UI", b"1.2.%d" % number, syntax) | one(keyword, vr, b"ZQcanary", syntax)
        data = small_file(syntax, image(syntax) | extra, pixel_data(syntax, canaries.Canaries()))
        (tmp_path / "in" / f"{number}.dcm").write_bytes(data)
    cli.main(["strip", str(tmp_path / "in"), str(tmp_path / "safe"), "--kinds", "metadata"])
    out, err = capsys.readouterr()
    refused = sum(line.startswith("refused") for line in err.splitlines())
    copies = files(tmp_path / "safe")
    assert f"{len(WRONG)} files: {len(WRONG) - refused} stripped, {refused} refused." in out
    assert len(copies) == len(WRONG) - refused
    assert not any(b"ZQcanary" in path.read_bytes() for path in copies)
    assert "Traceback" not in err and "tell the makers" not in err
    if keyword != "Rows":
        assert copies, "not all are refused: what can be told for sure is stripped"


BOMBS = (
    "900,000 elements in an item", "1,200,000 items in a sequence that goes", "10 MB in 29 sequences", "1,000,000 UIDs",
    "a name of 10 MB", "1,000 names and 9 MB of text", "1,000,000 dates", "10 MB of spaces in a number",
    "800,000 fragments of JPEG", "JPEG of application segments", "RLE of nothing",
)  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the largest memory of a process")
def test_10_mb_that_are_made_to_keep_a_reader_busy_take_little_memory(tmp_path):
    (tmp_path / "in").mkdir()
    for number, name in enumerate(BOMBS):
        data = hostile_files.HEADERS[name]().replace(b"1.2.3.4.5\0", b"1.2.3.4.%d\0" % number, 1)
        (tmp_path / "in" / f"{number}.dcm").write_bytes(data)
    seconds, megabytes, said, code = hostile_files.run(tmp_path / "in", "metadata")
    assert code == 1 and "Traceback" not in said
    assert megabytes < hostile_files.MEGABYTES


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (JPEG, grey_frame(JPEG).replace(struct.pack(">2H", 16, 16), struct.pack(">2H", 60_000, 60_000), 1)),
        (JPEG_2000, grey_frame(JPEG_2000).replace(struct.pack(">2L", 16, 16), struct.pack(">2L", 60_000, 60_000), 1)),
        (RLE, grey_frame(RLE) + b"\x81\0" * 100_000),
    ],
)
@pytest.mark.parametrize("kinds", ["metadata", "text"])
def test_a_picture_that_is_larger_than_its_header_says_is_not_decoded(tmp_path, capsys, syntax, frame, kinds):
    path = tmp_path / "scan.dcm"
    frames = (each + b"\0" * (len(each) % 2) for each in (frame, grey_frame(syntax)))
    path.write_bytes(small_file(syntax, image(syntax), fragments(syntax, b"", *frames)))
    assert cli.main(["strip", str(path), str(tmp_path / "safe.dcm"), "--kinds", kinds]) == 1
    assert "a picture in it is larger than its header says" in capsys.readouterr().err
    assert files(tmp_path) == [path]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"Rows": 65_535, "Columns": 65_535}, "far more than its size"),
        ({"NumberOfFrames": 2_000_000_000}, "far more than its size"),
        ({"Rows": 4_000, "Columns": 4_000, "NumberOfFrames": 100}, "far more than its size"),
        ({"NumberOfFrames": 1_001}, "more frames than"),
        ({"Rows": 60_000, "Columns": 1}, "a strip and no picture"),
        ({"Columns": 2_001, "Rows": 40, "NumberOfFrames": 1}, "a strip and no picture"),
        ({"Columns": 2_000, "Rows": 40, "NumberOfFrames": 1_000}, ""),
        ({"Rows": 8_000, "Columns": 8_000, "NumberOfFrames": 4}, ""),
    ],
)
def test_what_unpacks_to_far_more_than_its_size_is_refused_before_it_is_decoded(changed, sentence):
    dataset = Dataset()
    for keyword, value in (canaries.IMAGE | changed).items():
        setattr(dataset, keyword, value)
    pixels = Pixels(tag("PixelData"), "OB", UNDEFINED, io.BytesIO(), dataset)
    if not sentence:
        check_unpacked(pixels, 10_000)
        return
    with pytest.raises(Refused, match=sentence):
        check_unpacked(pixels, 10_000)


@pytest.mark.parametrize("verb", ["audit", "strip"])
def test_no_command_decodes_what_unpacks_to_far_more_than_its_size(tmp_path, capsys, verb):
    path = tmp_path / "scan.dcm"
    path.write_bytes(
        hostile_files.one_frame(RLE, 16).replace(b"\x28\0\x10\0US\2\0\x10\0", b"\x28\0\x10\0US\2\0\0\x10", 1)
    )
    assert cli.main([verb, str(path), *[str(tmp_path / "safe.dcm")] * (verb == "strip"), "--kinds", "text"]) == 1
    assert "a strip and no picture" in capsys.readouterr().err
    assert files(tmp_path) == [path]
