"""A secret: a text that shows itself to nobody by accident."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """A string that shows itself to nobody but `reveal()`.

    Its repr, str and format are asterisks, and it refuses to be pickled, so that it cannot end up
    in a log, a report, a traceback with local variables or a file by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, to be put into a request at once."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not to be pickled")
