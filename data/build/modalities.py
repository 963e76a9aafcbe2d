"""What CT, T1-weighted MR and FDG-PET make of a head (canvas.Head)."""

import numpy as np
import shapes
from canvas import Head
from scipy import ndimage

# Tissue: Hounsfield units, T1-weighted signal, standardized uptake of FDG. A pair is the value and the amplitude of a
# fine texture. Typical textbook values; uptake of the brain and the tonsils as in a fasting adult.
TISSUES = {
    "skin": (25, 520, 0.65),
    "fat": ((-98, 7), (880, 25), 0.3),
    "muscle": ((56, 6), (330, 25), (0.85, 0.1)),
    "nose": ((32, 14), (470, 60), 0.7),
    "eye muscle": (48, 340, 3.2),
    "cartilage": (85, 300, 0.7),
    "mucosa": (35, 350, 1.3),
    "disc": (95, 250, 0.5),
    "gland": ((48, 8), (430, 40), 1.9),
    "parotid": ((-12, 28), (620, 110), 1.6),
    "tonsil": (55, 370, 3.6),
    "thyroid": (110, 420, 1.5),
    "blood": (46, 60, 1.4),
    "vein": (44, 190, 1.3),
    "fluid": (6, 130, 0.7),
    "cord": (34, 540, 1.6),
    "nerve": (36, 460, 1.0),
    "bone": ((1280, 130), 40, 0.4),
    "thin bone": (620, 240, 0.5),
    "sponge": ((480, 150), (480, 130), 0.8),
    "marrow": ((170, 130), (680, 110), 0.8),
    "enamel": (2700, 15, 0.1),
    "dentin": (1650, 40, 0.2),
    "pulp": (120, 220, 0.5),
    "air": (-1000, 8, 0.0),
    "sclera": (62, 240, 0.6),
    "vitreous": (8, 140, 0.4),
    "lens": (78, 300, 0.4),
    "grey": ((39, 1.2), (440, 14), (9.6, 0.9)),
    "white": ((29.5, 1.0), (610, 12), (3.2, 0.2)),
    "sinus": (54, 210, 1.5),
    "dura": (58, 230, 1.4),
    "suture": (320, 110, 0.4),
    "lime": (420, 90, 0.8),
}
HOUNSFIELD, T1, SUV = ({tissue: row[k] for tissue, row in TISSUES.items()} for k in range(3))


def ct(head: Head, seed: int = 0, noise: float = 7.0) -> np.ndarray:
    """CT in Hounsfield units (int16), with noise of the given standard deviation (0: none) and a head rest."""
    random = np.random.RandomState(seed + 100)
    texture = shapes.noise(head.skin.shape, 4.0, random, head.spacing)
    volume = head.paint(HOUNSFIELD, texture)
    volume = ndimage.gaussian_filter(volume, 0.45)
    volume = volume * head.skin - 1000 * (1 - head.skin)
    volume = np.maximum(volume, _head_rest(head))
    if noise:
        volume += noise * _streaky(volume.shape, random)
    return np.clip(np.round(volume), -1024, 3071).astype(np.int16)


def _streaky(shape: tuple[int, int, int], random: np.random.RandomState) -> np.ndarray:
    """Noise as filtered back projection leaves it: no very coarse bumps in a slice, a little blur within it."""
    white = random.standard_normal(shape).astype(np.float32)
    grain = ndimage.gaussian_filter(white, (0.6, 0.6, 0.3))
    grain -= ndimage.gaussian_filter(white, (1.8, 1.8, 0.3))
    return grain / grain.std()


def _head_rest(head: Head) -> np.ndarray:
    """A thin carbon shell filled with foam, in which the back of the head lies (-1000 where there is none)."""
    x, y, z = head.coordinates()
    solid = head.skin > 0.5
    skull = solid[:, :, z.ravel() > -30]
    back = y.ravel()[np.argmax(skull.any((0, 2)))]
    radius = 100.0
    gap = np.hypot(x, y - (back - 4 + radius)) - radius
    here = (y < back + 40) & (z > -75) & (z < 100)
    shell = np.clip(0.5 - (np.abs(gap - 3) - 0.9) / head.spacing, 0, 1) * here
    foam = np.clip(0.5 - (np.abs(gap) - 3) / head.spacing, 0, 1) * here * (head.depth <= 0)
    return np.where(shell > 0, -1000 + 450 * shell, -1000 + 40 * foam) * np.ones(head.skin.shape, np.float32)


def t1(head: Head, seed: int = 0, noise: float = 9.0) -> np.ndarray:
    """T1-weighted MR (uint16, fat near 900), with a mild bias field Rician noise of the given deviation."""
    random = np.random.RandomState(seed + 200)
    texture = shapes.noise(head.skin.shape, 5.0, random, head.spacing)
    volume = ndimage.gaussian_filter(head.paint(T1, texture), 0.4) * head.skin
    volume *= 1 + 0.07 * shapes.noise(volume.shape, 160, random, head.spacing)
    if noise:
        real = volume + noise * random.standard_normal(volume.shape).astype(np.float32)
        volume = np.hypot(real, noise * random.standard_normal(volume.shape).astype(np.float32))
    return np.clip(np.round(volume), 0, 4095).astype(np.uint16)


def pet(head: Head, seed: int = 0, fwhm: float = 5.0, noise: float = 0.035) -> np.ndarray:
    """FDG-PET in SUVbw (float32), blurred to `fwhm` mm; noise grows with the square root of the uptake."""
    random = np.random.RandomState(seed + 300)
    texture = shapes.noise(head.skin.shape, 30.0, random, head.spacing)
    volume = head.paint(SUV, texture) * head.skin
    volume = ndimage.gaussian_filter(volume, fwhm / 2.355 / head.spacing)
    volume += noise * np.sqrt(volume + 0.01) * shapes.noise(volume.shape, 6.0, random, head.spacing)
    return np.maximum(np.round(volume, 4), 0).astype(np.float32)


def resample(volume: np.ndarray, spacing: float, wanted: float | tuple[float, float, float]) -> np.ndarray:
    """The volume, on a grid of `spacing` mm, on a coarser grid; the border of the first voxel stays in place."""
    wanted = np.broadcast_to(np.asarray(wanted, float), 3)
    ratio = wanted / spacing
    blurred = ndimage.gaussian_filter(volume.astype(np.float32), np.sqrt(np.maximum(ratio**2 - 1, 0)) / 2.355)
    shape = np.floor(np.array(volume.shape) / ratio + 1e-6).astype(int)
    offset = (ratio - 1) / 2
    coarse = ndimage.affine_transform(blurred, ratio, offset, tuple(shape), order=1, mode="nearest")
    return np.round(coarse).astype(volume.dtype) if volume.dtype.kind in "iu" else coarse
