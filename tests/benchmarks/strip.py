"""How fast metadata is stripped: CPU time a file, and files a second with all cores, beside other programs.

    python tests/benchmarks/strip.py [FILES]

Each of five rounds takes its turn at the same 500 CT slices of 512 by 512 pixels; the medians are printed, as figures
and as ratios. gdcmanon is in Debian's libgdcm-tools; it uses one core, so it runs a second time in as many processes
as there are cores. The start of the command, and the memory that a file of 2 GB takes, come last. (Not for Windows,
which has no module resource.)

Copies go to a disk in memory where there is one. On ext4 each new file takes longer the more files were deleted in the
last minutes, as it passes by their numbers; after some rounds that would be most of what is measured.
"""

import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from dicognito.anonymizer import Anonymizer
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID

from safeshare import metadata, study

KEY = "benchmark key, no secret"
ROUNDS = 5
CORES = os.cpu_count() or 1
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


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


def ours_in_study(paths: list[Path], out: Path, executor: Executor | None = None) -> None:
    """De-identify the folder as the command does, with the proof of each copy."""
    report = study.strip(paths[0].parent, out, kinds=["metadata"], key=KEY, executor=executor)
    assert report.summary == {"stripped": len(paths)}, report


def in_parts(work: Callable[[list[Path], Path], None], paths: list[Path], out: Path, executor: Executor) -> None:
    """Give each core its part of the files."""
    list(executor.map(work, [paths[core::CORES] for core in range(CORES)], [out] * CORES))


def gdcmanon(certificate: Path, folders: Sequence[Path], out: Path) -> None:
    """De-identify folders with gdcmanon, all at once."""
    command = ["gdcmanon", "--de-identify", "--recursive", "--certificate", str(certificate)]
    places = [out / str(number) for number in range(len(folders))]
    running = [subprocess.Popen([*command, "-i", f, "-o", o]) for f, o in zip(folders, places, strict=True)]
    assert [process.wait() for process in running] == [0] * len(folders)


def copies(paths: list[Path], out: Path) -> None:
    """Copy the files and do nothing else: the floor."""
    for path in paths:
        shutil.copyfile(path, out / path.name)


def cpu(work: Callable[[Path], object], count: int) -> float:
    """Return the CPU milliseconds a file, those of programs that were started included."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as out:
        start = sum(os.times()[:4])
        work(Path(out))
        return (sum(os.times()[:4]) - start) * 1000 / count


def write_2_gb(path: Path, small: Path) -> None:
    """Write a multi-frame file with 2 GB of pixels, nearly all of them a hole on the disk."""
    start, _ = small.read_bytes().split(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    length = 4095 * 512 * 512 * 2
    with path.open("wb") as file:
        file.write(start + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, length))
        file.truncate(file.tell() + length)


def whole(work: Callable[[Path], object], count: int) -> float:
    """Return the files a second, by the clock on the wall."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as out:
        start = time.perf_counter()
        work(Path(out))
        return count / (time.perf_counter() - start)


def cpu_times(paths: list[Path], certificate: Path | None) -> None:
    """Print the CPU time a file on one core, which says more than a clock where others use the computer, too."""
    works: dict[str, Callable[[Path], object]] = {
        "metadata.strip_file": partial(ours, paths),
        "study.strip": partial(ours_in_study, paths),
        "dicognito": partial(cognito, paths),
        "copy": partial(copies, paths),
    }
    if certificate:
        works["gdcmanon"] = partial(gdcmanon, certificate, [paths[0].parent])
    rows: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            rows[name].append(cpu(work, len(paths)))
    medians = {name: statistics.median(times) for name, times in rows.items()}
    for name, median in medians.items():
        print(f"{name:32} {median:6.2f} CPU ms a file   {median / medians['study.strip']:5.2f} times study.strip's")


def make_certificate(folder: Path) -> Path | None:
    """Make the certificate that gdcmanon asks for; None where there is no gdcmanon."""
    if not shutil.which("gdcmanon"):
        return None
    certificate = folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=benchmark", "-keyout", os.devnull]
    subprocess.run([*made, "-out", str(certificate)], check=True, capture_output=True)
    return certificate


def rates(paths: list[Path], folder: Path, certificate: Path | None) -> None:
    """Print the files a second with all cores."""
    parts = [folder / f"part {core}" for core in range(CORES)]
    for core, part in enumerate(parts):
        part.mkdir()
        for path in paths[core::CORES]:
            os.link(path, part / path.name)
    command = [sys.executable, "-m", "safeshare", "strip", str(paths[0].parent)]
    options, quiet = ["--kinds", "metadata", "--jobs", str(CORES)], {"check": True, "capture_output": True}
    with ProcessPoolExecutor(CORES) as executor:
        list(executor.map(abs, range(4 * CORES)))  # so that the processes are there
        works: dict[str, Callable[[Path], object]] = {
            "study.strip, all cores": lambda out: ours_in_study(paths, out, executor),
            "strip_file, all cores (no proof)": lambda out: in_parts(ours, paths, out, executor),
            "the same as a command": lambda out: subprocess.run([*command, str(out), *options], **quiet),
            "dicognito, all cores": lambda out: in_parts(cognito, paths, out, executor),
            "copy, all cores": lambda out: in_parts(copies, paths, out, executor),
        }
        if certificate:
            works["gdcmanon (one core)"] = partial(gdcmanon, certificate, [paths[0].parent])
            works["gdcmanon, a process a core"] = partial(gdcmanon, certificate, parts)
        rows: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                rows[name].append(whole(work, len(paths)))
    medians = {name: statistics.median(rows[name]) for name in rows}
    for name, median in medians.items():
        print(f"{name:32} {median:6.0f} files a second  {median / medians['study.strip, all cores']:5.2f} times ours")


def main(count: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, tempfile.TemporaryDirectory() as disk:
        Path(folder, "scans").mkdir()
        paths = write_slices(Path(folder, "scans"), count)
        certificate = make_certificate(Path(folder))
        cpu_times(paths, certificate)
        rates(paths, Path(folder), certificate)
        command = [sys.executable, "-m", "safeshare", "--version"]
        starts = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            starts.append(time.perf_counter() - start)
        print(f"{'start of the command':32} {statistics.median(starts):6.2f} s")
        large = Path(disk, "large.dcm")
        write_2_gb(large, paths[0])
        files = [str(large), str(Path(disk, "large-out.dcm"))]
        command = [sys.executable, "-m", "safeshare", "strip", *files, "--kinds", "metadata"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"{'2 GB file':32} {max(before, after) / 1024:6.0f} MB of memory at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
