"""The problems of a header: all of them in one refusal, each with the flag that mends it. Pure.

Which column holds ids is known from the first records, and else guessed by its name.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError, as_typed, ended
from batchpatch.options.fields import SELECTOR_WORDS, is_own, normalized
from batchpatch.reading.column_guesses import (
    attribute_meant,
    guessed,
    holds_ids,
    holds_objects,
)
from batchpatch.reading.column_names import listed, plainly
from batchpatch.reading.row_errors import SHOWN_LENGTH
from batchpatch.reading.separators import SEPARATORS, other_delimiter, quotation_of, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.reading.column_guesses import Guess, Sample
    from batchpatch.reading.separators import Quotation
    from batchpatch.writes.kind import WriteKind


def a_noun(kind: WriteKind) -> str:
    """`an attribute`, for a sentence."""
    return f"{'an' if kind.noun[0] in 'aeio' else 'a'} {kind.noun}"


_MOST_PASTED = 30
"""Columns in words to paste; of more than these, somebody has to choose."""


class Problem(NamedTuple):
    """One thing that is wrong with a header."""

    alone: str
    """The sentence where it is the only one."""
    among: str
    """The same beside others, which need not name the input and its columns again."""
    words: str = ""
    """What to add to the command line, ready to paste."""


class HeaderError(InputError):
    """A header that cannot be used, with all that is wrong with it."""

    def __init__(self, name: str, header: Sequence[str], problems: Sequence[Problem]) -> None:
        first, *others = problems
        self.first = first.alone
        """The sentence of the first of them."""
        self.words = " ".join(filter(None, (problem.words for problem in problems)))
        """What to add to the command line, as far as it is known."""
        self.words_suffice = all(problem.words for problem in problems)
        if not others:
            super().__init__(first.alone)
            return
        head = f"{name} has {len(problems)} problems in its header ({listed(header)}):"
        items = [ended(f"({nth}) {problem.among}") for nth, problem in enumerate(problems, 1)]
        lines = [head, *items, *_pasted(problems)]
        super().__init__(" ".join(lines))
        self.lines = (head, *(f"  {line}" for line in lines[1:]))


def _pasted(problems: Sequence[Problem]) -> list[str]:
    """The words of all problems, which mend the header where each has some."""
    words = " ".join(problem.words for problem in problems if problem.words)
    if not words:
        return []
    left = [f"({nth})" for nth, problem in enumerate(problems, 1) if not problem.words]
    asked = f"To paste, with what {' and '.join(left)} asks for" if left else "Ready to paste"
    return [f"{asked}: {words}"]


class HeaderProblems:
    """Collects what is wrong with one header."""

    def __init__(
        self, header: Sequence[str], name: str, kind: WriteKind, sample: Sample = ()
    ) -> None:
        """`name` is that of the input, `sample` are its first records."""
        self._header = header
        self._name = name
        self._kind = kind
        self._sample = sample
        self._found: list[Problem] = []
        self._guessed: set[int] = set()
        self._is_quoted = False
        """Its names stand in quotes, and are not what they seem."""
        self._undivided_by: str | None = None
        """What seems to separate the columns of a header that is one cell."""

    def refuse(self) -> None:
        """Raise HeaderError where there are problems."""
        if self._found:
            raise HeaderError(self._name, self._header, self._found)

    def unknown(self, column: str, flag: str, *, doubled: bool) -> None:
        """A flag names a column that is not there, or is there more than once."""
        what = "has that column more than once" if doubled else "has no such column"
        near = None if doubled else _nearest(column, self._header)
        words = "" if near is None else f"{flag}{_typed_word(near)}"
        alone = f"{flag}{column}: {self._name} {what}. {self._columns()}"
        among = f"{flag}{column}: it {what}"
        if words:
            alone, among = f"{alone} Did you mean {words}?", f"{among}, did you mean {words}?"
        self._found.append(Problem(alone, among, words))

    def missing(self, fields: Sequence[str], unused: Sequence[int]) -> None:
        """These fields have no column; what has none of these positions has another use."""
        if fields and (quotation := quotation_of(self._header)) is not None:
            self._is_quoted = True
            self._found.append(self._quoted(quotation))
            return
        delimiter = self._undivided_by = other_delimiter(self._header)
        guesses = {} if delimiter else guessed(fields, unused, self._header, self._sample)
        self._guessed = {guess.at for guess in guesses.values()}
        for field in fields:
            if delimiter is not None:
                self._found.append(self._undivided(field, delimiter))
                return
            self._found.append(self._missing(field, guesses.get(field)))

    def _quoted(self, quotation: Quotation) -> Problem:
        names = listed(self._header)
        sentence = f"The columns of {self._name} are named in {quotation.what} ({names}). "
        sentence += f"{quotation.advice}."
        return Problem(sentence, sentence.rstrip("."), quotation.words)

    def _undivided(self, field: str, delimiter: str) -> Problem:
        aligned = delimiter == " " and any("  " in column for column in self._header)
        advice = (
            "Export it with a comma between them"
            if aligned
            else f"Add --delimiter {typed(delimiter)}"
        )
        sentence = (
            f"{self._name} has no {field} column: {SEPARATORS[delimiter]} seem to separate "
            f"its columns ({listed(self._header)}). {advice}; or say which column it is: "
            f"--map {field}=COLUMN."
        )
        words = "" if aligned else f"--delimiter {typed(delimiter)}"
        return Problem(sentence, sentence.rstrip("."), words)

    def _missing(self, field: str, guess: Guess | None) -> Problem:
        words = "" if guess is None else f"--map {field}={_typed_word(guess.column)}"
        why = f" ({guess.why})" if guess else ""
        if guess is not None and guess.rivals:
            words, why = "", f" ({listed([guess.column, *guess.rivals])} hold ids)"
        advice = f"say which it is: {words or f'--map {field}=COLUMN'}{why}"
        if field == "participant":
            advice += f"; or who is meant: --participant customer, or a column {SELECTOR_WORDS}"
        usual = f"{field}Id"
        return Problem(
            f"{self._name} has no {field} column. {self._columns()} Name one {usual}, or {advice}.",
            f"no {field} column: name one {usual}, or {advice}",
            words,
        )

    def _columns(self) -> str:
        return f"Its columns: {listed(self._header)}." if self._header else "It has none at all."

    def nothing_found(self, unused: Sequence[int]) -> None:
        """There is nothing to send."""
        if self._is_quoted or self._undivided_by is not None:  # it may be there, called otherwise
            return
        unused = [at for at in unused if at not in self._guessed]
        left, kind = [self._header[at] for at in unused], self._kind
        columns = kind.columns
        if not left:
            advice = f"add a column {columns.example}, or --set NAME=VALUE"
            alone = f"{self._name} has no {kind.noun} to send: {advice}."
            self._found.append(Problem(alone, f"No {kind.noun} to send: {advice}"))
            return
        plain = [self._header[at] for at in unused if self._is_plain(at)]
        if (found := self._half_of_pair(left, plain) or self._objects(unused)) is not None:
            self._found.append(found)
            return
        best = plain[0] if plain else left[0]
        if columns.open:
            advice, words = _offered(plain, best)
        else:
            named = f"--map {next(iter(columns.fields))}={_typed_word(best)}"
            words = named if len(plain) == 1 else ""
            advice = f"Name one {columns.example}, or say which it is: {named}"
        no = f"No {kind.noun} was found in {self._name}. Columns without a use: {listed(left)}."
        among = f"No {kind.noun} was found. {advice}"
        self._found.append(Problem(f"{no} {advice}.", among, words))

    def _half_of_pair(self, left: Sequence[str], plain: Sequence[str]) -> Problem | None:
        """A column of values whose names another one may have, or the other way round."""
        columns = self._kind.columns
        names = {normalized(column) for column in left}
        halves = [
            one for one in columns.pair or () if not names.isdisjoint(columns.fields[one].aliases)
        ]
        others = [one for one in plain if normalized(one) not in halves]
        if len(halves) != 1 or not others:
            return None
        (missing,) = {*(columns.pair or ())} - {*halves}
        words = f"--map {missing}={_typed_word(others[0])}" if len(others) == 1 else ""
        advice = (
            f"the column {halves[0]} is one half of a pair, so say where its {missing} is: "
            f"{words or f'--map {missing}=COLUMN'}; or send columns with --attributes A,B"
        )
        return self._no_value(advice, left, words)

    def _objects(self, unused: Sequence[int]) -> Problem | None:
        """A column of objects, which may be what is to be written."""
        whole, found = (
            self._kind.columns.whole,
            [self._header[at] for at in unused if holds_objects(at, self._sample)],
        )
        if whole is None or len(found) != 1:
            return None
        words = f"--map {whole}={_typed_word(found[0])}"
        advice = (
            f"the column {plainly(found[0])} holds objects: if they are the {whole}, add {words}"
        )
        return self._no_value(advice, [self._header[at] for at in unused], words)

    def _no_value(self, advice: str, left: Sequence[str], words: str) -> Problem:
        no = f"No {self._kind.noun} was found"
        alone = f"{no} in {self._name}. Columns without a use: {listed(left)}."
        alone += f" {advice[0].upper()}{advice[1:]}."
        return Problem(alone, f"{no}: {advice}", words)

    def _is_plain(self, at: int) -> bool:
        """True of a column that may hold values, and that a flag can name among others."""
        column = self._header[at]
        is_word = bool(column) and column.isprintable() and len(column) <= SHOWN_LENGTH
        alone = sum(normalized(column) == normalized(one) for one in self._header) == 1
        return is_word and alone and "," not in column and not holds_ids(at, self._sample)


def _offered(plain: Sequence[str], best: str) -> tuple[str, str]:
    """Advice for a header without an attribute, whatever its name may be, and what to paste."""
    meant = [(name, column) for column in plain if (name := attribute_meant(column))]
    if meant:
        words = [f"--map attr.{_typed_word(name)}={_typed_word(column)}" for name, column in meant]
        return f"Name it attr.NAME, or say what it is: {words[0]}", " ".join(words)
    some = f"--attributes {_typed_word(best)} (several: A,B)"
    few = 0 < len(plain) <= _MOST_PASTED
    pasted = f"--attributes {as_typed(','.join(plain))}" if few else ""
    return f"Send some with {some}, or all with --all-columns", pasted


def _nearest(column: str, header: Sequence[str]) -> str | None:
    names = {normalized(one)[:SHOWN_LENGTH]: one for one in header if one and not is_own(one)}
    asked = normalized(column)[:SHOWN_LENGTH]
    close = get_close_matches(asked, names, 1) or [one for one in names if asked and asked in one]
    return names[close[0]] if len(close) == 1 else None


def _typed_word(column: str) -> str:
    """A column as one types it into a shell."""
    if not column or not column.isprintable() or len(column) > SHOWN_LENGTH:
        return plainly(column)
    return as_typed(column)
