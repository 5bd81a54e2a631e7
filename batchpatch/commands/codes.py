"""`codes`: the ids and names that rows may have, as the platform lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import AccessError, OutageError, SettingsError
from batchpatch.genesys.connect import open_for
from batchpatch.genesys.query import Unlisted, read_names
from batchpatch.options.fields import canonical_uuid
from batchpatch.options.run import LimitOptions, Settings
from batchpatch.writes.registry import LISTED

if TYPE_CHECKING:
    from batchpatch.errors import BatchpatchError
    from batchpatch.genesys.account.credentials import Account


async def codes(
    *, account: Account, queue: str | None = None, settings: Settings | None = None
) -> dict[str, str]:
    """The names that rows may have, by their ids, in the order of the platform.

    Args:
        account: credentials and hosts.
        queue: id of a queue: only what its agents may be given.
        settings: as for a run; only how to connect, how patient to be and the pace matter.

    Raises:
        SettingsError: `queue` is no id, or the platform knows no such queue.
        AccessError: the token may not read the list.
        OutageError: the platform gives no list.
    """
    listing = LISTED.listing
    assert listing is not None  # noqa: S101 - the registry says so
    path, permission = listing.path, listing.permission
    if queue is not None:
        path = listing.queue_path.format(queue_id=_checked(queue))
        permission = listing.queue_permission
    settings = settings or Settings()
    async with open_for(account, settings, max_outage_s=LimitOptions().max_outage_s) as client:
        found = await read_names(client, path)
    if isinstance(found, Unlisted):
        raise _error(found, f"{listing.noun}s", permission)
    return found


def _checked(queue: str) -> str:
    found = canonical_uuid(queue)
    if found is None:
        raise SettingsError(f"--queue {queue[:40]!r} is no id of a queue, which is a UUID.")
    return found


def _error(why: Unlisted, what: str, permission: str) -> BatchpatchError:
    if why.denied:
        return AccessError(
            f"The token may not read the {what} ({why.status}): add the permission {permission} to "
            "a role of the OAuth client."
        )
    if why.status == 404:
        return SettingsError("The platform knows no such queue: check --queue and --region.")
    return OutageError(f"The {what} could not be read: {why.message}.")
