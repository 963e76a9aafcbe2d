"""A small face recognizer: whose portrait is most like this picture of a scan?

>>> from safeshare import recognizer, rendering, volume
>>> head = volume.read("data/gallery/scans/person-01.dcm")
>>> eyes = recognizer.find_eyes(head)                              # millimetres in the patient
>>> picture, where = rendering.render(head), rendering.project(head, eyes)
>>> recognizer.match(picture, where, recognizer.read_gallery("data/gallery"))[:5]

It is a Fisherface (Belhumeur et al. 1997, doi:10.1109/34.598228) on histograms of oriented gradients (Dalal and Triggs
2005, doi:10.1109/CVPR.2005.177): the picture is turned and scaled until the eyes lie in their fixed places, each cell
of it is described by the directions of its edges, and a matrix turns these numbers into a few that differ as much as
they can between people and as little as they can between pictures of one person, be they portraits or scans.

The matrix was trained on synthetic people only, none of them in the gallery (data/build/train_recognizer.py). This is
no tool for real faces: it has never seen one.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage, signal

from . import faces
from .volume import Volume

MODEL = Path(__file__).parent / "models" / "recognizer.npz"
SIZE, CELL, DIRECTIONS = 60, 6, 8  # pixels of the aligned picture and of a cell; edge directions that are told apart
TEMPLATES = {"both": (18, 26), "right": (9, 11), "left": (9, 11)}  # half their rows and columns, of 2 mm
FACE = 0.6  # likeness to a mean face that eyes need; the least that one of 69 scans of synthetic heads had was 0.70
HALF_DISTANCE, GLOBE = 31.0, 15.0  # mm: half the distance between the eyes, from the lids to the eyes' centres
EYE_DISTANCE, EYE_HEIGHT = 0.48, 0.19  # of the aligned picture: from eye to eye, and from its top to the eyes


def align(image: ArrayLike, eyes: ArrayLike) -> np.ndarray:
    """Return a grey picture of 60 x 60 pixels, in which the eyes lie in their fixed places.

    ``image`` is grey or colour, ``eyes`` holds column and row of both eyes, in any order.
    Raises ``ValueError`` when the eyes do not lie beside each other.
    """
    grey = np.asarray(image, np.float32)
    grey = grey[..., :3].mean(-1) if grey.ndim == 3 else grey
    places = np.asarray(eyes, float)
    if places.shape != (2, 2) or not np.isfinite(places).all():
        raise ValueError("eyes are two points, each a column and a row of the picture.")
    first, second = places[np.argsort(places[:, 0])]
    across = second - first
    if not across[0] > abs(across[1]):
        raise ValueError("the eyes do not lie beside each other: turn the picture upright.")
    scale = np.hypot(*across) / (EYE_DISTANCE * SIZE)
    right = across / (EYE_DISTANCE * SIZE)
    down = np.array([-right[1], right[0]])
    if scale > 1:
        grey = ndimage.gaussian_filter(grey, 0.45 * scale)
    middle = np.array([SIZE - 1, 2 * EYE_HEIGHT * SIZE]) / 2
    corner = (first + second) / 2 - middle[0] * right - middle[1] * down
    matrix = np.array([[down[1], right[1]], [down[0], right[0]]])
    return ndimage.affine_transform(grey, matrix, corner[::-1], (SIZE, SIZE), order=1, mode="nearest")


def edges(face: np.ndarray) -> np.ndarray:
    """Describe an aligned picture by the directions of its edges: a histogram of oriented gradients as one vector."""
    plain = (face - face.mean()) / (face.std() + 1e-6)
    down, right = np.gradient(plain)
    turn = np.mod(np.arctan2(down, right), np.pi) / np.pi * DIRECTIONS
    gap = np.abs(turn - np.arange(DIRECTIONS)[:, None, None])
    strength = np.hypot(down, right) * np.clip(1 - np.minimum(gap, DIRECTIONS - gap), 0, 1)
    middles = CELL * (np.arange(SIZE // CELL) + 0.5) - 0.5
    near = np.clip(1 - np.abs(middles[:, None] - np.arange(SIZE)) / CELL, 0, 1)  # a pixel counts in the cells around it
    cells = np.einsum("ri,dij,cj->rcd", near, strength, near, optimize=True)
    blocks = np.concatenate([cells[:-1, :-1], cells[1:, :-1], cells[:-1, 1:], cells[1:, 1:]], 2)
    blocks /= np.linalg.norm(blocks, axis=2, keepdims=True) + 1e-3
    return np.minimum(blocks, 0.25).ravel()


@functools.cache
def _model() -> dict[str, np.ndarray]:
    with np.load(MODEL) as parts:
        return {name: parts[name].astype(np.float32) for name in parts.files}


def embedding(image: ArrayLike, eyes: ArrayLike) -> np.ndarray:
    """Return the numbers that stand for the face in a picture, as a vector of length one.

    ``eyes`` holds column and row of both eyes, in any order. Raises ``ValueError`` when they do not lie side by side.
    """
    model = _model()
    numbers = (edges(align(image, eyes)) - model["mean"]) @ model["matrix"]
    return numbers / np.linalg.norm(numbers)


def front(volume: Volume, level: float, step: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return how far to the front the head reaches, in mm, at each place of a grid of ``step`` mm, seen from the front.

    Rows run down and columns to the patient's left; nan is where there is no head. ``level`` parts air from skin. The
    second array is where the first row and column lie: left, back (always 0) and top, in mm in the patient.
    """
    turn, place = volume.affine[:3, :3], volume.affine[:3, 3]
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(volume.values.shape) - 1) @ turn.T + place
    low, high = corners.min(0), corners.max(0)
    shape = np.ceil((high - low) / step).astype(int) + 1
    back = np.linalg.inv(turn)
    width = 0.4 * step / volume.spacing  # what is finer than the grid would be noise on it
    values = ndimage.gaussian_filter(volume.values.astype(np.float32), np.where(width > 0.3, width, 0))
    grid = ndimage.affine_transform(
        values, back * step, back @ (low - place), tuple(shape), order=1, cval=float(values.min())
    )
    pieces, count = ndimage.label(grid > level)
    head = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1 if count else pieces > 0
    first = head.argmax(1)
    outer = np.take_along_axis(grid, np.maximum(first - 1, 0)[:, None], 1)[:, 0]
    inner = np.take_along_axis(grid, first[:, None], 1)[:, 0]
    share = (level - outer) / np.where(inner > outer, inner - outer, np.inf)
    depth = low[1] + step * (first - 1 + np.clip(share, 0, 1))
    heights = np.where(head.any(1), -depth, np.nan)
    return heights.T[::-1], np.array([low[0], 0, low[2] + step * (shape[2] - 1)])


def relief(heights: np.ndarray, step: float = 2.0) -> np.ndarray:
    """Return the heights over their surroundings, at most 10 mm up or down; 0 where there is no head."""
    known = np.isfinite(heights)
    blurred = ndimage.gaussian_filter(np.where(known, heights, 0), 16 / step)
    weight = ndimage.gaussian_filter(known.astype(float), 16 / step)
    return np.where(known, np.clip(heights - blurred / np.maximum(weight, 1e-6), -10, 10), 0)


def _likeness(picture: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Return how well a template of length one and mean zero correlates with what lies around each place."""
    both = signal.correlate(picture, template, mode="same", method="fft")
    mean = ndimage.uniform_filter(picture, template.shape, mode="constant")
    square = ndimage.uniform_filter(picture**2, template.shape, mode="constant")
    return both / np.sqrt(np.maximum((square - mean**2) * template.size, 0.5 * template.size))


def find_eyes(volume: Volume, level: float | None = None) -> np.ndarray:
    """Return where the eyes' centres are, in mm in the patient (left, back, top): the right eye first, then the left.

    They are found on the skin: where its relief is most like that of a mean face around the eyes. The head may be
    turned by some ten degrees. ``level`` parts air from skin; by default it is found as in ``faces``.
    Raises ``ValueError`` when there is no such place, so also when the face is gone: look for the eyes before.
    """
    level = faces.skin_level(volume) if level is None else level
    heights, corner = front(volume, level)
    surface, model = relief(heights), _model()
    found = _likeness(surface, model["both"])
    middle = np.array(np.unravel_index(found.argmax(), found.shape))
    if found.max() < FACE:
        raise ValueError(f"no eyes were found (likeness to a mean face {found.max():.2f}, {FACE} is needed).")
    eyes = []
    for side, sign in (("right", -1), ("left", 1)):
        expected = middle + [0, sign * HALF_DISTANCE / 2]
        gaps = np.indices(surface.shape) - expected[:, None, None]
        likely = _likeness(surface, model[side]) - (gaps**2).sum(0) / 72  # 6 cells off count as much as 0.5 of likeness
        row, column = np.unravel_index(likely.argmax(), likely.shape)
        eyes.append([corner[0] + 2 * column, GLOBE - heights[row, column], corner[2] - 2 * row])
    return np.array(eyes)


def read_gallery(folder: str | Path) -> dict[str, np.ndarray]:
    """Return the embedding of each portrait in a folder with a manifest.json, such as data/gallery, by person.

    The manifest tells where the eyes are in each portrait. Raises ``OSError`` when a file is missing.
    """
    from PIL import Image

    folder = Path(folder)
    people = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["people"]
    gallery = {}
    for person in people:
        with Image.open(folder / person["portrait"]) as picture:
            gallery[person["id"]] = embedding(np.asarray(picture), list(person["portrait_eyes"].values()))
    return gallery


def match(image: ArrayLike, eyes: ArrayLike, gallery: Mapping[str, np.ndarray]) -> list[tuple[str, float]]:
    """Rank the people of a gallery by likeness to the face in a picture, the most alike first.

    Likeness is the cosine of the angle between two embeddings: 1 for the same picture, about 0 for strangers.
    ``eyes`` holds column and row of both eyes, in any order. Raises ``ValueError`` when they do not lie side by side.
    """
    face = embedding(image, eyes)
    likeness = {name: float(face @ other) for name, other in gallery.items()}
    return sorted(likeness.items(), key=lambda item: -item[1])
