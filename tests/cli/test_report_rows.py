"""The table of a run's rows: the input as it was, what became of each row, safe to open."""

from __future__ import annotations

import csv
import io
import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]

ONE = "3f2504e0-4f89-41d3-9a0c-0305e82c33"
INPUT = f"""Konversation;participantId;Prüfung;Konto;batchpatch_row
{ONE}01;{ONE}02;=cmd|' /C calc'!A0;00123;7 of elsewhere
{ONE}03;{ONE}04;fine;12345678901234567890;
bad;{ONE}06;"two
lines";-12,5;
{ONE}07;{ONE}08;short
{ONE}09;{ONE}10;a;b;;more;most
"""
COLUMNS = ("--map", "conversation=Konversation", "--attributes", "Prüfung,Konto")


def table(data: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows as a spreadsheet reads them."""
    assert data.startswith(b"\xef\xbb\xbf")
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text, delimiter=delimiter))


@pytest.fixture
def run_of_mistakes(batchpatch: Run, tmp_path: Path) -> Path:
    """The directory of a run of rows as people have them."""
    (tmp_path / "in.csv").write_text(INPUT, encoding="cp1252")
    words = ("--encoding", "cp1252", *COLUMNS, "--sandbox", "--out", "r")
    assert batchpatch("run", "in.csv", *words).returncode == 1
    return tmp_path / "r"


def test_each_row_says_what_became_of_it(
    run_of_mistakes: Path, batchpatch: Run, tmp_path: Path
) -> None:
    """Whoever has sent the spreadsheet finds their own columns and rows again, in order."""
    done = batchpatch("report", "r", "--csv", "out.csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "5 rows in out.csv\n")
    out = tmp_path / "out.csv"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = table(out.read_bytes(), ";")
    assert [row["batchpatch_outcome"] for row in rows] == ["updated"] * 2 + ["invalid"] * 3
    assert [row["batchpatch_code"] for row in rows][2:] == ["bad_conversation_id", *["ragged"] * 2]
    assert rows[0]["Prüfung"] == "'=cmd|' /C calc'!A0"
    assert [row["Konto"] for row in rows[:3]] == ['="00123"', '="12345678901234567890"', "-12,5"]
    assert rows[2]["Prüfung"] == "two\nlines"
    assert rows[0]["batchpatch_row"] == "7 of elsewhere"
    assert rows[4]["batchpatch_text"] == "more;most"
    assert (rows[0]["batchpatch_status"], rows[0]["batchpatch_patch"]) == ("202", "1")
    assert rows[2]["batchpatch_hint"].startswith("An id is a UUID")
    assert [row["batchpatch_number"] for row in rows] == list("12345")


def test_the_message_says_what_has_no_column(batchpatch: Run, tmp_path: Path) -> None:
    """A row that is 'superseded', and no more, leaves whoever asked where they were."""
    one, same = f"{ONE}01,{ONE}02", f"{ONE}03,{ONE}04"
    rows = f"conversationId,participantId,attr.a\n{same},x\n{same},y\n{one},z\n"
    (tmp_path / "in.csv").write_text(rows)
    assert batchpatch("run", "in.csv", "--sandbox", "--out", "r").returncode == 0
    path = tmp_path / "r" / "results.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = {"row 3": {"message": "kept", "unverified": "404"}}
    lines = [line | told.get(f"row {line['row']}", {}) for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = table(batchpatch("report", "r", "--csv", "-").stdout.encode())
    said = [row["batchpatch_message"] for row in found]
    assert said == ["overwritten by row 2", "", "kept; not verified: 404"]


def test_a_column_that_is_called_like_a_formula_is_none(batchpatch: Run, tmp_path: Path) -> None:
    """The header of a foreign file is opened by the same spreadsheet as its cells."""
    (tmp_path / "in.csv").write_text(f"conversation,participant,=1+1\n{ONE}01,{ONE}02,x\n")
    assert batchpatch("run", "in.csv", "--all-columns", "--sandbox", "--out", "r").returncode == 0
    header = next(iter(table(batchpatch("report", "r", "--csv", "-").stdout.encode())))
    assert "'=1+1" in header


def test_only_those_that_did_not_make_it(run_of_mistakes: Path, batchpatch: Run) -> None:
    """Nobody scrolls through 40,000 rows for three."""
    done = batchpatch("report", "r", "--csv", "-", "--failed")
    assert [row["batchpatch_number"] for row in table(done.stdout.encode(), ";")] == list("345")


def test_it_is_not_sent_as_an_input(run_of_mistakes: Path, batchpatch: Run) -> None:
    """What protects a value from a spreadsheet would become the value, on the platform."""
    batchpatch("report", "r", "--csv", "out.csv")
    for command in ("check", "run"):
        words = ("--sandbox",) if command == "run" else ()
        done = batchpatch(command, "out.csv", *COLUMNS, *words)
        assert (done.returncode, "is the report of a run" in done.stderr) == (2, True)


def test_an_input_that_is_another_now_is_refused(
    run_of_mistakes: Path, batchpatch: Run, tmp_path: Path
) -> None:
    """Its rows would stand beside the outcomes of others; where it lies now can be told."""
    (tmp_path / "in.csv").rename(tmp_path / "moved.csv")
    gone = batchpatch("report", "r", "--csv", "out.csv")
    assert (gone.returncode, "--input PATH" in gone.stderr) == (2, True)
    assert not (tmp_path / "out.csv").exists()
    done = batchpatch("report", "r", "--csv", "out.csv", "--input", "moved.csv", "--json")
    assert json.loads(done.stdout) == {"csv": "out.csv", "html": None, "exit_code": 0}
    (tmp_path / "in.csv").write_text(INPUT.replace("fine", "else"), encoding="cp1252")
    changed = batchpatch("report", "r", "--csv", "out.csv", "--force")
    assert (changed.returncode, "has changed" in changed.stderr) == (2, True)


@pytest.mark.parametrize("out", ["in.csv", "r/results.jsonl", "r/failed.csv", "r", "no/where"])
def test_it_replaces_nothing_of_the_run(out: str, run_of_mistakes: Path, batchpatch: Run) -> None:
    """The input and the results are what all else is made of."""
    done = batchpatch("report", "r", "--csv", out)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_lines_of_json_stand_there_as_they_are(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Their attributes are too many for columns; the ids are columns, to be searched by."""
    line = json.dumps(
        {"conversationId": f"{ONE}21", "participantId": f"{ONE}22", "attributes": {"a": "=1"}}
    )
    (tmp_path / "b.jsonl").write_text(f"{line}\nnonsense\n")
    batchpatch("run", str(make_rows(2)), "b.jsonl", "--sandbox", "--out", "r")
    found = table(batchpatch("report", "r", "--csv", "-").stdout.encode())
    assert [row["batchpatch_input"] for row in found] == ["", "", line, "nonsense"]
    assert found[2]["conversationId"] == f"{ONE}21"
    assert [row["attr.result"] for row in found] == ["result-0", "result-1", "", ""]


def test_a_table_and_lines_of_json_share_the_columns_of_ids(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Two columns of one name are one too many for a spreadsheet; a row that was not reached has
    ids too."""
    line = json.dumps({"conversationId": f"{ONE}21", "participantId": f"{ONE}22", "attributes": {}})
    (tmp_path / "b.jsonl").write_text(f"{line}\n")
    batchpatch("run", str(make_rows(2)), "b.jsonl", "--sandbox", "--limit", "1", "--out", "r")
    text = batchpatch("report", "r", "--csv", "-").stdout
    assert text.splitlines()[0].count("conversationId") == 1
    found = table(text.encode())
    assert found[2]["batchpatch_outcome"] == "unattempted"
    assert found[2]["participantId"] == f"{ONE}22"


def test_rows_of_a_pipe_and_rows_that_were_not_reached(batchpatch: Run, make_rows: Rows) -> None:
    """The copy of a pipe is an input like any other; what a canary left has no outcome yet."""
    rows = make_rows(5).read_text(encoding="utf-8")
    batchpatch("run", "-", "--sandbox", "--limit", "2", "--out", "r", stdin=rows)
    found: list[dict[str, Any]] = table(batchpatch("report", "r", "--csv", "-").stdout.encode())
    outcomes = [row["batchpatch_outcome"] for row in found]
    assert outcomes == ["updated"] * 2 + ["unattempted"] * 3
