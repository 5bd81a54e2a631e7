"""The report of a check: text for a person, or one JSON document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.cli.output import as_json, emit, show
from batchpatch.cli.text import columns_table, count, forecast, shortened
from batchpatch.errors import as_typed
from batchpatch.model import Outcome

if TYPE_CHECKING:
    from batchpatch.cli.options.declare import GivenFlags
    from batchpatch.commands.check import CheckReport
    from batchpatch.model import InvalidRow
    from batchpatch.options.read import ReadOptions
    from batchpatch.recording.sorted_rows import SortedFiles

EXAMPLES = 3
"""Invalid rows of each kind that are printed, unless all are asked for."""

_MOST_KINDS = 100
_NAMES = 20


class _Kind(NamedTuple):
    """Invalid rows with the same fault."""

    code: str
    hint: str


@dataclass
class TextReport:
    """For a person: how the inputs are understood, what is wrong, what a run would cost."""

    inputs: list[str]
    read: ReadOptions
    skip_unchanged: bool
    reads_anyway: bool
    """Without --skip-unchanged, too, each conversation is read first."""
    every_row: bool
    given: GivenFlags = ()
    _rows: dict[_Kind, int] = field(default_factory=dict)
    _examples: dict[_Kind, list[str]] = field(default_factory=dict)

    def invalid(self, row: InvalidRow) -> None:
        """See an invalid row as it is found."""
        if self.every_row:
            show([self._line(row), f"    {row.hint}"])
            return
        kind = _Kind(row.code, row.hint)
        if kind not in self._rows and len(self._rows) >= _MOST_KINDS:
            kind = _Kind("others", "")
        self._rows[kind] = self._rows.get(kind, 0) + 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(self._line(row))

    def _line(self, row: InvalidRow) -> str:
        where = f"{self.inputs[row.source]}, " if len(self.inputs) > 1 else ""
        return f"{where}line {row.line} (row {row.number:,}): {row.message}"

    def failed(self, sentence: str, exit_code: int) -> None:
        """Nothing: the sentence is printed where all are."""

    def done(self, report: CheckReport) -> None:
        """Print the rest."""
        lines: list[str] = []
        for checked in report.inputs:
            how = checked.encoding if checked.sheet is None else f"sheet {checked.sheet}"
            lines += [f"{checked.name}: {checked.format}, {how}"]
            lines += columns_table(checked.columns)
            lines.append("")
        for one in self.read.participant:
            named = f"match.{one.attribute}" if one.attribute else one.field
            lines.append(f"who is meant, without a participant id: {named} {one.value}")
        if report.attributes:
            lines.append(f"{report.write}: {_listed(report.attributes)}")
        lines += report.notices
        lines += self._faults()
        lines.append(
            f"{count(report.rows, 'row')}: {report.valid:,} valid, {report.invalid:,} invalid"
        )
        if report.nothing_to_set:
            lines.append(
                f"{count(report.nothing_to_set, 'valid row')} with nothing to set: not sent"
            )
        about = "" if report.participants_exact else "about "
        lines.append(f"{about}{count(report.participants, 'participant')}")
        lines += price_lines(
            report, skip_unchanged=self.skip_unchanged, reads_anyway=self.reads_anyway
        )
        if report.fixed is not None:
            of_workbook = report.inputs[0].sheet is not None
            lines += _fixed_lines(report.fixed, self.given, of_workbook=of_workbook)
        show(lines)

    def _faults(self) -> list[str]:
        """Each kind of fault, the most frequent first, with some examples."""
        lines = []
        for kind, rows in sorted(self._rows.items(), key=lambda item: -item[1]):
            lines.append(f"{count(rows, 'invalid row')}, {kind.code}:")
            lines += [f"  {example}" for example in self._examples[kind]]
            if rows > EXAMPLES:
                lines.append(f"  ... and {rows - EXAMPLES:,} more; --all prints every one.")
            lines.append(f"    {kind.hint}")
        return [*lines, ""] if lines else []


def _fixed_lines(fixed: SortedFiles, given: GivenFlags, *, of_workbook: bool) -> list[str]:
    """What was written, and the command that sends it."""
    from batchpatch.cli.next_command import run_sorted  # noqa: PLC0415 - only where it is asked for

    lines = ["", f"{as_typed(fixed.out)}: {count(fixed.valid, 'valid row')}"]
    if fixed.rest is not None:
        invalid = count(fixed.invalid, "invalid row")
        lines.append(f"{as_typed(fixed.rest)}: {invalid}, with the reasons")
    if not fixed.valid:
        return lines
    command = run_sorted(fixed.out, given, of_workbook=of_workbook)
    return [*lines, "To send the valid rows:", f"  {command}"]


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(shortened, names[:_NAMES]))
    more = len(names) - _NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def price_lines(report: CheckReport, *, skip_unchanged: bool, reads_anyway: bool) -> list[str]:
    """What the run costs; with --skip-unchanged, at the least and at the most, and without it.

    `reads_anyway`: without it, too, each conversation is read first.
    """
    looks, writes = report.looks, report.all_requests
    lines = []
    if report.lookups:
        lines.append(f"About {report.lookups:,} of these requests find participants.")
    if looks:
        lines.append(f"About {looks:,} of them, at the least, read before or after a PATCH.")
    if report.choices:
        lines.append(f"{report.choices:,} of them ask what participants may be given.")
    if report.route_reads:
        lines.append(f"{report.route_reads:,} of them read where the route leads.")
    if not skip_unchanged:
        return [forecast(writes, report.allowance), *lines]
    least = report.lookups + report.reads + report.choices
    most = writes + report.reads
    without = most if reads_anyway else writes
    return [
        f"with --skip-unchanged, nothing differs: {forecast(least, report.allowance)}",
        f"with --skip-unchanged, all differs: {forecast(most, report.allowance)}",
        f"without it: {forecast(without, report.allowance)}",
        *lines,
    ]


@dataclass
class JsonReport:
    """One document, written as the rows are found: its size is not held in memory."""

    inputs: list[str]
    _separator: str | None = None

    def invalid(self, row: InvalidRow) -> None:
        """See an invalid row as it is found; its fields are those of a line of the results."""
        fields = {"row": row.number, "line": row.line, "source": self.inputs[row.source]}
        fields |= {"outcome": Outcome.INVALID, "code": row.code}
        fields |= {"message": row.message, "hint": row.hint}
        fields |= {
            "conversation_id": row.conversation_id,
            "participant_id": row.participant_id,
        }
        if row.id is not None:
            fields["id"] = row.id
        opening = '{"invalid_rows": [' if self._separator is None else ","
        self._separator = ","  # first: an interruption in the middle of a write closes the list
        emit(f"{opening}\n{as_json(fields)}")

    def failed(self, sentence: str, exit_code: int) -> None:
        """The document of a check that could not be ended; it has begun already, maybe."""
        if self._separator is not None:
            self._close({"error": sentence, "exit_code": int(exit_code)})

    def done(self, report: CheckReport) -> None:
        """Print the rest."""
        fields: dict[str, Any] = report._asdict()
        fields["inputs"] = [
            {**checked._asdict(), "columns": [use._asdict() for use in checked.columns]}
            for checked in report.inputs
        ]
        fields["fixed"] = report.fixed._asdict() if report.fixed is not None else None
        allowance = fields.pop("allowance")
        rate = allowance and (allowance.cap or allowance.rate)
        fields |= {
            "rate": str(rate) if rate else None,
            "tokens": allowance.tokens if allowance else None,
            "faster": _faster(report),
            "exit_code": report.exit_code,
        }
        if self._separator is None:
            emit('{"invalid_rows": [')
        self._close(fields)

    def _close(self, fields: dict[str, Any]) -> None:
        emit("\n],\n" + as_json(fields).removeprefix("{").lstrip("\n") + "\n")


def _faster(report: CheckReport) -> dict[str, Any] | None:
    """What more tokens would do; None where nothing."""
    allowance = report.allowance
    tokens = allowance.more_tokens if allowance else None
    if allowance is None or tokens is None:
        return None
    duration_s = allowance.with_tokens(tokens).duration_s(report.all_requests)
    return {"tokens": tokens, "duration_s": duration_s}
