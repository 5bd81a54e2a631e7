"""`batchpatch run` as a user sees it: exit code, files, what is printed."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parent.parent.parent / "samples"
Run = Callable[..., subprocess.CompletedProcess[str]]
Results = Callable[[Path], list[dict[str, Any]]]


def test_the_sample_is_patched_into_the_sandbox(
    batchpatch: Run, results: Results, tmp_path: Path
) -> None:
    """The first thing that anybody tries has to work, and to say where the report is."""
    done = batchpatch("run", str(SAMPLES / "campaign_results.csv"), "--sandbox", "--out", "r")
    assert done.returncode == 0, done.stderr
    assert "updated" in done.stderr
    assert "Report: r" in done.stderr
    lines = results(tmp_path / "r")
    assert [line["row"] for line in lines] == list(range(1, 121))
    assert {line["outcome"] for line in lines} == {"updated"}


@pytest.mark.parametrize(
    ("flags", "tokens"),
    [
        (["--fault", "status=503,rate=0.1"], 1),
        (["--fault", "kind=reset_after,rate=0.05"], 1),
        (["--revoke-after", "200"], 2),
    ],
    ids=["503", "reset", "revoked"],
)
def test_faults_that_pass_cost_no_row(
    batchpatch: Run, make_rows: Callable[..., Path], flags: list[str], tokens: int
) -> None:
    """Retries and one new token are all that transient trouble may cost."""
    done = batchpatch("run", str(make_rows(600)), "--sandbox", "--json", *flags)
    summary = json.loads(done.stdout)
    assert done.returncode == summary["exit_code"] == 0
    assert summary["outcomes"] == {"updated": 600}
    assert summary["tokens_minted"] == tokens


def test_rows_of_one_participant_are_one_request(
    batchpatch: Run,
    results: Results,
    make_rows: Callable[..., Path],
    sandbox: Any,
    tmp_path: Path,
    credentials: dict[str, str],
) -> None:
    """The quota is the ceiling, so what can go together goes together, and both rows know it."""
    rows = make_rows(10, participants=[0, 1, 2, 3, 4, 5, 6, 7, 2, 9])
    done = batchpatch(
        "run", str(rows), "--api-url", sandbox.url, "--out", "r", "--json", env=credentials
    )
    assert json.loads(done.stdout)["requests"] == 9 == sandbox.get("stats")["patches_applied"]
    third, ninth = (results(tmp_path / "r")[number - 1] for number in (3, 9))
    assert third["patch"] == ninth["patch"]
    assert (third["outcome"], third["superseded_by"]) == ("superseded", 9)
    assert ninth["outcome"] == "updated"


def test_a_steady_rate_is_hardly_ever_refused(
    batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """Fixed windows of the allowance: a bucket that bursts is refused in each of them."""
    done = batchpatch(
        "run",
        str(make_rows(150)),
        "--sandbox",
        "--json",
        "--allowed",
        "60",
        "--rate-window-s",
        "2",
        "--rate",
        "30/s",
    )
    summary = json.loads(done.stdout)
    assert summary["outcomes"] == {"updated": 150}
    assert summary["throttled"] <= 1


def test_failed_rows_can_be_sent_again_with_the_command_that_is_printed(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    results: Results,
) -> None:
    """Whoever has removed the cause pastes one line and is done."""
    sandbox.set_faults("status=404,rate=0.3,times=always")
    first = batchpatch(
        "run",
        str(make_rows(100)),
        "--api-url",
        sandbox.url,
        "--out",
        "first",
        "--json",
        env=credentials,
    )
    report = json.loads(first.stdout)
    assert first.returncode == 1
    assert 0 < report["outcomes"]["rejected"] < 100
    rejected = [line for line in results(tmp_path / "first") if line["outcome"] == "rejected"]
    assert all(line["hint"] and line["code"] for line in rejected)
    assert all(line["correlation_id"] for line in rejected)
    sandbox.set_faults()
    again = batchpatch(*shlex.split(report["send_failed"])[1:], "--json", env=credentials)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["outcomes"] == {"updated": report["outcomes"]["rejected"]}
    assert len([a for a in sandbox.state().values() if "result" in a]) == 100


def test_a_token_that_may_nothing_ends_the_run_without_a_line(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """A thousand equal refusals help nobody: one sentence says what to grant."""
    done = batchpatch(
        "run",
        str(make_rows(200)),
        "--sandbox",
        "--out",
        "r",
        "--fault",
        "status=403,rate=1,times=always",
    )
    assert done.returncode == 4
    assert "refus" in done.stderr
    assert (tmp_path / "r" / "results.jsonl").read_text(encoding="utf-8") == ""
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["unattempted"] == 200


def test_neither_secrets_nor_values_leave_a_trace(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Logs and reports are mailed around; only the failed rows hold what they must."""
    sandbox.set_faults("status=400,rate=0.5,times=always")
    done = batchpatch(
        "run",
        str(make_rows(50)),
        "--api-url",
        sandbox.url,
        "--out",
        "r",
        "-v",
        "--json",
        env=credentials,
    )
    written = {
        path.name: path.read_text(encoding="utf-8")
        for path in (tmp_path / "r").iterdir()
        if not path.name.startswith("failed")
    }
    for text in (done.stdout, done.stderr, *written.values()):
        assert "kept-to-itself" not in text
        assert "private-" not in text
        assert "Bearer" not in text
    assert "private-" in (tmp_path / "r" / "failed.csv").read_text(encoding="utf-8")


def test_files_are_the_owners_alone(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Whatever the umask: the report names people's conversations."""
    make_rows(30)
    done = batchpatch(
        "run",
        "-",
        "--sandbox",
        "--out",
        "r",
        "--fault",
        "status=400,rate=0.5,times=always",
        stdin=(tmp_path / "rows.csv").read_text(encoding="utf-8"),
        umask=0,
    )
    assert done.returncode == 1
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "r").iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert {"input", "failed.csv", "results.jsonl", "run.json", "summary.json"} <= set(modes)
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o700


def test_standard_input_may_be_left_unspooled(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """--no-spool leaves no copy of the customers' values on disk."""
    rows = make_rows(5).read_text(encoding="utf-8")
    done = batchpatch("run", "-", "--sandbox", "--no-spool", "--out", "r", stdin=rows)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "r" / "input").exists()


def test_quiet_says_nothing_and_json_is_alone_on_stdout(
    batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """A cron job mails whatever is printed; a script parses whatever is on stdout."""
    done = batchpatch("run", str(make_rows(5)), "--sandbox", "--quiet", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)["rows"] == 5


def test_a_canary_stops_after_its_rows_and_can_be_resumed(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path, results: Results
) -> None:
    """--limit is for looking before the rest; the rest is then one command away."""
    words = ["--sandbox", "--limit", "7", "--json", "--out", "r"]
    done = batchpatch("run", str(make_rows(50)), *words)
    assert done.returncode == 0, done.stderr  # a canary in a script: it was asked for
    assert json.loads(done.stdout)["stopped_because"] == "limit"
    assert len(results(tmp_path / "r")) == 7
    assert "batchpatch resume r" in done.stderr
    rest = batchpatch("resume", "r", "--sandbox", "--json")
    assert rest.returncode == 0, rest.stderr
    assert json.loads(rest.stdout)["rows"] == 50 == len(results(tmp_path / "r"))


def test_a_limit_that_covers_the_input_is_no_stop(
    batchpatch: Run, make_rows: Callable[..., Path]
) -> None:
    """Nothing is left to resume, so nothing was stopped."""
    done = batchpatch("run", str(make_rows(7)), "--sandbox", "--limit", "7", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["input_exhausted"] is True


def test_several_inputs_are_one_numbering(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path, results: Results
) -> None:
    """Row numbers run on, the source tells which file; failed rows come one file an input."""
    first, second = make_rows(3, name="one.csv"), make_rows(4, name="two.csv")
    second.write_text(second.read_text(encoding="utf-8") + "x,y,z,\n", encoding="utf-8")
    done = batchpatch("run", str(first), str(second), "--sandbox", "--out", "r")
    assert done.returncode == 1
    lines = results(tmp_path / "r")
    assert [Path(line["source"]).name for line in lines] == ["one.csv"] * 3 + ["two.csv"] * 5
    assert [line["row"] for line in lines] == list(range(1, 9))
    assert [path.name for path in (tmp_path / "r").glob("failed*")] == ["failed-2.csv"]


def test_pretty_printed_json_is_sent_and_what_failed_can_be_mended(
    batchpatch: Run, results: Results, tmp_path: Path
) -> None:
    """As other tools write it; the failed file has a line for each object, to be sent again."""
    ids = {"conversationId": str(uuid.UUID(int=1)), "participantId": str(uuid.UUID(int=2))}
    rows = [{**ids, "attributes": {"n": 1.5}}, {**ids, "conversationId": "x", "attributes": {}}]
    good, bad = (json.dumps(row, indent=2) for row in rows)
    broken = good.replace("1.5", '"1.50')
    (tmp_path / "rows.json").write_text(f"{good}\n{bad}\n{broken}\n{good}", encoding="utf-8")
    done = batchpatch("run", "rows.json", "--sandbox", "--window", "1", "--out", "r")
    assert done.returncode == 1, done.stderr
    outcomes = {line["row"]: line["outcome"] for line in results(tmp_path / "r")}
    assert outcomes == {1: "updated", 2: "invalid", 3: "invalid", 4: "updated"}
    failed = (tmp_path / "r" / "failed.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line).get("conversationId") for line in failed] == ["x", None]
    mended = [failed[0].replace('"x"', json.dumps(ids["conversationId"]))]
    mended.append(json.loads(failed[1])["batchpatch_text"].replace('"1.50', '"1.50"'))
    (tmp_path / "mended.jsonl").write_text("\n".join(mended), encoding="utf-8")
    assert batchpatch("run", "mended.jsonl", "--sandbox").returncode == 0
