"""One HTTP attempt: bytes out, a `Reply` or a `NoReply` back.

Here the exceptions of aiohttp end on the way to Genesys; `http_errors` says what they mean.

This is the hot path, and aiohttp's own work is most of it. So a success builds nothing it
does not need: headers are made once per token, the URL is taken as it is, and an empty body is
not awaited.
"""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict, istr
from yarl import URL

from batchpatch.genesys.body import Body
from batchpatch.genesys.connector import Connector
from batchpatch.genesys.deadlines import Deadlines
from batchpatch.genesys.exchanges import tracing
from batchpatch.genesys.http_errors import explain
from batchpatch.genesys.network import (
    NO_DESCRIPTOR,
    DescriptorWait,
    affordable_connections,
    find_proxy,
    is_out_of_descriptors,
    trusted_certificates,
)
from batchpatch.genesys.replies import NoReply, Reply, platform_answer, read_reply
from batchpatch.options.run import DEFAULT_CONNECT, ConnectOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

    from batchpatch.genesys.account.credentials import Secret
    from batchpatch.genesys.account.regions import Hosts
    from batchpatch.genesys.exchanges import Exchange

ERROR_BODY_BYTES = 1024 * 1024
"""Enough for any error page; what is beyond it is not read."""
DATA_BODY_BYTES = 16 * 1024 * 1024
"""For answers that are wanted for their content, such as a conversation."""

_AUTHORIZATION = istr("Authorization")
_CONTENT_TYPE = istr("Content-Type")


class Attempter(Protocol):
    """The part of the transport that calls need."""

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        body_limit_bytes: int = ...,
    ) -> Reply | NoReply:
        """Make one attempt."""


class HiddenHeaders(CIMultiDict[str]):
    """Headers that hold a token, and so have no repr."""

    def __repr__(self) -> str:
        return f"<{len(self)} headers>"

    __str__ = __repr__


class Transport:
    """An HTTP client for the two hosts of one account, and for no other.

    Follows no redirect, keeps no cookie, reads no .netrc. An async context manager: the
    connections are closed on leaving. A connection that the server has closed while it was idle
    shows as a `NoReply`; for a GET aiohttp repeats the attempt once by itself in that case.
    """

    def __init__(
        self,
        hosts: Hosts,
        options: ConnectOptions = DEFAULT_CONNECT,
        *,
        version: str = "0",
        proxy: Secret | None = None,
        tell: Callable[[Exchange], None] | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Check the settings; nothing is opened yet. `tell` is told of each exchange.

        `proxy` goes before the environment's; it may hold a password. Raises `SettingsError` for a
        CA file or a proxy that cannot be used.
        """
        self._options = options
        self._traces = None if tell is None else [tracing(tell)]
        # Named here, because aiohttp spends more on leaving its own out than on taking ours.
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"batchpatch/{version}",
        }
        self._wall_clock = wall_clock
        self._ssl = trusted_certificates(options.ca_file, os.environ)
        # The slash ends the host: no path can turn `https://api.x` into `https://api.x.evil`.
        self._api_prefix = f"{hosts.api_url}/"
        self._login_prefix = f"{hosts.login_url}/"
        self._api_base = URL(hosts.api_url)
        parts = urlsplit(hosts.api_url)
        self._api_origin_chars = len(f"{parts.scheme}://{parts.netloc}")
        named = None if proxy is None else proxy.reveal()
        self._api_proxy = _url_of(find_proxy(hosts.api_url, named=named))
        self._login_proxy = _url_of(find_proxy(hosts.login_url, named=named))
        self._session: aiohttp.ClientSession | None = None
        self._deadlines: Deadlines | None = None
        self._descriptors = DescriptorWait()

    async def __aenter__(self) -> Self:
        options = self._options
        self._session = aiohttp.ClientSession(
            connector=Connector(limit=affordable_connections(options.concurrency), ssl=self._ssl),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=options.connect_s, sock_read=options.read_s
            ),
            trust_env=False,
            trace_configs=self._traces,
        )
        self._deadlines = Deadlines(options.total_s)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if self._deadlines is not None:
            self._deadlines.close()
        if session is not None:
            await session.close()

    def headers(self, *, authorization: str, content_type: str) -> HiddenHeaders:
        """Return headers to be used for many requests; they do not show in a repr."""
        headers = HiddenHeaders()
        headers[_AUTHORIZATION] = authorization
        headers[_CONTENT_TYPE] = content_type
        return headers

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        body_limit_bytes: int = ERROR_BODY_BYTES,
        may_wait: bool = True,
    ) -> Reply | NoReply:
        """Make one attempt. `url` is absolute and percent-encoded already.
        Where the process has no file descriptor left, it waits for one if it `may_wait`.

        Raises `ValueError` for a URL of any other host than the account's two; trouble on the way
        is a `NoReply`, never an exception.
        """
        if url.startswith(self._api_prefix):
            proxy = self._api_proxy
        elif url.startswith(self._login_prefix):
            proxy = self._login_proxy
        else:
            raise ValueError("a request to a host that is not the account's")
        session, deadlines = self._session, self._deadlines
        if session is None or deadlines is None:
            raise RuntimeError("the transport is not open")
        response, task = None, deadlines.begin()
        try:
            response = await session.request(
                method,
                self._url(url),
                data=None if body is None else Body(body),
                headers=headers,
                allow_redirects=False,
                proxy=proxy,
            )
        except asyncio.CancelledError:
            if not deadlines.is_over(task):
                raise
            return explain(TimeoutError(), url)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not is_out_of_descriptors(error):
                return explain(error, url)
        finally:
            until_s = deadlines.end(task)
        if response is None:
            again = partial(self.send, body_limit_bytes=body_limit_bytes, may_wait=False)
            again = partial(again, method, url, headers, body)
            return await self._send_later(again) if may_wait else NO_DESCRIPTOR
        # A connection that was given back means a body that has ended.
        if response.connection is None and response.content.at_eof():
            return self._without_body(response)
        return await self._read(response, body_limit_bytes, until_s=until_s)

    def _without_body(self, response: aiohttp.ClientResponse) -> Reply | NoReply:
        # Only of what is no success a date may have to be read, or whose answer it is.
        if 200 <= response.status < 300:
            return read_reply(response.status, response.headers, b"")
        now_s = self._wall_clock()
        return platform_answer(read_reply(response.status, response.headers, b"", now_s=now_s))

    async def _send_later(self, send: Callable[[], Awaitable[Reply | NoReply]]) -> Reply | NoReply:
        return await self._descriptors.attempt(send, for_s=self._options.total_s)

    def _url(self, url: str) -> URL:
        """Return the URL as it is, ids encoded already; half the cost of having it parsed."""
        if "?" in url or not url.startswith(self._api_prefix):
            return URL(url, encoded=True)
        return self._api_base.with_path(url[self._api_origin_chars :], encoded=True)

    async def _read(
        self, response: aiohttp.ClientResponse, limit_bytes: int, *, until_s: float
    ) -> Reply | NoReply:
        """Read the body as far as it goes. The status has been heard, so it stands."""
        body = bytearray()
        whole = False
        try:
            async with asyncio.timeout_at(until_s):
                while len(body) <= limit_bytes:
                    piece = await response.content.readany()
                    if not piece:
                        whole = True
                        break
                    body += piece
        except (aiohttp.ClientError, TimeoutError, OSError):
            whole = False
        finally:
            # Half an answer makes the connection useless, on cancellation too; and one that was
            # not given back at the end has been upgraded to something that is not HTTP.
            if not whole or response.connection is not None:
                response.close()
        del body[limit_bytes:]
        reply = read_reply(
            response.status,
            response.headers,
            bytes(body),
            now_s=self._wall_clock(),
            whole=whole,
        )
        return platform_answer(reply)


def _url_of(text: str | None) -> URL | None:
    return None if text is None else URL(text)
