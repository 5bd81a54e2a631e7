"""`batchpatch check`: offline, without credentials, and without loading the HTTP client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from batchpatch.cli import flags
from batchpatch.cli.output import as_json, emit, say
from batchpatch.cli.text import columns_table, invalid_lines
from batchpatch.cli.words import count, forecast
from batchpatch.commands.check import CheckReport
from batchpatch.commands.check import check as check_inputs
from batchpatch.errors import BatchpatchError
from batchpatch.options.send import MergeOptions

if TYPE_CHECKING:
    from batchpatch.model import InvalidRow
    from batchpatch.options.read import ReadOptions
    from batchpatch.options.send import PaceOptions


SHOWN = 50
"""Invalid rows that are printed for a person; --json has them all."""


def check(
    inputs: flags.Inputs,
    format: flags.Format = None,  # noqa: A002 - the flag's name
    encoding: flags.Encoding = None,
    delimiter: flags.Delimiter = None,
    columns: flags.Map = None,
    attributes: flags.Attributes = None,
    all_columns: flags.AllColumns = False,
    constants: flags.Set = None,
    only_keys: flags.OnlyKeys = None,
    empty: flags.Empty = "leave",
    nested: flags.Nested = "refuse",
    limit: flags.Limit = None,
    participant: flags.Participant = None,
    skip_unchanged: flags.SkipUnchanged = False,
    rate: flags.RateText = None,
    share: flags.Share = None,
    tokens: flags.Tokens = None,
    window: flags.WindowRows = 10_000,
    json: flags.Json = False,
    yes: flags.Yes = False,
) -> None:
    """Say what a run would do: columns, invalid rows, participants, requests, time.

    Offline, and without credentials. Exit code 0: every row is valid; 1: some are not; 2: an
    input cannot be used.
    """
    read = flags.read_options(
        format=format,
        encoding=encoding,
        delimiter=delimiter,
        columns=columns,
        attributes=attributes,
        all_columns=all_columns,
        constants=constants,
        only_keys=only_keys,
        empty=empty,
        nested=nested,
        limit=limit,
        participant=participant,
    )
    pace = flags.pace_options(rate, share, tokens)
    dry_run(inputs, read=read, window=window, pace=pace, skip_unchanged=skip_unchanged, json=json)


def dry_run(
    inputs: list[str],
    *,
    read: ReadOptions,
    window: int,
    pace: PaceOptions,
    skip_unchanged: bool,
    reads: float = 0.0,
    json: bool,
) -> None:
    """Check, print, and leave with the exit code. Shared with `run --dry-run`."""
    merge = MergeOptions(window_rows=window)
    printer: _JsonPrinter | _TextPrinter = (
        _JsonPrinter(inputs)
        if json
        else _TextPrinter(inputs, read, skip_unchanged=skip_unchanged, reads=reads)
    )
    try:
        report = check_inputs(inputs, read=read, merge=merge, pace=pace, on_invalid=printer.invalid)
    except BatchpatchError as error:
        printer.failed(error)
        raise
    printer.done(report)
    raise typer.Exit(report.exit_code)


@dataclass
class _TextPrinter:
    inputs: list[str]
    read: ReadOptions
    skip_unchanged: bool
    reads: float
    """Of each conversation, for other reasons than --skip-unchanged."""
    shown: int = 0

    def invalid(self, row: InvalidRow) -> None:
        self.shown += 1
        if self.shown <= SHOWN:
            several = len(self.inputs) > 1
            say(*invalid_lines(row, source=self.inputs[row.source] if several else None))

    def failed(self, error: BatchpatchError) -> None:
        """Nothing: the sentence is printed where all are."""

    def done(self, report: CheckReport) -> None:
        if self.shown > SHOWN:
            say(f"... and {self.shown - SHOWN:,} more invalid rows; --json lists them all.")
        for checked in report.inputs:
            say("", f"{checked.name}: {checked.format}, {checked.encoding}")
            say(*columns_table(checked.columns))
        for one in self.read.participant:
            field = f"match.{one.attribute}" if one.attribute else one.field
            say(f"  (no participant id)  the participant whose {field} is {one.value}")
        say("", *report.notices)
        say(f"{count(report.rows, 'row')}: {report.valid:,} valid, {report.invalid:,} invalid")
        if report.nothing_to_set:
            say(f"{count(report.nothing_to_set, 'valid row')} with nothing to set: not sent")
        about = "" if report.participants_exact else "about "
        say(f"{about}{count(report.participants, 'participant')}")
        say(*price_lines(report, skip_unchanged=self.skip_unchanged, reads=self.reads))


def price_lines(report: CheckReport, *, skip_unchanged: bool, reads: float) -> list[str]:
    """What the run costs; with --skip-unchanged, at the least and at the most, and without it."""
    looks = round(report.conversations * reads)
    writes = report.requests + report.lookups + looks
    lines = []
    if report.lookups:
        lines.append(f"About {report.lookups:,} of these requests find participants.")
    if looks:
        lines.append(f"About {looks:,} of them, at the least, read before or after a PATCH.")
    if not skip_unchanged:
        return [forecast(writes, report.allowance), *lines]
    least, most = report.lookups + report.conversations, writes + report.conversations
    return [
        f"with --skip-unchanged, nothing differs: {forecast(least, report.allowance)}",
        f"with --skip-unchanged, all differs: {forecast(most, report.allowance)}",
        f"without it: {forecast(writes, report.allowance)}",
        *lines,
    ]


def _faster(report: CheckReport) -> dict[str, Any] | None:
    """What more tokens would do; None where nothing."""
    allowance = report.allowance
    tokens = allowance.more_tokens if allowance else None
    if allowance is None or tokens is None:
        return None
    duration_s = allowance.with_tokens(tokens).duration_s(report.requests)
    return {"tokens": tokens, "duration_s": duration_s}


@dataclass
class _JsonPrinter:
    """One document, written as the rows are found: its size is not held in memory."""

    inputs: list[str]
    separator: str = ""

    def __post_init__(self) -> None:
        emit('{"invalid_rows": [')

    def invalid(self, row: InvalidRow) -> None:
        fields: dict[str, Any] = row._asdict()
        fields["source"] = self.inputs[row.source]
        emit(self.separator + "\n" + as_json(fields))
        self.separator = ","

    def failed(self, error: BatchpatchError) -> None:
        self._close({"error": str(error), "exit_code": error.exit_code})

    def done(self, report: CheckReport) -> None:
        fields = report._asdict()
        fields["inputs"] = [
            {**checked._asdict(), "columns": [use._asdict() for use in checked.columns]}
            for checked in report.inputs
        ]
        allowance = fields.pop("allowance")
        rate = allowance and (allowance.cap or allowance.rate)
        fields |= {
            "rate": str(rate) if rate else None,
            "tokens": allowance.tokens if allowance else None,
            "faster": _faster(report),
            "exit_code": report.exit_code,
        }
        self._close(fields)

    def _close(self, fields: dict[str, Any]) -> None:
        emit("\n],\n" + as_json(fields).removeprefix("{").lstrip("\n") + "\n")
