"""What a run writes beside its lines: what it was asked to do, its spool, its failed rows."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.errors import SettingsError
from batchpatch.genesys.credentials import ClientCredentials
from batchpatch.reading.csv_records import CsvRecords
from batchpatch.reading.faults import Fault
from batchpatch.reading.reader import Input
from batchpatch.reading.sources import ensure_whole, is_regular
from batchpatch.recording.failed import CsvShape, RawRecord, write_failed
from batchpatch.recording.manifest import (
    InputFile,
    Manifest,
    fingerprint,
    read_manifest,
    write_manifest,
)
from batchpatch.recording.reasons import Reasons
from batchpatch.recording.spool import Spool
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from batchpatch.genesys.credentials import Account
    from batchpatch.reading.mapping import ColumnUse
    from batchpatch.reading.options import ReadOptions
    from batchpatch.reading.reader import Reader
    from batchpatch.recording.bitmap import Bitmap
    from batchpatch.recording.rundir import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """Where the report goes."""

    out: Path | None = None
    """Directory of the run, new or empty; None makes one under `base`."""
    base: Path = Path("batchpatch-runs")
    spool: bool = True
    """Keep a copy of standard input, without which such a run cannot be resumed."""
    flags: tuple[str, ...] = ()
    """Of the command line, kept in `run.json` to print the command for the failed rows."""


class Prepared(NamedTuple):
    """An input that was looked at before anything is sent."""

    file: InputFile
    uses: tuple[ColumnUse, ...]
    notices: list[str]


def preflight(names: Sequence[str], read: ReadOptions, record: RecordOptions) -> list[Prepared]:
    """Look at every input that can be read twice, so that what is unusable is refused early.

    Raises:
        InputError: one cannot be used as a whole.
        SettingsError: they cannot be used together.
    """
    if not names:
        raise SettingsError("Name at least one input: a file, or - for standard input.")
    if "" in names:
        raise SettingsError("An input without a name: is a variable of the command line empty?")
    if len(set(names)) < len(names):
        raise SettingsError("An input is named twice: its rows would be sent twice.")
    if sum(not is_regular(name) for name in names) > 1:
        raise SettingsError("Only one input can be a pipe: put the others into files.")
    return [_prepared(name, read, record) for name in names]


def _prepared(name: str, read: ReadOptions, record: RecordOptions) -> Prepared:
    if not is_regular(name):
        kind = "spool" if record.spool else "stream"
        return Prepared(InputFile(path=name, size=None, sha256=None, kind=kind, name=name), (), [])  # type: ignore[arg-type]
    opened = Input(name, read)
    try:
        for batch in opened.batches(source=0, first=1):
            if any(not hasattr(row, "code") for row in batch.rows):
                break
        lines_stand_alone = opened.format == "jsonl" and opened.encoding.startswith("utf-8")
        ensure_whole(name, None if lines_stand_alone else opened.encoding)
        file = replace(fingerprint(Path(name)), name=name)
        return Prepared(file, opened.uses, list(opened.notices.values()))
    finally:
        opened.close()


def describe(
    directory: RunDirectory,
    inputs: Sequence[Prepared],
    *,
    account: Account,
    options: dict[str, Any],
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
            client_id=(
                credentials.client_id if isinstance(credentials, ClientCredentials) else None
            ),
            api_url=account.hosts.api_url,
            login_url=account.hosts.login_url,
            started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        ),
    )


def describe_spool(directory: RunDirectory) -> None:
    """Note in `run.json` that standard input was kept to its end, and what it was.

    Raises:
        RecordError: it cannot be written.
    """
    manifest = read_manifest(directory.manifest_path)
    spooled = fingerprint(directory.spool_path)
    inputs = tuple(
        replace(file, size=spooled.size, sha256=spooled.sha256) if file.kind == "spool" else file
        for file in manifest.inputs
    )
    write_manifest(directory.manifest_path, replace(manifest, inputs=inputs))


def note_organisation(directory: RunDirectory, organisation: str) -> None:
    """Note in `run.json` whose data this is, so that an undo goes nowhere else.

    Raises:
        RecordError: it cannot be written.
    """
    manifest = read_manifest(directory.manifest_path)
    if manifest.organisation != organisation:
        write_manifest(directory.manifest_path, replace(manifest, organisation=organisation))


@contextmanager
def spooling(
    directory: RunDirectory, names: Sequence[str], record: RecordOptions
) -> Iterator[Callable[[bytes], None] | None]:
    """Where the bytes of a stream are to be copied to; None where no input is one."""
    if record.spool and not all(is_regular(name) for name in names):
        with Spool(directory.spool_path) as spool:
            yield spool.write
    else:
        yield None


def write_failed_rows(
    directory: RunDirectory,
    reader: Reader,
    read: ReadOptions,
    failed: Bitmap,
    newer: Mapping[int, Collection[str]],
) -> list[Path]:
    """Derive the failed rows of each input by reading it again; answers the files written.

    A stream that was not kept has none. `newer`: of rows that were sent again, the names that had
    been left out because a later row had set them.

    Raises:
        InputError: an input is gone or cannot be read any more.
        RecordError: a file cannot be written.
    """
    if not failed:
        return []
    written = []
    with Reasons(directory.results_path, failed, newer=newer) as reasons:
        for source, (name, first) in enumerate(reader.first_rows):
            again = name if is_regular(name) else str(directory.spool_path)
            if not Path(again).exists():
                continue
            opened = Input(again, read)
            try:
                path = directory.failed_path(
                    opened.format, source=source, sources=len(reader.names)
                )
                if write_failed(
                    path,
                    _raw_records(opened, first),
                    reasons=reasons,
                    shape=_shape(opened),
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
        else:
            yield RawRecord(number, line, cells=None if isinstance(record, Fault) else record)


def _shape(opened: Input) -> CsvShape | None:
    records = opened.records
    if isinstance(records, CsvRecords):
        return CsvShape(records.header, records.delimiter, opened.encoding)
    return None
