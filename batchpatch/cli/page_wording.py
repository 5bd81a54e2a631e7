"""What the page about a run says in the command line's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.cli.run_text import pace_line, place_text, rows_so_far
from batchpatch.cli.text import count, duration, summary_lines
from batchpatch.reporting.page import Wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.cli.following import Following
    from batchpatch.reporting.overview import Overview


def wording_of(overview: Overview, following: Following) -> Wording:
    """The facts beside the numbers, and the command that comes next."""
    facts = list(_facts(overview, following))
    if overview.glance.pid is not None:
        return Wording(facts, following.status, "To look at it again:")
    words, *_ = following.next_lines() or [""]
    return Wording(facts, following.next, words)


def _facts(overview: Overview, following: Following) -> Iterator[tuple[str, str]]:
    glance, summary = overview.glance, overview.summary
    if following.place is not None:
        yield "Where", place_text(following.place)
    if summary is None:
        moment = glance.moment
        time = f" after {duration(moment.elapsed_s)}" if moment else ""
        yield "Rows", f"{rows_so_far(overview.counts)}{time}"
        if moment is not None and glance.pid is not None:
            yield "Pace", pace_line(moment)
    else:
        first, *others = summary_lines(summary)
        yield "Rows", first
        yield from (_fact(line) for line in others if not line.startswith("  "))
        yield from (("Input", notice) for notice in summary.notices)
    if glance.manifest.kind == "run" and glance.pid is None:
        yield "Undo", following.undo_line()
    yield "Batchpatch", f"{glance.manifest.version}; {glance.directory.path}"
    if overview.results_sha256 and glance.pid is None:
        yield "SHA-256 of the results", overview.results_sha256
    if overview.failed:
        rows = count(overview.history.failed, "row")
        yield "Failed rows", f"{', '.join(map(str, overview.failed))} ({rows})"


def _fact(line: str) -> tuple[str, str]:
    """Of `120 requests: ...` and its like."""
    if line.startswith("Stopped: "):
        return "Stopped", line.removeprefix("Stopped: ")
    return ("Requests", line) if "request" in line.partition(":")[0] else ("Also", line)
