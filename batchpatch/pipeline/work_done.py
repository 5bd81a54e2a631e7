"""The counters of a process: what its client and its pipeline have done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchpatch.formats.moments import rfc3339
from batchpatch.recording.summary import Counters

if TYPE_CHECKING:
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.pipeline.pipeline import Pipeline


def count_work(
    client: GenesysClient, pipeline: Pipeline, *, started: datetime, exhausted: bool
) -> Counters:
    """The counters of this process as they stand now.

    Args:
        client: that has sent.
        pipeline: that has read, handed out and recorded.
        started: when that began.
        exhausted: the input was read to its end.
    """
    traffic = client.traffic
    return Counters(
        rows=pipeline.rows,
        patches=traffic.calls["patches"],
        reads=traffic.calls["reads"],
        lookups=traffic.calls["lookups"],
        verifications=traffic.calls["verifications"],
        retries=traffic.retries,
        requests=traffic.requests,
        throttled=traffic.throttled,
        tokens_minted=client.tokens_minted,
        allowance_used=client.allowance_used,
        elapsed_s=round(pipeline.elapsed_s, 3),
        started=rfc3339(started),
        ended=rfc3339(datetime.now(UTC)),
        input_exhausted=exhausted,
        other=traffic.calls["other"],
        blanked=pipeline.recorded.blanked,
    )
