"""The record of a run beside its lines: what it was asked to do, its spool, its failed rows.

And, at its end, which of its inputs have changed while it read them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchpatch.errors import ExitCode
from batchpatch.formats.run_json import Manifest
from batchpatch.genesys.account.credentials import ClientCredentials
from batchpatch.model import Stop
from batchpatch.reading.csv_records import CsvRecords
from batchpatch.reading.inputs import Input
from batchpatch.reading.row_errors import UnreadRecordError
from batchpatch.reading.sources import is_regular
from batchpatch.recording.failed_rows import CsvShape, JsonlShape, RawRecord, write_failed
from batchpatch.recording.failure_reasons import FailedRows, write_failed_lines
from batchpatch.recording.manifest import (
    find_changes,
    read_manifest,
    update_manifest,
    write_manifest,
)
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from batchpatch.formats.run_json import RunKind
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.model import Skips
    from batchpatch.options.read import ReadOptions
    from batchpatch.pipeline.preflight import Prepared
    from batchpatch.reading.inputs import Reader
    from batchpatch.recording.bitmap import Bitmap
    from batchpatch.recording.manifest import InputChange
    from batchpatch.recording.run_directory import RunDirectory


def describe(
    directory: RunDirectory,
    inputs: Sequence[Prepared],
    *,
    account: Account,
    options: dict[str, Any],
    kind: RunKind = "run",
    unkept: int = 0,
) -> None:
    """Write `run.json`, before the first request.

    Raises:
        RecordError: it cannot be written.
    """
    credentials = account.credentials
    write_manifest(
        directory.manifest_path,
        Manifest(
            version=VERSION,
            inputs=tuple(prepared.file for prepared in inputs),
            mapping={
                prepared.file.path: {use.column: use.use for use in prepared.uses}
                for prepared in inputs
            },
            options=options,
            kind=kind,
            unkept=unkept,
            client_id=(
                credentials.client_id if isinstance(credentials, ClientCredentials) else None
            ),
            api_url=account.hosts.api_url,
            login_url=account.hosts.login_url,
            started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        ),
    )


def record_organisation(directory: RunDirectory, organisation: str) -> None:
    """Record in `run.json` whose data this is, so that an undo goes nowhere else.

    Raises:
        RecordError: it cannot be written.
    """
    update_manifest(
        directory.manifest_path, lambda manifest: replace(manifest, organisation=organisation)
    )


def write_failed_rows(
    directory: RunDirectory,
    reader: Reader,
    read: ReadOptions,
    failed: Bitmap,
    newer: Mapping[int, Skips],
    *,
    changed: Collection[int] = (),
) -> list[Path]:
    """Derive the failed rows of each input by reading it again; answers the files written.

    A stream that was not kept has none. Files of an earlier process that hold rows that have made
    it since are removed: sent again, they would bring old values back. `newer`: of rows that were
    sent again, what had been left out because a later row had set it. `changed`: inputs that are
    not to be read again, because their rows are no longer those that failed.

    Raises:
        InputError: an input is gone or cannot be read any more.
        RecordError: a file cannot be written.
    """
    written = _written_failed(directory, reader, read, failed, newer, changed) if failed else []
    directory.remove_failed(written)
    return written


def _written_failed(
    directory: RunDirectory,
    reader: Reader,
    read: ReadOptions,
    failed: Bitmap,
    newer: Mapping[int, Skips],
    changed: Collection[int],
) -> list[Path]:
    written = []
    truncated = read_manifest(directory.manifest_path).truncated
    read_before = zip(reader.first_rows, reader.inputs, strict=True)
    with FailedRows(directory.results_path, failed, newer=newer) as rows:
        for source, ((name, first), before) in enumerate(read_before):
            spool = str(directory.spool_path)
            again = name if is_regular(name) else spool
            if source in changed or not Path(again).exists():
                continue
            opened = Input(again, read, truncated=truncated and again == spool)
            try:
                path = directory.failed_path(
                    opened.format, source=source, sources=len(reader.names)
                )
                if write_failed(
                    path,
                    _raw_records(opened, first),
                    failed=rows,
                    shape=_shape(opened, unread=before.has_unread),
                ):
                    written.append(path)
            finally:
                opened.close()
    return written


def _raw_records(opened: Input, first: int) -> Iterator[RawRecord]:
    """The records of one input, numbered as the run did."""
    for number, (line, record) in enumerate(opened.records, first):
        if isinstance(record, bytes):
            yield RawRecord(number, line, raw=record)
        elif isinstance(record, UnreadRecordError):
            yield RawRecord(number, line, raw=record.text.encode())
        else:
            yield RawRecord(number, line, cells=record)


def _shape(opened: Input, *, unread: bool) -> CsvShape | JsonlShape:
    """`unread`: some of its records could not be read, and only their text is known."""
    records = opened.records
    if isinstance(records, CsvRecords):
        keeps_text = records.table.keeps_text or unread
        return CsvShape(records.header, records.delimiter, opened.encoding, keeps_text)
    return JsonlShape(opened.encoding)


def changes_meanwhile(
    directory: RunDirectory, *, failed: bool, exhausted: bool
) -> list[InputChange]:
    """The inputs that have changed since the run began with them, at its end.

    Where rows have failed they are to be read again, and so are looked at whole. An input that is
    gone matters only then, or where it was not read to its end. A pipe is no file that can change.

    Raises:
        RecordError: `run.json` cannot be read.
    """
    manifest = read_manifest(directory.manifest_path)
    changes = find_changes(manifest, spool_path=directory.spool_path, at_a_glance=not failed)
    return [
        change
        for change in changes
        if manifest.inputs[change.source].kind != "stream"
        and (failed or not exhausted or not change.gone)
    ]


def changed_stop(
    directory: RunDirectory, names: Sequence[str], changes: Sequence[InputChange]
) -> Stop | None:
    """Write the failed rows of changed inputs as they were reported; why that ends the run.

    `names`: what the report calls the inputs.

    Raises:
        RecordError: the file cannot be written.
    """
    path = directory.failed_lines_path
    sources = {names[change.source] for change in changes}
    count = write_failed_lines(path, directory.results_path, sources=sources)
    if not changes:
        return None
    told = "; ".join(change.sentence for change in changes)
    rest = (
        f"the {count:,} failed rows cannot be taken from there, {path} has their lines and ids."
        if count
        else "what was sent may be of the one and of the other."
    )
    return Stop(ExitCode.STOPPED, f"While the run went on, {told}: {rest}")
