"""Prints how well the platform's quota is used: simulated, and again over HTTP.

    python tests/benchmarks/quota.py [--part simulation|http|all] [--rate-window-s S]

The simulation has a virtual clock, the program's own decisions as the pace, and as the platform
`quota_server.py`, with arithmetic of its own; it takes about a minute of one core. Over HTTP, the
command line runs against `batchpatch sandbox`, see `quota_http.py`, which takes about six
minutes. Exit code 0 if every figure is met, 1 if one is missed, 2 if it could not be measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from bisect import bisect_left
from itertools import product
from pathlib import Path
from statistics import fmean

import quota_http
from figure import Figure, at_least, at_most, say
from quota_loop import NETWORKS, NO_LIMIT, Following, Network, Unlimited, simulate, starts
from quota_peers import comparison, cpu, one_burst, ten_tokens
from quota_server import ROUNDINGS, Rules

from batchpatch.genesys.rate_limit.window_state import UNKNOWN_ROUNDING, Rounding

ALLOWED = 300
WINDOW_S = 60.0
COUNTS = (1500, 1501, 1730)
_LEFT_OUT = {
    "floor": Rounding(0.0, 1.0),
    "ceil": Rounding(-1.0, 0.0),
    "nearest": Rounding(-0.5, 0.5),
}


def main() -> int:
    """Measure, print, and say whether all is met."""
    arguments = _arguments()
    figures = []
    try:
        if arguments.part != "http":
            figures += [("simulated", figure) for figure in _simulated()]
        if arguments.part != "simulation":
            figures += [("over HTTP", figure) for figure in _over_http(arguments.rate_window_s)]
    except RuntimeError as error:
        say(f"Not measured: {error}")
        return 2
    print("| How | Case | Measured | To reach | |", "|---|---|---|---|---|", sep="\n")
    for how, figure in figures:
        print(f"| {how} | {' | '.join(figure)} |")
    return 1 if any(figure.verdict == "missed" for _, figure in figures) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures how the platform's quota is used.")
    parser.add_argument("--part", choices=("simulation", "http", "all"), default="all")
    parser.add_argument(
        "--rate-window-s", type=float, default=45.0, metavar="S", help="over HTTP (default: 45)"
    )
    arguments = parser.parse_args()
    if arguments.rate_window_s < 5:
        parser.error("a window is of 5 s at least: headers tell whole seconds")
    return arguments


def _simulated() -> list[Figure]:
    return [
        *_alone(),
        *_at_the_edges(),
        *_other_windows(),
        *_others_on_the_token(),
        *_changes(),
        ten_tokens(),
        one_burst(),
        cpu(),
        *comparison(),
    ]


def _over_http(window_s: float) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="batchpatch-benchmark-") as folder:
        return quota_http.measure(Path(folder), window_s)


def _known(name: str) -> Rounding:
    return _LEFT_OUT[name]


def _ideal_s(count: int, network: Network) -> float:
    """All windows but the last, and the time that the network takes for the last burst."""
    full, rest = divmod(count - 1, ALLOWED)
    bursts = [simulate(Unlimited(), NO_LIMIT, network, rest + 1, seed=n).took_s for n in range(5)]
    return full * WINDOW_S + fmean(bursts)


def _alone() -> list[Figure]:
    figures = []
    refused = runs = 0
    for is_known, limit in ((True, 1.025), (False, 1.04)):
        worst, where = 0.0, ""
        ratios: list[float] = []
        for (name, network), count in product(NETWORKS.items(), COUNTS):
            ideal_s = _ideal_s(count, network)
            for rounding, start in product(ROUNDINGS, starts()):
                rules = start._replace(rounding=rounding)
                pace = Following(_known(rounding) if is_known else UNKNOWN_ROUNDING)
                done = simulate(pace, rules, network, count, seed=len(ratios))
                ratios.append(done.took_s / ideal_s)
                refused += len(done.refused_s)
                runs += 1
                if ratios[-1] > worst:
                    worst, where = ratios[-1], f"{rules.model}, {rounding}, {name}"
        said = "known" if is_known else "unknown"
        figures.append(
            Figure(
                f"alone on one token, 1,500 or more requests, rounding {said}: time over ideal",
                f"at worst {worst:.4f} ({where}), mean {fmean(ratios):.4f}",
                f"at most {limit}",
                at_most(worst, limit),
            )
        )
    measured = f"{refused} in {runs:,} runs"
    return [*figures, Figure("refused in these runs", measured, "0", at_most(refused, 0))]


def _at_the_edges() -> list[Figure]:
    """A grid's edges do not wait for us, so what is lost there can be seen by itself."""
    figures = []
    for is_known in (True, False):
        lost_s = []
        for network, rounding, start in product(NETWORKS.values(), ROUNDINGS, starts()[1:]):
            pace = Following(_known(rounding) if is_known else UNKNOWN_ROUNDING)
            done = simulate(pace, start._replace(rounding=rounding), network, 3000)
            for began_s, *_ in done.tokens[0].windows[2:]:
                at = bisect_left(done.admitted_s, began_s)
                lost_s += [at_s - began_s for at_s in done.admitted_s[at : at + 1]]
        figures.append(
            Figure(
                "a grid, rounding " + ("known" if is_known else "unknown") + ": from an edge until"
                " the first request is there",
                f"mean {fmean(lost_s):.2f} s, at worst {max(lost_s):.2f} s of 60",
            )
        )
    return figures


def _most_in_a_window(times_s: list[float]) -> int:
    times_s = sorted(times_s)
    return max((sum(0 <= t - at < WINDOW_S for t in times_s) for at in times_s), default=0)


def _other_windows() -> list[Figure]:
    figures = []
    for model in ("first-call", "grid", "sliding"):
        most, took = 0, []
        for network, rounding, seed in product(NETWORKS.values(), ROUNDINGS, range(4)):
            rules = Rules(model=model, rounding=rounding, phase_s=13.0 * seed)
            done = simulate(Following(UNKNOWN_ROUNDING), rules, network, 1500, seed=seed)
            most = max(most, _most_in_a_window(done.refused_s))
            took.append(done.took_s)
        figures.append(
            Figure(
                f"windows are in truth {model}: refused in any 60 s, of 32 in flight",
                f"at most {most}; all 1,500 through, in {min(took):.0f} to {max(took):.0f} s",
                "at most 32",
                at_most(most, 32),
            )
        )
    return figures


def _others_on_the_token() -> list[Figure]:
    shares, used, theirs = [], [], []
    for model, network, rounding in product(("grid", "first-call"), NETWORKS.values(), ROUNDINGS):
        rules = Rules(model=model, rounding=rounding, phase_s=17, foreign_per_s=1.0)
        done = simulate(Following(UNKNOWN_ROUNDING), rules, network, 1500)
        token = done.tokens[0]
        shares.append(len(done.refused_s) / done.requests)
        whole = token.windows[:-1]  # the run ends within the last
        used.append(sum(count for _, count, _ in whole) / sum(most for *_, most in whole))
        theirs.append(token.foreign_refused / (token.foreign_refused + token.foreign_admitted))
    return [
        Figure(
            "another sends 60 of 300 a minute: refused of ours",
            f"at worst {max(shares):.2%}, mean {fmean(shares):.2%}",
            "at most 1 %",
            at_most(max(shares), 0.01),
        ),
        Figure(
            "allowance used by both, whole windows",
            f"at least {min(used):.1%}",
            "at least 98 %",
            at_least(min(used), 0.98),
        ),
        Figure("refused of the other's", f"{min(theirs):.0%} to {max(theirs):.0%}"),
    ]


def _changes() -> list[Figure]:
    figures = []
    for after, at_s in product((600, 120), (95.0, 121.0)):
        late, refused = 0, 0
        for network, rounding in product(NETWORKS.values(), ROUNDINGS):
            rules = Rules(rounding=rounding, changes=((at_s, after),))
            done = simulate(Following(UNKNOWN_ROUNDING), rules, network, 3000)
            # The windows that began after the change, but for the one that the run ends in.
            windows = [count for began_s, count, _ in done.tokens[0].windows if began_s > at_s]
            late = max([late, *(n + 1 for n, used in enumerate(windows[:-1]) if used != after)])
            refused = max(refused, len(done.refused_s))
        figures.append(
            Figure(
                f"the limit goes from 300 to {after} after {at_s:.0f} s: windows not used exactly",
                f"{late}; refused at most {refused}",
                "at most 1",
                at_most(late, 1),
            )
        )
    return figures


if __name__ == "__main__":
    sys.exit(main())
