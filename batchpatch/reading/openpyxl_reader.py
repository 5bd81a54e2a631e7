"""The library openpyxl, behind one function. Only `workbooks` imports this, where it is needed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.etree.ElementTree import iterparse

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from batchpatch.reading.shared_texts import SharedTexts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

_ITEM = f"{{{SHEET_MAIN_NS}}}si"
_TABLE = f"{{{SHEET_MAIN_NS}}}sst"


class _Reader(ExcelReader):  # type: ignore[misc]  # the library has no types
    """The library's reader, with the shared texts on disk instead of in a list."""

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            texts = _texts(self.archive, part.PartName[1:])
            self.shared_strings = self.closing.enter_context(closing(SharedTexts(texts)))


def _texts(archive: Any, part: str) -> Iterator[str]:
    with archive.open(part) as file:
        root = None
        for event, node in iterparse(file, events=("start", "end")):  # noqa: S314 - see below
            # The parser itself bounds what entities may expand to (expat, since 2.4).
            if event == "start":
                root = node if root is None else root
            elif node.tag == _ITEM:
                yield Text.from_tree(node).content
                if root is not None:
                    root.clear()


def open_workbook(file: BinaryIO, closes: ExitStack, *, data_only: bool) -> Any:
    """A workbook whose sheets are read as they are iterated.

    Args:
        file: can be read at any place.
        closes: gets what is to be closed with the file.
        data_only: formulas are given as what they have come to.
    """
    reader = _Reader(file, read_only=True, data_only=data_only, keep_links=False)
    reader.closing = closes
    closes.enter_context(reader.archive)
    reader.read()
    workbook = reader.wb
    workbook.archive = reader.archive
    return workbook
