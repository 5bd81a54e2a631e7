"""What programs are told that watch a run or a service: a log, metrics, spans."""

from __future__ import annotations

import csv
import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from http_service import HttpService, row, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., HttpService]


def events(text: str) -> list[dict[str, Any]]:
    """The events of a log, each of which has to be one line of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_log_for_programs_is_all_that_stderr_has(
    batchpatch: Any, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """A collector reads every line; and a log is kept long, so nothing of a customer is in it."""
    rows = make_rows(40)
    rows.write_text(rows.read_text() + "no-id,no-id,private-x,private-y\n")
    words = ("--sandbox", "--fault", "status=503,rate=0.3", "--out", str(tmp_path / "r"))
    done = batchpatch("run", str(rows), *words, "--log-json", "--verbose")
    assert done.returncode == 1
    found = events(done.stderr)
    kinds = {one["event"] for one in found}
    assert {"retry", "row_settled", "summary", "message"} <= kinds
    assert all({"at", "level", "run", "event"} <= one.keys() for one in found)
    assert [one["row"] for one in found if one["event"] == "row_settled"] == [41]
    summary = found[-1]
    assert (summary["event"], summary["run"]) == ("summary", str(tmp_path / "r"))
    assert summary["outcomes"] == {"updated": 40, "invalid": 1}
    retry = next(one for one in found if one["event"] == "retry")
    assert (retry["purpose"], retry["status"]) == ("patches", 503)
    with rows.open(newline="") as file:
        records = list(csv.DictReader(file))
    for one in found:
        if one["event"] == "retry":
            (row,) = one["rows"]
            record = records[row - 1]
            assert one["lines"] == [row + 1]
            assert one["conversation"] == record["conversationId"]
            assert one["participant"] == record["participantId"]
            assert one["patch"] > 0
    assert "private" not in done.stderr
    assert "kept-to-itself" not in done.stderr


def test_every_row_is_in_the_log_where_that_is_wanted(
    batchpatch: Any, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Ids and outcome, by which a row is found again; a resumed run says the same."""
    words = ("--sandbox", "--out", str(tmp_path / "r"), "--log-json=rows")
    found = events(batchpatch("run", str(make_rows(3)), *words).stderr)
    settled = [one for one in found if one["event"] == "row_settled"]
    assert sorted(one["row"] for one in settled) == [1, 2, 3]
    assert {one["outcome"] for one in settled} == {"updated"}
    assert all({"conversation", "participant", "attempts"} <= one.keys() for one in settled)
    again = batchpatch("resume", str(tmp_path / "r"), "--sandbox", "--log-json")
    assert [one["event"] for one in events(again.stderr)] == ["summary"]


def test_what_ends_a_command_is_an_event_as_well(batchpatch: Any) -> None:
    """The last line of a log that stops short is the one that matters."""
    done = batchpatch("run", "absent.csv", "--sandbox", "--log-json")
    (only,) = events(done.stderr)
    assert (only["event"], only["level"], only["exit_code"]) == ("error", "error", 2)
    assert "absent.csv" in only["message"]


def test_a_stop_is_an_event(
    start_batchpatch: Any, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Whoever was paged finds who ended it, and that the rest waited."""
    words = ("--sandbox", "--rate", "1/min", "--log-json=rows", "--out", str(tmp_path / "r"))
    process = start_batchpatch("run", str(make_rows(5)), *words)
    while '"event":"row_settled"' not in process.stderr.readline():
        pass
    process.terminate()
    found = events(process.communicate(timeout=30)[1])
    assert process.returncode == 130
    assert any(one["event"] == "stop" and "SIGTERM" in one["message"] for one in found)
    assert found[-1]["stopped_because"] == "Interrupted (SIGTERM)."


def test_a_wait_is_an_event(
    start_batchpatch: Any, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """A run that stands still says what for, to programs too."""
    words = ("--sandbox", "--allowed", "3", "--rate-window-s", "3600", "--out", str(tmp_path / "r"))
    process = start_batchpatch("run", str(make_rows(9)), *words, "--log-json", "--grace", "0s")
    line = process.stderr.readline()
    while '"event":"waiting"' not in line:
        assert line
        line = process.stderr.readline()
    assert "rate limit" in json.loads(line)["waiting_for"]
    process.terminate()


def test_a_service_logs_under_a_name_of_its_own(sandbox: Any, start_service: Start) -> None:
    """It has no directory, and several of them may share a collector."""
    service = start_service(sandbox, "--log-json=rows")
    service.patch(row(1, id="call-1"))
    found = events(service.stop()[1])
    settled = next(one for one in found if one["event"] == "row_settled")
    assert (settled["row"], settled["id"], settled["outcome"]) == (1, "call-1", "updated")
    assert settled["run"].startswith("serve-")
    assert found[-1]["event"] == "summary"


def test_a_run_can_be_scraped_while_it_works(
    start_batchpatch: Any, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """A batch of hours is watched as a service is; its counts are those of the run."""
    words = ("--sandbox", "--allowed", "6", "--rate-window-s", "3600", "--out", str(tmp_path / "r"))
    process = start_batchpatch(
        "run", str(make_rows(9)), *words, "--metrics-port", "0", "--grace", "0s"
    )
    line = process.stderr.readline()
    while "Metrics at " not in line:
        assert line
        line = process.stderr.readline()
    url = line.rpartition("Metrics at ")[2].strip()

    def text() -> str:
        with urllib.request.urlopen(url) as reply:  # noqa: S310
            assert "openmetrics-text" in reply.headers["Content-Type"]
            return str(reply.read(), "utf-8")

    until(lambda: "batchpatch_allowance_left 0.0" in text())
    seen = text()
    updated = int(seen.partition('batchpatch_rows_total{outcome="updated"} ')[2].split(".")[0])
    assert f"batchpatch_rows_waiting {9 - updated}.0" in seen
    assert f'batchpatch_requests_total{{purpose="patches",status="202"}} {updated}.0' in seen
    assert "batchpatch_allowance_used 6.0" in seen
    assert f"batchpatch_row_latency_seconds_count {updated}.0" in seen
    process.terminate()


@pytest.mark.parametrize(
    ("words", "module", "extra"),
    [
        (("--metrics-port", "0"), "prometheus_client", "metrics"),
        (("--otel",), "opentelemetry", "otel"),
    ],
)
def test_what_is_not_installed_is_named_before_anything_is_sent(
    batchpatch: Any,
    make_rows: Callable[..., Path],
    tmp_path: Path,
    environment: dict[str, str],
    words: tuple[str, ...],
    module: str,
    extra: str,
) -> None:
    """The command that installs it, and no traceback of an import."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / f"{module}.py").write_text("raise ImportError\n")
    env = {"PYTHONPATH": f"{tmp_path / 'absent'}:{environment.get('PYTHONPATH', '')}"}
    out = tmp_path / "r"
    done = batchpatch("run", str(make_rows(1)), "--sandbox", "--out", str(out), *words, env=env)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"pip install '.[{extra}]'" in done.stderr
    assert not out.exists()


def test_a_run_that_is_not_watched_loads_none_of_it(
    batchpatch: Any, make_rows: Callable[..., Path], tmp_path: Path, environment: dict[str, str]
) -> None:
    """Extras that are installed for one use must not slow all others down."""
    (tmp_path / "absent").mkdir()
    for module in ("prometheus_client", "opentelemetry"):
        text = "import os\nos.write(2, b'loaded')\nraise ImportError\n"
        (tmp_path / "absent" / f"{module}.py").write_text(text)
    env = {"PYTHONPATH": f"{tmp_path / 'absent'}:{environment.get('PYTHONPATH', '')}"}
    out = tmp_path / "r"
    done = batchpatch("run", str(make_rows(1)), "--sandbox", "--out", str(out), env=env)
    assert (done.returncode, "loaded" in done.stderr) == (0, False)
