"""Cells that a spreadsheet shows as they are: no formula of a stranger's, no digit lost. Pure.

A text that would be taken for a formula gets an apostrophe before it. One that would be taken for a
number and lose something by that (a leading zero or plus, the last zero of a fraction, digits
beyond the fifteenth, an `E` within an id) becomes `="..."`, a formula that is nothing but that
text.
"""

from __future__ import annotations

import re

_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a formula, or a command to another program, can begin with, in full width too."""
_DIGITS = frozenset("0123456789")
_SUSPECT = _FORMULA | _DIGITS
_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_NUMBERLIKE = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?(?:[eE][+-]?[0-9]+)?")
_MOST_DIGITS = 15
"""Of a number that a spreadsheet keeps."""


def spreadsheet_cell(text: str) -> str:
    """The cell as a spreadsheet has to read it, to show this text."""
    if not text or (first := text[0]) not in _SUSPECT:
        return text
    if (first in _DIGITS or first in "+-") and _NUMBERLIKE.fullmatch(text):
        return f'="{text}"' if _loses(text) else text
    return f"'{text}" if first in _FORMULA else text


def _loses(text: str) -> bool:
    """True where the number would not be shown as this text."""
    digits = sum(char.isdigit() for char in text)
    bare = text.lstrip("-")
    has_zero = len(bare) > 1 and bare[0] == "0" and bare[1].isdigit()
    ends_in_zero = bare[-1] == "0" and not bare.isdigit()
    return has_zero or ends_in_zero or digits > _MOST_DIGITS or _NUMBER.fullmatch(text) is None
