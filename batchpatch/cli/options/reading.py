"""The flags of the first stage: how the input is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from batchpatch.cli.options.declare import Argument, Options, Reach, flag
from batchpatch.errors import SettingsError
from batchpatch.options.spelling import (
    parse_choice,
    parse_duration,
    parse_path,
    parse_text,
    parse_whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from batchpatch.cli.options.finding import FindingFlags
    from batchpatch.options.read import ReadOptions

Inputs = Annotated[
    list[str],
    Argument(
        "INPUT",
        "CSV, JSONL, .xlsx (or .gz .bz2 .xz .zst), directories, patterns, URLs; - is stdin.",
        several=True,
    ),
]


def _pair(text: str, *, flag: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        asked = f"it as {flag} {form}" if flag.startswith("--") else form
        raise SettingsError(f"{flag} {text[:40]!r}: write {asked}.")
    return name.strip(), value


def _kind(text: str, *, flag: str) -> str:
    from batchpatch.writes.registry import KINDS  # noqa: PLC0415 - not for --help

    return parse_choice(text, flag=flag, choices=tuple(KINDS))


def _delimiter(text: str, *, flag: str) -> str:
    return {"\\t": "\t", "tab": "\t"}.get(text, text)


@dataclass(frozen=True, kw_only=True)
class ReadingFlags(Options):
    """How the input is read."""

    TITLE: ClassVar[str] = "How the input is read"
    REACH: ClassVar[Reach] = Reach.ANYWHERE

    write: str | None = flag(
        "--write",
        "What the rows set; it decides what columns mean. wrapup: the codes of agents "
        "(--participant agent, where a row says nothing). Rules of a campaign run on the first "
        "wrap-up only, and whether an ended conversation takes a code is unproven: try --limit 3 "
        "--verify first.",
        metavar="attributes|wrapup",
        parse=_kind,
        shown="what the columns say",
    )
    code: str | None = flag(
        "--code",
        "Wrap-up code of every row, by id or name; the same as --write wrapup --set code=.",
        metavar="NAME|ID",
        parse=parse_text,
    )
    codes: Path | None = flag(
        "--codes",
        "Ids and names of wrap-up codes, CSV or JSON, instead of asking the platform: for check.",
        metavar="FILE",
        parse=parse_path,
    )
    format: Literal["csv", "jsonl"] | None = flag(
        "--format",
        "Instead of going by the extension.",
        choices=("csv", "jsonl"),
    )
    sheet: str | None = flag(
        "--sheet",
        "Of a workbook.",
        metavar="NAME",
        parse=parse_text,
        shown="the first one",
    )
    encoding: str | None = flag(
        "--encoding",
        "Where it is not UTF-8 and bears no mark, such as cp1252.",
        metavar="NAME",
        parse=parse_text,
    )
    delimiter: str | None = flag(
        "--delimiter",
        "Instead of the one detected in the header.",
        metavar="CHAR",
        parse=_delimiter,
    )
    quote: str = flag(
        "--quote",
        "What cells are put in; none: a quote is a character like any other.",
        default='"',
        metavar="CHAR|none",
        parse=parse_text,
        shown='"',
    )
    escape: str | None = flag(
        "--escape",
        "Takes its meaning from the character behind it, such as a backslash.",
        metavar="CHAR",
        parse=parse_text,
    )
    comment: str | None = flag(
        "--comment",
        "Lines that begin with it are no rows.",
        metavar="CHAR",
        parse=parse_text,
    )
    skip_lines: int = flag(
        "--skip-lines",
        "Lines above the header of a CSV, such as a title.",
        default=0,
        metavar="N",
        parse=parse_whole,
        shown="0",
    )
    columns_given: tuple[str, ...] = flag(
        "--columns",
        "Names of the columns of a CSV without a header; an empty one has no use.",
        default=(),
        metavar="A,B",
        parse=parse_text,
    )
    multiline: Literal["records", "any"] = flag(
        "--multiline",
        "What a cell over several lines may hold: any text, or none that looks like rows, which a "
        "stray quote has swallowed.",
        default="records",
        choices=("records", "any"),
        shown="records",
    )
    null: tuple[str, ...] = flag(
        "--null",
        "A text that stands for an empty cell, such as NULL.",
        default=(),
        metavar="TEXT",
        parse=parse_text,
    )
    columns: tuple[tuple[str, str], ...] = flag(
        "--map",
        "Name a column: conversation, participant, attributes, key, value, attr.NAME, or who is "
        "meant: purpose, externalContactId, userId, address, match.NAME; or id, priority, "
        "deadline.",
        default=(),
        metavar="FIELD=COLUMN",
        parse=partial(_pair, form="FIELD=COLUMN"),
        everyday="Which column is what, such as conversation=Interaction.",
    )
    id: str | None = flag(
        "--id",
        "Column with what you call a row: it comes back in the row's result. In JSONL, id is one.",
        metavar="COLUMN",
        parse=parse_text,
    )
    priority: str | None = flag(
        "--priority",
        "Column that says high or normal: high goes first, in its participant's order. In JSONL, "
        "priority is one.",
        metavar="COLUMN",
        parse=parse_text,
    )
    deadline_s: float | None = flag(
        "--deadline",
        "How long after its arrival a row is still worth sending, such as 30s; a deadline of the "
        "row's own wins.",
        metavar="TIME",
        parse=partial(parse_duration, least_s=0.001),
    )
    attributes: tuple[str, ...] = flag(
        "--attributes", "Columns to send as attributes.", default=(), metavar="A,B"
    )
    all_columns: bool = flag(
        "--all-columns", "Send every column that has no other use.", default=False
    )
    constants: tuple[tuple[str, str], ...] = flag(
        "--set",
        "Add an attribute to every row.",
        default=(),
        metavar="NAME=VALUE",
        parse=partial(_pair, form="NAME=VALUE"),
    )
    only_keys: tuple[str, ...] = flag(
        "--only-keys",
        "Any other attribute name makes a row invalid; a typo cannot be deleted later.",
        default=(),
        metavar="A,B",
    )
    rules: Path | None = flag(
        "--rules",
        "Rules for values (TOML): what each attribute may hold, and what breaking one does.",
        metavar="FILE",
        parse=parse_path,
    )
    empty: Literal["leave", "set"] = flag(
        "--empty",
        "What an empty cell or a null does to its attribute: nothing, or set it to ''.",
        default="leave",
        choices=("leave", "set"),
        shown="leave",
    )
    nested: Literal["refuse", "json"] = flag(
        "--nested",
        "An object or array as a value: an invalid row, or sent as JSON text.",
        default="refuse",
        choices=("refuse", "json"),
        shown="refuse",
    )
    limit: int | None = flag(
        "--limit",
        "Stop after N rows (a canary).",
        metavar="N",
        parse=partial(parse_whole, least=1),
        reach=Reach.LINE,
        everyday=True,
    )
    no_spool: bool = flag(
        "--no-spool",
        "Keep no copy of standard input; such a run cannot be resumed.",
        default=False,
    )

    def options(self, finding: FindingFlags) -> ReadOptions:
        """The options of reading.

        Raises:
            SettingsError: they cannot be used.
        """
        from batchpatch.options.fields import parse_participant  # noqa: PLC0415 - not for --help
        from batchpatch.options.read import ReadOptions  # noqa: PLC0415

        named = {"id": self.id, "priority": self.priority}
        also = [(field, column) for field, column in named.items() if column is not None]
        code = [] if self.code is None else [("code", self.code)]
        return ReadOptions(
            write=self.write,
            format=self.format,
            sheet=self.sheet,
            encoding=self.encoding,
            delimiter=self.delimiter,
            quote=self.quote,
            escape=self.escape,
            comment=self.comment,
            skip_lines=self.skip_lines,
            columns_given=tuple(
                name.strip() for item in self.columns_given for name in item.split(",")
            ),
            multiline=self.multiline,
            null=self.null,
            columns=_unique("--map", [*self.columns, *also]),
            deadline_s=self.deadline_s,
            attributes=_names(self.attributes),
            all_columns=self.all_columns,
            constants=_unique("--set", [*self.constants, *code]),
            names_file=str(self.codes.absolute()) if self.codes else None,
            only_keys=frozenset(_names(self.only_keys)) if self.only_keys else None,
            rules_file=str(self.rules.absolute()) if self.rules else None,
            empty=self.empty,
            nested=self.nested,
            limit=self.limit,
            participant=parse_participant(finding.participant) if finding.participant else (),
        )


def _unique(name: str, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    known: dict[str, str] = {}
    for key, value in pairs:
        if key in known:
            raise SettingsError(f"{name} {key}=... is given twice: only one of them can hold.")
        known[key] = value
    return known


def _names(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for item in items for name in map(str.strip, item.split(",")) if name)
