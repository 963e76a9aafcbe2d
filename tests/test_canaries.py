"""No value that the profile removes survives, at any depth, in any transfer syntax: searched in the bytes of the copy.

Each value of each attribute of the dictionary is a canary, which occurs only once.
"""

import io
import json
import subprocess
import sys
from pathlib import Path

import canaries
import pydicom
import pytest
from canaries import (
    BIG_ENDIAN,
    CT,
    DEFLATED,
    EXPLICIT,
    IMAGE,
    IMPLICIT,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    KEY,
    RLE,
    Canaries,
    element,
    image,
    joined,
    pixel_data,
    sequence,
    strip_bytes,
    tag,
)  # fmt: skip
from pydicom.datadict import DicomDictionary, RepeatersDictionary, dictionary_VR, keyword_for_tag

from safeshare import metadata
from safeshare.profile import METHODS

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
    """Return these elements with a canary in each; a sequence gets a harmless and a telling attribute."""
    parts = {}
    for number, vr in tags.items():
        if vr == "SQ":
            inside = elements(syntax, made, {tag("CodeMeaning"): "LO", tag("PatientComments"): "LT"}, *place, number)
            parts[number] = sequence(syntax, number, inside, undefined=number % 4 == 0)
        else:
            parts[number] = element(syntax, number, vr, made.value(vr, *place, number))
    return b"".join(parts[number] for number in sorted(parts))


def full_body(syntax, made, sop_class=CT):
    """Return a data set with every attribute of the dictionary, at the root and three sequences deep, and others."""
    parts = {number: elements(syntax, made, {number: vr}) for number, vr in STANDARD.items()}
    parts[tag("SOPClassUID")] = element(syntax, tag("SOPClassUID"), "UI", sop_class.encode())
    parts[tag("SpecificCharacterSet")] = element(syntax, tag("SpecificCharacterSet"), "CS", b"ISO_IR 100")
    parts |= image(syntax)
    unknown = {0x0008FFFE: "LO", 0x12340010: "LO", 0x7FDE0002: "OB", 0x00100000: "UL", 0x00280000: "UL"}
    private = {0x00090010: "LO", 0x00091001: "LT", 0x00091002: "SQ", 0x00091003: "UN"}
    private |= {0x7FDF0010: "LO", 0x7FDF1001: "PN"}
    parts |= {number: elements(syntax, made, {number: vr}) for number, vr in (unknown | private).items()}
    for chain in CHAINS:
        first, second, third = map(tag, chain)
        tags = STANDARD if chain is CHAINS[0] else {number: STANDARD[number] for number in TABLE if number in STANDARD}
        inside = elements(syntax, made, tags | unknown | private, first, second, third)
        inside = elements(syntax, made, {tag("PatientName"): "PN"}, first, second) + sequence(syntax, third, inside)
        inside = sequence(syntax, second, inside, undefined=True) + elements(syntax, made, private, first)
        parts[first] = sequence(syntax, first, inside, undefined=chain is CHAINS[1])
    return parts


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
        parts = [part if isinstance(part, str) else keyword_for_tag(part) or hex(part) for part in place]
        names.append(" > ".join(parts))
    return sorted(names)


@pytest.mark.parametrize("syntax", [pytest.param(syntax, id=name) for name, syntax in (PLAIN | COMPRESSED).items()])
def test_nothing_that_must_go_survives_in_a_file(tmp_path, syntax):
    made = Canaries()
    stripped = strip_bytes(tmp_path, full_file(syntax, made))
    survivors = made.survivors(canaries.inflated(stripped.read_bytes())).values()
    assert told(place for place in survivors if must_go(place)) == []
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
    report = tmp_path / "report.json"
    folders = [tmp_path / "in", tmp_path / "out"]
    command = [sys.executable, "-m", "safeshare", "strip", *folders, "--kinds", "metadata", "--report", report]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    copies = list((tmp_path / "out").rglob("*.dcm"))
    read = (pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID for path in copies)
    assert set(read) == {syntax.uid for syntax in syntaxes.values()}
    written = b"".join(canaries.inflated(path.read_bytes()) for path in copies)
    assert told(place for place in made.survivors(written).values() if must_go(place)) == []
    said = " ".join([run.stdout, run.stderr, report.read_text(), *map(str, copies)])
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
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL", "Modality": "CT", "Manufacturer": "Invented Scanners", "KVP": "120",
        "SliceThickness": "2.5", "ImagePositionPatient": "-1.5\\0\\3", "PixelSpacing": "0.5\\0.5", "RescaleSlope": "1",
        "WindowCenter": "40", "PatientPosition": "HFS", "ScanOptions": "HELICAL MODE", "ConvolutionKernel": "B30f",
    }  # fmt: skip
    for syntax in PLAIN.values():
        parts = {}
        for word, value in harmless.items():
            parts[tag(word)] = element(syntax, tag(word), dictionary_VR(word), value.encode())
        parts[tag("SOPClassUID")] = element(syntax, tag("SOPClassUID"), "UI", CT.encode())
        parts |= image(syntax)
        measures = sequence(syntax, tag("PixelMeasuresSequence"), parts[tag("PixelSpacing")])
        parts[tag("SharedFunctionalGroupsSequence")] = sequence(syntax, tag("SharedFunctionalGroupsSequence"), measures)
        pixels = element(syntax, tag("PixelData"), "OB", bytes(range(256)) * 2)
        data = strip_bytes(tmp_path, canaries.file(syntax, joined(parts) + pixels)).read_bytes()
        data = canaries.inflated(data)
        assert [word for word in harmless if parts[tag(word)] not in data] == []
        assert measures[-len(parts[tag("PixelSpacing")]) :] in data
        assert pixels in data
