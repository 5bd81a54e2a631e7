"""Id errors: why a cell that was to be an id, or to find somebody, is none. Pure.

What was done to it, and by whom, as far as it can be told.
"""

from __future__ import annotations

import re
import unicodedata

from batchpatch.options.fields import INVISIBLE, PURPOSES, canonical_uuid
from batchpatch.reading.odd_values import NULL_TEXTS, is_shortened
from batchpatch.reading.row_errors import NUL_TEXT, SHOWN_LENGTH, UUID_HINT, RowError, shown

_HEX = re.compile(r"[0-9a-fA-F]{32}")

_WITHIN = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"
)

_HYPHENS = dict.fromkeys(
    map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\ufe58\ufe63"), "-"
)

_BEGINNING = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{0,27}(\.\.\.|\u2026)?")

_LOST_NUMBER = "into a number and lost it: format the column as text and export again."


def shortened_selector(field: str, text: str) -> RowError:
    """What a spreadsheet has cut short would find somebody else, or nobody."""
    return RowError(
        "bad_selector",
        f"{shown(field)}, which selects the participant, is {shown(text)}",
        f"A spreadsheet turned it {_LOST_NUMBER}",
    )


def bad_id(field: str, given: object) -> RowError:
    """The conversation or participant id is missing or no UUID.

    Args:
        field: `conversation` or `participant`.
        given: the cell; text is shown with all but ASCII escaped.
    """
    if given is None or given == "":
        return RowError(f"missing_{field}", f"the {field} id is empty", UUID_HINT)
    said = f"the {field} id is not a UUID"
    if not isinstance(given, str):
        return RowError(f"bad_{field}_id", said, UUID_HINT)
    return RowError(f"bad_{field}_id", f"{said}: {_escaped(given)}", _hint(field, given.strip()))


def _escaped(text: str) -> str:
    """On one line, without a character that a terminal would hide or obey, and not endlessly."""
    whole = ascii(text[: SHOWN_LENGTH + 1])
    return whole if len(text) <= SHOWN_LENGTH else ascii(text[: SHOWN_LENGTH - 3]) + "..."


def _hint(field: str, text: str) -> str:
    if is_shortened(text):
        return f"A spreadsheet turned the id {_LOST_NUMBER}"
    if text in NULL_TEXTS:
        nothing = f"{text} is how an export writes that there is none"
        if field == "conversation":
            return f"{nothing}: without a conversation there is nothing to write to."
        return f"{nothing}; --null '{text}' makes it an empty cell."
    if field == "participant" and text.lower() in PURPOSES:
        return (
            f"{text} is a purpose and no id: call that column purpose, or empty the cell and add "
            f"--participant {text.lower()}."
        )
    if set(text) == {"#"}:
        return "A spreadsheet shows so what is wider than its column: widen it and export again."
    if "\0" in text:
        return NUL_TEXT.hint
    return _hint_of_parts(text) or _look_alike(text) or UUID_HINT


def _hint_of_parts(text: str) -> str | None:
    """What is missing of an id, or is more than one."""
    if _HEX.fullmatch(text):
        return f"The hyphens are missing. {UUID_HINT}"
    if _BEGINNING.fullmatch(text) and len(text) < len(UUID_HINT):
        return f"The end of it is missing. {UUID_HINT}"
    within = _WITHIN.findall(text)
    if len(within) == 1:
        return "An id is in it: leave nothing else in the cell."
    return "Several ids are in it: write a row for each of them." if within else None


def _look_alike(text: str) -> str | None:
    """What is in the id that only looks like what belongs there, or cannot be seen at all."""
    plain = "".join(c for c in text if c not in INVISIBLE)
    plain = unicodedata.normalize("NFKC", plain.translate(_HYPHENS)).translate(_HYPHENS)
    plain = "".join(c if c.isascii() else "0" for c in plain)  # a letter of another alphabet
    odd = next((c for c in text if not c.isascii()), None)
    if odd is None or canonical_uuid(plain) is None:
        return None
    name = unicodedata.name(odd, "a control character").lower()
    what = "cannot be seen" if odd in INVISIBLE else "only looks like what belongs there"
    return f"It holds U+{ord(odd):04X} ({name}), which {what}: type that place again."
