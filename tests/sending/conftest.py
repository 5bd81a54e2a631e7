"""Makes jobs without a thread and a network; lets the tests import the doubles they share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.delivering import Deliverer
from batchpatch.finding.finder import Finder
from batchpatch.finding.options import FindOptions
from batchpatch.genesys.routes import ROUTES
from batchpatch.job import Before, Job
from batchpatch.limits import LimitOptions
from batchpatch.merging.window import MergeOptions, Window
from batchpatch.origin import Origin
from batchpatch.recording.undo import UndoLog
from batchpatch.sending.safeguards import Safeguards
from batchpatch.sending.sender import Sender
from batchpatch.sending.verifying import Verifier, VerifyOptions
from batchpatch.stopping import Stopper

sys.path.insert(0, str(Path(__file__).parent))
from sending_doubles import LATENCY_S, ListReader, LoopSource, NoReads

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
        window = Window(given.pop("merge", MergeOptions()), patches=given["before"].last_patch)
        reads: Any = NoReads()
        deliverer = Deliverer(
            Sender(caller, ROUTES["attributes"]),
            reads,
            safeguards=Safeguards(),
            undo=UndoLog(tmp_path / "undo.jsonl"),
            verifier=Verifier(reads, VerifyOptions(), route=ROUTES["attributes"]),
            split=window.split,
        )
        return Job(
            ListReader(rows),  # type: ignore[arg-type]
            path,
            client=caller,
            origin=Origin(caller, region="sandbox", always=False, learned=lambda _: None),
            finder=Finder(reads, FindOptions()),
            window=window,
            deliverer=deliverer,
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
