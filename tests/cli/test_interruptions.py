"""Signals at any moment: one line, a resumable run, and the exit code that the report names."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import pytest
from other_process import wait_for_lines, wait_until

from .conftest import PROGRAM

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX"),
    pytest.mark.usefixtures("cold_starts"),
]

SLOW_IMPORT = """
import sys, time, signal, os

class Interrupting:
    "Sends the signal when a module of ours is about to be loaded."
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.{signal})

sys.meta_path.insert(0, Interrupting())
sys.argv = ["batchpatch", *{words!r}]
from batchpatch.cli import main
main()
"""
RUN_MODULE = """
import runpy
runpy.run_module("batchpatch", run_name="__main__", alter_sys=True)
"""
SECOND = """
def second(name, path=None, target=None):
    if name == "batchpatch.cli.output":
        os.kill(os.getpid(), signal.{signal})

Interrupting.second = staticmethod(second)
sys.meta_path.insert"""
MODULES = [
    "batchpatch.cli.signals",
    "batchpatch.cli.app",
    "click",
    "batchpatch.cli.run",
    "batchpatch.cli.options.declare",
    "batchpatch.commands.run",
    "aiohttp",
]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("module", MODULES)
def test_an_interruption_before_the_work_is_one_line(
    module: str, name: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Whoever has mistyped a command stops it within a tenth of a second."""
    if module == MODULES[0] and name != "SIGINT":
        pytest.skip("the program cannot handle yet what would end it without a word anyway")
    words = ["run", "rows.csv", "--sandbox", "--json"]
    script = SLOW_IMPORT.format(module=module, signal=name, words=words)
    done = run_script(script, tmp_path, environment)
    assert done.returncode == 130, done.stderr
    assert done.stderr == f"batchpatch: Interrupted ({name}).\n"
    document = json.loads(done.stdout)
    assert document == {"error": f"Interrupted ({name}).", "exit_code": 130}


def test_an_interruption_of_the_first_import_is_no_traceback(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Nothing can be said in JSON yet; but the exit code is that of any interruption."""
    script = SLOW_IMPORT.format(module="batchpatch.cli", signal="SIGINT", words=["--help"])
    script = script.replace("from batchpatch.cli import main\nmain()", RUN_MODULE)
    done = run_script(script, tmp_path, environment)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "batchpatch: Interrupted (SIGINT).\n"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interruption_of_its_own_words_is_none(
    name: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Whoever holds Ctrl-C down gets the one line all the same."""
    first = SLOW_IMPORT.format(module="batchpatch.cli.app", signal=name, words=["--help"])
    again = first.replace("sys.meta_path.remove(self)", "self.find_spec = self.second")
    again = again.replace("sys.meta_path.insert", SECOND.format(signal=name))
    done = run_script(again, tmp_path, environment)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == f"batchpatch: Interrupted ({name}).\n"


def test_an_interrupted_check_closes_its_document(start_batchpatch: Start) -> None:
    """The list of invalid rows has begun when the signal comes: the document still has an end."""
    reading, writing = os.pipe()
    process = start_batchpatch("check", f"/dev/fd/{reading}", "--json", pass_fds=(reading,))
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        valid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
        pipe.write("conversationId,participantId,attr.a\n" + "bad,bad,x\n" * 5)
        pipe.write(f"{valid},{valid},x\n" * 500)
        pipe.flush()
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.wait(timeout=20) == 130
    document = json.loads(first + rest)
    assert (document["error"], document["exit_code"]) == ("Interrupted (SIGINT).", 130)
    assert 1 <= len(document["invalid_rows"]) <= 5


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_hang_up_stops_in_order(
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
    number: signal.Signals,
) -> None:
    """The window of an ssh session is closed: what is in flight is settled, and can be resumed."""
    words = ("--sandbox", "--rate", "50/s", "--json", "--out", "r")
    process = start_batchpatch("run", str(make_rows(400)), *words)
    wait_for_lines(tmp_path / "r" / "results.jsonl", 20)
    process.send_signal(number)
    out, said = process.communicate(timeout=20)
    assert process.returncode == json.loads(out)["exit_code"] == 130
    assert f"Interrupted ({number.name})" in said
    assert {line["outcome"] for line in results(tmp_path / "r")} == {"updated"}


def test_under_nohup_a_hang_up_means_nothing(
    make_rows: Callable[..., Path], tmp_path: Path, environment: dict[str, str]
) -> None:
    """Whoever starts it so has said so."""
    make_rows(100)
    process = subprocess.Popen(
        ["/usr/bin/env", "nohup", *PROGRAM, "run", "rows.csv", "--sandbox", "--rate", "50/s"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_lines(next_results(tmp_path), 10)
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, "Interrupted" in said) == (0, False), said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_after_the_summary_changes_no_exit_code(
    number: signal.Signals, start_batchpatch: Start, make_rows: Callable[..., Path]
) -> None:
    """The report says 0, and a script that waits for the process must read the same."""
    process = start_batchpatch("run", str(make_rows(3)), "--sandbox", "--json")
    assert process.stderr is not None
    assert process.stdout is not None
    while "Report: " not in process.stderr.readline():
        pass
    process.send_signal(number)
    document = json.loads(process.stdout.read())
    assert process.wait(timeout=20) == document["exit_code"] == 0


SIGNAL_WHEN_IT_IS_OVER = """
import os, signal, sys, threading

really = signal.signal

def followed(number, action):
    before = really(number, action)
    if action is signal.SIG_DFL or getattr(action, "__name__", "") == "_ignore_once":
        if number == signal.{name}:
            os.kill(os.getpid(), number)
    return before

signal.signal = followed  # before the event loop takes it
threading.Thread(target=threading.Event().wait, daemon=True).start()
sys.argv = ["batchpatch", *{words!r}]
from batchpatch.cli import main
main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_no_moment_of_the_end_has_a_signal_kill_it(
    name: str, make_rows: Callable[..., Path], tmp_path: Path, environment: dict[str, str]
) -> None:
    """The signal comes as the loop gives its handlers back, and another thread could take it."""
    words = ["run", str(make_rows(3)), "--sandbox", "--json"]
    script = SIGNAL_WHEN_IT_IS_OVER.format(name=name, words=words)
    done = run_script(script, tmp_path, environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["exit_code"] == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_terminal_that_goes_away_changes_no_exit_code(
    stream: str,
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """summary.json says 0; a window that was closed is nobody's failed row."""
    ours, theirs = os.openpty()
    words = ("--sandbox", "--rate", "20/s", "--json", "--out", "r")
    other = "stderr" if stream == "stdout" else "stdout"
    streams = {stream: theirs, other: subprocess.DEVNULL}
    process = start_batchpatch("run", str(make_rows(20)), *words, **streams)
    os.close(theirs)
    wait_for_lines(tmp_path / "r" / "results.jsonl", 5)
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["exit_code"] == 0


@pytest.mark.parametrize("typed", ["none", "one row"])
def test_a_signal_where_rows_are_typed_waits_for_no_more_of_them(
    typed: str, start_batchpatch: Start, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Whoever types Ctrl-C types no rows after it; a pipe's writer may be about to."""
    ours, theirs = os.openpty()
    words = ("--sandbox", "--grace", "100s", "--out", "r")
    process = start_batchpatch("run", "-", *words, stdin=theirs)
    rows = make_rows(1).read_bytes() if typed != "none" else b""
    os.write(ours, rows)
    wait_for_lines(tmp_path / "r" / ("results.jsonl" if rows else "run.json"), 1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=50)
    assert process.returncode == 130, said
    assert "Standard input was left before its end: `batchpatch resume` sends" in said
    assert (tmp_path / "r" / "input").read_bytes() == rows
    os.close(ours)
    os.close(theirs)


def run_script(
    script: str, tmp_path: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """A Python of its own, to its end."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def next_results(tmp_path: Path) -> Path:
    """The results of the run that is beginning in its own directory."""
    runs = tmp_path / "batchpatch-runs"
    wait_until(lambda: any(runs.glob("*")))
    return next(runs.glob("*")) / "results.jsonl"


SLOW_END = """
import signal, sys, time
from batchpatch.pipeline import {module}
whole = {module}.{name}

def slow(*arguments, **options):
    print("at it", flush=True)
    {body}

{module}.{name} = slow
sys.argv = ["batchpatch", *{words!r}]
from batchpatch.cli import main
main()
"""
SLOW_RECORDS = {
    "module": "failed_files",
    "name": "raw_records",
    "body": "for record in whole(*arguments): yield record; time.sleep(0.1)",
}


def test_a_second_signal_leaves_while_failed_rows_are_written(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    tmp_path: Path,
    environment: dict[str, str],
    sandbox: Any,
    credentials: dict[str, str],
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Of millions of rows it takes minutes, in which Ctrl-C once did nothing at all."""
    sandbox.set_faults("status=400,times=always")
    words = ["run", str(make_rows(300)), "--api-url", sandbox.url, "--out", "r"]
    script = SLOW_END.format(**SLOW_RECORDS, words=words)
    with started(script, tmp_path, environment | credentials) as process:
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        said = read_until(process.stderr, "once more to leave at once")
        sent_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()
        assert process.wait(timeout=20) == 130
    assert time.monotonic() - sent_s < 8  # of thirty seconds
    assert "Left before its end was written" in said
    assert "batchpatch resume r" in said
    assert "Traceback" not in said
    left = {path.name for path in (tmp_path / "r").iterdir()}
    assert not {name for name in left if "failed" in name}, left
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["exit_code"] == 130
    sandbox.set_faults()
    done = batchpatch("resume", "r", env=credentials)
    assert done.returncode == 1, done.stderr
    assert len(results(tmp_path / "r")) == 300
    assert (tmp_path / "r" / "failed.csv").read_text().count("\n") == 301


def test_one_signal_while_failed_rows_are_written_changes_nothing(
    make_rows: Callable[..., Path],
    tmp_path: Path,
    environment: dict[str, str],
    sandbox: Any,
    credentials: dict[str, str],
) -> None:
    """All rows are settled, so the end is written and the exit code is theirs."""
    sandbox.set_faults("status=400,times=always")
    words = ["run", str(make_rows(3)), "--api-url", sandbox.url, "--out", "r"]
    script = SLOW_END.format(**SLOW_RECORDS, words=words)
    with started(script, tmp_path, environment | credentials) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1, said
    assert (tmp_path / "r" / "failed.csv").read_text().count("\n") == 4


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_signal_while_inputs_are_looked_at_leaves_nothing(
    command: str,
    make_rows: Callable[..., Path],
    tmp_path: Path,
    environment: dict[str, str],
    sandbox: Any,
    credentials: dict[str, str],
) -> None:
    """To hash ten gigabytes takes a while, and nothing has begun yet."""
    words = [command, str(make_rows(3)), "--api-url", sandbox.url, "--out", "r"]
    script = SLOW_END.format(
        module="preflight", name="fingerprint", body="time.sleep(60)", words=words
    )
    with started(script, tmp_path, environment | credentials) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "Interrupted while the inputs were looked at: nothing was sent" in said
    assert not list(tmp_path.glob("r*[!v]"))


@contextmanager
def started(
    script: str, tmp_path: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """A Python of its own, that has said that it is at it."""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "at it\n"
            yield process
        finally:
            process.kill()


def read_until(stream: TextIO, words: str) -> str:
    """What it says up to the line with these words."""
    said = ""
    while words not in said:
        line = stream.readline()
        assert line, said
        said += line
    return said
