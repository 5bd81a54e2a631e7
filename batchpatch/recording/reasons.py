"""Failure reasons, counted: of what kinds are the rows that did not make it? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchpatch.formats.result_line import of_its_kind
from batchpatch.model import FailureReason, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.model import RowResult


class FailureReasons:
    """Counts failed rows by outcome and code, and keeps one message of each kind.

    Kinds beyond `MOST_KINDS` are not told apart: memory is bounded.
    """

    MOST_KINDS = 100

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None], int] = {}
        """By outcome and code."""
        self._texts: dict[tuple[str, str | None], tuple[str | None, str | None]] = {}
        """Message and hint of the first row of each."""

    def add(self, result: RowResult) -> None:
        """See one failed row."""
        code = _code_of(result.code, result.status)
        self._add((result.outcome.value, code), result.message, result.hint)

    def add_lines(self, lines: Iterable[dict[str, Any]]) -> None:
        """The same of lines of failed rows, as they were parsed, whoever has written them."""
        for line in lines:
            outcome, code, status = line["outcome"], line.get("code"), line.get("status")
            if code.__class__ is str and (outcome, code) in self._rows:  # mostly
                self._rows[outcome, code] += 1
                continue
            known = {
                name: of_its_kind(name, line.get(name)) for name in ("code", "message", "hint")
            }
            code = _code_of(known["code"], of_its_kind("status", status))
            self._add((outcome, code), known["message"], known["hint"])

    def _add(self, kind: tuple[str, str | None], message: str | None, hint: str | None) -> None:
        if kind in self._rows:
            self._rows[kind] += 1
        elif len(self._rows) < self.MOST_KINDS:
            self._rows[kind] = 1
            self._texts[kind] = message, hint

    def most_common(self, most: int = 5) -> list[FailureReason]:
        """The most frequent reasons."""
        found = sorted(self._rows.items(), key=lambda kind: -kind[1])[:most]
        return [
            FailureReason(Outcome(kind[0]), kind[1], rows, *self._texts[kind])
            for kind, rows in found
        ]


def _code_of(code: str | None, status: int | None) -> str | None:
    return code or (str(status) if status else None)
