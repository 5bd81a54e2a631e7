"""What the tests of this stage share: results to write, and files to write them to."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.formats.result_line import encode
from batchpatch.model import Outcome, RowResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


CONVERSATION = "11111111-1111-4111-8111-111111111111"


def _participant(number: int) -> str:
    return f"22222222-2222-4222-8222-{number:012d}"


@pytest.fixture(scope="session")
def make_result() -> Callable[..., RowResult]:
    """Makes a result of a row: updated, one attribute, a participant of its own."""

    def make(row: int, outcome: Outcome = Outcome.UPDATED, **fields: Any) -> RowResult:
        who = fields.pop("who", row)
        usual = {
            "line": row + 1,
            "source": "rows.csv",
            "at": "2025-01-01T00:00:00.000Z",
            "conversation_id": CONVERSATION,
            "participant_id": _participant(who),
            "keys": ["wrapUp"],
        }
        return RowResult(row=row, outcome=outcome, **{**usual, **fields})

    return make


@pytest.fixture(scope="session")
def fresh_path(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Names a file in an empty directory of its own, also many times within one test."""
    base = tmp_path_factory.mktemp("recording")
    numbers = itertools.count()

    def fresh(name: str) -> Path:
        directory = base / str(next(numbers))
        directory.mkdir()
        return directory / name

    return fresh


@pytest.fixture(scope="session")
def results_file(fresh_path: Callable[[str], Path]) -> Callable[[Iterable[RowResult]], Path]:
    """Writes results to a file of their own, in the order given."""

    def write(results: Iterable[RowResult]) -> Path:
        path = fresh_path("results.jsonl")
        path.write_bytes(b"".join(map(encode, results)))
        return path

    return write
