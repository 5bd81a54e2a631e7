"""JSON records: the objects of an input, with the lines on which they begin."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from batchpatch.reading.decoding import ByteLines
from batchpatch.reading.json_framing import MAX_RECORD_BYTES, Framed, Framer, is_blank
from batchpatch.reading.json_objects import array_error
from batchpatch.reading.records import Block
from batchpatch.reading.sources import BlankInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.reading.sources import ByteSource

_UTF8_BOM = b"\xef\xbb\xbf"
_BLANK = "\ufeff \t\r\n"


class JsonlRecords:
    """The objects of a JSON input with the physical lines on which they begin.

    Mostly each is on a line of its own; `json_framing` finds those that are not.

    Raises:
        InputError: nothing in it, or a JSON array instead of lines.
    """

    def __init__(self, source: ByteSource, *, encoding: str) -> None:
        if source.head().decode(encoding, "ignore").lstrip(_BLANK).startswith("["):
            raise array_error(source)
        self._name = source.name
        self._truncated = source.truncated
        self._lists = ByteLines(source, encoding)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for block in self.blocks():
            for line, text in zip(block.lines, block.records, strict=True) if block else ():
                if not is_blank(text):
                    yield line, text

    def blocks(self) -> Iterator[Block | None]:
        """The records, as many at a time as one read has completed.

        None where a live input has nothing more at hand.
        """
        first, empty, framer = 1, True, Framer()
        for lines in self._lists:
            if lines is None:
                yield None
                continue
            if first == 1 and lines:
                lines[0] = lines[0].removeprefix(_UTF8_BOM)
            empty = empty and all(map(is_blank, lines))
            yield _framed(framer, first, lines)
            first += len(lines)
        if framer.waits and not self._truncated:
            yield _block(framer.finish())
        if empty and not self._truncated:
            raise BlankInputError.of_lines(self._name)


def _framed(framer: Framer, first: int, lines: list[bytes]) -> Block:
    """The records that these lines complete: mostly each of them, which parsing it shows."""
    # Only the first can be longer than a piece of the input.
    if not (framer.waits or (lines and len(lines[0]) > MAX_RECORD_BYTES)):
        with suppress(ValueError):
            values = list(map(orjson.loads, lines))
            return Block(range(first, first + len(lines)), lines, values=values)
    return _block(framer.frame(first, lines))


def _block(records: list[Framed]) -> Block:
    return Block([line for line, _ in records], [text for _, text in records])
