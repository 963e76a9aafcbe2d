"""Train the network that tells what kind of object a region of a radiograph is, and write its model file.

    pip install torch onnx
    python data/build/train_object_kinds.py

draws radiographs at random as train_object_detector.py does, cuts out each object with what surrounds it, teaches a
small network to tell whether it is worn, a tag, a device or a marker, and writes helpers/safeshare/models/kinds.onnx.
On one core, drawing takes 20 minutes, and teaching ten.
"""

from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional
from train_object_detector import BODIES, SIDE, convolved, work_back, write
from xray_exposure import NOTHING, Body, Sample, sample
from xray_things import DEVICE, MARKER, TAG, WORN

from safeshare import object_kinds

MODEL = Path(object_kinds.__file__).parent / "models" / object_kinds.MODEL
PICTURES, BATCH, STEPS, RATE = 5600, 64, 10_000, 3e-3
WIDTHS = ((3, 24, 2), (24, 32, 1), (32, 48, 2), (48, 48, 1), (48, 64, 2), (64, 64, 1), (64, 96, 2), (96, 96, 1))
GAP, LEAST = 1.0, 3.0  # mm between parts of one object, and mm2 that it covers
TAG_SHARE, MAIN_SHARE = 0.15, 0.75  # of an object's pixels: a tag with its chain is a tag, and no mixtures are shown
WITH_CHAIN = 0.9  # of an object, at most, is a body with a chain or leads worth showing alone
SILHOUETTES = 0.2  # share of the devices that are shown without what is inside

Views = list[tuple[np.ndarray, int]]  # what is seen of an object, and its kind


class Network(nn.Module):
    """Some convolutions, and what they find on average and at most."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(convolved(*widths) for widths in WIDTHS))
        self.forget = nn.Dropout(0.3)
        self.last = nn.Linear(2 * WIDTHS[-1][1], len(object_kinds.KINDS))

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Return scores (views, kinds)."""
        found = self.layers(views)
        return self.last(self.forget(torch.cat([found.mean((2, 3)), found.amax((2, 3))], 1)))


class Sure(nn.Module):
    """A network that tells how likely each kind is."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Return shares that add up to 1."""
        return torch.softmax(self.network(views), 1)


def drawn(count: int, random: np.random.RandomState) -> Views:
    """Return the objects on so many radiographs."""
    out: Views = []
    bodies = [Body(random) for _ in range(BODIES)]
    for _ in range(count):
        bodies[random.randint(BODIES)] = Body(random)
        body = bodies[random.randint(BODIES)]
        out += objects_in(sample(body, SIDE, random), body.canvas.pixel)
    return out


def objects_in(picture: Sample, pixel: float) -> Views:
    """Return the objects of a picture, once as they are, and once a little wider, as the detector may see them.

    Their bodies are shown alone as well: a pendant without its chain, a pacemaker without its leads.
    """
    visible, out = (picture.kind > 0) & (picture.kind < NOTHING), []
    for seen in (visible, ndimage.binary_dilation(visible, np.ones((3, 3)))):
        wide = ndimage.binary_dilation(seen, np.ones((3, 3)), iterations=max(1, round(GAP / pixel)))
        labels = ndimage.label(wide, np.ones((3, 3)))[0] * seen
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            if place is None:
                continue
            mask = labels[place] == number
            for part in (mask, *(b for b in object_kinds.bodies(mask, pixel) if b.sum() < WITH_CHAIN * mask.sum())):
                kind = kind_of(picture.kind[place][part & visible[place]])
                if kind and part.sum() * pixel**2 >= LEAST:
                    inner = ndimage.find_objects(part.astype(np.uint8))[0]
                    at = tuple(slice(p.start + i.start, p.start + i.stop) for p, i in zip(place, inner, strict=True))
                    view = object_kinds.view(picture.shown, at, part[inner], pixel)
                    out.append((view.astype(np.float16), kind - 1))
    return out


def kind_of(kinds: np.ndarray) -> int:
    """Return the kind that most pixels of an object have, 0 for a mixture."""
    shares = np.bincount(kinds, minlength=MARKER + 1) / max(1, kinds.size)
    if shares[TAG] > TAG_SHARE and shares[TAG] + shares[WORN] > 0.8:
        return TAG
    return int(shares.argmax()) if shares.max() >= MAIN_SHARE else 0


def changed(view: np.ndarray, kind: int, r: np.random.RandomState) -> np.ndarray:
    """Return a view turned, flipped if it has no letters to be read, shifted, and of another contrast and size.

    Some devices are made a silhouette, as `objects.strip` leaves them, so that they are known again.
    """
    bright, mask, size = np.rot90(view.astype(np.float32), r.randint(4), (1, 2)).copy()
    if kind + 1 == DEVICE and r.rand() < SILHOUETTES:
        pixel = np.exp(size[0, 0]) * object_kinds.SIZE / object_kinds.SIDE
        inside = ndimage.distance_transform_edt(mask > 0.5) * pixel > 0.5
        bright[inside] = np.median(bright[inside]) if inside.any() else 0
    if kind + 1 != MARKER and r.rand() < 0.5:
        bright, mask = bright[:, ::-1], mask[:, ::-1]
    bright = bright * np.exp(r.normal(0, 0.15)) + r.normal(0, 0.08)
    if r.rand() < 0.3:
        bright = bright + r.normal(0, 0.05, bright.shape)
    shift = r.randint(-4, 5, 2)
    bright, mask = (np.roll(each, shift, (0, 1)) for each in (bright, mask))
    return np.stack([bright, mask, size + r.normal(0, 0.08)])


def taught(views: Views, r: np.random.RandomState) -> Network:
    """Return a network that has learned from views, of the rare kinds more often."""
    network = Network().train()
    way = torch.optim.AdamW(network.parameters(), weight_decay=2e-2)
    kinds = np.array([kind for _, kind in views])
    often = 1 / np.sqrt(np.bincount(kinds))[kinds]
    for step in range(STEPS):
        for group in way.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        chosen = r.choice(len(views), BATCH, p=often / often.sum())
        batch = np.stack([changed(*views[k], r) for k in chosen]).astype(np.float32)
        scores = network(torch.from_numpy(batch))
        loss = functional.cross_entropy(scores, torch.from_numpy(kinds[chosen]), label_smoothing=0.03)
        work_back(way, loss, step)
        way.step()
    return network.eval()


def main() -> None:
    """Draw, teach, write."""
    torch.manual_seed(1)
    random = np.random.RandomState(11)
    example = torch.rand(1, 3, object_kinds.SIDE, object_kinds.SIDE)
    axes = {"views": {0: "count"}, "likely": {0: "count"}}
    write(Sure(taught(drawn(PICTURES, random), random)), example, axes, MODEL)


if __name__ == "__main__":
    main()
