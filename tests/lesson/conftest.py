"""What the tests of the lesson share: each real episode, and its solved notebook, run once."""

import functools
from pathlib import Path

import build
import pytest

ROOT = Path(__file__).parents[2]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `episode` with the path of every episode that config.yaml lists."""
    if "episode" in metafunc.fixturenames:
        metafunc.parametrize(
            "episode", [ROOT / "episodes" / f"{name}.md" for name in build.listed(ROOT)], ids=lambda p: p.stem
        )


@pytest.fixture(scope="session")
def solved():
    """Return what runs an episode's notebook with its exercises solved, only once in a test session."""
    return functools.cache(functools.partial(build.run, variant="solved"))
