"""What the entries of one participant come to, when they are taken back. Pure: no file, no clock.

Of each attribute the first value found before a PATCH stands for ever: after a crash the resumed
run finds its own value and logs that. The last value written is what must be there now, because
whatever else is there was put there by somebody else, and is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.recording.undo import UndoEntry


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
    or_before: dict[str, str]
    """What may be there instead: nobody knows that the run's last PATCH of this attribute took
    effect, and this is what the one before it had written. Mostly empty."""


@dataclass(slots=True)
class _Course:
    """What the run did to one attribute."""

    first: str | None
    written: str
    known: bool
    """Whether `first` is what was there before the run."""
    other: str | None = None
    """What is there if the last PATCH never took effect, where that is the run's own."""

    @property
    def target(self) -> str:
        """What to go back to."""
        return self.first or ""

    def go_on(self, found: str | None, written: str, *, sent: bool) -> None:
        """See the next entry, and whether its PATCH is known to have taken effect."""
        ours = found is not None and found in (self.written, self.other)
        self.other = found if ours and not sent else None
        self.written = written

    @property
    def changed(self) -> bool:
        """Whether there is anything to take back, and to what."""
        return self.known and (self.target != self.written or self.or_before is not None)

    @property
    def or_before(self) -> str | None:
        """The other value, where going back from there is a change."""
        return None if self.other in (self.target, self.written) else self.other


def take_back(entries: Iterable[tuple[UndoEntry, bool]]) -> UndoRow | None:
    """What brings a participant back; None where nothing would change.

    `entries`: those of one participant in the order of time, at least one, each with whether its
    PATCH is known to have taken effect.
    """
    ids = "", ""
    courses: dict[str, _Course] = {}
    for entry, sent in entries:
        ids = entry.conversation_id, entry.participant_id
        for name, written in entry.written.items():
            found = entry.before.get(name)
            if name in courses:
                courses[name].go_on(found, written, sent=sent)
            else:
                courses[name] = _Course(found, written, known=name in entry.before)
    changed = {name: course for name, course in courses.items() if course.changed}
    if not changed:
        return None
    return UndoRow(
        *ids,
        {name: course.target for name, course in changed.items()},
        {name: course.written for name, course in changed.items()},
        tuple(name for name, course in changed.items() if course.first is None),
        {name: own for name, course in changed.items() if (own := course.or_before) is not None},
    )
