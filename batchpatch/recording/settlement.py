"""What was settled -> lines of the report. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.model import InvalidRow, Outcome, RowResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.model import Patch, PatchOutcome, Row


def of_patch(
    patch: Patch, outcome: PatchOutcome, *, sources: Sequence[str], at: str
) -> Iterator[RowResult]:
    """A line for each row that a PATCH carried.

    Args:
        patch: what was sent.
        outcome: how it was settled.
        sources: names of the inputs.
        at: now, UTC, RFC 3339.
    """
    elapsed_ms = round(outcome.elapsed_s * 1000)
    for row in patch.rows:
        taker = patch.superseded.get(row.number)
        if taker is not None:
            yield RowResult(
                row.number,
                row.line,
                sources[row.source],
                Outcome.SUPERSEDED,
                at,
                row.conversation_id,
                row.participant_id,
                list(row.names),
                patch=patch.number,
                superseded_by=taker,
            )
            continue
        yield RowResult(
            row.number,
            row.line,
            sources[row.source],
            outcome.outcome,
            at,
            row.conversation_id,
            row.participant_id,
            list(row.names),
            outcome.status,
            outcome.code,
            outcome.message,
            outcome.hint,
            outcome.attempts,
            patch.number,
            None,
            outcome.correlation_id,
            elapsed_ms,
        )


def of_unsent(row: Row | InvalidRow, *, sources: Sequence[str], at: str) -> RowResult:
    """The line of a row that is never sent: invalid, or with nothing to set."""
    if isinstance(row, InvalidRow):
        return RowResult(
            row.number,
            row.line,
            sources[row.source],
            Outcome.INVALID,
            at,
            row.conversation_id,
            row.participant_id,
            code=row.code,
            message=row.message,
            hint=row.hint,
        )
    return RowResult(
        row.number,
        row.line,
        sources[row.source],
        Outcome.UNCHANGED,
        at,
        row.conversation_id,
        row.participant_id,
        [],
        code="nothing_to_set",
        message="every attribute of the row is empty or left out",
    )
