"""The names of fields, and the one spelling of ids: what columns and flags are matched by. Pure."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, get_args

from batchpatch.errors import SettingsError
from batchpatch.model import Criterion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALIASES = {
    "conversation": ("conversationid", "conversation", "interactionid"),
    "participant": ("participantid", "participant"),
}
"""The usual names of the fields that every input has, normalized; see `writes` for the others."""

SelectorField = Literal["purpose", "externalContactId", "userId", "address", "match"]

SELECTORS: dict[SelectorField, tuple[str, ...]] = {
    "purpose": ("purpose",),
    "externalContactId": ("externalcontactid", "externalid"),
    "userId": ("userid",),
    "address": ("address", "ani"),
}
"""Likewise, of the fields that say who a participant is; `match.NAME` is one more."""

PROPERTIES = ("id", "priority", "deadline")
"""The fields that say something of the row itself: no column of a CSV is one by its name alone."""

SELECTOR_WORDS = "purpose, externalContactId, userId, address or match.NAME"
FIELDS: tuple[str, ...] = (*ALIASES, *SELECTORS)

FIELD_NAMES = frozenset(
    name for names in (*ALIASES.values(), *SELECTORS.values()) for name in names
)

_MARKS_OF_DIRECTION = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e" + _MARKS_OF_DIRECTION
"""Characters that no editor shows: of width zero, or marks of direction, which come in pairs where
a dialog was copied from. Web pages, chats and joined files leave them around what was copied."""

_UNSEEN = "".join(chr(i) for i in range(0x3001) if chr(i).isspace()) + INVISIBLE
_VARIED = re.compile(rf"[\s_{INVISIBLE}-]")
BEFORE_NAME = rf"[\s{INVISIBLE}]*"
"""What may stand before a column's name, in a regular expression."""
_MATCH = re.compile(BEFORE_NAME + r"match\.(.*)", re.IGNORECASE | re.DOTALL)
_OWN = re.compile(BEFORE_NAME + r"batchpatch[\s_-].*", re.IGNORECASE | re.DOTALL)


def normalized(column: str) -> str:
    """The column name without what people vary (case, spaces, `_`, `-`) and what nobody sees."""
    return _VARIED.sub("", column).lower()


def bare(text: str) -> str:
    """The text without blanks and characters that nobody sees around it."""
    return text.strip(_UNSEEN)


def selector_of(column: str) -> tuple[SelectorField, str] | None:
    """Field and, for `match.NAME`, the attribute that a column selects by; None for any other."""
    if found := _MATCH.fullmatch(column):
        attribute = bare(found[1])
        return ("match", attribute) if attribute else None
    name = normalized(column)
    return next(((field, "") for field, names in SELECTORS.items() if name in names), None)


def is_field(name: str) -> bool:
    """True for what `--map` can give a column to, whatever is to be written."""
    selector = selector_of(name)  # which knows the usual names of columns too
    matches = selector is not None and selector[0] == "match"
    return name in FIELDS or name in PROPERTIES or matches


def is_skip(column: str) -> bool:
    """True for `batchpatch_skip`, which names attributes not to send."""
    return normalized(column) == "batchpatchskip"


def is_origin(column: str) -> bool:
    """True for `batchpatch_row`, the row and run in which a row has failed."""
    return normalized(column) == "batchpatchrow"


def is_mend(column: str) -> bool:
    """True for `batchpatch_mend`, the columns whose cells must be mended first."""
    return normalized(column) == "batchpatchmend"


def is_kept_text(column: str) -> bool:
    """True for `batchpatch_text`, the text of a record that could not be read."""
    return normalized(column) == "batchpatchtext"


def is_outcome(column: str) -> bool:
    """True for `batchpatch_outcome`, which only a report of a run has."""
    return normalized(column) == "batchpatchoutcome"


def is_own(column: str) -> bool:
    """True for a column that batchpatch itself has written."""
    return is_skip(column) or bool(_OWN.fullmatch(column))


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Faster than the expression: with each hex digit turned into a zero, canonical ids look all alike.
_ZEROS = bytes(ord("0") if chr(i) in "0123456789abcdef" else i for i in range(256))
_ALIKE = b"00000000-0000-0000-0000-000000000000,"

_QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb"
_AROUND = _UNSEEN + _QUOTES
"""What may stand around an id and can be no part of it."""


def canonical_uuid(text: str) -> str | None:
    """Lower case, without what cannot belong to it; None where it is no UUID.

    Around an id, blanks, invisible characters, braces and quotes are none of it; neither is a
    formula's `="..."`, by which a spreadsheet is made to keep a text as it is. Inside, nothing is
    mended.
    """
    text = text.lower()
    if _UUID.fullmatch(text):
        return text
    text = text.strip(_AROUND).removeprefix("=").strip(_AROUND)
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip(_AROUND)
    return text if _UUID.fullmatch(text) else None


def are_canonical(ids: Sequence[str]) -> bool:
    """True where every one of them is a UUID in its canonical spelling."""
    text = ",".join([*ids, ""])
    return text.isascii() and text.encode().translate(_ZEROS) == _ALIKE * len(ids)


PURPOSES = (
    "customer",
    "external",
    "agent",
    "user",
    "acd",
    "ivr",
    "voicemail",
    "outbound",
    "campaign",
)
"""The usual ones; a platform may have others."""

SELECTOR_ORDER: tuple[SelectorField, ...] = get_args(SelectorField)


def parse_participant(text: str) -> tuple[Criterion, ...]:
    """What `--participant` asks for: a purpose, or FIELD=VALUE.

    Raises:
        SettingsError: it is neither.
    """
    name, given, value = text.partition("=")
    if given:
        field, attribute = selector_of(name) or (None, "")
    else:
        field, attribute, value = "purpose", "", text
    word = value.strip()
    if field is None or not (word.isidentifier() if field == "purpose" else word):
        raise SettingsError(
            f"--participant takes a purpose, such as customer, or FIELD=VALUE, where FIELD is "
            f"{SELECTOR_WORDS}."
        )
    if field == "purpose" and not given:
        _refuse_typo(word.lower())
    return criteria([(field, value, attribute)])


def _refuse_typo(purpose: str) -> None:
    """Raise SettingsError for what looks like a usual purpose and is none."""
    close = get_close_matches(purpose, PURPOSES, 1)
    if close and purpose not in PURPOSES:
        raise SettingsError(
            f"--participant {purpose}: did you mean {close[0]}? If not, write purpose={purpose}."
        )


def criteria(given: Iterable[Iterable[str]]) -> tuple[Criterion, ...]:
    """Criteria as `run.json` keeps them, or as they are; their values in one spelling.

    Raises:
        SettingsError: one of them is none.
    """
    try:
        return tuple(_checked(Criterion(*one)) for one in given)  # type: ignore[arg-type]
    except (TypeError, ValueError):  # the latter of text that is not UTF-8, too
        raise SettingsError(
            "--participant cannot be used: each criterion has a field, a value that is text, and "
            "for match the name of an attribute."
        ) from None


def _checked(one: Criterion) -> Criterion:
    text = one.value + one.attribute
    text.encode()
    one = one._replace(value=canonical_value(one.field, one.value))
    named = bool(one.attribute.strip()) == (one.field == "match")
    if one.field not in SELECTOR_ORDER or not named or not one.value or "\0" in text:
        raise ValueError
    return one


def canonical_value(field: SelectorField, text: str) -> str:
    """A value in the one spelling that values are compared in."""
    if field == "match":
        return text
    if field == "purpose":
        return bare(text).lower()
    return (field != "address" and canonical_uuid(text)) or bare(text)
