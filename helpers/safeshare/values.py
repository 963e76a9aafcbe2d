"""Values: dummies, moved dates, text without names."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from . import profile
from .finding import Refused

# Valid for their VR, and at a glance no data (PS3.15 E.1.1, action D).
_DUMMY = {
    "AE": b"REMOVED", "AS": b"000Y", "CS": b"REMOVED", "DA": b"19000101", "DS": b"0", "DT": b"19000101000000",
    "IS": b"0", "LO": b"REMOVED", "LT": b"REMOVED", "PN": b"Anonymous", "SH": b"REMOVED", "ST": b"REMOVED",
    "TM": b"000000", "UC": b"REMOVED", "UR": b"urn:removed", "UT": b"REMOVED",
}  # fmt: skip
_WIDTH = {"UL": 4, "SL": 4, "FL": 4, "AT": 4, "OF": 4, "OL": 4, "FD": 8, "SV": 8, "UV": 8, "OD": 8, "OV": 8}
_REASON = tag_for_keyword("ReasonForTheAttributeModification")
_UNIT = re.compile(r"\d{1,3}(mm|cm|kv|kvp|ma|mas|ms|hz|mhz|d|t|w|x)\Z")
_TIME = re.compile(r"\d{2}(:?\d{2}(:?\d{2}(\.\d{1,6})?)?)?\Z")
_LONGEST_NAME = 10_000  # letters of a value with names; the standard has 192 for each (PS3.5 6.2)
_MOST_NAMES, _MOST_COMPARED = 10_000, 500_000_000  # parts of names; letters times parts: some seconds
_ZONE = re.compile(r"[+-]\d{4}\Z")


def dummy(tag: int, vr: str) -> bytes:
    """Return a value that is valid for the attribute and says nothing."""
    if tag == _REASON:
        return b"COERCE"  # one of two terms that are allowed there (PS3.3 C.12.1.1.9)
    return _DUMMY.get(vr) or bytes(_WIDTH.get(vr, 2))


def dummy_items(tag: int) -> list[Dataset]:
    """Return the least content that sequence ``tag`` may have where it must not be empty, saying nothing.

    Sources: PS3.3 C.17.3 (content), C.10.5 (graphics), C.17.2 (observer), C.10.9 (waveform), 10.1 (person), 8.8 (code).
    """
    code = item(CodeValue="REMOVED", CodingSchemeDesignator="99REMOVED", CodeMeaning="REMOVED")
    lettering = item(
        AnchorPointAnnotationUnits="PIXEL",
        UnformattedTextValue="REMOVED",
        AnchorPoint=[0.0, 0.0],
        AnchorPointVisibility="N",
    )
    by_keyword = {
        "ContentSequence": item(
            RelationshipType="CONTAINS", ValueType="TEXT", ConceptNameCodeSequence=[code], TextValue="REMOVED"
        ),
        "FlowIdentifierSequence": item(FlowIdentifier=b"\0\0"),
        "GraphicAnnotationSequence": item(GraphicLayer="REMOVED", TextObjectSequence=[lettering]),
        "OperatorIdentificationSequence": item(PersonIdentificationCodeSequence=[code], InstitutionName="REMOVED"),
        "VerifyingObserverSequence": item(
            VerifyingOrganization="REMOVED",
            VerificationDateTime="19000101000000",
            VerifyingObserverName="Anonymous",
            VerifyingObserverIdentificationCodeSequence=[],
        ),
        "WaveformAnnotationSequence": item(UnformattedTextValue="REMOVED", ReferencedWaveformChannels=[1, 1]),
    }
    return [by_keyword.get(keyword_for_tag(tag), code)]


def item(**values: object) -> Dataset:
    """Return a data set with these values by keyword."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def moved(value: bytes, vr: str, days: int) -> bytes:
    """Return a date (DA) or date and time (DT) moved by ``days``; times of day and time zones stay (PS3.15 E.3.6).

    Raises ``ValueError`` for a value that is no full date: a year alone cannot be moved by days.
    """
    text = value.decode("ascii", "replace")
    if vr == "TM" and all(_TIME.match(part) for part in text.split("\\")):
        return value
    if vr == "SH" and _ZONE.match(text):
        return value
    if vr not in ("DA", "DT"):
        raise ValueError("neither a date nor a time")
    return "\\".join(_moved(part.strip(), vr, timedelta(days)) for part in text.split("\\")).encode("ascii")


def _moved(text: str, vr: str, days: timedelta) -> str:
    if re.fullmatch(r"\d{4}\.\d{2}\.\d{2}", text):
        text = text.replace(".", "")  # the form of ACR-NEMA 300 (PS3.5 6.2, note on DA)
    rest = r"" if vr == "DA" else r"\d{0,6}(\.\d{1,6})?([+-]\d{4})?"
    if not re.fullmatch(r"\d{8}" + rest, text):
        raise ValueError("not a full date")
    try:
        day = datetime.strptime(text[:8], "%Y%m%d") + days
    except OverflowError as error:
        raise ValueError("not a date of this time") from error
    return f"{day.year:04d}{day.month:02d}{day.day:02d}{text[8:]}"


def known_words(text: str, names: "Names") -> str:
    """Return the words of ``text`` that name nobody: medical and technical terms, sizes (PS3.15 E.3.5).

    Whatever is in ``names`` goes even when it is such a term, as somebody may be called Head.
    """
    known = profile.vocabulary()
    words = re.findall(r"\w+", text)
    kept = [
        word
        for word in words
        if word.isascii() and (word.lower() in known or _UNIT.match(word.lower())) and not names.found_in(word)
    ]
    # Half of a negation can say the opposite: "no fracture" must not become "fracture" or "no".
    negated = any(word.lower() in ("no", "not", "without", "non", "negative") for word in words)
    return "" if negated and len(kept) < len(words) else " ".join(kept)


class Names:
    """Names, numbers and dates that a data set gives away, and a search for them in other text, in any case."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._parts: set[str] = set()
        self._search: Callable[[str], object] | None = None
        self._compared = 0

    def add_person(self, name: str) -> None:
        """Take a person name (VR PN) apart: whole words of two letters and more, and first and last name in one."""
        if len(name) > _LONGEST_NAME:
            raise Refused("it holds a longer name than anybody has: ask the sender for a sound copy.")
        for part in _parts_of_name(name):
            self._add(part)

    def add_identifier(self, value: str) -> None:
        """Take the values of an identifying attribute as they are; a date also as people write it."""
        for part in value.split("\\"):
            part = part.strip()
            self._add(part)
            if re.fullmatch(r"(18|19|20)\d{6}", part):
                year, month, day = part[:4], part[4:6], part[6:]
                for mark in "-./ ":
                    self._parts |= {
                        mark.join(order) for order in ((year, month, day), (day, month, year), (month, day, year))
                    }

    def add_all(self, others: "Names") -> None:
        """Take over what others hold."""
        if others._words or others._parts:
            self._words |= others._words
            self._parts |= others._parts
            self._check_number()

    def _add(self, word: str) -> None:
        word = word.casefold()
        if word in _NO_NAMES or len(word) < 2 or (word.isdigit() and len(word) < 3):
            return
        # A long name may stand inside a word, and so may one in a script without spaces between the words.
        (self._parts if len(word) >= 5 or not word.isascii() else self._words).add(word)
        self._check_number()

    def _check_number(self) -> None:
        if len(self._parts) + len(self._words) > _MOST_NAMES:
            raise Refused("it holds more names than an image can have: ask the sender for a sound copy.")
        self._search = None

    def found_in(self, text: str, *, only_long: bool = False) -> bool:
        """Tell whether any of them stands in ``text``; in binary values only the long ones are no chance."""
        if not self._words and not self._parts:
            return False
        text = text.casefold()
        self._compared += len(text) * (len(self._parts) + len(self._words)) // (20 if only_long else 1)
        if self._compared > _MOST_COMPARED:
            raise Refused("it holds more names and text than can be compared: ask the sender for a sound copy.")
        if only_long:
            return any(part in text for part in self._parts)
        if self._search is None:
            parts = [re.escape(part) for part in self._parts]
            words = [rf"(?<![^\W_]){re.escape(word)}(?![^\W_])" for word in self._words]
            self._search = re.compile("|".join(parts + words)).search
        return self._search(text) is not None


@lru_cache(maxsize=1024)  # the files of a study repeat their few names
def _parts_of_name(name: str) -> frozenset[str]:
    parts: set[str] = set()
    for group in re.split(r"[=\\]", name):
        words = [word for word in re.split(r"[\s^,.]+", group) if word]
        for word in words:
            parts |= {word, re.sub(r"[-'’`]", "", word), *re.split(r"[-'’`]", word)}
        if len(words) > 1:
            parts |= {words[0] + words[1], words[1] + words[0]}
    return frozenset(parts)


_NO_NAMES = {"anonymous", "anonymized", "removed", "unknown", "none", "dr", "md", "mr", "mrs", "ms", "prof"}
