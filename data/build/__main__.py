"""Make the lesson's synthetic patients: `python data/build` makes all, `python data/build planted register` some parts.

The same bytes come out every time; data/README.md says what is needed and how long it takes.
"""

import importlib
import sys
import time
from pathlib import Path

DATA = Path(__file__).resolve().parents[1]

# In this order: the later parts use the earlier ones.
PARTS = {
    "head": "head",
    "gallery": "portraits",
    "planted": "planted",
    "ultrasound": "ultrasound",
    "captures": "captures",
    "radiographs": "radiographs",
    "metal_ct": "streaks",
    "register": "register",
    "messy": "messy",
    "hurried": "hurried",
}


def build(part: str) -> None:
    """Make one folder of data/ anew, and remove from it what is not made any more."""
    start, folder = time.perf_counter(), DATA / part
    made = importlib.import_module(PARTS[part]).build(folder)
    for path in folder.rglob("*"):
        if path.is_file() and path not in made:
            path.unlink()
    size = sum(path.stat().st_size for path in made)
    print(f"{part}: {len(made)} files, {size / 1e6:.2f} MB, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        sys.exit(f"There is no part {unknown[0]!r} to make; there are {', '.join(PARTS)}.")
    for part in wanted:
        build(part)
    if not sys.argv[1:]:
        import contact_sheet

        print(contact_sheet.build(DATA)[0].relative_to(DATA))
