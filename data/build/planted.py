"""Make the study of a patient who does not exist, with identifying data planted everywhere that DICOM has room for it.

`python data/build/planted.py` writes data/planted/, the small study that the lesson reads; the same bytes every time.
`study` makes the same study larger, for tests and benchmarks.  Needs pydicom and numpy.

The patient had a head CT on 27 September 2022 and another on 11 March 2024, 531 days later.  The second one was
contoured (RTSTRUCT), segmented (SEG) and reported (SR); all of them refer to each other, and to the first CT.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hospital import (
    ADA,
    FALL,
    HEADACHE,
    INSTITUTION,
    PHONE,
    PHYSICIST,
    READING,
    REPORTING,
    STUDY_CLASS,
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
    Comprehensive3DSRStorage,
    CTImageStorage,
    ImplicitVRLittleEndian,
    RTStructureSetStorage,
    SegmentationStorage,
)

# The head -------------------------------------------------------------------------------------------------------------

# Centre and half-axes in mm (x to the patient's left, y to the back, z to the top of the head), Hounsfield units.
SCALP = ((0, 0, -8), (78, 98, 104), 40)
SKULL = ((0, 0, -8), (72, 92, 98), 900)
BRAIN = ((0, 0, -8), (65, 85, 91), 35)
VENTRICLES = [((-12, -4, 0), (6, 28, 15), 5), ((12, -4, 0), (6, 28, 15), 5)]
BLEEDING = ((34, 20, 2), (15, 12, 11), 68)

FIELD_OF_VIEW = 256.0


def spacing_of(slices: int) -> float:
    """Return the distance of neighbouring slices in mm: 5, or less where many slices share 150 mm."""
    return round(min(5.0, 150 / slices), 2)


def position(index: int, slices: int) -> float:
    """Return a slice's z in mm; the middle of the series is at 0."""
    return round((index - (slices - 1) / 2) * spacing_of(slices), 3)


def inside(ellipsoid: tuple, z: float, size: int) -> np.ndarray:
    """Return which pixels of the plane z lie inside the ellipsoid."""
    (cx, cy, cz), (ax, ay, az), _ = ellipsoid
    mm = (np.arange(size) - (size - 1) / 2) * (FIELD_OF_VIEW / size)
    x, y = mm[np.newaxis, :], mm[:, np.newaxis]
    return ((x - cx) / ax) ** 2 + ((y - cy) / ay) ** 2 + ((z - cz) / az) ** 2 <= 1


def hounsfield(z: float, size: int, *more: tuple) -> np.ndarray:
    """Return the head's slice at z, in Hounsfield units."""
    image = np.full((size, size), -1000, dtype=np.int32)
    for ellipsoid in (SCALP, SKULL, BRAIN, *VENTRICLES, *more):
        image[inside(ellipsoid, z, size)] = ellipsoid[2]
    # Grain from whole numbers: random generators may differ between versions, rounding between machines.
    row, column = np.mgrid[:size, :size].astype(np.uint32)
    seed = row * 7919 ^ column * 104729 ^ np.uint32(round(abs(z) * 1000))
    return image + (seed * 2654435761 >> 20 & 15).astype(np.int32) - 8


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


def ct_image(visit: Visit, index: int, slices: int, size: int) -> Dataset:
    """Return one slice."""
    seconds, z = 60 + index * 0.5, position(index, slices)
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
    ds.ReconstructionDiameter = FIELD_OF_VIEW

    pixel = FIELD_OF_VIEW / size
    corner = -(size - 1) / 2 * pixel  # of the first pixel's middle
    ds.ImagePositionPatient = [corner, corner, z]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [pixel, pixel]
    ds.SliceThickness = spacing_of(slices)
    ds.SliceLocation = z

    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = size
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 1
    ds.RescaleIntercept = "-1024"
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    ds.WindowCenter = "40"
    ds.WindowWidth = "100"
    values = hounsfield(z, size, BLEEDING) if visit is FALL else hounsfield(z, size)
    ds.PixelData = (values + 1024).astype("<i2").tobytes()

    if index == 0:
        add_icon(ds, values)
    if visit is FALL:
        if index == 0:
            add_overlay(ds, z, size)
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


def add_overlay(ds: Dataset, z: float, size: int) -> None:
    """Draw the bleeding into an overlay, and write comments beside it."""
    marked = inside(BLEEDING, z, size)
    for element, vr, value in (
        (0x0010, "US", size),
        (0x0011, "US", size),
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


def rt_structure_set(slices: int) -> Dataset:
    """Return the contours of the brain and of the bleeding, drawn on the current slices."""
    visit = FALL
    ds = planted_object(visit, "RTSTRUCT", RTStructureSetStorage, 3, 1, "Contours of Ms Testperson", 3600)
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.FrameOfReferenceUID = visit.frame
    ds.PositionReferenceIndicator = ""
    ds.StructureSetLabel = "TESTPERSON ADA"
    ds.StructureSetName = "Head by Luftschloss"
    ds.StructureSetDescription = f"Drawn by Ivo Luftschloss; {SYNTHETIC}"
    ds.StructureSetDate = visit.date
    ds.StructureSetTime = visit.clock(3600)
    ds.ApprovalStatus = "APPROVED"
    ds.ReviewDate = visit.date
    ds.ReviewTime = visit.clock(4500)
    ds.ReviewerName = READING

    images = [visit.instance(2, n + 1) for n in range(slices)]
    series = item(
        SeriesInstanceUID=visit.series(2),
        ContourImageSequence=[reference(CTImageStorage, image) for image in images],
    )
    study_item = reference(STUDY_CLASS, visit.study)
    study_item.RTReferencedSeriesSequence = [series]
    ds.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=visit.frame, RTReferencedStudySequence=[study_item])
    ]
    ds.StructureSetROISequence = []
    ds.ROIContourSequence = []
    ds.RTROIObservationsSequence = []
    rois = (
        (1, "Brain", "ORGAN", [0, 200, 255], BRAIN),
        (2, "Bleeding Testperson", "", [255, 60, 60], BLEEDING),
    )
    for number, name, kind, colour, ellipsoid in rois:
        contours = []
        for index, image in enumerate(images):
            points = outline(ellipsoid, position(index, slices))
            if points:
                contours.append(
                    item(
                        ContourImageSequence=[reference(CTImageStorage, image)],
                        ContourGeometricType="CLOSED_PLANAR",
                        NumberOfContourPoints=len(points) // 3,
                        ContourData=points,
                    )
                )
        ds.StructureSetROISequence.append(
            item(
                ROINumber=number,
                ReferencedFrameOfReferenceUID=visit.frame,
                ROIName=name,
                ROIDescription="Asked for by Dr. Attrappe",
                ROIGenerationAlgorithm="MANUAL",
                ROIGenerationDescription="Drawn by hand by Ivo Luftschloss",
            )
        )
        ds.ROIContourSequence.append(item(ROIDisplayColor=colour, ReferencedROINumber=number, ContourSequence=contours))
        ds.RTROIObservationsSequence.append(
            item(
                ObservationNumber=number,
                ReferencedROINumber=number,
                ROIObservationLabel="Testperson",
                RTROIInterpretedType=kind,
                ROIInterpreter=PHYSICIST,
            )
        )
    return ds


def segmentation(slices: int, size: int) -> Dataset:
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
    ds.Rows = ds.Columns = size
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
    pixel = FIELD_OF_VIEW / size
    corner = -(size - 1) / 2 * pixel
    thickness = spacing_of(slices)
    ds.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[
                item(PixelSpacing=[pixel, pixel], SliceThickness=thickness, SpacingBetweenSlices=thickness)
            ],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)],
        )
    ]
    frames, groups, sources = [], [], []
    for index in range(slices):
        z = position(index, slices)
        marked = inside(BLEEDING, z, size)
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
                PlanePositionSequence=[item(ImagePositionPatient=[corner, corner, z])],
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


def line(relationship: str, value_type: str, concept: tuple[str, str, str], **values: object) -> Dataset:
    """Return one line of the report, a content item (PS3.3, section C.17.3)."""
    return item(RelationshipType=relationship, ValueType=value_type, ConceptNameCodeSequence=[code(*concept)], **values)


def section(concept: tuple[str, str, str], *lines: Dataset) -> Dataset:
    """Return a section of the report."""
    return line("CONTAINS", "CONTAINER", concept, ContinuityOfContent="SEPARATE", ContentSequence=lines)


def evidence(visit: Visit, objects: dict[int, list[tuple[str, int]]]) -> Dataset:
    """Return the list of objects that the report refers to, by the numbers of their series."""
    return item(
        StudyInstanceUID=visit.study,
        ReferencedSeriesSequence=[
            item(
                SeriesInstanceUID=visit.series(series),
                ReferencedSOPSequence=[reference(kind, visit.instance(series, number)) for kind, number in members],
            )
            for series, members in objects.items()
        ],
    )


def report(slices: int, prior_slices: int) -> Dataset:
    """Return the radiologist's report with a measurement, references to all other objects, and names in its text."""
    visit = FALL
    ds = planted_object(visit, "SR", Comprehensive3DSRStorage, 4, 1, "Report Dr. Nirgends", 5400)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ContentDate = visit.date
    ds.ContentTime = visit.clock(5400)
    ds.CompletionFlag = "COMPLETE"
    ds.VerificationFlag = "VERIFIED"
    who = code("P-10077", "99EHN", "Nirgends Vera")
    hospital = code("EHN", "99EHN", INSTITUTION)
    ds.VerifyingObserverSequence = [
        item(
            VerifyingOrganization=INSTITUTION,
            VerificationDateTime=visit.date + visit.clock(6000) + "+0100",
            VerifyingObserverName=REPORTING,
            VerifyingObserverIdentificationCodeSequence=[who],
        )
    ]
    ds.AuthorObserverSequence = [
        item(
            ObserverType="PSN",
            InstitutionName=INSTITUTION,
            InstitutionCodeSequence=[hospital],
            PersonName=REPORTING,
            PersonIdentificationCodeSequence=[who],
        )
    ]
    ds.CustodialOrganizationSequence = [item(InstitutionName=INSTITUTION, InstitutionCodeSequence=[hospital])]
    ds.ReferencedRequestSequence = [
        item(
            StudyInstanceUID=visit.study,
            ReferencedStudySequence=[reference(STUDY_CLASS, visit.study)],
            AccessionNumber=visit.accession,
            PlacerOrderNumberImagingServiceRequest=f"PLACE-{visit.number}",
            FillerOrderNumberImagingServiceRequest=f"FILL-{visit.number}",
            RequestedProcedureID=f"RP-{visit.number}",
            RequestedProcedureDescription="CT head of Ada Testperson",
            RequestedProcedureCodeSequence=[code("CTHEAD", "99EHN", "CT of the head")],
        )
    ]
    ds.PerformedProcedureCodeSequence = [code("CTHEAD", "99EHN", "CT of the head")]
    images = [(CTImageStorage, n + 1) for n in range(slices)]
    prior_images = [(CTImageStorage, n + 1) for n in range(prior_slices)]
    ds.CurrentRequestedProcedureEvidenceSequence = [
        evidence(visit, {2: images, 3: [(RTStructureSetStorage, 1)], 5: [(SegmentationStorage, 1)]})
    ]
    ds.PertinentOtherEvidenceSequence = [evidence(HEADACHE, {2: prior_images})]

    ds.ValueType = "CONTAINER"
    ds.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    ds.ContinuityOfContent = "SEPARATE"
    ds.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="1500")]
    middle = slices // 2
    points = outline(BLEEDING, position(middle, slices))
    (_, (ax, ay, az), _) = BLEEDING
    millilitres = f"{4 / 3 * math.pi * ax * ay * az / 1000:.1f}"
    segment = reference(SegmentationStorage, visit.instance(5, 1))
    segment.ReferencedSegmentNumber = 1

    context, contains, inferred = "HAS OBS CONTEXT", "CONTAINS", "INFERRED FROM"
    language = ("121049", "DCM", "Language of Content Item and Descendants")
    ds.ContentSequence = [
        line("HAS CONCEPT MOD", "CODE", language, ConceptCodeSequence=[code("en", "RFC5646", "English")]),
        line(
            context,
            "CODE",
            ("121005", "DCM", "Observer Type"),
            ConceptCodeSequence=[code("121006", "DCM", "Person")],
        ),
        line(context, "PNAME", ("121008", "DCM", "Person Observer Name"), PersonName=REPORTING),
        line(context, "TEXT", ("121009", "DCM", "Person Observer's Organization Name"), TextValue=INSTITUTION),
        line(context, "PNAME", ("121029", "DCM", "Subject Name"), PersonName=ADA.name),
        line(context, "TEXT", ("121030", "DCM", "Subject ID"), TextValue=ADA.patient_id),
        line(context, "DATE", ("121031", "DCM", "Subject Birth Date"), Date=ADA.birth_date),
        line(context, "CODE", ("121032", "DCM", "Subject Sex"), ConceptCodeSequence=[code("F", "DCM", "Female")]),
        line(context, "UIDREF", ("121018", "DCM", "Procedure Study Instance UID"), UID=visit.study),
        line(context, "TEXT", ("121022", "DCM", "Accession Number"), TextValue=visit.accession),
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
    ]
    return ds


# The study ------------------------------------------------------------------------------------------------------------


def study(slices: int = 3, prior_slices: int = 2, size: int = 128) -> Iterator[tuple[str, Dataset]]:
    """Yield a relative path and a data set for each of the slices + 3 + prior_slices files of the study.

    The names of files and folders are as people have them: the patient's name, dates, spaces, no suffix.
    """
    folder = f"TESTPERSON_ADA_{FALL.date}"
    for index in range(slices):
        yield f"{folder}/CT/IM{index + 1:04d}.dcm", ct_image(FALL, index, slices, size)
    yield f"{folder}/RS.Testperson.dcm", rt_structure_set(slices)
    yield f"{folder}/report/SR final (1).dcm", report(slices, prior_slices)
    yield f"{folder}/bleeding_seg.dcm", segmentation(slices, size)
    for index in range(prior_slices):
        yield f"old CD/DICOM/{index + 1:08d}", ct_image(HEADACHE, index, prior_slices, size)


def write(folder: str | os.PathLike, slices: int = 3, prior_slices: int = 2, size: int = 128) -> list[Path]:
    """Write the study into a folder and return the files' paths."""
    return [save(dataset, Path(folder) / name) for name, dataset in study(slices, prior_slices, size)]


if __name__ == "__main__":
    for path in write(Path(__file__).parents[1] / "planted"):
        print(path.relative_to(Path(__file__).parents[1]), path.stat().st_size, "bytes")
