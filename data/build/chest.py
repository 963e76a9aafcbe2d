"""A chest on a film, and the necklace, the pendant and the pacemaker of Jonas."""

import numpy as np
import people
from film import (
    Film,
    Skeleton,
    Technique,
    Truth,
    add_marker,
    add_skin,
    body,
    bone_texture,
    chain,
    crop,
    cut,
    expose,
    process,
    smooth,
)
from scipy import ndimage
from scipy.interpolate import CubicSpline

SHOULDER = 182.0  # mm from the middle to the shoulder joint that the bones are drawn for; the notch is at w = 0

# Each rib's height at the spine, half the cage's width and depth there, its fall to the front, and its end in degrees.
RIBS = (
    (27, 47, 34, 34, 150), (8, 74, 52, 52, 152), (-14, 93, 64, 66, 150), (-36, 106, 72, 76, 147),
    (-58, 115, 79, 84, 143), (-80, 122, 84, 90, 139), (-103, 128, 88, 95, 134), (-126, 132, 90, 98, 128),
    (-149, 135, 91, 99, 121), (-173, 136, 91, 92, 114), (-198, 132, 89, 72, 98), (-222, 118, 82, 46, 74),
)  # fmt: skip
BACK = -60.0  # mm; how far behind the middle the ribs begin


def cage(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return half the width, half the depth, and the middle's d of the space for the lungs at a height."""
    heights = (-320, -250, -180, -120, -70, -30, 0, 15, 27, 40)
    width = np.interp(w, heights, (134, 134, 130, 121, 107, 88, 70, 60, 51, 42))
    depth = np.interp(w, heights, (88, 88, 86, 82, 74, 62, 48, 38, 28, 18))
    return width, depth, BACK + 2 + np.interp(w, heights, (88, 88, 86, 82, 74, 62, 48, 40, 32, 26))


def outside(u, w, d, centre, radii, turn: float = 0.0):
    """Return how far in mm, about, points lie outside an ellipsoid; `turn` tilts it in the plane of the film."""
    x, y, z = u - centre[0], w - centre[1], d - centre[2]
    cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    rho = np.sqrt(((x * cos + y * sin) / radii[0]) ** 2 + ((y * cos - x * sin) / radii[1]) ** 2 + (z / radii[2]) ** 2)
    return (rho - 1) * min(radii)


HEART = (  # centre, radii, tilt: ventricles, right atrium, trunk of the lung artery, ear of the left atrium
    ((28, -167, 42), (65, 48, 46), -32), ((-8, -152, 38), (34, 47, 38), -12), ((24, -96, 38), (21, 24, 22), 0),
    ((40, -117, 25), (17, 22, 20), 0), ((24, -60, -6), (18, 17, 36), 0), ((-6, -66, 30), (24, 40, 18), 0),
)  # fmt: skip


def lung_margin(u: np.ndarray, w: np.ndarray, d: float) -> np.ndarray:
    """Return how far in mm, about, points lie inside the lungs."""
    width, depth, middle = cage(w)
    rho = (np.abs(u / width) ** 2.3 + np.abs((d - middle) / depth) ** 2.3) ** (1 / 2.3)
    margin = (1 - rho) * np.minimum(width, depth)
    aside = np.abs(u) - 40
    margin = np.minimum(margin, 27 - 24 * (aside / np.where(aside < 0, 26, 44)) ** 2 - w)  # two rounded tops
    right = ((u + 66) / np.where(u < -66, 64, 105)) ** 2  # the heart keeps the middle of the diaphragm flat
    left = ((u - 74) / np.where(u > 74, 60, 130)) ** 2
    dome = np.where(
        u < 0, -196 - 42 * (right + ((d - 40) / 78) ** 2) ** 1.15, -209 - 40 * (left + ((d - 40) / 78) ** 2) ** 1.15
    )
    margin = np.minimum(margin, (w - np.maximum(dome, -292)) * 0.8)
    for part in HEART:
        margin = np.minimum(margin, outside(u, w, d, *part))
    spine = np.hypot(u / 25, (d + 40) / 32) * 28 - 28
    heights = (-300, -110, -85, -60, -20, 8, 20, 35)
    right_girth = np.interp(w, heights, (14, 18, 27, 30, 35, 29, 23, 19))
    left_girth = np.interp(w, heights, (14, 16, 22, 22, 28, 33, 27, 21))
    girth = np.where(u < -2, right_girth, left_girth)
    great = (np.hypot((u + 2) / girth, (d - 5) / 44) - 1) * girth
    aorta = np.hypot(u - np.interp(w, (-280, -180, -60), (14, 21, 26)), d + 28) - 13
    for part in (spine, great, np.maximum(aorta, w + 64)):
        margin = np.minimum(margin, part)
    return margin


def lung_air(film: Film) -> np.ndarray:
    """Return the length of each ray in the lungs."""
    step, slab = 2, 3.0
    u, w = film.u[None, ::step], film.w[::step, None]
    length = np.zeros((w.size, u.size))
    for d in np.arange(BACK, 125, slab):
        length += slab * np.clip(0.5 + lung_margin(u, w, d) / 1.4, 0, 1)
    full = ndimage.zoom(length, step, order=1, grid_mode=True, mode="nearest")
    return full[: film.shape[0], : film.shape[1]]


def vessels(film: Film, random: np.random.RandomState) -> np.ndarray:
    """Return the thickness of the lungs' blood vessels: trees that grow from both hila and end below the pleura."""
    branches = []
    for side, root in ((-1, (-34, -98, 10)), (1, (35, -88, 4))):
        for angle in (80, 52, 24, -6, -34, -58, -80):
            for lean in (-0.6, 0.0, 0.6):
                way = np.array(
                    [
                        side * np.cos(np.deg2rad(angle + random.uniform(-12, 12))),
                        np.sin(np.deg2rad(angle)),
                        lean + random.uniform(-0.3, 0.3),
                    ]
                )
                way /= np.linalg.norm(way)
                start = root + 5 * way + 3 * random.standard_normal(3)
                branches.append((start, way, (4.5 if angle < -20 else 3.2) * random.uniform(0.75, 1.1)))
    thickness = film.empty()
    clouds = []
    while branches:
        start, way, radius = branches.pop()
        length = random.uniform(7, 13) * radius**0.6 + 3
        bend = 0.16 * random.standard_normal(3)
        share = np.linspace(0, 1, 6)[:, None]
        curve = start + length * (way * share + bend * share**2)
        if lung_margin(curve[-1, :1], curve[-1, 1:2], curve[-1, 2])[0] < 3 and radius < 2.5:
            continue
        clouds.append((curve, radius))
        if radius > 0.36:
            onward = way + 2 * bend
            aside = np.cross(onward, random.standard_normal(3))
            aside /= np.linalg.norm(aside)
            split = random.uniform(0.55, 0.9)
            for turn, thinner in ((0.22, 0.85), (-0.75, 0.85 * split)):
                new = onward / np.linalg.norm(onward) + turn * random.uniform(0.6, 1.2) * aside
                branches.append((curve[-1], new / np.linalg.norm(new), radius * thinner))
    for curve, radius in clouds:
        window = film.window(curve[:, :2], radius + 2)
        part = crop(film, window)
        if min(part.shape) > 1:
            thickness[window] += part.tube(curve, radius, spots=40)
    return thickness


def add_rib(bones: Skeleton, number: int, side: int) -> None:
    """Add one rib: from the spine round the cage and down to the front."""
    height, width, depth, fall, end = RIBS[number]
    angle = np.deg2rad(np.linspace(9, end, 60))
    bend = 2 / 2.15  # a little squarer than an ellipse
    u = width * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** bend
    d = BACK + depth - depth * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** bend
    share = np.clip((angle - np.deg2rad(14)) / np.deg2rad(136), 0, None)
    w = height + 5 * np.sin(np.clip(share * 3, 0, 1) * np.pi) - fall * share**1.25
    outward = np.column_stack([side * np.sin(angle), 0.25 * np.ones(60), -np.cos(angle)])
    curve = np.column_stack([side * u, w, d])
    flat = np.cross(np.gradient(curve, axis=0), outward)
    tall = np.interp(np.rad2deg(angle), (9, 25, 90, end), (4.6, 5.6, 6.2, 7.4 if number < 10 else 4))
    tall *= 0.9 if number in (0, 11) else 1.0
    bones.tube(curve, tall, 0.56 * tall, 1.0, flat)


SCAPULA = ((101, 4), (108, -6), (118, -4), (131, -8), (146, -22), (157, -34), (160, -50), (153, -64), (146, -90),
           (136, -122), (127, -146), (119, -150), (113, -138), (106, -100), (101, -55), (98, -20))  # fmt: skip


def draw_chest(film: Film, random: np.random.RandomState) -> None:
    """Put the bones of the chest and the shoulders on the film."""
    bones = Skeleton(film, bone_texture(film, random, 0.9))
    for number in range(12):
        for side in (-1, 1):
            add_rib(bones, number, side)
    top = 82.0
    for level in range(17):  # the sixth vertebra of the neck to the second of the loins
        tall = np.interp(level, (0, 3, 16), (14, 17.5, 27))
        wide = np.interp(level, (0, 2, 6, 16), (15, 17, 15, 22))
        sway = 1.5 * np.sin(level / 3)
        middle = np.array([sway, top - tall / 2])
        half = np.array([(0, 1), (0.6, 0.97), (0.97, 0.9), (0.93, 0.4), (0.86, 0), (0.93, -0.4), (0.97, -0.9),
                         (0.6, -0.97), (0, -1)])  # fmt: skip
        sides = np.vstack([half, half[-2:0:-1] * (-1, 1)]) * (wide, tall / 2)
        bones.bone(smooth(middle + sides), 0.85, 0.5)
        ring = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        oval = np.column_stack([np.cos(ring), np.sin(ring)])
        for side in (-1, 1):
            bones.bone(smooth(middle + (side * 0.66 * wide, 0.12 * tall) + oval * (3.1, 0.25 * tall)), 0.8, 1.2)
            reach = np.column_stack([middle[0] + side * np.array([12, 20, 31]), middle[1] + np.array([1, 3, 6]),
                                     [-55, -62, -68]])  # fmt: skip
            if level > 0:
                bones.tube(reach, (4.5, 3.4, 4.2), (4, 3, 3.5), 0.8)
        bones.bone(smooth(middle + (0.4, -0.55 * tall) + oval * (2.6, 0.34 * tall)), 1.3, 0.9)
        top -= tall + np.interp(level, (0, 16), (3.2, 6))
    for side in (-1, 1):
        place = np.array([side, 1.0])
        collar = np.array(
            [(13, -1, 62), (34, 0, 66), (60, 5, 62), (92, 15, 42), (124, 22, 20), (150, 20, 8), (153, 20, 7)]
        )
        bones.tube(collar * (side, 1, 1), (7.5, 6.4, 5.4, 5.2, 6.4, 6.4, 2), (7, 6.2, 5.2, 5, 4.6, 4.2, 2), 1.5)
        bones.bone(smooth(np.array(SCAPULA) * place), 0.1, 0.8)
        for border, wide in (
            ([(157, -40, -55), (151, -75, -58), (137, -122, -62), (121, -149, -64)], 3.6),
            ([(99, -18, -62), (101, -60, -64), (108, -110, -65), (118, -147, -64)], 1.4),
            ([(101, -24, -64), (125, -10, -68), (150, 8, -58), (166, 16, -40), (172, 10, -20)], 4.2),
            ([(136, -12, -40), (140, 0, -10), (148, -8, 8), (152, -14, 18)], 5.0),
        ):
            bones.tube(np.array(border) * (side, 1, 1), wide, wide * 0.8, 0.9)
        ring = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        glenoid = np.column_stack([157 + 5 * np.cos(ring), -36 + 19 * np.sin(ring)])
        bones.bone(smooth(glenoid * place), 1.1, 0.9)
        arm = [(166, -12), (176, -5), (188, -6), (199, -15), (204, -30), (214, -48), (236, -84), (270, -140),
               (252, -146), (216, -92), (194, -60), (178, -54), (166, -44), (161, -28)]  # fmt: skip
        bones.bone(smooth(np.array(arm) * place), 0.7, 0.8, 4, ((180 * side, 0), (330 * side, -230)), 0.5)
    breastbone = (
        (0, 1),
        (12, 2),
        (26, -4),
        (22, -18),
        (14, -40),
        (16, -46),
        (17, -80),
        (20, -125),
        (12, -152),
        (0, -160),
    )
    outline = np.array(breastbone + tuple((-u, w) for u, w in breastbone[-2:0:-1]))
    bones.bone(smooth(outline), 0.32, 0.5)
    bones.develop(0.21)


CHEST_TECHNIQUE = Technique(
    spectrum=(0.0, 0.08, 0.24, 0.30, 0.24, 0.14), photons=20000, scatter=0.16, spread=22, blur=0.22,
    detail=0.75, large=14, dark=1.15, bright=4.3, top=9.0,
)  # fmt: skip


def chest(person: people.Person, worn: bool, seed: int) -> tuple[np.ndarray, Truth]:
    """Return a chest as pixels, and the truth about its objects; the skin is brought to the size of the bones."""
    random = np.random.RandomState(seed)
    film = Film(-192.5, 192.5, -340, 66, 0.35)
    skin, joints = body(person)
    notch, size = joints["l-clavicle"], joints["l-shoulder"][0] / SHOULDER
    part = cut(skin, (skin.vertices[:, 2] > notch[2] - 395 * size) & (np.abs(skin.vertices[:, 0]) < 400 * size))

    # The lungs need room: a narrow waist is brought to the width of the cage.
    trunk = skin.vertices[np.unique(skin.quads)] / size
    trunk = trunk[(np.abs(trunk[:, 0]) < 220) & (np.abs(trunk[:, 2] - notch[2] / size + 235) < 15)]
    widest = max(1, 160 / np.abs(trunk[:, 0]).max())

    def place(points: np.ndarray) -> np.ndarray:
        points = ((points - (0, notch[1], notch[2])) / size + (0, 27, 0))[:, [0, 2, 1]]
        wider = np.interp(points[:, 1], (-200, -40), (widest, 1))[:, None]
        return points * np.hstack([wider, np.ones_like(wider), wider])

    chord = add_skin(film, part, place, 9)
    air = np.minimum(lung_air(film), 0.85 * chord)
    blood = vessels(film, random) * (air > 3)
    texture = ndimage.gaussian_filter(random.standard_normal(film.shape), 3)
    film.add("water", np.minimum(0.8 * blood, 0.6 * air) - air * (0.745 + 0.012 * texture / texture.std()))
    add_airways(film)
    add_stomach(film)
    draw_chest(film, random)
    truth = Truth(film)
    if worn:
        add_pacemaker(film, truth)
        add_necklace(film, truth)
    add_marker(film, truth, (172, 42), 15, 3)
    return process(expose(film, CHEST_TECHNIQUE, random), film, CHEST_TECHNIQUE), truth


def add_airways(film: Film) -> None:
    """Take the air of the windpipe and of the main bronchi out of the soft tissue."""
    pipe = np.array([(0, 90, 0), (1, 60, 5), (-1, 20, 2), (-3, -30, -4), (-4, -74, -8)])
    right = np.array([(-4, -70, -8), (-14, -86, -6), (-26, -99, -4), (-34, -116, -6)])
    left = np.array([(-4, -70, -8), (10, -86, -6), (26, -97, -6), (40, -106, -10)])
    air = film.tube(pipe, (8.5, 8.5, 8.5, 8.6, 8.8), 7.5)
    air = np.maximum(air, film.tube(right, (7, 6.5, 5.5, 4.5), 5.5))
    air = np.maximum(air, film.tube(left, (6, 5.5, 5, 4), 5))
    film.add("water", -0.97 * air)


def add_stomach(film: Film) -> None:
    """Put the bubble under the left dome of the diaphragm; upright, it ends in a level of fluid."""
    u, w = film.u[None, :], film.w[:, None]
    air = film.empty()
    for d in np.arange(-20, 80, 2.0):
        bubble = -outside(u, w, d, (70, -246, 28), (36, 24, 34), -8)
        bubble = np.minimum(bubble, w + 249)
        air += 2 * np.clip(0.5 + bubble / 1.2, 0, 1)
    film.add("water", -0.95 * air)


def add_necklace(film: Film, truth: Truth) -> None:
    """Put a gold chain around the neck, and on it an oval pendant with pierced initials."""
    share = np.linspace(-1, 1, 121)
    front = np.column_stack([40 * share + 24 * np.sin(np.pi / 2 * share), -92 + 134 * (0.7 * share**2 + 0.3 * share**4),
                             125 - 105 * np.abs(share) ** 1.5])  # fmt: skip
    turn = np.linspace(0, np.pi, 60)
    back = np.column_stack([64 * np.cos(turn), 42 + 13 * np.sin(turn), 20 - 75 * np.sin(turn)])
    chains = chain(film, front, 5.0, 0.55) + chain(film, back, 5.0, 0.55)
    film.add("gold", chains)
    middle = (1.0, -108.0)
    pendant = film.plate(middle, 38, 22, 4, 10.9)
    rim = pendant - film.plate(middle, 36, 20, 4, 9.9)
    letters = film.text("J.K.M.", middle, 7.0, 4) * pendant
    ring = np.linspace(0, 2 * np.pi, 41)
    eye = film.tube(np.column_stack([0.4 + 2.6 * np.cos(ring), -95.2 + 2.6 * np.sin(ring), 0 * ring]), 0.6)
    film.add("gold", 0.55 * pendant + 0.4 * rim - 0.55 * letters + eye)
    truth.mark("necklace", ndimage.grey_closing(chains, size=3) > 0.12, "strip", material="gold")
    truth.mark("pendant", np.maximum(pendant, eye > 0.2), "strip", {"J.K.M.": letters}, material="gold", angle=4)


def add_pacemaker(film: Film, truth: Truth) -> None:
    """Put a pacemaker below the left collar bone, and its lead through the veins to the tip of the right ventricle."""
    centre, angle = np.array([119.0, -62.0]), 12.0
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))

    def at(x: float, y: float) -> tuple[float, float]:
        return centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos

    can = film.plate(centre, 47, 41, angle, 19)
    shell = can - film.plate(centre, 45.6, 39.6, angle, 18.3)
    header = film.plate(at(-6, 23), 27, 11, angle, 4)
    battery = film.plate(at(3, -10.5), 34, 15, angle, 6.5)
    circuit = film.plate(at(-4, 11.5), 22, 8, angle, 1.5)
    film.add("titanium", 1.2 * can + 2.6 * shell)
    film.add("steel", 1.1 * battery + 0.1 * circuit)
    for x, y, wide, tall in ((-11, 12.5, 5, 4), (-4, 11, 4, 5), (2, 13, 4, 3), (3.5, 9.5, 3, 2), (13.5, 8, 4.5, 8)):
        film.add("steel", 0.55 * film.plate(at(x, y), wide, tall, angle, 0.6))
    for x in (-13, -3):
        film.add("steel", 1.6 * film.plate(at(x, 23), 3.6, 4.6, angle, 0.8))
    serial = film.text("NX 4471203", at(1, 1.5), 3.9, angle)
    film.add("steel", 1.5 * serial)
    film.add("water", 3 * header)

    path = np.array([(-16, 23, 95), (-27, 24, 95), (-31, 12, 96), (-29, -8, 97), (-20, -24, 97), (0, -29, 96),
                     (22, -22, 96), (29, 0, 95), (24, 22, 92), (8, 34, 84)])  # fmt: skip
    loop = np.array([(*at(x, y), d) for x, y, d in path])
    veins = np.array([(92, -12, 70), (66, -6, 55), (36, -12, 48), (8, -24, 46), (-14, -44, 44), (-22, -76, 42),
                      (-25, -112, 42), (-19, -146, 46), (0, -172, 56), (30, -186, 66), (58, -192, 74)])  # fmt: skip
    way = np.vstack([loop, veins])
    dense = CubicSpline(np.arange(len(way)), way)(np.linspace(0, len(way) - 1, 400))
    lead = film.tube(dense, 0.85, spots=60)
    tip = film.tube(dense[-7:], 1.25, spots=60) + film.tube(dense[-26:-20], 1.25, spots=60)
    film.add("steel", 0.55 * lead + 0.8 * tip)
    truth.mark("lead", np.maximum(lead > 0.3, tip > 0.3), "keep", material="steel", part_of="pacemaker")
    truth.mark("pacemaker", np.maximum(can, header), "keep", {"NX 4471203": serial}, material="titanium", angle=angle,
               note="keep the device, mask its serial number")  # fmt: skip
