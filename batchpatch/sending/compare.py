"""The comparison of a patch with what its participant has: what is still to be sent. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from batchpatch.formats.undo_line import ConflictEntry
from batchpatch.genesys.conversations.conversation import Conversation, Participant
from batchpatch.model import RowContext
from batchpatch.sending import outcomes
from batchpatch.writes.kind import MergeRule
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from batchpatch.genesys.conversations.reader import Unread
    from batchpatch.model import Patch, PatchOutcome, Row
    from batchpatch.writes.kind import WriteKind


class Reads(Protocol):
    """What tells of the present: by conversation, or as the kind of write reads it."""

    async def read(
        self, key: str, /, *, max_age_s: float | None = None, fresh: bool = False
    ) -> Conversation | Unread:
        """Who is there and what they have, or why it could not be read. Raises AccessError.

        `key` is that of `WriteKind.read_key`; without a read of its own, the conversation's id.
        """


class Send(NamedTuple):
    """These attributes are to be sent."""

    attributes: dict[str, str]
    """Never empty."""
    before: dict[str, str | None]
    """What each of them is at present; None where it is absent."""


class Unchanged(NamedTuple):
    """All is as asked already."""

    kind: WriteKind = USUAL

    @property
    def outcome(self) -> PatchOutcome:
        """How the patch is settled."""
        return outcomes.unchanged(self.kind)


class Unplanned(NamedTuple):
    """A guard has nothing to compare with: no plan says what is expected."""

    names: tuple[str, ...]
    """The attributes of which it says nothing."""

    @property
    def outcome(self) -> PatchOutcome:
        """How the patch is settled."""
        return outcomes.unplanned(self.names)


class Conflict(NamedTuple):
    """Somebody else has changed what is to be overwritten."""

    names: tuple[str, ...]
    """The attributes that are not as expected."""

    @property
    def outcome(self) -> PatchOutcome:
        """How the patch is settled."""
        return outcomes.conflict(self.names)


def compare(
    patch: Patch,
    present: Mapping[str, str],
    *,
    expected: Mapping[str, str | None] | None,
    guard: bool,
    skip_unchanged: bool,
    own: Mapping[str, str | None] | None = None,
    earlier: Mapping[str, Collection[str]] | None = None,
    kind: WriteKind = USUAL,
) -> Send | Unchanged | Conflict | Unplanned:
    """Decide what to do with a patch.

    With `guard` or `skip_unchanged` an attribute that is as asked already is not sent, and so
    cannot conflict. For that, a blank is as good as no attribute: where `""` is asked for and
    there is none, nothing is sent, because sending would create an attribute that the platform
    cannot delete again (and an undo of a write that never took place has nothing to blank).
    Without either option it is sent as asked, and everywhere else absent and `""` differ.

    Args:
        patch: what is asked for.
        present: the participant's attributes, this run's own writes on top (`OwnWrites.overlay`).
        expected: what a plan or an undo found there, None for absent; see `expected_of`.
        guard: where another value than the expected one would be overwritten, it is a conflict.
        skip_unchanged: send only what differs.
        own: what this run has lately written there itself (`OwnWrites.of`). Such a value is nobody
            else's change; one that is None, in doubt, is sent whatever was read.
        earlier: what an earlier process of the run may have written (`OwnWrites.earlier`).
        kind: what is written. Where rows of it win whole, all names are sent with the first that
            differs, and what the row does not name goes as it is there: whether the platform keeps
            what a request leaves out is not documented, and an undo must know what was written.
    """
    own = own or {}
    skips = guard or skip_unchanged
    attributes = {
        name: value
        for name, value in patch.attributes.items()
        if not (skips and kind.is_as_asked(name, present.get(name), value)) or _in_doubt(name, own)
    }
    if not attributes:
        return Unchanged(kind)
    if kind.merge is MergeRule.WHOLE:
        attributes = {**present, **patch.attributes}
    before = {name: present.get(name) for name in attributes}
    if guard and (unknown := [name for name in attributes if name not in (expected or {})]):
        return Unplanned(tuple(unknown))
    if guard and expected:
        changed = [name for name in before if name in expected and before[name] != expected[name]]
        foreign = tuple(
            name
            for name in changed
            if not _may_be_own(patch, name, before[name], own=own, earlier=earlier or {})
        )
        if foreign:
            return Conflict(foreign)
    return Send(attributes, before)


def _may_be_own(
    patch: Patch,
    name: str,
    value: str | None,
    *,
    own: Mapping[str, str | None],
    earlier: Mapping[str, Collection[str]],
) -> bool:
    """True of a value that the run itself may have written: nobody else has changed it."""
    return (
        _is_own(name, value, own)
        or value in earlier.get(name, ())
        or any(_allows(row, name, value) for row in patch.rows)
    )


def with_end(patch: Patch, conversation: Conversation) -> Patch:
    """The patch, whose rows say that the conversation has ended, where it has."""
    if not conversation.ended:
        return patch
    ended = [(row.context or RowContext())._replace(ended=True) for row in patch.rows]
    rows = zip(patch.rows, ended, strict=True)
    return patch._replace(rows=tuple(row._replace(context=context) for row, context in rows))


def without_absent(patch: Patch, present: Collection[str]) -> Patch:
    """The patch of an undo, without what it need not blank: names that are not there, nor sent."""
    if not any(row.context is not None and row.context.blanked for row in patch.rows):
        return patch
    return patch._replace(rows=tuple(_without_absent(row, present) for row in patch.rows))


def _without_absent(row: Row, present: Collection[str]) -> Row:
    if row.context is None:
        return row
    blanked = tuple(name for name in row.context.blanked if name in present)
    return row._replace(context=row.context._replace(blanked=blanked))


def conflict_entry(
    patch: Patch,
    names: Collection[str],
    expected: Mapping[str, str | None],
    present: Mapping[str, str],
) -> ConflictEntry:
    """What was expected of these attributes, and what was found: it holds values."""
    others = [row.context.or_before or {} for row in patch.rows if row.context is not None]
    return ConflictEntry(
        patch.conversation_id,
        patch.participant_id,
        tuple(row.number for row in patch.rows),
        {
            name: (expected.get(name), *(v for other in others for v in other.get(name, ())))
            for name in names
        },
        {name: present.get(name) for name in names},
    )


def expected_of(patch: Patch) -> dict[str, str | None] | None:
    """What the plan of these rows saw before any of them; None where no row is of a plan.

    The first row that names an attribute wins: where a later one names it too, it may expect what
    the first has set, and that is not there yet.
    """
    expected: dict[str, str | None] | None = None
    for row in patch.rows:
        if row.context is not None and row.context.before is not None:
            expected = {**row.context.before, **(expected or {})}
    return expected


def _allows(row: Row, name: str, value: str | None) -> bool:
    """True for the other values that an undo takes for the run's own."""
    others = row.context.or_before if row.context is not None else None
    return others is not None and value is not None and value in others.get(name, ())


def _in_doubt(name: str, own: Mapping[str, str | None]) -> bool:
    return name in own and own[name] is None


def _is_own(name: str, present: str | None, own: Mapping[str, str | None]) -> bool:
    return name in own and own[name] in (None, present)


class Seen(NamedTuple):
    """A participant that was found in its conversation."""

    conversation: Conversation
    participant: Participant

    @property
    def attributes(self) -> dict[str, str]:
        """What the participant has."""
        return self.participant.attributes or {}


async def look_at(
    reads: Reads, patch: Patch, *, max_age_s: float, kind: WriteKind = USUAL
) -> Seen | PatchOutcome:
    """Read the participant of a patch; how the patch is settled where that is not possible.

    Args:
        reads: tell what participants have, by the keys of `kind`.
        patch: whose participant it is.
        max_age_s: a read that began so long ago will do.
        kind: what is written.

    Raises:
        AccessError: the token may read no conversation.
    """
    key = kind.read_key(patch.conversation_id, patch.participant_id)
    conversation = await reads.read(key, max_age_s=max_age_s)
    if not isinstance(conversation, Conversation):
        return outcomes.unread(conversation)
    participant = conversation.participant(patch.participant_id)
    if participant is None:
        return outcomes.not_in_conversation(conversation)
    return Seen(conversation, participant)
