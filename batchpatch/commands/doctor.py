"""`doctor`: whether a run could begin, and what it would find: access, permissions, limits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.commands.doctor_checks import (
    Checkup,
    check_revoked,
    check_token,
    online_checks,
)
from batchpatch.commands.doctor_settings import (
    Finding,
    check_settings,
    open_questions,
)
from batchpatch.errors import AccessError, BatchpatchError, ExitCode
from batchpatch.genesys.connect import open_for
from batchpatch.genesys.hints import CLIENT_PLACE
from batchpatch.options.run import ConnectOptions, RetryPolicy, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity

_PATIENCE_S = 20.0
"""Somebody is waiting: what a run would sit out is told."""
_CONNECT = ConnectOptions(connect_s=10.0, read_s=15.0, total_s=_PATIENCE_S)
_RETRY = RetryPolicy(retries=1, max_wait_s=60.0)


class Diagnosis(NamedTuple):
    """What a doctor has found."""

    findings: tuple[Finding, ...]
    identity: Identity | None
    """Whose the token is; None where nobody could tell."""

    @property
    def problems(self) -> int:
        """Findings of what has to be mended."""
        return sum(one.state == "problem" for one in self.findings)

    @property
    def exit_code(self) -> ExitCode:
        """What the command line answers with."""
        return ExitCode.NO_ACCESS if self.problems else ExitCode.DONE


async def doctor(find: Callable[[], Account], *, ca_file: str | None = None) -> Diagnosis:
    """Look at everything that a run needs, without writing anything.

    Args:
        find: finds the account, such as `lambda: find_account(os.environ)`; what it raises is a
            finding.
        ca_file: PEM certificates to trust as well.

    Returns:
        The findings, in the order in which they were looked at. A problem is none that is raised.
    """
    try:
        account = find()
    except BatchpatchError as error:
        return _offline([_no_account(error)])
    settings = Settings(connect=_CONNECT._replace(ca_file=ca_file), retry=_RETRY)
    found = check_settings(account, ca_file, os.environ)
    if any(one.state == "problem" for one in found):
        return _offline(found)
    checkup = Checkup(account)
    async with open_for(
        account, settings, max_outage_s=_PATIENCE_S, tell=checkup.exchanges.append
    ) as client:
        checkup.client = client
        found.append(await check_token(checkup))
        if found[-1].state == "ok":
            found += [await check(checkup) for check in online_checks()]
    found += check_revoked(checkup)
    return Diagnosis((*found, *open_questions()), checkup.identity)


def _offline(found: Sequence[Finding]) -> Diagnosis:
    """Of problems before anything is sent: what comes after them is not looked at."""
    words = "not asked for, nothing was sent: mend the above first"
    return Diagnosis((*found, Finding("token", "untested", words), *open_questions()), None)


def _no_account(error: BatchpatchError) -> Finding:
    if isinstance(error, AccessError):
        place = f"{CLIENT_PLACE}: a client of grant type Client Credentials has an id and a secret."
        return Finding("credentials", "problem", str(error), place)
    return Finding("settings", "problem", str(error))
