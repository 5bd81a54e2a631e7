"""A webhook receiver: each event is a patch, answered when that is settled.

    python samples/webhook_receiver.py --sandbox

    curl 127.0.0.1:8080/events -d '{"conversationId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "tier": "gold", "eventId": "e-1"}'

All requests share one patcher: one token, one quota, and events of one customer in their order.
"""

import os
import sys
from collections.abc import AsyncIterator

from aiohttp import web

from batchpatch import BatchpatchError, Patcher

PATCHER = web.AppKey("patcher", Patcher)
# Faults of the event: whoever delivers it again gets the same answer.
FINAL = ("invalid", "rejected")


async def keep_patcher(app: web.Application) -> AsyncIterator[None]:
    """One for the life of the process; at its end what was taken is settled."""
    async with Patcher(sandbox="--sandbox" in sys.argv) as app[PATCHER]:
        yield


async def take_event(request: web.Request) -> web.Response:
    """Patch the customer that the event is about."""
    event = await request.json()
    try:
        result = await request.app[PATCHER].patch(
            event["conversationId"],
            {"tier": event["tier"]},
            participant="customer",
            id=event["eventId"],
            deadline_s=10,  # routing has looked by then
        )
    except BatchpatchError as error:  # nothing works any more, such as the credentials
        return web.json_response({"message": str(error)}, status=503)
    status = 200 if result.outcome.made_it else 422 if result.outcome in FINAL else 503
    answer = {"id": result.id, "outcome": result.outcome, "message": result.message}
    return web.json_response(answer, status=status)


def main() -> None:
    """Serve until SIGTERM."""
    app = web.Application()
    app.cleanup_ctx.append(keep_patcher)
    app.router.add_post("/events", take_event)
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))


if __name__ == "__main__":
    main()
