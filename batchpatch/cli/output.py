"""Where text goes: documents for programs to stdout, all that people read to stderr."""

from __future__ import annotations

import sys
from typing import Any

import orjson


def say(*lines: str) -> None:
    """Lines for a person. A closed stderr is no reason to fail."""
    try:
        for line in lines:
            print(line, file=sys.stderr)  # noqa: T201 - the command line speaks here
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def emit(text: str) -> None:
    """Text for a program."""
    sys.stdout.write(text)
    sys.stdout.flush()


def as_json(document: Any) -> str:
    """One JSON document, indented."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str).decode()
