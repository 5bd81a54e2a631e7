"""The seam for another kind of write: a toy one, made here alone, goes through every command.

A badge has a text and a colour. It is kept by the sandbox as two attributes with a prefix, which
nobody but this file knows: its columns, its body, how it is merged, read, compared and taken back
are all its own, and no other file was touched for it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import pytest_asyncio

from batchpatch.commands.check import check
from batchpatch.commands.plan import plan
from batchpatch.commands.resume import resume
from batchpatch.commands.run import run
from batchpatch.commands.undo import undo
from batchpatch.errors import SettingsError
from batchpatch.genesys.account.credentials import Account, find_account
from batchpatch.genesys.routes import PARTICIPANT, Route
from batchpatch.options.read import ReadOptions
from batchpatch.options.run import RecordOptions, Safeguards, Settings, VerifyOptions
from batchpatch.sandbox import SandboxOptions, SandboxServer, parse_fault, running
from batchpatch.writes import registry
from batchpatch.writes.columns import Columns, Field, RefusedError
from batchpatch.writes.kind import MergeRule, Resource, WriteKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from batchpatch.model import InvalidRow
    from batchpatch.pipeline.execution import RunReport

PREFIX = "badge."
COLOURS = ("red", "green")


def badge_in(body: bytes, participant_id: str) -> dict[str, str] | None:
    """What the conversation tells of one participant's badge."""
    for one in orjson.loads(body)["participants"]:
        if one["id"] == participant_id:
            kept = one["attributes"].items()
            return {n.removeprefix(PREFIX): v for n, v in kept if n.startswith(PREFIX) and v}
    return None


class Badges(WriteKind):
    """A badge that can be changed and never be taken away."""

    __slots__ = ()

    def members(self, cell: object) -> dict[str, Any]:
        """A text alone is the badge's."""
        return {"text": cell} if isinstance(cell, str) else super().members(cell)

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        """A badge has a text, and one of few colours."""
        if "text" not in given:
            return {}
        if (given.get("colour") or "red") not in COLOURS:
            raise RefusedError("bad_colour", "the colour is none", "Take red or green.")
        return given

    def body(self, values: Mapping[str, str]) -> bytes:
        """As the sandbox keeps it."""
        return orjson.dumps({"attributes": {PREFIX + n: v for n, v in values.items()}})

    def refuse(self, values: Mapping[str, str]) -> RefusedError | None:
        """A badge that was not there cannot be taken away again."""
        if values.get("text") == "":
            return RefusedError("cannot_unset", "there was no badge", "It stays as it is.")
        return None

    def is_stored(self, name: str, present: str | None, written: str) -> bool:
        """A blank is as good as none."""
        return (present or "") == written


BADGES = Badges(
    name="badges",
    noun="badge",
    key="badges",
    columns=Columns(
        fields={
            "badges": Field(("badge", "badges"), "the badge's text, or all of it as a JSON object"),
            "colour": Field(("colour", "badgecolour"), "the badge's colour"),
        },
        whole="badges",
        example="badge",
    ),
    routes=(Route("badges", f"{PARTICIPANT}/attributes"),),
    merge=MergeRule.WHOLE,
    resource=Resource("/api/v2/conversations/{conversation_id}", badge_in),
    plain=False,
)
C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
NEW, OLD, TWICE = (f"7c9e6679-7425-40de-944b-{who:012d}" for who in range(3))
ROWS = (
    "conversationId,participantId,badge,Badge Colour,note\n"
    f"{C},{NEW},late,red,x\n"
    f"{C},{OLD},urgent,,x\n"
    f"{C},{OLD},,green,x\n"
    f"{C},{NEW},lost,blue,x\n"
    f"{C},{TWICE},first,red,x\n"
    f"{C},{TWICE},second,,x\n"
)
READ = ReadOptions(write="badges")
CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "a", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "b"}
LOOKED = Safeguards(keep_before=True, skip_unchanged=True, verify=VerifyOptions(share=1.0))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry has it; that is all that the rest of the house hears of it."""
    monkeypatch.setitem(registry.KINDS, "badges", BADGES)


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """The input."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS, encoding="utf-8")
    return str(path)


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """One that has seen the participants, one of whom has a badge."""
    async with running(SandboxOptions()) as server:
        for who in (NEW, OLD, TWICE):
            server.state.conversations.find_participant(C, who)
        old = server.state.conversations.find_participant(C, OLD)
        assert old is not None
        old.attributes.update({PREFIX + "text": "slow", PREFIX + "colour": "green", "own": "1"})
        yield server


@pytest.fixture
def account(sandbox: SandboxServer) -> Account:
    """Somebody who may."""
    return find_account(CREDENTIALS, api_url=sandbox.url)


def kept(server: SandboxServer) -> dict[str, dict[str, str]]:
    """Attributes by participant."""
    return {one["participantId"]: one["attributes"] for one in server.state.conversations.stored()}


def lines(report: RunReport) -> list[tuple[Any, ...]]:
    """Row, outcome, code and names of each line."""
    text = (report.directory / "results.jsonl").read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    return sorted((f["row"], f["outcome"], f.get("code"), f.get("keys")) for f in found)


CHANGED = {
    NEW: {"badge.text": "late", "badge.colour": "red"},
    OLD: {"badge.text": "urgent", "badge.colour": "green", "own": "1"},
    TWICE: {"badge.text": "second"},
}
"""What it names not stays as it is, and the last row of a participant wins whole."""


def test_a_check_understands_its_columns(rows: str) -> None:
    """And prices as a run would go: one request a participant."""
    invalid: list[InvalidRow] = []
    report = check([rows], read=READ, on_invalid=invalid.append)
    assert [use.use for use in report.inputs[0].columns] == [
        "conversation id",
        "participant id",
        "the badge's text, or all of it as a JSON object",
        "badge colour",
        "not sent",
    ]
    assert [(row.number, row.code) for row in invalid] == [(4, "bad_colour")]
    assert (report.nothing_to_set, report.requests) == (1, 3)


@pytest.mark.asyncio
async def test_run_resume_verify_undo(
    rows: str, sandbox: SandboxServer, account: Account, tmp_path: Path
) -> None:
    """A canary, the rest, and back again; what cannot be taken back is said, and is not sent."""
    record = RecordOptions(out=tmp_path / "run")
    read = ReadOptions(write="badges", limit=2)
    await run([rows], account=account, read=read, safeguards=LOOKED, record=record)
    done = await resume(tmp_path / "run", account=account)
    assert lines(done) == [
        (1, "updated", None, ["text", "colour"]),
        (2, "updated", None, ["text"]),
        (3, "unchanged", "nothing_to_set", []),
        (4, "invalid", "bad_colour", None),
        (5, "superseded", None, ["text", "colour"]),
        (6, "updated", None, ["text"]),
    ]
    assert kept(sandbox) == CHANGED
    written = sandbox.state.writes.applied
    back = await undo(
        tmp_path / "run", account=account, record=RecordOptions(out=tmp_path / "undo")
    )
    assert back is not None
    found = {line[1:3] for line in lines(back)}
    assert found == {("rejected", "cannot_unset"), ("updated", None)}
    assert kept(sandbox) == CHANGED | {
        OLD: {"badge.text": "slow", "badge.colour": "green", "own": "1"}
    }
    assert sandbox.state.writes.applied == written + 1


@pytest.mark.asyncio
async def test_what_was_accepted_and_lost_is_not_stored(
    rows: str, sandbox: SandboxServer, account: Account, tmp_path: Path
) -> None:
    """Reading back goes by the kind's own read, and names what is missing by its own names."""
    sandbox.state.injector.replace([parse_fault("kind=drop,rate=1")])
    safeguards = Safeguards(verify=VerifyOptions(share=1.0, for_s=0.6))
    report = await run(
        [rows],
        account=account,
        read=ReadOptions(write="badges", limit=1),
        safeguards=safeguards,
        record=RecordOptions(out=tmp_path / "run"),
    )
    text = (report.directory / "results.jsonl").read_text(encoding="utf-8")
    (line,) = map(json.loads, text.splitlines())
    assert (line["outcome"], line["verified"]) == ("not_stored", False)
    assert line["message"].endswith("missing: text, colour")


@pytest.mark.asyncio
async def test_a_plan_and_its_run(
    rows: str, sandbox: SandboxServer, account: Account, tmp_path: Path
) -> None:
    """Its lines stand under the kind's own key, and are sent as they say."""
    out = tmp_path / "plan.jsonl"
    found = await plan([rows], account=account, out=out, settings=Settings(read=READ))
    assert found.plan is not None
    assert found.plan.participants == 3
    planned = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["badges"] for line in planned] == [
        {"text": "late", "colour": "red"},
        {"text": "urgent", "colour": "green"},
        {"text": "second"},
    ]
    report = await run(
        [str(out)],
        account=account,
        read=READ,
        safeguards=Safeguards(guard=True),
        record=RecordOptions(out=tmp_path / "run"),
    )
    assert report.summary.outcomes == {"updated": 3}
    assert kept(sandbox) == CHANGED


def test_what_belongs_to_another_kind_is_refused(rows: str) -> None:
    """A column of one's own under any name is for kinds that have such names."""
    with pytest.raises(SettingsError, match="--write badges"):
        check([rows], read=ReadOptions(write="badges", all_columns=True))
    with pytest.raises(SettingsError, match="--map tier="):
        check([rows], read=ReadOptions(write="badges", columns={"tier": "note"}))
    with pytest.raises(SettingsError, match="--set size"):
        check([rows], read=ReadOptions(write="badges", constants={"size": "1"}))
    with pytest.raises(SettingsError, match="choose attributes, wrapup, badges"):
        check([rows], read=ReadOptions(write="badge"))


def test_columns_say_which_kind_is_meant(rows: str, tmp_path: Path) -> None:
    """Its own name in a header is enough; where another kind's stands beside it, nobody guesses."""
    assert check([rows]).write == "badges"
    both = tmp_path / "both.csv"
    both.write_text("conversationId,participantId,badge,attr.tier\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"attr\.tier for attributes; badge for badges"):
        check([str(both)])
    with pytest.raises(SettingsError, match="for attributes"):
        check([rows], read=ReadOptions(all_columns=True))
    assert check([str(both)], read=ReadOptions(write="attributes")).attributes == []
