"""Exchanges: what can be told of an answer of HTTP beside what it says, such as its server's clock.

For whoever looks at the connection itself. A run does not, and pays nothing for it.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable


class Exchange(NamedTuple):
    """A request and its answer."""

    method: str
    host: str
    status: int
    took_s: float
    """From the request's last byte to the answer's head; connecting is not in it."""
    date: str | None
    """Of the header `Date`; a gateway in between may have set it."""
    now_s: float
    """This machine's clock as the answer came, in seconds since the epoch."""

    @property
    def ahead_s(self) -> float | None:
        """How far this machine's clock is ahead of the server's; None where the answer has no date.

        The server's is known to half a second, because the header names whole ones.
        """
        try:
            server_s = parsedate_to_datetime(self.date or "").timestamp()
        except (ValueError, TypeError, OverflowError, OSError):
            return None
        return self.now_s - self.took_s / 2 - (server_s + 0.5)


def tracing(tell: Callable[[Exchange], None]) -> aiohttp.TraceConfig:
    """What an HTTP session is given so that each of its exchanges is told of."""

    async def sent(_session: object, context: Any, _request: object) -> None:
        context.sent_s = time.perf_counter()

    async def answered(_session: object, context: Any, end: aiohttp.TraceRequestEndParams) -> None:
        took_s = time.perf_counter() - context.sent_s
        host, status = urlsplit(str(end.url)).netloc, end.response.status
        date = end.response.headers.get("Date")
        tell(Exchange(end.method, host, status, took_s, date, time.time()))

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(sent)
    config.on_request_end.append(answered)
    return config
