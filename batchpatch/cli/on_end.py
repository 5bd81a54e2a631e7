"""`--on-end`: a command of the user's that is told how a run has ended."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from batchpatch.cli.output import as_json, say
from batchpatch.errors import cannot_start, how_ended, why_refused

LONGEST_S = 300


def tell_command(words: tuple[str, ...], document: dict[str, Any], *, quiet: bool) -> None:
    """Start a command, give it the document, and say how it ended; the run is over anyway."""
    name = words[0]
    try:
        done = subprocess.run(  # noqa: S603 - it is the user's own
            words,
            input=as_json(document).encode() + b"\n",
            stdout=_stderr(),
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        say(f"--on-end: {name} did not end within {LONGEST_S // 60} minutes, and was ended.")
    except OSError as error:
        say(f"--on-end: {cannot_start(name, why_refused(error))}")
    else:
        if done.returncode or not quiet:
            say(f"--on-end: {name} ended with {how_ended(done.returncode)}.")


def _stderr() -> int:
    """Standard output has room for one document, which is ours."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2
