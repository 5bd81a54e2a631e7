"""URLs: what is shown of them, and what becomes of their errors."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import InputError
from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader
from batchpatch.reading.sources import is_regular, open_source
from batchpatch.reading.urls import is_url, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = (
    b"conversationId,participantId,attr.a\n"
    b"10c52dcf-a6e0-4161-ab18-72cb1751a690,929d00ed-653e-5179-9930-0ba179e0f780,x\n"
)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = {"rows.csv": 200, "secret.csv": 403, "cut.csv": 200}
        status = known.get(self.path.partition("?")[0].rpartition("/")[2], 404)
        body = ROWS if status == 200 else b"no"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + 10 * self.path.startswith("/cut")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Not into the tests' output."""


@pytest.fixture
def server() -> Iterator[str]:
    """A web server with one file."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("https://me:pass@host.example/a/b.csv?sig=abc#x", "https://host.example/a/b.csv"),
        ("https://host.example:8443/x@y", "https://host.example:8443/x@y"),
        ("https://me:pa/ss@host.example/x", "https://host.example/x"),
        ("s3://key:sec/ret@bucket/rows.csv", "s3://bucket/rows.csv"),
        ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
        ("rows@2026.csv", "rows@2026.csv"),
        ("C:\\rows.csv", "C:\\rows.csv"),
    ],
)
def test_credentials_in_a_url_are_not_shown(name: str, shown: str) -> None:
    """Whatever stands in front of a host or behind a question mark may be one."""
    assert shown_name(name) == shown
    assert not (is_url(name) and is_regular(name))


def test_rows_of_a_url(server: str) -> None:
    """They are read as they come, under the name that may be shown."""
    reader = Reader([f"{server}/rows.csv?token=hush"], ReadOptions())
    assert [row.values for batch in reader for row in batch.rows] == [("x",)]
    assert reader.names == [f"{server}/rows.csv"]
    assert reader.inputs[0].name == f"{server}/rows.csv"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/none.csv", r"cannot be opened: there is nothing there \(404\)"),
        ("/secret.csv", r"cannot be opened: access was refused \(403\)"),
    ],
)
def test_a_url_that_cannot_be_read(server: str, path: str, words: str) -> None:
    """In a sentence that quotes nothing of what the library has to say: it may name the token."""
    with pytest.raises(InputError, match=words) as caught:
        open_source(f"{server}{path}?token=hush")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://127.0.0.1:{closed}/a?token=hush", "cannot be opened: Connection refused; check"),
        ("https://127.0.0.1:{port}/a?token=hush", "cannot be opened: no TLS connection came"),
        ("https://nowhere.invalid/a?token=hush", "its host's name cannot be resolved; check"),
        ("https:///a?token=hush", "it cannot be reached as it is written"),
        ("ftp://127.0.0.1:{closed}/a?token=hush", "it cannot be reached as it is written"),
    ],
)
def test_an_address_where_nobody_answers(server: str, url: str, words: str) -> None:
    """Said in the system's words: the name of a class of a library tells a user nothing."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        ports = {"closed": nobody.getsockname()[1], "port": server.rpartition(":")[2]}
        with pytest.raises(InputError, match=words) as caught:
            open_source(url.format(**ports))
    assert "hush" not in str(caught.value)
    assert "Error" not in str(caught.value)


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same server, as what keeps buckets; and no credentials but these."""
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    told = {"ENDPOINT_URL": server, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "hush"}
    told |= {"DEFAULT_REGION": "us-east-1", "MAX_ATTEMPTS": "1", "EC2_METADATA_DISABLED": "true"}
    told |= {"CONFIG_FILE": "/nowhere", "SHARED_CREDENTIALS_FILE": "/nowhere"}
    for name, value in told.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.usefixtures("bucket")
def test_rows_of_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the credentials that the library finds, or a sentence where it finds none."""
    reader = Reader(["s3://bucket/rows.csv"], ReadOptions())
    assert [row.values for batch in reader for row in batch.rows] == [("x",)]
    with pytest.raises(
        InputError,
        match=r"none\.csv cannot be opened: there is nothing there \(404\); check the address",
    ):
        open_source("s3://bucket/none.csv")
    with pytest.raises(InputError, match=r"access was refused \(403\)"):
        open_source("s3://bucket/secret.csv")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(sys.modules["boto3"], "DEFAULT_SESSION", None)
    with pytest.raises(InputError, match="no credentials for it were found"):
        open_source("s3://bucket/rows.csv")


def test_a_url_that_breaks_off(server: str) -> None:
    """Half a file is not the file."""
    with pytest.raises(InputError, match="cannot be read: it broke off") as caught:
        list(Reader([f"{server}/cut.csv?token=hush"], ReadOptions()))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("http://example.org/rows.csv", "in the clear: use https"),
        ("nonsense://example.org/rows.csv", "no URL that can be read"),
    ],
)
def test_urls_that_are_not_taken(name: str, words: str) -> None:
    """Rows are customers' data, and who listens on the way is not known."""
    with pytest.raises(InputError, match=words):
        open_source(name)


def test_a_url_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said, and what does without."""
    monkeypatch.setitem(sys.modules, "smart_open", None)
    with pytest.raises(InputError, match=r"download it, or .*pip install '\.\[url\]'"):
        open_source("s3://bucket/rows.csv")
