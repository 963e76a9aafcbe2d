"""The self-checks of the episode "Sharing safely": each prints what is still wrong, or a line with a ✔."""

from collections.abc import Callable, Mapping, Sequence

from . import combinations, data
from .check import _report
from .profile import METHODS

# What the course of the episode needs, and what it does not.
LEAST = {
    "CT slices of the head": "send",
    "ultrasound of the kidney": "send",
    "radiograph of the hand": "send",
    "CT slice of a jaw": "leave out",
    "screenshot of the worklist": "leave out",
    "scanned referral": "leave out",
    "contours of the bleeding": "leave out",
    "names and birth dates": "leave out",
    "dates of the scans": "leave out",
    "days between the scans": "send",
    "age": "send",
    "hospital and scanner": "leave out",
}
OPTIONS_NEEDED = {
    "retain_longitudinal_modified_dates": "the course asks how many days lie between the scans",
    "retain_patient_characteristics": "the course asks for the age",
}

# Files of data/messy/ that the audit has something to tell of.
REFUSED = 9
CUT_OFF, CROWDED = "IM_0003.dcm", "screenshot.dcm"

# The cases as they stand in the register, and how small a crowd may be.
IN_REGISTER = {
    "head": {"age": 62, "body_part": "HEAD", "modality": "CT"},
    "kidney": {"age": 34, "body_part": "ABDOMEN", "modality": "US"},
    "hand": {"age": 34, "body_part": "HAND"},
}
SEEN = {"head": "bleeding"}  # what the image itself tells of the diagnosis
SMALLEST_CROWD = 5
WIDEST = 20  # years: a wider range says nearly nothing

# What a search has to find, and what it must not: the words, the bytes, and which of the words are in them.
WORDS = ("Testperson", "Specimen", "EHN-4711093", "Prüfling", "20240311")
IN_BYTES: tuple[tuple[str, bytes, tuple[str, ...]], ...] = (
    ("a name as it is", b"\x10\x00\x10\x00PN\x16\x00Testperson^Ada Fictia", ("Testperson",)),
    ("a name in capitals", b"CT OF TESTPERSON ADA", ("Testperson",)),
    ("a name in UTF-16, as Windows writes it", "256_Specimen_Rosa.jpg".encode("utf-16-le"), ("Specimen",)),
    ("a name with an umlaut in Latin-1", "mother: Prüfling, Erna".encode("latin-1"), ("Prüfling",)),
    ("a name with an umlaut in UTF-8", "mother: Prüfling, Erna".encode(), ("Prüfling",)),
    ("a name with an umlaut in capitals", "PRÜFLING^ERNA".encode("latin-1"), ("Prüfling",)),
    ("a date inside a UID", b"1.2.826.0.1.3680043.8.498.60417.20240311101515.1", ("20240311",)),
    ("bytes without any of the words", b"Anonymous^6AHBQZ6HY2TKWJ7Y\x00test person specime n 2024 03 11", ()),
)

# To whom the cases of data/hurried/ lead; every other answer is looked at only where one of these is.
LEADS_TO = {
    "case1": ("priya", "exemplar"),
    "case2": ("rosa", "specimen", "ehn-6093847"),
    "case3": ("2593", "a2855", "ada", "testperson"),
    "case4": ("nobody",),
    "case5": ("nobody",),
}

COLUMNS = ("PixelSpacing", "SliceThickness")
IDENTIFYING = ("StudyDate",)


def planned(plan: Mapping[str, str]) -> None:
    """Print whether the plan sends what the course needs, and leaves out everything else."""
    if (said := _answers(plan, LEAST)) is None:
        return
    problems = []
    for thing, answer in LEAST.items():
        if said[thing] not in ("send", "leave out"):
            problems.append(f'{thing}: write "send" or "leave out".')
        elif said[thing] != answer and answer == "send":
            problems.append(f"{thing}: the course cannot do without. Read the letter again.")
        elif said[thing] != answer:
            problems.append(f"{thing}: which question of the course does it answer?")
    _report(problems, "Five things go, seven stay. What stays cannot leak.")


def audit_read(answers: Mapping[str, object]) -> None:
    """Print whether the learner read in the audit what was refused, what is not whole, and what names most people."""
    right = {"refused": REFUSED, "not whole": CUT_OFF, "most text": CROWDED}
    if (said := _answers(answers, right)) is None:
        return
    problems = []
    if said["refused"] != str(REFUSED):
        problems.append("refused: count the lines with a reason.")
    if not said["not whole"].endswith(CUT_OFF.lower()):
        problems.append("not whole: one reason says that a file breaks off. Write the file's name.")
    if not said["most text"].endswith(CROWDED.lower()):
        problems.append("most text: look for the greatest number of findings of the kind text. Write the file's name.")
    _report(problems, "Nine files need a decision of yours, one has to be asked for again, and one names a whole ward.")


def options_decided(decisions: Mapping[str, str]) -> None:
    """Print whether each option of the profile is decided on, and only those are chosen that the course needs."""
    if (said := _answers(decisions, METHODS)) is None:
        return
    problems = []
    for name in METHODS:
        if said[name] not in ("yes", "no"):
            problems.append(f'{name}: write "yes" or "no".')
        elif said[name] == "no" and name in OPTIONS_NEEDED:
            problems.append(f"{name}: {OPTIONS_NEEDED[name]}, and without this option it is gone.")
        elif said[name] == "yes" and name not in OPTIONS_NEEDED:
            problems.append(f"{name}: nobody asked for what it keeps. What would you write down as the reason?")
    _report(problems, f"{len(METHODS)} decisions, two of them yes, and both with a reason from the letter.")


def search_works(search: Callable[[bytes, Sequence[str]], Sequence[str]]) -> None:
    """Print whether ``search(content, words)`` returns the words that are in the bytes, however they are written."""
    problems = []
    for what, content, right in IN_BYTES:
        try:
            found = set(search(content, list(WORDS)))
        except (AttributeError, LookupError, NameError, TypeError, ValueError) as error:
            problems.append(f"with {what}, your search stops: {type(error).__name__}: {error}.")
            break
        if missed := set(right) - found:
            problems.append(f"{what} is missed: {', '.join(sorted(missed))} is in it.")
        if invented := found - set(right):
            problems.append(f"in {what}, it finds {', '.join(sorted(map(str, invented)))}, which is not there.")
    _report(problems, f"All {len(IN_BYTES)} samples are right. Take it to the folder.")


def ages_blunted(ages: Mapping[str, str]) -> None:
    """Print whether each range hides its patient among enough people of the register, and says as much as it can."""
    if (said := _answers(ages, IN_REGISTER)) is None:
        return
    problems = []
    for case, facts in IN_REGISTER.items():
        first, _, last = said[case].replace("-", " to ").partition(" to ")
        if not first.isdecimal() or not (last or first).isdecimal():
            problems.append(f'{case}: write a range such as "20 to 29".')
            continue
        low, high, true = int(first), int(last or first), int(str(facts["age"]))
        crowd = combinations.crowd(data.folder("register") / "admissions.csv", {**facts, "age": f"{low} to {high}"})
        people = len({row["patient"] for row in crowd if SEEN.get(case, "") in row["diagnosis"]})
        if not low <= true <= high:
            problems.append(f"{case}: the patient's age is not in the range, so the table would be wrong.")
        elif people < SMALLEST_CROWD:
            who = f"people with a {SEEN[case]}" if case in SEEN else "people"
            problems.append(f"{case}: number of {who} in the register who fit: {people}, and {SMALLEST_CROWD} should.")
        elif high - low >= WIDEST:
            problems.append(f"{case}: this says hardly anything. A narrower range hides the patient as well.")
    _report(problems, "Everybody has a crowd, and the course still knows young from old.")


def leaks_named(who: Mapping[str, str]) -> None:
    """Print whether the learner found the three cases of data/hurried/ that lead to a person, and that person."""
    if (said := _answers(who, LEADS_TO)) is None:
        return
    problems = []
    for case, right in LEADS_TO.items():
        if said[case] in ("?", ""):
            problems.append(f'{case} is still open: write a name, a number, or "nobody".')
        elif any(word in said[case] for word in right):
            continue
        elif right == ("nobody",):
            problems.append(f"{case}: we know of no road from here to a person. What did you see?")
        elif "nobody" in said[case]:
            problems.append(f"{case} leads to somebody. Which of the ways have you not tried on it?")
        else:
            problems.append(f"{case} leads to somebody else.")
    _report(problems, "A face, a faint name, a date within a UID: three leaks, three ways, and no header helped.")


def columns_chosen(keep: Sequence[str], identifying: Sequence[str]) -> None:
    """Print whether the table of the export gets the columns that the course needs, and no others."""
    problems = []
    for name, said, right in (("keep", keep, COLUMNS), ("identifying", identifying, IDENTIFYING)):
        if isinstance(said, str) or not isinstance(said, Sequence):
            problems.append(f"`{name}` is a list of keywords, such as {list(right)[:1]}.")
            continue
        problems += [f"{word} is missing in `{name}`." for word in right if word not in said]
        wanted = (*COLUMNS, *IDENTIFYING)
        problems += [f"{word} belongs in the other list." for word in said if word in wanted and word not in right]
        if many := [str(word) for word in said if word not in wanted]:
            more = f" and {len(many) - 3} more" if len(many) > 3 else ""
            problems.append(f"no question of the course needs {', '.join(many[:3])}{more} in `{name}`.")
    _report(problems, "Three columns: all that the course asks for, and one of them you name as identifying.")


def _answers(said: object, right: Mapping[str, object]) -> dict[str, str] | None:
    """Return what was said on each thing, in small letters; say what is wrong with it, and None, if it is unusable."""
    if not isinstance(said, Mapping):
        print("Not yet: the answer is a dictionary. Run the starter cell again, then fill it in.")
        return None
    return {str(thing): str(said.get(thing, "?")).strip().lower() for thing in right}
