"""Combinations: how few harmless facts single a person out of a register, and how to blunt them.

A register is a table with a row for each person or visit: rows (dictionaries), columns (a dictionary of lists, or a
data frame), the path of a CSV file, or what ``from_folder`` reads from DICOM headers. No value in it identifies by
itself, so ``find`` returns no places, as the four kinds do, but the sizes of crowds. What they say holds for people who
know the given columns and nothing else.

Sources: k-anonymity, Sweeney 2002 (doi:10.1142/S0218488502001648); generalization and suppression, Samarati 2001
(doi:10.1109/69.971193); l-diversity, Machanavajjhala et al. 2007 (doi:10.1145/1217299.1217302).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from .ladders import ladder
from .register import Register, Table, alike, check_columns, fits, from_folder, kinds_in_crowd, numbered, read

if TYPE_CHECKING:
    from .crowd_viewer import CrowdViewer

__all__ = ["crowd", "find", "from_folder", "show", "strip"]

MOST_WAYS = 20_000  # to blunt a register: so that `strip` answers in seconds


@dataclass(frozen=True, slots=True)
class Crowds:
    """The crowds in which the people of a register hide from somebody who knows some columns.

    ``k`` is the number of people in the smallest crowd: everybody looks like at least k - 1 others. ``alone`` is the
    share of rows whose person stands alone, and ``adds`` says for each column how much smaller that share is without
    it. ``diversity`` is the l of l-diversity: the smallest number of different values of the column ``sensitive`` in a
    crowd. ``told`` is the share of rows for which that value is known to whoever knows the crowd, since the crowd has
    but one value, or one person. Both are None without such a column.
    """

    columns: tuple[str, ...]
    rows: int
    people: int
    k: int
    alone: float
    adds: dict[str, float]
    sensitive: str = ""
    diversity: int | None = None
    told: float | None = None

    def __str__(self) -> str:
        lines = [
            f"{self.rows:,} rows, {self.people:,} people, seen by {', '.join(self.columns)}.",
            f"The smallest crowd has k = {self.k}; in {self.alone:.1%} of the rows the person stands alone.",
        ]
        if self.alone:
            most = max(self.adds, key=lambda column: self.adds[column])
            left = self.alone - self.adds[most]
            lines.append(f"{most} adds most: without it, {left:.1%} of the rows would stand alone.")
        if self.told is not None:
            lines.append(
                f"The crowd with the fewest kinds of {self.sensitive} has l = {self.diversity}; "
                f"in {self.told:.1%} of the rows, whoever knows the crowd knows the {self.sensitive}."
            )
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Loss:
    """What was done to a column, how many values it has before and after, and the share of its information lost.

    The share is that of the entropy: 0 where nothing is lost, 1 where all is (El Emam et al. 2009,
    doi:10.1197/jamia.M3144, non-uniform entropy).
    """

    column: str
    step: str
    before: int
    after: int
    lost: float


@dataclass(frozen=True, slots=True)
class Stripped:
    """A register in which everybody has a crowd of k: its rows, and what it cost. ``print`` shows the costs."""

    rows: list[dict[str, str]]
    suppressed: int
    losses: tuple[Loss, ...]
    before: Crowds
    after: Crowds

    def __str__(self) -> str:
        lines = [f"k = {self.before.k} before, k = {self.after.k} after."]
        lines += [
            f"{loss.column}: {loss.step}, {loss.before:,} values before and {loss.after:,} after, "
            f"{loss.lost:.0%} of its information lost."
            for loss in self.losses
        ]
        share = self.suppressed / self.before.rows
        return "\n".join([*lines, f"{self.suppressed:,} of {self.before.rows:,} rows ({share:.1%}) taken out."])


def find(register: Register, columns: Sequence[str], *, sensitive: str = "", person: str = "") -> Crowds:
    """Return how large the crowds are in which people hide from somebody who knows the columns.

    ``person`` names the column that says whose row it is, so that the visits of one patient are not taken for a crowd;
    without it every row is somebody else. ``sensitive`` names a column that a crowd may give away. A missing value
    counts as a value of its own. Raises ``ValueError`` for a register without rows or a column that is not there.
    """
    table = read(register)
    check_columns(table, columns)
    check_columns(table, filter(None, [sensitive, person]))
    if not columns:
        raise ValueError("No column is named: name at least one that somebody could know.")
    return _count(table, tuple(dict.fromkeys(columns)), sensitive, _who(table, person))


def _count(table: Table, columns: tuple[str, ...], sensitive: str, who: np.ndarray) -> Crowds:
    codes = [numbered(table[column]) for column in columns]
    crowds = alike(codes)
    people = kinds_in_crowd(crowds, who)
    alone = float(np.mean(people == 1))
    adds = {}
    for number, column in enumerate(columns):
        others = alike([*codes[:number], *codes[number + 1 :], np.zeros_like(who)])
        adds[column] = alone - float(np.mean(kinds_in_crowd(others, who) == 1))
    kinds = kinds_in_crowd(crowds, numbered(table[sensitive])) if sensitive else None
    return Crowds(
        columns=columns,
        rows=len(who),
        people=int(who.max()) + 1,
        k=int(people.min()),
        alone=alone,
        adds=adds,
        sensitive=sensitive,
        diversity=None if kinds is None else int(kinds.min()),
        told=None if kinds is None else float(np.mean((kinds == 1) | (people == 1))),
    )


def strip(
    register: Register,
    columns: Sequence[str],
    k: int = 5,
    *,
    sensitive: str = "",
    person: str = "",
    most_suppressed: float = 0.05,
) -> Stripped:
    """Return the register with its columns blunted and rows taken out until every crowd has at least ``k`` people.

    Columns go up ladders: bands, months and years, shorter postcodes, and at the end nothing (see ``ladders``). Of all
    ways that need at most the share ``most_suppressed`` of the rows taken out, the one that loses least information is
    chosen (Samarati 2001, doi:10.1109/69.971193; El Emam et al. 2009, doi:10.1197/jamia.M3144). The result holds
    ``columns`` and ``sensitive`` and no others, since what nobody asks for stays behind, and its rows are sorted, since
    their old order would lead back to the register (Sweeney 2002, the unsorted matching attack).

    k-anonymity does not protect a secret that a whole crowd shares, nor against those who know more than the columns
    (Machanavajjhala et al. 2007): look at ``diversity`` and ``told`` of ``after``.

    Raises ``ValueError`` as ``find`` does, where there are fewer people than ``k``, where ``most_suppressed`` is no
    share, and where the columns can be blunted in too many ways.
    """
    if not 0 <= most_suppressed <= 1:
        raise ValueError(f"most_suppressed is a share from 0 to 1, not {most_suppressed}: write 0.05 for 5 %.")
    table = read(register)
    before = find(table, columns, sensitive=sensitive, person=person)
    if not 1 <= k <= before.people:
        raise ValueError(f"The register has {before.people} people, so that k must lie between 1 and {before.people}.")
    who, columns = _who(table, person), before.columns
    ladders = [ladder(table[column]) for column in columns]
    codes = [[numbered(step.values) for step in steps] for steps in ladders]
    ways = prod(map(len, ladders))
    if ways > MOST_WAYS:
        raise ValueError(f"These columns can be blunted in {ways:,} ways, too many to try: name fewer columns.")
    losses = [[_lost(steps[0], step) for step in steps] for steps in codes]

    def kept(levels: Sequence[int]) -> np.ndarray:
        return kinds_in_crowd(alike([steps[level] for steps, level in zip(codes, levels, strict=True)]), who) >= k

    most = min(most_suppressed * before.rows, before.rows - 1)  # or the cheapest way would be to keep nobody
    levels = _cheapest(losses, lambda levels: int((~kept(levels)).sum()), most)
    stays = np.flatnonzero(kept(levels))
    steps = [steps[level] for steps, level in zip(ladders, levels, strict=True)]
    blunted = dict(zip(columns, (step.values for step in steps), strict=True))
    if sensitive and sensitive not in blunted:
        blunted[sensitive] = table[sensitive]
    final = {name: [values[row] for row in stays] for name, values in blunted.items()}
    left = np.unique(who[stays], return_inverse=True)[1]
    return Stripped(
        rows=[dict(zip(final, row, strict=True)) for row in sorted(zip(*final.values(), strict=True))],
        suppressed=before.rows - len(stays),
        losses=tuple(
            Loss(column, step.name, len(set(table[column])), len(set(final[column])), losses[number][levels[number]])
            for number, (column, step) in enumerate(zip(columns, steps, strict=True))
        ),
        before=before,
        after=_count(final, columns, sensitive, left),
    )


def show(register: Register, facts: Mapping[str, object], *, person: str = "") -> "CrowdViewer":
    """Return a widget in which each of the facts about somebody can be ticked, and the crowd that fits them shrinks.

    A fact is a value or a range, as for ``crowd``; a row of the register will do. Raises ``ValueError`` as ``crowd``.
    """
    from .crowd_viewer import CrowdViewer

    return CrowdViewer(read(register), facts, person)


def crowd(register: Register, facts: Mapping[str, object]) -> list[dict[str, str]]:
    """Return the rows that fit what is known of somebody, such as ``{"age": "60 to 64", "sex": "F"}``.

    A range runs between two numbers, or between two dates such as 2024-03-09; an empty fact says nothing. Raises
    ``ValueError`` for a register without rows, or a fact for which it has no column.
    """
    table = read(register)
    check_columns(table, facts)
    fitting = np.ones(len(next(iter(table.values()))), bool)
    for column, fact in facts.items():
        fitting &= fits(table[column], fact)
    return [{name: values[row] for name, values in table.items()} for row in np.flatnonzero(fitting)]


def _who(table: Table, person: str) -> np.ndarray:
    return numbered(table[person]) if person else np.arange(len(next(iter(table.values()))))


def _lost(before: np.ndarray, after: np.ndarray) -> float:
    old, new = _entropy(before), _entropy(after)
    return 1 - new / old if old else 0.0


def _entropy(code: np.ndarray) -> float:
    shares = np.bincount(code) / len(code)
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log2(shares)))


def _cheapest(
    losses: Sequence[Sequence[float]], suppressed: Callable[[Sequence[int]], int], most: float
) -> tuple[int, ...]:
    """Return the levels that lose least, of those that take out at most so many rows; with equal losses, the fewest.

    Ways are tried in the order of their loss, so that the first one that fits is the best.
    """
    start = (0,) * len(losses)
    waiting, seen = [(0.0, start)], {start}
    best: tuple[int, tuple[int, ...]] | None = None
    best_loss = 0.0
    while waiting:
        loss, levels = heappop(waiting)
        if best and loss > best_loss + 1e-9:
            break
        if (out := suppressed(levels)) <= most and (best is None or out < best[0]):
            best, best_loss = (out, levels), best_loss if best else loss
        for number, steps in enumerate(losses):
            up = (*levels[:number], levels[number] + 1, *levels[number + 1 :])
            if up[number] < len(steps) and up not in seen:
                seen.add(up)
                heappush(waiting, (sum(column[level] for column, level in zip(losses, up, strict=True)), up))
    assert best is not None  # at the top of all ladders everybody is in one crowd
    return best[1]
