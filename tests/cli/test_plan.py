"""A plan says what would change, a run of it changes that, and an undo takes it back."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Results = Callable[[Path], list[dict[str, Any]]]


def conversation(number: int) -> str:
    return str(uuid.UUID(int=1000 + number))


def participant(number: int) -> str:
    return str(uuid.UUID(int=50_000 + number))


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """Four customers: one is so already, one has another tier, one has none, one is unknown."""
    path = tmp_path / "rows.csv"
    lines = (f"{conversation(n)},{participant(n)},gold" for n in range(4))
    path.write_text("conversationId,participantId,attr.tier\n" + "\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def known(start_sandbox: Callable[..., Any]) -> Any:
    """A sandbox that knows three of them."""
    sandbox = start_sandbox("--strict")
    for number, attributes in enumerate([{"tier": "gold"}, {"tier": "silver"}, {"other": "x"}]):
        sandbox.know(
            {
                "conversationId": conversation(number),
                "participantId": participant(number),
                "purpose": "customer",
                "attributes": attributes,
            }
        )
    return sandbox


def plan_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_plan_holds_the_changes_and_nothing_else(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str], tmp_path: Path
) -> None:
    """What is so already is left out and counted; nothing is written to the platform."""
    before = known.state()
    done = batchpatch("plan", rows, "--out", "p.jsonl", "--api-url", known.url, env=credentials)
    assert done.returncode == 1, done.stderr  # one row is not in it
    first, second = plan_lines(tmp_path / "p.jsonl")
    assert (first["participantId"], first["before"]) == (participant(1), {"tier": "silver"})
    assert (second["participantId"], second["before"]) == (participant(2), {"tier": None})
    assert first["attributes"] == second["attributes"] == {"tier": "gold"}
    assert first["region"] == "sandbox"
    assert uuid.UUID(first["organisation"])
    assert 'tier: "silver" -> "gold"' in done.stderr
    assert "unknown_conversation" in done.stderr
    assert known.state() == before
    assert (tmp_path / "p.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_plan_is_run_verified_and_undone(
    batchpatch: Run,
    results: Results,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """In the end everything is as it was; what was absent is blank, and the report says so."""
    at = ["--api-url", known.url]
    before = known.state()
    batchpatch("plan", rows, "--out", "p.jsonl", *at, env=credentials)
    done = batchpatch("run", "p.jsonl", *at, "--verify", "--out", "r", env=credentials)
    assert done.returncode == 0, done.stderr
    assert all(line["verified"] for line in results(tmp_path / "r"))
    assert {who["tier"] for who in known.state().values()} == {"gold"}
    done = batchpatch("undo", "r", "--verify", "--out", "u", env=credentials)
    assert done.returncode == 0, done.stderr
    assert known.state() == {**before, participant(2): {"other": "x", "tier": ""}}
    codes = {line["participant_id"]: line.get("code") for line in results(tmp_path / "u")}
    assert codes == {participant(1): None, participant(2): "blanked"}


@pytest.mark.parametrize("guard", [True, False])
def test_a_guard_keeps_what_somebody_else_has_set_since(
    guard: bool,
    batchpatch: Run,
    results: Results,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """A running flow changes the value between plan and run: a conflict, or overwritten."""
    at = ["--api-url", known.url]
    batchpatch("plan", rows, "--out", "p.jsonl", *at, env=credentials)
    known.know(
        {
            "conversationId": conversation(1),
            "participantId": participant(1),
            "attributes": {"tier": "platinum"},
        }
    )
    words = ["--guard"] if guard else []
    done = batchpatch("run", "p.jsonl", *at, *words, "--out", "r", env=credentials)
    first, _ = results(tmp_path / "r")
    assert first["outcome"] == ("conflict" if guard else "updated")
    assert known.state()[participant(1)] == {"tier": "platinum" if guard else "gold"}
    assert done.returncode == int(guard)
    assert "platinum" not in done.stderr + json.dumps(first)


@pytest.mark.parametrize("force", [True, False])
def test_an_undo_leaves_alone_what_has_changed_since(
    force: bool,
    batchpatch: Run,
    results: Results,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """It restores only what the run itself has written, unless it is told to."""
    at = ["--api-url", known.url]
    batchpatch("run", rows, *at, "--keep-before", "--out", "r", env=credentials)
    known.know(
        {
            "conversationId": conversation(1),
            "participantId": participant(1),
            "attributes": {"tier": "platinum"},
        }
    )
    words = ["--force"] if force else []
    done = batchpatch("undo", "r", *words, "--out", "u", env=credentials)
    outcomes = {line["participant_id"]: line["outcome"] for line in results(tmp_path / "u")}
    assert outcomes[participant(1)] == ("updated" if force else "conflict")
    assert known.state()[participant(1)] == {"tier": "silver" if force else "platinum"}
    assert done.returncode == int(not force)


def test_a_plan_for_another_organisation_is_refused(
    batchpatch: Run,
    start_sandbox: Any,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The same ids may exist there, and the wrong customers would be written."""
    other = start_sandbox("--organization", f"{uuid.UUID(int=99)}:Elsewhere")
    batchpatch("plan", rows, "--out", "p.jsonl", "--api-url", known.url, env=credentials)
    done = batchpatch("run", "p.jsonl", "--api-url", other.url, "--out", "r", env=credentials)
    assert done.returncode == 2
    assert "Elsewhere" in done.stderr
    assert other.state() == {}
    assert not (tmp_path / "r").exists()


def test_a_plan_for_another_organisation_behind_other_rows_is_invalid(
    batchpatch: Run, start_sandbox: Any, known: Any, rows: str, credentials: dict[str, str]
) -> None:
    """Exit code 2 says that nothing was sent, and rows that name no organisation were."""
    other = start_sandbox("--organization", f"{uuid.UUID(int=99)}:Elsewhere")
    batchpatch("plan", rows, "--out", "p.jsonl", "--api-url", known.url, env=credentials)
    done = batchpatch("run", rows, "p.jsonl", "--api-url", other.url, "--json", env=credentials)
    assert done.returncode == 1, done.stderr
    summary = json.loads(done.stdout)
    assert summary["outcomes"]["updated"] > 0 < summary["outcomes"]["invalid"]


def test_a_plan_for_another_region_is_refused_before_anything_is_asked(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str], tmp_path: Path
) -> None:
    """The name of the region stands in each line, so that a line alone is enough."""
    batchpatch("plan", rows, "--out", "p.jsonl", "--api-url", known.url, env=credentials)
    text = (tmp_path / "p.jsonl").read_text().replace('"sandbox"', '"mypurecloud.de"')
    (tmp_path / "p.jsonl").write_text(text)
    asked = known.get("stats")["requests"]
    done = batchpatch("run", "p.jsonl", "--api-url", known.url, env=credentials)
    assert done.returncode == 2
    assert "mypurecloud.de" in done.stderr
    assert known.get("stats")["requests"] == asked


def test_a_plan_may_be_filtered_with_grep(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Each line stands alone: what is left of the file is a plan."""
    batchpatch("plan", rows, "--out", "p.jsonl", "--api-url", known.url, env=credentials)
    lines = (tmp_path / "p.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "some.jsonl").write_text("".join(line for line in lines if "silver" in line))
    done = batchpatch("run", "some.jsonl", "--api-url", known.url, env=credentials)
    assert done.returncode == 0, done.stderr
    assert known.state()[participant(1)] == {"tier": "gold"}
    assert known.state()[participant(2)] == {"other": "x"}


def test_a_plan_is_not_overwritten(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Somebody has read it, and may be about to run it."""
    (tmp_path / "p.jsonl").write_text("mine\n")
    done = batchpatch("plan", rows, "--out", "p.jsonl", "--api-url", known.url, env=credentials)
    assert done.returncode == 2
    assert "choose another --out" in done.stderr
    assert (tmp_path / "p.jsonl").read_text() == "mine\n"


def test_skip_unchanged_sends_only_what_differs(
    batchpatch: Run,
    results: Results,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """One of three has it already, and costs no write."""
    done = batchpatch(
        "run", rows, "--api-url", known.url, "--skip-unchanged", "--out", "r", env=credentials
    )
    assert done.returncode == 1
    lines = results(tmp_path / "r")
    assert [line["outcome"] for line in lines] == ["unchanged", "updated", "updated", "rejected"]
    assert lines[0]["code"] == "already_so"
    assert known.get("stats")["by_resource"]["attributes"] == 2


def test_a_run_that_kept_nothing_cannot_be_undone(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str]
) -> None:
    """One sentence, and what would have made it possible."""
    batchpatch("run", rows, "--api-url", known.url, "--out", "r", env=credentials)
    done = batchpatch("undo", "r", env=credentials)
    assert done.returncode == 2
    assert "--keep-before" in done.stderr


def test_a_token_that_may_write_but_not_read_is_one_sentence(
    batchpatch: Run, start_sandbox: Any, rows: str, credentials: dict[str, str]
) -> None:
    """Which permission is missing, and what works without it: the run by ids."""
    sandbox = start_sandbox("--deny-reads", "conversation")
    at = ["--api-url", sandbox.url]
    for words in (["plan", rows, "--out", "p.jsonl"], ["run", rows, "--keep-before"]):
        done = batchpatch(*words, *at, env=credentials)
        assert done.returncode == 4
        assert "conversation:communication:view" in done.stderr
    assert batchpatch("run", rows, *at, env=credentials).returncode == 0


@pytest.mark.parametrize("words", [["--verify"], ["--verify", "100%"], ["--verify=100%"]])
def test_a_route_that_stores_nothing_is_found_out(
    words: list[str],
    batchpatch: Run,
    results: Results,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The tutorials' path answers 200 to everything; the hint names the one that stores."""
    done = batchpatch(
        "run", rows, "--limit", "3", "--api-url", known.url, "--route", "participant", *words,
        "--verify-for", "1s", "--out", "r", env=credentials,
    )  # fmt: skip
    lines = results(tmp_path / "r")
    # The first of them has the value already, so reading back cannot tell.
    assert [line["outcome"] for line in lines] == ["updated", "not_stored", "not_stored"]
    assert "--route attributes" in lines[1]["hint"]
    assert done.returncode == 1  # the limit was asked for, and decides nothing


def test_a_route_that_stores_nothing_is_warned_about_before_the_run(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str]
) -> None:
    """Whoever reads back is told beforehand what there will be to see."""
    done = batchpatch(
        "run", rows, "--api-url", known.url, "--route", "participant", "--verify",
        "--verify-for", "0s", env=credentials,
    )  # fmt: skip
    assert done.stderr.startswith("Warning:")
    assert "stores no attributes" in " ".join(done.stderr.split())


@pytest.mark.parametrize("route", ["participant", "interactions"])
def test_a_route_that_stores_nothing_is_refused_where_nobody_looks(
    route: str,
    batchpatch: Run,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """2xx for nothing would be `updated`, exit code 0: nothing is sent, and nothing left behind."""
    requests = known.get("stats")["requests"]
    at = ["--api-url", known.url, "--route", route, "--out", "r"]
    done = batchpatch("run", rows, *at, env=credentials)
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert f"--route {route}: " in told
    assert "use --route attributes" in told
    assert "--verify" in told
    assert known.get("stats")["requests"] == requests
    assert not (tmp_path / "r").exists()


def test_slow_and_dropped_writes_are_told_apart(
    batchpatch: Run,
    results: Results,
    start_sandbox: Any,
    credentials: dict[str, str],
    make_rows: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """A 202 is applied a second later, or never: only reading back can tell."""
    sandbox = start_sandbox("--apply-delay", "1", "--fault", "kind=drop,rate=0.2")
    done = batchpatch(
        "run", str(make_rows(60)), "--api-url", sandbox.url, "--verify", "--verify-for", "4s",
        "--out", "r", env=credentials,
    )  # fmt: skip
    assert done.returncode == 1
    stored = sandbox.state()
    lines = results(tmp_path / "r")
    for line in lines:
        assert line["verified"] == (line["participant_id"] in stored)
        assert line["outcome"] == ("updated" if line["verified"] else "not_stored")
    assert 0 < sum(not line["verified"] for line in lines) == sandbox.get("stats")["writes_dropped"]


def test_a_sample_is_verified(
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    make_rows: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """A tenth of the reads, and the others are not called verified."""
    done = batchpatch(
        "run", str(make_rows(300)), "--api-url", sandbox.url, "--verify", "10%", "--out", "r",
        env=credentials,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    verified = [line for line in results(tmp_path / "r") if line.get("verified")]
    assert 10 < len(verified) < 60


def test_everybody_is_brought_back_even_when_the_run_is_killed(
    batchpatch: Run,
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Killed in the middle, resumed, verified and undone: the exact values of before."""
    people = [
        {
            "conversationId": conversation(number),
            "participantId": participant(number),
            "purpose": "customer",
            "attributes": {"tier": f"old-{number}"} if number % 3 else {"other": "x"},
        }
        for number in range(1000)
    ]
    sandbox.know(*people)
    before = sandbox.state()
    ids = tmp_path / "ids.csv"
    ids.write_text("conversationId\n" + "\n".join(p["conversationId"] for p in people) + "\n")
    at = ["--api-url", sandbox.url]
    planning = ["--participant", "customer", "--set", "tier=new", "--out", "p.jsonl"]
    done = batchpatch("plan", "ids.csv", *planning, *at, env=credentials)
    assert done.returncode == 0, done.stderr
    running = start_batchpatch("run", "p.jsonl", *at, "--out", "r", env=credentials)
    deadline = time.monotonic() + 30
    while sandbox.get("stats")["patches_applied"] < 300:
        assert time.monotonic() < deadline
    running.send_signal(signal.SIGKILL)
    running.communicate()
    done = batchpatch("resume", "r", env=credentials)
    assert done.returncode == 0, done.stderr
    assert {who["tier"] for who in sandbox.state().values()} == {"new"}
    done = batchpatch("undo", "r", "--json", "--out", "u", env=credentials)
    assert done.returncode == 0, done.stderr
    after = sandbox.state()
    for one in people:
        who = one["participantId"]
        if "tier" in before[who]:
            assert after[who] == before[who]
        else:
            assert after[who] == {**before[who], "tier": ""}


def test_what_a_plan_does_not_cover_is_read_and_undone_as_well(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str]
) -> None:
    """`--set` on top of a plan: undo must not call it done and leave that behind."""
    at = ["--api-url", known.url]
    before = known.state()
    batchpatch("plan", rows, "--out", "p.jsonl", *at, env=credentials)
    batchpatch("run", "p.jsonl", "--set", "other=over", *at, "--out", "r", env=credentials)
    assert known.state()[participant(2)] == {"other": "over", "tier": "gold"}
    assert batchpatch("undo", "r", env=credentials).returncode == 0
    after = known.state()
    assert after[participant(2)] == {**before[participant(2)], "tier": ""}
    assert after[participant(1)] == {**before[participant(1)], "other": ""}


def test_a_guard_without_a_plan_sends_nothing(
    batchpatch: Run,
    results: Results,
    known: Any,
    rows: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """It has nothing to compare with, and whoever asked for it relies on it."""
    before = known.state()
    words = ["--guard", "--api-url", known.url, "--out", "r"]
    refused = batchpatch("run", rows, *words, env=credentials)
    assert (refused.returncode, "--guard compares" in refused.stderr) == (2, True)
    piped = (tmp_path / rows).read_text(encoding="utf-8")
    done = batchpatch("run", "-", *words, "--participant", "customer", env=credentials, stdin=piped)
    assert done.returncode == 1
    assert known.state() == before
    codes = [line.get("code") for line in results(tmp_path / "r")]
    assert codes == ["already_so", "not_planned", "not_planned", "unknown_conversation"]


def test_verifying_without_the_right_to_read_is_found_out_before_anything_is_sent(
    batchpatch: Run, start_sandbox: Any, rows: str, credentials: dict[str, str]
) -> None:
    """Or each attempt to finish the run would send the same rows once more."""
    sandbox = start_sandbox("--deny-reads", "conversation")
    done = batchpatch("run", rows, "--verify", "--api-url", sandbox.url, env=credentials)
    assert done.returncode == 4
    assert "conversation:communication:view" in done.stderr
    assert sandbox.get("stats")["by_resource"]["attributes"] == 0


def test_a_run_that_changed_nothing_has_nothing_to_undo(
    batchpatch: Run, known: Any, rows: str, credentials: dict[str, str]
) -> None:
    """Exit code 0, a sentence, and a document where one was asked for."""
    at = ["--api-url", known.url]
    looks = ["--skip-unchanged", "--keep-before"]
    batchpatch("run", rows, "--limit", "1", *looks, *at, "--out", "r", env=credentials)
    done = batchpatch("undo", "r", "--json", env=credentials)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"rows": 0, "outcomes": {}, "exit_code": 0}


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["--set", "--verify", "--quiet"], 2),
        (["--verify="], 2),
        (["--verify", "150%"], 2),
        (["--verify", "--quiet"], 1),
    ],
)
def test_verify_is_a_flag_only_where_a_flag_may_stand(
    words: list[str], sent: int, batchpatch: Run, known: Any, rows: str, credentials: dict[str, str]
) -> None:
    """As the value of another flag it is refused as that, and an empty share is no share."""
    done = batchpatch("run", rows, "--api-url", known.url, *words, env=credentials)
    assert done.returncode == sent, done.stderr
    assert "Traceback" not in done.stderr
