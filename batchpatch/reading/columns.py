"""The columns of one header: how messages show them, and which are taken for what. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.formats.plan_line import PLAN_USES
from batchpatch.options.fields import (
    ALIASES,
    SELECTOR_WORDS,
    attribute_of,
    is_own,
    is_skip,
    normalized,
    selector_of,
)
from batchpatch.reading.row_errors import SHOWN_LENGTH, shown
from batchpatch.reading.selectors import SelectorColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.options.read import ReadOptions


_COLUMNS_LISTED = 20


def listed(columns: Sequence[str]) -> str:
    """Columns in a sentence; not all of them where there are many."""
    first = ", ".join(map(plainly, columns[:_COLUMNS_LISTED]))
    more = len(columns) - _COLUMNS_LISTED
    return f"{first} and {more} more" if more > 0 else first


def plainly(column: str) -> str:
    """A column as one would type it, where that is possible."""
    if not column:
        return "(no name)"
    return column if column.isprintable() and len(column) <= SHOWN_LENGTH else shown(column)


class Header:
    """Finds columns in a header. Each method takes some, which later ones then leave alone.

    Raises:
        InputError: a column that the user named is not there, or two are where one must be.
    """

    def __init__(self, header: list[str], options: ReadOptions, name: str) -> None:
        """`name` is that of the input, for the errors."""
        self.header = header
        self._options = options
        self._name = name
        self._taken: set[int | None] = set()

    def fields(self) -> dict[str, int | None]:
        """The position of each field; a key without a value, or a value alone, is no pair."""
        found = {field: self._field(field) for field in ALIASES}
        if found["key"] is None or found["value"] is None:
            self._taken -= {found["key"], found["value"]}
            found["key"] = found["value"] = None
        return found

    def _field(self, field: str) -> int | None:
        """The position of a field, by --map or by its usual names; None where it is absent."""
        if (asked := self._options.columns.get(field)) is not None:
            return self._take(self._named(asked, f"--map {field}={asked}"))
        found = [i for i, c in enumerate(self.header) if normalized(c) in ALIASES[field]]
        if len(found) > 1:
            columns = " and ".join(shown(self.header[i]) for i in found)
            raise InputError(
                f"{self._name} has more than one {field} column ({columns}): "
                f"choose with --map {field}=COLUMN, or rename one."
            )
        return self._take(found[0]) if found else None

    def mapped_selectors(self) -> list[SelectorColumn]:
        """Those that --map names."""
        found = []
        for name, column in self._options.columns.items():
            if (selector := selector_of(name)) is not None:
                position = self._take(self._named(column, f"--map {name}={column}"))
                found.append(SelectorColumn(*selector, position))
        return found

    def usual_selectors(self, mapped: list[SelectorColumn]) -> list[SelectorColumn]:
        """Those with the usual names, where --map has named no other for the same.

        Two columns of one field are no mistake: both are to fit.
        """
        known = {column[:2] for column in mapped}
        found = []
        for position in self._unused():
            selector = selector_of(self.header[position])
            if selector is not None and selector not in known:
                found.append(SelectorColumn(*selector, self._take(position)))
        return found

    def attributes(self) -> dict[str, int]:
        """Attribute name to position, of those that the user or their column names."""
        found: dict[str, int] = {}
        for field, column in self._options.columns.items():
            if (name := attribute_of(field)) is not None:
                self._add(found, name, self._named(column, f"--map {field}={column}"))
        for position, column in enumerate(self.header):
            if position not in self._taken and (name := attribute_of(column)) is not None:
                self._add(found, name, position)
        for column in self._options.attributes:
            position = self._named(column, f"--attributes {column}")
            if position not in found.values():  # "attr.tier" is the attribute "tier" already
                self._add(found, self.header[position].strip(), position)
        return found

    def add_the_rest(self, found: dict[str, int]) -> None:
        """What nothing else has taken is an attribute too."""
        for position in self._unused():
            self._add(found, self.header[position].strip(), position)

    def _add(self, found: dict[str, int], attribute: str, position: int) -> None:
        if found.get(attribute) == position:
            return
        if not attribute:
            raise InputError(
                f"Column {position + 1} of {self._name} ({shown(self.header[position])}) would be "
                "an attribute without a name: name it, or use --attributes to choose columns."
            )
        if attribute in found:
            raise InputError(
                f"{self._name} has two columns for the attribute {shown(attribute)}: remove one."
            )
        found[attribute] = self._take(position)

    def _named(self, column: str, flag: str) -> int:
        """The position of a column that the user named."""
        exact = [i for i, c in enumerate(self.header) if c == column]
        found = exact or [
            i for i, c in enumerate(self.header) if normalized(c) == normalized(column)
        ]
        if len(found) == 1:
            return found[0]
        what = "has no such column" if not found else "has that column more than once"
        raise InputError(f"{flag}: {self._name} {what}. Its columns: {listed(self.header)}.")

    def _take(self, position: int) -> int:
        self._taken.add(position)
        return position

    def skip_column(self) -> int | None:
        """The position of `batchpatch_skip`; None where it is absent."""
        found = [i for i, c in enumerate(self.header) if is_skip(c)]
        if len(found) > 1:
            raise InputError(f"{self._name} has more than one batchpatch_skip column: remove one.")
        return found[0] if found else None

    def plan_keys(self) -> dict[int, str]:
        """Position to use, of the keys that only a plan has."""
        found = {i: PLAN_USES[key] for i, key in enumerate(self.header) if key in PLAN_USES}
        self._taken.update(found)
        return found

    def unmapped(self) -> list[str]:
        """The columns that nothing has taken."""
        return [self.header[i] for i in self._unused()]

    def _unused(self) -> list[int]:
        return [i for i, c in enumerate(self.header) if i not in self._taken and not is_own(c)]

    def missing(self, field: str) -> str:
        """What to say where a needed field is absent."""
        usual = f"{field}Id"
        text = (
            f"{self._name} has no {field} column. Its columns: {listed(self.header)}. "
            f"Name one {usual}, or say which it is: --map {field}=COLUMN"
        )
        if field == "participant":
            text += f"; or who is meant: --participant customer, or a column {SELECTOR_WORDS}"
        return f"{text}."

    def no_attributes(self) -> str:
        """What to say where there is nothing to send."""
        left = self.unmapped()
        if not left:
            return (
                f"{self._name} has no attribute to send: add a column attr.NAME, "
                "or --set NAME=VALUE."
            )
        return (
            f"No attribute was found in {self._name}. Columns without a use: {listed(left)}. "
            f"Send some with --attributes {plainly(left[0])} (several: A,B), or all with "
            "--all-columns."
        )
