"""Lines of the table, made of what runs and sandboxes have said."""

from __future__ import annotations

from math import floor
from statistics import fmean
from typing import TYPE_CHECKING

from figure import Figure, at_least, at_most
from quota_case import ALLOWED, Done

if TYPE_CHECKING:
    from collections.abc import Sequence


def alone(done: Sequence[Done], burst_s: float) -> list[Figure]:
    """How near each is to the ideal: all windows but the last, and the last one's burst."""
    ratios = [one.took_s / _ideal_s(one, burst_s) for one in done]
    worst = max(ratios)
    case = done[ratios.index(worst)].case
    refused = sum(one.refused for one in done)
    return [
        Figure(
            f"alone on one token, {case.rows:,} requests, rounding unknown, {_windows(done)}: time"
            " over ideal",
            f"at worst {worst:.4f} ({case.model}, {case.rounding}), mean {fmean(ratios):.4f}",
            "at most 1.04",
            at_most(worst, 1.04),
        ),
        Figure("refused in these runs", f"{refused} in {len(done)} runs", "0", at_most(refused, 0)),
    ]


def _ideal_s(one: Done, burst_s: float) -> float:
    full = (one.summary["requests"] - 1) // ALLOWED
    return float(full * one.case.window_s + burst_s)


def refusals(name: str, done: Sequence[Done]) -> Figure:
    """Where some cannot be helped: no more than those that are in flight together."""
    most = max(one.most_refused_in_a_window() for one in done)
    took = [one.took_s for one in done]
    rows = done[0].case.rows
    return Figure(
        f"{name}, {_windows(done)}: refused in any window, of 32 in flight",
        f"at most {most}; all {rows:,} through, in {min(took):.0f} to {max(took):.0f} s,"
        f" {len(done)} runs",
        "at most 32",
        at_most(most, 32),
    )


def shared(done: Sequence[Done]) -> list[Figure]:
    """Another consumer on the token."""
    shares = [one.refused / one.stats["requests"] for one in done]
    used = [_used(one) for one in done]
    theirs = [(one.stats["foreign_admitted"], one.stats["foreign_throttled"]) for one in done]
    parts = [refused / (admitted + refused) for admitted, refused in theirs]
    return [
        Figure(
            f"another sends 20 % of what is allowed, {_windows(done)}: refused of ours",
            f"at worst {max(shares):.2%}, mean {fmean(shares):.2%}, {len(done)} runs",
            "at most 1 %",
            at_most(max(shares), 0.01),
        ),
        Figure(
            "allowance used by both, whole windows (admitted of ours, by the time of arrival, and"
            " of the other's all but what it sent in the last window)",
            f"at least {min(used):.1%}",
            "at least 98 %",
            at_least(min(used), 0.98),
        ),
        Figure("refused of the other's", f"{min(parts):.0%} to {max(parts):.0%}"),
    ]


def _used(one: Done) -> float:
    """A lower bound: all that the other has sent in the last window is taken as admitted there."""
    starts, per_s = one.window_starts(), one.case.foreign_per_s
    sent_in_last = floor(one.arrived[-1].at_s * per_s) - floor(starts[-1] * per_s) + 1
    theirs = one.stats["foreign_admitted"] - sent_in_last
    whole = one.counts()[:-1]
    return float((sum(whole) + theirs) / (ALLOWED * len(whole)))


def change(done: Sequence[Done], after: int) -> Figure:
    """The limit becomes another amid the second window, so from the third on it must be kept."""
    late = 0
    for one in done:
        whole = one.counts()[2:-1]
        late = max([late, *(n + 1 for n, count in enumerate(whole) if count != after)])
        if len(whole) < 2:
            raise RuntimeError(f"{one.case.name}: too few windows to judge by: {one.counts()}")
    refused = max(one.refused for one in done)
    counts = ", ".join(map(str, done[0].counts()))
    return Figure(
        f"the limit goes from {ALLOWED} to {after} amid the second window, {_windows(done)}:"
        " whole windows after it not used exactly",
        f"{late} (grid: {counts}); refused at most {refused}, {len(done)} runs",
        "at most 1",
        at_most(late, 1),
    )


def ten_tokens(ten: Done, one: Done) -> Figure:
    """Ten windows in place of one."""
    per_min = [done.summary["requests"] / done.took_s * 60 for done in (one, ten)]
    ratio = per_min[1] / per_min[0]
    refused = ten.refused + one.refused
    return Figure(
        f"10 tokens, {ten.case.rows:,} requests, {_windows([ten])}: requests a minute against one"
        f" token's of {one.case.rows:,}",
        f"{ratio:.2f} ({per_min[1]:,.0f} a minute); refused {refused}",
        "at least 9.8, refused 0",
        at_least(ratio if not refused else 0, 9.8),
    )


def accounts(done: Sequence[Done]) -> Figure:
    """That what was read is true."""
    unlike = sum(one.unlike for one in done)
    return Figure(
        "rows not updated, and what summaries and sandboxes count differently (writes, requests,"
        " refusals, tokens)",
        f"{unlike} in {len(done)} runs",
        "0",
        at_most(unlike, 0),
    )


def _windows(done: Sequence[Done]) -> str:
    return f"windows of {done[0].case.window_s:g} s"
