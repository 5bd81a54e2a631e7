"""What must be true after a run that reads back what it wrote, while some writes are dropped."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from harness.inputs import MARK

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from harness.inputs import RowSpec, State, Who

Lines = dict[int, dict[str, Any]]
"""The report by row."""


def effects(writes: Iterable[dict[str, Any]]) -> dict[int, set[bool]]:
    """Of each row with a mark: whether the writes that were accepted with it took effect."""
    seen: dict[int, set[bool]] = defaultdict(set)
    for write in writes:
        if write["applied"] is not None or write["status"] == 202:
            for key in write["keys"]:
                if key.startswith(MARK):
                    seen[int(key.removeprefix(MARK))].add(write["applied"] is not None)
    return seen


def verdict_problems(
    rows: Sequence[RowSpec],
    lines: Lines,
    seen: Mapping[int, set[bool]],
    *,
    share: float,
    unreadable: Collection[str] = (),
) -> list[str]:
    """Where a line says that something is stored, or not, and the server's log says otherwise.

    Args:
        rows: all of them.
        lines: the report.
        seen: what became of the writes of each row, see `effects`.
        share: of the participants, what is read back.
        unreadable: conversations of which no read succeeds.
    """
    found = []
    for row in rows:
        line, stored = lines.get(row.number, {}), seen.get(row.number)
        if row.who[0] in unreadable:
            found += _unread_problems(line, share)
            continue
        outcome, verified = line.get("outcome"), line.get("verified")
        unseen = outcome == "updated" and verified is None and share < 1
        told = outcome == "not_stored" and verified is False
        if stored == {False} and not (told or unseen):
            found.append(f"row {row.number} was dropped, and is {outcome}, verified {verified}")
        if outcome == "not_stored" and stored == {True} and not _is_merged(row, lines):
            found.append(f"row {row.number} was stored, and is not_stored: {line.get('message')}")
        if outcome == "updated" and verified is None and not unseen:
            found.append(f"row {row.number} was never read back: {line}")
    return found


def _unread_problems(line: dict[str, Any], share: float) -> list[str]:
    """A look that could not be made says so, and judges nothing."""
    if line.get("verified") is not None or line.get("outcome") == "not_stored":
        return [f"row {line['row']} was judged without a read: {line}"]
    if line.get("outcome") == "updated" and share == 1 and not line.get("unverified"):
        return [f"row {line['row']} does not say why it was not read back: {line}"]
    return []


def _is_merged(row: RowSpec, lines: Lines) -> bool:
    """Others went with it, and may be what is missing."""
    number = lines[row.number].get("patch")
    return sum(line.get("patch") == number for line in lines.values()) > 1


def unfounded(rows: Sequence[RowSpec], lines: Lines, state: State) -> list[str]:
    """Rows that are called verified whose values nobody holds, nor a later row's."""
    found = []
    for who, mine in _by_participant(rows).items():
        held, later = state.get(who, {}), dict[str, set[str]]()
        for row in reversed(mine):
            for name, value in row.attributes.items():
                later.setdefault(name, set()).add(value)
                is_verified = lines.get(row.number, {}).get("verified")
                if is_verified and held.get(name) not in later[name]:
                    found.append(f"row {row.number} is verified, and {name} is {held.get(name)}")
    return found


def impossible(
    rows: Sequence[RowSpec],
    lines: Lines,
    seen: Mapping[int, set[bool]],
    state: State,
    before: State,
) -> list[Who]:
    """Participants that hold what the report and the log cannot explain."""
    wrong = []
    for who, mine in _by_participant(rows).items():
        held, names = state.get(who, {}), {name for row in mine for name in row.attributes}
        for name in names:
            values: set[str | None] = {before.get(who, {}).get(name)}
            for row in mine:
                if (value := row.attributes.get(name)) is not None:
                    values = _after(values, value, _took_effect(row, lines, seen))
            if held.get(name) not in values:
                wrong.append(who)
                break
    return sorted(wrong)


def _after(values: set[str | None], value: str, took_effect: bool | None) -> set[str | None]:
    if took_effect is None:
        return values | {value}
    return {value} if took_effect else values


def _took_effect(row: RowSpec, lines: Lines, seen: Mapping[int, set[bool]]) -> bool | None:
    """None where nobody knows: nothing marks the row in the log, and no read has seen it."""
    if lines.get(row.number, {}).get("verified"):
        return True
    stored = seen.get(row.number)
    return None if stored is None else (None if len(stored) > 1 or row.others else stored == {True})


def _by_participant(rows: Sequence[RowSpec]) -> dict[Who, list[RowSpec]]:
    mine: dict[Who, list[RowSpec]] = defaultdict(list)
    for row in rows:
        for who in row.everyone if row.sendable else ():
            mine[who].append(row)
    return mine
