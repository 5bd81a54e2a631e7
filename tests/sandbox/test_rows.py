"""The input that `write_rows` makes."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections import Counter
from typing import Any

import pytest

from batchpatch.sandbox import write_rows
from batchpatch.sandbox.codes import OF_EVERY_QUEUE
from batchpatch.sandbox.conversations import agent_id, customer_id

HEADER = [
    "conversationId",
    "participantId",
    "attributes.campaign_result",
    "attributes.wrapup_notes",
]


def text_of(count: int, seed: int = 7, **options: Any) -> str:
    out = io.StringIO(newline="")
    write_rows(out, count, seed, **options)
    return out.getvalue()


def rows_of(count: int, **options: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(count, **options), newline="")))


def test_the_same_seed_gives_the_same_rows() -> None:
    """Benchmarks and bug reports name a seed instead of carrying a file."""
    assert text_of(500, 7) == text_of(500, 7)
    assert text_of(500, 7) != text_of(500, 8)


@pytest.mark.parametrize("options", [{}, {"repeat": 0.4, "participants_per_conversation": 3}])
def test_fewer_rows_are_the_beginning_of_more(options: dict[str, Any]) -> None:
    """A canary of the first rows must be of the same run as the rest."""
    assert text_of(500, **options).startswith(text_of(50, **options))


def test_every_row_names_the_customer_of_its_conversation() -> None:
    """So that a sandbox that has never seen the file knows the participants in it."""
    rows = rows_of(300)
    assert list(rows[0]) == HEADER
    assert len({row["conversationId"] for row in rows}) == 300
    for row in rows:
        assert row["conversationId"] == str(uuid.UUID(row["conversationId"]))
        assert row["participantId"] == customer_id(row["conversationId"])


def test_conversations_can_have_several_participants() -> None:
    """Rows of one conversation share its look-up, which takes such rows to test."""
    rows = rows_of(6, participants_per_conversation=3)
    first = [row["participantId"] for row in rows[:3]]
    assert len({row["conversationId"] for row in rows[:3]}) == 1
    assert first[:2] == [
        customer_id(rows[0]["conversationId"]),
        agent_id(rows[0]["conversationId"]),
    ]
    assert len({row["participantId"] for row in rows}) == 6


def test_repeat_is_the_share_of_rows_that_name_an_earlier_participant() -> None:
    """Merging has something to merge only where participants come again."""
    times = Counter(row["participantId"] for row in rows_of(4000, repeat=0.25))
    assert 1 - len(times) / 4000 == pytest.approx(0.25, abs=0.03)


def test_the_notes_are_as_awkward_as_real_ones() -> None:
    """Quotes, commas, empty cells and other scripts are where a reader of CSV goes wrong."""
    notes = {row["attributes.wrapup_notes"] for row in rows_of(300)}
    assert "" in notes
    assert any('"' in note and "," in note for note in notes)
    assert any(not note.isascii() for note in notes)


def test_jsonl_holds_the_same_rows() -> None:
    """The two formats are two spellings of one input; an empty cell is an absent attribute."""
    lines = [json.loads(line) for line in text_of(200, format="jsonl").splitlines()]
    from_csv = [
        {
            "conversationId": row["conversationId"],
            "participantId": row["participantId"],
            "attributes": {n.partition(".")[2]: row[n] for n in HEADER[2:] if row[n]},
        }
        for row in rows_of(200)
    ]
    assert lines == from_csv


def test_wrap_up_rows_name_agents_and_codes_of_every_queue() -> None:
    """So that a sandbox of any seed has the participants and lets them have these codes."""
    rows = rows_of(300, write="wrapup")
    assert list(rows[0]) == ["conversationId", "participantId", "wrapupCode", "wrapupNotes"]
    assert {row["wrapupCode"] for row in rows} == set(OF_EVERY_QUEUE)
    assert all(row["participantId"] == agent_id(row["conversationId"]) for row in rows)
    attributes = rows_of(300)
    assert [row["conversationId"] for row in rows] == [row["conversationId"] for row in attributes]


def test_wrap_up_rows_of_jsonl_are_the_same() -> None:
    """The two formats are two spellings of one input; an empty note is an absent one."""
    lines = [json.loads(line) for line in text_of(200, format="jsonl", write="wrapup").splitlines()]
    assert lines == [
        {
            "conversationId": row["conversationId"],
            "participantId": row["participantId"],
            "wrapup": {"code": row["wrapupCode"]}
            | ({"notes": row["wrapupNotes"]} if row["wrapupNotes"] else {}),
        }
        for row in rows_of(200, write="wrapup")
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"write": "notes"},
        {"participants_per_conversation": 2, "write": "wrapup"},
        {"count": -1},
        {"repeat": 1.5},
        {"participants_per_conversation": 0},
        {"format": "xml"},
    ],
)
def test_a_value_out_of_range_is_explained(options: dict[str, Any]) -> None:
    """The command line shows the sentence, which must name the option."""
    with pytest.raises(ValueError, match=next(iter(options))):
        write_rows(io.StringIO(), **({"count": 1, "seed": 0} | options))


def test_ids_are_the_standard_version_5() -> None:
    """The fast way of making them must not drift from what the standard library makes."""
    made = uuid.UUID(customer_id("0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"))
    namespace = uuid.UUID("6f1c1d0a-8a53-5c0e-9d55-3d7b8e0c5a11")
    assert made == uuid.uuid5(namespace, "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d/0")
