"""A pseudo terminal, read to its end."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def shown_on(parent: int, seen: Callable[[bytes], None] = lambda _: None) -> str:
    """What is written to a terminal until its other side is closed; closes this one.

    `seen` is given all that was shown so far, whenever there is more.
    """
    shown = b""
    while select.select([parent], [], [], 60)[0]:
        try:
            piece = os.read(parent, 1 << 16)
        except OSError:  # Linux: the other side is closed
            break
        if not piece:
            break
        shown += piece
        seen(shown)
    os.close(parent)
    return shown.decode()
