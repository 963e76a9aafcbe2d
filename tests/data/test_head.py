"""Ada's head: three series in the patient's coordinates, physical values, contours on the anatomy, and a face."""

from pathlib import Path

import contact_sheet
import numpy as np
import pydicom
import pytest
from hospital import ADA, FALL, FOLLOW_UP_CT, INSTITUTION, OPERATOR, READING
from pydicom.valuerep import TM
from scipy import ndimage
from scipy.spatial.transform import Rotation
from skimage import data as skimage_data
from skimage import feature
from skimage.draw import polygon2mask

from safeshare import volume

HEAD = Path(__file__).parents[2] / "data" / "head"
LEFT_EYE = (31, 0, 0)  # mm: the scan's coordinates begin between the eyes


@pytest.fixture(scope="module")
def heads():
    return {name: volume.read(HEAD / name) for name in ("ct", "mr", "pet")}


def at(head, left, back, top):
    """Return the mean value within about 3 mm of a place in the patient, in mm from the middle between the eyes."""
    index = np.linalg.inv(head.affine) @ [left, back, top, 1]
    x, y, z = np.round(index[:3]).astype(int)
    return float(head.values[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].mean())


def suv(head):
    """Return standardized uptake values by body weight, from nothing but the attributes of the first slice."""
    ds = head.datasets[0]
    drug = ds.RadiopharmaceuticalInformationSequence[0]
    injected, scanned = (TM(time) for time in (drug.RadiopharmaceuticalStartTime, ds.SeriesTime))
    waited = (scanned.hour - injected.hour) * 3600 + (scanned.minute - injected.minute) * 60
    left = drug.RadionuclideTotalDose * 0.5 ** (waited / drug.RadionuclideHalfLife)
    assert (ds.Units, ds.DecayCorrection) == ("BQML", "START")
    return head.values * (float(ds.PatientWeight) * 1000 / left)


def test_three_series_of_one_patient(heads):
    for name, modality, spacing in [("ct", "CT", 1.5), ("mr", "MR", 1.5), ("pet", "PT", 2.5)]:
        head = heads[name]
        assert head.modality == modality
        assert np.allclose(head.spacing, spacing)
        assert {(str(ds.PatientName), ds.PatientID, ds.PatientBirthDate) for ds in head.datasets} == {
            (ADA.name, ADA.patient_id, ADA.birth_date)
        }
        assert len({ds.SOPInstanceUID for ds in head.datasets}) == len(head.datasets)
        assert {ds.StudyDate > FALL.date for ds in head.datasets} == {True}
    frames = {heads[name].datasets[0].FrameOfReferenceUID for name in heads}
    assert len(frames) == 3


def test_the_nose_points_to_the_front_and_the_head_lies_upright(heads):
    """In DICOM's patient coordinates y grows to the back and z to the top (PS3.3, section C.7.6.2.1.1)."""
    for name, air in [("ct", -500), ("mr", 100), ("pet", 500)]:
        head = heads[name]
        solid = ndimage.binary_opening(head.values > air, iterations=1)
        places = (head.affine[:3, :3] @ np.argwhere(solid).T).T + head.affine[:3, 3]
        nose = places[places[:, 1].argmin()]
        assert abs(nose[0]) < 12 and -70 < nose[2] < -10, f"the {name}'s foremost point is no nose under the eyes"


@pytest.mark.parametrize(("name", "skin"), [("ct", -300), ("mr", 90), ("pet", 500)])
def test_a_face_detector_finds_her_face_in_every_scan(name, skin):
    """The detector is scikit-image's cascade of local binary patterns, trained on photographs of people."""
    picture = contact_sheet.surface(*contact_sheet.upright(HEAD / name), skin, 0)
    grey = np.asarray(picture.convert("L") if hasattr(picture, "convert") else picture)
    detector = feature.Cascade(skimage_data.lbp_frontal_face_cascade_filename())
    boxes = detector.detect_multi_scale(
        img=grey, scale_factor=1.1, step_ratio=1, min_size=(60, 60), max_size=(250, 250)
    )
    assert boxes and all(abs(box["c"] + box["width"] / 2 - grey.shape[1] / 2) < 25 for box in boxes)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_every_voxel_is_written_where_it_lies_in_the_patient(builder, tmp_path, modality):
    """A mirrored head looks as good as a right one, so this follows the numbers: each voxel holds its own place."""
    head = builder("head")
    spacing, origin = 10.0, np.array([-35.0, -45.0, -55.0])
    left, front, top = (origin[axis] + spacing * np.arange(count) for axis, count in enumerate((8, 10, 12)))
    turn = np.round(Rotation.from_euler("xyz", head.TURNED[modality], degrees=True).as_matrix(), 9)
    write = {"CT": head.ct_image, "MR": head.mr_image, "PT": head.pet_image}[modality]
    scale, shift = (0.01, 4) if modality == "PT" else (1, 400)  # SUV are small
    for axis, along in enumerate([left[:, None, None], -front[None, :, None], top[None, None, :]]):
        truth = np.broadcast_to(along, (8, 10, 12)) * scale + shift
        slices = head.Slices(truth, origin, spacing, modality)
        folder = tmp_path / str(axis)
        for index in range(len(slices.images)):
            head.save(write(slices, index), folder / str(index))
        scan = volume.read(folder)
        values = suv(scan) if modality == "PT" else scan.values
        places = scan.affine[:3, :3] @ np.indices(values.shape).reshape(3, -1) + scan.affine[:3, 3:]
        assert np.allclose(values.ravel(), (turn.T @ places)[axis] * scale + shift, atol=0.02)


def test_the_values_are_physical(heads):
    ct = heads["ct"]
    assert at(ct, 0, -60, 40) == -1000  # air in front of the forehead
    assert 25 < at(ct, 20, 70, 50) < 45  # brain
    assert -5 < at(ct, *LEFT_EYE) < 25
    assert np.percentile(ct.values[ct.values > 300], 99.9) > 1500  # enamel
    uptake = suv(heads["pet"])
    assert 8 < np.percentile(uptake[uptake > 2], 90) < 14  # grey matter
    assert 0.2 < np.median(uptake[(uptake > 0.2) & (uptake < 2)]) < 1.5


def test_the_contours_lie_on_the_brain_of_every_scan(heads):
    contours = pydicom.dcmread(HEAD / "RS.brain.dcm")
    ct = heads["ct"]
    number = {ds.SOPInstanceUID: index for index, ds in enumerate(ct.datasets)}
    assert contours.ROIContourSequence[0].ContourSequence
    inside = []
    for contour in contours.ROIContourSequence[0].ContourSequence:
        index = number[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        points = np.c_[np.reshape(contour.ContourData, (-1, 3)), np.ones(contour.NumberOfContourPoints)]
        x, y, z, _ = np.linalg.inv(ct.affine) @ points.T
        assert np.allclose(z, index, atol=0.01)
        drawn = polygon2mask(ct.values.shape[:2], np.c_[x, y])
        inside.append(ct.values[..., index][ndimage.binary_erosion(drawn, iterations=2)])
    values = np.concatenate(inside)
    assert 900 < len(values) * 1.5**3 / 1000 < 1500  # ml: a brain has 1.0 to 1.5 l, and 3 mm all around are left out
    assert (np.abs(values - 30) < 60).mean() > 0.97


def test_the_report_and_the_contours_refer_to_the_ct_and_to_the_earlier_scan(heads):
    report, contours = pydicom.dcmread(HEAD / "SR.report.dcm"), pydicom.dcmread(HEAD / "RS.brain.dcm")
    images = {ds.SOPInstanceUID for ds in heads["ct"].datasets}
    current = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert {item.ReferencedSOPInstanceUID for item in current[0].ReferencedSOPSequence} == images
    assert current[1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == contours.SOPInstanceUID
    earlier = report.PertinentOtherEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    planted = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in planted_slices()}
    assert {item.ReferencedSOPInstanceUID for item in earlier} == planted
    assert contours.FrameOfReferenceUID == FOLLOW_UP_CT.frame == heads["ct"].datasets[0].FrameOfReferenceUID


def planted_slices():
    return (HEAD.parent / "planted" / "TESTPERSON_ADA_20240311" / "CT").iterdir()


@pytest.mark.parametrize("name", ["ct/IM0080.dcm", "mr/IM0070.dcm", "pet/IM0048.dcm", "RS.brain.dcm", "SR.report.dcm"])
def test_every_kind_of_file_is_full_of_identifying_data(name):
    raw = (HEAD / name).read_bytes()
    for planted in [ADA.name, ADA.patient_id, ADA.former_name, ADA.address, INSTITUTION, OPERATOR, READING]:
        assert planted.encode() in raw, planted
