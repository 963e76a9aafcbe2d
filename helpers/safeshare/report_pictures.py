"""Small pictures for a report: where in an image writing and objects are, and, only if asked for, the image itself."""

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from .blanking import Box
from .finding import Finding, Refused

if TYPE_CHECKING:
    from .report import Report
    from .series import Outcome

MOST = 24
SIZE = 320  # columns or rows of a thumbnail at most
_NOUNS = {"text": "line of writing", "objects": "object", "faces": "face"}
_COLOURS = {"text": "#ffd600", "objects": "#5ad1ff"}


class Picture(NamedTuple):
    """A drawing as SVG, and its caption, both HTML."""

    svg: str
    caption: str


def pictures(report: "Report", with_original_values: bool) -> tuple[list[Picture], int]:
    """Return pictures of the first images in which something stands at a place, and how many more there are.

    Slices that show the same boxes are one picture. With original values the pixels are drawn, and heads with a face.
    """
    groups = {number: group for group in report.groups for number in group.files}
    different: dict[object, tuple[int, Outcome, list[Finding]]] = {}
    faces: dict[int, list[int]] = {}
    for number, each in enumerate(report, 1):
        found = [one for one in each.findings if getattr(one, "box", None)]
        series = groups[number].series if number in groups else -number
        if found and each.header:
            different.setdefault((series, *(one.where for one in found)), (number, each, found))
        if any(one.kind == "faces" for one in each.findings):
            faces.setdefault(series, []).append(number)
    made = [_drawn(*each, with_original_values) for each in list(different.values())[:MOST]]
    if with_original_values and report.verb == "audit":
        heads = [_face(report, series, numbers) for series, numbers in list(faces.items())[:MOST]]
        made = [head for head in heads if head] + made
    return made, max(0, len(different) - MOST)


def _drawn(number: int, outcome: "Outcome", found: list[Finding], with_original_values: bool) -> Picture:
    columns, rows = (int(outcome.header.get(name) or 1) for name in ("Columns", "Rows"))
    frame = min((one.box.frame or 0 for one in found), default=0)  # type: ignore[attr-defined]
    shown = [one for one in found if one.box.frame in (None, frame)]  # type: ignore[attr-defined]
    counts = _counted(found)
    image = _thumbnail(outcome, frame) if with_original_values else ""
    alt = f"Image of {columns} by {rows} pixels with boxes around {counts}" + "" * bool(image)
    alt += "." if image else ", drawn without its pixels."
    inside = f"<image href='{image}' width='{columns}' height='{rows}'/>" if image else ""
    inside += "".join(_box(one.box, one.kind) for one in shown)  # type: ignore[attr-defined]
    caption = f"File {number}: {counts}"
    if with_original_values:
        words = escape("; ".join(one.what for one in found if one.what))
        caption += f"<details><summary>Words</summary>{words}</details>" if words else ""
    return Picture(_svg(columns, rows, alt, inside), caption)


def _svg(columns: int, rows: int, alt: str, inside: str) -> str:
    return f"<svg viewBox='0 0 {columns} {rows}' role='img' aria-label='{escape(alt, quote=True)}'>{inside}</svg>"


def _box(box: Box, kind: str) -> str:
    place = f"x='{box.x0}' y='{box.y0}' width='{box.x1 - box.x0}' height='{box.y1 - box.y0}'"
    dark = f"<rect {place} fill='none' stroke='#000' stroke-width='3' vector-effect='non-scaling-stroke'/>"
    light = f"stroke='{_COLOURS.get(kind, '#fff')}' stroke-width='1.5' vector-effect='non-scaling-stroke'"
    return f"{dark}<rect {place} fill='none' {light}/>"


def _counted(found: Iterable[Finding]) -> str:
    kinds = [one.kind for one in found]
    words = []
    for kind in dict.fromkeys(kinds):
        noun, count = _NOUNS.get(kind, kind), kinds.count(kind)
        plural = noun.replace("line", "lines", 1) if noun.startswith("line") else noun + "s"
        words.append(f"{count} {noun if count == 1 else plural}")
    return " and ".join(words)


def _thumbnail(outcome: "Outcome", frame: int) -> str:
    """Return a frame of an original as a data URL, "" where it cannot be shown."""
    from .decoding import load
    from .image_viewer import ImageViewer

    try:
        return _url(ImageViewer(load(outcome.source), []).picture(0, frame))
    except (ImportError, OSError, Refused):
        return ""


def _face(report: "Report", series: int, numbers: list[int]) -> Picture | None:
    """Return the head as anybody can render it from the slices of a series."""
    from . import volume
    from .rendering import render

    try:
        scan = volume.read([report[number - 1].source for number in numbers])
        head = (render(scan, size=SIZE) * 255).round().astype("uint8")
        image = _url(head)
    except (ImportError, OSError, Refused):
        return None
    side = head.shape[0]
    alt = f"The head in series {series}, rendered from its slices as seen from the front: the face can be recognized."
    inside = f"<image href='{image}' width='{side}' height='{side}'/>"
    return Picture(_svg(side, side, alt, inside), f"Series {series}, {len(numbers)} files: a face")


def _url(picture: Any) -> str:
    """Return a picture, coded or as an array, as the data URL of a small JPEG."""
    from PIL import Image

    image = Image.open(BytesIO(picture)) if isinstance(picture, bytes) else Image.fromarray(picture)
    image.thumbnail((SIZE, SIZE))
    buffer = BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode("ascii")
