"""`check` as a library call: the real reading stage, without the command line around it.

    reading_stage.py INPUT [RULES]

Prints how many rows are valid.
"""

from __future__ import annotations

import sys

from batchpatch.commands.check import check
from batchpatch.options.read import ReadOptions

if __name__ == "__main__":
    _, rows, *rules = sys.argv
    print(check([rows], read=ReadOptions(rules_file=rules[0] if rules else None)).valid)
