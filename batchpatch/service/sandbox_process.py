"""A sandbox as a process of its own, for as long as a command needs it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchpatch.errors import OutageError
from batchpatch.genesys.account.credentials import find_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.genesys.account.credentials import Account

CLIENT_ID, CLIENT_SECRET = "sandbox", "sandbox"
"""Any will do: it mints a token for everybody."""

_OF_A_CHILD = ("--port", "0", "--until-stdin-closes")


@contextmanager
def own_sandbox(arguments: list[str]) -> Iterator[str]:
    """A sandbox in a process of its own, which ends with ours; gives its URL.

    Raises:
        OutageError: it did not start.
    """
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "batchpatch", "sandbox", *_OF_A_CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; we end it when we are done
    )
    assert process.stdin is not None  # noqa: S101 - both were asked for
    assert process.stdout is not None  # noqa: S101
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise OutageError("The sandbox did not start: see `batchpatch sandbox --port 0`.")
        yield url
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def sandbox_at(api_url: str, login_url: str | None = None) -> Account:
    """A sandbox on this machine, with the credentials that are its own and nobody's secret."""
    credentials = {
        "GENESYSCLOUD_OAUTHCLIENT_ID": CLIENT_ID,
        "GENESYSCLOUD_OAUTHCLIENT_SECRET": CLIENT_SECRET,
    }
    account = find_account(credentials, api_url=api_url, login_url=login_url)
    return account._replace(origin="the sandbox (with --api-url: from the environment)")
