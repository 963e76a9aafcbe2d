"""The gallery: portraits with a face in them, scans that name nobody, and a manifest that says who is who."""

import json
from pathlib import Path

import hospital
import numpy as np
import pydicom
import pytest
from PIL import Image

GALLERY = Path(__file__).parents[2] / "data" / "gallery"
PEOPLE = json.loads((GALLERY / "manifest.json").read_text(encoding="utf-8"))["people"]
SCANNED = [person for person in PEOPLE if person["scan"]]
SIDES = ("left", "right")


def of(person):
    return person["id"]


def scan(person):
    """The scan's data set, its HU as (slice, row, column), and the patient coordinates of the first voxel's centre."""
    dataset = pydicom.dcmread(GALLERY / person["scan"])
    rescale = dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0]
    hounsfield = dataset.pixel_array * float(rescale.RescaleSlope) + float(rescale.RescaleIntercept)
    first = dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient
    return dataset, hounsfield, np.array(first, float)


def test_the_manifest_lists_every_file_and_no_other():
    listed = {person[kind] for person in PEOPLE for kind in ("portrait", "scan") if person[kind]} | {"manifest.json"}
    assert listed == {path.relative_to(GALLERY).as_posix() for path in GALLERY.rglob("*") if path.is_file()}


def test_twenty_of_the_twenty_one_people_were_scanned():
    assert len({of(person) for person in PEOPLE}) == len({person["name"] for person in PEOPLE}) == 21
    assert sorted(person["scan"] for person in SCANNED) == [f"scans/person-{n:02d}.dcm" for n in range(1, 21)]


def test_the_order_of_the_scans_does_not_give_the_people_away():
    numbers = [int(person["scan"][-6:-4]) for person in SCANNED]
    assert abs(np.corrcoef(numbers, range(20))[0, 1]) < 0.5
    assert abs(np.corrcoef(numbers, np.argsort([person["age"] for person in SCANNED]))[0, 1]) < 0.5


def test_the_cast_is_varied():
    ages = [person["age"] for person in PEOPLE]
    women = sum(person["sex"] == "F" for person in PEOPLE)
    assert min(ages) >= 18 and min(ages) < 25 and max(ages) >= 75 and np.std(ages) > 12
    assert 9 <= women <= 12


@pytest.mark.parametrize("patient", [hospital.ADA, hospital.JONAS, hospital.ROSA], ids=lambda patient: patient.sex)
def test_the_hospitals_patients_are_in_the_gallery(patient):
    family, given = patient.name.split("^")
    (person,) = [person for person in SCANNED if person["name"] == f"{given} {family}"]
    assert person["sex"] == patient.sex
    assert 2022 <= int(patient.birth_date[:4]) + person["age"] <= 2025


@pytest.mark.parametrize("person", PEOPLE, ids=of)
def test_a_face_detector_finds_the_face_where_the_eyes_are(person):
    skimage = pytest.importorskip("skimage", reason="needs scikit-image, whose face detector checks the portraits")
    feature = pytest.importorskip("skimage.feature")
    picture = np.asarray(Image.open(GALLERY / person["portrait"]).convert("L"))
    detector = feature.Cascade(skimage.data.lbp_frontal_face_cascade_filename())
    boxes = detector.detect_multi_scale(
        img=picture, scale_factor=1.15, step_ratio=1, min_size=(60, 60), max_size=(260, 260)
    )
    (left, row), (right, other_row) = (person["portrait_eyes"][side] for side in SIDES)
    assert any(
        box["c"] < right < left < box["c"] + box["width"]
        and box["r"] < min(row, other_row) <= max(row, other_row) < box["r"] + box["height"] / 2
        for box in boxes
    )


@pytest.mark.parametrize("person", PEOPLE, ids=of)
def test_the_eyes_of_the_manifest_are_dark_pupils_in_white(person):
    picture = Image.open(GALLERY / person["portrait"])
    assert picture.size == (320, 400)
    grey = np.asarray(picture.convert("L"), float)
    rows, columns = np.indices(grey.shape)
    for side in SIDES:
        column, row = person["portrait_eyes"][side]
        pupil = grey[np.hypot(columns - column, rows - row) <= 3].min()
        white = grey[(np.abs(columns - column) <= 13) & (np.abs(rows - row) <= 3)].max()
        assert pupil < 60 and white > pupil + 60
    # Who looks at us has the left eye on our right.
    assert 50 < person["portrait_eyes"]["left"][0] - person["portrait_eyes"]["right"][0] < 90


@pytest.mark.parametrize("person", SCANNED, ids=of)
def test_a_scan_names_nobody(person):
    path = GALLERY / person["scan"]
    dataset = pydicom.dcmread(path)
    assert str(dataset.PatientName) == dataset.PatientID == path.stem
    assert hospital.SYNTHETIC in dataset.PatientComments
    content = path.read_bytes().lower()
    assert not [word for word in person["name"].lower().split() if word.encode() in content]


@pytest.mark.parametrize("person", SCANNED, ids=of)
def test_a_scan_is_a_head_in_hounsfield_units(person):
    dataset, hounsfield, first = scan(person)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    assert list(shared.PixelMeasuresSequence[0].PixelSpacing) == [2, 2]
    assert list(shared.PlaneOrientationSequence[0].ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    places = [
        [float(value) for value in frame.PlanePositionSequence[0].ImagePositionPatient]
        for frame in dataset.PerFrameFunctionalGroupsSequence
    ]
    assert np.allclose(np.diff(places, axis=0), [0, 0, 2], atol=0.01)
    assert hounsfield.min() == -1000 and 900 <= hounsfield.max() <= 3000
    litres = 0.008 / 1000  # a voxel
    # A head takes 3 to 5 litres, and bone about a sixth of it.
    assert 2.6 < (hounsfield > -400).sum() * litres < 5.5
    assert 0.35 < (hounsfield > 300).sum() * litres < 1.2
    # Brain-like tissue fills the skull: above and behind the eyes, at the midline.
    column, row = (np.round((np.array([0, 85]) - first[:2]) / 2)).astype(int)
    level = int(round((45 - first[2]) / 2))
    assert -50 < np.median(hounsfield[level - 5 : level + 5, row - 5 : row + 5, column - 5 : column + 5]) < 100


@pytest.mark.parametrize("person", SCANNED, ids=of)
def test_the_nose_points_to_the_front(person):
    _, hounsfield, first = scan(person)
    level, row, column = np.argwhere(hounsfield > -400)[np.argmin(np.argwhere(hounsfield > -400)[:, 1])]
    x, y, z = first + 2 * np.array([column, row, level])
    eyes = np.mean([person["scan_eyes"][side] for side in SIDES], axis=0)
    assert abs(x - eyes[0]) < 12
    assert y < eyes[1] - 15  # the front is -y in DICOM's patient coordinates
    assert -75 < z - eyes[2] < -15
    assert person["scan_eyes"]["left"][0] > person["scan_eyes"]["right"][0]  # the patient's left is +x


@pytest.mark.parametrize("id_", ["rosa", "amara", "leila", "ingrid", "erik", "nadia"])
def test_a_lopsided_head_is_not_mirrored_in_its_scan(builder, id_):
    people = builder("people")
    (member,) = [member for member in people.CAST if member.id == id_]
    (person,) = [person for person in SCANNED if of(person) == id_]
    _, hounsfield, first = scan(person)
    # Slices, rows and columns run up, back and left; the mesh's axes left, front and up, from between the eyes.
    body = (hounsfield > -480).transpose(2, 1, 0)[:, ::-1]
    mesh = people.head_mesh(people.head_weights(member))
    middle = np.mean([mesh[f"{side} eye"].vertices.mean(0) for side in SIDES], axis=0)
    origin = middle + [first[0], -(first[1] + 2 * (body.shape[1] - 1)), first[2]]
    wrong = []
    for flip in (1, -1):
        skin = people.Surface(middle + (mesh["skin"].vertices - middle) * [flip, 1, 1], mesh["skin"].quads)
        wrong.append(np.abs(people.fill(skin, origin, body.shape, 2.0) - body).sum())
    assert wrong[0] < 0.8 * wrong[1]


def test_the_cast_have_heads_of_real_size(builder):
    people = builder("people")
    for person in people.CAST:
        mesh = people.head_mesh(people.head_weights(person))
        eyes = [mesh[f"{side} eye"].vertices.mean(0) for side in SIDES]
        skin = mesh["skin"].vertices
        above = skin[skin[:, 2] > eyes[0][2] + 20]
        # Breadth and length of the head, distance of the pupils: adults, in mm.
        assert 128 < np.ptp(above[:, 0]) < 168
        assert 158 < np.ptp(above[:, 1]) < 216
        assert 52 < eyes[0][0] - eyes[1][0] < 74
        assert eyes[0][0] > 0  # x runs to the left


def test_lips_and_lids_are_closed_by_the_mesh_itself(builder):
    people = builder("people")
    mesh = people.head_mesh(people.head_weights(people.CAST[0]))
    tongue = mesh["tongue"].vertices
    low, shape = tongue.min(0) - 10, tuple(np.ceil((np.ptp(tongue, axis=0) + 20) / 2).astype(int))
    tongue_is = people.fill(mesh["tongue"], low, shape, 2.0) > 0.99
    assert tongue_is.sum() > 500
    # The tongue lies in the mouth cavity, and the cavity in the head.
    assert people.fill(mesh["mouth cavity"], low, shape, 2.0)[tongue_is].mean() > 0.9
    assert people.fill(mesh["skin"], low, shape, 2.0)[tongue_is].min() > 0.99
