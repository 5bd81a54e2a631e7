"""The page in a browser: foreign text runs nothing, nothing is fetched, and the search finds."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from batchpatch.formats.run_json import Manifest, encode_manifest
from batchpatch.reporting.overview import overview_of
from batchpatch.reporting.page import Wording, render_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no chromium (Debian's package)")

OWN = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page of ten failed rows, full of scripts of strangers."""
    run = tmp_path / "run"
    run.mkdir()
    manifest = Manifest(version=OWN, inputs=(), mapping={}, started="2026-01-01T00:00:00Z")
    (run / "run.json").write_bytes(encode_manifest(manifest))
    lines = [
        {"row": row, "line": row, "source": OWN, "outcome": "rejected", "code": f"code-{row}"}
        | {"message": OWN, "hint": OWN, "keys": [OWN], "at": OWN, "elapsed_ms": 7}
        for row in range(1, 11)
    ]
    (run / "results.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in lines))
    path = tmp_path / "page.html"
    wording = Wording([(OWN, OWN)], OWN, OWN)
    path.write_text(render_page(overview_of(run), wording, show_values=True), encoding="utf-8")
    return path


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[str]:
    """A browser of its own; where it can be spoken to."""
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    process = subprocess.Popen(
        [str(BROWSER), *words, f"--user-data-dir={tmp_path / 'profile'}", "about:blank"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "DevTools listening on " in line:
                yield line.split("DevTools listening on ")[1].strip()
                return
        pytest.fail("the browser does not start")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


class Tab:
    """A tab that says what it asks the network for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.session: str | None = None
        self.asked: list[str] = []

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        await self._socket.send_json(
            message | ({"sessionId": self.session} if self.session else {})
        )
        while True:
            reply = json.loads((await self._socket.receive()).data)
            if reply.get("method") == "Network.requestWillBeSent":
                self.asked.append(reply["params"]["request"]["url"])
            if reply.get("id") == self._number:
                found: dict[str, Any] = reply["result"]
                return found

    async def run(self, script: str) -> Any:
        """What a script gives."""
        reply = await self.send("Runtime.evaluate", expression=script, awaitPromise=True)
        return reply["result"].get("value")


async def look(url: str, page: Path) -> tuple[list[str], str, list[int]]:
    """What was asked for, the title, and how many rows are shown before and after a search."""
    async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:
        tab = Tab(socket)
        target = await tab.send("Target.createTarget", url="about:blank")
        attached = await tab.send("Target.attachToTarget", flatten=True, **target)
        tab.session = attached["sessionId"]
        await tab.send("Network.enable")
        await tab.send("Page.enable")
        await tab.send("Page.navigate", url=page.as_uri())
        await tab.run("new Promise(go => document.readyState == 'complete' ? go() : (onload = go))")
        shown = "document.querySelectorAll('#failed tbody tr:not([hidden])').length"
        search = (
            "(f => { f.value = 'CODE-7 rejected'; f.dispatchEvent(new Event('input')); })"
            "(document.getElementById('search'))"
        )
        counts = [await tab.run(shown)]
        await tab.run(search)
        counts.append(await tab.run(shown))
        return tab.asked, await tab.run("document.title"), counts


def test_a_browser_runs_nothing_of_a_stranger_and_finds_a_row(page: Path, browser: str) -> None:
    """What escapes on paper may still run; and a table of 2,000 rows is there to be searched."""
    asked, title, shown = asyncio.run(asyncio.wait_for(look(browser, page), 50))
    assert title == "run"
    assert shown == [10, 1]
    assert asked == [page.as_uri()]
