"""`check` as a library call: the real reading stage, without the command line around it.

    reading_stage.py INPUT

Prints how many rows are valid.
"""

from __future__ import annotations

import sys

from batchpatch.commands.check import check

if __name__ == "__main__":
    print(check([sys.argv[1]]).valid)
