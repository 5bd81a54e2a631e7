"""What is looked up before anything is sent takes minutes, of millions of rows: a stop is heard."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from batchpatch.commands.plan import plan
from batchpatch.commands.resume import resume
from batchpatch.commands.run import run
from batchpatch.commands.undo import undo
from batchpatch.errors import ExitCode, LeftError, RecordError
from batchpatch.genesys.account.credentials import find_account
from batchpatch.model import Stop
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.options.run import RecordOptions, Safeguards, Settings
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
SECOND = "3f2504e0-4f89-41d3-9a0c-0305e82c3301,16fd2706-8baf-433b-82eb-000000000002,gold\n"
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


@pytest_asyncio.fixture
async def begun(place: Place, tmp_path: Path) -> Path:
    """The directory of a run that has sent one row of two, so that something is left."""
    out = tmp_path / "run"
    path = tmp_path / "two.csv"
    path.write_text(ROW + SECOND)
    record = RecordOptions(out=out)
    await run([str(path)], account=place.account, record=record, read=ReadOptions(limit=1))
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


async def test_what_is_settled(place: Place, begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in flight yet, so that one stop is enough."""
    look, going_on = LongLook(place.stopper), threading.Event()
    monkeypatch.setattr(
        "batchpatch.commands.resume.prepare_resumption",
        lambda *_, **__: (look.ask_from_afar(), going_on.wait(5)),
    )
    with pytest.raises(LeftError, match="resume it again"):
        await resume(begun, account=place.account, stopper=place.stopper)
    going_on.set()


def options_of(path: Path) -> ReadOptions:
    """Two rows for customers that the sandbox makes up."""
    rows = (ROW.splitlines()[1].replace("0305e82c3301", f"00000000000{n}") for n in (1, 2))
    body = "".join(f"{row.replace('16fd2706-8baf-433b-82eb-000000000001', '')}\n" for row in rows)
    path.write_text(ROW.splitlines()[0] + "\n" + body)
    return ReadOptions(participant=parse_participant("customer"))


async def test_what_a_guarded_run_has_written(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own values are no conflict to whoever goes on; they are read from a long file."""
    plan_path, directory = tmp_path / "plan.jsonl", tmp_path / "run"
    settings = Settings(read=options_of(tmp_path / "rows.csv"))
    await plan(place.rows, account=place.account, out=plan_path, settings=settings)
    await run(
        [str(plan_path)],
        account=place.account,
        read=ReadOptions(limit=1),
        safeguards=Safeguards(guard=True),
        record=RecordOptions(out=directory),
    )
    look = LongLook(place.stopper)
    monkeypatch.setattr("batchpatch.pipeline.send_run.last_entries", look)
    report = await resume(directory, account=place.account, stopper=place.stopper)
    assert look.heard
    assert (report.summary.exit_code, report.summary.patches) == (ExitCode.INTERRUPTED, 1)
    assert report.resumable


async def test_what_is_planned(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later rows stand on top of the lines that there are, of which there may be millions."""

    def refuse(_: Path) -> None:
        raise RecordError("disk full")

    out, settings = tmp_path / "plan.jsonl", Settings(read=options_of(tmp_path / "rows.csv"))
    with monkeypatch.context() as full:
        full.setattr("batchpatch.pipeline.plan_run.publish", refuse)
        report = await plan(place.rows, account=place.account, out=out, settings=settings)
    assert report.summary.exit_code == ExitCode.STOPPED
    look = LongLook(place.stopper)
    monkeypatch.setattr("batchpatch.pipeline.plan_run.read_plan", look)
    report = await resume(out, account=place.account, stopper=place.stopper)
    assert look.heard
    assert report.summary.exit_code == ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    "name", ["resume.planned_by", "resume.finished"], ids=lambda name: name[7:]
)
async def test_what_there_is_to_go_on_with(
    name: str, place: Place, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a plan is whole, or a run over, is read from all of its lines."""
    look = LongLook(place.stopper)
    monkeypatch.setattr(f"batchpatch.commands.{name}", look)
    with pytest.raises(LeftError):
        await resume(done, account=place.account, stopper=place.stopper)
    assert look.heard
