"""What is looked up before anything is sent takes minutes, of millions of rows: a stop is heard."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from batchpatch.commands.resume import resume
from batchpatch.commands.run import run
from batchpatch.commands.undo import undo
from batchpatch.errors import ExitCode, LeftError
from batchpatch.genesys.account.credentials import find_account
from batchpatch.model import Stop
from batchpatch.options.run import RecordOptions
from batchpatch.pipeline.stop import Stopper
from batchpatch.sandbox import SandboxOptions, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from batchpatch.genesys.account.credentials import Account

CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
ROW = (
    "conversationId,participantId,attr.tier\n"
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301,16fd2706-8baf-433b-82eb-000000000001,gold\n"
)
pytestmark = pytest.mark.asyncio


class LongLook:
    """Takes the place of a look-up: asks for a stop on the loop, and sees whether that is heard."""

    def __init__(self, stopper: Stopper) -> None:
        self._stopper = stopper
        self._loop = asyncio.get_running_loop()
        self._asked = threading.Event()
        self.heard = False

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.ask_from_afar()
        self.heard = self._asked.wait(5)
        raise LeftError

    def ask_from_afar(self) -> None:
        """Ask, from another thread."""
        self._loop.call_soon_threadsafe(self._ask)

    def _ask(self) -> None:
        self._stopper.request(Stop(ExitCode.INTERRUPTED, "Interrupted."))
        self._asked.set()


@dataclass(frozen=True)
class Place:
    """Where runs go to, and what stops them."""

    rows: list[str]
    account: Account
    stopper: Stopper


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A sandbox, an input of one row, and nothing that has stopped yet."""
    path = tmp_path / "rows.csv"
    path.write_text(ROW)
    async with running(SandboxOptions()) as server:
        yield Place([str(path)], find_account(CREDENTIALS, api_url=server.url), Stopper())


@pytest_asyncio.fixture
async def done(place: Place, tmp_path: Path) -> Path:
    """The directory of a run whose row is settled."""
    out = tmp_path / "run"
    await run(place.rows, account=place.account, record=RecordOptions(out=out))
    return out


async def test_rows_that_failed_before(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run can be resumed, and has sent nothing."""
    look = LongLook(place.stopper)
    monkeypatch.setattr("batchpatch.pipeline.execution.look_into_earlier_runs", look)
    report = await run(
        place.rows,
        account=place.account,
        record=RecordOptions(out=tmp_path / "run"),
        stopper=place.stopper,
    )
    assert look.heard
    assert (report.summary.exit_code, report.summary.patches) == (ExitCode.INTERRUPTED, 0)
    assert report.resumable


async def test_values_to_be_restored(
    place: Place, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the undo has begun."""
    look = LongLook(place.stopper)
    (done / "undo.jsonl").touch()
    monkeypatch.setattr("batchpatch.commands.undo.write_undo_input", look)
    record = RecordOptions(out=tmp_path / "undo")
    with pytest.raises(LeftError):
        await undo(done, account=place.account, record=record, stopper=place.stopper)
    assert look.heard
    assert not (tmp_path / "undo").exists()


async def test_what_is_settled(place: Place, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in flight yet, so that one stop is enough."""
    look, going_on = LongLook(place.stopper), threading.Event()
    monkeypatch.setattr(
        "batchpatch.commands.resume.prepare_resumption",
        lambda *_, **__: (look.ask_from_afar(), going_on.wait(5)),
    )
    with pytest.raises(LeftError, match="resume it again"):
        await resume(done, account=place.account, stopper=place.stopper)
    going_on.set()
