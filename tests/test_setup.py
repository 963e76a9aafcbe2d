"""The way in: start.py, the lock and conda's environment, and what Binder makes of the repository."""

import ast
import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lock
import start

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Stands in for JupyterLab and pytest: it says how it was called, or waits for Ctrl-C.
PROGRAM = """
import json, os, shutil, sys, time
if "--wait" in sys.argv:
    try:
        print("waiting", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("ended in its own way", flush=True)
else:
    print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "safeshare": shutil.which("safeshare")}))
"""


def write_wheel(folder, name):
    """Make the smallest package that pip installs and `python -m` runs."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{name}/__main__.py": PROGRAM,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)


class Copy:
    """A copy of the lesson that needs no network: its lock asks for two tiny packages from a folder beside it."""

    def __init__(self, folder):
        self.folder = folder / "lesson with spaces"
        self.folder.mkdir()
        for name in ["start.py", "pyproject.toml", "README.md", "LICENSE.md"]:
            shutil.copy(ROOT / name, self.folder)
        shutil.copytree(ROOT / "helpers" / "safeshare", self.folder / "helpers" / "safeshare")
        (self.folder / "requirements.lock").write_text(f"jupyterlab==1.0\n{start.TESTS_ONLY}pytest==1.0\n")
        wheels, builder = folder / "wheels", folder / "builder"
        wheels.mkdir()
        for name in ["jupyterlab", "pytest"]:
            write_wheel(wheels, name)
        installed = pathlib.Path(sysconfig.get_path("purelib"))
        for found in [*installed.glob("setuptools*"), installed / "_distutils_hack"]:  # as in a real set-up
            shutil.copytree(found, builder / found.name)
        self.offline = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": wheels.as_uri(),
            "PYTHONPATH": str(builder),
        }
        self.python = self.folder / start.PYTHON.relative_to(ROOT)
        self.site = self.folder / start.SITE.relative_to(ROOT)

    def popen(self, *arguments, **environment):
        return subprocess.Popen(
            [sys.executable, "start.py", *arguments],
            cwd=self.folder,
            env=os.environ | self.offline | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that a test's Ctrl-C ends nothing else
        )

    def start(self, *arguments, **environment):
        process = self.popen(*arguments, **environment)
        output, errors = process.communicate(timeout=120)
        assert "Traceback" not in output + errors
        return process.returncode, output, errors

    def lesson_opens(self):
        code, output, errors = self.start("lesson")
        assert code == 0, errors
        return json.loads(output.splitlines()[-1]), "Setting up" in output


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("setup"))


def is_one_sentence(text):
    return text.count("\n") == 1 and text.endswith("\n") and len(text) < 400


# The tests that use `copy` build on each other: a start without network, a first start, and later mishaps.


def test_no_network_gets_one_sentence(copy):
    nowhere = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
    code, _, errors = copy.start(**nowhere)
    assert code == 1
    assert is_one_sentence(errors) and "online" in errors


def test_first_start_mends_a_half_made_environment_and_opens_the_lesson(copy):
    assert (copy.folder / ".venv").exists(), "the start without network left a half-made environment"
    called, set_up = copy.lesson_opens()
    assert set_up
    assert pathlib.Path(called["folder"]) == copy.folder
    assert pathlib.Path(called["safeshare"]).parent == copy.python.parent
    assert f"--ServerApp.root_dir={copy.folder}" in called["arguments"]
    assert ("--allow-root" in called["arguments"]) == (hasattr(os, "geteuid") and os.geteuid() == 0)
    layouts = list((copy.folder / ".venv" / "workspaces").iterdir())
    assert "notebook:notebooks/introduction.ipynb" in json.loads(layouts[0].read_text())["data"]


def test_second_start_sets_nothing_up(copy):
    before = copy.python.parent.stat().st_mtime_ns
    _, set_up = copy.lesson_opens()
    assert not set_up
    assert copy.python.parent.stat().st_mtime_ns == before


def test_tests_are_added_once_and_get_their_arguments(copy):
    for added in [True, False]:
        code, output, errors = copy.start("test", "-k", "metadata")
        assert code == 0, errors
        assert json.loads(output.splitlines()[-1])["arguments"] == ["-k", "metadata"]
        assert ("Adding" in output) == added
    assert not copy.lesson_opens()[1], "the tests' packages are no reason to set the lesson up again"


@pytest.mark.parametrize("broken", ["no interpreter", "no package", "no file of a package"])
def test_broken_environment_mends_itself(copy, broken):
    if broken == "no interpreter":
        copy.python.unlink()
    elif broken == "no package":
        shutil.rmtree(copy.site / "jupyterlab")
        shutil.rmtree(copy.site / "jupyterlab-1.0.dist-info")
    else:
        (copy.site / "jupyterlab" / "__main__.py").unlink()
    assert copy.lesson_opens()[1]
    assert not copy.lesson_opens()[1]


def test_another_lock_sets_everything_up_anew(copy):
    assert copy.start("test")[0] == 0
    old = copy.folder / "requirements.lock"
    old.write_text(old.read_text().replace("jupyterlab==1.0", "jupyterlab==1.0 ; python_version > '3'"))
    code, output, errors = copy.start("test")
    assert code == 0, errors
    assert "Setting up" in output
    assert not copy.lesson_opens()[1]


def test_package_takes_its_tables_along(copy, tmp_path):
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(copy.folder)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True)
    with zipfile.ZipFile(next(tmp_path.glob("safeshare-*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("safeshare/")}
    package = copy.folder / "helpers"
    written = (path for path in (package / "safeshare").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert packed == {path.relative_to(package).as_posix() for path in written}


def test_two_starts_wait_for_each_other(copy, monkeypatch):
    monkeypatch.setattr(start, "HERE", copy.folder)
    with start.one_at_a_time():
        second = copy.popen("lesson")
        assert "waiting" in second.stdout.readline()
        assert second.poll() is None
    output, errors = second.communicate(timeout=60)
    assert second.returncode == 0, errors
    assert json.loads(output.splitlines()[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="a console, which this test has not, sends Ctrl-C on Windows")
def test_ctrl_c_ends_the_lesson_without_a_traceback(copy):
    process = copy.popen("lesson", "--wait")
    assert process.stdout.readline() == "waiting\n"
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "ended in its own way\n", "")


def test_unknown_job_gets_one_sentence(copy):
    code, _, errors = copy.start("tset")
    assert code == 2
    assert is_one_sentence(errors) and "'tset'" in errors and "start.py test" in errors


def test_too_old_and_too_new_pythons_get_one_sentence():
    pretend = "import sys; sys.version_info = {}; sys.version = 'x (main)'; exec(open('start.py').read())"
    commands = [[sys.executable, "-c", pretend.format(version)] for version in ((3, 8, 18), (3, 15, 0))]
    for name in ["python2.7", "python3.6", "python3.8", "python3.10"]:
        if shutil.which(name) and subprocess.run([name, "-c", ""], capture_output=True).returncode == 0:
            commands.append([name, "start.py"])
    *others, newest = re.findall(r"Python :: (3\.\d+)", str(PROJECT["project"]["classifiers"]))
    wanted = f"{', '.join(others)} or {newest}"
    for command in commands:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert ended.returncode == 1
        assert is_one_sentence(ended.stderr) and f"needs Python {wanted}, and this is" in ended.stderr
    for page in ("README.md", "learners/setup.md"):
        assert wanted in (ROOT / page).read_text(encoding="utf-8")


def test_start_is_readable_for_old_pythons():
    source = (ROOT / "start.py").read_text(encoding="ascii")
    tree = ast.parse(source, feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Starred)]


def test_full_disk_gets_one_sentence(monkeypatch):
    usage = shutil.disk_usage(ROOT)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=200_000_000))
    with pytest.raises(start.SetUpError, match="Not enough disk space.* 1 GB .* 0.2 GB is free"):
        start.create_environment()
    assert "disk space" in start.explain("ERROR: Could not install packages: [Errno 28] No space left on device\n")


def test_missing_ensurepip_gets_one_sentence(monkeypatch):
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(start.SetUpError, match="sudo apt install python3-venv"):
        start.create_environment()


def test_other_failures_pass_on_what_pip_says():
    assert start.explain("Collecting x\nERROR: x has an invalid wheel\n").endswith("ERROR: x has an invalid wheel")


def applies(requirement, extra=""):
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def locked(part):
    lesson, _, tests = (ROOT / "requirements.lock").read_text(encoding="utf-8").partition(start.TESTS_ONLY)
    text = lesson if part == "lesson" else lesson + tests
    return [Requirement(line) for line in text.splitlines() if not line.startswith("#")]


def test_conda_environment_is_up_to_date():
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == lock.environment(PROJECT), "run lock.py"


@pytest.mark.parametrize("part, groups", [("lesson", lock.LESSON), ("everything", [*lock.LESSON, "test"])])
def test_lock_is_complete_and_has_nothing_over(part, groups):
    """Walk from pyproject.toml along what the installed packages ask for: the lock must pin just these, and fittingly.

    It holds for the system and the Python that run this test; lock.py asks uv for all of them alike.
    """
    pins = {canonicalize_name(pin.name): pin for pin in locked(part) if applies(pin)}
    overridden = {Requirement(text).name: Requirement(text) for text in PROJECT["tool"]["uv"]["override-dependencies"]}
    todo = [(Requirement(text), "") for text in lock.requirements(PROJECT, *groups)]
    seen = set()
    while todo:
        requirement, extra = todo.pop()
        if not applies(requirement, extra):
            continue
        if requirement.name in overridden:
            requirement = overridden[requirement.name]
            if not applies(requirement):
                continue
        name = canonicalize_name(requirement.name)
        assert name in pins, f"run lock.py: {requirement} is not in requirements.lock"
        version = next(iter(pins[name].specifier)).version
        assert requirement.specifier.contains(version, prereleases=True), f"run lock.py: {requirement} is not {version}"
        for wanted in ["", *requirement.extras]:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                todo += [(Requirement(text), wanted) for text in importlib.metadata.requires(name) or []]
    assert set(pins) == {name for name, _ in seen}, "run lock.py"


def test_lock_names_versions_only():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text and "file:" not in text
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in locked("everything"))


def test_lock_has_no_copyleft_decoder():
    names = {pin.name for pin in locked("everything")}
    assert "pylibjpeg-libjpeg" not in names, "it is GPL, which the lesson's MIT licence does not allow to pass on"


@pytest.mark.skipif(sys.platform == "win32", reason="repo2docker does not run on Windows")
def test_binder_picks_up_python_environment_and_post_build():
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    python = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"][0]
    assert f"Building conda environment for {python}" in ended.stderr
    assert '--file "environment.yml"' in ended.stdout
    assert "RUN ./postBuild" in ended.stdout


def test_versions_and_addresses_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    workbench = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    address = PROJECT["project"]["urls"]["Source"]
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["repository-code"] == workbench["source"] == address
    assert f"## {citation['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    owner_and_name = address.removeprefix("https://github.com/")
    for page in ("README.md", "learners/setup.md"):
        assert f"mybinder.org/v2/gh/{owner_and_name}/" in (ROOT / page).read_text(encoding="utf-8")
    assert f"{address}/blob/main/" in (ROOT / "episodes/introduction.md").read_text(encoding="utf-8")
