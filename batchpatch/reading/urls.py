"""URLs as inputs, through a library that comes with an extra.

What is shown and kept of a URL is where it leads, without the credentials that may be in it: in
front of the host, or behind the question mark. What a library says of its errors is not shown at
all, because it may quote the URL.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from batchpatch.errors import InputError, as_typed, why_refused, with_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_HOST = re.compile(r"[^:@]*(:\d+)?")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TIMEOUT_S = 60
_EXTRAS = {"gs": "gcs", "azure": "azure", "sftp": "ssh", "ssh": "ssh", "scp": "ssh"}
"""What else a kind of URL needs of the library."""


def is_url(name: str) -> bool:
    """True for a name that leads somewhere else than to a file here."""
    return _URL.match(name) is not None


def shown_name(name: str) -> str:
    """The name of an input as it may be printed and kept."""
    found = _URL.match(name)
    if found is None:
        return name
    place = re.split(r"[?#]", found[2], maxsplit=1)[0]
    before, _, behind = place.rpartition("@")
    host, slash, path = place.partition("/")
    # The secret of a key in front of a bucket may hold slashes.
    is_plain = found[1].lower().startswith("http") and _HOST.fullmatch(host)
    has_secret = ":" in before.partition("@")[0] and not is_plain
    return f"{found[1]}://{behind if has_secret else host.rpartition('@')[2] + slash + path}"


def told_name(name: str, *, first: bool = False) -> str:
    """The name of an input within a sentence, or as its `first` word."""
    if name != "-":
        return as_typed(shown_name(name))
    return "Standard input" if first else "standard input"


def open_url(name: str) -> io.RawIOBase:
    """The bytes that a URL leads to, as they come.

    Raises:
        InputError: they cannot be had, or the library is not there.
    """
    shown = shown_name(name)
    scheme = name.partition("://")[0].lower()
    if scheme == "http" and not _is_loopback(name):
        raise InputError(f"{shown} would be read in the clear: use https.")
    try:
        from smart_open import open as open_stream  # noqa: PLC0415 - an extra
    except ImportError:
        raise InputError(f"{shown} is a URL: download it, or {with_extra('url')}.") from None
    params = {"timeout": _TIMEOUT_S} if scheme in ("http", "https") else None
    try:
        stream = open_stream(name, "rb", compression="disable", transport_params=params)
    except (ImportError, NotImplementedError):
        raise InputError(_unknown(shown, scheme)) from None
    except Exception as error:  # noqa: BLE001 - each kind of URL has errors of its own
        told = f"{shown} cannot be opened: {_reason(error)}"
        raise InputError(f"{told}; check the address, or download it.") from None
    return _UrlStream(stream)


def _is_loopback(name: str) -> bool:
    host = re.sub(r":\d+$", "", shown_name(name).partition("://")[2].partition("/")[0])
    return host.strip("[]").lower() in _LOOPBACK


def _unknown(shown: str, scheme: str) -> str:
    if scheme in _EXTRAS:
        needed = f"smart_open[{_EXTRAS[scheme]}]"
        return f"{shown} needs one more library: pip install '{needed}'."
    return f"{shown} is no URL that can be read: download it, or use https:// or s3://."


def _reason(error: Exception) -> str:
    """In words that hold nothing of the URL."""
    reply: Any = getattr(error, "response", None)
    if isinstance(reply, dict):  # of boto3
        reply = reply.get("ResponseMetadata", {}).get("HTTPStatusCode")
    status = getattr(reply, "status_code", reply)
    if status in (401, 403):
        return f"access was refused ({status})"
    if isinstance(status, int):
        return "there is nothing there (404)" if status == 404 else f"the answer is {status}"
    if "credentials" in type(error).__name__.lower():
        return "no credentials for it were found, or they are not whole"
    causes = [error, *_causes(error)]
    for cause in causes[1:]:
        if getattr(cause, "response", None) is not None:
            return _reason(cause)
    return next(filter(None, map(_own_reason, reversed(causes))), _UNKNOWN_REASON)


_UNKNOWN_REASON = "it cannot be reached as it is written, or not without other credentials"


def _causes(error: Exception) -> Iterator[Exception]:
    """What has led to an error, the innermost last."""
    cause = error.__cause__ or error.__context__
    while isinstance(cause, Exception):
        yield cause
        cause = cause.__cause__ or cause.__context__


def _own_reason(error: Exception) -> str | None:
    """What the system has said of it; None of an error that is a library's, whose text may quote
    the URL."""
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection came about ({error.reason or 'TLS failed'})"
    if isinstance(error, socket.gaierror):
        return "its host's name cannot be resolved"
    if isinstance(error, TimeoutError):
        return "no answer came in time"
    if isinstance(error, OSError) and (error.errno or 0) > 0:
        return why_refused(error)
    return None


class _UrlStream(io.RawIOBase):
    """The raw stream of a URL. It has no file number: nobody can ask whether it would wait."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(f"it broke off: {_reason(error)}") from None
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            with suppress(Exception):
                self._stream.close()
        super().close()
