"""Usage errors: what is wrong with a command line, in a sentence."""

from __future__ import annotations

import click

from batchpatch.cli.nearest import nearest_flag


def usage_sentence(error: click.UsageError) -> str:
    """What is wrong with a command line, in a sentence."""
    whole = error.ctx.command_path if error.ctx else "batchpatch"
    command = whole.removeprefix("batchpatch ")
    more = f"see {whole} --help."
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
    close = nearest_flag(name, known)
    return f"{command} has no flag {name[:40]}: {f'did you mean {close}?' if close else more}"


def _value_of_flag(error: click.BadOptionUsage, more: str) -> str:
    """A flag without the value that it needs, or with one that it does not take."""
    name = error.option_name
    for one in _parameters(error):
        if name in one.opts and not getattr(one, "is_flag", False):
            return f"{name} needs a value: {name} {one.metavar or 'VALUE'}; {more}"
    return f"{name} takes no value: it is there or not; {more}"


def _parameters(error: click.UsageError) -> list[click.Parameter]:
    return list(error.ctx.command.get_params(error.ctx)) if error.ctx else []
