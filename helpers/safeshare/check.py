"""The lesson's self-checks: each looks at a learner's answer and prints what is still wrong, or a line with a ✔.

A check never raises and never gives the answer away; read one after you have tried.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

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
    missing = [keyword for keyword, letter in said.items() if letter in ("?", "")]
    wrong = [keyword for keyword, letter in said.items() if letter not in ("?", "", *SAFE_HARBOR_LETTERS[keyword])]
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
