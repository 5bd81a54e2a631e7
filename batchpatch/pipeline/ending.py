"""The ending of an execution: what is read back, derived, written and told once no row is left.

Where results are kept, their counts are proved from them, whatever their writer has counted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import ExitCode, InputError, RecordError, SettingsError, ended
from batchpatch.genesys.rate_limit.pace import Allowance
from batchpatch.model import LIMIT_IN_WORDS, LIMIT_REACHED, Stop
from batchpatch.pipeline.gauge import Rest
from batchpatch.pipeline.report import RunReport, attempt_to_show
from batchpatch.pipeline.run_record import changed_stop, changes_meanwhile
from batchpatch.pipeline.spooling import missing_rest, rows_copied
from batchpatch.pipeline.stop import both, in_vain, sentences
from batchpatch.pipeline.work_done import count_work
from batchpatch.recording.checkpoint import counted, prove
from batchpatch.recording.manifest import update_manifest, write_summary
from batchpatch.recording.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import FailureReason, Summary
    from batchpatch.pipeline.job import Job
    from batchpatch.pipeline.output import Output
    from batchpatch.pipeline.pipeline import Pipeline
    from batchpatch.pipeline.row_checks import NameLookup
    from batchpatch.recording.checkpoint import Proof
    from batchpatch.recording.manifest import InputChange
    from batchpatch.recording.summary import Counters

_UNDERIVED = (
    "Left before its end was written (the failed rows, the proof of the counts): "
    "`batchpatch resume` does that."
)


class _Derived(NamedTuple):
    """What follows from the results."""

    failed: Sequence[Path] = ()
    """Files of the rows that did not make it."""
    reasons: Sequence[FailureReason] = ()
    changes: Sequence[InputChange] = ()
    """Inputs that are not what they were."""
    trouble: Stop | None = None
    """Why not all of it could be had."""


class Ending:
    """The report of an execution, and what is written with it."""

    def __init__(
        self,
        job: Job,
        pipeline: Pipeline,
        output: Output,
        *,
        lookup: NameLookup,
    ) -> None:
        """Nothing is read yet.

        Args:
            job: what was to be done.
            pipeline: which has done it.
            output: of what was written beside the results.
            lookup: of names, as far as a list of them was read.
        """
        self._job = job
        self._pipeline = pipeline
        self._output = output
        self._lookup = lookup
        self._started = datetime.now(UTC)
        self._results_path = job.directory.results_path if job.directory else None
        self._limit_reached = False
        """The limit has ended it, as asked: the next process goes on to the end of the input."""
        self._unwritten: tuple[str, ...] = ()
        """Why the summary is printed only: to others, the run has not ended."""
        self._rows_copied: int | None = None
        """Rows in all, where a pipe was copied behind the limit."""

    def cut_short(self) -> RunReport:
        """What there is to say without what follows from the results: a resume derives it."""
        because = self._job.stopper.stop.because if self._job.stopper.stop else "Interrupted."
        stop = Stop(ExitCode.INTERRUPTED, sentences(because, _UNDERIVED))
        counts = self._pipeline.recorded.counts
        summary = summarize(counted(counts), self._counters(), stop=stop)
        self._write_summary(summary)
        return self._told(summary, _Derived(), resumable=self._job.directory is not None)

    def report(self, stop: Stop | None, *, unread: Stop | None = None) -> RunReport:
        """Read the results back, derive what follows from them, and write the summary.

        Args:
            stop: why the work has ended before the input did.
            unread: why results that are there have not reached whoever reads them.

        Raises:
            LeftError: somebody has asked to leave; nothing more is written then.
        """
        refuse_leaving = self._job.stopper.refuse_leaving
        proof = self._proof()
        refuse_leaving()
        stop = both(self._why_ended(proof, stop), unread)
        derived = self._derive(proof)
        stop = both(stop, derived.trouble)
        refuse_leaving()
        stop = self._conclude(proof, stop)
        stop = self._with_lost_rows(stop)
        summary = self._summarize(proof, stop)
        self._write_summary(summary)
        return self._told(summary, derived, resumable=self._is_resumable(summary, derived))

    def _why_ended(self, proof: Proof, stop: Stop | None) -> Stop | None:
        """Why it has ended, as its rows tell; None where nothing but the input has."""
        reader = self._job.reader
        if self._is_settled(proof):
            stop = in_vain(stop, limit_reached=reader.limit_reached)
        self._limit_reached = _is_done(stop) and reader.limit_reached
        return stop or self._end_of_input()

    def _derive(self, proof: Proof) -> _Derived:
        """Read the inputs again: which of them have changed, and the rows that did not make it."""
        failed: list[Path] = []
        changes: list[InputChange] = []
        changed: Stop | None = None
        trouble: Stop | None = None
        try:
            changes, changed = self._changes(proof)
            failed = self._output.write_failed(proof, changed={one.source for one in changes})
        except (RecordError, InputError) as error:
            because = f"The failed rows could not be written: {error}"
            trouble = Stop(ExitCode.STOPPED, because)
        # Of a plan that is whole the results go with its state: later there are no reasons.
        reasons = attempt_to_show("The reasons", lambda: self._reasons(proof)) or []
        return _Derived(failed, reasons, changes, both(trouble, changed))

    def _conclude(self, proof: Proof, stop: Stop | None) -> Stop | None:
        """Give what was written its last form; why it has ended, that being done."""
        whole = _is_done(stop) and proof.settled == self._rows and not proof.problems
        try:
            self._output.conclude(whole=whole)
        except (RecordError, SettingsError) as error:
            return Stop(ExitCode.STOPPED, str(error))
        return stop

    def _with_lost_rows(self, stop: Stop | None) -> Stop | None:
        """The same, and what of a pipe was not copied: that is no success for a script."""
        spooled = self._job.spooled
        if stop is None or spooled is None:
            return stop
        left = spooled.left_beside(stop.because)
        if left is None:
            return stop
        code = ExitCode.STOPPED if stop.exit_code == ExitCode.DONE else stop.exit_code
        because = LIMIT_IN_WORDS if stop.because == LIMIT_REACHED else stop.because
        return Stop(code, sentences(because, left))

    def _summarize(self, proof: Proof, stop: Stop | None) -> Summary:
        spooled = self._job.spooled
        if self._limit_reached and spooled is not None:
            counting = partial(rows_copied, spooled.directory, self._job.settings.read)
            self._rows_copied = attempt_to_show("Rows in all", counting)
        ended_before = self._limit_reached and self._pipeline.rows > self._job.reader.rows
        return summarize(proof, self._counters(), stop=stop, ended_before=ended_before)

    def _is_resumable(self, summary: Summary, derived: _Derived) -> bool:
        """There is more to do, and `resume` would do it."""
        plan = self._output.report(self._lookup.names)
        over = self._job.directory is None or (plan is not None and plan.whole)
        if over or derived.changes:
            return False
        return bool(summary.unattempted) or not self._pipeline.exhausted

    def _write_summary(self, summary: Summary) -> None:
        directory = self._job.directory
        if directory is not None and directory.path.is_dir():
            try:
                if self._limit_reached:
                    update_manifest(
                        directory.manifest_path, lambda known: replace(known, limit_reached=True)
                    )
                write_summary(directory.summary_path, summary)
                directory.forget_progress()
            except RecordError as error:  # a full disk: the summary is printed all the same
                self._unwritten = (ended(str(error)),)

    def _told(self, summary: Summary, derived: _Derived, *, resumable: bool) -> RunReport:
        job, pipeline = self._job, self._pipeline
        plan = self._output.report(self._lookup.names)
        return RunReport(
            summary,
            job.directory.path if job.directory else plan.out if plan else Path(),
            list(derived.failed),
            list(derived.reasons),
            resumable=resumable,
            requests_left=attempt_to_show(
                "What is left",
                lambda: pipeline.requests_left(
                    Rest(self._rows_expected, sum(summary.outcomes.values()))
                ),
            ),
            allowance=attempt_to_show("The allowance", self._next_allowance),
            nothing_left=job.earlier is not None
            and not (resumable or pipeline.recorded.settled_here),
            notices=(*summary.notices, *(() if resumable else self._unwritten)),
            changed=derived.changes,
            conflicts=self._output.conflicts,
            warns_of_end=job.settings.find.ended == "warn",
            plan=plan,
        )

    def _next_allowance(self) -> Allowance | None:
        """For whoever goes on: at the run's own rate, whatever `pace` has made of it meanwhile."""
        found, cap = self._job.client.allowance(), self._job.settings.pace.rate
        if found is None or found.per_window is None:
            return None if cap is None else Allowance(None, cap=cap)
        return found._replace(cap=cap)

    def _changes(self, proof: Proof) -> tuple[list[InputChange], Stop | None]:
        """The inputs that have changed meanwhile, and why that ends the run."""
        if (directory := self._job.directory) is None:
            return [], None
        exhausted = self._pipeline.exhausted
        changes = changes_meanwhile(directory, failed=bool(proof.failed), exhausted=exhausted)
        return changes, changed_stop(directory, self._job.reader.names, changes)

    def _reasons(self, proof: Proof) -> list[FailureReason]:
        """Why rows did not make it, those of earlier processes too."""
        known = self._pipeline.recorded.reasons if self._results_path is None else proof.reasons
        return known.most_common()

    @property
    def _rows(self) -> int:
        """Rows that there are; read to its end, the input itself says how many."""
        return self._job.reader.rows if self._pipeline.exhausted else self._pipeline.rows

    @property
    def _rows_expected(self) -> int | None:
        """Rows that there will be once somebody has gone on with it."""
        reader = self._job.reader
        in_all = self._rows_copied or reader.rows_in_all
        return in_all if self._limit_reached else reader.rows_expected

    def _proof(self) -> Proof:
        if self._results_path is not None:
            return prove(self._results_path, rows=self._rows)
        return counted(self._pipeline.recorded.counts)

    def _end_of_input(self) -> Stop | None:
        """Why there is more input than was read, where nothing else has stopped the run."""
        reader = self._job.reader
        if reader.missing_from is not None:
            return missing_rest(reader.missing_from, unread=reader.unread)
        return Stop(ExitCode.DONE, LIMIT_REACHED) if reader.limit_reached else None

    def _is_settled(self, proof: Proof) -> bool:
        """Every row has its line, up to the end of the input or to the limit."""
        reader, pipeline = self._job.reader, self._pipeline
        up_to_limit = reader.limit_reached and reader.rows == pipeline.rows
        read = up_to_limit or (pipeline.exhausted and reader.missing_from is None)
        return read and proof.settled == self._rows and not proof.problems

    def _counters(self) -> Counters:
        """What this process and those before it have done, as far as they could say."""
        job = self._job
        reader = job.reader
        counters = count_work(
            job.client,
            self._pipeline,
            started=self._started,
            exhausted=self._pipeline.exhausted and reader.missing_from is None,
        )._replace(
            unkept=job.unkept,
            rows_expected=attempt_to_show("Rows in all", lambda: self._rows_expected),
            notices=attempt_to_show("The notices", lambda: tuple(reader.notices)) or (),
        )
        return job.earlier.added_to(counters) if job.earlier else counters


def _is_done(stop: Stop | None) -> bool:
    """Nothing but the end of the input, or the limit, has ended it."""
    return stop is None or stop.exit_code == ExitCode.DONE
