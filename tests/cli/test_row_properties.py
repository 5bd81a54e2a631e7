"""What a row says of itself, from the flag to the report and to the next command."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Results = Callable[[Path], list[dict[str, Any]]]
HEADER = "ticket,conversationId,participantId,attr.a,how"
FLAGS = ("--id", "ticket", "--priority", "how", "--deadline", "1h")


def ids(number: int) -> tuple[str, str]:
    return str(uuid.UUID(int=1000 + number)), str(uuid.UUID(int=5000 + number))


def test_the_rows_of_a_csv_are_told_by_their_ids(
    batchpatch: Run, results: Results, tmp_path: Path
) -> None:
    """In the results, in the failed file and in the command that sends it again."""
    lines = [",".join((f"t{n}", *ids(n), "x", "high" if n == 2 else "")) for n in (1, 2)]
    lines += ["t3,bad,bad,x,high", ",".join(("t4", *ids(4), "x", "soon"))]
    (tmp_path / "rows.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    done = batchpatch("run", "rows.csv", "--sandbox", "--out", "r", *FLAGS, "--json")
    found = {line["id"]: line for line in results(tmp_path / "r")}
    assert {name: line.get("code") for name, line in found.items()} == {
        "t1": None,
        "t2": None,
        "t3": "bad_conversation_id",
        "t4": "bad_priority",
    }
    with (tmp_path / "r" / "failed.csv").open() as file:
        assert [(row["ticket"], row["how"]) for row in csv.DictReader(file)] == [
            ("t3", "high"),
            ("t4", "soon"),
        ]
    again = shlex.split(json.loads(done.stdout)["send_failed"])
    assert [word for word in again if word in FLAGS] == list(FLAGS)
    done = batchpatch(*again[1:], "--out", "s")
    assert [(line["id"], line["code"]) for line in results(tmp_path / "s")] == [
        ("t3", "bad_conversation_id"),
        ("t4", "bad_priority"),
    ]


def test_a_resumed_run_reads_the_same_ids(
    batchpatch: Run, results: Results, tmp_path: Path
) -> None:
    """Which columns they are is in the run's record, not in the command that resumes it."""
    lines = [",".join((f"t{n}", *ids(n), "x", "")) for n in range(1, 5)]
    (tmp_path / "rows.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    batchpatch("run", "rows.csv", "--sandbox", "--out", "r", "--limit", "2", *FLAGS)
    done = batchpatch("resume", "r", "--sandbox")
    assert done.returncode == 0, done.stderr
    assert [line["id"] for line in results(tmp_path / "r")] == ["t1", "t2", "t3", "t4"]
    assert json.loads((tmp_path / "r" / "run.json").read_text())["options"]["read"]["deadline_s"]


def test_the_keys_of_a_line_need_no_flag(batchpatch: Run, results: Results, tmp_path: Path) -> None:
    """A line of JSON is written by a program, which means what it says; `check` shows it."""
    conversation, participant = ids(1)
    row = {"conversationId": conversation, "participantId": participant, "attributes": {"a": "x"}}
    rows = [{"id": 7, "priority": "high", "deadline": 60, **row}, {"id": "t2", **row}]
    rows.append({"id": "t3", **row, "priority": "soon"})
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    checked = batchpatch("check", "rows.jsonl")
    assert "id of the row, for its result" in checked.stdout
    assert "priority of the row: high or normal" in checked.stdout
    (invalid,) = json.loads(batchpatch("check", "rows.jsonl", "--json").stdout)["invalid_rows"]
    assert (invalid["id"], invalid["code"]) == ("t3", "bad_priority")
    batchpatch("run", "rows.jsonl", "--sandbox", "--out", "r")
    assert [line["id"] for line in results(tmp_path / "r")] == ["7", "t2", "t3"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--deadline", "0"), "--deadline 0: 0.001s at least"),
        (("--deadline", "soon"), "--deadline soon: write it like 90s"),
        (("--id", ""), "--id is empty"),
        (("--id", "a", "--map", "id=b"), "--map id=... is given twice"),
        (("--id", "a"), "--map id=a: rows.csv has no such column"),
    ],
)
def test_a_wrong_flag_is_a_sentence(
    words: tuple[str, ...], told: str, batchpatch: Run, tmp_path: Path
) -> None:
    """Before anything is sent."""
    (tmp_path / "rows.csv").write_text(f"{HEADER}\nt,{','.join(ids(1))},x,high\n")
    done = batchpatch("run", "rows.csv", "--sandbox", *words)
    assert done.returncode == 2
    assert told in done.stderr
