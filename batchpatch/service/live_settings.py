"""The settings of a patcher: those of a run, for rows that somebody waits for. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batchpatch.options.run import read_afresh
from batchpatch.options.spelling import parse_rate

if TYPE_CHECKING:
    from batchpatch.options.run import Rate, Settings

ALL_ROWS = 1 << 40
"""Rows in the window: callers bound what waits, because each of them waits with it."""


def settings_of(
    settings: Settings,
    rate: Rate | str | None,
    tokens: int | None,
    write: str | None,
    deadline_s: float | None,
) -> Settings:
    """The settings with what was named singly; rows wait without bound and are read afresh."""
    pace = settings.pace
    if rate is not None:
        pace = pace._replace(rate=parse_rate(rate) if isinstance(rate, str) else rate)
    if tokens is not None:
        pace = pace._replace(tokens=tokens)
    read = settings.read if write is None else replace(settings.read, write=write)
    read = read if deadline_s is None else replace(read, deadline_s=deadline_s)
    merge = replace(settings.merge, window_rows=ALL_ROWS, window_bytes=ALL_ROWS)
    return read_afresh(replace(settings, pace=pace, read=read, merge=merge))
