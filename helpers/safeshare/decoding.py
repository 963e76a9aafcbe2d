"""Decode the frames of a data set one by one, in any transfer syntax, whether its pixels are in memory or in a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import DataElement, Dataset, dcmread
from pydicom.encaps import generate_fragments, parse_basic_offsets
from pydicom.pixels import iter_pixels
from pydicom.uid import UID, RLELossless

from . import dicomfile
from .compressed import FRAME_STARTS
from .elements import PIXEL_DATA, UNDEFINED, UNREADABLE
from .finding import Refused
from .in_file import InFile, opened
from .pixeldata import pixel_bytes, value_bytes

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
UNREADABLE_PIXELS = (*UNREADABLE, RuntimeError)
_IMAGE = (0x0028, 0x7FE0)  # the groups that tell how pixels are coded, and hold them
_NUMBER_OF_FRAMES, _PIXEL_DATA = 0x00280008, 0x7FE00010
_LARGE = 1 << 26  # bytes of pixels, decoded or not, that need not be in memory


def load(path: Path, folder: Path | None = None) -> Dataset:
    """Return a whole data set, which knows how its pixels are coded; those that are large stay in the file.

    What is made of such pixels is in a file in ``folder``, or where the system has such files.
    """
    with path.open("rb") as stream:
        header, pixels = dicomfile.read(stream)
        large = False
        if pixels and header.syntax != dicomfile.DEFLATED:
            start, length = stream.tell(), value_bytes(pixels)
            large = max(length, pixel_bytes(pixels.header, PIXEL_DATA[pixels.tag])) > _LARGE
        stream.seek(0)
        dataset = dcmread(stream, force=True, stop_before_pixels=large)
    dataset.file_meta.TransferSyntaxUID = UID(header.syntax)
    if pixels and large:
        vr = "OW" if pixels.vr == "UN" else pixels.vr
        value = InFile(path.open("rb"), start, length, folder)
        dataset[pixels.tag] = DataElement(pixels.tag, vr, value, is_undefined_length=pixels.length == UNDEFINED)
    return dataset


def size(dataset: Dataset) -> tuple[int, int, int]:
    """Return how many frames, rows and columns there are; raise ``Refused`` when the header does not tell."""
    frames = dataset.get("NumberOfFrames") or 1
    rows, columns = dataset.get("Rows") or 0, dataset.get("Columns") or 0
    if min(frames, rows, columns) < 1:
        raise Refused("its header does not tell how many pixels there are: ask the sender for a sound copy.")
    return int(frames), int(rows), int(columns)


def syntax(dataset: Dataset) -> UID:
    """Return how the pixels of a data set are coded; raise ``Refused`` when its file_meta does not tell."""
    uid = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if not uid:
        raise Refused("its file_meta does not say how its pixels are coded: set its TransferSyntaxUID.")
    return uid


def check_pixels(dataset: Dataset) -> None:
    """Raise ``Refused`` when there are no pixels, or more compressed frames than Number of Frames (0028,0008) tells.

    Nobody would see those that are too many, and so no text on them either.
    """
    if not any(name in dataset for name in PIXELS):
        raise Refused("it has no pixels: read the whole file, or ask the sender for a sound copy.")
    if "PixelData" not in dataset or not syntax(dataset).is_encapsulated:
        return
    frames, data = size(dataset)[0], opened(dataset.PixelData)
    starts = (b"",) if syntax(dataset) == RLELossless else FRAME_STARTS  # of RLE each fragment is a frame (PS3.5 A.4.2)
    try:
        tables = len(parse_basic_offsets(data)), len(dataset.get("ExtendedOffsetTable") or b"") // 8
        begun = sum(fragment.startswith(starts) for fragment in generate_fragments(data))
    except UNREADABLE_PIXELS as error:
        raise undecodable(error) from error
    if max(*tables, begun) > frames:
        raise Refused(
            "it holds more compressed frames than its Number of Frames tells, and nobody would see them: "
            "correct that number, or ask the sender for a sound copy."
        )


def decoded(dataset: Dataset, numbers: Iterable[int] | None = None, **options: Any) -> Iterator[np.ndarray]:
    """Yield the frames, or those of some ``numbers``, as ``pydicom.pixels.iter_pixels`` does with these options.

    Raises ``Refused`` when they cannot be decoded.
    """
    native, photometric = not syntax(dataset).is_encapsulated, str(dataset.get("PhotometricInterpretation"))
    try:
        count, _, _ = size(dataset)
        if count > 1 and native and (photometric.endswith("_422") or dataset.get("BitsAllocated") == 1):
            # iter_pixels of pydicom 3.0.2 looks for frames after the first in wrong places
            for number in range(count) if numbers is None else numbers:
                yield from iter_pixels(_single(dataset, number), **options)
        else:
            yield from iter_pixels(image(dataset), indices=numbers, **options)
    except UNREADABLE_PIXELS as error:
        raise undecodable(error) from error


def image(dataset: Dataset) -> Dataset:
    """Return a data set for a decoder, which reads pixels in a file from their beginning, whoever else reads them."""
    found = [dataset[name] for name in PIXELS if name in dataset]
    if not any(isinstance(element.value, InFile) for element in found):
        return dataset
    return _image(dataset, *(DataElement(each.tag, each.VR, opened(each.value)) for each in found))


def _image(dataset: Dataset, *others: DataElement) -> Dataset:
    """Return what a decoder needs of a data set, with some other elements; it shares those of the data set."""
    out = Dataset({tag: element for tag, element in dataset.items() if tag >> 16 in _IMAGE})
    out.file_meta = dataset.file_meta
    for element in others:
        out[element.tag] = element
    return out


def _single(dataset: Dataset, number: int) -> Dataset:
    """Return a data set with one of the frames, whose pixels are bits, or share their colour with a neighbour."""
    _, rows, columns = size(dataset)
    bits = rows * columns * (1 if dataset.BitsAllocated == 1 else 2 * 8)
    first = number * bits
    stream = opened(dataset.PixelData)
    stream.seek(first // 8)
    data = stream.read(-(-(first + bits) // 8) - first // 8)
    if dataset.BitsAllocated == 1:
        dots = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[first % 8 :][:bits]
        data = np.packbits(dots, bitorder="little").tobytes()
    frames = DataElement(_NUMBER_OF_FRAMES, "IS", 1)
    return _image(dataset, frames, DataElement(_PIXEL_DATA, dataset["PixelData"].VR, data))


def undecodable(error: Exception) -> Refused:
    """Return the refusal of pixels that pydicom cannot decode, without a value that it quotes, which can be a name."""
    line = (str(error).splitlines() or [type(error).__name__])[0].split(" value '")[0].rstrip(".:")
    return Refused(f"its pixels cannot be decoded ({line}): export it without compression.")
