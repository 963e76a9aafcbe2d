"""Hair for portraits: thousands of strands, grown out of the head step by step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from people import Surface, fill
from render import unit
from scipy import ndimage

STEP = 3.0  # mm


@dataclass(frozen=True)
class Style:
    """How hair looks: colour (sRGB), length in mm, and the way it falls.

    `flow` is "crown" (away from the whorl at the back of the head), "part" (down both sides of a parting at
    `parting` mm to the left), "back" or "out" (straight out of the skin). `curl` bends strands by random, `wave` in
    step with their neighbours. `lift` is how far the outermost hair stands off the head in mm. `line` moves the
    hairline back (dm), `bald` bares the top, `fringe` is the length above the forehead where it differs, `grey` the
    share of grey hairs, `stand` how far hair rises before it lies down.
    """

    colour: tuple[float, float, float]
    length: float = 30.0
    flow: str = "crown"
    parting: float = 0.0
    curl: float = 0.0
    wave: float = 0.0
    lift: float = 10.0
    line: float = 0.0
    bald: float = 0.0
    grey: float = 0.0
    count: int = 22000
    fringe: float = 0.0
    stand: float = 1.0


class Head(NamedTuple):
    """The room around the head: distance to the skin in mm (negative inside) on a coarse grid."""

    origin: np.ndarray
    spacing: float
    distance: np.ndarray
    slope: np.ndarray

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance to the skin and the way out, at each point."""
        place = ((points - self.origin) / self.spacing).T
        distance = ndimage.map_coordinates(self.distance, place, order=1, mode="nearest")
        cell = np.clip(np.rint(place).astype(int), 0, np.array(self.distance.shape)[:, None] - 1)
        return distance, self.slope[:, cell[0], cell[1], cell[2]].T


def room(skin: Surface, low: np.ndarray, high: np.ndarray, spacing: float = 3.0) -> Head:
    """Measure the room around the head between two corners."""
    shape = tuple(np.ceil((high - low) / spacing).astype(int))
    inside = fill(skin, low, shape, spacing) > 0.5
    distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    distance = ndimage.gaussian_filter(distance * spacing, 0.8).astype(np.float32)
    slope = np.array(np.gradient(distance))
    slope /= np.maximum(np.linalg.norm(slope, axis=0), 1e-6)
    return Head(low, spacing, distance, slope.astype(np.float32))


def hairline(base: np.ndarray, back: float = 0.0, bald: float = 0.0) -> np.ndarray:
    """How much scalp hair grows (0 to 1) at places of the unmorphed head, in dm: x left, y up, z front."""
    x, y, z = np.abs(base[:, 0]), base[:, 1], base[:, 2]
    front = (y - 7.87 - back) + 0.95 * (1.05 - z) - 0.3 * np.clip(x - 0.3, 0, 1) * (1 + 3 * back)
    side = np.minimum(y - 7.12 + 0.35 * (0.35 - z), 0.62 - z + np.clip(y - 7.5, 0, 1) * 2)
    nape = np.where(z < 0.25, y - 6.82, 1.0)
    grows = np.clip(np.minimum(np.minimum(front, np.where(y < 7.6, side, 1.0)), nape) / 0.1, 0, 1)
    behind_ear = np.where((y < 7.35) & (z > 0.22) & (x > 0.55), 0.0, 1.0)
    crown = np.hypot(x / 0.62, np.clip(0.35 - z, 0, None) / 0.85)
    top = np.clip((crown - bald) / 0.15, 0, 1) if bald else 1.0
    return grows * np.where(y > 7.75, top, 1.0) * (y > 6.7) * np.where(y < 7.35, behind_ear, 1.0)


def on_brow(base: np.ndarray) -> np.ndarray:
    """How much eyebrow grows at places of the unmorphed head."""
    x, y, z = np.abs(base[:, 0]), base[:, 1], base[:, 2]
    middle = 7.425 + 0.05 * np.clip((x - 0.12) / 0.28, 0, 1) - 0.5 * np.clip(x - 0.4, 0, 1)
    half = 0.036 * np.clip((0.64 - x) / 0.3, 0.3, 1)
    ends = np.clip((x - 0.11) / 0.06, 0, 1) * np.clip((0.57 - x) / 0.06, 0, 1)
    return np.clip(1.6 - np.abs(y - middle) / half, 0, 1) * ends * (z > 0.8)


def inside_beard(base: np.ndarray) -> np.ndarray:
    """How much beard grows at places of the unmorphed head: cheeks below a line, chin, upper lip, not the lips."""
    x, y, z = np.abs(base[:, 0]), base[:, 1], base[:, 2]
    cheek = 6.72 + 0.45 * np.clip(x - 0.35, 0, 1)
    below = np.clip((cheek - y) / 0.12, 0, 1) * np.clip((y - 6.18 + 0.3 * (z - 1)) / 0.1, 0, 1)
    lip = np.clip(1.5 - np.hypot(x / 0.3, (y - 6.82) / 0.06), 0, 1) * (z > 1)
    sideburn = np.clip((0.12 - np.abs(z - 0.55)) / 0.05, 0, 1) * (y > 6.6) * (y < 7.35) * (x > 0.5) * (x < 0.73)
    mouth = np.clip((np.hypot(x / 0.3, (y - 6.7) / 0.1) - 1) / 0.2, 0, 1)
    grows = np.maximum(np.maximum(below * (z > 0.35) * (x < 0.73), lip), sideburn)
    return np.clip(grows, 0, 1) * np.maximum(mouth, lip)


def pick_roots(
    vertices: np.ndarray, faces: np.ndarray, weight: np.ndarray, count: int, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random places on triangles, the denser the higher the weight at the vertices: triangle, corner weights, place."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) * weight[faces].mean(1)
    chosen = np.searchsorted(np.cumsum(area) / area.sum(), random.random_sample(count))
    u, v = random.random_sample((2, count))
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    share = np.stack([1 - u - v, u, v], 1)
    return chosen, share, np.einsum("nc,ncd->nd", share, vertices[faces[chosen]])


def _combed(
    here: np.ndarray, style: Style, out: np.ndarray, side: np.ndarray, crown: np.ndarray, eyes: np.ndarray
) -> np.ndarray:
    """Which way each strand would run at its present end."""
    if style.flow == "crown":
        wish = here - crown
        wish[:, 1] += 30 * np.clip(here[:, 1] - eyes[1] + 20, 0, 40) / 40
        wish[:, 0] += style.parting * np.clip((here[:, 2] - eyes[2] - 40) / 40, 0, 1)
    elif style.flow == "part":
        beside = np.clip((np.abs(here[:, 0]) - 35) / 40, 0, 1)
        wish = np.stack([side * 60 * (1 - beside), -20 * (1 - beside) - 6, -8 - 60 * beside], 1)
    elif style.flow == "back":
        wish = np.stack([0.35 * here[:, 0], np.full(len(here), -60.0), np.full(len(here), -10.0)], 1)
    else:
        wish = out * 60
    return unit(wish)


def grow(
    roots: np.ndarray,
    out: np.ndarray,
    style: Style,
    head: Head,
    crown: np.ndarray,
    eyes: np.ndarray,
    random: np.random.RandomState,
    smooth: Callable[[np.ndarray, float, int], np.ndarray],
) -> np.ndarray:
    """Strands as (strand, step, xyz), grown from the roots in the direction `out` of the head.

    `crown` is the whorl, `eyes` the point between the eyes, `smooth(points, size, number)` a noise.
    """
    count = len(roots)
    clump = np.stack([smooth(roots, 14.0, 40 + k) for k in range(3)], 1)
    length = style.length * (0.75 + 0.3 * random.random_sample(count)) * (1 + 0.12 * clump[:, 0])
    if style.fringe:
        above_face = np.clip((roots[:, 1] - eyes[1] + 75) / 25, 0, 1) * np.clip((52 - np.abs(roots[:, 0])) / 12, 0, 1)
        length += above_face * (style.fringe * (0.85 + 0.2 * random.random_sample(count)) - length)
    steps = max(2, int(np.ceil(length.max() / STEP)))
    layer = 1.0 + style.lift * random.random_sample(count) ** 1.2
    phase = random.random_sample(count) * 2 * np.pi
    side = np.where(roots[:, 0] - style.parting + 2 * clump[:, 1] > 0, 1.0, -1.0)
    step = (length / steps)[:, None]
    points = [roots]
    distance, way = np.zeros(count), out
    axis = unit(random.normal(size=(count, 3)))
    for number in range(steps):
        here = points[-1]
        wish = _combed(here, style, out, side, crown, eyes)
        if number == 0:
            direction = unit(style.stand * out + 0.6 * wish + 0.15 * clump)
        wish[:, 2] -= np.clip(number * STEP / 60, 0, 1) * (style.flow in ("crown", "part"))
        if style.flow != "out":
            wish -= (1.1 * np.clip((distance - layer) / 12, 0, 1))[:, None] * way
        # Hair that hangs beside the face stays out of it.
        face = (here[:, 1] > eyes[1] - 70) & (here[:, 2] < eyes[2] + 55) & (style.flow == "part")
        wish[:, 1] -= 0.9 * face
        wish[:, 0] += 0.35 * face * np.sign(here[:, 0])
        bend = style.curl * np.stack([np.cos(phase + number * 0.9), np.sin(phase + number * 0.9)], 1)
        other = np.cross(axis, direction)
        curled = bend[:, :1] * other + bend[:, 1:] * np.cross(other, direction)
        swing = style.wave * np.sin(number * STEP / 11 + 3 * clump[:, 2])
        curled += swing[:, None] * np.cross(direction, [0.2, 1, 0.3])
        direction = unit(0.62 * direction + 0.38 * wish + curled + 0.05 * clump)
        there = here + step * direction
        distance, way = head.at(there)
        rise = np.minimum(layer, 0.6 + (number + 1) * STEP * 0.45)
        there += np.clip(rise - distance, 0, 6)[:, None] * way
        direction = unit(there - here)
        points.append(there)
    return np.stack(points, 1)
