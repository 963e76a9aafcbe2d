"""The lower jaw, the teeth and the neck's spine of the mean head, drawn in millimetres from between the eyes."""

import numpy as np
from canvas import Canvas
from shapes import box, ellipsoid, join, plate, ramp, tube

# Middles of the crowns from the midline outwards (x, y), and their width along the arch.
UPPER = [(4.4, 16.2), (11.8, 14.2), (18, 9.5), (22, 3), (24.5, -4), (27, -13), (29, -23), (30.5, -32)]
UPPER_WIDTH = [8.4, 6.8, 7.4, 6.9, 6.7, 10.0, 9.6, 8.6]
LOWER = [(2.7, 13.6), (8.2, 12.4), (14, 9), (18.6, 4.2), (21.9, -2), (24.8, -11), (27.2, -21.5), (29, -31.5)]
LOWER_WIDTH = [5.3, 5.8, 6.8, 7.0, 7.1, 10.8, 10.4, 9.8]
DISC_LEVELS = [-68.5, -86.0, -103.5, -121.0, -138.5]


def mandible(canvas: Canvas) -> None:
    """The lower jaw: body, angle, ramus, coronoid process and condyle, with its marrow."""
    arch = [
        (0, 10.5, -92),
        (8, 9.6, -92),
        (17, 4.5, -91.5),
        (25, -6, -90),
        (32, -20, -88),
        (38.5, -36, -85),
        (43, -50, -80),
    ]

    def body(p):
        bow = tube(p, arch, [5.6, 5.6, 5.4, 5.4, 5.4, 5, 4.6], flat=(1, 1, 0.42))
        chin = ellipsoid(p, (0, 12, -100), (13, 5, 7))
        return join(bow, chin, 4)

    corners = [(-50, -92), (-58, -84), (-62, -66), (-60, -44), (-61, -30), (-55, -28), (-52, -38), (-46, -42)]
    corners += [(-40, -36), (-36, -32), (-33, -40), (-34, -62), (-28, -74), (-30, -90)]

    def ramus(p):
        return plate(p, corners, lambda y, z: 46.5 + (z + 80) * 0.08, 5.0) - 1.0

    def condyle(p):
        return ellipsoid(p, (51, -58.5, -27), (9, 4.4, 4.6))

    def jaw(p):
        return join(join(body(p), ramus(p), 5), condyle(p), 3)

    canvas.bone(jaw, (-1, -70, -112), (64, 22, -18), 2.2, core="marrow", both=True, below=5)


def teeth(canvas: Canvas) -> None:
    """Sixteen upper and sixteen lower teeth: enamel caps over dentin, with pulp; the lower bite behind the upper."""
    random = np.random.RandomState(canvas.head.seed + 5)
    crowns, roots = [10.5, 9.5, 10.5, 8.5, 8, 7.5, 7.2, 6.5], [13, 12.5, 15, 13, 12.5, 12, 11, 9]
    upper = zip(UPPER, UPPER_WIDTH, crowns, roots, strict=True)
    crowns, roots = [9, 9, 10.5, 8.5, 8, 7.5, 7.2, 7], [12, 12.5, 14.5, 13.5, 13, 12.5, 11.5, 9.5]
    lower = zip(LOWER, LOWER_WIDTH, crowns, roots, strict=True)
    for up, row in ((1, upper), (-1, lower)):
        for number, (middle, width, crown, root) in enumerate(row):
            for side in (1, -1):
                tip = (-66.0 if up > 0 else -63.5) + 0.5 * random.normal()
                tip += (1.6 if up > 0 else -0.9) * min(1, max(0, number - 1) / 2)  # molars meet, incisors overlap
                turn = 0.06 * random.normal()
                _tooth(canvas, np.array(middle), width, crown, root, tip, up, number, side, turn)


def _tooth(canvas, middle, width, crown, root, tip, up, number, side, turn):
    """One tooth; `tip` is the height of its cutting edge, `up` is 1 for an upper and -1 for a lower tooth."""
    row = np.array(UPPER if up > 0 else LOWER)
    ahead = row[max(number - 1, 0)] - row[min(number + 1, 7)]
    if number == 0:
        ahead = np.array([-1.0, 0.12])
    along = ahead / np.hypot(*ahead)
    angle = np.arctan2(along[1], along[0]) + turn
    molar = number >= 5
    thick = [7.0, 6.2, 7.8, 8.4, 8.6, 10.2, 10.2, 9.4][number] * (1 if up > 0 else 0.92)
    apex = tip + up * (crown + root)

    def local(p):
        """u along the arch, v across it, w from the cutting edge towards the root."""
        x, y, z = p
        w = (z - tip) * up
        lean = 0.14 * np.clip(w, 0, None) if number < 3 else 0.05 * np.clip(w, 0, None)
        dx, dy = x - middle[0], y - middle[1]
        u = dx * np.cos(angle) + dy * np.sin(angle)
        v = -dx * np.sin(angle) + dy * np.cos(angle)
        out = 1.0 if np.dot([-np.sin(angle), np.cos(angle)], middle - np.array([0, -20])) > 0 else -1.0
        return u, v * out + lean, w

    def crown_shape(p, shrink=0.0):
        u, v, w = local(p)
        taper = 1 if molar else ramp(w, -1.5, crown * 0.75) * 0.72 + 0.28
        neck = 1 - 0.22 * ramp(w, crown * 0.5, crown * 1.1)
        half_u, half_v = width / 2 * neck - 0.12, thick / 2 * taper * neck
        cusp = (
            0.7 * np.cos(u * 2 * np.pi / (width * 0.55)) * np.cos(v * 2 * np.pi / (thick * 0.6)) if number >= 3 else 0
        )
        d = np.sqrt(np.maximum(np.abs(u) - half_u + 1.8, 0) ** 2 + np.maximum(np.abs(v) - half_v + 1.8, 0) ** 2) - 1.8
        return np.maximum(np.maximum(d, -w + 0.6 - cusp), w - crown) + shrink

    def root_shape(p, shrink=0.0):
        u, v, w = local(p)
        part = np.clip((w - crown + 1) / (root + 1), 0, 1)
        narrow = np.sqrt(1 - part**1.6 * 0.92)
        if molar:  # two roots along the arch that part below the crown
            u = np.abs(u) - width * 0.25 * ramp(part, 0.05, 0.4)
            half_u = width / 2 * (0.8 - 0.4 * ramp(part, 0.1, 0.4)) * narrow
        else:
            half_u = width * 0.38 * narrow
        half_v = thick * 0.42 * narrow
        d = (np.sqrt((u / half_u) ** 2 + (v / half_v) ** 2) - 1) * np.minimum(half_u, half_v)
        return np.maximum(np.maximum(d, crown - 1 - w), w - crown - root) + shrink

    pad = width + 3
    low = (middle[0] - pad, middle[1] - pad, min(tip, apex) - 2)
    high = (middle[0] + pad, middle[1] + pad, max(tip, apex) + 2)
    if side < 0:
        low, high = (-high[0], low[1], low[2]), (-low[0], high[1], high[2])

    def mirrored(shape, shrink=0.0):
        return lambda p: shape((p[0] * side, p[1], p[2]), shrink)

    canvas.draw("dentin", mirrored(root_shape), low, high, below=4)
    canvas.draw("enamel", mirrored(crown_shape), low, high, below=4)
    canvas.draw("dentin", mirrored(crown_shape, 1.3), low, high, below=4)
    canvas.draw("pulp", mirrored(root_shape, 1.5), low, high, below=4)


def spine(canvas: Canvas) -> None:
    """Atlas, axis with its dens, and the vertebrae below, with discs, arches, canal and cord."""
    canal = [(0, -98, -30), (0, -103, -58), (0, -107, -90), (0, -107, -120), (0, -103, -150)]
    column = [(0, -91, -56), (0, -92, -90), (0, -91, -120), (0, -87, -150)]
    canvas.draw("fat", lambda p: tube(p, canal, 9.8, flat=(0.72, 1, 1)), (-18, -122, -150), (18, -84, -28))
    canvas.draw("disc", lambda p: tube(p, column, 7.6, flat=(0.62, 1, 1)), (-16, -106, -150), (16, -76, -64))
    canvas.draw("fluid", lambda p: tube(p, canal, 8.2, flat=(0.7, 1, 1)), (-16, -120, -150), (16, -86, -24))
    _atlas(canvas)
    for number, disc in enumerate(DISC_LEVELS):
        _vertebra(canvas, disc + 8.8, first=number == 0)
    canvas.draw("cord", lambda p: tube(p, canal, 4.1, flat=(0.66, 1, 1)), (-12, -116, -150), (12, -90, -24))


def _atlas(canvas: Canvas) -> None:
    arch = [(0, -80.5, -41), (11, -83.5, -41), (19, -92, -41)]
    back = [(21, -98, -41), (15, -113, -42), (0, -120, -43)]

    def ring(p):
        mass = ellipsoid(p, (19.5, -93, -42.5), (7.5, 8, 7))
        wing = tube(p, [(22, -93, -43), (37, -92, -44)], [4, 3])
        return np.minimum(
            np.minimum(tube(p, arch, [3.4, 3, 3.5]), tube(p, back, [3.4, 2.8, 3])), np.minimum(mass, wing)
        )

    canvas.bone(ring, (-1, -126, -54), (44, -74, -32), 1.3, both=True)
    canvas.bone(lambda p: tube(p, [(0, -89.5, -39), (0, -90, -58)], [4.4, 5.6]), (-8, -98, -64), (8, -82, -32), 1.3)


def _vertebra(canvas, middle, first=False):
    """One vertebra whose body's middle lies at height `middle`; the first is the axis, with a stouter spine."""
    shift = 1.0 if middle > -100 else 0.0
    y = -91.5 + (0.5 if first else 0) + 0.1 * max(0, -100 - middle)

    def body(p):
        x, yy, z = p
        waist = 0.9 * np.cos((z - middle) / 6.6 * np.pi / 2)
        core = box((x, yy, z), (0, y, middle), (12.2, 7.6, 7.0), 2.6) + waist
        hook = tube(p, [(12, y - 2, middle - 3), (12.5, y - 3, middle + 7.5)], [3, 1.6])
        return np.minimum(core, hook)

    canvas.bone(body, (-1, y - 12, middle - 9), (17, y + 11, middle + 10), 1.1, both=True)

    def arch(p):
        pillar = tube(p, [(20.5, -98, middle + 6), (20.5, -101, middle - 7)], [5, 5])
        lamina = tube(
            p,
            [(20, -104, middle - 2), (11, -113.5, middle - 4), (0, -118.5, middle - 5)],
            [3.2, 2.6, 3],
            flat=(1, 1, 0.6),
        )
        length = 7 if first else 3 - 0.06 * middle
        spine_tip = tube(p, [(0, -118, middle - 5), (2, -118 - length, middle - 8)], [3, 2.6], flat=(1, 1, 0.8))
        wing = np.maximum(
            tube(p, [(11, y - 2, middle + 1), (25, y + 1, middle - 2)], [4, 4]),
            3.1 - np.hypot(p[0] - 17.5, p[1] - y + 1 * shift),
        )
        return np.minimum(np.minimum(pillar, lamina), np.minimum(spine_tip, wing))

    canvas.bone(arch, (-1, -136, middle - 16), (32, y + 8, middle + 14), 1.3, both=True, below=7)
