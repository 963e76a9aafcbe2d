"""Fuzz: change bytes of real DICOM files at random, strip them, and look for tracebacks, hangs and silent copies.

    python tests/benchmarks/fuzz.py 20000                 metadata, all files that pydicom ships
    python tests/benchmarks/fuzz.py 1500 --kinds all      all kinds, files of up to 300 kB, as pixels take long

Each mutation is made from its number alone, so that `--first 1234 1` repeats one. Before the bytes change, identifying
attributes get canaries. A mutation fails when

- anything but a refusal ends it (traceback), or it takes more than ten seconds of CPU time (hang);
- a canary, or an identifying value of six bytes and more that pydicom reads in the mutated file, is in the copy (leak);
- the copy cannot be read, or `safeshare audit` finds something in it, or a refusal leaves something (residue).

It prints each failure, and each mutation that only the proof of its copy caught, which is no failure: a canary that the
mutation puts in the pixels ends there. In the end it tells how many mutations were stripped, refused and failed; the
exit code is 1 when any failed. Nothing is random but by the seed in the mutation's number.
"""

import argparse
import faulthandler
import io
import random
import re
import sys
import time
import traceback
import warnings
import zlib
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.uid import DeflatedExplicitVRLittleEndian, UID_dictionary

from safeshare import metadata, study
from safeshare.profile import attributes

KEY = "a key that only the fuzz uses"
FOLDER = Path(pydicom.__file__).parent / "data"
SLOW = 10  # seconds
PLANTED = ("PatientName", "PatientID", "PatientComments", "InstitutionName", "ReferringPhysicianName", "StudyID")
TEXT = {"PN", "LO", "SH", "LT", "ST", "UT", "UC", "UI", "DA", "DT"}
OTHER = {"US", "SS", "UL", "SL", "FL", "FD", "OB", "OW", "US or SS", "CS", "AE", "AS", "DS", "IS", "TM"}
_CHANCE = re.compile(rb"[\0-\x1a]|^-?\d+\.\d+$")  # not a text, or a number that may stand anywhere
_OURS = re.compile(rb"2\.25\.\d{20,39}|Anonymous\^?[0-9A-F]*|REMOVED|19000101")


def sources(largest: int) -> list[tuple[str, bytes]]:
    """Return the files that pydicom ships, with a canary in each of some identifying attributes.

    Not those that test directories: images without pixels, which are refused.
    """
    made = []
    for path in sorted(FOLDER.rglob("*")):
        other = path.suffix in (".py", ".pyc", ".json", ".md", ".txt", ".icc") or "dicomdirtests" in path.parts
        if other or not path.is_file() or path.stat().st_size > largest:
            continue
        data = path.read_bytes()
        try:
            dataset = pydicom.dcmread(path, force=True)
            for number, keyword in enumerate(PLANTED):
                setattr(dataset, keyword, f"ZQCANARY{number}")
            out = io.BytesIO()
            dataset.save_as(out, enforce_file_format=False)
            data = out.getvalue()
        except Exception:  # noqa: BLE001  # those that pydicom cannot write are mutated as they are
            pass
        made.append((path.name, data))
    return made


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a file with one to four changes, most of them in the header, where they do something."""
    new = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        end = min(len(new), chance.choice((600, 2000, 2000, 6000, 1 << 30)))
        at = chance.randrange(min(128, end - 1), end) if end > 1 else 0
        kind = chance.randrange(8)
        if kind == 0:
            new[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            new[at : at + 1] = bytes([(new[at] if at < len(new) else 0) ^ 1 << chance.randrange(8)])
        elif kind == 2:
            new[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xfe\xff\xff\xff", b"\0\0\0\x80"))
        elif kind == 3:
            new[at : at + 2] = chance.choice((b"UN", b"SQ", b"OB", b"US", b"PN", b"UT", b"ZZ", b"\xff\xff"))
        elif kind == 4:
            del new[at : at + chance.randrange(1, 40)]
        elif kind == 5:
            new[at:at] = chance.randbytes(chance.randrange(1, 40))
        elif kind == 6:  # a part stands somewhere else again, such as an element in a sequence
            start = chance.randrange(end)
            new[at:at] = new[start : start + chance.randrange(4, 200)]
        else:
            del new[at:]
    return bytes(new)


def identifying(data: bytes) -> set[bytes]:
    """Return the values that pydicom reads in a file and that the profile removes, those of six bytes and more.

    Not those that also stand where the profile keeps them: a description, or a canary of which a mutated tag
    made a number or a code.
    """
    removed, kept = {b"ZQCANARY"}, set[bytes]()
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
        _collect(dataset, removed, kept)
    except Exception:  # noqa: BLE001  # what pydicom cannot read it cannot leak
        pass
    everywhere = b"\0".join(kept)
    removed = {value for value in removed if len(value) >= 6 and value not in everywhere and not _CHANCE.search(value)}
    return {value for value in removed if value.decode("latin-1") not in UID_dictionary}


def _collect(dataset: pydicom.Dataset, removed: set[bytes], kept: set[bytes]) -> None:
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag, keep_deferred=True)  # which leaves an empty one as it is
        vr = _vr(tag)
        if isinstance(element.value, bytes) and vr in TEXT:
            values = {part.strip(b" \0") for part in element.value.split(b"\\")}
            (removed if tag in attributes() else kept).update(values)
        elif isinstance(element.value, bytes) and vr in OTHER and tag not in attributes():
            kept.add(element.value)
        if element.VR == "SQ" or (element.VR is None and vr == "SQ"):
            for item in dataset[tag].value or ():
                _collect(item, removed, kept)


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def leaks(data: bytes, copy: bytes) -> list[bytes]:
    """Return what identifies in a file and stands in its copy."""
    copy = inflated(copy)
    start = re.search(rb"\xe0\x7f[\x08-\x10]\x00|\x7f\xe0\x00[\x08-\x10]", copy)  # what pixels hold is no header
    header = _OURS.sub(b"", copy[: start.start()] if start else copy)
    return [value for value in identifying(data) if value in header]


def inflated(data: bytes) -> bytes:
    """Return the bytes of a copy, unpacked if it is deflated."""
    length = int.from_bytes(data[140:144], "little")
    if DeflatedExplicitVRLittleEndian.encode() in data[: 144 + length]:
        return data[: 144 + length] + zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[144 + length :])
    return data


def strip(data: bytes, folder: Path, kinds: tuple[str, ...]) -> str:
    """Strip one mutation; return "stripped", "refused" or what is wrong."""
    source, destination = folder / "source.dcm", folder / "copy.dcm"
    source.write_bytes(data)
    destination.unlink(missing_ok=True)
    begun = time.process_time()
    faulthandler.dump_traceback_later(30 * SLOW, exit=True)
    try:
        (outcome,) = study.strip(source, destination, kinds=kinds, key=KEY)
    except Exception:  # noqa: BLE001
        return "traceback\n" + traceback.format_exc()
    finally:
        faulthandler.cancel_dump_traceback_later()
    if time.process_time() - begun > SLOW:
        return f"hang: {time.process_time() - begun:.0f} s"
    if outcome.reason and len(list(folder.iterdir())) > 1:
        return f"residue: {list(folder.iterdir())}"
    if outcome.reason:
        return f"caught: {outcome.reason}" if "tell the makers" in outcome.reason else "refused"
    copy = destination.read_bytes()
    if found := leaks(data, copy):
        return f"leak: {found}"
    try:
        left = metadata.find_file(destination)
        pydicom.dcmread(destination)
    except Exception:  # noqa: BLE001
        return "residue\n" + traceback.format_exc()
    return f"residue: {left}" if left else "stripped"


def fuzz(first: int, number: int, kinds: tuple[str, ...], largest: int = 1 << 30) -> Counter[str]:
    """Strip so many mutations and print what fails; return how many were stripped, refused and failed."""
    files, counts = sources(largest), Counter[str]()
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in range(first, first + number):
            chance = random.Random(each)
            name, data = chance.choice(files)
            outcome = strip(mutated(data, chance), Path(folder), kinds)
            counts[outcome.split(":")[0].split("\n")[0]] += 1
            if outcome not in ("stripped", "refused"):
                print(f"{each} ({name}): {outcome}", flush=True)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int, help="how many mutations")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    parser.add_argument("--kinds", default="metadata", help="metadata, or all")
    chosen = parser.parse_args()
    every = chosen.kinds == "all"
    kinds = study.KINDS if every else ("metadata",)
    counts = fuzz(chosen.first, chosen.number, kinds, 300_000 if every else 1 << 30)
    print(", ".join(f"{count} {what}" for what, count in counts.most_common()))
    return int(bool(set(counts) - {"stripped", "refused", "caught"}))


if __name__ == "__main__":
    sys.exit(main())
