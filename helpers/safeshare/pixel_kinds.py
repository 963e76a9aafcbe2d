"""Faces, objects and text in the images of a study: in a file by itself, and in all slices of a scan together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from . import decoding, derivation, dicomfile, faces, text, volume
from .blanking import Box
from .elements import UNREADABLE, is_grey
from .elements import text as value
from .finding import Finding, Refused
from .pseudonyms import Pseudonyms
from .text import TextFinding
from .volume import Volume

if TYPE_CHECKING:
    from .objects import ObjectFinding

_NUMBERS = {  # what a program computed for each pixel, and no screen ever showed: masks, doses, parameters (PS3.4 B.5)
    f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("66.4", "66.7", "481.2", "30")
}
_RADIOGRAPHS = {  # computed and digital radiography, mammography, teeth (PS3.4 B.5)
    f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1")
}
_CAPTURES = {  # secondary capture, of what may be a radiograph, of one frame or of many, grey
    f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("7", "7.2", "7.3")
}
_BY_XRAYS = {"CR", "DX", "MG", "IO", "PX", "RG"}  # modalities of radiographs (PS3.3 C.7.3.1.1.1)
_PLACED = ("ImagePositionPatient", "PerFrameFunctionalGroupsSequence")  # a slice lies somewhere, a page nowhere
_LAYOUT = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation",
)  # fmt: skip
_CT = "1.2.840.10008.5.1.4.1.1.2"
_SIDES = set("RLAPHF")  # right, left, anterior, posterior, head, feet (PS3.3 C.7.6.1.1.1)
_LETTER = 1.5  # times its height may the box of a letter be wide
_THICKEST = 0.4  # of the picture, from side to side, may a line of text be that nobody could read
_FACE = Finding("faces", "PixelData", "", "C", "people are recognized by a face rendered from slices (PS3.15 E.3.2)")

_Open = Callable[[Path], Dataset]


def finder(paths: Sequence[Path], scan: bool, kinds: Sequence[str]) -> Callable[[Path], list[Finding]]:
    """Return what finds faces, objects and text in each of the files: the slices of one ``scan``, or a single file.

    Raises ``Refused`` when it cannot be told for the scan as a whole.
    """
    with _readable():
        scan = scan and _has_depth(paths)
        shown: list[Finding] = []
        if scan and {"faces", "objects"} & set(kinds):
            whole = volume.read(paths)
            shown += _identifying(_seen_objects(whole)) if "objects" in kinds else []
            shown += faces.find(whole) if "faces" in kinds else []
        standing = _standing_text(paths, decoding.load) if scan and "text" in kinds else None

    def find(path: Path) -> list[Finding]:
        with _readable():
            dataset = decoding.load(path)
            seen = _seen_objects(dataset, alone=not scan) if "objects" in kinds else []
            lines = _text_in(dataset, standing, seen) if "text" in kinds else []
            return [*_identifying(seen), *lines, *shown]

    return find


def stripper(
    paths: Sequence[Path], scan: bool, kinds: Sequence[str], key: bytes | str, folder: Path | None = None
) -> Callable[[Path], tuple[Dataset | None, list[Finding]]]:
    """Return what strips each of the files: a new data set, None when nothing was found in it, and the findings.

    New pixels that are too large for memory are in a file in ``folder``, or where the system has such files.

    Raises ``Refused`` when that cannot be done for the scan as a whole.
    """

    def opened(path: Path) -> Dataset:
        return changed[path] if path in changed else decoding.load(path, folder)

    with _readable():
        scan = scan and _has_depth(paths)
        changed, shown = _without_faces_and_objects(paths, kinds, key) if scan else ({}, [])
        standing = _standing_text(paths, opened) if scan and "text" in kinds else None

    def strip(path: Path) -> tuple[Dataset | None, list[Finding]]:
        with _readable():
            dataset, new, found = opened(path), changed.get(path), list(shown)
            seen = _seen_objects(dataset, alone=not scan) if "objects" in kinds else []
            if identifying := _identifying(seen):
                dataset = new = _without_objects(dataset, seen, key)
                found += identifying
            if "text" in kinds:
                lines = _text_in(dataset, standing, seen)
                if any(each.where != "BurnedInAnnotation" for each in lines):  # which is a remark, nothing to take out
                    boxes = [each.box for each in lines if isinstance(each, TextFinding)]
                    new = text.strip(dataset, boxes, key=key)
                found += lines
            return new, found

    return strip


@contextmanager
def _readable() -> Iterator[None]:
    """Refuse a header with a value that cannot be what it should be, wherever it is stumbled over."""
    try:
        yield
    except (Refused, OSError):
        raise
    except MemoryError as error:
        raise Refused("its pixels do not fit into memory: use a computer with more, or fewer processes.") from error
    except UNREADABLE as error:
        raise Refused("its header is damaged, so its pixels are unclear: ask the sender for a sound copy.") from error


def _has_depth(paths: Sequence[Path]) -> bool:
    """Tell whether there is more than one slice: nobody is recognized by a single one."""
    if len(paths) > 1:
        return True
    with paths[0].open("rb") as stream:
        return value(dicomfile.read(stream)[0].dataset, "NumberOfFrames") not in ("", "1")


def _without_faces_and_objects(
    paths: Sequence[Path], kinds: Sequence[str], key: bytes | str
) -> tuple[dict[Path, Dataset], list[Finding]]:
    """Return the data sets of a scan without its face and objects, none if it shows none, and what was found."""
    if not {"faces", "objects"} & set(kinds):
        return {}, []
    scan = safe = volume.read(paths)
    seen = _seen_objects(scan) if "objects" in kinds else []
    found: list[Finding] = [*_identifying(seen)]
    if found:
        safe = _without_objects(scan, seen, key)
    if "faces" in kinds:
        faceless = faces.strip(safe, key=key)
        found += [_FACE] if faceless is not safe else []
        safe = faceless
    if safe is scan:
        return {}, []
    return {Path(str(old.filename)): new for old, new in zip(scan.datasets, safe.datasets, strict=True)}, found


def _seen_objects(image: Dataset | Volume, alone: bool = False) -> "list[ObjectFinding]":
    """Return the objects in a radiograph, or in a CT that is a volume or a slice ``alone``, none in anything else."""
    if isinstance(image, Volume):
        searched = image.modality == "CT"
    else:
        searched = _is_radiograph(image) or (alone and _is_slice_of_ct(image))
    if not searched:
        return []
    from . import objects

    return objects.find(image)


def _is_radiograph(dataset: Dataset) -> bool:
    """Tell whether an image is a radiograph by its class, or is a capture that its header calls one.

    Other captures show screens, scans and paper, in which a detector of metal sees objects that there are not.
    """
    if value(dataset, "SOPClassUID") not in _CAPTURES:
        return value(dataset, "SOPClassUID") in _RADIOGRAPHS
    return is_grey(dataset) and value(dataset, "Modality") in _BY_XRAYS


def _is_slice_of_ct(dataset: Dataset) -> bool:
    """Tell whether an image is a slice, which a localizer is not: in a projection, bones are as dense as metal."""
    slices = value(dataset, "SOPClassUID") == _CT and "LOCALIZER" not in (dataset.get("ImageType") or ())
    return slices and is_grey(dataset) and value(dataset, "Modality") == "CT"


def _identifying(seen: "list[ObjectFinding]") -> "list[ObjectFinding]":
    """Return the objects that ``objects.strip`` takes out, or takes the letters off."""
    return [each for each in seen if each.action == "C" or (each.letters.any() and each.label != "marker")]


def _without_objects(image: Any, seen: "list[ObjectFinding]", key: bytes | str) -> Any:
    """Return a radiograph or a CT without the objects seen in it."""
    from . import objects

    return objects.without(image, seen, Pseudonyms(key))


def _text_in(dataset: Dataset, standing: list[TextFinding] | None, seen: "list[ObjectFinding]") -> list[Finding]:
    """Return the text in a data set but that on a marker of the side, which stays.

    What is in its pixels is known if it is ``standing`` text, and looked for if not.
    """
    if standing is None and value(dataset, "SOPClassUID") in _NUMBERS:
        standing = []
    if standing is None or (dataset.get("BurnedInAnnotation") == "YES" and not _is_copy(dataset)):
        lines = text.find(dataset)
    else:
        lines = [*standing, *text.find(dataset, frames=[])]
    markers = [each.box for each in seen if each.label == "marker"]
    return [line for line in lines if not any(_on(line, marker) for marker in markers)]


def _is_copy(dataset: Dataset) -> bool:
    """Tell whether an image is a copy made here, in which text was blanked: its YES says that nobody has looked yet.

    The Derivation Description says so, and where that went with the metadata, the code of the method does.
    """
    made_here = "with safeshare" in str(dataset.get("DeidentificationMethod"))
    coded = made_here and text.CLEAN_PIXEL_DATA in derivation.codes(dataset)
    return coded or text.BLANKED in str(dataset.get("DerivationDescription"))


def _on(line: Finding, marker: Box) -> bool:
    """Tell whether a line of text is what is written on a marker: its middle is on it, and it is hardly larger."""
    if not isinstance(line, TextFinding) or len({line.box.frame, marker.frame} - {None}) > 1:
        return False
    box = line.box
    middle = marker.x0 <= (box.x0 + box.x1) / 2 <= marker.x1 and marker.y0 <= (box.y0 + box.y1) / 2 <= marker.y1
    return middle and (box.x1 - box.x0) * (box.y1 - box.y0) <= 2 * (marker.x1 - marker.x0) * (marker.y1 - marker.y0)


def _standing_text(paths: Sequence[Path], opened: _Open) -> list[TextFinding] | None:
    """Return the text that stands in one place on all slices of a scan, None if they are captures or of other layouts.

    What a scanner or a workstation writes on slices it writes on all of them. So one picture is enough, of what is the
    darkest at each place: writing stays there, and of anatomy little, while in single slices of a head the detector
    takes a part of one in five for text. A letter that marks a side stays.
    """
    picture = Dataset()
    still: np.ndarray | None = None
    for path in paths:
        dataset = opened(path)
        if still is None:
            for name in _LAYOUT:
                setattr(picture, name, dataset.get(name))
        captured = value(dataset, "SOPClassUID") in _CAPTURES or not any(name in dataset for name in _PLACED)
        if captured or picture.SamplesPerPixel != 1 or any(picture.get(name) != dataset.get(name) for name in _LAYOUT):
            return None
        darker = np.maximum if picture.PhotometricInterpretation == "MONOCHROME1" else np.minimum
        for frame in decoding.decoded(dataset, raw=True):
            still = frame.copy() if still is None else darker(still, frame)
    if still is None:
        return None
    picture.PixelData = still.astype(still.dtype.newbyteorder("<")).tobytes()
    picture.file_meta = FileMetaDataset()
    picture.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found = [each for each in text.find(picture) if isinstance(each, TextFinding)]
    return [each for each in found if not _is_side(each, found, still) and not _is_anatomy(each, still)]


def _is_side(line: TextFinding, found: Sequence[TextFinding], picture: np.ndarray) -> bool:
    """Tell whether a line is a letter that marks a side: it is surely read, and not a part of a slanting line."""
    box, words = line.box, line.what
    beside = {each.what for each in found if _near(each.box, box)}
    lone = words in _SIDES and beside == {words} and box.x1 - box.x0 <= _LETTER * (box.y1 - box.y0)
    return lone and text.read(picture, box)[1] > text.CERTAIN


def _near(one: Box, other: Box) -> bool:
    """Tell whether two boxes are so near to each other as letters of a line are."""
    gap = (other.y1 - other.y0) / 2
    across = max(one.x0, other.x0) - min(one.x1, other.x1) < gap
    return across and max(one.y0, other.y0) - min(one.y1, other.y1) < gap


def _is_anatomy(line: TextFinding, picture: np.ndarray) -> bool:
    """Tell whether what nobody could read is too large for a line of text.

    What was not read is text all the same: the reader knows few scripts, and of a slanting line it sees parts.
    """
    read = sum(letter.isalnum() for letter in line.what) > 1
    thick = min(line.box.x1 - line.box.x0, line.box.y1 - line.box.y0)
    return not read and thick > _THICKEST * min(picture.shape)
