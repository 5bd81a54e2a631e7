"""One row at a time at the end of a pipe: each has its result as soon as it is settled."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import forked
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Results = Callable[[Path], list[dict[str, Any]]]
WORDS = ("run", "-", "--results", "-", "--out", "r")


def row_of(number: int, who: int | None = None, **more: Any) -> dict[str, Any]:
    """A row of a participant of its own, unless it is said whose it is; its id is its number."""
    who = number if who is None else who
    ids = {
        "conversationId": str(uuid.UUID(int=2 * who + 1)),
        "participantId": str(uuid.UUID(int=2 * who + 2)),
    }
    return {**ids, "attributes": {"n": str(number)}, "id": f"row {number}", **more}


def as_lines(rows: list[dict[str, Any]]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


class Stream:
    """The program at work on a pipe that stays open."""

    def __init__(self, words: tuple[str, ...], **more: Any) -> None:
        pipe = subprocess.PIPE
        self.writing: threading.Thread | None = None
        self.process = process = forked.popen(
            words, text=True, stdin=pipe, stdout=pipe, stderr=pipe, **more
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdin, self.stdout, self.stderr = process.stdin, process.stdout, process.stderr

    def close(self) -> None:
        """Leave nothing of it."""
        self.process.kill()
        self.process.wait()
        if self.writing is not None:
            self.writing.join()
        for pipe in (self.stdin, self.stdout, self.stderr):
            with suppress(OSError):
                pipe.close()

    def put(self, *rows: dict[str, Any]) -> None:
        """Write rows, at once."""
        self.stdin.write(as_lines(list(rows)))
        self.stdin.flush()

    def put_beside(self, rows: list[dict[str, Any]]) -> threading.Thread:
        """Write rows as fast as they are taken, then end the input."""

        def write() -> None:
            with suppress(OSError):
                self.put(*rows)
                self.stdin.close()

        self.writing = threading.Thread(target=write, daemon=True)
        self.writing.start()
        return self.writing

    def get(self, count: int = 1) -> list[dict[str, Any]]:
        """So many results; waits for them."""
        return [json.loads(self.stdout.readline()) for _ in range(count)]

    def end(self) -> tuple[list[dict[str, Any]], str]:
        """End the input, if it has not; gives what was written then to stdout and stderr."""
        if self.writing is None:
            with suppress(OSError):
                self.stdin.close()
        lines = list(map(json.loads, self.stdout))
        self.process.wait(timeout=30)
        return lines, self.stderr.read()

    def said(self, words: str) -> None:
        """Returns once this was said on stderr."""
        assert any(words in line for line in self.stderr), f"it never said {words!r}"


Open = Callable[..., Stream]


@pytest.fixture
def stream(
    environment: dict[str, str], credentials: dict[str, str], tmp_path: Path
) -> Iterator[Open]:
    """Opens streams; what still runs in the end is killed."""
    opened: list[Stream] = []

    def start(url: str, *words: str, through: tuple[str, ...] = ()) -> Stream:
        command = (*through, sys.executable, "-m", "batchpatch", *WORDS, "--api-url", url, *words)
        opened.append(Stream(command, env=environment | credentials, cwd=tmp_path))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def numbers(lines: list[dict[str, Any]]) -> list[int]:
    """Of their rows."""
    return [int(line["row"]) for line in lines]


def in_file(tmp_path: Path) -> list[dict[str, Any]]:
    """The lines of the run, in their order."""
    text = (tmp_path / "r" / "results.jsonl").read_text(encoding="utf-8")
    return list(map(json.loads, text.splitlines()))


def test_a_result_is_there_before_the_next_row_is_written(
    stream: Open, sandbox: Any, tmp_path: Path
) -> None:
    """Whoever feeds the pipe waits for it: nothing may be held back until more comes, and what is
    told must be what is kept."""
    run = stream(sandbox.url)
    told = []
    for number in (1, 2, 3):
        run.put(row_of(number))
        told += run.get()
        assert told[-1]["id"] == f"row {number}"
        assert sandbox.state()[row_of(number)["participantId"]] == {"n": str(number)}
    rest, _ = run.end()
    assert (rest, run.process.returncode) == ([], 0)
    assert told == in_file(tmp_path)


def test_a_csv_is_a_stream_as_well(stream: Open, sandbox: Any) -> None:
    """Its header alone has no result, and its first row has one before there is a second."""
    run = stream(sandbox.url, "--id", "order")
    run.stdin.write("conversationId,participantId,attr.n,order\n")
    row = row_of(1)
    run.stdin.write(f"{row['conversationId']},{row['participantId']},1,A-17\n")
    run.stdin.flush()
    (result,) = run.get()
    assert (result["id"], result["outcome"]) == ("A-17", "updated")
    run.end()
    assert run.process.returncode == 0


def test_rows_that_are_wrong_have_their_results_and_refuse_nobody(
    stream: Open, sandbox: Any, tmp_path: Path
) -> None:
    """A file of a thousand invalid rows is the wrong file; of a stream, somebody waits for each."""
    run = stream(sandbox.url)
    wrong = [row_of(number, participantId="nobody") for number in range(1, 1201)]
    run.put_beside([*wrong, row_of(1201)])
    lines, _ = run.end()
    assert run.process.returncode == 1
    assert sorted(numbers(lines)) == list(range(1, 1202))
    assert {line["outcome"] for line in lines if line["row"] < 1201} == {"invalid"}
    assert lines == in_file(tmp_path)


def test_a_header_without_ids_is_still_refused(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """No row below it could ever be sent, and nobody would learn why."""
    words = (*WORDS, "--api-url", sandbox.url)
    done = batchpatch(*words, stdin="name,tier\nA,gold\n", env=credentials)
    assert (done.returncode, done.stdout) == (2, "")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_stream_without_rows_has_ended(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], text: str
) -> None:
    """Nothing has happened while somebody listened: that is no mistake, as an empty file is."""
    words = (*WORDS, "--api-url", sandbox.url, "--format", "jsonl")
    done = batchpatch(*words, stdin=text, env=credentials)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (["--json"], "both write to stdout"),
        (["--dry-run"], "--dry-run sends nothing"),
        (["--results", "results.jsonl"], "results.jsonl, in the directory of the run"),
    ],
)
def test_what_does_not_go_with_it_is_refused(
    batchpatch: Run, words: list[str], because: str
) -> None:
    """Two writers on one stdout would be readable to nobody."""
    done = batchpatch(*WORDS, *words, stdin=as_lines([row_of(1)]))
    assert done.returncode == 2
    assert because in done.stderr


def test_a_closed_stdout_is_refused_before_anything_is_sent(stream: Open, sandbox: Any) -> None:
    """Its number would go to another file, and the results with it."""
    run = stream(sandbox.url, through=("bash", "-c", 'exec "$@" >&-', "-"))
    _, said = run.end()
    assert run.process.returncode == 2
    assert "writes to standard output, which is closed" in said
    assert sandbox.state() == {}


@pytest.mark.parametrize("more", [0, 50])
def test_a_reader_that_has_gone_stops_the_run(
    batchpatch: Run,
    stream: Open,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    more: int,
) -> None:
    """Nobody is told any more, be it that rows come or not; what was read in is not lost."""
    run = stream(sandbox.url)
    run.put(row_of(1))
    run.get()
    run.stdout.close()
    run.put(*map(row_of, range(2, 2 + more)))
    assert run.process.wait(timeout=30) == 3
    said = run.stderr.read()
    assert "Nobody reads the results any more" in said
    assert "Traceback" not in said
    assert "batchpatch resume r" in said
    settled = len(in_file(tmp_path))
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert (summary["exit_code"], sum(summary["outcomes"].values())) == (3, settled)
    with suppress(BrokenPipeError):
        run.stdin.close()
    done = batchpatch("resume", "r", "--results", "-", env=credentials)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(numbers(told) + list(range(1, settled + 1))) == list(range(1, 2 + more))
    assert len(sandbox.state()) == 1 + more


def test_sigterm_settles_what_is_in_flight_and_tells_it(
    stream: Open, sandbox: Any, tmp_path: Path
) -> None:
    """The rows that have left have results, and their lines come out before the end."""
    run = stream(sandbox.url)
    run.put(row_of(1))
    told = run.get()
    sandbox.set_faults("kind=latency,ms=1000")
    run.put(*map(row_of, range(2, 12)))
    while sandbox.get("stats")["requests"] < 5:
        pass
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(timeout=30) == 130
    rest, said = run.end()
    assert "batchpatch resume r" in said
    assert len(rest) >= 1
    assert told + rest == in_file(tmp_path)


def test_a_slow_reader_slows_the_writer_down_and_loses_nothing(
    stream: Open, sandbox: Any, tmp_path: Path
) -> None:
    """Rows that are taken in have results that must be kept until they are read: so no more are
    taken in, as at any pipe."""
    count = 10_000
    run = stream(sandbox.url, "--window", "100", "--log-every", "0.1s")
    writing = run.put_beside(list(map(row_of, range(1, count + 1))))
    run.said("whoever is to read the results")
    assert writing.is_alive()
    assert len(in_file(tmp_path)) < count / 2
    reader = threading.Thread(target=run.stderr.read, daemon=True)
    reader.start()
    told = list(map(json.loads, run.stdout))
    assert run.process.wait(timeout=30) == 0
    assert told == in_file(tmp_path)
    assert sorted(numbers(told)) == list(range(1, count + 1))


def test_a_reader_that_never_reads_does_not_hold_the_end(
    stream: Open, sandbox: Any, tmp_path: Path
) -> None:
    """All rows are settled and recorded; only telling is left, and that has a bound."""
    count = 2000
    run = stream(sandbox.url, "--grace", "0.3s")
    run.put_beside(list(map(row_of, range(1, count + 1))))
    assert run.process.wait(timeout=30) == 3
    assert "results were not read: all are in r/results.jsonl" in run.stderr.read()
    assert sorted(numbers(in_file(tmp_path))) == list(range(1, count + 1))


def test_a_reader_that_stalls_in_the_middle_ends_the_run(
    batchpatch: Run, stream: Open, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """No wait is without a bound: the run ends with the command that goes on, and what was read
    in is not sent twice."""
    count = 10_000
    run = stream(sandbox.url, "--window", "100", "--max-outage", "1s", "--grace", "0.3s")
    run.put_beside(list(map(row_of, range(1, count + 1))))
    assert run.process.wait(timeout=60) == 3
    said = run.stderr.read()
    assert "Nobody has read the results for 1 s (--max-outage)" in said
    assert "batchpatch resume r" in said
    settled = len(in_file(tmp_path))
    assert 0 < settled < count
    done = batchpatch("resume", "r", "--results", "-", env=credentials)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == count - settled
    assert len(sandbox.state()) == count


def test_urgent_rows_go_first_and_break_no_order(start_sandbox: Any, stream: Open) -> None:
    """Of a burst that takes many windows of the quota, what cannot wait leaves with the next one,
    and what its participant was to have before goes with it."""
    sandbox = start_sandbox("--allowed", "40", "--rate-window-s", "3")
    run = stream(sandbox.url)
    burst = [row_of(number) for number in range(1, 119)]
    run.put(*burst)
    first = run.get(5)
    run.put(row_of(119, who=115, priority="high"), row_of(120, priority="high"))
    lines, _ = run.end()
    order = numbers([*first, *lines])
    assert run.process.returncode == 0
    assert sorted(order) == list(range(1, 121))
    assert order.index(115) < order.index(119) < 100
    assert order.index(120) < 100
    assert sandbox.state()[row_of(115)["participantId"]] == {"n": "119"}


def test_a_row_that_is_too_late_is_not_sent(start_sandbox: Any, stream: Open) -> None:
    """A routing decision has been taken by then: the request would be wasted."""
    sandbox = start_sandbox("--allowed", "10", "--rate-window-s", "3")
    run = stream(sandbox.url)
    run.put(*[row_of(number) for number in range(1, 16)])
    run.put(*[row_of(number, deadline=0.2) for number in range(16, 21)])
    lines, _ = run.end()
    assert run.process.returncode == 1
    late = [line for line in lines if line["row"] >= 16]
    assert {(line["outcome"], line["code"]) for line in late} == {("rejected", "deadline")}
    assert {line["outcome"] for line in lines if line["row"] < 16} == {"updated"}
    assert len(sandbox.state()) == 15


def test_resume_tells_of_a_run_and_not_of_a_plan(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """The lines of a plan are not results, and it is no surprise for whoever waits for some."""
    (tmp_path / "rows.jsonl").write_text(as_lines(list(map(row_of, range(1, 61)))))
    slowly = ("--api-url", sandbox.url, "--rate", "10/s", "--max-duration", "1s")
    words = ("plan", "rows.jsonl", "--out", "p.jsonl", *slowly)
    assert batchpatch(*words, env=credentials).returncode == 3
    done = batchpatch("resume", "p.jsonl", "--results", "-", env=credentials)
    assert done.returncode == 2
    assert "is a plan" in done.stderr
