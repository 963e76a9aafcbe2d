"""Find the synthetic patients that ship with the lesson."""

from pathlib import Path


def folder(name: str = "") -> Path:
    """Return the path of the lesson's data/ folder, or of a folder in it, such as "planted".

    The lesson is found from wherever in it Python runs, and otherwise from where the package was installed in place
    (`pip install --editable`, as the lesson's set-up and Binder do).  The data stay in the lesson's repository; they
    are no part of the installed package.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    here, package = Path.cwd(), Path(__file__).resolve()
    for place in [here, *here.parents, *package.parents]:
        if (place / "data" / "planted").is_dir():
            found = place / "data" / name
            if found.is_dir():
                return found
            names = ", ".join(sorted(path.name for path in (place / "data").iterdir() if path.is_dir()))
            raise FileNotFoundError(f"The lesson's data have no folder {name!r}; they have {names}.")
    raise FileNotFoundError(
        f"The lesson's data are neither in {here} nor above it: run Python in a folder of the lesson's repository."
    )
