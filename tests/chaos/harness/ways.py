"""The ways in which rows are sent one at a time: each a process, and what its sender does.

`pipe` is `run - --results -`, `library` a program with a task a row, `stream` one that takes its
results one by one, `serve` an HTTP request a row.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from harness.client import CREDENTIALS
from harness.judging import whole_lines
from harness.world import LONG_S

if TYPE_CHECKING:
    from harness.calls import Call

HERE = Path(__file__).parents[1]
_LINE_BYTES = 1 << 16
_SIP_BYTES = 2_000
_SIP_EVERY_S = 0.02


class Way:
    """A process at work, the calls that it was sent and their answers. Of one event loop."""

    process: asyncio.subprocess.Process

    def __init__(self, name: str, url: str, record: Path) -> None:
        """Nothing is started. `record`: the directory of its report."""
        self.name = name
        self.url = url
        self.record = record
        self.sent: list[Call] = []
        self.answers: list[dict[str, Any]] = []
        self.refused: set[str] = set()
        """Calls that were told that they are not taken."""
        self.given_up: set[str] = set()
        self.slow = False
        """Answers are taken as slowly as can be."""
        self._said = b""

    async def start(self) -> None:
        """Start the process."""

    async def send(self, call: Call) -> None:
        """Send a call; its answer comes when it comes."""

    def give_up(self, call: Call) -> None:
        """Cancel its caller, if it has no answer."""

    async def end_input(self) -> None:
        """No more calls come; those that were sent are to be answered."""

    def leave(self) -> None:
        """Take no more answers: whoever waited for them is gone."""

    async def ended(self) -> int:
        """Wait for the end; gives the exit code."""
        return await asyncio.wait_for(self.process.wait(), LONG_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def said(self) -> str:
        """What it has said on its standard error."""
        return self._said.decode(errors="replace")

    def recorded(self) -> list[dict[str, Any]]:
        """The lines of its report."""
        return whole_lines(self.record / "results.jsonl")

    async def _spawn(self, *words: str) -> None:
        path = filter(None, [str(HERE), os.environ.get("PYTHONPATH")])
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, *words),
            env=os.environ | CREDENTIALS | {"PYTHONPATH": os.pathsep.join(path)},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=_LINE_BYTES,
        )

    async def _hear(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self._said += line


class LineWay(Way):
    """Rows as lines into standard input, results as lines out of standard output."""

    async def start(self) -> None:
        """Start the process, and take what it says."""
        await self._spawn(*self._words())
        self._reading = asyncio.create_task(self._read())
        self._hearing = asyncio.create_task(self._hear())

    def _words(self) -> list[str]:
        if self.name == "pipe":
            words = ["run", "-", "--results", "-", "--format", "jsonl", "--out", str(self.record)]
            words += ["--quiet", "--grace", "5s", "--api-url", self.url, "--login-url", self.url]
            return ["-m", "harness.client", json.dumps({"command": words, "unread_bytes": 9000})]
        manner = "stream" if self.name == "stream" else "callers"
        return ["-m", "harness.stream_client", self.url, manner, str(self.record)]

    async def send(self, call: Call) -> None:
        """Write its line."""
        self.sent.append(call)
        await self._write(call.fields)

    def give_up(self, call: Call) -> None:
        """Tell its service that it is no longer wanted."""
        self.given_up.add(call.id)
        if not self._stdin.transport.is_closing():
            self._stdin.write(json.dumps({"give up": call.id}).encode() + b"\n")

    async def end_input(self) -> None:
        """Close its standard input."""
        with suppress(OSError):
            self._stdin.close()
            await self._stdin.wait_closed()

    def leave(self) -> None:
        """Close the reading end of its standard output."""
        self._reading.cancel()
        self.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]

    async def ended(self) -> int:
        """Wait for the end, and take what is left."""
        code = await super().ended()
        await asyncio.wait({self._reading, self._hearing})
        return code

    @property
    def _stdin(self) -> asyncio.StreamWriter:
        assert self.process.stdin is not None
        return self.process.stdin

    async def _write(self, fields: dict[str, Any]) -> None:
        if self._stdin.transport.is_closing():  # it has ended, or takes no more
            return
        with suppress(OSError):
            self._stdin.write(json.dumps(fields).encode() + b"\n")
            await self._stdin.drain()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        torn = b""
        while data := await self.process.stdout.read(_SIP_BYTES):
            *lines, torn = (torn + data).split(b"\n")
            self.answers += map(json.loads, lines)
            if self.slow:
                await asyncio.sleep(_SIP_EVERY_S)


class HttpWay(Way):
    """An HTTP request a row."""

    async def start(self) -> None:
        """Start the service, and wait until it listens."""
        words = ["serve", "--port", "0", "--record", str(self.record), "--grace", "5s"]
        words += ["--api-url", self.url, "--login-url", self.url]
        await self._spawn("-m", "harness.client", json.dumps({"command": words}))
        assert self.process.stderr is not None
        while b"http://" not in self._said:
            if not (line := await self.process.stderr.readline()):
                raise RuntimeError(f"serve did not start: {self.said()}")
            self._said += line
        self._here = f"http://{self._said.decode().split('http://')[1].split()[0]}/patch"
        self._hearing = asyncio.create_task(self._hear())
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def send(self, call: Call) -> None:
        """Post it."""
        self.sent.append(call)
        self._asking[call.id] = asyncio.create_task(self._ask(call))
        await asyncio.sleep(0)

    async def _ask(self, call: Call) -> None:
        with suppress(aiohttp.ClientError):  # unanswered
            async with self._session.post(self._here, json=call.fields) as answer:
                document = await answer.json()
                if answer.status == 200:
                    self.answers.append(document)
                else:
                    self.refused.add(call.id)

    def give_up(self, call: Call) -> None:
        """Hang up."""
        if not self._asking[call.id].done():
            self.given_up.add(call.id)
            self._asking[call.id].cancel()

    def leave(self) -> None:
        """Hang up on all."""
        for call in self.sent:
            self.give_up(call)

    async def end_input(self) -> None:
        """Wait for the answers, and ask for the end."""
        if self._asking:
            await asyncio.wait(self._asking.values(), timeout=LONG_S)
        self.signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for the end, and hang up."""
        code = await super().ended()
        await asyncio.wait({self._hearing, *self._asking.values()})
        await self._session.close()
        return code


def way_of(name: str, url: str, record: Path) -> Way:
    """The way of that name; not started."""
    return (HttpWay if name == "serve" else LineWay)(name, url, record)
