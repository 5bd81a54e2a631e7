"""Files, archives and pipes: their bytes, or one sentence."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sys
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import InputError
from batchpatch.reading.decoding import ensure_whole
from batchpatch.reading.sources import is_regular, open_source
from batchpatch.reading.streams import Tee

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
}
MAGIC_BYTES = 6


def all_of(path: str) -> bytes:
    source = open_source(path)
    try:
        return b"".join(chunk for chunk in source.chunks() if chunk)
    finally:
        source.close()


@given(data=st.binary(max_size=2000), packer=st.sampled_from(sorted(PACKERS)))
def test_an_archive_opens_by_its_first_bytes(
    write: Callable[..., str], data: bytes, packer: str
) -> None:
    """A download that lost its extension is read all the same."""
    assert all_of(write(PACKERS[packer](data), "download")) == data


def test_an_archive_of_several_parts_is_read_whole(write: Callable[..., str]) -> None:
    """Logs are rotated by appending one gzip to another: half of the rows must not vanish."""
    path = write(gzip.compress(b"first\n") + gzip.compress(b"second\n"), "rows.csv.gz")
    assert all_of(path) == b"first\nsecond\n"


@given(
    data=st.binary(min_size=1, max_size=2000),
    rest=st.data(),
    packer=st.sampled_from(["gz", "bz2", "xz", "zst"]),
)
def test_an_archive_that_is_cut_off_is_refused(
    write: Callable[..., str], data: bytes, rest: st.DataObject, packer: str
) -> None:
    """Wherever a transfer broke off, the missing rows are not taken for the end of the file."""
    packed = PACKERS[packer](data)
    cut = rest.draw(st.integers(MAGIC_BYTES, len(packed) - 1))
    with pytest.raises(InputError, match="cut off"):
        all_of(write(packed[:cut]))


@given(
    data=st.binary(min_size=1, max_size=500),
    at=st.integers(0),
    flip=st.integers(1, 255),
    packer=st.sampled_from(sorted(PACKERS)),
)
def test_a_damaged_archive_is_bytes_or_one_sentence(
    write: Callable[..., str], data: bytes, at: int, flip: int, packer: str
) -> None:
    """No flipped byte brings a foreign exception of a decompressor to the user."""
    packed = bytearray(PACKERS[packer](data))
    packed[at % len(packed)] ^= flip
    with suppress(InputError):
        assert isinstance(all_of(write(bytes(packed))), bytes)


def test_a_broken_stream_inside_a_sound_frame_is_refused(write: Callable[..., str]) -> None:
    """zlib has an exception of its own, which is not gzip's."""
    body = zlib.compress(b"x" * 1000)[2:-4]
    with pytest.raises(InputError, match="damaged"):
        all_of(write(gzip.compress(b"")[:10] + b"\xff" + body))


@given(blank=st.text(alphabet=" \t\r\n", max_size=50), rest=st.binary(max_size=50))
def test_a_look_ahead_takes_nothing(write: Callable[..., str], blank: str, rest: bytes) -> None:
    """The head decides about format and encoding; it must still be read as content afterwards."""
    data = blank.encode() + b"a" + rest  # whatever follows, it does not begin like an archive
    source = open_source(write(data))
    head = source.head()
    read = b"".join(chunk for chunk in source.chunks() if chunk)
    source.close()
    assert (read[: len(head)], read) == (head, data)


@pytest.mark.parametrize("name", ["missing.csv", "", ".", "a\0b", "/proc/self/mem"])
def test_what_cannot_be_read_is_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing, a directory, no name at all, unreadable: said, and no descriptor left behind."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        all_of(name)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(("stdin", "words"), [(None, "is closed"), (object(), "cannot be opened")])
def test_a_process_without_standard_input_says_so(
    stdin: object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service has none: `-` is then a mistake of the user, not of the program."""
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(InputError, match=words):
        open_source("-")


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Makes standard input a pipe; returns the end to write to."""
    reading, writing = os.pipe()
    stdin = os.fdopen(reading)
    monkeypatch.setattr("sys.stdin", stdin)
    yield writing
    stdin.close()
    with suppress(OSError):  # a test has closed it
        os.close(writing)


def test_a_stream_says_when_it_has_nothing_at_hand(piped: int) -> None:
    """Whoever merges rows stops waiting for company then."""
    os.write(piped, b"header\nrow\n")
    source = open_source("-")
    assert source.head() == b"header\nrow\n"
    chunks = source.chunks()
    assert next(chunks) == b"header\nrow\n"
    assert next(chunks) is None
    os.write(piped, b"late\n")
    assert next(chunks) == b"late\n"
    assert next(chunks) is None
    os.close(piped)
    assert list(chunks) == []
    source.close()


def test_the_first_line_may_be_long_in_coming(piped: int) -> None:
    """A blank line in front, sent on its own, is not the whole input."""
    os.write(piped, b"\n")
    source = open_source("-")
    os.write(piped, b"header\n")
    assert source.head() == b"\nheader\n"
    source.close()


def test_a_pause_is_not_taken_for_the_end(piped: int) -> None:
    """Some parents leave a pipe in non-blocking mode, where an empty read means only 'not yet'."""
    os.write(piped, b"header\n")
    os.set_blocking(sys.stdin.fileno(), False)
    source = open_source("-")
    assert os.get_blocking(source._raw.fileno())
    source.close()


@given(data=st.binary(max_size=3000))
def test_a_stream_is_copied_as_it_came(data: bytes) -> None:
    """The copy is what resuming reads: every byte of it, packed or not."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    copy: list[bytes] = []
    with os.fdopen(reading) as stdin, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", stdin)
        tee = Tee(copy.append)
        source = open_source("-", tee=tee)
        with suppress(InputError):  # it may begin like an archive
            assert b"".join(chunk for chunk in source.chunks() if chunk) == data
        source.close()
        tee.close()
    assert b"".join(copy) == data


def test_the_share_that_was_read_is_known(write: Callable[..., str]) -> None:
    """The time left is judged by the bytes of the file, also of a packed one."""
    data = gzip.compress(os.urandom(300_000))
    source = open_source(write(data))
    shares = [source.bytes_read for _ in source.chunks()]
    source.close()
    assert shares == sorted(shares)
    assert source.bytes_read == source.size == len(data)


@pytest.mark.parametrize("name", ["-", "/dev/null", "/dev/stdin", "/proc/self/fd/0"])
def test_what_cannot_be_read_twice_is_told_apart(name: str, tmp_path: Path) -> None:
    """Hashing an input whole before the first request would hang on a pipe."""
    assert not is_regular(name)
    assert is_regular(str(tmp_path / "not yet there"))


def test_a_whole_file_is_tried_before_anything_is_sent(write: Callable[..., str]) -> None:
    """A bad byte in the last line is known before the first row leaves."""
    late = write(b"a\n" * 100_000 + b"\xff\n")
    ensure_whole(late, None)
    with pytest.raises(InputError, match="line 100001"):
        ensure_whole(late, "utf-8")
    with pytest.raises(InputError, match="cut off"):
        ensure_whole(write(gzip.compress(b"a\n" * 100)[:-3]), None)


def test_zstd_in_several_frames_is_read_whole(write: Callable[..., str]) -> None:
    """Packers that work side by side write many."""
    assert (
        all_of(write(zstd.compress(b"first\n") + zstd.compress(b"second\n"))) == b"first\nsecond\n"
    )


def test_damaged_zstd_is_one_sentence(write: Callable[..., str]) -> None:
    """Like any other archive."""
    data = bytearray(zstd.compress(b"rows of all kinds " * 9))
    data[6:] = b"\xff" * (len(data) - 6)
    with pytest.raises(InputError, match=r"damaged|cut off"):
        all_of(write(bytes(data)))


def test_zstd_without_its_extra(write: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said, and what does without."""
    monkeypatch.setitem(sys.modules, "backports", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    with pytest.raises(InputError, match=r"zstd -d FILE.*pip install '\.\[zst\]'"):
        all_of(write(zstd.compress(b"rows")))
