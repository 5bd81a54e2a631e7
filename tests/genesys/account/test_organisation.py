"""The organisation's limits: a help where they can be read, and never a reason to fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.genesys.account.organisation import read_requests_per_min, requests_per_min
from batchpatch.genesys.client import GenesysClient
from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.options.run import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = {
    "entities": [
        {"key": "request.bytes.max", "namespace": "platform.api", "value": 512000},
        {"key": "token.rate.per.minute", "namespace": "platform.api", "value": 300},
        {"key": "client.credentials.token.rate.per.minute", "value": 900},
    ]
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (orjson.dumps(LIMITS), 900),
        (orjson.dumps({"entities": LIMITS["entities"][:2]}), 300),
        (orjson.dumps({"entities": []}), None),
        (orjson.dumps({"entities": [{"key": "token.rate.per.minute", "value": "many"}]}), None),
        (orjson.dumps({"entities": [{"key": "token.rate.per.minute", "value": True}]}), None),
        (orjson.dumps({"entities": [1]}), None),
        (orjson.dumps([]), None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_limit_is_read_or_it_is_not(body: bytes, expected: int | None) -> None:
    """A client's own limit comes before any token's; nonsense is no limit."""
    assert requests_per_min(body) == expected


@pytest.mark.parametrize(
    "answer",
    [
        Reply(403, "missing.any.permissions"),
        Reply(404),
        Reply(500),
        Reply(200, body=b"nonsense"),
        NoReply("timeout", "no answer", sent=True),
        Reply(401),
    ],
)
def test_nothing_fails_because_it_cannot_be_read(
    answer: Reply | NoReply,
    platform: Any,
    token_source: Callable[[Any], Any],
    run_virtual: Callable[[Any], Any],
) -> None:
    """The run needs the answer for nothing: one request, and no retry."""
    platform.answers = [answer]

    async def run() -> int | None:
        clock = asyncio.get_running_loop().time
        client = GenesysClient(
            "https://api.mypurecloud.ie",
            transport=platform,
            limiter=RateLimiter([token_source(platform)], QuotaOptions(), clock=clock),
            policy=RetryPolicy(),
            sleep=asyncio.sleep,
            random=lambda: 0.5,
        )
        return await read_requests_per_min(client)

    assert run_virtual(run()) is None
    assert len(platform.times("/limits/")) == 1
