"""Pixel data as bytes: from file to file without loading it, and without what hides beside the pixels."""

import io
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from .compressed import FRAME_STARTS, blank
from .elements import PIXEL_DATA, UNDEFINED, encoding, head, most, number, tag_of, text
from .finding import Refused

CHUNK = 1 << 20
_FRAME, _ALL = 1 << 26, 1 << 28  # bytes that a frame, and all frames, of a small file may unpack to
_FRAMES = 1000  # that a small file may have
_LONG, _NARROW = 2000, 50  # pixels of a long side, and how many times the short one it may be
NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}
_PIXEL_SIZE = [
    tag_of(tag_for_keyword(keyword) or 0)
    for keyword in (
        "Rows",
        "Columns",
        "SamplesPerPixel",
        "NumberOfFrames",
        "BitsAllocated",
        "PhotometricInterpretation",
    )
]
_NO_SIZE = "its header does not tell how many pixels there are: ask the sender for a sound copy."
_TOO_LONG = (
    "its pixels take more bytes than its header tells, and what is too much may be picture: "
    "correct its Photometric Interpretation or Number of Frames, or ask the sender for a sound copy."
)
TWO_PICTURES = "it has two kinds of pixel data, and only one can be its picture: ask the sender for a sound copy."
_ITEM_HEAD = struct.Struct("<HHL")
DELIMITER = _ITEM_HEAD.pack(0xFFFE, 0xE0DD, 0)  # ends encapsulated pixel data (PS3.5 A.4)


class Pixels(NamedTuple):
    """The pixel data of an open file: its tag, VR and length, the stream, which stands at its value, and the header."""

    tag: int
    vr: str
    length: int
    stream: BinaryIO
    header: Dataset


def copy_pixels(pixels: Pixels, dataset: Dataset, syntax: str) -> Iterator[bytes]:
    """Yield the pixel data element of a file for its copy, whose header is ``dataset``: the pixels and nothing else.

    Raises ``Refused`` when the pixel data breaks off, is of two kinds, or is more than the header describes.
    """
    implicit, little = encoding(dataset)
    encapsulated = pixels.length == UNDEFINED
    check_size_is_kept(pixels.header, dataset)
    if encapsulated == (syntax in NATIVE):
        raise Refused("its pixel data is not coded as its transfer syntax says: ask the sender for a sound copy.")
    length = UNDEFINED if encapsulated else pixels.length + pixels.length % 2
    yield head(pixels.tag, pixels.vr, length, implicit, little)
    if encapsulated:
        yield from fragments(pixels.stream, pixels.header, syntax)
        return
    start = pixels.stream.tell()
    if pixels.stream.seek(0, io.SEEK_END) - start < pixels.length:
        raise Refused("its pixel data breaks off before its end: copy or send it again.")
    pixels.stream.seek(start + pixels.length)
    if _tag(pixels.stream.read(4), little) in PIXEL_DATA.keys() - {pixels.tag}:
        raise Refused(TWO_PICTURES)
    pixels.stream.seek(start)
    wanted = left = native_bytes(pixels)
    while left:
        part = pixels.stream.read(min(left, CHUNK))
        if not part:
            raise Refused("it changed while it was read: wait until it is whole, then start again.")
        left -= len(part)
        yield part
    for at in range(wanted, length, CHUNK):  # what stands behind the last pixel is no pixel
        yield bytes(min(CHUNK, length - at))


def _tag(data: bytes, little: bool) -> int:
    group, number = struct.unpack("<HH" if little else ">HH", data.ljust(4, b"\0"))
    return group << 16 | number


def native_bytes(pixels: Pixels) -> int:
    """Return how many bytes of a native value are pixels (PS3.5 8.1.1); what stands behind them can hide anything.

    Raises ``Refused`` where that is not empty and makes whole frames, or a byte more for each pixel: then it may be
    picture, as in files that say YBR_FULL_422 though no pixels share their colour.
    """
    wanted = pixel_bytes(pixels.header, PIXEL_DATA[pixels.tag])
    if pixels.length <= wanted:
        return pixels.length
    frame = (_frame_bits(pixels.header, PIXEL_DATA[pixels.tag]) + 7) // 8
    units = (_frame_pixels(pixels.header), frame, frame + frame % 2)  # some programs pad each frame
    whole = max(pixels.length // unit * unit for unit in units)
    start = pixels.stream.tell()
    pixels.stream.seek(start + wanted)
    for at in range(wanted, whole, CHUNK):
        if pixels.stream.read(min(CHUNK, whole - at)).strip(b"\0"):
            raise Refused(_TOO_LONG)
    pixels.stream.seek(start)
    return wanted


def check_size_is_kept(header: Dataset, clean: Dataset) -> None:
    """Raise ``Refused`` when a damaged value had to go without which nobody can read the pixels."""
    before, after = header.keys(), clean.keys()
    if any(tag in before and tag not in after for tag in _PIXEL_SIZE):
        raise Refused(_NO_SIZE)


def pixel_bytes(dataset: Dataset, value_bytes: int = 0) -> int:
    """Return how many bytes the pixels take (PS3.5 8.1.1), where a pixel takes ``value_bytes`` or Bits Allocated.

    Raises ``Refused`` where the header does not tell: then nobody can say what stands behind the pixels.
    """
    count = (_frame_bits(dataset, value_bytes) * _frames(dataset) + 7) // 8
    if count <= 0 or text(dataset, "PhotometricInterpretation") == "YBR_PARTIAL_420":
        raise Refused(_NO_SIZE)
    return count + count % 2  # in big endian words the last pixel of an odd number stands behind the padding


def check_unpacked(pixels: Pixels, size: int) -> None:
    """Raise ``Refused`` where a file of ``size`` bytes unpacks to so much that looking at its pixels would never end.

    A few bytes can stand for a picture of 60,000 times 60,000 pixels, or for a million pictures.
    """
    every, frames = pixel_bytes(pixels.header, PIXEL_DATA[pixels.tag]), _frames(pixels.header)
    if every // frames > max(_FRAME, 4 * size) or every > max(_ALL, 40 * size):
        raise Refused("its pixels unpack to far more than its size: export it without compression.")
    if frames > max(_FRAMES, size // 10_000):
        raise Refused("it has more frames than a file of its size can hold: ask the sender for a sound copy.")
    short, long = sorted((number(pixels.header, "Rows"), number(pixels.header, "Columns")))
    if long > max(_LONG, _NARROW * short):  # text would be looked for in many parts, each as dear as a square one
        raise Refused("its pixels are a strip and no picture: ask the sender for a sound copy.")


def _frame_bits(dataset: Dataset, value_bytes: int) -> int:
    samples, bits = number(dataset, "SamplesPerPixel") or 1, value_bytes * 8 or number(dataset, "BitsAllocated")
    if text(dataset, "PhotometricInterpretation") in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        samples = 2  # two chroma values for two pixels (PS3.3 C.7.6.3.1.2)
    return _frame_pixels(dataset) * samples * bits


def _frame_pixels(dataset: Dataset) -> int:
    return number(dataset, "Rows") * number(dataset, "Columns")


def _frames(dataset: Dataset) -> int:
    try:
        return int(text(dataset, "NumberOfFrames") or 1)
    except ValueError:
        return 0


def fragments(stream: BinaryIO, dataset: Dataset, syntax: str) -> Iterator[bytes]:
    """Yield the items of encapsulated pixel data (PS3.5 A.4), hidden places blanked, and the delimiter that ends them.

    The offset table is kept where it is right. Raises ``Refused`` when the pixel data is not what ``syntax`` says.
    """
    for count, (items, clean) in enumerate(_frames_of(stream, dataset, syntax)):
        if count == 0:
            yield _ITEM_HEAD.pack(0xFFFE, 0xE000, len(clean)) + clean
            continue
        at = 0
        for item in items:
            yield _ITEM_HEAD.pack(0xFFFE, 0xE000, len(item)) + clean[at : at + len(item)]
            at += len(item)
    yield DELIMITER


def write_frames(out: BinaryIO, frames: Iterable[bytes], count: int) -> None:
    """Write ``count`` compressed frames as items, after the table of their offsets (PS3.5 A.4), without a delimiter."""
    start = out.tell()
    out.write(_ITEM_HEAD.pack(0xFFFE, 0xE000, 4 * count) + bytes(4 * count))
    offsets = []
    first = out.tell()
    for frame in frames:
        offsets.append(out.tell() - first)
        out.write(_ITEM_HEAD.pack(0xFFFE, 0xE000, len(frame) + len(frame) % 2) + frame + bytes(len(frame) % 2))
    if offsets[-1] > UNDEFINED:
        raise Refused("its pixels without text take more than 4 GB: export it without compression.")
    out.seek(start + _ITEM_HEAD.size)
    out.write(struct.pack(f"<{count}L", *offsets))


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


def value_bytes(pixels: Pixels) -> int:
    """Return how many bytes the value takes: of compressed pixels, all items without the delimiter behind them."""
    if pixels.length != UNDEFINED:
        return pixels.length
    start = pixels.stream.tell()
    at, length = _item_places(pixels.stream)[-1]
    pixels.stream.seek(start)
    return at + length - start


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
        if len(places) > most(end):
            raise Refused("its compressed pixel data is in more fragments than it can need: export it again.")
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
