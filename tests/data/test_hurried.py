"""The folder of a hurry has the three leaks that the episode asks for, and no fourth."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from safeshare import combinations, faces, recognizer, rendering, volume

DATA = Path(__file__).parents[2] / "data"
HURRIED = DATA / "hurried"
FILES = sorted(HURRIED.glob("*.dcm"))
OLD = "1.2.826.0.1.3680043.8.498"  # the root of every UID that the lesson's hospital made


def test_the_script_makes_the_committed_bytes_again(builder, tmp_path):
    for path in builder("hurried").build(tmp_path):
        assert path.read_bytes() == (HURRIED / path.name).read_bytes(), path.name


def test_the_face_of_case_1_leads_to_one_portrait():
    scan = volume.read(HURRIED / "case1.dcm")
    assert faces.find(scan)
    gallery = recognizer.read_gallery(DATA / "gallery")
    (first, likeness), (_, next_likeness) = recognizer.match(
        rendering.render(scan), rendering.project(scan, recognizer.find_eyes(scan)), gallery
    )[:2]
    assert first == "priya" and likeness > next_likeness + 0.1


def test_the_name_in_case_2_can_be_seen_and_what_the_tool_found_is_black():
    pixels = dcmread(HURRIED / "case2.dcm").pixel_array.astype(float)
    truth = json.loads((DATA / "ultrasound" / "faint.json").read_bytes())["texts"]
    boxes = {text["category"]: text["box"] for text in truth}
    for category, (left, top, right, bottom) in boxes.items():
        inside = pixels[top:bottom, left:right]
        if category in ("institution", "date", "time"):
            assert inside.max() < 12, category  # JPEG leaves a trace of the step beside black
    left, top, right, bottom = boxes["name"]
    original = dcmread(DATA / "ultrasound" / "faint.dcm").pixel_array[top:bottom, left:right, 0]
    assert np.corrcoef(original.ravel(), pixels[top:bottom, left:right].ravel())[0, 1] > 0.9


def test_the_contours_of_case_3_lead_to_one_row_of_the_register():
    ds = dcmread(HURRIED / "case3_contours.dcm")
    references = {str(element.value) for element in ds.iterall() if element.VR == "UI" and OLD in str(element.value)}
    assert references
    days = {uid.removeprefix(OLD).split(".")[2][:8] for uid in references}
    assert days == {"20240311"}
    facts = {"admission_date": "2024-03-11", "body_part": "HEAD", "modality": "CT"}
    [row] = combinations.crowd(DATA / "register" / "admissions.csv", facts)
    assert row["patient"] == "P2593"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_else_leads_back(path):
    content = path.read_bytes().lower()
    for word in (b"testperson", b"specimen", b"muster", b"exemplar", b"nowhere", b"ehn"):
        assert word not in content
    old = OLD.encode() in content
    assert old is (path.name == "case3_contours.dcm")
