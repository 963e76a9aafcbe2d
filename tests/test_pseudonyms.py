"""Pseudonyms: valid, the same under one key, unlinkable under another, and dates that keep their intervals."""

import re
import uuid
from datetime import date

import pytest
from pydicom import Dataset

from safeshare import metadata
from safeshare.pseudonyms import Pseudonyms

KEY, OTHER_KEY = "the first key of these tests", "the second key of these tests"
MODIFIED = {"retain_longitudinal_modified_dates": True}


def dataset(**values):
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    made.SOPInstanceUID = "1.2.3.4.5.6"
    made.PatientID = "PAT12345"
    made.PatientName = "Fictia^Ada"
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def stripped(key=KEY, options=None, **values):
    return metadata.strip(dataset(**values), key=key, **(options or {}))


def test_uids_are_valid():
    pseudonyms = Pseudonyms(KEY)
    uids = [pseudonyms.uid(b"1.2.3.%d" % number).decode() for number in range(500)]
    assert len(set(uids)) == 500
    for uid in uids:
        assert re.fullmatch(r"2\.25\.[1-9]\d*", uid) and len(uid) <= 64  # PS3.5 9.1 and B.2
        read = uuid.UUID(int=int(uid[5:]))  # raises when it does not fit 128 bits
        assert (read.variant, read.version) == (uuid.RFC_4122, 8)


def test_one_key_gives_the_same_output_every_time():
    values = {"StudyInstanceUID": "1.2.3", "AccessionNumber": "ACC1", "PatientBirthDate": "19500213"}
    assert stripped(**values) == stripped(**values)


def test_nothing_is_shared_under_another_key():
    values = {"StudyInstanceUID": "1.2.3", "AccessionNumber": "ACC1", "StudyDate": "20240229"}
    first, second = stripped(KEY, MODIFIED, **values), stripped(OTHER_KEY, MODIFIED, **values)
    keywords = ["PatientID", "PatientName", "SOPInstanceUID", *values]
    assert [keyword for keyword in keywords if first[keyword].value == second[keyword].value] == []


def test_without_a_key_no_two_calls_fit_together():
    first, second = stripped(None), stripped(None)
    assert [
        word for word in ("PatientID", "PatientName", "SOPInstanceUID") if first[word].value == second[word].value
    ] == []


def test_the_original_is_not_in_the_replacement():
    ours = stripped(PatientID="1234", AccessionNumber="ABCD")
    assert "1234" not in ours.PatientID and "ABCD" not in ours.AccessionNumber
    assert len(ours.AccessionNumber) <= 16  # the longest SH (PS3.5 6.2)


@pytest.mark.parametrize("key", ["", "short", "fifteen letters", b"15 bytes, bytes"])
def test_a_short_key_is_refused(key):
    with pytest.raises(ValueError, match="16"):
        metadata.strip(dataset(), key=key)


def test_text_and_bytes_are_one_key():
    assert stripped("sixteen letters!!") == stripped(b"sixteen letters!!")


def test_stripping_twice_with_one_key_changes_nothing_more():
    values = {"StudyInstanceUID": "1.2.3\\1.2.4", "AccessionNumber": "ACC1", "StudyDate": "20240229"}
    for options in ({}, MODIFIED):
        once = stripped(options=options, **values)
        assert metadata.strip(once, key=KEY, **options) == once
        assert metadata.find(once, **options) == []


@pytest.mark.parametrize("missing", [{"PatientID": ""}, {"PatientName": ""}, {"PatientID": "", "PatientName": ""}])
def test_stripping_twice_moves_dates_once(missing):
    once = stripped(options=MODIFIED, StudyInstanceUID="1.2.3", StudyDate="20240229", **missing)
    assert metadata.strip(once, key=KEY, **MODIFIED) == once
    assert metadata.find(once, **MODIFIED) == []


def test_another_key_replaces_replacements():
    once = stripped(KEY)
    twice = metadata.strip(once, key=OTHER_KEY)
    assert twice.PatientID != once.PatientID and twice.SOPInstanceUID != once.SOPInstanceUID


def test_replacements_cannot_be_forged_without_the_key():
    """A file that only looks as if it had been stripped before is stripped all the same."""
    forged = Pseudonyms(OTHER_KEY)
    uid, patient = forged.uid(b"1.2.3").decode(), forged.identifier(b"PAT12345").decode()
    ours = stripped(SOPInstanceUID=uid, PatientID=patient, LongitudinalTemporalInformationModified="MODIFIED")
    assert ours.SOPInstanceUID != uid and ours.PatientID != patient


def test_well_known_uids_stay():
    talairach = "1.2.840.10008.1.4.1.1"  # the frame of reference of an atlas (PS3.6 annex A)
    ours = stripped(FrameOfReferenceUID=talairach)
    assert ours.FrameOfReferenceUID == talairach
    assert ours.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_each_of_several_uids_is_replaced_as_elsewhere():
    ours = stripped(FailedSOPInstanceUIDList=["1.2.3", "1.2.3.4.5.6", "1.2.840.10008.1.4.1.1"])
    if "FailedSOPInstanceUIDList" in ours:
        first, second, atlas = ours.FailedSOPInstanceUIDList
        assert second == ours.SOPInstanceUID and atlas == "1.2.840.10008.1.4.1.1" and first != "1.2.3"


def days_between(first, second):
    return (parsed(second) - parsed(first)).days


def parsed(text):
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def test_intervals_stay_in_all_files_of_a_patient():
    first = stripped(options=MODIFIED, StudyDate="20240229", PatientBirthDate="19500213", SeriesDate="20240301")
    prior = stripped(options=MODIFIED, StudyDate="20230228", SOPInstanceUID="1.2.3.4", AccessionNumber="other")
    assert first.StudyDate != "20240229"
    assert days_between(prior.StudyDate, first.StudyDate) == 366
    assert days_between(first.StudyDate, first.SeriesDate) == 1


def test_another_patient_moves_by_other_days():
    moved = {
        stripped(options=MODIFIED, StudyDate="20240229", PatientID=f"PAT{number}").StudyDate for number in range(8)
    }
    assert len(moved) > 4
    assert all(parsed(text) < date(2024, 2, 29) for text in moved)


def test_dates_with_time_and_zone_move_by_their_day_only():
    ours = stripped(options=MODIFIED, StudyDate="20240229", AcquisitionDateTime="20240301235959.123456+0100")
    assert days_between(ours.StudyDate, ours.AcquisitionDateTime) == 1
    assert ours.AcquisitionDateTime[8:] == "235959.123456+0100"


def test_each_of_several_dates_moves():
    ours = stripped(options=MODIFIED, StudyDate="20240229", DateOfLastCalibration=["20240101", "20240228"])
    assert [days_between(ours.StudyDate, day) for day in ours.DateOfLastCalibration] == [-59, -1]


@pytest.mark.parametrize("partial", ["2024", "202402", "20241301", "2024-02-29", "20240101-20240229", "February"])
def test_a_date_that_cannot_be_moved_is_not_kept(partial):
    for keyword in ("AcquisitionDateTime", "StudyDate", "PatientBirthDate"):
        made = dataset()
        made.add_new(keyword, "LO", partial)
        made[keyword].VR = "DT" if keyword == "AcquisitionDateTime" else "DA"
        assert partial not in str(metadata.strip(made, key=KEY, **MODIFIED).get(keyword, ""))
