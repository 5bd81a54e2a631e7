"""Inputs: files and pipes opened, detected, numbered, and read as batches of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.model import Batch
from batchpatch.reading.batches import goes_on, in_batches
from batchpatch.reading.detection import HopelessInputCheck, detect
from batchpatch.reading.idle_options import idle_notices
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.row_makers import maker_for
from batchpatch.reading.rules_file import load_rules
from batchpatch.reading.sources import ByteSource, open_source
from batchpatch.reading.table_records import TableRecords
from batchpatch.reading.urls import shown_name
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.model import RowSet
    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.mapping import ColumnUse
    from batchpatch.reading.rows import RowMaker
    from batchpatch.reading.rules import Rules
    from batchpatch.reading.streams import Tee
    from batchpatch.reading.tables import Table


class Input:
    """One opened input: what it is, how it was understood, and its rows.

    Raises:
        InputError: it cannot be used as a whole.
        SettingsError: an option does not fit any input.
    """

    def __init__(
        self,
        name: str,
        options: ReadOptions,
        *,
        tee: Tee | None = None,
        truncated: bool = False,
    ) -> None:
        """`tee` copies a stream; `truncated`: this is a copy that was not made to its end."""
        self.name = shown_name(name)
        self.rules: Rules | None = None
        """Those that rows are held to, once they are read."""
        self._options = options
        find_kind(options.write).refuse_fields(options.columns)
        self._made_by: RowMaker | LineMaker | None = None
        self.more = False
        """There was something behind the last row that was asked for."""
        self._notices: dict[str, str] = {}
        self._source = open_source(name, tee=tee, truncated=truncated)
        try:
            self._detect(self._source)
        except BaseException:
            self._source.close()
            raise

    def _detect(self, source: ByteSource) -> None:
        found = detect(source, self._options, name=self._source.name)
        self.format, self.encoding, self.records, self.mapping, self._is_empty_plan = found
        if self.mapping and self.mapping.selectors and self._options.participant:
            self._notices["--participant"] = (
                "Columns say who is meant: --participant counts for rows that leave them empty."
            )
        self._notices |= idle_notices(self.format, self._options, name=source.name)
        if isinstance(self.records, TableRecords):
            self._notices |= self.records.notices()

    @property
    def size(self) -> int | None:
        """Bytes of the file as it lies on disk; None for a pipe."""
        return self._source.size

    @property
    def bytes_read(self) -> int:
        """How many of them were read."""
        return self._source.bytes_read

    @property
    def uses(self) -> tuple[ColumnUse, ...]:
        """How the columns were understood; for JSONL, the keys of the first row that has been."""
        made_by = self._made_by
        first = made_by.first_mapping if isinstance(made_by, LineMaker) else None
        mapping = self.mapping or first
        return mapping.uses if mapping else ()

    @property
    def notices(self) -> dict[str, str]:
        """What there is to know of what was read so far, by what it is about."""
        of_table = self.table.notices() if self.table is not None else {}
        of_values = self._made_by.odd.notices() if self._made_by is not None else {}
        of_rules = self.rules.notices() if self.rules is not None else {}
        return self._notices | of_table | of_values | of_rules

    def batches(
        self,
        *,
        source: int,
        first: int,
        most: int | None = None,
        settled: RowSet | None = None,
        live: bool = False,
    ) -> Iterator[Batch]:
        """The rows, numbered from `first`.

        Where the next row is yet to come, an empty batch says so: all before it were handed over.

        Args:
            source: index of this input, for the rows.
            first: number of its first row.
            most: stop after this many rows.
            settled: rows that need no second look: counted, and left out.
            live: somebody waits for each row, so none is kept from them by those before it.

        Raises:
            InputError: the input turns bad halfway, or begins with a thousand invalid rows.
        """
        maker = self._made_by = self._maker(source)
        check = HopelessInputCheck(self._source.name) if settled is None and not live else None
        if self._is_empty_plan:
            return
        number, stop = first, None if most is None else first + most
        blocks = self.records.blocks()
        for block in blocks:
            if block is None:
                yield Batch([], number - 1, idle=True)
                continue
            if settled is not None and settled.covers(number, number + len(block.records) - 1):
                rows, count = [], maker.count(number, block)
            else:
                rows = maker.rows(number, block)
                count = len(rows)
            surplus = 0 if stop is None else max(0, number + count - stop)
            count -= surplus
            del rows[count:]
            if check is not None and not check.look_at(rows):
                check = None
            yield from in_batches(rows, number, count, settled=settled)
            number += count
            if number == stop:
                self.more = surplus > 0 or goes_on(blocks)
                break
            if self.table is not None and self.table.refusal is not None:
                raise self.table.refusal

    @property
    def table(self) -> Table | None:
        """What the records of a CSV are held against."""
        return self.records.table if isinstance(self.records, TableRecords) else None

    @property
    def sheet(self) -> str | None:
        """Of a workbook, the sheet that is read."""
        return self.records.title if isinstance(self.records, TableRecords) else None

    @property
    def may_refuse(self) -> bool:
        """A value may make the whole input unusable."""
        return self.rules is not None and self.rules.refuses

    @property
    def has_unread(self) -> bool:
        """Records came by that could not be read; what is known of them is their text."""
        return self.table is not None and self.table.unread > 0

    @property
    def has_unfit(self) -> bool:
        """Records came by with cells from which nothing may be sent, or too few or many of them;
        of a sheet that is not known."""
        return self.table is not None and (self.sheet is not None or self.table.unfit > 0)

    def _maker(self, source: int) -> RowMaker | LineMaker:
        self.rules = load_rules(self._options, name=self._source.name)
        return maker_for(
            self.mapping,
            self._options,
            source=source,
            table=self.table,
            rules=self.rules,
            notices=self._notices,
        )

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()
