"""The finder: selector -> participant id, batch by batch and at few requests.

What analytics tells is looked up many conversations at once; a read of its own is taken for what
it does not tell, for conversations that it leaves out, and to confirm that nobody fits in one
that goes on. What was found is remembered, so that the rows of one conversation cost nothing more
in later batches.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeGuard

from batchpatch.finding.matching import Mismatch, not_looked_up, refused, settle, with_end
from batchpatch.finding.search import Search, Selectors
from batchpatch.formats.skips import without_skipped
from batchpatch.genesys.conversations.reader import Unread
from batchpatch.genesys.conversations.single_flight import LruCache
from batchpatch.model import Row
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchpatch.finding.matching import Known
    from batchpatch.genesys.conversations.reader import ConversationReads
    from batchpatch.model import Batch, InvalidRow
    from batchpatch.options.read import FindOptions
    from batchpatch.writes.kind import WriteKind

_KEPT = 10_000
_KEPT_BYTES = 64 * 1024 * 1024


class Finder:
    """Finds participants. Belongs to one event loop; one batch at a time, in input order."""

    def __init__(
        self,
        reads: ConversationReads,
        options: FindOptions,
        *,
        kind: WriteKind = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`kind` is what rows write; `clock` is monotonic, in seconds."""
        self._reads = reads
        self._kind = kind
        self._options = options
        self._clock = clock
        self._recent: LruCache[Known] = LruCache(_KEPT, most_bytes=_KEPT_BYTES)

    async def find(self, batch: Batch) -> Batch:
        """The same rows in the same order, with the participants that their selectors mean.

        A row without a selector, or without anything to set, passes as it is (but see
        `FindOptions.learn_ended`). One whose participant cannot be told becomes an `InvalidRow`;
        with `ambiguous="all"` one becomes several of the same number. What was found by way of
        analytics, which lags, is not confirmed: someone who joined lately and fits as well goes
        unnoticed.

        Raises:
            AccessError: the token may read no conversation, and some have to be read.
            BatchpatchError: whatever else ends a run, see `GenesysClient.call`.
        """
        selectors = _selectors(batch.rows)
        named = _named(batch.rows) if self._options.learn_ended else set()
        if not selectors and not named:
            return batch
        search = Search(self._reads, self._recent, selectors, clock=self._clock)
        await search.run(beside=named, sure=self._options.ended == "skip")
        found: list[Row | InvalidRow] = []
        for row in batch.rows:
            if _is_meant(row):
                found.extend(self._found(row, search))
            elif named and row.__class__ is Row:
                found.append(self._with_end(row, search))
            else:
                found.append(row)
        return batch._replace(rows=found)

    def _found(self, row: Row, search: Search) -> list[Row] | list[InvalidRow]:
        known = search.answer(row.conversation_id, row.note.selector if row.note else ())
        if isinstance(known, Unread):
            return [refused(row, not_looked_up(known))]
        settled = settle(row, known.conversation, self._options)
        if isinstance(settled, Mismatch):
            return [refused(row, settled)]
        skips = row.note.skips if row.note else None
        if skips is None:
            return settled
        return [without_skipped(one, skips, whole=self._kind.whole) for one in settled]

    def _with_end(self, row: Row, search: Search) -> Row | InvalidRow:
        known = search.known(row.conversation_id)
        if not row.names or known is None or known.conversation is None:
            return row
        settled = with_end(row, known.conversation, self._options)
        return refused(row, settled) if isinstance(settled, Mismatch) else settled


def _selectors(rows: Iterable[Row | InvalidRow]) -> Selectors:
    """What is asked of each conversation, in order of first mention."""
    selectors: Selectors = {}
    for row in rows:
        if _is_meant(row) and row.note is not None:
            selectors.setdefault(row.conversation_id, set()).add(row.note.selector)
    return selectors


def _named(rows: Iterable[Row | InvalidRow]) -> set[str]:
    """The conversations of rows that name their participant by id."""
    return {
        row.conversation_id
        for row in rows
        if isinstance(row, Row) and row.names and not _is_meant(row)
    }


def _is_meant(row: Row | InvalidRow) -> TypeGuard[Row]:
    """True for a row that asks for something, of a participant that is yet to be found."""
    return (
        row.__class__ is Row
        and row.note is not None
        and bool(row.note.selector)
        and bool(row.names)
    )
