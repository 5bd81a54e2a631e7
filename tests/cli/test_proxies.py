"""The proxy that is named for the platform is the way to it, from wherever it is named."""

from __future__ import annotations

import base64
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[str]]]:
    """A proxy that lets nobody through, and what it was asked."""
    asked: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (line := self.rfile.readline().strip()) != b"":
                asked.append(line.decode())
            self.wfile.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], asked
        server.shutdown()


@pytest.mark.parametrize("place", ["profile", "provider", "all"])
def test_a_proxy_is_used_from_wherever_it_is_named(
    place: str,
    batchpatch: Run,
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    proxy: tuple[int, list[str]],
    tmp_path: Path,
) -> None:
    """Nothing goes round it, and its password is its own: nobody gets to see it."""
    port, asked = proxy
    make_rows(1)
    env = {**credentials, "GENESYSCLOUD_REGION": "mypurecloud.ie"}
    parts = {"HOST": "127.0.0.1", "PORT": str(port)}
    parts |= {"AUTH_USERNAME": "me", "AUTH_PASSWORD": "hush"}
    if place == "profile":
        names = {"AUTH_USERNAME": "username", "AUTH_PASSWORD": "password"}
        lines = [
            f"proxy_{names.get(name, name.lower())} = '{part}'" for name, part in parts.items()
        ]
        profile = "[DEFAULT]\nclient_credentials = 'a'\nclient_secret = 'b'\n" + "\n".join(lines)
        (tmp_path / "home" / ".gc").mkdir(parents=True)
        (tmp_path / "home" / ".gc" / "config.toml").write_text(profile)
        env = {"GENESYSCLOUD_REGION": "mypurecloud.ie"}
    elif place == "provider":
        env |= {f"GENESYSCLOUD_PROXY_{name}": part for name, part in parts.items()}
    else:
        env |= {"HTTPS_PROXY": f"http://me:hush@127.0.0.1:{port}"}
    env |= {"HURRIED": "mints"}
    done = batchpatch("run", "rows.csv", "--max-outage", "1s", "-v", "--yes", env=env)
    assert done.returncode == 3, done.stderr
    assert "the proxy for login.mypurecloud.ie answers with status 407" in done.stderr
    assert "hush" not in done.stderr
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:hush').decode()}" in asked
    assert {line for line in asked if line.startswith(("CONNECT", "GET", "POST"))} == {
        "CONNECT login.mypurecloud.ie:443 HTTP/1.1"
    }
