"""The same figures over HTTP: real runs against real sandboxes, which mostly wait.

Those that only wait go on side by side, and begin a second apart, so that their bursts do not
fall on each other; what is about CPU or tenths of seconds comes first, alone (`quota_quiet`). The
sandbox's first window begins with a token's first request in any model, so starts in the midst of
a window are left to the simulation. So is a rounding that is known: no option tells it.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING

import quota_quiet
import quota_verdicts as verdicts
from figure import say
from quota_case import ALLOWED, Case, Done, play
from quota_server import ROUNDINGS

if TYPE_CHECKING:
    from pathlib import Path

    from figure import Figure

_APART_S = 1.0
_FIXED = ("grid", "first-call")
_RAISED, _LOWERED = 600, 120
_LATENCIES = ("kind=latency,ms=200", "kind=latency,ms=1500,rate=0.3")
_TOKENS = 10
# With more than 2 MB of input, the run would ask for the organisation's limits too.
_ROWS_OF_TEN = 14_000


def measure(folder: Path, window_s: float) -> list[Figure]:
    """All figures; the cases that wait have windows of `window_s`."""
    burst_s = quota_quiet.burst_s(folder)
    quiet = [*quota_quiet.small(folder), quota_quiet.cpu(folder)]
    kinds = _cases(window_s)
    done = _play_all(kinds, folder)
    one, ten = done["ten tokens"]
    return [
        *verdicts.alone(done["alone"], burst_s),
        verdicts.refusals("windows are in truth sliding", done["sliding"]),
        verdicts.refusals(
            f"fixed windows, and answers late ({'; '.join(_LATENCIES)})", done["late"]
        ),
        *verdicts.shared(done["shared"]),
        verdicts.change(done["raised"], _RAISED),
        verdicts.change(done["lowered"], _LOWERED),
        verdicts.ten_tokens(ten, one),
        *quiet,
        verdicts.accounts([each for kind in done.values() for each in kind]),
    ]


def _cases(window_s: float) -> dict[str, list[Case]]:
    plain = [
        Case(f"{model} {rounding}", 1500, window_s, model, rounding)
        for model, rounding in product(_FIXED, ROUNDINGS)
    ]
    per_s = 0.2 * ALLOWED / window_s
    named = {
        "alone": [case.named("alone") for case in plain],
        "shared": [case.named("shared")._replace(rows=1100, foreign_per_s=per_s) for case in plain],
        "late": [
            case.named(fault)._replace(rows=1200, sandbox=("--fault", fault))
            for case, fault in product((plain[0], plain[-2]), _LATENCIES)
        ],
        "sliding": [
            Case(f"sliding {rounding}", 1200, window_s, "sliding", rounding)
            for rounding in ROUNDINGS
        ],
    }
    # Amid the second window, whose burst is long over; two whole windows and a rest follow.
    for name, after, rows in (("raised", _RAISED, 1900), ("lowered", _LOWERED, 900)):
        change = ("--allowed-change", f"{1.5 * window_s:g}:{after}")
        named[name] = [
            Case(f"{name} {model}", rows, window_s, model, sandbox=change) for model in _FIXED
        ]
    # Last, so that the large bursts of ten tokens fall between the windows of the others.
    named["ten tokens"] = [
        Case("one token", _ROWS_OF_TEN // _TOKENS, window_s),
        Case("ten tokens", _ROWS_OF_TEN, window_s, run=("--tokens", str(_TOKENS))),
    ]
    return named


def _play_all(kinds: dict[str, list[Case]], folder: Path) -> dict[str, list[Done]]:
    cases = [case for kind in kinds.values() for case in kind]
    say(f"  {len(cases)} runs side by side, of five windows or so")

    def later(turn: int, case: Case) -> Done:
        time.sleep(turn * _APART_S)
        done = play(case, folder)
        say(f"  {case.name}: {done.words()}")
        return done

    with ThreadPoolExecutor(len(cases)) as pool:
        done = iter(list(pool.map(later, range(len(cases)), cases)))
    return {name: [next(done) for _ in kind] for name, kind in kinds.items()}
