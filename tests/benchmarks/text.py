"""How much burned-in text is found, what it costs, and what else is lost, on the images of tests/burned_in.py.

    python tests/benchmarks/text.py [IMAGES]

"leak" is the share of identifying glyphs of which more than a third is left, "destroyed" the share of pixels outside
text that are blanked. Where Debian's tesseract is installed, the identifying strings that it still reads are counted.
"""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import burned_in

from safeshare import blanking, text


def read_by_tesseract(picture: np.ndarray) -> str:
    """Return what a different engine reads in a picture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.png")
        Image.fromarray(picture).resize((picture.shape[1] * 2, picture.shape[0] * 2)).save(path)
        command = ["tesseract", str(path), "-", "--psm", "11"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main(count: int) -> None:
    """Print the figures."""
    judge = shutil.which("tesseract")
    still = glyphs = strings = readable = 0
    spoiled, free, seconds = [], [], []
    for example in burned_in.examples(count):
        dataset = burned_in.as_read(example.dataset)
        start = time.process_time()
        found = text.find(dataset)
        seconds.append((time.process_time() - start) / blanking.size(dataset)[0])
        boxes = [each.box for each in found if isinstance(each, text.TextFinding)]
        where = np.broadcast_to(blanking.mask(dataset, boxes), blanking.size(dataset))
        left, total = burned_in.left(example, where)
        lost = burned_in.destroyed(example, where)
        still, glyphs = still + left, glyphs + total
        spoiled.append(lost)
        if not example.texts:
            free.append(float(where.mean()))
        if judge:
            picture = next(text._decoded(text.strip(dataset, boxes), [len(where) - 1]))
            picture = picture if picture.dtype == np.uint8 else (picture / picture.max() * 255).astype(np.uint8)
            words = "".join(read_by_tesseract(picture).split()).upper()
            known = [each for each in example.texts if each.identifying]
            strings += len(known)
            readable += sum("".join(each.words.split()).upper() in words for each in known)
        print(f"{example.name:40} left {left:3} of {total:3}  destroyed {lost:7.2%}  {seconds[-1]:5.2f} s", flush=True)
    print(f"leak                  {still / max(1, glyphs):7.2%} of {glyphs} identifying glyphs")
    print(f"destroyed             {statistics.mean(spoiled):7.2%} of the pixels outside text, on average")
    print(f"text-free images      {sum(share > 0.01 for share in free)} of {len(free)} harmed beyond 1 %")
    if judge:
        print(f"read by tesseract     {readable} of {strings} identifying strings")
    print(f"CPU                   {statistics.mean(seconds):7.2f} s a frame, median {statistics.median(seconds):.2f} s")
    print(f"memory                {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MB at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 116)
