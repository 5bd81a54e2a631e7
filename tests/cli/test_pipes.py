"""Standard input that a run does not read to its end: what is whole is sent, the rest is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from other_process import wait_until

pytestmark = pytest.mark.usefixtures("quick_lines")

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Results = Callable[[Path], list[dict[str, Any]]]
CELL_BYTES = 5000
"""A few rows fill what is read at once, so that what is read ends within a cell."""


def value(row: int) -> str:
    """What the row with this number writes."""
    return f"{row}-".ljust(CELL_BYTES, "x")


def row_ids(row: int) -> tuple[str, str]:
    """Conversation and participant."""
    return str(uuid.UUID(int=2 * row)), str(uuid.UUID(int=2 * row + 1))


def as_csv(rows: int) -> str:
    """Rows of participants of their own."""
    lines = [",".join((*row_ids(row), value(row))) for row in range(1, rows + 1)]
    return "\n".join(["conversationId,participantId,attr.a", *lines, ""])


def as_jsonl(rows: int) -> str:
    """The same as JSON lines."""
    fields = [(*row_ids(row), {"a": value(row)}) for row in range(1, rows + 1)]
    names = ("conversationId", "participantId", "attributes")
    return "".join(json.dumps(dict(zip(names, one, strict=True))) + "\n" for one in fields)


def as_pretty_json(rows: int) -> str:
    """The same on several lines each."""
    objects = [json.loads(line) for line in as_jsonl(rows).splitlines()]
    return "".join(json.dumps(one, indent=2) + "\n" for one in objects)


FORMATS = pytest.mark.parametrize("text_of", [as_csv, as_jsonl, as_pretty_json])


def lines_in(path: Path) -> int:
    """How many lines a file has, if it is there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


Piped = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run_piped(start_batchpatch: Start, credentials: dict[str, str]) -> Iterator[Piped]:
    """Starts `run -`, and writes to its pipe as fast as that is read; `close` ends it then."""
    pipes: list[int] = []

    def run(*words: str, text: str, close: bool = True, **more: Any) -> subprocess.Popen[str]:
        reading, writing = os.pipe()
        process = start_batchpatch("run", "-", *words, env=credentials, stdin=reading, **more)
        os.close(reading)
        if not close:
            pipes.append(os.dup(writing))

        def write() -> None:
            with suppress(OSError), os.fdopen(writing, "w", encoding="utf-8") as file:
                file.write(text)

        threading.Thread(target=write, daemon=True).start()
        return process

    yield run
    for descriptor in pipes:
        os.close(descriptor)


def stored(sandbox: Any) -> dict[str, str]:
    """What the platform holds, by participant."""
    return {who: attributes["a"] for who, attributes in sandbox.state().items()}


def wanted(rows: int) -> dict[str, str]:
    """What it is to hold when so many rows were sent."""
    return {row_ids(row)[1]: value(row) for row in range(1, rows + 1)}


@FORMATS
def test_a_canary_from_a_pipe_is_resumed_to_the_end(
    batchpatch: Run,
    sandbox: Any,
    credentials: dict[str, str],
    text_of: Callable[[int], str],
    tmp_path: Path,
) -> None:
    """The rest is in nobody's hands but ours: it is copied, and `resume` sends all of it."""
    words = ("--api-url", sandbox.url, "--limit", "20", "--out", "r")
    first = batchpatch("run", "-", *words, stdin=text_of(140), env=credentials)
    assert "left before its end" not in first.stderr
    assert stored(sandbox) == wanted(20)
    in_all = json.loads(batchpatch("status", "r", "--json").stdout)["rows_expected"]
    assert in_all == pytest.approx(140, rel=0.1)  # JSON is judged by its first rows
    assert (tmp_path / "r" / "input").read_text(encoding="utf-8") == text_of(140)
    done = batchpatch("resume", "r", env=credentials)
    assert done.returncode == 0, done.stderr
    assert "not read to its end" not in done.stderr
    assert stored(sandbox) == wanted(140)


@FORMATS
def test_an_interrupted_pipe_is_copied_to_its_end(
    batchpatch: Run,
    run_piped: Piped,
    sandbox: Any,
    credentials: dict[str, str],
    text_of: Callable[[int], str],
    tmp_path: Path,
) -> None:
    """Ctrl-C ends the sending, and what was piped is not lost by it."""
    words = ("--api-url", sandbox.url, "--rate", "20/s", "--window", "1", "--out", "r")
    process = run_piped(*words, text=text_of(140))
    wait_until(lambda: lines_in(tmp_path / "r" / "results.jsonl") >= 3, within_s=30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    done = batchpatch("resume", "r", "--rate", "none", env=credentials)
    assert done.returncode == 0, done.stderr
    assert stored(sandbox) == wanted(140)


@FORMATS
def test_a_pipe_that_is_left_has_no_half_row(
    batchpatch: Run,
    run_piped: Piped,
    sandbox: Any,
    credentials: dict[str, str],
    text_of: Callable[[int], str],
    tmp_path: Path,
) -> None:
    """The second Ctrl-C leaves it; half a cell is not sent, and the row to go on from is named."""
    words = ("--api-url", sandbox.url, "--grace", "60s", "--out", "r")
    process = run_piped(*words, text=text_of(30)[:-100], close=False)
    wait_until(lambda: lines_in(tmp_path / "r" / "results.jsonl") >= 5, within_s=30)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("copying what is left of standard input" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Standard input was left before its end" in said
    done = batchpatch("resume", "r", "--json", env=credentials)
    assert done.returncode == 3
    summary = json.loads(done.stdout)
    assert "from its row 30 on" in summary["stopped_because"]
    assert (summary["outcomes"], summary["input_exhausted"]) == ({"updated": 29}, False)
    assert (summary["failed"], summary["resume"]) == ([], None)
    assert stored(sandbox) == wanted(29)


def test_a_canary_that_loses_the_rest_of_its_pipe_says_both_in_words(
    run_piped: Piped, sandbox: Any
) -> None:
    """It is no success for a script; the word that stands for the limit alone is no sentence."""
    words = ("--api-url", sandbox.url, "--limit", "2", "--grace", "1s", "--out", "r")
    process = run_piped(*words, text=as_csv(4), close=False)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "Stopped: --limit is reached. Standard input was left before its end" in said
    assert stored(sandbox) == wanted(2)


@FORMATS
def test_a_killed_pipe_has_no_half_row(
    batchpatch: Run,
    run_piped: Piped,
    sandbox: Any,
    credentials: dict[str, str],
    text_of: Callable[[int], str],
    results: Results,
    tmp_path: Path,
) -> None:
    """No handler runs, and the copy ends where the last read ended: within a cell. That row is
    neither sent nor invalid, and it is not among the failed ones."""
    words = ("--api-url", sandbox.url, "--rate", "20/s", "--window", "1", "--out", "r")
    process = run_piped(*words, text=text_of(140))
    wait_until(lambda: lines_in(tmp_path / "r" / "results.jsonl") >= 3, within_s=30)
    process.kill()
    process.communicate()
    spool = (tmp_path / "r" / "input").read_text(encoding="utf-8")
    assert not spool.endswith("\n")
    whole = spool.count("\n}\n" if text_of is as_pretty_json else "\n") - (text_of is as_csv)
    sandbox.set_faults("status=400,rate=0.5,times=always")
    done = batchpatch("resume", "r", "--rate", "none", env=credentials)
    assert done.returncode == 3
    assert f"from its row {whole + 1} on" in done.stderr
    lines = results(tmp_path / "r")
    assert [line["row"] for line in lines] == list(range(1, whole + 1))
    assert {line["outcome"] for line in lines} == {"updated", "rejected"}
    failed = next((tmp_path / "r").glob("failed.*")).read_text(encoding="utf-8")
    assert value(whole) in spool
    assert f"{whole + 1}-x" not in failed
    assert stored(sandbox).items() <= wanted(whole).items()


def test_a_pipe_that_was_read_to_its_end_is_known_as_whole_at_once(
    batchpatch: Run,
    run_piped: Piped,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The input is read in a second and sent for hours: killed then, nothing of it is missing,
    not even a last row without a line end."""
    words = ("--api-url", sandbox.url, "--rate", "20/s", "--out", "r")
    process = run_piped(*words, text=as_csv(140)[:-1])
    wait_until(lambda: lines_in(tmp_path / "r" / "results.jsonl") >= 3, within_s=30)
    process.kill()
    process.communicate()
    done = batchpatch("resume", "r", "--rate", "none", env=credentials)
    assert done.returncode == 0, done.stderr
    assert stored(sandbox) == wanted(140)


def test_a_disk_that_fills_up_while_the_rest_is_copied_is_a_sentence(
    batchpatch: Run,
    run_piped: Piped,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The report is written all the same, and what was copied is no less whole for it."""
    limited = ["bash", "-c", 'ulimit -f 128; exec "$@"', "-"]
    words = ("--api-url", sandbox.url, "--limit", "3", "--out", "r")
    process = run_piped(*words, text=as_csv(140), through=limited)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "Traceback" not in said
    assert "disk full" in said
    done = batchpatch("resume", "r", env=credentials)
    assert done.returncode == 3
    whole = (tmp_path / "r" / "input").read_bytes().count(b"\n") - 1
    assert f"from its row {whole + 1} on" in done.stderr
    assert stored(sandbox) == wanted(whole)


def test_a_disk_that_fills_up_beside_a_pipe_is_told_once_and_in_sentences(
    run_piped: Piped, sandbox: Any
) -> None:
    """Why the run has stopped is why the rest was not copied: said twice and run together, nobody
    reads what is to be done."""
    limited = ["bash", "-c", 'ulimit -f 128; exec "$@"', "-"]
    process = run_piped("--api-url", sandbox.url, "--out", "r", text=as_csv(140), through=limited)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 3
    (why,) = [line for line in said.splitlines() if line.startswith("Stopped: ")]
    assert "free some space and resume the run. Standard input was left before its end: " in why
    assert why.count("disk full") == 1
