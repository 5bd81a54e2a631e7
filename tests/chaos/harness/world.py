"""The sandbox as a process of its own, which outlives every client that is killed."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.inputs import State

LONG_S = 300.0
"""Patience with what is sure to come, however busy the machine: no promise is about this."""
_POLL_S = 0.002
_LOOKS_AT_REST = 3


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float = LONG_S) -> None:
    """Ask again and again until it is so. Raises TimeoutError, which says what never was."""
    until_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until_s:
            raise TimeoutError(f"after {within_s:g} s still not: {what}")
        time.sleep(_POLL_S)


class Sandbox:
    """A sandbox that listens at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=LONG_S)

    def stats(self) -> dict[str, Any]:
        """Its counts."""
        stats: dict[str, Any] = json.loads(self._ask("GET", "stats"))
        return stats

    def state(self) -> State:
        """What it holds, by conversation and participant."""
        lines = self.stored()
        return {(e["conversationId"], e["participantId"]): e["attributes"] for e in lines}

    def stored(self) -> list[dict[str, Any]]:
        """The same as documents, with what else a participant holds."""
        return [json.loads(line) for line in self._ask("GET", "state").splitlines()]

    def writes(self) -> list[dict[str, Any]]:
        """Its log of PATCH requests, in order of arrival."""
        return [json.loads(line) for line in self._ask("GET", "writes").splitlines()]

    def replace_faults(self, faults: list[str]) -> None:
        """Let these go wrong from now on, and nothing else."""
        self._ask("POST", "faults", json.dumps(faults).encode())

    def tell(self, lines: bytes) -> None:
        """Make conversations known, or change what their participants have: JSONL."""
        self._ask("POST", "conversations", lines)

    def tell_codes(self, lines: bytes) -> None:
        """Make wrap-up codes known: JSONL."""
        self._ask("POST", "codes", lines)

    def come_to_rest(self) -> None:
        """Return when no request is under way and no late write is pending.

        So it must be at several looks in a row: what a dead client has sent may lie unread on its
        connection when the first of them is answered.
        """
        looks: list[int | None] = []

        def is_at_rest() -> bool:
            stats = self.stats()
            busy = stats["in_flight"] or stats["late_writes_pending"]
            looks.append(None if busy else stats["requests"])
            last = looks[-_LOOKS_AT_REST:]
            return len(last) == _LOOKS_AT_REST and None not in last and len(set(last)) == 1

        wait_until(is_at_rest, "the sandbox at rest")

    def keep_in(self, folder: Path) -> None:
        """Write down what it has seen and holds, for whoever looks for a cause."""
        for what in ("stats", "state", "writes"):
            (folder / f"server-{what}.jsonl").write_bytes(self._ask("GET", what))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _ask(self, method: str, what: str, body: bytes | None = None) -> bytes:
        self._connection.request(method, f"/sandbox/{what}", body)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {what}: {answer.status} {content!r}")
        return content


@contextmanager
def sandbox_process(arguments: Sequence[str]) -> Iterator[Sandbox]:
    """Run a sandbox until the block ends."""
    command = [sys.executable, "-m", "batchpatch", "sandbox", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--until-stdin-closes", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the sandbox did not start with {arguments}")
        server = Sandbox(url)
        try:
            yield server
        finally:
            server.close()
    finally:
        process.stdin.close()
        process.wait(timeout=LONG_S)
        process.stdout.close()
