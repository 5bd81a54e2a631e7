"""Arguments -> options -> pipeline -> exit code."""

from __future__ import annotations

import sys

from batchpatch.cli.app import app
from batchpatch.cli.flags import with_verify_value
from batchpatch.cli.output import abandon_stdout, reopen_streams, say
from batchpatch.errors import BatchpatchError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; every expected failure is one sentence and its exit code."""
    reopen_streams()
    try:
        app(with_verify_value(sys.argv[1:]), prog_name="batchpatch")
    except BatchpatchError as error:
        complain(error)
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk behind stdout, for one
        abandon_stdout()
        say(f"batchpatch: {error.strerror or error}")
        sys.exit(3)


def complain(error: BatchpatchError) -> None:
    """Say what went wrong, on standard error, if anybody is still there to read it."""
    say(f"batchpatch: {error}")
