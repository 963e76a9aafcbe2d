"""A small renderer for portraits: triangles and hairs, seen by a pinhole camera, lit by soft lights."""

from typing import NamedTuple

import numpy as np
from people import Surface, hits


class Camera(NamedTuple):
    """Looks at `centre` from `distance` millimetres in front; `turn` rotates the person under it (rows: right, to
    the camera, up), `zoom` is the pixels a millimetre gets at the centre."""

    centre: np.ndarray
    turn: np.ndarray
    distance: float
    zoom: float
    width: int
    height: int

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Column, row and distance of each point. The person's left is on the right, as in any photograph."""
        right, near, up = (self.turn @ (points - self.centre).T).astype(float)
        scale = self.zoom * self.distance / (self.distance - near)
        return self.width / 2 + scale * right - 0.5, self.height / 2 - scale * up - 0.5, self.distance - near


class Light(NamedTuple):
    """Light from far away: direction towards it as (right, to the camera, up), and its red, green and blue."""

    direction: np.ndarray
    colour: np.ndarray


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation for a head that turns to its left, looks up, and leans to its left by so many degrees."""
    a, b, c = np.deg2rad([yaw, pitch, roll])
    left = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    upward = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    lean = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    return lean @ upward @ left


def triangles(surface: Surface) -> np.ndarray:
    """Two triangles for each quad, all first halves before all second halves."""
    return np.concatenate([surface.quads[:, [0, 1, 2]], surface.quads[:, [0, 2, 3]]])


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit vectors that point out of the surface at each vertex."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    of_face = np.cross(b - a, c - a)
    total = [np.bincount(faces.ravel(), np.repeat(column, 3), len(vertices)) for column in of_face.T]
    return unit(np.stack(total, 1))


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors, one a row, at length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


class Picture(NamedTuple):
    """What each pixel sees, for pixels that see something: where in the picture, which triangle, corner weights."""

    pixel: np.ndarray
    triangle: np.ndarray
    weights: np.ndarray
    depth: np.ndarray

    def sample(self, values: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Values given at the vertices, interpolated to the pixels."""
        return np.einsum("pc,pc...->p...", self.weights, values[faces[self.triangle]])


def rasterize(
    column: np.ndarray, row: np.ndarray, depth: np.ndarray, faces: np.ndarray, width: int, height: int
) -> Picture:
    """The nearest triangle at each pixel."""
    pixel, triangle, of_b, of_c = hits(row, column, faces, (height, width))
    weights = np.stack([1 - of_b - of_c, of_b, of_c], 1)
    far = np.einsum("pc,pc->p", weights, depth[faces[triangle]])
    order = np.lexsort((far, pixel))
    first = order[np.flatnonzero(np.diff(pixel[order], prepend=-1))]
    return Picture(pixel[first], triangle[first], weights[first], far[first])


class Shadows:
    """Which points a far light reaches: a picture of the depths as the light sees them."""

    CELL = 2.0  # mm

    def __init__(self, direction: np.ndarray, vertices: np.ndarray, faces: np.ndarray, hairs: np.ndarray):
        towards = direction / np.linalg.norm(direction)
        across = unit(np.cross(towards, [0.3, 0.2, 0.9]))
        self.axes = np.stack([across, np.cross(towards, across), towards])
        place = vertices @ self.axes.T
        self.low = place.min(0) - 30
        self.shape = tuple(np.ceil((np.ptp(place[:, :2], axis=0) + 60) / self.CELL).astype(int))
        u, v = ((place[:, :2] - self.low[:2]) / self.CELL).T
        seen = rasterize(u, v, -place[:, 2], faces, *self.shape)
        self.nearest = np.full(self.shape[0] * self.shape[1], -1e9)
        self.nearest[seen.pixel] = -seen.depth
        self.hair = np.full_like(self.nearest, -1e9)
        if len(hairs):
            cell, near = self._cells(hairs)
            np.maximum.at(self.hair, cell, near)

    def _cells(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = points @ self.axes.T
        u, v = np.rint((place[:, :2] - self.low[:2]) / self.CELL).astype(int).T
        u, v = np.clip(u, 0, self.shape[0] - 1), np.clip(v, 0, self.shape[1] - 1)
        return v * self.shape[0] + u, place[:, 2]

    def light_on(self, points: np.ndarray, through_hair: float) -> np.ndarray:
        """1 where the light arrives, 0 in shadow; hair in the way lets light through over so many millimetres."""
        cell, near = self._cells(points)
        solid = near > self.nearest[cell] - 3.0
        depth = np.clip(self.hair[cell] - near - 2.0, 0, None)
        return solid * np.exp(-depth / through_hair)
