"""Ultrasound screens with burned-in text, as two invented vendors make them, and where each text stands.

carotid.dcm   colour Doppler clip: RGB, RLE          duplex.dcm   with a spectral trace: YBR_FULL_422, JPEG
abdomen.dcm   a kidney: PALETTE COLOR, RLE           faint.dcm    faint text over a gallbladder: YBR_FULL, RLE
rotated.dcm   turned text beside a thyroid: MONOCHROME2, uncompressed
Needs numpy, scipy, pydicom, Pillow and Matplotlib's fonts.
"""

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import echo
import hospital
import numpy as np
from hospital import item
from lettering import Canvas, luminance
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.tag import Tag
from pydicom.uid import JPEGBaseline8Bit, RLELossless, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage
from scipy.ndimage import gaussian_filter, zoom

NECK = hospital.Visit(
    patient=hospital.ADA,
    date="20240604",
    start=36915,
    age="063Y",
    serial="72093",
    station="EHNUS03",
    manufacturer="Synthetic Scanner Works",
    model="Echolot 9",
    accession="EHN24A0088213",
    study_id="ST91204",
    number="908812",
    reason="Dizziness",
    procedure="US carotid",
    procedure_code=("USCAR", "Ultrasound of the carotid arteries"),
    question="Stenosis?",
    utc_offset="+0200",
)
BELLY = hospital.Visit(
    patient=hospital.ROSA,
    date="20231108",
    start=51720,
    age="034Y",
    serial="55018",
    station="EHNUS01",
    manufacturer="Imaginary Echo Company",
    model="Fledermaus C",
    accession="EHN23A0151907",
    study_id="ST80466",
    number="866140",
    reason="Flank pain, right",
    procedure="US abdomen",
    procedure_code=("USABD", "Ultrasound of the abdomen"),
    question="Stone?",
)

WHITE, GREY, AMBER, CYAN, GREEN = (238, 240, 244), (158, 164, 174), (246, 190, 60), (110, 205, 235), (70, 225, 110)
NYQUIST = 38.5  # cm/s, the fastest flow before colours fold over: 1540 m/s * 5 kHz / (4 * 5 MHz)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def dotted(date: str) -> str:
    """Return 20240604 as 04.06.2024."""
    return f"{date[6:]}.{date[4:6]}.{date[:4]}"


def lettered(date: str) -> str:
    """Return 20231108 as 08-NOV-2023."""
    return f"{date[6:]}-{MONTHS[int(date[4:6]) - 1]}-{date[:4]}"


def o_clock(time: str) -> str:
    """Return 101515.000000 as 10:15:15."""
    return f"{time[:2]}:{time[2:4]}:{time[4:6]}"


# Colours of flow ------------------------------------------------------------------------------------------------------


def flow_colours(share: np.ndarray) -> np.ndarray:
    """Return the colours of velocities from -1 to 1: blue away from the probe, red towards it, folding beyond."""
    share = np.mod(share + 1, 2) - 1
    stops = (-1, -0.55, -0.06, 0.06, 0.55, 1)
    red, green, blue = (90, 20, 10, 95, 225, 255), (225, 70, 10, 0, 40, 232), (255, 220, 100, 5, 10, 90)
    return np.stack([np.interp(share, stops, channel) for channel in (red, green, blue)], axis=-1)


def flow_share(seconds: float, rows: int, columns: int, nyquist: float) -> np.ndarray:
    """Return the velocities that the scanner measures, as a share of the fastest; not a number where it sees none.

    It measures in coarse cells, with noise, and its wall filter drops what is slow.
    """
    down, across = 2.6, 3.0  # screen pixels in a cell
    z, x = np.mgrid[: int(rows / down), : int(columns / across)]
    velocity = echo.carotid_flow(seconds, (x + 0.5) * echo.WIDTH / x.shape[1], (z + 0.5) * echo.DEPTH / x.shape[0])
    random = np.random.RandomState(int(seconds * 1000) + 7)
    power = np.where(np.isnan(velocity), 0, 1) * np.where(np.abs(velocity) < 4, 0.35, 1.0)
    power = gaussian_filter(np.nan_to_num(power), 0.5) + 0.1 * gaussian_filter(random.standard_normal(x.shape), 0.7)
    velocity = np.nan_to_num(velocity) + 0.06 * nyquist * gaussian_filter(random.standard_normal(x.shape), 0.6)
    scale = (rows / x.shape[0], columns / x.shape[1])
    share = zoom(gaussian_filter(velocity, 0.45), scale, order=1, mode="nearest") / nyquist
    return np.where(zoom(power, scale, order=1, mode="nearest") > 0.52, np.round(share * 14) / 14, np.nan)


def settled(values: np.ndarray, tolerance: float) -> np.ndarray:
    """Return values that stay along a row until they have changed by the tolerance: long runs, which RLE packs well."""
    result = values.copy()
    for column in range(1, values.shape[1]):
        last = result[:, column - 1]
        result[:, column] = np.where(np.abs(values[:, column] - last) < tolerance, last, values[:, column])
    return np.where(result < tolerance, 0, result)


def carotid_picture(level: np.ndarray, seconds: float, nyquist: float, box: tuple) -> np.ndarray:
    """Return the artery with its flow in colour inside a slanted box (left, right, top, bottom, slant)."""
    rows, columns = level.shape
    image = np.repeat(level[..., np.newaxis], 3, axis=-1)
    share = flow_share(seconds, rows, columns, nyquist)
    left, right, top, bottom, slant = box
    row, column = np.mgrid[:rows, :columns]
    shift = column + slant * (row - top)
    inside = (row > top) & (row < bottom) & (shift > left) & (shift < right) & ~np.isnan(share) & (image[..., 0] < 110)
    image[inside] = flow_colours(share[inside])
    return np.round(image).astype(np.uint8)


def slanted(box: tuple, x: int, y: int) -> list[tuple[int, int]]:
    """Return the corners of the colour box on the screen."""
    left, right, top, bottom, slant = box
    foot = slant * (bottom - top)
    corners = ((left, top), (right, top), (right - foot, bottom), (left - foot, bottom))
    return [(round(x + column), round(y + row)) for column, row in corners]


# What stands beside a picture -----------------------------------------------------------------------------------------


def ruler(canvas: Canvas, x: int, y: int, pixels_per_cm: float, depth: float, colour: tuple, **style: object) -> None:
    """Draw a depth scale: ticks every half centimetre, numbers at whole ones (every second one where it is deep)."""
    every = 1 if depth < 6 else 5
    step = 0.5 if depth < 6 else 1
    ticks = np.arange(step, depth + 0.01, step)

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for tick in ticks:
            long = abs(tick / every - round(tick / every)) < 1e-6
            row = round(y + tick * pixels_per_cm)
            pen.line([(x, row), (x + (7 if long else 3), row)], fill=colour)

    canvas.draw(paint)
    for centimetre in range(every, int(depth) + 1, every):
        canvas.write(str(centimetre), (x + 10, round(y + centimetre * pixels_per_cm) - 7), colour=colour, **style)


def gain_curve(canvas: Canvas, x: int, top: int, bottom: int, colour: tuple) -> None:
    """Draw the curve of the gain over depth."""
    share = np.linspace(0, 1, 40)
    bend = x + 30 * (0.35 + 0.5 * share - 0.25 * share**3 + 0.06 * np.sin(7 * share))
    points = [(float(px), float(py)) for px, py in zip(bend, top + share * (bottom - top), strict=True)]
    canvas.draw(lambda pen: pen.line(points, fill=colour))


def colour_bar(canvas: Canvas, x: int, y: int, height: int) -> None:
    """Draw the scale of the flow's colours, fastest towards the probe on top."""
    bar = flow_colours(np.linspace(0.999, -0.999, height))[:, np.newaxis]
    canvas.pixels[:, y : y + height, x : x + 14] = np.round(bar).astype(np.uint8)
    canvas.pixels[:, y + height // 2 - 2 : y + height // 2 + 2, x : x + 14] = 0
    canvas.draw(lambda pen: pen.rectangle([x - 1, y - 1, x + 14, y + height], outline=GREY))


def grey_bar(canvas: Canvas, x: int, y: int, height: int) -> None:
    """Draw the scale of the grey values."""
    canvas.pixels[:, y : y + height, x : x + 10] = np.linspace(255, 0, height).round()[:, np.newaxis, np.newaxis]


def calliper(pen: ImageDraw.ImageDraw, x: int, y: int, colour: tuple) -> None:
    """Draw a cross that ends a measurement."""
    pen.line([(x - 5, y), (x + 5, y)], fill=colour)
    pen.line([(x, y - 5), (x, y + 5)], fill=colour)


def emblem(canvas: Canvas, x: int, y: int, colour: tuple) -> None:
    """Draw the mark of a vendor that does not exist: three arcs, as of an echo."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for radius in (4, 8, 12):
            pen.arc([x - radius, y - radius, x + radius, y + radius], -50, 50, fill=colour, width=2)

    canvas.draw(paint)


def heart_trace(seconds: np.ndarray) -> np.ndarray:
    """Return an electrocardiogram, about -0.3 to 1."""
    phase = np.mod(seconds, echo.PERIOD)
    waves = ((0.86, 0.03, 0.14), (-0.012, 0.008, -0.12), (0.012, 0.011, 1.0), (0.036, 0.01, -0.26), (0.27, 0.045, 0.24))
    distance = [(phase - at + echo.PERIOD / 2) % echo.PERIOD - echo.PERIOD / 2 for at, _, _ in waves]
    return sum(height * np.exp(-((d / width) ** 2)) for d, (_, width, height) in zip(distance, waves, strict=True))


def banner(canvas: Canvas, visit: hospital.Visit, height: int, seconds: float, size: int, ticks: range | None) -> None:
    """Write the first vendor's banner; the clock ticks with the first of the frames `ticks`."""
    width = canvas.pixels.shape[2]
    canvas.pixels[:, :height] = (26, 33, 48)
    canvas.pixels[:, height : height + 2] = (70, 84, 108)
    patient = visit.patient
    emblem(canvas, 10, height // 2, CYAN)
    upper, lower = round(height * 0.1), round(height * 0.54)
    name = patient.name.split("^")
    canvas.write(f"{name[0].upper()}, {name[1]}", (32, upper), "name", size=size, colour=WHITE, face="DejaVuSans-Bold")
    canvas.write(patient.patient_id, (32, lower), "patient_id", size=size - 1, colour=WHITE)
    canvas.write("*" + dotted(patient.birth_date), (32 + size * 8, lower), "birth_date", size=size - 1, colour=WHITE)
    middle = round(width * 0.54)
    canvas.write(hospital.INSTITUTION, (middle, upper), "institution", size=size - 1, colour=GREY, align="centre")
    operator = f"Op: {hospital.OPERATOR.replace('^', ', ')}"
    canvas.write(operator, (middle, lower), "operator", size=size - 1, colour=GREY, align="centre")
    right = width - 8
    canvas.write("MI 0.9  TIS 0.4", (right, lower), size=size - 1, colour=AMBER, align="right")
    canvas.write(dotted(visit.date), (right - size * 5, upper), "date", size=size - 1, colour=WHITE, align="right")
    every = range(len(canvas.pixels))
    for part, later in ((range(0, ticks.start), 0), (ticks, 1)) if ticks else ((every, 0),):
        time = o_clock(visit.clock(seconds + later))
        canvas.write(time, (right, upper), "time", size=size - 1, colour=WHITE, align="right", frames=part)


def settings(canvas: Canvas, x: int, y: int, size: int, groups: list[tuple[tuple, list[str]]]) -> None:
    """Write groups of technical settings below each other."""
    for colour, lines in groups:
        for line in lines:
            canvas.write(line, (x, y), size=size, colour=colour)
            y += round(size * 1.4)
        y += size // 2


# The screens ----------------------------------------------------------------------------------------------------------


def carotid() -> Canvas:
    """Return a clip of a carotid artery with a stenosis, over one heartbeat; the diagnosis is typed during it."""
    frames, rows, columns, x, y = 24, 300, 380, 104, 54
    canvas = Canvas(frames, 480, 640)
    box = (118, 330, 86, 282, 0.26)
    for frame in range(frames):
        seconds = frame * echo.PERIOD / frames
        lines = settled(echo.grey(echo.carotid(seconds)), 18)
        picture = carotid_picture(np.repeat(lines, columns // echo.LINES, axis=1), seconds, NYQUIST, box)
        canvas.pixels[frame, y : y + rows, x : x + columns] = picture[:rows]
    canvas.draw(lambda pen: pen.polygon(slanted(box, x, y), outline=(225, 225, 225)))

    strip, time = 424, np.arange(columns + 1) * (1.9 / columns)
    trace = [(x + n, round(float(strip - 26 * v), 1)) for n, v in enumerate(heart_trace(time))]
    for frame in range(frames):
        now = round((0.9 + frame * echo.PERIOD / frames) / 1.9 * columns)
        line = trace[: now + 1]
        canvas.draw(lambda pen, line=line: pen.line(line, fill=GREEN), range(frame, frame + 1))
        old = trace[now + 14 :]
        canvas.draw(lambda pen, old=old: pen.line(old, fill=(30, 110, 55)), range(frame, frame + 1))

    banner(canvas, NECK, 40, 312, 13, range(13, 24))
    groups = [
        (WHITE, ["Carotid", "L12-4", "FR 25 Hz", "D 3.0 cm"]),
        (CYAN, ["B", "F 9.0 MHz", "G 62 %", "DR 60 dB", "Map C/2"]),
        (AMBER, ["CF", "F 5.0 MHz", "PRF 5.0 kHz", "G 48 %", "WF 94 Hz"]),
    ]
    settings(canvas, 8, 56, 12, groups)
    ruler(canvas, x + columns + 6, y, 100, 3.0, GREY, size=11)
    focus = [(x + columns + 2, y + 180), (x + columns + 10, y + 175), (x + columns + 10, y + 185)]
    canvas.draw(lambda pen: pen.polygon(focus, fill=AMBER))
    gain_curve(canvas, x + columns + 40, y + 150, y + rows, (90, 100, 120))
    colour_bar(canvas, 596, 84, 120)
    canvas.write(f"+{NYQUIST}", (603, 66), size=11, colour=WHITE, align="centre")
    canvas.write(f"-{NYQUIST}", (603, 208), size=11, colour=WHITE, align="centre")
    canvas.write("cm/s", (603, 222), size=11, colour=GREY, align="centre")
    canvas.write("HR 62 bpm", (8, 404), size=12, colour=GREEN)
    for frame in range(frames):
        text = f"{frame + 1}/{frames}"
        canvas.write(text, (632, 458), size=11, colour=GREY, align="right", frames=range(frame, frame + 1))
    canvas.write("L CCA / ICA long", (x, y + rows + 8), size=12, colour=WHITE)
    canvas.write(
        "Plaque L ICA, stenosis approx. 60 %",
        (x + 60, y + 262),
        "diagnosis",
        size=14,
        colour=(255, 236, 90),
        frames=range(9, frames),
    )
    return canvas


def duplex() -> Canvas:
    """Return a still with the artery above and a spectral Doppler trace below."""
    canvas = Canvas(1, 768, 1024)
    rows, columns, x, y = 330, 360, 300, 72
    box = (110, 300, 92, 270, 0.26)
    level = zoom(echo.carotid(0.3), (rows / echo.SAMPLES, columns / echo.LINES), order=1, mode="nearest")
    canvas.pixels[0, y : y + rows, x : x + columns] = carotid_picture(echo.grey(level), 0.3, NYQUIST, box)

    left, top, width, height, lowest, highest = 120, 440, 800, 276, -50, 190
    level = echo.spectrum(width, height, 3.6, lowest, highest)
    tint = echo.grey(level)[..., np.newaxis] * np.array([1.0, 0.93, 0.8])
    canvas.pixels[0, top : top + height, left : left + width] = np.round(tint).astype(np.uint8)

    def row_of(velocity: float) -> int:
        return round(top + (highest - velocity) / (highest - lowest) * height)

    gate = (x + 122, y + 176)

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.polygon(slanted(box, x, y), outline=(225, 225, 225))
        for part in range(0, 330, 14):  # the line of the beam
            start = (gate[0] + 0.26 * (176 - part), y + part)
            pen.line([start, (start[0] - 0.26 * 7, start[1] + 7)], fill=(200, 200, 200))
        for side in (-6, 6):  # the gate, and the direction of the flow
            pen.line([(gate[0] - 9, gate[1] + side - 2), (gate[0] + 9, gate[1] + side + 3)], fill=WHITE, width=2)
        pen.line([(gate[0] - 34, gate[1] + 5), (gate[0] + 34, gate[1] - 5)], fill=GREEN)
        pen.line([(left, row_of(0)), (left + width, row_of(0))], fill=(130, 140, 150))
        for velocity in range(lowest, highest + 1, 10):
            long = velocity % 50 == 0
            pen.line(
                [(left + width, row_of(velocity)), (left + width + (8 if long else 4), row_of(velocity))], fill=GREY
            )
        for tick in range(0, 37):
            column = left + round(tick / 36 * width)
            pen.line([(column, top + height), (column, top + height + (7 if tick % 10 == 0 else 3))], fill=GREY)

    canvas.draw(paint)
    banner(canvas, NECK, 58, 421, 18, None)
    for velocity in (-50, 50, 100, 150):
        canvas.write(str(velocity), (left + width + 14, row_of(velocity) - 9), size=14, colour=WHITE)
    canvas.write("cm/s", (left + width + 14, row_of(175) - 9), size=14, colour=GREY)
    groups = [
        (WHITE, ["Carotid", "L12-4", "FR 11 Hz", "D 3.5 cm"]),
        (CYAN, ["B", "F 9.0 MHz", "G 60 %", "DR 60 dB"]),
        (AMBER, ["CF", "F 5.0 MHz", "PRF 5.0 kHz", "WF 94 Hz"]),
    ]
    settings(canvas, 14, 76, 16, groups)
    settings(canvas, 14, 520, 14, [(GREEN, ["PW", "F 5.0 MHz", "PRF 7.8 kHz", "SV 2.0 mm", "Angle 60°", "WF 70 Hz"])])
    measured = [(WHITE, ["ICA L prox", "PSV 148.6 cm/s", "EDV 43.1 cm/s", "RI 0.71", "HR 62 bpm"])]
    settings(canvas, 816, 270, 16, measured)
    ruler(canvas, x + columns + 8, y, rows / (echo.DEPTH / 10), echo.DEPTH / 10, GREY, size=14)
    colour_bar(canvas, 770, 92, 140)
    canvas.write(f"+{NYQUIST}", (777, 70), size=14, colour=WHITE, align="centre")
    canvas.write(f"-{NYQUIST}", (777, 236), size=14, colour=WHITE, align="centre")
    canvas.write("Ref: Dr. Placebo", (816, 76), "physician", size=16, colour=GREY)
    canvas.write(f"Acc {NECK.accession}", (816, 100), "accession", size=16, colour=GREY)
    canvas.write("ICA stenosis left 60 %, after TIA", (140, 462), "diagnosis", size=20, colour=(255, 236, 90))
    return canvas


def second_vendor(canvas: Canvas, seconds: float, title: str) -> None:
    """Write the second vendor's frame: capital letters without grey rims, straight on black."""
    patient = BELLY.patient
    style = {"face": "DejaVuSansMono", "crisp": True, "size": 14, "stretch": 0.92}
    ink = (210, 226, 236)
    canvas.write(hospital.INSTITUTION.upper(), (14, 8), "institution", colour=ink, **style)
    canvas.write(patient.name.upper().replace("^", " "), (14, 28), "name", colour=ink, **style)
    canvas.write(f"ID {patient.patient_id}", (14, 46), "patient_id", colour=ink, **style)
    canvas.write(f"DOB {lettered(patient.birth_date)}", (14, 64), "birth_date", colour=ink, **style)
    right = canvas.pixels.shape[2] - 14
    canvas.write(lettered(BELLY.date), (right, 8), "date", colour=ink, align="right", **style)
    canvas.write(o_clock(BELLY.clock(seconds)), (right, 28), "time", colour=ink, align="right", **style)
    canvas.write("C5-2 ABDOMEN", (right, 46), colour=ink, align="right", **style)
    canvas.write("MI 1.2  TIS 0.8", (right, 64), colour=ink, align="right", **style)
    canvas.write(title, (14, canvas.pixels.shape[1] - 28), colour=ink, **style)


def body_mark(canvas: Canvas, x: int, y: int, colour: tuple) -> None:
    """Draw a small trunk, and where the probe lies on it."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.line([(x, y), (x - 4, y + 10), (x - 16, y + 14), (x - 18, y + 40)], fill=colour, width=2)
        pen.line([(x + 14, y), (x + 18, y + 10), (x + 30, y + 14), (x + 32, y + 40)], fill=colour, width=2)
        pen.line([(x - 10, y + 22), (x - 8, y + 44), (x - 12, y + 66)], fill=colour, width=2)
        pen.line([(x + 24, y + 22), (x + 22, y + 44), (x + 26, y + 66)], fill=colour, width=2)
        pen.line([(x - 9, y + 36), (x - 3, y + 48)], fill=(255, 170, 40), width=4)

    canvas.draw(paint)


def abdomen() -> Canvas:
    """Return a still of a liver and a right kidney with a stone; 256 colours are enough for it."""
    canvas = Canvas(1, 600, 800)
    spacing, top = 0.282, 34
    picture = echo.scan_convert(echo.kidney(), 150, 600 - top, 800, spacing, 34)
    canvas.pixels[0, top:] = echo.grey(picture, 200)[..., np.newaxis]
    ink, yellow = (210, 226, 236), (255, 232, 64)

    def dots(pen: ImageDraw.ImageDraw, start: tuple[int, int], end: tuple[int, int]) -> None:
        for share in np.linspace(0, 1, 24):
            point = tuple(round(a + share * (b - a)) for a, b in zip(start, end, strict=True))
            pen.point(point, fill=yellow)

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for start, end in (((326, 322), (690, 408)), ((567, 400), (594, 405))):
            dots(pen, start, end)
            calliper(pen, *start, yellow)
            calliper(pen, *end, yellow)

    canvas.draw(paint)
    second_vendor(canvas, 634, "RT KIDNEY LONG")
    style = {"face": "DejaVuSansMono", "crisp": True, "size": 13, "stretch": 0.92}
    for line, text in enumerate(("FR 31", "FRQ 3.5", "GN 54", "DYN 66", "THI", "DEP 15.0CM")):
        canvas.write(text, (14, 112 + 18 * line), colour=(120, 190, 160), **style)
    grey_bar(canvas, 20, 236, 110)
    ruler(canvas, 768, top + 34, 10 / spacing, 14, ink, **style)
    body_mark(canvas, 700, 500, ink)
    canvas.write("1 + 105.4 MM", (14, 506), colour=yellow, **style)
    canvas.write("2 +   7.7 MM", (14, 524), colour=yellow, **style)
    canvas.write("TECH M SCHABLONE", (14, 478), "operator", colour=ink, **style)
    style["size"] = 16
    canvas.write("NEPHROLITHIASIS R", (404, 250), "diagnosis", colour=(255, 255, 255), **style)
    return canvas


def faint() -> Canvas:
    """Return a still of a gallbladder with a stone; much of the text is so faint that it drowns in the liver."""
    canvas = Canvas(1, 600, 800)
    spacing, top = 0.212, 10
    picture = echo.scan_convert(echo.gallbladder(), 120, 600 - top, 800, spacing, 12)
    canvas.pixels[0, top:] = echo.grey(picture)[..., np.newaxis]
    patient, white = BELLY.patient, (255, 255, 255)
    family, given = patient.name.split("^")
    canvas.write(f"{family.upper()} {given}", (278, 122), "name", size=22, colour=white, opacity=0.32)
    canvas.write(f"{patient.patient_id}", (300, 152), "patient_id", size=18, colour=white, opacity=0.26)
    canvas.write(dotted(patient.birth_date), (426, 152), "birth_date", size=18, colour=white, opacity=0.26)
    canvas.write("Cholecystolithiasis", (150, 404), "diagnosis", size=20, colour=white, opacity=0.19)
    canvas.write(hospital.INSTITUTION, (264, 520), "institution", size=20, colour=white, opacity=0.3)
    canvas.write("M. Schablone", (470, 210), "operator", size=16, colour=(0, 0, 0), opacity=0.3)
    canvas.write("GB long, Murphy neg.", (470, 448), size=16, colour=white, opacity=0.25)
    canvas.write(dotted(BELLY.date), (786, 12), "date", size=14, colour=(46, 46, 46), align="right")
    canvas.write(o_clock(BELLY.clock(702)), (786, 30), "time", size=14, colour=(34, 34, 34), align="right")
    canvas.write("C5-2  3.5 MHz  Gn 54  12 cm", (14, 572), size=14, colour=(120, 120, 120))
    canvas.write("MI 1.2", (786, 572), size=14, colour=(120, 120, 120), align="right")
    ruler(canvas, 770, top + 12, 10 / spacing, 11, (110, 110, 110), size=12)
    return canvas


def rotated() -> Canvas:
    """Return a still of a thyroid nodule; text runs up and down its sides, and aslant over it."""
    canvas = Canvas(1, 640, 640)
    rows, columns, x, y = 522, 570, 35, 58
    level = echo.thyroid()
    level = zoom(level, (rows / level.shape[0], columns / level.shape[1]), order=1, mode="nearest")
    canvas.pixels[0, y : y + rows, x : x + columns] = echo.grey(level)[..., np.newaxis]
    patient, bright, dim = NECK.patient, (240, 240, 240), (170, 170, 170)

    def paint(pen: ImageDraw.ImageDraw) -> None:
        calliper(pen, x + 186, y + 270, bright)
        calliper(pen, x + 300, y + 278, bright)

    canvas.draw(paint)
    canvas.write(patient.name.replace("^", ", "), (8, 560), "name", size=18, colour=bright, angle=90)
    canvas.write(patient.patient_id, (8, 300), "patient_id", size=18, colour=bright, angle=90)
    canvas.write(dotted(patient.birth_date), (8, 180), "birth_date", size=18, colour=bright, angle=90)
    canvas.write(hospital.INSTITUTION, (633, 70), "institution", size=17, colour=dim, angle=-90)
    canvas.write(dotted(NECK.date), (633, 330), "date", size=17, colour=dim, angle=-90)
    canvas.write(o_clock(NECK.clock(560)), (633, 440), "time", size=17, colour=dim, angle=-90)
    canvas.write("Nodule left lobe, TI-RADS 4", (214, 400), "diagnosis", size=20, colour=bright, angle=-15)
    canvas.write("Op. M. Schablone", (400, 160), "operator", size=18, colour=bright, angle=15)
    canvas.write("L12-4   9.0 MHz   G 58 %   DR 60   D 3.5 cm", (38, 30), size=15, colour=dim)
    canvas.write("MI 0.9  TIS 0.3", (604, 30), size=15, colour=dim, align="right")
    canvas.write("+ 7.6 mm", (38, 596), size=16, colour=bright)
    canvas.write("LT THYROID TRANS", (604, 596), size=16, colour=bright, align="right")
    return canvas


# The files ------------------------------------------------------------------------------------------------------------


def region(space: int, data: int, area: tuple[int, int, int, int], cm: tuple[float, float], **more: object) -> Dataset:
    """Return an item of the Sequence of Ultrasound Regions: its place on the screen and the size of its pixels.

    `space`, `data`: Region Spatial Format and Region Data Type (PS3.3 C.8.5.5.1); `cm`: the size of a pixel.
    """
    left, top, right, bottom = area
    values = {
        "RegionSpatialFormat": space,
        "RegionDataType": data,
        "RegionFlags": 2,
        "RegionLocationMinX0": left,
        "RegionLocationMinY0": top,
        "RegionLocationMaxX1": right - 1,
        "RegionLocationMaxY1": bottom - 1,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": cm[0],
        "PhysicalDeltaY": cm[1],
        "ReferencePixelX0": 0,
        "ReferencePixelY0": 0,
        "ReferencePixelPhysicalValueX": 0.0,
        "ReferencePixelPhysicalValueY": 0.0,
    }
    return item(**(values | more))


def ultrasound_object(visit: hospital.Visit, canvas: Canvas, number: int, seconds: float, kind: list[str]) -> Dataset:
    """Return a data set for a screen, without its pixels; `kind` is the end of Image Type (PS3.3 C.8.5.6.1.1)."""
    frames, rows, columns, _ = canvas.pixels.shape
    storage = UltrasoundMultiFrameImageStorage if frames > 1 else UltrasoundImageStorage
    ds = hospital.planted_object(visit, "US", storage, 1, number, visit.procedure, seconds)
    ds.ImageType = ["ORIGINAL", "PRIMARY", *kind]
    ds.ContentDate = ds.AcquisitionDate = visit.date
    ds.ContentTime = ds.AcquisitionTime = visit.clock(seconds)
    ds.AcquisitionDateTime = visit.date + visit.clock(seconds) + visit.utc_offset
    ds.BurnedInAnnotation = "YES"
    ds.LossyImageCompression = "00"
    ds.UltrasoundColorDataPresent = 0
    ds.PatientOrientation = ""
    ds.SamplesPerPixel = 3
    ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelRepresentation = 0
    if frames > 1:
        ds.NumberOfFrames = frames
        ds.FrameTime = "40"
        ds.FrameIncrementPointer = Tag("FrameTime")
        ds.CineRate = ds.RecommendedDisplayFrameRate = 25
        ds.StartTrim, ds.StopTrim = 1, frames
        ds.HeartRate = 62
        ds.PreferredPlaybackSequencing = 0
    return ds


def neck_object(
    canvas: Canvas, number: int, seconds: float, kind: list[str], index: str = "0.4", depth: int = 35
) -> Dataset:
    """Return a data set for a screen of the first vendor, without its pixels."""
    ds = ultrasound_object(NECK, canvas, number, seconds, kind)
    ds.TransducerType = "LINEAR"
    ds.TransducerData = ["L12-4", "SN 30917", ""]
    ds.ProcessingFunction = "CAROTID"
    ds.DepthOfScanField = depth
    ds.MechanicalIndex, ds.SoftTissueThermalIndex, ds.BoneThermalIndex = "0.9", index, index
    ds.BodyPartExamined = "NECK"
    return ds


def belly_object(canvas: Canvas, number: int, seconds: float) -> Dataset:
    """Return a data set for a screen of the second vendor, without its pixels."""
    ds = ultrasound_object(BELLY, canvas, number, seconds, ["ABDOMINAL", "0001"])
    ds.TransducerType = "CURVED LINEAR"
    ds.TransducerData = ["C5-2", "SN 11642", ""]
    ds.ProcessingFunction = "ABDOMEN"
    ds.MechanicalIndex, ds.SoftTissueThermalIndex, ds.BoneThermalIndex = "1.2", "0.8", "0.9"
    ds.BodyPartExamined = "ABDOMEN"
    return ds


def store_rle(ds: Dataset, photometric: str, pixels: np.ndarray) -> None:
    """Put pixels into a data set, compressed without loss."""
    ds.PhotometricInterpretation = photometric
    ds.compress(RLELossless, np.ascontiguousarray(pixels), encoding_plugin="pydicom", generate_instance_uid=False)


def carotid_object(canvas: Canvas) -> Dataset:
    """Return the clip in RGB, RLE."""
    ds = neck_object(canvas, 1, 312, ["VASCULAR", "0011"], depth=30)
    ds.UltrasoundColorDataPresent = 1
    cm = (0.01, 0.01)
    ds.SequenceOfUltrasoundRegions = [
        region(1, 1, (104, 54, 484, 354), cm, TransducerFrequency=9000),
        region(1, 2, (171, 140, 434, 336), cm, TransducerFrequency=5000, PulseRepetitionFrequency=5000),
    ]
    store_rle(ds, "RGB", canvas.pixels)
    return ds


def jpeg(pixels: np.ndarray) -> bytes:
    """Return pixels as baseline JPEG with colours at half the width."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=82, subsampling="4:2:2")
    return stream.getvalue()


def duplex_object(canvas: Canvas) -> Dataset:
    """Return the still with the spectral trace in YBR_FULL_422, JPEG."""
    ds = neck_object(canvas, 2, 421, ["VASCULAR", "0019"])
    ds.UltrasoundColorDataPresent = 1
    cm = (echo.WIDTH / 10 / 360, echo.DEPTH / 10 / 330)
    trace = {
        "PhysicalUnitsXDirection": 4,
        "PhysicalUnitsYDirection": 7,
        "PhysicalDeltaX": 3.6 / 800,
        "PhysicalDeltaY": -240 / 276,
        "ReferencePixelY0": 218,
        "TransducerFrequency": 5000,
        "PulseRepetitionFrequency": 7800,
        "DopplerCorrectionAngle": 60.0,
    }
    ds.SequenceOfUltrasoundRegions = [
        region(1, 1, (300, 72, 660, 402), cm, TransducerFrequency=9000),
        region(1, 2, (364, 164, 600, 342), cm, TransducerFrequency=5000, PulseRepetitionFrequency=5000),
        region(3, 3, (120, 440, 920, 716), cm, **trace),
    ]
    ds.PhotometricInterpretation = "YBR_FULL_422"
    encoded = jpeg(canvas.pixels[0])
    ds.PixelData = encapsulate([encoded])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio = f"{canvas.pixels.nbytes / len(encoded):.1f}"
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    return ds


def abdomen_object(canvas: Canvas) -> Dataset:
    """Return the kidney in PALETTE COLOR, RLE; its darkest entry is not the first, as with many scanners."""
    ds = belly_object(canvas, 1, 634)
    ds.DepthOfScanField = 150
    ds.SequenceOfUltrasoundRegions = [region(1, 1, (0, 34, 800, 600), (0.0282, 0.0282), TransducerFrequency=3500)]
    colours, index = np.unique(canvas.pixels.reshape(-1, 3), axis=0, return_inverse=True)
    colours, index = np.roll(colours, 16, axis=0), (index + 16) % len(colours)
    for name, channel in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [len(colours), 0, 16])
        setattr(ds, f"{name}PaletteColorLookupTableData", (channel.astype("<u2") * 257).tobytes())
    ds.SamplesPerPixel = 1
    del ds.PlanarConfiguration
    store_rle(ds, "PALETTE COLOR", index.astype(np.uint8).reshape(canvas.pixels.shape[1:3]))
    return ds


def faint_object(canvas: Canvas) -> Dataset:
    """Return the gallbladder in YBR_FULL, RLE."""
    ds = belly_object(canvas, 2, 702)
    ds.DepthOfScanField = 120
    ds.SequenceOfUltrasoundRegions = [region(1, 1, (0, 10, 800, 600), (0.0212, 0.0212), TransducerFrequency=3500)]
    ds.PlanarConfiguration = 1
    store_rle(ds, "YBR_FULL", convert_color_space(canvas.pixels[0], "RGB", "YBR_FULL"))
    return ds


def rotated_object(canvas: Canvas) -> Dataset:
    """Return the thyroid in MONOCHROME2, uncompressed."""
    ds = neck_object(canvas, 3, 560, ["SMALL PARTS", "0001"], "0.3")
    cm = (echo.WIDTH / 10 / 570, echo.DEPTH / 10 / 522)
    ds.SequenceOfUltrasoundRegions = [region(1, 1, (35, 58, 605, 580), cm, TransducerFrequency=9000)]
    ds.SamplesPerPixel = 1
    del ds.PlanarConfiguration
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = np.round(luminance(canvas.pixels[0])).astype(np.uint8).tobytes()
    ds["PixelData"].VR = "OB"
    return ds


Screens = dict[str, tuple[Callable[[], Canvas], Callable[[Canvas], Dataset]]]
SCREENS: Screens = {
    "carotid": (carotid, carotid_object),
    "duplex": (duplex, duplex_object),
    "abdomen": (abdomen, abdomen_object),
    "faint": (faint, faint_object),
    "rotated": (rotated, rotated_object),
}


def write(screens: Screens, names: Iterable[str], folder: Path) -> list[Path]:
    """Write some of the screens as DICOM, the ground truth of each as JSON beside it, and return the paths."""
    written = []
    for name in names:
        to_canvas, to_dataset = screens[name]
        canvas = to_canvas()
        path = hospital.save(to_dataset(canvas), Path(folder) / f"{name}.dcm")
        written += [path, canvas.save_truth(path.with_suffix(".json"))]
    return written


def build(folder: Path) -> list[Path]:
    """Write all screens into a folder and return the paths."""
    return write(SCREENS, SCREENS, folder)
