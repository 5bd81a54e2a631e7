"""A paged list is read whole, and whatever is no list is no list of nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from batchpatch.genesys.query import Unlisted, read_names, read_page
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import Answer, OutcomeKind


class Pages:
    """In the client's place: answers in turn, and remembers what it was asked."""

    def __init__(self, *answers: Reply | NoReply) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def call(self, method: str, path: str, *_: object, **__: object) -> Answer:
        """The next answer."""
        self.asked.append(f"{method} {path}")
        answer = self._answers.pop(0)
        if isinstance(answer, NoReply):
            return Answer(OutcomeKind.UNANSWERED, None, answer, 6)
        kind = OutcomeKind.ACCEPTED if answer.status < 300 else OutcomeKind.REFUSED
        return Answer(kind, answer, None, 1)


def page(*names: str, pages: int) -> Reply:
    """A page of entries whose ids are their names."""
    entities = [{"id": name.upper(), "name": name} for name in names]
    return Reply(200, body=orjson.dumps({"entities": entities, "pageCount": pages}))


def test_all_pages_are_read() -> None:
    """An organisation has more codes than a page holds; a code that moved meanwhile is one."""
    caller = Pages(page("a", "b", pages=2), page("b", "c", pages=2))
    names = asyncio.run(read_names(caller, "/list"))
    assert names == {"a": "a", "b": "b", "c": "c"}
    assert caller.asked == [f"GET /list?pageSize=100&pageNumber={number}" for number in (1, 2)]


def test_a_count_of_pages_that_is_wrong_ends_nowhere() -> None:
    """A page without entries is the last, whatever the others have said."""
    caller = Pages(page("a", pages=10**9), page(pages=10**9))
    assert asyncio.run(read_names(caller, "/list")) == {"a": "a"}


@pytest.mark.parametrize(
    ("answer", "status", "denied"),
    [
        (Reply(403, "missing.any.permissions"), 403, True),
        (Reply(401), 401, True),
        (Reply(500, "internal.server.error"), 500, False),
        (Reply(200, body=b"<html>"), 200, False),
        (NoReply("timeout", "no answer in time", sent=True), None, False),
    ],
)
def test_half_a_list_is_none(answer: Reply | NoReply, status: int | None, denied: bool) -> None:
    """A name on the page that is missing would be called unknown."""
    found = asyncio.run(read_names(Pages(page("a", pages=2), answer), "/list"))
    assert isinstance(found, Unlisted)
    assert (found.status, found.denied) == (status, denied)


@pytest.mark.parametrize(
    "document",
    [[], {}, {"entities": 1}, {"entities": [1]}, {"entities": [{"id": 1, "name": "x"}]}, "x"],
)
def test_nonsense_is_no_page(document: Any) -> None:
    """Whatever the bytes, the answer is a value or None."""
    assert read_page(orjson.dumps(document)) is None


def test_an_entry_without_a_name_is_left_out() -> None:
    """It could not be named by any row."""
    body = orjson.dumps({"entities": [{"id": "A", "name": None}, {"id": "B", "name": "b"}]})
    assert read_page(body) == ({"b": "b"}, 1)
