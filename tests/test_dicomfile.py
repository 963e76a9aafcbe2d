"""Reading and writing files: two readers that must agree, and files that are too large for memory."""

import struct
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from safeshare import Refused, dicomfile, metadata

KEY = "a key for tests, no secret"
FILES = sorted(path for path in (Path(pydicom.__file__).parent / "data").rglob("*") if path.is_file())


def outcome(source: Path, copy: Path) -> object:
    copy.unlink(missing_ok=True)
    try:
        metadata.strip_file(source, copy, key=KEY)
        return copy.read_bytes(), metadata.find_file(source)
    except Refused as refusal:
        return str(refusal)


def test_the_short_way_of_reading_gives_what_pydicom_gives(tmp_path, monkeypatch):
    short = [outcome(path, tmp_path / "copy.dcm") for path in FILES]
    monkeypatch.setattr(dicomfile, "_plain_elements", lambda stream, stop: None)
    assert [outcome(path, tmp_path / "copy.dcm") for path in FILES] == short
    assert sum(isinstance(each, tuple) for each in short) > 150


def test_a_header_longer_than_one_read_is_read_whole(tmp_path):
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.RedPaletteColorLookupTableData = bytes(60_000)
    dataset.BluePaletteColorLookupTableData = bytes(60_000)
    dataset.save_as(tmp_path / "long.dcm")
    metadata.strip_file(tmp_path / "long.dcm", tmp_path / "safe.dcm", key=KEY)
    safe = pydicom.dcmread(tmp_path / "safe.dcm")
    assert len(safe.BluePaletteColorLookupTableData) == 60_000
    assert (safe.pixel_array == dataset.pixel_array).all()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells the memory of a process in another way")
def test_a_large_file_takes_little_memory(tmp_path):
    start, _ = Path(get_testdata_file("CT_small.dcm")).read_bytes().split(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    start = start.replace(
        struct.pack("<HH2sHH", 0x28, 0x10, b"US", 2, 128), struct.pack("<HH2sHH", 0x28, 0x10, b"US", 2, 30000)
    )
    start = start.replace(
        struct.pack("<HH2sHH", 0x28, 0x11, b"US", 2, 128), struct.pack("<HH2sHH", 0x28, 0x11, b"US", 2, 4500)
    )
    large, pixels = tmp_path / "large.dcm", 30000 * 4500 * 2
    with large.open("wb") as file:  # 270 MB, nearly all of it a hole on the disk
        file.write(start + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, pixels))
        file.truncate(file.tell() + pixels)
    # On Linux, ru_maxrss begins with what the process that started this one had.
    code = (
        "import pathlib, resource, sys; from safeshare import cli; status = cli.main(sys.argv[1:]);"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; linux = pathlib.Path('/proc/self/status');"
        "peak = linux.read_text().split('VmHWM:')[1].split()[0] if linux.exists() else peak;"
        "print('peak', peak); sys.exit(status)"
    )
    command = [sys.executable, "-c", code, "strip", str(large), str(tmp_path / "safe.dcm"), "--kinds", "metadata"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = int(done.stdout.split("peak")[1]) * (1 if sys.platform == "darwin" else 1024)
    assert peak < 200e6
    assert (tmp_path / "safe.dcm").stat().st_size > pixels
    (tmp_path / "safe.dcm").unlink()  # pytest keeps the folder for a while
