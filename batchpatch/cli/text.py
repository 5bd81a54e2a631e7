"""Text of numbers, progress, summaries, findings and plans. Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from batchpatch.errors import ended
from batchpatch.model import LIMIT_IN_WORDS, LIMIT_REACHED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batchpatch.formats.undo_line import ConflictEntry
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.model import FailureReason, Progress, Summary

_WORTH_SAYING_S = 60


def printable(text: str) -> str:
    """Text that is not ours, safe for a terminal: control characters are shown, not obeyed.

    Whatever reaches a screen goes through here: names from the input, sentences of the server.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def shortened(text: str, most: int = 60) -> str:
    """As `printable`, and cut to so many characters."""
    text = printable(text)
    return text if len(text) <= most else text[: most - 3] + "..."


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 17 min`, `3 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{whole} s"
    for unit, size, smaller, step in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // step
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    raise AssertionError("unreachable")


def count(number: int, thing: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def about(seconds: float) -> str:
    """As `duration`, without seconds that an estimate cannot know: `14 min`, `2 h 17 min`."""
    if seconds < 10:
        return f"{max(1, ceil(seconds))} s"
    return duration(60 * round(seconds / 60) if seconds >= 600 else seconds)


def forecast(requests: int, allowance: Allowance | None) -> str:
    """`41,200 requests at 300/min on 1 token: 2 h 17 min; with --tokens 10: 14 min`."""
    text = count(requests, "request")
    if allowance is None or not requests:
        return text
    duration_s = allowance.duration_s(requests)
    if allowance.rate is None or allowance.cap is not None:
        return f"{text} at {allowance.cap or allowance.rate}: {about(duration_s)}"
    per_min = f"{allowance.rate.per_s * 60:,.0f}/min"
    text += f" at {per_min} on {count(allowance.tokens, 'token')}: {about(duration_s)}"
    if (more := allowance.more_tokens) is None:
        return text
    faster_s = allowance.with_tokens(more).duration_s(requests)
    worth_it = duration_s - faster_s >= _WORTH_SAYING_S
    return f"{text}; with --tokens {more}: {about(faster_s)}" if worth_it else text


def progress_line(progress: Progress) -> str:
    """One line about a run that is under way; fits into 80 columns in the usual case."""
    expected = f"/{progress.rows_expected:,}" if progress.rows_expected is not None else ""
    parts = [f"{progress.settled:,}{expected} rows", _outcomes(progress)]
    if progress.rows_per_s and progress.window is None:
        parts.append(pace_of(progress.rows_per_s))  # else it is bursts, whose mean says nothing
    if (left := time_left(progress)) is not None:
        parts.append(f"{left} left")
    if progress.waiting_for:
        parts.append(f"waiting for {progress.waiting_for}")
    return ", ".join(part for part in parts if part)


def time_left(progress: Progress) -> str | None:
    """How long the rows take that are left; None where none is, or nobody knows."""
    is_over = progress.settled >= (progress.rows_expected or 0)
    return None if progress.left_s is None or is_over else about(progress.left_s)


def _outcomes(progress: Progress) -> str:
    """Those that did not make it by name; what went well is the rest."""
    return " ".join(
        f"{progress.outcomes[word]:,} {word}"
        for word in Outcome
        if progress.outcomes.get(word) and _is_worth_naming(word)
    )


def _is_worth_naming(word: str) -> bool:
    return word in (Outcome.UPDATED, Outcome.PLANNED) or not Outcome(word).made_it


def pace_of(per_s: float) -> str:
    """`120/s`, `300/min`."""
    return f"{per_s:,.0f}/s" if per_s >= 20 else f"{per_s * 60:,.0f}/min"


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
    if value is None:
        return "(absent)"
    quoted = shortened(value).replace('"', '\\"')
    return f'"{quoted}"'


def summary_lines(summary: Summary, *, warns_of_end: bool = True) -> list[str]:
    """How a run ended: outcomes, requests, time."""
    lines = [f"{_rows(summary)} in {duration(summary.elapsed_s)}"]
    lines += outcome_lines(summary.outcomes, summary.unattempted)
    lines.append(_requests(summary))
    if summary.verified:
        lines.append(f"{count(summary.verified, 'row')} read back and found stored")
    if summary.unverified:
        lines.append(f"{count(summary.unverified, 'row')} could not be read back: not verified")
    if summary.after_end and warns_of_end:
        lines.append(
            f"{count(summary.after_end, 'row')} written after the end of the conversation: that "
            "does not reach analytics (--ended skip leaves such rows out)"
        )
    if summary.allowance_used is not None:
        lines.append(f"{summary.allowance_used:.1%} of the platform's allowance used")
    if summary.blanked:
        lines.append(
            f"{count(summary.blanked, 'value')} that had been absent "
            f"{'is' if summary.blanked == 1 else 'are'} blank now: the platform can delete none"
        )
    if summary.unkept:
        lines.append(unkept_line(summary.unkept))
    if summary.stopped_because:
        lines.append(stopped_line(summary.stopped_because))
    return lines


def unkept_line(rows: int) -> str:
    """Rows that an undo leaves as they are, because it does not know what was there."""
    return f"{count(rows, 'row')} of that run cannot be taken back: no values before were kept"


def _requests(summary: Summary) -> str:
    patches = "1 patch" if summary.patches == 1 else f"{summary.patches:,} patches"
    others = (
        (summary.reads, "read"),
        (summary.lookups, "look-up"),
        (summary.verifications, "verification"),
        (summary.other, "other"),
    )
    kinds = ", ".join([patches, *(count(number, kind) for number, kind in others if number)])
    return (
        f"{count(summary.requests, 'request')}: {kinds}, "
        f"{summary.retries:,} repeated, {summary.throttled:,} throttled; "
        f"{count(summary.tokens_minted, 'token')} minted"
    )


def outcome_lines(outcomes: Mapping[str, int], unattempted: int) -> list[str]:
    """What became of the rows, a line an outcome."""
    numbers = {**outcomes, **({"unattempted": unattempted} if unattempted else {})}
    return [f"  {outcome:<11}{number:>12,}" for outcome, number in numbers.items()]


def _rows(summary: Summary) -> str:
    """`120 rows`, or, where a run ended before its input, `167 of about 400,000 rows`."""
    settled, expected = sum(summary.outcomes.values()), summary.rows_expected
    is_whole = summary.input_exhausted and not summary.unattempted
    if is_whole or summary.stopped_because == LIMIT_REACHED or expected is None:
        return count(summary.rows, "row")
    return f"{settled:,} of {'' if summary.input_exhausted else 'about '}{expected:,} rows"


def stopped_line(because: str) -> str:
    """Why a run has ended before its input did."""
    return ended(f"Stopped: {LIMIT_IN_WORDS if because == LIMIT_REACHED else because}")


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


def reason_head(reason: FailureReason) -> str:
    """How many rows and what they are, with the code where that says more."""
    says_more = reason.code and reason.code != reason.outcome
    return f"{reason.rows:,} {reason.outcome}" + (f" {reason.code}" if says_more else "")


def reason_lines(reasons: Iterable[FailureReason]) -> list[str]:
    """Why rows did not make it, the most frequent reasons first."""
    lines = []
    for reason in reasons:
        lines.append(f"  {reason_head(reason)}: {reason.message or 'no message'}")
        if reason.hint:
            lines.append(f"      {reason.hint}")
    return lines


def columns_table(columns: Iterable[tuple[str, str]]) -> list[str]:
    """How the columns of one input were understood."""
    rows: Sequence[tuple[str, str]] = [(name or "(no name)", use) for name, use in columns]
    width = min(40, max((len(name) for name, _ in rows), default=0))
    return [f"  {name:<{width}}  {use}" for name, use in rows]
