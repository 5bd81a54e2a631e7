"""Whatever text a flag is given, it is read, or refused in one sentence that names the flag."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import SettingsError
from batchpatch.options.fields import parse_participant
from batchpatch.options.spelling import (
    parse_between,
    parse_choice,
    parse_duration,
    parse_max_failures,
    parse_number,
    parse_rate,
    parse_share,
    parse_text,
    parse_verify,
    parse_whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PARSERS = [
    *(parse_between, parse_duration, parse_max_failures, parse_number, parse_rate),
    *(parse_share, parse_text, parse_verify, parse_whole),
    partial(parse_choice, choices=("a", "b")),
]
NEAR = st.text(alphabet="0123456789.:%-+/dhmsin eE_Z٣\0\udcff", max_size=500)


@given(text=st.one_of(st.text(), NEAR), parse=st.sampled_from(PARSERS))
def test_any_text_is_a_value_or_a_sentence(text: str, parse: Callable[..., Any]) -> None:
    """Anything but the declared error would be a traceback, or an endless number in a timer."""
    try:
        parse(text, flag="--the-flag")
    except SettingsError as error:
        sentence = str(error)
        assert sentence.startswith("--the-flag")
        assert "\n" not in sentence
        assert len(sentence) < 300


@pytest.mark.parametrize(
    ("text", "share"), [("80%", 0.8), ("0.8", 0.8), (".5", 0.5), ("100%", 1.0), ("1", 1.0)]
)
def test_a_share_is_a_percentage_or_a_part(text: str, share: float) -> None:
    """`--share` and `--verify` are twins, and read alike."""
    assert parse_share(text, flag="--share") == parse_verify(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["0", "0%", "1.01", "101%", "5", "", "-1", "nan"])
def test_what_is_no_share_is_refused(text: str) -> None:
    """A part of nothing would wait for ever; 5 could be a percentage or five times all."""
    with pytest.raises(SettingsError, match="--share"):
        parse_share(text, flag="--share")


@pytest.mark.parametrize("text", ["-5s", "9" * 400, "9" * 400 + "d", "4000d", "٣s"])
def test_a_duration_has_an_end(text: str) -> None:
    """Minus five seconds is no time to wait, and neither is more than anybody lives."""
    with pytest.raises(SettingsError, match="--grace") as refused:
        parse_duration(text, flag="--grace")
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(("text", "wanted_s"), [("5s", 5.0), ("0.5", 0.5), ("1m", 60.0)])
def test_a_timeout_is_a_duration_as_others_are(text: str, wanted_s: float) -> None:
    """`--timeout 5s` reads as `--grace 5s` does, and a number is still seconds."""
    assert parse_duration(text, flag="--timeout", least_s=0.1, most_s=3600.0) == wanted_s


@pytest.mark.parametrize("text", ["0", "3601", "2h"])
def test_a_duration_keeps_to_its_bounds(text: str) -> None:
    """Its sentence says which bound."""
    with pytest.raises(SettingsError, match=r"at least|at most"):
        parse_duration(text, flag="--timeout", least_s=0.1, most_s=3600.0)


@pytest.mark.parametrize(
    "text", ["22:00Z-06:00Z", "22:00+01:00-06:00", "2200-0600", "24:00-06:00", "22:60-06:00", ""]
)
def test_hours_have_no_zone(text: str) -> None:
    """They are local time; a zone was once a traceback."""
    with pytest.raises(SettingsError, match="local time"):
        parse_between(text)


@pytest.mark.parametrize(("typo", "meant"), [("custmer", "customer"), ("agnet", "agent")])
def test_a_purpose_that_looks_like_a_typo_is_asked_about(typo: str, meant: str) -> None:
    """Else every row of the file would be invalid, after a look-up of each."""
    with pytest.raises(SettingsError, match=f"did you mean {meant}"):
        parse_participant(typo)


@pytest.mark.parametrize("text", ["customer", "workflow", "purpose=custmer", "External"])
def test_a_purpose_of_its_own_is_taken(text: str) -> None:
    """The platform may have purposes that nobody has listed."""
    assert parse_participant(text)[0].field == "purpose"


@pytest.mark.parametrize(
    ("parse", "form"),
    [
        (partial(parse_number, flag="--foreign"), "{}"),
        (parse_rate, "{}/s"),
        (partial(parse_share, flag="--share"), "{}"),
        (partial(parse_share, flag="--share"), "{}%"),
        (parse_verify, "{}%"),
        (parse_max_failures, "{}%"),
        (partial(parse_duration, flag="--grace"), "{}s"),
    ],
)
def test_a_third_may_have_all_its_digits(parse: Callable[[str], object], form: str) -> None:
    """A script that divides prints sixteen of them."""
    assert parse(form.format(1 / 3)) is not None
