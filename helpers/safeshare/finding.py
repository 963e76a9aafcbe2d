"""What the four kinds find, and what they say when they cannot help."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One place in a file that identifies somebody.

    ``kind`` is "metadata", "faces", "text" or "objects"; ``where`` names the place, ``what`` shows what stands there,
    ``action`` is the code of DICOM PS3.15 E.1.1 for what ``strip`` does (X remove, Z empty, D dummy, U new UID,
    C clean; K keep, of objects only), ``why`` is a reason with its source and ``sure`` runs from 0 to 1.
    """

    kind: str
    where: str
    what: str
    action: str
    why: str
    sure: float = 1.0


class Refused(ValueError):
    """A file that cannot be made safe: ``reason`` says what is wrong and what to do, ``path`` which file it is."""

    def __init__(self, reason: str, path: Path | None = None) -> None:
        super().__init__(reason if path is None else f"{path}: {reason}")
        self.reason = reason
