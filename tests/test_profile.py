"""The table of PS3.15 Annex E: whole, equal to another project's copy, and resolved by the Type that PS3.3 gives."""

import json
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword

from safeshare import profile
from safeshare.profile import Profile

TABLE = json.loads(Path(profile.__file__).with_name("tables").joinpath("profile.json").read_text(encoding="utf-8"))
ACTIONS = {row["tag"]: row["basic"] for row in TABLE["attributes"]}

STORAGE = "1.2.840.10008.5.1.4.1.1."
CT, MR, PET, ENHANCED_MR = (STORAGE + end for end in ("2", "4", "128", "4.1"))
RTSTRUCT, RT_PHYSICIAN_INTENT, SEGMENTATION, SR = (STORAGE + end for end in ("481.3", "481.10", "66.4", "88.33"))
UNKNOWN = "1.2.826.0.1.3680043.8.498.1"


def test_the_table_is_whole():
    assert len(TABLE["attributes"]) == len(ACTIONS) == 657
    assert len(TABLE["content_items"]) == 214
    assert set(ACTIONS.values()) == {"X", "Z", "D", "U", "Z/D", "X/Z", "X/D", "X/Z/D", "X/Z/U*"}
    options = {name for row in TABLE["attributes"] + TABLE["content_items"] for name in row["options"]}
    assert options == set(profile.METHODS)


def test_the_table_agrees_with_dicom_anonymizer():
    lists = pytest.importorskip("dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c")
    names = {
        "D": "D_TAGS", "Z": "Z_TAGS", "X": "X_TAGS", "U": "U_TAGS", "Z/D": "Z_D_TAGS", "X/Z": "X_Z_TAGS",
        "X/D": "X_D_TAGS", "X/Z/D": "X_Z_D_TAGS", "X/Z/U*": "X_Z_U_STAR_TAGS",
    }  # fmt: skip
    theirs = {_as_here(tag): code for code, name in names.items() for tag in getattr(lists, name)}
    assert len(theirs) == 655
    assert {tag: (code, ACTIONS.get(tag)) for tag, code in theirs.items() if ACTIONS.get(tag) != code} == {}
    # 2026d came with Dose Calculation Model Name; private attributes are no tag there.
    assert set(ACTIONS) - set(theirs) == {"3004007F", "PRIVATE"}


def _as_here(tag):
    group, number, *mask = tag
    if mask:  # a repeating group: 50xx or 60xx, and all of its elements or one
        return f"{group >> 8:02X}xx" + (f"{number:04X}" if mask[1] else "xxxx")
    return f"{group:04X}{number:04X}"


@pytest.mark.parametrize(
    ("keyword", "sop_class", "action"),
    [
        # X/D or X/Z/D, by the Type in PS3.3: removed when 3, emptied when 2, replaced when 1.
        ("SeriesDate", CT, "X"),  # C.7.3.1 General Series: 3
        ("SeriesDate", PET, "D"),  # C.8.9.1 PET Series: 1
        ("SeriesDate", RT_PHYSICIAN_INTENT, "D"),  # C.36.3 Enhanced RT Series: 1
        ("OperatorsName", MR, "X"),  # C.7.3.1 General Series: 3
        ("OperatorsName", RTSTRUCT, "Z"),  # C.8.8.1 RT Series: 2
        ("DeviceSerialNumber", CT, "X"),  # C.7.5.1 General Equipment: 3
        ("DeviceSerialNumber", ENHANCED_MR, "D"),  # C.7.5.2 Enhanced General Equipment: 1
        ("InstitutionName", CT, "X"),  # C.7.5.1 General Equipment: 3
        ("ContentDate", CT, "Z"),  # C.7.6.1 General Image: 2C
        ("ContentDate", SEGMENTATION, "D"),  # C.7.6.16 Multi-frame Functional Groups: 1
        ("ContentDate", SR, "D"),  # C.17.2 SR Document General: 1
        ("StudyDate", CT, "Z"),  # C.7.2.1 General Study: 2
        ("PatientID", CT, "Z"),  # C.7.1.1 Patient: 2
        ("StudyInstanceUID", CT, "U"),
        ("PatientComments", CT, "X"),
        ("Modality", CT, "K"),  # not in the table
        ("Rows", UNKNOWN, "K"),
    ],
)
def test_the_type_decides(keyword, sop_class, action):
    assert Profile(sop_class, {}).rule(0, tag_for_keyword(keyword)).action == action


def test_without_a_known_type_the_action_suits_every_type():
    rules = Profile(UNKNOWN, {})
    for tag, code in ACTIONS.items():
        if tag != "PRIVATE" and "x" not in tag and not tag.startswith("0000"):  # a file holds no command
            expected = "U" if code.endswith("U*") else code.split("/")[-1]
            assert rules.rule(0, int(tag, 16)).action == expected, tag


def test_inside_a_sequence_the_type_there_decides():
    """Institution Name is Type 3 in General Equipment, and 2 beside the name of an observer (PS3.3 table C.17-3b)."""
    rules, institution = Profile(SR, {}), tag_for_keyword("InstitutionName")
    assert rules.rule(0, institution).action == "X"
    assert rules.rule(tag_for_keyword("AuthorObserverSequence"), institution).action == "Z"


@pytest.mark.parametrize("option", profile.METHODS)
def test_an_option_speaks_only_about_its_rows(option):
    plain, chosen = Profile(CT, {}), Profile(CT, {option: True})
    for row in TABLE["attributes"]:
        if row["tag"] == "PRIVATE" or "x" in row["tag"] or row["tag"].startswith("0000"):
            continue
        tag = int(row["tag"], 16)
        expected = row["options"].get(option, plain.rule(0, tag).action)
        assert chosen.rule(0, tag).action == expected, row["name"]


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="retain_everything"):
        Profile(CT, {"retain_everything": True})
    with pytest.raises(ValueError, match="not both"):
        Profile(CT, {"retain_longitudinal_full_dates": True, "retain_longitudinal_modified_dates": True})
