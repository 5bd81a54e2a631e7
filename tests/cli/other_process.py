"""Waiting for another process, which gives no event to wait for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def wait_until(is_so: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """Returns once another process has come so far; one that does not get there fails the test."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "the run does not get on"
        time.sleep(0.02)


def wait_for_lines(path: Path, count: int) -> None:
    """Returns once a file has so many lines, its last one whole."""
    wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") >= count)
