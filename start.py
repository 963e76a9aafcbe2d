"""Set the lesson up and open it: `python3 start.py` (on Windows `py start.py`).

`python3 start.py test` sets up the same environment, adds what the tests need, and runs them.
What follows the job goes on to the program: `start.py lesson --no-browser`, `start.py test -k metadata`.
"""

# Every Python, even 2.7, must get as far as the sentence below: no f-strings, annotations or print in this file.
import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 14):  # what is newer lacks packages
    sys.exit(
        "This lesson needs Python 3.11, 3.12, 3.13 or 3.14, and this is Python %s: "
        "install one of these from https://www.python.org/downloads/ and name it, "
        "as in `python3.14 start.py`, on Windows `py -3.14 start.py`." % sys.version.split()[0]
    )

import contextlib
import csv
import errno
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sysconfig
import time
import tomllib
import venv

HERE = pathlib.Path(__file__).resolve().parent
ENV = HERE / ".venv"
PYTHON = ENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
SITE = pathlib.Path(sysconfig.get_path("purelib", "venv", {"base": str(ENV), "platbase": str(ENV)}))
LAYOUT = ENV / "workspaces" / "default-37a8.jupyterlab-workspace"  # the name is JupyterLab's
SETTINGS = ENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
FIRST_NOTEBOOK = "notebooks/introduction.ipynb"
STAMP = ENV / "set-up.json"  # written last, so that a half-made .venv has none
TESTS_ONLY = "# Only the tests need what follows.\n"  # the line that parts requirements.lock, see lock.py
GIGABYTES_NEEDED = 1.0

NO_SPACE = (
    "Not enough disk space: the lesson needs about %.0f GB in %s, and %.1f GB is free; make room and start again."
)
NO_NETWORK = (
    "The lesson's packages could not be downloaded: check that this computer is online "
    "(and, behind a company's proxy, that pip knows it), then start again."
)
NO_ENSUREPIP = (
    "This Python cannot make environments, since its module ensurepip is missing: "
    "on Debian and Ubuntu run `sudo apt install python3-venv`, then start again."
)
NO_ACCESS = (
    "The lesson cannot be set up in %s (%s): "
    "close the programs that use that folder, see that you may write in it, then start again."
)
NO_INSTALL = "The lesson's packages could not be installed, and pip says why: %s"
NO_SUCH_JOB = "There is no job %r: `python3 start.py` opens the lesson, `python3 start.py test` runs the tests."


class SetUpError(Exception):
    """Set-up cannot go on; the message is the one sentence that the learner reads."""


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def set_up(job):
    """Make .venv fit for a job, at once when it is already."""
    lesson, _, tests = (HERE / "requirements.lock").read_text(encoding="utf-8").partition(TESTS_ONLY)
    parts = {"lesson": lesson, "test": tests} if job == "test" else {"lesson": lesson}
    wanted = {name: fingerprint(text) for name, text in parts.items()}
    done = finished_parts()
    missing = [name for name in parts if done.get(name) != wanted[name]]
    if not missing:
        return
    if "lesson" in missing:
        say("Setting up the lesson's own Python in .venv: once, for about a minute ...")
        create_environment()
        missing = list(parts)
    else:
        say("Adding what the tests need to .venv: once, for a few seconds ...")
        STAMP.unlink()
    for name in missing:
        install(["-r", requirements_file(name, parts[name])])
    if "lesson" in missing:
        install(["--no-build-isolation", "--editable", str(HERE)])
    STAMP.write_text(json.dumps({"parts": wanted, "packages": count_packages()}), encoding="utf-8")


def fingerprint(requirements):
    """Tell whether the same packages would be installed in the same place by the same Python."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))
    package = [project["build-system"], project["project"], project["tool"]["setuptools"]]
    return hashlib.sha256(json.dumps([requirements, package, sys.version, str(ENV)]).encode()).hexdigest()


def finished_parts():
    """Read which parts are installed from the stamp; none when anything is missing or damaged."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        runs = subprocess.run([str(PYTHON), "-c", ""], capture_output=True).returncode == 0
        return stamp["parts"] if runs and count_packages() >= stamp["packages"] else {}
    except (OSError, ValueError):
        return {}


def count_packages():
    """Count the installed packages of which no file has gone since."""
    count = 0
    for record in SITE.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as rows:
            names = [row[0] for row in csv.reader(rows) if row and not row[0].endswith(".pyc")]
        count += all(os.path.exists(os.path.join(SITE, name)) for name in names)
    return count


def create_environment():
    """Make an empty .venv with pip, in place of what is there."""
    if importlib.util.find_spec("ensurepip") is None:  # Debian packs it apart
        raise SetUpError(NO_ENSUREPIP)
    if shutil.disk_usage(HERE).free < GIGABYTES_NEEDED * 1e9:
        raise SetUpError(no_space())
    # Copies of an interpreter that finds its library beside itself, as conda's does, would not run.
    venv.create(ENV, with_pip=True, clear=ENV.exists(), symlinks=os.name != "nt")
    # uv downloads side by side: half a minute instead of two. Where it cannot be had, pip does it all.
    run_pip(["install", "uv"])


def requirements_file(name, text):
    path = ENV / (name + ".txt")
    path.write_text(text, encoding="utf-8")
    return str(path)


def install(what):
    """Install exactly what is named: the lock is complete, so nothing is left to resolve."""
    options = ["--python", str(PYTHON), "--compile-bytecode", "--no-deps"]
    uv = [str(PYTHON), "-m", "uv", "pip", "install"] + options + what
    if subprocess.run(uv, capture_output=True).returncode == 0:
        return
    # pip knows this computer's proxies and mirrors; uv may not.
    pip = run_pip(["install", "--no-deps"] + what)
    if pip.returncode != 0:
        raise SetUpError(explain(pip.stdout))


def run_pip(arguments):
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"] + arguments
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def explain(output):
    """Turn what pip printed into one sentence."""
    if re.search("no space left|not enough space|quota exceeded", output, re.IGNORECASE):
        return no_space()
    if re.search("from versions: none|connection broken|connection error|timed out", output, re.IGNORECASE):
        return NO_NETWORK
    lines = [line for line in output.splitlines() if "error" in line.lower()] or output.splitlines() or ["nothing"]
    return NO_INSTALL % lines[-1].strip()


def no_space():
    return NO_SPACE % (GIGABYTES_NEEDED, HERE, shutil.disk_usage(HERE).free / 1e9)


@contextlib.contextmanager
def one_at_a_time():
    """Wait while another start sets up the same folder; the system lets go of the lock when a start dies."""
    with (HERE / ".venv.lock").open("a") as handle:
        told = False
        while True:
            try:
                lock(handle)
                break
            except (BlockingIOError, PermissionError):
                if not told:
                    say("Another start is setting up this folder: waiting for it ...")
                told = True
                time.sleep(0.5)
        yield


def lock(handle):
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def run(module, arguments):
    """Run a module of the lesson's Python until it ends, and return its exit code."""
    paths = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", "")])  # for `!safeshare` in a notebook
    environment = dict(os.environ, PATH=paths, VIRTUAL_ENV=str(ENV))
    # Ctrl-C reaches the child too, which then ends in its own way; wait for that.  A handler, since the child would
    # inherit SIG_IGN, and set before there is a child, since Ctrl-C may come at once.
    signal.signal(signal.SIGINT, lambda *_: None)
    child = subprocess.Popen([str(PYTHON), "-m", module] + arguments, cwd=HERE, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    return child.wait()


def open_lesson(arguments):
    write_layout()
    options = [
        "--ServerApp.root_dir=" + str(HERE),
        "--ServerApp.answer_yes=True",  # one Ctrl-C is enough
        "--LabApp.workspaces_dir=" + str(LAYOUT.parent),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # in a container the learner is root, which JupyterLab refuses otherwise
    return run("jupyterlab", options + arguments)


def write_layout():
    """Show the first notebook beside the whole folder, unless JupyterLab already kept a layout of the learner's own.

    An address with the notebook in it would show the notebook's folder only, without data and episodes.
    """
    if LAYOUT.exists():
        return
    notebook = "notebook:" + FIRST_NOTEBOOK
    main = {"dock": {"type": "tab-area", "currentIndex": 0, "widgets": [notebook]}, "current": notebook}
    layout = {
        "layout-restorer:data": {"main": main, "left": {"current": "filebrowser", "collapsed": False}},
        "file-browser-filebrowser:cwd": {"path": ""},
        notebook: {"data": {"path": FIRST_NOTEBOOK, "factory": "Notebook"}},
    }
    no_news = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}  # nor the question about it
    for path, content in [(SETTINGS, no_news), (LAYOUT, {"data": layout, "metadata": {"id": "default"}})]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")


def run_tests(arguments):
    whole = ["--numprocesses=2", "--dist=loadfile"]  # a file's tests share what is slow to set up
    return run("pytest", arguments or whole)


JOBS = {"lesson": open_lesson, "test": run_tests}


def main():
    job = (sys.argv[1:] or ["lesson"])[0]
    if job in ("-h", "--help"):
        say(__doc__)
        return 0
    if job not in JOBS:
        sys.stderr.write(NO_SUCH_JOB % job + "\n")
        return 2
    try:
        with one_at_a_time():
            set_up(job)
    except SetUpError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(explain(str(error.output)))
    except OSError as error:
        sys.exit(no_space() if error.errno in (errno.ENOSPC, errno.EDQUOT) else NO_ACCESS % (HERE, error))
    except KeyboardInterrupt:
        sys.stderr.write("Stopped before the set-up was done: the next start does it anew.\n")
        return 130
    return JOBS[job](sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
