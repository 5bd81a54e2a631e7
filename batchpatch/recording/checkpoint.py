"""The checkpoint: `results.jsonl` read back, to resume from and to prove the counts."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import RecordError, as_typed
from batchpatch.formats.result_block import Block, Parsed, parse
from batchpatch.formats.result_patterns import lines_with as lines_with_in
from batchpatch.formats.result_patterns import row_of
from batchpatch.model import MADE_IT, Outcome
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.files import replacing
from batchpatch.recording.reasons import FailureReasons
from batchpatch.recording.results import blocks, lines_with

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

MAX_PROBLEMS = 10
"""Problems that are told one by one; the rest is a number."""


class Proof(NamedTuple):
    """What `results.jsonl` says about a run."""

    outcomes: dict[str, int]
    """Rows by outcome; a row with several lines counts by the first."""
    settled: int
    """Rows that have a line; the outcomes add up to it."""
    failed: Bitmap
    """Rows whose outcome is none of updated, unchanged, superseded."""
    verified: int
    """Rows that were read back and found stored."""
    not_stored: int
    """Rows that were read back and found otherwise."""
    unverified: int
    """Rows for which that check could not be made."""
    after_end: int
    """Rows that were written to a conversation that had ended."""
    problems: list[str]
    """Why the counts are not proved; empty where they are."""
    reasons: FailureReasons
    """Why rows did not make it."""
    sha256: str | None = None
    """Of the file that was read."""


def counted(outcomes: Mapping[str, int]) -> Proof:
    """The counts alone, where no results are kept that could prove them."""
    return Proof(dict(outcomes), sum(outcomes.values()), Bitmap(), 0, 0, 0, 0, [], FailureReasons())


def prove(results_path: Path, *, rows: int) -> Proof:
    """Reads the results of a run that has read `rows` rows, and counts them.

    Memory is two bits a row. Raises RecordError where the file cannot be read.
    """
    tally, digest = _Tally(rows), hashlib.sha256()
    for block in blocks(results_path):
        digest.update(block.data)
        parsed = parse(block, with_failed=True)
        tally.take(parsed)
        for index, _ in parsed.bad:
            tally.complain(f"line {block.first_line + index} is not a whole result")
    return tally.proof()._replace(sha256=digest.hexdigest())


class _Tally:
    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._seen = Bitmap()
        self._failed = Bitmap()
        self._outcomes: Counter[str] = Counter()
        self._verified = self._not_stored = self._unverified = self._after_end = 0
        self._problems: list[str] = []
        self._untold = 0
        self._reasons = FailureReasons()

    def take(self, parsed: Parsed) -> None:
        rows, outcomes, counts = parsed.rows, parsed.outcomes, parsed.counts
        self._verified += parsed.verified
        self._not_stored += parsed.not_stored
        self._unverified += parsed.unverified
        self._after_end += parsed.after_end
        self._reasons.add_lines(parsed.failed)
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
        if not counts.keys() <= MADE_IT:
            failed = (r for r, word in zip(rows, outcomes, strict=True) if word not in MADE_IT)
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
        return Proof(
            dict(self._outcomes),
            self._outcomes.total(),
            self._failed,
            self._verified,
            self._not_stored,
            self._unverified,
            self._after_end,
            problems,
            self._reasons,
        )


class Settled(NamedTuple):
    """The rows that need not be sent again."""

    rows: Bitmap
    outcomes: dict[str, int]
    """Lines by outcome."""
    lines: int
    """Whole lines; more than `rows.count()` only where a row has several, which is damage."""
    valid_bytes: int
    """Where the whole lines end: `cut_tail` to here before anything is appended."""
    total_bytes: int
    last_patch: int
    """Highest number of a PATCH that has a line, 0 for none."""
    reasons: FailureReasons
    """Why rows did not make it."""


def read_settled(results_path: Path) -> Settled:
    """Reads all lines; a bad tail (a kill, a power loss) ends `valid_bytes` before it.

    A file that does not exist is a run that settled nothing. Raises RecordError where good lines
    follow a bad one, because that is not how an interrupted run looks; it names the line.
    """
    rows, counts, reasons = Bitmap(), Counter[str](), FailureReasons()
    valid = total = last_patch = 0
    broken: int | None = None
    for block in blocks(results_path) if results_path.exists() else ():
        total += len(block.data)
        parsed = parse(block, with_failed=True)
        if broken is None:
            broken, length = _whole_part(block, parsed.bad)
            valid += length
        if broken is not None and _good_after(block, broken, len(parsed.bad)):
            raise RecordError(
                f"{as_typed(results_path)} is damaged: line {broken} is not a whole result, but "
                f"good lines follow it; restore the file or start a new run"
            )
        rows.add_new(parsed.rows)
        counts.update(parsed.counts)
        last_patch = max(last_patch, parsed.last_patch)
        reasons.add_lines(parsed.failed)
    return Settled(rows, dict(counts), counts.total(), valid, total, last_patch, reasons)


def _whole_part(block: Block, bad: list[tuple[int, int]]) -> tuple[int | None, int]:
    """Number of the first bad line, if any, and how many bytes of the block come before it."""
    if not bad:
        return None, len(block.data)
    index, start = bad[0]
    return block.first_line + index, start


def _good_after(block: Block, broken: int, bad: int) -> bool:
    """True where the block has a good line after line `broken`, with `bad` lines from there on."""
    lines = block.lines + block.torn
    before = max(broken - block.first_line, 0)
    return lines - before > bad


def rows_with(results_path: Path, outcomes: Collection[Outcome]) -> Bitmap:
    """The rows that have one of these outcomes. Raises RecordError."""
    return Bitmap(row_of(line) for _, line in lines_with(results_path, outcomes))


def drop_rows(results_path: Path, outcomes: Collection[Outcome]) -> Bitmap:
    """Rewrites the results without the lines of these outcomes; answers the rows that are out.

    The new file takes the old one's place in one step, so a crash leaves one of the two. A torn
    tail is left out. Memory is a block and the answer. Raises RecordError.
    """
    dropped = Bitmap()
    if not outcomes or not results_path.exists():
        return dropped
    with replacing(results_path) as file:
        for block in blocks(results_path):
            if not block.torn:
                file.write(_without(block.data, outcomes, dropped))
    return dropped


def _without(data: bytes, outcomes: Collection[Outcome], dropped: Bitmap) -> bytes:
    kept: list[bytes] = []
    at = 0
    for line in lines_with_in(data, outcomes):
        dropped.add(row_of(line.data))
        kept.append(data[at : line.start])
        at = line.end
    kept.append(data[at:])
    return b"".join(kept)
