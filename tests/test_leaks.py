"""What goes in one place and stands in another as well: in reports, labels and numbers, however it is written."""

import unicodedata
from io import BytesIO
from pathlib import Path

import planted
import pydicom
import pytest
from canaries import EXPLICIT, IMPLICIT, KEY, element, image, in_sequence, joined, one, small_file, strip_bytes, tag

from safeshare import metadata, study
from safeshare.profile import METHODS

REPORT = one("SOPClassUID", "UI", b"1.2.840.10008.5.1.4.1.1.88.33")
MOVED = "retain_longitudinal_modified_dates"


def content(code: bytes, value_type: bytes, *values: dict[int, bytes]) -> dict[int, bytes]:
    """Return a content item (PS3.3 10.2) with a concept of PS3.16."""
    concept = one("CodeValue", "SH", code) | one("CodingSchemeDesignator", "SH", b"DCM")
    item = one("ValueType", "CS", value_type) | in_sequence("ConceptNameCodeSequence", concept)
    for value in values:
        item |= value
    return item


def label(text: bytes) -> dict[int, bytes]:
    return in_sequence("SegmentSequence", one("SegmentLabel", "LO", text))


def copy_of(folder: Path, extra: dict[int, bytes], **options: bool) -> bytes:
    """Strip a file with ``study.strip``, which must not refuse it, and with ``strip_file``; return both copies."""
    data = small_file(EXPLICIT, image(EXPLICIT) | extra, element(EXPLICIT, tag("PixelData"), "OB", bytes(512)))
    single = strip_bytes(folder, data, **options)
    assert metadata.find_file(single, **options) == []
    (folder / "in").mkdir()
    (folder / "in" / "source.dcm").write_bytes(data)
    (outcome,) = study.strip(folder / "in", folder / "out", kinds=["metadata"], key=KEY, **options)
    assert outcome.reason == ""
    return single.read_bytes() + outcome.copy.read_bytes()


TEXT = one("TextValue", "UT", b"told by Dr Huberova")
WRONG_TYPES = {  # concepts of which Table E.3.4-1 keeps another value type
    "retain_uids": content(b"121002", b"PNAME", one("PersonName", "PN", b"Huberova^Eve"), TEXT),  # Quoted Source
    "retain_patient_characteristics": content(b"121032", b"TEXT", TEXT),  # Subject Sex
    "retain_device_identity": content(b"121012", b"TEXT", TEXT),  # Device Observer UID
    "retain_longitudinal_full_dates": content(b"111060", b"TEXT", TEXT),  # Study Date
}


@pytest.mark.parametrize("option", WRONG_TYPES)
def test_an_option_keeps_no_text_where_it_means_another_value(tmp_path, option):
    extra = REPORT | in_sequence("ContentSequence", WRONG_TYPES[option])
    assert b"Huberova" not in copy_of(tmp_path, extra, clean_structured_content=True, **{option: True})


def test_an_option_keeps_the_value_that_it_means_and_nothing_beside_it(tmp_path):
    name = content(b"121013", b"TEXT", one("TextValue", "UT", b"Invented 3000"), one("Date", "DA", b"19700102"))
    copy = copy_of(
        tmp_path,
        REPORT | in_sequence("ContentSequence", name),
        retain_device_identity=True,
        clean_structured_content=True,
    )
    assert b"Invented 3000" in copy and b"19700102" not in copy


def test_a_kept_value_of_a_report_is_searched_for_names(tmp_path):
    name = content(b"121013", b"TEXT", one("TextValue", "UT", b"Scanner of FICTIA"))
    extra = REPORT | in_sequence("ContentSequence", name)
    assert b"FICTIA" not in copy_of(tmp_path, extra, retain_device_identity=True, clean_structured_content=True)


def test_a_code_as_the_value_of_a_finding_stays(tmp_path):
    """Table E.3.4-1 speaks of Finding as free text; a code is none."""
    value = in_sequence("ConceptCodeSequence", one("CodeMeaning", "LO", b"Nodule"))
    item = in_sequence("ContentSequence", content(b"121071", b"CODE", value))
    assert b"Nodule" in copy_of(tmp_path, REPORT | item, clean_structured_content=True)


@pytest.mark.parametrize(
    "around",
    [
        ("SpecimenDescriptionSequence", "SpecimenLocalizationContentItemSequence"),
        ("PerformedProtocolCodeSequence", "ProtocolContextSequence"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"clean_descriptors": True}, {"clean_structured_content": True}])
def test_a_content_item_outside_of_a_report_loses_its_text_and_no_number(tmp_path, around, options):
    outer, inner = around
    note = content(b"121041", b"TEXT", one("TextValue", "UT", b"S18-33841, Dr Huberova"))
    number = content(b"112227", b"NUMERIC", one("NumericValue", "DS", b"12.5"))
    copy = copy_of(tmp_path, in_sequence(outer, in_sequence(inner, note, number)), **options)
    assert b"Huberova" not in copy and b"33841" not in copy
    first, second = pydicom.dcmread(tmp_path / "stripped.dcm")[outer].value[0][inner].value
    assert first.TextValue == "REMOVED", "a value of Type 1C is never missing"
    assert second.NumericValue == 12.5


@pytest.mark.parametrize("spelt", [b"ISO_IR 192", b"ISO-IR 192", b"ISO_IR192", b"iso_ir 192", b"UTF-8", b"utf8"])
def test_a_misspelt_character_set_is_spelt_right_and_names_are_found(tmp_path, spelt):
    extra = one("SpecificCharacterSet", "CS", spelt) | one("PatientName", "PN", "Müllersch^Änne".encode())
    extra |= one("Manufacturer", "LO", "Größe AG".encode()) | label("MÜLLERSCH".encode())
    assert "MÜLLERSCH".encode() not in copy_of(tmp_path, extra)
    copy = pydicom.dcmread(tmp_path / "stripped.dcm")
    assert (copy.SpecificCharacterSet, copy.Manufacturer) == ("ISO_IR 192", "Größe AG")


@pytest.mark.parametrize(
    "name", ["MUSTERFRAU_ERIKA", "MUSTERFRAU/ERIKA", "MUSTERFRAU;ERIKA", "MUSTERFRAU(ERIKA)", "MUSTERFRAU1970^ERIKA"]
)
def test_a_name_is_taken_apart_wherever_people_join_it(tmp_path, name):
    copy = copy_of(tmp_path, one("PatientName", "PN", name.encode()) | label(b"Musterfrau liver"))
    assert b"Musterfrau" not in copy


def test_a_name_of_terms_as_phantoms_have_does_not_take_these_terms_from_labels(tmp_path):
    for name in (b"LUNG_01^", b"Lung01^Phantom"):
        folder = tmp_path / name.decode()[:5]
        folder.mkdir()
        assert b"left lung" in copy_of(folder, one("PatientName", "PN", name) | label(b"left lung"))


def test_a_name_is_found_in_other_code_points_and_before_digits(tmp_path):
    text = unicodedata.normalize("NFD", "Müllersch liver").encode()
    extra = one("SpecificCharacterSet", "CS", b"ISO_IR 192") | one("PatientName", "PN", "Müllersch^Jun".encode())
    extra |= label(text) | one("ManufacturerModelName", "LO", b"JUN1970") | one("StationName", "SH", b"A")
    extra |= one("SoftwareVersions", "LO", b"June3")
    copy = copy_of(tmp_path, extra)
    assert text[:10] not in copy and b"JUN1970" not in copy
    assert b"June3" in copy


NUMBERS = {
    "ContainerIdentifier": ("LO", b"S18-33841", b"tumour S18-33841"),
    "ClinicalTrialSubjectID": ("LO", b"SUBJ-0042-BLN", b"SUBJ-0042-BLN"),
    "RequestedProcedureID": ("SH", b"RP991742", b"of rp991742"),
    "PatientID": ("LO", b"AB-12-3456", b"ab123456"),
    "SOPInstanceUID": ("UI", b"1.2.276.99.4.5", b"as 1.2.276.99.4.5"),
}


@pytest.mark.parametrize("keyword", NUMBERS)
def test_a_number_goes_from_labels(tmp_path, keyword):
    vr, number, text = NUMBERS[keyword]
    assert text not in copy_of(tmp_path, one(keyword, vr, number) | label(text))


def test_short_numbers_and_words_are_none_that_lead_to_somebody(tmp_path):
    extra = one("StudyID", "SH", b"1234") | one("RequestedProcedureID", "SH", b"liver")
    assert b"liver 1234" in copy_of(tmp_path, extra | label(b"liver 1234"))


@pytest.mark.parametrize("vr", ["UN", "LO"])
def test_a_former_name_of_another_vr_goes_from_labels(tmp_path, vr):
    former = in_sequence("ModifiedAttributesSequence", one("PatientName", vr, b"MUSTERFRAU^EVE"))
    copy = copy_of(tmp_path, in_sequence("OriginalAttributesSequence", former) | label(b"Musterfrau"))
    assert b"Musterfrau" not in copy


@pytest.mark.parametrize(
    "written", ["20240102", "2024-01-02", "2024.01.02", "02.01.2024", "1/2/2024", "20240102101500"]
)
@pytest.mark.parametrize("options", [{}, {MOVED: True}])
def test_a_date_goes_from_labels_however_it_is_written(tmp_path, written, options):
    extra = one("StudyDate", "DA", b"20240102") | label(b"liver " + written.encode())
    assert written.encode() not in copy_of(tmp_path, extra, **options)


@pytest.mark.parametrize("born", [b"19700102", b"1970.01.02"])  # the form of ACR-NEMA 300
@pytest.mark.parametrize("options", [{}, {MOVED: True}, {"retain_longitudinal_full_dates": True}])
def test_the_birth_date_is_no_series_number(tmp_path, born, options):
    extra = one("PatientBirthDate", "DA", born) | one("SeriesNumber", "IS", b"19700102")
    assert b"19700102" not in copy_of(tmp_path, extra, **options)
    assert pydicom.dcmread(tmp_path / "stripped.dcm").SeriesNumber == 0


def test_a_study_date_that_shows_by_how_much_the_dates_moved_is_no_series_number(tmp_path):
    extra = one("StudyDate", "DA", b"20240102") | one("SeriesNumber", "IS", b"20240102")
    extra |= one("SliceThickness", "DS", b"2.5") | one("AcquisitionNumber", "IS", b"20240103")
    assert b"20240102" not in copy_of(tmp_path, extra, **{MOVED: True})
    copy = pydicom.dcmread(tmp_path / "stripped.dcm")
    assert (copy.SliceThickness, copy.AcquisitionNumber) == (2.5, 20240103)


def test_what_looks_like_a_date_and_is_none_of_this_patient_stays(tmp_path):
    extra = one("StudyDate", "DA", b"20240102") | one("SoftwareVersions", "LO", b"VA30 2019-11-04 build 120240102")
    assert b"VA30 2019-11-04 build 120240102" in copy_of(tmp_path, extra)


def test_a_date_that_an_option_keeps_stays_in_labels(tmp_path):
    extra = one("StudyDate", "DA", b"20240102") | one("PatientBirthDate", "DA", b"20240102") | label(b"of 2024-01-02")
    assert b"of 2024-01-02" in copy_of(tmp_path, extra, retain_longitudinal_full_dates=True)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    for number, (_, dataset) in enumerate(planted.study(slices=3, prior_slices=1)):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


@pytest.mark.parametrize("option", METHODS)
def test_no_option_makes_a_file_of_the_planted_study_refused(originals, tmp_path, option):
    """What the option keeps also stands in attributes that it does not keep, such as the UID of the device."""
    report = study.strip(originals, tmp_path / "out", kinds=["metadata"], key=KEY, **{option: True})
    assert {outcome.reason for outcome in report} == {""}


def test_a_place_that_an_option_keeps_is_not_cleaned_as_a_repeated_one(tmp_path):
    place = one("InstitutionName", "LO", b"Example Hospital")
    extra = place | in_sequence("RequestAttributesSequence", place) | in_sequence("PerformedSeriesSequence", place)
    assert b"Example Hospital" in copy_of(tmp_path, extra, retain_institution_identity=True)


BEYOND = {
    "NTPSourceAddress": "LO", "ContactDisplayName": "LO", "OwnerID": "SH", "HangingProtocolCreator": "LO",
    "PlacerOrderNumberProcedure": "SH", "FillerOrderNumberProcedure": "SH",
    "PlacerOrderNumberImagingServiceRequestRetired": "SH", "FillerOrderNumberImagingServiceRequestRetired": "SH",
    "HL7InstanceIdentifier": "ST", "UniformResourceLocatorTrial": "ST", "RadiationMachineName": "SH",
    "BreedRegistrationNumber": "LO", "HangingProtocolUserGroupName": "LO",
}  # fmt: skip


def test_what_identifies_beyond_the_table_goes_as_well(tmp_path):
    parts = [one(keyword, vr, b"ZQcanary") for keyword, vr in BEYOND.items()]
    parts.append(in_sequence("EncryptedAttributesSequence", one("EncryptedContent", "OB", b"0\x82 CN=ZQcanary")))
    who = one("CodeMeaning", "LO", b"ZQcanary")
    parts.append(in_sequence("HangingProtocolUserIdentificationCodeSequence", who))
    parts.append({0x7F020010: element(EXPLICIT, 0x7F020010, "OW", b"ZQcanary")})
    extra = {number: value for part in parts for number, value in part.items()}
    assert joined(extra).count(b"ZQcanary") == len(parts)
    assert b"ZQcanary" not in copy_of(tmp_path, extra)


def test_pixels_of_a_retired_compression_behind_the_image_go(tmp_path):
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    dataset.add_new(0x7FE00020, "OW", b"ZQcanary")
    assert 0x7FE00020 not in metadata.strip(dataset, key=KEY)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("looked_at", [False, True])
def test_a_safe_private_attribute_keeps_its_creator(syntax, looked_at):
    private = {
        0x00190010: element(syntax, 0x00190010, "LO", b"GEMS_ACQU_01"),
        0x00191023: element(syntax, 0x00191023, "DS", b"12.5"),
    }
    dataset = pydicom.dcmread(BytesIO(small_file(syntax, private)))
    if looked_at:
        str(dataset)
    clean = metadata.strip(dataset, key=KEY, retain_safe_private=True)
    assert [int(each.tag) for each in clean if each.tag.is_private] == [0x00190010, 0x00191023]
