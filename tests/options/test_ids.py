"""One spelling for each id, and nothing else in its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.options.fields import are_canonical, canonical_uuid

if TYPE_CHECKING:
    from uuid import UUID

CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
uuids = st.uuids().map(str)
near = st.builds(
    lambda text, at, new: text[: at % 37] + new + text[at % 37 + 1 :],
    uuids,
    st.integers(0),
    st.text(alphabet="0af-g,AG\0é٣\ud800 ", max_size=2),
)


@given(
    uuid=st.uuids(),
    upper=st.booleans(),
    braces=st.booleans(),
    space=st.sampled_from(["", " ", "\t"]),
)
def test_spellings_of_one_id_come_to_the_same(
    uuid: UUID, upper: bool, braces: bool, space: str
) -> None:
    """Two rows that name a participant differently are still about one participant."""
    text = str(uuid).upper() if upper else str(uuid)
    assert canonical_uuid(space + (f"{{{text}}}" if braces else text) + space) == str(uuid)


@pytest.mark.parametrize(
    "around",
    [
        "\u200b{}\u200b",
        "\ufeff{}",
        "\u200e{}\u200f\u2060",
        "\u202a{}\u202c",
        "\u2068{}\u2069",
        "\u00a0{}\u3000",
        "\u201c{}\u201d",
        "\u201e{}\u201c",
        "\u2018{}\u2019",
        "'{}",
        '"{}"',
        '="{}"',
        ' ="{}" ',
        "'{{{}}}",
        "{{ {} }}",
    ],
)
def test_what_stands_around_an_id_is_none_of_it(around: str) -> None:
    """Web pages, word processors and spreadsheets put it there, and some of it cannot be seen."""
    uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert canonical_uuid(around.format(uuid.upper())) == uuid


@given(text=st.text() | near | uuids)
def test_an_id_is_a_whole_uuid_or_none(text: str) -> None:
    """Nothing that could change the path of a request passes as an id."""
    found = canonical_uuid(text)
    assert found is None or CANONICAL.fullmatch(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "../3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301/..",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301\n3f2504e0",
        "{3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "3f2504e04f8941d39a0c0305e82c3301",
        "\uff13f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "3f2504e0\u20114f89-41d3-9a0c-0305e82c3301",
        "3f2504e0-\u200b4f89-41d3-9a0c-0305e82c3301",
        "3f2504e0-4f89'-41d3-9a0c-0305e82c3301",
        "==3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    ],
)
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    """Paths, halves, lists and digits of other scripts."""
    assert canonical_uuid(text) is None


@given(ids=st.lists(uuids | near, max_size=4))
def test_many_ids_are_judged_as_one_by_one(ids: list[str]) -> None:
    """The quick look at a whole column says what the expression would say of each."""
    assert are_canonical(ids) == all(CANONICAL.fullmatch(one) for one in ids)
