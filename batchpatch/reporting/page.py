"""The page about a run: one HTML file that needs no network and runs no script but its own."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.model import Outcome
from batchpatch.recording.progress_file import read_timeline
from batchpatch.reporting.charts import latency_chart, pace_chart, span
from batchpatch.reporting.libraries import load
from batchpatch.reporting.pace_series import pace_series
from batchpatch.reporting.tally import tally_results
from batchpatch.reporting.value_tally import tally_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.model import RowResult
    from batchpatch.reporting.overview import Overview
    from batchpatch.reporting.tally import Tally

MOST_FAILED = 2000
"""Failed rows of a page: a browser has to search them."""
_MOST_FAILED_BYTES = 1_000_000
"""What they may take, escaped: a page of 2 MB can still be sent by mail."""
_MOST_REASONS = 50
_MOST_ATTRIBUTES = 200
_MOST_CHANGES = 20
_MOST_CHARS = 300
_FLAG = re.compile(r"(--[a-z][a-z-]*)")


class Wording(NamedTuple):
    """What the page says in the words that the command line has for it."""

    facts: Sequence[tuple[str, str]]
    """Where it went, whether it can be undone ..."""
    next: str | None
    next_words: str


def render_page(overview: Overview, wording: Wording, *, show_values: bool) -> str:
    """The page, as text.

    Args:
        overview: of the run.
        wording: what the command line says of it.
        show_values: which values were changed to which, where the run has kept them.

    Raises:
        SettingsError: a library for it is not installed.
        RecordError: a file of the run cannot be read.
    """
    template = _template()
    directory = overview.glance.directory
    tally = tally_results(directory.results_path, most_failed=MOST_FAILED)
    points = pace_series(read_timeline(directory.timeline_path))
    values = None
    if show_values:
        undo, results = directory.undo_path, directory.results_path
        values = tally_values(undo, results, most=_MOST_CHANGES)
    attributes = tally.attributes()
    failed = list(_shown(sorted(tally.failed, key=lambda result: result.row)))
    markup = load("markupsafe").Markup
    page: str = template.render(
        title=overview.glance.path.absolute().name,
        state=str(overview.glance.state),
        lead=_lead(overview),
        problems=[*overview.problems, *overview.left_because],
        tiles=list(_tiles(overview)),
        facts=wording.facts,
        next=wording.next,
        next_words=wording.next_words,
        reasons=tally.reasons(_MOST_REASONS),
        pace=markup(pace_chart(points)) if len(points) > 1 else None,
        latency=markup(latency_chart(tally.latencies)) if any(tally.latencies) else None,
        percentiles=_percentiles(tally),
        attributes=attributes[:_MOST_ATTRIBUTES],
        attributes_left=max(0, len(attributes) - _MOST_ATTRIBUTES),
        values=values,
        any_perhaps=any(change.perhaps for one in (values or {}).values() for change in one),
        history=overview.history,
        failed=failed,
        failed_left=tally.failed_rows - len(failed),
    )
    return page


def _template() -> Any:
    jinja, markup = load("jinja2"), load("markupsafe").Markup
    loader = jinja.PackageLoader("batchpatch.reporting")
    environment = jinja.Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja.StrictUndefined,
    )
    environment.filters["whole_flags"] = partial(_whole_flags, markup)
    environment.filters["tojson_text"] = lambda text: json.dumps(text, ensure_ascii=False)
    script, style = (
        loader.get_source(environment, name)[0] for name in ("report.js", "report.css")
    )
    # A browser compares it with the text as it stands between the tags.
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals |= {
        "script": markup(script),
        "style": markup(style),
        "script_hash": digest,
    }
    return environment.get_template("report.html.j2")


def _whole_flags(markup: Any, text: str) -> Any:
    """The text with its flags in one piece each: a browser breaks a line behind any hyphen."""
    pieces = _FLAG.split(text)
    flag = markup('<span class="word">{}</span>')
    return markup().join(
        flag.format(piece) if at % 2 else markup.escape(piece) for at, piece in enumerate(pieces)
    )


class _Tile(NamedTuple):
    name: str
    number: int
    share: str
    kind: str
    """`made`, `lost` or `open`."""


def _tiles(overview: Overview) -> Iterator[_Tile]:
    counts = overview.counts
    total = max(1, counts.settled + counts.unattempted)
    for word, number in counts.outcomes.items():
        kind = "made" if Outcome(word).made_it else "lost"
        yield _Tile(word, number, _share(number, total), kind)
    if counts.unattempted:
        yield _Tile("unattempted", counts.unattempted, _share(counts.unattempted, total), "open")


def _share(number: int, total: int) -> str:
    """In percent; of a few among many not 0, and of all but a few not 100."""
    percent = 100 * number / total
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.3g} %"


def _lead(overview: Overview) -> str:
    """What was read, and when."""
    glance = overview.glance
    names = [file.name or file.path for file in glance.manifest.inputs]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    ended = overview.summary.ended if overview.summary else glance.moment and glance.moment.at
    period = f"{_time(glance.manifest.started)} to {_time(ended)} UTC" if ended else ""
    return f"{shown}: {period}" if period else shown


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def _percentiles(tally: Tally) -> str:
    shares = (("Half", 0.5), ("nine of ten", 0.9), ("99 of 100", 0.99))
    found = [(name, tally.latency_ms(share)) for name, share in shares]
    told = [f"{name} within {span(most)}" for name, most in found if most is not None]
    return f"{', '.join(told)}." if told else ""


def _shown(results: Sequence[RowResult]) -> Iterator[RowResult]:
    """As many as the page has room for, their sentences cut."""
    escape = load("markupsafe").escape
    room = _MOST_FAILED_BYTES
    for result in results:
        message = result.message or ""
        if len(message) > _MOST_CHARS:
            message = f"{message[: _MOST_CHARS - 3]}..."
        cut = result._replace(message=message, code=(result.code or "")[:100])
        text = f"{cut.code}{message}{cut.conversation_id or ''}{cut.participant_id or ''}"
        room -= len(str(escape(text)).encode("utf-8", "replace")) + 180
        if room < 0:
            return
        yield cut
