"""How well foreign objects are found and stripped, and what it costs, on the images of tests/radiopaque.py.

    python tests/benchmarks/objects.py [RADIOGRAPHS] [CT VOLUMES] [FIRST]

"recall" is the share of the pixels of objects that are found, "precision" the share of what is found that lies within
1 mm of one, "flagged" the share of images without objects in which some are found (markers are no false find), and
"legible" the share of engravings in which more than a tenth of the letters' pixels are left after strip, or of which
Tesseract, if it is installed, reads three letters in a row. The plain way that all is compared with takes away the
background (a top-hat of 14 mm), and calls what is brighter than Otsu's threshold an object.
"""

import difflib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset
from scipy import ndimage
from skimage.filters import threshold_otsu

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import radiopaque
import radiopaque_ct

from safeshare import metal, objects

TURNS = (-30, -20, -10, 0, 10, 20, 30)  # degrees; engravings lie at a slant
SAME = 3  # letters in a row that make an engraving legible


class Count:
    """Pixels that are hit, searched, rightly painted and painted at all; images flagged without reason; seconds."""

    def __init__(self) -> None:
        self.hit = self.total = self.good = self.painted = self.flagged = self.free = 0
        self.seconds: list[float] = []

    def add(self, example: radiopaque.Example, found: np.ndarray, false: bool) -> None:
        """Count one image."""
        truth = example.mask()
        if example.mask(markers=False).any():
            self.hit, self.total = self.hit + int((found & truth).sum()), self.total + int(truth.sum())
            near = ndimage.binary_dilation(truth, iterations=4)
            self.good, self.painted = self.good + int((found & near).sum()), self.painted + int(found.sum())
        else:
            self.free, self.flagged = self.free + 1, self.flagged + false

    def tell(self, name: str) -> None:
        """Print the figures."""
        print(f"{name}:")
        print(f"  recall           {self.hit / max(1, self.total):7.2%} of the pixels of objects")
        print(f"  precision        {self.good / max(1, self.painted):7.2%}")
        print(f"  flagged          {self.flagged} of {self.free} radiographs without objects")
        print(f"  CPU              {statistics.mean(self.seconds):7.2f} s, at most {max(self.seconds):.2f} s")


def painted(found: list[objects.ObjectFinding], shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of findings."""
    out = np.zeros(shape, bool)
    for each in found:
        out[each.box.y0 : each.box.y1, each.box.x0 : each.box.x1] |= each.pixels
    return out


def plain(dataset: FileDataset) -> np.ndarray:
    """Return what a top-hat and a threshold take for objects."""
    dark = dataset.PhotometricInterpretation == "MONOCHROME1" or dataset.Modality == "XA"
    values = dataset.pixel_array.astype(np.float32) * (-1 if dark else 1)
    size = round(14 / (dataset.get("ImagerPixelSpacing") or [300 / max(values.shape)])[0])
    raised = values - ndimage.maximum_filter(ndimage.minimum_filter(values, size), size)
    return np.asarray(ndimage.binary_opening(raised > threshold_otsu(raised)))


def is_legible(dataset: FileDataset, letters: np.ndarray, words: str) -> bool:
    """Tell whether Tesseract reads a part of an engraving."""
    rows, columns = (np.flatnonzero(letters.any(axis)) for axis in (1, 0))
    part = dataset.pixel_array[max(0, rows[0] - 12) : rows[-1] + 13, max(0, columns[0] - 12) : columns[-1] + 13]
    low, high = np.percentile(part, (2, 98))
    grey = np.clip((part.astype(float) - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)
    picture = Image.fromarray(grey).resize((4 * part.shape[1], 4 * part.shape[0]), Image.Resampling.BICUBIC)
    with tempfile.TemporaryDirectory() as folder:
        for turn in TURNS:
            picture.rotate(turn, expand=True, fillcolor=int(np.median(grey))).save(Path(folder, "part.png"))
            command = ["tesseract", str(Path(folder, "part.png")), "-", "--psm", "6"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            match = difflib.SequenceMatcher(None, words, said.upper()).find_longest_match()
            if len(words[match.a : match.a + match.size].replace(" ", "")) >= SAME:
                return True
    return False


def radiographs(count: int, first: int) -> None:
    """Print the figures for radiographs."""
    ours, peer = Count(), Count()
    legible = engraved = left = 0
    for example in radiopaque.radiographs(count, first):
        start = time.process_time()
        found = objects.find(example.dataset)
        ours.seconds.append(time.process_time() - start)
        start = time.process_time()
        simply = plain(example.dataset)
        peer.seconds.append(time.process_time() - start)
        truth = example.mask()
        mask = painted(found, truth.shape)
        false = [each for each in found if each.label != "marker" and not (truth & painted([each], truth.shape)).any()]
        ours.add(example, mask, bool(false))
        peer.add(example, simply, bool((simply & ~ndimage.binary_dilation(truth, iterations=4)).sum() > 20))
        stripped = objects.strip(example.dataset, key="a key for benchmarks")
        changed = example.dataset.pixel_array != stripped.pixel_array
        left += bool([each for each in objects.find(stripped) if each.action == "C"])
        for thing in example.things:
            if thing.letters is not None and thing.words and thing.name != "marker":
                engraved += 1
                whole = bool((thing.letters & ~changed).sum() > 0.1 * thing.letters.sum())
                legible += whole or bool(
                    shutil.which("tesseract") and is_legible(stripped, thing.letters, thing.words.upper())
                )
        recall = (mask & truth).sum() / max(1, truth.sum())
        what = [each.what for each in found]
        print(f"{example.name:40} {recall:6.1%}  {ours.seconds[-1]:4.1f} s  {what}", flush=True)
    ours.tell("safeshare")
    peer.tell("plain way")
    print(f"CPU, ratio to it   {statistics.mean(ours.seconds) / statistics.mean(peer.seconds):7.2f}")
    print(f"legible            {legible} of {engraved} engravings after strip")
    print(f"found after strip  {left} of {count} radiographs")
    large = radiopaque.radiograph(1, (radiopaque.necklace, radiopaque.ring), "chest", 0.168).dataset
    start = time.process_time()
    objects.find(large)
    print(f"CPU, {large.Rows} x {large.Columns}   {time.process_time() - start:7.2f} s")


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
