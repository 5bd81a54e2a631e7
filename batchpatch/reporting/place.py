"""Where a run has written to, and whether that can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import RecordError
from batchpatch.formats.plan_line import PLAN_USES
from batchpatch.formats.run_json import settings_from
from batchpatch.genesys.account.regions import is_loopback, region_of
from batchpatch.recording.restorable import Restorable, restorable
from batchpatch.recording.results import has_sent
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from batchpatch.formats.run_json import Manifest
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.recording.run_directory import RunDirectory


class Place(NamedTuple):
    """Whose data a run is about, as far as it knows."""

    organisation: str | None
    organisation_name: str | None
    client: str | None
    """The OAuth client's name, or else its id."""
    region: str | None
    """Its domain; None of a sandbox on this machine."""
    api_url: str | None


def place_of(manifest: Manifest) -> Place:
    """Where a run has written to."""
    url = manifest.api_url
    return Place(
        manifest.organisation,
        manifest.organisation_name,
        manifest.client_name or manifest.client_id,
        None if url is None else _region_of(url),
        url,
    )


def place_for(account: Account, identity: Identity | None) -> Place:
    """Where rows of this account are written to."""
    url = account.hosts.api_url
    return Place(
        identity and identity.organisation,
        identity and identity.organisation_name,
        (identity and identity.client_name) or account.client_id,
        _region_of(url),
        url,
    )


def _region_of(url: str) -> str | None:
    return None if is_loopback(url) else region_of(url)


def keeps_before(manifest: Manifest) -> bool:
    """True for a run that keeps the values before what it writes."""
    uses = [use for mapping in manifest.mapping.values() for use in mapping.values()]
    return settings_from(manifest.options).safeguards.keep_before or PLAN_USES["before"] in uses


def why_not_undone(
    directory: RunDirectory, manifest: Manifest, *, in_own_sandbox: bool
) -> str | None:
    """Why an undo of a run would restore nothing, in a few words; None where it would.

    Args:
        directory: of the run.
        manifest: of the run.
        in_own_sandbox: it was sent to a sandbox that ended with it.

    Raises:
        RecordError: a file cannot be read.
    """
    if in_own_sandbox:
        if directory.progress_path.exists():  # it is at work
            return "it goes to a sandbox that ends with it"
        return "it went to a sandbox that has ended with it"
    undo = directory.undo_path
    if undo.exists() and undo.stat().st_size:
        return _why_not_restored(directory, manifest)
    if undo.name in manifest.purged:
        return "the values before it were purged"
    if not has_sent(directory.results_path):
        return "it has written nothing"
    return f"{undo} is gone" if keeps_before(manifest) else "no --keep-before"


def _why_not_restored(directory: RunDirectory, manifest: Manifest) -> str | None:
    settings = settings_from(manifest.options)
    kind = find_kind(settings.write)
    try:
        found = restorable(
            directory.undo_path,
            directory.results_path,
            kind=kind,
            looked=settings.safeguards.reads_first,
        )
    except RecordError as error:
        return str(error)
    return {
        Restorable.SOME: None,
        Restorable.NOTHING_CHANGED: "it has changed nothing",
        Restorable.NOT_TAKEN_BACK: kind.kept_for_ever,
    }[found]
