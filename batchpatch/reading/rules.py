"""Rules for values: what each attribute may hold, and what becomes of a row that breaks one. Pure.

Values are looked at a column at a time, and each distinct one once where there are few of them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat
from typing import TYPE_CHECKING, Literal, get_args

from batchpatch.errors import InputError
from batchpatch.reading.column_names import listed
from batchpatch.reading.row_errors import RowError, shown
from batchpatch.reading.values import UnsendableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

OnBreach = Literal["invalid", "drop", "refuse"]
ON_BREACH: tuple[str, ...] = get_args(OnBreach)

_VALUES_KEPT = 4096
_LENGTH_KEPT = 200
"""Values that were found good are remembered up to here: at most a megabyte for each rule."""
_MOST_BYTES_OF_ONE = 4
"""Of a character in UTF-8."""
_SETS_KEPT = 1000


class DateForm:
    """Dates and times spelled one way, such as `%Y-%m-%d`, and only that way."""

    _DIGITS = {  # noqa: RUF012 - never changed
        "Y": r"[12]\d{3}",
        "y": r"\d{2}",
        "m": "(?:0[1-9]|1[0-2])",
        "d": r"(?:0[1-9]|1\d|2[0-8])",  # what every month has; others take the slow way
        "H": r"(?:[01]\d|2[0-3])",
        "I": "(?:0[1-9]|1[0-2])",
        "M": r"[0-5]\d",
        "S": r"[0-5]\d",
        "f": r"\d{6}",
        "%": "%",
    }

    def __init__(self, form: str) -> None:
        """Raises ValueError where it is no form of dates."""
        marks = re.findall("%(.)", form)
        if not set(marks) - {"%"}:
            raise ValueError("it has no part such as %Y")
        moment = datetime(2026, 11, 26, 13, 45, 59, tzinfo=UTC)
        datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 - only tried
        self.form = form
        self._quick: re.Pattern[str] | None = None
        if set(marks) <= self._DIGITS.keys():
            parts = re.split("(%.)", form)
            digits = (self._DIGITS[p[1]] if p.startswith("%") else re.escape(p) for p in parts)
            self._quick = re.compile("".join(digits), re.ASCII)

    def fits(self, text: str) -> bool:
        """True of a date in exactly this form."""
        if self._quick is not None and self._quick.fullmatch(text):
            return True
        try:
            return datetime.strptime(text, self.form).strftime(self.form) == text  # noqa: DTZ007
        except ValueError:
            return False


@dataclass(slots=True, kw_only=True)
class Rule:
    """What one attribute may hold."""

    name: str
    required: bool = False
    allowed: frozenset[str] | None = None
    pattern: re.Pattern[str] | None = None
    max_bytes: int | None = None
    date: DateForm | None = None
    on_breach: OnBreach = "invalid"
    _good: set[str] = field(default_factory=set)

    def fits(self, values: Collection[str]) -> bool:
        """True where none of these values breaks it."""
        good = self._good
        if good.issuperset(values):
            return True
        new = set(values)
        if not self._fits_new(new):
            return False
        if len(good) < _VALUES_KEPT and max(map(len, new)) <= _LENGTH_KEPT:
            good |= new
        return True

    def _fits_new(self, values: set[str]) -> bool:
        """As `breach` of each, in less time."""
        if self.required and "" in values:
            return False
        if self.allowed is not None and not values <= self.allowed:
            return False
        if self.max_bytes is not None and not _are_short(values, self.max_bytes):
            return False
        if self.pattern is not None and not all(map(self.pattern.fullmatch, values)):
            return False
        return self.date is None or all(map(self.date.fits, values))

    def breach(self, value: str | None) -> RowError | None:
        """What is wrong with a value; None of what is not there."""
        if not value and self.required:
            return RowError(
                "rule_required",
                f"{shown(self.name)} is required by the rules, and the row has none",
                "Fill it in.",
            )
        if value is None:
            return None
        return self._breach_of(value)

    def _breach_of(self, value: str) -> RowError | None:
        what = f"the value of {shown(self.name)}"
        if self.allowed is not None and value not in self.allowed:
            allowed = listed(sorted(self.allowed))
            return RowError(
                "rule_allowed", f"{what} is none of those allowed", f"Allowed: {allowed}."
            )
        if self.max_bytes is not None and not _are_short([value], self.max_bytes):
            most = f"{self.max_bytes:,} bytes"
            return RowError(
                "rule_max_bytes", f"{what} is longer than the rules allow", f"At most {most}."
            )
        if self.pattern is not None and self.pattern.fullmatch(value) is None:
            return RowError(
                "rule_pattern", f"{what} does not fit its pattern", f"It is {self.pattern.pattern}"
            )
        if self.date is not None and not self.date.fits(value):
            return RowError(
                "rule_date", f"{what} is no date of its form", f"The form is {self.date.form}"
            )
        return None


def _are_short(values: Collection[str], most_bytes: int) -> bool:
    longest = max(map(len, values))
    if longest > most_bytes:
        return False
    if longest * _MOST_BYTES_OF_ONE <= most_bytes or "".join(values).isascii():
        return True
    return all(len(value.encode()) <= most_bytes for value in values)


class Rules:
    """The rules of all attributes, and what has come of them in one input."""

    def __init__(self, rules: Sequence[Rule], *, only_listed: bool, name: str) -> None:
        """`name` is that of the input, for what is said of it."""
        self._rules = {rule.name: rule for rule in rules}
        self._name = name
        self.listed = frozenset(self._rules) if only_listed else None
        """Names that may occur at all; None where any may."""
        self.refuses = any(rule.on_breach == "refuse" for rule in rules)
        """A value may make the whole input unusable."""
        self._places: dict[tuple[str, ...], list[tuple[Rule, int]] | None] = {}
        self._dropped: Counter[tuple[str, str]] = Counter()

    def fit(self, names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> bool:
        """True where none of these rows, which have these names, breaks a rule."""
        try:
            places = self._places[names]
        except KeyError:
            places = self._located(names)
        if places is None:
            return False
        if len(rows) == 1:
            return all(rule.fits((rows[0][at],)) for rule, at in places)
        columns = list(zip(*rows, strict=True))
        return all(rule.fits(columns[at]) for rule, at in places)

    def fit_each(self, names: Iterable[tuple[str, ...]], rows: Sequence[tuple[str, ...]]) -> bool:
        """The same of rows that have names of their own each."""
        groups: dict[tuple[str, ...], Sequence[tuple[str, ...]]] = {}
        if isinstance(names, repeat):
            groups[next(iter(names))] = rows
        else:
            several: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
            for own, values in zip(names, rows, strict=False):
                several.setdefault(own, []).append(values)
            groups |= several
        return all(self.fit(own, some) for own, some in groups.items())

    def _located(self, names: tuple[str, ...]) -> list[tuple[Rule, int]] | None:
        """The rules of these names, and where their values are; None where one is missing."""
        at = {name: place for place, name in enumerate(names)}
        lacks = any(rule.required and rule.name not in at for rule in self._rules.values())
        found = [(rule, at[name]) for name, rule in self._rules.items() if name in at]
        places = None if lacks else found
        if len(self._places) < _SETS_KEPT:
            self._places[names] = places
        return places

    def applied(self, wanted: Mapping[str, str], line: int, *, complete: bool) -> dict[str, str]:
        """What is to be sent, without what is to be left out. Of several breaches the worst counts.

        Args:
            wanted: value by name.
            line: on which the row begins.
            complete: this is all of the row; of a plan, it is what changes.

        Raises:
            UnsendableError: the row is invalid.
            InputError: the whole input is refused.
        """
        breaches = [
            (rule, error)
            for name, rule in self._rules.items()
            if (name in wanted or complete) and (error := rule.breach(wanted.get(name)))
        ]
        for rule, error in breaches:
            if rule.on_breach == "refuse":
                raise InputError(
                    f"Line {line} of {self._name}: {error.message}, and the rules refuse the whole "
                    f"file for it. {error.hint}"
                )
        for rule, error in breaches:
            if rule.on_breach == "invalid" or rule.name not in wanted:
                raise UnsendableError(error)
        for rule, error in breaches:
            self._dropped[rule.name, error.code.removeprefix("rule_")] += 1
        left_out = {rule.name for rule, _ in breaches}
        return {name: value for name, value in wanted.items() if name not in left_out}

    def notices(self) -> dict[str, str]:
        """How many values were left out."""
        return {
            f"rule {name} {rule}": f"{shown(name)}: {_values(count)} left out by the rule {rule}."
            for (name, rule), count in self._dropped.items()
        }


def listed_by(rules: Rules | None) -> frozenset[str] | None:
    """The names that may occur at all; None where any may."""
    return None if rules is None else rules.listed


def _values(count: int) -> str:
    return "1 value was" if count == 1 else f"{count:,} values were"
