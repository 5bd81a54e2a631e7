"""`python -m batchpatch`."""

import sys

if __name__ == "__main__":
    # As early as our own code can: what interrupts Python's own start-up, before the first line of
    # the package, ends with Python's words.
    try:
        from batchpatch.cli import main
    except KeyboardInterrupt:
        sys.stderr.write("batchpatch: Interrupted (SIGINT).\n")
        sys.exit(130)
    main()
