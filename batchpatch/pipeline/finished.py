"""A run of which nothing is left: its report, without its inputs, which may be gone by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import RecordError
from batchpatch.pipeline.report import RunReport
from batchpatch.recording.checkpoint import read_settled
from batchpatch.recording.manifest import find_changes, read_manifest, read_summary

if TYPE_CHECKING:
    from batchpatch.recording.run_directory import RunDirectory


def finished_without_inputs(directory: RunDirectory) -> RunReport | None:
    """The report of a run of which nothing is left, and of whose inputs some are gone; else None.

    They need not be there any more, be they purged or moved.

    Raises:
        RecordError: its record cannot be read.
    """
    manifest = read_manifest(directory.manifest_path)
    changes = find_changes(manifest, spool_path=directory.spool_path, at_a_glance=True)
    is_gone = [one.gone or manifest.inputs[one.source].kind == "stream" for one in changes]
    if not is_gone or not all(is_gone):
        return None
    try:
        summary = read_summary(directory.summary_path)
    except RecordError:
        return None
    settled = read_settled(directory.results_path).rows.count()
    if directory.progress_path.exists() or not summary.input_exhausted or settled != summary.rows:
        return None
    failed = directory.failed_paths()
    return RunReport(summary, directory.path, failed, [], False, None, None, nothing_left=True)
