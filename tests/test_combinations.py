"""Combinations: the crowds are counted right, `strip` keeps its word and loses least, and the widget says the same."""

import csv
import itertools
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from html.parser import HTMLParser
from math import log2
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from safeshare import combinations, study
from safeshare.ladders import ladder

DATA = Path(__file__).parents[1] / "data"
ADMISSIONS = DATA / "register" / "admissions.csv"

SMALL = {  # three alike, two alike, one alone
    "age": [34, 34, 34, 52, 52, 93],
    "sex": ["F", "F", "F", "M", "M", "F"],
    "disease": ["flu", "flu", "gout", "gout", "gout", "flu"],
}


def rows_of(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def random_register(seed, rows=40):
    chance = random.Random(seed)
    return [
        {
            "age": str(chance.randrange(18, 100)),
            "sex": chance.choice(["F", "M"]),
            "postcode": f"{chance.randrange(3)}{chance.randrange(4)}x",
            "day": f"20{chance.randrange(22, 24)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
            "disease": chance.choice(["flu", "gout", ""]),
            "who": f"P{chance.randrange(30)}",
        }
        for _ in range(rows)
    ]


def crowds(rows, columns, count="who"):
    """Return the different values of a column in each crowd."""
    found = defaultdict(set)
    for number, row in enumerate(rows):
        found[tuple(row[column] for column in columns)].add(row[count] if count else number)
    return found


# find ----------------------------------------------------------------------------------------------------------------


def test_a_small_register_counted_by_hand():
    found = combinations.find(SMALL, ["age", "sex"], sensitive="disease")
    assert (found.rows, found.people, found.k) == (6, 6, 1)
    assert found.alone == 1 / 6
    assert found.adds == {"age": 1 / 6, "sex": 0}  # without the age, F has four rows and M two
    assert found.diversity == 1  # of the two of 52 both have gout
    assert found.told == 3 / 6  # they and the one who is alone


def test_visits_of_one_patient_are_no_crowd():
    visits = {**SMALL, "patient": ["a", "a", "b", "c", "c", "d"]}
    assert combinations.find(visits, ["age"]).alone == 1 / 6
    found = combinations.find(visits, ["age"], sensitive="disease", person="patient")
    assert (found.rows, found.people, found.k, found.alone) == (6, 4, 1, 3 / 6)
    both = {"age": ["52", "52"], "disease": ["gout", "flu"], "patient": ["c", "c"]}
    assert combinations.find(both, ["age"], sensitive="disease", person="patient").told == 1  # all that one person has


@pytest.mark.parametrize("seed", range(8))
def test_the_numbers_are_those_of_counting_one_by_one(seed):
    rows = random_register(seed)
    for size in (1, 2, 3):
        for columns in itertools.combinations(["age", "sex", "postcode"], size):
            for person in ("", "who"):
                found = combinations.find(rows, columns, sensitive="disease", person=person)
                people, diseases = crowds(rows, columns, person), crowds(rows, columns, "disease")
                keys = [tuple(row[column] for column in columns) for row in rows]
                alone = sum(len(people[key]) == 1 for key in keys) / len(rows)
                assert found.k == min(map(len, people.values()))
                assert found.alone == pytest.approx(alone)
                assert found.diversity == min(map(len, diseases.values()))
                told = sum(len(people[key]) == 1 or len(diseases[key]) == 1 for key in keys) / len(rows)
                assert found.told == pytest.approx(told)
                for column, adds in found.adds.items():
                    others = [other for other in columns if other != column]
                    fewer = crowds(rows, others, person)
                    left = sum(len(fewer[tuple(row[other] for other in others)]) == 1 for row in rows) / len(rows)
                    assert adds == pytest.approx(alone - left)


def test_many_long_columns_are_counted_right():
    """More crowds would be possible than 64 bits can number; then the first column must still count."""
    columns = {"first": [row // 2 for row in range(512)]}
    columns |= {f"c{number}": [row % 256 for row in range(512)] for number in range(11)}
    assert combinations.find(columns, list(columns)).alone == 1
    assert combinations.find(columns, list(columns)[1:]).k == 2


def test_the_words_tell_the_numbers():
    text = str(combinations.find(SMALL, ["sex", "age"], sensitive="disease"))
    assert "k = 1" in text and "16.7%" in text and "age adds most" in text
    assert "disease has l = 1" in text and "50.0%" in text
    assert "adds most" not in str(combinations.find(SMALL, ["sex"]))  # nobody is alone, so nothing adds to it


def test_all_ways_to_give_a_register_are_one(tmp_path):
    path = tmp_path / "register.csv"
    path.write_text("\ufeffage,sex,disease\n" + "\n".join(",".join(map(str, row.values())) for row in rows_of(SMALL)))

    class Frame:  # what a data frame has: columns by name
        items = SMALL.items

    expected = combinations.find(SMALL, ["age", "sex"], sensitive="disease")
    for register in (rows_of(SMALL), iter(rows_of(SMALL)), path, str(path), Frame()):
        assert combinations.find(register, ["age", "sex"], sensitive="disease") == expected


def test_missing_values_are_a_value_of_their_own():
    class NA:
        """What a data frame can have for a missing value."""

        def __ne__(self, other):
            return self

        def __bool__(self):
            raise TypeError("boolean value of NA is ambiguous")

        def __repr__(self):
            return "<NA>"

    for missing in ("", " ", None, float("nan"), NA()):
        found = combinations.find({"age": [34, 34, missing, missing, 52]}, ["age"])
        assert (found.k, found.alone) == (1, 1 / 5)
        assert [row["age"] for row in combinations.crowd({"age": [34, missing]}, {})] == ["34", ""]
    assert combinations.find([{"age": 34}, {"sex": "F"}, {"age": 34}], ["age"]).alone == 1 / 3


def test_whole_numbers_beside_a_missing_value_stay_whole():
    """A data frame makes floats of them."""
    frame = {"age": [34.0, float("nan"), 34.5], "postcode": [12345.0, float("nan"), 12399.0]}
    assert combinations.crowd(frame, {"age": 34}) == [{"age": "34", "postcode": "12345"}]
    steps = ladder([row["postcode"] for row in combinations.crowd(frame, {})])
    assert steps[1].values == ["123**", "", "123**"]


def test_a_column_that_is_named_twice_counts_once():
    assert combinations.find(SMALL, ["age", "sex", "age"]) == combinations.find(SMALL, ["age", "sex"])
    assert combinations.strip(SMALL, ["age", "age"], 2) == combinations.strip(SMALL, ["age"], 2)


def test_one_row_is_alone():
    found = combinations.find([{"age": 34, "disease": "flu"}], ["age"], sensitive="disease")
    assert (found.k, found.alone, found.diversity, found.told) == (1, 1, 1, 1)
    assert found.adds == {"age": 0}  # whoever is the only one is alone without it, too


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((SMALL, ["agee"]), "no column 'agee'; it has age, sex, disease."),
        ((SMALL, "age"), r"write \['age'\]"),
        ((SMALL, []), "No column is named"),
        (([], ["age"]), "The register has no rows."),
        (({"age": []}, ["age"]), "The register has no rows."),
        (({"age": [1, 2], "sex": ["F"]}, ["age"]), "not of one length"),
        (([("34", "F")], ["age"]), "list of dictionaries"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=words) as caught:
        combinations.find(*arguments)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=words):
        combinations.strip(*arguments, k=1)


@pytest.mark.parametrize("option", ["sensitive", "person"])
def test_misspelled_options_are_refused_too(option):
    with pytest.raises(ValueError, match="no column 'diseas'"):
        combinations.find(SMALL, ["age"], **{option: "diseas"})


def test_a_table_that_is_not_unicode_is_refused(tmp_path):
    (tmp_path / "old.csv").write_bytes("age,town\n34,Würzburg\n".encode("cp1252"))
    with pytest.raises(ValueError, match="not UTF-8 text"):
        combinations.find(tmp_path / "old.csv", ["age"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("age,town\n34,A\n35,B, West\n", "more values in row 2 than columns"),
        ("age,age\n34,35\n", "two columns of one name"),
    ],
)
def test_a_table_whose_values_have_no_sure_column_is_refused(tmp_path, table, words):
    (tmp_path / "register.csv").write_text(table)
    with pytest.raises(ValueError, match=words):
        combinations.find(tmp_path / "register.csv", ["age"])


def test_empty_columns_at_the_end_of_a_table_are_no_columns(tmp_path):
    (tmp_path / "register.csv").write_text("age,,\n34,,,\n")
    assert combinations.find(tmp_path / "register.csv", ["age"]).rows == 1


# Ladders -------------------------------------------------------------------------------------------------------------


def test_numbers_become_bands():
    steps = ladder(["0", "4", "5", "62", "79", "99"])
    assert {step.name: step.values for step in steps} == {
        "as it is": ["0", "4", "5", "62", "79", "99"],
        "in bands of 5": ["0 to 4", "0 to 4", "5 to 9", "60 to 64", "75 to 79", "95 to 99"],
        "in bands of 10": ["0 to 9", "0 to 9", "0 to 9", "60 to 69", "70 to 79", "90 to 99"],
        "in bands of 20": ["0 to 19", "0 to 19", "0 to 19", "60 to 79", "60 to 79", "80 to 99"],
        "left out": ["*"] * 6,
    }


@pytest.mark.parametrize("dash", ["-", ""])
def test_dates_become_months_quarters_and_years(dash):
    days = ["2024-03-01", "2024-03-31", "2024-01-15", "2024-06-30", "2023-03-05"]
    assert {step.name: step.values for step in ladder([day.replace("-", dash) for day in days])[1:]} == {
        "as months": ["2024-03", "2024-03", "2024-01", "2024-06", "2023-03"],
        "as quarters": ["2024 Q1", "2024 Q1", "2024 Q1", "2024 Q2", "2023 Q1"],
        "as years": ["2024", "2024", "2024", "2024", "2023"],
        "left out": ["*"] * 5,
    }


def test_codes_lose_their_end_and_steps_that_join_nothing_are_left_out():
    steps = ladder(["0001x", "0002x", "0011x"])
    assert [step.values for step in steps[1:]] == [["000**", "000**", "001**"], ["*"] * 3]
    assert [step.name for step in steps[1:]] == ["first 3 characters", "left out"]


@pytest.mark.parametrize("values", [["HEAD", "ARM"], ["34", "unknown"], ["2024-02-30", "2024-01-01x"], ["1", "12345"]])
def test_what_has_no_ladder_can_only_be_left_out(values):
    assert [step.values for step in ladder(values)] == [values, ["*", "*"]]


def test_an_empty_value_stays_until_all_is_left_out():
    assert [step.values for step in ladder(["", "61", "62"])][1:] == [["", "60 to 64", "60 to 64"], ["*"] * 3]
    assert len(ladder(["", ""])) == len(ladder(["7", "7"])) == 1


# strip ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [2, 3, 7])
def test_strip_reaches_k_and_loses_least(seed, k):
    rows = random_register(seed)
    columns = ["age", "sex", "postcode"]
    done = combinations.strip(rows, columns, k, sensitive="disease", most_suppressed=0.1)
    assert min(Counter(tuple(row[column] for column in columns) for row in done.rows).values()) >= k
    assert combinations.find(done.rows, columns).k == done.after.k >= k
    assert len(done.rows) + done.suppressed == len(rows) and done.suppressed <= 4
    assert all(set(row) == {*columns, "disease"} for row in done.rows)
    # All ways there are, one after the other: none that takes out as few rows loses less.
    ladders = [ladder([row[column] for row in rows]) for column in columns]
    for way in itertools.product(*ladders):
        keys = list(zip(*(step.values for step in way), strict=True))
        small = [count for count in Counter(keys).values() if count < k]
        if sum(small) <= 4:
            lost = sum(entropy_lost(steps[0].values, step.values) for steps, step in zip(ladders, way, strict=True))
            assert lost > sum(loss.lost for loss in done.losses) - 1e-9


def entropy_lost(before, after):
    """Return the bits that it takes to tell from the new values what the old ones were, as a share of all bits."""
    wholes, parts = Counter(after), Counter(zip(before, after, strict=True))
    needed = sum(count * log2(wholes[new] / count) for (_, new), count in parts.items())
    total = sum(count * log2(len(before) / count) for count in Counter(before).values())
    return needed / total if total else 0


def test_of_ways_that_lose_alike_the_one_with_fewest_rows_taken_out_is_chosen():
    """One column must go here, and all three hold as much; without a or c two rows would have to go, too."""
    register = {"a": list("110000001111"), "b": list("110100001110"), "c": list("001010110101")}
    done = combinations.strip(register, ["a", "b", "c"], 2, most_suppressed=0.2)
    assert [(loss.column, loss.lost) for loss in done.losses if loss.lost] == [("b", 1)] and done.suppressed == 0


def test_strip_counts_people_where_it_is_told_whose_row_it_is():
    rows = random_register(3)
    done = combinations.strip(rows, ["age", "sex"], 4, person="who")
    assert done.after.k >= 4 and all("who" not in row for row in done.rows)
    steps = {
        loss.column: next(step.values for step in ladder([row[loss.column] for row in rows]) if step.name == loss.step)
        for loss in done.losses
    }
    blunted = zip(rows, steps["age"], steps["sex"], strict=True)
    found = crowds([{**row, "age": age, "sex": sex} for row, age, sex in blunted], ["age", "sex"])
    kept = {key for key, people in found.items() if len(people) >= 4}
    assert {(row["age"], row["sex"]) for row in done.rows} == kept


def test_people_are_counted_also_where_the_column_that_names_them_is_left_out():
    register = {"age": [34, 34, 34, 52, 52, 52], "patient": list("abcdef")}
    done = combinations.strip(register, ["age", "patient"], 3, person="patient")
    assert (done.after.k, done.after.people, done.after.alone) == (3, 6, 0)
    assert done.rows == [{"age": age, "patient": "*"} for age in ("34",) * 3 + ("52",) * 3]


def test_somebody_stays_also_where_all_rows_may_go():
    done = combinations.strip({"age": [31, 47, 62]}, ["age"], 2, most_suppressed=1)
    assert len(done.rows) >= 2 and done.after.k >= 2


def test_strip_tells_the_truth_in_every_row_that_is_left():
    rows = random_register(5)
    done = combinations.strip(rows, ["age", "sex", "day"], 3, sensitive="disease")
    left = Counter(tuple(row.values()) for row in done.rows)
    for step_ages in ladder([row["age"] for row in rows]):
        for step_days in ladder([row["day"] for row in rows]):
            for step_sexes in ladder([row["sex"] for row in rows]):
                blunted = zip(step_ages.values, step_sexes.values, step_days.values, strict=True)
                every = Counter((*row, true["disease"]) for row, true in zip(blunted, rows, strict=True))
                if left <= every:
                    return
    pytest.fail("some row is of nobody in the register")


def test_the_order_of_the_rows_does_not_lead_back():
    rows = random_register(6)
    done = combinations.strip(rows, ["age"], 3, sensitive="disease")
    assert done.rows == combinations.strip(rows[::-1], ["age"], 3, sensitive="disease").rows


def test_the_report_says_what_is_lost():
    done = combinations.strip({**SMALL, "age": [30, 31, 32, 33, 34, 93]}, ["age", "sex"], 2, most_suppressed=0.2)
    assert str(done).splitlines() == [
        "k = 1 before, k = 2 after.",
        "age: in bands of 5, 6 values before and 1 after, 75% of its information lost.",
        "sex: as it is, 2 values before and 2 after, 0% of its information lost.",
        "1 of 6 rows (16.7%) taken out.",  # the woman of 93
    ]


def test_a_register_that_is_safe_stays_as_it_is():
    register = {"age": [34, 34, 52, 52], "sex": ["F", "F", "M", "M"]}
    done = combinations.strip(register, ["age", "sex"], 2)
    assert done.suppressed == 0 and {loss.lost for loss in done.losses} == {0}
    assert done.rows == [{name: str(value) for name, value in row.items()} for row in rows_of(register)]


@pytest.mark.parametrize("k", [0, 7])
def test_more_than_all_people_cannot_be_alike(k):
    with pytest.raises(ValueError, match="6 people, so that k must lie between 1 and 6"):
        combinations.strip(SMALL, ["age"], k)


def test_too_many_ways_to_try_are_refused():
    register = {f"c{number}": list(range(100)) for number in range(9)}
    with pytest.raises(ValueError, match="name fewer columns"):
        combinations.strip(register, list(register), 2)


def test_the_lessons_register_reaches_k():
    columns = ["age", "sex", "postcode", "admission_date"]
    done = combinations.strip(ADMISSIONS, columns, 11, sensitive="diagnosis", person="patient")
    with ADMISSIONS.open(encoding="utf-8", newline="") as file:
        assert done.before.rows == len(list(csv.reader(file))) - 1
    assert min(Counter(tuple(row[column] for column in columns) for row in done.rows).values()) >= 11
    assert done.after.k >= 11 and done.suppressed <= 250
    assert done.after.diversity == min(map(len, crowds(done.rows, columns, "diagnosis").values()))


# crowd and show ------------------------------------------------------------------------------------------------------

FACTS = {"age": "60 to 64", "sex": "F", "postcode": "0001x", "admission_date": "2024-03-09 to 2024-03-13"}


def test_a_crowd_fits_values_and_ranges():
    rows = [{"age": "9"}, {"age": "10"}, {"age": "64"}, {"age": "100"}, {"age": ""}]
    assert [row["age"] for row in combinations.crowd(rows, {"age": "10 to 64"})] == ["10", "64"]
    assert [row["age"] for row in combinations.crowd(rows, {"age": 64})] == ["64"]
    assert combinations.crowd(rows, {"age": ""}) == rows
    days = [{"day": day} for day in ("2024-03-08", "2024-03-09", "2024-04-01")]
    assert combinations.crowd(days, {"day": "2024-03-09 to 2024-03-31"}) == [{"day": "2024-03-09"}]
    with pytest.raises(ValueError, match="no column 'Age'"):
        combinations.crowd(rows, {"Age": "10"})


def test_a_row_of_a_blunted_register_fits_its_own_crowd():
    done = combinations.strip({"age": list(range(30, 40))}, ["age"], 5)
    assert combinations.crowd(done.rows, {"age": "30 to 34"}) == [{"age": "30 to 34"}] * 5
    assert combinations.show(done.rows, done.rows[0]).count(["age"]) == 5


def test_what_a_neighbour_knows_finds_ada():
    assert [row["admission"] for row in combinations.crowd(ADMISSIONS, FACTS)] == ["A2855"]


class Page(HTMLParser):
    """The texts and the attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.text, self.found = "", {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.setdefault(tag, []).append(dict(attrs))

    def handle_data(self, data):
        self.text += data


def test_the_crowd_shrinks_with_each_tick_and_grows_again():
    viewer = combinations.show(ADMISSIONS, FACTS, person="patient")
    *boxes, view = viewer.widget().children
    assert [box.description for box in boxes] == [f"{column}: {fact}" for column, fact in FACTS.items()]

    def people(facts):
        return len({row["patient"] for row in combinations.crowd(ADMISSIONS, facts)})

    known = {}
    for box, (column, fact) in zip(boxes, FACTS.items(), strict=True):
        box.value = True
        known[column] = fact
        page = Page(view.value)
        assert re.search(rf"\D{people(known):,} (people|person) fit", page.text)
        assert f"{people(known):,} of them marked" in page.found["svg"][0]["aria-label"]
        assert page.found["path"][1]["d"].count("h0") == people(known)
    assert people(known) == 1 and "1 person fits" in page.text and "circle" in page.found
    boxes[3].value = False
    assert f"{people({column: FACTS[column] for column in list(FACTS)[:3]})} people fit" in Page(view.value).text


def test_the_words_say_how_many_would_be_alone():
    columns = ["age", "sex", "postcode"]
    text = combinations.show(ADMISSIONS, FACTS, person="patient").html(columns)
    assert f"{combinations.find(ADMISSIONS, columns, person='patient').alone:.1%} of the rows" in text


def test_what_a_register_says_is_text_and_never_markup():
    register = {"<b>age": ["<script>alert()</script>", "2"]}
    html = combinations.show(register, {"<b>age": "<script>alert()</script>"}).html(["<b>age"])
    assert "<script" not in html and "<b>" not in html


def test_large_registers_share_their_dots():
    page = Page(combinations.show({"age": list(range(20_000))}, {"age": "0 to 9999"}).html(["age"]))
    assert page.found["path"][0]["d"].count("h0") == 5000 and page.found["path"][1]["d"].count("h0") == 2500
    assert "A dot stands for 4.0 people" in page.found["svg"][0]["aria-label"]


def test_without_widgets_there_is_a_text():
    code = f"""
import sys
sys.modules["ipywidgets"] = None
from safeshare import combinations
viewer = combinations.show({str(ADMISSIONS)!r}, {FACTS!r}, person="patient")
assert list(viewer._repr_mimebundle_()) == ["text/plain"]
print(viewer)
"""
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    counts = [int(line.strip(" █").split("  ")[-1].replace(",", "")) for line in done.stdout.splitlines()[:5]]
    assert counts[0] == 4249 and counts[-1] == 1 and counts == sorted(counts, reverse=True)


def test_show_refuses_facts_that_say_nothing():
    with pytest.raises(ValueError, match="No fact is known"):
        combinations.show(SMALL, {"age": ""})
    with pytest.raises(ValueError, match="no column 'town'"):
        combinations.show(SMALL, {"town": "Nowhere"})


def test_finding_imports_neither_widgets_nor_pictures():
    code = """
import sys
from safeshare import combinations
combinations.find({"age": [1]}, ["age"])
assert not {"ipywidgets", "matplotlib", "pandas", "safeshare.crowd_viewer"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# Folders of DICOM files ----------------------------------------------------------------------------------------------


def test_a_folder_of_dicom_files_is_a_register():
    rows = combinations.from_folder(DATA / "planted")
    assert {row["PatientID"] for row in rows} == {"EHN-4711093"}
    assert {(row["StudyDate"], row["PatientAge"]) for row in rows} == {("20240311", "62"), ("20220927", "61")}
    assert Counter(row["Modality"] for row in rows) == {"CT": 2, "RTSTRUCT": 1, "SEG": 1, "SR": 1}
    found = combinations.find(rows, ["PatientSex"], person="PatientID")
    assert (found.rows, found.people, found.k) == (5, 1, 1)


def test_ages_come_in_years_and_other_files_are_named(tmp_path):
    for number, age in enumerate(["062Y", "018M", "003W", "", "unknown"]):
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        dataset.PatientID = f"P{number}"
        dataset["PatientAge"]._value = age
        dataset.save_as(tmp_path / f"{number}.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.warns(UserWarning, match="1 files belong to no study and were left out, such as notes.txt"):
        rows = combinations.from_folder(tmp_path)
    assert [row["PatientAge"] for row in rows] == ["62", "1", "0", "", "unknown"]


@pytest.mark.parametrize(("charset", "towns"), [("ISO_IR 192", ["東京", "大阪"]), ("ISO_IR 100", ["Bär", "Bör"])])
def test_words_of_any_language_are_told_apart(tmp_path, charset, towns):
    for number, town in enumerate(towns):
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        dataset.SpecificCharacterSet, dataset.InstitutionName, dataset.PatientID = charset, town, f"P{number}"
        dataset.StudyInstanceUID += f".{number}"
        dataset.save_as(tmp_path / f"{number}.dcm")
    rows = combinations.from_folder(tmp_path)
    assert combinations.find(rows, ["InstitutionName"], person="PatientID").alone == 1
    (crowds,) = study.audit(tmp_path, kinds=["metadata"]).combinations
    assert crowds.columns == ("InstitutionName",) and crowds.alone == 1


def test_a_share_is_no_percentage():
    with pytest.raises(ValueError, match="a share from 0 to 1, not 5: write 0.05 for 5 %"):
        combinations.strip(SMALL, ["age", "sex"], 2, most_suppressed=5)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match="holds no DICOM file"):
        combinations.from_folder(tmp_path)
