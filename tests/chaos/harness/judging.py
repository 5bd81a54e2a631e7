"""What must be true after trouble, checked from outside: the sandbox's memory and the files."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.inputs import MARK, State, Who, state_after
from harness.telling import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from harness.inputs import RowSpec

_UNSENT = frozenset({"invalid", "unchanged"})
MADE_IT = frozenset({"updated", "unchanged", "superseded"})
IN_VAIN = "No row was left by then."
"""What a run says of a threshold that was reached when every row had its line."""


class Epoch(NamedTuple):
    """One process of a run, when it had ended (and its file was cut, where that was its fate)."""

    last_write: int
    """Number of the last request that the sandbox had seen."""
    settled: frozenset[int]
    """Rows that have a line."""


class Verdict(NamedTuple):
    """What is wrong. All of it empty, or 0, for a run that kept its promises."""

    differing: list[Who]
    """Participants that hold something else than the rows say."""
    lost: list[int]
    """Rows without a line."""
    doubled: list[int]
    """Rows with several."""
    overlaps: int
    """Requests that arrived while another for the same participant was in flight."""
    problems: list[str]
    """Everything else, in words."""

    @property
    def is_clean(self) -> bool:
        """Every promise was kept."""
        return not any(self)

    @property
    def broken(self) -> list[str]:
        """The promises that were not kept, the worst first."""
        return [
            *counted("rows lost", self.lost),
            *counted("rows with two lines", self.doubled),
            *counted("participants hold something else than the rows say", self.differing),
            *([f"{self.overlaps} overlapping writes"] if self.overlaps else []),
            *self.problems,
        ]


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a results file; what a kill tore off at its end is left out."""
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def differing(
    rows: Iterable[RowSpec],
    state: State,
    *,
    without: frozenset[str] = frozenset(),
    before: State | None = None,
) -> list[Who]:
    """Participants whose state is not that of the rows applied one after the other.

    Args:
        rows: all of them.
        state: what the sandbox holds.
        without: participants that were refused so far, and so hold nothing.
        before: what the sandbox held before the first row.
    """
    wanted = {who: held for who, held in state_after(rows, before).items() if who[1] not in without}
    return sorted(who for who in wanted.keys() | state.keys() if wanted.get(who) != state.get(who))


def gaps(rows: Iterable[RowSpec], settled: frozenset[int]) -> list[str]:
    """Where a row is still to be sent although a later one of its participant has been settled.

    Sending it would put an old value over a new one, so a file must never look like this,
    wherever it was cut.
    """
    to_send: dict[Who, int] = {}
    found = []
    for row in rows:
        for who in row.everyone if row.sendable else ():
            if row.number not in settled:
                to_send.setdefault(who, row.number)
            elif who in to_send:
                found.append(f"row {row.number} is settled, row {to_send[who]} before it not")
    return found


def disorder(writes: Iterable[dict[str, Any]], epochs: Sequence[Epoch]) -> list[str]:
    """Where writes took effect in another order than that of the rows.

    Within one process the rows of a request come after those of the request before it, or are
    the very same (sent again, because its answer was lost). A later process sends no row that the
    file said was settled when it began.
    """
    found = []
    effects: dict[tuple[str, str, int], list[tuple[int, list[int]]]] = defaultdict(list)
    for write in writes:
        marks = sorted(int(k.removeprefix(MARK)) for k in write["keys"] if k.startswith(MARK))
        if write["applied"] is None or not marks:
            continue
        epoch = sum(write["number"] > ended.last_write for ended in epochs)
        if epoch and (again := epochs[epoch - 1].settled.intersection(marks)):
            found.append(f"rows {sorted(again)} were settled and have been sent again")
        who = (write["conversation_id"], write["participant_id"], epoch)
        effects[who].append((write["applied"], marks))
    for one in effects.values():
        in_order = [marks for _, marks in sorted(one)]
        for before, after in itertools.pairwise(in_order):
            if before != after and before[-1] >= after[0]:
                found.append(f"rows {after} took effect after rows {before}")
    return found


def line_problems(
    rows: Sequence[RowSpec], lines: Sequence[dict[str, Any]], *, compares: bool = False
) -> list[str]:
    """What the lines say that the rows do not bear out.

    `compares`: the run does not send what is there already, so any row may be `unchanged`.
    """
    outcomes = {line["row"]: line["outcome"] for line in lines}
    unsent = {"invalid"} if compares else _UNSENT
    found = []
    for row in rows:
        outcome = outcomes.get(row.number)
        wanted = "invalid" if not row.valid else "unchanged" if not row.attributes else "sent"
        wanted = "sent" if compares and wanted == "unchanged" else wanted
        if outcome is not None and (outcome if outcome in unsent else "sent") != wanted:
            found.append(f"row {row.number} is {outcome}, and should be {wanted}")
    found += [f"row {line['row']}: {line.get('message')}" for line in lines if _is_of_reads(line)]
    for line in lines:
        if (about := _about(line)) is not None and about not in rows[line["row"] - 1].everyone:
            found.append(f"row {line['row']} went to {about}, whom it does not mean")
        taker = line.get("superseded_by")
        if (taker is not None) is not (line["outcome"] == "superseded"):
            found.append(f"row {line['row']} is {line['outcome']} by {taker}")
        elif taker is not None and not _takes(rows, outcomes, line["row"], taker):
            found.append(f"row {line['row']} is superseded by {taker}, which did not take over")
    return found


def _is_of_reads(line: dict[str, Any]) -> bool:
    """It did not make it for no other reason than a read that failed, and none fails for good."""
    return line.get("code") in ("lookup_failed", "not_read")


def _about(line: dict[str, Any]) -> Who | None:
    """To whom it was sent; None of one that was not, or of which that was never found out."""
    if line["outcome"] in _UNSENT or not line.get("participant_id"):
        return None
    return line["conversation_id"], line["participant_id"]


def _takes(rows: Sequence[RowSpec], outcomes: dict[int, str], row: int, taker: int) -> bool:
    """A later row of the same participant that is settled.

    It may be superseded itself, by a row that it met only when it was sent again.
    """
    common = set(rows[taker - 1].everyone) & set(rows[row - 1].everyone)
    return taker > row and bool(common) and taker in outcomes


def failures(lines: Iterable[dict[str, Any]], *, but: str | None = None) -> list[str]:
    """Valid rows that did not make it, where nothing was refused for good; `but` one outcome."""
    fine = {*MADE_IT, "invalid", but}
    return [
        f"row {line['row']} is {line['outcome']}: {line.get('code')}, {line.get('message')}"
        for line in lines
        if line["outcome"] not in fine
    ]


def summary_problems(
    rows: Sequence[RowSpec],
    lines: Sequence[dict[str, Any]],
    summary: dict[str, Any],
    code: int,
    *,
    timed: bool = False,
) -> list[str]:
    """Where the summary of a run that ended by itself contradicts its lines.

    `timed`: the process had a time limit. Where it is over while the last answers are awaited, the
    run is at its end all the same, and tells both.
    """
    counted = Counter(line["outcome"] for line in lines)
    unverified = sum("unverified" in line for line in lines)
    wanted = {
        "rows": len(rows),
        "outcomes": dict(counted),
        "unattempted": 0,
        "input_exhausted": True,
        "stopped_because": None,
        "unverified": unverified,
        "exit_code": 0 if counted.keys() <= MADE_IT and not unverified else 1,
    }
    if timed and (summary["stopped_because"] or "").endswith(IN_VAIN):
        del wanted["stopped_because"]
    found = [
        f"summary: {name} is {summary[name]}, not {value}"
        for name, value in wanted.items()
        if summary[name] != value
    ]
    return found if code == wanted["exit_code"] else [*found, f"the process exited with {code}"]


def line_counts(
    rows: Sequence[RowSpec], lines: Sequence[dict[str, Any]]
) -> tuple[list[int], list[int]]:
    """Rows without a line, and rows with several."""
    times = Counter(line["row"] for line in lines)
    lost = [row.number for row in rows if row.number not in times]
    return lost, sorted(row for row, count in times.items() if count > 1)
