"""Rows that say who is meant become rows that name the participant, at few requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import AccessError
from batchpatch.finding.finder import Finder
from batchpatch.finding.matching import NO_STANDS_S
from batchpatch.genesys.conversations.reader import Unread
from batchpatch.model import Batch, Criterion, InvalidRow, Row, RowContext
from batchpatch.options.read import FindOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    RunVirtual = Callable[[Any], Any]
    Make = Callable[..., Any]

AGENT = Criterion("purpose", "agent")
BY_ID = Row(7, 8, 0, "c", "p", ("a",), ("x",))
BY_ORDER = Criterion("match", "42", "order")


def finder_of(reads: Any, **options: Any) -> Finder:
    clock = asyncio.get_running_loop().time
    return Finder(reads, FindOptions(**options), clock=clock)


def find_once(run_virtual: RunVirtual, reads: Any, *rows: Row, **options: Any) -> list[Any]:
    """What becomes of the rows of one batch."""

    async def scene() -> list[Any]:
        return (await finder_of(reads, **options).find(Batch(list(rows), len(rows)))).rows

    found: list[Any] = run_virtual(scene())
    return found


def names(rows: list[Any]) -> list[Any]:
    """Of each row its number and participant, or its code."""
    return [(one.number, one.code if isinstance(one, InvalidRow) else one[4]) for one in rows]


def test_rows_that_name_an_id_cost_nothing(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make
) -> None:
    """Most runs have no selector: the same batch comes back, and nothing was asked."""
    reads = fake_reads()
    invalid = InvalidRow(2, 3, 0, "bad", "bad", "mend it")
    idle = a_row(3, "c", names=False)
    noted = BY_ID._replace(context=RowContext(before={"a": None}))

    async def scene() -> None:
        batch = Batch([BY_ID, invalid, idle, noted], 7)
        assert await finder_of(reads).find(batch) is batch

    run_virtual(scene())
    assert (reads.looked_up, reads.read_ids) == ([], [])


def test_found_rows_stay_in_their_places(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """Order is what merging builds on; those who are found are like those who were named."""
    reads = fake_reads(a_talk("c1", a_person("p1")), a_talk("c2", a_person("p2")))
    invalid = InvalidRow(2, 3, 0, "bad", "bad", "mend it")

    async def scene() -> None:
        rows = [a_row(1, "c2"), invalid, BY_ID, a_row(8, "c1")]
        found = await finder_of(reads).find(Batch(rows, 9, idle=True))
        assert (found.last, found.idle) == (9, True)
        assert found.rows[1:3] == [invalid, BY_ID]
        assert found.rows[0] == Row(1, 2, 0, "c2", "p2", ("a",), ("x",))
        assert found.rows[3] == Row(8, 9, 0, "c1", "p1", ("a",), ("x",))

    run_virtual(scene())
    assert (reads.looked_up, reads.read_ids) == ([["c2", "c1"]], [])


def test_two_selectors_may_find_one_participant(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """From here on it is one participant, however it was named; and one look-up."""
    reads = fake_reads(a_talk("c", a_person("p", user_id="u"), a_person("q", "agent")))
    rows = find_once(
        run_virtual, reads, a_row(1, "c"), a_row(2, "c", Criterion("userId", "U")), BY_ID
    )
    assert names(rows) == [(1, "p"), (2, "p"), (7, "p")]
    assert reads.looked_up == [["c"]]


def test_what_analytics_cannot_tell_takes_one_read(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """One for all rows of the conversation, those with a purpose too."""
    customer = a_person("p", addresses=("tel:+1",), attributes={"order": "42", "else": "x"})
    reads = fake_reads(a_talk("c", customer, a_person("q", "agent")), a_talk("d", a_person("r")))
    rows = find_once(
        run_virtual,
        reads,
        a_row(1, "c", Criterion("address", "+1")),
        a_row(2, "c", BY_ORDER),
        a_row(3, "c", AGENT),
        a_row(4, "d"),
    )
    assert names(rows) == [(1, "p"), (2, "p"), (3, "q"), (4, "r")]
    assert (reads.looked_up, reads.read_ids) == ([["d"]], ["c"])


def test_what_analytics_leaves_out_takes_one_read(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """It lags, and forgets; only a read tells whether the conversation exists."""
    reads = fake_reads(a_talk("c", a_person("p")))
    reads.analytics.clear()
    rows = find_once(run_virtual, reads, a_row(1, "c"), a_row(2, "c"), a_row(3, "none"))
    assert names(rows) == [(1, "p"), (2, "p"), (3, "unknown_conversation")]
    assert reads.read_ids == ["c", "none"]
    assert rows[2].conversation_id == "none"
    assert "region" in rows[2].hint


@pytest.mark.parametrize("ended", [False, True])
def test_nobody_is_confirmed_while_it_goes_on(
    run_virtual: RunVirtual,
    fake_reads: Make,
    a_row: Make,
    a_talk: Make,
    a_person: Make,
    ended: bool,
) -> None:
    """Someone may have joined since analytics looked; of an ended conversation it knows all."""
    reads = fake_reads(a_talk("c", a_person("p"), ended=ended))
    reads.get["c"] = a_talk("c", a_person("p"), a_person("q", "agent"))
    rows = find_once(run_virtual, reads, a_row(1, "c"), a_row(2, "c", AGENT))
    assert names(rows) == [(1, "p"), (2, "participant_not_found" if ended else "q")]
    assert reads.read_ids == ([] if ended else ["c"])


def test_where_confirming_fails_those_who_fit_are_found(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """What analytics has told of one row does not depend on the other."""
    reads = fake_reads(a_talk("c", a_person("p")))
    reads.failing["c"] = Unread("unknown_conversation", 404, "gone", "look", is_unknown=True)
    rows = find_once(run_virtual, reads, a_row(1, "c"), a_row(2, "c", AGENT))
    assert names(rows) == [(1, "p"), (2, "unknown_conversation")]


def test_a_failed_look_up_says_send_it_again(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make
) -> None:
    """Nothing is wrong with the row as far as is known, and nothing was sent."""
    reads = fake_reads()
    reads.failing = {
        "c": Unread("no_answer", None, "no answer in time", "later"),
        "d": Unread("unreadable", 403, "refused", "ask"),
    }
    rows = find_once(run_virtual, reads, a_row(1, "c"), a_row(2, "d"))
    assert names(rows) == [(1, "lookup_failed"), (2, "lookup_failed")]
    assert "no answer in time" in rows[0].message
    assert "send it again" in rows[0].hint
    assert rows[1].hint.endswith("ask")


def test_a_failure_is_tried_again_with_the_next_batch(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """A conversation is not lost to a run because one answer was."""
    reads = fake_reads(a_talk("c", a_person("p")))
    reads.analytics.clear()
    reads.failing["c"] = Unread("no_answer", None, "no answer", "later")

    async def scene() -> None:
        finder = finder_of(reads)
        await finder.find(Batch([a_row(1, "c")], 1))
        reads.failing.clear()
        found = await finder.find(Batch([a_row(2, "c")], 2))
        assert names(found.rows) == [(2, "p")]

    run_virtual(scene())


def test_a_token_that_may_not_read_ends_the_run(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make
) -> None:
    """Bare, not in a group, and with nothing left under way."""
    reads = fake_reads()
    reads.failing = {"c": AccessError("no"), "d": AccessError("no")}
    with pytest.raises(AccessError):
        find_once(run_virtual, reads, a_row(1, "c"), a_row(2, "d"), a_row(3, "e"))


@pytest.mark.parametrize(
    ("ambiguous", "expected"),
    [
        ("refuse", [(1, "ambiguous_participant"), (2, "q")]),
        ("first", [(1, "p"), (2, "q")]),
        ("last", [(1, "r"), (2, "q")]),
        ("all", [(1, "p"), (1, "r"), (2, "q")]),
    ],
)
def test_several_that_fit(
    run_virtual: RunVirtual,
    fake_reads: Make,
    a_row: Make,
    a_talk: Make,
    a_person: Make,
    ambiguous: str,
    expected: list[Any],
) -> None:
    """With `all` one row becomes several of its number, next to each other."""
    people = a_person("p"), a_person("q", "agent"), a_person("r")
    reads = fake_reads(a_talk("c", *people))
    rows = find_once(run_virtual, reads, a_row(1, "c"), a_row(2, "c", AGENT), ambiguous=ambiguous)
    assert names(rows) == expected
    assert reads.read_ids == []


def test_an_ended_conversation_is_noted(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """A warning depends on it; what a plan has noted stays, and a blank note goes."""
    reads = fake_reads(a_talk("c", a_person("p"), ended=True), a_talk("d", a_person("q")))
    plan = {"before": {"a": "old"}}
    rows = find_once(
        run_virtual,
        reads,
        a_row(1, "c"),
        a_row(2, "d"),
        a_row(3, "c", **plan),
        a_row(4, "d", **plan),
    )
    assert [row.context for row in rows] == [
        RowContext(ended=True),
        None,
        RowContext(before={"a": "old"}, ended=True),
        RowContext(before={"a": "old"}, ended=False),
    ]


def test_ended_conversations_can_be_left_out(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """What is written after the end does not reach analytics, so some rather write nothing."""
    reads = fake_reads(a_talk("c", a_person("p"), ended=True), a_talk("d", a_person("q")))
    rows = find_once(run_virtual, reads, a_row(1, "c"), a_row(2, "d"), ended="skip")
    assert names(rows) == [(1, "conversation_ended"), (2, "q")]
    assert "--ended" in rows[0].hint


def test_the_end_can_be_learned_of_rows_with_an_id(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """By analytics alone: no such row is worth a read, or fails for what nobody knows."""
    reads = fake_reads(a_talk("c", ended=True), a_talk("d"), a_talk("e", a_person("q")))
    by_id = [BY_ID._replace(conversation_id=one) for one in ("c", "d", "none")]
    idle = BY_ID._replace(conversation_id="f", names=(), values=())
    rows = find_once(run_virtual, reads, *by_id, a_row(9, "e"), idle, learn_ended=True)
    assert [row.context for row in rows] == [RowContext(ended=True), None, None, None, None]
    assert rows[1:3] == by_id[1:]
    assert (reads.looked_up, reads.read_ids) == ([["e", "c", "d", "none"]], [])
    skipped = find_once(run_virtual, reads, *by_id, learn_ended=True, ended="skip")
    assert names(skipped) == [(7, "conversation_ended"), (7, "p"), (7, "p")]
    assert skipped[0].participant_id == "p"


def test_later_batches_know_what_earlier_ones_found(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """The rows of one conversation need not come together, and hours may pass between them."""
    customer = a_person("q", attributes={"order": "42"})
    reads = fake_reads(a_talk("c", a_person("p")), a_talk("d", customer))

    async def scene() -> None:
        finder = finder_of(reads)
        for number in range(3):
            rows = [a_row(number, "c"), a_row(number, "d", BY_ORDER), a_row(number, "d")]
            found = await finder.find(Batch(rows, number))
            assert names(found.rows) == [(number, "p"), (number, "q"), (number, "q")]
            await asyncio.sleep(3600)

    run_virtual(scene())
    assert (reads.looked_up, reads.read_ids) == ([["c"]], ["d"])


def test_another_attribute_takes_another_read(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """Only what was asked for is remembered; after that, both are."""
    reads = fake_reads(a_talk("c", a_person("p", attributes={"order": "42", "case": "7"})))
    case = Criterion("match", "7", "case")

    async def scene() -> None:
        finder = finder_of(reads)
        for selector in (BY_ORDER, case, BY_ORDER, case):
            found = await finder.find(Batch([a_row(1, "c", selector)], 1))
            assert names(found.rows) == [(1, "p")]

    run_virtual(scene())
    assert reads.read_ids == ["c", "c"]


@pytest.mark.parametrize(
    ("ended", "expected"), [(False, ["c", "none", "c", "none"]), (True, ["none", "none"])]
)
def test_a_no_does_not_stand_for_ever(
    run_virtual: RunVirtual,
    fake_reads: Make,
    a_row: Make,
    a_talk: Make,
    a_person: Make,
    ended: bool,
    expected: list[str],
) -> None:
    """A pipe may bring rows of a conversation while people join it; an ended one is over."""
    reads = fake_reads(a_talk("c", a_person("p"), ended=ended))

    async def scene() -> None:
        finder = finder_of(reads)
        rows = [a_row(1, "c", AGENT), a_row(2, "none")]
        for wait_s in (NO_STANDS_S - 10, NO_STANDS_S, 0):
            found = await finder.find(Batch(rows, 2))
            assert names(found.rows) == [
                (1, "participant_not_found"),
                (2, "unknown_conversation"),
            ]
            await asyncio.sleep(wait_s)

    run_virtual(scene())
    assert reads.read_ids == expected


def test_reads_are_bounded(
    run_virtual: RunVirtual, fake_reads: Make, a_row: Make, a_talk: Make, a_person: Make
) -> None:
    """A batch of conversations must not be in memory, or on the wire, all at once."""
    talks = [a_talk(f"c{number}", a_person("p")) for number in range(100)]
    reads = fake_reads(*talks)
    reads.analytics.clear()
    rows = [a_row(number, f"c{number}") for number in range(100)]
    found = find_once(run_virtual, reads, *rows)
    assert names(found) == [(number, "p") for number in range(100)]
    assert reads.most_at_once == 32


def test_more_conversations_than_are_remembered(
    run_virtual: RunVirtual,
    fake_reads: Make,
    a_row: Make,
    a_talk: Make,
    a_person: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory is bounded, and a batch is answered all the same."""
    monkeypatch.setattr("batchpatch.finding.finder._KEPT", 1)
    reads = fake_reads(*[a_talk(f"c{number}", a_person("p")) for number in range(5)])

    async def scene() -> None:
        finder = finder_of(reads)
        for _ in range(2):
            found = await finder.find(Batch([a_row(n, f"c{n}") for n in range(5)], 5))
            assert names(found.rows) == [(n, "p") for n in range(5)]

    run_virtual(scene())
    assert [len(ids) for ids in reads.looked_up] == [5, 4]
