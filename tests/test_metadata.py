"""metadata.find and metadata.strip on a data set, as a learner calls them."""

from copy import deepcopy
from datetime import datetime

import pytest
from pydicom import Dataset, FileDataset, dcmread
from pydicom.data import get_testdata_file

from safeshare import Refused, metadata

KEY = "a key for tests, no secret"


@pytest.fixture
def ct() -> FileDataset:
    """A slice from a real scanner, which pydicom ships."""
    return dcmread(get_testdata_file("CT_small.dcm"))


def places(dataset: Dataset, **options: bool) -> dict[str, str]:
    return {finding.where: finding.action for finding in metadata.find(dataset, **options)}


def test_find_names_place_value_action_and_reason(ct):
    found = {finding.where: finding for finding in metadata.find(ct)}
    name = found["PatientName"]
    assert (name.kind, name.what, name.action) == ("metadata", "CompressedSamples^CT1", "Z")
    assert "the name of a person" in name.why and "PS3.15" in name.why
    assert found["(0009,1002)"].why.startswith("private")
    assert found["SourceApplicationEntityTitle"].what == "CLUNIE1"
    assert "Rows" not in found and "Modality" not in found


def test_find_is_empty_after_strip_and_strip_twice_changes_nothing(ct):
    once = metadata.strip(ct, key=KEY)
    assert metadata.find(once) == []
    assert metadata.strip(once, key=KEY) == once


def test_the_original_stays_as_it_is(ct):
    before = deepcopy(ct)
    stripped = metadata.strip(ct, key=KEY)
    stripped.PixelData = b"\0" * len(stripped.PixelData)
    stripped.Rows = 1
    assert ct == before and ct.PixelData == before.PixelData


def test_a_data_set_that_was_looked_at_gives_the_same_as_one_that_was_not(ct):
    looked_at = deepcopy(ct)
    str(looked_at)
    assert metadata.strip(looked_at, key=KEY) == metadata.strip(ct, key=KEY)


def test_what_the_picture_needs_stays(ct):
    stripped = metadata.strip(ct, key=KEY)
    for keyword in ("Modality", "Rows", "PixelSpacing", "ImagePositionPatient", "KVP", "RescaleSlope"):
        assert stripped[keyword].value == ct[keyword].value
    assert (stripped.pixel_array == ct.pixel_array).all()


def test_the_result_says_what_was_done(ct):
    stripped = metadata.strip(ct, key=KEY, clean_descriptors=True, retain_longitudinal_modified_dates=True)
    codes = [code.CodeValue for code in stripped.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113107"]  # PS3.16 CID 7050
    assert stripped.PatientIdentityRemoved == "YES"
    assert stripped.LongitudinalTemporalInformationModified == "MODIFIED"
    assert metadata.strip(ct).LongitudinalTemporalInformationModified == "REMOVED"


def test_what_was_cleaned_before_is_still_said_and_what_was_retained_is_not(ct):
    once = metadata.strip(ct, key=KEY, clean_descriptors=True, retain_uids=True)
    twice = metadata.strip(once, key=KEY)
    assert [code.CodeValue for code in twice.DeidentificationMethodCodeSequence] == ["113100", "113105"]


@pytest.mark.parametrize(
    ("option", "keyword"),
    [
        ("retain_uids", "StudyInstanceUID"),
        ("retain_device_identity", "StationName"),
        ("retain_institution_identity", "InstitutionName"),
        ("retain_patient_characteristics", "PatientSex"),
        ("retain_longitudinal_full_dates", "AcquisitionDate"),
    ],
)
def test_each_retain_option_keeps_its_attribute_and_no_name(ct, option, keyword):
    ct.PatientSex = "F"
    kept = metadata.strip(ct, key=KEY, **{option: True})
    assert kept[keyword].value == ct[keyword].value
    assert keyword not in places(ct, **{option: True}) and keyword in places(ct)
    assert "CompressedSamples" not in str(kept)


def test_modified_dates_keep_the_days_between_two_scans(ct):
    later = deepcopy(ct)
    ct.AcquisitionDate, later.AcquisitionDate = "20231230", "20240229"
    first, second = (
        metadata.strip(dataset, key=KEY, retain_longitudinal_modified_dates=True).AcquisitionDate
        for dataset in (ct, later)
    )
    days = datetime.strptime(second, "%Y%m%d") - datetime.strptime(first, "%Y%m%d")
    assert days.days == 1 + 31 + 29  # to the end of December, January, February of a leap year
    assert first != "20231230"


def test_clean_descriptors_keeps_terms_and_drops_names(ct):
    ct.StudyDescription = "CT head with contrast, Dr. Placebo, ward 17"
    stripped = metadata.strip(ct, key=KEY, clean_descriptors=True)
    assert stripped.StudyDescription == "CT head with contrast"


def test_clean_descriptors_drops_a_text_whose_meaning_would_turn(ct):
    ct.StudyDescription = "no Placebofracture"
    assert metadata.strip(ct, key=KEY, clean_descriptors=True).get("StudyDescription", "") in ("", "REMOVED")


def test_a_name_in_text_that_stays_is_found_and_goes(ct):
    ct.PatientName = "Fictia^Ada"
    ct.Manufacturer = "Acme, lent to ADA FICTIA"
    (leak,) = (finding for finding in metadata.find(ct) if finding.where == "Manufacturer")
    assert "repeats a name" in leak.why
    assert "fictia" not in metadata.strip(ct, key=KEY).Manufacturer.lower()


def test_a_data_set_made_by_hand(ct):
    made = Dataset()
    made.PatientName = "Fictia^Ada"
    made.PatientID = "4711"
    made.Modality = "CT"
    stripped = metadata.strip(made, key=KEY)
    assert stripped.Modality == "CT" and stripped.PatientID != "4711"
    assert metadata.find(stripped) == []


def test_without_a_key_two_calls_do_not_fit_together(ct):
    assert metadata.strip(ct).StudyInstanceUID != metadata.strip(ct).StudyInstanceUID


def test_bad_input_gets_one_sentence(ct):
    with pytest.raises(ValueError, match="short key can be guessed"):
        metadata.strip(ct, key="secret")
    with pytest.raises(ValueError, match="no option 'keep_names'"):
        metadata.strip(ct, keep_names=True)
    with pytest.raises(ValueError, match="not both"):
        metadata.find(ct, retain_longitudinal_full_dates=True, retain_longitudinal_modified_dates=True)
    ct.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    with pytest.raises(Refused, match="wraps a document"):
        metadata.strip(ct)
    ct.SOPClassUID = "1.2.840.10008.5.1.4.1.1.9.4.1"
    with pytest.raises(Refused, match="voice"):
        metadata.strip(ct)


def test_a_saved_result_reads_again_and_is_clean(ct, tmp_path):
    metadata.strip(ct, key=KEY).save_as(tmp_path / "safe.dcm")
    assert metadata.find_file(tmp_path / "safe.dcm") == []
    assert b"CompressedSamples" not in (tmp_path / "safe.dcm").read_bytes()


def test_a_date_that_is_kept_is_a_date(ct):
    raw = ct.get_item("StudyDate")
    ct["StudyDate"] = raw._replace(value=b"Mrs Smith", length=9)
    assert "StudyDate" not in metadata.strip(ct, key=KEY, retain_longitudinal_full_dates=True)


def test_a_character_set_that_nobody_knows_is_removed(ct):
    with pytest.warns(UserWarning, match="Invalid value"):
        ct.SpecificCharacterSet = "Smith"
    assert not metadata.strip(ct, key=KEY).get("SpecificCharacterSet")
