"""Names cost one list a run, ids cost none, and what may pass is asked for again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from batchpatch.genesys.replies import Reply
from batchpatch.genesys.retry import Answer, OutcomeKind
from batchpatch.model import InvalidRow, Row
from batchpatch.pipeline.row_checks import NameLookup
from batchpatch.writes.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

ID, C, P = (f"16fd2706-8baf-433b-82eb-8c7fada847d{end}" for end in "abc")
LISTING = Listing("code", "wrap-up code", "/list", "p:q:r", "/y", "s:t:u")
LIST = Reply(200, body=orjson.dumps({"entities": [{"id": ID, "name": "Sale"}], "pageCount": 1}))


class Platform:
    """In the client's place: answers in turn, the last one for ever."""

    def __init__(self, *answers: Reply) -> None:
        self._answers = list(answers)
        self.requests = 0

    async def call(self, *_: object, **__: object) -> Answer:
        """The next answer."""
        self.requests += 1
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        kind = OutcomeKind.ACCEPTED if answer.status < 300 else OutcomeKind.REFUSED
        return Answer(kind, answer, None, 1)


def codes_of(rows: Sequence[Row | InvalidRow]) -> list[str]:
    """What each row asks for, or why it is none."""
    return [row.code if isinstance(row, InvalidRow) else row.values[0] for row in rows]


def resolve(lookup: NameLookup, *batches: Sequence[str]) -> list[list[str]]:
    """What becomes of some batches of rows, each with its code."""

    async def scene() -> list[list[str]]:
        return [
            codes_of(
                await lookup.resolve([Row(1, 2, 0, C, P, ("code",), (code,)) for code in codes])
            )
            for codes in batches
        ]

    return asyncio.run(scene())


def test_the_list_is_read_once_and_only_for_names() -> None:
    """Ten thousand rows with ids ask for nothing; those with names ask once."""
    platform = Platform(LIST)
    lookup = NameLookup(platform, LISTING)
    assert resolve(lookup, [ID], [ID]) == [[ID], [ID]]
    assert platform.requests == 0
    assert resolve(lookup, ["sale", ID], ["Sale", "Sole"]) == [[ID, ID], [ID, "unknown_name"]]
    assert platform.requests == 1


def test_a_list_that_is_known_beforehand_is_not_read() -> None:
    """`--codes FILE` is for those whose token may not."""
    platform = Platform(Reply(403))
    assert resolve(NameLookup(platform, LISTING, {ID: "Sale"}), ["Sale"]) == [[ID]]
    assert platform.requests == 0


def test_a_denial_stands_and_a_failure_passes() -> None:
    """A permission does not come back while the token lives; a failed page does."""
    denied = Platform(Reply(403))
    assert resolve(NameLookup(denied, LISTING), ["Sale", ID], ["Sale"]) == [
        ["names_denied", ID],
        ["names_denied"],
    ]
    assert denied.requests == 1
    failing = Platform(Reply(500), LIST)
    assert resolve(NameLookup(failing, LISTING), ["Sale"], ["Sale"]) == [["names_not_read"], [ID]]


def test_a_kind_without_a_list_is_left_alone() -> None:
    """The values of attributes are what they are."""
    assert resolve(NameLookup(Platform(Reply(403)), None), ["Sale"]) == [["Sale"]]
