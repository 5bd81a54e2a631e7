"""A run of which nothing is left: its report, without a token, and without inputs that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import ExitCode, RecordError
from batchpatch.pipeline.report import RunReport
from batchpatch.recording.checkpoint import read_settled
from batchpatch.recording.manifest import find_changes, read_manifest, read_summary

if TYPE_CHECKING:
    from batchpatch.recording.run_directory import RunDirectory

_WHOLE_WITH = {False: (ExitCode.DONE,), True: (ExitCode.DONE, ExitCode.SOME_FAILED)}
"""Exit codes of a run that has ended as it should, with and without files of failed rows."""


def finished(directory: RunDirectory, *, elsewhere: bool) -> RunReport | None:
    """The report of a run of which nothing is left; None where something may be, or has changed.

    Its inputs need not be there any more, be they purged or moved. `elsewhere`: other hosts were
    named, which may be another organisation's: whose data it was is then looked at first.

    Raises:
        RecordError: its record cannot be read.
    """
    manifest = read_manifest(directory.manifest_path)
    changes = find_changes(manifest, spool_path=directory.spool_path, at_a_glance=True)
    is_gone = [one.gone or manifest.inputs[one.source].kind == "stream" for one in changes]
    if not all(is_gone):
        return None
    try:
        summary = read_summary(directory.summary_path)
    except RecordError:
        return None
    settled = read_settled(directory.results_path).rows.count()
    if directory.progress_path.exists() or not summary.input_exhausted or settled != summary.rows:
        return None
    failed = directory.failed_paths()
    if not is_gone and (elsewhere or summary.exit_code not in _WHOLE_WITH[bool(failed)]):
        return None  # its failed rows can be written anew
    return RunReport(summary, directory.path, failed, [], False, None, None, nothing_left=True)
