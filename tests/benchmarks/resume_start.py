"""How long a run of a million settled rows takes to its first request, when it is resumed.

The run is that of `broken_run`. Resuming has to check the input's hash, read the results, and read
the input up to the first row that is left; the bare loop (`bare_resume.py`) parses the results line
by line with orjson and passes the input through `csv.reader`, no more. Both are processes of their
own on the same core, timed by the clock from their start, imports included; the resumed run to the
moment at which the server sees its first PATCH. Peak memory is that of the resumed process, at
100,000 and at a million rows.
"""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from broken_run import input_of, leave_broken_run
from contestants import batchpatch, client_core, environment, interleaved, pinned, python, spend
from figure import Figure, at_most, of_rounds, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from figure import Settings

ROWS = 1_000_000
_REACH = 2.0
_BYTES_A_ROW = 2.0
_TOKEN = b'{"access_token":"t","token_type":"bearer","expires_in":86400}'


class _Started(NamedTuple):
    wall_s: float
    peak_bytes: int


def measure(settings: Settings) -> list[Figure]:
    """Time to the first request, and memory."""
    rows = settings.rows or ROWS
    few = rows // 10
    large, small = (leave_broken_run(settings.folder, count) for count in (rows, few))
    bare_command = python("bare_resume.py", large / "results.jsonl", input_of(large))
    bare, resumed = interleaved(
        settings.rounds,
        partial(spend, bare_command, folder=settings.folder),
        partial(_first_request, large),
    )
    ratio, spread = of_rounds(r.wall_s / b.wall_s for r, b in zip(resumed, bare, strict=True))
    growth = (resumed[0].peak_bytes - _first_request(small).peak_bytes) / (rows - few)
    return [
        Figure(
            f"`resume` to its first request, {rows:,} settled rows / bare reads",
            f"{ratio:.2f} times ({spread})",
            f"≤ {_REACH:.0f} times",
            at_most(ratio, _REACH),
        ),
        Figure(
            f"memory of `resume`, {few:,} to {rows:,} settled rows",
            f"{growth:.2f} bytes a row",
            f"≤ {_BYTES_A_ROW:.0f}",
            at_most(growth, _BYTES_A_ROW),
        ),
    ]


def _first_request(directory: Path) -> _Started:
    """Resume, wait for the first PATCH, and kill the run before it settles anything."""
    say(f"  resuming {directory.name}")
    with _server() as (url, patched):
        command = pinned(
            batchpatch("resume", directory, "--quiet", "--api-url", url), client_core()
        )
        began_s = time.monotonic()
        child = subprocess.Popen(
            command, cwd=directory.parent, env=environment(), stderr=subprocess.DEVNULL
        )
        if not patched.wait(timeout=300):
            child.kill()
            raise RuntimeError("the resumed run has sent nothing")
        wall_s = time.monotonic() - began_s
        child.kill()
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = -9
    return _Started(wall_s, usage.ru_maxrss * 1024)


@contextmanager
def _server() -> Iterator[tuple[str, threading.Event]]:
    """Mints tokens, and tells when the first PATCH has come; none is answered before the kill."""
    patched = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(_TOKEN)))
            self.end_headers()
            self.wfile.write(_TOKEN)

        def do_PATCH(self) -> None:
            patched.set()
            self.rfile.read()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", patched
        server.shutdown()
        thread.join()
