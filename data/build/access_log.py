"""Make three tables beside the register: the hospital's staff, who of them opened which record, and a maker's list.

register.py calls it.  staff.csv and access.csv are the Example Hospital's: the openings of records in March 2024, most
by those who treat the patient, some by those whose advice was asked for, and a few out of curiosity.  implants.csv is
what the invented maker of Jonas's pacemaker knows of those who carry one.  All was dealt at random.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import hospital

FIRST, LAST = date(2024, 3, 1), date(2024, 3, 31)

# How many doctors and nurses work where; the last two see patients of all departments.
POSTS = {
    "cardiology": (5, 8),
    "ear nose and throat": (2, 3),
    "gynaecology": (2, 3),
    "internal medicine": (8, 12),
    "neurology": (4, 6),
    "obstetrics": (4, 7),
    "oncology": (2, 4),
    "orthopaedics": (4, 6),
    "paediatrics": (3, 5),
    "psychiatry": (3, 6),
    "surgery": (5, 8),
    "urology": (2, 4),
    "emergency": (4, 6),
    "radiology": (4, 5),
}
EVERYWHERE = ("emergency", "radiology")

# Where those nurses work who are curious: Ada's neighbour, one who reads at night, one who looks weeks later.
NEIGHBOUR, NIGHT_OWL, LATE = "urology", "psychiatry", "cardiology"

GIVEN = "Alma Bruno Clara David Edda Felix Greta Hanno Ida Jost Karla Lorenz Mina Nils Olga Paul Runa Simon".split()
FAMILY = "Attrappe Beispiel Dummy Exemplar Fiktiv Muster Placebo Platzhalter Probe Specimen".split()
STREETS = ["Invented Lane", "Made-up Mews", "Imaginary Square", "Fabricated Row"]
JONAS_SERIAL, JONAS_IMPLANTED = "NX 4471203", "2021-05-18"


@dataclass(frozen=True)
class Member:
    """A row of staff.csv."""

    user: str
    role: str
    department: str
    postcode: str


@dataclass(frozen=True)
class Access:
    """A row of access.csv; `asked` says whether the patient's department had asked the user's for advice."""

    time: str
    user: str
    admission: str
    asked: str


@dataclass(frozen=True)
class Implant:
    """A row of implants.csv."""

    serial: str
    model: str
    implanted: str
    hospital: str
    name: str
    birth_date: str
    address: str


def staff(chance: Any, postcodes: dict[str, int]) -> list[Member]:
    """Return those who may open records; their numbers tell nothing of where they work."""
    posts = [
        (role, department)
        for department, counts in POSTS.items()
        for role, count in zip(("doctor", "nurse"), counts, strict=True)
        for _ in range(count)
    ]
    posts.sort(key=lambda _: chance.number())
    members = [
        Member(f"U{number:03d}", role, department, chance.pick(postcodes, postcodes.values()))
        for number, (role, department) in enumerate(posts, start=1)
    ]
    living = members.index(nurses(members, NEIGHBOUR)[0])
    members[living] = replace(members[living], postcode="0001x")  # Ada's
    return members


def nurses(members: list[Member], department: str) -> list[Member]:
    """Return the nurses of a department."""
    return [one for one in members if (one.role, one.department) == ("nurse", department)]


def log(chance: Any, rows: list, members: list[Member], of: dict[str, str]) -> list[Access]:
    """Return who opened which record in March 2024; `of` has the admissions of those whom the lesson looks for."""
    entries = []
    for row in rows:
        if FIRST <= date.fromisoformat(row.admission_date) <= LAST:
            entries += stay(chance, row, members)
    entries += curious(chance, rows, members, of)
    return sorted((one for one in entries if one.time < "2024-04"), key=lambda one: (one.time, one.user))


def stay(chance: Any, row: Any, members: list[Member]) -> list[Access]:
    """Return the openings that a stay needs: arrival, images, ward rounds, advice, and the letter after it."""
    entries = []
    day = date.fromisoformat(row.admission_date)

    def opens(department: str, role: str, after: int, asked: str = "") -> None:
        able = [one for one in members if (one.department, one.role) == (department, role)]
        hour = 7 + int(12 * chance.number()) if role == "doctor" else int(24 * chance.number())
        time = datetime(day.year, day.month, day.day, hour, int(60 * chance.number())) + timedelta(days=after)
        entries.append(Access(f"{time:%Y-%m-%d %H:%M}", chance.pick(able, [1] * len(able)).user, row.admission, asked))

    if chance.happens(0.5):
        opens("emergency", "nurse", 0)
        opens("emergency", "doctor", 0)
    opens("radiology", "nurse", 0)
    opens("radiology", "doctor", 1)
    for after in range(min(row.nights, 8) + 1):
        opens(row.department, "nurse", after)
        if chance.happens(0.6):
            opens(row.department, "doctor", after)
    if chance.happens(0.15):
        others = [name for name in POSTS if name not in (row.department, *EVERYWHERE)]
        adviser = chance.pick(others, [1] * len(others))
        for after in range(1 + chance.happens(0.4)):
            opens(adviser, "doctor", 1 + after, "yes")
    if chance.happens(0.5):
        opens(row.department, "doctor", row.nights + 1 + int(8 * chance.number()))
    return entries


def curious(chance: Any, rows: list, members: list[Member], of: dict[str, str]) -> list[Access]:
    """Return the openings that no treatment needed."""
    neighbour, owl, late = (nurses(members, where)[0].user for where in (NEIGHBOUR, NIGHT_OWL, LATE))
    births = [
        row.admission
        for row in rows
        if row.department == "obstetrics" and "2024-03-04" <= row.admission_date <= "2024-03-20"
    ]
    births.sort(key=lambda _: chance.number())
    night = [Access(f"2024-03-22 03:{14 + 2 * number:02d}", owl, one, "") for number, one in enumerate(births[:9])]
    return [
        Access("2024-03-12 22:41", neighbour, of["ladder"], ""),
        Access("2024-03-14 21:58", neighbour, of["ladder"], ""),
        Access("2024-03-24 16:05", late, of["baker"], ""),  # the right department, four weeks after he went home
        *night,
    ]


def implants(chance: Any, postcodes: dict[str, int]) -> list[Implant]:
    """Return the maker's list, sorted by serial number; three numbers begin as that of Jonas's pacemaker does."""
    serials = [f"NX {4470000 + int(9999 * chance.number())}" for _ in range(57)] + ["NX 4471207", "NX 4471230"]
    people = [
        Implant(
            serial=serial,
            model=chance.pick(["Metronome SR", "Metronome DR"], [1, 2]),
            implanted=(date(2019, 1, 7) + timedelta(days=int(1900 * chance.number()))).isoformat(),
            hospital=chance.pick(["Example Hospital of Nowhere", "Sample Clinic of Elsewhere"], [1, 2]),
            name=f"{chance.pick(FAMILY, [1] * len(FAMILY))}^{chance.pick(GIVEN, [1] * len(GIVEN))}",
            birth_date=(date(1930, 1, 1) + timedelta(days=int(11000 * chance.number()))).isoformat(),
            address=f"{1 + int(40 * chance.number())} {chance.pick(STREETS, [1] * len(STREETS))}, "
            f"{chance.pick(postcodes, postcodes.values())[:4]}{int(10 * chance.number())} Nowhere",
        )
        for serial in dict.fromkeys(serials)
        if serial != JONAS_SERIAL
    ]
    born = date.fromisoformat(hospital.JONAS.birth_date).isoformat()
    here = "Example Hospital of Nowhere"
    name, address = hospital.JONAS.name, hospital.JONAS.address
    jonas = Implant(JONAS_SERIAL, "Metronome SR", JONAS_IMPLANTED, here, name, born, address)
    return sorted([*people, jonas], key=lambda one: one.serial)
