"""A report as HTML: tables with captions, drawings with descriptions, nothing from elsewhere, light and dark."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from . import severity
from .metadata_table import ACTIONS
from .report_pictures import pictures

if TYPE_CHECKING:
    from .report import Report
    from .series import Outcome

MOST_ROWS = 500  # in one table, so that a browser opens a page on a large folder
_TITLES = {
    "audit": "What identifies somebody",
    "strip": "What was stripped",
    "dry run": "What would be stripped",
    "export": "What was exported",
}
_SAFE = "This report holds no value, name, path or pixel of the originals: files, series and patients have numbers."
_UNSAFE = "This report holds values and pictures of the originals: keep it as safe as they are, and do not share it."
_ALONE = "One person alone is in these headers, or nobody, so there is no crowd to hide in."

# Colours are mixed into the theme's own, so that both light and dark are readable; badges bring their own pair
# (WCAG 2.2, 1.4.3: at least 4.5 to 1).
_STYLE = """<style>
.safeshare-report {font: 15px/1.45 system-ui, sans-serif; max-width: 76em}
.safeshare-report h2 {font-size: 1.15em; margin: 1.4em 0 .3em}
.safeshare-report .scroll {overflow: auto; max-height: 34em; border: 1px solid #8886; border-radius: 6px; margin: 8px 0}
.safeshare-report table {border-collapse: collapse; width: 100%; margin: 0; font-size: 14px}
.safeshare-report caption {text-align: left; padding: 6px 10px; font-weight: 600}
.safeshare-report :is(th, td) {padding: 4px 10px; border-top: 1px solid #8884; text-align: left; vertical-align: top;
  font-weight: normal; overflow-wrap: break-word; white-space: normal}
.safeshare-report thead th {font-weight: 600; position: sticky; top: 0; background: var(--jp-layout-color0, Canvas)}
.safeshare-report .short {white-space: nowrap}
.safeshare-report .long {min-width: 18em; overflow-wrap: anywhere}
.safeshare-report .number {text-align: right; font-variant-numeric: tabular-nums}
.safeshare-report b {padding: 1px 8px; border-radius: 9px; white-space: nowrap; font-weight: 500; color: #fff;
  background: #0b5a8a; print-color-adjust: exact}
.safeshare-report b.names {background: #9b1c1c}
.safeshare-report b.helps {background: #8a4b00}
.safeshare-report .note {padding: 8px 12px; border-left: 4px solid #2f86bd; background: #2f86bd22}
.safeshare-report .warning {border-color: #c0392b; background: #c0392b22}
.safeshare-report .pictures {display: flex; flex-wrap: wrap; gap: 14px; padding: 0; list-style: none}
.safeshare-report figure {margin: 0; width: 240px}
.safeshare-report figcaption {font-size: 13px; overflow-wrap: anywhere}
.safeshare-report svg {display: block; width: 100%; height: auto; max-height: 320px; background: #8883}
.safeshare-report summary {cursor: pointer; padding: 4px 0}
@media print {
  .safeshare-report .scroll {max-height: none; overflow: visible}
  .safeshare-report .long {min-width: 12em}
  .safeshare-report table {font-size: 12px}
  .safeshare-report :is(th, td) {padding: 3px 6px}
}
</style>"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>:root {{color-scheme: light dark; background: Canvas; color: CanvasText}}
body {{margin: 1.5em auto; padding: 0 1em; max-width: 76em}}
h1 {{font: 600 1.6em/1.3 system-ui, sans-serif}}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_CLASS = {severity.NAMES: "names", severity.HELPS: "helps", severity.EYE: "eye"}


class Shown:
    """A report as a notebook shows it, with or without values of the originals."""

    def __init__(self, report: "Report", with_original_values: bool) -> None:
        self._report, self._with_original_values = report, with_original_values

    def _repr_html_(self) -> str:
        return body(self._report, self._with_original_values)

    def __repr__(self) -> str:
        return repr(self._report)


def page(report: "Report", with_original_values: bool) -> str:
    """Return a whole HTML page."""
    return _PAGE.format(title=_TITLES[report.verb], body=body(report, with_original_values))


def body(report: "Report", with_original_values: bool) -> str:
    """Return the report as HTML for a notebook, or for the inside of a page."""
    note = ("note warning", _UNSAFE) if with_original_values else ("note", _SAFE)
    parts = [
        _STYLE,
        f"<p class='{note[0]}'>{note[1]}</p>",
        f"<p>{_ends(report)}</p>",
        _severities(report),
        _combinations(report),
        _series(report),
        _places(report),
        _pictures(report, with_original_values),
        _refused(report),
        _files(report, with_original_values),
    ]
    return f"<div class='safeshare-report'>{''.join(parts)}</div>"


def _ends(report: "Report") -> str:
    from .report import ends

    return f"{ends(report)} Looked for: {', '.join(report.kinds)}."


def _table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[int] = (), total: int = 0
) -> str:
    """Return a table of cells that are HTML already; ``numbers`` are the columns with numbers."""
    kind = [" class='number'" if column in numbers else "" for column in range(len(heads))]
    head = "".join(f"<th scope='col'{kind[column]}>{name}</th>" for column, name in enumerate(heads))
    lines = []
    for row in rows:
        first, *others = (f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row)
        cells = "".join(f"<td{kind[column]}>{cell}</td>" for column, cell in enumerate(others, 1))
        lines.append(f"<tr><th scope='row'{kind[0]}>{first}</th>{cells}</tr>")
    if not lines:
        return ""
    total = max(total, len(lines))
    more = f" (the first {MOST_ROWS:,} of {total:,})" if total > MOST_ROWS else ""
    return (
        f"<div class='scroll' role='region' aria-label='{caption}' tabindex='0'><table>"
        f"<caption>{caption}{more}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines[:MOST_ROWS])}</tbody></table></div>"
    )


def _long(words: str) -> str:
    """Return a sentence as a cell that stays wide enough to be read in a narrow window."""
    return f"<div class='long'>{escape(words)}</div>"


def _short(words: str) -> str:
    return f"<span class='short'>{words}</span>"


def _keywords(place: str) -> str:
    """Return keywords with a place to break before each of their words, as long ones leave no room beside them."""
    return re.sub(r"(?<=[.a-z])(?=[A-Z])", "<wbr>", escape(place))


def _badge(grade: str) -> str:
    return f"<b class='{_CLASS[grade]}'>{grade}</b>"


def _severities(report: "Report") -> str:
    counts: Counter[tuple[str, str]] = Counter()
    files: Counter[str] = Counter()
    for grades in report.graded:
        counts.update(grades)
        files.update({grade for grade, _ in grades})
    rows = [
        (_badge(grade), *(counts[grade, kind] for kind in report.kinds), files[grade], _long(meaning))
        for grade, meaning in severity.MEANING.items()
    ]
    heads = ("Severity", *(kind.capitalize() for kind in report.kinds), "Files", "What it means")
    return _table("Findings by severity and kind", heads, rows, range(1, len(heads) - 1))


def _combinations(report: "Report") -> str:
    if report.verb != "audit" or not any(each.header for each in report):
        return ""
    from .report import sentence

    told = [f"<li>{escape(sentence(crowds))}</li>" for crowds in report.combinations]
    inside = f"<ul>{''.join(told)}</ul>" if told else f"<p>{_ALONE if _persons(report) < 2 else 'Nobody.'}</p>"
    return f"<h2>Whom a few facts single out of this folder</h2>{inside}"


def _persons(report: "Report") -> int:
    return len({group.patient for group in report.groups})


def _series(report: "Report") -> str:
    rows = []
    for group in report.groups:
        grades = report.severities(group.files)
        rows.append(
            (group.patient, group.study, group.series, escape(group.images), len(group.files), *grades.values())
        )
    heads = ("Patient", "Study", "Series", "What it is", "Files", *map(str.capitalize, severity.MEANING))
    return _table("Patients, studies and series", heads, rows, (0, 1, 2, 4, 5, 6, 7))


def _places(report: "Report") -> str:
    rows = []
    for (grade, kind, place), (count, found) in report.places.items():
        action = _short(ACTIONS.get(found.action, found.action))
        rows.append((_keywords(place), _short(kind), _badge(grade), count, action, _long(found.why)))
    return _table("What was found", ("Where", "Kind", "Severity", "Files", "What strip does", "Why"), rows, (3,))


def _pictures(report: "Report", with_original_values: bool) -> str:
    made, left = pictures(report, with_original_values)
    if not made:
        return ""
    told = "" if with_original_values else " Their pixels are not shown here."
    more = f" {left:,} more images with boxes are not shown." if left else ""
    items = "".join(f"<li><figure>{each.svg}<figcaption>{each.caption}</figcaption></figure></li>" for each in made)
    return f"<h2>Where in the images</h2><p>Boxes mark what was found.{told}{more}</p><ul class='pictures'>{items}</ul>"


def _refused(report: "Report") -> str:
    reasons: dict[str, list[int]] = {}
    for number, each in enumerate(report, 1):
        if each.reason:
            reasons.setdefault(each.reason, []).append(number)
    rows = [(_long(reason), len(numbers), _numbers(numbers)) for reason, numbers in reasons.items()]
    return _table("Refused files, which need a person's eye", ("Why", "Files", "Their numbers"), rows, (1,))


def _numbers(numbers: list[int]) -> str:
    """Return numbers with ranges, such as 1 to 3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join(" to ".join(map(str, run)) for run in runs)


def _files(report: "Report", with_original_values: bool) -> str:
    series = {number: group.series for group in report.groups for number in group.files}
    rows = []
    for number, each in enumerate(report[:MOST_ROWS], 1):
        told = _original(each) if with_original_values else escape(report.name_of_copy(each)).replace("/", "/<wbr>")
        place = f"series {series[number]}: " if number in series else ""
        rows.append((number, len(each.findings), f"{place}{report.result(each)}", told))
    last = "File, and what identifies in it" if with_original_values else "Copy"
    table = _table("Files", ("Number", "Findings", "Result", last), rows, (0, 1), len(report))
    return f"<details><summary>All files, one by one</summary>{table}</details>"


def _original(outcome: "Outcome") -> str:
    values = "".join(f"<li>{escape(f'{each.where}: {each.what}')}</li>" for each in outcome.findings)
    told = f"{escape(str(outcome.source))}<details><summary>Values</summary><ul>{values}</ul></details>"
    return f"<div class='long'>{told}</div>"
