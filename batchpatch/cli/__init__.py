"""Arguments -> options -> pipeline -> exit code.

This file imports next to nothing: from its first line on, an interruption is one line.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; every expected failure is one sentence and its exit code."""
    try:
        from batchpatch.cli.signals import ignore_all, interrupt_early  # noqa: PLC0415

        interrupt_early()
        from batchpatch.cli.app import execute  # noqa: PLC0415

        code = execute(sys.argv[1:])
        ignore_all()
    except KeyboardInterrupt as interruption:
        from batchpatch.cli.output import say_interrupted  # noqa: PLC0415

        code = say_interrupted(interruption)
    sys.exit(code)
