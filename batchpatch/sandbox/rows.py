"""Rows, an input that fits the sandbox: the same seed gives the same rows. Imports no aiohttp."""

from __future__ import annotations

import csv
import json
from hashlib import blake2b
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Literal, TextIO

from batchpatch.sandbox.codes import OF_EVERY_QUEUE
from batchpatch.sandbox.conversations import agent_id, participant_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_RESULTS = ("answered", "no_answer", "busy", "voicemail", "callback", "do_not_call")
_NOTES = (
    "",
    "Asked for a call back on Monday",
    'Said "not interested", call ended early',
    "Größe und Adresse geprüft, alles in Ordnung",
    "No answer; try again after 17:00",
    "お客様は折り返しを希望",
    "Moved house, new address on file",
    "",
)
WriteKind = Literal["attributes", "wrapup"]
"""What rows set: a customer's attributes, or an agent's wrap-up code."""
_COLUMNS: dict[WriteKind, tuple[str, str]] = {
    "attributes": ("attributes.campaign_result", "attributes.wrapup_notes"),
    "wrapup": ("wrapupCode", "wrapupNotes"),
}
_ROWS_AT_ONCE = 1000
# Conversation id, participant id, campaign result or wrap-up code by name, notes.
_Sample = tuple[str, str, str, str]


def write_rows(
    out: TextIO,
    count: int,
    seed: int,
    *,
    format: Literal["csv", "jsonl"] = "csv",  # noqa: A002 - the word of the command line
    participants_per_conversation: int = 1,
    repeat: float = 0.0,
    write: WriteKind = "attributes",
) -> None:
    """Stream `count` rows to `out`, deterministic in `seed`; fewer rows are a prefix of more.

    The first participant of a conversation is the customer that the sandbox adopts, the second
    its agent; rows of `write="wrapup"` name the agent alone. `repeat` (0 to 1) is the share of
    rows that name an earlier participant again.
    Raises ValueError, one sentence, for a value out of range.
    """
    if count < 0:
        raise ValueError(f"count must be 0 or more, not {count}.")
    if participants_per_conversation < 1:
        raise ValueError(
            f"participants_per_conversation must be 1 or more, not {participants_per_conversation}."
        )
    if not 0 <= repeat <= 1:
        raise ValueError(f"repeat must be from 0 to 1, not {repeat}.")
    if format not in ("csv", "jsonl"):
        raise ValueError(f"format must be csv or jsonl, not {format}.")
    if write not in _COLUMNS:
        raise ValueError(f"write must be attributes or wrapup, not {write}.")
    if write == "wrapup" and participants_per_conversation > 1:
        raise ValueError("participants_per_conversation must be 1 for wrap-up: the agent.")
    samples = _samples(count, seed, participants_per_conversation, repeat)
    if write == "wrapup":
        samples = map(_wrapped_up, samples)
    _write(out, samples, format, write)


def _write(
    out: TextIO, samples: Iterator[_Sample], form: Literal["csv", "jsonl"], write: WriteKind
) -> None:
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("conversationId", "participantId", *_COLUMNS[write]))
        writer.writerows(samples)
    else:
        line = _attributes_line if write == "attributes" else _wrapup_line
        while lines := [line(sample) for sample in islice(samples, _ROWS_AT_ONCE)]:
            out.write("".join(lines))


def _samples(count: int, seed: int, per_conversation: int, repeat: float) -> Iterator[_Sample]:
    dice = Random(seed).random  # noqa: S311 - nothing here is a secret
    distinct = 0
    for _ in range(count):
        participant = distinct
        if repeat and dice() < repeat and distinct:
            participant = int(dice() * distinct)
        else:
            distinct += 1
        conversation, index = divmod(participant, per_conversation)
        conversation_id = _conversation_id(seed, conversation)
        yield (
            conversation_id,
            participant_id(conversation_id, index),
            _RESULTS[int(dice() * len(_RESULTS))],
            _NOTES[int(dice() * len(_NOTES))],
        )


def _conversation_id(seed: int, number: int) -> str:
    # From its number alone, so that a repeated row needs no memory of the earlier one.
    text = blake2b(b"%d/%d" % (seed, number), digest_size=16).hexdigest()
    # The fixed digits mark version 4 and its variant: some readers check them.
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _wrapped_up(sample: _Sample) -> _Sample:
    conversation_id, _, result, notes = sample
    code = OF_EVERY_QUEUE[_RESULTS.index(result) % len(OF_EVERY_QUEUE)]
    return conversation_id, agent_id(conversation_id), code, notes


def _attributes_line(sample: _Sample) -> str:
    conversation_id, known_id, campaign_result, wrapup_notes = sample
    attributes = {"campaign_result": campaign_result}
    if wrapup_notes:
        attributes["wrapup_notes"] = wrapup_notes
    row = {"conversationId": conversation_id, "participantId": known_id, "attributes": attributes}
    return json.dumps(row, ensure_ascii=False) + "\n"


def _wrapup_line(sample: _Sample) -> str:
    conversation_id, known_id, code, notes = sample
    wrapup = {"code": code, **({"notes": notes} if notes else {})}
    row = {"conversationId": conversation_id, "participantId": known_id, "wrapup": wrapup}
    return json.dumps(row, ensure_ascii=False) + "\n"
