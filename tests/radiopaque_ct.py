"""CT volumes of invented heads and trunks with and without metal, whose voxels are known: the truth for `objects`.

Skin, bone, teeth, vessels with contrast agent, calcifications, and in two thirds of them studs, fillings, a necklace, a
pacemaker or screws, with the bright and dark streaks of metal, noise, and a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from safeshare.volume import Volume

KINDS = ("stud", "filling", "necklace", "screw", "device", "clips")


@dataclass
class Example:
    """A volume, the voxels that metal fills by more than half, and what it is called."""

    name: str
    volume: Volume
    truth: np.ndarray


def ball(grid: list[np.ndarray], middle, radii, power: float = 2.0) -> np.ndarray:
    """Return how far voxels lie inside an ellipsoid: 1 in its middle, 0 on its surface."""
    parts = [np.abs((axis - m) / r) ** power for axis, m, r in zip(grid, middle, radii, strict=True)]
    return 1 - sum(parts) ** (1 / power)


def volume(seed: int, kind: str) -> Example:
    """Return one volume with a kind of object, or none."""
    r = np.random.RandomState(seed)
    step = np.array([r.uniform(0.8, 1.3)] * 2 + [r.uniform(1, 2.5)])
    shape = (r.randint(130, 170), r.randint(140, 180), r.randint(24, 44))
    grid = np.meshgrid(*[(np.arange(n) - n / 2) * s for n, s in zip(shape, step, strict=True)], indexing="ij")
    size = np.array([shape[0] * step[0] * 0.38, shape[1] * step[1] * 0.4, shape[2] * step[2] * r.uniform(0.9, 2)])
    inside = ball(grid, (0, 0, 0), size)
    hu = np.full(shape, -1000.0)
    hu[inside > 0] = -80
    hu[inside > 0.06] = r.uniform(20, 60)
    shell = r.uniform(0.12, 0.2)
    hu[(inside > shell) & (inside < shell + r.uniform(0.05, 0.1))] = r.uniform(900, 1900)
    for _ in range(r.randint(3, 9)):  # bones, vessels, calcifications, teeth
        part = ball(grid, r.uniform(-0.5, 0.5, 3) * size, r.uniform(2, 16, 3)) > 0
        hu[part & (inside > 0.1)] = r.choice([250, 450, 700, 1300, 1700])
    teeth = np.zeros(shape, bool)
    for angle in np.linspace(-1.2, 1.2, 11):
        middle = np.array([np.sin(angle) * 0.45 * size[0], -np.cos(angle) * 0.55 * size[1], 0])
        tooth = ball(grid, middle, (3, 3, 7)) > 0
        hu[tooth], teeth = r.uniform(1700, 2400), teeth | tooth
    metal = np.zeros(shape, bool)
    if kind == "stud":
        surface = np.argwhere((inside > -0.01) & (inside < 0.03))
        for place in surface[r.choice(len(surface), 3)]:
            metal |= ball(grid, [axis[tuple(place)] for axis in grid], r.uniform(1.6, 2.5, 3)) > 0
    elif kind == "filling":
        spots = np.argwhere(teeth)
        for place in spots[r.choice(len(spots), 3)]:
            metal |= ball(grid, [axis[tuple(place)] for axis in grid], r.uniform(1.8, 3.2, 3)) > 0
    elif kind == "necklace":
        metal = (inside < -0.005) & (inside > -0.04) & (np.abs(grid[2] - 0.1 * grid[1]) < 1.6)
        metal &= np.mod(np.arctan2(grid[0], grid[1]) * 30, 2) < 1.3
    elif kind == "screw":
        for k in range(3):
            metal |= ball(grid, (-20 + 20 * k, 10, 0), (2.2, r.uniform(10, 22), 2.2), 4) > 0
    elif kind == "device":
        metal = ball(grid, (0.4 * size[0], -0.6 * size[1], 0), (16, 5, 14), 4) > 0
    elif kind == "clips":
        for _ in range(4):
            metal |= ball(grid, r.uniform(-0.4, 0.4, 3) * size * (1, 1, 0.4), (1.8, 3.4, 1.8)) > 0
    hu = ndimage.gaussian_filter(hu, 0.5)
    if metal.any():
        hu += streaks(grid, metal, r)
        hu = np.maximum(hu, ndimage.gaussian_filter(metal * 12000.0, 0.45) - 1000)
    hu[:, -6:-4, :] = r.uniform(-500, 200)  # the table
    hu = np.clip(hu + r.normal(0, r.uniform(8, 40), shape), -1024, 3071)
    affine = np.diag([*step, 1.0])
    return Example(f"{seed} {kind or 'none'}", Volume(np.round(hu).astype(np.int16), affine, "CT", ()), metal)


def streaks(grid: list[np.ndarray], metal: np.ndarray, r: np.random.RandomState) -> np.ndarray:
    """Return what metal adds to the slices that it is in: rays of light and dark, weaker farther away."""
    out = np.zeros(metal.shape)
    for k in np.flatnonzero(metal.any((0, 1))):
        x, y = grid[0][..., k], grid[1][..., k]
        at = [axis[metal[..., k]].mean() for axis in (x, y)]
        angle, far = np.arctan2(y - at[1], x - at[0]), np.hypot(x - at[0], y - at[1])
        rays = sum(r.normal() * np.cos(n * angle + r.uniform(0, 6)) for n in (6, 10, 14, 22))
        out[..., k] = 220 * rays / (1 + far / 12)
    return out


def volumes(count: int = 20, first: int = 0) -> Iterator[Example]:
    """Yield examples; every third has no metal."""
    for number in range(first, first + count):
        kind = "" if number % 3 == 2 else KINDS[(number - number // 3) % len(KINDS)]
        yield volume(7000 + number, kind)
