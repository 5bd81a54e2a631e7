"""What an undo cannot know or cannot bring back it says; what it finds goes where values may be."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
CONVERSATION, PARTICIPANT, OTHER = (str(uuid.UUID(int=number)) for number in (1000, 2000, 3000))


@pytest.fixture
def place(start_sandbox: Callable[..., Any], credentials: dict[str, str], tmp_path: Path) -> Any:
    """A sandbox that knows a participant with one attribute, an input for two, credentials."""
    sandbox = start_sandbox()
    tell(sandbox, tier="silver")
    tell(sandbox, OTHER)
    path = tmp_path / "rows.csv"
    path.write_text(
        "conversationId,participantId,attr.tier,attr.note\n"
        f"{CONVERSATION},{PARTICIPANT},gold,private\n{CONVERSATION},{OTHER},gold,private\n"
    )
    return sandbox


def tell(sandbox: Any, who: str = PARTICIPANT, /, **attributes: str) -> None:
    """Somebody else sets these."""
    sandbox.know(
        {
            "conversationId": CONVERSATION,
            "participantId": who,
            "purpose": "customer",
            "attributes": attributes,
        }
    )


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def kept(batchpatch: Run, place: Any, credentials: dict[str, str]) -> Any:
    """A run that has kept the values before."""
    words = ["--api-url", place.url, "--keep-before", "--out", "r"]
    done = batchpatch("run", "rows.csv", *words, env=credentials)
    assert done.returncode == 0, done.stderr
    return place


def test_a_purged_run_cannot_be_undone(
    batchpatch: Run, kept: Any, credentials: dict[str, str]
) -> None:
    """Calling it a run that changed nothing would leave the values changed, with exit code 0."""
    before = kept.state()
    assert batchpatch("purge", "r").returncode == 0
    for _ in range(2):  # a second purge finds nothing, and forgets nothing
        done = batchpatch("undo", "r", env=credentials)
        assert done.returncode == 2
        assert "was purged (undo.jsonl)" in done.stderr
        assert "cannot be undone" in done.stderr
        assert batchpatch("purge", "r").returncode == 0
    assert kept.state() == before


def test_values_that_somebody_else_removed_are_missed(
    batchpatch: Run, kept: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """The results tell that something was sent, whoever took the file away."""
    (tmp_path / "r" / "undo.jsonl").unlink()
    done = batchpatch("undo", "r", env=credentials)
    assert done.returncode == 2
    assert "undo.jsonl is not there any more" in done.stderr


def test_what_could_only_be_blanked_is_counted(
    batchpatch: Run, kept: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Whoever takes a run back has to know that it is not all as it was."""
    done = batchpatch("undo", "r", "--out", "u", env=credentials)
    assert done.returncode == 0, done.stderr
    assert "3 values that had been absent are blank now" in done.stderr
    assert json.loads((tmp_path / "u" / "summary.json").read_text())["blanked"] == 3


def test_only_what_is_blank_is_counted_as_blank(
    batchpatch: Run, place: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """What never took effect is absent still, and is not sent: there is nothing to blank."""
    before = place.state()
    place.set_faults("status=500,rate=1,times=always")
    words = ("--keep-before", "--retries", "0", "--api-url", place.url, "--out", "r")
    batchpatch("run", "rows.csv", *words, env=credentials)
    place.set_faults()
    done = batchpatch("undo", "r", "--out", "u", env=credentials)
    assert (done.returncode, place.state()) == (0, before), done.stderr
    assert "blank now" not in done.stderr
    lines = lines_of(tmp_path / "u" / "results.jsonl")
    assert [(one["outcome"], one["code"]) for one in lines] == [("unchanged", "already_so")] * 2


def test_a_conflict_says_what_was_expected_and_found_where_values_may_be(
    batchpatch: Run, kept: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Without both nobody can decide; and the results go to people who may not see values."""
    tell(kept, tier="platinum")
    done = batchpatch("undo", "r", "--out", "u", env=credentials)
    assert done.returncode == 1
    path = tmp_path / "u" / "conflicts.jsonl"
    (line,) = lines_of(path)
    assert (line["participant_id"], line["expected"]["tier"]) == (PARTICIPANT, ["gold"])
    assert line["found"] == {"tier": "platinum"}
    assert path.stat().st_mode & 0o777 == 0o600
    shown = done.stderr + done.stdout + (tmp_path / "u" / "results.jsonl").read_text()
    assert "platinum" not in shown
    assert batchpatch("purge", "u").returncode == 0
    assert not path.exists()


def test_after_conflicts_the_next_step_is_one_that_can_work(
    batchpatch: Run, kept: Any, credentials: dict[str, str]
) -> None:
    """Sent again with their guard, the same rows can only conflict again. It is asked for as this
    undo was, by the same thresholds and credentials."""
    tell(kept, tier="platinum")
    asked = ("--max-failures", "50", "--max-duration", "1h")
    done = batchpatch("undo", "r", "--out", "u", *asked, env=credentials)
    again = f"batchpatch undo r --force --api-url {kept.url} {' '.join(asked)}"
    said = "1 participant holds what somebody else has set since. To overwrite that with the values"
    assert f"{said} before the run:\n  {again}\n" in done.stderr
    assert "failed.jsonl" not in done.stderr
    told = json.loads(batchpatch("report", "u", "--json").stdout)
    assert (told["next"], told["send_failed"]) == (again, None)
    done = batchpatch(*again.split()[1:], "--out", "f", env=credentials)
    assert (done.returncode, kept.state()[PARTICIPANT]["tier"]) == (0, "silver"), done.stderr


def test_rows_beside_a_plan_that_kept_nothing_are_counted(
    batchpatch: Run, place: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """A plan brings its own values before; the rows that somebody added to it have none."""
    batchpatch(*("plan", "rows.csv", "--api-url", place.url, "--out", "p.jsonl"), env=credentials)
    first, *_ = lines_of(tmp_path / "p.jsonl")
    plain = {"conversationId": CONVERSATION, "participantId": OTHER, "attributes": {"tier": "x"}}
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(json.dumps(first) + "\n" + json.dumps(plain) + "\n")
    batchpatch("run", "mixed.jsonl", "--api-url", place.url, "--out", "r", env=credentials)
    done = batchpatch("undo", "r", env=credentials)
    assert "1 row of that run cannot be taken back" in done.stderr
    assert done.returncode == 1
    assert place.state()[OTHER] == {"tier": "x"}
    again = batchpatch("resume", next(iter((tmp_path / "batchpatch-runs").iterdir())), "--json")
    summary = json.loads(again.stdout)
    assert (summary["unkept"], summary["exit_code"], again.returncode) == (1, 1, 1)


def test_a_dry_run_shows_what_would_be_written(batchpatch: Run, kept: Any, tmp_path: Path) -> None:
    """It asks nobody: no credentials, no request, and no file that was not there."""
    before = sorted(path.name for path in (tmp_path / "r").iterdir())
    requests = kept.get("stats")
    done = batchpatch("undo", "r", "--dry-run")
    assert done.returncode == 0
    assert f"participant {PARTICIPANT} of {CONVERSATION}\n" in done.stdout
    assert '  tier: "gold" -> "silver"\n' in done.stdout
    assert "2 participants to restore: 4 values\n" in done.stdout
    assert "3 of them were absent: blanked" in done.stdout
    assert done.stdout.endswith(f"  batchpatch undo r --api-url {kept.url}\n")
    assert kept.get("stats") == requests
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == before
    found = json.loads(batchpatch("undo", "r", "--dry-run", "--json").stdout)
    assert (found["participants"], found["blanked"], found["exit_code"]) == (2, 3, 0)
    assert "first" not in found


def test_a_dry_run_of_one_value_speaks_of_one(
    batchpatch: Run, place: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """`1 of them were absent` is no sentence."""
    row = {"conversationId": CONVERSATION, "participantId": OTHER, "attributes": {"new": "x"}}
    (tmp_path / "one.jsonl").write_text(json.dumps(row))
    words = ("--keep-before", "--api-url", place.url, "--out", "r")
    assert batchpatch("run", "one.jsonl", *words, env=credentials).returncode == 0
    done = batchpatch("undo", "r", "--dry-run")
    assert "1 participant to restore: 1 value\n  It was absent: blanked, " in done.stdout


def test_a_dry_run_of_what_cannot_be_undone_says_so(batchpatch: Run, place: Any) -> None:
    """It is the first thing that one tries, and must not promise more than the undo keeps."""
    batchpatch("run", "rows.csv", "--sandbox", "--out", "r")
    done = batchpatch("undo", "r", "--dry-run")
    assert (done.returncode, "--keep-before" in done.stderr) == (2, True)


def test_it_is_not_offered_where_the_rows_of_a_merged_patch_were_refused(
    batchpatch: Run, place: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """What went as one and then row by row has an entry for each, and none was taken."""
    place.set_faults("status=400,rate=1,times=always")
    rows = [f"{CONVERSATION},{PARTICIPANT},{tier}" for tier in ("gold", "tin")]
    (tmp_path / "rows.csv").write_text(
        "\n".join(["conversationId,participantId,attr.tier", *rows, ""])
    )
    words = ("run", "rows.csv", "--keep-before", "--api-url", place.url, "--out", "r")
    done = batchpatch(*words, env=credentials)
    assert place.get("stats")["patches"] == 3
    assert "It cannot be undone: it has changed nothing.\n" in done.stderr


def test_it_is_offered_only_while_there_is_something_to_restore(
    batchpatch: Run, place: Any, credentials: dict[str, str]
) -> None:
    """Whoever reads that a run can be undone pastes the command, and trusts it."""
    place.set_faults("status=404,rate=1,times=always")
    words = ("run", "rows.csv", "--keep-before", "--api-url", place.url, "--out")
    done = batchpatch(*words, "lost", env=credentials)
    assert "It cannot be undone: it has changed nothing.\n" in done.stderr
    assert "lost has changed nothing" in batchpatch("undo", "lost", env=credentials).stderr
    assert "lost has changed nothing" in batchpatch("undo", "lost", "--dry-run").stdout
    place.set_faults()
    assert "It can be undone: batchpatch undo r" in batchpatch(*words, "r", env=credentials).stderr
    done = batchpatch("undo", "r", "--out", "u", env=credentials)
    assert "This undo can be undone: batchpatch undo u" in done.stderr
    told = batchpatch("report", "r").stdout
    assert "It cannot be undone: u has taken it back already.\n" in told
    again = batchpatch("undo", "u", "--out", "uu", env=credentials)
    assert again.returncode == 0, again.stderr
    assert place.state()[PARTICIPANT] == {"tier": "gold", "note": "private"}
    assert "It can be undone: batchpatch undo r" in batchpatch("report", "r").stdout
    assert "uu has taken it back already" in batchpatch("report", "u").stdout


@pytest.mark.parametrize("status", [400, 404])
def test_what_a_killed_process_has_written_can_be_restored_though_its_resume_was_refused(
    status: int, batchpatch: Run, kept: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """A kill takes the lines, not what was written; the refusals are of other PATCHes, which have
    numbers of their own."""
    (tmp_path / "r" / "results.jsonl").write_bytes(b"")
    (tmp_path / "r" / "summary.json").unlink()
    kept.set_faults(f"status={status},rate=1,times=always")
    done = batchpatch("resume", "r", env=credentials)
    assert "It can be undone: batchpatch undo r" in done.stderr
    numbers = [line["patch"] for line in lines_of(tmp_path / "r" / "undo.jsonl")]
    assert sorted(numbers) == [1, 2, 3, 4]
    kept.set_faults()
    done = batchpatch("undo", "r", env=credentials)
    assert (done.returncode, kept.state()[PARTICIPANT]["tier"]) == (0, "silver"), done.stderr


def test_a_row_that_is_sent_again_gets_a_number_of_its_own(
    batchpatch: Run, place: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Its line goes with the number, and the entry stays: nobody knows what the first has done."""
    place.set_faults("status=500,rate=1,times=always")
    words = ("--keep-before", "--retries", "0", "--api-url", place.url, "--out", "r")
    batchpatch("run", "rows.csv", *words, env=credentials)
    place.set_faults("status=400,rate=1,times=always")
    batchpatch("resume", "r", "--retry", "rejected", env=credentials)
    assert {line["patch"] for line in lines_of(tmp_path / "r" / "results.jsonl")} == {3, 4}
