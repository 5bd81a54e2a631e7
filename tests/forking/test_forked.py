"""The forks of the tests are what a start of the program is."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import fork_server
import forked
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="forks are for Linux")

ROWS = "conversationId,participantId,attr.näme\nbad,bad,x\n"
WORDS = {
    "version": ("--version",),
    "wrong flag": ("run", "--absent"),
    "help": ("run", "--help-all"),
    "standard input": ("check", "-", "--json"),
    "environment": ("config", "--json"),
    "folder": ("check", "rows.csv"),
    "sandbox": ("run", "rows.csv", "--sandbox", "--out", "r", "--quiet"),
}


def outcome_of(words: tuple[str, ...], **more: Any) -> tuple[int, str, str]:
    """Exit code, and what was said."""
    done = forked.run(words, encoding="utf-8", **more)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_fork_does_what_a_start_does(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the tests would test another program."""
    env = os.environ | {"COLUMNS": "72", "BATCHPATCH_RATE": "7/s", "HOME": str(tmp_path)}
    ended = []
    for cold in ("0", "1"):
        (folder := tmp_path / cold).mkdir()
        (folder / "rows.csv").write_text(ROWS, encoding="utf-8")
        monkeypatch.setenv("COLD_STARTS", cold)
        assert forked.is_forkable({"env": env}) is (cold == "0")
        ended.append(outcome_of(words, stdin_text=ROWS, cwd=folder, env=env))
    assert ended[0] == ended[1]


def test_a_fork_is_a_process_with_signals_of_its_own(tmp_path: Path) -> None:
    """What kills it is its exit code, as of any process, and whoever waits is told at once."""
    words = ("sandbox", "--port", "0")
    with forked.start(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
        assert isinstance(one, forked.Forked)
        assert one.stdout is not None
        one.stdout.readline()
        assert one.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            one.wait(timeout=0.01)
        one.kill()
        assert one.wait(timeout=20) == -signal.SIGKILL
        assert one.poll() == -signal.SIGKILL


@pytest.mark.parametrize(
    "more",
    [
        {"env": os.environ | {"PYTHONPATH": "elsewhere"}},
        {"env": os.environ | {"LC_ALL": "de_DE.ISO-8859-1"}},
        {"pass_fds": (0,)},
        {"preexec_fn": sys.exit},
    ],
)
def test_what_only_a_start_takes_up_is_started(more: dict[str, Any]) -> None:
    """A fork has read its variables of Python's already, and would quietly ignore other ones."""
    assert not forked.is_forkable(more)


def test_a_fork_in_a_hurry_waits_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant that has got another name would cost seconds again, and nobody would see why."""
    for module, name, value_s in fork_server._HURRIES.values():
        target = importlib.import_module(module)
        monkeypatch.setattr(target, name, getattr(target, name))
        assert getattr(target, name) > value_s
    fork_server.hurry(" ".join(fork_server._HURRIES))
    for module, name, value_s in fork_server._HURRIES.values():
        assert getattr(sys.modules[module], name) == value_s
