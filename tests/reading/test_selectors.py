"""Who is meant, where a row has no participant id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import SettingsError
from batchpatch.model import Criterion, InvalidRow, Row, RowContext
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.mapping import map_columns
from batchpatch.reading.records import Block
from batchpatch.reading.rows import RowMaker

if TYPE_CHECKING:
    from collections.abc import Callable

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
CUSTOMER = Criterion("purpose", "customer")
SECRET = "+15550100"


def of_csv(given: dict[str, str], **wanted: Any) -> Row | InvalidRow:
    """One record, under these columns, with an attribute to send."""
    header, cells = ["conversationId", *given, "attr.a"], [C, *given.values(), "x"]
    options = ReadOptions(**wanted)
    maker = RowMaker(map_columns(header, options, name="x"), options, source=0)
    (row,) = maker.rows(1, Block([1], [cells]))
    return row


def of_jsonl(given: dict[str, Any], **wanted: Any) -> Row | InvalidRow:
    """One line with these keys, and an attribute to send."""
    text = orjson.dumps({"conversationId": C, **given, "attributes": {"a": "x"}})
    (row,) = LineMaker(ReadOptions(**wanted), source=0).rows(1, Block([1], [text]))
    return row


def selector(row: Row | InvalidRow) -> tuple[Criterion, ...]:
    assert isinstance(row, Row), row
    assert row.participant_id == ""
    assert row.context is not None
    return row.context.selector


both = pytest.mark.parametrize("make", [of_csv, of_jsonl])


@both
@pytest.mark.parametrize(
    ("column", "cell", "criterion"),
    [
        ("purpose", " Customer", CUSTOMER),
        ("purpose", "\u200bcustomer\u200e", CUSTOMER),
        ("userId", f"{{{P.upper()}}}", Criterion("userId", P)),
        ("External ID", P.upper(), Criterion("externalContactId", P)),
        ("externalContactId", " CRM-7 ", Criterion("externalContactId", "CRM-7")),
        ("ANI", f" {SECRET}", Criterion("address", SECRET)),
        ("address", P.upper(), Criterion("address", P.upper())),
        ("match.Order No", " 12 ", Criterion("match", " 12 ", "Order No")),
    ],
)
def test_a_cell_selects_in_one_spelling(
    make: Callable[..., Row | InvalidRow], column: str, cell: str, criterion: Criterion
) -> None:
    """Look-ups compare; only what an attribute holds is compared as it stands."""
    assert selector(make({column: cell})) == (criterion,)


@both
def test_all_that_a_row_says_must_fit(make: Callable[..., Row | InvalidRow]) -> None:
    """In one order, so that rows that mean the same person say the same."""
    given = {"match.b": "2", "ani": SECRET, "purpose": "customer", "match.a": "1", "userId": ""}
    expected = (
        CUSTOMER,
        Criterion("address", SECRET),
        Criterion("match", "1", "a"),
        Criterion("match", "2", "b"),
    )
    assert selector(make(given)) == expected
    assert selector(make(dict(reversed(given.items())))) == expected


@both
def test_two_columns_for_one_thing_must_both_fit(make: Callable[..., Row | InvalidRow]) -> None:
    """Exports have both `address` and `ani`: no reason to refuse them, nor to choose."""
    assert selector(make({"address": SECRET, "ani": f"{SECRET} "})) == (
        Criterion("address", SECRET),
    )
    assert selector(make({"address": "a", "ani": "b"})) == (
        Criterion("address", "a"),
        Criterion("address", "b"),
    )


@both
@pytest.mark.parametrize("usual", [(), (CUSTOMER,)])
def test_an_id_counts_and_the_rest_is_not_looked_at(
    make: Callable[..., Row | InvalidRow], usual: tuple[Criterion, ...]
) -> None:
    """Inputs with ids behave as they did, whatever their other columns are called."""
    row = make({"participantId": P.upper(), "purpose": "agent", "ani": ""}, participant=usual)
    assert row == Row(1, 1, 0, C, P, ("a",), ("x",))


@both
@pytest.mark.parametrize("empty", ["", " "])
def test_where_the_id_is_empty_the_row_may_say_more(
    make: Callable[..., Row | InvalidRow], empty: str
) -> None:
    """What the row says comes before what the command line says for all of them."""
    for usual in ((), (CUSTOMER,)):
        row = make({"participantId": empty, "purpose": "agent"}, participant=usual)
        assert selector(row) == (Criterion("purpose", "agent"),)
    assert selector(make({"participantId": empty}, participant=(CUSTOMER,))) == (CUSTOMER,)
    assert selector(make({"purpose": empty}, participant=(CUSTOMER,))) == (CUSTOMER,)


@both
def test_a_broken_id_is_not_replaced_by_a_guess(make: Callable[..., Row | InvalidRow]) -> None:
    """Somebody was meant, and it may be somebody else."""
    row = make({"participantId": "oops", "purpose": "agent"}, participant=(CUSTOMER,))
    assert isinstance(row, InvalidRow)
    assert row.code == "bad_participant_id"


@both
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"participantId": ""}, "the participant id is empty"),
        ({"participantId": "", "purpose": " "}, "the participant id is empty"),
        ({"purpose": "", "match.x": ""}, "no cell says who"),
    ],
)
def test_a_row_that_names_nobody_is_told_what_it_could_say(
    make: Callable[..., Row | InvalidRow], given: dict[str, str], words: str
) -> None:
    """The hint has both ways out: a column, or an option for all rows."""
    row = make(given)
    assert isinstance(row, InvalidRow)
    assert row.code == "missing_participant"
    assert words in row.message
    assert "--participant customer" in row.hint
    assert "purpose, externalContactId, userId, address or match.NAME" in row.hint


@pytest.mark.parametrize("number", ["7", "1.10", "12345678901234567890123"])
def test_a_number_selects_with_the_digits_of_the_file(number: str) -> None:
    """As it would be sent; and it is text like any other afterwards."""
    text = f'{{"conversationId": "{C}", "match.n": {number}, "attributes": {{"a": "x"}}}}'
    (row,) = LineMaker(ReadOptions(), source=0).rows(1, Block([1], [text.encode()]))
    assert selector(row) == (Criterion("match", number, "n"),)
    assert type(selector(row)[0].value) is str


@pytest.mark.parametrize("value", [True, [SECRET], {"x": SECRET}, f"{SECRET}\0"])
@pytest.mark.parametrize("field", ["ani", "match.x"])
def test_what_is_no_text_selects_nobody(field: str, value: object) -> None:
    """An invalid row, without the value; where there is an id nobody looks at it."""
    row = of_jsonl({field: value})
    assert isinstance(row, InvalidRow)
    assert row.code == "bad_selector"
    assert SECRET not in str(row)
    assert isinstance(of_jsonl({field: value, "participantId": P}), Row)


@given(
    given=st.dictionaries(
        st.sampled_from(["participantId", "purpose", "externalId", "userId", "ani", "match.x"]),
        st.text(max_size=8) | st.sampled_from(["", " ", P, "\0", f"{{{P}}}"]),
        min_size=1,
    ),
    usual=st.sampled_from([(), (CUSTOMER,)]),
)
def test_any_cells_are_a_row_or_an_invalid_one(
    given: dict[str, str], usual: tuple[Criterion, ...]
) -> None:
    """A row has an id or says who is meant, never both and never neither."""
    for row in (of_csv(given, participant=usual), of_jsonl(given, participant=usual)):
        if isinstance(row, Row):
            assert bool(row.participant_id) != bool(row.context and row.context.selector)
            assert all(one.value for one in (row.context or RowContext()).selector)
        else:
            assert row.hint.endswith(".")


def test_rows_that_say_the_same_share_what_they_say() -> None:
    """A million customers are not a million notes; and what is remembered is bounded."""
    options = ReadOptions()
    mapping = map_columns(["conversationId", "purpose", "attr.a"], options, name="x")
    maker = RowMaker(mapping, options, source=0)
    records = [[C, "customer", str(n + 1)] for n in range(100)]
    rows = maker.rows(1, Block(range(100), records)) + maker.rows(1, Block(range(100), records))
    assert len({id(row.context) for row in rows if isinstance(row, Row)}) == 1
    maker.rows(1, Block(range(3000), [[C, f"p{n}", "x"] for n in range(3000)]))
    maker.rows(1, Block([1], [[C, "x" * 100_000, "x"]]))
    assert len(maker._selectors._known) <= 1000
    assert sum(len(cell) for key in maker._selectors._known for cell in key) < 100_000


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("customer", CUSTOMER),
        (" Customer ", CUSTOMER),
        ("purpose=External", Criterion("purpose", "external")),
        ("PURPOSE = customer", CUSTOMER),
        (f"userId={P.upper()}", Criterion("userId", P)),
        (f"external_id={{{P}}}", Criterion("externalContactId", P)),
        ("externalContactId=crm:7", Criterion("externalContactId", "crm:7")),
        (f"address={SECRET}", Criterion("address", SECRET)),
        (f"ani={SECRET}", Criterion("address", SECRET)),
        ("match.Tier=a=b", Criterion("match", "a=b", "Tier")),
    ],
)
def test_one_option_names_the_participant_of_all_rows(text: str, criterion: Criterion) -> None:
    """A word is a purpose; FIELD=VALUE is spelled as a column would be."""
    assert parse_participant(text) == (criterion,)
    assert selector(of_jsonl({}, participant=parse_participant(text))) == (criterion,)


@pytest.mark.parametrize(
    "text",
    ["", " ", "=", "customer=", "purpose=", "purpose= ", "the customer", P, f"purpose={P}",
     f"participantId={P}", "match.=x", "match.x=", "match.x= ", "queue=7", "match=x", SECRET],
)  # fmt: skip
def test_an_option_that_names_nobody_is_refused_in_one_sentence(text: str) -> None:
    """An id holds for one conversation alone, and a mistyped field would select nobody."""
    with pytest.raises(SettingsError, match=r"^--participant takes a purpose") as caught:
        parse_participant(text)
    assert SECRET not in str(caught.value)


@given(text=st.text(max_size=12) | st.text(max_size=6).map("match.x={}".format))
def test_any_option_names_somebody_or_is_refused(text: str) -> None:
    """Never a traceback, whatever the shell hands over."""
    try:
        (criterion,) = parse_participant(text)
    except SettingsError:
        return
    assert ReadOptions(participant=(criterion,)).participant == (criterion,)


def test_a_job_of_ids_alone_is_read(read: Callable[..., list[Row | InvalidRow]]) -> None:
    """`run ids.csv --participant customer --set campaign=closed`, through the whole stage."""
    wanted: dict[str, Any] = {
        "participant": parse_participant("customer"),
        "constants": {"campaign": "closed"},
    }
    rows = read(f"conversationId\n{C}\n\n{P}\noops\n".encode(), **wanted)
    context = RowContext(selector=(CUSTOMER,))
    assert rows[:2] == [
        Row(1, 2, 0, C, "", ("campaign",), ("closed",), context),
        Row(2, 4, 0, P, "", ("campaign",), ("closed",), context),
    ]
    assert isinstance(rows[2], InvalidRow)
    assert read(f'{{"conversationId": "{C}"}}\n'.encode(), "a.jsonl", **wanted) == [
        Row(1, 1, 0, C, "", ("campaign",), ("closed",), context)
    ]


def test_a_selector_helps_to_find_the_delimiter(
    read: Callable[..., list[Row | InvalidRow]],
) -> None:
    """It is a column that is known, like an id."""
    data = f"Ticket;ani;a,b,c,d\n{C};{SECRET};x\n".encode()
    (row,) = read(data, columns={"conversation": "Ticket"}, attributes=("a,b,c,d",))
    assert selector(row) == (Criterion("address", SECRET),)


@both
@pytest.mark.parametrize("cell", ["", " ", "\u200b", "\ufeff\xa0"])
def test_a_participant_id_of_nothing_that_is_seen_is_empty(
    make: Callable[..., Any], cell: str
) -> None:
    """Who is meant then is what the row, or the user, says otherwise."""
    row = make({"participantId": cell}, participant=(CUSTOMER,))
    assert selector(row) == (CUSTOMER,)


@both
@pytest.mark.parametrize(("column", "is_row"), [("address", False), ("match.order", True)])
def test_a_number_that_lost_its_digits_finds_nobody(
    make: Callable[..., Any], column: str, is_row: bool
) -> None:
    """An address is compared by its digits, and those of 4.91511E+12 are another one's; a value
    that a participant has is compared to the letter."""
    row = make({column: "4.91511E+12"})
    assert isinstance(row, Row) is is_row
    if isinstance(row, InvalidRow):
        assert row.code == "bad_selector"
        assert "spreadsheet" in row.hint
