"""JSON as it is taken from inputs: strict, and with numbers in their own digits. Pure."""

from __future__ import annotations

import json
from typing import Any

import orjson


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
