"""A stripped study still hangs together: 142 planted files, stripped in any order and by several processes."""

import multiprocessing
import random
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

import planted
import pydicom
import pytest
from hospital import ADA, ROOT
from pydicom.uid import UID_dictionary

from safeshare import metadata

KEY = "a key that only this test uses"
OPTIONS = {"clean_structured_content": True}  # keeps the report's content, and so the references in it

# What the profile takes away as a whole (X or X/D in Table E.1-1 and E.3.4-1): a reference in it goes too.
REMOVED = re.compile(
    r"RequestAttributesSequence|ReferencedStudySequence|ReferencedRequestSequence"
    r"|\(0029,1140\)|\(0043,1061\)"  # private
    r"|\[(Procedure Study Instance UID|Frame of Reference UID|Referenced Segment|Supporting Information)\]"
)

# Searched in the raw bytes, in any case, in both encodings: nothing of this may be left anywhere.
IDENTIFYING = [
    *"testperson fictia beispiel muster prüfling placebo fantasia erfunden schablone attrappe".split(),
    *"nirgends luftschloss nowhere imaginary beacon 7b @example.org ehn.example.org ehnct".split(),
    *"20240311 20220927 19610412 60417 31852 ehn24a ehn22a st88213 st70551 903317 771804 pacs-778".split(),
    *"ehnpacs ehn_ ehn- 200931 p-100 t-20417".split(),
    *("10 march", "27 september", "01632 960"),
    *(ROOT, ADA.patient_id, ADA.insurance_id, ADA.national_id),
]


def strip_all(folder, names, key, **options):
    """Strip the files into one folder, and name them by their numbers."""
    folder.mkdir()
    for number, source in enumerate(names):
        metadata.strip_file(source, folder / str(number), key=key, **options)
    return [folder / str(number) for number in range(len(names))]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    paths = planted.build(tmp_path_factory.mktemp("originals"), slices=119, prior_slices=20)
    assert len(paths) == 142
    return paths


@pytest.fixture(scope="module")
def stripped(originals, tmp_path_factory):
    return strip_all(tmp_path_factory.mktemp("stripped") / "a", originals, KEY, **OPTIONS)


@pytest.fixture(scope="module")
def whole(originals, stripped, tmp_path_factory):
    """Strip the study as somebody would, by the command and of all kinds; its slices show a face, so they are new."""
    top = tmp_path_factory.mktemp("whole")
    (top / "key").write_text(KEY)
    source = Path(str(originals[0]).partition("TESTPERSON")[0])
    arguments = ["--jobs", "2", "--key-file", top / "key", "--clean-structured-content"]
    command = [sys.executable, "-m", "safeshare", "strip", source, top / "clean", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    copies = {path.stem: path for path in (top / "clean").rglob("*") if path.is_file()}
    assert len(copies) == 142
    return [copies[pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID] for path in stripped]


@pytest.fixture(params=["stripped", "whole"])
def copies(request):
    return request.getfixturevalue(request.param)


def elements(dataset, path=""):
    """Yield each element but sequences with its path, at any depth."""
    for element in dataset:
        name = element.keyword or str(element.tag)
        if element.VR != "SQ":
            yield path + name, element
            continue
        for n, item in enumerate(element.value):
            # Lines of a report may go, and the ones behind them move up: name them by what they are about.
            line = item.ConceptNameCodeSequence[0].CodeMeaning if name == "ContentSequence" else n
            yield from elements(item, f"{path}{name}[{line}].")


def uids(dataset):
    """Yield each UID in the data set with its path, but those of the standard."""
    for path, element in elements(dataset):
        if element.VR == "UI" and element.value and element.value not in UID_dictionary:
            yield path, str(element.value)


OWN = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")


def test_every_reference_that_led_somewhere_still_leads_there(originals, copies):
    before = [pydicom.dcmread(path) for path in originals]
    after = [pydicom.dcmread(path) for path in copies]
    new = {
        old.get(word): fresh.get(word) for old, fresh in zip(before, after, strict=True) for word in OWN if word in old
    }
    assert len(new) == len(set(new.values())) == 142 + 5 + 2 + 2  # files, series, studies, frames of reference
    kept = {}
    for old, fresh in zip(before, after, strict=True):
        left = dict(uids(fresh))
        for path, uid in uids(old):
            if uid not in new:
                continue
            if path in left:
                assert left[path] == new[uid], (old.Modality, path)
                if path not in OWN:
                    kept[old.Modality] = kept.get(old.Modality, 0) + 1
            else:
                assert REMOVED.search(path), (old.Modality, path)
    # Each slice refers to the prior scan by an image, a study and a series, the contours to each slice at least once.
    assert kept["CT"] >= 3 * 119 and kept["RTSTRUCT"] >= 119 and kept["SR"] >= 119 + 20 and kept["SEG"] >= 2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clean_structured_content": True},
        {"clean_structured_content": True, "clean_descriptors": True, "clean_graphics": True},
        {"retain_safe_private": True, "retain_patient_characteristics": True},
        {"retain_longitudinal_modified_dates": True},
    ],
    ids=", ".join,
)
def test_nothing_identifying_is_left_in_any_byte(originals, tmp_path, options):
    assert leaks(originals, strip_all(tmp_path / "b", originals, KEY, **options)) == {}


def test_nothing_identifying_is_left_in_any_byte_or_name_of_the_whole_study(originals, whole):
    assert leaks(originals, whole) == {}
    names = " ".join("/".join(path.parts[-3:]) for path in whole)
    assert [word for word in IDENTIFYING if word.lower() in names.lower()] == []


def leaks(originals, paths):
    """Return which words are left, each with the name of the first file in which it stands."""
    words = {word.lower().encode(encoding) for word in IDENTIFYING for encoding in ("utf-8", "latin-1")}
    found = {}
    for path, source in zip(paths, originals, strict=True):
        raw = re.sub(rb"2\.25\.\d+", b"", path.read_bytes().lower())  # among its digits a new UID may hold any number
        for word in words:
            if word in raw:
                found.setdefault(word, source.name)
    return found


def test_the_words_that_are_searched_stand_in_the_originals(originals):
    everything = b"".join(path.read_bytes().lower() for path in originals)
    assert [word for word in IDENTIFYING if word.lower().encode() not in everything] == []
    assert "prüfling".encode() in everything and "prüfling".encode("latin-1") in everything


def test_the_report_keeps_its_measurement_and_what_it_was_measured_on(originals, stripped):
    source, report = (
        next(ds for ds in map(pydicom.dcmread, paths) if ds.Modality == "SR") for paths in (originals, stripped)
    )

    def volume(dataset):
        findings = next(line for line in dataset.ContentSequence if title(line) == "Findings")
        return next(line for line in findings.ContentSequence if title(line) == "Volume")

    def title(line):
        return line.ConceptNameCodeSequence[0].CodeMeaning

    old, new = volume(source), volume(report)
    assert new.MeasuredValueSequence == old.MeasuredValueSequence
    assert [title(line) for line in new.ContentSequence] == [title(line) for line in old.ContentSequence]
    assert new.ContentSequence[0].GraphicData == old.ContentSequence[0].GraphicData


@pytest.mark.parametrize("options", [{}, OPTIONS, OPTIONS | {"clean_descriptors": True}], ids=", ".join)
def test_nothing_is_found_in_a_stripped_study_and_stripping_again_changes_nothing(originals, tmp_path, options):
    once = strip_all(tmp_path / "b", originals, KEY, **options)
    found = {source.name: metadata.find_file(path, **options) for source, path in zip(originals, once, strict=True)}
    assert {name: findings for name, findings in found.items() if findings} == {}
    twice = strip_all(tmp_path / "c", once, KEY, **options)
    assert [path.read_bytes() for path in twice] == [path.read_bytes() for path in once]


def test_the_same_key_gives_the_same_bytes_in_any_order_and_process(originals, stripped, tmp_path):
    numbers = random.Random(1).sample(range(len(originals)), len(originals))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as one, ProcessPoolExecutor(1, context) as other:
        jobs = [
            (one, other)[number % 2].submit(
                metadata.strip_file, originals[number], tmp_path / str(number), key=KEY, **OPTIONS
            )
            for number in numbers
        ]
        for job in jobs:
            job.result()
    assert [(tmp_path / str(number)).read_bytes() for number in range(142)] == [path.read_bytes() for path in stripped]


def test_another_key_shares_no_pseudonym(originals, stripped, tmp_path):
    def pseudonyms(paths):
        for path in paths:
            dataset = pydicom.dcmread(path)
            yield from (uid for _, uid in uids(dataset))
            yield from (str(dataset.PatientID), str(dataset.PatientName), str(dataset.AccessionNumber))

    other = strip_all(tmp_path / "b", originals, "another key, just as long", **OPTIONS)
    assert set(pseudonyms(stripped)) & set(pseudonyms(other)) - {""} == set()


def test_modified_dates_keep_their_distance(originals, tmp_path):
    clean = strip_all(tmp_path / "b", originals, KEY, retain_longitudinal_modified_dates=True, **OPTIONS)
    shifts, places = set(), set()
    for source, path in zip(originals, clean, strict=True):
        new = {place: str(element.value) for place, element in elements(pydicom.dcmread(path)) if element.value}
        for place, element in elements(pydicom.dcmread(source)):
            if place.startswith("VerifyingObserverSequence"):
                continue  # replaced as a whole by a dummy
            if element.VR in ("DA", "DT") and place in new:
                shifts.add(date.fromisoformat(new[place][:8]) - date.fromisoformat(element.value[:8]))
                places.add(place.rpartition(".")[2])
    (shift,) = shifts
    assert shift.days != 0
    assert places >= {"StudyDate", "AcquisitionDateTime", "StructureSetDate", "Date"}  # the last is in the report


@pytest.mark.needs_program("dciodvfy", debian="dicom3tools")
def test_dciodvfy_finds_no_new_error(originals, whole):
    def errors(path):
        lines = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True).stderr.splitlines()
        assert lines
        return {line for line in lines if line.startswith("Error")}

    for source, path in zip(originals, whole, strict=True):
        assert errors(path) <= errors(source), source.name


def test_the_command_changes_pixels_in_which_a_face_is_and_writes_the_same_bytes_otherwise(originals, stripped, whole):
    same = []
    for source, one, other in zip(originals, stripped, whole, strict=True):
        if one.read_bytes() == other.read_bytes():
            same.append(pydicom.dcmread(source).Modality)
        else:
            assert pydicom.dcmread(other).RecognizableVisualFeatures == "NO"
    assert sorted(same) == ["RTSTRUCT", "SEG", "SR"]
