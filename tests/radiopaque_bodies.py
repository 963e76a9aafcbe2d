"""Films of invented bodies: soft tissue, air, bones with a cortex, teeth, calcifications, vessels with contrast agent.

A film adds up how many millimetres of each material lie in front of every pixel; `radiopaque.py` puts objects on it,
and makes a radiograph of it. Needs numpy, SciPy, Pillow, and the DejaVu fonts that Matplotlib brings along.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
SOFT, BONE, ENAMEL, IODINE, TITANIUM, STEEL, GOLD, LEAD = range(8)
ATTENUATION = np.array([  # 1/mm at 40, 60 and 80 keV (https://doi.org/10.18434/T4D01F)
    (0.0268, 0.0206, 0.0184), (0.128, 0.060, 0.043), (0.19, 0.09, 0.064), (0.075, 0.036, 0.027),
    (1.0, 0.348, 0.184), (2.86, 0.948, 0.468), (20.0, 7.0, 3.4), (16.0, 5.7, 2.75),
])  # fmt: skip
KINDS = {
    "ring": "jewellery", "chain": "jewellery", "necklace": "jewellery", "watch": "jewellery", "hoop": "jewellery",
    "stud": "jewellery", "zip": "jewellery", "button": "jewellery", "coin": "jewellery", "bracelet": "tag or bracelet",
    "screw": "implant or device", "plate": "implant or device", "prosthesis": "implant or device",
    "pacemaker": "implant or device", "clips": "implant or device", "wires": "implant or device", "marker": "marker",
}  # fmt: skip


@dataclass
class Thing:
    """An object, the pixels that it covers by more than a third, and what is engraved in it and where."""

    name: str
    mask: np.ndarray
    words: str = ""
    letters: np.ndarray | None = None

    @property
    def kind(self) -> str:
        """What `objects.find` calls it."""
        return KINDS[self.name]


class Film:
    """A detector of some millimetres, and what lies in front of each pixel of it."""

    def __init__(self, width: float, height: float, pixel: float, random: np.random.RandomState):
        self.pixel, self.random, self.size = pixel, random, np.array([width, height])
        self.shape = round(height / pixel), round(width / pixel)
        self.x, self.y = ((np.arange(n) + 0.5) * pixel for n in self.shape[::-1])
        self.layers: dict[int, np.ndarray] = {}
        self.metal: dict[int, np.ndarray] = {}
        self.things: list[Thing] = []

    def add(self, material: int, thickness: np.ndarray) -> None:
        """Put a material on the film, mm for each pixel."""
        self.layers[material] = self.layers.get(material, 0) + thickness

    def window(self, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice]:
        """Return the rows and columns of a rectangle in mm."""
        first = np.clip(np.floor(np.asarray(low) / self.pixel).astype(int) - 2, 0, self.shape[::-1])
        last = np.clip(np.ceil(np.asarray(high) / self.pixel).astype(int) + 2, 0, self.shape[::-1])
        return slice(first[1], last[1]), slice(first[0], last[0])

    def ellipsoid(self, x: float, y: float, a: float, b: float, depth: float, angle: float = 0, power: float = 2.0):
        """Return the thickness of an ellipsoid; a higher power makes it boxy."""
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = self.x[None] - x, self.y[:, None] - y
        r = np.abs((u * cos + v * sin) / a) ** power + np.abs((v * cos - u * sin) / b) ** power
        return 2 * depth * np.clip(1 - r, 0, None) ** (1 / power)

    def rod(self, points: np.ndarray, radius: np.ndarray | float, depth: float = 1.0) -> np.ndarray:
        """Return the thickness of a round rod along a polyline in mm."""
        points = np.asarray(points, float)
        radius = np.broadcast_to(np.asarray(radius, float), len(points))
        out = np.zeros(self.shape)
        for (p, q), (r0, r1) in zip(
            zip(points[:-1], points[1:], strict=True), zip(radius[:-1], radius[1:], strict=True), strict=True
        ):
            wide = max(r0, r1, self.pixel)
            rows, columns = self.window(np.minimum(p, q) - wide, np.maximum(p, q) + wide)
            u, v = self.x[None, columns] - p[0], self.y[rows, None] - p[1]
            way = q - p
            t = np.clip((u * way[0] + v * way[1]) / (way @ way + 1e-9), 0, 1)
            real = r0 + (r1 - r0) * t
            seen = np.maximum(real, 0.75 * self.pixel)  # thinner than a pixel: spread over it
            far = (u - t * way[0]) ** 2 + (v - t * way[1]) ** 2
            thick = 2 * depth * np.sqrt(np.clip(seen**2 - far, 0, None)) * (real / seen) ** 2
            out[rows, columns] = np.maximum(out[rows, columns], thick)
        return out

    def sheet(self, x: float, y: float, w: float, h: float, angle: float, corner: float) -> np.ndarray:
        """Return how much of each pixel a turned rectangle with round corners covers, 0 to 1."""
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = self.x[None] - x, self.y[:, None] - y
        a, b = np.abs(u * cos + v * sin) - w / 2 + corner, np.abs(v * cos - u * sin) - h / 2 + corner
        far = np.hypot(np.clip(a, 0, None), np.clip(b, 0, None)) + np.minimum(np.maximum(a, b), 0) - corner
        return np.clip(0.5 - far / self.pixel, 0, 1)

    def text(self, words: str, x: float, y: float, height: float, angle: float, bold: bool = True) -> np.ndarray:
        """Return how much of each pixel letters of a height in mm cover."""
        font = ImageFont.truetype(str(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), 96)
        left, top, right, bottom = font.getbbox(words)
        canvas = Image.new("L", (right - left + 24, bottom - top + 24))
        ImageDraw.Draw(canvas).text((12 - left, 12 - top), words, 255, font)
        scale = height / 70
        letters = ndimage.gaussian_filter(np.asarray(canvas) / 255.0, 0.3 * self.pixel / scale)
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = self.x[None] - x, self.y[:, None] - y
        at = [(v * cos - u * sin) / scale + letters.shape[0] / 2, (u * cos + v * sin) / scale + letters.shape[1] / 2]
        return ndimage.map_coordinates(letters, at, order=1)

    def put(self, name: str, parts: list[tuple[int, np.ndarray]], mask: np.ndarray, words="", letters=None) -> None:
        """Put an object on the film, and remember it."""
        for material, thickness in parts:
            self.metal[material] = self.metal.get(material, 0) + thickness
        if mask.any():
            shown = letters > 0.3 if letters is not None else None
            self.things.append(Thing(name, mask, words if shown is not None and shown.any() else "", shown))


# Bodies ---------------------------------------------------------------------------------------------------------------


def bone(film: Film, points, radius, cortex: float = 1.3, share: float = 0.35) -> np.ndarray:
    """Return millimetres of bone along a line: a cortex, and threads of bone inside."""
    radius = np.broadcast_to(np.asarray(radius, float), len(points))
    outer = film.rod(points, radius)
    inner = film.rod(points, np.maximum(radius - cortex, 0.1))
    grain = ndimage.gaussian_filter(film.random.standard_normal(film.shape), 0.5 / film.pixel)
    return outer - inner * (1 - share * (1 + 0.25 * grain / grain.std()))


def long_bone(film: Film, p, q, r: float) -> None:
    """Put a bone with two thick ends on the film."""
    p, q = np.asarray(p, float), np.asarray(q, float)
    t = np.linspace(0, 1, 9)
    radius = r * (0.62 + 0.5 * np.abs(2 * t - 1) ** 3)
    film.add(BONE, bone(film, p + t[:, None] * (q - p), radius, film.random.uniform(0.8, 0.22 * r)))


def limb(film: Film) -> None:
    """An arm or a leg with a joint."""
    (w, h), r = film.size, film.random
    lean = r.uniform(-0.12, 0.12) * w
    middle, wide = np.array([w / 2 + lean, h * r.uniform(0.4, 0.6)]), w * r.uniform(0.2, 0.3)
    line = np.array([(w / 2 - lean, -20), middle, (w / 2 + lean, h + 20)])
    film.add(SOFT, film.rod(line, [wide * 1.1, wide, wide * r.uniform(0.7, 1)], r.uniform(0.7, 1)))
    for (p, q), count in (((line[0], middle), r.randint(1, 3)), ((middle, line[2]), r.randint(1, 3))):
        for k in range(count):
            aside = np.array([(k - (count - 1) / 2) * wide * 0.75, 0])
            ends = 0.96 * np.asarray(p) + 0.04 * np.asarray(q), 0.04 * np.asarray(p) + 0.96 * np.asarray(q)
            long_bone(film, ends[0] + aside, ends[1] + aside, wide * r.uniform(0.28, 0.42) / count**0.5)


def hand(film: Film) -> None:
    """Fingers, a palm and a wrist."""
    (w, h), r = film.size, film.random
    root = np.array([w / 2, h * 0.62])
    unit = h / 260
    film.add(SOFT, film.rod([root + (0, 10 * unit), root + (0, 160 * unit)], [30 * unit, 27 * unit], 0.75))
    film.add(SOFT, 0.7 * film.ellipsoid(*(root + (0, -20 * unit)), 42 * unit, 52 * unit, 15 * unit, 0, 2.6))
    for side in (-1, 1):
        long_bone(film, root + (side * 12 * unit, 30 * unit), root + (side * 11 * unit, 170 * unit), 11 * unit)
    for k in range(8):
        at = root + unit * np.array([-18 + 12 * (k % 4), 8 + 13 * (k // 4)]) + r.uniform(-1.5, 1.5, 2)
        film.add(BONE, bone(film, [at, at + 1], 6.3 * unit, 0.7))
    for k, angle in enumerate(np.deg2rad([-48, -14, -2, 9, 21]) + r.uniform(-0.04, 0.04, 5)):
        way = np.array([np.sin(angle), -np.cos(angle)])
        start = root + unit * np.array([-26 + 12 * k if k else -24, 2 - 4 * (k in (2, 3))])
        joints = np.cumsum([8, 46, 34, 22, 16] if k else [4, 34, 26, 22, 0]) * unit * r.uniform(0.94, 1.05)
        spots = start + joints[:, None] * way
        film.add(SOFT, film.rod([spots[1], spots[-1] + 4 * way], [10.5 * unit, 7.5 * unit], 0.9))
        for p, q, size in zip(spots[:-1], spots[1:], (6, 5.6, 4.6, 3.8), strict=True):
            if np.linalg.norm(q - p) > 3:
                long_bone(film, p + 1.2 * way, q - 1.2 * way, size * unit)


def chest(film: Film) -> None:
    """Lungs, a heart, ribs, a spine and a belly."""
    (w, h), r = film.size, film.random
    film.add(SOFT, film.ellipsoid(w / 2, h * 0.75, w * 0.47, h * 1.05, r.uniform(70, 120), 0, 3))
    lungs = 0.0
    for side in (-1, 1):
        lungs = np.maximum(
            lungs, film.ellipsoid(w / 2 + side * w * 0.2, h * 0.45, w * 0.15, h * 0.34, 62, side * 0.08, 2.4)
        )
    heart = film.ellipsoid(w * 0.56, h * 0.58, w * 0.16, h * 0.15, 50, -0.6)
    film.add(SOFT, -0.85 * np.clip(lungs - heart, 0, None))
    for side in (-1, 1):
        for k in range(10):
            t = np.linspace(0, 1, 16)
            reach = w * (0.16 + 0.2 * np.sqrt((k + 1) / 10))
            x = w / 2 + side * (10 + reach * np.sin(t * 2.3))
            y = h * (0.1 + 0.068 * k) + h * 0.19 * t**1.3
            film.add(BONE, 0.7 * bone(film, np.stack([x, y], 1), r.uniform(4, 6), 1.0, 0.3))
        line = [(w / 2 + side * 12, h * 0.14), (w / 2 + side * w * 0.17, h * 0.1), (w / 2 + side * w * 0.34, h * 0.13)]
        film.add(BONE, bone(film, line, 6.5, 1.6))
    spine(film, w / 2)
    for _ in range(40):
        side = r.choice([-1, 1])
        p = np.array([w / 2 + side * w * r.uniform(0.06, 0.11), h * r.uniform(0.44, 0.56)])
        q = p + (side * r.uniform(10, w * 0.2), r.uniform(-h * 0.25, h * 0.25))
        film.add(SOFT, film.rod([p, (p + q) / 2 + r.uniform(-8, 8, 2), q], [r.uniform(2, 5), 2, 0.8]))


def spine(film: Film, x: float) -> None:
    """A row of vertebrae."""
    r, y, step = film.random, -10.0, film.random.uniform(22, 32)
    while y < film.size[1] + 20:
        body = film.sheet(x, y, step * 1.35, step * 0.8, r.uniform(-0.05, 0.05), 4)
        rim = body - film.sheet(x, y, step * 1.35 - 3, step * 0.8 - 2.4, 0, 3)
        film.add(BONE, ndimage.gaussian_filter(7 * body + 4 * np.clip(rim, 0, 1), 1.0 / film.pixel))
        film.add(BONE, bone(film, [(x, y + 6), (x, y + 0.6 * step)], 3.5, 1))
        y += step


def pelvis(film: Film) -> None:
    """A belly with a spine, a pelvis and hips, sometimes with contrast agent in the bladder and the ureters."""
    (w, h), r = film.size, film.random
    film.add(SOFT, film.ellipsoid(w / 2, h / 2, w * 0.55, h * 0.9, r.uniform(80, 120), 0, 3))
    spine(film, w / 2 + r.uniform(-8, 8))
    for side in (-1, 1):
        t = np.linspace(0, 2 * np.pi, 30)
        ring = np.stack([w / 2 + side * w * 0.19 + w * 0.12 * np.cos(t), h * 0.55 + h * 0.2 * np.sin(t)], 1)
        film.add(BONE, bone(film, ring, 9 + 5 * np.sin(t) ** 2, 1.6))
        hip = np.array([w / 2 + side * w * 0.31, h * 0.7])
        film.add(BONE, bone(film, [hip, hip + 0.5], w * 0.06, 1.4))
        long_bone(film, hip + (side * 18, 20), hip + (side * 26, h * 0.6), 15)
    for _ in range(r.randint(3, 8)):  # gas
        film.add(SOFT, -film.ellipsoid(r.uniform(0.2, 0.8) * w, r.uniform(0.1, 0.5) * h, *r.uniform(6, 26, 3)))
    if r.rand() < 0.5:
        film.add(IODINE, film.ellipsoid(w / 2, h * 0.8, 34, 26, r.uniform(10, 25)))
        ureter = [(w * 0.4, 0), (w * 0.42, h * 0.4), (w * 0.47, h * 0.72)]
        film.add(IODINE, film.rod(ureter, r.uniform(1.2, 2.5)))


def jaw(film: Film) -> None:
    """A skull from the side or front with teeth."""
    (w, h), r = film.size, film.random
    film.add(SOFT, film.ellipsoid(w / 2, h / 2, w * 0.42, h * 0.52, 70))
    for part in ((0.5, 0.36, 0.38, 0.33), (0.55, 0.62, 0.24, 0.2)):
        x, y, a, b = np.array(part) * (w, h, w, h)
        shell = film.ellipsoid(x, y, a, b, 65) - film.ellipsoid(x, y, a - 6, b - 6, 60)
        film.add(BONE, 0.45 * np.clip(shell, 0, 30))
    film.add(SOFT, -0.7 * film.ellipsoid(w * 0.55, h * 0.5, 18, 12, 14))
    for row in (0, 1):
        for k in range(12):
            x, y = w * 0.38 + k * w * 0.026, h * (0.66 + 0.055 * row) + 0.015 * h * np.cos(k / 4)
            crown, size = film.ellipsoid(x, y, w * 0.0115, h * 0.02, 3.5, 0, 3), r.uniform(6, 10)
            film.add(ENAMEL, crown)
            film.add(BONE, film.rod([(x, y), (x, y + (row * 2 - 1) * size * 1.8)], [3.4, 1.5]))
    jawbone = [(w * 0.75, h * 0.5), (w * 0.7, h * 0.74), (w * 0.4, h * 0.8)]
    film.add(BONE, bone(film, jawbone, 9, 2.2))
    spine(film, w * 0.72)


BODIES: dict[str, tuple[Callable[[Film], None], tuple[float, float]]] = {
    "limb": (limb, (180, 240)), "hand": (hand, (200, 260)), "chest": (chest, (380, 400)),
    "pelvis": (pelvis, (380, 360)), "jaw": (jaw, (230, 250)),
}  # fmt: skip


def add_harmless(film: Film) -> None:
    """Put what is bright and no object into a body: calcifications, and vessels full of contrast agent."""
    (w, h), r = film.size, film.random
    for _ in range(r.randint(0, 7)):
        x, y, size = r.uniform(0.25, 0.75) * w, r.uniform(0.2, 0.8) * h, r.uniform(0.6, 4)
        film.add(BONE, film.ellipsoid(x, y, size, size * r.uniform(0.5, 1), size, r.uniform(0, 3)))
    if r.rand() < 0.25:
        branches = [(np.array([w * r.uniform(0.4, 0.6), h * 0.95]), -np.pi / 2, r.uniform(2, 4))]
        while branches:
            p, angle, size = branches.pop()
            q = p + 12 * size**0.6 * np.array([np.cos(angle), np.sin(angle)])
            film.add(IODINE, film.rod([p, q], [size, size * 0.85]))
            if size > 0.9:
                branches += [(q, angle + turn * r.uniform(0.2, 0.6), size * 0.78) for turn in (-1, 1)]
