"""A hand that belongs to nobody: letters as strokes of a pen, joined, slanted and unsteady.

Each letter is one or more strokes through points "x,y"; the line stands at 0, small letters reach 4, tall ones 8.
The first stroke of a small letter is mostly joined to the letter before it, but not of c: it would look like an e.
Needs numpy, scipy and Pillow.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter, gaussian_filter1d

FINE = 4  # strokes are drawn so many times larger, and averaged down

LETTERS = {
    "a": "3.2,3.4 2,4 0.6,2.8 0.5,1 1.5,0 2.8,1.2 3.3,3.8 3.2,1.2 3.6,0.1 4.6,0.8",
    "b": "0,0.6 1.4,5 1.6,7.8 0.9,7.6 0.8,3 0.9,0.4 2,0 3.1,1.4 2.6,3.2 4,2.9",
    "c": "3.1,3.2 2.2,4 0.8,3 0.5,1.4 1.4,0 2.8,0.3 3.8,1.2",
    "d": "3,3.4 1.9,4 0.6,2.8 0.5,1 1.4,0 2.7,1.2 3.4,5 3.6,8 3.2,3 3.3,0.4 4.4,0.6",
    "e": "0.4,1.6 2,2.2 2.8,3.2 1.9,4 0.7,2.8 0.7,1 1.8,0 3,0.4 3.9,1.3",
    "f": "0,0.8 2,4.6 2.8,7.4 2,8 1.4,6.4 1.2,0 1,-3.4 0.4,-3.8 0.9,-1.4 3.2,0.8 | 0.1,3.6 2.8,3.9",
    "g": "3.2,3.4 2,4 0.6,2.8 0.6,1.2 1.5,0.2 2.7,1.2 3.3,3.8 3.1,-1.5 2.2,-3.8 0.8,-3.4 1.4,-1.6 4.4,0.8",
    "h": "0,0.6 1.6,5.4 1.8,8 1.1,7.4 0.8,0 1.2,2.4 2.4,4 3.2,3.2 3.1,1 3.5,0.1 4.4,0.8",
    "i": "0,0.8 1,3.9 0.9,1 1.3,0.1 2.2,0.8 | 1.3,5.8 1.5,6.1",
    "j": "0,0.8 1.2,3.9 1.1,-2 0.3,-3.8 -0.6,-3 0.6,-1.2 2.2,0.8 | 1.4,5.8 1.6,6.1",
    "k": "0,0.6 1.5,5.4 1.6,8 1,7.4 0.8,0 0.9,1.8 2.8,3.9 1.2,2 2.6,0.3 3.8,0.6",
    "l": "0,0.6 1.5,4.6 1.7,7.8 0.9,7.6 0.8,1.2 1.3,0.1 2.3,0.8",
    "m": "0,2.8 0.8,3.9 0.8,0 1.2,2.4 2.1,4 2.7,3 2.7,0 3.1,2.4 4,4 4.6,3 4.6,0.9 5,0.1 5.9,0.8",
    "n": "0,2.8 0.8,3.9 0.8,0 1.2,2.4 2.3,4 3.1,3.1 3,0.9 3.4,0.1 4.3,0.8",
    "o": "2.4,3.9 1,3.6 0.4,1.8 1.3,0 2.8,0.7 3.2,2.6 2.2,4 3.2,3.4 4.4,3.2",
    "p": "0,2 0.9,3.8 0.8,-3.8 0.9,1.6 2,4 3.2,2.8 2.8,0.6 1.6,0.1 4.2,0.6",
    "q": "3.2,3.4 2,4 0.6,2.8 0.6,1.2 1.5,0.2 2.7,1.2 3.3,3.8 3,-3.8 4.6,0.4",
    "r": "0,1 0.9,3.9 1,2.9 2.4,3.5 2.3,1.2 2.7,0.1 3.6,0.8",
    "s": "0,0.8 1.6,3.2 1.9,4 1.6,2.6 2.6,1.2 1.8,0 0.6,0.3 1.8,0.1 3.4,0.9",
    "t": "0,0.8 1.4,4 1.7,6.8 1.3,1.2 1.7,0.1 2.8,0.8 | 0.3,4.3 2.8,4.6",
    "u": "0,2.6 0.7,3.9 0.6,1.2 1.4,0 2.6,1.2 3.2,3.9 3.1,1.1 3.6,0.1 4.4,0.8",
    "v": "0,3 0.7,3.9 1.6,0.2 3,3.8 3.9,3.3",
    "w": "0,3 0.6,3.9 1.2,0.2 2.4,3 3,0.2 4.4,3.8 5.2,3.3",
    "x": "0,0.6 0.6,3.6 1.3,3.4 2.4,0.4 3.8,0.8 | 3.2,3.8 0.4,0.1",
    "y": "0,2.8 0.7,3.9 0.8,1.2 1.7,0.4 2.9,2 3.3,3.9 2.9,-2 2,-3.8 0.9,-3 1.8,-1.2 4.2,0.8",
    "z": "0,2.6 0.6,3.7 2.8,3.9 0.5,0.2 3.6,0.5",
    "A": "0.2,0 1.2,4 2.4,7.8 3.2,4 4,0 | 0.8,2.7 3.9,2.9",
    "C": "3.8,6.4 2.4,7.8 0.6,5 0.8,1.6 2.4,0 4,1.2",
    "D": "0.9,7.6 0.8,3.8 0.7,0 | 0,7.3 2.4,7.5 4.3,4.6 3,0.8 0.1,0.1",
    "E": "3.6,7 2,7.8 0.9,6 2.4,4.2 0.6,2.2 1.6,0 3.8,0.9",
    "I": "0.6,7.5 1.6,7.8 1.3,0.2 0.4,0.1",
    "J": "1.2,7.4 3.6,7.8 2.8,2 2,-1.4 0.8,-1.6 0.6,0",
    "K": "0.9,7.8 0.7,0 | 4,7.8 0.9,3.9 4.4,0.1",
    "M": "0.3,0 1.2,7.6 2.6,2.4 4.4,7.8 5,0.1",
    "O": "2.8,7.6 1,6.6 0.4,3 2,0 4.2,2 4.3,6 2.6,7.8",
    "P": "0.9,0 1.2,7.6 3.6,7.4 4,5.2 1.2,3.6",
    "T": "0.2,7.2 2.4,7.7 4.6,7.6 | 2.5,7.5 2,0",
    "0": "2.4,6.8 0.8,5.6 0.5,2 1.8,0 3.4,1.6 3.5,5.2 2.2,6.9",
    "1": "0.6,5 1.9,7 1.8,3 1.7,0",
    "2": "0.5,5.6 1.8,7 3.2,5.6 2.4,3 0.4,0.1 2,0.5 3.8,0.3",
    "3": "0.6,6.4 2.2,7 3.1,5.4 1.6,3.8 3.4,2 2,0 0.4,0.8",
    "4": "2.2,7 0.4,2.4 2,2.5 3.8,2.6 | 3,4.6 2.7,-0.2",
    "5": "1,6.8 0.8,3.8 2.4,4.2 3.3,2 1.8,0 0.4,0.7 | 1,6.8 3.4,6.9",
    "6": "2.8,7 1,4.6 0.6,1.6 1.8,0 3.2,1.4 2.4,3.2 0.8,2.2",
    "7": "0.4,6.6 2,6.9 3.6,6.8 2.4,3.4 1.4,0 | 0.9,3.4 3,3.7",
    "8": "2.9,5.8 1.8,7 0.8,5.6 2.8,2.6 2,0 0.6,1.4 2.6,4.4 3.1,6.2",
    "9": "3,5.6 1.8,6.9 0.7,5.2 1.7,3.8 3,5.4 2.9,2.6 2.4,0",
    ".": "0.5,0.1 0.8,0.3",
    ",": "0.8,0.4 0.4,-1.2",
    ":": "0.6,0.4 0.8,0.6 | 0.8,3.2 1,3.4",
    "-": "0.4,2.6 2.6,2.8",
    "?": "0.5,5.8 1.8,7.4 3,5.8 1.6,3.6 1.5,2 | 1.4,0.1 1.6,0.3",
    "(": "1.8,8 0.5,4 1.6,-1",
    ")": "0.4,8 1.8,4 0.5,-1",
    "/": "0.2,-0.8 3,7.6",
}


def strokes(text: str, random: np.random.RandomState) -> list[np.ndarray]:
    """Return the strokes of a line of text as points, with the unsteadiness of a hand."""
    result: list[list[np.ndarray]] = []
    x = lift = 0.0
    joined = False  # to the stroke that is last in the list
    for letter in text:
        if letter == " ":
            x, joined = x + 3.8 + 0.6 * random.standard_normal(), False
            continue
        lift = 0.8 * lift + 0.1 * random.standard_normal()
        size = 1 + 0.05 * random.standard_normal()
        parts = [np.array([point.split(",") for point in part.split()], float) for part in LETTERS[letter].split("|")]
        end = max(part[:, 0].max() for part in parts)
        moved = [
            part * (size * (1 + 0.05 * random.standard_normal()), size)
            + 0.11 * random.standard_normal(part.shape)
            + (x, lift)
            for part in parts
        ]
        if joined and letter.islower() and letter != "c" and random.random_sample() < 0.85:
            result[-1].extend(moved[0])
        else:
            result.append(list(moved[0]))
        main = result.pop()
        result += [list(part) for part in moved[1:]] + [main]
        joined = letter.islower()
        x += end * size + (0.25 if joined else 1.1) + 0.15 * random.standard_normal()
    return [np.array(points) for points in result]


def smooth(points: np.ndarray) -> np.ndarray:
    """Return many points along a bent line through a few."""
    chords = np.sqrt(np.maximum(np.hypot(*np.diff(points, axis=0).T), 0.05))
    along = np.concatenate([[0], np.cumsum(chords)])
    return CubicSpline(along, points)(np.linspace(0, along[-1], 14 * len(points)))


def handwritten(text: str, size: float, seed: int, angle: float) -> tuple[np.ndarray, tuple[int, int], np.ndarray]:
    """Return how much ink each pixel has, where the line of writing begins, and its corners around that.

    `size` is the height of small letters in pixels, `angle` the rise of the line in degrees.
    """
    random = np.random.RandomState(seed)
    unit = size / 4
    paths = [smooth(part) for part in strokes(text, random)]
    drift = 0.25 * gaussian_filter1d(random.standard_normal(400), 12) * 12
    slant, turn = np.radians(14), np.radians(angle)
    flat, turned = [], []
    for path in paths:
        x, y = path.T
        y = y + np.interp(x, np.arange(400) * 1.0, drift) * 0.25
        x, y = (x + y * np.tan(slant)) * unit, -y * unit
        flat.append(np.stack([x, y], axis=1))
        turned.append(np.stack([x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)], axis=1))
    extent = int(np.abs(np.concatenate(turned)).max()) + 8
    image = Image.new("L", (2 * extent * FINE, 2 * extent * FINE))
    pen = ImageDraw.Draw(image)
    for path in turned:
        points = (path + extent) * FINE
        # A pen presses harder on the way down.
        down = np.gradient(points[:, 1])
        width = size * FINE * (0.105 + 0.045 * np.clip(gaussian_filter1d(down, 3) / 8, -0.6, 1))
        for (ax, ay), (bx, by), thick in zip(points, points[1:], width, strict=False):
            steps = int(max(abs(bx - ax), abs(by - ay)) / 2) + 1
            for share in np.arange(steps) / steps:
                px, py, r = ax + share * (bx - ax), ay + share * (by - ay), thick / 2
                pen.ellipse([px - r, py - r, px + r, py + r], fill=255)
    coverage = np.asarray(image.reduce(FINE), np.float32) / 255
    flow = gaussian_filter(random.standard_normal(coverage.shape), 2.2)
    coverage = coverage * np.clip(0.86 + 0.5 * flow / flow.std() * 0.22, 0.5, 1).astype(np.float32)

    every = np.concatenate(flat)
    (left, top), (right, bottom) = every.min(axis=0) - size / 15, every.max(axis=0) + size / 15
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    corners = corners @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return coverage, (extent, extent), corners
