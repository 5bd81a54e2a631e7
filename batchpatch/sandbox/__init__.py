"""A local Genesys Cloud: a real HTTP server for trying batchpatch out, and for its tests.

It imports nothing from the rest of batchpatch, so that a mistake in one cannot hide in the other.
The options and the rows are light; the server (and aiohttp with it) is imported when first asked
for, so that a command line can describe the sandbox without paying for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from batchpatch.sandbox.faults import Fault, parse_fault
from batchpatch.sandbox.options import SandboxOptions
from batchpatch.sandbox.rows import write_rows

if TYPE_CHECKING:
    from batchpatch.sandbox.server import SandboxServer, running, serve

__all__ = [
    "Fault",
    "SandboxOptions",
    "SandboxServer",
    "parse_fault",
    "running",
    "serve",
    "write_rows",
]

_IN_THE_SERVER = frozenset({"SandboxServer", "running", "serve"})


def __getattr__(name: str) -> Any:
    if name in _IN_THE_SERVER:
        return getattr(import_module("batchpatch.sandbox.server"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
