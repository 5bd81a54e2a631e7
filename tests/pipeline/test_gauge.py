"""What a run that has ended leaves to the next process is what that one then takes."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from batchpatch.pipeline.gauge import Gauge, Rest


def gauge_of(
    *,
    rows: int,
    recorded: int,
    patches: int,
    reads: int = 0,
    found: int | None = None,
    **options: bool,
) -> Gauge:
    """A gauge of a run that has sent so many patches, and recorded the rows of some of them.

    `found`: so many rows have a participant that was found by a read.
    """
    calls = Counter(patches=patches, reads=reads, other=2)
    traffic = SimpleNamespace(calls=calls, admitted=calls.total())
    parts: dict[str, Any] = {
        "feeder": SimpleNamespace(
            rows=rows if found is None else found,
            fed=rows if found is None else found,
            in_hand=0,
            reads_made=found or 0,
            reads_left=0,
        ),
        "recorder": SimpleNamespace(
            counts=Counter(updated=recorded), settled_before=0, patches_sent=recorded
        ),
        "client": SimpleNamespace(traffic=traffic),
        "window": None,
    }
    source: Any = SimpleNamespace(rows_expected=rows)
    return Gauge(source, hours=None, **options, **parts)


@pytest.mark.parametrize("recorded", [0, 10, 60, 186])
def test_what_was_in_flight_is_no_cost_of_what_is_settled(recorded: int) -> None:
    """Left at once, 32 patches have no line: they are to come again, and make no row dearer."""
    rows = 3000
    gauge = gauge_of(rows=rows, recorded=recorded, patches=recorded + 32)
    assert gauge.requests_left(Rest(rows, recorded)) == rows - recorded


@pytest.mark.parametrize("on_disk", [0, 20])
def test_rows_that_found_no_room_on_disk_are_to_come_again(on_disk: int) -> None:
    """Of a full disk the lines are missing that were counted; each row is read and sent anew."""
    gauge = gauge_of(rows=200, recorded=170, patches=200, reads=200, reads_each=True)
    assert gauge.requests_left(Rest(200, on_disk)) == 2 * (200 - on_disk)


def test_rows_that_went_together_go_together_again() -> None:
    """Ten rows a patch stay ten rows a patch, whatever was in flight."""
    gauge = gauge_of(rows=2000, recorded=1000, patches=100)
    gauge._recorder.patches_sent = 90  # type: ignore[misc]  # ten of them have no line yet
    assert gauge.requests_left(Rest(2000, 1000)) == 90


@pytest.mark.parametrize(
    ("sends", "recorded", "to_come"),
    [(True, 0, 2000 + 3000 + 3000), (True, 400, 2000 + 2600 + 2600), (False, 400, 2000)],
)
def test_who_is_found_by_a_read_is_read_once_more_for_what_it_has(
    sends: bool, recorded: int, to_come: int
) -> None:
    """With --keep-before a third of what was to come was in no count. A plan needs no other read,
    and was said to take twice as long."""
    patches, reads = (recorded, 1000 + recorded) if sends else (0, 1000)
    gauge = gauge_of(
        rows=3000,
        recorded=recorded,
        patches=patches,
        reads=reads,
        found=1000,
        reads_each=True,
        sends=sends,
    )
    assert gauge.requests_left() == to_come
