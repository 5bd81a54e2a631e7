"""A line of a plan: what it bears beside the change. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchpatch.model import Note
from batchpatch.reading import faults
from batchpatch.reading.values import UnsendableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAN_USES = {
    "organisation": "plan: organisation that it was made for",
    "region": "plan: region that it was made for",
    "before": "plan: values before",
    "orBefore": "plan: other values that may be there",
    "blanked": "plan: attributes that were absent",
    "flags": "plan: what there is to know",
}
"""The keys of a plan, and what they are, in words for `check`."""


def is_plan(line: Mapping[str, Any]) -> bool:
    """True for a line that a plan or an undo wrote, whatever has been done to it since."""
    objects = isinstance(line.get("before"), dict) and isinstance(line.get("attributes"), dict)
    return objects and "organisation" in line


def may_be_plan(keys: Sequence[str]) -> bool:
    """True where a line with these keys can be one of a plan: its values decide."""
    return "before" in keys and "organisation" in keys


def with_plan(note: Note | None, line: Mapping[str, Any]) -> Note:
    """The note, with what the line of a plan bears. A key that is null is as good as absent.

    Raises:
        UnsendableError: a key holds what no plan has there.
    """
    before: dict[Any, Any] = line["before"]
    # A number is not text here, though elsewhere it is sent as one: it compares with nothing.
    if not all(value is None or type(value) is str for value in before.values()):
        raise UnsendableError(faults.bad_plan("before"))
    return (note or Note())._replace(
        before=before,
        organisation=_text(line, "organisation"),
        region=_text(line, "region"),
        or_before=_values(line, "orBefore"),
        blanked=_texts(line, "blanked"),
        ended=True if "ended" in _texts(line, "flags") else None,
    )


def _text(line: Mapping[str, Any], key: str) -> str | None:
    value = line.get(key)
    if value is None or (type(value) is str and value):
        return value
    raise UnsendableError(faults.bad_plan(key))


def _values(line: Mapping[str, Any], key: str) -> dict[str, str] | None:
    values = line.get(key)
    if values is None:
        return None
    if isinstance(values, dict) and all(type(value) is str for value in values.values()):
        return values
    raise UnsendableError(faults.bad_plan(key))


def _texts(line: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = line.get(key)
    if values is None:
        return ()
    if isinstance(values, list) and all(type(value) is str for value in values):
        return tuple(values)
    raise UnsendableError(faults.bad_plan(key))
