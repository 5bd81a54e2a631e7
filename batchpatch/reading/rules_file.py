"""A file of rules for values: TOML, read and checked whole before anything is done."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from batchpatch.errors import SettingsError, as_typed, ended, why_unreadable
from batchpatch.reading.rules import ON_BREACH, DateForm, Rule, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from batchpatch.options.read import ReadOptions

_OF_FILE = ("attributes", "only_listed", "on_breach")
_OF_RULE = ("required", "allowed", "pattern", "max_bytes", "date", "on_breach")


def rules_hash(path: str) -> str:
    """The SHA-256 of a file of rules that can be used.

    Raises:
        SettingsError: it cannot.
    """
    data = _read(path)
    _parsed(data, path, name="")
    return sha256(data).hexdigest()


def load_rules(options: ReadOptions, *, name: str) -> Rules | None:
    """The rules that the options name, for the input of this name; None where they name none.

    Where they are known by their hash, they are read once: what is begun ends with the same.

    Raises:
        SettingsError: they cannot be used, or are not those that a run has begun with.
    """
    path, known = options.rules_file, options.rules_sha256
    if path is None:
        return None
    data = _read(path) if known is None else _known(path, known)
    return _parsed(data, path, name=name)


def refuse_changed_rules(options: ReadOptions) -> None:
    """Raise SettingsError where the rules are not those that a run has begun with."""
    if options.rules_file is not None and options.rules_sha256 is not None:
        _known.cache_clear()
        _known(options.rules_file, options.rules_sha256)


@lru_cache(maxsize=4)
def _known(path: str, known: str) -> bytes:
    data = _read(path)
    if known != sha256(data).hexdigest():
        raise SettingsError(
            f"--rules {as_typed(path)} has changed: its rows were judged by other rules, so what "
            "is left of them must be too; put the file back, or start a new run."
        )
    return data


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"--rules {as_typed(path)} cannot be read: {why_unreadable(error)}."
        ) from None


def _parsed(data: bytes, path: str, *, name: str) -> Rules:
    import tomllib  # noqa: PLC0415 - where there are rules

    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is no TOML ({error})")
    _refuse_unknown(path, "the file", document, _OF_FILE)
    only_listed = document.get("only_listed", False)
    if not isinstance(only_listed, bool):
        _refuse(path, "only_listed is true or false")
    usual = document.get("on_breach", "invalid")
    tables = document.get("attributes", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        _refuse(path, "each attribute has a table of its own, such as [attributes.tier]")
    if not tables:
        _refuse(path, "it has no rules: write a table such as [attributes.tier]")
    rules = [_rule(path, name, {"on_breach": usual, **table}) for name, table in tables.items()]
    return Rules(rules, only_listed=only_listed, name=name)


def _rule(path: str, name: str, table: Mapping[str, Any]) -> Rule:
    place = f"[attributes.{name}]" if name.isidentifier() else f"[attributes.{name!a}]"
    _refuse_unknown(path, place, table, _OF_RULE)
    wrong = next((key for key, value in table.items() if not _FITTING[key](value)), None)
    if wrong is not None:
        _refuse(path, f"{wrong} of {place} is {_FORMS[wrong]}")
    allowed, pattern, date = (table.get(key) for key in ("allowed", "pattern", "date"))
    try:
        return Rule(
            name=name,
            required=table.get("required", False),
            allowed=None if allowed is None else frozenset(allowed),
            pattern=None if pattern is None else re.compile(pattern),
            max_bytes=table.get("max_bytes"),
            date=None if date is None else DateForm(date),
            on_breach=table["on_breach"],
        )
    except re.error as error:
        _refuse(path, f"pattern of {place} is no regular expression ({error})")
    except (ValueError, RecursionError, OverflowError) as error:
        _refuse(path, f"date of {place} is no form of dates ({error})")


_FORMS = {
    "required": "true or false",
    "allowed": 'a list of texts, such as ["gold", "silver"]',
    "pattern": "a regular expression, as text",
    "max_bytes": "a number of bytes, from 1",
    "date": 'a form of dates, such as "%Y-%m-%d"',
    "on_breach": f"one of {', '.join(ON_BREACH)}",
}
_FITTING: dict[str, Callable[[Any], bool]] = {
    "required": lambda value: isinstance(value, bool),
    "allowed": lambda value: (
        isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
    ),
    "pattern": lambda value: isinstance(value, str),
    "max_bytes": lambda value: type(value) is int and value >= 1,
    "date": lambda value: isinstance(value, str),
    "on_breach": lambda value: value in ON_BREACH,
}


def _refuse_unknown(
    path: str, place: str, table: Mapping[str, Any], known: Collection[str]
) -> None:
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, 1)
            meant = f"did you mean {close[0]}?" if close else f"it may have {', '.join(known)}"
            _refuse(path, f"{place} has {key!a}, which is unknown: {meant}")


def _refuse(path: str, why: str) -> NoReturn:
    raise SettingsError(ended(f"--rules {as_typed(path)}: {why}"))
