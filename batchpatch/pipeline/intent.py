"""The intent of a run: what it is about to write, and where, for whoever has to say yes to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from batchpatch.errors import LeftError
from batchpatch.genesys.account.organisation import read_identity
from batchpatch.genesys.account.regions import region_of
from batchpatch.genesys.rate_limit.pace import assumed_allowance
from batchpatch.pipeline.blocking import off_loop_unless_stopped, unless_stopped
from batchpatch.pipeline.estimate import foresee
from batchpatch.writes.registry import USUAL, find_kind

if TYPE_CHECKING:
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.options.run import Settings
    from batchpatch.pipeline.estimate import Cost
    from batchpatch.pipeline.stop import Stopper

_UNSAID = "Nobody has said yes: nothing was sent."


class Intent(NamedTuple):
    """What is about to be written, as far as it is known."""

    region: str
    identity: Identity | None
    """Whose data, and as which client; None where the platform does not tell."""
    client_id: str | None
    rows: int | None
    """About; None where an input is a pipe."""
    cost: Cost | None
    """As if no rows went together; None where an input is a pipe."""
    allowance: Allowance | None
    keeps_before: bool
    """What it overwrites is kept."""
    restored: str = USUAL.restored
    """Said of what is kept: what an undo can do with it."""

    @property
    def duration_s(self) -> float | None:
        """Of so many requests, at what is allowed; None where either is unknown."""
        if self.cost is None or self.allowance is None:
            return None
        return self.allowance.duration_s(self.cost.requests)


Confirm = Callable[[Intent], bool]
"""Says whether to go on; may block, and is called once, before anything is written."""


@runtime_checkable
class Question(Protocol):
    """A confirmation that can tell beforehand whether somebody is there to give it."""

    def __call__(self, intent: Intent, /) -> bool:
        """As of any confirmation."""

    def refuse_unheard(self) -> None:
        """Raise SettingsError where nobody could answer."""


def refuse_unheard(confirm: Confirm | None) -> None:
    """Raise SettingsError where somebody has to be asked, and nobody could answer.

    Called once what is to be done is known to be possible, and before anything is changed or any
    token is minted: whoever adds `--yes` then has nothing else to mend.
    """
    if isinstance(confirm, Question):
        confirm.refuse_unheard()


async def confirmed(
    confirm: Confirm | None,
    client: GenesysClient,
    account: Account,
    settings: Settings,
    stopper: Stopper,
    *,
    rows: int | None,
    sought: int,
    keeps_before: bool,
    identity: Identity | None = None,
) -> Identity | None:
    """Return once somebody has said yes; at once where nobody is asked.

    `sought`: so many of the `rows` have a participant that is yet to be found. `identity` is who
    the token is, where that is known already; what is returned is the same, or what was asked.

    Raises:
        LeftError: it is a no, or a stop was asked for.
        AccessError: the credentials are refused.
        OutageError: the platform does not answer.
    """
    if confirm is None:
        return identity
    identity = identity or await unless_stopped(read_identity(client), stopper, left=_UNSAID)
    kind = find_kind(settings.write)
    reads_route = kind.find_route(settings.route or None).of_communication
    intent = Intent(
        region=region_of(account.hosts.api_url),
        identity=identity,
        client_id=account.client_id,
        rows=rows,
        cost=None if rows is None else foresee(rows, sought, settings, reads_route=reads_route),
        allowance=client.allowance() or assumed_allowance(settings.pace),
        keeps_before=keeps_before,
        restored=kind.restored,
    )
    said_yes = await off_loop_unless_stopped(partial(confirm, intent), stopper, left=_UNSAID)
    if not said_yes:
        raise LeftError(_UNSAID)
    return identity
