"""How long a refusal stops everything on its token. Pure; seconds on a monotonic clock."""

from __future__ import annotations

import math

# Retry-After is rounded; the vendor's sample waits a second longer, and so do we.
MARGIN_S = 1.0
BASE_S = 2.0
CAP_S = 60.0
_DOUBLINGS = 10


class Hold:
    """Nothing is sent before `until_s`."""

    def __init__(self) -> None:
        self.until_s = -math.inf
        self._refusals = 0

    def admitted(self) -> None:
        """A request was admitted: what comes next is the first refusal again."""
        self._refusals = 0

    def refused(self, now_s: float, retry_after_s: float | None, edge_s: float | None) -> None:
        """Hold for as long as a 429 asks for.

        Args:
            now_s: when it came.
            retry_after_s: what it names; None where it names nothing.
            edge_s: when the window is over in any case; None where that is not known.
        """
        # Those in flight together are refused together, and count as one.
        self._refusals += now_s >= self.until_s
        if retry_after_s is not None:
            until_s = now_s + retry_after_s + MARGIN_S
        elif edge_s is not None and now_s < edge_s:
            until_s = edge_s
        else:
            until_s = now_s + min(CAP_S, BASE_S * 2 ** min(self._refusals - 1, _DOUBLINGS))
        self.until_s = max(self.until_s, until_s)
