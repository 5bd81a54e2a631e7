"""Runs of workbooks: recorded, finished and sent again as runs of any input."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

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


def test_a_sheet_is_of_workbooks(
    batchpatch: Batchpatch, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """A CSV was sent for it, as if another file had been meant; failed rows of a workbook are
    rows of its sheet all the same, and what is configured for workbooks is no trouble to others."""
    make_rows(2)
    write_workbook(tmp_path / "a.xlsx", "x", 12345678901234567)
    sheet = ("--sheet", "Sheet", "--sandbox")
    done = batchpatch("run", "a.xlsx", "rows.csv", *sheet)
    assert (done.returncode, "rows.csv is none" in done.stderr) == (2, True), done.stderr
    done = batchpatch("run", "-", *sheet, stdin=(tmp_path / "rows.csv").read_text())
    assert (done.returncode, "standard input is none" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "batchpatch-runs").exists()
    assert batchpatch("run", "a.xlsx", *sheet, "--out", "r").returncode == 1
    again = batchpatch("run", "r/failed.csv", *sheet, "--out", "s")
    assert (again.returncode, "1 row" in again.stderr) == (1, True), again.stderr
    (tmp_path / "batchpatch.toml").write_text('sheet = "Sheet"\n')
    assert batchpatch("run", "rows.csv", "--sandbox").returncode == 0


def test_a_layout_that_an_input_does_not_have_is_said(
    batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """Whoever names lines to skip, or what a comment begins with, believes that it counts."""
    write_workbook(tmp_path / "a.xlsx", "x")
    row = {"conversationId": f"{C}0", "participantId": f"{P}0", "attributes": {"a": "x"}}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    words = ("--delimiter", ";", "--skip-lines", "0", "--comment", "%")
    done = batchpatch("check", "a.xlsx", "rows.jsonl", *words)
    assert done.returncode == 0, done.stderr
    assert "--delimiter has no effect on a.xlsx, which is a workbook." in done.stdout
    assert "--delimiter, --comment have no effect on rows.jsonl, which is JSONL." in done.stdout


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


def _as_a_spreadsheet_saves(failed: Path, to: Path, **changed: object) -> None:
    """The failed file opened and saved: every record fits the header, and numbers are numbers."""
    header, *rows = csv.reader(failed.read_text("utf-8-sig").splitlines())
    width = max(map(len, [header, *rows]))
    table: list[list[object]] = [[*row, *[""] * (width - len(row))] for row in [header, *rows]]
    for name, value in changed.items():
        for row in table[1:]:
            row[header.index(name.replace("attr_", "attr."))] = value
    if to.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for row in table:
            book.active.append(row)
        book.save(to)
    elif to.suffix == ".jsonl":
        objects = (dict(zip(header, row, strict=False)) for row in table[1:])
        to.write_text("".join(json.dumps(one) + "\n" for one in objects), "utf-8")
    else:
        with to.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=";").writerows(table)


@pytest.mark.parametrize("form", ["back.xlsx", "back.csv", "back.jsonl"])
@pytest.mark.parametrize("cell", ["=A1", 491511123456789012])
def test_a_cell_that_was_not_usable_is_refused_in_whatever_form_it_comes_back(
    form: str, cell: object, batchpatch: Batchpatch, results: Results, tmp_path: Path
) -> None:
    """Sent as it is, the row would lack that value, or have a wrong one, and count as made."""
    book = openpyxl.Workbook()
    book.active.append(["conversationId", "participantId", "attr.total", "attr.state"])
    book.active.append([f"{C}0", f"{P}0", cell, "open"])
    book.save(tmp_path / "a.xlsx")
    batchpatch("run", "a.xlsx", "--sandbox", "--out", "R")
    failed, back = tmp_path / "R" / "failed.csv", tmp_path / form
    _as_a_spreadsheet_saves(failed, back)
    done = batchpatch("run", form, "--sandbox", "--out", "unmended")
    (line,) = results(tmp_path / "unmended")
    assert (done.returncode, line["outcome"], line["code"]) == (1, "invalid", "unmended")
    assert "'attr.total'" in line["message"]
    if not str(cell).startswith("="):
        _as_a_spreadsheet_saves(failed, back, attr_total="4.91511E+17")
        assert batchpatch("run", form, "--sandbox", "--out", "short").returncode == 1
    _as_a_spreadsheet_saves(failed, back, attr_total="491511123456789012")
    assert batchpatch("run", form, "--sandbox", "--out", "mended").returncode == 0
    _as_a_spreadsheet_saves(failed, back, batchpatch_mend="")
    assert batchpatch("run", form, "--sandbox", "--out", "meant").returncode == 0


def test_an_unmended_cell_is_named_in_the_next_failed_file_too(
    batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """The second time round it is no less wrong, in the lines of JSON either."""
    write_workbook(tmp_path / "a.xlsx", "=A1")
    batchpatch("run", "a.xlsx", "--sandbox", "--out", "R")
    batchpatch("run", "R/failed.csv", "--sandbox", "--out", "R2")
    (row,) = csv.DictReader((tmp_path / "R2" / "failed.csv").read_text("utf-8-sig").splitlines())
    assert row["batchpatch_mend"] == "attr.a"
    (tmp_path / "b.jsonl").write_text(json.dumps(row) + "\n")
    batchpatch("run", "b.jsonl", "--sandbox", "--out", "R3")
    (line,) = (tmp_path / "R3" / "failed.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["batchpatch_mend"] == "attr.a"


@pytest.mark.parametrize("form", ["back.xlsx", "back.csv"])
@pytest.mark.parametrize("cells", ["", ",one,two,three"])
def test_a_record_that_a_spreadsheet_made_fit_is_refused(
    form: str, cells: str, batchpatch: Batchpatch, results: Results, tmp_path: Path
) -> None:
    """Padded or cut it has the header's width, and its values may be under other columns."""
    header = "conversationId,participantId,attr.a,attr.b"
    (tmp_path / "a.csv").write_text(f"{header}\n{C}0,{P}0{cells}\n{C}1,{P}1,x,y\n")
    batchpatch("run", "a.csv", "--sandbox", "--out", "R")
    _as_a_spreadsheet_saves(tmp_path / "R" / "failed.csv", tmp_path / form)
    done = batchpatch("run", form, "--sandbox", "--out", "R2")
    assert (done.returncode, results(tmp_path / "R2")[0]["outcome"]) == (1, "invalid")
