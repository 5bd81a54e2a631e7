"""Makes jobs without a thread and a network; lets the tests import the doubles they share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.finding.finder import Finder
from batchpatch.merging.window import Window
from batchpatch.options.read import FindOptions
from batchpatch.options.run import LimitOptions, MergeOptions, Safeguards, VerifyOptions
from batchpatch.pipeline.pipeline import Pipeline
from batchpatch.pipeline.recorder import EarlierRun
from batchpatch.pipeline.row_checks import OrganisationCheck
from batchpatch.pipeline.step import SendStep
from batchpatch.pipeline.stop import Stopper
from batchpatch.pipeline.stream_step import StreamStep
from batchpatch.recording.undo_log import UndoLog
from batchpatch.sending.delivery import Deliverer
from batchpatch.sending.sender import Sender
from batchpatch.sending.verify import Verifier
from batchpatch.writes.registry import find_route

sys.path.insert(0, str(Path(__file__).parents[1] / "sending"))
from sending_doubles import LATENCY_S, ListReader, LoopSource, NoReads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import Row

MakeJob = Callable[..., Pipeline]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def make_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeJob:
    """Makes jobs over rows at hand and a scripted caller, without a thread."""
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    monkeypatch.setattr(LoopSource, "open", 0)

    def make(rows: Sequence[Row], caller: Any, **options: Any) -> Pipeline:
        path = tmp_path / "results.jsonl"
        path.unlink(missing_ok=True)
        given = {"limits": LimitOptions(), "stopper": Stopper(), "before": EarlierRun(), **options}
        stream = given.get("stream")
        window = Window(
            given.pop("merge", MergeOptions()),
            patches=given["before"].last_patch,
            withdrawn=stream.withdrawn if stream is not None else None,
        )
        reads: Any = NoReads()
        deliverer = Deliverer(
            Sender(caller, find_route()),
            reads,
            safeguards=Safeguards(),
            undo=UndoLog(tmp_path / "undo.jsonl"),
            verifier=Verifier(reads, VerifyOptions(), route=find_route()),
            split=window.split,
        )
        step = given.pop("step", None) or (
            SendStep(deliverer)
            if stream is None
            else StreamStep(deliverer, patch_of=window.patch_of)
        )
        return Pipeline(
            ListReader(rows),  # type: ignore[arg-type]
            path,
            client=caller,
            checks=(
                OrganisationCheck(
                    caller, region="sandbox", always=False, learned=lambda _: None
                ).check,
            ),
            finder=Finder(reads, FindOptions()),
            window=window,
            step=step,
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
