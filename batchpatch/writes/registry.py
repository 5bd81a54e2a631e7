"""The kinds of write by name: the one list. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.options.fields import FIELD_NAMES, normalized
from batchpatch.writes.attributes import ATTRIBUTES
from batchpatch.writes.wrapup import WRAPUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.genesys.routes import Route
    from batchpatch.writes.kind import WriteKind

USUAL: WriteKind = ATTRIBUTES
"""The kind where nothing else is asked for."""
KINDS: dict[str, WriteKind] = {kind.name: kind for kind in (ATTRIBUTES, WRAPUP)}


def find_kind(name: str | None) -> WriteKind:
    """The kind of that name; the usual one for None.

    Raises:
        SettingsError: there is none.
    """
    if name is None:
        return USUAL
    try:
        return KINDS[name]
    except KeyError:
        raise SettingsError(f"--write {name[:40]!r}: choose {', '.join(KINDS)}.") from None


def is_known_column(name: str) -> bool:
    """True for what names a field of any input, or what some kind of write has columns for."""
    return normalized(name) in FIELD_NAMES or any(
        kind.columns.has([name]) for kind in KINDS.values()
    )


def find_route(text: str | None = None, *, write: str | None = None) -> Route:
    """The route of that name or template, for that kind of write; both None for the usual ones.

    A template that cannot exist on the platform is allowed, with a warning.

    Raises:
        SettingsError: there is no such route, or no such kind.
    """
    return find_kind(write).find_route(text)


def told_by(columns: Iterable[str], mapped: Iterable[str] = ()) -> dict[str, list[str]]:
    """What of these columns, and of the fields of `--map`, says which kind: by the kind's name."""
    columns, mapped = list(columns), list(mapped)
    found = {name: kind.columns.told_by(columns, mapped) for name, kind in KINDS.items()}
    return {name: told for name, told in found.items() if told}


def other_aliases(kind: WriteKind) -> frozenset[str]:
    """The usual names, normalized, of what the other kinds write."""
    return frozenset().union(*(one.columns.aliases() for one in KINDS.values() if one is not kind))


LISTED = WRAPUP
"""The kind whose rows may have names of a list, which `batchpatch codes` shows."""
