"""What lasts ends the run or the row, in time and in words: pages, refusals, other limits."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def outcomes(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's results."""
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("status", ["200", "401", "403", "404"])
def test_a_sign_in_page_is_not_the_platform(
    status: str, batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """A proxy answers everything: the run ends at once, with the page's title, and can go on."""
    fault = f"kind=html,status={status},on=any,times=always"
    done = batchpatch("run", str(make_rows(50)), "--sandbox", "--fault", fault, "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 3
    assert summary["outcomes"].get("updated", 0) == 0
    assert summary["elapsed_s"] < 10
    assert f"a web page answered with status {status}, not the platform (" in done.stderr


def test_a_page_for_one_row_is_unknown(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """It is not `updated`, and the others are."""
    rows = make_rows(20)
    participant = rows.read_text(encoding="utf-8").splitlines()[11].split(",")[1]
    fault = f"kind=html,status=200,times=always,participant={participant}"
    words = ["--sandbox", "--fault", fault, "--retries", "1", "--out", "r"]
    assert batchpatch("run", str(rows), *words).returncode == 1
    (line,) = [one for one in outcomes(tmp_path / "r") if one["outcome"] != "updated"]
    assert (line["outcome"], line["code"]) == ("unknown", "not_the_platform")
    assert "titled" in line["hint"]
