"""How fast metadata is stripped: CPU time a file and ratios to dicognito and to a plain copy, all in one run.

    python tests/benchmarks/strip.py [FILES]

Each of three rounds takes its turn at the same 500 CT slices of 512 by 512 pixels; the medians are printed. The start
of the command and the memory that a file of 2 GB takes come last. (Not for Windows, which has no module resource.)
"""

import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from dicognito.anonymizer import Anonymizer
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID

from safeshare import metadata

KEY = "benchmark key, no secret"
ROUNDS = 3


def write_slices(folder: Path, count: int) -> list[Path]:
    """Write CT slices like a scanner's: the header of a real file without its private part, and seeded noise."""
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    dataset.remove_private_tags()
    dataset.Rows = dataset.Columns = 512
    noise = np.random.default_rng(0).integers(0, 4096, (512, 512), dtype=np.int16)
    dataset.PixelData = noise.tobytes()
    paths = []
    for number in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(
            f"1.2.826.0.1.3680043.8.498.{number + 1}"
        )
        paths.append(folder / f"{number:04}.dcm")
        dataset.save_as(paths[-1])
    return paths


def cognito(paths: list[Path], out: Path) -> None:
    """De-identify with dicognito as its own command does: read, anonymize, save."""
    anonymizer = Anonymizer(seed=KEY)
    for path in paths:
        dataset = dcmread(path)
        anonymizer.anonymize(dataset)
        dataset.save_as(out / path.name)


def ours(paths: list[Path], out: Path) -> None:
    """De-identify with the package."""
    for path in paths:
        metadata.strip_file(path, out / path.name, key=KEY)


def copies(paths: list[Path], out: Path) -> None:
    """Copy the files and do nothing else: the floor."""
    for path in paths:
        shutil.copyfile(path, out / path.name)


def cpu(work: Callable[[list[Path], Path], None], paths: list[Path]) -> float:
    """Return the CPU milliseconds a file."""
    with tempfile.TemporaryDirectory() as out:
        start = time.process_time()
        work(paths, Path(out))
        return (time.process_time() - start) * 1000 / len(paths)


def write_2_gb(path: Path, small: Path) -> None:
    """Write a multi-frame file with 2 GB of pixels, nearly all of them a hole on the disk."""
    start, _ = small.read_bytes().split(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    length = 4095 * 512 * 512 * 2
    with path.open("wb") as file:
        file.write(start + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, length))
        file.truncate(file.tell() + length)


def main(count: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_slices(Path(folder), count)
        rows: dict[str, list[float]] = {"safeshare": [], "dicognito": [], "copy": []}
        for _ in range(ROUNDS):
            for name, work in zip(rows, (ours, cognito, copies), strict=True):
                rows[name].append(cpu(work, paths))
        medians = {name: statistics.median(times) for name, times in rows.items()}
        for name, median in medians.items():
            print(f"{name:10} {median:6.2f} CPU ms a file   {median / medians['safeshare']:5.2f} times safeshare's")
        command = [sys.executable, "-m", "safeshare", "--version"]
        starts = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            starts.append(time.perf_counter() - start)
        print(f"start      {statistics.median(starts):6.2f} s")
        large = Path(folder, "large.dcm")
        write_2_gb(large, paths[0])
        files = [str(large), str(Path(folder, "large-out.dcm"))]
        command = [sys.executable, "-m", "safeshare", "strip", *files, "--kinds", "metadata"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"2 GB file  {max(before, after) / 1024:6.0f} MB of memory at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
