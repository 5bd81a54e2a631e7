"""`batchpatch purge`: removes what holds customers' values, or whole runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from batchpatch.cli.options.declare import Argument, Options, flag, flags_of, with_options
from batchpatch.cli.options.reporting import ReportFlags
from batchpatch.cli.output import emit_document, say
from batchpatch.errors import ExitCode, SettingsError, as_typed, ended
from batchpatch.options.spelling import parse_duration

if TYPE_CHECKING:
    from batchpatch.commands.purge import Purged

RunOrFolder = Annotated[
    Path | None,
    Argument(
        "DIR",
        "Directory of the run; with --older-than one of runs, else batchpatch-runs.",
        optional=True,
        parse=Path,
    ),
]


@dataclass(frozen=True, kw_only=True)
class PurgeFlags(Options):
    """What is removed."""

    TITLE: ClassVar[str] = "What is removed"

    older_than_s: float | None = flag(
        "--older-than",
        "Of each run of a directory that ended longer ago than 30d, say.",
        metavar="TIME",
        parse=partial(parse_duration, least_s=1.0),
        everyday=True,
    )
    values: bool = flag(
        "--values", "What holds customers' values, as without it.", default=False, everyday=True
    )
    whole: bool = flag(
        "--whole", "The whole directory of the run, its report too.", default=False, everyday=True
    )


IDLE = flags_of(ReportFlags).keys() - {"--json", "--quiet"}


@with_options
def purge(directory: RunOrFolder, *, what: PurgeFlags, reporting: ReportFlags) -> int:
    """Remove what holds customers' values: spool, failed rows, undo, conflicts. Results stay.

    Example: batchpatch purge --older-than 30d

    A run that is purged can be neither resumed from standard input nor undone. One that is at work
    is left alone.
    """
    if what.values and what.whole:
        raise SettingsError("--values keeps the report, --whole does not: leave out one of them.")
    from batchpatch.commands.purge import purge as purge_run  # noqa: PLC0415 - not for --help
    from batchpatch.commands.purge import purge_old  # noqa: PLC0415
    from batchpatch.recording.plan_output import find_directory  # noqa: PLC0415

    if what.older_than_s is not None:
        done = purge_old(directory, older_than_s=what.older_than_s, whole=what.whole)
    elif directory is not None:
        done = purge_run(find_directory(directory), whole=what.whole)
    else:
        raise SettingsError(
            "purge needs DIR (the directory of the run), or --older-than 30d for all in "
            "batchpatch-runs: see batchpatch purge --help."
        )
    _tell(done, quiet=reporting.quiet, json=reporting.json)
    return ExitCode.SOME_FAILED if done.problems else ExitCode.DONE


def _removed_line(path: Path) -> str:
    """A whole run's directory stays where others have put something into it."""
    kept = "; the directory stays, for what else lies there" if path.is_dir() else ""
    return f"removed {as_typed(path)}{kept}"


def _tell(done: Purged, *, quiet: bool, json: bool) -> None:
    if not quiet:
        say(*map(_removed_line, done.removed) if done.removed else ("nothing to remove",))
        say(*(f"left alone: {as_typed(path)} is at work" for path in done.at_work))
    say(*map(ended, done.problems))
    if json:
        emit_document(
            {
                "removed": [str(path) for path in done.removed],
                "at_work": [str(path) for path in done.at_work],
                "problems": done.problems,
                "exit_code": int(ExitCode.SOME_FAILED if done.problems else ExitCode.DONE),
            }
        )
