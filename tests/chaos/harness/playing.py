"""Plays a case: a run, what breaks it, its resumption until it ends by itself; then the verdict."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from harness.running import Play
from harness.variants import Undone, Verified
from harness.world import sandbox_process
from harness.wrapping import Wrapped

if TYPE_CHECKING:
    from pathlib import Path

    from harness.cases import Case
    from harness.judging import Verdict

_READS = ("analytics", "conversation", "wrapup", "codes")
_PLAYS = {"ids": Play, "named": Play, "verified": Verified, "undone": Undone, "wrapup": Wrapped}


class Played(NamedTuple):
    """How it went."""

    verdict: Verdict
    kind: str
    kills: int
    stops: int
    """Signals and limits that ended a process in order."""
    resumes: int
    faults: int
    """Requests that were answered with an error, or not at all, and writes that were dropped."""
    reads: int
    """Look-ups and reads that the server has answered or refused."""
    undone: int
    """Participants that an undo has looked at."""
    seconds: float


def play(case: Case, folder: Path) -> Played:
    """Play a case in an empty folder."""
    began_s = time.monotonic()
    with sandbox_process(case.sandbox) as server:
        play = _PLAYS[case.kind](case, folder, server)
        verdict = play.to_the_end()
        stats = server.stats()
        refused = sum(n for status, n in stats["statuses"].items() if int(status) >= 400)
        if not verdict.is_clean:
            server.keep_in(folder)
    journeys = play.journeys
    return Played(
        verdict,
        case.kind,
        sum(one.kills for one in journeys),
        sum(one.stops for one in journeys),
        sum(one.resumes for one in journeys),
        refused + stats["connections_cut"] + stats["writes_dropped"],
        sum(stats["by_resource"][name] for name in _READS),
        play.undone,
        time.monotonic() - began_s,
    )
