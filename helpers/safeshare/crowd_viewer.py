"""The viewer that ``combinations.show`` returns: facts to tick and a crowd that shrinks, or its numbers as text."""

from collections.abc import Mapping, Sequence
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np

from .register import Table, alike, check_columns, fits, kinds_in_crowd, numbered

MOST_DOTS, DOTS_IN_ROW = 5000, 125
LONGEST_BAR, WIDEST = 40, 100  # characters of the text

_STYLE = """<style>
.safeshare-crowd {max-width: 44em; line-height: 1.5; font-size: 14px}
.safeshare-crowd strong {font-size: 20px}
.safeshare-crowd svg {display: block; width: 100%; margin: 6px 0; stroke-linecap: round; fill: none}
.safeshare-crowd .all {stroke: #8884}
.safeshare-crowd .fit {stroke: #c06a00}
</style>"""


class CrowdViewer:
    """A register, and facts about somebody that can be ticked: those who fit stay, as a number and as dots.

    A notebook shows a box for each fact, with the mouse or the keyboard; ``print`` and ``repr`` add one fact after the
    other. With ``person``, several rows of one person count as one.
    """

    def __init__(self, table: Table, facts: Mapping[str, object], person: str = "") -> None:
        check_columns(table, [*facts, *filter(None, [person])])
        self._facts = {column: str(fact) for column, fact in facts.items() if fact not in (None, "")}
        if not self._facts:
            raise ValueError("No fact is known: give at least one, such as {'age': '60 to 64'}.")
        self._fits = {column: fits(table[column], fact) for column, fact in self._facts.items()}
        self._codes = {column: numbered(table[column]) for column in self._facts}
        rows = len(next(iter(table.values())))
        self._who = numbered(table[person]) if person else np.arange(rows)
        self._people = int(self._who.max()) + 1
        self._widget: Any = None

    def count(self, columns: Sequence[str] = ()) -> int:
        """Return how many people fit the facts in these columns."""
        return len(self._crowd(columns))

    def html(self, columns: Sequence[str] = ()) -> str:
        """Return the crowd that fits the facts in these columns, in words and as a picture."""
        crowd = self._crowd(columns)
        words = self._words(columns, len(crowd))
        return (
            f"{_STYLE}<div class='safeshare-crowd'><div role='status'>"
            f"<strong>{len(crowd):,}</strong> {escape(words.removeprefix(f'{len(crowd):,} '))}</div>"
            f"{self._picture(crowd)}</div>"
        )

    def widget(self) -> Any:
        """Return the crowd below its facts; raise ``ImportError`` where ipywidgets is not installed."""
        if self._widget is None:
            import ipywidgets

            wide = ipywidgets.Layout(width="auto")
            boxes = {
                column: ipywidgets.Checkbox(False, description=f"{column}: {fact}", indent=False, layout=wide)
                for column, fact in self._facts.items()
            }
            view = ipywidgets.HTML(self.html())

            def refresh(_: object) -> None:
                view.value = self.html([column for column, box in boxes.items() if box.value])

            for box in boxes.values():
                box.observe(refresh, "value")
            self._widget = ipywidgets.VBox([*boxes.values(), view])
        return self._widget

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        try:
            bundle = self.widget()._repr_mimebundle_() or {}
        except ImportError:
            bundle = {}
        return {**bundle, "text/plain": repr(self)}

    def __repr__(self) -> str:
        known = list(self._facts)
        steps = [("everybody", self._people)]
        steps += [
            (f"{'and ' * bool(number)}{column}: {self._facts[column]}", self.count(known[: number + 1]))
            for number, column in enumerate(known)
        ]
        width = max(len(name) for name, _ in steps)
        lines = []
        for name, count in steps:
            bar = "█" * -(-count * LONGEST_BAR // self._people)
            lines.append(f"{name.ljust(width)}  {count:>7,}  {bar}".rstrip())
        return "\n".join([*lines, *wrap(self._words(known, steps[-1][1]), WIDEST)])

    def _crowd(self, columns: Sequence[str]) -> np.ndarray:
        """Return the numbers of the people of whom a row fits all the facts."""
        fitting = np.ones(len(self._who), bool)
        for column in columns:
            fitting &= self._fits[column]
        return np.unique(self._who[fitting])

    def _words(self, columns: Sequence[str], count: int) -> str:
        if not columns:
            return f"{count:,} people are in the register. Tick what you know."
        who = "person fits" if count == 1 else "people fit"
        alone = np.mean(kinds_in_crowd(alike([self._codes[column] for column in columns]), self._who) == 1)
        return (
            f"{count:,} {who} {', '.join(f'{column}: {self._facts[column]}' for column in columns)}. "
            f"If everybody's {', '.join(columns)} were known exactly, {alone:.1%} of the rows would stand alone."
        )

    def _picture(self, crowd: np.ndarray) -> str:
        dots = min(self._people, MOST_DOTS)
        fitting = np.unique(crowd * dots // self._people)
        in_row = min(DOTS_IN_ROW, dots)
        height = -(-dots // in_row)
        ring = ""
        if len(crowd) == 1:
            y, x = divmod(int(fitting[0]), in_row)
            ring = f"<circle class='fit' cx='{x}' cy='{y}' r='1.8' stroke-width='.5'/>"
        each = "" if dots == self._people else f" A dot stands for {self._people / dots:.1f} people."
        return (
            f"<svg viewBox='-2 -2 {in_row + 3} {height + 3}' role='img' "
            f"aria-label='{dots:,} dots, {len(fitting):,} of them marked: the crowd that fits.{each}'>"
            f"<path class='all' stroke-width='.6' d='{_path(np.arange(dots), in_row)}'/>"
            f"<path class='fit' stroke-width='.9' d='{_path(fitting, in_row)}'/>{ring}</svg>"
        )


def _path(dots: np.ndarray, in_row: int) -> str:
    return "".join(f"M{dot % in_row} {dot // in_row}h0" for dot in dots.tolist())
