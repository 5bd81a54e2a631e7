"""Requests and replies as values: request bodies, envelopes, the shapes of faults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.sandbox.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
MAX_BODY_BYTES = 512_000
"""The platform's `request.bytes.max`."""

UNKNOWN_TOKEN = ("bad.credentials", "Invalid login credentials.")
"""Code and message of a token that is none, or no longer."""

# 408 and 409 are documented without a code, and other statuses are not documented at all.
_CODES = {
    400: ("bad.request", "The request could not be understood by the server."),
    401: UNKNOWN_TOKEN,
    403: ("missing.any.permissions", "Unable to perform the requested action."),
    404: ("not.found", "The requested resource was not found."),
    405: ("method.not.allowed", "The request method is not supported for this resource."),
    413: ("request.entity.too.large", "The request is over the size limit."),
    415: ("unsupported.media.type", "The request's media type is not supported."),
    500: ("internal.server.error", "The server encountered an unexpected condition."),
    503: ("service.unavailable", "Service unavailable."),
    504: ("request.timeout", "The request timed out."),
}
THROTTLED_MINT = ("invalid_request", "rate limit exceeded; try again later")
"""Error and description of the token endpoint's own throttle."""
_TOKEN_ERRORS = {
    400: THROTTLED_MINT,
    401: ("invalid_client", "authentication failed"),
    429: ("too_many_requests", "rate limit exceeded"),
}
_SIGN_IN_PAGE = b"""<!DOCTYPE html>
<html><head><title>Sign in</title></head><body><h1>Sign in to go on</h1></body></html>
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `headers` come on top of those that every answer of the platform carries."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    by_proxy: bool = False
    """True where something in front of the platform answers, without the platform's headers."""
    timeless: bool = False
    """True where nothing may be said of the rate limit, its headers included."""


@dataclass(slots=True, eq=False)
class Refusal(Exception):  # noqa: N818 - a no of the platform, not an error of the sandbox
    """Ends the handling of a request with an error envelope."""

    status: int
    code: str | None = None
    """None takes the status' usual code."""
    message: str | None = None
    """None takes the status' usual message."""
    headers: dict[str, str] = field(default_factory=dict)
    limit: dict[str, object] | None = None

    def reply(self, correlation_id: str) -> Reply:
        """The answer to send."""
        code, message = _CODES.get(self.status, (None, "The request failed."))
        envelope: dict[str, Any] = {
            "message": self.message or message,
            "code": self.code or code,
            "status": self.status,
            "contextId": correlation_id,
            "details": [],
            "errors": [],
        }
        if self.limit is not None:
            envelope["limit"] = self.limit
        if envelope["code"] is None:
            del envelope["code"]
        return Reply(self.status, orjson.dumps(envelope), headers=self.headers)


def json_reply(status: int, document: object) -> Reply:
    """An answer with a JSON document."""
    return Reply(status, orjson.dumps(document))


def token_refusal(status: int, error: str, description: str) -> Reply:
    """An error of the token endpoint, whose shape is not the API's envelope."""
    body = {"error": error, "description": description, "error_description": description}
    return json_reply(status, body)


def too_many_requests(retry_after_s: int | None, limit: dict[str, object] | None = None) -> Refusal:
    """The documented 429; without `retry_after_s` the older one, which names no wait."""
    if retry_after_s is None:
        return Refusal(
            429,
            "too.many.requests",
            "Rate limit exceeded the maximum [300] requests within [60] seconds",
            limit=limit,
        )
    return Refusal(
        429,
        "too.many.requests.retry.after",
        f"Rate limit exceeded the maximum. Retry the request in [{retry_after_s}] seconds",
        {"Retry-After": str(retry_after_s)},
        limit,
    )


def missing_permission(permission: str) -> Refusal:
    """The 403 of a request that asks for a permission the token has not."""
    return Refusal(
        403,
        message="Unable to perform the requested action. You must have at least one of the"
        f" following permissions assigned: [{permission}]",
    )


def fault_reply(fault: Fault, correlation_id: str) -> Reply:
    """The answer of a fault that answers; the kinds that cut the connection have none."""
    status = fault.status or 500
    if fault.kind is FaultKind.HTML:
        return Reply(status, _SIGN_IN_PAGE, "text/html", by_proxy=True)
    if fault.kind is FaultKind.EMPTY:
        return Reply(status)
    if fault.kind is FaultKind.BARE_429:
        bare = Refusal(429, "too.many.requests", "Too many requests.").reply(correlation_id)
        return replace(bare, timeless=True)
    reply = _refusal_of(fault, status).reply(correlation_id)
    if fault.kind is FaultKind.MALFORMED:
        return Reply(status, reply.body[: len(reply.body) // 2], headers=reply.headers)
    return reply


def token_fault_reply(fault: Fault) -> Reply:
    """The answer of a fault at the token endpoint, whose errors have a shape of their own."""
    status = fault.status or 500
    if fault.kind in (FaultKind.HTML, FaultKind.EMPTY):
        return fault_reply(fault, "")
    if fault.kind is FaultKind.BARE_429:
        return token_refusal(429, "too_many_requests", "too many requests")
    reply = replace(
        token_refusal(status, *_TOKEN_ERRORS.get(status, ("server_error", "the request failed"))),
        headers=_refusal_of(fault, status).headers,
    )
    if fault.kind is FaultKind.MALFORMED:
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    return reply


def _refusal_of(fault: Fault, status: int) -> Refusal:
    wait_s = fault.retry_after_s
    if status == 429:
        return too_many_requests(1 if wait_s == "usual" else wait_s)
    named = wait_s is not None and wait_s != "usual"
    return Refusal(status, headers={"Retry-After": str(wait_s)} if named else {})


def check_size(body_bytes: int | None) -> None:
    """Refuse a body that is too large; None is a size not announced."""
    if body_bytes is not None and body_bytes > MAX_BODY_BYTES:
        message = f"The request of [{body_bytes}] bytes is over the limit of [{MAX_BODY_BYTES}]."
        raise Refusal(413, message=message)


def read_document(content_type: str, body: bytes) -> dict[str, Any]:
    """Read a JSON object."""
    if content_type != JSON:
        raise Refusal(415)
    check_size(len(body))
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, message="The request body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise Refusal(400, message="The request body must be a JSON object.")
    return document


def read_attributes(content_type: str, body: bytes) -> dict[str, str]:
    """Read the `attributes` of a body; numbers and booleans become text."""
    attributes = read_document(content_type, body).get("attributes")
    if not isinstance(attributes, dict):
        raise Refusal(400, message="The request body must have attributes, an object of strings.")
    for name, value in attributes.items():
        if type(value) is not str:
            attributes[name] = _as_text(name, value)
    return attributes


def _as_text(name: str, value: object) -> str:
    if not isinstance(value, bool | int | float):
        raise Refusal(400, message=f"The value of attribute [{name}] must be a string.")
    return orjson.dumps(value).decode()
