"""What lasts ends the run or the row, in time and in words: pages, refusals, other limits."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def outcomes(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's results."""
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("status", ["200", "401", "403", "404"])
def test_a_sign_in_page_is_not_the_platform(
    status: str, batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """A proxy answers everything: the run ends at once, with the page's title, and can go on."""
    fault = f"kind=html,status={status},on=any,times=always"
    done = batchpatch("run", str(make_rows(50)), "--sandbox", "--fault", fault, "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 3
    assert summary["outcomes"].get("updated", 0) == 0
    assert summary["elapsed_s"] < 10
    assert f"a web page answered with status {status}, not the platform (" in done.stderr


def test_a_page_for_one_row_is_unknown(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """It is not `updated`, and the others are."""
    rows = make_rows(20)
    participant = rows.read_text(encoding="utf-8").splitlines()[11].split(",")[1]
    fault = f"kind=html,status=200,times=always,participant={participant}"
    words = ["--sandbox", "--fault", fault, "--retries", "1", "--out", "r"]
    assert batchpatch("run", str(rows), *words).returncode == 1
    (line,) = [one for one in outcomes(tmp_path / "r") if one["outcome"] != "updated"]
    assert (line["outcome"], line["code"]) == ("unknown", "not_the_platform")
    assert "titled" in line["hint"]


def test_a_limit_of_all_tokens_is_met_by_a_pace_and_not_by_tokens(
    batchpatch: Run,
    start_sandbox: Callable[..., Any],
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
) -> None:
    """Twenty in three seconds over all tokens: few refusals, and no ten tokens."""
    sandbox = start_sandbox(
        "--allowed", "38", "--rate-window-s", "30", "--org-allowed", "20", "--org-window-s", "3"
    )
    words = ["--api-url", sandbox.url, "--tokens", "10", "--json"]
    done = batchpatch("run", str(make_rows(50)), *words, env=credentials)
    summary = json.loads(done.stdout)
    assert summary["outcomes"] == {"updated": 50}
    assert summary["tokens_minted"] <= 2
    assert sandbox.get("stats")["peak_refused_in_organization_window"] <= 32
    assert summary["elapsed_s"] < 16


def test_a_refusal_of_hours_stops_the_run(batchpatch: Run, make_rows: Callable[..., Path]) -> None:
    """Exit 3 with the time, instead of a silent night."""
    words = ["--sandbox", "--fault", "kind=429,retry_after=7200", "--json"]
    done = batchpatch("run", str(make_rows(50)), *words)
    assert done.returncode == 3
    assert " UTC (429" in json.loads(done.stdout)["stopped_because"]


@pytest.mark.parametrize("rows", [1, 40])
def test_a_503_of_an_hour_is_an_outage_that_can_be_resumed(
    rows: int,
    batchpatch: Run,
    sandbox: Any,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Few rows were `rejected` after half a minute, whatever --max-outage said."""
    sandbox.set_faults("status=503,retry_after=3600,times=always")
    words = ["--api-url", sandbox.url, "--max-outage", "3s", "--out", "r", "--json"]
    done = batchpatch("run", str(make_rows(rows)), *words, "--log-every", "1s", env=credentials)
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcomes"], told["unattempted"]) == (3, {}, rows)
    assert told["elapsed_s"] < 8
    assert "and asks to wait until " in told["stopped_because"]
    assert "waiting for 127.0.0.1" in done.stderr
    assert "to answer again (it asks to wait until " in done.stderr
    sandbox.set_faults()
    assert batchpatch("resume", "r", env=credentials).returncode == 0
    assert {line["outcome"] for line in outcomes(tmp_path / "r")} == {"updated"}


def test_a_longer_wait_is_allowed_by_a_flag_of_run_and_of_resume(
    batchpatch: Run, sandbox: Any, make_rows: Callable[..., Path], credentials: dict[str, str]
) -> None:
    """The sentence that ends the run names `--max-wait`, so both commands have it."""
    rows = str(make_rows(3))
    sandbox.set_faults("status=429,retry_after=2,rate=1,times=1")
    words = ["--api-url", sandbox.url, "--out", "r", "--max-wait", "1s"]
    done = batchpatch("run", rows, *words, env=credentials)
    assert done.returncode == 3
    assert "or wait longer with --max-wait (now 1 s)" in done.stderr
    sandbox.set_faults("status=429,retry_after=2,rate=1,times=1")
    done = batchpatch("resume", "r", "--max-wait", "1s", "--retries", "1", env=credentials)
    assert done.returncode == 3
    assert "resume r --api-url" in done.stderr
    assert "--retries 1 --max-wait 1s" in done.stderr  # as this process was told
    sandbox.set_faults("status=429,retry_after=2,rate=1,times=1")
    done = batchpatch("resume", "r", "--max-wait", "1m", env=credentials)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ended", ["warn", "send"])
@pytest.mark.parametrize("known", ["--participant", "--keep-before", "--verify", "several"])
def test_what_is_written_after_the_end_is_counted(
    ended: str,
    known: str,
    batchpatch: Run,
    sandbox: Any,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """It does not reach analytics: `--ended warn` says how many rows, from whatever tells of it."""
    rows = make_rows(4)
    told: list[dict[str, Any]] = []
    for index, line in enumerate(rows.read_text(encoding="utf-8").splitlines()[1:]):
        conversation, participant = line.split(",")[:2]
        who = {"conversationId": conversation, "participantId": participant, "ended": index < 3}
        told.append(who | {"purpose": "customer"})
    sandbox.know(*told)
    words = [known] if known != "several" else ["--verify", "--keep-before", "--skip-unchanged"]
    if known == "--participant":
        words.append("customer")
        text = "".join(f"{who['conversationId']}\n" for who in told)
        rows.write_text(f"conversationId\n{text}", encoding="utf-8")
        words += ["--set", "result=x"]
    words += ["--ended", ended, "--api-url", sandbox.url, "--out", "r", "--json"]
    done = batchpatch("run", str(rows), *words, env=credentials)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r" / "summary.json").read_bytes())["after_end"] == 3
    assert [one.get("code") for one in outcomes(tmp_path / "r")].count("conversation_ended") == 3
    assert ("3 rows written after the end of the conversation" in done.stderr) is (ended == "warn")


def test_one_refused_row_is_unknown_and_holds_nobody(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """The others are through in a moment."""
    rows = make_rows(60)
    participant = rows.read_text(encoding="utf-8").splitlines()[11].split(",")[1]
    fault = f"kind=429,retry_after=1,times=always,participant={participant}"
    words = ["--sandbox", "--fault", fault, "--retries", "1", "--out", "r", "--json"]
    done = batchpatch("run", str(rows), *words)
    assert json.loads(done.stdout)["elapsed_s"] < 15
    (line,) = [one for one in outcomes(tmp_path / "r") if one["outcome"] != "updated"]
    assert (line["outcome"], line["code"]) == ("unknown", "throttled")


@pytest.mark.parametrize("interrupted", [False, True])
def test_minted_tokens_are_given_back(
    interrupted: bool,
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    start_sandbox: Callable[..., Any],
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
) -> None:
    """They would open the organisation's door for a day more; a stop takes them along, too."""
    sandbox = start_sandbox("--allowed", "20", "--rate-window-s", "30")
    words = ["--api-url", sandbox.url, "--tokens", "2", "--quiet"]
    rows = make_rows(400 if interrupted else 30)
    process = start_batchpatch("run", str(rows), *words, env=credentials)
    if interrupted:
        deadline_s = time.monotonic() + 20
        while sandbox.get("stats")["patches_applied"] < 40:
            assert time.monotonic() < deadline_s
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    stats = sandbox.get("stats")
    assert process.returncode == (130 if interrupted else 0)
    assert stats["tokens_minted"] == stats["revoked"] == 2


def test_a_token_of_the_users_is_kept(
    batchpatch: Run, start_sandbox: Callable[..., Any], make_rows: Callable[..., Path]
) -> None:
    """It is not ours to end."""
    sandbox = start_sandbox()
    environment = {"GENESYSCLOUD_ACCESS_TOKEN": sandbox.mint()}
    words = ["--api-url", sandbox.url]
    for _ in range(2):
        assert batchpatch("run", str(make_rows(3)), *words, env=environment).returncode == 0
    assert sandbox.get("stats")["revoked"] == 0


def test_few_descriptors_mean_fewer_connections(
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    start_sandbox: Callable[..., Any],
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
) -> None:
    """A connection that this side cannot open says nothing about the platform, nor about a row."""
    sandbox = start_sandbox()
    words = ["--api-url", sandbox.url, "--concurrency", "60", "--rate", "none"]
    limited = ("bash", "-c", 'ulimit -n 40; exec "$@"', "-")
    process = start_batchpatch("run", str(make_rows(300)), *words, env=credentials, through=limited)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert re.search(r"may have 40 files open \(ulimit -n\), so only \d+ of \d+ connections", said)
    assert sandbox.get("stats")["patches_applied"] == 300
