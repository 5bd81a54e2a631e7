"""A burst of rows, and how long those of high priority wait that come behind it.

    python tests/benchmarks/live_burst.py [--rate-window-s S ...] [--allowed N] [--rows N]
        [--windows N] [--only library|pipe ...]

All rows come at once, to a sandbox that admits so many requests a window; from then on an urgent
row comes twice a second, every other one for a participant that has a row in the burst. Measured
are some windows; what is left of the burst is given up then. In the worst case a row comes when the
window's allowance has just been used, and leaves when the next one begins. Exit code 0 if every
figure is met, 1 if one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
import uuid
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from figure import Figure, at_most, say
from live import CLIENT, ME, at, process

from batchpatch import Patcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Submit = Callable[[dict[str, Any]], Awaitable[str]]
    """Of a row: waits for its outcome."""
    Way = Callable[[str, "Burst"], Awaitable[list[float]]]

URGENT_EVERY_S = 0.5
_BEYOND_S = 1.5
"""The server tells the end of its first window in whole seconds, so that a second is left for that
once; and half a second from the next window's beginning to the result."""


class Burst(NamedTuple):
    """What comes, and for how long it is looked at."""

    rows: int
    allowed: int
    window_s: float
    windows: float

    async def play(self, submit: Submit, settled: Callable[[], int]) -> list[float]:
        """Submit the burst, and urgent rows behind it; gives how long each of those waited."""
        people = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(self.rows)]
        burst = [
            asyncio.ensure_future(submit(_row(number, *who))) for number, who in enumerate(people)
        ]
        waiting = Random(1).sample(people, len(people))  # noqa: S311 - a load that repeats
        while not settled():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        waited_s: list[float] = []
        tasks = []
        for turn in range(round(self.windows * self.window_s / URGENT_EVERY_S)):
            who = waiting.pop() if turn % 2 else (str(uuid.uuid4()), str(uuid.uuid4()))
            row = {**_row(self.rows + turn, *who), "priority": "high"}
            tasks.append(asyncio.create_task(_measure(submit, row, waited_s)))
            await asyncio.sleep(URGENT_EVERY_S)
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()
        left = sum(not one.done() for one in burst)
        say(f"{len(waited_s)} urgent rows; {left:,} of {self.rows:,} others still waited then")
        for one in burst:
            one.cancel()
        return waited_s


def _row(number: int, conversation: str, participant: str) -> dict[str, Any]:
    ids = {"conversationId": conversation, "participantId": participant}
    return {**ids, "attributes": {"n": str(number)}, "id": str(number)}


async def _measure(submit: Submit, row: dict[str, Any], waited_s: list[float]) -> None:
    began_s = time.perf_counter()
    outcome = await submit(row)
    if outcome != "updated":
        raise RuntimeError(f"an urgent row is {outcome}")
    waited_s.append(time.perf_counter() - began_s)


async def library(url: str, burst: Burst) -> list[float]:
    """A `Patcher` with a caller a row."""
    done = 0

    async def submit(row: dict[str, Any]) -> str:
        nonlocal done
        result = await patcher.submit(row)
        done += 1
        return result.outcome.value

    async with Patcher(api_url=url, login_url=url) as patcher:
        return await burst.play(submit, lambda: done)


async def pipe(url: str, burst: Burst) -> list[float]:
    """`run - --results -`."""
    waiting: dict[str, asyncio.Future[str]] = {}
    done = 0
    with TemporaryDirectory() as folder:
        words = ["run", "-", "--results", "-", "--out", str(Path(folder) / "run"), "--quiet"]
        async with process(*ME, *words, *at(url)) as service:
            stdin, stdout = service.stdin, service.stdout
            assert stdin is not None
            assert stdout is not None

            def submit(row: dict[str, Any]) -> asyncio.Future[str]:
                answer = waiting[row["id"]] = asyncio.get_running_loop().create_future()
                stdin.write(json.dumps(row).encode() + b"\n")
                return answer

            async def read() -> None:
                nonlocal done
                async for line in stdout:
                    done += 1
                    result = json.loads(line)
                    if not (answer := waiting.pop(result["id"])).done():
                        answer.set_result(result["outcome"])

            reading = asyncio.create_task(read())
            try:
                return await burst.play(submit, lambda: done)
            finally:
                reading.cancel()


WAYS: dict[str, Way] = {"library": library, "pipe": pipe}


async def measure(name: str, burst: Burst) -> list[Figure]:
    """The figures of one way."""
    limits = ("--allowed", str(burst.allowed), "--rate-window-s", f"{burst.window_s:g}")
    async with process(*ME, "sandbox", "--port", "0", *limits) as sandbox:
        assert sandbox.stdout is not None
        url = (await sandbox.stdout.readline()).decode().strip()
        waited_s = sorted(await WAYS[name](url, burst))
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/sandbox/stats") as answer,
        ):
            stats = await answer.json()
    refused, overlaps = stats["statuses"].get("429", 0), stats["overlaps"]
    what = f"{name}: {burst.rows:,} rows, {burst.allowed} a window of {burst.window_s:g} s"
    longest_s, most_s = waited_s[-1], burst.window_s + _BEYOND_S
    return [
        Figure(
            f"{what}: longest wait of {len(waited_s)} urgent rows",
            f"{longest_s:.1f} s (median {waited_s[len(waited_s) // 2]:.1f} s)",
            f"{most_s:g} s",
            at_most(longest_s, most_s),
        ),
        Figure(f"{what}: requests refused", f"{refused} of {stats['requests']:,}"),
        Figure(f"{what}: overlapping writes", str(overlaps), "0", at_most(overlaps, 0)),
    ]


async def main() -> int:
    """Measure what is asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate-window-s", type=float, nargs="+", default=[10.0], metavar="S")
    parser.add_argument("--allowed", type=int, default=300, help="requests a window")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--windows", type=float, default=3.0, help="to look at")
    parser.add_argument("--only", nargs="*", choices=[*WAYS], default=[*WAYS])
    given = parser.parse_args()
    os.environ.update(CLIENT)
    missed = False
    for window_s in given.rate_window_s:
        for name in given.only:
            burst = Burst(given.rows, given.allowed, window_s, given.windows)
            for figure in await measure(name, burst):
                print(f"| {' | '.join(figure)} |", flush=True)
                missed = missed or figure.verdict == "missed"
    return int(missed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
