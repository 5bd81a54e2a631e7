"""Where text goes: documents and reports to stdout, what accompanies work to stderr.

Nothing else writes to either, so whatever is said passes `printable`, and stdout gets one document
at most.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from batchpatch.cli.words import printable
from batchpatch.errors import BatchpatchError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable


class OutputError(BatchpatchError):
    """Nobody reads standard output any more, or it cannot be written."""

    exit_code = ExitCode.STOPPED


class _Written:
    """Whether standard output has had anything: an error is no second document."""

    anything = False


def say(*lines: str) -> None:
    """Lines for a person. A closed stderr is no reason to fail."""
    try:
        for line in lines:
            print(printable(line), file=sys.stderr)  # noqa: T201 - the command line speaks here
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def log_line(text: str) -> None:
    """A line of a log: with its time, because whoever reads it was not there."""
    say(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {text}")


def show(lines: Iterable[str]) -> None:
    """Lines that are what the command was asked for, such as the report of a check.

    Raises:
        OutputError: they could not be written, all of them.
    """
    emit("".join(f"{printable(line)}\n" for line in lines))


def emit(text: str) -> None:
    """Text for a program, in UTF-8 whatever the terminal's encoding is.

    Raises:
        OutputError: it could not be written, whole.
    """
    _Written.anything = True
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    except (OSError, ValueError):
        abandon_stdout()
        raise OutputError("Standard output was closed before everything was written.") from None


def emit_document(document: Any) -> None:
    """One JSON document.

    Raises:
        OutputError: it could not be written, whole.
    """
    emit(as_json(document) + "\n")


def emit_error(sentence: str, exit_code: int) -> None:
    """The document of a command that failed, unless it has begun another one."""
    if not _Written.anything:
        emit_document({"error": sentence, "exit_code": int(exit_code)})


def as_json(document: Any) -> str:
    """One JSON document, indented."""
    import orjson  # noqa: PLC0415 - --help writes no JSON

    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str).decode()
    except TypeError:  # a file name that is not UTF-8: only the escaped form can hold it
        import json  # noqa: PLC0415

        return json.dumps(document, indent=2, default=str)


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
