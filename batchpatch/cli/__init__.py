"""Arguments -> options -> pipeline -> exit code.

This file imports next to nothing: from its first line on, an interruption is one line. What comes
before it (Python's own start-up, and two lines of the package) cannot be ours.
"""

import gc
import sys

__all__ = ["main"]


# A row makes no circle that only the garbage collector could free, so few of its usual passes will
# do, and none while modules are loaded. A library has to leave this to its caller.
_NEW_OBJECTS = 200_000


def main() -> None:
    """Run the command line; every expected failure is one sentence and its exit code."""
    gc.set_threshold(_NEW_OBJECTS)
    try:
        from batchpatch.cli.signals import ignore_all, interrupt_early  # noqa: PLC0415

        interrupt_early()
        from batchpatch.cli.app import execute  # noqa: PLC0415

        code = execute(sys.argv[1:])
        ignore_all()
    except KeyboardInterrupt as interruption:
        import signal  # noqa: PLC0415

        for name in {"SIGINT", "SIGTERM", "SIGHUP"} & set(dir(signal)):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # there is nothing more to end
        from batchpatch.cli.output import say_interrupted  # noqa: PLC0415

        code = say_interrupted(interruption)
    gc.freeze()  # what is left goes with the process: looking through it frees nothing
    sys.exit(code)
