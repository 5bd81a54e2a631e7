"""Undecodable bytes: what is said of those that are not of the encoding. Pure."""

from __future__ import annotations

import codecs
import re
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOKED_AT_BYTES = 64 << 20
"""So much of what follows is searched for lines that are of the encoding."""
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def first_wide_line(text: str) -> int | None:
    """How many line ends are before the first character beyond ASCII; None where there is none."""
    if text.isascii():
        return None
    found = _NOT_ASCII.search(text)
    return text.count("\n", 0, found.start()) if found else None


class Undecodable:
    """A byte that is not of the encoding, and the line that it is in."""

    def __init__(self, error: UnicodeError, *, name: str, encoding: str, line: int) -> None:
        """`line` is the number of the first line of what could not be decoded."""
        self._name = name
        self._encoding = encoding
        self._data = b""
        """What follows that line."""
        self.line = line
        self._byte = ""
        self._is_marked = False
        """UTF-16 begins there, with its mark."""
        self.wide: int | None = None
        """A line before it that is of the encoding, and not of ASCII alone."""
        if isinstance(error, UnicodeDecodeError) and error.start < len(error.object):
            data, at = error.object, error.start
            self.line += data.count(b"\n", 0, at)
            self._byte = f" (byte 0x{data[at]:02x})"
            self._is_marked = data[at : at + 2] in _UTF_16_MARKS
            self._data = data[at:].partition(b"\n")[2]
            before = first_wide_line(data[:at].decode(encoding, "ignore"))
            self.wide = None if before is None else line + before

    def sentence(self, *, wide: int | None, rest: Iterable[bytes]) -> str:
        """What to say of it.

        Args:
            wide: the first line known to be of the encoding and not of ASCII alone.
            rest: the bytes that follow, as far as they may be looked at.
        """
        wide = wide or self.wide
        if wide is None and self._encoding.startswith("utf-8"):
            wide = self._wide_below(rest)
        if wide is None and not self._is_marked:
            return self._wrong_encoding()
        where = f"line {wide} is {self._encoding} text, and line {self.line}{self._byte} is not"
        if wide == self.line:
            where = f"line {wide} is {self._encoding} text in part, and in part not{self._byte}"
        if self._is_marked:
            where = f"line {self.line} has the mark of UTF-16, and what is above it is not UTF-16"
        return (
            f"{self._name} mixes encodings: {where}. Was it joined from several files? Save each "
            "of them as UTF-8, and join them again."
        )

    def _wrong_encoding(self) -> str:
        advice = (
            "save it as UTF-8, or name its encoding, such as --encoding cp1252 for a Windows "
            "export."
            if self._encoding.startswith(("utf-8", "ascii"))
            else "name the encoding that it has with --encoding, or save it as UTF-8."
        )
        return (
            f"{self._name} is not {self._encoding} text near line {self.line}{self._byte}: {advice}"
        )

    def _wide_below(self, rest: Iterable[bytes]) -> int | None:
        line, begun, seen = self.line + 1, self._data, 0
        for chunk in chain([b""], rest):
            *lines, begun = (begun + chunk).split(b"\n")
            for nth, text in enumerate(lines):
                if is_wide_utf8(text):
                    return line + nth
            line += len(lines)
            seen += len(chunk)
            if seen > _LOOKED_AT_BYTES:
                return None
        return line if is_wide_utf8(begun) else None


def is_wide_utf8(text: bytes) -> bool:
    """True of text in UTF-8 that is not ASCII alone."""
    if text.isascii():
        return False
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
