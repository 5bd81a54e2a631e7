"""The dry run counts the requests that a run would need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.merging.forecast import Forecast
from batchpatch.merging.window import Window
from batchpatch.options.run import MergeOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.model import Row

people = st.integers(0, 5) | st.none()  # None: a row that asks for nothing


def hand_out(window: Window, *, flush: bool = False) -> None:
    while (patch := window.take(flush=flush)) is not None:
        window.release(patch)


@given(batches=st.lists(st.lists(people, max_size=8), max_size=8), window_rows=st.integers(1, 12))
def test_it_counts_what_a_window_hands_out(
    make_row: Callable[..., Row], batches: list[list[int | None]], window_rows: int
) -> None:
    """Where answers come at once: each patch is settled as soon as it is taken."""
    forecast = Forecast(window_rows)
    window = Window(MergeOptions(window_rows=window_rows))
    number = 0
    for batch in batches:
        rows = []
        for who in batch:
            number += 1
            rows.append(make_row(number, who or 0, {} if who is None else {"a": "x"}))
        forecast.add(rows)
        asking = [row for row in rows if row.names]
        for row in asking:
            window.add(row)
            if len(asking) > window_rows:  # a batch that is larger than the window is not put whole
                hand_out(window)
        hand_out(window)
    hand_out(window, flush=True)
    everybody = [who for batch in batches for who in batch]
    assert forecast.patches == window.patches
    assert forecast.nothing_to_set == everybody.count(None)
    assert forecast.participants.count == len({*everybody} - {None})
