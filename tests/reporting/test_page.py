"""The page about a run is bounded, escapes what is not ours, and needs nobody else."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.formats.progress_json import Sample
from batchpatch.formats.result_line import encode
from batchpatch.formats.run_json import InputFile, Manifest, encode_manifest
from batchpatch.formats.undo_line import UndoEntry, encode_undo
from batchpatch.model import Outcome, RowResult
from batchpatch.reporting.overview import overview_of
from batchpatch.reporting.pace_series import pace_series
from batchpatch.reporting.page import MOST_FAILED, Wording, render_page
from batchpatch.reporting.tally import MOST_NAMES, tally_results
from batchpatch.reporting.value_tally import tally_values

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=\"alert('2')\">&{{ 7*7 }}"
NOTHING = Wording([("Where", HOSTILE)], HOSTILE, HOSTILE)


def line(row: int, outcome: str = "updated", **more: Any) -> bytes:
    """A line of results."""
    fields = {"row": row, "line": row + 1, "source": "in.csv", **more, "outcome": outcome}
    return orjson.dumps({**fields, "at": "2026-01-01T00:00:00.000Z"}) + b"\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of a run that has been told nothing but foreign text."""
    path = tmp_path / "run<b>"
    path.mkdir()
    file = InputFile(path=HOSTILE, name=HOSTILE, size=1, sha256="x", kind="file")
    manifest = Manifest(version="1", inputs=(file,), mapping={}, started="2026-01-01T00:00:00Z")
    (path / "run.json").write_bytes(encode_manifest(manifest))
    return path


def page_of(path: Path, *, show_values: bool = False) -> str:
    """The page about a run."""
    return render_page(overview_of(path), NOTHING, show_values=show_values)


class Tags(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_foreign_text_is_text(directory: Path) -> None:
    """Messages come from a server, names from a file of anybody's, and everybody opens the page."""
    told = {"code": HOSTILE, "message": HOSTILE, "hint": HOSTILE, "conversation_id": HOSTILE}
    (directory / "results.jsonl").write_bytes(
        line(1, "rejected", participant_id=HOSTILE, keys=[HOSTILE], **told)
        + line(2, keys=[HOSTILE], elapsed_ms=5)
    )
    undo = {"conversation_id": "a", "participant_id": "b", "patch": 1}
    values = {"before": {HOSTILE: HOSTILE}, "written": {HOSTILE: HOSTILE}}
    (directory / "undo.jsonl").write_bytes(orjson.dumps(undo | values) + b"\n")
    page = page_of(directory, show_values=True)
    tags = Tags(page).found
    assert [tag for tag, _ in tags].count("script") == 1
    assert not [tag for tag, _ in tags if tag in ("img", "iframe", "link", "object")]
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert html.escape("<script>alert(1)</script>") in page
    assert "{{ 7*7 }}" in page


def test_it_asks_nobody(directory: Path) -> None:
    """It is mailed, and opened behind a firewall: all that it needs is in it."""
    (directory / "results.jsonl").write_bytes(line(1, elapsed_ms=5) + line(2, elapsed_ms=90))
    samples = [Sample(f"2026-01-01T00:0{n}:00Z", n * 60.0, n * 9, 0, n, 300.0) for n in range(4)]
    (directory / "timeline.jsonl").write_bytes(
        b"".join(orjson.dumps(one._asdict()) + b"\n" for one in samples)
    )
    page = page_of(directory)
    assert page.count("<svg") == 2
    for _, attributes in Tags(page).found:
        assert not {"src", "href", "xlink:href", "action"} & attributes.keys()
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\(", page)


def test_the_page_has_an_end(directory: Path) -> None:
    """However many rows failed, and however much was said of each, it can be sent by mail."""
    rows = 3000
    (directory / "results.jsonl").write_bytes(
        b"".join(
            line(
                row,
                "rejected",
                code=f"c{row}<",
                message="<&\"'" * 500,
                hint="<" * 200,
                keys=[f"name {row} {HOSTILE}"],
            )
            for row in range(1, rows + 1)
        )
    )
    page = page_of(directory)
    assert len(page.encode()) < 2_000_000
    shown = page.split('<table id="failed">')[1].count("<tr>") - 1
    assert 100 < shown <= MOST_FAILED
    assert f"the other {rows - shown:,} are left out here" in page


def test_values_are_shown_where_they_are_asked_for_only(directory: Path) -> None:
    """A page goes to people who may not see customers' data."""
    (directory / "results.jsonl").write_bytes(line(1, keys=["tier"]))
    undo = {"conversation_id": "a", "participant_id": "b", "patch": 1}
    entry = undo | {"before": {"tier": "s3cret"}, "written": {"tier": "gold-plated"}}
    (directory / "undo.jsonl").write_bytes(orjson.dumps(entry) + b"\n" + b'{"torn')
    assert "s3cret" not in page_of(directory)
    page = page_of(directory, show_values=True)
    assert "&#34;s3cret&#34; → &#34;gold-plated&#34;" in page


def test_failed_rows_come_in_the_order_of_the_input(directory: Path) -> None:
    """They are mended there; answers come in an order of their own."""
    lines = [line(row, "rejected", code=f"code-{row}") for row in (3, 1, 2)]
    (directory / "results.jsonl").write_bytes(b"".join(lines))
    table = page_of(directory).split('<table id="failed">')[1]
    assert re.findall(r"code-[0-9]", table) == ["code-1", "code-2", "code-3"]


def told(row: int, patch: int, outcome: str, **more: Any) -> bytes:
    """A line of results as a run writes it, of a row with one participant."""
    who = {"participant_id": "p"} if "participants" not in more else {}
    return encode(
        RowResult(
            row=row,
            line=row + 1,
            source="in.csv",
            outcome=Outcome(outcome),
            at="2026-01-01T00:00:00.000Z",
            conversation_id=f"c{patch}",
            keys=["tier"],
            patch=patch,
            **who | more,
        )
    )


def test_only_what_was_changed_is_listed_as_changed(tmp_path: Path) -> None:
    """An entry is written before its request leaves, and so for those that are refused as well."""
    results = [
        told(1, 1, "updated", status=202, attempts=1),
        told(2, 2, "rejected", status=400, attempts=1),
        told(3, 3, "updated", status=202, attempts=1),
        told(4, 4, "unknown", status=502, attempts=3),
        told(5, 5, "updated", status=202, attempts=1, participants=["p", "q"]),
    ]
    (tmp_path / "results.jsonl").write_bytes(b"".join(results))
    entries = [
        UndoEntry(f"c{patch}", who, {"tier": before}, {"tier": "gold"}, patch)
        for patch, who, before in (
            (1, "p", None),
            (2, "p", None),
            (3, "p", "gold"),
            (4, "p", None),
            (5, "p", None),
            (5, "q", "silver"),
            (6, "p", "silver"),
        )
    ]
    (tmp_path / "undo.jsonl").write_bytes(b"".join(map(encode_undo, entries)))
    found = tally_values(tmp_path / "undo.jsonl", tmp_path / "results.jsonl", most=9)
    assert found == {"tier": [(None, "gold", 2, 1), ("silver", "gold", 1, 1)]}


def test_a_tally_counts_each_row_and_forgets_no_attribute(tmp_path: Path) -> None:
    """Lines that another program has written, or broken, must not stop the others."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(
        line(1, keys=["a", "b"], elapsed_ms=40)
        + line(2, "unchanged", keys=["a"], elapsed_ms=2_000_000_000)
        + b"nonsense\n"
        + b'{"outcome": "rejected", "row": 3, "keys": "odd", "elapsed_ms": "x"}\n'
        + b'{"row":4,"outcome"'
    )
    tally = tally_results(path, most_failed=9)
    assert tally.outcomes == {"updated": 1, "unchanged": 1, "rejected": 1}
    assert [(one.name, one.applied, one.others) for one in tally.attributes()] == [
        ("a", 1, 1),
        ("b", 1, 0),
    ]
    assert [one.row for one in tally.failed] == [3]
    assert (sum(tally.latencies), tally.latencies[-1]) == (2, 1)


def test_a_line_of_another_release_ends_no_report(directory: Path) -> None:
    """An outcome that is not known here is damage to be told of, and the rest can be shown."""
    path = directory / "results.jsonl"
    path.write_bytes(line(1) + line(2, "postponed") + line(3, "rejected"))
    assert "rejected" in page_of(directory)
    assert [one.row for one in tally_results(path, most_failed=9).failed] == [3]


def test_a_tally_of_names_without_end_is_bounded(tmp_path: Path) -> None:
    """A column of keys may hold anything, and a report is no reason to run out of memory."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"".join(line(n, keys=[f"k{n}"]) for n in range(1, 2 * MOST_NAMES)))
    attributes = tally_results(path, most_failed=1).attributes()
    assert len(attributes) <= MOST_NAMES + 1
    assert sum(one.applied for one in attributes) == 2 * MOST_NAMES - 1


def test_a_flag_in_a_hint_is_one_piece(directory: Path) -> None:
    """A browser breaks a line behind any hyphen: `--` stood at the end of one. What comes from the
    platform is escaped all the same."""
    bad = line(1, "rejected", code="x", message="<b>no</b>", hint="Pass --max-wait 5m & <i>go</i>.")
    (directory / "results.jsonl").write_bytes(bad)
    page = page_of(directory)
    assert 'Pass <span class="word">--max-wait</span> 5m &amp; &lt;i&gt;go&lt;/i&gt;.' in page
    assert "<b>no</b>" not in page


def test_requests_over_time_leave_out_the_nights() -> None:
    """A run that was resumed in the morning did not go slowly all night."""

    def sample(hour: int, elapsed_s: float, requests: int) -> Sample:
        return Sample(f"2026-01-01T{hour:02}:00:00Z", elapsed_s, requests, 0, 0, 300.0)

    evening = [sample(18, minute * 60.0, minute * 300) for minute in range(6)]
    morning = [sample(8, minute * 60.0, minute * 150) for minute in range(6)]
    points = pace_series([*evening, *morning])
    assert [round(one.requests_per_min) for one in points] == [300] * 5 + [150] * 5
    assert pace_series([]) == []


@pytest.mark.parametrize("period_s", [59.7, 60.0, 60.4, 61.0])
@pytest.mark.parametrize("minutes", [5, 30, 150])
def test_no_point_has_the_requests_of_two_windows(period_s: float, minutes: int) -> None:
    """Windows drift against whole minutes, and half the points of a run that was never refused
    stood at twice of what was allowed, the others at nothing."""
    samples = []
    for number in range(minutes * 60 // 5):
        elapsed_s = number * 5.04
        requests = 300 * (1 + int(elapsed_s // period_s)) if number else 0
        at = datetime.fromtimestamp(1_800_000_000 + elapsed_s, UTC).isoformat()
        samples.append(Sample(at, elapsed_s, requests, 0, 0, 300.0))
    points = pace_series(samples)
    assert len(points) >= minutes / 2 - 1
    assert {round(one.requests_per_min / 300, 1) for one in points} <= {0.9, 1.0, 1.1}


def test_a_report_without_a_page_loads_no_library_for_it(directory: Path) -> None:
    """Whoever looks at a run should not wait for a template engine."""
    (directory / "results.jsonl").write_bytes(line(1))
    script = (
        "import sys\nfrom batchpatch.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*[m for m in ('jinja2', 'pygal', 'aiohttp') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "status", str(directory)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == ""
