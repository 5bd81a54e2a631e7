"""Record + mapping -> `Row` or `InvalidRow`. Pure, and the hottest code of the reading room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.model import InvalidRow, Row
from batchpatch.reading import faults
from batchpatch.reading.faults import Fault
from batchpatch.reading.mapping import Mapping, canonical_uuid, is_canonical_uuid
from batchpatch.reading.values import UnsendableError, load_exactly, text_of

if TYPE_CHECKING:
    from batchpatch.reading.options import ReadOptions

QuickMaker = Callable[[int, int, Sequence[Any]], Row | None]
ObjectMaker = Callable[[int, int, dict[str, Any]], Row | None]

QUICK_LENGTH = 4096
"""Longer rows take the careful way, where they are weighed."""
_NOTICES_KEPT = 20
_SHAPES_KEPT = 1000
"""Distinct sets of attribute names whose verdict is remembered; past that each row is judged."""


class RowMaker:
    """Makes rows of the records of one input, all understood by one mapping.

    `quick(number, line, cells)` makes the row where nothing about the record needs a second look,
    and answers None where something does; `careful` takes the same arguments and always answers.
    `weight` grows by the text of each row, so that a batch of large ones can be kept short.
    """

    def __init__(
        self,
        mapping: Mapping,
        options: ReadOptions,
        *,
        source: int,
        notices: dict[str, str] | None = None,
    ) -> None:
        self._notices = {} if notices is None else notices
        self._mapping = mapping
        self._options = options
        self._source = source
        self._constants = dict(options.constants)
        self._shapes: dict[tuple[str, ...], Fault | None] = {}
        self.weight = 0
        names = mapping.names + tuple(self._constants)
        if mapping.is_plain and self._name_fault(names) is None:
            self.quick = self._quick_columns(names)
        else:
            self.quick = _never

    def _quick_columns(self, names: tuple[str, ...]) -> QuickMaker:
        """For records whose attributes have columns of their own: the usual CSV."""
        source, mapping, new = self._source, self._mapping, tuple.__new__
        width, conversation_at, participant_at = (
            mapping.width,
            mapping.conversation,
            mapping.participant,
        )
        take = _taker(mapping.positions)
        constants = tuple(self._constants.values())
        is_id = is_canonical_uuid

        def quick(number: int, line: int, cells: Sequence[Any]) -> Row | None:
            try:
                conversation, participant = cells[conversation_at], cells[participant_at]
                if len(cells) != width or not (is_id(conversation) and is_id(participant)):
                    return None
                values = take(cells) + constants if constants else take(cells)
                text = "".join(values)  # fails on what is not text; its length bounds the batch
                if "" in values or "\0" in text or len(text) > QUICK_LENGTH:
                    return None
            except (TypeError, IndexError):
                return None
            # Past NamedTuple's own __new__, which costs as much as all of the above.
            return new(Row, (number, line, source, conversation, participant, names, values))

        return quick

    def quick_object(self, keys: tuple[str, ...]) -> ObjectMaker:
        """As `quick`, for JSON objects with these keys, whose attributes are one object."""
        mapping = self._mapping
        if not mapping.is_object_only or mapping.object_at is None or self._constants:
            return _never
        source, new, shapes = self._source, tuple.__new__, self._shapes
        width, object_key = mapping.width, keys[mapping.object_at]
        conversation_key, participant_key = keys[mapping.conversation], keys[mapping.participant]
        is_id = is_canonical_uuid

        def quick(number: int, line: int, value: dict[str, Any]) -> Row | None:
            try:
                conversation, participant = value[conversation_key], value[participant_key]
                attributes = value[object_key]
                if not (is_id(conversation) and is_id(participant)) or len(value) != width:
                    return None
                names, values = tuple(attributes), tuple(attributes.values())
                text = "".join(values)
                if "" in values or "\0" in text or len(text) > QUICK_LENGTH:
                    return None
                if shapes[names] is not None:
                    return None
            except (TypeError, AttributeError, KeyError):
                return None
            return new(Row, (number, line, source, conversation, participant, names, values))

        return quick

    def careful(self, number: int, line: int, cells: Sequence[Any]) -> Row | InvalidRow:
        """The row, or what is wrong with it; any record gets an answer."""
        mapping = self._mapping
        conversation = participant = None
        if isinstance(cells, Fault):
            return self.invalid(number, line, cells)
        try:
            if len(cells) != mapping.width:
                _refuse_ragged(cells, mapping.width)
            conversation, participant = _canonical(
                cells[mapping.conversation], cells[mapping.participant]
            )
            wanted = self._wanted(cells)
            names, values = tuple(wanted), tuple(wanted.values())
            if (fault := self._name_fault(names)) is not None:
                raise UnsendableError(fault)
            self.weight += sum(map(len, values))
        except UnsendableError as unsendable:
            return self.invalid(number, line, unsendable.fault, conversation, participant)
        return Row(number, line, self._source, conversation, participant, names, values)

    def invalid(
        self,
        number: int,
        line: int,
        fault: Fault,
        conversation: str | None = None,
        participant: str | None = None,
    ) -> InvalidRow:
        """A record that cannot be sent."""
        return InvalidRow(number, line, self._source, *fault, conversation, participant)

    def _wanted(self, cells: Sequence[Any]) -> dict[str, str]:
        """The attributes to send; later columns win over earlier ways to name an attribute."""
        mapping = self._mapping
        wanted: dict[str, str] = {}
        for name, value in self._given(cells):
            text = text_of(name, value, empty=self._options.empty, nested=self._options.nested)
            if text is not None:
                wanted[name] = text
        wanted.update(self._constants)
        if mapping.skip_at is not None:
            for name in _skipped(cells[mapping.skip_at]):
                wanted.pop(name, None)
        return wanted

    def _given(self, cells: Sequence[Any]) -> list[tuple[str, Any]]:
        mapping = self._mapping
        given: list[tuple[str, Any]] = []
        if mapping.object_at is not None:
            given.extend(_object(cells[mapping.object_at]).items())
        if mapping.pair_at is not None:
            key, value = (cells[position] for position in mapping.pair_at)
            if not isinstance(key, str) or not key.strip():
                raise UnsendableError(faults.KEY_WITHOUT_NAME)
            given.append((key, value))
        given.extend((n, cells[p]) for n, p in zip(mapping.names, mapping.positions, strict=True))
        return given

    def _name_fault(self, names: tuple[str, ...]) -> Fault | None:
        """What is wrong with this set of names, judged once for each set."""
        try:
            return self._shapes[names]
        except KeyError:
            fault = _judged(names, self._options.only_keys)
            for name in names[: _NOTICES_KEPT - len(self._notices)]:
                if notice := notice_of(name):
                    self._notices[name] = notice
            if len(self._shapes) < _SHAPES_KEPT:
                self._shapes[names] = fault
            return fault


def notice_of(name: str) -> str | None:
    """What to know before this attribute is written; None for an ordinary name.

    Source: the platform's documentation of participant data.
    """
    if name.startswith(("context.genesys.", "context._genesys_")):
        return f"{name} is an attribute that the platform itself sets; it may be overwritten."
    if name.startswith("conversationDetails.participantData."):
        return f"{name} is shown to agents on their screen."
    return None


def _judged(names: tuple[str, ...], only_keys: frozenset[str] | None) -> Fault | None:
    for name in names:
        if not name.strip():
            return faults.EMPTY_NAME
        if "\0" in name:
            return faults.NUL_TEXT
        if only_keys is not None and name not in only_keys:
            return faults.not_allowed(name)
    return None


def _never(_number: int, _line: int, _record: object) -> Row | None:
    return None


def _taker(positions: tuple[int, ...]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    if len(positions) > 1:
        return itemgetter(*positions)
    if positions:
        return lambda cells, position=positions[0]: (cells[position],)  # type: ignore[misc]
    return lambda cells: ()


def _refuse_ragged(cells: Sequence[Any], width: int) -> None:
    """Surplus cells that are all empty are only delimiters at the end of the line."""
    if len(cells) < width or any(cells[width:]):
        raise UnsendableError(faults.ragged(len(cells), width))


def _canonical(conversation: object, participant: object) -> tuple[str, str]:
    ids = []
    for field, value in (("conversation", conversation), ("participant", participant)):
        text = value if isinstance(value, str) else ""
        found = canonical_uuid(text)
        if found is None:
            raise UnsendableError(faults.bad_id(field, empty=value is None or value == ""))
        ids.append(found)
    return ids[0], ids[1]


def _object(cell: object) -> dict[str, Any]:
    """The attributes of one cell: an object in JSONL, its JSON text in CSV."""
    if isinstance(cell, dict):
        return cell
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return {}
    if isinstance(cell, str):
        try:
            found = load_exactly(cell.encode())
        except ValueError:
            raise UnsendableError(faults.BAD_ATTRIBUTES) from None
        if isinstance(found, dict):
            return found
    raise UnsendableError(faults.BAD_ATTRIBUTES)


def _skipped(cell: object) -> list[str]:
    """`batchpatch_skip`: names joined by `;`, or a JSON array where a name holds that."""
    names: object = cell or []
    if isinstance(cell, str) and cell.startswith("["):
        try:
            names = orjson.loads(cell)
        except ValueError:
            names = None
    elif isinstance(cell, str):
        names = [name for name in cell.split(";") if name]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UnsendableError(faults.bad_skip())
    return names
