"""Wrap-up codes as a user sets them, and the official SDK looks on.

`python tests/chaos/wrapup_drill.py`: check, plan, run, resume and undo, as commands, for so many
rows, while a twentieth of all requests is answered 503 and the run is killed in its middle. Before,
between and after, the official SDK reads what some of the agents have, and the sandbox's own memory
is compared for all. Exits with 1 where anything differs. Needs batchpatch and its extra `sdk`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from harness.world import LONG_S, Sandbox, sandbox_process, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = [sys.executable, "-m", "batchpatch"]
READER = str(Path(__file__).with_name("sdk_reader.py"))
FAULTS = ["status=503,rate=0.05,on=any"]
CREDENTIALS = {"GENESYSCLOUD_OAUTHCLIENT_ID": "drill", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "drill"}

Who = tuple[str, str]
Set = tuple[str, str]
"""Code and notes; empty where none are set."""


class Row(NamedTuple):
    """What one agent is to be given, and had before."""

    who: Who
    wanted: Set
    before: Set


def main(arguments: Sequence[str]) -> int:
    """Play it, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--read", type=int, default=200, help="agents that the SDK reads")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="batchpatch-drill-") as folder,
        sandbox_process(["--seed", str(options.seed)]) as server,
    ):
        drill = Drill(server, Path(folder), rows=options.rows, read=options.read, seed=options.seed)
        drill.play()
    for problem in drill.problems:
        print(f"WRONG: {problem}")
    return 1 if drill.problems else 0


class Drill:
    """One input and what is done with it."""

    def __init__(self, server: Sandbox, folder: Path, *, rows: int, read: int, seed: int) -> None:
        self._server = server
        self._folder = folder
        self._dice = Random(seed)  # noqa: S311
        self.problems: list[str] = []
        codes = json.loads(self._batchpatch("codes", "--json").stdout)["codes"]
        ids = {one["name"]: one["id"] for one in codes}
        self._write_input(rows, seed)
        self._rows = self._read_input(ids)
        self._some = self._dice.sample(self._rows, min(read, len(self._rows)))
        self._tell()

    def play(self) -> None:
        """The four commands, a kill, and looks in between."""
        self._look("before", [{row.before} for row in self._rows])
        self._done("check", "rows.csv", "--write", "wrapup")
        self._server.replace_faults(FAULTS)
        self._done("plan", "rows.csv", "--write", "wrapup", "--out", "plan.jsonl")
        self._look("planned", [{row.before} for row in self._rows])
        self._kill_in_the_middle()
        self._look("killed", self._after_the_kill())
        self._done("resume", "run")
        self._look("run", [{row.wanted} for row in self._rows])
        self._prove_report()
        done = self._batchpatch("undo", "run", "--out", "undo")
        self._expect("undo", done, {0, 1})
        back = [{row.before if row.before[0] else row.wanted} for row in self._rows]
        self._look("undone", back)
        stats = self._server.stats()
        print(f"{stats['requests']:,} requests in all, {stats['statuses'].get('503', 0):,} of 503")

    def _write_input(self, rows: int, seed: int) -> None:
        words = ["sandbox", "rows", "--write", "wrapup", "--count", str(rows), "--seed", str(seed)]
        made = subprocess.run([*PROGRAM, *words], capture_output=True, check=True)
        (self._folder / "rows.csv").write_bytes(made.stdout)

    def _read_input(self, ids: dict[str, str]) -> list[Row]:
        known = list(ids.values())[:4]
        with (self._folder / "rows.csv").open(encoding="utf-8", newline="") as file:
            return [
                Row(
                    (one["conversationId"], one["participantId"]),
                    (ids[one["wrapupCode"]], one["wrapupNotes"]),
                    (self._dice.choice(known), "as it was") if number % 3 else ("", ""),
                )
                for number, one in enumerate(csv.DictReader(file))
            ]

    def _tell(self) -> None:
        """Two thirds of the agents have a code already."""
        lines = []
        for (conversation_id, participant_id), _, (code, notes) in self._rows:
            wrapup = {"wrapup": {"code": code, "notes": notes}} if code else {}
            ids = {"conversationId": conversation_id, "participantId": participant_id}
            lines.append(json.dumps({**ids, "purpose": "agent", **wrapup}))
        self._server.tell("\n".join(lines).encode())
        # What is not in a row stays as it was: a plan says so, and sends it.
        self._rows = [
            row._replace(wanted=(row.wanted[0], row.wanted[1] or row.before[1]))
            for row in self._rows
        ]

    def _batchpatch(self, *words: str) -> subprocess.CompletedProcess[str]:
        to = [] if words[0] in ("check", "resume", "undo") else ["--api-url", self._server.url]
        return subprocess.run(
            [*PROGRAM, *words, *to],
            cwd=self._folder,
            env={**os.environ, **CREDENTIALS},
            capture_output=True,
            text=True,
            check=False,
        )

    def _done(self, *words: str) -> None:
        self._expect(words[0], self._batchpatch(*words), {0})

    def _expect(self, what: str, done: subprocess.CompletedProcess[str], codes: set[int]) -> None:
        for line in done.stderr.splitlines():
            if " rows in " in line or " requests:" in line or "take one away" in line:
                print(f"  {line.strip()}")
        if done.returncode not in codes:
            self.problems.append(f"{what} ended with {done.returncode}: {done.stderr[-500:]}")

    def _kill_in_the_middle(self) -> None:
        words = ["run", "plan.jsonl", "--verify", "--keep-before", "--out", "run"]
        process = subprocess.Popen(
            [*PROGRAM, *words, "--api-url", self._server.url],
            cwd=self._folder,
            env={**os.environ, **CREDENTIALS},
            stderr=subprocess.DEVNULL,
        )
        half = len(self._rows) // 2
        try:
            wait_until(lambda: self._server.stats()["patches_applied"] >= half, "half of it")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=LONG_S)
        self._server.come_to_rest()

    def _after_the_kill(self) -> list[set[Set]]:
        """What is reported has the new code; what is not, either."""
        told = {line["participant_id"] for line in self._lines("run")}
        return [
            {row.wanted} if row.who[1] in told else {row.wanted, row.before} for row in self._rows
        ]

    def _lines(self, directory: str) -> list[dict[str, object]]:
        data = (self._folder / directory / "results.jsonl").read_bytes()
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

    def _prove_report(self) -> None:
        """One line a row of the plan, each of them seen stored."""
        lines = self._lines("run")
        planned = (self._folder / "plan.jsonl").read_bytes().count(b"\n")
        if len({line["row"] for line in lines}) != planned or len(lines) != planned:
            self.problems.append(f"{len(lines)} lines for {planned} rows of the plan")
        loose = [line for line in lines if line.get("verified") is not True]
        if loose:
            self.problems.append(f"{len(loose)} rows were not seen stored: {loose[:2]}")

    def _look(self, when: str, wanted: list[set[Set]]) -> None:
        """Compare all with the sandbox's memory, and some with what the SDK reads."""
        held = {
            (one["conversationId"], one["participantId"]): _set_in(one.get("wrapup") or {})
            for one in self._server.stored()
        }
        allowed = {row.who: one for row, one in zip(self._rows, wanted, strict=True)}
        wrong = [who for who, one in allowed.items() if held.get(who, ("", "")) not in one]
        began_s = time.monotonic()
        self._server.replace_faults([])
        read = self._read_by_sdk()
        self._server.replace_faults(FAULTS)
        differing = [who for who, found in read.items() if found not in allowed[who]]
        took_s = time.monotonic() - began_s
        print(
            f"{when}: {len(differing)} of {len(read)} read by the SDK wrong ({took_s:.1f} s), "
            f"{len(wrong)} of all {len(allowed):,}"
        )
        if wrong or differing:
            self.problems.append(f"{when}: {wrong[:3]} {[(w, read[w]) for w in differing[:3]]}")

    def _read_by_sdk(self) -> dict[Who, Set]:
        ids = "\n".join(json.dumps(row.who) for row in self._some)
        done = subprocess.run(
            [sys.executable, READER, self._server.url],
            input=ids,
            capture_output=True,
            text=True,
            check=True,
        )
        found = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
        return {row.who: one for row, one in zip(self._some, found, strict=True)}


def _set_in(wrapup: dict[str, str]) -> Set:
    return wrapup.get("code", ""), wrapup.get("notes", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
