"""Radiographs of invented bodies with and without foreign objects, whose pixels are known: the truth for `objects`.

`radiographs()` yields the same images on every machine. Objects are thicknesses of metal in front of the bodies of
`radiopaque_bodies.py`. All is projected (Beer and Lambert, three energies), scattered, blurred, made noisy, and shown
in many ways: exposures, curves, sharpening, bit depths, MONOCHROME1 and 2, collimators, burned-in words. Every third
image has no object, and some of these have a marker.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    RLELossless,
    SecondaryCaptureImageStorage,
    XRayAngiographicImageStorage,
)
from radiopaque_bodies import ATTENUATION, BODIES, FONTS, GOLD, LEAD, STEEL, TITANIUM, Film, Thing, add_harmless
from scipy import ndimage

INITIALS = ("A.B.", "MK", "J.R.K.", "Rosa", "E+T", "LV", "Otto", "S.M.")
TAGS = ("DIABETES T1", "ID 4471-90", "PENICILLIN", "O NEG", "MUSTER J", "TEL 5550142", "EPILEPSY", "EHN 60938")
SERIALS = ("NX 4471203", "SN 88301", "PXR204418", "77-1204-B", "L331 R", "ZV 90217")

VISIBLE = 0.03  # of the range: a pixel that an object changes by less, where all is white anyway, shows nothing of it


@dataclass
class Example:
    """An image, its objects, and what it is called."""

    name: str
    dataset: FileDataset
    things: list[Thing] = field(default_factory=list)

    def mask(self, *, markers: bool = True) -> np.ndarray:
        """Return the pixels of all objects."""
        masks = [thing.mask for thing in self.things if markers or thing.name != "marker"]
        return np.any(masks, axis=0) if masks else np.zeros((self.dataset.Rows, self.dataset.Columns), bool)


# Objects --------------------------------------------------------------------------------------------------------------


def somewhere(film: Film, margin: float) -> np.ndarray:
    """Return a place on the body, in mm."""
    tissue = film.layers[0] > 4
    tissue[: int(margin / film.pixel)] = tissue[-int(margin / film.pixel) :] = False
    tissue[:, : int(margin / film.pixel)] = tissue[:, -int(margin / film.pixel) :] = False
    places = np.argwhere(tissue)
    row, column = places[film.random.randint(len(places))] if len(places) else np.array(film.shape) // 2
    return np.array([film.x[column], film.y[row]])


def loop(middle: np.ndarray, a: float, b: float, angle: float, part: float = 1.0) -> np.ndarray:
    """Return points on an ellipse, or on a part of one."""
    t = np.linspace(0, 2 * np.pi * part, 49)
    cos, sin = np.cos(angle), np.sin(angle)
    return middle + np.stack([a * np.cos(t), b * np.sin(t)], 1) @ np.array([(cos, sin), (-sin, cos)])


def ring(film: Film) -> None:
    """A finger ring, seen from the side or at a slant."""
    r = film.random
    metal, where = (GOLD, STEEL, TITANIUM)[r.randint(3)], somewhere(film, 14)
    band = film.rod(loop(where, r.uniform(8, 11), r.uniform(0.3, 8), r.uniform(0, 3.2)), r.uniform(0.8, 2.2), 0.8)
    film.put("ring", [(metal, band)], band > 0.25)


def links(film: Film, line: np.ndarray, link: float, wire: float) -> np.ndarray:
    """Return the thickness of a chain: flat and upright links by turns."""
    steps = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    out = np.zeros(film.shape)
    for k, at in enumerate(np.arange(0, steps[-1], link * 0.8)):
        p, q = (np.array([np.interp(v, steps, line[:, n]) for n in (0, 1)]) for v in (at, at + link * 0.8))
        way = (q - p) / (np.linalg.norm(q - p) + 1e-9)
        if k % 2:
            out += film.rod([p - way * 0.2 * link, q + way * 0.2 * link], wire * 1.1, 1.6)
        else:
            out += film.rod(loop((p + q) / 2, link / 2, link * 0.32, np.arctan2(way[1], way[0])), wire)
    return out


def chain(film: Film) -> None:
    """A thin chain lying anywhere."""
    r = film.random
    p, q = somewhere(film, 10), somewhere(film, 10)
    bend = (p + q) / 2 + r.uniform(-40, 40, 2)
    t = np.linspace(0, 1, 40)[:, None]
    metal = links(film, (1 - t) ** 2 * p + 2 * t * (1 - t) * bend + t**2 * q, r.uniform(2, 5), r.uniform(0.25, 0.6))
    film.put("chain", [((GOLD, STEEL)[r.randint(2)], metal)], metal > 0.12)


def necklace(film: Film) -> None:
    """A chain around the neck, with a pendant that has initials cut into or through it."""
    r = film.random
    w, h = film.size
    t = np.linspace(-1, 1, 80)
    x, low = w / 2 + r.uniform(-8, 8), h * r.uniform(0.2, 0.5)
    wide = min(w * 0.3, 80) * r.uniform(0.6, 1)
    line = np.stack([x + wide * t, low - low * np.abs(t) ** 1.8], 1)
    metal = links(film, line, r.uniform(2.5, 5), r.uniform(0.3, 0.6))
    size, angle, words = r.uniform(16, 30), r.uniform(-0.4, 0.4), INITIALS[r.randint(len(INITIALS))]
    middle = np.array([x, low + size * 0.36])
    face = film.sheet(*middle, size, size * 0.62, angle, size * r.uniform(0.1, 0.3))
    letters = film.text(words, *middle, size * 0.86 / max(len(words), 3), angle) * face
    thick, depth = r.uniform(0.6, 1.5), r.uniform(0.35, 1)
    material = (GOLD, STEEL)[r.randint(2)]
    film.put(
        "necklace",
        [(material, metal + thick * (face - depth * letters))],
        (metal > 0.12) | (face > 0.35),
        words,
        letters,
    )


def bracelet(film: Film) -> None:
    """A bracelet of links with a tag that has one to three lines of words engraved."""
    r = film.random
    where, angle, size = somewhere(film, 30), r.uniform(-0.5, 0.5), r.uniform(26, 40)
    metal = links(film, loop(where, r.uniform(24, 34), r.uniform(5, 12), angle), r.uniform(3, 5), r.uniform(0.4, 0.7))
    face = film.sheet(*where, size, size * 0.42, angle, 2)
    lines = r.randint(1, 4)
    words = [TAGS[k] for k in r.choice(len(TAGS), lines, replace=False)]
    letters, up = np.zeros(film.shape), np.array([-np.sin(angle), np.cos(angle)])
    for k, line in enumerate(words):
        height = min(size * 0.36 / (1.7 * lines), size * 1.15 / len(line))
        spot = where + up * (k - (lines - 1) / 2) * size * 0.4 / lines
        letters = np.maximum(letters, film.text(line, *spot, height, angle) * face)
    film.put(
        "bracelet",
        [(STEEL, metal + r.uniform(0.8, 1.8) * (face - r.uniform(0.3, 0.8) * letters))],
        (metal > 0.12) | (face > 0.35),
        " ".join(words),
        letters,
    )


def watch(film: Film) -> None:
    """A wrist watch: a case with works in it, and a strap with a buckle."""
    r = film.random
    where, angle, size = somewhere(film, 35), r.uniform(0, 3.2), r.uniform(11, 18)
    case = film.sheet(*where, 2 * size, 2 * size, 0, size * 0.999)
    works = sum(film.sheet(*(where + r.uniform(-0.5, 0.5, 2) * size), *r.uniform(4, 10, 2), angle, 1) for _ in range(5))
    way = np.array([np.cos(angle), np.sin(angle)])
    strap = sum(
        film.sheet(*(where + way * side * (size + 3 + 4 * k)), 3.2, size, angle, 0.5)
        for side in (-1, 1) for k in range(r.randint(2, 6))
    )  # fmt: skip
    film.put("watch", [(STEEL, 1.2 * case + 1.5 * works * (case > 0) + 1.2 * strap)], (case + strap) > 0.35)


def hoop(film: Film) -> None:
    """An earring or a piercing: a thin hoop, often with a ball."""
    r = film.random
    where, size = somewhere(film, 14), r.uniform(4, 12)
    wire = film.rod(loop(where, size, size * r.uniform(0.3, 1), r.uniform(0, 3)), r.uniform(0.4, 0.9))
    ball = film.rod([where + (0, size), where + (0, size + 0.1)], r.uniform(1, 2))
    film.put("hoop", [(STEEL, wire + ball)], (wire + ball) > 0.25)


def stud(film: Film) -> None:
    """A stud: a bar between two balls."""
    r = film.random
    where, angle, size = somewhere(film, 10), r.uniform(0, 6.3), r.uniform(5, 12)
    end = where + size * np.array([np.cos(angle), np.sin(angle)])
    metal = film.rod([where, end], 0.6) + film.rod([where, where + 0.1], 2) + film.rod([end, end + 0.1], 1.6)
    film.put("stud", [(STEEL, metal)], metal > 0.25)


def zipper(film: Film) -> None:
    """The teeth of a zip, and its slider."""
    r = film.random
    p, angle, count = somewhere(film, 10), r.uniform(0, 6.3), r.randint(14, 45)
    way, side = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    metal = film.sheet(*(p + way * 2.2 * count), 9, 5, angle, 1)
    for k in range(count):
        metal = metal + film.sheet(*(p + way * 2.2 * k + side * (1.0 if k % 2 else -1.0)), 1.3, 3.4, angle, 0.3)
    film.put("zip", [(STEEL, 1.3 * metal)], metal > 0.35)


def button(film: Film) -> None:
    """A metal button with holes or an eye."""
    r = film.random
    where, size = somewhere(film, 12), r.uniform(5, 10)
    metal = film.sheet(*where, 2 * size, 2 * size, 0, size * 0.999)
    for k in range(4):
        metal = metal - film.sheet(*(where + size * 0.3 * np.array([np.cos(k * 1.571), np.sin(k * 1.571)])), 2, 2, 0, 1)
    film.put("button", [(STEEL, r.uniform(0.5, 1.2) * np.clip(metal, 0, 1))], metal > 0.35)


def coin(film: Film) -> None:
    """A coin in a pocket."""
    r = film.random
    where, size = somewhere(film, 14), r.uniform(8, 12.5)
    metal = film.sheet(*where, 2 * size, 2 * size * r.uniform(0.5, 1), r.uniform(0, 3), size * 0.49)
    film.put("coin", [(STEEL, r.uniform(1.2, 2) * metal)], metal > 0.35)


def screw(film: Film, where=None, angle=None) -> None:
    """A bone screw with a thread and a head."""
    r = film.random
    where = somewhere(film, 20) if where is None else where
    angle = r.uniform(0, 6.3) if angle is None else angle
    way, length = np.array([np.cos(angle), np.sin(angle)]), r.uniform(14, 40)
    t = np.linspace(0, length, 2 * int(length))
    metal = film.rod(where + t[:, None] * way, 1.3 + 0.5 * (np.arange(len(t)) % 2))
    metal = metal + film.rod([where, where + way * 2], 3)
    film.put("screw", [(TITANIUM if r.rand() < 0.6 else STEEL, metal)], metal > 0.35)


def plate(film: Film) -> None:
    """A plate with holes, a number on it, and some screws."""
    r = film.random
    where, angle, count = somewhere(film, 40), r.uniform(0, 3.2), r.randint(4, 8)
    way = np.array([np.cos(angle), np.sin(angle)])
    metal = film.sheet(*where, 12 * count, r.uniform(9, 13), angle, 4)
    for k in range(count):
        metal = metal - film.sheet(*(where + way * 12 * (k - (count - 1) / 2)), 4.5, 4.5, 0, 2.2)
    metal = np.clip(metal, 0, 1)
    words = SERIALS[r.randint(len(SERIALS))]
    letters = film.text(words, *(where + way * 6), 2.2, angle) * metal if film.pixel < 0.25 else None
    cut = 0.5 * letters if letters is not None else 0
    film.put("plate", [(TITANIUM, 3 * (metal - cut))], metal > 0.35, words, letters)
    for k in range(0, count, 2):
        screw(film, where + way * 12 * (k - (count - 1) / 2), angle + np.pi / 2)


def prosthesis(film: Film) -> None:
    """A ball on a stem, and its cup."""
    r = film.random
    size = min(film.size) / 260
    where, angle = somewhere(film, 45 * size), r.uniform(-0.4, 0.4) + (np.pi if r.rand() < 0.3 else 0)
    down, side = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
    ball = film.rod([where, where + 0.1], 14 * size)
    stem = [where, where + (18 * side + 22 * down) * size, where + (22 * side + 60 * down) * size,
            where + (24 * side + 120 * down) * size]  # fmt: skip
    stem = film.rod(stem, np.array([5, 9, 7, 4]) * size, 0.8)
    cup = film.rod(loop(where, 20 * size, 20 * size, -angle + np.pi, 0.5), 3 * size)
    metal = np.maximum(ball, stem) + cup
    film.put("prosthesis", [(TITANIUM if r.rand() < 0.5 else STEEL, metal)], metal > 0.5)


def pacemaker(film: Film) -> None:
    """A can with a battery, a circuit, a serial number, and one or two leads."""
    r = film.random
    size = min(1.0, min(film.size) / 230)
    where, angle = somewhere(film, 35 * size), r.uniform(-0.6, 0.6)
    can = film.sheet(*where, 44 * size, 38 * size, angle, 16 * size)
    edge = can - film.sheet(*where, 42 * size, 36 * size, angle, 15 * size)
    cos, sin = np.cos(angle), np.sin(angle)

    def at(x: float, y: float) -> np.ndarray:
        return where + size * np.array([x * cos - y * sin, x * sin + y * cos])

    battery = film.sheet(*at(-3, 8), 30 * size, 14 * size, angle, 4 * size)
    parts = sum(film.sheet(*at(*r.uniform(-13, 13, 2) * (1, 0.25)), *r.uniform(2, 6, 2), angle, 0.5) for _ in range(4))
    words = SERIALS[r.randint(len(SERIALS))]
    letters = film.text(words, *at(0, -9), 3.6 * size, angle)
    leads = np.zeros(film.shape)
    for k in range(r.randint(1, 3)):
        ends = [at(14, -18), at(10 + 10 * k, -34), somewhere(film, 8), somewhere(film, 8)]
        t = np.linspace(0, 1, 60)[:, None]
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        line = sum(weight * end for weight, end in zip(weights, ends, strict=True))
        leads = np.maximum(leads, film.rod(line, r.uniform(0.45, 0.8)))
        leads = np.maximum(leads, film.rod(line[-4:], 1.0))
    film.put(
        "pacemaker",
        [(TITANIUM, 1.4 * can + 2 * np.clip(edge, 0, 1)), (STEEL, 2.2 * battery + parts + 0.7 * letters + leads)],
        (can > 0.35) | (leads > 0.3),
        words,
        letters,
    )


def clips(film: Film) -> None:
    """A few surgical clips."""
    r, where = film.random, somewhere(film, 30)
    for _ in range(r.randint(2, 8)):
        p, angle = where + r.uniform(-25, 25, 2), r.uniform(0, 6.3)
        q = p + r.uniform(4, 8) * np.array([np.cos(angle), np.sin(angle)])
        metal = film.rod([p, q], 0.6, 1.4)
        film.put("clips", [(TITANIUM, 2 * metal)], metal > 0.25)


def wires(film: Film) -> None:
    """Wires that hold a breastbone together."""
    r = film.random
    x, y = film.size * r.uniform(0.35, 0.6, 2)
    for k in range(r.randint(2, 6)):
        middle = np.array([x, y + 22 * (k - 2)]) + r.uniform(-2, 2, 2)
        metal = film.rod(loop(middle, r.uniform(8, 11), r.uniform(3, 6), r.uniform(-0.3, 0.3), 0.95), 0.45)
        metal = metal + film.rod([middle - 1, middle + (1, 1.5)], 1)
        film.put("wires", [(STEEL, metal)], metal > 0.25)


def marker(film: Film) -> None:
    """The radiographer's lead letter, beside the body or on it."""
    r = film.random
    height, words = r.uniform(9, 16), ("L", "R", "L", "R", "R", "PA", "AP")[r.randint(7)]
    x = film.size[0] * (r.uniform(0.06, 0.14) if r.rand() < 0.5 else r.uniform(0.86, 0.94))
    x = np.clip(x, height * len(words), film.size[0] - height * len(words))
    letters = film.text(words, x, film.size[1] * r.uniform(0.08, 0.9), height, r.uniform(-0.2, 0.2))
    film.put("marker", [(LEAD, 1.5 * letters)], letters > 0.35, words, letters)


SETS: tuple[tuple[Callable[[Film], None], ...], ...] = (
    (ring,), (necklace,), (bracelet,), (watch,), (hoop, stud), (zipper,), (button, coin), (screw, screw), (plate,),
    (prosthesis,), (pacemaker,), (clips, chain), (wires, necklace), (ring, bracelet), (chain,), (pacemaker, wires),
    (coin, hoop, clips), (stud,),
)  # fmt: skip


# Exposure -------------------------------------------------------------------------------------------------------------


def expose(film: Film, layers: dict[int, np.ndarray]) -> np.ndarray:
    """Return attenuation as a detector measures it."""
    r = film.random
    spectrum = r.dirichlet((6, 8, 4))
    signal = sum(
        share * np.exp(-sum(ATTENUATION[material, k] * np.clip(t, 0, None) for material, t in layers.items()))
        for k, share in enumerate(spectrum)
    )
    scatter = r.uniform(0, 0.25) * ndimage.gaussian_filter(signal, 20 / film.pixel, truncate=2)
    signal = ndimage.gaussian_filter(signal + scatter, r.uniform(0.12, 0.3) / film.pixel)
    photons = 10 ** r.uniform(3.3, 4.8)
    counts = r.poisson(np.round(photons * signal, 4)) + r.normal(0, 3, film.shape)
    return -np.log(np.maximum(counts, 1) / photons)


def develop(attenuation: np.ndarray, film: Film, limits: tuple = ()) -> tuple[np.ndarray, tuple]:
    """Return what a system shows, 0 (black) to 1, after a curve and sharpening, and what it shows black and white."""
    r = film.random
    low, high = np.percentile(attenuation, (r.uniform(0, 8), r.uniform(99.0, 99.98)))
    high = max(high, low + r.uniform(1.5, 3.5))
    low, high = limits or (low, high)
    shown = np.clip((attenuation - low) / (high - low), -0.2, 1.6)
    if r.rand() < 0.5:
        shown = shown + r.uniform(0.2, 0.8) * (shown - ndimage.gaussian_filter(shown, r.uniform(2, 14) / film.pixel))
    curve = r.randint(4)
    if curve == 1:
        shown = 1 / (1 + np.exp(-(shown - r.uniform(0.4, 0.6)) * r.uniform(4, 7)))
    elif curve == 2:
        shown = np.clip(shown, 0, None) ** r.uniform(0.6, 1.6)
    elif curve == 3:
        shown = np.where(shown < 0.75, shown, 0.75 + 0.25 * (1 - np.exp(-(shown - 0.75) / 0.25)))
    return np.clip(shown, 0, 1), (low, high)


def collimate(film: Film) -> np.ndarray:
    """Return an image with a frame where the collimator, or a shutter, hides the rest."""
    r, (rows, columns) = film.random, film.shape
    if r.rand() < 0.6:
        return np.ones(film.shape, bool)
    if r.rand() < 0.2:
        y, x = np.ogrid[:rows, :columns]
        return np.hypot(y - rows / 2, x - columns / 2) < 0.5 * max(rows, columns)
    w, h = film.size * r.uniform(0.86, 0.98, 2)
    return film.sheet(*(film.size / 2), w, h, r.uniform(-0.03, 0.03) * (r.rand() < 0.5), 0.01) > 0.5


def burn_in(values: np.ndarray, top: int, random: np.random.RandomState) -> np.ndarray:
    """Return where words were written into the stored values."""
    rows, columns = values.shape
    canvas = Image.new("L", (columns, rows))
    pen, size = ImageDraw.Draw(canvas), max(10, rows // random.randint(35, 60))
    font = ImageFont.truetype(str(FONTS / "DejaVuSans.ttf"), size)
    for k, line in enumerate(("SPECIMEN ROSA", "EHN-6093847", "2023-11-08")):
        pen.text((size // 2, size // 2 + k * size * 1.2), line, 255, font)
    return np.asarray(canvas) / 255.0


def radiograph(seed: int, things: tuple[Callable[[Film], None], ...], body: str = "", pixel: float = 0) -> Example:
    """Return one example with these objects; what else there is to choose comes from the seed."""
    random = np.random.RandomState(seed)
    names = sorted(BODIES)
    body = body or names[random.randint(len(names))]
    draw, size = BODIES[body]
    pixel = pixel or random.uniform(0.2, 0.32) * (1.4 if size[0] > 300 else 1)
    film = Film(*size, pixel, random)
    draw(film)
    add_harmless(film)
    for put in things:
        put(film)
    state = random.get_state()
    shown, (low, high) = develop(expose(film, film.layers | film.metal), film)
    after = random.get_state()
    random.set_state(state)
    without, _ = develop(expose(film, film.layers), film, (low, high))
    random.set_state(after)
    field_ = collimate(film)
    seen = field_ & (ndimage.gaussian_filter(np.abs(shown - without), 0.7) > VISIBLE)
    things_seen = []
    for thing in film.things:
        if (thing.mask & seen).any():
            letters = thing.letters & field_ if thing.letters is not None else None
            things_seen.append(Thing(thing.name, thing.mask & seen, thing.words, letters))
    shown = np.where(field_, shown, 1.0 if random.rand() < 0.4 else 0.0)
    return Example(f"{seed} {body} {' '.join(put.__name__ for put in things)}", stored(shown, film), things_seen)


def stored(shown: np.ndarray, film: Film) -> FileDataset:
    """Return a data set with what is shown as its pixels, in one of the ways in which systems store them."""
    r = film.random
    bits = (8, 10, 12, 12, 14, 16)[r.randint(6)]
    top = (1 << bits) - 1
    values = np.round(shown * (top if r.rand() < 0.6 else top * 0.8))
    if r.rand() < 0.3:
        values = np.maximum(values, np.round(burn_in(values, top, r) * top))
    inverse = r.rand() < 0.3
    values = (top - values if inverse else values).astype(np.uint8 if bits == 8 else np.uint16)
    modality, storage = (
        ("DX", DigitalXRayImageStorageForPresentation),
        ("CR", ComputedRadiographyImageStorage),
        ("XA", XRayAngiographicImageStorage),
        ("OT", SecondaryCaptureImageStorage),
    )[r.choice(4, p=(0.4, 0.3, 0.1, 0.2))]
    if modality == "XA" and inverse is False:
        modality, storage = "DX", DigitalXRayImageStorageForPresentation
    ds = FileDataset("", {}, b"\0" * 128, FileMetaDataset())
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = storage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"2.25.{r.randint(1, 1 << 30)}"
    ds.Modality, ds.PatientName, ds.PatientID = modality, "Specimen^Rosa", "EHN-6093847"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
    ds.PhotometricInterpretation = "MONOCHROME1" if inverse else "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = values.itemsize * 8, bits, bits - 1
    if modality == "XA":  # angiography shows what is dense dark (PS3.3 C.8.7.1.1.2)
        ds.PhotometricInterpretation, ds.PixelIntensityRelationship = "MONOCHROME2", "LIN"
        ds.PixelIntensityRelationshipSign = 1
    if r.rand() < 0.7:
        ds.ImagerPixelSpacing = [round(film.pixel, 4)] * 2
    ds.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    if r.rand() < 0.2:
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return ds


def radiographs(count: int = 60, start: int = 0) -> Iterator[Example]:
    """Yield examples; every third has no object, and half of these have a marker."""
    for number in range(start, start + count):
        if number % 3 == 2:
            things: tuple[Callable[[Film], None], ...] = (marker,) if number % 2 else ()
        else:
            things = SETS[(number - number // 3) % len(SETS)]
            things = (*things, marker) if number % 4 == 0 else things
        yield radiograph(1000 + number, things)
