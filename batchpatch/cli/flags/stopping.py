"""When it stops or waits."""

from __future__ import annotations

from typing import Annotated

import typer

from batchpatch.options.run import LimitOptions
from batchpatch.options.spelling import parse_between, parse_duration, parse_max_failures

STOPPING = "When it stops or waits"


MaxFailuresText = Annotated[
    str | None,
    typer.Option(
        "--max-failures",
        metavar="N|P%",
        help="Stop when more rows than this failed, or a larger share of those settled.",
        rich_help_panel=STOPPING,
    ),
]


MaxDuration = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Stop after so long, such as 2h or 90m.", rich_help_panel=STOPPING
    ),
]


Between = Annotated[
    str | None,
    typer.Option(
        metavar="HH:MM-HH:MM",
        help="Send only at these hours (local time), and wait for them otherwise.",
        rich_help_panel=STOPPING,
    ),
]


MaxOutage = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="Give up when the platform answers nothing for so long.",
        rich_help_panel=STOPPING,
    ),
]


Grace = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="What is in flight may take so long after Ctrl-C.",
        rich_help_panel=STOPPING,
    ),
]


def limit_options(
    *,
    max_failures: str | None,
    max_duration: str | None,
    between: str | None,
    max_outage: str,
    grace: str,
) -> LimitOptions:
    """What ends or pauses a run before its input does.

    Raises:
        SettingsError: a flag that cannot be read.
    """
    return LimitOptions(
        max_failures=parse_max_failures(max_failures) if max_failures else None,
        max_duration_s=(
            parse_duration(max_duration, flag="--max-duration") if max_duration else None
        ),
        between=parse_between(between) if between else None,
        max_outage_s=parse_duration(max_outage, flag="--max-outage"),
        grace_s=parse_duration(grace, flag="--grace"),
    )
