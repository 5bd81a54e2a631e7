"""How a broken promise is told: what to read first in a few short lines, all of it in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_LINES = 6
_NAMES = 8
_CHARS = 200
FILE = "verdict.txt"
"""Lies in the directory of the case, beside what the run has left there."""


def counted(what: str, names: Sequence[object]) -> list[str]:
    """One line that says how many, and names the first of them; none where there are none."""
    if not names:
        return []
    more = ", ..." if len(names) > _NAMES else ""
    return [f"{len(names)} {what}: {', '.join(map(_name, names[:_NAMES]))}{more}"]


def _name(one: object) -> str:
    return "/".join(map(str, one)) if isinstance(one, tuple) else str(one)


def told(broken: Sequence[str], folder: Path, *, details: Iterable[object] = ()) -> str:
    """Write all there is to say into the folder; return what is to be read first.

    Args:
        broken: the promises that were broken, the worst first; of any length.
        folder: of the case.
        details: whatever else may tell why.
    """
    file = folder / FILE
    file.write_text("\n".join([*broken, "", *map(str, details), ""]), encoding="utf-8")
    lines = [_short(one) for one in broken[:_LINES]]
    if len(broken) > _LINES:
        lines.append(f"and {len(broken) - _LINES} more")
    return "\n".join([*lines, f"all of it: {file}"])


def _short(one: str) -> str:
    line = " | ".join(one.split("\n"))
    return line if len(line) <= _CHARS else f"{line[: _CHARS - 3]}..."
