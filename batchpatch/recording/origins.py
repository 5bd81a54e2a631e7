"""`origins.jsonl`: of each row of a run that has failed before, where that was."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Self

import orjson

from batchpatch.formats.origin import Origin, parse_origins
from batchpatch.recording.files import record_error, replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class OriginsFile:
    """The file as it is written: whole, or not at all; none where no row has an origin."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def add(self, row: int, cell: str) -> None:
        """Keep what a row says of itself. Raises RecordError."""
        if self._file is None:
            self._file = self._stack.enter_context(replacing(self._path))
        line = {"row": row, "origin": cell.encode("utf-8", "backslashreplace").decode()}
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def read_origins(path: Path) -> Iterator[tuple[int, list[Origin]]]:
    """Each row that has failed before, and where; what cannot be understood is left out.

    Raises:
        RecordError: the file is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    fields = orjson.loads(line)
                    row, origins = int(fields["row"]), parse_origins(fields["origin"])
                except (ValueError, KeyError, TypeError):
                    continue
                yield row, origins
    except FileNotFoundError:
        return
    except OSError as error:
        raise record_error(path, error, doing="read") from error
