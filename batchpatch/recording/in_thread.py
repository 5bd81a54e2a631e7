"""File work beside the event loop: in a thread, as long as there are any.

At its end, while `atexit` runs, the interpreter starts no threads any more, and a patcher that is
drained then still has files to write.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Found = TypeVar("Found")


async def in_thread(act: Callable[[], Found]) -> Found:
    """What `act` returns. It must bear to be called again, should it raise a RuntimeError."""
    try:
        return await asyncio.to_thread(act)
    except RuntimeError:
        return act()
