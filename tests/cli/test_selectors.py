"""Participants that are named by what they are: found with few requests, or told why not."""

from __future__ import annotations

import subprocess
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
    return str(uuid.UUID(int=5000 + number))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a CSV with this header and these rows."""

    def made(header: str, *rows: str) -> str:
        path = tmp_path / "rows.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return str(path)

    return made


def test_ids_alone_are_a_whole_job(
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Conversations, who is meant, and what to set: three look-ups for three hundred customers."""
    rows = write("conversationId", *map(conversation, range(300)))
    words = ["--participant", "customer", "--set", "campaign=closed", "--api-url", sandbox.url]
    done = batchpatch("run", rows, *words, "--out", "r", env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.get("stats")["requests"] == 303
    lines = results(tmp_path / "r")
    assert {line["outcome"] for line in lines} == {"updated"}
    state = sandbox.state()
    assert len(state) == 300
    assert all(state[line["participant_id"]] == {"campaign": "closed"} for line in lines)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("purpose", "agent"),
        ("userId", str(uuid.UUID(int=77))),
        ("externalContactId", str(uuid.UUID(int=78))),
        ("externalId", str(uuid.UUID(int=78))),
        ("address", "+1 (555) 0100"),
        ("ani", "tel:+15550100"),
        ("match.order", "A-1"),
    ],
)
def test_each_selector_finds_the_one_who_fits(
    column: str,
    cell: str,
    batchpatch: Run,
    sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
) -> None:
    """Of two participants only one is meant, whichever way it is named."""
    sandbox.know(
        {"conversationId": conversation(1), "participantId": participant(1), "purpose": "customer"},
        {
            "conversationId": conversation(1),
            "participantId": participant(2),
            "purpose": "agent",
            "userId": str(uuid.UUID(int=77)),
            "externalContactId": str(uuid.UUID(int=78)),
            "address": "tel:+15550100",
            "attributes": {"order": "A-1"},
        },
    )
    rows = write(f"conversationId,{column},attr.tier", f"{conversation(1)},{cell},gold")
    done = batchpatch("run", rows, "--api-url", sandbox.url, env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state() == {participant(2): {"order": "A-1", "tier": "gold"}}


@pytest.mark.parametrize(
    ("ambiguous", "expected"),
    [("refuse", []), ("first", [1]), ("last", [2]), ("all", [1, 2])],
)
def test_two_who_fit_are_an_error_unless_the_user_chooses(
    ambiguous: str,
    expected: list[int],
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Never a guess; and a row that goes to both still has one line."""
    for number in (1, 2):
        one = {"conversationId": conversation(1), "participantId": participant(number)}
        sandbox.know({**one, "purpose": "customer"})
    rows = write("conversationId,purpose,attr.tier", f"{conversation(1)},customer,gold")
    done = batchpatch(
        "run", rows, "--api-url", sandbox.url, "--ambiguous", ambiguous, "--out", "r",
        env=credentials,
    )  # fmt: skip
    assert sandbox.state() == {participant(number): {"tier": "gold"} for number in expected}
    (line,) = results(tmp_path / "r")
    assert done.returncode == (0 if expected else 1)
    if not expected:
        assert (line["outcome"], line["code"]) == ("invalid", "ambiguous_participant")
        assert participant(1) in line["message"]
        assert participant(2) in line["message"]


def test_nobody_who_fits_is_told_with_what_was_found(
    batchpatch: Run,
    results: Results,
    start_sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    """A conversation that is unknown, and one without such a participant, are different things."""
    sandbox = start_sandbox("--strict")
    sandbox.know({"conversationId": conversation(1), "participantId": participant(1)})
    rows = write(
        "conversationId,purpose,attr.tier",
        f"{conversation(1)},campaign,gold",
        f"{conversation(2)},customer,gold",
    )
    done = batchpatch("run", rows, "--api-url", sandbox.url, "--out", "r", env=credentials)
    assert done.returncode == 1
    first, second = results(tmp_path / "r")
    assert (first["code"], second["code"]) == ("participant_not_found", "unknown_conversation")
    assert sandbox.state() == {}


def test_two_names_for_one_participant_are_one_participant(
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Order and merging hold for who was found: the last row wins, in one request."""
    sandbox.know(
        {
            "conversationId": conversation(1),
            "participantId": participant(1),
            "purpose": "customer",
            "attributes": {"order": "A-1"},
        }
    )
    rows = write(
        "conversationId,participantId,purpose,match.order,attr.tier",
        f"{conversation(1)},,customer,,bronze",
        f"{conversation(1)},,,A-1,silver",
        f"{conversation(1)},{participant(1)},,,gold",
    )
    done = batchpatch("run", rows, "--api-url", sandbox.url, "--out", "r", env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state()[participant(1)]["tier"] == "gold"
    assert sandbox.get("stats")["by_resource"]["attributes"] == 1
    assert [line["outcome"] for line in results(tmp_path / "r")] == ["superseded"] * 2 + ["updated"]


def test_a_token_that_may_not_read_is_one_sentence(
    batchpatch: Run, start_sandbox: Any, credentials: dict[str, str], write: Callable[..., str]
) -> None:
    """It names the permission and what can be done without it, and no row fails for it."""
    sandbox = start_sandbox("--deny-reads", "conversation,analytics")
    rows = write("conversationId,purpose,attr.tier", f"{conversation(1)},customer,gold")
    done = batchpatch("run", rows, "--api-url", sandbox.url, "--out", "r", env=credentials)
    assert done.returncode == 4
    assert "conversation:communication:view" in done.stderr
    assert sandbox.state() == {}


def test_ended_conversations_named_by_id_are_skipped_though_analytics_knows_none(
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Who asks to skip them relies on it: what analytics cannot tell is read."""
    who = {"conversationId": conversation(1), "participantId": participant(1), "ended": True}
    sandbox.know({**who, "analytics": False})
    rows = write("conversationId,participantId,attr.a", f"{conversation(1)},{participant(1)},x")
    words = ["--ended", "skip", "--out", "r", "--api-url", sandbox.url]
    batchpatch("run", rows, *words, env=credentials)
    (line,) = results(tmp_path / "r")
    assert (line["outcome"], line["code"]) == ("invalid", "conversation_ended")
    assert sandbox.state() == {}


@pytest.mark.parametrize(("ended", "outcomes"), [("skip", ["invalid"]), ("warn", ["updated"])])
def test_ended_conversations_are_skipped_or_told(
    ended: str,
    outcomes: list[str],
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    """What is written after the end does not reach analytics: somebody should know."""
    who = {"conversationId": conversation(1), "participantId": participant(1), "ended": True}
    sandbox.know({**who, "purpose": "customer"})
    rows = write("conversationId,purpose,attr.tier", f"{conversation(1)},customer,gold")
    batchpatch(
        "run", rows, "--api-url", sandbox.url, "--ended", ended, "--out", "r", env=credentials
    )
    (line,) = results(tmp_path / "r")
    assert [line["outcome"], line["code"]] == [*outcomes, "conversation_ended"]


def test_live_conversations_go_first(
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Those that still ring are worth more than those that are over, as far as the window goes."""
    for number in range(10):
        one = {"conversationId": conversation(number), "participantId": participant(number)}
        sandbox.know({**one, "purpose": "customer", "ended": number % 2 == 0})
    rows = write(
        "conversationId,participantId,attr.tier",
        *(f"{conversation(n)},{participant(n)},gold" for n in range(10)),
    )
    done = batchpatch(
        "run", rows, "--api-url", sandbox.url, "--live-first", "--out", "r", env=credentials
    )
    assert done.returncode == 0, done.stderr
    order = sorted(results(tmp_path / "r"), key=lambda line: int(line["patch"]))
    assert [line["row"] % 2 for line in order] == [0] * 5 + [1] * 5
