"""The choice of what is written, said before anything is done, or refused with what would do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batchpatch.cli.next_command import command_line, words_of
from batchpatch.cli.output import say
from batchpatch.errors import SettingsError
from batchpatch.reading.expansion import expand
from batchpatch.reading.kinds import SeveralKindsError, any_is_workbook, choose_kind
from batchpatch.reading.urls import shown_name
from batchpatch.writes.registry import KINDS, LISTED, USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.cli.options.declare import Given
    from batchpatch.cli.options.finding import FindingFlags
    from batchpatch.cli.options.reading import ReadingFlags
    from batchpatch.options.read import ReadOptions


def named_inputs(names: Sequence[str], *, quiet: bool = False) -> list[str]:
    """The inputs that are meant, with those of directories and patterns; what is left out is said.

    Raises:
        InputError: there is nothing to read.
    """
    found = expand(names)
    if not quiet:
        say(*found.notices)
    return found.names


_OF_ANY_COLUMN = {"--attributes", "--all-columns", "--only-keys", "--set"}
_OF_A_LIST = {"--code", "--codes"}


def chosen_options(
    command: str,
    inputs: Sequence[str],
    reading: ReadingFlags,
    finding: FindingFlags,
    given: Sequence[Given],
    *,
    quiet: bool = False,
) -> ReadOptions:
    """The options of reading, with what the rows write.

    Raises:
        SettingsError: the inputs hold several kinds; the sentence has a command for each.
    """
    asked = {one.flag.name for one in given}
    if "--code" in asked and reading.write not in (None, LISTED.name):
        raise SettingsError(
            f"--code goes with --write {LISTED.name}, not with {reading.write}: leave out one of "
            "them."
        )
    try:
        chosen = choose_kind(
            inputs,
            _without_idle_sheet(reading.options(finding), inputs, given),
            asked={LISTED.name} if _OF_A_LIST & asked else (),
        )
    except SeveralKindsError as error:
        each = [f"`{_command(command, inputs, given, kind)}`" for kind in error.kinds]
        raise SettingsError(f"{error.found}: {', or '.join(each)}.") from None
    if chosen.notice and not quiet:
        say(chosen.notice)
    return chosen.options


def _without_idle_sheet(
    read: ReadOptions, inputs: Sequence[str], given: Sequence[Given]
) -> ReadOptions:
    """The options without a sheet that the configuration names for workbooks, where none is."""
    configured = any(one.flag.name == "--sheet" and one.origin is not None for one in given)
    return replace(read, sheet=None) if configured and not any_is_workbook(inputs) else read


def _command(command: str, inputs: Sequence[str], given: Sequence[Given], kind: str) -> str:
    """The same command for one kind, without the flags of the others."""
    left_out = _OF_A_LIST if KINDS[kind] is USUAL else _OF_ANY_COLUMN
    words = words_of(one for one in given if one.flag.name not in left_out)
    return command_line(command, map(shown_name, inputs), [*words, "--write", kind])
