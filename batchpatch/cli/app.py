"""The commands, each loaded when it is asked for."""

from __future__ import annotations

import errno
import importlib
import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

import click

from batchpatch.cli.click_commands import (
    SETTINGS,
    SHOWS_THIS,
    DeclaredCommand,
    SandboxCommand,
    help_all,
)
from batchpatch.cli.output import command_error, emit, reopen_streams, wants_json
from batchpatch.cli.usage_errors import usage_sentence
from batchpatch.errors import BatchpatchError, ExitCode, SettingsError, as_typed, why_refused
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP = """Patch participant attributes on Genesys Cloud conversations, in bulk.

Example: batchpatch run updates.csv --sandbox

Look first, offline: batchpatch check updates.csv

Then send: set GENESYSCLOUD_REGION, GENESYSCLOUD_OAUTHCLIENT_ID and
GENESYSCLOUD_OAUTHCLIENT_SECRET, and batchpatch run updates.csv

A row names a conversation, a participant and attributes: columns conversationId, participantId
and attr.NAME in CSV, or {"conversationId", "participantId", "attributes"} on each line of JSONL.
With a column wrapupCode instead, or "wrapup", it sets the wrap-up code of the agent.

Exit codes: 0 all rows made it, 1 some did not, 2 wrong usage or input, 3 stopped early,
4 credentials, 130 interrupted."""

_OPTIONS = [
    ("--version", "Print the version."),
    ("-h, --help", "List the commands, and exit."),
    ("--help-all", SHOWS_THIS),
]

_COMPLETING = "_BATCHPATCH_COMPLETE"
"""The variable that a shell's completion sets."""


class _Place(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    help: str


COMMANDS = {
    "run": _Place("run", "Patch the participants that the rows name, and report on every row."),
    "check": _Place("check", "Say what a run would do, offline."),
    "plan": _Place("plan", "Look at what is there, and write what a run would change."),
    "resume": _Place("resume", "Finish a run that was stopped, killed or cut off."),
    "status": _Place("status", "Say how far a run is that works in another process."),
    "report": _Place("report", "Show again what has become of a run."),
    "runs": _Place("status", "List the runs there are, each with its next command."),
    "pace": _Place("pace", "Change how fast a run sends that is at work."),
    "undo": _Place("undo", "Restore the values before a run that has kept them."),
    "doctor": _Place("doctor", "Look at credentials, network, permissions and limits."),
    "config": _Place("config", "Show which settings hold, and where each comes from."),
    "codes": _Place("codes", "List the wrap-up codes that there are."),
    "purge": _Place("purge", "Remove what holds customers' values from a run's directory."),
    "serve": _Place("serve", "Take rows over HTTP, one at a time, for other programs."),
    "sandbox": _Place("sandboxing", "Run a local Genesys Cloud to try things on."),
}


class _Commands(click.Group):
    """The commands by name; the help of one does not load the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; for a shell that completes, None where there is none.

        Raises:
            SettingsError: there is none.
        """
        place = COMMANDS.get(cmd_name)
        if place is None and ctx.resilient_parsing:  # a shell asks, whatever it has so far
            return None
        if place is None:
            close = get_close_matches(cmd_name, COMMANDS, 1)
            advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(COMMANDS)}."
            raise SettingsError(f"{cmd_name[:40]!r} is no command: {advice}")
        module = importlib.import_module(f"batchpatch.cli.{place.module}")
        if cmd_name == "sandbox":
            from batchpatch.cli.sandbox_rows import rows  # noqa: PLC0415 - as the module above

            return SandboxCommand(cmd_name, module.sandbox, {"rows": rows})
        idle = getattr(module, "IDLE", ())
        return DeclaredCommand(cmd_name, getattr(module, cmd_name), idle=idle)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands, without loading them, and the few flags."""
        from batchpatch.cli.completion import offer_commands  # noqa: PLC0415 - only for a shell

        known = {name: place.help for name, place in COMMANDS.items()}
        flags = {term.rpartition(" ")[2]: text for term, text in _OPTIONS}
        return offer_commands(flags if incomplete.startswith("-") else known, incomplete)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one screen: what it is, and the commands."""
        brief, _, _ = HELP.partition("\n\nLook")
        self._write(ctx, formatter, brief)
        formatter.write("More: batchpatch COMMAND --help; batchpatch --help-all to begin with.\n")

    def format_page(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what a beginner has to know, and the commands."""
        self._write(ctx, formatter, HELP)
        with formatter.section("Options"):
            formatter.write_dl(_OPTIONS)

    def _write(self, ctx: click.Context, formatter: click.HelpFormatter, about: str) -> None:
        self.format_usage(ctx, formatter)
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(about)
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.help) for name, place in COMMANDS.items()])


def _show_version(_context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        emit(f"batchpatch {VERSION}\n")
        raise click.exceptions.Exit


def program() -> click.Group:
    """The command line as a whole."""
    version = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Print the version.",
    )
    commands = _Commands("batchpatch", params=[version], help=HELP, context_settings=SETTINGS)
    commands.params.append(help_all(commands.format_page))
    return commands


def _refusal_sentence(error: OSError) -> str:
    """What the machine refuses that nothing else has a sentence for."""
    named = error.filename
    what = as_typed(os.fsdecode(named)) if named else "Standard output, or a temporary file,"
    reason = why_refused(error)
    advice = "see whether there is space, and what may be done there"
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = "see who may read and write it"
    return f"{what} cannot be used ({reason}): {advice}."


def _complete(command: click.Group, words: list[str]) -> int:
    """Answer a shell that asks what could come next, or how it is to ask."""
    try:
        command.main(words, prog_name="batchpatch")
    except (KeyError, ValueError):
        pass  # the variables are missing with which a shell asks
    except SystemExit as ended:
        if not ended.code:
            return ExitCode.DONE
    asked = os.environ[_COMPLETING][:40]
    sentence = (
        f"{_COMPLETING} {asked!r}: write bash_source, zsh_source or fish_source, or unset it."
    )
    return command_error(sentence, ExitCode.UNUSABLE, json=False)


def execute(words: list[str]) -> int:
    """Do what a command line says; every expected failure is one sentence. Gives the exit code."""
    reopen_streams()
    command = program()
    if os.environ.get(_COMPLETING):
        return _complete(command, words)
    json = wants_json(words)
    try:
        with command.make_context("batchpatch", words or ["--help"]) as context:
            return int(command.invoke(context))
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        return command_error(usage_sentence(error), ExitCode.UNUSABLE, json=json)
    except BatchpatchError as error:
        return command_error(str(error), error.exit_code, json=json, lines=error.lines)
    except OSError as error:  # a full disk behind stdout, for one
        return command_error(_refusal_sentence(error), ExitCode.STOPPED, json=json)
    except click.Abort:
        raise KeyboardInterrupt from None
