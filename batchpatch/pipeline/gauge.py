"""The gauge of a run: how far it is, what it does and waits for, how long it will take."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.model import Progress, WindowUse
from batchpatch.pipeline.estimate import RequestRate, Seen, left_s, requests_left

if TYPE_CHECKING:
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.merging.window import Window
    from batchpatch.pipeline.feeding import Feeder, RowSource
    from batchpatch.pipeline.recorder import Recorder
    from batchpatch.pipeline.stop import OpeningHours

REASONS = 3
"""Why rows did not make it: so many are shown while the run goes on."""


class Rest(NamedTuple):
    """What a run that has ended leaves to another process."""

    expected: int | None
    """Rows that there will be then."""
    settled: int
    """Rows with a line on disk: of a full one, there are fewer than were counted."""


class Gauge:
    """Looks at the parts of a pipeline, and changes none of them."""

    def __init__(
        self,
        source: RowSource,
        *,
        feeder: Feeder,
        recorder: Recorder,
        client: GenesysClient,
        window: Window,
        hours: OpeningHours | None,
        sends: bool = True,
        reads_each: bool = False,
        verifies: float = 0.0,
    ) -> None:
        """See nothing yet.

        Args:
            source: of the rows.
            feeder: takes them from there.
            recorder: of their results.
            client: asks the platform.
            window: where rows wait.
            hours: in which requests may begin.
            sends: patches are sent; in a plan they are only compared with what is there.
            reads_each: conversations are read for the patches, not only to find participants.
            verifies: the share of patches that are read back.
        """
        self._source = source
        self._feeder = feeder
        self._recorder = recorder
        self._client = client
        self._window = window
        self._hours = hours
        self._sends = sends
        self._reads_each = reads_each
        self._verifies = verifies
        self._rate = RequestRate()
        self._began_s = monotonic()
        self.verifying = 0
        """Patches that wait to be read back."""
        self.organisation: str | None = None
        """Whose data it is, once that is known."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._began_s

    def progress(self) -> Progress:
        """How far it is."""
        client, elapsed_s = self._client, self.elapsed_s
        allowance, to_come = client.allowance(), self.requests_left()
        self._rate.look(elapsed_s, client.traffic.admitted, cap=allowance and allowance.cap)
        per_s = self._rate.per_s(elapsed_s, client.traffic.admitted)
        closed = self._hours.waiting_for if self._hours else None
        return Progress(
            rows_read=self._feeder.rows,
            outcomes=dict(self._recorder.counts),
            settled_before=self._recorder.settled_before,
            requests=client.traffic.requests,
            throttled=client.traffic.throttled,
            waiting_for=closed or self._feeder.waiting_for or client.waiting_for,
            elapsed_s=elapsed_s,
            rows_expected=self._source.rows_expected,
            left_s=None if to_come is None else left_s(to_come, allowance, per_s=per_s),
            doing=self._now_doing(),
            all_read=self._source.exhausted,
            requests_per_s=per_s,
            window=_use_of(allowance),
            reasons=self._recorder.reasons.most_common(REASONS),
            organisation=self.organisation,
        )

    def requests_left(self, rest: Rest | None = None) -> int | None:
        """About how many requests are to come; None where nobody knows how many rows are.

        `rest`: of another process, which reads again what this one has read ahead.
        """
        recorded = self._recorder.counts.total()
        rest, anew = rest or Rest(self._source.rows_expected, recorded), rest is not None
        if rest.expected is None:
            return None
        calls = self._client.traffic.calls
        # Where there are reads for each patch as well, only the finder knows its own.
        found = self._feeder.reads_made if self._reads_each else calls["reads"]
        # What has left and is no row's yet, and what is the run's own, tells nothing of rows.
        unsettled = max(0, calls["patches"] - self._recorder.patches_sent)
        return requests_left(
            Seen(
                expected=rest.expected,
                read=self._feeder.rows,
                fed=self._feeder.fed,
                settled=rest.settled,
                settled_here=max(0, rest.settled - self._recorder.settled_before),
                finding=calls["lookups"] + found,
                requests=self._client.traffic.admitted - unsettled - calls["other"],
                reading=calls["reads"] - found if self._reads_each and self._sends else None,
                verifies=self._verifies if self._sends else 0.0,
                in_hand=self._feeder.in_hand,
                reads_left=self._feeder.reads_left,
                accepted=self.verifying,
            ),
            anew=anew,
        )

    def _now_doing(self) -> str:
        if self._feeder.in_hand and not self._window.rows:
            return "finding participants"
        if self.verifying and self._feeder.exhausted and self._window.idle_but(self.verifying):
            return "verifying"
        return "sending" if self._sends else "planning"


def _use_of(allowance: Allowance | None) -> WindowUse | None:
    if allowance is None or allowance.per_window is None or allowance.left is None:
        return None
    allowed = allowance.per_window * allowance.tokens
    return WindowUse(max(0, allowed - allowance.left), allowed, allowance.ends_in_s)
