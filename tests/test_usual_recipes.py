"""What the usual recipes leave behind on the planted study of 142 files: the numbers that the lesson teaches with.

`python -m pytest tests/test_usual_recipes.py -s` prints them.
"""

import io

import planted
import pydicom
import pytest
from pydicom.uid import UID_dictionary, generate_uid

from safeshare import metadata


def as_read(dataset):
    """Return the data set as it comes from its file."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


@pytest.fixture(scope="module")
def study():
    datasets = [as_read(dataset) for _, dataset in planted.study(slices=119, prior_slices=20)]
    assert len(datasets) == 142
    return datasets


def tutorial(dataset):
    """Empty the name, visit every person's name with a callback, remove the private attributes."""

    def empty_names(_, element):
        if element.VR == "PN":
            element.value = ""

    dataset.PatientName = ""
    dataset.walk(empty_names)
    dataset.remove_private_tags()


def root_only(dataset):
    """Replace UIDs as a tool does that never looks into sequences."""
    for element in dataset:
        if element.VR == "UI" and element.value not in UID_dictionary:
            element.value = generate_uid(entropy_srcs=[str(element.value)])


def nested_uids(dataset):
    found = set()
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            found |= {str(e.value) for e in item if e.VR == "UI" and e.value not in UID_dictionary} | nested_uids(item)
    return found


def test_the_tutorial_recipe_leaves_most_of_what_identifies(study):
    found = left = 0
    places = set()
    for dataset in study:
        before = metadata.find(dataset)
        changed = as_read(dataset)
        tutorial(changed)
        still = {(finding.where, finding.what) for finding in metadata.find(as_read(changed))}
        found += len(before)
        for finding in before:
            if (finding.where, finding.what) in still:
                left += 1
                places.add(finding.where)
    print(f"\nThe tutorial recipe leaves {left} of {found} findings: {left / found:.1%}")
    assert {"PatientID", "PatientBirthDate", "PatientAddress", "InstitutionName", "StudyInstanceUID"} <= places
    assert 0.7 < left / found < 1


def test_a_tool_that_stays_at_the_root_keeps_every_uid_that_the_contours_refer_to(study):
    images = {
        str(dataset.SOPInstanceUID) for dataset in study if dataset.StudyDate == "20240311" and dataset.Modality == "CT"
    }
    contours = next(as_read(dataset) for dataset in study if dataset.Modality == "RTSTRUCT")
    before = nested_uids(contours)
    assert images < before and len(images) == 119
    root_only(contours)
    kept = before & nested_uids(contours)
    print(f"\nA tool that stays at the root keeps {len(kept)} of {len(before)} UIDs that the RTSTRUCT refers to")
    assert kept == before
    assert not before & nested_uids(metadata.strip(contours, key="a key that only this test uses"))
