"""What a kind of write has no way to write. Pure."""

from __future__ import annotations


class RefusedError(ValueError):
    """A cell, a value or a change that this kind has no way to write. Holds no value."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
