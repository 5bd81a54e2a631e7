"""How fast the reading room is: `check` against a bare loop over the same file.

The bare loops (`bare_csv.py`, `bare_jsonl.py`) parse and match the two ids, which any reader has
to do, and nothing else. `check` goes through the real reading room and all that a run's rows get:
detection, numbering, every attribute looked at, and the count of participants and requests.
Measured twice, as a library call and as the command line's whole process. Fair, because each is a
process of its own on the same core, its CPU time is that of the whole process, all read the same
bytes, and the three take turns; what they found is compared, so none skips a row.
"""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from contestants import Spent, batchpatch, interleaved, python, spend
from figure import Figure, at_least, of_rounds, say
from inputs import write_csv, write_jsonl

if TYPE_CHECKING:
    from pathlib import Path

    from figure import Settings

ROWS = 2_000_000
_REACH = {"csv": (0.4, 0.7), "jsonl": (0.5, 0.8)}


def measure_csv(settings: Settings) -> list[Figure]:
    """CSV against `csv.reader`."""
    return _measure("csv", settings)


def measure_jsonl(settings: Settings) -> list[Figure]:
    """JSONL against orjson."""
    return _measure("jsonl", settings)


def _measure(kind: str, settings: Settings) -> list[Figure]:
    rows = settings.rows or ROWS
    write = write_csv if kind == "csv" else write_jsonl
    say(f"  making {rows:,} rows")
    path = write(settings.folder / f"rows.{kind}", rows)
    commands = {
        "bare loop": python(f"bare_{kind}.py", path),
        "library": python("reading_room.py", path),
        "command line": batchpatch("check", path),
    }
    bare, library, command_line = interleaved(
        settings.rounds,
        *(
            partial(_checking, name, command, rows, settings.folder)
            for name, command in commands.items()
        ),
    )
    name = f"`check` of {rows:,} {kind.upper()} rows / bare loop"
    return [
        _figure(f"{name}, library", kind, rows, library, bare),
        _figure(f"{name}, command line", kind, rows, command_line, bare),
    ]


def _checking(name: str, command: list[str], rows: int, folder: Path) -> Spent:
    say(f"  {name}")
    spent = spend(command, folder=folder)
    # The command line says it in words, the scripts print the number alone.
    said = spent.output or (folder / "stderr").read_text("utf-8")
    if f"{rows:,}" not in said and str(rows) not in said:
        raise RuntimeError(f"{name} has not found {rows} valid rows:\n{said}")
    return spent


def _figure(name: str, kind: str, rows: int, mine: list[Spent], bare: list[Spent]) -> Figure:
    limit, moonshot = _REACH[kind]
    ratio, spread = of_rounds(b.cpu_s / m.cpu_s for m, b in zip(mine, bare, strict=True))
    speeds = [rows / median(spent.cpu_s for spent in spents) / 1000 for spents in (mine, bare)]
    return Figure(
        name,
        f"{ratio:.2f} ({spread}): {speeds[0]:,.0f}k against {speeds[1]:,.0f}k rows/s",
        f"≥ {limit} (moonshot {moonshot})",
        at_least(ratio, limit, moonshot),
    )
