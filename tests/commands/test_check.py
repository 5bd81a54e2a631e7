"""The offline dry run says what a run would do, and loads nothing that a run would need."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from batchpatch.commands.check import check
from batchpatch.errors import InputError
from batchpatch.options.read import ReadOptions
from batchpatch.options.run import MergeOptions, PaceOptions, Rate
from batchpatch.pipeline import row_sorting
from batchpatch.pipeline.failed_files import raw_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batchpatch.model import InvalidRow
    from batchpatch.reading.inputs import Input
    from batchpatch.recording.failed_objects import RawRecord

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
HEADER = "conversationId,participantId,attr.tier,note\n"


def participant(number: int) -> str:
    return f"16fd2706-8baf-433b-82eb-{number:012x}"


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    """Five rows of three participants: one asks for nothing, one is invalid, two meet."""
    path = tmp_path / "mixed.csv"
    rows = [(1, "gold"), (2, "x"), (1, "silver"), (3, "")]
    lines = "".join(f"{C},{participant(who)},{tier},n\n" for who, tier in rows)
    path.write_text(f"{HEADER}{lines}{C},oops,topsecret,n\n")
    return str(path)


def test_the_report_says_what_a_run_would_do(mixed: str) -> None:
    """Rows, what they come to, and how the columns were understood."""
    report = check([mixed], pace=PaceOptions(Rate(0.5), assumed=None))
    assert (report.rows, report.valid, report.invalid, report.nothing_to_set) == (5, 4, 1, 1)
    assert (report.participants, report.participants_exact) == (2, True)
    assert (report.requests, report.duration_s) == (2, 4.0)
    assert report.exit_code == 1
    assert report.notices == []
    (one,) = report.inputs
    assert (one.name, one.format, one.encoding) == (mixed, "csv", "utf-8")
    assert [use.use for use in one.columns] == [
        "conversation id",
        "participant id",
        "attribute tier",
        "not sent",
    ]


def test_reading_back_is_in_the_time_that_programs_read_too(mixed: str) -> None:
    """The screen has said so before; `--json` left it out, and so half of the time."""
    pace = PaceOptions(Rate(0.5), assumed=None)
    report = check([mixed], pace=pace, looks_each=1.0)
    assert (report.requests, report.looks, report.duration_s) == (2, 1, 6.0)
    assert [check([mixed], looks_each=each).looks for each in (0.0, 0.05, 1.05)] == [0, 1, 2]


def test_each_invalid_row_is_told_once_without_its_values(mixed: str) -> None:
    """With the line, what is wrong and what to do."""
    told: list[InvalidRow] = []
    check([mixed], on_invalid=told.append)
    ((row),) = told
    assert (row.number, row.line, row.code) == (5, 6, "bad_participant_id")
    assert "topsecret" not in str(row)


def test_inputs_are_checked_together(mixed: str, tmp_path: Path) -> None:
    """A participant in two files is one participant, and each file is shown as understood."""
    other = tmp_path / "other.jsonl"
    line = '{"conversationId":"%s","participantId":"%s","attributes":{"context.genesys.x":"1"}}\n'
    other.write_text(line % (C, participant(1)))
    report = check([mixed, str(other)])
    assert (report.rows, report.participants, report.requests) == (6, 2, 2)
    assert [one.format for one in report.inputs] == ["csv", "jsonl"]
    assert "context.genesys.x" in report.notices[0]
    assert report.duration_s is not None
    assert report.duration_s < 1


def test_a_sound_input_exits_with_zero(tmp_path: Path) -> None:
    """Scripts go by the exit code."""
    path = tmp_path / "rows.csv"
    path.write_text(f"{HEADER}{C},{participant(1)},gold,\n")
    assert check([str(path)]).exit_code == 0


def test_requests_depend_on_the_window(tmp_path: Path) -> None:
    """The dry run prices the merging that was asked for."""
    path = tmp_path / "rows.csv"
    rows = "".join(f"{C},{participant(n % 5000)},{n},n\n" for n in range(10_000))
    path.write_text(HEADER + rows)
    assert check([str(path)], merge=MergeOptions(window_rows=10_000)).requests == 5000
    assert check([str(path)], merge=MergeOptions(window_rows=1000)).requests == 10_000


def test_many_participants_are_estimated_and_said_to_be(tmp_path: Path) -> None:
    """Memory does not grow with the input."""
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + "".join(f"{C},{participant(n)},x,n\n" for n in range(120_000)))
    report = check([str(path)])
    assert not report.participants_exact
    assert report.participants == pytest.approx(120_000, rel=0.02)  # hashes are not fixed here
    assert report.requests == 120_000


def test_options_reach_the_reader(mixed: str) -> None:
    """What `check` shows is what a run with these options does."""
    report = check([mixed], read=ReadOptions(attributes=("note",), limit=4))
    assert (report.rows, report.valid, report.nothing_to_set) == (4, 4, 0)
    assert report.inputs[0].columns[3].use == "attribute note"


def test_an_unusable_input_is_one_sentence(tmp_path: Path) -> None:
    """The command line exits with 2 on it."""
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no conversation column"):
        check([str(path)])


@pytest.mark.parametrize("module", ["batchpatch.commands.check", "batchpatch.cli"])
def test_checking_loads_no_network_stack(module: str) -> None:
    """`check` and `--help` answer at once, on machines that will never send anything."""
    program = f"import sys, {module}; print(*sorted({{'aiohttp', 'uvloop'}} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_an_input_that_shrinks_while_it_is_sorted_is_a_sentence(
    mixed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read twice at the same time, and somebody may save it in between."""

    def shrunk(opened: Input, first: int) -> Iterator[RawRecord]:
        return islice(raw_records(opened, first), 2)

    monkeypatch.setattr(row_sorting, "raw_records", shrunk)
    with pytest.raises(InputError, match="has changed while it was read"):
        check([mixed], fix=str(tmp_path / "out.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["mixed.csv"]
