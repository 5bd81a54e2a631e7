"""Guesses: which column may be which field, by what it is called and what it holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.options.fields import ALIASES, canonical_uuid, normalized
from batchpatch.reading.row_errors import SHOWN_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable

Sample = Sequence[Sequence[str]]
"""The cells of the first records."""


class Guess(NamedTuple):
    """A column that may be what is sought."""

    at: int
    column: str
    why: str
    rivals: tuple[str, ...] = ()
    """Columns that hold ids too, and are called much the same: somebody has to choose."""


_WORDS = {
    "conversation": (
        "conv",
        "convid",
        "conversationuuid",
        "interaction",
        "callid",
        "conversations",
    ),
    "participant": ("part", "partid", "participantuuid", "customerid", "partyid"),
}
"""How else such a column may be called; see `ALIASES`."""
_OTHERS = re.compile(r"queue|user|agent|division|wrapup|flow|skill|team|contact|campaign")
"""In names of columns whose ids are of something else."""
_PREFIXES = {"attr": 0.72, "attributes": 0.85}
"""With how much of them a prefix must have in common to be meant; `attribution` has less."""
_OBJECT = re.compile(r"\{\s*[\"'}]")
"""How one begins, in JSON or as Python shows it; ids stand in braces as well."""
_ALIKE = 0.72
_MOST_BAD = 0.2


def guessed(
    fields: Iterable[str], unused: Sequence[int], header: Sequence[str], sample: Sample
) -> dict[str, Guess]:
    """Which column may be which field: the best pair first, each column once."""
    scores = []
    for field in fields:
        for at in unused:
            alike, holds = _likeness(field, header[at]), holds_ids(at, sample)
            if holds and _OTHERS.search(normalized(header[at])) and alike < _ALIKE:
                continue
            if not header[at]:  # no flag can name it
                continue
            if holds or alike >= _ALIKE:
                scores.append((holds + alike, -at, field))
    found: dict[str, Guess] = {}
    taken: set[int] = set()
    for _, at, field in sorted(scores, reverse=True):
        if field not in found and -at not in taken:
            taken.add(-at)
            why = "its first rows hold ids" if holds_ids(-at, sample) else "did you mean that?"
            found[field] = Guess(-at, header[-at], why)
    free = [at for at in unused if at not in taken and holds_ids(at, sample)]
    for field, guess in found.items():
        rivals = [header[at] for at in free if _may_be(field, header[at])]
        found[field] = guess._replace(rivals=tuple(rivals))
    return found


def _may_be(field: str, column: str) -> bool:
    within = any(alias in normalized(column) for alias in ALIASES.get(field, ()))
    return bool(column) and (within or _likeness(field, column) >= _ALIKE)


def _likeness(field: str, column: str) -> float:
    name = normalized(column)[:SHOWN_LENGTH]
    known = (*ALIASES.get(field, ()), *_WORDS.get(field, ()))
    return max((SequenceMatcher(None, name, one).ratio() for one in known), default=0)


def holds_ids(at: int, sample: Sample) -> bool:
    """True of a column that has ids in nearly all the cells of the first records."""
    cells = [cells[at] for cells in sample if at < len(cells) and cells[at].strip()]
    good = sum(canonical_uuid(cell) is not None for cell in cells)
    return bool(good) and good >= (1 - _MOST_BAD) * len(cells)


def holds_objects(at: int, sample: Sample) -> bool:
    """True of a column that has objects in all the cells of the first records."""
    cells = [cells[at].strip() for cells in sample if at < len(cells) and cells[at].strip()]
    return bool(cells) and all(map(_OBJECT.match, cells))


def attribute_meant(column: str) -> str | None:
    """The name behind a prefix that is nearly an attribute's, as in `atr.tier`; None of others."""
    prefix, _, name = column.partition(".")
    near = (get_close_matches(normalized(prefix), [one], 1, _PREFIXES[one]) for one in _PREFIXES)
    return name if name and any(near) else None
