"""`batchpatch_skip`: what a failed row must not write when it is sent again, and to whom. Pure.

Old never beats new: a name is left out where, and only where, the same participant has got a newer
value for it. So the cell names the participants, and the row that has applied the newer value:

    tier;note@3f2504e0-4f89-41d3-9a0c-0305e82c3301 (row 17)

Several of these stand next to each other. JSON says the same where a name could be misread:
`{"<participant id>": {"tier": 17}}`. A list of names alone, as people write it, is left out for
whoever the row means.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from batchpatch.model import Overtaken, RowContext, Skips

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchpatch.model import Row

ANYBODY = ""
"""In the place of a participant's id: whoever the row means."""

_ID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_PLAIN = re.compile(r"[^\s=+\-@\[{;\"'(][^;]*", re.ASCII)
_BOUND = re.compile(rf"([^@]+)@({_ID})(?: \(row ([0-9]{{1,18}})\))?(?:\s+|\Z)")
_MENTIONS_ID = re.compile(f"@{_ID}")
_NO_CONTEXT = RowContext()


def format_skips(skips: Skips) -> str:
    """The cell; in JSON, which is ASCII, where the readable form would be read otherwise."""
    names = [name for by_name in skips.values() for name in by_name]
    if all(map(_is_plain, names)):
        if not skips.keys() - {ANYBODY}:
            return ";".join(names)
        if ANYBODY not in skips and not any("@" in name for name in names):
            return " ".join(_groups(skips))
    return json.dumps(skips_field(skips))


def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None and name == name.strip() and "@" not in name


def _groups(skips: Skips) -> list[str]:
    groups = []
    for participant, by_name in skips.items():
        by_row: dict[int, list[str]] = {}
        for name, row in by_name.items():
            by_row.setdefault(row, []).append(name)
        for row, names in by_row.items():
            groups.append(f"{';'.join(names)}@{participant}" + (f" (row {row})" if row else ""))
    return groups


def skips_field(skips: Skips) -> dict[str, dict[str, int]] | list[str]:
    """The same as a value of JSON."""
    if not skips.keys() - {ANYBODY}:
        return list(skips.get(ANYBODY, ()))
    return skips


def parse_skips(value: object) -> Skips:
    """What a cell of CSV or a value of JSON says, in any of the forms.

    Raises:
        ValueError: it is none of them. The row must not be sent then: what it said is lost.
    """
    if isinstance(value, str):
        return _parsed_text(value)
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {ANYBODY: dict.fromkeys(value, 0)} if value else {}
    if isinstance(value, dict):
        return {_participant(who): _rows_by_name(names) for who, names in value.items()}
    raise ValueError("neither names nor participants")


def _parsed_text(cell: str) -> Skips:
    text = cell.strip()
    if text.startswith(("[", "{")):
        try:
            return parse_skips(json.loads(text))
        except RecursionError:
            raise ValueError("nested too deeply") from None
    if _MENTIONS_ID.search(text):
        return _parsed_groups(text)
    names = [name.strip() for name in text.split(";") if name.strip()]
    return parse_skips(names)


def _parsed_groups(text: str) -> Skips:
    skips: Skips = {}
    at = 0
    while at < len(text):
        group = _BOUND.match(text, at)
        if group is None:
            raise ValueError("names without a participant beside names with one")
        names = [name.strip() for name in group[1].split(";") if name.strip()]
        rows = dict.fromkeys(names, int(group[3] or 0))
        skips = merged_skips(skips, {group[2].lower(): rows})
        at = group.end()
    return skips


def _participant(text: str) -> str:
    if text != ANYBODY and not re.fullmatch(_ID, text):
        raise ValueError("not the id of a participant")
    return text.lower()


def _rows_by_name(value: Any) -> dict[str, int]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 0)
    if isinstance(value, dict) and all(type(row) is int and row >= 0 for row in value.values()):
        return value
    raise ValueError("not names of attributes")


def merged_skips(*several: Mapping[str, Mapping[str, int]]) -> Skips:
    """All of them together; of a name that several know, the highest row."""
    merged: Skips = {}
    for skips in several:
        for participant, by_name in skips.items():
            known = merged.setdefault(participant, {})
            for name, row in by_name.items():
                known[name] = max(known.get(name, 0), row)
    return merged


def without_skipped(
    row: Row, skips: Skips, *, in_this_run: bool = False, whole: bool = False
) -> Row:
    """The row without what its participant has got newer values for.

    Where nothing is left of it, its context says what has taken its place. It keeps the skips where
    its participant is yet to be found.

    Args:
        row: as it was read.
        skips: what they are.
        in_this_run: the rows that they name are of this run, not of an earlier one.
        whole: what remains of a row without some of its names is not to be sent either.
    """
    if not row.names:
        return row
    if not row.participant_id:
        return row._replace(context=(row.context or _NO_CONTEXT)._replace(skips=skips))
    newer = skips.get(ANYBODY, {}) | skips.get(row.participant_id, {})
    taken = [newer[name] for name in row.names if name in newer]
    if not taken:
        return row
    if whole or len(taken) == len(row.names):
        overtaken = Overtaken(row.names, max(taken), in_this_run)
        return row._replace(
            names=(), values=(), context=(row.context or _NO_CONTEXT)._replace(overtaken=overtaken)
        )
    return _with_names(row, [name for name in row.names if name not in newer])


def _with_names(row: Row, names: Sequence[str]) -> Row:
    values = dict(zip(row.names, row.values, strict=True))
    return row._replace(names=tuple(names), values=tuple(values[name] for name in names))
