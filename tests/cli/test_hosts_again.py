"""What goes on with a run sends a secret where its owner says, not where a file says."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that notes what it is told of credentials."""
    heard: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.headers.get("Authorization", ""))
            self.send_response(400)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


def noted(directory: Path, **changes: str) -> None:
    """Edit what run.json says."""
    path = directory / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def stopped(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> Path:
    """A run with values before and more to do."""
    first = {"conversationId": str(UUID(int=1)), "participantId": str(UUID(int=2))}
    sandbox.know(first | {"attributes": {"result": "before"}})
    words = ["--api-url", sandbox.url, "--limit", "1", "--keep-before", "--out", "r"]
    batchpatch("run", str(make_rows(3)), *words, env=credentials)
    return tmp_path / "r"


@pytest.mark.parametrize("command", ["resume", "undo"])
def test_the_secret_of_the_environment_is_not_sent_to_a_noted_host(
    command: str,
    batchpatch: Run,
    stopped: Path,
    listener: tuple[str, list[str]],
    credentials: dict[str, str],
) -> None:
    """A host on this machine gets a sandbox's credentials, any other is refused by name."""
    url, heard = listener
    noted(stopped, api_url=url, login_url=url)
    done = batchpatch(command, "r", env=credentials)
    assert done.returncode != 0
    assert heard
    assert set(heard) == {"Basic c2FuZGJveDpzYW5kYm94"}  # sandbox:sandbox
    noted(stopped, api_url="https://api.evil.test", login_url=url)
    done = batchpatch(command, "r", env=credentials)
    assert done.returncode == 2
    assert "pass --api-url https://api.evil.test --login-url" in done.stderr
    assert set(heard) == {"Basic c2FuZGJveDpzYW5kYm94"}


def test_a_host_that_is_named_again_gets_it(
    batchpatch: Run, stopped: Path, listener: tuple[str, list[str]], credentials: dict[str, str]
) -> None:
    """Whoever has the secret says where it goes."""
    url, heard = listener
    noted(stopped, api_url=url, login_url=url)
    batchpatch("resume", "r", "--api-url", url, env=credentials)
    assert heard
    assert "Basic c2FuZGJveDpzYW5kYm94" not in heard


def test_a_run_goes_on_at_a_host_that_is_named(
    batchpatch: Run, stopped: Path, sandbox: Any, credentials: dict[str, str]
) -> None:
    """A gateway, or a region that was mistyped: whoever names it knows, and it is noted."""
    platform = {
        "api_url": "https://api.mypurecloud.de",
        "login_url": "https://login.mypurecloud.de",
    }
    noted(stopped, **platform)
    for n in (3, 5):
        sandbox.know({"conversationId": str(UUID(int=n)), "participantId": str(UUID(int=n + 1))})
    done = batchpatch("resume", "r", "--api-url", sandbox.url, env=credentials)
    assert done.returncode == 0, done.stderr
    assert json.loads((stopped / "run.json").read_bytes())["api_url"] == sandbox.url
    assert sandbox.get("stats")["by_resource"]["attributes"] == 3


def test_a_run_does_not_go_on_in_another_organisation(
    batchpatch: Run, stopped: Path, sandbox: Any, credentials: dict[str, str]
) -> None:
    """Its ids mean nobody there, or somebody else."""
    noted(stopped, api_url="https://api.mypurecloud.de", organisation=str(UUID(int=9)))
    done = batchpatch("resume", "r", "--api-url", sandbox.url, env=credentials)
    assert done.returncode == 2
    assert f"begun for the organisation {UUID(int=9)}" in done.stderr
    assert json.loads((stopped / "run.json").read_bytes())["api_url"].endswith("mypurecloud.de")
    assert sandbox.get("stats")["by_resource"]["attributes"] == 1


def test_a_run_of_another_region_is_refused(
    batchpatch: Run, stopped: Path, credentials: dict[str, str]
) -> None:
    """The environment is set for one region, the directory is of another."""
    urls = {"api_url": "https://api.mypurecloud.de", "login_url": "https://login.mypurecloud.de"}
    noted(stopped, **urls)
    done = batchpatch("resume", "r", env=credentials | {"GENESYSCLOUD_REGION": "eu-west-1"})
    assert done.returncode == 2
    assert "--region mypurecloud.de" in done.stderr
