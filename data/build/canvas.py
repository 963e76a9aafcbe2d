"""A head as layers of tissue on a regular grid, and the canvas on which skeleton.py and soft_tissue.py draw them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapes
from scipy import ndimage


@dataclass
class Layer:
    """One body of one tissue: how much of each voxel of a box it fills (0 to 255)."""

    tissue: str
    box: tuple[slice, slice, slice]
    share: np.ndarray


@dataclass
class Head:
    """A head on a regular grid.

    `layers` are painted one over the other, the last wins. `skin` is the share of each voxel inside the body,
    `depth` how many mm a voxel lies under the skin. `eyes` are the centres of the left and right globe (mm).
    """

    spacing: float
    origin: np.ndarray
    skin: np.ndarray
    depth: np.ndarray
    eyes: np.ndarray
    seed: int
    layers: list[Layer] = field(default_factory=list)

    @property
    def affine(self) -> np.ndarray:
        """Voxel indices to millimetres (left, anterior, superior), as in nibabel but with x to the left."""
        matrix = np.diag([self.spacing] * 3 + [1.0])
        matrix[:3, 3] = self.origin
        return matrix

    def share(self, *tissues: str) -> np.ndarray:
        """How much of each voxel (0 to 1) is one of these tissues once all layers are painted."""
        return self.paint({layer.tissue: float(layer.tissue in tissues) for layer in self.layers})

    def paint(self, values: dict[str, float | tuple[float, float]], texture: np.ndarray | float = 0.0) -> np.ndarray:
        """The volume with each tissue at its value; (value, amplitude) adds the texture times the amplitude.

        Raises KeyError for a tissue without a value.
        """
        volume = np.zeros(self.skin.shape, np.float32)
        for layer in self.layers:
            value = values[layer.tissue]
            if isinstance(value, tuple):
                value = value[0] + value[1] * (texture[layer.box] if isinstance(texture, np.ndarray) else texture)
            part = volume[layer.box]
            part += (value - part) * (layer.share.astype(np.float32) / 255)
        return volume

    @property
    def brain(self) -> np.ndarray:
        """Mask of the brain: grey and white matter, cerebellum and brain stem, with its ventricles and sulci."""
        return ndimage.binary_fill_holes(ndimage.binary_closing(self.share("grey", "white", "deep grey") > 0.5))

    @property
    def skull(self) -> np.ndarray:
        """Mask of bone and teeth."""
        return self.share("bone", "thin bone", "sponge", "marrow", "enamel", "dentin") > 0.5

    @property
    def globes(self) -> np.ndarray:
        """Mask of both eyeballs."""
        return self.share("sclera", "vitreous", "lens") > 0.5

    @property
    def face(self) -> np.ndarray:
        """Mask of the outer 12 mm of the face: in front of the ears, from the brow to the chin."""
        x, y, z = self.coordinates()
        return (self.skin > 0.5) & (self.depth < 12) & (y > -45) & (z < 25) & (z > -112)

    def coordinates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The millimetres of the voxels' centres along x, y and z, shaped to broadcast."""
        axes = [start + self.spacing * np.arange(n) for start, n in zip(self.origin, self.skin.shape, strict=True)]
        return tuple(np.meshgrid(*axes, indexing="ij", sparse=True))


class Canvas:
    """Draws bodies, given in millimetres of the mean head, into a head."""

    def __init__(
        self,
        head: Head,
        points: np.ndarray,
        brain_distance: np.ndarray,
        mean_eye: np.ndarray,
        random: np.random.RandomState,
    ) -> None:
        """Take the head, where its voxels lie in the mean head, how far from the cranial cavity, and the left eye."""
        self.head, self.points, self.brain_distance = head, points, brain_distance
        self.mean_eye, self.random = mean_eye, random
        self.coarse = points[:, ::4, ::4, ::4]

    @property
    def depth(self) -> np.ndarray:
        """Millimetres under the skin."""
        return self.head.depth

    def noise(self, wavelength: float) -> np.ndarray:
        """A smooth random field over the whole grid."""
        return shapes.noise(self.head.skin.shape, wavelength, self.random, self.head.spacing)

    def everywhere(self, tissue: str, distance: np.ndarray) -> None:
        """Paint what lies inside a distance field that is known on the whole grid."""
        self._keep(tissue, tuple(slice(n) for n in self.head.skin.shape), distance)

    def draw(
        self,
        tissue: str,
        body: Callable,
        low: tuple,
        high: tuple,
        *,
        both: bool = False,
        below: float = 1.6,
        off_brain: float = 0.0,
    ) -> None:
        """Paint a body: a function of (x, y, z) that returns its distance, within the box from `low` to `high`.

        `both` draws it on the left, as given, and mirrored on the right. Nothing comes closer than `below` mm to the
        skin, or `off_brain` mm to the cranial cavity.
        """
        for side in (1, -1) if both else (1,):
            box = self.box(low, high, side)
            if box is None:
                continue
            x, y, z = self.points[(slice(None), *box)]
            distance = body((x * side, y, z))
            distance = np.maximum(distance, below - self.depth[box])
            if off_brain:
                distance = np.maximum(distance, off_brain - self.brain_distance[box])
            self._keep(tissue, box, distance)

    def bone(
        self,
        body: Callable,
        low: tuple,
        high: tuple,
        cortex: float,
        core: str = "sponge",
        below: float = 1.6,
        **options,
    ) -> None:
        """Paint a bone with a hard shell `cortex` mm thick around a core; the other options are those of `draw`."""
        self.draw("bone", body, low, high, below=below, **options)
        self.draw(core, lambda p: body(p) + cortex, low, high, below=below + cortex, **options)

    def pack(self, tissue: str, bodies: list[tuple[Callable, tuple, tuple]], gap: float, below: float) -> None:
        """Paint bodies (function, low, high), left and right, that push each other aside: a gap stays between them."""
        nearest = np.full(self.head.skin.shape, 99.0, np.float32)
        second = nearest.copy()
        for body, low, high in bodies:
            for side in (1, -1):
                box = self.box(low, high, side)
                if box is None:
                    continue
                x, y, z = self.points[(slice(None), *box)]
                distance = body((x * side, y, z)).astype(np.float32)
                first = nearest[box]
                second[box] = np.minimum(second[box], np.maximum(first, distance))
                nearest[box] = np.minimum(first, distance)
        between = (gap - (second - nearest)) / 2
        self.everywhere(tissue, np.maximum(np.maximum(nearest, between), below - self.depth))

    def box(self, low: tuple, high: tuple, side: int = 1) -> tuple[slice, slice, slice] | None:
        """The part of the grid that holds a box of the mean head."""
        low, high = np.array(low, float), np.array(high, float)
        if side < 0:
            low[0], high[0] = -high[0], -low[0]
        pad = 4 * self.head.spacing + 1
        hit = np.ones(self.coarse.shape[1:], bool)
        for axis in range(3):
            hit &= (self.coarse[axis] > low[axis] - pad) & (self.coarse[axis] < high[axis] + pad)
        where = np.argwhere(hit)
        if not len(where):
            return None
        return tuple(
            slice(max(0, 4 * a - 3), min(n, 4 * b + 4))
            for a, b, n in zip(where.min(0), where.max(0), self.head.skin.shape, strict=True)
        )

    def _keep(self, tissue: str, box: tuple, distance: np.ndarray) -> None:
        share = np.clip(0.5 - distance / self.head.spacing, 0, 1)
        self.fill(tissue, box, share)

    def fill(self, tissue: str, box: tuple, share: np.ndarray) -> None:
        """Add a layer from the share (0 to 1) of the voxels of a box."""
        share = np.round(share * 255).astype(np.uint8)
        if share.any():
            self.head.layers.append(Layer(tissue, box, share))
