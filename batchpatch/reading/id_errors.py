"""Why a cell is no id: what was done to it, and by whom, as far as it can be told. Pure."""

from __future__ import annotations

import re
import unicodedata

from batchpatch.options.fields import INVISIBLE, canonical_uuid
from batchpatch.reading.odd_values import NULL_TEXTS, is_shortened
from batchpatch.reading.row_errors import SHOWN_LENGTH, UUID_HINT, RowError

_HEX = re.compile(r"[0-9a-fA-F]{32}")


_HYPHENS = dict.fromkeys(
    map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\ufe58\ufe63"), "-"
)


_BEGINNING = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{0,27}(\.\.\.|\u2026)?")


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
    shown = ascii(text[: SHOWN_LENGTH + 1])
    return shown if len(text) <= SHOWN_LENGTH else ascii(text[: SHOWN_LENGTH - 3]) + "..."


def _hint(field: str, text: str) -> str:
    if is_shortened(text):
        return (
            "A spreadsheet turned the id into a number and lost it: format the column as text and "
            "export again."
        )
    if text in NULL_TEXTS:
        nothing = f"{text} is how an export writes that there is none"
        if field == "conversation":
            return f"{nothing}: without a conversation there is nothing to write to."
        return f"{nothing}; --null '{text}' makes it an empty cell."
    if _HEX.fullmatch(text):
        return f"The hyphens are missing. {UUID_HINT}"
    if (odd := _look_alike(text)) is not None:
        return odd
    if _BEGINNING.fullmatch(text) and len(text) < len(UUID_HINT):
        return f"The end of it is missing. {UUID_HINT}"
    return UUID_HINT


def _look_alike(text: str) -> str | None:
    """What is in the id that only looks like what belongs there, or cannot be seen at all."""
    plain = "".join(c for c in text if c not in INVISIBLE)
    plain = unicodedata.normalize("NFKC", plain.translate(_HYPHENS)).translate(_HYPHENS)
    odd = next((c for c in text if not c.isascii()), None)
    if odd is None or canonical_uuid(plain) is None:
        return None
    name = unicodedata.name(odd, "a control character").lower()
    what = "cannot be seen" if odd in INVISIBLE else "only looks like what belongs there"
    return f"It holds U+{ord(odd):04X} ({name}), which {what}: type that place again."
