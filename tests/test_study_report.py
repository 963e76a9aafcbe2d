"""The report on a study: true, complete, readable without a mouse or colours, and silent about who it is about."""

import csv
import hashlib
import json
import re
import shutil
import stat
import sys
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import burned_in
import numpy as np
import pytest
from canaries import EXPLICIT, Canaries
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import SecondaryCaptureImageStorage
from test_canaries import full_file

from safeshare import cli, metadata, severity, study, volume
from safeshare.blanking import Box
from safeshare.combinations import Crowds
from safeshare.finding import Finding
from safeshare.objects import ObjectFinding
from safeshare.outcome import Outcome
from safeshare.report import Report, sentence
from safeshare.text import TextFinding

CANARIES = (
    "Zyxwvut", "Quirinus", "ZQ-4711", "ACC-0815", "1907", "Nowhere Clinic", "Dr Schablone", "7.7.7", "secret place",
    "private canary", "SPECIMEN", "phantasmagoria", "Ward 99",
)  # fmt: skip
PEOPLE = {"one": ("ZQ-4711", "071Y", "F", "19070305"), "two": ("ZQ-4712", "044Y", "M", "19070306")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder of two patients with names in every place, one of them also in the pixels, and one file that is none."""
    top = tmp_path_factory.mktemp("report") / "Zyxwvut Quirinus, secret place"
    y, x = np.mgrid[:128, :160]
    cover, _ = burned_in.lettering("SPECIMEN ROSA", "DejaVuSans", 12, 0)
    for person, (number, age, sex, birth) in PEOPLE.items():
        dataset = dcmread(get_testdata_file("CT_small.dcm"))
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Zyxwvut^Quirinus", number, birth
        dataset.PatientAge, dataset.PatientSex, dataset.AccessionNumber = age, sex, "ACC-0815"
        dataset.InstitutionName, dataset.ReferringPhysicianName = "Nowhere Clinic", "Dr Schablone"
        dataset.StudyDescription = f"phantasmagoria {person}"
        dataset.PatientComments, dataset.CurrentPatientLocation = "phantasmagoria", "Ward 99"
        dataset.private_block(0x0099, "private canary", create=True).add_new(1, "LO", "private canary")
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"7.7.7.{len(age + sex)}.{birth}", f"7.7.7.1.{birth}"
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        picture = np.full(y.shape, 40, "<u2")
        if person == "one":
            picture[20 : 20 + cover.shape[0], 10 : 10 + cover.shape[1]][cover > 0.4] = 4000
        dataset.Rows, dataset.Columns, dataset.PixelRepresentation = *picture.shape, 0
        dataset.BitsStored, dataset.HighBit, dataset.PixelData = 12, 11, picture.tobytes()
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"7.7.7.2.{birth}"
        path = top / person / f"Quirinus {person}.dcm"
        path.parent.mkdir(parents=True)
        dataset.save_as(path)
    (top / "letter of Zyxwvut.txt").write_text("Zyxwvut")
    return top


@pytest.fixture(scope="module")
def report(folder) -> Report:
    return study.audit(folder, kinds=["metadata", "text"])


def told(report: Report, **how) -> dict[str, str]:
    """Return the report in all its forms."""
    return {
        "text": str(report),
        "notebook": report.show(**how)._repr_html_(),
        "page": report.html(**how),
        "data": json.dumps(report.data(**how)),
    }


def test_no_form_of_the_report_holds_an_original_value_name_path_or_pixel(report, folder, tmp_path):
    for name, form in {**told(report), "by itself": report._repr_html_()}.items():
        for canary in (*CANARIES, str(folder.parent)):
            assert canary.lower() not in form.lower(), (name, canary)
        assert "data:image" not in form and "<image" not in form
    report.save(tmp_path / "report.html")
    report.save(tmp_path / "report.json")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report.html()
    assert json.loads((tmp_path / "report.json").read_text()) == report.data()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows decides by the folder who reads a file")
def test_only_the_owner_reads_original_values_even_in_place_of_an_older_report(report, tmp_path):
    report.save(tmp_path / "report.html")
    before = stat.S_IMODE((tmp_path / "report.html").stat().st_mode)
    report.save(tmp_path / "report.html", with_original_values=True)
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o600
    report.save(tmp_path / "report.html")
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == before


@pytest.mark.parametrize("verb", ["audit", "strip"])
def test_no_value_of_any_attribute_of_the_standard_gets_into_it(tmp_path, verb):
    made = Canaries()
    for name in ("one", "two") if verb == "audit" else ("one",):
        path = tmp_path / "in" / made.value("LO", "folder").decode() / (made.value("LO", "file").decode() + name)
        path.parent.mkdir(parents=True)
        path.write_bytes(full_file(EXPLICIT, made))
    work = study.audit if verb == "audit" else partial(study.strip, destination=tmp_path / "out")
    report = work(tmp_path / "in", kinds=["metadata"])
    assert report.summary == ({"identifies": 2} if verb == "audit" else {"stripped": 1})
    for name, form in told(report).items():
        assert made.survivors(form.encode()) == {}, name
    if verb == "audit":
        assert len(made.survivors(told(report, with_original_values=True)["data"].encode())) > 10_000
        assert report.combinations, "facts of the headers were looked at, too"
    else:
        assert made.survivors(report.manifest().encode()) == {}


def test_it_holds_them_when_it_is_asked_to(report, tmp_path):
    forms = told(report, with_original_values=True)
    for form in ("notebook", "page", "data"):
        for canary in ("Zyxwvut", "ZQ-4711", "ACC-0815", "Nowhere Clinic", "secret place", "letter of"):
            assert canary in forms[form], (form, canary)
    assert "data:image/jpeg" in forms["page"] and "data:image/jpeg" in forms["notebook"]
    assert "keep it as safe as they are" in forms["page"]
    assert "SPECIMEN" in forms["page"], "the words that were read"


def test_it_is_a_sequence_of_outcomes_as_before(report, folder):
    assert [outcome.source for outcome in report] == sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(report) == 3 and report[-1] is list(report)[2] and report[:2] == tuple(report)[:2]
    assert report[0] in report


def test_it_groups_files_by_patient_study_and_series(tmp_path):
    source = dcmread(get_testdata_file("CT_small.dcm"))
    places = ["A 1 1", "A 1 1", "A 1 2", "A 2 3", "B 4 4", " 5 5", " 6 6"]
    for number, (patient, of_study, of_series) in enumerate(place.split(" ") for place in places):
        source.PatientID, source.StudyInstanceUID, source.SeriesInstanceUID = patient, f"1.2.{of_study}", of_series
        source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = f"1.9.{number}"
        source.save_as(tmp_path / f"{number}.dcm")
    groups = study.audit(tmp_path, kinds=["metadata"]).groups
    assert [(each.patient, each.study, each.series, each.files) for each in groups] == [
        (1, 1, 1, [1, 2]),
        (1, 1, 2, [3]),
        (1, 2, 3, [4]),
        (2, 3, 4, [5]),
        (3, 4, 5, [6]),
        (4, 5, 6, [7]),
    ]
    assert {each.images for each in groups} == {"CT Image"}


def test_the_numbers_add_up(report):
    page = report.data()
    assert page["summary"] == {"identifies": 2, "refused": 1}
    of_files = [found["severity"] for entry in page["files"] for found in entry["findings"]]
    assert page["severities"] == {grade: of_files.count(grade) for grade in severity.MEANING}
    of_series = [each["severities"][severity.NAMES] for each in page["series"]]
    assert sum(of_series) == page["severities"][severity.NAMES] > 0
    assert f"{page['severities'][severity.NAMES]} findings: names somebody" in str(report)


def test_it_says_whom_a_few_facts_single_out(report):
    alone = {crowds.columns: crowds.alone for crowds in report.combinations}
    assert len(alone) == 1 and set(alone.values()) == {1.0}
    assert "left with one person in 100% of 2 rows (2 people, k = 1)" in str(report)
    assert "100% of 2 rows" in report.html()


def test_the_combinations_are_the_strongest_of_each_size():
    headers = [
        {
            "PatientID": str(number),
            "StudyInstanceUID": str(number),
            "PatientAge": age,
            "PatientSex": sex,
            "Modality": way,
        }
        for number, (age, sex, way) in enumerate(
            [("1", "F", "CT"), ("1", "F", "MR"), ("1", "M", "CT"), ("1", "M", "MR"), ("2", "F", "CT"), ("2", "M", "CT")]
        )
    ]
    report = Report("audit", [Outcome(Path(), header=header) for header in headers], ["metadata"], {})
    assert [(each.columns, each.k) for each in report.combinations] == [
        (("PatientAge", "PatientSex"), 1),
        (("PatientAge", "PatientSex", "Modality"), 1),
    ]
    assert [round(each.alone * 6) for each in report.combinations] == [2, 6]
    same = [header | {"PatientID": "0"} for header in headers]
    assert Report("audit", [Outcome(Path(), header=each) for each in same], [], {}).combinations == []
    crowds = Crowds(("PatientAge", "PatientSex"), 6, 6, 1, 2 / 6, {})
    assert sentence(crowds) == (
        "Whoever knows PatientAge and PatientSex is left with one person in 33% of 6 rows (6 people, k = 1)."
    )


@pytest.mark.parametrize(
    ("where", "grade"),
    [
        ("PatientName", severity.NAMES),
        ("OtherPatientIDsSequence[0].PatientID", severity.NAMES),
        ("file name", severity.NAMES),
        ("ReferencedPatientPhotoSequence", severity.NAMES),
        ("StudyDate", severity.HELPS),
        ("SOPInstanceUID", severity.HELPS),
        ("PatientAge", severity.HELPS),
        ("InstitutionName", severity.HELPS),
        ("SourceApplicationEntityTitle", severity.HELPS),
        ("PatientComments", severity.EYE),
        ("ContentSequence", severity.EYE),
        ("(0029,1010)", severity.EYE),
        ("preamble", severity.EYE),
    ],
)
def test_the_severity_of_attributes_follows_from_the_options_of_the_standard(where, grade):
    assert severity.of(Finding("metadata", where, "", "X", "")) == grade


def test_the_severity_of_what_repeats_a_name_and_of_pixels(report):
    path = get_testdata_file("CT_small.dcm")
    dataset = dcmread(path)
    dataset.PatientName, dataset.SoftwareVersions = "Zyxwvut^Ada", "made for Zyxwvut"
    (repeats,) = (found for found in metadata.find(dataset) if found.where == "SoftwareVersions")
    assert severity.of(repeats) == severity.NAMES
    box = Box(1, 2, 3, 4)
    graded = {
        TextFinding("text", "", "SPECIMEN ROSA", "C", "", 1, box): severity.NAMES,
        TextFinding("text", "", "120 kVp", "C", "", 1, box): severity.EYE,
        TextFinding("text", "", "", "C", "", 1, box): severity.EYE,
        Finding("text", "BurnedInAnnotation", "YES", "C", ""): severity.EYE,
        Finding("faces", "PixelData", "nose", "C", ""): severity.NAMES,
        ObjectFinding("objects", "", "", "C", "", words="SN 12"): severity.NAMES,
        ObjectFinding("objects", "", "", "C", ""): severity.HELPS,
    }
    assert {found: severity.of(found) for found in graded} == graded


class _Page(HTMLParser):
    """Collects what a page opens and closes, and every attribute that could load something."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.attributes, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.attributes += [value or "" for _, value in attrs]
        if tag not in ("meta", "rect", "image", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.attributes += [value or "" for _, value in attrs]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("originals", [False, True])
def test_the_page_is_whole_needs_nothing_else_and_is_readable_by_anybody(report, originals):
    text = report.html(with_original_values=originals)
    page = _Page(text)
    assert page.open == page.wrong == []
    assert "http" not in "".join(page.attributes) and "url(" not in text and "<script" not in text
    assert re.search(r"Content-Security-Policy. content=\"default-src 'none'", text)
    assert "color-scheme: light dark" in text and '<html lang="en">' in text
    names = [tag for tag, _ in page.tags]
    assert names.count("table") == names.count("caption") >= 4 and names.count("h1") == 1
    assert all(attributes.get("scope") for tag, attributes in page.tags if tag == "th")
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(drawings) == 1
    for drawing in drawings:
        assert drawing["role"] == "img" and drawing["viewbox"] == "0 0 160 128"
        assert "Image of 160 by 128 pixels with boxes around 1 line of writing" in drawing["aria-label"]
    assert names.count("rect") == 2, "a box, dark and light"


@pytest.mark.needs_program("chromium", debian="chromium")
def test_no_table_is_cut_off_in_a_window_of_usual_width_or_on_paper(tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    deep = "ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].ReferencedSOPInstanceUID"
    why = "identifies the patient, or somebody or some place near (PS3.15 2026d, Table E.1-1: X)"
    found = [
        Finding("metadata", place, "a value", "Z", why)
        for place in (deep, "PhysiciansReadingStudyIdentificationSequence", "PatientName")
    ]
    path = Path("/".join(["a_folder_with_a_name_that_nobody_can_break"] * 5))
    outcome = Outcome(path, findings=found, header={"SeriesInstanceUID": "1", "StudyInstanceUID": "2"})
    report = Report("audit", [outcome], ["metadata"], {})
    report.save(tmp_path / "report.html", with_original_values=True)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.goto((tmp_path / "report.html").as_uri())
        page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
        wide = "() => [...document.querySelectorAll('.scroll')].map(each => each.scrollWidth - each.clientWidth)"
        assert page.evaluate(wide) == [0, 0, 0, 0]
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 718, "height": 1000})  # A4 with margins of a centimetre
        assert page.evaluate(wide) == [0, 0, 0, 0]
        browser.close()


def test_nothing_in_a_value_becomes_a_part_of_the_page(tmp_path):
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    dataset.PatientName = "<script>alert(1)</script>"
    dataset.save_as(tmp_path / "a'b<i>.dcm") if sys.platform != "win32" else dataset.save_as(tmp_path / "a.dcm")
    page = study.audit(tmp_path, kinds=["metadata"]).html(with_original_values=True)
    assert "<script" not in page and "<i>" not in page and _Page(page).wrong == []


def test_faces_and_objects_and_kinds_to_come_are_shown(monkeypatch, folder):
    found = [
        ObjectFinding(
            "objects", "x 1 to 3", "tag", "C", "why", label="tag or bracelet", box=Box(10, 20, 30, 40), words="S"
        ),
        Finding("faces", "PixelData", "nose 90%", "C", "why"),
        Finding("voices", "somewhere", "hello", "X", "why"),
    ]
    header = {"SeriesInstanceUID": "1", "StudyInstanceUID": "2", "Rows": "64", "Columns": "48"}
    path = next(folder.rglob("*one.dcm"))
    report = Report("audit", [Outcome(path, findings=found, header=header)], ["faces", "objects", "voices"], {})
    assert "boxes around 1 object" in report.html() and "Voices" in report.html()
    assert "The head in series" not in report.html()
    monkeypatch.setattr(volume, "read", lambda paths: paths)
    monkeypatch.setattr("safeshare.rendering.render", lambda scan, size: np.full((size, size), 0.5))
    assert "The head in series 1, rendered from its slices" in report.html(with_original_values=True)


def test_a_picture_that_cannot_be_shown_leaves_its_boxes(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    page = report.html(with_original_values=True)
    assert "drawn without its pixels" in page and "<rect" in page


def test_refused_files_are_listed_by_reason_with_their_numbers(report):
    assert "it is not a DICOM file" in report.html() and "1 refused: it is not a DICOM file" in str(report)
    (entry,) = (entry for entry in report.data()["files"] if entry["result"] == "refused")
    assert entry["number"] == 1 and "file" not in entry


def test_a_large_folder_makes_a_page_that_opens(report):
    many = Report("audit", [report[1]] * 3000, ["metadata"], {})
    page = many.html()
    assert "(the first 500 of 3,000)" in page and page.count("<tr>") < 1000
    assert len(page) < 400_000


# What was stripped.


def test_the_manifest_tells_copies_sums_kinds_and_methods_and_nothing_else(folder, tmp_path):
    report = study.strip(folder, tmp_path / "safe", kinds=["metadata", "text"], clean_descriptors=True)
    report.save(tmp_path / "manifest.csv")
    text = (tmp_path / "manifest.csv").read_text(encoding="utf-8")
    # A new UID and a sum may hold the digits of a year by chance, but nothing else.
    rest = re.sub(r"[0-9.]{20,}|[0-9a-f]{64}", "", text)
    assert not [canary for canary in CANARIES if canary.lower() in (rest if canary.isdigit() else text).lower()]
    rows = list(csv.DictReader(text.splitlines()))
    copies = {path.relative_to(tmp_path / "safe").as_posix(): path for path in (tmp_path / "safe").rglob("*.dcm")}
    assert {row["copy"]: row["sha256"] for row in rows} == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in copies.items()
    }
    with_text = {
        name
        for name, path in copies.items()
        if "113101" in str(dcmread(path).get("DeidentificationMethodCodeSequence"))
    }
    assert len(with_text) == 1
    for row in rows:
        text_too = row["copy"] in with_text
        assert row["kinds"] == ("metadata text" if text_too else "metadata")
        assert row["methods"] == ("113100 113101 113105" if text_too else "113100 113105")


@pytest.mark.parametrize(
    "how", [{"kinds": ["text"]}, {"kinds": ["metadata"], "retain_uids": True}], ids=["no metadata", "UIDs are kept"]
)
def test_names_of_copies_that_are_made_of_original_uids_are_in_no_form_of_it(folder, tmp_path, how):
    report = study.strip(folder, tmp_path / "safe", **how)
    copies = [each.copy for each in report if each.copy]
    assert len(copies) == 2 and all("7.7.7" in str(path) for path in copies), "the copies have the old UIDs"
    for name, form in {**told(report), "manifest": report.manifest()}.items():
        assert "7.7.7" not in form, name
    rows = {int(row["copy"]): row["sha256"] for row in csv.DictReader(report.manifest().splitlines())}
    assert rows == {
        number: hashlib.sha256(each.copy.read_bytes()).hexdigest() for number, each in enumerate(report, 1) if each.copy
    }
    assert "7.7.7" in told(report, with_original_values=True)["data"]


@pytest.mark.parametrize("ending", ["html", "json", "csv"])
def test_a_report_is_written_over_an_older_one_and_over_nothing_else(folder, tmp_path, ending):
    report = study.strip(folder, tmp_path / "safe", kinds=["metadata"])
    there = tmp_path / f"report.{ending}"
    report.save(there)
    report.save(there)
    there.write_text("mine")
    with pytest.raises(ValueError, match="nothing is overwritten"):
        report.save(there)
    assert there.read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no name that is no UTF-8")
def test_a_path_that_is_no_utf_8_does_not_keep_the_report_from_being_saved(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Fic\udcefa.dcm").write_text("not a scan")
    study.audit(tmp_path / "in", kinds=["metadata"]).save(tmp_path / "r.html", with_original_values=True)
    assert "Fic\\udcefa.dcm" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "verb", "originals"),
    [("a.txt", "strip", False), ("a.csv", "audit", False), ("a.csv", "strip", True), ("none/a.html", "audit", False)],
)
def test_a_report_that_cannot_be_is_refused(tmp_path, name, verb, originals):
    with pytest.raises(ValueError, match="a report ends in|never holds original values|no folder"):
        Report(verb, [], ["metadata"], {}).save(tmp_path / name, with_original_values=originals)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_all_three_and_says_at_once_when_it_cannot(folder, tmp_path, capsys):
    words = ["strip", str(folder), str(tmp_path / "safe"), "--kinds", "metadata"]
    assert cli.main([*words, "--report", str(tmp_path / "report.txt")]) == 2
    assert "a report ends in .html or .json or .csv" in capsys.readouterr().err
    assert not (tmp_path / "safe").exists(), "nothing was done that would have to be done again"
    assert cli.main([*words, "--report", str(tmp_path / "manifest.csv")]) == 1
    assert (tmp_path / "manifest.csv").read_text().startswith("copy,sha256,kinds,methods\n")
    words = ["audit", str(folder), "--kinds", "metadata", "--report", str(tmp_path / "report.html")]
    assert cli.main(words) == 1
    assert "Zyxwvut" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert cli.main([*words, "--with-original-values"]) == 1
    assert "Zyxwvut" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_mapping_leads_back_only_for_its_owner(folder, tmp_path):
    (tmp_path / "keys").mkdir()
    table = tmp_path / "keys" / "who.csv"
    report = study.strip(folder, tmp_path / "safe", kinds=["metadata"], mapping=table)
    rows = list(csv.DictReader(table.open(encoding="utf-8", newline="")))
    assert [row["original"] for row in rows] == [str(each.source) for each in report if each.copy]
    for row in rows:
        old, new = dcmread(row["original"]), dcmread(row["copy"])
        for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            assert (row[keyword], row[f"new {keyword}"]) == (old[keyword].value, new[keyword].value)
    if sys.platform != "win32":
        assert stat.S_IMODE(table.stat().st_mode) == 0o600
    study.strip(folder, tmp_path / "other", kinds=["metadata"])
    assert [path for path in tmp_path.rglob("*") if b"ZQ-4711" in (path.read_bytes() if path.is_file() else b"")] == [
        table
    ], "there is none unless it is asked for"


@pytest.mark.parametrize("place", ["{source}/who.csv", "{safe}/who.csv", "{there}", "{tmp}/nowhere/who.csv"])
def test_a_mapping_in_the_wrong_place_is_refused_before_anything_is_done(folder, tmp_path, place, capsys):
    there = tmp_path / "there.csv"
    there.write_text("mine")
    place = place.format(source=folder, safe=tmp_path / "safe", there=there, tmp=tmp_path)
    before = sorted(folder.rglob("*"))
    words = ["strip", str(folder), str(tmp_path / "safe"), "--kinds", "metadata"]
    assert cli.main([*words, "--mapping", place]) == 2
    assert re.search("must not lie|nothing is overwritten|no folder of that name", capsys.readouterr().err)
    assert there.read_text() == "mine" and not (tmp_path / "safe").exists() and sorted(folder.rglob("*")) == before


def test_a_strip_that_was_stopped_still_maps_all_files(folder, tmp_path):
    key = "a key that only this test uses"
    shutil.copytree(folder, tmp_path / "scans")

    def stop(outcomes, total):
        next(iter(outcomes))
        next(iter(outcomes))
        raise KeyboardInterrupt

    how = {"kinds": ["metadata"], "key": key, "mapping": tmp_path / "who.csv"}
    with pytest.raises(KeyboardInterrupt):
        study.strip(tmp_path / "scans", tmp_path / "safe", progress=stop, **how)
    assert not (tmp_path / "who.csv").exists()
    study.strip(tmp_path / "scans", tmp_path / "safe", **how)
    assert len(list(csv.DictReader((tmp_path / "who.csv").open(encoding="utf-8")))) == 2
