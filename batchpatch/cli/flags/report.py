"""What is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

REPORT = "What is reported"


Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Directory of this run. Default: batchpatch-runs/<input>-<UTC time>/",
        rich_help_panel=REPORT,
        show_default=False,
    ),
]


NoSpool = Annotated[
    bool,
    typer.Option(
        "--no-spool",
        help="Keep no copy of standard input; such a run cannot be resumed.",
        rich_help_panel=REPORT,
    ),
]


Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel=REPORT),
]


Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress, no summary.", rich_help_panel=REPORT),
]


Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Say what is retried and waited for.", rich_help_panel=REPORT
    ),
]


Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Answer every question with yes.", hidden=True)
]
