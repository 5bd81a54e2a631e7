"""Output: documents and reports to stdout, what accompanies work to stderr.

Nothing else writes to either, so whatever is said passes `printable`, and stdout gets one document
at most.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from batchpatch.cli.text import printable
from batchpatch.cli.wrapping import wrapped
from batchpatch.errors import BatchpatchError, ExitCode, ended, is_gone, output_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


class OutputError(BatchpatchError):
    """Nobody reads standard output any more, or it cannot be written."""

    exit_code = ExitCode.STOPPED

    def __init__(self, error: Exception) -> None:
        """`error` is what the system has refused."""
        self.closed = is_gone(error)
        """Whoever read it has gone, and may have had enough; else, something is lost."""
        super().__init__(output_sentence(error))


class _Log:
    """Where lines for a person go instead, while stderr is a log for programs."""

    write: Callable[..., None] | None = None
    waiting: tuple[str, ...] = ()
    """Lines from before it began."""


def log_to(write: Callable[..., None]) -> None:
    """From now on lines for a person are events of this log, with those that wait for it."""
    _Log.write = write
    waiting, _Log.waiting = _Log.waiting, ()
    say(*waiting)


def say_in_log(*lines: str) -> None:
    """Lines for a person where a log for programs is about to begin."""
    _Log.waiting = lines


def log_event(event: str, **fields: Any) -> bool:
    """Write an event where stderr is a log for programs; False where it is not."""
    if _Log.write is None:
        return False
    _Log.write(event, **fields)
    return True


class _Written:
    """Whether standard output has had anything: an error is no second document."""

    anything = False


def say(*lines: str) -> None:
    """Lines for a person, wrapped where they meet a terminal.

    A closed stderr is no reason to fail.
    """
    _say(lines, _columns_of(sys.stderr))


def say_whole(*lines: str) -> None:
    """The same for lines that a program reads, which are never wrapped."""
    _say(lines, None)


def _say(lines: Sequence[str], columns: int | None) -> None:
    if _Log.write is not None:
        for line in filter(str.strip, lines):
            _Log.write("message", message=printable(line.strip()))
        return
    try:
        if lines and _Prompted.waits:
            _Prompted.waits = False
            print(file=sys.stderr)  # noqa: T201 - as below
        for line in _laid_out(lines, columns):
            print(line, file=sys.stderr)  # noqa: T201 - the command line speaks here
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _laid_out(lines: Iterable[str], columns: int | None) -> Iterator[str]:
    """The lines as they are printed."""
    for line in map(printable, lines):
        if columns is None or len(line) <= columns // 2:  # none of whose characters takes more
            yield line
        else:
            yield from wrapped(line, columns)


def _columns_of(stream: TextIO) -> int | None:
    """How wide a terminal is; None of what is none, or does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except (OSError, ValueError):
        return None


def tell(event: str, words: str, *, quiet: bool = False, **fields: Any) -> None:
    """Words for a person; where stderr is a log for programs, the event that they tell of."""
    if not log_event(event, **fields, message=printable(words)) and not quiet:
        say(words)


def ask(text: str, read: Callable[[], str]) -> str:
    """What `read` reads behind a question on its line. Raises OSError where nobody can see it.

    What is said before there is an answer, as of Ctrl-C, gets a line of its own.
    """
    sys.stderr.write(printable(text))
    sys.stderr.flush()
    _Prompted.waits = True
    answer = read()
    _Prompted.waits = not answer.endswith("\n")
    return answer


class _Prompted:
    """Whether the line that the cursor is on has a question on it, without an answer yet."""

    waits = False


def log_line(text: str) -> None:
    """A line of a log: with its time, because whoever reads it was not there."""
    if _Log.write is not None:
        say(text)
        return
    say(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {text}")


def show(lines: Iterable[str]) -> None:
    """Lines that are what the command was asked for, such as the report of a check.

    Raises:
        OutputError: they could not be written, all of them.
    """
    columns = _columns_of(sys.stdout)
    emit("".join(f"{line}\n" for line in _laid_out(lines, columns)))


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
    except (OSError, ValueError) as error:
        abandon_stdout()
        raise OutputError(error) from None


@contextmanager
def binary_output() -> Iterator[BinaryIO]:
    """Standard output for what is more than fits into memory.

    Raises:
        OutputError: it could not be written, whole.
    """
    _Written.anything = True
    try:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        if getattr(error, "filename", None) is not None:
            raise  # another file
        abandon_stdout()
        raise OutputError(error) from None


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


def command_error(sentence: str, exit_code: int, *, json: bool, lines: Sequence[str] = ()) -> int:
    """Say what ended a command, in these lines if it takes several; gives its exit code."""
    sentence = ended(sentence)
    if not log_event("error", level="error", message=printable(sentence), exit_code=int(exit_code)):
        first, *others = lines or [sentence]
        say(f"batchpatch: {first}", *others)
    if json:
        try:
            emit_error(sentence, exit_code)
        except OutputError as error:
            say(f"batchpatch: {error}")
    return int(exit_code)


def say_interrupted(interruption: KeyboardInterrupt) -> int:
    """Say that a signal ended a command before it had begun its work; gives the exit code."""
    sentence = f"Interrupted ({str(interruption) or 'SIGINT'})."
    return command_error(sentence, ExitCode.INTERRUPTED, json=wants_json(sys.argv[1:]))


def wants_json(words: Iterable[str]) -> bool:
    """A document was asked for, however wrong the rest of the command line is."""
    for word in words:
        if word in ("--json", "--"):
            return word == "--json"
    return False
