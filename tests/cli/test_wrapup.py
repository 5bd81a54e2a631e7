"""Wrap-up codes from the command line: chosen by the columns, found by name, and taken back."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.sandbox.codes import code_id
from batchpatch.sandbox.conversations import agent_id, communication_id

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
CONVERSATIONS = [str(uuid.UUID(int=number)) for number in range(1000, 1006)]
SALE, NO_ANSWER = code_id("Sale"), code_id("No answer")


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """Conversations alone: of whom the code is, and what its id is, is to be found."""
    path = tmp_path / "outcomes.csv"
    lines = [f"{one},no ANSWER,a note" for one in CONVERSATIONS]
    path.write_text("\n".join(["conversationId,wrapupCode,notes", *lines, ""]), encoding="utf-8")
    return path.name


@pytest.fixture
def place(start_sandbox: Callable[..., Any]) -> Any:
    """A sandbox in which one agent has a code already."""
    sandbox = start_sandbox()
    who = {"conversationId": CONVERSATIONS[0], "participantId": agent_id(CONVERSATIONS[0])}
    sandbox.know({**who, "purpose": "agent", "wrapup": {"code": SALE, "notes": "was"}})
    return sandbox


def set_in(sandbox: Any) -> dict[str, tuple[str, str]]:
    """Code and notes by participant."""
    return {
        one["participantId"]: (one["wrapup"]["code"], one["wrapup"].get("notes", ""))
        for one in sandbox.stored()
        if "wrapup" in one
    }


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_plan_run_verify_undo(
    batchpatch: Run, place: Any, rows: str, credentials: dict[str, str], tmp_path: Path
) -> None:
    """What a user does: and what cannot be taken away is said before it is tried."""
    to = ["--api-url", place.url]
    done = batchpatch(
        *("plan", rows, "--write", "wrapup", "--check-codes", "--out", "plan.jsonl", *to),
        env=credentials,
    )
    assert done.returncode == 0, done.stderr
    assert place.get("stats")["patches_applied"] == 0
    assert place.get("stats")["by_resource"]["wrapup_codes"] == len(CONVERSATIONS)
    assert '  code: "Sale" -> "No answer"' in done.stderr
    assert '  code: (absent) -> "No answer"' in done.stderr
    codes = {line["wrapup"]["code"] for line in lines_of(tmp_path / "plan.jsonl")}
    assert codes == {NO_ANSWER}
    done = batchpatch(
        "run", "plan.jsonl", "--verify", "--keep-before", "--out", "r", *to, env=credentials
    )
    assert done.returncode == 0, done.stderr
    assert "6 rows read back and found stored" in done.stderr
    assert set_in(place) == {agent_id(one): (NO_ANSWER, "a note") for one in CONVERSATIONS}
    shown = batchpatch("undo", "r", "--dry-run")
    assert (shown.returncode, shown.stdout.count("  code: ")) == (1, 1)
    assert "1 participant to restore: " in shown.stdout
    assert "\n5 participants cannot be restored: nothing was there\n" in shown.stdout
    assert "blanked" not in shown.stdout
    assert batchpatch("undo", "r", "--out", "u", env=credentials).returncode == 1
    done = batchpatch("undo", "r", "--out", "u2", env=credentials)
    said = "5 of 6 participants had no wrap-up before, and the platform cannot take one away"
    assert said in done.stderr
    assert done.stderr.index(said) < done.stderr.index("cannot_unset:")
    found = [line.get("code") for line in lines_of(tmp_path / "u" / "results.jsonl")]
    assert sorted(found, key=str) == [None, *["cannot_unset"] * 5]
    assert set_in(place)[agent_id(CONVERSATIONS[0])] == (SALE, "was")


def test_a_plan_of_ids_shows_the_names_that_were_read(
    batchpatch: Run, place: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Nobody knows a code by its id; where no list was read, there is nothing else to show."""
    (tmp_path / "ids.csv").write_text(
        f"conversationId,wrapupCode\n{CONVERSATIONS[0]},{NO_ANSWER}\n"
    )
    words = ["plan", "ids.csv", "--api-url", place.url, "--out"]
    known = batchpatch(*words, "a.jsonl", "--check-codes", env=credentials)
    assert '  code: "Sale" -> "No answer"' in known.stderr
    assert '"No answer"' not in (tmp_path / "a.jsonl").read_text()
    unknown = batchpatch(*words, "b.jsonl", env=credentials)
    assert f'  code: "{SALE}" -> "{NO_ANSWER}"' in unknown.stderr


def test_the_words_are_those_of_a_wrap_up(
    batchpatch: Run, place: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """An agent's code is no attribute, and its row must not be told so."""
    lines = [f"{CONVERSATIONS[0]},{SALE},was", f"{CONVERSATIONS[1]},,x"]
    (tmp_path / "same.csv").write_text(
        "\n".join(["conversationId,wrapupCode,notes", *lines, ""]), encoding="utf-8"
    )
    words = ["run", "same.csv", "--skip-unchanged", "--out", "r", "--api-url", place.url]
    assert batchpatch(*words, env=credentials).returncode == 0
    told = {line["code"]: line["message"] for line in lines_of(tmp_path / "r" / "results.jsonl")}
    assert told["already_so"] == "the wrap-up is already as it is asked for"
    assert told["nothing_to_set"] == "the row has no wrap-up code, or it is left out"


def test_what_matters_is_said_once_before_a_run(batchpatch: Run, rows: str) -> None:
    """The first wrap-up decides in a campaign, and nobody has proved it for ended conversations."""
    done = batchpatch("run", rows, "--sandbox", "--out", "r")
    assert done.returncode == 0, done.stderr
    assert "wrapupCode: the rows are taken as --write wrapup" in done.stderr
    for words in ("run on the first wrap-up only", "try --limit 3 --verify first"):
        assert done.stderr.count(words) == 1
        assert done.stderr.index(words) < done.stderr.index("6 rows in")
    quiet = batchpatch("run", rows, "--sandbox", "--out", "q", "--quiet")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_a_file_of_both_kinds_is_refused_with_a_command_for_each(
    batchpatch: Run, tmp_path: Path
) -> None:
    """An attribute of that name could never be deleted; and either command works as pasted."""
    (tmp_path / "both.csv").write_text(
        f"conversationId,attr.tier,wrapupCode\n{CONVERSATIONS[0]},gold,Sale\n", encoding="utf-8"
    )
    done = batchpatch("run", "both.csv", "--sandbox", "--participant", "agent")
    assert done.returncode == 2
    commands = done.stderr.split("`")[1::2]
    assert commands == [
        f"batchpatch run both.csv --participant agent --sandbox --write {kind}"
        for kind in ("attributes", "wrapup")
    ]
    names = []
    for command in commands:
        again = batchpatch(*command.split()[1:], "--json")
        assert again.returncode == 0, again.stderr
        names += [
            line["keys"]
            for line in lines_of(tmp_path / json.loads(again.stdout)["directory"] / "results.jsonl")
        ]
    assert names == [["tier"], ["code"]]


@pytest.mark.parametrize("flag", ["--all-columns", "--attributes=wrapupCode"])
def test_columns_of_any_name_are_no_excuse(batchpatch: Run, rows: str, flag: str) -> None:
    """`--all-columns` is how such an attribute was made by mistake; on purpose it is possible."""
    assert batchpatch("check", rows, flag, "--participant=customer").returncode == 2
    done = batchpatch("check", rows, flag, "--participant=customer", "--write=attributes", "--json")
    assert done.returncode == 0, done.stderr
    assert "wrapupCode" in json.loads(done.stdout)["attributes"]


def test_on_purpose_they_are_attributes(batchpatch: Run, rows: str) -> None:
    """Where nothing else is there to be written, the flag alone says what is meant."""
    words = ("check", rows, "--write=attributes", "--participant=customer", "--json")
    assert json.loads(batchpatch(*words).stdout)["attributes"] == ["wrapupCode", "notes"]


def test_a_pipe_is_asked_what_it_is(batchpatch: Run, rows: str, tmp_path: Path) -> None:
    """It can be read only once, so it is not looked at before; nothing of it is sent unasked."""
    text = (tmp_path / rows).read_text(encoding="utf-8")
    done = batchpatch("run", "-", "--sandbox", "--participant", "agent", stdin=text)
    assert done.returncode == 2
    assert "--write wrapup or --write attributes" in done.stderr
    done = batchpatch("run", "-", "--sandbox", "--write", "wrapup", stdin=text)
    assert done.returncode == 0, done.stderr


def test_one_code_for_all_rows(batchpatch: Run, tmp_path: Path) -> None:
    """A list of ids is a whole job; and of attributes it is no flag."""
    (tmp_path / "ids.csv").write_text(
        "\n".join(["conversationId", *CONVERSATIONS]), encoding="utf-8"
    )
    done = batchpatch("run", "ids.csv", "--code", SALE.upper(), "--sandbox", "--out", "r")
    assert done.returncode == 0, done.stderr
    assert [line["keys"] for line in lines_of(tmp_path / "r" / "results.jsonl")] == [["code"]] * 6
    done = batchpatch("check", "ids.csv", "--code", "Sale", "--write", "attributes")
    assert done.returncode == 2
    assert "--code goes with --write wrapup" in done.stderr


def test_codes_are_listed_and_checked_offline(batchpatch: Run, rows: str, tmp_path: Path) -> None:
    """What the one command prints the other takes, and a typo is found before anything is sent."""
    done = batchpatch("codes", "--sandbox", "--json")
    assert done.returncode == 0, done.stderr
    (tmp_path / "codes.json").write_text(done.stdout, encoding="utf-8")
    listed = json.loads(done.stdout)["codes"]
    assert len(listed) > 100  # more than a page
    assert {"id": SALE, "name": "Sale"} in listed
    assert f"{SALE}  Sale\n" in batchpatch("codes", "--sandbox").stdout
    assert batchpatch("check", rows, "--codes", "codes.json").returncode == 0
    text = (tmp_path / rows).read_text(encoding="utf-8").replace("no ANSWER", "No anser", 2)
    (tmp_path / rows).write_text(text, encoding="utf-8")
    done = batchpatch("check", rows, "--codes", "codes.json")
    assert done.returncode == 1
    assert "2 invalid rows, unknown_name" in done.stdout
    assert "The nearest: No answer" in done.stdout
    assert "only the platform knows" in batchpatch("check", rows).stdout
    done = batchpatch("check", rows, "--codes", "codes.csv")
    assert done.returncode == 2
    assert "--codes" in done.stderr


def test_of_a_queue_or_not_at_all(
    batchpatch: Run, start_sandbox: Callable[..., Any], credentials: dict[str, str]
) -> None:
    """Each refusal is a sentence that says what to do."""
    place = start_sandbox("--deny", "routing:wrapupCode:view", "--strict")
    to = ("--api-url", place.url)
    done = batchpatch("codes", *to, "--json", env=credentials)
    assert done.returncode == 4
    assert "routing:wrapupCode:view" in json.loads(done.stdout)["error"]
    assert batchpatch("codes", *to, "--queue", "sales", env=credentials).returncode == 2
    done = batchpatch("codes", *to, "--queue", CONVERSATIONS[0], env=credentials)
    assert done.returncode == 2
    assert "no such queue" in done.stderr


def test_names_that_may_not_be_read_hold_up_nobody_else(
    batchpatch: Run,
    start_sandbox: Callable[..., Any],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Ids work; a name says which permission is missing, and costs one request a run."""
    place = start_sandbox("--deny", "routing:wrapupCode:view")
    lines = [f"{one},{SALE if at % 2 else 'Sale'}" for at, one in enumerate(CONVERSATIONS)]
    (tmp_path / "rows.csv").write_text(
        "\n".join(["conversationId,wrapupCode", *lines]), encoding="utf-8"
    )
    words = ["run", "rows.csv", "--api-url", place.url, "--out", "r"]
    done = batchpatch(*words, env=credentials)
    assert done.returncode == 1, done.stderr
    found = sorted(
        (line["row"], line["outcome"], line.get("code"))
        for line in lines_of(tmp_path / "r" / "results.jsonl")
    )
    assert found == [
        (row, "unknown", "names_denied") if row % 2 else (row, "updated", None)
        for row in range(1, 7)
    ]
    assert "Add the permission routing:wrapupCode:view" in done.stderr
    assert place.get("stats")["by_resource"]["codes"] == 1


def test_the_communication_s_route(
    batchpatch: Run, place: Any, rows: str, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Its id and media come from one read of the conversation, whatever its media are."""
    agents = [str(uuid.UUID(int=number)) for number in (1, 2, 3)]
    for who in agents:
        place.know(
            {
                "conversationId": CONVERSATIONS[1],
                "participantId": who,
                "purpose": "agent",
                "media": "emails",
            }
        )
    lines = [f"{CONVERSATIONS[1]},{who},{SALE}" for who in agents]
    (tmp_path / "agents.csv").write_text(
        "\n".join(["conversationId,participantId,wrapupCode", *lines]), encoding="utf-8"
    )
    words = ["run", "agents.csv", "--route", "communication", "--verify", "--out", "r"]
    done = batchpatch(*words, "--api-url", place.url, env=credentials)
    assert done.returncode == 0, done.stderr
    stats = place.get("stats")["by_resource"]
    assert (stats["communication_wrapup"], stats["participant"], stats["conversation"]) == (3, 0, 1)
    assert {who: set_in(place)[who][0] for who in agents} == dict.fromkeys(agents, SALE)
    assert communication_id(CONVERSATIONS[1], agents[0]) not in done.stderr


@pytest.mark.parametrize("flags", [["--route", "communication"], ["--check-codes"]])
def test_what_else_a_wrap_up_costs_is_priced(
    flags: list[str], batchpatch: Run, place: Any, tmp_path: Path, credentials: dict[str, str]
) -> None:
    """A forecast without them was half of the truth; the sandbox counts what it comes to."""
    of_whom = [f"{one},{agent_id(one)},{NO_ANSWER}" for one in CONVERSATIONS]
    (tmp_path / "ids.csv").write_text(
        "\n".join(["conversationId,participantId,wrapupCode", *of_whom]), encoding="utf-8"
    )
    usual = json.loads(batchpatch("check", "ids.csv", "--json").stdout)
    done = batchpatch("check", "ids.csv", "--json", *flags)
    priced = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (usual["choices"], usual["route_reads"], usual["requests"]) == (0, 0, 6)
    assert priced["choices"] + priced["route_reads"] == len(CONVERSATIONS)
    said = batchpatch("check", "ids.csv", *flags)
    assert "12 requests at 300/min" in said.stdout
    assert said.stderr.count("has no effect") == 0
    command = "plan" if "--check-codes" in flags else "run"
    out = tmp_path / "out"
    words = [command, "ids.csv", *flags, "--out", str(out), "--api-url", place.url]
    assert batchpatch(*words, env=credentials).returncode == 0
    counted = place.get("stats")["by_resource"]
    asked = counted["wrapup_codes"] if command == "plan" else counted["conversation"]
    assert asked == len(CONVERSATIONS)


def test_codes_are_asked_of_wrap_ups_alone(batchpatch: Run, tmp_path: Path) -> None:
    """As `plan` says it."""
    (tmp_path / "a.csv").write_text("conversationId,participantId,attr.a\n", encoding="utf-8")
    done = batchpatch("check", "a.csv", "--check-codes")
    assert done.returncode == 2
    assert "--check-codes does not go with --write attributes." in done.stderr


def test_several_agents_are_ambiguous(
    batchpatch: Run, place: Any, rows: str, credentials: dict[str, str], tmp_path: Path
) -> None:
    """A call that was handed on has two; who of them it was the row does not say."""
    other = str(uuid.UUID(int=77))
    place.know({"conversationId": CONVERSATIONS[0], "participantId": other, "purpose": "agent"})
    to = ("--api-url", place.url)
    done = batchpatch("run", rows, *to, "--out", "r", env=credentials)
    assert done.returncode == 1
    (line,) = [
        one for one in lines_of(tmp_path / "r" / "results.jsonl") if one["outcome"] == "invalid"
    ]
    assert line["code"] == "ambiguous_participant"
    assert other in line["message"]
    assert "--ambiguous last" in line["hint"]
    done = batchpatch("run", rows, *to, "--ambiguous", "last", "--out", "s", env=credentials)
    assert done.returncode == 0, done.stderr


def test_a_code_that_the_queue_has_not_is_not_planned(
    batchpatch: Run, start_sandbox: Callable[..., Any], credentials: dict[str, str], tmp_path: Path
) -> None:
    """The platform would answer 400 to each of them, in the middle of the run."""
    place = start_sandbox()
    codes = json.loads(
        batchpatch("codes", "--api-url", place.url, "--json", env=credentials).stdout
    )
    mine = {one["id"]: one["name"] for one in codes["codes"]}
    # Of a hundred campaigns' codes each queue has about half.
    lines = [f"{uuid.UUID(int=number)},{one}" for number, one in enumerate(mine, 5000)]
    (tmp_path / "rows.csv").write_text(
        "\n".join(["conversationId,wrapupCode", *lines]), encoding="utf-8"
    )
    words = ["plan", "rows.csv", "--check-codes", "--out", "p.jsonl", "--json"]
    done = batchpatch(*words, "--api-url", place.url, env=credentials)
    assert done.returncode == 1, done.stderr
    reasons = json.loads(done.stdout)["reasons"]
    assert {one["code"] for one in reasons} == {"code_not_allowed"}
    assert all("It may be given Sale, No answer" in one["hint"] for one in reasons)
    assert 20 < sum(one["rows"] for one in reasons) < len(mine) - 20
    refused = batchpatch(
        *("plan", "rows.csv", "--write=attributes", "--participant=agent", "--check-codes"),
        *("--out", "x", "--api-url", place.url),
        env=credentials,
    )
    assert refused.returncode == 2
    assert not (tmp_path / "x.run").exists()
    assert "--check-codes does not go with" in refused.stderr


def test_a_file_of_names_that_is_none_begins_nothing(
    batchpatch: Run, rows: str, tmp_path: Path
) -> None:
    """A directory of a run that never began would have to be explained."""
    done = batchpatch("run", rows, "--sandbox", "--codes", "codes.csv")
    assert done.returncode == 2
    assert "--codes" in done.stderr
    assert not (tmp_path / "batchpatch-runs").exists()
    done = batchpatch("check", rows, "--write=attributes", "--codes", "codes.csv")
    assert "--codes does not go with --write attributes" in done.stderr
