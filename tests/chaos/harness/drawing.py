"""Cases of every kind, by seed: with look-ups, with reading back, with taking back."""

from __future__ import annotations

from random import Random
from typing import Any

from harness.cases import (
    KINDS,
    LATE,
    LONG,
    REFUSED,
    TROUBLES,
    Case,
    StopAt,
    Undoing,
    draw_ids,
    spread,
)
from harness.inputs import FORMATS, RowSpec, make_rows, people_for
from harness.people import Manner, Talk, make_talks, name_rows
from harness.wrapups import as_wrapups

READ_TROUBLES = (
    "status=503,on=read,rate=0.1",
    "status=429,retry_after=0,on=read,rate=0.05",
    "kind=reset_before,on=read,rate=0.1",
    "kind=latency,ms=20,on=read,rate=0.2",
    "kind=html,status=502,on=read,rate=0.05",
    "kind=malformed,status=500,on=read,rate=0.1",
    "kind=empty,status=504,on=read,rate=0.1",
    "status=408,on=any,rate=0.03",
    "kind=html,status=200,on=read,rate=0.05",
    "kind=html,status=302,on=any,rate=0.03",
    "kind=bare_429,on=read,rate=0.05",
    "kind=html,status=403,on=read,rate=0.05",
    "kind=html,status=404,on=read,rate=0.05",
)
"""What passes: no read is hit more than three times in a row, and each is tried six times."""
UNREADABLE = ("status=404", "kind=html,status=404", "kind=html,status=200")
"""What a conversation that cannot be read answers for good."""
AMBIGUOUS = ("refuse", "first", "last", "all")
LOOK_FOR_S = 3.0
"""So long a write may take to be readable; ten times as long as it ever does here."""
_ALL = "requests"


def draw_case(seed: int, *, rows: int, kind: str | None = None) -> Case:
    """The case of this seed; its kind follows from the seed in turn, unless it is given."""
    kind = kind or KINDS[seed % len(KINDS)]
    if kind == "ids":
        return draw_ids(seed, rows=rows)
    dice = Random(f"{kind} {seed}")  # noqa: S311 - nothing here is a secret
    # By id, what is looked at is not looked up.
    manner = None if kind != "named" and dice.random() < 0.4 else _manner(dice)
    unknown = 0.0 if manner and manner.skip_ended else dice.choice((0.0, 0.1, 0.5))
    talks = make_talks(dice, people_for(dice, rows), unknown=unknown, ended=dice.choice((0, 0.2)))
    format = dice.choice(FORMATS if kind != "verified" else FORMATS[1:])  # noqa: A001
    specs = _rows(dice, rows, talks, manner, marked=format != "csv")
    case = Case(
        seed,
        format,
        specs,
        window_rows=dice.choice((1, 50, rows // 10, 2 * rows)),
        concurrency=dice.choice((4, 16, 32)),
        buffer_bytes=dice.choice((1, 2_000, 30_000)),
        sandbox=["--strict", "--seed", str(seed), *_troubles(dice, seed)],
        refused=frozenset(),
        stops=_stops(dice, seed),
        kind=kind,
        talks=talks,
        options=_options(dice, manner or Manner()),
    )
    if kind == "wrapup":
        return as_wrapups(dice, case, rows)
    if kind == "verified":
        return _verified(dice, case)
    return _undone(dice, case) if kind == "undone" else _looking(dice, case)


def _manner(dice: Random) -> Manner:
    return Manner(
        ambiguous=dice.choice(AMBIGUOUS),
        usual=dice.random() < 0.25,
        skip_ended=dice.random() < 0.2,
    )


def _rows(
    dice: Random, count: int, talks: list[Talk], manner: Manner | None, *, marked: bool
) -> list[RowSpec]:
    people = [person.who for talk in talks for person in talk.people]
    dice.shuffle(people)
    specs = make_rows(dice, count, marked=marked, people=people)
    return specs if manner is None else name_rows(dice, specs, talks, manner)


def _options(dice: Random, manner: Manner) -> dict[str, Any]:
    live_first = not manner.skip_ended and dice.random() < 0.2
    find = {
        "ambiguous": manner.ambiguous,
        "lookup_batch": dice.choice((1, 7, 100)),
        "ended": "skip" if manner.skip_ended else "warn",
        "learn_ended": manner.skip_ended or live_first,
    }
    read = {"participant": [["purpose", "customer", ""]]} if manner.usual else {}
    return {"find": find, "read": read, "live_first": live_first, "looking": {}}


def _stops(dice: Random, seed: int) -> list[StopAt]:
    """At least a kill; at any moment from the first request on, while people are looked up too."""
    kinds = ["kill", *dice.choices(("kill", "kill and cut", "SIGINT"), k=dice.randint(0, 3))]
    kinds += [("max-duration", "SIGTERM")[seed % 2]] if dice.random() < 0.3 else []
    dice.shuffle(kinds)
    return [
        StopAt(kind, at, dice.choice((_ALL, _ALL, "patches_applied")))
        for kind, at in zip(kinds, spread(dice, len(kinds)), strict=True)
    ]


def _troubles(dice: Random, seed: int) -> list[str]:
    """Two of reads in turn, some more of any; those that are aimed at somebody, or end a process,
    are left out."""
    turn = {2 * seed % len(READ_TROUBLES), (2 * seed + 1) % len(READ_TROUBLES)}
    of_reads = turn | set(dice.sample(range(len(READ_TROUBLES)), dice.randint(0, 2)))
    words: list[str] = []
    for trouble in sorted(of_reads):
        words += ["--fault", f"{READ_TROUBLES[trouble]},times={dice.randint(1, 3)}"]
    usual = [at for at in range(len(TROUBLES)) if at not in (LATE, REFUSED, LONG)]
    for trouble in sorted(dice.sample(usual, dice.randint(1, 3))):
        words += TROUBLES[trouble]
    return words


def _looking(dice: Random, case: Case) -> Case:
    """Some read before they write, too."""
    looking = {"keep_before": dice.random() < 0.2, "skip_unchanged": dice.random() < 0.2}
    return case._replace(options={**case.options, "looking": looking})


def _verified(dice: Random, case: Case) -> Case:
    verify = {"share": dice.choice((1.0, 1.0, 0.5)), "for_s": LOOK_FOR_S}
    delay_s = dice.choice((0, 0.05, 0.3))
    keep_before = dice.random() < 0.2
    shut = [] if keep_before or any(row.naming for row in case.rows) else _shut(dice, case)
    how = UNREADABLE[case.seed % len(UNREADABLE)]
    return case._replace(
        options={**case.options, "looking": {"verify": verify, "keep_before": keep_before}},
        unreadable=frozenset(shut),
        sandbox=[
            *(
                word
                for one in shut
                for word in ("--fault", f"{how},on=read,times=always,conversation={one}")
            ),
            *("--fault", f"kind=drop,rate={dice.choice((0.03, 0.1))},times=1"),
            *("--apply-delay", f"{delay_s}"),
            *case.sandbox,
        ],
    )


def _shut(dice: Random, case: Case) -> list[str]:
    """One or two conversations of which no read succeeds: what is written there cannot be verified.

    Three that answer nothing, where nothing else is left to ask for, are an outage.
    """
    return sorted({dice.choice(case.rows).who[0] for _ in range(2)})


def _undone(dice: Random, case: Case) -> Case:
    """What was there is kept, by the run or by a plan, and the run is taken back."""
    planned = dice.random() < 0.5
    looking: dict[str, Any] = {"keep_before": not planned}
    if planned and dice.random() < 0.5:
        looking["guard"] = True
    foreign = dice.choice((0, 5, 20))
    stops = _stops(dice, case.seed)
    if foreign:  # whoever was reported restored stays so, and may then be written to by others
        stops = [stop._replace(kind=stop.kind.removesuffix(" and cut")) for stop in stops]
    undoing = Undoing(
        stops=stops,
        faults=[word for word in _troubles(dice, case.seed + 1) if "=" in word],
        foreign=foreign,
        unfinished=dice.random() < 0.3,
        anew=dice.random() < 0.3,
        redo=dice.random() < 0.5,
    )
    looks = {**case.options, "looking": looking}
    return case._replace(options=looks, planned=planned, undoing=undoing)
