"""`--rules`: `run`, `check` and `plan` hold rows to one file, and a run goes on with no other."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    Batchpatch = Callable[..., CompletedProcess[str]]
    Results = Callable[[Path], list[dict[str, Any]]]

RULES = '[attributes.tier]\nallowed = ["gold"]\n'
HEADER = "conversationId,participantId,attr.tier\n"
ROW = "10c52dcf-a6e0-4161-ab18-72cb1751a69{0},929d00ed-653e-5179-9930-0ba179e0f78{0},{1}\n"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Two rows that fit the rules, and one between them that does not."""
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    path = tmp_path / "rows.csv"
    tiers = enumerate(("gold", "brass", "gold"))
    path.write_text(HEADER + "".join(ROW.format(*one) for one in tiers), encoding="utf-8")
    return path


def test_check_and_run_say_the_same(
    batchpatch: Batchpatch, results: Results, rows: Path, tmp_path: Path
) -> None:
    """A breach is an invalid row like any other, and sent again it is held to the same rules."""
    words = [rows.name, "--rules", "rules.toml"]
    checked = batchpatch("check", *words)
    assert (checked.returncode, "1 invalid row, rule_allowed" in checked.stdout) == (1, True)
    done = batchpatch("run", *words, "--sandbox", "--out", "R")
    assert done.returncode == 1, done.stderr
    lines = {line["row"]: line.get("code") for line in results(tmp_path / "R")}
    assert lines == {1: None, 2: "rule_allowed", 3: None}
    assert "batchpatch run R/failed.csv --rules rules.toml --sandbox\n" in done.stderr
    again = batchpatch("run", "R/failed.csv", "--rules", "rules.toml", "--sandbox", "--out", "R2")
    assert again.returncode == 1
    read = json.loads((tmp_path / "R" / "run.json").read_text("utf-8"))["options"]["read"]
    assert read["rules_sha256"] == hashlib.sha256(RULES.encode()).hexdigest()
    assert read["rules_file"] == str(tmp_path / "rules.toml")


def test_a_plan_is_held_to_them(batchpatch: Batchpatch, rows: Path) -> None:
    """What is not to be written is not planned either."""
    done = batchpatch("plan", rows.name, "--rules", "rules.toml", "--sandbox", "--out", "p.jsonl")
    assert done.returncode == 1, done.stderr
    assert "1 invalid rule_allowed" in done.stderr


@pytest.mark.parametrize(
    "command", [["resume", "R"], ["run", "rows.csv", "--out", "R", "--resume"]]
)
def test_a_run_does_not_go_on_with_other_rules(
    batchpatch: Batchpatch, rows: Path, command: list[str]
) -> None:
    """Half of its rows would be judged in another way than the rest."""
    rules = ["--rules", "rules.toml"]
    done = batchpatch("run", rows.name, *rules, "--sandbox", "--limit", "1", "--out", "R")
    assert done.returncode == 0, done.stderr
    rows.with_name("rules.toml").write_text(RULES.replace("gold", "brass"), encoding="utf-8")
    more = rules if command[0] == "run" else []
    done = batchpatch(*command, *more, "--sandbox")
    assert done.returncode == 2, done.stderr
    assert "rules" in done.stderr


def test_a_file_is_refused_before_anything_is_sent(
    batchpatch: Batchpatch, rows: Path, tmp_path: Path
) -> None:
    """Where the rules say so; JSON lines, too, are then read to their end first."""
    text = f'on_breach = "refuse"\n{RULES}'
    rows.with_name("rules.toml").write_text(text, encoding="utf-8")
    conversation, participant, _ = ROW.format(0, "").split(",")
    ids = {"conversationId": conversation, "participantId": participant}
    lines = [{**ids, "attributes": {"tier": tier}} for tier in ("gold", "gold", "brass")]
    path = rows.with_name("rows.jsonl")
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    for name in (rows.name, path.name):
        done = batchpatch("run", name, "--rules", "rules.toml", "--sandbox", "--out", "R")
        assert done.returncode == 2, done.stderr
        assert f"Line 3 of {name}: the value of 'tier' is none of those allowed" in done.stderr
        assert not (tmp_path / "R").exists()
