"""The tally of values that a run has overwritten, from `undo.jsonl`; of bounded size."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.formats.undo_line import read_undo
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from pathlib import Path

_MOST_NAMES = 100
_MOST_PAIRS = 500
"""Changes that are told apart, of one attribute."""
_MOST_CHARS = 60


class ValueChange(NamedTuple):
    """One change, and how often it was made."""

    before: str | None
    """None where the attribute was absent."""
    after: str
    times: int


def tally_values(path: Path, *, most: int) -> dict[str, list[ValueChange]]:
    """The most frequent changes of each attribute. Raises RecordError where it cannot be read."""
    found: dict[str, Counter[tuple[str | None, str]]] = {}
    try:
        with path.open("rb") as file:
            for line in file:
                _count(line, found)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise record_error(path, error, doing="read") from error
    return {
        name: [ValueChange(*pair, times) for pair, times in pairs.most_common(most)]
        for name, pairs in found.items()
    }


def _count(line: bytes, found: dict[str, Counter[tuple[str | None, str]]]) -> None:
    try:
        entry = read_undo(line)
        changes = [(name, entry.before[name], after) for name, after in entry.written.items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        return  # a torn line, or values before that nobody knows
    for name, before, after in changes:
        if name not in found and len(found) >= _MOST_NAMES:
            continue
        pairs = found.setdefault(name, Counter())
        pair = None if before is None else _cut(before), _cut(after)
        if pair in pairs or len(pairs) < _MOST_PAIRS:
            pairs[pair] += 1


def _cut(value: str) -> str:
    return value if len(value) <= _MOST_CHARS else f"{value[: _MOST_CHARS - 3]}..."
