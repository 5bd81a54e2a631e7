"""What only shows may fail as it likes: the work, its counts and its exit code are as without."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.pipeline import report
from batchpatch.pipeline.report import Observer, attempt_to_show

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES = [OverflowError("inf"), OSError(5, "EIO"), RecursionError(), asyncio.CancelledError()]


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have logged does not count."""
    monkeypatch.setattr(report, "_told", set())


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_an_observer_that_fails_is_called_again(
    failure: BaseException, run_virtual: Callable[[Any], Any]
) -> None:
    """A terminal may come back; and a future's CancelledError is no cancellation of the work."""
    seen: list[Any] = []

    def observe(progress: Any) -> None:
        seen.append(progress)
        raise failure

    async def run() -> bool:
        watching = asyncio.create_task(Observer(observe, lambda: "far").watch())  # type: ignore[arg-type, return-value]
        await asyncio.wait([watching], timeout=1.1)
        watching.cancel()
        return watching.done()

    assert not run_virtual(run())
    assert seen == ["far"] * 5


def test_a_failure_is_logged_once_and_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """It comes four times a second, and its text may hold anything."""

    def act() -> None:
        raise ValueError("a value")

    with caplog.at_level(logging.WARNING):
        assert [attempt_to_show("The progress", act) for _ in range(3)] == [None] * 3
    assert caplog.messages == ["The progress cannot be shown (ValueError); the work goes on."]


@pytest.mark.parametrize("meant", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_to_end_the_program_does(meant: type[BaseException]) -> None:
    """Ctrl-C may come while the progress is shown."""

    def act() -> None:
        raise meant

    with pytest.raises(meant):
        attempt_to_show("The progress", act)
