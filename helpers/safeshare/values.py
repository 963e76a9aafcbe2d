"""Values: dummies, moved dates, text without names."""

import codecs
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache, lru_cache

from pydicom import Dataset
from pydicom.charset import python_encoding
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.uid import UID_dictionary

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
_CHARACTER_SET = re.compile(r"ISO[\W_]?(2022[\W_]?)?IR[\W_]?(\d+)\Z", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\d_/;:()\[\]{}<>\"&+*|~#@!?%$]+")
_HYPHENS = re.compile(r"[-'’`]")
_WRITTEN_DATE = re.compile(  # with a look ahead, as one can begin inside of what looks like another
    r"(?<!\d)(?=(\d{4})(\d\d)(\d\d)|(\d{4})([-./ _])(\d\d?)\5(\d\d?)(?!\d)|(\d\d?)([-./ _])(\d\d?)\9(\d{4})(?!\d))",
    re.ASCII,
)
_WRITTEN_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){3,}", re.ASCII)


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


@lru_cache(maxsize=256)
def character_sets(value: str) -> list[str]:
    """Return the Defined Terms in a Specific Character Set (PS3.3 C.12.1.1.2), misspelt ones as they should be.

    What is meant, pydicom says: it takes a term in another spelling, and the name that Python has for an encoding.
    """
    terms = (_character_set(term.strip(" \0")) for term in value.split("\\"))
    return [term for term in terms if term is not None]


def _character_set(term: str) -> str | None:
    if term in python_encoding:
        return term
    if match := _CHARACTER_SET.match(term):
        term = f"{'ISO 2022 IR ' if match[1] else 'ISO_IR '}{match[2]}"
        return term if term in python_encoding else None
    try:
        return _term_of_codec().get(codecs.lookup(term).name)
    except (LookupError, ValueError):
        return None


@cache
def _term_of_codec() -> dict[str, str]:
    alone = {term: codec for term, codec in python_encoding.items() if not term.startswith("ISO 2022") and term}
    return {codecs.lookup(codec).name: term for term, codec in alone.items() if term != "ISO_IR 6"}


def known_words(text: str, names: "Names") -> str:
    """Return the words of ``text`` that name nobody: medical and technical terms, sizes (PS3.15 E.3.5).

    Whatever is in ``names`` goes even when it is such a term, as somebody may be called Head.
    """
    known = profile.vocabulary()
    words = re.findall(r"\w+", unicodedata.normalize("NFC", text))
    kept = [
        word
        for word in words
        if word.isascii() and (word.lower() in known or _UNIT.match(word.lower())) and not names.found_in(word)
    ]
    # Half of a negation can say the opposite: "no fracture" must not become "fracture" or "no".
    negated = any(word.lower() in ("no", "not", "without", "non", "negative") for word in words)
    return "" if negated and len(kept) < len(words) else " ".join(kept)


class Names:
    """Names, numbers, dates and UIDs that a data set gives away, and a search for them in other text, in any case."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._parts: set[str] = set()
        self._people: set[str] = set()
        self._dates: set[str] = set()
        self._uids: set[str] = set()
        self._long: set[str] = set()
        self._secret_dates: set[str] = set()
        self._secret_uids: set[str] = set()
        self.spared: set[str] = set()  # values that an option keeps are no secrets wherever else they stand
        self.moved: set[str] = set()  # dates that stand for the original ones
        self._all = self._words, self._parts, self._people, self._dates, self._uids, self.spared, self.moved
        self._search: Callable[[str], object] | None = None
        self._compared = 0

    def __bool__(self) -> bool:
        return any(self._all)

    def add_person(self, name: str) -> None:
        """Take a person name (VR PN) apart: whole words of two letters and more, and first and last name in one."""
        if len(name) > _LONGEST_NAME:
            raise Refused("it holds a longer name than anybody has: ask the sender for a sound copy.")
        for part in _parts_of_name(name):
            self._people.add(self._add(part))

    def add_identifier(self, value: str) -> None:
        """Take the values of an identifying attribute as they are, and a number also without its hyphens."""
        for part in value.split("\\"):
            part = part.strip()
            self._add(part)
            if re.fullmatch(r"(18|19|20)\d\d(\.?)\d\d\2\d\d", part, re.ASCII):
                self._dates.add(_day(part))
            elif len(bare := _bare(part)) >= 5 and bare != part:
                self._add(bare)

    def add_number(self, value: str) -> None:
        """Take the numbers in an attribute that may as well hold a word or a count: they stand by themselves."""
        for part in value.casefold().split("\\"):
            part, bare = part.strip(), _bare(part)
            if len(bare) >= 5 + bare.isdigit():
                self._words |= {part, bare}
                self._check_number()

    def add_dates(self, value: str) -> None:
        """Take dates (VR DA or DT), which are found however people write them."""
        self._dates |= {day for part in value.split("\\") if (day := _day(part))}
        self._search = None

    def add_uids(self, value: str) -> None:
        """Take UIDs but those of the standard, say of a class, which are nobody's."""
        self._uids |= {part.strip(" \0") for part in value.split("\\")} - UID_dictionary.keys()
        self._search = None

    def spare(self, value: str) -> None:
        """Take values that are no secrets, as an option keeps them."""
        for part in value.split("\\"):
            self.spared |= {part.strip(" \0").casefold(), _day(part)} - {""}
        self._search = None

    def add_all(self, others: "Names") -> None:
        """Take over what others hold."""
        for ours, theirs in zip(self._all, others._all, strict=True):
            if theirs:
                ours |= theirs
        self._check_number()

    def _add(self, word: str) -> str:
        word = unicodedata.normalize("NFC", word).casefold()
        if word in _NO_NAMES or len(word) < 2 or (word.isdigit() and len(word) < 3):
            return ""
        # A long name may stand inside a word, and so may one in a script without spaces between the words.
        (self._parts if len(word) >= 5 or not word.isascii() else self._words).add(word)
        self._check_number()
        return word

    def _check_number(self) -> None:
        if len(self._parts) + len(self._words) > _MOST_NAMES:
            raise Refused("it holds more names than an image can have: ask the sender for a sound copy.")
        self._search = None

    def found_in(self, text: str, *, only_long: bool = False) -> bool:
        """Tell whether any of them stands in ``text``; in binary values only the long ones are no chance."""
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        text = text.casefold()
        self._compared += len(text) * (len(self._parts) + len(self._words)) // (20 if only_long else 1)
        if self._compared > _MOST_COMPARED:
            raise Refused("it holds more names and text than can be compared: ask the sender for a sound copy.")
        if self._search is None:
            self._prepare()
        if only_long:
            return any(part in text for part in self._long)
        return bool(self._search and self._search(text)) or self.dated(text) or self._linked(text)

    def _prepare(self) -> None:
        harmless = self.spared - self._people  # somebody may be called like a hospital
        self._long = self._parts - harmless
        self._search = _search_for(frozenset(self._long), frozenset(self._words - harmless))
        self._secret_dates, self._secret_uids = self._dates - self.spared, self._uids - self.spared

    def dated(self, text: str) -> bool:
        """Tell whether one of the dates stands in ``text``, in one of the ways in which people write dates."""
        if self._search is None:
            self._prepare()
        if len(text) < 8 or not self._secret_dates:
            return False
        return any(not self._secret_dates.isdisjoint(_days(match)) for match in _WRITTEN_DATE.finditer(text))

    def _linked(self, text: str) -> bool:
        if len(text) < 8 or not self._secret_uids:
            return False
        return any(match[0] in self._secret_uids for match in _WRITTEN_UID.finditer(text))

    def is_number(self, value: str) -> bool:
        """Tell whether ``value``, of VR DS or IS, is one of the numbers or begins with one of the dates."""
        value = value.strip()
        return self.dated(value) or value in self._long or value in self._words - self.spared


@lru_cache(maxsize=16)  # the files of a study have the same names
def _search_for(parts: frozenset[str], words: frozenset[str]) -> Callable[[str], object]:
    return re.compile("|".join([*map(re.escape, parts), *map(_alone, words)]) or r"\Z.").search


def _alone(word: str) -> str:
    """Return a pattern for a word by itself; beside three letters and more digits may stand, as in KIM1970."""
    other = r"[^\W_]"
    before = r"[^\W\d_]" if word[0].isalpha() and len(word) > 2 else other
    behind = r"[^\W\d_]" if word[-1].isalpha() and len(word) > 2 else other
    return rf"(?<!{before}){re.escape(word)}(?!{behind})"


def _bare(number: str) -> str:
    """Return a number without hyphens and blanks, "" for what has no digit and so is none."""
    return re.sub(r"[\W_]", "", number) if re.search(r"\d", number) else ""


def _day(value: str) -> str:
    """Return the day of a date (DA, or as in ACR-NEMA 300) or a date and time (DT), "" where that is no whole one."""
    day = value.strip(" \0")[:10].replace(".", "")[:8]
    return day if re.fullmatch(r"\d{8}", day, re.ASCII) and day != _DUMMY["DA"].decode() else ""


def _days(match: re.Match[str]) -> set[str]:
    """Return the days that a date can mean; in 02/01/2024 nobody knows which number is the month."""
    year, month, day, year_2, _, month_2, day_2, one, _, other, year_3 = match.groups()
    if year:
        return {year + month + day}
    if year_2:
        return {f"{year_2}{month_2:>02}{day_2:>02}"}
    return {f"{year_3}{one:>02}{other:>02}", f"{year_3}{other:>02}{one:>02}"}


@lru_cache(maxsize=1024)  # the files of a study repeat their few names
def _parts_of_name(name: str) -> frozenset[str]:
    parts: set[str] = set()
    for group in re.split(r"[=\\]", unicodedata.normalize("NFC", name)):
        words = [word for word in re.split(r"[\s^,.]+", group) if word]
        for word in words:
            parts |= _with_and_without_hyphens(word)
            # What people write in place of ^ also joins the words of a phantom's name, as in LUNG_01: these are terms.
            pieces = [piece for piece in _SEPARATORS.split(word) if piece != word]
            parts |= {part for piece in pieces for part in _with_and_without_hyphens(piece) if _can_be_name(part)}
        if len(words) > 1:
            parts |= {words[0] + words[1], words[1] + words[0]}
    return frozenset(parts)


def _with_and_without_hyphens(word: str) -> set[str]:
    return {word, _HYPHENS.sub("", word), *_HYPHENS.split(word)}


def _can_be_name(word: str) -> bool:
    return not word.isascii() or (len(word) >= 3 and word.casefold() not in profile.vocabulary())


_NO_NAMES = {"anonymous", "anonymized", "removed", "unknown", "none", "dr", "md", "mr", "mrs", "ms", "prof"}
