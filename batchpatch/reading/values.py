"""Values, texts as the platform keeps them; and attribute names, judged as sets. Pure."""

from __future__ import annotations

import unicodedata
from itertools import repeat
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.formats.exact_json import NumberText
from batchpatch.options.fields import INVISIBLE, bare
from batchpatch.reading import row_errors
from batchpatch.reading.odd_values import NULL_TEXTS
from batchpatch.writes.registry import USUAL, find_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.row_errors import RowError
    from batchpatch.writes.kind import WriteKind

_SETS_KEPT = 1000
"""Sets of names whose verdict is remembered; past that each row is judged."""
_LENGTH_KEPT = 4096
"""The text of the longest set that is."""
_NOTICES_KEPT = 20


class Names:
    """The sets of names that the rows of an input may use.

    `good` holds those that passed, by themselves: rows share one tuple for each.
    """

    def __init__(
        self,
        only_keys: frozenset[str] | None,
        notices: dict[str, str],
        kind: WriteKind = USUAL,
        *,
        listed: frozenset[str] | None = None,
    ) -> None:
        """`listed`: the names that rules allow; None where they allow any."""
        self.good: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._only_keys = only_keys
        self._notices = notices
        self._kind = kind
        self._listed = listed
        self._spellings: dict[str, str] = {}
        """Of each name without its case and spaces, the one that was met first."""

    @classmethod
    def of(
        cls,
        options: ReadOptions,
        notices: dict[str, str],
        *,
        listed: frozenset[str] | None = None,
    ) -> Names:
        """As the options of reading have it, and rules."""
        return cls(options.only_keys, notices, find_kind(options.write), listed=listed)

    def row_error(self, names: tuple[str, ...]) -> RowError | None:
        """What is wrong with this set of names."""
        if names in self.good:
            return None
        error = _judged(names, self._only_keys, self._listed)
        for name in names:
            self._look_at_spelling(name)
            if len(self._notices) < _NOTICES_KEPT and (notice := self._kind.notice(name)):
                self._notices[name] = notice
        if error is None and keepable(names, self.good):
            self.good[names] = names
        return error

    def _look_at_spelling(self, name: str) -> None:
        """Say of a name that it may have been meant to be another one."""
        if len(self._spellings) >= _SETS_KEPT or len(name) > _LENGTH_KEPT:
            return
        alike = unicodedata.normalize("NFC", "".join(name.split()).casefold())
        first = self._spellings.setdefault(alike, name)
        if first != name and len(self._notices) < _NOTICES_KEPT:
            self._notices[f"spelling {name}"] = (
                f"{row_errors.shown(first)} and {row_errors.shown(name)} differ only by case or "
                "spaces, or by how letters are composed: they are two attributes, and none can be "
                "deleted."
            )
        meant = self._kind.columns.name_of(name)
        told = _odd_name(name) or (meant and _prefixed(name, meant))
        if told and first == name and len(self._notices) < _NOTICES_KEPT:
            self._notices[f"odd {name}"] = told

    def all_good(self, sets: list[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
        """Each of these sets as the one tuple that all rows share.

        Raises:
            KeyError: one of them is not known to be good.
        """
        first = self.good[sets[0]]
        if sets.count(first) == len(sets):
            return repeat(first)
        return list(map(self.good.__getitem__, sets))

    def shared(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The same names, as one tuple for all rows that have them.

        Raises:
            UnsendableError: with what is wrong with them.
        """
        if (error := self.row_error(names)) is not None:
            raise UnsendableError(error)
        return self.good.get(names, names)


_FOR_EVER = "it is another attribute, and none can be deleted."


def _odd_name(name: str) -> str | None:
    """What is to be said of a name that looks like another one, or like none."""
    unseen = next((char for char in name if char in INVISIBLE), None)
    if unseen is not None:
        return (
            f"{row_errors.shown(name)} holds a character that cannot be seen "
            f"(U+{ord(unseen):04X}): without it, {_FOR_EVER}"
        )
    if name != name.strip():
        return f"{row_errors.shown(name)} has a blank in front or behind: without it, {_FOR_EVER}"
    if name in NULL_TEXTS:
        return (
            f"An attribute is called {row_errors.shown(name)}, which is how an export writes that "
            "there is none, and it cannot be deleted."
        )
    return None


def _prefixed(name: str, meant: str) -> str:
    """Of a name with what only names of columns begin with."""
    return (
        f"{row_errors.shown(name)} is sent with all of that name: if {row_errors.shown(meant)} is "
        "meant, write that, for no attribute can be deleted."
    )


def keepable(names: tuple[str, ...], kept: Sized) -> bool:
    """True while remembering one more set takes little memory."""
    return len(kept) < _SETS_KEPT and sum(map(len, names)) <= _LENGTH_KEPT


def _judged(
    names: tuple[str, ...], only_keys: frozenset[str] | None, listed: frozenset[str] | None
) -> RowError | None:
    for name in names:
        if not bare(name):
            return row_errors.EMPTY_NAME
        if "\0" in name:
            return row_errors.NUL_TEXT
        if only_keys is not None and name not in only_keys:
            return row_errors.not_allowed(name)
        if listed is not None and name not in listed:
            return row_errors.not_listed(name)
    return None


class UnsendableError(Exception):
    """A record that can be no row. Never leaves reading."""

    def __init__(self, row_error: RowError) -> None:
        super().__init__(row_error.code)
        self.row_error = row_error


def text_of(name: str, value: Any, *, empty: str, nested: str) -> str | None:
    """The text to send for a JSON value; None leaves the attribute alone.

    An empty text is a value like any other: what is empty in a CSV comes as None.

    Raises:
        UnsendableError: an object or array that `nested` refuses, or a NUL character.
    """
    if value is None:
        return "" if empty == "set" else None
    if isinstance(value, str):
        if "\0" in value:
            raise UnsendableError(row_errors.NUL_TEXT)
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if nested == "json":
        try:
            return _json_text(value)
        except RecursionError:
            raise UnsendableError(row_errors.bad_json("nested too deeply")) from None
    raise UnsendableError(row_errors.nested(name))


def _json_text(value: Any) -> str:
    """JSON text of a nested value, its numbers as the file has them."""
    if isinstance(value, dict):
        items = (f"{orjson.dumps(k).decode()}:{_json_text(v)}" for k, v in value.items())
        return "{" + ",".join(items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_json_text(item) for item in value) + "]"
    if isinstance(value, NumberText):
        return str(value)
    return orjson.dumps(value).decode()
