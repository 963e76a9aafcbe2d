"""The viewer of `faces.show`: heads turn together, words tell what is seen, and it does without widgets."""

import base64
import io
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from safeshare import faces, rendering
from safeshare.face_viewer import FaceViewer
from safeshare.volume import Volume


class Page(HTMLParser):
    """The pictures on a page, with their attributes, and the words below them."""

    def __init__(self, text):
        super().__init__()
        self.images, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        self.tag = tag

    def handle_data(self, data):
        if self.tag == "figcaption" and data.strip():
            self.words.append(data)

    def pictures(self):
        return [drawn(image["src"].partition("base64,")[2]) for image in self.images]


def drawn(data):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))), float) / 255


def ball(modality="CT", nose=True):
    x, y, z = 3.0 * (np.indices((48, 48, 48)) - 23.5)
    inside = x**2 + y**2 + z**2 < 50**2
    if nose:
        inside |= x**2 + (y + 50) ** 2 + z**2 < 14**2
    values = np.where(inside, 40, -1000) if modality == "CT" else np.where(inside, 300, 3)
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -23.5 * 3
    return Volume(values.astype(np.int16), affine, modality, ())


@pytest.fixture
def pair():
    """A viewer of two scans, its three sliders, and a function that reads its page."""
    viewer = FaceViewer(ball(), ball(nose=False))
    sliders, view = viewer.widget().children
    return viewer, sliders.children, lambda: Page(view.value)


def test_the_pictures_are_those_that_render_makes(pair):
    _, (turn, tilt, _), page = pair
    turn.value, tilt.value = 40, -20
    for picture, scan in zip(page().pictures(), (ball(), ball(nose=False)), strict=True):
        expected = rendering.render(scan, 40, -20, size=len(picture))
        assert np.abs(picture - expected).mean() < 0.02  # JPEG is not exact


def test_both_heads_turn_and_tilt_together(pair):
    _, sliders, page = pair
    for slider in sliders[:2]:
        start = page().pictures()
        slider.value = 30
        assert all(np.abs(new - old).max() > 0.1 for new, old in zip(page().pictures(), start, strict=True))
        slider.value = 0
        for new, old in zip(page().pictures(), start, strict=True):
            np.testing.assert_array_equal(new, old)


def test_the_threshold_is_that_of_the_skin_and_moves_both(pair):
    viewer, (_, _, threshold), page = pair
    assert threshold.value == faces.skin_level(ball()) and threshold.min < threshold.value < threshold.max
    assert [picture.max() > 0.5 for picture in page().pictures()] == [True, True]
    threshold.value = 200  # nothing is as dense as that
    assert [picture.max() < 0.1 for picture in page().pictures()] == [True, True]
    assert "200 HU" in page().images[0]["alt"]


def test_after_is_shown_with_the_threshold_of_before():
    bright = ball("MR")
    dim = bright.with_values(bright.values // 12)
    level = faces.skin_level(bright)
    picture = Page(FaceViewer(bright, dim).html()).pictures()[1]
    expected, own = (rendering.render(dim, level=which, size=len(picture)) for which in (level, None))
    assert np.abs(picture - expected).mean() < 0.02 < 0.04 < np.abs(picture - own).mean()


def test_words_tell_which_head_is_seen_and_from_where(pair):
    _, (turn, tilt, _), page = pair
    assert page().words == ["Before", "After"]
    assert [image["alt"].split(":")[0] for image in page().images] == ["Before", "After"]
    assert all("seen from the front" in image["alt"] for image in page().images)
    turn.value, tilt.value = 30, -10
    for image in page().images:
        assert "CT scan, turned 30 degrees to its left and looking 10 degrees down" in image["alt"]
    turn.value, tilt.value = -45, 15
    assert "turned 45 degrees to its right and looking 15 degrees up" in page().images[1]["alt"]


def test_one_head_has_no_caption_and_its_scan_is_named():
    page = Page(FaceViewer(ball("MR")).html())
    assert page.words == [] and len(page.images) == 1
    assert page.images[0]["alt"].startswith("The surface of the head in the MRI scan")


def test_what_a_file_calls_its_modality_is_text_and_never_markup():
    scan = ball()
    odd = Volume(scan.values, scan.affine, "\"><script>alert('CT')</script>", ())
    text = FaceViewer(odd).html()
    assert "<script" not in text and "<script>" in Page(text).images[0]["alt"]


def test_a_notebook_gets_the_widget_a_picture_and_a_line(pair):
    viewer, (turn, *_), _ = pair
    bundle = viewer._repr_mimebundle_(include=None, exclude=None)
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == viewer.widget().model_id
    assert bundle["text/plain"] == repr(viewer) and len(repr(viewer).splitlines()) == 2
    both = drawn(bundle["image/png"])
    assert len(both) == 448  # it also stands in pages and prints, where it is shown larger
    expected = [rendering.render(scan, size=len(both)) for scan in (ball(), ball(nose=False))]
    np.testing.assert_allclose(both, np.hstack(expected), atol=0.003)
    turn.value = 90
    assert viewer._repr_mimebundle_()["image/png"] == bundle["image/png"]  # the stored one is always from the front


@pytest.mark.parametrize(("missing", "left"), [("ipywidgets", ["text/plain", "image/png"]), ("PIL", ["text/plain"])])
def test_without_widgets_there_is_a_picture_and_without_pillow_a_line(missing, left):
    code = f"""
import sys
sys.modules["{missing}"] = None
import numpy as np
from safeshare.face_viewer import FaceViewer
from safeshare.volume import Volume
values = np.full((40, 40, 40), -1000, np.int16)
values[10:30, 10:30, 10:30] = 0
viewer = FaceViewer(Volume(values, np.diag([3.0, 3, 3, 1]), "CT", ()))
assert list(viewer._repr_mimebundle_()) == {left!r}, list(viewer._repr_mimebundle_())
print(viewer)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The surface of the head in the CT scan, seen from the front")


def test_show_returns_the_viewer_and_imports_it_only_then():
    code = """
import sys
from safeshare import faces
assert not {"ipywidgets", "matplotlib", "safeshare.face_viewer"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert isinstance(faces.show(ball()), FaceViewer)
    assert repr(faces.show(ball(), ball(nose=False))).splitlines()[1].startswith("After: ")
