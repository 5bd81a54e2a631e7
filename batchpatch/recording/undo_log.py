"""The logs that hold values: `undo.jsonl` and `conflicts.jsonl`.

The one says what each PATCH is about to overwrite, and is on disk before the PATCH goes out; the
other what was expected and what was found, for whoever has to decide. `results.jsonl` names the
attributes only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Self

from batchpatch.errors import RecordError
from batchpatch.formats.undo_line import (
    ConflictEntry,
    UndoEntry,
    encode_conflict,
    encode_undo,
    highest_patch_in,
    parse_undo,
)
from batchpatch.recording.append_log import Appender, mend
from batchpatch.recording.results import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from batchpatch.model import Patch


class _Group:
    """Lines that go to the disk together."""

    def __init__(self) -> None:
        self.lines = bytearray()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class UndoLog:
    """The one writer of `undo.jsonl`; belongs to one event loop.

    Each sync takes milliseconds and many workers wait for one, so they share: while one group of
    lines is being synced in a thread, all that come meanwhile become the next group. After a
    failure every call raises that RecordError, because nothing may be sent that cannot be undone.
    """

    def __init__(self, path: Path) -> None:
        """The file is made, and the torn end of an earlier process cut off, with the first line."""
        self._path = path
        self._file: Appender | None = None
        self._syncing: _Group | None = None
        self._next: _Group | None = None
        self._error: BaseException | None = None
        self._closing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="undo-log")

    async def add(
        self, patch: Patch, before: Mapping[str, str | None], *, refused: int | None = None
    ) -> None:
        """Return once the line of this patch would survive a power loss: it may go out now.

        Args:
            patch: what is about to be sent.
            before: the value that each of its attributes has now, None where it is absent. One
                that is not here cannot be taken back, also not after later patches.
            refused: the number of the merged patch of which it is a row, where that wrote nothing.

        Cancelling it takes nothing from the others, and leaves a line that does no harm.

        Raises:
            RecordError: this line or one before it could not be written.
        """
        if self._error is not None:
            raise self._error
        if self._closing:
            raise ValueError("the undo log is closed")
        group = self._next = self._next or _Group()
        group.lines += encode_undo(UndoEntry.of(patch, before, refused))
        if self._syncing is None:
            self._start(group)
        await asyncio.shield(group.done)

    def _start(self, group: _Group) -> None:
        self._syncing, self._next = group, None
        committing = self._in_thread(partial(self._commit, group.lines))
        # A callback and not a task: when a loop ends it cancels tasks, and then who would answer?
        committing.add_done_callback(partial(self._committed, group))

    def _in_thread(self, commit: Callable[[], None]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        try:
            return loop.run_in_executor(self._thread, commit)
        except RuntimeError:  # the interpreter is ending, and starts no thread any more
            done = loop.create_future()
            try:
                commit()
            except RecordError as error:
                done.set_exception(error)
            else:
                done.set_result(None)
            return done

    def _commit(self, lines: bytearray) -> None:
        """Write and sync; in the thread."""
        if self._file is None:
            mend(self._path)
            self._file = Appender(self._path)
        self._file.append(lines)
        self._file.sync()

    def _committed(self, group: _Group, committing: asyncio.Future[None]) -> None:
        self._syncing = None
        try:
            committing.result()
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            self._error = error
            self._fail(group, error)
            if self._next is not None:
                self._fail(self._next, error)
                self._next = None
        else:
            group.done.set_result(None)
            if self._next is not None:
                self._start(self._next)
        if self._closing and self._syncing is None:
            self._release()

    @staticmethod
    def _fail(group: _Group, error: BaseException) -> None:
        group.done.set_exception(error)
        group.done.exception()  # not an unheard one: its waiters may all have been cancelled

    async def close(self) -> None:
        """Wait for what is on its way to the disk, and close; a failure was told by `add`."""
        self._closing = True
        while self._syncing is not None:
            await asyncio.wait([self._syncing.done])
        self._release()

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
        self._thread.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


LAST_ENTRIES = 20_000


def last_entries(path: Path, most: int = LAST_ENTRIES) -> Iterator[UndoEntry]:
    """The newest entries, such as those whose rows have no line after a crash.

    What is torn or damaged is left out: whoever takes the run back is told of it.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        lines = deque(file, maxlen=most)
    for line in lines:
        with suppress(ValueError):
            yield parse_undo(line)


def highest_patch(path: Path) -> int:
    """The highest number of a PATCH that may have left, 0 for none: the next gets a higher one.

    The number is what tells whose entry a line of results is about. All of the file is looked at:
    an entry is written when its patch was compared, so that the highest may lie anywhere.

    Raises:
        RecordError: the file cannot be read.
    """
    return max((highest_patch_in(block.data) for block in blocks(path)), default=0)


MOST_SHOWN = 20


class ConflictLog:
    """The one writer of `conflicts.jsonl`."""

    def __init__(self, path: Path) -> None:
        """The file is made, and the torn end of an earlier process cut off, with the first line."""
        self._path = path
        self._file: Appender | None = None
        self.first: list[ConflictEntry] = []
        """The first of this process, for the screen."""

    def add(self, entry: ConflictEntry) -> None:
        """Write a conflict down. Raises RecordError."""
        if self._file is None:
            mend(self._path)
            self._file = Appender(self._path)
        self._file.append(encode_conflict(entry))
        if len(self.first) < MOST_SHOWN:
            self.first.append(entry)

    def close(self) -> None:
        """Close the file, where there is one."""
        if self._file is not None:
            self._file.close()
