"""The offline dry run: reads as a run would, sends nothing, and says what a run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from batchpatch.genesys.rate_limit.pace import Allowance, assumed_allowance
from batchpatch.merging.forecast import Forecast
from batchpatch.model import InvalidRow, Row
from batchpatch.options.read import ReadOptions
from batchpatch.options.send import MergeOptions, PaceOptions
from batchpatch.reading.inputs import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchpatch.reading.inputs import Input
    from batchpatch.reading.mapping import ColumnUse


class InputCheck(NamedTuple):
    """How one input was understood."""

    name: str
    format: str
    encoding: str
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
    """How many they are of; a read of each is what --skip-unchanged costs. An estimate likewise."""
    attributes: list[str]
    """Names of what would be set, in the order in which they occur, a thousand at most."""
    requests: int
    """PATCHes after merging, without retries."""
    lookups: int
    """Requests that find participants, about; 0 where all are named by id."""
    allowance: Allowance | None
    """What the platform is taken to admit; None where nothing limits it."""
    duration_s: float | None
    """At that allowance; None without one."""
    notices: list[str]

    @property
    def exit_code(self) -> int:
        """0 where every row is valid, else 1."""
        return 1 if self.invalid else 0


def check(
    inputs: Sequence[str],
    *,
    read: ReadOptions | None = None,
    merge: MergeOptions | None = None,
    pace: PaceOptions | None = None,
    lookup_batch: int = 100,
    on_invalid: Callable[[InvalidRow], None] | None = None,
) -> CheckReport:
    """Read the inputs to their end, offline and without credentials.

    Args:
        inputs: paths, or `-` for standard input.
        read: how to understand them.
        merge: the bounds within which rows of one participant meet.
        pace: what to price the run with.
        lookup_batch: conversations that one request looks up.
        on_invalid: called with each invalid row as it is found.

    Raises:
        InputError: an input cannot be used as a whole.
    """
    allowance = assumed_allowance(pace or PaceOptions())
    reader = Reader(inputs, read or ReadOptions())
    forecast = Forecast((merge or MergeOptions()).window_rows)
    names = _Names()
    invalid = 0
    for batch in reader:
        valid = _valid(batch.rows)
        forecast.add(valid)
        names.add(valid)
        if len(valid) == len(batch.rows):
            continue
        for row in batch.rows:
            if isinstance(row, InvalidRow):
                invalid += 1
                if on_invalid is not None:
                    on_invalid(row)
    lookups = forecast.lookups(lookup_batch)
    requests = forecast.patches + lookups
    return CheckReport(
        inputs=[_input_check(opened) for opened in reader.inputs],
        rows=reader.rows,
        valid=reader.rows - invalid,
        invalid=invalid,
        nothing_to_set=forecast.nothing_to_set,
        # An estimate may be too high by more than there is room for.
        participants=min(forecast.participants.count, reader.rows - invalid),
        participants_exact=forecast.participants.exact,
        conversations=min(forecast.conversations.count, reader.rows - invalid),
        attributes=list(names.known),
        requests=forecast.patches,
        lookups=lookups,
        allowance=allowance,
        duration_s=allowance.duration_s(requests) if allowance else None,
        notices=reader.notices,
    )


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
    return InputCheck(opened.name, opened.format, opened.encoding, opened.uses)
