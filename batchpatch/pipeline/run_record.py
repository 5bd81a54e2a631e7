"""The record of a run beside its lines: what it was asked to do, its spool, its failed rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchpatch.formats.run_json import Manifest
from batchpatch.genesys.account.credentials import ClientCredentials
from batchpatch.reading.csv_records import CsvRecords
from batchpatch.reading.inputs import Input
from batchpatch.reading.row_errors import UnreadRecordError
from batchpatch.reading.sources import is_regular
from batchpatch.recording.failed_rows import CsvShape, JsonlShape, RawRecord, write_failed
from batchpatch.recording.failure_reasons import FailedRows
from batchpatch.recording.manifest import read_manifest, update_manifest, write_manifest
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
    from batchpatch.recording.run_directory import RunDirectory


def describe(
    directory: RunDirectory,
    inputs: Sequence[Prepared],
    *,
    account: Account,
    options: dict[str, Any],
    kind: RunKind = "run",
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
            client_id=(
                credentials.client_id if isinstance(credentials, ClientCredentials) else None
            ),
            api_url=account.hosts.api_url,
            login_url=account.hosts.login_url,
            started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        ),
    )


def note_organisation(directory: RunDirectory, organisation: str) -> None:
    """Note in `run.json` whose data this is, so that an undo goes nowhere else.

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
