"""A run and its sandbox on the test's own event loop, for what must happen at an exact moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.commands.resume import resume
from batchpatch.commands.run import run
from batchpatch.genesys.account.credentials import find_account
from batchpatch.options.run import ConnectOptions, PaceOptions, RecordOptions
from harness.client import CREDENTIALS, QUICK, merging
from harness.inputs import State, write_input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from batchpatch.pipeline.report import RunReport
    from batchpatch.sandbox import SandboxServer
    from harness.inputs import RowSpec


class Place(NamedTuple):
    """Where a run of some rows happens."""

    server: SandboxServer
    input: Path
    out: Path

    @classmethod
    def of(cls, server: SandboxServer, folder: Path, rows: Sequence[RowSpec]) -> Place:
        """A new input in this folder."""
        place = cls(server, folder / "rows.jsonl", folder / "out")
        write_input(place.input, rows)
        return place

    async def run(self, *, window_rows: int = 1, concurrency: int = 8, **options: Any) -> RunReport:
        """Begin; one row a PATCH unless told otherwise."""
        return await run(
            [str(self.input)],
            account=find_account(CREDENTIALS, api_url=self.server.url),
            merge=merging(window_rows),
            connect=ConnectOptions(concurrency=concurrency),
            retry=QUICK,
            pace=PaceOptions(assumed=None),
            record=RecordOptions(out=self.out),
            **options,
        )

    async def resume(self, **options: Any) -> RunReport:
        """Go on."""
        account = find_account(CREDENTIALS, api_url=self.server.url)
        return await resume(self.out, account=account, **options)

    def state(self) -> State:
        """What the sandbox holds."""
        documents = self.server.state.conversations.stored()
        return {(e["conversationId"], e["participantId"]): dict(e["attributes"]) for e in documents}

    def writes(self) -> list[dict[str, Any]]:
        """The sandbox's log of PATCH requests."""
        return list(self.server.state.writes.documents())


class HeldClock:
    """The sandbox's clock: time passes, but what is late waits for `release`."""

    def __init__(self) -> None:
        self._late: list[Callable[[], None]] = []
        self.held = asyncio.Event()
        """Set once something is late."""

    def now_s(self) -> float:
        """Monotonic time."""
        return asyncio.get_running_loop().time()

    async def sleep(self, delay_s: float) -> None:
        """Come back after `delay_s`."""
        await asyncio.sleep(delay_s)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call at the release."""
        self.held.set()
        self._late.append(callback)

    def release(self) -> None:
        """Let everything arrive that is late."""
        late, self._late = self._late, []
        for callback in late:
            callback()
