"""Names stand for ids: exactly, else without regard to case, and never for two things at once."""

from __future__ import annotations

import pytest

from batchpatch.model import InvalidRow, Outcome, Row
from batchpatch.writes.columns import RefusedError
from batchpatch.writes.listing import Listing, NameTable, resolved

A, B, C = (f"16fd2706-8baf-433b-82eb-8c7fada847d{end}" for end in "abc")
TABLE = NameTable({A: "Sale", B: "SALE", C: "Rückruf"}, "wrap-up code")
LISTING = Listing("code", "wrap-up code", "/x", "p:q:r", "/y", "s:t:u")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Sale", A),
        (" SALE ", B),
        ("RÜCKRUF", C),
        ("ru\u0308ckruf".replace("u\u0308", "u\u0308"), C),
    ],
)
def test_a_name_is_found_however_it_is_typed(name: str, found: str) -> None:
    """Exactly first: what tells two names apart may be their case; then as a person reads it."""
    assert TABLE.find(name) == found


def test_a_name_of_two_is_refused_with_both() -> None:
    """One of them would be wrong, and nobody knows which."""
    error = TABLE.find("sale")
    assert isinstance(error, RefusedError)
    assert error.code == "ambiguous_name"
    assert error.message == f"2 wrap-up codes have this name: {A}, {B}"


def test_a_name_of_none_is_refused_with_the_nearest() -> None:
    """It is a typo mostly; the cell itself is not told, it may be anything."""
    error = TABLE.find("Rueckruf")
    assert isinstance(error, RefusedError)
    assert (error.code, error.hint.partition(". ")[0]) == ("unknown_name", "The nearest: Rückruf")
    assert "Rueckruf" not in f"{error.message} {error.hint}"


def a_row(code: str) -> Row:
    return Row(1, 2, 0, A, B, ("code", "notes"), (code, "n"))


def test_ids_pass_and_names_become_ids() -> None:
    """What has an id needs no list, and the other values of a row stay."""
    rows = resolved([a_row(C), a_row("rückruf"), a_row("")], LISTING, TABLE)
    assert [row.values for row in rows if isinstance(row, Row)] == [(C, "n"), (C, "n"), ("", "n")]


def test_without_a_list_only_names_are_held_up() -> None:
    """Nothing is wrong with such a row: it is sent again once the list may be read."""
    why = RefusedError("names_denied", "m", "h")
    kept, held_up = resolved([a_row(C), a_row("Sale")], LISTING, why)
    assert kept == a_row(C)
    assert isinstance(held_up, InvalidRow)
    assert (held_up.code, held_up.outcome) == ("names_denied", Outcome.UNKNOWN)
