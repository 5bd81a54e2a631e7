"""Where to, and as whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PLATFORM = "Where to"


Region = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="AWS name or domain, such as eu-central-1 or mypurecloud.de.",
        rich_help_panel=PLATFORM,
    ),
]


Profile = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of ~/.gc/config.toml.", rich_help_panel=PLATFORM),
]


ApiUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Instead of the region's, such as a proxy's.", rich_help_panel=PLATFORM
    ),
]


LoginUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where tokens are minted.", rich_help_panel=PLATFORM),
]


CaFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="PEM certificates to trust as well.", rich_help_panel=PLATFORM
    ),
]
