"""Makes the inputs: the same bytes every time, written as they are made.

Ids look like UUIDs and come from a hash of the row's number, so every participant is another one,
as in a backfill: nothing merges. A row that is to fail is marked in its participant's id, where a
server can see it; a row that is to be invalid has a participant that is no id.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSED_MARK = "0404"
"""Ends the participant's id of a row that the server is to answer with 404."""
_FINE_MARK = "0202"
_NAMES = ("campaign", "wrapUp", "reference")

Row = tuple[str, str, tuple[str, ...]]


def write_csv(path: Path, count: int, *, refused_every: int = 0, invalid_every: int = 0) -> Path:
    """A CSV of so many rows with three attributes each."""
    header = ",".join(("conversationId", "participantId", *(f"attr.{n}" for n in _NAMES))) + "\n"
    rows = _rows(count, refused_every, invalid_every)
    return _write(path, header, (f"{c},{p},{','.join(values)}\n" for c, p, values in rows))


def write_jsonl(path: Path, count: int) -> Path:
    """The same rows as JSONL."""
    return _write(path, "", map(_json_line, _rows(count, 0, 0)))


def write_jsonl_with_numbers(path: Path, count: int) -> Path:
    """JSONL with a text, an amount and a number as the three values of each row."""
    return _write(path, "", map(_numbers_line, _rows(count, 0, 0)))


def write_requests(path: Path, count: int) -> Path:
    """The requests that a run sends for the same rows, ready to go: path, tab, body."""
    return _write(path, "", map(_request_line, _rows(count, 0, 0)))


def body_bytes(requests: Path) -> int:
    """Bytes of all the bodies together, by which it is told that two clients sent the same."""
    with requests.open("rb") as file:
        return sum(len(line.rstrip(b"\n").partition(b"\t")[2]) for line in file)


def _rows(count: int, refused_every: int, invalid_every: int) -> Iterator[Row]:
    for number in range(1, count + 1):
        digits = blake2b(number.to_bytes(8, "big"), digest_size=32).hexdigest()
        refused = refused_every and number % refused_every == 0
        participant = _uuid(digits[32:60] + (REFUSED_MARK if refused else _FINE_MARK))
        if invalid_every and number % invalid_every == 0:
            participant = "unknown"
        yield _uuid(digits[:32]), participant, _values(number)


def _values(number: int) -> tuple[str, ...]:
    return (
        f"spring renewal {number % 40}",
        "callback requested" if number % 3 else "contract renewed",
        f"case-{number:010d}-{number % 97:02d}",
    )


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _json_line(row: Row) -> str:
    conversation, participant, values = row
    fields = {
        "conversationId": conversation,
        "participantId": participant,
        "attributes": dict(zip(_NAMES, values, strict=True)),
    }
    return orjson.dumps(fields).decode() + "\n"


def _numbers_line(row: Row) -> str:
    conversation, participant, (campaign, _, reference) = row
    number = int(reference.split("-")[1])
    attributes = {"campaign": campaign, "amount": number % 99_991 / 100, "number": 10**9 + number}
    fields = {
        "conversationId": conversation,
        "participantId": participant,
        "attributes": attributes,
    }
    return orjson.dumps(fields).decode() + "\n"


def _request_line(row: Row) -> str:
    conversation, participant, values = row
    body = orjson.dumps({"attributes": dict(zip(_NAMES, values, strict=True))}).decode()
    path = f"/api/v2/conversations/{conversation}/participants/{participant}/attributes"
    return f"{path}\t{body}\n"


def _write(path: Path, header: str, lines: Iterator[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="", buffering=1 << 20) as file:
        file.write(header)
        file.writelines(lines)
    return path
