"""Which column means what, and what is said where one is missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import InputError
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading.mapping import Mapping, map_columns

IDS = ["conversationId", "participantId"]


def mapped(header: list[str], **options: Any) -> Mapping:
    return map_columns(header, ReadOptions(**options), name="rows.csv")


def not_sent(mapping: Mapping) -> list[str]:
    """The columns that are carried along and nothing more, as `check` says it."""
    return [use.column for use in mapping.uses if use.use == "not sent"]


def refusal(header: list[str], **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        mapped(header, **options)
    return str(caught.value)


spellings = st.builds(
    lambda name, marks, upper: "".join(
        mark + (letter.upper() if big else letter)
        for letter, mark, big in zip(name, marks, upper, strict=False)
    ),
    st.sampled_from(["conversationid", "conversation", "interactionid"]),
    st.lists(st.sampled_from(["", "", " ", "_", "-"]), min_size=20, max_size=20),
    st.lists(st.booleans(), min_size=20, max_size=20),
)


@given(column=spellings)
def test_case_spaces_and_dashes_do_not_matter(column: str) -> None:
    """Every export spells its columns in its own way."""
    assert mapped(["a", column, "participantId", "attr.x"]).conversation == 1


@pytest.mark.parametrize("column", ["participantId", "participant", "PARTICIPANT_ID"])
def test_the_participant_has_its_names(column: str) -> None:
    """As the contract lists them."""
    assert mapped(["conversation", column, "attr.x"]).participant == 1


@pytest.mark.parametrize("prefix", ["attributes.", "attr.", "Attribute.", " ATTRS."])
def test_a_prefix_makes_an_attribute(prefix: str) -> None:
    """The rest of the name is the attribute's own, its case included."""
    mapping = mapped([*IDS, f"{prefix}Customer Tier", "note"])
    assert (mapping.names, mapping.positions) == (("Customer Tier",), (2,))
    assert not_sent(mapping) == ["note"]


def test_columns_can_be_chosen_by_name() -> None:
    """They are sent under the names that they have, in the order of the file."""
    mapping = mapped([*IDS, "b", "Other One", "a"], attributes=("a", "other_one"))
    assert mapping.names == ("Other One", "a")
    assert not_sent(mapping) == ["b"]


def test_all_columns_are_those_without_another_use() -> None:
    """Neither the ids nor what batchpatch itself has written are sent."""
    header = [*IDS, "batchpatch_error", "Batchpatch Skip", "a", "attr.b"]
    mapping = mapped(header, all_columns=True)
    assert mapping.names == ("a", "b")
    assert mapping.skip_at == 3


def test_a_column_that_was_chosen_by_its_prefixed_name_is_sent_once() -> None:
    """An attribute named "attr.tier" beside "tier" could never be deleted again."""
    assert mapped([*IDS, "attr.tier"], attributes=("attr.tier",)).names == ("tier",)


def test_any_column_can_be_mapped_to_any_field() -> None:
    """An export that cannot be changed is usable all the same."""
    header = ["Ticket", "Who", "participantId", "Level", "k", "v"]
    fields = {"conversation": "ticket", "participant": "Who", "attr.tier": "Level"}
    mapping = mapped(header, columns={**fields, "key": "k", "value": "v"})
    assert (mapping.conversation, mapping.participant) == (0, 1)
    assert (mapping.names, mapping.positions, mapping.pair_at) == (("tier",), (3,), (4, 5))


@pytest.mark.parametrize("header", [[*IDS, "attributes"], [*IDS, "Key", "VALUE"]])
def test_an_object_or_a_pair_is_enough(header: list[str]) -> None:
    """Those inputs name their attributes in the rows."""
    mapping = mapped(header)
    assert not mapping.is_plain
    assert not not_sent(mapping)


@pytest.mark.parametrize("alone", ["key", "value"])
def test_half_a_pair_is_a_column_like_any_other(alone: str) -> None:
    """A CRM's own "value" column does not become unusable."""
    assert mapped([*IDS, alone], all_columns=True).names == (alone,)


def test_a_constant_replaces_the_column_of_its_name() -> None:
    """--set wins, and `check` says so."""
    mapping = mapped([*IDS, "attr.a", "attr.b"], constants={"a": "1"})
    assert mapping.names == ("b",)
    assert [use.use for use in mapping.uses][2:] == ["replaced by --set a", "attribute b"]


def test_each_column_has_a_word_about_its_use() -> None:
    """What `check` shows is what a run does."""
    header = [*IDS, "attributes", "key", "value", "batchpatch_skip", "batchpatch_hint", "x"]
    assert [use.use for use in mapped(header).uses] == [
        "conversation id",
        "participant id",
        "attributes, as a JSON object",
        "attribute name",
        "attribute value",
        "names of attributes not to send",
        "ignored (batchpatch's own)",
        "not sent",
    ]


WHO = ["purpose", "ani", "User ID", "External-Id", "match.Order"]


def selected(mapping: Mapping) -> list[tuple[str, str, int]]:
    return [(one.field, one.attribute, one.position) for one in mapping.selectors]


def test_columns_may_say_who_is_meant_instead_of_an_id() -> None:
    """People have a conversation id, seldom a participant id."""
    mapping = mapped(["conversationId", *WHO, "attr.a"])
    assert mapping.participant is None
    assert selected(mapping) == [
        ("purpose", "", 1),
        ("address", "", 2),
        ("userId", "", 3),
        ("externalContactId", "", 4),
        ("match", "Order", 5),
    ]
    assert {use.use for use in mapping.uses[1:6]} == {"selects the participant"}


@pytest.mark.parametrize("column", WHO)
def test_where_there_are_ids_a_selector_is_for_rows_without_one(column: str) -> None:
    """`check` says so; those rows were invalid before."""
    mapping = mapped([*IDS, column, "attr.a"])
    assert mapping.participant == 1
    assert mapping.uses[2].use == "selects the participant where it has no id"


@given(header=st.lists(st.sampled_from([*WHO, "address", "x", "attr.userId"]), unique=True))
def test_inputs_with_ids_send_what_they_sent(header: list[str]) -> None:
    """Exports have had columns with these names before they had a meaning."""
    plain = mapped([*IDS, *header, "attr.a"])
    assert set(plain.names) == {"a"} | ({"userId"} if "attr.userId" in header else set())
    whole = mapped([*IDS, *header, "attr.a"], all_columns=True)
    assert whole.selectors == ()
    assert whole.names == (*(name.removeprefix("attr.") for name in header), "a")


def test_all_columns_leave_out_what_says_who_is_meant() -> None:
    """Without an id column they have a use, and --all-columns sends what has none."""
    mapping = mapped(["conversationId", "purpose", "tier"], all_columns=True)
    assert mapping.names == ("tier",)
    assert selected(mapping) == [("purpose", "", 1)]


@pytest.mark.parametrize(
    "options",
    [{"attributes": ("purpose",)}, {"columns": {"attr.purpose": "purpose"}}],
)
@pytest.mark.parametrize("ids", [IDS, ["conversationId", "userId"]])
def test_an_attribute_that_was_asked_for_is_no_selector(
    options: dict[str, Any], ids: list[str]
) -> None:
    """What the user says wins over what a name suggests."""
    mapping = mapped([*ids, "purpose"], **options)
    assert mapping.names == ("purpose",)
    assert 2 not in [column.position for column in mapping.selectors]


def test_any_column_can_be_mapped_to_a_selector() -> None:
    """Also beside ids, with --all-columns, and instead of the column with the usual name."""
    fields = {"purpose": "Kind", "match.Order No": "order", "userId": "Agent"}
    mapping = mapped([*IDS, "Kind", "order", "agent", "Purpose"], columns=fields, all_columns=True)
    assert selected(mapping) == [("purpose", "", 2), ("match", "Order No", 3), ("userId", "", 4)]
    assert mapping.names == ("Purpose",)
    header = [*IDS[:1], "Kind", "purpose", "attr.a"]
    assert not_sent(mapped(header, columns={"purpose": "Kind"})) == ["purpose"]


def test_one_option_can_say_who_is_meant() -> None:
    """An input of conversation ids alone is a whole job."""
    mapping = mapped(
        ["conversationId"], participant=parse_participant("customer"), constants={"a": "1"}
    )
    assert (mapping.participant, mapping.selectors) == (None, ())


def test_the_keys_of_a_plan_have_their_own_uses() -> None:
    """`check` of a plan shows that they were understood; --all-columns does not send them."""
    header = [*IDS, "attributes", "organisation", "region", "before", "blanked", "flags", "x"]
    mapping = map_columns(header, ReadOptions(all_columns=True), name="x", plan=True)
    assert mapping.names == ("x",)
    assert all(use.use.startswith("plan: ") for use in mapping.uses[3:8])
    assert not_sent(mapped(header)) == header[3:]


@pytest.mark.parametrize(
    ("header", "options", "words"),
    [
        (["id", "participant"], {}, ["no conversation column", "id, part", "--map conversation="]),
        (["conversation", ""], {}, ["no participant column", "(no name)", "--map participant="]),
        (["conversation", "x"], {}, ["--participant customer", "a column purpose"]),
        ([*IDS, "a"], {"columns": {"match.x": "b"}}, ["--map match.x=b", "no such column"]),
        ([*IDS], {}, ["attr.NAME", "--set"]),
        ([*IDS, "tier", "note"], {}, ["tier, note", "--attributes tier", "--all-columns"]),
        ([*IDS, "a"], {"attributes": ("b",)}, ["--attributes b", "no such column", "Id, a"]),
        ([*IDS, "a"], {"columns": {"attr.x": "b"}}, ["--map attr.x=b", "no such column"]),
        ([*IDS, "a", "A "], {"attributes": ("_a",)}, ["--attributes _a", "more than once"]),
        ([*IDS, "Interaction ID"], {}, ["more than one conversation", "--map conversation="]),
        ([*IDS, "attr.a", "attributes.a"], {}, ["two columns", "'a'"]),
        ([*IDS, "a", "a"], {"all_columns": True}, ["two columns", "'a'"]),
        ([*IDS, "a", ""], {"all_columns": True}, ["without a name", "Column 4"]),
        ([*IDS, "attr. "], {}, ["without a name"]),
        ([*IDS, "attr.a", "batchpatch_skip", "Batchpatch-Skip"], {}, ["batchpatch_skip"]),
        ([*IDS, "batchpatch_mend"], {"attributes": ("batchpatch_mend",)}, ["is never sent"]),
        ([*IDS, "Batchpatch Row"], {"columns": {"attr.x": "batchpatch_row"}}, ["is never sent"]),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_names_the_columns_and_the_way_out(
    header: list[str], options: dict[str, Any], words: list[str]
) -> None:
    """The sentence is all that the user has to repair the command with."""
    text = refusal(header, **options)
    assert [word for word in words if word not in text] == []


def test_equal_names_without_a_use_do_no_harm() -> None:
    """Exports repeat columns; only one that is needed must be clear."""
    assert not_sent(mapped([*IDS, "x", "x", "attr.a"])) == ["x", "x"]


@given(header=st.lists(st.text(max_size=200) | st.just("y" * 5000), max_size=40))
def test_a_refusal_stays_readable(header: list[str]) -> None:
    """A file that is no CSV has a header of anything; it is neither dumped nor run as escapes."""
    text = refusal(header)
    assert len(text) < 6000
    assert text.isprintable()


@given(header=st.lists(st.text(max_size=8)), all_columns=st.booleans(), name=st.text(max_size=3))
def test_no_name_is_used_twice_or_empty(header: list[str], all_columns: bool, name: str) -> None:
    """Whatever the header, what comes out can be sent."""
    try:
        mapping = mapped([*IDS, *header, "attr.a"], all_columns=all_columns, attributes=(name,))
    except InputError:
        return
    assert len({*mapping.names}) == len(mapping.names) == len({*mapping.positions})
    assert all(map(str.strip, mapping.names))
    assert not {mapping.conversation, mapping.participant} & set(mapping.positions) or name
    assert [use.column for use in mapping.uses] == [*IDS, *header, "attr.a"]


def test_an_object_without_keys_has_no_list_of_them() -> None:
    """`Its columns: .` reads as if something were lost."""
    with pytest.raises(InputError) as caught:
        map_columns([], ReadOptions(), name="this line", is_json=True)
    assert "Its columns: ." not in str(caught.value)
    assert "It has none at all." in str(getattr(caught.value, "first", caught.value))
