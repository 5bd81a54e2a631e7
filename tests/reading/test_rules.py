"""Rules for values: what fits them, and what becomes of a row that does not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import InputError, SettingsError
from batchpatch.model import InvalidRow, Row
from batchpatch.options.read import ReadOptions
from batchpatch.reading.kinds import choose_kind
from batchpatch.reading.reader import Reader
from batchpatch.reading.rules import DateForm, Rule, Rules
from batchpatch.reading.rules_file import load_rules, refuse_changed_rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Read = Callable[..., list[Row | InvalidRow]]

C = "10c52dcf-a6e0-4161-ab18-72cb1751a690"
P = "929d00ed-653e-5179-9930-0ba179e0f780"
RULES = """
[attributes.tier]
required = true
allowed = ["gold", "silver"]

[attributes.note]
max_bytes = 5

[attributes.due]
date = "%Y-%m-%d"

[attributes.case]
pattern = 'case-\\d+'
"""
GOOD = {"tier": "gold", "note": "short", "due": "2026-02-28", "case": "case-1"}


@pytest.fixture
def rules(tmp_path: Path) -> Callable[[str], str]:
    """Writes rules into a file and returns its path."""

    def write(text: str = RULES) -> str:
        path = tmp_path / "rules.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def as_csv(*rows: dict[str, str]) -> bytes:
    lines = [f"{C},{P}," + ",".join(row.get(name, "") for name in GOOD) for row in rows]
    header = "conversationId,participantId," + ",".join(f"attr.{name}" for name in GOOD)
    return "\n".join([header, *lines, ""]).encode()


def as_jsonl(*rows: dict[str, str]) -> bytes:
    lines = [{"conversationId": C, "participantId": P, "attributes": row} for row in rows]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


SHAPES = [(as_csv, "a.csv"), (as_jsonl, "a.jsonl")]
BREACHES = [
    ({"tier": "brass"}, "rule_allowed"),
    ({"note": "längs"}, "rule_max_bytes"),
    ({"note": "lengthy"}, "rule_max_bytes"),
    ({"due": "2026-02-29"}, "rule_date"),
    ({"due": "2026-2-1"}, "rule_date"),
    ({"case": "case-1 and more"}, "rule_pattern"),
]


@pytest.mark.parametrize(("shape", "name"), SHAPES)
@pytest.mark.parametrize(("bad", "code"), BREACHES)
def test_a_breach_is_an_invalid_row(
    read: Read,
    rules: Callable[[], str],
    shape: Callable[..., bytes],
    name: str,
    bad: dict[str, str],
    code: str,
) -> None:
    """Wherever it is in a block; its neighbours are sent. The value is not in the sentence."""
    rows = read(shape(GOOD, GOOD | bad, GOOD), name, rules_file=rules())
    assert [getattr(row, "code", None) for row in rows] == [None, code, None]
    assert isinstance(rows[1], InvalidRow)
    [value] = bad.values()
    assert value not in rows[1].message + rows[1].hint
    assert rows[1].conversation_id == C


@pytest.mark.parametrize(("shape", "name"), SHAPES)
def test_what_is_required_must_be_there(
    read: Read, rules: Callable[[], str], shape: Callable[..., bytes], name: str
) -> None:
    """An empty text is not there either; what is not required may be left out."""
    without = {key: value for key, value in GOOD.items() if key != "tier"}
    rows = read(shape(GOOD, without, {"tier": "gold"}), name, rules_file=rules())
    assert [getattr(row, "code", None) for row in rows] == [None, "rule_required", None]
    [empty] = read(as_jsonl({"tier": ""}), "a.jsonl", rules_file=rules())
    assert isinstance(empty, InvalidRow)
    assert empty.code == "rule_required"


def test_a_value_may_be_left_out(write: Callable[..., str], rules: Callable[[str], str]) -> None:
    """The rest of the row is sent, and how many were left out is said; what is required cannot
    be."""
    path = rules(RULES.replace("[attributes.tier]", 'on_breach = "drop"\n[attributes.tier]', 1))
    rows = [GOOD | {"due": "soon"}, GOOD | {"due": "later", "note": "too long"}, {"note": "x"}]
    reader = Reader([write(as_csv(*rows))], ReadOptions(rules_file=path))
    first, second, third = (row for batch in reader for row in batch.rows)
    assert first.names == ("tier", "note", "case")
    assert second.names == ("tier", "case")
    assert isinstance(third, InvalidRow)
    assert "'due': 2 values were left out by the rule date." in reader.notices
    assert "'note': 1 value was left out by the rule max_bytes." in reader.notices


@pytest.mark.parametrize(("shape", "name"), SHAPES)
def test_a_breach_may_refuse_the_file(
    read: Read, rules: Callable[[str], str], shape: Callable[..., bytes], name: str
) -> None:
    """With the line, so that it can be mended."""
    path = rules(RULES.replace("max_bytes = 5", 'max_bytes = 5\non_breach = "refuse"'))
    line = 3 if shape is as_csv else 2
    with pytest.raises(InputError, match=rf"^Line {line} of .*'note' is longer .* At most 5 bytes"):
        read(shape(GOOD, GOOD | {"note": "too long"}), name, rules_file=path)


@pytest.mark.parametrize("order", [("tier", "note"), ("note", "tier")])
def test_the_worst_of_several_breaches_counts(
    read: Read, rules: Callable[[str], str], order: tuple[str, str]
) -> None:
    """A file that a rule refuses was sent where its row was invalid for another reason as well."""
    tables = {
        "tier": "[attributes.tier]\nallowed = ['gold']",
        "note": "[attributes.note]\nmax_bytes = 5\non_breach = 'refuse'",
    }
    path = rules("\n".join(tables[name] for name in order))
    with pytest.raises(InputError, match="'note' is longer"):
        read(as_csv({"tier": "bad", "note": "too long"}), "a.csv", rules_file=path)


def test_what_an_invalid_row_would_have_left_out_is_not_counted(
    write: Callable[..., str], rules: Callable[[str], str]
) -> None:
    """Nothing of it is sent, so nothing was left out of it."""
    path = rules(
        "[attributes.note]\nmax_bytes = 5\non_breach = 'drop'\n"
        "[attributes.tier]\nallowed = ['gold']"
    )
    reader = Reader(
        [write(as_csv({"tier": "bad", "note": "too long"}))], ReadOptions(rules_file=path)
    )
    [row] = [row for batch in reader for row in batch.rows]
    assert isinstance(row, InvalidRow)
    assert list(reader.notices) == []


@pytest.mark.parametrize(("shape", "name"), SHAPES)
def test_names_may_be_limited_to_those_of_the_file(
    read: Read, rules: Callable[[str], str], shape: Callable[..., bytes], name: str
) -> None:
    """As --only-keys, whose list is then at home with the rules."""
    path = rules("only_listed = true\n[attributes.tier]\n[attributes.note]\n[attributes.due]\n")
    [row] = read(shape(GOOD), name, rules_file=path)
    assert isinstance(row, InvalidRow)
    assert (row.code, "'case' is not in the rules" in row.message) == ("unexpected_key", True)


def test_a_plan_has_what_changes_alone(read: Read, rules: Callable[[str], str]) -> None:
    """What it does not change is not missing."""
    line = {
        "conversationId": C,
        "participantId": P,
        "attributes": {"note": "x"},
        "organisation": P,
        "region": "mypurecloud.com",
        "before": {"note": None},
    }
    [row] = read(json.dumps(line).encode(), "a.jsonl", rules_file=rules(RULES))
    assert isinstance(row, Row)


values = st.sampled_from(
    ["", "gold", "brass", "2026-01-31", "2026-02-30", "case-7", "ä" * 3, "x" * 9]
)


@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(GOOD, values)), min_size=1, max_size=8))
def test_a_column_at_a_time_or_a_row_at_a_time(rows: list[dict[str, str]]) -> None:
    """The fast way and the slow one agree."""
    made = Rules(
        [
            Rule(name="tier", required=True, allowed=frozenset({"gold", "case-7"})),
            Rule(name="note", max_bytes=6),
            Rule(name="due", date=DateForm("%Y-%m-%d")),
            Rule(name="case", pattern=re.compile(".*[-d].*")),
        ],
        only_listed=False,
        name="x",
    )
    single = [
        all(rule.breach(row[rule.name]) is None for rule in made._rules.values()) for row in rows
    ]
    cells = [tuple(row[name] for name in GOOD) for row in rows]
    assert made.fit(tuple(GOOD), cells) == all(single)
    assert [made.fit(tuple(GOOD), [one]) for one in cells] == single


@given(moment=st.datetimes(), form=st.sampled_from(["%Y-%m-%d", "%d.%m.%Y %H:%M:%S", "%d %b %Y"]))
def test_a_date_fits_its_form_and_no_other(moment: Any, form: str) -> None:
    """`strptime` alone takes one digit for two."""
    text = moment.strftime(form)
    assert DateForm(form).fits(text) == (len(str(moment.year)) == 4)
    assert not DateForm(form).fits(f"{text} ")
    assert not DateForm("%Y%m%d").fits(text)


def test_a_form_may_have_a_zone() -> None:
    """It is tried before it is taken, and that moment has one."""
    assert DateForm("%Y-%m-%dT%H:%M:%S%z").fits("2026-11-26T12:00:00+0100")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[attributes.tier", "no TOML"),
        ("", "it has no rules"),
        ("attributes = 1", "a table of its own"),
        ("[attribute.tier]\nrequired = true", "'attribute', which is unknown: did you mean attr"),
        ("[attributes.tier]\nrequire = true", "[attributes.tier] has 'require', which is unknown"),
        ("[attributes.'a b']\nrequired = 1", "required of [attributes.'a b'] is true or false"),
        ("[attributes.a]\nallowed = [1]", "allowed of [attributes.a] is a list of texts"),
        ("[attributes.a]\nallowed = []", "a list of texts"),
        ("[attributes.a]\npattern = '('", "no regular expression (missing ), unterminated"),
        ("[attributes.a]\nmax_bytes = 0", "a number of bytes, from 1"),
        ("[attributes.a]\ndate = 'YYYY'", "no form of dates (it has no part such as %Y)"),
        ("[attributes.a]\ndate = '%Y-%Q'", "no form of dates ('Q' is a bad directive in format"),
        ("[attributes.a]\non_breach = 'skip'", "one of invalid, drop, refuse"),
        ("only_listed = 1\n[attributes.a]", "only_listed is true or false"),
    ],
)
def test_rules_that_cannot_be_used(rules: Callable[[str], str], text: str, words: str) -> None:
    """A rule that is not understood would let everything pass."""
    with pytest.raises(SettingsError) as caught:
        load_rules(ReadOptions(rules_file=rules(text)), name="x")
    assert words in str(caught.value)
    assert str(caught.value).startswith("--rules /")


def test_rules_that_have_changed_since_are_refused(rules: Callable[[str], str]) -> None:
    """The rows before were judged by what they were."""
    begun = choose_kind([], ReadOptions(rules_file=rules(RULES))).options
    assert load_rules(begun, name="x") is not None
    rules(RULES + "\n")
    assert load_rules(begun, name="x") is not None  # what goes on here ends with the same
    with pytest.raises(SettingsError, match="has changed"):
        refuse_changed_rules(begun)


def test_names_that_differ_by_case_or_spaces_are_said(write: Callable[..., str]) -> None:
    """Both would be there for ever."""
    data = as_jsonl({"Tier": "x"}, {"tier": "x"}, {"ti er": "x", "other": "x"})
    reader = Reader([write(data, "a.jsonl")], ReadOptions())
    list(reader)
    told = [notice for notice in reader.notices if "differ only by case or spaces" in notice]
    assert len(told) == 2
    assert told[0].startswith("'Tier' and 'tier'")


@pytest.mark.parametrize(("shape", "name"), SHAPES)
def test_rows_too_large_for_the_search_are_said(
    write: Callable[..., str], shape: Callable[..., bytes], name: str
) -> None:
    """They are sent all the same; bytes count, not characters."""
    rows = [
        GOOD,
        {"note": "x" * 19_000},
        {"note": "ä" * 10_000, "case": "1"},
        {"tier": "y" * 30_000},
    ]
    reader = Reader([write(shape(*rows), name)], ReadOptions())
    assert all(isinstance(row, Row) for batch in reader for row in batch.rows)
    [told] = [notice for notice in reader.notices if "20 KB" in notice]
    assert told.startswith(f"2 rows hold more than 20 KB of attributes (line {4 - ('j' in name)})")
