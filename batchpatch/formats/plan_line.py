"""The line of a plan: written by `plan` and `undo`, read by `run`. Pure.

Each line stands alone, so that `grep` and `split` leave it valid. It holds customers' values. It
bears no number of its format: each key is known by its name and type, and one that was spelled
otherwise in an earlier release is read in both ways.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.formats.undo_line import dump_line
from batchpatch.model import RowContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONVERSATION, _PARTICIPANT = "conversationId", "participantId"
_BEFORE, _OR_BEFORE, _ORGANISATION, _REGION = "before", "orBefore", "organisation", "region"
_BLANKED, _FLAGS, _ENDED = "blanked", "flags", "ended"

PLAN_USES = {
    _ORGANISATION: "plan: organisation that it was made for",
    _REGION: "plan: region that it was made for",
    _BEFORE: "plan: values before",
    _OR_BEFORE: "plan: other values that may be there",
    _BLANKED: "plan: attributes that were absent",
    _FLAGS: "plan: what there is to know",
}
"""The keys of a plan, and what they are, in words for `check`."""

_EMPTY_PLAN_BYTES = 1000


class PlanKeyError(ValueError):
    """A key of a plan's line that holds what no plan has there; its only argument."""


def is_plan(line: Mapping[str, Any], key: str) -> bool:
    """True for a line that a plan or an undo wrote, whatever has been done to it since.

    `key` is that of what is to be written, see `writes`.
    """
    objects = isinstance(line.get(_BEFORE), dict) and isinstance(line.get(key), dict)
    return objects and _ORGANISATION in line


def may_be_plan(keys: Sequence[str]) -> bool:
    """True where a line with these keys can be one of a plan: its values decide."""
    return _BEFORE in keys and _ORGANISATION in keys


def with_plan(context: RowContext | None, line: Mapping[str, Any]) -> RowContext:
    """The context, with what the line of a plan bears. A key that is null is as good as absent.

    Raises:
        PlanKeyError: a key holds what no plan has there.
    """
    before: dict[Any, Any] = line[_BEFORE]
    # A number is not text here, though elsewhere it is sent as one: it compares with nothing.
    if not all(value is None or type(value) is str for value in before.values()):
        raise PlanKeyError(_BEFORE)
    return (context or RowContext())._replace(
        before=before,
        organisation=_text(line, _ORGANISATION),
        region=_text(line, _REGION),
        or_before=_values(line, _OR_BEFORE),
        blanked=_texts(line, _BLANKED),
        ended=True if _ENDED in _texts(line, _FLAGS) else None,
    )


def _text(line: Mapping[str, Any], key: str) -> str | None:
    value = line.get(key)
    if value is None or (type(value) is str and value):
        return value
    raise PlanKeyError(key)


def _values(line: Mapping[str, Any], key: str) -> dict[str, tuple[str, ...]] | None:
    """Of each name a list of values; or the only one, as the first release wrote it."""
    values = line.get(key)
    if values is None:
        return None
    if not isinstance(values, dict):
        raise PlanKeyError(key)
    lists = {name: [value] if type(value) is str else value for name, value in values.items()}
    return {name: _texts(lists, name, of=key) for name in lists}


def _texts(line: Mapping[str, Any], key: str, *, of: str | None = None) -> tuple[str, ...]:
    values = line.get(key)
    if values is None:
        return ()
    if isinstance(values, list) and all(type(value) is str for value in values):
        return tuple(values)
    raise PlanKeyError(of or key)


class PlanLine(NamedTuple):
    """What one participant is to be changed to, and from."""

    conversation_id: str
    participant_id: str
    attributes: Mapping[str, str]
    """What is to be written."""
    before: Mapping[str, str | None]
    """What must be there for that: the value of each attribute, None where it has none."""
    organisation: str | None
    """Id of the organisation that it was made for; None where nobody knows."""
    key: str
    """Under which the line holds what is to be written, see `writes`."""
    region: str = ""
    """Domain of the region that it was made for."""
    flags: Sequence[str] = ()
    """What is worth a look, such as `ended`."""
    blanked: Sequence[str] = ()
    """Of an undo: attributes that were absent, and can only be blanked."""
    or_before: Mapping[str, Sequence[str]] = {}
    """Of an undo: other values of our own that may be there instead of `before`."""


def encode_plan_line(line: PlanLine) -> bytes:
    """The line as JSON, with a newline. What is empty is left out where a row can do without."""
    fields: dict[str, Any] = {
        _CONVERSATION: line.conversation_id,
        _PARTICIPANT: line.participant_id,
        line.key: dict(line.attributes),
        _BEFORE: dict(line.before),
        _ORGANISATION: line.organisation,
    }
    if line.region:
        fields[_REGION] = line.region
    if line.flags:
        fields[_FLAGS] = list(line.flags)
    if line.blanked:
        fields[_BLANKED] = list(line.blanked)
    if line.or_before:
        fields[_OR_BEFORE] = {name: list(values) for name, values in line.or_before.items()}
    return dump_line(fields)


def parse_plan_line(line: bytes, key: str) -> PlanLine:
    """What `encode_plan_line` has made a line of. Raises ValueError where it is none, or has no
    such key."""
    try:
        fields = orjson.loads(line)
    except ValueError:
        fields = json.loads(line)  # an escaped lone surrogate
    try:
        return PlanLine(
            fields[_CONVERSATION],
            fields[_PARTICIPANT],
            fields[key],
            fields[_BEFORE],
            fields[_ORGANISATION],
            key,
            fields.get("region", ""),
            fields.get("flags", ()),
            fields.get("blanked", ()),
            fields.get("orBefore", {}),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a line is not one of a plan: {error}") from None


def encode_empty_plan(*, organisation: str, region: str) -> bytes:
    """The only line of a plan of no changes: an empty file might be an export that failed."""
    return dump_line({"plan": "empty", "organisation": organisation, "region": region})


def is_empty_plan(data: bytes) -> bool:
    """True for the whole of a plan of no changes."""
    if len(data) > _EMPTY_PLAN_BYTES:
        return False
    try:
        fields = json.loads(data)
    except ValueError:
        return False
    if not isinstance(fields, dict) or fields.get("plan") != "empty":
        return False
    return fields.keys() <= {"plan", _ORGANISATION, _REGION}  # and nothing that is to be written
