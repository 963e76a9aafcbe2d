"""Skin, fat, muscles, glands, vessels, airway and orbits of the mean head, drawn on a canvas (phantom.Canvas)."""

import brain
import numpy as np
import skull
from canvas import Canvas
from shapes import box, ellipsoid, join, tube

# name: (points of the left one, radii, stretch). Midline muscles are drawn on both sides, too.
MUSCLES = {
    "temporalis": ([(57, -30, 26), (55, -30, 0), (52, -34, -24), (47, -38, -42)], [20, 19, 11, 6], (2.4, 0.8, 1)),
    "masseter": ([(57, -24, -30), (54, -34, -56), (49, -44, -84)], [13, 14, 12], (2.0, 1, 1)),
    "medial pterygoid": ([(17, -44, -32), (31, -48, -58), (39, -50, -80)], [7, 8, 7], (1.2, 0.9, 1)),
    "lateral pterygoid": ([(20, -38, -27), (34, -47, -27), (47, -56, -28)], [7.5, 7, 4], (1, 1, 1)),
    "buccinator": ([(34, -32, -58), (37, -14, -60), (31, 6, -64), (20, 17, -66)], [8, 9, 8, 6], (3.4, 1.4, 1)),
    "orbicularis oris": ([(0, 24, -57), (14, 20, -59), (24, 13, -66), (14, 18, -73), (0, 22, -75)], 4.2, (1, 1.2, 1)),
    "orbicularis oculi": (
        [(14, 15, -8), (22, 17, 12), (36, 14, 14), (46, 4, 0), (36, 10, -14), (22, 14, -14)],
        2.2,
        (1, 1, 1),
    ),
    "zygomaticus": ([(43, 5, -30), (25, 15, -62)], 1.8, (1, 1, 1)),
    "levator of the lip": ([(24, 15, -20), (16, 20, -54)], 1.8, (1, 1, 1)),
    "mentalis": ([(0, 18, -84), (5, 17, -96)], 4.2, (1, 1, 1)),
    "depressor of the lip": ([(16, 14, -78), (22, 6, -98)], 3, (1, 1.6, 1)),
    "genioglossus": ([(2, 5, -92), (3, -24, -84)], [3, 11], (1.8, 1, 1)),
    "geniohyoid": ([(4, 4, -99), (5, -32, -109)], 4.2, (1, 1, 1)),
    "digastric, front": ([(6, 4, -105), (13, -36, -112)], [3.5, 4], (1, 1, 1.2)),
    "digastric, back": ([(50, -84, -50), (36, -66, -84), (14, -42, -112)], [5, 4.5, 2.5], (1, 1, 1)),
    "stylohyoid": ([(40, -68, -40), (30, -58, -84)], 2, (1, 1, 1)),
    "longus colli": ([(6.5, -77, -42), (8, -81, -76), (9, -82, -110), (9, -78, -150)], [5, 5, 5, 5], (0.8, 1.4, 1)),
    "sternocleidomastoid": (
        [(56, -89, -44), (51, -82, -74), (40, -66, -108), (28, -52, -150)],
        [8, 10, 11, 9],
        (1.5, 0.9, 1),
    ),
    "trapezius": ([(8, -133, -32), (24, -130, -80), (46, -120, -118), (78, -108, -150)], [6, 7, 9, 12], (0.8, 1.7, 1)),
    "splenius": ([(47, -98, -42), (32, -116, -74), (12, -126, -118)], [9, 9, 7], (0.8, 1.5, 1)),
    "semispinalis": (
        [(13, -130, -30), (13, -126, -60), (13, -128, -100), (13, -126, -150)],
        [8, 9.5, 9, 8],
        (0.85, 1.1, 1),
    ),
    "longissimus": ([(49, -92, -46), (35, -107, -84), (28, -114, -150)], [5, 6, 7], (1, 1, 1)),
    "multifidus": ([(9, -115, -64), (11, -119, -100), (11, -118, -150)], [4.5, 6, 7], (0.9, 1, 1)),
    "suboccipital": ([(9, -120, -34), (15, -114, -46), (18, -108, -58)], [7, 6.5, 5], (0.8, 1, 1)),
    "levator scapulae": ([(35, -97, -48), (41, -106, -92), (47, -114, -150)], [5, 8, 9], (1, 0.9, 1)),
    "scalenes": ([(25, -88, -70), (31, -84, -110), (38, -82, -150)], [4.5, 7, 9], (1, 1, 1)),
    "sternohyoid": ([(8, -41, -113), (10, -45, -150)], 6, (0.7, 2, 1)),
    "omohyoid": ([(12, -43, -113), (24, -56, -150)], 4, (1, 1.3, 1)),
}

# name: (tissue, points of the left one, radii)
VESSELS = {
    "internal carotid": (
        "blood",
        [(25, -66, -104), (27, -71, -70), (25, -73, -38), (26, -69, -26), (17, -62, -17), (12, -56, -4), (11, -50, 5)],
        [3.2, 2.6, 2.5, 2.4, 2.4, 2.3, 2.1],
    ),
    "external carotid": (
        "blood",
        [(27, -63, -106), (34, -60, -86), (45, -62, -56), (52, -62, -32)],
        [2.6, 2.2, 1.9, 1.5],
    ),
    "common carotid": ("blood", [(26, -65, -104), (24, -66, -150)], [4.2, 3.6]),
    "internal jugular": ("vein", [(31, -78, -36), (34, -74, -70), (34, -66, -108), (32, -62, -150)], [4.2, 5, 6.4, 7]),
    "external jugular": ("vein", [(56, -64, -74), (56, -72, -104), (54, -74, -150)], [1.6, 2, 2.2]),
    "vertebral": (
        "blood",
        [
            (17.5, -92, -150),
            (17.5, -92.5, -64),
            (25, -92, -50),
            (24, -96, -41),
            (17, -104, -36),
            (6, -88, -24),
            (1, -80, -16),
        ],
        1.8,
    ),
    "facial artery": ("blood", [(36, -40, -100), (36, -22, -88), (26, 8, -68), (16, 18, -40)], [1.5, 1.4, 1.2, 1.0]),
    "temporal artery": ("blood", [(58, -64, -36), (66, -64, -6), (66, -52, 24)], [1.3, 1.1, 0.9]),
    "retromandibular vein": ("vein", [(54, -64, -36), (52, -64, -76)], 2.2),
}


def _tubes(canvas, tissue, points, radii, flat=(1, 1, 1), below=4.5):
    points = np.asarray(points, float)
    reach = np.max(radii) / np.min(flat) + 1
    low, high = points.min(0) - reach, points.max(0) + reach
    canvas.draw(tissue, lambda p: tube(p, points, radii, flat), low, high, both=True, below=below)


def background(canvas: Canvas) -> None:
    """Skin over fat, everywhere; the scalp's muscle sheet; the stiff outer nose; the sheet muscle of the neck."""
    x, y, z = canvas.points
    depth = canvas.depth
    canvas.everywhere("fat", -depth - 9)
    canvas.everywhere("skin", depth - 1.7 - 0.3 * canvas.noise(20))
    sheet = np.abs(depth - 3.9 - 0.3 * canvas.noise(25)) - 0.5
    canvas.everywhere("muscle", np.maximum(np.maximum(sheet, brain.base_height(y) - 4 - z), canvas.brain_distance - 16))
    neck = np.maximum(np.abs(depth - 5.2 - 0.7 * canvas.noise(30)) - 0.7, np.maximum(z + 98, -y - 105))
    canvas.everywhere("muscle", neck)
    canvas.draw("nose", lambda p: ellipsoid(p, (0, 30, -31), (15, 15, 19)), (-20, 10, -52), (20, 50, 0), below=1.8)
    canvas.draw(
        "fat", lambda p: ellipsoid(p, (36, -14, -52), (11, 22, 20)), (20, -40, -76), (50, 12, -28), both=True, below=4
    )


def _muscle(points, radii, flat, grow):
    points = np.asarray(points, float)
    reach = np.max(radii) / np.min(flat) + grow + 2
    return lambda p: tube(p, points, radii, flat) - grow, points.min(0) - reach, points.max(0) + reach


def muscles(canvas: Canvas) -> None:
    """Muscles of chewing, expression, tongue and neck, with the fat between them left over."""
    bodies = [_muscle(*shape, grow=2.6 if min(p[2] for p in shape[0]) < -95 else 0.6) for shape in MUSCLES.values()]
    canvas.pack("muscle", bodies, gap=1.3, below=4.2)

    canvas.draw("mucosa", lambda p: ellipsoid(p, (0, -14, -62), (29, 31, 20)), (-32, -48, -84), (32, 20, -40), below=6)

    def tongue(p):
        return join(ellipsoid(p, (0, -15, -66), (23, 28, 17)), ellipsoid(p, (0, -36, -80), (20, 19, 22)), 6)

    canvas.draw("muscle", tongue, (-26, -60, -106), (26, 16, -50))
    canvas.draw("fat", lambda p: np.maximum(np.abs(p[0]) - 0.6, tongue(p) + 5), (-3, -56, -104), (3, 10, -54))
    canvas.draw("muscle", lambda p: ellipsoid(p, (0, -20, -99), (29, 27, 3.4)), (-32, -50, -106), (32, 10, -92))
    canvas.draw(
        "muscle",
        lambda p: tube(p, [(0, -66, -38), (0, -70, -70), (0, -69, -108), (0, -64, -150)], 12, flat=(0.62, 1, 1)),
        (-22, -86, -150),
        (22, -50, -26),
    )


def glands_and_vessels(canvas: Canvas) -> None:
    """Salivary glands, tonsils, tear glands, thyroid cartilage, hyoid; arteries and veins of neck and face."""
    canvas.draw(
        "parotid",
        lambda p: join(ellipsoid(p, (58, -62, -54), (9, 14, 24)), ellipsoid(p, (58, -42, -46), (5, 14, 12)), 5),
        (46, -82, -82),
        (72, -24, -28),
        both=True,
        below=4,
    )
    canvas.draw(
        "gland",
        lambda p: ellipsoid(p, (33, -40, -99), (8, 13, 10)),
        (22, -56, -112),
        (44, -24, -86),
        both=True,
        below=5,
    )
    canvas.draw(
        "gland", lambda p: ellipsoid(p, (16, -10, -90), (4, 15, 5)), (10, -28, -98), (22, 8, -82), both=True, below=6
    )
    canvas.draw(
        "tonsil", lambda p: ellipsoid(p, (17, -56, -66), (4.5, 6.5, 11)), (11, -66, -80), (24, -46, -52), both=True
    )
    canvas.draw("tonsil", lambda p: ellipsoid(p, (0, -67, -38), (12, 4, 8)), (-14, -74, -48), (14, -60, -28))
    canvas.draw(
        "thyroid", lambda p: ellipsoid(p, (15, -60, -148), (8, 10, 20)), (5, -72, -150), (25, -48, -126), both=True
    )
    for tissue, points, radii in VESSELS.values():
        _tubes(canvas, tissue, points, radii, below=2.6)
    canvas.draw(
        "bone",
        lambda p: tube(p, [(22, -58, -106), (14, -42, -111), (0, -35, -112)], [1.5, 2.2, 3], flat=(1, 1, 0.9)),
        (-1, -62, -118),
        (26, -28, -102),
        both=True,
    )

    def thyroid_cartilage(p):
        x, y, z = p
        front = -43 - 4 * np.cos((z + 130) / 14)
        return np.maximum(
            np.maximum(np.abs(y - (front - 0.95 * x)) * 0.72 - 1.3, np.abs(z + 132) - 14), np.maximum(x - 22, -y - 68)
        )

    canvas.draw("cartilage", thyroid_cartilage, (-1, -72, -148), (26, -34, -116), both=True)


def brain_arteries(canvas: Canvas) -> None:
    """The arteries at the base of the brain, in the fluid around it."""
    for points, radius in (
        ([(0, -74, -24), (0.5, -66, -8), (0, -63, 3)], 1.8),
        ([(11, -50, 5), (20, -45, 10), (32, -45, 13), (40, -50, 18)], 1.4),
        ([(11, -50, 5), (3, -38, 13), (1, -26, 28), (1, -34, 50)], 1.2),
        ([(0, -63, 3), (12, -68, 4), (20, -84, 6)], 1.2),
    ):
        points = np.array(points, float)
        low, high = points.min(0) - 3, points.max(0) + 3
        canvas.draw("blood", lambda p, q=points, r=radius: tube(p, q, r), low, high, both=True)


def airway(canvas: Canvas) -> None:
    """Air from the back of the nose to the voice box, behind soft palate and epiglottis, and a film over the tongue."""
    pharynx = [(0, -42, -33), (0, -54, -35), (0, -63, -46), (0, -64.5, -70), (0, -62, -92), (0, -59, -112)]

    def throat(p):
        return tube(p, pharynx, [8, 7.5, 5.6, 5, 6, 5.5], flat=(0.6, 1, 1))

    canvas.draw("mucosa", lambda p: throat(p) - 1.5, (-18, -74, -122), (18, -34, -24))
    canvas.draw("air", throat, (-18, -72, -120), (18, -34, -24))
    canvas.draw(
        "muscle",
        lambda p: tube(
            p, [(0, -38, -45.5), (0, -49, -47), (0, -57, -56), (0, -58, -64)], [3.2, 4, 3.6, 2.6], flat=(0.28, 1, 1)
        ),
        (-16, -64, -70),
        (16, -34, -38),
    )
    canvas.draw(
        "air",
        lambda p: tube(p, [(0, -50, -96), (0, -52, -104)], [3, 3.4], flat=(0.4, 1, 1)),
        (-12, -60, -112),
        (12, -44, -90),
    )
    canvas.draw(
        "cartilage",
        lambda p: tube(p, [(0, -53, -112), (0, -57, -100), (0, -61, -90)], [1.6, 1.5, 1.2], flat=(0.16, 1, 1)),
        (-12, -66, -118),
        (12, -48, -84),
    )
    larynx = [(0, -58, -112), (0, -57, -122), (0, -56, -131), (0, -56, -138), (0, -56, -152)]
    canvas.draw("mucosa", lambda p: tube(p, larynx, 9.5), (-14, -72, -152), (14, -42, -110))
    canvas.draw("cartilage", lambda p: np.abs(tube(p, larynx[3:], 10)) - 1.4, (-14, -72, -152), (14, -42, -136))
    canvas.draw(
        "air", lambda p: tube(p, larynx, [5.5, 4.5, 2.2, 6, 8], flat=(1, 0.75, 1)), (-12, -70, -152), (12, -44, -106)
    )

    def film(p):
        x, y, z = p
        top = -53.2 - 0.012 * (y + 14) ** 2 - 0.008 * x**2
        return np.maximum(np.abs(z - top) - 0.5 - 0.7 * np.sin(y / 7 + x / 9), box(p, (0, -18, -55), (18, 22, 9), 4))

    canvas.draw("air", film, (-22, -46, -66), (22, 8, -46), below=8)


def orbits(canvas: Canvas) -> None:
    """Both orbits: fat, globe with lens, optic nerve, the four straight eye muscles, tear gland."""
    low, high = (8, -42, -24), (56, 16, 26)
    canvas.draw(
        "fat", lambda p: np.maximum(skull.orbit(p) + 0.3, p[1] - 8), low, high, both=True, below=3, off_brain=3.3
    )
    eye = canvas.mean_eye

    def straight(start, middle):
        points = [eye + start, eye + middle, (24 if start[0] > -5 else 19, -24, 1.5 + middle[2] * 0.45), (16, -37, 3)]
        if start[0] > 5:
            points[2] = (29.5, -23, 1)
        if start[0] < -5:
            points[2] = (18.4, -23, 1)
        return np.array(points, float)

    for start, middle, flat in (
        ((10.5, 3, 0), (11.3, -9, 0), (1, 1, 0.45)),
        ((-10.5, 3, 0), (-11.3, -9, 0), (1, 1, 0.45)),
        ((0, 2, 11), (-1, -9, 11), (0.45, 1, 1)),
        ((0, 2, -11), (-1, -9, -11), (0.45, 1, 1)),
    ):
        points = straight(np.array(start), np.array(middle))
        canvas.draw(
            "eye muscle", lambda p, q=points, f=flat: tube(p, q, [1.0, 1.9, 2.1, 1.2], flat=f), low, high, both=True
        )
    nerve = [eye + (-1, -11, 0), (25.5, -24, 1), (17, -37, 3.5), (9, -46, 6)]
    canvas.draw("fluid", lambda p: tube(p, nerve, 2.5), low, high, both=True)
    canvas.draw("nerve", lambda p: tube(p, nerve, 1.7), (4, -50, -24), high, both=True)
    canvas.draw("gland", lambda p: ellipsoid(p, (43, 5, 10), (3, 6, 6)), (36, -4, 2), (50, 14, 18), both=True, below=4)
    ball = eye + (0, 0.6, 0)
    canvas.draw("sclera", lambda p: ellipsoid(p, ball, (12.4,) * 3), low, high, both=True, below=0.6)
    canvas.draw("vitreous", lambda p: ellipsoid(p, ball, (11.3,) * 3), low, high, both=True, below=1.4)
    canvas.draw("lens", lambda p: ellipsoid(p, ball + (0, 7.2, 0), (4.6, 2.1, 4.6)), low, high, both=True, below=1.8)
