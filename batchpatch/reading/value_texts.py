"""Value texts: what JSON values are in the file, without parsing it a second time. Pure.

orjson makes an `int` or a `float` of a number, and what is sent is its digits. So the texts of
numbers are taken from the raw bytes: whatever looks like one behind a colon.

Where there are as many colons as keys, none is in a string and no key is there twice. Then these
are the numbers, in the order in which the objects have them.

Else a look-alike may be in a string, or a number may have been replaced by that of an equal key.
An int prints as it was written all the same, for JSON knows no leading zero and no plus; `-0` alone
does not. What looks like a float, or is `-0`, is at least every float that is the value of a key.
Where it is just as many as there are, it is these and nothing else, and the value of each leads to
its text, provided that no two texts have one value (`1.1` and `1.10`).

Where this fails as well there is no answer, and the exact reading of `values` decides.
"""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Column = Sequence[Any]
    Objects = Sequence[dict[str, Any]]

_NUMBERS = re.compile(rb":[ \t\r\n]*([-0-9][-+.eE0-9]*)")
_FLOATS = re.compile(rb":[ \t\r\n]*(-?[0-9]+[.eE][-+.eE0-9]*|[0-9]{20,}|-[0-9]{19,}|-0)")
"""All that orjson makes a float of, as it does of integers beyond 64 bits; and `-0`."""
_NUL = b"\\u0000"
"""Which is no text to send; in raw bytes it can be nothing else, or what a backslash precedes."""
_NUMERIC = {int, float}

_SPELLING: dict[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    bool: {True: "true", False: "false"}.__getitem__,
}


def texts_of(
    objects: Objects, records: Sequence[bytes], wholes: Objects
) -> list[tuple[str, ...]] | None:
    """The texts of all values of each object; None where they cannot be known from here, or where
    a NUL may be among them.

    Args:
        objects: one of each record.
        records: the raw bytes.
        wholes: what orjson made of them; the objects are among its values.

    Raises:
        KeyError, TypeError: a value has no text of its own, or an object is none.
    """
    raw = b"\n".join(records)
    if _NUL in raw:
        return None
    sizes = set(map(len, objects))
    uniform = len(sizes) == 1 and 0 not in sizes
    columns: list[Column]
    if uniform:
        columns = list(zip(*map(dict.values, objects), strict=True))
    else:
        columns = [list(chain.from_iterable(map(dict.values, objects)))]
    found = _spelled(columns, raw, objects, wholes)
    if found is None:
        return None
    if uniform:
        return list(zip(*found, strict=True))
    following = iter(found[0])
    return [tuple(islice(following, len(one))) for one in objects]


def _spelled(
    columns: list[Column], raw: bytes, objects: Objects, wholes: Objects
) -> list[Sequence[str]] | None:
    """The texts of values in columns, or of all of them in one."""
    kinds = [set(map(type, column)) for column in columns]
    spelling = _SPELLING
    if not _NUMERIC.isdisjoint(chain.from_iterable(kinds)):
        numeric = [at for at, kind in enumerate(kinds) if kind <= _NUMERIC]
        numbers = sum(len(columns[at]) for at in numeric)
        keys = sum(map(len, objects)) + sum(map(len, wholes))
        if (texts := _in_order(raw, keys, numbers)) is not None:
            for nth, at in enumerate(numeric):
                columns[at], kinds[at] = texts[nth :: len(numeric)], {str}
        elif (known := _by_value(raw, columns, wholes)) is not None:
            spelling = {**_SPELLING, float: known.__getitem__}
        else:
            return None
    return [
        column if kind == {str} else [spelling[type(value)](value) for value in column]
        for column, kind in zip(columns, kinds, strict=True)
    ]


def _in_order(raw: bytes, keys: int, numbers: int) -> list[str] | None:
    """The texts of all numbers, of which there are so many; None where that is in doubt."""
    if raw.count(b":") != keys:
        return None
    found = _NUMBERS.findall(raw)
    return _decoded(found) if len(found) == numbers else None


def _by_value(raw: bytes, columns: list[Column], wholes: Objects) -> dict[float, str] | None:
    """The text of each float; None where that is in doubt, or an int may be `-0`."""
    others = list(chain.from_iterable(map(dict.values, wholes)))
    floats = sum(list(map(type, column)).count(float) for column in (*columns, others))
    if not floats and not any(0 in column for column in columns):
        return {}
    found = _FLOATS.findall(raw)
    if len(found) != floats:
        return None
    known = dict(zip(map(float, found), _decoded(found), strict=True))
    return known if len(known) == len(set(found)) else None


def _decoded(texts: list[bytes]) -> list[str]:
    return b" ".join(texts).decode().split()
