"""The viewer of `text.show`: what a person changes comes back, pictures are true, and it does without widgets."""

import base64
import html
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from safeshare import Refused, image_viewer, text
from safeshare.blanking import Box
from safeshare.image_viewer import ImageViewer, Shape
from safeshare.text import TextFinding

SCRIPT = Path(image_viewer.__file__).with_name("image_widget.js")


def made(pixels, photometric="MONOCHROME2", frames=1, bits=None):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    shape = pixels.shape[1:] if frames > 1 else pixels.shape
    ds.Rows, ds.Columns = shape[:2]
    ds.NumberOfFrames = frames
    ds.SamplesPerPixel = 3 if len(shape) == 3 else 1
    ds.PhotometricInterpretation = photometric
    ds.PlanarConfiguration = 0
    ds.BitsAllocated = pixels.itemsize * 8
    ds.BitsStored = bits or ds.BitsAllocated
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
    ds.PixelData = pixels.tobytes()
    return ds


def clip():
    """Three frames of 40 rows and 60 columns: brighter to the right, to the left, and to the bottom."""
    down = np.repeat(np.arange(40, dtype=np.uint8)[:, np.newaxis], 60, axis=1)
    return made(np.stack([ramp(), ramp()[:, ::-1], down]), frames=3)


def seen(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def ramp(kind=np.uint8):
    return np.tile(np.arange(60, dtype=kind), (40, 1))


SHAPES = [Shape(Box(5, 6, 20, 16), "ROSA"), Shape(Box(30, 6, 50, 16, 2), strip=False), Shape(Box(2, 30, 9, 38))]


def test_boxes_are_those_of_the_shapes_to_strip():
    viewer = ImageViewer(clip(), SHAPES)
    assert viewer.shapes == SHAPES
    assert viewer.boxes == [Box(5, 6, 20, 16), Box(2, 30, 9, 38)]


def test_what_a_person_changes_in_the_browser_comes_back():
    outlined = Shape(Box(1, 1, 9, 9), "ring", ((1.5, 1.0), (9.0, 4.0), (5.0, 9.0)), strip=False)
    viewer = ImageViewer(clip(), [*SHAPES, outlined])
    said = viewer.widget().get_state(["shapes"])["shapes"]
    assert json.loads(json.dumps(said)) == said  # so that it can travel
    assert viewer.shapes == [*SHAPES, outlined]
    said[0]["strip"], said[1]["strip"] = False, True
    drawn = {"box": [11, 12, 13, 14], "frame": 1, "label": "", "outline": [], "strip": True}
    viewer.widget().set_state({"shapes": [*said[:2], said[3], drawn]})
    assert viewer.boxes == [Box(30, 6, 50, 16, 2), Box(11, 12, 13, 14, 1)]
    assert viewer.shapes[0] == Shape(Box(5, 6, 20, 16), "ROSA", strip=False)
    assert viewer.shapes[2] == outlined


def test_boxes_go_into_strip():
    ds = made(ramp() + 100)
    safe = text.strip(ds, boxes=text.show(ds, boxes=[Box(10, 0, 20, 5)]).boxes)
    expected = ramp() + 100
    expected[:5, 10:20] = 100
    np.testing.assert_array_equal(safe.pixel_array, expected)


def test_show_draws_what_find_sees_with_its_words(monkeypatch):
    found = TextFinding("text", "x 1 to 9", "ROSA LIND", "C", "", 1.0, Box(1, 2, 9, 8))
    other = TextFinding.__base__("text", "BurnedInAnnotation", "YES", "C", "")
    monkeypatch.setattr(text, "find", lambda dataset: [found, other])
    assert text.show(clip()).shapes == [Shape(Box(1, 2, 9, 8), "ROSA LIND")]


def test_frames_and_sides_that_the_browser_asks_for_are_sent():
    after = made(np.stack([frame.max() - frame for frame in clip().pixel_array]), frames=3)
    widget = ImageViewer(clip(), [], after).widget()
    assert widget.size == {"frames": 3, "rows": 40, "columns": 60, "sides": 2}
    for side, frame in ((0, 0), (0, 2), (1, 2), (1, 0)):
        widget.set_state({"wanted": {"side": side, "frame": frame}})
        answer = widget.picture
        assert (answer["side"], answer["frame"]) == (side, frame)
        values = clip().pixel_array[frame].astype(float)
        expected = (values.max() - values if side else values) * 255 / values.max()
        assert np.abs(seen(answer["data"])[..., 0] - expected).mean() < 2


@pytest.mark.parametrize(
    ("dataset", "left", "right"),
    [
        (made(ramp()), (0, 0, 0), (255, 255, 255)),
        (made(ramp(), "MONOCHROME1"), (255, 255, 255), (0, 0, 0)),
        (made(ramp(np.uint16) * 60 + 5, bits=12), (0, 0, 0), (255, 255, 255)),
        (made(np.stack([ramp() * 4, ramp() * 0, ramp() * 0], -1), "RGB"), (0, 0, 0), (236, 0, 0)),
    ],
    ids=["grey", "inverse", "12 bits", "colour"],
)
def test_pictures_are_as_a_person_would_see_them(dataset, left, right):
    picture = seen(ImageViewer(dataset, []).picture())
    assert picture.shape == (40, 60, 3)
    assert np.abs(picture[20, 0] - left).max() < 10 and np.abs(picture[20, 59] - right).max() < 10


def test_the_window_of_the_file_is_used():
    ds = made(ramp(np.uint16) * 60, bits=12)
    ds.WindowCenter, ds.WindowWidth = 600, 20
    picture = seen(ImageViewer(ds, []).picture())[20, :, 0]
    assert picture[9] == 0 and picture[11] == 255


@pytest.mark.parametrize("name", ["examples_palette", "examples_ybr_color", "examples_jpeg2k"])
def test_colours_of_real_pictures_are_true(name):
    ds = dcmread(get_testdata_file(f"{name}.dcm"))
    picture = seen(ImageViewer(ds, []).picture())
    expected = next(text._decoded(ds, [0])).astype(int)
    assert np.abs(picture - expected).mean() < 4


def test_large_images_are_made_smaller_and_boxes_are_not():
    pixels = np.zeros((2001, 3000), np.uint16)
    pixels[2000:, 2000:] = pixels[1000:1002, 1000:1002] = 4000
    viewer = ImageViewer(made(pixels, bits=12), [Shape(Box(1900, 1900, 2990, 1990))])
    assert viewer.widget().size["columns"] == 3000
    picture = seen(viewer.picture())[..., 0]
    assert picture.shape == (1001, 1500) and 1500 <= image_viewer.LONGEST
    assert picture[500, 500] > 200 and picture[1000, 1250] > 200  # also what is left over at the edge
    assert picture[:900, 600:].max() < 30
    assert viewer.boxes == [Box(1900, 1900, 2990, 1990)]


def test_the_magnifier_shows_faint_letters_in_full_contrast():
    pixels = np.full((300, 400), 1000, np.uint16)
    pixels[0, 0] = 4000
    pixels[200:210, 300:330] = 1003
    viewer = ImageViewer(made(pixels, bits=12), [])
    assert np.ptp(seen(viewer.picture())[150:, 200:]) < 3  # nobody would see it here
    part = seen(viewer.lens(315, 205))[..., 0]
    assert part.shape == (80, 120)
    assert part[40, 60] > 250 and part[10, 10] < 5
    viewer.widget().set_state({"lens": {"x": 315, "y": 205, "side": 0, "frame": 0}})
    np.testing.assert_array_equal(seen(viewer.widget().magnified["data"])[..., 0], part)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (400, 300)])
def test_the_magnifier_stays_inside_the_image(x, y):
    assert seen(ImageViewer(made(np.tile(ramp(), (10, 10))), []).lens(x, y)).shape == (80, 120, 3)
    assert seen(ImageViewer(clip(), []).lens(min(x, 60), min(y, 40))).shape == (40, 60, 3)


def test_pixels_that_cannot_be_read_are_refused():
    for ds in (made(ramp()), dcmread(get_testdata_file("examples_jpeg2k.dcm"))):
        ds.PixelData = b"no"
        with pytest.raises(Refused, match="cannot be decoded"):
            ImageViewer(ds, [])
    with pytest.raises(ValueError, match="other frames, rows or columns"):
        ImageViewer(clip(), [], made(ramp()))


def test_a_notebook_gets_the_widget_a_picture_and_a_line():
    viewer = ImageViewer(clip(), SHAPES)
    bundle = viewer._repr_mimebundle_(include=None, exclude=None)
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == viewer.widget().model_id
    assert bundle["text/plain"] == repr(viewer) == "3 frames of 60 x 40 pixels: 2 to strip, 1 to keep."
    still = seen(base64.b64decode(bundle["image/png"]))
    assert still.shape == (40, 60, 3)
    yellow = (still[..., 0] > 180) & (still[..., 2] < 90)
    assert yellow[6, 5:20].all() and yellow[30:38, 2].all()  # edges of the boxes to strip
    assert not yellow[:, 25:].any()
    assert (
        np.diff(still[6, 25:].mean(axis=-1)) >= 0
    ).all()  # a ramp: what is kept on the third frame is not on the first


@pytest.mark.parametrize("side", [36, 2])
def test_what_is_kept_is_dashed_in_the_picture_however_short_the_sides_of_its_outline_are(side):
    top = [(x, 4.0) for x in np.arange(4.0, 41, side)]
    shape = Shape(Box(4, 4, 40, 30), outline=(*top, (40.0, 30.0), (4.0, 30.0)), strip=False)
    still = seen(ImageViewer(made(ramp()), [shape])._still())
    edge = still[4, 4:40].min(axis=-1) > 200
    assert 5 < np.count_nonzero(edge) < 30 and np.count_nonzero(np.diff(edge.astype(int))) > 4


def test_the_picture_of_two_data_sets_has_both_side_by_side_and_stays_small():
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    bundle = ImageViewer(made(noise, "RGB"), [], made(noise // 4, "RGB"))._repr_mimebundle_()
    still = seen(base64.b64decode(bundle["image/png"]))
    assert still.shape == (480, 1280, 3)
    assert still[:, :640].mean() > 3 * still[:, 640:].mean()
    assert len(bundle["image/png"]) < 900_000  # noise: as large as it can get
    assert "before and after" in bundle["text/plain"]


@pytest.mark.parametrize(("missing", "left"), [("anywidget", ["text/plain", "image/png"]), ("PIL", ["text/plain"])])
def test_without_widgets_there_is_a_picture_and_without_pillow_a_line(missing, left):
    code = f"""
import sys
sys.modules["{missing}"] = None
from pydicom import dcmread
from pydicom.data import get_testdata_file
from safeshare import text
from safeshare.blanking import Box
viewer = text.show(dcmread(get_testdata_file("examples_rgb_color.dcm")), boxes=[Box(1, 1, 9, 9)])
assert list(viewer._repr_mimebundle_()) == {left!r}, list(viewer._repr_mimebundle_())
assert "onnxruntime" not in sys.modules
print(viewer)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "An image of 320 x 240 pixels: 1 to strip, 0 to keep.\n"


def test_the_viewer_is_imported_only_when_it_is_used():
    code = """
import sys
from safeshare import text
assert not {"anywidget", "ipywidgets", "safeshare.image_viewer"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- in a browser: the script with a model that remembers, and the events of mouse and keyboard ---

PAGE = """<!doctype html><body><div id="el"></div><pre id="out"></pre><script>
window.onerror = (words) => { document.getElementById("out").textContent = JSON.stringify([["error", words]]); };
</script><script>
@SCRIPT
Element.prototype.setPointerCapture = () => {};
const state = @STATE, listeners = {}, out = [];
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; (listeners["change:" + name] ?? []).forEach((each) => each()); },
  save_changes: () => {},
  on: (name, each) => (listeners[name] ??= []).push(each),
  off: () => {},
};
const el = document.getElementById("el");
render({ model, el });
const svg = el.querySelector("svg"), status = el.querySelector("[role=status]");
document.querySelector(".stage").style.cssText = "position: relative; width: 100px; height: 100px";
svg.style.cssText = "position: absolute; left: 0; top: 0; width: 100px; height: 100px";
const strips = () => state.shapes.map((each) => [...each.box, each.strip]);
const label = () => document.activeElement.getAttribute("aria-label");
const key = (name, more = {}) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }));
const mouse = (kind, x, y, target = svg) => {
  const { left, top } = svg.getBoundingClientRect();
  target.dispatchEvent(new PointerEvent(kind, { clientX: left + x, clientY: top + y, button: 0, bubbles: true }));
};
const taken = [];
document.addEventListener("keydown", (event) => taken.push(event.key));
@ACTIONS
document.getElementById("out").textContent = JSON.stringify(out);
</script>"""


def in_browser(tmp_path, actions, **changed):
    """Return what the actions, in JavaScript, push to `out`."""
    boxes = [[10, 10, 30, 20], [10, 40, 30, 50], [60, 10, 80, 20]]
    names = ("<b>ONE</b>", "TWO", "")
    shapes = [
        {"box": box, "frame": None, "label": name, "outline": [], "strip": True}
        for box, name in zip(boxes, names, strict=True)
    ]
    state = {"size": {"frames": 3, "rows": 100, "columns": 100, "sides": 2}, "shapes": shapes, "picture": {}}
    state |= {"wanted": {"side": 0, "frame": 0}, "lens": {}, "magnified": {}} | changed
    script = SCRIPT.read_text(encoding="utf-8").partition("export default")[0]
    page = PAGE.replace("@STATE", json.dumps(state)).replace("@SCRIPT", script)
    (tmp_path / "page.html").write_text(page.replace("@ACTIONS", actions), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--disable-extensions"]
    done = subprocess.run(
        [*command, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, check=False, timeout=60
    )
    answer = done.stdout.partition('<pre id="out">')[2].partition("</pre>")[0]
    assert answer, done.stdout[-2000:] + done.stderr[-2000:]
    said = json.loads(html.unescape(answer))
    assert said[0][0] != "error", said
    return {name: rest for name, *rest in said}


@pytest.mark.needs_program("chromium", debian="chromium")
def test_boxes_are_drawn_kept_moved_and_deleted_by_mouse_and_keyboard(tmp_path):
    actions = """
mouse("pointerdown", 40, 60); mouse("pointermove", 50, 65); mouse("pointermove", 70, 90); mouse("pointerup", 70, 90);
out.push(["drawn", strips().at(-1), label()]);
mouse("pointerdown", 12, 12, svg.querySelector('[data-index="0"] .line')); mouse("pointerup", 12, 12);
out.push(["clicked", strips()[0], label(), status.textContent]);
key("ArrowDown"); out.push(["down", label()]);
key("ArrowUp"); key("ArrowRight"); out.push(["right", label()]);
key(" "); out.push(["space", strips()[2]]); key("Enter"); out.push(["enter", strips()[2]]);
key("ArrowLeft"); key("ArrowDown"); key("Delete"); out.push(["deleted", strips().map((each) => each[1]), label()]);
key("Home"); out.push(["home", label()]);
key("n"); key("ArrowRight"); key("ArrowDown", { shiftKey: true }); out.push(["new", strips().at(-1)]);
key("Enter"); key("ArrowLeft"); out.push(["left again", strips().length, strips().at(-1)]);
key("n"); key("ArrowDown"); key("Escape"); out.push(["escaped", strips().length]);
out.push(["taken", taken]);
"""
    said = in_browser(tmp_path, actions)
    assert said["drawn"] == [[40, 60, 70, 90, True], "Box 4 of 4, x 40 to 70, y 60 to 90: strip"]
    assert said["clicked"][0] == [10, 10, 30, 20, False]
    assert said["clicked"][1].startswith("Box 1 of 4 “<b>ONE</b>”") and "to keep. 3 to strip, 1" in said["clicked"][2]
    assert said["down"][0].startswith("Box 2 of 4 “TWO”") and said["right"][0].startswith("Box 3 of 4, x 60")
    assert (said["space"][0][-1], said["enter"][0][-1]) == (False, True)
    assert said["deleted"][0] == [10, 10, 60] and "of 3" in said["deleted"][1]  # rows where the others begin
    assert said["home"][0].startswith("Box 1 of 3")
    assert said["new"][0][2] - said["new"][0][0] == 13 and said["new"][0][3] - said["new"][0][1] == 6
    assert said["left again"] == [4, said["new"][0]] and said["escaped"] == [4]
    assert said["taken"] == [[]]  # JupyterLab's shortcuts get none of them


@pytest.mark.needs_program("chromium", debian="chromium")
def test_frames_sides_words_and_magnifier_in_the_browser(tmp_path):
    actions = """
const image = el.querySelector("img"), slider = el.querySelector("input");
const groups = () => svg.querySelectorAll("g").length;
out.push(["start", groups(), image.alt, svg.querySelectorAll("b").length]);
slider.value = 2; slider.dispatchEvent(new Event("input")); out.push(["frame", groups(), image.alt, state.wanted]);
svg.querySelector("[tabindex='0']").focus();
key("a"); out.push(["side", image.alt, state.wanted]);
key("w"); out.push(["words", [...svg.querySelectorAll("text")].map((each) => each.textContent)]);
key("m"); out.push(["lens", state.lens]);
key("h"); out.push(["hidden", groups(), status.textContent]);
"""
    shapes = [
        {"box": [10, 10, 30, 20], "frame": 0, "label": "<b>ONE</b>", "outline": [], "strip": True},
        {"box": [40, 40, 60, 50], "frame": 1, "label": "TWO", "outline": [[40, 40], [60, 45], [50, 50]], "strip": True},
    ]
    said = in_browser(tmp_path, actions, shapes=shapes)
    assert said["start"] == [1, "Before, frame 1 of 3, 100 by 100 pixels", 0]
    assert said["frame"] == [1, "Before, frame 2 of 3, 100 by 100 pixels", {"side": 0, "frame": 1}]
    assert said["side"] == ["After, frame 2 of 3, 100 by 100 pixels", {"side": 1, "frame": 1}]
    assert said["words"] == [["TWO"]]
    assert said["lens"] == [{"x": 50, "y": 45, "side": 1, "frame": 1}]
    assert said["hidden"] == [0, "The boxes are hidden. 2 to strip, 0 to keep."]
