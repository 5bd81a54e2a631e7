"""The flags of reporting: where the record of a run goes, and what is said of it on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path  # noqa: TC003 - the declaration of flags looks at it
from typing import ClassVar, Literal

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.cli.options.showing import json_flag
from batchpatch.options.spelling import parse_duration, parse_path


@dataclass(frozen=True, kw_only=True)
class RecordFlags(Options):
    """Where the report goes."""

    TITLE: ClassVar[str] = "What is reported"

    out: Path | None = flag(
        "--out",
        "Directory of this run. Default: batchpatch-runs/<input>-<UTC time>/",
        metavar="DIR",
        parse=parse_path,
        everyday="Directory of this run. Default: below batchpatch-runs.",
    )


@dataclass(frozen=True, kw_only=True)
class RestartFlags(Options):
    """Whether the run may have begun already."""

    TITLE: ClassVar[str] = RecordFlags.TITLE

    resume: bool = flag(
        "--resume",
        "Go on where --out holds this very run; begin it where that is empty.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class ReportFlags(Options):
    """What is reported."""

    TITLE: ClassVar[str] = RecordFlags.TITLE
    REACH: ClassVar[Reach] = Reach.USER

    json: bool = json_flag()
    quiet: bool = flag(
        "--quiet",
        "No progress, no summary: only why it ended before its time, and how to go on.",
        default=False,
        short="-q",
    )
    verbose: bool = flag(
        "--verbose", "Say what is retried and waited for.", default=False, short="-v"
    )
    progress: Literal["auto", "plain", "json", "none"] = flag(
        "--progress",
        "How it is shown on stderr: a live view, lines of a log, JSON lines.",
        default="auto",
        choices=("auto", "plain", "json", "none"),
    )
    log_every_s: float = flag(
        "--log-every",
        "Without a terminal, a line of progress so often.",
        default=60.0,
        metavar="TIME",
        parse=partial(parse_duration, least_s=0.1),
        shown="60s",
    )
    show_values: bool = flag(
        "--show-values", "Show what a conflict expected and found.", default=False
    )
    yes: bool = flag(
        "--yes",
        "Write to a real organisation without being asked.",
        default=False,
        short="-y",
    )
