"""`check`: the offline dry run; reads as a run would, sends nothing, says what a run would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from batchpatch.commands.price import price_of
from batchpatch.errors import RecordError, SettingsError
from batchpatch.genesys.rate_limit.pace import Allowance, assumed_allowance
from batchpatch.merging.forecast import Forecast
from batchpatch.model import InvalidRow, Row
from batchpatch.options.read import ReadOptions
from batchpatch.options.run import MergeOptions, PaceOptions
from batchpatch.reading.expansion import expand, refuse_together
from batchpatch.reading.kinds import choose_kind
from batchpatch.reading.names_file import read_names_file
from batchpatch.reading.reader import Reader
from batchpatch.writes.listing import NameTable, name_in, resolved
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from os import PathLike

    from batchpatch.genesys.routes import Route
    from batchpatch.reading.inputs import Input
    from batchpatch.reading.mapping import ColumnUse
    from batchpatch.recording.sorted_rows import SortedFiles


class InputCheck(NamedTuple):
    """How one input was understood."""

    name: str
    format: str
    encoding: str
    sheet: str | None
    """Of a workbook."""
    columns: tuple[ColumnUse, ...]


class CheckReport(NamedTuple):
    """What a run over these inputs would do."""

    inputs: list[InputCheck]
    rows: int
    valid: int
    invalid: int
    nothing_to_set: int
    """Valid rows that leave every attribute alone; they cost no request."""
    participants: int
    participants_exact: bool
    """False where `participants` is an estimate (about 0.4 % off)."""
    conversations: int
    """How many they are of. An estimate likewise."""
    reads: int
    """What --skip-unchanged costs: a read of each of them, or of each participant."""
    attributes: list[str]
    """Names of what would be set, in the order in which they occur, a thousand at most."""
    choices: int
    """What --check-codes costs, where it is asked for: a request of each participant."""
    looks: int
    """Reads before and after a PATCH that were asked for, beside those of --skip-unchanged."""
    route_reads: int
    """Reads of conversations that the route needs, to find where to send."""
    requests: int
    """PATCHes after merging, without retries."""
    lookups: int
    """Requests that find participants, about; 0 where all are named by id."""
    allowance: Allowance | None
    """What the platform is taken to admit; None where nothing limits it."""
    duration_s: float | None
    """At that allowance; None without one."""
    notices: list[str]
    write: str
    """The kind of write that the rows are taken for."""
    fixed: SortedFiles | None = None
    """The files that the rows were sorted into, where that was asked for."""

    @property
    def all_requests(self) -> int:
        """PATCHes, and what a run or a plan cannot do without."""
        return self.requests + self.lookups + self.choices + self.looks + self.route_reads

    @property
    def exit_code(self) -> int:
        """0 where every row is valid, else 1."""
        return 1 if self.invalid else 0


def check(
    inputs: Sequence[str | PathLike[str]],
    *,
    read: ReadOptions | None = None,
    merge: MergeOptions | None = None,
    pace: PaceOptions | None = None,
    lookup_batch: int = 100,
    route: Route | None = None,
    check_choices: bool = False,
    looks_each: float = 0.0,
    on_invalid: Callable[[InvalidRow], None] | None = None,
    fix: Path | None = None,
    force: bool = False,
) -> CheckReport:
    """Read the inputs to their end, offline and without credentials.

    Args:
        inputs: paths, directories, patterns, URLs, or `-` for standard input.
        read: how to understand them.
        merge: the bounds within which rows of one participant meet.
        pace: what to price the run with.
        lookup_batch: conversations that one request looks up.
        route: where a run would send; None is the usual one.
        check_choices: it is asked of each participant what it may be given.
        looks_each: reads of each conversation before and after a PATCH, as with `--verify`.
        on_invalid: called with each invalid row as it is found.
        fix: where the valid rows are to be written; the others go beside it, with their reasons.
        force: files of these names may be written over.

    Raises:
        InputError: an input cannot be used as a whole.
        SettingsError: these inputs cannot be read together; there is nothing that participants are
            given from a list; or the rows cannot be written to a file, or not to that one.
    """
    allowance = assumed_allowance(pace or PaceOptions())
    named = expand(inputs).names
    refuse_together(named)
    read = choose_kind(named, read or ReadOptions()).options
    if fix is not None:
        from batchpatch.pipeline.row_sorting import refuse_fix  # noqa: PLC0415 - brings the files

        refuse_fix(named, read, Path(fix), force=force)
    reader = Reader(named, read)
    kind = find_kind(read.write)
    if check_choices:
        kind.need_choices()
    offline = _OfflineNames(read)
    forecast = Forecast((merge or MergeOptions()).window_rows)
    names = _Names()
    invalid = 0
    for batch in reader:
        rows = offline.resolve(batch.rows)
        valid = _valid(rows)
        forecast.add(valid)
        names.add(valid)
        if len(valid) < len(rows):
            invalid += len(rows) - len(valid)
            _tell_invalid(rows, on_invalid)
    price = price_of(
        forecast,
        most=reader.rows - invalid,
        kind=kind,
        route=route,
        lookup_batch=lookup_batch,
        check_choices=check_choices,
        looks_each=looks_each,
    )
    return CheckReport(
        inputs=[_input_check(opened) for opened in reader.inputs],
        rows=reader.rows,
        valid=reader.rows - invalid,
        invalid=invalid,
        nothing_to_set=forecast.nothing_to_set,
        participants=price.participants,
        participants_exact=forecast.participants.exact,
        conversations=price.conversations,
        reads=price.reads,
        attributes=list(names.known),
        choices=price.choices,
        looks=price.looks,
        route_reads=price.route_reads,
        requests=price.patches,
        lookups=price.lookups,
        allowance=allowance,
        duration_s=allowance.duration_s(price.requests) if allowance else None,
        notices=[*reader.notices, *offline.notices, *kind.advice],
        write=kind.name,
        fixed=None if fix is None else _fixed(reader, read, Path(fix)),
    )


def _tell_invalid(
    rows: Iterable[Row | InvalidRow], on_invalid: Callable[[InvalidRow], None] | None
) -> None:
    if on_invalid is None:
        return
    for row in rows:
        if isinstance(row, InvalidRow):
            on_invalid(row)


def _fixed(reader: Reader, read: ReadOptions, out: Path) -> SortedFiles:
    """Sort the rows of the one input, which is read again: only now is its shape known."""
    from batchpatch.pipeline.row_sorting import sort_rows  # noqa: PLC0415 - as above

    judge = _OfflineNames(read).resolve
    try:
        return sort_rows(reader.paths[0], read, out, judge=judge, seen=reader.inputs[0])
    except RecordError as error:  # nothing was stopped that could be resumed: another OUT helps
        raise SettingsError(str(error)) from error


class _OfflineNames:
    """Names in rows that stand for an id: found in a file, where there is one."""

    def __init__(self, read: ReadOptions) -> None:
        self._listing = find_kind(read.write).listing
        self._table: NameTable | None = None
        self._unchecked = 0
        if self._listing is not None and read.names_file is not None:
            self._table = NameTable(read_names_file(read.names_file), self._listing.noun)

    def resolve(self, rows: list[Row | InvalidRow]) -> list[Row | InvalidRow]:
        """The same rows; those whose name is none are invalid, if that can be told."""
        if self._listing is None:
            return rows
        if self._table is not None:
            return resolved(rows, self._listing, self._table)
        self._unchecked += sum(name_in(row, self._listing) is not None for row in rows)
        return rows

    @property
    def notices(self) -> list[str]:
        """What could not be told."""
        if self._listing is None or not self._unchecked:
            return []
        one = self._unchecked == 1
        rows = "1 row names its" if one else f"{self._unchecked:,} rows name their"
        notice = (
            f"{rows} {self._listing.noun}, which only the platform "
            "knows: --codes FILE, such as `batchpatch codes --json` prints, is checked offline."
        )
        return [notice]


_MOST_NAMES = 1000


class _Names:
    """Names of attributes that rows set, in the order in which they occur."""

    def __init__(self) -> None:
        self.known: dict[str, None] = {}
        self._last: tuple[str, ...] = ()

    def add(self, rows: Iterable[Row]) -> None:
        """See some rows; those of one shape share their names, so most cost a comparison."""
        last = self._last
        for row in rows:
            if row.names is not last:
                last = row.names
                if len(self.known) < _MOST_NAMES:
                    self.known.update(dict.fromkeys(last))
        self._last = last


def _valid(rows: list[Row | InvalidRow]) -> list[Row]:
    if set(map(type, rows)) == {Row}:
        return cast("list[Row]", rows)
    return [row for row in rows if isinstance(row, Row)]


def _input_check(opened: Input) -> InputCheck:
    return InputCheck(opened.name, opened.format, opened.encoding, opened.sheet, opened.uses)
