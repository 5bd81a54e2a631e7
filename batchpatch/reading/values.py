"""JSON as the file has it, and values as the platform keeps them: text. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.reading import faults

if TYPE_CHECKING:
    from batchpatch.reading.faults import Fault


class UnsendableError(Exception):
    """A record that can be no row. Never leaves the reading room."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


class NumberText(str):
    """A JSON number in the digits of the file."""

    __slots__ = ()


def load_exactly(line: bytes) -> Any:
    """One JSON value whose numbers keep the digits they have in the file.

    orjson decides what is JSON (it knows no NaN and no lone surrogate); where it would turn a
    number into another text, the standard library reads the line again.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        value = orjson.loads(line)
    except ValueError as error:
        if "infinity" not in str(error) or b"\\u" in line:
            raise
        value = 0  # a number beyond a double, which is text to us
    if not _has_number(value):
        return value
    try:
        return json.loads(
            line, parse_int=NumberText, parse_float=NumberText, parse_constant=_no_number
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _has_number(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            return True
    return False


def text_of(name: str, value: Any, *, empty: str, nested: str) -> str | None:
    """The text to send for a value; None leaves the attribute alone.

    Raises:
        UnsendableError: an object or array that `nested` refuses, or a NUL character.
    """
    if value is None or value == "":
        return "" if empty == "set" else None
    if isinstance(value, str):
        if "\0" in value:
            raise UnsendableError(faults.NUL_TEXT)
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if nested == "json":
        try:
            return _json_text(value)
        except RecursionError:
            raise UnsendableError(faults.bad_json("nested too deeply")) from None
    raise UnsendableError(faults.nested(name))


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
