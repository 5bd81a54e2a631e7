"""The sandbox as a process of its own, and what importing it costs."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request

import aiohttp
import pytest

from batchpatch.sandbox import SandboxOptions, running

SERVE = """
from batchpatch.sandbox import SandboxOptions, serve
serve(SandboxOptions(), ready=lambda url: print(url, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows")
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(name: signal.Signals) -> None:
    """Whoever started it stops it so, and takes any other exit code for a failure."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    # The real clock and the faster loop are in use here, so one answer is worth asking for.
    with urllib.request.urlopen(f"{url}/sandbox/stats", timeout=10) as response:  # noqa: S310
        assert response.status == 200
    process.send_signal(name)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("module", ["batchpatch.sandbox", "batchpatch.sandbox.rows"])
def test_the_light_parts_do_not_import_aiohttp(module: str) -> None:
    """`--help` describes the sandbox without paying a quarter of a second for it."""
    code = f"import sys, {module}; print(*({{'aiohttp', 'asyncio', 'uvloop'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == []


@pytest.mark.asyncio
async def test_two_sandboxes_share_nothing() -> None:
    """Tests run side by side, each on a port of its own."""
    async with running(SandboxOptions()) as one, running(SandboxOptions()) as other:
        assert one.url != other.url
        async with aiohttp.ClientSession() as session:
            await session.get(f"{one.url}/api/v2/tokens/me")
        assert (one.state.counts.requests, other.state.counts.requests) == (1, 0)


@pytest.mark.asyncio
async def test_a_taken_port_is_an_os_error() -> None:
    """The command line turns it into a sentence, so it must not come as anything else."""
    async with running(SandboxOptions()) as server:
        taken = SandboxOptions(port=int(server.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"):
            async with running(taken):
                pass
