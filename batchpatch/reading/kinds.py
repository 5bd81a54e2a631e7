"""The kind of write that inputs are for, where nobody has said it: their columns tell."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError, SettingsError
from batchpatch.options.fields import parse_participant
from batchpatch.reading.column_names import listed
from batchpatch.reading.csv_records import CsvRecords
from batchpatch.reading.decoding import detect_encoding
from batchpatch.reading.detection import is_workbook
from batchpatch.reading.jsonl_records import JsonlRecords
from batchpatch.reading.names_file import read_names_file
from batchpatch.reading.rules_file import rules_hash
from batchpatch.reading.sources import detect_format, is_regular, open_source
from batchpatch.writes.registry import KINDS, USUAL, find_kind, told_by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.sources import ByteSource


_RECORDS = 1000
"""Of a JSON input, whose records may differ."""


_LOOK_BYTES = 1 << 20
"""Of these, at most."""


class SeveralKindsError(SettingsError):
    """Inputs that hold what several kinds of write would send."""

    def __init__(self, told: dict[str, list[str]]) -> None:
        """`told`: by the kind's name, what says that it is meant."""
        parts = (f"{listed(one) if one else 'a flag'} for {name}" for name, one in told.items())
        self.found = f"The input holds several kinds of writes ({'; '.join(parts)})"
        self.kinds = tuple(told)
        """Their names."""
        flags = " or ".join(f"--write {name}" for name in told)
        super().__init__(f"{self.found}: say which with {flags}.")


class Chosen(NamedTuple):
    """What inputs are for."""

    options: ReadOptions
    """With the kind, and with whom its rows mean that do not say it."""
    notice: str | None
    """What to say of a kind that nobody has asked for by its name."""


def choose_kind(
    names: Sequence[str], options: ReadOptions, *, asked: Collection[str] = ()
) -> Chosen:
    """Decide by the columns of the inputs what their rows write, unless the options say it.

    An input that can be read only once is not looked at: where its columns say something else
    than the options, it is refused when it is read.

    Args:
        names: paths, or `-` for standard input.
        options: how they are read.
        asked: kinds that other flags ask for.

    Raises:
        SeveralKindsError: they hold what several kinds would write.
        SettingsError: an option is not for what they write, or the rules cannot be used.
        InputError: the file of names cannot be used.
    """
    notice = None
    if options.write is None:
        told = _told(names, options, asked)
        if len(told) > 1:
            raise SeveralKindsError(told)
        name = next(iter(told), USUAL.name)
        if name != USUAL.name:
            options = replace(options, write=name)
            notice = _taken_as(told[name], name) if told[name] else None
    kind = find_kind(options.write)
    kind.refuse_constants(options.constants)
    if options.names_file is not None and kind.listing is None:
        raise SettingsError(f"--codes does not go with --write {kind.name}: leave out one of them.")
    if options.names_file is not None:
        read_names_file(options.names_file)  # before anything is begun that would need it
    if options.rules_file is not None and options.rules_sha256 is None:
        options = replace(options, rules_sha256=rules_hash(options.rules_file))
    if kind.participant and not options.participant:
        options = replace(options, participant=parse_participant(kind.participant))
    return Chosen(options, notice)


def _taken_as(columns: Sequence[str], name: str) -> str:
    return (
        f"{listed(columns)}: the rows are taken as --write {name}; --write {USUAL.name} would "
        f"write {USUAL.noun}s of these names."
    )


def _told(
    names: Sequence[str], options: ReadOptions, asked: Collection[str]
) -> dict[str, list[str]]:
    """By kind: what says that the inputs are for it."""
    columns = dict.fromkeys(one for name in names for one in _columns_of(name, options))
    told = {**{name: [] for name in asked}, **told_by(columns, options.columns)}
    if flags := _usual_flags(options, told):
        told[USUAL.name] = [*told.get(USUAL.name, ()), *flags]
    return {name: told[name] for name in KINDS if name in told}


def _usual_flags(options: ReadOptions, told: Collection[str]) -> list[str]:
    """Flags that say that values of any name are written."""
    known = {value for name in told for value in KINDS[name].columns.values()}
    flags = {
        "--attributes": options.attributes,
        "--all-columns": options.all_columns,
        "--set": options.constants.keys() - known,
    }
    return [flag for flag, given in flags.items() if given]


def _columns_of(name: str, options: ReadOptions) -> Iterable[str]:
    """Its columns, or keys; none where it cannot be read twice, or cannot be read at all."""
    if not name or not is_regular(name):
        return ()
    try:
        source = open_source(name)
    except InputError:
        return ()  # it is refused when it is read
    try:
        return list(_columns_in(source, name, options))
    except InputError:
        return ()
    finally:
        source.close()


def any_is_workbook(names: Iterable[str]) -> bool:
    """True where one of them is a workbook, or may be: a pipe, or what cannot be read."""
    return any(map(_may_be_workbook, names))


def _may_be_workbook(name: str) -> bool:
    if not is_regular(name):
        return True
    try:
        source = open_source(name)
    except InputError:
        return True  # it is refused when it is read
    try:
        return is_workbook(source.head())
    except InputError:
        return True
    finally:
        source.close()


def _columns_of_sheet(source: ByteSource, options: ReadOptions) -> list[str]:
    from batchpatch.reading.sheet_records import SheetRecords  # noqa: PLC0415 - for workbooks only

    return SheetRecords(source, options=options).header


def _columns_in(source: ByteSource, name: str, options: ReadOptions) -> Iterator[str]:
    head = source.head()
    if is_workbook(head):
        yield from _columns_of_sheet(source, options)
        return
    encoding = detect_encoding(head, options.encoding, name=name)
    if (options.format or detect_format(name, head)) == "csv":
        yield from CsvRecords(source, encoding=encoding, options=options).header
        return
    left = _LOOK_BYTES
    for _, text in islice(JsonlRecords(source, encoding=encoding), _RECORDS):
        if (left := left - len(text)) < 0:
            return
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            continue
        yield from record if isinstance(record, dict) else ()
