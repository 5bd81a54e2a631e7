"""Who is meant: what fits, what does not, and what is said where nobody or several do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from batchpatch.finding.matching import Mismatch, choose, matches, plain_address
from batchpatch.model import Criterion

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.genesys.conversations.conversation import Conversation, Participant

    Person = Callable[..., Participant]
    Talk = Callable[..., Conversation]

ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CUSTOMER = (Criterion("purpose", "customer"),)


@pytest.mark.parametrize(
    ("criterion", "fields", "expected"),
    [
        (Criterion("purpose", " Customer"), {"purpose": "CUSTOMER"}, True),
        (Criterion("purpose", "agent"), {"purpose": "customer"}, False),
        (Criterion("userId", "{" + ID.upper() + "}"), {"user_id": ID}, True),
        (Criterion("userId", ID), {"external_contact_id": ID}, False),
        (Criterion("externalContactId", ID.upper()), {"external_contact_id": ID}, True),
        (Criterion("address", "+1 (317) 555-0100"), {"addresses": ("tel:+13175550100",)}, True),
        (Criterion("address", "13175550100"), {"addresses": ("x", "tel:+13175550100")}, True),
        (Criterion("address", "3175550100"), {"addresses": ("tel:+13175550100",)}, False),
        (Criterion("address", "anna@Example.org"), {"addresses": ("sip:Anna@example.org",)}, True),
        (Criterion("match", "42", "order"), {"attributes": {"order": "42"}}, True),
        (Criterion("match", "42 ", "order"), {"attributes": {"order": "42"}}, False),
        (Criterion("match", "42", "Order"), {"attributes": {"order": "42"}}, False),
        (Criterion("match", "", "order"), {"attributes": {"order": ""}}, True),
    ],
)
def test_each_field_is_compared_in_its_way(
    a_person: Person, criterion: Criterion, fields: dict[str, Any], expected: bool
) -> None:
    """Spelling does not matter where people and systems spell differently; a value's does."""
    assert matches(a_person("p", **fields), (criterion,)) is expected


@pytest.mark.parametrize("field", ["purpose", "userId", "externalContactId", "address"])
def test_what_is_not_told_fits_nothing(
    a_person: Person, field: Literal["purpose", "userId", "externalContactId", "address"]
) -> None:
    """An empty cell must not find the participants that have no such thing."""
    nameless = a_person("p", "", addresses=("", "tel:"))
    assert matches(nameless, (Criterion(field, ""),)) is False


def test_all_criteria_must_fit(a_person: Person) -> None:
    """Two together tell apart what one cannot."""
    both = (Criterion("purpose", "agent"), Criterion("userId", "u"))
    assert matches(a_person("p", "agent", user_id="u"), both) is True
    assert matches(a_person("p", "agent", user_id="v"), both) is False


def test_a_source_may_not_be_able_to_tell(a_person: Person) -> None:
    """Analytics has no attributes and no addresses, which is not the same as "does not fit"."""
    told = a_person("p", attributes=None)
    for unknown in (Criterion("match", "x", "a"), Criterion("address", "+1")):
        assert matches(told, (unknown,)) is None
        assert matches(told, (*CUSTOMER, unknown)) is None
        assert matches(told, (Criterion("purpose", "agent"), unknown)) is False


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("tel:+49 (0)89/123-45", "4908912345"),
        ("TEL:\u202a+1.317\u00a0555\u202c", "1317555"),
        ("sips:A B@C", "ab@c"),
        ("sip:+49123@10.0.0.1", "+49123@10.0.0.1"),
        ("+1317;ext=5", "+1317;ext=5"),
        ("Stra\u00dfe", "strasse"),
        ("-", ""),
    ],
)
def test_an_address_in_its_plain_form(text: str, plain: str) -> None:
    """Numbers come from spreadsheets and copied web pages, with marks that nobody sees."""
    assert plain_address(text) == plain


def test_the_one_that_fits_is_chosen(a_person: Person, a_talk: Talk) -> None:
    """A conversation has an agent and a flow beside the customer: they are not written to."""
    found = choose(a_talk("c", a_person("a", "agent"), a_person("b")), CUSTOMER, "refuse")
    assert isinstance(found, list)
    assert [one.id for one in found] == ["b"]


@pytest.mark.parametrize(
    ("ambiguous", "expected"), [("first", ["a"]), ("last", ["c"]), ("all", ["a", "b", "c"])]
)
def test_of_several_the_user_says_which(
    a_person: Person, a_talk: Talk, ambiguous: Any, expected: list[str]
) -> None:
    """In order of joining, as the conversation lists them."""
    found = choose(a_talk("c", *map(a_person, "abc")), CUSTOMER, ambiguous)
    assert isinstance(found, list)
    assert [one.id for one in found] == expected


def test_several_are_never_guessed_at(a_person: Person, a_talk: Talk) -> None:
    """The ids are named, so that the user can name one; not endlessly."""
    found = choose(a_talk("c", *map(a_person, "ab")), CUSTOMER, "refuse")
    assert isinstance(found, Mismatch)
    assert (found.code, found.message) == ("ambiguous_participant", "2 participants fit: a, b")
    assert "--ambiguous first, last or all" in found.hint
    many = choose(a_talk("c", *map(a_person, "abcdefgh")), CUSTOMER, "refuse")
    assert isinstance(many, Mismatch)
    assert many.message == "8 participants fit: a, b, c, d, e and 3 more"


@pytest.mark.parametrize(
    ("purposes", "message"),
    [
        (
            ["customer", "agent", "agent"],
            "none of its 3 participants fits: customer, agent 2",
        ),
        (["agent"], "its only participant does not fit: agent"),
        ([], "the conversation has no participants"),
        (["agent\n", "", "x" * 99], "none of its 3 participants fits: other 3"),
        (list("abcdefg"), "none of its 7 participants fits: a, b, c, d, e and 2 more"),
    ],
)
def test_where_nobody_fits_it_says_who_is_there(
    a_person: Person, a_talk: Talk, purposes: list[str], message: str
) -> None:
    """What was found, so that a wrong purpose shows; and no more than words of the platform."""
    people = [a_person(str(number), purpose) for number, purpose in enumerate(purposes)]
    found = choose(a_talk("c", *people), (Criterion("purpose", "external"),), "all")
    assert isinstance(found, Mismatch)
    assert (found.code, found.message) == ("participant_not_found", message)


def test_no_data_of_people_is_told(a_person: Person, a_talk: Talk) -> None:
    """Results go to logs and tickets: neither the row's cell nor the platform's values."""
    secret = a_person("p", attributes={"order": "s3cret"}, addresses=("tel:+1999",))
    selector = (Criterion("match", "wanted", "order"), Criterion("address", "+1777"))
    found = choose(a_talk("c", secret), selector, "refuse")
    assert isinstance(found, Mismatch)
    for text in ("s3cret", "1999", "wanted", "1777"):
        assert text not in str(found)
    assert "attribute" in found.hint
    assert "digits" in found.hint
