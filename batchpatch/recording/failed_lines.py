"""`failed-rows.jsonl`: failed rows of an input that cannot be read again, as they were reported."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import orjson

from batchpatch.model import FAILED
from batchpatch.recording.files import replacing
from batchpatch.recording.results import lines_with

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def write_failed_lines(path: Path, results_path: Path, *, sources: Collection[str]) -> int:
    """Copy the lines of failed rows of these inputs from the results; answers how many.

    They bear row, line, ids and the reason, and no values. No failed row, no file.

    Raises:
        RecordError: a file cannot be read or written.
    """
    count = 0
    with ExitStack() as stack:
        file = None
        for _, line in lines_with(results_path, FAILED) if sources else ():
            if orjson.loads(line).get("source") in sources:
                file = file or stack.enter_context(replacing(path))
                file.write(line)
                count += 1
    if not count:
        path.unlink(missing_ok=True)
    return count
