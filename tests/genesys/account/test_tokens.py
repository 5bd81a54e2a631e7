"""One token for all, in time, and never a mint too many."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import AccessError, BatchpatchError, OutageError, SettingsError
from batchpatch.genesys.account.credentials import Secret
from batchpatch.genesys.account.token_endpoint import Token
from batchpatch.genesys.account.tokens import ReadyToken
from batchpatch.genesys.replies import NoReply, Reply

if TYPE_CHECKING:
    from batchpatch.genesys.account.tokens import MintedTokens

RunVirtual = Callable[[Any], Any]
# The scripted platform's class lives in this folder's conftest, which cannot be imported.
Make = Callable[[Any], "MintedTokens"]


def test_a_pool_that_starts_together_mints_once(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Thirty-two workers ask for the token in the same instant, on every run."""

    async def run() -> int:
        tokens = token_source(platform)
        got = await asyncio.gather(*(tokens.current() for _ in range(32)))
        assert len({id(token) for token in got}) == 1
        return tokens.minted

    assert run_virtual(run()) == len(platform.seen) == 1


@pytest.mark.parametrize(("expires_in", "margin_s"), [(86400, 60.0), (100, 10.0), (7, 0.7)])
def test_a_token_is_renewed_before_it_expires(
    expires_in: float,
    margin_s: float,
    platform: Any,
    token_source: Make,
    run_virtual: RunVirtual,
) -> None:
    """A request must not leave with a token that dies on the way; a short life has less margin."""
    platform.mints = [platform.grant(expires_in=expires_in)]

    async def run() -> list[bool]:
        tokens = token_source(platform)
        first = await tokens.current()
        await asyncio.sleep(expires_in - margin_s - 0.01)
        before = await tokens.current()
        await asyncio.sleep(0.02)
        after = await asyncio.gather(*(tokens.current() for _ in range(32)))
        return [before is first, after[0] is first, tokens.minted == 2]

    assert run_virtual(run()) == [True, False, True]


@pytest.mark.parametrize("expires_in", [1e-9, 0.001, 0.5])
def test_a_token_that_is_due_at_once_is_used_for_a_second(
    expires_in: float, platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Minting without end would be refused in the end, and no request ever leave."""
    platform.mints = [platform.grant(expires_in=expires_in) for _ in range(1000)]

    async def run() -> int:
        tokens = token_source(platform)
        for _ in range(1000):
            assert (await tokens.current()) is tokens.ready()
            await asyncio.sleep(0.01)
        return tokens.minted

    assert run_virtual(run()) <= 11


def test_a_token_without_a_lifetime_is_kept(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """The 401 will tell its end; guessing one would mint for nothing."""
    platform.mints = [Reply(200, body=b'{"access_token": "hush"}')]

    async def run() -> int:
        tokens = token_source(platform)
        await tokens.current()
        await asyncio.sleep(1e7)
        await tokens.current()
        return tokens.minted

    assert run_virtual(run()) == 1


def test_a_rejected_token_is_replaced_once_for_all(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A revoked token is rejected in the hands of every worker that carries it."""

    async def run() -> int:
        tokens = token_source(platform)
        old = await tokens.current()
        old.accepted = True

        async def replace() -> Token:
            tokens.reject(old)
            return await tokens.current()

        new = await asyncio.gather(*(replace() for _ in range(32)))
        assert len({id(token) for token in new}) == 1
        assert new[0] is not old
        return tokens.minted

    assert run_virtual(run()) == 2


def test_a_late_rejection_of_an_old_token_mints_nothing(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A slow request comes back with a 401 for a token that was replaced long ago."""

    async def run() -> int:
        tokens = token_source(platform)
        old = await tokens.current()
        old.accepted = True
        tokens.reject(old)
        new = await tokens.current()
        tokens.reject(old)
        assert tokens.ready() is new
        return tokens.minted

    assert run_virtual(run()) == 2


def test_a_token_that_was_never_accepted_is_not_replaced(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Minting another would be rejected as well, and so on for ever."""

    async def run() -> None:
        tokens = token_source(platform)
        tokens.reject(await tokens.current())

    with pytest.raises(AccessError, match=r"just minted is rejected.*--login-url"):
        run_virtual(run())
    assert len(platform.seen) == 1


@pytest.mark.parametrize("latency_s", [0.05, 0.9])
def test_a_token_that_died_before_its_first_use_is_replaced(
    latency_s: float, platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A machine that stalls in between says nothing of the client or the hosts.

    Its life begins at the login host, however long the answer then takes.
    """
    platform.mints = [platform.grant(expires_in=1)]
    platform.latency_s = latency_s

    async def run() -> int:
        tokens = token_source(platform)
        first = await tokens.current()
        await asyncio.sleep(1.01 - latency_s)
        tokens.reject(first)
        await tokens.current()
        return tokens.minted

    assert run_virtual(run()) == 2


@pytest.mark.parametrize(("accepted", "words"), [(False, "is rejected"), (True, "no longer")])
def test_a_ready_token_cannot_be_replaced(
    accepted: bool, words: str, run_virtual: RunVirtual
) -> None:
    """There is nothing to mint from; the sentence says which of the two it was."""

    async def run() -> None:
        token = Token(Secret("hush"), {}, 0.0)
        token.accepted = accepted
        tokens = ReadyToken(token, origin="the environment")
        assert await tokens.current() is token
        tokens.reject(token)

    with pytest.raises(AccessError, match=words) as caught:
        run_virtual(run())
    assert "the environment" in str(caught.value)


def test_trouble_at_the_login_host_is_tried_again(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A run of a day must survive a bad minute."""
    platform.mints = [Reply(503), NoReply("connection", "refused", sent=False), Reply(200)]

    async def run() -> int:
        tokens = token_source(platform)
        await tokens.current()
        return tokens.minted

    assert run_virtual(run()) == 1
    assert len(platform.seen) == 4


def test_a_dead_login_host_ends_the_run_by_name(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Exit 3: resumable, and the user learns which host it was."""
    platform.mints = [NoReply("connection", "cannot connect", sent=False)] * 9

    async def run() -> None:
        await token_source(platform).current()

    with pytest.raises(OutageError, match=r"login\.mypurecloud\.ie.*cannot connect"):
        run_virtual(run())
    assert len(platform.seen) == 5
    assert platform.seen[-1][0] < 30


def test_the_throttle_is_waited_out_with_growing_patience(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A 400 that says rate limit exceeded passes by itself, and costs no try."""
    throttle = Reply(400, "invalid_request", "rate limit exceeded")
    platform.mints = [throttle] * 6

    async def run() -> int:
        tokens = token_source(platform)
        await tokens.current()
        return tokens.minted

    assert run_virtual(run()) == 1
    times = platform.times("/oauth/token")
    gaps = [round(b - a) for a, b in pairwise(times)]
    assert gaps == [2, 4, 8, 16, 32, 60]


def test_the_throttle_is_not_waited_for_without_end(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Five minutes of it mean that something else mints in a loop."""
    platform.mints = [Reply(429)] * 1000

    async def run() -> None:
        await token_source(platform).current()

    with pytest.raises(OutageError, match=r"limits how many tokens .* another program mints"):
        run_virtual(run())
    assert 200 < platform.seen[-1][0] <= 300


def test_the_throttles_own_time_is_respected(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Asking earlier than told prolongs it."""
    platform.mints = [Reply(429, retry_after_s=42.0)]

    async def run() -> None:
        await token_source(platform).current()

    run_virtual(run())
    assert platform.seen[1][0] >= 43


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(400, "invalid_client", "client not found"), AccessError),
        (Reply(404), SettingsError),
        (NoReply("tls", "", sent=False), SettingsError),
        (Reply(503), OutageError),
    ],
)
def test_no_failed_mint_shows_a_secret(
    answer: Reply | NoReply,
    error: type[BatchpatchError],
    platform: Any,
    token_source: Make,
    run_virtual: RunVirtual,
) -> None:
    """Not in the sentence, and not in a traceback, even one printed with local variables."""
    platform.mints = [answer] * 9
    platform.headers = lambda **fields: {"Authorization": ""}

    async def run() -> None:
        await token_source(platform).current()

    with pytest.raises(error) as caught:
        run_virtual(run())
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "hush" not in "".join(shown.format())


def test_a_token_does_not_show_itself(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """It is a local variable of the loop that makes every request."""

    async def run() -> Token:
        return await token_source(platform).current()

    assert "hush" not in repr(run_virtual(run()))


@pytest.mark.parametrize("replacing", [False, True])
def test_a_cancelled_mint_leaves_no_lock_behind(
    replacing: bool,
    platform: Any,
    token_source: Make,
    run_virtual: RunVirtual,
    cancel_at_each_await: Callable[..., Any],
) -> None:
    """The worker that happens to mint is cancelled by a stop; the others must not hang on it."""

    def scene() -> Any:
        platform.mints = [Reply(503), Reply(429), NoReply("timeout", "", sent=True)]
        tokens = token_source(platform)
        old = Token(Secret("hush"), {}, 0.0)
        old.accepted = True
        if replacing:
            tokens._token = old
            tokens.reject(old)

        async def check() -> None:
            platform.mints = []
            got = await asyncio.wait_for(tokens.current(), 10)
            assert got is not old
            assert got is await tokens.current()

        return tokens.current(), check

    assert run_virtual(cancel_at_each_await(scene)) >= 7


def test_the_next_in_line_mints_when_the_first_is_cancelled(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A waiter inherits the job, not the cancellation."""

    async def run() -> int:
        tokens = token_source(platform)
        first = asyncio.ensure_future(tokens.current())
        others = [asyncio.ensure_future(tokens.current()) for _ in range(4)]
        await asyncio.sleep(0.01)
        first.cancel()
        got = await asyncio.gather(*others)
        assert len({id(token) for token in got}) == 1
        return tokens.minted

    assert run_virtual(run()) == 1
