"""A CT of Jonas' jaw with metal in it: fillings in his teeth and a stud in each ear throw streaks over the image.

`python data/build/streaks.py` writes data/metal_ct/: 24 slices, a picture of labels for all of them, and a list.

Each slice of phantom.py's head is taken apart into water and bone.  Metal is put in, rays of six energies go through
from 400 sides, and the image is made from them by filtered back-projection, as a scanner does it.  Metal stops nearly
all photons of low energy (beam hardening) and nearly all photons on some rays (starvation): that makes the streaks.
"""

from dataclasses import dataclass
from pathlib import Path

import hospital
import modalities
import numpy as np
import people
import phantom
from film import ATTENUATION, box, write_listing
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, RLELossless
from scipy import ndimage
from skimage.transform import iradon, radon

VISIT = hospital.Visit(
    patient=hospital.JONAS,
    date="20231018",
    start=55320,
    age="066Y",
    serial="60417",
    station="EHNCT07",
    manufacturer="Synthetic Scanner Works",
    model="Phantomat 64",
    accession="EHN23A0103087",
    study_id="ST81966",
    number="875020",
    reason="Swollen jaw",
    procedure="CT jaw and neck",
    procedure_code=("CTJAW", "CT of the jaw and neck"),
    question="Abscess?",
)

PIXEL, THICKNESS, SLICES = 1.25, 2.5, 24  # mm, mm
LOWEST = -96.0  # mm below the eyes

SPECTRUM = np.array((0.02, 0.10, 0.22, 0.27, 0.26, 0.13))  # at film.py's energies: 120 kV behind the bow-tie filter
PHOTONS = 2.5e5  # a ray, where nothing is in the way
ANGLES = np.linspace(0, 180, 400, endpoint=False)
BLUR = (0.6, 0.8)  # rays, angles: the detector is not a point, and the tube moves on while it shines
DENSE_BONE = 1700.0  # Hounsfield units of pure cortical bone


@dataclass(frozen=True)
class Metal:
    """A lump of metal: its middle and half-axes in mm; x to the left, y to the front, z up."""

    kind: str
    material: str
    action: str
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]

    def cover(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        """Return how much of each pixel of the slice at z the lump covers, 0 to 1."""
        part = [
            (values - middle) / radius
            for values, middle, radius in zip((x, y, z), self.centre, self.radii, strict=True)
        ]
        distance = (np.sqrt(part[0] ** 2 + part[1] ** 2 + part[2] ** 2) - 1) * min(self.radii[:2])
        return np.clip(0.5 - distance / PIXEL, 0, 1)


def teeth(hu: np.ndarray, origin: np.ndarray, wanted: list[tuple[float, float, float]]) -> list[np.ndarray]:
    """Return the place of dense tooth that is nearest to each wanted place."""
    dense = np.argwhere(ndimage.uniform_filter((hu > 1500).astype(float), 3) > 0.55) * PIXEL + origin
    return [dense[np.argmin(((dense - place) ** 2).sum(1))] for place in wanted]


def lobe(hu: np.ndarray, origin: np.ndarray, side: int) -> np.ndarray:
    """Return the middle of the lobe of an ear: the skin that stands out most, low on the side of the head."""
    places = np.argwhere(hu > -300) * PIXEL + origin
    near = places[(np.abs(places[:, 2] + 43) < 2) & (places[:, 1] > -110) & (places[:, 1] < -60)]
    return near[np.argmax(side * near[:, 0])]


def metals(hu: np.ndarray, origin: np.ndarray) -> list[Metal]:
    """Return the metal in and on Jonas' head."""
    wanted = [(-29, -27, -69), (29, -27, -69), (30, -31, -65), (-26, -12, -64)]
    sizes = [(2.6, 3.4, 3.0), (2.4, 3.0, 2.6), (2.2, 2.8, 2.4), (1.9, 2.1, 2.2)]
    found = []
    for place, radii in zip(teeth(hu, origin, wanted), sizes, strict=True):
        found.append(Metal("filling", "amalgam", "keep", tuple(float(v) for v in np.round(place, 2)), radii))
    for side in (-1, 1):
        x, y, z = (float(v) for v in np.round(lobe(hu, origin, side), 2))
        found.append(Metal("ear stud", "steel", "strip", (x + side * 0.6, y, z), (1.6, 1.6, 2.0)))
    return found


def project(images: dict[str, np.ndarray], random: np.random.RandomState) -> np.ndarray:
    """Return what a scanner's computer gets: for each ray the millimetres of water that would weaken it as much."""
    length = {name: radon(image, ANGLES, circle=False) * PIXEL for name, image in images.items() if image.any()}
    signal, water = 0.0, np.arange(0, 700, 0.5)
    open_field, table = 0.0, np.zeros(len(water))
    for index, share in enumerate(SPECTRUM):
        depth = sum(ATTENUATION[name][index] * np.maximum(value, 0) for name, value in length.items())
        signal = signal + share * np.exp(-depth)
        table += share * np.exp(-ATTENUATION["water"][index] * water)
        open_field += share
    signal = ndimage.gaussian_filter(signal, BLUR)
    counts = random.poisson(np.round(PHOTONS * signal / open_field, 3)) + random.normal(0, 6, signal.shape)
    # Scanners smooth the rays on which almost nothing arrives, and so do we.
    weak = np.clip(1 - counts / 400, 0, 1)
    counts = (1 - weak) * counts + weak * ndimage.gaussian_filter(counts, (1.5, 1.0))
    measured = -np.log(np.maximum(counts, 12) / PHOTONS)
    return np.interp(measured, -np.log(table / open_field), water)


def scan(hu: np.ndarray, lumps: dict[str, np.ndarray], random: np.random.RandomState) -> np.ndarray:
    """Return a slice as it would be scanned, with lumps of metal (how much of each pixel, by material) in it."""
    size = int(np.ceil(max(hu.shape) / 2) * 2)
    corner = [(size - extent) // 2 for extent in hu.shape]
    inside = tuple(slice(first, first + extent) for first, extent in zip(corner, hu.shape, strict=True))

    def square(image: np.ndarray) -> np.ndarray:
        whole = np.zeros((size, size))
        whole[inside] = image
        return whole

    room = 1 - np.clip(sum(lumps.values()), 0, 1) if lumps else 1.0
    bone = np.clip((hu - 80) / (DENSE_BONE - 80), 0, None)
    water = np.where(hu > 80, 1.08 * (1 - np.minimum(bone, 1)), 1 + hu / 1000)
    images = {"water": square(np.clip(water, 0, None) * room), "bone": square(bone * room)}
    images |= {material: square(cover) for material, cover in lumps.items()}
    lines = project(images, random)
    density = iradon(lines / PIXEL, ANGLES, filter_name="cosine", circle=False, output_size=size)
    return np.clip(np.round(np.round((density[inside] - 1) * 1000, 2)), -1024, 3071).astype(np.int16)


def stack() -> tuple[np.ndarray, np.ndarray, list[Metal], np.ndarray]:
    """Return the slices in Hounsfield units, their labels, the metal, and the middle of the first pixel in mm.

    Axes: slice (upwards), row (to the back), column (to the left).
    """
    jonas = next(person for person in people.CAST if person.id == "jonas")
    head = phantom.head(people.head_weights(jonas), spacing=PIXEL, seed=jonas.seed)
    hu = modalities.ct(head, seed=7, noise=0.0).astype(float)
    origin = np.asarray(head.origin, float)
    found = metals(hu, origin)
    random = np.random.RandomState(1977)
    x = origin[0] + PIXEL * np.arange(hu.shape[0])[None, :]
    y = origin[1] + PIXEL * np.arange(hu.shape[1])[::-1, None]
    slices, labels = [], []
    first = round((LOWEST - origin[2]) / PIXEL)
    for number in range(SLICES):
        index = first + 2 * number
        z = origin[2] + PIXEL * (index + 0.5)
        plane = hu[:, ::-1, index : index + 2].mean(2).T
        lumps, label = {}, np.zeros(plane.shape, np.uint8)
        for value, metal in enumerate(found, 1):
            cover = metal.cover(x, y, z)
            if cover.any():
                lumps[metal.material] = np.maximum(lumps.get(metal.material, 0), cover)
                label[cover > 0.5] = value
        slices.append(scan(plane, lumps, random))
        labels.append(label)
    corner = np.array([origin[0], -y[0, 0], origin[2] + PIXEL * (first + 0.5)])
    return np.array(slices), np.array(labels), found, corner


def ct_image(pixels: np.ndarray, number: int, corner: np.ndarray) -> Dataset:
    """Return a slice as a CT Image; number counts from 0 at the lowest."""
    seconds = 60 + 0.1 * number
    ds = hospital.planted_object(VISIT, "CT", CTImageStorage, 2, number + 1, "JAW SOFT", 60)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.AcquisitionNumber = 1
    ds.AcquisitionDate = ds.ContentDate = VISIT.date
    ds.AcquisitionTime, ds.ContentTime = VISIT.clock(seconds), VISIT.clock(seconds + 1)
    ds.BodyPartExamined = "HEADNECK"
    ds.ProtocolName = "JAW SOFT Dr. Erfunden"
    ds.ImageComments = "Mr Muster: ear studs left in, many fillings"
    ds.KVP = "120"
    ds.XRayTubeCurrent, ds.ExposureTime = "180", "1000"
    ds.ScanOptions = "HELICAL MODE"
    ds.ConvolutionKernel = "H30"
    ds.GantryDetectorTilt = "0"
    ds.GantryID, ds.DetectorID = f"GANTRY-{VISIT.serial}", f"DET-{VISIT.serial}"
    ds.FrameOfReferenceUID = VISIT.frame
    ds.PositionReferenceIndicator = ""
    ds.PatientPosition = "HFS"
    ds.ImagePositionPatient = [round(float(value), 3) for value in corner + (0, 0, THICKNESS * number)]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [PIXEL, PIXEL]
    ds.SliceThickness = THICKNESS
    ds.SliceLocation = round(THICKNESS * number, 2)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = ["50", "400"], ["350", "2000"]
    ds.WindowCenterWidthExplanation = ["SOFT", "BONE"]
    ds.PixelData = (pixels + 1024).astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return ds


def listing(labels: np.ndarray, found: list[Metal]) -> list[dict]:
    """Return what each label is, on which files it lies, and its box there: left, top, right, bottom."""
    objects = []
    for value, metal in enumerate(found, 1):
        there = labels == value
        numbers = [int(number) for number in np.flatnonzero(there.any((1, 2)))]
        objects.append({
            "label": value,
            "kind": metal.kind,
            "action": metal.action,
            "material": metal.material,
            "files": [f"IM{number + 1:04d}.dcm" for number in numbers],
            "box": box(there.any(0)),
        })  # fmt: skip
    return objects


def build(folder: Path) -> list[Path]:
    """Write the slices and the truth about their metal into the folder, and return the paths."""
    slices, labels, found, corner = stack()
    paths = []
    for number, pixels in enumerate(slices):
        paths.append(hospital.save(ct_image(pixels, number, corner), folder / f"IM{number + 1:04d}.dcm"))
    picture, truth = folder / "labels.png", folder / "truth.json"
    Image.fromarray(labels.reshape(-1, labels.shape[2])).save(picture)  # the slices below one another
    write_listing(truth, {"labels": picture.name, "slices": SLICES}, listing(labels, found))
    return [*paths, picture, truth]


if __name__ == "__main__":
    made = build(Path(__file__).resolve().parents[1] / "metal_ct")
    print(len(made), "files,", sum(path.stat().st_size for path in made), "bytes")
