"""Which requests a fault hits: repeatable, in the share asked for, bounded in a row."""

from __future__ import annotations

import uuid

import pytest

from batchpatch.sandbox import parse_fault
from batchpatch.sandbox.injection import (
    Injection,
    Injector,
    choose,
    patch_target,
    read_target,
)

CONVERSATION = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
PARTICIPANTS = [str(uuid.UUID(int=n)) for n in range(2000)]


def draw(
    injector: Injector, participant: str = PARTICIPANTS[0], conversation: str = CONVERSATION
) -> Injection:
    return injector.draw(patch_target(conversation, participant))


def read(injector: Injector, *conversations: str, what: str = "analytics") -> bool:
    return injector.draw(read_target(what, conversations)).fault is not None


def hits(injector: Injector, participant: str, attempts: int) -> list[bool]:
    return [draw(injector, participant).fault is not None for _ in range(attempts)]


def test_the_choice_does_not_depend_on_the_order_of_requests() -> None:
    """Timing shuffles participants from run to run; each must fare the same all the same."""
    faults = [parse_fault("status=503,rate=0.3"), parse_fault("kind=reset_after,rate=0.3")]
    forwards, backwards = Injector(faults, seed=5), Injector(faults, seed=5)
    seen = {p: [draw(forwards, p) for _ in range(6)] for p in PARTICIPANTS[:200]}
    for _ in range(6):
        for participant in reversed(PARTICIPANTS[:200]):
            assert draw(backwards, participant) == seen[participant].pop(0)


def test_another_seed_hits_others() -> None:
    """Chaos runs vary the seed to see other coincidences."""
    fault = parse_fault("status=503,rate=0.5")
    one, other = Injector([fault], seed=1), Injector([fault], seed=2)
    assert [hits(one, p, 1) for p in PARTICIPANTS] != [hits(other, p, 1) for p in PARTICIPANTS]


@pytest.mark.parametrize("times", ["3", "always"])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_share_of_first_attempts_is_the_rate(rate: float, times: str) -> None:
    """A user who asks for one in ten plans with one in ten."""
    injector = Injector([parse_fault(f"status=503,rate={rate},times={times}")], seed=9)
    share = sum(hits(injector, p, 1)[0] for p in PARTICIPANTS) / len(PARTICIPANTS)
    # Four standard deviations of a fair draw.
    assert share == pytest.approx(rate, abs=4 * (rate * (1 - rate) / len(PARTICIPANTS)) ** 0.5)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_bounded_fault_lets_the_next_attempt_through(times: int) -> None:
    """Retries must be able to win, or no test could tell a good retry from a bad one."""
    injector = Injector([parse_fault(f"status=503,times={times}")], seed=0)
    expected = ([True] * times + [False]) * 2
    assert hits(injector, PARTICIPANTS[0], len(expected)) == expected


def test_several_faults_share_the_bound() -> None:
    """Two rules at three in a row each would make six, more than a client need survive."""
    faults = [parse_fault("status=503,rate=0.9"), parse_fault("kind=reset_before,rate=0.9")]
    injector = Injector(faults, seed=3)
    for participant in PARTICIPANTS[:200]:
        streaks = "".join("x" if hit else " " for hit in hits(injector, participant, 20)).split()
        assert max(map(len, streaks)) <= 3


def test_a_permanent_fault_hits_a_participant_always_or_never() -> None:
    """A refusal is a property of the participant, so sending it again must not change it."""
    injector = Injector([parse_fault("status=404,rate=0.3,times=always")], seed=4)
    fates = [set(hits(injector, participant, 8)) for participant in PARTICIPANTS[:200]]
    assert all(len(fate) == 1 for fate in fates)
    assert {True} in fates
    assert {False} in fates


@pytest.mark.parametrize(
    "target", [f"participant={PARTICIPANTS[1]}", f"conversation={CONVERSATION}"]
)
def test_a_target_spares_all_others(target: str) -> None:
    """To break one participant is how a test tells its row from its neighbours'."""
    injector = Injector([parse_fault(f"status=403,{target}")], seed=0)
    assert draw(injector, PARTICIPANTS[1], CONVERSATION).fault is not None
    assert draw(injector, PARTICIPANTS[2], PARTICIPANTS[3]).fault is None


def test_latency_comes_on_top_of_what_goes_wrong() -> None:
    """A slow platform still refuses: one rule must not hide the other."""
    faults = [parse_fault("kind=latency,ms=200"), parse_fault("status=503")]
    target = patch_target(CONVERSATION, PARTICIPANTS[0])
    chosen = choose(faults, target, seed=0, attempt=1, in_a_row=0)
    assert (chosen.delay_s, chosen.fault) == (0.2, faults[1])


def test_rules_can_be_taken_away() -> None:
    """When the cause is gone, what failed before must pass."""
    injector = Injector([parse_fault("status=403,times=always")], seed=0)
    before = draw(injector).fault
    injector.replace([])
    assert before is not None
    assert draw(injector) == Injection()


def test_a_rule_hits_what_it_names() -> None:
    """A test of failing reads must be able to leave the writes alone, and the other way round."""

    def seen(on: str) -> tuple[bool, bool]:
        injector = Injector([parse_fault(f"status=503,on={on}")], seed=0)
        return draw(injector).fault is not None, read(injector, CONVERSATION)

    assert [seen(on) for on in ("patch", "read", "any")] == [
        (True, False),
        (False, True),
        (True, True),
    ]


def test_reads_do_not_change_what_happens_to_writes() -> None:
    """How often a client reads depends on its settings; its writes must fare the same all the same.

    So a recorded seed of a run without reads stays good.
    """
    faults = [parse_fault("status=503,rate=0.5"), parse_fault("status=500,rate=0.5,on=any")]
    alone, among = Injector(faults, seed=6), Injector(faults, seed=6)
    for participant in PARTICIPANTS[:200]:
        read(among, CONVERSATION)
        assert draw(among, participant) == draw(alone, participant)


def test_a_read_is_the_same_in_any_order_of_its_ids() -> None:
    """A client asks for what it has at hand, and its order is a matter of timing."""
    a, b, c = PARTICIPANTS[:3]
    injector = Injector([parse_fault("status=503,times=1,on=read")], seed=0)
    assert [read(injector, a, b), read(injector, b, a), read(injector, a, c)] == [True, False, True]


def test_reads_are_hit_in_the_share_asked_for_and_bounded_in_a_row() -> None:
    """A look-up that is tried again must get through, as a write does."""
    injector = Injector([parse_fault("status=503,rate=0.5,on=read")], seed=2)
    fates = [[read(injector, c, what="conversation") for _ in range(12)] for c in PARTICIPANTS]
    share = sum(fate[0] for fate in fates) / len(fates)
    assert share == pytest.approx(0.5, abs=4 * (0.25 / len(fates)) ** 0.5)
    streaks = [len(run) for fate in fates for run in "".join(" x"[hit] for hit in fate).split()]
    assert max(streaks) == 3


def test_a_read_of_many_is_hit_for_any_of_them() -> None:
    """A fault aimed at one conversation must find it in whatever request it is read."""
    injector = Injector([parse_fault(f"status=500,on=read,conversation={CONVERSATION}")], seed=0)
    assert read(injector, PARTICIPANTS[0], CONVERSATION)
    assert not read(injector, PARTICIPANTS[0], PARTICIPANTS[1])


def test_what_no_rule_concerns_is_not_remembered() -> None:
    """A million participants must cost nothing where only reads are to fail."""
    injector = Injector([parse_fault("status=503,on=read")], seed=0)
    for participant in PARTICIPANTS[:50]:
        draw(injector, participant)
    assert injector._asked == {}
