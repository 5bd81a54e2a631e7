"""The problems of a header: all at once, each with the words that mend it."""

from __future__ import annotations

import csv
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from batchpatch.cli.app import program
from batchpatch.options.read import ReadOptions
from batchpatch.reading.column_guesses import holds_ids
from batchpatch.reading.header_problems import HeaderError
from batchpatch.reading.mapping import map_columns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

C = "10c52dcf-a6e0-4161-ab18-72cb1751a690"
P = "929d00ed-653e-5179-9930-0ba179e0f780"
HEADER = ["Queue", "Conv ID", "Who", "Customer Tier"]
SAMPLE = [[P, C, P, "gold"], [P, C, P, ""]]


def refusal(header: list[str], sample: list[list[str]], **options: Any) -> HeaderError:
    with pytest.raises(HeaderError) as caught:
        map_columns(header, ReadOptions(**options), name="rows.csv", sample=sample)
    return caught.value


def test_a_prefix_that_is_nearly_one_is_no_name_of_an_attribute() -> None:
    """An attribute `atr.tier` would be there for ever; the column is meant to be `attr.tier`."""
    header = ["conversationId", "participantId", "atr.tier", "atributes.note", "city"]
    error = refusal(header, [[C, P, "gold", "", "Bonn"]])
    assert "--map attr.tier=atr.tier" in str(error)
    assert "--attributes" not in str(error)
    several = refusal(["conv", *header[1:]], [[C, P, "gold", "", "Bonn"]])
    words = "--map attr.tier=atr.tier --map attr.note=atributes.note"
    assert several.lines[-1].endswith(words)


@pytest.mark.parametrize("column", ["attribution.source", "addr.city", "art.no", "at.x"])
def test_a_word_of_its_own_is_no_prefix_of_an_attribute(column: str) -> None:
    """`attr.source` would take its place for ever, and nothing else would be offered."""
    error = refusal(["conversationId", "participantId", column], [[C, P, "x"]])
    assert f"--attributes {column}" in str(error)
    assert "--map" not in str(error)


def test_columns_that_are_one_cell_are_one_problem() -> None:
    """What else is missing is not known before they are parted, and the flag for that is all."""
    error = refusal(["conversationId participantId attr.tier"], [[f"{C} {P} gold"]])
    assert "Add --delimiter ' '" in str(error)
    assert "No attribute" not in str(error)
    assert "problems" not in str(error)


def test_all_problems_are_said_at_once() -> None:
    """One a try makes three tries, and the last line is what to paste."""
    error = refusal(HEADER, SAMPLE)
    head, conversation, participant, attribute, words = error.lines
    assert head == f"rows.csv has 3 problems in its header ({', '.join(HEADER)}):"
    assert "--map conversation='Conv ID' (its first rows hold ids)" in conversation
    assert "--map participant=Who (its first rows hold ids)" in participant
    assert "--participant customer" in participant
    assert "--attributes 'Customer Tier'" in attribute
    assert words == (
        "  Ready to paste: --map conversation='Conv ID' --map participant=Who "
        "--attributes 'Customer Tier'"
    )
    assert str(error) == " ".join(line.strip() for line in error.lines)


def test_a_column_without_a_name_is_no_words_to_paste() -> None:
    """No flag can name it, and `--map participant=(no name)` is an error of the shell."""
    error = refusal(["Conv ID", "", "Tier"], [[C, P, "gold"]])
    assert error.lines[-1] == (
        "  To paste, with what (2) asks for: --map conversation='Conv ID' --attributes Tier"
    )
    assert "(no name)" not in " ".join(error.lines[1:])


def test_what_is_ready_to_paste_works() -> None:
    """It is typed as a shell wants it, and mends what it is about."""
    columns = {"conversation": "Conv ID", "participant": "Who"}
    mapping = map_columns(
        HEADER, ReadOptions(columns=columns, attributes=("Customer Tier",)), name="rows.csv"
    )
    assert (mapping.conversation, mapping.participant, mapping.names) == (1, 2, ("Customer Tier",))


@pytest.mark.parametrize(
    ("header", "left_out"),
    [
        (["Conv ID", "Who", "tier", "a, b", "note", "Note", "queue"], "a, b"),
        (["Conv ID", "Who", "tier", "score"], ""),
        (["Conv ID", "Who", "tier", *(f"a rather long name {nth}" for nth in range(9))], ""),
    ],
)
def test_the_line_to_paste_is_taken_by_the_program(
    header: list[str], left_out: str, tmp_path: Path
) -> None:
    """All of it: a line that mends the ids alone is followed by the next refusal. What no flag can
    name, or holds ids of something else, is not in it.
    """
    path = tmp_path / "rows.csv"
    cells = [C, P, *["x"] * (len(header) - 3), C if header[-1] == "queue" else "7"]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, cells])
    refused = CliRunner().invoke(program(), ["check", str(path)])
    assert isinstance(refused.exception, HeaderError)
    pasted = str(refused.exception).partition("Ready to paste: ")[2]
    words = shlex.split(pasted)
    done = CliRunner().invoke(program(), ["check", str(path), *words, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["valid"] == 1
    assert "tier" in document["attributes"]
    assert {left_out, "queue"}.isdisjoint(document["attributes"])


def test_a_wrap_up_is_pasted_where_one_column_is_left() -> None:
    """Of several, somebody has to choose: a note is no code."""
    header = ["Conv ID", "Who", "Result"]
    error = refusal(header, [[C, P, "Sale"]], write="wrapup")
    assert error.lines[-1].endswith("--map participant=Who --map code=Result")
    error = refusal([*header, "Note"], [[C, P, "Sale", ""]], write="wrapup")
    assert error.lines[-1].startswith("  To paste, with what (3) asks for: ")


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
    assert f"has no such column, did you mean {words}?" in error.lines[1]
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


@pytest.mark.parametrize(
    ("begin", "end", "advice"),
    [
        ("'", "'", """Add --quote "'" (in a CSV"""),
        ("`", "`", "Add --quote '`' (in a CSV"),
        ('="', '"', "Take them away"),
        ("[", "]", "Take them away"),
        ("\u201c", "\u201d", "Put plain ones in their place"),
    ],
)
@pytest.mark.parametrize(
    "columns", [["conversationId", "participantId", "attr.tier"], ["conversationId"]]
)
def test_names_in_quotes_are_no_names_to_paste(
    begin: str, end: str, advice: str, columns: list[str]
) -> None:
    """`--attributes "'attr.tier'"` would make an attribute of that name, with 'gold' in it."""
    error = refusal([f"{begin}{column}{end}" for column in columns], [[C, P, "gold"]])
    assert advice in str(error)
    assert "--map" not in str(error)
    assert "--attributes" not in str(error)


def test_quotes_after_a_blank_are_none(read: Callable[..., object]) -> None:
    """They would be part of the names, and of what is sent."""
    with pytest.raises(HeaderError, match="Delete the blanks behind delimiters") as caught:
        read(f'"conversationId", "participantId", "attr.a"\n"{C}", "{P}", "x"\n'.encode())
    assert "--attributes" not in str(caught.value)


def test_columns_that_are_not_divided_are_one_problem(read: Callable[..., object]) -> None:
    """`--attributes 'conversationId~participantId~attr.a'` is what nobody should paste."""
    with pytest.raises(HeaderError, match="tildes seem to separate") as caught:
        read(f"conversationId~participantId~attr.a\n{C}~{P}~x\n".encode())
    assert "--attributes" not in str(caught.value)
    assert "--delimiter '~'" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["name", "value"], "--map key=name"),
        (["Key", "Text"], "--map value=Text"),
        (["name", "note", "value"], "--map key=COLUMN"),
        (["value"], "--attributes value"),
        (["name", "note"], "--attributes name"),
    ],
)
def test_half_a_pair_is_no_attribute(columns: list[str], words: str) -> None:
    """`--attributes name,value` would make two attributes of these names, in every row."""
    error = refusal(["conversationId", "participantId", *columns], [[C, P, "a", "b", "c"]])
    assert words in str(error)
    assert ("--attributes name" in str(error)) == (words == "--attributes name")


def test_a_column_of_objects_may_be_the_attributes() -> None:
    """`--attributes data` would send a text of JSON as one attribute."""
    sample = [[C, P, '{"tier": "gold"}'], [C, P, ""]]
    error = refusal(["conversationId", "participantId", "data"], sample)
    assert "if they are the attributes, add --map attributes=data" in str(error)
    assert error.words == "--map attributes=data"


@pytest.mark.parametrize("cell", [f"{{{C}}}", "{name}", "{ 1 }"])
def test_what_stands_in_braces_is_no_object(cell: str) -> None:
    """A database writes its ids so; sent as the attributes each row would be invalid."""
    error = refusal(["conversationId", "participantId", "data"], [[C, P, cell]])
    assert "holds objects" not in str(error)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (["conversationId", "agentParticipantId", "customerParticipantId"], "participant"),
        (["origin_conversation_id", "conversation id 2", "participantId"], "conversation"),
    ],
)
def test_of_two_columns_none_is_pasted(header: list[str], field: str) -> None:
    """The agent's is as good a guess as the customer's, and writes to somebody else."""
    error = refusal([*header, "attr.tier"], [[C, P, P, "gold"]])
    assert f"--map {field}=COLUMN (" in str(error)
    assert "hold ids)" in str(error)
    assert error.words == ""
