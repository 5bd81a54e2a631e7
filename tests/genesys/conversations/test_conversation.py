"""What the platform tells of conversations is read into values, whatever its bytes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.conversations.conversation import (
    Conversation,
    about_bytes,
    read_conversation,
    read_details,
)

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
Q = "8c9e6679-7425-40de-944b-e07fc1f90ae7"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def conversation(*participants: object, **fields: Any) -> Conversation:
    found = read_conversation(orjson.dumps({"id": C, "participants": participants, **fields}))
    assert found is not None
    return found


def details(*participants: object, **fields: Any) -> Conversation:
    entry = {"conversationId": C, "participants": participants, **fields}
    found = read_details(orjson.dumps({"conversations": [entry]}))
    assert found is not None
    return found[C]


def test_a_participant_is_read_whole() -> None:
    """Each selector needs its field, and ids are compared in lower case."""
    entry = {
        "id": P.upper(),
        "purpose": "customer",
        "userId": "ABC",
        "externalContactId": "DEF",
        "address": "tel:+1317",
        "ani": "sip:Anna@example.org",
        "attributes": {"vip": "yes", "": "x"},
    }
    (one,) = conversation(entry).participants
    assert one == (
        P,
        "customer",
        "abc",
        "def",
        ("tel:+1317", "sip:Anna@example.org"),
        {"vip": "yes", "": "x"},
        False,
        (),
    )


def test_communications_are_of_any_media_the_latest_last() -> None:
    """Their ids are not the participant's, and paths do not spell all media as the lists do."""
    entry = {
        "id": P,
        "calls": [{"id": "D", "connectedTime": "2026-01-01T10:00:00Z"}, {"state": "none"}],
        "callbacks": [{"id": "B", "connectedTime": "2026-01-01T09:00:00Z"}],
        "socialExpressions": [{"id": "A"}],
        "workflows": [{"id": "W"}],
        "emails": None,
    }
    (one,) = conversation(entry).participants
    assert one.communications == (("socials", "a"), ("callbacks", "b"), ("calls", "d"))


def test_what_is_not_told_is_empty() -> None:
    """The platform leaves out what is not set; a reader must not trip over it."""
    (one,) = conversation({"id": P}).participants
    assert one == (P, "", "", "", (), {}, False, ())


def test_an_address_that_is_told_twice_is_one() -> None:
    """A customer's `ani` is most often its `address`."""
    (one,) = conversation({"id": P, "address": "tel:+1", "ani": "tel:+1"}).participants
    assert one.addresses == ("tel:+1",)


def test_the_end_tells_who_has_left() -> None:
    """The state of a participant is spread over its media, its end is one field."""
    found = conversation({"id": P, "endTime": "2020-02-03T04:05:06.000Z"}, {"id": Q})
    assert [one.left for one in found.participants] == [True, False]
    assert not found.ended
    assert conversation(endTime="2020-02-03T04:05:06.000Z").ended


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", {"a": ""}),
        (None, {}),
        (7, {"a": "7"}),
        (True, {"a": "true"}),
        ({"b": [1]}, {"a": '{"b":[1]}'}),
    ],
)
def test_an_attribute_that_is_no_text_is_its_json(value: object, expected: object) -> None:
    """The platform declares texts; if another were taken as absent, undo would blank it."""
    (one,) = conversation({"id": P, "attributes": {"a": value}}).participants
    assert one.attributes == expected


def test_an_attribute_beyond_reason_is_left_out() -> None:
    """What cannot even be written as JSON again must not end the run."""
    body = b'{"id":"%s","participants":[{"id":"p","attributes":{"a":%s1%s}}]}'
    found = read_conversation(body % (C.encode(), b"[" * 500, b"]" * 500))
    assert found is not None
    assert found.participants[0].attributes == {}


def test_participants_come_in_order_of_joining() -> None:
    """The first is the same one, whichever of the two sources was asked."""
    early, late = "2020-02-03T04:05:06.000Z", "2020-02-03T04:06:00.000Z"
    read = conversation({"id": P, "startTime": late}, {"id": Q, "startTime": early})
    sessions = [[{"segments": [{"segmentStart": when}]}] for when in (late, early)]
    looked_up = details(
        {"participantId": P, "sessions": sessions[0]},
        {"participantId": Q, "sessions": sessions[1]},
    )
    assert [one.id for one in read.participants] == [Q, P]
    assert [one.id for one in looked_up.participants] == [Q, P]


def test_without_times_the_order_is_the_platforms() -> None:
    """Half of the times would sort at random."""
    read = conversation({"id": P}, {"id": Q, "startTime": "2020-02-03T04:05:06.000Z"})
    assert [one.id for one in read.participants] == [P, Q]


def test_a_participant_can_be_asked_for() -> None:
    """Planning and comparing know the id already."""
    found = conversation({"id": P, "purpose": "agent"})
    one = found.participant(P)
    assert one is not None
    assert one.purpose == "agent"
    assert found.participant(Q) is None


def test_its_memory_is_estimated() -> None:
    """Long values count: a few huge conversations must not pass for a few small ones."""
    small = conversation({"id": P, "attributes": {"a": "x"}})
    large = conversation({"id": P, "attributes": {"a": "x" * 1_000_000}})
    assert about_bytes(conversation()) < about_bytes(small) < 2000
    assert 1_000_000 < about_bytes(large) < 1_010_000
    assert about_bytes(details({"participantId": P})) > 0


def test_analytics_tells_neither_attributes_nor_addresses() -> None:
    """None is "cannot tell", which is not "has none"."""
    live = details(
        {"participantId": P, "purpose": "agent", "userId": "U", "sessions": [{"ani": "tel:+1"}]}
    )
    assert live == (C, ((P, "agent", "u", "", (), None, False, ()),), False)
    ended = details({"participantId": P}, conversationEnd="2020-02-03T04:05:06.000Z")
    assert (ended.ended, ended.participants[0].left) == (True, True)


@pytest.mark.parametrize("body", [b"{}", b'{"conversations":[]}', b'{"conversations":null}'])
def test_analytics_may_know_none(body: bytes) -> None:
    """Analytics leaves out an empty list: that is an answer, not a failure."""
    assert read_details(body) == {}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"participants":[]}', b'{"id":7}', b'{"id":""}']
)
def test_what_is_no_conversation_is_none(body: bytes) -> None:
    """A proxy's page comes with status 200 at times."""
    assert read_conversation(body) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"conversations":[{}'])
def test_what_is_no_answer_of_analytics_is_none(body: bytes) -> None:
    """It can be told from an answer that knows nothing."""
    assert read_details(body) is None


@given(st.binary() | JSON.map(orjson.dumps))
def test_any_bytes_are_a_value(body: bytes) -> None:
    """A run survives whatever is answered."""
    read_conversation(body)
    read_details(body)


@given(JSON, JSON, JSON)
def test_any_fields_are_a_value(value: Any, entry: Any, inner: Any) -> None:
    """The same where the outside looks right and the inside does not."""
    participant = {"id": "p", "participantId": "p", "attributes": value, "sessions": entry}
    participant |= {"purpose": inner, "startTime": value}
    entries = [participant, entry, {**participant, "sessions": [entry, {"segments": [inner]}]}]
    document = {"id": "c", "conversationId": "c", "endTime": inner, "participants": entries}
    assert read_conversation(orjson.dumps(document)) is not None
    looked_up = read_details(orjson.dumps({"conversations": [document, entry]}))
    assert looked_up is not None
    assert "c" in looked_up
    assert read_details(orjson.dumps({"conversations": value})) is not None
