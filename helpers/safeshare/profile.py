"""DICOM PS3.15 Annex E as data: what the profile and its options ask for each attribute, and why.

The tables in ``tables/`` are facts of the standard, edition 2026d; ``helpers/derive_tables.py`` made them.
"""

import json
import re
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, TypedDict

from pydicom.datadict import dictionary_VR, get_entry, keyword_for_tag, tag_for_keyword

EDITION = "2026d"


class Options(TypedDict, total=False):
    """The options of PS3.15 E.3 that concern metadata, by their names there; each is False unless asked for.

    Clean Graphics keeps the lines and symbols of presentation states and takes their texts; overlays and curves are
    removed with it and without it, since nobody can tell their drawings from lettering.
    """

    retain_safe_private: bool
    retain_uids: bool
    retain_device_identity: bool
    retain_institution_identity: bool
    retain_patient_characteristics: bool
    retain_longitudinal_full_dates: bool
    retain_longitudinal_modified_dates: bool
    clean_descriptors: bool
    clean_structured_content: bool
    clean_graphics: bool


# PS3.16 CID 7050 "De-identification Method": code and meaning of the profile and of each option.
BASIC_PROFILE = ("113100", "Basic Application Confidentiality Profile")
METHODS = {
    "clean_graphics": ("113103", "Clean Graphics Option"),
    "clean_structured_content": ("113104", "Clean Structured Content Option"),
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "retain_longitudinal_full_dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "retain_longitudinal_modified_dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "retain_device_identity": ("113109", "Retain Device Identity Option"),
    "retain_uids": ("113110", "Retain UIDs Option"),
    "retain_safe_private": ("113111", "Retain Safe Private Option"),
    "retain_institution_identity": ("113112", "Retain Institution Identity Option"),
}

# What was cleaned stays clean when a data set is stripped again; what was retained is decided anew.
CLEANED = (
    ("113101", "Clean Pixel Data Option"),
    ("113102", "Clean Recognizable Visual Features Option"),
    *(METHODS[name] for name in ("clean_graphics", "clean_structured_content", "clean_descriptors")),
)

# Attributes that the table does not list, with a reason why they cannot stay.
_BEYOND = {
    tag_for_keyword(keyword): why
    for keywords, why in (
        (
            (
                "AssigningAgencyOrDepartmentCodeSequence", "AssigningFacilitySequence",
                "AssigningJurisdictionCodeSequence", "IssuerOfAccessionNumberSequence",
                "IssuerOfPatientIDQualifiersSequence", "OrderFillerIdentifierSequence", "OrderPlacerIdentifierSequence",
            ),
            "names the institution that gave a number (PS3.3 10.14)",
        ),
        (
            ("PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar"),
            "a date in another calendar (PS3.3 C.7.1.1)",
        ),
        (("RequestingPhysicianIdentificationSequence", "OOIOwnerSequence"), "identifies a person (PS3.3 10.1)"),
        (("ResponsiblePersonRole",), "means nothing once the Responsible Person is removed (PS3.3 C.7.1.1)"),
        (("ExtendedOffsetTable", "ExtendedOffsetTableLengths"), "an index of the frames, which viewers can make anew"),
        (("DoubleFloatPixelData", "FloatPixelData", "PixelData"), "a picture inside the header, say a thumbnail"),
        (
            ("CoefficientsSDDN", "CoefficientsSDHN", "CoefficientsSDVN"),
            "pixels of a retired compression, which nothing can read (PS3.6)",
        ),
        (("EncryptedAttributesSequence",), "holds the original attributes for whoever has the key (PS3.3 C.12.1.1.4)"),
        (("NTPSourceAddress",), "the network address of a device (PS3.3 C.7.4.2)"),
        (("ContactDisplayName",), "the name of a person or a place to call (PS3.3 C.30.1)"),
        (
            (
                "HangingProtocolCreator", "HangingProtocolUserGroupName",
                "HangingProtocolUserIdentificationCodeSequence", "OwnerID",
            ),
            "tells who made, uses or printed it (PS3.3 C.23.1, PS3.6)",
        ),
        (("BreedRegistrationNumber",), "a number under which the animal is registered (PS3.3 C.7.1.1)"),
        (
            (
                "FillerOrderNumberImagingServiceRequestRetired", "FillerOrderNumberProcedure", "HL7InstanceIdentifier",
                "PlacerOrderNumberImagingServiceRequestRetired", "PlacerOrderNumberProcedure",
            ),
            "a number that leads back to an order or a document of the patient (PS3.3 C.4.11, C.12.1.1.6)",
        ),
        (("UniformResourceLocatorTrial",), "an address where the original can be asked for (PS3.6)"),
        (("RadiationMachineName",), "tells the device, and so the place (PS3.3 C.8.8.2)"),
        (("TextValue",), "free text of a content item, in which people write names (PS3.3 10.2)"),
    )
    for keyword in keywords
}  # fmt: skip

# Of these, such as the value of a content item, an object needs one that says nothing: it is replaced or emptied.
_NEEDED = {
    tag_for_keyword(keyword): action
    for keyword, action in {
        "BreedRegistrationNumber": "D", "HangingProtocolCreator": "D", "HL7InstanceIdentifier": "D", "TextValue": "D",
        "HangingProtocolUserIdentificationCodeSequence": "Z", "RadiationMachineName": "Z",
    }.items()
}  # fmt: skip
_BEYOND_OPTIONS = {  # and these an option of the standard means as well, though it does not list them
    tag_for_keyword("RadiationMachineName"): {"retain_device_identity": "K"},
    tag_for_keyword("TextValue"): {"clean_descriptors": "C", "clean_structured_content": "C"},
}

# An attribute that the table does not list, but whose VR says that it holds a person, a place or a day.
_TELLING_VR = {
    "PN": "the name of a person",
    "AE": "the network name of a device",
    "UR": "an address where the original can be asked for",
    "DA": "a date",
    "DT": "a date and time",
    "TM": "a time of day",
}
_CLASS_UID = re.compile("SOPClass|TransferSyntax|CodingScheme|ContextUID|MappingResource")
_NO_DATA_SET = {0x0000, 0x0002, 0x0004, 0xFFFE}  # commands, file meta information, directories, delimiters
_DATE_OPTIONS = {"retain_longitudinal_full_dates": "K", "retain_longitudinal_modified_dates": "C"}
_FACTS = (  # the first option that the table names for an attribute tells what kind of fact it holds
    ("retain_longitudinal_full_dates", "a date or time, which links to other records"),
    ("retain_uids", "a number that leads back to the original study"),
    ("retain_device_identity", "tells the device, and so the place"),
    ("retain_institution_identity", "tells the institution"),
    ("retain_patient_characteristics", "describes the patient"),
    ("clean_descriptors", "free text, in which people write names"),
    ("clean_structured_content", "content in which people are named"),
    ("clean_graphics", "graphics, which can be lettering"),
)


class Rule(NamedTuple):
    """What to do with an attribute: an action code of PS3.15 E.1.1, its VR, the option that spoke, and the reason."""

    action: str
    vr: str
    option: str
    why: str
    single: bool = False  # whether its value multiplicity is 1


def method_options(options: Options) -> list[str]:
    """Return the options that are asked for; raise ``ValueError`` for an unknown name or a contradiction."""
    for name in options:
        if name not in METHODS:
            raise ValueError(f"There is no option {name!r}: PS3.15 has {', '.join(sorted(METHODS))}.")
    if options.get("retain_longitudinal_full_dates") and options.get("retain_longitudinal_modified_dates"):
        raise ValueError("Dates are kept in full or modified, not both: choose one of the two options.")
    return [name for name in METHODS if options.get(name)]


@cache
def table(name: str) -> Any:
    """Return one of the JSON tables."""
    return json.loads(resources.files(__package__).joinpath("tables", name).read_text(encoding="utf-8"))


@cache
def attributes() -> dict[int, dict[str, Any]]:
    """Return the rows of Table E.1-1 by tag; repeating groups and private attributes have no row here."""
    rows = table("profile.json")["attributes"]
    return {int(row["tag"], 16): row for row in rows if row["tag"] != "PRIVATE" and "xx" not in row["tag"]}


@cache
def content_items() -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """Return the rows of Table E.3.4-1 by code value and coding scheme designator, and then by value type."""
    rows: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in table("profile.json")["content_items"]:
        rows.setdefault((row["code"], row["scheme"]), {})[row["value_type"]] = row
    return rows


@cache
def safe_private() -> dict[tuple[str, int, int], str]:
    """Return the VR of each Safe Private Attribute (Table E.3.10-1) by creator, group and the element's last byte."""
    return {
        (row["creator"], int(row["group"], 16), int(row["element"], 16)): row["vr"] for row in table("private.json")
    }


@cache
def vocabulary() -> frozenset[str]:
    """Return the words, in lower case, that Clean Descriptors may keep: terms of medicine and of the standard."""
    text = resources.files(__package__).joinpath("tables", "vocabulary.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


@cache
def _types(iod: int) -> dict[str, str]:
    return {
        place: kind
        for place, kinds in table("types.json")["types"].items()
        for kind, iods in kinds.items()
        if iod in iods
    }


def _resolve(basic: str, kind: str | None) -> str:
    """Choose among the actions of, say, X/Z/D by the attribute's Type, None where that is not known.

    PS3.15 E.1.1: the first action unless the IOD asks for more. Where the Type is not known, the last one is right
    for every Type, and all of them take the value away. A reference sequence keeps its items with new UIDs
    (U*), so that the references of a study still fit together.
    """
    choices = basic.rstrip("*").split("/")
    if "U" in choices:
        return "U"
    if kind is None:
        return choices[-1]
    if len(choices) == 1 and kind.endswith("C"):
        return choices[0]
    least = {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": choices[0]}[kind]
    return next((choice for choice in choices if "XZDU".index(choice) >= "XZD".index(least)), least)


class Profile:
    """The rules for the data sets of one SOP class under the Basic Profile and the options that were chosen."""

    def __init__(self, sop_class: str, options: Options) -> None:
        self.options = method_options(options)
        iod = table("types.json")["sop_classes"].get(sop_class)
        self._types = None if iod is None else _types(iod)
        self._rules: dict[tuple[int, int], Rule] = {}

    def rule(self, parent: int, tag: int) -> Rule:
        """Return the rule for ``tag``, a standard attribute, inside sequence ``parent`` (0: at the root)."""
        rule = self._rules.get((parent, tag))
        if rule is None:
            listed = tag in attributes() and tag >> 16  # a file holds no commands, which the table lists for messages
            rule = self._rules[parent, tag] = self._listed(parent, tag) if listed else self._unlisted(tag)
        return rule

    def choose(self, row: dict[str, Any]) -> tuple[str, str]:
        """Return the action for a row of either table, and the option that it comes from ("" for the profile)."""
        # Two options speak about the dates of a device: moving them goes before keeping them, or the shift shows.
        name = next((name for name in self.options if name in row["options"]), "")
        return (row["options"][name], name) if name else (row["basic"], "")

    def basic(self, parent: int, tag: int) -> Rule:
        """Return the rule without any option: the way out where a value cannot be cleaned."""
        row = attributes().get(tag)
        if row is None:
            return self.rule(parent, tag)._replace(action=_NEEDED.get(tag, "X"), option="")
        keyword = keyword_for_tag(tag)
        kind = None
        if self._types is not None:
            kind = self._types.get(f"{keyword_for_tag(parent)}/{keyword}" if parent else keyword, "3")
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            vr = "UN"
        return Rule(_resolve(row["basic"], kind), vr, "", _reason(row, vr))

    def _listed(self, parent: int, tag: int) -> Rule:
        rule = self.basic(parent, tag)
        action, option = self.choose(attributes()[tag])
        return rule._replace(action=action, option=option) if option else rule

    def _unlisted(self, tag: int) -> Rule:
        group = tag >> 16
        if group in _NO_DATA_SET or not tag & 0xFFFF:
            return Rule("X", "UN", "", "no part of an image's data set (PS3.5 7.1, PS3.10 7.1)")
        if 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF:
            return Rule("X", "UN", "", f"curves and overlays can be lettering (PS3.15 {EDITION}, Table E.1-1: X)")
        if 0x7F00 <= group <= 0x7FDE:
            return Rule("X", "UN", "", "pixels in a retired group, which can be a second picture (PS3.6)")
        try:
            vr, multiplicity, *_ = get_entry(tag)
        except KeyError:
            return Rule("X", "UN", "", "unknown to the standard, so nobody can say what it holds (PS3.6)")
        if vr == "UI" and not _CLASS_UID.search(keyword_for_tag(tag)):
            why = "a number that can lead back to the original, in an attribute that PS3.15 Table E.1-1 does not list"
            return Rule("K" if "retain_uids" in self.options else "U", vr, "", why)
        if tag in _BEYOND:
            row = {"basic": _NEEDED.get(tag, "X"), "options": _BEYOND_OPTIONS.get(tag, {})}
            action, option = self.choose(row)
            return Rule(action, vr, option, _BEYOND[tag], multiplicity == "1")
        if vr not in _TELLING_VR:
            return Rule("K", vr, "", "", multiplicity == "1")
        why = f"{_TELLING_VR[vr]}, in an attribute that PS3.15 Table E.1-1 does not list"
        for option, action in _DATE_OPTIONS.items():
            if vr in ("DA", "DT", "TM") and option in self.options:
                return Rule(action, vr, option, why)
        return Rule("X", vr, "", why)


def is_beyond(tag: int) -> bool:
    """Tell whether an attribute identifies though the table does not list it."""
    return tag in _BEYOND


def _reason(row: dict[str, Any], vr: str) -> str:
    fact = next((text for option, text in _FACTS if option in row["options"]), "")
    if vr == "PN":
        fact = "the name of a person"
    elif row["basic"].startswith("U") and not fact:
        fact = "a number that leads back to the original study"
    fact = fact or "identifies the patient, or somebody or some place near"
    return f"{fact} (PS3.15 {EDITION}, Table E.1-1: {row['basic']})"


def fits(found: str | None, rule: Rule, value: bytes) -> bool:
    """Tell whether ``value``, which says that its VR is ``found``, can be a value of the rule's VR (PS3.5 6.2).

    A value that cannot be what its attribute means can be anything, and somebody's name.
    """
    expected = rule.vr
    if found not in (None, "UN") and found not in expected:
        if not (found in _PLAIN_TEXT and expected in _TEXT) and not (found in _BINARY and expected[:2] in _BINARY):
            return False
    pattern = _PATTERNS.get(expected)
    if pattern:
        return pattern.fullmatch(value) is not None
    size = _SIZES.get(expected[:2], 1)
    return len(value) in (0, size) if rule.single and size > 1 else len(value) % size == 0


_PLAIN_TEXT = {"CS", "DS", "IS", "LO", "LT", "SH", "ST", "UC", "UI", "UT"}
_TEXT = _PLAIN_TEXT | {"AS"}
_BINARY = {"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV"}
_SIZES = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
_PATTERNS = {  # a little wider than the standard, as files are: a comma in a number, letters in lower case
    "AS": re.compile(rb"[0-9DWMYdwmy \\]*\0?"),
    "CS": re.compile(rb"[A-Za-z0-9_ ./+-]{0,16}(\\[A-Za-z0-9_ ./+-]{0,16})*\0?"),
    "DA": re.compile(rb"[0-9. \\-]*\0?"),
    "DT": re.compile(rb"[0-9+. \\-]*\0?"),
    "TM": re.compile(rb"[0-9:. \\-]*\0?"),
    "DS": re.compile(rb"[0-9+.,eE \\-]*\0?"),
    "IS": re.compile(rb"[0-9+., \\-]*\0?"),
    "UI": re.compile(rb"[0-9. \\]*\0?"),
    **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UT"), re.compile(rb"[^\0-\x08\x0b\x0e-\x1a\x1c-\x1f]*\0*")),
}

PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = (
    tag_for_keyword(keyword) or 0 for keyword in ("PatientName", "PatientID", "AccessionNumber")
)
