"""Calls: rows that somebody waits for, one at a time, and what goes wrong meanwhile; by seed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.inputs import make_rows, said

if TYPE_CHECKING:
    from harness.inputs import RowSpec

INPUT_ENDS, READER_GONE, READER_SLOW = "input ends", "reader gone", "reader slow"
TERMINATED, KILLED, SERVER_GONE = "SIGTERM", "SIGKILL", "server gone"
CANCELLED = "callers cancelled"
TROUBLES = {
    "pipe": (INPUT_ENDS, READER_GONE, READER_SLOW, TERMINATED, KILLED, SERVER_GONE),
    "stream": (INPUT_ENDS, READER_GONE, READER_SLOW, TERMINATED, KILLED, SERVER_GONE),
    "library": (INPUT_ENDS, CANCELLED, TERMINATED, KILLED, SERVER_GONE),
    "serve": (READER_GONE, CANCELLED, TERMINATED, KILLED, SERVER_GONE),
}
"""What can happen to each way in which rows are sent one at a time."""
FAULTS = (
    "status=503,rate=0.05",
    "kind=reset_before,rate=0.04",
    "kind=reset_after,rate=0.04",
    "kind=malformed,status=500,rate=0.04",
    "kind=html,status=200,rate=0.03",
    "kind=empty,status=429,rate=0.02",
    "status=503,on=read,rate=0.2",
)
"""What the sandbox may do besides; none of it costs a token."""
_CANCELLED_SHARE = 0.7
_PATIENCE_S = 0.4
_CUSTOMER = (("purpose", "customer"),)


class Call(NamedTuple):
    """One row, and what its sender says of it."""

    row: RowSpec
    fields: dict[str, Any]
    given_up_s: float | None
    """Seconds after it was sent at which its caller is cancelled."""

    @property
    def id(self) -> str:
        """Comes back in its result."""
        return str(self.fields["id"])


class StreamCase(NamedTuple):
    """Calls, one way to send them, and one trouble."""

    seed: int
    way: str
    trouble: str
    calls: list[Call]
    share: float
    """How many of the calls are answered when the trouble comes."""
    burst: int
    """Calls that are sent at once."""
    sandbox: list[str]
    """Arguments of `batchpatch sandbox`."""
    refuses: bool
    """A server that is gone refuses connections; else it takes them, and is silent."""


def draw_stream(seed: int, *, rows: int, way: str, trouble: str) -> StreamCase:
    """The case of this seed."""
    dice = Random(f"{way} {trouble} {seed}")  # noqa: S311 - nothing here is a secret
    faults = [FAULTS[seed % len(FAULTS)], *dice.sample(FAULTS, dice.randint(0, 2))]
    words = [word for fault in dict.fromkeys(faults) for word in ("--fault", f"{fault},times=3")]
    if dice.random() < 0.3:
        words += ["--allowed", str(max(60, rows // 4)), "--rate-window-s", "1"]
    latency = f"kind=latency,ms={dice.choice((2, 10, 30))},on=any"
    return StreamCase(
        seed,
        way,
        trouble,
        _calls(dice, rows, cancelled=trouble == CANCELLED),
        share=dice.uniform(0.0, 0.8),
        burst=dice.choice((1, 20, rows)),
        sandbox=["--seed", str(seed), *words, "--fault", latency],
        refuses=dice.random() < 0.6,
    )


def _calls(dice: Random, count: int, *, cancelled: bool) -> list[Call]:
    calls = []
    for row in make_rows(dice, count, marked=True):
        named = row._replace(naming=_CUSTOMER) if row.valid and dice.random() < 0.2 else row
        fields = {**said(named), "attributes": row.attributes, "id": f"call {row.number}"}
        if dice.random() < 0.1:
            fields["priority"] = "high"
        if dice.random() < 0.1:
            fields["deadline"] = dice.choice((0.001, 0.03, 0.3, 60))
        gives_up = cancelled and dice.random() < _CANCELLED_SHARE
        given_up_s = min(2.0, dice.expovariate(1 / _PATIENCE_S)) if gives_up else None
        calls.append(Call(named, fields, given_up_s))
    return calls
