"""Chunks become lines, whatever the encoding and wherever the chunks are cut."""

from __future__ import annotations

import codecs
import io
import re
from contextlib import suppress
from encodings.aliases import aliases
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import InputError, SettingsError
from batchpatch.reading import decoding
from batchpatch.reading.decoding import ByteLines, TextLines, detect_encoding, split_lines
from batchpatch.reading.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CODECS = sorted(set(aliases.values()) | {"idna", "punycode", "undefined", "unicode_escape"})


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in pieces."""
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(marks)]


def lines_of(lists: Iterable[list[Any] | None]) -> list[Any]:
    return [line for lines in lists for line in lines or ()]


@given(
    text=st.text(alphabet='a"é\n\r,\0', max_size=60),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]),
    places=st.lists(st.integers(0, 300)),
)
def test_text_is_cut_at_line_ends_alone(
    pieces: Callable[..., Any], text: str, encoding: str, places: list[int]
) -> None:
    """A chunk may end inside a character or between CR and LF: the lines are the same."""
    found = TextLines(pieces(*cut(text.encode(encoding), places)), encoding)
    assert lines_of(found) == list(io.StringIO(text, newline=""))
    assert found.has_nul == ("\0" in text)


@given(
    text=st.text(alphabet='{}"é\n\r', max_size=60),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    places=st.lists(st.integers(0, 300)),
)
def test_a_json_line_ends_with_a_line_feed_and_nothing_else(
    pieces: Callable[..., Any], text: str, encoding: str, places: list[int]
) -> None:
    """Line numbers are those of an editor, and every encoding arrives as UTF-8."""
    found = lines_of(ByteLines(pieces(*cut(text.encode(encoding), places)), encoding))
    wanted = text.encode().split(b"\n")
    assert found == (wanted if wanted[-1] else wanted[:-1])


@given(
    lines=st.lists(st.sampled_from(["a", "", "bb"]), max_size=6), after=st.sampled_from(["", "r"])
)
def test_whole_lines_do_not_wait_for_the_next_one(
    pieces: Callable[..., Any], lines: list[str], after: str
) -> None:
    """What a stream has completed is handed over before the reader waits for more."""
    data = "".join(f"{line}\n" for line in lines) + after
    lists = iter(TextLines(pieces(data.encode(), None, b"est\n"), "utf-8"))
    before: list[str] = []
    while (some := next(lists)) is not None:
        before += some
    assert before == [f"{line}\n" for line in lines]
    assert lines_of(lists) == [f"{after}est\n"]


@given(text=st.text(alphabet="ab\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\0", max_size=12))
def test_a_line_ends_where_an_editor_ends_it(text: str) -> None:
    """At CR, LF and CRLF; other characters that Python takes for ends are text of a cell."""
    lines = split_lines(text)
    assert lines == re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


@pytest.mark.parametrize(
    ("head", "asked", "codec"),
    [
        (b"a,b", None, "utf-8"),
        (codecs.BOM_UTF8 + b"a", None, "utf-8-sig"),
        (codecs.BOM_UTF8 + b"a", "UTF8", "utf-8-sig"),
        ("a".encode("utf-16"), None, "utf-16"),
        ("a".encode("utf-32"), None, "utf-32"),
        (codecs.BOM_UTF16_BE + b"\0a", "utf-16", "utf-16"),
        (codecs.BOM_UTF16_LE + b"a\0", "utf-16-le", "utf-16"),
        (b"a\0", "utf-16-le", "utf-16-le"),
        (b"a", "windows-1252", "cp1252"),
        ("a".encode("utf-8-sig"), "cp1252", "utf-8-sig"),
        (codecs.BOM_UTF16_LE + b"a\0", "utf-8", "utf-16"),
        (b"gr\xf6\xdfe\n", "cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_the_one_asked_for_or_marked(
    head: bytes, asked: str | None, codec: str
) -> None:
    """A byte order mark is never left in the first column's name, also where one was named."""
    assert detect_encoding(head, asked, name="x") == codec


HEADER = "conversationId,participantId,attr.a\n"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [HEADER, '{"conversationId": 1}\n', HEADER + "naïve,Ā,Ж\n"])
def test_wide_text_without_a_mark_is_told_by_its_zeros(codec: str, text: str) -> None:
    """The advice is followed: of another codec the rows would be noise."""
    with pytest.raises(InputError, match=f"add --encoding {codec}"):
        detect_encoding(text.encode(codec), None, name="in.csv")


@pytest.mark.parametrize(
    "head", [b"\0" * 64, b"\0" * 3, HEADER.encode() + bytes(500), b'{"a":1}\n' + bytes(500)]
)
def test_zeros_that_are_of_no_text_are_called_so(head: bytes) -> None:
    """A device, a file of holes, what a crash has left: no encoding makes rows of it."""
    with pytest.raises(InputError, match="no text but holds zero bytes"):
        detect_encoding(head, None, name="in.csv")


@pytest.mark.parametrize(("head", "endian"), [(b"a\0b\0", "le"), (b"\0a\0b", "be")])
def test_utf_16_without_a_mark_is_told_by_its_zeros(head: bytes, endian: str) -> None:
    """Read as UTF-8 it would be a file without the needed columns, which helps nobody."""
    with pytest.raises(InputError, match=f"--encoding utf-16-{endian}"):
        detect_encoding(head, None, name="x")


@pytest.mark.parametrize("asked", ["cp1252", "latin-1", "iso-8859-15", "iso-8859-2", "cp1250"])
def test_utf_8_is_not_read_as_something_of_one_byte(asked: str) -> None:
    """No byte of it would be an error, and what is stored could not be told from what was meant."""
    with pytest.raises(InputError, match=rf"--encoding {asked} would .* leave the flag out"):
        detect_encoding("a\ngr\u00fcn\n\u00e4".encode()[:-1], asked, name="x")


@pytest.mark.parametrize("asked", ["rot13", "zlib", "klingon", ""])
def test_what_is_no_text_encoding_is_refused_by_its_flag(asked: str) -> None:
    """`--encoding zlib` exists for Python; it makes no text."""
    with pytest.raises(SettingsError, match=r"^--encoding"):
        detect_encoding(b"a", asked, name="x")


@given(asked=st.text() | st.sampled_from(["utf-7", "unicode_escape", "idna"]))
def test_any_name_is_a_text_encoding_or_refused(asked: str) -> None:
    """Whatever is typed; `str.encode` takes none that makes no text."""
    with suppress(SettingsError):
        "".encode(detect_encoding(b"a", asked, name="x"))


@given(
    codec=st.sampled_from(CODECS),
    data=st.binary(max_size=60),
    start=st.sampled_from([b"", b"\\ud800", b"+2AA-", b"\\d"]),
)
def test_every_codec_of_python_gives_sendable_text_or_one_sentence(
    pieces: Callable[..., Any], codec: str, data: bytes, start: bytes
) -> None:
    """A lone surrogate could be read, and then neither merged, sent nor recorded."""
    with suppress(InputError, SettingsError):
        encoding = detect_encoding(b"a", codec, name="x")
        for line in lines_of(TextLines(pieces(start + data), encoding)):
            line.encode()


@pytest.mark.parametrize("early", [0, 5, 50_000])
def test_a_byte_that_cannot_be_decoded_is_told_with_its_line(
    pieces: Callable[..., Any], early: int
) -> None:
    """Early or late, the user is led to the place and to the flag."""
    data = b"abc\n" * early + b"d\xe9e\n"
    source = pieces(*[data[i : i + 1000] for i in range(0, len(data), 1000)])
    with pytest.raises(InputError, match=rf"near line {early + 1} \(byte 0xe9\).*--encoding"):
        lines_of(TextLines(source, "utf-8"))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"abc", "gr\xf6\xdfe".encode(), b"gr\xf6\xdfe"], "line 2 is utf-8 text, and line 3"),
        ([b"gr\xf6\xdfe", b"abc", "gr\xf6\xdfe".encode()], "line 3 is utf-8 text, and line 1"),
        ([b"abc", "\xf6".encode() + b" and \xf6"], "line 2 is utf-8 text in part"),
        (["\xf6".encode(), *[b"abc"] * 900, b"\xf6"], r"line 1 .* line 902 \(byte 0xf6\) is not"),
    ],
)
def test_encodings_that_are_mixed_are_called_so(
    write: Callable[..., str], lines: list[bytes], words: str
) -> None:
    """Read as Windows text, the lines in UTF-8 would be stored garbled, without an error."""
    source = open_source(write(b"\n".join(lines) + b"\n"))
    with pytest.raises(InputError, match="mixes encodings") as caught:
        lines_of(TextLines(source, "utf-8"))
    source.close()
    assert re.search(words, str(caught.value))
    assert "cp1252" not in str(caught.value)


def test_utf_16_that_was_appended_is_called_so(write: Callable[..., str]) -> None:
    """A Windows shell appends it to whatever is there; cp1252 would read it without an error."""
    source = open_source(write(b"abc\n" + "d\n".encode("utf-16")))
    with pytest.raises(
        InputError, match="mixes encodings: line 2 has the mark of UTF-16"
    ) as caught:
        lines_of(TextLines(source, "utf-8"))
    source.close()
    assert "cp1252" not in str(caught.value)


def test_text_that_ends_inside_a_character_is_refused(pieces: Callable[..., Any]) -> None:
    """A download cut off there lacks more than the character."""
    with pytest.raises(InputError, match="near line 2"):
        lines_of(TextLines(pieces(b"a\n", "é".encode()[:1]), "utf-8"))


@pytest.mark.parametrize("reader", [TextLines, ByteLines])
def test_a_line_without_an_end_does_not_fill_the_memory(
    reader: Callable[..., Any], pieces: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk image named rows.csv is refused while it still fits."""
    monkeypatch.setattr(decoding, "MAX_LINE_BYTES", 100)
    with pytest.raises(InputError, match="line 3"):
        lines_of(reader(pieces(b"a\nb\n", *[b"x" * 30] * 4), "utf-8"))
