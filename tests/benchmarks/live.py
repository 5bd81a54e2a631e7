"""One row at a time: what each of the three ways adds to the server's own latency.

    python tests/benchmarks/live.py [--minutes N] [--rate ROWS] [--only library|pipe|serve ...]

A sandbox without a limit answers; a bare aiohttp session asks it ten times a second beside the
load, and what it sees is the server's own latency. Prints a table; exit code 0 if every figure is
met, 1 if one is missed. By default it takes half an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from base64 import b64encode
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import aiohttp
from figure import Figure, at_most, say
from live_load import Load, growth_mb, steady

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Way = Callable[[str, float, float], Awaitable[dict[str, Any]]]

HERE = Path(__file__).parent
ME = [sys.executable, "-m", "batchpatch"]
CLIENT = {"GENESYSCLOUD_OAUTHCLIENT_ID": "live", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "live"}
BARE_PER_S = 10.0
PATH = "/api/v2/conversations/{}/participants/{}/attributes"
MOST_ABOVE_MS, MOST_P99_ABOVE_MS, MOST_GROWN_MB = 20.0, 100.0, 5.0


def at(url: str) -> list[str]:
    """The flags that send there."""
    return ["--api-url", url, "--login-url", url]


@asynccontextmanager
async def process(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of our programs, with pipes; killed where it does not end by itself."""
    one = await asyncio.create_subprocess_exec(
        *words, env=os.environ | CLIENT, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=1 << 20
    )
    try:
        yield one
    finally:
        if one.returncode is None:
            one.kill()
        await one.wait()


async def library(url: str, per_s: float, seconds: float) -> dict[str, Any]:
    """A process that keeps a `Patcher` open."""
    words = [sys.executable, str(HERE / "live_library.py"), url, str(per_s), str(seconds)]
    async with process(*words) as service:
        out, trouble = await service.communicate()
        say(trouble.decode())
    found: dict[str, Any] = json.loads(out)
    return found


async def pipe(url: str, per_s: float, seconds: float) -> dict[str, Any]:
    """`run - --results -`: rows into its standard input, results out of its standard output."""
    waiting: dict[str, asyncio.Future[bool]] = {}
    with TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        words = ["run", "-", "--results", "-", "--format", "jsonl", "--out", out, "--quiet"]
        async with process(*ME, *words, *at(url)) as service:
            assert service.stdin is not None

            async def send(conversation: str, participant: str, number: int) -> bool:
                row = {"conversationId": conversation, "participantId": participant}
                line = json.dumps(row | {"id": str(number), "attributes": {"tier": "gold"}})
                answer = waiting[str(number)] = asyncio.get_running_loop().create_future()
                assert service.stdin is not None
                service.stdin.write(line.encode() + b"\n")
                return await answer

            async def read() -> None:
                assert service.stdout is not None
                async for line in service.stdout:
                    result = json.loads(line)
                    waiting.pop(result["id"]).set_result(result["outcome"] == "updated")

            reading = asyncio.create_task(read())
            growing = asyncio.create_task(growth_mb(service.pid, seconds))
            load = await steady(send, per_s=per_s, seconds=seconds)
            grown = await growing
            service.stdin.close()
            await reading
    return {**load._asdict(), "grown_mb": grown}


async def serve(url: str, per_s: float, seconds: float) -> dict[str, Any]:
    """`serve`: a request a row."""
    async with process(*ME, "serve", "--port", "0", *at(url)) as service:
        assert service.stderr is not None
        line = b""
        while b"http://" not in line:
            line = await service.stderr.readline()
        here = "http://" + line.decode().split("http://")[1].split()[0]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def send(conversation: str, participant: str, number: int) -> bool:
                row = {"conversationId": conversation, "participantId": participant}
                body = row | {"attributes": {"tier": f"gold {number}"}}
                async with session.post(f"{here}/patch", json=body) as answer:
                    return bool((await answer.json())["outcome"] == "updated")

            growing = asyncio.create_task(growth_mb(service.pid, seconds))
            load = await steady(send, per_s=per_s, seconds=seconds)
            grown = await growing
        service.terminate()
    return {**load._asdict(), "grown_mb": grown}


WAYS: dict[str, Way] = {"library": library, "pipe": pipe, "serve": serve}


async def bare(url: str, seconds: float) -> Load:
    """The server's own latency, as a client sees it that does nothing else."""
    async with aiohttp.ClientSession() as session:
        login = {"grant_type": "client_credentials"}
        basic = {"Authorization": "Basic " + b64encode(b"bare:bare").decode()}
        async with session.post(f"{url}/oauth/token", data=login, headers=basic) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        async def send(conversation: str, participant: str, _: int) -> bool:
            body = {"attributes": {"tier": "gold"}}
            path = url + PATH.format(conversation, participant)
            async with session.patch(path, json=body, headers=headers) as answer:
                await answer.read()
                return answer.status < 300

        return await steady(send, per_s=BARE_PER_S, seconds=seconds)


async def measure(name: str, per_s: float, seconds: float) -> list[Figure]:
    """The figures of one way."""
    async with process(*ME, "sandbox", "--port", "0") as sandbox:
        assert sandbox.stdout is not None
        url = (await sandbox.stdout.readline()).decode().strip()
        server, found = await asyncio.gather(bare(url, seconds), WAYS[name](url, per_s, seconds))
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/sandbox/stats") as stats,
        ):
            minted = (await stats.json())["tokens_minted"] - 1  # the bare client's
    above = found["median_ms"] - server.median_ms
    p99_above = found["p99_ms"] - server.p99_ms
    rows = f"{found['written']:,} of {round(per_s * seconds):,} rows written"
    return [
        Figure(
            f"{name}: median above the server's {server.median_ms:.1f} ms",
            f"{above:.1f} ms",
            f"{MOST_ABOVE_MS:g} ms",
            at_most(above, MOST_ABOVE_MS),
        ),
        Figure(
            f"{name}: p99 above the server's {server.p99_ms:.1f} ms",
            f"{p99_above:.1f} ms",
            f"{MOST_P99_ABOVE_MS:g} ms",
            at_most(p99_above, MOST_P99_ABOVE_MS),
        ),
        Figure(
            f"{name}: memory from a fifth of the time to its end",
            f"{found['grown_mb']:+.1f} MB",
            f"{MOST_GROWN_MB:g} MB",
            at_most(found["grown_mb"], MOST_GROWN_MB),
        ),
        Figure(f"{name}: tokens minted; {rows}", str(minted), "1", at_most(minted, 1)),
    ]


async def main() -> int:
    """Measure what is asked for, one way after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=200.0, help="rows a second")
    parser.add_argument("--only", nargs="*", choices=[*WAYS], default=[*WAYS])
    given = parser.parse_args()
    missed = False
    for name in given.only:
        for figure in await measure(name, given.rate, given.minutes * 60):
            print(f"| {figure.name} | {figure.measured} | {figure.to_reach} | {figure.verdict} |")
            missed = missed or figure.verdict == "missed"
    return int(missed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
