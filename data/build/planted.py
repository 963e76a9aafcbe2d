"""Ada's study after her fall, with identifying data planted everywhere that DICOM has room for it, in data/planted/.

`study` makes the same study larger, for tests.  Needs pydicom, numpy, and her later CT in data/head/.

The patient had a head CT on 27 September 2022 and another on 11 March 2024, 531 days later.  The second one was
contoured (RTSTRUCT), segmented (SEG) and reported (SR); all of them refer to each other, and to the first CT.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from documents import evidence, line, measurement_report, section, structure_set
from hospital import (
    ADA,
    FALL,
    HEADACHE,
    PHONE,
    PHYSICIST,
    SYNTHETIC,
    Visit,
    add_ge,
    add_siemens,
    code,
    item,
    planted_object,
    reference,
    save,
)
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ImplicitVRLittleEndian,
    RTStructureSetStorage,
    SegmentationStorage,
)

# The head -------------------------------------------------------------------------------------------------------------

HEAD = Path(__file__).resolve().parents[1] / "head"  # Ada's later CT, which head.py made: the same head, thin slices
SIZE = 160  # rows and columns
SPACING = 1.5  # mm, in the slices and between the thin ones
MIDDLE = 100  # the thin slice that is in the middle

# Centre and half-axes in mm (x to the patient's left, y to the back, z to the top of the head), and how much denser.
BLEEDING = ((42, 86, 30), (13, 16, 11), 34)


@dataclass(frozen=True)
class Anatomy:
    """The thin slices, in Hounsfield units; where the first pixel of each is; and the brain's outlines on them."""

    slices: np.ndarray
    corners: list[tuple[float, float, float]]
    brain: dict[int, list[list[float]]]


@functools.cache
def anatomy() -> Anatomy:
    """Read Ada's later CT and its contours."""
    images = [pydicom.dcmread(path) for path in sorted((HEAD / "ct").iterdir())]
    thin = np.stack([image.pixel_array for image in images]).astype(np.int32) - 1024
    beside = (SIZE - thin.shape[2]) // 2
    thin = np.pad(thin, [(0, 0), (0, 0), (beside, SIZE - thin.shape[2] - beside)], constant_values=-1000)
    corners = [tuple(float(value) for value in image.ImagePositionPatient) for image in images]
    corners = [(round(x - beside * SPACING, 4), y, z) for x, y, z in corners]
    numbers = {image.SOPInstanceUID: number for number, image in enumerate(images)}
    brain: dict[int, list[list[float]]] = {}
    for contour in pydicom.dcmread(HEAD / "RS.brain.dcm").ROIContourSequence[0].ContourSequence:
        number = numbers[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        brain.setdefault(number, []).append([float(value) for value in contour.ContourData])
    return Anatomy(thin, corners, brain)


def apart(slices: int) -> int:
    """Return how many thin slices lie from one slice to the next: 3, or 1 where many slices are wanted."""
    return 3 if slices <= 30 else 1


def thin(index: int, slices: int) -> int:
    """Return which of the thin slices a slice is."""
    return MIDDLE + (index - slices // 2) * apart(slices)


def inside(ellipsoid: tuple, corner: tuple[float, float, float]) -> np.ndarray:
    """Return which pixels of a slice lie inside the ellipsoid."""
    (cx, cy, cz), (ax, ay, az), _ = ellipsoid
    x = (corner[0] + np.arange(SIZE) * SPACING)[np.newaxis, :]
    y = (corner[1] + np.arange(SIZE) * SPACING)[:, np.newaxis]
    return ((x - cx) / ax) ** 2 + ((y - cy) / ay) ** 2 + ((corner[2] - cz) / az) ** 2 <= 1


def outline(ellipsoid: tuple, z: float, points: int = 32) -> list[float]:
    """Return the ellipsoid's outline in the plane z as x, y, z, x, y, z ...; empty where the plane misses it."""
    (cx, cy, cz), (ax, ay, az), _ = ellipsoid
    left = 1 - ((z - cz) / az) ** 2
    if left <= 0.01:
        return []
    triples = []
    for n in range(points):
        angle = 2 * math.pi * n / points
        x = cx + ax * math.sqrt(left) * math.cos(angle)
        y = cy + ay * math.sqrt(left) * math.sin(angle)
        triples += [round(x, 2), round(y, 2), z]
    return triples


# The objects ----------------------------------------------------------------------------------------------------------


def ct_image(visit: Visit, index: int, slices: int) -> Dataset:
    """Return one slice."""
    seconds, number = 60 + index * 0.5, thin(index, slices)
    corner = anatomy().corners[number]
    ds = planted_object(visit, "CT", CTImageStorage, 2, index + 1, "HEAD NATIVE", 60)
    ds.InstanceCreationTime = visit.clock(seconds + 2)

    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.AcquisitionNumber = 1
    ds.AcquisitionDate = ds.ContentDate = visit.date
    ds.AcquisitionTime = visit.clock(seconds)
    ds.ContentTime = visit.clock(seconds + 1)
    ds.AcquisitionDateTime = visit.date + visit.clock(seconds) + "+0100"
    ds.IrradiationEventUID = visit.uid(6)
    ds.BodyPartExamined = "HEAD"
    ds.ProtocolName = "HEAD Dr. Erfunden"
    ds.PerformedProtocolCodeSequence = [code("HEADSEQ", "99EHN", "Head, sequential")]
    ds.ImageComments = SYNTHETIC
    ds.FrameOfReferenceUID = visit.frame
    ds.PositionReferenceIndicator = ""
    ds.PatientPosition = "HFS"
    ds.ScanOptions = "SEQUENCE"
    ds.KVP = "120"
    ds.XRayTubeCurrent = "250"
    ds.ExposureTime = "1000"
    ds.ConvolutionKernel = "H30"
    ds.GantryDetectorTilt = "0"
    ds.GantryID = f"GANTRY-{visit.serial}"
    ds.DetectorID = f"DET-{visit.serial}"
    ds.ReconstructionDiameter = SIZE * SPACING

    ds.ImagePositionPatient = list(corner)
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [SPACING, SPACING]
    ds.SliceThickness = SPACING * apart(slices)
    ds.SliceLocation = corner[2]

    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = SIZE
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 1
    ds.RescaleIntercept = "-1024"
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    ds.WindowCenter = "40"
    ds.WindowWidth = "100"
    values = anatomy().slices[number]
    if visit is FALL:
        blood = np.maximum(values + BLEEDING[2], 60 + values % 8)  # in the furrows, too
        values = np.where(inside(BLEEDING, corner), blood, values)
    ds.PixelData = (values + 1024).astype("<i2").tobytes()

    if index == 0:
        add_icon(ds, values)
    if visit is FALL:
        if index == 0:
            add_overlay(ds, corner)
        if index == 1:
            ds.SeriesDescription = "HEAD NATIVE TESTPERSON"
            ds.ImageComments = f"repeated, Ms Testperson moved; {SYNTHETIC}"
        prior = reference(CTImageStorage, HEADACHE.instance(2, 1))
        prior.PurposeOfReferenceCodeSequence = [code("121338", "DCM", "Anatomic image")]
        ds.ReferencedImageSequence = [prior]
        add_siemens(ds, visit, HEADACHE.instance(2, 1))
    else:
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        add_ge(ds, visit)
    ds.DataSetTrailingPadding = f"{ADA.name}/{ADA.patient_id}/{visit.accession}".encode().ljust(64, b"\0")
    return ds


def add_icon(ds: Dataset, values: np.ndarray) -> None:
    """Add a small picture of the slice."""
    step = len(values) // 32
    grey = ((np.clip(values[::step, ::step], -10, 90) + 10) * 255 // 100).astype(np.uint8)
    icon = item(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=grey.shape[0],
        Columns=grey.shape[1],
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
    )
    icon.PixelData = grey.tobytes()
    ds.IconImageSequence = [icon]


def add_overlay(ds: Dataset, corner: tuple[float, float, float]) -> None:
    """Draw the bleeding into an overlay, and write comments beside it."""
    marked = inside(BLEEDING, corner)
    for element, vr, value in (
        (0x0010, "US", SIZE),
        (0x0011, "US", SIZE),
        (0x0022, "LO", "Marked by Prof. Erfunden"),
        (0x0040, "CS", "R"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x1500, "LO", "Bleeding TESTPERSON"),
        (0x3000, "OW", np.packbits(marked, bitorder="little").tobytes()),
        (0x4000, "LT", "Ask Ms Testperson about her fall"),
    ):
        ds.add_new((0x6000, element), vr, value)


def contours(slices: int) -> Dataset:
    """Return the outlines of the brain and of the bleeding, drawn on the current slices."""
    brain, bleeding = {}, {}
    for index in range(slices):
        number = thin(index, slices)
        brain[index] = anatomy().brain.get(number, [])
        if points := outline(BLEEDING, anatomy().corners[number][2]):
            bleeding[index] = [points]
    regions = [("Brain", "ORGAN", (0, 200, 255), brain), ("Bleeding Testperson", "", (255, 60, 60), bleeding)]
    return structure_set(FALL, slices, regions)


def segmentation(slices: int) -> Dataset:
    """Return the bleeding as a mask, one frame for each slice that it reaches."""
    visit = FALL
    ds = planted_object(visit, "SEG", SegmentationStorage, 5, 1, "Segmented by Luftschloss", 4000)
    ds.FrameOfReferenceUID = visit.frame
    ds.PositionReferenceIndicator = ""
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.ContentDate = visit.date
    ds.ContentTime = visit.clock(4000)
    ds.ContentLabel = "BLEEDING"
    ds.ContentDescription = f"Bleeding of Ms Testperson; {SYNTHETIC}"
    ds.ContentCreatorName = PHYSICIST
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = SIZE
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    ds.PixelRepresentation = 0
    ds.LossyImageCompression = "00"
    ds.BurnedInAnnotation = "NO"
    ds.SegmentationType = "BINARY"
    ds.SegmentSequence = [
        item(
            SegmentNumber=1,
            SegmentLabel="Bleeding Testperson",
            SegmentDescription="Drawn by Ivo Luftschloss",
            SegmentAlgorithmType="MANUAL",
            SegmentedPropertyCategoryCodeSequence=[code("49755003", "SCT", "Morphologically Abnormal Structure")],
            SegmentedPropertyTypeCodeSequence=[code("50960005", "SCT", "Hemorrhage")],
            TrackingID="Bleeding of Ada Testperson",
            TrackingUID=visit.uid(8),
        )
    ]
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=visit.uid(7))]
    ds.DimensionIndexSequence = [
        item(
            DimensionOrganizationUID=visit.uid(7),
            DimensionIndexPointer=0x00200032,
            FunctionalGroupPointer=0x00209113,
            DimensionDescriptionLabel="Image Position Patient",
        )
    ]
    thickness = SPACING * apart(slices)
    ds.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[
                item(PixelSpacing=[SPACING, SPACING], SliceThickness=thickness, SpacingBetweenSlices=thickness)
            ],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)],
        )
    ]
    frames, groups, sources = [], [], []
    for index in range(slices):
        corner = anatomy().corners[thin(index, slices)]
        marked = inside(BLEEDING, corner)
        if not marked.any():
            continue
        frames.append(marked)
        source = reference(CTImageStorage, visit.instance(2, index + 1))
        sources.append(reference(CTImageStorage, visit.instance(2, index + 1)))
        source.PurposeOfReferenceCodeSequence = [
            code("121322", "DCM", "Source Image for Image Processing Operation"),
        ]
        groups.append(
            item(
                FrameContentSequence=[item(DimensionIndexValues=[len(frames)])],
                PlanePositionSequence=[item(ImagePositionPatient=list(corner))],
                DerivationImageSequence=[
                    item(
                        DerivationCodeSequence=[code("113076", "DCM", "Segmentation")],
                        SourceImageSequence=[source],
                    )
                ],
            )
        )
    ds.NumberOfFrames = len(frames)
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.ReferencedSeriesSequence = [item(SeriesInstanceUID=visit.series(2), ReferencedInstanceSequence=sources)]
    ds.PixelData = np.packbits(np.stack(frames), bitorder="little").tobytes()
    return ds


def report(slices: int, prior_slices: int) -> Dataset:
    """Return the radiologist's report with a measurement, references to all other objects, and names in its text."""
    visit = FALL
    images = [(CTImageStorage, n + 1) for n in range(slices)]
    prior_images = [(CTImageStorage, n + 1) for n in range(prior_slices)]
    current = [evidence(visit, {2: images, 3: [(RTStructureSetStorage, 1)], 5: [(SegmentationStorage, 1)]})]
    earlier = [evidence(HEADACHE, {2: prior_images})]

    middle = slices // 2
    points = outline(BLEEDING, anatomy().corners[thin(middle, slices)][2])
    (_, (ax, ay, az), _) = BLEEDING
    millilitres = f"{4 / 3 * math.pi * ax * ay * az / 1000:.1f}"
    segment = reference(SegmentationStorage, visit.instance(5, 1))
    segment.ReferencedSegmentNumber = 1

    contains, inferred = "CONTAINS", "INFERRED FROM"
    return measurement_report(
        visit,
        current,
        earlier,
        section(
            ("121060", "DCM", "History"),
            line(
                contains,
                "TEXT",
                ("11329-0", "LN", "History"),
                TextValue="Ms Testperson, 62, fell off a ladder on 10 March 2024.",
            ),
            line(contains, "DATE", ("111060", "DCM", "Study Date"), Date=HEADACHE.date),
            line(contains, "UIDREF", ("110180", "DCM", "Study Instance UID"), UID=HEADACHE.study),
            line(
                contains,
                "IMAGE",
                ("113795", "DCM", "Acquired Image"),
                ReferencedSOPSequence=[reference(CTImageStorage, HEADACHE.instance(2, 1))],
            ),
        ),
        section(
            ("121070", "DCM", "Findings"),
            line(contains, "TEXT", ("112039", "DCM", "Tracking Identifier"), TextValue="Bleeding of Ada Testperson"),
            line(contains, "UIDREF", ("112040", "DCM", "Tracking Unique Identifier"), UID=visit.uid(8)),
            line(contains, "UIDREF", ("112002", "DCM", "Series Instance UID"), UID=visit.series(2)),
            line(contains, "UIDREF", ("112227", "DCM", "Frame of Reference UID"), UID=visit.frame),
            line(
                contains,
                "TEXT",
                ("121071", "DCM", "Finding"),
                TextValue="Bleeding on the left; new since 27 September 2022 (Prof. Erfunden).",
            ),
            line(
                contains,
                "NUM",
                ("118565006", "SCT", "Volume"),
                MeasuredValueSequence=[
                    item(NumericValue=millilitres, MeasurementUnitsCodeSequence=[code("ml", "UCUM", "ml")])
                ],
                ContentSequence=[
                    line(
                        inferred,
                        "SCOORD3D",
                        ("111030", "DCM", "Image Region"),
                        GraphicType="POLYGON",
                        GraphicData=points + points[:3],
                        ReferencedFrameOfReferenceUID=visit.frame,
                    ),
                    line(
                        inferred,
                        "IMAGE",
                        ("121112", "DCM", "Source of Measurement"),
                        ReferencedSOPSequence=[reference(CTImageStorage, visit.instance(2, middle + 1))],
                    ),
                ],
            ),
            line(contains, "IMAGE", ("121191", "DCM", "Referenced Segment"), ReferencedSOPSequence=[segment]),
            line(
                contains,
                "COMPOSITE",
                ("112359", "DCM", "Supporting Information"),
                ReferencedSOPSequence=[reference(RTStructureSetStorage, visit.instance(3, 1))],
            ),
        ),
        section(
            ("121072", "DCM", "Impressions"),
            line(contains, "TEXT", ("121077", "DCM", "Conclusion"), TextValue=f"Small bleeding. {SYNTHETIC}."),
            line(contains, "TEXT", ("121075", "DCM", "Recommendation"), TextValue=f"Tell Dr. Placebo, {PHONE}."),
        ),
    )


# The study ------------------------------------------------------------------------------------------------------------


def study(slices: int = 3, prior_slices: int = 2) -> Iterator[tuple[str, Dataset]]:
    """Yield a relative path and a data set for each of the slices + 3 + prior_slices files of the study.

    The names of files and folders are as people have them: the patient's name, dates, spaces, no suffix.
    """
    folder = f"TESTPERSON_ADA_{FALL.date}"
    for index in range(slices):
        yield f"{folder}/CT/IM{index + 1:04d}.dcm", ct_image(FALL, index, slices)
    yield f"{folder}/RS.Testperson.dcm", contours(slices)
    yield f"{folder}/report/SR final (1).dcm", report(slices, prior_slices)
    yield f"{folder}/bleeding_seg.dcm", segmentation(slices)
    for index in range(prior_slices):
        yield f"old CD/DICOM/{index + 1:08d}", ct_image(HEADACHE, index, prior_slices)


def build(folder: Path, slices: int = 3, prior_slices: int = 2) -> list[Path]:
    """Write the study into a folder and return the files' paths."""
    return [save(dataset, folder / name) for name, dataset in study(slices, prior_slices)]
