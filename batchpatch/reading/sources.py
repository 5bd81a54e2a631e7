"""Sources: the bytes of an input, whatever it is stored or packed as.

One pass, bounded memory, and every foreign exception of files and decompressors leaves here as an
`InputError` in one sentence.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import select
import stat
import sys
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from batchpatch.errors import InputError, why_unreadable
from batchpatch.reading.urls import is_url, open_url, told_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.options.read import InputFormat
    from batchpatch.reading.streams import Tee

_EXTENSIONS: dict[str, InputFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}

TAKEN = (*_EXTENSIONS, ".xlsx", ".xlsm")
"""What names of inputs end with, below what they may be packed with."""
PACKED = (".gz", ".bz2", ".xz", ".zst")


def detect_format(name: str, head: bytes) -> InputFormat:
    """By extension, below that of a packed file; else an object in front makes it JSONL."""
    suffixes = [s.lower() for s in Path(name).suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    known = _EXTENSIONS.get(suffixes[-1]) if suffixes else None
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return known or ("jsonl" if text.startswith((b"{", b"[")) else "csv")


ZSTD = b"\x28\xb5\x2f\xfd"
CHUNK_BYTES = 1 << 15
"""Small enough for the rows of one to stay in the cache until the next: twice as much is slower."""
HEAD_BYTES = 1 << 16


class EmptyInputError(InputError):
    """An input that ends before its rows begin: nothing in it, or half a header."""


class BlankInputError(EmptyInputError):
    """An input with nothing in it."""

    @classmethod
    def of_lines(cls, name: str) -> Self:
        """Of an input whose lines are rows, without a header."""
        return cls(f"{name} is empty: it needs rows.")


class ByteSource:
    """The unpacked bytes of one input, in chunks.

    `live` is true where more may come later (a pipe): only there does it matter whether the
    reader is idle. `truncated` is true of a copy that was not made to its end: it may end
    anywhere, and what is not whole in front of that end is not the input's.
    """

    def __init__(self, name: str, raw: io.RawIOBase, *, live: bool, truncated: bool) -> None:
        self.name = name
        self.live = live
        self.truncated = truncated
        self._raw = raw
        self.size = None if live else os.fstat(raw.fileno()).st_size
        """Bytes of the file as it lies on disk; None for a pipe."""
        self.bytes_read = 0
        self._buffered: io.BufferedReader = io.BufferedReader(raw, CHUNK_BYTES)
        self._stream = _unpacked(self._buffered, name=name)
        self._packed = self._stream is not self._buffered
        self._head = b""
        self._copy: BinaryIO | None = None
        self.closing = ExitStack()
        """What is to be closed with it."""

    def head(self) -> bytes:
        """Look at the first bytes without taking them.

        They hold a whole line that is not blank; less only at the end, or past `HEAD_BYTES`.
        """
        while len(self._head) < HEAD_BYTES and b"\n" not in self._head.lstrip():
            chunk = self._read_chunk()
            if not chunk:
                break
            self._head += chunk
        return self._head

    def read(self) -> bytes:
        """The next chunk; empty at the end.

        Raises:
            InputError: the file cannot be read on, or is packed and damaged or cut off.
        """
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._read_chunk()

    def chunks(self) -> Iterator[bytes | None]:
        """The chunks to the end; a None before each that a live source still has to wait for.

        Raises:
            InputError: as `read`.
        """
        while True:
            if self.live and not self._head and self.would_block():
                yield None
            chunk = self.read()
            if not chunk:
                return
            yield chunk

    def seekable(self) -> BinaryIO:
        """The same bytes as a file that can be read at any place; nothing was read before.

        Raises:
            InputError: as `read`.
        """
        if not (self.live or self._packed):
            self._head = b""
            self._buffered.seek(0)
            return self._buffered
        if self._copy is None:
            from tempfile import TemporaryFile  # noqa: PLC0415 - for workbooks only

            self._copy = self.closing.enter_context(TemporaryFile())  # noqa: SIM115 - it is one
            for chunk in iter(self.read, b""):
                self._copy.write(chunk)
        return self._copy

    def _read_chunk(self) -> bytes:
        try:
            chunk: bytes = self._stream.read1(CHUNK_BYTES)  # type: ignore[attr-defined]
            if not self.live:
                self.bytes_read = self._raw.tell()
            return chunk
        except EOFError:
            if self.truncated:
                return b""
            raise InputError(
                f"{self.name} is cut off: its compressed data ends in the middle; "
                "copy or export it again."
            ) from None
        except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            if self.truncated and isinstance(error, gzip.BadGzipFile):  # half a member's magic
                return b""
            raise InputError(
                f"{self.name} is damaged and cannot be unpacked ({error}): copy or export it again."
            ) from None
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {why_unreadable(error)}.") from None

    def would_block(self) -> bool:
        """True where a live source has nothing at hand right now."""
        if not self.live or self._packed:
            return self.live
        try:
            readable, _, _ = select.select([self._raw], [], [], 0)
        except io.UnsupportedOperation:  # of a URL: it gives what there is when it is asked
            return False
        except (OSError, ValueError):  # Windows cannot ask a pipe
            return True
        return not readable

    def close(self) -> None:
        """Let go of the file."""
        self.closing.close()
        self._stream.close()
        self._buffered.close()


def open_source(name: str, *, tee: Tee | None = None, truncated: bool = False) -> ByteSource:
    """Open a path, a URL, or standard input for `-`.

    Args:
        name: as the user gave it.
        tee: copies the bytes of a stream, as they came, before they are used.
        truncated: it is a copy that was not made to its end.

    Raises:
        InputError: it does not exist, is a directory, or cannot be opened.
    """
    try:
        if is_url(name):
            raw: io.RawIOBase = open_url(name)
        elif name == "-":
            raw = io.FileIO(_standard_input(), "rb")
        else:
            raw = io.FileIO(name, "rb")
    except FileNotFoundError:
        raise InputError(f"{told_name(name)} does not exist: check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{told_name(name)} is a directory: name the files in it.") from None
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{told_name(name)} cannot be opened: {why_unreadable(error)}.") from None
    live = not is_regular(name)
    if live and tee is not None:
        raw = tee.attach(raw)
    try:
        return ByteSource(told_name(name), raw, live=live, truncated=truncated)
    except InputError:
        raw.close()
        raise
    except OSError as error:
        raw.close()
        raise InputError(f"{told_name(name)} cannot be read: {why_unreadable(error)}.") from None


def _standard_input() -> int:
    """A descriptor of our own, which waits: a pause in a stream must not be taken for its end."""
    if sys.stdin is None:
        raise InputError("Standard input is closed: name a file, or give it something to read.")
    descriptor = os.dup(sys.stdin.fileno())
    with suppress(OSError, AttributeError):  # Windows
        os.set_blocking(descriptor, True)
    return descriptor


def is_regular(name: str) -> bool:
    """True for a file that can be read twice; not for standard input, pipes, devices and URLs."""
    if name == "-" or name.startswith(("/dev/", "/proc/")):  # another file in the next process
        return False
    if is_url(name):
        return False
    try:
        return stat.S_ISREG(Path(name).stat().st_mode)
    except (OSError, ValueError):
        return True  # opening it will say what is wrong


def _unpacked(buffered: io.BufferedReader, *, name: str) -> BinaryIO:
    """Unpack by the first bytes, not by the name: a renamed download works too."""
    magic = buffered.peek(6)[:6]
    if magic.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=buffered))
    if magic.startswith(b"BZh"):
        return cast("BinaryIO", bz2.BZ2File(buffered))
    if magic == b"\xfd7zXZ\x00":
        return cast("BinaryIO", lzma.LZMAFile(buffered))
    if magic.startswith(ZSTD):
        from batchpatch.reading.zstd_files import open_zstd  # noqa: PLC0415 - an extra

        return open_zstd(buffered, name=name)
    return cast("BinaryIO", buffered)
