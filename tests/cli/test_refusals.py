"""What a user can do wrong is one sentence and an exit code; nothing is sent, nothing is left."""

from __future__ import annotations

import gzip
import http.server
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
ROW = "3f2504e0-4f89-41d3-9a0c-0305e82c3301,3f2504e0-4f89-41d3-9a0c-0305e82c3302,x"
HEADER = "conversationId,participantId,attr.a"
BAD_INPUTS = {
    "empty": (b"", "empty"),
    "no header": (ROW.encode(), "no header"),
    "no such column": (b"a,participantId,attr.b\n1,2,3\n", "--map conversation="),
    "no attribute": (b"conversationId,participantId,tier\n", "--attributes tier"),
    "undecodable": (HEADER.encode() + b"\n" + ROW.encode() + b"\xe9\n", "--encoding cp1252"),
    "array": (b'[{"conversationId": 1}]', "jq -c"),
    "cut off": (gzip.compress((HEADER + "\n" + f"{ROW}\n" * 5000).encode())[:-40], "cut off"),
    "hopeless": ((HEADER + "\n" + "no,id,x\n" * 1200).encode(), "all invalid"),
    "two columns": (b"conversationId,conversation_id,participantId,attr.a\n", "more than one"),
    "UTF-16 unmarked": ((HEADER + "\n" + ROW).encode("utf-16-le"), "--encoding utf-16-le"),
}


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_unusable_input_is_one_sentence(
    batchpatch: Run, tmp_path: Path, kind: str, command: str
) -> None:
    """A traceback tells a user nothing; the sentence names the file and the way out."""
    content, expected = BAD_INPUTS[kind]
    path = tmp_path / "rows"
    path.write_bytes(content)
    done = batchpatch(command, "rows", *(["--sandbox"] if command == "run" else []))
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "batchpatch-runs").exists()


@pytest.mark.parametrize(
    ("words", "expected", "code"),
    [
        (["run", "missing.csv", "--sandbox"], "does not exist", 2),
        (["run", "nothing", "--sandbox"], "is a directory without a file to read", 2),
        (["run", "rows.csv"], "GENESYSCLOUD_OAUTHCLIENT_ID", 4),
        # What was typed is told before what the environment lacks.
        (["run", "missing.csv"], "missing.csv does not exist", 2),
        (["plan", "missing.csv", "--out", "p"], "missing.csv does not exist", 2),
        (["run", "rows.csv", "rows.csv"], "named twice", 2),
        (["run", "rows.csv", "--out", "rows.csv"], "is a file", 2),
        (["plan", "rows.csv", "--out", "gone/p"], "gone is no directory", 2),
        (["serve", "--record", "rows.csv"], "is a file", 2),
        (["run", "rows.csv", "--sandbox", "--sheet", "A"], "--sheet names a sheet of a workb", 2),
        (["check", "rows.csv", "--sheet", "A"], "and rows.csv is none", 2),
        (["plan", "rows.csv", "--sandbox", "--out", "p", "--sheet", "A"], "rows.csv is none", 2),
        (["run", "rows.csv", "--sandbox", "--rate", "fast"], "300/min", 2),
        (["run", "rows.csv", "--sandbox", "--route", "nowhere"], "attributes", 2),
        (["run", "rows.csv", "--sandbox", "--fault", "statu=5"], "statu", 2),
        (["run", "rows.csv", "--sandbox", "--set", "tier"], "NAME=VALUE", 2),
        (["run", "rows.csv", "--sandbox", "--map", "conversation=nope"], "no such column", 2),
        (["run", "rows.csv", "--sandbox", "--encoding", "base64"], "--encoding", 2),
        (["run", "rows.csv", "rows.csv", "--sandbox"], "named twice", 2),
        (["run", "rows.csv", "./rows.csv", "--sandbox"], "named twice", 2),
        (["check", "rows.csv", "./rows.csv"], "named twice", 2),
        (["check", "rows.csv", "rows*.csv"], "named twice", 2),
        (["check", "-", "-"], "named twice", 2),
        (["run", "rows.csv", "--fault", "status=503"], "--sandbox", 2),
        (["run", "rows.csv", "--sandbox", "--between", "late"], "22:00-06:00", 2),
        (["run", "rows.csv", "--sandbox", "--max-failures", "many"], "5%", 2),
        (["run", "rows.csv", "--sandbox", "--ca-file", "none.pem"], "none.pem", 2),
        (["run", "rows.csv", "--sandbox", "--out", "rows.csv"], "--out", 2),
        (["resume", "nothing"], "run.json", 2),
        (["purge", "nothing"], "run.json", 2),
        (["resume", "nowhere"], "nowhere does not exist", 2),
        (["run", "rows.csv", "--concurrency", "0"], "concurrency", 2),
        (["sandbox", "--port", "70000"], "port", 2),
    ],
)
def test_wrong_usage_is_one_sentence(
    batchpatch: Run, make_rows: Callable[..., Path], words: list[str], expected: str, code: int
) -> None:
    """Each says what was wrong with what, and what would be right."""
    make_rows(3).with_name("nothing").mkdir()
    done = batchpatch(*words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert expected in done.stderr


@pytest.mark.parametrize(
    ("env", "expected", "code"),
    [
        ({"GENESYSCLOUD_OAUTHCLIENT_ID": "x"}, "GENESYSCLOUD_OAUTHCLIENT_SECRET", 4),
        ({"GENESYSCLOUD_REGION": "mars-1"}, "eu-central-1", 2),
        ({"GENESYSCLOUD_REGION": ""}, "region", 2),
    ],
    ids=["half a pair", "unknown region", "no region"],
)
def test_settings_that_cannot_work_name_the_variable(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    env: dict[str, str],
    expected: str,
    code: int,
) -> None:
    """Whoever sets up a cron job reads this, and nothing else."""
    base = {} if "GENESYSCLOUD_OAUTHCLIENT_ID" in env else credentials
    done = batchpatch("run", str(make_rows(3)), env=base | env)
    assert (done.returncode, expected in done.stderr) == (code, True), done.stderr
    assert "kept-to-itself" not in done.stderr


@pytest.mark.parametrize(
    "url", ["http://api.mypurecloud.com", "https://user:pw@api.example.com", "ftp://127.0.0.1"]
)
def test_a_token_goes_to_no_strange_host(
    batchpatch: Run, make_rows: Callable[..., Path], credentials: dict[str, str], url: str
) -> None:
    """Plain http beyond loopback would show the token to everybody on the way."""
    done = batchpatch("run", str(make_rows(3)), "--api-url", url, env=credentials)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


class _Redirecting(http.server.BaseHTTPRequestHandler):
    """Mints a token, and sends every PATCH elsewhere."""

    seen: list[str]

    def do_POST(self) -> None:
        body = b'{"access_token": "t0k3n", "token_type": "bearer", "expires_in": 86400}'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.path)
        self.send_response(307)
        self.send_header("Location", f"/elsewhere{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str]]]:
    """A server that redirects, and the paths it was asked for."""
    seen: list[str] = []
    handler = type("Handler", (_Redirecting,), {"seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()
        thread.join()


def test_a_redirect_is_never_followed(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    redirecting: tuple[str, list[str]],
) -> None:
    """The token would go wherever the answer points to."""
    url, seen = redirecting
    done = batchpatch("run", str(make_rows(2)), "--api-url", url, env=credentials)
    assert done.returncode == 3  # it is not the platform's word about a row
    assert "a redirect answered with status 307, not the platform" in done.stderr
    assert seen
    assert not any("elsewhere" in path for path in seen)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
@pytest.mark.parametrize("words", ["run rows.csv", "run -", "plan rows.csv", "undo r"])
def test_a_disk_that_is_full_before_anything_has_begun_leaves_nothing(
    words: str,
    batchpatch: Run,
    sandbox: Any,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Exit code 3 says that a run is there to be resumed; and none is, so it is 2."""
    at = ("--api-url", sandbox.url)
    rows = make_rows(2)
    ids = [line.split(",")[:2] for line in rows.read_text(encoding="utf-8").splitlines()[1:]]
    sandbox.know(*({"conversationId": one, "participantId": two} for one, two in ids))
    batchpatch("run", "rows.csv", *at, "--keep-before", "--out", "r", env=credentials)
    before = {*tmp_path.rglob("*")}, sandbox.get("stats")["patches"]
    done = batchpatch(
        *words.split(),
        *(*at, "--out", "new"),
        env=credentials,
        stdin=rows.read_text(encoding="utf-8") if "-" in words.split() else None,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)),
    )
    assert done.returncode == 2, done.stderr
    assert "disk full; free some space and try again" in done.stderr
    assert ({*tmp_path.rglob("*")}, sandbox.get("stats")["patches"]) == before


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device")  # noqa: PTH110
@pytest.mark.parametrize("words", ["run /dev/zero --sandbox --out r", "check /dev/zero"])
def test_a_device_without_an_end_is_refused_at_once(
    words: str, batchpatch: Run, tmp_path: Path
) -> None:
    """It was taken for UTF-16, and whoever followed that advice read on for ever longer lines."""
    room = 2_000_000_000
    done = batchpatch(
        *words.split(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (room, room))
    )
    assert done.returncode == 2
    assert "/dev/zero is no text but holds zero bytes" in done.stderr
    assert not (tmp_path / "r").exists()
