"""The columns of a kind of write: which hold what is to be written; and what it refuses. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.options.fields import is_field, normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class RefusedError(ValueError):
    """A cell, a value or a change that this kind has no way to write. Holds no value."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Field(NamedTuple):
    """A column that a kind of write knows by its name."""

    aliases: tuple[str, ...]
    """The usual names of its column, normalized."""
    use: str
    """What it is, in words for `check`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns hold what is to be written. Field names are what `--map` takes."""

    fields: Mapping[str, Field]
    """All of them by name; one that is neither `whole` nor of `pair` is the value of that name."""
    whole: str | None = None
    """The field whose cell holds several names with their values, as an object."""
    pair: tuple[str, str] | None = None
    """The two fields that hold one name and its value; one without the other counts for nothing."""
    name_of: Callable[[str], str | None] = lambda _: None
    """NAME of a column that spells it out, such as `attr.NAME`; None for any other column."""
    open: bool = False
    """Any column can be sent under its own name (`--attributes`, `--all-columns`)."""
    telling: tuple[str, ...] = ()
    """Fields besides whose column says alone that an input is of this kind."""
    example: str = ""
    """A column that a user could add where nothing to write was found, for the error."""
    object_example: str = "{...}"
    """What a cell of `whole` looks like, for the error."""

    def values(self) -> tuple[str, ...]:
        """Names of the values that have a field of their own."""
        return tuple(name for name in self.fields if name not in (self.whole, *(self.pair or ())))

    def is_value(self, name: str) -> bool:
        """True for what `--map` can give a column of values to."""
        return name in self.fields or self.name_of(name) is not None

    def is_field(self, name: str) -> bool:
        """True for what `--map` can give a column to."""
        return name in self.fields or is_field(name) or self.name_of(name) is not None

    def aliases(self) -> frozenset[str]:
        """The usual names of all fields, normalized."""
        return frozenset(alias for field in self.fields.values() for alias in field.aliases)

    def has(self, columns: Iterable[str]) -> bool:
        """True where one of these columns is of this kind by its name alone."""
        aliases = self.aliases()
        return any(
            normalized(column) in aliases or self.name_of(column) is not None for column in columns
        )

    def told_by(self, columns: Iterable[str], mapped: Iterable[str] = ()) -> list[str]:
        """The columns, and the fields of `--map`, that say that an input is of this kind."""
        columns, mapped = list(columns), list(mapped)
        fields = (*((self.whole,) if self.whole else ()), *self.telling)
        names = {name for field in fields for name in self.fields[field].aliases}
        found = [one for one in columns if normalized(one) in names or self.name_of(one)]
        found += [one for one in mapped if one in self.fields or self.name_of(one)]
        # One column of the pair without the other says nothing.
        halves = [self._of_field(field, columns) for field in self.pair or ()]
        return found + [one for half in halves for one in half if all(halves)]

    def _of_field(self, field: str, columns: Iterable[str]) -> list[str]:
        return [one for one in columns if normalized(one) in self.fields[field].aliases]
