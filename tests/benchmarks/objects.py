"""How well foreign objects are found and stripped, and what it costs, on the images of tests/radiopaque.py.

    python tests/benchmarks/objects.py [RADIOGRAPHS] [CT VOLUMES] [FIRST]

"recall" is the share of the pixels of objects that are found, "precision" the share of what is found that lies within
1 mm of one, "flagged" the share of images without objects in which some are found (markers are no false find), and
"legible" the share of engravings in which more than a tenth of the letters' pixels are left after strip.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import radiopaque
import radiopaque_ct

from safeshare import metal, objects


def painted(found: list[objects.ObjectFinding], shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of findings."""
    out = np.zeros(shape, bool)
    for each in found:
        out[each.box.y0 : each.box.y1, each.box.x0 : each.box.x1] |= each.pixels
    return out


def radiographs(count: int, first: int) -> None:
    """Print the figures for radiographs."""
    hit = total = good = seen = flagged = free = legible = engraved = left = 0
    seconds = []
    for example in radiopaque.radiographs(count, first):
        start = time.process_time()
        found = objects.find(example.dataset)
        seconds.append((time.process_time() - start, example.dataset.Rows * example.dataset.Columns))
        truth = example.mask()
        mask = painted(found, truth.shape)
        if example.mask(markers=False).any():
            hit, total = hit + int((mask & truth).sum()), total + int(truth.sum())
            good, seen = good + int((mask & ndimage.binary_dilation(truth, iterations=4)).sum()), seen + int(mask.sum())
        else:
            free += 1
            flagged += any(
                each.label != "marker" and not (truth & painted([each], truth.shape)).any() for each in found
            )
        stripped = objects.strip(example.dataset, found and None, key="a key for benchmarks")
        changed = example.dataset.pixel_array != stripped.pixel_array
        left += bool([each for each in objects.find(stripped) if each.action == "C"])
        for thing in example.things:
            if thing.letters is not None and thing.words and thing.name != "marker":
                engraved += 1
                legible += bool((thing.letters & ~changed).sum() > 0.1 * thing.letters.sum())
        recall = (mask & truth).sum() / max(1, truth.sum())
        print(
            f"{example.name:40} recall {recall:6.1%}  {seconds[-1][0]:4.1f} s  {[each.what for each in found]}",
            flush=True,
        )
    print(f"recall             {hit / max(1, total):7.2%} of the pixels of objects")
    print(f"precision          {good / max(1, seen):7.2%}")
    print(f"flagged            {flagged} of {free} radiographs without objects")
    print(f"legible            {legible} of {engraved} engravings after strip")
    print(f"found after strip  {left} of {count} radiographs")
    spent = [second for second, _ in seconds]
    print(f"CPU                {statistics.mean(spent):7.2f} s, at most {max(spent):.2f} s")


def volumes(count: int, first: int) -> None:
    """Print the figures for CT."""
    hit = total = flagged = free = 0
    seconds = []
    for example in radiopaque_ct.volumes(count, first):
        start = time.process_time()
        found = objects.find(example.volume)
        seconds.append(time.process_time() - start)
        mask = np.zeros(example.truth.shape, bool)
        for each, place in zip(found, metal.places([each.where for each in found]), strict=True):
            mask[place] |= each.pixels
        hit, total = hit + int((mask & example.truth).sum()), total + int(example.truth.sum())
        if not example.truth.any():
            free, flagged = free + 1, flagged + bool(found)
    print(f"CT recall          {hit / max(1, total):7.2%} of the voxels of objects")
    print(f"CT flagged         {flagged} of {free} volumes without objects")
    print(f"CT CPU             {statistics.mean(seconds):7.2f} s")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    first = numbers[2] if len(numbers) > 2 else 0
    radiographs(numbers[0] if numbers else 60, first)
    volumes(numbers[1] if len(numbers) > 1 else 20, first)
