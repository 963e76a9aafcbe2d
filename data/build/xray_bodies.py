"""Bodies at random for training: soft tissue, bones, gas, teeth, contrast agent, and what else is bright and no object.

Each function puts millimetres of materials on a canvas. None is meant to look like one patient: there are to be all
sorts of borders that anatomy can have.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from xray_canvas import Canvas, curve, loop

Layers = dict[str, np.ndarray]


def add(layers: Layers, material: str, thickness: np.ndarray) -> None:
    """Put a material on the canvas."""
    layers[material] = layers[material] + thickness if material in layers else thickness


def bone(canvas: Canvas, layers: Layers, points, radius, cortex: float, spongy: float = 0.3) -> None:
    """A bone along a line: a cortex, and less bone inside."""
    radius = np.broadcast_to(np.asarray(radius, float), len(points))
    outer, inner = canvas.rod(points, radius), canvas.rod(points, np.maximum(radius - cortex, 0.05))
    inner = np.minimum(inner, outer)
    add(layers, "bone", outer - inner)
    add(layers, "spongy", inner * spongy)


def long_bone(canvas: Canvas, layers: Layers, p, q, r: float, bend: float = 0.0) -> None:
    """A bone with two thick ends."""
    random = canvas.random
    line = curve(p, q, bend, random, 13)
    t = np.linspace(-1, 1, 13)
    ends = random.uniform(0.2, 0.7, 2)
    radius = r * (0.62 + np.where(t < 0, *ends) * np.abs(t) ** random.uniform(2, 5))
    bone(canvas, layers, line, radius, random.uniform(0.1, 0.35) * r, random.uniform(0.15, 0.45))


def limb(canvas: Canvas, layers: Layers) -> None:
    """A joint between one or two bones above and one or two below."""
    r, (w, h) = canvas.random, canvas.size
    middle, wide = np.array([w, h]) * r.uniform(0.35, 0.65, 2), min(w, h) * r.uniform(0.12, 0.32)
    ends = [np.array([w * r.uniform(0.2, 0.8), -20.0]), np.array([w * r.uniform(0.2, 0.8), h + 20.0])]
    line = np.array([ends[0], middle, ends[1]])
    add(layers, "soft", canvas.rod(line, wide * r.uniform(0.7, 1.3, 3), r.uniform(0.6, 1)))
    for end in ends:
        count = r.randint(1, 3)
        for k in range(count):
            aside = np.array([(k - (count - 1) / 2) * wide * r.uniform(0.5, 0.9), 0])
            p, q = 0.97 * middle + 0.03 * end, end
            long_bone(canvas, layers, p + aside, q + aside, wide * r.uniform(0.2, 0.42) / count**0.5, 3)
    if r.rand() < 0.5:  # a kneecap or the like
        size = wide * r.uniform(0.1, 0.3)
        bone(canvas, layers, [middle, middle + size * r.uniform(-1, 1, 2)], size, 0.8)


def rays(canvas: Canvas, layers: Layers) -> None:
    """A hand or a foot: small bones, and five rays of three or four bones."""
    r, (w, h) = canvas.random, canvas.size
    unit = min(w, h) / 230 * r.uniform(0.7, 1.4)
    root = np.array([w * r.uniform(0.35, 0.65), h * r.uniform(0.5, 0.8)])
    add(layers, "soft", canvas.rod([root, root + (0, 200 * unit)], 30 * unit, r.uniform(0.5, 1)))
    add(layers, "soft", canvas.ellipsoid(*(root - (0, 20 * unit)), 44 * unit, 54 * unit, 12 * unit, 0, 2.6))
    for side in (-1, 1):
        long_bone(
            canvas, layers, root + (side * 12 * unit, 28 * unit), root + (side * 11 * unit, 190 * unit), 11 * unit
        )
    for k in range(r.randint(5, 10)):
        at = root + unit * np.array([-18 + 12 * (k % 4), 5 + 13 * (k // 4)]) + r.uniform(-2, 2, 2)
        bone(canvas, layers, [at, at + r.uniform(-4, 4, 2) * unit], r.uniform(4, 8) * unit, 0.7)
    spread = r.uniform(0.3, 1.3)
    for k, angle in enumerate(spread * np.deg2rad([-48, -16, -2, 10, 22]) + r.uniform(-0.06, 0.06, 5)):
        spot = root + unit * np.array([-26 + 12 * k, 2.0])
        for length, size in zip((46, 34, 22, 16), (6, 5.6, 4.6, 3.8), strict=True):
            angle += r.uniform(-0.15, 0.15)
            way = np.array([np.sin(angle), -np.cos(angle)])
            end = spot + length * unit * r.uniform(0.8, 1.1) * way
            add(layers, "soft", 0.8 * canvas.rod([spot, end], 9.5 * unit))
            long_bone(
                canvas, layers, spot + 1.2 * unit * way, end - 1.2 * unit * way, size * unit * r.uniform(0.85, 1.15)
            )
            spot = end


def spine(canvas: Canvas, layers: Layers, x: float, lateral: bool = False) -> None:
    """A row of vertebrae with hard end plates."""
    r, y, step = canvas.random, -10.0, canvas.random.uniform(18, 34)
    lean = r.uniform(-0.08, 0.08)
    while y < canvas.size[1] + 20:
        turn, wide = lean + r.uniform(-0.06, 0.06), step * (1.1 if lateral else 1.4)
        body = canvas.plate(x, y, wide, step * 0.8, turn, 3)
        rim = np.clip(body - canvas.plate(x, y, wide - 2.5, step * 0.8 - 2, turn, 2.4), 0, 1)
        add(layers, "bone", ndimage.gaussian_filter(6 * body + r.uniform(2, 9) * rim, 0.6 / canvas.pixel))
        if lateral:
            bone(canvas, layers, [(x + wide * 0.7, y), (x + wide * 1.4, y + 0.5 * step)], 4, 1)
        else:
            bone(canvas, layers, [(x, y + 6), (x, y + 0.6 * step)], 3.5, 1)
            for side in (-1, 1):
                bone(canvas, layers, loop((x + side * step * 0.4, y), 3.4, 4.6, 0, 1, 13), 1.0, 0.5)
        y += step
        x += lean * step


def chest(canvas: Canvas, layers: Layers) -> None:
    """Lungs, a heart, ribs, collar bones, a spine and vessels."""
    r, (w, h) = canvas.random, canvas.size
    add(layers, "soft", canvas.ellipsoid(w / 2, h * 0.7, w * 0.5, h * 1.05, r.uniform(60, 120), 0, 3))
    lungs = canvas.empty()
    for side in (-1, 1):
        one = canvas.ellipsoid(w / 2 + side * w * 0.2, h * r.uniform(0.4, 0.5), w * r.uniform(0.13, 0.18),
                               h * r.uniform(0.28, 0.38), r.uniform(45, 70), side * 0.08, 2.5)  # fmt: skip
        lungs = np.maximum(lungs, one)
    heart = canvas.ellipsoid(w * r.uniform(0.5, 0.6), h * 0.58, w * r.uniform(0.12, 0.2), h * 0.16, 50, -0.6)
    add(layers, "soft", -0.85 * np.clip(lungs - heart, 0, None))
    for side in (-1, 1):
        for k in range(10):
            t = np.linspace(0, 1, 16)
            reach = w * (0.16 + 0.2 * np.sqrt((k + 1) / 10))
            for front in (1, -1):  # the front of a rib slopes the other way
                x = w / 2 + side * (10 + reach * np.sin(t * r.uniform(2.0, 2.5)))
                y = h * (0.1 + 0.068 * k) + front * h * 0.19 * t**1.3 + (0 if front > 0 else 0.3 * h)
                bone(canvas, layers, np.stack([x, y], 1), r.uniform(3.5, 6), 0.9, 0.2)
        line = [(w / 2 + side * 12, h * 0.14), (w / 2 + side * w * 0.17, h * 0.1), (w / 2 + side * w * 0.34, h * 0.13)]
        bone(canvas, layers, line, r.uniform(5, 7), 1.6)
        blade = np.array([(0.3, 0.14), (0.42, 0.2), (0.34, 0.42), (0.28, 0.3)]) * (w, h)
        blade[:, 0] = w / 2 + side * (blade[:, 0] - 0.05 * w)
        add(layers, "bone", r.uniform(2, 4) * ndimage.gaussian_filter(canvas.polygon(blade), 1 / canvas.pixel))
    spine(canvas, layers, w / 2)
    for _ in range(40):
        side = r.choice([-1, 1])
        p = np.array([w / 2 + side * w * r.uniform(0.05, 0.11), h * r.uniform(0.4, 0.58)])
        line = curve(p, p + (side * r.uniform(10, w * 0.2), r.uniform(-h * 0.25, h * 0.25)), 14, r, 9)
        add(layers, "soft", canvas.rod(line, np.linspace(r.uniform(2, 5), 0.8, 9)))
    for _ in range(r.randint(0, 9)):  # vessels seen end on
        add(layers, "soft", canvas.ellipsoid(*(canvas.size * r.uniform(0.3, 0.7, 2)), *[r.uniform(1, 3)] * 2, 8))


def trunk(canvas: Canvas, layers: Layers) -> None:
    """A belly with a spine, a pelvis, hips, and gas, sometimes with contrast agent."""
    r, (w, h) = canvas.random, canvas.size
    add(layers, "soft", canvas.ellipsoid(w / 2, h / 2, w * 0.58, h * 0.95, r.uniform(60, 120), 0, 3))
    spine(canvas, layers, w * r.uniform(0.42, 0.58))
    for side in (-1, 1):
        if r.rand() < 0.8:
            ring = loop((w / 2 + side * w * 0.19, h * 0.55), w * 0.12, h * 0.2, side * r.uniform(0, 0.4), 1, 30)
            bone(canvas, layers, ring, 9 + 5 * np.sin(np.linspace(0, 6.3, 30)) ** 2, r.uniform(1.2, 2.4))
            hip = np.array([w / 2 + side * w * 0.31, h * 0.7])
            bone(canvas, layers, [hip, hip + 0.5], w * 0.06, 1.4)
            bone(canvas, layers, loop(hip, w * 0.075, w * 0.075, 0, 0.5), 2.0, 1.2, 0.6)
            long_bone(canvas, layers, hip + (side * 18, 20), hip + (side * 26, h * 0.6), 15, 6)
    for _ in range(r.randint(0, 14)):
        a, b, depth = r.uniform(3, 26, 3)
        add(layers, "soft", -canvas.ellipsoid(*(canvas.size * r.uniform(0.1, 0.9, 2)), a, b, depth, r.uniform(0, 3)))
    if r.rand() < 0.4:  # bladder, kidneys, bowel
        for _ in range(r.randint(1, 5)):
            x, y = canvas.size * r.uniform(0.2, 0.8, 2)
            if r.rand() < 0.5:
                add(layers, "contrast", canvas.ellipsoid(x, y, *r.uniform(6, 36, 2), r.uniform(3, 25), r.uniform(0, 3)))
            else:
                line = curve((x, y), canvas.size * r.uniform(0.2, 0.8, 2), 60, r)
                wave = 1 + 0.3 * np.sin(np.arange(len(line)) * r.uniform(0.5, 2))
                add(layers, "contrast", canvas.rod(line, r.uniform(1, 12) * wave, r.uniform(0.3, 1)))


def skull(canvas: Canvas, layers: Layers) -> None:
    """A shell of bone with cavities, a jaw and teeth."""
    r, (w, h) = canvas.random, canvas.size
    add(layers, "soft", canvas.ellipsoid(w / 2, h / 2, w * 0.44, h * 0.53, 70))
    for x, y, a, b in ((0.5, 0.36, 0.38, 0.33), (0.55, 0.62, 0.24, 0.2)):
        thick = r.uniform(4, 8)
        shell = canvas.ellipsoid(x * w, y * h, a * w, b * h, 65)
        shell -= canvas.ellipsoid(x * w, y * h, a * w - thick, b * h - thick, 65 - thick)
        add(layers, "bone", r.uniform(0.3, 0.6) * np.clip(shell, 0, 40))
    for _ in range(r.randint(2, 7)):  # sinuses and airways
        size = r.uniform(4, 22, 3)
        add(layers, "soft", -canvas.ellipsoid(*(canvas.size * r.uniform(0.35, 0.7, 2)), *size, r.uniform(0, 3)))
    for _ in range(r.randint(0, 6)):  # walls of orbits, seen along
        line = loop(canvas.size * r.uniform(0.3, 0.7, 2), *r.uniform(8, 25, 2), r.uniform(0, 6), r.uniform(0.1, 0.9))
        add(layers, "bone", canvas.rod(line, r.uniform(0.4, 1.2), r.uniform(2, 6)))
    teeth(canvas, layers, w * 0.36, h * r.uniform(0.62, 0.7), w * 0.3, 1.0)
    bone(canvas, layers, [(w * 0.75, h * 0.5), (w * 0.7, h * 0.74), (w * 0.38, h * 0.8)], r.uniform(7, 11), 2.2)
    spine(canvas, layers, w * r.uniform(0.6, 0.8), True)


def teeth(canvas: Canvas, layers: Layers, x: float, y: float, wide: float, scale: float) -> None:
    """Two rows of teeth with crowns of enamel and pulp."""
    r, count = canvas.random, canvas.random.randint(8, 16)
    unit = wide / count
    for row in (-1, 1):
        for k in range(count):
            at = np.array([x + (k + 0.5) * unit, y + row * unit * 0.75 + 0.3 * unit * np.cos(k / 3)])
            crown = canvas.ellipsoid(*at, unit * 0.46, unit * 0.6, unit * 0.4, 0, 3)
            add(layers, "enamel", crown * r.uniform(0.6, 1.1))
            root = at + (unit * r.uniform(-0.2, 0.2), row * unit * r.uniform(1.6, 2.6))
            add(layers, "bone", canvas.rod([at, root], [0.42 * unit, 0.15 * unit]) * 1.2)
            add(layers, "bone", -canvas.rod([at, root], [0.1 * unit, 0.04 * unit]))
    add(layers, "spongy", 6 * scale * canvas.plate(x + wide / 2, y, wide * 1.1, unit * 6, 0, unit))


def dental(canvas: Canvas, layers: Layers) -> None:
    """A part of a jaw, close by, or a panorama of it."""
    add(layers, "soft", np.full(canvas.shape, 15, np.float32))
    w, h = canvas.size
    scale = canvas.random.uniform(0.9, 2.5)
    teeth(canvas, layers, w * 0.5 * (1 - scale), h * canvas.random.uniform(0.3, 0.7), w * scale, scale)


def lateral(canvas: Canvas, layers: Layers) -> None:
    """A spine from the side, in soft tissue."""
    r, (w, h) = canvas.random, canvas.size
    add(layers, "soft", canvas.ellipsoid(w / 2, h / 2, w * r.uniform(0.3, 0.6), h, r.uniform(60, 130), 0, 2.5))
    spine(canvas, layers, w * r.uniform(0.3, 0.7), True)
    if r.rand() < 0.5:
        add(layers, "soft", -canvas.rod(curve((w * 0.3, 0), (w * 0.35, h), 20, r), r.uniform(4, 10)))


def anything(canvas: Canvas, layers: Layers) -> None:
    """Lumps, rods, shells and slabs of all materials."""
    r = canvas.random
    if r.rand() < 0.8:
        places = [canvas.size * r.uniform(*ends, 2) for ends in ((0.3, 0.7), (0.3, 0.9))]
        depth, angle, power = r.uniform(10, 110), r.uniform(0, 3), r.uniform(2, 4)
        add(layers, "soft", canvas.ellipsoid(*places[0], *places[1], depth, angle, power))
    for _ in range(r.randint(3, 14)):
        at, kind = canvas.size * r.rand(2), r.randint(5)
        if kind == 0:
            add(
                layers,
                "soft",
                r.choice([-1, 1]) * canvas.ellipsoid(*at, *r.uniform(3, 60, 2), r.uniform(2, 40), r.uniform(0, 3)),
            )
        elif kind == 1:
            add(
                layers,
                "spongy",
                canvas.ellipsoid(*at, *r.uniform(3, 40, 2), r.uniform(2, 18), r.uniform(0, 3), r.uniform(2, 5)),
            )
        elif kind == 2:
            bone(canvas, layers, curve(at, canvas.size * r.rand(2), 40, r), r.uniform(2, 16), r.uniform(0.6, 3))
        elif kind == 3:
            bone(
                canvas,
                layers,
                loop(at, *r.uniform(5, 60, 2), r.uniform(0, 3), r.uniform(0.2, 1)),
                r.uniform(1, 8),
                r.uniform(0.5, 2),
            )
        else:
            edge = canvas.polygon(at + loop((0, 0), *r.uniform(10, 70, 2), r.uniform(0, 3), 1, r.randint(5, 12)))
            add(layers, "bone", r.uniform(1, 6) * ndimage.gaussian_filter(edge, r.uniform(0.3, 3) / canvas.pixel))


BODIES: tuple[tuple[Callable[[Canvas, Layers], None], float, float], ...] = (  # and their least and greatest size in mm
    (limb, 120, 420), (rays, 150, 320), (chest, 260, 440), (trunk, 220, 430), (skull, 180, 300), (lateral, 200, 430),
    (dental, 70, 200), (anything, 120, 400),
)  # fmt: skip


def harmless(canvas: Canvas, layers: Layers) -> None:
    """What is bright and small and no object: calcifications, stones, vessels full of contrast agent."""
    r = canvas.random
    for _ in range(r.randint(0, 10)):
        (x, y), size = canvas.size * r.uniform(0.1, 0.9, 2), r.uniform(0.4, 5)
        add(
            layers,
            "bone",
            canvas.ellipsoid(
                x, y, size, size * r.uniform(0.4, 1), size * r.uniform(0.5, 1), r.uniform(0, 3), r.uniform(2, 4)
            ),
        )
    if r.rand() < 0.3:  # the wall of an artery
        line = curve(canvas.size * r.rand(2), canvas.size * r.rand(2), 60, r)
        parts = (r.rand(len(line)) < 0.5) * r.uniform(0.4, 1.0)
        for shift in (0, r.uniform(2, 6)):
            add(layers, "bone", canvas.rod(line + shift, np.maximum(parts, 0.01), 2))
    if r.rand() < 0.3:
        tree = canvas.empty()
        branches = [(canvas.size * r.uniform(0.2, 0.8, 2), r.uniform(0, 6.3), r.uniform(1.2, 4.5))]
        while branches:
            p, angle, size = branches.pop()
            q = p + r.uniform(6, 16) * size**0.6 * np.array([np.cos(angle), np.sin(angle)])
            canvas.rod([p, q], [size, size * 0.85], into=tree)
            if size > 0.7:
                branches += [(q, angle + turn * r.uniform(0.1, 0.6), size * r.uniform(0.7, 0.85)) for turn in (-1, 1)]
        add(layers, "contrast", tree * r.uniform(0.4, 1.3))


def body(random: np.random.RandomState, pixel: float, most: int) -> tuple[Canvas, Layers]:
    """Return a body at random, on a canvas with pixels of so many mm, or larger ones where it would have too many."""
    draw, least, greatest = BODIES[random.randint(len(BODIES))]
    size = random.uniform(least, greatest)
    pixel = max(pixel, size / most)
    rows = int(size / pixel)
    canvas = Canvas((rows, int(rows * random.uniform(0.75, 1.2))), pixel, random)
    layers: Layers = {}
    draw(canvas, layers)
    harmless(canvas, layers)
    if random.rand() < 0.5:  # threads of spongy bone, and muscles
        texture = canvas.grain(random.uniform(0.4, 2)) * random.uniform(0, 0.3)
        for material in {"bone", "spongy"} & set(layers):
            layers[material] = layers[material] * np.clip(1 + texture, 0, None)
        layers["soft"] = layers.get("soft", canvas.empty()) * (
            1 + random.uniform(0, 0.06) * canvas.grain(random.uniform(2, 12))
        )
    dense = random.uniform(0.6, 1.4)
    mineral = dense * (layers.pop("spongy", canvas.empty()) + layers.get("bone", canvas.empty()))
    return canvas, layers | {"bone": mineral}
