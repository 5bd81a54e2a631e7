"""The token endpoint: a token is asked for, what the answer means, and how a token is given back.

Its errors are not the API's envelope but OAuth's `{"error", "error_description"}`, and its own
throttle is a 400 that says so in words (both as the vendor's SDK and CLI handle them).
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from batchpatch.errors import AccessError, SettingsError
from batchpatch.genesys.account.credentials import Secret
from batchpatch.genesys.hints import page_error, tls_error
from batchpatch.genesys.replies import NoReply, Reply

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MINT_PATH = "/oauth/token"
ME_PATH = "/api/v2/tokens/me"
"""GET tells who a token is, DELETE revokes it."""
MINT_BODY = b"grant_type=client_credentials"

_THROTTLE_WORDS = "rate limit exceeded"
_TRANSIENT = frozenset({408, 500, 502, 503, 504})
_TOKEN_CHARS = 16_384
_LONGEST_LIFE_S = 1e9


class Minted(NamedTuple):
    """A token and how long it holds."""

    secret: Secret
    lifetime_s: float
    """As `expires_in` says; infinite where it says nothing, and then a 401 tells the end."""


class Token:
    """One bearer token. Compared by identity: two equal texts are still two mintings."""

    __slots__ = ("accepted", "expires_at_s", "headers", "renew_at_s", "secret")

    def __init__(
        self,
        secret: Secret,
        headers: Mapping[str, str],
        renew_at_s: float,
        *,
        expires_at_s: float = math.inf,
    ) -> None:
        self.secret = secret
        self.headers = headers
        """Made once per token, because every request takes them."""
        self.renew_at_s = renew_at_s
        self.expires_at_s = expires_at_s
        """Counted from before it was minted; from then on a rejection says no more than that."""
        self.accepted = False
        """Set by the client when the API has answered it with anything but 401."""

    def __repr__(self) -> str:
        return f"<Token accepted={self.accepted}>"


class TokenRequester(Protocol):
    """The part of the transport that minting needs."""

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply | NoReply:
        """Make one attempt."""

    def headers(self, *, authorization: str, content_type: str) -> Mapping[str, str]:
        """Return a request's headers, in a form that does not show them."""


def bearer_headers(secret: Secret, sender: TokenRequester) -> Mapping[str, str]:
    """Return the headers of every request that carries this token."""
    return sender.headers(
        authorization=f"Bearer {secret.reveal()}", content_type="application/json"
    )


class Throttled(NamedTuple):
    """Too many tokens were asked for: wait, which costs no try."""

    retry_after_s: float | None


class Transient(NamedTuple):
    """A failure that may pass in a moment."""

    reason: str


def judge_mint(
    answer: Reply | NoReply, *, host: str, origin: str, secrets: Collection[Secret] = ()
) -> Minted | Throttled | Transient:
    """Say what an answer to a request for a token means.

    `host` is the login host and `origin` where the credentials came from, for the messages, which
    hold no word of an answer that repeats one of the `secrets`.
    Raises `AccessError` where the credentials are refused, `SettingsError` where the host cannot be
    the platform's, or its certificate cannot be verified, and `OutageError` where a page answers.
    """
    if isinstance(answer, NoReply):
        if answer.kind == "tls":
            raise tls_error(host)
        if answer.kind == "page":
            raise page_error(host, _discreet(answer, secrets), flag="--login-url")
        return Transient(answer.message)
    if 200 <= answer.status < 300:
        return _read_token(answer) or Transient(f"status {answer.status} without a token")
    words = f"{answer.code or ''} {answer.message or ''}".lower()
    if answer.status == 429 or (answer.status == 400 and _THROTTLE_WORDS in words):
        return Throttled(answer.retry_after_s)
    if answer.status in _TRANSIENT:
        return Transient(f"status {answer.status}")
    if answer.status in (400, 401, 403):
        if any(_is_repeated(secret, answer.body) for secret in secrets):
            answer = answer._replace(code=None, message=None)
        raise _refused(answer, host=host, origin=origin)
    raise SettingsError(
        f"{host} answers a request for a token with status {answer.status}, as no login host of"
        " the platform does: check the region or --login-url."
    )


def _read_token(reply: Reply) -> Minted | None:
    try:
        grant = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
    token = grant.get("access_token") if isinstance(grant, dict) else None
    if not isinstance(token, str) or not 0 < len(token) <= _TOKEN_CHARS:
        return None
    # It becomes a header: nothing that could end one may be in it.
    if not (token.isascii() and token.isprintable()) or " " in token:
        return None
    return Minted(Secret(token), _read_lifetime_s(grant.get("expires_in")))


def _read_lifetime_s(value: Any) -> float:
    # Anything but a positive number would mean a new token for each request.
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return math.inf
    return float(min(value, _LONGEST_LIFE_S))  # no float holds every integer


def _discreet(page: NoReply, secrets: Collection[Secret]) -> NoReply:
    """Leave the title out where it repeats a secret, or may: it is shortened."""
    if page.title is None or not any(_overlap(secret, page.title) for secret in secrets):
        return page
    return page._replace(message=page.message.replace(page.title, "***"), title=None)


def _is_repeated(secret: Secret, body: bytes) -> bool:
    return bool(secret.reveal()) and secret.reveal().encode() in body


def _overlap(secret: Secret, text: str) -> bool:
    found = secret.reveal()
    return found in text or any(
        text.removesuffix("...").endswith(found[:length]) for length in range(6, len(found))
    )


def _refused(reply: Reply, *, host: str, origin: str) -> AccessError:
    said = " ".join(part for part in (reply.code, reply.message) if part) or str(reply.status)
    advice = "check the client id, its secret, and that the region is the organisation's own"
    if reply.code in ("unauthorized_client", "unsupported_grant_type"):
        advice = "the OAuth client must be of the grant type Client Credentials"
    return AccessError(f"{host} refuses the credentials from {origin} ({said}): {advice}.")


_log = logging.getLogger(__name__)
# A token that is not given back dies of its age: nobody waits longer than this for its sake.
_PATIENCE_S = 2.0


async def revoke(sender: TokenRequester, api_url: str, tokens: Iterable[Token]) -> None:
    """Revoke these tokens, as far as the platform answers in time. Raises nothing of its own.

    Each request asks with the token that it revokes, and is in no count and under no limit of ours.
    """
    requests = [sender.send("DELETE", api_url + ME_PATH, one.headers, None) for one in tokens]
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.gather(*requests)
    except TimeoutError:
        _log.debug("not every token was revoked in time")
