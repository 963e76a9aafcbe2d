"""A picture of the head in a scan from any side, as if it stood before a camera.

>>> from safeshare import rendering, volume
>>> head = volume.read("ct/")
>>> picture = rendering.render(head, yaw=30)                 # the head turned 30 degrees to its left
>>> rendering.project(head, [[31, 0, 0]], yaw=30)            # column and row of a place in it

Each pixel looks along a straight line into the scan. It sees the first place where the values rise over a level, the
skin, and it is the brighter the more the surface there faces a lamp.
"""

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from . import average_head, faces
from .volume import Volume

LIGHT = (-0.5, 0.6, 1.0)  # where the lamp is: right, up and to the front, as the viewer sees it
_FINEST = 1.0  # mm: finer voxels are averaged, since the pixels of a picture are no finer
_BLUR, _WIDEST_BLUR = 0.7, 2.0  # voxels, but no more mm: against the steps from voxel to voxel, and noise
_BLOCK = 4.0  # mm: in steps of this size the rays pass the air around the head
_REACH = 6.0  # mm: so far around solid blocks there may be skin, such as the rim of an ear
_CRUMB = 1000.0  # mm³: smaller pieces are noise


class _Camera(NamedTuple):
    """Where a picture is taken from; all in mm, in the patient."""

    middle: np.ndarray
    axes: np.ndarray  # rows: the viewer's right, up, and into the picture
    width: float  # of what the picture shows


def _camera(volume: Volume, yaw: float, pitch: float) -> _Camera:
    """Return a camera that sees the grid, whatever its voxels hold."""
    turn, place = volume.affine[:3, :3], volume.affine[:3, 3]
    edges = np.array(list(np.ndindex(2, 2, 2))) * volume.values.shape - 0.5
    corners = edges @ turn.T + place
    low, high = corners.min(0), corners.max(0)
    angles = np.deg2rad([yaw, pitch])
    (sin_yaw, sin_pitch), (cos_yaw, cos_pitch) = np.sin(angles), np.cos(angles)
    turned = np.array([[cos_yaw, -sin_yaw, 0], [sin_yaw, cos_yaw, 0], [0, 0, 1]])
    tilted = np.array([[1, 0, 0], [0, -sin_pitch, cos_pitch], [0, cos_pitch, sin_pitch]])
    return _Camera((low + high) / 2, tilted @ turned, float((high - low).max()))


def _places(camera: _Camera, size: int, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return where in the patient pixels look at, in mm, (3, n)."""
    rows, columns = np.divmod(pixels, size)
    across = ((columns + 0.5) / size - 0.5) * camera.width
    up = (0.5 - (rows + 0.5) / size) * camera.width
    return camera.axes.T @ [across, up, depth] + camera.middle[:, None]


class Surface:
    """The surface of the head in a scan, made ready to be looked at from many sides.

    ``level`` is the value that parts air from the head, by default that of the skin (``faces.skin_level``).
    """

    def __init__(self, volume: Volume, level: float | None = None) -> None:
        self._grid = volume
        values, affine = average_head.coarse(volume, _FINEST)
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        smooth = ndimage.gaussian_filter(values, np.minimum(_BLUR, _WIDEST_BLUR / spacing), truncate=2.5)
        self._scan = Volume(smooth, affine, volume.modality, ())
        self._to_voxels = np.linalg.inv(affine)
        self._step, self._slope = max(0.5, float(spacing.min())), float(np.clip(1.2 * spacing.max(), 1.2, 2.5))
        self._set(faces.skin_level(volume) if level is None else float(level))

    def at(self, level: float) -> "Surface":
        """Return the surface at another level."""
        other = copy(self)
        other._set(level)
        return other

    def _set(self, level: float) -> None:
        """Find the blocks that are solid or near to solid ones, and how mm in the patient become their indices."""
        self.level = level
        blocks, affine = average_head.coarse(self._scan, _BLOCK)
        self._air = min(float(blocks.min()), level - 1)  # what is around the scan
        sides = np.linalg.norm(affine[:3, :3], axis=0)
        pieces, _ = ndimage.label(blocks > level)
        solid = np.bincount(pieces.ravel()) * sides.prod() > _CRUMB
        solid[0] = False
        reach = np.ceil(_REACH / sides).astype(int)
        near = np.pad(solid[pieces], [(n, n) for n in reach]).astype(np.uint8)
        self._near = ndimage.maximum_filter(near, 2 * reach + 1)
        affine[:3, 3] -= affine[:3, :3] @ reach
        self._to_blocks = np.linalg.inv(affine)

    def picture(self, yaw: float = 0, pitch: float = 0, size: int = 256, light: Sequence[float] = LIGHT) -> np.ndarray:
        """Return what ``render`` returns."""
        camera = _camera(self._grid, yaw, pitch)
        picture = np.zeros((size, size), np.float32)
        pixels, depth = self._first_hits(camera, size)
        picture.flat[pixels] = self._shade(camera, _places(camera, size, pixels, depth), light)
        return picture

    def _sample(self, places: np.ndarray) -> np.ndarray:
        at = self._to_voxels[:3, :3] @ places + self._to_voxels[:3, 3:]
        return ndimage.map_coordinates(self._scan.values, at, order=1, cval=self._air)

    def _first_hits(self, camera: _Camera, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels that see the surface, and how many mm it lies behind the middle of the scan."""
        pixels, depth, last = self._start(camera, size)
        places = _places(camera, size, pixels, depth)
        before = np.full(len(pixels), self._air)
        hits = [(pixels[:0], depth[:0])]
        while len(pixels):
            value = self._sample(places)
            hit = value > self.level
            beyond = (value[hit] - self.level) / (value[hit] - before[hit])
            hits.append((pixels[hit], depth[hit] - self._step * beyond))
            on = ~hit & (depth < last)
            pixels, depth, last, before = pixels[on], depth[on] + self._step, last[on], value[on]
            places = places[:, on] + camera.axes[2][:, None] * self._step
        return np.concatenate([pixels for pixels, _ in hits]), np.concatenate([depth for _, depth in hits])

    def _start(self, camera: _Camera, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the pixels that may see something, and from which to which depth, after a look at the blocks."""
        corner = np.linalg.inv(self._to_blocks[:3, :3]) @ self._near.shape
        across, half = camera.width / 2 + _BLOCK, np.linalg.norm(corner) / 2 + _BLOCK
        counts = np.ceil(2 * np.array([across, across, half]) / _BLOCK).astype(int)
        origin = camera.middle - np.array([across, across, half]) @ camera.axes
        steps = self._to_blocks[:3, :3] @ camera.axes.T * _BLOCK
        first = self._to_blocks[:3, :3] @ origin + self._to_blocks[:3, 3]
        near = ndimage.affine_transform(self._near, steps, first, tuple(counts), order=0).transpose(1, 0, 2)
        enter = np.where(near.any(2), near.argmax(2), counts[2])
        leave = np.where(near.any(2), counts[2] - near[:, :, ::-1].argmax(2), 0)
        enter, leave = ndimage.minimum_filter(enter, 3), ndimage.maximum_filter(leave, 3)
        middles = ((np.arange(size) + 0.5) / size - 0.5) * camera.width
        rows, columns = (np.rint((each + across) / _BLOCK).astype(int) for each in (-middles, middles))
        enter, leave = (each[np.ix_(rows, columns)].ravel() for each in (enter, leave))
        pixels = np.flatnonzero(enter < leave)
        return pixels, enter[pixels] * _BLOCK - half, leave[pixels] * _BLOCK - half

    def _shade(self, camera: _Camera, places: np.ndarray, light: Sequence[float]) -> np.ndarray:
        """Return how bright the surface is, from the direction in which the values fall."""
        away = camera.axes[:, :, None] * self._slope
        normal = np.array([self._sample(places - each) - self._sample(places + each) for each in away])
        normal /= np.linalg.norm(normal, axis=0) + 1e-6
        lamp = np.array([light[0], light[1], -light[2]]) / np.linalg.norm(light)
        between = lamp - [0, 0, 1]  # a surface that faces there mirrors the lamp to the viewer
        window = np.array([0.7, 0.1, -0.7])  # some light from the other side
        lit, shining, filled = (np.clip(each / np.linalg.norm(each) @ normal, 0, 1) for each in (lamp, between, window))
        return np.clip(0.12 + 0.68 * lit + 0.18 * filled + 0.1 * shining**20, 0, 1)


def render(
    volume: Volume,
    yaw: float = 0,
    pitch: float = 0,
    level: float | None = None,
    size: int = 256,
    light: Sequence[float] = LIGHT,
) -> np.ndarray:
    """Return a grey picture of the head, of ``size`` rows and columns, from 0 (dark, or nothing there) to 1.

    It is seen from the front, upright, with the patient's left on the right, however the scan was acquired. ``yaw``
    turns the head to its left, which is towards the right of the picture, and ``pitch`` makes it look up, both in
    degrees. What the picture takes in depends on the scan's grid only, so that the face is in the same place before
    and after defacing. ``light`` is where the lamp is: right, up and to the front. ``level`` parts air from the head,
    by default at the skin (``faces.skin_level``).
    """
    return Surface(volume, level).picture(yaw, pitch, size, light)


def project(
    volume: Volume, points: np.ndarray | Sequence[Sequence[float]], yaw: float = 0, pitch: float = 0, size: int = 256
) -> np.ndarray:
    """Return where points of the patient are in the picture that ``render`` makes: columns and rows, (n, 2).

    ``points`` are (n, 3) in mm: to the patient's left, back and top, as DICOM has them (PS3.3 C.7.6.2.1.1).
    """
    camera = _camera(volume, yaw, pitch)
    across, up, _ = camera.axes @ (np.asarray(points, float) - camera.middle).T / camera.width
    return np.stack([(across + 0.5) * size - 0.5, (0.5 - up) * size - 0.5], 1)
