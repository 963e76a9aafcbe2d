"""What is exported is the picture, where it was and what it means, and nothing about whom it shows."""

import csv
import gzip
import hashlib
import pickle
import shutil
import struct
import sys
from concurrent.futures import Executor
from pathlib import Path

import nibabel
import numpy as np
import pydicom.data
import pytest
import SimpleITK
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_modality_lut, pixel_array
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from safeshare import faces, metadata, text
from safeshare.export import TABLE
from safeshare.export_table import KEPT
from safeshare.profile import Profile
from safeshare.study import export
from safeshare.volume import Volume

DATA = Path(__file__).parents[1] / "data"
REAL = Path(pydicom.data.__file__).parent / "test_files"
KEY = "a key that only this test uses"
PIXELS_AS_THEY_ARE = ("metadata",)


def table(folder):
    with (folder / TABLE).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def only(folder, ending):
    (name,) = (name for name in files(folder) if name.endswith(ending))
    return folder / name


def png(path):
    with Image.open(path) as image:
        assert image.info == {}  # no text, no time, no resolution
        return np.array(image)


def picture(stored, *, bits=12, photometric="MONOCHROME2", **values):
    """Return a radiograph with these stored values."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.7.1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.5", "1.2.826.0.1.3680043.8.498.6"
    ds.PatientName, ds.PatientID, ds.Modality = "Testperson^Ada", "EHN-60417", "DX"
    ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, photometric
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = stored.itemsize * 8, bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PixelData = stored.tobytes() + bytes(stored.nbytes % 2)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def exported(ds, folder, **options):
    """Export one data set, pixels as they are, and return what became of it."""
    source = folder / "source.dcm"
    ds.save_as(source, enforce_file_format=True)
    (outcome,) = export(source, folder / "out", kinds=PIXELS_AS_THEY_ARE, **options)
    return outcome


SCANS = {"ct": "metal_ct", "oblique mr": "head/mr", "pet": "head/pet", "enhanced ct": "gallery/scans/person-01.dcm"}


@pytest.fixture(scope="module", params=SCANS)
def scan(request, tmp_path_factory):
    """Return a scan as SimpleITK reads its DICOM files, and the folder with the export."""
    source, folder = DATA / SCANS[request.param], tmp_path_factory.mktemp("scan") / "out"
    export(source, folder, kinds=PIXELS_AS_THEY_ARE, key=KEY)
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(source)) if source.is_dir() else str(source)
    return SimpleITK.ReadImage(names), folder


def test_each_voxel_lies_where_simpleitk_finds_it_in_the_dicom_files(scan):
    itk, folder = scan
    image = nibabel.load(only(folder, ".nii.gz"))
    values = np.asanyarray(image.dataobj)

    expected = SimpleITK.GetArrayFromImage(itk).T  # column, row, slice
    step = np.array(itk.GetDirection()).reshape(3, 3) * itk.GetSpacing()
    lps = step @ np.indices(expected.shape).reshape(3, -1) + np.array(itk.GetOrigin())[:, None]
    ras = lps * [[-1], [-1], [1]]  # NIfTI-1: +x right, +y anterior, +z superior
    indices = nibabel.affines.apply_affine(np.linalg.inv(image.affine), ras.T).T
    assert np.abs(indices - np.rint(indices)).max() < 0.02
    np.testing.assert_allclose(values[tuple(np.rint(indices).astype(int))], expected.ravel(), rtol=1e-6)
    assert values.size == expected.size


def test_simpleitk_reads_the_same_place_and_values_from_the_nifti_file(scan):
    itk, folder = scan
    again = SimpleITK.ReadImage(str(only(folder, ".nii.gz")))
    same = SimpleITK.Resample(again, itk, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, -32768.0)
    np.testing.assert_allclose(SimpleITK.GetArrayFromImage(same), SimpleITK.GetArrayFromImage(itk), rtol=1e-6)


def test_the_nifti_header_says_where_voxels_are_and_nothing_else(scan):
    header = nibabel.load(only(scan[1], ".nii.gz")).header
    assert header.get_xyzt_units()[0] == "mm"
    assert header["sform_code"] == header["qform_code"] == 1  # scanner
    # A quaternion holds a rotation, and direction cosines that were rounded are only nearly one.
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=3e-3)
    for name in ("descrip", "db_name", "data_type", "aux_file", "intent_name"):
        assert header[name] == b""
    assert len(header.extensions) == 0
    packed = only(scan[1], ".nii.gz").read_bytes()
    flags, time = struct.unpack("<xxxBL", packed[:8])  # RFC 1952: no file name, no comment, no time
    assert flags == 0 and time == 0


def test_the_table_tells_the_unit_of_a_scan(scan):
    (row,) = table(scan[1])
    unit = {"CT": "HU", "PT": "BQML", "MR": ""}[row["Modality"]]
    assert (row["unit"], row["slope"], row["intercept"]) == (unit, "1", "0")
    assert (scan[1] / row["file"]) == only(scan[1], ".nii.gz")
    assert row["frames"] == str(scan[0].GetSize()[2])


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "kind, bits", [("u1", 8), ("u1", 6), ("u2", 10), ("u2", 12), ("i2", 12), ("u2", 16), ("i2", 16)]
)
def test_grey_pictures_are_bright_where_they_should_be_and_lose_nothing(tmp_path, kind, bits, photometric):
    ends = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "i" else (0, (1 << bits) - 1)
    stored = np.linspace(*ends, 35 * 41).astype(kind).reshape(35, 41)
    exported(picture(stored, bits=bits, photometric=photometric, RescaleSlope="0.5", RescaleIntercept="-7"), tmp_path)

    image = png(only(tmp_path / "out", ".png"))
    assert image.dtype == (np.uint8 if bits <= 8 else np.uint16)
    dark, bright = ends if photometric == "MONOCHROME2" else ends[::-1]  # PS3.3 C.7.6.3.1.2
    assert image[stored == dark].max() == 0
    assert image[stored == bright].min() >= 0.98 * np.iinfo(image.dtype).max  # it fills the range: it is not black
    (row,) = table(tmp_path / "out")
    meant = image * float(row["slope"]) + float(row["intercept"])
    np.testing.assert_array_equal(meant, stored * 0.5 - 7)


@pytest.mark.parametrize("keyword", ["Units", "RescaleType"])
def test_the_table_tells_the_unit_of_a_picture(tmp_path, keyword):
    exported(picture(np.zeros((4, 4), "u2"), **{keyword: "BQML"}), tmp_path)
    assert [row["unit"] for row in table(tmp_path / "out")] == ["BQML"]


def test_bits_that_are_no_part_of_a_value_do_not_get_into_a_picture(tmp_path):
    stored = np.linspace(0, 4095, 24).astype("u2").reshape(4, 6)
    exported(picture(stored << 4 | 0xF, HighBit=15), tmp_path)
    assert np.array_equal(png(only(tmp_path / "out", ".png")), stored * 16)


def test_values_that_a_table_gives_a_meaning_are_not_exported_without_it(tmp_path):
    lut = Dataset()
    lut.LUTDescriptor, lut.ModalityLUTType, lut.LUTData = [2, 0, 16], "US", b"\1\0\2\0"
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "US", "OW"
    outcome = exported(picture(np.zeros((4, 6), "u2"), ModalityLUTSequence=[lut]), tmp_path)
    assert "what a table in it says" in outcome.reason


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_frames_that_mean_different_things_are_not_exported_with_one_slope(tmp_path, keyword):
    frames = []
    for number in (1, 10):
        frame, scale = Dataset(), Dataset()
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = "1", "0", "US"
        setattr(scale, keyword, str(number))
        frame.PixelValueTransformationSequence = [scale]
        frames.append(frame)
    ds = picture(np.zeros((8, 6), "u2"), Rows=4, NumberOfFrames=2, PerFrameFunctionalGroupsSequence=frames)
    assert "several slopes" in exported(ds, tmp_path).reason


def test_a_palette_of_bytes_in_words_is_not_black(tmp_path):
    ds = picture(np.arange(24, dtype="u1").reshape(4, 6), bits=8, photometric="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        ds[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
        setattr(ds, f"{colour}PaletteColorLookupTableData", np.arange(256, dtype="<u2").tobytes())
    exported(ds, tmp_path)
    assert np.array_equal(png(only(tmp_path / "out", ".png"))[..., 0], ds.pixel_array)


GREY_FILES = [
    "CT_small.dcm",
    "image_dfl.dcm",  # deflated
    "MR_small_bigendian.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "693_J2KI.dcm",
    "JPEGLSNearLossless_08.dcm",
]


@pytest.mark.parametrize("name", GREY_FILES)
def test_real_grey_pictures_mean_what_they_meant(tmp_path, name):
    export(REAL / name, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    ds = dcmread(REAL / name)
    (row,) = table(tmp_path / "out")
    meant = png(tmp_path / "out" / row["file"]) * float(row["slope"]) + float(row["intercept"])
    np.testing.assert_allclose(meant, apply_modality_lut(pixel_array(ds), ds))
    assert row["unit"] == ("HU" if ds.get("Modality") == "CT" else "")


BARS = {  # the test card of SC_rgb_*.dcm, by row: pydicom, doc/README of its test files
    5: (255, 0, 0), 15: (255, 128, 128), 25: (0, 255, 0), 35: (128, 255, 128), 45: (0, 0, 255), 55: (128, 128, 255),
    65: (0, 0, 0), 75: (64, 64, 64), 85: (192, 192, 192), 95: (255, 255, 255),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm"],
)
def test_colours_are_those_of_the_test_card(tmp_path, name):
    export(REAL / name, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    image = png(only(tmp_path / "out", ".png")).astype(int)
    for row, colour in BARS.items():
        assert np.abs(image[row, 50] - colour).max() <= 5, row


@pytest.mark.parametrize("source", [DATA / "ultrasound/abdomen.dcm", REAL / "examples_palette.dcm"])
def test_a_palette_becomes_the_colours_that_simpleitk_shows(tmp_path, source):
    export(source, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(source)))[0]
    expected = expected >> 8 if expected.dtype == np.uint16 else expected
    assert np.array_equal(png(only(tmp_path / "out", ".png")), expected)


def test_a_clip_becomes_a_folder_with_a_picture_for_each_frame(tmp_path):
    source = DATA / "ultrasound/carotid.dcm"
    export(source, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    (row,) = table(tmp_path / "out")
    frames = sorted((tmp_path / "out" / row["file"]).iterdir())
    assert [path.name for path in frames] == [f"{number:04}.png" for number in range(1, 25)]
    assert row["frames"] == "24"
    for path, frame in zip(frames, pixel_array(source), strict=True):
        assert np.array_equal(png(path), frame)


def test_frames_that_share_their_colours_are_all_there(tmp_path):
    clip = dcmread(REAL / "SC_ybr_full_422_uncompressed.dcm")
    clip.PixelData, clip.NumberOfFrames = bytes(len(clip.PixelData)) + clip.PixelData, 2
    clip.save_as(tmp_path / "clip.dcm")
    export(tmp_path / "clip.dcm", tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    export(REAL / "SC_ybr_full_422_uncompressed.dcm", tmp_path / "one", kinds=PIXELS_AS_THEY_ARE)
    first, second = (png(path) for path in sorted((tmp_path / "out").rglob("*.png")))
    assert (
        np.array_equal(second, png(only(tmp_path / "one", ".png")))
        and len(np.unique(first.reshape(-1, 3), axis=0)) == 1
    )


def test_a_png_has_no_chunk_but_its_pixels(tmp_path):
    export(DATA / "captures/note.dcm", tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    data, names, at = only(tmp_path / "out", ".png").read_bytes(), set(), 8
    while at < len(data):
        length, name = struct.unpack(">L4s", data[at : at + 8])
        names.add(name)
        at += length + 12
    assert names == {b"IHDR", b"IDAT", b"IEND"}


def test_text_is_stripped_unless_it_is_switched_off_by_name(tmp_path):
    source = DATA / "ultrasound/rotated.dcm"
    before = pixel_array(source)
    export(source, tmp_path / "off", kinds=("faces",))
    assert np.array_equal(png(only(tmp_path / "off", ".png")), before)

    export(source, tmp_path / "on")
    shown = png(only(tmp_path / "on", ".png"))
    assert np.array_equal(shown, pixel_array(text.strip(dcmread(source))))
    assert (shown != before).sum() > 1000


def test_a_face_is_stripped_unless_it_is_switched_off_by_name(tmp_path):
    source = DATA / "gallery/scans/person-01.dcm"
    for name, kinds in (("on", ("faces",)), ("off", ())):
        export(source, tmp_path / name, kinds=kinds)
    images = {name: nibabel.load(only(tmp_path / name, ".nii.gz")) for name in ("on", "off")}
    shown = {
        name: faces.find(Volume(np.asanyarray(image.dataobj), np.diag([-1, -1, 1, 1]) @ image.affine, "CT", ()))
        for name, image in images.items()
    }
    assert shown["off"] and not shown["on"]
    assert np.array_equal(images["on"].affine, images["off"].affine)


def test_the_same_key_gives_the_same_bytes_and_names_and_another_key_other_names(tmp_path):
    for folder in ("photos", "scans"):
        shutil.copytree(DATA / "captures", tmp_path / folder / "Testperson Ada")
    for name, source, key in (("a", "photos", KEY), ("b", "scans", KEY), ("c", "photos", KEY.upper())):
        export(tmp_path / source, tmp_path / name, kinds=PIXELS_AS_THEY_ARE, key=key)
    first, second, other = (
        {name: (tmp_path / out / name).read_bytes() for name in files(tmp_path / out)} for out in "abc"
    )
    assert first == second
    assert set(first) & set(other) == {TABLE}
    for out in "ac":  # in the order of the original names the one, and not the other
        rows = [row["file"] for row in table(tmp_path / out)]
        assert rows == sorted(rows) and len(rows) == 2
    stripped = metadata.strip(dcmread(DATA / "captures/note.dcm"), key=KEY)
    assert f"{stripped.StudyInstanceUID}/{stripped.SeriesInstanceUID}/{stripped.SOPInstanceUID}.png" in first


def test_a_scan_has_the_same_bytes_each_time(tmp_path):
    source = DATA / "gallery/scans/person-02.dcm"
    for name in "ab":
        export(source, tmp_path / name, kinds=PIXELS_AS_THEY_ARE, key=KEY)
    first, second = (only(tmp_path / name, ".nii.gz").read_bytes() for name in "ab")
    assert first == second


def test_nothing_that_identifies_is_in_any_file_or_name(tmp_path):
    source = tmp_path / "TESTPERSON_ADA"
    shutil.copytree(DATA / "planted", source)
    export(source, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE, key=KEY)
    content = [name.encode() for name in files(tmp_path / "out")]
    for name in files(tmp_path / "out"):
        data = (tmp_path / "out" / name).read_bytes()
        content.append(gzip.decompress(data) if name.endswith(".gz") else data)
    assert len(content) >= 6
    for word in "testperson fictia beispiel ehn- ehnct 20240311 19610412 1961-04-12 60417 placebo dicm".split():
        assert not any(word.encode() in each.lower() for each in content), word


def test_the_default_columns_are_no_attributes_that_identify():
    profile = Profile(CTImageStorage, {})
    for keyword in KEPT:
        assert profile.rule(0, pydicom.datadict.tag_for_keyword(keyword)).action == "K", keyword


@pytest.mark.parametrize(
    "keep, reason",
    [
        *((keyword, "PS3.15") for keyword in ("PatientSex", "StudyDate", "StudyInstanceUID", "InstitutionName")),
        *((keyword, "PS3.15") for keyword in ("PerformingPhysicianName", "ScheduledProcedureStepStartDate")),
        *((keyword, "never") for keyword in ("ImageComments", "RequestAttributesSequence", "PixelData")),
        ("(0029,1010)", "no attribute"),
    ],
)
def test_an_attribute_that_identifies_is_refused_with_the_reason(tmp_path, keep, reason):
    with pytest.raises(ValueError, match=reason) as error:
        exported(picture(np.zeros((4, 4), "u2")), tmp_path, keep=["Modality", keep])
    assert keep in str(error.value)
    assert not (tmp_path / "out").exists()


def test_by_name_a_pseudonym_or_what_an_option_retains_gets_into_the_table(tmp_path):
    ds = picture(np.zeros((4, 4), "u2"), PatientSex="F", KVP="70")
    names = {"keep": ["KVP"], "identifying": ["PatientID", "PatientSex"]}
    exported(ds, tmp_path, key=KEY, **names, retain_patient_characteristics=True)
    (row,) = table(tmp_path / "out")
    assert list(row) == ["file", "frames", "unit", "slope", "intercept", "KVP", "PatientID", "PatientSex"]
    assert (row["KVP"], row["PatientSex"]) == ("70", "F")
    assert row["PatientID"] == metadata.strip(ds, key=KEY).PatientID != "EHN-60417"


def test_a_column_that_strip_would_empty_is_refused_with_what_keeps_it(tmp_path):
    with pytest.raises(ValueError, match="retain_patient_characteristics"):
        exported(picture(np.zeros((4, 4), "u2")), tmp_path, identifying=["PatientSex"])
    with pytest.raises(ValueError, match="leave it out"):
        exported(picture(np.zeros((4, 4), "u2")), tmp_path, identifying=["PatientTelephoneNumbers"])


def test_an_attribute_of_a_multi_frame_scan_is_found_in_its_functional_groups(tmp_path):
    export(DATA / "gallery/scans/person-01.dcm", tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    (row,) = table(tmp_path / "out")
    assert (row["PixelSpacing"], row["SliceThickness"]) == ("2.0\\2.0", "2.0")


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x.invalid")', "@SUM(1)", "-2+3", "+cmd|' /C calc'!A0"])
def test_no_cell_of_the_table_is_a_formula(tmp_path, text):
    numbers = {"ImageOrientationPatient": ["-1", "0", "-1.5E-3", "+0", ".5", "0"], "RescaleSlope": "-2"}
    ds = picture(np.zeros((4, 4), "u2"), Manufacturer=text, RescaleType=text, **numbers)
    exported(ds, tmp_path, keep=["Manufacturer", "ImageOrientationPatient"])
    (row,) = table(tmp_path / "out")
    assert row["Manufacturer"] == row["unit"] == f"'{text}"
    assert row["ImageOrientationPatient"] == "-1\\0\\-1.5E-3\\+0\\.5\\0" and float(row["slope"]) < 0


def test_what_differs_between_slices_is_left_empty(tmp_path):
    names = ["Modality", "SliceLocation", "SliceThickness"]
    export(REAL / "dicomdirtests/98892001/CT5N", tmp_path / "out", kinds=PIXELS_AS_THEY_ARE, keep=names)
    (row,) = table(tmp_path / "out")
    assert row["SliceLocation"] == "" and row["Modality"] == "CT" and float(row["SliceThickness"]) > 0


def test_what_one_slice_does_not_say_and_a_unit_that_differs_are_left_empty(tmp_path):
    source = tmp_path / "in"
    shutil.copytree(REAL / "dicomdirtests/98892001/CT5N", source)
    first, *others = sorted(source.iterdir())
    ds = dcmread(first)
    del ds.KVP
    ds.RescaleType = "US"
    ds.save_as(first)
    assert all("KVP" in dcmread(path) and "RescaleType" not in dcmread(path) for path in others)
    export(source, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    (row,) = table(tmp_path / "out")
    assert (row["KVP"], row["unit"], row["Modality"]) == ("", "", "CT")


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("spoil, reason", [(Path.unlink, "missing"), (cut, "breaks off")])
def test_a_scan_with_a_bad_or_missing_slice_is_left_out_as_a_whole(tmp_path, spoil, reason):
    source = tmp_path / "in"
    shutil.copytree(REAL / "dicomdirtests/98892001/CT5N", source)
    spoil(source / "2693")  # the third of five
    outcomes = export(source, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    assert any(reason in outcome.reason for outcome in outcomes)
    assert all(outcome.reason and outcome.copy is None for outcome in outcomes)
    assert sum("series is left out as a whole" in outcome.reason for outcome in outcomes) == 4
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_refused_leaves_nothing_and_the_rest_goes_on(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name in ("rtdose_1frame.dcm", "SC_rgb_rle_16bit.dcm", "JPEG-lossy.dcm", "rtstruct.dcm"):
        shutil.copy(REAL / name, source)
    shutil.copy(REAL / "SC_rgb_rle.dcm", source / "good.dcm")
    (source / "notes.txt").write_text("no image")
    hashes = {name: hashlib.sha256((source / name).read_bytes()).digest() for name in files(source)}

    outcomes = {outcome.source.name: outcome for outcome in export(source, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)}

    good = outcomes.pop("good.dcm")
    assert len(outcomes) == 5 and all(outcome.reason for outcome in outcomes.values())
    assert "holds no image" in outcomes["rtstruct.dcm"].reason
    assert "16 bits" in outcomes["SC_rgb_rle_16bit.dcm"].reason
    assert [tmp_path / "out" / name for name in files(tmp_path / "out") if name != TABLE] == [good.copy]
    assert set((tmp_path / "out").iterdir()) == {tmp_path / "out" / TABLE, good.copy.parents[1]}
    assert hashes == {name: hashlib.sha256((source / name).read_bytes()).digest() for name in files(source)}


@pytest.mark.parametrize("frames", [1, 2])
def test_of_two_images_with_the_same_uid_the_second_is_refused(tmp_path, frames):
    source = tmp_path / "in"
    source.mkdir()
    for number in range(2):
        ds = picture(np.full((4, 4), number, "u1"), bits=8)
        if frames > 1:
            ds.NumberOfFrames, ds.PixelData = frames, ds.PixelData * frames
        ds.save_as(source / f"{number}.dcm", enforce_file_format=True)
    first, second = export(source, tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    assert not first.reason and "same UID" in second.reason
    assert png(only(tmp_path / "out", "0002.png" if frames > 1 else ".png")).max() == 0
    assert len(table(tmp_path / "out")) == 1


WRONG = [{"RescaleSlope": [1, 2]}, {"HighBit": 200}, {"BitsStored": 0}, {"NumberOfFrames": 3}]


@pytest.mark.parametrize("values", WRONG)
def test_a_header_that_cannot_be_right_is_refused(tmp_path, values):
    assert exported(picture(np.zeros((4, 4), "u2"), **values), tmp_path).reason
    assert list((tmp_path / "out").iterdir()) == []


def test_frames_that_lie_in_space_are_no_pictures(tmp_path):
    outcomes = export(REAL / "rtdose.dcm", tmp_path / "out", kinds=PIXELS_AS_THEY_ARE)
    assert "where each of its frames lies" in outcomes[0].reason
    assert list((tmp_path / "out").iterdir()) == []


class Pickling(Executor):
    """Hand work over as a cluster does: by pickling it."""

    def map(self, work, items, **_):
        work = pickle.loads(pickle.dumps(work))
        return [pickle.loads(pickle.dumps(work(item))) for item in items]


def test_the_work_can_be_done_elsewhere(tmp_path):
    ds = picture(np.zeros((4, 4), "u2"))
    assert exported(ds, tmp_path, executor=Pickling()).row["Modality"] == "DX"


def test_without_nibabel_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[export\]"'):
        export(DATA / "captures", tmp_path / "out")
    assert not (tmp_path / "out").exists()
