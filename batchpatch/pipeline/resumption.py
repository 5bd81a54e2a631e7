"""Resumption: what a run left behind when it stopped or broke, as what is still to do."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.errors import RecordError, SettingsError, as_typed
from batchpatch.formats.run_json import settings_from
from batchpatch.formats.skips import merged_skips, parse_skips, skips_field
from batchpatch.genesys.account.regions import is_loopback
from batchpatch.model import Outcome
from batchpatch.pipeline.recorder import EarlierRun
from batchpatch.reading.rules_file import refuse_changed_rules
from batchpatch.recording.append_log import cut_tail
from batchpatch.recording.checkpoint import drop_rows, read_settled, rows_with
from batchpatch.recording.files import write_atomically
from batchpatch.recording.inputs_again import find_again, paths_of
from batchpatch.recording.manifest import (
    read_manifest,
    read_summary,
    update_manifest,
)
from batchpatch.recording.newer_values import find_skips, find_suspects
from batchpatch.recording.plan_output import is_published, mend_partial, partial_path
from batchpatch.recording.results import has_rows_of
from batchpatch.recording.undo_log import highest_patch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from batchpatch.formats.run_json import Manifest
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.model import Skips, Summary
    from batchpatch.options.run import ConnectOptions, PaceOptions, RetryPolicy, Settings
    from batchpatch.recording.checkpoint import Settled
    from batchpatch.recording.run_directory import RunDirectory
    from batchpatch.recording.summary import Counters


class Resumption(NamedTuple):
    """An earlier run, ready to go on."""

    manifest: Manifest
    before: EarlierRun
    summary: Summary | None
    """Of the process before; None where it was killed."""
    inputs: list[str]
    """Where to read now: a spooled standard input lies in the run's directory."""
    names: list[str]
    """What the lines of the report call them."""
    moved: bool = False
    """It goes on at other hosts than before."""

    @property
    def truncated(self) -> str | None:
        """Where standard input lies if its copy was not made to its end; else None."""
        if not self.manifest.truncated:
            return None
        kinds = [file.kind for file in self.manifest.inputs]
        return self.inputs[kinds.index("spool")]

    def settings(
        self,
        pace: PaceOptions | None,
        connect: ConnectOptions | None = None,
        retry: RetryPolicy | None = None,
    ) -> Settings:
        """The options of the run, with others of these where they are given."""
        given = {"pace": pace, "connect": connect, "retry": retry}
        changed: dict[str, Any] = {n: value for n, value in given.items() if value is not None}
        return replace(settings_from(self.manifest.options), **changed)

    def added_to(self, counters: Counters) -> Counters:
        """The counts of the whole run; a killed process could not tell its own."""
        counters = counters._replace(started=self.manifest.started)
        if self.summary is None:
            return counters
        return counters._replace(
            patches=counters.patches + self.summary.patches,
            reads=counters.reads + self.summary.reads,
            lookups=counters.lookups + self.summary.lookups,
            verifications=counters.verifications + self.summary.verifications,
            other=counters.other + self.summary.other,
            requests=counters.requests + self.summary.requests,
            retries=counters.retries + self.summary.retries,
            throttled=counters.throttled + self.summary.throttled,
            tokens_minted=counters.tokens_minted + self.summary.tokens_minted,
            blanked=counters.blanked + self.summary.blanked,
            allowance_used=_combined_use(counters, self.summary),
            elapsed_s=round(counters.elapsed_s + self.summary.elapsed_s, 3),
        )


def _combined_use(*parts: Counters | Summary) -> float | None:
    """Of all windows: each part's share tells, with its requests, what its own allowed."""
    known = [(part.requests - part.throttled, part.allowance_used) for part in parts]
    admitted = sum(number for number, used in known if used)
    offered = sum(number / used for number, used in known if used)
    return round(admitted / offered, 4) if offered else None


def prepare_resumption(
    directory: RunDirectory,
    account: Account,
    *,
    inputs: Sequence[Path] = (),
    appended: bool = False,
    elsewhere: bool = False,
    ready: Callable[[], None] | None = None,
) -> Resumption:
    """Read what is settled, and mend the torn end.

    Args:
        directory: of the run.
        account: credentials and hosts.
        inputs: where inputs lie now that have been moved; known by their content.
        appended: rows may have been added at the end of an input.
        elsewhere: the account's hosts may be others than the run's.
        ready: called before anything is changed; what it raises ends it.

    Raises:
        InputError: an input is gone or has changed.
        RecordError: the results are damaged.
        SettingsError: the run was for another platform, or its rules for values have changed.
    """
    manifest = read_manifest(directory.manifest_path)
    moved = _is_elsewhere(manifest, account)
    if moved and not elsewhere:
        refuse_another_platform(manifest, account)
    files = find_again(
        manifest,
        given=inputs,
        appended=appended,
        spool_path=directory.spool_path,
        have_numbers=partial(_have_numbers, directory),
    )
    settled = read_settled(directory.results_path)
    if settled.lines != settled.rows.count():
        raise RecordError(
            f"{as_typed(directory.results_path)} is damaged: a row has more than one line; "
            "restore the file or start a new run."
        )
    refuse_changed_rules(settings_from(manifest.options).read)
    if ready is not None:
        ready()
    if settled.valid_bytes < settled.total_bytes:
        cut_tail(directory.results_path, settled.valid_bytes)
    manifest = replace(manifest, inputs=files)
    update_manifest(directory.manifest_path, lambda known: replace(known, inputs=files))
    summary = None
    with suppress(RecordError):
        summary = read_summary(directory.summary_path)
    return Resumption(
        manifest,
        _earlier_run(settled, _read_newer(directory), last_patch=_last_patch(directory, settled)),
        summary,
        paths_of(files, spool_path=directory.spool_path),
        [file.name or file.path for file in files],
        moved,
    )


def without_outcomes(
    directory: RunDirectory, earlier: Resumption, outcomes: Collection[Outcome]
) -> Resumption:
    """The same run once the lines of rows with these outcomes are gone: they are sent again.

    Only once it is sure that they will be: a no, or another organisation, leaves a run as it was.

    Raises:
        RecordError: the results cannot be rewritten.
    """
    if {Outcome(word) for word in earlier.before.outcomes}.isdisjoint(outcomes):
        return earlier
    newer = _take_out(directory, outcomes, dict(earlier.before.newer))
    settled = read_settled(directory.results_path)
    last_patch = earlier.before.last_patch  # also where its line has just been taken out
    return earlier._replace(before=_earlier_run(settled, newer, last_patch=last_patch))


def _last_patch(directory: RunDirectory, settled: Settled) -> int:
    """Highest number of a PATCH that has left, or may have: after a kill one may have no line."""
    if not directory.undo_path.exists():
        return settled.last_patch
    return max(settled.last_patch, highest_patch(directory.undo_path))


def _earlier_run(settled: Settled, newer: dict[int, Skips], *, last_patch: int) -> EarlierRun:
    return EarlierRun(
        settled.outcomes,
        settled.rows,
        settled.rows.highest() or 0,
        last_patch,
        newer,
        reasons=settled.reasons,
    )


def _have_numbers(directory: RunDirectory, names: Collection[str]) -> bool:
    """True where rows of these inputs were recorded, or were taken out to be sent again."""
    return _retry_path(directory).exists() or has_rows_of(directory.results_path, names)


def planned_by(directory: RunDirectory, retry_outcomes: Collection[Outcome]) -> Path | None:
    """What the plan is called of which this is the state, mended to go on; None for a run.

    Raises:
        SettingsError: the plan is whole, which a crash had left unsaid; or rows of it are to be
            tried again, for which the plan has no order any more.
        RecordError: what there is cannot be read or mended.
    """
    if read_manifest(directory.manifest_path).kind != "plan":
        return None
    out = directory.path.with_suffix("")
    if retry_outcomes:
        raise SettingsError(
            "--retry is for runs: rows that could not be planned go into a plan of their own."
        )
    if is_published(out):
        partial_path(out).unlink(missing_ok=True)
        directory.remove()
        raise SettingsError(
            f"{as_typed(out)} is whole, nothing is left to plan: `batchpatch run {as_typed(out)}`."
        )
    mend_partial(out, directory.results_path)
    return out


def note_hosts(directory: RunDirectory, account: Account) -> None:
    """Record where a run goes on, for whoever goes on with it after this."""
    api_url, login_url = account.hosts
    update_manifest(
        directory.manifest_path,
        lambda known: replace(known, api_url=api_url, login_url=login_url),
    )


def refuse_another_platform(manifest: Manifest, account: Account) -> None:
    """Raise SettingsError where a run was for other hosts than the account's."""
    if _is_elsewhere(manifest, account):
        raise SettingsError(
            f"This run was for {manifest.api_url}, the settings now say {account.hosts.api_url}: "
            "set --region or --api-url."
        )


def _is_elsewhere(manifest: Manifest, account: Account) -> bool:
    began, now = manifest.api_url or "", account.hosts.api_url
    return began != now and not (is_loopback(began) and is_loopback(now))


def _retry_path(directory: RunDirectory) -> Path:
    return directory.path / "retry.json"


def _take_out(
    directory: RunDirectory,
    outcomes: Collection[Outcome],
    newer: dict[int, Skips],
) -> dict[int, Skips]:
    """Rewrite the results without these rows, which are then to be sent again.

    What later rows have applied meanwhile is recorded first, because the lines that tell which
    attributes a row asked for are about to go; a crash in between leaves one too many, no more.
    """
    asked = rows_with(directory.results_path, outcomes)
    suspects = find_suspects(directory.results_path, asked)
    for row, skips in find_skips(directory.results_path, list(suspects)).items():
        newer[row] = merged_skips(newer.get(row, {}), skips)
    document = {str(row): skips_field(skips) for row, skips in newer.items()}
    write_atomically(_retry_path(directory), orjson.dumps({"newer": document}))
    drop_rows(directory.results_path, outcomes)
    return newer


def _read_newer(directory: RunDirectory) -> dict[int, Skips]:
    path = _retry_path(directory)
    if not path.exists():
        return {}
    try:
        document = orjson.loads(path.read_bytes())["newer"]
        return {int(row): parse_skips(skips) for row, skips in document.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(
            f"{as_typed(path)} cannot be read ({error}): start a new run instead."
        ) from None
