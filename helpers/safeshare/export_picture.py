"""Pictures as PNG: every value that is stored, bright where a viewer shows it bright, and nothing beside the pixels."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import Dataset

from . import blanking, decoding, export_table
from .finding import Refused

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")  # pydicom makes RGB of them all
_PALETTE = "PALETTE COLOR"
_OTHER = ("ARGB", "CMYK", "HSV", "XYB", "YBR_PARTIAL_420", "YBR_PARTIAL_422")  # the standard's other terms


def check(header: Dataset) -> None:
    """Raise ``Refused`` where there is no picture, or none that a PNG holds without loss."""
    if "Rows" not in header:
        raise Refused("it holds no image, and only images are exported: strip it instead if it is to be shared.")
    photometric = str(header.get("PhotometricInterpretation"))
    allocated, bits, high = (int(header.get(name) or 0) for name in ("BitsAllocated", "BitsStored", "HighBit"))
    if photometric in _GREY and (bits > 16 or not 1 <= bits <= high + 1 <= allocated):
        raise Refused("its values are no whole numbers of up to 16 bits, as PNG holds them: strip it instead.")
    if photometric in _GREY and "ModalityLUTSequence" in header:
        raise Refused("its values mean what a table in it says, and no slope and intercept can: strip it instead.")
    if photometric in _COLOUR and allocated != 8:
        raise Refused(f"its colours take {allocated} bits, and here PNG holds 8: strip it instead.")
    if photometric not in (*_GREY, *_COLOUR, _PALETTE):
        named = photometric if photometric in _OTHER else "of an unknown kind"  # a value of no term can be a name
        raise Refused(f"its pixels are {named}, which cannot be shown here: convert it to RGB first.")


def frames(copy: Path, header: Dataset) -> Iterator[np.ndarray]:
    """Yield each frame as a PNG holds it; raise ``Refused`` where its pixels cannot be decoded."""
    photometric = str(header.PhotometricInterpretation)
    # Bits above the value are cut off here, where High Bit tells which these are; pydicom takes it for the lowest.
    for frame in decoding.decoded(decoding.load(copy), correct_unused_bits=False):
        if photometric in _GREY:
            yield _grey(frame, header)
        elif photometric == _PALETTE:
            yield blanking.coloured(frame, header)
        else:
            yield frame


def write(picture: np.ndarray, out: BinaryIO) -> None:
    """Write a PNG without text, time or resolution."""
    from PIL import Image

    Image.fromarray(picture).save(out, "PNG")


def meaning(header: Dataset) -> dict[str, str]:
    """Return the unit of a grey PNG, and slope and intercept: ``slope * pixel + intercept`` is in the unit."""
    if header.PhotometricInterpretation not in _GREY:
        return {}
    if any(len(export_table.said([header], name)) > 1 for name in ("RescaleSlope", "RescaleIntercept")):
        raise Refused("its frames have several slopes or intercepts, and the table has one: strip it instead.")
    low, high, step = _scaling(header)
    slope, intercept = (export_table.value([header], name) for name in ("RescaleSlope", "RescaleIntercept"))
    a, b = float(slope or 1), float(intercept or 0)
    a, b = (-a, a * high + b) if header.PhotometricInterpretation == "MONOCHROME1" else (a, a * low + b)
    return {"unit": export_table.unit([header]), "slope": repr(a / step), "intercept": repr(b)}


def _scaling(header: Dataset) -> tuple[int, int, int]:
    """Return the lowest and the highest value that can be stored, and what steps of one are in the PNG."""
    bits = int(header.BitsStored)
    low = -(1 << bits - 1) if header.get("PixelRepresentation") else 0
    return low, low + (1 << bits) - 1, ((1 << (8 if bits <= 8 else 16)) - 1) // ((1 << bits) - 1)


def _grey(frame: np.ndarray, header: Dataset) -> np.ndarray:
    spare = frame.itemsize * 8 - int(header.BitsStored)  # bits that can hold anything (PS3.5 8.1.2)
    stored = ((frame << frame.itemsize * 8 - 1 - int(header.HighBit)) >> spare).astype(int)
    low, high, step = _scaling(header)
    above = high - stored if header.PhotometricInterpretation == "MONOCHROME1" else stored - low
    return (above * step).astype(np.uint8 if header.BitsStored <= 8 else np.uint16)
