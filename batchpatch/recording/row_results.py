"""Row results: the lines of what was settled, and the fan-in of rows of several participants."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from batchpatch.model import CONVERSATION_ENDED, InvalidRow, Outcome, RowContext, RowResult
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batchpatch.model import Overtaken, Patch, PatchOutcome, Row
    from batchpatch.writes.kind import WriteKind

_Participant = tuple[str | None, str | None]
_NO_CONTEXT = RowContext()


class FanIn:
    """Holds back the results of rows that have several, until they are complete.

    What comes after such a row at one of its participants is held back as well: were that on
    record and the row not, resuming would send the row again, and put old over new.
    """

    def __init__(self) -> None:
        self._expected: dict[int, int] = {}
        self._held: dict[int, list[RowResult]] = {}
        self._blocked: dict[_Participant, int] = {}
        """Participants that an incomplete row was settled for, and which row that is."""
        self._behind: dict[int, list[RowResult]] = {}
        """What is held back for the sake of an incomplete row."""

    @property
    def waits(self) -> bool:
        """A row is not complete yet; where none is, `add` gives back what it gets."""
        return bool(self._expected)

    def expect(self, rows: Iterable[Row | InvalidRow]) -> None:
        """See the rows of a batch; those that stand there several times have several results."""
        numbers = Counter(row.number for row in rows)
        self._expected.update({n: times for n, times in numbers.items() if times > 1})

    def add(self, result: RowResult) -> Sequence[RowResult]:
        """The lines to write now, in order; none while others of the row's results are to come."""
        if not self._expected:
            return (result,)
        who = result.conversation_id, result.participant_id
        blocker = self._blocked.get(who)
        if blocker is not None and blocker != result.row:
            self._behind.setdefault(blocker, []).append(result)
            return ()
        expected = self._expected.get(result.row)
        if expected is None:
            return (result,)
        held = self._held.setdefault(result.row, [])
        held.append(result)
        self._blocked[who] = result.row
        return self._completed(result.row) if len(held) == expected else ()

    def _completed(self, row: int) -> list[RowResult]:
        held = self._held.pop(row)
        del self._expected[row]
        for result in held:
            self._blocked.pop((result.conversation_id, result.participant_id), None)
        lines = [joined(held)]
        for later in self._behind.pop(row, ()):
            lines += self.add(later)
        return lines


def of_patch(
    patch: Patch,
    outcome: PatchOutcome,
    *,
    sources: Sequence[str],
    at: str,
    kind: WriteKind = USUAL,
) -> Iterator[RowResult]:
    """A line for each row that a PATCH carried.

    Args:
        patch: what was sent.
        outcome: how it was settled.
        sources: names of the inputs.
        at: now, UTC, RFC 3339.
        kind: what was written.
    """
    elapsed_ms = round(outcome.elapsed_s * 1000)
    for row in patch.rows:
        taker = patch.superseded.get(row.number)
        # By what never took effect nothing is superseded: mended or sent alone, the taker may
        # leave the place to it again.
        if taker is not None and outcome.outcome.made_it:
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
                id=row.id,
            )
            continue
        code, message, hint = outcome.code, outcome.message, outcome.hint
        if (row.context is not None or outcome.ended) and outcome.outcome.was_applied:
            code, message, hint = _remark(row.context or _NO_CONTEXT, outcome, kind)
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
            code,
            message,
            hint,
            outcome.attempts,
            patch.number,
            None,
            outcome.correlation_id,
            elapsed_ms,
            outcome.verified,
            outcome.unverified,
            id=row.id,
        )


def count_blanked(patch: Patch, outcome: PatchOutcome) -> int:
    """How many attributes a settled patch of an undo has left blank, because they were absent."""
    if not outcome.outcome.was_applied:
        return 0
    rows = (row for row in patch.rows if row.number not in patch.superseded)
    return sum(len(row.context.blanked) for row in rows if row.context is not None)


def _remark(
    context: RowContext, outcome: PatchOutcome, kind: WriteKind
) -> tuple[str | None, str | None, str | None]:
    """Code, message and hint of a row that was written, and about which there is more to say."""
    if context.blanked:
        names = ", ".join(context.blanked)
        return "blanked", f"{kind.blanked}: {names}", outcome.hint
    if (context.ended or outcome.ended) and outcome.code is None:
        return (
            CONVERSATION_ENDED,
            "the conversation had ended" + ("" if context.ended else " when it was read back"),
            outcome.hint or "What is written after the end does not reach analytics.",
        )
    return outcome.code, outcome.message, outcome.hint


def joined(results: Sequence[RowResult]) -> RowResult:
    """One line for a row that was sent to several participants: that of the worst outcome."""
    worst = max(results, key=lambda one: (one.outcome.severity, one.code is not None))
    participants = sorted({result.participant_id or "" for result in results})
    applied = {result.participant_id or "" for result in results if result.outcome.was_applied}
    told = f"sent to {len(participants)} participants: {', '.join(participants)}"
    message = f"{worst.message}; {told}" if worst.message else told
    verified = _all_verified(results)
    unverified = next((one.unverified for one in results if one.unverified is not None), None)
    return worst._replace(
        message=message,
        participant_id=None,
        participants=participants,
        applied_to=sorted(applied) if applied and len(applied) < len(participants) else None,
        keys=list(dict.fromkeys(key for result in results for key in result.keys or ())),
        patch=max((result.patch for result in results if result.patch), default=None),
        verified=verified,
        unverified=None if verified is False else unverified,
    )


def _all_verified(results: Sequence[RowResult]) -> bool | None:
    """Of a row whose parts were looked for one by one."""
    sent = (Outcome.UPDATED, Outcome.NOT_STORED)  # a superseded part is looked for with its taker
    seen = {result.verified for result in results if result.outcome in sent}
    if False in seen:
        return False
    return True if seen == {True} else None


def of_dropped(row: Row, outcome: PatchOutcome, *, sources: Sequence[str], at: str) -> RowResult:
    """The line of a row that was to be sent, and left the window in no patch."""
    return RowResult(
        row.number,
        row.line,
        sources[row.source],
        outcome.outcome,
        at,
        row.conversation_id,
        row.participant_id or None,  # its look-up may not have been over
        list(row.names),
        code=outcome.code,
        message=outcome.message,
        hint=outcome.hint,
        id=row.id,
    )


def of_unsent(
    row: Row | InvalidRow, *, sources: Sequence[str], at: str, kind: WriteKind = USUAL
) -> RowResult:
    """The line of a row that is never sent: invalid, overtaken, or with nothing to set."""
    if isinstance(row, InvalidRow):
        return RowResult(
            row.number,
            row.line,
            sources[row.source],
            row.outcome,
            at,
            row.conversation_id,
            row.participant_id,
            code=row.code,
            message=row.message,
            hint=row.hint,
            id=row.id,
        )
    nothing = RowResult(
        row.number,
        row.line,
        sources[row.source],
        Outcome.UNCHANGED,
        at,
        row.conversation_id,
        row.participant_id,
        [],
        id=row.id,
    )
    if row.context is not None and row.context.overtaken is not None:
        return _of_overtaken(nothing, row.context.overtaken)
    return nothing._replace(code="nothing_to_set", message=kind.nothing_to_set)


def _of_overtaken(nothing: RowResult, overtaken: Overtaken) -> RowResult:
    """Of a row that was to be sent again, after a later one had set all that it asks for."""
    by, run = overtaken.by, "this run" if overtaken.in_this_run else "the earlier run"
    newer = f"row {by:,} of {run}" if by else "a later row"
    return nothing._replace(
        outcome=Outcome.SUPERSEDED,
        keys=list(overtaken.names),
        code="newer_value",
        message=f"not sent: {newer} has set newer values at the same participant",
        superseded_by=(by or None) if overtaken.in_this_run else None,
    )
