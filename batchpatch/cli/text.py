"""Summaries, findings and plans as text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.cli.words import count, duration, forecast, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batchpatch.formats.conflict_line import ConflictEntry
    from batchpatch.genesys.rate_limit.allowance import Allowance
    from batchpatch.model import FailureReason, InvalidRow, Summary


def change_lines(
    conversation_id: str,
    participant_id: str,
    purpose: str | None,
    before: Mapping[str, str | None],
    attributes: Mapping[str, str],
) -> list[str]:
    """What one participant would see changed."""
    who = f"{purpose or 'participant'} {participant_id} of {conversation_id}"
    changes = (
        f"  {shortened(name)}: {_value(before.get(name))} -> {_value(value)}"
        for name, value in attributes.items()
    )
    return [who, *changes]


def plan_lines(
    *,
    rows: int,
    participants: int,
    unchanged: int,
    failed: int,
    ended: int,
    unattempted: int,
    requests: int,
    elapsed_s: float,
    allowance: Allowance | None,
) -> list[str]:
    """How a plan ended."""
    lines = [f"{count(rows, 'row')} in {duration(elapsed_s)}, {count(requests, 'request')}"]
    lines.append(f"  {participants:,} to change")
    lines.append(f"  {unchanged:,} of the rows change nothing: not in the plan")
    if failed:
        lines.append(f"  {failed:,} of the rows cannot be sent: not in the plan")
    if unattempted:
        lines.append(f"  {unattempted:,} of the rows were not looked at: not in the plan")
    if ended:
        lines.append(
            f"  {ended:,} of conversations that have ended: flagged; what is written there does "
            "not reach analytics"
        )
    lines.append(f"To run it: {forecast(participants, allowance)}")
    return lines


def who_lines(parts: Iterable[tuple[str, str | None]]) -> list[str]:
    """Whose data this is about; what is not known is left out."""
    return [f"{name}: {text}" for name, text in parts if text]


def _value(value: str | None) -> str:
    return "(absent)" if value is None else f'"{shortened(value)}"'


def summary_lines(summary: Summary) -> list[str]:
    """How a run ended: outcomes, requests, time."""
    lines = [f"{count(summary.rows, 'row')} in {duration(summary.elapsed_s)}"]
    lines += [f"  {outcome:<11}{number:>12,}" for outcome, number in summary.outcomes.items()]
    if summary.unattempted:
        lines.append(f"  {'unattempted':<11}{summary.unattempted:>12,}")
    patches = "1 patch" if summary.patches == 1 else f"{summary.patches:,} patches"
    others = (
        (summary.reads, "read"),
        (summary.lookups, "look-up"),
        (summary.verifications, "verification"),
    )
    kinds = ", ".join([patches, *(count(number, kind) for number, kind in others if number)])
    lines.append(
        f"{count(summary.requests, 'request')}: {kinds}, "
        f"{summary.retries:,} repeated, {summary.throttled:,} throttled; "
        f"{count(summary.tokens_minted, 'token')} minted"
    )
    if summary.verified:
        lines.append(f"{count(summary.verified, 'row')} read back and found stored")
    if summary.unverified:
        lines.append(f"{count(summary.unverified, 'row')} could not be read back: not verified")
    if summary.allowance_used is not None:
        lines.append(f"{summary.allowance_used:.1%} of the platform's allowance used")
    if summary.blanked:
        lines.append(
            f"{count(summary.blanked, 'attribute')} blanked that had been absent: the platform "
            "can delete none"
        )
    if summary.stopped_because:
        lines.append(f"Stopped: {summary.stopped_because}")
    return lines


def conflict_lines(entry: ConflictEntry) -> list[str]:
    """What a conflict expected and what it found; these are values."""
    rows = ", ".join(f"{row:,}" for row in entry.rows)
    return [
        f"  row {rows}: {entry.participant_id} of {entry.conversation_id}",
        *(
            f"      {shortened(name)}: expected {' or '.join(map(_value, values))}, "
            f"found {_value(entry.found.get(name))}"
            for name, values in entry.expected.items()
        ),
    ]


def reason_lines(reasons: Iterable[FailureReason]) -> list[str]:
    """Why rows did not make it, the most frequent reasons first."""
    lines = []
    for reason in reasons:
        code = f" {reason.code}" if reason.code else ""
        lines.append(f"  {reason.rows:,} {reason.outcome}{code}: {reason.message or 'no message'}")
        if reason.hint:
            lines.append(f"      {reason.hint}")
    return lines


def invalid_lines(row: InvalidRow, *, source: str | None) -> list[str]:
    """One invalid row: where, why, what to do."""
    where = f"{source}, " if source else ""
    return [f"{where}line {row.line} (row {row.number:,}): {row.message}", f"    {row.hint}"]


def columns_table(columns: Iterable[tuple[str, str]]) -> list[str]:
    """How the columns of one input were understood."""
    rows: Sequence[tuple[str, str]] = [(name or "(no name)", use) for name, use in columns]
    width = min(40, max((len(name) for name, _ in rows), default=0))
    return [f"  {name:<{width}}  {use}" for name, use in rows]
