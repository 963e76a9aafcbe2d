"""Make a folder as people really get them: odd names, nested folders, sound images, and files that are no images.

`python data/build messy` writes data/messy/, and beside it messy.json, which says what each file is, whose it is, which
kinds of identifying content it carries, and what a tool should do with it.  The other parts of data/ must be there
first, for most of the images are copies of theirs.  Needs pydicom, Pillow, and the fonts that Matplotlib brings along.
"""

import json
import math
import random
import tempfile
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path

import hospital
import matplotlib
from hospital import code
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.pixels import apply_color_lut
from pydicom.uid import EncapsulatedPDFStorage

DATA = Path(__file__).resolve().parents[1]
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
CD, PERSONAL, TALK = "CD from Dr. Placebo", "TESTPERSON Ada 1961-04-12", "Für die Konferenz"
ADA, JONAS, ROSA = ([patient.name] for patient in (hospital.ADA, hospital.JONAS, hospital.ROSA))
NO_DICOM = "it is no DICOM file"


@dataclass(frozen=True)
class Entry:
    """What messy.json says about a file."""

    what: str
    sound: bool  # is it a DICOM file as the standard wants it?
    whose: list[str]
    kinds: list[str]  # of "metadata", "faces", "text", "objects": what identifies somebody
    tool: str  # what a tool should do: "strip" it, or "refuse" it
    why: str  # it should be refused


def strip(what: str, whose: list[str], *kinds: str, sound: bool = True) -> Entry:
    """Return the truth about a file that a tool can make safe."""
    return Entry(what, sound, whose, ["metadata", *kinds], "strip", "")


def refuse(what: str, whose: list[str], why: str, *kinds: str, sound: bool = False) -> Entry:
    """Return the truth about a file that a tool should leave out, and why."""
    return Entry(what, sound, whose, list(kinds), "refuse", why)


# A referral on paper --------------------------------------------------------------------------------------------------

LETTERHEAD = ["Dr. Quirin Placebo", "General practice", "9 Placebo Row, 00009 Nowhere", "Telephone 01632 960051"]
LETTER = """To: Radiology Nowhere North
    Example Hospital of Nowhere

REFERRAL                                  11 March 2024

Patient    Testperson, Ada Fictia
Born       12 April 1961
Address    17 Invented Lane, 00017 Nowhere
Telephone  01632 960148
Insurance  SYN-INS-880421

Diagnosis  Head injury after a fall off a ladder
           on 10 March (S06.9)
Please     CT of the head
Question   Bleeding? Ms Testperson takes anticoagulants
           and vomited twice in the night.

Thank you, and please send the pictures on a CD.
"""


def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """Return one of the fonts that Matplotlib brings along."""
    return ImageFont.truetype(FONTS / f"{name}.ttf", size, layout_engine=ImageFont.Layout.BASIC)


def referral() -> Image.Image:
    """Return a page as a fax machine scans it: black and white, a bit askew, with letterhead, signature and stamp."""
    page = Image.new("L", (910, 1287), 255)
    pen = ImageDraw.Draw(page)
    pen.text((40, 16), "11-MAR-2024 08:02   FROM 01632 960051   PAGE 01/01", 0, font("DejaVuSansMono", 14))
    for row, line in enumerate(LETTERHEAD):
        face = font("DejaVuSerif-Bold", 30) if row == 0 else font("DejaVuSerif", 19)
        pen.text((110, 78 + 26 * row + 12 * (row > 0)), line, 0, face)
    pen.line((110, 214, 800, 214), 0, 3)
    pen.multiline_text((110, 260), LETTER, 0, font("DejaVuSansMono", 19), spacing=11)
    pen.line(signature(420, 975), 0, 3, joint="curve")
    pen.text((420, 1030), "Dr. Q. Placebo", 0, font("DejaVuSerif-Italic", 18))
    pen.text((110, 1215), hospital.SYNTHETIC, 0, font("DejaVuSans", 13))
    stamp = Image.new("L", (250, 110), 255)
    ink = ImageDraw.Draw(stamp)
    ink.rectangle((4, 4, 245, 105), outline=0, width=4)
    ink.multiline_text(
        (124, 54), "RECEIVED\n11 MAR 2024\nEHN RADIOLOGY", 0, font("DejaVuSans-Bold", 20), "mm", align="center"
    )
    page.paste(stamp.rotate(9, Image.Resampling.BICUBIC, expand=True, fillcolor=255), (560, 60))
    page = page.rotate(-0.8, Image.Resampling.BICUBIC, fillcolor=255)
    chance, pixels = random.Random(11).random, page.load()
    for _ in range(420):  # dust on the glass
        pixels[int(chance() * page.width), int(chance() * page.height)] = 0
    return page.point(lambda grey: 255 * (grey > 150), "1")


def signature(x: int, y: int) -> list[tuple[float, float]]:
    """Return the points of a scrawl."""
    steps = [n / 200 for n in range(201)]
    return [
        (
            x + 230 * t + 16 * math.sin(31 * t) + 9 * math.sin(74 * t),
            y + 34 * math.sin(26 * t + 1) * (1 - 0.8 * t) + 12 * math.sin(57 * t) - 18 * t,
        )
        for t in steps
    ]


def run_length(data: bytes) -> bytes:
    """Return data packed as RunLengthDecode wants it (ISO 32000-1, 7.4.5): the same bytes on every machine."""
    packed, literal = bytearray(), bytearray()

    def flush() -> None:
        for start in range(0, len(literal), 128):
            part = literal[start : start + 128]
            packed.extend(bytes([len(part) - 1]) + part)
        literal.clear()

    for value, run in groupby(data):
        count = len(list(run))
        while count > 2:
            flush()
            packed.extend([257 - min(count, 128), value])
            count -= min(count, 128)
        literal.extend([value] * count)
    flush()
    return bytes(packed) + b"\x80"


def pdf(page: Image.Image) -> bytes:
    """Return a PDF document with a black and white picture as its only page, 110 dots an inch."""
    width, height = (round(side * 72 / 110) for side in page.size)
    scan, content = run_length(page.tobytes()), f"{width} 0 0 {height} 0 0 cm /Scan Do".encode()
    image = (
        f"/Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} /ColorSpace /DeviceGray "
        f"/BitsPerComponent 1 /Filter /RunLengthDecode"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 5 0 R "
        "/Resources << /XObject << /Scan 4 0 R >> >> >>".encode(),
        f"<< {image} /Length {len(scan)} >>\nstream\n".encode() + scan + b"\nendstream",
        f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream",
        b"<< /Title (Referral Ada Testperson) /Author (Dr. Placebo) /Producer (Synthetic Scanner Works) >>",
    ]
    document, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R /Info 6 0 R >>\nstartxref\n{len(document)}\n%%EOF\n"
    return document + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


def referral_object() -> Dataset:
    """Return the scanned referral as an Encapsulated PDF object (PS3.3 A.45.1)."""
    visit = hospital.FALL
    ds = hospital.planted_object(visit, "DOC", EncapsulatedPDFStorage, 9, 1, "Scanned referral of Ms Testperson", -3600)
    document = pdf(referral())
    ds.ConversionType = "SD"
    ds.ContentDate, ds.ContentTime = visit.date, visit.clock(-3600)
    ds.AcquisitionDateTime = visit.date + visit.clock(-3600)
    ds.BurnedInAnnotation = "YES"
    ds.RecognizableVisualFeatures = "NO"
    ds.DocumentTitle = "Referral Ada Testperson"
    ds.ConceptNameCodeSequence = [code("57133-1", "LN", "Referral note")]
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(document)
    ds.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return ds


# Files that are no DICOM files, or no whole ones ----------------------------------------------------------------------

NOTE = """CD of Testperson, Ada, born 12 April 1961
Example Hospital of Nowhere, 11 March 2024

To look at the pictures open DICOMDIR in any viewer.
The password of the report is her birth date.

synthetic data, no real person
"""

PATIENTS = """\
Name;Born;Patient ID;Telephone;Date;Examination
Testperson, Ada Fictia;12.04.1961;EHN-4711093;01632 960148;11.03.2024;CT head
Muster, Jonas Konrad;03.09.1957;EHN-5820316;01632 960311;06.11.2023;X-ray chest
Specimen, Rosa Lind;17.02.1989;EHN-6093847;01632 960205;08.11.2023;Ultrasound abdomen
Prüfling, Erna;30.01.1936;EHN-2207718;01632 960093;12.03.2024;X-ray hip
"""


def thumbnails() -> bytes:
    """Return what Windows leaves in a folder of pictures: the head of a compound file and the pictures' names in it."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0"
    names = ["Root Entry", "Catalog", "256_Testperson_Ada.jpg"]
    entries = b"".join(name.encode("utf-16-le").ljust(64, b"\0") + b"\0" * 64 for name in names)
    return (head.ljust(512, b"\xff") + entries).ljust(2048, b"\0")


def without_header(source: Path) -> bytes:
    """Return a data set as old software wrote it: no preamble, no file meta information, Implicit VR."""
    ds, file = dcmread(source), BytesIO()
    ds.file_meta, ds.preamble = FileMetaDataset(), None
    dcmwrite(file, ds, implicit_vr=True, little_endian=True)
    return file.getvalue()


def photograph(source: Path) -> bytes:
    """Return a photograph of a screen with a palette image on it: askew, a window's light in it, and it tells when."""
    ds = dcmread(source)
    colours = apply_color_lut(ds.pixel_array, ds)
    picture = Image.fromarray((colours >> 8).astype("uint8") if colours.itemsize == 2 else colours)
    desk = Image.new("RGB", (720, 540), (88, 82, 74))
    ImageDraw.Draw(desk).rounded_rectangle((54, 34, 666, 502), 8, fill=(16, 16, 18))
    desk.paste(picture.resize((560, 420), Image.Resampling.BILINEAR), (80, 57))
    tilt = (0.93, 0.06, 14, -0.03, 0.98, 20, 0, 0.0001)
    photo = desk.transform(desk.size, Image.Transform.PERSPECTIVE, tilt, Image.Resampling.BICUBIC)
    light = Image.new("L", desk.size, 10)
    ImageDraw.Draw(light).polygon([(430, 0), (640, 0), (420, 540), (170, 540)], fill=44)
    light = light.filter(ImageFilter.GaussianBlur(30))
    photo = ImageChops.screen(photo, Image.merge("RGB", [light] * 3)).filter(ImageFilter.GaussianBlur(0.6))
    exif, file = Image.Exif(), BytesIO()
    exif[0x010E] = hospital.SYNTHETIC  # ImageDescription
    exif[0x0110], exif[0x0132] = "Imaginary Telephone 5", "2023:11:08 14:41:09"  # Model, DateTime
    photo.save(file, "JPEG", quality=72, exif=exif)
    return file.getvalue()


# The folder -----------------------------------------------------------------------------------------------------------


def burn_cd(folder: Path, sources: list[Path]) -> list[Path]:
    """Write copies of files and a DICOMDIR that lists them, as a hospital's CD has them (PS3.10, section 8)."""
    disc = FileSet()
    disc.ID, disc.UID = "EHN_CD", hospital.FALL.uid(6)
    for source in sources:
        disc.add(source)
    with tempfile.TemporaryDirectory() as scratch:
        disc.write(scratch)
        made = sorted(path for path in Path(scratch).rglob("*") if path.is_file())
        return [write(folder / path.relative_to(scratch), path.read_bytes()) for path in made]


def write(path: Path, content: bytes) -> Path:
    """Write a file; it gets its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return path


def contents() -> dict[str, tuple[bytes, Entry]]:
    """Return what is in the folder beside the CD: by path, the bytes and the truth."""
    images = sorted((DATA / "head" / "ct").iterdir())
    middle = len(images) // 2
    first, second, third = (image.read_bytes() for image in images[middle : middle + 3])
    referral_file = BytesIO()
    referral_object().save_as(referral_file, enforce_file_format=True)
    abdomen = DATA / "ultrasound" / "abdomen.dcm"
    metal = sorted((DATA / "metal_ct").glob("*.dcm"))[11]  # through the fillings of his teeth
    prior = DATA / "planted" / "old CD" / "DICOM" / "00000001"
    return {
        f"{CD}/READ ME.dcm": (NOTE.encode(), refuse("a text file with the wrong ending", ADA, NO_DICOM, "metadata")),
        f"{PERSONAL}/IM_0001": (first, strip("a CT slice, without an ending", ADA)),
        f"{PERSONAL}/IM_0002.DCM": (second, strip("a CT slice", ADA)),
        f"{PERSONAL}/IM_0003.dcm": (
            third[: len(third) * 2 // 3],
            refuse("a CT slice, cut off in the middle of its pixel data", ADA, "it is not whole", "metadata"),
        ),
        f"{PERSONAL}/Kopie von IM_0001": (
            first,
            refuse("a copy of IM_0001, byte for byte", ADA, "one of the two is enough", "metadata", sound=True),
        ),
        f"{PERSONAL}/scans/Überweisung Testperson.dcm": (
            referral_file.getvalue(),
            refuse(
                "a scanned referral, as Encapsulated PDF",
                ADA,
                "the page is full of names",
                "metadata",
                "text",
                sound=True,
            ),
        ),
        f"{PERSONAL}/old/00000001": (
            without_header(prior),
            strip("a CT slice of 2022, without preamble and meta information", ADA, sound=False),
        ),
        f"{TALK}/CT Muster Jonas (neu).DCM": (
            metal.read_bytes(),
            strip("a CT slice with the streaks of metal", JONAS, "objects"),
        ),
        f"{TALK}/hand final FINAL.dcm": (
            (DATA / "radiographs" / "hand.dcm").read_bytes(),
            strip("a radiograph of a hand", ROSA, "objects"),
        ),
        f"{TALK}/New Folder/New Folder (2)/U0000001": (
            abdomen.read_bytes(),
            strip("an ultrasound still, without an ending", ROSA, "text"),
        ),
        f"{TALK}/New Folder/screenshot.dcm": (
            (DATA / "captures" / "screenshot.dcm").read_bytes(),
            strip("a screenshot of a worklist: hers, and the names of others", ROSA, "text"),
        ),
        f"{TALK}/New Folder/IMG_20231108_144109.jpg": (
            photograph(abdomen),
            refuse("a photograph of a screen, taken with a telephone", ROSA, NO_DICOM, "metadata", "text"),
        ),
        f"{TALK}/Thumbs.db": (
            thumbnails(),
            refuse("what Windows leaves in a folder, with names of pictures", ADA, NO_DICOM, "metadata"),
        ),
        f"{TALK}/patients.csv": (
            PATIENTS.encode(),
            refuse("a table of patients", [*ADA, *JONAS, *ROSA, "Prüfling^Erna"], NO_DICOM, "metadata"),
        ),
        f"{TALK}/1.2.826.0.1.3680043.8.498.60417.dcm": (
            b"",
            refuse("an empty file, whose name holds a serial number", [], NO_DICOM),
        ),
    }


def burnt(name: str) -> Entry:
    """Return the truth about a file on the CD."""
    if name == "DICOMDIR":
        why = "it names the patient and lists the files as they were: make a new one of the stripped files"
        return refuse("the directory of the CD", ADA, why, "metadata", sound=True)
    return strip("contours on the CT (RT Structure Set)" if name.startswith("RS") else "a CT slice", ADA)


def build(folder: Path) -> list[Path]:
    """Write the messy folder, and its truth beside it, and return the paths."""
    study = DATA / "planted" / "TESTPERSON_ADA_20240311"
    disc = burn_cd(folder / CD, [*sorted((study / "CT").iterdir()), study / "RS.Testperson.dcm"])
    truth = {path.relative_to(folder).as_posix(): burnt(path.name) for path in disc}
    paths = list(disc)
    for name, (content, entry) in contents().items():
        paths.append(write(folder / name, content))
        truth[name] = entry
    lines = ",\n".join(
        f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(asdict(entry), ensure_ascii=False)}"
        for name, entry in sorted(truth.items())
    )
    return [*paths, write(folder.with_name(f"{folder.name}.json"), f"{{\n{lines}\n}}\n".encode())]
