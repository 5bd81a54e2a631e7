"""What the rows of a run come to."""

from __future__ import annotations

from typing import Any

import pytest

from batchpatch.commands.price import Price, price_of
from batchpatch.merging.forecast import Forecast
from batchpatch.model import Row
from batchpatch.writes.registry import find_kind, find_route

PLACES = [("c1", "p1"), ("c1", "p2"), ("c2", "p3"), ("c1", "p1")]


def price(*, most: int = 4, write: str | None = None, **asked: Any) -> Price:
    """Of four rows of three participants in two conversations."""
    forecast = Forecast(1000)
    forecast.add([Row(n, n, 0, *place, ("a",), ("x",)) for n, place in enumerate(PLACES, 1)])
    usual = {"route": None, "lookup_batch": 100, "check_choices": False, "looks_each": 0.0}
    return price_of(forecast, most=most, kind=find_kind(write), **{**usual, **asked})


def test_rows_that_go_together_cost_one_patch() -> None:
    """What reading first would cost is told beside the sum, because nobody has asked for it."""
    assert price() == Price(3, 2, 3, 0, reads=2, choices=0, looks=0, route_reads=0)
    assert price().requests == 3


@pytest.mark.parametrize(
    ("asked", "requests"),
    [
        ({"looks_each": 1.0}, 3 + 2),
        ({"looks_each": 2.1}, 3 + 4 + 1),
        ({"check_choices": True}, 3 + 3),
        ({"write": "wrapup", "looks_each": 1.0}, 3 + 3),
        ({"write": "wrapup", "route": find_route("communication", write="wrapup")}, 3 + 2),
    ],
)
def test_each_thing_that_is_asked_for_has_its_price(asked: dict[str, Any], requests: int) -> None:
    """Whoever adds a flag sees what it costs: reads are of conversations, or of participants."""
    assert price(**asked).requests == requests


def test_there_are_no_more_of_them_than_rows() -> None:
    """Of millions they are estimated, and the estimate may be too high."""
    assert price(most=2)[:2] == (2, 2)
