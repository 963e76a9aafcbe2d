"""Four radiographs: a hand and a chest, each with and without the things that people wear or carry inside.

`python data/build/radiographs.py` writes data/radiographs/: DICOM files, and beside each the truth about its objects,
a picture of labels (PNG) and a list of what they are (JSON).  How the images come about: film.py, hand.py, chest.py.
"""

from pathlib import Path

import chest
import film
import hand
import hospital
import numpy as np
import people
from hospital import code
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, RLELossless

HAND_VISIT = hospital.Visit(
    patient=hospital.ROSA,
    date="20240122",
    start=34620,
    age="034Y",
    serial="55213",
    station="EHNDX02",
    manufacturer="Synthetic Scanner Works",
    model="Shadowgraph D2",
    accession="EHN24A0007719",
    study_id="ST85140",
    number="895502",
    reason="Fell on the left hand",
    procedure="X-ray hand left PA",
    procedure_code=("XRHANDL", "Radiograph of the left hand"),
    question="Fracture?",
)
CHEST_VISIT = hospital.Visit(
    patient=hospital.JONAS,
    date="20231016",
    start=49980,
    age="066Y",
    serial="55178",
    station="EHNDX05",
    manufacturer="Synthetic Scanner Works",
    model="Shadowgraph W4",
    accession="EHN23A0102233",
    study_id="ST81907",
    number="874416",
    reason="Cough for three weeks",
    procedure="X-ray chest PA",
    procedure_code=("XRCHESTPA", "Radiograph of the chest, PA"),
    question="Pneumonia? Position of the lead?",
)
FALL_VISIT = hospital.Visit(
    patient=hospital.ADA,
    date="20240311",
    start=39060,
    age="062Y",
    serial="55178",
    station="EHNDX05",
    manufacturer="Synthetic Scanner Works",
    model="Shadowgraph W4",
    accession="EHN24A0031181",
    study_id="ST88215",
    number="903321",
    reason="Fall off a ladder",
    procedure="X-ray chest PA",
    procedure_code=("XRCHESTPA", "Radiograph of the chest, PA"),
    question="Broken rib?",
)


def person(name: str) -> people.Person:
    """Return a member of the cast."""
    return next(person for person in people.CAST if person.id == name)


def add_image(ds: Dataset, pixels: np.ndarray, technique: film.Technique, pixel: float) -> None:
    """Add the image of a radiograph that is ready to be looked at (PS3.3, A.26 and C.8.11)."""
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = -1  # more X-rays, darker
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.LossyImageCompression = "00"
    ds.BurnedInAnnotation = "NO"
    ds.WindowCenter, ds.WindowWidth = 1950, 3900
    ds.WindowCenterWidthExplanation = "NORMAL"
    ds.ImagerPixelSpacing = [pixel, pixel]
    ds.PixelSpacing = [pixel, pixel]
    ds.AcquisitionDeviceProcessingDescription = "Fine structures raised, shoulder for metal"
    ds.AcquisitionDeviceProcessingCode = f"D{round(100 * technique.detail)}"
    ds.PixelData = pixels.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def add_detector(ds: Dataset, visit: hospital.Visit, kilovolts: int, charge: float) -> None:
    """Add the detector, with a serial number of its own, and how the tube was set."""
    ds.DetectorType = "SCINTILLATOR"
    ds.DetectorConfiguration = "AREA"
    ds.DetectorDescription = "Caesium iodide on amorphous silicon"
    ds.DetectorMode = "Radiography"
    ds.DetectorID = f"DET-{visit.serial}-A7"
    ds.DetectorManufacturerName = "Synthetic Detector Works"
    ds.DetectorManufacturerModelName = "Catcher 43"
    ds.DateOfLastDetectorCalibration = visit.date
    ds.TimeOfLastDetectorCalibration = visit.clock(-9000)
    ds.FieldOfViewShape = "RECTANGLE"
    ds.FieldOfViewOrigin, ds.FieldOfViewRotation, ds.FieldOfViewHorizontalFlip = [0, 0], "0", "NO"
    ds.PositionerType = "NONE"
    ds.KVP = str(kilovolts)
    ds.Exposure, ds.ExposureInuAs = round(charge), round(1000 * charge)
    ds.DistanceSourceToDetector = "1800" if kilovolts > 100 else "1100"
    ds.AcquisitionContextSequence = []


def radiograph(
    visit: hospital.Visit, number: int, seconds: int, pixels: np.ndarray, technique: film.Technique, pixel: float
) -> Dataset:
    """Return a radiograph without what depends on the part of the body."""
    ds = hospital.planted_object(
        visit, "DX", DigitalXRayImageStorageForPresentation, 1, number, visit.procedure, seconds
    )
    ds.AcquisitionDate = ds.ContentDate = visit.date
    ds.AcquisitionTime, ds.ContentTime = visit.clock(seconds), visit.clock(seconds + 1)
    ds.AcquisitionNumber = number
    add_image(ds, pixels, technique, pixel)
    return ds


def hand_dataset(number: int, pixels: np.ndarray, comment: str) -> Dataset:
    """Return a radiograph of Rosa's left hand; the back of the hand faces the tube, and the reader."""
    ds = radiograph(HAND_VISIT, number, 120 * number, pixels, hand.HAND_TECHNIQUE, 0.2)
    add_detector(ds, HAND_VISIT, 52, 2.5)
    ds.BodyPartExamined = "HAND"
    ds.ImageLaterality = "L"
    ds.AnatomicRegionSequence = [code("85562004", "SCT", "Hand")]
    # In the standard position the arms hang down and the palms look forward: the fingers point to the feet.
    ds.PatientOrientation = ["L", "H"]
    ds.ViewPosition = "PA"
    ds.ViewCodeSequence = [code("272479007", "SCT", "postero-anterior")]
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = []
    ds.ImageComments = comment
    return ds


def chest_dataset(visit: hospital.Visit, pixels: np.ndarray, comment: str) -> Dataset:
    """Return a radiograph of a chest, shown as if the reader looked at the patient's front."""
    ds = radiograph(visit, 1, 120, pixels, chest.CHEST_TECHNIQUE, 0.35)
    add_detector(ds, visit, 117, 1.6)
    ds.BodyPartExamined = "CHEST"
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = [code("816094009", "SCT", "Chest")]
    ds.PatientOrientation = ["L", "F"]
    ds.ViewPosition = "PA"
    ds.ViewCodeSequence = [code("272479007", "SCT", "postero-anterior")]
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = []
    ds.PatientOrientationCodeSequence = [code("C86043", "NCIt", "Erect")]
    ds.Grid = ["FIXED", "FOCUSED", "PARALLEL"]
    ds.ImageComments = comment
    return ds


def carry_pacemaker(ds: Dataset) -> None:
    """Say of the pacemaker in the metadata what is to be read in the pixels, too."""
    pacemaker = code("14106009", "SCT", "Cardiac pacemaker")
    pacemaker.Manufacturer = "Synthetic Heartbeat Works"
    pacemaker.ManufacturerModelName = "Metronome SR"
    pacemaker.DeviceSerialNumber = "NX 4471203"
    pacemaker.DeviceID = "NX 4471203"
    pacemaker.DeviceDescription = "Pacemaker, one lead, implanted in 2021"
    ds.DeviceSequence = [pacemaker]


def write_truth(folder: Path, name: str, truth: film.Truth) -> list[Path]:
    """Write the labels and the list of an image's objects."""
    labels, listing = folder / f"{name}_labels.png", folder / f"{name}.json"
    Image.fromarray(truth.labels).save(labels, optimize=False)
    film.write_listing(listing, {"image": f"{name}.dcm", "labels": labels.name}, truth.listing())
    return [labels, listing]


def make(name: str) -> tuple[Dataset, film.Truth]:
    """Return one of the four radiographs and the truth about its objects."""
    if name == "hand":
        pixels, truth = hand.hand(person("rosa"), worn=True, shift=0, seed=4471)
        ds = hand_dataset(1, pixels, "Ring does not come off, bracelet left on, Schablone")
    elif name == "hand_clean":
        pixels, truth = hand.hand(person("rosa"), worn=False, shift=3, seed=4472)
        ds = hand_dataset(2, pixels, "Again, without ring and bracelet, with soap, Schablone")
    elif name == "chest":
        pixels, truth = chest.chest(person("jonas"), worn=True, seed=5820)
        ds = chest_dataset(CHEST_VISIT, pixels, "Mr Muster keeps his necklace on")
        carry_pacemaker(ds)
    else:
        pixels, truth = chest.chest(person("ada"), worn=False, seed=4711)
        ds = chest_dataset(FALL_VISIT, pixels, "Ms Testperson stood well")
    return ds, truth


def build(folder: Path) -> list[Path]:
    """Write the radiographs and the truth about them into the folder, and return the paths."""
    paths = []
    for name in ("hand", "hand_clean", "chest", "chest_clean"):
        ds, truth = make(name)
        ds.compress(RLELossless, generate_instance_uid=False)
        paths.append(hospital.save(ds, folder / f"{name}.dcm"))
        paths += write_truth(folder, name, truth)
    return paths


if __name__ == "__main__":
    for path in build(Path(__file__).resolve().parents[1] / "radiographs"):
        print(path.name, path.stat().st_size)
