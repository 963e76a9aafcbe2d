"""Portraits of the synthetic people: the photographs that a stranger could hold against a scan.

The face is the scan's, morphed from the same numbers; expression, pose, light, hair, clothes and background are not.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import gallery_scans
import numpy as np
import people
import render
from hair import Head, Style, grow, hairline, inside_beard, on_brow, pick_roots, room
from people import CAST, Person, Surface
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

ABOUT = (
    "Synthetic people: none of them exists. portrait_eyes: column and row in pixels; scan_eyes: mm in the scan's "
    "patient coordinates (left, back, up); left and right are the patient's. The scans' labels are shuffled."
)
WIDTH, HEIGHT = 320, 400
SHARP = 3  # pixels are averaged from so many times so many
ZOOM = 1.08  # pixels a millimetre
DISTANCE = 1500.0  # mm from the camera
LAMPS = 13  # lights(): so many lamps come before the light of the room


@dataclass(frozen=True)
class Look:
    """What a photograph shows and a scan does not. Colours are sRGB from 0 to 1."""

    skin: tuple[float, float, float]
    hair: Style | None
    clothes: str = "crew"
    cloth: tuple[float, float, float] = (0.3, 0.35, 0.45)
    iris: tuple[float, float, float] = (0.26, 0.16, 0.09)
    brows: float = 1.0
    brow_colour: tuple[float, float, float] | None = None
    beard: float = 0.0
    stubble: float = 0.0
    freckles: float = 0.0
    lips: float = 0.5
    smile: float = 0.25
    pose: tuple[float, float, float] = (8.0, 0.0, 0.0)
    key: tuple[float, float, float] = (-0.6, 0.8, 0.6)
    background: tuple[tuple[float, float, float], tuple[float, float, float]] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    @property
    def tint(self) -> tuple[float, float, float]:
        """Colour of the eyebrows."""
        return self.brow_colour or (self.hair.colour if self.hair else (0.12, 0.09, 0.08))


PALE, FAIR, ROSY = (0.80, 0.63, 0.55), (0.78, 0.60, 0.51), (0.78, 0.60, 0.515)
OLIVE, TAN, HONEY = (0.77, 0.60, 0.49), (0.70, 0.51, 0.40), (0.80, 0.63, 0.50)
BROWN, COCOA, DEEP = (0.55, 0.38, 0.29), (0.44, 0.29, 0.22), (0.33, 0.215, 0.17)
BLACK, DARK, CHESTNUT, BLOND, AUBURN = (
    (0.06, 0.05, 0.045),
    (0.16, 0.11, 0.08),
    (0.32, 0.2, 0.13),
    (0.66, 0.52, 0.34),
    (0.42, 0.2, 0.11),
)
SILVER, WHITE, ASH = (0.55, 0.54, 0.53), (0.78, 0.77, 0.75), (0.5, 0.45, 0.38)
BLUE, GREEN, HAZEL = (0.3, 0.42, 0.52), (0.34, 0.4, 0.28), (0.34, 0.25, 0.13)
LOOKS = {
    "ada": Look(
        FAIR, Style(ASH, 115, "part", 25, lift=14, grey=0.35, wave=0.08), "crew", (0.2, 0.3, 0.45), BLUE,
        brows=0.5, pose=(10, 1, 2), smile=0.4, background=((0.62, 0.66, 0.66), (0.5, 0.54, 0.55)),
    ),
    "jonas": Look(
        ROSY, Style((0.42, 0.39, 0.36), 22, bald=0.8, grey=0.6, lift=6), "shirt", (0.62, 0.7, 0.78), HAZEL,
        stubble=0.35, pose=(-13, 2, 0), background=((0.42, 0.47, 0.5), (0.3, 0.34, 0.38)),
    ),
    "rosa": Look(
        OLIVE, Style(CHESTNUT, 210, "part", -20, lift=16, wave=0.16), "vee", (0.55, 0.2, 0.24), (0.24, 0.14, 0.08),
        brows=0.8, lips=0.65, pose=(-9, -1, -3), key=(0.6, 0.8, 0.6), smile=0.45,
        background=((0.7, 0.66, 0.6), (0.6, 0.55, 0.5)),
    ),
    "amara": Look(
        DEEP, Style(BLACK, 36, "out", curl=0.9, lift=32, count=42000), "crew", (0.75, 0.55, 0.2),
        brows=0.7, lips=0.55, pose=(12, 0, 3), smile=0.5, background=((0.55, 0.6, 0.56), (0.4, 0.46, 0.42)),
    ),
    "kwame": Look(
        COCOA, Style(BLACK, 5, lift=2.5, curl=0.3), "turtle", (0.22, 0.24, 0.28), beard=6,
        pose=(-8, 1, 0), key=(0.5, 0.8, 0.7), background=((0.5, 0.42, 0.36), (0.38, 0.32, 0.28)),
    ),
    "mei": Look(
        HONEY, Style(BLACK, 120, "part", 0, lift=12, fringe=50), "shirt", (0.85, 0.85, 0.83),
        brows=0.6, lips=0.6, pose=(7, 0, -2), smile=0.2, background=((0.52, 0.58, 0.66), (0.4, 0.46, 0.54)),
    ),
    "kenji": Look(
        HONEY, Style((0.22, 0.21, 0.2), 34, "crown", 25, lift=12, grey=0.4), "shirt", (0.35, 0.42, 0.5),
        pose=(-11, -1, 1), smile=0.2, background=((0.6, 0.6, 0.58), (0.52, 0.52, 0.5)),
    ),
    "leila": Look(
        OLIVE, None, "scarf", (0.25, 0.42, 0.45), brows=0.8, brow_colour=DARK, lips=0.65,
        pose=(8, 0, 2), smile=0.4, background=((0.68, 0.62, 0.55), (0.55, 0.5, 0.44)),
    ),
    "omar": Look(
        TAN, Style(BLACK, 24, "crown", lift=9), "crew", (0.28, 0.33, 0.26), beard=9,
        pose=(10, 1, -1), smile=0.25, background=((0.42, 0.46, 0.42), (0.3, 0.34, 0.3)),
    ),
    "priya": Look(
        BROWN, Style((0.1, 0.09, 0.085), 70, "back", lift=4, grey=0.18), "vee", (0.6, 0.25, 0.42),
        brows=0.7, lips=0.6, pose=(-10, 0, 2), smile=0.4, key=(0.6, 0.8, 0.5),
        background=((0.5, 0.5, 0.58), (0.4, 0.4, 0.48)),
    ),
    "arjun": Look(
        BROWN, Style(BLACK, 46, "crown", 35, lift=18, wave=0.1), "crew", (0.5, 0.52, 0.55), stubble=0.55,
        pose=(13, 2, 1), smile=0.3, background=((0.62, 0.64, 0.7), (0.5, 0.52, 0.58)),
    ),
    "ingrid": Look(
        PALE, Style(WHITE, 48, "crown", 20, lift=16, wave=0.12, grey=0.5), "turtle", (0.45, 0.35, 0.5), BLUE,
        brows=0.35, lips=0.4, pose=(-9, 0, -2), smile=0.35, background=((0.6, 0.62, 0.58), (0.5, 0.52, 0.48)),
    ),
    "erik": Look(
        ROSY, Style(BLOND, 32, "crown", -30, lift=13), "crew", (0.3, 0.36, 0.4), BLUE, beard=5, freckles=0.4,
        pose=(9, 0, 0), key=(0.6, 0.7, 0.6), smile=0.25, background=((0.58, 0.64, 0.7), (0.44, 0.5, 0.56)),
    ),
    "tomas": Look(
        FAIR, Style(WHITE, 16, bald=0.75, grey=0.6, lift=5), "shirt", (0.5, 0.42, 0.34), GREEN,
        brows=0.7, pose=(-10, 1, 2), smile=0.35, background=((0.46, 0.42, 0.38), (0.36, 0.33, 0.3)),
    ),
    "sofia": Look(
        FAIR, Style(BLOND, 240, "part", 15, lift=14, wave=0.1), "crew", (0.75, 0.74, 0.7), GREEN,
        brows=0.6, brow_colour=(0.42, 0.32, 0.22), freckles=0.8, lips=0.55, pose=(11, -1, 3), smile=0.45,
        background=((0.62, 0.68, 0.6), (0.48, 0.55, 0.46)),
    ),
    "samuel": Look(
        DEEP, Style(SILVER, 9, lift=5, curl=0.4, grey=0.6, line=0.12), "shirt", (0.7, 0.66, 0.58), brows=0.6,
        brow_colour=(0.3, 0.29, 0.28), pose=(8, 0, 1), smile=0.45, background=((0.55, 0.55, 0.52), (0.42, 0.42, 0.4)),
    ),
    "nadia": Look(
        PALE, Style(AUBURN, 130, "part", -25, lift=20, wave=0.22, curl=0.1), "vee", (0.16, 0.3, 0.26), GREEN,
        brows=0.6, freckles=0.5, lips=0.65, pose=(-12, 0, -2), smile=0.45,
        background=((0.66, 0.64, 0.68), (0.54, 0.52, 0.56)),
    ),
    "carlos": Look(
        TAN, Style(DARK, 26, "crown", 20, lift=9, grey=0.12), "shirt", (0.82, 0.8, 0.74), stubble=0.5,
        pose=(9, 1, -2), smile=0.35, background=((0.5, 0.56, 0.6), (0.38, 0.44, 0.48)),
    ),
    "yuki": Look(
        (0.82, 0.66, 0.55), Style(SILVER, 75, "crown", 25, lift=15, grey=0.4, fringe=45), "crew", (0.5, 0.3, 0.32),
        brows=0.4, lips=0.5, pose=(-8, 0, 1), smile=0.4, background=((0.7, 0.7, 0.68), (0.58, 0.58, 0.56)),
    ),
    "dayo": Look(
        COCOA, None, "crew", (0.8, 0.8, 0.78), brow_colour=BLACK, stubble=0.3,
        pose=(-13, 1, 0), key=(0.6, 0.7, 0.7), smile=0.35, background=((0.36, 0.44, 0.52), (0.26, 0.33, 0.4)),
    ),
    "hanna": Look(
        ROSY, Style(CHESTNUT, 60, "crown", -30, lift=18, wave=0.1, fringe=55), "crew", (0.35, 0.45, 0.4), HAZEL,
        brows=0.5, lips=0.55, pose=(9, 0, -2), smile=0.4, background=((0.56, 0.52, 0.5), (0.44, 0.41, 0.4)),
    ),
}  # fmt: skip


def linear(colour: np.ndarray) -> np.ndarray:
    """sRGB to light, near enough."""
    return np.asarray(colour, float) ** 2.2


@functools.cache
def _lattice(seed: int) -> np.ndarray:
    return np.random.RandomState(seed).normal(size=(32, 32, 32)).astype(np.float32)


def noise(points: np.ndarray, size: float, seed: int) -> np.ndarray:
    """Smooth random numbers in space (mean 0, deviation about 0.5), with bumps of the given size."""
    return ndimage.map_coordinates(_lattice(seed), (points / size).T + 7.3, order=1, mode="grid-wrap")


@functools.cache
def _mask(name: str) -> np.ndarray:
    picture = Image.open(people.mesh_folder() / "textures" / f"mpfb_{name}.jpg").convert("L")
    return np.asarray(picture, np.float32) / 255


def masked(name: str, uv: np.ndarray) -> np.ndarray:
    """How much a texture mask of the mesh ("lips", "face", "ears") covers points with these texture coordinates."""
    picture = _mask(name)
    rows, columns = picture.shape
    return ndimage.map_coordinates(picture, [(1 - uv[:, 1]) * rows - 0.5, uv[:, 0] * columns - 0.5], order=1)


class Layer(NamedTuple):
    """A picture's worth of colour and depth; depth is infinite where there is nothing."""

    colour: np.ndarray
    depth: np.ndarray


def empty(size: int) -> Layer:
    """A layer that shows nothing yet."""
    return Layer(np.zeros((size, 3)), np.full(size, np.inf))


class Subject(NamedTuple):
    """The head as one list of triangles. `base` holds, for each vertex, where it lay before any morph (and its
    texture coordinates), so that a place like "upper lip" means the same on every face."""

    mesh: dict[str, Surface]
    vertices: np.ndarray
    base: np.ndarray
    faces: np.ndarray
    part: np.ndarray


PARTS = ("skin", "left eye", "right eye", "left eye socket", "right eye socket", "mouth cavity")


def subject(person: Person, look: Look) -> Subject:
    """The person as they faced the camera."""
    weights = people.head_weights(person)
    for name, strength in {
        "mouth-corner-puller": look.smile,
        "eye-left-slit": 0.25 * look.smile,
        "eye-right-slit": 0.25 * look.smile,
    }.items():
        weights[f"expression/units/caucasian/{name}"] = strength
    mesh = people.head_mesh(weights, 2)
    flat = people.base()
    neutral = people.subdivided(np.concatenate([flat.vertices, flat.texture], 1), 2)
    vertices, base, faces, part, count = [], [], [], [], 0
    for number, name in enumerate(PARTS):
        own = render.triangles(mesh[name])
        vertices.append(mesh[name].vertices)
        base.append(neutral[name].vertices)
        faces.append(own + count)
        part.append(np.full(len(own), number))
        count += len(mesh[name].vertices)
    return Subject(mesh, *(np.concatenate(column) for column in (vertices, base, faces, part)))


def lights(look: Look) -> list[render.Light]:
    """A large soft key light, a weak one from the other side, one from behind, and the room."""
    key = render.unit(np.array(look.key))
    spread = np.random.RandomState(5).normal(0, 0.16, (8, 3))
    lamps = [render.Light(render.unit(key + offset), np.array([1.0, 0.95, 0.88]) * 1.75 / 8) for offset in spread]
    fill = render.unit(np.array([-key[0] * 1.2, 0.8, 0.1]))
    spread = np.random.RandomState(6).normal(0, 0.3, (4, 3))
    lamps += [render.Light(render.unit(fill + offset), np.array([0.92, 0.97, 1.0]) * 0.5 / 4) for offset in spread]
    lamps.append(render.Light(render.unit(np.array([-key[0], -0.7, 0.7])), np.array([1.0, 1.0, 1.0]) * 0.5))
    steps = np.arange(24) + 0.5
    height, turn = 1 - steps / 14, steps * 2.399963
    ring = np.sqrt(1 - np.clip(height, -1, 1) ** 2)
    sky = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], 1)
    room = np.array([0.95, 0.98, 1.0]) * 0.95 / 24
    sky = sky[sky[:, 1] > -0.5]
    return lamps + [render.Light(direction, room * (1 + 0.5 * direction[2])) for direction in sky]


def irradiance(
    points: np.ndarray, normal: np.ndarray, lamps: list[render.Light], casters: list[render.Shadows], wrap: np.ndarray
) -> np.ndarray:
    """Red, green and blue light that falls on each point; `wrap` lets it reach round into the shade, as skin does."""
    total = np.zeros((len(points), 3))
    for lamp, caster in zip(lamps, casters, strict=True):
        slope = (normal @ caster.axes[2])[:, None]
        arriving = np.clip((slope + wrap) / (1 + wrap), 0, None)
        total += arriving * lamp.colour * caster.light_on(points, 25.0)[:, None]
    return total


def spread_light(values: np.ndarray, faces: np.ndarray, steps: int) -> np.ndarray:
    """Average each vertex with its neighbours so many times."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    counts = np.bincount(edges.ravel(), minlength=len(values))[:, None]
    counts = np.maximum(counts, 1)
    for _ in range(steps):
        both = values[edges]
        total = [
            np.bincount(edges[:, 0], both[:, 1, k], len(values)) + np.bincount(edges[:, 1], both[:, 0, k], len(values))
            for k in range(values.shape[1])
        ]
        values = 0.5 * values + 0.5 * np.stack(total, 1) / counts
    return values


def skin_colour(look: Look, seed: int, base: np.ndarray, uv: np.ndarray, lid: np.ndarray) -> np.ndarray:
    """Reflectance of the skin at points given by their place on the unmorphed face (dm) and texture coordinates."""
    x, y, z = np.abs(base[:, 0]), base[:, 1], base[:, 2]
    tone = linear(look.skin)
    light = float(tone.mean() / 0.5)
    colour = np.tile(tone, (len(base), 1))

    def near(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2) * (z > 0.8)

    blotches = 0.06 * noise(base, 0.22, seed) + 0.05 * noise(base, 0.07, seed + 1) + 0.05 * noise(base, 0.02, seed + 2)
    colour *= 1 + blotches[:, None] * np.array([0.7, 1.0, 1.0])
    blood = 0.8 * near(0.42, 6.98, 0.22, 0.2) + 0.9 * near(0, 6.98, 0.16, 0.12) + 0.3 * near(0, 6.45, 0.2, 0.12)
    blood += 0.6 * masked("ears", uv)
    colour *= 1 - (0.2 * min(light, 1) + 0.06) * blood[:, None] * np.array([0.15, 1.0, 0.9])
    colour *= 1 - 0.22 * near(0.28, 7.13, 0.13, 0.05)[:, None] * np.array([0.8, 1.0, 0.85])
    if look.freckles:
        spots = np.clip(0.8 * noise(base, 0.018, seed + 3) - 0.4, 0, 0.5) * near(0.2, 7.0, 0.4, 0.25) * look.freckles
        colour *= 1 - spots[:, None] * np.array([0.5, 0.8, 1.0])
    if look.stubble:
        shade = look.stubble * inside_beard(base) * (0.8 + 0.5 * noise(base, 0.015, seed + 4))
        colour *= 1 - np.clip(shade, 0, 1)[:, None] * np.array([0.42, 0.38, 0.34])
    if look.beard:
        cover = inside_beard(base) * (1 - masked("ears", uv))
        colour += (0.6 * cover)[:, None] * (linear(look.tint) - colour)
    lips = masked("lips", uv) * (0.9 + 0.25 * noise(base * [1, 0.3, 1], 0.03, seed + 5))
    red = tone * np.array([0.86, 0.55, 0.56])
    colour += (look.lips * np.clip(lips, 0, 1))[:, None] * (red - colour)
    brow = on_brow(base) * look.brows * (0.85 + 0.25 * noise(base, 0.012, seed + 6))
    colour += np.clip(brow, 0, 0.85)[:, None] * (linear(look.tint) - colour)
    colour *= 1 - lid[:, None]
    return np.clip(colour, 0.01, 0.95)


def eye_colour(look: Look, offset: np.ndarray) -> np.ndarray:
    """Reflectance of an eyeball at points given from its centre, (left, front, up) in mm, looking at the camera."""
    distance = np.hypot(offset[:, 0], offset[:, 2])
    angle = np.arctan2(offset[:, 2], offset[:, 0])
    corner = 1 - 0.25 * np.clip(distance / 12 - 0.55, 0, 1)
    white = linear((0.86, 0.83, 0.81)) * corner[:, None] ** np.array([1, 2, 2])
    streaks = 1 + 0.18 * np.sin(angle * 23) + 0.12 * np.sin(angle * 41 + 1)
    ring = np.clip((distance - 4.6) / 1.2, 0, 1)
    iris = linear(look.iris) * (1.5 * streaks * (1 - 0.7 * ring))[:, None]
    colour = white + (iris - white) * np.clip((6.2 - distance) / 0.7, 0, 1)[:, None]
    return colour * np.clip((distance - 2.2) / 0.5, 0.02, 1)[:, None]


def lash_line(head: Subject) -> np.ndarray:
    """How dark each vertex is for being at the rim of an eyelid, where the lashes grow."""
    dark = np.zeros(len(head.vertices))
    skin = head.mesh["skin"].vertices
    for side in ("left", "right"):
        rim = head.mesh[f"{side} eye socket"].vertices
        middle = head.mesh[f"{side} eye"].vertices.mean(0)
        gap = cKDTree(rim).query(skin, distance_upper_bound=3.0)[0]
        upper = np.clip((skin[:, 2] - middle[2]) / 4 + 0.3, 0.15, 1)
        dark[: len(skin)] = np.maximum(dark[: len(skin)], np.clip(1.3 - gap / 1.5, 0, 0.8) * upper)
    return dark


def skin_light(
    head: Subject, normal: np.ndarray, lamps: list[render.Light], casters: list[render.Shadows]
) -> np.ndarray:
    """Light at each vertex; it spreads a little below the skin, red the furthest."""
    light = irradiance(head.vertices, normal, lamps, casters, np.array([0.25, 0.08, 0.08]))
    for channel, steps in enumerate((14, 5, 3)):
        light[:, channel] = spread_light(light[:, channel : channel + 1], head.faces, steps)[:, 0]
    return light


def draw_head(
    head: Subject,
    look: Look,
    seed: int,
    camera: render.Camera,
    lamps: list[render.Light],
    casters: list[render.Shadows],
    scalp: np.ndarray,
) -> Layer:
    """Skin and eyes, lit. `scalp` is how much hair covers each vertex."""
    normal = render.normals(head.vertices, head.faces)
    seen = render.rasterize(*camera.project(head.vertices), head.faces, camera.width, camera.height)
    part = head.part[seen.triangle]
    place = seen.sample(head.vertices, head.faces)
    facing = render.unit(seen.sample(normal, head.faces))
    light = seen.sample(skin_light(head, normal, lamps, casters), head.faces)
    base = seen.sample(head.base, head.faces)
    covered = seen.sample(scalp, head.faces)
    reflect = skin_colour(look, seed, base[:, :3], base[:, 3:], seen.sample(lash_line(head), head.faces))
    if look.hair is not None:
        reflect += (covered * 0.75)[:, None] * (linear(look.hair.colour) * 0.6 - reflect)
    if look.clothes == "scarf":  # a cap is worn under it
        reflect[(covered_by_scarf(base) > 0) & (part == 0)] = linear(look.cloth) * 0.8
    reflect[part > 2] *= np.array([0.5, 0.28, 0.25])  # moist skin behind lips and lids
    shine, rough = 0.05 * (1 - covered), np.full(len(place), 18.0)
    for number, side in ((1, "left"), (2, "right")):
        mine = part == number
        surface = head.mesh[f"{side} eye"].vertices
        offset = place[mine] - (surface.min(0) + surface.max(0)) / 2
        reflect[mine] = eye_colour(look, offset @ camera.turn.T)  # the eyes look at the camera
        facing[mine] = render.unit(1.35 * offset - [0, 3.15, 0])
        # The upper lid and its lashes shade the eye.
        light[mine] *= np.clip(1.15 - np.clip((offset[:, 2] + 1.5) / 7, 0, 1) ** 1.5, 0.3, 1)[:, None]
        shine[mine], rough[mine] = 3.6, 220.0
    colour = reflect * light
    for lamp, caster in zip(lamps[:LAMPS], casters[:LAMPS], strict=True):
        towards = caster.axes[2]
        half = render.unit(towards + camera.turn[1])
        gloss = shine * np.clip(facing @ half, 0, 1) ** rough * (facing @ towards > 0)
        colour += (gloss * caster.light_on(place, 25.0))[:, None] * lamp.colour * 2
    layer = empty(camera.width * camera.height)
    layer.colour[seen.pixel] = colour
    layer.depth[seen.pixel] = seen.depth
    return layer


class Garment(NamedTuple):
    """Cloth around the body: a closed skin of triangles, and for each vertex the place on the unmorphed body below."""

    vertices: np.ndarray
    faces: np.ndarray
    base: np.ndarray


def shirt(head: Subject, clothes: str, seed: int) -> Garment:
    """Cloth that lies on the shoulders: the skin below the neckline, moved outwards and smoothed."""
    first = len(head.mesh["skin"].vertices)
    vertices, base = head.vertices[:first], head.base[:first]
    faces = head.faces[(head.faces < first).all(1)]
    faces = faces[(neckline(base, clothes)[faces] > -0.15).all(1) & (base[faces][:, :, 1] < 6.6).all(1)]
    used, faces = np.unique(faces, return_inverse=True)
    faces = faces.reshape(-1, 3)
    folds = noise(vertices[used] * [1.0, 1.0, 0.4], 38.0, seed) + 0.5 * noise(vertices[used], 16.0, seed + 1)
    moved = vertices[used] + (6.0 + 0.9 * folds)[:, None] * render.normals(vertices[used], faces)
    return Garment(spread_light(moved, faces, 4), faces, base[used])


def scarf(body: Head, chin: np.ndarray, seed: int, head: Subject) -> Garment:
    """Cloth over head and shoulders, that hangs from the chin and spans the hollows in between."""
    first = len(head.mesh["skin"].vertices)
    field, spacing, bridge = body.distance, body.spacing, 45.0
    grown = ndimage.distance_transform_edt(field < bridge) * spacing
    field = np.where(field < bridge, bridge - grown, field)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in field.shape), indexing="ij"), -1).reshape(-1, 3) * spacing
    x, y, z = (grid + body.origin - chin).T
    cone = np.maximum(np.hypot(x, y) - 62 - 0.42 * np.clip(-z, 0, None), z - 12 - 0.5 * np.abs(y))
    field = np.minimum(field, np.maximum(cone, -40).reshape(field.shape))
    folds = noise(grid * [1.0, 1.0, 0.35], 34.0, seed) + 0.5 * noise(grid * [1.0, 1.0, 0.4], 15.0, seed + 1)
    field = ndimage.gaussian_filter(field, 1.6) + 2.0 * folds.reshape(field.shape)
    vertices, faces, _, _ = marching_cubes(field.astype(np.float32), 6.0, spacing=(spacing,) * 3)
    vertices, faces = vertices + body.origin, faces.astype(int)
    if render.normals(vertices, faces)[np.argmax(vertices[:, 2]), 2] < 0:
        faces = faces[:, ::-1]
    gap, below = cKDTree(head.vertices[:first]).query(vertices, k=6)
    share = 1 / (gap + 1)
    share /= share.sum(1, keepdims=True)
    place = np.einsum("nk,nkd->nd", share, head.base[:first][below])
    return Garment(vertices, faces, spread_light(place, faces, 10))


def draw_garment(
    cloth: Garment,
    colour: np.ndarray,
    shows: np.ndarray,
    weave: int,
    camera: render.Camera,
    lamps: list[render.Light],
    casters: list[render.Shadows],
) -> Layer:
    """Cloth, lit; `shows` is positive at the vertices where there is cloth."""
    normal = render.normals(cloth.vertices, cloth.faces)
    light = irradiance(cloth.vertices + 2 * normal, normal, lamps, casters, np.array([0.1, 0.1, 0.1]))
    light = spread_light(light, cloth.faces, 2)
    layer = empty(camera.width * camera.height)
    whole = (shows[cloth.faces] > 0).all(1)
    rim = (shows[cloth.faces] > 0).any(1) & ~whole
    # Two rounds, for cloth behind a rim shows where the rim's triangles are cut.
    for faces in (cloth.faces[whole], cloth.faces[rim]):
        seen = render.rasterize(*camera.project(cloth.vertices), faces, camera.width, camera.height)
        place, edge = seen.sample(cloth.vertices, faces), seen.sample(shows, faces)
        grain = 1 + 0.07 * noise(place, 1.3, weave) + 0.05 * noise(place, 9.0, weave + 1)
        hem = 1 - 0.25 * np.exp(-(((edge - 0.035) / 0.008) ** 2)) - 0.3 * np.clip(1 - edge / 0.01, 0, 1)
        shade = linear(colour) * seen.sample(light, faces) * (grain * hem)[:, None]
        on = (edge > 0) & (seen.depth < layer.depth[seen.pixel])
        layer.colour[seen.pixel[on]] = shade[on]
        layer.depth[seen.pixel[on]] = seen.depth[on]
    return layer


def draw_hair(
    strands: np.ndarray,
    colours: np.ndarray,
    body: Head,
    camera: render.Camera,
    lamps: list[render.Light],
    casters: list[render.Shadows],
) -> Layer:
    """Strands, lit as fibres (after Kajiya and Kay 1989, doi:10.1145/74334.74361)."""
    count, steps, _ = strands.shape
    along = render.unit(np.gradient(strands, axis=1))
    few = np.unique(np.r_[0 : steps : max(1, steps // 12), steps - 1])
    place, tangent = strands[:, few].reshape(-1, 3), along[:, few].reshape(-1, 3)
    outward = body.at(place)[1]
    view = camera.turn[1]
    lit, gloss = np.zeros_like(place), np.zeros_like(place)
    across_view = np.sqrt(np.clip(1 - (tangent @ view) ** 2, 0, 1))
    for lamp, caster in zip(lamps, casters, strict=True):
        towards = caster.axes[2]
        cosine = tangent @ towards
        across = np.sqrt(np.clip(1 - cosine**2, 0, 1))
        arriving = caster.light_on(place + 1.5 * outward, 9.0) * np.clip(0.35 + 0.65 * (outward @ towards), 0, 1)
        lit += (arriving * across)[:, None] * lamp.colour
        lobe = np.clip(across * across_view - cosine * (tangent @ view), 0, 1)
        gloss += (arriving * (lobe**40 + 0.3 * lobe**8))[:, None] * lamp.colour
    lit, gloss = (values.reshape(count, len(few), 3) for values in (lit, gloss))
    shade = lit * colours[:, None] + gloss * (0.02 + 0.25 * colours[:, None])
    layer = empty(camera.width * camera.height)
    span = np.linalg.norm(np.diff(strands, axis=1), axis=2).max()
    pieces = int(np.ceil(span * camera.zoom / 0.8))
    for number in range(steps - 1):
        at = np.searchsorted(few, number, side="right") - 1
        ahead = min(at + 1, len(few) - 1)
        mix = (number - few[at]) / max(few[ahead] - few[at], 1)
        colour = shade[:, at] * (1 - mix) + shade[:, ahead] * mix
        for piece in range(pieces):
            share = piece / pieces
            points = strands[:, number] * (1 - share) + strands[:, number + 1] * share
            column, row, depth = camera.project(points)
            column, row = np.rint(column).astype(int), np.rint(row).astype(int)
            order = np.flatnonzero((column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height))
            order = order[np.argsort(-depth[order])]
            pixel = row[order] * camera.width + column[order]
            nearer = depth[order] < layer.depth[pixel]
            pixel, order = pixel[nearer], order[nearer]
            layer.colour[pixel], layer.depth[pixel] = colour[order], depth[order]
    return layer


def neckline(base: np.ndarray, clothes: str) -> np.ndarray:
    """Positive where a garment of this cut covers the unmorphed body; x left, y up, z front in dm."""
    x, y, z = np.abs(base[:, 0]), base[:, 1], base[:, 2]
    ring = 6.05 - 0.62 * np.clip(z + 0.05, -0.3, 1) + 0.6 * np.clip(x - 0.65, 0, 1) - y
    if clothes == "vee":
        return ring - 0.55 * np.clip(1 - x / 0.42, 0, 1) * (z > 0.2)
    if clothes == "turtle":
        return ring + 0.33
    if clothes == "shirt":
        return ring + 0.1 - 0.75 * np.clip(1 - x / 0.2, 0, 1) * (z > 0.2)
    return ring


def covered_by_scarf(base: np.ndarray) -> np.ndarray:
    """Positive where a head scarf covers the unmorphed head and neck: all but the oval of the face."""
    x, y, z = base[:, 0], base[:, 1], base[:, 2]
    oval = np.hypot(x / 0.6, np.where(y > 7.1, (y - 7.1) / 0.8, (y - 7.1) / 0.8)) - 1
    return np.where(z > 0.62, oval, 1.0)


def eyebrows(roots: np.ndarray, out: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Short straight strands: upwards near the nose, outwards further on."""
    side = np.sign(roots[:, 0])[:, None]
    inner = np.clip(1 - (np.abs(roots[:, 0]) - 14) / 18, 0, 1)[:, None]
    way = side * np.array([1.0, -0.25, 0.0]) * (1 - 0.5 * inner) + np.array([0, 0, 0.45]) * (inner + 0.15)
    way[:, 1] = -0.25
    way = render.unit(render.unit(way) + 0.25 * out + random.normal(0, 0.12, out.shape))
    length = 5 * (0.6 + 0.5 * random.random_sample(len(roots)))
    steps = np.linspace(0, 1, 4)[None, :, None]
    return roots[:, None] + 0.4 * out[:, None] + steps * (length[:, None] * way)[:, None]


def strands_of(
    head: Subject, look: Look, body: Head, seed: int, scalp: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """All hair: strands and the reflectance of each, for scalp, brows, beard."""
    random = np.random.RandomState(seed + 900)
    first = len(head.mesh["skin"].vertices)
    faces = head.faces[(head.faces < first).all(1)]
    normal = render.normals(head.vertices, head.faces)
    eyes = (head.mesh["left eye"].vertices.mean(0) + head.mesh["right eye"].vertices.mean(0)) / 2
    crown = np.array([0, eyes[1] - 120, head.vertices[:, 2].max() - 12])
    bundles = []

    def coat(style: Style, weight: np.ndarray, smooth: int) -> None:
        if not weight.max() > 0:
            return
        chosen, share, roots = pick_roots(head.vertices, faces, weight, style.count, random)
        out = render.unit(np.einsum("nc,ncd->nd", share, normal[faces[chosen]]))
        strands = grow(roots, out, style, body, crown, eyes, random, lambda p, size, k: noise(p, size, smooth + k))
        grey = (random.random_sample(len(roots)) < style.grey)[:, None]
        silver = 0.4 * linear((0.66, 0.65, 0.64)) + 0.6 * linear(style.colour)
        colours = np.where(grey, silver, linear(style.colour))
        bundles.append((strands, colours * np.exp(random.normal(0, 0.22, len(roots)))[:, None]))

    if look.hair is not None:
        coat(look.hair, scalp, 500)
    if look.brows:
        brow = on_brow(head.base)
        brow[first:] = 0
        chosen, share, roots = pick_roots(head.vertices, faces, brow, int(420 * look.brows), random)
        out = render.unit(np.einsum("nc,ncd->nd", share, normal[faces[chosen]]))
        colour = 0.8 * linear(look.tint) + 0.2 * linear(look.skin)
        bundles.append((eyebrows(roots, out, random), np.tile(colour, (len(roots), 1))))
    if look.beard:
        where = inside_beard(head.base) * (1 - masked("ears", head.base[:, 3:]))
        where[first:] = 0
        grey = look.hair.grey if look.hair else 0
        coat(Style(look.tint, look.beard, curl=0.35, lift=1.5, grey=grey, count=9000, stand=0.15), where, 700)
    return bundles


def portrait(person: Person, look: Look) -> tuple[Image.Image, dict[str, list[float]]]:
    """The picture, and where the eyes are in it: column and row of the patient's left and right eye."""
    head = subject(person, look)
    seed = person.seed * 10
    first = len(head.mesh["skin"].vertices)
    base = head.base[:first]
    eyes = {side: head.mesh[f"{side} eye"].vertices for side in ("left", "right")}
    middle = (eyes["left"].mean(0) + eyes["right"].mean(0)) / 2
    low = np.array([-190.0, middle[1] - 260, middle[2] - 290])
    body = room(head.mesh["skin"], low, np.array([190.0, middle[1] + 90, head.vertices[:, 2].max() + 80]))
    camera = render.Camera(
        middle + [0, -50, -38], render.turned(*look.pose), DISTANCE, ZOOM * SHARP, WIDTH * SHARP, HEIGHT * SHARP
    )
    scalp = np.zeros(len(head.vertices))
    if look.hair is not None:
        scalp[:first] = hairline(base, look.hair.line, look.hair.bald)
    bundles = strands_of(head, look, body, seed, scalp)
    if look.clothes == "scarf":
        wear = scarf(body, middle + [0, -62, -95], seed, head)
        shows = covered_by_scarf(wear.base)
    else:
        wear = shirt(head, look.clothes, seed)
        shows = neckline(wear.base, look.clothes)
    covering = wear.faces[(shows[wear.faces] > 0).all(1)]
    solid = np.concatenate([head.vertices, wear.vertices])
    faces = np.concatenate([head.faces, covering + len(head.vertices)])
    hairs = np.concatenate([bundle[:, 1::2].reshape(-1, 3) for bundle, _ in bundles] + [np.zeros((0, 3))])
    lamps = lights(look)
    casters = [render.Shadows(lamp.direction @ camera.turn, solid, faces, hairs) for lamp in lamps]
    layers = [draw_head(head, look, seed, camera, lamps, casters, scalp)]
    layers.append(draw_garment(wear, look.cloth, shows, seed + 3, camera, lamps, casters))
    for strands, colours in bundles:
        layers.append(draw_hair(strands, colours, body, camera, lamps, casters))
    picture = compose(layers, look, camera)
    spots = {}
    for side, surface in eyes.items():
        centre = (surface.min(0) + surface.max(0)) / 2
        column, row, _ = camera.project((centre + np.ptp(surface[:, 1]) / 2 * camera.turn[1])[None])
        spots[side] = [round(float((value[0] + 0.5) / SHARP - 0.5), 1) for value in (column, row)]
    return picture, spots


def compose(layers: list[Layer], look: Look, camera: render.Camera) -> Image.Image:
    """The nearest of the layers at each pixel over the background, as a photograph would show it."""
    depth = np.stack([layer.depth for layer in layers])
    colour = np.stack([layer.colour for layer in layers])
    nearest = depth.argmin(0)
    pixel = np.arange(depth.shape[1])
    row, column = np.divmod(pixel, camera.width)
    above, below = linear(look.background[0]), linear(look.background[1])
    u, v = column / camera.width, row / camera.height
    glow = np.exp(-(((u - 0.5 + 0.25 * np.sign(look.key[0])) / 0.5) ** 2) - ((v - 0.4) / 0.5) ** 2)
    image = above + (below - above) * v[:, None] + 0.12 * glow[:, None] * (above + below)
    blur = noise(np.stack([u * 3, v * 3, np.full_like(u, 0.5)], 1), 1.0, 77) * 0.05
    image = image * (1 + blur[:, None])
    seen = np.isfinite(depth.min(0))
    image[seen] = colour[nearest[seen], pixel[seen]]
    image = image.reshape(HEIGHT, SHARP, WIDTH, SHARP, 3).mean((1, 3))
    exposed = 1 - np.exp(-1.12 * image)
    exposed = np.clip(exposed / 0.92, 0, 1) ** (1 / 2.2)
    grain = np.random.RandomState(8).normal(0, 0.006, exposed.shape)
    return Image.fromarray((np.clip(exposed + grain, 0, 1) * 255).round().astype(np.uint8))


def build(folder: Path) -> list[Path]:
    """Make portraits, scans and the manifest that says who is who."""
    (folder / "portraits").mkdir(parents=True, exist_ok=True)
    made, entries = [], []
    for person in CAST:
        picture, eyes = portrait(person, LOOKS[person.id])
        path = folder / "portraits" / f"{person.id}.jpg"
        written = path.with_suffix(".part")
        picture.save(written, "JPEG", quality=90)
        written.replace(path)
        made.append(path)
        entry = {"id": person.id, "name": person.name, "age": person.age, "sex": person.sex}
        entry |= {"portrait": path.relative_to(folder).as_posix(), "portrait_eyes": eyes, "scan": None}
        if person.id in gallery_scans.labels():
            path, eyes = gallery_scans.scan(person, folder / "scans")
            made.append(path)
            entry |= {"scan": path.relative_to(folder).as_posix(), "scan_eyes": eyes}
        entries.append(entry)
    manifest = folder / "manifest.json"
    written = manifest.with_suffix(".part")
    written.write_text(json.dumps({"about": ABOUT, "people": entries}, indent=1) + "\n", encoding="utf-8")
    written.replace(manifest)
    return [*made, manifest]
