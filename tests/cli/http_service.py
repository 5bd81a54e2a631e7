"""A service under test, as a program beside it sees it: a process, and a port of this machine."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from email.message import Message

JSON = "application/json"
NDJSON = "application/x-ndjson"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The one document in it."""
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        """The documents in it, one a line."""
        return [json.loads(line) for line in self.body.splitlines()]


class HttpService(NamedTuple):
    """A started service."""

    process: subprocess.Popen[str]
    url: str

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one's own."""
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request, and its answer; `Content_Type` is the header of that name."""
        connection = self.connect()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            reply = connection.getresponse()
            return Answer(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.ask("GET", path, **headers)

    def patch(self, *rows: Any, path: str = "/patch", **headers: str) -> Answer:
        """POST one row as an object, or several as lines."""
        kind = JSON if len(rows) == 1 else NDJSON
        body = b"\n".join(
            row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows
        )
        return self.ask("POST", path, body, **{"Content_Type": kind, **headers})

    def metric(self, name: str) -> float:
        """The value of one metric."""
        for line in self.get("/metrics").body.decode().splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"no metric {name}")

    def stop(self) -> tuple[int, str]:
        """SIGTERM; the exit code, and what was said."""
        self.process.terminate()
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said


def until(condition: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Ask again and again; each question is a round trip, so nothing is busy."""
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "that never came"


def row(number: int, **more: Any) -> dict[str, Any]:
    """A row of a participant of its own."""
    return {
        "conversationId": f"00000000-0000-4000-8000-{2 * number:012x}",
        "participantId": who(number),
        "attributes": {"tier": f"private-{number}"},
        **more,
    }


def who(number: int) -> str:
    """The participant of that row."""
    return f"00000000-0000-4000-8000-{2 * number + 1:012x}"
