"""The planted study is valid, hangs together, is full of identifying data, and is made again to the byte."""

from pathlib import Path

import numpy as np
import planted
import pydicom
import pytest
from hospital import ADA, FALL, INSTITUTION, PROCEDURE_STEP_CLASS, READING, STUDY_CLASS, SYNTHETIC
from scipy import ndimage
from skimage.draw import polygon2mask

DATA = Path(__file__).parents[2] / "data"
FILES = sorted(path for path in (DATA / "planted").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def datasets():
    return [pydicom.dcmread(path) for path in FILES]


@pytest.fixture(scope="module")
def slices(datasets):
    """The current CT, by SOP Instance UID."""
    return {ds.SOPInstanceUID: ds for ds in datasets if ds.StudyDate == "20240311" and ds.Modality == "CT"}


def hounsfield(ds):
    return ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)


def test_the_script_makes_the_committed_bytes_again(tmp_path):
    made = {path.relative_to(tmp_path): path.read_bytes() for path in planted.build(tmp_path)}
    assert made == {path.relative_to(DATA / "planted"): path.read_bytes() for path in FILES}


def test_the_shipped_files_are_small():
    assert sum(path.stat().st_size for path in FILES) < 1_000_000


def test_a_killed_run_leaves_no_half_file_under_a_good_name(tmp_path, monkeypatch):
    def killed(dataset, path, **_):
        Path(path).write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(pydicom.Dataset, "save_as", killed)
    with pytest.raises(KeyboardInterrupt):
        planted.build(tmp_path)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".part"]


def test_every_reference_leads_to_a_file_of_the_study(datasets):
    images = {ds.SOPInstanceUID: ds.SOPClassUID for ds in datasets}
    studies = {ds.StudyInstanceUID for ds in datasets}
    series = {ds.SeriesInstanceUID for ds in datasets}
    frames = {ds.FrameOfReferenceUID for ds in datasets if "FrameOfReferenceUID" in ds}
    own = {FALL.uid(8)}  # the bleeding itself, which the segmentation and the report both track
    seen = set()

    def check(dataset):
        for element in dataset:
            seen.add(element.keyword)
            if element.VR == "SQ":
                for inner in element.value:
                    check(inner)
            elif element.keyword == "StudyInstanceUID":
                assert element.value in studies
            elif element.keyword == "SeriesInstanceUID":
                assert element.value in series
            elif element.keyword in ("FrameOfReferenceUID", "ReferencedFrameOfReferenceUID"):
                assert element.value in frames
            elif element.keyword == "UID":
                assert element.value in studies | series | frames | own
            elif element.keyword == "ReferencedSOPInstanceUID" and "ReferencedSOPClassUID" in dataset:
                sop_class = dataset.ReferencedSOPClassUID
                if sop_class == STUDY_CLASS:
                    assert element.value in studies
                elif sop_class != PROCEDURE_STEP_CLASS:  # a procedure step is never a file
                    assert images[element.value] == sop_class

    for ds in datasets:
        check(ds)
    assert {"ReferencedSOPInstanceUID", "ReferencedFrameOfReferenceUID", "UID", "RelatedSeriesSequence"} <= seen
    assert len(studies) == 2


def drawn_on(contour):
    return contour.ContourImageSequence[0].ReferencedSOPInstanceUID


def pixels(contour, image):
    """Return the columns and rows of a contour's points on its image."""
    points = np.reshape(contour.ContourData, (-1, 3))
    corner = np.array(image.ImagePositionPatient)
    assert np.allclose(points[:, 2], corner[2], atol=0.01)
    return ((points - corner)[:, :2] / image.PixelSpacing[0]).T


def test_contours_and_segmentation_lie_on_the_anatomy(datasets, slices):
    contours = next(ds for ds in datasets if ds.Modality == "RTSTRUCT")
    mask = next(ds for ds in datasets if ds.Modality == "SEG")
    brain, bleeding = contours.ROIContourSequence
    outlined = {
        contour.ContourImageSequence[0].ReferencedSOPInstanceUID: contour for contour in bleeding.ContourSequence
    }
    assert len(mask.pixel_array) == len(outlined) == len(slices) == 3
    for frame, group in zip(mask.pixel_array.astype(bool), mask.PerFrameFunctionalGroupsSequence, strict=True):
        image = slices[group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
        assert group.PlanePositionSequence[0].ImagePositionPatient == image.ImagePositionPatient
        mirrored = frame[:, ::-1]
        assert hounsfield(image)[frame].mean() > 60 > 50 > hounsfield(image)[mirrored].mean()  # blood, and brain
        columns, rows = pixels(outlined[image.SOPInstanceUID], image)
        marked = np.argwhere(frame)
        assert np.abs(marked.min(axis=0) - (rows.min(), columns.min())).max() <= 1
        assert np.abs(marked.max(axis=0) - (rows.max(), columns.max())).max() <= 1
        assert columns.min() > image.Columns / 2  # x grows to the patient's left, which lies on the image's right
    assert {contour.ContourImageSequence[0].ReferencedSOPInstanceUID for contour in brain.ContourSequence} == set(
        slices
    )
    for contour in brain.ContourSequence:
        image = slices[drawn_on(contour)]
        inside = polygon2mask(hounsfield(image).shape, np.stack(pixels(contour, image)[::-1], axis=1))
        assert inside.sum() > 4000 and 20 < np.median(hounsfield(image)[inside]) < 50
        ring = ndimage.binary_dilation(inside, iterations=4) & ~inside
        assert np.median(hounsfield(image)[ring]) > 150  # bone


def test_the_earlier_scan_shows_no_bleeding(datasets, slices):
    mask = next(ds for ds in datasets if ds.Modality == "SEG").pixel_array.astype(bool).any(axis=0)
    prior = [ds for ds in datasets if ds.StudyDate == "20220927"]
    assert len(prior) == 2
    for ds in prior:
        assert 20 < hounsfield(ds)[mask].mean() < 50


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_full_of_identifying_data_and_says_that_it_is_synthetic(path):
    raw = path.read_bytes()
    for value in (
        ADA.name,
        ADA.patient_id,
        ADA.former_name,
        INSTITUTION,
        READING,
        "19610412",
    ):
        assert raw.count(value.encode()) >= 1, value
    assert SYNTHETIC.encode() in raw
    assert ADA.mother in str(pydicom.dcmread(path).PatientMotherBirthName)


def test_names_leak_where_the_lesson_says_that_they_leak():
    first = pydicom.dcmread(DATA / "planted/TESTPERSON_ADA_20240311/CT/IM0001.dcm")
    second = pydicom.dcmread(DATA / "planted/TESTPERSON_ADA_20240311/CT/IM0002.dcm")
    prior = pydicom.dcmread(DATA / "planted/old CD/DICOM/00000001")
    report = pydicom.dcmread(DATA / "planted/TESTPERSON_ADA_20240311/report/SR final (1).dcm")
    assert "TESTPERSON" in second.SeriesDescription and "Testperson" in second.ImageComments
    assert "Testperson" in first[0x6000, 0x4000].value
    assert first.private_block(0x0029, "SIEMENS MEDCOM HEADER")[0x40].value[0].PatientName == ADA.name
    assert prior.private_block(0x0009, "GEMS_IDEN_01")[0x27].value == 1664289330
    previous = first.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert previous.PatientName == ADA.former_name
    assert first.file_meta.SourceApplicationEntityTitle == first.StationName
    assert ADA.name.encode() in first.preamble and ADA.name.encode() in first.file_meta.PrivateInformation
    assert ADA.name.encode() in first.DataSetTrailingPadding
    assert first.DeviceSerialNumber in first.SOPInstanceUID and first.StudyDate in first.SOPInstanceUID
    assert "Ms Testperson" in report.ContentSequence[10].ContentSequence[0].TextValue
