"""What the tests of the lesson share: each real episode, its solved notebook, run once, and pages made for a rule."""

import functools
from pathlib import Path

import build
import pytest
from test_workbench import Page

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


@pytest.fixture
def written(tmp_path):
    """Return what writes texts as pages, ``old`` in one of them replaced by ``new``, and returns these by name."""

    def write(texts: dict[str, str], changed: str, old: str, new: str) -> dict[str, Page]:
        assert old in texts[changed]
        if old:
            texts = texts | {changed: texts[changed].replace(old, new, 1)}
        for name, text in texts.items():
            (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
        return {name: Page(tmp_path / f"{name}.md") for name in texts}

    return write
