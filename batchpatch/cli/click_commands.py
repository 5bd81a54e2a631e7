"""Declared commands as the library wants them that parses the command line."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from batchpatch.cli.options.declare import Reach, join_optional_values
from batchpatch.cli.output import emit, say, say_in_log
from batchpatch.errors import BatchpatchError, ExitCode, ended

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from click.shell_completion import CompletionItem

    from batchpatch.cli.help_page import Entry
    from batchpatch.cli.options.declare import Declared, Flag, Setting

SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}
SHOWS_THIS = "Show this message and exit."
_DEFAULT, _AS_THE_RUN = re.compile("Default: .*$"), "Default: as the run has it."
_WHOLE = "\u2011"
"""A hyphen at which no line is broken."""
_IDLE_TITLE = "Without effect here, and accepted"


def help_all(show: Callable[[click.Context, click.HelpFormatter], None]) -> click.Option:
    """The flag that shows the whole page of a command."""

    def show_page(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
        if not asked or context.resilient_parsing:
            return
        formatter = context.make_formatter()
        show(context, formatter)
        emit(formatter.getvalue().rstrip() + "\n")
        raise click.exceptions.Exit

    return click.Option(
        ["--help-all"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show_page,
        help="Show all flags, and exit.",
        hidden=True,
    )


class _Formatter(click.HelpFormatter):
    """Breaks a line at blanks alone: flags and paths are read, and copied, as they stand."""

    def write(self, string: str) -> None:
        """Write what was wrapped."""
        super().write(string.replace(_WHOLE, "-"))

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _WHOLE))

    def write_dl(self, rows: Iterable[tuple[str, str]], *more: Any, **others: Any) -> None:
        """Write terms, each with its text."""
        whole = [(term, text.replace("-", _WHOLE)) for term, text in rows]
        super().write_dl(whole, *more, **others)


class _Context(click.Context):
    formatter_class = _Formatter


class DeclaredOption(click.Option):
    """A flag as it is declared, and the title of its group."""

    def __init__(self, title: str, name: str, flag: Flag) -> None:
        super().__init__(
            [name, *([flag.short] if flag.short else []), flag.name],
            is_flag=flag.is_switch or None,  # False would make values optional
            multiple=flag.is_repeated,
            metavar=flag.metavar,
            help=flag.help,
            hidden=flag.hidden,
        )
        self.title, self.flag = title, flag

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell can offer for its value."""
        from batchpatch.cli.completion import offer_values  # noqa: PLC0415 - only for a shell

        return offer_values(self.flag.metavar or "", incomplete)


class DeclaredArgument(click.Argument):
    """An argument with a line in the help."""

    text = ""

    def make_metavar(self, ctx: click.Context | None = None) -> str:
        """As it stands in the usage."""
        name = f"{self.metavar}{'...' if self.nargs == -1 else ''}"
        return name if self.required else f"[{name}]"

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell can offer for it: of runs, the usual ones."""
        from batchpatch.cli.completion import offer_runs, offer_values  # noqa: PLC0415 - as above

        if self.metavar == "DIR" and self.name == "directory":
            return offer_runs(incomplete)
        return offer_values(self.metavar or "", incomplete)


class DeclaredCommand(click.Command):
    """A command with arguments and flags as they are declared."""

    context_class = _Context

    def __init__(
        self, name: str, declared: Declared, *, idle: Collection[str] = (), **more: Any
    ) -> None:
        super().__init__(
            name,
            params=[*_arguments(declared), *_options(declared), help_all(self.format_page)],
            help=declared.help,
            callback=partial(_call, declared),
            context_settings=SETTINGS,
            **more,
        )
        self._flags = declared.flags
        self._goes_on = declared.goes_on
        self._idle = idle

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words after the command's name."""
        try:
            return super().parse_args(ctx, join_optional_values(args, self._flags))
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # some of the library's come without
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The flags that a shell can offer, and the commands of a group."""
        from batchpatch.cli.completion import offer_commands, offer_flags  # noqa: PLC0415 - as above

        inner = self.commands if isinstance(self, click.Group) else {}
        about = {name: one.get_short_help_str() for name, one in inner.items()}
        flags = offer_flags(self._flags.values(), incomplete)
        helps = {"--help": "Show the flags of every day.", "--help-all": "Show all flags."}
        return [*offer_commands(about, incomplete), *flags, *offer_commands(helps, incomplete)]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one screen: what it does, an example, the flags of every day."""
        from batchpatch.cli.help_page import Entry, write_screen  # noqa: PLC0415 - only when asked

        self.format_usage(ctx, formatter)
        shown = Entry("Options", "-h, --help", "", SHOWS_THIS)
        write_screen(
            formatter,
            about=self.help or "",
            arguments=self._argument_terms(ctx),
            entries=[*self._entries(ctx), shown],
            command=ctx.command_path,
        )

    def format_page(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all there is to say about it."""
        from batchpatch.cli.help_page import Entry, write_page  # noqa: PLC0415 - only when asked

        self.format_usage(ctx, formatter)
        entries = list(self._entries(ctx))
        entries.sort(key=lambda one: one.title == _IDLE_TITLE)
        entries += [
            Entry("Options", "-h, --help", "Show the flags of every day, and exit.", None),
            Entry("Options", "--help-all", SHOWS_THIS, None),
        ]
        write_page(
            formatter,
            about=self.help or "",
            arguments=self._argument_terms(ctx),
            entries=entries,
        )

    def _argument_terms(self, ctx: click.Context) -> list[tuple[str, str]]:
        arguments = [one for one in self.params if isinstance(one, DeclaredArgument)]
        return [(one.make_metavar(ctx), one.text) for one in arguments]

    def _entries(self, ctx: click.Context) -> Iterator[Entry]:
        from batchpatch.cli.help_page import Entry  # noqa: PLC0415 - only when asked

        for one in self.params:
            record = one.get_help_record(ctx) if isinstance(one, DeclaredOption) else None
            if record is None or not isinstance(one, DeclaredOption):
                continue
            term, text = record
            brief = one.flag.everyday
            if self._goes_on and one.flag.kept:
                text = _DEFAULT.sub(_AS_THE_RUN, text)
                brief = None if brief is None else _DEFAULT.sub(_AS_THE_RUN, brief)
            if one.flag.name in self._idle:
                yield Entry(_IDLE_TITLE, term, text, None)
            else:
                yield Entry(one.title, term, text, brief)


def _call(declared: Declared, **values: Any) -> int:
    """Do it with what the command line says, and else the configuration."""
    from batchpatch.cli.options.configuration import settings_for  # noqa: PLC0415 - not for --help

    settings = settings_for(declared, values, os.environ)
    _warn_of_misspelt(declared, values, settings)
    try:
        return declared.call(values, settings)
    except BatchpatchError as error:
        if settings and error.exit_code in (ExitCode.UNUSABLE, ExitCode.NO_ACCESS):
            _tell_places(error, declared, settings.items())
        raise


def _warn_of_misspelt(
    declared: Declared, values: Mapping[str, Any], settings: Mapping[str, Setting]
) -> None:
    """Say which variables of the environment set nothing, for a command that has settings."""
    from batchpatch.cli.options.configuration import misspelt_lines  # noqa: PLC0415 - as above

    if all(flag.reach == Reach.LINE for flag in declared.flags.values()):
        return
    given = {name for name, value in values.items() if value} | settings.keys()
    if "log_json" in given:
        say_in_log(*misspelt_lines(os.environ))
    elif "quiet" not in given:
        say(*misspelt_lines(os.environ))


def _tell_places(
    error: BatchpatchError, declared: Declared, settings: Iterable[tuple[str, Setting]]
) -> None:
    """Say of the flags in a sentence who has set them, where the command line has not."""
    names = {field: flag.name for _, field, flag in declared.fields()}
    sentence = str(error)
    told = [
        f"{names[field]} comes from {one.origin}."
        for field, one in settings
        if re.search(rf"(?<![\w-]){names[field]}(?![\w-])", sentence)
    ]
    if told:
        error.args = (" ".join([ended(sentence), *told]),)
        error.lines = (*error.lines, *told) if error.lines else ()


def _arguments(declared: Declared) -> Iterator[click.Parameter]:
    for name, one in declared.arguments.items():
        nargs = -1 if one.several else 1
        argument = DeclaredArgument([name], nargs=nargs, required=not one.optional)
        argument.metavar, argument.text = one.metavar, one.help
        yield argument


def _options(declared: Declared) -> Iterator[click.Parameter]:
    for title, name, flag in declared.fields():
        yield DeclaredOption(title, name, flag)


class SandboxCommand(DeclaredCommand, click.Group):
    """The sandbox, which has a command of its own."""

    def __init__(self, name: str, declared: Declared, commands: dict[str, Declared]) -> None:
        super().__init__(name, declared, invoke_without_command=True)
        serve: Callable[..., Any] = self.callback  # type: ignore[assignment]
        self.callback = click.pass_context(
            lambda ctx, **values: 0 if ctx.invoked_subcommand else serve(**values)
        )
        for one, inner in commands.items():
            self.add_command(DeclaredCommand(one, inner))
