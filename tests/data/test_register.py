"""The register looks like a hospital's, singles people out as real ones do, and is made again to the byte."""

import csv
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from statistics import mean, median

import pytest

DATA = Path(__file__).parents[2] / "data"


def read(name):
    with (DATA / "register" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def admissions():
    rows = read("admissions.csv")
    for row in rows:
        row["age"], row["nights"] = int(row["age"]), int(row["nights"])
    return rows


def having(rows, **values):
    return [row for row in rows if all(row[column] == value for column, value in values.items())]


def share(rows, condition):
    return sum(map(condition, rows)) / len(rows)


def crowd(rows, fact):
    """Return the rows that a fact may be about: "60 to 64" is a range, and an empty cell says nothing."""

    def fits(row, column):
        if not fact[column]:
            return True
        low, _, high = fact[column].partition(" to ")
        kind = type(row[column])
        return kind(low) <= row[column] <= kind(high or low)

    columns = set(fact) & set(rows[0])
    return [row for row in rows if all(fits(row, column) for column in columns)]


def people_alone(rows, *columns):
    """Return the share of rows that nobody else than this one patient shares the values with."""
    patients = defaultdict(set)
    for row in rows:
        patients[tuple(row[column] for column in columns)].add(row["patient"])
    return share(rows, lambda row: len(patients[tuple(row[column] for column in columns)]) == 1)


def test_the_script_makes_the_committed_bytes_again(builder, tmp_path):
    made = {path.name: path.read_bytes() for path in builder("register").build(tmp_path)}
    assert made == {path.name: path.read_bytes() for path in (DATA / "register").iterdir()}


def test_5000_admissions_of_about_4000_people(admissions):
    assert len(admissions) == len({row["admission"] for row in admissions}) == 5000
    stays = Counter(row["patient"] for row in admissions)
    assert 3800 <= len(stays) <= 4400
    assert sum(count > 1 for count in stays.values()) > 400


def test_a_patient_keeps_sex_and_postcode_and_grows_older(admissions):
    stays = defaultdict(list)
    for row in sorted(admissions, key=lambda row: row["admission_date"]):
        stays[row["patient"]].append(row)
    for rows in stays.values():
        assert len({(row["sex"], row["postcode"]) for row in rows}) == 1
        ages = [row["age"] for row in rows]
        assert ages == sorted(ages) and ages[-1] - ages[0] <= 2


def test_numbers_tell_nothing_of_the_date(admissions):
    days = [date.fromisoformat(row["admission_date"]).toordinal() for row in admissions]  # in the order of the numbers
    assert [row["admission"] for row in admissions] == sorted(row["admission"] for row in admissions)
    assert abs(mean(days[:2500]) - mean(days[2500:])) < 20


def test_ages_are_those_of_inpatients(admissions):
    """The discharges, in thousands, of HCUP Fact Book 6, table 4, less the newborns."""
    discharges = {(0, 0): 4751 - 4154, (1, 17): 1711, (18, 44): 10123, (45, 64): 8023, (65, 79): 7912, (80, 120): 5280}
    for (youngest, oldest), count in discharges.items():
        expected = count / sum(discharges.values())
        found = share(admissions, lambda row, low=youngest, high=oldest: low <= row["age"] <= high)
        assert abs(found - expected) < 0.03, (youngest, oldest)


def test_stays_take_about_four_and_a_half_nights(admissions):
    assert 4 <= mean(row["nights"] for row in admissions) <= 5
    assert min(row["nights"] for row in admissions) >= 1


def test_fewer_admissions_at_weekends(admissions):
    days = Counter(date.fromisoformat(row["admission_date"]).weekday() for row in admissions)
    assert max(days[5], days[6]) < 0.85 * min(days[day] for day in range(5))


def test_dates_lie_in_2023_and_2024(admissions):
    dates = [row["admission_date"] for row in admissions]
    assert min(dates) < "2023-01-08" and "2024-12-24" < max(dates) <= "2024-12-31" and min(dates) >= "2023-01-01"


def test_influenza_comes_in_winter(admissions):
    months = Counter(row["admission_date"][5:7] for row in having(admissions, diagnosis="influenza"))
    assert set(months) <= {"10", "11", "12", "01", "02", "03", "04", "05"}
    assert months["12"] + months["01"] + months["02"] > sum(months.values()) / 2


def test_hips_break_in_old_women(admissions):
    rows = [row for row in admissions if row["icd10"].startswith("S72")]
    assert len(rows) > 60
    assert 0.65 <= share(rows, lambda row: row["sex"] == "F") <= 0.8
    assert share(rows, lambda row: row["age"] > 60) >= 0.9
    assert 78 <= median(row["age"] for row in rows) <= 85


def test_only_women_of_16_to_48_give_birth(admissions):
    rows = having(admissions, department="obstetrics")
    assert {row["sex"] for row in rows} == {"F"}
    assert min(row["age"] for row in rows) >= 16 and max(row["age"] for row in rows) <= 48
    assert 28 <= mean(row["age"] for row in rows) <= 32


def test_diagnoses_fit_sex_and_age(admissions):
    assert {row["sex"] for row in having(admissions, diagnosis="enlarged prostate")} == {"M"}
    assert {row["sex"] for row in having(admissions, diagnosis="ovarian cancer")} == {"F"}
    assert max(row["age"] for row in having(admissions, department="paediatrics")) <= 40
    assert max(row["age"] for row in having(admissions, diagnosis="bronchiolitis caused by RSV")) <= 2


def test_pacemakers_are_for_the_old(admissions):
    new = having(admissions, diagnosis="heart block", implant="pacemaker")
    assert new == having(admissions, diagnosis="heart block") != []
    assert 72 <= mean(row["age"] for row in new) <= 79


def test_one_implant_and_some_diseases_are_rare(admissions):
    assert len(having(admissions, implant="auditory brainstem implant")) == 1
    patients = defaultdict(set)
    for row in admissions:
        patients[row["diagnosis"]].add(row["patient"])
    assert sum(len(one) == 1 for one in patients.values()) >= 4


def test_large_areas_send_more_patients(admissions):
    areas = Counter(row["postcode"] for row in admissions)
    assert len(areas) == 30 and all(len(area) == 5 and area.startswith("00") and area[-1] == "x" for area in areas)
    assert areas["0000x"] > 10 * areas["0029x"] > 0


def test_few_facts_single_people_out_as_in_the_literature(admissions):
    """Age in years and sex tell little, a place tells more, and a date nearly all.

    87 % of the population of the USA are unique by ZIP code, sex and date of birth (Sweeney 2000), 63 % by another
    count (Golle 2006, https://crypto.stanford.edu/~pgolle/papers/census.pdf); newspapers singled out 43 % of the
    patients they wrote of (Sweeney 2013, https://arxiv.org/abs/1307.1370).
    """
    assert people_alone(admissions, "age", "sex") < 0.01
    assert 0.25 < people_alone(admissions, "age", "sex", "postcode") < 0.4
    assert 0.6 < people_alone(admissions, "age", "sex", "postcode", "body_part") < 0.8
    assert people_alone(admissions, "age", "sex", "postcode", "admission_date") > 0.99


def test_neighbours_know_true_things_and_find_some_people_but_not_all(admissions):
    truth = {row["who"]: row for row in read("truth.csv")}
    known = read("known.csv")
    assert [row["who"] for row in known] == list(truth)
    alone = 0
    for fact in known:
        found = crowd(admissions, fact)
        assert truth[fact["who"]]["admission"] in {row["admission"] for row in found}, fact["who"]
        alone += len({row["patient"] for row in found}) == 1
    assert 4 <= alone < len(known)


def test_ada_jonas_and_rosa_are_in_it(builder, admissions):
    hospital = builder("hospital")
    truth = {row["name"]: row["admission"] for row in read("truth.csv")}
    for patient, image, implant in [
        (hospital.ADA, ("2024-03-11", "HEAD", "CT"), ""),
        (hospital.JONAS, ("2023-10-16", "CHEST", "DX"), "pacemaker"),
        (hospital.ROSA, ("2024-01-22", "HAND", "DX"), ""),
    ]:
        [row] = having(admissions, admission=truth[patient.name])
        birth = date.fromisoformat(patient.birth_date)
        assert row["age"] == (date.fromisoformat(row["admission_date"]) - birth).days // 365.25
        assert (row["admission_date"], row["body_part"], row["modality"]) == image
        assert (row["sex"], row["implant"]) == (patient.sex, implant)
        assert row["postcode"][:4] in patient.address


@pytest.fixture(scope="module")
def openings(admissions):
    """Each line of the log with the stay that was opened and the member of staff who did it."""
    stays = {row["admission"]: row for row in admissions}
    staff = {row["user"]: row for row in read("staff.csv")}
    return [(line, stays[line["admission"]], staff[line["user"]]) for line in read("access.csv")]


def days_after(line, stay):
    return (date.fromisoformat(line["time"][:10]) - date.fromisoformat(stay["admission_date"])).days


def test_the_log_is_of_march_and_sorted_and_most_of_it_is_care(openings):
    times = [line["time"] for line, _, _ in openings]
    assert times == sorted(times) and times[0][:7] == times[-1][:7] == "2024-03"
    assert share(openings, lambda one: one[1]["department"] == one[2]["department"]) > 0.6
    asked = [(stay, member) for line, stay, member in openings if line["asked"]]
    assert len(asked) > 30 and all(stay["department"] != member["department"] for stay, member in asked)


def test_two_users_opened_records_of_other_departments_unasked(openings):
    elsewhere = [
        (line, stay, member)
        for line, stay, member in openings
        if member["department"] not in (stay["department"], "emergency", "radiology") and not line["asked"]
    ]
    by_user = defaultdict(list)
    for _, stay, member in elsewhere:
        by_user[member["department"], member["user"]].append(stay)
    assert sorted(department for department, _ in by_user) == ["psychiatry", "urology"]
    for (department, _), stays in by_user.items():
        if department == "urology":  # the neighbour
            assert {stay["admission"] for stay in stays} == {"A2855"} and len(stays) == 2
            [member] = {member["postcode"] for _, stay, member in elsewhere if stay["admission"] == "A2855"}
            assert member == stays[0]["postcode"]
        else:
            assert len({stay["patient"] for stay in stays}) == 9
            assert {stay["department"] for stay in stays} == {"obstetrics"}


def test_one_opening_comes_weeks_after_the_patient_went_home(openings):
    own = [(line, stay) for line, stay, member in openings if stay["department"] == member["department"]]
    late = [stay["admission"] for line, stay in own if days_after(line, stay) > stay["nights"] + 10]
    assert late == [row["admission"] for row in read("truth.csv") if row["who"] == "baker"]
    assert all(days_after(line, stay) >= 0 for line, stay, _ in openings)


def test_the_makers_list_knows_jonas_by_his_serial_number(builder):
    rows = read("implants.csv")
    assert len({row["serial"] for row in rows}) == len(rows)
    jonas = builder("hospital").JONAS
    [row] = having(rows, name=jonas.name)
    assert row["serial"] in jonas.history and row["implanted"][:4] in jonas.history
    assert (row["birth_date"].replace("-", ""), row["address"]) == (jonas.birth_date, jonas.address)
    assert sum(other["serial"][:8] == row["serial"][:8] for other in rows) == 3
