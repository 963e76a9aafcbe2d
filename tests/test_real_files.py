"""Each real file that pydicom ships is stripped and as valid as before, or refused with a reason."""

import re
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.uid import UID_dictionary

from safeshare import Refused, metadata

KEY = "a key for the tests only"
FOLDER = Path(pydicom.data.__file__).parent
FILES = {
    path.relative_to(FOLDER).as_posix(): path
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file() and path.suffix not in (".py", ".pyc")
}

NOT_DICOM = "it is not a DICOM file"
DIRECTORY = "it is a DICOMDIR"
BROKEN_OFF = "it breaks off before its end"
NO_SIZE = "its header does not tell how many pixels there are"
REFUSED = {
    "charset_files/FileInfo.txt": NOT_DICOM,
    "hashes.json": NOT_DICOM,
    "palettes/README.md": NOT_DICOM,
    "test_files/GDCMJ2K_TextGBR.dcm": "a picture in it is not the plain JPEG 2000",  # but a JP2 file
    "test_files/JPEG2000-embedded-sequence-delimiter.dcm": "a picture in it is larger",  # by 3,722,445,057 columns
    "test_files/MR_truncated.dcm": "its pixel data breaks off before its end",
    "test_files/README.txt": NOT_DICOM,
    "test_files/crayons.icc": NOT_DICOM,
    "test_files/badVR.dcm": NO_SIZE,  # its number of frames is "1A"
    "test_files/dicomdirtests/DICOMDIR": DIRECTORY,
    "test_files/dicomdirtests/DICOMDIR-bigEnd": DIRECTORY,
    "test_files/dicomdirtests/DICOMDIR-empty.dcm": DIRECTORY,
    "test_files/dicomdirtests/DICOMDIR-implicit": DIRECTORY,
    "test_files/dicomdirtests/DICOMDIR-nooffset": DIRECTORY,
    "test_files/dicomdirtests/DICOMDIR-nopatient": DIRECTORY,
    "test_files/dicomdirtests/DICOMDIR-reordered": DIRECTORY,
    "test_files/dicomdirtests/README.txt": NOT_DICOM,
    "test_files/dicomdirtests/TINY_ALPHA/DICOMDIR": DIRECTORY,
    "test_files/dicomdirtests/TINY_ALPHA/README": NOT_DICOM,
    "test_files/meta_missing_tsyntax.dcm": NO_SIZE,
    "test_files/nested_priv_SQ.dcm": NO_SIZE,
    "test_files/no_meta.dcm": NOT_DICOM,  # its first bytes are spoilt
    "test_files/rtplan.dump": NOT_DICOM,
    "test_files/rtplan_truncated.dcm": BROKEN_OFF,
    "test_files/rtstruct.dump": NOT_DICOM,
    "test_files/test1.json": NOT_DICOM,
    "test_files/test_PN.json": NOT_DICOM,
    "test_files/zipMR.gz": NOT_DICOM,
    "urls.json": NOT_DICOM,
}
STRIPPED = [name for name in FILES if name not in REFUSED]


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Return the copies of all files by name, and why there is none of the others."""
    folder = tmp_path_factory.mktemp("stripped")
    made, reasons = {}, {}
    for number, (name, path) in enumerate(FILES.items()):
        copy = folder / f"{number}.dcm"
        try:
            metadata.strip_file(path, copy, key=KEY)
            made[name] = copy
        except Refused as error:
            reasons[name] = error.reason
            assert not copy.exists()
    return made, reasons


def test_no_file_is_refused_without_a_reason_that_we_know(copies):
    _, reasons = copies
    assert {name: reason for name, reason in reasons.items() if not reason.startswith(REFUSED.get(name, "?"))} == {}
    assert set(REFUSED) == set(reasons)


def test_nothing_is_left_to_find(copies):
    made, _ = copies
    assert {name: found for name, copy in made.items() if (found := metadata.find_file(copy))} == {}


def test_stripping_twice_changes_nothing_more(copies, tmp_path):
    made, _ = copies
    for number, (name, copy) in enumerate(made.items()):
        again = tmp_path / f"{number}.dcm"
        metadata.strip_file(copy, again, key=KEY)
        assert again.read_bytes() == copy.read_bytes(), name


def test_the_originals_values_are_gone(copies):
    made, _ = copies
    for name, copy in made.items():
        original, stripped = read(FILES[name]), copy.read_bytes().replace(b"Anonymous^", b"")
        for keyword in ("PatientName", "PatientID", "SOPInstanceUID", "StudyInstanceUID", "AccessionNumber"):
            value = original.get_item(keyword)
            raw = value.value.strip(b" \0") if value is not None and isinstance(value.value, bytes) else b""
            if len(raw) > 5 and raw.decode("latin-1") not in UID_dictionary:  # a short one may be there by chance
                assert raw not in stripped, (name, keyword)


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def test_the_pixels_are_the_same(copies):
    made, _ = copies
    decoded = []
    for name, copy in made.items():
        before, after = read(FILES[name]), read(copy)
        assert ("PixelData" in before) == ("PixelData" in after), name
        if "PixelData" not in before:
            continue
        if not before.file_meta.get("TransferSyntaxUID", pydicom.uid.ExplicitVRLittleEndian).is_encapsulated:
            assert before.PixelData == after.PixelData, name
            continue
        if before.PixelData == after.PixelData:
            continue
        # A comment was blanked: nothing but zeros is new, and every pixel is decoded as before.
        assert len(before.PixelData) == len(after.PixelData), name
        old, new = np.frombuffer(before.PixelData, "u1"), np.frombuffer(after.PixelData, "u1")
        assert not new[old != new].any(), name
        try:
            expected = before.pixel_array
        except RuntimeError:  # 12 bits, or broken: no decoder among the test requirements reads it
            continue
        assert np.array_equal(after.pixel_array, expected), name
        decoded.append(name)
    assert len(decoded) > 5


def test_every_element_of_a_copy_can_be_read(copies):
    made, _ = copies
    for copy in made.values():
        dataset = read(copy)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # values of the original that break a rule and stay as they are
            assert str(dataset)
        assert dataset.PatientIdentityRemoved == "YES"


def errors(path):
    """Return the lines in which dciodvfy reports an error, without the UIDs in them, which are replaced on purpose."""
    run = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    lines = (run.stdout + run.stderr).decode("latin-1").splitlines()
    # dciodvfy itself breaks down over some files (a negative code); then it must have done so before, too.
    return {re.sub(r"<[\d.]+>", "<UID>", line) for line in lines if line.startswith("Error")}, run.returncode < 0


@pytest.mark.needs_program("dciodvfy", debian="dicom3tools")
def test_dciodvfy_reports_no_new_error(copies):
    made, _ = copies
    series = "test_files/dicomdirtests/TINY_ALPHA/"  # fifty slices that differ in nothing but position
    names = [name for name in made if not name.startswith(series) or name.endswith("IM000000")]
    worse = {}
    for name in names:
        (before, broke), (after, breaks) = errors(FILES[name]), errors(made[name])
        if after - before or breaks > broke:
            worse[name] = sorted(after - before) or "dciodvfy breaks down"
    assert worse == {}
