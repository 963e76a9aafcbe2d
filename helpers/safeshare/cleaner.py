"""Apply the profile to the elements of one data set, at any depth, and record what was changed.

Values that stay are never decoded: pydicom hands over raw elements, and they pass on as they are.
"""

import re
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydicom import DataElement, Dataset, Sequence
from pydicom.charset import convert_encodings
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary
from pydicom.values import convert_SQ

from . import profile
from .dicomfile import PIXEL_DATA, UNDEFINED, as_raw, encoding
from .finding import Refused
from .profile import ACCESSION_NUMBER, PATIENT_ID, PATIENT_NAME, Options, Profile, Rule
from .pseudonyms import Pseudonyms
from .values import dummy, dummy_items, finder, known_words, moved

_ANONYMOUS = b"Anonymous^"
_FREE_TEXT = {"AE", "LO", "LT", "OB", "PN", "SH", "ST", "UC", "UN", "UR", "UT"}
_SEARCHED = _FREE_TEXT | {"CS"}
_IDENTIFIERS = {
    tag_for_keyword(keyword)
    for keyword in (
        "AccessionNumber", "AdmissionID", "DeviceSerialNumber", "InstitutionAddress", "InstitutionName",
        "InsurancePlanIdentification", "IssuerOfPatientID", "MedicalRecordLocator", "OtherPatientIDs",
        "PatientAddress", "PatientBirthDate", "PatientID", "PatientTelephoneNumbers", "StationName",
    )
}  # fmt: skip
_NO_NAMES = {b"anonymous", b"anonymized", b"removed", b"unknown", b"none"}
_REFERENCED_STEP = tag_for_keyword("ReferencedPerformedProcedureStepSequence")
_REPLACEABLE = {"COMPOSITE", "DATE", "DATETIME", "IMAGE", "PNAME", "TEXT", "TIME", "UIDREF", "WAVEFORM"}
_CONTENT_VALUES = ("TextValue", "PersonName", "Date", "Time", "DateTime")

_Elements = dict[BaseTag, DataElement | RawDataElement]


@dataclass(frozen=True, slots=True)
class Change:
    """One element that is not as it was: its path, its old VR and value, the action and the reason."""

    path: str
    tag: int
    vr: str
    value: bytes | list[Dataset]
    action: str
    why: str


class _Place(NamedTuple):
    """Where in the data set we are: the new elements, the sequence around them (0: none), the path, the encodings."""

    out: _Elements
    parent: int
    path: str
    encodings: list[str]


class Cleaner:
    """Cleans one data set; ``changes`` then holds what was changed, in the order of the data set."""

    def __init__(self, dataset: Dataset, pseudonyms: Pseudonyms, options: Options) -> None:
        self.changes: list[Change] = []
        self._pseudonyms = pseudonyms
        self._profile = _profile(text(dataset, "SOPClassUID"), options)
        self._implicit, self._little = encoding(dataset)
        self._kept: list[tuple[_Place, RawDataElement, str]] = []
        self._names: set[bytes] = set()
        self._prose = False
        patient = _value(dataset, PATIENT_ID) or _value(dataset, PATIENT_NAME) or _value(dataset, 0x0020000D)
        pseudonym = patient.removeprefix(_ANONYMOUS)
        self._patient = pseudonym if pseudonyms.owns(pseudonym) else patient
        moved_before = text(dataset, "LongitudinalTemporalInformationModified") == "MODIFIED"
        self._days = 0 if moved_before and pseudonyms.owns(self._patient) else pseudonyms.days(self._patient)

    def run(self, dataset: Dataset) -> Dataset:
        """Return the cleaned data set; elements that stay are shared with ``dataset``, which stays as it is."""
        clean = self._clean(dataset, 0, "", convert_encodings("ISO_IR 6"))
        self._clean_leaks()
        return clean

    def _clean(self, dataset: Dataset, parent: int, path: str, encodings: list[str]) -> Dataset:
        own = text(dataset, "SpecificCharacterSet")
        place = _Place({}, parent, path, convert_encodings(own.split("\\")) if own else encodings)
        rule_of = self._profile.rule
        for tag, element in sorted(dataset.items(), key=_number):
            if tag in PIXEL_DATA and not parent:
                place.out[tag] = copy(element)
                continue
            raw = as_raw(dataset, element, self._implicit, self._little)
            if isinstance(raw.value, bytes) and raw.length not in (len(raw.value), UNDEFINED):
                raise Refused(f"{path}{name_of(tag)} breaks off before its end: copy or send it again.")
            if tag >> 16 & 1:
                self._private(dataset, raw, place)
                continue
            rule = rule_of(parent, tag)
            if rule.action == "K":
                self._keep(raw, rule, place)
            else:
                self._act(raw, rule, place)
        clean = Dataset(place.out)
        clean.set_original_encoding(self._implicit, self._little, place.encodings)
        return clean

    def _keep(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        vr = rule.vr if raw.VR in (None, "UN") else raw.VR
        if vr == "SQ" or rule.vr == "SQ":
            self._keep_sequence(raw, rule, place)
        elif raw.length == UNDEFINED or not profile.same_kind(vr, rule.vr):
            why = f"its VR is {vr} where the standard has {rule.vr}, so it can hold anything (PS3.6)"
            self._record(raw, rule._replace(action="X", why=why), place)
        else:
            place.out[raw.tag] = raw
            if vr in _SEARCHED and raw.value:
                if self._prose and vr in _FREE_TEXT:
                    self._clean_text(raw, rule._replace(vr=vr), place)
                else:
                    self._kept.append((place, raw, vr))

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
        if not stripped(raw.value) if isinstance(raw.value, bytes) and raw.VR not in ("OB", "UN") else not raw.value:
            if rule.action != "X":
                place.out[raw.tag] = DataElement(raw.tag, "SQ", Sequence()) if rule.vr == "SQ" else raw
        elif rule.vr == "SQ" or raw.VR == "SQ":
            self._act_on_sequence(raw, rule, place)
        elif rule.action == "C":
            self._clean_value(raw, rule, place)
        else:
            self._replace(raw, rule, self._new_value(raw, rule), place)

    def _act_on_sequence(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        items = self._items(raw, rule.vr, place)
        if items is not None and rule.option == "clean_structured_content" and rule.action == "C":
            self._structured_content(raw, items, place)
        elif items is not None and (rule.action in "CU" or (rule.action == "D" and raw.tag == _REFERENCED_STEP)):
            before, self._prose = self._prose, self._prose or rule.action == "C"
            self._keep_sequence(raw, rule, place)
            self._prose = before
        else:
            new = dummy_items(raw.tag) if rule.action == "D" else []
            if items is None or items != new:
                for item in items or []:
                    self._learn(item)
                self._record(raw, rule, place, items)
            if rule.action in "ZD":
                place.out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(new))

    def _private(self, dataset: Dataset, raw: RawDataElement, place: _Place) -> None:
        if "retain_safe_private" in self._profile.options:
            vr = _safe_private_vr(dataset, raw)
            if vr:
                place.out[raw.tag] = raw
                self._kept.append((place, raw, vr))
                return
        why = f"private: only its maker knows what it holds (PS3.15 {profile.EDITION}, Table E.1-1: X)"
        self._record(raw, Rule("X", "UN", "", why), place)

    def _new_value(self, raw: RawDataElement, rule: Rule) -> bytes | None:
        """Return the value that replaces ``raw``; None removes it."""
        old = stripped(raw.value)
        if rule.action == "X":
            return None
        if rule.action == "U" or (rule.action == "D" and rule.vr == "UI"):
            return b"\\".join(self._new_uid(stripped(uid)) for uid in old.split(b"\\"))
        if raw.tag in (PATIENT_ID, ACCESSION_NUMBER):
            return self._pseudonyms.identifier(old)
        if raw.tag == PATIENT_NAME:
            own = old.startswith(_ANONYMOUS) and self._pseudonyms.owns(old.removeprefix(_ANONYMOUS))
            return old if own else _ANONYMOUS + self._pseudonyms.identifier(self._patient)
        return b"" if rule.action == "Z" else dummy(raw.tag, rule.vr)

    def _new_uid(self, uid: bytes) -> bytes:
        if not uid or uid.decode("ascii", "replace") in UID_dictionary:
            return uid  # a well-known UID, say of an atlas's frame of reference, is nobody's
        return self._pseudonyms.uid(uid)

    def _replace(self, raw: RawDataElement, rule: Rule, value: bytes | None, place: _Place) -> None:
        if value is not None and stripped(raw.value) == stripped(value) and raw.VR in (None, rule.vr):
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
                self._replace(raw, rule, moved(stripped(raw.value), rule.vr, self._days), place)
            except ValueError:
                self._fall_back(raw, place)
        elif rule.vr in _SEARCHED - {"OB", "UN"}:
            self._clean_text(raw, rule, place)
        else:
            self._fall_back(raw, place)

    def _clean_text(self, raw: RawDataElement, rule: Rule, place: _Place) -> None:
        clean = b"\\".join(known_words(part, self._names) for part in stripped(raw.value).split(b"\\"))
        if clean.strip(b"\\"):
            self._replace(raw, rule, clean, place)
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
        for number, item in enumerate(items):
            path = f"{place.path}{name_of(raw.tag)}[{number}]"
            rule = self._content_rule(item)
            if rule.action == "X":
                self._learn(item)
                self.changes.append(Change(path, raw.tag, "SQ", [item], "X", rule.why))
                continue
            clean = self._clean(item, raw.tag, path + ".", place.encodings)
            self._content_value(item, clean, rule, _Place({}, raw.tag, path + ".", place.encodings))
            kept.append(clean)
        if kept or not place.parent:
            place.out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(kept or dummy_items(raw.tag)))

    def _content_rule(self, item: Dataset) -> Rule:
        names = item.get("ConceptNameCodeSequence") or [Dataset()]
        value_type = text(item, "ValueType")
        rows = profile.content_items().get((text(names[0], "CodeValue"), text(names[0], "CodingSchemeDesignator")))
        if rows is None:
            why = f"free text, in which people write names (PS3.15 {profile.EDITION}, E.3.4)"
            return Rule("C", "UT", "clean_descriptors", why)
        row = rows.get(value_type) or next(iter(rows.values()))
        action, option = self._profile.choose(row)
        if action == "X/D":  # a template may require the item, so one with a value that can be replaced stays
            action = "D" if value_type in _REPLACEABLE else "X"
        why = f"{row['meaning']} (PS3.15 {profile.EDITION}, Table E.3.4-1: {row['basic']})"
        return Rule(action, "UT", option, why)

    def _content_value(self, item: Dataset, clean: Dataset, rule: Rule, place: _Place) -> None:
        """Treat the value of a content item by the rule of its concept, which goes before that of the attribute."""
        for keyword in _CONTENT_VALUES:
            tag = BaseTag(tag_for_keyword(keyword) or 0)
            element = item.get_item(tag)
            if element is None or (keyword != "TextValue" and rule.action != "K"):
                continue
            raw = as_raw(item, element, self._implicit, self._little)
            self._kept = [kept for kept in self._kept if kept[0].path != place.path or kept[1].tag != tag]
            self.changes = [change for change in self.changes if change.path != place.path + keyword]
            if rule.action == "K":
                place.out[tag] = raw
            elif rule.action == "D":
                self._replace(raw, rule, dummy(tag, rule.vr), place)
            else:
                self._clean_text(raw, rule, place)
            clean[tag] = place.out[tag]

    # Names and numbers that the profile removes, and that stand in kept text as well.

    def _learn(self, item: Dataset) -> None:
        for tag, element in item.items():
            if tag >> 16 & 1:
                continue
            if isinstance(element, RawDataElement):
                self._remember(tag, element.VR or self._profile.basic(0, tag).vr, element.value)
            elif element.VR == "SQ":
                for nested in element.value:
                    self._learn(nested)

    def _remember(self, tag: int, vr: str, value: object) -> None:
        if not isinstance(value, bytes):
            return
        if vr == "PN":
            self._names.update(part for part in re.split(rb"[\^=\\ ,.]+", stripped(value)) if len(part) >= 3)
        elif tag in _IDENTIFIERS:
            self._names.update(stripped(part) for part in value.split(b"\\") if len(stripped(part)) >= 4)

    def _clean_leaks(self) -> None:
        owns = self._pseudonyms.owns
        self._names = {name for name in self._names if name.lower() not in _NO_NAMES and not owns(name)}
        if not self._names or not self._kept:
            return
        found = finder(self._names)
        for place, raw, vr in self._kept:
            value = raw.value or b""
            if not found(value) or (vr == "CS" and not self._names_in_code(value)):
                continue
            why = "repeats a name or a number that the profile removes elsewhere in this data set (PS3.15 E.1.1)"
            rule = Rule("C", vr, "", why)
            if vr in ("OB", "UN"):
                self._replace(raw, rule._replace(action="X"), None, place)
            else:
                self._clean_text(raw, rule, place)

    def _names_in_code(self, value: bytes) -> bool:
        """Tell whether a code string names somebody; a term such as HEAD does not, whatever a patient is called."""
        terms = profile.vocabulary()
        uncommon = {name for name in self._names if name.decode("latin-1").lower() not in terms}
        return bool(uncommon and finder(uncommon)(value))

    def _record(self, raw: RawDataElement, rule: Rule, place: _Place, items: list[Dataset] | None = None) -> None:
        vr = raw.VR or ("UN" if raw.tag >> 16 & 1 else self._profile.basic(0, raw.tag).vr)
        self._remember(raw.tag, vr, raw.value)
        value: Any = items if items is not None else raw.value or b""
        self.changes.append(Change(place.path + name_of(raw.tag), raw.tag, vr, value, rule.action, rule.why))

    def _items(self, raw: RawDataElement, vr: str, place: _Place) -> list[Dataset] | None:
        """Return the items of a sequence, None where there are none to be read."""
        value: Any = raw.value
        if not isinstance(value, bytes):
            return None if value is None or vr != "SQ" else list(value)
        if vr != "SQ" or raw.VR not in (None, "SQ", "UN") or (raw.VR == "UN" and not self._little):
            return None
        implicit = raw.is_implicit_VR or raw.VR == "UN"  # a sequence in VR UN is implicit (PS3.5 6.2.2)
        try:
            return list(convert_SQ(value, implicit, self._little, place.encodings))
        except (EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, NotImplementedError):
            return None


def new_raw(tag: int, vr: str, value: bytes, implicit: bool, little: bool) -> RawDataElement:
    """Return an element with an encoded value, padded to even length (PS3.5 6.2)."""
    value += (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)
    return RawDataElement(BaseTag(tag), vr, len(value), value, 0, implicit, little)


def text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text without converting the element, "" where there is none."""
    return _value(dataset, tag_for_keyword(keyword) or 0).decode("ascii", "replace")


def stripped(value: bytes | None) -> bytes:
    """Return a value without its padding."""
    return (value or b"").strip(b" \0")


def name_of(tag: int) -> str:
    """Return the keyword, or the numbers where the standard has no keyword."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _number(pair: tuple[BaseTag, object]) -> int:
    return int(pair[0])  # tags compare slowly


def _value(dataset: Dataset, tag: int) -> bytes:
    element = dataset.get_item(tag)
    value: Any = element.value if element is not None else b""
    if isinstance(value, bytes):
        return stripped(value)
    return ("\\".join(map(str, value)) if isinstance(value, list) else str(value or "")).strip().encode()


def _safe_private_vr(dataset: Dataset, raw: RawDataElement) -> str | None:
    """Return the VR of an element on the standard's list, or of the creator element of a block with such an element."""
    group, number = raw.tag >> 16, raw.tag & 0xFFFF
    block = number if number <= 0xFF else number >> 8
    creator = _value(dataset, group << 16 | block).decode("ascii", "replace")
    safe = profile.safe_private()
    if number > 0xFF:
        vr = safe.get((creator, group, number & 0xFF))
        return vr if raw.length != UNDEFINED and raw.VR in (None, "UN", vr) else None
    used = (tag & 0xFF for tag in dataset.keys() if tag >> 16 == group and tag >> 8 & 0xFF == block)
    return "LO" if any((creator, group, last) in safe for last in used) else None


_profiles: dict[tuple[str, frozenset[str]], Profile] = {}


def _profile(sop_class: str, options: Options) -> Profile:
    """Return the rules, which are worked out once for all files of a kind."""
    key = sop_class, frozenset(profile.method_options(options))
    if key not in _profiles:
        _profiles[key] = Profile(sop_class, options)
    return _profiles[key]
