"""The official SDK in 64 threads against the same server. Reported, nothing to reach.

This is what most scripts in the field do. Compared with the bare loop over the same 5,000 rows,
both by their own account of the sending alone (from inside the process, imports left out),
because importing the SDK takes longer than sending so few. Skipped where the SDK is not installed
(`pip install '.[sdk]'`).
"""

from __future__ import annotations

import json
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import TYPE_CHECKING

from contestants import interleaved, python, spend
from figure import Figure, say
from inputs import write_csv, write_requests
from server import Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from figure import Settings

ROWS = 5_000
THREADS = 64
_PACKAGE = "PureCloudPlatformClientV2"


def measure(settings: Settings) -> list[Figure]:
    """Its rate and its cost, in bare loops."""
    name = f"official SDK, {THREADS} threads / bare loop"
    try:
        version(_PACKAGE)
    except PackageNotFoundError:
        return [Figure(name, f"skipped: {_PACKAGE} is not installed (the extra `sdk`)")]
    folder = settings.folder
    # Never more than its own size: it sends a tenth of what the others do in the same time.
    rows = min(settings.rows or ROWS, ROWS)
    csv = write_csv(folder / "rows.csv", rows)
    requests = write_requests(folder / "requests.txt", rows)

    def bare(server: Server) -> list[str]:
        return python("bare_loop.py", server.url, requests, str(THREADS))

    def sdk(server: Server) -> list[str]:
        return python("sdk_loop.py", server.url, csv, str(THREADS))

    bares, sdks = interleaved(
        settings.rounds, *(partial(_sending, command, rows, folder) for command in (bare, sdk))
    )
    rate = median(b["wall_s"] / s["wall_s"] for b, s in zip(bares, sdks, strict=True))
    cpu = median(s["cpu_s"] / b["cpu_s"] for b, s in zip(bares, sdks, strict=True))
    per_request_us = median(s["cpu_s"] for s in sdks) / rows * 1e6
    return [Figure(name, f"{rate:.2f} x the rate, {cpu:.1f} x the CPU ({per_request_us:.0f} us)")]


def _sending(command: Callable[[Server], list[str]], rows: int, folder: Path) -> dict[str, float]:
    with serving(folder) as server:
        words = command(server)
        say(f"  {words[1].rpartition('/')[2]}, {rows:,} requests")
        account: dict[str, float] = json.loads(spend(words, folder=folder).output)
        arrived = server.arrived().patches
    if arrived != {202: rows}:
        raise RuntimeError(f"the server has seen {arrived}, not {rows} requests")
    return account
