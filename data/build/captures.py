"""Secondary captures: a scanned page with a handwritten note, and a screenshot of a worklist.

note.dcm         MONOCHROME1, 12 bits, RLE
screenshot.dcm   RGB, RLE: names of many patients, none of them in the attributes but one
Needs numpy, scipy, pydicom, Pillow and Matplotlib's fonts.
"""

from pathlib import Path

import hospital
import numpy as np
from handwriting import handwritten
from lettering import Canvas, luminance
from PIL import ImageDraw
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from scipy.ndimage import gaussian_filter
from ultrasound import BELLY, Screens, dotted, o_clock, settled, store_rle, write

CONSULTATION = hospital.Visit(
    patient=hospital.JONAS,
    date="20240618",
    start=40200,
    age="066Y",
    serial="90114",
    station="EHNSCAN2",
    manufacturer="Imaginary Paper Company",
    model="Leafturner 300",
    accession="EHN24A0093370",
    study_id="ST92217",
    number="911346",
    reason="Chest pain",
    procedure="Scanned note",
    procedure_code=("SCAN", "Scanned document"),
    question="Lead fracture?",
    utc_offset="+0200",
)

# The note -------------------------------------------------------------------------------------------------------------

TILT = 1.2  # degrees, as the page lay on the scanner
INK, PRINT = (38, 38, 38), (70, 70, 70)


class Page(Canvas):
    """A page on the glass of a scanner, a little aslant."""

    def __init__(self, rows: int, columns: int, rules: list[tuple[int, int, int, int]], seed: int) -> None:
        """Draw the page with its rules (from x, at y, to x, width)."""
        super().__init__(1, rows, columns)
        self.seed = seed
        corners = [
            self.at(*corner) for corner in ((34, 30), (columns - 26, 30), (columns - 26, rows - 38), (34, rows - 38))
        ]
        holes = [self.at(72, row) for row in (rows * 0.36, rows * 0.64)]

        def paint(pen: ImageDraw.ImageDraw) -> None:
            pen.rectangle([0, 0, columns, rows], fill=(52, 52, 52))
            pen.polygon(corners, fill=(228, 228, 228))
            for x, y in holes:
                pen.ellipse([x - 14, y - 14, x + 14, y + 14], fill=(58, 58, 58))
            for left, y, right, width in rules:
                pen.line([self.at(left, y), self.at(right, y)], fill=PRINT, width=width)

        self.draw(paint)
        paper = gaussian_filter(self.pixels[0].astype(float), (0.9, 0.9, 0))
        self.pixels[0] = np.round(paper).astype(np.uint8)

    def at(self, x: float, y: float) -> tuple[int, int]:
        """Return where a point of the page lies in the scan."""
        turn = np.radians(TILT)
        rows, columns = self.pixels.shape[1:3]
        dx, dy = x - columns / 2, y - rows / 2
        return (
            round(columns / 2 + dx * np.cos(turn) + dy * np.sin(turn)),
            round(rows / 2 + dy * np.cos(turn) - dx * np.sin(turn)),
        )

    def print(self, text: str, x: int, y: int, category: str | None = None, **style: object) -> None:
        """Print a text of the form."""
        self.write(text, self.at(x, y), category, angle=TILT, **({"colour": PRINT, "size": 17} | style))

    def scribble(self, text: str, x: int, y: int, category: str, size: float = 15.0) -> None:
        """Write by hand."""
        self.seed += 1
        coverage, begin, corners = handwritten(text, size, self.seed, TILT + 0.4)
        at = self.at(x, y)
        corner = (at[0] - begin[0], at[1] - begin[1])
        self.add(coverage, corner, text, category, INK, 1.0, corners + at, TILT + 0.4)


def note() -> Canvas:
    """Return a consultation form that somebody filled in by hand."""
    rules = [(118, 172, 780, 3), *((250, row, 780, 1) for row in (294, 364, 434, 504)), (250, 1024, 560, 1)]
    rules += [(120, row, 780, 1) for row in range(634, 900, 62)]
    page = Page(1180, 840, rules, seed=300)
    page.print(hospital.INSTITUTION, 120, 78, "institution", size=26, face="DejaVuSerif-Bold")
    page.print(hospital.DEPARTMENT, 120, 116, "department", face="DejaVuSerif")
    page.print(f"{hospital.ADDRESS} · Tel. {hospital.PHONE}", 120, 142, "address", size=14, face="DejaVuSerif")
    page.print("CONSULTATION NOTE", 120, 190, size=22, face="DejaVuSans-Bold")
    for label, row in (("Patient", 270), ("Born", 340), ("Telephone", 410), ("Date", 480)):
        page.print(label, 120, row)
    page.print("Findings", 120, 560)
    page.print("Signature", 120, 1000)
    page.print("Form EHN-R-17, keep with the images", 120, 1094, size=13)

    patient = hospital.JONAS
    family, given = patient.name.split("^")
    birth, seen = patient.birth_date, CONSULTATION.date
    page.scribble(f"{family}, {given}", 262, 288, "name", 17)
    page.scribble(f"{int(birth[6:])}.{int(birth[4:6])}.{birth[:4]}", 262, 358, "birth_date")
    page.scribble(patient.patient_id.split("-")[1], 560, 358, "patient_id")
    page.scribble(patient.telephone, 262, 428, "phone")
    page.scribble(f"{int(seen[6:])}.{int(seen[4:6])}.{seen[:4]}", 262, 498, "date")
    page.scribble("Chest pain since May, pacemaker 2021", 128, 628, "history", 14)
    page.scribble("Dx: lead fracture? early heart failure", 128, 690, "diagnosis", 14)
    page.scribble(f"please call wife {patient.relative.split('^')[1]}", 128, 752, "relative", 14)
    page.scribble(hospital.PHONE, 480, 756, "phone", 14)
    page.scribble("CT thorax without contrast, then clinic", 128, 814, "plan", 14)
    page.scribble("O. Erfunden", 290, 1018, "physician", 18)
    stamp = f"SCANNED {dotted(seen)}"
    page.write(stamp, (560, 930), "date", size=24, colour=(90, 90, 90), angle=9, face="DejaVuSans-Bold", opacity=0.6)
    return page


def note_object(canvas: Canvas) -> Dataset:
    """Return the note as the scanner stores it: 12 bits, high values are dark."""
    ds = capture_object(CONSULTATION, 1, 1, 900, "SD")
    random = np.random.RandomState(311)
    grey = luminance(canvas.pixels[0])
    rows, columns = grey.shape
    lamp = 1 - 0.05 * ((np.arange(columns) / columns - 0.45) ** 2) * 4
    fibres = gaussian_filter(random.standard_normal(grey.shape), (1.2, 2.5))
    noise = 9 * fibres / fibres.std() + 12 * gaussian_filter(random.standard_normal(grey.shape), 30) * 60
    light = settled(np.clip(grey * 16 * lamp + noise, 40, 4000), 26)
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    ds.NominalScannedPixelSpacing = [0.1693, 0.1693]  # 150 dots an inch
    ds.SamplesPerPixel = 1
    store_rle(ds, "MONOCHROME1", np.round(4095 - light).astype(np.uint16))
    return ds


# The screenshot -------------------------------------------------------------------------------------------------------

OTHERS = [  # nobody: name, sex, birth date
    ("Anyone, Frida", "F", "19480117"),
    ("Beliebig, Henrik", "M", "19721130"),
    ("Modell, Ines Carlotta", "F", "19950608"),
    ("Vorlage, Emil", "M", "20110924"),
    ("Nobody, Selma", "F", "19370302"),
    ("Fiktiv, Anton Leo", "M", "19640519"),
    ("Schein, Paula", "F", "19801207"),
    ("Niemand, Oskar", "M", "19551011"),
    ("Exempel, Greta", "F", "20020226"),
    ("Skizze, Albin", "M", "19690714"),
    ("Entwurf, Lena Sofie", "F", "19870822"),
    ("Unreal, Darius", "M", "19590430"),
]
PROCEDURES = [
    ("CR", "Chest PA"),
    ("CT", "CT abdomen"),
    ("US", "US thyroid"),
    ("CR", "Wrist right"),
    ("MR", "MR lumbar spine"),
    ("CT", "CT head"),
    ("MG", "Screening"),
    ("XA", "Angio leg"),
    ("US", "US breast"),
    ("MR", "MR knee left"),
    ("US", "US pelvis"),
    ("CT", "CT thorax"),
]
COLUMNS = {"Status": 12, "Patient": 86, "Patient ID": 282, "Born": 388, "Sex": 474, "Accession": 508, "Mod": 632,
           "Procedure": 672, "Time": 814, "Physician": 872}  # fmt: skip
STATES = {"done": (46, 125, 70), "read": (52, 92, 160), "open": (190, 110, 20)}


def worklist() -> list[tuple[hospital.Patient | None, list[str]]]:
    """Return the rows of the worklist; the first part says which of the lesson's patients it is."""
    random = np.random.RandomState(321)
    entries: list[tuple[hospital.Patient | None, list[str]]] = []
    for number, ((name, sex, born), (modality, procedure)) in enumerate(zip(OTHERS, PROCEDURES, strict=True)):
        patient_id, accession = random.randint(1000000, 6999999), random.randint(140000, 159999)
        time = f"{8 + number // 2:02d}:{random.randint(2, 28) + 30 * (number % 2):02d}"
        doctor = ("Dr. Placebo", "Dr. Attrappe", "Dr. Nirgends")[random.randint(3)]
        cells = [("done", "read", "open")[random.randint(3)], name, f"EHN-{patient_id}", dotted(born), sex]
        entries.append((None, [*cells, f"EHN23A0{accession}", modality, procedure, time, doctor]))
    rosa = hospital.ROSA
    cells = ["read", rosa.name.replace("^", ", "), rosa.patient_id, dotted(rosa.birth_date), rosa.sex, BELLY.accession]
    entries.append((rosa, [*cells, "US", "US abdomen", o_clock(BELLY.clock())[:5], "Dr. Placebo"]))
    for patient, modality, procedure, time in (
        (hospital.ADA, "MR", "MR head", "14:40"),
        (hospital.JONAS, "CR", "Chest PA", "15:05"),
    ):
        name, born = patient.name.replace("^", ", "), dotted(patient.birth_date)
        cells = ["open", name, patient.patient_id, born, patient.sex, f"EHN23A0{random.randint(151950, 151999)}"]
        entries.append((patient, [*cells, modality, procedure, time, "Dr. Placebo"]))
    return entries


CATEGORIES = {"Patient": "name", "Patient ID": "patient_id", "Born": "birth_date", "Accession": "accession",
              "Time": "time", "Physician": "physician"}  # fmt: skip


def window(canvas: Canvas) -> None:
    """Draw the program's window: title, menu, filters, table, report and status line."""
    rows, columns = canvas.pixels.shape[1:3]

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle([0, 0, columns, rows], fill=(236, 238, 241))
        pen.rectangle([0, 0, columns, 27], fill=(31, 58, 95))
        for number in range(3):
            x = columns - 28 - 34 * number
            pen.rectangle([x, 8, x + 11, 19], outline=(220, 226, 236), fill=(176, 58, 58) if number == 0 else None)
        pen.line([(0, 52), (columns, 52)], fill=(200, 204, 210))
        for x, width in ((70, 150), (292, 120), (478, 110), (654, 90)):
            pen.rectangle([x, 61, x + width, 83], fill=(255, 255, 255), outline=(150, 158, 170))
        pen.rectangle([770, 60, 850, 84], fill=(52, 104, 178))
        pen.rectangle([6, 96, columns - 7, 500], fill=(255, 255, 255), outline=(150, 158, 170))
        pen.rectangle([7, 97, columns - 8, 121], fill=(219, 225, 234))
        for row in range(1, 15, 2):
            pen.rectangle([7, 122 + 25 * row, columns - 8, 146 + 25 * row], fill=(244, 246, 249))
        pen.rectangle([7, 122 + 25 * 12, columns - 8, 146 + 25 * 12], fill=(188, 214, 246))
        for x in list(COLUMNS.values())[1:]:
            pen.line([(x - 6, 97), (x - 6, 500)], fill=(222, 226, 232))
        pen.rectangle([6, 510, columns - 7, rows - 32], fill=(255, 255, 255), outline=(150, 158, 170))
        pen.rectangle([7, 511, columns - 8, 537], fill=(219, 225, 234))
        pen.rectangle([0, rows - 26, columns, rows], fill=(214, 219, 227))

    canvas.draw(paint)


def screenshot() -> Canvas:
    """Return a radiology information system's worklist with the report of the chosen patient below."""
    canvas = Canvas(1, 768, 1024)
    window(canvas)
    dark, soft = (28, 32, 38), (92, 100, 112)
    canvas.write("Nowhere RIS 7 - Worklist", (12, 6), size=14, colour=(240, 244, 250))
    x = 12
    for menu in ("File", "Edit", "View", "Patient", "Study", "Report", "Help"):
        canvas.write(menu, (x, 33), size=13, colour=dark)
        x += 66
    for label, at in (("Patient", 12), ("Station", 236), ("Date", 436), ("Status", 604), ("Search", 784)):
        canvas.write(label, (at, 65), size=13, colour=(255, 255, 255) if label == "Search" else soft)
    canvas.write("*", (76, 65), size=13, colour=dark)
    canvas.write("all", (298, 65), size=13, colour=dark)
    canvas.write(dotted(BELLY.date), (484, 65), "date", size=13, colour=dark)
    canvas.write("all", (660, 65), size=13, colour=dark)
    for title, at in COLUMNS.items():
        canvas.write(title, (at, 101), size=13, colour=soft, face="DejaVuSans-Bold", stretch=0.82)
    for number, (_, cells) in enumerate(worklist()):
        for (title, at), cell in zip(COLUMNS.items(), cells, strict=True):
            colour = STATES[cell] if title == "Status" else dark
            canvas.write(cell, (at, 126 + 25 * number), CATEGORIES.get(title), size=13, colour=colour)

    rosa = hospital.ROSA
    canvas.write("Report", (14, 515), size=14, colour=soft, face="DejaVuSans-Bold")
    name = rosa.name.replace("^", ", ")
    canvas.write(name, (90, 515), "name", size=14, colour=dark, face="DejaVuSans-Bold")
    canvas.write(rosa.patient_id, (280, 515), "patient_id", size=14, colour=dark)
    canvas.write(f"*{dotted(rosa.birth_date)}", (400, 515), "birth_date", size=14, colour=dark)
    canvas.write(hospital.INSTITUTION, (1004, 515), "institution", size=14, colour=soft, align="right")
    report = [
        ("US abdomen:", None),
        ("Ms Specimen has had pain in her right flank for two days and wears an insulin pump.", "history"),
        ("Right kidney 105 mm long, with a stone of 8 mm in the lower pole that throws a shadow.", "diagnosis"),
        ("Gallbladder with two stones, its wall is not thickened. Liver without a focal lesion.", "diagnosis"),
        ("Impression: nephrolithiasis on the right, cholecystolithiasis.", "diagnosis"),
        (f"Read by {hospital.READING.split('^')[-1]} Erfunden, asked for by Dr. Attrappe", "physician"),
    ]
    for number, (line, category) in enumerate(report):
        canvas.write(line, (20, 552 + 27 * number), category, size=15, colour=dark, stretch=0.9)
    canvas.write("User: Schablone, Mia", (12, 746), "operator", size=13, colour=soft)
    canvas.write("15 studies", (480, 746), size=13, colour=soft)
    canvas.write(
        f"{dotted(BELLY.date)} {o_clock(BELLY.clock(3300))[:5]}",
        (1012, 746),
        "date",
        size=13,
        colour=soft,
        align="right",
    )
    return canvas


def screenshot_object(canvas: Canvas) -> Dataset:
    """Return the screenshot in RGB, RLE; it was kept with the study of the chosen patient."""
    ds = capture_object(BELLY, 2, 1, 3300, "WSD")
    ds.Rows, ds.Columns = canvas.pixels.shape[1:3]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.SamplesPerPixel, ds.PlanarConfiguration = 3, 0
    store_rle(ds, "RGB", canvas.pixels[0])
    return ds


def capture_object(visit: hospital.Visit, series: int, number: int, seconds: float, conversion: str) -> Dataset:
    """Return a data set for a secondary capture, without its pixels."""
    ds = hospital.planted_object(visit, "OT", SecondaryCaptureImageStorage, series, number, "Capture", seconds)
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.ConversionType = conversion
    ds.DateOfSecondaryCapture, ds.TimeOfSecondaryCapture = visit.date, visit.clock(seconds)
    ds.ContentDate, ds.ContentTime = visit.date, visit.clock(seconds)
    ds.PatientOrientation = ds.Laterality = ""
    ds.BurnedInAnnotation = "YES"
    ds.LossyImageCompression = "00"
    ds.PixelRepresentation = 0
    return ds


SCREENS: Screens = {"note": (note, note_object), "screenshot": (screenshot, screenshot_object)}


def build(folder: Path) -> list[Path]:
    """Write all captures into a folder and return the paths."""
    return write(SCREENS, SCREENS, folder)
