"""The HTTP server of a patcher: for programs that are not Python, and live on the same machine.

`POST /patch` takes a row and answers with its result, or many rows and answers with theirs as they
are settled; `GET /healthz` and `GET /metrics` are for those who operate it. Whoever goes away
before the answer is a cancelled caller. What is wrong with a request is one sentence in JSON.
"""

from __future__ import annotations

import logging
import math
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from batchpatch.errors import BatchpatchError, SettingsError, cannot_listen
from batchpatch.formats.result_line import encode
from batchpatch.pipeline.live_rows import WHAT_A_ROW_IS
from batchpatch.service.http_answers import Guard, answer_scrape, problem, refuse
from batchpatch.service.http_lines import MOST_LINE_BYTES, Lines
from batchpatch.service.streaming import AT_ONCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.service.http_answers import Handler
    from batchpatch.service.metrics import Exposition
    from batchpatch.service.patcher import Patcher

DRAINING = "The service is being stopped and takes no more rows: ask its successor."
_BACKLOG = 1024
_LONGEST_RETRY_S = 60
_NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


class Service:
    """A patcher behind HTTP. Belongs to its event loop."""

    def __init__(
        self,
        patcher: Patcher,
        *,
        monitor: Monitor,
        metrics: Exposition | str,
        queue_rows: int,
        secret: bytes | None = None,
        traced: bool = False,
    ) -> None:
        """Nothing listens yet.

        Args:
            patcher: open.
            monitor: of that patcher.
            metrics: what a scrape gets; or why there is nothing to get, in a sentence.
            queue_rows: rows without a result, at most: then more are refused, not queued.
            secret: what callers have to bear; None asks for none.
            traced: requests may name the span that they are a part of.
        """
        self._traced = traced
        self._patcher = patcher
        self._monitor = monitor
        self._metrics = metrics
        self._queue_rows = queue_rows
        self._guard = Guard(secret)
        self._draining = False
        self._streams: set[Lines] = set()

    def app(self) -> web.Application:
        """The routes."""
        around = [self._guard.answer_in_json, *([_trace] if self._traced else [])]
        app = web.Application(client_max_size=MOST_LINE_BYTES, middlewares=around)
        app.router.add_post("/patch", self._patch)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/metrics", self._scrape)
        return app

    def drain(self) -> None:
        """Take no more rows; what was taken is settled."""
        self._draining = True
        for lines in self._streams:
            lines.end(DRAINING)

    def trouble(self) -> str | None:
        """Why rows are not settled at this moment; None where nothing is in their way."""
        if (failure := self._patcher.failure) is not None:
            return str(failure)
        if self._draining:
            return DRAINING
        readings = self._monitor.readings()
        if readings is not None and readings.outage_s > 0:
            return f"The platform has not answered for {readings.outage_s:.0f} s; rows wait for it."
        return None

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        self._guard.admit(request)
        self._refuse_unless_open()
        if request.content_type in _NDJSON:
            return await self._patch_many(request)
        if request.content_type != "application/json":
            raise refuse(
                web.HTTPUnsupportedMediaType,
                "Send a row as application/json, or many as application/x-ndjson.",
            )
        fields = _object(line := await request.read())
        self._refuse_unless_open()  # the body has taken its time
        if _waits(request):
            return _json(encode(await self._patcher.submit(line)))
        number = self._patcher.put(line)
        name = fields.get("id")
        known = {"id": name} if isinstance(name, str | int) else {}
        return _json(orjson.dumps({"row": number, **known}), status=202)

    async def _patch_many(self, request: web.Request) -> web.StreamResponse:
        if not _waits(request):
            raise refuse(web.HTTPBadRequest, "wait=0 is for one row, sent as application/json.")
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        most = min(AT_ONCE, self._queue_rows)
        async with Lines.of(request, is_full=self._is_full) as lines:
            self._streams.add(lines)
            try:
                async with aclosing(self._patcher.stream(lines, at_once=most)) as results:
                    async for result in results:
                        await response.write(encode(result))
                if lines.cut_short is not None:
                    await response.write(problem(lines.cut_short) + b"\n")
            except BatchpatchError as error:  # its status has been sent: a last line has to tell
                await response.write(problem(str(error)) + b"\n")
            finally:
                self._streams.discard(lines)
        await response.write_eof()
        return response

    def _is_full(self) -> bool:
        return self._patcher.unsettled >= self._queue_rows

    def _refuse_unless_open(self) -> None:
        """Raise what tells a caller to come back later, or not at all."""
        failure = self._patcher.failure
        if failure is not None or self._draining:
            raise refuse(web.HTTPServiceUnavailable, str(failure or DRAINING))
        if self._is_full():
            raise refuse(
                web.HTTPTooManyRequests,
                f"{self._queue_rows:,} rows wait for their results: come back in a while.",
                {"Retry-After": str(self._retry_after_s())},
            )

    def _retry_after_s(self) -> int:
        """Until the allowance lets rows leave, or a moment where that is not what they wait for."""
        readings = self._monitor.readings()
        wait_s = 0.0 if readings is None else min(_LONGEST_RETRY_S, readings.allowance_wait_s)
        return max(1, math.ceil(wait_s))

    async def _health(self, request: web.Request) -> web.Response:
        trouble = self.trouble()
        told: dict[str, Any] = {"status": "ok" if trouble is None else "unavailable"}
        if trouble is not None and self._guard.is_admitted(request):
            told["error"] = trouble
        return _json(orjson.dumps(told), status=200 if trouble is None else 503)

    async def _scrape(self, request: web.Request) -> web.Response:
        self._guard.admit(request)
        if isinstance(self._metrics, str):
            raise refuse(web.HTTPNotImplemented, self._metrics)
        return answer_scrape(self._metrics, request)


@web.middleware
async def _trace(request: web.Request, handler: Handler) -> web.StreamResponse:
    from batchpatch.pipeline.tracing import within_caller  # noqa: PLC0415 - only where asked for

    with within_caller(request.headers):
        return await handler(request)


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except ValueError:
        raise refuse(web.HTTPBadRequest, "The body is not JSON in UTF-8.") from None
    if not isinstance(fields, dict):
        raise refuse(
            web.HTTPBadRequest,
            f"{WHAT_A_ROW_IS} Many rows go as application/x-ndjson, one a line.",
        )
    return fields


def _waits(request: web.Request) -> bool:
    wait = request.query.get("wait", "1")
    if wait not in ("0", "1"):
        raise refuse(web.HTTPBadRequest, "wait is 0 or 1.")
    return wait == "1"


def _json(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(body=body.rstrip() + b"\n", status=status, content_type="application/json")


@asynccontextmanager
async def listening(
    app: web.Application, *, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve it there; gives its URL. What is under way at the end is answered first.

    Raises:
        SettingsError: nothing can listen there.
    """
    quiet = logging.getLogger(f"{__name__}.http")
    quiet.disabled = True  # it would log a traceback of whatever a client sends
    runner = web.AppRunner(
        app, handler_cancellation=True, access_log=None, logger=quiet, shutdown_timeout=5.0
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls, backlog=_BACKLOG).start()
        except OSError as error:
            raise SettingsError(cannot_listen(host, port, error)) from None
        shown = f"[{host}]" if ":" in host else host
        yield f"{'http' if tls is None else 'https'}://{shown}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
