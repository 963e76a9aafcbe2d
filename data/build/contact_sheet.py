"""Draw data/contact-sheet.jpg: what ships in data/, on one page.  `python data/build` draws it last.

It reads the shipped files only, as a learner would.  Needs pydicom, scipy, Pillow and Matplotlib.
"""

import csv
import json
from collections import defaultdict
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from messy import font
from PIL import Image, ImageDraw
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_color_lut, apply_modality_lut
from scipy import ndimage

from safeshare import volume

DATA = Path(__file__).resolve().parents[1]
BACKGROUND, PANEL, INK, FAINT, ACCENT = "#0e1217", "#171e26", "#e8edf2", "#93a1af", "#f2b84b"
GREEN, RED, WOMEN, MEN = "#86cf8f", "#f08a7a", "#e58fb0", "#7fb2e5"
SKIN = np.array([0.93, 0.80, 0.70])
GAP, HEADING = 6, 62

# A folder, a title, the value at the skin, and the values that are drawn black and white.
SCANNERS = [
    ("ct", "CT", -300, (-140, 220)),
    ("mr", "T1 MR", 90, (0, 850)),
    ("pet", "FDG-PET", 500, (0, 19000)),
]
MAGNIFIED = {"ring", "bracelet", "pacemaker", "pendant"}


# Scans ----------------------------------------------------------------------------------------------------------------


def upright(source: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a scan as an array with axes to the top, the back and the left, and its spacing in mm along these."""
    scan = volume.read(source)
    return scan.values.transpose(2, 1, 0).astype(np.float32), np.array(scan.spacing[::-1])


def surface(values: np.ndarray, spacing: np.ndarray, threshold: float, yaw: float) -> np.ndarray:
    """Return a picture of the surface where values reach the threshold, seen from the front, the head turned by yaw.

    Rays run parallel, one to a pixel of 0.8 mm; the first crossing counts, and its gradient is shaded.
    """
    values = ndimage.gaussian_filter(values, 0.6)
    angle, pixel, step = np.deg2rad(yaw), 0.8, 1.0
    away = np.array([0, np.cos(angle), np.sin(angle)])  # from the camera; axes to the top, the back and the left
    right = np.array([0, -np.sin(angle), np.cos(angle)])
    extent = np.array(values.shape) * spacing
    half = float(np.hypot(extent[1], extent[2])) / 2
    across, up = np.arange(-half * 0.86, half * 0.86, pixel), np.arange(extent[0] / 2, -extent[0] / 2, -pixel)
    start = extent / 2 + up[:, None, None] * np.array([1, 0, 0]) + across[None, :, None] * right - half * away

    def sample(array: np.ndarray, points: np.ndarray) -> np.ndarray:
        index = np.moveaxis(points / spacing - 0.5, -1, 0)
        return ndimage.map_coordinates(array, index, order=1, mode="constant", cval=float(values.min()))

    depth, before = np.full(start.shape[:2], np.inf), np.full(start.shape[:2], float(values.min()))
    for distance in np.arange(0, 2 * half, step):
        here = sample(values, start + distance * away)
        hit = (here >= threshold) & np.isinf(depth)
        depth[hit] = distance - step * ((here - threshold) / np.maximum(here - before, 1e-6))[hit]
        before = here
    seen = np.isfinite(depth)
    points = start + np.where(seen, depth, 0)[..., None] * away
    smooth = ndimage.gaussian_filter(values, 0.5)
    gradient = [ndimage.sobel(smooth, axis) / spacing[axis] for axis in range(3)]
    normal = -np.stack([sample(part, points) for part in gradient], -1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    top = np.array([1, 0, 0])
    lights = [(0.78, 0.6 * top - 0.65 * away - 0.45 * right), (0.3, 0.1 * top - 0.7 * away + 0.7 * right)]
    shade = 0.12 + sum(power * np.clip(normal @ (light / np.linalg.norm(light)), 0, 1) for power, light in lights)
    crease = np.where(seen, depth, 2 * half)
    shade *= np.clip(1 - (crease - ndimage.gaussian_filter(crease, 6)) / 60, 0.55, 1.1)
    picture = np.clip(shade[..., None] * SKIN, 0, 1) ** 0.85
    picture[~seen] = 0
    return picture


def windowed(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values from low to high as 0 to 1."""
    return np.clip((values - low) / (high - low), 0, 1)


def colours(ds: Dataset, frame: int = 0) -> np.ndarray:
    """Return a frame of an image as it is meant to look: palette, colour space and inverted grey scales applied."""
    pixels = ds.pixel_array
    if int(ds.get("NumberOfFrames", 1)) > 1:
        pixels = pixels[frame]
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, ds)
    pixels = pixels / (np.iinfo(pixels.dtype).max if pixels.ndim == 3 else 2**ds.BitsStored - 1)
    return 1 - pixels if ds.PhotometricInterpretation == "MONOCHROME1" else pixels


# The page -------------------------------------------------------------------------------------------------------------


class Page:
    """A page to put pictures and words on; places are pixels from its upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), BACKGROUND)
        self.pen = ImageDraw.Draw(self.image)

    def text(self, x: int, y: int, words: str, size: int = 15, colour: str = INK, face: str = "DejaVuSans") -> None:
        """Write a line."""
        self.pen.text((x, y), words, colour, font(face, size))

    def heading(self, x: int, y: int, words: str, explanation: str) -> None:
        """Write a section's heading and what there is to see."""
        self.text(x, y, words, 22, ACCENT, "DejaVuSans-Bold")
        self.text(x, y + 31, explanation, 14, FAINT)

    def picture(
        self, x: int, y: int, width: int, height: int, pixels: np.ndarray | Image.Image, label: str = ""
    ) -> None:
        """Put a picture on black, as large as fits, with its label in the upper left corner."""
        if isinstance(pixels, np.ndarray):
            pixels = Image.fromarray(np.round(pixels * 255).astype(np.uint8))
        scale = min(width / pixels.width, height / pixels.height)
        size = (round(pixels.width * scale), round(pixels.height * scale))
        small = pixels.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        self.pen.rectangle((x, y, x + width - 1, y + height - 1), fill="black")
        self.image.paste(small, (x + (width - size[0]) // 2, y + (height - size[1]) // 2))
        if label:
            self.text(x + 7, y + 6, label, 13)


def trimmed(picture: np.ndarray, margin: int = 6) -> np.ndarray:
    """Return a picture without its black edges."""
    bright = (picture if picture.ndim == 2 else picture.max(-1)) > 0.06
    sides = []
    for axis in (0, 1):
        inside = np.flatnonzero(bright.mean(1 - axis) > 0.01)
        sides.append(slice(max(int(inside[0]) - margin, 0), int(inside[-1]) + margin + 1))
    return picture[tuple(sides)]


def draw_head(page: Page, x: int, y: int) -> None:
    """Draw the patient's head, a row for each scanner."""
    page.heading(
        x, y, "One head, three scanners", "Ada's CT, MR and PET: the planes that doctors read, and the face within"
    )
    width, height = 176, 230
    for row, (name, title, skin, grey) in enumerate(SCANNERS):
        values, spacing = upright(DATA / "head" / name)
        middle = [size // 2 for size in values.shape]
        pictures = [
            windowed(values[int(values.shape[0] * 0.62)], *grey),
            windowed(values[::-1, middle[1]], *grey),
            windowed(values[::-1, :, middle[2]], *grey),
            surface(values, spacing, skin, 0),
            surface(values, spacing, skin, 38),
        ]
        for column, picture in enumerate(pictures):
            left, top = x + column * (width + GAP), y + HEADING + row * (height + GAP)
            page.picture(left, top, width, height, trimmed(picture), "" if column else title)


def draw_gallery(page: Page, x: int, y: int) -> None:
    """Draw the portraits, and some of the scans that belong to them."""
    page.heading(x, y, "Whose face is it?", "21 portraits; 20 of these people had a CT, too, and its file names nobody")
    width, height = 105, 131
    portraits = sorted((DATA / "gallery" / "portraits").glob("*.jpg"))
    scans = sorted((DATA / "gallery" / "scans").glob("*.dcm"))[:14]
    for number, path in enumerate(portraits + scans):
        left, top = x + number % 7 * (width + GAP), y + HEADING + number // 7 * (height + GAP)
        if path in scans:
            picture, top = trimmed(surface(*upright(path), -300, 15)), top + 14
        else:
            picture = Image.open(path)
        page.picture(left, top, width, height, picture)


def draw_text(page: Page, x: int, y: int) -> None:
    """Draw ultrasound images, which have names and dates in their pixels."""
    page.heading(
        x, y, "Burned-in text", "names, birth dates, places and diagnoses in the pixels, some faint, some turned"
    )
    for name, width in {"carotid": 357, "duplex": 357, "abdomen": 357, "faint": 357, "rotated": 268}.items():
        ds = dcmread(DATA / "ultrasound" / f"{name}.dcm")
        frames = int(ds.get("NumberOfFrames", 1))
        page.picture(x, y + HEADING, width, 268, colours(ds, frames // 3))
        x += width + GAP


def draw_objects(page: Page, x: int, y: int) -> None:
    """Draw radiographs and CT slices with things on and in the patient that say who it is."""
    page.heading(
        x, y, "Objects", "a ring, a medical-ID bracelet, initials, a pacemaker's serial number, streaks of metal"
    )
    for name, width in {"hand": 262, "chest": 400}.items():
        ds = dcmread(DATA / "radiographs" / f"{name}.dcm")
        truth = json.loads((DATA / "radiographs" / f"{name}.json").read_text(encoding="utf-8"))
        pixels = colours(ds)
        page.picture(x, y + HEADING, width, 420, pixels)
        x += width + GAP
        things = [thing["box"] for thing in truth["objects"] if thing["kind"] in MAGNIFIED]
        for row, (left, top, right, bottom) in enumerate(things):
            page.picture(x, y + HEADING + row * 213, 207, 207, pixels[top - 8 : bottom + 8, left - 8 : right + 8])
        x += 207 + GAP
    slices = [apply_modality_lut(ds.pixel_array, ds) for ds in map(dcmread, sorted((DATA / "metal_ct").glob("*.dcm")))]
    metal = [int((image >= 3000).sum()) for image in slices]
    half = len(slices) // 2 + 4
    for row, index in enumerate([int(np.argmax(metal[:half])), half + int(np.argmax(metal[half:]))]):
        picture = trimmed(windowed(slices[index], -250, 450))
        page.picture(x, y + HEADING + row * 213, 290, 207, picture)


def draw_capture(page: Page, x: int, y: int, name: str, width: int, heading: str, explanation: str) -> None:
    """Draw a secondary capture."""
    page.heading(x, y, heading, explanation)
    page.picture(x, y + HEADING, width, 420, colours(dcmread(DATA / "captures" / f"{name}.dcm")))


def people_alone(rows: list[dict[str, str]], columns: list[str]) -> float:
    """Return the percentage of admissions whose values in these columns nobody shares but the patient."""
    patients = defaultdict(set)
    for row in rows:
        patients[tuple(row[column] for column in columns)].add(row["patient"])
    return 100 * sum(len(patients[tuple(row[column] for column in columns)]) == 1 for row in rows) / len(rows)


def register_plot(width: int, height: int) -> Image.Image:
    """Return a plot of the register: who was admitted, and how few facts single a patient out."""
    with (DATA / "register" / "admissions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure((width / 100, height / 100), dpi=100, facecolor=PANEL)
    pyramid, bars = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1, 1.15], "wspace": 0.95})
    for sex, side, colour, word in (("F", 1, WOMEN, "women"), ("M", -1, MEN, "men")):
        ages = [int(row["age"]) for row in rows if row["sex"] == sex]
        counts = np.histogram(ages, np.arange(0, 106, 5))[0]
        pyramid.barh(np.arange(0, 105, 5) + 2.5, side * counts, 4.4, color=colour)
        pyramid.text(side * 300, 100, word, color=colour, ha="center", fontsize=9)
    pyramid.set(title="5,000 admissions by age", xticks=[-300, 0, 300], xlim=(-420, 420))
    pyramid.set_xticklabels(["300", "0", "300"])
    facts = ["age", "sex", "postcode", "body_part", "admission_date"]
    words = ["age", "+ sex", "+ postcode area", "+ body part", "+ admission date"]
    shares = [people_alone(rows, facts[: count + 1]) for count in range(len(facts))]
    bars.barh(range(len(facts)), shares, 0.62, color=ACCENT)
    for place, share in enumerate(shares):
        inside = share > 80
        bars.text(
            share + (-2 if inside else 2),
            place,
            f"{share:.1f} %",
            va="center",
            ha="right" if inside else "left",
            color=BACKGROUND if inside else INK,
            fontsize=9,
        )
    bars.set(title="fits one patient only", xlim=(0, 100), xticks=[], yticks=range(len(facts)))
    bars.set_yticklabels(words)
    bars.invert_yaxis()
    for axes in (pyramid, bars):
        axes.set_facecolor(PANEL)
        axes.tick_params(colors=FAINT, labelsize=9, length=0)
        axes.title.set(color=INK, fontsize=11)
        axes.spines[:].set_visible(False)
    bars.tick_params(axis="y", colors=INK)
    figure.subplots_adjust(0.07, 0.09, 0.97, 0.88)
    file = BytesIO()
    figure.savefig(file, facecolor=PANEL)
    return Image.open(file)


def draw_register(page: Page, x: int, y: int) -> None:
    """Draw the register."""
    page.heading(x, y, "Combinations", "a hospital's register, and how soon a few facts fit one patient only")
    page.image.paste(register_plot(540, 420), (x, y + HEADING))


def draw_messy(page: Page, x: int, y: int) -> None:
    """Draw the messy folder as a tree."""
    page.heading(x, y, "A messy folder", "as people get them: what a tool can strip, and what it must refuse")
    page.pen.rectangle((x, y + HEADING, x + 680 - 1, y + HEADING + 420 - 1), fill=PANEL)
    truth = json.loads((DATA / "messy.json").read_text(encoding="utf-8"))
    row, shown = y + HEADING + 7, ()
    for name in sorted(truth):
        *folders, file = name.split("/")
        for depth, folder in enumerate(folders, start=1):
            if shown[:depth] != tuple(folders[:depth]):
                page.text(x + 14 + 20 * (depth - 1), row, f"{folder}/", 11, INK, "DejaVuSansMono")
                shown, row = tuple(folders[:depth]), row + 13
        shown = tuple(folders)
        colour = GREEN if truth[name]["tool"] == "strip" else RED
        page.text(x + 14 + 20 * len(folders), row, file, 11, colour, "DejaVuSansMono")
        page.text(x + 310, row, truth[name]["what"], 11, FAINT)
        row += 13


def build(data: Path) -> list[Path]:
    """Write contact-sheet.jpg into data/ and return its path."""
    page = Page(1800, 2350)
    page.text(40, 30, "The lesson's synthetic patients", 40, INK, "DejaVuSans-Bold")
    page.text(40, 86, "Nobody on this page exists. A script made every face, scan, name and number.", 18, FAINT)
    draw_head(page, 40, 140)
    draw_gallery(page, 984, 140)
    draw_text(page, 40, 945)
    draw_objects(page, 40, 1310)
    draw_capture(page, 1460, 1310, "note", 300, "Paper", "a note that somebody scanned")
    draw_capture(page, 40, 1827, "screenshot", 460, "Screens", "a screenshot, with other patients on it")
    draw_register(page, 520, 1827)
    draw_messy(page, 1080, 1827)
    path = data / "contact-sheet.jpg"
    unfinished = path.with_name(path.name + ".part")
    page.image.convert("RGB").save(unfinished, "JPEG", quality=88, optimize=True)
    unfinished.replace(path)
    return [path]


if __name__ == "__main__":
    print(*build(DATA))
