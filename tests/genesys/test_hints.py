"""Every final no says what to do, and never advises what the platform does not have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.hints import INVENTED_SCOPES, hint_for
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.writes.registry import find_route

ODD = {"custom": "/x/{conversation_id}/{participant_id}"}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(400, "bad.request"), "ids, names and values"),
        (Reply(401, "bad.credentials"), "client and its region"),
        (Reply(401, "credentials.expired"), "expired"),
        (Reply(403, "not.authorized", "not authorized"), "asks for no permission"),
        (
            Reply(403, "missing.any.permissions", "Missing: [conversation:communication:view]"),
            "Add the permission conversation:communication:view to a role",
        ),
        (Reply(404, "not.found"), "another region or organisation"),
        (Reply(409), "already left"),
        (Reply(413, "request.entity.too.large"), "split"),
        (Reply(415, "unsupported.media.type"), "content type"),
        (Reply(429), "--rate"),
        (Reply(503, "service.unavailable"), "later"),
        (Reply(418), "unexpected"),
        (NoReply("timeout", "", sent=True), "may have taken effect"),
        (NoReply("connection", "", sent=False), "Nothing was sent"),
        (NoReply("page", "", sent=True, title="Sign in"), "A page titled 'Sign in' of something"),
        (NoReply("page", "", sent=True), "the proxy, the region and --api-url"),
    ],
)
def test_the_hint_fits_the_answer(reply: Reply | NoReply, words: str) -> None:
    """What a user should check differs with the answer; these are the contract's cases."""
    assert words in hint_for(reply)


@pytest.mark.parametrize("scope", INVENTED_SCOPES)
@pytest.mark.parametrize("status", [401, 403])
def test_an_invented_scope_is_called_so(scope: str, status: int) -> None:
    """Users search their admin page in vain for a permission that only tutorials know."""
    hint = hint_for(Reply(status, "missing.permissions", f"needs [{scope}]"))
    assert f"{scope} is not a permission" in hint
    assert "conversation:communication:view" in hint


@pytest.mark.parametrize("route", ["participant", "interactions", "custom"])
def test_a_404_on_an_odd_route_names_the_right_one(route: str) -> None:
    """There the path is a likelier reason than the ids."""
    assert "--route attributes" in hint_for(
        Reply(404, "not.found"), route=find_route(ODD.get(route, route))
    )


@given(
    st.builds(
        Reply,
        st.integers(100, 999),
        st.none() | st.text(max_size=20),
        st.none() | st.text(max_size=40),
    )
)
def test_every_answer_has_a_hint_of_one_sentence(reply: Reply) -> None:
    """An empty hint column helps nobody, and one with a line break would spoil the report."""
    hint = hint_for(reply)
    assert hint.endswith(".")
    assert "\n" not in hint
