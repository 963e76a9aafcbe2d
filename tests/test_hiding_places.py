"""Places where nobody looks: wrong VRs, disguised sequences, spare bytes, names in text that is kept, damaged files."""

import io
import random
import struct

import canaries
import pydicom
import pytest
from canaries import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    KEY,
    RLE,
    SIDE,
    Canaries,
    element,
    head,
    image,
    in_sequence,
    joined,
    one,
    pixel_data,
    sequence,
    small_file,
    strip_bytes,
    tag,
)  # fmt: skip

from safeshare import Refused, metadata


def un_with_implicit_items(undefined):
    """A sequence of VR UN holds implicit items even in an explicit file (PS3.5 section 6.2.2)."""
    values = one("PatientComments", "LT", b"ZQcanary", IMPLICIT) | one("CodeMeaning", "LO", b"harmless", IMPLICIT)
    inner = in_sequence("PurposeOfReferenceCodeSequence", values, syntax=IMPLICIT)
    coded = sequence(IMPLICIT, tag("ReferencedInstanceSequence"), joined(inner), undefined=undefined)[4:]
    return {tag("ReferencedInstanceSequence"): struct.pack("<HH2sH", 0x0008, 0x114A, b"UN", 0) + coded}


COMMENTS = one("PatientComments", "LT", b"ZQcanary")
HIDING_PLACES = {
    "text as rows": (EXPLICIT, one("Rows", "LO", b"ZQcanary")),
    "text as rows of VR UN": (EXPLICIT, one("Rows", "UN", b"ZQcanary!")),
    "text as rows, implicit": (IMPLICIT, one("Rows", "US", b"ZQcanary!", IMPLICIT)),
    "text as a decimal": (EXPLICIT, one("SliceThickness", "DS", b"ZQcanary")),
    "long text as a decimal": (EXPLICIT, one("SliceThickness", "LT", b"ZQcanary")),
    "text behind a UID": (EXPLICIT, one("ContextUID", "UI", b"1.2.3\0ZQcanary")),
    "a person as a manufacturer": (EXPLICIT, one("Manufacturer", "PN", b"ZQcanary^Ada")),
    "a name as a sequence": (EXPLICIT, in_sequence("PatientName", one("Manufacturer", "LO", b"ZQcanary"))),
    "a sponsor as a sequence": (EXPLICIT, in_sequence("ClinicalTrialSponsorName", one("Modality", "CS", b"ZQcanary"))),
    "a sequence as text": (EXPLICIT, one("ReferencedSeriesSequence", "LO", b"ZQcanary")),
    "a sequence that is none": (EXPLICIT, one("ReferencedSeriesSequence", "SQ", b"ZQcanary")),
    "a character set": (EXPLICIT, one("SpecificCharacterSet", "CS", b"ISO_IR 192\\ZQcanary")),
    "items in VR UN": (EXPLICIT, un_with_implicit_items(undefined=False)),
    "items in VR UN, undefined length": (EXPLICIT, un_with_implicit_items(undefined=True)),
    "a private sequence": (EXPLICIT, {0x00291010: sequence(EXPLICIT, 0x00291010, joined(COMMENTS))}),
    "a private element without creator": (EXPLICIT, {0x00091101: element(EXPLICIT, 0x00091101, "LO", b"ZQcanary")}),
    "a picture in the header": (EXPLICIT, in_sequence("IconImageSequence", one("PixelData", "OW", b"ZQcanary"))),
    "another picture": (EXPLICIT, in_sequence("SourceImageSequence", one("PixelData", "OW", b"ZQcanary"))),
    "text as a code": (EXPLICIT, one("Modality", "LT", b"MRS ZQCANARY OF BERLIN")),
    "an item without a sequence": (IMPLICIT, {0x0008FFFE: head(IMPLICIT, 0xFFFEE000, "", 8) + b"ZQcanary"}),
    "control characters": (EXPLICIT, one("Manufacturer", "LO", b"Acme\0\x10\0\x20\0LO\x08\0ZQcanary")),
    "a document in an image": (EXPLICIT, one("EncapsulatedDocument", "OB", b"%PDF ZQcanary")),
    "a signature": (EXPLICIT, in_sequence("DigitalSignaturesSequence", one("Signature", "OB", b"ZQcanary"))),
}  # fmt: skip


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_a_hiding_place_is_emptied(tmp_path, place):
    syntax, extra = HIDING_PLACES[place]
    check_emptied(strip_bytes(tmp_path, small_file(syntax, extra)))


@pytest.mark.parametrize("undefined", [False, True])
def test_items_in_vr_un_keep_what_is_harmless(tmp_path, undefined):
    stripped = strip_bytes(tmp_path, small_file(EXPLICIT, un_with_implicit_items(undefined)))
    inside = pydicom.dcmread(stripped).ReferencedInstanceSequence[0].PurposeOfReferenceCodeSequence[0]
    assert [element.keyword for element in inside] == ["CodeMeaning"]


@pytest.mark.parametrize("keyword", ["SOPInstanceUIDOfConcatenationSource", "MultiFrameSourceSOPInstanceUID"])
def test_a_uid_that_the_table_does_not_list_still_leads_to_its_target(tmp_path, keyword):
    """The target has a new UID; the old one would be a leak and a broken reference."""
    stripped = pydicom.dcmread(strip_bytes(tmp_path, small_file(EXPLICIT, one(keyword, "UI", b"1.2.3.4.5"))))
    assert stripped[keyword].value == stripped.SOPInstanceUID != "1.2.3.4.5"


def check_emptied(stripped, canary=b"zqcanary"):
    data = canaries.inflated(stripped.read_bytes())
    assert canary not in data.lower()
    assert metadata.find_file(stripped) == []
    again = stripped.with_name("again.dcm")
    again.unlink(missing_ok=True)
    metadata.strip_file(stripped, again, key=KEY)
    assert again.read_bytes() == stripped.read_bytes()


def test_bytes_behind_the_end_of_a_file_without_pixels(tmp_path):
    for behind in (b"ZQcanary", b"\0\0\0\0ZQcanary and more", bytes(8) + b"ZQcanary"):
        try:
            stripped = strip_bytes(tmp_path, small_file(EXPLICIT, {}) + behind)
        except Refused:
            continue  # they cannot be told from a data set that breaks off
        check_emptied(stripped)


PIXEL_HIDING_PLACES = {
    "behind colour pixels that share colours": {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422"},
    "behind colour pixels": {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"},
    "behind single bits": {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0},
    "behind one frame": {"NumberOfFrames": None},
    "in pixels without size": {"Rows": None},
}


@pytest.mark.parametrize("place", PIXEL_HIDING_PLACES)
@pytest.mark.parametrize("in_memory", [False, True], ids=["file", "memory"])
def test_pixel_data_is_not_longer_than_the_pixels(tmp_path, place, in_memory):
    changed = PIXEL_HIDING_PLACES[place]
    extra = image(EXPLICIT)
    for keyword, value in changed.items():
        if value is None:
            del extra[tag(keyword)]
        elif isinstance(value, str):
            extra |= one(keyword, "CS", value.encode())
        else:
            extra |= one(keyword, "US", struct.pack("<H", value))
    data = small_file(EXPLICIT, extra, element(EXPLICIT, tag("PixelData"), "OB", bytes(6 * SIDE * SIDE) + b"ZQcanary"))
    try:
        if in_memory:
            out = io.BytesIO()
            metadata.strip(pydicom.dcmread(io.BytesIO(data)), key=KEY).save_as(out)
            assert b"ZQcanary" not in out.getvalue()
        else:
            check_emptied(strip_bytes(tmp_path, data))
    except Refused:
        assert place == "in pixels without size"


# Names that the profile removes, in text that it keeps.

NAMES = {
    "other case": (b"", b"Fictia^Ada", b"made for FICTIA, a."),
    "inside a word": (b"", b"Fictia^Ada", b"AcmeFictiaScanner"),
    "short, as a word": (b"", b"Ng^Bo", b"made for bo NG"),
    "parts of a double name": (b"", b"O'Fictia-Muster^Ada", b"Acme fictia"),
    "umlaut in other case, UTF-8": (b"ISO_IR 192", "Müßig^Änne".encode(), "Acme MÜSSIG ÄNNE MÜßIG".encode()),
    "umlaut in other case, Latin-1": (
        b"ISO_IR 100",
        "Müllersch^Änne".encode("latin-1"),
        "Acme MÜLLERSCH".encode("latin-1"),
    ),
    "Arabic": (b"ISO_IR 127", "قباني^لنزار".encode("iso8859_6"), "Acme قباني".encode("iso8859_6")),
    "Chinese": (b"ISO_IR 192", "Wang^XiaoDong=王^小东".encode(), "为王小东".encode()),
    "Japanese": (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", b"Acme \x1b$B;3EDB@O:\x1b(B"),
}
LEFT_OF_NAMES = {
    "short, as a word": [b" bo", b" NG"],
    "umlaut in other case, UTF-8": ["MÜßIG".encode(), "ÄNNE".encode()],
    "umlaut in other case, Latin-1": ["MÜLLERSCH".encode("latin-1")],
    "Arabic": ["قباني".encode("iso8859_6")],
    "Chinese": ["王".encode(), "小东".encode()],
    "Japanese": [b";3ED", b"B@O:"],
}


@pytest.mark.parametrize("case", NAMES)
@pytest.mark.parametrize("keyword", ["Manufacturer", "CodeMeaning"])
def test_a_name_goes_from_text_that_stays(tmp_path, case, keyword):
    charset, name, words = NAMES[case]
    where = one("Manufacturer", "LO", words)
    if keyword == "CodeMeaning":
        where = in_sequence("AnatomicRegionSequence", one("CodeMeaning", "LO", words))
    extra = one("SpecificCharacterSet", "CS", charset) | one("PatientName", "PN", name) | where
    stripped = strip_bytes(tmp_path, small_file(EXPLICIT, extra))
    data = stripped.read_bytes()
    assert [word for word in LEFT_OF_NAMES.get(case, [b"fictia"]) if word.lower() in data.lower()] == []
    assert metadata.find_file(stripped) == []


def test_a_former_name_goes_from_text_that_stays(tmp_path):
    for syntax in (IMPLICIT, EXPLICIT):
        former = in_sequence(
            "ModifiedAttributesSequence", one("PatientName", "PN", b"ZQcanary^Eve", syntax), syntax=syntax
        )
        extra = in_sequence("OriginalAttributesSequence", former, syntax=syntax)
        extra |= one("Manufacturer", "LO", b"Acme zqCANARY", syntax)
        check_emptied(strip_bytes(tmp_path, small_file(syntax, extra)))


def test_a_name_that_is_also_a_word_goes_from_descriptions(tmp_path):
    extra = one("PatientName", "PN", b"Head^Chest") | one("StudyDescription", "LO", b"Head: brain after contrast")
    stripped = strip_bytes(tmp_path, small_file(EXPLICIT, extra), clean_descriptors=True)
    description = pydicom.dcmread(stripped).StudyDescription.lower()
    assert "head" not in description
    assert "brain" in description


@pytest.mark.parametrize(
    "syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, RLE, JPEG, JPEG_LS, JPEG_2000], ids=lambda syntax: syntax.uid
)
def test_a_damaged_file_is_refused_or_stripped_as_well(tmp_path, syntax):
    comments = one("PatientComments", "LT", b"ZQcanary", syntax)
    inner = in_sequence("ReferencedSOPSequence", comments, syntax=syntax, undefined=True)
    extra = in_sequence("ReferencedSeriesSequence", comments | inner, syntax=syntax) | image(syntax) | comments
    extra |= {0x00091010: element(syntax, 0x00091010, "LO", b"ZQcanary")}
    sound, chance = small_file(syntax, extra, pixel_data(syntax, Canaries())), random.Random(20240229)
    for _ in range(60):
        data = bytearray(sound)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(128, min(len(data), 900))
            data[at : at + chance.choice([1, 1, 1, 4])] = chance.randbytes(chance.choice([1, 1, 1, 0, 6]))
        try:
            stripped = strip_bytes(tmp_path, bytes(data))
        except Refused:
            continue
        assert b"ZQcanary" not in canaries.inflated(stripped.read_bytes())
        assert metadata.find_file(stripped) == []


@pytest.mark.parametrize("vr", [b"\xff\0", b"O\xc2", b"LO"])
def test_pixel_data_of_a_broken_vr_is_not_lost_silently(tmp_path, vr):
    pixels = element(EXPLICIT, tag("PixelData"), "OB", bytes(2 * SIDE * SIDE)).replace(b"OB", vr)
    with pytest.raises(Refused):
        strip_bytes(tmp_path, small_file(EXPLICIT, image(EXPLICIT), pixels))
