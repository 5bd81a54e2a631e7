"""Values that a database or a spreadsheet may have put in place of others: counted, never changed.

Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Literal

from batchpatch.model import Row
from batchpatch.reading.row_errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchpatch.model import InvalidRow

_WORDS = ("null", "nan", "none", "nil", "nat", "undefined", "n/a", "<na>", "<null>", "(null)")

NULL_TEXTS = frozenset(
    {
        *(spelling for word in _WORDS for spelling in (word, word.upper(), word.capitalize())),
        *("NaN", "NaT", "\\N", "-nan", "-NaN", "[NULL]", "[null]"),
        *("#N/A", "#N/A N/A", "#NA", "#NULL!", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!"),
        *("#NV", "#WERT!", "#BEZUG!", "#ZAHL!", "#SPILL!", "#CALC!", "#ERROR!"),
    }
)
"""How databases, languages and spreadsheets write that there is nothing, or an error."""

ORDINARY_NOT = NULL_TEXTS | {""}

MOST_BYTES = 20_000
"""Of the attributes of a participant: of those with more, the platform's search stores nothing."""
LARGE_LENGTH = MOST_BYTES // 4
"""Less text than this is fewer bytes, whatever its characters."""

MOST_DIGITS = 15
"""What a spreadsheet keeps of a number; digits behind these have become zeros."""
_SHORTENED = re.compile(r"[+-]?\d([.,]\d*)?[eE]\+\d+")
_NAMES_KEPT = 20
_NULLS_KEPT = 5

Kind = Literal["null", "shortened", "narrow", "formula", "single", "double"]

_QUOTED: tuple[tuple[Kind, str, str], ...] = (
    ("formula", '="', '"'),
    ("single", "'", "'"),
    ("double", '"', '"'),
)
"""How a cell begins and ends that a reader should have unpacked, had it been told how."""
_ADVICE: dict[Kind, str] = {
    "shortened": "is like 1.23E+15, sent as it stands: a spreadsheet has cut a number short; "
    "format the column as text and export again.",
    "narrow": "is like ####, sent as it stands: a spreadsheet shows so what is wider than its "
    "column; widen it and export again.",
    "formula": 'is a formula like ="00123", sent as it stands: take =" and " away, unless all of '
    "it is meant.",
    "single": "stands in single quotes, which are sent with it: if cells are quoted so in this "
    'file, add --quote "\'".',
    "double": "stands in double quotes, which are sent with it: quotes around a cell come right "
    "behind the delimiter, without a blank.",
}


def is_shortened(text: str) -> bool:
    """True for a number that a spreadsheet shows as a power of ten: its other digits are lost."""
    return bool(_SHORTENED.fullmatch(text.strip()))


_NARROW = "###"
"""How what a spreadsheet shows begins where a column is too narrow for it."""


def _suspicion(text: str) -> Kind | None:
    """What may have been done to a value: cut short, or quoted and not unpacked."""
    if is_shortened(text):
        return "shortened"
    text = text.strip()
    if text.startswith(_NARROW) and not text.strip("#"):
        return "narrow"
    for kind, begin, end in _QUOTED:
        if text.startswith(begin) and text.endswith(end) and len(text) > len(begin + end):
            return None if end in text[len(begin) : -1] else kind
    return None


def may_hold_suspects(text: str) -> bool:
    """False where no value in this much of a CSV was cut short or is quoted. It is cheap: a look
    for single characters, and none for how quotes stand, which `any_suspect` does in less text.
    """
    if ("+" in text and ("E+" in text or "e+" in text)) or ("#" in text and _NARROW in text):
        return True
    return '"' in text or "'" in text


def may_hold_json_suspects(text: bytes) -> bool:
    """The same of JSON."""
    if b"+" in text and (b"E+" in text or b"e+" in text):
        return True
    if b"#" in text and _NARROW.encode() in text:
        return True
    return (b"'" in text and b"'\"" in text) or (b"\\" in text and b'\\""' in text)


class OddValues:
    """Counts of odd values by attribute: NULL and its like, quotes that were not unpacked."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Kind, str]] = Counter()
        self._nulls: dict[str, list[str]] = {}
        """The first null texts of each attribute."""
        self._known: set[str] = set()
        self._large = 0
        self._first_large = 0

    def look_for_large(self, rows: Iterable[Row | InvalidRow]) -> None:
        """Count the rows that hold more than a participant should."""
        for row in rows:
            if not isinstance(row, Row):
                continue
            length = sum(map(len, row.values)) + sum(map(len, row.names))
            if length > LARGE_LENGTH and _bytes_of(row) > MOST_BYTES:
                self._large += 1
                self._first_large = self._first_large or row.line

    def look_at(self, names: Sequence[str], values: Sequence[str], *, suspect: bool) -> None:
        """Count those of one row. `suspect`: look for more than null texts."""
        if NULL_TEXTS.isdisjoint(values) and not suspect:
            return
        for name, value in zip(names, values, strict=False):  # constants come last, unnamed here
            if value in NULL_TEXTS:
                self._count("null", name, value)
            elif suspect and (kind := _suspicion(value)) is not None:
                self._count(kind, name, value)

    def look_through(
        self, rows: Iterable[Row | InvalidRow], *, constants: int, suspect: bool
    ) -> None:
        """Count those of many rows; so many values at the end of each are constants."""
        valid = [row for row in rows if isinstance(row, Row)]
        values = [row.values for row in valid]
        suspect = suspect and any_suspect(values)
        if suspect or any_null(values):
            for row in valid:
                own = len(row.names) - constants
                self.look_at(row.names[:own], row.values[:own], suspect=suspect)

    def _count(self, kind: Kind, name: str, value: str) -> None:
        if name not in self._known:
            if len(self._known) == _NAMES_KEPT:
                return
            self._known.add(name)
        self._counts[kind, name] += 1
        nulls = self._nulls.setdefault(name, [])
        if kind == "null" and value not in nulls and len(nulls) < _NULLS_KEPT:
            nulls.append(value)

    def notices(self) -> dict[str, str]:
        """A sentence for each attribute that has such values."""
        found = {f"{kind} {name}": self._said(kind, name) for kind, name in list(self._counts)}
        if self._large:
            rows = "1 row holds" if self._large == 1 else f"{self._large:,} rows hold"
            found["large"] = (
                f"{rows} more than 20 KB of attributes (line {self._first_large}): they are sent, "
                "but the platform's search keeps nothing of such a conversation."
            )
        return found

    def _said(self, kind: Kind, name: str) -> str:
        number = self._counts[kind, name]
        if kind == "null":
            nulls = self._nulls[name]
            flags = " ".join(f"--null '{text}'" for text in nulls)
            if number == 1:
                return (
                    f"{shown(name)}: 1 value is {nulls[0]}, sent as it stands; {flags} makes it an "
                    "empty cell."
                )
            like = nulls[0] if len(nulls) == 1 else f"{nulls[0]} or the like"
            make = "makes" if len(nulls) == 1 else "make"
            return (
                f"{shown(name)}: {number:,} values are {like}, sent as they stand; {flags} {make} "
                "them empty cells."
            )
        if number == 1:
            return f"{shown(name)}: 1 value {_ADVICE[kind]}"
        verb, _, rest = _ADVICE[kind].partition(" ")
        plural = {"is": "are", "stands": "stand"}[verb]
        return f"{shown(name)}: {number:,} values {plural} {rest}"


def _bytes_of(row: Row) -> int:
    return sum(len(text.encode()) for text in (*row.names, *row.values))


def any_null(rows: Iterable[Sequence[str]]) -> bool:
    """True where a value is one of `NULL_TEXTS`."""
    return not NULL_TEXTS.isdisjoint(chain.from_iterable(rows))


def any_suspect(rows: Iterable[Sequence[str]]) -> bool:
    """False where no value is a number cut short, or quoted."""
    text = "\n".join(chain(chain.from_iterable(rows), [""]))
    return "E+" in text or "e+" in text or _NARROW in text or "'\n" in text or '"\n' in text


def any_odd(rows: Iterable[Sequence[str]]) -> bool:
    """True where a value is empty, or is one of `NULL_TEXTS`."""
    return not ORDINARY_NOT.isdisjoint(chain.from_iterable(rows))
