"""What finding costs, in requests that the sandbox counts."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import AccessError
from batchpatch.finding.finder import Finder
from batchpatch.genesys.account.credentials import find_account
from batchpatch.genesys.connect import open_client
from batchpatch.genesys.conversations.reader import ConversationReads
from batchpatch.model import Batch, Criterion, InvalidRow, Row
from batchpatch.options.read import FindOptions
from batchpatch.options.run import PaceOptions, RetryPolicy
from batchpatch.sandbox import SandboxOptions, parse_fault, running
from batchpatch.sandbox.conversations import (
    agent_id,
    customer_id,
    external_contact_id,
    phone_number,
    user_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CREDENTIALS = {
    "GENESYSCLOUD_OAUTHCLIENT_ID": "sandbox",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET": "sandbox",
}
QUICK = RetryPolicy(base_s=0.001, cap_s=0.01)
IDS = [str(uuid.UUID(int=number)) for number in range(10_000)]
C = IDS[1]


def find_all(
    rows: Sequence[Row],
    *,
    batch_rows: int = 1000,
    find: FindOptions | None = None,
    **options: Any,
) -> tuple[list[Any], Counter[str]]:
    """The rows as they are found, and the sandbox's counts by resource."""
    find = find or FindOptions()

    async def scene() -> tuple[list[Any], Counter[str]]:
        async with running(SandboxOptions(**options)) as server:
            account = find_account(CREDENTIALS, api_url=server.url)
            pace = PaceOptions(assumed=None)
            async with open_client(account, policy=QUICK, pace=pace, version="0") as client:
                reads = ConversationReads(client, lookup_batch=find.lookup_batch)
                finder = Finder(reads, find)
                found: list[Any] = []
                for start in range(0, len(rows), batch_rows):
                    some: list[Row | InvalidRow] = list(rows[start : start + batch_rows])
                    found += (await finder.find(Batch(some, start + len(some)))).rows
                return found, Counter(server.state.stats()["by_resource"])

    return asyncio.run(scene())


@pytest.fixture
def customers(a_row: Callable[..., Row]) -> list[Row]:
    """A row for the customer of each conversation."""
    return [a_row(number, one) for number, one in enumerate(IDS)]


@pytest.mark.parametrize(("unknown", "most"), [(0.0, 200), (0.05, 700)])
def test_ten_thousand_participants_by_purpose(
    customers: list[Row], unknown: float, most: int
) -> None:
    """With their PATCHes 1.02 requests each, and 1.07 where analytics does not know 5 %."""
    found, counts = find_all(customers, analytics_unknown=unknown)
    assert [row.participant_id for row in found] == [customer_id(one) for one in IDS]
    assert sum(counts.values()) <= most


def test_a_server_that_takes_less_at_once(customers: list[Row]) -> None:
    """The maximum is unknown: whatever it is, everything is found, and it is learned once."""
    found, counts = find_all(customers[:1000], batch_rows=500, analytics_max_ids=30)
    assert [row.participant_id for row in found] == [customer_id(one) for one in IDS[:1000]]
    assert counts["analytics"] <= 40 + 15
    assert counts.get("conversation", 0) == 0


def test_a_thousand_at_once(customers: list[Row]) -> None:
    """As many as the option allows fit into a request."""
    options = FindOptions(lookup_batch=1000)
    _, counts = find_all(customers[:1000], find=options, analytics_max_ids=1000)
    assert counts == Counter(analytics=1)


def test_every_selector_finds_who_is_meant(a_row: Callable[..., Row]) -> None:
    """What the platform tells is read and compared as it spells it."""
    number = phone_number(C).removeprefix("tel:+1")
    rows = [
        a_row(1, C, Criterion("purpose", "Agent")),
        a_row(2, C, Criterion("userId", user_id(C).upper())),
        a_row(3, C, Criterion("externalContactId", external_contact_id(C))),
        a_row(4, C, Criterion("address", f"+1 ({number[:3]}) {number[3:6]}-{number[6:]}")),
        a_row(5, C, Criterion("match", "x", "none")),
    ]
    found, counts = find_all(rows)
    expected = [agent_id(C), agent_id(C), customer_id(C), customer_id(C)]
    assert [row.participant_id for row in found[:4]] == expected
    assert found[4].code == "participant_not_found"
    assert counts == Counter(conversation=1)


def test_without_leave_for_analytics_each_is_read(customers: list[Row]) -> None:
    """It takes a permission of its own; the run goes on without."""
    found, counts = find_all(customers[:50], deny_reads=frozenset({"analytics"}))
    assert all(isinstance(row, Row) for row in found)
    assert counts == Counter(analytics=1, conversation=50)


def test_without_leave_to_read_analytics_may_do(customers: list[Row]) -> None:
    """Purposes that analytics tells need no read; what it leaves out stops the run."""
    denied = frozenset({"conversation"})
    found, _ = find_all(customers[:50], deny_reads=denied)
    assert all(isinstance(row, Row) for row in found)
    with pytest.raises(AccessError, match="conversation:communication:view"):
        find_all(customers[:50], deny_reads=denied, analytics_unknown=0.5)


def test_an_unknown_conversation_is_told_from_a_missing_participant(
    a_row: Callable[..., Row],
) -> None:
    """The one is a wrong id, region or organisation, the other a wrong selector."""
    (wrong,), _ = find_all([a_row(1, C)], strict=True)
    (missing,), counts = find_all([a_row(1, C, Criterion("purpose", "voicemail"))])
    assert wrong.code == "unknown_conversation"
    assert missing.code == "participant_not_found"
    assert counts == Counter(analytics=1, conversation=1)
    assert missing.message.endswith("customer, agent")


def test_ended_conversations_are_known(customers: list[Row]) -> None:
    """By the way: no request more."""
    found, counts = find_all(customers[:1000], ended=0.3)
    ended = [row for row in found if row.context is not None and row.context.ended]
    assert 200 < len(ended) < 400
    assert counts == Counter(analytics=10)


@pytest.mark.parametrize("kind", ["status=503", "kind=malformed", "kind=reset_before", "kind=html"])
def test_trouble_on_the_way_is_overcome(customers: list[Row], kind: str) -> None:
    """A look-up is retried like a write."""
    fault = parse_fault(f"{kind},on=read,rate=0.3,times=2")
    found, _ = find_all(customers[:300], faults=(fault,), analytics_unknown=0.3)
    assert [row.participant_id for row in found] == [customer_id(one) for one in IDS[:300]]
