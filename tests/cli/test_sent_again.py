"""Failed rows sent again, mended or not: old never beats new, and nothing mended is lost."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Results = Callable[[Path], list[dict[str, Any]]]

CONVERSATION = str(uuid.UUID(int=1001))
HEADER = "conversationId,participantId,attr.a"


def participant(number: int) -> str:
    return str(uuid.UUID(int=5000 + number))


def csv_of(*rows: tuple[str, str, str], header: str = HEADER) -> str:
    return "\n".join([header, *map(",".join, rows)]) + "\n"


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_that_is_mended_to_another_participant_is_sent_whole(
    batchpatch: Run, results: Results, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """What another participant of the conversation has got since is nothing that it has."""
    rows = csv_of((CONVERSATION, "bad", "old"), (CONVERSATION, participant(1), "new"))
    (tmp_path / "rows.csv").write_text(rows)
    words = ("--api-url", sandbox.url)
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    failed = (tmp_path / "r" / "failed.csv").read_text()
    (row,) = cells(failed)
    assert row["batchpatch_skip"] == f"a@{participant(1)} (row 2)"
    (tmp_path / "mended.csv").write_text(failed.replace(",bad,", f",{participant(2)},"))
    done = batchpatch("run", "mended.csv", "--out", "s", *words, env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state() == {participant(1): {"a": "new"}, participant(2): {"a": "old"}}
    (tmp_path / "mended.csv").write_text(failed.replace(",bad,", f",{participant(1)},"))
    done = batchpatch("run", "mended.csv", "--out", "t", *words, env=credentials)
    assert sandbox.state()[participant(1)] == {"a": "new"}
    (line,) = results(tmp_path / "t")
    assert (line["outcome"], line["code"]) == ("superseded", "newer_value")
    assert "row 2 of the earlier run" in line["message"]
    assert "superseded_by" not in line
    assert "superseded" in done.stderr


@pytest.mark.parametrize("by", ["resume", "run"])
def test_a_row_of_two_participants_loses_only_what_each_of_them_has_got(
    by: str,
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The one who got nothing newer must not go without."""
    for number in (1, 2):
        who = {"conversationId": CONVERSATION, "participantId": participant(number)}
        sandbox.know({**who, "purpose": "customer"})
    rows = csv_of(
        (CONVERSATION, "", "customer,old"),
        (CONVERSATION, participant(1), ",new"),
        header="conversationId,participantId,purpose,attr.a",
    )
    (tmp_path / "rows.csv").write_text(rows)
    sandbox.set_faults(f"status=400,rate=1,times=1,participant={participant(2)}")
    words = ("--api-url", sandbox.url, "--ambiguous", "all")
    again = ("--window", "1", "--concurrency", "1")
    batchpatch("run", "rows.csv", "--out", "r", *again, *words, env=credentials)
    first, second = results(tmp_path / "r")
    assert (first["outcome"], second["outcome"]) == ("rejected", "updated")
    assert first["participants"] == [participant(1), participant(2)]
    assert sandbox.state().get(participant(2), {}) == {}
    sandbox.set_faults()
    if by == "resume":
        done = batchpatch("resume", "r", "--retry", "all", env=credentials)
        assert results(tmp_path / "r")[0]["outcome"] == "updated"
    else:
        done = batchpatch("run", "r/failed.csv", "--out", "s", *words, env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state() == {participant(1): {"a": "new"}, participant(2): {"a": "old"}}


def test_results_that_another_program_has_written_again_are_retried_all_the_same(
    batchpatch: Run, results: Results, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Other spacing is the same JSON; finding nothing in it would retry nothing, silently."""
    rows = csv_of(*((CONVERSATION, participant(n), f"v{n}") for n in range(4)))
    (tmp_path / "rows.csv").write_text(rows)
    sandbox.set_faults("status=400,rate=1,times=1")
    batchpatch("run", "rows.csv", "--out", "r", "--api-url", sandbox.url, env=credentials)
    sandbox.set_faults()
    path = tmp_path / "r" / "results.jsonl"
    lines = [json.loads(line) | {"code": 7} for line in path.read_text().splitlines()]
    assert {line["outcome"] for line in lines} == {"rejected"}
    path.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))
    assert (tmp_path / "r" / "failed.csv").exists()
    done = batchpatch("resume", "r", "--retry", "rejected", env=credentials)
    assert done.returncode == 0, done.stderr
    assert {line["outcome"] for line in results(tmp_path / "r")} == {"updated"}
    assert not (tmp_path / "r" / "failed.csv").exists()


def test_a_resumed_run_speaks_of_all_of_it(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Reasons, counts and failed rows are those of the run, not of its last process."""
    rows = csv_of(*((CONVERSATION, participant(n), f"v{n}") for n in range(6)))
    (tmp_path / "rows.csv").write_text(rows)
    sandbox.set_faults(f"status=400,rate=1,participant={participant(1)}")
    words = ("--api-url", sandbox.url, "--window", "1", "--concurrency", "1")
    batchpatch("run", "rows.csv", "--limit", "3", "--out", "r", *words, env=credentials)
    done = batchpatch("resume", "r", "--json", env=credentials)
    summary = json.loads(done.stdout)
    stats = sandbox.get("stats")
    assert (summary["requests"], summary["patches"]) == (stats["requests"], stats["patches"])
    assert summary["patches"] == 6
    assert "1 rejected" in done.stderr
    assert len(cells((tmp_path / "r" / "failed.csv").read_text())) == 1


@pytest.mark.parametrize("stop", [(), ("--max-failures", "3"), ("--max-duration", "1s")])
def test_the_counts_are_those_of_the_server(
    stop: tuple[str, ...],
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
) -> None:
    """Whoever pays for requests reads them here, also of a run that was stopped in between."""
    rows = make_rows(120)
    sandbox.set_faults(
        "status=503,on=any,rate=0.1,times=1", "kind=429,rate=0.05,times=1", "status=400,rate=0.1"
    )
    words = ("--api-url", sandbox.url, "--skip-unchanged", "--verify", "--rate", "150/s")
    done = batchpatch("run", str(rows), "--out", "r", "--json", *words, *stop, env=credentials)
    summary, stats = json.loads(done.stdout), sandbox.get("stats")
    assert summary["requests"] == stats["requests"], done.stderr
    assert summary["throttled"] == stats["throttled"]
    first = ("patches", "reads", "lookups", "verifications")
    others = summary["requests"] - summary["retries"] - sum(summary[name] for name in first)
    assert 0 <= others <= 2  # whose token this is, and its limit
    assert summary["patches"] <= stats["patches"]
    assert summary["reads"] + summary["verifications"] <= stats["reads"]


def test_look_ups_are_counted_as_such(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """They are what naming participants by what they are costs."""
    rows = "conversationId\n" + "\n".join(str(uuid.UUID(int=2000 + n)) for n in range(250))
    (tmp_path / "rows.csv").write_text(rows)
    words = ("--participant", "customer", "--set", "a=b", "--api-url", sandbox.url, "--json")
    done = batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    summary, stats = json.loads(done.stdout), sandbox.get("stats")
    counted = ("patches", "reads", "lookups")
    assert [summary[name] for name in counted] == [stats[name] for name in counted]
    assert 3 <= summary["lookups"] <= 6  # the rows come in batches


def test_a_check_that_could_not_be_made_is_told_and_no_success(
    batchpatch: Run, results: Results, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Who asks for a verification must not read that all is well when there was none."""
    rows = csv_of((CONVERSATION, participant(1), "x"))
    (tmp_path / "rows.csv").write_text(rows)
    sandbox.set_faults("status=404,on=read,times=always")
    words = ("--api-url", sandbox.url, "--verify", "--verify-for", "1s", "--json")
    done = batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    (line,) = results(tmp_path / "r")
    assert line["outcome"] == "updated"
    assert line["unverified"]
    assert "verified" not in line
    summary = json.loads(done.stdout)
    assert [summary[name] for name in ("verified", "not_stored", "unverified")] == [0, 0, 1]
    assert done.returncode == summary["exit_code"] == 1
    assert "1 row could not be read back" in done.stderr


def test_failed_rows_come_back_as_they_were_in_the_encoding_of_the_input(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """The printed command keeps --encoding; an attribute name that came back as mojibake could
    never be deleted again."""
    line = {"conversationId": CONVERSATION, "participantId": participant(1)}
    text = json.dumps({**line, "attributes": {"größe": "übel"}}, ensure_ascii=False)
    (tmp_path / "rows.jsonl").write_bytes(text.encode("cp1252"))
    sandbox.set_faults("status=400,rate=1,times=1")
    words = ("--api-url", sandbox.url, "--encoding", "cp1252", "--json")
    done = batchpatch("run", "rows.jsonl", "--out", "r", *words, env=credentials)
    again = json.loads(done.stdout)["send_failed"].split()
    sandbox.set_faults()
    done = batchpatch(*again[1:], env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state() == {participant(1): {"größe": "übel"}}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("moved", [False, True])
def test_a_row_mended_to_somebody_with_a_newer_value_leaves_that_alone(
    kind: str,
    moved: bool,
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The row named another participant when it failed, so that its own file knows nothing of who
    is meant now; the run in which it failed does. What an earlier row set is older."""
    values = {1: "older", 2: "bad", 3: "newer", 4: "bad too"}
    ids = {1: 1, 2: 90, 3: 3, 4: 91}
    lines = [(CONVERSATION, participant(ids[n]), values[n]) for n in values]
    if kind == "csv":
        text = csv_of(*lines)
    else:
        keys = ("conversationId", "participantId", "attributes")
        text = "".join(
            json.dumps(dict(zip(keys, (*line[:2], {"a": line[2]}), strict=True))) + "\n"
            for line in lines
        )
    (tmp_path / f"rows.{kind}").write_text(text)
    sandbox.set_faults(*(f"status=404,rate=1,participant={participant(n)}" for n in (90, 91)))
    words = ("--api-url", sandbox.url)
    batchpatch("run", f"rows.{kind}", "--out", "r", *words, env=credentials)
    failed = (tmp_path / "r" / f"failed.{kind}").read_text()
    for wrong, right in ((90, 3), (91, 1)):
        failed = failed.replace(participant(wrong), participant(right))
    mended = tmp_path / "r" / f"failed.{kind}" if moved else tmp_path / f"mended.{kind}"
    mended.write_text(failed)
    if moved:
        (tmp_path / "r").rename(tmp_path / "elsewhere")
        mended = tmp_path / "elsewhere" / mended.name
    done = batchpatch("run", str(mended), "--out", "s", *words, env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state() == {participant(1): {"a": "bad too"}, participant(3): {"a": "newer"}}
    first, second = results(tmp_path / "s")
    assert (first["outcome"], second["outcome"]) == ("superseded", "updated")
    assert "row 3 of the earlier run" in first["message"]


def test_another_run_in_the_same_place_says_nothing_of_a_failed_row(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Its rows have other numbers: a value would be left out because of a stranger."""
    failing = participant(90)
    (tmp_path / "rows.csv").write_text(csv_of((CONVERSATION, failing, "x")))
    sandbox.set_faults(f"status=404,rate=1,participant={failing}")
    words = ("--api-url", sandbox.url)
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    failed = (tmp_path / "r" / "failed.csv").read_text().replace(failing, participant(1))
    (tmp_path / "mended.csv").write_text(failed)
    manifest = json.loads((tmp_path / "r" / "run.json").read_text())
    (tmp_path / "r").rename(tmp_path / "gone")
    other = csv_of((CONVERSATION, participant(2), "y"), (CONVERSATION, participant(1), "z"))
    (tmp_path / "rows.csv").write_text(other)
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    path = tmp_path / "r" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": "2020-01-01T00:00:00Z"}))
    assert manifest["started"] in failed
    done = batchpatch("run", "mended.csv", "--out", "s", *words, env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state()[participant(1)] == {"a": "x"}


def test_a_copy_of_a_failed_file_says_that_its_rows_have_made_it_since(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Whoever sends it again brings old values back, and may not know."""
    rows = csv_of(*((CONVERSATION, participant(n), f"v{n}") for n in range(3)))
    (tmp_path / "rows.csv").write_text(rows)
    sandbox.set_faults("status=400,rate=1,times=always")
    words = ("--api-url", sandbox.url)
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    (tmp_path / "r" / "failed.csv").rename(tmp_path / "copy.csv")
    sandbox.set_faults(f"status=400,rate=1,times=always,participant={participant(0)}")
    batchpatch("resume", "r", "--retry", "all", env=credentials)
    done = batchpatch("run", "copy.csv", "--out", "s", *words, env=credentials)
    assert "copy.csv is older than what has become of its rows: 2 rows have" in done.stderr
    again = batchpatch("run", "s/failed.csv", "--out", "t", *words, env=credentials)
    assert "is older" not in again.stderr
    (row,) = cells((tmp_path / "t" / "failed.csv").read_text())
    assert [one.split(" of ")[0] for one in row["batchpatch_row"].split("; ")] == ["1"] * 3


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("way", ["pipe", "unkept pipe", "behind a pipe", "resumed", "plan"])
def test_a_mended_row_leaves_a_newer_value_alone_whichever_way_it_comes(
    way: str,
    kind: str,
    batchpatch: Run,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Its run is named in the row, not known by the path; `cat failed.csv |` is how it is sent
    from another directory, and a plan is what careful people make of it first."""
    first, second = (CONVERSATION, participant(90), "bad"), (CONVERSATION, participant(3), "newer")
    keys = ("conversationId", "participantId", "attributes")
    objects = [dict(zip(keys, (*one[:2], {"a": one[2]}), strict=True)) for one in (first, second)]
    text = "".join(json.dumps(one) + "\n" for one in objects)
    (tmp_path / f"rows.{kind}").write_text(csv_of(first, second) if kind == "csv" else text)
    sandbox.know({**objects[1], "attributes": {}})
    sandbox.set_faults(f"status=404,rate=1,participant={participant(90)}")
    words = ("--api-url", sandbox.url)
    batchpatch("run", f"rows.{kind}", "--out", "r", *words, env=credentials)
    failed = (tmp_path / "r" / f"failed.{kind}").read_text()
    mended = failed.replace(participant(90), participant(3))
    other = csv_of((str(uuid.UUID(int=1003)), participant(8), "z"))
    (tmp_path / f"mended.{kind}").write_text(mended)
    to = ("--out", "s", *words)
    if way == "behind a pipe":
        done = batchpatch("run", "-", f"mended.{kind}", *to, stdin=other, env=credentials)
    elif way == "resumed":
        (tmp_path / "other.csv").write_text(other)
        batchpatch("run", "other.csv", "-", "--limit", "1", *to, stdin=mended, env=credentials)
        done = batchpatch("resume", "s", env=credentials)
    elif way == "plan":
        done = batchpatch("plan", "-", "--out", "p.jsonl", *words, stdin=mended, env=credentials)
        assert done.returncode == 0, done.stderr
        done = batchpatch("run", "p.jsonl", *to, env=credentials)
    else:
        more = ("--no-spool",) if way == "unkept pipe" else ()
        done = batchpatch("run", "-", *more, *to, stdin=mended, env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state()[participant(3)] == {"a": "newer"}


@pytest.mark.parametrize("way", ["pipe", "file"])
def test_failed_rows_whose_run_is_gone_say_what_nobody_can_know(
    way: str, batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """They are sent all the same, once the run is told by name: with it went what was newer."""
    (tmp_path / "rows.csv").write_text(csv_of((CONVERSATION, participant(1), "x")))
    sandbox.set_faults("status=404,rate=1")
    words = ("--api-url", sandbox.url)
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    failed = (tmp_path / "r" / "failed.csv").read_text()
    (tmp_path / "r").rename(tmp_path / "gone")
    (tmp_path / "mended.csv").write_text(failed)
    sandbox.set_faults()
    name = "-" if way == "pipe" else "mended.csv"
    done = batchpatch("run", name, "--out", "s", *words, stdin=failed, env=credentials)
    assert done.returncode == 0, done.stderr
    assert f"its rows failed in {tmp_path / 'r'}, and that run is not there any more" in done.stderr
    assert sandbox.state() == {participant(1): {"a": "x"}}


def test_a_pipe_of_rows_that_have_made_it_since_says_so(
    batchpatch: Run, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """As the file would: once, however many they are."""
    rows = csv_of(*((CONVERSATION, participant(n), f"v{n}") for n in range(3)))
    (tmp_path / "rows.csv").write_text(rows)
    sandbox.set_faults("status=400,rate=1,times=1")
    words = ("--api-url", sandbox.url)
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    failed = (tmp_path / "r" / "failed.csv").read_text()
    batchpatch("resume", "r", "--retry", "all", env=credentials)
    done = batchpatch("run", "-", "--out", "s", *words, stdin=failed, env=credentials)
    assert done.stderr.count("Standard input is older than what has become of its rows") == 1


def test_what_a_failed_row_has_taken_over_has_failed_as_well(
    batchpatch: Run, results: Results, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """Mended to another participant, the later row leaves its place to the one before it again."""
    rows = csv_of((CONVERSATION, participant(1), "first"), (CONVERSATION, participant(1), "second"))
    (tmp_path / "rows.csv").write_text(rows)
    words = ("--api-url", sandbox.url, "--retries", "0")
    sandbox.set_faults("status=503")
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    sandbox.set_faults()
    assert [line["outcome"] for line in results(tmp_path / "r")] == ["rejected"] * 2
    head, first, second = (tmp_path / "r" / "failed.csv").read_text().splitlines()
    mended = second.replace(participant(1), participant(2))
    (tmp_path / "mended.csv").write_text(f"{head}\n{first}\n{mended}")
    done = batchpatch("run", "mended.csv", "--out", "s", *words, env=credentials)
    assert done.returncode == 0, done.stderr
    assert sandbox.state() == {participant(1): {"a": "first"}, participant(2): {"a": "second"}}


@pytest.mark.parametrize("through", ["file", "pipe"])
def test_failed_rows_that_are_sent_in_parts_keep_their_order(
    through: str,
    batchpatch: Run,
    results: Results,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Whoever mends the later row first has set a newer value, though another run has done so."""
    rows = csv_of((CONVERSATION, "nobody", "old"), (CONVERSATION, "bad", "new"))
    (tmp_path / "rows.csv").write_text(rows)
    words = ("--api-url", sandbox.url)
    batchpatch("run", "rows.csv", "--out", "r", *words, env=credentials)
    head, first, second = (tmp_path / "r" / "failed.csv").read_text().splitlines()
    later = second.replace(",bad,", f",{participant(2)},")
    earlier = first.replace(",nobody,", f",{participant(2)},")
    (tmp_path / "later.csv").write_text(f"{head}\n{later}\n")
    (tmp_path / "earlier.csv").write_text(f"{head}\n{earlier}\n")
    batchpatch("run", "later.csv", "--out", "s", *words, env=credentials)
    text, name = (f"{head}\n{earlier}\n", "-") if through == "pipe" else (None, "earlier.csv")
    done = batchpatch("run", name, "--out", "t", *words, env=credentials, stdin=text)
    assert done.returncode == 0, done.stderr
    assert sandbox.state()[participant(2)] == {"a": "new"}
    (line,) = results(tmp_path / "t")
    assert (line["outcome"], line["code"]) == ("superseded", "newer_value")
    assert "row 2 of the earlier run" in line["message"]
