"""The checks of `doctor` with a token: each looks at one thing and says what it has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from batchpatch.commands.doctor_settings import Finding
from batchpatch.errors import AccessError, BatchpatchError
from batchpatch.genesys.account.credentials import AccessToken
from batchpatch.genesys.account.organisation import (
    LIMITS_PATH,
    identity,
    requests_per_min,
)
from batchpatch.genesys.account.token_endpoint import ME_PATH
from batchpatch.genesys.conversations import analytics, reader
from batchpatch.genesys.hints import CLIENT_PLACE, grant
from batchpatch.genesys.query import ask, whole_body
from batchpatch.writes.registry import LISTED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.exchanges import Exchange
    from batchpatch.genesys.retry import Answer

NOBODY = "00000000-0000-4000-8000-000000000000"
"""Id of a conversation that there is not: whether one may be read shows without reading any."""
SKEW_S = 60.0
"""A clock that is off by more is set wrong, and certificates and times to wait for suffer."""


_MEND = (
    f"{CLIENT_PLACE}: see that the client is active, that its grant type is Client Credentials, and"
    " that its id and secret are copied whole."
)
_MEND_TOKEN = (
    f"Get a new access token, or let batchpatch mint them: {CLIENT_PLACE} has a client's id and"
    " secret."
)


@dataclass
class Checkup:
    """What the checks share."""

    account: Account
    exchanges: list[Exchange] = field(default_factory=list)
    identity: Identity | None = None
    client: GenesysClient = field(init=False)


async def check_token(checkup: Checkup) -> Finding:
    """One is minted, and the platform takes it."""
    try:
        answer = await ask(checkup.client, ME_PATH)
    except BatchpatchError as error:
        denied = isinstance(error, AccessError)
        return Finding("token", "problem", str(error), _mend(checkup) if denied else "")
    body = whole_body(answer)
    if body is None:
        return Finding("token", "problem", f"it is not accepted: {_words(answer)}", _mend(checkup))
    checkup.identity = identity(body)
    ready = isinstance(checkup.account.credentials, AccessToken)
    return Finding("token", "ok", "accepted" if ready else "minted, and accepted")


def _mend(checkup: Checkup) -> str:
    """Where a token that is not accepted comes from."""
    return _MEND_TOKEN if isinstance(checkup.account.credentials, AccessToken) else _MEND


def online_checks() -> list[Callable[[Checkup], Awaitable[Finding]]]:
    """What is asked once there is a token, in this order."""
    listing = LISTED.listing
    assert listing is not None  # noqa: S101 - the registry says so
    page = f"{listing.path}?pageSize=1&pageNumber=1"
    return [
        _at_once(check_organisation),
        _at_once(check_client),
        partial(
            check_read,
            name="conversations",
            path=f"/api/v2/conversations/{NOBODY}",
            permission=reader.PERMISSION,
            uses="--verify, --skip-unchanged, --keep-before, plan and undo",
        ),
        partial(
            check_read,
            name="analytics",
            path=f"{analytics.DETAILS_PATH}?id={NOBODY}",
            permission=analytics.PERMISSION,
            uses="participants of a hundred conversations in one request",
        ),
        partial(
            check_read,
            name=f"{listing.noun}s",
            path=page,
            permission=listing.permission,
            uses="codes by their names",
        ),
        check_limits,
        _at_once(check_clock),
        _at_once(check_round_trip),
    ]


def _at_once(check: Callable[[Checkup], Finding]) -> Callable[[Checkup], Awaitable[Finding]]:
    async def checked(checkup: Checkup) -> Finding:
        return check(checkup)

    return checked


def check_organisation(checkup: Checkup) -> Finding:
    """Whose data it would be."""
    who = checkup.identity
    if who is None:
        return Finding("organisation", "untested", "the platform does not say whose the token is")
    name = f"{who.organisation_name} " if who.organisation_name else ""
    return Finding("organisation", "ok", f"{name}{who.organisation}")


def check_client(checkup: Checkup) -> Finding:
    """The OAuth client that the token is of."""
    name = checkup.identity.client_name if checkup.identity else None
    if name is None:
        return Finding("OAuth client", "untested", "the platform does not name it")
    return Finding("OAuth client", "ok", name)


async def check_read(
    checkup: Checkup, *, name: str, path: str, permission: str, uses: str
) -> Finding:
    """Whether something may be read, by a request that finds nothing."""
    try:
        answer = await ask(checkup.client, path)
    except BatchpatchError as error:
        return Finding(name, "problem", str(error))
    status = answer.reply.status if answer.reply else None
    if status in (200, 404):
        return Finding(name, "ok", f"may be read: {uses}")
    if status in (401, 403):
        text = f"may not be read ({_words(answer)}), which is for: {uses}"
        return Finding(name, "problem", text, grant(permission))
    return Finding(name, "untested", f"could not be asked: {_words(answer)}")


async def check_limits(checkup: Checkup) -> Finding:
    """What is allowed: the organisation's setting, and what the answers' headers say."""
    try:
        answer = await ask(checkup.client, LIMITS_PATH)
    except BatchpatchError as error:
        return Finding("limits", "problem", str(error))
    body, quota = whole_body(answer), answer.reply.quota if answer.reply else None
    per_min = requests_per_min(body) if body else None
    told = [f"{per_min:,} requests a minute and token"] if per_min else []
    if quota is not None:
        used = f"{quota.count:,} of {quota.allowed:,} used in a window that ends in"
        told.append(f"{used} {quota.reset_s} s")
    if not told:
        return Finding("limits", "untested", "the platform names none")
    return Finding("limits", "ok", "; ".join(told))


def check_clock(checkup: Checkup) -> Finding:
    """Whether this machine's time is right."""
    aheads = [one.ahead_s for one in checkup.exchanges if one.ahead_s is not None]
    if not aheads:
        return Finding("clock", "untested", "no answer bears a date")
    ahead_s = min(aheads, key=abs)
    if abs(ahead_s) <= 1:
        return Finding("clock", "ok", "right, to a second")
    text = f"{abs(ahead_s):,.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the platform's"
    if abs(ahead_s) <= SKEW_S:
        return Finding("clock", "ok", text)
    return Finding("clock", "problem", text, "On this machine: let NTP set the clock.")


def check_round_trip(checkup: Checkup) -> Finding:
    """How long an answer takes, once connected."""
    host = urlsplit(checkup.account.hosts.api_url).netloc
    times_s = [one.took_s for one in checkup.exchanges if one.host == host]
    if not times_s:
        return Finding("round trip", "untested", "there was none")
    text = f"{1000 * min(times_s):,.0f} ms at best, {1000 * max(times_s):,.0f} ms at worst"
    return Finding("round trip", "ok", f"{text}, of {len(times_s)}")


def check_revoked(checkup: Checkup) -> list[Finding]:
    """Whether the token that was minted is gone; one that was given to us is none of ours."""
    if isinstance(checkup.account.credentials, AccessToken):
        return []
    statuses = [one.status for one in checkup.exchanges if one.method == "DELETE"]
    if not statuses:
        return []
    if 200 <= statuses[-1] < 300:
        return [Finding("token's end", "ok", "revoked")]
    text = f"not revoked (status {statuses[-1]}): it ends by its age"
    return [Finding("token's end", "untested", text)]


def _words(answer: Answer) -> str:
    """Why an answer is a no."""
    if answer.reply is None:
        return answer.failure.message if answer.failure else "no answer"
    return f"{answer.reply.status} {answer.reply.code or ''}".rstrip()
