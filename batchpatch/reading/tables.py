"""The table of a CSV: its header, its dialect, and which of its records are no rows. Pure."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.model import InvalidRow
from batchpatch.options.fields import (
    ALIASES,
    FIELD_NAMES,
    bare,
    canonical_uuid,
    is_kept_text,
    is_mend,
    is_own,
    normalized,
)
from batchpatch.reading import row_errors
from batchpatch.reading.column_names import listed
from batchpatch.reading.dialect import (
    LINE_BREAK,
    IdPlaces,
    named_delimiter,
    names_columns,
    quote_error,
)
from batchpatch.reading.joins import joined_header, lines_of
from batchpatch.reading.odd_values import NULL_TEXTS
from batchpatch.reading.row_errors import RowError
from batchpatch.reading.values import UnsendableError
from batchpatch.writes.registry import is_known_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import Row
    from batchpatch.reading.dialect import Dialect
    from batchpatch.reading.mapping import Mapping

_COLUMN_NAME = re.compile(r"[^\W\d_][\w .:/()-]{0,59}")


class Table:
    """The header of one CSV, against which its records are held.

    `refusal` is set where another table begins below: its rows would be read as columns of this
    one, and what was once written to a wrong attribute cannot be deleted.
    """

    def __init__(self, header: Sequence[str], dialect: Dialect, *, name: str) -> None:
        """`name` is that of the input, for what is said of it."""
        self.header = list(header)
        self.dialect = dialect
        self.places: IdPlaces | None = None
        """Known once the columns are mapped."""
        self.repeated = 0
        """Lines that repeat the header."""
        self.unread = 0
        """Records that could not be read."""
        self.unfit = 0
        """Records with another number of cells than the header."""
        self.refusal: InputError | None = None
        self.is_watchful = False
        """A record came by that gives the next row a meaning: `row_came` is to be told of it."""
        self._name = name
        self._first_repeated = 0
        self._behind_blank = False
        self._candidate: tuple[int, Sequence[str]] | None = None
        """A record behind a blank line that is a header if a row follows."""
        self._id_names = set(ALIASES["conversation"])
        self._named = len(_without_end(header))
        """Columns, without those at the end that have no name."""
        self._text_at = next((i for i, c in enumerate(header) if is_kept_text(c)), None)
        self._not_own = [i for i, c in enumerate(header) if not is_own(c)]

    def use(self, mapping: Mapping) -> None:
        """Know where the ids are."""
        self.places = IdPlaces(
            conversation=mapping.conversation, participant=mapping.participant, width=mapping.width
        )
        self._id_names.add(normalized(self.header[mapping.conversation]))

    def is_no_row(self, record: Sequence[str] | RowError) -> bool:
        """True for a blank record, and for one that repeats what stands above the table."""
        return is_blank(record) or self._repeats_header(record) or self._names_delimiter(record)

    def _repeats_header(self, record: Sequence[str] | RowError) -> bool:
        if isinstance(record, RowError) or not self._names_id(record):
            return False
        cells, mine = _without_end(record), _without_end(self.header)
        return len(cells) == len(mine) and all(map(_is_same_column, cells, mine))

    def _names_delimiter(self, record: Sequence[str] | RowError) -> bool:
        """True for `sep=;`, which stands above the header of some exports."""
        text = self.dialect.delimiter.join(record)
        return not isinstance(record, RowError) and named_delimiter(text) is not None

    def passes_over(self, line: int, record: Sequence[str] | RowError) -> bool:
        """The same as `is_no_row`, and counts it: to be called once for each."""
        if is_blank(record):
            self._behind_blank = self.is_watchful = True
            return True
        if self._repeats_header(record):
            self.repeated += 1
            self._first_repeated = self._first_repeated or line
            return True
        return self._names_delimiter(record)

    def row_came(self) -> None:
        """A row of this table came by; or many, with nothing else between them."""
        if self._candidate is not None:
            self._refuse(*self._candidate, advice=" If it is none, delete the blank line above it.")
        self._behind_blank = self.is_watchful = False

    def watch(self, line: int, record: Sequence[str] | RowError, made: Row | InvalidRow) -> None:
        """Look at a record that is a row or should be one: is it another table's header?"""
        if not isinstance(made, InvalidRow):
            self.row_came()
            return
        behind_blank, self._behind_blank, self._candidate = self._behind_blank, False, None
        self._look_within(line, record)
        if isinstance(record, RowError):
            self.unread += 1
            return
        self.unfit += made.code == "ragged"
        if any(map(canonical_uuid, record)):
            return
        if self._is_header(record):
            self._refuse(line, record)
        elif behind_blank and _could_be_header(record):
            self._candidate, self.is_watchful = (line, record), True

    def _look_within(self, line: int, record: Sequence[str] | RowError) -> None:
        """Is the header of another table in it, on a line that a quote has swallowed, or behind the
        last cell of a row, as where files are joined and the first had no line break at its end?

        In failed rows it is what made one invalid, beside the header of all.
        """
        if len(self._not_own) < len(self.header):
            return
        for nth, cells in enumerate(lines_of(record, self.dialect)):
            begun = joined_header(cells, self.header, self._id_names)
            if begun and not self._continues(begun):
                self._refuse(line + nth, begun, how="ends with")
            elif nth and self._is_other_header(cells):
                self._refuse(line + nth, cells)

    def _is_other_header(self, cells: Sequence[str]) -> bool:
        """True of a header that is not this table's; a row has ids."""
        is_row = any(map(canonical_uuid, cells))
        return not is_row and self._is_header(cells) and not self._repeats_header(cells)

    def _continues(self, tail: Sequence[str]) -> bool:
        """True of this table's own header, behind a text that is none of it."""
        mine = self.header[0]
        if not normalized(tail[0]).endswith(normalized(mine)):
            return False
        return self._repeats_header([mine, *tail[1:]])

    def _names_id(self, record: Sequence[str]) -> bool:
        return any(normalized(cell) in self._id_names for cell in record)

    def _is_header(self, record: Sequence[str]) -> bool:
        """True where an id's column is named in its place, or beside that of something else; or
        where both are one cell, because another delimiter is between them."""
        if len(record) == 1:
            return names_columns(record[0])
        names = [normalized(cell) for cell in record]
        at = self.places.conversation if self.places else 0
        in_place = at < len(names) and names[at] in self._id_names
        return in_place or (
            sum(map(is_known_column, record)) > 1 and not self._id_names.isdisjoint(names)
        )

    def _refuse(
        self, line: int, record: Sequence[str], *, how: str = "looks like", advice: str = ""
    ) -> None:
        self.refusal = self.refusal or InputError(
            f"Line {line} of {self._name} {how} the header of another table "
            f"({listed(record)}), and the rows below it would be sent by the first one's columns: "
            f"put each table into a file of its own.{advice}"
        )

    def notices(self) -> dict[str, str]:
        """What is to be said of its records as a whole."""
        said = {}
        if self.dialect.is_spaced:
            said["blanks"] = (
                f"{self._name}: a blank stands behind each delimiter of the header. Behind those "
                "of the rows it is sent as part of the value: delete it where it is not meant."
            )
        if not self.repeated:
            return said
        lines = "1 line repeats" if self.repeated == 1 else f"{self.repeated:,} lines repeat"
        where = f"line {self._first_repeated}" + (", for one" if self.repeated > 1 else "")
        said["header"] = f"{self._name}: {lines} the header ({where}); that is no row."
        return said

    @property
    def marks_cells(self) -> bool:
        """True of failed rows some of which have cells that must be mended."""
        return any(map(is_mend, self.header))

    @property
    def keeps_text(self) -> bool:
        """True of failed rows: a column holds the text of records that could not be read."""
        return self._text_at is not None

    def without_text(self, cells: list[str]) -> list[str]:
        """The cells, the kept text as empty lines: the records in it are meant to be there."""
        at = self._text_at
        if at is None or at >= len(cells):
            return cells
        return [*cells[:at], "\n" * len(LINE_BREAK.findall(cells[at])), *cells[at + 1 :]]

    def restored(self, line: int, record: Sequence[str]) -> Sequence[str]:
        """The record itself, or the one whose text it keeps, which somebody may have mended.

        Raises:
            UnsendableError: that text is still no record of the table.
        """
        at = self._text_at
        if self._named <= len(record) < len(self.header):  # what is missing has no name, and no use
            return [*record, *[""] * (len(self.header) - len(record))]
        if at is None or at >= len(record) or not record[at].strip():
            return record
        cells = self._parsed(line, record[at])
        if len(cells) == len(self.header):  # it was a failed row already
            return cells
        if len(cells) != len(self._not_own):
            raise UnsendableError(row_errors.ragged(len(cells), len(self._not_own), line, line))
        whole = list(record)
        for position, cell in zip(self._not_own, cells, strict=True):
            whole[position] = cell
        return whole

    def _parsed(self, line: int, text: str) -> list[str]:
        dialect = self.dialect.for_text(text)
        lines = list(io.StringIO(text, newline=""))
        try:
            records = list(dialect.strict(lines))
        except csv.Error as error:
            raise UnsendableError(quote_error(error, line, lines, dialect)) from None
        if len(records) != 1:
            raise UnsendableError(row_errors.kept_text(len(records)))
        return records[0]


def is_blank(record: Sequence[str] | RowError) -> bool:
    """True for a record without a cell, or with blanks alone; a lone `""` is a cell."""
    if len(record) > 1:
        return not isinstance(record, RowError) and not any(map(str.strip, record))
    return not record or (record[0] != "" and not record[0].strip(" \t"))


def _without_end(record: Sequence[str]) -> list[str]:
    """The cells as a header has them, without the empty ones at the end."""
    cells = [bare(cell) for cell in record]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _is_same_column(one: str, other: str) -> bool:
    same = normalized(one)
    return one == other or (same == normalized(other) and same in FIELD_NAMES)


def _could_be_header(record: Sequence[str]) -> bool:
    """True for at least two different texts that could name columns, and nothing else."""
    cells = _without_end(record)
    return (
        len(cells) > 1
        and len(set(cells)) == len(cells)
        and NULL_TEXTS.isdisjoint(cells)
        and all(map(_COLUMN_NAME.fullmatch, cells))
    )
