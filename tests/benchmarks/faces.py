"""What defacing costs and what it hides: CPU time, memory, brain voxels changed, and who still recognizes whom.

    python tests/benchmarks/faces.py [METHOD] [CACHE]

The heads of the 20 people of the gallery are made anew as CT, MR and PET of 1 mm (20 CPU seconds a person, kept in the
folder CACHE if one is named), and defaced with METHOD ("remove" by default). Two attackers look at a frontal picture of
each and rank the 21 portraits of the gallery; both are told where the eyes were. Chance is 1 in 21 at rank 1, 5 in 21
at rank 5. What data/README.md names for building data must be installed. (Not for Windows: no module resource.)
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "data" / "build"))
GALLERY = ROOT / "data" / "gallery"
MODALITIES = ("CT", "MR", "PT")


def scans(number: int, cache: Path | None) -> tuple[dict, np.ndarray, np.ndarray, np.ndarray]:
    """Return a person's scans by modality, the place of the first voxel, the brain and the eyes, in DICOM's axes."""
    import modalities
    import people
    import phantom

    person = people.CAST[number]
    kept = cache / f"{person.id}.npz" if cache else None
    if kept is None or not kept.exists():
        head = phantom.head(people.head_weights(person), spacing=1.0, seed=person.seed)
        made = {
            "CT": modalities.ct(head, seed=person.seed),
            "MR": modalities.t1(head, seed=person.seed).astype(np.int16),
            "PT": modalities.pet(head, seed=person.seed),
        }
        x, y, z = head.origin
        origin = np.array([x, -(y + head.skin.shape[1] - 1), z])
        arrays = {name: np.ascontiguousarray(values[:, ::-1]) for name, values in made.items()}
        arrays |= {"brain": head.brain[:, ::-1], "origin": origin, "eyes": np.asarray(head.eyes) * [1, -1, 1]}
        if kept is None:
            return {name: arrays[name] for name in MODALITIES}, origin, arrays["brain"], arrays["eyes"]
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, **arrays)
    with np.load(kept) as arrays:
        return {name: arrays[name] for name in MODALITIES}, arrays["origin"], arrays["brain"], arrays["eyes"]


class Attackers:
    """The project's recognizer, and a plain comparison of edges that was trained on nobody."""

    def __init__(self) -> None:
        from PIL import Image

        from safeshare import recognizer

        self.recognizer = recognizer
        self.gallery = recognizer.read_gallery(GALLERY)
        self.plain = {}
        for person in json.loads((GALLERY / "manifest.json").read_text(encoding="utf-8"))["people"]:
            with Image.open(GALLERY / person["portrait"]) as picture:
                aligned = recognizer.align(np.asarray(picture), list(person["portrait_eyes"].values()))
            self.plain[person["id"]] = recognizer.edges(aligned)

    def ranks(self, picture: np.ndarray, eyes: np.ndarray, who: str) -> tuple[int, int]:
        """Return at which place of their lists the two attackers have the right person."""
        ranked = [name for name, _ in self.recognizer.match(picture, eyes, self.gallery)]
        own = self.recognizer.edges(self.recognizer.align(picture, eyes))
        distance = {name: float(np.linalg.norm(own - other)) for name, other in self.plain.items()}
        return ranked.index(who) + 1, sorted(distance, key=distance.__getitem__).index(who) + 1


def main(method: str, cache: Path | None) -> None:
    """Print the figures."""
    import people

    from safeshare import average_head, faces, rendering
    from safeshare.volume import Volume

    average_head.average()
    attackers = Attackers()
    rows: dict[str, list[tuple]] = {name: [] for name in MODALITIES}
    for number, person in enumerate(people.CAST[:20]):
        values, origin, brain, eyes = scans(number, cache)
        affine = np.eye(4)
        affine[:3, 3] = origin
        for name in MODALITIES:
            scan = Volume(values[name], affine, name, ())
            start = time.process_time()
            after = faces.strip(scan, method)
            seconds = time.process_time() - start
            changed = after.values != scan.values
            ranks = []
            level = faces.skin_level(scan)
            for volume in (scan, after):
                picture = rendering.render(volume, level=level)
                ranks += attackers.ranks(picture, rendering.project(scan, eyes), person.id)
            found = len(faces.find(after))
            rows[name].append((seconds, np.count_nonzero(changed & brain), changed.mean(), found, *ranks))
            print(person.id, name, f"{seconds:.1f} s, ranks before and after: {ranks}", file=sys.stderr, flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{method}: rank 1 and within rank 5, of {len(rows['CT'])} people among {len(attackers.gallery)} portraits")
    print("     CPU s (most)  brain voxels  changed  face found   recognizer before, after     edges before, after")
    for name, table in rows.items():
        seconds, lost, share, found, *ranks = np.array(table, float).T
        first = [f"{np.count_nonzero(rank == 1):2} {np.count_nonzero(rank <= 5):2}" for rank in ranks]
        print(
            f"{name}   {seconds.mean():4.1f} ({seconds.max():4.1f})  {int(lost.sum()):12}  {share.mean():7.1%}  "
            f"{int(found.sum()):10}   {first[0]:>14},  {first[2]:>8}   {first[1]:>14},  {first[3]:>8}"
        )
    print(f"{memory:.0f} MB of memory at most, with the volumes of three scans of a person")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "remove", Path(sys.argv[2]) if len(sys.argv) > 2 else None)
