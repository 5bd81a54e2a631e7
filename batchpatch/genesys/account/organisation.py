"""The organisation that a token belongs to, and its limits, as the platform tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.errors import BatchpatchError
from batchpatch.genesys.account.token_endpoint import ME_PATH
from batchpatch.genesys.query import ask, whole_body
from batchpatch.options.run import RetryPolicy

if TYPE_CHECKING:
    from batchpatch.genesys.query import Caller

LIMITS_PATH = "/api/v2/organizations/limits/namespaces/platform.api"

_RATE_KEYS = ("client.credentials.token.rate.per.minute", "token.rate.per.minute")
_ONCE = RetryPolicy(retries=0)


class Identity(NamedTuple):
    """Who the token is."""

    organisation: str
    """Id of the organisation, lower case."""
    organisation_name: str | None
    client_name: str | None
    """Of the OAuth client; None for another kind of token."""


async def read_identity(client: Caller) -> Identity | None:
    """Return who the token is; None where the platform does not tell.

    Raises what `GenesysClient.call` raises. It needs no permission by the vendor's SDK.
    """
    body = whole_body(await ask(client, ME_PATH))
    return None if body is None else identity(body)


def identity(body: bytes) -> Identity | None:
    """Read the organisation and the client out of a token's description."""
    try:
        document = orjson.loads(body)
        organisation = document["organization"]
        found, name = organisation["id"], organisation.get("name")
        client = document.get("OAuthClient") or {}
        client_name = client.get("name")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(found, str) or not found:
        return None
    return Identity(found.lower(), _text(name), _text(client_name))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


async def read_requests_per_min(client: Caller) -> int | None:
    """Return the organisation's limit for one token; None where the platform does not tell.

    It needs no permission by the vendor's SDK, but nothing depends on the answer, so a refusal, a
    failure or nonsense is no error.
    """
    try:
        body = whole_body(await ask(client, LIMITS_PATH, _ONCE))
    except BatchpatchError:
        return None
    return None if body is None else requests_per_min(body)


def requests_per_min(body: bytes) -> int | None:
    """Read the limit out of the namespace's entities."""
    try:
        entities = orjson.loads(body)["entities"]
        values: dict[Any, Any] = {entity["key"]: entity["value"] for entity in entities}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    for key in _RATE_KEYS:
        value = values.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None
