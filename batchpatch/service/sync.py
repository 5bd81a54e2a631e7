"""Patches from programs without an event loop: one patcher a process, on a thread of its own.

Celery, Django and scripts call `patch_sync` from any thread. The first call opens the patcher; it
stays open until the process ends, so that all threads share one token, one quota and one order.

A process that was forked has threads of its own and no loop: it opens a patcher of its own at its
first call. What it has inherited is left alone, because the sockets are the parent's. A fork while
another thread imports would leave the module's lock held in the child for ever: so what the thread
of the loop needs is imported before it begins, and a fork waits for that.
"""

from __future__ import annotations

import asyncio
import atexit
import encodings.idna  # noqa: F401 - else the first look-up of a host imports it, see above
import logging
import os
import threading
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from batchpatch.errors import BatchpatchError, InputError, SettingsError
from batchpatch.pipeline.live_rows import CLOSED
from batchpatch.service.event_loop import loop_factory
from batchpatch.service.patcher import Patcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from batchpatch.model import RowResult
    from batchpatch.service.rows import Participant

_log = logging.getLogger(__name__)


def patch_sync(
    conversation_id: str,
    attributes: Mapping[str, Any],
    *,
    participant: Participant = None,
    id: str | None = None,  # noqa: A002 - the field's name in every other place
    urgent: bool = False,
    deadline_s: float | None = None,
    timeout_s: float | None = None,
) -> RowResult:
    """Write to one participant, and return what came of it; for code without an event loop.

    As `Patcher.patch`, from any number of threads: they share one patcher, which the first call
    opens with the credentials of the environment, or as `configure_sync` says. It is drained and
    its token revoked when the process ends; where that does not run exit handlers, as in the
    workers of Celery and of multiprocessing, call `close_sync`. A forked process has its own.

    Args:
        conversation_id: UUID.
        attributes: what to write, by name.
        participant: UUID, or who it is.
        id: comes back in the result.
        urgent: rows of other participants wait for it.
        deadline_s: seconds after which it is not sent any more, as its result says.
        timeout_s: seconds that the caller waits at most, with what it takes to open.

    Raises:
        TimeoutError: there was no result in time. The row is not sent any more, unless it was on
            its way already; its order among those of its participant holds in any case.
        InputError: it was called from an event loop's thread, or what was given is no row.
        AccessError: the credentials are refused, and will be until `close_sync`.
        BatchpatchError: what else has ended the whole patcher, or keeps it from opening.
    """
    _refuse_in_a_loop()
    row = {"participant": participant, "id": id, "urgent": urgent, "deadline_s": deadline_s}
    return _shared.opened().patch(conversation_id, attributes, row, timeout_s=timeout_s)


def configure_sync(make: Callable[[], Patcher]) -> None:
    """Say how the patcher of `patch_sync` is made: `configure_sync(lambda: Patcher(tokens=2))`.

    Args:
        make: called at the first use, in each process.

    Raises:
        SettingsError: `patch_sync` was used already, or nothing can be made so.
    """
    if not callable(make):
        raise SettingsError(
            f"configure_sync was given the type {type(make).__name__}: give what makes one in each "
            "process, such as lambda: Patcher(tokens=2)."
        )
    _shared.configure(make)


def close_sync() -> None:
    """Drain what `patch_sync` was given, and revoke the token; the next call opens anew.

    Raises:
        BatchpatchError: what has ended the patcher before.
    """
    _shared.close()


@contextmanager
def made_by(make: Callable[[], Patcher]) -> Iterator[None]:
    """For a while, `patch_sync` has another patcher; it is closed at the end."""
    former = _shared.replace(make)
    try:
        yield
    finally:
        _shared.replace(former)


class _LoopThread:
    """A patcher at work on a thread of its own."""

    def __init__(self, make: Callable[[], Patcher]) -> None:
        self._make = make
        self._make_loop = loop_factory()  # here, for what it imports
        self._opened: Future[Patcher] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        self._handing_over = threading.Lock()
        self.ended = False
        """It takes no more rows."""
        self._error: BaseException | None = None
        # A daemon: what waits for other threads at the end of a process comes before our end.
        self._thread = threading.Thread(target=self._run, name="batchpatch", daemon=True)
        self._thread.start()

    def patch(
        self,
        conversation_id: str,
        attributes: Mapping[str, Any],
        options: dict[str, Any],
        *,
        timeout_s: float | None,
    ) -> RowResult:
        """Wait for a row's result; from any other thread."""
        until_s = None if timeout_s is None else monotonic() + timeout_s
        try:
            patcher = self._opened.result(timeout_s)
            with self._handing_over:
                if self.ended:
                    raise InputError(CLOSED)
                call = patcher.patch(conversation_id, attributes, **options)
                result = asyncio.run_coroutine_threadsafe(call, self._loop)
            return _awaited(result, until_s)
        except TimeoutError:
            raise TimeoutError(
                f"There was no result within {timeout_s} s: the row is not sent any more, unless"
                " it was on its way already."
            ) from None

    def close(self) -> None:
        """Drain, and end the thread. Raises what has ended the work before."""
        if self._opened.exception() is not None:  # whoever asked for it has been told
            return
        with self._handing_over:
            if not self.ended:
                self.ended = True
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        loop = self._loop = self._make_loop()
        try:
            loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
            self._tell(error)
        finally:
            with self._handing_over:
                self.ended = True
            loop.run_until_complete(_cancel_others())
            loop.close()  # not by a runner, which would start a thread: there may be none any more

    def _tell(self, error: BaseException) -> None:
        if self._opened.done():
            self._error = error
        else:
            self._opened.set_exception(error)

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        async with self._make() as patcher:
            self._opened.set_result(patcher)
            await self._end.wait()


class _Shared:
    """The patcher that all threads of this process share."""

    def __init__(self) -> None:
        self._make: Callable[[], Patcher] = Patcher
        self._open: _LoopThread | None = None
        self._lock = threading.Lock()
        self._inherited: list[object] = []
        atexit.register(self._close_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._hold, after_in_parent=self._let_go, after_in_child=self._forget
            )

    def opened(self) -> _LoopThread:
        """The one there is, or a new one."""
        with self._lock:
            if self._open is None or self._open.ended:
                self._open = _LoopThread(self._make)
            return self._open

    def configure(self, make: Callable[[], Patcher]) -> None:
        """The next one is made so."""
        with self._lock:
            if self._open is not None and not self._open.ended:
                raise SettingsError("patch_sync is in use already: configure it before, or close.")
            self._make = make

    def replace(self, make: Callable[[], Patcher]) -> Callable[[], Patcher]:
        """Close it; the next one is made so. Gives how it was made up to now."""
        try:
            self.close()
        finally:
            with self._lock:
                former, self._make = self._make, make
        return former

    def close(self) -> None:
        """Drain and close, if it is open."""
        with self._lock:
            opened, self._open = self._open, None
        if opened is not None:
            opened.close()

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except BatchpatchError as error:
            _log.warning("%s", error)

    def _hold(self) -> None:
        self._lock.acquire()

    def _let_go(self) -> None:
        self._lock.release()

    def _forget(self) -> None:
        """In a child: the lock is held, and the thread is not there."""
        self._inherited.append(self._open)  # nothing of it may be closed here, not by chance either
        self._open, self._lock = None, threading.Lock()


def _refuse_in_a_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InputError("patch_sync would hold up this event loop: await Patcher.patch there.")


async def _cancel_others() -> None:
    """Nobody waits for ever for what an error has left behind."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _awaited(result: Future[RowResult], until_s: float | None) -> RowResult:
    """The result; whoever waits no more withdraws the row."""
    try:
        return result.result(None if until_s is None else max(0.0, until_s - monotonic()))
    except CancelledError:
        raise InputError("The patcher has ended before the row was settled.") from None
    except TimeoutError:
        if result.cancel():
            raise
        return result.result()  # it came at this very moment
    except BaseException:
        result.cancel()
        raise


_shared = _Shared()
