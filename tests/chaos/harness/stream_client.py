"""A service with the library: rows come in as lines, results go out as lines.

    python -m harness.stream_client URL callers|stream RECORD

A line `{"give up": ID}` cancels that call. SIGTERM closes the patcher at once; the end of input
drains it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from batchpatch import Patcher
from batchpatch.errors import BatchpatchError
from batchpatch.formats.result_line import encode
from batchpatch.genesys.rate_limit import shared_limit, window_state
from batchpatch.options.run import PaceOptions, Settings
from harness.client import QUICK, QUICK_HOLD, QUICK_SHARED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from batchpatch import RowResult


async def lines_of_stdin() -> AsyncIterator[bytes]:
    """Each as soon as it is there."""
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line


async def writer_of_stdout() -> asyncio.StreamWriter:
    """Waits while nobody reads."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, sys.stdout
    )
    transport.set_write_buffer_limits(0)  # nothing is left in it once it was drained
    return asyncio.StreamWriter(transport, protocol, None, loop)


async def callers(patcher: Patcher, out: asyncio.StreamWriter) -> None:
    """A task a row, as a server has one for each request."""
    calls: dict[str, asyncio.Task[None]] = {}

    async def call(fields: dict[str, Any]) -> None:
        try:
            _write(out, await patcher.submit(fields))
        except BatchpatchError as error:  # it came after the end: nobody has taken it
            print(error, file=sys.stderr)
        finally:
            del calls[fields["id"]]

    try:
        async for line in lines_of_stdin():
            fields = json.loads(line)
            if (given_up := fields.get("give up")) is None:
                calls[fields["id"]] = asyncio.create_task(call(fields))
            elif given_up in calls:
                calls[given_up].cancel()
    finally:
        if calls:
            await asyncio.wait(calls.values())


async def stream(patcher: Patcher, out: asyncio.StreamWriter) -> None:
    """One loop over the results, which come as fast as they are taken."""
    async with aclosing(patcher.stream(lines_of_stdin(), at_once=50)) as results:
        async for result in results:
            _write(out, result)
            await out.drain()


def _write(out: asyncio.StreamWriter, result: RowResult) -> None:
    out.write(encode(result))


async def main(url: str, manner: str, record: str) -> int:
    """Serve until the input ends, the reader goes or SIGTERM comes."""
    settings = Settings(retry=QUICK, pace=PaceOptions(assumed=None))
    out = await writer_of_stdout()
    patcher = Patcher(api_url=url, login_url=url, settings=settings, record=record)
    async with patcher:
        serving = asyncio.create_task((callers if manner == "callers" else stream)(patcher, out))
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        stopping = asyncio.create_task(ended.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and isinstance(serving.exception(), ConnectionError):
            await patcher.aclose(now=True)
            return 3
        if stopping.done():
            await patcher.aclose(now=True)
            serving.cancel()
            await asyncio.wait({serving})
        else:
            serving.result()
            stopping.cancel()
    await out.drain()
    return 130 if ended.is_set() else 0


if __name__ == "__main__":
    vars(window_state).update(QUICK_HOLD)
    vars(shared_limit).update(QUICK_SHARED)
    try:
        code = asyncio.run(main(*sys.argv[1:]))
    except Exception:
        logging.getLogger(__name__).exception("a traceback, which nobody should ever see")
        code = 70
    sys.exit(code)
