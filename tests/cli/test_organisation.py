"""A run stays in the organisation where it began, whoever goes on with it and wherever."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
RIVALS = "11111111-1111-4111-8111-111111111111"


def noted(directory: Path) -> tuple[str | None, str | None]:
    """The organisation of a run's record."""
    manifest = json.loads((directory / "run.json").read_text())
    return manifest["organisation"], manifest["organisation_name"]


@pytest.fixture
def begun(batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path) -> Any:
    """A run of three rows out of six that has noted its organisation."""
    rows = batchpatch("sandbox", "rows", "--count", "6", "--seed", "7").stdout
    (tmp_path / "rows.csv").write_text(rows)
    words = ("--api-url", sandbox.url, "--limit", "3", "--keep-before", "--out", "r")
    done = batchpatch("run", "rows.csv", *words, env=credentials)
    assert done.returncode == 0, done.stderr
    assert "7 requests: 3 patches, 3 reads, 1 other, 0 repeated" in done.stderr
    return sandbox


def test_nothing_goes_on_in_another_organisation(
    batchpatch: Run,
    begun: Any,
    start_sandbox: Callable[..., Any],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Its rows would be written to somebody else's participants, and its undo would follow them."""
    rivals = start_sandbox("--organization", f"{RIVALS}:Rivals")
    before = noted(tmp_path / "r")
    there = ("--api-url", rivals.url, "--yes")
    options = ("--limit", "3", "--keep-before", "--out", "r", "--resume")
    for words in (("resume", "r"), ("run", "rows.csv", *options)):
        done = batchpatch(*words, *there, env=credentials)
        assert done.returncode == 2, done.stderr
        assert f"for the organisation {before[0]}, and the token is for {RIVALS}" in done.stderr
    assert rivals.get("stats")["patches"] == 0
    assert noted(tmp_path / "r") == before
    done = batchpatch("resume", "r", "--api-url", begun.url, env=credentials)
    assert (done.returncode, begun.get("stats")["patches"]) == (0, 6), done.stderr
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    parts = ("patches", "reads", "lookups", "verifications", "other", "retries")
    assert summary["requests"] == sum(summary[part] for part in parts) == 14


def test_an_undo_stays_in_its_organisation_too(
    batchpatch: Run,
    begun: Any,
    start_sandbox: Callable[..., Any],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """It says so as an undo: there is no plan that could be made again."""
    rivals = start_sandbox("--organization", f"{RIVALS}:Rivals")
    done = batchpatch("undo", "r", "--api-url", rivals.url, "--out", "u", env=credentials)
    assert done.returncode == 2
    assert "The run was for the organisation" in done.stderr
    assert "plan" not in done.stderr
    batchpatch("undo", "r", "--out", "u", env=credentials)
    assert noted(tmp_path / "u") == noted(tmp_path / "r")
    done = batchpatch("resume", "u", "--api-url", rivals.url, env=credentials)
    assert (done.returncode, rivals.get("stats")["patches"]) == (2, 0), done.stderr


@pytest.mark.parametrize("inputs", [("failed",), ("rows", "failed"), ("-",)])
def test_failed_rows_go_to_no_other_organisation(
    inputs: tuple[str, ...],
    batchpatch: Run,
    sandbox: Any,
    start_sandbox: Callable[..., Any],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """They are what a resume of that run would send, and that goes on nowhere else."""
    rows = batchpatch("sandbox", "rows", "--count", "2", "--seed", "7").stdout
    (tmp_path / "rows.csv").write_text(rows)
    sandbox.set_faults("status=404,rate=1,times=always")
    words = ("run", "rows.csv", "--api-url", sandbox.url, "--keep-before", "--out", "r")
    assert batchpatch(*words, env=credentials).returncode == 1
    failed = tmp_path / "r" / "failed.csv"
    rivals = start_sandbox("--organization", f"{RIVALS}:Rivals")
    paths = {"failed": str(failed), "rows": "rows.csv", "-": "-"}
    again = ("run", *(paths[one] for one in inputs), "--out", "again", "--yes")
    stdin = failed.read_text() if "-" in inputs else None
    done = batchpatch(*again, "--api-url", rivals.url, env=credentials, stdin=stdin)
    there = f"for the organisation {noted(tmp_path / 'r')[0]}, and the token is for {RIVALS}"
    assert (done.returncode, there in done.stderr) == (2, True), done.stderr
    assert rivals.get("stats")["patches"] == 0
    assert not (tmp_path / "again").exists()
    sandbox.set_faults()
    done = batchpatch(*again, "--api-url", sandbox.url, env=credentials, stdin=stdin)
    assert (done.returncode, noted(tmp_path / "again")) == (0, noted(tmp_path / "r")), done.stderr


def fail(
    batchpatch: Run, server: Any, credentials: dict[str, str], out: str, *, seed: str = "7"
) -> Path:
    """The failed rows of a run of two rows, which has noted its organisation."""
    rows = batchpatch("sandbox", "rows", "--count", "2", "--seed", seed).stdout
    server.set_faults("status=404,rate=1,times=always")
    words = ("run", "-", "--api-url", server.url, "--keep-before", "--out", out)
    assert batchpatch(*words, stdin=rows, env=credentials).returncode == 1
    server.set_faults()
    return Path(out) / "failed.csv"


def test_failed_rows_are_rehearsed_in_a_sandbox_and_stay_open(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Nobody's data is written there; and what was made there is nothing that anybody has got."""
    failed = str(fail(batchpatch, sandbox, credentials, "r"))
    record = tmp_path / "r" / "run.json"
    manifest = json.loads(record.read_text()) | {"organisation": RIVALS}
    record.write_text(json.dumps(manifest | {"api_url": "https://api.mypurecloud.de"}))
    for out in ("s", "t"):
        done = batchpatch("run", failed, "--sandbox", "--out", out)
        assert done.returncode == 0, done.stderr
        assert "/r, at https://api.mypurecloud.de. This is a rehearsal" in done.stderr
        assert "older than what has become" not in done.stderr
    told = json.loads(batchpatch("report", "r", "--json").stdout)
    assert (told["open"], told["repairs"]) == (2, [])


@pytest.mark.parametrize("first", ["failed", "plain"])
def test_a_pipe_of_two_organisations_sends_what_is_of_the_first(
    first: str,
    batchpatch: Run,
    sandbox: Any,
    start_sandbox: Callable[..., Any],
    credentials: dict[str, str],
    results: Callable[[Path], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    """Exit code 2 says that nothing was sent; by then rows were, and the others are still good."""
    rivals = start_sandbox("--organization", f"{RIVALS}:Rivals")
    ours = (tmp_path / fail(batchpatch, sandbox, credentials, "r")).read_text("utf-8-sig")
    theirs = (tmp_path / fail(batchpatch, rivals, credentials, "x", seed="8")).read_text()
    if first == "plain":
        ours = ours.replace(" of ", " off ")
    lines = [*ours.splitlines(), *theirs.splitlines()[1:]]
    words = ("run", "-", "--api-url", sandbox.url, "--out", "again", "--yes")
    stdin = "".join(f"{line}\n" for line in lines)
    done = batchpatch(*words, env=credentials, stdin=stdin)
    assert done.returncode == 1, done.stderr
    outcomes = [(line["outcome"], line.get("code")) for line in results(tmp_path / "again")]
    assert outcomes == [("updated", None)] * 2 + [("invalid", "another_organisation")] * 2
    assert "The rows of standard input failed in" in done.stderr
    stdin = "".join(f"{line}\n" for line in [lines[0], *lines[:0:-1]])
    done = batchpatch(*words[:-2], "other", "--yes", env=credentials, stdin=stdin)
    assert (done.returncode, (tmp_path / "other").exists()) == (2, False), done.stderr


_UNASKED = "Interrupted before the platform has said whose data it is: nothing was sent."


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("resume", "r"), _UNASKED),
        (("plan", "rows.csv", "--out", "p.jsonl"), _UNASKED),
        (("codes",), "Interrupted: there is no list yet."),
    ],
)
def test_a_stop_is_heard_while_the_platform_is_asked_first(
    words: tuple[str, ...],
    sentence: str,
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    credentials: dict[str, str],
) -> None:
    """An answer may not come for long: nothing has begun by then, so one signal is enough."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = start_batchpatch(*words, "--api-url", url, env=credentials)
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, f"batchpatch: {sentence}\n")
