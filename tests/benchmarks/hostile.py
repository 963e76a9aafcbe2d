"""Hostile files of at most 10 MB, many files and a large one: time and memory that the command takes.

    python tests/benchmarks/hostile.py                          all; metadata only where pixels do not matter
    python tests/benchmarks/hostile.py --only "JPEG 2000"       those with this in their name
    python tests/benchmarks/hostile.py --large                  5,000 files, and clips of 2 GB with 8,192 frames

Each file is stripped by itself, in a process of its own. A line says how large the file is, how many seconds of CPU
time it took, the largest memory (VmHWM, so this needs Linux), and what became of it. More than 10 s or 500 MB is
marked with <<<<, and the exit code is 1 then. Only the command's own sentence is an answer: a traceback is marked, too.
"""

import argparse
import io
import os
import random
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own writer of DICOM files

import burned_in
import canaries
import numpy as np
from canaries import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    RLE,
    UNDEFINED,
    Syntax,
    element,
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
from pydicom import dcmread
from pydicom.data import get_testdata_file

SIZE, SECONDS, MEGABYTES = 10_000_000, 10, 500
KEPT, REMOVED = tag("ReferencedSeriesSequence"), tag("OriginalAttributesSequence")
PRIVATE = 0x00091010
CAPTURE, SPECTRA = b"1.2.840.10008.5.1.4.1.1.7\0", b"1.2.840.10008.5.1.4.1.1.4.2\0"
RADIOGRAPH = b"1.2.840.10008.5.1.4.1.1.1\0"  # as long as that of a secondary capture; only in these are objects sought
KINDS = "metadata,text,faces,objects"
_WATCHED = """
import sys
from safeshare import cli
code = cli.main(sys.argv[1:])
line = next((line for line in open("/proc/self/status") if line.startswith("VmHWM")), "VmHWM: 0 kB")
print("memory", int(line.split()[1]) // 1000)
sys.exit(code)
"""


def filled(unit: bytes, size: int = SIZE) -> bytes:
    """Return so many bytes of the same again and again."""
    return unit * (size // len(unit))


def item(length: int = 0) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, length)


ITEM_ENDS, SEQUENCE_ENDS = struct.pack("<HHL", 0xFFFE, 0xE00D, 0), struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def with_elements(extra: dict[int, bytes], syntax: Syntax = EXPLICIT) -> bytes:
    """Return an image with these in its header."""
    return small_file(syntax, image(syntax) | extra, pixel_data(syntax, canaries.Canaries()))


def untold(number: int, items: bytes, syntax: Syntax = EXPLICIT) -> dict[int, bytes]:
    """Return a sequence whose length is not told."""
    return {number: head(syntax, number, "SQ", UNDEFINED) + items + SEQUENCE_ENDS}


def told(number: int, items: bytes) -> dict[int, bytes]:
    return {number: head(EXPLICIT, number, "SQ", len(items)) + items}


def nested(inside: bytes, depth: int) -> dict[int, bytes]:
    for _ in range(depth):
        inside = head(EXPLICIT, KEPT, "SQ", len(inside) + 8) + item(len(inside)) + inside
    return {KEPT: inside}


def elements(number: int, syntax: Syntax = EXPLICIT) -> bytes:
    """Return so many empty elements, each of another tag."""
    return b"".join(
        head(syntax, 0x00190000 + 0x20000 * (n // 0xE000) + 0x1000 + n % 0xE000, "CS", 0) for n in range(number)
    )


def numbered(form: bytes, number: int, between: bytes = b"^") -> bytes:
    return between.join(form % n for n in range(number))


def un(keyword: str, value: bytes) -> dict[int, bytes]:
    return {tag(keyword): element(EXPLICIT, tag(keyword), "UN", value)}


def deflated(parts: dict[int, bytes], behind: bytes = b"") -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = joined(one("SOPClassUID", "UI", SPECTRA) | parts) + behind
    return canaries.file(DEFLATED._replace(deflated=False), b"") + deflate.compress(body) + deflate.flush()


def segments(marker: int, body: bytes = b"") -> bytes:
    return filled(struct.pack(">HH", marker, len(body) + 2) + body)


def coded(syntax: Syntax, *frames: bytes) -> bytes:
    """Return an image of two frames in this coding, the first of which is usually the hostile one."""
    return small_file(
        syntax, image(syntax), fragments(syntax, b"", *(each + b"\0" * (len(each) % 2) for each in frames))
    )


def sized(syntax: Syntax, pixels: bytes, rows: int, columns: int, frames: int = 1, sop: bytes = CAPTURE) -> bytes:
    """Return an image whose header says this size."""
    extra = image(syntax) | one("SOPClassUID", "UI", sop) | one("NumberOfFrames", "IS", b"%d" % frames)
    extra |= one("Rows", "US", struct.pack("<H", rows)) | one("Columns", "US", struct.pack("<H", columns))
    return small_file(syntax, extra, pixels)


def native(rows: int, columns: int, frames: int = 1) -> bytes:
    """Return noise."""
    noise = random.Random(3).randbytes(rows * columns * frames)
    return sized(EXPLICIT, element(EXPLICIT, tag("PixelData"), "OB", noise), rows, columns, frames)


def one_frame(syntax: Syntax, side: int, says: int | None = None, frames: int = 1) -> bytes:
    """Return black frames of this side, and a header that says the same or another."""
    frame = black(syntax, side)
    frame += b"\0" * (len(frame) % 2)
    return sized(syntax, fragments(syntax, b"", *[frame] * frames), says or side, says or side, frames)


def black(syntax: Syntax, side: int) -> bytes:
    if syntax is RLE:
        return struct.pack("<16L", 1, 64, *[0] * 14) + b"\x81\0" * (side * side // 128) + b"\x81\0"
    if syntax is JPEG_LS:
        import jpeg_ls
        import numpy as np

        return bytes(jpeg_ls.encode_array(np.zeros((side, side), "u1")))
    out = io.BytesIO()
    picture = Image.new("L", (side, side))
    picture.save(out, "JPEG") if syntax is JPEG else picture.save(out, "JPEG2000", no_jp2=True)
    return out.getvalue()


HEADERS: dict[str, Callable[[], bytes]] = {
    "700,000 elements": lambda: with_elements({PRIVATE: elements(700_000)}),
    "900,000 elements in an item": lambda: with_elements(told(KEPT, item(7_200_000) + elements(900_000))),
    "900,000 elements in an item without an end": lambda: with_elements(
        untold(KEPT, item(UNDEFINED) + elements(900_000) + ITEM_ENDS)
    ),
    "1,200,000 elements in an item, implicit": lambda: with_elements(
        untold(KEPT, item(UNDEFINED) + elements(1_200_000, IMPLICIT) + ITEM_ENDS, IMPLICIT), IMPLICIT
    ),
    "1,200,000 items": lambda: with_elements(told(KEPT, filled(item()))),
    "1,200,000 items without an end": lambda: with_elements(untold(KEPT, filled(item()))),
    "1,200,000 items in a sequence that goes": lambda: with_elements(told(REMOVED, filled(item()))),
    "1,200,000 private items": lambda: with_elements(untold(PRIVATE, filled(item()))),
    "500,000 items with an element": lambda: with_elements(
        told(KEPT, filled(item(10) + element(EXPLICIT, tag("Modality"), "CS", b"CT")))
    ),
    "10 MB in 29 sequences": lambda: with_elements(
        nested(element(EXPLICIT, tag("PatientComments"), "UT", filled(b"x")), 29)
    ),
    "1,200,000 items in 28 sequences": lambda: with_elements(
        nested(head(EXPLICIT, KEPT, "SQ", SIZE) + filled(item()), 28)
    ),
    "a name of 10 MB": lambda: with_elements(one("PatientName", "UT", filled(b"Abcdefg^"))),
    "600,000 names and 4 MB of text": lambda: with_elements(
        one("PatientName", "UT", numbered(b"%07dx", 600_000))
        | one("Manufacturer", "UT", filled(b"a maker ", 4_000_000))
    ),
    "1,000 names and 9 MB of text": lambda: with_elements(
        one("PatientName", "UT", numbered(b"%07dx", 1000)) | one("Manufacturer", "UT", filled(b"a maker ", 9_000_000))
    ),
    "1,000,000 UIDs": lambda: with_elements(un("FrameOfReferenceUID", numbered(b"1.%d", 1_000_000, b"\\"))),
    "1,000,000 dates": lambda: with_elements(un("StudyDate", filled(b"20200101\\"))),
    "2,500,000 numbers": lambda: with_elements(un("SliceThickness", filled(b"1.5\\"))),
    "10 MB of spaces in a number": lambda: with_elements(un("SliceThickness", filled(b" ") + b"x")),
    "10 MB of digits in a UID": lambda: with_elements(un("ContextUID", filled(b"1.") + b"x")),
    "1,000,000 changes of character set": lambda: with_elements(
        one("SpecificCharacterSet", "CS", b"\\ISO 2022 IR 87")
        | un("Manufacturer", filled(b"\x1b$B;3\x1b(B"))
        | one("PatientName", "PN", b"Fictia^Ada")
    ),
    "700,000 character sets": lambda: with_elements(un("SpecificCharacterSet", filled(b"ISO 2022 IR 87\\"))),
    "150 MB, deflated": lambda: deflated({PRIVATE: element(EXPLICIT, PRIVATE, "OB", bytes(150_000_000))}),
    "60 MB, deflated": lambda: deflated(
        {tag("SpectroscopyData"): element(EXPLICIT, tag("SpectroscopyData"), "OF", bytes(60_000_000))}
    ),
    "7,000,000 items, deflated": lambda: deflated(untold(KEPT, filled(item(), 56_000_000))),
    "3,000,000 names, deflated": lambda: deflated(one("PatientName", "UT", numbered(b"%07d", 3_000_000))),
    "1,200,000 fragments": lambda: coded(RLE, *[b""] * 1_200_000),
    "800,000 fragments of JPEG": lambda: coded(JPEG, *[b"\xff\xd8\xff\xd9"] * 800_000),
    "an offset table of 10 MB": lambda: small_file(
        JPEG, image(JPEG), fragments(JPEG, filled(b"\0\0\0\0"), *[black(JPEG, 16)] * 2)
    ),
    "JPEG of application segments": lambda: coded(JPEG, b"\xff\xd8" + segments(0xFFE1) + b"\xff\xd9", black(JPEG, 16)),
    "JPEG of comments": lambda: coded(JPEG, b"\xff\xd8" + segments(0xFFFE) + b"\xff\xd9", black(JPEG, 16)),
    "JPEG of fill bytes": lambda: coded(JPEG, b"\xff\xd8" + filled(b"\xff") + b"\xd9", black(JPEG, 16)),
    "JPEG of scans": lambda: coded(JPEG, b"\xff\xd8" + segments(0xFFDA) + b"\xff\xd9", black(JPEG, 16)),
    "JPEG 2000 of comments": lambda: coded(
        JPEG_2000,
        black(JPEG_2000, 16).replace(b"\xff\x90", segments(0xFF64, b"\0\0") + b"\xff\x90"),
        grey_frame(JPEG_2000),
    ),
    "RLE of nothing": lambda: coded(RLE, black(RLE, 0)[:64] + filled(b"\x80"), grey_frame(RLE)),
}
PIXELS: dict[str, Callable[[], bytes]] = {
    "65,535 rows and columns": lambda: sized(
        EXPLICIT, element(EXPLICIT, tag("PixelData"), "OB", bytes(512)), 65535, 65535
    ),
    "2,000,000,000 frames": lambda: sized(RLE, fragments(RLE, b"", *[grey_frame(RLE)] * 2), 16, 16, 2_000_000_000),
    "JPEG 2000 of 20,000 x 20,000": lambda: one_frame(JPEG_2000, 20_000),
    "JPEG 2000 of 20,000 x 20,000 that says 16 x 16": lambda: one_frame(JPEG_2000, 20_000, 16),
    "JPEG of 20,000 x 20,000": lambda: one_frame(JPEG, 20_000),
    "JPEG of 20,000 x 20,000 that says 16 x 16": lambda: one_frame(JPEG, 20_000, 16),
    "JPEG-LS of 20,000 x 20,000": lambda: one_frame(JPEG_LS, 20_000),
    "JPEG-LS of 20,000 x 20,000 that says 16 x 16": lambda: one_frame(JPEG_LS, 20_000, 16),
    "RLE of 20,000 x 20,000": lambda: one_frame(RLE, 20_000),
    "RLE of 20,000 x 20,000 that says 16 x 16": lambda: one_frame(RLE, 20_000, 16),
    "RLE of 900 frames of 512 x 512": lambda: one_frame(RLE, 512, frames=900),
    "20,000 JPEG 2000 frames of 512 x 512": lambda: one_frame(JPEG_2000, 512, frames=20_000),
    "2,000,000 frames of 2 x 2": lambda: native(2, 2, 2_000_000),
    "9,700 frames of 32 x 32": lambda: native(32, 32, 9_700),
    "noise of 3,160 x 3,160": lambda: native(3160, 3160),
    "noise of 150 x 65,534": lambda: native(150, 65_534),
    "38 frames of noise of 512 x 512": lambda: native(512, 512, 38),
}


def radiograph(make: Callable[[], bytes]) -> bytes:
    """Return a file that says that it is a radiograph."""
    return make().replace(CAPTURE, RADIOGRAPH, 2)


def run(source: Path, kinds: str, report: bool = False) -> tuple[float, int, str, int]:
    """Strip a file or a folder; return the seconds of CPU time, the megabytes, what was said, and the exit code."""
    safe = source.with_name("safe")
    before = os.times()
    words = [sys.executable, "-c", _WATCHED, "strip", str(source), str(safe), "--kinds", kinds]
    done = subprocess.run(words, capture_output=True, text=True)
    after = os.times()
    shutil.rmtree(safe, ignore_errors=True)
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    out = done.stdout.splitlines()
    memory = next((int(line.split()[1]) for line in out if line.startswith("memory ")), 0)
    said = [line.partition(": ")[2] for line in done.stderr.splitlines() if line.startswith("refused")] or out[:1]
    return seconds, memory, (done.stderr if "Traceback" in done.stderr else " ".join(said)), done.returncode


def tell(name: str, size: int, taken: tuple[float, int, str, int]) -> bool:
    seconds, memory, said, code = taken
    bad = seconds > SECONDS or memory > MEGABYTES or code not in (0, 1)
    print(f"{name:47} {size / 1e6:7.2f} MB {seconds:5.1f} s {memory:5} MB  {said}{'  <<<<' * bad}", flush=True)
    return bad


def large(folder: Path) -> bool:
    """Strip 500 and 5,000 files, and clips of 2 GB, on one of which a name stands: the memory stays what it is."""
    bad = []
    dataset = dcmread(get_testdata_file("MR_small.dcm"))
    for number in (1, 500, 5000):
        (folder / str(number)).mkdir()
        for each in range(number):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{each}"
            dataset.save_as(folder / str(number) / f"{each}.dcm")
        seconds, *rest = run(folder / str(number), "metadata")
        bad.append(tell(f"{number:,} files ({seconds:.0f} s)", number * 10_000, (0, *rest)))
        shutil.rmtree(folder / str(number))
    start = sized(EXPLICIT, head(EXPLICIT, tag("PixelData"), "OB", 1 << 31), 512, 512, 8192)
    cover, _ = burned_in.lettering("SPECIMEN ROSA", "DejaVuSans", 24, 0)
    frame = np.zeros((512, 512), np.uint8)
    frame[30 : 30 + cover.shape[0], 40 : 40 + cover.shape[1]] = cover * 200
    for what, kinds in (("empty", "metadata"), ("empty", KINDS), ("text", KINDS)):
        with (folder / "large.dcm").open("wb") as out:
            out.write(start)
            for _ in range(8192 if what == "text" else 0):
                out.write(frame.tobytes())
            out.truncate(len(start) + (1 << 31))
        begun = time.monotonic()
        seconds, *rest = run(folder / "large.dcm", kinds)
        took = f"2 GB, {what}, {kinds} ({seconds:.0f} s, {time.monotonic() - begun:.0f} s in all)"
        bad.append(tell(took, 1 << 31, (0, *rest)))
    return any(bad)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of the names of those that are wanted")
    parser.add_argument("--large", action="store_true", help="many files and a large one instead")
    chosen = parser.parse_args()
    bad = []
    with TemporaryDirectory() as folder:
        if chosen.large:
            return int(large(Path(folder)))
        radiographs = {f"radiograph: {name}": partial(radiograph, make) for name, make in PIXELS.items()}
        for files, kinds in ((HEADERS, "metadata"), (PIXELS, KINDS), (radiographs, KINDS)):
            for name, make in files.items():
                if chosen.only in name:
                    data = make()
                    (Path(folder) / "hostile.dcm").write_bytes(data)
                    bad.append(tell(name, len(data), run(Path(folder) / "hostile.dcm", kinds)))
    return int(any(bad))


if __name__ == "__main__":
    sys.exit(main())
