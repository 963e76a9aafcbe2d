"""The proof of a copy: opened again, it is whole, no identifier of the original stands in it, and its pixels are right.

It looks at bytes, as somebody would who searches a disk, and not at attributes, as everything before it did.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.encaps import generate_fragments
from pydicom.uid import UID_dictionary

from . import dicomfile, pixeldata, profile
from .cleaner import Change
from .elements import PIXEL_DATA, UNDEFINED, stripped, value_of
from .finding import Refused
from .pixeldata import Pixels
from .profile import Options
from .pseudonyms import Pseudonyms

_NUMBERS = {
    tag_for_keyword(keyword) or 0
    for keyword in (
        "AccessionNumber", "AdmissionID", "InsurancePlanIdentification", "MedicalRecordLocator", "OtherPatientIDs",
        "PatientAddress", "PatientID", "PatientTelephoneNumbers",
    )
}  # fmt: skip
_FIRST = {  # looked for even if nobody says that they were changed
    tag_for_keyword(keyword) or 0: vr
    for keyword, vr in {
        "PatientName": "PN", "PatientID": "LO", "PatientBirthDate": "DA", "AccessionNumber": "SH",
        "StudyInstanceUID": "UI", "SeriesInstanceUID": "UI", "SOPInstanceUID": "UI",
    }.items()
}  # fmt: skip
_SHAPE = tuple(tag_for_keyword(keyword) or 0 for keyword in ("Rows", "Columns", "NumberOfFrames"))
_SHORTEST, _SHORTEST_NUMBER = 5, 8  # bytes: shorter ones stand in any file by chance
_DUMMIES = {"anonymous", "anonymized", "removed", "unknown"}
_OWN = re.compile(rb"[A-Z2-7]{16}")  # what Pseudonyms.identifier makes: its letters are random
_DIGITS = b"0123456789."
_NUMERALS = {b"%c" % digit for digit in _DIGITS}
_MOST_COMPARED = 5_000_000_000  # bytes times identifiers: some seconds
_CHUNK = 1 << 18  # bytes at a time
_LONG = 1000  # bytes of a value that is not remembered for the next file
_OVER = 64  # bytes before a chunk that are looked at again, so that an identifier across two chunks is seen
_FAULT = "so it was deleted: leave the file out, and tell the makers of safeshare."
_UNREADABLE = "its copy cannot be read back as it was written, so it was deleted: see whether the disk is full."
_LEFT = f"its copy still held a name, number, date or UID of the original, {_FAULT}"
_PIXELS = f"the pixels of its copy were not what they should be, {_FAULT}"


def identifiers(
    dataset: Dataset, changes: Iterable[Change], pseudonyms: Pseudonyms, options: Options
) -> frozenset[bytes]:
    """Return the names, numbers, dates and UIDs of an original that its copy must not hold, in small letters.

    They are taken from the first attributes that anybody would look at, and from all that was changed. What an option
    keeps elsewhere is not among them, nor a date that another one was moved to, nor is what is too short, nor a term
    such as HEAD, as somebody may be called.
    """
    found: set[bytes] = set()
    changes = list(changes)
    kept = {"UI"} if "retain_uids" in profile.method_options(options) else set()
    spared = next((change.spared for change in changes if change.spared), frozenset())
    values = [(tag, vr, value_of(dataset, tag)) for tag, vr in _FIRST.items()]
    for tag, vr, value in (*values, *_changed(changes)):
        if vr not in kept and (vr in ("PN", "UI", "DA", "DT") or tag in _NUMBERS):
            look = _identifiers_in if len(value) < _LONG else _identifiers_in.__wrapped__  # memory must stay flat
            found |= look(value, vr)
    found -= {each.encode("utf-8") for each in spared}
    return frozenset(each for each in found if not (each.startswith(b"2.25.") and pseudonyms.uid(each) == each))


@lru_cache(maxsize=4096)  # the files of a study repeat their few names, numbers and dates
def _identifiers_in(value: bytes, vr: str) -> frozenset[bytes]:
    parts: set[bytes] = set()
    for part in map(stripped, value.split(b"\\")):
        if vr == "UI" and part.decode("latin-1") in UID_dictionary:
            continue  # a well-known UID, of a class or of a palette, is nobody's
        parts |= _names(part) if vr == "PN" else {part[:8] if vr == "DT" else part}
    return frozenset(small for each in parts if (small := _unusual(each)))


def _changed(changes: Iterable[Change]) -> Iterator[tuple[int, str, bytes]]:
    for change in changes:
        if isinstance(change.value, bytes):
            yield change.tag, change.vr, change.value
        else:
            for item in change.value:
                yield from _inside(item)


def _inside(item: Dataset) -> Iterator[tuple[int, str, bytes]]:
    for element in item.values():
        value: Any = element.value
        if isinstance(value, bytes):
            yield element.tag, element.VR or "", value


def _names(value: bytes) -> set[bytes]:
    words = re.split(rb"[\^=\s,]+", value)
    return {value, *words}


def _unusual(value: bytes) -> bytes:
    """Return a value in small letters, b"" for one that stands in any file by chance."""
    small = value.lower()
    number = not small.strip(_DIGITS)
    words = re.split(r"[\s_^=]+", small.decode("latin-1"))
    terms = profile.vocabulary()
    usual = len(small) < (_SHORTEST_NUMBER if number else _SHORTEST)
    return b"" if usual or all(word in terms or word in _DUMMIES for word in words) else small


def check(copy: Path, original: Dataset, pixels: Pixels | None, start: int, secrets: frozenset[bytes]) -> None:
    """Raise ``Refused`` if a copy is not what it should be.

    ``original`` is the header of the original. ``pixels``, whose value begins at ``start``, are those that the copy
    must have: of the original, or of what it was changed to. ``secrets`` are ``identifiers`` that may not be in it.
    """
    with copy.open("rb") as stream:
        try:
            header, found = dicomfile.read(stream)
        except Refused as error:
            raise Refused(_UNREADABLE) from error
        if (found is None) != (pixels is None):
            raise Refused(_UNREADABLE)
        inside = found.stream if found else stream
        end = inside.tell() if found else -1
        if _holds(_plain(stream, inside, header.syntax, end), header.dataset, secrets):
            raise Refused(_LEFT)
        if any(value_of(header.dataset, tag) != value_of(original, tag) for tag in _SHAPE):
            raise Refused(_PIXELS)
        if found and pixels:
            inside.seek(end)
            pixels.stream.seek(start)
            right = _same_items if pixels.length == UNDEFINED else _same_pixels
            if not right(found, pixels, secrets):
                raise Refused(_PIXELS)


def check_same(copy: Path, stream: BinaryIO) -> None:
    """Raise ``Refused`` if a copy does not have the very bytes of a stream, or cannot be read."""
    stream.seek(0)
    with copy.open("rb") as again:
        while part := stream.read(_CHUNK):
            if again.read(len(part)) != part:
                raise Refused(_UNREADABLE)


def _plain(stream: BinaryIO, inside: BinaryIO, syntax: str, end: int) -> bytes:
    """Return all that stands before the pixels, unpacked."""
    if syntax != dicomfile.DEFLATED:
        stream.seek(0)
        return stream.read(end)
    stream.seek(0)
    packed = stream.read()
    start = 144 + int.from_bytes(packed[140:144], "little")  # behind File Meta Information Group Length
    return packed[:start] + zlib.decompress(packed[start:], -zlib.MAX_WBITS)


def _holds(header: bytes, dataset: Dataset, secrets: frozenset[bytes]) -> bool:
    for keyword in ("PatientID", "AccessionNumber"):  # random letters of ours could make a name
        if _OWN.fullmatch(own := value_of(dataset, tag_for_keyword(keyword) or 0)):
            header = header.replace(own, b"")
    small = header.lower()
    if len(secrets) * len(small) > _MOST_COMPARED:
        raise Refused("it holds more names and text than can be compared: ask the sender for a sound copy.")
    return any(_stands(each, small) for each in secrets)


def _stands(secret: bytes, text: bytes) -> bool:
    """Tell whether an identifier stands in a text: words anywhere, numbers only by themselves."""
    at = text.find(secret)
    if at < 0 or secret.strip(_DIGITS):
        return at >= 0
    while at >= 0:
        before, behind = text[at - 1 : at], text[at + len(secret) :][:1]
        if before not in _NUMERALS and (behind not in _NUMERALS or len(secret) == 8):  # a time may stand behind a date
            return True
        at = text.find(secret, at + 1)
    return False


def _same_pixels(found: Pixels, pixels: Pixels, secrets: frozenset[bytes]) -> bool:
    """Tell whether pixels are those of the original, and what stands behind them is nothing."""
    wanted = min(pixeldata.pixel_bytes(pixels.header, PIXEL_DATA[pixels.tag]), pixels.length)
    ours, theirs = bytearray(_OVER + _CHUNK), bytearray(_OVER + _CHUNK)
    for at in range(0, wanted, _CHUNK):
        size = min(_CHUNK, wanted - at)
        for part, stream in ((ours, found.stream), (theirs, pixels.stream)):
            part[:_OVER] = part[_CHUNK:]
            if stream.readinto(memoryview(part)[_OVER : _OVER + size]) < size:  # type: ignore[attr-defined]
                return False
        if ours != theirs:
            return False
        if _written(ours, secrets):
            raise Refused(_LEFT)
    return not any(part.strip(b"\0") for part in iter(lambda: found.stream.read(_CHUNK), b""))


def _same_items(found: Pixels, pixels: Pixels, secrets: frozenset[bytes]) -> bool:
    """Tell whether compressed pixels are those of the original, but for bytes that were set to zero."""
    ours, theirs = generate_fragments(found.stream), generate_fragments(pixels.stream)
    try:
        if next(ours) not in (b"", next(theirs)):  # the offset table may be left out
            return False
        for new, old in zip(ours, theirs, strict=True):
            if _written(new, secrets):
                raise Refused(_LEFT)
            if new != old and not _same_but_zero(new, old):
                return False
    except Refused:
        raise
    except (StopIteration, ValueError):
        return False
    return found.stream.read() == bytes(4)  # the length of the delimiter, and nothing behind it


def _same_but_zero(new: bytes, old: bytes) -> bool:
    if len(new) != len(old):
        return False
    bytes_now, before = np.frombuffer(new, np.uint8), np.frombuffer(old, np.uint8)
    return bool(((bytes_now == before) | (bytes_now == 0)).all())


def _written(part: bytes | bytearray, secrets: frozenset[bytes]) -> bool:
    """Tell whether an identifier of seven letters or more is written in pixels.

    Wherever such a one stands, it holds a whole word of two bytes, both letters, which is at least 2020 (hex): the
    values of a CT stay below. It also holds a whole word of four, and pixels hold few of those that are all letters. A
    search for each identifier would take longer than all the rest.
    """
    if np.frombuffer(part, "<i2", len(part) // 2).max(initial=0) < 0x2020:
        return False
    words = np.frombuffer(part, "<u4", len(part) // 4)
    letters = words << 1  # all have bit 5 or 6, and none has bit 7
    letters |= words
    letters &= 0x40404040
    letters |= words & 0x80808080
    words = words[letters == 0x40404040]
    long = [secret for secret in secrets if len(secret) >= 7 and secret.isascii()] if words.size else []
    if not long:
        return False
    each = np.frombuffer(b"\0".join(long), np.uint8).astype(np.uint32)
    known = each[:-3] | each[1:-2] << 8 | each[2:-1] << 16 | each[3:] << 24
    if not np.isin(words | 0x20202020, known | 0x20202020).any():  # in small letters
        return False
    small = bytes(part).lower()
    return any(_stands(secret, small) for secret in long)
