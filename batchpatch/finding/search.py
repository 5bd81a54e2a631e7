"""The search: the look-ups that one batch of rows takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.finding.matching import Known, analytics_tells, compact, names_in
from batchpatch.genesys.conversations.reader import Unread
from batchpatch.genesys.conversations.single_flight import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from batchpatch.finding.matching import Selector
    from batchpatch.genesys.conversations.reader import ConversationReads
    from batchpatch.genesys.conversations.single_flight import LruCache

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
    ) -> None:
        """`recent` is what earlier batches have learned, and takes in what this one does."""
        self._reads = reads
        self._recent = recent
        self._selectors = selectors
        self._clock = clock
        self._now_s = clock()  # for the whole batch, or an answer could expire on the way
        # Of this batch, because it may name more conversations than are remembered.
        self._known: dict[str, Known] = {}
        self._unread: dict[str, Unread] = {}

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
        await for_each([*self._open(), *left], self._read, at_once=READS_AT_ONCE)

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
        selectors = self._selectors[conversation_id]
        return self.known(conversation_id) is None and analytics_tells(selectors)

    async def _read(self, conversation_id: str) -> None:
        names = names_in(self._selectors.get(conversation_id, set()))
        known = self._known.get(conversation_id)
        if known is not None and known.names is not None:
            names |= known.names
        found = await self._reads.read(conversation_id)
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
