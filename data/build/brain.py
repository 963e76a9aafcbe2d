"""The brain: the MNI ICBM152 (2009a, symmetric) grey- and white-matter maps that nilearn bundles, fitted into a skull.

Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute, McGill
University (the maps' notice, which allows use and redistribution as long as it is kept).
Maps: Fonov et al. 2011, doi:10.1016/j.neuroimage.2010.07.033.
"""

import functools
import importlib.util
from pathlib import Path

import nibabel
import numpy as np
import shapes
from scipy import ndimage

# The middle between the eyes in the maps' millimetres, and the nod between the maps' and the mesh's posture.
EYES = np.array([0.0, 60.0, -39.0])
NOD = np.deg2rad(8.0)
SIZE = np.array([0.92, 0.9, 0.87])
CENTRE = np.array([0.0, -72.0, 28.0])  # of the cranial cavity, in the mean head
SCALP_AND_SKULL = 13.5
TORQUE = 0.025  # brains are twisted: the right frontal and the left occipital lobe reach across the midline


def _map(name: str) -> tuple[np.ndarray, np.ndarray]:
    spec = importlib.util.find_spec("nilearn")
    if spec is None:
        raise ModuleNotFoundError(
            "The brain needs the maps in nilearn: run `pip install --no-deps nilearn==0.14.1`.", name="nilearn"
        )
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    image = nibabel.as_closest_canonical(nibabel.load(folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"))
    return np.asarray(image.dataobj).astype(np.float32) / 255, image.affine


@functools.cache
def atlas() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Sharpened maps and their affine: "tissue" (0 fluid, 1 brain), "white" (its share), "outside" (mm, hull of it)."""
    (grey, affine), (white, _) = _map("gm"), _map("wm")
    total = grey + white
    # An average of 152 brains is blurred: a steep curve brings back edges, a high-pass filter brings back the sulci.
    detail = total - ndimage.gaussian_filter(total, 3.0)
    share = white / np.maximum(total, 0.05)
    share += 0.5 * (share - ndimage.gaussian_filter(share, 2.0))
    solid = ndimage.gaussian_filter((total > 0.5).astype(np.float32), 0.7) > 0.5
    labels, _ = ndimage.label(solid)
    solid = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    # The cavity of the skull follows the brain closely at its base and bridges the fissures in the vault.
    above = np.arange(solid.shape[2]) * affine[2, 2] + affine[2, 3] > 8
    wide = shapes.enlarge(_bridged(solid[::2, ::2, ::2], 9), 2, solid.shape) > 0.5
    hull = ndimage.binary_fill_holes(solid | _bridged(solid, 7) | (wide & above))
    outside = ndimage.distance_transform_edt(~hull) - ndimage.distance_transform_edt(hull)
    maps = {
        "tissue": np.clip((total + 0.8 * np.minimum(detail, 0) - 0.64) * 3.2 + 0.5, 0, 1),
        "white": np.clip((share - 0.5) * 2.6 + 0.5, 0, 1),
        "outside": ndimage.gaussian_filter(outside.astype(np.float32), 1.8),
    }
    return maps, affine


def _bridged(solid: np.ndarray, radius: int) -> np.ndarray:
    """The body with every gap closed into which a ball of this radius does not fit."""
    pad = radius + 2
    near = ndimage.distance_transform_edt(~np.pad(solid, pad)) <= radius
    return (ndimage.distance_transform_edt(near) > radius)[(slice(pad, -pad),) * 3]


def to_maps(points: np.ndarray, stretch: np.ndarray | float = 1.0) -> np.ndarray:
    """Voxel coordinates in the maps for points (3, ...) of the mean head, stretched as `fit_vault` found."""
    bend = (slice(None),) + (None,) * (points.ndim - 1)
    p = (CENTRE[bend] + (points - CENTRE[bend]) / stretch) / SIZE[bend]
    turned = np.stack(
        [-p[0], p[1] * np.cos(NOD) + p[2] * np.sin(NOD), p[2] * np.cos(NOD) - p[1] * np.sin(NOD)]
    )  # x runs to the right in the maps
    _, affine = atlas()
    return (turned + EYES[bend] - affine[:3, 3][bend]) / affine[0, 0]


def directions(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth and elevation, in degrees, of points (3, ...) as seen from the middle of the cranial cavity."""
    bend = (slice(None),) + (None,) * (points.ndim - 1)
    x, y, z = points - CENTRE[bend]
    return np.rad2deg(np.arctan2(x, y)), np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def fit_vault(depth: np.ndarray, origin: np.ndarray, spacing: float) -> np.ndarray:
    """By how much to stretch the brain along each direction so that it fills the vault of the mean head.

    `depth` is how many mm below the skin the voxels of the mean head lie. Rows are elevations, columns azimuths, in
    steps of 5 degrees. Below the plane of the skull base the brain stays as it is.
    """
    elevation, azimuth = np.meshgrid(np.arange(-90, 91, 5), np.arange(-180, 181, 5), indexing="ij")
    e, a = np.deg2rad(elevation), np.deg2rad(azimuth)
    ray = np.stack([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)])
    reach = np.arange(20, 130, 0.5)
    points = CENTRE[:, None, None, None] + ray[..., None] * reach
    below_skin = ndimage.map_coordinates(depth, (points - origin[:, None, None, None]) / spacing, order=1)
    wanted = reach[np.argmax(below_skin < SCALP_AND_SKULL, axis=-1)]
    outside = ndimage.map_coordinates(atlas()[0]["outside"], to_maps(points), order=1, cval=50)
    found = reach[np.argmax(outside > -1.0, axis=-1)]
    end = CENTRE[:, None, None] + ray * wanted
    height = end[2] - base_height(end[1])
    upper = np.clip((height + 5) / 25, 0, 1)
    stretch = 1 + upper * (np.clip(wanted / found, 0.8, 1.25) - 1)
    return ndimage.gaussian_filter(stretch, 1.2, mode=("nearest", "wrap"))


def base_height(y: np.ndarray) -> np.ndarray:
    """Height (mm above the eyes) of the plane of the skull base in the mean head: brow in front, inion behind."""
    return -24 + 39 * np.clip((y + 150) / 170, 0, 1)


def place(points: np.ndarray, vault: np.ndarray, random: np.random.RandomState, step: float) -> np.ndarray:
    """Map voxel coordinates for a coarse grid (3, nx, ny, nz) of mean-head points.

    The brain, which is the same on both sides in the maps, is twisted and bent by `random`; its hull stays where the
    skull is.
    """
    azimuth, elevation = directions(points)
    stretch = ndimage.map_coordinates(vault, [(elevation + 90) / 5, (azimuth + 180) / 5], order=1, mode="nearest")
    still = to_maps(points, stretch)
    still[0] += TORQUE * (points[1] - CENTRE[1])
    inside = -ndimage.map_coordinates(atlas()[0]["outside"], still, order=1, mode="nearest")
    wander = np.stack([shapes.noise(points.shape[1:], 55, random, step) for _ in range(3)])
    return still + wander * (0.3 + 2.2 * np.clip(inside / 18, 0, 1))
