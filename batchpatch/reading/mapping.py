"""Which column means what. Pure: names in, decisions out.

The same decisions serve a CSV header, once, and the keys of a JSONL line, once for each set of
keys that occurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError
from batchpatch.reading.columns import (
    ALIASES,
    attribute_of,
    is_own,
    is_skip,
    listed,
    normalized,
    plainly,
)
from batchpatch.reading.faults import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.reading.options import ReadOptions


class ColumnUse(NamedTuple):
    """How one column was understood, in words for `check`."""

    column: str
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Positions of the columns that matter.

    `names` and `positions` go together: the attributes that have a column of their own.
    """

    width: int
    conversation: int
    participant: int
    positions: tuple[int, ...]
    names: tuple[str, ...]
    object_at: int | None
    pair_at: tuple[int, int] | None
    skip_at: int | None
    uses: tuple[ColumnUse, ...]
    unmapped: tuple[str, ...]

    @property
    def is_plain(self) -> bool:
        """Every attribute has its own column, so that rows can share `names`."""
        return self.object_at is None and self.pair_at is None and self.skip_at is None

    @property
    def is_object_only(self) -> bool:
        """Every attribute comes from one object."""
        return not self.names and self.pair_at is None and self.skip_at is None


def map_columns(header: Sequence[str], options: ReadOptions, *, name: str) -> Mapping:
    """Decide what each column is for.

    Args:
        header: column names as they stand in the input.
        options: the user's wishes.
        name: of the input, for the error.

    Raises:
        InputError: a needed column is missing or stands there twice; the text names the columns
            that are there and the flag that would use them.
    """
    finder = _Finder(list(header), options, name)
    fields = finder.fields()
    attributes = finder.attributes()
    for field in ("conversation", "participant"):
        if fields[field] is None:
            raise InputError(finder.missing(field))
    pair = _pair(fields["key"], fields["value"])
    if not (attributes or options.constants or pair or fields["attributes"] is not None):
        raise InputError(finder.no_attributes())
    kept = {n: i for n, i in attributes.items() if n not in options.constants}
    return Mapping(
        width=len(header),
        conversation=_known(fields["conversation"]),
        participant=_known(fields["participant"]),
        positions=tuple(kept.values()),
        names=tuple(kept),
        object_at=fields["attributes"],
        pair_at=pair,
        skip_at=finder.skip_column(),
        uses=finder.uses(fields, attributes),
        unmapped=tuple(finder.unmapped()),
    )


def _known(position: int | None) -> int:
    assert position is not None  # noqa: S101 - map_columns has refused the other case
    return position


def _pair(key: int | None, value: int | None) -> tuple[int, int] | None:
    return (key, value) if key is not None and value is not None else None


class _Finder:
    """One header under examination: what is taken, and what is left."""

    def __init__(self, header: list[str], options: ReadOptions, name: str) -> None:
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

    def attributes(self) -> dict[str, int]:
        """Attribute name to position, in the order of the columns."""
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
        if self._options.all_columns:
            for position in self._unused():
                self._add(found, self.header[position].strip(), position)
        return dict(sorted(found.items(), key=lambda item: item[1]))

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
        found = [i for i, c in enumerate(self.header) if is_skip(c)]
        if len(found) > 1:
            raise InputError(f"{self._name} has more than one batchpatch_skip column: remove one.")
        return found[0] if found else None

    def unmapped(self) -> list[str]:
        return [self.header[i] for i in self._unused()]

    def _unused(self) -> list[int]:
        return [i for i, c in enumerate(self.header) if i not in self._taken and not is_own(c)]

    def missing(self, field: str) -> str:
        usual = f"{field}Id"
        return (
            f"{self._name} has no {field} column. Its columns: {listed(self.header)}. "
            f"Name one {usual}, or say which it is: --map {field}=COLUMN."
        )

    def no_attributes(self) -> str:
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

    def uses(
        self, fields: dict[str, int | None], attributes: dict[str, int]
    ) -> tuple[ColumnUse, ...]:
        words = {
            "conversation": "conversation id",
            "participant": "participant id",
            "attributes": "attributes, as a JSON object",
            "key": "attribute name",
            "value": "attribute value",
        }
        use = {position: words[f] for f, position in fields.items() if position is not None}
        for attribute, position in attributes.items():
            shadowed = attribute in self._options.constants
            use[position] = (
                f"replaced by --set {attribute}" if shadowed else f"attribute {attribute}"
            )
        return tuple(
            ColumnUse(column, use.get(position) or self._idle_use(column))
            for position, column in enumerate(self.header)
        )

    def _idle_use(self, column: str) -> str:
        if is_skip(column):
            return "names of attributes not to send"
        return "ignored (batchpatch's own)" if is_own(column) else "not sent"
