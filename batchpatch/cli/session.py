"""What commands that send have in common: an event loop, signals, an account."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from batchpatch.cli.output import say
from batchpatch.cli.progress import shown_progress
from batchpatch.cli.sandboxing import CLIENT_ID, CLIENT_SECRET, own_sandbox
from batchpatch.genesys.account.credentials import (
    Account,
    ClientCredentials,
    configured_region,
    find_account,
)
from batchpatch.genesys.account.regions import hosts_again, is_loopback
from batchpatch.pipeline.observing import attempt_to_show
from batchpatch.recording.lock import claimed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from batchpatch.formats.run_json import Manifest
    from batchpatch.model import Progress
    from batchpatch.pipeline.stop import Stopper


Report = TypeVar("Report")


def run_until_stopped(start: Callable[[Stopper], Coroutine[Any, Any, Report]]) -> Report:
    """Run a coroutine on the fastest loop there is; Ctrl-C and SIGTERM stop it in order.

    Args:
        start: makes the coroutine; it is given what stops it.
    """

    async def watched() -> Report:
        from batchpatch.pipeline.stop import Stopper  # noqa: PLC0415 - with the loop

        stopper = Stopper(tell=say)
        with _signals(stopper):
            return await start(stopper)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(watched())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists (not on Windows, not on PyPy), else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - --help and check do not load it
    except ImportError:
        return None
    return uvloop.new_event_loop


@contextmanager
def _signals(stopper: Stopper) -> Iterator[None]:
    """The first signal stops in order, the second at once."""
    from batchpatch.model import Stop  # noqa: PLC0415 - with the loop

    loop = asyncio.get_running_loop()

    def stop(name: str) -> None:
        if stopper.stop is None:
            say(f"{name}: finishing what is in flight; once more to leave at once.")
        stopper.request(Stop(130, f"Interrupted ({name})."))

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in numbers:
            loop.add_signal_handler(number, stop, number.name)
    except (NotImplementedError, RuntimeError):  # Windows: no handlers on the loop
        signal.signal(
            signal.SIGINT, lambda number, _frame: loop.call_soon_threadsafe(stop, "SIGINT")
        )
        yield
        return
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def configured_account(
    *, profile: str | None, region: str | None, api_url: str | None, login_url: str | None
) -> Iterator[Account]:
    """Credentials from the environment or a profile."""
    yield find_account(
        os.environ, profile=profile, region=region, api_url=api_url, login_url=login_url
    )


def opened_account(
    sandbox_arguments: Sequence[str] = (),
    *,
    sandbox: bool,
    profile: str | None,
    region: str | None,
    api_url: str | None,
    login_url: str | None,
) -> AbstractContextManager[Account]:
    """A sandbox of our own, or the platform."""
    if sandbox:
        return sandbox_account(list(sandbox_arguments))
    return configured_account(profile=profile, region=region, api_url=api_url, login_url=login_url)


def account_again(
    stored: Manifest,
    *,
    profile: str | None,
    region: str | None,
    api_url: str | None,
    login_url: str | None,
) -> AbstractContextManager[Account]:
    """The platform that an earlier run was for: whoever goes on need not say it again.

    Raises:
        SettingsError: the host that `run.json` names is to be named again, with a flag.
    """
    given = {"profile": profile, "region": region, "api_url": api_url, "login_url": login_url}
    if stored.api_url is None or any((region, api_url, login_url)):
        return configured_account(**given)
    configured = configured_region(os.environ, profile=profile)
    hosts = hosts_again(stored.api_url, stored.login_url, region=configured)
    if is_loopback(hosts.api_url):
        return nullcontext(_sandbox_at(hosts.api_url, hosts.login_url))
    return configured_account(**given | {"api_url": hosts.api_url, "login_url": hosts.login_url})


@contextmanager
def sending_to(
    opening: AbstractContextManager[Account], *, verbose: bool, quiet: bool
) -> Iterator[tuple[Account, Callable[[Progress], None] | None]]:
    """What every command that sends does first: account, log, warning, progress.

    Gives the account, and what is to be shown the progress; None where nothing is.
    """
    with ExitStack() as stack:
        account = stack.enter_context(opening)
        if verbose:
            log_to_stderr()
            say(f"{account.hosts.api_url}, credentials from {account.origin}")
        stack.enter_context(announced(account))
        yield account, None if quiet else stack.enter_context(_shown())


@contextmanager
def _shown() -> Iterator[Callable[[Progress], None] | None]:
    """What shows the progress; a terminal that is gone, or never was one, ends nothing."""
    stack = ExitStack()
    show = attempt_to_show("The progress", lambda: stack.enter_context(shown_progress()))
    try:
        yield show
    finally:
        attempt_to_show("The progress", stack.close)


@contextmanager
def announced(account: Account) -> Iterator[None]:
    """Warn where another run on this host uses the same client: they do not know each other."""
    credentials = account.credentials
    if not isinstance(credentials, ClientCredentials):
        yield
        return
    with claimed(f"{account.hosts.api_url} {credentials.client_id}") as alone:
        if not alone:
            say(
                "Warning: another run on this host uses the same OAuth client; rows of one "
                "participant in both may overtake each other."
            )
        yield


@contextmanager
def sandbox_account(arguments: list[str]) -> Iterator[Account]:
    """A sandbox of our own, and credentials for it."""
    with own_sandbox(arguments) as url:
        yield _sandbox_at(url)


def _sandbox_at(api_url: str, login_url: str | None = None) -> Account:
    """A sandbox on this machine, with the credentials that are its own and nobody's secret."""
    credentials = {
        "GENESYSCLOUD_OAUTHCLIENT_ID": CLIENT_ID,
        "GENESYSCLOUD_OAUTHCLIENT_SECRET": CLIENT_SECRET,
    }
    account = find_account(credentials, api_url=api_url, login_url=login_url)
    return account._replace(origin="the sandbox (with --api-url: from the environment)")


def log_to_stderr() -> None:
    """Show what the rooms log: waits and retries, never a value and never a secret."""
    logger = logging.getLogger("batchpatch")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
