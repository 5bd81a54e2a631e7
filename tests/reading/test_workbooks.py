"""Workbooks as inputs: rows of a sheet are rows like any others."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from batchpatch.errors import InputError
from batchpatch.model import InvalidRow, Row
from batchpatch.options.read import ReadOptions
from batchpatch.reading import workbooks
from batchpatch.reading.inputs import Input
from batchpatch.reading.reader import Reader
from batchpatch.reading.shared_texts import SharedTexts
from batchpatch.reading.sheet_scan import SheetScan, scan_sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Read = Callable[..., list[Row | InvalidRow]]

C = [f"10c52dcf-a6e0-4161-ab18-72cb1751a69{n}" for n in range(10)]
P = [f"929d00ed-653e-5179-9930-0ba179e0f78{n}" for n in range(10)]
HEADER = ("conversationId", "participantId", "attr.a", "attr.b")


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def workbook(*rows: Iterable[Any], formats: dict[str, str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    for place, number_format in (formats or {}).items():
        book.active[place].number_format = number_format
    return saved(book)


def rewritten(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """The workbook with one of its parts changed, or made."""
    file, made = io.BytesIO(), False
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            made = made or name == part
            new.writestr(name, change(text) if name == part else text)
        if not made:
            new.writestr(part, change(""))
    return file.getvalue()


def with_shared_texts(data: bytes) -> bytes:
    """The same, with all texts in one table, as Excel writes them."""
    texts: list[str] = []

    def refer(found: re.Match[str]) -> str:
        texts.append(found[2])
        return f'<c r="{found[1]}" t="s"><v>{len(texts) - 1}</v></c>'

    cell = re.compile(r'<c r="([A-Z]+\d+)" t="inlineStr"><is><t>([^<]*)</t></is></c>')
    data = rewritten(data, "xl/worksheets/sheet1.xml", lambda text: cell.sub(refer, text))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    items = "".join(f"<si><t>{text}</t></si>" for text in texts)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    data = rewritten(data, "xl/sharedStrings.xml", lambda _: f'<sst xmlns="{main}">{items}</sst>')
    return rewritten(data, "[Content_Types].xml", lambda text: text.replace("</Types>", override))


def test_rows_have_the_numbers_of_the_sheet(read: Read) -> None:
    """Empty rows are no rows, and an error is to be found where the sheet has it."""
    data = workbook(HEADER, (C[0], P[0], "x", 1), (), (C[1], "nobody", "y", None), (C[2], P[2]))
    rows = read(data, "a.xlsx")
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 4), (3, 5)]
    assert rows[0] == Row(1, 2, 0, C[0], P[0], ("a", "b"), ("x", "1"), None)
    assert isinstance(rows[1], InvalidRow)
    assert rows[2].names == ()


@pytest.mark.parametrize("change", [with_shared_texts, gzip.compress])
def test_wherever_the_texts_lie(read: Read, change: Callable[[bytes], bytes]) -> None:
    """Excel keeps them in a table of their own; and a workbook may be packed once more."""
    data = workbook(HEADER, (C[0], P[0], "x", "y"), (C[1], P[1], "x", "z_x000D_"))
    assert [row.values for row in read(change(data))] == [("x", "y"), ("x", "z\r")]


def test_a_number_that_has_lost_digits_is_refused(read: Read) -> None:
    """Its end is made up, and as the value of an attribute it would look right. Where the column
    is not sent, it does no harm."""
    header = (*HEADER, "note")
    long = 12345678901234567
    data = workbook(header, (C[0], P[0], long, 1, 2), (C[1], P[1], 123456789012345, 1, long))
    invalid, valid = read(data)
    assert isinstance(invalid, InvalidRow)
    assert (invalid.code, invalid.line) == ("lost_digits", 2)
    assert "C2 has more than 15 digits" in invalid.message
    assert valid.values == ("123456789012345", "1")


def test_formulas_are_what_they_came_to(read: Read) -> None:
    """A formula that was never computed has no value: an empty cell would be a silent skip."""
    data = workbook(HEADER, (C[0], P[0], "=1+1", "x"), (C[1], P[1], "=2+2", "x"))
    data = rewritten(
        data,
        "xl/worksheets/sheet1.xml",
        lambda text: re.sub(r"(<f>1\+1</f>)<v\s*/?>(</v>)?", r"\1<v>2</v>", text),
    )
    computed, never = read(data)
    assert computed.values == ("2", "x")
    assert isinstance(never, InvalidRow)
    assert (never.code, "C3" in never.message) == ("no_value", True)


def test_error_cells_are_values_that_are_counted(write: Callable[..., str]) -> None:
    """As in a CSV: nobody can tell whether they were meant."""
    book = openpyxl.Workbook()
    book.active.append(list(HEADER))
    book.active.append([C[0], P[0], "x", "y"])
    book.active["C2"] = "#N/A"
    reader = Reader([write(saved(book))], ReadOptions())
    assert [row.values for batch in reader for row in batch.rows] == [("#N/A", "y")]
    assert any("1 value is #N/A" in notice for notice in reader.notices)


def test_a_title_above_the_header(read: Read) -> None:
    """Refused with the flag that mends it, as a CSV is; and with it the rows keep their numbers."""
    data = workbook(("Report of July",), (), HEADER, (C[0], P[0], "x", "y"))
    with pytest.raises(InputError, match=r"line 3 looks like it: add --skip-lines 2\."):
        read(data)
    assert [row.line for row in read(data, skip_lines=2)] == [4]


def test_what_stands_beside_the_table_is_none_of_it(read: Read) -> None:
    """People write remarks next to their rows; no column, no attribute."""
    data = workbook(HEADER, (C[0], P[0], "x", "y", None, "checked by Ann"))
    assert [row.values for row in read(data)] == [("x", "y")]


def two_sheets() -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Hidden"
    book.active.sheet_state = "hidden"
    for title in ("Notes", "Rows"):
        book.create_sheet(title)
    book["Notes"].append(["Nothing", "to send"])
    book["Rows"].append(list(HEADER))
    book["Rows"].append([C[0], P[0], "x", "y"])
    book.active = 1
    return saved(book)


def test_which_sheet_is_read(read: Read, write: Callable[..., str]) -> None:
    """The first that people see; what else there is, is named where that is the wrong one."""
    with pytest.raises(InputError, match=r"the sheet 'Notes'; --sheet NAME reads another \('Rows"):
        read(two_sheets())
    assert [row.values for row in read(two_sheets(), sheet="rows")] == [("x", "y")]
    with pytest.raises(InputError, match=r"--sheet 'Row': .* no such sheet, but 'Hidden', 'Notes'"):
        read(two_sheets(), sheet="Row")
    opened = Input(write(two_sheets()), ReadOptions(sheet="Rows"))
    assert "the sheet 'Rows' is read, not 'Notes'; rows that fail" in opened.notices["sheet"]
    opened.close()


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_workbook_that_is_cut_off_is_one_sentence(read: Read, keep: float) -> None:
    """Its table of contents is at the end."""
    data = workbook(HEADER, (C[0], P[0], "x", "y"))
    with pytest.raises(InputError, match=r"an Excel workbook that cannot be read \(.*\): open it"):
        read(data[: int(len(data) * keep)])


def test_a_damaged_sheet_is_one_sentence(read: Read) -> None:
    """However deep in the library it is found out."""
    data = workbook(HEADER, (C[0], P[0], "x", "y"))
    broken = rewritten(
        data, "xl/worksheets/sheet1.xml", lambda text: text.replace("</sheetData>", "")
    )
    with pytest.raises(InputError, match="cannot be read"):
        read(broken)


def test_rows_behind_the_end_of_any_sheet(read: Read) -> None:
    """A row's number is what the file says: it must not keep us busy for ever."""
    data = workbook(HEADER, (C[0], P[0], "x", "y"))
    far = rewritten(
        data, "xl/worksheets/sheet1.xml", lambda text: text.replace('r="2"', 'r="900000000"')
    )
    with pytest.raises(InputError, match="more rows than a sheet can have"):
        read(far)


def test_shared_texts_are_read_as_far_as_they_are_asked_for() -> None:
    """A workbook is opened more than once, mostly for its header."""
    taken: list[str] = []

    def texts() -> Iterable[str]:
        for text in ("a", "", "ü", "never"):
            taken.append(text)
            yield text

    shared = SharedTexts(iter(texts()))
    assert [shared[2], shared[0], shared[1]] == ["ü", "a", ""]
    assert taken == ["a", "", "ü"]
    with pytest.raises(IndexError):
        shared[4]
    shared.close()


@pytest.mark.parametrize("gap", [0, 2000])
@pytest.mark.parametrize(
    ("merged", "told"),
    [("C2:C3", True), ("C2:D2", True), ("A1:B1", False), ("", False)],
)
def test_merged_cells_are_told(
    write: Callable[..., str], merged: str, told: bool, gap: int
) -> None:
    """One value is shown over all of their rows, and the file has it in the first alone."""
    book = openpyxl.Workbook()
    title = [("Results", "")] if merged == "A1:B1" else []
    for row in [*title, HEADER, *((C[0], P[0], "x", "y"),) * (2 + gap)]:
        book.active.append(row)
    if merged:
        book.active.merge_cells(merged)
    reader = Reader([write(saved(book), "rows.xlsx")], ReadOptions(skip_lines=len(title)))
    rows = [row for batch in reader for row in batch.rows]
    assert len(rows) == 2 + gap
    said = [notice for notice in reader.notices if "merged" in notice]
    assert [f"such as {merged}" in notice for notice in said] == [True] * told


def test_a_sheet_is_scanned_once(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large one takes seconds to unpack: all that a scan is for is told by the same one."""
    scans: list[str] = []

    def counting(archive: zipfile.ZipFile, part: str) -> SheetScan:
        scans.append(part)
        return scan_sheet(archive, part)

    monkeypatch.setattr(workbooks, "scan_sheet", counting)
    path = write(workbook(HEADER, (C[0], P[0], "=1+1", "x")), "rows.xlsx")
    reader = Reader([path], ReadOptions())
    assert [row.number for batch in reader for row in batch.rows] == [1]
    assert [part.rpartition("/")[2] for part in scans] == ["sheet1.xml"]
