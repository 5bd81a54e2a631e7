"""Undo: from the end of `undo.jsonl` back to the rows that restore every participant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.formats.plan_line import PlanLine, encode_plan_line
from batchpatch.recording.files import replacing
from batchpatch.recording.undo_index import UndoIndex, open_index
from batchpatch.writes.kind import MergeRule
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from batchpatch.formats.undo_line import UndoEntry
    from batchpatch.writes.kind import WriteKind


class UndoRow(NamedTuple):
    """What brings one participant back."""

    conversation_id: str
    participant_id: str
    attributes: dict[str, str]
    """What to write: the value before the run, "" where there was none."""
    before: dict[str, str]
    """What must be there for that: the last value that the run wrote."""
    blanked: tuple[str, ...]
    """The attributes that were absent, and can only be blanked."""
    or_before: dict[str, tuple[str, ...]]
    """What may be there instead: nobody knows that the run's last PATCHes of this attribute took
    effect, and this is what those before them had written. Mostly empty."""


_MOST_OTHERS = 50
"""Of a participant's PATCHes without an answer, more than any number of kills leaves."""


@dataclass(slots=True)
class _Course:
    """What the run did to one attribute."""

    first: str | None
    written: str
    known: bool
    """Whether `first` is what was there before the run."""
    others: tuple[str, ...] = ()
    """What is there if the last PATCHes never took effect, where that is the run's own."""

    @property
    def target(self) -> str:
        """What to go back to."""
        return self.first or ""

    def go_on(self, found: str | None, written: str, *, sent: bool, looked: bool) -> None:
        """See the next entry, and whether its PATCH is known to have taken effect.

        What was found tells what had taken effect before it; unless nobody looked, because it is
        what a plan said, or the read was too early to show it, and so shows the first value.
        """
        possible = (self.written, *self.others)
        if sent:
            self.others = ()
        elif not looked or found == self.first:
            self.others = tuple(dict.fromkeys(possible))[:_MOST_OTHERS]
        else:
            self.others = (found,) if found is not None and found in possible else ()
        self.written = written

    @property
    def changed(self) -> bool:
        """Whether there is anything to take back, and to what."""
        return self.known and (self.target != self.written or bool(self.or_before))

    @property
    def or_before(self) -> tuple[str, ...]:
        """The other values, where going back from there is a change."""
        return tuple(one for one in self.others if one not in (self.target, self.written))


def take_back(
    entries: Iterable[tuple[UndoEntry, bool]],
    *,
    looked: bool = True,
    rule: MergeRule = MergeRule.EACH_NAME,
) -> UndoRow | None:
    """What brings a participant back; None where nothing would change.

    Args:
        entries: those of one participant in the order of time, at least one, each with whether
            its PATCH is known to have taken effect.
        looked: the run read each participant before it wrote; otherwise its entries may tell what
            a plan had seen.
        rule: where a write counts as a whole, it is taken back as a whole.
    """
    ids = "", ""
    courses: dict[str, _Course] = {}
    for entry, sent in entries:
        ids = entry.conversation_id, entry.participant_id
        for name, written in entry.written.items():
            found = entry.before.get(name)
            if name in courses:
                courses[name].go_on(found, written, sent=sent, looked=looked)
            else:
                courses[name] = _Course(found, written, known=name in entry.before)
    changed = {name: course for name, course in courses.items() if course.changed}
    if not changed:
        return None
    if rule is MergeRule.WHOLE:
        changed = {name: course for name, course in courses.items() if course.known}
    return UndoRow(
        *ids,
        {name: course.target for name, course in changed.items()},
        {name: course.written for name, course in changed.items()},
        tuple(name for name, course in changed.items() if course.first is None),
        {name: own for name, course in changed.items() if (own := course.or_before)},
    )


def rows_of(
    index: UndoIndex, *, looked: bool, rule: MergeRule = MergeRule.EACH_NAME
) -> Iterator[UndoRow]:
    """One row for each participant; the one that was written last comes first.

    Attributes to which nothing would change are left out, and so is a row that has no others.

    Args:
        index: of the values that were kept, open.
        looked: as for `take_back`.
        rule: as for `take_back`.

    Raises:
        RecordError: the file has changed while it was read.
    """
    for entries in index.backwards():
        if (row := take_back(entries, looked=looked, rule=rule)) is not None:
            yield row


class UndoPreview(NamedTuple):
    """What an undo would do, as far as the values that were kept tell."""

    participants: int
    """To be restored; those of `refused` are not among them."""
    attributes: int
    """Of theirs."""
    blanked: int
    """Those among them that were absent, and can only be blanked."""
    unkept: int
    """As in `UndoInput`, and `refused` likewise."""
    refused: int
    first: list[UndoRow]
    """The first participants; they hold values."""


def preview_undo(
    undo_path: Path,
    *,
    results_path: Path,
    kind: WriteKind,
    looked: bool,
    count_unkept: bool,
    most: int,
) -> UndoPreview:
    """What `write_undo_input` would write, counted, and the first rows. Raises RecordError."""
    count = attributes = blanked = refused = 0
    first: list[UndoRow] = []
    with open_index(undo_path, results_path=results_path, count_unkept=count_unkept) as index:
        for row in rows_of(index, looked=looked, rule=kind.merge):
            if kind.refuse(row.attributes) is not None:
                refused += 1
                continue
            count += 1
            attributes += len(row.attributes)
            blanked += len(row.blanked)
            if len(first) < most:
                first.append(row)
        return UndoPreview(count, attributes, blanked, index.unkept, refused, first)


class UndoInput(NamedTuple):
    """What was written for an undo to send."""

    lines: int
    """Participants to be restored."""
    unkept: int
    """Rows that the run has updated and whose values before it did not keep."""
    refused: int
    """Of the participants, those whom nothing can bring back: there is no way to write it."""


def write_undo_input(
    undo_path: Path,
    out_path: Path,
    *,
    organisation: str | None,
    region: str,
    results_path: Path | None = None,
    kind: WriteKind = USUAL,
    looked: bool = True,
    count_unkept: bool = False,
) -> UndoInput:
    """Write what `rows_of` gives as the input of a run, 0600, whole or not at all.

    `count_unkept` costs a look-up for each row of the results. Raises RecordError.
    """
    count = refused = 0
    with (
        replacing(out_path, of_run=False) as file,
        open_index(undo_path, results_path=results_path, count_unkept=count_unkept) as index,
    ):
        for row in rows_of(index, looked=looked, rule=kind.merge):
            line = PlanLine(
                row.conversation_id,
                row.participant_id,
                row.attributes,
                row.before,
                organisation,
                kind.key,
                region,
                blanked=row.blanked,
                or_before=row.or_before,
            )
            file.write(encode_plan_line(line))
            count += 1
            refused += kind.refuse(row.attributes) is not None
        return UndoInput(count, index.unkept, refused)
