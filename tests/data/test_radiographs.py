"""The radiographs and the CT with metal: what they show is where their truth says it is, and legible."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

DATA = Path(__file__).parents[2] / "data"
RADIOGRAPHS = DATA / "radiographs"
METAL_CT = DATA / "metal_ct"
NAMES = ["hand", "hand_clean", "chest", "chest_clean"]
ENGRAVED = [
    ("hand", "MEDICAL ID", "MECHANICAL"),
    ("hand", "TYPE 1 DIABETES", "TYPE 2 DIALYSIS"),
    ("hand", "ID 4471-9083", "ID 8830-1596"),
    ("chest", "J.K.M.", "I.R.H."),
    ("chest", "NX 4471203", "NX 8830569"),
]


def load(name):
    """Return a radiograph's data set, its pixels, its labels, and the list of its objects by kind."""
    ds = pydicom.dcmread(RADIOGRAPHS / f"{name}.dcm")
    truth = json.loads((RADIOGRAPHS / f"{name}.json").read_text(encoding="utf-8"))
    labels = read_picture(RADIOGRAPHS / truth["labels"])
    return ds, ds.pixel_array.astype(float), labels, {entry["kind"]: entry for entry in truth["objects"]}


def read_picture(path):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow, which the lesson brings")
    return np.asarray(image.open(path))


def grown(mask, steps):
    for _ in range(steps):
        padded = np.pad(mask, 1)
        mask = padded[1:-1, 1:-1] | padded[2:, 1:-1] | padded[:-2, 1:-1] | padded[1:-1, 2:] | padded[1:-1, :-2]
    return mask


def likeness(pixels, text, words, angle):
    """Return how well words, turned and fitted into the box of a text, correlate with the pixels there."""
    image, draw, font = (pytest.importorskip(f"PIL.{part}") for part in ("Image", "ImageDraw", "ImageFont"))
    matplotlib = pytest.importorskip("matplotlib", reason="its font is the engraver's")
    face = font.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"), 80)
    canvas = image.new("L", (int(face.getlength(words)) + 40, 140))
    draw.Draw(canvas).text((20, 20), words, 255, font=face)
    canvas = canvas.rotate(angle, expand=True, resample=image.Resampling.BICUBIC)
    letters = canvas.crop(canvas.point(lambda value: 255 * (value > 90)).getbbox())
    left, top, right, bottom = text["box"]
    letters = detrended(np.asarray(letters.resize((right - left, bottom - top)), float))
    best = 0
    for down in range(-2, 3):
        for aside in range(-2, 3):
            there = detrended(pixels[top + down : bottom + down, left + aside : right + aside])
            best = max(best, abs(np.corrcoef(letters.ravel(), there.ravel())[0, 1]))
    return best


def detrended(pixels):
    """Return pixels without what bends slowly, such as the bones behind a plate."""
    row, column = (axis.ravel() / max(axis.max(), 1) for axis in np.indices(pixels.shape))
    bends = np.column_stack([row**i * column**j for i in range(3) for j in range(8)])
    return pixels - (bends @ np.linalg.lstsq(bends, pixels.ravel(), rcond=None)[0]).reshape(pixels.shape)


def sharp(pixels, where):
    """Return how many places (blocks of 2 x 2 pixels) have an edge as sharp as metal's."""
    rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
    blocks = pixels[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))
    return ((np.hypot(*np.gradient(blocks)) > 600) & where[: 2 * rows : 2, : 2 * columns : 2]).sum()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_twelve_bits_for_the_eye_and_small(name):
    ds, pixels, labels, _ = load(name)
    assert ds.Modality == "DX" and ds.PresentationIntentType == "FOR PRESENTATION"
    assert (ds.BitsAllocated, ds.BitsStored) == (16, 12) and pixels.max() <= 4095
    assert labels.shape == pixels.shape
    low, high = ds.WindowCenter - ds.WindowWidth / 2, ds.WindowCenter + ds.WindowWidth / 2
    bright = pixels[pixels > 0]
    assert ((bright > low) & (bright < high)).mean() > 0.95, "the window shows the image"
    assert (RADIOGRAPHS / f"{name}.dcm").stat().st_size < 3e6
    assert "no real person" in ds.PatientComments


@pytest.mark.parametrize("name", NAMES)
def test_objects_are_brighter_than_what_is_around_them(name):
    _, pixels, labels, objects = load(name)
    for kind, entry in objects.items():
        mask = labels == entry["label"]
        rows, columns = np.nonzero(mask)
        assert entry["box"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        around = grown(mask, 7) & ~grown(mask, 2) & (labels == 0)
        assert np.median(pixels[mask]) > np.median(pixels[around]) + 150, kind


def test_nothing_is_worn_on_the_clean_radiographs():
    assert set(load("hand")[3]) == {"ring", "bracelet", "marker"}
    assert set(load("chest")[3]) == {"pendant", "necklace", "pacemaker", "lead", "marker"}
    for clean, worn in (("hand_clean", "hand"), ("chest_clean", "chest")):
        _, pixels, labels, objects = load(clean)
        assert set(objects) == {"marker"}
        _, with_metal, metal, _ = load(worn)
        assert sharp(pixels, ~grown(labels > 0, 6)) < 0.15 * sharp(with_metal, grown(metal > 0, 6))


@pytest.mark.parametrize(("name", "words", "decoy"), ENGRAVED)
def test_engravings_can_be_read(name, words, decoy):
    _, pixels, _, objects = load(name)
    entry, text = next((entry, text) for entry in objects.values() for text in entry["texts"] if text["text"] == words)
    found = likeness(pixels, text, words, entry["angle"])
    assert found > 0.55
    assert found > likeness(pixels, text, decoy, entry["angle"]) + 0.15, "these words, and not others"


def test_what_is_to_be_stripped_and_what_stays():
    for name in NAMES:
        for kind, entry in load(name)[3].items():
            stays = kind in {"marker", "pacemaker", "lead"}
            assert entry["action"] == ("keep" if stays else "strip")


@pytest.mark.parametrize("name", ["chest", "chest_clean"])
def test_the_left_of_a_chest_is_on_the_images_right(name):
    ds, pixels, _, objects = load(name)
    assert list(ds.PatientOrientation) == ["L", "F"] and ds.ViewPosition == "PA"
    assert objects["marker"]["box"][0] > 0.8 * ds.Columns
    heart = pixels[int(0.52 * ds.Rows) : int(0.62 * ds.Rows)]
    middle, reach = ds.Columns // 2, int(0.2 * ds.Columns)
    left, right = heart[:, middle + 60 : middle + reach].mean(), heart[:, middle - reach : middle - 60].mean()
    assert left > right + 200, "the heart lies to the left"
    bubble = pixels[int(0.73 * ds.Rows) : int(0.76 * ds.Rows)]
    assert bubble[:, int(0.68 * ds.Columns)].mean() < bubble[:, int(0.32 * ds.Columns)].mean() - 400, "stomach, liver"


@pytest.mark.parametrize("name", ["hand", "hand_clean"])
def test_the_hand_is_a_left_one_seen_from_its_back(name):
    ds, pixels, _, objects = load(name)
    assert list(ds.PatientOrientation) == ["L", "H"] and ds.ImageLaterality == "L" and ds.ViewPosition == "PA"
    assert objects["marker"]["box"][0] > 0.7 * ds.Columns
    tips = [np.flatnonzero(column > 300)[0] if (column > 300).any() else ds.Rows for column in pixels[:, :700].T]
    middle_finger = int(np.argmin(tips))
    shaft = np.flatnonzero(pixels[int(0.42 * ds.Rows)] > 300)
    assert shaft[-1] - middle_finger > 1.2 * (middle_finger - shaft[0]), "the thumb stands off to the right"
    if "ring" in objects:
        assert objects["ring"]["box"][2] < middle_finger, "the ring finger is to the left of the middle finger"


def test_serial_numbers_stand_in_metadata_and_pixels_alike():
    ds, _, _, objects = load("chest")
    serial = objects["pacemaker"]["texts"][0]["text"]
    assert ds.DeviceSequence[0].DeviceSerialNumber == serial
    assert serial in ds.AdditionalPatientHistory
    hand, _, _, worn = load("hand")
    assert worn["bracelet"]["texts"][2]["text"].removeprefix("ID ") in hand.AdditionalPatientHistory
    assert ds.DeviceSerialNumber in ds.DetectorID and hand.DeviceSerialNumber in hand.DetectorID


def test_all_radiographs_together_are_small():
    assert sum(path.stat().st_size for path in RADIOGRAPHS.iterdir()) < 8e6


def test_the_hand_is_made_again_the_same(builder):
    builder("people")  # skips where the mesh is not installed
    radiographs = builder("radiographs")
    ds, truth = radiographs.make("hand_clean")
    shipped, pixels, labels, _ = load("hand_clean")
    assert np.array_equal(np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns), pixels)
    assert np.array_equal(truth.labels, labels)
    assert ds.SOPInstanceUID == shipped.SOPInstanceUID


# The CT with metal ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack():
    """The slices' data sets from below, their Hounsfield units, their labels, and the list of objects."""
    slices = [pydicom.dcmread(path) for path in sorted(METAL_CT.glob("*.dcm"))]
    hu = np.array([ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept for ds in slices])
    truth = json.loads((METAL_CT / "truth.json").read_text(encoding="utf-8"))
    return slices, hu, read_picture(METAL_CT / truth["labels"]).reshape(hu.shape), truth["objects"]


def test_the_slices_make_a_series(stack):
    slices, hu, _, _ = stack
    assert len(slices) == 24 and {ds.SeriesInstanceUID for ds in slices} == {slices[0].SeriesInstanceUID}
    assert len({ds.SOPInstanceUID for ds in slices}) == 24
    heights = [float(ds.ImagePositionPatient[2]) for ds in slices]
    assert np.allclose(np.diff(heights), 2.5) and {float(ds.SliceThickness) for ds in slices} == {2.5}
    # The nose points to the top of the image, which is the patient's front.
    assert list(slices[0].ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    nose = hu[-3] > -300
    highest = np.flatnonzero(nose.any(1))[0]
    assert nose[highest].sum() < 0.2 * nose[nose.shape[0] // 2].sum()
    assert sum(path.stat().st_size for path in METAL_CT.iterdir()) < 2e6


def test_metal_is_as_bright_as_metal(stack):
    _, hu, labels, objects = stack
    assert [entry["kind"] for entry in objects] == ["filling"] * 4 + ["ear stud"] * 2
    for entry in objects:
        mask = labels == entry["label"]
        assert mask.any() and hu[mask].min() > 2000
        assert entry["files"] == [f"IM{number + 1:04d}.dcm" for number in np.flatnonzero(mask.any((1, 2)))]


def test_ear_studs_are_outside_and_fillings_inside_the_head(stack):
    slices, hu, labels, objects = stack
    corner, pixel = slices[0].ImagePositionPatient, slices[0].PixelSpacing[1]
    for entry in objects:
        column = np.nonzero(labels == entry["label"])[2].mean()
        aside = abs(corner[0] + pixel * column)
        assert aside > 55 if entry["kind"] == "ear stud" else aside < 40


def test_metal_throws_streaks(stack):
    _, hu, labels, _ = stack
    tongue = hu[:, 65:85, 72:94]  # soft tissue from the floor of the mouth up to the teeth
    free = [number for number in range(10) if not labels[max(number - 1, 0) : number + 2].any()]
    filled = [number for number in range(24) if np.isin(labels[number], (1, 2, 3)).any()]
    calm = [tongue[number].std() for number in free if 0 < tongue[number].mean() < 110]
    assert len(calm) >= 4 and max(calm) < 40
    assert min(tongue[number].std() for number in filled) > 2.5 * np.median(calm)
