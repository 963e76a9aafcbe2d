"""What is put into patients or onto them for training: screws, plates, prostheses, pacemakers, leads; and markers."""

import numpy as np
from xray_canvas import curve, loop
from xray_things import BODILY, DEVICE, LETTERS, MARKER, THINGS, Tray


def screw(tray: Tray, at=None, angle: float | None = None) -> None:
    """A screw with a thread, a head, and a point."""
    r = tray.random
    at, angle = (tray.place() if at is None else at), (r.uniform(0, 6.3) if angle is None else angle)
    way, length, radius = np.array([np.cos(angle), np.sin(angle)]), r.uniform(10, 55), r.uniform(0.8, 3.4)
    count = max(3, int(length / r.uniform(0.6, 1.4)))
    t = np.linspace(0, length, count)
    radii = radius * (1 + r.uniform(0, 0.35) * (np.arange(count) % 2)) * np.where(t > length * 0.9, 0.6, 1)
    metal = tray.canvas.rod(at + t[:, None] * way, radii)
    metal = metal + tray.canvas.rod([at, at + way * radius], radius * r.uniform(1.2, 2.4))
    tray.put(DEVICE, {tray.one_of(*BODILY): metal})


def plate(tray: Tray) -> None:
    """A straight or a bent plate with holes, a number, and screws."""
    r, canvas, at = tray.random, tray.canvas, tray.place()
    angle, count, step, wide = r.uniform(0, 3.2), r.randint(2, 11), r.uniform(6, 18), r.uniform(4, 18)
    half = 0.5 * step * count * np.array([np.cos(angle), np.sin(angle)])
    line = curve(at - half, at + half, r.choice([0, 0, 4, 10]), r, count + 1)
    metal = np.clip(canvas.rod(line, wide / 2) / wide * 2.2, 0, 1)
    if r.rand() < 0.25:  # a head, as of a T
        turned = half[::-1] * (1, -1) / (np.linalg.norm(half) + 1e-6) * wide
        metal = np.maximum(
            metal, np.clip(canvas.rod([line[0] - turned, line[0] + turned], wide / 2) / wide * 2.2, 0, 1)
        )
    holes = (line[1:] + line[:-1]) / 2
    for hole in holes:
        metal = metal - canvas.plate(*hole, *[wide * r.uniform(0.35, 0.5)] * 2, 0, 9)
    metal = np.clip(metal, 0, 1)
    letters = tray.engraved(metal, line[len(line) // 2], step * 0.9, wide * 0.5, angle, 1, 9) if r.rand() < 0.6 else 0
    material = tray.one_of("titanium", "titanium", "steel")
    tray.put(DEVICE, {material: r.uniform(1.2, 4) * (metal - r.uniform(0.2, 0.6) * letters)}, metal > 0.3)
    for hole in holes[:: r.randint(1, 4)]:
        screw(tray, hole, angle + np.pi / 2 + r.uniform(-0.3, 0.3) if r.rand() < 0.8 else None)


def rods(tray: Tray) -> None:
    """Nails, K-wires, rods with screws, needles, and wires that hold bones together."""
    r, canvas, make = tray.random, tray.canvas, tray.random.randint(4)
    p, q = tray.place(), tray.place()
    if make == 0:  # a nail, hollow or not
        radius = r.uniform(3, 7)
        line = curve(p, q, 12, r)
        metal = canvas.rod(line, radius) - r.choice([0, 0.9]) * canvas.rod(line, radius * r.uniform(0.3, 0.6))
    elif make == 1:  # thin and straight
        metal = canvas.empty()
        for _ in range(r.randint(1, 4)):
            metal = np.maximum(metal, canvas.rod([p, q], r.uniform(0.3, 1.4)))
            p, q = p + r.uniform(-25, 25, 2), q + r.uniform(-25, 25, 2)
    elif make == 2:  # a rod along a spine
        metal = canvas.rod(curve(p, q, 10, r), r.uniform(2, 3.5))
        for share in np.linspace(0.05, 0.95, r.randint(2, 7)):
            screw(tray, p + share * (q - p), r.uniform(-0.3, 0.3) + np.pi * r.randint(2))
    else:  # loops, twisted ends
        metal = canvas.empty()
        for k in range(r.randint(1, 6)):
            at = p + k * np.array([r.uniform(-2, 2), r.uniform(15, 24)])
            metal = np.maximum(
                metal,
                canvas.rod(
                    loop(at, r.uniform(5, 12), r.uniform(2, 7), r.uniform(-0.4, 0.4), r.uniform(0.8, 1)),
                    r.uniform(0.3, 0.7),
                ),
            )
            metal = np.maximum(metal, canvas.rod([at - 1, at + r.uniform(-2, 2, 2)], 1))
    tray.put(DEVICE, {tray.one_of(*BODILY): metal})


def clips(tray: Tray) -> None:
    """Clips, staples and coils, some of them together."""
    r, canvas, middle = tray.random, tray.canvas, tray.place()
    metal = canvas.empty()
    for _ in range(r.randint(1, 14)):
        at, angle = middle + r.normal(0, 18, 2), r.uniform(0, 6.3)
        if r.rand() < 0.75:
            line = np.array([at, at + r.uniform(2.5, 9) * np.array([np.cos(angle), np.sin(angle)])])
        else:
            line = loop(at, r.uniform(1.5, 5), r.uniform(0.6, 4), angle, r.uniform(0.4, 1), 12)
        metal = np.maximum(metal, 1.5 * canvas.rod(line, r.uniform(0.3, 0.8), 1.4))
    tray.put(DEVICE, {tray.one_of(*BODILY): metal})


def prosthesis(tray: Tray) -> None:
    """A hip, a shoulder or a knee: a ball or a shell, a stem, a cup or a tray."""
    r, canvas, at = tray.random, tray.canvas, tray.place()
    size = min(1.0, min(canvas.size) / 150) * r.uniform(0.6, 1.1)
    angle = r.uniform(-0.5, 0.5) + np.pi * r.randint(2)
    down, side = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)]) * r.choice([-1, 1])
    if r.rand() < 0.65:
        ball = canvas.rod([at, at + 0.1], r.uniform(11, 26) * size)
        stem = [at, at + (18 * side + 22 * down) * size, at + (22 * side + 60 * down) * size,
                at + (24 * side + r.uniform(70, 170) * down) * size]  # fmt: skip
        metal = np.maximum(
            ball, canvas.rod(stem, np.array([5, r.uniform(7, 14), 7, r.uniform(3, 5)]) * size, r.uniform(0.5, 1))
        )
        if r.rand() < 0.7:
            metal = metal + canvas.rod(loop(at, 23 * size, 23 * size, -angle + np.pi, 0.5), r.uniform(1.5, 4) * size)
            if r.rand() < 0.4:
                screw(tray, at - down * 22 * size, r.uniform(0, 6.3))
    else:
        spots = at + size * (
            np.array(
                [(-34, 0), (-30, -16), (-10, -12), (10, -12), (30, -16), (34, 0), (30, 14), (8, 6), (-8, 6), (-30, 14)]
            )
            * (1, r.uniform(0.7, 1.5))
        )
        metal = r.uniform(6, 20) * canvas.polygon(spots)
        low = at + (0, r.uniform(24, 32) * size)
        metal = metal + 8 * canvas.plate(*low, 72 * size, r.uniform(4, 8) * size, r.uniform(-0.1, 0.1), 1)
        metal = metal + canvas.rod([low, low + (0, r.uniform(20, 60) * size)], r.uniform(4, 8) * size)
    letters = tray.engraved(metal > 3, at, 20 * size, 7 * size, angle, 1, 8) if r.rand() < 0.3 else 0
    tray.put(DEVICE, {tray.one_of("titanium", "steel"): metal - letters}, metal > 0.3)


def pacemaker(tray: Tray) -> None:
    """A generator with its works, a header, a serial number, and leads; or a port, a pump, a stimulator."""
    r, canvas, at = tray.random, tray.canvas, tray.place()
    size, angle = r.uniform(0.5, 1.25), r.uniform(-0.9, 0.9) if r.rand() < 0.7 else r.uniform(0, 6.3)
    w, h = 44 * size, 44 * size * r.uniform(0.7, 1.15)
    corner = r.uniform(0.2, 0.5) * min(w, h)
    can = canvas.plate(*at, w, h, angle, corner)
    edge = np.clip(can - canvas.plate(*at, w - 2, h - 2, angle, corner - 1), 0, 1)
    cos, sin = np.cos(angle), np.sin(angle)

    def spot(x: float, y: float) -> np.ndarray:
        return at + np.array([x * w * cos - y * h * sin, x * w * sin + y * h * cos])

    works = canvas.empty()
    for _ in range(r.randint(0, 9)):
        works += r.uniform(0.3, 2) * canvas.plate(
            *spot(*r.uniform(-0.35, 0.35, 2)), *r.uniform(1.5, 9, 2), angle + r.choice([0, 1.57]), 0.5
        )
    battery = (
        canvas.plate(*spot(0, 0.22 * r.choice([-1, 1])), 0.75 * w, 0.4 * h, angle, 4 * size) if r.rand() < 0.75 else 0
    )
    letters = (
        tray.engraved(can, spot(0, r.uniform(-0.3, 0.1)), 0.8 * w, 0.25 * h, angle, r.randint(1, 3), 12)
        if r.rand() < 0.85
        else 0
    )
    titanium = r.uniform(0.4, 2.2) * can + r.uniform(0, 3) * edge
    steel = works * can + r.uniform(0.6, 2.6) * battery * can + r.uniform(0.4, 1.2) * letters
    tray.put(DEVICE, {"titanium": titanium, "steel": steel}, can > 0.3)
    start = spot(r.uniform(-0.4, 0.4), -0.55)
    for _ in range(r.randint(0, 4)):
        lead(tray, start + r.uniform(-4, 4, 2))


def lead(tray: Tray, start=None) -> None:
    """A lead with electrodes, a coil for shocks, a catheter, or a tube with a stripe."""
    r, canvas = tray.random, tray.canvas
    start = canvas.size * r.uniform(-0.1, 1.1, 2) if start is None else start
    line = curve(start, canvas.size * r.uniform(-0.1, 1.1, 2), r.uniform(5, 70), r, 60)
    if r.rand() < 0.3:
        line = np.vstack([line, curve(line[-1], tray.place(), 40, r, 40)])
    metal = canvas.rod(line, r.uniform(0.35, 1.0), r.uniform(0.4, 1.2))
    metal = np.maximum(metal, canvas.rod(line[-4:], r.uniform(0.7, 1.6)))
    if r.rand() < 0.25:
        metal = np.maximum(metal, canvas.rod(line[-25:-8], r.uniform(1, 2)))
    tray.put(DEVICE, {tray.one_of("steel", "steel", "titanium"): metal})


def electrode(tray: Tray) -> None:
    """Electrodes of an ECG with their clips and wires, as they lie on a chest."""
    r, canvas = tray.random, tray.canvas
    for _ in range(r.randint(1, 4)):
        at, size = tray.place(), r.uniform(3, 7)
        metal = r.uniform(0.3, 1.2) * canvas.plate(*at, 2 * size, 2 * size, 0, size)
        metal = metal + canvas.rod([at, at + 0.1], r.uniform(1, 2.5))
        if r.rand() < 0.8:
            end = canvas.size * r.uniform(-0.1, 1.1, 2)
            metal = metal + canvas.rod(curve(at, end, 40, r), r.uniform(0.3, 0.8), r.uniform(0.4, 1))
        tray.put(DEVICE, {tray.one_of("steel", "silver", "brass"): metal})


def filling(tray: Tray) -> None:
    """Fillings, crowns, posts and roots of metal."""
    r, canvas, at = tray.random, tray.canvas, tray.place()
    for _ in range(r.randint(1, 6)):
        at = at + r.uniform(-14, 14, 2)
        spots = loop(at, *r.uniform(1.2, 4.5, 2), r.uniform(0, 3), 1, r.randint(6, 12))
        metal = r.uniform(1, 5) * canvas.polygon(spots + r.normal(0, 0.4, spots.shape))
        if r.rand() < 0.3:
            metal = metal + canvas.rod([at, at + (0, r.uniform(-14, 14))], r.uniform(0.4, 1.8))
        tray.put(DEVICE, {tray.one_of("amalgam", "gold", "titanium"): metal})


def mesh(tray: Tray) -> None:
    """A stent, a filter, a ring of a valve, a coil."""
    r, canvas, make = tray.random, tray.canvas, tray.random.randint(3)
    p = tray.place()
    if make == 0:
        q = p + r.uniform(-50, 50, 2)
        way = (q - p) / (np.linalg.norm(q - p) + 1e-6)
        side, wide, count = np.array([-way[1], way[0]]), r.uniform(1.5, 8), r.randint(6, 24)
        metal = canvas.empty()
        for phase in (-1, 1):
            t = np.linspace(0, 1, count)
            line = p + t[:, None] * (q - p) + phase * wide * ((-1.0) ** np.arange(count))[:, None] * side
            canvas.rod(line, r.uniform(0.2, 0.5), into=metal)
    elif make == 1:
        metal = canvas.rod(loop(p, r.uniform(8, 16), r.uniform(2, 16), r.uniform(0, 3)), r.uniform(0.4, 1.4))
    else:
        t = np.linspace(0, r.uniform(15, 60), 150)
        metal = canvas.rod(p + np.stack([t * 0.3, 3 * np.sin(t)], 1), r.uniform(0.2, 0.5))
    tray.put(DEVICE, {"steel": metal})


def marker(tray: Tray) -> None:
    """A letter of lead that tells left from right, or a few, with or without a frame, an arrow, or a bar."""
    r, canvas, at = tray.random, tray.canvas, tray.place()
    words = (
        "L",
        "R",
        "L",
        "R",
        "L",
        "R",
        "PA",
        "AP",
        "LAT",
        "RT",
        "LT",
        "R MLO",
        "L CC",
        "DR",
        "LINKS",
        "R KM",
        "L 3",
    )[r.randint(17)]
    height, angle = r.uniform(6, 22), r.uniform(-0.25, 0.25) if r.rand() < 0.8 else r.uniform(0, 6.3)
    letters = canvas.text(words, *at, height, angle, mirror=r.rand() < 0.15)
    if r.rand() < 0.3:
        wide = height * (0.8 * len(words) + 0.8)
        if r.rand() < 0.5:
            letters = (
                letters
                + canvas.plate(*at, wide, height * 1.8, angle, 3)
                - canvas.plate(*at, wide - 2.5, height * 1.8 - 2.5, angle, 2)
            )
        else:
            letters = letters + canvas.rod(loop(at, wide / 2, wide / 2, 0), r.uniform(0.5, 1.2))
    if r.rand() < 0.15:
        letters = letters + canvas.text(
            r.choice(list(LETTERS)) + r.choice(list(LETTERS)), *(at + (0, height * 1.3)), height * 0.5, angle
        )
    tray.put(
        MARKER,
        {tray.one_of("lead", "lead", "steel", "brass"): r.uniform(0.6, 2) * np.clip(letters, 0, 1)},
        letters > 0.3,
    )


ALL = THINGS | {
    screw: 1.2, plate: 2, rods: 2, clips: 2.5, prosthesis: 2, pacemaker: 3, lead: 1.5, electrode: 1, filling: 1,
    mesh: 0.8, marker: 2.5,
}  # fmt: skip


def some(tray: Tray, count: int) -> None:
    """Put so many objects on a tray."""
    things, weights = list(ALL), np.array(list(ALL.values()))
    for number in tray.random.choice(len(things), count, p=weights / weights.sum()):
        things[number](tray)
