"""The gallery's anonymous scans: one head CT a person, de-identified by the book, with the face still in it."""

import hashlib
from pathlib import Path

import hospital
import numpy as np
import people
import phantom
from hospital import code, item
from modalities import HOUNSFIELD
from people import Person
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian, RLELossless
from scipy import ndimage

SPACING = 2.0  # mm, in all three directions
HOUNSFIELD_STEP = 20  # HU a stored value counts; air is stored as 0
AIR, SOFT = -1000, 40
LEVELS, BORDERS = (AIR, -100, SOFT, 500, 1000), (-600, -50, 250, 750)
SKIN, STEP_AT_SKIN = 3.0, 80  # mm that count as the skin, and HU between its levels
IMAGE_TYPE = ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]


def uid(*parts: object) -> str:
    """A UID that the same words always give (PS3.5 B.2: "2.25." and a whole number of at most 128 bits)."""
    digest = hashlib.sha256("/".join(map(str, ("gallery", *parts))).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def volume(person: Person) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The person's head as stored values (see `HOUNSFIELD_STEP`), x to the left, y to the front, z up.

    With them come the centre of the first voxel and the centres of the left and right eye, in mm.

    Few levels and no noise keep the file small: air, fat, soft tissue and bone inside, and at the skin as many as it
    takes to find the surface well below a voxel.
    """
    head = phantom.head(people.head_weights(person), spacing=SPACING, seed=person.seed)
    plain = {tissue: value[0] if isinstance(value, tuple) else value for tissue, value in HOUNSFIELD.items()}
    plain = {tissue: SOFT if -20 <= value <= 130 else value for tissue, value in plain.items()}
    kind = np.digitize(head.paint(plain), BORDERS)
    kind = ndimage.median_filter(kind, (5, 3, 3))
    # A scanner blurs a little; without that, a rendered face has terraces.
    skin = ndimage.gaussian_filter(head.skin, 0.4)
    skin = np.round((SOFT - AIR) / STEP_AT_SKIN * skin) * STEP_AT_SKIN + AIR
    hounsfield = np.where(head.depth > SKIN, np.array(LEVELS)[kind], np.minimum(skin, SOFT))
    body = np.argwhere(hounsfield > AIR)
    first, last = np.maximum(body.min(0) - 2, 0), body.max(0) + 3
    cut = hounsfield[tuple(slice(*ends) for ends in zip(first, last, strict=True))]
    stored = np.round((cut - AIR) / HOUNSFIELD_STEP).astype(np.uint16)
    return stored, head.origin + SPACING * first, np.asarray(head.eyes)


def dataset(stored: np.ndarray, origin: np.ndarray, label: str) -> Dataset:
    """A multi-frame CT (Enhanced CT Image, PS3.3 A.38.1) that names nobody."""
    # DICOM's patient axes run left, back, up; rows go from front to back, so the first row is the most anterior.
    frames = np.ascontiguousarray(stored[:, ::-1].transpose(2, 1, 0))
    count, rows, columns = frames.shape
    front = origin[1] + SPACING * (rows - 1)
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedCTImageStorage, uid(label, "image")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(label, "study"), uid(label, "series")
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uid(label, "frame"), None
    ds.PatientName = ds.PatientID = label
    ds.PatientBirthDate = ds.PatientSex = None
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "Attributes only; the face was left in"
    ds.DeidentificationMethodCodeSequence = [code("113100", "DCM", "Basic Application Confidentiality Profile")]
    ds.PatientComments = hospital.SYNTHETIC
    ds.StudyDate = ds.StudyTime = None
    ds.ContentDate, ds.ContentTime = "20000101", "000000"
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = None, None, None
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "CT", 1, 1
    ds.PatientPosition = "HFS"
    ds.Manufacturer, ds.ManufacturerModelName = "Example Scanners", "Phantom 1"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", "1"
    ds.ImageType, ds.ContentQualification = IMAGE_TYPE, "RESEARCH"
    ds.PixelPresentation, ds.VolumetricProperties = "MONOCHROME", "VOLUME"
    ds.VolumeBasedCalculationTechnique = "NONE"
    ds.BurnedInAnnotation, ds.LossyImageCompression, ds.PresentationLUTShape = "NO", "00", "IDENTITY"
    ds.AcquisitionContextSequence = Sequence()
    _add_dimensions(ds, label)
    shared = Dataset()
    shared.PixelMeasuresSequence = [item(PixelSpacing=[SPACING, SPACING], SliceThickness=SPACING)]
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    shared.PixelValueTransformationSequence = [
        item(RescaleIntercept=AIR, RescaleSlope=HOUNSFIELD_STEP, RescaleType="HU")
    ]
    shared.FrameVOILUTSequence = [item(WindowCenter=40, WindowWidth=400)]
    head = code("69536005", "SCT", "Head")
    shared.FrameAnatomySequence = [item(AnatomicRegionSequence=[head], FrameLaterality="U")]
    frame_type = item(FrameType=IMAGE_TYPE, PixelPresentation="MONOCHROME", VolumetricProperties="VOLUME")
    frame_type.VolumeBasedCalculationTechnique = "NONE"
    shared.CTImageFrameTypeSequence = [frame_type]
    shared.IrradiationEventIdentificationSequence = [item(IrradiationEventUID=uid(label, "irradiation"))]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = []
    for number in range(count):
        place = [float(round(value, 3)) for value in (origin[0], -front, origin[2] + SPACING * number)]
        content = item(StackID="1", InStackPositionNumber=number + 1, DimensionIndexValues=[1, number + 1])
        frame = item(FrameContentSequence=[content], PlanePositionSequence=[item(ImagePositionPatient=place)])
        ds.PerFrameFunctionalGroupsSequence.append(frame)
    ds.NumberOfFrames, ds.Rows, ds.Columns = count, rows, columns
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.file_meta = _file_meta(ds)
    ds.PixelData = frames.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return ds


def _add_dimensions(ds: Dataset, label: str) -> None:
    """Say that the frames are the slices of one stack (PS3.3 C.7.6.17)."""
    organization = uid(label, "dimensions")
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organization)]
    ds.DimensionOrganizationType = "3D"
    ds.DimensionIndexSequence = [
        item(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=tag_for_keyword(keyword),
            FunctionalGroupPointer=tag_for_keyword("FrameContentSequence"),
            DimensionDescriptionLabel=description,
        )
        for keyword, description in {"StackID": "Stack", "InStackPositionNumber": "Slice"}.items()
    ]


def _file_meta(ds: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = uid("implementation"), "GALLERY_1"
    return meta


def labels() -> dict[str, str]:
    """Which person's scan bears which label: everybody's but the last one's, in an order that says nothing."""
    scanned = [person.id for person in people.CAST[:-1]]
    order = np.random.RandomState(4711).permutation(len(scanned))
    return {scanned[index]: f"person-{number:02d}" for number, index in enumerate(order, 1)}


def scan(person: Person, folder: Path) -> tuple[Path, dict[str, list[float]]]:
    """Scan one person of the cast. Returns the file, and where the eyes lie in its patient coordinates (mm)."""
    label = labels()[person.id]
    stored, origin, eyes = volume(person)
    path = hospital.save(dataset(stored, origin, label), folder / f"{label}.dcm")
    return path, dict(zip(("left", "right"), (np.round(eyes * [1, -1, 1], 1) + 0.0).tolist(), strict=True))
