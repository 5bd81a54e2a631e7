"""A run as it is left that was killed shortly before its end.

Every 10th row has failed, and the last `UNSETTLED` have no line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figure import say
from inputs import write_csv

from batchpatch.formats.run_json import Manifest, plain_settings
from batchpatch.model import Outcome, RowResult
from batchpatch.recording.manifest import fingerprint, write_manifest
from batchpatch.recording.results import ResultsLog

if TYPE_CHECKING:
    from pathlib import Path

UNSETTLED = 1000


def input_of(directory: Path) -> Path:
    """The input of such a run."""
    return directory.with_suffix(".csv")


def leave_broken_run(folder: Path, settled: int) -> Path:
    """A directory as a run leaves it that was killed shortly before its end."""
    say(f"  making a run of {settled:,} settled rows")
    directory = folder / f"run-{settled}"
    rows = write_csv(input_of(directory), settled + UNSETTLED)
    directory.mkdir()
    log = ResultsLog(directory / "results.jsonl")
    with rows.open(encoding="utf-8") as lines:
        next(lines)
        for number, line in zip(range(1, settled + 1), lines, strict=False):
            conversation, participant, _ = line.split(",", 2)
            log.add(_result(number, conversation, participant))
    log.close()
    write_manifest(
        directory / "run.json",
        Manifest(
            version="benchmark",
            inputs=(fingerprint(rows),),
            mapping={},
            options=_options(),
            api_url="http://127.0.0.1:1",
            started="2026-01-01T00:00:00Z",
        ),
    )
    return directory


def _result(number: int, conversation: str, participant: str) -> RowResult:
    failed = number % 10 == 0
    return RowResult(
        number,
        number + 1,
        "rows.csv",
        Outcome.REJECTED if failed else Outcome.UPDATED,
        "2026-01-01T00:00:00.000Z",
        conversation,
        participant,
        ["campaign", "wrapUp", "reference"],
        404 if failed else 202,
        "not.found" if failed else None,
        attempts=1,
        patch=number,
        correlation_id=participant,
        elapsed_ms=40,
    )


def _options() -> dict[str, object]:
    from batchpatch.options.run import Settings as RunSettings

    return plain_settings(RunSettings())
