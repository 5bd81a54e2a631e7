"""A run's summary and a check's findings, as text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.showing.words import count, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchpatch.model import FailureReason, InvalidRow, Summary


def summary_lines(summary: Summary) -> list[str]:
    """How a run ended: outcomes, requests, time."""
    lines = [f"{count(summary.rows, 'row')} in {duration(summary.elapsed_s)}"]
    lines += [f"  {outcome:<11}{number:>12,}" for outcome, number in summary.outcomes.items()]
    if summary.unattempted:
        lines.append(f"  {'unattempted':<11}{summary.unattempted:>12,}")
    patches = "1 patch" if summary.patches == 1 else f"{summary.patches:,} patches"
    lines.append(
        f"{count(summary.requests, 'request')}: {patches}, "
        f"{summary.retries:,} repeated, {summary.throttled:,} throttled; "
        f"{count(summary.tokens_minted, 'token')} minted"
    )
    if summary.allowance_used is not None:
        lines.append(f"{summary.allowance_used:.1%} of the platform's allowance used")
    if summary.stopped_because:
        lines.append(f"Stopped: {summary.stopped_because}")
    return lines


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
