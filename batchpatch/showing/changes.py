"""A plan, as text: what would change, and what that costs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.showing.words import count, duration, forecast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batchpatch.genesys.allowance import Allowance

_VALUE_CHARS = 60


def change_lines(
    conversation_id: str,
    participant_id: str,
    purpose: str | None,
    before: Mapping[str, str | None],
    attributes: Mapping[str, str],
) -> list[str]:
    """What one participant would see changed."""
    who = f"{purpose or 'participant'} {participant_id} of {conversation_id}"
    changes = (
        f"  {_shown(name)}: {_value(before.get(name))} -> {_value(value)}"
        for name, value in attributes.items()
    )
    return [who, *changes]


def plan_lines(
    *,
    rows: int,
    participants: int,
    unchanged: int,
    failed: int,
    ended: int,
    unattempted: int,
    requests: int,
    elapsed_s: float,
    allowance: Allowance | None,
) -> list[str]:
    """How a plan ended."""
    lines = [f"{count(rows, 'row')} in {duration(elapsed_s)}, {count(requests, 'request')}"]
    lines.append(f"  {participants:,} to change")
    lines.append(f"  {unchanged:,} of the rows change nothing: not in the plan")
    if failed:
        lines.append(f"  {failed:,} of the rows cannot be sent: not in the plan")
    if unattempted:
        lines.append(f"  {unattempted:,} of the rows were not looked at: not in the plan")
    if ended:
        lines.append(
            f"  {ended:,} of conversations that have ended: flagged; what is written there does "
            "not reach analytics"
        )
    lines.append(f"To run it: {forecast(participants, allowance)}")
    return lines


def who_lines(parts: Iterable[tuple[str, str | None]]) -> list[str]:
    """Whose data this is about; what is not known is left out."""
    return [f"{name}: {text}" for name, text in parts if text]


def _value(value: str | None) -> str:
    return "(absent)" if value is None else f'"{_shown(value)}"'


def _shown(text: str) -> str:
    """One line of printable text, cut."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= _VALUE_CHARS else text[: _VALUE_CHARS - 3] + "..."
