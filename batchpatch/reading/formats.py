"""CSV or JSONL? Pure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchpatch.reading.options import InputFormat

_EXTENSIONS: dict[str, InputFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_PACKED = {".gz", ".bz2", ".xz"}


def detect_format(name: str, head: bytes) -> InputFormat:
    """By extension, below that of a packed file; else an object in front makes it JSONL."""
    suffixes = [s.lower() for s in Path(name).suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    known = _EXTENSIONS.get(suffixes[-1]) if suffixes else None
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return known or ("jsonl" if text.startswith((b"{", b"[")) else "csv")
