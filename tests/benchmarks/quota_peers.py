"""Small runs, many tokens, what decisions cost, and how others do."""

from __future__ import annotations

import time
from itertools import product
from statistics import fmean
from typing import TYPE_CHECKING

from figure import Figure, at_least, at_most
from quota_loop import (
    NETWORKS,
    NO_LIMIT,
    Following,
    LeakyBucket,
    Network,
    Unlimited,
    simulate,
    starts,
)
from quota_server import ROUNDINGS, Rules

from batchpatch.genesys.rate_limit.window_state import UNKNOWN_ROUNDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from quota_loop import Pace

FAST = Network(0.02, 0.06)
# `client-cpu` measures it anew, with a network; here it is the yardstick for what comes on top.
BARE_US = 229.0


def ten_tokens() -> Figure:
    """Ten windows in place of one."""
    per_min = []
    refused = 0
    for tokens in (1, 10):
        count = 6000 * tokens
        pace = Following(UNKNOWN_ROUNDING, tokens=tokens)
        done = simulate(pace, Rules(), FAST, count, tokens=tokens)
        per_min.append(count / done.took_s * 60)
        refused += len(done.refused_s)
    ratio = per_min[1] / per_min[0]
    return Figure(
        "10 tokens: requests a minute against one token's",
        f"{ratio:.2f} ({per_min[1]:,.0f} a minute); refused {refused}",
        "at least 9.8, refused 0",
        at_least(ratio if not refused else 0, 9.8),
    )


def one_burst() -> Figure:
    """A small file must not wait for anything."""
    ratios = []
    for network, workers, seed in product(NETWORKS.values(), (32, 64), range(5)):
        pace = Following(UNKNOWN_ROUNDING, workers=workers)
        ours = simulate(pace, Rules(), network, 250, seed=seed)
        bare = simulate(Unlimited(workers), NO_LIMIT, network, 250, seed=seed)
        ratios.append(ours.took_s / bare.took_s)
    return Figure(
        "250 rows, a fresh token: time over that without any limit",
        f"at worst {max(ratios):.2f}, mean {fmean(ratios):.2f}",
        "under 3",
        at_most(max(ratios), 3),
    )


def cpu() -> Figure:
    """What the decisions cost."""

    def cost_us(pace: Pace, rules: Rules, tokens: int) -> float:
        began_s = time.process_time()
        simulate(pace, rules, FAST, 45_000, tokens=tokens)
        return (time.process_time() - began_s) / 45_000 * 1e6

    costs = [
        cost_us(Following(UNKNOWN_ROUNDING, tokens=50, workers=64), Rules(), 50)
        - cost_us(Unlimited(64), NO_LIMIT, 1)
        for _ in range(3)
    ]
    ratio = 1 + min(costs) / BARE_US
    return Figure(
        "CPU per request at 50 tokens, decisions alone on top of a bare loop's 229 us",
        f"{min(costs):.1f} us, {ratio:.2f} times",
        "at most 1.5 times",
        at_most(ratio, 1.5),
    )


def comparison() -> list[Figure]:
    """The same requests at other paces."""
    return [
        _compared("for comparison: batchpatch", lambda: Following(UNKNOWN_ROUNDING)),
        _compared("AsyncLimiter(300, 60)", lambda: LeakyBucket(300, 60)),
        _compared("AsyncLimiter(1, 0.2)", lambda: LeakyBucket(1, 0.2)),
        _compared("the SDK: 4 connections, sleeps on Retry-After", lambda: Unlimited(4)),
    ]


def _compared(name: str, make: Callable[[], Pace]) -> Figure:
    done = [
        simulate(make(), start._replace(rounding=rounding), NETWORKS["200 ms"], 1500)
        for start, rounding in product(starts(), ROUNDINGS)
    ]
    small = simulate(make(), Rules(), NETWORKS["200 ms"], 250)
    took = [run.took_s for run in done]
    refused = [len(run.refused_s) for run in done]
    return Figure(
        f"{name}: 1,500 requests at 200 ms, any start",
        f"{min(took):.0f} to {max(took):.0f} s, refused {min(refused)} to {max(refused)};"
        f" 250 rows in {small.took_s:.1f} s",
    )
