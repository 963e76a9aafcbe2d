"""The table that ``metadata.show`` returns: a searchable widget in a notebook, plain text everywhere else."""

import re
import struct
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from textwrap import wrap
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.uid import UID_dictionary

from .finding import Finding, Refused
from .metadata import find

MOST_ROWS_IN_TEXT = 299
MOST_ROWS_BESIDE_WIDGET = 20  # the text that a notebook stores for viewers without widgets
MOST_ROWS_IN_WIDGET = 600  # so that the browser keeps up with typing in the search box
LONGEST_VALUE = 80

# The heads of the columns, with their widths in text and in the widget.
COLUMNS = {
    "Tag": (11, "8em"), "Name": (31, "26%"), "VR": (4, "3em"), "Value": (28, "28%"), "Why it identifies": (38, "auto"),
}  # fmt: skip
COLUMNS_OF_TWO = {
    "Tag": (11, "8em"), "Name": (26, "20%"), "VR": (4, "3em"), "Before": (16, "16%"), "After": (16, "16%"),
    "What happened": (14, "9%"), "Why it identifies": (21, "auto"),
}  # fmt: skip

ACTIONS = {"X": "remove", "Z": "empty or dummy", "D": "dummy", "U": "new UID", "C": "clean"}  # PS3.15 E.1.1
KINDS = {
    "all": lambda row: True,
    "identifying": lambda row: row.mark,
    "private": lambda row: row.part == "private",
    "changed": lambda row: row.happened != "kept",
    "still identifying": lambda row: "identifies" in row.mark,
}

# Row colours are mixed into the theme's background and text keeps the theme's colour, so that both are readable in
# light and dark themes; the badges bring their own pair (WCAG 2.2, 1.4.3: at least 4.5 to 1).
_STYLE = """<style>
.safeshare-status {margin: 4px 0; line-height: 1.4}
.safeshare {max-height: 32em; overflow: auto; border: 1px solid #8888; line-height: 1.4; font-size: 13px}
.safeshare table {width: 100%; min-width: 60em; border-collapse: collapse; table-layout: fixed; margin: 0}
.safeshare caption {text-align: left; padding: 6px 8px; font-weight: 600}
.safeshare :is(th, td) {padding: 3px 8px; border-top: 1px solid #8884; font-weight: normal; text-align: left;
  vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere}
.safeshare > table > thead th {position: sticky; top: 0; z-index: 1; font-weight: 600;
  background: var(--jp-layout-color2, var(--vscode-editor-background, Canvas))}
.safeshare table table :is(thead, caption) {position: absolute; clip-path: inset(50%)}
.safeshare .fold {padding: 0 0 0 12px; border: 0}
.safeshare summary {padding: 3px 8px; cursor: pointer}
.safeshare small {white-space: nowrap}
.safeshare .item {background: #8883}
.safeshare .now {background: color-mix(in srgb, #e69f00 18%, transparent); box-shadow: inset 4px 0 #c06a00}
.safeshare .once {background: color-mix(in srgb, #0072b2 14%, transparent); box-shadow: inset 4px 0 #2f86bd}
.safeshare b {padding: 1px 7px; border-radius: 9px; white-space: nowrap; color: #fff; background: #0b5a8a}
.safeshare .now b {background: #8a4b00}
</style>"""

_UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, TypeError, ValueError,
    BytesLengthException, struct.error,
)  # fmt: skip

_Key = tuple[int, ...]  # the tag, behind the tag and item number of each sequence around it


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute, or the same attribute before and after: where it stands, what it holds, and why it identifies.

    ``values`` holds a text for each data set, None where the attribute is absent; ``content`` tells equal from changed.
    ``mark`` is "identifies", or with two data sets "still identifies" or "identified", or empty. ``happened`` is
    "removed", "emptied", "replaced", "added", "kept" or "changed inside", and empty for one data set.
    """

    key: _Key
    path: str
    name: str
    vr: str
    values: tuple[str | None, ...]
    content: object = ""
    mark: str = ""
    action: str = ""
    why: str = ""
    happened: str = ""

    @property
    def tag(self) -> str:
        """The tag as the standard writes it; the preamble has none."""
        return "" if self.key[0] < 0 else f"({self.key[-1] >> 16:04X},{self.key[-1] & 0xFFFF:04X})"

    @property
    def part(self) -> str:
        """The part of the file that the attribute belongs to, where it is not simply the data set."""
        return "file meta" if self.key[0] < 0x00030000 else "private" if self.key[-1] >> 16 & 1 else ""

    def holds(self, words: list[str]) -> bool:
        """Tell whether each of the words, in small letters, is in the tag, the name or the value."""
        text = " ".join((self.tag, self.tag.replace(",", ""), self.name, self.part, *filter(None, self.values)))
        return all(word in text.casefold() for word in words)


class MetadataTable:
    """A data set as a table, or two side by side, in which every attribute that identifies is marked.

    A notebook shows a widget with a search box; ``print`` and ``repr`` give plain text. The data sets stay as they are.
    Two data sets are aligned by path: item 0 of a sequence stands beside item 0 of the other.
    """

    def __init__(self, dataset: Dataset, after: Dataset | None = None) -> None:
        datasets = [dataset] if after is None else [dataset, after]
        self._columns = COLUMNS if after is None else COLUMNS_OF_TWO
        self._refusal = ""
        self._widget: Any = None
        try:
            findings = [{finding.where: finding for finding in find(each)} for each in datasets]
        except Refused as error:
            findings = [{} for _ in datasets]
            self._refusal = f"Nothing is marked, since what identifies cannot be told here: {error.reason}"
        self._found = [len(each) for each in findings]
        self.rows = _rows([{row.key: row for row in _read(each)} for each in datasets], findings)

    def select(self, search: str = "", show: str = "all") -> list[Row]:
        """Return the rows of one of the ``KINDS`` whose tag, name and value hold every word of ``search``."""
        words = search.casefold().split()
        return [row for row in self.rows if KINDS[show](row) and row.holds(words)]

    def html(self, search: str = "", show: str = "all") -> str:
        """Return the selected rows as HTML, in the sequences that they stand in, and with what stands inside them."""
        hits = {row.key for row in self.select(search, show)}
        around = {sequence for key in hits for sequence in _upwards(key[:-2])}
        shown = [row for row in self.rows if row.key in around or any(key in hits for key in _upwards(row.key))]
        items: dict[_Key, dict[_Key, list[Row]]] = {}  # by sequence, then by item
        for row in shown[:MOST_ROWS_IN_WIDGET]:
            items.setdefault(row.key[:-2], {}).setdefault(row.key[:-1], []).append(row)
        narrowed = len(hits) < len(self.rows)
        status = [self._summary(), f"Matching: {len(hits)}." if narrowed else ""]
        if len(shown) > MOST_ROWS_IN_WIDGET:
            status.append(f"Only the first {MOST_ROWS_IN_WIDGET} rows are shown: search for the others.")
        caption = "DICOM attributes" + ", before and after" * (len(self._found) - 1)
        body = "".join(self._html_rows(items.get((), {}).get((), []), items, around if narrowed else set()))
        return (
            f"{_STYLE}<p class='safeshare-status' role='status'>{escape(' '.join(status))}</p>"
            f"<div class='safeshare' role='region' aria-label='{caption}' tabindex='0'>"
            f"<table><caption>{caption}</caption>{self._head()}{body}</table></div>"
        )

    def widget(self) -> Any:
        """Return the table below a search box and a filter; raise ``ImportError`` where ipywidgets is not installed."""
        if self._widget is None:
            import ipywidgets

            search = ipywidgets.Text(description="Search", placeholder="tag, name or value")
            kinds = list(KINDS) if len(self._found) == 2 else list(KINDS)[:3]
            show = ipywidgets.Dropdown(description="Show", options=kinds)
            table = ipywidgets.HTML(self.html())

            def refresh(_: object) -> None:
                table.value = self.html(search.value, show.value)

            search.observe(refresh, "value")
            show.observe(refresh, "value")
            self._widget = ipywidgets.VBox([ipywidgets.HBox([search, show]), table])
        return self._widget

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        try:
            bundle = self.widget()._repr_mimebundle_() or {}
        except ImportError:
            bundle = {}
        return {**bundle, "text/plain": self._text(MOST_ROWS_BESIDE_WIDGET)}

    def __repr__(self) -> str:
        return self._text(MOST_ROWS_IN_TEXT)

    def _text(self, most: int) -> str:
        widths = [width for width, _ in self._columns.values()]
        lines = [*wrap(self._summary(), 120), _line(list(self._columns), widths)]
        rows = sorted(self.rows, key=lambda row: ("identifies" not in row.mark, not row.mark))
        for row in rows[:most]:
            name = row.path if len(row.key) > 1 else row.name
            if len(name) > widths[1]:
                name = "…" + name[1 - widths[1] :]  # the end of a path tells more than its start
            values = ["not there" if value is None else value for value in row.values]
            why = f"{row.mark} {row.action}: {row.why}" if row.mark else ""
            lines.append(_line([row.tag, name, row.vr, *values, *filter(None, [row.happened]), why], widths))
        if len(rows) > most:
            lines.append(f"{len(rows) - most} more rows are not shown here.")
        return "\n".join(lines)

    def _summary(self) -> str:
        if len(self._found) == 1:
            return f"{len(self.rows)} rows. {self._refusal or f'Findings: {self._found[0]}.'}"
        before, after = self._found
        happened = sorted(Counter(row.happened for row in self.rows).items())
        words = ", ".join(f"{count} {word}" for word, count in happened)
        return f"{len(self.rows)} rows: {words}. {self._refusal or f'Findings: {before} before, {after} after.'}"

    def _head(self) -> str:
        widths = "".join(f"<col style='width: {css}'>" for _, css in self._columns.values())
        heads = "".join(f"<th scope='col'>{name}</th>" for name in self._columns)
        return f"<colgroup>{widths}</colgroup><thead><tr>{heads}</tr></thead>"

    def _html_rows(
        self, rows: list[Row], items: dict[_Key, dict[_Key, list[Row]]], unfolded: set[_Key]
    ) -> Iterator[str]:
        span = f"colspan='{len(self._columns)}'"
        for row in rows:
            yield _html_row(row)
            if row.key in items:
                inside = [other for item in items[row.key].values() for other in item]
                marked = sum("identifies" in other.mark for other in inside)
                title = f"Inside {escape(row.name)}" + f": {marked} of {len(inside)} rows identify" * bool(marked)
                yield f"<tr><td class='fold' {span}><details{' open' * (row.key in unfolded)}>"
                yield f"<summary>{title}</summary><table><caption>{title}</caption>{self._head()}"
                for key, item in items[row.key].items():
                    number = f"{escape(row.name)}[{key[-1]}]"
                    yield f"<tbody><tr class='item'><th scope='rowgroup' {span}>{number}</th></tr>"
                    yield from self._html_rows(item, items, unfolded)
                    yield "</tbody>"
                yield "</table></details></td></tr>"


def _html_row(row: Row) -> str:
    colour = "now" if "identifies" in row.mark else "once" if row.mark else ""
    name = f"{escape(row.name)} <small>{row.part}</small>" if row.part else escape(row.name)
    cells = [escape(row.vr), *map(_html_value, row.values), *filter(None, [row.happened])]
    action = f"{row.action} ({ACTIONS[row.action]})" if row.action in ACTIONS else row.action
    cells.append(f"<b>{row.mark}</b> {action}: {escape(row.why)}" if row.mark else "")
    rest = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr class='{colour}'><td>{row.tag}</td><th scope='row'>{name}</th>{rest}</tr>"


def _html_value(value: str | None) -> str:
    if not value:
        return f"<i>{'not there' if value is None else 'empty'}</i>"
    if len(value) > LONGEST_VALUE:
        return f"{escape(value[:LONGEST_VALUE])}… <i>({len(value):,} characters)</i>"
    return escape(value)


def _line(cells: list[str], widths: list[int]) -> str:
    """Return one line of plain text; control characters, which could rewrite a terminal, become blanks."""
    plain = [re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", cell) for cell in cells]
    cut = [cell if len(cell) <= width else cell[: width - 1] + "…" for cell, width in zip(plain, widths, strict=True)]
    return "  ".join(cell.ljust(width) for cell, width in zip(cut, widths, strict=True)).rstrip()


def _upwards(key: _Key) -> Iterator[_Key]:
    """Yield the key and those of the sequences around it, from the inside out."""
    for end in range(len(key), 0, -2):
        yield key[:end]


def _read(dataset: Dataset) -> Iterator[Row]:
    preamble = getattr(dataset, "preamble", None) or b""
    if any(preamble):
        yield Row((-1,), "preamble", "preamble", "", (f"{len(preamble):,} bytes",), preamble)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong values are shown as they are
        yield from _walk(getattr(dataset, "file_meta", None) or Dataset(), (), "")
        yield from _walk(dataset, (), "")


def _walk(dataset: Dataset, around: _Key, path: str) -> Iterator[Row]:
    view = Dataset(dict(dataset.items()))  # pydicom keeps what it decodes: so here, and not in the caller's data set
    implicit, little = dataset.original_encoding
    view.set_original_encoding(implicit, little, dataset.original_character_set)
    for tag in sorted(view.keys()):
        keyword = keyword_for_tag(tag)
        name = keyword or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        key, where = (*around, int(tag)), path + name
        raw: Any = view.get_item(tag, keep_deferred=True)
        try:
            element = view[tag]
            text = _shown(element)
        except _UNREADABLE:
            vr = raw.VR or (dictionary_VR(tag) if keyword else "UN")
            length = len(raw.value) if isinstance(raw.value, bytes) else getattr(raw, "length", 0)
            yield Row(key, where, name, vr, (f"{length:,} bytes, not readable as {vr}",), raw.value)
            continue
        content = element.value if isinstance(element.value, bytes) else text
        yield Row(key, where, keyword or element.name, element.VR, (text,), content)
        if element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from _walk(item, (*key, number), f"{where}[{number}].")


def _shown(element: DataElement) -> str:
    value = element.value
    if element.VR == "SQ":
        return f"{len(value)} item{'s' * (len(value) != 1)}" if value else ""
    if isinstance(value, bytes):
        return f"{len(value):,} bytes" if value else ""
    if isinstance(value, MultiValue | list | tuple):
        return "\\".join(map(str, value))
    text = "" if value is None else str(value)
    return f"{text} ({UID_dictionary[text][0]})" if element.VR == "UI" and text in UID_dictionary else text


def _rows(sides: list[dict[_Key, Row]], findings: list[dict[str, Finding]]) -> list[Row]:
    """Return the rows of one data set with their marks, or those of two joined by key."""
    rows: list[Row] = []
    found: list[dict[_Key, Finding]] = [{} for _ in sides]
    changed: set[_Key] = set()
    for key in sorted(set().union(*sides)):
        here = [side.get(key) for side in sides]
        row = next(side for side in here if side)
        for marked, known, side in zip(found, findings, here, strict=True):
            finding = known.get(row.path) or marked.get(key[:-2])  # what is inside goes with the whole
            if side and finding:
                marked[key] = finding
        first, last = found[0].get(key), found[-1].get(key)
        if finding := last or first:
            mark = "identified" if not last else "still identifies" if first and len(sides) == 2 else "identifies"
            why = finding.why if finding.where == row.path else f"inside {finding.where}, which is treated as a whole"
            row = replace(row, mark=mark, action=finding.action, why=why)
        values = tuple(side.values[0] if side else None for side in here)
        happened = _happened(*here) if len(here) == 2 else ""
        if happened not in ("", "kept"):
            changed.update(_upwards(key))
        rows.append(replace(row, values=values, happened=happened))
    hiding = {row.key for row in rows if row.happened == "kept"} & changed
    return [replace(row, happened="changed inside") if row.key in hiding else row for row in rows]


def _happened(before: Row | None, after: Row | None) -> str:
    if after is None:
        return "removed"
    if before is None or (after.content and not before.content):
        return "added"
    if before.content == after.content:
        return "kept"
    return "replaced" if after.content else "emptied"
