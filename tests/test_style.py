"""Ruff and mypy, run as tests: what they say is the failure's message."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("command", ["ruff check --output-format=concise", "ruff format --check --diff", "mypy"])
def test_style(command):
    ended = subprocess.run([sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
