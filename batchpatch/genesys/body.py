"""The body of a request, as aiohttp takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from multidict import CIMultiDict

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter


_HEADERS = CIMultiDict({"Content-Type": "application/octet-stream"})


class Body(aiohttp.Payload):
    """Bytes whose type the headers of the request name already.

    What aiohttp makes of bytes by itself has headers of its own, made for each request.
    """

    _autoclose = True  # there is nothing to close

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self._data)

    @property
    def headers(self) -> CIMultiDict[str]:
        """What counts where the request names no type."""
        return _HEADERS

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the bytes as a text."""
        return self._data.decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the bytes."""
        return self._data

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send them."""
        await writer.write(self._data)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Send so many of them."""
        await writer.write(self._data[:content_length])
