"""Going on where the input was moved, or has grown since."""

from __future__ import annotations

import gzip
import ssl
import subprocess
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_moved_input_that_has_grown_is_sent_to_its_end(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Each row once, those that were added too, and the next resume knows the input."""
    rows = make_rows(9).read_text().splitlines(keepends=True)
    path = tmp_path / "rows.csv"
    path.write_text("".join(rows[:7]))
    words = ["--api-url", sandbox.url, "--limit", "3", "--out", "r"]
    batchpatch("run", "rows.csv", *words, env=credentials)
    (tmp_path / "mount").mkdir()
    moved = path.rename(tmp_path / "mount" / "rows.csv")
    assert batchpatch("resume", "r", env=credentials).returncode == 2
    done = batchpatch("resume", "r", "--input", str(moved), env=credentials)
    assert done.returncode == 0, done.stderr
    moved.write_text("".join(rows))
    done = batchpatch("resume", "r", env=credentials)
    assert done.returncode == 2
    assert "--appended" in done.stderr
    for _ in range(2):
        done = batchpatch("resume", "r", "--appended", env=credentials)
        assert done.returncode == 0, done.stderr
    assert [line["row"] for line in results(tmp_path / "r")] == list(range(1, 10))
    assert {line["source"] for line in results(tmp_path / "r")} == {"rows.csv"}
    assert sandbox.get("stats")["by_resource"]["attributes"] == 9


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("limit", ["3", "6"])
def test_any_of_several_inputs_may_have_grown_until_the_next_is_begun(
    limit: str,
    packed: bool,
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Rows are numbered through: those of the second input move as long as none has its number."""
    pack = gzip.compress if packed else bytes
    head, *rows = make_rows(9).read_bytes().splitlines(keepends=True)
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_bytes(pack(head + b"".join(rows[:4])))
    second.write_bytes(pack(head + b"".join(rows[6:])))
    words = ["--api-url", sandbox.url, "--limit", limit, "--out", "r"]
    batchpatch("run", "first.csv", "second.csv", *words, env=credentials)
    with first.open("ab") as file:
        file.write(pack(b"".join(rows[4:6])))
    done = batchpatch("resume", "r", "--appended", env=credentials)
    if limit == "6":
        assert done.returncode == 2
        assert "would get other numbers: send what was added as a run of its own" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    lines = results(tmp_path / "r")
    assert [line["row"] for line in lines] == list(range(1, 10))
    assert [line["source"] for line in lines] == ["first.csv"] * 6 + ["second.csv"] * 3
    values = sorted(attributes["result"] for attributes in sandbox.state().values())
    assert values == [f"result-{n}" for n in range(9)]


def test_what_the_other_machine_has_otherwise_is_said_again(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Its certificates lie elsewhere, and it may do with fewer connections; an undo as well."""
    make_rows(3)
    for n in (1, 3, 5):
        ids = {"conversationId": str(uuid.UUID(int=n)), "participantId": str(uuid.UUID(int=n + 1))}
        sandbox.know({**ids, "purpose": "customer"})
    pem = tmp_path / "here.pem"
    pem.write_bytes(
        ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(True)[0]).encode()
    )
    words = ["--api-url", sandbox.url, "--limit", "1", "--keep-before", "--out", "r"]
    batchpatch("run", "rows.csv", *words, "--ca-file", "here.pem", env=credentials)
    moved = pem.rename(tmp_path / "there.pem")
    refused = batchpatch("resume", "r", env=credentials)
    assert (refused.returncode, "here.pem" in refused.stderr) == (2, True), refused.stderr
    more = ("--ca-file", str(moved), "--concurrency", "1")
    done = batchpatch("resume", "r", *more, env=credentials)
    assert done.returncode == 0, done.stderr
    back = batchpatch("undo", "r", *more, env=credentials)
    assert back.returncode == 0, back.stderr
