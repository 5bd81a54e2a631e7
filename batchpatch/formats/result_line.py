"""The line of `results.jsonl`, written and read back. Pure.

Its bytes are laid out one way, by which `result_block` finds lines without parsing them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.model import Outcome, RowResult

if TYPE_CHECKING:
    from batchpatch.model import Patch, PatchOutcome

MAX_ROW = 1 << 33
"""A row number beyond this is damage: believing it would ask for gigabytes of bitmap."""


def encode(result: RowResult) -> bytes:  # noqa: C901 - one step a field
    """The line of one row: JSON, the contract's field order, absent fields left out.

    Hot: written out because a loop over the fields takes twice as long.
    """
    line: dict[str, Any] = {"row": result[0], "line": result[1], "source": result[2]}
    if result.conversation_id is not None:
        line["conversation_id"] = result.conversation_id
    if result.participant_id is not None:
        line["participant_id"] = result.participant_id
    if result.participants is not None:
        line["participants"] = result.participants
    if result.applied_to is not None:
        line["applied_to"] = result.applied_to
    if result.keys is not None:
        line["keys"] = result.keys
    line["outcome"] = result.outcome._value_  # `value` is a slow descriptor
    _add_answer(line, result)
    if result.correlation_id is not None:
        line["correlation_id"] = result.correlation_id
    line["at"] = result.at
    if result.elapsed_ms is not None:
        line["elapsed_ms"] = result.elapsed_ms
    if result.verified is not None:
        line["verified"] = result.verified
    if result.unverified is not None:
        line["unverified"] = result.unverified
    if result.id is not None:
        line["id"] = result.id
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return orjson.dumps(_readable(line), option=orjson.OPT_APPEND_NEWLINE)


def encode_updated(patch: Patch, outcome: PatchOutcome, *, source: str, at: str) -> bytes:
    """The line of the only row of a patch that was accepted, and about which no more is to say.

    The same bytes as `encode` makes of its result. Hot: nearly every line of a run is one.
    """
    row = patch.rows[0]
    line: dict[str, Any] = {
        "row": row[0],
        "line": row[1],
        "source": source,
        "conversation_id": row[3],
        "participant_id": row[4],
        "keys": row[5],
        "outcome": "updated",
        "status": outcome.status,
        "attempts": outcome.attempts,
        "patch": patch.number,
    }
    if outcome.correlation_id is not None:
        line["correlation_id"] = outcome.correlation_id
    line["at"] = at
    line["elapsed_ms"] = round(outcome.elapsed_s * 1000)
    if outcome.verified is not None:
        line["verified"] = outcome.verified
    if outcome.unverified is not None:
        line["unverified"] = outcome.unverified
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return orjson.dumps(_readable(line), option=orjson.OPT_APPEND_NEWLINE)


def _add_answer(line: dict[str, Any], result: RowResult) -> None:
    if result.status is not None:
        line["status"] = result.status
    if result.code is not None:
        line["code"] = result.code
    if result.message is not None:
        line["message"] = result.message
    if result.hint is not None:
        line["hint"] = result.hint
    if result.attempts is not None:
        line["attempts"] = result.attempts
    if result.patch is not None:
        line["patch"] = result.patch
    if result.superseded_by is not None:
        line["superseded_by"] = result.superseded_by


def _readable(value: Any) -> Any:
    """Spells lone surrogates out: file names may hold them, UTF-8 may not."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, (list, tuple)):
        return [_readable(item) for item in value]
    if isinstance(value, dict):
        return {name: _readable(item) for name, item in value.items()}
    return value


_TEXTS = frozenset(
    {
        "source",
        "at",
        "conversation_id",
        "participant_id",
        "code",
        "message",
        "hint",
        "correlation_id",
        "unverified",
        "id",
    }
)

_LISTS = frozenset({"keys", "participants", "applied_to"})


def decode(line: bytes) -> RowResult:
    """The result that a line holds, whoever has written it.

    What it must have is its row and its outcome. Of the rest, what is not of its kind is left out,
    and a number in the place of a text is its digits.

    Raises:
        ValueError: it is no result.
    """
    fields = orjson.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("a line is not an object")
    row = fields.get("row")
    if type(row) is not int or not 1 <= row <= MAX_ROW:
        raise ValueError("a line without a row")
    known = {name: of_its_kind(name, fields.get(name)) for name in RowResult._fields}
    return RowResult(
        **{
            **known,
            "line": known["line"] or 0,
            "source": known["source"] or "",
            "at": known["at"] or "",
            "row": row,
            "outcome": Outcome(str(fields.get("outcome"))),
        }
    )


def of_its_kind(name: str, value: Any) -> Any:
    """The value of a field of a line, None where it is not what stands there."""
    if name == "verified":
        return value if isinstance(value, bool) else None
    if name in _LISTS:
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return value if is_list else None
    if name in _TEXTS:
        return str(value) if type(value) in (str, int, float) else None
    return value if type(value) is int else None
