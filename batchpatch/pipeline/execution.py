"""The execution: one run, undo or plan, new or resumed, from its first row to its report.

It puts the parts of the pipeline together; what follows once no row is left is its `Ending`. In
what a patch takes (`Step`) and in what is written beside the results (`Output`) a run and a plan
differ; these two are given to it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from batchpatch.errors import BatchpatchError, ExitCode, LeftError
from batchpatch.finding.finder import Finder
from batchpatch.genesys.account.regions import is_loopback, region_of
from batchpatch.model import Stop
from batchpatch.pipeline.blocking import off_loop, off_loop_unless_stopped, unless_stopped
from batchpatch.pipeline.earlier_runs import files_before_a_pipe, look_into_earlier_runs
from batchpatch.pipeline.ending import Ending
from batchpatch.pipeline.job import unread_stop
from batchpatch.pipeline.organisation_record import UNASKED, record_organisation
from batchpatch.pipeline.origin_check import Home, OriginCheck
from batchpatch.pipeline.origin_record import OriginRecord
from batchpatch.pipeline.pipeline import Pipeline
from batchpatch.pipeline.progress_note import ProgressNote
from batchpatch.pipeline.report import RunReport, attempt_to_show
from batchpatch.pipeline.row_checks import PLAN, RUN, OrganisationCheck, lookup_for
from batchpatch.recording.run_paths import takes_back

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.conversations.reader import ConversationReads
    from batchpatch.merging.window import Window
    from batchpatch.model import Progress, Skips
    from batchpatch.pipeline.job import Job
    from batchpatch.pipeline.output import Output
    from batchpatch.pipeline.step import Step

_TELLING_S = 10.0
"""The answer takes a tenth of a second; who started a job at night is not there to see it wait."""
_READING = "Reading what was written so far"
_UNREAD = "Left before what was written so far was read: nothing more was sent."
_LOOKING = "Looking up what has become of rows that failed before"
_LEFT = "Left before it was known what has become of rows that failed before: nothing was sent."


class Execution:
    """A run at work, and its report."""

    def __init__(
        self,
        job: Job,
        *,
        step: Step,
        output: Output,
        window: Window,
        reads: ConversationReads,
        background: Callable[[], Coroutine[Any, Any, None]] | None = None,
        remember: Callable[[], None] | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            job: what is to be done.
            step: what a patch takes.
            output: what is written beside the results.
            window: where rows wait.
            reads: of conversations.
            background: ends with the rows.
            remember: reads what earlier processes of it have written; blocks.
        """
        self._remember = remember
        own = job.directory.path if job.directory else None
        newer: dict[int, Skips] = {}
        self._job = job = replace(job, elsewhere=newer)
        self._output = output
        self._results_path = job.directory.results_path if job.directory else None
        self._progress_note = ProgressNote(job.directory) if job.directory else None
        self._organisation = organisation = OrganisationCheck(
            job.client,
            region=region_of(job.account.hosts.api_url),
            always=job.settings.safeguards.keep_before,
            known=job.identity,
            learned=self.note,
            whose=RUN if takes_back(job.reader.paths) else PLAN,
        )
        self._again = again = OriginCheck(
            job.reader.names,
            looked_at=len(files_before_a_pipe(job.reader.paths)),
            newer=newer,
            home=Home(job.account.hosts.api_url, learn=organisation.learn, tell=job.stopper.tell),
            tell=job.stopper.tell,
            keep=OriginRecord(job.directory).keep if job.directory else None,
            own=own,
            goes_on=job.stream is not None
            or (job.earlier is not None and job.earlier.manifest.organisation is not None),
        )
        lookup = lookup_for(job.client, job.settings.read)
        self.pipeline = Pipeline(
            job.reader,
            self._results_path,
            client=job.client,
            checks=(again.check, organisation.check, lookup.resolve),
            finder=Finder(reads, job.settings.find, kind=job.kind, turns=job.client.reading),
            window=window,
            step=step,
            limits=job.limits,
            stopper=job.stopper,
            before=job.before,
            kind=job.kind,
            background=background,
            stream=job.stream,
            note=self._progress_note,
            reads_each=job.reads_each,
            verifies=job.settings.safeguards.verify.share,
            monitor=job.monitor,
        )
        if job.monitor is not None:
            directory = job.directory.path if job.directory else None
            job.monitor.watch(job.client, self.pipeline.recorded.counts, directory)
        self._ending = Ending(job, self.pipeline, output, lookup=lookup)

    def note(self, identity: Identity) -> None:
        """Whose data it is, once anybody has asked. Raises RecordError."""
        self.pipeline.gauge.organisation = identity.organisation_name or identity.organisation
        if self._job.directory is not None:
            record_organisation(self._job.directory, identity)

    async def run(self, observe: Callable[[Progress], None] | None) -> RunReport:
        """Work, then report; what makes the whole run pointless is raised."""
        job, pipeline = self._job, self.pipeline
        try:
            await self._get_ready()
            await pipeline.work(workers=job.settings.connect.concurrency, observe=observe)
        except BatchpatchError as error:
            if job.earlier is None and self._is_pointless(error):
                await self._output.close()
                self._discard()
                raise
            job.stopper.record(Stop(self._code_of(error), str(error)))
        finally:
            await self._output.close()
        unread = None
        if job.stream is not None and job.stream.drain is not None:
            left = await job.stream.drain(job.limits.grace_s)
            unread = unread_stop(left, self._results_path) if left else None
        if job.spooled is not None:
            await job.spooled.copy_rest(
                job.stopper, grace_s=job.limits.grace_s, live=job.stream is not None
            )
        if (note := self._progress_note) is not None:
            attempt_to_show("The progress file", note.end)
        try:
            # Of millions of rows it takes minutes, in which signals are to be heard.
            report = partial(self._ending.report, job.stopper.stop, unread=unread)
            return await off_loop(report, unless=job.stopper.asked_to_leave())
        except LeftError:
            return self._ending.cut_short()

    async def _get_ready(self) -> None:
        """Before the first row, all that is to be known by then.

        Raises:
            LeftError: a stop was asked for.
            RecordError: what is there cannot be read.
            BatchpatchError: what ends a run, see `GenesysClient.call`.
        """
        try:
            if self._remember is not None:
                stopper = self._job.stopper
                await off_loop_unless_stopped(self._remember, stopper, left=_UNREAD, doing=_READING)
            if self._job.reader.paths:
                await self._look_back()
            await self._learn_whose()
        except BaseException:
            self.pipeline.recorded.close(failed=True)
            raise

    async def _look_back(self) -> None:
        """Find out what has become of rows that failed in another run: of many it takes minutes."""
        job = self._job
        own = job.directory.path if job.directory else None
        look = partial(look_into_earlier_runs, job.reader.paths, job.settings.read, own=own)
        found = await off_loop_unless_stopped(look, job.stopper, left=_LEFT, doing=_LOOKING)
        self._again.take(found)
        for notice in found.notices:
            job.stopper.tell(notice)

    async def _learn_whose(self) -> None:
        """Note whose data it is; a run that has asked nobody learns it for that alone.

        A service does not wait for it, nor does a run for long. What an outage or a full disk ends
        here is a run that has begun, with a copy of its pipe: it can be resumed.
        """
        job = self._job
        if job.identity is not None:
            self.note(job.identity)
            return
        is_service = job.stream is not None and job.stream.survives
        if is_service or is_loopback(job.account.hosts.api_url):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_TELLING_S):
                await unless_stopped(self._organisation.learn(), job.stopper, left=UNASKED)

    def _is_pointless(self, error: BatchpatchError) -> bool:
        settled = self.pipeline.recorded.settled_here
        return self._output.is_pointless(error, patches=self.pipeline.patches, settled=settled)

    def _code_of(self, error: BatchpatchError) -> ExitCode:
        """Of an error that ends it: "unusable" promises that nothing was sent."""
        if error.exit_code == ExitCode.UNUSABLE and self._has_begun:
            return ExitCode.STOPPED
        return error.exit_code

    @property
    def _has_begun(self) -> bool:
        """This process has handed out a patch."""
        return self.pipeline.patches > self._job.before.last_patch

    def _discard(self) -> None:
        if self._job.spooled is not None:  # nothing is to appear there any more
            self._job.spooled.close()
        self._output.discard()
