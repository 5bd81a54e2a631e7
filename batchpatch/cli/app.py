"""The commands, each loaded when it is asked for."""

from __future__ import annotations

import importlib
import os
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from batchpatch.cli.options.declare import join_optional_values
from batchpatch.cli.output import command_error, emit, reopen_streams, usage_sentence, wants_json
from batchpatch.errors import BatchpatchError, ExitCode, SettingsError
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.cli.options.declare import Declared

HELP = """Patch participant attributes on Genesys Cloud conversations, in bulk, from CSV or JSONL.

Look first, offline: batchpatch check updates.csv

Try it on a local sandbox: batchpatch run updates.csv --sandbox

Then send: set GENESYSCLOUD_REGION, GENESYSCLOUD_OAUTHCLIENT_ID and
GENESYSCLOUD_OAUTHCLIENT_SECRET, and batchpatch run updates.csv

A row names a conversation, a participant and attributes: columns conversationId, participantId
and attr.NAME in CSV, or {"conversationId", "participantId", "attributes"} on each line of JSONL.
With a column wrapupCode instead, or "wrapup", it sets the wrap-up code of the agent.

Exit codes: 0 all rows made it, 1 some did not, 2 wrong usage or input, 3 stopped early,
4 credentials, 130 interrupted.
"""

_SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}

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


class _Option(click.Option):
    """A flag, and the title of its group."""

    title = "Options"


class _Declared(click.Command):
    """A command with arguments and flags as they are declared."""

    def __init__(self, name: str, declared: Declared, **more: Any) -> None:
        parameters = [*_arguments(declared), *_options(declared)]
        super().__init__(
            name,
            params=parameters,
            help=declared.help,
            callback=partial(_call, declared),
            context_settings=_SETTINGS,
            **more,
        )
        self._flags = declared.flags

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words after the command's name."""
        try:
            return super().parse_args(ctx, join_optional_values(args, self._flags))
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # some of the library's come without
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write arguments and flags, these under the titles of their groups."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for one in self.get_params(ctx):
            title = getattr(one, "title", "Options")
            if isinstance(one, _Argument):
                sections.setdefault("Arguments", []).append((one.make_metavar(ctx), one.text))
            elif record := one.get_help_record(ctx):
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def _call(declared: Declared, **values: Any) -> int:
    """Do it with what the command line says, and else the configuration."""
    from batchpatch.cli.options.configuration import settings_for  # noqa: PLC0415 - not for --help

    return declared.call(values, settings_for(declared, values, os.environ))


class _Argument(click.Argument):
    """An argument with a line in the help."""

    text = ""

    def make_metavar(self, ctx: click.Context | None = None) -> str:
        """As it stands in the usage."""
        return f"{self.metavar}{'...' if self.nargs == -1 else ''}"


def _arguments(declared: Declared) -> list[click.Parameter]:
    arguments: list[click.Parameter] = []
    for name, one in declared.arguments.items():
        argument = _Argument([name], nargs=-1 if one.several else 1, required=not one.optional)
        argument.metavar, argument.text = one.metavar, one.help
        arguments.append(argument)
    return arguments


def _options(declared: Declared) -> list[click.Parameter]:
    options: list[click.Parameter] = []
    for title, name, flag in declared.fields():
        option = _Option(
            [name, *([flag.short] if flag.short else []), flag.name],
            is_flag=flag.is_switch or None,  # False would make values optional
            multiple=flag.is_repeated,
            metavar=flag.metavar,
            help=flag.help,
            hidden=flag.hidden,
        )
        option.title = title
        options.append(option)
    return options


class _Sandbox(_Declared, click.Group):
    """The sandbox, which has a command of its own."""

    def __init__(self, name: str, declared: Declared, commands: dict[str, Declared]) -> None:
        super().__init__(name, declared, invoke_without_command=True)
        serve: Callable[..., Any] = self.callback  # type: ignore[assignment]
        self.callback = click.pass_context(
            lambda ctx, **values: 0 if ctx.invoked_subcommand else serve(**values)
        )
        for one, inner in commands.items():
            self.add_command(_Declared(one, inner))


class _Commands(click.Group):
    """The commands by name; the help of one does not load the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of that name.

        Raises:
            SettingsError: there is none.
        """
        place = COMMANDS.get(cmd_name)
        if place is None:
            close = get_close_matches(cmd_name, COMMANDS, 1)
            advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(COMMANDS)}."
            raise SettingsError(f"{cmd_name[:40]!r} is no command: {advice}")
        module = importlib.import_module(f"batchpatch.cli.{place.module}")
        if cmd_name == "sandbox":
            return _Sandbox(cmd_name, module.sandbox, {"rows": module.rows})
        return _Declared(cmd_name, getattr(module, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
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
    return _Commands("batchpatch", params=[version], help=HELP, context_settings=_SETTINGS)


def execute(words: list[str]) -> int:
    """Do what a command line says; every expected failure is one sentence. Gives the exit code."""
    reopen_streams()
    command = program()
    if _COMPLETING in os.environ:  # a shell asks what could come next
        command.main(words, prog_name="batchpatch")
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
        return command_error(str(error.strerror or error), ExitCode.STOPPED, json=json)
    except click.Abort:
        raise KeyboardInterrupt from None
