"""Attribute names: which may be used, which deserve a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.reading import values as names_module
from batchpatch.reading.values import Names, UnsendableError
from batchpatch.writes.attributes import ATTRIBUTES


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "empty_name"),
        (" \t", "empty_name"),
        (" \u200b ", "empty_name"),
        ("a\0", "nul_character"),
    ],
)
def test_a_name_nobody_could_mean_is_refused(name: str, code: str) -> None:
    """The platform cannot delete an attribute once it is there."""
    error = Names(None, {}).row_error(("good", name))
    assert error is not None
    assert error.code == code


@given(allowed=st.sets(st.text(min_size=1, max_size=3)), used=st.lists(st.sampled_from("abc")))
def test_only_the_names_that_were_allowed_pass(allowed: set[str], used: list[str]) -> None:
    """A typo makes a permanent attribute: --only-keys is the guard against that."""
    error = Names(frozenset(allowed), {}).row_error(tuple(used))
    assert (error is None) == (set(used) <= allowed)


def test_rows_with_the_same_names_share_one_tuple() -> None:
    """A million rows hold one set of names, not a million."""
    names = Names(None, {})
    first = names.shared(tuple("ab"))
    assert names.shared(tuple("ab")) is first


def test_what_is_wrong_is_said_each_time() -> None:
    """The second row with a bad name is as invalid as the first."""
    names = Names(frozenset("a"), {})
    for _ in range(2):
        with pytest.raises(UnsendableError):
            names.shared(("b",))


def test_memory_does_not_grow_with_the_number_of_names() -> None:
    """An input in which every row has names of its own, or endless ones, is read all the same."""
    names = Names(None, notices := {})
    for number in range(3000):
        names.shared((f"context.genesys.{number}",))
    names.shared(("x" * 100_000,))
    assert len(names.good) <= 1000
    assert not any(len(name) > 5000 for used in names.good for name in used)
    assert len(notices) <= names_module._NOTICES_KEPT


@pytest.mark.parametrize(
    "name", ["context.genesys.x", "context._genesys_.y", "conversationDetails.participantData.z"]
)
def test_a_name_with_a_meaning_is_told(name: str) -> None:
    """The platform sets some itself, and agents see others on their screen."""
    Names(None, notices := {}).shared(("tier", name))
    assert notices == {name: ATTRIBUTES.notice(name)}


def test_a_character_that_nobody_sees_is_told() -> None:
    """What was copied from a web page looks the same, and is an attribute of its own for ever."""
    Names(None, notices := {}).shared(("tier", "tier\u200b"))
    (told,) = notices.values()
    assert "U+200B" in told
    assert "\u200b" not in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (" tier", "' tier' has a blank in front or behind"),
        ("tier\u00a0", "has a blank in front or behind"),
        ("NULL", "An attribute is called 'NULL'"),
        ("#N/A", "An attribute is called '#N/A'"),
        ("attr.tier", "if 'tier' is meant"),
        ("attributes. tier", "if 'tier' is meant"),
    ],
)
def test_a_name_that_was_hardly_meant_is_told(name: str, words: str) -> None:
    """Keys of pairs and of JSON are sent as they are, and stay for ever."""
    Names(None, notices := {}).shared(("city", name))
    (told,) = notices.values()
    assert words in told
    assert "deleted" in told


@pytest.mark.parametrize("name", ["tier", "first name", "nullable", "attr", "context.x"])
def test_an_ordinary_name_is_not_told(name: str) -> None:
    """Nobody reads what is said of everything."""
    Names(None, notices := {}).shared((name,))
    assert notices == {}


def test_names_that_nobody_can_tell_apart_are_told() -> None:
    """A Mac composes its letters otherwise, and both are there for ever."""
    Names(None, notices := {}).shared(("\u00fc", "u\u0308"))
    (told,) = notices.values()
    assert "how letters are composed" in told
