"""The record of a run beside its lines: what it was asked to do, its spool, its failed rows.

And, at its end, which of its inputs have changed while it read them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchpatch.errors import ExitCode
from batchpatch.formats.run_json import Manifest
from batchpatch.genesys.account.credentials import ClientCredentials
from batchpatch.model import Stop
from batchpatch.recording.failure_reasons import write_failed_lines
from batchpatch.recording.manifest import (
    find_changes,
    read_manifest,
    update_manifest,
    write_manifest,
)
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.formats.run_json import RunKind
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.pipeline.preflight import Prepared
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
