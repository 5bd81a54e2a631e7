"""The program as a user runs it: a subprocess, a directory, an environment without credentials."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import forked
from http_service import HttpService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROGRAM = forked.PROGRAM
CREDENTIALS = {
    "GENESYSCLOUD_OAUTHCLIENT_ID": "tester",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET": "kept-to-itself",
}


class Sandbox(NamedTuple):
    """A sandbox in a process of its own."""

    url: str

    def get(self, path: str) -> Any:
        """What an admin endpoint says."""
        with urllib.request.urlopen(f"{self.url}/sandbox/{path}") as reply:  # noqa: S310
            return json.loads(reply.read())

    def mint(self) -> str:
        """An access token, as somebody may have it at hand."""
        grant = b"grant_type=client_credentials"
        basic = {"Authorization": "Basic dGVzdGVyOmtlcHQ="}
        request = urllib.request.Request(f"{self.url}/oauth/token", grant, basic)  # noqa: S310
        with urllib.request.urlopen(request) as reply:  # noqa: S310
            return str(json.loads(reply.read())["access_token"])

    def state(self) -> dict[str, dict[str, str]]:
        """Attributes by participant."""
        return {who["participantId"]: who["attributes"] for who in self.stored()}

    def stored(self) -> list[dict[str, Any]]:
        """All that participants hold."""
        with urllib.request.urlopen(f"{self.url}/sandbox/state") as reply:  # noqa: S310
            return [json.loads(line) for line in reply.read().splitlines()]

    def writes(self) -> list[dict[str, Any]]:
        """Its log of PATCH requests, in order of arrival."""
        with urllib.request.urlopen(f"{self.url}/sandbox/writes") as reply:  # noqa: S310
            return [json.loads(line) for line in reply.read().splitlines()]

    def know(self, *participants: dict[str, Any]) -> None:
        """From now on these participants are there, as they are."""
        lines = "\n".join(map(json.dumps, participants)).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/sandbox/conversations", lines, method="POST"
        )
        with urllib.request.urlopen(request):  # noqa: S310
            pass

    def set_faults(self, *rules: str) -> None:
        """From now on these go wrong."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/sandbox/faults", json.dumps(rules).encode(), method="POST"
        )
        with urllib.request.urlopen(request):  # noqa: S310
            pass


@pytest.fixture
def cold_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No forks: for what happens while the interpreter starts, or ends."""
    monkeypatch.setenv("COLD_STARTS", "1")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nobody's credentials: no variable of the platform, and a home without a profile."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENESYS", "GC_", "HTTP"))}
    return {**kept, "HOME": str(tmp_path / "home"), "COLUMNS": "80", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def quick_lines(environment: dict[str, str]) -> None:
    """What is settled stands in the results at once, where a second passes else: for modules whose
    tests wait for the first lines of a run."""
    environment["HURRIED"] = "sync"


@pytest.fixture
def batchpatch(
    tmp_path: Path, environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program to its end."""

    def run(
        *words: str, stdin: str | None = None, env: dict[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        return forked.run(
            words,
            cwd=tmp_path,
            env=environment | (env or {}),
            stdin_text=stdin,
            text=True,
            encoding="utf-8",
            **more,
        )

    return run


@pytest.fixture
def start_batchpatch(
    tmp_path: Path, environment: dict[str, str]
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program and leaves it to the test; what still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *words: str, env: dict[str, str] | None = None, through: Sequence[str] = (), **more: Any
    ) -> Any:
        process = forked.start(
            words,
            through=through,
            cwd=tmp_path,
            env=environment | (env or {}),
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE),
            text=True,
            **more,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def start_sandbox(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Sandbox]]:
    """Starts sandboxes, which end with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> Sandbox:
        process = forked.start(
            ["sandbox", "--port", "0", *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return Sandbox(process.stdout.readline().strip())

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


@pytest.fixture
def sandbox(start_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox without limits or faults."""
    return start_sandbox()


@pytest.fixture
def start_service(
    start_batchpatch: Callable[..., subprocess.Popen[str]], credentials: dict[str, str]
) -> Callable[..., HttpService]:
    """Starts `serve` on a free port, towards a sandbox, and waits until it listens."""

    def start(sandbox: Sandbox, *words: str, env: dict[str, str] | None = None) -> HttpService:
        process = start_batchpatch(
            *("serve", "--port", "0", "--api-url", sandbox.url, *words),
            env=credentials if env is None else env,
        )
        assert process.stderr is not None
        said = ""
        while "Listening on " not in said:
            line = process.stderr.readline()
            assert line, f"it ended: {said}"
            said += line
        return HttpService(process, said.rpartition("Listening on ")[2].strip().strip('"}'))

    return start


@pytest.fixture
def make_rows(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV of rows, each of a participant of its own unless the row says which."""

    def make(count: int, *, name: str = "rows.csv", participants: list[int] | None = None) -> Path:
        lines = ["conversationId,participantId,attr.result,attr.note"]
        for index, who in enumerate(participants or range(count)):
            conversation, participant = uuid.UUID(int=2 * who + 1), uuid.UUID(int=2 * who + 2)
            lines.append(f"{conversation},{participant},result-{index},private-{index}")
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return make


def read_results(directory: Path) -> list[dict[str, Any]]:
    """The lines of a run, by row."""
    lines = (directory / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda line: int(line["row"]))


@pytest.fixture
def results() -> Callable[[Path], list[dict[str, Any]]]:
    """Reads a run's lines back."""
    return read_results


@pytest.fixture
def credentials() -> dict[str, str]:
    """Environment of somebody who has a client."""
    return dict(CREDENTIALS)
