"""Who is asked again, how long after, and what the last word was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import (
    FIRST,
    Final,
    OutcomeKind,
    Renew,
    Throttled,
    Tries,
    Wait,
    decide,
)
from batchpatch.options.run import RetryPolicy

POLICY = RetryPolicy()
LOST = NoReply("timeout", "no answer", sent=True)
SPENT = Tries(attempts=5, retries=POLICY.retries)


@pytest.mark.parametrize("status", [301, 400, 402, 403, 404, 405, 413, 415, 422, 501, 505])
def test_a_final_no_is_not_asked_again(status: int) -> None:
    """Repeating it spends the quota on the same answer."""
    assert decide(Reply(status), FIRST, POLICY) == Final(OutcomeKind.REFUSED)


@pytest.mark.parametrize(
    "answer",
    [Reply(408), Reply(500), Reply(502), Reply(503), Reply(504), LOST],
)
def test_trouble_is_asked_again_at_the_cost_of_a_retry(answer: Reply | NoReply) -> None:
    """What may pass by itself."""
    decision = decide(answer, FIRST, POLICY, 0.5)
    assert isinstance(decision, Wait)
    assert decision.tries.retries == 1


@pytest.mark.parametrize("status", [408, 500, 503])
def test_a_5xx_at_the_end_is_a_refusal(status: int) -> None:
    """The platform has spoken, whatever an earlier attempt left open."""
    assert decide(Reply(status), SPENT, POLICY) == Final(OutcomeKind.REFUSED)


@pytest.mark.parametrize("sent", [True, False])
def test_silence_at_the_end_is_unanswered(sent: bool) -> None:
    """Nobody knows whether it took effect, so nobody may call it rejected."""
    answer = NoReply("connection", "reset", sent=sent)
    assert decide(answer, SPENT, POLICY) == Final(OutcomeKind.UNANSWERED)


@given(retries=st.integers(0, 200), jitter=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_but_not_beyond_the_cap(retries: int, jitter: float) -> None:
    """Full jitter: from nothing to the doubled base, so that a pool does not return as one."""
    policy = RetryPolicy(retries=1000, base_s=0.5, cap_s=30.0)
    decision = decide(Reply(503), Tries(retries=retries), policy, jitter)
    assert isinstance(decision, Wait)
    assert 0 <= decision.wait_s <= min(30.0, 0.5 * 2**retries)
    assert decision.wait_s == pytest.approx(jitter * min(30.0, 0.5 * 2**retries))


def test_retry_after_goes_before_the_backoff() -> None:
    """The server knows; the jitter comes on top, never off."""
    decision = decide(Reply(503, retry_after_s=20.0), FIRST, POLICY, 0.25)
    assert isinstance(decision, Wait)
    assert decision.wait_s == 20.25


def test_a_429_costs_nothing() -> None:
    """How long to wait is a matter of the token, not of this request."""
    decision = decide(Reply(429, retry_after_s=42.0), SPENT, POLICY)
    assert isinstance(decision, Throttled)
    assert decision.tries.retries == SPENT.retries


def test_a_401_asks_for_another_token_but_not_for_ever() -> None:
    """A token expires or is revoked; a request that no token serves must end."""
    tries = SPENT
    renewals = 0
    while isinstance(decision := decide(Reply(401), tries, POLICY), Renew):
        tries = decision.tries
        renewals += 1
    assert renewals == 3
    assert decision == Final(OutcomeKind.REFUSED)


def test_a_409_is_asked_once_more_after_a_pause() -> None:
    """A participant between two states may accept it in a moment; one that has left never will."""
    first = decide(Reply(409), FIRST, POLICY)
    assert isinstance(first, Wait)
    assert first.wait_s == POLICY.conflict_pause_s
    assert decide(Reply(409), first.tries, POLICY) == Final(OutcomeKind.REFUSED)


@pytest.mark.parametrize("answer", [Reply(409), Reply(500)])
def test_no_retries_means_none(answer: Reply) -> None:
    """`--retries 0` is a promise."""
    decision = decide(answer, FIRST, RetryPolicy(retries=0))
    assert decision == Final(OutcomeKind.REFUSED)


ANSWERS = st.builds(
    Reply,
    st.sampled_from([400, 401, 404, 408, 409, 500, 503, 504]),
    retry_after_s=st.none() | st.floats(0, 3600),
) | st.just(LOST)


@given(st.lists(ANSWERS, min_size=30, max_size=30), st.integers(0, 20))
def test_every_call_ends(answers: list[Reply | NoReply], retries: int) -> None:
    """Whatever the order of answers, only 429s may go on without end."""
    policy = RetryPolicy(retries=retries)
    tries = FIRST
    for answer in answers:
        decision = decide(answer, tries, policy, 0.5)
        if isinstance(decision, Final):
            assert tries.attempts <= retries + 3
            return
        assert decision.tries.attempts == tries.attempts + 1
        tries = decision.tries
    pytest.fail("still trying")
