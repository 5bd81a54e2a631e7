"""The organisation of a run in its record: noted once it is known, and never another's after that.

Whatever goes on with a run must go on in the same organisation: what it wrote there, and what an
undo would write back, is nobody else's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.organisation import read_identity
from batchpatch.pipeline.blocking import unless_stopped
from batchpatch.recording.manifest import update_manifest

if TYPE_CHECKING:
    from batchpatch.formats.run_json import Manifest
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.query import Caller
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.recording.run_directory import RunDirectory

UNASKED = "Interrupted before the platform has said whose data it is: nothing was sent."


def refuse_another_organisation(
    manifest: Manifest, identity: Identity | None, *, what: str = "This was begun"
) -> None:
    """Raise SettingsError where work was for another organisation than the token's.

    `what`: the work, as a sentence about it begins.
    """
    if (problem := another_organisation(manifest, identity, what=what)) is not None:
        raise refusal(problem)


def refusal(problem: str) -> SettingsError:
    """The error of work that is for another organisation."""
    return SettingsError(f"{problem}: use credentials of the former.")


def another_organisation(manifest: Manifest, identity: Identity | None, *, what: str) -> str | None:
    """Why work is not for the token's organisation; None where it is, or nobody has noted it."""
    organisation = identity and identity.organisation
    if manifest.organisation in (None, organisation):
        return None
    return (
        f"{what} for the organisation {manifest.organisation}, and the token is for "
        f"{organisation or 'one that the platform does not name'}"
    )


async def identity_to_go_on(
    client: Caller, manifest: Manifest, stopper: Stopper
) -> Identity | None:
    """Who the token is, where a run goes on that has noted its organisation; else nobody is asked.

    Raises:
        SettingsError: it is of another organisation.
        LeftError: a stop was asked for before the platform has said so.
        BatchpatchError: what ends a run, see `GenesysClient.call`.
    """
    if manifest.organisation is None:
        return None
    identity = await unless_stopped(read_identity(client), stopper, left=UNASKED)
    refuse_another_organisation(manifest, identity)
    return identity


def record_organisation(directory: RunDirectory, identity: Identity) -> None:
    """Record in `run.json` whose data this is, so that an undo goes nowhere else.

    Raises:
        SettingsError: another organisation is noted there.
        RecordError: it cannot be written.
    """

    def noted(manifest: Manifest) -> Manifest:
        refuse_another_organisation(manifest, identity)
        return replace(
            manifest,
            organisation=identity.organisation,
            organisation_name=identity.organisation_name,
            client_name=identity.client_name,
        )

    update_manifest(directory.manifest_path, noted)
