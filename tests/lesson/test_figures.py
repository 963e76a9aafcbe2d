"""nbval skips pictures: here each stored one must look like the one that the code draws now.

They are compared as grey thumbnails, since fonts and library versions move single pixels.
"""

import base64
import io

import build
import nbformat
import numpy as np
import pytest
from PIL import Image


def thumbnail(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA").convert("L").resize((32, 32)), float)


def alike(first: bytes, second: bytes) -> bool:
    return bool(np.abs(thumbnail(first) - thumbnail(second)).mean() < 2)


def pictures(notebook: nbformat.NotebookNode) -> dict[str, list[bytes]]:
    return {
        cell.id: [base64.b64decode(output.data["image/png"]) for output in cell.outputs if build.drawn(output)]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def test_stored_pictures_are_those_that_the_code_draws(episode, run):
    stored = pictures(nbformat.read(build.ROOT / "notebooks" / f"{episode.stem}.ipynb", as_version=4))
    fresh = pictures(run(episode, "learner")[0])
    assert {cell: len(drawn) for cell, drawn in stored.items()} == {cell: len(drawn) for cell, drawn in fresh.items()}
    for cell, drawn in fresh.items():
        for old, new in zip(stored[cell], drawn, strict=True):
            assert alike(old, new), f"{cell} draws something else now; run: python notebooks/build.py {episode.stem}"


def test_figures_of_the_web_page_are_those_that_the_code_draws(episode, run):
    for variant in ("learner", "solved"):
        for source, new in run(episode, variant)[1].items():
            old = (episode.parent / source).read_bytes()
            assert alike(old, new), f"{source} is out of date; run: python notebooks/build.py {episode.stem}"


@pytest.mark.parametrize(("shift", "same"), [(1, True), (16, False)])
def test_comparison_forgives_a_pixel_and_sees_another_picture(shift, same):
    def png(left: int) -> bytes:
        pixels = np.full((320, 320), 255, np.uint8)
        pixels[80:240, left : left + 160] = 0
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    assert alike(png(80), png(80 + shift)) is same
