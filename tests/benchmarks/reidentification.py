"""How many of 20 people are recognized by their scans, before and after defacing, by three attackers.

    python tests/benchmarks/reidentification.py CACHE

CACHE is the folder that data/build/train_recognizer.py filled: its people train the attackers of attackers.py. What is
seen of each scan is kept there, so that a second run is fast; delete CACHE/looks after a change of `faces.strip`.
Needs what data/build needs (data/README.md). All attackers are told where the eyes were before defacing; the lesson's
recognizer is also tried with the eyes that it finds by itself before defacing, with those that it finds afterwards (a
defaced scan shows no more), and with the average of three views.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "data" / "build"))

import attackers  # noqa: E402
import modalities  # noqa: E402
import people  # noqa: E402
import phantom  # noqa: E402
import portraits  # noqa: E402
from attackers import Scan  # noqa: E402
from train_recognizer import SCANNED, load, scans  # noqa: E402

from safeshare import defacing, faces, recognizer, rendering  # noqa: E402
from safeshare.volume import Volume  # noqa: E402

GALLERY = ROOT / "data" / "gallery"
METHODS = ("original", "plane", "remove", "reface", "brain only")
DRAWS = 2  # of three galleries each
MODALITIES = ("CT", "MR", "PT")


def defaced(volume: Volume, method: str) -> Volume:
    """The volume after one of the methods, or as it was; "brain only" shows what no method can hide."""
    if method == "original":
        return volume
    if method != "brain only":
        return faces.strip(volume, method)
    head = faces.look(volume)
    around = defacing.beside_brain(head.mask, np.linalg.norm(head.affine[:3, :3], axis=0))
    return volume.with_values(defacing.changed(volume, around, head.affine, lambda mask, slab: volume.values.min()))


def keep(path: Path, volumes: list[Volume], eyes: np.ndarray) -> None:
    """Keep what the attackers see of a person's scans after each method."""
    parts = {}
    for volume in volumes:
        places = rendering.project(volume, recognizer.find_eyes(volume))
        for method in METHODS:
            after = defaced(volume, method)
            seen = attackers.look(after, eyes)._asdict()
            picture = rendering.render(after)
            seen["own"] = recognizer.align(picture, places)
            seen["blind"] = recognizer.align(picture, rendering.project(after, guessed_eyes(after)))
            parts |= {f"{method}_{volume.modality}_{name}": part.astype(np.float16) for name, part in seen.items()}
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **parts)
    print(path, flush=True)


def guessed_eyes(volume: Volume) -> np.ndarray:
    """Where the eyes seem to be after defacing: found, or else where an average head laid over the rest has them."""
    try:
        return recognizer.find_eyes(volume)
    except ValueError:
        _, found = faces.locate(volume)
        eyes = np.array([[-31.0, 0, 0, 1], [31.0, 0, 0, 1]])
        return (np.linalg.inv(found.to_average) @ eyes.T)[:3].T


def kept(path: Path, method: str, modality: str) -> Scan:
    """What `keep` kept."""
    with np.load(path) as parts:
        return Scan(*(parts[f"{method}_{modality}_{name}"].astype(np.float32) for name in Scan._fields))


def of_portrait(picture: np.ndarray, eyes: np.ndarray) -> Scan:
    """What the attackers see of a portrait."""
    close, wide = recognizer.align(picture, eyes), attackers.wide(picture, eyes)
    return Scan(close[None], wide[None], np.zeros(0))


def cast_scans(person: people.Person) -> tuple[list[Volume], np.ndarray]:
    """CT, MR and PET of one of the gallery's people in voxels of 2 mm, and the eyes, right and left."""
    head = phantom.head(people.head_weights(person), 2.0, person.seed)
    values = {"ct": modalities.ct(head, person.seed), "t1": modalities.t1(head, person.seed)}
    values |= {"pet": 1000 * modalities.pet(head, person.seed), "origin": head.origin}
    return scans(values, np.random.RandomState(0)), (head.eyes * [1, -1, 1])[::-1]


def show(title: str, ranks: list[int]) -> None:
    """Print how many are recognized first, and among the first five."""
    first, five = (sum(rank <= top for rank in ranks) for top in (1, 5))
    print(f"{title:56s} rank 1: {first:2d}  rank 5: {five:2d}  of {len(ranks)}", flush=True)


def second_portraits() -> None:
    """Print how often a portrait with another pose, light and expression finds its person's first one."""
    gallery, ranks = recognizer.read_gallery(GALLERY), []
    for person in people.CAST:
        look = portraits.LOOKS[person.id]
        pose = (-look.pose[0], look.pose[1] + 2, -look.pose[2])
        again = replace(look, pose=pose, key=(-look.key[0], *look.key[1:]), smile=0.6 - look.smile)
        picture, eyes = portraits.portrait(person, again)
        ranking = recognizer.match(np.asarray(picture), list(eyes.values()), gallery)
        ranks.append([name for name, _ in ranking].index(person.id) + 1)
    show("second portrait, lesson", ranks)


def guesses(cast: list[people.Person]) -> None:
    """Print what guessing among people of the same kind gives: what a skull may tell without any face."""
    kinds = {
        "nothing": lambda person: None,
        "sex": lambda person: person.sex,
        "sex and ancestry": lambda person: (person.sex, max(person.ancestry, key=person.ancestry.get)),
    }
    for title, kind in kinds.items():
        alike = np.array([sum(kind(other) == kind(person) for other in people.CAST) for person in cast])
        first, five = (1 / alike).sum(), np.minimum(5 / alike, 1).sum()
        print(f"{'guessing, knowing ' + title:56s} rank 1: {first:4.1f}  rank 5: {five:4.1f}  of {len(cast)}")


def lesson(looks: Path, cast: list[people.Person]) -> None:
    """Print how the lesson's recognizer does, in three ways."""
    gallery = recognizer.read_gallery(GALLERY)
    with np.load(recognizer.MODEL) as model:
        mean, matrix = model["mean"].astype(np.float32), model["matrix"].astype(np.float32)
    for modality in MODALITIES:
        for method in METHODS:
            found: dict[str, list[int]] = {}
            for person in cast:
                with np.load(looks / f"{person.id}.npz") as parts:
                    kinds = ("close", "own", "blind")
                    told, own, blind = (parts[f"{method}_{modality}_{name}"].astype(np.float32) for name in kinds)
                tries = {"eyes found by itself": own[None], "told the eyes": told[1:2], "told the eyes, 3 views": told}
                tries["eyes found afterwards"] = blind[None]
                for title, pictures in tries.items():
                    numbers = np.array([(recognizer.edges(picture) - mean) @ matrix for picture in pictures])
                    numbers = (numbers / np.linalg.norm(numbers, axis=1, keepdims=True)).mean(0)
                    likeness = {name: float(numbers @ other) for name, other in gallery.items()}
                    rank = sum(value >= likeness[person.id] for value in likeness.values())
                    found.setdefault(title, []).append(rank)
            for title, ranks in found.items():
                show(f"{modality} {method:8s} lesson, {title}", ranks)


def adaptive(cache: Path, looks: Path, cast: list[people.Person]) -> None:
    """Train the other attackers on scans defaced in the same way, and print how they do.

    First with the gallery. Twenty people say little, so then with galleries of twenty that are drawn from all who have
    scans, those of the gallery among them: the attackers are trained on everybody else.
    """
    known: dict[str, list[Scan]] = {}
    scanned = []
    for path in sorted(cache.glob("[0-9]*[0-9].npz")):
        record = load(path)
        pairs = zip(record["portraits"], record["portrait_eyes"], strict=True)
        known[path.stem] = [of_portrait(picture / 255, eyes) for picture, eyes in pairs]
        if int(path.stem) % SCANNED == 0:
            scanned.append(path.stem)
            if not (looks / path.name).exists():
                eyes = (record["eyes"] * [1, -1, 1])[::-1]
                keep(looks / path.name, scans(record, np.random.RandomState(int(path.stem))), eyes)
    for entry in json.loads((GALLERY / "manifest.json").read_text(encoding="utf-8"))["people"]:
        with Image.open(GALLERY / entry["portrait"]) as picture:
            eyes = np.array(list(entry["portrait_eyes"].values()))
            known[entry["id"]] = [of_portrait(np.asarray(picture), eyes)]
    names = [person.id for person in cast]
    everybody = scanned + names
    for method in METHODS:
        seen = {name: {kind: kept(looks / f"{name}.npz", method, kind) for kind in MODALITIES} for name in everybody}
        for kind in (attackers.Fisher, attackers.Shape):
            title = f"{method:10s} {kind.__name__}, trained on scans defaced alike"
            found = attack(kind, known, {name: seen[name] for name in scanned}, seen, names, people.CAST[-1].id)
            for modality, ranks in found.items():
                show(f"{modality} {title}", ranks)
            firsts: dict[str, list[int]] = {modality: [] for modality in MODALITIES}
            for draw in range(DRAWS):
                order = np.random.RandomState(draw).permutation(everybody)
                for start in range(0, len(order) - 19, 20):
                    gallery = list(order[start : start + 20])
                    others = {name: seen[name] for name in everybody if name not in gallery}
                    for modality, ranks in attack(kind, known, others, seen, gallery).items():
                        firsts[modality].append(sum(rank == 1 for rank in ranks))
            for modality, counts in firsts.items():
                spread = f"{np.mean(counts):.1f} (sd {np.std(counts):.1f})"
                print(f"{modality} {title}, {len(counts)} drawn galleries of 20: rank 1: {spread}", flush=True)


def attack(
    kind: type,
    known: dict[str, list[Scan]],
    trained: dict[str, dict[str, Scan]],
    seen: dict[str, dict[str, Scan]],
    names: list[str],
    *more: str,
) -> dict[str, list[int]]:
    """Return at which rank an attacker has each of `names`, whom it never saw; `more` are in the gallery, too."""
    number = {name: index for index, name in enumerate(known)}
    gallery = [*names, *more]
    pictures = [(look, number[name]) for name, looks in known.items() if name not in gallery for look in looks]
    scanned = [(look, number[name]) for name, looks in trained.items() for look in looks.values()]
    attacker = kind(
        [look for look, _ in pictures],
        [look for look, _ in scanned],
        np.array([who for _, who in pictures]),
        np.array([who for _, who in scanned]),
    )
    portraits_shown = [known[name][0] for name in gallery]
    ranks: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        for modality, look in seen[name].items():
            likeness = attacker.likeness(look, portraits_shown)
            ranks.setdefault(modality, []).append(int((likeness >= likeness[place]).sum()))
    return ranks


def main() -> None:
    """Print the rates of all attackers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    cache = parser.parse_args().cache
    cast = people.CAST[:-1]
    guesses(cast)
    second_portraits()
    looks = cache / "looks"
    for person in cast:
        if not (looks / f"{person.id}.npz").exists():
            keep(looks / f"{person.id}.npz", *cast_scans(person))
    lesson(looks, cast)
    adaptive(cache, looks, cast)


if __name__ == "__main__":
    main()
