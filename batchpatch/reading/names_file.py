"""A file of ids and names, such as `batchpatch codes --json` prints: CSV or JSON."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from batchpatch.errors import InputError, as_typed, why_unreadable
from batchpatch.options.fields import canonical_uuid, normalized

_LISTS = ("entities", "codes")
"""Keys under which the platform, and we, put the list itself."""


def read_names_file(path: str) -> dict[str, str]:
    """Names by id.

    Raises:
        InputError: it cannot be read, or holds no ids and names.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = why_unreadable(error, otherwise="it is not UTF-8")
        raise InputError(f"--codes {as_typed(path)} cannot be read: {why}.") from None
    names = _from_json(text) if text.lstrip()[:1] in ("{", "[") else _from_csv(text)
    if not names:
        raise InputError(
            f"--codes {as_typed(path)} holds no ids and names: it needs a column id and a column "
            "name, or a JSON array of objects with these keys (`batchpatch codes --json` prints "
            "one)."
        )
    return names


def _from_json(text: str) -> dict[str, str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if isinstance(document, dict):
        document = next((document[key] for key in _LISTS if key in document), [])
    entries = document if isinstance(document, list) else []
    return _names((one.get("id"), one.get("name")) for one in entries if isinstance(one, dict))


def _from_csv(text: str) -> dict[str, str]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    try:
        header, *records = csv.reader(text.splitlines(), delimiter=delimiter)
    except (ValueError, csv.Error):
        return {}
    columns = [normalized(column) for column in header]
    if not {"id", "name"} <= set(columns):
        return {}
    at, name_at = columns.index("id"), columns.index("name")
    width = len(columns)
    return _names((one[at], one[name_at]) for one in records if len(one) >= width)


def _names(pairs: Any) -> dict[str, str]:
    found = {}
    for known_id, name in pairs:
        if (
            isinstance(known_id, str)
            and isinstance(name, str)
            and (one := canonical_uuid(known_id))
        ):
            found[one] = name
    return found
