"""An execution that asks nobody: whose data it is, and what it costs to know that."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.commands.resume import resume
from batchpatch.commands.run import run
from batchpatch.errors import BatchpatchError, ExitCode, OutageError, RecordError
from batchpatch.genesys.account.credentials import find_account
from batchpatch.genesys.account.organisation import Identity
from batchpatch.model import Stop
from batchpatch.options.run import RecordOptions
from batchpatch.pipeline.stop import Stopper
from batchpatch.sandbox import SandboxOptions, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchpatch.pipeline.intent import Confirm
    from batchpatch.pipeline.report import RunReport

    Answer = Callable[[Identity | BatchpatchError | None], None]

CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
ROW = (
    "conversationId,participantId,attr.tier\n"
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301,16fd2706-8baf-433b-82eb-000000000001,gold\n"
)
pytestmark = pytest.mark.asyncio


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Sets what the platform says of the token, as if it were no sandbox; None for silence."""
    monkeypatch.setattr("batchpatch.pipeline.execution.is_loopback", lambda _: False)

    def answer(said: Identity | BatchpatchError | None) -> None:
        async def read(_: object) -> Identity:
            if said is None:
                await asyncio.get_running_loop().create_future()
            if isinstance(said, BatchpatchError):
                raise said
            assert isinstance(said, Identity)
            return said

        monkeypatch.setattr("batchpatch.pipeline.row_checks.read_identity", read)

    return answer


async def sent(
    folder: Path, stopper: Stopper | None = None, *, confirm: Confirm | None = None
) -> RunReport:
    """The report of a run of one row, which lies in `run`."""
    (folder / "rows.csv").write_text(ROW)
    async with running(SandboxOptions()) as server:
        return await run(
            [str(folder / "rows.csv")],
            account=find_account(CREDENTIALS, api_url=server.url),
            record=RecordOptions(out=folder / "run"),
            stopper=stopper,
            confirm=confirm,
        )


def noted(folder: Path) -> Any:
    """The name of the organisation in the record of the run."""
    return json.loads((folder / "run" / "run.json").read_text())["organisation_name"]


async def test_whose_data_it_is_stands_in_the_record(answers: Answer, tmp_path: Path) -> None:
    """Nothing of the run goes elsewhere later."""
    answers(Identity("o1", "Acme", None))
    assert (await sent(tmp_path)).summary.exit_code == ExitCode.DONE
    assert noted(tmp_path) == "Acme"


async def test_an_outage_then_leaves_a_run_that_can_be_resumed(
    answers: Answer, tmp_path: Path
) -> None:
    """A limit that lasts for hours left no directory and no copy of a pipe, and the words "resume
    then"."""
    answers(OutageError("It admits no request until tomorrow: resume then."))
    report = await sent(tmp_path)
    assert (report.summary.exit_code, report.resumable) == (ExitCode.STOPPED, True)
    assert report.summary.stopped_because == "It admits no request until tomorrow: resume then."


async def test_silence_is_not_waited_for(
    answers: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is only for the record holds nothing up."""
    monkeypatch.setattr("batchpatch.pipeline.execution._TELLING_S", 0.0)
    answers(None)
    assert (await sent(tmp_path)).summary.exit_code == ExitCode.DONE
    assert noted(tmp_path) is None


async def test_a_stop_is_heard_meanwhile(
    answers: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is in flight: one is enough."""
    answers(None)
    stopper = Stopper()

    async def be_stopped(_: object) -> None:
        stopper.request(Stop(ExitCode.INTERRUPTED, "SIGINT"))
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("batchpatch.pipeline.row_checks.read_identity", be_stopped)
    report = await sent(tmp_path, stopper)
    assert (report.summary.exit_code, report.summary.patches) == (ExitCode.INTERRUPTED, 0)
    assert report.resumable


async def test_what_nobody_has_noted_is_no_ones_by_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that broke before its first row goes on, with a question that has named the token's
    organisation. Failed rows of another one are refused as a file, not settled one by one."""

    def refuse(*_: object, **__: object) -> None:
        raise RecordError("disk full")

    (tmp_path / "rows.csv").write_text(ROW)
    async with running(SandboxOptions(strict=True)) as server:
        account = find_account(CREDENTIALS, api_url=server.url)
        failed = tmp_path / "failed"
        record = RecordOptions(out=failed)
        await run([str(tmp_path / "rows.csv")], account=account, record=record)
        manifest = json.loads((failed / "run.json").read_text())
        (failed / "run.json").write_text(json.dumps(manifest | {"organisation": "another"}))
        with monkeypatch.context() as full:
            full.setattr("batchpatch.pipeline.execution.look_into_earlier_runs", refuse)
            record = RecordOptions(out=tmp_path / "again")
            await run([str(failed / "failed.csv")], account=account, record=record)
        report = await resume(tmp_path / "again", account=account, confirm=lambda _: True)
    assert (report.summary.exit_code, report.summary.outcomes) == (ExitCode.UNUSABLE, {})
    assert "organisation another" in str(report.summary.stopped_because)


async def test_a_disk_that_is_full_once_the_run_has_begun_is_told_in_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended with an error and no summary, and what a pipe had brought was not kept."""

    def refuse(*_: object) -> None:
        raise RecordError("disk full")

    monkeypatch.setattr("batchpatch.pipeline.organisation_record.update_manifest", refuse)
    report = await sent(tmp_path, confirm=lambda _: True)
    assert (report.summary.exit_code, report.resumable) == (ExitCode.STOPPED, True)
    assert report.summary.stopped_because == "disk full"
