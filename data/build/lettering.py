"""Text burned into pixels, with a record of what stands where: the ground truth.

A `Canvas` holds the frames of a screen in RGB.  `write` draws a line of text and notes it; `truth` gives the notes.
Needs numpy, Pillow, and the DejaVu fonts that Matplotlib brings along.
"""

import json
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
FINE = 4  # letters are drawn so many times larger, and averaged down: no hinting, and any stretch or angle
SEEN = 0.2  # a pixel counts as inked when a letter covers so much of it


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return the brightness of colours, 0 to 255 (Rec. ITU-R BT.601, as in YBR_FULL, PS3.3 C.7.6.3.1.2)."""
    return np.asarray(rgb, float) @ (0.299, 0.587, 0.114)


def lettering(
    text: str, size: int, face: str, stretch: float, angle: float, align: str
) -> tuple[np.ndarray, tuple[int, int], np.ndarray]:
    """Return how much of each pixel a line of text covers, where its anchor lies, and its corners around the anchor.

    The anchor is the top of the line at its left end, middle or right end; the text turns about it.
    """
    font = ImageFont.truetype(FONTS / f"{face}.ttf", size * FINE, layout_engine=ImageFont.Layout.BASIC)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (right + 2 * FINE, bottom + 2 * FINE))
    ImageDraw.Draw(image).text((0, 0), text, fill=255, font=font)
    image = image.resize((round(image.width * stretch), image.height), Image.Resampling.BOX)
    left, right = left * stretch, right * stretch
    shift = {"left": 0.0, "centre": right / 2, "right": right}[align]

    side = int(np.hypot(image.width, image.height)) // FINE + 2
    square = Image.new("L", (2 * side * FINE, 2 * side * FINE))
    square.paste(image, (side * FINE - round(shift), side * FINE))
    if angle:
        square = square.rotate(angle, Image.Resampling.BICUBIC)
    coverage = np.asarray(square.reduce(FINE), np.float32) / 255

    turn = np.radians(angle)
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float) / FINE
    corners[:, 0] -= shift / FINE
    turned = corners @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return coverage, (side, side), turned


class Canvas:
    """The frames of a screen, and the texts on them."""

    def __init__(self, frames: int, rows: int, columns: int) -> None:
        self.pixels = np.zeros((frames, rows, columns, 3), np.uint8)
        self.ink = np.zeros((frames, rows, columns), np.float32)
        self.texts: list[dict] = []

    def draw(self, paint: Callable[[ImageDraw.ImageDraw], None], frames: range | None = None) -> None:
        """Call `paint` with something to draw lines and shapes on, once for each frame."""
        for frame in frames or range(len(self.pixels)):
            image = Image.fromarray(self.pixels[frame])
            paint(ImageDraw.Draw(image))
            self.pixels[frame] = np.asarray(image)

    def write(
        self,
        text: str,
        at: tuple[int, int],
        category: str | None = None,
        *,
        size: int = 12,
        colour: tuple[int, int, int] = (235, 235, 235),
        face: str = "DejaVuSans",
        stretch: float = 0.88,
        angle: float = 0,
        align: str = "left",
        opacity: float = 1.0,
        crisp: bool = False,
        frames: range | None = None,
    ) -> None:
        """Write a line of text on frames, and note it.

        `category` says what an identifying text is; without it the text is technical and should stay.
        `crisp` letters have no grey rims, as on old scanners.  `angle` counts degrees against the clock.
        """
        coverage, (x, y), corners = lettering(text, size, face, stretch, angle, align)
        if crisp:
            coverage = (coverage > 0.42).astype(np.float32)
        corner = (at[0] - x, at[1] - y)
        self.add(coverage, corner, text, category, colour, opacity, corners + at, angle, frames)

    def add(
        self,
        coverage: np.ndarray,
        corner: tuple[int, int],
        text: str,
        category: str | None,
        colour: tuple[int, int, int],
        opacity: float,
        polygon: np.ndarray,
        angle: float,
        frames: range | None = None,
    ) -> None:
        """Put ink on frames, where `coverage` has it, and note the text; ValueError where it leaves the screen."""
        frames = frames or range(len(self.pixels))
        rows, columns = np.nonzero(coverage >= SEEN)
        left, top = int(columns.min()) + corner[0], int(rows.min()) + corner[1]
        right, bottom = int(columns.max()) + 1 + corner[0], int(rows.max()) + 1 + corner[1]
        if left < 0 or top < 0 or right > self.pixels.shape[2] or bottom > self.pixels.shape[1]:
            raise ValueError(f"the text {text!r} leaves the screen: {left}, {top} to {right}, {bottom}.")
        part = coverage[top - corner[1] : bottom - corner[1], left - corner[0] : right - corner[0]]
        area = np.s_[frames.start : frames.stop, top:bottom, left:right]
        behind = self.pixels[area].astype(float)
        blend = (part * opacity)[..., np.newaxis]
        inked = np.round(behind * (1 - blend) + np.array(colour) * blend, 3)
        self.pixels[area] = np.round(inked).astype(np.uint8)
        self.ink[area] = np.maximum(self.ink[area], part)
        contrast = np.abs(luminance(inked)[:, part >= 0.5] - luminance(behind)[:, part >= 0.5]).mean() / 255
        self.texts.append(
            {
                "text": text,
                "role": "identifying" if category else "technical",
                "category": category or "technical",
                "frames": [frames.start, frames.stop - 1],
                "box": [left, top, right, bottom],
                "polygon": [[round(float(px), 1), round(float(py), 1)] for px, py in polygon],
                "rotation": angle,
                "contrast": round(float(contrast), 2),
            }
        )

    def save_truth(self, path: Path) -> Path:
        """Write the ground truth as JSON, one text a line, and return the path."""
        frames, rows, columns, _ = self.pixels.shape
        head = {"file": path.with_suffix(".dcm").name, "frames": frames, "rows": rows, "columns": columns}
        lines = ",\n".join(json.dumps(text, ensure_ascii=False) for text in self.texts)
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_text(
            json.dumps(head)[:-1] + ',\n"texts": [\n' + lines + "\n]}\n", encoding="utf-8", newline="\n"
        )
        unfinished.replace(path)
        return path
