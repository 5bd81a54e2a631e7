"""Runs what is measured, each in a process of its own, and reads the kernel's account of it.

User and system time and the peak of memory come from `os.wait4`, so they are those of the whole
process: interpreter, imports and all. Everything that is measured is pinned to one core and the
server to another, so that they do not take turns.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = TypeVar("Result")

HERE = Path(__file__).parent
_CHECKOUT = HERE.parents[1]
_SHOWN_BYTES = 4096
_KILOBYTE = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


class Spent(NamedTuple):
    """What a process cost."""

    cpu_s: float
    """User and system."""
    wall_s: float
    peak_bytes: int
    output: str
    """The end of what it printed."""


def client_core() -> int | None:
    """The core for what is measured; None where there is no choice."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0] if len(cores) > 1 else None


def server_core() -> int | None:
    """Another core."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[1] if len(cores) > 1 else None


def pinned(command: Sequence[str | Path], core: int | None) -> list[str]:
    """The command, kept to one core."""
    words = [str(word) for word in command]
    return words if core is None else ["taskset", "-c", str(core), *words]


def python(script: str, *arguments: str | Path) -> list[str]:
    """The command for one of the scripts beside this module."""
    return [sys.executable, str(HERE / script), *map(str, arguments)]


def batchpatch(*arguments: str | Path) -> list[str]:
    """The real command line."""
    return [sys.executable, "-m", "batchpatch", *map(str, arguments)]


def environment() -> dict[str, str]:
    """This checkout's code, credentials for any server here, and nobody's proxy or certificates."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_PROXY", "_CA_BUNDLE"))
        and not name.startswith(("PYTHON", "GENESYS", "GC_"))
    }
    return kept | {
        "PYTHONPATH": str(_CHECKOUT),
        "GENESYSCLOUD_OAUTHCLIENT_ID": "benchmark",
        "GENESYSCLOUD_OAUTHCLIENT_SECRET": "benchmark",
    }


def spend(command: Sequence[str], *, folder: Path, exit_code: int = 0) -> Spent:
    """Run a command to its end.

    Raises:
        RuntimeError: it ended in another way than expected, so what it cost means nothing.
    """
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        began_s = time.monotonic()
        child = subprocess.Popen(
            pinned(command, client_core()),
            stdout=stdout,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=environment(),
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - began_s
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != exit_code:
        raise RuntimeError(
            f"{command} ended with {child.returncode}, not {exit_code}:\n{_end_of(err)}"
        )
    return Spent(
        usage.ru_utime + usage.ru_stime,
        wall_s,
        usage.ru_maxrss * _KILOBYTE,
        _end_of(out),
    )


def _end_of(path: Path) -> str:
    # Not the whole: this process has to stay smaller than those it measures.
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _SHOWN_BYTES))
        return file.read().decode("utf-8", "replace")


def own_peak_bytes() -> int:
    """The peak of this process itself."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTE


def interleaved(rounds: int, *contestants: Callable[[], Result]) -> list[list[Result]]:
    """A B A B A B: each one's results in order, so that a slow moment of the machine hits all."""
    results: list[list[Result]] = [[] for _ in contestants]
    for _ in range(rounds):
        for mine, contestant in zip(results, contestants, strict=True):
            mine.append(contestant())
    return results
