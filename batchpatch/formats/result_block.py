"""Blocks of `results.jsonl`: whole lines, parsed all at once, as columns. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from batchpatch.formats.result_line import MAX_ROW
from batchpatch.model import APPLIED, CONVERSATION_ENDED, FAILED, Outcome

_WORDS = frozenset(str(outcome) for outcome in Outcome)
_FAILED = frozenset(str(outcome) for outcome in FAILED)
_UNUSABLE = (ValueError, KeyError, TypeError, AttributeError)
_row_field, _outcome_field = itemgetter("row"), itemgetter("outcome")


class Block(NamedTuple):
    """Whole lines of a file, one after the other."""

    offset: int
    """Byte at which it begins."""
    first_line: int
    """Number of its first line, from 1."""
    lines: int
    """How many whole lines it has."""
    data: bytes
    """Ends in a newline, except where the file ends without one: then it is that torn tail."""

    @property
    def torn(self) -> bool:
        """True for a tail whose newline was never written."""
        return not self.data.endswith(b"\n")


class Parsed(NamedTuple):
    """What a block's good lines say, column by column, and where its bad lines are."""

    rows: list[int]
    outcomes: list[str]
    counts: Counter[str]
    """How often each of `outcomes` occurs."""
    last_patch: int
    """Highest number of a PATCH, 0 where no line has one."""
    verified: int
    """Lines of rows that were read back and found stored."""
    not_stored: int
    """Lines of rows that were read back and found otherwise."""
    unverified: int
    """Lines of rows for which that check could not be made."""
    after_end: int
    """Lines of rows that were written to a conversation that had ended."""
    bad: list[tuple[int, int]]
    """Of each bad line: its index in the block, and the byte in the block at which it begins."""
    failed: list[dict[str, Any]]
    """The lines of rows that did not make it, where they were asked for."""


def parse(block: Block, *, with_failed: bool = False) -> Parsed:
    """Every line of a block read as JSON and checked; a torn tail is one bad line.

    `with_failed`: the lines of rows that did not make it are wanted as a whole.
    """
    data = block.data
    if block.torn:
        return _NOTHING._replace(bad=[(0, 0)])
    try:
        # One call for the block: a newline is never inside a JSON string, so a comma in its place
        # makes an array of the lines. Lines that only make sense together change the count.
        results = orjson.loads(b"[" + data[:-1].replace(b"\n", b",") + b"]")
        if len(results) == block.lines:
            parsed = _columns(results, checks=_CHECKED in data, ends=_ENDED in data)
            return _with_failed(parsed, results) if with_failed else parsed
    except _UNUSABLE:
        pass
    return _one_by_one(data)


_NOTHING = Parsed([], [], Counter(), 0, 0, 0, 0, 0, [], [])
_CHECKED = b'verified":'
"""Ends the name of both fields about verification."""


_ENDED = CONVERSATION_ENDED.encode()


def _columns(results: list[Any], *, checks: bool, ends: bool) -> Parsed:
    """The columns of lines that are all good, else one of `_UNUSABLE`."""
    rows = list(map(_row_field, results))
    outcomes = list(map(_outcome_field, results))
    patches = [result["patch"] for result in results if "patch" in result]
    if None in patches:
        patches = [patch for patch in patches if patch is not None]
    if set(map(type, rows)) != {int} or not set(map(type, patches)) <= {int}:
        raise TypeError
    counts = Counter(outcomes)
    if min(rows) < 1 or max(rows) > MAX_ROW or not counts.keys() <= _WORDS:
        raise ValueError
    verdicts = Counter(map(_verdict, results)) if checks else Counter[bool | str | None]()
    return Parsed(
        rows,
        outcomes,
        counts,
        max(patches, default=0),
        verdicts[True],
        verdicts[False],
        verdicts["unverified"],
        sum(map(_is_after_end, results)) if ends else 0,
        [],
        [],
    )


def _with_failed(parsed: Parsed, results: list[dict[str, Any]]) -> Parsed:
    if _FAILED.isdisjoint(parsed.counts):
        return parsed  # mostly
    return parsed._replace(
        failed=list(compress(results, map(_FAILED.__contains__, parsed.outcomes)))
    )


def _verdict(result: dict[str, Any]) -> bool | str | None:
    verified = result.get("verified")
    if isinstance(verified, bool):
        return verified
    return "unverified" if result.get("unverified") is not None else None


def _is_after_end(result: dict[str, Any]) -> bool:
    return result.get("code") == CONVERSATION_ENDED and result["outcome"] in APPLIED


def _one_by_one(data: bytes) -> Parsed:
    found = _NOTHING._replace(rows=[], outcomes=[], counts=Counter(), bad=[], failed=[])
    start = 0
    for index, line in enumerate(data[:-1].split(b"\n")):
        try:
            results = [orjson.loads(line)]
            one = _with_failed(_columns(results, checks=True, ends=True), results)
        except _UNUSABLE:
            found.bad.append((index, start))
        else:
            found.rows.extend(one.rows)
            found.outcomes.extend(one.outcomes)
            found.counts.update(one.counts)
            found.failed.extend(one.failed)
            found = found._replace(
                last_patch=max(found.last_patch, one.last_patch),
                verified=found.verified + one.verified,
                not_stored=found.not_stored + one.not_stored,
                unverified=found.unverified + one.unverified,
                after_end=found.after_end + one.after_end,
            )
        start += len(line) + 1
    return found
