"""Values that may stand for nothing, or for others that were lost, are sent and counted."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.model import InvalidRow, Row
from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
HEADER = "conversationId,participantId,attr.a,attr.b\n"


def notices(path: str, **wanted: Any) -> list[str]:
    """What is said of an input once it was read."""
    reader = Reader([path], ReadOptions(**wanted))
    for _ in reader:
        pass
    return list(reader.inputs[0].notices.values())


@pytest.mark.parametrize("sound", [0, 1, 1000])
@pytest.mark.parametrize("gap", ["y", ""])
def test_they_are_counted_by_attribute(write: Callable[..., str], sound: int, gap: str) -> None:
    """Whichever of the ways their rows were made."""
    rows = [f"{C},{P},x,{gap}\n"] * sound + [f"{C},{P},NULL,1.5E+10\n", f"{C},{P},#N/A,{gap}\n"]
    first, second = sorted(notices(write((HEADER + "".join(rows * 2)).encode())))
    assert first.startswith("'a': 4 values are ")
    assert "--null '" in first
    assert second.startswith("'b': 2 values are like 1.23E+15, sent as it stands")


@pytest.mark.parametrize("sound", [0, 1000])
@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('="00123"', "is a formula like"),
        ('"=""00123"""', "is a formula like"),
        ("'gold'", "stands in single quotes"),
        (' "gold"', "stands in double quotes"),
        ('"""gold"""', "stands in double quotes"),
        ("########", "is like ####"),
    ],
)
def test_quotes_that_were_not_unpacked_are_counted(
    write: Callable[..., str], cell: str, sound: int, said: str
) -> None:
    """They would be part of what the platform keeps, and nobody meant them."""
    rows = f"{C},{P},x,y\n" * sound + f"{C},{P},{cell},y\n"
    (first,) = notices(write((HEADER + rows).encode()))
    assert first.startswith(f"'a': 1 value {said}")
    (both,) = notices(write((HEADER + rows * 2).encode()))
    assert both.startswith(f"'a': 2 values {said.replace('is ', 'are ').replace('ds', 'd')}")


@pytest.mark.parametrize("value", ['="00123"', "'gold'", '"gold"', "####"])
def test_they_are_counted_in_json_too(write: Callable[..., str], value: str) -> None:
    """A script that made JSON of such a CSV has kept the quotes."""
    row = {"conversationId": C, "participantId": P, "attributes": {"a": value}}
    assert len(notices(write(json.dumps(row).encode(), "rows.jsonl"))) == 1


def test_the_flags_to_paste_are_for_all_of_them(write: Callable[..., str]) -> None:
    """With one flag for the first of them, the others would still be sent."""
    rows = "".join(f"{C},{P},{text},y\n" for text in ("NULL", "null", "#N/A", "NULL", "x"))
    path = write((HEADER + rows).encode())
    (said,) = notices(path)
    assert said == (
        "'a': 4 values are NULL or the like, sent as they stand; "
        "--null 'NULL' --null 'null' --null '#N/A' make them empty cells."
    )
    assert notices(path, null=tuple(shlex.split(said.partition("; ")[2])[1:6:2])) == []


@pytest.mark.parametrize("rows", [f"{C}, {P}, gold, y\n", ""])
def test_blanks_behind_delimiters_are_said_once(write: Callable[..., str], rows: str) -> None:
    """They are part of each value, which nobody sees in an editor; a header shows the habit."""
    (said,) = notices(write((HEADER.replace(",", ", ") + rows).encode()))
    assert "a blank stands behind each delimiter of the header" in said


@pytest.mark.parametrize(
    "value",
    [
        *("E+5", "1E5", "12E+3", "+49 30 1.5E+", "nothing", "Null and void"),
        *("'tis", "rock 'n' roll", "the boys'", '5" disc', '"""a"" or ""b"""', "'", "''"),
        *("##", "### title", "#1#2#"),
        *('"a, ""b"""', '=""', '"He said ""no"""', "= 1"),
    ],
)
def test_what_only_resembles_them_is_not_counted(write: Callable[..., str], value: str) -> None:
    """A warning that is wrong is one that nobody reads."""
    assert notices(write(f"{HEADER}{C},{P},{value},y\n".encode())) == []


def test_a_constant_is_meant(write: Callable[..., str]) -> None:
    """Whoever writes --set a=NULL knows it."""
    path = write(f"{HEADER}{C},{P},x,y\n{C},{P},x,\n".encode())
    assert notices(path, constants={"c": "NULL"}) == []


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ({}, {"a": "NULL", "b": "y"}),
        ({"null": ("NULL",)}, {"b": "y"}),
        ({"null": ("NULL",), "empty": "set"}, {"a": "", "b": "y"}),
        ({"null": ("null", "y")}, {"a": "NULL"}),
    ],
)
def test_a_text_can_be_made_an_empty_cell(
    read: Callable[..., list[Row | InvalidRow]], wanted: dict[str, Any], sent: dict[str, str]
) -> None:
    """Only what was named, to the letter, and with what an empty cell does."""
    (row,) = read(f"{HEADER}{C},{P},NULL,y\n".encode(), **wanted)
    assert isinstance(row, Row)
    assert dict(zip(row.names, row.values, strict=True)) == sent
