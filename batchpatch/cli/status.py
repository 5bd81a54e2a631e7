"""`batchpatch status` and `batchpatch runs`: how far runs are, from another terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from batchpatch.cli.options.declare import Argument, with_options
from batchpatch.cli.options.newest import LastFlags, RunOrLast
from batchpatch.cli.options.showing import ShowingFlags
from batchpatch.cli.output import emit_document, show
from batchpatch.errors import ExitCode, as_typed, ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.cli.following import Following
    from batchpatch.reporting.glance import Glance
    from batchpatch.reporting.overview import Counts

Folder = Annotated[
    Path | None,
    Argument("DIR", "Where the runs are. Default: batchpatch-runs", optional=True, parse=Path),
]


@with_options
def status(directory: RunOrLast, *, newest: LastFlags, showing: ShowingFlags) -> int:
    """Say how far a run is that works in another process, or how it ended.

    Example: batchpatch status --last

    What it says is at most a second old. Nothing is sent, and the run is not disturbed. Exit code
    0, whatever the run does.
    """
    # Loaded here: they bring the readers with them.
    from batchpatch.reporting.glance import glance_at  # noqa: PLC0415
    from batchpatch.reporting.overview import quick_counts  # noqa: PLC0415

    glance = glance_at(newest.choose(directory, command="status"))
    counts, following = quick_counts(glance), _following(glance)
    if showing.json:
        emit_document(_document(glance, counts, following))
    else:
        show(_status_lines(glance, counts, following))
    return ExitCode.DONE


@with_options
def runs(folder: Folder, *, showing: ShowingFlags) -> int:
    """List the runs of a directory, the newest first: state, rows, outcomes, age, the next command.

    Example: batchpatch runs

    Exit code 0, whatever the runs do; 2 where there is no such directory.
    """
    from batchpatch.reporting.overview import quick_counts  # noqa: PLC0415 - not for --help
    from batchpatch.reporting.runs import list_runs, named_folder  # noqa: PLC0415

    folder = named_folder(folder)
    listed, unread = list_runs(folder)
    found = ((one, quick_counts(one), _following_among(listed, one)) for one in listed)
    if showing.json:
        documents = [_document(*one) for one in found]
        document = {"folder": str(folder), "runs": documents, "unread": unread}
        emit_document({**document, "exit_code": int(ExitCode.DONE)})
    else:
        lines = [line for one in found for line in _run_lines(*one)]
        lines += [ended(f"Not listed: {sentence}") for sentence in unread]
        none = f"There are no runs in {as_typed(folder)}"
        show(lines or [f"{none}: name another directory, or begin one with `batchpatch run`."])
    return ExitCode.DONE


def _following(glance: Glance) -> Following:
    from batchpatch.cli.following import Following  # noqa: PLC0415 - brings all flags

    failed = glance.directory.failed_paths() if glance.pid is None else []
    return Following.of(glance.path, failed, resumable=glance.resumable, undo=False)


def _following_among(listed: list[Glance], glance: Glance) -> Following:
    """What follows. Failed rows that another run of the list has sent again are not sent anew, and
    nor are those of a run that was taken back: its report tells which are still open."""
    from batchpatch.cli.next_command import command_line  # noqa: PLC0415 - brings all flags
    from batchpatch.reporting.history import has_history  # noqa: PLC0415

    following = _following(glance)
    if (following.send_failed or following.plan_failed) and has_history(glance, listed):
        return following._replace(since=command_line("report", [glance.path], []))
    return following


def _status_lines(glance: Glance, counts: Counts, following: Following) -> Iterator[str]:
    from batchpatch.cli.run_text import (  # noqa: PLC0415 - not for --help
        pace_line,
        place_line,
        state_line,
    )
    from batchpatch.cli.text import stopped_line  # noqa: PLC0415

    yield state_line(glance)
    yield _rows_text(counts, glance)
    if glance.pid is not None and glance.moment is not None:
        yield pace_line(glance.moment)
    if glance.summary is not None and glance.summary.stopped_because:
        yield stopped_line(glance.summary.stopped_because)
    if following.place is not None:
        yield place_line(following.place)
    if glance.pid is None:
        yield from following.next_lines()


def _run_lines(glance: Glance, counts: Counts, following: Following) -> Iterator[str]:
    from batchpatch.cli.text import about  # noqa: PLC0415 - not for --help

    age = f"{about(_age_s(glance))} ago" if glance.pid is None else "now"
    yield f"{as_typed(glance.path)}: {glance.state}, {age}"
    yield f"  {_rows_text(counts, glance)}"
    if glance.pid is not None:
        yield f"  {following.status}"
    elif following.next is not None:
        yield f"  {following.next}"


def _rows_text(counts: Counts, glance: Glance) -> str:
    """`167 of about 400,000 rows: 165 updated, 2 rejected`."""
    from batchpatch.cli.run_text import rows_so_far  # noqa: PLC0415 - not for --help
    from batchpatch.cli.text import count  # noqa: PLC0415
    from batchpatch.reporting.glance import RunState  # noqa: PLC0415

    is_whole = glance.state is RunState.FINISHED
    rows = count(counts.rows, "row") if is_whole else rows_so_far(counts)
    outcomes = ", ".join(f"{number:,} {word}" for word, number in counts.outcomes.items())
    return f"{rows}: {outcomes}" if outcomes else rows


def _age_s(glance: Glance) -> float:
    """Seconds since it ended, or was last heard of."""
    heard_at = glance.heard_at
    return max(0.0, (datetime.now(UTC) - heard_at).total_seconds()) if heard_at else 0.0


def _document(glance: Glance, counts: Counts, following: Following) -> dict[str, Any]:
    return {
        "directory": str(glance.path),
        "kind": glance.manifest.kind,
        "state": str(glance.state),
        "process": glance.pid,
        "started": glance.manifest.started,
        "age_s": round(_age_s(glance), 1),
        "rows": counts.rows,
        "outcomes": counts.outcomes,
        "unattempted": counts.unattempted,
        "rows_expected": counts.rows_expected,
        "exit_code": glance.summary and glance.summary.exit_code,
        "stopped_because": glance.summary and glance.summary.stopped_because,
        "progress": glance.moment and glance.moment._asdict(),
        "where": following.place and following.place._asdict(),
        "next": following.next if glance.pid is None else following.status,
    }
