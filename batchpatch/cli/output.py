"""Where text goes: documents for programs to stdout, all that people read to stderr."""

from __future__ import annotations

import inspect
import os
import re
import sys
from contextlib import suppress
from typing import Any, TextIO

import orjson

from batchpatch.errors import BatchpatchError, ExitCode


def say(*lines: str) -> None:
    """Lines for a person. A closed stderr is no reason to fail."""
    try:
        for line in lines:
            print(line, file=sys.stderr)  # noqa: T201 - the command line speaks here
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


class OutputError(BatchpatchError):
    """Nobody reads standard output any more, or it cannot be written."""

    exit_code = ExitCode.STOPPED


def emit(text: str) -> None:
    """Text for a program.

    Raises:
        OutputError: it could not be written, whole.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError):
        abandon_stdout()
        raise OutputError("Standard output was closed before everything was written.") from None


def reopen_streams() -> None:
    """Give stdout and stderr somewhere to go where a daemon has closed them.

    Otherwise the first file that is opened would get their number, and our words with it.
    """
    if sys.stdin is None:  # its number must not go to another stream
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for as long as we live


def abandon_stdout() -> None:
    """Nothing more goes there, so that the interpreter does not trip over it at the exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unwrapped(text: str | None) -> str:
    """A docstring as help text: a line for each paragraph, so that the terminal wraps it."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(text or ""))


def as_json(document: Any) -> str:
    """One JSON document, indented."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str).decode()
