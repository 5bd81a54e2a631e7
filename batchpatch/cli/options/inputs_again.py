"""The flag that tells where the inputs of a run lie by now."""

from __future__ import annotations

from typing import Any

from batchpatch.cli.options.declare import flag
from batchpatch.options.spelling import parse_path


def inputs_again_flag() -> Any:
    """The field `--input` of the commands that read a run's inputs once more."""
    return flag(
        "--input",
        "Where an input lies now; known by its content. May be repeated.",
        default=(),
        metavar="PATH",
        parse=parse_path,
    )
