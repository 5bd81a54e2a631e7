"""Inputs that are named by where they are: folders and URLs."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    Batchpatch = Callable[..., CompletedProcess[str]]
    Results = Callable[[Path], list[dict[str, Any]]]

HEADER = "conversationId,participantId,attr.a\n"
ROW = "10c52dcf-a6e0-4161-ab18-72cb1751a69{0},929d00ed-653e-5179-9930-0ba179e0f78{0},x\n"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = (HEADER + ROW.format(1) + ROW.format(2) + ROW.format(3)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Not into the tests' output."""


@pytest.fixture
def server() -> Iterator[str]:
    """A web server with one file."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_folder_is_run_in_order(batchpatch: Batchpatch, results: Results, tmp_path: Path) -> None:
    """Check and run see the same files; rows are numbered through them."""
    data = tmp_path / "data"
    data.mkdir()
    for number in (10, 9):
        text = HEADER + ROW.format(number % 10)
        (data / f"part{number}.csv").write_text(text, encoding="utf-8")
    (data / "readme.md").write_text("", encoding="utf-8")
    assert "2 rows: 2 valid" in batchpatch("check", "data").stdout
    done = batchpatch("run", "data", "--sandbox", "--out", "R")
    assert done.returncode == 0, done.stderr
    assert "data: left out readme.md." in done.stderr
    lines = {line["row"]: line["source"] for line in results(tmp_path / "R")}
    assert lines == {1: "data/part9.csv", 2: "data/part10.csv"}


def test_a_run_of_a_url_is_resumed_from_its_copy_and_keeps_no_credentials(
    batchpatch: Batchpatch, results: Results, server: str, tmp_path: Path
) -> None:
    """The rows lie beside the run, so that nobody has to sign in again; and whatever is kept or
    printed names the place alone."""
    url = f"http://me:hush@{server}/rows.csv?sig=hush"
    done = batchpatch("run", url, "--sandbox", "--limit", "2", "--out", "R")
    assert done.returncode == 0, done.stderr
    finished = batchpatch("resume", "R", "--sandbox")
    assert finished.returncode == 0, finished.stderr
    assert len(results(tmp_path / "R")) == 3
    assert results(tmp_path / "R")[0]["source"] == f"http://{server}/rows.csv"
    kept = b"".join(path.read_bytes() for path in (tmp_path / "R").iterdir() if path.is_file())
    said = done.stdout + done.stderr + finished.stdout + finished.stderr
    assert "hush" not in said + batchpatch("check", url).stdout
    assert b"hush" not in kept
