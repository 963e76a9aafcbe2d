"""Fuzz and properties: whatever bytes change, no traceback, no silent copy; tests/benchmarks/fuzz.py does it longer."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from benchmarks import fuzz
from canaries import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    Canaries,
    Syntax,
    element,
    image,
    inflated,
    joined,
    one,
    pixel_data,
    sequence,
    small_file,
    strip_bytes,
    tag,
)  # fmt: skip
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from safeshare import Refused, metadata

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of each value that is against the rules
CANARY = b"ZQcanary"
IDENTIFYING = [
    tag(keyword)
    for keyword in (
        "PatientName", "PatientID", "PatientBirthDate", "OtherPatientNames", "InstitutionName", "PatientComments",
        "ReferringPhysicianName", "AccessionNumber", "StudyDate", "DeviceSerialNumber", "OriginalAttributesSequence",
        "StationName", "EncapsulatedDocument", "DigitalSignaturesSequence",
    )
] + [0x00091010, 0x60003000, 0x50000010, 0x0010FFFE, 0x00020016]  # fmt: skip
HARMLESS = [
    tag(keyword)
    for keyword in (
        "SpecificCharacterSet", "ImageType", "Modality", "Manufacturer", "SliceThickness", "KVP", "BodyPartExamined",
        "WindowCenter", "PixelSpacing", "RescaleSlope", "ContentSequence", "PatientPosition",
    )
]  # fmt: skip
SEQUENCES = [tag(keyword) for keyword in ("ReferencedSeriesSequence", "SharedFunctionalGroupsSequence")]
SEQUENCES += [tag("RequestAttributesSequence"), tag("PatientName"), 0x00091010]
VRS = [*"AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SQ SS ST TM UC UI UL UN UR US UT UV ZZ".split(), "\0\0"]

values = st.one_of(st.binary(max_size=20), st.text("Fictia^Ada\\= 0123456789.\x1b\n", max_size=20).map(str.encode))
secrets = st.tuples(values, st.just(CANARY), values).map(b"".join)


def datasets(syntax: Syntax, depth: int = 3) -> st.SearchStrategy[dict[int, bytes]]:
    """Return data sets with a canary in each attribute that must go, and anything in others, with any VR."""
    vrs = st.sampled_from(VRS)
    telling = st.tuples(st.sampled_from(IDENTIFYING), vrs, secrets)
    other = st.tuples(st.sampled_from(HARMLESS), vrs, values)
    made = st.one_of(telling, other).map(lambda each: {each[0]: element(syntax, *each)})
    if depth:
        items = st.lists(datasets(syntax, depth - 1).map(joined), max_size=2)
        how = st.tuples(st.sampled_from(SEQUENCES), items, st.booleans(), st.sampled_from(["SQ", "SQ", "UN", "OB"]))
        made |= how.map(lambda each: {each[0]: sequence(syntax, each[0], *each[1], undefined=each[2], vr=each[3])})
    return st.lists(made, max_size=4).map(
        lambda parts: {number: data for part in parts for number, data in part.items()}
    )


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_whatever_a_data_set_holds_it_is_emptied_or_refused(data):
    syntax = data.draw(st.sampled_from([EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED]))
    extra = data.draw(datasets(syntax))
    whole = small_file(syntax, image(syntax) | extra, pixel_data(syntax, Canaries()))
    with TemporaryDirectory() as folder:
        try:
            copy = strip_bytes(Path(folder), whole)
        except Refused as error:
            assert error.reason.endswith(".") and list(Path(folder).iterdir()) == [Path(folder, "source.dcm")]
            return
        first = copy.read_bytes()
        assert CANARY not in inflated(first)
        assert metadata.find_file(copy) == []
        dcmread(copy)
        assert strip_bytes(Path(folder), first).read_bytes() == first, "nothing is left to do"


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_what_is_empty_and_what_was_emptied_stays_so(tmp_path, syntax, undefined):
    """The test above found both: a sequence that was taken for a text, and a document that was emptied twice."""
    extra = {SEQUENCES[0]: sequence(syntax, SEQUENCES[0], undefined=undefined)}
    extra |= one("EncapsulatedDocument", "OB", CANARY, syntax)
    copy = strip_bytes(tmp_path, small_file(syntax, image(syntax) | extra, pixel_data(syntax, Canaries())))
    assert SEQUENCES[0] in dcmread(copy) and metadata.find_file(copy) == []
    first = copy.read_bytes()
    assert strip_bytes(tmp_path, first).read_bytes() == first


def test_mutations_of_real_files_are_stripped_or_refused():
    counts = fuzz.fuzz(0, 1000, ("metadata",), largest=60_000)
    assert set(counts) <= {"stripped", "refused", "caught"}
    assert counts["stripped"] > 300 and counts["refused"] > 300, "both ways are taken"


def test_mutations_with_all_kinds_are_stripped_or_refused():
    counts = fuzz.fuzz(0, 40, fuzz.study.KINDS, largest=10_000)
    assert set(counts) <= {"stripped", "refused", "caught"} and counts["stripped"]
