"""Columns are known whatever their spelling, and shown so that they can be typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.options.fields import (
    is_own,
    is_skip,
    normalized,
    selector_of,
)
from batchpatch.reading.column_names import listed
from batchpatch.writes.attributes import ATTRIBUTES, attribute_of


@given(column=st.text(), marks=st.text(alphabet=" _-\t"))
def test_a_spelling_is_normalised_once_and_for_all(column: str, marks: str) -> None:
    """Comparing normalised names is comparing what people mean."""
    assert normalized(f"{marks}{column}{marks}") == normalized(column)


@pytest.mark.parametrize(
    ("column", "attribute"),
    [
        ("attributes.tier", "tier"),
        ("ATTR. Tier ", "Tier"),
        ("attr.a.b", "a.b"),
        ("attr.", ""),
        ("attributes", None),
        ("my attr.x", None),
    ],
)
def test_the_name_of_an_attribute_is_its_own(column: str, attribute: str | None) -> None:
    """Only the prefix is matched freely: the platform tells `tier` from `Tier`."""
    assert attribute_of(column) == attribute


@pytest.mark.parametrize(
    ("column", "own", "skip"),
    [
        ("batchpatch_skip", True, True),
        (" BatchPatch Skip", True, True),
        ("batchpatch_error", True, False),
        ("Batchpatch-Hint", True, False),
        ("batchpatched", False, False),
    ],
)
def test_its_own_columns_are_known_in_any_spelling(column: str, own: bool, skip: bool) -> None:
    """A spreadsheet may have tidied the header of the failed rows; none of it is to be sent."""
    assert (is_own(column), is_skip(column)) == (own, skip)


@pytest.mark.parametrize(
    ("column", "selector"),
    [
        ("Purpose", ("purpose", "")),
        ("external_contact-ID", ("externalContactId", "")),
        ("External Id", ("externalContactId", "")),
        ("user id", ("userId", "")),
        ("ADDRESS", ("address", "")),
        ("ANI", ("address", "")),
        (" Match. Order No ", ("match", "Order No")),
        ("match.match.a", ("match", "match.a")),
        ("match.", None),
        ("match", None),
        ("attr.purpose", None),
        ("participantId", None),
    ],
)
def test_columns_that_say_who_is_meant(column: str, selector: tuple[str, str] | None) -> None:
    """Spelled as freely as the ids; the name of an attribute to match is the platform's own."""
    assert selector_of(column) == selector


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("key", True),
        ("attr.x", True),
        ("id", True),
        ("priority", True),
        ("deadline", True),
        ("Id", False),
        ("state", False),
        ("purpose", True),
        ("externalContactId", True),
        ("userId", True),
        ("address", True),
        ("match.x", True),
        ("match.", False),
        ("ani", False),
    ],
)
def test_a_column_can_be_mapped_to_what_there_is(name: str, known: bool) -> None:
    """A field that nobody reads would be ignored in silence."""
    assert ATTRIBUTES.columns.is_field(name) == known


@given(columns=st.lists(st.text(), min_size=1, max_size=60))
def test_a_list_of_columns_is_one_line_and_not_endless(columns: list[str]) -> None:
    """Terminals run escapes, and a file that is no CSV has thousands of columns."""
    text = listed(columns)
    assert text.isprintable()
    assert text.endswith(f" and {len(columns) - 20} more") == (len(columns) > 20)
