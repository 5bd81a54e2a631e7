"""Runs of workbooks: recorded, finished and sent again as runs of any input."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import openpyxl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess, Popen

    Batchpatch = Callable[..., CompletedProcess[str]]
    Results = Callable[[Path], list[dict[str, Any]]]

C = "10c52dcf-a6e0-4161-ab18-72cb1751a69"
P = "929d00ed-653e-5179-9930-0ba179e0f78"


def write_workbook(path: Path, *values: object) -> None:
    book = openpyxl.Workbook()
    book.active.append(["conversationId", "participantId", "attr.a"])
    for number, value in enumerate(values):
        book.active.append([f"{C}{number}", f"{P}{number}", value])
    book.save(path)


def test_failed_rows_of_a_workbook_go_to_a_csv(
    batchpatch: Batchpatch, results: Results, tmp_path: Path
) -> None:
    """What was invalid is invalid again; mended, in a spreadsheet too, it is sent."""
    write_workbook(tmp_path / "a.xlsx", "x", 12345678901234567, "y")
    done = batchpatch("run", "a.xlsx", "--sandbox", "--sheet", "Sheet", "--out", "R")
    assert done.returncode == 1
    assert "rows that fail go to a CSV file" in done.stderr
    assert "batchpatch run R/failed.csv --sandbox\n" in done.stderr
    again = batchpatch("run", "R/failed.csv", "--sandbox", "--out", "R2")
    assert (again.returncode, [line["outcome"] for line in results(tmp_path / "R2")]) == (
        1,
        ["invalid"],
    )
    header, row = csv.reader((tmp_path / "R" / "failed.csv").read_text("utf-8-sig").splitlines())
    mended = openpyxl.Workbook()
    mended.active.append(header)
    mended.active.append([cell.replace("12345678901234600", "it") for cell in row])
    mended.save(tmp_path / "mended.xlsx")
    sent = batchpatch("run", "mended.xlsx", "--sandbox", "--out", "R3")
    assert (sent.returncode, results(tmp_path / "R3")[0]["line"]) == (0, 2)


def test_a_workbook_from_a_pipe_is_kept_and_resumed(
    batchpatch: Batchpatch,
    start_batchpatch: Callable[..., Popen[str]],
    results: Results,
    tmp_path: Path,
) -> None:
    """It is read from a copy, because a workbook is read from its end; and its hash is known."""
    write_workbook(tmp_path / "a.xlsx", *"abcd")
    words = ["run", "-", "--sandbox", "--limit", "2", "--out", "R"]
    with (tmp_path / "a.xlsx").open("rb") as file:
        assert start_batchpatch(*words, stdin=file).wait() == 0
    assert json.loads((tmp_path / "R" / "run.json").read_text("utf-8"))["inputs"][0]["sha256"]
    finished = batchpatch("resume", "R", "--sandbox")
    assert finished.returncode == 0, finished.stderr
    assert [line["line"] for line in results(tmp_path / "R")] == [2, 3, 4, 5]


def test_a_workbook_that_has_changed_is_not_gone_on_with(
    batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """Its rows would have other numbers; appended rows cannot be told in a packed file."""
    write_workbook(tmp_path / "a.xlsx", *"abcd")
    batchpatch("run", "a.xlsx", "--sandbox", "--limit", "2", "--out", "R")
    write_workbook(tmp_path / "a.xlsx", *"abcdefgh")
    done = batchpatch("resume", "R", "--sandbox")
    assert (done.returncode, "a.xlsx has changed" in done.stderr) == (2, True)
