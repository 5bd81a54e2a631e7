"""A file of ids and names is read as people save it, or refused in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import InputError
from batchpatch.reading.names_file import read_names_file

if TYPE_CHECKING:
    from pathlib import Path

ID = "16fd2706-8baf-433b-82eb-8c7fada847da"


@pytest.mark.parametrize(
    "text",
    [
        f"id,name\n{ID.upper()},Rückruf\n",
        f"\ufeffName;Id;Division\nRückruf;{ID};x\n",
        f'[{{"id": "{ID}", "name": "Rückruf"}}]',
        f'{{"codes": [{{"id": "{ID}", "name": "Rückruf"}}], "exit_code": 0}}',
        f'{{"entities": [{{"id": "{ID}", "name": "Rückruf"}}, 1, {{"id": 2}}], "total": 3}}',
    ],
)
def test_the_ways_in_which_a_list_is_saved(text: str, tmp_path: Path) -> None:
    """From a spreadsheet, from the command that lists them, from the API itself."""
    path = tmp_path / "codes"
    path.write_text(text, encoding="utf-8")
    assert read_names_file(str(path)) == {ID: "Rückruf"}


@pytest.mark.parametrize("data", [b"", b"id;x\n1;2\n", b"{", b"\xff\xfe\0", b"id,name\n\0"])
def test_what_holds_none_is_refused(data: bytes, tmp_path: Path) -> None:
    """A run must not go on as if every name were wrong."""
    path = tmp_path / "codes"
    path.write_bytes(data)
    with pytest.raises(InputError, match="--codes"):
        read_names_file(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_names_file(str(tmp_path))
