"""Apply the profile to one data set: decide for each element, at any depth, and record what was changed.

Values that stay are never decoded: pydicom hands over raw elements, and they pass on as they are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

from pydicom import DataElement, Dataset, Sequence
from pydicom.charset import convert_encodings
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary
from pydicom.values import convert_SQ

from . import profile
from .dicomfile import (
    BIG_ENDIAN, EXPLICIT, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, IMPLICIT, PIXEL_DATA, UNDEFINED, as_raw, fragments,
)  # fmt: skip
from .finding import Refused
from .profile import ACCESSION_NUMBER, PATIENT_ID, PATIENT_NAME, Options, Profile, Rule
from .pseudonyms import Pseudonyms

COMMENT = "a comment inside the compressed pixels can name the patient (ITU-T T.81 B.2.4, T.800 A.9.2)"
_ENCAPSULATED_DOCUMENT = "1.2.840.10008.5.1.4.1.1.104."  # the SOP classes that wrap a PDF, a CDA, an STL (PS3.4 B.5)
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
_META_INSTANCE = 0x00020003
_META_KEPT = {0x00020000, 0x00020001, 0x00020002, 0x00020010}
_META_OURS = {IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME}

# Dummies that are valid for their VR and say at a glance that they are no data (PS3.15 E.1.1, action D).
DUMMY = {
    "AE": b"REMOVED", "AS": b"000Y", "CS": b"REMOVED", "DA": b"19000101", "DS": b"0", "DT": b"19000101000000",
    "IS": b"0", "LO": b"REMOVED", "LT": b"REMOVED", "PN": b"Anonymous", "SH": b"REMOVED", "ST": b"REMOVED",
    "TM": b"000000", "UC": b"REMOVED", "UR": b"urn:removed", "UT": b"REMOVED",
}  # fmt: skip
_WIDTH = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "AT": 4, "FD": 8, "SV": 8, "UV": 8, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_REASON = tag_for_keyword("ReasonForTheAttributeModification")

_FREE_TEXT = {"AE", "LO", "LT", "OB", "PN", "SH", "ST", "UC", "UN", "UR", "UT"}
_SEARCHED = _FREE_TEXT | {"CS"}
_IDENTIFIERS = {
    tag_for_keyword(keyword)
    for keyword in (
        "AccessionNumber", "AdmissionID", "DeviceSerialNumber", "InstitutionAddress", "InstitutionName",
        "InsurancePlanIdentification", "IssuerOfPatientID", "MedicalRecordLocator", "MilitaryRank", "OtherPatientIDs",
        "PatientAddress", "PatientBirthDate", "PatientID", "PatientTelephoneNumbers", "StationName",
    )
}  # fmt: skip
_ANONYMOUS = b"Anonymous^"
_NO_NAMES = {b"anonymous", b"anonymized", b"removed", b"unknown", b"none"}

_UNIT = re.compile(r"\d{1,3}(mm|cm|kv|kvp|ma|mas|ms|hz|mhz|d|t|w|x)\Z")


@dataclass(frozen=True, slots=True)
class Change:
    """One element that is not as it was: its path, its old VR and value, the action and the reason."""

    path: str
    tag: int
    vr: str
    value: bytes | Sequence
    action: str
    why: str


@dataclass(slots=True)
class _Kept:
    """An element with text that stays for now, and the place to change it when it names the patient after all."""

    elements: dict[BaseTag, DataElement | RawDataElement]
    raw: RawDataElement
    vr: str
    parent: int
    path: str


class Deidentifier:
    """De-identifies one data set; ``changes`` then holds what was changed, in the order of the data set."""

    def __init__(self, dataset: Dataset, pseudonyms: Pseudonyms, options: Options) -> None:
        self.changes: list[Change] = []
        self._pseudonyms = pseudonyms
        self._profile = _profile(_text(dataset, "SOPClassUID"), **options)
        self._implicit, self._little = _encoding(dataset)
        self._kept: list[_Kept] = []
        self._names: set[bytes] = set()
        self._prose = False
        patient = _raw_value(dataset, PATIENT_ID) or _raw_value(dataset, PATIENT_NAME)
        patient = patient or _raw_value(dataset, 0x0020000D)
        pseudonym = patient.removeprefix(_ANONYMOUS)
        self._patient = pseudonym if pseudonyms.owns(pseudonym) else patient
        self._modified = _text(dataset, "LongitudinalTemporalInformationModified") == "MODIFIED"

    def run(self, dataset: Dataset) -> Dataset:
        """Return the de-identified data set; elements that stay are shared with ``dataset``, which stays as it is."""
        clean = self._clean(dataset, 0, "", convert_encodings("ISO_IR 6"))
        self._clean_leaks()
        return clean

    # The walk.

    def _clean(self, dataset: Dataset, parent: int, path: str, encodings: list[str]) -> Dataset:
        out: dict[BaseTag, DataElement | RawDataElement] = {}
        rule_of = self._profile.rule
        if 0x00080005 in dataset:
            encodings = convert_encodings(dataset.get("SpecificCharacterSet") or "ISO_IR 6")
        for tag, element in sorted(dataset.items()):
            if tag in PIXEL_DATA and not parent:
                out[tag] = element
                continue
            raw = element if isinstance(element, RawDataElement) else as_raw(dataset, element, self._implicit, self._little)
            if raw.length not in (UNDEFINED, len(raw.value or b"")) and isinstance(raw.value, bytes):
                raise Refused(f"{path}{_name(tag)} breaks off before its end: copy or send it again.")
            if tag >> 16 & 1:
                self._private(dataset, raw, out, parent, path)
                continue
            rule = rule_of(parent, tag)
            if rule.action == "K":
                self._keep(raw, rule, out, parent, path, encodings)
            else:
                self._act(raw, rule, out, parent, path, encodings)
        clean = Dataset(out)
        clean.set_original_encoding(self._implicit, self._little, encodings)
        return clean

    def _keep(self, raw, rule: Rule, out, parent: int, path: str, encodings) -> None:
        vr = raw.VR or rule.vr
        if vr == "UN":
            vr = rule.vr
        if vr == "SQ" or rule.vr == "SQ":
            self._keep_sequence(raw, rule, out, path, encodings)
        elif raw.length == UNDEFINED or not profile.same_kind(vr, rule.vr):
            self._record(path, raw, "X", f"its VR is {vr} where the standard has {rule.vr}: it can hold anything (PS3.6)")
        else:
            out[raw.tag] = raw
            if vr in _SEARCHED and raw.value:
                if self._prose and vr in _FREE_TEXT:
                    self._clean_text(raw, rule._replace(vr=vr), out, parent, path)
                else:
                    self._kept.append(_Kept(out, raw, vr, parent, path))

    def _keep_sequence(self, raw, rule: Rule, out, path: str, encodings) -> None:
        items = self._items(raw, rule.vr, encodings)
        if items is None:
            self._record(path, raw, "X", "its content is no sequence of items: it can hold anything (PS3.5 7.5)")
            return
        name = path + _name(raw.tag)
        cleaned = [self._clean(item, raw.tag, f"{name}[{number}].", encodings) for number, item in enumerate(items)]
        out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(cleaned))

    def _act(self, raw, rule: Rule, out, parent: int, path: str, encodings) -> None:
        if self._is_empty(raw):
            if rule.action != "X":
                out[raw.tag] = DataElement(raw.tag, "SQ", Sequence()) if rule.vr == "SQ" else raw
        elif rule.vr == "SQ" or raw.VR == "SQ":
            self._act_on_sequence(raw, rule, out, parent, path, encodings)
        elif rule.action == "C":
            self._clean_value(raw, rule, out, parent, path)
        else:
            self._replace(raw, rule, out, path, self._new_value(raw, rule))

    def _act_on_sequence(self, raw, rule: Rule, out, parent: int, path: str, encodings) -> None:
        items = self._items(raw, rule.vr, encodings)
        if rule.action == "C" and items is not None:
            if rule.option == "clean_structured_content":
                self._structured_content(raw, items, out, path, encodings)
            else:
                before, self._prose = self._prose, True
                self._keep_sequence(raw, rule, out, path, encodings)
                self._prose = before
            return
        if rule.action == "D" and raw.tag == tag_for_keyword("ReferencedPerformedProcedureStepSequence"):
            rule = rule._replace(action="U")
        if rule.action == "U" and items is not None:
            self._keep_sequence(raw, rule, out, path, encodings)
            return
        for item in items or []:
            self._learn(item)
        dummy = _dummy_items(raw.tag) if rule.action == "D" else []
        if rule.action == "D" and items == dummy:
            out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(dummy))
            return
        self._record(path, raw, rule.action, rule.why, items)
        if rule.action in "ZD":
            out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(dummy))

    def _private(self, dataset: Dataset, raw, out, parent: int, path: str) -> None:
        if "retain_safe_private" in self._profile.options:
            vr = self._safe_private_vr(dataset, raw)
            if vr:
                out[raw.tag] = raw
                self._kept.append(_Kept(out, raw, vr, parent, path))
                return
        row = "private: only its maker knows what it holds (PS3.15 {}, Table E.1-1: X)"
        self._record(path, raw, "X", row.format(profile.EDITION))

    def _safe_private_vr(self, dataset: Dataset, raw) -> str | None:
        """Return the VR when the element, or the block that a creator element opens, is on the standard's list."""
        group, number = raw.tag >> 16, raw.tag & 0xFFFF
        block = number if number <= 0xFF else number >> 8
        creator = _raw_value(dataset, group << 16 | block).decode("ascii", "replace")
        safe = profile.safe_private()
        if number > 0xFF:
            vr = safe.get((creator, group, number & 0xFF))
            return vr if vr and raw.length != UNDEFINED and raw.VR in (None, "UN", vr) else None
        used = ((t & 0xFF) for t in dataset.keys() if t >> 16 == group and t >> 8 & 0xFF == block and t & 0xFF00)
        return "LO" if any((creator, group, last) in safe for last in used) else None

    # The actions.

    def _new_value(self, raw, rule: Rule) -> bytes | None:
        """Return the value that replaces ``raw``; None removes it."""
        old = _stripped(raw.value)
        if rule.action == "X":
            return None
        if rule.action == "U" or (rule.action == "D" and rule.vr == "UI"):
            return b"\\".join(self._new_uid(uid.strip(b" \0")) for uid in old.split(b"\\"))
        if raw.tag in (PATIENT_ID, ACCESSION_NUMBER):
            return self._pseudonyms.identifier(old)
        if raw.tag == PATIENT_NAME:
            if old.startswith(_ANONYMOUS) and self._pseudonyms.owns(old.removeprefix(_ANONYMOUS)):
                return old
            return _ANONYMOUS + self._pseudonyms.identifier(self._patient)
        if rule.action == "Z":
            return b""
        if raw.tag == _REASON:
            return b"COERCE"
        return DUMMY.get(rule.vr) or bytes(_WIDTH.get(rule.vr, 2))

    def _new_uid(self, uid: bytes) -> bytes:
        if not uid or uid.decode("ascii", "replace") in UID_dictionary:
            return uid  # a well-known UID, say of a frame of reference of an atlas, is nobody's
        return self._pseudonyms.uid(uid)

    def _replace(self, raw, rule: Rule, out, path: str, value: bytes | None) -> None:
        if value is not None:
            new = _raw(raw.tag, rule.vr, value, self._implicit, self._little)
            if _stripped(raw.value) == value.rstrip(b" \0") and raw.VR in (None, rule.vr):
                out[raw.tag] = raw
                return
            out[raw.tag] = new
        self._record(path, raw, rule.action, rule.why)

    def _clean_value(self, raw, rule: Rule, out, parent: int, path: str) -> None:
        if rule.option == "retain_longitudinal_modified_dates":
            self._shift(raw, rule, out, parent, path)
        elif rule.vr in _FREE_TEXT - {"OB", "UN"} or rule.vr == "CS":
            self._clean_text(raw, rule, out, parent, path)
        else:
            self._fall_back(raw, out, parent, path)

    def _fall_back(self, raw, out, parent: int, path: str) -> None:
        rule = self._profile.basic(parent, raw.tag)
        self._replace(raw, rule, out, path, self._new_value(raw, rule))

    def _shift(self, raw, rule: Rule, out, parent: int, path: str) -> None:
        """Move dates by the patient's number of days (PS3.15 E.3.6); times of day and zones stay as they are."""
        text = _stripped(raw.value).decode("ascii", "replace")
        if rule.vr == "TM" and re.fullmatch(r"\d{2}(:?\d{2}(:?\d{2}(\.\d{1,6})?)?)?", text):
            out[raw.tag] = raw
            return
        if rule.vr == "SH" and re.fullmatch(r"[+-]\d{4}", text):
            out[raw.tag] = raw
            return
        if rule.vr not in ("DA", "DT"):
            self._fall_back(raw, out, parent, path)
            return
        done = self._modified and self._pseudonyms.owns(self._patient)
        days = timedelta(0 if done else self._pseudonyms.days(self._patient))
        try:
            moved = "\\".join(_moved(part, rule.vr, days) for part in text.split("\\"))
        except (ValueError, OverflowError):
            self._fall_back(raw, out, parent, path)
            return
        self._replace(raw, rule, out, path, moved.encode("ascii"))

    def _clean_text(self, raw, rule: Rule, out, parent: int, path: str) -> None:
        """Keep the words that name no one (PS3.15 E.3.5): terms of medicine and of the standard, small numbers."""
        cleaned = b"\\".join(_known_words(part, self._names) for part in _stripped(raw.value).split(b"\\"))
        if cleaned.replace(b"\\", b""):
            self._replace(raw, rule, out, path, cleaned)
        elif raw.tag in profile.attributes():
            self._fall_back(raw, out, parent, path)
        else:
            self._replace(raw, rule, out, path, DUMMY.get(rule.vr, b""))

    # Structured content: each item says in its concept name what its value is.

    def _structured_content(self, raw, items, out, path: str, encodings) -> None:
        kept: list[Dataset] = []
        for number, item in enumerate(items):
            where = f"{path}{_name(raw.tag)}[{number}]."
            action, option, why = self._content_rule(item)
            if "X" in action:
                self._learn(item)
                self._record(where[:-1], raw, "X", why, [item])
                continue
            clean = self._clean(item, raw.tag, where, encodings)
            self._content_value(item, clean, action, option, why, where)
            kept.append(clean)
        out[raw.tag] = DataElement(raw.tag, "SQ", Sequence(kept or _dummy_items(raw.tag)))

    def _content_rule(self, item: Dataset) -> tuple[str, str, str]:
        name = (item.get("ConceptNameCodeSequence") or [Dataset()])[0]
        row = profile.content_items().get((str(name.get("CodeValue", "")), str(name.get("CodingSchemeDesignator", ""))))
        if row is None:
            why = f"free text, in which people write names (PS3.15 {profile.EDITION}, E.3.4)"
            return "C", "clean_descriptors", why
        action, option = self._profile.choose(row)
        return action, option, f"{row['meaning']} (PS3.15 {profile.EDITION}, Table E.3.4-1: {row['basic']})"

    def _content_value(self, item: Dataset, clean: Dataset, action: str, option: str, why: str, path: str) -> None:
        """Treat the value of a content item by the rule of its concept; attributes keep their own rules besides."""
        for keyword, vr in (("TextValue", "UT"), ("PersonName", "PN"), ("Date", "DA"), ("Time", "TM"), ("DateTime", "DT")):
            tag = BaseTag(tag_for_keyword(keyword) or 0)
            if tag not in item:
                continue
            element = item.get_item(tag)
            raw = element if isinstance(element, RawDataElement) else as_raw(item, element, self._implicit, self._little)
            out: dict[BaseTag, DataElement | RawDataElement] = {}
            if action == "K":
                out[tag] = raw
                self._forget(path + keyword)
            elif keyword == "TextValue":
                self._kept = [kept for kept in self._kept if kept.path + _name(kept.raw.tag) != path + keyword]
                text = Rule("D" if action == "D" else "C", vr, option, why)
                if text.action == "D":
                    self._replace(raw, text, out, path, DUMMY[vr])
                else:
                    self._clean_text(raw, text, out, 0, path)
            if tag in out:
                clean[tag] = out[tag]

    def _forget(self, path: str) -> None:
        self.changes = [change for change in self.changes if change.path != path]

    # Values that leak elsewhere.

    def _learn(self, item: Dataset) -> None:
        """Remember the names and numbers in an item that goes as a whole: they may stand elsewhere, too."""
        for tag in sorted(item.keys()):
            element = item.get_item(tag)
            if isinstance(element, RawDataElement):
                vr = element.VR or self._profile.basic(0, tag).vr if not tag >> 16 & 1 else "UN"
                if vr != "SQ":
                    self._remember(tag, vr, element.value)
            elif element.VR == "SQ":
                for nested in element.value:
                    self._learn(nested)

    def _remember(self, tag: int, vr: str, value: object) -> None:
        if not isinstance(value, bytes):
            return
        if vr == "PN":
            self._names.update(part for part in re.split(rb"[\^=\\ ,.]+", value.strip(b" \0")) if len(part) >= 3)
        elif tag in _IDENTIFIERS:
            self._names.update(part.strip(b" \0") for part in value.split(b"\\") if len(part.strip(b" \0")) >= 4)

    def _clean_leaks(self) -> None:
        names = {name for name in self._names if name.lower() not in _NO_NAMES and not self._pseudonyms.owns(name)}
        if not names or not self._kept:
            return
        search = _finder(names)
        terms = profile.vocabulary() if any(kept.vr == "CS" for kept in self._kept) else frozenset()
        uncommon = {name for name in names if name.decode("ascii", "replace").lower() not in terms}
        in_codes = _finder(uncommon) if uncommon else None
        for kept in self._kept:
            finder = in_codes if kept.vr == "CS" else search
            if finder is None or not finder(kept.raw.value):
                continue
            why = "holds a name or a number that the profile removes elsewhere in this file (PS3.15 E.1.1, note on free text)"
            if kept.vr in ("OB", "UN"):
                del kept.elements[kept.raw.tag]
                self._record(kept.path, kept.raw, "X", why)
            else:
                self._names = names
                self._clean_text(kept.raw, Rule("C", kept.vr, "", why), kept.elements, kept.parent, kept.path)

    # Small parts.

    def _record(self, path: str, raw, action: str, why: str, items: object = None) -> None:
        value = raw.value if raw.value is not None else b""
        vr = raw.VR or ("UN" if raw.tag >> 16 & 1 else self._profile.basic(0, raw.tag).vr)
        self._remember(raw.tag, vr, value)
        where = path if items is not None and path.endswith("]") else path + _name(raw.tag)
        self.changes.append(Change(where, raw.tag, vr, items if items is not None else value, action, why))

    def _is_empty(self, raw) -> bool:
        if isinstance(raw.value, bytes):
            return not raw.value.strip(b" \0") and raw.VR not in ("OB", "UN")
        return not raw.value

    def _items(self, raw, vr: str, encodings) -> list[Dataset] | None:
        """Return the items of a sequence, None where there are none to be read."""
        if not isinstance(raw.value, bytes):
            return None if raw.value is None or vr != "SQ" else list(raw.value)
        if vr != "SQ" or raw.VR not in (None, "SQ", "UN") or (raw.VR == "UN" and not self._little):
            return None
        try:  # the items inside a value of VR UN are implicit little endian (PS3.5 6.2.2)
            return list(convert_SQ(raw.value, raw.is_implicit_VR or raw.VR == "UN", self._little, encodings))
        except (EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, NotImplementedError):
            return None


def deidentify(dataset: Dataset, pseudonyms: Pseudonyms, options: Options) -> tuple[Dataset, list[Change]]:
    """Return the de-identified data set, with file meta information of its own, and what was changed.

    Raises ``Refused`` when the data set is of a kind that cannot be made safe here.
    """
    sop_class = _text(dataset, "SOPClassUID") or str(getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID", ""))
    if sop_class.startswith(_ENCAPSULATED_DOCUMENT):
        raise Refused("it wraps a document (a PDF, say) that can name the patient on any page: leave it out, or redact the document itself.")
    if sop_class == _MEDIA_DIRECTORY:
        raise Refused("it is a DICOMDIR, which lists patients and file names: leave it out, and make a new one for the new files.")
    deidentifier = Deidentifier(dataset, pseudonyms, options)
    body = deidentifier.run(dataset)
    changes = _meta_changes(dataset, body) + deidentifier.changes + _blank_pixel_comments(dataset, body)
    _mark(dataset, body, options)
    return _with_meta(dataset, body), changes


def _with_meta(dataset: Dataset, body: Dataset) -> Dataset:
    if not isinstance(dataset, FileDataset):
        return body
    implicit, little = _encoding(dataset)
    guess = IMPLICIT if implicit else EXPLICIT if little else BIG_ENDIAN
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _text(body, "SOPClassUID")
    meta.MediaStorageSOPInstanceUID = _text(body, "SOPInstanceUID")
    meta.TransferSyntaxUID = dataset.file_meta.get("TransferSyntaxUID") or guess
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    out = FileDataset("", body, bytes(128), meta, is_implicit_VR=implicit, is_little_endian=little)
    out.set_original_encoding(implicit, little, body.original_character_set)
    return out


def _meta_changes(dataset: Dataset, body: Dataset) -> list[Change]:
    """Return what the file says outside its data set: nothing of it is taken over (PS3.10 7.1)."""
    changes = []
    if any(getattr(dataset, "preamble", None) or b""):
        why = "128 free bytes at the start of a file, which can hold anything (PS3.10 7.1)"
        changes.append(Change("preamble", 0, "OB", dataset.preamble, "X", why))
    for element in getattr(dataset, "file_meta", None) or ():
        if element.tag == _META_INSTANCE:
            if str(element.value) != _text(body, "SOPInstanceUID"):
                why = f"a number that leads back to the original study (PS3.15 {profile.EDITION}, Table E.1-1: U)"
                changes.append(Change(element.keyword, element.tag, "UI", str(element.value).encode(), "U", why))
        elif element.tag not in _META_KEPT and element.value not in _META_OURS:
            why = "tells which system sent or wrote the file (PS3.10 7.1)"
            changes.append(Change(_name(element.tag), element.tag, element.VR, str(element.value).encode(), "X", why))
    return changes


def _blank_pixel_comments(dataset: Dataset, body: Dataset) -> list[Change]:
    """Blank the comments in compressed pixel data that is in memory; a file's own go from stream to stream."""
    element = dataset.get_item(0x7FE00010)
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if element is None or not isinstance(element.value, bytes) or not syntax or not syntax.is_encapsulated:
        return []
    delimiter = b"\xfe\xff\xdd\xe0\0\0\0\0"
    value = element.value if element.value.endswith(delimiter) else element.value + delimiter
    blank = b"".join(fragments(BytesIO(value)))
    if blank == value:
        return []
    pixels = DataElement(0x7FE00010, "OB", blank[:-8], is_undefined_length=True)
    body[0x7FE00010] = pixels
    return [Change("PixelData", 0x7FE00010, "OB", b"", "X", COMMENT)]


def _mark(dataset: Dataset, body: Dataset, options: Options) -> None:
    """Say in the data set what was done to it (PS3.15 E.1.1, PS3.3 C.12.1.1.1 and C.7.1.1)."""
    implicit, little = _encoding(dataset)
    chosen = profile.method_options(options)
    before = {str(code.get("CodeValue", "")) for code in dataset.get("DeidentificationMethodCodeSequence") or ()}
    codes = [profile.BASIC_PROFILE, *(profile.METHODS[name] for name in chosen)]
    codes += [(code, meaning) for code, meaning in profile.CLEANED if code in before and (code, meaning) not in codes]
    dates = "UNMODIFIED" if "retain_longitudinal_full_dates" in chosen else "REMOVED"
    if "retain_longitudinal_modified_dates" in chosen:
        dates = "MODIFIED"

    def put(where: Dataset, keyword: str, vr: str, value: str) -> None:
        tag = BaseTag(tag_for_keyword(keyword) or 0)
        where[tag] = _raw(tag, vr, value.encode(), implicit, little)

    put(body, "PatientIdentityRemoved", "CS", "YES")
    put(body, "DeidentificationMethod", "LO", f"DICOM PS3.15 {profile.EDITION} Annex E with safeshare")
    put(body, "LongitudinalTemporalInformationModified", "CS", dates)
    items = []
    for code, meaning in sorted(codes):
        item = Dataset()
        item.set_original_encoding(implicit, little)
        put(item, "CodeValue", "SH", code)
        put(item, "CodingSchemeDesignator", "SH", "DCM")
        put(item, "CodeMeaning", "LO", meaning)
        items.append(item)
    tag = BaseTag(tag_for_keyword("DeidentificationMethodCodeSequence") or 0)
    body[tag] = DataElement(tag, "SQ", Sequence(items))


_profiles: dict[tuple[str, tuple[tuple[str, object], ...]], Profile] = {}


def _profile(sop_class: str, **options: bool) -> Profile:
    key = sop_class, tuple(sorted(options.items()))
    if key not in _profiles:
        _profiles[key] = Profile(sop_class, Options(**options))
    return _profiles[key]


def _encoding(dataset: Dataset) -> tuple[bool, bool]:
    implicit, little = dataset.original_encoding
    return bool(implicit), little is not False


def _raw_value(dataset: Dataset, tag: int) -> bytes:
    element = dataset.get_item(tag)
    value = element.value if element is not None else b""
    if isinstance(value, bytes):
        return _stripped(value)
    return str(value or "").strip().encode()


def _text(dataset: Dataset, keyword: str) -> str:
    return _raw_value(dataset, tag_for_keyword(keyword) or 0).decode("ascii", "replace")


def _stripped(value: bytes | None) -> bytes:
    return (value or b"").strip(b" \0")


def _raw(tag: BaseTag, vr: str, value: bytes, implicit: bool, little: bool) -> RawDataElement:
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    return RawDataElement(tag, vr, len(value), value, 0, implicit, little)


def _name(tag: int) -> str:
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _moved(text: str, vr: str, days: timedelta) -> str:
    day, rest = text[:8], text[8:]
    if vr == "DA" and re.fullmatch(r"\d{4}\.\d{2}\.\d{2}", text):
        day, rest = text.replace(".", ""), ""  # the form of ACR-NEMA 300 (PS3.5 6.2, note on DA)
    if not re.fullmatch(r"\d{8}", day) or (vr == "DA" and rest) or not re.fullmatch(r"\d{0,6}(\.\d{1,6})?([+-]\d{4})?", rest):
        raise ValueError("not a full date")
    moved = datetime.strptime(day, "%Y%m%d") + days
    return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}{rest}"


def _known_words(text: bytes, names: set[bytes]) -> bytes:
    known, lower_names = profile.vocabulary(), {name.decode("ascii", "replace").lower() for name in names}
    words: list[str] = []
    for word in re.findall(r"[A-Za-z0-9\x80-\uffff]+", text.decode("latin-1")):
        plain = word.lower()
        number = plain.isdigit() and len(plain) <= 2 and not (words and words[-1].isdigit())
        if plain not in lower_names and (plain in known or number or _UNIT.match(plain)):
            words.append(word)
    return " ".join(words).encode("ascii", "ignore")


def _finder(names: set[bytes]) -> Callable[[bytes], object]:
    """Return a search for any of ``names``: short ones as whole words, longer ones also inside others."""
    patterns = [
        re.escape(name) if len(name) >= 5 else rb"(?<![0-9A-Za-z])" + re.escape(name) + rb"(?![0-9A-Za-z])"
        for name in sorted(names, key=len, reverse=True)
    ]
    return re.compile(b"|".join(patterns), re.IGNORECASE).search


def _dummy_items(tag: int) -> list[Dataset]:
    """Return the least content that a sequence of Type 1 may have, saying nothing (PS3.3 C.17, C.10.5, 10.1, 10.9)."""
    code = _item(CodeValue="REMOVED", CodingSchemeDesignator="99REMOVED", CodeMeaning="REMOVED")
    finding = _item(CodeValue="121071", CodingSchemeDesignator="DCM", CodeMeaning="Finding")
    lettering = _item(
        AnchorPointAnnotationUnits="PIXEL", UnformattedTextValue="REMOVED", AnchorPoint=[0.0, 0.0], AnchorPointVisibility="N"
    )
    by_keyword: dict[str, Dataset] = {
        "ContentSequence": _item(
            RelationshipType="CONTAINS", ValueType="TEXT", ConceptNameCodeSequence=[finding], TextValue="REMOVED"
        ),
        "GraphicAnnotationSequence": _item(GraphicLayer="REMOVED", TextObjectSequence=[lettering]),
        "OperatorIdentificationSequence": _item(PersonIdentificationCodeSequence=[code], InstitutionName="REMOVED"),
        "VerifyingObserverSequence": _item(
            VerifyingOrganization="REMOVED",
            VerificationDateTime="19000101000000",
            VerifyingObserverName="Anonymous",
            VerifyingObserverIdentificationCodeSequence=[],
        ),
        "WaveformAnnotationSequence": _item(UnformattedTextValue="REMOVED", ReferencedWaveformChannels=[1, 1]),
        "FlowIdentifierSequence": _item(FlowIdentifier=b"\0\0"),
    }
    return [by_keyword.get(keyword_for_tag(tag), code)]


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item
