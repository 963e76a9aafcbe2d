"""Make the register of the Example Hospital of Nowhere, and the little that neighbours know about some of its patients.

`python data/build/register.py` writes data/register/ (admissions.csv, known.csv, truth.csv; and, by access_log.py,
staff.csv, access.csv, implants.csv), the same bytes every time:
random numbers come from random.Random.random alone: Python promises its stream, and not that of the other methods.

Nowhere has 24,730 inhabitants in 30 postcode areas.  Its postcodes have five digits, of which the register keeps four:
"0001x" is where 00017 lies, and 000xx, 001xx and 002xx are Lower, Upper and Outer Nowhere.
A row is an admission with at least one image; healthy newborns are left out.  All numbers were dealt at random.

Where the shape of the data comes from (conditions.csv has the numbers for each diagnosis):
- size: 116 stays a year per 1,000 inhabitants in the USA, less newborns, are 5,000 in two years here; a stay takes
  4.5 days on average (https://hcup-us.ahrq.gov/reports/statbriefs/sb180-Hospitalizations-United-States-2012.jsp)
- ages, and what children, adults and the old are admitted for: HCUP Fact Book 6, table 4
  (https://archive.ahrq.gov/data/hcup/factbk6/fbk6tab4.htm)
- what is frequent: sepsis, heart failure, worn joints, pneumonia, diabetes (HCUP Statistical Brief 277,
  https://hcup-us.ahrq.gov/reports/statbriefs/sb277-Top-Reasons-Hospital-Stays-2018.jsp)
- influenza: October to May, most often with its peak in February (https://www.cdc.gov/flu/about/season/index.html)
- fractures of the hip: from the age of 65 on 957 women and 414 men per 100,000 a year
  (https://doi.org/10.1001/jama.2009.1462); 90 % of the patients are older than 60 (https://doi.org/10.1002/acr.21580)
- births: mothers are 27.5 years old at the first child on average, older later (https://doi.org/10.15620/cdc/174598)
- new pacemakers: 75.9 ± 10.4 years, 43 % women (https://doi.org/10.3389/fcvm.2023.1248145)
- joint prostheses: 5.3 % have one in the hip and 10.4 % in the knee at 80 (https://doi.org/10.2106/JBJS.N.01141)
- weekends: fewer admissions (https://evidence.nihr.ac.uk/alert/study-raises-questions-about-nhs-weekend-effect/)
Chosen without a source: inhabitants of each area, who comes back, what is imaged, other implants, other seasons, the
size of the weekend's dip, the exact weights, and rare diseases (a patient or a few of each).
"""

import csv
import random
from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from itertools import accumulate
from math import fsum
from pathlib import Path
from typing import Any

import access_log
import hospital

SEED = 20230101
ADMISSIONS = 5000
DAYS = [date(2023, 1, 1) + timedelta(days=n) for n in range(731)]  # two years, the second one a leap year

INHABITANTS = {
    "000": [2400, 1900, 1700, 1500, 1400, 1200, 1100, 1000, 900, 800],
    "001": [1200, 1100, 900, 800, 700, 600, 600, 500, 400, 400],
    "002": [900, 700, 500, 400, 300, 250, 200, 150, 120, 110],
}
POSTCODES = {f"{region}{n}x": count for region, counts in INHABITANTS.items() for n, count in enumerate(counts)}

# How often an admission falls on each month, and on each day from Monday to Sunday.
SEASONS = {
    "even": [10] * 12,
    "winter": [16, 15, 13, 10, 8, 7, 6, 6, 7, 9, 11, 15],
    "summer": [7, 7, 8, 10, 12, 14, 15, 14, 12, 9, 7, 7],
    "flu": [30, 32, 16, 5, 2, 0, 0, 0, 0, 2, 6, 20],
}
WEEKS = {"no": [11, 10, 10, 10, 10, 8, 8], "yes": [12, 12, 12, 10, 7, 1, 3]}  # was the stay planned?

CALENDARS = {
    (season, planned): [months[day.month - 1] * week[day.weekday()] for day in DAYS]
    for season, months in SEASONS.items()
    for planned, week in WEEKS.items()
}

# What people carry from earlier years: the age from which on they have it, and the share of patients at 80.
EARLIER_IMPLANTS = {
    "pacemaker": (55, 0.06),
    "coronary stent": (45, 0.08),
    "hip prosthesis": (45, 0.053),
    "knee prosthesis": (50, 0.104),
}
ALIVE = 0.85  # how many of the people older than 88 live another year
ANOTHER_REASON = 0.08  # how likely it is that somebody comes back for something else


@dataclass(frozen=True)
class Condition:
    """A line of conditions.csv: what people are admitted for, who they are, when they come and how long they stay."""

    code: str  # ICD-10
    diagnosis: str
    department: str
    imaging: str  # body part and modality, one or more of them
    weight: float
    age: float
    spread: float
    youngest: int
    oldest: int
    women: float
    season: str
    planned: str
    nights: int
    again: float
    implant: str


@dataclass
class Person:
    """Somebody in Nowhere; only those whom the lesson looks for have a name."""

    birth: date
    sex: str
    postcode: str
    implant: str = ""
    name: str = ""


@dataclass(frozen=True)
class Stay:
    """An admission that has no number yet."""

    person: Person
    day: date
    department: str
    image: str
    code: str
    diagnosis: str
    nights: int
    implant: str = ""


@dataclass(frozen=True)
class Row:
    """A row of admissions.csv."""

    admission: str
    patient: str
    age: int
    sex: str
    postcode: str
    admission_date: str
    department: str
    body_part: str
    modality: str
    icd10: str
    diagnosis: str
    nights: int
    implant: str


@dataclass(frozen=True)
class Known:
    """A row of known.csv: what somebody outside the hospital knows; empty where they know nothing."""

    who: str
    story: str
    age: str = ""
    sex: str = ""
    postcode: str = ""
    admission_date: str = ""
    department: str = ""
    body_part: str = ""
    diagnosis: str = ""
    implant: str = ""


@dataclass(frozen=True)
class Truth:
    """A row of truth.csv: whom a row of known.csv is about."""

    who: str
    name: str
    patient: str
    admission: str


# Those whom the lesson looks for --------------------------------------------------------------------------------------


def resident(patient: hospital.Patient, implant: str = "") -> Person:
    """Return a patient of hospital.py as somebody who lives in Nowhere."""
    postcode = patient.address.split(", ")[1].split(" ")[0]
    return Person(date.fromisoformat(patient.birth_date), patient.sex, postcode[:4] + "x", implant, patient.name)


ADA = resident(hospital.ADA)
JONAS = resident(hospital.JONAS, "pacemaker")
ROSA = resident(hospital.ROSA)
LENE = Person(date(1991, 6, 23), "F", "0012x", "auditory brainstem implant", "Beispiel^Lene")
ALWIN = Person(date(1922, 8, 30), "M", "0006x", "", "Muster^Alwin")
MIRA = Person(date(1996, 11, 5), "F", "0004x", "", "Attrappe^Mira")
TIM = Person(date(2014, 10, 19), "M", "0013x", "", "Dummy^Tim")
GEORG = Person(date(1953, 2, 8), "M", "0000x", "", "Specimen^Georg")
TYPE_1 = "type 1 diabetes with ketoacidosis"

SOUGHT = [
    (
        Stay(ADA, date(2024, 3, 11), "neurology", "HEAD CT", "S06.3", "bleeding in the brain after a fall", 5),
        Known(
            "ladder",
            "The woman next door, about 62, fell off a ladder around 10 March 2024 and hit her head.",
            age="60 to 64",
            sex="F",
            postcode="0001x",
            admission_date="2024-03-09 to 2024-03-13",
            body_part="HEAD",
        ),
    ),
    (
        Stay(JONAS, date(2023, 10, 16), "internal medicine", "CHEST DX", "J18", "pneumonia", 6, "pacemaker"),
        Known(
            "organ builder",
            "The organ builder, in his sixties, tells everybody about his pacemaker; he was ill in autumn 2023.",
            age="60 to 69",
            sex="M",
            postcode="0000x",
            admission_date="2023-09-01 to 2023-11-30",
            implant="pacemaker",
        ),
    ),
    (
        Stay(ROSA, date(2024, 1, 22), "internal medicine", "HAND DX", "E10.1", TYPE_1, 3),
        Known(
            "bracelet",
            "The puppet maker in her thirties wears a bracelet with the words TYPE 1 DIABETES.",
            age="30 to 39",
            sex="F",
            postcode="0002x",
            diagnosis=TYPE_1,
        ),
    ),
    (
        Stay(LENE, date(2023, 9, 19), "neurology", "HEAD MR", "Q85.0", "neurofibromatosis", 8, LENE.implant),
        Known(
            "singer",
            "The newspaper wrote of the singer who hears through an implant in her brainstem.",
            implant="auditory brainstem implant",
        ),
    ),
    (
        Stay(ALWIN, date(2024, 1, 18), "internal medicine", "CHEST DX", "J10", "influenza", 9),
        Known("birthday", "The mayor came to his 101st birthday in August 2023.", age="100 to 102", sex="M"),
    ),
    (
        Stay(MIRA, date(2023, 5, 9), "obstetrics", "PELVIS US", "O80", "birth", 2),
        Known(
            "baby",
            "My colleague, 26 or so, had her baby in the first half of May 2023.",
            age="24 to 28",
            sex="F",
            admission_date="2023-05-01 to 2023-05-15",
            department="obstetrics",
        ),
    ),
    (
        Stay(TIM, date(2024, 6, 29), "paediatrics", "ARM DX", "S52", "fracture of the forearm", 1),
        Known(
            "swing",
            "A boy in my daughter's class, 9 or 10 years old, fell off the swing in June 2024 and broke his arm.",
            age="9 to 10",
            sex="M",
            postcode="0013x",
            admission_date="2024-06-01 to 2024-06-30",
            body_part="ARM",
        ),
    ),
    (
        Stay(GEORG, date(2024, 2, 20), "cardiology", "CHEST DX", "I50", "heart failure", 7),
        Known(
            "baker",
            "The baker, about 70, was in hospital some time in 2024.",
            age="66 to 74",
            sex="M",
            postcode="0000x",
            admission_date="2024-01-01 to 2024-12-31",
        ),
    ),
]

ALSO = Stay(ROSA, date(2023, 11, 8), "urology", "ABDOMEN US", "N20", "kidney stones", 2)  # who finds Rosa finds this


# Chance ---------------------------------------------------------------------------------------------------------------


class Chance:
    """Random numbers that are the same on every machine and in every version of Python."""

    def __init__(self, seed: int):
        self.number = random.Random(seed).random

    def pick(self, choices: Iterable, weights: Iterable[float]) -> Any:
        """Return one of the choices, each as often as its weight says."""
        sums = list(accumulate(weights))
        return list(choices)[bisect(sums, self.number() * sums[-1])]

    def around(self, mean: float, spread: float) -> float:
        """Return a number of a bell curve, made from sums, for not every machine computes logarithms alike."""
        return mean + spread * (fsum(self.number() for _ in range(12)) - 6)

    def happens(self, probability: float) -> bool:
        """Return whether something of this probability happens."""
        return self.number() < probability


# Admissions -----------------------------------------------------------------------------------------------------------


def read_conditions() -> list[Condition]:
    """Return the lines of conditions.csv."""
    kinds = [field.type for field in fields(Condition)]
    with (Path(__file__).parent / "conditions.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    return [Condition(*(kind(value) for kind, value in zip(kinds, line, strict=True))) for line in lines]


CONDITIONS = read_conditions()
WEIGHTS = [condition.weight for condition in CONDITIONS]


def age_on(day: date, birth: date) -> int:
    """Return the age in whole years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def person_with(chance: Chance, condition: Condition, day: date) -> Person:
    """Return somebody who has the condition on that day."""
    age = -1
    while not condition.youngest <= age <= condition.oldest or not chance.happens(ALIVE ** max(age - 88, 0)):
        age = int(chance.around(condition.age + 0.5, condition.spread) // 1)
    birth = date(day.year - age, day.month, min(day.day, 28)) - timedelta(days=int(364 * chance.number()))
    sex = "F" if chance.happens(condition.women) else "M"
    person = Person(birth, sex, chance.pick(POSTCODES, POSTCODES.values()))
    for implant, (youngest, share) in EARLIER_IMPLANTS.items():
        if chance.happens(share * min(max((age - youngest) / (80 - youngest), 0), 1)):
            person.implant = implant
    return person


def stay(chance: Chance, person: Person, condition: Condition, day: date) -> Stay:
    """Return an admission for the condition; it may give the person an implant."""
    person.implant = condition.implant or person.implant
    image = chance.pick(condition.imaging.split("|"), [1] * len(condition.imaging.split("|")))
    nights = max(1, round(condition.nights * 2 ** chance.around(-0.6, 0.8)))
    return Stay(person, day, condition.department, image, condition.code, condition.diagnosis, nights, person.implant)


def stays(chance: Chance) -> Iterator[Stay]:
    """Yield the admissions of one person after another, without end."""
    while True:
        condition = chance.pick(CONDITIONS, WEIGHTS)
        day = chance.pick(DAYS, CALENDARS[condition.season, condition.planned])
        person = person_with(chance, condition, day)
        yield stay(chance, person, condition, day)
        yield from later_stays(chance, person, condition, day)


def later_stays(chance: Chance, person: Person, condition: Condition, day: date) -> Iterator[Stay]:
    """Yield the admissions of somebody who comes back, for the same or for something else."""
    while True:
        day += timedelta(days=14 + int(250 * chance.number() * chance.number()))
        if chance.happens(ANOTHER_REASON):
            condition = another(chance, person, day)
        elif not chance.happens(condition.again):
            return
        if condition.planned == "yes":
            day += timedelta(days=[0, 0, 0, 0, 0, 2, 1][day.weekday()])  # from the weekend to Monday
        if day > DAYS[-1]:
            return
        yield stay(chance, person, condition, day)


def another(chance: Chance, person: Person, day: date) -> Condition:
    """Return a condition that fits sex, age and season; no birth, for there may just have been one."""
    age = age_on(day, person.birth)
    while True:
        condition = chance.pick(CONDITIONS, WEIGHTS)
        if (
            condition.department != "obstetrics"
            and chance.happens(condition.women if person.sex == "F" else 1 - condition.women)
            and condition.youngest <= age <= condition.oldest
            and abs(age - condition.age) <= 2 * condition.spread
            and chance.happens(SEASONS[condition.season][day.month - 1] / max(SEASONS[condition.season]))
        ):
            return condition


# The tables -----------------------------------------------------------------------------------------------------------


def tables() -> tuple[list[Row], list[Known], list[Truth]]:
    """Return the rows of admissions.csv, known.csv and truth.csv."""
    chance = Chance(SEED)
    others = stays(chance)
    everything = [ALSO, *(stay for stay, _ in SOUGHT)]
    everything += [next(others) for _ in range(ADMISSIONS - len(everything))]
    everything.sort(key=lambda _: chance.number())
    patients: dict[int, str] = {}
    rows, truths = [], []
    for number, one in enumerate(everything, start=1):
        admission = f"A{number:04d}"
        patient = patients.setdefault(id(one.person), f"P{len(patients) + 1:04d}")
        rows.append(row(one, admission, patient))
        truths += [Truth(known.who, one.person.name, patient, admission) for stay, known in SOUGHT if stay is one]
    known = [known for _, known in SOUGHT]
    order = [line.who for line in known]
    return rows, known, sorted(truths, key=lambda truth: order.index(truth.who))


def row(one: Stay, admission: str, patient: str) -> Row:
    """Return an admission's row in the register."""
    body_part, modality = one.image.split(" ")
    return Row(
        admission=admission,
        patient=patient,
        age=age_on(one.day, one.person.birth),
        sex=one.person.sex,
        postcode=one.person.postcode,
        admission_date=one.day.isoformat(),
        department=one.department,
        body_part=body_part,
        modality=modality,
        icd10=one.code,
        diagnosis=one.diagnosis,
        nights=one.nights,
        implant=one.implant,
    )


def write(path: Path, lines: list) -> Path:
    """Write a table; it gets its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(lines[0]))
        writer.writerows(astuple(line) for line in lines)
    unfinished.replace(path)
    return path


def build(folder: Path) -> list[Path]:
    """Write the register and what lies beside it into the folder and return the files' paths."""
    rows, known, truths = tables()
    chance = Chance(SEED + 1)
    staff = access_log.staff(chance, POSTCODES)
    log = access_log.log(chance, rows, staff, {truth.who: truth.admission for truth in truths})
    implants = access_log.implants(chance, POSTCODES)
    lists = {
        "admissions": rows, "known": known, "truth": truths, "staff": staff, "access": log, "implants": implants,
    }  # fmt: skip
    return [write(folder / f"{name}.csv", table) for name, table in lists.items()]


if __name__ == "__main__":
    for path in build(Path(__file__).parents[1] / "register"):
        print(path.name, path.stat().st_size, "bytes")
