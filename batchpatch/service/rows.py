"""The row of a call: what a program names, as a line of JSONL would have it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batchpatch.errors import InputError, SettingsError
from batchpatch.options.fields import canonical_uuid, parse_participant
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from batchpatch.model import Criterion

Participant = str | Mapping[str, str] | None
"""A UUID, a purpose such as `customer`, `FIELD=VALUE`, or several fields with their values; None
where the reading options say who is meant."""


def row_of(
    conversation_id: str,
    attributes: Mapping[str, Any],
    participant: Participant,
    *,
    id: str | None,  # noqa: A002 - the field's name in every other place
    urgent: bool,
    deadline_s: float | None,
    write: str | None,
) -> dict[str, Any]:
    """The row that a call asks for. What is wrong with it is for the reader of rows to say.

    Raises:
        InputError: an argument is of a type that can be none.
    """
    row: dict[str, Any] = {"conversationId": conversation_id, **who(participant)}
    row[find_kind(write).key] = _values(attributes)
    if id is not None:
        row["id"] = id
    if urgent:
        row["priority"] = "high"
    if deadline_s is not None and deadline_s != math.inf:  # JSON has no word for never
        if deadline_s != deadline_s:
            raise InputError("deadline_s is not a number (nan): give seconds, or None for never.")
        row["deadline"] = deadline_s
    return row


def who(participant: Participant) -> dict[str, str]:
    """The fields that say who is meant. Raises InputError for what can be none of these."""
    if participant is None:
        return {}
    if isinstance(participant, Mapping):
        return dict(participant)
    participant = _text(participant)
    if canonical_uuid(participant) is not None:
        return {"participantId": participant}
    try:
        return {_field(one): one.value for one in parse_participant(participant)}
    except SettingsError:
        # It may have come with the data: the row is invalid, and its result says why.
        return {"participantId": participant}


def _text(participant: object) -> str:
    if not isinstance(participant, str | UUID):
        raise InputError(
            f"participant is of the type {type(participant).__name__}: give a text, or a mapping "
            "of fields to texts."
        )
    return str(participant)


def _values(attributes: object) -> dict[str, Any]:
    if not isinstance(attributes, Mapping):
        raise InputError(
            f"attributes are of the type {type(attributes).__name__}: give a mapping of names to "
            "values."
        )
    return dict(attributes)


def _field(one: Criterion) -> str:
    return f"match.{one.attribute}" if one.field == "match" else one.field
