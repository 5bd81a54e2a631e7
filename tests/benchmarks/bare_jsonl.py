"""The yardstick for `check` of JSONL: orjson on each line and a compiled `fullmatch` for each id.

    bare_jsonl.py INPUT.jsonl

Prints how many rows are good. What it leaves out is the same as in `bare_csv.py`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import orjson


def main(path: str) -> None:
    """Read everything once."""
    is_id = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
    loads = orjson.loads
    good = 0
    with Path(path).open("rb") as file:
        for line in file:
            row = loads(line)
            if is_id(row["conversationId"]) and is_id(row["participantId"]):
                good += 1
    print(good)


if __name__ == "__main__":
    main(sys.argv[1])
