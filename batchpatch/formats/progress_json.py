"""`progress.json`, how far a run at work is, and the lines of `timeline.jsonl`. Pure.

Neither holds a value or an id. What they say is for who looks; nothing is decided by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.errors import RecordError
from batchpatch.formats.plain import MisfitError, dump_document, from_plain, known_only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.model import Progress


class Moment(NamedTuple):
    """How far a run was at one moment, as `progress.json` tells it."""

    at: str
    """UTC, RFC 3339."""
    rows_read: int
    outcomes: dict[str, int]
    requests: int
    """Of this process."""
    throttled: int
    elapsed_s: float
    """Since this process began."""
    rows_per_s: float
    rows_expected: int | None = None
    left_s: float | None = None
    waiting_for: str | None = None
    allowed_per_min: float | None = None
    """Requests that are admitted a minute; None where nobody knows of a limit."""

    @property
    def settled(self) -> int:
        """Rows that have an outcome."""
        return sum(self.outcomes.values())


def moment_of(progress: Progress, *, at: str, allowed_per_min: float | None) -> Moment:
    """The moment that a look at a run shows."""
    left_s = progress.left_s
    return Moment(
        at,
        progress.rows_read,
        {str(word): number for word, number in progress.outcomes.items() if number},
        progress.requests,
        progress.throttled,
        round(progress.elapsed_s, 3),
        round(progress.rows_per_s, 3),
        progress.rows_expected,
        None if left_s is None else round(left_s, 1),
        progress.waiting_for,
        allowed_per_min,
    )


def encode_moment(moment: Moment) -> bytes:
    """The bytes of `progress.json`."""
    return dump_document(moment._asdict())


def decode_moment(data: bytes) -> Moment | None:
    """What `encode_moment` was given; None where it is not that."""
    try:
        document = orjson.loads(data)
        if not isinstance(document, dict):
            return None
        moment: Moment = from_plain(Moment, known_only(Moment, document))
    except (MisfitError, ValueError, RecordError):
        return None
    return moment


class Sample(NamedTuple):
    """A line of `timeline.jsonl`: what one process of a run had asked for by then."""

    at: str
    elapsed_s: float
    requests: int
    throttled: int
    settled: int
    allowed_per_min: float | None = None


def encode_sample(moment: Moment) -> bytes:
    """The line of a moment."""
    sample = Sample(
        moment.at,
        moment.elapsed_s,
        moment.requests,
        moment.throttled,
        moment.settled,
        moment.allowed_per_min,
    )
    return orjson.dumps(sample._asdict(), option=orjson.OPT_APPEND_NEWLINE)


def decode_samples(data: bytes) -> Iterator[Sample]:
    """The samples of whole lines; what is none is left out."""
    for line in data.split(b"\n"):
        try:
            fields: Any = orjson.loads(line)
            sample: Sample = from_plain(Sample, known_only(Sample, fields))
        except (ValueError, AttributeError):
            continue
        yield sample
