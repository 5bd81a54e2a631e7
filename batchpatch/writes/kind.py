"""The kind of write: what the rows of a run put into participants, and how. Pure.

All else in batchpatch handles *named texts*: a row is names and values, a patch is the names and
values of several rows, what was there before is names and values. A `WriteKind` says how these
come out of the cells of an input, what becomes of several rows of one participant, how they go
into the body of a request and along which route, how what was read is compared with them, and
what of them can be taken back. Each kind is one module of this directory and one entry of
`registry.KINDS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.errors import SettingsError
from batchpatch.genesys.routes import Suspect, choose_route, filled
from batchpatch.writes.columns import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from batchpatch.genesys.routes import Route
    from batchpatch.writes.columns import Columns
    from batchpatch.writes.listing import Listing


class MergeRule(Enum):
    """What becomes of several rows of one participant that leave as one request."""

    EACH_NAME = "each name"
    """Per name the last row wins; a row all of whose names were taken is superseded."""
    WHOLE = "whole"
    """The last row wins whole, the others are superseded; and where one name differs from what is
    there, all of them are sent."""


class Resource(NamedTuple):
    """A read of its own for what a participant has: one request tells of one participant."""

    template: str
    """Path with both gaps, see `Route`."""
    parse: Callable[[bytes, str], dict[str, str] | None]
    """Body and participant id to names and values; None where that is no such document."""

    def path(self, key: str) -> str:
        """The path of what `WriteKind.read_key` names."""
        return filled(self.template, *key.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKind:
    """One kind of write. The methods are what most kinds do; a module overrides what differs."""

    name: str
    """What `--write` takes."""
    noun: str
    """One of the names that it writes, in words: `attribute`."""
    key: str
    """The only key of a request's body, and that of the object in JSON lines and plans."""
    columns: Columns
    routes: tuple[Route, ...]
    """The named ones, the usual one first."""
    suspects: tuple[Suspect, ...] = ()
    """What paths of users' own may hold that the platform does not have."""
    merge: MergeRule = MergeRule.EACH_NAME
    resource: Resource | None = None
    """How what a participant has is read; None where the conversation's own read tells it."""
    plain: bool = True
    """Cells are values as they stand: rows need no look by `values`."""
    needed: str = ""
    """The value without which a row asks for nothing; a blank is none."""
    participant: str = ""
    """Purpose of whom rows mean that do not say it; empty where they have to."""
    listing: Listing | None = None
    """What the names in rows may stand for; None where they stand for themselves."""
    choices: Resource | None = None
    """How it is read what a participant may be given: the values that may be set, by themselves."""
    advice: tuple[str, ...] = ()
    """What to know before anything is sent."""
    already_so: str = "all of it is already as it is asked for"
    """Said of a participant that has all that is asked for."""
    nothing_to_set: str = "the row asks for nothing"
    """Said of a row that asks for nothing."""
    blanked: str = "set to an empty text, because the platform cannot take it away"
    """Said by an undo of what was not there before, and can only be left empty."""
    restored: str = "undo can restore them"
    """Said beforehand of the values that a run keeps."""

    @property
    def kept_for_ever(self) -> str:
        """Said of what was not there before, and cannot be left empty either."""
        return f"there was no {self.noun} before, and the platform cannot take one away"

    # ---- columns

    def refuse_fields(self, mapped: Iterable[str]) -> None:
        """Raise SettingsError for a field of `--map` that nobody would read."""
        for name in mapped:
            if not self.columns.is_field(name):
                known = ", ".join(("conversation", "participant", *self.columns.fields))
                raise SettingsError(
                    f"--map {name}=...: a field is {known}, purpose, externalContactId, userId, "
                    f"address, match.NAME, id, priority or deadline{self._named_columns()}."
                )

    def refuse_constants(self, names: Iterable[str]) -> None:
        """Raise SettingsError for a name of `--set` that nobody would send."""
        known = self.columns.values()
        for name in names:
            if not self.columns.open and name not in known:
                raise SettingsError(
                    f"--set {name[:40]}=...: with --write {self.name} a name is one of "
                    f"{', '.join(known)}."
                )

    def _named_columns(self) -> str:
        return f", or {self.columns.example}" if self.columns.open else ""

    def members(self, cell: object) -> dict[str, Any]:
        """Names and values of the cell that holds several; `cell` is no blank and no JSON text.

        Raises:
            RefusedError: it holds something else.
        """
        if isinstance(cell, dict):
            return cell
        raise RefusedError(
            f"bad_{self.key}",
            f"{self.key} is not a JSON object",
            f"Write it as an object, such as {self.columns.object_example}.",
        )

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        """What a row's cells give, by name, as it is to be written.

        An empty text takes a name away, which is what an undo asks for. A value that stays no text
        is judged by the reader.

        Raises:
            RefusedError: the row cannot be written.
        """
        return given

    def asked(self, given: dict[str, Any], *, planned: bool) -> dict[str, Any]:
        """The same as `values`, and nothing where the needed one is a blank.

        `planned`: the row is a plan's, or an undo's, which alone may ask for a blank there.
        """
        needed = given.get(self.needed)
        if not planned and isinstance(needed, str) and not needed.strip():
            return {}
        return self.values(given)

    def notice(self, name: str) -> str | None:
        """What to know before this name is written; None for an ordinary one."""
        return None

    def need_choices(self) -> None:
        """Raise SettingsError where what participants may be given is no list."""
        if self.choices is None:
            raise SettingsError(f"--check-codes does not go with --write {self.name}.")

    # ---- merging

    @property
    def whole(self) -> bool:
        """Rows of it win, and are overtaken, whole."""
        return self.merge is MergeRule.WHOLE

    # ---- the request

    def document(self, values: Mapping[str, str]) -> Mapping[str, Any]:
        """These as the platform takes them."""
        return values

    def body(self, values: Mapping[str, str]) -> bytes:
        """The body of the request that writes these."""
        return orjson.dumps({self.key: self.document(values)})

    def bare_body(self, values: Mapping[str, str]) -> bytes:
        """Likewise, for a route that takes nothing else, and so no key (`Route.bare`)."""
        return orjson.dumps(self.document(values))

    def find_route(self, text: str | None = None) -> Route:
        """The route of that name or template; the usual one where none is given.

        Raises:
            SettingsError: there is no such route, and it is no template either.
        """
        if text is None:
            return self.routes[0]
        return choose_route(text, known=self.routes, suspects=self.suspects)

    def refuse(self, values: Mapping[str, str]) -> RefusedError | None:
        """Why these can never be sent, as where an undo would have to take away what cannot be."""
        return None

    # ---- what is there

    def read_key(self, conversation_id: str, participant_id: str) -> str:
        """Who shares a read: those of one conversation, or of one participant."""
        return f"{conversation_id}/{participant_id}" if self.resource else conversation_id

    def refuse_choice(
        self, values: Mapping[str, str], choices: Mapping[str, str]
    ) -> RefusedError | None:
        """Why these cannot be given to a participant that has these `choices`."""
        return None

    def is_as_asked(self, name: str, present: str | None, wanted: str) -> bool:
        """True where nothing would have to be sent. A blank is as good as none: what was not
        there cannot be taken away again."""
        return (present or "") == wanted

    def is_stored(self, name: str, present: str | None, written: str) -> bool:
        """True where reading back shows what was written: a blank has to be there as a blank."""
        return present == written
