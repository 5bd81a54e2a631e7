"""Options of reading that mean nothing to an input of another format: refused, or said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from batchpatch.errors import InputError
from batchpatch.options.flag_names import FLAG_OF
from batchpatch.options.read import ReadOptions
from batchpatch.reading.column_names import listed
from batchpatch.reading.dialect import is_failed_header
from batchpatch.reading.table_records import TableRecords

if TYPE_CHECKING:
    from batchpatch.options.read import InputFormat
    from batchpatch.reading.jsonl_records import JsonlRecords

_BY_DEFAULT = ReadOptions()
_OF_CELLS = ("delimiter", "quote", "escape")
_IDLE: dict[InputFormat | Literal["xlsx"], tuple[str, ...]] = {
    "csv": (),
    "jsonl": (*_OF_CELLS, "comment", "skip_lines", "columns_given"),
    "xlsx": (*_OF_CELLS, "format", "encoding"),
}
_SPOKEN = {"jsonl": "JSONL", "xlsx": "a workbook"}


def refuse_sheet(records: TableRecords | JsonlRecords, options: ReadOptions, *, name: str) -> None:
    """Refuse what has no sheets where one is named: it may be another file that is meant.

    The failed rows of a workbook are a CSV, and go with what was said of the workbook.

    Raises:
        InputError: it is neither.
    """
    if options.sheet is None:
        return
    if isinstance(records, TableRecords) and any(map(is_failed_header, records.header)):
        return
    raise InputError(
        f"--sheet names a sheet of a workbook, and {name} is none: leave it out, or send the "
        "workbook by itself."
    )


def idle_notices(
    found: InputFormat | Literal["xlsx"], options: ReadOptions, *, name: str
) -> dict[str, str]:
    """What there is to know of options that were given and have no effect, by what it is about."""
    given = [
        FLAG_OF[f"read.{one}"]
        for one in _IDLE[found]
        if getattr(options, one) != getattr(_BY_DEFAULT, one)
    ]
    if not given:
        return {}
    verb = "has" if len(given) == 1 else "have"
    return {"idle": f"{listed(given)} {verb} no effect on {name}, which is {_SPOKEN[found]}."}
