"""Done when no. 2: no value that the profile removes survives, wherever it hides. Searched in the raw bytes of the copy."""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import canaries
import pydicom
import pytest
from canaries import (
    BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, JPEG, JPEG_2000, JPEG_LS, RLE, Canaries, element, numbers, sequence,
)  # fmt: skip
from PIL import Image
from pydicom.datadict import DicomDictionary, RepeatersDictionary, tag_for_keyword

from safeshare import Refused, metadata
from safeshare.profile import METHODS

KEY = "a key for the tests only"
CT = "1.2.840.10008.5.1.4.1.1.2"
SOP_CLASSES = {
    "CT": CT,
    "Enhanced MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "Comprehensive SR": "1.2.840.10008.5.1.4.1.1.88.33",
    "RT Structure Set": "1.2.840.10008.5.1.4.1.1.481.3",
    "Grayscale Softcopy Presentation State": "1.2.840.10008.5.1.4.1.1.11.1",
    "Segmentation": "1.2.840.10008.5.1.4.1.1.66.4",
    "unknown": "1.2.826.0.1.3680043.8.498.1",
}
PLAIN = {"implicit": IMPLICIT, "explicit": EXPLICIT, "big endian": BIG_ENDIAN, "deflated": DEFLATED}
COMPRESSED = {"RLE": RLE, "JPEG": JPEG, "JPEG-LS": JPEG_LS, "JPEG 2000": JPEG_2000}

# The oracle: the standard's table as data, read here without the package's code.
ROWS = json.loads(Path(metadata.__file__).with_name("tables").joinpath("profile.json").read_text())["attributes"]
TABLE = {int(row["tag"], 16): row for row in ROWS if row["tag"] != "PRIVATE" and "xx" not in row["tag"]}


def tag(keyword):
    return tag_for_keyword(keyword)


SIDE = 16
IMAGE = {  # what the pixels need, and so no place for a canary
    "SamplesPerPixel": 1, "NumberOfFrames": 2, "Rows": SIDE, "Columns": SIDE, "BitsAllocated": 8, "BitsStored": 8,
    "HighBit": 7, "PixelRepresentation": 0,
}  # fmt: skip
PIXELS = {tag("PixelData"), tag("FloatPixelData"), tag("DoubleFloatPixelData")}
LEFT_OUT = (
    {tag(keyword) for keyword in IMAGE} | PIXELS | {tag("SpecificCharacterSet"), tag("PhotometricInterpretation")}
)
DICTIONARY = {
    number: entry[0][:2] for number, entry in DicomDictionary.items() if entry[0] != "NONE" and number not in LEFT_OUT
}
DICTIONARY |= {
    int(mask.replace("xx", "02").replace("x", "1"), 16): entry[0][:2] for mask, entry in RepeatersDictionary.items()
}
STANDARD = {number: vr for number, vr in DICTIONARY.items() if number >> 16 not in (0x0000, 0x0002)}
COMMAND, META = ({n: vr for n, vr in DICTIONARY.items() if n >> 16 == group} for group in (0x0000, 0x0002))

# Three sequences, one in the other, none of which the table lists: attributes at the end of each chain.
CHAINS = [
    ("ReferencedSeriesSequence", "ReferencedImageEvidenceSequence", "PurposeOfReferenceCodeSequence"),
    ("SharedFunctionalGroupsSequence", "PixelMeasuresSequence", "FrameAnatomySequence"),
    ("AnatomicRegionSequence", "AnatomicRegionModifierSequence", "EquivalentCodeSequence"),
    ("ROIContourSequence", "ContourSequence", "SegmentSequence"),
]


def elements(syntax, made, tags, *place):
    """Return these elements with a canary in each; a sequence gets an item with one harmless and one telling attribute."""
    parts = {}
    for number, vr in tags.items():
        if vr == "SQ":
            inside = elements(syntax, made, {tag("CodeMeaning"): "LO", tag("PatientComments"): "LT"}, *place, number)
            parts[number] = sequence(syntax, number, inside, undefined=number % 4 == 0)
        else:
            parts[number] = element(syntax, number, vr, made.value(vr, *place, number))
    return b"".join(parts[number] for number in sorted(parts))


def full_body(syntax, made, sop_class=CT):
    """Return a data set with every attribute of the dictionary, at the root and three sequences deep, and unknown ones."""
    parts = {number: elements(syntax, made, {number: vr}) for number, vr in STANDARD.items()}
    parts[tag("SOPClassUID")] = element(syntax, tag("SOPClassUID"), "UI", sop_class.encode())
    parts[tag("SpecificCharacterSet")] = element(syntax, tag("SpecificCharacterSet"), "CS", b"ISO_IR 100")
    parts |= image(syntax)
    unknown = {0x0008FFFE: "LO", 0x12340010: "LO", 0x7FDE0002: "OB", 0x00100000: "UL", 0x00280000: "UL"}
    private = {
        0x00090010: "LO",
        0x00091001: "LT",
        0x00091002: "SQ",
        0x00091003: "UN",
        0x7FDF0010: "LO",
        0x7FDF1001: "PN",
    }
    parts |= {number: elements(syntax, made, {number: vr}) for number, vr in (unknown | private).items()}
    for chain in CHAINS:
        first, second, third = map(tag, chain)
        tags = STANDARD if chain is CHAINS[0] else {number: STANDARD[number] for number in TABLE if number in STANDARD}
        inside = elements(syntax, made, tags | unknown | private, first, second, third)
        inside = elements(syntax, made, {tag("PatientName"): "PN"}, first, second) + sequence(syntax, third, inside)
        inside = sequence(syntax, second, inside, undefined=True) + elements(syntax, made, private, first)
        parts[first] = sequence(syntax, first, inside, undefined=chain is CHAINS[1])
    return parts


def image(syntax):
    """Return the attributes that describe two small grey frames."""
    parts = {tag("PhotometricInterpretation"): element(syntax, tag("PhotometricInterpretation"), "CS", b"MONOCHROME2")}
    for keyword, number in IMAGE.items():
        value = str(number).encode() if keyword == "NumberOfFrames" else struct.pack(f"{syntax.order}H", number)
        parts[tag(keyword)] = element(syntax, tag(keyword), "IS" if keyword == "NumberOfFrames" else "US", value)
    return parts


def joined(parts):
    return b"".join(parts[number] for number in sorted(parts))


def full_file(syntax, made, sop_class=CT, around=True):
    """Return a file with canaries everywhere; without ``around`` only in the data set, as pydicom can read it."""
    body = joined(full_body(syntax, made, sop_class)) + pixel_data(syntax, made)
    for number, vr in {0xFFFB0010: "LO", 0xFFFB1001: "LT", 0xFFFCFFFC: "OB"}.items():
        body += elements(syntax, made, {number: vr}, "behind the pixels")
    meta = elements(EXPLICIT, made, {n: vr for n, vr in META.items() if n & 0xFFFF not in (0x00, 0x01, 0x10)}, "meta")
    preamble = made.value("LO", "preamble")
    if not around:
        return canaries.file(syntax, body, meta=meta, preamble=preamble)
    body = elements(syntax, made, COMMAND, "command") + body
    return canaries.file(syntax, body, meta=meta, preamble=preamble, behind=made.value("LO", "behind the end"))


def pixel_data(syntax, made):
    """Return two frames, too long or with comments: what the coding allows."""
    if not syntax.encapsulated:
        return element(
            syntax, tag("PixelData"), "OB", bytes(2 * SIDE * SIDE) + made.value("OB", "behind the last pixel")
        )
    frames = [commented_frame(syntax, made) for _ in range(2)]
    half = len(frames[0]) // 4 * 2
    offsets = struct.pack("<2L", 0, len(frames[0]) + 16)  # one frame is in two fragments
    return canaries.fragments(syntax, offsets, frames[0][:half], frames[0][half:], frames[1])


def commented_frame(syntax, made):
    """Return one frame in this coding with a canary in each place that is not for pixels."""

    def note(where):
        return made.value("OB", "compressed", where)

    def segment(marker, body):
        return struct.pack(">HH", marker, len(body) + 2) + body

    frame = grey_frame(syntax)
    if syntax is RLE:
        return frame + note("behind the segments")
    if syntax is JPEG_2000:
        tile, data = frame.index(b"\xff\x90\x00\x0a"), frame.index(b"\xff\x93")
        in_tile = segment(0xFF64, b"\0\1" + note("comment in the tile header"))
        length = struct.unpack(">L", frame[tile + 6 : tile + 10])[0] + len(in_tile)
        tile_header = frame[tile : tile + 6] + struct.pack(">L", length) + frame[tile + 10 : data] + in_tile
        main_header = frame[:tile] + segment(0xFF64, b"\0\1" + note("comment"))
        frame = main_header + tile_header + frame[data:]
    else:
        segments = segment(0xFFFE, note("comment")) + segment(0xFFE1, b"Exif\0\0" + note("EXIF"))
        segments += segment(0xFFE8, note("APP8")) + segment(0xFFEF, note("APP15"))
        thumbnail = b"JFIF\0\1\1\0\0\1\0\1\1\3" + note("thumbnail") + b"\0"  # one row of three pixels
        frame = frame[:2] + segment(0xFFE0, thumbnail) + segments + frame[2:]
    frame += note("behind the end")
    return frame + b"\0" * (len(frame) % 2)


def grey_frame(syntax):
    """Return a gradient in this coding, without any comment."""
    pixels = bytes(range(256))
    if syntax is RLE:  # literal runs of 128 bytes behind a header that names one segment (PS3.5 annex G)
        return struct.pack("<16L", 1, 64, *[0] * 14) + b"\x7f" + pixels[:128] + b"\x7f" + pixels[128:]
    if syntax is JPEG_LS:
        jpeg_ls = pytest.importorskip("jpeg_ls")
        import numpy as np

        return bytes(jpeg_ls.encode_array(np.frombuffer(pixels, "u1").reshape(SIDE, SIDE)))
    out = io.BytesIO()
    picture = Image.frombytes("L", (SIDE, SIDE), pixels)
    picture.save(out, "JPEG") if syntax is JPEG else picture.save(out, "JPEG2000", no_jp2=True)
    return out.getvalue()


def action(row, option):
    return row["options"].get(option, row["basic"])


def must_go(place, option=""):
    """Tell whether the profile says that the value at this place must go."""
    if isinstance(place[0], str):
        return True
    *around, own = place
    if any(_removed(number, option, inside=True) for number in around):
        return True
    return _removed(own, option, inside=False)


def _removed(number, option, inside):
    group = number >> 16
    if group % 2 or not number & 0xFFFF or number not in DICTIONARY | dict.fromkeys(LEFT_OUT):
        return True
    if 0x5000 <= group <= 0x50FF or (0x6000 <= group <= 0x60FF and number & 0xFFFF in (0x3000, 0x4000)):
        return True
    if number not in TABLE:
        return group in (0x0000, 0x0002)
    code = action(TABLE[number], option)
    return code != "K" and not (inside and ("U" in code or code == "C"))  # these keep their items, and clean them


def told(places):
    """Return places as a person reads them."""
    names = []
    for place in places:
        parts = [
            part if isinstance(part, str) else f"{pydicom.datadict.keyword_for_tag(part) or hex(part)}"
            for part in place
        ]
        names.append(" > ".join(parts))
    return sorted(names)


def strip_bytes(tmp_path, data, **options):
    source, destination = tmp_path / "source.dcm", tmp_path / "stripped.dcm"
    source.write_bytes(data)
    destination.unlink(missing_ok=True)
    metadata.strip_file(source, destination, key=KEY, **options)
    return destination


@pytest.mark.parametrize("syntax", [pytest.param(syntax, id=name) for name, syntax in (PLAIN | COMPRESSED).items()])
def test_nothing_that_must_go_survives_in_a_file(tmp_path, syntax):
    made = Canaries()
    stripped = strip_bytes(tmp_path, full_file(syntax, made))
    assert (
        told(place for place in made.survivors(canaries.inflated(stripped.read_bytes())).values() if must_go(place))
        == []
    )
    assert metadata.find_file(stripped) == []
    pydicom.dcmread(stripped).walk(lambda dataset, element: None)


@pytest.mark.parametrize("sop_class", SOP_CLASSES)
def test_nothing_that_must_go_survives_in_memory(sop_class):
    made = Canaries()
    data = full_file(EXPLICIT, made, SOP_CLASSES[sop_class], around=False)
    stripped = metadata.strip(pydicom.dcmread(io.BytesIO(data)), key=KEY)
    out = io.BytesIO()
    stripped.save_as(out)
    assert told(place for place in made.survivors(out.getvalue()).values() if must_go(place)) == []
    assert metadata.find(stripped) == []


def test_nothing_that_must_go_survives_on_the_command_line(tmp_path):
    made, syntaxes = Canaries(), {"implicit": IMPLICIT, "deflated": DEFLATED, "JPEG 2000": JPEG_2000}
    for name, syntax in syntaxes.items():
        path = tmp_path / "in" / name / "file.dcm"
        path.parent.mkdir(parents=True)
        path.write_bytes(full_file(syntax, made))
    command = [
        sys.executable,
        "-m",
        "safeshare",
        "strip",
        tmp_path / "in",
        tmp_path / "out",
        "--report",
        tmp_path / "r.json",
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    copies = list((tmp_path / "out").rglob("*.dcm"))
    read = (pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID for path in copies)
    assert set(read) == {syntax.uid for syntax in syntaxes.values()}
    written = b"".join(canaries.inflated(path.read_bytes()) for path in copies)
    assert told(place for place in made.survivors(written).values() if must_go(place)) == []
    said = " ".join([run.stdout, run.stderr, (tmp_path / "r.json").read_text(), *map(str, copies)])
    assert told(made.survivors(said.encode()).values()) == []


@pytest.mark.parametrize("option", METHODS)
def test_an_option_keeps_what_it_names_and_nothing_else(tmp_path, option):
    made = Canaries()
    parts = {number: elements(EXPLICIT, made, {number: vr}) for number, vr in STANDARD.items()}
    parts[tag("SOPClassUID")] = element(EXPLICIT, tag("SOPClassUID"), "UI", CT.encode())
    data = strip_bytes(tmp_path, canaries.file(EXPLICIT, joined(parts)), **{option: True}).read_bytes()
    survivors = set(made.survivors(data).values())

    def cleaned_in_place(place):  # codes of structured content and times of day are no text and no date
        row = TABLE.get(place[0], {"options": {}})
        structured = row["options"].get("clean_structured_content") and option == "clean_structured_content"
        time_of_day = STANDARD[place[-1]] == "TM" and option == "retain_longitudinal_modified_dates"
        return bool(structured and place[-1] == tag("CodeMeaning")) or time_of_day

    left = {place for place in survivors if must_go(place, option) and not cleaned_in_place(place)}
    assert told(left) == []
    named = [number for number in TABLE if number in STANDARD and action(TABLE[number], option) == "K"]
    ages = {number for number in named if STANDARD[number] == "AS"}  # no room for a canary: four characters
    wanted = {
        (number, tag("CodeMeaning")) if STANDARD[number] == "SQ" else (number,)
        for number in named
        if number not in ages
    }
    assert told(wanted - survivors) == []


def test_what_identifies_nobody_stays(tmp_path):
    harmless = {
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL", "Modality": "CT", "Manufacturer": "Invented Scanners", "SliceThickness": "2.5",
        "KVP": "120", "ImagePositionPatient": "-1.5\\0\\3", "PixelSpacing": "0.5\\0.5", "RescaleSlope": "1", "WindowCenter": "40",
        "PatientPosition": "HFS", "ScanOptions": "HELICAL MODE", "RescaleType": "HU", "ConvolutionKernel": "B30f",
    }  # fmt: skip
    for syntax in PLAIN.values():
        parts = {tag(word): element(syntax, tag(word), "LO" if word == "Manufacturer" else pydicom.datadict.dictionary_VR(word),
                                    value.encode()) for word, value in harmless.items()}  # fmt: skip
        parts[tag("SOPClassUID")] = element(syntax, tag("SOPClassUID"), "UI", CT.encode())
        parts |= image(syntax)
        measures = sequence(syntax, tag("PixelMeasuresSequence"), parts[tag("PixelSpacing")])
        parts[tag("SharedFunctionalGroupsSequence")] = sequence(syntax, tag("SharedFunctionalGroupsSequence"), measures)
        pixels = element(syntax, tag("PixelData"), "OB", bytes(range(256)) * 2)
        data = strip_bytes(tmp_path, canaries.file(syntax, joined(parts) + pixels)).read_bytes()
        data = canaries.inflated(data)
        assert [word for word, value in harmless.items() if parts[tag(word)] not in data] == []
        assert measures[-len(parts[tag("PixelSpacing")]) :] in data
        assert pixels in data


# Hiding places, one by one: a small CT that names "Fictia^Ada" once, and a canary in a place where nobody looks.


def small_file(syntax, extra, tail=b""):
    plain = {"SOPClassUID": CT, "SOPInstanceUID": "1.2.3.4.5", "PatientName": "Fictia^Ada", "PatientID": "PAT12345"}
    parts = {
        tag(word): element(syntax, tag(word), pydicom.datadict.dictionary_VR(word), value.encode())
        for word, value in plain.items()
    }
    return canaries.file(syntax, joined(parts | extra) + tail)


def one(keyword, vr, value, syntax=EXPLICIT):
    number = tag(keyword)
    return {number: element(syntax, number, vr, value)}


def in_sequence(keyword, *parts, syntax=EXPLICIT, **how):
    return {tag(keyword): sequence(syntax, tag(keyword), *(joined(part) for part in parts), **how)}


def un_with_implicit_items(undefined):
    """A sequence of VR UN holds implicit items even in an explicit file (PS3.5 section 6.2.2)."""
    comments = one("PatientComments", "LT", b"ZQcanary", IMPLICIT)
    inner = in_sequence("PurposeOfReferenceCodeSequence", comments, syntax=IMPLICIT)
    coded = sequence(IMPLICIT, tag("ReferencedInstanceSequence"), joined(inner), undefined=undefined)[4:]
    return {tag("ReferencedInstanceSequence"): struct.pack("<HH2sH", 0x0008, 0x114A, b"UN", 0) + coded}


HIDING_PLACES = {
    "text as rows": (EXPLICIT, one("Rows", "LO", b"ZQcanary")),
    "text as rows of VR UN": (EXPLICIT, one("Rows", "UN", b"ZQcanary!")),
    "text as rows, implicit": (IMPLICIT, one("Rows", "US", b"ZQcanary!", IMPLICIT)),
    "text as a decimal": (EXPLICIT, one("SliceThickness", "DS", b"ZQcanary")),
    "long text as a decimal": (EXPLICIT, one("SliceThickness", "LT", b"ZQcanary")),
    "text behind a UID": (EXPLICIT, one("ContextUID", "UI", b"1.2.3\0ZQcanary")),
    "a person as a manufacturer": (EXPLICIT, one("Manufacturer", "PN", b"ZQcanary^Ada")),
    "a name as a sequence": (EXPLICIT, in_sequence("PatientName", one("Manufacturer", "LO", b"ZQcanary"))),
    "a sponsor as a sequence": (EXPLICIT, in_sequence("ClinicalTrialSponsorName", one("Manufacturer", "LO", b"ZQcanary"))),
    "a sequence as text": (EXPLICIT, one("ReferencedSeriesSequence", "LO", b"ZQcanary")),
    "a sequence that is none": (EXPLICIT, one("ReferencedSeriesSequence", "SQ", b"ZQcanary")),
    "a character set": (EXPLICIT, one("SpecificCharacterSet", "CS", b"ISO_IR 192\\ZQcanary")),
    "items in VR UN": (EXPLICIT, un_with_implicit_items(undefined=False)),
    "items in VR UN, undefined length": (EXPLICIT, un_with_implicit_items(undefined=True)),
    "a private sequence": (EXPLICIT, {0x00291010: sequence(EXPLICIT, 0x00291010, joined(one("Modality", "CS", b"ZQcanary")))}),
    "a private element without creator": (EXPLICIT, {0x00091101: element(EXPLICIT, 0x00091101, "LO", b"ZQcanary")}),
    "a picture in the header": (EXPLICIT, in_sequence("IconImageSequence", one("PixelData", "OW", b"ZQcanary"))),
    "a picture elsewhere in the header": (EXPLICIT, in_sequence("ReferencedImageSequence", one("PixelData", "OW", b"ZQcanary"))),
    "a document in an image": (EXPLICIT, one("EncapsulatedDocument", "OB", b"%PDF ZQcanary")),
    "a signature": (EXPLICIT, in_sequence("DigitalSignaturesSequence", one("Signature", "OB", b"ZQcanary"))),
    "the concatenation's source": (EXPLICIT, one("SOPInstanceUIDOfConcatenationSource", "UI", b"1.2.826.0.1.ZQcanary")),
}  # fmt: skip


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_a_hiding_place_is_emptied(tmp_path, place):
    syntax, extra = HIDING_PLACES[place]
    check_emptied(strip_bytes(tmp_path, small_file(syntax, extra)))


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
