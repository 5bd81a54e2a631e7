"""A cell that is no id is told with what was done to it, as far as it can be told."""

from __future__ import annotations

import pytest

from batchpatch.reading.id_errors import bad_id

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("cell", "shown", "hint"),
    [
        ("1.23E+15", "'1.23E+15'", "format the column as text"),
        ("3,2e+05", "'3,2e+05'", "format the column as text"),
        ("NULL", "'NULL'", "makes it an empty cell"),
        ("#N/A", "'#N/A'", "--null '#N/A'"),
        (C.replace("-", ""), C.replace("-", ""), "hyphens are missing"),
        (C.replace("-", "\u2013"), "\\u2013", "U+2013 (en dash)"),
        ("\uff13" + C[1:], "\\uff13", "U+FF13 (fullwidth digit three)"),
        (f"{C[:9]}\u200b{C[9:]}", "\\u200b", "U+200B (zero width space), which cannot be seen"),
        (f"{C[:9]}\ufeff{C[9:]}", "\\ufeff", "U+FEFF"),
        (C[:30], C[:30], "end of it is missing"),
        (C[:4] + "\u0435" + C[5:], "\\u0435", "U+0435 (cyrillic small letter ie)"),
        (f"urn:uuid:{C}", f"urn:uuid:{C}", "An id is in it"),
        (f"https://x.y/{C}?z", "https://x.y/", "An id is in it"),
        (f"({C.upper()})", C.upper(), "An id is in it"),
        (f"{C}, {C}", C, "Several ids are in it"),
        (f"{C}0", f"{C}0", "copy it whole"),
        (f"{C}\0", "\\x00", "in another encoding"),
        ("########", "########", "wider than its column"),
        ("\x1b[31mred", "\\x1b[31mred", "copy it whole"),
        ("caf\u00e9", "caf\\xe9", "copy it whole"),
    ],
)
def test_a_cell_that_is_no_id(cell: str, shown: str, hint: str) -> None:
    """The cell is shown in ASCII, so that nothing in it is hidden or obeyed by a terminal."""
    error = bad_id("participant", cell)
    assert error.code == "bad_participant_id"
    assert error.message.startswith("the participant id is not a UUID: ")
    assert shown in error.message
    assert error.message.isascii()
    assert error.message.isprintable()
    assert hint in error.hint


def test_a_conversation_cannot_be_an_empty_cell() -> None:
    """The advice that helps for a participant would only make another invalid row here."""
    assert "--null" not in bad_id("conversation", "NULL").hint


def test_a_purpose_is_no_participant_id() -> None:
    """People write whom they mean where the id belongs; there is a column for that."""
    assert "call that column purpose" in bad_id("participant", " Customer ").hint
    assert "copy it whole" in bad_id("conversation", "customer").hint


def test_a_long_cell_is_shown_in_part() -> None:
    """A cell may hold megabytes."""
    assert len(bad_id("participant", "\u200b" * 10_000_000).message) < 500


@pytest.mark.parametrize("given", [None, "", 5, [C], {"id": C}])
def test_what_is_no_text_is_not_shown(given: object) -> None:
    """A JSON line may have anything there."""
    assert "[" not in bad_id("participant", given).message
