"""The cell `batchpatch_skip`: names of attributes not to send. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


_PLAIN = re.compile(r"[^\s=+\-@\[;\"'][^;]*", re.ASCII)


def format_skip(names: Collection[str]) -> str:
    """The `batchpatch_skip` cell: the names joined by `;`.

    A JSON array, in ASCII, where that would be read otherwise: a name that holds `;`, is empty,
    has space at an end, or begins like a formula or an array.
    """
    if all(_PLAIN.fullmatch(name) and name == name.strip() for name in names):
        return ";".join(names)
    return json.dumps(list(names))


def parse_skip(cell: str) -> list[str]:
    """The names in a `batchpatch_skip` cell, in either form."""
    if cell.lstrip().startswith("["):
        try:
            names = json.loads(cell)
        except ValueError:
            names = None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names
    return [name.strip() for name in cell.split(";") if name.strip()]
