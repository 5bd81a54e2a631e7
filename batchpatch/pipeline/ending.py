"""The ending of an execution: what is read back, derived, written and told once no row is left.

Where results are kept, their counts are proved from them, whatever their writer has counted.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import ExitCode, InputError, RecordError, SettingsError
from batchpatch.formats.moments import rfc3339
from batchpatch.model import LIMIT_IN_WORDS, LIMIT_REACHED, Stop
from batchpatch.pipeline.gauge import Rest
from batchpatch.pipeline.report import RunReport, attempt_to_show
from batchpatch.pipeline.run_record import changed_stop, changes_meanwhile
from batchpatch.pipeline.spooling import missing_rest, rows_copied
from batchpatch.pipeline.stop import both, in_vain
from batchpatch.recording.checkpoint import counted, prove
from batchpatch.recording.manifest import update_manifest, write_summary
from batchpatch.recording.summary import Counters, summarize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import FailureReason, Summary
    from batchpatch.pipeline.job import Job
    from batchpatch.pipeline.output import Output
    from batchpatch.pipeline.pipeline import Pipeline
    from batchpatch.pipeline.row_checks import NameLookup
    from batchpatch.recording.checkpoint import Proof
    from batchpatch.recording.manifest import InputChange

_UNDERIVED = (
    "Left before its end was written (the failed rows, the proof of the counts): "
    "`batchpatch resume` does that."
)


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
        self._rows_copied: int | None = None
        """Rows in all, where a pipe was copied behind the limit."""

    def cut_short(self) -> RunReport:
        """What there is to say without what follows from the results: a resume derives it."""
        because = self._job.stopper.stop.because if self._job.stopper.stop else "Interrupted."
        stop = Stop(ExitCode.INTERRUPTED, f"{because} {_UNDERIVED}")
        counts = self._pipeline.recorded.counts
        summary = summarize(counted(counts), self._counters(), stop=stop)
        self._write_summary(summary)
        return self._told(summary, resumable=self._job.directory is not None)

    def report(self, stop: Stop | None, *, unread: Stop | None = None) -> RunReport:
        """Read the results back, derive what follows from them, and write the summary.

        Args:
            stop: why the work has ended before the input did.
            unread: why results that are there have not reached whoever reads them.

        Raises:
            LeftError: somebody has asked to leave; nothing more is written then.
        """
        pipeline, proof, refuse = self._pipeline, self._proof(), self._job.stopper.refuse_leaving
        refuse()
        reader = self._job.reader
        if self._is_settled(proof):
            stop = in_vain(stop, limit_reached=reader.limit_reached)
        ended = stop is None or stop.exit_code == ExitCode.DONE
        self._limit_reached = ended and reader.limit_reached
        stop = both(stop or self._end_of_input(), unread)
        failed: list[Path] = []
        changes: list[InputChange] = []
        changed: Stop | None = None
        try:
            changes, changed = self._changes(proof)
            failed = self._output.write_failed(proof, changed={one.source for one in changes})
        except (RecordError, InputError) as error:
            because = f"The failed rows could not be written: {error}"
            stop = both(stop, Stop(ExitCode.STOPPED, because))
        stop = both(stop, changed)
        # Of a plan that is whole the results go with its state.
        reasons = attempt_to_show("The reasons", lambda: self._reasons(proof)) or []
        refuse()
        try:
            self._output.conclude(whole=self._is_whole(proof, stop))
        except (RecordError, SettingsError) as error:
            stop = Stop(ExitCode.STOPPED, str(error))
        spooled = self._job.spooled
        if stop is not None and spooled is not None and spooled.left:
            # A canary that lost the rest of its pipe is no success for a script.
            code = ExitCode.STOPPED if stop.exit_code == ExitCode.DONE else stop.exit_code
            because = LIMIT_IN_WORDS if stop.because == LIMIT_REACHED else stop.because
            stop = Stop(code, f"{because} {spooled.left}")
        if self._limit_reached and spooled is not None:
            counting = partial(rows_copied, spooled.directory, self._job.settings.read)
            self._rows_copied = attempt_to_show("Rows in all", counting)
        before = self._limit_reached and pipeline.rows > reader.rows
        summary = summarize(proof, self._counters(), stop=stop, ended_before=before)
        self._write_summary(summary)
        plan = self._output.report(self._lookup.names)
        over = bool(changes) or self._job.directory is None or (plan is not None and plan.whole)
        resumable = not over and (bool(summary.unattempted) or not pipeline.exhausted)
        return self._told(summary, failed, reasons, changes, resumable=resumable)

    def _write_summary(self, summary: Summary) -> None:
        directory = self._job.directory
        if directory is not None and directory.path.is_dir():
            with suppress(RecordError):  # a full disk: the summary is printed all the same
                if self._limit_reached:
                    update_manifest(
                        directory.manifest_path, lambda known: replace(known, limit_reached=True)
                    )
                write_summary(directory.summary_path, summary)
                directory.forget_progress()

    def _told(
        self,
        summary: Summary,
        failed: Sequence[Path] = (),
        reasons: Sequence[FailureReason] = (),
        changes: Sequence[InputChange] = (),
        *,
        resumable: bool,
    ) -> RunReport:
        job, pipeline = self._job, self._pipeline
        plan = self._output.report(self._lookup.names)
        return RunReport(
            summary,
            job.directory.path if job.directory else plan.out if plan else Path(),
            list(failed),
            list(reasons),
            resumable=resumable,
            requests_left=attempt_to_show(
                "What is left",
                lambda: pipeline.requests_left(
                    Rest(self._rows_expected, sum(summary.outcomes.values()))
                ),
            ),
            allowance=attempt_to_show("The allowance", job.client.allowance),
            nothing_left=job.earlier is not None
            and not (resumable or pipeline.recorded.settled_here),
            notices=summary.notices,
            changed=changes,
            conflicts=self._output.conflicts,
            warns_of_end=job.settings.find.ended == "warn",
            plan=plan,
        )

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

    def _is_whole(self, proof: Proof, stop: Stop | None) -> bool:
        ended = stop is None or stop.exit_code == ExitCode.DONE
        return ended and proof.settled == self._rows and not proof.problems

    def _counters(self) -> Counters:
        """What this process and those before it have done, as far as they could say."""
        client, pipeline = self._job.client, self._pipeline
        traffic = client.traffic
        counters = Counters(
            rows=pipeline.rows,
            patches=traffic.calls["patches"],
            reads=traffic.calls["reads"],
            lookups=traffic.calls["lookups"],
            verifications=traffic.calls["verifications"],
            retries=traffic.retries,
            requests=traffic.requests,
            throttled=traffic.throttled,
            tokens_minted=client.tokens_minted,
            allowance_used=client.allowance_used,
            elapsed_s=round(pipeline.elapsed_s, 3),
            started=rfc3339(self._started),
            ended=rfc3339(datetime.now(UTC)),
            input_exhausted=pipeline.exhausted and self._job.reader.missing_from is None,
            other=traffic.calls["other"],
            blanked=pipeline.recorded.blanked,
            unkept=self._job.unkept,
            rows_expected=attempt_to_show("Rows in all", lambda: self._rows_expected),
            notices=attempt_to_show("The notices", lambda: tuple(self._job.reader.notices)) or (),
        )
        return self._job.earlier.added_to(counters) if self._job.earlier else counters
