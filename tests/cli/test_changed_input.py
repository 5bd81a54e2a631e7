"""An input that changes while it is read: said, and nobody's row bears another row's reason."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_process import wait_for_lines, wait_until

pytestmark = pytest.mark.usefixtures("quick_lines")

Start = Callable[..., subprocess.Popen[str]]


def prepend(path: Path) -> None:
    header, rest = path.read_text().split("\n", 1)
    path.write_text(f"{header}\n{rest.splitlines()[-1]}\n{rest}")


def replace(path: Path) -> None:
    other = path.with_name("other.csv")
    other.write_text(path.read_text().replace("result-", "RESULT-"))
    other.replace(path)


def cut(path: Path) -> None:
    path.write_text("\n".join(path.read_text().split("\n")[:4]) + "\n")


def grow(path: Path) -> None:
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[1] + "\n")


CHANGES = {
    prepend: "has changed: it had",
    replace: "has changed: same size, other content",
    cut: "has changed: it had",
    grow: "has changed: it had",
    Path.unlink: "is gone",
}


def run_and_change(
    start: Start,
    path: Path,
    sandbox: Any,
    out: Path,
    change: Callable[[Path], object],
    env: Any,
    *more: str,
) -> tuple[int, str]:
    """A run of the input, changed after the first rows; how it ended."""
    words = ["--api-url", sandbox.url, "--rate", "16/s", "--out", str(out), *more]
    process = start("run", str(path), *words, env=env)
    wait_until(lambda: sandbox.get("stats")["patches"] > 1)
    change(path)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.mark.parametrize("change", CHANGES)
def test_failed_rows_of_a_changed_input_are_told_by_their_lines(
    change: Callable[[Path], object],
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    start_sandbox: Callable[..., Any],
    credentials: dict[str, str],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Taken from what is there now, other rows would be sent again with these rows' reasons."""
    sandbox = start_sandbox("--fault", "status=400,rate=0.5")
    path, out = make_rows(20), tmp_path / "r"
    code, told = run_and_change(start_batchpatch, path, sandbox, out, change, credentials)
    assert code == 3, told
    assert f"rows.csv {CHANGES[change]}" in told
    assert str(out / "failed-rows.jsonl") in told
    assert not (out / "failed.csv").exists()
    failed = [line for line in results(out) if line["outcome"] == "rejected"]
    lines = [json.loads(line) for line in (out / "failed-rows.jsonl").read_text().splitlines()]
    assert sorted(lines, key=lambda line: int(line["row"])) == failed
    assert failed
    assert all(line["conversation_id"] and line["line"] == line["row"] + 1 for line in failed)


def test_an_input_that_grew_is_no_success(
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """All rows that were read made it, and nobody knows whether those are all there are."""
    path, out = make_rows(16), tmp_path / "r"
    code, told = run_and_change(start_batchpatch, path, sandbox, out, grow, credentials)
    assert code == 3, told
    assert "While the run went on" in told
    assert "To go on with this run" not in told
    assert not (out / "failed-rows.jsonl").exists()


def test_the_rest_of_a_canary_whose_input_grew_can_be_sent(
    start_batchpatch: Start,
    batchpatch: Callable[..., subprocess.CompletedProcess[str]],
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """It has reached its limit, whatever else has happened: to go on is to send the rest."""
    path, out = make_rows(20), tmp_path / "r"
    more = ("--limit", "12", "--window", "1")
    code, told = run_and_change(start_batchpatch, path, sandbox, out, grow, credentials, *more)
    assert (code, "has changed: it had" in told) == (3, True), told
    done = batchpatch("resume", "r", "--appended", "--json", env=credentials)
    assert json.loads(done.stdout)["outcomes"] == {"updated": 21}, done.stderr


@pytest.mark.parametrize("change", [Path.touch, Path.unlink])
def test_what_is_not_needed_any_more_may_go(
    change: Callable[[Path], object],
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Another time on the same content is no change; an input that was read whole may be gone."""
    path, out = make_rows(16), tmp_path / "r"
    code, told = run_and_change(start_batchpatch, path, sandbox, out, change, credentials)
    assert code == 0, told


def test_what_was_kept_of_failed_rows_before_an_input_changed_stays(
    start_batchpatch: Start,
    batchpatch: Callable[..., subprocess.CompletedProcess[str]],
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Their values are nowhere else now; those that have made it since are not among them."""
    path, out = make_rows(30), tmp_path / "r"
    bad = [str(uuid.UUID(int=2 * who + 2)) for who in range(3)]
    sandbox.set_faults(*(f"status=400,rate=1,times=always,participant={one}" for one in bad))
    words = ["--api-url", sandbox.url, "--limit", "6", "--out", str(out), "--window", "1"]
    batchpatch("run", str(path), *words, env=credentials)
    assert (out / "failed.csv").read_text().count("result-") == 3
    sandbox.set_faults(*(f"status=400,rate=1,times=always,participant={one}" for one in bad[1:]))
    process = start_batchpatch("resume", "r", "--retry", "all", "--rate", "8/s", env=credentials)
    wait_for_lines(out / "results.jsonl", 8)
    replace(path)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 3, told
    failed = (out / "failed.csv").read_text()
    assert [f"result-{n}" in failed for n in range(4)] == [False, True, True, False]
    sandbox.set_faults()
    done = batchpatch("run", "r/failed.csv", "--api-url", sandbox.url, env=credentials)
    assert done.returncode == 0, done.stderr
    state = sandbox.state()
    assert [state[one]["result"] for one in bad] == [f"result-{n}" for n in range(3)]
