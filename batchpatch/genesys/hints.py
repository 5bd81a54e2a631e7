"""Hints: what a user can do about an answer, and the sentences for what ends a run.

Pure. The hints are tables: by code first, then by status. The facts are those of the official SDK
and the vendor's documentation; what only threads report is worded as a possibility.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import OutageError, SettingsError
from batchpatch.genesys.replies import NoReply

if TYPE_CHECKING:
    from batchpatch.genesys.replies import Reply
    from batchpatch.genesys.routes import Route
    from batchpatch.options.run import RetryPolicy


def tls_error(host: str) -> SettingsError:
    """Return the error for a certificate that cannot be verified."""
    return SettingsError(
        f"The certificate of {host} cannot be verified: where a proxy inspects TLS, pass its root"
        " certificate as --ca-file, else check the region."
    )


def page_error(host: str, page: NoReply, *, flag: str = "--api-url") -> OutageError:
    """Return the error for a page that answers in the platform's place; `flag` names its host."""
    return OutageError(
        f"{host}: {page.message}: sign in at the proxy or portal in between, or check the region,"
        f" {flag} and the proxy, then go on."
    )


def silence_error(host: str, lasted_s: float) -> OutageError:
    """Return the error for a platform that has answered nothing for so long."""
    return OutageError(
        f"{host} has answered nothing for {lasted_s:.0f} s: check the network and the platform's"
        " status, then resume."
    )


def postponed_error(host: str, status: int, until: str) -> OutageError:
    """Return the error for a platform that has put off all requests; `until` is when to return."""
    return OutageError(
        f"{host} has answered nothing but status {status}, and asks to wait until {until}: resume"
        " then."
    )


def time_words(time_s: float) -> str:
    """Return a time in words; in seconds since the epoch."""
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def refusals_error(host: str, lasted_s: float) -> OutageError:
    """Return the error for a platform that has answered nothing but 429s for so long."""
    return OutageError(
        f"{host} has refused every request for {lasted_s:.0f} s (429): wait until its limit admits"
        " requests again, then resume."
    )


def long_refusal_error(
    host: str, reply: Reply, policy: RetryPolicy, *, now_s: float
) -> OutageError:
    """Return the error for a 429 that lasts longer than is waited for, such as a daily limit's.

    Args:
        host: that has answered.
        reply: the 429, with the time that it names.
        policy: how long is waited for.
        now_s: seconds since the epoch.
    """
    until = time_words(now_s + (reply.retry_after_s or 0.0))
    limit = f", limit {reply.limit}" if reply.limit else ""
    return OutageError(
        f"{host} admits no request until {until} (429{limit}), and more"
        f" tokens are no way around it: resume then, or wait longer with --max-wait (now"
        f" {policy.max_wait_s:.0f} s)."
    )


INVENTED_SCOPES = ("conversation:participant:write", "conversations:interaction:write")
"""Names that tutorials give; Genesys Cloud has no such permission."""

_PERMISSION = re.compile(r"\b[a-zA-Z]+:[a-zA-Z]+:[a-zA-Z]+\b")


class Words(NamedTuple):
    """What is told of one case wherever it is met."""

    code: str
    message: str
    hint: str


UNKNOWN_CONVERSATION = Words(
    "unknown_conversation",
    "the platform does not know this conversation",
    "A draft or mistyped id, or a conversation of another region or another organisation: check"
    " where the ids come from, and --region.",
)

CLIENT_PLACE = "Admin > Integrations > OAuth"
ROLE_PLACE = "Admin > People & Permissions > Roles/Permissions"
"""Where an administrator of the organisation finds an OAuth client, and the roles that it has."""


def grant(permission: str) -> str:
    """Return how a permission is given to an OAuth client, and where."""
    return (
        f"{ROLE_PLACE}: add {permission} to a role; {CLIENT_PLACE}: give the client that role,"
        " in the divisions of the conversations."
    )


_NO_ANSWER = (
    "The request went out and may have taken effect: sending the row again is safe,"
    " the write is idempotent."
)

_NOT_SENT = "Nothing was sent: check the network, the region and the proxy, then send it again."

_PAGE = (
    "A page{} of something between this machine and the platform answered: sign in there, or check"
    " the proxy, the region and --api-url, then send the row again."
)

_THROTTLED = (
    "The platform limits requests for this conversation, and not the others: send the row again"
    " later, and quote the row's ids to support if it recurs."
)

_INVENTED = (
    "{} is not a permission of Genesys Cloud: {},"
    " reading a conversation needs conversation:communication:view; give the OAuth client a role"
    " and check that it belongs to this organisation and division."
)

_SPENT = "The token's rate limit is spent: lower --rate, or let others finish."

_BY_CODE = {
    "too.many.requests": _SPENT,
    "too.many.requests.retry.after": _SPENT,
    "bad.credentials": "The token is not valid here: check the client and its region.",
    "credentials.expired": "The token has expired: use a client id and secret, or a new token.",
    "invalid.value": (
        "A value is not accepted: values are texts, names may not be empty; see the message."
    ),
}

_BY_STATUS = {
    400: "The request is malformed to the platform: look at the row's ids, names and values.",
    401: "The token is not accepted: check the client, its secret and the region.",
    402: "The organisation's subscription does not cover this call: ask its administrator.",
    405: "This path takes no PATCH: check --route and --api-url.",
    408: "The platform gave up waiting: send the row again, at a lower --concurrency if it recurs.",
    409: (
        "The participant's state forbids it; threads report this for one that has already left"
        " the conversation: check whether it is the right participant."
    ),
    410: "What the row names is gone for good: leave the row out.",
    413: "This is too large for one request: split it over several rows.",
    415: "Something on the way changed the request's content type: check the proxy.",
    429: _SPENT,
}

_FORBIDDEN = (
    "This write asks for no permission, so the token itself is refused here:"
    " check the OAuth client's roles and divisions and that it belongs to this organisation."
)

_GRANT = "Add the permission {} to a role of the OAuth client, in the conversation's division."

_NOT_FOUND = (
    "The platform does not know this conversation or participant: a draft or mistyped id, another"
    " region or organisation, or a participant that is not in this conversation."
)

_NO_SUCH_PATH = (
    "Route {} is probably not a path of the platform, or the ids are not known here:"
    " try --route {}."
)


_SERVER = "The platform failed: send the row again later, and quote the correlation id to support."
_UNEXPECTED = "An unexpected answer: check --api-url, and quote the correlation id to support."


def hint_for(reply: Reply | NoReply, *, route: Route | None = None) -> str:
    """Return one sentence on what to do about a final no, or about an answer that never came.

    Args:
        reply: the last answer, or why none came.
        route: where the request went; None is one that is known to store.
    """
    if isinstance(reply, NoReply):
        if reply.kind == "page":
            return _PAGE.format(f" titled {reply.title!r}" if reply.title else "")
        if reply.kind == "throttled":
            return _THROTTLED
        return _NO_ANSWER if reply.sent else _NOT_SENT
    permission = route.permission if route is not None else None
    if reply.status in (401, 403):
        return _access_hint(reply, permission)
    if reply.status == 404:
        if route is None or route.stores:
            return _NOT_FOUND
        return _NO_SUCH_PATH.format(route.name, route.otherwise)
    hint = _BY_CODE.get(reply.code or "") or _BY_STATUS.get(reply.status)
    if hint is not None:
        return hint
    return _SERVER if reply.status >= 500 else _UNEXPECTED


def _access_hint(reply: Reply, permission: str | None) -> str:
    text = f"{reply.code or ''} {reply.message or ''}"
    for scope in INVENTED_SCOPES:
        if scope in text:
            return _INVENTED.format(scope, f"this write asks for {permission or 'none'}")
    if reply.status == 401:
        return _BY_CODE.get(reply.code or "") or _BY_STATUS[401]
    named = _PERMISSION.findall(text) or ([permission] if permission else [])
    return _GRANT.format(" or ".join(dict.fromkeys(named))) if named else _FORBIDDEN
