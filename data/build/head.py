"""Ada's head as CT, T1 MR and FDG-PET: three DICOM series with contours and a report, in data/head/.

The volumes come from phantom.py, with axes x to the patient's Left, y to the front, z to the top.  DICOM's patient
coordinates run to the Left, the back and the top (PS3.3, section C.7.6.2.1.1), so y changes its sign here.
"""

from collections.abc import Callable
from pathlib import Path

import modalities
import numpy as np
import people
import phantom
from documents import evidence, line, measurement_report, section, structure_set
from hospital import (
    FALL,
    FOLLOW_UP_CT,
    FOLLOW_UP_MR,
    FOLLOW_UP_PET,
    PHONE,
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
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    RLELossless,
    RTStructureSetStorage,
)
from scipy import ndimage
from scipy.spatial.transform import Rotation
from skimage.measure import approximate_polygon, find_contours

IMAGES = 2  # the number of the series that holds the images, in every study
CT_SPACING, MR_SPACING, PET_SPACING = 1.5, 1.5, 2.5

# She lay a little otherwise in each scanner, so MR and PET are oblique to the CT: turns about x, y, z in degrees.
TURNED = {"CT": (0, 0, 0), "MR": (4, -2, 3), "PT": (-3, 1, 0)}

# Injected activity, and what is left of it (PS3.3, section C.8.9.2): the half-life of F-18 in seconds.
INJECTED = 185e6  # Bq
INJECTED_BEFORE = 2700  # seconds before the scan
HALF_LIFE = 6586.2


class Slices:
    """A volume, cut into slices as the scanner stores them, in DICOM's patient coordinates."""

    def __init__(self, volume: np.ndarray, origin: np.ndarray, spacing: float, modality: str) -> None:
        """Take a volume with axes Left, front, top, and the middle of its first voxel in mm."""
        turn = Rotation.from_euler("xyz", TURNED[modality], degrees=True).as_matrix()
        left, back, top = turn.T
        corner = turn @ (np.asarray(origin) * [1, -1, 1])
        nx, ny, nz = volume.shape
        self.spacing = spacing
        if modality == "MR":  # sagittal: columns run to the back, rows to the feet, slices to the patient's right
            self.row, self.column, self.step = back, -top, -left
            self.first = corner + spacing * ((nx - 1) * left - (ny - 1) * back + (nz - 1) * top)
            self.images = volume[::-1, ::-1, ::-1].transpose(0, 2, 1)
        else:  # axial: columns run to the patient's left, rows to the back, slices to the top
            self.row, self.column, self.step = left, back, top
            self.first = corner - spacing * (ny - 1) * back
            self.images = volume[:, ::-1, :].transpose(2, 1, 0)

    def position(self, index: float, row: float = 0, column: float = 0) -> np.ndarray:
        """Return the patient coordinates of a pixel's middle, in mm."""
        return self.first + self.spacing * (index * self.step + row * self.column + column * self.row)

    def add_geometry(self, ds: Dataset, visit: Visit, index: int) -> None:
        """Say where the slice lies."""
        ds.FrameOfReferenceUID = visit.frame
        ds.PositionReferenceIndicator = ""
        ds.PatientPosition = "HFS"
        ds.ImagePositionPatient = [round(float(value), 4) for value in self.position(index)]
        ds.ImageOrientationPatient = [round(float(value), 6) for value in [*self.row, *self.column]]
        ds.PixelSpacing = [self.spacing, self.spacing]
        ds.SliceThickness = self.spacing
        ds.SliceLocation = round(index * self.spacing, 2)

    def add_pixels(self, ds: Dataset, index: int, stored: np.ndarray) -> None:
        """Add the image as it is stored, compressed without loss."""
        ds.SamplesPerPixel = 1
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.Rows, ds.Columns = stored.shape
        ds.BitsAllocated = 16
        ds.BitsStored = 16 if stored.dtype.kind == "i" else 12
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(stored.dtype.kind == "i")
        ds.PixelData = np.ascontiguousarray(stored).tobytes()
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)


def add_acquisition(ds: Dataset, visit: Visit, seconds: float, protocol: str) -> None:
    """Plant when and how the slice was made."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if visit is not FOLLOW_UP_MR else "M"]
    ds.AcquisitionNumber = 1
    ds.AcquisitionDate = ds.ContentDate = visit.date
    ds.AcquisitionTime = visit.clock(seconds)
    ds.ContentTime = visit.clock(seconds + 1)
    ds.BodyPartExamined = "HEAD"
    ds.ProtocolName = protocol
    ds.ImageComments = f"{visit.patient.title}, {visit.reason}; {SYNTHETIC}"


def ct_image(slices: Slices, index: int) -> Dataset:
    """Return a slice of the CT, in Hounsfield units."""
    visit = FOLLOW_UP_CT
    ds = planted_object(visit, "CT", CTImageStorage, IMAGES, index + 1, "HEAD THIN", 60)
    add_acquisition(ds, visit, 60 + index * 0.05, "HEAD THIN Dr. Erfunden")
    ds.IrradiationEventUID = visit.uid(6)
    ds.ScanOptions = "HELICAL MODE"
    ds.KVP = "120"
    ds.XRayTubeCurrent = "250"
    ds.ExposureTime = "1000"
    ds.ConvolutionKernel = "H40"
    ds.GantryDetectorTilt = "0"
    ds.GantryID = f"GANTRY-{visit.serial}"
    ds.DetectorID = f"DET-{visit.serial}"
    slices.add_geometry(ds, visit, index)
    ds.RescaleIntercept = "-1024"
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    ds.WindowCenter = ["40", "400"]
    ds.WindowWidth = ["80", "2000"]
    ds.WindowCenterWidthExplanation = ["BRAIN", "BONE"]
    add_siemens(ds, visit, FALL.instance(IMAGES, 1))
    slices.add_pixels(ds, index, np.clip(slices.images[index] + 1024, 0, 4095).astype("<u2"))
    return ds


def mr_image(slices: Slices, index: int) -> Dataset:
    """Return a slice of the T1-weighted MR; its values have no unit."""
    visit = FOLLOW_UP_MR
    ds = planted_object(visit, "MR", MRImageStorage, IMAGES, index + 1, "T1 MPRAGE SAG", 120)
    add_acquisition(ds, visit, 120, "T1 MPRAGE Dr. Erfunden")
    ds.ScanningSequence = ["GR", "IR"]
    ds.SequenceVariant = ["SP", "MP"]
    ds.ScanOptions = "IR"
    ds.MRAcquisitionType = "3D"
    ds.SequenceName = "*tfl3d1"
    ds.RepetitionTime = "2300"
    ds.EchoTime = "2.98"
    ds.InversionTime = "900"
    ds.EchoTrainLength = 1
    ds.FlipAngle = "9"
    ds.NumberOfAverages = "1"
    ds.MagneticFieldStrength = "3"
    ds.ImagingFrequency = "123.25"
    ds.ImagedNucleus = "1H"
    ds.ReceiveCoilName = f"HEAD20-{visit.serial}"
    slices.add_geometry(ds, visit, index)
    ds.SpacingBetweenSlices = slices.spacing
    ds.WindowCenter = "380"
    ds.WindowWidth = "760"
    add_ge(ds, visit)
    slices.add_pixels(ds, index, np.clip(slices.images[index], 0, 4095).astype("<u2"))
    return ds


def pet_image(slices: Slices, index: int) -> Dataset:
    """Return a slice of the PET, in Bq/ml, with all that is needed to make standardized uptake values of it."""
    visit, duration = FOLLOW_UP_PET, 900.0
    ds = planted_object(
        visit, "PT", PositronEmissionTomographyImageStorage, IMAGES, index + 1, "FDG BRAIN AC", INJECTED_BEFORE
    )
    add_acquisition(ds, visit, INJECTED_BEFORE, "FDG BRAIN Dr. Erfunden")
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    slices.add_geometry(ds, visit, index)
    del ds.PatientPosition  # the orientation codes below say it (PS3.3, section C.8.4.6)
    ds.Units = "BQML"
    ds.CountsSource = "EMISSION"
    ds.SeriesType = ["STATIC", "IMAGE"]
    ds.NumberOfSlices = len(slices.images)
    ds.ImageIndex = index + 1
    ds.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "RAN", "DECY"]
    ds.DecayCorrection = "START"
    ds.DecayFactor = "1.0478"  # mean over 900 s of scanning
    ds.FrameReferenceTime = str(duration / 2 * 1000)
    ds.ActualFrameDuration = str(int(duration * 1000))
    ds.CollimatorType = "NONE"
    ds.RandomsCorrectionMethod = "DLYD"
    ds.AttenuationCorrectionMethod = "CT of the same day"
    ds.ScatterCorrectionMethod = "Single scatter simulation"
    ds.ReconstructionMethod = "OSEM 4i 21s"
    ds.ReconstructionDiameter = round(slices.spacing * max(slices.images.shape[1:]), 1)
    ds.PatientOrientationCodeSequence = [code("102538003", "SCT", "recumbent")]
    ds.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = [code("40199007", "SCT", "supine")]
    ds.PatientGantryRelationshipCodeSequence = [code("102540008", "SCT", "headfirst")]
    drug = item(
        Radiopharmaceutical="Fluorodeoxyglucose F^18^",
        RadiopharmaceuticalRoute="IV",
        RadiopharmaceuticalStartTime=visit.clock(0),
        RadiopharmaceuticalStartDateTime=visit.date + visit.clock(0) + visit.utc_offset,
        RadionuclideTotalDose=str(int(INJECTED)),
        RadionuclideHalfLife=str(HALF_LIFE),
        RadionuclidePositronFraction="0.9673",
        RadiopharmaceuticalSpecificActivity="100",
        RadionuclideCodeSequence=[code("77004003", "SCT", "^18^Fluorine")],
        RadiopharmaceuticalCodeSequence=[code("35321007", "SCT", "Fluorodeoxyglucose F^18^")],
    )
    ds.RadiopharmaceuticalInformationSequence = [drug]
    per_suv = INJECTED * 0.5 ** (INJECTED_BEFORE / HALF_LIFE) / (float(visit.patient.weight) * 1000)  # Bq/ml
    slope = round(per_suv / 1000, 4)  # 1,000 stored steps for each SUV
    ds.RescaleIntercept = "0"
    ds.RescaleSlope = str(slope)
    ds.WindowCenter = str(round(5 * per_suv))
    ds.WindowWidth = str(round(10 * per_suv))
    ds.RescaleType = "BQML"
    slices.add_pixels(ds, index, np.round(slices.images[index] * per_suv / slope).clip(0, 32767).astype("<i2"))
    return ds


def outlines(slices: Slices) -> dict[int, list[list[float]]]:
    """Return the outlines of a mask, given as slices, in patient coordinates."""
    found = {}
    for index, mask in enumerate(slices.images):
        drawn = []
        whole = ndimage.binary_opening(ndimage.binary_fill_holes(mask), iterations=2)
        for outline in find_contours(np.pad(whole, 1).astype(float), 0.5):
            outline = approximate_polygon(outline - 1, tolerance=0.4)[:-1]
            if len(outline) >= 8:
                points = [slices.position(index, row, column) for row, column in outline]
                drawn.append([round(float(value), 2) for point in points for value in point])
        if drawn:
            found[index] = drawn
    return found


def report(slices: int, millilitres: float) -> Dataset:
    """Return the report on the CT, which says that the earlier bleeding is gone."""
    visit = FOLLOW_UP_CT
    images = [(CTImageStorage, number + 1) for number in range(slices)]
    current = [evidence(visit, {IMAGES: images, 3: [(RTStructureSetStorage, 1)]})]
    earlier = [evidence(FALL, {IMAGES: [(CTImageStorage, number) for number in (1, 2, 3)]})]
    volume = item(NumericValue=f"{millilitres:.0f}", MeasurementUnitsCodeSequence=[code("ml", "UCUM", "ml")])
    middle = reference(CTImageStorage, visit.instance(IMAGES, slices // 2))
    contains = "CONTAINS"
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
                TextValue="Ms Testperson, 63, forgets names since she fell off a ladder on 10 March 2024.",
            ),
            line(contains, "UIDREF", ("110180", "DCM", "Study Instance UID"), UID=FALL.study),
        ),
        section(
            ("121070", "DCM", "Findings"),
            line(
                contains,
                "TEXT",
                ("121071", "DCM", "Finding"),
                TextValue="The bleeding of 11 March 2024 is gone (Prof. Erfunden). Age-appropriate brain.",
            ),
            line(contains, "NUM", ("118565006", "SCT", "Volume"), MeasuredValueSequence=[volume]),
            line(contains, "IMAGE", ("113795", "DCM", "Acquired Image"), ReferencedSOPSequence=[middle]),
        ),
        section(
            ("121072", "DCM", "Impressions"),
            line(contains, "TEXT", ("121077", "DCM", "Conclusion"), TextValue=f"No bleeding. {SYNTHETIC}."),
            line(contains, "TEXT", ("121075", "DCM", "Recommendation"), TextValue=f"MR; tell Dr. Placebo, {PHONE}."),
        ),
    )


def quiet(volume: np.ndarray) -> np.ndarray:
    """Return the CT with nothing but air where there is no head and no head rest: a third of the size, compressed."""
    solid = ndimage.binary_dilation(ndimage.gaussian_filter(volume.astype(np.float32), 1) > -900, iterations=2)
    return np.where(solid, volume, -1000).astype(volume.dtype)


def build(folder: Path) -> list[Path]:
    """Write the three series, the contours and the report."""
    ada = next(person for person in people.CAST if person.id == "ada")
    head = phantom.head(people.head_weights(ada), spacing=1.0, seed=ada.seed)

    def slices(volume: np.ndarray, spacing: float, modality: str, first: np.ndarray | int = 0) -> Slices:
        corner = np.asarray(head.origin) + first * head.spacing + (spacing - head.spacing) / 2
        return Slices(modalities.resample(volume, head.spacing, spacing), corner, spacing, modality)

    # The MR's field of view is as small as her head allows: noisy air is what does not compress.
    solid = np.argwhere(head.skin > 0.5)
    first, last = np.maximum(solid.min(axis=0) - 8, 0), solid.max(axis=0) + 9
    t1 = modalities.t1(head, seed=ada.seed)[tuple(map(slice, first, last))]

    ct = slices(modalities.ct(head, seed=ada.seed), CT_SPACING, "CT")
    ct.images = quiet(ct.images)
    mr = slices(t1, MR_SPACING, "MR", first)
    pet = slices(modalities.pet(head, seed=ada.seed), PET_SPACING, "PT")
    brain = slices(head.brain.astype(np.float32), CT_SPACING, "CT")
    brain.images = brain.images > 0.5

    def write(name: str, image: Callable[[Slices, int], Dataset], series: Slices) -> list[Path]:
        return [
            save(image(series, index), folder / name / f"IM{index + 1:04d}.dcm") for index in range(len(series.images))
        ]

    paths = write("ct", ct_image, ct) + write("mr", mr_image, mr) + write("pet", pet_image, pet)
    count, millilitres = len(ct.images), brain.images.sum() * CT_SPACING**3 / 1000
    regions = [("Brain", "ORGAN", (0, 200, 255), outlines(brain))]
    paths.append(save(structure_set(FOLLOW_UP_CT, count, regions), folder / "RS.brain.dcm"))
    paths.append(save(report(count, millilitres), folder / "SR.report.dcm"))
    return paths
