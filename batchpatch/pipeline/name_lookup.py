"""The look-up of names: a list of the platform, read once a run, gives the ids that rows name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.genesys.query import Unlisted, read_names
from batchpatch.reading.names_file import read_names_file
from batchpatch.writes.listing import NameTable, name_in, resolved
from batchpatch.writes.refused import RefusedError
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from batchpatch.genesys.query import Caller
    from batchpatch.model import InvalidRow, Row
    from batchpatch.options.read import ReadOptions
    from batchpatch.writes.listing import Listing


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
