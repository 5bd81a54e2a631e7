"""Rows are made at three speeds. Each thing that the fast ones must notice, they notice."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading.csv_records import is_blank
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.mapping import map_columns
from batchpatch.reading.records import Block
from batchpatch.reading.row_errors import bad_quotes
from batchpatch.reading.rows import RowMaker

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
SOUND: dict[str, Any] = {
    "conversationId": C,
    "participantId": P,
    "attributes": {"a": "x", "b": "y"},
}


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b" \r",
        b"{",
        b"[1, 2, 3]",
        b'"abc"',
        *(
            orjson.dumps({**SOUND, "attributes": {"a": "x", "b": value}})
            for value in ("", "n\0", "\\0", None, True, 1.5, [], {}, "é")
        ),
        *(
            orjson.dumps({**SOUND, "attributes": value})
            for value in (None, "abc", [], {}, {"c": "1"})
        ),
        *(
            orjson.dumps({**SOUND, "participantId": value})
            for value in (P.upper(), "", None, 5, [P])
        ),
        orjson.dumps({**SOUND, "note": "z"}),
        orjson.dumps({**SOUND, "Attributes": {}}),
        orjson.dumps({"note": 1, "conversationId": C, "participantId": P}),
        orjson.dumps(dict(reversed(SOUND.items()))),
        orjson.dumps({**SOUND, "attributes": {"b": "y", "a": "x"}}),
        orjson.dumps({**SOUND, "purpose": "agent"}),
        orjson.dumps({**SOUND, "participantId": "", "purpose": "agent"}),
        orjson.dumps({"conversationId": C, "attributes": {"a": "x", "b": "y"}}),
        orjson.dumps({"conversationId": C, "purpose": "agent", "attributes": SOUND["attributes"]}),
        orjson.dumps({**SOUND, "organisation": "o", "before": {}}),
        orjson.dumps({**SOUND, "organisation": "o", "before": "x"}),
    ],
)
@pytest.mark.parametrize("wanted", [{}, {"participant": parse_participant("customer")}])
@pytest.mark.parametrize(
    "sound",
    [
        SOUND,
        {"conversationId": C, "attributes": SOUND["attributes"]},
        {"conversationId": C, "attributes": SOUND["attributes"], "note": "z"},
        {**SOUND, "organisation": "o", "before": "x"},
    ],
)
def test_one_odd_line_among_sound_ones_is_seen(
    odd: bytes, wanted: dict[str, Any], sound: dict[str, Any]
) -> None:
    """Each thing that the fast ways must notice, in a block where nothing else stops them."""
    line = orjson.dumps(sound)
    texts = [line, line, odd, line]
    slow, fast = (LineMaker(ReadOptions(**wanted), source=0) for _ in range(2))
    kept = [(line, text) for line, text in enumerate(texts, 1) if text.strip()]
    expected = [slow.slow_path(n, line, text) for n, (line, text) in enumerate(kept, 1)]
    for _ in range(2):
        assert fast.rows(1, Block(range(1, 5), texts)) == expected


@pytest.mark.parametrize(
    "odd",
    [
        [],
        [" "],
        [""],
        [C, P],
        [C, P, "x", "y", ""],
        [C, P, "x", "y", "z"],
        [C, P, "", "y"],
        [C, P, "", ""],
        [C.upper(), P, "x", "y"],
        [C, f"{{{P}}}", "x", "y"],
        ["", P, "x", "y"],
        [C, f"{P},", "x", "y"],
        [f"\u200b{C}", P, "x", "y"],
        [C, f'="{P}"', "x", "y"],
        ["", " ", "", ""],
        ["none", P, "x", "y"],
        [C, "none", "x", "y"],
        [C, P, "none", "y"],
        [C, P, " none", "1.2E+15"],
        bad_quotes(3, 3),
    ],
)
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"empty": "set"},
        {"constants": {"c": "1"}},
        {"null": ("none",)},
        {"null": ("none", "x"), "empty": "set", "participant": parse_participant("customer")},
    ],
)
def test_one_odd_record_among_sound_ones_is_seen(odd: list[str], wanted: dict[str, Any]) -> None:
    """Each thing that the fast ways must notice, in a block where nothing else stops them."""
    header, sound = ["conversationId", "participantId", "attr.a", "attr.b"], [C, P, "x", "y"]
    records = [sound, sound, odd, sound]
    options = ReadOptions(**wanted)
    mapping = map_columns(header, options, name="x")
    slow, fast = (RowMaker(mapping, options, source=0) for _ in range(2))
    kept = [(line, record) for line, record in enumerate(records, 1) if not is_blank(record)]
    expected = [slow.slow_path(n, line, record) for n, (line, record) in enumerate(kept, 1)]
    for _ in range(2):
        assert fast.rows(1, Block(range(1, 5), records)) == expected


@pytest.mark.parametrize(
    "odd",
    [
        [C, "", "customer", "x"],
        [C, "", "", "x"],
        [C, P, "customer", "x"],
        [C, "", "Agent ", "x"],
        [C, " ", "agent", "x"],
        [C, "oops", "agent", "x"],
        [C.upper(), "", "agent", "x"],
        ["", "", "agent", "x"],
        [C, "", "agent", ""],
        [C, ""],
    ],
)
@pytest.mark.parametrize("has_id", [True, False])
@pytest.mark.parametrize("wanted", [{}, {"participant": parse_participant("customer")}])
def test_one_odd_record_among_those_that_select_is_seen(
    odd: list[str], has_id: bool, wanted: dict[str, Any]
) -> None:
    """The same where who is meant is said by other columns, for all rows or for some."""
    header = ["conversationId", "participantId" if has_id else "x", "purpose", "attr.a"]
    sound = [C, P, "customer", "x"]
    records = [sound, sound, odd, sound]
    options = ReadOptions(**wanted)
    mapping = map_columns(header, options, name="x")
    slow, fast = (RowMaker(mapping, options, source=0) for _ in range(2))
    expected = [slow.slow_path(n, n, record) for n, record in enumerate(records, 1)]
    for _ in range(3):
        assert fast.rows(1, Block(range(1, 5), records)) == expected
