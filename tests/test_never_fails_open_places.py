"""Hostile places and moments: what is no file, bad names, a full or read-only disk, changes, a kill at any moment."""

import csv
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from safeshare import cli, dicomfile, mapping_table, study

if os.name == "nt":
    pytest.skip(
        "Windows has no FIFO, no device among files, and asks for a right to make links", allow_module_level=True
    )

import resource
import socket

KEY = "a key for the tests only"
CT = Path(get_testdata_file("CT_small.dcm"))
NAMES = {
    "UTF-8": "Zoë^Müller.dcm",
    "Japanese": "山田^太郎.dcm",
    "Arabic": "قباني^لنزار.dcm",
    "a line break": "Fictia\nAda.dcm",
    "a summary": "a\n9 files: 9 stripped, 0 refused.\n.dcm",
    "an escape sequence": "\x1b[2Jscan.dcm",
    "right to left": "scan\u202emcd.dcm",
    "spaces and a quote": ' it\'s "one" .dcm',
    "a formula": "=HYPERLINK(1).dcm",
    "no UTF-8": os.fsdecode(b"\xff\xfe.dcm"),
    "no ending": "IM1",
    "an option": "--kinds",
    "long": "n" * 200 + ".dcm",
}


def scans(folder: Path, number: int) -> Path:
    """Fill a folder with images that differ in their SOP Instance UID only."""
    folder.mkdir()
    dataset = dcmread(CT)
    for each in range(number):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{each}"
        dataset.save_as(folder / f"{each}.dcm")
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def strip(source: Path, destination: Path, *words: str) -> int:
    return cli.main(["strip", str(source), str(destination), "--kinds", "metadata", *words])


def refusals(err: str) -> list[str]:
    """Return what the command says, without its count of files."""
    return [line for line in err.splitlines() if not line.startswith("strip:") and line]


@contextmanager
def somebody():
    """Be somebody who is not root for a while, in a folder of their own: root may read and write everything."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


def test_what_is_no_file_is_refused_by_name(tmp_path, capsys):
    folder = scans(tmp_path / "in", 1)
    shutil.copy(CT, tmp_path / "outside.dcm")
    os.mkfifo(folder / "fifo")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "folder loop").symlink_to(folder)
    (folder / "out").symlink_to(tmp_path / "outside.dcm")
    (folder / "folder out").symlink_to(tmp_path)
    (folder / "device").symlink_to("/dev/zero")
    names = {"fifo", "dangling", "loop", "folder loop", "out", "folder out", "device", "socket"}
    there = os.getcwd()
    os.chdir(folder)  # the name of a socket has at most 104 letters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        os.chdir(there)
        assert strip(folder, tmp_path / "safe") == 1
    told = {Path(line.split(": ")[0]).name: line.split(": ", 1)[1] for line in refusals(capsys.readouterr().err)}
    assert set(told) == names
    assert {name for name, sentence in told.items() if sentence.startswith("it is a link to a file outside")} == {"out"}
    assert all(told[name].startswith("it is no file that can be opened") for name in names - {"out"})
    assert len(files(tmp_path / "safe")) == 1


def test_a_link_within_the_folder_is_followed_once(tmp_path, capsys):
    folder = scans(tmp_path / "in", 1)
    (folder / "again").symlink_to(folder / "0.dcm")
    assert strip(folder, tmp_path / "safe") == 1
    assert "another file with the same SOP Instance UID" in capsys.readouterr().err
    assert len(files(tmp_path / "safe")) == 1


def test_what_may_not_be_read_or_written_is_named(tmp_path, capsys):
    study.audit(CT, kinds=["metadata"])  # imports what root may read
    with somebody() as home:
        folder = scans(home / "in", 2)
        (folder / "locked").mkdir()
        (folder / "0.dcm").chmod(0)
        (folder / "locked").chmod(0)
        assert strip(folder, home / "safe") == 1
        told = refusals(capsys.readouterr().err)
        assert sorted(line.split(":")[0] for line in told) == [f"refused  {folder / n}" for n in ("0.dcm", "locked")]
        assert "0.dcm: it cannot be read or copied (Permission denied): mend that" in "\n".join(told)
        assert len(files(home / "safe")) == 1
        (home / "read-only").mkdir(0o500)
        for destination in (home / "read-only", home / "read-only" / "new"):
            assert strip(folder, destination) == 2
            (told,) = refusals(capsys.readouterr().err)
            assert told.startswith("safeshare: ") and "Permission denied" in told and str(destination) in told
        (folder / "locked").chmod(0o700)


@pytest.mark.parametrize(
    ("destination", "sentence"),
    [
        ("in", "not empty"),
        ("in/safe", "lies in the folder of the originals"),
        ("link/safe", "lies in the folder of the originals"),
        ("in/../in/safe", "lies in the folder of the originals"),
        ("full", "not empty"),
        ("in/0.dcm", "a folder is needed"),
    ],
)
def test_a_destination_that_could_harm_the_originals_is_refused_before_anything_is_done(
    tmp_path, capsys, destination, sentence
):
    scans(tmp_path / "in", 2)
    scans(tmp_path / "full", 1)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    before = {path: path.read_bytes() for path in files(tmp_path)}
    for verb in ("strip", "export"):
        assert cli.main([verb, str(tmp_path / "in"), str(tmp_path / destination), "--kinds", "metadata"]) == 2
        (told,) = refusals(capsys.readouterr().err)
        assert told.startswith("safeshare: ") and sentence in told
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


def test_the_original_of_a_single_file_is_not_overwritten(tmp_path, capsys):
    folder = scans(tmp_path / "in", 1)
    before = (folder / "0.dcm").read_bytes()
    (tmp_path / "link.dcm").symlink_to(folder / "0.dcm")
    for destination in (folder / "0.dcm", tmp_path / "link.dcm"):
        assert strip(folder / "0.dcm", destination) == 2
        assert "nothing is overwritten" in capsys.readouterr().err
    assert (folder / "0.dcm").read_bytes() == before


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "safeshare", *map(str, words)]


def mounts() -> bool:
    """Tell whether a process may have a file system of its own here."""
    unshare = shutil.which("unshare")
    words = ["-m", "--map-root-user", "sh", "-c", "mount -t tmpfs none /mnt"]
    return bool(unshare) and subprocess.run([unshare, *words], capture_output=True).returncode == 0


@pytest.mark.parametrize("kilobytes", [4, 64, 100])
def test_a_full_disk_ends_with_a_sentence_for_each_file_and_no_half_file(tmp_path, kilobytes):
    if not mounts():
        pytest.skip("no file system may be mounted here: the next test limits the size of files instead")
    folder, disk = scans(tmp_path / "in", 4), tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size={kilobytes}k none '{disk}' && \"$@\"; code=$?; mkdir '{tmp_path}/left'; "
        f"cp -a '{disk}/.' '{tmp_path}/left'; exit $code"
    )
    words = command("strip", folder, disk / "safe", "--kinds", "metadata")
    run = subprocess.run(
        ["unshare", "-m", "--map-root-user", "sh", "-c", script, "sh", *words], capture_output=True, text=True
    )
    assert run.returncode in (1, 2), run.stderr
    told = refusals(run.stderr)
    copies = files(tmp_path / "left")
    if run.returncode == 1:
        assert len(told) == 4 - len(copies) and f"4 files: {len(copies)} stripped, {len(told)} refused." in run.stdout
    assert len(copies) == kilobytes // 39, "as many as fit"
    assert told and all("No space left on device" in line for line in told)
    assert all(dcmread(path).pixel_array.size for path in copies)


def test_a_copy_that_cannot_be_written_to_its_end_leaves_nothing(tmp_path):
    folder = scans(tmp_path / "in", 1)
    shutil.copy(get_testdata_file("MR_small.dcm"), folder)  # 10 kB, while a CT image has 39
    run = subprocess.run(
        command("strip", folder, tmp_path / "safe", "--kinds", "metadata"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
    )
    (told,) = refusals(run.stderr)
    assert run.returncode == 1 and "2 files: 1 stripped, 1 refused." in run.stdout
    assert told.startswith(f"refused  {folder / '0.dcm'}: it cannot be read or copied (File too large)")
    assert [dcmread(path).Modality for path in files(tmp_path / "safe")] == ["MR"]


@pytest.mark.parametrize("key", [KEY, None])
def test_a_run_that_met_a_full_disk_goes_on_where_it_was(tmp_path, monkeypatch, key):
    folder, safe = scans(tmp_path / "in", 4), tmp_path / "safe"
    written, left = dicomfile.write, iter([True, True])

    def write(out, *what):
        if not next(left, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        written(out, *what)

    strip = partial(study.strip, folder, safe, kinds=["metadata"], key=key)
    with monkeypatch.context() as small:
        small.setattr(dicomfile, "write", write)
        assert strip().summary == {"refused": 2, "stripped": 2}
    before = {path: path.stat().st_mtime_ns for path in safe.rglob("[0-9]*.dcm")}
    if key is None:  # nobody can go on with a key that is gone
        assert len(before) == len(files(safe)) == 2
        return
    assert strip().summary == {"stripped": 4}
    assert len(before) == 2 and {path: path.stat().st_mtime_ns for path in before} == before
    assert len(files(safe)) == 4, "the mark is gone"


@pytest.mark.parametrize("ending", ["html", "json", "csv"])
def test_a_report_that_cannot_be_written_to_its_end_leaves_the_old_one(tmp_path, ending):
    report = study.strip(scans(tmp_path / "in", 2), tmp_path / "safe", kinds=["metadata"])
    there = tmp_path / f"report.{ending}"
    report.save(there)
    there.write_bytes(old := there.read_bytes() + b"\n")
    with files_of_at_most(100), pytest.raises(OSError, match="File too large"):
        report.save(there)
    assert there.read_bytes() == old and len(list(tmp_path.glob(".*"))) == 0
    report.save(there)
    assert 100 < there.stat().st_size < len(old)


def test_a_mapping_that_cannot_be_written_to_its_end_is_not_there_and_the_run_goes_on(tmp_path, monkeypatch):
    folder, safe, table = scans(tmp_path / "in", 3), tmp_path / "safe", tmp_path / "who.csv"
    strip = partial(study.strip, folder, safe, kinds=["metadata"], key=KEY, mapping=table)
    whole = mapping_table.write

    def write(*what):
        with files_of_at_most(100):
            whole(*what)

    with monkeypatch.context() as small:
        small.setattr(mapping_table, "write", write)
        with pytest.raises(OSError, match="File too large"):
            strip()
    assert not table.exists() and not list(tmp_path.glob(".*"))
    assert strip().summary == {"stripped": 3}
    assert len(list(csv.DictReader(table.open()))) == 3 and table.stat().st_mode & 0o777 == 0o600


@contextmanager
def files_of_at_most(size: int):
    """Let the kernel end whoever writes more into a file with an error, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kinds", ["metadata", "text"])
@pytest.mark.parametrize("change", ["grows", "is written again", "goes"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, capsys, monkeypatch, change, kinds):
    folder = scans(tmp_path / "in", 2)
    copied = dicomfile.read
    seen = []

    def read(stream):
        if getattr(stream, "name", "") == str(folder / "0.dcm"):
            seen.append(stream)
            if len(seen) == (1 if kinds == "metadata" else 3):
                path = Path(stream.name)
                if change == "goes":
                    path.unlink()
                else:
                    data = path.read_bytes()
                    path.write_bytes(data + bytes(2) if change == "grows" else data)
                    os.utime(path, ns=(0, 0))  # the clock of some file systems goes by hundredths of a second
        return copied(stream)

    monkeypatch.setattr(dicomfile, "read", read)
    assert cli.main(["strip", str(folder), str(tmp_path / "safe"), "--kinds", kinds]) == 1
    (told,) = refusals(capsys.readouterr().err)
    assert told.startswith(f"refused  {folder / '0.dcm'}: it ")
    assert ("no file that can be opened" if change == "goes" else "it changed while it was read") in told
    assert len(files(tmp_path / "safe")) == 1


@pytest.mark.parametrize("verb", ["strip", "audit"])
def test_any_name_can_be_read_told_and_listed(tmp_path, verb):
    (tmp_path / "in").mkdir()
    there = {}
    for name in NAMES.values():
        try:
            there[name] = tmp_path / "in" / name
            there[name].write_bytes(b"not a scan")
        except OSError:  # macOS takes no name that is no UTF-8
            del there[name]
    scans(tmp_path / "in" / NAMES["a line break"].removesuffix(".dcm"), 1)
    words = [tmp_path / "safe", "--mapping", tmp_path / "who.csv"] if verb == "strip" else []
    words = [verb, tmp_path / "in", *words, "--kinds", "metadata", "--report"]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(command(*words, tmp_path / "report.json"), capture_output=True, env=environment)
    out, err = run.stdout.decode(), run.stderr.decode()
    assert run.returncode == 1
    told = [line for line in refusals(err) if not line.startswith("audit:")]
    assert len(told) == len(there) and all(line.startswith("refused  ") for line in told)
    for name in ("UTF-8", "Japanese", "Arabic"):
        assert sum(NAMES[name] in line for line in told) == 1
    assert sum(line.startswith(f"{len(there) + 1} files: ") for line in out.splitlines()) == 1
    assert not any(line.startswith("9 files") for line in (out + err).splitlines())
    assert "\x1b" not in out + err and "\u202e" not in out + err
    assert json.loads((tmp_path / "report.json").read_text())["kinds"] == ["metadata"]
    if verb == "strip":
        (row,) = csv.DictReader((tmp_path / "who.csv").open())
        assert row["original"].endswith("Fictia\nAda/0.dcm")


@pytest.mark.parametrize("moment", ["write", "event"])
def test_a_process_that_is_killed_at_any_moment_leaves_no_half_file(tmp_path, moment):
    """At a byte of what is written, which the kernel does, or at the n-th time that a file is opened, named or gone."""
    folder = scans(tmp_path / "in", 3)
    study.strip(folder, tmp_path / "whole", kinds=["metadata"], key=KEY)
    whole = {path.name: path.read_bytes() for path in files(tmp_path / "whole")}
    chance = random.Random(7)
    killed, left = [], []
    for number in range(25):
        safe, last = tmp_path / str(number), chance.randrange(38_000 if moment == "write" else 30)
        process = os.fork()
        if not process:
            kill_at(last, moment)
            study.strip(folder, safe, kinds=["metadata"], key=KEY)
            os._exit(0)
        killed.append(os.WIFSIGNALED(os.waitpid(process, 0)[1]))
        named = [path for path in files(safe) if not path.name.startswith(".")] if safe.exists() else []
        assert all(path.read_bytes() == whole[path.name] for path in named)
        left.append(len(named))
    assert sum(killed) > 20
    assert moment == "write" or set(left) >= {0, 1, 2}, "killed early and late"


def kill_at(number: int, moment: str) -> None:
    """Have this process killed at a byte of a file, or at an event that is about files."""
    if moment == "write":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return
    seen = iter(range(number))

    def hook(event: str, arguments: tuple) -> None:
        if event in ("open", "os.link", "os.mkdir", "os.remove") and next(seen, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
