"""The lesson on other people's computers: the buttons that open it, Colab's first cell and the development container.

Neither Colab nor a container can run here, so their commands run with programs that only note how they were called.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from urllib.parse import quote

import build
import pytest
import yaml

import start

SOURCE = yaml.safe_load((build.ROOT / "config.yaml").read_text(encoding="utf-8"))["source"]
# Stands in for git and pip: notes the call, and "clones" a lesson.
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
if [ "$1" = clone ]; then mkdir -p lesson/notebooks lesson/data/planted lesson/episodes; fi
"""
COLAB = """
import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for _ in range(2):  # learners run a first cell twice
    shell.run_cell(open(sys.argv[1], encoding="utf-8").read()).raise_error()
import os
print(os.getcwd())
"""


def test_buttons_open_every_notebook_on_binder_and_colab():
    text = (build.ROOT / "learners" / "setup.md").read_text(encoding="utf-8")
    repository = SOURCE.removeprefix("https://github.com/")
    rows = [
        (
            f"https://mybinder.org/v2/gh/{repository}/main?urlpath="
            + quote(f"lab/tree/notebooks/{name}.ipynb?file-browser-path=/", safe=""),
            f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}.ipynb",
        )
        for name in build.listed(build.ROOT)
    ]
    links = r"\| \[[^\]]+ on Binder\]\((\S+)\) \| \[[^\]]+ on Colab\]\((\S+)\) \|"
    assert re.findall(links, text) == rows
    readme = (build.ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\[!\[[^\]]+ on Binder\]\([^)]+\)\]\((\S+)\)", readme) == [binder for binder, _ in rows]


@pytest.mark.skipif(sys.platform == "win32", reason="Colab's computers run Linux")
def test_first_cell_fetches_the_lesson_on_colab(tmp_path):
    for name in ("git", "pip"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM, encoding="utf-8")
        program.chmod(0o755)
    (tmp_path / "content").mkdir()
    (tmp_path / "cell.py").write_text(build.SET_UP, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", COLAB, str(tmp_path / "cell.py")],
        cwd=tmp_path / "content",
        env={
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(tmp_path / "calls"),
            "IPYTHONDIR": str(tmp_path / "ipython"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, folder = done.stdout.splitlines()[-3:]
    assert first == second and first.startswith("✔ Everything is there."), done.stdout + done.stderr
    assert folder == str(tmp_path / "content" / "lesson" / "notebooks")
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"git clone --quiet --depth 1 {SOURCE}",
        "pip install --quiet ./lesson[text,export] anywidget",
    ], "once, and nothing that Colab has already"


def test_container_sets_the_lesson_up(tmp_path):
    container = json.loads((build.ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert re.search(r"python:3\.1[1-4]-", container["image"])
    environment = start.ENV.relative_to(start.HERE).as_posix()
    python = container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert python == f"${{containerWorkspaceFolder}}/{environment}/bin/python"
    assert callable(start.set_up)
    (tmp_path / "start.py").write_text("def set_up(job):\n    print('set up for the', job)\n", encoding="utf-8")
    command = container["onCreateCommand"].replace("python3", sys.executable.replace("\\", "/"))
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "set up for the lesson\n"


def test_oldest_and_newest_versions_are_tested_on_the_oldest_and_newest_python():
    project = tomllib.loads((build.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    workflow = yaml.safe_load((build.ROOT / ".github" / "workflows" / "versions.yaml").read_text(encoding="utf-8"))
    pythons = [kind.rpartition(" ")[2] for kind in project["classifiers"] if re.search(r":: 3\.\d+$", kind)]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["include"] == [
        {"versions": "lowest-direct", "python": pythons[0]},
        {"versions": "highest", "python": pythons[-1]},
    ]
    commands = "\n".join(step.get("run", "") for step in workflow["jobs"]["test"]["steps"])
    groups = re.search(r"--resolution \$\{\{ matrix.versions \}\} --editable \"\.\[([\w,]+)\]\"", commands)
    assert set(groups[1].split(",")) == set(project["optional-dependencies"]) - {"data"}
