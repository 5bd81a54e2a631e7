"""The session of a command that sends: an account, an event loop, signals, progress."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from batchpatch.cli.options.configuration import setting_of
from batchpatch.cli.output import log_line, say, tell
from batchpatch.cli.progress import shown_progress
from batchpatch.cli.signals import handled_on
from batchpatch.errors import ExitCode, SettingsError
from batchpatch.genesys.account.credentials import (
    Account,
    configured_region,
    find_account,
)
from batchpatch.genesys.account.regions import hosts_again, is_loopback
from batchpatch.model import Stop
from batchpatch.pipeline.report import attempt_to_show
from batchpatch.pipeline.stop import Stopper
from batchpatch.recording.lock import claimed
from batchpatch.service.event_loop import loop_factory
from batchpatch.service.sandbox_process import own_sandbox, sandbox_at

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from batchpatch.cli.json_log import JsonLog
    from batchpatch.cli.options.platform import PlatformFlags
    from batchpatch.cli.options.reporting import ReportFlags
    from batchpatch.cli.options.trying_out import SandboxFlags, ServerFlags
    from batchpatch.cli.watching import Watch
    from batchpatch.formats.run_json import Manifest
    from batchpatch.model import Progress

Report = TypeVar("Report")

_ELSEWHERE = ("region", "profile", "api_url", "login_url", "client_secret_file", "secret_command")
"""Of the platform's flags: what a sandbox of its own does not go with."""


class Session(NamedTuple):
    """What a command was told about its surroundings."""

    platform: PlatformFlags
    sandbox: SandboxFlags
    server: ServerFlags
    reporting: ReportFlags
    watch: Watch | None = None

    def execute(
        self,
        start: Callable[
            [Account, Stopper, Callable[[Progress], None] | None], Coroutine[None, None, Report]
        ],
        *,
        earlier: Manifest | None = None,
    ) -> Report:
        """Do the work of a coroutine, shown and stoppable.

        Args:
            start: makes the coroutine of an account, what stops it, and what is to be shown the
                progress, if anything is.
            earlier: the run that this goes on with; it says where to, unless the flags do.

        Raises:
            BatchpatchError: as the work, or before it.
        """
        with ExitStack() as stack:
            account = stack.enter_context(self.account(earlier))
            log = self.watch.log if self.watch is not None else None
            if log is not None or self.reporting.verbose:
                show_log(log)
            if self.reporting.verbose:
                say(f"{account.hosts.api_url}, credentials from {account.origin}")
            stack.enter_context(announced(account))
            observe = None
            if not self.reporting.quiet:
                observe = stack.enter_context(_shown(self.reporting, account, log))
            around = self.watch.around if self.watch is not None else _alone
            return run_until_stopped(
                lambda stopper: around(lambda: start(account, stopper, observe))
            )

    def check(self) -> None:
        """Raise SettingsError where the sandbox cannot be as it is asked for.

        Here, where it can be read: the sandbox itself is another process.
        """
        words = self.server.words
        if not self.sandbox.sandbox:
            if words:
                raise SettingsError(f"{words[0]} is for the sandbox: add --sandbox.")
            return
        for name in _ELSEWHERE:
            if getattr(self.platform, name) is not None:
                raise SettingsError(
                    "--sandbox starts a Genesys Cloud of its own and sends nothing elsewhere: "
                    f"leave out --{name.replace('_', '-')}, or --sandbox."
                )
        from batchpatch.cli.sandboxing import sandbox_options  # noqa: PLC0415 - only then

        sandbox_options(self.server)

    @contextmanager
    def account(self, earlier: Manifest | None = None) -> Iterator[Account]:
        """A sandbox of our own, or the platform with credentials of the environment or a profile.

        Raises:
            SettingsError: the flags contradict each other, or do not say what they have to.
            AccessError: there are no credentials.
        """
        self.check()
        if self.sandbox.sandbox:
            with own_sandbox(self.server.words) as url:
                yield sandbox_at(url)
        elif earlier is None or earlier.api_url is None or self.platform.names_hosts:
            yield self._configured(self.platform.api_url, self.platform.login_url)
        else:
            region = configured_region(os.environ, profile=self.platform.profile)
            region = region or setting_of("--region", os.environ)
            hosts = hosts_again(earlier.api_url, earlier.login_url, region=region)
            if is_loopback(hosts.api_url):
                yield sandbox_at(hosts.api_url, hosts.login_url)
            else:
                yield self._configured(hosts.api_url, hosts.login_url)

    def _configured(self, api_url: str | None, login_url: str | None) -> Account:
        return find_account(
            os.environ,
            profile=self.platform.profile,
            region=self.platform.region,
            api_url=api_url,
            login_url=login_url,
            secret=self.platform.secret(),
        )


async def _alone(work: Callable[[], Coroutine[None, None, Report]]) -> Report:
    return await work()


def run_until_stopped(start: Callable[[Stopper], Coroutine[None, None, Report]]) -> Report:
    """Run a coroutine on the fastest loop there is; a signal stops it in order.

    Args:
        start: makes the coroutine; it is given what stops it.
    """

    async def watched() -> Report:
        stopper = Stopper(tell=say)
        with _signals(stopper):
            return await start(stopper)

    gc.freeze()  # modules stay until the end, and need no look of the garbage collector
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(watched())


@contextmanager
def _signals(stopper: Stopper) -> Iterator[None]:
    """The first signal stops in order, the second at once; after the work, none does anything."""

    def stop(name: str) -> None:
        if stopper.stop is None and not stopper.is_idle:
            tell("stop", f"{name}: finishing what is in flight; once more to leave at once.")
        stopper.request(Stop(ExitCode.INTERRUPTED, f"Interrupted ({name})."))

    with handled_on(asyncio.get_running_loop(), stop):
        yield


@contextmanager
def _shown(
    reporting: ReportFlags, account: Account, log: JsonLog | None
) -> Iterator[Callable[[Progress], None] | None]:
    """What shows the progress; a terminal that is gone, or never was one, ends nothing."""
    if log is not None and reporting.progress != "none":
        from batchpatch.cli.json_log import JsonProgress  # noqa: PLC0415 - only where asked for

        yield JsonProgress(log, every_s=reporting.log_every_s)
        return
    stack = ExitStack()
    every_s, where = reporting.log_every_s, urlsplit(account.hosts.api_url).netloc
    show = attempt_to_show(
        "The progress",
        lambda: stack.enter_context(
            shown_progress(reporting.progress, log_every_s=every_s, where=where)
        ),
    )
    try:
        yield show
    finally:
        attempt_to_show("The progress", stack.close)


@contextmanager
def announced(account: Account) -> Iterator[None]:
    """Warn where another run on this host uses the same client: they do not know each other."""
    if account.client_id is None:
        yield
        return
    with claimed(f"{account.hosts.api_url} {account.client_id}") as alone:
        if not alone:
            say(
                "Warning: another run on this host uses the same OAuth client; rows of one "
                "participant in both may overtake each other: wait for it if they share some."
            )
        yield


class SayHandler(logging.Handler):
    """Shows what the stages log: waits and retries, never a value and never a secret."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record, a line for each of its own."""
        with suppress(Exception):
            first, *others = self.format(record).splitlines() or [""]
            log_line(first)
            say(*others)


def show_log(log: JsonLog | None = None) -> None:
    """Show the log of our own packages on stderr, as events where that is a log for programs."""
    handler: logging.Handler = SayHandler()
    if log is not None:
        from batchpatch.cli.json_log import JsonHandler  # noqa: PLC0415 - only where asked for

        handler = JsonHandler(log)
    logger = logging.getLogger("batchpatch")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
