"""Which row maker an input takes: one mapping for all of a table, or one for each shape of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.rows import RowMaker
from batchpatch.reading.rules import listed_by
from batchpatch.reading.values import Names

if TYPE_CHECKING:
    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.mapping import Mapping
    from batchpatch.reading.rules import Rules
    from batchpatch.reading.tables import Table


def maker_for(
    mapping: Mapping | None,
    options: ReadOptions,
    *,
    source: int,
    table: Table | None,
    rules: Rules | None,
    notices: dict[str, str],
) -> RowMaker | LineMaker:
    """What makes rows of the records of one input.

    Args:
        mapping: of a table; None for JSON, where each record has keys of its own.
        options: how it is read.
        source: index of the input, for the rows.
        table: what its records are held against, if it is one.
        rules: for its values.
        notices: get what there is to say of its names.
    """
    if mapping is None:
        return LineMaker(options, source=source, notices=notices, rules=rules)
    names = Names.of(options, notices, listed=listed_by(rules))
    return RowMaker(mapping, options, source=source, names=names, table=table, rules=rules)
