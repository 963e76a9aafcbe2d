"""Stronger attackers than the lesson's: they know how a scan was defaced, and train on scans defaced that way.

None of them ships. `reidentification.py` trains them on the people that data/build/train_recognizer.py recorded
(none of them is in the gallery) and is told where the eyes were before defacing.

`Fisher` is the lesson's recognizer, trained anew on portraits and on pictures of defaced scans, and looks at the whole
head. `Shape` does not look at pictures of scans at all: it predicts from a portrait how far the head must reach to the
front, the left and the right, as ridge regression does, and compares that with the scan's own outline.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import linalg, ndimage

from safeshare import faces, recognizer, rendering
from safeshare.volume import Volume

SIDES = (0, 90, -90)  # from the front, the right and the left, in degrees
CELLS, STEP = 45, 5.0  # an outline has 45 x 45 places, 5 mm apart
LOWEST = -130.0  # mm behind the eyes: what reaches less far to the viewer is not seen
TURNS = (-10, 0, 10)  # degrees: pictures of one scan
SIZE = 160  # pixels of a picture


class Scan(NamedTuple):
    """What the attackers look at: aligned pictures, in which the face or the whole head is seen, and an outline."""

    close: np.ndarray
    wide: np.ndarray
    outline: np.ndarray


def wide(image: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """The aligned picture of the whole head: as if the eyes stood farther apart than they do."""
    right, left = np.asarray(eyes, float)[np.argsort(np.asarray(eyes)[:, 0])]
    middle, half = (left + right) / 2, (left - right) / 2
    down = np.array([-half[1], half[0]])
    return recognizer.align(image, np.array([middle - 1.6 * half, middle + 1.6 * half]) - 0.25 * down)


def outline(volume: Volume, eyes: np.ndarray) -> np.ndarray:
    """How far the head reaches to each of three sides, in mm from midway between the eyes."""
    level, middle = faces.skin_level(volume), eyes.mean(0)
    reach = []
    for side in SIDES:
        sine, cosine = np.sin(np.deg2rad(side)), np.cos(np.deg2rad(side))
        turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        affine = np.eye(4)
        affine[:3, :3] = turn @ volume.affine[:3, :3]
        affine[:3, 3] = turn @ (volume.affine[:3, 3] - middle)
        heights, corner = recognizer.front(replace(volume, affine=affine), level)
        places = (np.mgrid[:CELLS, :CELLS] - CELLS // 2) * STEP
        rows, columns = (corner[2] + places[0] + 30) / 2, (places[1] - corner[0]) / 2
        known = np.where(np.isfinite(heights), np.maximum(heights, LOWEST), LOWEST)
        reach.append(ndimage.map_coordinates(known, [rows, columns], order=1, cval=LOWEST))
    return np.array(reach, np.float32)


def look(volume: Volume, eyes: np.ndarray) -> Scan:
    """Look at a scan; `eyes` are in mm in the patient, where they are or were."""
    surface = rendering.Surface(volume)
    pictures = [(surface.picture(turn, 0, SIZE), rendering.project(volume, eyes, turn, 0, SIZE)) for turn in TURNS]
    return Scan(
        np.array([recognizer.align(*picture) for picture in pictures]),
        np.array([wide(*picture) for picture in pictures]),
        outline(volume, eyes),
    )


class Fisher:
    """The lesson's recognizer, trained on portraits and on pictures of defaced scans; sees the face and the head."""

    def __init__(self, portraits: list[Scan], scans: list[Scan], of_portrait: np.ndarray, of_scan: np.ndarray) -> None:
        """Train on people: `of_portrait` and `of_scan` say whose portraits and whose scans they are."""
        from train_recognizer import fisher

        looks = [self._features(look) for look in [*portraits, *scans]]
        person = np.repeat(np.concatenate([of_portrait, of_scan]), [len(look) for look in looks])
        self._mean, self._matrix = fisher(np.concatenate(looks), person)

    @staticmethod
    def _features(look: Scan) -> np.ndarray:
        pairs = zip(look.close, look.wide, strict=True)
        return np.array([np.concatenate([recognizer.edges(close), recognizer.edges(whole)]) for close, whole in pairs])

    def _embedding(self, look: Scan) -> np.ndarray:
        numbers = ((self._features(look) - self._mean) @ self._matrix).mean(0)
        return numbers / np.linalg.norm(numbers)

    def likeness(self, scan: Scan, portraits: list[Scan]) -> np.ndarray:
        """How alike a scan and each of the portraits are."""
        return np.array([self._embedding(portrait) for portrait in portraits]) @ self._embedding(scan)


class Shape:
    """Predicts a scan's outline from a portrait, by ridge regression onto the outlines' principal components."""

    COMPONENTS, RIDGE, FOLDS = 25, 0.3, 5

    def __init__(self, portraits: list[Scan], scans: list[Scan], of_portrait: np.ndarray, of_scan: np.ndarray) -> None:
        """Train on people: `of_portrait` and `of_scan` say whose portraits and whose scans they are."""
        outlines = np.array([scan.outline.ravel() for scan in scans])
        self._mean = outlines.mean(0)
        self._axes = np.linalg.svd(outlines - self._mean, full_matrices=False)[2][: self.COMPONENTS]
        scores = (outlines - self._mean) @ self._axes.T
        known = np.flatnonzero(np.isin(of_portrait, of_scan))
        people, number = np.unique(of_portrait[known], return_inverse=True)
        self._inputs = np.array([self._features(portraits[index]) for index in known])
        self._outputs = np.array([scores[of_scan == person].mean(0) for person in people])[number]
        errors = np.zeros_like(self._outputs)  # of predictions for people who were left out
        for fold in range(self.FOLDS):
            out = number % self.FOLDS == fold
            errors[out] = self._predict(self._inputs[out], ~out) - self._outputs[out]
        spread = np.cov(self._outputs.T)
        self._weights = linalg.inv(np.cov(errors.T) + 0.01 * spread.trace() / len(spread) * np.eye(len(spread)))

    @staticmethod
    def _features(look: Scan) -> np.ndarray:
        return np.concatenate([recognizer.edges(look.close[0]), recognizer.edges(look.wide[0])])

    def _predict(self, inputs: np.ndarray, train: np.ndarray | slice = slice(None)) -> np.ndarray:
        known, outputs = self._inputs[train], self._outputs[train]
        centre, middle = known.mean(0), outputs.mean(0)
        kernel = (known - centre) @ (known - centre).T
        ridge = self.RIDGE * kernel.trace() / len(kernel) * np.eye(len(kernel))
        return middle + (inputs - centre) @ (known - centre).T @ linalg.solve(kernel + ridge, outputs - middle)

    def likeness(self, scan: Scan, portraits: list[Scan]) -> np.ndarray:
        """How alike a scan and each of the portraits are."""
        gaps = self._predict(np.array([self._features(portrait) for portrait in portraits]))
        gaps -= (scan.outline.ravel() - self._mean) @ self._axes.T
        return -np.einsum("ij,jk,ik->i", gaps, self._weights, gaps)
