"""A job: what is to be done, with what, and where its results go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import ExitCode, as_typed
from batchpatch.model import Stop
from batchpatch.pipeline.recorder import EarlierRun
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from opentelemetry.trace import Tracer

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.model import RowResult, Skips
    from batchpatch.options.run import LimitOptions, Settings
    from batchpatch.pipeline.feeding import RowSource
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.resumption import Resumption
    from batchpatch.pipeline.spooling import SpooledInput
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.pipeline.tracing import Callers
    from batchpatch.recording.run_directory import RunDirectory
    from batchpatch.writes.kind import WriteKind


class Stream(NamedTuple):
    """What is different where somebody waits for each row."""

    listener: Callable[[RowResult], None]
    """Gets each row's result once its line is in the writer's buffer."""
    survives: bool = False
    """An outage is the result of the rows that meet it; else it ends the run."""
    withdrawn: Callable[[int], bool] | None = None
    """Tells of a row's number that nobody wants it any more."""
    room: Callable[[], Awaitable[None]] | None = None
    """Awaited before rows are taken from their source: returns once results are being read."""
    drain: Callable[[float], Awaitable[int]] | None = None
    """Awaited at the end, with the grace in seconds: gives how many results nobody has read."""
    callers: Callers | None = None
    """The contexts of those who wait, for spans."""


def unread_stop(results: int, kept: Path | None) -> Stop:
    """Why a run ends early of which so many results were not read; `kept`: where they are."""
    what = "1 result was" if results == 1 else f"{results:,} results were"
    place = as_typed(kept) if kept else kept
    return Stop(ExitCode.STOPPED, f"{what} not read: all are in {place}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done, with what, and where its results go."""

    reader: RowSource
    client: GenesysClient
    account: Account
    settings: Settings
    limits: LimitOptions
    stopper: Stopper
    directory: RunDirectory | None = None
    """None for a plan that goes to standard output: it leaves nothing else."""
    earlier: Resumption | None = None
    spooled: SpooledInput | None = None
    identity: Identity | None = None
    """Who the token is, where somebody has asked already."""
    unkept: int = 0
    """Of an undo: rows that it is known not to take back."""
    stream: Stream | None = None
    """None where nobody waits for a row."""
    monitor: Monitor | None = None
    """Who watches; None where nobody does."""
    tracer: Tracer | None = None
    """Makes spans; None where none are wanted."""
    elsewhere: Mapping[int, Skips] = field(default_factory=dict)
    """Of rows that failed in another run: what has been applied there since."""

    @property
    def kind(self) -> WriteKind:
        """What is written."""
        return find_kind(self.settings.write)

    @property
    def reads_each(self) -> bool:
        """A conversation is read for each patch: for what is there, or for where to send."""
        route = self.kind.find_route(self.settings.route or None)
        return self.settings.safeguards.reads_first or route.of_communication

    @property
    def before(self) -> EarlierRun:
        """What earlier processes have recorded."""
        before = self.earlier.before if self.earlier else EarlierRun()
        return before._replace(elsewhere=self.elsewhere)
