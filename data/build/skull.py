"""The skull of the mean head without the lower jaw, drawn on a canvas in millimetres from between the eyes.

Positions follow the usual cephalometric landmarks (sella, nasion, basion, porion, orbitale), moved to fit the skin of
the mean head. Each bone is a hard shell ("bone") around "sponge" (diploe).
"""

import brain
import numpy as np
from canvas import Canvas
from scipy.spatial import cKDTree
from shapes import Point, box, ellipsoid, join, plate, ramp, tube
from skeleton import UPPER


def vault(canvas: Canvas) -> None:
    """The brain case: an inner and an outer table with diploe between, thin at base and temple."""
    x, y, z = canvas.points
    outside = canvas.brain_distance
    height = z - brain.base_height(y)
    thickness = 2.6 + 4.2 * ramp(height, -6, 24) + 0.9 * canvas.noise(60)
    temple = ramp(np.abs(x), 46, 56) * ramp(y, -85, -70) * ramp(-y, 10, 22) * ramp(-height, -40, -22)
    thickness = thickness * (1 - 0.5 * temple)
    thickness = thickness + 2.2 * np.exp(-((x / 16) ** 2) - ((y + 155) / 16) ** 2 - ((z + 14) / 14) ** 2)
    gap = 1.8 + 0.3 * canvas.noise(40)
    shell = np.maximum(np.maximum(gap - outside, outside - gap - thickness), 4.2 - canvas.depth)
    opening = ellipsoid((x, y, z), (0, -97, -40), (15, 18.5, 22))
    shell = np.maximum(shell, -opening)
    far = outside > gap + thickness + 2
    canvas.everywhere("fluid", np.where(far, 9, np.maximum(outside - gap, 4 - canvas.depth)))
    canvas.everywhere("bone", np.where(far, 9, shell))
    tables = 1.5 + 0.25 * canvas.noise(14)
    diploe = np.maximum(gap + tables - outside, outside - gap - thickness + tables * 1.15)
    diploe = np.maximum(np.maximum(diploe, 5.6 - canvas.depth), 1.0 - opening)
    canvas.everywhere("sponge", np.where(far, 9, diploe))
    canvas.everywhere("suture", np.where(far, 9, np.maximum(_sutures(canvas), shell + 0.2)))


def _sutures(canvas):
    """The wavy seams of the vault: sagittal, coronal, lambdoid."""
    x, y, z = canvas.points
    wave = 1.1 * canvas.noise(9)
    sagittal = np.maximum(np.abs(x + wave), np.maximum(y + 38, -118 - y))
    coronal = np.maximum(np.abs(y + wave + 38 - 0.3 * (z - 95)), 30 - z)
    lambdoid = np.maximum(np.abs(z + wave - 52 + 0.85 * np.abs(x)), y + 112)
    return np.minimum(np.minimum(sagittal, coronal), lambdoid) - 0.45


def _cells(canvas, body, low, high, size, wall, seed, **options):
    """Air cells with thin walls inside a body: the cells around scattered points (a Voronoi pattern)."""
    random = np.random.RandomState(seed)
    low, high = np.array(low, float), np.array(high, float)
    count = int(np.prod(high - low) / size**3)
    tree = cKDTree(low + random.random_sample((count, 3)) * (high - low))

    def air(p):
        inside = body(p)
        near = np.full(inside.shape, 9.0)
        chosen = inside < 2
        distances, _ = tree.query(np.stack([axis[chosen] for axis in p], -1), k=2)
        near[chosen] = wall / 2 - (distances[:, 1] - distances[:, 0]) / 2
        return np.maximum(inside, near)

    canvas.draw("air", air, low, high, **options)


def base(canvas: Canvas) -> None:
    """Skull base: petrous bones with ear canals and mastoid cells, clivus, sphenoid with its sinus, sella, condyles."""

    def clivus(p):
        return tube(p, [(0, -60, 0), (0, -69, -16), (0, -79, -33)], [6, 6.5, 4.5], flat=(0.45, 1, 1))

    def sphenoid(p):
        return join(box(p, (0, -46, -9), (17, 15, 13), 5), clivus(p), 4)

    canvas.bone(sphenoid, (-24, -86, -42), (24, -26, 10), 1.4)
    canvas.draw(
        "thin bone", lambda p: ellipsoid(p, (8.2, -44, -10), (9.6, 14.8, 12.4)), (-2, -60, -26), (20, -28, 6), both=True
    )
    for side, (depth, height) in ((1, (12.5, 9.8)), (-1, (11, 8.6))):
        canvas.draw(
            "air",
            lambda p, s=side, d=depth, h=height: ellipsoid(
                (p[0] * s, p[1], p[2]), (8.2, -44, -10), (8.2, d + 1, h + 1.5)
            ),
            (-18, -60, -24),
            (18, -28, 4),
            off_brain=3.3,
        )
    canvas.draw("bone", lambda p: box(p, (0, -61.5, 5), (8, 1.6, 6), 1.4), (-11, -66, -4), (11, -56, 13))
    canvas.draw("gland", lambda p: ellipsoid(p, (0, -54.5, 5), (7, 5.5, 4.2)), (-9, -62, -1), (9, -48, 11))
    canvas.draw(
        "bone", lambda p: tube(p, [(14, -40, 8), (10, -50, 9)], [2.6, 1.5]), (6, -55, 3), (20, -34, 14), both=True
    )

    def petrous(p):
        ridge = tube(p, [(54, -80, -22), (38, -74, -20), (16, -63, -15)], [11, 9.5, 5])
        mastoid = tube(p, [(54, -86, -26), (54, -85, -42)], [12, 7])
        return join(ridge, mastoid, 6)

    canvas.bone(petrous, (6, -104, -56), (70, -52, -4), 3.2, both=True, below=3.5)

    def mastoid(p):
        return tube(p, [(52, -83, -24), (54, -86, -42)], [10, 5])

    _cells(
        canvas,
        mastoid,
        (40, -98, -50),
        (66, -70, -12),
        5.2,
        0.9,
        canvas.head.seed + 1,
        both=True,
        below=5.5,
        off_brain=4,
    )
    canvas.draw("air", lambda p: ellipsoid(p, (46, -71, -21), (2.6, 5, 6.5)), (42, -78, -29), (50, -64, -13), both=True)
    canvas.draw(
        "bone", lambda p: tube(p, [(45.5, -72, -19), (46, -70, -17)], 1.2), (43, -75, -22), (49, -67, -14), both=True
    )
    canvas.draw(
        "fluid", lambda p: ellipsoid(p, (38, -69, -20), (2.6, 2.2, 2.2)), (34, -73, -24), (42, -65, -16), both=True
    )
    canvas.draw(
        "fluid", lambda p: tube(p, [(36, -74, -17), (24, -73, -16)], 2.2), (20, -78, -21), (40, -69, -12), both=True
    )
    canvas.draw(
        "air",
        lambda p: tube(p, [(72, -66, -27), (62, -68, -26), (49, -71, -22)], 3.1),
        (44, -77, -33),
        (76, -60, -16),
        both=True,
        below=0.0,
    )
    canvas.bone(lambda p: ellipsoid(p, (16, -85, -37), (6, 11, 5.5)), (8, -98, -44), (24, -72, -30), 1.2, both=True)

    def wings(p):
        inner = plate(p, [(-48, -20), (-38, -20), (-40, -46), (-47, -44)], lambda y, z: 9 + 0 * y, 1.8)
        outer = plate(p, [(-54, -20), (-38, -20), (-42, -42), (-52, -42)], lambda y, z: 12 - (y + 40) * 0.45, 1.8)
        return np.minimum(inner, outer)

    canvas.draw("bone", wings, (5, -58, -50), (24, -34, -16), both=True)


def orbit(p: Point) -> np.ndarray:
    """Distance to the left orbit: a cone from its rim to the optic foramen."""
    return tube(p, [(32, 9, -0.5), (30, 0, 0), (25, -18, 1), (17, -38, 3)], [20, 19.5, 13.5, 4], flat=(1, 1, 1.1))


def sinus(p: Point) -> np.ndarray:
    """Distance to the left maxillary sinus, below the orbit and beside the nose."""
    x, y, z = p
    body = join(ellipsoid(p, (27.5, -9, -29), (13.5, 15, 15)), ellipsoid(p, (28, -19, -32), (11, 13, 12)), 8)
    body = body + 0.9 * np.sin(y / 4.5 + 1) * np.cos(z / 5.5)
    return np.maximum(body, 2.2 - orbit(p))


def nasal_cavity(p: Point) -> np.ndarray:
    """Distance to the nasal cavity: narrow above, wide at its floor."""
    x, y, z = p
    half = 3.0 + 10.5 * ramp(-z, 8, 30)
    half = half - 2.0 * ramp(np.abs(y + 12), 14, 30) + 0.8 * np.sin(z / 3.5 + y / 9)
    roof = 5 - 0.02 * (y + 14) ** 2  # the cavity is lower in front and behind
    ends = (np.abs(y + 15) - 29 + 0.004 * (z + 24) ** 2) * 0.9
    return np.maximum(np.maximum((np.abs(x) - half) * 0.9, ends), np.maximum(-42.5 - z + 0.012 * x * x, z - roof))


def face(canvas: Canvas) -> None:
    """Facial bones: orbits, nose with septum and turbinates, maxillae, palate, zygomatic arches; their air spaces."""
    _frontal_sinuses(canvas)

    def orbit_wall(p):
        x, y, z = p
        thickness = 1.1 + 2.4 * ramp(y, -12, 6) * ramp(x, 20, 34)
        d = orbit(p)
        front = y - 7 + 9 * ramp(x, 34, 46)
        return np.maximum(np.maximum(-d, d - thickness), front)

    canvas.draw("bone", orbit_wall, (8, -42, -26), (56, 14, 26), both=True, below=4)
    rim = [(12, 13, 12), (20, 13, 20), (32, 11, 22), (43, 4, 17), (47.5, -1, 5), (47, -2, -6)]
    canvas.bone(
        lambda p: np.maximum(tube(p, rim, [4, 6.5, 6.5, 5.5, 4, 3.6]), -orbit(p)),
        (4, -10, -12),
        (56, 24, 32),
        1.8,
        both=True,
        below=4,
    )
    lower_rim = [(46, -1, -8), (42, 5, -17), (32, 9.5, -21.5), (20, 12, -20), (13, 15, -8), (9.5, 17, 2)]
    cheek = [(46.5, -4, -6), (45.5, 0, -18), (42, 1, -27), (35, 4, -36)]

    def cheekbone(p):
        edge = tube(p, lower_rim, [3.6, 3.6, 3.2, 2.8, 2.2, 2.6])
        front = tube(p, [(34, 7, -24), (22, 9, -28), (15, 12, -34)], [4, 3, 3.5])  # the maxilla's front wall
        whole = join(join(edge, tube(p, cheek, [4, 6, 7, 4.5]), 4), front, 5)
        return np.maximum(np.maximum(whole, 0.3 - orbit(p)), -1.5 - sinus(p))

    canvas.bone(cheekbone, (4, -16, -46), (56, 24, 10), 1.7, both=True, below=4.5)
    arch = [(46, -2, -22), (56, -18, -25.5), (60.5, -36, -25), (59.5, -52, -22), (56, -62, -20)]
    canvas.draw(
        "bone",
        lambda p: tube(p, arch, [4.5, 3.0, 2.9, 3.2, 4.5], flat=(1.45, 1, 0.85)),
        (38, -70, -34),
        (68, 6, -12),
        both=True,
        below=4,
    )

    _maxilla(canvas)

    def nasal_bones(p):
        x, y, z = p
        ridge = 17.5 + 0.62 * (4 - z) - 0.85 * np.sqrt(x * x + 2)
        return np.maximum(np.maximum(np.abs(y - ridge) * 0.72 - 1.0, np.abs(x) - 9), np.maximum(z - 9, -14 - z))

    canvas.draw("bone", nasal_bones, (-12, 6, -18), (12, 34, 12), below=2.6)
    canvas.draw("bone", lambda p: box(p, (0, 13, 8), (10, 6, 7), 4), (-12, 4, -2), (12, 22, 18), below=4)
    _nose(canvas)


def _frontal_sinuses(canvas: Canvas) -> None:
    """The glabella, thickened in front of the frontal lobes, and the sinuses in it (no two sides alike)."""
    canvas.bone(lambda p: ellipsoid(p, (0, 13, 17), (26, 8.5, 13)), (-30, 2, 0), (30, 26, 34), 2.2, below=4.2)
    random = np.random.RandomState(canvas.head.seed + 2)
    for side in (1, -1):
        width, height = 7 + 4 * random.random_sample(), 7 + 4 * random.random_sample()
        canvas.draw(
            "air",
            lambda p, s=side, w=width, h=height: join(
                ellipsoid((p[0] * s, p[1], p[2]), (w + 1.2, 14.5, 14 + h / 2), (w, 4.2, h)),
                ellipsoid((p[0] * s, p[1], p[2]), (w * 1.9, 13.5, 13 + h / 3), (w * 0.6, 3, h * 0.7)),
                4,
            ),
            (-26, 6, 4),
            (26, 22, 34),
            below=7.5,
            off_brain=3.6,
        )


def _maxilla(canvas: Canvas) -> None:
    def body(p):
        front = tube(p, [(14, 12, -44), (12, 13, -24), (10, 14, -8)], [4, 2.6, 2])
        return join(sinus(p) - 1.3, front, 4)

    canvas.draw("bone", body, (4, -36, -54), (48, 20, -2), both=True, below=4)
    canvas.draw("mucosa", lambda p: sinus(p), (10, -34, -52), (46, 10, -8), both=True, below=6)
    canvas.draw("air", lambda p: sinus(p) + 0.8, (10, -34, -52), (46, 10, -8), both=True, below=7)
    arch = [(0, 14.6, 0)] + [(x * 0.97, y - 1.5, 0) for x, y in UPPER] + [(30, -38, 0)]

    def ridge(p):
        x, y, z = p
        flat = tube((x, y, 0 * z), arch, [4.6] * 4 + [5.2, 6, 6.8, 6.8, 6, 4])
        return np.maximum(flat, np.abs(z + 50.5) - 7.2) - 0.8

    canvas.bone(ridge, (-1, -46, -62), (42, 24, -40), 1.2, both=True, below=4.5)

    def palate(p):
        x, y, _ = p
        return np.maximum(box(p, (0, -12, -44.6), (24, 29, 1.5), 1), np.abs(x) - 22 + 0.004 * (y + 12) ** 2)

    canvas.draw("bone", palate, (-26, -44, -50), (26, 20, -40), below=5)
    canvas.draw(
        "bone", lambda p: tube(p, [(0, 13, -44.5), (0, 18, -44)], [3, 1.2]), (-5, 8, -49), (5, 21, -40), below=5
    )


def _nose(canvas: Canvas) -> None:
    """Nasal cavity with septum and turbinates, ethmoid cells, and the nostrils, which stay closed by a film of skin."""
    random = np.random.RandomState(canvas.head.seed + 3)
    bend, shift = 1.2 * (random.random_sample() - 0.5), 8 * random.random_sample()
    low, high = (-16, -46, -46), (16, 16, 2)
    canvas.draw("thin bone", lambda p: nasal_cavity(p) - 1.0, low, high, below=4)
    canvas.draw("mucosa", nasal_cavity, low, high, below=4)
    canvas.draw("air", lambda p: nasal_cavity(p) + 1.3, low, high, below=4.5, off_brain=3.3)

    def vestibule(p):
        return tube(p, [(6.5, 27, -43), (6.5, 22, -37), (6, 13, -33)], [3.6, 4.6, 5])

    canvas.draw("air", vestibule, (0, 6, -50), (13, 34, -26), both=True, below=2.4)

    def septum(p):
        x, y, z = p
        return np.abs(x - 2.6 * bend * np.sin((y + shift) / 11) * np.sin((z + 42) / 13)) - 1.3

    def within(p):
        flat = (0 * p[0], p[1], p[2])
        front = join(ellipsoid(flat, (0, 14, -30), (1, 17, 13)), ellipsoid(flat, (0, 8, -10), (1, 11, 17)), 4)
        return np.minimum(nasal_cavity(flat), front)

    canvas.draw("mucosa", lambda p: np.maximum(septum(p), within(p)), (-6, -46, -46), (6, 30, 2), below=1.6)
    canvas.draw(
        "thin bone",
        lambda p: np.maximum(np.maximum(septum(p) + 0.8, within(p)), p[1] + 5 - 0.7 * np.abs(p[2] + 27)),
        (-6, -46, -46),
        (6, 12, 2),
        below=4,
    )
    for centre, radii in (((8.8, -14, -34.5), (4.4, 23, 6.6)), ((6.4, -19, -20.5), (2.7, 17, 6.2))):
        canvas.draw(
            "mucosa", lambda p, c=centre, r=radii: ellipsoid(p, c, r), (2, -44, -46), (14, 12, -10), both=True, below=5
        )

        def scroll(p, c=centre, r=radii):
            roll = ellipsoid(p, (c[0] + 1.2, c[1], c[2] - 0.5), (r[0] * 0.55, r[1] * 0.9, r[2] * 0.6))
            return np.maximum(np.abs(roll) - 0.45, p[2] - c[2] - 2)

        canvas.draw("thin bone", scroll, (2, -44, -46), (14, 12, -10), both=True, below=5)

    def ethmoid(p):
        x, y, z = p
        shape = ellipsoid((x, y, z), (8.6 + 0.05 * (y + 15), -14, -4), (9, 26, 14.5))
        return np.maximum(np.maximum(shape, 1.2 - x), 0.7 - orbit(p))

    canvas.draw("thin bone", lambda p: ethmoid(p) - 0.6, (0, -44, -22), (20, 14, 14), both=True, below=5)
    _cells(
        canvas, ethmoid, (0, -42, -20), (19, 14, 12), 7.0, 0.9, canvas.head.seed + 4, both=True, below=6, off_brain=3.3
    )
