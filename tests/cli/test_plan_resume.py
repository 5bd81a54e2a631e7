"""A plan that was stopped or killed is never taken for a whole one, and is finished by resume."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from other_process import wait_for_lines

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quick_lines")

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

PEOPLE = 60
WIDE = "x" * 2000
"""So that the file is not read at once."""


@pytest.fixture
def people(sandbox: Any, tmp_path: Path) -> Any:
    """A sandbox that knows sixty customers, and two rows for each of them in `rows.csv`."""
    ids = [(str(uuid.UUID(int=100 + n)), str(uuid.UUID(int=9000 + n))) for n in range(PEOPLE)]
    sandbox.know(
        *(
            {"conversationId": c, "participantId": p, "attributes": {"tier": f"old-{n}"}}
            for n, (c, p) in enumerate(ids)
        )
    )
    halves = ids[: PEOPLE // 2], ids[PEOPLE // 2 :]
    order = [(*who, tier) for half in halves for tier in ("silver", "gold") for who in half]
    rows = [f"{c},{p},{tier},{WIDE}" for c, p, tier in order]
    path = tmp_path / "rows.csv"
    path.write_text("conversationId,participantId,attr.tier,remark\n" + "\n".join(rows) + "\n")
    return sandbox


@pytest.fixture
def planning(people: Any) -> list[str]:
    """The command, with a window so small that the two rows of a customer do not meet."""
    words = ["plan", "rows.csv", "--window", "20", "--concurrency", "3"]
    return [*words, "--out", "p.jsonl", "--api-url", people.url]


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def assert_whole(path: Path) -> None:
    """The lines lead everybody from what they have to gold, each from where the last has left."""
    tiers = {str(uuid.UUID(int=9000 + n)): f"old-{n}" for n in range(PEOPLE)}
    for line in map(json.loads, lines_of(path)):
        assert line["before"] == {"tier": tiers[line["participantId"]]}
        tiers[line["participantId"]] = line["attributes"]["tier"]
    assert set(tiers.values()) == {"gold"}


def left_in(folder: Path) -> set[str]:
    """The files of a plan that are there."""
    return {path.name for path in folder.iterdir() if path.name.startswith("p.jsonl")}


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [
        (signal.SIGKILL, "p.jsonl", -9),
        (signal.SIGINT, "p.jsonl.partial", 130),
        (signal.SIGTERM, "p.jsonl.run", 130),
    ],
)
def test_a_plan_that_is_stopped_anywhere_is_finished_by_resume(
    number: signal.Signals,
    name: str,
    code: int,
    batchpatch: Run,
    start_batchpatch: Start,
    planning: list[str],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Nothing is missing, nothing is there twice, whichever of its names is given."""
    process = start_batchpatch(*planning, "--rate", "20/s", env=credentials)
    wait_for_lines(tmp_path / "p.jsonl.partial", 65)  # half of them have both their lines
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert left_in(tmp_path) == {"p.jsonl.partial", "p.jsonl.run"}
    done = batchpatch("resume", name, "--rate", "none", env=credentials)
    assert done.returncode == 0, done.stderr
    assert left_in(tmp_path) == {"p.jsonl"}
    assert_whole(tmp_path / "p.jsonl")


def test_a_plan_that_is_not_whole_is_not_run_unless_it_is_asked_for(
    batchpatch: Run,
    people: Any,
    planning: list[str],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Whoever runs it believes that it holds all changes; the sentence says how it gets them."""
    at = ["--api-url", people.url]
    done = batchpatch(
        *planning, "--rate", "10/s", "--max-duration", "2s", "--json", env=credentials
    )
    assert done.returncode == 3, done.stderr
    report = json.loads(done.stdout)
    assert "--max-duration" in report["stopped_because"]
    assert not report["whole"]
    limits = ["--max-duration", "2s"]
    assert report["resume"] == " ".join(["batchpatch resume p.jsonl", *limits, *at])
    partial = tmp_path / "p.jsonl.partial"
    assert 0 < report["participants"] == len(lines_of(partial)) < PEOPLE // 2
    refused = batchpatch("run", "p.jsonl.partial", *at, env=credentials)
    assert refused.returncode == 2
    assert "batchpatch resume p.jsonl" in refused.stderr
    (tmp_path / "moved.partial").write_bytes(partial.read_bytes())
    assert batchpatch("run", "moved.partial", *at, env=credentials).returncode == 2
    assert "gold" not in str(people.state())
    done = batchpatch("run", "p.jsonl.partial", "--partial", "--json", *at, env=credentials)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(lines_of(partial))


def test_a_limit_makes_a_whole_plan_of_its_rows(
    batchpatch: Run, planning: list[str], credentials: dict[str, str], tmp_path: Path
) -> None:
    """It was asked for: nothing has failed, and nothing is left of the state."""
    done = batchpatch(*planning, "--limit", "7", "--json", env=credentials)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["stopped_because"], report["whole"]) == ("limit", True)
    assert left_in(tmp_path) == {"p.jsonl"}
    assert len(lines_of(tmp_path / "p.jsonl")) == 7
    *_, words, command = done.stderr.splitlines()  # with nothing between them
    assert words.startswith("To run it: 7 requests")
    assert command.startswith("  batchpatch run p.jsonl")


def test_the_second_plan_of_that_name_is_refused(
    batchpatch: Run,
    start_batchpatch: Start,
    planning: list[str],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Two that write one file would both be wrong; the first goes on as if nothing had been."""
    process = start_batchpatch(*planning, "--rate", "2/s", env=credentials)
    wait_for_lines(tmp_path / "p.jsonl.partial", 1)
    done = batchpatch(*planning, env=credentials)
    assert done.returncode == 2
    assert "choose another --out" in done.stderr
    assert "Traceback" not in done.stderr
    in_use = batchpatch("resume", "p.jsonl", env=credentials)
    assert in_use.returncode == 3
    assert "in use" in in_use.stderr
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert batchpatch("resume", "p.jsonl", "--rate", "none", env=credentials).returncode == 0
    assert_whole(tmp_path / "p.jsonl")


def test_a_plan_of_no_changes_is_a_plan(
    batchpatch: Run, people: Any, planning: list[str], credentials: dict[str, str]
) -> None:
    """A script plans and runs each night, and most nights nothing has changed."""
    at = ["--api-url", people.url]
    assert batchpatch("run", "rows.csv", *at, env=credentials).returncode == 0
    assert batchpatch(*planning, "--window", "1000", env=credentials).returncode == 0
    done = batchpatch("run", "p.jsonl", "--json", *at, env=credentials)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["rows"], report["outcomes"]) == (0, {})


def test_a_plan_may_go_to_standard_output(
    batchpatch: Run, people: Any, planning: list[str], credentials: dict[str, str], tmp_path: Path
) -> None:
    """For a pipe into grep or jq; there is nothing to resume, and nothing is left behind."""
    before = set(tmp_path.iterdir())
    words = [*planning[:-4], "--out", "-", "--api-url", people.url]
    done = batchpatch(*words, env=credentials)
    assert done.returncode == 0, done.stderr
    (tmp_path / "out.jsonl").write_text(done.stdout)
    assert_whole(tmp_path / "out.jsonl")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "out.jsonl"}


def test_the_counts_of_a_plan_on_a_full_disk_are_those_of_its_file(
    batchpatch: Run, planning: list[str], credentials: dict[str, str], tmp_path: Path
) -> None:
    """It once told of a thousand changes where the file had seventeen."""
    room = 8192

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = batchpatch(*planning, "--json", env=credentials, preexec_fn=limit_files)
    assert done.returncode == 3, done.stderr
    assert "disk full" in done.stderr
    held = lines_of(tmp_path / "p.jsonl.partial")
    assert json.loads(done.stdout)["participants"] == len(held) > 0
    assert all(line.endswith(b"}\n") for line in held)
    assert batchpatch("resume", "p.jsonl", env=credentials).returncode == 0
    assert_whole(tmp_path / "p.jsonl")


@pytest.mark.parametrize("room", [5000, 9000])
def test_a_full_disk_in_the_midst_of_many_lines_makes_no_count_differ(
    room: int,
    batchpatch: Run,
    people: Any,
    planning: list[str],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Lines that one late read has held back are written at once, and the disk takes only some."""
    people.set_faults(f"kind=latency,ms=700,on=read,times=1,conversation={uuid.UUID(int=104)}")
    done = batchpatch(
        *planning,
        "--json",
        env=credentials,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert done.returncode == 3, done.stderr
    told, held = json.loads(done.stdout), lines_of(tmp_path / "p.jsonl.partial")
    assert told["participants"] == len(held)
    assert sum(told[name] for name in ("participants", "unchanged", "unattempted")) == told["rows"]
    assert f"{len(held)} to change" in done.stderr
    shown = [line for line in done.stderr.splitlines() if " of 00000000-" in line]
    assert len(shown) == min(len(held), 20)
    people.set_faults()
    assert batchpatch("resume", "p.jsonl", env=credentials).returncode == 0
    assert_whole(tmp_path / "p.jsonl")


def test_a_pipe_that_was_planned_in_part_is_finished_from_its_copy(
    batchpatch: Run, people: Any, planning: list[str], credentials: dict[str, str], tmp_path: Path
) -> None:
    """It cannot be read twice."""
    words = ["plan", "-", *planning[2:], "--rate", "30/s", "--max-duration", "2s"]
    rows = (tmp_path / "rows.csv").read_text()
    done = batchpatch(*words, stdin=rows, env=credentials)
    assert done.returncode == 3, done.stderr
    done = batchpatch("resume", "p.jsonl", "--rate", "none", env=credentials)
    assert done.returncode == 0, done.stderr
    assert left_in(tmp_path) == {"p.jsonl"}
    assert_whole(tmp_path / "p.jsonl")


def test_too_many_failures_stop_a_plan(
    batchpatch: Run, people: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """The wrong file is noticed before an hour of reads has been spent on it."""
    rows = [f"{uuid.uuid4()},{uuid.uuid4()},x" for _ in range(300)]
    path = tmp_path / "wrong.csv"
    path.write_text("conversationId,participantId,attr.tier\n" + "\n".join(rows) + "\n")
    words = ["--out", "p.jsonl", "--max-failures", "5", "--concurrency", "1"]
    done = batchpatch("plan", "wrong.csv", *words, "--api-url", people.url, env=credentials)
    assert done.returncode == 3, done.stderr
    assert "--max-failures 5" in done.stderr


@pytest.mark.parametrize("planned", [True, False])
def test_a_plan_that_could_not_begin_leaves_nothing(
    planned: bool, batchpatch: Run, people: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """The same command, once it is mended, must not be refused for what the first has left."""
    name = "rows.csv" if planned else "gone.csv"
    env = credentials | ({"GENESYSCLOUD_OAUTHCLIENT_SECRET": ""} if planned else {})
    done = batchpatch("plan", name, "--out", "p.jsonl", "--api-url", people.url, env=env)
    assert done.returncode in (2, 4), done.stderr
    assert left_in(tmp_path) == set()


def test_to_resume_what_is_finished_says_so(
    batchpatch: Run, people: Any, planning: list[str], credentials: dict[str, str]
) -> None:
    """Of a run: nothing was left. Of a plan: that it is whole, and what it is for."""
    at = ["--api-url", people.url]
    batchpatch("run", "rows.csv", "--out", "r", *at, env=credentials)
    done = batchpatch("resume", "r", env=credentials)
    assert done.returncode == 0, done.stderr
    assert "Nothing was left to do" in done.stderr
    assert people.get("stats")["patches_applied"] > 0
    assert batchpatch(*planning, "--limit", "3", env=credentials).returncode == 0
    done = batchpatch("resume", "p.jsonl", env=credentials)
    assert done.returncode == 2
    assert "batchpatch run" in done.stderr


@pytest.mark.parametrize("organisation", [None, str(uuid.UUID(int=9))])
def test_a_plan_goes_on_at_a_host_that_is_named(
    organisation: str | None,
    batchpatch: Run,
    people: Any,
    planning: list[str],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """A gateway, or a mended region, as for a run: all its lines name the one that it is run at,
    and those of another organisation are nobody's there."""
    batchpatch(*planning, "--rate", "10/s", "--max-duration", "2s", env=credentials)
    at, partial = tmp_path / "p.jsonl.run" / "run.json", tmp_path / "p.jsonl.partial"
    begun = lines_of(partial)
    assert begun
    hosts = {name: f"https://{name}.mypurecloud.de" for name in ("api", "login")}
    noted = json.loads(at.read_text()) | {f"{name}_url": url for name, url in hosts.items()}
    at.write_text(json.dumps(noted | ({"organisation": organisation} if organisation else {})))
    partial.write_bytes(b"".join(begun).replace(b'"sandbox"', b'"mypurecloud.de"'))
    words = ("--rate", "none", "--json", "--api-url", people.url)
    done = batchpatch("resume", "p.jsonl", *words, env=credentials)
    if organisation is not None:
        assert done.returncode == 2
        assert f"begun for the organisation {organisation}" in done.stderr
        assert b"mypurecloud.de" in partial.read_bytes()
        return
    assert done.returncode == 0, done.stderr
    assert_whole(tmp_path / "p.jsonl")
    lines = lines_of(tmp_path / "p.jsonl")
    assert lines[: len(begun)] == begun
    assert {json.loads(line)["region"] for line in lines} == {"sandbox"}
    done = batchpatch("run", "p.jsonl", "--api-url", people.url, env=credentials)
    assert done.returncode == 0, done.stderr
