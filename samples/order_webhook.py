"""A shop's webhook: find the customer by their order, write, read back, and only then answer.

    python samples/order_webhook.py --sandbox

    curl 127.0.0.1:8080/orders -d '{"conversationId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "orderId": "4711", "status": "paid"}'

The shop knows the conversation and the order, and not which of the participants is the customer:
that is who has the attribute orderId with that value.
"""

import os
import sys
from collections.abc import AsyncIterator

from aiohttp import web

from batchpatch import BatchpatchError, Outcome, Patcher, Safeguards, Settings, VerifyOptions

PATCHER = web.AppKey("patcher", Patcher)
TRIAL = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
# Every write is read back, for as long as the sender of a webhook waits.
VERIFIED = Settings(safeguards=Safeguards(verify=VerifyOptions(share=1, for_s=8)))


async def keep_patcher(app: web.Application) -> AsyncIterator[None]:
    """One for the life of the process; at its end what was taken is settled."""
    sandbox = "--sandbox" in sys.argv
    async with Patcher(settings=VERIFIED, sandbox=sandbox) as patcher:
        if sandbox:  # somebody to be found
            await patcher.patch(TRIAL, {"orderId": "4711"}, participant="customer")
        app[PATCHER] = patcher
        yield


async def take_order(request: web.Request) -> web.Response:
    """Write the order's status to the customer who has placed it."""
    order = await request.json()
    try:
        result = await request.app[PATCHER].patch(
            order["conversationId"],
            {"orderStatus": order["status"]},
            participant={"match.orderId": order["orderId"]},
        )
    except BatchpatchError as error:  # nothing works any more, such as the credentials
        return web.json_response({"message": str(error)}, status=503)
    if result.verified:
        return web.json_response({"stored": True, "participantId": result.participant_id})
    # Nobody has that order, or several do: the message says which. All else may be tried again.
    status = 404 if result.outcome is Outcome.INVALID else 503
    return web.json_response({"message": result.message, "hint": result.hint}, status=status)


def main() -> None:
    """Serve until SIGTERM."""
    app = web.Application()
    app.cleanup_ctx.append(keep_patcher)
    app.router.add_post("/orders", take_order)
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))


if __name__ == "__main__":
    main()
