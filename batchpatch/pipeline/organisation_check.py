"""The organisation check: rows of a plan go where the plan was made for, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.organisation import read_identity
from batchpatch.model import InvalidRow, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.client import GenesysClient

_CODE = "another_organisation"


class OrganisationCheck:
    """Compares what plans name with what the token is for."""

    def __init__(
        self,
        client: GenesysClient,
        *,
        region: str,
        always: bool,
        learned: Callable[[Identity], None],
    ) -> None:
        """Nothing is asked before it is needed.

        Args:
            client: whose token it is about.
            region: of the client.
            always: the organisation is to be known even where no row names one.
            learned: told once who the token is, before any row of it is sent.
        """
        self._always = always
        self._learned = learned
        self._client = client
        self._region = region
        self._identity: Identity | None = None
        self._fits = False
        """A row has been found that is for here."""

    async def check(self, rows: list[Row | InvalidRow]) -> list[Row | InvalidRow]:
        """The same rows; those of a plan for another organisation or region are invalid.

        Raises:
            SettingsError: the first of them is: then it is the whole file that is wrong.
        """
        if self._always and rows:
            self._always = False
            await self._learn()
        if not any(row.__class__ is Row and row[7] is not None for row in rows):
            return rows
        return [await self._checked(row) for row in rows]

    async def _checked(self, row: Row | InvalidRow) -> Row | InvalidRow:
        if isinstance(row, InvalidRow) or row.note is None or row.note.before is None:
            return row
        problem = await self._problem(row.note.organisation, row.note.region)
        if problem is None:
            self._fits = True
            return row
        if not self._fits:
            raise SettingsError(f"{problem}: nothing was sent.")
        hint = "Plans of several organisations cannot be run together: split the file."
        return InvalidRow(row.number, row.line, row.source, _CODE, problem, hint, *row[3:5])

    async def _learn(self) -> Identity | None:
        if self._identity is None:
            self._identity = await read_identity(self._client)
            if self._identity is not None:
                self._learned(self._identity)
        return self._identity

    async def _problem(self, organisation: str | None, region: str | None) -> str | None:
        if region is not None and region != self._region:
            return f"The plan was made for the region {region}, and this is {self._region}"
        if organisation is None:  # an undo of a run that could not learn it
            return None
        here = await self._learn()
        if here is None:
            return "The platform does not say whose token this is, so a plan cannot be run here"
        if organisation.lower() == here.organisation:
            return None
        name = f" ({here.organisation_name})" if here.organisation_name else ""
        return (
            f"The plan was made for the organisation {organisation}, and the token is for "
            f"{here.organisation}{name}"
        )
