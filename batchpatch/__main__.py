"""`python -m batchpatch`."""

from batchpatch.cli import main

if __name__ == "__main__":
    main()
