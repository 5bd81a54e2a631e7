"""What a run that has ended leaves to the next process is what that one then takes."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from batchpatch.pipeline.gauge import Gauge, Rest


def gauge_of(
    *, rows: int, recorded: int, patches: int, reads: int = 0, reads_each: bool = False
) -> Gauge:
    """A gauge of a run that has sent so many patches, and recorded the rows of some of them."""
    calls = Counter(patches=patches, reads=reads, other=2)
    traffic = SimpleNamespace(calls=calls, admitted=calls.total())
    parts: dict[str, Any] = {
        "feeder": SimpleNamespace(rows=rows, fed=rows, in_hand=0, reads_left=0),
        "recorder": SimpleNamespace(
            counts=Counter(updated=recorded), settled_before=0, patches_sent=recorded
        ),
        "client": SimpleNamespace(traffic=traffic),
        "window": None,
    }
    source: Any = SimpleNamespace(rows_expected=rows)
    return Gauge(source, hours=None, reads_each=reads_each, **parts)


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
