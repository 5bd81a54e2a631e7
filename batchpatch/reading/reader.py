"""The reader: all inputs, one after the other, numbered through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.reading.inputs import Input
from batchpatch.reading.sources import BlankInputError, EmptyInputError
from batchpatch.reading.streams import BackgroundReader
from batchpatch.reading.urls import shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.errors import InputError
    from batchpatch.model import Batch, RowSet
    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.streams import Tee


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
        rows_known: int | None = None,
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
            rows_known: about how many rows there are in all, where somebody has looked.
            live: somebody waits for each row; a stream without any is one that has ended.
        """
        self._live = live
        self.names = [shown_name(name) for name in names or paths]
        """What the report calls them."""
        self.paths = list(paths)
        """Where they lie."""
        self._settled = settled
        self._rows_known = rows_known
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
    def rows_expected(self) -> int | None:
        """Rows up to the limit; None where that is unknown."""
        known = (self.rows_in_all, self._options.limit)
        return min((rows for rows in known if rows is not None), default=None)

    @property
    def rows_in_all(self) -> int | None:
        """Rows whatever the limit; None where that is unknown."""
        if self.exhausted:
            return self.rows
        if self._options.limit is not None or (by_bytes := self._rows_by_bytes()) is None:
            # Of a few rows nothing can be judged: a file is read by the block.
            return None if self._rows_known is None else max(self.rows, self._rows_known)
        return by_bytes

    def _rows_by_bytes(self) -> int | None:
        """Judged by the share of the bytes read."""
        sizes = [opened.size for opened in self.inputs]
        if len(sizes) < len(self.names) or None in sizes or not self.rows:
            return None
        taken = sum(opened.bytes_read for opened in self.inputs)
        return round(self.rows * sum(filter(None, sizes)) / taken) if taken else None

    @property
    def _left(self) -> int | None:
        """Rows that --limit still allows."""
        limit = self._options.limit
        return None if limit is None else limit - self.rows
