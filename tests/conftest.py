"""What all tests share: skipping by missing program, what self-checks say, and a mend for nbval."""

import shutil

import pytest
from nbval.kernel import RunningKernel


def pytest_runtest_setup(item):
    """Skip a test marked `needs_program("dciodvfy", debian="dicom3tools")` where there is no such program."""
    for marker in item.iter_markers("needs_program"):
        program, package = marker.args[0], marker.kwargs["debian"]
        if shutil.which(program) is None:
            pytest.skip(f"needs the program {program}: on Debian and Ubuntu `sudo apt install {package}`")


@pytest.fixture
def said(capsys):
    """Return what runs a self-check and returns the lines that it printed: one of praise, or some of blame."""

    def run(check, *answer):
        check(*answer)
        lines = capsys.readouterr().out.splitlines()
        praise, blame = ([line for line in lines if line.startswith(mark)] for mark in ("✔ ", "Not yet: "))
        assert (praise or blame) and lines in (praise[:1], blame), lines
        return lines

    return run


@pytest.fixture
def passes(said):
    """Return what tells whether a self-check praises an answer."""
    return lambda check, *answer: said(check, *answer)[0].startswith("✔ ")


def execute_with_history(kernel, cell_input, allow_stdin=None):
    return kernel.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


# nbval 0.11 runs cells without history, and IPython then shows a value in spite of a trailing semicolon.
RunningKernel.execute_cell_input = execute_with_history
