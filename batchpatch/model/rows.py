"""Rows: what an input asks for, valid or not, and what only some of them say beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from batchpatch.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Skips = dict[str, dict[str, int]]
"""What a row must not write, because something newer has: participant id ("" for any) -> name of
the attribute -> the row that has applied it, 0 where nobody knows which."""


class Overtaken(NamedTuple):
    """What has taken the place of everything that a row asks for, before it could be sent."""

    names: tuple[str, ...]
    """What the row had asked for."""
    by: int
    """The newest row that took any of it; 0 where nobody knows which."""
    in_this_run: bool
    """False where that is a row of the run whose failed rows these are."""


class Criterion(NamedTuple):
    """One thing that a participant is to be recognised by."""

    field: Literal["purpose", "externalContactId", "userId", "address", "match"]
    """The platform's name of it; `match` compares the value of an attribute."""
    value: str
    attribute: str = ""
    """Name of the attribute, for `match`."""


class RowContext(NamedTuple):
    """What only some rows say beside the change that they ask for."""

    selector: tuple[Criterion, ...] = ()
    """Who the participant is, where its id is yet to be found: all of these must fit."""
    before: Mapping[str, str | None] | None = None
    """Of a plan: the value that each attribute had, None where it had none."""
    organisation: str | None = None
    """Of a plan: the id of the organisation that it was made for."""
    region: str | None = None
    """Of a plan: the domain of the region that it was made for."""
    or_before: Mapping[str, Sequence[str]] | None = None
    """Of an undo: other values of the run's own that may be there instead of `before`."""
    blanked: tuple[str, ...] = ()
    """Of an undo: attributes that were absent, and can only be blanked."""
    ended: bool | None = None
    """Whether the conversation has ended; None where nobody has looked."""
    skips: Skips | None = None
    """What not to write to whom, where it is yet to be found who is meant."""
    overtaken: Overtaken | None = None
    """Why nothing is left of the row; None where something is, or never was."""
    id: str | None = None
    """What the sender calls the row; comes back in its result."""
    urgent: bool = False
    """Rows of other participants wait for it."""
    deadline_s: float | None = None
    """Seconds after its arrival from which on it is of no use to anybody."""
    due_s: float | None = None
    """When that is, by the monotonic clock; set at its arrival."""
    origin: str = ""
    """Where it has failed before, as its input says it; empty where it says nothing of that."""


class Row(NamedTuple):
    """One valid row. Hot: a million of these pass through, so it is a plain tuple.

    `names` is shared by rows of the same shape; `values[i]` belongs to `names[i]`. An attribute
    that the row leaves alone is not among them; a row without `names` asks for nothing.
    """

    number: int
    """Data row, from 1, running on across all inputs."""
    line: int
    """Physical line on which the row begins, from 1, within its own input."""
    source: int
    """Index of the input in the order given."""
    conversation_id: str
    """Canonical UUID: lower case, no braces."""
    participant_id: str
    """Canonical UUID: lower case, no braces; empty where the context's selector is to find it."""
    names: tuple[str, ...]
    values: tuple[str, ...]
    context: RowContext | None = None
    """None for most rows."""

    @property
    def id(self) -> str | None:
        """What the sender calls it; None for most rows."""
        return None if self.context is None else self.context.id


class InvalidRow(NamedTuple):
    """A row that cannot be sent, and why. Holds no cell's content except ids that are valid."""

    number: int
    line: int
    source: int
    code: str
    """Machine-readable reason, stable, such as `bad_conversation_id`."""
    message: str
    """What is wrong, in words, without any attribute value."""
    hint: str
    """What the user can do."""
    conversation_id: str | None = None
    participant_id: str | None = None
    outcome: Outcome = Outcome.INVALID
    """`unknown` where nothing is wrong with the row, and nobody could be asked about it."""
    id: str | None = None
    """What the sender calls it, where that could be read."""

    @property
    def context(self) -> None:
        """It says nothing more: batches are asked for their contexts whatever their rows are."""
        return


class RowSet(Protocol):
    """Some rows, by their numbers."""

    def __contains__(self, row: int, /) -> bool:
        """True where the row is one of them."""

    def covers(self, first: int, last: int, /) -> bool:
        """True where all rows of this range are."""


class Batch(NamedTuple):
    """Some rows in input order, handed over together because one by one costs too much."""

    rows: list[Row | InvalidRow]
    last: int
    """Number of the last row that was read, which may have been left out as settled."""
    idle: bool = False
    """The reader has nothing more at hand: whoever waits for more rows should stop waiting."""
