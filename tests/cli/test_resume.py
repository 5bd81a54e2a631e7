"""Stopped, killed, cut off: what a user does then, and what must not happen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_process import wait_for_lines

pytestmark = pytest.mark.usefixtures("quick_lines")

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Results = Callable[[Path], list[dict[str, Any]]]


def outcomes(lines: list[dict[str, Any]]) -> set[str]:
    """The outcomes that occur."""
    return {line["outcome"] for line in lines}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_settles_what_is_in_flight_and_says_how_to_go_on(
    batchpatch: Run,
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    """Ctrl-C is how most runs end: every row has a line or none, and resuming finishes."""
    process = start_batchpatch(
        "run",
        str(make_rows(400)),
        "--api-url",
        sandbox.url,
        "--rate",
        "100/s",
        "--out",
        "r",
        env=credentials,
    )
    wait_for_lines(tmp_path / "r" / "results.jsonl", 50)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "batchpatch resume r" in said
    lines = results(tmp_path / "r")
    assert outcomes(lines) == {"updated"}
    assert len(lines) == sandbox.get("stats")["patches_applied"] < 400
    done = batchpatch("resume", "r", "--rate", "none", "--json", env=credentials)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["outcomes"] == {"updated": 400}
    assert sandbox.get("stats")["patches_applied"] == 400


def test_a_second_signal_leaves_at_once(
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    start_sandbox: Any,
    tmp_path: Path,
    credentials: dict[str, str],
) -> None:
    """Whoever presses twice means it; what was cut off has no line and is sent again later."""
    # Of this seed the first row is none of the slow ones: until its answer only few leave.
    slow = start_sandbox("--fault", "kind=latency,ms=30000,rate=0.5", "--seed", "1")
    process = start_batchpatch(
        "run",
        str(make_rows(100)),
        "--api-url",
        slow.url,
        "--out",
        "r",
        "--grace",
        "60s",
        env=credentials,
    )
    wait_for_lines(tmp_path / "r" / "results.jsonl", 10)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "once more" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130


def test_kill_nine_loses_nothing(
    batchpatch: Run,
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """No handler runs, the last line may be torn: the file is mended and the rest is sent."""
    process = start_batchpatch(
        "run",
        str(make_rows(400)),
        "--api-url",
        sandbox.url,
        "--rate",
        "100/s",
        "--out",
        "r",
        env=credentials,
    )
    wait_for_lines(tmp_path / "r" / "results.jsonl", 50)
    process.kill()
    process.communicate()
    with (tmp_path / "r" / "results.jsonl").open("ab") as file:
        file.write(b'{"row":399,"line":400,"outc')
    done = batchpatch("resume", "r", "--rate", "none", env=credentials)
    assert done.returncode == 0, done.stderr
    assert [line["row"] for line in results(tmp_path / "r")] == list(range(1, 401))


def test_a_changed_input_is_refused(batchpatch: Run, make_rows: Callable[..., Path]) -> None:
    """Rows are known by their numbers: another file under the same name would mix them up."""
    rows = make_rows(20)
    batchpatch("run", str(rows), "--sandbox", "--limit", "5", "--out", "r")
    rows.write_text(rows.read_text(encoding="utf-8").replace("result-9", "result-X"))
    done = batchpatch("resume", "r", "--sandbox")
    assert done.returncode == 2
    assert "rows.csv has changed" in done.stderr


def test_damage_in_the_middle_is_refused(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """A bad line with good ones behind it is no interrupted run: guessing would lose rows."""
    batchpatch("run", str(make_rows(20)), "--sandbox", "--limit", "9", "--out", "r")
    path = tmp_path / "r" / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"{torn\n", *lines[4:]]))
    done = batchpatch("resume", "r", "--sandbox")
    assert done.returncode == 3
    assert "line 4" in done.stderr


def test_a_live_directory_belongs_to_one_process(
    batchpatch: Run, start_batchpatch: Start, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Two writers would write every row twice."""
    start_batchpatch("run", str(make_rows(100)), "--sandbox", "--rate", "5/s", "--out", "r")
    wait_for_lines(tmp_path / "r" / "results.jsonl", 1)
    done = batchpatch("resume", "r", "--sandbox")
    assert done.returncode == 3
    assert "in use" in done.stderr


def test_another_run_with_the_same_client_is_warned_about(
    batchpatch: Run,
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Both draw on one allowance, and may overtake each other's rows."""
    env = credentials | {"XDG_RUNTIME_DIR": str(tmp_path)}
    rows = str(make_rows(100))
    words = ["--api-url", sandbox.url]
    start_batchpatch("run", rows, "--rate", "5/s", "--out", "one", *words, env=env)
    wait_for_lines(tmp_path / "one" / "results.jsonl", 1)
    done = batchpatch("run", rows, "--limit", "1", "--out", "two", *words, env=env)
    assert "same OAuth client" in done.stderr


def test_old_never_beats_new_when_rejected_rows_are_sent_again(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    results: Results,
) -> None:
    """Row 1 failed, the last of its participant went through: retrying 1 must not undo that."""
    rows = make_rows(2001, participants=[0, *range(1, 2000), 0])  # too far apart to be merged
    who = "00000000-0000-0000-0000-000000000002"
    sandbox.set_faults(f"status=404,rate=1,times=1,participant={who}")
    run = ("run", str(rows), "--api-url", sandbox.url, "--window", "1", "--concurrency", "1")
    batchpatch(*run, "--out", "r", env=credentials)
    lines = results(tmp_path / "r")
    assert (lines[0]["outcome"], lines[-1]["outcome"]) == ("rejected", "updated")
    failed = (tmp_path / "r" / "failed.csv").read_text(encoding="utf-8")
    assert f"note;result@{who} (row 2001)" in failed
    sandbox.set_faults()
    assert batchpatch("resume", "r", "--retry", "rejected", env=credentials).returncode == 0
    assert sandbox.state()[who]["result"] == "result-2000"
    first = next(line for line in results(tmp_path / "r") if line["row"] == 1)
    assert (first["outcome"], first["superseded_by"]) == ("superseded", 2001)
    assert not (tmp_path / "r" / "failed.csv").exists()


def test_an_interrupted_pipe_is_finished_from_its_spool(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path, results: Results
) -> None:
    """Standard input cannot be read twice, so its copy is."""
    rows = make_rows(30).read_text(encoding="utf-8")
    batchpatch("run", "-", "--sandbox", "--limit", "10", "--out", "r", stdin=rows)
    done = batchpatch("resume", "r", "--sandbox")
    assert done.returncode in (0, 3), done.stderr
    assert {line["source"] for line in results(tmp_path / "r")} == {"-"}


def test_purge_removes_what_holds_values_and_keeps_the_results(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """After the job the report may stay and the customers' data go."""
    rows = make_rows(20).read_text(encoding="utf-8")
    batchpatch(
        "run",
        "-",
        "--sandbox",
        "--out",
        "r",
        "--fault",
        "status=400,rate=0.5,times=always",
        stdin=rows,
    )
    assert batchpatch("purge", "r").returncode == 0
    left = {path.name for path in (tmp_path / "r").iterdir()} - {".lock"}
    assert left == {"results.jsonl", "run.json", "summary.json", "timeline.jsonl"}


def test_a_full_disk_is_a_sentence(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """What was settled stays on disk, and the run can go on when there is room again."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r").chmod(0o700)
    (tmp_path / "r" / "input").symlink_to("/dev/full")
    # The spool is where a full disk is met first; an occupied directory is refused before that.
    done = batchpatch(
        "run", "-", "--sandbox", "--out", "r", stdin=make_rows(5).read_text(encoding="utf-8")
    )
    assert done.returncode == 2
    assert "not empty" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_directory_is_a_sentence(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Nothing is sent where nothing could be recorded."""
    rows = make_rows(5)
    tmp_path.chmod(0o500)
    done = batchpatch("run", str(rows), "--sandbox", "--out", "r")
    tmp_path.chmod(0o700)
    assert done.returncode == 2  # there is no run that could be resumed
    assert "cannot be" in done.stderr


def test_closed_stdout_keeps_the_run(
    start_batchpatch: Start, make_rows: Callable[..., Path], tmp_path: Path, results: Results
) -> None:
    """Whoever reads the document may go away; the report on disk is complete all the same."""
    reading, writing = os.pipe()
    os.close(reading)
    process = start_batchpatch(
        "run", str(make_rows(20)), "--sandbox", "--json", "--out", "r", stdout=writing
    )
    os.close(writing)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert len(results(tmp_path / "r")) == 20


def test_the_command_for_failed_rows_is_that_of_the_run_after_a_resume_too(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
) -> None:
    """Whoever pastes it must get the run's own mapping, which resume was never told."""
    sandbox.set_faults("status=404,rate=0.5,times=always")
    words = ("--api-url", sandbox.url, "--only-keys", "result,note")
    batchpatch("run", str(make_rows(40)), "--limit", "20", "--out", "r", *words, env=credentials)
    done = batchpatch("resume", "r", "--json", env=credentials)
    assert json.loads(done.stdout)["send_failed"].split() == [
        "batchpatch", "run", "r/failed.csv", *("--only-keys", "result,note"), *words[:2],
    ]  # fmt: skip


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", ">&- 2>&-"])
def test_a_daemon_that_has_closed_its_streams_still_sends(
    make_rows: Callable[..., Path],
    environment: dict[str, str],
    results: Results,
    tmp_path: Path,
    closed: str,
) -> None:
    """A file that is opened gets the lowest free number: our words must not land in it."""
    make_rows(5)
    line = f"{sys.executable} -m batchpatch run rows.csv --sandbox --json --out r {closed}"
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert len(results(tmp_path / "r")) == 5


def test_a_run_that_only_waits_for_its_turn_stops_at_once(
    start_batchpatch: Start, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Nothing is on the wire, so there is nothing to give grace to."""
    process = start_batchpatch(
        "run", str(make_rows(9)), "--sandbox", "--rate", "1/h", "--out", "r", "--grace", "50s"
    )
    wait_for_lines(tmp_path / "r" / "results.jsonl", 1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 130


def test_the_reasons_shown_are_of_the_same_rows_as_the_outcomes(
    batchpatch: Run, make_rows: Callable[..., Path], sandbox: Any, credentials: dict[str, str]
) -> None:
    """`14 rejected`, and below it the reasons of three, leave the reader with eleven to explain."""
    make_rows(6)
    sandbox.set_faults("status=400,rate=1,times=always")
    words = ("--api-url", sandbox.url, "--limit", "3", "--out", "r")
    batchpatch("run", "rows.csv", *words, env=credentials)
    sandbox.set_faults()
    done = batchpatch("resume", "r", "--progress", "json", env=credentials)
    shown = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert shown
    for progress in shown:
        assert sum(reason["rows"] for reason in progress["reasons"]) == 3
        assert progress["outcomes"]["rejected"] == 3
