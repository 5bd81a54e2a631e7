"""A service with the library: steps of `live.py` that run in a process of their own.

    python tests/benchmarks/live_library.py URL ROWS_PER_S SECONDS

The credentials are the environment's. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from live_load import growth_mb, steady

from batchpatch import Patcher


async def main(url: str, per_s: float, seconds: float) -> None:
    """One patcher, kept open."""
    async with Patcher(api_url=url, login_url=url) as patcher:

        async def send(conversation: str, participant: str, number: int) -> bool:
            attributes = {"tier": f"gold {number}"}
            result = await patcher.patch(conversation, attributes, participant=participant)
            return result.outcome.was_applied

        growing = asyncio.create_task(growth_mb(os.getpid(), seconds))
        load = await steady(send, per_s=per_s, seconds=seconds)
        grown = await growing
    print(json.dumps({**load._asdict(), "grown_mb": grown}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
