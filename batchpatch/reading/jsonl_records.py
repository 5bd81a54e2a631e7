"""JSON lines -> records. What a key means is decided in `mapping`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.reading.block import Block
from batchpatch.reading.decoding import ByteLines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.reading.sources import ByteSource

_UTF8_BOM = b"\xef\xbb\xbf"
_BLANK = "\ufeff \t\r\n"


class JsonlRecords:
    """The lines of a JSONL input with their physical numbers; blank ones are no records.

    Raises:
        InputError: nothing in it, or a JSON array instead of lines.
    """

    def __init__(self, source: ByteSource, *, encoding: str) -> None:
        if source.head().decode(encoding, "ignore").lstrip(_BLANK).startswith("["):
            raise InputError(
                f"{source.name} is one JSON array, not an object on each line: convert it with "
                "jq -c '.[]' FILE > FILE.jsonl."
            )
        self._name = source.name
        self._lists = ByteLines(source, encoding)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for block in self.blocks():
            for line, text in zip(block.lines, block.records, strict=True) if block else ():
                if not is_blank(text):
                    yield line, text

    def blocks(self) -> Iterator[Block | None]:
        """The lines, as many at a time as one read has completed; blank ones are left in.

        None where a live input has nothing more at hand.
        """
        first, empty = 1, True
        for lines in self._lists:
            if lines is None:
                yield None
                continue
            if first == 1:
                lines[0] = lines[0].removeprefix(_UTF8_BOM)
            empty = empty and all(map(is_blank, lines))
            yield Block(range(first, first + len(lines)), lines)
            first += len(lines)
        if empty:
            raise InputError(f"{self._name} is empty: it needs rows.")


def is_blank(text: bytes) -> bool:
    """True for a line of white space alone."""
    return not text.strip()
