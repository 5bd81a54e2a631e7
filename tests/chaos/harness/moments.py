"""Two agents of one conversation, for what must happen to them at an exact moment."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from batchpatch.model import Stop
from batchpatch.pipeline.stop import Stopper
from batchpatch.sandbox import SandboxOptions, parse_fault, running
from batchpatch.sandbox.admin import read_seed
from harness.inputs import RowSpec
from harness.inside import Place
from harness.judging import whole_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from batchpatch.sandbox import SandboxServer
    from harness.inputs import Who

TALK = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
ANN, BEN = (
    (TALK, "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    (TALK, "8c9e6679-7425-40de-944b-e07fc1f90ae7"),
)
BOTH = (("purpose", "agent"),)
ORGANISATION = SandboxOptions().organization_id


def row(number: int, who: Who, **attributes: str) -> RowSpec:
    """One row for one participant."""
    return RowSpec(number, who, attributes, valid=True, naming=(("participantId", who[1]),))


def for_both(number: int, **attributes: str) -> RowSpec:
    """One row for both agents."""
    return RowSpec(number, ANN, attributes, valid=True, naming=BOTH, others=(BEN,))


def plan_line(who: Who, before: dict[str, str | None], **attributes: str) -> str:
    """One line of a plan."""
    ids = {"conversationId": who[0], "participantId": who[1]}
    made_for = {"organisation": ORGANISATION, "region": "sandbox"}
    return json.dumps({**ids, "attributes": attributes, "before": before, **made_for}) + "\n"


def played(
    folder: Path, rows: list[RowSpec], play: Callable[[Place], Coroutine[Any, Any, None]]
) -> None:
    """Play something with two agents, who are told apart by their ids alone."""

    async def run() -> None:
        async with running(SandboxOptions(strict=True)) as server:
            for _, participant_id in (ANN, BEN):
                who = {"conversationId": TALK, "participantId": participant_id}
                tell(server, {**who, "purpose": "agent"})
            await play(Place.of(server, folder, rows))

    asyncio.run(run())


def tell(server: SandboxServer, line: dict[str, Any]) -> None:
    """What POST /sandbox/conversations does."""
    server.state.conversations.add(read_seed(json.dumps(line).encode()))


def break_for(place: Place, who: Who, rule: str) -> None:
    """From now on this goes wrong for one of them, and nothing else."""
    place.server.state.injector.replace([parse_fault(f"{rule},times=always,participant={who[1]}")])


def stopping_soon(times: int = 1, *, after_s: float = 0.5) -> Stopper:
    """Asked to stop in a moment: those who wait for their turn are then left behind."""
    stopper = Stopper()
    for _ in range(times):
        asyncio.get_running_loop().call_later(after_s, stopper.request, Stop(130, "interrupted"))
    return stopper


def lose_line(place: Place, number: int) -> None:
    """What a kill does whose moment is between the 202 and the line."""
    path = place.out / "results.jsonl"
    kept = [
        line for line in path.read_bytes().splitlines(True) if json.loads(line)["row"] != number
    ]
    path.write_bytes(b"".join(kept))


def outcomes(place: Place) -> dict[int, str]:
    """The report in short."""
    return {line["row"]: line["outcome"] for line in whole_lines(place.out / "results.jsonl")}
