"""A row whose conversation was looked up -> the rows to send, or why there are none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.finding.matching import UNKNOWN, Misfit, choose
from batchpatch.model import InvalidRow, Note, Row

if TYPE_CHECKING:
    from batchpatch.finding.options import FindOptions
    from batchpatch.genesys.conversations import Conversation
    from batchpatch.genesys.reads import Unread

_BLANK = Note()
_ENDED = Note(ended=True)
_LIVE = Note(ended=False)

_HAS_ENDED = Misfit(
    "conversation_ended",
    "the conversation has ended, and --ended skip leaves such rows out",
    "What is written after the end does not reach analytics; --ended send writes it all the same.",
)


def settle(row: Row, conversation: Conversation | None, options: FindOptions) -> list[Row] | Misfit:
    """The row once for each participant that it means, next to each other.

    Args:
        row: one with a selector.
        conversation: the row's; None where the platform does not know it.
        options: what to do where several fit, or the conversation has ended.
    """
    if conversation is None:
        return UNKNOWN
    judged = with_end(row, conversation, options)
    if isinstance(judged, Misfit):
        return judged
    selector = row.note.selector if row.note else ()
    chosen = choose(conversation, selector, options.ambiguous)
    if isinstance(chosen, Misfit):
        return chosen
    return [judged._replace(participant_id=one.id) for one in chosen]


def with_end(row: Row, conversation: Conversation, options: FindOptions) -> Row | Misfit:
    """The row, its participant no longer sought, with whether its conversation has ended."""
    if conversation.ended and options.ended == "skip":
        return _HAS_ENDED
    rest = (row.note or _BLANK)._replace(selector=(), ended=conversation.ended)
    # That a conversation goes on is not worth a note of its own.
    note = None if rest == _LIVE else _ENDED if rest == _ENDED else rest
    return row._replace(note=note)


def not_looked_up(unread: Unread) -> Misfit:
    """Why nobody knows who is meant. The row was not sent, and may work another time."""
    if unread.code == "unknown_conversation":
        return UNKNOWN
    hint = f"The row was not sent: send it again. {unread.hint}"
    return Misfit("lookup_failed", f"the look-up failed: {unread.message}", hint)


def refused(row: Row, misfit: Misfit) -> InvalidRow:
    """The row, which is not sent."""
    known_id = row.participant_id or None
    return InvalidRow(row.number, row.line, row.source, *misfit, row.conversation_id, known_id)
