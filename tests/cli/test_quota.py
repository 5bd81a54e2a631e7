"""The platform's allowance as a user meets it: bursts, tokens, shares, and what is said of them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
LIMITED = ["--sandbox", "--allowed", "50", "--rate-window-s", "10"]
BRIEFLY = ["--sandbox", "--allowed", "50", "--rate-window-s", "5"]
"""For runs that wait for the next window."""


def test_a_file_of_one_window_is_one_burst(batchpatch: Run, make_rows: Callable[..., Path]) -> None:
    """Fifty rows at fifty a window: nothing is waited for, and all of it is used."""
    done = batchpatch("run", str(make_rows(50)), *LIMITED, "--json")
    summary = json.loads(done.stdout)
    assert (summary["outcomes"], summary["throttled"]) == ({"updated": 50}, 0)
    assert summary["elapsed_s"] < 5
    assert summary["allowance_used"] == 1.0


@pytest.mark.parametrize("tokens", [1, 2])
def test_windows_are_followed_and_tokens_add_up(
    tokens: int, batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """A hundred rows take two windows of one token, or one of two; none is refused."""
    done = batchpatch(
        "run", str(make_rows(100)), *LIMITED, "--tokens", str(tokens), "--json"
    )  # fmt: skip
    summary = json.loads(done.stdout)
    assert (summary["outcomes"], summary["throttled"]) == ({"updated": 100}, 0)
    assert summary["tokens_minted"] == tokens
    assert (summary["elapsed_s"] > 9) == (tokens == 1)


def test_a_share_leaves_the_rest(batchpatch: Run, make_rows: Callable[..., Path]) -> None:
    """With half of fifty, the twenty-sixth row is in the next window."""
    done = batchpatch("run", str(make_rows(26)), *BRIEFLY, "--share", "0.5", "--json")
    summary = json.loads(done.stdout)
    assert summary["outcomes"] == {"updated": 26}
    assert summary["elapsed_s"] > 4
    assert summary["allowance_used"] == 0.26


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--share", "0"], "--share 0"),
        (["--share", "1.5"], "--share 1.5"),
        (["--tokens", "0"], "--tokens 0"),
        (["--tokens", "51"], "from 1 to 50"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    words: list[str], said: str, batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """Exit code 2, before anything is sent."""
    done = batchpatch("run", str(make_rows(1)), "--sandbox", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_one_token_is_not_several(
    batchpatch: Run, sandbox: Any, make_rows: Callable[..., Path]
) -> None:
    """A ready access token cannot be minted again."""
    words = ["--api-url", sandbox.url, "--tokens", "2"]
    done = batchpatch(
        "run", str(make_rows(1)), *words, env={"GENESYSCLOUD_ACCESS_TOKEN": "kept-to-itself"}
    )
    assert done.returncode == 2
    assert "client id and secret" in done.stderr
    assert "kept-to-itself" not in done.stderr


def test_four_processes_on_one_token_follow_one_window(
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    start_sandbox: Callable[..., Any],
    make_rows: Callable[..., Path],
) -> None:
    """Each has 32 in flight: none of them would see the window's end coming by its own count.

    Up to 40 would be refused. Where the machine is busy, they may not meet at all.
    """
    late = ("--fault", "kind=latency,ms=200")
    sandbox = start_sandbox("--allowed", "300", "--rate-window-s", "5", *late)
    rows, environment = str(make_rows(85)), {"GENESYSCLOUD_ACCESS_TOKEN": sandbox.mint()}
    processes = [
        start_batchpatch("run", rows, "--api-url", sandbox.url, "--out", f"r{n}", env=environment)
        for n in range(4)
    ]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    stats = sandbox.get("stats")
    assert stats["patches_applied"] == 4 * 85
    assert stats["throttled"] <= 10


def test_check_says_how_long_and_what_more_tokens_would_do(
    batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """The price of a run, before anything is sent."""
    done = batchpatch("check", str(make_rows(1501)))
    assert "1,501 requests at 300/min on 1 token: 5 min" in done.stdout
    assert "with --tokens 10: " in done.stdout
    done = batchpatch("check", "rows.csv", "--tokens", "5", "--json")
    report = json.loads(done.stdout)
    assert (report["tokens"], report["faster"]["tokens"]) == (5, 10)
    assert 60 <= report["duration_s"] < 70


def test_a_run_that_is_stopped_says_what_is_left(
    start_batchpatch: Callable[..., subprocess.Popen[str]], make_rows: Callable[..., Path]
) -> None:
    """How many requests, at the allowance that the platform has named, and how to go on."""
    process = start_batchpatch("run", str(make_rows(500)), *LIMITED, "--out", "r")
    deadline = time.monotonic() + 20
    results = make_rows(500).parent / "r" / "results.jsonl"
    while not results.exists() or results.read_bytes().count(b"\n") < 50:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Left: about 4" in said
    assert "on 1 token" in said
    assert "batchpatch resume r" in said


def test_the_organisations_limit_is_read_for_a_long_run(
    batchpatch: Run, start_sandbox: Callable[..., Any], credentials: dict[str, str], tmp_path: Path
) -> None:
    """One request of thousands; a short run does without it, because it could cost a window."""
    sandbox = start_sandbox("--allowed", "100000")
    line = "3f2504e0-4f89-41d3-9a0c-0305e82c3301,16fd2706-8baf-433b-82eb-{:012x},{}\n"
    for name, width in (("short.csv", 1), ("long.csv", 1000)):
        rows = "".join(line.format(number, "x" * width) for number in range(2100))
        (tmp_path / name).write_text("conversationId,participantId,attr.a\n" + rows)
        done = batchpatch("run", name, "--api-url", sandbox.url, env=credentials)
        assert done.returncode == 0, done.stderr
        assert sandbox.get("stats")["by_resource"]["limits"] == (name == "long.csv")
