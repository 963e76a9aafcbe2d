"""Pixel data that are too large for memory: they stay in a file, and are read and written part by part."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO


class InFile(io.BufferedIOBase):
    """A part of a file as the value of an element, of which pydicom reads what it needs.

    ``folder`` is where pixels go that are made of these, None for the system's folder. Copies of a data set read the
    same file, each at a place of its own; nobody writes to it.
    """

    def __init__(self, file: BinaryIO, start: int, length: int, folder: Path | None) -> None:
        self.file, self.start, self.length, self.folder = file, start, length, folder
        self._at = 0

    def readable(self) -> bool:  # noqa: D102  # as of any stream
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:  # noqa: D102
        left = max(0, self.length - self._at)
        self.file.seek(self.start + self._at)
        data = self.file.read(left if size is None or size < 0 else min(size, left))
        self._at += len(data)
        return data

    def __deepcopy__(self, memo: object) -> "InFile":
        return InFile(self.file, self.start, self.length, self.folder)


def opened(value: Any) -> BinaryIO:
    """Return the value of pixel data, which is in memory or in a file, as a stream at its beginning."""
    if isinstance(value, InFile):
        return InFile(value.file, value.start, value.length, value.folder)  # type: ignore[return-value]
    return io.BytesIO(value)


def length(value: Any) -> int:
    """Return how many bytes the value of pixel data has."""
    return value.length if isinstance(value, InFile) else len(value)


def written(like: Any, write: Callable[[BinaryIO], object]) -> Any:
    """Return the value that ``write`` writes, with one byte more if its length is odd: in a file if ``like`` is.

    The file is gone when nobody needs it any more.
    """
    if not isinstance(like, InFile):
        stream: Any = io.BytesIO()
    else:  # where it has a name, the name says that it is half a file, which a later run removes
        stream = tempfile.TemporaryFile(dir=like.folder, prefix=".", suffix=".part")
    write(stream)
    if stream.seek(0, io.SEEK_END) % 2:
        stream.write(b"\0")
    return InFile(stream, 0, stream.tell(), like.folder) if isinstance(like, InFile) else stream.getvalue()
