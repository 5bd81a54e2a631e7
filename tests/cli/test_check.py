"""`batchpatch check`: its report is what was asked for, so it is on standard output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
IDS = "3f2504e0-4f89-41d3-9a0c-0305e82c3301,3f2504e0-4f89-41d3-9a0c-0305e82c3302"


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    """Ten rows with one fault, one with another, and one that is valid."""
    lines = [f"bad,{IDS[:36]},x"] * 10 + [f"{IDS[:36]},,x", f"{IDS},x"]
    text = "\n".join(["conversationId,participantId,attr.a", *lines])
    (tmp_path / "rows.csv").write_text(text + "\n")
    return "rows.csv"


def test_equal_faults_are_grouped(batchpatch: Run, faulty: str) -> None:
    """A million rows with one mistake are one mistake: the most frequent first, three examples."""
    done = batchpatch("check", faulty)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    first = lines.index("10 invalid rows, bad_conversation_id:")
    assert [line.split(":")[0] for line in lines[first + 1 : first + 4]] == [
        f"  line {number + 1} (row {number})" for number in (1, 2, 3)
    ]
    assert lines[first + 4] == "  ... and 7 more; --all prints every one."
    assert "1 invalid row, missing_participant:" in lines[first + 5 :]


def test_every_fault_is_printed_where_all_are_asked_for(batchpatch: Run, faulty: str) -> None:
    """For whoever mends them in an editor."""
    done = batchpatch("check", faulty, "--all")
    assert done.stdout.count("the conversation id is not a UUID") == 10


def test_the_document_has_the_field_names_of_the_results(batchpatch: Run, faulty: str) -> None:
    """A program that reads results.jsonl reads this too."""
    document = json.loads(batchpatch("check", faulty, "--json").stdout)
    assert len(document["invalid_rows"]) == 11
    first = document["invalid_rows"][0]
    assert (first["row"], first["line"], first["source"]) == (1, 2, faulty)
    assert (first["outcome"], first["code"]) == ("invalid", "bad_conversation_id")
    assert document["exit_code"] == 1


def test_an_input_that_breaks_off_leaves_one_document(batchpatch: Run, tmp_path: Path) -> None:
    """The list of invalid rows is written as they are found; what ends it closes the document."""
    lines = ["conversationId,participantId,attr.a", "bad,bad,x", *[f"{IDS},x"] * 2000]
    text = "\n".join(lines).encode() + b"\xff\xfe\n"
    (tmp_path / "rows.csv").write_bytes(text)
    done = batchpatch("check", "rows.csv", "--json")
    document = json.loads(done.stdout)
    assert (document["exit_code"], done.returncode) == (2, 2)
    assert "error" in document


def test_attributes_are_named_wherever_they_come_from(batchpatch: Run, tmp_path: Path) -> None:
    """In JSONL they stand in no header, and --set is in no file: a typo has to be seen here."""
    conversation, participant = IDS.split(",")
    row = {"conversationId": conversation, "participantId": participant}
    rows = [row | {"attributes": {"tier": "a"}}, row | {"attributes": {"teir": "b"}}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    done = batchpatch("check", "rows.jsonl", "--set", "campaign=closed")
    assert "attributes: tier, campaign, teir" in done.stdout


def test_there_are_no_more_participants_than_rows(batchpatch: Run, tmp_path: Path) -> None:
    """Beyond some ten thousand they are estimated, and the estimate may be too high."""
    rows = batchpatch("sandbox", "rows", "--count", "30000", "--seed", "3")
    (tmp_path / "rows.csv").write_text(rows.stdout)
    document = json.loads(batchpatch("check", "rows.csv", "--json").stdout)
    assert document["participants"] <= document["rows"] == 30_000
    assert document["conversations"] <= 30_000


def test_what_skipping_saves_is_compared_with_the_same_run_without_it(
    batchpatch: Run, tmp_path: Path
) -> None:
    """`--keep-before` reads each conversation as well: then the reads are no price of skipping."""
    rows = [f"00000000-0000-4000-8000-{number:012},{IDS[:36]},x" for number in range(20)]
    (tmp_path / "rows.csv").write_text(
        "\n".join(["conversationId,participantId,attr.a", *rows, ""])
    )
    for more, requests in ((), 20), (("--keep-before",), 40):
        alone = batchpatch("check", "rows.csv", *more).stdout
        assert f"\n{requests} requests" in alone
        both = batchpatch("check", "rows.csv", "--skip-unchanged", *more).stdout
        assert f"\nwithout it: {requests} requests" in both
        assert "\nwith --skip-unchanged, all differs: 40 requests" in both
