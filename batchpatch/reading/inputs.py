"""Inputs: files and pipes opened, detected, numbered, and read as batches of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.model import Batch
from batchpatch.reading.batches import goes_on, in_batches
from batchpatch.reading.detection import HopelessInputCheck, detect
from batchpatch.reading.jsonl_records import LineMaker
from batchpatch.reading.row_makers import maker_for
from batchpatch.reading.rules_file import load_rules
from batchpatch.reading.sources import BlankInputError, ByteSource, EmptyInputError, open_source
from batchpatch.reading.streams import BackgroundReader
from batchpatch.reading.table_records import TableRecords
from batchpatch.reading.urls import shown_name
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.errors import InputError
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
        found = detect(source, self._options, name=self.name)
        self.format, self.encoding, self.records, self.mapping, self._is_empty_plan = found
        if self.mapping and self.mapping.selectors and self._options.participant:
            self._notices["--participant"] = (
                "Columns say who is meant: --participant counts for rows that leave them empty."
            )
        if isinstance(self.records, TableRecords):
            self._notices |= self.records.notices()

    @property
    def live(self) -> bool:
        """True for a pipe: it cannot be read twice, and the next row may take its time."""
        return self._source.live

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
        check = HopelessInputCheck(self.name) if settled is None and not live else None
        if self._is_empty_plan:
            return
        number, stop = first, None if most is None else first + most
        blocks = self.records.blocks()
        for block in blocks:
            if block is None:
                yield Batch([], number - 1, idle=True)
                continue
            rows = maker.rows(number, block)
            surplus = 0 if stop is None else max(0, number + len(rows) - stop)
            if surplus:
                del rows[-surplus:]
            if check is not None and not check.look_at(rows):
                check = None
            yield from in_batches(rows, number, settled)
            number += len(rows)
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

    def _maker(self, source: int) -> RowMaker | LineMaker:
        self.rules = load_rules(self._options, name=self.name)
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


class Reader:
    """All inputs, one after the other, as batches; rows are numbered through.

    Iterate once. `rows` and `exhausted` say how far it came.
    """

    def __init__(
        self,
        paths: Sequence[str],
        options: ReadOptions,
        *,
        names: Sequence[str] | None = None,
        tee: Tee | None = None,
        settled: RowSet | None = None,
        truncated: str | None = None,
        live: bool = False,
    ) -> None:
        """Nothing is opened yet.

        Args:
            paths: of the inputs, `-` for standard input.
            options: how they are read.
            names: what the report calls them, where that is something else.
            tee: copies a stream.
            settled: rows that need no second look.
            truncated: the path that is a copy which was not made to its end.
            live: somebody waits for each row; a stream without any is one that has ended.
        """
        self._live = live
        self.names = [shown_name(name) for name in names or paths]
        """What the report calls them."""
        self.paths = list(paths)
        """Where they lie."""
        self._settled = settled
        self.rows = 0
        self.exhausted = False
        """Every input was read to its end."""
        self.missing_from: int | None = None
        """Of a truncated input: the number, within it, of the first row that is not there. Inputs
        behind it are not read, because their rows come after those that are missing."""
        self.unread: list[str] = []
        """Names of the inputs behind it."""
        self.limit_reached = False
        """The limit left something unread."""
        self.inputs: list[Input] = []
        """Those opened so far."""
        self.first_rows: list[tuple[str, int]] = []
        """Of each opened input: its name, and the number of its first row."""
        self._options = options
        self._tee = tee
        self._truncated = truncated

    def __iter__(self) -> Iterator[Batch]:
        for index, name in enumerate(self.paths):
            truncated, before = name == self._truncated, self.rows
            try:
                opened = Input(name, self._options, tee=self._tee, truncated=truncated)
            except EmptyInputError as error:
                if self._may_be_blank(index, error):
                    break
                if not truncated:
                    raise
                self.missing_from, self.unread = 1, self.names[index + 1 :]
                break
            self.inputs.append(opened)
            self.first_rows.append((name, self.rows + 1))
            try:
                for batch in opened.batches(
                    source=index,
                    first=self.rows + 1,
                    most=self._left,
                    settled=self._settled,
                    live=self._live,
                ):
                    self.rows = batch.last
                    yield batch
            except BlankInputError as error:
                if not self._may_be_blank(index, error):
                    raise
            finally:
                opened.close()
            if self._left == 0 and (opened.more or index + 1 < len(self.paths)):
                self.limit_reached = True
                return
            if truncated:
                self.missing_from, self.unread = self.rows - before + 1, self.names[index + 1 :]
                break
        self.exhausted = True

    def _may_be_blank(self, index: int, error: InputError) -> bool:
        """True for the last input, where rows come as they happen: none has."""
        last = index + 1 == len(self.paths)
        return self._live and last and isinstance(error, BlankInputError)

    def batches(self) -> BackgroundReader:
        """Begin to read, in a thread."""
        return BackgroundReader(self)

    @property
    def notices(self) -> list[str]:
        """What there is to know of the inputs opened so far, in sentences."""
        return [notice for opened in self.inputs for notice in opened.notices.values()]

    @property
    def repeated_headers(self) -> int:
        """Lines that repeat a header, in the inputs opened so far: they are no rows."""
        return sum(opened.table.repeated for opened in self.inputs if opened.table is not None)

    @property
    def rows_expected(self) -> int | None:
        """Rows in all, judged by the share of the bytes read; None where that is unknown."""
        if self.exhausted or self.limit_reached:
            return self.rows
        sizes = [opened.size for opened in self.inputs]
        if len(sizes) < len(self.names) or None in sizes or not self.rows:
            return self._options.limit
        taken = sum(opened.bytes_read for opened in self.inputs)
        expected = round(self.rows * sum(filter(None, sizes)) / taken) if taken else None
        limit = self._options.limit
        return expected if limit is None or expected is None else min(limit, expected)

    @property
    def _left(self) -> int | None:
        """Rows that --limit still allows."""
        limit = self._options.limit
        return None if limit is None else limit - self.rows
