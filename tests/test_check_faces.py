"""The checks of the episode "Faces": right answers pass, wrong ones are told apart, nothing raises."""

from dataclasses import replace

import numpy as np
import pytest

from safeshare import check_faces, data, faces, volume


@pytest.fixture(scope="module")
def pet():
    return volume.read(data.folder("head") / "pet")


@pytest.fixture(scope="module")
def faceless(pet):
    return faces.strip(pet)


def test_a_face_that_is_off(said, passes, pet, faceless):
    assert passes(check_faces.face_stripped, pet, faceless)
    assert "as it was" in said(check_faces.face_stripped, pet, pet)[0]
    assert "as faces.strip returns it" in said(check_faces.face_stripped, pet, faceless.values)[0]


def test_a_head_that_is_off(said, pet, faceless):
    hole = faceless.values.copy()
    middle = tuple(slice(n // 2 - 3, n // 2 + 3) for n in hole.shape)
    hole[middle] = hole.min()
    assert (hole[middle] != pet.values[middle]).any()
    for values, problem in ((np.zeros_like(hole), "nothing else"), (hole, "no part of the face")):
        (line,) = said(check_faces.face_stripped, pet, replace(faceless, values=values))
        assert problem in line


@pytest.mark.parametrize("number", [float, np.float32, np.int64])
def test_thresholds_of_any_kind_of_number(passes, number):
    head = volume.read(data.folder("head") / "ct")
    assert passes(check_faces.thresholds, head, {"head rest": number(-950), "skin": number(-300), "skull": number(300)})
