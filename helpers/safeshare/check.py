"""The lesson's self-checks: each looks at a learner's answer and prints what is still wrong, or a line with a ✔.

A check never raises and never gives the answer away; read one after you have tried.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import date, datetime
from numbers import Real

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID_dictionary

from . import metadata
from .finding import Finding
from .profile import METHODS, Options

# --- Episode "Intro to Anonymization" ---------------------------------------------------------------------------

# direct: names one person alone; quasi: fits many people, and singles one out together with others (a
# quasi-identifier, Sweeney 2002, doi:10.1142/S0218488502001648); neither: says nothing about the person.
KINDS_OF_FACTS = {
    "full name": "direct",
    "medical record number": "direct",
    "face in a head CT": "direct",
    "birth date": "quasi",
    "postcode": "quasi",
    "sex": "quasi",
    "date of the scan": "quasi",
    "rare diagnosis": "quasi",
    "slice thickness": "neither",
    "number of pixel rows": "neither",
}
WHAT_TO_ASK = {
    "direct": "could anybody else have the same one?",
    "quasi": "many people may share it, but does knowing it make the crowd smaller?",
    "neither": "is it about the person at all, or about how the scanner was set?",
}

# The letters of 45 CFR 164.514(b)(2)(i), "-" where none applies. A UID is a unique number (R); the one in this file
# also holds the date of the study (C).
SAFE_HARBOR_LETTERS = {
    "PatientName": "A",
    "PatientID": "H",
    "PatientSex": "-",
    "PatientWeight": "-",
    "StudyDate": "C",
    "StudyInstanceUID": "RC",
    "Modality": "-",
}


def facts_sorted(answers: Mapping[str, str]) -> None:
    """Print whether each fact is sorted into "direct", "quasi" or "neither"."""
    if not isinstance(answers, Mapping):
        print('Not yet: the answer is a dictionary, as in {"sex": "?"}. Run the starter cell again, then fill it in.')
        return
    said = {fact: str(answers.get(fact, "?")).strip().lower() for fact in KINDS_OF_FACTS}
    unsorted = [fact for fact, kind in said.items() if kind not in WHAT_TO_ASK]
    wrong = [fact for fact, kind in said.items() if kind in WHAT_TO_ASK and kind != KINDS_OF_FACTS[fact]]
    if unsorted:
        print(f'Not yet: write "direct", "quasi" or "neither" beside {", ".join(unsorted)}.')
    for fact in wrong:
        print(f"Not yet: {fact} is not {said[fact]}. Ask yourself: {WHAT_TO_ASK[KINDS_OF_FACTS[fact]]}")
    if not unsorted and not wrong:
        print("✔ All ten are in their places: three point at one person, five shrink the crowd, two do neither.")


def safe_harbor(answers: Mapping[str, str]) -> None:
    """Print whether each attribute of pydicom's MR_small.dcm has its letter of 45 CFR 164.514(b)(2)(i)."""
    if not isinstance(answers, Mapping):
        print('Not yet: the answer is a dictionary, as in {"Modality": "?"}. Run the starter cell again.')
        return
    said = {word: str(answers.get(word, "?")).strip().upper().replace("NONE", "-") for word in SAFE_HARBOR_LETTERS}
    given = {keyword: set(letters) - set(" ,/") for keyword, letters in said.items()}
    missing = [keyword for keyword, letters in given.items() if letters <= {"?"}]
    wrong = [
        keyword
        for keyword, letters in given.items()
        if keyword not in missing and not letters <= set(SAFE_HARBOR_LETTERS[keyword])
    ]
    if missing:
        print(f'Not yet: give {", ".join(missing)} a letter from A to R, or "-" where none of the 18 fits.')
    for keyword in wrong:
        if SAFE_HARBOR_LETTERS[keyword] == "-":
            print(f"Not yet: {keyword} is not {said[keyword]}. Read the 18 again: is it really among them?")
        elif said[keyword] == "-":
            print(f"Not yet: {keyword} is among the 18. Look at its value: what does it say, or whom is it made for?")
        else:
            print(f"Not yet: {keyword} is not {said[keyword]}. Another letter names it more exactly.")
    if not missing and not wrong:
        print("✔ Four of the seven are among the 18, and the law's list does not name the other three.")


def rows_alone(register: Sequence[Hashable], alone: Sequence[Hashable]) -> None:
    """Print whether ``alone`` holds the rows that occur only once in the register, and no others."""
    if not isinstance(alone, (list, tuple, set)):
        print("Not yet: `alone` is a list of rows. Begin with an empty one: alone = []")
        return
    times = Counter(register)
    right = [row for row in register if times[row] == 1]
    missing = [row for row in right if row not in alone]
    others = [row for row in alone if row not in right]
    if missing:
        print(f"Not yet: your list lacks {len(missing)} of the rows that occur once. Count each: register.count(row)")
    for row in others:
        twins = register.count(row)
        reason = f"it occurs {twins} times" if twins else "it is not in the register"
        print(f"Not yet: {row} does not belong in your list, since {reason}.")
    if not missing and not others:
        print(f"✔ {len(right)} of {len(register)} people are alone with their age, sex and postcode: for them, k = 1.")


# --- Episode "Metadata: what the header says" ------------------------------------------------------------------


def stripped_by_hand(mine: Dataset) -> None:
    """Print whether name and ID are empty, and whether other IDs, age, weight and private attributes are gone."""
    found = _found(mine)
    if found is None:
        return
    still = {finding.where: finding.what for finding in found}
    problems = []
    for keyword in ("PatientName", "PatientID"):
        if keyword not in mine:
            problems.append(f"{keyword} is gone, but every CT image must have it. Empty it instead.")
        elif keyword in still:
            problems.append(f"{keyword} still says {still[keyword]!r}.")
    for keyword in ("OtherPatientIDsSequence", "PatientAge", "PatientWeight"):
        if keyword in still:
            problems.append(f"{keyword} still holds {still[keyword]!r}.")
        elif keyword in mine:
            problems.append(f"{keyword} is empty, but it is still there, and nobody needs it. Which word takes it out?")
    private = sum(element.tag.is_private for element in mine.iterall())
    if private:
        problems.append(f"{private} private attributes are left. pydicom has one method for all of them.")
    praise = f"All of the task is done. Yet {len(found)} other places still point at the patient: read on."
    _report(problems, praise)


def guesses(dataset: Dataset, words: Sequence[str]) -> None:
    """Print whether at least eight keywords, of at least four kinds of facts, are on the list that ``find`` returns."""
    found = _found(dataset)
    if found is None:
        return
    if isinstance(words, str) or not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        print('Not yet: your guesses are a list of keywords, as in ["PatientName", "StudyDate"].')
        return
    facts = {finding.where: finding.why.split(" (")[0] for finding in found}
    right = {word for word in words if word in facts}
    problems = []
    for word in words:
        if word in right:
            continue
        if tag_for_keyword(word) is None:
            problems.append(f"{word!r} is no keyword of DICOM. Write it in one word with capitals, like PatientName.")
        elif word in dataset:
            problems.append(f"{word} may stay: the standard does not list it. Take it out of your guesses.")
        else:
            problems.append(f"{word} is not at the root of this file. Read the header again.")
    if len(right) < 8:
        problems.append(f"{len(right)} right so far. Eight are asked for.")
    kinds = {facts[word] for word in right}
    if len(kinds) < 4:
        missing = [fact for fact, _ in Counter(facts.values()).most_common() if fact not in kinds]
        problems.append(f'your guesses are of few kinds. Here is another, in the words of find: "{missing[0]}".')
    _report(problems, f"{len(right)} right guesses of {len(kinds)} kinds. In all, {len(found)} places are on the list.")


def share_left(share: float, originals: Sequence[Dataset], edited: Sequence[Dataset]) -> None:
    """Print whether ``share`` is the part of the findings in ``originals`` that ``edited`` still has."""
    if not isinstance(share, Real):
        print("Not yet: `share` has no number yet. Count the findings in the edited files, then in the originals.")
        return
    left = sum(len(metadata.find(dataset)) for dataset in edited)
    right = left / sum(len(metadata.find(dataset)) for dataset in originals)
    problems = []
    if abs(share - (1 - right)) < 0.005:
        problems.append("this is the share that the recipe took away. What is left is the rest.")
    elif share > 1:
        problems.append("a share lies between 0 and 1. Divide what is left by what was there.")
    elif abs(share - right) >= 0.005:
        problems.append("this is not the share. Did you add up all files, and divide the edited ones by the originals?")
    _report(problems, f"{share:.0%} of what the profile removes is still in the files.")


def actions(answers: Mapping[str, str], study: Sequence[Dataset]) -> None:
    """Print whether each answer, such as ``{"CT: PatientName": "Z"}``, is the action that the profile takes there."""
    if not isinstance(answers, Mapping) or not answers:
        print('Not yet: the answer is a dictionary, as in {"CT: PatientName": "Z"}. Run the starter cell again.')
        return
    problems = []
    for place, said in answers.items():
        modality, _, keyword = str(place).partition(": ")
        finding = _finding_in(study, modality, keyword)
        if finding is None:
            problems.append(f"{place} is not in the study. Leave the places in the starter cell as they are.")
        elif str(said).strip().upper() not in ("X", "Z", "D", "U"):
            problems.append(f"{place} needs one letter: X, Z, D or U.")
        elif str(said).strip().upper() != finding.action:
            code = finding.why.rpartition(": ")[2].rstrip(")")
            problems.append(f"{place} is not {said}. The table says {code}: which of it suits its Type there?")
    _report(problems, "Every action is right: the code says what may happen, the Type says what must not.")


def options_chosen(options: Options, dataset: Dataset, wanted: Sequence[str]) -> None:
    """Print whether ``options`` keep the ``wanted`` attributes, and no option is there that they do not need."""
    if not isinstance(options, Mapping):
        print("Not yet: the options are a dictionary, as in {'retain_uids': True}. Run the starter cell again.")
        return
    goes = _places(dataset, options)
    if goes is None:
        return
    problems = [f"{keyword} is needed, and with your options it goes." for keyword in wanted if keyword in goes]
    chosen = [name for name in METHODS if options.get(name)]
    for name in chosen:
        fewer = _places(dataset, {other: True for other in chosen if other != name}) or set()
        if not fewer.intersection(wanted) - goes:
            problems.append(f"nobody asked for what {name} keeps. Each option costs privacy: leave it out.")
    _report(problems, f"What is needed stays, and {len(goes)} other places are still stripped.")


def uids_replaced(originals: Sequence[Dataset], replaced: Sequence[Dataset]) -> None:
    """Print whether no original UID is left in ``replaced``, while classes and references are still whole."""
    if not _came_out(originals, replaced):
        return
    old = {uid for dataset in originals for uid in _uids(dataset)} - set(UID_dictionary)
    problems = []
    for dataset, original in zip(replaced, originals, strict=True):
        if dataset.get("SOPClassUID") != original.SOPClassUID:
            problems.append(f"the {original.Modality} has lost its SOP Class UID, which says what kind of file it is.")
        left = old.intersection(_uids(dataset))
        if left:
            places = [finding.where for finding in _found(dataset) or [] if finding.what in left]
            deepest = max(places, key=lambda place: place.count("."), default="a private sequence")
            problems.append(f"the {original.Modality} still holds {len(left)} original UIDs, one in {deepest}.")
    if not problems and _loose(replaced) > _loose(originals):
        problems.append("references are broken: one original must get the same new UID in every file.")
    _report(problems, "No original UID is left, and every contour still finds its slice.")


def interval_kept(originals: Sequence[Dataset], stripped: Sequence[Dataset]) -> None:
    """Print whether as many days lie between the two studies as before, on other dates, for one patient."""
    if not _came_out(originals, stripped):
        return
    (first, second), (old_first, old_second) = (map(_study_day, pair) for pair in (stripped, originals))
    if not first or not second or not old_first or not old_second:
        print("Not yet: Study Date is empty now. One option of the profile moves dates instead of removing them.")
        return
    problems = []
    if {first, second} & {old_first, old_second}:
        problems.append("a true date is still there. It was kept in full, and should move.")
    elif stripped[0].PatientID != stripped[1].PatientID:
        problems.append("the files belong to two patients now, since they were not stripped with one key.")
    elif second - first != old_second - old_first:
        problems.append("the interval is another one than before. Were all dates moved by the same number of days?")
    _report(problems, f"{(second - first).days} days lie between the scans, as before, and neither date is true.")


def study_safe(originals: Sequence[Dataset], stripped: Sequence[Dataset]) -> None:
    """Print whether ``find`` is empty for every file, and the files still belong to one patient and fit together."""
    if not _came_out(originals, stripped):
        return
    left = sum(len(_found(dataset) or []) for dataset in stripped)
    patients = len({dataset.get("PatientID") for dataset in stripped})
    problems = []
    if left:
        problems.append(f"find still lists {left} places.")
    elif patients > 1:
        problems.append(f"the files belong to {patients} patients now. What makes replacements alike in every file?")
    elif _loose(stripped) > _loose(originals):
        problems.append("some references lead nowhere now. Strip all files with one key.")
    _report(problems, f"{len(stripped)} files of one patient, nothing found in them, and every reference holds.")


def _came_out(originals: Sequence[Dataset], made: object) -> bool:
    """Tell whether a learner made one data set of each original; say what is wrong if not."""
    if not isinstance(made, Sequence) or not all(isinstance(dataset, Dataset) for dataset in made):
        print("Not yet: a list of data sets is asked for, one for each original, in the same order.")
        return False
    if len(made) != len(originals):
        print(f"Not yet: {len(originals)} data sets went in and {len(made)} came out.")
        return False
    if [dataset.get("Modality") for dataset in made] != [dataset.Modality for dataset in originals]:
        print("Not yet: these are not the originals' modalities. Keep the data sets whole and in their order.")
        return False
    return True


def _report(problems: list[str], praise: str) -> None:
    for problem in dict.fromkeys(problems):  # several files may have the same one
        print(f"Not yet: {problem}")
    if not problems:
        print(f"✔ {praise}")


def _found(dataset: Dataset, **options: bool) -> list[Finding] | None:
    """Return what ``find`` returns; where it cannot, say why and return None."""
    if not isinstance(dataset, Dataset):
        print("Not yet: this is no data set any more. Read the file again, and change attributes of it.")
        return None
    try:
        return metadata.find(dataset, **options)
    except ValueError as error:
        print(f"Not yet: {error}")
        return None


def _places(dataset: Dataset, options: Mapping[str, object]) -> set[str] | None:
    found = _found(dataset, **{str(name): bool(value) for name, value in options.items()})
    return None if found is None else {finding.where for finding in found}


def _finding_in(study: Sequence[Dataset], modality: str, keyword: str) -> Finding | None:
    for dataset in study:
        if dataset.Modality == modality:
            return next((finding for finding in metadata.find(dataset) if finding.where == keyword), None)
    return None


def _uids(dataset: Dataset, keyword: str = "") -> Iterator[str]:
    """Yield every UID in the data set, at any depth, or those with one keyword."""
    for element in dataset.iterall():
        if element.VR == "UI" and element.value and keyword in ("", element.keyword):
            yield str(element.value)


def _loose(study: Sequence[Dataset]) -> int:
    """Return how many contours and other references point at no file of the study."""
    there = {dataset.get("SOPInstanceUID") for dataset in study}
    return sum(uid not in there for dataset in study for uid in _uids(dataset, "ReferencedSOPInstanceUID"))


def _study_day(dataset: Dataset) -> date | None:
    try:
        return datetime.strptime(str(dataset.get("StudyDate")), "%Y%m%d").date()
    except ValueError:  # empty, or missing
        return None
