"""The finder: selector -> participant id, batch by batch and at few requests.

What analytics tells is looked up many conversations at once; a read of its own is taken for what
it does not tell, for conversations that it leaves out, and to confirm that nobody fits in one
that goes on. What was found is remembered, so that the rows of one conversation cost nothing more
in later batches.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeGuard

from batchpatch.finding.matching import (
    Known,
    Mismatch,
    analytics_tells,
    compact,
    names_in,
    not_looked_up,
    refused,
    settle,
    with_end,
)
from batchpatch.formats.skips import without_skipped
from batchpatch.genesys.conversations.reader import Unread
from batchpatch.genesys.conversations.single_flight import LruCache, for_each
from batchpatch.model import Row
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from batchpatch.finding.matching import Selector
    from batchpatch.genesys.conversations.reader import ConversationReads
    from batchpatch.genesys.rate_limit.admission import Admission
    from batchpatch.model import Batch, InvalidRow
    from batchpatch.options.read import FindOptions
    from batchpatch.writes.kind import WriteKind


READS_AT_ONCE = 32
Selectors = dict[str, set["Selector"]]
"""What is asked of each conversation, by its id."""


class Search:
    """Asks for what is not known, and tells what is known then."""

    def __init__(
        self,
        reads: ConversationReads,
        recent: LruCache[Known],
        selectors: Mapping[str, set[Selector]],
        *,
        clock: Callable[[], float],
        fresh: bool = False,
    ) -> None:
        """`recent` is what earlier batches have learned, and takes in what this one does.

        `fresh`: analytics, which lags, is asked for nothing that a selector needs.
        """
        self._fresh = fresh
        self._reads = reads
        self._recent = recent
        self._selectors = selectors
        self._clock = clock
        self._now_s = clock()  # for the whole batch, or an answer could expire on the way
        # Of this batch, because it may name more conversations than are remembered.
        self._known: dict[str, Known] = {}
        self._unread: dict[str, Unread] = {}
        self.reads_made = self.reads_left = 0
        """Conversations that were read, and that are still to be."""

    async def run(self, beside: Iterable[str] = (), *, sure: bool = False) -> None:
        """Ask. Of the conversations `beside`, what analytics tells will do, unless one must be
        `sure`: then those that it does not know are read."""
        beside = set(beside) - self._selectors.keys()
        for one in (*self._selectors, *beside):
            if (known := self._recent.get(one)) is not None:
                self._known[one] = known
        new = [one for one in self._open() if self._is_for_analytics(one)]
        new += sorted(one for one in beside if self.known(one) is None)
        for one, conversation in (await self._reads.look_up(new)).items():
            self._learn(one, Known(conversation, None, self._clock()))
        left = [one for one in sorted(beside) if sure and self.known(one) is None]
        left = [*self._open(), *left]
        self.reads_left = len(left)
        await for_each(left, self._read, at_once=READS_AT_ONCE)

    def known(self, conversation_id: str) -> Known | None:
        """What there is about a conversation, be it enough or not."""
        known = self._known.get(conversation_id)
        return None if known is None or known.conversation is None else known

    def answer(self, conversation_id: str, selector: Selector) -> Known | Unread:
        """What settles this selector, or why nothing does."""
        known = self._known.get(conversation_id)
        if known is not None and known.settles(selector, self._now_s):
            return known
        return self._unread[conversation_id]

    def _open(self) -> list[str]:
        """Conversations of which not enough is known."""
        return [
            one
            for one, selectors in self._selectors.items()
            if (known := self._known.get(one)) is None
            or not all(known.settles(selector, self._now_s) for selector in selectors)
        ]

    def _is_for_analytics(self, conversation_id: str) -> bool:
        """True where analytics may know enough, and has not been asked."""
        if self._fresh:
            return False
        selectors = self._selectors[conversation_id]
        return self.known(conversation_id) is None and analytics_tells(selectors)

    async def _read(self, conversation_id: str) -> None:
        names = names_in(self._selectors.get(conversation_id, set()))
        known = self._known.get(conversation_id)
        if known is not None and known.names is not None:
            names |= known.names
        found = await self._reads.read(conversation_id)
        self.reads_made += 1
        self.reads_left -= 1
        if not isinstance(found, Unread):
            self._learn(conversation_id, Known(compact(found, names), names, self._clock()))
            return
        self._unread[conversation_id] = found
        # What is known of one that cannot be read any more still stands.
        if found.is_unknown and self.known(conversation_id) is None:
            self._learn(conversation_id, Known(None, names, self._clock()))

    def _learn(self, conversation_id: str, known: Known) -> None:
        self._known[conversation_id] = known
        self._recent.put(conversation_id, known, about_bytes=known.about_bytes())


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
        turns: Admission | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`kind` is what rows write, `turns` admits reads; `clock` is monotonic, in seconds."""
        self._turns = turns
        self._reads = reads
        self._kind = kind
        self._options = options
        self._clock = clock
        self._recent: LruCache[Known] = LruCache(_KEPT, most_bytes=_KEPT_BYTES)
        self._searches: set[Search] = set()
        self._reads_made = 0
        """By searches that are over."""

    @property
    def reads_made(self) -> int:
        """Conversations that were read so far."""
        return self._reads_made + sum(search.reads_made for search in self._searches)

    @property
    def reads_left(self) -> int:
        """Conversations that are still to be read, of what is being looked for."""
        return sum(search.reads_left for search in self._searches)

    @property
    def turns(self) -> Admission | None:
        """What admits look-ups that read one conversation each; None where some share a request."""
        is_alone = self._options.fresh and not self._options.learn_ended
        return self._turns if is_alone else None

    def has_to_look(self, row: Row) -> bool:
        """True where the row's conversation is to be looked up before the row can go on."""
        return _is_meant(row) or (self._options.learn_ended and bool(row.names))

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
        search = Search(
            self._reads, self._recent, selectors, clock=self._clock, fresh=self._options.fresh
        )
        self._searches.add(search)
        try:
            await search.run(beside=named, sure=self._options.ended == "skip")
        finally:
            self._searches.discard(search)
            self._reads_made += search.reads_made
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
        known = search.answer(row.conversation_id, row.context.selector if row.context else ())
        if isinstance(known, Unread):
            return [refused(row, not_looked_up(known))]
        settled = settle(row, known.conversation, self._options)
        if isinstance(settled, Mismatch):
            return [refused(row, settled)]
        skips = row.context.skips if row.context else None
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
        if _is_meant(row) and row.context is not None:
            selectors.setdefault(row.conversation_id, set()).add(row.context.selector)
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
        and row.context is not None
        and bool(row.context.selector)
        and bool(row.names)
    )
