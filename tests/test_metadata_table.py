"""The table of `metadata.show`: what identifies is marked by word, found by typing, and readable without widgets."""

import copy
import html
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset, Sequence
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import Tag

from safeshare import metadata
from safeshare.metadata_table import COLUMNS, LONGEST_VALUE, MOST_ROWS_IN_TEXT, MOST_ROWS_IN_WIDGET

PLANTED = Path(__file__).parents[1] / "data" / "planted"
FILES = [
    get_testdata_file(name) for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "reportsi.dcm", "JPEG2000.dcm")
]
FILES += sorted(str(path) for path in PLANTED.rglob("*") if path.is_file())
VOID = {"col"}


class Page(HTMLParser):
    """What a reader gets: the rows as lists of texts, which folds are open, and whether all tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.stack, self.tags, self.open, self.attributes = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.stack == [], "a tag is left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "details":
            self.open.append("open" in dict(attrs))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.rows and {"td", "th"} & set(self.stack):
            self.rows[-1][-1] += data

    def row(self, name):
        (row,) = [row for row in self.rows if len(row) > 1 and row[1].split()[:1] == [name]]
        return row


def element_names(page):
    return [row[1].split()[0] for row in page.rows if len(row) > 1 and row[0] != "Tag"]


@pytest.fixture
def dataset():
    """A small data set, made by hand: identifying, harmless, private and nested values."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.Modality = "CT"
    ds.PatientName = "Muster^Zoë"
    ds.PatientID = "MRN-4711"
    ds.Rows = 128
    item, deeper = Dataset(), Dataset()
    item.CodeValue = "T-A0100"
    deeper.CodeMeaning = "Zebrafinch"
    item.EquivalentCodeSequence = [deeper]
    ds.AnatomicRegionSequence = [item]
    ds.private_block(0x0019, "ACME", create=True).add_new(1, "LO", "secret recipe")
    return ds


@pytest.fixture(scope="module")
def ct():
    return pydicom.dcmread(get_testdata_file("CT_small.dcm"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: Path(path).name)
def test_every_finding_has_its_row_with_the_word_and_the_code(file):
    ds = pydicom.dcmread(file)
    table = metadata.show(ds)
    rows = {row.path: row for row in table.rows}
    for finding in metadata.find(ds):
        assert (rows[finding.where].mark, rows[finding.where].action) == ("identifies", finding.action)
        assert rows[finding.where].why == finding.why
    Page(table.html())


def test_word_stands_beside_the_colour_and_only_in_rows_that_identify(dataset):
    page = Page(metadata.show(dataset).html())
    assert page.row("PatientName")[4].startswith("identifies Z (empty or dummy): the name of a person")
    assert page.row("Modality")[4] == ""
    coloured = [attrs.get("class") for tag, attrs in page.attributes if tag == "tr" and attrs.get("class") == "now"]
    assert len(coloured) == sum(row[-1].startswith("identifies") for row in page.rows)


def test_columns_are_headed_and_named_for_screen_readers(dataset):
    page = Page(metadata.show(dataset).html())
    assert page.rows[0] == list(COLUMNS)
    assert {"caption", "thead"} <= set(page.tags)
    scopes = [attrs["scope"] for tag, attrs in page.attributes if tag == "th"]
    assert scopes.count("col") % len(COLUMNS) == 0 and "row" in scopes
    (region,) = [attrs for _, attrs in page.attributes if attrs.get("role") == "region"]
    assert region["tabindex"] == "0" and region["aria-label"]


def test_values_and_names_are_text_and_never_markup(dataset):
    dataset.PatientName = "<script>alert(1)</script>"
    dataset.StudyDescription = "<img src=x onerror='alert(1)'> & \"quoted\""
    dataset.AnatomicRegionSequence[0].CodeValue = "</table><iframe>"
    dataset.ImageComments = "<script>" * LONGEST_VALUE
    for text in (metadata.show(dataset).html(), metadata.show(dataset, dataset).html(search="script")):
        page = Page(text)
        assert not {"script", "img", "iframe"} & set(page.tags)
        assert page.row("PatientName")[3] == "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("(0010,0020)", ["PatientID"]),
        ("00100020", ["PatientID"]),
        ("PATIENT", ["PatientName", "PatientID"]),
        ("patient name", ["PatientName"]),
        ("zoë", ["PatientName"]),
        ("secret", ["[0019,1001]"]),
        ("no such thing", []),
    ],
)
def test_typing_searches_tag_name_and_value(dataset, search, names):
    found = [row.name if row.part != "private" else "[0019,1001]" for row in metadata.show(dataset).select(search)]
    assert found == names


def test_filter_shows_only_the_kind_asked_for(dataset):
    table = metadata.show(dataset)
    identifying = table.select(show="identifying")
    assert {"PatientName", "PatientID"} <= {row.name for row in identifying}
    assert all(row.mark == "identifies" for row in identifying)
    assert [row.tag for row in table.select(show="private")] == ["(0019,0010)", "(0019,1001)"]
    assert [row.name for row in table.select("patientid", "identifying")] == ["PatientID"]
    assert table.select("modality", "identifying") == []


def test_sequences_are_folded_until_a_search_finds_something_inside(dataset):
    table = metadata.show(dataset)
    assert Page(table.html()).open == [False, False]
    page = Page(table.html(search="zebra"))
    assert page.open == [True, True]
    assert element_names(page) == ["AnatomicRegionSequence", "EquivalentCodeSequence", "CodeMeaning"]
    assert ["AnatomicRegionSequence[0]"] in page.rows


def test_a_sequence_that_is_found_itself_keeps_what_is_inside_folded(dataset):
    page = Page(metadata.show(dataset).html(search="anatomicregion"))
    assert page.open == [False, False]
    assert "CodeMeaning" in element_names(page)


def test_what_is_inside_an_identifying_sequence_is_marked_with_it(dataset):
    other = Dataset()
    other.IssuerOfPatientID = "nobody"
    other.TypeOfPatientID = "TEXT"
    dataset.OtherPatientIDsSequence = [other]
    rows = {row.path: row for row in metadata.show(dataset).rows}
    inside = rows["OtherPatientIDsSequence[0].TypeOfPatientID"]
    assert (inside.mark, inside.action) == ("identifies", "X")
    assert "inside OtherPatientIDsSequence" in inside.why


def test_before_and_after_say_what_happened_to_each_row(dataset):
    after = copy.deepcopy(dataset)
    del after.PatientID
    after.PatientName = ""
    after.Rows = 64
    after.SeriesNumber = 7
    dataset.StudyID, after.StudyID = "", "S1"
    after.AnatomicRegionSequence[0].EquivalentCodeSequence[0].CodeMeaning = "Finch"
    page = Page(metadata.show(dataset, after).html())
    assert page.row("PatientID")[3:6] == ["MRN-4711", "not there", "removed"]
    assert page.row("PatientName")[3:6] == ["Muster^Zoë", "empty", "emptied"]
    assert page.row("Rows")[3:6] == ["128", "64", "replaced"]
    assert page.row("SeriesNumber")[3:6] == ["not there", "7", "added"]
    assert page.row("StudyID")[3:6] == ["empty", "S1", "added"]
    assert page.row("Modality")[3:6] == ["CT", "CT", "kept"]
    assert page.row("CodeMeaning")[3:6] == ["Zebrafinch", "Finch", "replaced"]
    assert page.row("CodeValue")[5] == "kept"
    assert page.row("AnatomicRegionSequence")[5] == page.row("EquivalentCodeSequence")[5] == "changed inside"


def test_changed_filter_leaves_out_what_was_kept(dataset):
    after = copy.deepcopy(dataset)
    del after.PatientID
    assert [row.name for row in metadata.show(dataset, after).select(show="changed")] == ["PatientID"]


def test_what_a_hand_made_copy_forgot_still_identifies(dataset):
    after = copy.deepcopy(dataset)
    after.PatientName = ""
    table = metadata.show(dataset, after)
    marks = {row.name: row.mark for row in table.rows}
    assert (marks["PatientName"], marks["PatientID"], marks["Modality"]) == ("identified", "still identifies", "")
    assert "PatientID" in [row.name for row in table.select(show="still identifying")]
    assert "PatientName" not in [row.name for row in table.select(show="still identifying")]


@pytest.mark.parametrize("file", FILES, ids=lambda path: Path(path).name)
def test_nothing_still_identifies_after_strip(file):
    ds = pydicom.dcmread(file)
    table = metadata.show(ds, metadata.strip(ds, key="a key for this test"))
    assert table.select(show="still identifying") == []
    kept = [row for row in table.select(show="identifying") if row.happened == "kept"]
    assert all(row.why.startswith("inside ") for row in kept)  # a dummy item may repeat a harmless value


def test_pixel_data_and_other_bytes_are_told_by_their_number(ct):
    values = {row.name: row.values for row in metadata.show(ct).rows}
    assert values["PixelData"] == ("32,768 bytes",)
    assert values["preamble"] == ("128 bytes",)
    assert Page(metadata.show(ct).html(search="preamble")).rows[1][0] == ""  # it has no tag
    changed = copy.deepcopy(ct)
    changed.PixelData = bytes(len(ct.PixelData))
    happened = {row.name: row.happened for row in metadata.show(ct, changed).rows}
    assert happened["PixelData"] == "replaced"


def test_file_meta_is_shown_and_named_as_such(ct):
    row = Page(metadata.show(ct).html()).row("SourceApplicationEntityTitle")
    assert row[1].endswith("file meta")
    assert row[3] == "CLUNIE1"


def test_long_values_are_cut_and_their_length_told(dataset):
    dataset.ImageComments = "x" * 5000 + " needle"
    table = metadata.show(dataset)
    assert Page(table.html()).row("ImageComments")[3] == "x" * LONGEST_VALUE + "… (5,007 characters)"
    assert [row.name for row in table.select("needle")] == ["ImageComments"]


def test_nested_text_is_read_in_the_character_set_of_the_file(tmp_path, dataset):
    dataset.AnatomicRegionSequence[0].CodeMeaning = "Käfer"
    dataset.save_as(tmp_path / "file", implicit_vr=True, little_endian=True)
    read = pydicom.dcmread(tmp_path / "file", force=True)
    assert [row.path for row in metadata.show(read).select("käfer")] == ["AnatomicRegionSequence[0].CodeMeaning"]


def raw(keyword, vr, value):
    return RawDataElement(Tag(keyword), vr, len(value), value, 0, False, True)


def test_an_element_that_cannot_be_read_is_shown_as_bytes(dataset):
    dataset[Tag("Columns")] = raw("Columns", "US", b"abc")
    dataset[Tag("SliceThickness")] = raw("SliceThickness", "DS", b"thick ")
    values = {row.name: row.values for row in metadata.show(dataset).rows}
    assert values["Columns"] == ("3 bytes, not readable as US",)
    assert "thick" in values["SliceThickness"][0] or values["SliceThickness"] == ("6 bytes, not readable as DS",)


@pytest.mark.filterwarnings("ignore:A value of type")
@pytest.mark.parametrize(("keyword", "value"), [("SOPClassUID", "1.2.840.10008.5.1.4.1.1.104.1"), ("Columns", "many")])
def test_a_data_set_that_cannot_be_judged_says_so_and_claims_nothing(dataset, keyword, value):
    dataset[keyword] = DataElement(keyword, dictionary_VR(keyword), value)
    with pytest.raises(metadata.Refused) as refusal:
        metadata.find(dataset)
    for table in (metadata.show(dataset), metadata.show(dataset, dataset)):
        assert refusal.value.reason in html.unescape(table.html()) and refusal.value.reason[:20] in repr(table)
        assert "Findings" not in repr(table)
        assert {row.mark for row in table.rows} == {""}
        assert value in Page(table.html()).row(keyword)[3]


def snapshot(dataset):
    """Every element as it is stored, and its type: pydicom replaces a raw element once somebody looks at it."""
    return [
        (
            int(tag),
            type(element),
            [snapshot(item) for item in element.value] if isinstance(element.value, Sequence) else element,
        )
        for tag, element in dataset.items()
    ]


def test_the_data_sets_stay_as_they_are():
    ds = pydicom.dcmread(FILES[0])
    clean = metadata.strip(ds, key="a key for this test")
    metadata.find(ds), metadata.find(clean)  # which may decode the character set
    before = [snapshot(ds), snapshot(ds.file_meta), snapshot(clean)]
    assert any(kind is RawDataElement for _, kind, _ in before[0])
    repr(metadata.show(ds)), metadata.show(ds, clean).html("patient")
    assert [snapshot(ds), snapshot(ds.file_meta), snapshot(clean)] == before


def test_plain_text_begins_with_what_identifies(dataset):
    text = repr(metadata.show(dataset))
    lines = text.splitlines()[2:]
    marked = [" identifies " in line for line in lines]
    assert marked == sorted(marked, reverse=True) and marked[0] and not marked[-1]
    assert any(line.startswith("(0010,0020)  PatientID") and "MRN-4711" in line for line in lines)
    assert "AnatomicRegionSequence" in text and "Zebrafinch" in text
    assert text == repr(metadata.show(dataset))


@pytest.mark.parametrize("file", FILES, ids=lambda path: Path(path).name)
def test_plain_text_is_at_most_120_wide_and_300_rows_long(file):
    ds = pydicom.dcmread(file)
    for table in (metadata.show(ds), metadata.show(ds, metadata.strip(ds, key="a key for this test"))):
        lines = repr(table).splitlines()
        assert max(map(len, lines)) <= 120
        hidden = len(table.rows) - MOST_ROWS_IN_TEXT
        assert len(lines) <= MOST_ROWS_IN_TEXT + 4
        assert (lines[-1] == f"{hidden} more rows are not shown here.") == (hidden > 0)


@pytest.mark.filterwarnings("ignore:Found unknown escape sequence")
def test_plain_text_holds_no_control_characters(dataset):
    dataset.StudyDescription = "two\r\nlines \x1b[2J"
    (line,) = [line for line in repr(metadata.show(dataset)).splitlines() if "StudyDescription" in line]
    assert "two lines  [2J" in line and line.isprintable()


def test_a_huge_data_set_is_cut_in_the_widget_but_found_by_search(dataset):
    dataset.AnatomicRegionSequence = [
        copy.deepcopy(dataset.AnatomicRegionSequence[0]) for _ in range(MOST_ROWS_IN_WIDGET)
    ]
    dataset.RescaleType = "HU"
    table = metadata.show(dataset)
    page = Page(table.html())
    assert len(element_names(page)) == MOST_ROWS_IN_WIDGET < len(table.rows)
    assert "search for the others" in table.html()
    assert element_names(Page(table.html(search="rescaletype"))) == ["RescaleType"]


def test_typing_and_choosing_in_the_widget_change_the_table(dataset):
    controls, table = metadata.show(dataset).widget().children
    search, show = controls.children
    assert "Modality" in table.value
    search.value = "patient"
    assert element_names(Page(table.value)) == ["PatientName", "PatientID"]
    search.value, show.value = "", "private"
    assert {row[0] for row in Page(table.value).rows[1:]} == {"(0019,0010)", "(0019,1001)"}


def test_changes_can_be_chosen_only_where_there_are_two(dataset):
    def options(table):
        return table.widget().children[0].children[1].options

    assert "changed" not in options(metadata.show(dataset))
    assert {"changed", "still identifying"} <= set(options(metadata.show(dataset, dataset)))


def test_a_notebook_gets_the_widget_and_the_plain_text(dataset):
    table = metadata.show(dataset)
    bundle = table._repr_mimebundle_(include=None, exclude=None)
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == table.widget().model_id
    assert bundle["text/plain"] == repr(table)


def test_without_ipywidgets_there_is_plain_text():
    code = """
import sys
sys.modules["ipywidgets"] = None
from pydicom import Dataset
from safeshare import metadata
ds = Dataset()
ds.PatientName = "Muster^Zoe"
table = metadata.show(ds)
assert list(table._repr_mimebundle_()) == ["text/plain"]
print(table)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Muster^Zoe" in done.stdout and "identifies Z" in done.stdout


def test_importing_the_package_imports_no_widgets():
    code = "import sys; from safeshare import metadata; assert not {'ipywidgets', 'matplotlib'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
