"""Every command that is printed works as it stands: it is run here, word for word."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_process import wait_for_lines

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Results = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture
def paste(
    tmp_path: Path, environment: dict[str, str], credentials: dict[str, str]
) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs a command line in a shell, where `batchpatch` is the program."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        import sys

        program = shlex.join([sys.executable, "-m", "batchpatch"])
        script = f'batchpatch() {{ {program} "$@"; }}; {line}'
        return subprocess.run(
            ["/usr/bin/env", "bash", "-c", script],
            cwd=tmp_path,
            env=environment | credentials,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


Paste = Callable[[str], subprocess.CompletedProcess[str]]


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What --json printed."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def know(sandbox: Any, rows: Path) -> None:
    """The sandbox knows the participants of a file, with the values before."""
    ids = [line.split(",")[:2] for line in rows.read_text(encoding="utf-8").splitlines()[1:]]
    sandbox.know(
        *(
            {"conversationId": one, "participantId": two, "attributes": {"result": "old"}}
            for one, two in ids
        )
    )


def test_resume_names_the_host_again(
    start_batchpatch: Start,
    paste: Paste,
    sandbox: Any,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """A run's directory is no authority on where a secret goes; the pasted command is."""
    words = ("--api-url", sandbox.url, "--rate", "50/s", "--json", "--out", "r")
    process = start_batchpatch("run", str(make_rows(200)), *words, env=credentials)
    wait_for_lines(tmp_path / "r" / "results.jsonl", 20)
    process.send_signal(signal.SIGHUP)
    stopped, _ = process.communicate(timeout=20)
    command = json.loads(stopped)["resume"]
    assert shlex.split(command) == ["batchpatch", "resume", "r", "--api-url", sandbox.url]
    done = paste(f"{command} --rate none --json")
    assert document(done)["outcomes"] == {"updated": 200}


def test_a_run_in_a_sandbox_of_its_own_goes_on_in_another(
    batchpatch: Run, paste: Paste, make_rows: Callable[..., Path]
) -> None:
    """Its sandbox has ended with it; without the flag the rest would go to the platform."""
    words = ("--sandbox", "--fault", "status=400,rate=0.5,times=always", "--limit", "20")
    first = batchpatch("run", str(make_rows(40)), *words, "--seed", "5", "--out", "r", "--json")
    found = document(first)
    assert shlex.split(found["send_failed"])[-1] == "--sandbox"
    assert document(paste(found["send_failed"] + " --json"))["exit_code"] == 0
    assert shlex.split(found["resume"]) == ["batchpatch", "resume", "r", "--sandbox"]
    assert document(paste(found["resume"] + " --json"))["rows"] == 40
    plain = batchpatch("resume", "r")
    assert (plain.returncode, "--sandbox" in plain.stderr) == (2, True)
    assert found["undo"] is None


def test_an_undo_in_a_sandbox_of_its_own_is_refused(
    batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """What it wrote is gone with it."""
    words = ("--sandbox", "--keep-before", "--out", "r")
    batchpatch("run", str(make_rows(3)), *words)
    done = batchpatch("undo", "r")
    assert (done.returncode, "nothing to undo" in done.stderr) == (2, True)


def test_failed_rows_of_an_undo_are_guarded_after_a_resume_too(
    batchpatch: Run,
    paste: Paste,
    sandbox: Any,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
) -> None:
    """Without the guard the command overwrote what somebody else had set since."""
    rows = make_rows(30)
    know(sandbox, rows)
    at = ("--api-url", sandbox.url)
    first = batchpatch(
        "run", str(rows), *at, "--keep-before", "--out", "r", "--json", env=credentials
    )
    undo = document(first)["undo"]
    assert undo == f"batchpatch undo r --api-url {sandbox.url}"
    who = "00000000-0000-0000-0000-000000000002"
    conversation = "00000000-0000-0000-0000-000000000001"
    changed = {"conversationId": conversation, "participantId": who}
    sandbox.know(changed | {"attributes": {"result": "somebody else's"}})
    sandbox.set_faults("status=404,rate=0.5,times=always")
    undone = document(paste(f"{undo} --out u --json"))
    assert undone["outcomes"]["conflict"] == 1
    sandbox.set_faults()
    resumed = document(batchpatch("resume", "u", "--json", *at, env=credentials))
    for found in (undone, resumed):
        assert "--guard" in shlex.split(found["send_failed"])
    again = document(paste(f"{resumed['send_failed']} --json"))
    assert again["outcomes"]["conflict"] == 1
    assert sandbox.state()[who]["result"] == "somebody else's"
    others = [one for key, one in sandbox.state().items() if key != who]
    assert {one["result"] for one in others} == {"old"}


def test_a_plan_is_run_as_it_was_made(
    batchpatch: Run,
    paste: Paste,
    sandbox: Any,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
) -> None:
    """What was mapped and set is in the plan already; where to and how fast is not."""
    rows = make_rows(5)
    know(sandbox, rows)
    words = (*("--set", "campaign=closed", "--only-keys", "result,note,campaign"), "--quiet")
    more = ("--api-url", sandbox.url, "--concurrency", "3", "--verify=50%", "--json")
    made = document(
        batchpatch("plan", str(rows), *words, *more, "--out", "my plan.jsonl", env=credentials)
    )
    assert shlex.split(made["run"]) == [
        *("batchpatch", "run", "my plan.jsonl", "--verify=50%", "--concurrency", "3"),
        *("--api-url", sandbox.url),
    ]
    assert document(paste(f"{made['run']} --json"))["outcomes"] == {"updated": 5}


def test_what_cannot_work_is_not_printed(batchpatch: Run, make_rows: Callable[..., Path]) -> None:
    """A pipe that was not kept can neither be resumed nor be read again for its failed rows."""
    rows = make_rows(40).read_text(encoding="utf-8")
    words = ("--sandbox", "--no-spool", "--limit", "20", "--out", "r", "--json")
    faults = ("--fault", "status=400,rate=0.5,times=always")
    done = batchpatch("run", "-", *words, *faults, stdin=rows)
    found = document(done)
    assert found["outcomes"]["rejected"] > 0
    assert (found["resume"], found["send_failed"], found["undo"]) == (None, None, None)
    assert "batchpatch resume" not in done.stderr


@pytest.mark.parametrize("name", ["a b", "it's", "-x", "ro\x1b[31mws", "r\udcff", "$(id)"])
def test_any_name_can_be_pasted(
    name: str, batchpatch: Run, paste: Paste, make_rows: Callable[..., Path]
) -> None:
    """A directory may be called anything, and the command must mean that one."""
    words = ("--sandbox", "--limit", "2", "--json", f"--out={name}")
    found = document(batchpatch("run", str(make_rows(4)), *words))
    assert found["resume"].isprintable()
    done = paste(f"{found['resume']} --json")
    assert document(done)["outcomes"] == {"updated": 4}, done.stderr


def test_failed_rows_are_in_the_encoding_that_their_command_names(
    batchpatch: Run, paste: Paste, tmp_path: Path, sandbox: Any, credentials: dict[str, str]
) -> None:
    """Another encoding would garble names that nobody can delete."""
    ids = [f"3f2504e0-4f89-41d3-9a0c-0305e82c33{number:02}" for number in range(2)]
    row = {"conversationId": ids[0], "participantId": ids[1], "attributes": {"Prüfung": "ä"}}
    line = json.dumps(row, ensure_ascii=False) + "\n"
    (tmp_path / "rows.jsonl").write_text(line, encoding="cp1252")
    sandbox.set_faults("status=404,rate=1,times=always")
    words = ("--encoding", "cp1252", "--api-url", sandbox.url, "--json")
    found = document(batchpatch("run", "rows.jsonl", *words, env=credentials))
    sandbox.set_faults()
    done = document(paste(f"{found['send_failed']} --json"))
    assert done["outcomes"] == {"updated": 1}
    assert sandbox.state()[ids[1]] == {"Prüfung": "ä"}


def test_conflicts_with_a_plan_are_planned_again(
    batchpatch: Run,
    paste: Paste,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
) -> None:
    """Sent again with their guard they conflict for ever; what each command prints leads on."""
    rows = make_rows(3)
    know(sandbox, rows)
    at = ("--api-url", sandbox.url)
    batchpatch("plan", str(rows), "--out", "p.jsonl", *at, env=credentials)
    conversation, participant = rows.read_text(encoding="utf-8").splitlines()[1].split(",")[:2]
    theirs = {"conversationId": conversation, "participantId": participant}
    sandbox.know(theirs | {"attributes": {"result": "somebody else's"}})
    done = batchpatch("run", "p.jsonl", "--guard", *at, "--out", "r", "--json", env=credentials)
    found = document(done)
    again = f"batchpatch plan r/failed.jsonl --out r.plan.jsonl --guard {' '.join(at)}"
    assert (found["next"], found["send_failed"]) == (again, None)
    assert (
        f"1 row is in conflict. To plan the failed rows again, from what is there now:\n  {again}\n"
        in done.stderr
    )
    assert document(batchpatch("status", "r", "--json"))["next"] == again
    planned = paste(found["next"])
    assert planned.returncode == 0, planned.stderr
    assert "r.plan-2.jsonl" in document(batchpatch("status", "r", "--json"))["next"]
    (command,) = [line for line in planned.stderr.splitlines() if "batchpatch run" in line]
    assert "--guard" in command
    sent = paste(command)
    assert sent.returncode == 0, sent.stderr
    assert sandbox.state()[participant]["result"] != "somebody else's"
