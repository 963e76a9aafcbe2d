"""What a notebook's first cell asks: is everything there that the lesson needs?"""

import sys
from importlib.util import find_spec

from . import data

OLDEST_PYTHON = (3, 11)
# What the notebooks import, and so the package's groups lesson, text and export; all but the tools behind these.
MODULES = ("PIL", "anywidget", "ipywidgets", "matplotlib", "nibabel", "numpy", "onnxruntime", "pydicom", "scipy")
READY = (
    "✔ Everything is there. "
    "Where this program can show no sliders and buttons, you see a still picture, a table or a text in their place."
)
WHAT_TO_DO = "open the lesson with `python3 start.py` in its folder (on Windows `py start.py`), or on Binder."


def check() -> None:
    """Print in one line that the notebook can begin, or what is missing and what to do."""
    missing = [name for name in MODULES if find_spec(name) is None]
    if sys.version_info < OLDEST_PYTHON:
        print(f"Not ready: this is Python {sys.version.split()[0]}, and the lesson needs 3.11 or newer; {WHAT_TO_DO}")
    elif missing:
        print(f"Not ready: this Python has no {', '.join(missing)}; {WHAT_TO_DO}")
    else:
        try:
            data.folder()
        except FileNotFoundError:
            print(f"Not ready: the lesson's data are not here; {WHAT_TO_DO}")
        else:
            print(READY)
