"""Declaration of flags: a group is a dataclass, a flag one of its fields.

A command names groups in its signature; `with_options` gives it their flags on the command line,
and the groups filled with what was said. The library that parses the command line only knows
switches and texts; what a text means is read here, so that whatever is wrong with it is said in
our own words.
"""

from __future__ import annotations

import inspect
import re
from collections import deque
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, get_args, get_origin

from batchpatch.cli.options.flag import Argument, Flag, Reach, Setting, flag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

__all__ = [
    "Argument",
    "Declared",
    "Flag",
    "Given",
    "GivenFlags",
    "Options",
    "Reach",
    "Setting",
    "flag",
    "flags_of",
    "idle_lines",
    "join_optional_values",
    "pairs_of",
    "with_options",
]


@dataclass(frozen=True, kw_only=True)
class Options:
    """A group of flags: what all of them have in common."""

    TITLE: ClassVar[str]
    """Above the group, in the help."""
    REACH: ClassVar[Reach] = Reach.LINE
    """Who may set its flags beside the command line."""
    KEPT: ClassVar[bool] = False
    """A run keeps them for whoever goes on with it."""


class Given(NamedTuple):
    """A flag that was given, and the text of its value, or values, if it has any."""

    flag: Flag
    values: tuple[str, ...]
    origin: str | None = None
    """Where the configuration says it; None for the command line."""

    @property
    def words(self) -> tuple[str, ...]:
        """As it is written on the command line."""
        name, apart = self.flag.name, self.flag.bare is None
        return (name,) if self.flag.is_switch else tuple(_spelled(name, self.values, apart=apart))


def _spelled(name: str, values: Iterable[str], *, apart: bool) -> Iterator[str]:
    for value in values:
        if apart and not value.startswith("-"):
            yield from (name, value)
        else:
            yield f"{name}={value}"


GivenFlags = tuple[Given, ...]
"""Annotation of a command's parameter that gets all that was given."""


def idle_lines(given: Iterable[Given], idle: Collection[str], *, command: str) -> list[str]:
    """Which flags were given that do not concern this command, in one line; none where none.

    They are accepted, so that a command line for `run` is one for `check` or `plan` as well.
    """
    typed = [one.flag for one in given if one.origin is None and not one.flag.hidden]
    names = [one.name for one in typed if one.name in idle]
    if not names:
        return []
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return [f"{listed} {'has' if len(names) == 1 else 'have'} no effect on {command}."]


def flags_of(*groups: type[Options]) -> dict[str, Flag]:
    """The flags of these groups, by their names."""
    return {one.name: one for group in groups for one in _fields(group).values()}


def _fields(group: type[Options]) -> dict[str, Flag]:
    return {one.name: _as_in(group, one.metadata["flag"]) for one in fields(group)}


def _as_in(group: type[Options], declared: Flag) -> Flag:
    reach = group.REACH if declared.reach is None else declared.reach
    kept = group.KEPT if declared.kept is None else declared.kept
    return declared._replace(reach=reach, kept=kept)


class Declared:
    """A command: a function, its arguments, and the groups of flags that it takes."""

    def __init__(self, function: Callable[..., int]) -> None:
        """See `with_options`."""
        self._function = function
        self._parameters = inspect.signature(function, eval_str=True).parameters.values()
        self.help = inspect.cleandoc(function.__doc__ or "")
        self.arguments: dict[str, Argument] = {}
        self.groups: list[type[Options]] = []
        for one in self._parameters:
            if get_origin(one.annotation) is Annotated:
                self.arguments[one.name] = get_args(one.annotation)[1]
            elif is_dataclass(one.annotation):
                self.groups.append(one.annotation)  # type: ignore[arg-type]

    @property
    def flags(self) -> dict[str, Flag]:
        """All flags, by their names."""
        return flags_of(*self.groups)

    def fields(self) -> Iterator[tuple[str, str, Flag]]:
        """Each flag, with the title of its group and the name of its field."""
        for group in self.groups:
            for name, declared in _fields(group).items():
                yield group.TITLE, name, declared

    @property
    def goes_on(self) -> bool:
        """It is about a run that there is."""
        return any(one.of_run for one in self.arguments.values())

    def call(self, values: Mapping[str, Any], settings: Mapping[str, Setting] | None = None) -> int:
        """Do it, with the texts of a command line by the names of fields; gives the exit code.

        Args:
            values: of all arguments and flags.
            settings: of flags that were not given.

        Raises:
            SettingsError: a text cannot be read.
        """
        settings = settings or {}
        values = {**values, **{name: one.value for name, one in settings.items()}}
        arguments: dict[str, Any] = {}
        for one in self._parameters:
            if one.name in self.arguments:
                arguments[one.name] = _argument(self.arguments[one.name], values[one.name])
            elif one.annotation == GivenFlags:
                arguments[one.name] = tuple(self._given(values, settings))
            else:
                arguments[one.name] = _filled(one.annotation, values, settings)
        return self._function(**arguments)

    def _given(self, values: Mapping[str, Any], settings: Mapping[str, Setting]) -> Iterator[Given]:
        for _, name, declared in self.fields():
            value = values[name]
            origin = settings[name].origin if name in settings else None
            if value is True:
                yield Given(declared, (), origin)
            elif isinstance(value, str):
                yield Given(declared, (value,), origin)
            elif value:
                yield Given(declared, tuple(value), origin)


def with_options(command: Callable[..., int]) -> Declared:
    """A command with the flags of the groups that its signature names.

    A parameter is an argument (`Annotated` with an `Argument`), a group of flags, or `GivenFlags`.
    The command returns its exit code.
    """
    return Declared(command)


def _argument(declared: Argument, value: Any) -> Any:
    if value is None:
        return None
    return [declared.parse(one) for one in value] if declared.several else declared.parse(value)


def _filled(
    group: type[Options], values: Mapping[str, Any], settings: Mapping[str, Setting]
) -> Options:
    """The group, of what was said and else of its defaults."""
    known: dict[str, Any] = {}
    for name, declared in _fields(group).items():
        if values[name] not in (None, ()):
            called = settings[name].called if name in settings else None
            known[name] = declared.read(values[name], called=called)
    return group(**known)


_NUMBER = re.compile(r"-?[0-9]*\.?[0-9]+ ?%?")


def join_optional_values(words: Iterable[str], known: Mapping[str, Flag]) -> list[str]:
    """The words with `=` where a flag's value is optional: `--verify` -> `--verify=100%`.

    A number that follows such a flag is its value; anything else is not.
    """
    left = deque(words)
    joined: list[str] = []
    while left:
        word = left.popleft()
        declared = known.get(word)
        if word == "--":
            return [*joined, word, *left]
        if declared is not None and declared.bare is not None:
            is_value = bool(left) and _NUMBER.fullmatch(left[0]) is not None
            joined.append(f"{word}={left.popleft() if is_value else declared.bare}")
            continue
        joined.append(word)
        if declared is not None and not declared.is_switch and left:
            joined.append(left.popleft())
    return joined


def pairs_of(words: Iterable[str], known: Mapping[str, Flag]) -> list[Given]:
    """Words of a command line back as flags: what `Given.words` has written, run after run.

    A flag that is not known, such as one of another release, is left out.
    """
    left = deque(words)
    found: list[Given] = []
    while left:
        name, equals, value = left.popleft().partition("=")
        declared = known.get(name)
        if declared is None:
            continue
        if declared.is_switch:
            found.append(Given(declared, ()))
        elif equals or left:
            found.append(Given(declared, (value if equals else left.popleft(),)))
    return found
