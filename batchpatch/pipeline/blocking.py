"""Waiting that a stop breaks off: for blocking work, off the event loop in a thread of its own, and
for an answer of the platform before anything has begun."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from batchpatch.errors import LeftError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from batchpatch.pipeline.stop import Stopper

T = TypeVar("T")

_WORTH_TELLING_S = 2.0
_TIDY_S = 0.5
"""For work that looks whether it is still wanted: it removes what is half done."""


async def off_loop(
    work: Callable[[], T], *, unless: Coroutine[Any, Any, None], left: str = "Left before the end."
) -> T:
    """Return what `work` returns, or raise what it raises.

    Args:
        work: blocks. Its thread is a daemon, which holds no exit: to break it off there must be as
            harmless as a kill.
        unless: returns where nobody wants to wait for it any more.
        left: what is said then, in a sentence.

    Raises:
        LeftError: `unless` has returned before it.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def run() -> None:
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            tell(done.set_exception, error)
        else:
            tell(done.set_result, result)

    def tell(settle: Callable[[Any], None], value: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else settle(value))

    leaving = asyncio.ensure_future(unless)
    try:
        threading.Thread(target=run, name="off-loop", daemon=True).start()
    except RuntimeError:
        run()  # while `atexit` runs, no thread begins any more, and nobody is there who minds
    try:
        either: set[asyncio.Future[Any]] = {done, leaving}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            await asyncio.wait([done], timeout=_TIDY_S)
            raise LeftError(left)
        return done.result()
    finally:
        leaving.cancel()
        done.cancel()


async def off_loop_unless_stopped(
    work: Callable[[], T], stopper: Stopper, *, left: str, doing: str | None = None
) -> T:
    """As `off_loop`, for what is done before anything has begun: the first stop ends it.

    `doing`: what it is, for whoever watches; of large files it takes minutes, and nothing else is
    to be seen by then. None where that is said otherwise.

    Raises:
        LeftError: a stop was asked for before its end; `left` says so, in a sentence.
    """
    with stopper.idle(), _told(doing, stopper):
        return await off_loop(work, unless=stopper.asked(), left=left)


@contextmanager
def _told(doing: str | None, stopper: Stopper) -> Iterator[None]:
    """What is done within is told once it has taken long."""
    if doing is None:
        yield
        return
    words = f"{doing} (Ctrl-C: leave)."
    telling = asyncio.get_running_loop().call_later(_WORTH_TELLING_S, stopper.tell, words)
    try:
        yield
    finally:
        telling.cancel()


async def unless_stopped(work: Coroutine[Any, Any, T], stopper: Stopper, *, left: str) -> T:
    """Return what is asked of the platform before anything has begun: the first stop ends it.

    An outage is waited for, which may last for longer than anybody wants to.

    Raises:
        LeftError: a stop was asked for before the answer; `left` says so, in a sentence.
    """
    asking = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(stopper.asked())
    try:
        with stopper.idle():
            await asyncio.wait([asking, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise LeftError(left)
        return asking.result()
    finally:
        leaving.cancel()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
