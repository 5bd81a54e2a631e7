"""The yardstick for `run`: aiohttp and uvloop with nothing around them.

    bare_loop.py URL REQUESTS CONCURRENCY

REQUESTS holds a path, a tab and a body on each line, made beforehand. The loop is a good one: one
session, as many connections as workers, workers that live as long as the run and pull from one
iterator, headers made once, no cookies, URLs that are not parsed again, bodies that are bytes
already. It checks the status, reads the body, and does nothing else: no retries, no order, no
report. Prints its own account of the sending alone, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import uvloop
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {"Authorization": "Bearer benchmark", "Content-Type": "application/json"}


async def work(session: aiohttp.ClientSession, url: str, requests: Iterator[bytes]) -> int:
    """Send until there is nothing left; answers how many."""
    sent = 0
    for line in requests:
        path, _, body = line.rstrip(b"\n").partition(b"\t")
        response = await session.patch(URL(url + path.decode(), encoded=True), data=body)
        await response.read()
        if response.status != 202:
            raise RuntimeError(f"answered with {response.status}")
        sent += 1
    return sent


async def send_all(url: str, requests: Iterator[bytes], concurrency: int) -> dict[str, float]:
    """Send everything once."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
    ) as session:
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        sent = await asyncio.gather(*(work(session, url, requests) for _ in range(concurrency)))
        wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    return {"requests": sum(sent), "wall_s": wall_s, "cpu_s": cpu_s}


def main(url: str, path: str, concurrency: int) -> None:
    """Print what it took."""
    with Path(path).open("rb") as file:
        print(json.dumps(uvloop.run(send_all(url, file, concurrency))))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
