"""The viewer of ``text.show`` and ``objects.show``: an image with shapes to strip, keep and draw, or its picture."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from . import blanking, decoding
from .blanking import Box

LONGEST = 1600  # rows or columns of a picture; boxes are in the pixels of the image all the same
WIDEST = 640  # columns of the picture that a notebook stores
DASH = 4  # pixels
COLOURS = 64  # of that picture, so that it takes little room
LENS = (120, 80)  # columns and rows of the image that the magnifier shows


@dataclass(frozen=True, slots=True)
class Shape:
    """A place in an image: a box or, in columns and rows from 0, an outline; ``strip`` tells whether it is to go."""

    box: Box
    label: str = ""
    outline: tuple[tuple[float, float], ...] = ()
    strip: bool = True


class ImageViewer:
    """An image with shapes over it, which a person can keep, strip, remove and draw, by mouse or keyboard.

    A notebook shows it with a slider for the frames, a magnifier that spreads the contrast, and, when there are two
    data sets, a button to change between before and after. ``shapes`` and ``boxes`` are as the person left them.
    Where there are no widgets there is a picture of the first frame.

    Raises ``Refused`` when the pixels cannot be read.
    """

    def __init__(self, dataset: Dataset, shapes: Iterable[Shape], after: Dataset | None = None) -> None:
        self.frames, self.rows, self.columns = decoding.size(dataset)
        if after is not None and decoding.size(after) != (self.frames, self.rows, self.columns):
            raise ValueError("after has other frames, rows or columns than before: show it by itself.")
        self._datasets = [dataset] if after is None else [dataset, after]
        self._shapes = list(shapes)
        self._decoded: dict[int, tuple[int, np.ndarray]] = {}
        self._widget: Any = None
        self._values(0, 0)

    @property
    def shapes(self) -> list[Shape]:
        """All shapes that are left, those to keep and those to strip."""
        return list(self._shapes) if self._widget is None else [_from_browser(each) for each in self._widget.shapes]

    @property
    def boxes(self) -> list[Box]:
        """The boxes of the shapes to strip."""
        return [shape.box for shape in self.shapes if shape.strip]

    def picture(self, side: int = 0, frame: int = 0) -> bytes:
        """Return a frame of the data set before (0) or after (1), as a person would see it, as a JPEG."""
        return _encoded(self._seen(side, frame), "JPEG")

    def lens(self, x: float, y: float, side: int = 0, frame: int = 0) -> bytes:
        """Return what is around a pixel, with the contrast spread, as a PNG; faint letters are easier to read so."""
        wide, high = min(LENS[0], self.columns), min(LENS[1], self.rows)
        left = min(max(0, round(x - wide / 2)), self.columns - wide)
        top = min(max(0, round(y - high / 2)), self.rows - high)
        part = self._values(side, frame)[top : top + high, left : left + wide]
        low, high_value = np.nanpercentile(part, (1, 99))
        return _encoded(_as_bytes(part, float(low), float(high_value)), "PNG")

    def widget(self) -> Any:
        """Return the widget; raise ``ImportError`` where anywidget or Pillow is not installed."""
        if self._widget is None:
            from .image_widget import ImageWidget

            self._widget = ImageWidget(self, [_for_browser(shape) for shape in self._shapes], len(self._datasets))
        return self._widget

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/png"] = b64encode(self._still()).decode("ascii")
            shown = self.widget()._repr_mimebundle_()
            return {**(shown[0] if isinstance(shown, tuple) else shown or {}), **bundle}
        except ImportError:
            return bundle

    def __repr__(self) -> str:
        frames = f"{self.frames} frames" if self.frames > 1 else "An image"
        sides = ", before and after" if len(self._datasets) > 1 else ""
        going = len(self.boxes)
        kept = len(self.shapes) - going
        return f"{frames} of {self.columns} x {self.rows} pixels{sides}: {going} to strip, {kept} to keep."

    def _values(self, side: int, frame: int) -> np.ndarray:
        """Return a frame's values: grey ones as they are stored, and others as RGB."""
        if self._decoded.get(side, (-1,))[0] != frame:
            dataset = self._datasets[side]
            values = next(decoding.decoded(dataset, [frame]))
            if dataset.PhotometricInterpretation == "PALETTE COLOR":
                values = blanking.coloured(values, dataset)
            self._decoded[side] = frame, values
        return self._decoded[side][1]

    def _seen(self, side: int, frame: int) -> np.ndarray:
        """Return a frame in bytes, as a viewer shows it: grey values in the window that the file asks for."""
        dataset, values = self._datasets[side], _reduced(self._values(side, frame), LONGEST)
        if values.ndim == 3:
            return values if values.dtype == np.uint8 else _as_bytes(values, 0, float(np.iinfo(values.dtype).max))
        shown = apply_voi_lut(apply_modality_lut(values, dataset), dataset)
        seen = _as_bytes(shown, float(np.nanmin(shown)), float(np.nanmax(shown)))
        return 255 - seen if dataset.PhotometricInterpretation == "MONOCHROME1" else seen

    def _still(self) -> bytes:
        """Return the first frame with the shapes, before and after side by side, as a PNG of few colours."""
        from PIL import Image, ImageDraw

        scale = min(1.0, WIDEST / self.columns)
        size = round(self.columns * scale), round(self.rows * scale)
        sides = range(len(self._datasets))
        pictures = [Image.fromarray(self._seen(side, 0)).convert("RGB").resize(size) for side in sides]
        image = Image.fromarray(np.hstack([np.asarray(picture) for picture in pictures])).quantize(COLOURS)
        pen = ImageDraw.Draw(image)
        for shape in self.shapes:
            if shape.box.frame in (None, 0):
                x0, y0, x1, y1 = shape.box[:4]
                corners = shape.outline or ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
                for side in sides:
                    _draw(pen, [(x * scale + side * size[0], y * scale) for x, y in corners], shape.strip)
        return _encoded(image, "PNG")


def _draw(pen: Any, corners: list[tuple[float, float]], strip: bool) -> None:
    """Draw a closed line on a dark one: yellow where it is to be stripped, white and in dashes where it is kept."""
    closed = np.array([*corners, corners[0]], float)
    pen.line(closed.ravel().tolist(), fill=(0, 0, 0), width=4)
    if strip:
        pen.line(closed.ravel().tolist(), fill=(255, 214, 0), width=2)
        return
    along = np.append(0, np.hypot(*np.diff(closed, axis=0).T).cumsum())  # outlines have sides shorter than a dash
    for start in np.arange(0, along[-1], 2 * DASH):
        end = min(start + DASH, along[-1])
        at = [start, *along[(along > start) & (along < end)], end]
        places = np.column_stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)])
        pen.line(places.ravel().tolist(), fill=(255, 255, 255), width=2)


def _for_browser(shape: Shape) -> dict[str, Any]:
    box, frame = [int(each) for each in shape.box[:4]], shape.box.frame
    outline = [[float(x), float(y)] for x, y in shape.outline]
    return {"box": box, "frame": frame, "label": shape.label, "outline": outline, "strip": shape.strip}


def _from_browser(said: dict[str, Any]) -> Shape:
    x0, y0, x1, y1 = said["box"]
    box = Box(x0, y0, x1, y1, said["frame"])
    return Shape(box, said["label"], tuple((x, y) for x, y in said["outline"]), said["strip"])


def _as_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    scaled = (np.nan_to_num(values.astype(np.float32), nan=low) - low) * (255 / max(high - low, 1e-9))
    return scaled.clip(0, 255).astype(np.uint8)


def _reduced(values: np.ndarray, longest: int) -> np.ndarray:
    """Return means of so many neighbours that neither rows nor columns are more than ``longest``."""
    kind, factor = values.dtype, -(-max(values.shape[:2]) // longest)
    for axis in (0, 1) if factor > 1 else ():
        starts = np.arange(0, values.shape[axis], factor)
        counts = np.diff(np.append(starts, values.shape[axis]))
        sums = np.add.reduceat(values, starts, axis=axis, dtype=np.float32)
        values = sums / np.expand_dims(counts, tuple(other for other in range(values.ndim) if other != axis))
    return (values.round() if kind.kind in "iu" else values).astype(kind, copy=False)


def _encoded(picture: Any, kind: str) -> bytes:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture)) if isinstance(picture, np.ndarray) else picture
    buffer = BytesIO()
    image.save(buffer, kind, quality=90, subsampling=0) if kind == "JPEG" else image.save(buffer, kind, optimize=True)
    return buffer.getvalue()
