"""Files as people have them, stood in for by small ones: `check` and `run` say the same of them."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess
    from typing import Any

    Batchpatch = Callable[..., CompletedProcess[str]]
    Results = Callable[[Path], list[dict[str, Any]]]

CASES = Path(__file__).parents[1] / "reading" / "cases"
GOOD, BAD = "updated", "invalid"


@pytest.mark.parametrize(
    ("name", "flags", "outcomes", "words"),
    [
        ("sep_line_quoted_bom.csv", "", [GOOD] * 2, ""),
        ("bom_in_middle_no_header.csv", "", [GOOD] * 4, ""),
        ("repeated_header.csv", "", [GOOD] * 4, "1 line repeats the header (line 4)"),
        ("ctrl_z_eof.csv", "", [GOOD] * 2, ""),
        ("trailing_commas.csv", "", [GOOD] * 2, ""),
        ("zwsp_in_id.csv", "", [GOOD] * 2, ""),
        ("sci_notation_id.csv", "", [BAD, GOOD, GOOD], "'crm': 1 value is like 1.23E+15"),
        ("null_text.csv", "", [GOOD], r"'d': 1 value is \N"),
        (
            "null_text.csv",
            "--null NULL --null NaN --null None --null \\N --null #N/A",
            ["unchanged"],
            "1 valid row with nothing to set",
        ),
        ("title_rows_before_header.csv", "--skip-lines 2", [GOOD] * 2, ""),
        ("backslash_escape.csv", "", [BAD, GOOD], "add --escape '\\'"),
        ("backslash_escape.csv", "--escape \\", [GOOD] * 2, ""),
        ("stray_opening_quote.csv", "", [BAD, *[GOOD] * 9], "opened in line 2 is not closed"),
        ("stray_opening_quote.csv", "--quote none", [GOOD] * 10, ""),
        ("unclosed_swallow_valid.csv", "", [BAD, GOOD, GOOD], "--multiline any"),
        ("unclosed_swallow_valid.csv", "--multiline any", [GOOD] * 2, ""),
        ("pretty.jsonl", "", [GOOD] * 2, ""),
        ("mixed_utf8_cp1252.jsonl", "", [GOOD, BAD, GOOD], "not UTF-8 text (byte 0xf6)"),
        ("csv_named.jsonl", "--format csv", [GOOD] * 2, ""),
        ("space_delim.txt", "--delimiter ' '", [GOOD], ""),
        ("real_workbook.xlsx", "", [GOOD] * 5, "the sheet 'Sheet' is read"),
    ],
)
def test_what_becomes_of_a_file(
    name: str,
    flags: str,
    outcomes: list[str],
    words: str,
    batchpatch: Batchpatch,
    results: Results,
    tmp_path: Path,
) -> None:
    """The rows that can be told are sent, each line that cannot is one invalid row, and what there
    is to say is said by both."""
    shutil.copy(CASES / name, tmp_path)
    given = [word.strip("'") or " " for word in flags.replace("' '", "''").split()]
    code = 1 if BAD in outcomes else 0
    checked = batchpatch("check", name, *given)
    assert checked.returncode == code
    assert words in checked.stdout + checked.stderr
    sent = batchpatch("run", name, *given, "--sandbox", "--out", "R")
    assert sent.returncode == code, sent.stderr
    assert words.partition(" valid row")[0] in sent.stderr
    assert [line["outcome"] for line in results(tmp_path / "R")] == outcomes


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("joined_files_other_header.csv", "Line 3 of"),
        ("title_rows_before_header.csv", "--skip-lines 2"),
        ("mixed_utf8_cp1252.csv", "line 2 is utf-8 text, and line 3 (byte 0xf6) is not"),
        ("csv_named.jsonl", "looks like CSV: add --format csv"),
        ("space_delim.txt", "--delimiter ' '; or say which column it is: --map"),
        (
            "real_workbook.xlsx",
            "an Excel workbook: save it as CSV UTF-8, or install batchpatch with the extra xlsx",
        ),
    ],
)
def test_a_file_that_is_refused(
    name: str, words: str, batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """One sentence, and nothing is sent: neither command begins with it. The library that reads
    workbooks is an extra, which most people do not have."""
    shutil.copy(CASES / name, tmp_path)
    without = tmp_path / "without"
    without.mkdir()
    (without / "openpyxl.py").write_text("raise ImportError\n", encoding="utf-8")
    path = os.pathsep.join([str(without), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    for command in (["check"], ["run", "--sandbox", "--out", "R"]):
        done = batchpatch(*command, name, env={"PYTHONPATH": path})
        assert done.returncode == 2
        assert words in " ".join(done.stderr.split())
        assert "cp1252" not in done.stderr.replace(name, "")
        assert not (tmp_path / "R").exists()


def test_another_header_in_a_pipe_stops_the_run(batchpatch: Batchpatch, tmp_path: Path) -> None:
    """What came before it is sent, what comes behind it is not, and the run can be resumed."""
    text = (CASES / "joined_files_other_header.csv").read_text("utf-8")
    done = batchpatch("run", "-", "--sandbox", "--out", "R", stdin=text)
    assert done.returncode == 3
    assert "Line 3 of standard input looks like the header of another table" in done.stderr
    assert (tmp_path / "R" / "results.jsonl").read_text("utf-8").count("updated") == 1


@pytest.mark.parametrize(
    ("name", "old", "new", "flags"),
    [
        ("backslash_escape.csv", r"\"hi\"", '""hi""', []),
        ("backslash_escape.csv", "", "", ["--escape", "\\"]),
        ("stray_opening_quote.csv", '"urgent', "urgent", []),
        ("stray_opening_quote.csv", "", "", ["--quote", "none"]),
        ("unclosed_swallow_valid.csv", '"call back', "call back", ["--skip-lines", "1"]),
    ],
)
def test_what_could_not_be_read_can_be_mended_where_it_failed(
    name: str,
    old: str,
    new: str,
    flags: list[str],
    batchpatch: Batchpatch,
    results: Results,
    tmp_path: Path,
) -> None:
    """The failed row keeps its text. Fed back as it is, it fails for the same reason; mended
    there, or read with the right flag, it is sent; flags that were meant for the input do the
    failed rows no harm."""
    shutil.copy(CASES / name, tmp_path)
    batchpatch("run", name, "--sandbox", "--out", "R")
    failed, again = tmp_path / "R" / "failed.csv", tmp_path / "R2" / "failed.csv"
    assert batchpatch("run", str(failed), "--sandbox", "--out", "R2").returncode == 1
    assert [results(tmp_path / run)[0]["code"] for run in ("R", "R2")] in (
        ["bad_quotes"] * 2,
        ["unclosed_quote"] * 2,
    )
    line = (CASES / name).read_text("utf-8").splitlines()[1]
    header, *rows = csv.reader(failed.read_text("utf-8").splitlines())
    for kept in (failed, again):
        with kept.open(encoding="utf-8", newline="") as file:
            assert [row["batchpatch_text"] for row in csv.DictReader(file)] == [line]
    with failed.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *([c.replace(old, new) for c in r] for r in rows)])
    mended = batchpatch("run", str(failed), *flags, "--sandbox", "--out", "R3")
    assert mended.returncode == 0, mended.stderr


def test_a_json_line_that_could_not_be_read_can_be_mended_where_it_failed(
    batchpatch: Batchpatch, results: Results, tmp_path: Path
) -> None:
    """As of a CSV: sent back as it is, it fails for the same reason as often as that is tried, and
    keeps its text; mended there it is sent, and its neighbours are as they were."""
    c, p = "10c52dcf-a6e0-4161-ab18-72cb1751a690", "929d00ed-653e-5179-9930-0ba179e0f780"
    sound = json.dumps({"conversationId": c, "participantId": p, "attributes": {"tier": "gold"}})
    other = sound.replace(p, c)  # what it has set is newer than what was broken
    (tmp_path / "a.jsonl").write_text(f"7\n{sound},\n{sound[:-1]}\n{other}\n", "utf-8")
    batchpatch("run", "a.jsonl", "--sandbox", "--out", "R1")
    texts = ["7", f"{sound},", sound[:-1]]
    for before, after in (("R1", "R2"), ("R2", "R3")):
        failed = tmp_path / before / "failed.jsonl"
        rows = [json.loads(line) for line in failed.read_bytes().splitlines()]
        assert [row["batchpatch_text"] for row in rows] == texts
        done = batchpatch("run", str(failed), "--sandbox", "--out", after)
        assert done.returncode == 1
        codes = [line["code"] for line in results(tmp_path / after)]
        assert codes == ["not_an_object", "bad_json", "bad_json"]
    rows[0] |= {"batchpatch_text": sound, "batchpatch_skip": ["tier"]}
    rows[1]["batchpatch_text"] = sound.replace("gold", "silver")
    rows[2]["batchpatch_text"] += "}"
    failed.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = batchpatch("run", str(failed), "--sandbox", "--out", "R4")
    assert done.returncode == 0, done.stderr
    told = [(line["outcome"], line.get("code", "")) for line in results(tmp_path / "R4")]
    assert sorted(told) == [("superseded", ""), ("superseded", "newer_value"), (GOOD, "")]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("saved", [";", "\t", "xlsx"])
@pytest.mark.parametrize("flags", [[], ["--escape", "\\"]])
def test_failed_rows_that_a_spreadsheet_has_saved_are_the_same_rows(
    separator: str,
    saved: str,
    flags: list[str],
    batchpatch: Batchpatch,
    results: Results,
    tmp_path: Path,
) -> None:
    """It takes the delimiter of its country, or a form of its own, and leaves the text of a record
    that could not be read as it was: that has the delimiter of the input still."""
    text = (CASES / "backslash_escape.csv").read_text("utf-8").replace(",", separator)
    (tmp_path / "a.csv").write_text(text, "utf-8")
    batchpatch("run", "a.csv", "--sandbox", "--out", "R")
    with (tmp_path / "R" / "failed.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter=separator))
    if not flags:
        rows = [[cell.replace('\\"', '""') for cell in row] for row in rows]
    path = tmp_path / ("saved.xlsx" if saved == "xlsx" else "saved.csv")
    if saved == "xlsx":
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=saved).writerows(rows)
    done = batchpatch("run", path.name, *flags, "--sandbox", "--out", "R2")
    assert done.returncode == 0, done.stderr
    assert [line["keys"] for line in results(tmp_path / "R2")] == [["tier"]]


def test_the_mark_of_a_csv_in_a_key_is_no_part_of_it(
    batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """A script that reads a CSV without knowing of its byte order mark writes JSON whose first key
    begins with it; the columns of a CSV are read without, wherever it stands."""
    c, p = "10c52dcf-a6e0-4161-ab18-72cb1751a690", "929d00ed-653e-5179-9930-0ba179e0f780"
    first = {"\ufeffconversationId": c, "participantId": p, "\u200battr.tier": "gold"}
    (tmp_path / "a.jsonl").write_text(json.dumps(first) + "\n", "utf-8")
    named = f'"\u2060attr.\u200btier","\ufeffconversationId",participantId\ngold,{c},{p}\n'
    (tmp_path / "a.csv").write_text(named, "utf-8")
    for name in ("a.jsonl", "a.csv"):
        checked = json.loads(batchpatch("check", name, "--json").stdout)
        assert (checked["valid"], checked["attributes"]) == (1, ["tier"])
