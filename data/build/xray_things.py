"""Foreign objects at random for training: what people wear, what names them, what is put into them, and markers.

A function puts one object on a `Tray`: metal before pixels, and which of them are the object's.
"""

from collections.abc import Callable

import numpy as np
from xray_canvas import Canvas, curve, loop

WORN, TAG, DEVICE, MARKER = range(1, 5)
LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ"
NOBLE, PLAIN = ("gold", "silver", "steel", "titanium", "gold"), ("steel", "brass", "aluminium", "steel")
BODILY = ("titanium", "steel", "titanium", "steel", "steel")


class Tray:
    """The objects before a part of a detector: metals and kinds."""

    def __init__(self, canvas: Canvas):
        self.canvas, self.random = canvas, canvas.random
        self.metal: dict[str, np.ndarray] = {}
        self.kind = np.zeros(canvas.shape, np.uint8)

    def put(self, kind: int, parts: dict[str, np.ndarray], mask: np.ndarray | None = None) -> None:
        """Put an object there."""
        for material, thickness in parts.items():
            thickness = np.clip(thickness, 0, None)
            self.metal[material] = self.metal.get(material, 0) + thickness
        self.kind[sum(parts.values()) > 0.08 if mask is None else mask] = kind

    def one_of(self, *choices):
        """Return one of them at random."""
        return choices[self.random.randint(len(choices))]

    def place(self) -> np.ndarray:
        """Return a place, rarely near the border."""
        return self.canvas.size * np.clip(self.random.normal(0.5, 0.27, 2), -0.03, 1.03)

    def engraved(self, face: np.ndarray, at, w: float, h: float, angle: float, lines: int, most: int) -> np.ndarray:
        """Return lines of words in a field of a width and a height."""
        r, canvas = self.random, self.canvas
        out = canvas.empty()
        up = np.array([-np.sin(angle), np.cos(angle)])
        for k in range(lines):
            words = "".join(
                r.choice(list(LETTERS + "0123456789" + " .-")) for _ in range(r.randint(2, most + 1))
            ).strip()
            height = min(0.62 * h / lines, 1.3 * w / max(2, len(words))) * r.uniform(0.6, 1)
            spot = np.asarray(at) + up * (k - (lines - 1) / 2) * h / lines
            if words and height > 2.5 * canvas.pixel:
                out = np.maximum(out, canvas.text(words, *spot, height, angle) * face)
        return out


def band(tray: Tray) -> None:
    """A ring, a bangle, a cuff: a flat hoop, with or without a stone."""
    r, canvas, where = tray.random, tray.canvas, tray.place()
    size = r.uniform(7, 12) if r.rand() < 0.75 else r.uniform(22, 36)
    tilt, angle = size * r.uniform(0.02, 1), r.uniform(0, 3.2)
    metal = canvas.rod(loop(where, size, tilt, angle), r.uniform(0.4, 3), r.uniform(0.4, 1.2))
    if r.rand() < 0.25:  # a wide one, seen from its side
        metal = r.uniform(0.6, 3) * canvas.plate(*where, 2 * size, r.uniform(2, 7), angle, r.uniform(0.3, 2))
    if r.rand() < 0.3:
        stone = loop(where, size, tilt, angle)[r.randint(48)]
        metal = metal + canvas.rod([stone, stone + 0.1], r.uniform(1, 4))
    tray.put(WORN, {tray.one_of(*NOBLE): metal})


def links(canvas: Canvas, line: np.ndarray, link: float, wire: float, make: int) -> np.ndarray:
    """Return a chain along a line: flat and upright links, beads, a rope, or a snake."""
    out = canvas.empty()
    steps = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    if make == 3:
        return canvas.rod(line, wire * 1.5)
    at = np.arange(0, steps[-1], link * (0.8 if make < 2 else 0.95))[:400]
    spots = np.stack([np.interp(at, steps, line[:, n]) for n in (0, 1)], 1)
    for k, (p, q) in enumerate(zip(spots[:-1], spots[1:], strict=True)):
        way = (q - p) / (np.linalg.norm(q - p) + 1e-9)
        if make == 2:
            canvas.rod([p, p + 0.05], link * 0.42, into=out)
        elif k % 2 and make == 0:
            canvas.rod([p - way * 0.2 * link, q + way * 0.2 * link], wire * 1.1, 1.6, into=out)
        else:
            turn = np.arctan2(way[1], way[0]) + (0.5 if make == 1 else 0)
            canvas.rod(loop((p + q) / 2, link / 2, link * 0.32, turn, 1, 11), wire, into=out)
    return out


def some_links(tray: Tray, line: np.ndarray) -> np.ndarray:
    """Return a chain of any make along a line."""
    r = tray.random
    return links(tray.canvas, line, r.uniform(1.6, 6), r.uniform(0.2, 0.8), r.randint(4))


def chain(tray: Tray) -> None:
    """A chain lying anywhere."""
    r = tray.random
    line = curve(tray.canvas.size * r.uniform(-0.1, 1.1, 2), tray.canvas.size * r.uniform(-0.1, 1.1, 2), 50, r, 60)
    tray.put(WORN, {tray.one_of(*NOBLE): some_links(tray, line)})


def face_of(tray: Tray, at, size: float, angle: float) -> np.ndarray:
    """Return the shape of a pendant or a tag."""
    r, canvas, make = tray.random, tray.canvas, tray.random.randint(6)
    if make == 0:  # a disc, an oval
        turns = loop(at, size / 2, size / 2 * r.uniform(0.5, 1), angle)
        return canvas.polygon(turns)
    if make == 1:  # a heart
        t = np.linspace(0, 2 * np.pi, 40)
        x, y = 16 * np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        cos, sin = np.cos(angle), np.sin(angle)
        return canvas.polygon(np.asarray(at) + np.stack([x, y], 1) @ np.array([(cos, sin), (-sin, cos)]) * size / 34)
    if make == 2:  # a cross
        return np.maximum(
            canvas.plate(*at, size * 0.25, size, angle), canvas.plate(*at, size * 0.7, size * 0.22, angle)
        )
    if make == 3:  # a star, a drop, a shard
        spots = loop(at, size / 2, size / 2, angle, 1, r.randint(5, 11))
        return canvas.polygon(spots + r.normal(0, size * 0.08, spots.shape))
    return canvas.plate(*at, size, size * r.uniform(0.4, 0.9), angle, size * r.uniform(0.02, 0.4))


def necklace(tray: Tray) -> None:
    """A chain with a pendant, often with initials."""
    r = tray.random
    t = np.linspace(-1, 1, 70)
    middle, wide, high = tray.place(), r.uniform(25, 90), r.uniform(30, 140)
    line = np.stack([middle[0] + wide * t, middle[1] - high * np.abs(t) ** r.uniform(1.2, 2.2)], 1)
    size, angle, material = r.uniform(8, 32), r.uniform(-0.5, 0.5), tray.one_of(*NOBLE)
    at = middle + (0, size * 0.4)
    face = face_of(tray, at, size, angle)
    letters = tray.engraved(face, at, size * 0.8, size * 0.5, angle, 1, 4) if r.rand() < 0.7 else 0
    plate = r.uniform(0.5, 1.8) * (face - r.uniform(0.3, 1) * letters)
    tray.put(WORN, {material: some_links(tray, line) + plate}, None)
    tray.kind[face > 0.3] = WORN


def tag(tray: Tray) -> None:
    """A tag with words, alone or on a chain."""
    r, canvas, at = tray.random, tray.canvas, tray.place()
    angle, size = r.uniform(-0.7, 0.7) if r.rand() < 0.7 else r.uniform(0, 6.3), r.uniform(20, 52)
    ratio, material = r.uniform(0.3, 0.65), tray.one_of("steel", "aluminium", "titanium", "steel", "silver")
    face = canvas.plate(*at, size, size * ratio, angle, size * r.uniform(0.02, 0.3))
    if r.rand() < 0.25:
        face = canvas.polygon(loop(at, size / 2, size * ratio / 2, angle))
    rim = face - canvas.plate(*at, size - 1.8, size * ratio - 1.8, angle, 2) if r.rand() < 0.4 else 0
    letters = tray.engraved(face, at, size * 0.85, size * ratio * 0.85, angle, r.randint(1, 5), 16)
    thick = r.uniform(0.5, 2) * (4 if material == "aluminium" else 1)
    tray.put(TAG, {material: thick * (face * (1 + 0.5 * rim) - r.uniform(0.25, 1) * letters * face)}, face > 0.3)
    if r.rand() < 0.7:
        if r.rand() < 0.6:
            line = loop(at, size * r.uniform(0.6, 1.1), r.uniform(3, 16), angle)
        else:
            line = curve(at, tray.place(), 60, r)
        metal = some_links(tray, line)
        tray.put(WORN, {material: metal}, (metal > 0.08) & (tray.kind != TAG))


def watch(tray: Tray) -> None:
    """A watch with a strap or a bracelet."""
    r, canvas, at = tray.random, tray.canvas, tray.place()
    angle, size = r.uniform(0, 3.2), r.uniform(9, 22)
    corner = size if r.rand() < 0.6 else size * r.uniform(0.1, 0.4)
    case = canvas.plate(*at, 2 * size, 2 * size * (1 if corner == size else r.uniform(0.8, 1.3)), angle, corner)
    works = sum(
        r.uniform(0.3, 2)
        * canvas.plate(*(at + r.uniform(-0.5, 0.5, 2) * size), *r.uniform(1.5, 10, 2), r.uniform(0, 3), 1)
        for _ in range(r.randint(3, 12))
    )
    way = np.array([np.cos(angle), np.sin(angle)])
    strap, step = canvas.empty(), r.uniform(2.5, 8)
    if r.rand() < 0.7:
        for side in (-1, 1):
            for k in range(r.randint(1, 9)):
                strap += canvas.plate(
                    *(at + way * side * (size + step * (0.7 + k))), step * 0.85, size * r.uniform(0.9, 1), angle, 0.5
                )
    tray.put(WORN, {tray.one_of(*PLAIN): r.uniform(0.3, 1.5) * case + works * (case > 0) + r.uniform(0.5, 2) * strap},
             (case + strap) > 0.3)  # fmt: skip


def small(tray: Tray) -> None:
    """Earrings, piercings, studs, hooks: a bent wire and balls."""
    r, canvas = tray.random, tray.canvas
    at, material, make = tray.place(), tray.one_of(*NOBLE), r.randint(4)
    for k in range(r.randint(1, 3)):
        spot, size, angle = at + k * r.uniform(-30, 30, 2), r.uniform(3, 13), r.uniform(0, 6.3)
        if make == 0:
            line = loop(spot, size, size * r.uniform(0.05, 1), angle, r.uniform(0.6, 1))
        elif make == 1:
            line = curve(spot, spot + size * np.array([np.cos(angle), np.sin(angle)]), 0.3 * size, r)
        else:
            line = np.array([spot, spot + size * np.array([np.cos(angle), np.sin(angle)])])
        metal = canvas.rod(line, r.uniform(0.3, 0.9))
        for end in (line[0], line[-1])[: r.randint(1, 3)]:
            metal = metal + canvas.rod([end, end + 0.1], r.uniform(0.8, 2.6))
        if make == 3:
            metal = metal + r.uniform(0.5, 1.5) * face_of(tray, line[-1], r.uniform(4, 14), angle)
        tray.put(WORN, {material: metal})


def fastener(tray: Tray) -> None:
    """A zip, buttons, snaps, hooks, a buckle."""
    r, canvas, at, make = tray.random, tray.canvas, tray.place(), tray.random.randint(4)
    angle, metal = r.uniform(0, 6.3), canvas.empty()
    way, side = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    if make == 0:
        count, step, wide = r.randint(10, 60), r.uniform(1.2, 2.6), r.uniform(2, 4.5)
        metal += canvas.plate(*(at + way * step * count), r.uniform(5, 12), r.uniform(3, 7), angle, 1)
        for k in range(count):
            metal += canvas.plate(
                *(at + way * step * k + side * (0.3 if k % 2 else -0.3) * wide), step * 0.6, wide, angle, 0.3
            )
    elif make == 1:
        shift = way * r.uniform(20, 60)
        for k in range(r.randint(1, 4)):
            spot, size = at + shift * k, r.uniform(3, 11)
            disc = canvas.plate(*spot, 2 * size, 2 * size, 0, size)
            for hole in loop(spot, size * 0.32, size * 0.32, angle, 1, r.choice([1, 3, 5]))[:-1]:
                disc = disc - canvas.plate(*hole, size * 0.25, size * 0.25, 0, 2)
            if r.rand() < 0.4:
                disc = disc - r.uniform(0.4, 1) * canvas.plate(*spot, 1.3 * size, 1.3 * size, 0, 0.65 * size)
            metal += disc
    elif make == 2:
        w, h = r.uniform(15, 50), r.uniform(15, 40)
        metal += canvas.plate(*at, w, h, angle, 4) - canvas.plate(*at, w - 7, h - 7, angle, 2)
        metal += canvas.rod([at - way * w / 2, at + way * w / 2], 1.5)
    else:
        for k in range(r.randint(2, 5)):
            spot = at + side * k * r.uniform(8, 14)
            metal += canvas.rod(
                loop(spot, r.uniform(2, 4), r.uniform(1.5, 3), angle, r.uniform(0.6, 1)), r.uniform(0.3, 0.7)
            )
    tray.put(WORN, {tray.one_of(*PLAIN): r.uniform(0.5, 1.6) * metal})


def wiry(tray: Tray) -> None:
    """A safety pin, a hairpin, underwire, a frame of glasses, a key."""
    r, canvas, at, make = tray.random, tray.canvas, tray.place(), tray.random.randint(5)
    angle, size, wire = r.uniform(0, 6.3), r.uniform(15, 40), r.uniform(0.35, 1)
    way, side = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    if make == 0:
        ends = [at + side * 2.5 + way * size, at + side * 2.5, at, at - side * 2.5, at - side * 2 + way * size]
        metal = canvas.rod(ends, wire) + canvas.plate(*(at + way * size), 5, 7, angle, 2)
    elif make == 1:
        metal = canvas.rod(
            [at + side * 2 + way * size * 1.5, at + side * 3, at, at - side * 3, at - side * 2 + way * size * 1.4], wire
        )
    elif make == 2:
        metal = canvas.rod(
            loop(at, size * 1.6, size * 1.6, angle, r.uniform(0.25, 0.5)), wire * 1.3, r.uniform(0.5, 1.5)
        )
    elif make == 3:
        metal = canvas.rod(loop(at - way * size, size * 0.85, size * 0.6, angle), wire) + canvas.rod(
            loop(at + way * size, size * 0.85, size * 0.6, angle), wire
        )
        metal = metal + canvas.rod([at - way * 5, at + way * 5], wire)
    else:
        metal = (
            canvas.plate(*at, 20, 20, 0, 10)
            - canvas.plate(*at, 6, 6, 0, 3)
            + canvas.plate(*(at + way * 22), 28, 6, angle, 1)
        )
        for k in range(4):
            metal = metal - canvas.plate(*(at + way * (16 + 5 * k) + side * 3), 2.5, 3 * r.rand(), angle, 0.2)
        metal = np.clip(metal, 0, 1) * 2
    tray.put(WORN, {tray.one_of(*PLAIN): metal})


def coin(tray: Tray) -> None:
    """A coin, a washer, a battery, with a faint relief."""
    r, canvas, at, size = tray.random, tray.canvas, tray.place(), tray.random.uniform(6, 15)
    angle = r.uniform(0, 3)
    face = canvas.polygon(loop(at, size, size * r.uniform(0.2, 1), angle))
    relief = 1 + r.uniform(0, 0.3) * np.clip(canvas.grain(1.0), -1, 1)
    if r.rand() < 0.2:
        relief = relief * (1 - canvas.plate(*at, size * 0.5, size * 0.5, 0, size))
    tray.put(WORN, {tray.one_of(*PLAIN): r.uniform(0.8, 2.4) * face * relief}, face > 0.3)


THINGS: dict[Callable[[Tray], None], float] = {
    band: 2.5, chain: 3, necklace: 3, tag: 3, watch: 1.5, small: 5, fastener: 3, wiry: 1.5, coin: 1,
}  # fmt: skip
