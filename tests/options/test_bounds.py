"""Settings of a program: a number that nothing can work with is refused where it is given."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import SettingsError
from batchpatch.options.run import (
    ConnectOptions,
    DailyHours,
    LimitOptions,
    MaxFailures,
    PaceOptions,
    Rate,
    RecordOptions,
    RetryPolicy,
    Settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = float("nan")
WRONG: list[tuple[str, Callable[[Any], object]]] = [
    ("pace.tokens is not a whole number from 1 to 50: 0.", lambda _: pace(tokens=0)),
    ("from 1 to 50: 99.", lambda _: pace(tokens=99)),
    ("from 1 to 50: '3'.", lambda _: pace(tokens="3")),
    ("from 1 to 50: True.", lambda _: pace(tokens=True)),
    ("pace.share is not a number above 0 to 1: 2.", lambda _: pace(share=2)),
    ("above 0 to 1: 0.", lambda _: pace(share=0)),
    ("pace.rate is of the type int", lambda _: pace(rate=5)),
    ("pace.rate.per_s is not a number above 0: 0.", lambda _: pace(rate=Rate(0))),
    ("pace.assumed.per_s is not a number above 0: nan.", lambda _: pace(assumed=Rate(NAN))),
    (
        "concurrency is not a whole number from 1: 0.",
        lambda _: connect(concurrency=0),
    ),
    (
        "total_s is not a number above 0",
        lambda _: connect(total_s=0),
    ),
    (
        "retries is not a whole number",
        lambda _: Settings(retry=RetryPolicy(retries=-1)),
    ),
    (
        "max_wait_s is not a number",
        lambda _: Settings(retry=RetryPolicy(max_wait_s=NAN)),
    ),
    ("limits.grace_s is not a number from 0: -1.", lambda _: LimitOptions(grace_s=-1)),
    (
        "limits.max_outage_s is not a number",
        lambda wrong: LimitOptions(max_outage_s=wrong("9")),
    ),
    (
        "max_failures.rows is not a whole",
        lambda _: LimitOptions(max_failures=MaxFailures(rows=-1)),
    ),
    ("max_failures is of the type int", lambda wrong: LimitOptions(max_failures=wrong(5))),
    ("DailyHours of two datetime.time", lambda wrong: LimitOptions(between=wrong(("22:00", "6")))),
    ("a DailyHours of two", lambda wrong: LimitOptions(between=DailyHours(wrong("22"), time(6)))),
]


def pace(**options: Any) -> Settings:
    """Settings with that pace."""
    return Settings(pace=PaceOptions(**options))


def connect(**options: Any) -> Settings:
    """Settings with these connections."""
    return Settings(connect=ConnectOptions(**options))


def untyped(value: Any) -> Any:
    """As a program without a type checker passes it."""
    return value


@pytest.mark.parametrize(("words", "make"), WRONG, ids=[words for words, _ in WRONG])
def test_it_is_refused_in_a_sentence(words: str, make: Callable[[Any], object]) -> None:
    """Else a group of exceptions came out of the pipeline, when rows had been read already."""
    with pytest.raises(SettingsError) as refused:
        make(untyped)
    assert words in str(refused.value)


def test_what_can_be_kept_is_taken() -> None:
    """The ends of each bound, and what means without bound."""
    hours = DailyHours(time(22), time(6))
    assert pace(tokens=50, share=1, rate=None, assumed=None).pace.tokens == 50
    assert LimitOptions(max_outage_s=float("inf"), grace_s=0, between=hours).between == hours
    assert LimitOptions(max_failures=MaxFailures(percent=0.0)).max_failures is not None
    assert Settings(retry=RetryPolicy(retries=0, max_wait_s=0)).retry.retries == 0


def test_a_directory_may_be_a_text() -> None:
    """As it may be for a patcher, `resume` and `plan`."""
    assert RecordOptions(out=untyped("friday")).out == Path("friday")
