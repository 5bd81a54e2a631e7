"""Standard input, kept as it came, so that a run over a pipe can be resumed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Self

from batchpatch.recording.files import open_private, record_error

if TYPE_CHECKING:
    from pathlib import Path


class Spool:
    """A copy of a stream, 0600. Holds customers' values, as the README says.

    Raises:
        RecordError: the file cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closing = threading.Lock()
        try:
            self._descriptor: int | None = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        except OSError as error:
            raise record_error(path, error) from error

    def write(self, data: bytes) -> None:
        """Keep these bytes, before anything is made of them."""
        view = memoryview(data)
        with self._closing:
            try:
                while view and self._descriptor is not None:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                raise record_error(self._path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The reader's thread may still be at it: a closed number would soon be another file's.
        with self._closing:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)
