"""A plain fast server: nginx, one process, on a core of its own.

It answers a PATCH with 202 and no body as the platform does, one for a marked participant with
the platform's 404, and mints a token that lives for a day. It does no work, so what is measured
is the client. Each use starts its own, and its log says what has arrived: how many requests with
which answer, and how many bytes of bodies.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from contestants import pinned, server_core
from inputs import REFUSED_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MISSING = "nginx is not installed: on Debian or Ubuntu, apt-get install nginx-light."
_READY_WITHIN_S = 10.0

_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    log_format counted '$request_method $status $content_length';
    access_log {folder}/access.log counted;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    tcp_nodelay on;
    keepalive_requests 100000000;
    keepalive_timeout 600;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location = /oauth/token {{
            return 200 '{{"access_token":"benchmark","token_type":"bearer","expires_in":86400}}';
        }}
        location ~ {refused}/attributes$ {{
            return 404 '{{"code":"not.found","message":"no such participant","status":404}}';
        }}
        location / {{ return 202; }}
    }}
}}
"""


class Arrived(NamedTuple):
    """What the server saw."""

    patches: dict[int, int]
    """Number of PATCHes by the status they were answered with."""
    body_bytes: int
    """Of these PATCHes."""


class Server(NamedTuple):
    """A server that runs."""

    url: str
    log: Path

    def arrived(self) -> Arrived:
        """What has arrived so far. The log is not buffered: each line is there once answered."""
        patches: Counter[int] = Counter()
        total = 0
        with self.log.open(encoding="ascii") as lines:
            for line in lines:
                method, status, length = line.split()
                if method == "PATCH":
                    patches[int(status)] += 1
                    total += int(length)
        return Arrived(dict(patches), total)


def find_nginx() -> str | None:
    """The program; Debian puts it where only root's PATH looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A fresh server, until the block ends. What it wrote in `folder` is removed with it."""
    program = find_nginx()
    if program is None:
        raise RuntimeError(MISSING)
    own = folder / "nginx"
    own.mkdir()
    port = _free_port()
    configuration = own / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=own, port=port, refused=REFUSED_MARK), "utf-8"
    )
    command = [program, "-p", own, "-e", own / "error.log", "-c", configuration]
    process = subprocess.Popen(pinned(command, server_core()), stderr=subprocess.DEVNULL)
    try:
        _await_ready(process, port, own / "error.log")
        yield Server(f"http://127.0.0.1:{port}", own / "access.log")
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(own)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < until_s and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    words = log.read_text("utf-8", "replace") if log.exists() else ""
    raise RuntimeError(f"nginx does not answer:\n{words}")
