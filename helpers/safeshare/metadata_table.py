"""The table that ``metadata.show`` returns: a searchable widget in a notebook, plain text everywhere else."""

import re
import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.multival import MultiValue
from pydicom.uid import UID_dictionary

from .finding import Finding, Refused
from .metadata import find

ACTIONS = {"X": "remove", "Z": "empty", "D": "replace", "U": "new UID", "C": "clean"}  # PS3.15 E.1.1
LONGEST_VALUE = 80
MOST_ROWS_IN_TEXT = 299
MOST_ROWS_IN_WIDGET = 600  # so that typing in the search box never waits for the browser

_UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, TypeError, ValueError, struct.error,
)  # fmt: skip
_ABSENT = "not there"

# Colours are mixed with the theme's own background, and text keeps the theme's own colour: so both stay readable in
# light and in dark themes. The badges bring their own pair, with a contrast of at least 5 to 1 (WCAG 2.2, 1.4.3).
_STYLE = """<style>
.safeshare-table {max-height: 32em; overflow: auto; border: 1px solid #8888; line-height: 1.35; font-size: 13px}
.safeshare-table table {width: 100%; min-width: 56em; border-collapse: collapse; table-layout: fixed; margin: 0}
.safeshare-table caption {text-align: left; padding: 6px 8px}
.safeshare-table th, .safeshare-table td {text-align: left; vertical-align: top; padding: 3px 8px; overflow-wrap: anywhere;
  border-top: 1px solid #8884; font-weight: normal; white-space: normal}
.safeshare-table > table > thead th {position: sticky; top: 0; z-index: 1; font-weight: 600;
  background: var(--jp-layout-color2, var(--vscode-editor-background, Canvas))}
.safeshare-table table table {border-left: 6px solid #8886}
.safeshare-table table table thead, .safeshare-table table table caption {position: absolute; clip-path: inset(50%)}
.safeshare-table td.fold {padding: 0 0 0 8px; border-top: 0}
.safeshare-table summary {cursor: pointer; padding: 3px 8px}
.safeshare-table .item {font-weight: 600; background: #8882}
.safeshare-table code {font-size: 12px; background: none; color: inherit; padding: 0}
.safeshare-table tr.now {background: color-mix(in srgb, #e69f00 18%, transparent); box-shadow: inset 4px 0 #c06a00}
.safeshare-table tr.once {background: color-mix(in srgb, #0072b2 14%, transparent); box-shadow: inset 4px 0 #2f86bd}
.safeshare-table b {padding: 0 6px; border-radius: 8px; font-weight: 600; white-space: nowrap; color: #fff; background: #0b5a8a}
.safeshare-table .now b {background: #8a4b00}
</style>"""


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute, or the same attribute before and after: where it stands, what it holds, and why it identifies.

    ``key`` is its tag, behind the tag and the item number of each sequence around it. ``values`` holds one text, or two,
    None where the attribute is absent. ``mark`` is "identifies", and with two data sets "identified" when it no longer
    does, or "still identifies"; else it is empty. ``happened`` is empty for one data set.
    """

    key: tuple[int, ...]
    path: str
    tag: str
    name: str
    vr: str
    values: tuple[str | None, ...]
    mark: str
    action: str
    why: str
    happened: str

    @property
    def part(self) -> str:
        """Say which part of the file the attribute belongs to, where that is not the data set itself."""
        if self.key[0] < 0x00030000:
            return "file meta"
        return "private" if self.key[-1] >> 16 & 1 else ""


@dataclass(frozen=True, slots=True)
class _Element:
    path: str
    name: str
    vr: str
    text: str
    content: object  # what tells whether two elements are equal


class MetadataTable:
    """A data set as a table, or two side by side, in which every attribute that identifies is marked.

    A notebook shows it with a search box; ``repr`` and ``print`` give plain text. The data sets stay as they are.
    Two data sets are aligned by path, so item 0 of a sequence stands beside item 0.
    """

    def __init__(self, dataset: Dataset, after: Dataset | None = None) -> None:
        datasets = [dataset] if after is None else [dataset, after]
        judged = [_judge(each) for each in datasets]
        self._findings = [findings for findings, _ in judged]
        self.refusals = [reason for _, reason in judged if reason]
        self.rows = _rows([dict(_elements(each)) for each in datasets], self._findings)
        self._two = after is not None
        self._box: Any = None

    def select(self, search: str = "", show: str = "all") -> list[Row]:
        """Return the rows whose tag, name and value hold every word of ``search`` and that are of the kind ``show``.

        ``show`` is "all", "identifying", "private", "changed" or "still identifying".
        """
        words = search.casefold().split()
        return [
            row for row in self.rows if _is(row, show) and (not words or all(word in _haystack(row) for word in words))
        ]

    def html(self, search: str = "", show: str = "all") -> str:
        """Return the selected rows as HTML, with the sequences around and below them folded."""
        hits = {row.key for row in self.select(search, show)}
        around = {key[:end] for key in hits for end in range(1, len(key), 2)}
        shown = [row for row in self.rows if row.key in around or any(key in hits for key in _upwards(row.key))]
        cut = shown[:MOST_ROWS_IN_WIDGET]
        children: dict[tuple[int, ...], list[Row]] = {}
        for row in cut:
            children.setdefault(row.key[:-2], []).append(row)
        narrowed = bool(search.strip()) or show != "all"
        unfolded = around if narrowed else set()
        counts = f"{len(shown)} of {len(self.rows)} rows match." if narrowed else ""
        if len(cut) < len(shown):
            counts += f" The first {len(cut)} of {len(shown)} are shown: search to see others."
        notes = "".join(f"<p><b>not judged</b> {escape(note)}</p>" for note in self._notes())
        return (
            f"{_STYLE}{notes}<p role='status'>{escape(self._summary())} {counts}</p>"
            "<div class='safeshare-table' role='region' aria-label='Table of DICOM attributes' tabindex='0'>"
            f"<table><caption>{escape(self._caption())}</caption>{self._head()}"
            f"<tbody>{''.join(self._html_rows((), children, unfolded))}</tbody></table></div>"
        )

    def widget(self) -> Any:
        """Return the table below a search box and a filter; raise ``ImportError`` where ipywidgets is not installed."""
        if self._box is None:
            import ipywidgets

            search = ipywidgets.Text(description="Search", placeholder="tag, name or value")
            kinds = ["all", "identifying", "private"] + ["changed", "still identifying"] * self._two
            show = ipywidgets.Dropdown(description="Show", options=kinds)
            table = ipywidgets.HTML(self.html())

            def refresh(_: object) -> None:
                table.value = self.html(search.value, show.value)

            search.observe(refresh, "value")
            show.observe(refresh, "value")
            self._box = ipywidgets.VBox([ipywidgets.HBox([search, show]), table])
        return self._box

    def __repr__(self) -> str:
        return "\n".join(self._text())

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Give a notebook the widget, and the plain text for where a saved notebook is shown without widgets."""
        try:
            bundle = self.widget()._repr_mimebundle_() or {}
        except ImportError:
            bundle = {}
        return {**bundle, "text/plain": repr(self)}

    def _caption(self) -> str:
        return "DICOM attributes, before and after" if self._two else "DICOM attributes"

    def _notes(self) -> list[str]:
        return [f"It cannot be told what identifies in this data set: {reason}" for reason in self.refusals]

    def _summary(self) -> str:
        if not self._two:
            return f"{len(self.rows)} rows, {len(self._findings[0])} findings."
        happened = Counter(row.happened for row in self.rows)
        before, after = (len(findings) for findings in self._findings)
        words = ", ".join(f"{happened[word]} {word}" for word in sorted(happened))
        return f"{len(self.rows)} rows: {words}. Findings: {before} before, {after} after."

    def _columns(self) -> dict[str, int]:
        """Return the heads of the columns with their widths in per cent."""
        if self._two:
            return {
                "Tag": 9,
                "Name": 21,
                "VR": 4,
                "Before": 18,
                "After": 18,
                "What happened": 9,
                "Why it identifies": 21,
            }
        return {"Tag": 10, "Name": 25, "VR": 5, "Value": 29, "Why it identifies": 31}

    def _head(self) -> str:
        columns = self._columns()
        widths = "".join(f"<col style='width: {width}%'>" for width in columns.values())
        return f"<colgroup>{widths}</colgroup><thead><tr>{''.join(f"<th scope='col'>{name}</th>" for name in columns)}</tr></thead>"

    def _html_rows(self, parent: tuple[int, ...], children: dict, unfolded: set) -> Iterator[str]:
        for row in children.get(parent, ()):
            yield _html_row(row)
            below = children.get(row.key)
            if not below:
                continue
            name, marked = escape(row.name), sum(bool(other.mark) for other in below)
            yield f"<tr><td class='fold' colspan='{len(self._columns())}'><details{' open' * (row.key in unfolded)}>"
            yield f"<summary>Inside {name}{f' ({marked} rows identify)' * bool(marked)}</summary>"
            yield f"<table><caption>Inside {name}</caption>{self._head()}"
            for number, item in groupby(below, key=lambda other: other.key[-2]):
                yield f"<tbody><tr class='item'><th scope='rowgroup' colspan='{len(self._columns())}'>{name}[{number}]</th></tr>"
                yield from self._html_rows(row.key, {**children, row.key: list(item)}, unfolded)
                yield "</tbody>"
            yield "</table></details></td></tr>"

    def _text(self) -> Iterator[str]:
        yield from self._notes()
        yield self._summary()
        widths = {"": 18, "What": 14, "Tag": 11, "Name": 31, "Before": 19, "After": 19}
        if not self._two:
            widths = {"": 12, "Tag": 11, "Name": 32, "VR": 2, "Value": 26, "Why it identifies": 27}
        yield _line(widths, widths.values())
        ranks = {"identifies": 0, "still identifies": 0, "identified": 1, "": 2}
        rows = sorted(self.rows, key=lambda row: ranks[row.mark])
        for row in rows[:MOST_ROWS_IN_TEXT]:
            values = [_ABSENT if value is None else value for value in row.values]
            name = row.path if len(row.path) <= widths["Name"] else "…" + row.path[1 - widths["Name"] :]
            middle = [row.happened, row.tag, name, *values] if self._two else [row.tag, name, row.vr, *values, row.why]
            yield _line([f"{row.mark} {row.action}".strip(), *middle], widths.values())
        if len(rows) > MOST_ROWS_IN_TEXT:
            yield f"{len(rows) - MOST_ROWS_IN_TEXT} more rows are not shown here."


def _judge(dataset: Dataset) -> tuple[dict[str, Finding], str]:
    try:
        return {finding.where: finding for finding in find(dataset)}, ""
    except Refused as error:
        return {}, error.reason


def _elements(dataset: Dataset) -> Iterator[tuple[tuple[int, ...], _Element]]:
    preamble = getattr(dataset, "preamble", None)
    if preamble and any(preamble):
        yield (-1,), _Element("preamble", "preamble", "", f"{len(preamble):,} bytes", preamble)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a wrong value is shown as it is
        for part in (getattr(dataset, "file_meta", None), dataset):
            if part is not None:
                yield from _walk(part, (), "")


def _walk(dataset: Dataset, around: tuple[int, ...], path: str) -> Iterator[tuple[tuple[int, ...], _Element]]:
    view = Dataset(
        dict(dataset.items())
    )  # pydicom keeps what it decodes: here in the view, not in the caller's data set
    view.set_original_encoding(*dataset.original_encoding, dataset.original_character_set)
    for tag in sorted(view.keys()):
        where, key = path + (keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"), (*around, int(tag))
        raw = view.get_item(tag, keep_deferred=True)
        try:
            if raw.value is None and getattr(raw, "length", 0):
                raise OSError("left on disk by pydicom's defer_size")
            element = view[tag]
            yield key, _element(element, where)
        except _UNREADABLE:
            length = len(raw.value) if isinstance(raw.value, bytes) else getattr(raw, "length", 0)
            vr = raw.VR or (dictionary_VR(tag) if keyword_for_tag(tag) else "UN")
            name = keyword_for_tag(tag) or "unknown"
            yield key, _Element(where, name, vr, f"{length:,} bytes, not readable as {vr}", raw.value)
            continue
        if element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from _walk(item, (*key, number), f"{where}[{number}].")


def _element(element: DataElement, path: str) -> _Element:
    value, name = element.value, element.keyword or element.name
    if isinstance(value, bytes):
        return _Element(path, name, element.VR, f"{len(value):,} bytes" if value else "", value)
    if element.VR == "SQ":
        text = f"{len(value)} item{'s' * (len(value) != 1)}" if value else ""
    elif isinstance(value, MultiValue | list | tuple):
        text = "\\".join(map(str, value))
    else:
        text = "" if value is None else str(value)
        if text in UID_dictionary and element.VR == "UI":
            text = f"{text} ({UID_dictionary[text][0]})"
    return _Element(path, name, element.VR, text, text)


def _rows(elements: Sequence[dict[tuple[int, ...], _Element]], findings: Sequence[dict[str, Finding]]) -> list[Row]:
    rows: list[Row] = []
    found: list[dict[tuple[int, ...], Finding]] = [{} for _ in findings]
    changed: set[tuple[int, ...]] = set()
    for key in sorted(set().union(*elements)):
        sides = [side.get(key) for side in elements]
        either = next(side for side in sides if side)
        for known, own, side in zip(found, findings, sides, strict=True):
            finding = side and (own.get(side.path) or known.get(key[:-2]))  # what is inside goes with the whole
            if finding:
                known[key] = finding
        last = found[-1].get(key)
        finding = last or found[0].get(key)
        mark, action, why = "", "", ""
        if finding:
            was = len(found) == 2 and key in found[0]
            mark, action, why = (
                "still identifies" if last and was else "identifies" if last else "identified",
                finding.action,
                finding.why,
            )
            if finding.where != either.path:
                why = f"inside {finding.where}, which is treated as a whole: {why}"
        happened = _happened(*sides) if len(sides) == 2 else ""
        if happened not in ("", "kept"):
            changed.update(_upwards(key))
        tag = f"({key[-1] >> 16:04X},{key[-1] & 0xFFFF:04X})" if key[-1] >= 0 else ""
        values = tuple(side and side.text for side in sides)
        rows.append(Row(key, either.path, tag, either.name, either.vr, values, mark, action, why, happened))
    return rows


def _happened(before: _Element | None, after: _Element | None) -> str:
    if after is None:
        return "removed"
    if before is None or not before.content and after.content:
        return "added"
    if before.content == after.content:
        return "kept"
    return "replaced" if after.content else "emptied"
