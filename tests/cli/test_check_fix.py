"""`check --fix`: valid rows in one file, the others with their reasons in another."""

from __future__ import annotations

import csv
import json
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    Batchpatch = Callable[..., CompletedProcess[str]]

CASES = Path(__file__).parents[1] / "reading" / "cases"
C = "10c52dcf-a6e0-4161-ab18-72cb1751a690"
P = "929d00ed-653e-5179-9930-0ba179e0f780"
TEXT = (
    f"Report of July\nconversationId;participantId;attr.a;note\n{C};{P};Köln;\n{C};nobody;x;mine\n"
    f'\n{C};{P};"1;2"\n{C};{P};"1;2";\n'
)
READ = ["--skip-lines", "1", "--encoding", "cp1252"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A CSV that is not UTF-8, with a title, two invalid rows and a blank one."""
    path = tmp_path / "rows.csv"
    path.write_bytes(TEXT.encode("cp1252"))
    return path


def test_rows_are_sorted_into_two_files(batchpatch: Batchpatch, rows: Path, tmp_path: Path) -> None:
    """In the input's own columns, delimiter and encoding; what is printed is what was written, and
    the command works as pasted."""
    done = batchpatch("check", rows.name, *READ, "--fix", "out.csv")
    assert done.returncode == 1
    assert done.stdout.endswith(
        "out.csv: 2 valid rows\nout.invalid.csv: 2 invalid rows, with the reasons\n"
        "To send the valid rows:\n  batchpatch run out.csv --encoding cp1252\n"
    )
    kept = (tmp_path / "out.csv").read_bytes().decode("cp1252")
    assert kept.splitlines() == [
        "conversationId;participantId;attr.a;note",
        f"{C};{P};Köln;",
        f'{C};{P};"1;2";',
    ]
    text = (tmp_path / "out.invalid.csv").read_bytes().decode("cp1252")
    others = list(csv.DictReader(text.splitlines(), delimiter=";"))
    assert [row["batchpatch_error"].partition(":")[0] for row in others] == [
        "bad_participant_id",
        "ragged",
    ]
    assert others[0]["note"] == "mine"
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600
    sent = batchpatch("run", "out.csv", "--encoding", "cp1252", "--sandbox")
    assert sent.returncode == 0, sent.stderr


def test_nothing_is_written_over(batchpatch: Batchpatch, rows: Path, tmp_path: Path) -> None:
    """Unless it is said; and never the input. What an earlier check has left beside goes then."""
    for name in ("out.csv", "out.invalid.csv"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
        done = batchpatch("check", rows.name, *READ, "--fix", "out.csv")
        assert (done.returncode, f"{name} is there already" in done.stderr) == (2, True)
        (tmp_path / name).unlink()
    (tmp_path / "out.invalid.csv").write_text("of an earlier check", encoding="utf-8")
    good = tmp_path / "good.csv"
    good.write_text(f"conversationId,participantId,attr.a\n{C},{P},x\n", encoding="utf-8")
    done = batchpatch("check", "good.csv", "--fix", "out.csv", "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "out.invalid.csv").exists()
    done = batchpatch("check", rows.name, *READ, "--fix", "./rows.csv", "--force")
    assert (done.returncode, "is the input itself" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rows.csv", "good.csv", "--fix", "out.csv"], "--fix takes one input"),
        (["-", "--fix", "out.csv"], "--fix reads its input twice"),
        (["rows.csv", "--limit", "1", "--fix", "out.csv"], "leave out --limit"),
        (["rows.csv", "--fix", "nowhere/out.csv"], "nowhere is no directory"),
        (["rows.csv", "--fix", "-"], "--fix writes two files, which - cannot name"),
        (["rows.csv", "--fix", "/proc/out.csv"], "/proc/out.csv cannot be written: "),
        (["rows.csv", "--fix", "."], ". is a directory"),
        (["rows.csv", "--fix", "out.jsonl"], "a CSV is written, so end it with .csv"),
    ],
)
def test_what_cannot_be_sorted(
    batchpatch: Batchpatch, rows: Path, words: list[str], sentence: str
) -> None:
    """One sentence, and no file."""
    rows.with_name("good.csv").write_text("conversationId,participantId,attr.a\n")
    done = batchpatch("check", *words, *READ, stdin="")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not any(path.name.startswith("out") for path in rows.parent.iterdir())


def test_json_keeps_its_lines(batchpatch: Batchpatch, tmp_path: Path) -> None:
    """`1.10` keeps its digits; and one document says what was written."""
    good = f'{{"conversationId": "{C}", "participantId": "{P}", "attributes": {{"a": 1.10}}}}'
    (tmp_path / "rows.jsonl").write_text(f'{good}\n{{"broken": \n{good}\n', encoding="utf-8")
    done = batchpatch("check", "rows.jsonl", "--fix", "out.jsonl", "--json")
    assert json.loads(done.stdout)["fixed"] == {
        "out": "out.jsonl",
        "valid": 2,
        "rest": "out.invalid.jsonl",
        "invalid": 1,
    }
    assert (tmp_path / "out.jsonl").read_text("utf-8") == f"{good}\n{good}\n"
    assert "bad_json" in (tmp_path / "out.invalid.jsonl").read_text("utf-8")


def test_a_record_that_cannot_be_read_keeps_its_text(
    batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """It can be mended there."""
    shutil.copy(CASES / "stray_opening_quote.csv", tmp_path / "rows.csv")
    batchpatch("check", "rows.csv", "--fix", "out.csv")
    with (tmp_path / "out.invalid.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["batchpatch_text"].endswith('"urgent call')


def test_a_workbook_becomes_csv_files(batchpatch: Batchpatch, tmp_path: Path) -> None:
    """With the mark by which a spreadsheet knows UTF-8; what was invalid is invalid again."""
    book = openpyxl.Workbook()
    book.active.append(["conversationId", "participantId", "attr.a"])
    book.active.append([C, P, "ü"])
    book.active.append([C, P, 12345678901234567])
    book.save(tmp_path / "rows.xlsx")
    flags = ["--sheet", "Sheet", "--delimiter", ";", "--encoding", "cp1252", "--format", "csv"]
    done = batchpatch("check", "rows.xlsx", *flags, "--fix", "out.csv")
    assert done.stdout.endswith("  batchpatch run out.csv\n")
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbfconversationId")
    assert "1 row: 1 valid" in batchpatch("check", "out.csv").stdout
    assert "1 row: 0 valid" in batchpatch("check", "out.invalid.csv").stdout


def test_without_a_valid_row_there_is_nothing_to_send(
    batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """A command that sends nothing would only be refused."""
    (tmp_path / "bad.csv").write_text("conversationId,participantId,attr.a\nx,y,z\n")
    done = batchpatch("check", "bad.csv", "--fix", "out.csv")
    assert done.stdout.endswith("out.invalid.csv: 1 invalid row, with the reasons\n")


@pytest.mark.parametrize("mark", ["^", ";"])
def test_a_delimiter_that_the_file_names_itself_is_known_again(
    mark: str, batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """`sep=^` is written above the valid rows, and failed rows tell theirs by their first column:
    no detection would find it, or a header with more commas misleads it."""
    rows = ["conversationId,participantId,attr.tier".replace(",", mark) + mark + "attr.a,b,c,d,e"]
    rows += [mark.join((who, P, "gold", "x")) for who in (C, "nobody")]
    (tmp_path / "rows.csv").write_text("\n".join([f"sep={mark}", *rows, ""]), "utf-8")
    batchpatch("check", "rows.csv", "--fix", "out.csv")
    batchpatch("run", "rows.csv", "--sandbox", "--out", "R")
    for name, code in (("out.csv", 0), ("out.invalid.csv", 1), ("R/failed.csv", 1)):
        done = batchpatch("check", name, "--json")
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout)["attributes"] == ([] if code else ["tier", "a,b,c,d,e"])


def test_two_lines_that_became_one_can_be_parted_again(
    batchpatch: Batchpatch, tmp_path: Path
) -> None:
    """The header that a row has swallowed is no other table in the file of invalid rows."""
    text = f"conversationId,participantId,attr.a\n{C},{P},x"
    (tmp_path / "rows.csv").write_text(f"{text}{text}\n", "utf-8")
    assert batchpatch("check", "rows.csv", "--fix", "out.csv").returncode == 1
    done = batchpatch("check", "out.invalid.csv")
    assert (done.returncode, "1 row: 0 valid, 1 invalid" in done.stdout) == (1, True)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_full_disk_leaves_neither_file(
    batchpatch: Batchpatch, rows: Path, tmp_path: Path
) -> None:
    """The smaller one got its name, and then the same command was refused because of it."""
    import resource

    rows.write_bytes((TEXT + f"{C};{P};{'x' * 3000};\n").encode("cp1252"))
    done = batchpatch(
        *("check", rows.name, *READ, "--fix", "out.csv"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert done.returncode == 2
    assert "out.csv cannot be written: disk full; free some space and try again" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [rows.name]
    assert batchpatch("check", rows.name, *READ, "--fix", "out.csv").returncode == 1
