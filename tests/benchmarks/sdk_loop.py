"""What a user of the official SDK writes: a pool of threads, one call for each row.

    sdk_loop.py URL INPUT.csv THREADS

The rows are read before the clock starts. Prints its own account of the sending alone, as JSON:
importing the SDK takes seconds, which would drown a short run.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PureCloudPlatformClientV2 as sdk  # noqa: N813 - its own examples shorten it


def main(url: str, path: str, threads: int) -> None:
    """Send everything once."""
    sdk.configuration.host = url
    client = sdk.api_client.ApiClient()
    client.access_token = "benchmark"
    api = sdk.ConversationsApi(client)

    def send(row: dict[str, str]) -> None:
        body = sdk.ParticipantAttributes()
        body.attributes = {
            name.removeprefix("attr."): value
            for name, value in row.items()
            if name.startswith("attr.")
        }
        api.patch_conversation_participant_attributes(
            row["conversationId"], row["participantId"], body
        )

    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(send, rows):
            pass
    wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    print(json.dumps({"requests": len(rows), "wall_s": wall_s, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
