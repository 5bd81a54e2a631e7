"""A scripted platform behind the transport's door, for tests in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.genesys.account.credentials import Account, ClientCredentials, Secret
from batchpatch.genesys.account.regions import find_hosts
from batchpatch.genesys.account.tokens import MintedTokens
from batchpatch.genesys.replies import NoReply, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY_S = 0.05


class ScriptedPlatform:
    """Answers attempts from two lists, one for tokens and one for calls, each then for ever."""

    def __init__(self) -> None:
        self.mints: list[Reply | NoReply] = []
        self.answers: list[Reply | NoReply] = []
        self.seen: list[tuple[float, str, str | None]] = []
        """Time, URL and Authorization of each attempt."""
        self.latency_s = LATENCY_S
        self.judge: Callable[[str], Reply] | None = None
        """Answers calls by their URL once the script has ended."""
        self.in_flight = 0
        self._tokens = 0

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        **options: Any,
    ) -> Reply | NoReply:
        """Take a moment, then answer with what the script holds next."""
        self.seen.append((asyncio.get_running_loop().time(), url, headers["Authorization"]))
        minting = url.endswith("/oauth/token")
        script = self.mints if minting else self.answers
        answer = script.pop(0) if script else None
        self.in_flight += 1
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.in_flight -= 1
        if answer is not None:
            return answer
        if minting:
            return self.grant()
        return self.judge(url) if self.judge else Reply(202)

    def headers(self, *, authorization: str, content_type: str) -> dict[str, str]:
        """Return headers as the transport would."""
        return {"Authorization": authorization, "Content-Type": content_type}

    def grant(self, *, expires_in: float = 86400) -> Reply:
        """Return an answer with a token that has not been given before."""
        self._tokens += 1
        fields = {"access_token": f"hush-{self._tokens}", "expires_in": expires_in}
        return Reply(200, body=orjson.dumps(fields))

    def times(self, part: str) -> list[float]:
        """Return when URLs with this part were asked for."""
        return [time_s for time_s, url, _ in self.seen if part in url]


@pytest.fixture
def platform() -> ScriptedPlatform:
    """Return a platform that accepts everything until its script says otherwise."""
    return ScriptedPlatform()


@pytest.fixture
def account() -> Account:
    """Return an account in Ireland."""
    credentials = ClientCredentials("an-id", Secret("hush-secret"))
    return Account(credentials, find_hosts("eu-west-1"), "a test")


@pytest.fixture
def token_source(account: Account) -> Callable[..., MintedTokens]:
    """Return a maker of token sources on the running loop's clock."""

    def make(platform: ScriptedPlatform, **options: float) -> MintedTokens:
        assert isinstance(account.credentials, ClientCredentials)
        return MintedTokens(
            account,
            account.credentials,
            platform,
            clock=asyncio.get_running_loop().time,
            sleep=asyncio.sleep,
            random=lambda: 0.5,
            **options,
        )

    return make
