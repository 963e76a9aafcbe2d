"""Rosa's left hand on a film, with the ring and the medical-ID bracelet that she wears."""

import numpy as np
import people
from film import (
    Film,
    Points,
    Skeleton,
    Technique,
    Truth,
    add_marker,
    add_skin,
    body,
    bone_texture,
    chain,
    cut,
    expose,
    process,
    smooth,
)
from scipy import ndimage

# Outlines in mm in a left hand seen from its back: origin in the middle of the wrist joint, u to the thumb, w to the
# fingertips.  Drawn after anatomy's textbooks, not traced from anybody's image.
# fmt: off
CARPALS = {
    "scaphoid": ((5.4, 3.4), (10, 2.6), (14.6, 5.2), (16.8, 10), (18.6, 14.2), (19.8, 18.6), (17.4, 22.4), (13, 21.8),
                 (10.6, 18.4), (9.6, 14.4), (6.6, 12), (5, 8)),
    "lunate": ((-9.8, 5), (-8.8, 1.4), (-4, -0.6), (1.6, 0.4), (4.2, 3.6), (4.4, 8.6), (2.4, 11.8), (-2.5, 10.4),
               (-7.6, 12), (-10.2, 9)),
    "triquetrum": ((-11, 6.6), (-13, 3.6), (-17, 3.6), (-20.4, 7), (-20.8, 11.4), (-18.4, 15), (-14.4, 14.6),
                   (-11.5, 11.5)),
    "hamate": ((-8.5, 13.6), (-6.1, 16), (-5.4, 22), (-5.6, 29), (-9.4, 31), (-14, 30), (-18.2, 27.6), (-19.4, 23),
               (-17, 18.8), (-12.8, 16)),
    "capitate": ((-4.6, 15.6), (-2, 13), (2.3, 13.3), (6, 15.6), (8, 19), (7.4, 23), (7.7, 28), (6.6, 32.6),
                 (1.5, 33.6), (-3.4, 32.4), (-4.3, 27), (-4, 21)),
    "trapezoid": ((9, 24.6), (11.5, 22.9), (15, 24), (16.4, 27), (16.6, 31.6), (13.6, 34), (9.8, 33.4), (8.8, 29)),
    "trapezium": ((15.4, 24.6), (18.5, 23.6), (22.5, 23.4), (26.2, 27), (25.8, 31.4), (21.6, 35), (18, 33.4),
                  (16.8, 29)),
}
PISIFORM = ((-21.6, 10), (-20, 5.6), (-16, 4.6), (-13.2, 7.5), (-13.4, 12), (-16.5, 14.4), (-20, 13.6))
HOOK = ((-13.6, 25), (-13.2, 22), (-10.8, 20.8), (-8.9, 22.6), (-9, 25.6), (-11.2, 27.4))
RADIUS = ((-6, -3.6), (0, -2.4), (7, -1), (13, 1.6), (18, 5.2), (20.8, 8.2), (22.4, 5.4), (22.6, -2), (21.6, -10),
          (18.6, -20), (15.8, -32), (14.6, -50), (14.2, -80), (14.2, -115), (3.8, -115), (3.6, -80), (3.2, -50),
          (1.4, -32), (-2.4, -20), (-5.8, -11), (-7, -6.4))
ULNA = ((-23.6, -1.6), (-22.2, 1), (-20.2, -1.4), (-18, -3.6), (-14, -3.4), (-10, -4.4), (-8.6, -8), (-9.6, -13),
        (-12.2, -20), (-14, -32), (-14.6, -50), (-14.2, -80), (-14, -115), (-22.6, -115), (-22.8, -80), (-22.4, -50),
        (-21.8, -32), (-22, -20), (-23.6, -12), (-24.6, -6))

# Half outlines of the long bones from base to head: mm to the side for a bone of usual size, share of the length.
METACARPAL = ((0, 0.03), (4.2, 0.01), (7.2, 0.015), (7.9, 0.06), (6.8, 0.13), (5.2, 0.22), (4.3, 0.36), (4.1, 0.52),
              (4.5, 0.68), (5.6, 0.8), (7.2, 0.87), (7.5, 0.92), (6.4, 0.968), (3.4, 0.993), (0, 1))
PROXIMAL = ((0, 0.02), (4.2, 0.002), (7.2, 0.008), (8, 0.05), (7.2, 0.12), (5.7, 0.21), (4.9, 0.35), (4.5, 0.55),
            (4.3, 0.72), (4.6, 0.82), (5.5, 0.89), (5.9, 0.935), (5.4, 0.975), (3.4, 1.0), (1.4, 0.985), (0, 0.978))
MIDDLE = ((0, 0.0), (2.2, 0.012), (4.6, 0.002), (6.7, 0.02), (7, 0.08), (6, 0.17), (4.6, 0.3), (3.9, 0.48),
          (3.7, 0.66), (4, 0.78), (4.9, 0.87), (5.3, 0.92), (4.9, 0.97), (3, 1.0), (1.2, 0.985), (0, 0.978))
DISTAL = ((0, 0.0), (2, 0.012), (4.2, 0.004), (6, 0.03), (6.1, 0.1), (4.8, 0.2), (3.3, 0.33), (2.5, 0.5), (2.4, 0.64),
          (3.1, 0.75), (4, 0.83), (3.9, 0.91), (2.7, 0.975), (0, 1.0))
# fmt: on
HAND = 0.93  # a woman's hand against the outlines


def long_outline(half: Points, start: Points, end: Points, scale: float, lean: float) -> np.ndarray:
    """Return the outline of a long bone between two points; its two sides differ a little (`lean`)."""
    half = np.array(half)
    start, end = np.asarray(start, float)[:2], np.asarray(end, float)[:2]
    way = end - start
    across = np.array([way[1], -way[0]]) / np.linalg.norm(way)
    right = half * (1 + lean, 1)
    left = half[-2:0:-1] * (lean - 1, 1)
    sides = np.vstack([right, left])
    sides[:, 0] += 0.5 * lean * np.sin(2 * np.pi * sides[:, 1])
    return smooth(start + np.outer(sides[:, 1], way) + np.outer(sides[:, 0] * scale, across))


def lay_out(person: people.Person) -> tuple:
    """Return the skin, the function that puts it on the film, and the joints on the film."""
    skin, joints = body(person)
    wrist = joints["l-hand"]
    up = joints["l-finger-3-4"] - wrist
    up /= np.linalg.norm(up)
    across = joints["l-finger-2-1"] - joints["l-finger-5-1"]
    across -= (across @ up) * up
    across /= np.linalg.norm(across)
    frame = np.stack([across, up, np.cross(across, up)])

    def place(points: np.ndarray) -> np.ndarray:
        return (points - wrist) @ frame.T

    return skin, place, {name: place(point) for name, point in joints.items()}


def draw_hand(film: Film, joints: dict[str, np.ndarray], random: np.random.RandomState) -> None:
    """Put a left hand's bones on the film."""
    bones = Skeleton(film, bone_texture(film, random, 1.1))
    origin = np.array([0, -6.0])

    def at(points: Points) -> np.ndarray:
        return origin + HAND * np.asarray(points, float)

    bones.bone(smooth(at(RADIUS)), 0.62, 0.55, 1.9, (at([(7, 2)])[0], at([(9, -150)])[0]), 0.75)
    bones.bone(smooth(at(ULNA)), 0.68, 0.5, 1.7, (at([(-16, 2)])[0], at([(-18, -150)])[0]), 0.75)
    for outline in CARPALS.values():
        middle = np.mean(outline, axis=0)
        bones.bone(smooth(at(middle + 1.07 * (np.array(outline) - middle))), 0.8, 0.5)
    bones.bone(smooth(at(PISIFORM)), 0.6, 0.45)
    bones.bone(smooth(at(HOOK)), 0.75, 0.7)

    bases = {1: (25.4, 34.2), 2: (14.2, 33.6), 3: (2.4, 33.2), 4: (-8.2, 30.6), 5: (-15.4, 28.6)}
    sizes = {1: 0.82, 2: 0.98, 3: 1.0, 4: 0.88, 5: 0.84}
    for finger in range(1, 6):
        scale = HAND * sizes[finger]
        lean = 0.06 * (1 if finger in (1, 2) else -1)
        knuckle, second, third, tip = (joints[f"l-finger-{finger}-{k}"][:2] for k in range(1, 5))
        base = at([bases[finger]])[0]
        if finger == 1:  # the thumb has a metacarpal and two phalanges
            second = second + 0.2 * (third - second)
            for aside in ((-4.6, -0.6), (0.2, -4.6)):  # the sesamoids in front of the joint
                seed = second + aside
                ring = np.linspace(0, 2 * np.pi, 12, endpoint=False)
                bones.bone(smooth(seed + np.column_stack([1.7 * np.cos(ring), 2.2 * np.sin(ring)])), 0.8, 0.5)
            ends = [(METACARPAL, base, second, 1.0), (PROXIMAL, second, third, 1.0), (DISTAL, third, tip, 1.15)]
        else:  # the mesh bends its fingers further out than the bones do
            knuckle = knuckle + 9 * (base - knuckle) / np.linalg.norm(base - knuckle)
            ends = [
                (METACARPAL, base, knuckle, 1.0),
                (PROXIMAL, knuckle, second, 1.0),
                (MIDDLE, second, third, 1.0),
                (DISTAL, third, tip, 1.0),
            ]
        for half, start, end, wide in ends:
            way = (end - start) / np.linalg.norm(end - start)
            short = 4.2 if half is DISTAL else 0.0  # the pulp of the finger
            first, last = start + 0.75 * way, end - (0.75 + short) * way
            outline = long_outline(half, first, last, scale * wide, lean)
            cortex, shaft = (0.4, 1.9) if half is METACARPAL else (0.35, 1.5) if half is PROXIMAL else (0.3, 1.2)
            bones.bone(outline, 0.62 if half is DISTAL else 0.66, cortex, shaft * scale, (first, last), 0.7)
    bones.develop(0.27)


HAND_TECHNIQUE = Technique(
    spectrum=(0.34, 0.46, 0.20, 0, 0, 0), photons=24000, scatter=0.10, spread=14, blur=0.16,
    detail=0.5, large=6, dark=0.02, bright=1.75, top=6.0,
)  # fmt: skip


def hand(person: people.Person, worn: bool, shift: float, seed: int) -> tuple[np.ndarray, Truth]:
    """Return a left hand as pixels, and the truth about its objects; it lies `shift` mm from the film's middle."""
    random = np.random.RandomState(seed)
    film = Film(-82 - shift, 90 - shift, -92, 184, 0.2)
    skin, place, joints = lay_out(person)
    part = cut(skin, skin.vertices[:, 0] > 330)
    chord = add_skin(film, part, place, 1.6)
    muscle = ndimage.gaussian_filter(random.standard_normal(film.shape), (22, 5))
    film.layers["water"] = film.layers["water"] + 0.02 * chord * muscle / muscle.std()
    draw_hand(film, joints, random)
    truth = Truth(film)
    if worn:
        add_ring(film, truth, joints)
        add_bracelet(film, truth)
    add_marker(film, truth, (66 - shift, 160), 12, -4)
    return process(expose(film, HAND_TECHNIQUE, random), film, HAND_TECHNIQUE), truth


def add_ring(film: Film, truth: Truth, joints: dict[str, np.ndarray]) -> None:
    """Put a wedding ring on the ring finger: a band of gold seen from its side, a little tilted."""
    start, end = joints["l-finger-4-1"][:2], joints["l-finger-4-2"][:2]
    way = (end - start) / np.linalg.norm(end - start)
    middle = start + 0.42 * (end - start)
    angle = np.linspace(0, 2 * np.pi, 181)
    outward = np.array([way[1], -way[0]])
    cover = film.empty()
    for radius, half in ((8.9, 1.4), (9.4, 1.1)):  # two layers make the band's edges round
        curve = np.column_stack([
            middle + np.outer(radius * np.cos(angle), outward) + np.outer(0.28 * radius * np.sin(angle), way),
            radius * np.sin(angle),
        ])  # fmt: skip
        side = np.tile(np.r_[way, 0], (len(curve), 1))
        cover += film.tube(curve, half, 0.55, side, 200)
    film.add("gold", cover)
    truth.mark("ring", cover, "strip", material="gold")


def add_bracelet(film: Film, truth: Truth) -> None:
    """Put a medical-ID bracelet around the wrist: a loose chain, and a steel plate with three engraved lines."""
    middle, angle, reach = np.array([-2.0, -46.0]), -7.0, 34.0
    along = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    up = np.array([-along[1], along[0]])
    plate = film.plate(middle, 44, 20, angle, 4)
    rim = plate - film.plate(middle, 42.4, 18.4, angle, 3.2)
    lines = (("MEDICAL ID", 5.6, 3.2), ("TYPE 1 DIABETES", 0.1, 2.7), ("ID 4471-9083", -5.5, 3.2))
    texts = {words: film.text(words, middle + offset * up, height, angle) for words, offset, height in lines}
    engraved = np.max(list(texts.values()), axis=0)
    chains = film.empty()
    for side in (-1, 1):
        x = np.linspace(21.5, reach, 30)
        curve = np.column_stack(
            [middle + np.outer(side * x, along) + np.outer(0.06 * (x - 21.5) ** 1.7, up), 18 - (x - 21.5) ** 2 * 0.11]
        )
        chains += chain(film, curve, 4.2, 0.5)
    turn = np.linspace(0, np.pi, 80)
    curve = np.column_stack(
        [
            middle + np.outer(reach * np.cos(turn), along) + np.outer(3.5 + 12.5 * np.sin(turn) ** 0.8, up),
            -18 * np.sin(turn),
        ]
    )
    chains += chain(film, curve, 4.2, 0.5)
    steel = 0.75 * plate + 0.4 * rim - 0.55 * engraved * plate
    film.add("steel", steel + chains)
    cover = np.maximum(plate, ndimage.grey_closing(chains, size=5) > 0.15)
    truth.mark("bracelet", cover, "strip", texts, material="steel", angle=angle)
