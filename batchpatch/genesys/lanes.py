"""Places for tokens, each with the quota of the one in use. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.edges import Rounding
from batchpatch.genesys.quota import Quota

if TYPE_CHECKING:
    from batchpatch.genesys.tokens import Token, TokenSource


class QuotaOptions(NamedTuple):
    """What every token's quota begins with; see `Quota`."""

    rounding: Rounding = Rounding.UNKNOWN
    share: float = 1.0
    assumed_per_s: float | None = None


class Lane:
    """A place for one token after the other, and the quota of the one in use."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source
        self.token: Token | None = None
        self.quota = Quota()
        self.rests_until_s = -math.inf
        self._offered = 0

    @property
    def offered(self) -> int:
        """What the windows touched have allowed in all, those of earlier tokens included."""
        return self._offered + self.quota.offered

    def use(self, token: Token, options: QuotaOptions) -> None:
        """Begin with another token: nothing is known of its window."""
        self._offered = self.offered
        self.token, self.quota = token, Quota(**options._asdict())


class Permit(NamedTuple):
    """Leave to send one request with this token; to be settled exactly once."""

    lane: Lane
    token: Token
    quota: Quota
    """The token's; its lane may have another by the time of the answer."""
    ticket: int
