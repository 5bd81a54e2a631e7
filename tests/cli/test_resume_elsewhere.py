"""Going on where the input was moved, or has grown since."""

from __future__ import annotations

import ssl
import subprocess
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
