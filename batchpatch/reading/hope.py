"""An input of which nothing can be sent is refused at its beginning. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.model import Row

if TYPE_CHECKING:
    from batchpatch.model import InvalidRow


HOPELESS_ROWS = 1000
"""An input that begins with this many invalid rows is refused."""


class Hope:
    """Refuses an input of which nothing can be sent, before anything is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._invalid = 0

    def look_at(self, rows: list[Row | InvalidRow]) -> bool:
        """False once a row is valid: there is no need to look further."""
        for row in rows:
            if isinstance(row, Row):
                return False
            self._invalid += 1
            if self._invalid == HOPELESS_ROWS:
                raise InputError(
                    f"The first {HOPELESS_ROWS:,} rows of {self._name} are all invalid; line "
                    f"{row.line}, for one: {row.message}. {row.hint}"
                )
        return True
