"""Makes jobs without a thread and a network; lets the tests import the doubles they share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.genesys.routes import ROUTES
from batchpatch.job import Before, Job
from batchpatch.limits import LimitOptions
from batchpatch.merging.window import MergeOptions
from batchpatch.sending.sender import Sender
from batchpatch.stopping import Stopper

sys.path.insert(0, str(Path(__file__).parent))
from sending_doubles import LATENCY_S, ListReader, LoopSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import Row

MakeJob = Callable[..., Job]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def make_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeJob:
    """Makes jobs over rows at hand and a scripted caller, without a thread."""
    monkeypatch.setattr("batchpatch.job.BackgroundReader", LoopSource)
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    monkeypatch.setattr(LoopSource, "open", 0)

    def make(rows: Sequence[Row], caller: Any, **options: Any) -> Job:
        path = tmp_path / "results.jsonl"
        path.unlink(missing_ok=True)
        given = {"limits": LimitOptions(), "stopper": Stopper(), "before": Before(), **options}
        merge = given.pop("merge", MergeOptions())
        sender = Sender(caller, ROUTES["attributes"])
        return Job(
            ListReader(rows),  # type: ignore[arg-type]
            path,
            client=caller,  # type: ignore[arg-type]
            sender=sender,
            merge=merge,
            **given,
        )

    return make


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    """Reads the lines that a job has left."""
    return lambda: [
        orjson.loads(line) for line in (tmp_path / "results.jsonl").read_bytes().splitlines()
    ]


async def at_once(act: Callable[[], None]) -> None:
    """In the place of a thread, which a virtual clock would not wait for."""
    await asyncio.sleep(LATENCY_S / 3)
    act()
