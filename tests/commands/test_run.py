"""A run as a function of the library: what its options do."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.commands.run import run
from batchpatch.errors import RecordError, SettingsError
from batchpatch.genesys.account.credentials import find_account
from batchpatch.model import Outcome
from batchpatch.options.run import PaceOptions, Rate, RecordOptions
from batchpatch.pipeline.stop import Stopper
from batchpatch.recording import append_log
from batchpatch.recording.pace_file import ask_pace
from batchpatch.sandbox import SandboxOptions, running

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.pipeline.report import RunReport

CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
ROW = (
    "conversationId,participantId,attr.tier\n"
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301,16fd2706-8baf-433b-82eb-000000000001,gold\n"
)


def names_in(path: Path) -> list[str]:
    """What lies there."""
    return [one.name for one in path.iterdir()]


@pytest.mark.asyncio
async def test_reports_lie_where_they_are_to_lie(tmp_path: Path) -> None:
    """A program whose working directory is not its own names the directory of all its runs."""
    (tmp_path / "rows.csv").write_text(ROW)
    async with running(SandboxOptions()) as server:
        report = await run(
            [str(tmp_path / "rows.csv")],
            account=find_account(CREDENTIALS, api_url=server.url),
            record=RecordOptions(base=tmp_path / "all"),
        )
    assert report.directory.parent == tmp_path / "all"


@pytest.mark.asyncio
async def test_a_new_pace_waits_for_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes it may do so because the platform is in trouble, and answers nothing."""
    (tmp_path / "rows.csv").write_text(ROW + ROW.splitlines()[1].replace("3301,", "3302,") + "\n")
    told: list[str] = []

    async def no_answer(_: object) -> None:
        await asyncio.get_running_loop().create_future()

    def ask_once(_: Any) -> None:
        if not told:
            ask_pace(tmp_path / "run" / "pace", None)

    monkeypatch.setattr("batchpatch.pipeline.send_run._SHORT_BYTES", 0)
    monkeypatch.setattr("batchpatch.pipeline.send_run.read_requests_per_min", no_answer)
    async with running(SandboxOptions()) as server:
        await run(
            [str(tmp_path / "rows.csv")],
            account=find_account(CREDENTIALS, api_url=server.url),
            pace=PaceOptions(rate=Rate(0.5)),
            record=RecordOptions(out=tmp_path / "run"),
            stopper=Stopper(tell=told.append),
            observe=ask_once,
        )
    assert told == ["Pace: no cap of its own from now on."]


@pytest.mark.asyncio
async def test_a_report_that_cannot_be_opened_is_no_run_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory without a row would refuse the same command, and has nothing to go on with."""
    (tmp_path / "rows.csv").write_text(ROW)
    sync = append_log.sync_directory

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def start(server: Any) -> RunReport:
        return await run(
            [str(tmp_path / "rows.csv")],
            account=find_account(CREDENTIALS, api_url=server.url),
            record=RecordOptions(out=tmp_path / "run"),
        )

    monkeypatch.setattr(append_log, "sync_directory", full)
    async with running(SandboxOptions()) as server:
        with pytest.raises(SettingsError, match=r"results\.jsonl .*: disk full; .* and try again"):
            await start(server)
        assert names_in(tmp_path) == ["rows.csv"]
        monkeypatch.setattr(append_log, "sync_directory", sync)
        assert (await start(server)).summary.outcomes == {Outcome.UPDATED: 1}


@pytest.mark.asyncio
async def test_a_summary_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows made it, and to `runs` it is a run that was interrupted: its own words would be the
    only ones that do not say so."""
    (tmp_path / "rows.csv").write_text(ROW)
    why = "summary.json cannot be written: disk full; free some space and resume the run"

    def full(*_: object) -> None:
        raise RecordError(why)

    monkeypatch.setattr("batchpatch.pipeline.ending.write_summary", full)
    async with running(SandboxOptions()) as server:
        report = await run(
            [str(tmp_path / "rows.csv")],
            account=find_account(CREDENTIALS, api_url=server.url),
            record=RecordOptions(out=tmp_path / "run"),
        )
    assert (report.summary.exit_code, [*report.notices]) == (0, [f"{why}."])
