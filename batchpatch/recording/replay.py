"""What resuming needs from `results.jsonl`: which rows are settled, and where the file is whole."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import RecordError
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.files import open_private, record_error, replacing
from batchpatch.recording.lines import (
    Block,
    blocks,
    lines_with,
    outcome_pattern,
    parse,
    row_of,
    spans_with,
)

if TYPE_CHECKING:
    import re
    from collections.abc import Collection
    from pathlib import Path

    from batchpatch.model import Outcome


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
    """Highest number of a PATCH so far, 0 for none: a resumed run counts on from here."""


def read_settled(results_path: Path) -> Settled:
    """Reads all lines; a bad tail (a kill, a power loss) ends `valid_bytes` before it.

    A file that does not exist is a run that settled nothing. Raises RecordError where good lines
    follow a bad one, because that is not how an interrupted run looks; it names the line.
    """
    rows, counts = Bitmap(), Counter[str]()
    valid = total = last_patch = 0
    broken: int | None = None
    for block in blocks(results_path) if results_path.exists() else ():
        total += len(block.data)
        parsed = parse(block)
        if broken is None:
            broken, length = _whole_part(block, parsed.bad)
            valid += length
        if broken is not None and _good_after(block, broken, len(parsed.bad)):
            raise RecordError(
                f"{results_path} is damaged: line {broken} is not a whole result, but good lines "
                f"follow it; restore the file or start a new run"
            )
        rows.add_new(parsed.rows)
        counts.update(parsed.counts)
        last_patch = max(last_patch, parsed.last_patch)
    return Settled(rows, dict(counts), counts.total(), valid, total, last_patch)


def _whole_part(block: Block, bad: list[tuple[int, int]]) -> tuple[int | None, int]:
    """Number of the first bad line, if any, and how many bytes of the block come before it."""
    if not bad:
        return None, len(block.data)
    index, start = bad[0]
    return block.first_line + index, start


def _good_after(block: Block, broken: int, bad: int) -> bool:
    """True where the block has a good line after line `broken`, with `bad` lines from there on."""
    lines = block.data.count(b"\n") + block.torn
    before = max(broken - block.first_line, 0)
    return lines - before > bad


def cut_tail(path: Path, valid_bytes: int) -> None:
    """Shortens the file to its whole lines, on disk when it returns. Raises RecordError."""
    try:
        descriptor = open_private(path, os.O_RDWR)
        try:
            if os.fstat(descriptor).st_size < valid_bytes:
                raise RecordError(f"{path} is shorter than when it was read: is it in use?")
            os.ftruncate(descriptor, valid_bytes)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise record_error(path, error) from error


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
    pattern = outcome_pattern(outcomes)
    with replacing(results_path) as file:
        for block in blocks(results_path):
            if not block.torn:
                file.write(_without(block.data, pattern, dropped))
    return dropped


def _without(data: bytes, pattern: re.Pattern[bytes], dropped: Bitmap) -> bytes:
    kept: list[bytes] = []
    at = 0
    for start, end in spans_with(data, pattern):
        dropped.add(row_of(data[start:end]))
        kept.append(data[at:start])
        at = end
    kept.append(data[at:])
    return b"".join(kept)
