"""Patches: requests of merged rows, and how each of them was settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from batchpatch.model.outcome import Outcome
    from batchpatch.model.rows import Row


class Patch(NamedTuple):
    """One request: the attributes of one participant, merged from one or more rows."""

    number: int
    """From 1, in order of hand-out."""
    rows: tuple[Row, ...]
    """The rows it carries, in input order; all name the same participant."""
    attributes: dict[str, str]
    """The last value of each attribute."""
    superseded: dict[int, int] = {}  # noqa: RUF012 - shared by all patches of one row, never changed
    """Rows of which nothing is left: number -> the row that took the last of it."""

    @property
    def conversation_id(self) -> str:
        """The conversation that all its rows name."""
        return self.rows[0].conversation_id

    @property
    def participant_id(self) -> str:
        """The participant that all its rows name."""
        return self.rows[0].participant_id


class PatchOutcome(NamedTuple):
    """How a patch was settled."""

    outcome: Outcome
    """Any but `superseded`, which is a row's; `invalid` where a guard has nothing to compare with:
    that is a fault of the input."""
    status: int | None = None
    """HTTP status of the last answer, None when none came."""
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    correlation_id: str | None = None
    attempts: int = 0
    """Requests that left for this patch, the refused and the repeated ones included."""
    elapsed_s: float = 0.0
    """From hand-out to the answer, waiting for the quota included and reading back not."""
    verified: bool | None = None
    """True where the values were read back, False where they were not there, None where nobody
    looked or the look has failed."""
    unverified: str | None = None
    """Why a check that was asked for could not be made; None where it was, or none was."""
    ended: bool = False
    """The conversation had ended when what was written was read back."""


class Delivery(NamedTuple):
    """A patch that came back: itself and its outcome, or its rows one by one with theirs."""

    patch: Patch
    parts: list[tuple[Patch, PatchOutcome]]
    to_verify: bool = False
    """It was accepted, and is yet to be read back: that is what is to be done next."""


class Change(NamedTuple):
    """What one participant would see changed; holds values, for the screen and not for a log."""

    conversation_id: str
    participant_id: str
    purpose: str
    before: dict[str, str | None]
    attributes: dict[str, str]
