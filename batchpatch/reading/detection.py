"""Detection: what an input is, told by its beginning: format, encoding, and what its columns mean.

What is no CSV and no JSONL is refused by its first bytes, whatever its name; and so is an input
of which nothing can be sent, once it has begun with so many invalid rows.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from batchpatch.errors import InputError
from batchpatch.formats.plan_line import is_empty_plan
from batchpatch.model import Row
from batchpatch.reading.csv_records import CsvRecords
from batchpatch.reading.decoding import detect_encoding
from batchpatch.reading.dialect import looks_like_csv
from batchpatch.reading.idle_options import refuse_sheet
from batchpatch.reading.jsonl_records import JsonlRecords
from batchpatch.reading.mapping import Mapping, map_columns
from batchpatch.reading.row_errors import shown
from batchpatch.reading.sources import HEAD_BYTES, BlankInputError, ByteSource, detect_format

if TYPE_CHECKING:
    from batchpatch.model import InvalidRow
    from batchpatch.options.read import InputFormat, ReadOptions
    from batchpatch.reading.table_records import TableRecords


class _Kind(NamedTuple):
    begins: bytes
    what: str
    advice: str


_AS_CSV = "export the rows as CSV (UTF-8) or JSONL"
_UNPACK = "unpack it, and name the CSV or JSONL file in it"
_WORKBOOK = "an Excel workbook"

_KINDS = (
    _Kind(b"PK\x05\x06", "an empty zip archive", _AS_CSV),
    _Kind(b"PK\x07\x08", "a zip archive in several parts", _UNPACK),
    _Kind(b"PAR1", "a Parquet file", _AS_CSV),
    _Kind(b"PARE", "an encrypted Parquet file", _AS_CSV),
    _Kind(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls), or one with a "
          "password", "save it as CSV UTF-8"),
    _Kind(b"\x09\x08\x10\x00", "a very old Excel workbook (.xls)", "save it as CSV UTF-8"),
    _Kind(b"\x09\x08\x08\x00", "a very old Excel workbook (.xls)", "save it as CSV UTF-8"),
    _Kind(b"\x28\xb5\x2f\xfd", "packed twice, the second time with zstd", "unpack it once"),
    _Kind(b"\x04\x22\x4d\x18", "packed with lz4", "unpack it: lz4 -d FILE"),
    _Kind(b"\x1f\x9d", "packed with compress (.Z)", "unpack it: uncompress FILE"),
    _Kind(b"\x5d\x00\x00", "packed with lzma", "unpack it: unlzma FILE"),
    _Kind(b"\xff\x06\x00\x00sNaPpY", "packed with snappy", _UNPACK),
    _Kind(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    _Kind(b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    _Kind(b"\x1f\x8b", "packed twice, the second time with gzip", "unpack it once"),
    _Kind(b"BZh", "packed twice, the second time with bzip2", "unpack it once"),
    _Kind(b"\xfd7zXZ\x00", "packed twice, the second time with xz", "unpack it once"),
    _Kind(b"Obj\x01", "an Avro file", _AS_CSV),
    _Kind(b"ARROW1", "an Arrow (Feather) file", _AS_CSV),
    _Kind(b"FEA1", "a Feather file", _AS_CSV),
    _Kind(b"ORC\x08", "an ORC file", _AS_CSV),
    _Kind(b"SQLite format 3\x00", "an SQLite database", _AS_CSV),
    _Kind(b"\x89HDF\r\n", "an HDF5 file", _AS_CSV),
    _Kind(b"\x89PNG\r\n", "a picture", _AS_CSV),
    _Kind(b"\xff\xd8\xff", "a picture", _AS_CSV),
    _Kind(b"bplist00", "a property list", _AS_CSV),
)  # fmt: skip

_PAGE = "an HTML page, perhaps of a login or an error"

_TEXTS = (
    _Kind(b"%pdf-", "a PDF document", _AS_CSV),
    _Kind(b"{\\rtf", "an RTF document", _AS_CSV),
    *(
        _Kind(tag, _PAGE, "look at it in a browser, and export the rows as CSV again")
        for tag in (b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<meta", b"<style")
    ),
    _Kind(b"<?xml", "an XML document", _AS_CSV),
    _Kind(b"<!doctype", "an XML document", _AS_CSV),
    _Kind(b"<workbook", "an XML document", _AS_CSV),
    _Kind(b"mime-version:", "a web archive", _AS_CSV),
)

_TAR_AT = 257


def is_workbook(head: bytes) -> bool:
    """True of the first bytes of an Excel workbook (.xlsx, .xlsm), whatever its name."""
    found = _zip(head)
    return found is not None and found.what == _WORKBOOK


def refuse_other_kinds(head: bytes, *, name: str) -> None:
    """Refuse what holds no rows that could be read, by what it is.

    Args:
        head: the first bytes, unpacked.
        name: of the input.

    Raises:
        InputError: it is such a thing.
    """
    found = _zip(head) or _binary(head) or _text(head)
    if found is not None:
        raise InputError(f"{name} is {found.what}: {found.advice}.")


def _zip(head: bytes) -> _Kind | None:
    mark = b"PK\x03\x04"
    if not head.startswith(mark):
        return None
    if b"opendocument.spreadsheet" in head[:200]:
        return _Kind(mark, "an OpenDocument spreadsheet", "save it as CSV UTF-8")
    if b"Index/" in head and b".iwa" in head:
        return _Kind(mark, "a Numbers document", "export it as CSV, in UTF-8")
    if b"word/" in head or b"ppt/" in head or b"opendocument." in head[:200]:
        return _Kind(mark, "an Office document", _AS_CSV)
    if b"xl/" in head or b"[Content_Types].xml" in head or b"docProps/" in head:
        return _Kind(mark, _WORKBOOK, "save it as CSV UTF-8")
    return _Kind(mark, "a zip archive", _UNPACK)


def _binary(head: bytes) -> _Kind | None:
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return _Kind(b"", "a tar archive", _UNPACK)
    return next((kind for kind in _KINDS if head.startswith(kind.begins)), None)


def _text(head: bytes) -> _Kind | None:
    """Pages and documents, in whatever Unicode they are."""
    text = head[:400].removeprefix(codecs.BOM_UTF8).replace(b"\0", b"")
    text = text.lstrip(b"\xff\xfe \t\r\n").lower()
    found = next((kind for kind in _TEXTS if text.startswith(kind.begins)), None)
    if found is not None and found.begins == b"<?xml":
        if b"schemas-microsoft-com:office:spreadsheet" in head or b"<Workbook" in head:
            return _Kind(b"", "an Excel workbook in XML", "save it as CSV UTF-8")
        if b"<html" in head.lower():
            return _Kind(b"", _PAGE, _TEXTS[2].advice)
    return found


def refuse_csv(head: str, *, name: str) -> None:
    """Refuse as JSONL what is CSV.

    Raises:
        InputError: its first line looks like it.
    """
    text = head.lstrip("\ufeff \t\r\n")
    line = text.partition("\n")[0]
    if not text.startswith(("{", "[")) and looks_like_csv(line):
        raise InputError(f"{name} looks like CSV: add --format csv.")


HOPELESS_ROWS = 1000
"""An input that begins with this many invalid rows is refused."""


class HopelessInputCheck:
    """Rejects an input of which nothing can be sent, before anything is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._invalid = 0

    def look_at(self, rows: list[Row | InvalidRow]) -> bool:
        """False once a row is valid: there is no need to look further."""
        for row in rows:
            if isinstance(row, Row):
                return False
            self._invalid += 1
            if self._invalid == HOPELESS_ROWS:
                raise InputError(
                    f"The first {HOPELESS_ROWS:,} rows of {self._name} are all invalid; line "
                    f"{row.line}, for one: {row.message}. {row.hint}"
                )
        return True


_LINE_END = re.compile(rb"[\r\n]")


class Detected(NamedTuple):
    """How an input is to be read."""

    format: InputFormat | Literal["xlsx"]
    encoding: str
    """Of a workbook, that of the files which its failed rows go to."""
    records: TableRecords | JsonlRecords
    mapping: Mapping | None
    """None for JSONL, where each line has keys of its own."""
    is_empty_plan: bool
    """It is the whole of a plan of no changes."""


def detect(source: ByteSource, options: ReadOptions, *, name: str) -> Detected:
    """Look at the first bytes of a source, whose file has this name.

    Raises:
        InputError: it cannot be used as a whole.
        SettingsError: an option does not fit any input.
    """
    head = source.head()
    if len(head) < HEAD_BYTES and (
        not head.strip() or (source.truncated and not _LINE_END.search(head.lstrip()))
    ):
        raise BlankInputError.of_lines(source.name)
    if is_workbook(head):
        return _workbook(source, options, name=name)
    refuse_other_kinds(head, name=source.name)
    encoding = detect_encoding(head, options.encoding, name=source.name)
    known = options.format or detect_format(name, head)
    if known == "csv":
        records = CsvRecords(source, encoding=encoding, options=options)
        refuse_sheet(records, options, name=source.name)
        mapping = _mapped(records, options, name=source.name)
        records.table.use(mapping)
        return Detected(known, encoding, records, mapping, is_empty_plan=False)
    refuse_csv(head.decode(encoding, "replace"), name=source.name)
    lines = JsonlRecords(source, encoding=encoding)
    refuse_sheet(lines, options, name=source.name)
    return Detected(known, encoding, lines, None, is_empty_plan=is_empty_plan(head))


def _workbook(source: ByteSource, options: ReadOptions, *, name: str) -> Detected:
    from batchpatch.reading.sheet_records import SheetRecords  # noqa: PLC0415 - for workbooks only

    records = SheetRecords(source, options=options)
    try:
        mapping = _mapped(records, options, name=name)
    except InputError as error:
        if options.sheet is not None or not records.sheet.others:
            raise
        others = ", ".join(map(shown, records.sheet.others))
        sheet = f"This is the sheet {shown(records.sheet.title)}; --sheet NAME reads another"
        refusal = InputError(f"{error} {sheet} ({others}).")
        refusal.lines = (*error.lines, f"  {sheet} ({others}).") if error.lines else ()
        raise refusal from None
    records.table.use(mapping)
    return Detected("xlsx", "utf-8-sig", records, mapping, is_empty_plan=False)


def _mapped(records: TableRecords, options: ReadOptions, *, name: str) -> Mapping:
    try:
        return map_columns(records.header, options, name=name)
    except InputError:
        line = records.header_below()
        if line is None or options.columns_given:
            # Once more, and this time with what the columns hold.
            return map_columns(records.header, options, name=name, sample=records.sample())
        raise InputError(
            f"{name} does not begin with its header; line {line} looks like it: add "
            f"--skip-lines {line - 1}."
        ) from None
