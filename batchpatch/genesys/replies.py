"""Replies: an answer read into a value, whatever its bytes, or the fact that none came.

Pure, and total: `read_reply` has no input for which it raises. Proxies and load balancers answer
in the platform's place with HTML, plain text or nothing, and a run must survive all of it.
`platform_answer` tells whose answer it is: the platform's has no body, or JSON.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import orjson

from batchpatch.genesys.headers import LONGEST_WAIT_S, QuotaHeaders, read_quota, read_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LONGEST_WAIT_S",
    "NoReply",
    "QuotaHeaders",
    "Reply",
    "platform_answer",
    "read_reply",
]

MESSAGE_CHARS = 300

_CODE_CHARS = 100

CORRELATION_HEADER = "ININ-Correlation-Id"

# "Retry the request in [42] seconds"; the older text ends in "... requests within [60] seconds",
# which names the whole window: longer than needed, never too short.
_SECONDS_IN_TEXT = re.compile(r"\[\s*([0-9]{1,9})\s*\]\s*seconds", re.IGNORECASE)
_TITLE_CHARS = 80
# Statuses beside 2xx that a page must not decide: they are about tokens and conversations.
_JUDGED = frozenset({401, 403, 404})
# The platform redirects nobody and stands behind no sign-in of a network's: these statuses are a
# proxy's or a portal's, whatever comes with them.
_NEVER_THE_PLATFORMS = frozenset({*range(300, 400), 407, 511})
# Parsing costs next to nothing up to here.
_PARSED_BYTES = 16 * 1024
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


class Reply(NamedTuple):
    """An answer with an HTTP status."""

    status: int
    code: str | None = None
    """The platform's code, such as `not.found`; of the token endpoint, its `error`."""
    message: str | None = None
    """The platform's words: at most 300 characters, one line."""
    correlation_id: str | None = None
    retry_after_s: float | None = None
    """From the header, else from the words of the message."""
    quota: QuotaHeaders | None = None
    body: bytes = b""
    """As read; may hold people's data, or a token, so the repr shows its length only."""
    whole: bool = True
    """False where the body broke off or was cut at the limit: the status still stands."""
    limit: str | None = None
    """The key of the limit that a 429 names, such as `token.rate.per.minute`."""

    def __repr__(self) -> str:
        return (
            f"Reply(status={self.status}, code={self.code!r}, message={self.message!r},"
            f" correlation_id={self.correlation_id!r}, retry_after_s={self.retry_after_s},"
            f" quota={self.quota}, body=<{len(self.body)} bytes>, whole={self.whole},"
            f" limit={self.limit!r})"
        )


class NoReply(NamedTuple):
    """No answer of the platform's came, and why."""

    kind: Literal["timeout", "connection", "tls", "page", "throttled"]
    """`tls` is a certificate that could not be verified; other TLS trouble is `connection`. `page`
    is an answer of something else than the platform, `throttled` nothing but 429s to one request
    while others passed."""
    message: str
    """In words; names the host, holds no secret."""
    sent: bool
    """False where no byte of the request went out; True where it did, or may have."""
    title: str | None = None
    """Of a page that has one."""

    @property
    def code(self) -> str:
        """For the report."""
        return {"page": "not_the_platform", "throttled": "throttled"}.get(
            self.kind, f"no_answer.{self.kind}"
        )


def read_reply(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: float = 0.0,
    whole: bool = True,
) -> Reply:
    """Read an answer. Never raises.

    `headers` must look names up without regard to case. `now_s` is the wall clock in seconds
    since the epoch, needed for a Retry-After that is a date.
    """
    correlation_id = headers.get(CORRELATION_HEADER)
    if correlation_id is not None:
        correlation_id = _tidy(correlation_id, _CODE_CHARS)
    quota = read_quota(headers)
    if 200 <= status < 300:
        return Reply(status, None, None, correlation_id, None, quota, body, whole)
    envelope = _read_envelope(body)
    # The platform's words may quote what was sent, an attribute's value for instance. They are
    # the best explanation there is, so they stay, but cut; the values' own fields (messageParams,
    # details) are left out.
    message = _text(envelope, ("message", "error_description", "description"), MESSAGE_CHARS)
    if message is None:
        message = _words_of(body) or _target_of(status, headers)
    retry_after_s = read_retry_after(headers.get("Retry-After"), now_s)
    if retry_after_s is None:
        retry_after_s = _seconds_in(message)
    return Reply(
        status,
        _text(envelope, ("code", "error"), _CODE_CHARS),
        message,
        correlation_id or _text(envelope, ("contextId",), _CODE_CHARS),
        retry_after_s,
        quota,
        body,
        whole,
        _limit_of(envelope),
    )


def platform_answer(reply: Reply) -> Reply | NoReply:
    """Return the answer where it is the platform's, and else that none came.

    A sign-in page of a proxy is no success, and its 401, 403 or 404 says nothing about a token or a
    conversation; a redirect to it is no refusal either. What a server in front of the platform says
    of any other status (502, 413) is about the request all the same.
    """
    if reply.status in _NEVER_THE_PLATFORMS:
        what = "a redirect" if reply.status < 400 else "something on the way"
        return _page(what, reply, title=_title_of(reply.body), words=reply.message)
    judged = 200 <= reply.status < 300 or reply.status in _JUDGED
    if not judged or not reply.body or _is_json(reply):
        return reply
    title = _title_of(reply.body)
    what = "a web page" if reply.body.lstrip().startswith(b"<") else "a text that is not JSON"
    return _page(what, reply, title=title, words=title)


def _page(what: str, reply: Reply, *, title: str | None, words: str | None) -> NoReply:
    message = f"{what} answered with status {reply.status}, not the platform"
    message += f" ({words[:_TITLE_CHARS]})" if words else ""
    return NoReply("page", message, sent=True, title=title)


def _is_json(reply: Reply) -> bool:
    """Tell whether a body is JSON; a long one is parsed by whoever has asked for it."""
    body = reply.body.strip()
    if not body or not reply.whole:
        return not body.startswith(b"<")  # of half a body nothing else can be told
    if len(body) > _PARSED_BYTES:
        return (body[:1], body[-1:]) in ((b"{", b"}"), (b"[", b"]"))
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _seconds_in(message: str | None) -> float | None:
    found = _SECONDS_IN_TEXT.search(message) if message else None
    return min(float(found.group(1)), LONGEST_WAIT_S) if found else None


def _read_envelope(body: bytes) -> dict[str, Any]:
    if not body.lstrip().startswith(b"{"):
        return {}
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return envelope if isinstance(envelope, dict) else {}


def _text(envelope: dict[str, Any], names: tuple[str, ...], chars: int) -> str | None:
    for name in names:
        value = envelope.get(name)
        if isinstance(value, str) and (text := _tidy(value, chars)):
            return text
    return None


def _title_of(body: bytes) -> str | None:
    """Return the title of a page, on one line and shortened; None where it has none."""
    title = _TITLE.search(body[:4096].decode("utf-8", "replace"))
    return _tidy(html.unescape(title.group(1)), _TITLE_CHARS) if title else None


def _limit_of(envelope: dict[str, Any]) -> str | None:
    limit = envelope.get("limit")
    return _text(limit, ("key",), _CODE_CHARS) if isinstance(limit, dict) else None


def _words_of(body: bytes) -> str | None:
    """Return what a page that is not the platform's envelope says, if it says anything."""
    text = body[:4096].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        return _title_of(body)
    if text.startswith(("{", "[")):
        return None
    return _tidy(text, MESSAGE_CHARS)


def _target_of(status: int, headers: Mapping[str, str]) -> str | None:
    """Return where a redirect leads, without the path, which may hold a ticket."""
    target = headers.get("Location") if 300 <= status < 400 else None
    try:
        host = urlsplit(target).hostname if target else None
    except ValueError:
        return None
    return _tidy(f"to {host}", _TITLE_CHARS) if host else None


def _tidy(text: str, chars: int) -> str | None:
    """Return one line of printable text, cut; None where nothing is left.

    Control characters, line breaks and what turns text around become spaces, and a lone surrogate
    (a header's undecodable byte) is gone: the report and the terminal both take the result.
    """
    text = text[: 4 * chars]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    if len(text) > chars:
        text = text[: chars - 3] + "..."
    return text or None
