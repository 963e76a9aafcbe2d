"""Blank pixels of a data set, in any transfer syntax, and leave every other pixel exactly as it is.

Uncompressed bytes are edited in place. Lossless frames are coded again in the same way, and frames that nothing is
blanked in keep their very bytes. Lossy frames are decoded once and stored without loss: coding them with loss again
would change pixels everywhere.
"""

import copy
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import apply_color_lut, get_decoder, get_encoder
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from . import in_file
from .decoding import PIXELS, UNREADABLE_PIXELS, check_pixels, image, size, syntax, undecodable
from .finding import Finding, Refused
from .pixeldata import write_frames

_FLOATS = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}
_COLOUR = {"RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3, "YBR_PARTIAL_422": 3, "YBR_RCT": 3, "YBR_ICT": 3}
_HALVED = ("YBR_FULL_422", "YBR_PARTIAL_422")  # two neighbours share their colour
_SAMPLES = {"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1} | _COLOUR
_LOSSLESS_FOR = {  # what frames are coded in afterwards; all others are stored uncompressed
    "1.2.840.10008.1.2.5": RLELossless,
    "1.2.840.10008.1.2.4.80": JPEGLSLossless,
    "1.2.840.10008.1.2.4.81": JPEGLSLossless,
    "1.2.840.10008.1.2.4.90": JPEG2000Lossless,
    "1.2.840.10008.1.2.4.91": JPEG2000Lossless,
    "1.2.840.10008.1.2.4.201": JPEG2000Lossless,  # High-Throughput JPEG 2000, which nobody codes in Python
    "1.2.840.10008.1.2.4.202": JPEG2000Lossless,
    "1.2.840.10008.1.2.4.203": JPEG2000Lossless,
}
_CODED_AS = {"YBR_FULL_422": "YBR_FULL", "YBR_PARTIAL_422": "YBR_FULL", "YBR_ICT": "YBR_RCT"}  # without loss
ALWAYS_LOSSY = {"1.2.840.10008.1.2.4.50": "ISO_10918_1", "1.2.840.10008.1.2.4.51": "ISO_10918_1"}


class Box(NamedTuple):
    """A rectangle of pixels: columns ``x0`` up to, not including, ``x1``, rows ``y0`` to ``y1``; no frame means all."""

    x0: int
    y0: int
    x1: int
    y1: int
    frame: int | None = None


def check_frame(dataset: Dataset, frame: object) -> None:
    """Raise ``ValueError`` when there is no such frame; they are counted from 0."""
    frames, _, _ = size(dataset)
    if frame not in range(frames):
        raise ValueError(f"there is no frame {frame!r}: frames run from 0 to {frames - 1}.")


def mask(dataset: Dataset, boxes: Iterable[Any]) -> np.ndarray:
    """Return the pixels inside boxes, as an array of shape (frames, rows, columns), or (1, rows, columns) for all.

    Each is a ``Box``, a finding that has a ``box``, or the numbers of a box in a tuple; findings without a box are
    passed over.

    Raises ``ValueError`` for what is no box, names a frame that there is not, or holds no pixel.
    """
    frames, rows, columns = size(dataset)
    boxes = [_box(each) for each in boxes if hasattr(each, "box") or not isinstance(each, Finding)]
    out = np.zeros((1 if all(box.frame is None for box in boxes) else frames, rows, columns), bool)
    for box in boxes:
        if box.frame is not None:
            check_frame(dataset, box.frame)
        which = slice(None) if box.frame is None else slice(box.frame, box.frame + 1)
        inside = out[which, max(0, box.y0) : max(0, box.y1), max(0, box.x0) : max(0, box.x1)]
        if not inside.size:
            raise ValueError(f"the box {tuple(box[:4])} holds no pixel: give x0 < x1 and y0 < y1 inside the picture.")
        inside[:] = True
    return out


def _box(given: Any) -> Box:
    try:
        return Box(*getattr(given, "box", given))
    except TypeError:
        raise ValueError(f"{given!r} is no box: give x0, y0, x1, y1, and the frame if it is on one only.") from None


def coloured(frame: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return a frame of indices into the palette as RGB in bytes; entries of 8 bits can stand in words (C.7.6.3.1.6).

    What the table says of its entries is not relied on, but how large they are. Raises ``Refused`` for no palette.
    """
    try:
        _, entries = _palette(dataset, frame.dtype)
        colours = apply_color_lut(frame, dataset)[..., :3]
    except UNREADABLE_PIXELS as error:
        raise undecodable(error) from error
    return (colours >> 8 if entries.max() > 255 else colours).astype(np.uint8)


def blank(dataset: Dataset, where: np.ndarray, fill: int | Sequence[int] | None = None) -> Dataset:
    """Return a copy of ``dataset`` whose pixels are blank where the mask ``where`` is true, and as they were elsewhere.

    ``where`` has the shape (frames, rows, columns), or one that NumPy broadcasts to it. ``fill`` is the stored value
    that blank pixels get, one for each sample; by default the darkest one of the frame. In native YBR_FULL_422 two
    neighbours share their colour (PS3.3 C.7.6.3.1.2), so both are blanked when one is.

    The transfer syntax stays when it can code without loss. The header is adapted to the pixels, and says nothing about
    what was done: that is the caller's business.

    Raises ``Refused`` when the pixels cannot be read, or are more than the header tells.
    """
    new = copy.deepcopy(dataset)
    where = np.broadcast_to(where, size(dataset))
    if not where.any():
        return new
    check_pixels(dataset)
    photometric = str(dataset.get("PhotometricInterpretation"))
    if dataset.get("SamplesPerPixel", 1) != _SAMPLES.get(photometric):
        raise Refused(f"its pixels are {photometric}, which cannot be edited here: convert it to RGB first.")
    if syntax(dataset).is_encapsulated:
        _blank_encapsulated(new, where, fill)
    else:
        _blank_native(new, where, fill)
    return new


def _blank_native(dataset: Dataset, where: np.ndarray, fill: int | Sequence[int] | None) -> None:
    keyword = next(name for name in PIXELS if name in dataset)
    _, rows, columns = where.shape
    bits, samples = int(dataset.get("BitsAllocated", 0)), int(dataset.SamplesPerPixel)
    halved = dataset.PhotometricInterpretation in _HALVED
    if bits not in (1, 8, 16, 32, 64) or (halved and (columns % 2 or bits != 8)):
        raise Refused(f"its pixels take {bits} bits each, which cannot be edited here: convert it to 8 or 16 bits.")
    before = dataset[keyword].value
    frame_bits = rows * columns * (2 if halved else samples) * bits
    if in_file.length(before) * 8 < len(where) * frame_bits:
        raise Refused("its pixel data breaks off before its end: copy or send it again.")
    big = not syntax(dataset).is_little_endian
    swapped = big and bits <= 8 and dataset[keyword].VR == "OW"  # bytes sit in words (PS3.5 8.1.1)
    kind = _FLOATS.get(keyword, f"{'i' if dataset.get('PixelRepresentation') else 'u'}{max(1, bits // 8)}")

    def write(out: BinaryIO) -> None:
        shutil.copyfileobj(in_file.opened(before), out)
        for number, inside in enumerate(where):
            if not inside.any():
                continue
            first, end = number * frame_bits // 8, -(-(number + 1) * frame_bits // 8)
            if swapped:
                first, end = first - first % 2, end + end % 2
            out.seek(first)
            data = np.frombuffer(out.read(end - first), np.uint8).copy()
            words = data[: len(data) // 2 * 2 if swapped else 0].view(np.uint16)
            words.byteswap(inplace=True)
            skipped = number * frame_bits - first * 8
            _edit(dataset, data, skipped, inside, fill, np.dtype(kind).newbyteorder(">" if big else "<"))
            words.byteswap(inplace=True)
            out.seek(first)
            out.write(data.tobytes())

    dataset[keyword].value = in_file.written(before, write)


def _edit(
    dataset: Dataset,
    data: np.ndarray,
    skipped: int,
    inside: np.ndarray,
    fill: int | Sequence[int] | None,
    kind: np.dtype,
) -> None:
    """Blank native pixels of a frame where they are: in bytes, of which the first bits are those of another frame."""
    rows, columns = inside.shape
    samples, one_bit = int(dataset.SamplesPerPixel), dataset.BitsAllocated == 1
    halved = dataset.PhotometricInterpretation in _HALVED
    count = rows * columns * (2 if halved else samples)
    dots = np.unpackbits(data, bitorder="little") if one_bit else None
    if dots is None:
        values = data[skipped // 8 :][: count * kind.itemsize].view(kind)
    else:
        values = dots[skipped:][:count]
    if halved:
        values = values.reshape(rows, columns // 2, 4)
        inside = np.logical_or.reduce(inside.reshape(rows, columns // 2, 2), axis=-1)
    elif samples > 1 and dataset.get("PlanarConfiguration"):
        values = np.moveaxis(values.reshape(samples, rows, columns), 0, -1)
    else:
        values = values.reshape(rows, columns, samples)
    values[inside] = _fill(dataset, values, fill, str(dataset.PhotometricInterpretation))
    if dots is not None:
        data[:] = np.packbits(dots, bitorder="little")


def _fill(dataset: Dataset, frame: np.ndarray, fill: int | Sequence[int] | None, photometric: str) -> np.ndarray:
    values = np.atleast_1d(_darkest(dataset, frame, photometric) if fill is None else np.asarray(fill))
    if frame.shape[-1] == 4:  # two neighbours: their brightnesses, then the colour that they share
        values = values[[0, 0, 1, 2]]
    return values.astype(frame.dtype)


def _darkest(dataset: Dataset, frame: np.ndarray, photometric: str) -> Any:
    """Return the stored value, one for each sample, that a viewer shows darkest (PS3.3 C.7.6.3.1.2)."""
    if photometric == "PALETTE COLOR":
        return _darkest_entry(dataset, frame)
    if photometric in ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422"):
        no_colour = 1 << int(dataset.BitsStored) - 1
        return (16 if "PARTIAL" in photometric else 0, no_colour, no_colour)
    if photometric in _COLOUR:
        return (0, 0, 0)
    spare = 0
    if frame.dtype.kind != "f" and dataset.BitsAllocated > 1 and dataset.HighBit == dataset.BitsStored - 1:
        spare = frame.itemsize * 8 - int(dataset.BitsStored)  # overlays can sit in these bits (PS3.5 8.1.2)
    values = np.left_shift(frame, spare) >> spare if spare > 0 else frame
    return np.nanmax(values) if photometric == "MONOCHROME1" else np.nanmin(values)


def _darkest_entry(dataset: Dataset, frame: np.ndarray) -> int:
    indices, colours = _palette(dataset, frame.dtype)
    return int(indices[np.argmin(colours @ np.array([0.299, 0.587, 0.114]))])


def _palette(dataset: Dataset, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of a palette that pixels of a kind can hold, and their colours."""
    entries, first, _ = dataset.RedPaletteColorLookupTableDescriptor
    indices = np.arange(int(first), int(first) + (int(entries) or 1 << 16))
    indices = indices[indices <= np.iinfo(kind).max].astype(kind)
    return indices, apply_color_lut(indices[np.newaxis], dataset)[0, :, :3]


def _blank_encapsulated(dataset: Dataset, where: np.ndarray, fill: int | Sequence[int] | None) -> None:
    coded_in, before, value = syntax(dataset), str(dataset.PhotometricInterpretation), dataset.PixelData
    target = _LOSSLESS_FOR.get(coded_in, ExplicitVRLittleEndian)
    if target.is_encapsulated and (not get_encoder(target).is_available or dataset.BitsAllocated > 16):
        target = ExplicitVRLittleEndian
    wanted = [number for number, inside in enumerate(where) if inside.any() or target != coded_in]
    blanked = _blanked_frames(dataset, where, fill, wanted)
    photometric, bits = _CODED_AS.get(before, before), int(dataset.BitsAllocated)

    def coded() -> Iterator[bytes]:
        same = _coded_frames(dataset, len(where)) if target == coded_in else repeat(b"")
        for number, frame in zip(range(len(where)), same, strict=False):
            yield encoded(dataset, next(blanked)[1], photometric, target) if number in chosen else frame

    def write(out: BinaryIO) -> None:
        nonlocal photometric, bits
        for _, frame, meaning in blanked:
            out.write(frame.tobytes())
            photometric, bits = _CODED_AS.get(meaning, meaning), frame.itemsize * 8

    chosen = set(wanted)
    if target.is_encapsulated:
        dataset["PixelData"].value = in_file.written(value, lambda out: write_frames(out, coded(), len(where)))
        dataset["PixelData"].VR = "OB"
    else:
        dataset["PixelData"].value = in_file.written(value, write)
        dataset.BitsAllocated = bits
        dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    dataset.PhotometricInterpretation = photometric
    if dataset.SamplesPerPixel > 1:
        dataset.PlanarConfiguration = 0
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            delattr(dataset, keyword)
    if coded_in in ALWAYS_LOSSY or (coded_in in _LOSSLESS_FOR and before == "YBR_ICT"):
        call_lossy(
            dataset, coded_in, where.size * dataset.SamplesPerPixel * dataset.BitsAllocated // 8 / in_file.length(value)
        )
    dataset["PixelData"].is_undefined_length = target.is_encapsulated
    dataset.file_meta.TransferSyntaxUID = target


def call_lossy(dataset: Dataset, coded_in: UID, ratio: float) -> None:
    """Say that the pixels went through a lossy compression, as what was lossy once stays so (PS3.3 C.7.6.1.1.5)."""
    if dataset.get("LossyImageCompression") != "01" or "LossyImageCompressionMethod" not in dataset:
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionMethod = ALWAYS_LOSSY.get(coded_in, "ISO_15444_1")
        dataset.LossyImageCompressionRatio = f"{ratio:.4g}"


def _blanked_frames(
    dataset: Dataset, where: np.ndarray, fill: int | Sequence[int] | None, numbers: list[int]
) -> Iterator[tuple[int, np.ndarray, str]]:
    """Yield the number of each frame, its samples as they were coded but blanked, and their photometric interpretation.

    Samples that were coded as YBR stay YBR: pydicom makes them RGB when not told otherwise, and the header still says
    YBR. Those of JPEG 2000 come out as RGB from any decoder, and the second value returned by pydicom says so.
    """
    try:
        some = numbers if len(numbers) < len(where) else None  # each of some takes a search from the first on
        frames = get_decoder(syntax(dataset)).iter_array(image(dataset), raw=True, indices=some)
        for number, (frame, properties) in zip(numbers, islice(frames, len(numbers)), strict=True):
            meaning = str(properties["photometric_interpretation"])
            samples = frame.reshape(*where.shape[1:], -1)
            inside = where[number]
            if inside.any():
                samples[inside] = _fill(dataset, samples, fill, meaning)
            yield number, frame, meaning
    except UNREADABLE_PIXELS as error:
        raise undecodable(error) from error


def _coded_frames(dataset: Dataset, count: int) -> Iterator[bytes]:
    offsets = None
    if "ExtendedOffsetTable" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    return generate_frames(in_file.opened(dataset.PixelData), number_of_frames=count, extended_offsets=offsets)


def encoded(dataset: Dataset, frame: np.ndarray, photometric: str, syntax: UID) -> bytes:
    """Return a frame, coded without loss; RLE codes whole words, so also what stands in bits that no value needs."""
    bits = frame.itemsize * 8
    return get_encoder(syntax).encode(
        frame,
        rows=frame.shape[0],
        columns=frame.shape[1],
        number_of_frames=1,
        samples_per_pixel=dataset.SamplesPerPixel,
        planar_configuration=0,
        photometric_interpretation=photometric,
        pixel_representation=int(frame.dtype.kind == "i"),
        bits_allocated=bits,
        bits_stored=bits if syntax == RLELossless else dataset.BitsStored,
    )
