"""The subject of a request: the patch and the ids that it is made for, as the log names them.

Only who hands a patch on knows its rows, and only the client knows what became of an attempt: so
the one tells the other by a context variable, as a request is told what it is made for.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchpatch.model import Patch

_log = logging.getLogger(__name__)
_patch: ContextVar[Patch | None] = ContextVar("patch", default=None)
_UUID = "([0-9a-f]{8}-[0-9a-f-]{27})"
_IDS = re.compile(rf"/conversations/(?:[a-z]+/)?{_UUID}(?:/participants/{_UUID})?")
_MOST_ROWS = 20


def concern(patch: Patch) -> None:
    """What this task, and those that it starts, call from now on is made for this patch.

    Nothing is kept where nobody listens: every row of a run passes here.
    """
    if _log.isEnabledFor(logging.DEBUG):
        _patch.set(patch)


def subject_fields(url: str) -> dict[str, Any]:
    """Ids, and the rows behind them, of a request; nothing of what is about many conversations.

    Of a read that rows of several patches share it is the first of them.
    """
    match = _IDS.search(url)
    if match is None:
        return {}
    conversation, participant = match.groups()
    ids = {"conversation": conversation, "participant": participant}
    patch = _patch.get()
    if patch is None or patch.conversation_id != conversation:
        return ids
    if participant not in (None, patch.participant_id):
        return ids
    first, more = patch.rows[:_MOST_ROWS], len(patch.rows) - _MOST_ROWS
    return {
        **ids,
        "participant": patch.participant_id,
        "patch": patch.number,
        "rows": [row.number for row in first],
        "lines": [row.line for row in first],
        "ids": [row.id for row in first] if any(row.id for row in first) else None,
        "more_rows": more if more > 0 else None,
    }
