"""The average head: what `faces` lays over a scan to know where the face is, and puts in its place to reface it.

It belongs to nobody: the mesh is linear in its targets, so the head made from the mean of many synthetic people's
weights is the mean of their heads. None of them is in `people.CAST`. Run `python data/build/average_head.py` after a
change of people.py or phantom.py; the same bytes come out every time.
"""

import gzip
import io
from pathlib import Path

import numpy as np
import people
import phantom

FILE = Path(__file__).parents[2] / "helpers" / "safeshare" / "models" / "average_head.npy.gz"
PEOPLE, FIRST_SEED = 300, 500_000  # far from the cast's seeds
SPACING = 2  # mm
# In this order they are numbered from 0; `safeshare.average_head` repeats the names.
KINDS = {
    "air": (),
    "soft": ("skin", "muscle", "nose", "eye muscle", "cartilage", "mucosa", "disc", "gland", "tonsil", "thyroid",
             "blood", "vein", "cord", "nerve", "parotid"),
    "fat": ("fat",),
    "bone": ("bone", "thin bone", "sponge", "suture", "lime"),
    "marrow": ("marrow",),
    "tooth": ("enamel", "dentin", "pulp"),
    "eye": ("sclera", "vitreous", "lens"),
    "brain": ("grey", "white", "fluid", "dura", "sinus"),
}  # fmt: skip


def person(number: int) -> people.Person:
    """A synthetic person like those of the cast: any sex, age, ancestry and build."""
    random = np.random.RandomState(FIRST_SEED + number)
    ancestry = dict(zip(("caucasian", "african", "asian"), random.dirichlet([0.5, 0.5, 0.5]), strict=True))
    weight, muscle = random.uniform(0.3, 0.85), random.uniform(0.35, 0.65)
    age, seed = int(random.randint(20, 85)), FIRST_SEED + PEOPLE + number
    return people.Person(f"average-{number}", "", "FM"[number % 2], age, seed, ancestry, weight, muscle)


def mean_weights() -> dict[str, float]:
    """The mean of all their target weights."""
    total: dict[str, float] = {}
    for number in range(PEOPLE):
        for name, weight in people.head_weights(person(number)).items():
            total[name] = total.get(name, 0.0) + weight / PEOPLE
    return {name: total[name] for name in sorted(total)}


def mirrored(values: np.ndarray) -> np.ndarray:
    """The mean of a volume and its mirror image; the middle of the head is the middle of the grid."""
    return (values + values[::-1]) / 2


def coarse(values: np.ndarray) -> np.ndarray:
    """Means over blocks of `SPACING` voxels a side, with y running to the back as in DICOM."""
    nx, ny, nz = (n // SPACING for n in values.shape)
    return values[:, ::-1].reshape(nx, SPACING, ny, SPACING, nz, SPACING).mean((1, 3, 5))


def build() -> Path:
    """Write how much of each voxel is inside the head, and which kind of tissue it is, as two volumes in one array."""
    head = phantom.head(mean_weights(), spacing=1.0, seed=FIRST_SEED)
    inside = mirrored(coarse(head.skin))
    shares = [mirrored(coarse(head.share(*tissues) * head.skin)) for tissues in list(KINDS.values())[1:]]
    air = np.maximum(1 - sum(shares), 0)
    kinds = np.argmax([air, *shares], axis=0)
    both = np.stack([np.round(inside * 250), kinds]).astype(np.uint8)
    plain = io.BytesIO()
    np.save(plain, both)
    FILE.write_bytes(gzip.compress(plain.getvalue(), 9, mtime=0))
    nx, ny, nz = head.skin.shape
    x, y, z = head.origin + (SPACING - 1) / 2
    y_front = -(head.origin[1] + ny - 1) + (SPACING - 1) / 2
    print(f"{FILE.name}: {both.shape}, {FILE.stat().st_size} bytes; the middle of its first voxel lies at")
    print(f"{x:.2f}, {y_front:.2f}, {z:.2f} mm from the point midway between the eyes (left, back, up).")
    return FILE


if __name__ == "__main__":
    build()
