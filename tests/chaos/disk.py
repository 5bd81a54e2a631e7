"""A disk that fails at each call in turn: `python tests/chaos/disk.py`, Linux only.

A run with `--keep-before`, a resume and an undo are played with a kill, with an error and with a
disk that is full from there on, once at each call that changes their directory.
Then they are finished with the command that is there for it, and judged by the sandbox and by
`results.jsonl`. Prints what broke a promise, and exits with 1 where anything did.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.disk import Fault

from batchpatch.testing import open_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.testing import Sandbox

ROWS = range(1, 25)
OLD, NEW = ({row: f"{word}{row}" for row in ROWS} for word in ("old", "new"))
HOW = (("KILL", False), ("EIO", False), ("ENOSPC", True))
_DISK = Path(__file__).parent / "harness" / "disk.py"
_LET_GO = {"close", "flock", "fchmod"}
"""What a kill at them would show, the call behind them shows."""


class Command(NamedTuple):
    """What is played on the faulty disk."""

    words: str
    before: str = ""
    """What has been done by then."""
    out: str = "r"
    """The directory that it writes."""
    stored: dict[int, str] = NEW
    """What there is to be at its end."""


COMMANDS = {
    "run": Command("run rows.csv --keep-before --out r"),
    "resume": Command("resume r", before="run rows.csv --keep-before --limit 10 --out r"),
    "undo": Command(
        "undo r --out u", before="run rows.csv --keep-before --out r", out="u", stored=OLD
    ),
}


class Play:
    """One command in a folder of its own, with one fault."""

    def __init__(self, command: Command, sandbox: Sandbox, folder: Path) -> None:
        self._command, self._sandbox = command, sandbox
        self._log, self.folder = folder / "calls", folder / "w"
        self.said = ""

    def play(self, fault: Fault) -> int:
        """The command's own exit code."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "rows.csv").write_text(_csv())
        self._sandbox.reset()
        for row in ROWS:
            self._sandbox.know(*_ids(row), attributes={"tier": OLD[row]})
        if self._command.before:
            self._start(["-m", "batchpatch"], self._command.before)
        disk = [str(_DISK), str(self.folder), str(self._log), str(fault)]
        return self._start(disk, self._command.words)

    @property
    def calls(self) -> list[str]:
        """Those of the last play, in their order."""
        return self._log.read_text().splitlines()

    def broken(self, code: int) -> Iterator[str]:
        """Finish what was played, and say what is not as it is promised."""
        if "Traceback" in self.said:
            yield "a traceback"
        if code not in (0, 2, 3, -9):
            yield f"exit code {code}"
        if code:
            self._finish()
        yield from self._differing(self._command.stored)
        lines = (self.folder / self._command.out / "results.jsonl").read_text().splitlines()
        if Counter(json.loads(line)["row"] for line in lines) != Counter(ROWS):
            yield "not one line a row"
        yield from (f"left: {path.name}" for path in self.folder.rglob("*.tmp"))
        if self._command.out == "r":
            self._start(["-m", "batchpatch"], "undo r --out u")
            yield from (f"undone, {one}" for one in self._differing(OLD))

    def _finish(self) -> None:
        out = self._command.out
        if (self.folder / out / "run.json").exists():
            self._start(["-m", "batchpatch"], f"resume {out}")
        else:
            self._start(["-m", "batchpatch"], self._command.words)

    def _differing(self, wanted: dict[int, str]) -> Iterator[str]:
        found = {row: self._sandbox.stored(*_ids(row)).get("tier") for row in ROWS}
        if found != wanted:
            yield f"row {next(row for row in ROWS if found[row] != wanted[row])} is another"

    def _start(self, program: Sequence[str], words: str) -> int:
        url = self._sandbox.url
        done = subprocess.run(
            [sys.executable, *program, *words.split(), "--api-url", url, "--login-url", url],
            cwd=self.folder,
            env={**os.environ, **self._sandbox.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.said = done.stderr
        return done.returncode


def faults(calls: Sequence[str], every: int) -> Iterator[Fault]:
    """Those to be played, of one command."""
    for number, call in list(enumerate(calls, 1))[::every]:
        for how, lasts in HOW:
            if how != "KILL" or call.split()[0] not in _LET_GO:
                yield Fault(number, how, lasts)


def main(arguments: Sequence[str]) -> int:
    """Play them, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=COMMANDS, help="this command")
    parser.add_argument("--every", type=int, default=1, help="only each N-th call")
    options = parser.parse_args(arguments)
    broken = 0
    with (
        tempfile.TemporaryDirectory(prefix="batchpatch-disk-") as folder,
        open_sandbox() as sandbox,
    ):
        for name in [options.only] if options.only else COMMANDS:
            play = Play(COMMANDS[name], sandbox, Path(folder))
            play.play(Fault(0))
            calls = play.calls
            wanted = list(faults(calls, options.every))
            for fault in wanted:
                for promise in play.broken(play.play(fault)):
                    broken += 1
                    print(f"{name} {fault} ({calls[fault.call - 1]}): {promise}")
            print(f"{name}: {len(calls)} calls, {len(wanted)} faults", flush=True)
    return 1 if broken else 0


def _ids(row: int) -> tuple[str, str]:
    conversation, participant = (f"3f2504e0-4f89-41d3-9a0{end}-{row:012d}" for end in "cd")
    return conversation, participant


def _csv() -> str:
    rows = (f"{','.join(_ids(row))},{NEW[row]}\n" for row in ROWS)
    return "".join(["conversationId,participantId,attr.tier\n", *rows])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
