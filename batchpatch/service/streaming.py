"""A stream of rows through what settles each of them: as many at once as results are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchpatch.errors import InputError, SettingsError

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterable,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
    )

    from batchpatch.model import RowResult

AT_ONCE = 1000
"""Rows of a stream, or of one request, that wait for their results, at most."""
OneRow = Mapping[str, Any] | bytes
"""The fields of a row, as a line of JSONL has them, or that line."""


async def each_settled(
    settle: Callable[[OneRow], Awaitable[RowResult]],
    rows: AsyncIterable[OneRow] | Iterable[OneRow],
    *,
    at_once: int,
) -> AsyncGenerator[RowResult]:
    """The results of rows, in the order in which they are settled; see `Patcher.stream`."""
    _refuse_other_types(rows, at_once)
    settled: asyncio.Queue[RowResult | BaseException | None] = asyncio.Queue()
    room = asyncio.Semaphore(at_once)
    waiting: set[asyncio.Task[None]] = set()

    async def settle_one(row: OneRow) -> None:
        try:
            settled.put_nowait(await settle(row))
        except Exception as error:  # noqa: BLE001 - as below
            settled.put_nowait(error)

    async def feed() -> None:
        ended: BaseException | None = None
        try:
            async for row in _each(rows):
                await room.acquire()
                task = asyncio.create_task(settle_one(row))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
        except BaseException as error:  # noqa: BLE001 - raised again where the results are taken
            ended = error  # a cancellation as well, where the rows wait for what was cancelled
        while waiting:
            await asyncio.wait(waiting)
        settled.put_nowait(ended)

    feeding = asyncio.create_task(feed())
    try:
        while (one := await settled.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            room.release()
            yield one
    finally:
        for task in (feeding, *waiting):
            task.cancel()


def _refuse_other_types(rows: object, at_once: object) -> None:
    several = hasattr(rows, "__aiter__") or hasattr(rows, "__iter__")
    if not several or isinstance(rows, Mapping | bytes | str):
        raise InputError(
            f"rows are of the type {type(rows).__name__}: give an iterable of rows, such as a list."
        )
    if not isinstance(at_once, int) or at_once < 1:
        raise SettingsError(f"at_once is {at_once!r}: give a whole number of rows, from 1.")


async def _each(rows: AsyncIterable[OneRow] | Iterable[OneRow]) -> AsyncIterator[OneRow]:
    if hasattr(rows, "__aiter__"):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row
