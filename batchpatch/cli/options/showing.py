"""How a command shows what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from batchpatch.cli.options.declare import Options, flag


@dataclass(frozen=True, kw_only=True)
class ShowingFlags(Options):
    """How it is shown."""

    TITLE: ClassVar[str] = "What is shown"

    json: bool = flag("--json", "Print one JSON document on stdout.", default=False, everyday=True)
