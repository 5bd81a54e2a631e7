"""Text about a run as a whole: where it has written to, whether that can be undone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.cli.text import about, count, duration, outcome_lines
from batchpatch.errors import as_typed
from batchpatch.formats.moments import to_the_second
from batchpatch.genesys.account.regions import usual_api_url

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.formats.progress_json import Moment
    from batchpatch.reporting.glance import Glance
    from batchpatch.reporting.history import History
    from batchpatch.reporting.overview import Counts
    from batchpatch.reporting.place import Place

UNNAMED = "an organisation that the platform does not name"


def state_line(glance: Glance) -> str:
    """What a run is doing, or how it ended."""
    name = "Plan" if glance.manifest.kind == "plan" else "Run"
    began = f"{name} of {to_the_second(glance.manifest.started)}"
    if glance.pid is not None:
        return f"{began}: at work{f' (process {glance.pid})' if glance.pid else ''}"
    if glance.killed:
        return f"{began}: interrupted; its process was killed, or the machine went down"
    return f"{began}: {glance.state}"


def place_line(place: Place) -> str:
    """Where a run has written to, as a line of its own."""
    return f"Where: {place_text(place)}"


def place_text(place: Place) -> str:
    """Where something is written to: whose data, as far as it is known."""
    if place.region is None:
        return f"the sandbox at {place.api_url}" if place.api_url else "unknown"
    organisation = " ".join(filter(None, (place.organisation_name, place.organisation)))
    client = place.client and f"OAuth client {place.client}"
    host = None if place.api_url == usual_api_url(place.region) else place.api_url
    return ", ".join(filter(None, (organisation, place.region, host, client)))


def undo_line(command: str | None, because: str | None, *, is_undo: bool = False) -> str:
    """Whether a run, or an undo, can be undone, and how."""
    it = "This undo" if is_undo else "It"
    if command is not None:
        return f"{it} can be undone: {command}"
    return f"{it} cannot be undone: {because or 'no --keep-before'}."


def nothing_to_undo(directory: Path) -> str:
    """What is said of a run that has overwritten nothing, by an undo and by its dry run."""
    return f"{as_typed(directory)} has changed nothing: there is nothing to undo."


def so_far_lines(counts: Counts, moment: Moment | None) -> list[str]:
    """How far a run is that has not ended, or whose end nobody has recorded."""
    time = f" after {duration(moment.elapsed_s)}" if moment else ""
    lines = [f"{rows_so_far(counts)}{time}"]
    lines += outcome_lines(counts.outcomes, counts.unattempted)
    if moment is not None:
        refused = f", {moment.throttled:,} throttled" if moment.throttled else ""
        lines.append(f"{count(moment.requests, 'request')} by this process{refused}")
    return lines


def rows_so_far(counts: Counts) -> str:
    """`167 of about 400,000 rows`."""
    if counts.rows_expected is None:
        return count(counts.settled, "row")
    return f"{counts.settled:,} of about {counts.rows_expected:,} rows"


def pace_line(moment: Moment) -> str:
    """How fast a run at work goes, how long it still takes, and what it waits for."""
    parts = [f"{moment.rows_per_s * 60:,.0f} rows a minute"] if moment.rows_per_s else []
    if moment.allowed_per_min is not None:
        parts.append(f"{moment.allowed_per_min:,.0f} requests a minute allowed")
    if moment.left_s is not None:
        parts.append(f"about {about(moment.left_s)} left")
    if moment.waiting_for:
        parts.append(f"waiting for {moment.waiting_for}")
    return ", ".join(parts)


_MOST_RUNS = 20


def history_lines(history: History) -> list[str]:
    """What became of a run since, and what is still open."""
    lines = []
    for one in history.repairs[-_MOST_RUNS:]:
        state = "" if one.glance.state == "finished" else f" ({one.glance.state})"
        sent = count(one.sent, "failed row")
        lines.append(
            f"{sent} sent again, {one.made_it:,} made it: {as_typed(one.glance.path)}{state}"
        )
    for undo in history.undone[-_MOST_RUNS:]:
        by = history.withdrawn.get(undo.path)
        then = f", but {as_typed(by)} has taken that back" if by is not None else ""
        lines.append(f"Taken back: {as_typed(undo.path)} ({undo.state}){then}")
    if history.repairs:
        lines.append(f"Still open: {history.open:,} of {count(history.failed, 'failed row')}")
    return lines
