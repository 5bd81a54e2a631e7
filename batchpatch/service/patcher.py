"""The patcher: one client kept open, fed row by row, for programs that wait for each result.

It is a run without an input: the same pipeline, so that one token, the quota, merging, order,
retries and a result a row are what a batch gets. Rows come from callers instead of a file, and a
result goes to the caller whose row it is.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from batchpatch.errors import InputError, SettingsError
from batchpatch.genesys.account.credentials import find_account
from batchpatch.options.run import LimitOptions, Rate, Settings
from batchpatch.service.engine import Engine, Watching
from batchpatch.service.live_settings import settings_of
from batchpatch.service.rows import row_of
from batchpatch.service.sandbox_process import own_sandbox, sandbox_at
from batchpatch.service.streaming import AT_ONCE, each_settled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
    from types import TracebackType

    from opentelemetry.trace import Tracer

    from batchpatch.errors import BatchpatchError
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.model import Progress, RowResult, Summary
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.report import RunReport
    from batchpatch.service.rows import Participant
    from batchpatch.service.streaming import OneRow


class Patcher:
    """Patches participants one row at a time; see `patch` and `stream`.

    Open it once and keep it: `async with Patcher() as patcher`. It belongs to the event loop that
    it was opened on, and any number of tasks of that loop may use it at once. Guarantees:

    - Rows of one participant take effect in the order of the calls, and never two at a time.
    - One token is minted, renewed in time, and revoked at the end; the quota that the platform
      grants it is followed, and waited for where it is used up.
    - A row that waits may merge with later ones of its participant: one request serves them all.
    - Each call has its result, or raises because the whole patcher cannot work.
    - Nothing is written to disk, unless `record` names a directory.

    Where the process dies, what was not answered may or may not have been written. Sending it again
    is safe: the write is idempotent.
    """

    def __init__(
        self,
        *,
        account: Account | None = None,
        profile: str | None = None,
        region: str | None = None,
        api_url: str | None = None,
        login_url: str | None = None,
        rate: Rate | str | None = None,
        tokens: int | None = None,
        write: str | None = None,
        deadline_s: float | None = None,
        settings: Settings | None = None,
        limits: LimitOptions | None = None,
        record: Path | str | None = None,
        sandbox: bool = False,
        monitor: Monitor | None = None,
        observe: Callable[[Progress], None] | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """Nothing is opened or sent yet.

        Args:
            account: credentials and hosts; None finds them as the command line does, in the
                environment or in `~/.gc/config.toml`.
            profile: of that file.
            region: AWS name or domain, such as `eu-central-1` or `mypurecloud.de`.
            api_url: instead of the region's.
            login_url: where tokens are minted.
            rate: cap for this process, such as `"300/min"`; None follows the platform's own limit.
            tokens: of the OAuth client to use at once, 1 to 50, each with an allowance of its own.
            write: kind of write, such as `"wrapup"`; None is attributes.
            deadline_s: seconds from a call on after which its row is not sent any more; a call may
                say otherwise. None waits for as long as it takes.
            settings: all else that a run can be told, such as verification or connections.
            limits: `grace_s` of them bounds what `aclose(now=True)` waits for, in seconds, and
                `max_outage_s` how long the end waits for a platform that does not answer.
            record: directory for a report as of a run, with the values; it must be new or empty.
            sandbox: send to a sandbox of its own, for trying things out and for tests.
            monitor: counts for whoever watches, such as metrics.
            observe: as of `run`: called a few times a second with how far it is.
            tracer: of OpenTelemetry; makes a span of each patch, whose parent is its call's.

        Raises:
            SettingsError: an option cannot be used.
        """
        if sandbox and (account or profile or region or api_url or login_url):
            raise SettingsError("sandbox=True sends nothing elsewhere: leave out the account.")
        self._account, self._sandbox = account, sandbox
        self._profile, self._region = profile, region
        self._api_url, self._login_url = api_url, login_url
        self._settings = settings_of(settings or Settings(), rate, tokens, write, deadline_s)
        self._limits = limits or LimitOptions()
        self._record = None if record is None else Path(record)
        if self._settings.safeguards.keep_before and record is None:
            raise SettingsError("keep_before keeps values on disk: say where with record=DIR.")
        self._watching = Watching(monitor, observe, tracer)
        self._open: Engine | None = None
        self.report: RunReport | None = None
        """What there is to report, once it is closed."""

    async def __aenter__(self) -> Self:
        """Open it on the running loop; nothing is sent before the first row.

        Raises:
            AccessError: there are no credentials.
            SettingsError: an option cannot be used, or `record` is in use.
        """
        if self._open is not None:
            raise SettingsError("This Patcher is open already.")
        stack = AsyncExitStack()
        try:
            account = self._account or await self._find_account(stack)
            self._open = await Engine.start(
                stack, account, self._settings, self._limits, self._record, self._watching
            )
        except BaseException:
            await stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain: what was put in is settled. Left by an error, only what is in flight is."""
        await self.aclose(now=kind is not None)

    async def aclose(self, *, now: bool = False, until: asyncio.Task[Any] | None = None) -> None:
        """Take no more rows, settle those that wait, and revoke the token.

        Args:
            now: only what is in flight is settled; every other caller is told that it was closed.
            until: once this is done, the same holds for what has waited till then.

        Raises:
            BatchpatchError: what has ended the work before, such as credentials that were refused.
        """
        if self._open is not None:
            self._open.refuse_other_loops()
        opened, self._open = self._open, None
        if opened is not None:
            try:
                self.report = await opened.close(now=now, until=until)
            finally:
                await opened.stack.aclose()

    async def patch(
        self,
        conversation_id: str,
        attributes: Mapping[str, Any],
        *,
        participant: Participant = None,
        id: str | None = None,  # noqa: A002 - the field's name in every other place
        urgent: bool = False,
        deadline_s: float | None = None,
    ) -> RowResult:
        """Write to one participant, and return what came of it.

        Cancelled, the row is not sent, or has been and its result is nobody's.

        Args:
            conversation_id: UUID.
            attributes: what to write, by name; of a wrap-up, `code`, `notes` and the like.
            participant: UUID; or who it is, such as `"customer"`, `"match.orderId=123"` or
                `{"purpose": "agent", "userId": ...}`, which costs a read of the conversation.
            id: comes back in the result.
            urgent: rows of other participants wait for it.
            deadline_s: seconds from now after which it is not sent any more, as its result says.

        Returns:
            The row's result: `outcome`, `code`, `message`, `hint`, `status`, ... A row that is
            wrong, refused or not answered is a result too, and raises nothing.

        Raises:
            InputError: what was given is no row, or this is not open, or open on another loop.
            AccessError: the credentials are refused, and will be.
            BatchpatchError: what else has ended the whole patcher.
        """
        row = row_of(
            conversation_id,
            attributes,
            participant,
            id=id,
            urgent=urgent,
            deadline_s=deadline_s,
            write=self._settings.write,
        )
        return await self._opened.settle(row)

    async def submit(self, row: OneRow) -> RowResult:
        """As `patch`, with a row as a line of JSONL has it, or that line. Raises likewise."""
        return await self._opened.settle(row)

    def put(self, row: OneRow) -> int:
        """As `submit`, without waiting: nobody is told the result, unless `record` keeps it.

        Returns:
            The number of the row, by which the record names it.
        """
        return self._opened.put(row)

    async def stream(
        self,
        rows: AsyncIterable[OneRow] | Iterable[OneRow],
        *,
        at_once: int = AT_ONCE,
    ) -> AsyncGenerator[RowResult]:
        """Write many rows, and yield their results in the order in which they are settled.

        Args:
            rows: as lines of JSONL have them; taken as fast as results are, so that neither a
                slow platform nor a slow caller makes them pile up.
            at_once: rows that wait for their results, at most.

        Raises:
            As `patch`; whatever `rows` raises; SettingsError where `at_once` is no number from 1.
        """
        async with aclosing(each_settled(self._opened.settle, rows, at_once=at_once)) as results:
            async for one in results:
                yield one

    async def identity(self) -> Identity | None:
        """Whose data rows are written to, and as which client; None where nobody tells.

        Raises:
            BatchpatchError: the credentials are refused, or the platform does not answer.
        """
        return await self._opened.identity()

    def progress(self) -> Progress:
        """How far it is: rows, outcomes, requests, what is waited for. Raises InputError."""
        return self._opened.execution.pipeline.progress()

    @property
    def waiting(self) -> int:
        """Calls that wait for their results."""
        return self._opened.waiting

    @property
    def unsettled(self) -> int:
        """Rows without a result, those of `put` and of cancelled calls among them."""
        return self._opened.unsettled

    @property
    def failure(self) -> BatchpatchError | None:
        """What has ended the work, such as credentials that were refused; None while it goes on."""
        return self._open.failure if self._open is not None else None

    @property
    def summary(self) -> Summary | None:
        """The counts of all rows, once it is closed."""
        return self.report.summary if self.report is not None else None

    @property
    def _opened(self) -> Engine:
        if self._open is None:
            raise InputError("This Patcher is not open: use it within `async with`.")
        return self._open

    async def _find_account(self, stack: AsyncExitStack) -> Account:
        if self._sandbox:
            sandbox = own_sandbox([])
            url = await asyncio.to_thread(stack.enter_context, sandbox)
            return sandbox_at(url)
        return find_account(
            os.environ,
            profile=self._profile,
            region=self._region,
            api_url=self._api_url,
            login_url=self._login_url,
        )
