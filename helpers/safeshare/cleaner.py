"""Apply the profile to the elements of one data set, at any depth, and record what was changed.

Values that stay are never decoded: pydicom hands over raw elements, and they pass on as they are.
"""

import re
from collections.abc import Mapping, MutableMapping
from copy import copy
from functools import cache, lru_cache
from io import BytesIO
from operator import itemgetter
from typing import Any, NamedTuple

from pydicom import DataElement, Dataset, Sequence
from pydicom.charset import convert_encodings
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary

from . import profile
from .elements import (
    DEFAULT_ENCODINGS,
    PIXEL_DATA,
    UNDEFINED,
    UNREADABLE,
    Counted,
    as_raw,
    decoded,
    element_of,
    encoding,
    name_of,
    new_raw,
    stripped,
    text,
    value_of,
)
from .finding import Refused
from .profile import ACCESSION_NUMBER, PATIENT_ID, PATIENT_NAME, Options, Profile, Rule
from .pseudonyms import Pseudonyms
from .values import Names, character_sets, dummy, dummy_items, known_words, moved
from .values import item as new_item

_ANONYMOUS = b"Anonymous^"
_FREE_TEXT = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
_NUMBERS, _CODES = {"DS", "IS"}, {"CS", "DS", "IS"}
_TOLD = {"DA", "DT", "PN", "UI"}
_FIXED_TEXT = {"AS", "DS", "IS", "UI"}  # their values hold no letters, which profile.fits makes sure of
_CHARACTER_SET, _STUDY = 0x00080005, 0x0020000D
_IDENTIFIERS = {
    tag_for_keyword(keyword)
    for keyword in (
        "AccessionNumber", "AdmissionID", "DeviceSerialNumber", "InstitutionAddress", "InstitutionName",
        "InsurancePlanIdentification", "IssuerOfPatientID", "MedicalRecordLocator", "OtherPatientIDs",
        "PatientAddress", "PatientBirthDate", "PatientID", "PatientTelephoneNumbers", "StationName",
    )
}  # fmt: skip
_NUMBER = re.compile("(ID|IDs|Identifier|Numbers?)(ImagingServiceRequest|Procedure)?(Retired|Trial)?$")
_LONG_NUMBER = re.compile(rb"(?:^|\\)\s*\d{8,}\s*(?:\\|$)")  # room for a date, or for a number of the patient
_REFERENCED_STEP = tag_for_keyword("ReferencedPerformedProcedureStepSequence")
_CONCEPT_NAME = tag_for_keyword("ConceptNameCodeSequence") or 0
_REPLACEABLE = {"COMPOSITE", "DATE", "DATETIME", "IMAGE", "PNAME", "TEXT", "TIME", "UIDREF", "WAVEFORM"}
_REFERENCED_INSTANCE = tag_for_keyword("ReferencedSOPInstanceUID") or 0
_DEEPEST = 30  # sequences in one another; each level of a hostile file takes its whole size in memory again
_DATES = {"DA", "DT"}
_ONE_BY_ONE = {"PN", "UI", "DA", "DT", "TM"}  # of these, each value of an element is looked at
_TEXT_VALUE = tag_for_keyword("TextValue") or 0
_CONTENT_VALUES = {  # by Value Type (PS3.3 10.2)
    "TEXT": (_TEXT_VALUE, "UT"),
    "PNAME": (tag_for_keyword("PersonName") or 0, "PN"),
    "DATE": (tag_for_keyword("Date") or 0, "DA"),
    "TIME": (tag_for_keyword("Time") or 0, "TM"),
    "DATETIME": (tag_for_keyword("DateTime") or 0, "DT"),
}
_SHORT, _MOST_KNOWN = 256, 4096  # bytes of a value that is remembered for the next file; so many such values
_FREE_CONTENT = Rule(
    "C", "UT", "clean_descriptors", f"free text, in which people write names (PS3.15 {profile.EDITION}, E.3.4)"
)

_Elements = MutableMapping[BaseTag, DataElement | RawDataElement] | Dataset


class Change(NamedTuple):
    """One element that is not as it was: its path, its old VR and value, the action and the reason."""

    path: str
    tag: int
    vr: str
    value: bytes | list[Dataset]
    action: str
    why: str
    encodings: list[str]
    spared: frozenset[str] = frozenset()  # dates, numbers and UIDs that the copy may have, as an option keeps them


class _Place(NamedTuple):
    """Where we are: the new elements, the sequence around them (0: none), path, encodings, rules of a content item."""

    out: _Elements
    parent: int
    path: str
    encodings: list[str]
    content: Mapping[int, Rule] = {}


class _Known(NamedTuple):
    """What became of an element: the new one, the changes, the names in it, its VR where it is searched for names."""

    element: RawDataElement | None
    changes: list[Change]
    names: Names | None
    searched_as: str


@lru_cache(maxsize=2)
def _memory(*circumstances: object) -> dict[tuple[object, ...], _Known]:
    """Return what is known under these circumstances; the files of a series repeat nearly all of their elements."""
    return {}


class Cleaner:
    """Cleans one data set; ``changes`` then holds what was changed, in the order of the data set."""

    def __init__(self, dataset: Dataset, pseudonyms: Pseudonyms, options: Options, size: int = 0) -> None:
        self.changes: list[Change] = []
        self._pseudonyms = pseudonyms
        self._profile = _profile(text(dataset, "SOPClassUID"), options)
        self._implicit, self._little = encoding(dataset)
        self._kept: list[tuple[_Place, RawDataElement, str]] = []
        self._free_text: list[tuple[_Place, RawDataElement, Rule]] = []
        self._names = Names()
        self._prose = False
        self._counted = Counted(BytesIO(), size)
        patient = value_of(dataset, PATIENT_ID) or value_of(dataset, PATIENT_NAME) or value_of(dataset, _STUDY)
        pseudonym = patient.removeprefix(_ANONYMOUS)
        replaced = pseudonyms.owns(pseudonym) or pseudonyms.uid(patient) == patient
        self._patient = pseudonym if replaced else patient
        moved_before = text(dataset, "LongitudinalTemporalInformationModified") == "MODIFIED"
        self._days = 0 if moved_before and replaced else pseudonyms.days(self._patient)

    def run(self, dataset: Dataset) -> Dataset:
        """Return the cleaned data set; elements that stay are shared with ``dataset``, which stays as it is."""
        clean = self._clean(dataset, 0, "", DEFAULT_ENCODINGS)
        # Only now are all names known, those that stand behind the text included.
        for place, raw, rule in self._free_text:
            self._clean_text(raw, rule, place)
        self._clean_leaks()
        spared = frozenset(self._names.spared | self._names.moved)
        if spared:
            self.changes = [change._replace(spared=spared) for change in self.changes]
        return clean

    def _clean(
        self, dataset: Dataset, parent: int, path: str, encodings: list[str], content: Mapping[int, Rule] | None = None
    ) -> Dataset:
        own = character_sets(text(dataset, "SpecificCharacterSet"))
        place = _Place({}, parent, path, convert_encodings(own) if any(own) else encodings, content or {})
        known = {} if parent else self._known(place.encodings)
        for tag, element in sorted(((int(tag), element) for tag, element in dataset.items()), key=itemgetter(0)):
            if isinstance(element, RawDataElement) and element.value is None and element.length:
                element = dataset[tag]  # pydicom has left it in the file until somebody asks (defer_size)
            if tag in PIXEL_DATA and not parent:
                place.out[element.tag] = copy(element)
                continue
            raw = element
            if not isinstance(raw, RawDataElement):
                raw = as_raw(dataset, raw, self._implicit, self._little, place.encodings)
            if isinstance(raw.value, bytes) and raw.length not in (len(raw.value), UNDEFINED):
                raise Refused(f"{path}{name_of(tag)} breaks off before its end: copy or send it again.")
            if tag >> 16 & 1:
                self._private(dataset, raw, place)
                continue
            if parent or not isinstance(raw.value, bytes) or len(raw.value) > _SHORT:
                self._treat(raw, place)
            else:
                self._treat_as_before(raw, place, known)
        clean = Dataset(place.out)
        clean.set_original_encoding(self._implicit, self._little, place.encodings)
        return clean

    def _known(self, encodings: list[str]) -> dict[tuple[object, ...], _Known]:
        by, encoded = (self._pseudonyms, self._profile), (self._implicit, self._little, *encodings)
        return _memory(*by, self._patient, self._days, *encoded)

    def _treat_as_before(self, raw: RawDataElement, place: _Place, known: dict[tuple[object, ...], _Known]) -> None:
        """Treat an element of the root as the same one of the last file, where that leads to no items."""
        key = (raw.tag, raw.VR, raw.length, raw.value, raw.is_implicit_VR)
        before = known.get(key)
        if before is None:
            changes, kept, free_text, names = len(self.changes), len(self._kept), len(self._free_text), self._names
            self._names = Names()
            self._treat(raw, place)
            element = place.out.get(raw.tag)
            if not isinstance(element, DataElement) and len(self._free_text) == free_text and len(known) < _MOST_KNOWN:
                searched_as = self._kept[-1][2] if len(self._kept) > kept else ""
                known[key] = _Known(element, self.changes[changes:], self._names or None, searched_as)
            names.add_all(self._names)
            self._names = names
            return
        if before.element is not None:
            place.out[raw.tag] = before.element
        if before.searched_as:
            self._kept.append((place, raw, before.searched_as))
        self.changes += before.changes
        if before.names is not None:
            self._names.add_all(before.names)

    def _treat(self, raw: RawDataElement, place: _Place) -> None:
        rule = place.content.get(raw.tag) or self._profile.rule(place.parent, raw.tag)
        if raw.tag == _CHARACTER_SET:
            self._keep_character_set(raw, rule, place)
        elif rule.action == "K":
            self._keep(raw, rule, place)
        else:
            self._act(raw, rule, place)

    def _keep(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        vr, value = rule.vr, raw.value or b""
        if raw.VR == "SQ" or vr == "SQ":
            self._keep_sequence(raw, rule, place)
        elif raw.length == UNDEFINED or not profile.fits(raw.VR, rule, value):
            why = f"no value of VR {vr}, which the standard has here, so it can be anything (PS3.5 6.2)"
            self._record(raw, rule._replace(action="X", why=why), place)
        else:
            place.out[raw.tag] = raw
            if rule.option:
                self._spare(raw, vr, place)
            number = vr in _NUMBERS and len(value) <= _SHORT and _LONG_NUMBER.search(value)
            if not value or (vr in _FIXED_TEXT and not number):
                return
            if self._prose and vr in _FREE_TEXT:
                self._free_text.append((place, raw, rule))
            else:
                self._kept.append((place, raw, vr))

    def _keep_character_set(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        known = "\\".join(character_sets(stripped(raw.value).decode("ascii", "replace")))
        why = "no character set, or not as the standard spells it (PS3.3 C.12.1.1.2)"
        self._replace(raw, rule._replace(action="C", why=why), known.encode("ascii"), place)

    def _keep_sequence(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        items = self._items(raw, rule.vr, place)
        if items is None:
            why = "it should hold a sequence of items and does not, so it can hold anything (PS3.5 7.5)"
            self._record(raw, rule._replace(action="X", why=why), place)
            return
        path = place.path + name_of(raw.tag)
        clean = [self._clean(item, raw.tag, f"{path}[{n}].", place.encodings) for n, item in enumerate(items)]
        place.out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(clean))

    def _act(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        self._count(raw, rule.vr)
        text_like = isinstance(raw.value, bytes) and (raw.VR or rule.vr) not in ("OB", "UN")
        if not stripped(raw.value) if text_like else not raw.value:
            if rule.action != "X":
                empty = new_raw(raw.tag, rule.vr, b"", self._implicit, self._little)
                place.out[raw.tag] = DataElement(raw.tag, "SQ", Sequence()) if rule.vr == "SQ" else empty
        elif rule.vr == "SQ":
            self._act_on_sequence(raw, rule, place)
        elif raw.VR == "SQ":  # items where the standard has a value: all that they hold goes
            self._learn(self._items(raw, "SQ", place) or [], place)
            self._replace(raw, rule, self._new_value(raw._replace(value=b""), rule), place)
        elif rule.action == "C":
            self._clean_value(raw, rule, place)
        else:
            self._replace(raw, rule, self._new_value(raw, rule), place)

    def _act_on_sequence(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        items = self._items(raw, rule.vr, place)
        if items is not None and rule.option == "clean_structured_content" and rule.action == "C":
            self._structured_content(raw, items, place)
        elif items is not None and rule.action in "CU":
            before, self._prose = self._prose, self._prose or rule.action == "C"
            self._keep_sequence(raw, rule, place)
            self._prose = before
        else:
            new = []
            if rule.action == "D":
                new = self._references(items or []) if raw.tag == _REFERENCED_STEP else dummy_items(raw.tag)
            if items is None or items != new:
                self._learn(items or [], place)
                self._record(raw, rule, place, items)
            if rule.action in "ZD":
                place.out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(new))

    def _references(self, items: list[Dataset]) -> list[Dataset]:
        """Return items that only refer, to a class as before and to an instance by its new UID."""
        references = []
        for old in items:
            new = self._new_uid(value_of(old, _REFERENCED_INSTANCE)).decode("ascii", "replace")
            references.append(
                new_item(ReferencedSOPClassUID=text(old, "ReferencedSOPClassUID"), ReferencedSOPInstanceUID=new)
            )
        return references

    def _private(self, dataset: Dataset, raw: RawDataElement, place: _Place) -> None:
        if "retain_safe_private" in self._profile.options:
            vr = _safe_private_vr(dataset, raw, place.encodings)
            if vr:
                place.out[raw.tag] = raw
                self._spare(raw, vr, place)
                if vr not in _FIXED_TEXT:
                    self._kept.append((place, raw, vr))
                return
        self._count(raw, raw.VR or "UN")
        why = f"private: only its maker knows what it holds (PS3.15 {profile.EDITION}, Table E.1-1: X)"
        self._record(raw, Rule("X", "UN", "", why), place)

    def _new_value(self, raw: RawDataElement, rule: Rule) -> bytes | None:
        """Return the value that replaces ``raw``; None removes it."""
        old = stripped(raw.value)
        if rule.action == "X":
            return None
        if rule.action == "U" or (rule.action == "D" and rule.vr == "UI"):
            return b"\\".join(self._new_uid(stripped(uid)) for uid in old.split(b"\\"))
        if rule.vr in ("LO", "SH") and raw.tag in (PATIENT_ID, ACCESSION_NUMBER):
            return self._pseudonyms.identifier(old)
        if rule.vr == "PN" and raw.tag == PATIENT_NAME:
            own = old.startswith(_ANONYMOUS) and self._pseudonyms.owns(old.removeprefix(_ANONYMOUS))
            return old if own else _ANONYMOUS + self._pseudonyms.identifier(self._patient)
        return b"" if rule.action == "Z" else dummy(raw.tag, rule.vr)

    def _new_uid(self, uid: bytes) -> bytes:
        if not uid or uid.decode("ascii", "replace") in UID_dictionary:
            return uid  # a well-known UID, say of an atlas's frame of reference, is nobody's
        return self._pseudonyms.uid(uid)

    def _replace(self, raw: RawDataElement, rule: Rule, value: bytes | None, place: _Place) -> None:
        same = isinstance(raw.value, bytes | None) and value is not None and stripped(raw.value) == stripped(value)
        if same and raw.VR in (None, rule.vr):
            place.out[raw.tag] = raw
            return
        if value is None:
            place.out.pop(raw.tag, None)
        else:
            place.out[raw.tag] = new_raw(raw.tag, rule.vr, value, self._implicit, self._little)
        self._record(raw, rule, place)

    def _clean_value(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        if rule.option == "retain_longitudinal_modified_dates":
            try:
                new = moved(stripped(raw.value), rule.vr, self._days)
            except ValueError:
                self._fall_back(raw, place)
                return
            if rule.vr in _DATES:
                self._names.moved |= {day[:8] for day in new.decode("ascii").split("\\")}
            self._replace(raw, rule, new, place)
        elif rule.vr in _FREE_TEXT or rule.vr == "CS":
            place.out[raw.tag] = raw
            self._free_text.append((place, raw, rule))
        else:
            self._fall_back(raw, place)

    def _clean_text(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        clean = "\\".join(
            known_words(part, self._names) for part in decoded(raw.value or b"", place.encodings).split("\\")
        )
        if clean.strip("\\"):
            self._replace(raw, rule, clean.encode("ascii"), place)
        elif raw.tag in profile.attributes():
            self._fall_back(raw, place)
        else:
            self._replace(raw, rule, dummy(raw.tag, rule.vr), place)

    def _fall_back(self, raw: RawDataElement, place: _Place) -> None:
        """Treat a value that cannot be cleaned as the profile does without options."""
        rule = self._profile.basic(place.parent, raw.tag)
        self._replace(raw, rule, self._new_value(raw, rule), place)

    # Structured content (PS3.15 E.3.4): each item says in its concept name what its value is.

    def _structured_content(self, raw: RawDataElement, items: list[Dataset], place: _Place) -> None:
        kept: list[Dataset] = []
        for number, old in enumerate(items):
            path = f"{place.path}{name_of(raw.tag)}[{number}]"
            rule = self._content_rule(old, place)
            if rule.action == "X":
                self._learn([old], place)
                self.changes.append(Change(path, raw.tag, "SQ", [old], "X", rule.why, place.encodings))
                continue
            kept.append(self._clean(old, raw.tag, path + ".", place.encodings, self._content_values(old, rule)))
        if kept or not place.parent:
            place.out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(kept or dummy_items(raw.tag)))

    def _content_rule(self, item: Dataset, place: _Place) -> Rule:
        element = element_of(item, _CONCEPT_NAME)
        raw = element and as_raw(item, element, self._implicit, self._little, place.encodings)
        names = (raw and self._items(raw, "SQ", place)) or [Dataset()]
        value_type = text(item, "ValueType")
        concept = text(names[0], "CodeValue"), text(names[0], "CodingSchemeDesignator")
        rows = profile.content_items().get(concept, {})
        # What says of itself that it is another kind of value is not what an option keeps; a name goes in any case.
        row = rows.get(value_type) or next((row for row in rows.values() if not row["options"]), None)
        if row is None:
            return _FREE_CONTENT
        action, option = self._profile.choose(row)
        if "D" in action:  # a template may require the item, so one with a value that can be replaced stays
            action = "D" if value_type in _REPLACEABLE else "X"
        why = f"{row['meaning']} (PS3.15 {profile.EDITION}, Table E.3.4-1: {row['basic']})"
        return Rule(action, "UT", option, why)

    def _content_values(self, item: Dataset, rule: Rule) -> dict[int, Rule]:
        """Return the rules by the concept of a content item, which go before those of the attributes."""
        tag, vr = _CONTENT_VALUES.get(text(item, "ValueType"), (0, ""))
        rules = {_TEXT_VALUE: _FREE_CONTENT if rule.action == "K" else rule}
        return rules | {tag: rule._replace(vr=vr)} if tag and rule.action == "K" else rules

    # Names and numbers that the profile removes, and that stand in kept text as well.

    def _learn(self, items: list[Dataset], place: _Place) -> None:
        """Remember the names and numbers in items that go as a whole."""
        for item in items:
            for tag, element in item.items():
                if tag >> 16 & 1:
                    continue
                raw = as_raw(item, element, self._implicit, self._little, place.encodings)
                meant = self._profile.basic(0, tag).vr
                vr = meant if raw.VR in (None, "UN") else raw.VR
                self._count(raw, vr)
                if vr == "SQ":
                    self._learn(self._items(raw, vr, place) or [], place._replace(path=place.path + "."))
                else:
                    self._remember(raw, meant if meant in _TOLD else vr, place)

    def _remember(self, raw: RawDataElement, vr: str, place: _Place) -> None:
        if not isinstance(raw.value, bytes) or not (vr in _TOLD or raw.tag in _IDENTIFIERS or _is_number(raw.tag)):
            return
        if self._pseudonyms.owns(stripped(raw.value).removeprefix(_ANONYMOUS)):
            return
        value = decoded(raw.value, place.encodings)
        if vr == "PN":
            self._names.add_person(value)
        elif raw.tag in _IDENTIFIERS:
            self._names.add_identifier(value)
        elif vr in _DATES:
            self._names.add_dates(value)
        elif vr == "UI":
            if "retain_uids" not in self._profile.options:
                self._names.add_uids(value)
        else:
            self._names.add_number(value)

    def _spare(self, raw: RawDataElement, vr: str, place: _Place) -> None:
        """Remember a value that an option keeps: it is no secret, wherever else it stands."""
        if vr in _DATES or vr == "UI" or raw.tag in _IDENTIFIERS or _is_number(raw.tag):
            self._names.spare(decoded(raw.value or b"", place.encodings))

    def _clean_leaks(self) -> None:
        if not self._may_leak():
            return
        why = "repeats a name or a number that the profile removes elsewhere in this data set (PS3.15 E.1.1)"
        for place, raw, vr in self._kept:
            coded = vr not in _FREE_TEXT and vr not in _CODES
            value = (raw.value or b"").decode("latin-1") if coded else decoded(raw.value or b"", place.encodings)
            if vr in _NUMBERS:
                parts = (b"0" if self._names.is_number(part) else part.encode("ascii") for part in value.split("\\"))
                self._replace(raw, Rule("D", vr, "", why), b"\\".join(parts), place)
                continue
            # A short name may well be a code, such as SE, and no scanner writes a short name into a code.
            found = self._names.found_in(value, only_long=coded or vr == "CS")
            if vr == "CS" and not found:
                found = self._names.dated(value)
            if not found or (vr == "CS" and _is_term(value)):
                continue
            rule = Rule("X" if coded else "C", vr, "", why)
            if coded:
                self._replace(raw, rule, None, place)
            else:
                self._clean_text(raw, rule, place)

    def _may_leak(self) -> bool:
        """Look at all kept values in one go; nearly always that is the end of it."""
        values = b"\0".join(raw.value or b"" for _, raw, vr in self._kept if vr in _FREE_TEXT or vr in _CODES)
        coded = b"\0".join(raw.value or b"" for _, raw, vr in self._kept if vr not in _FREE_TEXT and vr not in _CODES)
        if not values.isascii() or b"\x1b" in values:
            return True
        return self._names.found_in(values.decode("ascii")) or self._names.found_in(
            coded.decode("latin-1"), only_long=True
        )

    def _record(self, raw: RawDataElement, rule: Rule, place: _Place, items: list[Dataset] | None = None) -> None:
        vr = raw.VR or ("UN" if raw.tag >> 16 & 1 else self._profile.basic(0, raw.tag).vr)
        self._remember(raw, rule.vr if rule.vr in _TOLD else vr, place)  # a name of any other VR is a name as well
        value: Any = items if items is not None else raw.value or b""
        path = place.path + name_of(raw.tag)
        self.changes.append(Change(path, raw.tag, vr, value, rule.action, rule.why, place.encodings))

    def _count(self, raw: RawDataElement, vr: str) -> None:
        if vr in _ONE_BY_ONE and isinstance(raw.value, bytes):
            self._counted.take(raw.value.count(b"\\"))

    def _items(self, raw: RawDataElement, vr: str, place: _Place) -> list[Dataset] | None:
        """Return the items of a sequence, None where there are none to be read."""
        if place.path.count(".") > _DEEPEST:
            raise Refused("its sequences are nested too deep to be an image's: ask the sender for a sound copy.")
        value: Any = raw.value
        if vr != "SQ" or raw.VR not in (None, "SQ", "UN"):
            return None
        if not isinstance(value, bytes):
            return list(value or ())
        if raw.VR == "UN" and not self._little:
            return None
        implicit = raw.is_implicit_VR or raw.VR == "UN"  # a sequence in VR UN is implicit (PS3.5 6.2.2)
        try:
            counted: Any = self._counted.on(BytesIO(value))
            return list(read_sequence(counted, implicit, self._little, len(value), place.encodings))
        except Refused:
            raise
        except UNREADABLE:
            return None


def _is_term(value: str) -> bool:
    """Tell whether a code string is made of terms, such as HEAD, which name nobody, not even a patient called Head."""
    terms = profile.vocabulary()
    return all(word in terms for word in value.lower().replace("\\", " ").replace("_", " ").split())


@cache
def _is_number(tag: int) -> bool:
    """Tell whether the profile removes an attribute that holds a number of the patient, an order, a trial or so."""
    row = profile.attributes().get(tag, {"options": {}})
    listed = tag in profile.attributes() or profile.is_beyond(tag)
    return listed and "retain_device_identity" not in row["options"] and bool(_NUMBER.search(keyword_for_tag(tag)))


def _safe_private_vr(dataset: Dataset, raw: RawDataElement, encodings: list[str]) -> str | None:
    """Return the VR of an element on the standard's list, or of the creator element of a block with such an element."""
    group, number = raw.tag >> 16, raw.tag & 0xFFFF
    if number <= 0xFF:
        block = (element for tag, element in dataset.items() if tag >> 8 == (group << 8 | number))
        raws = (as_raw(dataset, each, *encoding(dataset), encodings) for each in block)  # some were looked at
        safe = (_safe_private_vr(dataset, each, encodings) for each in raws)
        return "LO" if any(safe) else None
    creator = value_of(dataset, group << 16 | number >> 8).decode("ascii", "replace")
    vr = profile.safe_private().get((creator, group, number & 0xFF))
    fitting = vr and raw.length != UNDEFINED and profile.fits(raw.VR, Rule("K", vr, "", ""), raw.value or b"")
    return vr if fitting else None


_profiles: dict[tuple[str, frozenset[str]], Profile] = {}


def _profile(sop_class: str, options: Options) -> Profile:
    """Return the rules, which are worked out once for all files of a kind."""
    key = sop_class, frozenset(profile.method_options(options))
    if key not in _profiles:
        _profiles[key] = Profile(sop_class, options)
    return _profiles[key]
