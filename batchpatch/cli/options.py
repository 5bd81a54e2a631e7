"""The flags that several commands share, and what they become."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from batchpatch.errors import SettingsError
from batchpatch.genesys.rate import MOST_TOKENS, PaceOptions, parse_rate
from batchpatch.limits import LimitOptions, parse_between, parse_duration, parse_max_failures
from batchpatch.reading.options import ReadOptions
from batchpatch.reading.selectors import parse_participant

if TYPE_CHECKING:
    from collections.abc import Iterable

READING = "How the input is read"
SENDING = "How it is sent"
PLATFORM = "Where to"
STOPPING = "When it stops or waits"
REPORT = "What is reported"

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="CSV or JSONL files, .gz .bz2 .xz too; - is standard input.",
        show_default=False,
    ),
]
Format = Annotated[
    Literal["csv", "jsonl"] | None,
    typer.Option(help="Instead of going by the extension.", rich_help_panel=READING),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Where it is not UTF-8 and bears no mark, such as cp1252.",
        rich_help_panel=READING,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHAR", help="Instead of the one detected in the header.", rich_help_panel=READING
    ),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="Name a column: conversation, participant, attributes, key, value or attr.NAME.",
        rich_help_panel=READING,
    ),
]
Attributes = Annotated[
    list[str] | None,
    typer.Option(metavar="A,B", help="Columns to send as attributes.", rich_help_panel=READING),
]
AllColumns = Annotated[
    bool,
    typer.Option(
        "--all-columns", help="Send every column that has no other use.", rich_help_panel=READING
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Add an attribute to every row.",
        rich_help_panel=READING,
    ),
]
OnlyKeys = Annotated[
    list[str] | None,
    typer.Option(
        metavar="A,B",
        help="Any other attribute name makes a row invalid; a typo cannot be deleted later.",
        rich_help_panel=READING,
    ),
]
Empty = Annotated[
    Literal["leave", "set"],
    typer.Option(
        help="What an empty cell or a null does to its attribute: nothing, or set it to ''.",
        rich_help_panel=READING,
    ),
]
Nested = Annotated[
    Literal["refuse", "json"],
    typer.Option(
        help="An object or array as a value: an invalid row, or sent as JSON text.",
        rich_help_panel=READING,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Stop after N rows (a canary).", rich_help_panel=READING),
]
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
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel=REPORT),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Answer every question with yes.", hidden=True)
]


def read_options(
    *,
    format: str | None,  # noqa: A002 - the flag's name
    encoding: str | None,
    delimiter: str | None,
    columns: list[str] | None,
    attributes: list[str] | None,
    all_columns: bool,
    constants: list[str] | None,
    only_keys: list[str] | None,
    empty: str,
    nested: str,
    limit: int | None,
    participant: str | None = None,
) -> ReadOptions:
    """The reading room's options.

    Raises:
        SettingsError: a flag that cannot be read.
    """
    return ReadOptions(
        format=cast("Literal['csv', 'jsonl'] | None", format),
        encoding=encoding,
        delimiter={"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter) if delimiter else None,
        columns=dict(_pair("--map", item, "FIELD=COLUMN") for item in columns or ()),
        attributes=tuple(_names(attributes)),
        all_columns=all_columns,
        constants=dict(_pair("--set", item, "NAME=VALUE") for item in constants or ()),
        only_keys=frozenset(_names(only_keys)) if only_keys else None,
        empty=cast("Literal['leave', 'set']", empty),
        nested=cast("Literal['refuse', 'json']", nested),
        limit=limit,
        participant=parse_participant(participant) if participant else (),
    )


def _pair(flag: str, item: str, form: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals or not name.strip():
        raise SettingsError(f"{flag} {item!r}: write it as {flag} {form}.")
    return name.strip(), value


def _names(items: Iterable[str] | None) -> list[str]:
    return [name for item in items or () for name in map(str.strip, item.split(",")) if name]


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
