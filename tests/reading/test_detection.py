"""What is no CSV and no JSONL is called what it is, whatever its name."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import InputError
from batchpatch.model import InvalidRow, Row

if TYPE_CHECKING:
    from collections.abc import Callable


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("rows.csv"))
    return file.getvalue()


C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
WORKBOOK = (Path(__file__).parent / "cases" / "real_workbook.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
        (lambda: zipped("[Content_Types].xml", "word/document.xml"), "an Office document"),
        (lambda: zipped("rows.csv"), "a zip archive: unpack it"),
        (zipped, "an empty zip archive"),
        (tarred, "a tar archive: unpack it"),
        (lambda: gzip.compress(tarred()), "a tar archive"),
        (lambda: bz2.compress(gzip.compress(b"a,b\n")), "packed twice"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Excel workbook"),
        (lambda: b"PAR1\x15\x04\n", "a Parquet file"),
        (lambda: gzip.compress(b"\x28\xb5\x2f\xfd\x04\n"), "packed twice"),
        (lambda: b"7z\xbc\xaf\x27\x1c\n", "a 7-Zip archive"),
        (lambda: b"SQLite format 3\0\n", "an SQLite database"),
        (lambda: b"%PDF-1.7\n", "a PDF document"),
        (lambda: b"\n <!DOCTYPE html>\n<html>", "an HTML page"),
        (lambda: "<html>\n".encode("utf-16"), "an HTML page"),
        (lambda: b"\xef\xbb\xbf<table>\n<tr>", "an HTML page"),
        (lambda: b'<?xml version="1.0"?>\n<rows/>', "an XML document"),
        (
            lambda: (
                b'<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:'
                b'spreadsheet">'
            ),
            "an Excel workbook in XML",
        ),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "download"])
def test_it_is_called_what_it_is(
    read: Callable[..., object], make: Callable[[], bytes], what: str, name: str
) -> None:
    """By its first bytes; the name that it was given may say anything."""
    with pytest.raises(InputError, match=f"{name} is {what}") as caught:
        read(make(), name)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("data", [WORKBOOK, gzip.compress(WORKBOOK)])
def test_a_workbook_without_its_extra(
    read: Callable[..., object], data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most people have a workbook and not the extra: both ways on are in the sentence."""
    monkeypatch.setitem(sys.modules, "batchpatch.reading.openpyxl_reader", None)
    with pytest.raises(InputError, match="is an Excel workbook: save it as") as caught:
        read(data)
    assert str(caught.value).endswith("(or uv tool install, or pipx install --force).")
    assert "the extra xlsx, from its clone: pip install '.[xlsx]'" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"conversationId,participantId,attr.a\n",
        b"interactionId;x\n",
        b"3f2504e0-4f89-41d3-9a0c-0305e82c3301\t5\n",
        b"\xef\xbb\xbf\n\nconversationId|attr.a\n",
    ],
)
def test_csv_in_a_file_of_another_name(read: Callable[..., object], data: bytes) -> None:
    """As JSONL, each of its rows would be invalid, and none would say why."""
    with pytest.raises(InputError, match="looks like CSV: add --format csv"):
        read(data, "rows.jsonl")


@pytest.mark.parametrize(
    "data",
    [b'{"a": 1}\n', b'{\n  "a": 1\n}\n', b'\xef\xbb\xbf\n{ "a": 1}', '{\n"a":1}'.encode("utf-16")],
)
def test_json_in_a_file_of_another_name(read: Callable[..., object], data: bytes) -> None:
    """As CSV its first line would be a header without columns, on however many lines it is."""
    with pytest.raises(InputError, match="holds JSON, not CSV: add --format jsonl"):
        read(data, "rows.csv")


@pytest.mark.parametrize("data", [b'[{"a": 1}]', b'\n[\n  {\n"a": 1}\n]\n'])
@pytest.mark.parametrize("name", ["rows.csv", "rows.json", "rows"])
def test_an_array_is_converted_by_what_can_be_pasted(
    read: Callable[..., object], data: bytes, name: str
) -> None:
    """Whatever its name; what is packed has to be unpacked first."""
    with pytest.raises(
        InputError, match=r"is one JSON array.* jq -c '\.\[\]' \S*rows\S* > rows\.jsonl"
    ):
        read(data, name)
    with pytest.raises(InputError, match=r"is one JSON array.* jq -c '\.\[\]' FILE > rows\.jsonl"):
        read(gzip.compress(data), f"{name}.gz")


def test_a_header_in_brackets_is_no_array(read: Callable[..., object]) -> None:
    """A database writes its columns so."""
    with pytest.raises(InputError, match="are named in brackets"):
        read(b"[conversationId],[participantId]\n1,2\n", "rows.csv")


def test_what_is_skipped_may_be_json(read: Callable[..., list[object]]) -> None:
    """It is a title like any other."""
    rows = b'{"title": "x"}\nconversationId,participantId,attr.a\nx,y,z\n'
    assert len(read(rows, "rows.csv", skip_lines=1)) == 1


@pytest.mark.parametrize("comment", ["", "sep=\t\n"])
def test_a_first_cell_of_a_file_without_a_header_may_be_json(
    read: Callable[..., list[Row | InvalidRow]], comment: str
) -> None:
    """A database that writes no quotes, and the attributes first."""
    rows = f'{comment}{{"tier": "gold"}}\t{C}\t{P}\n{{"tier": "iron"}}\t{C}\t{P}\n'.encode()
    wanted = {"columns_given": ("attributes", "conversationId", "participantId"), "quote": "none"}
    made = read(rows, "rows.tsv", format="csv", **wanted)
    assert [type(row) for row in made] == [Row, Row]
    lines = b'{"tier": "gold"}\n{"tier": "iron"}\n'
    with pytest.raises(InputError, match="holds JSON, not CSV: add --format jsonl"):
        read(lines, "rows.tsv", format="csv", **wanted)
