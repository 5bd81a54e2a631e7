"""The proof of a run's counts: read from the file itself, not from what wrote it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.model import Outcome
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.lines import Parsed, blocks, parse

if TYPE_CHECKING:
    from pathlib import Path

MAX_PROBLEMS = 10
"""Problems that are told one by one; the rest is a number."""

_MADE_IT = frozenset(str(outcome) for outcome in Outcome if outcome.made_it)


class Proof(NamedTuple):
    """What `results.jsonl` says about a run."""

    outcomes: dict[str, int]
    """Rows by outcome; a row with several lines counts by the first."""
    settled: int
    """Rows that have a line; the outcomes add up to it."""
    failed: Bitmap
    """Rows whose outcome is none of updated, unchanged, superseded."""
    problems: list[str]
    """Why the counts are not proved; empty where they are."""


def prove(results_path: Path, *, rows: int) -> Proof:
    """Reads the results of a run that has read `rows` rows, and counts them.

    Memory is two bits a row. Raises RecordError where the file cannot be read.
    """
    tally = _Tally(rows)
    for block in blocks(results_path):
        parsed = parse(block)
        tally.take(parsed)
        for index, _ in parsed.bad:
            tally.complain(f"line {block.first_line + index} is not a whole result")
    return tally.proof()


class _Tally:
    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._seen = Bitmap()
        self._failed = Bitmap()
        self._outcomes: Counter[str] = Counter()
        self._problems: list[str] = []
        self._untold = 0

    def take(self, parsed: Parsed) -> None:
        rows, outcomes, counts = parsed.rows, parsed.outcomes, parsed.counts
        if rows and max(rows) > self._rows:
            rows, outcomes = self._within(rows, outcomes)
            counts = Counter(outcomes)
        again = set(self._seen.add_new(rows))
        if again:
            for position in sorted(again):
                self.complain(f"row {rows[position]} has more than one line")
            outcomes = [word for at, word in enumerate(outcomes) if at not in again]
            rows = [row for at, row in enumerate(rows) if at not in again]
            counts = Counter(outcomes)
        self._outcomes.update(counts)
        if not counts.keys() <= _MADE_IT:
            failed = (r for r, word in zip(rows, outcomes, strict=True) if word not in _MADE_IT)
            self._failed.add_new(failed)

    def _within(self, rows: list[int], outcomes: list[str]) -> tuple[list[int], list[str]]:
        for row in rows:
            if row > self._rows:
                self.complain(f"row {row} has a line, but only {self._rows} rows were read")
        pairs = [(r, word) for r, word in zip(rows, outcomes, strict=True) if r <= self._rows]
        return [row for row, _ in pairs], [word for _, word in pairs]

    def complain(self, problem: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(problem)
        else:
            self._untold += 1

    def proof(self) -> Proof:
        problems = list(self._problems)
        if self._untold:
            problems.append(f"and {self._untold} more")
        return Proof(dict(self._outcomes), self._outcomes.total(), self._failed, problems)
