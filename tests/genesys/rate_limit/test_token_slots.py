"""One of several tokens, whichever has something left."""

from __future__ import annotations

from batchpatch.genesys.rate_limit.quota import Quota
from batchpatch.genesys.rate_limit.token_slots import choose
from batchpatch.genesys.replies import QuotaHeaders


def quota(count: int, reset_s: int = 40) -> Quota:
    """A token's quota, heard of at 0 s."""
    quota = Quota()
    quota.answered(quota.started(0), QuotaHeaders(count, 300, reset_s), 0)
    return quota


def test_a_token_is_used_up_before_the_next() -> None:
    """Then nearly every choice looks at one token, however many there are."""
    assert choose([quota(1), quota(299), quota(1)], 1, last=1) == (1, 0)


def test_the_next_that_has_something_left_is_taken_in_turn() -> None:
    """Always beginning with the first would wear that one out and look at all the others."""
    assert choose([quota(1), quota(300), quota(1)], 1, last=1) == (2, 0)
    assert choose([quota(1), quota(300), quota(300)], 1, last=1) == (0, 0)


def test_where_none_has_the_soonest_is_waited_for() -> None:
    """Nobody may send before that."""
    used_up = [quota(300, 40), quota(300, 20), quota(300, 30)]
    assert choose(used_up, 1) == (1, used_up[1].wait_s(1))


def test_the_last_may_be_gone() -> None:
    """Tokens come and go; the number of the last is only where to begin."""
    assert choose([quota(1)], 1, last=7) == (0, 0)
