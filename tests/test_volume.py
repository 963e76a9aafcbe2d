"""A volume lies where DICOM says, its values mean what DICOM says, and only changed voxels change on the way back."""

import shutil
from copy import deepcopy
from io import BytesIO
from itertools import product
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLossless,
    LegacyConvertedEnhancedCTImageStorage,
    RLELossless,
)

from safeshare import Refused, volume

AXIAL, PRONE = [[1, 0, 0], [0, 1, 0]], [[-1, 0, 0], [0, -1, 0]]
SAGITTAL, CORONAL = [[0, 1, 0], [0, 0, -1]], [[1, 0, 0], [0, 0, -1]]
TURN = np.linalg.qr(np.array([[0.9, -0.2, 0.3], [0.3, 0.9, -0.1], [-0.2, 0.2, 0.9]]))[0]
OBLIQUE = (np.array(AXIAL) @ TURN).tolist()
OBLIQUE_SAGITTAL = (np.array(SAGITTAL) @ TURN).tolist()
DIRECTIONS = {
    "axial": AXIAL,
    "downwards": [[1, 0, 0], [0, -1, 0]],
    "prone": PRONE,
    "sagittal": SAGITTAL,
    "coronal": CORONAL,
    "oblique": OBLIQUE,
    "oblique sagittal": OBLIQUE_SAGITTAL,
}
ROWS, COLUMNS, SLICES = 5, 7, 4
REAL = Path(pydicom.data.__file__).parent / "test_files"
CT_SERIES = REAL / "dicomdirtests" / "98892001" / "CT5N"


def phantom(points):
    """Return the content at each LPS point: it differs from voxel to voxel, so that a swap or a shift shows."""
    return 3 * points[..., 0] + 11 * points[..., 1] + 29 * points[..., 2]


def slices(
    directions=AXIAL,
    *,
    spacing=(0.8, 1.5),
    step=2.5,
    slopes=(1,),
    intercept=-1024,
    bits=12,
    syntax=ExplicitVRLittleEndian,
):
    """Return a series of a phantom, the last slice first, numbered and named in another order than they lie in."""
    across, down = np.array(directions, dtype=float)
    made = []
    for n in range(SLICES):
        position = np.array([-12.5, 7.25, 31.0]) + n * step * np.cross(across, down)
        rows, columns = np.mgrid[:ROWS, :COLUMNS]
        points = position + columns[..., None] * spacing[1] * across + rows[..., None] * spacing[0] * down
        slope = slopes[n % len(slopes)]
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"1.2.3.{n + 1}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.4", "1.2.5", "1.2.6"
        dataset.Modality, dataset.PatientName, dataset.InstanceNumber = "CT", "Testperson^Ada", 1 + n * 3 % SLICES
        dataset.StudyDate = dataset.StudyTime = dataset.PatientID = dataset.StudyID = dataset.AccessionNumber = ""
        dataset.PatientBirthDate = dataset.PatientSex = dataset.ReferringPhysicianName = dataset.SeriesNumber = ""
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = position.tolist(), [*across, *down]
        dataset.PixelSpacing, dataset.SliceThickness = list(spacing), step
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, 1
        dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
        set_pixels(dataset, np.rint((phantom(points) - intercept) / slope))
        made.append(dataset)
    return made[::-1]


def set_pixels(dataset, stored):
    kind = np.dtype(f"{'i' if dataset.PixelRepresentation else 'u'}{dataset.BitsAllocated // 8}")
    little = dataset.file_meta.TransferSyntaxUID.is_little_endian
    dataset.PixelData = stored.astype(kind.newbyteorder("<" if little else ">")).tobytes()
    dataset["PixelData"].VR = "OW"


def raw(dataset):
    """Return the stored values as pydicom decodes them, without any rescaling."""
    return dataset.pixel_array


def multiframe(series, order):
    """Return a series as one multi-frame data set (PS3.3 C.7.6.16), its frames in the given order."""
    whole = deepcopy(series[0])
    whole.SOPClassUID, whole.SOPInstanceUID = LegacyConvertedEnhancedCTImageStorage, "1.2.3.99"
    whole.NumberOfFrames = len(order)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        del whole[keyword]
    del whole.RescaleSlope, whole.RescaleIntercept
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = series[0].ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = series[0].PixelSpacing, series[0].SliceThickness
    shared = Dataset()
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
    whole.SharedFunctionalGroupsSequence = Sequence([shared])
    whole.PerFrameFunctionalGroupsSequence = Sequence()
    for number in order:
        position, meaning, group = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = series[number].ImagePositionPatient
        meaning.RescaleSlope, meaning.RescaleIntercept = series[number].RescaleSlope, series[number].RescaleIntercept
        meaning.RescaleType = "HU"
        group.PlanePositionSequence, group.PixelValueTransformationSequence = Sequence([position]), Sequence([meaning])
        whole.PerFrameFunctionalGroupsSequence.append(group)
    whole.PixelData = b"".join(series[number].PixelData for number in order)
    whole["PixelData"].VR = "OW"
    return whole


def centres(scan):
    index = np.stack(np.meshgrid(*map(np.arange, scan.values.shape), indexing="ij"), axis=-1)
    return index @ scan.affine[:3, :3].T + scan.affine[:3, 3]


def write(series, folder):
    folder.mkdir(exist_ok=True)
    for dataset in series:
        dataset.save_as(folder / f"{dataset.InstanceNumber}.dcm", enforce_file_format=True)
    return folder


def change(scan, share=0.3, low=-900, high=900):
    """Return random new values for a share of the voxels, and which those are."""
    random = np.random.default_rng(4)
    chosen = random.random(scan.values.shape) < share
    values = scan.values.copy()
    values[chosen] = random.integers(low, high, chosen.sum())
    return values, chosen & (values != scan.values)


# Where a voxel lies


@pytest.mark.parametrize("directions", DIRECTIONS.values(), ids=DIRECTIONS)
def test_each_voxel_lies_where_its_content_says(directions):
    scan = volume.read(slices(directions))
    assert np.abs(scan.values - phantom(centres(scan))).max() <= 0.5  # stored as whole numbers
    assert sorted(scan.values.shape) == sorted((ROWS, COLUMNS, SLICES))
    towards = scan.affine[:3, :3] / scan.spacing
    assert np.diag(towards).min() > 0.5 and np.linalg.det(towards) == pytest.approx(1)
    assert scan.values.dtype == np.int16 and scan.modality == "CT"
    axis = scan.values.shape.index(SLICES)
    heights = [dataset.ImagePositionPatient[axis] for dataset in scan.datasets]
    assert heights == sorted(heights)


def test_the_affine_of_an_axial_scan_is_the_one_of_the_standard():
    scan = volume.read(slices())  # C.7.6.2.1.1: PixelSpacing names the distance of rows, which is y, first
    assert np.array_equal(scan.affine, [[1.5, 0, 0, -12.5], [0, 0.8, 0, 7.25], [0, 0, 2.5, 31], [0, 0, 0, 1]])
    assert np.array_equal(scan.spacing, [1.5, 0.8, 2.5])
    assert [dataset.InstanceNumber for dataset in scan.datasets] == [1, 4, 3, 2]  # by position, bottom to top
    assert np.array_equal(scan.values[:, :, 1], raw(scan.datasets[1]).T.astype(int) - 1024)


@pytest.mark.parametrize(("name", "many"), list(product(DIRECTIONS, (False, True))))
def test_highdicom_sees_the_same_volume(name, many):
    series = slices(DIRECTIONS[name], slopes=(1, 0.25), bits=16)
    if many:
        peer = highdicom.Image.from_dataset(multiframe(series, [2, 0, 3, 1])).get_volume(dtype=np.float64)
        scan = volume.read(multiframe(series, [1, 3, 0, 2]))
    else:
        peer = highdicom.get_volume_from_series(series)
        scan = volume.read(series)
    peer = peer.to_patient_orientation("LPS")
    assert np.allclose(scan.affine, peer.affine, atol=1e-9)
    assert np.array_equal(scan.values, peer.array)


def test_highdicom_sees_the_same_volume_in_a_real_series():
    scan = volume.read(CT_SERIES)
    peer = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in CT_SERIES.iterdir()])
    peer = peer.to_patient_orientation("LPS")
    assert scan.values.shape == (16, 16, 5) and np.array_equal(scan.values, peer.array)
    assert np.allclose(scan.affine, peer.affine, atol=1e-6)


def test_any_source_gives_the_same_volume(tmp_path):
    series = slices(OBLIQUE)
    folder = write(series, tmp_path / "ct")
    one = tmp_path / "many.dcm"
    multiframe(series, [3, 1, 0, 2]).save_as(one, enforce_file_format=True)
    expected = volume.read(series)
    parts = [multiframe(series, [3, 1]), multiframe(series, [0, 2])]  # as a concatenation is
    for source in (folder, str(folder), sorted(folder.iterdir()), one, pydicom.dcmread(one), iter(series), parts):
        scan = volume.read(source)
        assert np.array_equal(scan.values, expected.values) and np.allclose(scan.affine, expected.affine)


# What a voxel means


def test_slopes_of_single_slices_are_applied():
    scan = volume.read(slices(slopes=(0.5, 0.3, 2.5), intercept=-1000.25, bits=16))
    assert scan.values.dtype == np.float32
    assert np.abs(scan.values - phantom(centres(scan))).max() <= 1.26  # half of the largest slope, and float32


def test_a_scan_without_rescale_values_is_taken_as_it_is_stored():
    series = slices(intercept=0)
    expected = volume.read(series).values
    for dataset in series:
        del dataset.RescaleSlope, dataset.RescaleIntercept
    assert np.array_equal(volume.read(series).values, expected)
    for dataset in series:
        dataset.RescaleSlope = dataset.RescaleIntercept = None
    assert np.array_equal(volume.read(series).values, expected)


@pytest.mark.parametrize(
    ("bits", "signed", "intercept", "content", "kind"),
    [
        (16, 0, 0, 65535, np.int32),
        (16, 1, 0, -32768, np.int16),
        (16, 1, -1024, -32768, np.int32),
        (32, 0, 0, 2**32 - 1, np.float64),
        (8, 0, 0, 255, np.int16),
    ],
)
def test_values_that_are_too_large_for_int16_stay_exact_and_come_back(tmp_path, bits, signed, intercept, content, kind):
    series = slices(intercept=intercept)
    for dataset in series:
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
        dataset.PixelRepresentation = signed
        set_pixels(dataset, np.full((ROWS, COLUMNS), content))
    scan = volume.read(write(series, tmp_path / "ct"))
    assert scan.values.dtype == kind and (scan.values == content + intercept).all()
    values = scan.values.copy()
    values[0] = 7
    paths = volume.save(scan.with_values(values), tmp_path / "new")
    for path in paths:
        assert (raw(pydicom.dcmread(path))[:, 1:] == content).all()
    assert np.array_equal(volume.read(tmp_path / "new").values, values)


# The way back


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
    ],
    ids=lambda syntax: syntax.keyword,
)
@pytest.mark.parametrize("name", DIRECTIONS)
def test_only_changed_voxels_change(tmp_path, name, syntax):
    series = slices(DIRECTIONS[name], syntax=ExplicitVRLittleEndian if syntax == RLELossless else syntax)
    if syntax == RLELossless:
        for dataset in series:
            dataset.compress(syntax, generate_instance_uid=False)
    scan = volume.read(write(series, tmp_path / "ct"))
    values, changed = change(scan)
    paths = volume.save(scan.with_values(values), tmp_path / "new")
    again = volume.read(tmp_path / "new")
    assert np.array_equal(again.values, values) and np.array_equal(again.affine, scan.affine)
    assert changed.any() and np.array_equal(again.values != scan.values, changed)
    for path, source in zip(paths, scan.datasets, strict=True):
        new = pydicom.dcmread(path)
        assert new.SOPInstanceUID == source.SOPInstanceUID
        assert new.file_meta.TransferSyntaxUID == syntax
        differing = {element.tag for element in new if element != source[element.tag]}
        assert differing == {0x7FE00010} and len(new) == len(source)


def two_slices(path):
    """Return a real slice twice, the second time 2 mm higher."""
    pair = [pydicom.dcmread(path), pydicom.dcmread(path)]
    pair[1].SOPInstanceUID += ".2"
    normal = np.cross(*np.reshape(pair[1].ImageOrientationPatient, (2, 3)).astype(float))
    pair[1].ImagePositionPatient = (np.array(pair[1].ImagePositionPatient, dtype=float) + 2 * normal).tolist()
    return pair


@pytest.mark.parametrize("path", sorted(REAL.glob("MR_small*.dcm")), ids=lambda path: path.stem)
def test_a_real_slice_is_the_same_in_any_transfer_syntax(path, tmp_path):
    series = two_slices(path)
    if not get_decoder(series[0].file_meta.TransferSyntaxUID).is_available:
        pytest.skip("pyjpegls has no wheel for this Python")
    expected = pydicom.dcmread(REAL / "MR_small.dcm").pixel_array
    scan = volume.read(series)
    assert sorted(scan.values.shape) == [2, 64, 64]
    assert np.array_equal(np.sort(scan.values, axis=None), np.sort([expected, expected], axis=None))
    values = scan.values.copy()
    values[tuple(np.array(scan.values.shape) // 2)] += 5
    new = volume.datasets(scan.with_values(values))
    assert sorted(np.count_nonzero(raw(dataset) != expected) for dataset in new) == [0, 1]
    same = [np.array_equal(raw(dataset), expected) for dataset in new]
    for dataset, source, untouched in zip(new, scan.datasets, same, strict=True):
        assert (dataset.PixelData == source.PixelData) == untouched
        before, after = source.file_meta.TransferSyntaxUID, dataset.file_meta.TransferSyntaxUID
        stays = untouched or not before.is_encapsulated or before == RLELossless
        assert after == (before if stays else ExplicitVRLittleEndian)
    volume.save(scan.with_values(values), tmp_path)
    assert np.array_equal(volume.read(tmp_path).values, values)


@pytest.mark.parametrize("encoded", [False, True])
def test_a_multi_frame_file_comes_back_as_one(tmp_path, encoded):
    order = [2, 0, 3, 1]
    whole = multiframe(slices(OBLIQUE_SAGITTAL, slopes=(1, 0.5, 0.25), bits=16), order)
    if encoded:
        whole.compress(RLELossless, generate_instance_uid=False)
    whole.save_as(tmp_path / "many.dcm", enforce_file_format=True)
    scan = volume.read(tmp_path / "many.dcm")
    values, changed = change(scan)
    (path,) = volume.save(scan.with_values(values), tmp_path / "new")
    again = volume.read(path)
    assert np.array_equal(again.values, values) and np.array_equal(again.affine, scan.affine)
    before, after = raw(whole), raw(pydicom.dcmread(path))
    assert np.count_nonzero(before != after) == changed.sum() > 0
    assert {e.tag for e in pydicom.dcmread(path) if e != pydicom.dcmread(tmp_path / "many.dcm")[e.tag]} == {0x7FE00010}


def test_a_change_in_one_frame_leaves_the_others_as_they_were():
    whole = multiframe(slices(), [2, 0, 3, 1])
    scan = volume.read(whole)
    values = scan.values.copy()
    values[3, 2, 0] += 5
    (new,) = volume.datasets(scan.with_values(values))
    changed = np.argwhere(raw(new) != raw(whole)).tolist()
    assert changed == [[2, 2, 3]]  # slices() gives the last slice first, so the lowest is number 3


def test_pixels_behind_the_last_frame_are_no_slice():
    series = slices()
    for dataset in series:
        dataset.PixelData += dataset.PixelData
    scan = volume.read(series)
    new = volume.datasets(scan.with_values(scan.values + 1))
    assert {len(dataset.PixelData) for dataset in new} == {2 * ROWS * COLUMNS}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=lambda syntax: syntax.keyword)
def test_single_bytes_keep_their_order(tmp_path, syntax):
    series = slices(syntax=syntax, bits=8)
    content = np.arange(ROWS * COLUMNS, dtype="u1")
    for dataset in series:
        dataset.BitsAllocated = 8
        words = np.frombuffer(content.tobytes() + b"\0", "<u2")  # OW: in big endian the two bytes of a word are swapped
        dataset.PixelData = words.astype(words.dtype.newbyteorder("<" if syntax.is_little_endian else ">")).tobytes()
    scan = volume.read(write(series, tmp_path / "ct"))
    assert np.array_equal(scan.values[:, :, 0].T.ravel(), content - 1024.0)
    values = scan.values.copy()
    values[3, 2, :] = -900
    assert {len(dataset.PixelData) % 2 for dataset in volume.datasets(scan.with_values(values))} == {0}
    volume.save(scan.with_values(values), tmp_path / "new")
    assert np.array_equal(volume.read(tmp_path / "new").values, values)


def test_data_sets_made_by_hand_are_saved_as_whole_files(tmp_path):
    series = slices()
    for dataset in series:
        del dataset.file_meta
    scan = volume.read(series)
    volume.save(scan, tmp_path)
    assert np.array_equal(volume.read(tmp_path).values, scan.values)
    for path in tmp_path.iterdir():
        new = pydicom.dcmread(path)
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
        assert new.file_meta.MediaStorageSOPClassUID == new.SOPClassUID


def test_slopes_of_a_pet_are_inverted_slice_by_slice(tmp_path):
    slopes = (0.731, 1.9, 0.0417 * 16)
    scan = volume.read(write(slices(slopes=slopes, intercept=0.0, bits=16), tmp_path / "pt"))
    assert scan.values.dtype == np.float32
    values, changed = change(scan, low=0, high=1200)
    new = volume.datasets(scan.with_values(values))
    for k, (copy, source) in enumerate(zip(new, scan.datasets, strict=True)):
        same = ~changed[:, :, k].T
        assert np.array_equal(raw(copy)[same], raw(source)[same])
        meant = raw(copy)[~same] * float(source.RescaleSlope)
        assert np.abs(meant - values[:, :, k].T[~same]).max() <= float(source.RescaleSlope) / 2 + 1e-4


@pytest.mark.parametrize(("signed", "low", "high"), [(0, 0, 4095), (1, -2048, 2047)])
def test_values_that_cannot_be_stored_are_clipped_to_bits_stored(signed, low, high):
    series = slices()
    for dataset in series:
        dataset.PixelRepresentation = signed
        set_pixels(dataset, np.full((ROWS, COLUMNS), 100))
    scan = volume.read(series)
    values = scan.values.astype(float)
    values[0], values[1], values[2] = 1e9, -1e9, -923.6  # -1024 + 100.4
    for copy in volume.datasets(scan.with_values(values)):
        assert (raw(copy)[:, 0] == high).all() and (raw(copy)[:, 1] == low).all() and (raw(copy)[:, 2:] == 100).all()


def test_padding_stays_padding():
    series = slices()
    for dataset in series:
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 1, 16, 15
        dataset.add_new("PixelPaddingValue", "SS", -2000)
        stored = np.full((ROWS, COLUMNS), 40)
        stored[0] = -2000
        set_pixels(dataset, stored)
    scan = volume.read(series)
    values = scan.values.copy()
    values[:, 1:] = -1000
    for copy in volume.datasets(scan.with_values(values)):
        assert copy.PixelPaddingValue == -2000
        assert (raw(copy)[0] == -2000).all() and (raw(copy)[1:] == 24).all()


def test_what_is_made_from_the_pixels_goes_where_they_change_and_lossy_stays_said():
    series = slices()
    for dataset in series:
        icon = Dataset()
        icon.Rows = icon.Columns = 1
        dataset.IconImageSequence = [icon]
        dataset.add_new("LargestImagePixelValue", "US", 4000)
        dataset.LossyImageCompression = "01"
    scan = volume.read(series)
    values = scan.values.copy()
    values[0, 0, 0] += 1
    new = volume.datasets(scan.with_values(values))
    assert ["IconImageSequence" in dataset for dataset in new] == [False, True, True, True]
    assert ["LargestImagePixelValue" in dataset for dataset in new] == [False, True, True, True]
    assert {dataset.LossyImageCompression for dataset in new} == {"01"}


def test_what_was_coded_with_loss_is_said_to_have_been_where_the_header_forgot_it():
    series = slices(bits=8)
    for dataset in series:
        coded = BytesIO()
        Image.fromarray(np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(ROWS, COLUMNS)).save(coded, "JPEG")
        dataset.BitsAllocated = 8
        dataset.PixelData = encapsulate([coded.getvalue()])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    scan = volume.read(series)
    values = scan.values.copy()
    values[0, 0, 0] += 1
    untouched, *_, changed = volume.datasets(scan.with_values(values))[::-1]
    assert "LossyImageCompression" not in untouched, "its transfer syntax says so"
    assert (changed.LossyImageCompression, changed.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


@pytest.mark.parametrize("touched", [False, True])
def test_the_sources_cannot_be_changed_through_the_copies(tmp_path, touched):
    whole = volume.read(write(slices(), tmp_path / "ct"))
    texts = [str(dataset) for dataset in whole.datasets]
    new = volume.datasets(whole.with_values(whole.values + touched))
    for dataset in new:
        dataset.SOPInstanceUID = "1.2.99"
        dataset.ImagePositionPatient[0] = 1e6
        dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.99"
    assert [str(dataset) for dataset in whole.datasets] == texts


def test_values_are_changed_in_a_copy_only():
    scan = volume.read(slices())
    with pytest.raises(ValueError, match="read-only"):
        scan.values[0] = 0
    values = scan.values.copy()
    scan.with_values(values)
    values[0] = 1  # the caller's own array stays writable
    with pytest.raises(ValueError, match=r"the shape \(7, 5\)"):
        scan.with_values(values[..., 0])
    with pytest.raises(ValueError, match="not finite"):
        scan.with_values(np.full(values.shape, np.nan))
    assert repr(scan) == "<Volume: CT, 7 x 5 x 4 voxels of 1.5 x 0.8 x 2.5 mm>"


def test_nothing_is_overwritten(tmp_path):
    folder = write(slices(), tmp_path / "ct")
    volume.save(volume.read(folder), tmp_path / "new")
    before = (tmp_path / "new" / "0001.dcm").read_bytes()
    with pytest.raises(FileExistsError):
        volume.save(volume.read(folder), tmp_path / "new")
    assert (tmp_path / "new" / "0001.dcm").read_bytes() == before


def test_a_real_series_comes_back(tmp_path):
    scan = volume.read(CT_SERIES)
    values, changed = change(scan)
    volume.save(scan.with_values(values), tmp_path)
    again = volume.read(tmp_path)
    assert np.array_equal(again.values, values) and np.array_equal(again.affine, scan.affine) and changed.any()
    for k, (new, source) in enumerate(zip(again.datasets, scan.datasets, strict=True)):
        same = ~changed[:, :, k].T
        assert np.array_equal(raw(new)[same], raw(source)[same])


# What may lie in a folder


def other(modality, **values):
    dataset = slices()[0]
    for keyword in ("Rows", "Columns", "PixelData", "ImagePositionPatient"):
        del dataset[keyword]
    dataset.Modality, dataset.SeriesInstanceUID, dataset.InstanceNumber = modality, "1.2.77", 77
    return dataset


def test_objects_without_an_image_may_lie_beside_it(tmp_path):
    folder = write([*slices(), other("RTSTRUCT")], tmp_path / "ct")
    assert volume.read(folder).values.shape == (COLUMNS, ROWS, SLICES)


def test_a_folder_is_refused_with_what_is_in_it(tmp_path):
    folder = write([other("RTSTRUCT")], tmp_path / "none")
    with pytest.raises(Refused, match=r"none: it holds no image \(RTSTRUCT\)"):
        volume.read(folder)
    folder = write(slices(), tmp_path / "two")
    second = slices()[0]
    second.SeriesInstanceUID, second.Modality, second.InstanceNumber = "1.2.78", "PT", 9
    write([second], folder)
    with pytest.raises(Refused, match=r"two: it holds 2 series \(CT with 4 files, PT with 1 file\)"):
        volume.read(folder)
    folder = write(slices(), tmp_path / "notes")
    (folder / "notes.txt").write_text("call the patient")
    with pytest.raises(Refused, match="notes.txt: it is not a DICOM file"):
        volume.read(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match=r"empty: it holds no image \(no file\)"):
        volume.read(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        volume.read(tmp_path / "nowhere")


def test_a_file_that_breaks_off_is_refused_by_name(tmp_path):
    folder = write(slices(), tmp_path / "ct")
    broken = folder / "2.dcm"
    broken.write_bytes(broken.read_bytes()[:-9])
    with pytest.raises(Refused, match=r"2\.dcm: its pixel data .* cannot be decoded"):
        volume.read(folder)


# Stacks that are no volume


def refused(series, message):
    with pytest.raises(Refused, match=message):
        volume.read(series)


def test_a_single_slice_is_refused():
    refused(slices()[:1], "single slice")


def test_missing_slices_are_counted():
    series = slices()
    refused([series[0], *series[2:]], "1 slice missing")
    for dataset, height in zip(series, (0, 2.5, 10, 12.5), strict=True):
        dataset.ImagePositionPatient[2] = height
    refused(series, "2 slices missing")


@pytest.mark.parametrize("name", DIRECTIONS)
def test_doubles_are_refused(name):
    refused([*slices(DIRECTIONS[name]), *slices(DIRECTIONS[name])], "4 slices lying where another lies")
    refused(multiframe(slices(DIRECTIONS[name]), [0, 1, 2, 3, 1]), "1 slice lying where another lies")


def test_uneven_spacing_is_refused_and_rounded_positions_are_not():
    series = slices(step=0.5)
    for dataset, height in zip(series, (31.0, 31.5, 32.0, 32.55), strict=True):
        dataset.ImagePositionPatient[2] = height
    assert volume.read(series).spacing[2] == pytest.approx(1.55 / 3)
    series[1].ImagePositionPatient[2] = 31.7
    refused(series, r"not evenly spaced \(0.3 to 0.7 mm apart\)")


def test_a_slice_out_of_line_is_refused():
    series = slices()
    series[1].ImagePositionPatient[0] += 2
    refused(series, "not in line")


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_tilted_gantry_is_refused_with_its_angle(name):
    across, down = np.array(DIRECTIONS[name], dtype=float)
    turn = np.cos(np.radians(12)) * down + np.sin(np.radians(12)) * np.cross(across, down)
    series = slices([across.tolist(), turn.tolist()])
    start = np.array(series[-1].ImagePositionPatient, dtype=float)
    for n, dataset in enumerate(series[::-1]):  # the table moves as if the gantry stood upright
        dataset.ImagePositionPatient = (start + n * 2.5 * np.cross(across, down)).tolist()
    refused(series, "askew by 12.0 degrees .* dcm2niix")


def alter(series, **values):
    for keyword, value in values.items():
        setattr(series[2], keyword, value)
    return series


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "not all of one direction"),
        ({"FrameOfReferenceUID": "1.2.66"}, "not all of one frame of reference"),
        ({"PixelSpacing": [0.8, 1.6]}, "not all of one pixel spacing"),
        ({"Rows": COLUMNS, "Columns": ROWS}, "not all of one number of rows and columns"),
        ({"ImagePositionPatient": None}, "has no ImagePositionPatient"),
        ({"ImagePositionPatient": [1, 2]}, "geometry .* cannot be read"),
        ({"RescaleIntercept": float("nan")}, "RescaleIntercept cannot be right"),
        ({"PixelSpacing": [0.8, 0]}, "PixelSpacing cannot be right"),
        ({"RescaleSlope": 0}, "RescaleSlope cannot be right"),
        ({"ModalityLUTSequence": [Dataset()]}, "Modality LUT"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "in colour"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "in colour"),
        ({"HighBit": 15}, "low bits"),
    ],
)
def test_a_slice_that_does_not_fit_is_refused(values, message):
    refused(alter(slices(), **values), message)


def test_a_file_that_does_not_fit_is_named(tmp_path):
    series = slices()
    del series[0].ImagePositionPatient
    name = f"{series[0].InstanceNumber}.dcm"
    with pytest.raises(Refused, match=f"{name}: it has no ImagePositionPatient"):
        volume.read(write(series, tmp_path / "ct"))


def test_rows_and_columns_askew_are_refused():
    refused(slices([[1, 0, 0], [0.1, 0.99, 0]]), "not at right angles")


def test_frames_without_a_place_are_refused():
    whole = multiframe(slices(), [0, 1, 2, 3])
    del whole.PerFrameFunctionalGroupsSequence
    refused(whole, "where each of its frames lies")


def test_a_header_that_cannot_be_written_again_is_refused_by_name(tmp_path):
    folder = write(slices(), tmp_path / "ct")
    damaged = folder / "2.dcm"
    damaged.write_bytes(damaged.read_bytes().replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00L\x84"))
    scan = volume.read(folder)
    with pytest.raises(Refused, match=r"2\.dcm: its header is damaged"):
        volume.save(scan, tmp_path / "new")


def test_a_missing_decoder_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(Decoder, "is_available", property(lambda self: False))
    series = slices()
    for dataset in series:
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = JPEGLossless
    refused(series, "pip install pylibjpeg pylibjpeg-libjpeg")


def test_copies_of_a_folder_read_alike(tmp_path):
    shutil.copytree(CT_SERIES, tmp_path / "deep" / "er")
    assert np.array_equal(volume.read(tmp_path).values, volume.read(CT_SERIES).values)
