"""The part of the image viewer that lives in the browser, drawn by image_widget.js; it asks Python for pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

if TYPE_CHECKING:
    from .image_viewer import ImageViewer


class ImageWidget(anywidget.AnyWidget):
    """The widget: what the person looks at comes from the browser, and the pictures of it are sent there."""

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")

    size = traitlets.Dict(read_only=True).tag(sync=True)  # frames, rows, columns, sides
    shapes: traitlets.List = traitlets.List().tag(sync=True)
    wanted = traitlets.Dict({"side": 0, "frame": 0}).tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)  # side, frame, data
    lens = traitlets.Dict().tag(sync=True)  # x, y, side, frame
    magnified = traitlets.Dict().tag(sync=True)  # x, y, side, frame, data

    def __init__(self, viewer: "ImageViewer", shapes: list[dict[str, Any]], sides: int) -> None:
        super().__init__(shapes=shapes)
        self._viewer = viewer
        size = {"frames": viewer.frames, "rows": viewer.rows, "columns": viewer.columns, "sides": sides}
        self.set_trait("size", size)
        self._draw()

    @traitlets.observe("wanted")
    def _draw(self, _: object = None) -> None:
        self.picture = {**self.wanted, "data": self._viewer.picture(**self.wanted)}

    @traitlets.observe("lens")
    def _magnify(self, _: object) -> None:
        if self.lens:
            self.magnified = {**self.lens, "data": self._viewer.lens(**self.lens)}
