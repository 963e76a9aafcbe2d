"""The self-checks of "Sharing safely": they see what is still wrong, praise only what is right, and never raise."""

import json
from pathlib import Path

import pytest
from pydicom import dcmread

from safeshare import check_study, combinations, data, export_table
from safeshare.profile import METHODS

OPTIONS = dict.fromkeys(METHODS, "no") | dict.fromkeys(check_study.OPTIONS_NEEDED, "yes")
LEAKS = {"case1": "Priya", "case2": "Rosa Specimen", "case3": "P2593", "case4": "nobody", "case5": "nobody"}


@pytest.mark.parametrize(
    "check",
    [
        check_study.planned,
        check_study.audit_read,
        check_study.options_decided,
        check_study.ages_blunted,
        check_study.leaks_named,
    ],
)
def test_an_answer_that_is_no_dictionary_or_empty(said, passes, check):
    for answer in (None, "yes", 5, ["?"]):
        assert "dictionary" in said(check, answer)[0]
    for answer in ({}, {"case1": None}, {1: 2}):
        assert not passes(check, answer)


# --- the plan ---


def test_planned(said, passes):
    assert passes(check_study.planned, check_study.LEAST)
    assert len(said(check_study.planned, dict.fromkeys(check_study.LEAST, "?"))) == len(check_study.LEAST)
    for thing, answer in check_study.LEAST.items():
        other = "send" if answer == "leave out" else "leave out"
        (line,) = said(check_study.planned, check_study.LEAST | {thing: other})
        assert thing in line and ("cannot do without" in line) is (answer == "send")


# --- the audit ---


def test_audit_read_knows_the_folder(said, passes):
    truth = json.loads(Path(data.folder("messy")).with_name("messy.json").read_bytes())
    refused = [name for name, about in truth.items() if about["tool"] == "refuse"]
    [cut] = [name for name, about in truth.items() if about["why"] == "it is not whole"]
    [crowded] = [name for name, about in truth.items() if "the names of others" in about["what"]]
    assert passes(check_study.audit_read, {"refused": len(refused), "not whole": cut, "most text": crowded})
    assert len(said(check_study.audit_read, {"refused": 8, "not whole": "READ ME.dcm", "most text": "U0000001"})) == 3


# --- the options ---


def test_options_decided(said, passes):
    assert passes(check_study.options_decided, OPTIONS)
    for name in METHODS:
        other = "no" if OPTIONS[name] == "yes" else "yes"
        (line,) = said(check_study.options_decided, OPTIONS | {name: other})
        assert name in line


# --- the search ---


def thorough(content, words):
    codes = ("latin-1", "utf-8", "utf-16-le")
    forms = (str, str.lower, str.upper)
    return [word for word in words if any(form(word).encode(code) in content for form in forms for code in codes)]


def in_small_bytes(content, words):
    codes = ("latin-1", "utf-8", "utf-16-le")
    return [word for word in words if any(word.lower().encode(code) in content.lower() for code in codes)]


def test_a_thorough_search_works(passes):
    assert passes(check_study.search_works, thorough)


@pytest.mark.parametrize(
    ("search", "problem"),
    [
        (lambda content, words: [word for word in words if word.encode() in content], "capitals"),
        (lambda content, words: [word for word in words if word.lower().encode() in content.lower()], "UTF-16"),
        (in_small_bytes, "an umlaut in capitals"),
        (lambda content, words: thorough(content, words) + ["Testperson"], "which is not there"),
        (lambda content, words: [], "a name as it is"),
        (lambda content, words: words, "without any of the words"),
        (lambda content, words: [word for word in words if word in content], "TypeError"),
        (lambda content, words: None, "TypeError"),
        (lambda content: [], "TypeError"),
        (None, "TypeError"),
        (lambda content, words: [[]], "TypeError"),
    ],
)
def test_a_search_that_is_fooled_or_stops(said, search, problem):
    assert any(problem in line for line in said(check_study.search_works, search))


# --- the ages ---


def test_the_cases_stand_in_the_register_as_their_files_say():
    messy = data.folder("messy") / "Für die Konferenz"
    for case, name in {"hand": "hand final FINAL.dcm", "kidney": "New Folder/New Folder (2)/U0000001"}.items():
        header = dcmread(messy / name, stop_before_pixels=True)
        facts = check_study.IN_REGISTER[case]
        assert int(header.PatientAge[:3]) == facts["age"] and header.BodyPartExamined == facts["body_part"]
        day = f"{header.StudyDate[:4]}-{header.StudyDate[4:6]}-{header.StudyDate[6:]}"
        exact = {key: str(value) for key, value in facts.items()} | {"admission_date": day}
        assert combinations.crowd(data.folder("register") / "admissions.csv", exact)


def test_ages_blunted(said, passes):
    good = {"head": "60 to 69", "kidney": "30 to 39", "hand": "30 to 39"}
    assert passes(check_study.ages_blunted, good)
    for case, answer, problem in (
        ("hand", "34", "who fit: 1,"),
        ("hand", "30 to 34", "who fit: 4,"),
        ("head", "62", "with a bleeding in the register who fit: 3,"),
        ("head", "50 to 59", "not in the range"),
        ("kidney", "20 to 50", "hardly anything"),
        ("kidney", "young", "write a range"),
        ("kidney", "39 to 30", "not in the range"),
    ):
        (line,) = said(check_study.ages_blunted, good | {case: answer})
        assert case in line and problem in line


# --- the leaks ---


def test_leaks_named(said, passes):
    assert passes(check_study.leaks_named, LEAKS)
    assert passes(check_study.leaks_named, LEAKS | {"case1": "PRIYA EXEMPLAR", "case3": "Ada"})
    for case in ("case1", "case2", "case3"):
        (line,) = said(check_study.leaks_named, LEAKS | {case: "nobody"})
        assert "leads to somebody." in line
        (line,) = said(check_study.leaks_named, LEAKS | {case: "Jonas"})
        assert "somebody else" in line
    for case in ("case4", "case5"):
        assert "no road" in said(check_study.leaks_named, LEAKS | {case: "Rosa"})[0]
    unsolved = said(check_study.leaks_named, dict.fromkeys(LEAKS, "?"))
    assert len(unsolved) == 5
    assert not any(word in line for line in unsolved for words in check_study.LEADS_TO.values() for word in words[:1]
                   if word != "nobody")  # fmt: skip


# --- the columns ---


def test_columns_chosen_are_those_that_an_export_takes(passes):
    keep, identifying = list(check_study.COLUMNS), list(check_study.IDENTIFYING)
    assert passes(check_study.columns_chosen, keep, identifying)
    assert export_table.columns(keep, identifying, {"retain_longitudinal_modified_dates": True})
    with pytest.raises(ValueError, match="StudyDate"):
        export_table.columns([*keep, *identifying], [], {"retain_longitudinal_modified_dates": True})


@pytest.mark.parametrize(
    ("keep", "identifying", "problem"),
    [
        (["PixelSpacing"], ["StudyDate"], "SliceThickness is missing in `keep`"),
        (["PixelSpacing", "SliceThickness", "Modality"], ["StudyDate"], "course needs Modality in `keep`"),
        (["PixelSpacing", "SliceThickness", "StudyDate"], [], "StudyDate belongs in the other list"),
        (["PixelSpacing", "SliceThickness"], ["StudyDate", "PatientAge"], "needs PatientAge in `identifying`"),
        (export_table.KEPT, ["StudyDate"], f"Examined and {len(export_table.KEPT) - 5} more in `keep`"),
        ("PixelSpacing", ["StudyDate"], "`keep` is a list"),
        (["PixelSpacing", "SliceThickness"], None, "`identifying` is a list"),
    ],
)
def test_columns_that_are_missing_too_many_or_in_the_wrong_list(said, keep, identifying, problem):
    assert any(problem in line for line in said(check_study.columns_chosen, keep, identifying))
