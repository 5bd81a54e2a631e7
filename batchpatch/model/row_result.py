"""The result of a row: what its line in `results.jsonl` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from batchpatch.model.outcome import Outcome

CONVERSATION_ENDED = "conversation_ended"
"""The code of a row whose conversation had ended, whether it was written or left out."""


class RowResult(NamedTuple):
    """One line of `results.jsonl`; the field names are the contract. None means absent."""

    row: int
    line: int
    source: str
    outcome: Outcome
    at: str
    """UTC, RFC 3339."""
    conversation_id: str | None = None
    participant_id: str | None = None
    keys: list[str] | None = None
    """Names of the attributes, never their values."""
    status: int | None = None
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    attempts: int | None = None
    patch: int | None = None
    superseded_by: int | None = None
    correlation_id: str | None = None
    elapsed_ms: int | None = None
    verified: bool | None = None
    unverified: str | None = None
    """Why a check that was asked for could not be made."""
    participants: list[str] | None = None
    """Of a row that means several, in place of `participant_id`: all of them."""
    applied_to: list[str] | None = None
    """Those of `participants` to whom it was applied; None where that is what `outcome` says of
    all of them."""
    id: str | None = None
    """What the sender calls the row."""
