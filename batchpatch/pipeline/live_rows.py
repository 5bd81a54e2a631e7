"""Live rows: objects put in one by one while a run goes on, in the place of an input."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.errors import InputError
from batchpatch.model import Batch, Row
from batchpatch.pipeline.feeding import arrived
from batchpatch.reading.batches import BATCH_ROWS
from batchpatch.reading.json_framing import is_blank
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.records import Block
from batchpatch.reading.rules_file import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from batchpatch.model import InvalidRow
    from batchpatch.options.read import ReadOptions

WHAT_A_ROW_IS = "A row is an object: conversationId, participantId, attributes."
CLOSED = "No more rows are taken: it was closed."
"""What senders are told whose rows are not taken in."""
NAME = "-"
"""What the report calls them: a stream, whose copy is read again as that of standard input is."""


class LiveRows:
    """A source of rows that are there at once. Belongs to one event loop.

    A row is understood as a line of JSONL is, by the same code, and so becomes an `InvalidRow`
    where it is wrong.
    """

    missing_from: int | None = None
    limit_reached = False
    has_unread = False
    has_unfit = False
    rows_expected: int | None = None
    rows_in_all: int | None = None

    def __init__(
        self, options: ReadOptions, *, copy: Callable[[bytes], None] | None = None
    ) -> None:
        """`copy` gets the line of each row before anything is made of it."""
        self.names = [NAME]
        self.paths: list[str] = []
        self.unread: list[str] = []
        self.inputs = [self]
        self.first_rows = [(NAME, 1)]
        self.rows = 0
        self.exhausted = False
        self._notices: dict[str, str] = {}
        self._options = options
        self._rules = load_rules(options, name=NAME)
        self._maker = LineMaker(options, source=0, notices=self._notices, rules=self._rules)
        self._copy = copy
        self._pending: OrderedDict[int, Row | InvalidRow] = OrderedDict()
        """By number, in order."""
        self._withdrawn: set[int] = set()
        self._came = asyncio.Event()
        self._ended = False

    @property
    def notices(self) -> list[str]:
        """What there is to know of the rows so far, in sentences."""
        of_rules = self._rules.notices() if self._rules is not None else {}
        return list((self._notices | self._maker.odd.notices() | of_rules).values())

    def put(self, fields: Mapping[str, Any] | bytes) -> int:
        """Take a row in, behind all that came before; gives its number.

        Args:
            fields: of the row; or its JSON text, whose numbers are then sent as they are written.

        Raises:
            InputError: it is no object that JSON can hold, or no more rows are taken.
            RecordError: its copy could not be made.
        """
        if self._ended:
            raise InputError(CLOSED)
        line = one_line(fields) if isinstance(fields, bytes) else as_line(fields)
        if self._copy is not None:
            self._copy(line)
        self.rows += 1
        made = self._maker.rows(self.rows, Block([self.rows], [line]))
        for row in arrived(made, monotonic()):
            self._pending[row.number] = row
        self._came.set()
        return self.rows

    def read_again(self, number: int, fields: Mapping[str, Any] | bytes) -> Row | InvalidRow:
        """The row that `put` has made of that, but for the rules: whose it is, and its id.

        Nothing is noticed twice.
        """
        line = one_line(fields) if isinstance(fields, bytes) else as_line(fields)
        maker = LineMaker(self._options, source=0, notices={})
        return maker.rows(number, Block([number], [line]))[0]

    def withdraw(self, number: int) -> Row | None:
        """Nobody wants that row any more: it is not sent, unless it has left.

        Returns:
            The row, where it was not taken from here yet, and now never is.
        """
        self._withdrawn.add(number)
        row = self._pending.get(number)
        if not isinstance(row, Row):
            return None
        del self._pending[number]
        return row

    def is_withdrawn(self, number: int) -> bool:
        """True where nobody wants it any more."""
        return number in self._withdrawn

    def settled(self, number: int) -> None:
        """That row has its result: nothing more is to be known of it."""
        self._withdrawn.discard(number)

    def end(self) -> None:
        """No more rows come."""
        self._ended = True
        self._came.set()

    def batches(self) -> LiveRows:
        """Itself."""
        return self

    async def next(self) -> Batch | None:
        """All that is there, up to a batch; None once no more come."""
        while not self._pending:
            if self._ended:
                self.exhausted = True
                return None
            self._came.clear()
            await self._came.wait()
        count = min(BATCH_ROWS, len(self._pending))
        some = [self._pending.popitem(last=False)[1] for _ in range(count)]
        return Batch(some, some[-1].number, idle=not self._pending)

    def stop(self) -> None:
        """Take no more."""
        self._ended = True


def as_line(fields: Mapping[str, Any]) -> bytes:
    """A row's line of JSON. Raises InputError where it is none."""
    try:
        line = orjson.dumps(fields, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise InputError(f"A row that JSON cannot hold: {error}.") from None
    if not line.startswith(b"{"):
        raise InputError(WHAT_A_ROW_IS)
    return line + b"\n"


def one_line(text: bytes) -> bytes:
    """A row's JSON text as a line. Raises InputError where there is nothing in it."""
    line = text.replace(b"\n", b" ").replace(b"\r", b" ")
    if is_blank(line):
        raise InputError(WHAT_A_ROW_IS)
    return line + b"\n"
