"""The tally of values that a run has overwritten, from `undo.jsonl`; of bounded size."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.recording.undo_index import open_index

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.formats.undo_line import UndoEntry

_MOST_NAMES = 100
_MOST_PAIRS = 500
"""Changes that are told apart, of one attribute."""
_MOST_CHARS = 60

_Pair = tuple[str | None, str]


class ValueChange(NamedTuple):
    """One change, and how often it was made."""

    before: str | None
    """None where the attribute was absent."""
    after: str
    times: int
    perhaps: int
    """How often it may have been made beside: nobody knows what became of the request."""


class ValueTally:
    """Counts changes by attribute, and by what was there and what was written."""

    def __init__(self) -> None:
        self._made: dict[str, Counter[_Pair]] = {}
        self._perhaps: dict[str, Counter[_Pair]] = {}

    def add(self, entry: UndoEntry, *, sent: bool) -> None:
        """See what one PATCH has overwritten. What was there already is no change."""
        counted = self._made if sent else self._perhaps
        for name, after in entry.written.items():
            if name in entry.before and entry.before[name] != after:
                self._count(name, entry.before[name], after, counted)

    def _count(
        self, name: str, before: str | None, after: str, counted: dict[str, Counter[_Pair]]
    ) -> None:
        if name not in self._made:
            if len(self._made) >= _MOST_NAMES:
                return
            self._made[name], self._perhaps[name] = Counter(), Counter()
        pairs = counted[name]
        pair = None if before is None else _cut(before), _cut(after)
        if pair in pairs or len(pairs) < _MOST_PAIRS:
            pairs[pair] += 1

    def most_common(self, most: int) -> dict[str, list[ValueChange]]:
        """The most frequent changes of each attribute."""
        return {
            name: [
                ValueChange(*pair, made[pair], self._perhaps[name][pair])
                for pair, _ in (made + self._perhaps[name]).most_common(most)
            ]
            for name, made in self._made.items()
        }


def tally_values(path: Path, results_path: Path, *, most: int) -> dict[str, list[ValueChange]]:
    """The most frequent changes of each attribute, without what was refused.

    Args:
        path: `undo.jsonl`, whose entries were written before their requests left.
        results_path: what became of these.
        most: changes of one attribute.

    Raises:
        RecordError: a file cannot be read, or is damaged.
    """
    tally = ValueTally()
    if not path.exists():
        return {}
    with open_index(path, results_path=results_path, count_unkept=True) as index:
        if results_path.exists():
            index.mark_shared(results_path)
        for entry, sent in index.forwards():
            tally.add(entry, sent=sent)
    return tally.most_common(most)


def _cut(value: str) -> str:
    return value if len(value) <= _MOST_CHARS else f"{value[: _MOST_CHARS - 3]}..."
