"""A flag as it is declared, and who may set it beside the command line."""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.options.spelling import parse_choice

if TYPE_CHECKING:
    from collections.abc import Callable


class Argument(NamedTuple):
    """What a command is about, such as its inputs; stands in the annotation of a parameter."""

    metavar: str
    help: str
    several: bool = False
    optional: bool = False
    """The command knows another way to say it, and gets None."""
    parse: Callable[[str], Any] = str
    of_run: bool = False
    """A run that there is: it has kept what it was told, and the configuration does not matter."""


class Reach(IntEnum):
    """Who may set a flag beside the command line; each reaches as far as those above it, and on."""

    LINE = 0
    """Nobody: it belongs to one command, or the command line alone may be trusted with it."""
    PROFILE = 1
    """The user's own file."""
    USER = 2
    """The environment."""
    ANYWHERE = 3
    """A file in the working directory, which may have come with the data."""


class Flag(NamedTuple):
    """A flag as it is declared."""

    name: str
    """With its dashes, such as `--rate`."""
    help: str
    metavar: str | None
    parse: Callable[..., Any] | None
    """Text to value; called with the text and `flag=name`. None leaves the text as it is."""
    short: str | None
    bare: str | None
    """The value of a flag that stands alone; None for one that cannot."""
    hidden: bool
    default: Any
    reach: Reach | None = None
    """None is that of the group."""
    kept: bool | None = None
    """A run keeps it for whoever goes on with it; None is as the group has it."""
    variables: tuple[str, ...] = ()
    """Of the environment, which say the same to other tools too: no file goes before them."""
    yields_to: tuple[str, ...] = ()
    """Flags that leave nothing for this one to say, where they are set nearer to the user."""
    everyday: str | None = None
    """What `--help` says of it; a flag without is for rare needs, in `--help-all`."""
    shown: str | None = None
    """The default in words."""

    @property
    def default_text(self) -> str:
        """What holds where nobody says anything; empty where that is nothing."""
        if self.is_switch:
            return "false"
        return self.shown or ("" if self.default in (None, ()) else str(self.default))

    @property
    def is_switch(self) -> bool:
        """It is there or not, and has no value."""
        return self.default is False

    @property
    def is_repeated(self) -> bool:
        """It may be given several times."""
        return isinstance(self.default, tuple)

    def read(self, value: Any, *, called: str | None = None) -> Any:
        """What was given, as the option's value; `called` is what its place calls the flag.

        Raises:
            SettingsError: it cannot be read.
        """
        if self.is_repeated:
            return tuple(self._read_one(item, called) for item in value)
        return value if self.is_switch else self._read_one(value, called)

    def _read_one(self, text: str, called: str | None) -> Any:
        return text if self.parse is None else self.parse(text, flag=called or self.name)


def flag(
    name: str,
    help: str,  # noqa: A002 - the word that everybody uses
    *,
    default: Any = None,
    metavar: str | None = None,
    parse: Callable[..., Any] | None = None,
    choices: tuple[str, ...] = (),
    shown: str | None = None,
    short: str | None = None,
    bare: str | None = None,
    hidden: bool = False,
    reach: Reach | None = None,
    kept: bool | None = None,
    variables: tuple[str, ...] = (),
    yields_to: tuple[str, ...] = (),
    everyday: bool | str = False,
) -> Any:
    """A field of a group: a switch where `default` is False, repeatable where it is a tuple.

    `choices` are the words that it takes, in the place of `parse`, and of `metavar` where that says
    no more. `shown` is the default in words. A flag for every day is in `--help`, with these words
    where there are others for it, which then fit a line; a rare one in `--help-all` only.
    """
    if choices:
        metavar, parse = metavar or "|".join(choices), partial(parse_choice, choices=choices)
    text = f"{help} Default: {shown}." if shown else help
    brief = everyday if isinstance(everyday, str) else text if everyday else None
    declared = Flag(name, text, metavar, parse, short, bare, hidden, default)
    declared = declared._replace(
        reach=reach,
        kept=kept,
        variables=variables,
        yields_to=yields_to,
        everyday=brief,
        shown=shown,
    )
    return field(default=default, metadata={"flag": declared})


class Setting(NamedTuple):
    """What the configuration says for a flag that was not given."""

    value: Any
    """As a command line gives it: a text, a tuple of texts, or True."""
    origin: str
    """The variable, or the file."""
    called: str
    """What its place calls the flag."""
