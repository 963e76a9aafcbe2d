"""Make the folder that somebody "anonymized" in a hurry: five cases, and three of them still lead to a person.

`python data/build hurried` writes data/hurried/.  The headers were built anew from a short list of what may stay, and
that was done well.  What was forgotten, on purpose:

- case 1: a head CT still has its face, and the portrait of that face is in data/gallery/
- case 2: an ultrasound still shows its patient's name, in letters so faint that the tool which was used saw none
- case 3: the contours on a CT got new UIDs of their own, but still refer to the original ones, which hold date and time

Cases 4 and 5, a hand and a slice of a head, lead to nobody.  The other parts of data/ must be there first.  Needs
pydicom, numpy and Pillow.
"""

import hashlib
import json
from io import BytesIO
from pathlib import Path

import hospital
import numpy as np
from hospital import item, save
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

DATA = Path(__file__).resolve().parents[1]
WHO = "priya"  # whose face it is, in data/gallery/manifest.json
STEP = 2  # every second slice: a face needs no more
JPEG_QUALITY = 70

NOTE = """Hi, here are the five cases for your course.
All anonymized on Friday evening: headers made new, all UIDs new, and the text finder went over the ultrasound
and everything that it found is black now.
Sorry for the hurry, have a nice weekend!

synthetic data, no real person
"""

# What the hurried one let through: how an image was made and where it lies.
STAYS = set(
    """
    ImageType SOPClassUID Modality PresentationIntentType BodyPartExamined SliceThickness KVP ConvolutionKernel
    PatientPosition ImagerPixelSpacing PositionerType ViewPosition DetectorType FieldOfViewShape PatientOrientation
    ImageLaterality AnatomicRegionSequence ViewCodeSequence AcquisitionContextSequence ImagePositionPatient
    ImageOrientationPatient SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns
    PixelSpacing BitsAllocated BitsStored HighBit PixelRepresentation PixelIntensityRelationship
    PixelIntensityRelationshipSign WindowCenter WindowWidth RescaleIntercept RescaleSlope RescaleType
    PresentationLUTShape LossyImageCompression PixelData PixelPresentation VolumetricProperties
    VolumeBasedCalculationTechnique ContentQualification DimensionOrganizationType DimensionIndexSequence
    DimensionOrganizationSequence SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence StructureSetLabel
    ReferencedFrameOfReferenceSequence StructureSetROISequence ROIContourSequence RTROIObservationsSequence
    """.split()
)
EMPTY = "PatientName PatientBirthDate PatientSex StudyDate StudyTime AccessionNumber ReferringPhysicianName StudyID"


def uid(*parts: object) -> str:
    """Return a UID that the same words always give (PS3.5 B.2: "2.25." and a whole number of at most 128 bits)."""
    digest = hashlib.sha256("/".join(map(str, ("hurried", *parts))).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def bare(source: Path, case: int, number: int = 1) -> Dataset:
    """Return what the hurried one kept of a file, uncompressed, under new numbers."""
    original = dcmread(source)
    if "PixelData" in original and original.file_meta.TransferSyntaxUID.is_compressed:
        original.decompress(as_rgb=False, generate_instance_uid=False)
    ds = Dataset()
    for element in original:
        if element.keyword in STAYS:
            ds.add(element)
    for keyword in EMPTY.split():
        setattr(ds, keyword, None)
    ds.Manufacturer = "Synthetic Works"
    ds.PatientID = f"CASE {case}"
    ds.PatientComments = hospital.SYNTHETIC
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "By hand, on Friday evening"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(case, "study"), uid(case, "series", ds.Modality)
    ds.SOPInstanceUID = uid(case, ds.Modality, number)
    ds.SeriesNumber = ds.InstanceNumber = number
    if "FrameOfReferenceUID" in original:
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uid(case, "frame"), None
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID, ds.file_meta.ImplementationVersionName = uid("implementation"), "HURRIED_1"
    return ds


def packed(ds: Dataset) -> Dataset:
    """Return the data set with its pixels packed without loss."""
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return ds


def as_jpeg(ds: Dataset, grey: np.ndarray) -> Dataset:
    """Put a grey picture of 8 bits into the data set, as JPEG, which is small."""
    file = BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=JPEG_QUALITY)
    ratio = round(grey.size / len(file.getvalue()), 1)
    ds.Rows, ds.Columns = grey.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", str(ratio)
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    ds.PixelData = encapsulate([file.getvalue()])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return ds


def head() -> Dataset:
    """Return case 1: a head whose header says nothing, and whose face says everything."""
    people = json.loads((DATA / "gallery" / "manifest.json").read_bytes())["people"]
    [source] = [DATA / "gallery" / person["scan"] for person in people if person["id"] == WHO]
    ds = bare(source, 1)
    pixels = dcmread(source).pixel_array[::STEP]
    ds.NumberOfFrames, ds.Rows, ds.Columns = pixels.shape
    ds.PixelData = np.ascontiguousarray(pixels).astype("<u2").tobytes()
    ds.ContentDate, ds.ContentTime = "20000101", "000000"
    ds.ManufacturerModelName, ds.DeviceSerialNumber, ds.SoftwareVersions = "Phantom", "0", "1"
    ds.BurnedInAnnotation = "NO"
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=uid(1, "dimensions"))]
    for dimension in ds.DimensionIndexSequence:
        dimension.DimensionOrganizationUID = uid(1, "dimensions")
    shared = ds.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    measures.SliceThickness = STEP * float(measures.SliceThickness)
    shared.IrradiationEventIdentificationSequence = [item(IrradiationEventUID=uid(1, "irradiation"))]
    ds.PerFrameFunctionalGroupsSequence = list(ds.PerFrameFunctionalGroupsSequence)[::STEP]
    for position, frame in enumerate(ds.PerFrameFunctionalGroupsSequence, start=1):
        frame.FrameContentSequence[0].InStackPositionNumber = position
        frame.FrameContentSequence[0].DimensionIndexValues = [1, position]
    return packed(ds)


def ultrasound() -> Dataset:
    """Return case 2: what the tool found is black, and what it did not find is there."""
    source = DATA / "ultrasound" / "faint.dcm"
    ds = bare(source, 2)
    grey = dcmread(source).pixel_array[..., 0].copy()
    for text in json.loads(source.with_suffix(".json").read_bytes())["texts"]:
        if text["contrast"] >= 0.15 and text["role"] == "identifying" or text["category"] == "time":
            left, top, right, bottom = text["box"]
            grey[top - 6 : bottom + 6, left - 8 : right + 8] = 0
    ds.pop("PlanarConfiguration", None)
    return as_jpeg(ds, grey)


def slice_of(source: Path, case: int) -> Dataset:
    """Return a CT slice, as in cases 3 and 5."""
    ds = bare(source, case)
    ds.AcquisitionNumber = None
    return packed(ds)


def contours() -> Dataset:
    """Return the contours of case 3: new numbers at the root, and the old ones wherever they refer to the CT."""
    source = DATA / "planted" / "TESTPERSON_ADA_20240311" / "RS.Testperson.dcm"
    ds = bare(source, 3, number=2)
    ds.StructureSetLabel, ds.StructureSetDate, ds.StructureSetTime = "BLEEDING", None, None
    ds.OperatorsName, ds.ManufacturerModelName, ds.ApprovalStatus = None, None, "UNAPPROVED"
    for roi in ds.StructureSetROISequence:
        roi.ROIName = roi.ROIName.split(" ")[0]
        del roi.ROIDescription, roi.ROIGenerationDescription
    for observation in ds.RTROIObservationsSequence:
        del observation.ROIObservationLabel
        observation.ROIInterpreter = None
    return ds


def hand() -> Dataset:
    """Return case 4: a small radiograph of a hand with nothing but the letter L beside it."""
    source = DATA / "radiographs" / "hand_clean.dcm"
    ds = bare(source, 4)
    pixels = dcmread(source).pixel_array
    rows, columns = (size // 3 * 3 for size in pixels.shape)
    blocks = pixels[:rows, :columns].reshape(rows // 3, 3, columns // 3, 3).mean(axis=(1, 3))
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        ds[keyword].value = [round(3 * float(value), 3) for value in ds[keyword].value]
    ds.WindowCenter, ds.WindowWidth = 128, 256
    ds.BurnedInAnnotation = "NO"
    return as_jpeg(ds, np.round(blocks.clip(0, 4095) / 4095 * 255).astype(np.uint8))


def build(folder: Path) -> list[Path]:
    """Write the five cases and the note that came with them, and return the paths."""
    ct = DATA / "planted" / "TESTPERSON_ADA_20240311" / "CT" / "IM0002.dcm"
    images = sorted((DATA / "head" / "ct").iterdir())
    made = {
        "case1.dcm": head(),
        "case2.dcm": ultrasound(),
        "case3.dcm": slice_of(ct, 3),
        "case3_contours.dcm": contours(),
        "case4.dcm": hand(),
        "case5.dcm": slice_of(images[len(images) * 3 // 4], 5),
    }
    note = folder / "READ ME.txt"
    paths = [save(ds, folder / name) for name, ds in made.items()]
    note.write_bytes(NOTE.encode())
    return [*paths, note]
