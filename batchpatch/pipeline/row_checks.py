"""Row checks before participants are found: names become ids, plans go where they belong."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.organisation import read_identity
from batchpatch.genesys.query import Unlisted, read_names
from batchpatch.model import InvalidRow, Row
from batchpatch.reading.names_file import read_names_file
from batchpatch.writes.columns import RefusedError
from batchpatch.writes.listing import NameTable, name_in, resolved
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.query import Caller
    from batchpatch.options.read import ReadOptions
    from batchpatch.writes.listing import Listing


_CODE = "another_organisation"
_context_of = attrgetter("context")


class Whose(NamedTuple):
    """How to speak of what names an organisation."""

    was: str
    instead: str


PLAN = Whose(
    "The plan was made", "Use credentials and --region of where it was made, or plan again."
)
RUN = Whose("The run was", "Use credentials and --region of where it went.")


def any_says_more(rows: Iterable[Row | InvalidRow]) -> bool:
    """True where one of them has a context; mostly none has."""
    return any(map(_context_of, rows))


def misplaced(row: Row, problem: str, *, hint: str) -> InvalidRow:
    """The row as one of another organisation than the token's, for which rows are on their way."""
    return InvalidRow(*row[:3], _CODE, problem, hint, *row[3:5], id=row.id)


def any_is_valid(rows: Iterable[Row | InvalidRow]) -> bool:
    """True where one of them can be sent; mostly the first."""
    return any(isinstance(row, Row) for row in rows)


class OrganisationCheck:
    """Compares what plans name with what the token is for."""

    def __init__(
        self,
        client: GenesysClient,
        *,
        region: str,
        always: bool,
        known: Identity | None = None,
        learned: Callable[[Identity], None],
        whose: Whose = PLAN,
    ) -> None:
        """Nothing is asked before it is needed.

        Args:
            client: whose token it is about.
            region: of the client.
            always: the organisation is to be known even where no row names one.
            known: who the token is, where that was asked already.
            learned: told once who the token is, before any row of it is sent.
            whose: what the rows are of: a plan, or a run that they take back.
        """
        self._whose = whose
        self._always = always
        self._learned = learned
        self._client = client
        self._region = region
        self._identity = known
        self._fits = False
        """A row has been found that is for here, or says nothing of it: it may be on its way."""

    async def check(self, rows: list[Row | InvalidRow]) -> list[Row | InvalidRow]:
        """The same rows; those of a plan for another organisation or region are invalid.

        Raises:
            SettingsError: the first row is: then it is the whole file that is wrong, and nothing
                was sent.
        """
        if self._always and rows:
            self._always = False
            await self.learn()
        if not any_says_more(rows):
            self._fits = self._fits or any_is_valid(rows)
            return rows
        return [await self._checked(row) for row in rows]

    async def _checked(self, row: Row | InvalidRow) -> Row | InvalidRow:
        if isinstance(row, InvalidRow):
            return row
        context, problem = row.context, None
        if context is not None and context.before is not None:
            problem = await self._problem(context.organisation, context.region)
        if problem is None:
            self._fits = True
            return row
        if not self._fits:
            raise SettingsError(f"{problem}: nothing was sent. {self._whose.instead}")
        hint = "Plans of several organisations cannot be run together: split the file."
        return misplaced(row, problem, hint=hint)

    async def learn(self) -> Identity | None:
        """Who the token is, asked once. Raises what `GenesysClient.call` raises."""
        if self._identity is None:
            self._identity = await read_identity(self._client)
            if self._identity is not None:
                self._learned(self._identity)
        return self._identity

    async def _problem(self, organisation: str | None, region: str | None) -> str | None:
        if region is not None and region != self._region:
            return f"{self._whose.was} for the region {region}, and this is {self._region}"
        if organisation is None:  # an undo of a run that could not learn it
            return None
        here = await self.learn()
        if here is None:
            return (
                f"{self._whose.was} for the organisation {organisation}, and the platform does not "
                "say whose token this is"
            )
        if organisation.lower() == here.organisation:
            return None
        name = f" ({here.organisation_name})" if here.organisation_name else ""
        return (
            f"{self._whose.was} for the organisation {organisation}, and the token is for "
            f"{here.organisation}{name}"
        )


class NameLookup:
    """Puts ids in the place of names. Belongs to one event loop; one batch at a time."""

    def __init__(
        self, caller: Caller, listing: Listing | None, names: dict[str, str] | None = None
    ) -> None:
        """Ask for nothing yet: rows that have ids alone never do.

        Args:
            caller: the client.
            listing: what names stand for; None where they stand for themselves.
            names: by id, where they are known beforehand; then nobody is asked.
        """
        self._caller = caller
        self._listing = listing
        self._table: NameTable | None = None
        self._denied: RefusedError | None = None
        if listing is not None and names is not None:
            self._table = NameTable(names, listing.noun)

    @property
    def names(self) -> Mapping[str, str]:
        """Names by id, as far as they are known."""
        return self._table.names if self._table is not None else {}

    async def resolve(self, rows: list[Row | InvalidRow]) -> list[Row | InvalidRow]:
        """The same rows; those whose name is none, or not the name of one thing, are invalid.

        Raises:
            BatchpatchError: what ends a run, see `GenesysClient.call`.
        """
        listing = self._listing
        if listing is None:
            return rows
        if all(name_in(row, listing) is None for row in rows):
            return rows
        return resolved(rows, listing, await self._known(listing))

    async def _known(self, listing: Listing) -> NameTable | RefusedError:
        """The table; why there is none. Whatever may pass is asked for again the next time."""
        if self._table is not None:
            return self._table
        if self._denied is not None:
            return self._denied
        names = await read_names(self._caller, listing.path)
        if not isinstance(names, Unlisted):
            self._table = NameTable(names, listing.noun)
            return self._table
        refused = _refused(listing, names)
        if names.denied:
            self._denied = refused
        return refused


def _refused(listing: Listing, why: Unlisted) -> RefusedError:
    if why.denied:
        return RefusedError(
            "names_denied",
            f"the token may not read the {listing.noun}s ({why.status}), so no name has an id",
            f"Add the permission {listing.permission} to a role of the OAuth client, write ids, "
            "or give --codes FILE.",
        )
    return RefusedError(
        "names_not_read",
        f"the {listing.noun}s could not be read: {why.message}",
        "Nothing was sent: send the row again, or write ids.",
    )


def lookup_for(caller: Caller, read: ReadOptions) -> NameLookup:
    """The look-up of a run's names, by its client or by the file that it was given.

    Raises:
        InputError: there is no such file, or it holds no names.
    """
    names = None if read.names_file is None else read_names_file(read.names_file)
    return NameLookup(caller, find_kind(read.write).listing, names)
