"""How grave a finding is, in three words that a reader can act on.

For attributes it follows from PS3.15 Table E.1-1. What no option of the profile lets anybody keep names somebody. What
an option may retain (dates, UIDs, device, institution, patient characteristics) helps to find somebody. What an option
can only clean is free text, in which no rule can tell a name.
"""

import re
from functools import lru_cache

from pydicom.datadict import dictionary_VR, tag_for_keyword

from . import profile
from .finding import Finding

NAMES, HELPS, EYE = "names somebody", "helps to find somebody", "needs a person's eye"
MEANING = {
    NAMES: "a name, number or address of a person, a face, or writing in the pixels: whoever sees it knows who it is",
    HELPS: "a date, a UID, a place, a device, a trait: with one more fact it leads to a person",
    EYE: "free text, private attributes, remarks: no rule can tell what they give away",
}
"""The severities, the gravest first, and what each means."""

_AROUND = {"file name": NAMES, "preamble": EYE, "PixelData": EYE, "behind PixelData": EYE}
_FILE_META = 2


def of(finding: Finding) -> str:
    """Return the severity of a finding: one of ``NAMES``, ``HELPS`` and ``EYE``.

    A face names somebody, and so does writing in the pixels or on an object, unless it only says how the picture was
    taken, or the words are not known (``strip`` does not keep them): then somebody must look. An object without
    writing helps.
    """
    if finding.kind == "metadata":
        repeats = finding.why.startswith("repeats a name")
        return NAMES if repeats else _of_attribute(finding.where)
    if finding.kind == "objects":
        return NAMES if getattr(finding, "words", "") else HELPS
    return EYE if finding.kind == "text" and not _may_name(finding) else NAMES


def _may_name(finding: Finding) -> bool:
    """Tell whether writing was read, and says more than how the picture was taken."""
    if not hasattr(finding, "box") or not finding.what:
        return False
    from .text import TECHNICAL  # which imports much, and is there when text was looked for

    return not any(re.fullmatch(pattern, finding.what, re.IGNORECASE) for pattern in TECHNICAL)


@lru_cache(maxsize=10_000)
def _of_attribute(path: str) -> str:
    name = re.sub(r"\[\d+\]", "", path).rpartition(".")[2]
    if name in _AROUND:
        return _AROUND[name]
    tag = tag_for_keyword(name)
    if tag is None:  # private, or unknown to the standard
        return EYE
    vr = dictionary_VR(tag)
    row = profile.attributes().get(tag)
    options = row["options"] if row else ()
    if row is None and vr != "PN":
        return HELPS if vr in ("AE", "DA", "DT", "TM", "UI", "UR") or tag >> 16 == _FILE_META else EYE
    if vr == "UI" or any(option.startswith("retain") for option in options):
        return HELPS
    return EYE if options else NAMES
