"""Boosted decision trees (Friedman 2001, doi:10.1214/aos/1013203451) that judge rows of what was measured.

They were trained on synthetic radiographs only, with LightGBM (data/build/train_object_detector.py); numpy runs them.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

MODEL = Path(__file__).parent / "models" / "objects.npz"
KINDS = 5  # nothing, worn, tag, device, marker
_AT_ONCE = 2000


class Trees(NamedTuple):
    """What each node of each tree asks, and where the answer leads; a leaf leads to itself, and has a value."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    depth: int

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return the sum of the values of the leaves at which each row arrives."""
        parts = [self._some(rows[k : k + _AT_ONCE]) for k in range(0, len(rows), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _some(self, rows: np.ndarray) -> np.ndarray:
        trees, each = np.arange(len(self.feature)), np.arange(len(rows))[:, np.newaxis]
        at = np.zeros((len(rows), len(trees)), np.intp)
        for _ in range(self.depth):
            low = rows[each, self.feature[trees, at]] <= self.threshold[trees, at]
            at = np.where(low, self.left[trees, at], self.right[trees, at])
        return np.asarray(self.value[trees, at].sum(1))


@cache
def _trees(name: str) -> Trees:
    with np.load(MODEL) as model:
        feature, left, right = (model[f"{name}_{part}"].astype(np.intp) for part in ("feature", "left", "right"))
        threshold, value = model[f"{name}_threshold"], model[f"{name}_value"]
        return Trees(feature, threshold, left, right, value, int(model[f"{name}_depth"]))


def likely(name: str, rows: np.ndarray) -> np.ndarray:
    """Return how likely each row is an object's, 0 to 1, says the model "alone" or the model "together"."""
    return np.asarray(1 / (1 + np.exp(-_trees(name).scores(rows))))


def which(rows: np.ndarray) -> np.ndarray:
    """Return how likely each row is nothing, something worn, a tag, a device, or a marker."""
    scores = np.stack([_trees(f"kind{kind}").scores(rows) for kind in range(KINDS)], 1)
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(shares / shares.sum(1, keepdims=True))
