"""Images with text burned into them, whose glyphs are known: the ground truth for tests of `text`.

`examples()` yields the same images on every machine: backdrops like those of the common modalities, texts in many
fonts, sizes, colours, contrasts and angles, in all pixel formats that DICOM images come in.  Every seventh has no text.
Needs numpy, SciPy, Pillow, and the DejaVu fonts that Matplotlib brings along.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)
from scipy import ndimage

FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")

# Letters as a plotter draws them, as many scanners do: strokes through points of a grid, 4 wide and 6 high.
STROKES = {
    "A": "06 20 46 / 14 34", "B": "06 00 30 41 42 33 03 / 33 44 45 36 06", "C": "41 30 10 01 05 16 36 45",
    "D": "06 00 20 42 44 26 06", "E": "40 00 06 46 / 03 33", "F": "40 00 06 / 03 33",
    "G": "41 30 10 01 05 16 36 45 43 23", "H": "00 06 / 40 46 / 03 43", "I": "10 30 / 20 26 / 16 36",
    "J": "40 45 36 16 05", "K": "00 06 / 40 03 46", "L": "00 06 46", "M": "06 00 23 40 46", "N": "06 00 46 40",
    "O": "10 30 41 45 36 16 05 01 10", "P": "06 00 30 41 42 33 03", "Q": "10 30 41 45 36 16 05 01 10 / 24 46",
    "R": "06 00 30 41 42 33 03 / 23 46", "S": "41 30 10 01 02 13 33 44 45 36 16 05", "T": "00 40 / 20 26",
    "U": "00 05 16 36 45 40", "V": "00 26 40", "W": "00 16 23 36 40", "X": "00 46 / 40 06",
    "Y": "00 23 40 / 23 26", "Z": "00 40 06 46", "0": "10 30 41 45 36 16 05 01 10 / 05 41",
    "1": "11 20 26 / 16 36", "2": "01 10 30 41 42 06 46", "3": "01 10 30 41 42 33 13 / 33 44 45 36 16 05",
    "4": "36 30 04 44", "5": "40 00 03 32 43 45 36 16 05", "6": "41 30 10 01 05 16 36 45 44 33 03",
    "7": "00 40 16", "8": "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
    "9": "43 13 02 01 10 30 41 45 36 16 05", "-": "13 33", "/": "06 40", ":": "21 22 / 24 25", ".": "25 26",
    ",": "25 17", "=": "02 42 / 04 44", "+": "23 / 03 43 / 21 25", "(": "30 21 25 36", ")": "10 21 25 16",
    "%": "06 40 / 00 11 / 35 46", "#": "10 16 / 30 36 / 02 42 / 04 44",
}  # fmt: skip

IDENTIFYING = [
    "SPECIMEN ROSA LIND", "Muster, Erika", "DOE^JANE^Q", "ID EHN-6093847", "MRN 00482913", "PID: 7741-22-B",
    "DOB 17-FEB-1989", "Born 03.11.1954", "1961/12/30 F", "08-NOV-2023 14:32", "2021-07-19",
    "EXAMPLE HOSPITAL OF NOWHERE", "Nowhere Clinic, Ward 7", "DR. A. SCHABLONE", "Operator: T. Vorlage",
    "ACC 2023-118-4471", "NEPHROLITHIASIS R", "s/p CABG 2019, EF 35%", "Pat: Beispiel Otto 71Y",
    "Ref. Dr Placeholder", "Room 4 / Bed 12", "tel. 555-0142", "Case 31-B", "O. Nobody",
]  # fmt: skip
TECHNICAL = [
    "R",
    "L",
    "120 kV",
    "MI 1.2 TIS 0.8",
    "Gain 54",
    "15 cm",
    "FR 31 Hz",
    "THI",
    "W 400 L 40",
    "DR 60",
    "SUPINE",
    "3.5 MHz",
]


@dataclass
class Text:
    """A line of text: on which frames, and which pixels its glyphs ink: 1, 2, ... and 0 beside them.

    A glyph that nobody could see, white on white, say, has the negative of its number, and does not count.
    """

    words: str
    identifying: bool
    frames: range
    corner: tuple[int, int]
    glyphs: np.ndarray
    height: int


@dataclass
class Example:
    """A data set and the texts in it."""

    name: str
    dataset: Dataset
    texts: list[Text] = field(default_factory=list)


@cache
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / f"{face}.ttf", size, layout_engine=ImageFont.Layout.BASIC)


def _plotted(letter: str, height: int, weight: float) -> np.ndarray:
    unit = height * 4 / 6
    image = Image.new("L", (round(5.6 * unit), round(8.4 * unit)))
    pen = ImageDraw.Draw(image)
    for stroke in STROKES[letter].split(" / "):
        points = [((int(x) + 0.8) * unit, (int(y) + 1.2) * unit) for x, y in stroke.split()]
        pen.line(points if len(points) > 1 else points * 2, 255, max(3, round(weight * 4)), "curve")
    return np.asarray(image.reduce(4), np.float32) / 255


def _typeset(letter: str, face: str, height: int) -> np.ndarray:
    font = _font(face, round(height * 1.37))  # so that capitals are as high as asked for
    ascent, descent = font.getmetrics()
    image = Image.new("L", (round(font.getlength(letter)) + 1, ascent + descent))
    ImageDraw.Draw(image).text((0, 0), letter, 255, font)
    return np.asarray(image, np.float32) / 255


def _pixelled(letter: str, height: int) -> np.ndarray:
    font = ImageFont.load_default_imagefont()
    left, top, right, bottom = font.getbbox(letter)
    image = Image.new("1", (max(right, 1), 11))
    ImageDraw.Draw(image).text((0, 0), letter, 1, font)
    return np.kron(np.asarray(image, np.float32), np.ones((max(1, round(height / 7)),) * 2, np.float32))


def lettering(words: str, face: str, height: int, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each pixel the letters cover, and which letter it is; capitals are ``height`` pixels high."""
    if face == "plotter":
        words = words.upper().translate({ord("^"): "-", ord("_"): "-"})
        parts = [_plotted(c, height, max(1.0, height / 9)) if c in STROKES else None for c in words]
    elif face == "pixels":
        parts = [_pixelled(c, height) if c != " " else None for c in words]
    else:
        parts = [_typeset(c, face, height) if c != " " else None for c in words]
    gap = np.zeros((1, max(2, round(height * 0.6))), np.float32)
    parts = [gap if part is None else part for part in parts]
    rows = max(part.shape[0] for part in parts)
    cover = np.concatenate([np.pad(part, ((0, rows - part.shape[0]), (0, 0))) for part in parts], 1)
    which = np.concatenate([np.full((rows, part.shape[1]), n + 1, np.int16) for n, part in enumerate(parts)], 1)
    if angle:
        turn = dict(angle=angle, reshape=True, cval=0.0)
        cover, which = ndimage.rotate(cover, order=1, **turn), ndimage.rotate(which, order=0, **turn)
    ink = np.argwhere(cover > 0.3)
    (top, left), (bottom, right) = ink.min(0), ink.max(0) + 1
    return cover[top:bottom, left:right].clip(0, 1), which[top:bottom, left:right]


# Backdrops: grey or colour, 0 to 1.


def _speckle(rng: np.random.Generator, rows: int, columns: int, grain: float) -> np.ndarray:
    wave = ndimage.gaussian_filter(rng.normal(size=(2, rows, columns)), (0, grain, grain * 1.6))
    loud = np.sqrt(np.hypot(*wave))  # compressed, as scanners do before they show it
    return (loud / loud.mean() * 0.5).clip(0, 1)


def _blobs(rng: np.random.Generator, rows: int, columns: int, count: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    out = np.zeros((rows, columns))
    for _ in range(count):
        cy, cx = rng.uniform(0.1, 0.9, 2) * (rows, columns)
        ry, rx = rng.uniform(0.04, 0.3, 2) * min(rows, columns)
        edge = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2
        out += rng.uniform(-0.5, 0.7) / (1 + np.exp(((edge - 1) * rng.uniform(2, 14)).clip(-50, 50)))
    return out


def ultrasound(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return a sector of speckle with dark vessels on black."""
    y, x = np.mgrid[:rows, :columns]
    y, x = y / rows + 0.12, (x / columns - 0.5) * columns / rows
    fan = (np.hypot(y, x) < 1.02) & (np.abs(np.arctan2(x, y)) < 0.72) & (np.hypot(y, x) > 0.16)
    tissue = (0.55 + _blobs(rng, rows, columns, 7)).clip(0.05, 1)
    return _speckle(rng, rows, columns, rng.uniform(0.8, 2.5)) * tissue * fan


def doppler(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return a sector with a window of flow in red and blue, and the colour scale beside it."""
    grey = ultrasound(rng, rows, columns)
    out = np.repeat(grey[..., None], 3, 2)
    flow = ndimage.gaussian_filter(rng.normal(size=(rows, columns)), 14) * 40
    window = np.zeros((rows, columns), bool)
    window[int(rows * 0.3) : int(rows * 0.7), int(columns * 0.3) : int(columns * 0.7)] = True
    inside = window & (np.abs(flow) > 0.3)
    strong = np.abs(flow).clip(0, 1.4) / 1.4
    red, blue = np.stack([strong, strong * 0.5, 0 * strong], -1), np.stack([0 * strong, strong * 0.6, strong], -1)
    out[inside] = np.where((flow > 0)[..., None], red, blue)[inside]
    bar = np.linspace(1, -1, rows // 3)[:, None]
    out[rows // 10 : rows // 10 + len(bar), columns - 30 : columns - 16] = np.stack(
        [bar.clip(0), 0.4 * abs(bar), (-bar).clip(0)], -1
    )
    return out


def radiograph(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return smooth shadows with ribs, fine structure and a little noise, that fill the picture."""
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns])[:, None, None]
    ribs = sum(0.12 * np.exp(-(((y - 0.1 - k * 0.11 - 0.25 * (x - 0.5) ** 2) / 0.012) ** 2)) for k in range(8))
    spine = 0.35 * np.exp(-(((x - 0.5) / 0.06) ** 2))
    fine = ndimage.gaussian_filter(rng.normal(size=(rows, columns)), 2) * 0.12
    return (
        0.35 + 0.5 * _blobs(rng, rows, columns, 6) + ribs + spine + fine + rng.normal(0, 0.01, (rows, columns))
    ).clip(0, 1)


def slice_(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return a section through a body with a bright rim on a noisy black ground, as from CT or MR."""
    y, x = np.mgrid[:rows, :columns]
    edge = np.hypot((y / rows - 0.5) / 0.42, (x / columns - 0.5) / (0.36 * rows / columns))
    body = 1 / (1 + np.exp((edge - 1) * 60))
    rim = 0.6 * np.exp(-(((edge - 0.95) / 0.03) ** 2))
    inside = 0.4 + 0.35 * _blobs(rng, rows, columns, 14)
    return (body * inside + rim + rng.normal(0, rng.uniform(0.004, 0.03), (rows, columns))).clip(0, 1)


def screen(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return a capture of a workstation: panels, buttons, lines and a graph."""
    out = np.full((rows, columns, 3), rng.uniform(0.1, 0.85, 3))
    for _ in range(9):
        top, left = rng.integers(0, rows - 40), rng.integers(0, columns - 60)
        out[top : top + rng.integers(20, rows // 2), left : left + rng.integers(30, columns // 2)] = rng.uniform(
            0, 1, 3
        )
    beat = (rows * (0.8 - 0.1 * np.exp(-((np.arange(columns) % 90 - 40) ** 2) / 12))).astype(int)
    out[beat.clip(0, rows - 1), np.arange(columns)] = (0.1, 0.9, 0.2)
    return out


def scope(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return a reddish wall with shine in a round field, as through an endoscope."""
    y, x = np.mgrid[:rows, :columns]
    field_ = np.hypot(y / rows - 0.5, (x / columns - 0.5) * columns / rows) < 0.48
    wall = (
        0.5 + 0.5 * _blobs(rng, rows, columns, 9) + ndimage.gaussian_filter(rng.normal(size=(rows, columns)), 3) * 0.5
    )
    out = np.stack([wall, wall * 0.45, wall * 0.35], -1)
    out[_blobs(rng, rows, columns, 6) > 0.62] = 0.95
    return out.clip(0, 1) * field_[..., None]


BACKDROPS: list[Callable[[np.random.Generator, int, int], np.ndarray]] = [
    ultrasound, radiograph, doppler, slice_, screen, scope,
]  # fmt: skip
FACES = ["plotter", "DejaVuSans", "pixels", "DejaVuSansMono", "plotter", "DejaVuSans-Bold", "DejaVuSerif"]
COLOURS = [(1, 1, 1), (1, 1, 0.2), (0.3, 1, 0.4), (0.3, 0.9, 1), (1, 0.55, 0.1), (1, 0.35, 0.8)]


def write(
    frames: np.ndarray,
    texts: list[Text],
    rng: np.random.Generator,
    words: str,
    *,
    face: str,
    height: int,
    angle: float,
    contrast: float,
    colour: tuple[float, float, float],
    on: range,
    identifying: bool,
) -> None:
    """Burn a line of text into frames (frames, rows, columns[, 3]; 0 to 1) where there is room, and note it.

    ``contrast`` is a share of full range.
    """
    cover, which = lettering(words, face, height, angle)
    rows, columns = frames.shape[1:3]
    high, wide = cover.shape
    if high > rows - 8 or wide > columns - 8:
        return
    at_edge = rng.random() < 0.5  # as most texts are
    for _ in range(40):
        top, left = int(rng.integers(4, rows - high - 3)), int(rng.integers(4, columns - wide - 3))
        if at_edge:
            left = int(rng.choice([6, columns - wide - 6]))
            top = int(rng.choice([min(top, rows // 5), max(top, rows - rows // 5 - high)])) if high < rows // 2 else top
        area = (slice(on.start, on.stop), slice(top, top + high), slice(left, left + wide))
        if any(
            top < t.corner[0] + t.glyphs.shape[0] + 8 and t.corner[0] < top + high + 8
            and left < t.corner[1] + t.glyphs.shape[1] + 8 and t.corner[1] < left + wide + 8
            for t in texts
        ):  # fmt: skip
            continue
        break
    else:
        return
    behind = frames[area]
    grey = behind.mean(-1) if behind.ndim == 4 else behind
    level = float(grey[:, cover > 0.5].mean())
    sign = 1 if level + contrast <= 1 or level < 0.5 else -1
    # Scanners write letters in one colour; faint ones are blended in, as a watermark is.
    target = np.clip((level if contrast >= 0.3 else grey) + sign * contrast, 0, 1) * np.ones_like(grey)
    if behind.ndim == 4:
        tint = np.array(colour) / np.mean(colour) if sign > 0 else np.ones(3)
        target, opaque = (target[..., None] * tint).clip(0, 1), cover[..., None]
    else:
        opaque = cover
    frames[area] = behind * (1 - opaque) + target * opaque
    glyphs = np.where(cover > 0.3, which, 0)
    for number in np.unique(glyphs[glyphs > 0]):
        if not legible(frames[area][0], cover, which == number):
            glyphs[glyphs == number] *= -1
    texts.append(Text(words, identifying, on, (top, left), glyphs, height))


def legible(picture: np.ndarray, cover: np.ndarray, part: np.ndarray) -> bool:
    """Tell whether a person can see a glyph: in some colour it stands out from its surroundings and their noise."""
    ink, around = part & (cover > 0.6), part & (cover < 0.05)
    if not ink.any() or not around.any():
        return False
    channels = picture[..., None] if picture.ndim == 2 else picture
    step = np.abs(channels[ink].mean(0) - channels[around].mean(0))
    return bool((step > np.maximum(0.03, 2 * channels[around].std(0))).any())


# Formats: each turns frames, 0 to 1, into a data set that stores them in its own way.


def _header(pixels: np.ndarray, photometric: str, bits: int, stored: int = 0, signed: bool = False) -> FileDataset:
    frames, rows, columns = pixels.shape[:3]
    meta = FileMetaDataset()
    storage = SecondaryCaptureImageStorage if frames == 1 else MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = storage, "2.25.1"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, bytes(128), meta, is_implicit_VR=False, is_little_endian=True)
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = storage, "2.25.1", "OT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.BurnedInAnnotation = "YES"
    dataset.SamplesPerPixel = pixels.shape[3] if pixels.ndim == 4 else 1
    dataset.PhotometricInterpretation = photometric
    if pixels.ndim == 4:
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored = bits, stored or bits
    dataset.HighBit, dataset.PixelRepresentation = (stored or bits) - 1, int(signed)
    return dataset


def _even(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)


def _grey(frames: np.ndarray) -> np.ndarray:
    return frames.mean(-1) if frames.ndim == 4 else frames


def _rgb(frames: np.ndarray) -> np.ndarray:
    colour = frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, 3)
    return np.round(colour * 255).astype(np.uint8)


def grey(
    bits: int, stored: int, *, signed: bool = False, inverse: bool = False, big: bool = False, syntax: str = ""
) -> Callable:
    """Return a maker of MONOCHROME images."""

    def make(frames: np.ndarray) -> Dataset:
        value = np.round(_grey(frames).astype(float) * (2**stored - 1)).astype(np.int64)
        value = 2**stored - 1 - value if inverse else value
        value = value - 2 ** (stored - 1) if signed else value
        pixels = value.astype(f"{'i' if signed else 'u'}{bits // 8}")
        dataset = _header(pixels, "MONOCHROME1" if inverse else "MONOCHROME2", bits, stored, signed)
        dataset.PixelData = _even(pixels.tobytes())
        dataset["PixelData"].VR = "OW"
        return _coded(_big(dataset) if big else dataset, syntax)

    return make


def one_bit(frames: np.ndarray) -> Dataset:
    """Return a bitmap, whose frames follow each other without a gap between their bits."""
    pixels = (_grey(frames) > 0.5).astype(np.uint8)
    dataset = _header(pixels, "MONOCHROME2", 1)
    dataset.PixelData = _even(np.packbits(pixels.ravel(), bitorder="little").tobytes())
    dataset["PixelData"].VR = "OB"
    return dataset


def palette(bits: int) -> Callable:
    """Return a maker of PALETTE COLOR images whose entries are in no order, as in a scanner's file."""

    def make(frames: np.ndarray) -> Dataset:
        image = [Image.fromarray(frame).quantize(200, dither=Image.Dither.NONE) for frame in _rgb(frames)]
        table = np.array(image[0].getpalette()[:600], np.uint16).reshape(-1, 3)
        if len(image) > 1:
            image = [
                Image.fromarray(frame).quantize(palette=image[0], dither=Image.Dither.NONE) for frame in _rgb(frames)
            ]
        shuffled = np.random.default_rng(5).permutation(len(table))
        pixels = shuffled[np.stack([np.asarray(frame) for frame in image])].astype(f"u{bits // 8}")
        entries = np.zeros((len(table), 3), np.uint16)
        entries[shuffled] = table * 257
        dataset = _header(pixels, "PALETTE COLOR", bits)
        for name, column in zip(("Red", "Green", "Blue"), entries.T, strict=True):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [len(table), 0, 16])
            setattr(dataset, f"{name}PaletteColorLookupTableData", column.tobytes())
        dataset.PixelData = _even(pixels.tobytes())
        dataset["PixelData"].VR = "OW"
        return dataset

    return make


def colour(photometric: str = "RGB", *, planar: bool = False, big: bool = False, syntax: str = "") -> Callable:
    """Return a maker of images with three samples a pixel."""

    def make(frames: np.ndarray) -> Dataset:
        pixels = _rgb(frames)
        if photometric.startswith("YBR_FULL"):
            pixels = convert_color_space(pixels, "RGB", "YBR_FULL")
        dataset = _header(pixels, photometric, 8)
        if photometric == "YBR_FULL_422":  # two brightnesses, then one colour for both (PS3.3 C.7.6.3.1.2)
            y, pairs = pixels[..., 0], pixels[:, :, ::2, 1:]
            pixels = np.concatenate([y.reshape(*pairs.shape[:3], 2), pairs], -1)
        elif planar:
            dataset.PlanarConfiguration = 1
            pixels = pixels.transpose(0, 3, 1, 2)
        dataset.PixelData = _even(pixels.tobytes())
        dataset["PixelData"].VR = "OW" if big else "OB"
        return _coded(_big(dataset) if big else dataset, syntax)

    return make


def _big(dataset: Dataset) -> Dataset:
    """Store as Explicit VR Big Endian, where samples of one byte sit swapped in words (PS3.5 8.1.1)."""
    width = max(2, dataset.BitsAllocated // 8)
    words = np.frombuffer(dataset.PixelData, np.dtype(f"<u{width}"))
    dataset.PixelData = words.astype(f">u{width}").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.set_original_encoding(False, False)
    return dataset


def _coded(dataset: Dataset, syntax: str) -> Dataset:
    if syntax in (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.set_original_encoding(syntax == ImplicitVRLittleEndian, True)
    elif syntax == JPEG2000:
        dataset.compress(JPEG2000, j2k_psnr=[42], generate_instance_uid=False)
        dataset.LossyImageCompression = "01"
    elif syntax:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def jpeg(*, colours: bool) -> Callable:
    """Return a maker of lossy JPEG images, as ultrasound scanners write them."""

    def make(frames: np.ndarray) -> Dataset:
        pixels = _rgb(frames) if colours else np.round(_grey(frames) * 255).astype(np.uint8)
        dataset = _header(pixels, "YBR_FULL_422" if colours else "MONOCHROME2", 8)
        coded = []
        for frame in pixels:
            out = io.BytesIO()
            Image.fromarray(frame).save(out, "JPEG", quality=88)
            coded.append(_even(out.getvalue()))
        dataset.PixelData = encapsulate(coded)
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
        dataset.LossyImageCompression = "01"
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        return dataset

    return make


FORMATS: dict[str, Callable[[np.ndarray], Dataset]] = {
    "grey 8": grey(8, 8),
    "RGB": colour(),
    "grey 12 in 16": grey(16, 12),
    "RGB planar": colour(planar=True),
    "inverse 8": grey(8, 8, inverse=True),
    "JPEG colour": jpeg(colours=True),
    "signed 16": grey(16, 16, signed=True),
    "palette 8": palette(8),
    "inverse 16": grey(16, 14, inverse=True),
    "YBR": colour("YBR_FULL"),
    "grey 32": grey(32, 32),
    "YBR 4:2:2": colour("YBR_FULL_422"),
    "JPEG grey": jpeg(colours=False),
    "YBR planar": colour("YBR_FULL", planar=True),
    "big endian 8": grey(8, 8, big=True),
    "big endian RGB": colour(big=True),
    "big endian signed 12": grey(16, 12, signed=True, big=True),
    "palette 16": palette(16),
    "RLE 8": grey(8, 8, syntax=RLELossless),
    "RLE RGB": colour(syntax=RLELossless),
    "implicit 16": grey(16, 16, syntax=ImplicitVRLittleEndian),
    "RLE YBR": colour("YBR_FULL", syntax=RLELossless),
    "1 bit": one_bit,
    "JPEG 2000 RGB": colour("YBR_RCT", syntax=JPEG2000Lossless),
    "JPEG-LS 12": grey(16, 12, syntax=JPEGLSLossless),
    "JPEG-LS RGB": colour(syntax=JPEGLSLossless),
    "JPEG 2000 16": grey(16, 16, syntax=JPEG2000Lossless),
    "JPEG 2000 lossy": colour("YBR_ICT", syntax=JPEG2000),
    "deflated 8": grey(8, 8, syntax=DeflatedExplicitVRLittleEndian),
}
SIZES = [(768, 1024), (480, 640), (600, 800), (512, 512), (431, 577), (1200, 900), (300, 1100), (256, 256), (708, 1016)]


def example(number: int) -> Example:
    """Return one image of the series."""
    rng = np.random.default_rng(number)
    name = list(FORMATS)[number % len(FORMATS)]
    backdrop = BACKDROPS[(number + number // len(FORMATS)) % len(BACKDROPS)]
    rows, columns = SIZES[int(rng.integers(len(SIZES)))]
    columns += columns % 2 if name in ("YBR 4:2:2",) else 0
    count = 1 if rng.random() < 0.8 else int(rng.choice([3, 5, 14]))
    frames = np.stack([backdrop(np.random.default_rng([number, k // 3]), rows, columns) for k in range(count)])
    if frames.ndim == 4 and FORMATS[name](frames[:1, :64, :64]).PhotometricInterpretation.startswith("MONOCHROME"):
        frames = frames.mean(-1)  # before anything is written: letters told apart by their colour alone would be lost
    texts: list[Text] = []
    plain = name == "1 bit"
    if plain:
        frames = np.round(frames)
    if number % 7 != 6:
        for _ in range(int(rng.integers(2, 9))):
            known = rng.random() < 0.75
            start = int(rng.integers(count)) if rng.random() < 0.3 else 0
            angle = float(rng.choice([0, 0, 0, 0, 0, 0, 90, 270, rng.uniform(-30, 30)]))
            write(
                frames, texts, rng, str(rng.choice(IDENTIFYING if known else TECHNICAL)),
                face=str(rng.choice(FACES)), height=int(rng.choice([8, 9, 10, 12, 14, 18, 24, 32, 40])), angle=angle,
                contrast=1 if plain else float(rng.choice([0.05, 0.08, 0.12, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0])),
                colour=COLOURS[int(rng.integers(len(COLOURS)))], on=range(start, count), identifying=known,
            )  # fmt: skip
    return Example(f"{number:03} {name}, {backdrop.__name__.strip('_')}", FORMATS[name](frames), texts)


def examples(count: int = 116, first: int = 0) -> Iterator[Example]:
    """Yield images of the series; of 116, every format comes four times."""
    for number in range(first, first + count):
        yield example(number)


def as_read(dataset: Dataset) -> Dataset:
    """Return a data set as if it came from a file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer)


def left(example: Example, blanked: np.ndarray) -> tuple[int, int]:
    """Return how many identifying glyphs are still there, and how many there were.

    A glyph is there while, on any frame, more than a third of its ink is.
    """
    still = total = 0
    for text in example.texts:
        if not text.identifying:
            continue
        top, left_ = text.corner
        high, wide = text.glyphs.shape
        area = blanked[text.frames.start : text.frames.stop, top : top + high, left_ : left_ + wide]
        area = area.min(0) if len(area) else area
        for glyph in np.unique(text.glyphs[text.glyphs > 0]):
            total += 1
            still += float(area[text.glyphs == glyph].mean()) < 2 / 3
    return still, total


def destroyed(example: Example, blanked: np.ndarray) -> float:
    """Return the share of the pixels outside text that were blanked; a margin around the letters belongs to a text."""
    outside = np.ones(blanked.shape, bool)
    for text in example.texts:
        top, left_ = text.corner
        high, wide = text.glyphs.shape
        reach = 4 + round(0.4 * text.height)
        near = ndimage.maximum_filter(np.pad(text.glyphs != 0, reach), 2 * reach + 1)
        rows, columns = outside.shape[1:]
        first, last = max(0, top - reach), min(rows, top + high + reach)
        start, end = max(0, left_ - reach), min(columns, left_ + wide + reach)
        near = near[first - top + reach : last - top + reach, start - left_ + reach : end - left_ + reach]
        outside[:, first:last, start:end] &= ~near
    return float((blanked & outside).sum() / max(1, outside.sum()))
