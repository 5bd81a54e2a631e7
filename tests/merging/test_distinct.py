"""Counting different things without keeping them all."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.merging.forecast import DistinctCount

HASHES = (-(1 << 63), (1 << 63) - 1)


@given(batches=st.lists(st.lists(st.integers(*HASHES) | st.integers(0, 3))))
def test_it_is_exact_up_to_its_bound(batches: list[list[int]]) -> None:
    """Repeated ones count once, in one batch or in several."""
    different = {one for batch in batches for one in batch}
    count = DistinctCount(exact_up_to=max(1, len(different)))
    for batch in batches:
        count.update(batch)
    assert (count.exact, count.count) == (True, len(different))


def fixed_hash(number: int) -> int:
    """Spread like those of texts, and the same in every process."""
    return int.from_bytes(blake2b(b"%d" % number, digest_size=8).digest(), signed=True)


@given(bound=st.integers(1, 50), more=st.integers(1, 200))
def test_it_says_so_when_it_is_no_longer_exact(bound: int, more: int) -> None:
    """Whoever reads an estimate knows that it is one, and that memory is bounded."""
    count = DistinctCount(exact_up_to=bound)
    for number in range(bound + more):
        count.update([fixed_hash(number)])
        assert len(count._sample) <= bound
    assert not count.exact


@pytest.mark.parametrize("different", [100_001, 250_000, 600_000])
@pytest.mark.parametrize("repeats", [1, 3])
def test_beyond_it_is_within_two_percent(different: int, repeats: int) -> None:
    """With fixed hashes, so that chance has no part in this test."""
    hashes = [fixed_hash(number) for number in range(different)]
    count = DistinctCount()  # its own bound: the error follows from it
    for _ in range(repeats):
        for at in range(0, different, 500):
            count.update(hashes[at : at + 500])
    assert not count.exact
    assert count.count == pytest.approx(different, rel=0.02)


def test_the_hashes_of_ids_are_spread_well_enough() -> None:
    """The estimate rests on that; integers, whose hash is their value, would not do."""
    count = DistinctCount(exact_up_to=5_000)
    count.update([hash(("c", f"{n:032d}")) for n in range(100_000)])
    assert count.count == pytest.approx(100_000, rel=0.15)
