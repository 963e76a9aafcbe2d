"""Read the words in a picture of one line of text, with the recognizer of PP-OCRv6 (see models/PP-OCRv6.md)."""

from functools import cache

import numpy as np
from PIL import Image

from .text_detector import session

_HEIGHT = 48  # what the recognizer was trained with
_MODEL = "PP-OCRv6_rec_small.onnx"


def read(line: np.ndarray) -> tuple[str, float]:
    """Return the words in a picture (rows, columns, 3) of bytes, and how sure that is, 0 to 1.

    A picture that is higher than wide is read upwards and downwards, and the surer reading is returned.
    """
    rows, columns = line.shape[:2]
    if rows > 1.5 * columns:
        return max(_read(np.rot90(line)), _read(np.rot90(line, -1)), key=lambda reading: reading[1])
    return _read(line)


def _read(line: np.ndarray) -> tuple[str, float]:
    rows, columns = line.shape[:2]
    wide = min(3200, max(16, round(columns * _HEIGHT / rows)))
    scaled = np.asarray(Image.fromarray(np.ascontiguousarray(line)).resize((wide, _HEIGHT), Image.Resampling.BILINEAR))
    values = (scaled[..., ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[np.newaxis]
    likely = session(_MODEL).run(None, {"x": values})[0][0]
    best = likely.argmax(1)
    # Connectionist temporal classification: repeats are one letter, and class 0 is the gap between letters.
    letters = (best != 0) & np.insert(best[1:] != best[:-1], 0, True)
    alphabet = _alphabet()
    words = "".join(alphabet[number] for number in best[letters])
    sure = float(likely.max(1)[letters].mean()) if letters.any() else 0.0
    return " ".join(words.split()), sure


@cache
def _alphabet() -> list[str]:
    letters = session(_MODEL).get_modelmeta().custom_metadata_map["character"].split("\n")
    return ["", *letters, " "]
