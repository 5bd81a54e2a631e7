"""How it is sent, and how fast."""

from __future__ import annotations

from typing import Annotated

import typer

from batchpatch.errors import SettingsError
from batchpatch.options.send import MOST_TOKENS, PaceOptions
from batchpatch.options.spelling import parse_rate

SENDING = "How it is sent"


RateText = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="RATE",
        help="Cap for the whole process: 300/min, 5/s, none. Default: the platform's own limit.",
        rich_help_panel=SENDING,
    ),
]


Share = Annotated[
    float | None,
    typer.Option(
        metavar="PART",
        help="Use this part of every rate-limit window, such as 0.8, and leave the rest to others.",
        rich_help_panel=SENDING,
        show_default="1",
    ),
]


Tokens = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Tokens of the OAuth client to use at once, up to 50; each has its own allowance.",
        rich_help_panel=SENDING,
        show_default="1",
    ),
]


WindowRows = Annotated[
    int,
    typer.Option(
        "--window",
        metavar="ROWS",
        min=1,
        help="Rows of one participant within so many become one request.",
        rich_help_panel=SENDING,
    ),
]


Concurrency = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, max=1000, help="Requests in flight at most.", rich_help_panel=SENDING
    ),
]


Retries = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Attempts after the first; waiting for a 429 uses none.",
        rich_help_panel=SENDING,
    ),
]


Timeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        max=3600,
        help="For one attempt as a whole.",
        rich_help_panel=SENDING,
    ),
]


RouteText = Annotated[
    str,
    typer.Option(
        "--route",
        metavar="ROUTE",
        help="attributes, calls, callbacks, emails, messages, cobrowsesessions, or a path with "
        "{conversation_id} and {participant_id}. participant and interactions, which tutorials "
        "use, store no attributes.",
        rich_help_panel=SENDING,
    ),
]


def pace_options(
    rate: str | None,
    share: float | None,
    tokens: int | None,
    *,
    otherwise: PaceOptions | None = None,
) -> PaceOptions:
    """How fast to go; what no flag names is as `otherwise` has it.

    Raises:
        SettingsError: a flag that cannot be read, or is out of its range.
    """
    pace = otherwise or PaceOptions()
    if rate is not None:
        pace = pace._replace(rate=parse_rate(rate), assumed=None)
    if share is not None:
        if not 0 < share <= 1:
            raise SettingsError(f"--share {share:g}: write a part above 0 and up to 1, like 0.8.")
        pace = pace._replace(share=share)
    if tokens is not None:
        if not 1 <= tokens <= MOST_TOKENS:
            raise SettingsError(f"--tokens {tokens}: from 1 to {MOST_TOKENS}.")
        pace = pace._replace(tokens=tokens)
    return pace
