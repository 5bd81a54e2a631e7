"""One run over HTTP: a sandbox in a process of its own, a run in another, and what both say."""

from __future__ import annotations

import json
import math
import subprocess
import urllib.request
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, NamedTuple

from contestants import batchpatch, environment, pinned
from inputs import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

ALLOWED = 300


class Case(NamedTuple):
    """What is to be tried."""

    name: str
    rows: int
    window_s: float
    model: str = "grid"
    rounding: str = "nearest"
    foreign_per_s: float = 0.0
    sandbox: tuple[str, ...] = ()
    """More options of the sandbox."""
    run: tuple[str, ...] = ()
    """Options of the run."""

    def named(self, kind: str) -> Case:
        """The same for another purpose."""
        return self._replace(name=f"{kind} {self.name}")

    def sandbox_options(self) -> list[str]:
        """All of the sandbox's."""
        return [
            *("--allowed", str(ALLOWED), "--rate-window-s", str(self.window_s)),
            *("--window-model", self.model, "--reset-rounding", self.rounding),
            *("--foreign", str(self.foreign_per_s), *self.sandbox),
        ]


class Arrived(NamedTuple):
    """A request of ours, as the sandbox has seen it."""

    at_s: float
    """Since the first."""
    status: int


class Done(NamedTuple):
    """What came of a case."""

    case: Case
    summary: dict[str, Any]
    """The run's own."""
    stats: dict[str, Any]
    """The sandbox's."""
    arrived: list[Arrived]

    @property
    def took_s(self) -> float:
        """From the run's beginning to its end, without the interpreter's start."""
        return float(self.summary["elapsed_s"])

    @property
    def refused(self) -> int:
        """Requests of ours that the sandbox's limit has refused."""
        return int(self.stats["throttled"])

    @property
    def unlike(self) -> int:
        """Rows not updated, and what summary and sandbox count differently."""
        summary, stats = self.summary, self.stats
        return sum(
            abs(mine - theirs)
            for mine, theirs in (
                (summary["outcomes"].get("updated", 0), self.case.rows),
                (stats["patches_applied"], self.case.rows),
                (summary["requests"], stats["requests"]),
                (summary["throttled"], stats["throttled"]),
                (summary["tokens_minted"], stats["tokens_minted"]),
            )
        )

    @property
    def admitted_s(self) -> list[float]:
        """When ours were admitted."""
        return [at_s for at_s, status in self.arrived if status != 429]

    def words(self) -> str:
        """What is told of it while others still go on."""
        named = ("elapsed_s", "requests", "throttled", "tokens_minted", "allowance_used")
        told = {name: self.summary[name] for name in named}
        told |= {name: self.stats[name] for name in ("foreign_admitted", "foreign_throttled")}
        return f"{json.dumps(told)}, by window {self.counts()}"

    def most_refused_in_a_window(self) -> int:
        """Of ours, in any window's length, wherever it begins."""
        times_s = [at_s for at_s, status in self.arrived if status == 429]
        length_s = self.case.window_s
        return max((sum(0 <= t - at < length_s for t in times_s) for at in times_s), default=0)

    def window_starts(self) -> list[float]:
        """When each window began that a request of ours has reached, by the sandbox's rules."""
        starts = [0.0]
        per_s = self.case.foreign_per_s
        for at_s, _ in self.arrived:
            while at_s >= (end_s := starts[-1] + self.case.window_s):
                if self.case.model == "first-call":
                    theirs_s = math.ceil(end_s * per_s) / per_s if per_s else math.inf
                    end_s = min(at_s, theirs_s)
                starts.append(end_s)
        return starts

    def counts(self) -> list[int]:
        """Requests of ours that were admitted in each of these windows."""
        edges = [*self.window_starts(), math.inf]
        return [
            sum(begin_s <= at_s < end_s for at_s in self.admitted_s)
            for begin_s, end_s in pairwise(edges)
        ]


@contextmanager
def sandbox(*options: str, core: int | None = None) -> Iterator[str]:
    """A fresh sandbox, until the block ends; gives its URL."""
    command = batchpatch("sandbox", "--port", "0", "--until-stdin-closes", *options)
    process = subprocess.Popen(
        pinned(command, core),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the sandbox does not start with {options}")
        yield url
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def ask(url: str, what: str) -> bytes:
    """What the sandbox says about itself."""
    with urllib.request.urlopen(f"{url}/sandbox/{what}", timeout=60) as reply:  # noqa: S310
        return bytes(reply.read())


def arguments(case: Case, url: str, folder: Path) -> list[str]:
    """The run's command, with its input written."""
    rows = write_csv(folder / "rows.csv", case.rows)
    where = ("--api-url", url, "--json", "--quiet", "--out", folder / "out")
    return batchpatch("run", rows, *where, *case.run)


def play(case: Case, folder: Path) -> Done:
    """Run a case to its end.

    Raises:
        RuntimeError: it does not end, or in another way than with every row updated.
    """
    own = Path(mkdtemp(dir=folder))
    with sandbox(*case.sandbox_options()) as url:
        command = arguments(case, url, own)
        try:
            ended = subprocess.run(
                command,
                cwd=own,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=10 * case.window_s + 60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{case.name} hangs: {ask(url, 'stats').decode()}") from None
        if ended.returncode != 0:
            words = ended.stderr.decode("utf-8", "replace")
            raise RuntimeError(f"{case.name} ended with {ended.returncode}: {words}")
        return Done(
            case, json.loads(ended.stdout), json.loads(ask(url, "stats")), _read_writes(url)
        )


def _read_writes(url: str) -> list[Arrived]:
    writes = [json.loads(line) for line in ask(url, "writes").splitlines()]
    first_s = writes[0]["started_s"]
    return [Arrived(write["started_s"] - first_s, write["status"]) for write in writes]
