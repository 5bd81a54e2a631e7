"""An input is known by its content: wherever it lies, and with rows behind those it began with."""

from __future__ import annotations

import bz2
import gzip
import lzma
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import InputError
from batchpatch.formats.run_json import InputFile, Manifest
from batchpatch.recording.inputs_again import find_again
from batchpatch.recording.manifest import fingerprint

if TYPE_CHECKING:
    from pathlib import Path


def manifest_of(*inputs: InputFile) -> Manifest:
    return Manifest(version="1", inputs=inputs, mapping={}, started="at")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two inputs of a run that was stopped."""
    return Place(tmp_path)


class Place:
    """Where the inputs of a run lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first, self.last = folder / "first.csv", folder / "last.csv"
        self.first.write_bytes(b"a,b\n1,2\n")
        self.last.write_bytes(b"a,b\n3,4\n")
        files = (replace(fingerprint(path), name=path.name) for path in (self.first, self.last))
        self.manifest = manifest_of(*files)

    def again(self, *given: Path, appended: bool = False, **more: Any) -> tuple[InputFile, ...]:
        """What the run goes on with."""
        spool = self.folder / "input"
        return find_again(self.manifest, given=given, appended=appended, spool_path=spool, **more)


def test_moved_inputs_are_known_by_their_content(place: Place) -> None:
    """Another mount, another name, another order: the report goes on calling them as before."""
    moved = [path.rename(path.with_suffix(".moved")) for path in (place.last, place.first)]
    found = place.again(*moved)
    assert [file.path for file in found] == [str(moved[1]), str(moved[0])]
    assert [file.name for file in found] == ["first.csv", "last.csv"]


def test_what_is_missing_is_asked_for(place: Place) -> None:
    """The sentence names the flag that helps."""
    place.first.rename(place.folder / "moved")
    with pytest.raises(InputError, match=r"first\.csv is gone; .*--input PATH"):
        place.again()


def test_another_content_is_refused(place: Place) -> None:
    """Rows would be sent with the numbers of others."""
    other = place.folder / "other.csv"
    other.write_bytes(b"a,b\n1,3\n")
    with pytest.raises(InputError, match=r"other\.csv has the content of none"):
        place.again(other)
    with pytest.raises(InputError, match="content of none"):
        place.again(other, appended=True)


def test_added_rows_are_taken_where_that_was_asked_for(place: Place) -> None:
    """And the next time the input is the one that has grown."""
    place.last.write_bytes(place.last.read_bytes() + b"5,6\n")
    with pytest.raises(InputError, match="--appended"):
        place.again()
    found = place.again(appended=True)
    assert found[1] == replace(fingerprint(place.last), name="last.csv")
    moved = place.last.rename(place.folder / "elsewhere.csv")
    assert place.again(moved, appended=True)[1].path == str(moved)


@pytest.mark.parametrize("content", [b"a,b\n3,5\n7,8\n", b"a,b\n", b""])
def test_a_change_is_no_addition(content: bytes, place: Place) -> None:
    """The first part is proved, or nothing is."""
    place.last.write_bytes(content)
    with pytest.raises(InputError, match="has changed"):
        place.again(appended=True)


def test_rows_added_to_an_earlier_input_would_shift_the_later_ones(place: Place) -> None:
    """They are numbered through."""
    place.first.write_bytes(place.first.read_bytes() + b"5,6\n")
    with pytest.raises(InputError, match="would get other numbers"):
        place.again(appended=True)
    with pytest.raises(InputError, match="would get other numbers"):
        place.again(appended=True, have_numbers={"last.csv"}.issuperset)
    place.last.write_bytes(place.last.read_bytes() + b"7,8\n")
    found = place.again(appended=True, have_numbers=lambda names: "last.csv" not in names)
    assert [file.size for file in found] == [12, 12]


def test_a_file_that_was_packed_anew_is_refused_with_what_would_do(place: Place) -> None:
    """Where its rows ended cannot be told any more; those that were added need not be lost."""
    place.last.write_bytes(gzip.compress(b"a,b\n3,4\n"))
    place.manifest = manifest_of(fingerprint(place.last))
    place.last.write_bytes(gzip.compress(b"a,b\n3,4\n5,6\n" * 9))
    with pytest.raises(InputError, match=r"cat more\.gz >> rows\.gz"):
        place.again(appended=True)


@pytest.mark.parametrize(
    ("before", "after", "fits"),
    [
        (b"a,b\n3,4", b"5\n", False),
        (b"a,b\n3,4", b"\n5,6\n", True),
        (b"a,b\r\n3,4", b"\r\n5,6\n", True),
        (b"a,b\n3,4\r", b"5,6\r", True),
        ("a,b\n3,4\n".encode("utf-16"), "5,6\n".encode("utf-16-le"), True),
        ("a,b\n3,4".encode("utf-16"), "5\n".encode("utf-16-le"), False),
        ("a,b\n3,4".encode("utf-16-be"), "\n5\n".encode("utf-16-be"), True),
        ("a,b\n3,4\n".encode("utf-32"), "5,6\n".encode("utf-32-le"), True),
        (gzip.compress(b"a,b\n3,4\n", mtime=0), gzip.compress(b"5,6\n", mtime=0), True),
        (gzip.compress(b"a,b\n3,4\n", mtime=0), b"5,6\n", False),
        (gzip.compress(b"a,b\n3,4", mtime=0), gzip.compress(b"5\n", mtime=0), False),
        (bz2.compress(b"a,b\n3,4"), bz2.compress(b"\n5,6\n"), True),
        (lzma.compress(b"a,b\n3,4\n"), lzma.compress(b"5,6\n"), True),
    ],
)
def test_what_is_added_begins_a_row(before: bytes, after: bytes, fits: bool, place: Place) -> None:
    """The last row was read as it was then: `gold` must not become `goldfish` unsent."""
    place.last.write_bytes(before)
    place.manifest = manifest_of(fingerprint(place.last))
    place.last.write_bytes(before + after)
    if fits:
        assert place.again(appended=True)[0].size == len(before + after)
    else:
        with pytest.raises(InputError, match="as a run of its own"):
            place.again(appended=True)


def test_the_copy_of_standard_input_may_be_given_as_a_file(place: Place) -> None:
    """It was purged, and whoever piped it has the file still."""
    spooled = replace(fingerprint(place.last), path="-", name="-", kind="spool")
    place.manifest = replace(manifest_of(spooled), purged=("input",))
    with pytest.raises(InputError, match=r"was purged; .*--input PATH"):
        place.again()
    (found,) = place.again(place.last)
    assert (found.kind, found.path, found.name) == ("file", str(place.last), "-")
