"""Volumes: the slices of a scan as one array that knows where it lies in the patient, and back into DICOM.

>>> from safeshare import volume
>>> head = volume.read("ct/")
>>> head.values, head.affine                            # the voxels, and how their indices become millimetres
>>> volume.save(head.with_values(changed), "ct_new/")   # the same files, with the changed voxels
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydicom import DataElement, Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels import compress, get_decoder
from pydicom.pixels.decoders.pylibjpeg import DECODER_DEPENDENCIES
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from . import blanking, dicomfile
from .elements import UNREADABLE, encoding, text
from .finding import Refused

# How far slices may be from an even, straight stack. Positions are often rounded to 0.1 mm, so a slice may miss its
# place by a tenth of a slice; 3D Slicer takes 0.01 mm (DICOMScalarVolumePlugin), highdicom 1 % (highdicom.spatial).
# A tilt of half a degree moves the top of a 200 mm head by 1.7 mm, about a slice; highdicom takes 2.6 degrees.
_MISPLACED, _TILT, _SAME_PLACE = 0.1, 0.5, 0.01  # slice spacings, degrees, mm
_DIRECTION = 1e-3  # of a direction cosine: 0.06 degrees
_PIXEL_DATA = 0x7FE00010
_MACROS = (  # where a multi-frame file tells what a slice tells (PS3.3 C.7.6.16.2)
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
)
_STALE = (  # made from the pixels, so wrong once they change, and an icon of a face is still a face
    "IconImageSequence",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
_SOUND = "ask the sender for a sound copy."


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """A scan as one array, with its place in the patient.

    ``values`` is what the stored numbers mean (PS3.3 C.11.1): HU in CT, and the file's unit in MR and PET. They are
    int16 if every slope and intercept is a whole number (int32 or float64 where that is too small), otherwise float32.
    ``values[x, y, z]``: x runs nearest to the patient's left, y to the back and z to the top of the head (LPS, DICOM's
    own axes). Nothing is resampled: an oblique scan stays oblique. The array is read-only: change a copy, and hand it
    to ``with_values``.

    ``affine`` turns an index into millimetres: ``affine @ [x, y, z, 1]`` is where the middle of that voxel lies
    (PS3.3 C.7.6.2.1.1). ``datasets`` are the sources, in the order of their slices along the rising axis.
    """

    values: np.ndarray
    affine: np.ndarray
    modality: str
    datasets: tuple[Dataset, ...]

    def __post_init__(self) -> None:
        for name in ("values", "affine"):
            view = getattr(self, name).view()  # the array of the caller stays as writable as it was
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __repr__(self) -> str:
        """Say in a line what a notebook would otherwise fill a page with."""
        sizes, steps = " x ".join(map(str, self.values.shape)), " x ".join(f"{step:.3g}" for step in self.spacing)
        return f"<Volume: {self.modality}, {sizes} voxels of {steps} mm>"

    @property
    def spacing(self) -> np.ndarray:
        """The distance in mm from one voxel to the next along each of the three axes."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    def with_values(self, values: np.ndarray) -> "Volume":
        """Return a volume at the same place with other ``values``; raise ``ValueError`` when they do not fit."""
        values = np.asarray(values)
        if values.shape != self.values.shape:
            raise ValueError(f"the values have the shape {values.shape}, and the volume has {self.values.shape}.")
        if not np.isfinite(values).all():
            raise ValueError("some values are not finite (NaN, say), and DICOM cannot store that: replace them first.")
        return replace(self, values=values)


class _Frame(NamedTuple):
    """One picture: where it lies (PS3.3 C.7.6.2.1.1), and what its stored values mean (C.11.1.1.2)."""

    source: int  # which of the data sets it is in, and which picture there
    number: int
    shape: tuple[int, int]  # rows, columns
    position: np.ndarray  # the middle of its first pixel
    directions: np.ndarray  # along a row, and down a column
    spacing: np.ndarray  # from row to row, and from column to column
    reference: str
    slope: float
    intercept: float


class _Layout(NamedTuple):
    """How pictures make up a volume."""

    frames: list[_Frame]  # in the order of their slices
    affine: np.ndarray
    axes: list[int]  # what runs along x, y and z: 0 the columns, 1 the rows, 2 the slices
    flips: list[int]  # and whether it does so backwards: -1

    def slices(self, values: np.ndarray) -> np.ndarray:
        """Return a view of a volume's ``values`` with the axes slice, row, column."""
        forward = values[tuple(slice(None, None, flip) for flip in self.flips)]
        return forward.transpose(np.argsort(self.axes)).T


def read(source: str | Path | Dataset | Iterable[str | Path | Dataset]) -> Volume:
    """Return one series as a volume: from a folder with all that is in it, files, or data sets.

    It may be one file a slice or multi-frame files (PS3.3 C.7.6.16), of any orientation. Slices are put in order by
    their position, never by their number or file name. Objects without an image (RT structures, reports, presentation
    states) may lie beside it and are not read.

    Raises ``Refused`` when this is not one grey-scale series of evenly spaced, parallel, upright slices that can be
    decoded, and ``OSError`` when a file cannot be read.
    """
    folder = Path(source) if isinstance(source, (str, Path)) else None
    if folder is not None:
        items: list[Any] = sorted(p for p in folder.rglob("*") if not p.is_dir()) if folder.is_dir() else [folder]
    else:
        items = [source] if isinstance(source, Dataset) else list(source)  # type: ignore[arg-type]
    sources = [item if isinstance(item, Dataset) else _open(Path(item)) for item in _one_series(items, folder)]
    layout = _lay_out([frame for n, dataset in enumerate(sources) for frame in _frames(dataset, n)], folder)
    values = _values(layout, [_stored(dataset) for dataset in sources])
    ordered = tuple(sources[n] for n in dict.fromkeys(frame.source for frame in layout.frames))
    return Volume(values, layout.affine, text(sources[0], "Modality"), ordered)


def datasets(volume: Volume) -> list[Dataset]:
    """Return copies of the volume's sources, in which the voxels are changed whose value is another than theirs.

    A copy whose voxels are all as they were has its pixel data byte for byte. In the others a changed voxel is rounded
    to the nearest value that can be stored and clipped to Bits Stored, and the others keep their stored value. Their
    transfer syntax stays where it is uncompressed or RLE, and is Explicit VR Little Endian otherwise; Lossy Image
    Compression "01" stays, and is set where only a lossy transfer syntax told it. What is made from the pixels, such as
    an icon, goes. UIDs and all else stay.

    Raises ``Refused`` when the sources were changed meanwhile and are no volume any more.
    """
    layout = _lay_out([frame for n, dataset in enumerate(volume.datasets) for frame in _frames(dataset, n)], None)
    slices = layout.slices(volume.values)
    places: list[list[tuple[np.ndarray, _Frame]]] = [[] for _ in volume.datasets]
    for plane, frame in zip(slices, layout.frames, strict=True):
        places[frame.source].append((plane, frame))
    whole = _whole(layout.frames)
    return [_changed(dataset, planes, whole) for dataset, planes in zip(volume.datasets, places, strict=True)]


def save(volume: Volume, folder: str | Path) -> list[Path]:
    """Write ``datasets(volume)`` as 0001.dcm and so on, and return the paths.

    Raises ``FileExistsError`` when there is a file of that name, as nothing is overwritten, and ``Refused`` when a
    header is too damaged to be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, dataset in enumerate(datasets(volume), 1):
        whole = BytesIO()
        try:
            dataset.save_as(whole, enforce_file_format=True)
        except UNREADABLE as error:
            path = _path(volume.datasets[number - 1])
            raise Refused(f"its header is damaged and cannot be written again: {_SOUND}", path) from error
        paths.append(folder / f"{number:04}.dcm")
        with paths[-1].open("xb") as out:
            out.write(whole.getbuffer())
    return paths


def _one_series(items: list[Any], folder: Path | None) -> list[Any]:
    """Return the items that are images, if they are all of one series."""
    series: dict[str, list[Any]] = {}
    kinds: dict[str, str] = {}
    others = set()
    for item in items:
        header = item if isinstance(item, Dataset) else _header(Path(item))
        modality = text(header, "Modality") or "no modality"
        if "Rows" in header:
            uid = text(header, "SeriesInstanceUID")
            series.setdefault(uid, []).append(item)
            kinds[uid] = modality
        else:
            others.add(modality)
    if not series:
        raise Refused(
            f"it holds no image ({', '.join(sorted(others)) or 'no file'}): name those of one series.", folder
        )
    if len(series) > 1:
        found = ", ".join(sorted(f"{kinds[uid]} with {_count(len(images), 'file')}" for uid, images in series.items()))
        raise Refused(f"it holds {len(series)} series ({found}): name the files of one.", folder)
    return next(iter(series.values()))


def _header(path: Path) -> Dataset:
    with path.open("rb") as stream:
        try:
            return dicomfile.read(stream)[0].dataset
        except Refused as error:
            raise Refused(error.reason, path) from error


def _open(path: Path) -> Dataset:
    try:
        return dcmread(path, force=True)  # that it is DICOM, if perhaps without a preamble, its header has shown
    except UNREADABLE as error:
        raise Refused(f"it cannot be read as DICOM: {_SOUND}", path) from error


def _path(dataset: Dataset) -> Path | None:
    name = getattr(dataset, "filename", None)
    return Path(name) if name and isinstance(name, (str, Path)) else None


def _frames(dataset: Dataset, source: int) -> Iterator[_Frame]:
    """Yield the pictures of a data set; raise ``Refused`` where it does not tell where they lie."""
    try:
        count = int(dataset.get("NumberOfFrames") or 1)
        each = tuple(dataset.get("PerFrameFunctionalGroupsSequence") or ())
        shared = tuple(dataset.get("SharedFunctionalGroupsSequence") or ())
        if count > 1 and len(each) != count:
            raise Refused("it does not tell where each of its frames lies: export it as one file a slice.")
        for number in range(count):
            groups = (*each[number : number + 1], *shared)
            places = [item for group in groups for name in _MACROS for item in group.get(name) or ()] + [dataset]
            yield _Frame(
                source,
                number,
                (int(dataset.Rows), int(dataset.Columns)),
                _numbers(places, "ImagePositionPatient").reshape(3),
                _numbers(places, "ImageOrientationPatient").reshape(2, 3),
                _numbers(places, "PixelSpacing").reshape(2),
                text(dataset, "FrameOfReferenceUID"),
                _numbers(places, "RescaleSlope", 1).item(),
                _numbers(places, "RescaleIntercept", 0).item(),
            )
    except Refused as error:
        raise Refused(error.reason, _path(dataset)) from error
    except UNREADABLE as error:
        raise Refused(f"its geometry or its rescale values cannot be read: {_SOUND}", _path(dataset)) from error


def _numbers(places: list[Dataset], keyword: str, default: float | None = None) -> np.ndarray:
    """Return what stands in the first of the places that has it: a frame's own, all frames', the data set's."""
    value = next((place.get(keyword) for place in places if place.get(keyword) is not None), default)
    if value is None:
        raise Refused(f"it has no {keyword}, so it is no slice of a volume: leave it out.")
    numbers = np.asarray(value, dtype=float)
    wrong = {"PixelSpacing": numbers <= 0, "RescaleSlope": numbers == 0}.get(keyword, False)
    if not np.isfinite(numbers).all() or np.any(wrong):
        raise Refused(f"its {keyword} cannot be right ({value}): {_SOUND}")
    return numbers


def _lay_out(frames: list[_Frame], folder: Path | None) -> _Layout:
    """Put frames in order and return their layout; raise ``Refused`` where they are no even, upright stack."""
    if len(frames) < 2:
        raise Refused("it is a single slice, and a face takes a volume: look at single images one by one.", folder)
    first = frames[0]
    for what, differs in (
        ("frame of reference", any(frame.reference != first.reference for frame in frames)),
        ("direction (a localizer among them, say)", _differ([frame.directions for frame in frames], _DIRECTION)),
        ("number of rows and columns", any(frame.shape != first.shape for frame in frames)),
        ("pixel spacing", _differ([frame.spacing / first.spacing for frame in frames], _DIRECTION)),
    ):
        if differs:
            raise Refused(f"its slices are not all of one {what}: name only the files that belong together.", folder)
    across, down = first.directions
    if np.abs(first.directions @ first.directions.T - np.eye(2)).max() > _DIRECTION:
        raise Refused(f"its rows and columns are not at right angles: {_SOUND}", folder)

    directions = np.column_stack([across, down, np.cross(across, down)])
    nearness = np.abs(directions)
    axes = list(max(permutations(range(3)), key=lambda order: float(nearness[range(3), list(order)].sum())))
    if directions[axes.index(2), 2] < 0:
        directions[:, 2] *= -1
    frames = sorted(frames, key=lambda frame: frame.position @ directions[:, 2])
    step = _step(np.array([frame.position for frame in frames]), directions[:, 2], folder)

    sizes = np.array([first.shape[1], first.shape[0], len(frames)])
    along = np.column_stack([across * first.spacing[1], down * first.spacing[0], step])[:, axes]
    flips = [1 if directions[axis, axes[axis]] > 0 else -1 for axis in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = along * flips
    affine[:3, 3] = frames[0].position + along @ np.where(np.array(flips) < 0, sizes[axes] - 1, 0)
    return _Layout(frames, affine, axes, flips)


def _differ(arrays: list[np.ndarray], tolerance: float) -> bool:
    return bool(np.abs(np.array(arrays) - arrays[0]).max() > tolerance)


def _step(positions: np.ndarray, normal: np.ndarray, folder: Path | None) -> np.ndarray:
    """Return the way from one slice to the next; raise ``Refused`` where it is not the same for all, or is tilted."""
    gaps = np.diff(positions @ normal)
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])  # of two gaps the smaller: the other may lack a slice
    if gaps.min() < _SAME_PLACE:
        doubles = int(np.count_nonzero(gaps < _SAME_PLACE))
        reason = "several times, echoes, energies or stacks, or the same slice twice"
        raise Refused(
            f"it has {_count(doubles, 'slice')} lying where another lies ({reason}): name the files of one.", folder
        )
    if missing := int(np.rint(gaps / usual - 1)[gaps > 1.5 * usual].sum()):
        raise Refused(f"it has {_count(missing, 'slice')} missing in between: export the series again, whole.", folder)
    step = (positions[-1] - positions[0]) / len(gaps)
    tilt = np.degrees(np.arctan2(np.linalg.norm(np.cross(step, normal)), step @ normal))
    if tilt > _TILT:
        raise Refused(
            f"its slices are stacked askew by {tilt:.1f} degrees (a tilted gantry, say), so the head would be sheared: "
            "straighten the series first, as dcm2niix or the scanner's workstation do.",
            folder,
        )
    places = positions[0] + np.arange(len(positions))[:, None] * step
    if np.linalg.norm(positions - places, axis=1).max() > _MISPLACED * usual:
        raise Refused(
            f"its slices are not evenly spaced ({gaps.min():.3g} to {gaps.max():.3g} mm apart) or not in line: "
            "reconstruct or resample the series with one spacing first.",
            folder,
        )
    return step


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _syntax(dataset: Dataset) -> UID:
    meta = getattr(dataset, "file_meta", None) or Dataset()
    return UID(text(meta, "TransferSyntaxUID") or dicomfile.plain_syntax(*encoding(dataset)))


def _stored(dataset: Dataset) -> np.ndarray:
    """Return the stored values of a data set as frames, rows, columns; raise ``Refused`` where that cannot be done."""
    syntax, path = _syntax(dataset), _path(dataset)
    try:
        if dataset.PhotometricInterpretation not in ("MONOCHROME1", "MONOCHROME2"):
            raise Refused("it is in colour, and a scan is grey: leave it out.", path)
        if "ModalityLUTSequence" in dataset:
            raise Refused("its values stand in a table (Modality LUT): export it with a rescale slope.", path)
        if dataset.BitsAllocated not in (8, 16, 32) or dataset.HighBit != dataset.BitsStored - 1:
            raise Refused("its pixels are no numbers in the low bits of 8, 16 or 32 (PS3.5 8.1.1): leave it out.", path)
        decoder = get_decoder(syntax)
        if syntax.is_encapsulated and not decoder.is_available:
            wanted = " ".join(name.split(">")[0] for name in DECODER_DEPENDENCIES.get(syntax, ()))
            raise Refused(f"it is compressed ({syntax.name}): install what can decode it, pip install {wanted}.", path)
        array, _ = decoder.as_array(dataset, raw=True, allow_excess_frames=False)  # type: ignore[arg-type]
    except Refused:
        raise
    except (RuntimeError, *UNREADABLE) as error:
        raise Refused(f"its pixel data ({syntax.name}) cannot be decoded: {_SOUND}", path) from error
    return array.reshape(-1, dataset.Rows, dataset.Columns)


def _whole(frames: list[_Frame]) -> bool:
    return all(frame.slope.is_integer() and frame.intercept.is_integer() for frame in frames)


def _rescaled(stored: np.ndarray, frame: _Frame, whole: bool) -> np.ndarray:
    if whole:
        return stored.astype(np.int64) * int(frame.slope) + int(frame.intercept)
    return (stored * frame.slope + frame.intercept).astype(np.float32)


def _values(layout: _Layout, stored: list[np.ndarray]) -> np.ndarray:
    """Return the values of a volume, x first in memory so that slices through it lie close together."""
    planes, whole = [stored[frame.source][frame.number] for frame in layout.frames], _whole(layout.frames)
    types: list[type] = [np.int16, np.int32, np.float64] if whole else [np.float32]
    if whole:
        ends = np.array([(plane.min(), plane.max()) for plane in planes])
        ends = np.array([_rescaled(pair, frame, whole) for pair, frame in zip(ends, layout.frames, strict=True)])
        types = [kind for kind in types[:2] if np.array_equal(ends, ends.astype(kind))] or types[2:]
    sizes = np.array([*planes[0].shape[::-1], len(planes)])[layout.axes]
    values = np.empty(sizes, types[0], order="F")
    for target, plane, frame in zip(layout.slices(values), planes, layout.frames, strict=True):
        target[:] = _rescaled(plane, frame, whole)
    return values


def _changed(dataset: Dataset, planes: list[tuple[np.ndarray, _Frame]], whole: bool) -> Dataset:
    """Return a copy of a data set with other pixels where ``planes`` differ from its own."""
    stored = _stored(dataset)
    top = 1 << dataset.BitsStored
    low, high = (-top // 2, top // 2 - 1) if dataset.PixelRepresentation else (0, top - 1)
    same = True
    for plane, frame in planes:
        changed = plane != _rescaled(stored[frame.number], frame, whole)
        new = np.rint((plane[changed].astype(float) - frame.intercept) / frame.slope)
        stored[frame.number][changed] = np.clip(new, low, high)
        same &= not changed.any()
    return _copy(dataset, None if same else stored)


def _copy(dataset: Dataset, stored: np.ndarray | None) -> Dataset:
    """Return a copy of a data set that shares nothing with it that can be changed, with ``stored`` as its pixels."""
    elements = {e.tag: e if isinstance(e, RawDataElement) else deepcopy(e) for e in dataset.values()}
    implicit, little = encoding(dataset)
    meta = deepcopy(getattr(dataset, "file_meta", None)) or FileMetaDataset()
    meta.TransferSyntaxUID = syntax = _syntax(dataset)
    copy = FileDataset("", elements, bytes(128), meta, is_implicit_VR=implicit, is_little_endian=little)
    copy.set_original_encoding(implicit, little, dataset.original_character_set)
    if stored is None:
        return copy
    for keyword in _STALE:
        copy.pop(keyword, None)
    if syntax == RLELossless:
        compress(
            copy,
            syntax,
            stored if len(stored) > 1 else stored[0],
            generate_instance_uid=False,
            encoding_plugin="pydicom",
        )
        return copy
    if syntax.is_encapsulated:
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if syntax in blanking.ALWAYS_LOSSY:
            blanking.call_lossy(copy, syntax, stored.nbytes / len(dataset.PixelData))
    data = stored.astype(stored.dtype.newbyteorder("<" if syntax.is_little_endian else ">")).tobytes()
    copy[_PIXEL_DATA] = DataElement(_PIXEL_DATA, "OB" if stored.itemsize == 1 else "OW", data + bytes(len(data) % 2))
    return copy
