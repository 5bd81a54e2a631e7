"""A client for one account, as a command's settings want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.genesys.opening import open_client
from batchpatch.genesys.regions import is_loopback
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.credentials import Account
    from batchpatch.settings import Settings


def open_for(
    account: Account, settings: Settings, *, max_outage_s: float
) -> AbstractAsyncContextManager[GenesysClient]:
    """Open a client; on a loopback host no limit is assumed that the server does not name."""
    pace = settings.pace
    if is_loopback(account.hosts.api_url):
        pace = pace._replace(assumed=None)
    return open_client(
        account,
        settings.connect,
        settings.retry,
        pace,
        version=VERSION,
        max_outage_s=max_outage_s,
    )
