"""`batchpatch sandbox rows`: rows that match a sandbox."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from batchpatch.cli.options.declare import Options, flag, with_options
from batchpatch.cli.output import abandon_stdout
from batchpatch.errors import ExitCode, SettingsError
from batchpatch.options.spelling import parse_number, parse_whole
from batchpatch.sandbox import write_rows


@dataclass(frozen=True, kw_only=True)
class RowsFlags(Options):
    """Which rows."""

    TITLE: ClassVar[str] = "Which rows"

    count: int | None = flag(
        "--count", "How many. Needed.", metavar="N", parse=parse_whole, everyday=True
    )
    seed: int = flag(
        "--seed",
        "The same seed gives the same rows.",
        default=0,
        metavar="N",
        parse=partial(parse_whole, least=-(10**9)),
        shown="0",
        everyday=True,
    )
    format: Literal["csv", "jsonl"] = flag(
        "--format",
        "What they are written as.",
        default="csv",
        choices=("csv", "jsonl"),
        shown="csv",
        everyday=True,
    )
    repeat: float = flag(
        "--repeat",
        "Share of rows that name an earlier participant again.",
        default=0.0,
        metavar="SHARE",
        parse=partial(parse_number, most=1.0),
        everyday=True,
    )
    write: Literal["attributes", "wrapup"] = flag(
        "--write",
        "What the rows set.",
        default="attributes",
        choices=("attributes", "wrapup"),
        shown="attributes",
        everyday=True,
    )


@with_options
def rows(*, wanted: RowsFlags) -> int:
    """Write rows whose participants the sandbox will know.

    Example: batchpatch sandbox rows --count 1000 > updates.csv
    """
    if wanted.count is None:
        raise SettingsError("sandbox rows needs --count N: how many rows.")
    try:
        write_rows(
            sys.stdout,
            wanted.count,
            wanted.seed,
            format=wanted.format,
            repeat=wanted.repeat,
            write=wanted.write,
        )
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`
        abandon_stdout()
    return ExitCode.DONE
