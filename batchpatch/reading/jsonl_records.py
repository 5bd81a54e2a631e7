"""JSON lines -> records. What a key means is decided in `mapping`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.reading.sources import ByteLines, ByteSource, TextLines

if TYPE_CHECKING:
    from collections.abc import Iterator

_UTF8_BOM = b"\xef\xbb\xbf"


class JsonlRecords:
    """The lines of a JSONL input with their physical numbers; blank ones are no records.

    Raises:
        InputError: nothing in it, or a JSON array instead of lines.
    """

    def __init__(self, source: ByteSource, *, encoding: str) -> None:
        head = source.head().removeprefix(_UTF8_BOM).lstrip()
        if head.startswith(b"["):
            raise InputError(
                f"{source.name} is one JSON array, not an object on each line: convert it with "
                "jq -c '.[]' FILE > FILE.jsonl."
            )
        self._bytes = ByteLines(source) if encoding in ("utf-8", "utf-8-sig") else None
        self._text = TextLines(source, encoding)

    @property
    def starved(self) -> bool:
        """The next record of a live input has not come yet."""
        return self._bytes.starved if self._bytes else self._text.starved

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        lines = iter(self._bytes) if self._bytes else (line.encode() for line in self._text)
        for number, line in enumerate(lines, 1):
            if number == 1 and line.startswith(_UTF8_BOM):
                line = line.removeprefix(_UTF8_BOM)  # noqa: PLW2901 - the mark is no content
            if line and not line.isspace():
                yield number, line
