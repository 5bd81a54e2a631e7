"""Wrap-up codes are set, seen to be set, and put back, and nothing else of a call is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.commands.check import check
from batchpatch.commands.resume import resume
from batchpatch.commands.run import run
from batchpatch.commands.undo import undo
from batchpatch.genesys.account.credentials import Account, find_account
from batchpatch.model import InvalidRow, Row
from batchpatch.options.read import ReadOptions
from batchpatch.options.run import RecordOptions, Safeguards, VerifyOptions
from batchpatch.reading.reader import Reader
from batchpatch.sandbox import SandboxOptions, SandboxServer, running
from batchpatch.sandbox.codes import queue_id_of
from batchpatch.sandbox.conversations import agent_id
from batchpatch.writes.wrapup import WRAPUP, set_wrapup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from batchpatch.pipeline.execution import RunReport

C, OTHER = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d", "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1e"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CODE = "16fd2706-8baf-433b-82eb-8c7fada847da"
CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
LOOKED = Safeguards(keep_before=True, verify=VerifyOptions(share=1.0))


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, str], Row | InvalidRow]:
    """The one row of an input of that name."""

    def read_one(name: str, text: str) -> Row | InvalidRow:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        reader = Reader([str(path)], ReadOptions(write="wrapup"))
        (row,) = [row for batch in reader for row in batch.rows]
        return row

    return read_one


def asked(row: Row | InvalidRow) -> dict[str, str]:
    """What a row asks for."""
    assert isinstance(row, Row), row
    return dict(zip(row.names, row.values, strict=True))


@pytest.mark.parametrize(
    ("columns", "cells", "wanted"),
    [
        ("Wrap-Up Code", CODE.upper(), {"code": CODE}),
        ("wrapup", f"{{{CODE}}}", {"code": CODE}),
        ("wrapup,notes", f"{CODE},é", {"code": CODE, "notes": "é"}),
        ("wrapupCode,tags", f"{CODE},b; a;b", {"code": CODE, "tags": '["b","a"]'}),
        ("wrapupCode,wrapupTags", f'{CODE},"[""a;b""]"', {"code": CODE, "tags": '["a;b"]'}),
        ("wrapupCode,wrapup_duration", f"{CODE},012", {"code": CODE, "durationSeconds": "12"}),
        ("wrapupCode,notes", ",only notes", {}),
    ],
)
def test_columns_of_its_own(
    columns: str, cells: str, wanted: dict[str, str], read: Callable[..., Row | InvalidRow]
) -> None:
    """However they are spelled, and a row without a code asks for nothing."""
    row = read("rows.csv", f"conversationId,participantId,{columns}\n{C},{P},{cells}\n")
    assert asked(row) == wanted


def test_an_object_of_json_lines(read: Callable[..., Row | InvalidRow]) -> None:
    """Numbers and arrays are what the platform takes there, and so what people write."""
    wrapup = {"code": CODE, "notes": "n", "tags": ["x"], "durationSeconds": 30}
    line = {"conversationId": C, "participantId": P, "wrapup": wrapup}
    row = read("rows.jsonl", json.dumps(line))
    assert orjson.loads(WRAPUP.body(asked(row))) == {"wrapup": wrapup}


@pytest.mark.parametrize("code", ["", "  ", None])
def test_a_blank_code_is_none(code: str | None, read: Callable[..., Row | InvalidRow]) -> None:
    """It would take the place of an earlier row's code, and then could not be sent itself."""
    line = {"conversationId": C, "participantId": P, "wrapup": {"code": code, "notes": "n"}}
    assert asked(read("rows.jsonl", json.dumps(line))) == {}


@pytest.mark.parametrize(
    ("wrapup", "code"),
    [
        ({"code": True}, "bad_code"),
        ({"code": CODE, "state": "disconnected"}, "unexpected_key"),
        ({"code": CODE, "tags": [["x"]]}, "bad_tags"),
        ({"code": CODE, "tags": "[1"}, "bad_tags"),
        ({"code": CODE, "durationSeconds": "1 min"}, "bad_duration"),
        ({"code": CODE, "durationSeconds": -1}, "bad_duration"),
        ({"code": CODE, "notes": {"secret": 1}}, "bad_notes"),
        ([CODE], "bad_wrapup"),
    ],
)
def test_what_is_no_wrapup_is_an_invalid_row(
    wrapup: Any, code: str, read: Callable[..., Row | InvalidRow]
) -> None:
    """A key beside the wrap-up's own could hang up; and no value is told."""
    line = {"conversationId": C, "participantId": P, "wrapup": wrapup}
    row = read("rows.jsonl", json.dumps(line))
    assert isinstance(row, InvalidRow)
    assert row.code == code
    assert "secret" not in str(row)


anything = st.recursive(st.none() | st.booleans() | st.integers(0, 99) | st.text(), st.lists)


@given(
    st.binary()
    | anything.map(orjson.dumps)
    | st.dictionaries(st.sampled_from(["code", "notes", "tags", "x"]), anything).map(orjson.dumps)
)
def test_any_answer_is_read_or_is_none(body: bytes) -> None:
    """A page of a proxy is no wrap-up, and ends nothing."""
    found = set_wrapup(body, P)
    assert not found or ("code" in found and all(type(text) is str for text in found.values()))


def test_what_is_set_is_told_in_the_spelling_of_rows() -> None:
    """So that it can be compared, kept and put back."""
    shown = {"code": CODE.upper(), "notes": "", "tags": ["a"], "durationSeconds": 5, "endTime": "x"}
    assert set_wrapup(orjson.dumps(shown), P) == {
        "code": CODE,
        "tags": '["a"]',
        "durationSeconds": "5",
    }
    assert set_wrapup(b"{}", P) == {}


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """One with codes."""
    async with running(SandboxOptions()) as server:
        yield server


@pytest.fixture
def account(sandbox: SandboxServer) -> Account:
    """Somebody who may."""
    return find_account(CREDENTIALS, api_url=sandbox.url)


def codes(server: SandboxServer, conversation_id: str) -> list[str]:
    """The ids of the codes that its agent may be given."""
    agent = server.state.conversations.find_participant(conversation_id, agent_id(conversation_id))
    assert agent is not None
    queue = queue_id_of(conversation_id, agent)
    assert queue is not None
    return [code.id for code in server.state.codes.of_queue(queue) or ()]


def shown(server: SandboxServer, conversation_id: str) -> dict[str, Any] | None:
    """What is set, but for the time."""
    agent = server.state.conversations.find_participant(conversation_id, agent_id(conversation_id))
    assert agent is not None
    if agent.wrapup is None:
        return None
    return {name: value for name, value in agent.wrapup.items() if name != "endTime"}


def results(report: RunReport) -> list[tuple[Any, ...]]:
    """Row, outcome and code of each line, and whether it was seen stored."""
    text = (report.directory / "results.jsonl").read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    return sorted(
        ((f["row"], f["outcome"], f.get("code"), f.get("verified")) for f in found),
        key=lambda line: line[0],
    )


@pytest.mark.asyncio
async def test_run_resume_verify_undo(
    sandbox: SandboxServer, account: Account, tmp_path: Path
) -> None:
    """What was there comes back, notes and all; where nothing was, that is said and not tried."""
    first, second = codes(sandbox, C)[:2]
    agent = sandbox.state.conversations.find_participant(C, agent_id(C))
    assert agent is not None
    agent.wrapup = {"code": first, "notes": "was", "tags": ["t"]}
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "conversationId,participantId,wrapupCode,notes\n"
        f"{C},{agent_id(C)},{first},lost\n"
        f"{C},{agent_id(C)},{second},\n"
        f"{OTHER},{agent_id(OTHER)},{codes(sandbox, OTHER)[0]},new\n"
        f"{OTHER},{agent_id(OTHER)},{P},no such code\n",
        encoding="utf-8",
    )
    at, read = tmp_path / "run", ReadOptions(write="wrapup", limit=3)
    record = RecordOptions(out=at)
    await run([str(rows)], account=account, read=read, safeguards=LOOKED, record=record)
    done = await resume(at, account=account)
    assert results(done)[:3] == [
        (1, "superseded", None, None),
        (2, "updated", None, True),
        (3, "updated", None, True),
    ]
    assert results(done)[3][:2] == (4, "rejected")
    assert shown(sandbox, C) == {"code": second, "notes": "was", "tags": ["t"]}
    back = await undo(at, account=account, record=RecordOptions(out=tmp_path / "undo"))
    assert back is not None
    assert {line[1:3] for line in results(back)} == {
        ("rejected", "cannot_unset"),
        ("updated", None),
    }
    assert shown(sandbox, C) == {"code": first, "notes": "was", "tags": ["t"]}
    assert (shown(sandbox, OTHER) or {})["notes"] == "new"


@pytest.mark.asyncio
async def test_the_agent_is_found_by_its_purpose(
    sandbox: SandboxServer, account: Account, tmp_path: Path
) -> None:
    """A list of conversations is what people have."""
    rows = tmp_path / "rows.csv"
    rows.write_text(f"conversationId,wrapupCode\n{C},{codes(sandbox, C)[0]}\n", encoding="utf-8")
    read = ReadOptions(write="wrapup", participant=[("purpose", "agent", "")])  # type: ignore[arg-type]
    report = await run(
        [str(rows)], account=account, read=read, record=RecordOptions(out=tmp_path / "run")
    )
    assert report.summary.outcomes == {"updated": 1}
    assert shown(sandbox, C) == {"code": codes(sandbox, C)[0]}


def test_looks_are_priced_as_they_are_read(tmp_path: Path) -> None:
    """What is set is read of each participant by itself, however few their conversations are."""
    rows = tmp_path / "rows.csv"
    lines = [f"{C},{P[:-1]}{digit},{CODE}" for digit in range(5)]
    rows.write_text(
        "\n".join(["conversationId,participantId,wrapupCode", *lines]), encoding="utf-8"
    )
    report = check([str(rows)])
    assert (report.conversations, report.participants, report.reads) == (1, 5, 5)
