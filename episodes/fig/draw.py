"""Draw the introduction's pictures: python episodes/fig/draw.py (needs matplotlib, NumPy and Pillow).

Everything in them is invented: no patient, no scanner and no hospital stands behind any value.
kind-face.png and kind-object.png are originals, not drawn here: a made-up head and made-up radiographs.
"""

import random
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from PIL import Image

HERE = Path(__file__).parent
# Two of the Okabe-Ito colours: told apart by colour-blind readers, and by their lightness in grey.
ORANGE, BLUE, GREY = "#d55e00", "#56b4e9", "#e6e6e6"

HEADER = [
    ("(0008,0020)", "Study Date", "20240514", "narrows down"),
    ("(0008,0050)", "Accession Number", "A20240514-118", "identifies"),
    ("(0008,0080)", "Institution Name", "EXAMPLE HOSPITAL", "narrows down"),
    ("(0008,103E)", "Series Description", "WRIST PA ROE", "identifies"),
    ("(0010,0010)", "Patient's Name", "ROE^JANE", "identifies"),
    ("(0010,0020)", "Patient ID", "4471-9083", "identifies"),
    ("(0010,0030)", "Patient's Birth Date", "19570412", "narrows down"),
    ("(0010,0040)", "Patient's Sex", "F", "narrows down"),
    ("(0018,0060)", "KVP", "52", ""),
    ("(0028,0010)", "Rows", "2048", ""),
]
SCANS = ("chest X-ray", "head CT", "abdominal ultrasound", "knee MR", "chest CT", "hand X-ray")


def save(figure: plt.Figure, name: str) -> None:
    """Write a figure without alpha channel, date or program version: small, and the same bytes for the same drawing."""
    figure.canvas.draw()
    Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB").save(HERE / name, optimize=True)
    plt.close(figure)


def header_table(axes: plt.Axes, columns: dict[str, float], size: float) -> None:
    """Draw HEADER as a table; the rows that tell who the patient is differ in colour, in weight and by a word.

    columns: which columns, and where each begins.
    """
    titles = ("Tag", "Attribute", "Value", "Who is it?")
    axes.set(xlim=(0, 1), ylim=(len(HEADER) + 1, 0))
    axes.axis("off")
    for title, x in columns.items():
        axes.text(x, 0.5, title, size=size, weight="bold", va="center")
    for y, row in enumerate(HEADER, 1):
        colour, alpha = {"identifies": (ORANGE, 0.42), "narrows down": (BLUE, 0.25), "": (GREY, 0.3)}[row[-1]]
        axes.add_patch(Rectangle((0, y + 0.06), 1, 0.88, facecolor=colour, alpha=alpha))
        axes.add_patch(Rectangle((0, y + 0.06), 0.012, 0.88, facecolor=colour))
        for title, cell in zip(titles, row, strict=True):
            if title in columns:
                font = "DejaVu Sans Mono" if title in ("Tag", "Value") else "DejaVu Sans"
                weight = "bold" if row[-1] == "identifies" and title in ("Value", "Who is it?") else "normal"
                axes.text(columns[title], y + 0.5, cell, size=size, family=font, weight=weight, va="center")


def draw_metadata() -> None:
    """A header in which some rows name the patient and others narrow the search."""
    figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
    header_table(axes, {"Tag": 0.025, "Attribute": 0.19, "Value": 0.45, "Who is it?": 0.80}, 12)
    save(figure, "kind-metadata.png")


def ultrasound() -> np.ndarray:
    """A fan of speckle with a bright organ border and a dark cyst, 600 x 800 pixels, values 0 to 1."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:600, 0:800]
    across, down = x - 400, y + 60.0
    depth, angle = np.hypot(across, down), np.arctan2(across, down)
    fan = (depth > 140) & (depth < 640) & (np.abs(angle) < 0.62)

    kidney = ((across + 20) / 190) ** 2 + ((y - 330) / 105) ** 2
    cyst = ((across - 70) / 42) ** 2 + ((y - 320) / 36) ** 2
    tissue = 0.36 + 0.10 * np.sin(depth / 34) * np.cos(angle * 7)
    tissue = np.where(kidney < 1, 0.26, tissue) + 0.45 * np.exp(-(((kidney - 1) / 0.09) ** 2))
    tissue = np.where(kidney < 0.16, 0.55, tissue)
    tissue = np.where(cyst < 1, 0.03, tissue)

    # Speckle is Rayleigh noise that is short along the beam and long across it: drawn in beam coordinates.
    speckle = rng.rayleigh(0.8, (340, 130))
    rows = np.clip((depth - 140) / 500 * 339, 0, 339).astype(int)
    beams = np.clip((angle + 0.62) / 1.24 * 129, 0, 129).astype(int)
    image = tissue * speckle[rows, beams]
    image = (image + np.roll(image, 1, 1) + np.roll(image, -1, 1) + np.roll(image, 1, 0)) / 4
    image = np.where(fan, np.clip(image * (1.25 - depth / 1100), 0, 1), 0)
    return np.round(image * 20) / 20  # few grey levels make a small file


def ultrasound_screen(axes: plt.Axes, scale: float) -> None:
    """Draw the fan with the text that a scanner would write over it."""
    axes.imshow(ultrasound(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.axis("off")
    text = {"color": "#f4f4d0", "family": "DejaVu Sans Mono", "va": "top"}
    axes.text(12, 12, "ROE, JANE  F\n12.04.1957\nID 4471-9083", size=13 * scale, **text)
    axes.text(788, 12, "EXAMPLE HOSPITAL\n14.05.2024 10:42\nOp: K. SAMPLE", size=13 * scale, ha="right", **text)
    axes.text(12, 470, "ABDOMEN\nC5-1  28 Hz\nMI 1.2  TIs 0.7\nDepth 15 cm", size=11 * scale, **text)
    axes.text(788, 560, "R KIDNEY", size=11 * scale, ha="right", **text)


def draw_text() -> None:
    """An ultrasound image with burned-in text."""
    figure = plt.figure(figsize=(8, 6))
    ultrasound_screen(figure.add_axes((0, 0, 1, 1)), 1.25)
    save(figure, "kind-text.png")


def register() -> list[dict]:
    """5,000 invented patients; random() alone is used, since Python promises its values for a seed for ever."""
    draw = random.Random(2024).random
    return [
        {
            "sex": "women" if draw() < 0.5 else "men",
            "decade": int(draw() * 9) * 10,
            # Towns differ in size: low numbers are drawn more often.
            "area": 40 + int(12 * draw() ** 1.4),
            "scan": SCANS[int(draw() * len(SCANS))],
            "month": int(draw() * 12) + 1,
        }
        for _ in range(5000)
    ]


def draw_combinations() -> None:
    """A crowd of 5,000 that shrinks to one person as facts are added."""
    patients = register()
    person = patients[1551]  # one of the many whom the five facts single out
    facts = ["sex", "decade", "area", "scan", "month"]
    months = "January February March April May June July August September October November December".split()
    words = [
        "patients in the register",
        f"are {person['sex']}",
        f"of them are {person['decade']} to {person['decade'] + 9}",
        f"live where postcodes start with {person['area']}",
        f"of these had a {person['scan']}",
        f"of them in {months[person['month'] - 1]}",
    ]
    figure, panels = plt.subplots(2, 3, figsize=(10, 5.6), layout="constrained")
    jitter = np.random.default_rng(1).uniform(-0.45, 0.45, (2, 5000))
    x, y = np.arange(5000) % 100 + jitter[0], np.arange(5000) // 100 + jitter[1]
    for known, axes in enumerate(panels.flat):
        left = np.array([all(p[f] == person[f] for f in facts[:known]) for p in patients])
        axes.scatter(x[~left], y[~left], s=2, color="#d9d9d9", linewidths=0)
        few = left.sum() < 60
        axes.scatter(x[left], y[left], s=26 if few else 4, color="#202020" if known < 5 else ORANGE, linewidths=0)
        if left.sum() == 1:
            axes.scatter(x[left], y[left], s=260, facecolors="none", edgecolors=ORANGE, linewidths=2.5)
        axes.set_title(f"{left.sum():,} {words[known]}", size=12.5)
        axes.set(xticks=[], yticks=[], xlim=(-2, 101), ylim=(51, -2))
    rows = [tuple(p[f] for f in facts) for p in patients]
    print(f"{sum(rows.count(row) == 1 for row in rows) / len(rows):.0%} of the register are singled out by these facts")
    save(figure, "kind-combination.png")


def draw_four_kinds() -> None:
    """The README's picture: the four kinds side by side."""
    figure, panels = plt.subplots(1, 4, figsize=(16, 4.2), width_ratios=(1.3, 1, 4 / 3, 0.55))
    figure.subplots_adjust(left=0.005, right=0.995, top=0.885, bottom=0.015, wspace=0.03)
    header_table(panels[0], {"Attribute": 0.035, "Value": 0.52}, 12)
    panels[1].imshow(plt.imread(HERE / "kind-face.png")[:, 398:798])
    ultrasound_screen(panels[2], 0.8)
    panels[3].imshow(plt.imread(HERE / "kind-object.png")[:, :308], cmap="gray")
    for axes, title in zip(panels, ("Metadata", "Faces", "Text", "Objects"), strict=True):
        axes.set_title(title, size=22, weight="bold")
        axes.axis("off")
    save(figure, "four-kinds.png")


if __name__ == "__main__":
    draw_metadata()
    draw_text()
    draw_combinations()
    draw_four_kinds()
