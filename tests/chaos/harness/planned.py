"""Plans as the input of a run: made under trouble, and checked against what the rows come to."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.inputs import RowSpec, State, state_after
from harness.journey import FINISHED, start
from harness.world import LONG_S, Sandbox, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Sequence
    from random import Random

Before = dict[str, str | None]


def make_plan(server: Sandbox, order: dict[str, Any], dice: Random) -> list[str]:
    """Plan; a plan that is killed is resumed, unless it was before it had any state."""
    path = Path(order["out"])
    code = -1
    for after in (*(dice.randint(1, 40) for _ in range(dice.randint(0, 2))), None):
        begun = (path.with_name(f"{path.name}.run") / "run.json").exists()
        process = start({**order, "resume": begun}, path.with_suffix(".stderr"))
        try:
            if after is not None:
                _wait_for(process, server, after)
                process.send_signal(signal.SIGKILL)
            code = process.wait(timeout=LONG_S)
        finally:
            process.kill()
        server.come_to_rest()
        if path.exists():
            return []  # it was killed after it had got its name
    said = path.with_suffix(".stderr").read_text()[-500:]
    return [] if code in FINISHED else [f"the plan ended with {code}: {said}"]


def _wait_for(process: subprocess.Popen[bytes], server: Sandbox, requests: int) -> None:
    enough = server.stats()["requests"] + requests

    def is_so_far() -> bool:
        return process.poll() is not None or server.stats()["requests"] >= enough

    wait_until(is_so_far, f"{requests} requests of the plan")


def plan_rows(path: Path) -> list[tuple[RowSpec, Before]]:
    """The lines of a plan as rows, each with the values that it expects."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    lines = [line for line in lines if line.get("plan") != "empty"]
    return [
        (
            RowSpec(
                number,
                (line["conversationId"], line["participantId"]),
                line["attributes"],
                valid=True,
            ),
            line["before"],
        )
        for number, line in enumerate(lines, 1)
    ]


def plan_problems(
    rows: Iterable[RowSpec], lines: Sequence[tuple[RowSpec, Before]], before: State
) -> list[str]:
    """Where a plan is not what the rows come to, or expects what is not there."""
    found = []
    wanted = state_after(rows, before)
    state = {who: dict(held) for who, held in before.items()}
    for row, expected in lines:
        held = state.setdefault(row.who, {})
        if expected != {name: held.get(name) for name in row.attributes}:
            found.append(f"line {row.number} of the plan expects {expected}, and there is {held}")
        held.update(row.attributes)
    return found + [
        f"the plan leads {who} to {state.get(who)}, not to {wanted.get(who)}"
        for who in sorted(wanted.keys() | state.keys())
        if wanted.get(who) != state.get(who)
    ]
