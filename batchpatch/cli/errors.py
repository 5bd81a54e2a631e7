"""One style for whatever ends a command: `batchpatch: ` and a sentence of ours.

With --json it is a document on standard output as well. What the library that parses the command
line has to object is told by the kind of its error; its words are not used.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from batchpatch.cli.output import OutputError, emit_error, say
from batchpatch.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable


def command_error(sentence: str, exit_code: int, *, json: bool) -> int:
    """Say what ended a command; gives its exit code."""
    say(f"batchpatch: {sentence}")
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


def usage_sentence(error: click.UsageError) -> str:
    """What is wrong with a command line, in a sentence."""
    path = error.ctx.command_path if error.ctx else "batchpatch"
    command = path.removeprefix("batchpatch ")
    more = f"see {path} --help."
    if isinstance(error, click.NoSuchOption):
        return _unknown_flag(error, command, more)
    if isinstance(error, click.BadOptionUsage):
        return _value_of_flag(error, more)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        what = getattr(error.param, "text", "").rstrip(".")
        return f"{command} needs {error.param.metavar} ({what}): {more}"
    return f"{command} does not take so many words: {more}"


def _unknown_flag(error: click.NoSuchOption, command: str, more: str) -> str:
    name, _, _ = error.option_name.partition("=")
    known = [flag for one in _parameters(error) for flag in one.opts if flag.startswith("--")]
    close = get_close_matches(name, known, 1)
    return f"{command} has no flag {name[:40]}: {f'did you mean {close[0]}?' if close else more}"


def _value_of_flag(error: click.BadOptionUsage, more: str) -> str:
    """A flag without the value that it needs, or with one that it does not take."""
    name = error.option_name
    for one in _parameters(error):
        if name in one.opts and not getattr(one, "is_flag", False):
            return f"{name} needs a value: {name} {one.metavar or 'VALUE'}; {more}"
    return f"{name} takes no value: it is there or not; {more}"


def _parameters(error: click.UsageError) -> list[click.Parameter]:
    return list(error.ctx.command.get_params(error.ctx)) if error.ctx else []
