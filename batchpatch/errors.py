"""Exceptions, what stops a run, sorted by who has to act; and the exit codes.

A row that cannot be sent is not here: it is a value (`InvalidRow`), because one bad row must not
stop its neighbours. Each class carries the exit code that the command line answers with.
"""

from __future__ import annotations

import errno
import os
import shlex
import signal
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ExitCode(IntEnum):
    """What the command line answers with: the only place with these numbers."""

    DONE = 0
    """Every row made it."""
    SOME_FAILED = 1
    """Finished, but not every row made it."""
    UNUSABLE = 2
    """Wrong usage, or an input that cannot be used; nothing was sent."""
    STOPPED = 3
    """Ended early: a threshold, an outage, a disk, an input that turned bad. To be resumed."""
    NO_ACCESS = 4
    """Credentials or permission."""
    INTERRUPTED = 130
    """Somebody asked for it. To be resumed."""


def with_extra(extra: str) -> str:
    """What to do where an extra is missing, for the end of a sentence.

    It is on no package index, so that `pip install batchpatch[...]` would find nothing, or what
    somebody else has put there.
    """
    return (
        f"install batchpatch with the extra {extra}, from its clone: pip install '.[{extra}]' "
        "(or uv tool install, or pipx install --force)"
    )


class BatchpatchError(Exception):
    """Anything that ends a run. The text is one sentence for a person: what, where, what to do."""

    exit_code: ExitCode = ExitCode.SOME_FAILED
    lines: tuple[str, ...] = ()
    """The same in several lines, where there is more to say than one line holds."""


class SettingsError(BatchpatchError):
    """An option, an environment variable or a profile that cannot be used as given."""

    exit_code = ExitCode.UNUSABLE


class InputError(BatchpatchError):
    """An input that cannot be used as a whole: missing, empty, undecodable, without a header."""

    exit_code = ExitCode.UNUSABLE


class AccessError(BatchpatchError):
    """The platform refuses these credentials, or they lack the permission for the job."""

    exit_code = ExitCode.NO_ACCESS


class OutageError(BatchpatchError):
    """The platform cannot be reached, or does not answer in a way that lets the run go on."""

    exit_code = ExitCode.STOPPED


class RecordError(BatchpatchError):
    """The run directory cannot be written or read, or its files contradict each other."""

    exit_code = ExitCode.STOPPED


class LeftError(BatchpatchError):
    """Somebody has asked to leave before the work was done."""

    exit_code = ExitCode.INTERRUPTED


def first_of(group: BaseExceptionGroup[BatchpatchError]) -> BatchpatchError:
    """Return the first error of a group that holds no others, such as `except*` gives."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, BatchpatchError)  # noqa: S101 - the group was filtered by this type
    return error


_TO_DO = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG), "check the path"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "see who may read it"),
    errno.EISDIR: "name a file in it",
}


def why_unreadable(error: Exception, *, otherwise: str = "that is no path") -> str:
    """Why a file cannot be read that somebody has named, and what to do: the end of a sentence.

    `otherwise` is the reason where the system gives none.
    """
    own = str(error) if isinstance(error, OSError) else ""  # such as what a URL's opener says
    reason = getattr(error, "strerror", None) or own or otherwise
    to_do = _TO_DO.get(getattr(error, "errno", None) or 0, "try again, or name another file")
    return f"{reason}; {to_do}"


def why_refused(error: OSError) -> str:
    """What the system has refused, in its own words rather than those of a library."""
    if (error.errno or 0) > 0:  # not so where a name cannot be resolved
        return os.strerror(error.errno or 0)
    return error.strerror or str(error) or "for no reason that it has given"


def cannot_start(command: str, why: str) -> str:
    """What is said of a command of the user's that the system does not start."""
    return (
        f"{as_typed(command)} cannot be started ({why}): "
        "give the whole path of a program that may be executed."
    )


def how_ended(returncode: int) -> str:
    """How a command of the user's has ended that did not end well: the end of a clause."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"signal {signal.Signals(-returncode).name}"
    except ValueError:
        return f"signal {-returncode}"


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """What is said of a port that the system does not give."""
    return f"Port {port} on {host} cannot be used ({why_refused(error)}): try --port 0."


_GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
"""What a pipe and a terminal answer that were closed, and what was never open."""


def is_gone(error: Exception) -> bool:
    """True where whoever read standard output has closed it, and may have had enough."""
    return isinstance(error, ValueError) or getattr(error, "errno", None) in _GONE


def output_sentence(error: Exception) -> str:
    """What has become of standard output, which could not be written."""
    if is_gone(error):
        return "Standard output was closed before everything was written."
    why = why_refused(error) if isinstance(error, OSError) else error
    return f"Standard output cannot be written ({why}), so what went there is not whole."


def ended(sentence: str) -> str:
    """A sentence with its full stop, whoever has composed it."""
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


_BETWEEN_QUOTES = frozenset('"$`\\!')
"""What a shell reads between double quotes."""


def as_typed(path: Path | str) -> str:
    """A path in a sentence, as it is typed: quoted where a shell would take it for several words.

    Control characters and odd bytes stand there by their codes.
    """
    word = str(path)
    if word.isprintable():
        is_plain = "'" in word and not _BETWEEN_QUOTES.intersection(word)
        return f'"{word}"' if is_plain else shlex.quote(word)
    plain = {ord("'"): "\\'", ord("\\"): "\\\\"}
    octets = "".join(
        chr(octet) if 32 <= octet < 127 else f"\\x{octet:02x}"
        for octet in os.fsencode(word.translate(plain))
    )
    return f"$'{octets}'"
