"""Folders and patterns: which files are meant, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import InputError, SettingsError
from batchpatch.reading.expansion import expand

if TYPE_CHECKING:
    from pathlib import Path


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text("", encoding="utf-8")
    return path


def test_a_folder_stands_for_the_files_that_can_be_read(tmp_path: Path) -> None:
    """In the order in which people count; and what is left out is said, or nobody would know."""
    data = folder(
        tmp_path / "data",
        *("part10.csv", "part2.CSV.gz", "a.jsonl", "b.xlsx", "c.csv.zst"),
        *("notes.txt", "~$b.xlsx", ".hidden.csv", "d.csv.bak"),
    )
    (data / "old").mkdir()
    found = expand([str(data), "-"])
    names = [name.removeprefix(f"{data}/") for name in found.names]
    assert names == ["a.jsonl", "b.xlsx", "c.csv.zst", "part2.CSV.gz", "part10.csv", "-"]
    assert found.notices == [f"{data}: left out d.csv.bak, notes.txt, old, ~$b.xlsx."]


def test_a_pattern_stands_for_the_files_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever they are called: whoever writes a pattern has chosen."""
    monkeypatch.chdir(tmp_path)
    data = folder(tmp_path / "data", "row10", "row9", "other")
    (data / "row1").mkdir()
    found = expand(["data/row*"])
    assert found.names == ["data/row9", "data/row10"]
    assert found.notices == ["'data/row*': left out data/row1, which are directories."]


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    """Browsers number downloads with brackets."""
    data = folder(tmp_path / "data", "rows[1].csv", "rows1.csv")
    assert expand([str(data / "rows[1].csv")]).names == [str(data / "rows[1].csv")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data", r"a directory without a file to read \(\.csv, .*\)\. It holds notes\.txt\."),
        ("data/*.csv", "does not exist, and no file fits it as a pattern"),
    ],
)
def test_nothing_to_read_is_no_input(tmp_path: Path, name: str, words: str) -> None:
    """A night's job over an empty folder must not look like success."""
    folder(tmp_path / "data", "notes.txt")
    with pytest.raises(InputError, match=words):
        expand([str(tmp_path / name)])


def test_names_that_are_no_files_are_left_alone() -> None:
    """What is wrong with them is said where they are opened."""
    names = ["missing.csv", "-", "", "https://example.org/a?b=[1]", "a\0b"]
    assert expand(names).names == names


def test_a_program_may_name_inputs_by_their_paths(tmp_path: Path) -> None:
    """As it has them: `Path.glob` gives no texts."""
    data = folder(tmp_path / "data", "a.csv", "b.csv")
    assert expand([data / "b.csv", str(data / "a.csv")]).names == [
        str(data / "b.csv"),
        str(data / "a.csv"),
    ]


def test_one_name_is_no_list_of_its_letters(tmp_path: Path) -> None:
    """To a type checker a text is a list of texts; and no file is called u."""
    wrong: list[Any] = ["updates.csv", tmp_path / "updates.csv"]
    for one in wrong:
        with pytest.raises(SettingsError, match="One input is a list as well"):
            expand(one)
