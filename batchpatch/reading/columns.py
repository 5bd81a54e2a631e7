"""The columns of one header: which are taken for what. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import InputError, SettingsError
from batchpatch.formats.plan_line import PLAN_USES
from batchpatch.options.fields import (
    ALIASES,
    PROPERTIES,
    is_own,
    is_skip,
    normalized,
    selector_of,
)
from batchpatch.reading.column_names import listed
from batchpatch.reading.header_problems import HeaderProblems, a_noun
from batchpatch.reading.records import SelectorColumn
from batchpatch.reading.row_errors import shown
from batchpatch.reading.row_properties import PropertyColumns, usual_keys
from batchpatch.writes.registry import find_kind, other_aliases, told_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.column_guesses import Sample


class Header:
    """Finds columns in a header. Each method takes some, which later ones then leave alone.

    Raises:
        InputError: a column that the user named is not there, or two are where one must be.
    """

    def __init__(
        self, header: list[str], options: ReadOptions, name: str, *, sample: Sample = ()
    ) -> None:
        """`name` is that of the input, for the errors; `sample` are its first records."""
        self.header = header
        self.problems = HeaderProblems(header, name, find_kind(options.write), sample)
        self._options = options
        self._name = name
        self._taken: set[int | None] = set()
        self._kind = find_kind(options.write)
        self._columns = self._kind.columns

    def fields(self) -> dict[str, int | None]:
        """The position of each field; a key without a value, or a value alone, is no pair."""
        own = {name: field.aliases for name, field in self._columns.fields.items()}
        aliases = {**ALIASES, **own}
        found = {field: self._field(field, names) for field, names in aliases.items()}
        pair = self._columns.pair or ()
        if any(found[field] is None for field in pair):
            self._taken -= {found[field] for field in pair}
            found.update(dict.fromkeys(pair))
        return found

    def _field(self, field: str, aliases: Sequence[str]) -> int | None:
        """The position of a field, by --map or by its usual names; None where it is absent."""
        if (asked := self._options.columns.get(field)) is not None:
            return self._take(self._named(asked, f"--map {field}="))
        found = [i for i, c in enumerate(self.header) if normalized(c) in aliases]
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
                position = self._take(self._named(column, f"--map {name}="))
                if position is not None:
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
                self._take(position)
                found.append(SelectorColumn(*selector, position))
        return found

    def properties(self, *, is_json: bool) -> PropertyColumns:
        """What records say of themselves, by --map; by the usual keys only in JSON.

        A key that --map names may be missing there, as a usual one may.
        """
        usual = usual_keys(self._options) if is_json else ()
        found: dict[str, int | None] = {}
        for field in PROPERTIES:
            asked = self._options.columns.get(field)
            if asked is not None and (self._places(asked) or not is_json):
                found[field] = self._take(self._named(asked, f"--map {field}="))
            elif field in usual and field in self.header:
                found[field] = self._take(self.header.index(field))
        return PropertyColumns(**found)

    def names(self, fields: Mapping[str, int | None]) -> dict[str, int]:
        """Name to position, of the values that the user or their column names.

        `fields`: what the method of that name has found.
        """
        name_of = self._columns.name_of
        several = {self._columns.whole, *(self._columns.pair or ())}
        own = self._columns.fields.keys() - several
        found = {name: at for name, at in fields.items() if name in own and at is not None}
        self._refuse_unnamed()
        for field, column in self._options.columns.items():
            if (name := name_of(field)) is not None:
                self._add(found, name, self._named(column, f"--map {field}="))
        for position, column in enumerate(self.header):
            if position not in self._taken and (name := name_of(column)) is not None:
                self._add(found, name, position)
        for column in self._options.attributes:
            at = self._named(column, "--attributes ")
            if at is not None and at not in found.values():  # else it is "attr.tier", say
                self._add(found, self.header[at].strip(), at)
        return found

    def _refuse_unnamed(self) -> None:
        options, kind = self._options, self._kind
        if (options.attributes or options.all_columns) and not self._columns.open:
            raise SettingsError(
                f"--attributes and --all-columns do not go with --write {kind.name}, which has "
                f"columns of its own: {', '.join(self._columns.fields)} (--map names others)."
            )

    def add_the_rest(self, found: dict[str, int]) -> None:
        """What nothing else has taken is sent under its own name too."""
        for position in self._unused():
            self._add(found, self.header[position].strip(), position)

    def refuse_other_kinds(self) -> None:
        """Raise InputError for columns of another kind of write: nobody has said which is meant.

        Mostly the kind is chosen by the columns; what comes here can be read only once.
        """
        for name, columns in told_by(self.header).items():
            if name != self._kind.name:
                raise InputError(
                    f"{self._name} has columns of --write {name} ({listed(columns)}): say what its "
                    f"rows are with --write {name} or --write {self._kind.name}."
                )

    def add_of_other_kinds(self, found: dict[str, int]) -> None:
        """Columns of another kind that were asked for on purpose, where there is nothing else."""
        if not self._columns.open:
            return
        aliases = other_aliases(self._kind)
        for position in self._unused():
            if normalized(self.header[position]) in aliases:
                self._add(found, self.header[position].strip(), position)

    def _add(self, found: dict[str, int], attribute: str, position: int | None) -> None:
        if position is None or found.get(attribute) == position:
            return
        if is_own(self.header[position]):
            raise InputError(
                f"{self._name}: the column {shown(self.header[position])} is batchpatch's own and "
                "is never sent: leave it out of --attributes and --map."
            )
        if not attribute:
            raise InputError(
                f"Column {position + 1} of {self._name} ({shown(self.header[position])}) would be "
                f"{a_noun(self._kind)} without a name: name it, or use --attributes to choose "
                "columns."
            )
        if attribute in found:
            raise InputError(
                f"{self._name} has two columns for the {self._kind.noun} {shown(attribute)}: "
                "remove one."
            )
        self._take(position)
        found[attribute] = position

    def _named(self, column: str, flag: str) -> int | None:
        """The position of a column that the user named; None, with a problem, where it is none.

        `flag` is how it was named, up to the column.
        """
        found = self._places(column)
        if len(found) == 1:
            return found[0]
        self.problems.unknown(column, flag, doubled=bool(found))
        return None

    def _places(self, column: str) -> list[int]:
        exact = [i for i, c in enumerate(self.header) if c == column]
        alike = normalized(column)
        return exact or [i for i, c in enumerate(self.header) if normalized(c) == alike]

    def _take(self, position: int | None) -> int | None:
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

    def refuse_missing(self, fields: Sequence[str], *, nothing_to_send: bool) -> None:
        """Raise InputError where there is a problem, with all of them.

        Args:
            fields: those that are needed, and absent.
            nothing_to_send: no column was found that holds what is to be written.
        """
        asked, named = self._options.columns, self._options.attributes
        self.problems.missing([one for one in fields if one not in asked], self._unused())
        if nothing_to_send and not (named or any(map(self._columns.is_value, asked))):
            self.problems.nothing_found(self._unused())
        self.problems.refuse()

    def _unused(self) -> list[int]:
        return [i for i, c in enumerate(self.header) if i not in self._taken and not is_own(c)]
