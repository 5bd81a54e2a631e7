"""The table of texts of a workbook, on disk: memory does not grow with it."""

from __future__ import annotations

from array import array
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class SharedTexts:
    """The table of texts that cells refer to by number, read as far as it is asked for."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._file = TemporaryFile()  # noqa: SIM115 - closed by `close`; nobody else can open it
        self._ends = array("Q", [0])

    def __getitem__(self, number: int) -> str:
        if number < 0:
            raise IndexError(number)
        while number + 1 >= len(self._ends):
            self._add(next(self._texts, None), number)
        begin, end = self._ends[number : number + 2]
        self._file.seek(begin)
        return self._file.read(end - begin).decode("utf-8", "surrogatepass")

    def _add(self, text: str | None, asked: int) -> None:
        if text is None:
            raise IndexError(f"the text {asked} is missing")
        data = text.encode("utf-8", "surrogatepass")
        self._file.seek(self._ends[-1])
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))

    def close(self) -> None:
        """Remove the copy."""
        self._file.close()
