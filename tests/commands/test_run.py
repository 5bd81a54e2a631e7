"""A run as a function of the library: what its options do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.commands.run import run
from batchpatch.genesys.account.credentials import find_account
from batchpatch.options.run import RecordOptions
from batchpatch.sandbox import SandboxOptions, running

if TYPE_CHECKING:
    from pathlib import Path

CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
ROW = (
    "conversationId,participantId,attr.tier\n"
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301,16fd2706-8baf-433b-82eb-000000000001,gold\n"
)


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
