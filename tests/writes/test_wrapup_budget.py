"""What wrap-up codes cost, in requests that the sandbox counts."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.commands.run import run
from batchpatch.genesys.account.credentials import find_account
from batchpatch.options.run import RecordOptions
from batchpatch.sandbox import SandboxOptions, running
from batchpatch.sandbox.rows import write_rows

if TYPE_CHECKING:
    from pathlib import Path

CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
ROWS, PAGES = 1_000, 2


def cost(tmp_path: Path, text: str) -> dict[str, Any]:
    """Run an input, whole, and answer what the sandbox has counted."""
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")

    async def scene() -> dict[str, Any]:
        async with running(SandboxOptions()) as server:
            account = find_account(CREDENTIALS, api_url=server.url)
            record = RecordOptions(out=tmp_path / "run")
            report = await run([str(tmp_path / "rows.jsonl")], account=account, record=record)
            assert report.summary.outcomes == {"updated": ROWS}
            counts: dict[str, Any] = server.state.stats()
            assert report.summary.requests == counts["requests"]
            return counts

    return asyncio.run(scene())


def rows_of(*, ids: bool) -> str:
    """Rows with a code by its name, of agents by id or of nobody."""
    out = io.StringIO()
    write_rows(out, ROWS, 3, format="jsonl", write="wrapup")
    lines = out.getvalue()
    if ids:
        return lines
    return "\n".join(
        line.replace('"participantId"', '"batchpatch_was"') for line in lines.split("\n")
    )


@pytest.mark.parametrize(("ids", "most"), [(True, 1.001), (False, 1.02)])
def test_a_row_costs_its_write_and_little_more(tmp_path: Path, ids: bool, most: float) -> None:
    """Names cost the pages of one list; agents who are yet to be found, a hundredth each."""
    counts = cost(tmp_path, rows_of(ids=ids))
    assert counts["by_resource"]["codes"] == PAGES
    assert counts["by_resource"]["participant"] == ROWS
    assert counts["requests"] - (PAGES if ids else 0) <= most * ROWS
