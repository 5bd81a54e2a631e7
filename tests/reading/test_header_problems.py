"""The problems of a header: all at once, each with the words that mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.options.read import ReadOptions
from batchpatch.reading.header_problems import HeaderError, holds_ids
from batchpatch.reading.mapping import map_columns

if TYPE_CHECKING:
    from collections.abc import Callable

C = "10c52dcf-a6e0-4161-ab18-72cb1751a690"
P = "929d00ed-653e-5179-9930-0ba179e0f780"
HEADER = ["Queue", "Conv ID", "Who", "Customer Tier"]
SAMPLE = [[P, C, P, "gold"], [P, C, P, ""]]


def refusal(header: list[str], sample: list[list[str]], **options: Any) -> HeaderError:
    with pytest.raises(HeaderError) as caught:
        map_columns(header, ReadOptions(**options), name="rows.csv", sample=sample)
    return caught.value


def test_all_problems_are_said_at_once() -> None:
    """One a try makes three tries, and the last line is what to paste."""
    error = refusal(HEADER, SAMPLE)
    head, conversation, participant, attribute, words = error.lines
    assert head == f"rows.csv has 3 problems in its header ({', '.join(HEADER)}):"
    assert "--map conversation='Conv ID' (its first rows hold ids)" in conversation
    assert "--map participant=Who (its first rows hold ids)" in participant
    assert "--participant customer" in participant
    assert "--attributes 'Customer Tier'" in attribute
    assert words == "  Ready to paste: --map conversation='Conv ID' --map participant=Who"
    assert str(error) == " ".join(line.strip() for line in error.lines)


def test_a_column_without_a_name_is_no_words_to_paste() -> None:
    """No flag can name it, and `--map participant=(no name)` is an error of the shell."""
    error = refusal(["Conv ID", "", "Tier"], [[C, P, "gold"]])
    assert error.lines[-1] == "  Ready to paste: --map conversation='Conv ID'"
    assert "(no name)" not in " ".join(error.lines[1:])


def test_what_is_ready_to_paste_works() -> None:
    """It is typed as a shell wants it, and mends what it is about."""
    columns = {"conversation": "Conv ID", "participant": "Who"}
    mapping = map_columns(
        HEADER, ReadOptions(columns=columns, attributes=("Customer Tier",)), name="rows.csv"
    )
    assert (mapping.conversation, mapping.participant, mapping.names) == (1, 2, ("Customer Tier",))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"columns": {"conversation": "convid2"}}, "--map conversation='Conv ID'"),
        ({"attributes": ("CustomerTire",)}, "--attributes 'Customer Tier'"),
        ({"attributes": ("tier",)}, "--attributes 'Customer Tier'"),
    ],
)
def test_a_column_that_is_not_there(flags: dict[str, Any], words: str) -> None:
    """Beside all else that is wrong, with the one that was meant; and it is not missing besides."""
    error = refusal(HEADER, [], **flags)
    assert f"has no such column, did you mean {words}" in error.lines[1]
    assert len({line.partition(":")[0] for line in error.lines}) == len(error.lines)
    assert words in error.lines[-1]


def test_a_misspelt_name_is_known_without_rows() -> None:
    """An empty table has a header all the same."""
    error = refusal(["ConversatonId", "participant", "attr.a"], [])
    assert "--map conversation=ConversatonId (did you mean that?)" in str(error)
    assert error.lines == ()


def test_ids_of_something_else_are_not_offered() -> None:
    """A queue has a UUID too."""
    error = refusal(["queueId", "attr.a"], [[C, "x"]], participant=())
    assert "--map conversation=COLUMN" in str(error)


def test_a_column_holds_ids_where_nearly_all_its_cells_do() -> None:
    """The first rows of a file are as good as any others: one may be broken."""
    sample = [[C, "x", ""], *[[C, C, C]] * 4, ["", C, C]]
    assert [holds_ids(at, sample) for at in range(4)] == [True, True, True, False]
    assert not holds_ids(1, [["", "x"], ["", C]])


def test_of_a_file_the_first_rows_tell(read: Callable[..., object]) -> None:
    """They are looked at, whatever the delimiter."""
    text = "Conv ID;Who;tier\n" + f"{C};{P};x\n" * 3
    with pytest.raises(HeaderError, match=r"Ready to paste: --map conversation='Conv ID' --map"):
        read(text.encode())
