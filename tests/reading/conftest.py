"""What the tests of this stage share: inputs made of bytes, and what reading makes of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batchpatch.model import InvalidRow, Row


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Writes bytes into a file of their own and returns its path."""
    base = tmp_path_factory.mktemp("inputs")
    numbers = itertools.count()

    def write(data: bytes, name: str = "rows.csv") -> str:
        directory: Path = base / str(next(numbers))
        directory.mkdir()
        path = directory / name
        path.write_bytes(data)
        return str(path)

    return write


@pytest.fixture(scope="session")
def read(write: Callable[..., str]) -> Callable[..., list[Row | InvalidRow]]:
    """Reads bytes as a file of that name, with options, to all its rows."""

    def read(data: bytes, name: str = "rows.csv", **options: Any) -> list[Row | InvalidRow]:
        reader = Reader([write(data, name)], ReadOptions(**options))
        return [row for batch in reader for row in batch.rows]

    return read


class PiecewiseSource:
    """Stands in for a `ByteSource`: bytes in the pieces given, None where it has to wait."""

    truncated = False
    live = True

    def __init__(self, *pieces: bytes | None) -> None:
        self.name = "pieces.csv"
        self._pieces = pieces

    def chunks(self) -> Iterator[bytes | None]:
        yield from self._pieces

    def head(self) -> bytes:
        return next((piece for piece in self._pieces if piece), b"")


@pytest.fixture(scope="session")
def pieces() -> type[PiecewiseSource]:
    """Makes sources out of pieces of bytes."""
    return PiecewiseSource
