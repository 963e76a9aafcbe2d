"""Radiographs at random for training: what a detector sees of a body and of objects, and what a system shows of it."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from xray_bodies import Layers, body
from xray_canvas import FONTS, MATERIALS, Canvas
from xray_devices import some
from xray_things import Tray

VISIBLE = 0.03  # of the range: what an object changes by less is not to be seen
STRIPPED = 0.12  # of the pictures have some of their objects masked
MOST = 0.1  # of a part that objects cover before another one is put there
PIXELS, MOST_PIXELS = (0.22, 0.7), 1100  # mm, and along a body at most
NOTHING = 255  # for pixels that count neither way


class Sample(NamedTuple):
    """A picture, 0 (black) to about 1, and each pixel's kind."""

    shown: np.ndarray
    kind: np.ndarray


def blurred(values: np.ndarray, width: float) -> np.ndarray:
    """Return a smooth picture; wide blurs are made at a reduced size, as they are seen no better at the full one."""
    step = int(width / 3)
    if step < 2:
        return ndimage.gaussian_filter(values, width)
    rows, columns = values.shape
    padded = np.pad(values, ((0, -rows % step), (0, -columns % step)), mode="edge")
    small = padded.reshape(padded.shape[0] // step, step, -1, step).mean((1, 3), dtype=np.float32)
    small = ndimage.gaussian_filter(small, width / step)
    large = Image.fromarray(small).resize(padded.shape[::-1], Image.Resampling.BILINEAR)
    return np.asarray(large)[:rows, :columns]


class Body:
    """A body that many radiographs are taken of."""

    def __init__(self, random: np.random.RandomState):
        self.canvas, self.layers = body(random, float(np.exp(random.uniform(*np.log(PIXELS)))), MOST_PIXELS)
        coarse: Layers = {material: thick[::6, ::6] for material, thick in self.layers.items()}
        self.coarse = coarse

    def part(self, size: int, random: np.random.RandomState) -> tuple[Canvas, Layers]:
        """Return a part of so many pixels along at most, turned in one of eight ways."""
        rows, columns = self.canvas.shape
        high, wide = min(size, rows), min(size, columns)
        y, x = random.randint(rows - high + 1), random.randint(columns - wide + 1)
        turns, flip = random.randint(4), random.rand() < 0.5
        out = {}
        for material, thick in self.layers.items():
            piece = np.rot90(thick[y : y + high, x : x + wide], turns)
            out[material] = np.ascontiguousarray(piece[:, ::-1] if flip else piece)
        return Canvas(next(iter(out.values())).shape, self.canvas.pixel, random), out


def stopped(layers: Layers, shares: np.ndarray, dose: float) -> np.ndarray:
    """Return the share of the X-rays of three energies that gets through."""
    total = 0.0
    for k, share in enumerate(shares):
        way = sum(MATERIALS[material][k] * np.clip(thick, 0, None) for material, thick in layers.items())
        total = total + share * np.exp(-np.minimum(way * dose, 30))
    return np.asarray(total, np.float32)


class Technique:
    """How one radiograph is exposed and shown; the same for the picture with and without objects."""

    def __init__(self, random: np.random.RandomState, pixel: float):
        r = self.random = random
        self.pixel = pixel
        self.shares = r.dirichlet((5, 7, 4))
        self.scatter, self.spread = r.uniform(0, 0.35), r.uniform(8, 25)
        self.blur = r.uniform(0.08, 0.38)
        self.photons = 10 ** r.uniform(3.0, 5.0)
        self.thick = r.uniform(0.8, 1.2)
        self.ends = r.uniform(0, 10), r.uniform(98.5, 100)
        self.range = r.uniform(1.2, 4) if r.rand() < 0.85 else r.uniform(4, 8)  # up to what metal stops
        self.linear = r.rand() < 0.08
        self.detail = [(r.uniform(0.2, 1.1), r.uniform(0.6, 14)) for _ in range(r.choice(3, p=(0.4, 0.45, 0.15)))]
        self.local = (r.uniform(0.3, 0.8), r.uniform(12, 50)) if r.rand() < 0.15 else None
        self.curve, self.a, self.b = r.randint(5), r.uniform(0.35, 0.65), r.uniform(0.5, 1.7)

    def measured(self, signal: np.ndarray, noise: np.ndarray | None, pixel: float) -> np.ndarray:
        """Return the attenuation that a detector measures."""
        around = ndimage.uniform_filter(
            ndimage.uniform_filter(signal, int(self.spread / pixel) | 1), int(self.spread / pixel) | 1
        )
        signal = ndimage.gaussian_filter(signal + self.scatter * around, self.blur / pixel)
        if noise is not None:
            signal = signal + noise * np.sqrt(signal / self.photons + (3 / self.photons) ** 2)
        return -np.log(np.maximum(signal, 1 / self.photons))

    def displayed(self, values: np.ndarray, low: float, high: float, pixel: float) -> np.ndarray:
        """Return what is shown, 0 (black) to 1."""
        shown = np.clip((values - low) / (high - low), -0.2, 1.7)
        if self.linear:
            shown = (1 - np.exp(-2.5 * shown)) / (1 - np.exp(-2.5))
        for much, size in self.detail:
            shown = shown + much * (shown - blurred(shown, size / pixel))
        if self.local:
            much, size = self.local
            middle = blurred(shown, size / pixel)
            spread = np.sqrt(np.maximum(blurred((shown - middle) ** 2, size / pixel), 0)) + 0.06
            shown = (1 - much) * shown + much * (0.5 + 0.2 * (shown - middle) / spread)
        if self.curve == 1:
            shown = 1 / (1 + np.exp(-(shown - self.a) * 10 * self.a))
        elif self.curve == 2:
            shown = np.clip(shown, 0, None) ** self.b
        elif self.curve == 3:
            shown = np.where(shown < 0.75, shown, 0.75 + 0.25 * (1 - np.exp(-(shown - 0.75) / 0.25)))
        return np.clip(shown, 0, 1)


def sample(whole: Body, size: int, random: np.random.RandomState) -> Sample:
    """Return one radiograph's part with objects, or without any."""
    r = random
    canvas, layers = whole.part(size, r)
    tray = Tray(canvas)
    for _ in range(0 if r.rand() < 0.3 else 1 + r.poisson(1.6)):
        if (tray.kind > 0).mean() < MOST:
            some(tray, 1)
    how, pixel = Technique(r, canvas.pixel), canvas.pixel
    noise = r.standard_normal(canvas.shape).astype(np.float32)
    if r.rand() < 0.3:
        noise = ndimage.gaussian_filter(noise, 0.7) * 2.2
    everywhere = how.measured(stopped(whole.coarse, how.shares, how.thick), None, 6 * pixel)
    low, high = np.percentile(everywhere, how.ends)
    high = max(high, low + how.range)
    light = collimator(canvas) if r.rand() < 0.2 else 1.0
    both = stopped(layers | tray.metal, how.shares, how.thick) * light
    shown = how.displayed(how.measured(both, noise, pixel), low, high, pixel)
    kind = tray.kind.copy()
    if tray.metal:
        body_only = stopped(layers, how.shares, how.thick) * light
        without = how.displayed(how.measured(body_only, noise, pixel), low, high, pixel)
        change = ndimage.gaussian_filter(np.abs(shown - without), 0.7)
        metal = sum(tray.metal.values()) > 0.02
        kind[(change < VISIBLE) & (kind > 0)] = NOTHING
        kind[(tray.kind == 0) & metal & (change > VISIBLE)] = NOTHING
    reference = how.displayed(everywhere, low, high, 6 * pixel)
    ends = np.percentile(reference, (1, 99.7)) + r.normal(0, 0.03, 2)
    if tray.metal and r.rand() < 0.5:
        ends[1] = max(ends[1], np.percentile(shown, 99.7))
    shown, kind = hidden(*artificial(shown, kind, r), r)
    if r.rand() < 0.2:
        levels = 2 ** r.randint(6, 9)
        shown = np.round(shown * levels) / levels
    if r.rand() < 0.15:
        shown = ndimage.gaussian_filter(shown, r.uniform(0.4, 1.2))
    return Sample(np.clip((shown - ends[0]) / max(ends[1] - ends[0], 1e-6), -0.3, 1.5).astype(np.float32), kind)


def collimator(canvas: Canvas) -> np.ndarray:
    """Return how much of the X-rays the blades of a collimator let through: a soft rim, and little beyond it."""
    r, (w, h) = canvas.random, canvas.size
    angle, beyond = r.uniform(-0.1, 0.1) + r.choice([0, np.pi / 2]), 10 ** r.uniform(-2.5, -0.7)
    cos, sin = np.cos(angle), np.sin(angle)
    u = (canvas.x[None] - w / 2) * cos + (canvas.y[:, None] - h / 2) * sin
    rim = r.uniform(0.3, 8)
    open_ = np.clip((r.uniform(0.1, 0.45) * w - np.abs(u + r.uniform(-0.2, 0.2) * w)) / rim + 0.5, 0, 1)
    return (beyond + (1 - beyond) * open_).astype(np.float32)


def hidden(shown: np.ndarray, kind: np.ndarray, r: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Mask some of the objects, or fill them in, as somebody did who stripped them: then they are none."""
    if r.rand() > STRIPPED or not (kind > 0).any():
        return shown, kind
    objects = ndimage.binary_dilation((kind > 0) & (kind < NOTHING), iterations=2)
    labels, count = ndimage.label(objects)
    gone = ndimage.binary_dilation((labels > 0) & np.r_[False, r.rand(count) < 0.8][labels], iterations=r.randint(1, 5))
    if r.rand() < 0.4:
        gone = ndimage.binary_closing(np.pad(gone, 12), iterations=r.randint(1, 12))[12:-12, 12:-12] | gone
    if r.rand() < 0.4:
        gone = ndimage.binary_fill_holes(gone)
    if r.rand() < 0.7:
        shown = np.where(gone, shown.min() - r.choice([0, 0.05]), shown)
    else:
        known = np.where(gone, 0, shown)
        weight, smooth = (~gone).astype(np.float32), np.zeros_like(shown)
        for width in (32, 16, 8, 4, 2):
            share = ndimage.gaussian_filter(weight, width)
            smooth = np.where(share > 0.05, ndimage.gaussian_filter(known, width) / np.maximum(share, 1e-3), smooth)
        shown = np.where(gone, smooth, shown)
    return shown.astype(np.float32), np.where(gone, 0, kind).astype(np.uint8)


def artificial(shown: np.ndarray, kind: np.ndarray, r: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Add shutters, burned-in words, rulers and masks, which are no objects."""
    rows, columns = shown.shape
    shown, kind = shown.astype(np.float32), kind
    over = np.zeros(shown.shape, bool)
    if r.rand() < 0.25:  # a collimator, sharp or with a soft rim
        angle, far = r.uniform(0, 6.3), r.uniform(0.2, 0.5) * rows
        y, x = np.mgrid[:rows, :columns]
        away = (x - columns / 2) * np.cos(angle) + (y - rows / 2) * np.sin(angle) - far
        if r.rand() < 0.3:
            away = np.hypot(x - columns / 2, y - rows / 2) - rows * r.uniform(0.4, 0.7)
        cover = np.clip(away / r.choice([0.5, 1, 3]) + 0.5, 0, 1)
        shown = shown * (1 - cover) + cover * (r.choice([0.0, 1.0, r.uniform(0, 0.3)]))
        over |= cover > 0.5
    if r.rand() < 0.3:
        canvas = Image.new("L", (columns, rows))
        pen = ImageDraw.Draw(canvas)
        for _ in range(r.randint(1, 5)):
            font = ImageFont.truetype(str(FONTS[r.randint(len(FONTS))]), r.randint(9, 34))
            words = "".join(r.choice(list("ABCDEFGHIKLMNOPRSTUVWXYZ0123456789 :-./")) for _ in range(r.randint(2, 18)))
            pen.text((r.randint(-40, columns), r.randint(0, rows)), words, 255, font)
        if r.rand() < 0.3:
            x = r.randint(columns)
            for y in range(0, rows, r.randint(8, 20)):
                pen.line((x, y, x + 8, y), 255)
            pen.line((x, 0, x, rows), 255)
        ink = np.asarray(canvas, np.float32) / 255
        shown = shown * (1 - ink) + ink * r.choice([1.0, 1.0, 0.0, r.rand()])
        over |= ink > 0.4
    if r.rand() < 0.15:  # what somebody masked already
        for _ in range(r.randint(1, 4)):
            y, x = r.randint(rows), r.randint(columns)
            h, w = r.randint(6, 60, 2)
            if r.rand() < 0.5:
                shown[y : y + h, x : x + w], over[y : y + h, x : x + w] = 0, True
            else:
                blob = ndimage.gaussian_filter(r.standard_normal(shown.shape), h / 4) > 0.12 / h * 12
                blob[: max(0, y - h)] = blob[y + h :] = False
                blob[:, : max(0, x - w)] = blob[:, x + w :] = False
                shown[blob], over[blob] = 0, True
    return shown, np.where(over, 0, kind).astype(np.uint8)
