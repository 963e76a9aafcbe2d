"""The checks of the episode "Other parts of images": right answers pass, wrong ones are told apart, nothing raises."""

import copy
import csv

import numpy as np
import pydicom
import pytest
from PIL import Image
from scipy import ndimage

from safeshare import check_objects, combinations, data


@pytest.fixture(scope="module")
def tables():
    def read(name):
        with (data.folder("register") / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return {name: read(name) for name in ("admissions", "access", "implants", "staff", "truth")}


@pytest.fixture(scope="module")
def hand():
    return pydicom.dcmread(data.folder("radiographs") / "hand.dcm")


def test_the_tag_in_any_case_and_spacing(said, passes):
    assert passes(check_objects.tag_read, ["medical id", "Type 1  Diabetes", "ID 4471-9083"])
    lines = said(check_objects.tag_read, ["MEDICAL ID", "TYPE 1 DIABETES", "ID 4471-9088"])
    assert len(lines) == 1 and "line 3" in lines[0] and "10 characters" in lines[0]
    assert "4471-9083" not in lines[0]  # it gives nothing away


@pytest.mark.parametrize("answer", [["?", "?", "?"], [], "MEDICAL ID", None, 7, ["MEDICAL ID"], [None, 1, "x"]])
def test_wrong_tags(passes, answer):
    assert not passes(check_objects.tag_read, answer)


def changed(dataset, *places):
    """Return a copy of the image that is black in and around labelled objects, or in a slice of rows and columns."""
    labels = np.asarray(Image.open(data.folder("radiographs") / "hand_labels.png"))
    pixels = dataset.pixel_array.copy()
    for place in places:
        pixels[ndimage.binary_dilation(labels == place, iterations=4) if isinstance(place, int) else place] = 1
    result = copy.deepcopy(dataset)
    result.set_pixel_data(pixels, "MONOCHROME2", 12, generate_instance_uid=False)
    return result


RING, BRACELET, MARKER = 1, 2, 3


def test_a_hand_without_its_jewellery(passes, hand):
    assert passes(check_objects.hand_stripped, hand, changed(hand, RING, BRACELET))


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ([], ["ring is still", "bracelet is still"]),
        ([RING], ["bracelet is still"]),
        ([RING, BRACELET, MARKER], ["marker is damaged"]),
        ([RING, BRACELET, np.s_[600:610, 300:310]], ["far from any object"]),
    ],
)
def test_hands_that_are_not_as_they_should_be(said, hand, boxes, words):
    lines = said(check_objects.hand_stripped, hand, changed(hand, *boxes))
    assert len(lines) == len(words) and all(word in line for word, line in zip(words, lines, strict=True))


def test_no_hand_at_all(said, hand):
    for answer in (None, "hand", pydicom.Dataset()):
        assert "data set with pixels" in said(check_objects.hand_stripped, hand, answer)[0]
    chest = pydicom.dcmread(data.folder("radiographs") / "chest.dcm")
    assert "another size" in said(check_objects.hand_stripped, hand, chest)[0]


def test_the_bearer_of_the_pacemaker(said, passes, tables):
    jonas = next(row for row in tables["implants"] if row["name"].startswith("Muster^Jonas"))
    other = next(row for row in tables["implants"] if row["serial"] == "NX 4471207")
    assert passes(check_objects.device_named, "nx4471203", jonas)
    assert "another device" in said(check_objects.device_named, "NX 4471203", other)[0]
    assert "not the number" in said(check_objects.device_named, "NX 4471207", jonas)[0]
    for serial, row in (("?", None), (None, {}), ("NX 4471203", []), (4471203, "Jonas")):
        assert not passes(check_objects.device_named, serial, row)


def test_neighbours(said, passes, tables):
    rows = tables["admissions"]
    for truth in tables["truth"]:
        of_one = [row for row in rows if row["patient"] == truth["patient"]]
        assert passes(check_objects.neighbour, truth["who"], of_one)
        assert "patients fit" in said(check_objects.neighbour, truth["who"], rows)[0]
        assert "nobody fits" in said(check_objects.neighbour, truth["who"], [])[0]
    assert "is not among them" in said(check_objects.neighbour, "swing", rows[:1])[0]
    assert "choose one" in said(check_objects.neighbour, "nobody", rows)[0]
    for answer in (None, [1, 2], ["row"], [{"age": 1}]):
        assert "combinations.crowd" in said(check_objects.neighbour, "swing", answer)[0]


def test_crowds(said, passes, tables):
    def made(columns, k, **options):
        return combinations.strip(tables["admissions"], columns, k, **options)

    right = made(["age", "sex"], 11, sensitive="diagnosis", person="patient")
    assert passes(check_objects.crowds_made, right, 11, ["age"])
    assert "nothing is left of postcode" in said(check_objects.crowds_made, right, 11, ["postcode"])[0]
    assert "and 50 are asked for" in said(check_objects.crowds_made, right, 50, ["age"])[0]
    assert "whose row it is" in said(check_objects.crowds_made, made(["age"], 11, sensitive="diagnosis"), 11)[0]
    assert "sensitive" in said(check_objects.crowds_made, made(["age"], 11, person="patient"), 11)[0]
    told = made(["sex", "body_part"], 11, sensitive="diagnosis", person="patient")
    assert "same diagnosis" in said(check_objects.crowds_made, told, 11)[0]
    assert "combinations.strip returns" in said(check_objects.crowds_made, right.rows, 11)[0]


def test_the_log(said, passes, tables):
    assert passes(check_objects.log_read, ["U048", "U007", "U048"])
    assert said(check_objects.log_read, []) == ["Not yet: 2 more opened records that no treatment explains."]
    assert said(check_objects.log_read, ["U048"]) == ["Not yet: 1 more opened records that no treatment explains."]
    everybody = said(check_objects.log_read, [row["user"] for row in tables["staff"]])
    assert "19 of them work in radiology or emergency" in everybody[0]
    assert "asked for advice" in everybody[1] and "own department" in everybody[2] and len(everybody) == 3
    assert "do not work here" in said(check_objects.log_read, ["Ada"])[0]
    for answer in (None, "U048", 7):
        assert "list of users" in said(check_objects.log_read, answer)[0]


def test_far_from():
    mask = np.zeros((50, 50), bool)
    mask[25, 25] = True
    far = check_objects._far_from(mask, 20)
    assert far[0, 0] and not far[25, 6] and far[25, 4]
