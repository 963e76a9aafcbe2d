"""The recognizer finds people again by their scans, and says so when there is nothing to see."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.spatial.transform import Rotation

from safeshare import recognizer, rendering, volume

FOLDER = Path(__file__).parents[1] / "data" / "gallery"
PEOPLE = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["people"]
SCANNED = [person for person in PEOPLE if person["scan"]]


@pytest.fixture(scope="module")
def gallery():
    return recognizer.read_gallery(FOLDER)


@pytest.fixture(scope="module")
def scans():
    return {person["id"]: volume.read(FOLDER / person["scan"]) for person in SCANNED}


def true_eyes(person):
    return np.array([person["scan_eyes"]["right"], person["scan_eyes"]["left"]])


def test_people_are_found_by_their_scans(gallery, scans):
    ranks = []
    for name, scan in scans.items():
        places = rendering.project(scan, recognizer.find_eyes(scan))
        ranking = [other for other, _ in recognizer.match(rendering.render(scan), places, gallery)]
        ranks.append(ranking.index(name) + 1)
    assert len(ranks) == 20
    assert sum(rank == 1 for rank in ranks) >= 17, ranks  # chance: 1
    assert sum(rank <= 5 for rank in ranks) == 20, ranks  # chance: 5


def test_eyes_are_found_on_the_skin(scans):
    for person in SCANNED:
        error = recognizer.find_eyes(scans[person["id"]]) - true_eyes(person)
        assert np.linalg.norm(error, axis=1).max() < 6, person["id"]  # an eye is 24 mm wide


def test_eyes_are_found_in_a_turned_head(scans):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("zx", [8, -6], degrees=True).as_matrix()
    turn[:3, 3] = 40, -25, 130
    scan = scans["omar"]
    eyes = true_eyes(next(person for person in SCANNED if person["id"] == "omar"))
    error = recognizer.find_eyes(replace(scan, affine=turn @ scan.affine)) - (eyes @ turn[:3, :3].T + turn[:3, 3])
    assert np.linalg.norm(error, axis=1).max() < 8


def test_eyes_are_found_in_thick_slices(scans):
    scan, shape = scans["mei"], np.array(scans["mei"].values.shape)
    thin = scan.values[:, :, : shape[2] // 3 * 3].astype(float)
    values = thin.reshape(*shape[:2], -1, 3).mean(3)
    affine = scan.affine @ np.diag([1, 1, 3, 1])
    affine[:3, 3] += scan.affine[:3, 2]
    thick = replace(scan, values=values, affine=affine)
    eyes = true_eyes(next(person for person in SCANNED if person["id"] == "mei"))
    assert np.linalg.norm(recognizer.find_eyes(thick) - eyes, axis=1).max() < 8


@pytest.mark.parametrize("what", ["nothing", "back of the head", "ball"])
def test_no_eyes_are_found_where_there_is_no_face(scans, what):
    scan = scans["erik"]
    values = scan.values.copy()
    if what == "nothing":
        values[:] = -1000
    elif what == "back of the head":
        values[:, : values.shape[1] // 2] = -1000
    else:
        gaps = np.moveaxis(np.indices(values.shape), 0, -1) - np.array(values.shape) / 2
        values = np.where(np.linalg.norm(gaps, axis=-1) < 40, 40, -1000)
    with pytest.raises(ValueError, match="no eyes were found"):
        recognizer.find_eyes(scan.with_values(values))


def test_alignment_puts_eyes_and_mouth_in_their_places():
    size, eyes = recognizer.SIZE, np.array([[70.0, 110.0], [160.0, 80.0]])
    mouth = np.array([115 + 30, 95 + 90])  # straight below the eyes, as far as they are apart
    picture = np.zeros((240, 300))
    for column, row in [*eyes.astype(int), mouth]:
        picture[row, column] = 1
    face = recognizer.align(ndimage.gaussian_filter(picture, 4), eyes)
    spots, _ = ndimage.label(face > face.max() / 2)
    found = np.array(ndimage.center_of_mass(face, spots, [1, 2, 3]))
    distance, height, middle = recognizer.EYE_DISTANCE * size, recognizer.EYE_HEIGHT * size, (size - 1) / 2
    wanted = [[height, middle - distance / 2], [height, middle + distance / 2], [height + distance, middle]]
    order = np.lexsort((found[:, 1], found[:, 0] > size / 2))
    assert np.abs(found[order] - wanted).max() < 0.6


def test_light_size_and_order_of_the_eyes_do_not_matter(scans):
    scan = scans["nadia"]
    eyes = recognizer.find_eyes(scan)
    picture = rendering.render(scan)
    face = recognizer.embedding(picture, rendering.project(scan, eyes))
    darker = recognizer.embedding(0.3 * picture + 0.1, rendering.project(scan, eyes[::-1]))
    assert face @ darker > 0.999
    larger = recognizer.embedding(rendering.render(scan, size=400), rendering.project(scan, eyes, size=400))
    assert face @ larger > 0.9


def test_a_portrait_is_most_like_itself(gallery):
    for person in PEOPLE:
        with Image.open(FOLDER / person["portrait"]) as picture:
            ranking = recognizer.match(np.asarray(picture), list(person["portrait_eyes"].values()), gallery)
        assert ranking[0] == (person["id"], pytest.approx(1, abs=1e-4))
        assert {name for name, _ in ranking} == set(gallery)
        assert [likeness for _, likeness in ranking] == sorted((likeness for _, likeness in ranking), reverse=True)
        assert ranking[1][1] < 0.8  # nobody else is nearly the same


@pytest.mark.parametrize("eyes", [[[10, 10], [12, 40]], [[10, 10], [10, 10]], [[10, 10]], [[10, np.nan], [40, 10]]])
def test_eyes_that_cannot_be_are_refused(eyes):
    with pytest.raises(ValueError, match="eyes"):
        recognizer.embedding(np.random.default_rng(0).random((64, 64)), eyes)


def test_the_model_is_small():
    assert recognizer.MODEL.stat().st_size < 500_000
