"""A bearer token that all workers share: minted once, renewed in time, replaced when rejected."""

from __future__ import annotations

import asyncio
import base64
import math
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from batchpatch.errors import AccessError, OutageError
from batchpatch.genesys.account.credentials import Secret
from batchpatch.genesys.account.token_endpoint import (
    MINT_BODY,
    MINT_PATH,
    Minted,
    Throttled,
    Token,
    TokenRequester,
    Transient,
    bearer_headers,
    judge_mint,
)
from batchpatch.genesys.retry import backoff_s

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from batchpatch.genesys.account.credentials import Account, ClientCredentials

# Renewed before it expires, so that no request carries a token that dies on the way.
_MARGIN_S = 60.0
_MARGIN_SHARE = 0.1
# However short its life is said to be, a token is tried for so long, unless a 401 ends it: else
# one that is due at once would be minted again and again, and never used.
_LEAST_USE_S = 1.0
_TRIES = 5
_BASE_S = 0.5
_CAP_S = 10.0
_THROTTLE_BASE_S = 2.0
_THROTTLE_CAP_S = 60.0
_FAILED = "check the network, or try again later"
_THROTTLED = "see whether another program mints with this client in a loop, or try again later"

THROTTLE_PATIENCE_S = 300.0


class TokenSource(Protocol):
    """Where the client gets its token from."""

    @property
    def minted(self) -> int:
        """Tokens minted so far."""

    @property
    def trouble(self) -> str | None:
        """What holds a mint up at this moment, in words; None where nothing does."""

    def ready(self) -> Token | None:
        """Return the token where no waiting is needed for it, else None."""

    async def current(self) -> Token:
        """Return a token that is believed to be valid, minting one where needed."""

    def reject(self, rejected: Token) -> None:
        """Forget the token that the API has answered with 401; `current` then has another."""


class ReadyToken:
    """A token that was given to us. There is no other once it is rejected."""

    minted = 0
    trouble = None

    def __init__(self, token: Token, *, origin: str) -> None:
        self._token = token
        self._origin = origin

    def ready(self) -> Token:
        """Return the token."""
        return self._token

    async def current(self) -> Token:
        """Return the token; whether it still holds, the API will say."""
        return self._token

    def reject(self, rejected: Token) -> None:
        """Raise `AccessError`: a ready token cannot be renewed."""
        if rejected.accepted:
            raise AccessError(
                f"The access token from {self._origin} is no longer accepted, and a ready token"
                " cannot be renewed: set a new one, or a client id and secret."
            )
        raise AccessError(
            f"The access token from {self._origin} is rejected: check that it is whole, not"
            " expired, and of an organisation in this region."
        )


class MintedTokens:
    """Mints tokens of one OAuth client, one at a time however many workers ask.

    A mint runs under a lock in the task of the worker that asked first; the others wait for the
    lock and find the new token there. When that worker is cancelled the lock is free again, and
    the next one mints.
    """

    def __init__(
        self,
        account: Account,
        credentials: ClientCredentials,
        sender: TokenRequester,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        random: Callable[[], float],
        lock: asyncio.Lock | None = None,
        patience_s: float = THROTTLE_PATIENCE_S,
    ) -> None:
        """No token is minted before it is asked for.

        Those that share a `lock` mint in turn. `patience_s` is how long the login host may limit
        the minting before it counts as an outage.
        """
        self._sender = sender
        self._url = account.hosts.login_url + MINT_PATH
        self._host = urlsplit(account.hosts.login_url).netloc
        self._origin = account.origin
        self._headers = _basic_headers(credentials, sender)
        sent = self._headers["Authorization"].removeprefix("Basic ")
        self._secrets = credentials.client_secret, Secret(sent)
        """What an answer may repeat and a message may not."""
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._lock = lock or asyncio.Lock()
        self._patience_s = patience_s
        self._token: Token | None = None
        self._given: list[Token] = []
        self._throttled_s: float | None = None
        """Since when it is not minted for the login host's limit; None where it is."""
        self.minted = 0
        self.trouble: str | None = None

    def valid(self) -> list[Token]:
        """Tokens that were minted and are neither expired, as far as is known, nor rejected."""
        return [one for one in self._given if self._clock() < one.renew_at_s + _MARGIN_S]

    def ready(self) -> Token | None:
        """Return the token where there is one that is not about to expire."""
        token = self._token
        return token if token is not None and self._clock() < token.renew_at_s else None

    async def current(self) -> Token:
        """Return the token, minted anew where there is none or where it is about to expire.

        Raises `AccessError` where the credentials are refused, `SettingsError` where the host
        cannot be right, and `OutageError` where it does not answer.
        """
        if (token := self.ready()) is not None:
            return token
        token = self._token
        async with self._lock:
            if self._token is None or self._token is token:
                self._token = await self._mint()
            return self._token

    def reject(self, rejected: Token) -> None:
        """Forget a token that the API has answered with 401; a late word on an older one is void.

        Raises:
            AccessError: it was never accepted in a life that is not over: minting would not end.
        """
        self._given = [one for one in self._given if one is not rejected]
        if self._token is not rejected:
            return
        self._token = None
        if not rejected.accepted and self._clock() < rejected.expires_at_s:
            raise AccessError(
                "A token just minted is rejected by the API: check that --api-url and"
                " --login-url (or the region) belong together and that the OAuth client is"
                " active."
            )

    async def _mint(self) -> Token:
        try:
            token = await self._minted()
        finally:
            self.trouble = None
        self.minted += 1
        self._throttled_s = None
        self._given = [*self.valid(), token]
        return token

    async def _minted(self) -> Token:
        failures = 0
        throttles = 0
        while True:
            asked_s = self._clock()
            answer = await self._sender.send("POST", self._url, self._headers, MINT_BODY)
            verdict = judge_mint(
                answer, host=self._host, origin=self._origin, secrets=self._secrets
            )
            if isinstance(verdict, Minted):
                return self._token_of(verdict, asked_s)
            if isinstance(verdict, Throttled):
                wait_s = self._throttle_s(verdict, throttles)
                throttles += 1
                self.trouble = f"{self._host} limits how many tokens it mints"
            else:
                self.trouble = f"{self._host} mints none: {verdict.reason}"
                wait_s = self._failure_s(verdict, failures)
                failures += 1
            await self._sleep(wait_s)

    def _throttle_s(self, verdict: Throttled, turn: int) -> float:
        """How long to wait. The patience is of all attempts since the last token, not of each."""
        growing_s = backoff_s(turn, base_s=_THROTTLE_BASE_S, cap_s=_THROTTLE_CAP_S)
        wait_s = max(growing_s, (verdict.retry_after_s or 0.0) + 1.0)
        now_s = self._clock()
        if self._throttled_s is None:
            self._throttled_s = now_s
        if now_s - self._throttled_s + wait_s > self._patience_s:
            raise self._given_up("limits how many tokens it mints, and does not stop", _THROTTLED)
        return wait_s

    def _failure_s(self, verdict: Transient, turn: int) -> float:
        if turn + 1 >= _TRIES:
            raise self._given_up(f"mints no token ({verdict.reason})", _FAILED)
        return backoff_s(turn, base_s=_BASE_S, cap_s=_CAP_S) * (0.5 + self._random() / 2)

    def _given_up(self, what: str, advice: str) -> OutageError:
        return OutageError(f"{self._host} {what}: {advice}.")

    def _token_of(self, minted: Minted, asked_s: float) -> Token:
        margin_s = 0.0
        if minted.lifetime_s < math.inf:
            margin_s = min(_MARGIN_S, minted.lifetime_s * _MARGIN_SHARE)
        return Token(
            minted.secret,
            bearer_headers(minted.secret, self._sender),
            self._clock() + max(_LEAST_USE_S, minted.lifetime_s - margin_s),
            expires_at_s=asked_s + minted.lifetime_s,
        )


def _basic_headers(credentials: ClientCredentials, sender: TokenRequester) -> Mapping[str, str]:
    pair = f"{credentials.client_id}:{credentials.client_secret.reveal()}"
    return sender.headers(
        authorization="Basic " + base64.b64encode(pair.encode()).decode("ascii"),
        content_type="application/x-www-form-urlencoded",
    )
