"""The record of a run beside its lines: what it was asked to do, and whose data it is about.

At its end, it tells which of its inputs have changed while it read them. And at a restart, whether
a directory holds the very run that is asked for, which then goes on there: for whoever is started
again with the same command line, such as a pod, one command both begins and finishes. So what is
asked for must be what was begun; how fast it goes may be another matter.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchpatch.errors import ExitCode, RecordError, SettingsError, as_typed
from batchpatch.formats.moments import rfc3339
from batchpatch.formats.run_json import Manifest, plain_settings, settings_from
from batchpatch.model import Stop
from batchpatch.options.flag_names import FLAG_OF, flags_for
from batchpatch.reading.urls import told_name
from batchpatch.recording.failure_reasons import write_failed_lines
from batchpatch.recording.manifest import (
    find_changes,
    manifest_in,
    read_manifest,
    write_manifest,
)
from batchpatch.recording.run_directory import holds_run
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from batchpatch.formats.run_json import RunKind
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.options.run import RecordOptions, Settings
    from batchpatch.pipeline.preflight import Prepared
    from batchpatch.recording.manifest import InputChange
    from batchpatch.recording.run_directory import RunDirectory


@contextmanager
def beginning(directory: RunDirectory | None = None) -> Iterator[None]:
    """Around what is read and written before a run has begun: what cannot be, nobody can use.

    From then on a full disk stops a run, which can be resumed: exit code 3. Here nothing was sent,
    and nothing is there to be resumed: exit code 2.

    Args:
        directory: made for the run; then it is gone again.

    Raises:
        SettingsError: in the place of a RecordError.
    """
    try:
        yield
    except RecordError as error:
        if directory is not None:
            with suppress(RecordError):
                directory.discard()
        raise SettingsError(str(error)) from error


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
            client_id=account.client_id,
            api_url=account.hosts.api_url,
            login_url=account.hosts.login_url,
            started=rfc3339(datetime.now(UTC)),
        ),
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
        f"the {count:,} failed rows cannot be taken from there, {as_typed(path)} has their lines "
        "and ids."
        if count
        else "what was sent may be of the one and of the other."
    )
    return Stop(ExitCode.STOPPED, f"While the run went on, {told}: {rest}")


_MAY_DIFFER = {"pace", "connect", "retry"}
"""How fast, how patiently and through which door: none of it changes what is written."""


def find_begun(
    record: RecordOptions, inputs: Sequence[Prepared], settings: Settings
) -> Path | None:
    """The directory of the run that is to go on; None where it is to begin.

    Raises:
        SettingsError: there is another run, or one of which nobody can tell whether it is this one.
        RecordError: its record cannot be read.
    """
    if not record.resume:
        return None
    out = record.out
    if out is None:
        raise SettingsError("--resume needs --out DIR: where the run is that may have begun.")
    if not holds_run(out):
        return None
    manifest = manifest_in(out)
    if manifest.kind != "run":
        raise SettingsError(
            f"{as_typed(out)} is the state of a plan, not of a run: name another --out."
        )
    piped = next((one.file.name for one in inputs if one.file.sha256 is None), None)
    if piped is not None:
        raise SettingsError(
            f"{as_typed(out)} holds a run, and whether {told_name(piped)} is its input nobody can "
            f"tell: `batchpatch resume {as_typed(out)}` goes on with what it has kept of its own."
        )
    begun = [(file.size, file.sha256) for file in manifest.inputs]
    if begun != [(one.file.size, one.file.sha256) for one in inputs]:
        raise SettingsError(
            f"{as_typed(out)} is a run of other inputs, or of these before they changed: name "
            "another --out."
        )
    if differing := flags_for(_differing(settings_from(manifest.options), settings)):
        raise SettingsError(
            f"{as_typed(out)} is a run with other options ({', '.join(differing)}): give those "
            "that it began with, or name another --out."
        )
    return out


def _differing(begun: Settings, asked: Settings) -> Iterator[str]:
    """Names of the options that are not the same."""
    before, now = plain_settings(begun), plain_settings(asked)
    for part in now.keys() - _MAY_DIFFER:
        yield from _differing_in(part, before[part], now[part])


def _differing_in(place: str, before: Any, now: Any) -> Iterator[str]:
    if before == now:
        return
    if place in FLAG_OF or not (isinstance(before, dict) and isinstance(now, dict)):
        yield place
        return
    for name in before.keys() | now.keys():
        yield from _differing_in(f"{place}.{name}", before.get(name), now.get(name))
