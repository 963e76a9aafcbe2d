"""Draw pictures with lines of text at random, and where the lines stand, for the training of the text detector.

The fonts come from Matplotlib, OpenCV, Pillow, and packages that train_text_detector.py names.
"""

import importlib.util
import string
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from text_backdrops import RandomState, backdrop

PACKAGES = (
    "matplotlib", "font_roboto", "font_source_sans_pro", "font_source_serif_pro", "font_caladea",
    "font_hanken_grotesk", "japanize_matplotlib", "koreanize_matplotlib",
)  # fmt: skip
SYMBOLS = ("Display", "NonUni", "Siz", "cmex", "cmsy")  # fonts of mathematics, whose signs are no letters
SCRIPTS = (  # first and last character of other scripts, and the font that has them
    (0x0410, 0x044F, "DejaVuSans"), (0x0391, 0x03A1, "DejaVuSans"), (0x03B1, 0x03C9, "DejaVuSans"),
    (0x05D0, 0x05EA, "DejaVuSans"), (0x0621, 0x063A, "DejaVuSans"), (0x4E00, 0x8000, "ipaexg"),
    (0x4E00, 0x8000, "ipaexg"), (0x3041, 0x3093, "ipaexg"), (0x30A1, 0x30F6, "ipaexg"), (0xAC00, 0xD7A3, "NanumGothic"),
)  # fmt: skip
SHRUNK = 0.16  # of its height does the band of a line lack at either side, so that lines below each other stay apart
HERSHEY = range(8)  # the fonts of plotters that OpenCV draws
SYLLABLES = "an ber cor da el fi gro ham in jo ka lu mor ne os pa qui ro sa te ul va wi xe yor zan".split()
SIGNS = "-/:.,=+()%#^_*<>'&"


def _fonts() -> list[Path]:
    out: list[Path] = []
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        if not found or not found.origin:
            raise SystemExit(f"The package {package} is missing: train_text_detector.py says what to install.")
        out += sorted(Path(found.origin).parent.rglob("*.[to]tf"))
    return [path for path in out if not any(part in path.name for part in SYMBOLS)]


FONTS = _fonts()


def words(random: RandomState) -> str:
    """Return a line: names, numbers, dates, settings, or any characters."""
    parts = []
    for _ in range(random.randint(1, 5)):
        kind = random.randint(6)
        if kind <= 1:
            word = "".join(random.choice(SYLLABLES) for _ in range(random.randint(1, 4)))
            word = (word, word.upper(), word.title(), word.title())[random.randint(4)]
            parts.append(word + random.choice(["", "", "", ",", ".", ":"]))
        elif kind == 2:
            parts.append("".join(random.choice(list(string.digits), random.randint(1, 9))))
        elif kind == 3:
            mark = random.choice(list("-/.:"))
            parts.append(mark.join(f"{random.randint(100):02d}" for _ in range(random.randint(2, 4))))
        elif kind == 4:
            signs = list(string.ascii_uppercase + string.digits + SIGNS)
            parts.append("".join(random.choice(signs, random.randint(1, 7))))
        else:
            unit = random.choice(["", " mm", "cm", " kV", "%", " Hz", "dB", " m/s"])
            parts.append(f"{random.rand() * 10 ** random.randint(0, 4):.{random.randint(0, 3)}f}{unit}")
    return " ".join(parts)


@cache
def _font(face: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face, size, layout_engine=ImageFont.Layout.BASIC)


def _typeset(random: RandomState, line: str, height: int) -> np.ndarray:
    face = FONTS[random.randint(len(FONTS))]
    if random.rand() < 0.14:  # another script
        first, last, name = SCRIPTS[random.randint(len(SCRIPTS))]
        face = next(path for path in FONTS if path.stem == name)
        height = max(height, 8)
        letters = [chr(code) for code in random.randint(first, last + 1, random.randint(2, 14))]
        line = "".join(letter + (" " if random.rand() < 0.15 else "") for letter in letters)
    font = _font(face, max(5, round(height * 1.38)))
    left, top, right, bottom = font.getbbox(line)
    space = random.randint(0, 3) if random.rand() < 0.2 else 0
    wide = int(right - left) + 4 + space * len(line)
    image = Image.new("1" if height > 8 and random.rand() < 0.15 else "L", (wide, int(bottom - top) + 4))
    pen = ImageDraw.Draw(image)
    if space:
        x = 2.0
        for letter in line:
            pen.text((x, 2 - top), letter, 255, font)
            x += font.getlength(letter) + space
    else:
        pen.text((2 - left, 2 - top), line, 255, font)
    return np.asarray(image.convert("L"), np.float32) / 255


def _plotted(random: RandomState, line: str, height: int) -> np.ndarray:
    face = int(random.choice(HERSHEY)) | (cv2.FONT_ITALIC if random.rand() < 0.1 else 0)
    unit = cv2.getTextSize("H", face, 1.0, 1)[0][1]
    zoom = 4
    scale, thick = height * zoom / unit, max(1, round(zoom * random.uniform(0.7, 1.3) * max(1, height / 10)))
    (wide, high), base = cv2.getTextSize(line, face, scale, thick)
    image = np.zeros((high + base + 4 * zoom + thick, wide + 4 * zoom + thick), np.uint8)
    cv2.putText(image, line, (2 * zoom, high + 2 * zoom), face, scale, 255, thick, cv2.LINE_AA)
    return cv2.resize(image, None, fx=1 / zoom, fy=1 / zoom, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _pixelled(random: RandomState, line: str, height: int) -> np.ndarray:
    font = ImageFont.load_default_imagefont()
    left, top, right, bottom = font.getbbox(line)
    image = Image.new("1", (int(right) + 4, int(bottom) + 4))
    ImageDraw.Draw(image).text((2, 2), line, 1, font)
    times = max(1, round(height / 7))
    return np.kron(np.asarray(image, np.float32), np.ones((times, times), np.float32))


def lettering(random: RandomState, height: int, turned: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each pixel the letters of a line cover, and the band that the line fills; maybe turned."""
    line = words(random)
    draw = [_typeset, _plotted, _plotted, _pixelled][int(random.choice(4, p=[0.5, 0.2, 0.15, 0.15]))]
    cover = draw(random, line, height)
    ink = cover > 0.3
    band = np.zeros_like(cover)
    if ink.any():
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        less = min(round(SHRUNK * (rows[-1] + 1 - rows[0])), (rows[-1] - rows[0]) // 2)
        band[rows[0] + less : rows[-1] + 1 - less, columns[0] : columns[-1] + 1] = 1
    kind = random.rand() if turned else 1.0
    if kind < 0.16:
        turns = random.choice([1, 3])
        cover, band = (np.rot90(each, turns).copy() for each in (cover, band))
    elif kind < 0.32:
        angle = random.uniform(-35, 35)
        high, wide = cover.shape
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, 1)
        cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
        size = int(wide * cos + high * sin) + 4, int(wide * sin + high * cos) + 4
        turn[:, 2] += size[0] / 2 - wide / 2, size[1] / 2 - high / 2
        cover, band = (cv2.warpAffine(each, turn, size, flags=cv2.INTER_LINEAR) for each in (cover, band))
    elif kind < 0.34:
        cover, band = cover[::-1, ::-1].copy(), band[::-1, ::-1].copy()
    return cover.clip(0, 1), band


# Backdrops: grey, 0 to 1, of side x side pixels.


COLOURS = np.array(
    [
        (1, 1, 1), (1, 1, 1), (1, 1, 0), (0, 1, 0), (0, 1, 1),
        (1, 0.5, 0), (1, 0, 0), (1, 0.3, 1), (0.4, 0.6, 1), (0, 0, 0),
    ],
    np.float32,
)  # fmt: skip


CONTRASTS = 0.05, 0.08, 0.12, 0.2, 0.35, 0.6, 1.0
OFTEN = 0.1, 0.12, 0.14, 0.16, 0.18, 0.15, 0.15  # a little for each contrast


def scene(random: RandomState, side: int, slices: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture (side, side, 3), 0 to 255, and what is where: 0 nothing, 1 a line, 2 not to count."""
    picture = backdrop(random, side, slices)
    grey = picture.ndim == 2
    label = np.zeros((side, side), np.uint8)
    usual = int(round(np.exp(random.uniform(np.log(6), np.log(44)))))
    for _ in range(0 if random.rand() < 0.2 else random.randint(1, 9)):
        height = usual if random.rand() < 0.5 else int(round(np.exp(random.uniform(np.log(6), np.log(60)))))
        _write(random, picture, label, height, grey)
    if random.rand() < 0.3:  # lines one below the other, as in a header
        height = int(round(np.exp(random.uniform(np.log(6), np.log(24)))))
        y, x = random.randint(0, side // 2, 2)
        for _ in range(random.randint(2, 7)):
            _write(random, picture, label, height, grey, (y, x))
            y += round(height * random.uniform(1.25, 2.0)) + 1
    if random.rand() < 0.15:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, 0.9))
    if random.rand() < 0.15:
        picture = picture + random.randn(*picture.shape).astype(np.float32) * 10 ** random.uniform(-3, -1.3)
    span = random.uniform(0.6, 1) if random.rand() < 0.5 else 1
    out = (picture.clip(0, 1) * span * 255).astype(np.float32)
    if random.rand() < 0.2:
        mark = [cv2.IMWRITE_JPEG_QUALITY, int(random.randint(35, 96))]
        stored = cv2.imencode(".jpg", out.round().astype(np.uint8), mark)[1]
        out = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED).astype(np.float32)
    if out.ndim == 2:
        out = np.repeat(out[..., None], 3, 2)
    return out, label


def _write(
    random: RandomState,
    picture: np.ndarray,
    label: np.ndarray,
    height: int,
    grey: bool,
    at: tuple[int, int] | None = None,
) -> None:
    side = len(picture)
    cover, band = lettering(random, height, at is None)
    high, wide = cover.shape
    out = min(20, high // 2), 4 if wide > side else min(20, wide // 2)  # so far may a line be cut by the edge
    top, left = at or (
        random.randint(-out[0], max(1 - out[0], side - high + out[0])),
        random.randint(side - wide - 40 if wide > side else -out[1], max(1, side - min(wide, 60))),
    )
    y0, y1, x0, x1 = max(0, top), min(side, top + high), max(0, left), min(side, left + wide)
    if y1 - y0 < 4 or x1 - x0 < 4:
        return
    cover, band = (each[y0 - top : y1 - top, x0 - left : x1 - left] for each in (cover, band))
    place, inside = (slice(y0, y1), slice(x0, x1)), band > 0.5
    if not inside.any() or (label[place][inside] > 0).any() or (cover > 0.5).sum() < 6:
        return
    if random.rand() < 0.07:  # on a field of its own
        picture[max(0, y0 - 3) : y1 + 3, max(0, x0 - 3) : x1 + 3] = random.rand() if grey else random.rand(3)
    picture[place] = _inked(random, picture[place], cover if grey else cover[..., None], inside)
    seen = _visible(picture[place][..., None] if grey else picture[place], cover, band, height)
    label[place] = np.where(inside, seen, label[place])


def _inked(random: RandomState, behind: np.ndarray, cover: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return a part of a picture with letters on it, in one colour or blended in, maybe with an edge or a shadow."""
    contrast = float(random.choice(CONTRASTS, p=OFTEN)) * random.uniform(0.8, 1.2)
    level = float(behind[inside].mean())
    sign = 1 if (level < 0.5 or random.rand() < 0.2) and level + contrast <= 1.3 else -1
    blended = contrast < 0.3 and random.rand() < 0.7
    base = behind if blended else np.full_like(behind, level)
    target = base + sign * contrast
    if behind.ndim == 3:
        tint = COLOURS[random.randint(len(COLOURS))]
        if random.rand() < 0.5:
            target = base + contrast * (tint - (0.3 if blended else base))
        elif tint.sum():
            target = base + sign * contrast * tint
    if random.rand() < 0.12:
        dark = cv2.dilate(cover, np.ones((3, 3), np.uint8)).reshape(cover.shape)
        behind = behind * (1 - dark) + (0.0 if sign > 0 else 1.0) * dark
    return (behind * (1 - cover) + target.clip(0, 1) * cover).astype(np.float32)


def _visible(picture: np.ndarray, cover: np.ndarray, band: np.ndarray, height: int) -> np.ndarray:
    """Return where along a line its letters can be seen against what is around them: 1, hardly: 2, and not: 0."""
    ink, ground = (cover > 0.6).astype(np.float32), ((cover < 0.05) & (band > 0.5)).astype(np.float32)
    size = (2 * height + 1, 2 * height + 1)

    def around(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return cv2.blur(values * weights, size, borderType=cv2.BORDER_CONSTANT) / (
            cv2.blur(weights, size, borderType=cv2.BORDER_CONSTANT) + 1e-4
        )

    best = np.zeros(cover.shape, np.float32)
    sure = np.zeros(cover.shape, bool)
    for values in np.moveaxis(picture, -1, 0):
        values = np.ascontiguousarray(values)
        mean = around(values, ground)
        noise = np.sqrt((around(values * values, ground) - mean * mean).clip(0))
        step = np.abs(around(values, ink) - mean)
        best = np.maximum(best, step / np.maximum(0.01, 0.6 * noise))
        sure |= step > np.maximum(0.02, 1.5 * noise)
    return np.where(sure, 1, np.where(best > 1, 2, 0)).astype(np.uint8)
