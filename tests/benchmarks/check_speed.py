"""How fast reading is: `check` against a bare loop over the same file.

The bare loops (`bare_csv.py`, `bare_jsonl.py`) parse and match the two ids, which any reader has
to do, and nothing else. `check` goes through the real reading stage and all that a run's rows get:
detection, numbering, every attribute looked at, and the count of participants and requests.
Measured twice, as a library call and as the command line's whole process. Fair, because each is a
process of its own on the same core, its CPU time is that of the whole process, all read the same
bytes, and the three take turns; what they found is compared, so none skips a row.
"""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from contestants import Spent, batchpatch, interleaved, python, spend
from figure import Figure, at_least, of_rounds, say
from inputs import write_csv, write_jsonl, write_jsonl_with_numbers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from figure import Settings

ROWS = 2_000_000
_PAIRS = 5
"""At least, where few rounds were asked for: these processes are short."""


class _Input(NamedTuple):
    """A kind of input, and who reads it."""

    name: str
    file: str
    write: Callable[[Path, int], Path]
    bare: str
    reach: tuple[float, float]
    """The share of the bare loop's speed to reach, and the moonshot."""
    rules: str | None = None
    """For its values, which all fit."""


_CSV = _Input("CSV", "rows.csv", write_csv, "bare_csv.py", (0.4, 0.7))
_JSONL = _Input("JSONL", "rows.jsonl", write_jsonl, "bare_jsonl.py", (0.5, 0.8))
_NUMBERS = _Input(
    "JSONL (with numbers)",
    "numbers.jsonl",
    write_jsonl_with_numbers,
    "bare_jsonl.py",
    (0.6, 0.8),
)


_RULES = _Input(
    "CSV (with ten rules)",
    "rows.csv",
    write_csv,
    "bare_csv.py",
    (0.4, 0.7),
    rules=r"""
[attributes.campaign]
required = true
max_bytes = 40
pattern = 'spring renewal \d+'

[attributes.wrapUp]
required = true
allowed = ["callback requested", "contract renewed"]
max_bytes = 100
pattern = '[a-z ]+'

[attributes.reference]
required = true
max_bytes = 30
pattern = 'case-\d{10}-\d\d'
""",
)


def measure_rules(settings: Settings) -> list[Figure]:
    """CSV whose values are held to ten rules, against `csv.reader` without any."""
    return _measure(_RULES, settings)


def measure_csv(settings: Settings) -> list[Figure]:
    """CSV against `csv.reader`."""
    return _measure(_CSV, settings)


def measure_jsonl(settings: Settings) -> list[Figure]:
    """JSONL against orjson."""
    return _measure(_JSONL, settings)


def measure_numbers(settings: Settings) -> list[Figure]:
    """JSONL with numbers among its values, which are to keep their digits, against orjson."""
    return _measure(_NUMBERS, settings)


def _measure(kind: _Input, settings: Settings) -> list[Figure]:
    rows = settings.rows or ROWS
    say(f"  making {rows:,} rows")
    path = kind.write(settings.folder / kind.file, rows)
    rules = []
    if kind.rules is not None:
        rules = [settings.folder / "rules.toml"]
        rules[0].write_text(kind.rules, encoding="utf-8")
    commands = {
        "bare loop": python(kind.bare, path),
        "library": python("reading_stage.py", path, *rules),
        "command line": batchpatch("check", path, *(["--rules", *rules] if rules else [])),
    }
    bare, library, command_line = interleaved(
        max(settings.rounds, _PAIRS),
        *(
            partial(_checking, name, command, rows, settings.folder)
            for name, command in commands.items()
        ),
    )
    name = f"`check` of {rows:,} {kind.name} rows / bare loop"
    return [
        _figure(f"{name}, library", kind.reach, rows, library, bare),
        _figure(f"{name}, command line", kind.reach, rows, command_line, bare),
    ]


def _checking(name: str, command: list[str], rows: int, folder: Path) -> Spent:
    say(f"  {name}")
    spent = spend(command, folder=folder)
    # The command line says it in words, the scripts print the number alone.
    said = spent.output or (folder / "stderr").read_text("utf-8")
    if f"{rows:,}" not in said and str(rows) not in said:
        raise RuntimeError(f"{name} has not found {rows} valid rows:\n{said}")
    return spent


def _figure(
    name: str, reach: tuple[float, float], rows: int, mine: list[Spent], bare: list[Spent]
) -> Figure:
    limit, moonshot = reach
    ratio, spread = of_rounds(b.cpu_s / m.cpu_s for m, b in zip(mine, bare, strict=True))
    speeds = [rows / median(spent.cpu_s for spent in spents) / 1000 for spents in (mine, bare)]
    return Figure(
        name,
        f"{ratio:.2f} ({spread}): {speeds[0]:,.0f}k against {speeds[1]:,.0f}k rows/s",
        f"≥ {limit} (moonshot {moonshot})",
        at_least(ratio, limit, moonshot),
    )
