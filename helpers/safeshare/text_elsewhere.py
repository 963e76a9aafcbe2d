"""Text that stands outside the picture: in overlays, unused bits of pixels, icons, presentation states, documents."""

import shutil
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from pydicom import Dataset, Sequence
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from . import blanking, decoding, in_file, pixeldata
from .deidentify import check_can_be_made_safe
from .finding import Finding, Refused

_OVERLAY_DATA = 0x3000
_OVERLAY = "what is drawn over the pixels can be lettering (PS3.3 C.9.2, PS3.15 E.3.3, Clean Graphics Option)"
_BITS = "bits that no pixel value needs once held overlays, and some viewers still show them (PS3.5 8.1.2)"
_LETTERING = "lettering that a viewer draws over the image (PS3.3 C.10.5, PS3.15 E.3.3, Clean Graphics Option)"
_WHOLE = {  # what goes as a whole
    "IconImageSequence": "a small picture of the pixels, with the text that was burned into them (PS3.3 C.7.6.1.1.6)",
    "StructuredDisplayTextBoxSequence": "lettering beside the images of a display (PS3.3 C.11.17)",
    "EncapsulatedDocument": "a document that can name the patient on any page (PS3.3 C.24.2)",
}
_DUMMY = ("", "REMOVED")  # what metadata.strip leaves where there must be a text
_CHUNK = 1 << 22


def find(dataset: Dataset) -> list[Finding]:
    """Return the places outside of the picture that hold text, or a drawing that can be text.

    Raises ``Refused`` for what is a document or a recording as a whole.
    """
    check_can_be_made_safe(dataset, getattr(dataset, "file_meta", Dataset()))
    findings = [
        Finding("text", f"OverlayData ({group:04X},{_OVERLAY_DATA:04X})", f"{points} points drawn", "X", _OVERLAY)
        for group, points in _overlays(dataset)
    ]
    if _text_in_spare_bits(dataset):
        findings.append(Finding("text", "unused bits of PixelData", "", "C", _BITS))
    lettered = {
        "GraphicAnnotationSequence": [each for item in _annotations(dataset) for each in _lettering(item)],
        "VolumetricAnnotationSequence": _notes(dataset),
    }
    for name, texts in lettered.items():
        if texts:
            words = "; ".join(str(each.UnformattedTextValue) for each in texts)
            findings.append(Finding("text", name, words, "C", _LETTERING))
    everywhere = list(_at_any_depth(dataset))
    return findings + [
        Finding("text", name, "", "X", why)
        for name, why in _WHOLE.items()
        if any(each.get(name) for each in everywhere)
    ]


def strip(dataset: Dataset) -> None:
    """Take out of ``dataset``, which is changed, all that ``find`` names; drawings of presentation states stay."""
    for group, _ in list(_overlays(dataset)):
        for tag in [tag for tag in dataset.keys() if tag >> 16 == group]:
            del dataset[tag]
    _clear_spare_bits(dataset)
    kept = []
    for item in _annotations(dataset):
        if _lettering(item):
            del item.TextObjectSequence
        if len(item) > len({"ReferencedImageSequence", "GraphicLayer"} & set(item.dir())):
            kept.append(item)
    if kept:
        dataset.GraphicAnnotationSequence = kept
    elif "GraphicAnnotationSequence" in dataset:
        del dataset.GraphicAnnotationSequence
    for note in _notes(dataset):
        note.UnformattedTextValue = _DUMMY[-1]
    for each in list(_at_any_depth(dataset)):
        for name in _WHOLE:
            each.pop(name, None)


def _overlays(dataset: Dataset) -> Iterator[tuple[int, int]]:
    """Yield the group of each overlay in which something is drawn, and how many points."""
    for group in sorted({tag >> 16 for tag in dataset.keys() if 0x6000 <= tag >> 16 <= 0x60FF}):
        data = dataset[group, _OVERLAY_DATA].value if (group, _OVERLAY_DATA) in dataset else b""
        if points := int(np.unpackbits(np.frombuffer(data or b"", np.uint8)).sum()):
            yield group, points


def _annotations(dataset: Dataset) -> list[Dataset]:
    return list(dataset.get("GraphicAnnotationSequence") or ())


def _lettering(annotation: Dataset, name: str = "TextObjectSequence") -> list[Dataset]:
    texts = annotation.get(name) or ()
    return [each for each in texts if str(each.get("UnformattedTextValue") or "") not in _DUMMY]


def _notes(dataset: Dataset) -> list[Dataset]:
    """Return the notes at places of a volume, which viewers draw there."""
    return _lettering(dataset, "VolumetricAnnotationSequence")


def _at_any_depth(dataset: Dataset) -> Iterator[Dataset]:
    """Yield a data set and the items in it: a reference in a report, say, can have an icon."""
    yield dataset
    for tag in dataset.keys():
        if dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ" and isinstance(dataset[tag].value, Sequence):
            for item in dataset[tag].value:
                yield from _at_any_depth(item)


def _spare_bits(dataset: Dataset) -> int:
    """Return the bits of a word that no pixel value needs, 0 where there are none (PS3.5 8.1.1)."""
    if "PixelData" not in dataset:
        return 0
    bits, stored, high = (int(dataset.get(name) or 0) for name in ("BitsAllocated", "BitsStored", "HighBit"))
    if bits not in (8, 16, 32) or not 0 < stored <= high + 1 <= bits:
        return 0
    return (1 << bits) - 1 & ~(((1 << stored) - 1) << high + 1 - stored)


def _words(dataset: Dataset) -> Iterator[np.ndarray]:
    """Yield the words of the pixel data in parts, as unsigned numbers.

    Of the compressed syntaxes only RLE codes whole words; the others code as many bits as a value has (PS3.5 8.2).
    """
    syntax = decoding.syntax(dataset)
    kind = np.dtype(f"u{int(dataset.BitsAllocated) // 8}")
    if syntax == RLELossless:
        try:
            frames = get_decoder(syntax).iter_array(decoding.image(dataset), raw=True, correct_unused_bits=False)
            for frame, _ in frames:
                yield frame.view(kind)
        except decoding.UNREADABLE_PIXELS as error:
            raise Refused("its pixels cannot be decoded: export it without compression.") from error
    elif not syntax.is_encapsulated:
        kind = kind.newbyteorder("<" if syntax.is_little_endian else ">")
        stream = in_file.opened(dataset.PixelData)
        while len(data := stream.read(_CHUNK)) >= kind.itemsize:
            yield np.frombuffer(data, kind, len(data) // kind.itemsize)


def _in_spare_bits(dataset: Dataset, words: np.ndarray) -> np.ndarray:
    """Tell for each word whether its spare bits hold something: neither the sign nor what stands for no value."""
    spare = _spare_bits(dataset)
    used = words & spare != 0
    if dataset.get("PixelRepresentation") and dataset.HighBit == dataset.BitsStored - 1:
        used &= (words & spare != spare) | (words >> int(dataset.HighBit) & 1 == 0)
    if isinstance(padding := dataset.get("PixelPaddingValue"), int):
        used &= words != padding % (1 << 8 * words.itemsize)
    return used


def _text_in_spare_bits(dataset: Dataset) -> bool:
    return bool(_spare_bits(dataset)) and any(_in_spare_bits(dataset, words).any() for words in _words(dataset))


def _clear_spare_bits(dataset: Dataset) -> None:
    if not _text_in_spare_bits(dataset):
        return
    before, photometric = dataset.PixelData, str(dataset.PhotometricInterpretation)

    def cleared() -> Iterator[np.ndarray]:
        for words in _words(dataset):
            used = _in_spare_bits(dataset, words)
            yield np.where(used, words & ~np.array(_spare_bits(dataset), words.dtype), words).astype(words.dtype)

    def write_native(out: BinaryIO) -> None:
        shutil.copyfileobj(in_file.opened(before), out)
        out.seek(0)
        for words in cleared():
            out.write(words.tobytes())

    def write_rle(out: BinaryIO) -> None:
        frames = (blanking.encoded(dataset, words, photometric, RLELossless) for words in cleared())
        pixeldata.write_frames(out, frames, decoding.size(dataset)[0])

    if decoding.syntax(dataset) == RLELossless:
        dataset["PixelData"].value = in_file.written(before, write_rle)
        for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            dataset.pop(keyword, None)
    else:
        dataset["PixelData"].value = in_file.written(before, write_native)
