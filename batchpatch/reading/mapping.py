"""The mapping: which column means what. Pure: names in, decisions out.

The same decisions serve a CSV header, once, and the keys of a JSONL line, once for each set of
keys that occurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError
from batchpatch.options.fields import is_mend, is_origin, is_outcome, is_own, is_skip
from batchpatch.reading.columns import Header
from batchpatch.reading.row_properties import USES, PropertyColumns
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict
    from collections.abc import Sequence

    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.column_guesses import Sample
    from batchpatch.reading.records import SelectorColumn
    from batchpatch.writes.kind import WriteKind


class ColumnUse(NamedTuple):
    """How one column was understood, in words for `check`."""

    column: str
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Positions of the columns that matter.

    `names` and `positions` go together: the attributes that have a column of their own.
    """

    width: int
    conversation: int
    participant: int | None
    """None where every row says by something else who is meant."""
    selectors: tuple[SelectorColumn, ...]
    positions: tuple[int, ...]
    names: tuple[str, ...]
    object_at: int | None
    pair_at: tuple[int, int] | None
    skip_at: int | None
    origin_at: int | None
    """Of rows that have failed before: where that was."""
    mend_at: int | None
    """Of rows that have failed before: which of their cells must be mended first."""
    uses: tuple[ColumnUse, ...]
    properties: PropertyColumns

    @property
    def is_plain(self) -> bool:
        """Every attribute has its own column, so that rows can share `names`."""
        return self.object_at is None and self.pair_at is None and not self._has_failed

    @property
    def used(self) -> tuple[int, ...]:
        """The positions of all columns that matter."""
        known = (self.conversation, self.participant, self.object_at, self.skip_at)
        chosen = (one.position for one in self.selectors)
        return (
            *(at for at in known if at is not None),
            *chosen,
            *(self.pair_at or ()),
            *self.positions,
        )

    @property
    def is_object_only(self) -> bool:
        """Every attribute comes from one object."""
        return not self.names and self.pair_at is None and not self._has_failed

    @property
    def _has_failed(self) -> bool:
        """Rows may say what has become of them in an earlier run."""
        return (self.skip_at, self.origin_at, self.mend_at) != (None, None, None)


def map_columns(
    header: Sequence[str],
    options: ReadOptions,
    *,
    name: str,
    plan: bool = False,
    is_json: bool = False,
    sample: Sample = (),
) -> Mapping:
    """Decide what each column is for.

    Args:
        header: column names as they stand in the input.
        options: the user's wishes.
        name: of the input, for the error.
        plan: the keys of a plan are its own.
        is_json: these are the keys of an object.
        sample: the first records, by which columns of ids are known where one is missing.

    Raises:
        InputError: a needed column is missing or stands there twice; the text names the columns
            that are there and the flag that would use them.
    """
    _refuse_report(header, name)
    finder = Header(list(header), options, name, sample=sample)
    fields = finder.fields()
    selectors = finder.mapped_selectors()
    properties = finder.properties(is_json=is_json)
    attributes = finder.names(fields)
    plan_uses = finder.plan_keys() if plan else {}
    # All columns of an input with ids were attributes before there were selectors.
    if fields["participant"] is None or not options.all_columns:
        selectors += finder.usual_selectors(selectors)
    if options.all_columns:
        finder.add_the_rest(attributes)
    kind = find_kind(options.write)
    columns = kind.columns
    pair = _pair(*(fields[field] for field in columns.pair)) if columns.pair else None
    object_at = fields[columns.whole] if columns.whole else None
    holds_values = bool(options.constants or pair or object_at is not None)
    if options.write is None:
        finder.refuse_other_kinds()
    elif not (attributes or holds_values):
        finder.add_of_other_kinds(attributes)
    attributes = dict(sorted(attributes.items(), key=lambda item: item[1]))
    missing = _missing(options, fields, selectors)
    finder.refuse_missing(missing, nothing_to_send=not (attributes or holds_values))
    kept = {n: i for n, i in attributes.items() if n not in options.constants}
    return Mapping(
        width=len(header),
        conversation=_known(fields["conversation"]),
        participant=fields["participant"],
        selectors=tuple(selectors),
        positions=tuple(kept.values()),
        names=tuple(kept),
        object_at=object_at,
        pair_at=pair,
        skip_at=finder.skip_column(),
        origin_at=next((i for i, column in enumerate(header) if is_origin(column)), None),
        mend_at=next((i for i, column in enumerate(header) if is_mend(column)), None),
        uses=_uses(
            header,
            plan_uses
            | _selector_uses(selectors, has_id=fields["participant"] is not None)
            | _field_uses(fields, kind)
            | _name_uses(attributes, options.constants, kind.noun),
            properties,
        ),
        properties=properties,
    )


def _refuse_report(header: Sequence[str], name: str) -> None:
    """Raise InputError for the rows of a report: what a spreadsheet needs around a value would be
    sent as the value."""
    if any(map(is_outcome, header)):
        raise InputError(
            f"{name} is the report of a run, whose cells are made for a spreadsheet: send the "
            "failed.csv of that run, or the file that it began with."
        )


def _missing(
    options: ReadOptions, fields: Dict[str, int | None], selectors: Sequence[SelectorColumn]
) -> list[str]:
    """The fields that are needed, and absent."""
    missing = [] if fields["conversation"] is not None else ["conversation"]
    if fields["participant"] is None and not selectors and not options.participant:
        missing.append("participant")
    return missing


def _known(position: int | None) -> int:
    assert position is not None  # noqa: S101 - map_columns has refused the other case
    return position


def _pair(key: int | None, value: int | None) -> tuple[int, int] | None:
    return (key, value) if key is not None and value is not None else None


def _field_uses(fields: Dict[str, int | None], kind: WriteKind) -> dict[int, str]:
    words = {"conversation": "conversation id", "participant": "participant id"}
    words.update((name, field.use) for name, field in kind.columns.fields.items())
    return {position: words[f] for f, position in fields.items() if position is not None}


def _selector_uses(selectors: Sequence[SelectorColumn], *, has_id: bool) -> dict[int, str]:
    use = "selects the participant" + (" where it has no id" if has_id else "")
    return {column.position: use for column in selectors}


def _name_uses(names: Dict[str, int], constants: Dict[str, str], noun: str) -> dict[int, str]:
    return {
        position: f"replaced by --set {name}" if name in constants else f"{noun} {name}"
        for name, position in names.items()
    }


def _uses(
    header: Sequence[str], use: Dict[int, str], properties: PropertyColumns
) -> tuple[ColumnUse, ...]:
    use = dict(use)
    for name, position in properties._asdict().items():
        if position is not None:  # such a column may be sent as well
            use[position] = "; ".join(filter(None, (use.get(position), USES[name])))
    return tuple(
        ColumnUse(column, use.get(position) or _idle_use(column))
        for position, column in enumerate(header)
    )


def _idle_use(column: str) -> str:
    if is_skip(column):
        return "names of attributes not to send"
    if is_mend(column):
        return "columns whose cells must be mended first"
    if is_origin(column):
        return "run and row in which it failed"
    return "ignored (batchpatch's own)" if is_own(column) else "not sent"
