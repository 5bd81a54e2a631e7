"""Thresholds and hours are read as they are written, and mean what they say."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import SettingsError
from batchpatch.options.run import JUDGED_ROWS, DailyHours, MaxFailures
from batchpatch.options.spelling import parse_between, parse_duration, parse_max_failures

MINUTES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
HOURS = st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] != pair[1])
MOMENTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1))  # noqa: DTZ001
PERCENTS = st.integers(0, 1000).map(lambda tenths: tenths / 10)


@given(st.one_of(st.integers(0).map(MaxFailures), PERCENTS.map(lambda p: MaxFailures(None, p))))
def test_a_threshold_is_printed_as_it_is_read(most: MaxFailures) -> None:
    """The reason of a stop quotes the flag; the user must find it in the command."""
    assert parse_max_failures(str(most)) == most


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_number_of_rows_may_fail(most: int, failed: int) -> None:
    """`--max-failures 50` bears fifty, and stops at the next, however many were settled."""
    assert (MaxFailures(rows=most).breach(failed, failed) is not None) is (failed > most)


@given(PERCENTS, st.integers(0, 10_000), st.data())
def test_a_share_is_not_judged_too_early(percent: float, settled: int, data: st.DataObject) -> None:
    """Two failures among the first three rows are no trend; after a hundred rows they count."""
    failed = data.draw(st.integers(0, settled))
    exceeded = MaxFailures(percent=percent).breach(failed, settled) is not None
    if settled < JUDGED_ROWS:
        assert not exceeded
    else:
        assert exceeded is (failed > round(settled * percent / 100, 6))


@pytest.mark.parametrize(
    ("most", "counts", "total", "said"),
    [
        (MaxFailures(percent=1), (3, 3), 200, "3 of 200 rows failed, more than --max-failures 1%"),
        (MaxFailures(percent=1), (2, 2), 200, None),
        (MaxFailures(percent=5), (4, 4), 60, "4 of 60 rows failed, more than --max-failures 5%"),
        (MaxFailures(percent=5), (4, 4), None, None),
        (MaxFailures(percent=1), (73, 100), None, "73 of the first 100 rows failed, more than"),
        (MaxFailures(percent=1), (73, 100), 20_000, "73 of the first 100 rows failed, more than"),
        (MaxFailures(rows=2), (3, 9), 200, "3 rows failed, more than --max-failures 2 allows."),
        (MaxFailures(rows=0), (1, 9), None, "1 row failed, more than --max-failures 0 allows."),
    ],
)
def test_what_is_certain_of_all_rows_is_not_waited_for(
    most: MaxFailures, counts: tuple[int, int], total: int | None, said: str | None
) -> None:
    """Of a file whose rows are counted, failures beyond the share are beyond it whatever comes."""
    because = most.breach(*counts, total=total)
    assert (because or "").startswith(said or "")
    assert (because is None) is (said is None)


@pytest.mark.parametrize("text", ["", "%", "-1", "-1%", "101%", "nan%", "inf%", "5 rows", "1.5"])
def test_what_is_no_threshold_is_refused(text: str) -> None:
    """Nothing is sent on a guess about when to stop."""
    with pytest.raises(SettingsError, match="--max-failures"):
        parse_max_failures(text)


@given(st.integers(0, 9), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, secs: int) -> None:
    """Written in any of the usual ways, parts that are absent included."""
    wanted_s = timedelta(days=days, hours=hours, minutes=minutes, seconds=secs).total_seconds()
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (secs, "s")]
    for spelled in (parts, [part for part in parts if part[0]] or parts):
        text = "".join(f"{number}{unit}" for number, unit in spelled)
        assert parse_duration(text, flag="--x") == wanted_s
        assert parse_duration(f" {text.upper()} ", flag="--x") == wanted_s


@pytest.mark.parametrize(("text", "wanted_s"), [("90", 90), ("15min", 900), ("1h 30m", 5400)])
def test_other_spellings_of_a_duration(text: str, wanted_s: float) -> None:
    """What people write without looking it up."""
    assert parse_duration(text, flag="--x") == wanted_s


@pytest.mark.parametrize("text", ["", " ", "soon", "-5", "1.5h", "30m1h", "5x", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The sentence names the flag, because several take a duration."""
    with pytest.raises(SettingsError, match="--max-outage"):
        parse_duration(text, flag="--max-outage")


@given(HOURS)
def test_hours_are_printed_as_they_are_read(pair: tuple[time, time]) -> None:
    """The progress line shows them while it waits."""
    hours = DailyHours(*pair)
    assert parse_between(str(hours)) == hours


@given(HOURS, MOMENTS)
def test_hours_open_where_they_say(pair: tuple[time, time], moment: datetime) -> None:
    """Over midnight too: after the wait it is open, a moment before it is not, within a day."""
    hours = DailyHours(*pair)
    now = moment.replace(tzinfo=UTC)
    wait_s = hours.wait_s(now)
    assert 0 <= wait_s <= 86_400
    opening = now + timedelta(seconds=wait_s)
    assert hours.wait_s(opening) == 0
    if wait_s:
        assert opening.time() == hours.begin
        assert hours.wait_s(now + timedelta(seconds=wait_s / 2)) > 0


@given(HOURS, MOMENTS)
def test_hours_and_their_complement_share_the_day(
    pair: tuple[time, time], moment: datetime
) -> None:
    """At any moment exactly one of the two is open: no minute is lost at either end."""
    now = moment.replace(tzinfo=UTC)
    begin, end = pair
    is_open = [DailyHours(*ends).wait_s(now) == 0 for ends in ((begin, end), (end, begin))]
    assert sorted(is_open) == [False, True]


@pytest.mark.parametrize("text", ["", "22", "22:00", "22:00-", "22:00-06:00-07:00", "25:00-06:00"])
def test_what_are_no_hours_is_refused(text: str) -> None:
    """A run that was to wait for the night does not start at noon."""
    with pytest.raises(SettingsError, match="22:00-06:00"):
        parse_between(text)


def test_the_same_time_twice_is_refused() -> None:
    """Always, or never: the user means one of them, and nobody knows which."""
    with pytest.raises(SettingsError, match="two different times"):
        parse_between("08:00-08:00")
