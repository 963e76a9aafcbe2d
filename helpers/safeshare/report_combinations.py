"""Which facts in the headers of a folder single somebody out of it."""

from collections.abc import Iterable, Mapping
from itertools import combinations

from . import severity
from .combinations import Crowds, find
from .finding import Finding
from .register import FROM_HEADERS

_PERSON = "person"


def strongest(headers: Iterable[Mapping[str, str]]) -> list[Crowds]:
    """Return the crowds behind the one, two and three facts that single out most people, and behind all facts.

    A row is a study and a kind of image in it, as in ``combinations.from_folder``. What names somebody by itself, such
    as the date of birth, is no fact here. A larger set is left out where it
    singles out no more than a smaller one. Where there are fewer than two people there is no crowd: an empty list.
    """
    names = [name for name in FROM_HEADERS if severity.of(Finding("metadata", name, "", "", "")) != severity.NAMES]
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for header in headers:
        facts = {name: header.get(name, "") for name in names}
        study = header.get("StudyInstanceUID", "")
        rows[study, *facts.values()] = {**facts, _PERSON: header.get("PatientID") or study}
    table = {name: [row[name] for row in rows.values()] for name in (*names, _PERSON)}
    if len(set(table[_PERSON])) < 2:
        return []
    telling = [name for name in names if len(set(table[name])) > 1]
    found: list[Crowds] = []
    for size in sorted({min(size, len(telling)) for size in (1, 2, 3, len(telling))} - {0}):
        tried = [find(table, columns, person=_PERSON) for columns in combinations(telling, size)]
        best = max(tried, key=lambda crowds: crowds.alone)
        if best.alone > (found[-1].alone if found else 0):
            found.append(best)
    return found
