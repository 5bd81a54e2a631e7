"""The ids of conversations and participants: UUIDs in one spelling. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Faster than the expression: with each hex digit turned into a zero, canonical ids look all alike.
_ZEROS = bytes(ord("0") if chr(i) in "0123456789abcdef" else i for i in range(256))
_ALIKE = b"00000000-0000-0000-0000-000000000000,"


def canonical_uuid(text: str) -> str | None:
    """Lower case, without braces or outer spaces; None where it is no UUID."""
    bare = text.strip().lower()
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    return bare if _UUID.fullmatch(bare) else None


def are_canonical(ids: Sequence[str]) -> bool:
    """True where every one of them is a UUID in its canonical spelling."""
    text = ",".join([*ids, ""])
    return text.isascii() and text.encode().translate(_ZEROS) == _ALIKE * len(ids)
