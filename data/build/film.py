"""A film for X-rays: what lies in front of each pixel, how a detector sees it, and what is shown of it.

A film adds up how much of each material lies on every ray (Beer and Lambert), for six energies.  Bones are outlines
drawn by hand and inflated to solids with a cortex, or tubes through space; skin is the CC0 mesh of people.py; metal is
plates, rings and chains.  Scatter, blur and quantum noise follow, then what a radiography system does for the eye.

Film coordinates are millimetres: u to the right of the image, w to its top, d towards the viewer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import numpy as np
import people
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage, sparse
from scipy.interpolate import CubicSpline
from scipy.sparse.linalg import spsolve

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"

# Linear attenuation in 1/mm at the energies of the film: mass attenuation coefficients from Hubbell and Seltzer,
# NISTIR 5632 (https://doi.org/10.18434/T4D01F), times density.
ENERGIES = (30, 40, 50, 60, 80, 100)  # keV
MATERIALS = {  # g/cm3, cm2/g
    "water": (1.00, (0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707)),
    "fat": (0.95, (0.3063, 0.2396, 0.2123, 0.1974, 0.1800, 0.1688)),
    "bone": (1.92, (1.3310, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855)),
    "titanium": (4.54, (4.972, 2.214, 1.213, 0.7661, 0.4052, 0.2721)),
    "steel": (7.87, (8.176, 3.629, 1.958, 1.205, 0.5952, 0.3717)),
    "amalgam": (3.5, (36.68, 17.20, 9.444, 5.766, 2.651, 1.470)),  # as silver, spread over filling and cement
    "gold": (15.5, (27.52, 12.98, 7.256, 4.528, 2.185, 5.158)),  # of 18 carat
    "lead": (11.35, (30.32, 14.36, 8.041, 5.021, 2.419, 5.549)),
}
ATTENUATION = {name: np.array(values) * density / 10 for name, (density, values) in MATERIALS.items()}

Points = np.ndarray | Sequence[tuple[float, float]]


# Film -----------------------------------------------------------------------------------------------------------------


class Film:
    """A detector, and how many millimetres of each material lie in front of every pixel of it."""

    def __init__(self, left: float, right: float, bottom: float, top: float, pixel: float):
        self.pixel, self.left, self.top = pixel, left, top
        self.shape = (round((top - bottom) / pixel), round((right - left) / pixel))
        self.u = left + pixel * (np.arange(self.shape[1]) + 0.5)
        self.w = top - pixel * (np.arange(self.shape[0]) + 0.5)
        self.layers: dict[str, np.ndarray] = {}

    def add(self, material: str, thickness: np.ndarray) -> None:
        """Put a material on the film."""
        self.layers[material] = self.layers.get(material, 0) + thickness

    def empty(self) -> np.ndarray:
        """Return a map of no thickness."""
        return np.zeros(self.shape)

    def columns_rows(self, points: Points) -> np.ndarray:
        """Return points (u, w) as (column, row), where a pixel's centre is a whole number."""
        points = np.asarray(points, float)
        return np.stack([(points[:, 0] - self.left), (self.top - points[:, 1])], 1) / self.pixel - 0.5

    def window(self, points: Points, margin: float) -> tuple[slice, slice]:
        """Return the part of the film that holds the points and a margin in mm."""
        places = self.columns_rows(points)
        edge = margin / self.pixel + 2
        low = np.maximum(np.floor(places.min(0) - edge), 0).astype(int)
        high = np.minimum(np.ceil(places.max(0) + edge), self.shape[::-1]).astype(int)
        return slice(low[1], max(high[1], low[1])), slice(low[0], max(high[0], low[0]))

    def polygon(self, points: Points) -> np.ndarray:
        """Return how much of each pixel a polygon covers, 0 to 1."""
        fine = 4
        cover = self.empty()
        rows, columns = self.window(points, 0)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        if min(size) <= 0:
            return cover
        canvas = Image.new("L", (size[0] * fine, size[1] * fine))
        places = (self.columns_rows(points) + 0.5 - (columns.start, rows.start)) * fine - 0.5
        ImageDraw.Draw(canvas).polygon([tuple(place) for place in places], fill=1)
        cells = np.asarray(canvas, float).reshape(size[1], fine, size[0], fine)
        cover[rows, columns] = cells.mean((1, 3))
        return cover

    def plate(self, centre: Points, width: float, height: float, angle: float, corner: float) -> np.ndarray:
        """Return how much of each pixel a turned rectangle with round corners covers, 0 to 1."""
        u, w = self.u[None, :] - centre[0], self.w[:, None] - centre[1]
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        x, y = np.abs(u * cos + w * sin) - width / 2 + corner, np.abs(w * cos - u * sin) - height / 2 + corner
        distance = np.hypot(np.maximum(x, 0), np.maximum(y, 0)) + np.minimum(np.maximum(x, y), 0) - corner
        return np.clip(0.5 - distance / self.pixel, 0, 1)

    def text(self, words: str, centre: Points, height: float, angle: float = 0) -> np.ndarray:
        """Return how much of each pixel letters cover, 0 to 1; `height` is that of a capital letter in mm."""
        size = 160
        font = ImageFont.truetype(str(FONT), size)
        left, top, right, bottom = font.getbbox(words)
        canvas = Image.new("L", (right - left + 40, bottom - top + 40))
        ImageDraw.Draw(canvas).text((20 - left, 20 - top), words, 255, font=font)
        letters = np.asarray(canvas, float) / 255
        scale = height / (0.73 * size)  # mm a font pixel; DejaVu's capitals are 0.73 em high
        letters = ndimage.gaussian_filter(letters, 0.3 * self.pixel / scale)
        u, w = self.u[None, :] - centre[0], self.w[:, None] - centre[1]
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        column = (u * cos + w * sin) / scale + letters.shape[1] / 2
        row = -(w * cos - u * sin) / scale + letters.shape[0] / 2
        return ndimage.map_coordinates(letters, np.broadcast_arrays(row, column), order=1)

    def tube(
        self, curve: np.ndarray, width: Sequence | float, depth: Sequence | float | None = None, side=None, spots=120
    ) -> np.ndarray:
        """Return the thickness of a solid tube along a curve (u, w, d) with an elliptical section.

        `width` is half the section along `side` (a vector for each point; across the view if not given), `depth` half
        the section across it.  The tube is a cloud of points that is summed up, so that rays along it count fully.
        """
        curve = np.asarray(curve, float)
        steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
        length = np.r_[0, np.cumsum(steps)]
        count = max(2, int(length[-1] / (0.6 * self.pixel)))
        place = (np.arange(count) + 0.5) * length[-1] / count
        bend = CubicSpline(length, curve) if len(curve) > 2 else None
        middle = bend(place) if bend else np.stack([np.interp(place, length, curve[:, k]) for k in range(3)], 1)
        tangent = np.gradient(middle, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        if side is None:
            side = np.cross(tangent, (0, 0, 1.0)) + 1e-9 * np.array([1.0, 0.3, 0])
        else:
            side = np.stack([np.interp(place, length, np.asarray(side)[:, k]) for k in range(3)], 1)
            side = side - (side * tangent).sum(1, keepdims=True) * tangent
        side = side / np.linalg.norm(side, axis=1, keepdims=True)
        across = np.cross(tangent, side)
        along = [
            np.interp(place, length, np.broadcast_to(np.asarray(v, float), len(curve)))
            for v in (width, width if depth is None else depth)
        ]
        number = np.arange(spots) + 0.5  # Vogel's sunflower: points of equal area on a disc
        radius = np.sqrt(number / spots)
        phase = np.random.RandomState(count).uniform(0, 2 * np.pi, (count, 1))  # else the dots form lines
        turn = number * np.pi * (3 - np.sqrt(5)) + phase
        cloud = (
            middle[:, None, :]
            + (along[0][:, None] * radius * np.cos(turn))[..., None] * side[:, None, :]
            + (along[1][:, None] * radius * np.sin(turn))[..., None] * across[:, None, :]
        )
        volume = np.pi * along[0] * along[1] * length[-1] / count / spots
        return self.gather(cloud[..., :2].reshape(-1, 2), np.repeat(volume, spots))

    def gather(self, points: np.ndarray, volumes: np.ndarray) -> np.ndarray:
        """Return the thickness of many small volumes (mm3) at points (u, w)."""
        places = self.columns_rows(points)
        whole = np.floor(places).astype(int)
        part = places - whole
        total = np.zeros(self.shape[0] * self.shape[1])
        for x in (0, 1):
            for y in (0, 1):
                column, row = whole[:, 0] + x, whole[:, 1] + y
                share = np.where(x, part[:, 0], 1 - part[:, 0]) * np.where(y, part[:, 1], 1 - part[:, 1]) * volumes
                on = (column >= 0) & (column < self.shape[1]) & (row >= 0) & (row < self.shape[0])
                total += np.bincount(row[on] * self.shape[1] + column[on], share[on], total.size)
        return (total / self.pixel**2).reshape(self.shape)

    def mesh(self, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """Return how much of each ray runs inside a closed surface with vertices (u, w, d)."""
        places = self.columns_rows(vertices[:, :2]) + (1.3e-4, 2.1e-4)  # keeps rays off edges and corners
        corner = places[triangles]
        depth = vertices[triangles, 2]
        one, two = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
        area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
        low = np.maximum(np.ceil(corner.min(1)), 0).astype(int)
        high = np.minimum(np.floor(corner.max(1)), np.array(self.shape[::-1]) - 1).astype(int)
        thickness = self.empty()
        for k in np.flatnonzero((high >= low).all(1) & (np.abs(area) > 1e-9)):
            x = np.arange(low[k, 0], high[k, 0] + 1)[None, :] - corner[k, 0, 0]
            y = np.arange(low[k, 1], high[k, 1] + 1)[:, None] - corner[k, 0, 1]
            b = (x * two[k, 1] - y * two[k, 0]) / area[k]
            c = (one[k, 0] * y - one[k, 1] * x) / area[k]
            inside = (b >= 0) & (c >= 0) & (b + c <= 1)
            reach = depth[k, 0] + b * (depth[k, 1] - depth[k, 0]) + c * (depth[k, 2] - depth[k, 0])
            part = thickness[low[k, 1] : high[k, 1] + 1, low[k, 0] : high[k, 0] + 1]
            part += np.where(inside, np.sign(area[k]) * reach, 0)
        return np.abs(thickness)


# Bones ----------------------------------------------------------------------------------------------------------------


def smooth(points: Points, count: int = 240) -> np.ndarray:
    """Return a smooth closed line through the points."""
    points = np.asarray(points, float)
    closed = np.vstack([points, points[:1]])
    way = np.r_[0, np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1) ** 0.7)]
    return CubicSpline(way, closed, bc_type="periodic")(np.linspace(0, way[-1], count, endpoint=False))


def inflate(inside: np.ndarray, pixel: float) -> np.ndarray:
    """Return half the thickness, in mm, of a flat shape blown up to a solid; a disc becomes a ball."""
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(inside.sum())
    if not inside.any():
        return np.zeros(inside.shape)
    padded = np.pad(number, 1, constant_values=-1)
    rows, columns = [], []
    for shift in ((0, 1), (2, 1), (1, 0), (1, 2)):
        other = padded[shift[0] : shift[0] + inside.shape[0], shift[1] : shift[1] + inside.shape[1]]
        pair = inside & (other >= 0)
        rows.append(number[pair])
        columns.append(other[pair])
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    size = int(inside.sum())
    laplace = sparse.csc_array((np.ones(len(rows)), (rows, columns)), (size, size)) - 4 * sparse.eye_array(size)
    half = np.zeros(inside.shape)
    half[inside] = np.sqrt(np.maximum(spsolve(laplace.tocsc(), np.full(size, -4.0 * pixel**2)), 0))
    return half


@dataclass
class Skeleton:
    """What the bones put on a film: millimetres of cortical and of trabecular bone."""

    film: Film
    texture: np.ndarray
    cortical: np.ndarray = field(init=False)
    spongy: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.cortical, self.spongy = self.film.empty(), self.film.empty()

    def bone(self, outline: Points, depth: float, cortex: float, shaft: float = 0, axis=None, marrow: float = 0.8):
        """Add a bone: its outline, how deep it is for its width, and its cortex in mm.

        A long bone has an axis (two points), a thicker cortex in the `shaft`, and an empty middle (`marrow`, 0 to 1).
        """
        film = self.film
        window = film.window(outline, 1)
        cover = film.polygon(outline)[window]
        inside = cover > 0.5
        if not inside.any():
            return
        wall = np.full(cover.shape, cortex)
        filling = np.ones(cover.shape)
        if axis is not None:
            start, end = np.asarray(axis[0], float)[:2], np.asarray(axis[1], float)[:2]
            way = end - start
            u, w = film.u[None, window[1]] - start[0], film.w[window[0], None] - start[1]
            along = (u * way[0] + w * way[1]) / (way @ way)
            middle = 1 / (1 + np.exp(-(along - 0.2) / 0.045)) / (1 + np.exp((along - 0.8) / 0.045))
            wall = wall + (shaft - cortex) * middle
            filling = 1 - marrow * middle
        outer = 2 * depth * ndimage.gaussian_filter(inflate(inside, film.pixel), 0.5)
        distance = ndimage.distance_transform_edt(inside) * film.pixel
        inner = 2 * depth * ndimage.gaussian_filter(inflate(distance > wall + 0.5 * film.pixel, film.pixel), 0.5)
        inner = np.minimum(inner, outer)
        self.cortical[window] += outer - inner
        self.spongy[window] += inner * filling

    def tube(self, curve, width, depth, wall: float, side=None, spots: int = 120) -> None:
        """Add a bone that winds through space, such as a rib: half its section's sizes, and its cortex in mm."""
        width, depth = np.asarray(width, float), np.asarray(depth, float)
        outer = self.film.tube(curve, width, depth, side, spots)
        inner = self.film.tube(curve, np.maximum(width - wall, 0.2), np.maximum(depth - wall, 0.2), side, spots)
        self.cortical += np.maximum(outer - inner, 0)
        self.spongy += inner

    def develop(self, trabeculae: float) -> None:
        """Put the bones on the film; a share of the spongy bone is mineral, in threads and plates."""
        # In a thick bone many threads lie behind each other, and even out.
        visible = self.texture * np.sqrt(np.minimum(5 / np.maximum(self.spongy, 1), 1))
        threads = np.clip(trabeculae * (1 + visible), 0, None)
        mineral = self.cortical * (1 + 0.06 * self.texture) + self.spongy * threads
        self.film.add("bone", mineral)
        self.film.add("water", -mineral)


def bone_texture(film: Film, random: np.random.RandomState, fine: float) -> np.ndarray:
    """Return the pattern of trabeculae, mean 0: threads along the limb, thinner ones across, and patches."""
    parts = [((4.5, 0.9), 0.17), ((0.9, 2.5), 0.10), ((0.8, 0.8), 0.12), ((9, 7), 0.08)]
    pattern = film.empty()
    for (along, across), share in parts:
        noise = ndimage.gaussian_filter(random.standard_normal(film.shape), (along * fine, across * fine))
        pattern += share * noise / noise.std()
    return pattern


# Exposure -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Technique:
    """How an image is taken, and how the system prepares it for the eye."""

    spectrum: tuple[float, ...]  # share of the photons at each of the ENERGIES behind the tube's filter
    photons: float  # a pixel, where nothing is in the way
    scatter: float  # scattered for each unscattered, behind the grid if there is one
    spread: float  # mm; how far it is scattered
    blur: float  # mm; of the focal spot and the scintillator
    detail: float  # how much structures smaller than `large` gain over larger ones
    large: float  # mm
    dark: float  # attenuation that is shown black
    bright: float  # attenuation at which the shoulder of the curve begins
    top: float  # attenuation that is nearly white


def expose(film: Film, technique: Technique, random: np.random.RandomState) -> np.ndarray:
    """Return attenuation, -ln(signal / open field), as the detector measures it."""
    signal, total = film.empty(), 0.0
    for index, share in enumerate(technique.spectrum):
        weight = share * ENERGIES[index]  # a scintillator's light grows with the photon's energy
        depth = sum(ATTENUATION[material][index] * thickness for material, thickness in film.layers.items())
        signal += weight * np.exp(-depth)
        total += weight
    signal /= total
    wide = ndimage.gaussian_filter(signal, technique.spread / film.pixel, mode="nearest")
    signal = (signal + technique.scatter * wide) / (1 + technique.scatter)
    signal = ndimage.gaussian_filter(signal, technique.blur / film.pixel)
    counts = random.poisson(np.round(technique.photons * signal, 3)) + random.normal(0, 4, film.shape)
    return -np.log(np.maximum(counts, 1) / technique.photons)


def process(attenuation: np.ndarray, film: Film, technique: Technique) -> np.ndarray:
    """Return 12 bits for the eye: fine structures raised, coarse ones held back, a curve with a shoulder for metal."""
    shown = np.clip(attenuation, 0, technique.top * 1.2)
    coarse = ndimage.gaussian_filter(shown, technique.large / film.pixel)
    fine = ndimage.gaussian_filter(shown, 0.06 * technique.large / film.pixel)
    shown = shown + technique.detail * (shown - coarse) + 0.5 * technique.detail * (shown - fine)
    x = (shown - technique.dark) / (technique.bright - technique.dark)
    knee, room = 0.78, (technique.top - technique.bright) / (technique.bright - technique.dark)
    # Up to the knee a straight line with a soft toe, then a shoulder on which metals still differ.
    toe = 0.04
    line = knee * 0.5 * (x + np.sqrt(x * x + toe**2) - toe)
    over = np.maximum(line - knee, 0) / knee
    curve = np.minimum(line, knee) + (1 - knee) * (1 - np.exp(-2.2 * over / room))
    return np.clip(np.round(np.round(4095 * curve, 3)), 0, 4095).astype(np.uint16)


# Objects, and the truth about them ------------------------------------------------------------------------------------


@dataclass
class Truth:
    """The objects on a film: a picture of labels (0 is none), and a list that says what each label is."""

    film: Film
    labels: np.ndarray = field(init=False)
    objects: list[dict] = field(default_factory=list)
    letters: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.labels = np.zeros(self.film.shape, np.uint8)

    def mark(self, kind: str, cover: np.ndarray, action: str, texts: dict[str, np.ndarray] | None = None, **more):
        """Label the pixels that an object covers by more than a third."""
        label = len(self.objects) + 1
        self.labels[cover > 0.35] = label
        entry = {"label": label, "kind": kind, "action": action, **more, "texts": []}
        for words, area in (texts or {}).items():
            entry["texts"].append({"text": words, "box": box(area > 0.35)})
        self.objects.append(entry)

    def listing(self) -> list[dict]:
        """Return the objects with the box of what is visible of each."""
        return [{**entry, "box": box(self.labels == entry["label"])} for entry in self.objects]


def box(mask: np.ndarray) -> list[int]:
    """Return left, top, right, bottom of a mask in pixels; the last two lie just outside."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def add_marker(film: Film, truth: Truth, centre: Points, height: float, angle: float) -> None:
    """Put the radiographer's lead letter on the film: it says which side of the patient is which, and stays."""
    letter = film.text("L", centre, height, angle)
    film.add("lead", 1.2 * letter)
    truth.mark("marker", letter, "keep", {"L": letter}, material="lead", angle=angle)


def crop(film: Film, window: tuple[slice, slice]) -> Film:
    """Return an empty film of the size and place of a part of another."""
    rows, columns = window
    edges = film.left + np.array([columns.start, columns.stop]) * film.pixel
    heights = film.top - np.array([rows.stop, rows.start]) * film.pixel
    return Film(*edges, *heights, film.pixel)


def write_listing(path: Path, head: dict, objects: list[dict]) -> Path:
    """Write what an image is and what its objects are as JSON, one object a line."""
    lines = ",\n  ".join(json.dumps(entry) for entry in objects)
    path.write_text(f'{json.dumps(head)[:-1]}, "objects": [\n  {lines}\n]}}\n', encoding="utf-8", newline="\n")
    return path


def chain(film: Film, curve: np.ndarray, link: float, wire: float) -> np.ndarray:
    """Return the thickness of a chain of oval links along a curve (u, w, d); every other link stands on its edge."""
    steps = np.r_[0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))]
    count = max(2, round(steps[-1] / (link - 2.2 * wire)))
    places = CubicSpline(steps, curve)
    thickness = film.empty()
    turn = np.linspace(0, 2 * np.pi, 33)
    for number in range(count):
        middle = places((number + 0.5) * steps[-1] / count)
        tangent = places((number + 0.5) * steps[-1] / count, 1)
        tangent /= np.linalg.norm(tangent)
        flat = np.cross(tangent, (0, 0, 1.0))
        flat /= np.linalg.norm(flat)
        lean = (0.35, 1.25)[number % 2]
        side = flat * np.cos(lean) + np.cross(tangent, flat) * np.sin(lean)
        oval = middle + np.outer(np.cos(turn), tangent) * link / 2 + np.outer(np.sin(turn), side) * link * 0.32
        window = film.window(oval[:, :2], 2)
        part = crop(film, window)
        if min(part.shape) > 0:
            thickness[window] += part.tube(oval, wire, spots=40)
    return thickness


# The body -------------------------------------------------------------------------------------------------------------


def body(person: people.Person) -> tuple[people.Surface, dict[str, np.ndarray]]:
    """Return a person's whole skin and the places of the joints, in mm: x to the left, y to the front, z up."""
    quads, joints, group = [], {}, ""
    for line in (people.mesh_folder() / "3dobjs" / "base.obj").read_text().splitlines():
        word, *rest = line.split() or [""]
        if word == "g":
            group = rest[0]
        elif word == "f" and (group == "body" or group.startswith("joint-")):
            corners = [int(corner.split("/")[0]) - 1 for corner in rest]
            if group == "body":
                quads.append(corners)
            else:
                joints.setdefault(group.removeprefix("joint-"), set()).update(corners)
    vertices = 100 * people.morph(people.head_weights(person))[:, [0, 2, 1]]
    places = {name: vertices[sorted(corners)].mean(0) for name, corners in joints.items()}
    return people.Surface(vertices, np.array(quads)), places


def cut(skin: people.Surface, keep: np.ndarray) -> people.Surface:
    """Return the quads of a skin of which every corner is kept, with two subdivisions."""
    used, index = np.unique(skin.quads[keep[skin.quads].all(1)], return_inverse=True)
    part = people.Surface(skin.vertices[used], index.reshape(-1, 4))
    return people.catmull_clark(people.catmull_clark(part))


def shrunk(vertices: np.ndarray, triangles: np.ndarray, by: float) -> np.ndarray:
    """Return the vertices of a surface moved inwards by so many mm."""
    corners = vertices[triangles]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack([np.bincount(triangles.ravel(), np.repeat(facing[:, k], 3), len(vertices)) for k in range(3)], 1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    volume = (corners[:, 0] * facing).sum()
    return vertices - np.sign(volume) * by * normals


def add_skin(film: Film, part: people.Surface, place, fat: float) -> np.ndarray:
    """Put soft tissue on the film: fat below the skin, and what is like water inside it; return the whole thickness."""
    vertices, triangles = people.closed(part)
    vertices = place(vertices)
    whole = film.mesh(vertices, triangles)
    within = np.minimum(film.mesh(shrunk(vertices, triangles, fat), triangles), whole)
    film.add("water", within)
    film.add("fat", whole - within)
    return whole
