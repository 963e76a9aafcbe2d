"""The viewer that ``faces.show`` returns: a head that turns in a notebook, its picture on a page, a line elsewhere."""

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import Any

import numpy as np

from .rendering import Surface
from .volume import Volume

SIZE = 224  # rows and columns of a picture: so two are drawn in 0.2 s, and follow the hand
STILL = 448  # of the picture that stands where no sliders are
STEP, MOST_TILT = 5, 60  # degrees
BELOW, ABOVE = 9, 19  # steps of the threshold, each a tenth of it (in CT 50 HU), below and above that of the skin

_SCANS = {"MR": "MRI", "PT": "PET"}

_STYLE = """<style>
.safeshare-faces {display: flex; flex-wrap: wrap; gap: 8px; margin: 4px 0}
.safeshare-faces figure {margin: 0; flex: 0 1 336px; min-width: 160px}
.safeshare-faces img {display: block; width: 100%; aspect-ratio: 1; cursor: grab; touch-action: none; user-select: none}
.safeshare-faces figcaption {padding: 2px; font-size: 13px; font-weight: 600; text-align: center}
</style>"""

# Pulling the picture presses the arrow keys of the sliders, once every 6 pixels: a slider turns, and then the kernel.
_PULL = """if (event.buttons & 1) {
  const box = this.closest('.safeshare-face-viewer');
  box.querySelectorAll('.noUi-handle').forEach((handle, n) => {
    const way = ['x', 'y'][n], move = [event.movementX, -event.movementY][n];
    if (!way) return;
    let pulled = Number(box.dataset[way] || 0) + move;
    for (; Math.abs(pulled) >= 6; pulled -= 6 * Math.sign(pulled))
      handle.dispatchEvent(new KeyboardEvent('keydown', {key: pulled > 0 ? 'ArrowRight' : 'ArrowLeft'}));
    box.dataset[way] = pulled;
  });
}"""


class FaceViewer:
    """The surface of the head in a scan, or in two side by side, which turn together.

    A notebook shows it with sliders that turn and tilt the head and that set the threshold between air and head; the
    mouse can pull the picture, too. Where there are no widgets there is a picture of the front.
    """

    def __init__(self, volume: Volume, after: Volume | None = None) -> None:
        first = Surface(volume)
        self._skin = first.level
        self._surfaces = {"": first}
        if after is not None:
            self._surfaces = {"Before": first, "After": Surface(after, first.level)}
        self._modality = volume.modality
        self._drawn: dict[tuple[int, int], str] = {}
        self._widget: Any = None

    def html(self, yaw: int = 0, pitch: int = 0, level: float | None = None) -> str:
        """Return the head turned to its left and looking up by so many degrees, with a threshold, as HTML."""
        level = self._skin if level is None else level
        if level != next(iter(self._surfaces.values())).level:
            self._surfaces = {name: surface.at(level) for name, surface in self._surfaces.items()}
            self._drawn.clear()
        if (yaw, pitch) not in self._drawn:
            self._drawn[yaw, pitch] = "".join(
                f'<figure><img draggable="false" onpointermove="{escape(_PULL)}"'
                f' alt="{escape(self._words(name, yaw, pitch))}"'
                f' src="data:image/jpeg;base64,{_encoded([_picture(surface, yaw, pitch)], "JPEG")}">'
                f"{f'<figcaption>{name}</figcaption>' if name else ''}</figure>"
                for name, surface in self._surfaces.items()
            )
        return f'{_STYLE}<div class="safeshare-faces">{self._drawn[yaw, pitch]}</div>'

    def widget(self) -> Any:
        """Return the head below its sliders; raise ``ImportError`` where ipywidgets or Pillow is not installed."""
        if self._widget is None:
            import ipywidgets

            turn = ipywidgets.IntSlider(0, -180, 180, STEP, description="Turn")
            tilt = ipywidgets.IntSlider(0, -MOST_TILT, MOST_TILT, STEP, description="Tilt")
            step = 50.0 if self._modality == "CT" else abs(self._skin) / 10 or 1.0
            threshold = ipywidgets.FloatSlider(
                self._skin,
                min=self._skin - BELOW * step,
                max=self._skin + ABOVE * step,
                step=step,
                description="Threshold",
                readout_format=".0f" if step >= 1 else ".3f",
            )
            view = ipywidgets.HTML(self.html())

            def refresh(_: object) -> None:
                view.value = self.html(turn.value, tilt.value, threshold.value)

            sliders = [turn, tilt, threshold]
            for slider in sliders:
                slider.observe(refresh, "value")
            self._widget = ipywidgets.VBox(
                [ipywidgets.HBox(sliders, layout=ipywidgets.Layout(flex_flow="row wrap")), view]
            )
            self._widget.add_class("safeshare-face-viewer")
        return self._widget

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        bundle = {"text/plain": repr(self)}
        try:
            front = [_picture(surface, 0, 0, STILL) for surface in self._surfaces.values()]
            bundle["image/png"] = _encoded(front, "PNG")
            return {**(self.widget()._repr_mimebundle_() or {}), **bundle}
        except ImportError:
            return bundle

    def __repr__(self) -> str:
        return "\n".join(self._words(name, 0, 0) + "." for name in self._surfaces)

    def _words(self, name: str, yaw: int, pitch: int) -> str:
        """Say what the picture shows, and from where."""
        turned = f"turned {abs(yaw)} degrees to its {'left' if yaw > 0 else 'right'}" if yaw else ""
        tilted = f"looking {abs(pitch)} degrees {'up' if pitch > 0 else 'down'}" if pitch else ""
        seen = " and ".join(filter(None, [turned, tilted])) or "seen from the front"
        scan = _SCANS.get(self._modality, self._modality)
        level, unit = next(iter(self._surfaces.values())).level, " HU" * (self._modality == "CT")
        which = f"{name}: the" if name else "The"
        return f"{which} surface of the head in the {scan} scan, {seen}, at a threshold of {level:.4g}{unit}"


def _picture(surface: Surface, yaw: int, pitch: int, size: int = SIZE) -> np.ndarray:
    return np.round(surface.picture(yaw, pitch, size) * 255).astype(np.uint8)


def _encoded(pictures: list[np.ndarray], kind: str) -> str:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(np.hstack(pictures)).save(buffer, kind, quality=85)
    return b64encode(buffer.getvalue()).decode("ascii")
