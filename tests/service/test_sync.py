"""patch_sync, as Celery and Django use it: threads, forks, timeouts, the end of the process."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch import Outcome, Patcher, close_sync, configure_sync, patch_sync
from batchpatch.errors import AccessError, InputError, SettingsError
from batchpatch.service.sync import made_by

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batchpatch.model import RowResult
    from batchpatch.testing import Sandbox

    Ids = Callable[[int], tuple[str, str]]
    StartProgram = Callable[[str, Sandbox], subprocess.Popen[str]]
    OutcomeOf = Callable[[subprocess.Popen[str]], tuple[list[str], str]]


@pytest.fixture
def patch(sandbox: Sandbox, ids: Ids) -> Iterator[Callable[..., RowResult]]:
    """Patches a participant of a number, from whatever thread."""

    def patch_number(number: int, **more: Any) -> RowResult:
        conversation, participant = ids(number)
        return patch_sync(conversation, {"n": str(number)}, participant=participant, **more)

    with made_by(lambda: Patcher(account=sandbox.account)):
        yield patch_number


def test_threads_share_one_token(patch: Callable[..., RowResult], sandbox: Sandbox) -> None:
    """A worker of sixteen threads that minted sixteen tokens would be a bad guest."""
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(patch, range(400)))
    assert {result.outcome for result in results} == {Outcome.UPDATED}
    stats = sandbox.stats()
    assert (stats["mints"], stats["patches_applied"], stats["overlaps"]) == (1, 400, 0)


def test_the_rows_of_a_thread_keep_their_order(sandbox: Sandbox, ids: Ids) -> None:
    """Whoever waits for a result before the next call must find the last one there."""
    conversation, participant = ids(1)
    with made_by(lambda: Patcher(account=sandbox.account)):
        for value in range(20):
            patch_sync(conversation, {"value": str(value)}, participant=participant)
    assert sandbox.stored(conversation, participant) == {"value": "19"}


def test_a_timeout_withdraws_the_row(
    patch: Callable[..., RowResult], sandbox: Sandbox, ids: Ids
) -> None:
    """A row that its caller has given up must not land behind what it has done instead."""
    conversation, participant = ids(1)
    with sandbox.failing("kind=latency,ms=1000"), ThreadPoolExecutor() as threads:
        first = threads.submit(patch, 1)
        until_s = monotonic() + 20
        while not sandbox.stats()["in_flight"]:
            assert monotonic() < until_s
        with pytest.raises(TimeoutError, match=r"no result within 0\.3 s"):
            patch_sync(conversation, {"late": "yes"}, participant=participant, timeout_s=0.3)
        assert first.result().outcome is Outcome.UPDATED
    close_sync()  # drained: what was to be sent has been
    assert sandbox.stored(conversation, participant) == {"n": "1"}


def test_an_event_loop_is_not_held_up(patch: Callable[..., RowResult]) -> None:
    """Called by mistake from a coroutine it would stop everything there, at times for ever."""

    async def by_mistake() -> None:
        patch(1)

    with pytest.raises(InputError, match=r"await Patcher\.patch"):
        asyncio.run(by_mistake())


def test_refused_credentials_are_told_to_every_caller(
    sandbox: Sandbox, patch: Callable[..., RowResult]
) -> None:
    """A thread that waited for what can never come would hang its worker."""
    with (
        sandbox.failing("status=401,on=token,times=always"),
        ThreadPoolExecutor(8) as threads,
    ):
        calls = [threads.submit(patch, number) for number in range(8)]
        errors = [call.exception(timeout=30) for call in calls]
    assert [type(error) for error in errors] == [AccessError] * 8
    with pytest.raises(AccessError):
        close_sync()
    assert patch(1).outcome is Outcome.UPDATED  # opened anew


def test_without_credentials_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call of a deployment is where a forgotten variable shows; the next may have it."""
    for name in [name for name in os.environ if name.startswith("GENESYS")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nowhere")
    with made_by(Patcher):
        for _ in range(2):
            with pytest.raises(AccessError, match="GENESYSCLOUD_OAUTHCLIENT_ID"):
                patch_sync("x", {"a": "b"}, participant="customer")


@pytest.mark.parametrize("make", [None, 5, Patcher()])
def test_it_is_configured_with_what_makes_one(make: Any) -> None:
    """A patcher in the place of that was taken, and the first call said it is not callable."""
    with pytest.raises(SettingsError, match="give what makes one in each process"):
        configure_sync(make)


def test_it_is_configured_before_its_first_use(patch: Callable[..., RowResult]) -> None:
    """Options that come too late would be silently without effect."""
    patch(1)
    with pytest.raises(SettingsError, match="in use already"):
        configure_sync(Patcher)


def test_a_child_has_a_patcher_of_its_own(
    start_program: StartProgram, outcome_of: OutcomeOf, sandbox: Sandbox
) -> None:
    """After a fork the thread is gone and its sockets are the parent's: a worker would hang, or
    break what its parent has in flight."""
    program = start_program(
        """
        print("parent", patch(1))
        child = os.fork()
        if child == 0:
            print("child", patch(2), flush=True)
            sys.exit()
        os.waitpid(child, 0)
        print("parent", patch(3))
        """,
        sandbox,
    )
    lines, errors = outcome_of(program)
    assert (sorted(lines), errors) == (["child updated", "parent updated", "parent updated"], "")
    stats = sandbox.stats()
    assert (stats["mints"], stats["revoked"], stats["patches_applied"]) == (2, 2, 3)


def test_a_fork_amid_calls_leaves_no_lock_behind(
    start_program: StartProgram, outcome_of: OutcomeOf, sandbox: Sandbox
) -> None:
    """Servers fork while their threads are at work, and a lock is held in the child for ever."""
    program = start_program(
        """
        def go_on(number):
            for _ in range(20):
                patch(number)

        going = [threading.Thread(target=go_on, args=(number,)) for number in range(8)]
        for thread in going:
            thread.start()
        children = []
        for number in range(4):
            child = os.fork()
            if child == 0:
                done = patch(100 + number, timeout_s=30)
                close_sync()
                os._exit(done != "updated")
            children.append(child)
        print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
        for thread in going:
            thread.join()
        """,
        sandbox,
    )
    lines, errors = outcome_of(program)
    assert (lines, errors) == (["[0, 0, 0, 0]"], "")
    stats = sandbox.stats()
    assert (stats["patches_applied"], stats["mints"], stats["revoked"]) == (164, 5, 5)


def test_the_thread_of_the_loop_imports_nothing(
    start_program: StartProgram, outcome_of: OutcomeOf, sandbox: Sandbox
) -> None:
    """A fork at that moment would leave the module's lock held in the child, whose first import of
    it waits for ever: one fork in five did."""
    program = start_program(
        """
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if threading.current_thread().name == "batchpatch":
                    print(name)

        sys.meta_path.insert(0, Watch())
        print(patch(1))
        """,
        sandbox,
    )
    lines, errors = outcome_of(program)
    assert (lines, errors) == (["updated"], "")


def test_the_end_of_the_process_drains(
    start_program: StartProgram, outcome_of: OutcomeOf, sandbox: Sandbox, ids: Ids
) -> None:
    """A script that ends has its rows sent, those of an executor's threads and of daemons too, and
    leaves no token behind."""
    sandbox.set_faults("kind=latency,ms=700")
    program = start_program(
        """
        from concurrent.futures import ThreadPoolExecutor
        threading.Thread(target=patch, args=(1,), daemon=True).start()
        ThreadPoolExecutor(2).map(patch, range(2, 6))
        await_in_flight(3)
        """,
        sandbox,
    )
    assert outcome_of(program) == ([], "")
    assert len(sandbox.participants()) == 5
    assert sandbox.stats()["revoked"] == 1


def test_the_end_of_the_process_finishes_the_record(
    start_program: StartProgram, outcome_of: OutcomeOf, sandbox: Sandbox, ids: Ids, tmp_path: Path
) -> None:
    """At the end the interpreter has no threads to sync files in: the lines are there all the
    same."""
    for number in range(3):
        sandbox.know(*ids(number), attributes={"n": "before"})
    sandbox.set_faults("kind=latency,ms=1200,on=any")
    program = start_program(
        """
        from batchpatch import Safeguards, Settings
        keeping = Settings(safeguards=Safeguards(keep_before=True))
        configure_sync(lambda: Patcher(api_url=URL, record="here", settings=keeping))
        for number in range(3):
            threading.Thread(target=patch, args=(number,), daemon=True).start()
        await_in_flight(3)
        """,
        sandbox,
    )
    assert outcome_of(program) == ([], "")
    assert len((tmp_path / "here" / "results.jsonl").read_text().splitlines()) == 3
    assert len((tmp_path / "here" / "undo.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "here" / "summary.json").exists()
