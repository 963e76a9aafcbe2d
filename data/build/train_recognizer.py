"""Train the lesson's face recognizer on synthetic people, and write its model file.

`python train_recognizer.py CACHE` draws people that are not in the gallery, photographs and scans them (into CACHE,
which may be kept for the next time), and writes helpers/safeshare/models/recognizer.npz.
"""

import argparse
import functools
from pathlib import Path

import modalities
import numpy as np
import people
import phantom
import portraits
import render
from hair import Style
from people import Person
from portraits import Look
from scipy import linalg, ndimage

from safeshare import faces, recognizer, rendering
from safeshare.volume import Volume

PEOPLE = 160
FIRST_SEED = 5000  # far from the seeds of people.CAST, so nobody in the gallery is a twin of anybody here
SPACING = 2.0  # mm
RENDERED = 160  # pixels of a rendered scan
COMPONENTS, DISCRIMINANTS, REGULARIZATION = 150, 40, 0.1
SCANNED = 4  # every so many-th person has all tissues, the others only a skin

# The recognizer looks at 60 x 60 pixels, so its training pictures are small and plain, and made in a third of the time.
portraits.SHARP, portraits.WIDTH, portraits.HEIGHT, portraits.ZOOM = 1, 160, 200, 0.54
portraits.room = functools.partial(portraits.room, spacing=5.0)
fine_mesh = people.subdivided
people.subdivided = lambda values, subdivisions=1: fine_mesh(values, min(subdivisions, 1))


def draw_person(number: int) -> Person:
    """One person at random."""
    random = np.random.RandomState(FIRST_SEED + number)
    main = random.choice(["caucasian", "african", "asian"], p=[0.5, 0.25, 0.25])
    share = random.choice([1.0, 1.0, 0.8, 0.6])
    ancestry = {name: (1 - share) / 2 for name in ("caucasian", "african", "asian")}
    ancestry[main] = share
    features = {}
    if random.random_sample() < 0.3:
        features["head/head-scale-vert"] = random.uniform(-0.4, 0.3)
    weight = random.uniform(0.35, 0.75)
    if random.random_sample() < 0.15:
        weight = random.uniform(0.75, 0.9)
        features |= {"head/head-fat": random.uniform(0.3, 0.7), "neck/neck-double": random.uniform(0.2, 0.5)}
    name = f"trainee-{number:03d}"
    sex, age = random.choice(["F", "M"]), int(random.randint(20, 86))
    muscle = random.uniform(0.4, 0.65)
    return Person(name, name, sex, age, FIRST_SEED + number, ancestry, weight, muscle, features)


def draw_look(person: Person, random: np.random.RandomState) -> Look:
    """Skin, hair, clothes, light and pose at random: nothing in it says who the person is."""

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    def one_of(*choices):
        return choices[random.randint(len(choices))]

    light = (portraits.PALE, portraits.FAIR, portraits.ROSY, portraits.OLIVE, portraits.TAN)
    tones = {
        "caucasian": light,
        "african": (portraits.BROWN, portraits.COCOA, portraits.DEEP),
        "asian": (portraits.HONEY, portraits.TAN, portraits.FAIR),
    }[max(person.ancestry, key=lambda name: person.ancestry[name])]
    colours = [portraits.BLACK, portraits.DARK, portraits.CHESTNUT]
    colours += [portraits.BLOND, portraits.AUBURN, portraits.ASH] if tones is light else []
    colours += [portraits.SILVER, portraits.WHITE] * 2 if person.age > 55 else []
    tint = one_of(*colours)
    woman = person.sex == "F"
    hair = Style(
        tint,
        between(25, 180) if woman else between(6, 45),
        one_of("part", "part", "crown", "back", "out") if woman else one_of("crown", "crown", "back", "out"),
        between(-30, 30),
        curl=one_of(0.0, 0.1, 0.6),
        wave=one_of(0.0, 0.1, 0.2),
        lift=between(3, 20),
        line=0.0 if woman else between(-0.05, 0.12),
        bald=0.0 if woman or random.random_sample() < 0.7 else between(0.4, 0.9),
        grey=between(0, 0.6) if person.age > 40 else 0.0,
        count=7000,
        fringe=one_of(0.0, 0.0, 45.0, 55.0) if woman else 0.0,
    )
    covered = random.random_sample() < (0.12 if woman else 0.0)
    shaved = random.random_sample() < (0.0 if woman else 0.15)
    above = one_of(0.3, 0.5, 0.7)
    return Look(
        one_of(*tones),
        None if covered or shaved else hair,
        "scarf" if covered else one_of("crew", "shirt", "vee", "turtle"),
        tuple(random.uniform(0.2, 0.8, 3)),
        iris=one_of(portraits.BLUE, portraits.GREEN, portraits.HAZEL, (0.24, 0.14, 0.08)),
        brows=between(0.3, 1.0),
        brow_colour=tint,
        beard=0.0 if woman else one_of(0.0, 0.0, 0.0, 5.0, 8.0),
        stubble=0.0 if woman else between(0, 0.5),
        freckles=one_of(0.0, 0.0, 0.6),
        lips=between(0.3, 0.7) if woman else 0.5,
        smile=between(0.1, 0.55),
        pose=(between(-14, 14), between(-3, 4), between(-4, 4)),
        key=(one_of(-1, 1) * between(0.3, 0.7), between(0.6, 0.8), between(0.4, 0.8)),
        background=((above,) * 3, (above - 0.1,) * 3),
    )


def few_lights(look: Look) -> list[render.Light]:
    """The portraits' lights, thinned out to a fifth: shadows cost time."""
    lamps = full_lights(look)
    groups = [(lamps[:8], 4), (lamps[8:12], 4), (lamps[12:13], 1), (lamps[13:], 5)]
    return [render.Light(lamp.direction, lamp.colour * step) for group, step in groups for lamp in group[::step]]


full_lights = portraits.lights
portraits.lights, portraits.LAMPS = few_lights, 4


def skin_of(person: Person) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How much of each voxel is head, the middle of the first voxel, and the eyes' centres: x left, y front, z up."""
    mesh = people.head_mesh(people.head_weights(person))
    eyes = np.array([np.add(v.min(0), v.max(0)) / 2 for v in (mesh["left eye"].vertices, mesh["right eye"].vertices)])
    near = mesh["skin"].vertices
    near = near[(np.abs(near[:, 0]) < 30) & (near[:, 2] > eyes[0, 2] - 60)]
    field = phantom.FIELD_OF_VIEW
    high = [field[0] / 2, near[:, 1].max() + phantom.MARGINS[0], near[:, 2].max() + phantom.MARGINS[1]]
    shape = tuple(int(n) for n in np.round(field / SPACING))
    origin = np.array(high) - (np.array(shape) - 0.5) * SPACING
    inside = people.fill(mesh["skin"], origin, shape, SPACING, fine=3)
    for side in ("left eye", "right eye"):
        inside = np.maximum(inside, people.fill(mesh[side], origin, shape, SPACING))
    return inside, origin, eyes


def record(number: int, path: Path) -> None:
    """Photograph a person twice and scan them, and keep it in a file."""
    person = draw_person(number)
    random = np.random.RandomState(FIRST_SEED + number)
    pictures, spots = [], []
    for _ in range(2):
        look = draw_look(person, random)
        picture, eyes = portraits.portrait(person, look)
        pictures.append(np.asarray(picture.convert("L")))
        spots.append([eyes["right"], eyes["left"]])
    if number % SCANNED:
        inside, origin, eyes = skin_of(person)
        scans = {"skin": np.round(250 * inside).astype(np.uint8)}
    else:
        head = phantom.head(people.head_weights(person), SPACING, person.seed)
        scans = {"ct": modalities.ct(head, person.seed), "t1": modalities.t1(head, person.seed)}
        scans["pet"] = np.round(1000 * modalities.pet(head, person.seed, random.uniform(4.5, 7))).astype(np.int16)
        origin, eyes = head.origin, head.eyes
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, portraits=pictures, portrait_eyes=spots, origin=origin, eyes=eyes, **scans)
    part.replace(path)


def scans(record: dict[str, np.ndarray], random: np.random.RandomState) -> list[Volume]:
    """CT, MR and PET of a recorded person."""
    if "skin" in record:
        skin = record["skin"].astype(np.float32) / 250
        noise = random.standard_normal((3, *skin.shape)).astype(np.float32)
        uptake = ndimage.gaussian_filter(0.75 * skin, random.uniform(4.5, 7) / 2.355 / SPACING)
        grain = 10 * ndimage.gaussian_filter(noise[2], 1.3)
        ct, t1 = 1040 * skin - 1000 + 7 * noise[0], np.hypot(520 * skin + 9 * noise[0], 9 * noise[1])
        pet = uptake + 0.035 * np.sqrt(uptake + 0.01) * grain
    else:
        ct, t1, pet = record["ct"], record["t1"], record["pet"] / 1000
    affine = np.diag([SPACING, SPACING, SPACING, 1])
    rows = ct.shape[1]
    affine[:3, 3] = record["origin"] * [1, -1, 1] - [0, SPACING * (rows - 1), 0]
    return [
        Volume(np.ascontiguousarray(values[:, ::-1]), affine, modality, ())
        for values, modality in ((ct, "CT"), (t1, "MR"), (pet, "PT"))
    ]


def pictures_of(record: dict[str, np.ndarray], random: np.random.RandomState) -> list[np.ndarray]:
    """Aligned pictures of a recorded person: portraits and scans, with the eyes now and then a little off."""
    pictures = []
    for picture, eyes in zip(record["portraits"], record["portrait_eyes"], strict=True):
        for blunder in (0, 0.6, 0.6):
            pictures.append(recognizer.align(picture / 255, eyes + random.normal(0, blunder, (2, 2))))
    eyes = record["eyes"] * [1, -1, 1]
    for volume in scans(record, random):
        surface = rendering.Surface(volume)
        for _ in range(4):
            yaw, pitch = random.uniform(-12, 12), random.uniform(-6, 6)
            light = (random.uniform(-0.6, 0.6), random.uniform(0.1, 0.7), 1.0)
            picture = surface.picture(yaw, pitch, RENDERED, light)
            places = rendering.project(volume, eyes, yaw, pitch, RENDERED)
            pictures.append(recognizer.align(picture, places + random.normal(0, 0.4, (2, 2))))
    return pictures


def fisher(features: np.ndarray, person: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and matrix that make embeddings out of features: principal components, then linear discriminants.

    The classes are people; the scatter within is between all pictures of one person, so what a portrait has and a scan
    has not (hair, light, the make of the picture) is what the discriminants learn to overlook.
    """
    mean = features.mean(0)
    components = np.linalg.svd(features - mean, full_matrices=False)[2][:COMPONENTS].T
    scores = (features - mean) @ components
    own = np.array([scores[person == number].mean(0) for number in person])
    within = (scores - own).T @ (scores - own)
    within += REGULARIZATION * np.trace(within) / COMPONENTS * np.eye(COMPONENTS)
    ratios, directions = linalg.eigh(own.T @ own, within)
    best = np.argsort(-ratios)[:DISCRIMINANTS]
    # What tells people apart the least counts the least.
    return mean, components @ directions[:, best] * np.sqrt(ratios[best] / (1 + ratios[best]))


def eye_templates(records: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What the relief of a face looks like, on the average, around both eyes and around each."""
    totals = dict.fromkeys(recognizer.TEMPLATES, 0.0)
    for number, record in enumerate(records):
        right, left = record["eyes"][::-1] * [1, -1, 1]
        places = {"both": (left + right) / 2, "right": right, "left": left}
        for volume in scans(record, np.random.RandomState(number)):
            heights, corner = recognizer.front(volume, faces.skin_level(volume))
            relief = recognizer.relief(heights)
            for name, (rows, columns) in recognizer.TEMPLATES.items():
                x, _, z = (places[name] - corner) / 2
                grid = np.mgrid[-rows : rows + 1, -columns : columns + 1] + np.array([-z, x])[:, None, None]
                patch = ndimage.map_coordinates(relief, grid, order=1)
                totals[name] += (patch - patch.mean()) / patch.std()
    return {name: total / np.linalg.norm(total) for name, total in totals.items()}


def load(path: Path) -> dict[str, np.ndarray]:
    """What `record` kept."""
    with np.load(path) as parts:
        return dict(parts)


def train(cache: Path) -> dict[str, np.ndarray]:
    """The model's parts, from everybody in the cache."""
    features, person, records = [], [], []
    for path in sorted(cache.glob("[0-9]*[0-9].npz")):
        record = load(path)
        number = int(path.stem)
        pictures = pictures_of(record, np.random.RandomState(FIRST_SEED + number))
        features += [recognizer.edges(picture) for picture in pictures]
        person += [number] * len(pictures)
        if number % SCANNED == 0:
            records.append(record)
    mean, matrix = fisher(np.array(features), np.array(person))
    return {"mean": mean, "matrix": matrix} | eye_templates(records)


def main() -> None:
    """Record the people that the cache lacks, train, write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    cache = parser.parse_args().cache
    cache.mkdir(parents=True, exist_ok=True)
    for number in range(PEOPLE):
        path = cache / f"{number:03d}.npz"
        if not path.exists():
            record(number, path)
            print(path, flush=True)
    # Uncompressed, so that the bytes do not depend on the version of zlib; numpy dates the parts 1980.
    np.savez(recognizer.MODEL, **{name: part.astype(np.float16) for name, part in train(cache).items()})


if __name__ == "__main__":
    main()
