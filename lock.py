"""Write requirements.lock and environment.yml from pyproject.toml: `.venv/bin/python lock.py`.

The lock names the newest versions that fit, for every system and Python that the lesson supports.
Run it with the lesson's own Python, which has uv; it asks the package index, so it needs the network.
"""

import pathlib
import subprocess
import sys
import tomllib
from typing import Any

from packaging.requirements import Requirement

from start import TESTS_ONLY

HERE = pathlib.Path(__file__).resolve().parent
LESSON = ("lesson", "text", "export")  # the groups that a learner needs
WRITTEN = "# Written by lock.py from pyproject.toml: change that and run lock.py again.\n"


def requirements(project: dict[str, Any], *groups: str) -> list[str]:
    """Collect what the package, its build and the named optional groups ask for."""
    table = project["project"]
    optional = [requirement for group in groups for requirement in table["optional-dependencies"][group]]
    return sorted(project["build-system"]["requires"] + table["dependencies"] + optional)


def resolve(project: dict[str, Any], *groups: str) -> list[str]:
    """Ask uv for pins, with markers where systems or Pythons differ.

    Raises:
        subprocess.CalledProcessError: uv is missing, the network is, or the requirements contradict each other.
    """
    options = ["--quiet", "--universal", "--no-header", "--no-annotate"]
    wanted = "\n".join(requirements(project, *groups))
    oldest = project["project"]["requires-python"].removeprefix(">=")
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, "--python-version", oldest, "-"]
    pins = subprocess.run(command, input=wanted, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE).stdout
    return pins.splitlines()


def environment(project: dict[str, Any]) -> str:
    """Render environment.yml, for conda and Binder: what the lesson needs, under conda's names."""
    lesson = project["tool"]["lesson"]
    binder = {"sys_platform": "linux", "platform_machine": "x86_64", "python_version": lesson["conda-python"]}
    wanted = [Requirement(text) for text in requirements(project, *LESSON)]
    packages = sorted(
        {
            f"{lesson['conda-names'].get(one.name, one.name)}{','.join(sorted(map(str, one.specifier), reverse=True))}"
            for one in wanted
            if one.marker is None or one.marker.evaluate(binder)
        }
    )
    lines = [f"name: {project['project']['name']}", "channels:", "  - conda-forge", "  - nodefaults", "dependencies:"]
    lines += [f"  - {package}" for package in [f"python={lesson['conda-python']}", "pip", *packages]]
    return WRITTEN + "\n".join(lines) + "\n"


def main() -> None:
    """Write both files."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))
    everything = resolve(project, *LESSON, "test")
    # The lesson gets the versions that the tests ran with, so its part is taken from the whole.
    names = {pin.split("==")[0] for pin in resolve(project, *LESSON)}
    lesson = [pin for pin in everything if pin.split("==")[0] in names]
    tests = [pin for pin in everything if pin.split("==")[0] not in names]
    lock = WRITTEN + "\n".join(lesson) + "\n" + TESTS_ONLY + "\n".join(tests) + "\n"
    (HERE / "requirements.lock").write_text(lock, encoding="utf-8", newline="\n")
    (HERE / "environment.yml").write_text(environment(project), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
