"""The average of 300 synthetic heads, and where it comes to lie when it is laid over the head in a scan.

The fit looks at the outline of the body alone, which CT, MR and PET share, so it needs no brain mask and no contrast.
It moves, turns and stretches the average head (nine numbers), and so tells where eyes, ears or chin must be, whatever
they look like. ``data/build/average_head.py`` makes ``models/average_head.npy.gz``.
"""

import gzip
import io
from functools import cache
from importlib import resources
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from .volume import Volume

KINDS = ("air", "soft", "fat", "bone", "marrow", "tooth", "eye", "brain")
SPACING = 2.0  # mm
ORIGIN = np.array([-103.0, -55.74, -122.91])  # of its first voxel, from midway between the eyes: left, back, up

# Parts of the face as balls: where their middle lies (mm to the left, the back, up from midway between the eyes), and
# their radius. The outline of the head within them is that part's skin.
PARTS = {
    "forehead": [((0, -20, 38), 26)],
    "eyes": [((32, -12, 0), 17), ((-32, -12, 0), 17)],
    "nose": [((0, -32, -30), 22)],
    "mouth": [((0, -26, -68), 22)],
    "chin": [((0, -14, -100), 20)],
    "ears": [((78, 78, -22), 26), ((-78, 78, -22), 26)],
}

_REACH = 12.0  # mm: a surface that is farther off tells the fit no more than that
_GOOD, _HOPELESS = 2.5, 6.0  # mm of error up to which, and from which, nothing else is tried
_STRETCH = 0.07  # how much adults' heads differ from the average in each direction (about one standard deviation)
_SEARCH, _REFINE = 10.0, 8.0  # mm between the points that are looked at
MIDDLE = np.array([0.0, 60.0, -5.0])  # about which it turns
_HALF = np.array([13, 15, 14])  # of its box, in steps of the search
_ROUNDS = 25  # at most


class AverageHead(NamedTuple):
    """Volumes of one grid: depth under the skin in mm (negative outside), share inside the skin, kind of tissue."""

    depth: np.ndarray
    inside: np.ndarray
    kinds: np.ndarray
    brain_depth: np.ndarray  # the same for the brain
    weight: np.ndarray  # how much a place tells about where the head lies
    vault: np.ndarray  # the same without the face region


class Outline(NamedTuple):
    """A body on a coarse grid: depth under its surface in mm (negative outside), and where the voxels lie."""

    depth: np.ndarray
    affine: np.ndarray


class Fit(NamedTuple):
    """Where the average head lies: ``to_average`` takes patient mm to its mm.

    ``error`` is the mean distance in mm between the two outlines, as far as they are in the scan (at most 12);
    ``seen`` is how much of the average head's outline is in the scan; ``numbers`` are a turn, a place and a stretch;
    ``faceless`` says that it fits without the face far better than with it.
    """

    numbers: np.ndarray
    to_average: np.ndarray
    error: float
    seen: float
    faceless: bool = False


@cache
def average() -> AverageHead:
    """Return the average head."""
    packed = resources.files(__package__).joinpath("models", "average_head.npy.gz").read_bytes()
    share, kinds = np.load(io.BytesIO(gzip.decompress(packed)))
    inside = (share / np.float32(250)).astype(np.float32)
    depth = signed_depth(share > 125, np.full(3, SPACING))
    y, z = (ORIGIN[axis] + SPACING * np.arange(depth.shape[axis]) for axis in (1, 2))
    # The skull tells most. Faces differ, necks bend, and ears are thin: the outline that is searched has none.
    weight = np.where(z > 5, 1.0, np.where(z > -60, 0.5, 0.15))[None, None, :] * np.ones_like(depth)
    weight[:, y > 110] *= np.where(z > -30, 1.0, 0.3)
    brain = (kinds == KINDS.index("brain")) & (z > -42)  # the spine's fluid is of the same kind
    brain_depth = signed_depth(ndimage.binary_opening(brain, iterations=2), np.full(3, SPACING))
    weight = weight.astype(np.float32)
    places = ORIGIN.reshape(3, 1, 1, 1) + SPACING * np.indices(depth.shape, np.float32)
    within = face_region(places)
    vault = weight * np.clip(-within / 10, 0, 1)
    return AverageHead(depth, inside, kinds, brain_depth, weight, vault)


def face_region(points: np.ndarray) -> np.ndarray:
    """Return how many mm points of the average head (3, ...) lie inside the face region, negative outside.

    In front: below a plane from the hairline down to the ear canals, before a frontal plane just behind them, and above
    one under the chin. At the sides: a bowl around each ear, down to the side of the skull. Edges are rounded.
    """
    x, y, z = points
    slanting = (-(y + 10) * 76 - (z - 68) * 90) / 118
    front = _both(_both(slanting, 85 - y, 12), z + 130 - 0.25 * (y + 20), 12)
    around = 46 * (1 - np.sqrt(((y - 86) / 46) ** 2 + ((z + 22) / 62) ** 2))
    ears = _both(around, np.abs(x) - (60 + 0.08 * z), 6)
    return -_both(-front, -ears, 8)


def _both(one: np.ndarray, other: np.ndarray, rounding: float) -> np.ndarray:
    """Return the smaller of two, rounded off where they are nearly the same."""
    mix = np.clip(rounding - np.abs(one - other), 0, None)
    return np.minimum(one, other) - mix**2 / (4 * rounding)


def signed_depth(solid: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Return for each voxel how many mm it lies under the surface of what is solid, negative outside."""
    within = ndimage.distance_transform_edt(solid, spacing) if not solid.all() else np.full(solid.shape, 99.0)
    without = ndimage.distance_transform_edt(~solid, spacing) if solid.any() else np.full(solid.shape, 99.0)
    half = float(np.min(spacing)) / 2
    return (np.where(solid, within - half, half - without)).astype(np.float32)


def sample(values: np.ndarray, points: np.ndarray, outside: float, order: int = 1) -> np.ndarray:
    """Return a volume on the average head's grid at points (3, ...), given in its mm."""
    at = (points - ORIGIN.reshape(3, *[1] * (points.ndim - 1))) / SPACING
    return ndimage.map_coordinates(values, at, order=order, mode="constant", cval=outside, prefilter=False)


def coarse(volume: Volume, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Return means over blocks of about ``size`` mm, as float32, and their affine."""
    blocks = np.maximum(1, np.floor(size / volume.spacing + 0.25)).astype(int)
    values = volume.values
    shape = np.maximum(np.array(values.shape) // blocks, 1)
    blocks = np.minimum(blocks, values.shape)
    for axis in np.argsort(blocks)[::-1]:  # the axis that shrinks most goes first
        n, block = int(shape[axis]), int(blocks[axis])
        if block > 1:
            front = np.moveaxis(values, axis, 0)  # views all, as taking copies costs most of the time
            total = front[: n * block : block].astype(np.float32)
            for start in range(1, block):
                total += front[start : n * block : block]
            values = np.moveaxis(total / np.float32(block), 0, axis)
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ ((blocks - 1) / 2)
    affine[:3, :3] *= blocks
    return values.astype(np.float32), affine


def outline(values: np.ndarray, affine: np.ndarray, level: float, thin: float = 4.5) -> Outline:
    """Return the body's outline: without table, hair, ears and noise, and with all that is hollow filled.

    What is thinner than twice ``thin`` mm goes.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    solid = ndimage.gaussian_filter(values, 1.5 / spacing) > level
    solid = ndimage.distance_transform_edt(solid, spacing) > thin
    if not solid.any():
        return Outline(np.full(values.shape, -99, np.float32), affine)
    solid = ndimage.distance_transform_edt(~solid, spacing) < thin + 6.5  # back, and nostrils and slits closed
    solid = filled(solid)
    solid = ndimage.distance_transform_edt(np.pad(solid, 1, "edge"), spacing)[1:-1, 1:-1, 1:-1] > 6.5
    labels, count = ndimage.label(solid)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        solid = np.isin(labels, np.flatnonzero(sizes > 0.2 * sizes.max()))
    return Outline(signed_depth(solid, spacing), affine)


def filled(solid: np.ndarray) -> np.ndarray:
    """Return a body with all hollows that no way leads into from the front, the back or a side."""
    labels, _ = ndimage.label(~solid)
    sides = [labels[0], labels[-1], labels[:, 0], labels[:, -1]]
    outer = np.unique(np.concatenate([side.ravel() for side in sides]))
    return ~np.isin(labels, outer[outer > 0])


def fit(body: Outline) -> Fit:
    """Return how the average head lies best over a body.

    If no fit is good, the face may be gone: then what lies outside the face region is fitted alone.
    """
    mean = average()
    starts = [start for _, start in _search(body)]
    best = refine(body, starts[0], mean.depth, mean.weight)
    if best.error > _GOOD:
        others = [refine(body, start, mean.depth, mean.weight) for start in starts[1:]]
        best = min(best, *others, key=lambda found: found.error)
    if _GOOD < best.error < _HOPELESS:
        for _, start in _search(body, vault=True):
            alone = refine(body, start, mean.depth, mean.vault)
            if alone.error < 0.6 * best.error and alone.seen > 0.4:
                return alone._replace(faceless=True)
    return best


def fits_turned(body: Outline) -> float:
    """Return the error of the best fit when the head is turned to the back, upside down, or both."""
    turned = [Outline(np.flip(body.depth, axes), body.affine) for axes in ((1,), (2,), (1, 2))]
    starts = [_search(other)[0] for other in turned]
    best = int(np.argmax([score for score, _ in starts]))
    found = refine(turned[best], starts[best][1], average().depth, average().weight)
    return found.error if found.seen > 0.3 else np.inf


def in_patient(body_affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return where the voxels of a grid lie (3, ...)."""
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij"))
    matrix = body_affine.astype(np.float32)
    return np.tensordot(matrix[:3, :3], grid, 1) + matrix[:3, 3].reshape(3, 1, 1, 1)


@cache
def _kernels(vault: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the average head's outline turned and sized in many ways, as points and their weights, and each as the
    nine numbers it stands for, about the place 0."""
    mean = average()
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in _HALF), indexing="ij")) * _SEARCH
    kernels = []
    for nod, turn, tilt, scale in product((-30, -15, 0, 15, 30), (-20, 0, 20), (-15, 0, 15), (0.92, 1.06)):
        rotation = Rotation.from_euler("xzy", (nod, turn, tilt), degrees=True)
        points = np.tensordot(rotation.as_matrix() / scale, steps, 1) + MIDDLE.reshape(3, 1, 1, 1)
        kernel = np.clip(sample(mean.depth, points, -99, 0) / _SEARCH, -1, 1)
        kernel *= sample(mean.vault if vault else mean.weight, points, 0, 0)
        numbers = np.concatenate([rotation.as_rotvec(), np.zeros(3), np.full(3, -np.log(scale))])
        kernels.append((kernel.astype(np.float32), numbers))
    return kernels


def _search(body: Outline, vault: bool = False) -> list[tuple[float, np.ndarray]]:
    """Try many turns and sizes at every place at once (by Fourier transform); return the three best, with a score."""
    corners = np.array(list(product(*((-0.5, n - 0.5) for n in body.depth.shape)))) @ body.affine[:3, :3].T
    low, high = (corners + body.affine[:3, 3]).min(0), (corners + body.affine[:3, 3]).max(0)
    shape = np.maximum(np.ceil((high - low) / _SEARCH).astype(int), 1)
    places = low.reshape(3, 1, 1, 1) + _SEARCH * (0.5 + np.indices(shape))
    back = np.linalg.inv(body.affine)
    at = np.tensordot(back[:3, :3], places, 1) + back[:3, 3].reshape(3, 1, 1, 1)
    seen = np.all([(a > -0.5) & (a < n - 0.5) for a, n in zip(at, body.depth.shape, strict=True)], axis=0)
    depth = ndimage.map_coordinates(body.depth, at, order=1, mode="nearest")
    size = tuple(fft.next_fast_len(int(n), True) for n in shape + 2 * _HALF)
    image = fft.rfftn(np.where(seen, np.clip(depth / _SEARCH, -1, 1), 0).astype(np.float32), size)
    field = fft.rfftn(seen.astype(np.float32), size)
    tries = []
    for kernel, numbers in _kernels(vault):
        total = float(np.abs(kernel).sum())
        likeness = fft.irfftn(image * np.conj(fft.rfftn(kernel, size)), size)
        covered = fft.irfftn(field * np.conj(fft.rfftn(np.abs(kernel), size)), size) / total
        score = likeness / total / np.sqrt(np.maximum(covered, 0.3))
        where = np.array(np.unravel_index(int(score.argmax()), score.shape))
        where = np.where(where >= shape + _HALF, where - np.array(size), where) + _HALF  # the kernel's middle
        start = numbers.copy()
        start[3:6] = low + _SEARCH * (0.5 + where)
        tries.append((float(score.max()), start))
    return sorted(tries, key=lambda one: -one[0])[:3]


def _matrix(numbers: np.ndarray) -> np.ndarray:
    """Return the affine from patient mm to the average head's: turned about a centre, and stretched."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(np.exp(numbers[6:])) @ Rotation.from_rotvec(numbers[:3]).as_matrix()
    matrix[:3, 3] = MIDDLE - matrix[:3, :3] @ numbers[3:6]
    return matrix


def refine(body: Outline, numbers: np.ndarray, depth: np.ndarray, weights: np.ndarray) -> Fit:
    """Lay the average's outline (its ``depth``) over a body by least squares, beginning with nine numbers.

    Gauss and Newton, damped.
    """
    spacing = np.linalg.norm(body.affine[:3, :3], axis=0)
    skip = np.maximum(1, np.round(_REFINE / spacing)).astype(int)
    pick = tuple(slice(n // 2, None, int(n)) for n in skip)
    places = in_patient(body.affine, body.depth.shape)[(slice(None), *pick)].reshape(3, -1).astype(float)
    own = np.clip(body.depth[pick].ravel(), -_REACH, _REACH)
    # Far from the surface and far from where it can get to, a place tells nothing.
    start = _matrix(numbers)
    theirs = sample(depth, start[:3, :3] @ places + start[:3, 3:], -99.0)
    keep = (np.abs(own) < _REACH) | (np.abs(theirs) < 2 * _REACH)
    places, own = places[:, keep], own[keep]

    def compare(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matrix = _matrix(numbers)
        points = matrix[:3, :3] @ places + matrix[:3, 3:]
        weight = sample(weights, points, 0.0)
        theirs = sample(depth, points, -99.0) / np.exp(numbers[6:].mean())
        theirs = np.clip(theirs, -_REACH, _REACH)
        weight = weight * ((np.abs(theirs) < _REACH) | (np.abs(own) < _REACH))
        return (theirs - own), np.sqrt(weight)

    prior = 0.15 / _STRETCH**2  # a usual stretch costs as much as 0.4 mm everywhere
    damping = 1e-2
    difference, root = compare(numbers)
    sizes = np.array([0.01, 0.01, 0.01, 0.5, 0.5, 0.5, 0.005, 0.005, 0.005])

    full = max(float((root**2).sum()), 1.0)

    def cost(difference: np.ndarray, root: np.ndarray, numbers: np.ndarray) -> float:
        off = float(np.square(difference * root).sum())
        lost = max(0.0, full - float((root**2).sum()))  # the way out of the scan must not be the best fit
        return (off + _REACH**2 / 4 * lost) / full + prior * float((numbers[6:] ** 2).sum())

    best = cost(difference, root, numbers)
    for _ in range(_ROUNDS):
        columns = [(compare(numbers + move)[0] - difference) / move.sum() for move in np.diag(sizes)]
        jacobian = np.stack(columns, 1)
        jacobian *= root[:, None]
        normal = jacobian.T @ jacobian / full
        pull = jacobian.T @ (difference * root) / full
        normal[6:, 6:] += np.eye(3) * prior
        pull[6:] += prior * numbers[6:]
        moved = False
        while damping < 1e4:
            move = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -pull)
            new = numbers + move
            found = compare(new)
            value = cost(*found, new)
            if value < best:
                moved, gain = True, best - value
                numbers, (difference, root), best, damping = new, found, value, damping / 5
                break
            damping *= 5
        if not moved or gain < 1e-3 * best:
            break
    weight = root**2
    error = float((np.abs(difference) * weight).sum() / max(weight.sum(), 1e-9))
    matrix = _matrix(numbers)
    near = np.abs(depth) < SPACING * 0.75
    total = float((weights * near).sum())
    points = ORIGIN[:, None] + SPACING * np.argwhere(near).T
    at = np.linalg.inv(matrix @ body.affine)
    index = at[:3, :3] @ points + at[:3, 3:]
    inside = np.all([(i > -0.5) & (i < n - 0.5) for i, n in zip(index, body.depth.shape, strict=True)], axis=0)
    return Fit(numbers, matrix, error, float((weights[near] * inside).sum() / total))
