"""Each notebook runs with its exercises solved, and its stored pictures look like those that the code draws now.

nbval, which runs the notebooks unsolved, skips pictures. They are compared as grey thumbnails, since fonts and library
versions move single pixels.
"""

import base64
import difflib
import io
import sys

import build
import nbformat
import numpy as np
import pytest
from PIL import Image


def thumbnail(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA").convert("L").resize((32, 32)), float)


def alike(first: bytes, second: bytes) -> bool:
    return bool(np.abs(thumbnail(first) - thumbnail(second)).mean() < 2)


def pictures(cell: nbformat.NotebookNode) -> list[bytes]:
    return [base64.b64decode(output.data["image/png"]) for output in cell.get("outputs", []) if build.drawn(output)]


def test_solution_is_accepted(episode, solved):
    for cell in solved(episode)[0].cells:
        if cell.cell_type == "code":
            assert "Not yet" not in build.printed(cell), cell.source
            if "check" in cell.metadata.get("tags", []):
                assert "✔ " in build.printed(cell), cell.source


def test_stored_pictures_are_those_that_the_code_draws(episode, solved):
    stored = nbformat.read(build.ROOT / "notebooks" / f"{episode.stem}.ipynb", as_version=4).cells
    fresh = solved(episode)[0].cells
    sources = [cell.source for cell in stored], [cell.source for cell in fresh]
    same = difflib.SequenceMatcher(None, *sources, autojunk=False).get_matching_blocks()
    pairs = [(stored[block.a + i], fresh[block.b + i]) for block in same for i in range(block.size)]
    alone = [cell.id for cell in stored if pictures(cell) and cell.id not in {old.id for old, _ in pairs}]
    assert not alone, "only an exercise may differ from the solved notebook, and draw nothing before it is solved"
    for old, new in pairs:
        assert len(pictures(old)) == len(pictures(new)), old.id
        for before, now in zip(pictures(old), pictures(new), strict=True):
            assert alike(before, now), f"{old.id} draws something else; run: python notebooks/build.py {episode.stem}"


def test_figures_of_the_web_page_are_those_that_the_code_draws(episode, solved):
    for source, new in solved(episode)[1].items():
        old = (episode.parent / source).read_bytes()
        assert alike(old, new), f"{source} is out of date; run: python notebooks/build.py {episode.stem}"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the most memory that a process has had")
def test_memory_stays_far_from_what_binder_gives(episode, solved):
    megabytes = solved(episode)[2]
    assert 50 < megabytes < 1000  # Binder gives each session at least 1 GB: https://mybinder.readthedocs.io


@pytest.mark.parametrize(("shift", "same"), [(1, True), (16, False)])
def test_comparison_forgives_a_pixel_and_sees_another_picture(shift, same):
    def png(left: int) -> bytes:
        pixels = np.full((320, 320), 255, np.uint8)
        pixels[80:240, left : left + 160] = 0
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    assert alike(png(80), png(80 + shift)) is same
