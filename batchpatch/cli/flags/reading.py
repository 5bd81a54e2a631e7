"""How the input is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from batchpatch.errors import SettingsError
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Iterable


READING = "How the input is read"


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
        help="Name a column: conversation, participant, attributes, key, value, attr.NAME, or who "
        "is meant: purpose, externalContactId, userId, address, match.NAME.",
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
