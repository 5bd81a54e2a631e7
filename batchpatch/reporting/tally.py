"""The tally of a run's results in one pass, of a size that does not grow with the rows."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.formats.result_line import decode
from batchpatch.model import MADE_IT, UPDATED, Outcome, RowResult
from batchpatch.recording.reasons import FailureReasons
from batchpatch.recording.results import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from batchpatch.model import FailureReason

LATENCY_EDGES_MS = (
    *(10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000),
    *(300_000, 1_800_000, 7_200_000),
)
"""Upper ends of the classes of the histogram; what is above the last is one class more."""
MOST_NAMES = 1000
"""Of attributes, and of sets of them that rows name; the rest is not told apart."""
OTHERS = "(other names)"
_OUTCOMES = frozenset(map(str, Outcome))
_UNUSABLE = (ValueError, KeyError, TypeError, AttributeError)


class AttributeTally(NamedTuple):
    """What became of the rows that name an attribute."""

    name: str
    applied: int
    others: int
    """Already so, overtaken, or failed."""


class Tally:
    """Counts of rows by outcome, reason, attribute and latency, and the first rows that failed."""

    def __init__(self, *, most_failed: int) -> None:
        """`most_failed`: of the rows that are kept whole."""
        self.outcomes: Counter[str] = Counter()
        self.latencies = [0] * (len(LATENCY_EDGES_MS) + 1)
        self.failed: list[RowResult] = []
        self.failed_rows = 0
        self._most_failed = most_failed
        self._reasons = FailureReasons()
        self._applied: Counter[tuple[str, ...]] = Counter()
        self._others: Counter[tuple[str, ...]] = Counter()

    def take(self, results: Iterable[dict[str, Any]]) -> None:
        """See some results, each with the fields of a line."""
        elapsed: Counter[int] = Counter()
        for result in results:
            outcome = result["outcome"]
            self.outcomes[outcome] += 1
            if (elapsed_ms := result.get("elapsed_ms")) is not None:
                elapsed[elapsed_ms] += 1
            if keys := result.get("keys"):
                names = self._applied if outcome == UPDATED else self._others
                names[_known(tuple(keys), names)] += 1
            if outcome not in MADE_IT:
                self._fail(decode(orjson.dumps(result)))
        for elapsed_ms, number in elapsed.items():
            self.latencies[bisect_left(LATENCY_EDGES_MS, elapsed_ms)] += number

    def _fail(self, result: RowResult) -> None:
        self._reasons.add(result)
        self.failed_rows += 1
        if len(self.failed) < self._most_failed:
            self.failed.append(result)

    def reasons(self, most: int) -> list[FailureReason]:
        """Why rows did not make it, the most frequent first."""
        return self._reasons.most_common(most)

    def attributes(self) -> list[AttributeTally]:
        """What became of each attribute, the most written first."""
        applied, others = _by_name(self._applied), _by_name(self._others)
        names = sorted({*applied, *others}, key=lambda name: (-applied[name], name))
        return [AttributeTally(name, applied[name], others[name]) for name in names]

    def latency_ms(self, share: float) -> int | None:
        """An upper bound of what so large a share of the rows took; None where nobody knows."""
        wanted, seen = share * sum(self.latencies), 0
        for edge, number in zip(LATENCY_EDGES_MS, self.latencies, strict=False):
            seen += number
            if seen and seen >= wanted:
                return edge
        return None


def _known(names: tuple[str, ...], seen: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    return names if names in seen or len(seen) < MOST_NAMES else (OTHERS,)


def _by_name(sets: Counter[tuple[str, ...]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for names, number in sets.items():
        for name in names:
            found[name if name in found or len(found) < MOST_NAMES else OTHERS] += number
    return found


def tally_results(path: Path, *, most_failed: int) -> Tally:
    """The tally of a file of results. Raises RecordError where it cannot be read."""
    tally = Tally(most_failed=most_failed)
    for block in blocks(path) if path.exists() else ():
        if not block.torn:
            tally.take(_results(block.data))
    return tally


def _results(data: bytes) -> list[dict[str, Any]]:
    """The results of whole lines; what is none is left out."""
    try:
        results = orjson.loads(b"[" + data[:-1].replace(b"\n", b",") + b"]")
        if all(map(_is_plain, results)):
            return list(results)
    except _UNUSABLE:
        pass
    return list(_one_by_one(data))


def _is_plain(result: Any) -> bool:
    keys = result.get("keys") or ()
    return (
        result["outcome"] in _OUTCOMES
        and type(result["row"]) is int
        and type(result.get("elapsed_ms")) in (int, type(None))
        and type(keys) in (list, tuple)
        and all(type(key) is str for key in keys)
    )


def _one_by_one(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n")[:-1]:
        try:
            fields = decode(line)._asdict()
        except ValueError:
            continue
        yield {**fields, "outcome": str(fields["outcome"])}
