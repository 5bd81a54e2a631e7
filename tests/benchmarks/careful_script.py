"""The script that a careful user would write instead: one request and one result line a row.

careful_script.py URL ROWS.csv RESULTS.jsonl
"""

import asyncio
import csv
import sys
from pathlib import Path

import aiohttp
import orjson
import uvloop


async def work(session, rows, results):
    for row in rows:
        attributes = {name[5:]: value for name, value in row.items() if name.startswith("attr.")}
        path = f"/api/v2/conversations/{row['conversationId']}/participants/{row['participantId']}"
        body = orjson.dumps({"attributes": attributes})
        async with session.patch(path + "/attributes", data=body) as response:
            await response.read()
            line = {"conversation": row["conversationId"], "status": response.status}
            results.write(orjson.dumps(line | {"participant": row["participantId"]}) + b"\n")


async def send(url, rows, results):
    headers = {"Authorization": "Bearer benchmark", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=32)
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as session:
        await asyncio.gather(*(work(session, rows, results) for _ in range(32)))


if __name__ == "__main__":
    url, rows_path, results_path = sys.argv[1:]
    with Path(rows_path).open(newline="") as rows, Path(results_path).open("wb") as results:
        uvloop.run(send(url, csv.DictReader(rows), results))
