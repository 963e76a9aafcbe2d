"""A small film for X-rays, for training: shapes, and how many millimetres of each material they put before a pixel.

Unlike film.py it aims at variety and speed, not at a patient that looks right: a thousand pictures in a few minutes.
"""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

FONTS = sorted(path for path in Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf") if "DejaVu" in path.name
               and "Display" not in path.name)  # fmt: skip

# 1/mm at 40, 60 and 80 keV: mass attenuation (Hubbell and Seltzer, https://doi.org/10.18434/T4D01F) times density
MATERIALS = {
    "soft": (0.0268, 0.0206, 0.0184), "bone": (0.128, 0.060, 0.043), "enamel": (0.19, 0.09, 0.064),
    "contrast": (0.075, 0.036, 0.027), "titanium": (1.0, 0.348, 0.184), "steel": (2.86, 0.948, 0.468),
    "silver": (18.0, 6.0, 2.75), "gold": (20.0, 7.0, 3.4), "lead": (16.0, 5.7, 2.75),
    "aluminium": (0.154, 0.075, 0.054),
    "brass": (4.1, 1.38, 0.65), "amalgam": (6.0, 2.0, 0.93),
}  # fmt: skip

Points = np.ndarray | list


class Canvas:
    """A square or oblong part of a detector; places on it are in mm."""

    def __init__(self, shape: tuple[int, int], pixel: float, random: np.random.RandomState):
        self.shape, self.pixel, self.random = shape, pixel, random
        self.size = np.array(shape[::-1], float) * pixel
        self.x, self.y = ((np.arange(n, dtype=np.float32) + 0.5) * np.float32(pixel) for n in shape[::-1])

    def empty(self) -> np.ndarray:
        """Return a map of no thickness."""
        return np.zeros(self.shape, np.float32)

    def window(self, low: Points, high: Points) -> tuple[slice, slice]:
        """Return the rows and columns of a rectangle."""
        first = np.clip(np.floor(np.asarray(low) / self.pixel).astype(int) - 2, 0, self.shape[::-1])
        last = np.clip(np.ceil(np.asarray(high) / self.pixel).astype(int) + 2, 0, self.shape[::-1])
        return slice(first[1], max(first[1], last[1])), slice(first[0], max(first[0], last[0]))

    def ellipsoid(self, x, y, a, b, depth, angle=0.0, power=2.0, into=None) -> np.ndarray:
        """Return the thickness of an ellipsoid; a higher power makes it boxy."""
        out = self.empty() if into is None else into
        reach = np.hypot(a, b)
        at = self.window((x - reach, y - reach), (x + reach, y + reach))
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = self.x[None, at[1]] - x, self.y[at[0], None] - y
        r = np.abs((u * cos + v * sin) / a) ** power + np.abs((v * cos - u * sin) / b) ** power
        out[at] += (2 * depth * np.clip(1 - r, 0, None) ** (1 / power)).astype(np.float32)
        return out

    def rod(self, points: Points, radius, depth: float = 1.0, into=None) -> np.ndarray:
        """Return the thickness of a round rod along a line; a ``depth`` below 1 flattens it."""
        points = np.asarray(points, float)
        radius = np.broadcast_to(np.asarray(radius, float), len(points))
        out = self.empty() if into is None else into
        for p, q, r0, r1 in zip(points[:-1], points[1:], radius[:-1], radius[1:], strict=True):
            wide = max(r0, r1, self.pixel)
            at = self.window(np.minimum(p, q) - wide, np.maximum(p, q) + wide)
            u, v = self.x[None, at[1]] - p[0], self.y[at[0], None] - p[1]
            way = q - p
            t = np.clip((u * way[0] + v * way[1]) / (way @ way + 1e-9), 0, 1)
            real = r0 + (r1 - r0) * t
            seen = np.maximum(real, 0.75 * self.pixel)  # what is thinner than a pixel is spread over it
            far = (u - t * way[0]) ** 2 + (v - t * way[1]) ** 2
            thick = 2 * depth * np.sqrt(np.clip(seen**2 - far, 0, None)) * (real / seen) ** 2
            np.maximum(out[at], thick, out=out[at], casting="same_kind")
        return out

    def plate(self, x, y, w, h, angle=0.0, corner=0.5) -> np.ndarray:
        """Return how much of each pixel a turned rectangle with round corners covers, 0 to 1."""
        out = self.empty()
        reach = 0.5 * np.hypot(w, h)
        at = self.window((x - reach, y - reach), (x + reach, y + reach))
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = self.x[None, at[1]] - x, self.y[at[0], None] - y
        corner = min(corner, 0.5 * min(w, h))
        a, b = np.abs(u * cos + v * sin) - w / 2 + corner, np.abs(v * cos - u * sin) - h / 2 + corner
        far = np.hypot(np.clip(a, 0, None), np.clip(b, 0, None)) + np.minimum(np.maximum(a, b), 0) - corner
        out[at] = np.clip(0.5 - far / self.pixel, 0, 1)
        return out

    def polygon(self, points: Points) -> np.ndarray:
        """Return how much of each pixel a polygon covers, 0 to 1."""
        places = np.asarray(points) / self.pixel
        canvas = Image.new("L", (self.shape[1] * 2, self.shape[0] * 2))
        ImageDraw.Draw(canvas).polygon([tuple(2 * place) for place in places], fill=255)
        return np.asarray(canvas.resize(self.shape[::-1], Image.Resampling.BOX), np.float32) / 255

    def text(self, words: str, x, y, height, angle=0.0, font: Path | None = None, mirror=False) -> np.ndarray:
        """Return how much of each pixel letters cover; ``height`` is that of a capital letter in mm."""
        out = self.empty()
        face = ImageFont.truetype(str(font or FONTS[self.random.randint(len(FONTS))]), 64)
        left, top, right, bottom = face.getbbox(words)
        canvas = Image.new("L", (right - left + 16, bottom - top + 16))
        ImageDraw.Draw(canvas).text((8 - left, 8 - top), words, 255, face)
        scale = height / 47
        letters = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255, 0.3 * self.pixel / scale)
        letters = letters[:, ::-1] if mirror else letters
        reach = 0.5 * np.hypot(*letters.shape) * scale
        at = self.window((x - reach, y - reach), (x + reach, y + reach))
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = self.x[None, at[1]] - x, self.y[at[0], None] - y
        places = [
            (v * cos - u * sin) / scale + letters.shape[0] / 2,
            (u * cos + v * sin) / scale + letters.shape[1] / 2,
        ]
        out[at] = ndimage.map_coordinates(letters, places, order=1)
        return out

    def grain(self, size: float, shape: tuple[int, int] | None = None) -> np.ndarray:
        """Return noise of a standard deviation of 1 that changes over ``size`` mm."""
        shape = shape or self.shape
        step = max(1, int(size / self.pixel / 2))
        small = self.random.standard_normal((shape[0] // step + 3, shape[1] // step + 3)).astype(np.float32)
        small = ndimage.gaussian_filter(small, size / self.pixel / step * 0.7)
        big = np.asarray(
            Image.fromarray(small).resize((small.shape[1] * step, small.shape[0] * step), Image.Resampling.BICUBIC)
        )
        big = big[: shape[0], : shape[1]]
        return big / (big.std() + 1e-6)


def loop(middle: Points, a: float, b: float, angle: float, part: float = 1.0, count: int = 49) -> np.ndarray:
    """Return points on an ellipse, or on a part of one."""
    t = np.linspace(0, 2 * np.pi * part, count)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(middle) + np.stack([a * np.cos(t), b * np.sin(t)], 1) @ np.array([(cos, sin), (-sin, cos)])


def curve(p: Points, q: Points, bend: float, random: np.random.RandomState, count: int = 40) -> np.ndarray:
    """Return a smooth line from one place to another; ``bend`` is how far it strays in mm."""
    p, q = np.asarray(p, float), np.asarray(q, float)
    first, second = (p + (q - p) * share + random.uniform(-bend, bend, 2) for share in (0.33, 0.67))
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 3 * p + 3 * t * (1 - t) ** 2 * first + 3 * t**2 * (1 - t) * second + t**3 * q
