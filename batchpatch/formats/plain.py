"""Typed encoding: values of our own classes as plain JSON, and back by their type hints. Pure.

A file that a user can edit, or that another release wrote, must not reach the code as a value of
another type than it is declared with: what does not fit is a `MisfitError` that names the place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson

from batchpatch.errors import RecordError
from batchpatch.model import Criterion
from batchpatch.options.run import Rate

_MOST = 1 << 63
"""None of ours is so large, times in nanoseconds included."""
_TYPING_NAMES = {"Mapping": Mapping, "Sequence": Sequence, "Criterion": Criterion}
"""What the modules of the options import for typing alone."""


class MisfitError(ValueError):
    """A place in a document whose value is not of the type that belongs there."""

    def __init__(self, place: str, wanted: str) -> None:
        super().__init__(f"{place or 'it'} is not {wanted}")


def to_plain(value: Any) -> Any:
    """The value as objects, arrays, texts, numbers, true, false and null."""
    if isinstance(value, Rate):
        return value.per_s
    if isinstance(value, Criterion):
        return list(value)
    if is_dataclass(value):
        return {one.name: to_plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: to_plain(item) for name, item in value._asdict().items()}
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: to_plain(item) for name, item in value.items()}
    return value


def from_plain(hint: Any, value: Any, place: str = "") -> Any:
    """The value of a type, from what `to_plain` made of it.

    Args:
        hint: the type, as an annotation spells it.
        value: plain JSON.
        place: where in the document it stands, for the sentence.

    Raises:
        MisfitError: it is not of that type.
        BatchpatchError: its class refuses it.
    """
    if hint is Any:
        return value
    if hint in _SCALARS:
        return _SCALARS[hint](value, place)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(get_args(hint), value, place)
    if origin is Literal:
        return _literal(get_args(hint), value, place)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(get_args(hint)[1], value, place)
    if origin is not None:
        return _array(origin, get_args(hint)[0], value, place)
    return _object(hint, value, place)


def _text(value: Any, place: str) -> str:
    if type(value) is not str:
        raise MisfitError(place, "text")
    return value


def _flag(value: Any, place: str) -> bool:
    if type(value) is not bool:
        raise MisfitError(place, "true or false")
    return value


def _whole(value: Any, place: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise MisfitError(place, "a whole number")
    return value


def _number(value: Any, place: str) -> float:
    if type(value) not in (int, float) or not 0 <= value <= _MOST:  # which NaN is not either
        raise MisfitError(place, "a number")
    return float(value)


def _nothing(value: Any, place: str) -> None:
    if value is not None:
        raise MisfitError(place, "null")


def _rate(value: Any, place: str) -> Rate:
    per_s = _number(value, place)
    if not per_s > 0 or math.isinf(1 / per_s):
        raise MisfitError(place, "a rate")
    return Rate(per_s)


def _criterion(value: Any, place: str) -> Any:
    """Left as it is: the class that holds it makes criteria of what is listed."""
    if not isinstance(value, list):
        raise MisfitError(place, "a list")
    return value


_SCALARS: dict[Any, Callable[[Any, str], Any]] = {
    str: _text,
    bool: _flag,
    int: _whole,
    float: _number,
    NoneType: _nothing,
    Rate: _rate,
    Criterion: _criterion,
}


def _one_of(hints: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and NoneType in hints:
        return None
    wanted = [hint for hint in hints if hint is not NoneType]
    for hint in wanted[:-1]:
        try:
            return from_plain(hint, value, place)
        except MisfitError:
            continue
    return from_plain(wanted[-1], value, place)


def _literal(words: tuple[Any, ...], value: Any, place: str) -> Any:
    if type(value) is not str or value not in words:
        raise MisfitError(place, f"one of {', '.join(words)}")
    return value


def _mapping(hint: Any, value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MisfitError(place, "an object")
    return {name: from_plain(hint, item, _within(place, name)) for name, item in value.items()}


def _array(origin: Any, hint: Any, value: Any, place: str) -> Any:
    if not isinstance(value, list):
        raise MisfitError(place, "a list")
    items = [from_plain(hint, item, f"{place}[{at}]") for at, item in enumerate(value)]
    return items if origin is list else origin(items)


def _object(cls: Any, value: Any, place: str) -> Any:
    """An object of a class; a field that is missing has the default of its class."""
    if not isinstance(value, dict):
        raise MisfitError(place, "an object")
    hints, required = _shape(cls)
    for name in value:
        if name not in hints:
            raise MisfitError(_within(place, name), "known to this release")
    for name in required:
        if name not in value:
            raise MisfitError(_within(place, name), "there")
    return cls(
        **{
            name: from_plain(hints[name], item, _within(place, name))
            for name, item in value.items()
        }
    )


def known_only(cls: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the object that this release knows, where the others do not matter."""
    hints, _ = _shape(cls)
    return {name: item for name, item in value.items() if name in hints}


@lru_cache
def _shape(cls: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The types of a class's fields, and the names of those that it has no default for."""
    hints = get_type_hints(cls, localns=dict(_TYPING_NAMES))
    if is_dataclass(cls):
        required = [
            one.name
            for one in fields(cls)
            if one.default is MISSING and one.default_factory is MISSING
        ]
    else:
        required = [name for name in cls._fields if name not in cls._field_defaults]
    return hints, tuple(required)


def _within(place: str, name: str) -> str:
    shown = name if name.isidentifier() and len(name) <= 40 else ascii(name[:40])
    return f"{place}.{shown}" if place else shown


def dump_document(document: dict[str, Any]) -> bytes:
    """A document, indented."""
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a file name that is not UTF-8: only the escaped form can hold it
        return json.dumps(document, indent=2).encode() + b"\n"


def load_document(data: bytes, *, name: str) -> Any:
    """A document as plain values. Raises RecordError where it is no JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise RecordError(f"{name} is damaged: it is not JSON") from None
