"""The copy of standard input beside a run, and what a run that stops leaves of it unread.

A pipe can be read once. So whatever ends the run, the rest of it is still copied: up to the grace
where nothing comes, and for as long as it flows. Nobody is kept waiting against their will: one
more signal leaves it.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from batchpatch.errors import BatchpatchError, ExitCode, why_refused
from batchpatch.model import Stop
from batchpatch.options.run import without_limit
from batchpatch.pipeline.preflight import count_again
from batchpatch.reading.sources import is_regular, open_source
from batchpatch.reading.streams import Tee
from batchpatch.reading.urls import told_name
from batchpatch.recording.files import Spool
from batchpatch.recording.inputs_again import paths_of
from batchpatch.recording.manifest import read_manifest, update_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.formats.run_json import Manifest
    from batchpatch.options.read import ReadOptions
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.recording.run_directory import RunDirectory

LOOK_EVERY_S = 1.0

_LEAST_LOOK_S = 0.05
_LIVE_PAUSE_S = 0.25
"""Rows of a live stream are written as they happen: what is on its way is there by then. So it is
with what somebody has typed who has asked for the end."""


@contextmanager
def spooling(
    directory: RunDirectory, names: Sequence[str], *, keep: bool
) -> Iterator[SpooledInput | None]:
    """The copy of the input that is a stream; None where none is, or it is not to be kept."""
    stream = next((name for name in names if not is_regular(name)), None)
    if stream is None or not keep:
        yield None
        return
    spooled = SpooledInput(directory, stream)
    try:
        yield spooled
    finally:
        spooled.close()


class SpooledInput:
    """Standard input and its copy in the run's directory."""

    def __init__(self, directory: RunDirectory, name: str) -> None:
        self._name = name
        self.directory = directory
        self._spool = Spool(directory.spool_path, ended=partial(describe_spool, directory))
        self.tee = Tee(self._spool.write, ended=self._spool.end)
        self._trouble: str | None = None

    @property
    def left(self) -> str | None:
        """In words, that the copy was not made to its end, and why; None where it was."""
        return self.left_beside("")

    def left_beside(self, told: str) -> str | None:
        """The same, without what was `told` already."""
        if self._spool.whole:
            return None
        trouble = (self._trouble or "").rstrip(".")
        why = "" if trouble in told else f" ({trouble})"
        name = told_name(self._name, first=True)
        return (
            f"{name} was left before its end{why}: `batchpatch resume` sends what was copied, and "
            "names the row from which to send the rest."
        )

    def close(self) -> None:
        """Copy no more."""
        self.tee.close()
        self._spool.close()

    async def copy_rest(self, stopper: Stopper, *, grace_s: float, live: bool = False) -> None:
        """Copy what was not read, as long as something comes within the grace; then close.

        Args:
            stopper: at its next request the rest is left; it is told when this takes its time.
            grace_s: how long to wait for a stream that gives nothing.
            live: it may flow for ever: what has come is copied, for the grace at most.
        """
        if not self._spool.whole:
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            # Daemons: a thread that waits for bytes must not hold the exit.
            threading.Thread(target=self._copy, args=(loop, done), daemon=True).start()
            tasks = {
                asyncio.create_task(done.wait()),
                asyncio.create_task(stopper.asked_again()),
            }
            try:
                async with asyncio.timeout(grace_s if live else None):
                    pause_s = min(_LIVE_PAUSE_S, grace_s) if live else grace_s
                    await self._while_it_flows(tasks, stopper, pause_s)
            except TimeoutError:
                pass
            finally:
                for task in tasks:
                    task.cancel()
        self.close()

    async def _while_it_flows(
        self, tasks: set[asyncio.Task[Any]], stopper: Stopper, grace_s: float
    ) -> None:
        """Returns when one of the tasks is done, or nothing has come for the grace."""
        time = asyncio.get_running_loop().time
        copied_bytes, since_s, told = self.tee.copied_bytes, time(), False
        while True:
            first = asyncio.FIRST_COMPLETED
            is_left = stopper.is_asked and self.tee.is_typed
            if is_left:
                grace_s = min(_LIVE_PAUSE_S, grace_s)
            look_s = min(LOOK_EVERY_S, max(grace_s / 4, _LEAST_LOOK_S))
            finished, _ = await asyncio.wait(tasks, timeout=look_s, return_when=first)
            if finished:
                return
            if self.tee.copied_bytes != copied_bytes:
                copied_bytes, since_s = self.tee.copied_bytes, time()
            elif time() - since_s >= grace_s:
                return
            if not (told or is_left):
                told = True
                again = " again" if stopper.is_asked else ""
                stopper.tell(
                    f"copying what is left of {told_name(self._name)} (Ctrl-C{again}: leave it)"
                )

    def _copy(self, loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
        try:
            if not self.tee.attached:  # the inputs before it were not read to their end
                open_source(self._name, tee=self.tee)
            self.tee.copy_rest()
        except BatchpatchError as error:
            self._trouble = str(error)
        except OSError as error:
            self._trouble = f"it cannot be read: {why_refused(error)}"
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)


_MOST_COUNTED_BYTES = 64_000_000
"""Of a copy whose rows are counted at the end of a canary: a few seconds of its thread."""


def rows_copied(directory: RunDirectory, read: ReadOptions) -> int | None:
    """About how many rows the inputs have of which one was a pipe.

    None where the copy is not whole, or so large that to count them would take its time.
    """
    files = read_manifest(directory.manifest_path).inputs
    if not all(0 < (file.size or 0) <= _MOST_COUNTED_BYTES for file in files if file.rows is None):
        return None
    paths = paths_of(files, spool_path=directory.spool_path)
    counted = count_again(files, paths, without_limit(read), truncated=None)
    return None if counted is None else counted.rows


def missing_rest(first: int, *, unread: Sequence[str]) -> Stop:
    """Why a run ends early whose standard input was never read to its end, and never will be.

    Args:
        first: number, within standard input, of the first row that is not there.
        unread: names of the inputs behind it, which were not read either.
    """
    later = f", with {', '.join(unread)} after it" if unread else ""
    return Stop(
        ExitCode.STOPPED,
        f"Standard input was not read to its end: what comes from its row {first:,} on is not "
        f"here, send it as a run of its own{later}.",
    )


def describe_spool(directory: RunDirectory, size: int, sha256: str) -> None:
    """Record in `run.json` that standard input was kept to its end, and what it was."""

    def described(manifest: Manifest) -> Manifest:
        inputs = tuple(
            replace(file, size=size, sha256=sha256) if file.kind == "spool" else file
            for file in manifest.inputs
        )
        return replace(manifest, inputs=inputs)

    update_manifest(directory.manifest_path, described)
