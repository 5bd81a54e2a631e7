"""Decoding: bytes in chunks -> lists of lines, as text for CSV, as bytes for JSONL.

Whoever reads a live source is told where it would have to wait: a None comes between two lists
where nothing more is at hand. What was read up to there can go its way.
"""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, AnyStr

from batchpatch.errors import InputError, SettingsError
from batchpatch.reading.odd_values import may_hold_suspects
from batchpatch.reading.sources import ByteSource, open_source
from batchpatch.reading.undecodable import Undecodable, first_wide_line, is_wide_utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_LINE_BYTES = 64 << 20
"""A line longer than this is no row of anything: memory stays bounded."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NO_FILE_CODECS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
"""Nothing exports files in these, and some of them decode to lone surrogates."""


def detect_encoding(head: bytes, asked: str | None, *, name: str) -> str:
    """The codec to read with: that of the byte order mark, else what the user said, else UTF-8.

    Raises:
        SettingsError: the user named no text codec.
        InputError: the bytes look like UTF-16 or UTF-32 without a mark, or are no text; or they are
            UTF-8, which the codec that was named would garble for ever.
    """
    marked = next((codec for bom, codec in _BOMS if head.startswith(bom)), None)
    codec = None if asked is None else _codec(asked)
    if marked:
        return marked
    if codec is None:
        if b"\0" in head[:2] or head[:200].count(0) > len(head[:200]) // 4:
            raise InputError(f"{name} {_why_zeros(head[:200])}.")
        return "utf-8"
    if codec.startswith(_OF_ONE_BYTE) and is_wide_utf8(head[: head.rfind(b"\n") + 1]):
        raise InputError(
            f"{name} is UTF-8 text, of which --encoding {asked} would garble what is beyond ASCII: "
            "leave the flag out."
        )
    return codec


_OF_ONE_BYTE = ("cp125", "iso8859")
"""Codecs of a byte a character, in which what is UTF-8 by its bytes makes no sense."""


def _why_zeros(head: bytes) -> str:
    """What zeros among the first bytes mean: of wide characters they are all in the same places."""
    zeros = [head[place::4].count(0) for place in range(4)]
    fourth = len(head) // 4
    wide = None
    if fourth and 2 * zeros[0] < fourth <= min(zeros[2:]):
        wide = "UTF-32", "utf-32-le"
    elif fourth and 2 * zeros[3] < fourth <= min(zeros[:2]):
        wide = "UTF-32", "utf-32-be"
    elif (even := zeros[0] + zeros[2]) > 4 * (odd := zeros[1] + zeros[3]):
        wide = "UTF-16", "utf-16-be"
    elif odd > 4 * even:
        wide = "UTF-16", "utf-16-le"
    if wide is None:
        return (
            "is no text but holds zero bytes, as a device does, or a file that a crash has cut "
            "off: copy or export it again"
        )
    return f"looks like {wide[0]} without a byte order mark: add --encoding {wide[1]}"


def _codec(asked: str) -> str:
    try:
        found = codecs.lookup(asked)
    except (LookupError, ValueError):
        found = None
    text = found is not None and getattr(found, "_is_text_encoding", True)
    if found is None or not text or found.name in _NO_FILE_CODECS:
        raise SettingsError(
            f"--encoding {asked!a} is not a known text encoding; try utf-8, cp1252 or utf-16."
        )
    return found.name


_OTHER_BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""Characters at which `str.splitlines` ends a line, and no CSV does."""


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends, split as `csv` wants them: at CR, LF and CRLF."""
    if any(mark in text for mark in _OTHER_BREAKS):
        return list(io.StringIO(text, newline=""))
    return text.splitlines(keepends=True)  # the same, in less time


class TextLines:
    """The lines of a source as text, line ends kept, split as `csv` wants them."""

    def __init__(self, source: ByteSource, encoding: str) -> None:
        self.has_nul = False
        """A NUL character has come by, so that cells need a look for it."""
        self.has_marks = False
        """Likewise, a byte order mark or a Ctrl-Z."""
        self.has_suspects = False
        """Likewise, what may be a number cut short by a spreadsheet, or quoted otherwise."""
        self._name = source.name
        self._source = source
        self._encoding = encoding
        self._line_ends = 0
        """In the text decoded so far."""
        self._wide_line: int | None = None
        """The first line in it with a character beyond ASCII."""

    def __iter__(self) -> Iterator[list[str] | None]:
        for text in _whole_lines(self.texts(), "\n", self._too_long):
            if text is None:
                yield None
                continue
            self.has_nul = self.has_nul or "\0" in text
            self.has_marks = self.has_marks or "\ufeff" in text or "\x1a" in text
            self.has_suspects = self.has_suspects or may_hold_suspects(text)
            lines = split_lines(text)
            if self._source.truncated and not lines[-1].endswith(("\n", "\r")):
                lines.pop()
            yield lines

    def texts(self) -> Iterator[str | None]:
        """The decoded chunks, wherever they are cut.

        Raises:
            InputError: a byte that is not of this encoding.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        for chunk in self._source.chunks():
            if chunk is None:
                yield None
                continue
            text = self._decoded(decoder, chunk, final=False)
            self._line_ends += text.count("\n")
            yield text
        if not self._source.truncated:  # half a character at the end is no fault of such a one
            yield self._decoded(decoder, b"", final=True)

    def _decoded(self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> str:
        try:
            text = decoder.decode(chunk, final)
        except UnicodeError as error:
            found = Undecodable(
                error, name=self._name, encoding=self._encoding, line=self._line_ends + 1
            )
            raise InputError(found.sentence(wide=self._wide_line, rest=self._rest())) from None
        if self._wide_line is None and (before := first_wide_line(text)) is not None:
            self._wide_line = self._line_ends + 1 + before
        return text

    def _rest(self) -> Iterator[bytes]:
        """The bytes that follow, where looking at them takes no waiting."""
        while not self._source.live and (chunk := self._source.read()):
            yield chunk

    def _too_long(self) -> InputError:
        return too_long(self._name, self._line_ends + 1)


class ByteLines:
    """The lines of a source in UTF-8 without their ends, for JSONL, where a line stands alone."""

    def __init__(self, source: ByteSource, encoding: str) -> None:
        self._source = source
        self._encoding = encoding
        self._line = 0

    def __iter__(self) -> Iterator[list[bytes] | None]:
        for text in _whole_lines(self._chunks(), b"\n", self._too_long):
            if text is None:
                yield None
                continue
            lines = text.split(b"\n")
            if not lines[-1] or self._source.truncated:  # what is behind the last line end
                lines.pop()
            yield lines
            self._line += len(lines)

    def _chunks(self) -> Iterator[bytes | None]:
        if self._encoding.startswith("utf-8"):
            yield from self._source.chunks()
            return
        for text in TextLines(self._source, self._encoding).texts():
            yield None if text is None else text.encode()

    def _too_long(self) -> InputError:
        return too_long(self._source.name, self._line + 1)


def _whole_lines(
    pieces: Iterable[AnyStr | None], end: AnyStr, refusal: Callable[[], InputError]
) -> Iterator[AnyStr | None]:
    """Cut after the last line end that is at hand; the rest waits for more."""
    nothing = end[:0]
    rest: list[AnyStr] = []
    length = 0
    for piece in pieces:
        if piece is None:
            yield None
            continue
        cut = piece.rfind(end) + 1
        if cut:
            rest.append(piece[:cut])
            yield nothing.join(rest)
            rest, length = [], 0
        rest.append(piece[cut:])
        length += len(piece) - cut
        if length > MAX_LINE_BYTES:
            raise refusal()
    if last := nothing.join(rest):
        yield last


def too_long(name: str, line: int) -> InputError:
    """What is said of a line, or of a record of many lines, that never ends."""
    limit = MAX_LINE_BYTES >> 20
    return InputError(f"{name} has a row of over {limit} MiB (line {line}): is it CSV or JSONL?")


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
