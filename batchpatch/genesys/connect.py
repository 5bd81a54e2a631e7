"""A client with the real network, clock and randomness, for one account."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.credentials import AccessToken, Account
from batchpatch.genesys.account.regions import is_loopback
from batchpatch.genesys.account.token_endpoint import Token, bearer_headers, revoke
from batchpatch.genesys.account.tokens import (
    THROTTLE_PATIENCE_S,
    MintedTokens,
    ReadyToken,
    TokenSource,
)
from batchpatch.genesys.circuit_breaker import MAX_OUTAGE_S
from batchpatch.genesys.client import GenesysClient
from batchpatch.genesys.http import Transport
from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions
from batchpatch.options.run import (
    DEFAULT_CONNECT,
    DEFAULT_PACE,
    DEFAULT_POLICY,
    ConnectOptions,
    PaceOptions,
    RetryPolicy,
)
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from batchpatch.genesys.exchanges import Exchange
    from batchpatch.options.run import Settings


@asynccontextmanager
async def open_client(
    account: Account,
    connect: ConnectOptions = DEFAULT_CONNECT,
    policy: RetryPolicy = DEFAULT_POLICY,
    pace: PaceOptions = DEFAULT_PACE,
    *,
    version: str,
    max_outage_s: float = MAX_OUTAGE_S,
    tell: Callable[[Exchange], None] | None = None,
) -> AsyncIterator[GenesysClient]:
    """Open a client with the real network, clock and randomness.

    `max_outage_s` is how long everything may fail before calls raise `OutageError`. `tell` is told
    of each exchange with the platform, of tokens too. Raises
    `SettingsError` for a CA file or a proxy that cannot be used, and for several tokens of an
    account that has one; nothing is sent before the first call. On leaving, also by an error or a
    cancellation, the tokens that were minted are revoked; one that was given to us is not.
    """
    async with Transport(
        account.hosts, connect, version=version, proxy=account.proxy, tell=tell
    ) as transport:
        sources = _token_sources(account, transport, pace.tokens, max_outage_s)
        assumed_per_s = None if pace.assumed is None else pace.assumed.per_s
        limiter = RateLimiter(
            sources,
            QuotaOptions(share=pace.share, assumed_per_s=assumed_per_s),
            clock=time.monotonic,
            cap=pace.rate,
            patience_s=max_outage_s,
        )
        try:
            yield GenesysClient(
                account.hosts.api_url,
                transport=transport,
                limiter=limiter,
                # Each of the tokens may be an old one when all are revoked at once.
                policy=policy._replace(renewals=policy.renewals + len(sources) - 1),
                sleep=asyncio.sleep,
                random=random.random,
                max_outage_s=max_outage_s,
            )
        finally:
            limiter.close()
            minted = [source for source in sources if isinstance(source, MintedTokens)]
            await revoke(
                transport, account.hosts.api_url, [one for them in minted for one in them.valid()]
            )


def _token_sources(
    account: Account, transport: Transport, tokens: int, max_outage_s: float
) -> list[TokenSource]:
    """Where so many tokens come from.

    Raises:
        SettingsError: a token that was given to us is the only one.
    """
    credentials = account.credentials
    if isinstance(credentials, AccessToken):
        if tokens > 1:
            raise SettingsError(
                f"--tokens {tokens} needs an OAuth client to mint them, and {account.origin} gives"
                " one access token: set a client id and secret instead."
            )
        headers = bearer_headers(credentials.token, transport)
        return [ReadyToken(Token(credentials.token, headers, 0.0), origin=account.origin)]
    lock = asyncio.Lock()
    return [
        MintedTokens(
            account,
            credentials,
            transport,
            clock=time.monotonic,
            sleep=asyncio.sleep,
            random=random.random,
            lock=lock,
            patience_s=min(THROTTLE_PATIENCE_S, max_outage_s),
        )
        for _ in range(tokens)
    ]


def open_for(
    account: Account,
    settings: Settings,
    *,
    max_outage_s: float,
    tell: Callable[[Exchange], None] | None = None,
) -> AbstractAsyncContextManager[GenesysClient]:
    """Open a client; on a loopback host no limit is assumed that the server does not name."""
    pace = settings.pace
    if is_loopback(account.hosts.api_url):
        pace = pace._replace(assumed=None)
    return open_client(
        account,
        settings.connect,
        settings.retry,
        pace,
        version=VERSION,
        max_outage_s=max_outage_s,
        tell=tell,
    )
