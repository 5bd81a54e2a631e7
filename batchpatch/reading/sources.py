"""Bytes of an input, and the lines in them, whatever it is stored or packed as.

One pass, bounded memory, and every foreign exception of files, codecs and decompressors leaves
here as an `InputError` in one sentence.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import select
import stat
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from batchpatch.errors import InputError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 18
HEAD_BYTES = 1 << 16
MAX_LINE_BYTES = 64 << 20
"""A line longer than this is no row of anything: memory stays bounded."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class ByteSource:
    """The unpacked bytes of one input, in chunks.

    `live` is true where more may come later (a pipe): only there does it matter whether the
    reader is starved.
    """

    def __init__(self, name: str, raw: io.RawIOBase, *, live: bool) -> None:
        self.name = name
        self.live = live
        self._raw = raw
        self.size = None if live else os.fstat(raw.fileno()).st_size
        """Bytes of the file as it lies on disk; None for a pipe."""
        self.bytes_read = 0
        buffered: io.BufferedReader = io.BufferedReader(raw, CHUNK_BYTES)
        self._stream = _unpacked(buffered)
        self._packed = self._stream is not buffered
        self._head = b""

    def head(self) -> bytes:
        """Look at the first bytes without taking them: a whole first line, or `HEAD_BYTES`."""
        while len(self._head) < HEAD_BYTES and b"\n" not in self._head:
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

    def _read_chunk(self) -> bytes:
        try:
            chunk: bytes = self._stream.read1(CHUNK_BYTES)  # type: ignore[attr-defined]
            if not self.live:
                self.bytes_read = self._raw.tell()
            return chunk
        except EOFError:
            raise InputError(
                f"{self.name} is cut off: its compressed data ends in the middle; "
                "copy or export it again."
            ) from None
        except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            raise InputError(f"{self.name} is damaged and cannot be unpacked: {error}.") from None
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {_reason(error)}.") from None

    def would_block(self) -> bool:
        """True where a live source has nothing at hand right now."""
        if not self.live or self._packed:
            return self.live
        try:
            readable, _, _ = select.select([self._raw], [], [], 0)
        except (OSError, ValueError):  # Windows cannot ask a pipe
            return True
        return not readable

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()
        self._raw.close()


def open_source(name: str, *, spool: Callable[[bytes], None] | None = None) -> ByteSource:
    """Open a path, or standard input for `-`.

    Args:
        name: as the user gave it.
        spool: called with the bytes of a stream, as they came, before they are used.

    Raises:
        InputError: it does not exist, is a directory, or cannot be opened.
    """
    try:
        if name == "-":
            descriptor = os.dup(sys.stdin.fileno())
            raw: io.RawIOBase = io.FileIO(descriptor, "rb")
        else:
            raw = io.FileIO(name, "rb")
    except FileNotFoundError:
        raise InputError(f"{name} does not exist: check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a directory: name the files in it.") from None
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{name} cannot be opened: {_reason(error)}.") from None
    live = not is_regular(name)
    if live and spool is not None:
        raw = _Spooling(raw, spool)
    try:
        return ByteSource("standard input" if name == "-" else name, raw, live=live)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {_reason(error)}.") from None


def is_regular(name: str) -> bool:
    """True for a file that can be read twice; False for standard input, pipes and devices."""
    if name == "-":
        return False
    try:
        return stat.S_ISREG(Path(name).stat().st_mode)
    except (OSError, ValueError):
        return True  # opening it will say what is wrong


class _Spooling(io.RawIOBase):
    """A raw stream that hands on a copy of what was read."""

    def __init__(self, raw: io.RawIOBase, spool: Callable[[bytes], None]) -> None:
        self._inner = raw
        self._spool = spool

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._inner.fileno()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer)) or b""
        self._spool(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _unpacked(buffered: io.BufferedReader) -> BinaryIO:
    """Unpack by the first bytes, not by the name: a renamed download works too."""
    magic = buffered.peek(6)[:6]
    if magic.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=buffered))
    if magic.startswith(b"BZh"):
        return cast("BinaryIO", bz2.BZ2File(buffered))
    if magic == b"\xfd7zXZ\x00":
        return cast("BinaryIO", lzma.LZMAFile(buffered))
    return cast("BinaryIO", buffered)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def detect_encoding(head: bytes, asked: str | None, *, name: str) -> str:
    """The codec to read with: what the user said, else the byte order mark, else UTF-8.

    Raises:
        SettingsError: the user named no text codec.
        InputError: the bytes look like UTF-16 without a mark.
    """
    if asked is not None:
        try:
            found = codecs.lookup(asked)
        except (LookupError, ValueError):
            found = None
        if found is None or not getattr(found, "_is_text_encoding", True):
            raise SettingsError(
                f"--encoding {asked} is not a known text encoding; try utf-8, cp1252 or utf-16."
            )
        marked = next((codec for bom, codec in _BOMS if head.startswith(bom)), "")
        return marked if marked and found.name in {"utf-8", "utf-16", "utf-32"} else found.name
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return codec
    if b"\0" in head[:2] or head[:200].count(0) > len(head[:200]) // 4:
        endian = "le" if head[1:2] == b"\0" else "be"
        raise InputError(
            f"{name} looks like UTF-16 without a byte order mark: add --encoding utf-16-{endian}."
        )
    return "utf-8"


class TextLines:
    """The lines of a source as text, line ends kept, split as `csv` wants them.

    `starved` says, between two lines of a live source, that the next one has not come yet.
    """

    def __init__(self, source: ByteSource, encoding: str) -> None:
        self.starved = False
        self._source = source
        self._encoding = encoding
        self._line = 0

    def __iter__(self) -> Iterator[str]:
        return self._live_lines() if self._source.live else self._lines()

    def _lines(self) -> Iterator[str]:
        for lines in self._line_lists():
            yield from lines
            self._line += len(lines)

    def _live_lines(self) -> Iterator[str]:
        for lines in self._line_lists():
            last = len(lines) - 1
            for index, line in enumerate(lines):
                self.starved = index == last and self._source.would_block()
                yield line
            self._line += len(lines)
        self.starved = False

    def _line_lists(self) -> Iterator[list[str]]:
        """Cut the text after the last line end that is at hand; the rest waits for more."""
        rest: list[str] = []
        rest_length = 0
        for text in self.texts():
            cut = text.rfind("\n") + 1
            if cut == 0:
                rest.append(text)
                rest_length += len(text)
                if rest_length > MAX_LINE_BYTES:
                    raise _too_long(self._source.name, self._line + 1)
                continue
            whole = "".join(rest) + text[:cut] if rest else text[:cut]
            rest, rest_length = [text[cut:]], len(text) - cut
            yield list(io.StringIO(whole, newline=""))
        if last := "".join(rest):
            yield list(io.StringIO(last, newline=""))

    def texts(self) -> Iterator[str]:
        """The decoded chunks, wherever they are cut.

        Raises:
            InputError: a byte that is not of this encoding.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        while chunk := self._source.read():
            yield self._decode(decoder, chunk, final=False)
        yield self._decode(decoder, b"", final=True)

    def _decode(self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> str:
        try:
            return decoder.decode(chunk, final)
        except UnicodeError as error:
            raise InputError(self._undecodable(error)) from None

    def _undecodable(self, error: UnicodeError) -> str:
        where = self._line + 1
        byte = ""
        if isinstance(error, UnicodeDecodeError) and error.start < len(error.object):
            where += error.object.count(b"\n", 0, error.start)
            byte = f" (byte 0x{error.object[error.start]:02x})"
        return (
            f"{self._source.name} is not {self._encoding} text near line {where}{byte}: save it as "
            "UTF-8, or name its encoding, such as --encoding cp1252 for a Windows export."
        )


class ByteLines:
    """The lines of a source as bytes, for JSONL in UTF-8, where a line stands alone."""

    def __init__(self, source: ByteSource) -> None:
        self.starved = False
        self._source = source
        self._line = 0

    def __iter__(self) -> Iterator[bytes]:
        live = self._source.live
        for lines in self._line_lists():
            if live:
                last = len(lines) - 1
                for index, line in enumerate(lines):
                    self.starved = index == last and self._source.would_block()
                    yield line
            else:
                yield from lines
            self._line += len(lines)
        self.starved = False

    def _line_lists(self) -> Iterator[list[bytes]]:
        rest: list[bytes] = []
        rest_length = 0
        while chunk := self._source.read():
            lines = chunk.split(b"\n")
            rest.append(lines[0])
            rest_length += len(lines[0])
            if rest_length > MAX_LINE_BYTES:
                raise _too_long(self._source.name, self._line + 1)
            if len(lines) > 1:
                lines[0] = b"".join(rest)
                rest = [lines.pop()]
                rest_length = len(rest[0])
                yield lines
        if last := b"".join(rest):
            yield [last]


def _too_long(name: str, line: int) -> InputError:
    limit = MAX_LINE_BYTES >> 20
    return InputError(f"{name} has a line of over {limit} MiB (line {line}): is it CSV or JSONL?")


def ensure_whole(name: str, encoding: str | None) -> None:
    """Read a regular file to its end, so that a bad byte or a cut-off archive is known before
    anything is sent.

    Args:
        name: the path.
        encoding: None where lines stand alone and a bad byte harms only its own.

    Raises:
        InputError: as `ByteSource.read` and `TextLines` do.
    """
    source = open_source(name)
    try:
        if encoding is None:
            while source.read():
                pass
        else:
            for _ in TextLines(source, encoding).texts():
                pass
    finally:
        source.close()
