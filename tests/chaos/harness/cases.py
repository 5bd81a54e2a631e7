"""What happens in one case: drawn from its seed alone."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.inputs import FORMATS, RowSpec, make_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.people import Talk

TROUBLES: tuple[tuple[str, ...], ...] = (
    ("--fault", "status=503,rate=0.04"),
    ("--fault", "status=500,rate=0.04"),
    ("--fault", "status=429,retry_after=0,rate=0.01"),
    ("--fault", "kind=empty,status=429,rate=0.01"),
    ("--fault", "kind=reset_before,rate=0.03"),
    ("--fault", "kind=reset_after,rate=0.03"),
    ("--fault", "kind=latency,ms=20,rate=0.05"),
    ("--fault", "kind=html,status=502,rate=0.03"),
    ("--fault", "kind=malformed,status=500,rate=0.03"),
    ("--fault", "kind=empty,status=503,rate=0.03"),
    ("--fault", "kind=late,ms=30,times=1"),
    ("--expires-in", "1"),
    ("--revoke-after", "60"),
    ("--fault", "status=404,times=always"),
    ("--fault", "kind=html,status=200,rate=0.03"),
    ("--fault", "kind=html,status=302,rate=0.03"),
    ("--fault", "kind=bare_429,rate=0.01"),
    ("--org-allowed", "150", "--org-window-s", "1"),
    ("--fault", "status=429,retry_after=600,rate=0.003,times=1"),
)
"""What the sandbox can be told to do. `late` and 404 are aimed at some participants only; a 429
that asks for hours ends a process, and not the run."""
LATE, REFUSED, LONG = 10, 13, 18
STOPS = ("kill", "kill and cut", "SIGINT", "max-duration", "SIGTERM")
KINDS = ("ids", "named", "verified", "undone", "wrapup")
"""What a case is about: rows named by id; by selectors; read back; taken back afterwards; rows
that set wrap-up codes, which are some of all that."""


class StopAt(NamedTuple):
    """A stop, and when it comes."""

    kind: str
    share: float
    """How far the run is when it comes: what the server has counted, of what is expected."""
    of: str = "patches_applied"
    """What it counts: `patches_applied` or `requests`, look-ups included."""


class Undoing(NamedTuple):
    """How a run is taken back."""

    stops: list[StopAt]
    faults: list[str]
    """Those in force from then on."""
    foreign: int
    """Participants that somebody else writes to, before it or while it is dead."""
    unfinished: bool
    """The run is not resumed to its end, but undone as its last kill has left it."""
    anew: bool
    """After a kill it is begun anew in another directory, not resumed."""
    redo: bool
    """The undo is undone as well."""


class Case(NamedTuple):
    """One input, one sandbox, and what goes wrong."""

    seed: int
    format: str
    rows: list[RowSpec]
    window_rows: int
    concurrency: int
    buffer_bytes: int
    """Of lines that are settled and not yet in the file."""
    sandbox: list[str]
    """Arguments of `batchpatch sandbox`."""
    refused: frozenset[str]
    """Participants that the sandbox refuses with 404 until it is told otherwise."""
    stops: list[StopAt]
    kind: str = "ids"
    talks: Sequence[Talk] = ()
    """What the sandbox is told of beforehand; where there is none, it adopts whoever is named."""
    options: Mapping[str, Any] = {}
    """How the run looks for people and looks at what they have, as an order to the client."""
    planned: bool = False
    """The rows become a plan first, and that is what is run."""
    undoing: Undoing | None = None
    unreadable: frozenset[str] = frozenset()
    """Conversations that nobody can read until the sandbox is told otherwise."""

    @property
    def compares(self) -> bool:
        """What is there already is not sent."""
        looking = self.options.get("looking", {})
        return bool(self.planned or looking.get("guard") or looking.get("skip_unchanged"))


def draw_ids(seed: int, *, rows: int) -> Case:
    """The case of this seed, of rows named by id and sent without a look.

    Three troubles and the first kind of stop follow from the seed in turn, so that any eight seeds
    in a row see all of them; the rest is drawn. Every case has a kill.
    """
    dice = Random(seed)  # noqa: S311 - nothing here is a secret
    format = dice.choice(FORMATS)  # noqa: A001 - the word of the command line
    specs = make_rows(dice, rows, marked=format != "csv")
    turn = {(3 * seed + step) % len(TROUBLES) for step in range(3)}
    drawn = turn | set(dice.sample(range(len(TROUBLES)), dice.randint(0, 2)))
    refused = _some_people(dice, specs) if REFUSED in drawn else []
    alone = _who_come_once(specs) if LATE in drawn else []
    kinds = [STOPS[seed % len(STOPS)], *dice.choices(STOPS[:3], k=dice.randint(0, 2))]
    if not any("kill" in kind for kind in kinds):
        kinds.append("kill")
    return Case(
        seed,
        format,
        specs,
        window_rows=dice.choice((1, 50, rows // 10, 2 * rows)),
        concurrency=dice.choice((4, 16, 32)),
        buffer_bytes=dice.choice((1, 2_000, 30_000)),
        sandbox=["--seed", str(seed), *aimed(sorted(drawn), refused, alone[:5])],
        refused=frozenset(refused),
        stops=[StopAt(kind, at) for kind, at in zip(kinds, spread(dice, len(kinds)), strict=True)],
    )


def spread(dice: Random, count: int) -> list[float]:
    """Evenly over the run; its last tenth is left out, because the count is a guess."""
    return sorted(dice.uniform(0, 0.9) for _ in range(count))


def _some_people(dice: Random, specs: list[RowSpec]) -> list[str]:
    return sorted({dice.choice(specs).who[1] for _ in range(5)})


def _who_come_once(specs: list[RowSpec]) -> list[str]:
    """Of these a late write can do no harm: it says what the next attempt says."""
    seen: dict[str, int] = {}
    for row in specs:
        seen[row.who[1]] = seen.get(row.who[1], 0) + 1
    return [participant for participant, times in seen.items() if times == 1]


def aimed(drawn: list[int], refused: list[str], alone: list[str]) -> list[str]:
    """The arguments; those who are refused first, because the first rule that fits decides."""
    aims = {LATE: alone, REFUSED: refused}
    words: list[str] = []
    for trouble in sorted(drawn, key=lambda trouble: trouble not in aims):
        if trouble in aims:
            flag, rule = TROUBLES[trouble]
            for participant in aims[trouble]:
                words += [flag, f"{rule},participant={participant}"]
        else:
            words += TROUBLES[trouble]
    return words
